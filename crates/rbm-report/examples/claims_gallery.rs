//! Writes a page of made-up claims with every kind of chart into a folder, to look at without measuring anything:
//! `cargo run --release -p rbm-report --example claims_gallery -- FOLDER`. No number in it was measured.

use std::error::Error;
use std::path::Path;

use rbm_report::{
    Chart, ChartKind, ChartPoint, ChartSeries, ClaimSection, ClaimsReport, ImageGrid, Reference, TestRow, VerdictWord,
    render_claims,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: claims_gallery FOLDER")?;
    let folder = Path::new(&folder);
    let report = report();
    let page = render_claims(&report)?;
    let figures = folder.join("figures");
    std::fs::create_dir_all(&figures)?;
    std::fs::write(folder.join("claims.html"), &page.html)?;
    for (stem, svg) in &page.figures {
        std::fs::write(figures.join(format!("{stem}.svg")), svg)?;
    }
    println!("{}: {} figures, {} bytes of HTML", folder.display(), page.figures.len(), page.html.len());
    Ok(())
}

fn report() -> ClaimsReport {
    let quote = "The bias of contrastive divergence vanishes as the number of Gibbs steps grows, and so does its \
                 variance relative to that of the gradient.";
    let bias = ClaimSection {
        name: "bias-against-k".into(),
        title: "The bias of CD-k falls geometrically with k".into(),
        group: "Claims of the article".into(),
        claim: "Each further Gibbs step shrinks the bias of the gradient by about the second eigenvalue.".into(),
        quote: Some(quote.into()),
        source: "A. Author and B. Author, Made-up Letters 1 (2000), section 3".into(),
        basis: "computed".into(),
        verdict: VerdictWord::Confirmed,
        headline: "slope \u{2212}0.31 a step (95 % interval \u{2212}0.33 to \u{2212}0.29, n = 10)".into(),
        conclusion: "It holds on machines small enough to enumerate, at every stage of training.".into(),
        tests: vec![test(VerdictWord::Confirmed), test(VerdictWord::Undecided)],
        charts: vec![decay(), learning()],
        command: "rbm claims run experiments/bias-against-k".into(),
        seconds: Some(184.0),
        ..ClaimSection::default()
    };
    let persistent = ClaimSection {
        name: "pcd-beats-cd".into(),
        title: "Persistent chains give a better likelihood than CD-1".into(),
        group: "Claims of papers".into(),
        claim: "At equal work, PCD ends at a higher log-likelihood than CD-1.".into(),
        source: "from the literature".into(),
        basis: "recalled".into(),
        verdict: VerdictWord::Partly,
        headline: "12.3 nats (95 % interval 10 to 14, n = 10)".into(),
        conclusion: "With a small learning rate it holds; with a large one the chains lag behind.".into(),
        beside: "Momentum makes no difference.".into(),
        tests: vec![test(VerdictWord::Partly), test(VerdictWord::Refuted)],
        charts: vec![conditions(), many(), few()],
        images: vec![(
            "The weights of 20 hidden units: blue below zero, red above.".into(),
            "receptive-fields".into(),
            ImageGrid::diverging(16, 16, (0..20).map(field).collect()),
        )],
        command: "rbm claims run experiments/pcd-beats-cd".into(),
        note: Some("MNIST could not be had: made-up strokes stand in its place.".into()),
        ..ClaimSection::default()
    };
    let nothing = ClaimSection {
        name: "not-run".into(),
        title: "A claim that was not measured".into(),
        group: "Claims of papers".into(),
        claim: "Something holds.".into(),
        verdict: VerdictWord::Undecided,
        headline: String::new(),
        charts: vec![Chart { stem: "empty".into(), title: "Nothing yet".into(), ..Chart::default() }],
        ..ClaimSection::default()
    };
    ClaimsReport {
        title: "Claims, tested (made-up numbers)".into(),
        facts: vec![
            ("machine".into(), "none: nothing ran".into()),
            ("code".into(), "0123456789abcdef0123456789abcdef01234567, clean".into()),
        ],
        claims: vec![bias, persistent, nothing],
        command: "rbm claims page".into(),
    }
}

fn test(verdict: VerdictWord) -> TestRow {
    TestRow {
        says: "the mean difference of the log-likelihood over paired seeds is above zero".into(),
        verdict,
        statistic: "12.3 nats".into(),
        interval: "[10.1, 14.4]".into(),
        n: "10".into(),
        rule: "confirmed above 0, refuted below 0".into(),
        found: "PCD ends 12.3 nats above CD-1, and the interval does not hold zero.".into(),
    }
}

fn series(label: &str, points: Vec<ChartPoint>) -> ChartSeries {
    ChartSeries { label: label.into(), points }
}

fn reference(at: f64, label: &str) -> Reference {
    Reference { at, label: label.into() }
}

