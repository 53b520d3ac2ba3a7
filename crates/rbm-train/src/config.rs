//! The `[train]` section.

use rbm_model::{Precision, exact};
use serde::{Deserialize, Serialize};

/// How fast the offsets of centred gradients follow the data, unless told (Melchior, Fischer and Wiskott 2016).
pub const OFFSET_RATE: f64 = 0.01;

/// Temperatures of parallel tempering, unless told.
pub const TEMPERATURES: usize = 10;

/// The `[train]` section of a config: the gradient's estimator, the optimiser and their schedules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The gradient's estimator.
    pub algorithm: Algorithm,
    /// Gibbs steps between the data (or the kept chains) and the negative phase.
    pub k: u32,
    /// `k` in the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k_final: Option<u32>,
    /// How `k` goes from `k` to `k_final`.
    pub k_schedule: KSchedule,
    /// Chains of the negative phase, where they do not start at the batch (PCD, Rdm); if absent, as many as a full batch
    /// has rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chains: Option<usize>,
    /// Inverse temperatures of parallel tempering; if absent, [`TEMPERATURES`] equally spaced ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperatures: Option<Temperatures>,
    /// Passes over the training rows.
    pub epochs: u32,
    /// Rows a step.
    pub batch_size: usize,
    /// Step size of the update of the mean log-likelihood, in nats a row.
    pub learning_rate: f64,
    /// Learning rate in the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate_final: Option<f64>,
    /// How the learning rate goes to `learning_rate_final`.
    pub schedule: Schedule,
    /// Share of the last update that is repeated.
    pub momentum: f64,
    /// Momentum from epoch `momentum_switch` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum_final: Option<f64>,
    /// First epoch (from 1) with `momentum_final`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum_switch: Option<u32>,
    /// L2 penalty on the weights, not on the biases.
    pub weight_decay: f64,
    /// Whether gradients are centred.
    pub centred: bool,
    /// Share of a batch's means in the next offsets of centred gradients; if absent, [`OFFSET_RATE`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_rate: Option<f64>,
    /// Width of the parameters and of the chains.
    pub precision: Precision,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Cd,
            k: 1,
            k_final: None,
            k_schedule: KSchedule::Constant,
            chains: None,
            temperatures: None,
            epochs: 10,
            batch_size: 100,
            learning_rate: 0.05,
            learning_rate_final: None,
            schedule: Schedule::Constant,
            momentum: 0.0,
            momentum_final: None,
            momentum_switch: None,
            weight_decay: 0.0,
            centred: false,
            offset_rate: None,
            precision: Precision::F32,
        }
    }
}

