//! An estimate of log Z and how far it can be trusted.

use serde::{Deserialize, Serialize};

/// An interval; an end is absent where it is not defined.
pub type Interval = [Option<f64>; 2];

/// An estimate of log Z, in nats, or of a difference of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogZEstimate {
    /// The estimate.
    pub log_z: f64,
    /// `ln(Z - s)` and `ln(Z + s)`, s the standard error of the mean weight; the lower end can be undefined.
    pub log_z_interval_1s: Option<Interval>,
    /// `ln(Z - 3s)` and `ln(Z + 3s)`.
    pub log_z_interval_3s: Option<Interval>,
    /// Standard error of log Z to first order, `s / Z`.
    pub log_z_stderr: Option<f64>,
    /// Effective sample size of the weights, `(sum w)^2 / sum w^2`, where there are weights.
    pub ess: Option<f64>,
    /// Chains.
    pub chains: usize,
    /// Inverse temperatures of the schedule.
    pub temperatures: usize,
    /// Whether an independent run says that the interval can be trusted.
    pub trust: Trust,
    /// Why, with figures.
    pub trust_reason: String,
}

impl LogZEstimate {
    /// An estimate whose error is one of log Z itself: intervals of one and three standard errors to each side.
    pub(super) fn symmetric(
        log_z: f64,
        error: Option<f64>,
        chains: usize,
        temperatures: usize,
        verdict: Verdict,
    ) -> Self {
        let interval = |n: f64| error.map(|error| [Some(log_z - n * error), Some(log_z + n * error)]);
        Self {
            log_z,
            log_z_interval_1s: interval(1.0),
            log_z_interval_3s: interval(3.0),
            log_z_stderr: error,
            ess: None,
            chains,
            temperatures,
            trust: verdict.trust,
            trust_reason: verdict.reason,
        }
    }
}

/// Whether an interval can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// It can, as far as an independent run can tell.
    Ok,
    /// It cannot.
    Low,
}

/// A verdict on an interval and its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The verdict.
    pub trust: Trust,
    /// Why, with figures.
    pub reason: String,
}

impl Verdict {
    /// A verdict that the interval can be trusted.
    pub fn ok(reason: impl Into<String>) -> Self {
        Self { trust: Trust::Ok, reason: reason.into() }
    }

    /// A verdict that it cannot.
    pub fn low(reason: impl Into<String>) -> Self {
        Self { trust: Trust::Low, reason: reason.into() }
    }
}
