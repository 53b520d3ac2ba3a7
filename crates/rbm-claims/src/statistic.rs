//! Statistics of tests, with their intervals.

use std::collections::BTreeSet;

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::{
    IntervalMethod, Measurement, Region, Select, Test,
    select::{Number, Sample},
};

/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// How the method of a number begins that has nothing to make an interval of.
pub(crate) const SINGLE: &str = "a single number";

/// How the method of an interval from the least to the largest number begins.
pub(crate) const RANGE: &str = "least to largest";

/// What the method of an interval of a mean names.
pub(crate) const STUDENT: &str = "Student's t";

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
    /// The numbers themselves where every one counts for itself: of a range; else none.
    each: Vec<f64>,
}

impl Statistic {
    /// Whether it confirms, where `region` is the one that does: the whole interval lies within; of a range, every
    /// number.
    pub fn confirms(&self, region: &Region) -> bool {
        match &self.each[..] {
            [] => region.contains(self.interval.0, self.interval.1),
            each => each.iter().all(|&value| region.contains(value, value)),
        }
    }

    /// Whether it refutes, where `region` is the one that does: the whole interval lies within. What must hold of every
    /// number is refuted by a single one, so of a range it is enough that one does.
    pub fn refutes(&self, region: &Region) -> bool {
        match &self.each[..] {
            [] => region.contains(self.interval.0, self.interval.1),
            each => each.iter().any(|&value| region.contains(value, value)),
        }
    }
}

/// Why a test has no statistic.
pub(crate) type Missing = String;

/// The statistic of a test; `Err` says what is missing.
pub(crate) fn statistic(test: &Test, measurements: &[Measurement]) -> Result<Statistic, Missing> {
    let first = test.value.sample(measurements)?;
    let (numbers, pairs, chosen) = match (&test.minus, &test.per) {
        (Some(other), _) => combine(&first, other, measurements, |a, b| a - b)?,
        (_, Some(other)) => combine(&first, other, measurements, |a, b| a / b)?,
        (None, None) => {
            let chosen = first.chosen.as_ref().map(crate::select::words);
            (first.values.clone(), String::new(), chosen)
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
    if test.interval == IntervalMethod::Range {
        let value = worst(test, &values);
        let method = if n == 1 { format!("{SINGLE}{pairs}") } else { format!("{RANGE} of {n}{pairs}") };
        return Ok(Statistic { value, interval: (low, high), n, method, chosen, each: values });
    }
    let each = Vec::new();
    let mean = values.iter().sum::<f64>() / n as f64;
    if n == 1 && test.interval != IntervalMethod::Point {
        // An interval of its own tells how well this machine was estimated, and nothing of those of other seeds.
        return match numbers[0] {
            (None, Number { ends: Some(ends), value }) => {
                Ok(Statistic { value, interval: ends, n, method: "the estimate's own interval".into(), chosen, each })
            }
            (None, Number { value, .. }) => {
                Ok(Statistic { value, interval: (value, value), n, method: SINGLE.into(), chosen, each })
            }
            (Some(_), Number { value, .. }) => Ok(Statistic {
                value,
                interval: (f64::NEG_INFINITY, f64::INFINITY),
                n,
                method: "one seed has no interval".into(),
                chosen,
                each,
            }),
        };
    }
    if test.interval == IntervalMethod::Point {
        let method = if n == 1 { format!("{SINGLE}{pairs}") } else { format!("mean over {n} seeds{pairs}") };
        return Ok(Statistic { value: mean, interval: (mean, mean), n, method, chosen, each });
    }
    let method = format!("mean over {n} seeds, {STUDENT}, 95 %{pairs}");
    if values.iter().any(|value| !value.is_finite()) {
        return Ok(Statistic { value: mean, interval: (low, high), n, method, chosen, each });
    }
    let half = half_width(&values, mean);
    Ok(Statistic { value: mean, interval: (mean - half, mean + half), n, method, chosen, each })
}

/// Of numbers that must all lie in the region that confirms, the one that does so least: a counter-example, if there is
/// one, and else the nearest to an end of the region or the farthest outside.
fn worst(test: &Test, values: &[f64]) -> f64 {
    let refutes = |value: f64| test.refuted.contains(value, value);
    let depth = |value: f64| {
        let room = test.confirmed.room(value).unwrap_or(f64::INFINITY);
        if test.confirmed.contains(value, value) { room } else { -room }
    };
    let order = |a: &f64, b: &f64| refutes(*b).cmp(&refutes(*a)).then(depth(*a).total_cmp(&depth(*b)));
    values.iter().copied().min_by(order).unwrap_or(f64::NAN)
}

/// Half the width of the interval of a mean.
pub(crate) fn half_width(values: &[f64], mean: f64) -> f64 {
    let n = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    quantile(values.len() - 1) * (variance / n).sqrt()
}

/// The least number of seeds with a half-width of at most `wanted`, if they scatter like the `n` that gave the
/// half-width `half`.
pub(crate) fn seeds_for(wanted: f64, half: f64, n: usize) -> usize {
    /// Beyond, the law is normal to three digits.
    const NORMAL: usize = 10_000;
    let width = |n: usize| quantile(n.clamp(2, NORMAL) - 1) / (n as f64).sqrt();
    let enough = |seeds: usize| half * width(seeds) <= wanted * width(n);
    let mut most = n.max(2);
    while !enough(most) && most < usize::MAX / 2 {
        most *= 2;
    }
    let mut few = 1;
    while most - few > 1 {
        let middle = few + (most - few) / 2;
        if enough(middle) { most = middle } else { few = middle }
    }
    most
}

/// How far Student's t with so many degrees of freedom leaves zero with the level's probability.
fn quantile(degrees: usize) -> f64 {
    StudentsT::new(0.0, 1.0, degrees as f64).map_or(f64::INFINITY, |law| law.inverse_cdf(0.5 + LEVEL / 2.0))
}

/// Numbers by seed, how they are pairs in words that end the method, and the conditions that were chosen.
type Combined = (Vec<(Option<u64>, Number)>, String, Option<String>);

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
    if single(&second).is_some() || single(first).is_some() {
        return Ok((numbers, String::new(), chosen));
    }
    let seeds: BTreeSet<Option<u64>> = first.values.iter().chain(&second.values).map(|(seed, _)| *seed).collect();
    let pairs = match (numbers.len(), seeds.len()) {
        (both, all) if both < all => format!(", paired by seed ({both} of {all} seeds have both)"),
        _ => ", paired by seed".to_owned(),
    };
    Ok((numbers, pairs, chosen))
}
