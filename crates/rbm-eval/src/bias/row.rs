//! What is measured of CD-k at one k.

use rbm_model::exact::Gradient;
use serde::{Deserialize, Serialize};

/// How a bias was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasMethod {
    /// Both layers enumerated: no error but rounding.
    Exact,
    /// The smaller layer enumerated for the model's moments; the expectation of CD-k by independent chains.
    Enumerated,
    /// As enumerated, but the model's moments come from a long tempered run.
    Reference,
}

/// The bias of the expected CD-k gradient at one k; what was not measured is absent. All norms are Euclidean, over the
/// weights and both biases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    /// Gibbs steps.
    pub k: u32,
    /// How it was measured.
    pub method: BiasMethod,
    /// Norm of the bias. By chains: the root of the inner product of two independent halves; absent where that is not
    /// positive, so that the bias is below the noise.
    pub bias_norm: Option<f64>,
    /// Largest component of the bias. By chains: the component that is largest in one half, read in the other; absent
    /// where that is not positive.
    pub bias_max: Option<f64>,
    /// Norm of the bias over that of the exact gradient.
    pub relative_bias: Option<f64>,
    /// Cosine of the angle between both gradients.
    pub cosine: Option<f64>,
    /// Share of components whose sign is wrong, of those whose sign is known: by chains, beyond 3 standard errors. A
    /// tie with an exact 0 is no wrong sign.
    pub wrong_sign_fraction: Option<f64>,
    /// Total variation between the chains' law and the model's.
    pub total_variation: Option<f64>,
    /// Kullback-Leibler divergence of the chains' law from the model's, nats.
    pub kl: Option<f64>,
    /// Chi-squared of the chains' law from the model's.
    pub chi_squared: Option<f64>,
    /// Second eigenvalue of the Gibbs kernel.
    pub lambda2: Option<f64>,
    /// Fischer and Igel's bound on a component.
    pub bound_fischer_igel: f64,
    /// Bengio and Delalleau's bound on a component; infinite above 1023 visible units.
    pub bound_bengio_delalleau: f64,
    /// Spectral bound on a component.
    pub bound_spectral: Option<f64>,
    /// Standard error of `bias_norm`, or the size of the noise that the bias is below; absent where it is exact.
    pub stderr: Option<f64>,
    /// Standard error of `cosine`.
    pub cosine_stderr: Option<f64>,
    /// Whether the bias is too small to be told from the noise of the chains.
    pub below_noise: bool,
    /// Norm of the exact gradient.
    pub exact_gradient_norm: f64,
    /// Components whose sign is known.
    pub signs_known: usize,
    /// Independent chains.
    pub chains: Option<u64>,
    /// Whether the standard error that was asked for was reached within the most chains that were allowed.
    pub stderr_reached: Option<bool>,
    /// R-hat of the reference.
    pub reference_r_hat: Option<f64>,
}

/// A comparison of two gradients, component by component.
pub(super) struct Comparison {
    pub(super) bias_norm: f64,
    pub(super) bias_max: f64,
    pub(super) relative_bias: Option<f64>,
    pub(super) cosine: Option<f64>,
    pub(super) wrong_sign_fraction: Option<f64>,
}

impl Comparison {
    /// Of the expected CD-k gradient with the exact one, both without noise.
    pub(super) fn of(cd: &Gradient, exact: &Gradient) -> Self {
        let bias = cd.minus(exact);
        let (cd_norm, exact_norm) = (cd.norm(), exact.norm());
        let (mut wrong, mut all) = (0_u64, 0_u64);
        for (cd, exact) in cd.components().zip(exact.components()) {
            wrong += u64::from(cd * exact < 0.0);
            all += 1;
        }
        Self {
            bias_norm: bias.norm(),
            bias_max: bias.components().fold(0.0, |largest, x| x.abs().max(largest)),
            relative_bias: finite(bias.norm() / exact_norm),
            cosine: finite(cd.dot(exact) / (cd_norm * exact_norm)),
            wrong_sign_fraction: finite(wrong as f64 / all as f64),
        }
    }
}

/// A quotient that may be of nothing by nothing.
pub(super) fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
