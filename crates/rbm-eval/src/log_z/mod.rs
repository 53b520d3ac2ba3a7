//! Estimates of log Z where it cannot be enumerated.
//!
//! Chains run on a device ([`rbm_model::Place`]); log weights are summed on the host in f64. Every estimate says
//! whether its interval can be trusted, and an independent run decides that ([`Trust`]).

mod annealed;
mod annealing;
mod bennett;
mod estimate;
mod progress;
mod raise;
mod samples;
mod schedule;
mod tempering;
mod trajectory;
mod trust;
mod weights;

pub use annealed::{
    Annealing, annealed_importance_sampling, base_log_odds, forward_estimate, log_z_difference,
    reverse_annealed_importance_sampling,
};
pub use annealing::{anneal_down, anneal_up};
pub use estimate::{Interval, LogZEstimate, Trust, Verdict};
pub use progress::{Progress, unwatched};
pub use raise::{Raised, raise, raise_work};
pub use samples::{LONG_RUN, ModelSamples};
pub use schedule::{SCHEDULES, Schedule};
pub use tempering::{Tempering, tempered_log_z};
pub use trajectory::Trajectory;
pub use trust::judge;
