//! Fused kernels: a Gibbs half-step, and the gradient with its update, each in one pass over tiles that stay in cache;
//! states are bits.

mod centring;
#[cfg(feature = "wgpu")]
pub(crate) mod device;
#[cfg(feature = "wgpu")]
mod device_machine;
mod host;
mod layout;
mod machine;
mod packed;
mod path;
mod sample;
mod share;
mod sums;
mod tile;
mod transpose;

pub(crate) use host::HostMachine;
pub use machine::{FusedBatch, FusedChains, FusedMachine, FusedRows, OrderId, Together, step_together};
pub use packed::PackedStates;
pub use path::{FusedPath, FusedPathChains};
pub(crate) use tile::Tile;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which kernels compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernels {
    /// Whole half-steps and updates in one pass each, states as bits.
    #[default]
    Fused,
    /// burn's tensor operations, one after another: the readable reference.
    Composed,
}

impl Kernels {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Fused, Self::Composed];

    /// The word in configs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Composed => "composed",
        }
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What one step of training does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedStep {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the first Gibbs step: no two steps of a run share a draw.
    pub gibbs_step: u64,
    /// Gibbs steps, at least 1.
    pub k: u32,
    /// Learning rate, times the batch's share of a full one.
    pub rate: f32,
    /// Share of the last update that is repeated.
    pub momentum: f32,
    /// L2 penalty on the weights.
    pub decay: f32,
    /// Whether the gradient's norm is asked for.
    pub norm: bool,
}

/// What a step says of its gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Whether the gradient was finite.
    pub(crate) finite: bool,
    /// Sum of the squares of its components, where it was asked for.
    pub(crate) squares: f64,
}

impl Outcome {
    fn of(parts: &[host::Part]) -> Self {
        let mut outcome = Self { finite: true, squares: 0.0 };
        for part in parts {
            outcome.finite &= part.bias.0.iter().all(|x| x.is_finite());
            outcome.squares += part.squares + part.bias.0.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        }
        outcome
    }
}
