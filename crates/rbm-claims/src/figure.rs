//! What an experiment draws.

use std::collections::BTreeMap;

use rbm_report::{Chart, ChartKind, ChartPoint, ChartSeries, Reference};
use serde::Deserialize;

use crate::{
    Label, Labels, Measurement, Select,
    experiment::closest,
    select::{At, Condition, Number, holds},
    statistic::half_width,
};

/// A figure: measurements as lines over a place, as dots of conditions, or pictures of a protocol.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureSpec {
    /// The file's name without suffix.
    pub name: String,
    /// A heading.
    pub title: String,
    /// What it shows, in a sentence.
    pub sentence: String,
    /// How it is drawn.
    pub kind: FigureKind,
    /// What is drawn; several stand side by side as series.
    #[serde(default)]
    pub quantity: Vec<String>,
    /// Labels that must hold.
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Condition>,
    /// The labels that tell series apart; seeds are drawn as means with 95 % intervals.
    #[serde(default)]
    pub series: Vec<String>,
    /// The label that is the horizontal place; the measurements' own place if absent.
    pub x: Option<String>,
    /// What is taken of a curve, where `x` is a label or dots are drawn.
    #[serde(default)]
    pub at: At,
    /// Title of the horizontal axis.
    #[serde(default)]
    pub x_label: String,
    /// Title of the vertical axis.
    #[serde(default)]
    pub y_label: String,
    /// Whether the horizontal axis is logarithmic.
    #[serde(default)]
    pub x_log: bool,
    /// Whether the vertical one is.
    #[serde(default)]
    pub y_log: bool,
    /// Numbers are multiplied by this.
    #[serde(default = "one")]
    pub scale: f64,
    /// Figures of the literature, bounds.
    #[serde(default)]
    pub reference: Vec<ReferenceSpec>,
    /// The picture's name in the protocol's output.
    pub picture: Option<String>,
}

fn one() -> f64 {
    1.0
}

/// A value that others are compared with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// The value.
    pub at: f64,
    /// What it is.
    pub label: String,
}

/// How a figure is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureKind {
    /// Lines over a place.
    Lines,
    /// A dot with its interval for each series.
    Dots,
    /// Pictures.
    Images,
}

impl FigureSpec {
    pub(crate) fn check(&self, sweeps: &[&str]) -> Result<(), String> {
        match self.kind {
            FigureKind::Images if self.picture.is_none() => return Err("kind = \"images\" needs `picture`".into()),
            FigureKind::Lines | FigureKind::Dots if self.quantity.is_empty() => {
                return Err("expected at least one word under `quantity`".into());
            }
            _ => {}
        }
        for label in self.conditions.get("sweep").into_iter().flat_map(Condition::labels) {
            if let Label::Word(name) = label
                && !sweeps.contains(&name.as_str())
            {
                return Err(format!("there is no sweep {name:?}{}", closest(name, sweeps)));
            }
        }
        Ok(())
    }

    /// The chart of what was measured.
    pub fn chart(&self, experiment: &str, measurements: &[Measurement]) -> Chart {
        let kind = if self.kind == FigureKind::Dots { ChartKind::Dots } else { ChartKind::Lines };
        let reference = |one: &ReferenceSpec| Reference { at: one.at, label: one.label.clone() };
        Chart {
            stem: format!("{experiment}-{}", self.name),
            title: self.title.clone(),
            sentence: self.sentence.clone(),
            kind,
            x_label: self.x_label.clone(),
            y_label: self.y_label.clone(),
            x_log: self.x_log,
            y_log: self.y_log,
            series: self.series(measurements),
            references: self.reference.iter().map(reference).collect(),
        }
    }

