//! The page and its figures: well-formed, self-contained, and sensible for odd sweeps.

mod helpers;

use helpers::{checked, parse, text};
use rbm_report::{
    Axis, CellImages, CellReport, CellState, Error, ImageGrid, MetricPoint, ReconstructionPairs, Report,
    image_grid_png, render, standard_metrics,
};

/// A cell with two metrics over some epochs, ending near `end`.
fn cell(settings: &[(&str, &str)], seed: u64, epochs: &[u32], end: f64) -> CellReport {
    let words: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut metrics = Vec::new();
    for &epoch in epochs {
        let mut add = |split: &str, metric: &str, value| {
            let (split, metric) = (split.into(), metric.into());
            metrics.push(MetricPoint { step: u64::from(epoch) * 10, epoch, split, metric, value, stderr: None });
        };
        let value = end + seed as f64 - 10.0 / (1.0 + f64::from(epoch));
        add("train", "log-likelihood", value);
        add("validation", "log-likelihood", value - 0.5);
        add("train", "weight-norm", 1.0);
    }
    let settings = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let name = format!("{},seed={seed}", words.join(","));
    CellReport {
        name,
        id: format!("{seed:012x}"),
        state: CellState::Done,
        seed,
        settings,
        metrics,
        ..CellReport::default()
    }
}

fn report(cells: Vec<CellReport>) -> Report {
    Report {
        title: "small".into(),
        facts: vec![("backend".into(), "flex".into()), ("data".into(), "bars-and-stripes, 30 rows of 16".into())],
        config_toml: "schema = 1\nname = \"small\"\n".into(),
        redraw_command: "rbm report results/small-0123456789ab".into(),
        axes: vec![
            Axis { key: "train.k".into(), label: "k".into(), values: vec!["1".into(), "10".into()] },
            Axis { key: "model.hidden".into(), label: "hidden".into(), values: vec!["4".into(), "8".into()] },
        ],
        cells,
        data_images: None,
        metric_info: standard_metrics(),
    }
}

/// Two keys with two values, two seeds; one diverged, one failed.
fn small() -> Report {
    let mut cells = Vec::new();
    for (k, hidden, end) in [("1", "4", -8.0), ("1", "8", -6.0), ("10", "4", -7.0), ("10", "8", -3.0)] {
        for seed in 0..2 {
            let mut cell = cell(&[("train.k", k), ("model.hidden", hidden)], seed, &[0, 1, 2], end);
            cell.wall_seconds = Some(2.5);
            cell.peak_memory_bytes = Some(90_000_000);
            cells.push(cell);
        }
    }
    cells[1].state = CellState::Diverged;
    cells[1].message = Some("a weight is not finite after step 20".into());
    cells[2].state = CellState::Failed;
    cells[2].message = Some("no space left on device".into());
    report(cells)
}

