//! Restricted Boltzmann machines: parameters, energies, conditionals, Gibbs steps, exact enumeration, the weights file.
//!
//! Energy `E(v, h) = -h W v - v.a - h.b` with `W: [hidden, visible]`, `a` the visible and `b` the hidden bias; states are
//! 0 or 1. [`Rbm`] holds tensors on a device and samples; [`Parameters`] holds the same numbers on the host in f64, for
//! evaluation and for [`exact`] enumeration.

mod config;
mod error;
pub mod exact;
mod initialise;
mod parameters;
mod rbm;
mod sample;
mod unit;
pub mod weights_file;

pub use config::{FreeEnergy, Init, ModelConfig, VisibleBias, VisibleSampling};
pub use error::Error;
pub use initialise::initialise;
pub use parameters::Parameters;
pub use rbm::{GibbsState, Precision, Rbm};
pub use sample::sample_chains;
pub use unit::{Bernoulli, ClampedLinear, Unit};
