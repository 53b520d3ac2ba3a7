//! Restricted Boltzmann machines: parameters, energies, conditionals, Gibbs steps, exact enumeration, the weights file.
//!
//! Energy `E(v, h) = -h W v - v.a - h.b` with `W: [hidden, visible]`, `a` the visible and `b` the hidden bias; states
//! are 0 or 1. [`Rbm`] holds tensors on a device and samples; [`Parameters`] holds the same numbers on the host in f64,
//! for evaluation and for [`exact`] enumeration.

mod annealing;
mod chains;
mod conditionals;
mod config;
mod error;
pub mod exact;
mod gibbs;
pub mod gradients_file;
mod initialise;
mod parameters;
mod place;
mod rbm;
mod replicas;
mod sample;
mod statistics;
mod unit;
pub mod weights_file;

pub use annealing::{AnnealedChains, AnnealingPath, ChainStreams};
pub use chains::{ChainDraws, Chains};
pub use config::{FreeEnergy, Init, ModelConfig, VisibleBias, VisibleSampling};
pub use error::Error;
pub use initialise::initialise;
pub use parameters::Parameters;
pub use place::Place;
pub use rbm::{GibbsState, Precision, Rbm};
pub use replicas::{ReplicaStreams, Replicas, Rungs};
pub use sample::sample_chains;
pub use statistics::{ChainSet, STEPS_A_SET, chain_moments};
pub use unit::{Bernoulli, ClampedLinear, Unit};