    fn series(&self, measurements: &[Measurement]) -> Vec<ChartSeries> {
        let mut order: Vec<(Vec<Label>, String)> = Vec::new();
        let mut series: BTreeMap<usize, Vec<&Measurement>> = BTreeMap::new();
        for quantity in &self.quantity {
            let mine = measurements.iter().filter(|one| one.quantity == *quantity && holds(&self.conditions, one));
            let mut found: Vec<(Vec<Label>, Vec<&Measurement>)> = Vec::new();
            for one in mine {
                let key: Vec<Label> =
                    self.series.iter().map(|name| one.labels.get(name).cloned().unwrap_or("".into())).collect();
                match found.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, members)) => members.push(one),
                    None => found.push((key, vec![one])),
                }
            }
            found.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
            for (key, members) in found {
                order.push((key.clone(), self.label(quantity, &key)));
                series.insert(order.len() - 1, members);
            }
        }
        let of = |(index, members): (usize, Vec<&Measurement>)| {
            let points = self.points(members);
            ChartSeries { label: order[index].1.clone(), points }
        };
        series.into_iter().map(of).filter(|series| !series.points.is_empty()).collect()
    }

    /// "k = 3, algorithm = pcd", or the quantity where that is what differs.
    fn label(&self, quantity: &str, key: &[Label]) -> String {
        let mut parts = Vec::new();
        if self.quantity.len() > 1 {
            parts.push(quantity.replace('-', " "));
        }
        for (name, label) in self.series.iter().zip(key).filter(|(_, label)| **label != Label::from("")) {
            let short = name.rsplit('.').next().unwrap_or(name).replace('_', " ");
            parts.push(match label {
                Label::Word(word) => word.clone(),
                other => format!("{short} = {other}"),
            });
        }
        if parts.is_empty() { quantity.replace('-', " ") } else { parts.join(", ") }
    }

    fn points(&self, members: Vec<&Measurement>) -> Vec<ChartPoint> {
        // By place, then one number a seed.
        let mut places: Vec<(f64, Vec<&Measurement>)> = Vec::new();
        let dots = self.kind == FigureKind::Dots;
        for one in members {
            let place = match (&self.x, dots) {
                (_, true) => 0.0,
                (Some(label), _) => match one.labels.get(label) {
                    Some(Label::Number(number)) => *number,
                    _ => continue,
                },
                (None, _) => one.x.unwrap_or(0.0),
            };
            match places.iter_mut().find(|(known, _)| *known == place) {
                Some((_, members)) => members.push(one),
                None => places.push((place, vec![one])),
            }
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let taken = self.x.is_some() || dots;
        places.into_iter().filter_map(|(place, members)| self.point(place, members, taken)).collect()
    }

    fn point(&self, place: f64, members: Vec<&Measurement>, take: bool) -> Option<ChartPoint> {
        let mut curves: BTreeMap<(Option<u64>, String), Vec<&Measurement>> = BTreeMap::new();
        for one in members {
            curves.entry((one.seed, words_without(&one.labels, self.x.as_deref()))).or_default().push(one);
        }
        let select = Select {
            quantity: String::new(),
            conditions: BTreeMap::new(),
            at: if take { self.at } else { At::Last },
            over: None,
            scale: self.scale,
        };
        // On a logarithmic axis what is not positive has no place; the rest has its mean and interval there.
        let drawn = |value: f64| value.is_finite() && (!self.y_log || value > 0.0);
        let on_axis = |value: f64| if self.y_log { value.ln() } else { value };
        let off_axis = |place: f64| if self.y_log { place.exp() } else { place };
        // Conditions that no label of the series tells apart are averaged within a seed: the interval is over seeds.
        let mut by_seed: BTreeMap<Option<u64>, Vec<Number>> = BTreeMap::new();
        for ((seed, _), curve) in curves {
            if let Some(number) = select.of_curve(curve).filter(|number| drawn(number.value)) {
                by_seed.entry(seed).or_default().push(number);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let of_seed = |numbers: &Vec<Number>| mean(&numbers.iter().map(|one| on_axis(one.value)).collect::<Vec<_>>());
        let values: Vec<f64> = by_seed.values().map(of_seed).collect();
        let numbers: Vec<Number> = by_seed.into_values().flatten().collect();
        let (y, low, high) = match (&numbers[..], &values[..]) {
            ([], _) | (_, []) => return None,
            ([one], _) => (one.value, one.ends.map(|ends| ends.0), one.ends.map(|ends| ends.1)),
            (_, [one]) => (off_axis(*one), None, None),
            (_, values) => {
                let (middle, half) = (mean(values), half_width(values, mean(values)));
                (off_axis(middle), Some(off_axis(middle - half)), Some(off_axis(middle + half)))
            }
        };
        Some(ChartPoint { x: place, y, low, high })
    }
}

fn words_without(labels: &Labels, name: Option<&str>) -> String {
    let mut labels = labels.clone();
    if let Some(name) = name {
        labels.remove(name);
    }
    crate::select::words(&labels)
}
