//! Writes reports of made-up sweeps into a folder, to look at the figures without training anything:
//! `cargo run --release -p rbm-report --example gallery -- FOLDER`. No number in them was measured.

use std::error::Error;
use std::path::Path;

use rbm_report::{
    Axis, CellImages, CellReport, CellState, ImageGrid, MetricPoint, ReconstructionPairs, Report, render,
    standard_metrics,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: gallery FOLDER")?;
    for (name, report) in [
        ("two-keys", two_keys()),
        ("one-key", one_key()),
        ("one-cell", one_cell()),
        ("many", many()),
        ("nothing", nothing()),
        ("against-k", against_k(3, &[""])),
        ("against-k-one-seed", against_k(1, &[""])),
        ("against-k-and-more", against_k(2, &["cd-16", "cd-64", "pcd-16"])),
        ("persistent", persistent()),
    ] {
        write(&Path::new(&folder).join(name), &report)?;
    }
    Ok(())
}

fn write(folder: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    let rendered = render(report)?;
    let figures = folder.join("figures");
    std::fs::create_dir_all(&figures)?;
    std::fs::write(folder.join("report.html"), &rendered.html)?;
    std::fs::write(folder.join("summary.parquet"), &rendered.summary_parquet)?;
    std::fs::write(folder.join("summary.csv"), &rendered.summary_csv)?;
    std::fs::write(folder.join("settings.csv"), &rendered.settings_csv)?;
    for (stem, svg) in &rendered.figures {
        std::fs::write(figures.join(format!("{stem}.svg")), svg)?;
    }
    println!("{}: {} figures, {} bytes of HTML", folder.display(), rendered.figures.len(), rendered.html.len());
    Ok(())
}

/// Two swept keys, three seeds, one diverged and one failed cell.
fn two_keys() -> Report {
    let axes = vec![axis("train.k", "k", &["1", "3", "10"]), axis("model.hidden", "hidden", &["16", "64"])];
    let mut cells = Vec::new();
    for (k, hidden) in [1, 3, 10].into_iter().flat_map(|k| [16, 64].map(|hidden| (k, hidden))) {
        for seed in 0..3 {
            let settings = vec![("train.k".into(), k.to_string()), ("model.hidden".into(), hidden.to_string())];
            let quality = f64::from(k).ln() * 4.0 + f64::from(hidden).ln() * 9.0;
            cells.push(cell(settings, seed, quality, 10, hidden == 16));
        }
    }
    cells[4].state = CellState::Diverged;
    cells[4].message = Some("a weight is not finite after step 1,800 (epoch 3)".into());
    cells[4].metrics.retain(|point| point.epoch < 4);
    cells[10].state = CellState::Failed;
    cells[10].message = Some("failed to write metrics.jsonl: no space left on device".into());
    cells[10].metrics.clear();
    report("gallery: two keys (made-up numbers)", axes, cells)
}

/// One swept key with names, evaluated at ever larger distances.
fn one_key() -> Report {
    let algorithms = ["cd", "pcd", "exact", "expected-cd"];
    let axes = vec![axis("train.algorithm", "algorithm", &algorithms)];
    let cells = (0..4).flat_map(|index| (0..5).map(move |seed| (index, seed)));
    let cells = cells.map(|(index, seed)| {
        let settings = vec![("train.algorithm".into(), algorithms[index].into())];
        let mut cell = cell(settings, seed, 3.0 * index as f64, 128, true);
        cell.metrics.retain(|point| {
            let power = 1 << point.epoch.max(1).ilog2();
            point.epoch < 2 || point.epoch == power || 2 * (point.epoch - power) == power
        });
        cell
    });
    report("gallery: one key (made-up numbers)", axes, cells.collect())
}

/// One cell, with names that need escaping.
fn one_cell() -> Report {
    let mut cell = cell(Vec::new(), 0, 20.0, 20, true);
    cell.name = "a <cell> & \"its\" name".into();
    report("gallery: one <cell> & 'one' seed (made-up numbers)", Vec::new(), vec![cell])
}

/// Sixty cells of twenty settings with long names.
fn many() -> Report {
    let rates: Vec<String> =
        (0..20).map(|index| format!("a/rather/long/path/to/some/weights-file-{index:02}.safetensors")).collect();
    let axes = vec![Axis { key: "model.init".into(), label: "init".into(), values: rates.clone() }];
    let cells = rates.iter().enumerate().flat_map(|(index, rate)| (0..3).map(move |seed| (index, rate, seed)));
    let cells = cells.map(|(index, rate, seed)| {
        let settings = vec![("model.init".into(), rate.clone())];
        cell(settings, seed, 25.0 * (index as f64 * 0.7).sin(), 30, true)
    });
    report("gallery: many settings (made-up numbers)", axes, cells.collect())
}

