//! The method "exact": the law of the chains over all states, carried from step to step.

use rbm_model::{
    Parameters,
    exact::{
        self, Gradient, JOINT_LIMIT, KernelWalk, LAYER_LIMIT, Moments, WeightedRows, chi_squared, kl_divergence,
        total_variation,
    },
};

use super::{
    Bias, BiasMethod, Measured, Stage, bounds,
    measure::Progress,
    row::{Comparison, finite},
};
use crate::Error;

/// Whether both layers can be enumerated.
pub(super) fn fits(parameters: &Parameters) -> bool {
    let (m, n) = (parameters.visible(), parameters.hidden());
    m + n <= JOINT_LIMIT && m.max(n) <= LAYER_LIMIT
}

/// Measures at each of `ks`, which ascend; the second eigenvalue and the bound by it only where `spectral`.
pub(super) fn measure(
    parameters: &Parameters,
    rows: &WeightedRows,
    ks: &[u32],
    spectral: bool,
    progress: Progress<'_>,
) -> Result<Measured, Error> {
    let model = exact::visible_law(parameters)?;
    let model_moments = exact::moments(parameters)?;
    let data_moments = exact::data_moments(parameters, rows)?;
    let gradient = Gradient::between(&data_moments, &model_moments);
    // Grey rows have no law over states.
    let start = rows.law().ok();
    let start_variation = start.as_ref().map_or(1.0, |law| total_variation(law, &model));
    let lambda2 = match spectral.then(|| exact::second_eigenvalue(parameters)).transpose() {
        Ok(lambda2) => lambda2,
        Err(rbm_model::Error::Underflow) => None,
        Err(error) => return Err(error.into()),
    };
    let spread = match (lambda2, &start) {
        (Some(lambda2), Some(start)) => {
            let deviation = largest_deviation(parameters, &model)?;
            Some((lambda2, chi_squared(start, &model), deviation))
        }
        _ => None,
    };
    let mut walk = KernelWalk::new(parameters, rows)?;
    let last = ks.last().copied().unwrap_or(0);
    let mut measured = Measured { exact: gradient, cd: Vec::new(), rows: Vec::new() };
    for &k in ks {
        while walk.k() < k {
            walk.go_to(walk.k() + 1);
            progress(Stage::Steps, u64::from(walk.k()), u64::from(last));
        }
        let cd = Gradient::between(&data_moments, &walk.moments()?);
        let comparison = Comparison::of(&cd, &measured.exact);
        measured.rows.push(Bias {
            k,
            method: BiasMethod::Exact,
            bias_norm: Some(comparison.bias_norm),
            bias_max: Some(comparison.bias_max),
            relative_bias: comparison.relative_bias,
            cosine: comparison.cosine,
            wrong_sign_fraction: comparison.wrong_sign_fraction,
            total_variation: Some(total_variation(walk.law(), &model)),
            kl: finite(kl_divergence(walk.law(), &model)),
            chi_squared: finite(chi_squared(walk.law(), &model)),
            lambda2,
            bound_fischer_igel: bounds::fischer_igel(parameters, start_variation, k),
            bound_bengio_delalleau: bounds::bengio_delalleau(parameters, k),
            bound_spectral: spread
                .and_then(|(lambda2, chi, deviation)| finite(bounds::spectral(lambda2, chi, deviation, k))),
            stderr: None,
            cosine_stderr: None,
            below_noise: false,
            exact_gradient_norm: measured.exact.norm(),
            signs_known: measured.exact.components().count(),
            chains: None,
            stderr_reached: None,
            reference_r_hat: None,
        });
        measured.cd.push(cd);
    }
    Ok(measured)
}

/// The largest standard deviation of a statistic under the model's law.
fn largest_deviation(parameters: &Parameters, law: &[f64]) -> Result<f64, Error> {
    let (first, second) = (exact::moments_under(parameters, law)?, exact::second_moments_under(parameters, law)?);
    let parts = |moments: &Moments| [&moments.weights[..], &moments.visible, &moments.hidden].concat();
    let variances = parts(&first).into_iter().zip(parts(&second)).map(|(first, second)| second - first * first);
    Ok(variances.fold(0.0, f64::max).sqrt())
}
