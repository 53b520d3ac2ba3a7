//! The `[model]` section.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The `[model]` section of a config: the machine's size, its start and its variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Hidden units.
    pub hidden: usize,
    /// Where the weights start.
    pub init: Init,
    /// Standard deviation of normal starting weights (Hinton 2010: 0.01).
    pub init_std: f64,
    /// Uniform starting weights lie within plus or minus this.
    pub init_range: f64,
    /// Whether the biases are drawn like the weights.
    pub init_biases: bool,
    /// Where the visible biases start.
    pub visible_bias: VisibleBias,
    /// How a visible state is drawn from its activation.
    pub visible_sampling: VisibleSampling,
    /// Which formula the free energy uses.
    pub free_energy: FreeEnergy,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            hidden: 128,
            init: Init::Normal,
            init_std: 0.01,
            init_range: 0.5,
            init_biases: false,
            visible_bias: VisibleBias::Zero,
            visible_sampling: VisibleSampling::Bernoulli,
            free_energy: FreeEnergy::Softplus,
        }
    }
}

impl ModelConfig {
    /// Refuses impossible values.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.hidden == 0 {
            return Err(("hidden", "a whole number of at least 1, not 0".into()));
        }
        for (key, value) in [("init_std", self.init_std), ("init_range", self.init_range)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err((key, format!("a finite number of at least 0, not {value}")));
            }
        }
        Ok(())
    }
}

/// Where the weights start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// Normal with standard deviation `init_std`.
    #[default]
    Normal,
    /// Uniform within plus or minus `init_range`.
    Uniform,
    /// A weights file, relative to the config's folder.
    File(PathBuf),
}

impl Serialize for Init {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Normal => serializer.serialize_str("normal"),
            Self::Uniform => serializer.serialize_str("uniform"),
            Self::File(path) => serializer.serialize_str(&path.display().to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "normal" => Self::Normal,
            "uniform" => Self::Uniform,
            path if path.contains('/') || PathBuf::from(path).extension().is_some() => Self::File(path.into()),
            other => {
                return Err(de::Error::custom(format!(
                    "unknown variant `{other}`, expected one of `normal`, `uniform`, or the path of a weights file"
                )));
            }
        })
    }
}

/// Where the visible biases start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisibleBias {
    /// At zero (or drawn, under `init_biases`).
    #[default]
    Zero,
    /// At the log-odds of each unit's mean over the training rows (Hinton 2010, section 8), smoothed as
    /// `(count + 0.05 N) / (1.1 N)` so that a constant column stays finite.
    Data,
}

/// How a visible state is drawn from its activation `a + h W`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisibleSampling {
    /// With probability `sigmoid(activation)`, as the mathematics has it.
    #[default]
    Bernoulli,
    /// With the activation clamped to `[0, 1]` as probability, as the article's listing does.
    ClampedLinear,
}

/// Which formula the free energy uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeEnergy {
    /// A softplus without overflow.
    #[default]
    Softplus,
    /// `log(1 + exp(x))` in the training precision, as the article's listing does: infinite for large `x`.
    Listing,
}
