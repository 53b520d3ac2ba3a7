//! Claims, the experiments that test them, and verdicts.
//!
//! An [`Experiment`] is a folder with an `experiment.toml`: a claim, the sweeps and the computation (a *protocol*) that
//! give its [`Measurement`]s, and tests with thresholds that were fixed before the first result. [`decide`] reads the
//! measurements and says `confirmed`, `refuted`, `partly` or `undecided`, with an interval over seeds.

mod error;
mod measurement;
pub mod protocol;

pub use error::Error;
pub use measurement::{Label, Labels, Measurement};