fn with_images(mut report: Report, count: usize, pixels: usize) -> Report {
    let image = |seed: usize| -> Vec<f32> {
        let mixed = |place: usize| {
            let mixed = (place + 7919 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
        };
        (0..pixels * pixels).map(|place| (mixed(place) % 256) as f32 / 255.0 - 0.5).collect()
    };
    for (index, cell) in report.cells.iter_mut().enumerate() {
        let images = |of: usize| (0..count).map(|number| image(1000 * index + number + of)).collect::<Vec<_>>();
        cell.images = CellImages {
            samples: Some(ImageGrid::unit(pixels, pixels, images(0))),
            samples_note: Some("after 1,000 Gibbs steps from uniform states".into()),
            receptive_fields: Some(ImageGrid::diverging(pixels, pixels, images(300))),
            reconstructions: Some(ReconstructionPairs {
                data: ImageGrid::unit(pixels, pixels, images(500)),
                reconstruction: ImageGrid::unit(pixels, pixels, images(700)),
            }),
        };
    }
    report.data_images = Some(ImageGrid::unit(pixels, pixels, (0..count).map(|number| image(number + 31)).collect()));
    report
}

#[test]
fn page_reads_as_it_did() {
    insta::assert_snapshot!(text(&checked(&with_images(small(), 4, 3)).html));
}

#[test]
fn same_report_gives_the_same_bytes() {
    let report = with_images(small(), 4, 3);
    let (first, second) = (checked(&report), checked(&report));
    assert_eq!(first.html, second.html);
    assert_eq!(first.figures, second.figures);
    assert_eq!(first.summary_parquet, second.summary_parquet);
    assert_eq!(first.settings_parquet, second.settings_parquet);
}

#[test]
fn names_cannot_break_out_of_the_page_or_the_figures() {
    let evil = "</style><script>alert('&\"1\u{0}\u{1b}')</script>";
    let mut cells = vec![cell(&[("train.k", evil)], 0, &[0, 1], -4.0), cell(&[("train.k", "'")], 0, &[0, 1], -3.0)];
    cells[0].name = evil.into();
    cells[0].id = evil.into();
    cells[1].state = CellState::Failed;
    cells[1].message = Some(evil.into());
    cells[0].metrics[0].metric = evil.into();
    cells[0].metrics[1].split = evil.into();
    let mut report = report(cells);
    report.title = evil.into();
    report.config_toml = evil.into();
    report.redraw_command = evil.into();
    report.facts.push((evil.into(), evil.into()));
    report.axes[0].label = evil.into();
    report.axes[0].values = vec![evil.into(), "'".into()];
    report.metric_info[0].unit = evil.into();
    let rendered = checked(&with_images(report, 2, 3));
    assert!(rendered.html.contains("&lt;/style&gt;&lt;script&gt;"));
}

#[test]
fn odd_sweeps_have_a_page() {
    let none = || report(Vec::new());
    checked(&none());
    checked(&Report::default());

    let one = cell(&[], 0, &[0, 1, 2], -4.0);
    let page = checked(&report(vec![one.clone()])).html;
    assert!(page.contains("One seed a line, so no band."), "no band is drawn for one seed, and the page says so");
    checked(&with_images(report(vec![one.clone()]), 1, 1));

    let single_epoch = report((0..3).map(|seed| cell(&[("train.k", "1")], seed, &[5], -4.0)).collect());
    assert!(checked(&single_epoch).html.contains("Measured once, at epoch 5"));

    let without_metrics = CellReport { metrics: Vec::new(), ..one };
    let page = checked(&report(vec![without_metrics])).html;
    assert!(page.contains("so there is no best setting"));
}

#[test]
fn sweep_without_a_finished_cell_shows_what_the_others_measured() {
    let mut report = small();
    for cell in &mut report.cells {
        cell.state = CellState::Running;
    }
    let page = checked(&report).html;
    assert!(page.contains("8 cells in 4 settings: 8 running."));
    assert!(page.contains("Thin: 8 cells not finished"));
}

#[test]
fn sixty_cells_with_very_long_names_have_a_page() {
    let mut cells = Vec::new();
    for index in 0..20 {
        let value = format!("{}{index}", "a/long/path/".repeat(40));
        cells.extend((0..3).map(|seed| cell(&[("model.init", &value)], seed, &[0, 1, 2], f64::from(index))));
    }
    let page = checked(&report(cells)).html;
    assert!(page.contains("12 other settings"));
}

#[test]
fn values_that_are_not_finite_are_left_out_and_counted() {
    let mut report = small();
    report.cells[0].metrics[0].value = f64::NAN; // log-likelihood (train) at epoch 0
    report.cells[7].metrics[6].value = f64::INFINITY; // log-likelihood (train) at epoch 2: the last
    let rendered = checked(&report);
    assert!(rendered.html.contains("2 measured values not finite; left out of every figure and mean."));
    assert!(rendered.settings_csv.lines().last().expect("a row").starts_with("10,8,2,2,0,0,-6.33333"));
}

#[test]
fn extreme_values_have_figures() {
    let mut report = small();
    for (index, point) in report.cells.iter_mut().flat_map(|cell| &mut cell.metrics).enumerate() {
        point.value = [f64::MAX, f64::MIN, 1e-300, 0.0][index % 4];
    }
    render(&report).expect("a report").figures.iter().for_each(|(stem, svg)| parse(svg, stem));
}

#[test]
fn diverged_cells_are_counted_and_enter_no_mean() {
    let page = checked(&small()).html;
    assert!(page.contains("1 of 2 (1 diverged)"));
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} is not in the page"));
    assert!(place("no space left on device") < place("What ran"), "failures come first");
    assert!(place("a weight is not finite after step 20") < place("What ran"), "failures come first");
}

#[test]
fn page_that_grows_too_large_leaves_out_images_and_names_them() {
    // noise hardly compresses: 80 x 80 pixels, 100 images a grid
    let rendered = checked(&with_images(small(), 100, 80));
    assert!(rendered.figures.iter().map(|(_, svg)| svg.len()).sum::<usize>() > 5_000_000);
    assert!(rendered.html.contains("Left out of this page to keep it small"));
    assert!(rendered.html.contains("curve-log-likelihood-train"), "curves stay");
    assert!(rendered.html.contains(".svg</code>"), "what is left out is named");
}

#[test]
fn image_of_the_wrong_size_is_refused_by_name() {
    let mut report = with_images(small(), 2, 3);
    report.cells[0].images.samples = Some(ImageGrid::unit(3, 3, vec![vec![0.0; 9], vec![0.0; 8]]));
    let refused = render(&report).expect_err("eight pixels are not nine");
    assert!(matches!(refused, Error::ImageSize { index: 1, found: 8, .. }));
    assert_eq!(refused.to_string(), "draw the figure samples-k-1-hidden-4-seed-0: image 1 has 8 pixels, not 3 x 3");
}

#[test]
fn grid_of_images_as_png_has_their_pixels() {
    let grid = ImageGrid::unit(1, 2, vec![vec![0.0, 1.0], vec![1.0, 0.5]]);
    let bytes = image_grid_png(&grid, 3).expect("a picture");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("one picture");
    // two images beside each other, one clear pixel around each, all threefold
    assert_eq!((info.width, info.height), (7 * 3, 3 * 3));
    let at = |x: usize, y: usize| pixels[y * 21 + x];
    assert_eq!([at(0, 0), at(3, 3), at(8, 5), at(9, 3), at(12, 4), at(15, 4)], [255, 0, 254, 255, 254, 127]);
}
