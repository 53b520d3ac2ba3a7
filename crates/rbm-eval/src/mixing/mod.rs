//! How fast Gibbs chains forget where they started: autocorrelation times, R-hat, the kernel's second eigenvalue,
//! sweeps to the model's law.

mod autocorrelation;
mod convergence;
mod measure;
mod observables;
mod to_model;

pub use autocorrelation::{AutocorrelationTime, RESOLVED, autocorrelation_time};
pub use convergence::split_r_hat;
pub use measure::{Mixing, MixingConfig, MixingStage, measure_mixing};
pub use observables::{Observables, PerObservable};
pub use to_model::{
    DISTANCE_OF_MEANS, Distance, EXACT_ROWS, SweepsToModel, TO_MODEL_CHAINS, TOTAL_VARIATION, sweeps_to_model,
};
