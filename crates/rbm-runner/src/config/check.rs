//! Impossible values, and values that do not go together.

use rbm_data::Binarization;
use rbm_eval::{LogZ, Metric, MetricGroup};
use rbm_train::Precision;

use super::CellConfig;

/// Refuses a cell that cannot be computed: section, key, and what is allowed there.
pub(super) fn check(cell: &CellConfig) -> Result<(), (&'static str, &'static str, String)> {
    cell.data.check().map_err(|(key, allowed)| ("data", key, allowed))?;
    cell.model.check().map_err(|(key, allowed)| ("model", key, allowed))?;
    cell.train.check().map_err(|(key, allowed)| ("train", key, allowed))?;
    cell.evaluate.check().map_err(|(key, allowed)| ("evaluate", key, allowed))?;
    cell.run.check().map_err(|(key, allowed)| ("run", key, allowed))?;
    let backend = cell.run.backend;
    if cell.train.precision == Precision::F64 && !backend.has_f64() {
        return Err(("train", "precision", format!("\"f32\": the backend {backend} has no f64")));
    }
    if cell.evaluate.metrics.contains(&MetricGroup::SampleQuality) && cell.data.binarization == Binarization::None {
        let allowed = "without \"sample-quality\", which counts units that differ: data.binarization = \"none\" leaves grey values";
        return Err(("evaluate", "metrics", allowed.into()));
    }
    check_best(cell).map_err(|allowed| ("evaluate", "keep_best", allowed))
}

/// The best epoch can only be kept by a metric that is measured and has a better direction.
fn check_best(cell: &CellConfig) -> Result<(), String> {
    let Some(metric) = cell.evaluate.keep_best else { return Ok(()) };
    let group = match metric {
        Metric::ReconstructionError | Metric::ReconstructionCrossEntropy => Some(MetricGroup::ReconstructionError),
        Metric::PseudoLikelihood => Some(MetricGroup::PseudoLikelihood),
        _ => None,
    };
    let word = metric.word();
    if metric.larger_is_better().is_none() {
        let good = [
            Metric::PseudoLikelihood,
            Metric::LogLikelihood,
            Metric::ReconstructionError,
            Metric::ReconstructionCrossEntropy,
        ];
        let good: Vec<String> = good.map(|metric| format!("{:?}", metric.word())).into();
        return Err(format!("one of {}: of \"{word}\" neither more nor less is better", good.join(", ")));
    }
    if group.is_some_and(|group| !cell.evaluate.metrics.contains(&group)) {
        return Err(format!("a metric that is measured: evaluate.metrics leaves \"{word}\" out"));
    }
    if metric == Metric::LogLikelihood && cell.evaluate.log_z == LogZ::None {
        return Err("a metric that is measured: evaluate.log_z = \"none\" leaves \"log-likelihood\" out".into());
    }
    Ok(())
}