/// A sweep of which nothing is finished.
fn nothing() -> Report {
    let axes = vec![axis("train.k", "k", &["1", "3"])];
    let cells = ["1", "3"].map(|k| {
        let mut cell = cell(vec![("train.k".into(), k.into())], 0, 3.0, 4, true);
        cell.state = if k == "1" { CellState::Running } else { CellState::Pending };
        if k == "3" {
            cell.metrics.clear();
        }
        cell
    });
    report("gallery: nothing finished (made-up numbers)", axes, cells.to_vec())
}

/// Swept k with the instrument's metrics: the bias with its bounds, estimated log Z; for cases whose name has "pcd" the
/// error of the chains.
fn against_k(seeds: u64, cases: &[&str]) -> Report {
    let values = ["1", "2", "5", "10", "25"];
    let mut axes = vec![axis("train.k", "k", &values)];
    if cases.len() > 1 {
        axes.push(axis("case", "case", cases));
    }
    let mut cells = Vec::new();
    for (case, k) in cases.iter().flat_map(|case| values.map(|k| (*case, k))) {
        for seed in 0..seeds {
            let mut settings = vec![("train.k".to_owned(), k.to_owned())];
            if cases.len() > 1 {
                settings.push(("case".into(), case.into()));
            }
            let number: f64 = k.parse().unwrap_or(1.0);
            let mut cell =
                cell(settings, seed, 45.0 + 4.0 * number.ln() + 6.0 * f64::from(case.contains("64")), 40, true);
            let persistent = case.contains("pcd");
            cell.work =
                (0..=40).map(|epoch| (epoch * 600, epoch as f64 * 600.0 * 39.2e6 * (3.0 + 2.0 * number))).collect();
            instrument(&mut cell, number, seed, persistent);
            cells.push(cell);
        }
    }
    report("gallery: against k (made-up numbers)", axes, cells)
}

/// One setting with persistent chains.
fn persistent() -> Report {
    let mut cell = cell(Vec::new(), 0, 50.0, 40, true);
    instrument(&mut cell, 1.0, 0, true);
    report("gallery: persistent chains (made-up numbers)", Vec::new(), vec![cell])
}

/// Adds what the instrument measures.
fn instrument(cell: &mut CellReport, k: f64, seed: u64, persistent: bool) {
    let values: Vec<(u32, f64)> = (cell.metrics.iter())
        .filter(|point| point.metric == "log-likelihood" && point.split == "train")
        .map(|point| (point.epoch, point.value))
        .collect();
    for (epoch, value) in values {
        let trained = f64::from(epoch) / 40.0;
        let shake = 1.0 + 0.3 * (noise(seed, u64::from(epoch) + k as u64) - 0.5);
        let mut add = |metric: &str, value: f64, stderr: Option<f64>| {
            let (split, metric) = ("train".into(), metric.into());
            cell.metrics.push(MetricPoint { step: u64::from(epoch) * 600, epoch, split, metric, value, stderr });
        };
        let width = 0.3 + 9.0 * trained * trained;
        add("log-z", 400.0 - value, None);
        if trained < 0.9 {
            add("log-z-low", 400.0 - value - 1.6 * width, None);
        }
        add("log-z-high", 400.0 - value + width, None);
        add("log-z-trusted", f64::from(trained < 0.7), None);
        if persistent {
            add("negative-phase-error", (0.02 + 0.06 * trained / k) * shake, Some(0.002));
            add("negative-phase-error-exact-samples", 0.02 * shake, None);
            continue;
        }
        let eigenvalue = 0.2 + 0.7 * trained;
        let bias = 0.6 * eigenvalue.powf(k) * shake;
        if bias > 1e-6 {
            add("gradient-bias-norm", bias, Some(0.04 * bias + 1e-6));
            add("gradient-bias-relative", bias / 1.4, Some(0.04 * bias));
            add("gradient-bias-max", bias / 3.0, Some(0.05 * bias));
        }
        add("gradient-bias-cosine", 1.0 - 0.2 * bias, None);
        add("gradient-bias-bound-spectral", 12.0 * eigenvalue.powf(k), None);
        add("gradient-bias-bound-fischer-igel", 0.99_f64.powf(k * (1.0 - 0.9 * trained)), None);
        add("gradient-bias-bound-bengio-delalleau", 512.0 * (1.0 - 1e-4_f64).powf(k), None);
        add("autocorrelation-time", (1.0 + eigenvalue) / (1.0 - eigenvalue), Some(1.2));
    }
}

fn axis(key: &str, label: &str, values: &[&str]) -> Axis {
    Axis { key: key.into(), label: label.into(), values: values.iter().map(|value| (*value).into()).collect() }
}

