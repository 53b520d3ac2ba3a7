//! The `[run]` section.

use std::fmt;

use rbm_ops::{BackendName, Kernels};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// More workers or threads than this are a slip of the keyboard.
const MOST: usize = 1024;

/// The `[run]` section of a config: where and how cells are computed. Only `backend`,
/// `kernels` and `seed` decide numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// What computes.
    pub backend: BackendName,
    /// Fused kernels, or burn's operations one after another; what has no fused kernels is computed with the latter.
    pub kernels: Kernels,
    /// Cells of one shape that a worker computes side by side; automatic: up to 64 on a GPU, one on the processor.
    pub batch_cells: Count,
    /// Worker processes; automatic: as many as cores, at most as many as cells.
    pub workers: Count,
    /// Threads of each worker; automatic: the cores divided by the workers.
    pub threads: Count,
    /// Seed of a single cell, and the first of `sweep.seeds = N`.
    pub seed: u64,
    /// When to write a checkpoint.
    pub checkpoint_every: CheckpointEvery,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            backend: BackendName::Flex,
            kernels: Kernels::Fused,
            batch_cells: Count::Auto,
            workers: Count::Auto,
            threads: Count::Auto,
            seed: 0,
            checkpoint_every: CheckpointEvery::Auto,
        }
    }
}

impl RunConfig {
    /// Refuses impossible values.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for (key, count) in [("batch_cells", self.batch_cells), ("workers", self.workers), ("threads", self.threads)] {
            if let Count::Number(number) = count
                && number > MOST
            {
                return Err((key, format!("at most {MOST}, or \"auto\", not {number}")));
            }
        }
        for (key, zero) in [
            ("batch_cells", self.batch_cells == Count::Number(0)),
            ("workers", self.workers == Count::Number(0)),
            ("threads", self.threads == Count::Number(0)),
            ("checkpoint_every", self.checkpoint_every == CheckpointEvery::Epochs(0)),
        ] {
            if zero {
                return Err((key, "a whole number of at least 1, or \"auto\", not 0".into()));
            }
        }
        Ok(())
    }
}

/// A number, or one that fits the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Chosen by the engine.
    #[default]
    Auto,
    /// This many.
    Number(usize),
}

impl Count {
    /// The number, or `automatic` in its place; at least 1.
    pub fn or(self, automatic: usize) -> usize {
        match self {
            Self::Auto => automatic,
            Self::Number(number) => number,
        }
        .max(1)
    }
}

/// When to write a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointEvery {
    /// At an epoch's end, when 10 s have passed since the last one.
    #[default]
    Auto,
    /// At every so many epochs' end.
    Epochs(u32),
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Number(number) => serializer.serialize_u64(*number as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(AutoOrNumber)?;
        let number = number.map(usize::try_from).transpose().map_err(de::Error::custom)?;
        Ok(number.map_or(Self::Auto, Self::Number))
    }
}

impl Serialize for CheckpointEvery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Epochs(epochs) => serializer.serialize_u32(*epochs),
        }
    }
}

impl<'de> Deserialize<'de> for CheckpointEvery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(AutoOrNumber)?;
        let number = number.map(u32::try_from).transpose().map_err(de::Error::custom)?;
        Ok(number.map_or(Self::Auto, Self::Epochs))
    }
}

/// Reads `"auto"` as `None` and a whole number as itself.
struct AutoOrNumber;

impl de::Visitor<'_> for AutoOrNumber {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or \"auto\"")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        u64::try_from(value).map(Some).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        match value {
            "auto" => Ok(None),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}