/// Both axes logarithmic, whiskers, values that have no logarithm, references near each other and far away.
fn decay() -> Chart {
    let steps = [1.0, 2.0, 5.0, 10.0, 25.0, 100.0];
    let line = |scale: f64| {
        let point = |x: f64| {
            let y = scale * x.powf(-1.3);
            ChartPoint { x, y, low: Some(0.6 * y), high: Some(1.7 * y) }
        };
        let mut points: Vec<ChartPoint> = steps.map(point).to_vec();
        points.push(ChartPoint { x: 50.0, y: 0.0, low: None, high: None });
        points
    };
    let names = ["hidden = 16", "hidden = 64", "hidden = 256"];
    Chart {
        stem: "bias-against-k".into(),
        title: "Bias of the gradient against k".into(),
        sentence: "The bias falls with k for every size. Whiskers: 95 % intervals over 10 seeds.".into(),
        x_label: "k, Gibbs steps of an update".into(),
        y_label: "norm of the bias, nats per unit of weight".into(),
        x_log: true,
        y_log: true,
        series: names.iter().zip([1.0, 0.5, 0.2]).map(|(name, scale)| series(name, line(scale))).collect(),
        references: vec![
            reference(0.02, "the noise of the gradient itself"),
            reference(0.018, "published figure (Made-up Letters 2000, table 2)"),
            reference(1e9, "bound of Bengio and Delalleau"),
        ],
        ..Chart::default()
    }
}

/// Twelve lines of many points with bands.
fn learning() -> Chart {
    let line = |index: usize| {
        let point = |epoch: u32| {
            let x = f64::from(epoch);
            let y = -160.0 + 5.0 * index as f64 - 60.0 * (-x / 12.0).exp() + (x * 0.9 + index as f64).sin();
            ChartPoint { x, y, low: Some(y - 3.0), high: Some(y + 3.0) }
        };
        series(&format!("k = {}, learning rate 0.0{index}", index + 1), (0..=60).map(point).collect())
    };
    Chart {
        stem: "learning".into(),
        title: "Log-likelihood of training rows over the epochs".into(),
        sentence: "Twelve settings. Bands: 95 % intervals over the seeds.".into(),
        x_label: "epoch".into(),
        y_label: "log-likelihood, nats per row".into(),
        series: (0..12).map(line).collect(),
        references: vec![reference(-86.3, "published: \u{2212}86.3")],
        ..Chart::default()
    }
}

/// Conditions with intervals, open and missing ones, and long names.
fn conditions() -> Chart {
    let row = |label: &str, y: f64, low: Option<f64>, high: Option<f64>| {
        series(label, vec![ChartPoint { x: 0.0, y, low, high }])
    };
    Chart {
        stem: "conditions".into(),
        title: "Log-likelihood at the end of training".into(),
        sentence: "PCD ends highest. Whiskers: 95 % intervals over 10 seeds.".into(),
        kind: ChartKind::Dots,
        x_label: "algorithm".into(),
        y_label: "log-likelihood of validation rows, nats per row".into(),
        series: vec![
            row("CD-1", -104.2, Some(-106.0), Some(-102.4)),
            row("CD-10", -97.1, Some(-99.5), Some(-94.0)),
            row(
                "PCD with a learning rate that falls linearly to zero over the whole of training",
                -91.8,
                Some(-93.0),
                Some(-90.5),
            ),
            row("parallel tempering", -92.0, None, None),
            row("estimated log Z without an upper end", -95.0, Some(-96.0), Some(f64::INFINITY)),
            row("diverged", f64::NAN, None, None),
        ],
        references: vec![
            reference(-86.3, "published: \u{2212}86.3"),
            reference(-92.5, "another published figure"),
            reference(-88.0, "entropy of the data: the best possible value"),
            reference(-4000.0, "untrained"),
        ],
        ..Chart::default()
    }
}

/// A logarithmic axis of conditions.
fn many() -> Chart {
    let row = |index: i32| {
        let y = 10_f64.powi(index - 6);
        series(&format!("condition {index}"), vec![ChartPoint { x: 0.0, y, low: Some(y / 3.0), high: Some(y * 3.0) }])
    };
    Chart {
        stem: "orders".into(),
        title: "Orders of magnitude".into(),
        sentence: "Each condition is tenfold the last.".into(),
        kind: ChartKind::Dots,
        y_label: "error, relative".into(),
        y_log: true,
        series: (0..8).map(row).collect(),
        references: vec![reference(1e-3, "rounding of f32")],
        ..Chart::default()
    }
}

/// One line of few points.
fn few() -> Chart {
    let point = |x: f64| ChartPoint { x, y: x * x, low: Some(x * x - 1.0), high: Some(x * x + 1.0) };
    Chart {
        stem: "few".into(),
        title: "One line of few points".into(),
        sentence: "A line without a name has no legend.".into(),
        x_label: "x".into(),
        y_label: "y".into(),
        series: vec![series("", [0.0, 1.0, 2.0, 3.0].map(point).to_vec())],
        ..Chart::default()
    }
}

/// Weights of one unit: a patch that moves with the index.
fn field(index: u32) -> Vec<f32> {
    let (cx, cy) = (f64::from(index * 7 % 16), f64::from(index * 5 % 16));
    let pixel = |place: u32| {
        let square = (f64::from(place % 16) - cx).powi(2) + (f64::from(place / 16) - cy).powi(2);
        (1.4 * (-square / 8.0).exp() - 0.7 * (-square / 30.0).exp()) as f32
    };
    (0..256).map(pixel).collect()
}
