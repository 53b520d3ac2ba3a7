//! Picking numbers out of measurements.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Label, Labels, Measurement};

/// Which measurements, and what is made of them: one number a seed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// What was measured.
    pub quantity: String,
    /// Labels that must hold.
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Condition>,
    /// What is taken of a curve.
    #[serde(default)]
    pub at: At,
    /// What is taken of several curves of one seed; without it there must be one.
    pub over: Option<Over>,
    /// The number is multiplied by this.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.0
}

/// A label must be this one, or one of these.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// This one.
    One(Label),
    /// One of these.
    AnyOf(Vec<Label>),
}

impl Condition {
    /// The labels that it allows.
    pub fn labels(&self) -> &[Label] {
        match self {
            Self::One(label) => std::slice::from_ref(label),
            Self::AnyOf(labels) => labels,
        }
    }
}

/// What is taken of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// The last value.
    #[default]
    Last,
    /// The first value.
    First,
    /// The largest value.
    Max,
    /// The least value.
    Min,
    /// The mean of all values.
    Mean,
    /// Where the largest value lies.
    PlaceOfMax,
    /// Where the least value lies.
    PlaceOfMin,
    /// The value at this place.
    Place(f64),
    /// The first place where the value is this large; infinite where it never is.
    Reaching(f64),
}

/// What is taken of several curves of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// The largest number.
    Max,
    /// The least number.
    Min,
    /// Their mean.
    Mean,
    /// The number under the conditions whose mean over all seeds is largest: the same conditions for every seed.
    LargestMean,
    /// The same with the least mean.
    LeastMean,
}

/// One number a seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Seed and number, in the seeds' order; numbers without a seed have none.
    pub values: Vec<(Option<u64>, Number)>,
    /// The conditions that [`Over::LargestMean`] and [`Over::LeastMean`] settled on.
    pub chosen: Option<Labels>,
}

/// A number, perhaps with an interval of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// The number.
    pub value: f64,
    /// Where the truth may lie.
    pub ends: Option<(f64, f64)>,
}

/// Curves by seed.
type Curves<'a> = BTreeMap<Option<u64>, Vec<&'a Measurement>>;

impl Select {
    /// Whether a measurement is meant.
    pub fn accepts(&self, measurement: &Measurement) -> bool {
        measurement.quantity == self.quantity && holds(&self.conditions, measurement)
    }

