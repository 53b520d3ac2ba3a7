//! Picking numbers out of measurements.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{Label, Labels, Measurement, experiment::near};

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

/// Quantities of cells that have no other: training diverged, or the cell is not there.
const FAULTS: [(&str, &str); 2] = [("diverged", "diverged"), ("missing", "are missing")];

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
    /// Their median; of an even number of them, the mean of the middle two.
    Median,
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

/// Conditions, and a number of each seed under them.
type Condensed = (Labels, BTreeMap<Option<u64>, Number>);

impl Select {
    /// Whether a measurement is meant.
    pub fn accepts(&self, measurement: &Measurement) -> bool {
        measurement.quantity == self.quantity && holds(&self.conditions, measurement)
    }

    /// One number a seed.
    ///
    /// # Errors
    /// Nothing that fits, several curves of one seed with no word on what to take, seeds under other conditions than
    /// the rest, or cells that diverged or are missing: without them the number would be of the cells that went well.
    /// Where the best conditions are chosen, those of such cells are left out instead.
    pub fn sample(&self, measurements: &[Measurement]) -> Result<Sample, String> {
        let mine: Vec<&Measurement> = measurements.iter().filter(|one| self.accepts(one)).collect();
        let faults = self.faults(measurements);
        let chooses = matches!(self.over, Some(Over::LargestMean | Over::LeastMean));
        if !faults.is_empty() && (!chooses || mine.is_empty()) {
            return Err(self.faults_in_words(&faults));
        }
        if mine.is_empty() {
            return Err(format!(
                "no {} was measured{}{}",
                self.quantity,
                self.conditions_in_words(),
                self.hint(measurements)
            ));
        }
        // By conditions, then by seed: curves.
        let mut curves: BTreeMap<String, (Labels, Curves<'_>)> = BTreeMap::new();
        for one in mine {
            let entry = curves.entry(words(&one.labels)).or_insert_with(|| (one.labels.clone(), BTreeMap::new()));
            entry.1.entry(one.seed).or_default().push(one);
        }
        let mut numbers: Vec<Condensed> = Vec::new();
        for (_, (labels, seeds)) in curves {
            let of_seed = seeds.into_iter().filter_map(|(seed, curve)| Some((seed, self.of_curve(curve)?)));
            numbers.push((labels, of_seed.collect()));
        }
        if numbers.iter().all(|(_, values)| values.is_empty()) {
            return Err(format!("no {} was measured at that place{}", self.quantity, self.conditions_in_words()));
        }
        self.over_conditions(numbers, &faults)
    }

    /// The closest of the measured quantities, where this one is not among them.
    fn hint(&self, measurements: &[Measurement]) -> String {
        let known: BTreeSet<&str> = measurements.iter().map(|one| one.quantity.as_str()).collect();
        if known.contains(self.quantity.as_str()) {
            return String::new();
        }
        near(&self.quantity, &known.into_iter().collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Cells that the conditions mean and that have no numbers. What a cell leaves has labels that the cell has not
    /// (`split`): conditions on those do not count. A quantity without cells, of a protocol, lacks the label `sweep`.
    fn faults<'a>(&self, measurements: &'a [Measurement]) -> Vec<&'a Measurement> {
        let is_fault = |quantity: &str| FAULTS.iter().any(|(fault, _)| *fault == quantity);
        if is_fault(&self.quantity) {
            return Vec::new();
        }
        let mut of_quantity = measurements.iter().filter(|one| one.quantity == self.quantity).peekable();
        let of_cells = of_quantity.peek().is_none() || of_quantity.any(|one| one.labels.contains_key("sweep"));
        let meant = |one: &&Measurement| {
            let known = |(name, condition): (&String, &Condition)| {
                one.labels.get(name).is_none_or(|label| condition.labels().contains(label))
            };
            self.conditions.iter().all(known) && (of_cells || !one.labels.contains_key("sweep"))
        };
        measurements.iter().filter(|one| is_fault(&one.quantity)).filter(meant).collect()
    }

    /// "2 cells diverged and 1 cells are missing where k = 3".
    fn faults_in_words(&self, faults: &[&Measurement]) -> String {
        let count = |fault: &str| faults.iter().filter(|one| one.quantity == fault).count();
        let one = |(fault, verb): (&str, &str)| match count(fault) {
            0 => None,
            1 => Some(format!("1 cell {}", verb.replacen("are", "is", 1))),
            n => Some(format!("{n} cells {verb}")),
        };
        let all: Vec<String> = FAULTS.into_iter().filter_map(one).collect();
        format!("{}{}", all.join(" and "), self.conditions_in_words())
    }

    fn over_conditions(&self, mut numbers: Vec<Condensed>, faults: &[&Measurement]) -> Result<Sample, String> {
        let whole = |values: BTreeMap<Option<u64>, Number>| values.into_iter().collect::<Vec<_>>();
        if numbers.len() == 1 && faults.is_empty() {
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
            // Conditions under which a run diverged or is missing are not chosen, nor those that have fewer seeds.
            let has = |labels: &Labels, fault: &Measurement| fault.labels.iter().all(|(k, v)| labels.get(k) == Some(v));
            numbers.retain(|(labels, _)| !faults.iter().any(|fault| has(labels, fault)));
            if numbers.is_empty() {
                return Err(format!("{}: no conditions are without", self.faults_in_words(faults)));
            }
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
        // Otherwise each seed's number would be of something else.
        let seeds: BTreeSet<Option<u64>> = numbers.iter().flat_map(|(_, values)| values.keys().copied()).collect();
        if let Some((labels, values)) = numbers.iter().find(|(_, values)| values.len() < seeds.len()) {
            let (n, all) = (values.len(), seeds.len());
            let labels = if labels.is_empty() { "no label".into() } else { words(labels) };
            let q = &self.quantity;
            return Err(format!(
                "{q} stands under other conditions of other seeds: {n} of {all} have it under {labels}"
            ));
        }
        let mut by_seed: BTreeMap<Option<u64>, Vec<f64>> = BTreeMap::new();
        for (seed, number) in numbers.into_iter().flat_map(|(_, values)| values) {
            by_seed.entry(seed).or_default().push(number.value);
        }
        let one = |values: Vec<f64>| match over {
            Over::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            Over::Min => values.into_iter().fold(f64::INFINITY, f64::min),
            Over::Median => median(values),
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

/// The median of at least one number.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    (low + high) / 2.0
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
