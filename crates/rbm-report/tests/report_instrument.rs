//! What the page shows of estimated log Z, of the gradient's bias, and of likelihoods at equal work.

mod helpers;

use helpers::{checked, parse, text};
use rbm_report::{Axis, CellReport, CellState, MetricPoint, Rendered, Report, render, standard_metrics};

const EPOCHS: [u32; 4] = [0, 1, 2, 4];

fn point(epoch: u32, split: &str, metric: &str, value: f64, stderr: Option<f64>) -> MetricPoint {
    MetricPoint { step: u64::from(epoch) * 10, epoch, split: split.into(), metric: metric.into(), value, stderr }
}

/// A cell that trains with k Gibbs steps: 10 updates an epoch, each `3 + 2 k` multiply-adds.
fn cell(settings: &[(&str, &str)], k: u32, seed: u64) -> CellReport {
    let mut metrics = Vec::new();
    for epoch in EPOCHS {
        let value = -20.0 + 3.0 * f64::from(epoch) + f64::from(k.ilog2()) + 0.25 * seed as f64;
        metrics.push(point(epoch, "train", "log-likelihood", value, None));
        metrics.push(point(epoch, "validation", "log-likelihood", value - 1.0, Some(0.4)));
        metrics.push(point(epoch, "train", "log-z", 50.0, None));
    }
    let of_a_step = u64::from(3 + 2 * k);
    CellReport {
        name: format!("k={k},seed={seed}"),
        id: format!("{k:06x}{seed:06x}"),
        state: CellState::Done,
        seed,
        settings: settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        metrics,
        work: (0..=4).map(|epoch| (epoch * 10, (epoch * 10 * of_a_step) as f64)).collect(),
        ..CellReport::default()
    }
}

/// Adds an interval to log Z at every epoch: two nats down, one up.
fn estimated(cell: &mut CellReport) {
    for epoch in EPOCHS {
        cell.metrics.push(point(epoch, "train", "log-z-low", 48.0, None));
        cell.metrics.push(point(epoch, "train", "log-z-high", 51.0, None));
        cell.metrics.push(point(epoch, "train", "log-z-trusted", 1.0, None));
    }
}

/// Adds the bias of CD-k: 0.5 at k = 1 and half as much with each step more, twice as large after training; below noise
/// before training at k = 5.
fn biased(cell: &mut CellReport, k: u32) {
    for epoch in EPOCHS {
        let norm = f64::from(1 + epoch / 4) * 0.5_f64.powi(k as i32);
        if epoch > 0 || k < 5 {
            cell.metrics.push(point(epoch, "train", "gradient-bias-norm", norm, Some(0.01)));
            cell.metrics.push(point(epoch, "train", "gradient-bias-relative", norm / 2.0, None));
        }
        cell.metrics.push(point(epoch, "train", "gradient-bias-max", norm / 4.0, Some(0.002)));
        for (bound, value) in [
            ("fischer-igel", 1.5 - 0.2 * f64::from(k)),
            ("bengio-delalleau", 512.0),
            ("spectral", 0.75_f64.powi(k as i32)),
        ] {
            cell.metrics.push(point(epoch, "train", &format!("gradient-bias-bound-{bound}"), value, None));
        }
    }
}

fn report(cells: Vec<CellReport>) -> Report {
    let values = |all: &[&str]| all.iter().map(|value| (*value).to_owned()).collect();
    Report {
        title: "instrument".into(),
        redraw_command: "rbm report results/instrument-0123456789ab".into(),
        axes: vec![
            Axis { key: "train.k".into(), label: "k".into(), values: values(&["1", "2", "5"]) },
            Axis { key: "model.hidden".into(), label: "hidden".into(), values: values(&["4", "8"]) },
        ],
        cells,
        metric_info: standard_metrics(),
        ..Report::default()
    }
}

/// A sweep over k.
fn sweep(ks: &[u32], seeds: u64, change: impl Fn(&mut CellReport, u32)) -> Report {
    let mut cells = Vec::new();
    for &k in ks {
        for seed in 0..seeds {
            let mut cell = cell(&[("train.k", &k.to_string())], k, seed);
            change(&mut cell, k);
            cells.push(cell);
        }
    }
    report(cells)
}

