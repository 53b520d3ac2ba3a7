//! The bias of CD-k: how far the gradient that contrastive divergence follows is from the gradient of the likelihood.
//!
//! `g = E_q s - E_p s` is the gradient of the mean log-likelihood, q the data and p the model; CD-k follows
//! `g_k = E_q s - E_{q T^k} s` on average. The bias is `g_k - g`.

pub mod bounds;
mod chains;
mod data;
mod enumerated;
mod exact;
mod measure;
mod reference;
mod row;
mod training;

pub use measure::{BiasSettings, Measured, Progress, Stage, measure_bias, method_for};
pub use row::{Bias, BiasMethod};
pub use training::{
    NegativePhaseError, TRAINING_CHAINS, gradient_bias_rows, has_gradient_bias, has_negative_phase_error,
    negative_phase_error,
};
