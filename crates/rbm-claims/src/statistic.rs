//! Statistics of tests, with their intervals.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::{
    IntervalMethod, Measurement, Select, Test,
    select::{Number, Sample},
};

/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// A statistic with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    /// The statistic: a mean over seeds, or the worst of all where every one must lie within.
    pub value: f64,
    /// Lower and upper end.
    pub interval: (f64, f64),
    /// How many numbers it is of.
    pub n: usize,
    /// How the interval was made.
    pub method: String,
    /// Conditions that were chosen among several, in words.
    pub chosen: Option<String>,
}

/// Why a test has no statistic.
pub(crate) type Missing = String;

/// The statistic of a test; `Err` says what is missing.
pub(crate) fn statistic(test: &Test, measurements: &[Measurement]) -> Result<Statistic, Missing> {
    let first = test.value.sample(measurements)?;
    let (numbers, paired, chosen) = match (&test.minus, &test.per) {
        (Some(other), _) => combine(&first, other, measurements, |a, b| a - b)?,
        (_, Some(other)) => combine(&first, other, measurements, |a, b| a / b)?,
        (None, None) => {
            let chosen = first.chosen.as_ref().map(crate::select::words);
            (first.values.clone(), false, chosen)
        }
    };
    if numbers.is_empty() {
        return Err("no seed has both parts".into());
    }
    let n = numbers.len();
    let values: Vec<f64> = numbers.iter().map(|(_, number)| number.value).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Err("infinite numbers have no difference, and infinite ones or zeros no quotient".into());
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let pairs = if paired { ", paired by seed" } else { "" };
    if test.interval == IntervalMethod::Range {
        // The one that lies nearest to the end of the region that decides.
        let region = if test.refuted.contains(low, high) { &test.refuted } else { &test.confirmed };
        let worst = if region.above.is_some() && region.below.is_none() { low } else { high };
        let method = if n == 1 { "exact".into() } else { format!("least to largest of {n}{pairs}") };
        return Ok(Statistic { value: worst, interval: (low, high), n, method, chosen });
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    if n == 1 && test.interval != IntervalMethod::Point {
        return match numbers[0] {
            (_, Number { ends: Some(ends), value }) => {
                Ok(Statistic { value, interval: ends, n, method: "the estimate's own interval".into(), chosen })
            }
            (None, Number { value, .. }) => {
                Ok(Statistic { value, interval: (value, value), n, method: "exact".into(), chosen })
            }
            (Some(_), Number { value, .. }) => Ok(Statistic {
                value,
                interval: (f64::NEG_INFINITY, f64::INFINITY),
                n,
                method: "one seed has no interval".into(),
                chosen,
            }),
        };
    }
    if test.interval == IntervalMethod::Point {
        let method = format!("mean over {n} seeds");
        return Ok(Statistic { value: mean, interval: (mean, mean), n, method, chosen });
    }
    let method = format!("mean over {n} seeds, Student's t, 95 %{pairs}");
    if values.iter().any(|value| !value.is_finite()) {
        return Ok(Statistic { value: mean, interval: (low, high), n, method, chosen });
    }
    let half = half_width(&values, mean);
    Ok(Statistic { value: mean, interval: (mean - half, mean + half), n, method, chosen })
}

/// Half the width of the interval of a mean.
pub(crate) fn half_width(values: &[f64], mean: f64) -> f64 {
    let n = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    quantile(values.len() - 1) * (variance / n).sqrt()
}

/// How far Student's t with so many degrees of freedom leaves zero with the level's probability.
fn quantile(degrees: usize) -> f64 {
    StudentsT::new(0.0, 1.0, degrees as f64).map_or(f64::INFINITY, |law| law.inverse_cdf(0.5 + LEVEL / 2.0))
}

/// Numbers by seed, whether they are pairs, and the conditions that were chosen.
type Combined = (Vec<(Option<u64>, Number)>, bool, Option<String>);

fn combine(
    first: &Sample,
    other: &Select,
    measurements: &[Measurement],
    by: impl Fn(f64, f64) -> f64,
) -> Result<Combined, Missing> {
    let second = other.sample(measurements)?;
    let words = |sample: &Sample| sample.chosen.as_ref().map(crate::select::words);
    let chosen = match (words(first), words(&second)) {
        (None, None) => None,
        (a, b) => Some(format!("{} against {}", a.unwrap_or("the one".into()), b.unwrap_or("the one".into()))),
    };
    let single = |sample: &Sample| match sample.values[..] {
        [(None, number)] => Some(number),
        _ => None,
    };
    // What has no seed stands against every seed.
    let other_of = |seed: Option<u64>| {
        single(&second).or_else(|| second.values.iter().find(|(other, _)| *other == seed).map(|(_, number)| *number))
    };
    let pair = |(seed, number): &(Option<u64>, Number)| {
        let other = other_of(*seed)?;
        // An estimate with an interval of its own, alone on both sides: the ends that lie furthest apart.
        let ends = match (number.ends, other.ends) {
            (None, None) => None,
            (a, b) => {
                let (a, b) = (a.unwrap_or((number.value, number.value)), b.unwrap_or((other.value, other.value)));
                let corners = [by(a.0, b.0), by(a.0, b.1), by(a.1, b.0), by(a.1, b.1)];
                let least = corners.iter().copied().fold(f64::INFINITY, f64::min);
                Some((least, corners.iter().copied().fold(f64::NEG_INFINITY, f64::max)))
            }
        };
        Some((*seed, Number { value: by(number.value, other.value), ends }))
    };
    let numbers: Vec<_> = match single(first) {
        // One number without a seed against those of seeds.
        Some(number) if single(&second).is_none() => {
            let of = |(seed, other): &(Option<u64>, Number)| {
                (*seed, Number { value: by(number.value, other.value), ends: None })
            };
            second.values.iter().map(of).collect()
        }
        _ => first.values.iter().filter_map(pair).collect(),
    };
    let paired = single(&second).is_none() && single(first).is_none();
    Ok((numbers, paired, chosen))
}