fn figure<'a>(rendered: &'a Rendered, stem: &str) -> Option<&'a str> {
    rendered.figures.iter().find(|(name, _)| name == stem).map(|(_, svg)| svg.as_str())
}

/// The text of the page from a figure's name to the command below it.
fn sentence(page: &str, figure: &str) -> String {
    let page = text(page);
    let start = page.find(&format!("[figure: {figure}]")).unwrap_or_else(|| panic!("no figure {figure}"));
    page[start..].lines().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn page_of_the_instrument_reads_as_it_did() {
    let report = sweep(&[1, 2, 5], 2, |cell, k| {
        estimated(cell);
        biased(cell, k);
    });
    insta::assert_snapshot!(text(&checked(&report).html));
}

#[test]
fn estimated_log_z_of_one_seed_gives_values_with_an_interval_and_a_band() {
    let exact = checked(&sweep(&[1], 1, |_, _| {}));
    assert!(!exact.html.contains("is estimated"), "an exact log Z has no interval");
    let polygons = |rendered: &Rendered| {
        figure(rendered, "curve-log-likelihood-train").expect("a curve").matches("<polygon").count()
    };
    assert_eq!(polygons(&exact), 0);

    let rendered = checked(&sweep(&[1], 1, |cell, _| estimated(cell)));
    // -8 with log Z between 2 less and 1 more: from -9 to -6
    let words = text(&rendered.html);
    assert!(words.contains("to \u{2212}8.0 [\u{2212}9.0, \u{2212}6.0] at epoch 4"), "{words}");
    assert!(words.contains("Log Z is estimated; band: what its three-sigma interval leaves."));
    assert!(!words.contains("so no band"), "there is one");
    assert_eq!(polygons(&rendered), 1);
    assert!(figure(&rendered, "curve-log-z-low-train").is_none(), "the ends are in the band of log Z");
    assert!(!words.contains("not to be trusted") && !words.contains(", undefined]"), "nothing is wrong");
}

#[test]
fn several_seeds_keep_their_spread_and_the_interval_is_dotted() {
    let rendered = checked(&sweep(&[1], 2, |cell, _| estimated(cell)));
    let svg = figure(&rendered, "curve-log-likelihood-train").expect("a curve");
    assert_eq!(svg.matches("stroke-dasharray").count(), 2, "two ends");
    assert!(text(&rendered.html).contains("dotted lines (its ends, mean over the seeds)"));
}

#[test]
fn undefined_lower_end_of_log_z_is_said_and_no_band_is_drawn_above() {
    let open = |cell: &mut CellReport, _| {
        estimated(cell);
        cell.metrics.retain(|point| point.metric != "log-z-low" || point.epoch < 2);
    };
    let words = text(&checked(&sweep(&[1], 1, open)).html);
    assert!(words.contains("\u{2212}8.0 [\u{2212}9.0, undefined]"), "{words}");
    assert!(words.contains("At 2 of 4 points the lower end of log Z is undefined"));
    assert!(words.contains("the interval is open above") && words.contains("the interval is open below"));
}

#[test]
fn log_z_that_is_not_to_be_trusted_is_marked_everywhere() {
    let doubtful = |cell: &mut CellReport, _| {
        estimated(cell);
        for point in cell.metrics.iter_mut().filter(|point| point.metric == "log-z-trusted" && point.epoch == 4) {
            point.value = 0.0;
        }
    };
    let rendered = checked(&sweep(&[1], 1, doubtful));
    let marks = |rendered: &Rendered| {
        let svg = figure(rendered, "curve-log-likelihood-train").expect("a curve").to_owned();
        svg.lines().filter(|line| line.trim() == "?").count()
    };
    assert_eq!(marks(&rendered), 1);
    assert_eq!(marks(&checked(&sweep(&[1], 1, |cell, _| estimated(cell)))), 0);
    let words = text(&rendered.html);
    assert!(words.contains("log Z not trusted"), "{words}");
    assert!(words.contains("not to be trusted in 1 of 1 cell, the best setting's among them"));
    assert!(words.contains("the interval of log Z is not to be trusted (1 of 4 points)"));
}

#[test]
fn standard_errors_of_one_seed_are_shown_and_marked_except_those_of_sampled_rows() {
    let page = checked(&sweep(&[1, 2], 1, biased)).html;
    let words = text(&page);
    assert!(words.contains("1.000 ± 0.010\ns.e."), "{words}");
    assert!(!words.contains("± 0.40"), "validation rows are a sample, and its error is no one's interval");
    assert!(sentence(&page, "gradient-bias-norm (train) over the epochs").contains("one standard error to each side"));
    // of two seeds the table of settings has the spread, here none; that of the cells still has each one's error
    let words = text(&checked(&sweep(&[1, 2], 2, biased)).html);
    let (settings, cells) = words.split_once("All cells").expect("two tables");
    assert!(!settings.contains("s.e.") && cells.contains("s.e."), "{words}");
}

#[test]
fn bias_against_k_names_vacuous_bounds_and_values_below_noise() {
    let rendered = checked(&sweep(&[1, 2, 5], 2, biased));
    let words = sentence(&rendered.html, "Bias of the CD-k gradient against k");
    assert!(words.contains("At the end of epoch 4 the bias's length is 1.000 ± 0 at k = 1"), "{words}");
    assert!(words.contains("2 of 24 values below noise"), "{words}");
    assert!(words.contains("Fischer and Igel's bound is vacuous at k = 1, 2"), "{words}"); // 1.3 and 1.1, then 0.5
    assert!(words.contains("Bengio and Delalleau's bound is vacuous at every k"), "{words}");
    assert!(words.contains("the spectral bound is below 1 at every k"), "{words}");
    let svg = figure(&rendered, "bias-against-k").expect("a figure");
    assert_eq!(svg.matches("bound (vacuous)").count(), 1, "one is vacuous at every k");
}

#[test]
fn bias_that_rises_with_k_is_said_to() {
    let rising = |cell: &mut CellReport, k| {
        biased(cell, k);
        for point in cell.metrics.iter_mut().filter(|point| point.metric == "gradient-bias-norm") {
            point.value = 0.1 * f64::from(k);
        }
    };
    let words = sentence(&checked(&sweep(&[1, 2], 1, rising)).html, "Bias of the CD-k gradient against k");
    assert!(words.contains("It is larger at k = 2 than at k = 1"), "{words}");
}

#[test]
fn bias_of_other_swept_keys_has_a_figure_each_and_names_what_is_left_out() {
    let mut cells = Vec::new();
    for hidden in ["4", "8", "16", "32", "64"] {
        for k in [1, 2] {
            let mut cell = cell(&[("train.k", &k.to_string()), ("model.hidden", hidden)], k, 0);
            biased(&mut cell, k);
            cells.push(cell);
        }
    }
    let rendered = checked(&report(cells));
    assert!(figure(&rendered, "bias-against-k-hidden-4").is_some());
    assert_eq!(rendered.figures.iter().filter(|(stem, _)| stem.starts_with("bias-against-k")).count(), 4);
    assert!(text(&rendered.html).contains("Not drawn: the bias of 1 other setting (hidden = 64"));
}

#[test]
fn figures_against_k_are_absent_where_there_is_nothing_to_compare() {
    let one_k = checked(&sweep(&[5], 2, biased));
    let no_metric = checked(&sweep(&[1, 2, 5], 2, |_, _| {}));
    let one_measured = checked(&sweep(&[1, 2], 1, |cell, k| {
        if k == 1 {
            biased(cell, k)
        }
    }));
    for rendered in [&one_k, &no_metric, &one_measured] {
        assert!(!rendered.figures.iter().any(|(stem, _)| stem.starts_with("bias-against-k")));
    }
    assert!(figure(&one_k, "likelihood-against-k-validation").is_none());
    assert!(figure(&no_metric, "likelihood-against-k-validation").is_some());
    let unknown_work = checked(&sweep(&[1, 2], 1, |cell, _| cell.work.clear()));
    assert!(figure(&unknown_work, "likelihood-against-k-validation").is_none());
    let unfinished = checked(&sweep(&[1, 2], 1, |cell, _| cell.state = CellState::Running));
    assert!(!unfinished.html.contains("against k"));
    let not_a_number = checked(&report(vec![cell(&[("train.k", "many")], 1, 0), cell(&[("train.k", "few")], 2, 0)]));
    assert!(!not_a_number.html.contains("against k"));
}

#[test]
fn likelihood_at_equal_work_is_the_last_one_measured_by_then() {
    // Work an epoch: 50 at k = 1, 70 at k = 2, 130 at k = 5; all reach the 200 of k = 1. Evaluated at epochs 0, 1, 2,
    // 4: k = 1 stands at epoch 4 (200), k = 2 at epoch 2 (140), k = 5 at epoch 1 (130, 65 % of 200).
    let rendered = checked(&sweep(&[1, 2, 5], 1, |_, _| {}));
    let name = "log-likelihood (validation) against k at equal updates and at equal work";
    let words = sentence(&rendered.html, name);
    // -20 + 12 + log2 k - 1: -9, -8, -7 at epoch 4
    assert!(
        words.contains("after 40 updates, the last that all measured: best is k = 5 with \u{2212}7.000"),
        "{words}"
    );
    // -9, -20 + 6 + 1 - 1 = -14, -20 + 3 + 2 - 1 = -16
    assert!(words.contains("after 200.0 multiply-adds of training, the most that all reach: best is k = 1"), "{words}");
    assert!(words.contains("at 65 % of it or more"), "{words}");
    assert!(words.contains("not in seconds") && words.contains("nothing is interpolated"), "{words}");
}

#[test]
fn setting_that_equal_work_leaves_untrained_is_named() {
    // 53 k multiply-adds an epoch at k = 25, more than the 200 of k = 1 in all
    let words = text(&checked(&sweep(&[1, 25], 1, |_, _| {})).html);
    assert!(words.contains("By then k = 25 had not reached its first evaluation: shown untrained."), "{words}");
}

#[test]
fn equal_updates_are_the_last_that_all_have_measured() {
    let shorter = |cell: &mut CellReport, k| cell.metrics.retain(|point| k == 1 || point.epoch < 4);
    let words = text(&checked(&sweep(&[1, 2], 1, shorter)).html);
    assert!(words.contains("Left, after 20 updates, the last that all measured"), "{words}");
}

#[test]
fn persistent_chains_are_compared_with_exact_samples_against_k_or_over_the_epochs() {
    let chains = |cell: &mut CellReport, k: u32| {
        for epoch in EPOCHS {
            cell.metrics.push(point(epoch, "train", "negative-phase-error", 0.08 / f64::from(k), Some(0.004)));
            cell.metrics.push(point(epoch, "train", "negative-phase-error-exact-samples", 0.02, None));
        }
    };
    let swept = checked(&sweep(&[1, 2], 1, chains));
    let words = sentence(&swept.html, "Error of the negative phase against k");
    assert!(words.contains("At k = 1, epoch 4: 0.08000, of as many exact samples 0.02000."), "{words}");
    assert!(figure(&swept, "negative-phase").is_none());
    let alone = checked(&sweep(&[1], 1, chains));
    assert!(figure(&alone, "negative-phase").is_some());
    assert!(sentence(&alone.html, "Error of the negative phase over the epochs").contains("an error and not a bias"));
}

#[test]
fn degenerate_values_have_figures() {
    let with = |value: f64| {
        sweep(&[1, 2], 2, move |cell: &mut CellReport, k| {
            biased(cell, k);
            let mine = cell.metrics.iter_mut().filter(|point| point.metric.starts_with("gradient-bias"));
            mine.for_each(|point| point.value = value);
        })
    };
    let zero = checked(&with(0.0));
    let words = sentence(&zero.html, "Bias of the CD-k gradient against k");
    assert!(words.contains("A ring on the lower edge: zero, which has no logarithm"), "{words}");
    checked(&with(0.3));
    checked(&with(-1.0));
    checked(&with(f64::NAN));
    for value in [f64::MAX, f64::MIN_POSITIVE] {
        render(&with(value)).expect("a report").figures.iter().for_each(|(stem, svg)| parse(svg, stem));
    }
    let once = sweep(&[1, 2], 1, |cell, k| {
        biased(cell, k);
        estimated(cell);
        cell.metrics.retain(|point| point.epoch == 4);
    });
    let words = text(&checked(&once).html);
    let bias = &words[words.find("[figure: Bias of the CD-k").expect("a figure")..];
    assert!(!bias.contains("along training"), "one epoch is no training: {words}");
}
