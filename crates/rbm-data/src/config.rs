//! The `[data]` section.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The `[data]` section of a config: where rows come from and how they become numbers in `[0, 1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// A built-in name or a path relative to the config's folder.
    pub source: Source,
    /// Size of a generated set: side of bars and stripes (3), bits of the shifter (8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// How grey values become states.
    #[serde(default)]
    pub binarization: Binarization,
    /// A grey value above it is a one, under `binarization = "threshold"`.
    #[serde(default = "half")]
    pub threshold: f64,
    /// Whether every value `x` is replaced by `1 - x` before binarisation.
    #[serde(default)]
    pub invert: bool,
    /// How many rows of the training set to use, from the first; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// How many rows, the last ones of the shuffled training set, to hold out for validation; if absent see
    /// [`DataConfig::validation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// A file with test rows; MNIST and Fashion-MNIST bring their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Seed of the split and of sampled binarisation.
    #[serde(default)]
    pub seed: u64,
    /// Name of the array in a file that holds several; in a table, of the column with the labels (`label`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

fn half() -> f64 {
    0.5
}

impl DataConfig {
    /// The section with every key but `source` at its default.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            size: None,
            binarization: Binarization::default(),
            threshold: half(),
            invert: false,
            rows: None,
            validation: None,
            test: None,
            seed: 0,
            key: None,
        }
    }

    /// The generated set's size: given, or 3 for bars and stripes and 8 for the shifter.
    pub fn size(&self) -> usize {
        self.size.unwrap_or(match self.source {
            Source::LabeledShifter => 8,
            _ => 3,
        })
    }

    /// The number of validation rows: given, or a sixth of the rows for MNIST and Fashion-MNIST (10000 of 60000), or 0.
    pub fn validation(&self) -> usize {
        self.validation.unwrap_or(match self.source {
            Source::Mnist | Source::FashionMnist => self.rows.unwrap_or(60_000).min(60_000) / 6,
            _ => 0,
        })
    }

    /// Refuses impossible values.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(("threshold", format!("a number from 0 to 1, not {}", self.threshold)));
        }
        if self.rows == Some(0) {
            return Err(("rows", "a whole number of at least 1, not 0".into()));
        }
        match (&self.source, self.size) {
            (Source::BarsAndStripes, Some(size)) if !(2..=16).contains(&size) => {
                Err(("size", format!("a side from 2 to 16, not {size}")))
            }
            (Source::LabeledShifter, Some(size)) if !(3..=16).contains(&size) => {
                Err(("size", format!("a number of bits from 3 to 16, not {size}")))
            }
            (Source::Mnist | Source::FashionMnist | Source::File(_), Some(_)) => {
                Err(("size", "absent: only generated sets (bars-and-stripes, labeled-shifter) have a size".into()))
            }
            _ => Ok(()),
        }
    }
}

/// How grey values become states; they differ by nats, so every table names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// One where the value is above `threshold`.
    #[default]
    Threshold,
    /// One with the value's probability, drawn once by `data.seed`.
    Sample,
    /// One with the value's probability, drawn anew each epoch.
    EachEpoch,
    /// Not at all: values stay probabilities.
    None,
}

/// A built-in data set or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// LeCun, Cortes and Burges' handwritten digits, 28 x 28.
    Mnist,
    /// Xiao, Rasul and Vollgraf's (2017) articles of clothing, 28 x 28.
    FashionMnist,
    /// Horizontal or vertical stripes on a square, uniform patterns twice (MacKay 2003).
    BarsAndStripes,
    /// Patterns, their cyclic shifts and the shift's label (Hinton and Sejnowski 1986).
    LabeledShifter,
    /// A file, told apart from a name by a `/` or a suffix.
    File(PathBuf),
}

impl Source {
    /// The built-in names.
    pub const NAMES: [&str; 4] = ["mnist", "fashion-mnist", "bars-and-stripes", "labeled-shifter"];

    /// The word that stands in a config.
    pub fn word(&self) -> String {
        match self {
            Self::Mnist => Self::NAMES[0].into(),
            Self::FashionMnist => Self::NAMES[1].into(),
            Self::BarsAndStripes => Self::NAMES[2].into(),
            Self::LabeledShifter => Self::NAMES[3].into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "mnist" => Self::Mnist,
            "fashion-mnist" => Self::FashionMnist,
            "bars-and-stripes" => Self::BarsAndStripes,
            "labeled-shifter" => Self::LabeledShifter,
            path if path.contains('/') || PathBuf::from(path).extension().is_some() => Self::File(path.into()),
            other => {
                return Err(format!(
                    "unknown variant `{other}`, expected one of `{}`, or a path (with a `/` or a suffix)",
                    Self::NAMES.join("`, `")
                ));
            }
        })
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word())
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