fn report(title: &str, axes: Vec<Axis>, cells: Vec<CellReport>) -> Report {
    Report {
        title: title.into(),
        facts: vec![
            ("config".into(), "configs/made-up.toml".into()),
            ("data".into(), "made-up strokes, 60,000 rows of 784, sha256 0000000000000000000000000000000000000000000000000000000000000000".into()),
            ("backend".into(), "none: nothing ran".into()),
        ],
        config_toml: "schema = 1\nname = \"made-up\"\n\n[data]\nsource = \"mnist\"\n".into(),
        redraw_command: "rbm report results/made-up-0123456789ab".into(),
        axes,
        cells,
        data_images: Some(ImageGrid::unit(28, 28, (0..64).map(|index| stroke(index, 0.0)).collect())),
        metric_info: standard_metrics(),
    }
}

/// A cell whose curves approach what its quality says.
fn cell(settings: Vec<(String, String)>, seed: u64, quality: f64, epochs: u32, exact: bool) -> CellReport {
    let mut name: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    name.push(format!("seed={seed}"));
    let id =
        format!("{:012x}", noise(name.join(",").len() as u64 * 1000 + seed, quality.to_bits() >> 32).to_bits() >> 16);
    let mut metrics = Vec::new();
    for epoch in 0..=epochs {
        let left = (-f64::from(epoch) / (0.15 * f64::from(epochs))).exp();
        let shake = |stream: u64| (noise(seed + 17 * stream, u64::from(epoch) + quality.to_bits()) - 0.5) * 4.0;
        let mut add = |split: &str, metric: &str, value: f64| {
            let (split, metric) = (split.into(), metric.into());
            metrics.push(MetricPoint { step: u64::from(epoch) * 600, epoch, split, metric, value, stderr: None });
        };
        for (stream, split) in [(0, "train"), (1, "validation")] {
            if exact {
                add(split, "log-likelihood", -160.0 + quality - 380.0 * left + shake(stream));
            }
            add(split, "pseudo-likelihood", -120.0 + quality - 420.0 * left + shake(stream + 2));
            add(split, "reconstruction-error", 0.04 - quality * 3e-4 + 0.2 * left + shake(stream + 4) * 5e-4);
        }
        add("train", "weight-norm", 40.0 * (1.0 - left) + 0.3);
        add("train", "saturated-hidden", 0.0);
    }
    let seed_images = seed + quality as u64;
    let images =
        |count, blur| ImageGrid::unit(28, 28, (0..count).map(|i| stroke(i + 31 * seed_images, blur)).collect());
    CellReport {
        name: name.join(","),
        id,
        state: CellState::Done,
        message: None,
        seed,
        settings,
        metrics,
        work: Vec::new(),
        wall_seconds: Some(31.0 + quality),
        peak_memory_bytes: Some(180_000_000 + seed * 1_000_000),
        images: CellImages {
            samples: Some(images(64, 0.3)),
            samples_note: Some("after 1,000 Gibbs steps from uniform states".into()),
            receptive_fields: Some(ImageGrid::diverging(28, 28, (0..64).map(field).collect())),
            reconstructions: Some(ReconstructionPairs { data: images(20, 0.0), reconstruction: images(20, 1.0) }),
        },
    }
}

/// A number in [0, 1) that looks random.
fn noise(a: u64, b: u64) -> f64 {
    let mixed = (a ^ b.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A bent stroke, softer with more blur.
fn stroke(index: u64, blur: f64) -> Vec<f32> {
    let (angle, bend) = (noise(index, 1) * 3.1, (noise(index, 2) - 0.5) * 0.15);
    let pixel = |place: u32| {
        let (y, x) = (f64::from(place / 28) - 13.5, f64::from(place % 28) - 13.5);
        let (along, across) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
        let distance = (across - bend * along * along).abs() + (along.abs() - 8.0).max(0.0);
        if blur == 0.0 { f32::from(distance < 1.8) } else { (-distance.powi(2) / (2.0 + 4.0 * blur)).exp() as f32 }
    };
    (0..784).map(pixel).collect()
}

/// Weights like those of a trained unit: a bright patch with a dark surround.
fn field(index: u64) -> Vec<f32> {
    let (cx, cy) = (6.0 + 16.0 * noise(index, 3), 6.0 + 16.0 * noise(index, 4));
    let pixel = |place: u32| {
        let square = (f64::from(place % 28) - cx).powi(2) + (f64::from(place / 28) - cy).powi(2);
        let ripple = 0.1 * (noise(index * 784 + u64::from(place), 5) - 0.5);
        (1.4 * (-square / 12.0).exp() - 0.7 * (-square / 50.0).exp() + ripple) as f32
    };
    (0..784).map(pixel).collect()
}
