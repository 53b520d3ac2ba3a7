//! What a run keeps beside the trainer's own state: in a checkpoint's extra values.

use std::collections::BTreeMap;

use rbm_data::Dataset;
use rbm_eval::{Metric, MetricRow, SplitName, log_z::Trajectory};
use rbm_model::{Precision, weights_file};

use super::tables::TimingRow;

/// Where the metrics file ended, the best value so far and the timings, when a checkpoint was taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// Bytes of `metrics.jsonl`.
    pub(super) metrics_offset: u64,
    /// SHA-256 of those bytes, so that a run never goes on from metrics that were altered.
    pub(super) metrics_sha256: String,
    /// The best value of `keep_best`.
    pub(super) best: Option<f64>,
    /// SHA-256 of `best.safetensors` with it.
    pub(super) best_sha256: Option<String>,
    /// Rows of `timings.parquet`.
    pub(super) timings: Vec<TimingRow>,
    /// Seconds of training since the last of them.
    pub(super) train_seconds: f64,
    /// The chains that follow the training, under `log_z = "trajectory"`.
    pub(super) trajectory: Option<Trajectory>,
}

const OFFSET: &str = "metrics_offset";
const DIGEST: &str = "metrics_sha256";
const BEST: &str = "best_bits";
const BEST_DIGEST: &str = "best_sha256";
const TIMINGS: &str = "timings";
const SECONDS: &str = "train_seconds";
const TRAJECTORY: &str = "trajectory";
const TRAJECTORY_MODEL: &str = "trajectory_model";

impl Progress {
    pub(super) fn to_extra(&self) -> BTreeMap<String, String> {
        let mut extra = BTreeMap::from([
            (OFFSET.to_owned(), self.metrics_offset.to_string()),
            (DIGEST.to_owned(), self.metrics_sha256.clone()),
            (TIMINGS.to_owned(), serde_json::json!(self.timings).to_string()),
            (SECONDS.to_owned(), self.train_seconds.to_string()),
        ]);
        if let Some(best) = self.best {
            extra.insert(BEST.into(), best.to_bits().to_string());
        }
        if let Some(digest) = &self.best_sha256 {
            extra.insert(BEST_DIGEST.into(), digest.clone());
        }
        if let Some(trajectory) = &self.trajectory {
            extra.insert(TRAJECTORY.into(), serde_json::json!(trajectory).to_string());
            let model = trajectory.previous().map(|model| weights_file::to_bytes(model, Precision::F64, None));
            if let Some(Ok(bytes)) = model {
                extra.insert(TRAJECTORY_MODEL.into(), hex::encode(bytes));
            }
        }
        extra
    }

    /// `None` where the values are not ones of [`Self::to_extra`].
    pub(super) fn from_extra(extra: &BTreeMap<String, String>) -> Option<Self> {
        let best = match extra.get(BEST) {
            Some(bits) => Some(f64::from_bits(bits.parse().ok()?)),
            None => None,
        };
        let trajectory = match extra.get(TRAJECTORY) {
            Some(text) => {
                let trajectory: Trajectory = serde_json::from_str(text).ok()?;
                let model = hex::decode(extra.get(TRAJECTORY_MODEL)?).ok()?;
                Some(trajectory.with_previous(weights_file::from_bytes(&model).ok()?.parameters))
            }
            None => None,
        };
        Some(Self {
            metrics_offset: extra.get(OFFSET)?.parse().ok()?,
            metrics_sha256: extra.get(DIGEST)?.clone(),
            best,
            best_sha256: extra.get(BEST_DIGEST).cloned(),
            timings: serde_json::from_str(extra.get(TIMINGS)?).ok()?,
            train_seconds: extra.get(SECONDS)?.parse().ok()?,
            trajectory,
        })
    }

    /// Whether `rows` hold a better value of `metric` than any before, which then is the best. Validation rows decide
    /// where there are any. Of equal values the first one stays.
    pub(super) fn improves(&mut self, metric: Metric, rows: &[MetricRow], data: &Dataset) -> bool {
        let split = if data.validation.is_some() { SplitName::Validation } else { SplitName::Train };
        let Some(row) = rows.iter().find(|row| row.metric == metric && row.split == split) else { return false };
        let larger = metric.larger_is_better().unwrap_or(true);
        let better = self.best.is_none_or(|best| if larger { row.value > best } else { row.value < best });
        if better {
            self.best = Some(row.value);
        }
        better
    }
}
