//! Tables to bytes and back.

use rbm_report::tables::{
    TimingPoint, metrics_frame, metrics_from_parquet, metrics_to_parquet, read_parquet, timings_from_parquet,
    timings_to_parquet,
};
use rbm_report::{Axis, CellReport, CellState, Error, MetricPoint, Report, render, standard_metrics};

fn point(epoch: u32, split: &str, metric: &str, value: f64) -> MetricPoint {
    let (split, metric) = (split.into(), metric.into());
    MetricPoint { step: u64::from(epoch) * 500, epoch, split, metric, value, stderr: None }
}

fn rows() -> Vec<MetricPoint> {
    let mut rows: Vec<_> = (0..200).map(|epoch| point(epoch, "train", "log-z", f64::from(epoch).exp_m1())).collect();
    rows[3].stderr = Some(0.25);
    rows[4].value = -0.1 - 0.2;
    rows[5].step = u64::MAX;
    rows
}

#[test]
fn metrics_come_back_from_parquet_bit_for_bit() {
    let bytes = metrics_to_parquet(&rows()).expect("a table of metrics");
    assert_eq!(metrics_from_parquet(&bytes).expect("the same table"), rows());
    let frame = read_parquet(&bytes, "metrics").expect("the same table");
    let names: Vec<String> =
        frame.columns().iter().map(|column| format!("{} {}", column.name(), column.dtype())).collect();
    assert_eq!(names, ["step u64", "epoch u32", "split str", "metric str", "value f64", "stderr f64"]);
    assert_eq!(frame.column("stderr").expect("a column").null_count(), 199);
}

#[test]
fn same_rows_give_the_same_bytes() {
    let bytes = metrics_to_parquet(&rows()).expect("a table of metrics");
    for _ in 0..5 {
        assert_eq!(metrics_to_parquet(&rows()).expect("a table of metrics"), bytes);
    }
    assert_ne!(metrics_to_parquet(&rows()[1..]).expect("a table of metrics"), bytes);
}

#[test]
fn frame_pieced_together_gives_the_bytes_of_a_whole_one() {
    let (first, second) = (rows()[..77].to_vec(), rows()[77..].to_vec());
    let pieced = metrics_frame(&first).expect("a frame").vstack(&metrics_frame(&second).expect("a frame"));
    let bytes = rbm_report::tables::write_parquet(pieced.expect("equal columns"), "metrics").expect("a table");
    assert_eq!(bytes, metrics_to_parquet(&rows()).expect("a table of metrics"));
}

#[test]
fn empty_table_comes_back_empty() {
    let bytes = metrics_to_parquet(&[]).expect("a table without rows");
    assert_eq!(metrics_from_parquet(&bytes).expect("the same table"), []);
}

#[test]
fn timings_come_back_from_parquet() {
    let row = |epoch, train_seconds| TimingPoint { epoch, train_seconds, evaluate_seconds: 0.1 };
    let rows = [row(0, 0.0), row(1, 1.25)];
    let bytes = timings_to_parquet(&rows).expect("a table of timings");
    assert_eq!(timings_from_parquet(&bytes).expect("the same table"), rows);
}

#[test]
fn bytes_of_something_else_are_refused() {
    let refused = metrics_from_parquet(b"step,epoch\n1,2\n").expect_err("no Parquet");
    assert_eq!(refused.to_string(), "read the table metrics");
    let timings = timings_to_parquet(&[TimingPoint::default()]).expect("a table of timings");
    assert!(matches!(metrics_from_parquet(&timings), Err(Error::Table { doing: "read", .. })));
}

/// Two values of k with two seeds each; one cell diverged.
fn small() -> Report {
    let cell = |k: u32, seed: u64, state, start: f64, end: f64| CellReport {
        name: format!("k={k},seed={seed}"),
        id: format!("{k}{seed}aa"),
        state,
        message: (state == CellState::Diverged).then(|| "a weight is not finite".into()),
        seed,
        settings: vec![("train.k".into(), k.to_string())],
        metrics: vec![
            point(0, "train", "log-likelihood", start),
            point(1, "train", "log-likelihood", end),
            point(1, "train", "weight-norm", 2.0),
        ],
        wall_seconds: Some(1.5),
        ..CellReport::default()
    };
    Report {
        title: "small".into(),
        axes: vec![Axis { key: "train.k".into(), label: "k".into(), values: vec!["1".into(), "10".into()] }],
        cells: vec![
            cell(1, 0, CellState::Done, -9.0, -4.0),
            cell(1, 1, CellState::Done, -9.0, -6.0),
            cell(10, 0, CellState::Done, -2.0, -3.0),
            cell(10, 1, CellState::Diverged, -9.0, -100.0),
        ],
        metric_info: standard_metrics(),
        ..Report::default()
    }
}

#[test]
fn summary_has_one_row_a_cell() {
    let rendered = render(&small()).expect("a report");
    let csv = "\
cell,id,state,train.k,seed,wall_seconds,peak_memory_bytes,log-likelihood.train,log-likelihood.train.best,\
log-likelihood.train.best_epoch,weight-norm.train,message
\"k=1,seed=0\",10aa,done,1,0,1.5,,-4.0,-4.0,1,2.0,
\"k=1,seed=1\",11aa,done,1,1,1.5,,-6.0,-6.0,1,2.0,
\"k=10,seed=0\",100aa,done,10,0,1.5,,-3.0,-2.0,0,2.0,
\"k=10,seed=1\",101aa,diverged,10,1,1.5,,-100.0,-9.0,0,2.0,a weight is not finite
";
    assert_eq!(rendered.summary_csv, csv);
    let frame = read_parquet(&rendered.summary_parquet, "summary").expect("the same table");
    assert_eq!((frame.height(), frame.width()), (4, 12));
    assert_eq!(frame.column("train.k").expect("a column").dtype().to_string(), "i64");
}

#[test]
fn means_and_deviations_are_those_computed_by_hand_and_leave_out_diverged_cells() {
    // k = 1: -4 and -6, mean -5, deviation sqrt((1 + 1) / 1); k = 10: -3 alone, the diverged cell's -100 left out
    let rendered = render(&small()).expect("a report");
    let csv = "\
train.k,cells,done,diverged,failed,log-likelihood.train.mean,log-likelihood.train.sd,log-likelihood.train.n,\
weight-norm.train.mean,weight-norm.train.sd,weight-norm.train.n
1,2,2,0,0,-5.0,1.4142135623730951,2,2.0,0.0,2
10,2,1,1,0,-3.0,,1,2.0,,1
";
    assert_eq!(rendered.settings_csv, csv);
}
