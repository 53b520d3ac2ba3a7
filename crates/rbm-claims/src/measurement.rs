//! What experiments measure: one row a number, with what it is a number of.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// One number that was measured or computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// What was measured: `log-likelihood`, `total-variation`.
    pub quantity: String,
    /// Of what: the swept keys of a cell, the conditions of a protocol.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The seed of what is repeated; measurements of the same seed under other conditions are pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Where along a curve: epochs, Gibbs steps, units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// The number.
    pub value: f64,
    /// Lower end of where the truth may lie, where the number is an estimate with an interval of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// Conditions by their names.
pub type Labels = BTreeMap<String, Label>;

/// The value of a condition.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A number; a whole one of a config is one too.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// A word.
    Word(String),
}

impl Measurement {
    /// A number without conditions.
    pub fn new(quantity: &str, value: f64) -> Self {
        let quantity = quantity.to_owned();
        Self { quantity, labels: Labels::new(), seed: None, x: None, value, low: None, high: None }
    }

    /// The same under a condition.
    pub fn with(mut self, name: &str, label: impl Into<Label>) -> Self {
        self.labels.insert(name.to_owned(), label.into());
        self
    }

    /// The same of a seed.
    pub fn of_seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The same at a place along a curve.
    pub fn at(self, x: f64) -> Self {
        Self { x: Some(x), ..self }
    }

    /// The same with an interval of its own.
    pub fn between(self, low: f64, high: f64) -> Self {
        Self { low: Some(low), high: Some(high), ..self }
    }
}

impl From<f64> for Label {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Label {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<bool> for Label {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl From<&str> for Label {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}