    /// One number a seed.
    ///
    /// # Errors
    /// Nothing that fits, or several curves of one seed with no word on what to take.
    pub fn sample(&self, measurements: &[Measurement]) -> Result<Sample, String> {
        let mine: Vec<&Measurement> = measurements.iter().filter(|one| self.accepts(one)).collect();
        if mine.is_empty() {
            return Err(format!("no {} was measured{}", self.quantity, self.conditions_in_words()));
        }
        // By conditions, then by seed: curves.
        let mut curves: BTreeMap<String, (Labels, Curves<'_>)> = BTreeMap::new();
        for one in mine {
            let entry = curves.entry(words(&one.labels)).or_insert_with(|| (one.labels.clone(), BTreeMap::new()));
            entry.1.entry(one.seed).or_default().push(one);
        }
        let mut numbers: Vec<(Labels, BTreeMap<Option<u64>, Number>)> = Vec::new();
        for (_, (labels, seeds)) in curves {
            let of_seed = seeds.into_iter().filter_map(|(seed, curve)| Some((seed, self.of_curve(curve)?)));
            numbers.push((labels, of_seed.collect()));
        }
        if numbers.iter().all(|(_, values)| values.is_empty()) {
            return Err(format!("no {} was measured at that place{}", self.quantity, self.conditions_in_words()));
        }
        self.over_conditions(numbers)
    }

    fn over_conditions(&self, mut numbers: Vec<(Labels, BTreeMap<Option<u64>, Number>)>) -> Result<Sample, String> {
        let whole = |values: BTreeMap<Option<u64>, Number>| values.into_iter().collect::<Vec<_>>();
        if numbers.len() == 1 {
            let (_, values) = numbers.remove(0);
            return Ok(Sample { values: whole(values), chosen: None });
        }
        let Some(over) = self.over else {
            let names: Vec<String> = numbers.iter().take(3).map(|(labels, _)| words(labels)).collect();
            return Err(format!(
                "{} stands under {} conditions ({}, ...): say `over`, or more under `where`",
                self.quantity,
                numbers.len(),
                names.join("; ")
            ));
        };
        if matches!(over, Over::LargestMean | Over::LeastMean) {
            // Conditions under which a run diverged have fewer seeds, and are not chosen.
            let most = numbers.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
            numbers.retain(|(_, values)| values.len() == most);
            let mean = |values: &BTreeMap<Option<u64>, Number>| {
                values.values().map(|number| number.value).sum::<f64>() / values.len() as f64
            };
            let sign = if over == Over::LargestMean { 1.0 } else { -1.0 };
            let best = numbers.into_iter().max_by(|a, b| (sign * mean(&a.1)).total_cmp(&(sign * mean(&b.1))));
            let (mut labels, values) = best.ok_or("nothing to choose from")?;
            // What was asked for needs no telling.
            labels.retain(|name, _| !matches!(self.conditions.get(name), Some(Condition::One(_))));
            return Ok(Sample { values: whole(values), chosen: Some(labels) });
        }
        let mut by_seed: BTreeMap<Option<u64>, Vec<f64>> = BTreeMap::new();
        for (seed, number) in numbers.into_iter().flat_map(|(_, values)| values) {
            by_seed.entry(seed).or_default().push(number.value);
        }
        let one = |values: Vec<f64>| match over {
            Over::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            Over::Min => values.into_iter().fold(f64::INFINITY, f64::min),
            _ => values.iter().sum::<f64>() / values.len() as f64,
        };
        let number = |values| Number { value: one(values), ends: None };
        Ok(Sample { values: by_seed.into_iter().map(|(seed, values)| (seed, number(values))).collect(), chosen: None })
    }

    /// What is taken of one curve; none of an empty one, or at a place where there is nothing.
    pub(crate) fn of_curve(&self, mut curve: Vec<&Measurement>) -> Option<Number> {
        let place = |one: &Measurement| one.x.unwrap_or(0.0);
        curve.sort_by(|a, b| place(a).total_cmp(&place(b)));
        let by_value = |a: &&&Measurement, b: &&&Measurement| a.value.total_cmp(&b.value);
        let found = match self.at {
            At::Last => *curve.last()?,
            At::First => *curve.first()?,
            At::Max => *curve.iter().max_by(by_value)?,
            At::Min => *curve.iter().min_by(by_value)?,
            At::Place(x) => *curve.iter().find(|one| place(one) == x)?,
            At::Mean => {
                let sum: f64 = curve.iter().map(|one| one.value).sum();
                return Some(Number { value: self.scale * sum / curve.len() as f64, ends: None });
            }
            At::PlaceOfMax | At::PlaceOfMin | At::Reaching(_) => {
                let at = match self.at {
                    At::PlaceOfMax => curve.iter().max_by(by_value).map(|one| place(one)),
                    At::PlaceOfMin => curve.iter().min_by(by_value).map(|one| place(one)),
                    At::Reaching(least) => curve.iter().find(|one| one.value >= least).map(|one| place(one)),
                    _ => None,
                };
                return Some(Number { value: self.scale * at.unwrap_or(f64::INFINITY), ends: None });
            }
        };
        let ends = found.low.zip(found.high).map(|(low, high)| {
            let (a, b) = (self.scale * low, self.scale * high);
            (a.min(b), a.max(b))
        });
        Some(Number { value: self.scale * found.value, ends })
    }

    fn conditions_in_words(&self) -> String {
        let one = |(name, condition): (&String, &Condition)| {
            let labels: Vec<String> = condition.labels().iter().map(Label::to_string).collect();
            format!("{name} = {}", labels.join(" or "))
        };
        let all: Vec<String> = self.conditions.iter().map(one).collect();
        if all.is_empty() { String::new() } else { format!(" where {}", all.join(", ")) }
    }
}

/// Whether a measurement's labels satisfy the conditions; the empty word stands for a label that is absent.
pub(crate) fn holds(conditions: &BTreeMap<String, Condition>, measurement: &Measurement) -> bool {
    let absent = Label::from("");
    conditions
        .iter()
        .all(|(name, condition)| condition.labels().contains(measurement.labels.get(name).unwrap_or(&absent)))
}

/// "k = 1, sweep = training".
pub(crate) fn words(labels: &Labels) -> String {
    let one = |(name, label): (&String, &Label)| format!("{name} = {label}");
    labels.iter().map(one).collect::<Vec<_>>().join(", ")
}