impl TrainConfig {
    /// Refuses impossible values, and keys without those they need.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let at_least_one = [
            ("k", u64::from(self.k)),
            ("k_final", self.k_final.map_or(1, u64::from)),
            ("chains", self.chains.map_or(1, |chains| chains as u64)),
            ("epochs", u64::from(self.epochs)),
            ("batch_size", self.batch_size as u64),
            ("momentum_switch", self.momentum_switch.map_or(1, u64::from)),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return Err((key, "a whole number of at least 1, not 0".into()));
            }
        }
        for (key, value) in [
            ("learning_rate", self.learning_rate),
            ("learning_rate_final", self.learning_rate_final.unwrap_or(0.0)),
            ("weight_decay", self.weight_decay),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err((key, format!("a finite number of at least 0, not {value}")));
            }
        }
        for (key, value) in [("momentum", self.momentum), ("momentum_final", self.momentum_final.unwrap_or(0.0))] {
            if !(0.0..1.0).contains(&value) {
                return Err((key, format!("a number from 0 up to, but not including, 1, not {value}")));
            }
        }
        let pairs = [
            ("k_final", self.k_final.is_some(), "k_schedule", self.k_schedule != KSchedule::Constant),
            (
                "learning_rate_final",
                self.learning_rate_final.is_some(),
                "schedule",
                self.schedule != Schedule::Constant,
            ),
            ("momentum_final", self.momentum_final.is_some(), "momentum_switch", self.momentum_switch.is_some()),
        ];
        for (first, has_first, second, has_second) in pairs {
            if has_first != has_second {
                let (present, absent) = if has_first { (first, second) } else { (second, first) };
                return Err((present, format!("together with `{absent}`: one without the other has no effect")));
            }
        }
        if self.schedule == Schedule::Exponential
            && (self.learning_rate == 0.0 || self.learning_rate_final == Some(0.0))
        {
            return Err(("learning_rate_final", "above 0 under schedule = \"exponential\"".into()));
        }
        if let (Some(switch), Some(_)) = (self.momentum_switch, self.momentum_final)
            && switch > self.epochs
        {
            return Err(("momentum_switch", format!("an epoch from 1 to {}, not {switch}", self.epochs)));
        }
        if self.chains.is_some() && !self.algorithm.has_chains() {
            return Err(("chains", "absent: only \"pcd\", \"rdm\" and \"pt\" have chains apart from the batch".into()));
        }
        if let Some(temperatures) = &self.temperatures {
            if self.algorithm != Algorithm::Pt {
                return Err(("temperatures", "absent: only algorithm = \"pt\" has them".into()));
            }
            temperatures.check().map_err(|allowed| ("temperatures", allowed))?;
        }
        if let Some(rate) = self.offset_rate {
            if !self.centred {
                return Err(("offset_rate", "together with `centred = true`: without it it has no effect".into()));
            }
            if !(0.0..=1.0).contains(&rate) {
                return Err(("offset_rate", format!("a number from 0 to 1, not {rate}")));
            }
        }
        Ok(())
    }

    /// Refuses an enumerating estimator for a machine that is too large for it.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check_size(&self, visible: usize, hidden: usize) -> Result<(), (&'static str, String)> {
        let smaller = visible.min(hidden);
        match self.algorithm {
            Algorithm::Exact if smaller > exact::LIMIT => Err((
                "algorithm",
                format!(
                    "\"cd\" or \"pcd\" for a machine of {visible} visible and {hidden} hidden units: \"exact\" enumerates \
                     the smaller layer, of at most {} units, in every step",
                    exact::LIMIT
                ),
            )),
            Algorithm::ExpectedCd
                if visible.max(hidden) > exact::LAYER_LIMIT || visible + hidden > exact::JOINT_LIMIT =>
            {
                Err((
                    "algorithm",
                    format!(
                        "\"cd\" or \"pcd\" for a machine of {visible} visible and {hidden} hidden units: \"expected-cd\" \
                     enumerates both layers, of at most {} units each and {} together",
                        exact::LAYER_LIMIT,
                        exact::JOINT_LIMIT
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Inverse temperatures of parallel tempering.
    pub fn betas(&self) -> Vec<f64> {
        self.temperatures.as_ref().map_or_else(|| Temperatures::Count(TEMPERATURES).betas(), Temperatures::betas)
    }

    /// How fast the offsets of centred gradients follow the data.
    pub fn offset_rate(&self) -> f64 {
        self.offset_rate.unwrap_or(OFFSET_RATE)
    }

    /// Chains apart from the batch for so many training rows: as configured, or as many as a full batch has rows.
    pub fn chains_for(&self, rows: usize) -> usize {
        self.chains.unwrap_or(self.batch_size.min(rows))
    }

    /// Share of the way from the first epoch (0) to the last (1); epochs count from 1.
    fn progress(&self, epoch: u32) -> f64 {
        if self.epochs > 1 { f64::from(epoch - 1) / f64::from(self.epochs - 1) } else { 0.0 }
    }

    /// Multiply-adds of one update on a batch of `rows` with `k` Gibbs steps, in the dense formulation: of products
    /// with the weights, `rows x visible x hidden` each, and of enumerated states. `all_rows` are those of the training
    /// set.
    pub fn work_of_a_step(
        &self,
        k: f64,
        rows: usize,
        all_rows: usize,
        (visible, hidden): (usize, usize),
    ) -> (f64, f64) {
        let size = visible as f64 * hidden as f64;
        let (rows, chains) = (rows as f64, self.chains_for(all_rows) as f64);
        // Of the weights' gradient: two corrections of rank one, two products with the offsets.
        let centring = if self.centred { 4.0 * size } else { 0.0 };
        // A gradient takes a product for each of its two phases.
        let (products, enumerated) = match self.algorithm {
            Algorithm::Cd => (rows * size * (1.0 + 2.0 * k + 2.0), 0.0),
            Algorithm::Pcd | Algorithm::Rdm => (size * (2.0 * rows + chains * (1.0 + 2.0 * k + 1.0)), 0.0),
            Algorithm::Pt => {
                // Half-steps of every replica and its activations for the exchanges, then two phases.
                let replicas = chains * self.betas().len() as f64;
                (size * (2.0 * rows + 2.0 * chains + replicas * (1.0 + 2.0 * k)), 0.0)
            }
            Algorithm::Exact => (size * 2.0 * rows, size * (visible.min(hidden) as f64).exp2()),
            Algorithm::ExpectedCd => (size * 2.0 * rows, ((visible + hidden) as f64 + 1.0).exp2() * k),
        };
        (products + centring, enumerated)
    }

    /// The learning rate in an epoch, from 1.
    pub fn learning_rate_at(&self, epoch: u32) -> f64 {
        let (start, end) = (self.learning_rate, self.learning_rate_final.unwrap_or(self.learning_rate));
        match self.schedule {
            Schedule::Constant => start,
            Schedule::Linear => start + (end - start) * self.progress(epoch),
            Schedule::Exponential => start * (end / start).powf(self.progress(epoch)),
        }
    }

    /// Gibbs steps in an epoch, from 1.
    pub fn k_at(&self, epoch: u32) -> u32 {
        let (start, end) = (f64::from(self.k), f64::from(self.k_final.unwrap_or(self.k)));
        match self.k_schedule {
            KSchedule::Constant => self.k,
            KSchedule::Linear => (start + (end - start) * self.progress(epoch)).round() as u32,
        }
    }

    /// The momentum in an epoch, from 1.
    pub fn momentum_at(&self, epoch: u32) -> f64 {
        match (self.momentum_final, self.momentum_switch) {
            (Some(momentum), Some(switch)) if epoch >= switch => momentum,
            _ => self.momentum,
        }
    }
}

/// The gradient's estimator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Contrastive divergence: chains start at the batch (Hinton 2002).
    #[default]
    Cd,
    /// Persistent contrastive divergence: chains go on from step to step (Tieleman 2008).
    Pcd,
    /// Rdm-k: chains start anew in every step, uniform over all states (Decelle, Furtlehner and Seoane 2021).
    Rdm,
    /// Parallel tempering: ladders of chains at rising inverse temperatures, which exchange their states (Desjardins et
    /// al. 2010; Cho, Raiko and Ilin 2010).
    Pt,
    /// The log-likelihood's exact gradient, by enumeration of the smaller layer.
    Exact,
    /// The expectation of CD-k's gradient over its chains, by enumeration of both layers: no noise.
    ExpectedCd,
}

impl Algorithm {
    /// Whether its negative phase has chains that do not start at the batch.
    pub fn has_chains(self) -> bool {
        matches!(self, Self::Pcd | Self::Rdm | Self::Pt)
    }

    /// Whether fused kernels train by it.
    pub fn has_fused_kernels(self) -> bool {
        matches!(self, Self::Cd | Self::Pcd | Self::Rdm)
    }
}

/// Inverse temperatures, as a config gives them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Temperatures {
    /// So many, equally spaced from 0 to 1.
    Count(usize),
    /// These.
    Betas(Vec<f64>),
}

impl Temperatures {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Count(count) if *count < 2 => Err(format!("a whole number of at least 2, not {count}")),
            Self::Betas(betas)
                if betas.len() < 2
                    || betas.first() != Some(&0.0)
                    || betas.last() != Some(&1.0)
                    || !betas.is_sorted_by(|one, next| one < next) =>
            {
                Err(format!("inverse temperatures that rise from 0 to 1, not {betas:?}"))
            }
            _ => Ok(()),
        }
    }

    /// The inverse temperatures, from 0 to 1.
    pub fn betas(&self) -> Vec<f64> {
        match self {
            Self::Count(count) => (0..*count).map(|at| at as f64 / (*count - 1) as f64).collect(),
            Self::Betas(betas) => betas.clone(),
        }
    }
}

/// How `k` changes over the epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KSchedule {
    /// Not at all.
    #[default]
    Constant,
    /// In equal steps, rounded to the nearest whole number.
    Linear,
}

/// How the learning rate changes over the epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// In equal differences.
    Linear,
    /// In equal ratios.
    Exponential,
}
