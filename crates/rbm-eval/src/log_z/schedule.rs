//! Inverse temperatures between two laws.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most inverse temperatures of a schedule.
const MOST: usize = 10_000_000;

/// Inverse temperatures from 0 to 1, in rising order.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// `"linear:N"`: N equal steps, N + 1 inverse temperatures.
    Linear(usize),
    /// `"salakhutdinov-murray"`: to 0.5 in steps of 1e-3, to 0.9 in 1e-4, to 1 in 1e-5 (Salakhutdinov and Murray 2008,
    /// section 4.1): 14,501 inverse temperatures.
    SalakhutdinovMurray,
    /// The inverse temperatures themselves.
    Betas(Vec<f64>),
}

/// What a schedule may be, for messages.
pub const SCHEDULES: &str =
    "\"linear:N\" with N of at least 1, \"salakhutdinov-murray\", or inverse temperatures that rise from 0 to 1";

impl Schedule {
    /// A schedule by its word.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(word: &str) -> Result<Self, String> {
        if word == "salakhutdinov-murray" {
            return Ok(Self::SalakhutdinovMurray);
        }
        let steps = word.strip_prefix("linear:").and_then(|steps| steps.replace('_', "").parse().ok());
        match steps {
            Some(steps) if (1..=MOST).contains(&steps) => Ok(Self::Linear(steps)),
            _ => Err(format!("{SCHEDULES}; not {word:?}")),
        }
    }

    /// Inverse temperatures as given.
    ///
    /// # Errors
    /// What is allowed.
    pub fn of_betas(betas: Vec<f64>) -> Result<Self, String> {
        if betas.len() < 2 || betas.len() > MOST {
            return Err(format!("from 2 to {MOST} inverse temperatures, not {}", betas.len()));
        }
        if let Some(at) =
            betas.windows(2).position(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less))
        {
            return Err(format!("in rising order, but {} is followed by {}", betas[at], betas[at + 1]));
        }
        if betas[0] != 0.0 || betas[betas.len() - 1] != 1.0 {
            return Err(format!("from 0 to 1, not from {} to {}", betas[0], betas[betas.len() - 1]));
        }
        Ok(Self::Betas(betas))
    }

    /// Reads a text file with one inverse temperature a line; empty lines and what follows a `#` are passed over.
    ///
    /// # Errors
    /// What is wrong with the file, and in which line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let mut betas = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let beta: f64 = line.parse().map_err(|_| format!("line {}: {line:?} is not a number", number + 1))?;
                betas.push(beta);
            }
        }
        Self::of_betas(betas).map_err(|allowed| format!("inverse temperatures must be {allowed}"))
    }

    /// The inverse temperatures, the first 0 and the last 1.
    pub fn betas(&self) -> Vec<f64> {
        match self {
            Self::Linear(steps) => (0..=*steps).map(|step| step as f64 / *steps as f64).collect(),
            Self::SalakhutdinovMurray => {
                // From whole numbers, so that no rounding accumulates.
                let coarse = (0..500).map(|step| f64::from(step) * 1e-3);
                let middle = (5_000..9_000).map(|step| f64::from(step) * 1e-4);
                let fine = (90_000..100_000).map(|step| f64::from(step) * 1e-5);
                coarse.chain(middle).chain(fine).chain([1.0]).collect()
            }
            Self::Betas(betas) => betas.clone(),
        }
    }

    /// Number of inverse temperatures.
    pub fn temperatures(&self) -> usize {
        match self {
            Self::Linear(steps) => steps + 1,
            Self::SalakhutdinovMurray => 14_501,
            Self::Betas(betas) => betas.len(),
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Linear(steps) => serializer.serialize_str(&format!("linear:{steps}")),
            Self::SalakhutdinovMurray => serializer.serialize_str("salakhutdinov-murray"),
            Self::Betas(betas) => betas.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Schedule;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(SCHEDULES)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Schedule, E> {
                Schedule::parse(word).map_err(|_| E::invalid_value(de::Unexpected::Str(word), &self))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Schedule, A::Error> {
                let mut betas = Vec::new();
                while let Some(beta) = list.next_element::<f64>()? {
                    betas.push(beta);
                }
                Schedule::of_betas(betas).map_err(|allowed| de::Error::custom(format!("expected {allowed}")))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_go_from_zero_to_one() {
        for (word, temperatures) in [("linear:1", 2), ("linear:10", 11), ("salakhutdinov-murray", 14_501)] {
            let schedule = Schedule::parse(word).expect("a schedule");
            let betas = schedule.betas();
            assert_eq!((betas.len(), schedule.temperatures()), (temperatures, temperatures));
            assert!(Schedule::of_betas(betas).is_ok(), "{word}");
        }
        let betas = Schedule::SalakhutdinovMurray.betas();
        assert_eq!(
            [betas[499], betas[500], betas[501], betas[4_500], betas[14_499]],
            [0.499, 0.5, 0.5001, 0.9, 0.99999]
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for word in ["", "linear", "linear:0", "linear:x", "linear:-3", "geometric:10"] {
            assert!(Schedule::parse(word).is_err(), "{word}");
        }
        for betas in
            [vec![], vec![0.0], vec![0.0, 0.5], vec![0.1, 1.0], vec![0.0, 0.5, 0.5, 1.0], vec![0.0, f64::NAN, 1.0]]
        {
            assert!(Schedule::of_betas(betas.clone()).is_err(), "{betas:?}");
        }
    }
}
