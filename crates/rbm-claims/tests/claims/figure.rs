//! What is drawn of measurements.

use rbm_claims::{FigureSpec, Measurement};

use crate::common::assert_near;

/// Place, number and ends of a point.
type Point = (f64, f64, Option<(f64, f64)>);

/// The points of the one series.
#[track_caller]
fn points(lines: &str, measurements: &[Measurement]) -> Vec<Point> {
    let head = "name = \"f\"\ntitle = \"F\"\nsentence = \"It shows.\"\nkind = \"lines\"\nquantity = [\"q\"]";
    let spec: FigureSpec = toml::from_str(&format!("{head}\n{lines}")).expect("a figure");
    let mut chart = spec.chart("claim", measurements);
    assert_eq!(chart.series.len(), 1, "{lines}");
    chart.series.remove(0).points.into_iter().map(|one| (one.x, one.y, one.low.zip(one.high))).collect()
}

fn of_rate(rate: f64, seed: u64, value: f64) -> Measurement {
    Measurement::new("q", value).with("rate", rate).of_seed(seed).at(1.0)
}

#[test]
fn conditions_that_no_series_tells_apart_are_averaged_within_a_seed() {
    let measured = [of_rate(1.0, 0, 0.0), of_rate(2.0, 0, 10.0), of_rate(1.0, 1, 2.0), of_rate(2.0, 1, 12.0)];
    let found = points("", &measured);
    let [(x, y, Some((low, high)))] = found[..] else { panic!("one point with an interval: {found:?}") };
    assert_eq!((x, y), (1.0, 6.0));
    // Of the means 5 and 7 of two seeds: deviation sqrt 2, so t(0.975; 1) sqrt 2 / sqrt 2 = 12.7062 by the tables.
    assert_near(low, 6.0 - 12.7062, 1e-4);
    assert_near(high, 6.0 + 12.7062, 1e-4);
    // Two conditions of one seed have a mean, and no interval.
    assert_eq!(points("", &measured[..2]), [(1.0, 5.0, None)]);
}

#[test]
fn a_seed_with_more_conditions_weighs_no_more_than_another() {
    let measured = [of_rate(1.0, 0, 0.0), of_rate(2.0, 0, 0.0), of_rate(3.0, 0, 0.0), of_rate(1.0, 1, 4.0)];
    assert_eq!(points("", &measured)[0].1, 2.0);
}

#[test]
fn on_a_logarithmic_axis_what_is_not_positive_is_left_out() {
    let measured = [of_rate(1.0, 0, 1.0), of_rate(1.0, 1, 100.0), of_rate(1.0, 2, 0.0), of_rate(1.0, 3, -5.0)];
    let found = points("y_log = true", &measured);
    let [(_, y, Some((low, high)))] = found[..] else { panic!("one point with an interval: {found:?}") };
    // The geometric mean of 1 and 100; rounding of exp and ln is far below a billionth.
    assert_near(y, 10.0, 1e-8);
    assert!(low > 0.0 && low < 1.0 && high > 100.0, "{low} to {high}");
    assert_eq!(points("", &measured)[0].1, 24.0, "a linear axis has them all");
    assert_eq!(points("y_log = true", &measured[1..]), [(1.0, 100.0, None)], "one is left");
    let spec = "name = \"f\"\ntitle = \"F\"\nsentence = \"S.\"\nkind = \"lines\"\nquantity = [\"q\"]\ny_log = true";
    let spec: FigureSpec = toml::from_str(spec).expect("a figure");
    assert!(spec.chart("claim", &measured[2..]).series.is_empty(), "none is left");
}

#[test]
fn an_estimate_that_stands_alone_keeps_its_own_interval() {
    let one = of_rate(1.0, 0, 3.0).between(2.0, 5.0);
    assert_eq!(points("", std::slice::from_ref(&one)), [(1.0, 3.0, Some((2.0, 5.0)))]);
    assert_eq!(points("scale = -1", &[one]), [(1.0, -3.0, Some((-5.0, -2.0)))]);
}
