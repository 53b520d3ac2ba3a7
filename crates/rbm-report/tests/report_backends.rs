//! The page that compares backends.

use rbm_report::{BackendRow, BackendsReport, StatedLikelihood, render_backends};

fn row(name: &str, kernels: &str, threads: Option<usize>, rate: f64, time: Option<f64>) -> BackendRow {
    BackendRow {
        name: name.into(),
        device: if threads.is_some() { "this processor".into() } else { "A <Graphics> Card".into() },
        kernels: kernels.into(),
        threads,
        samples_per_second: vec![rate, 0.9 * rate, 1.2 * rate],
        time_to_likelihood: time,
        ..BackendRow::default()
    }
}

fn report() -> BackendsReport {
    let absent = BackendRow {
        name: "wgpu:cpu".into(),
        kernels: "fused".into(),
        reason: Some("it failed".into()),
        ..BackendRow::default()
    };
    BackendsReport {
        title: "quick".into(),
        facts: vec![("machine".into(), "a small one".into())],
        backends: vec![
            row("flex", "fused", Some(1), 90_000.0, Some(2.0)),
            row("flex", "fused", Some(4), 400_000.0, Some(0.5)),
            row("flex", "composed", Some(1), 40_000.0, None),
            row("flex", "composed", Some(4), 100_000.0, Some(2.0)),
            row("wgpu", "fused", None, 1_234_567.0, Some(0.25)),
            row("wgpu", "composed", None, 800.0, None),
            absent,
        ],
        reference: Some(3),
        likelihood: Some(StatedLikelihood { nats: -110.0, rule: "as asked for".into() }),
        redraw_command: "rbm backends quick.toml".into(),
    }
}

#[test]
fn ratios_are_to_the_reference_and_above_one_where_a_row_is_faster() {
    let report = report();
    let rates: Vec<_> = report.backends.iter().map(|row| report.rate_ratio(row)).collect();
    let close = |found: Option<f64>, expected: f64| found.is_some_and(|ratio| (ratio - expected).abs() < 1e-12);
    assert!(close(rates[0], 0.9) && close(rates[1], 4.0) && close(rates[3], 1.0) && rates[6].is_none(), "{rates:?}");
    let times: Vec<_> = report.backends.iter().map(|row| report.time_ratio(row)).collect();
    assert_eq!(times, [Some(1.0), Some(4.0), None, Some(1.0), Some(8.0), None, None]);
    let alone = BackendsReport { reference: None, ..report };
    assert!(alone.backends.iter().all(|row| alone.rate_ratio(row).is_none() && alone.time_ratio(row).is_none()));
}

#[test]
fn page_shows_each_row_with_its_ratio_and_says_what_was_not_reached() {
    let page = render_backends(&report()).expect("a page");
    for text in [
        "wgpu (fused) with 1,234,567 training rows a second, 12.35 times the rate of flex (composed, 4 threads)",
        "wgpu (fused) is there first, after 0.250 s",
        "not reached",
        "are the same code of this program",
        "<b>wgpu:cpu (fused)</b>: it failed",
    ] {
        assert!(page.html.contains(text), "{text} is missing");
    }
    assert!(!page.html.contains("<Graphics>"));
    let files: Vec<&str> = page.figures.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(files, ["samples-per-second.svg", "time-to-likelihood.svg"]);
    assert!(page.figures[0].1.contains("400,000  (4.00 ×)"), "{}", page.figures[0].1);
    assert_eq!(page.figures[1].1.matches("not reached").count(), 2);
}

#[test]
fn page_without_a_likelihood_has_one_figure_and_no_column_for_it() {
    let page = render_backends(&BackendsReport { likelihood: None, ..report() }).expect("a page");
    assert_eq!(page.figures.len(), 1);
    assert!(!page.html.contains("sooner") && !page.html.contains("not reached"));
    let none = render_backends(&BackendsReport::default()).expect("a page");
    assert!(none.html.contains("No backend could be measured"));
}
