//! How much work and disk a cell takes, from its shapes alone.

use rbm_eval::{AUTO_LIMIT, LogZ, MetricGroup};
use rbm_ops::Kernels;
use rbm_train::{Algorithm, Precision};

use crate::{
    identity::kernels_of,
    plan::{Cell, Plan},
};

/// Multiply-adds a second, counted densely, that one core does in a step of training with fused kernels.
///
/// Half of what the example `fused_step` reached on one core with AVX2, 784 x 500 units in batches of 100: 0.196 billion in
/// 1.98 ms.
pub const FUSED_MULTIPLY_ADDS_PER_SECOND: f64 = 5.0e10;

/// Multiply-adds a second that one core does in a step of training with composed kernels, matrix products and all that
/// lies between them.
///
/// Half of what burn-flex reached on a CD-1 step of 784 x 500 units in batches of 100 on a two-core AVX-512 machine,
/// 85 GFLOP/s (one multiply-add is two), per core and in round numbers; small machines are dominated by
/// [`SECONDS_A_STEP`].
pub const MULTIPLY_ADDS_PER_SECOND: f64 = 1.0e10;

/// What a step with composed kernels, and each of its Gibbs steps, costs beyond multiply-adds: draws, sigmoids,
/// unpacking, launching operations.
///
/// Measured on the same machine at 16 x 16 units, batch 32: 0.2 ms a CD-1 step, 1.0 ms a CD-10 step.
pub const SECONDS_A_STEP: f64 = 1.0e-4;

/// The same with fused kernels.
///
/// Measured on one core with AVX2 at 16 x 16 units, batch 32, evaluations included: 20,000 CD-1 steps in 0.3 s, 50,000
/// CD-10 steps in 1.8 s.
pub const FUSED_SECONDS_A_STEP: f64 = 5.0e-6;

/// Multiply-adds a second that one core does in enumerating states for an exact gradient (measured at 16 x 16 units:
/// 16 ms for 65,536 states).
pub const ENUMERATED_PER_SECOND: f64 = 1.0e9;

/// States a second of the smaller layer that one core enumerates for log Z, at 784 units in the other (the bench
/// `exact`: 14 ms for 65,536 states).
pub const STATES_PER_SECOND: f64 = 5.0e6;

/// Bytes of one row of `metrics.jsonl`.
const METRIC_BYTES: u64 = 110;
/// Rows of one evaluation of the usual metrics, and of each group beyond them, at the most.
const METRIC_ROWS: [u64; 2] = [13, 8];

/// Everything small in a cell's folder: config, records, markers, the Parquet files.
const SMALL_FILES: u64 = 40_000;

/// An estimate, for one core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Multiply-adds of training in the dense formulation.
    pub multiply_adds: f64,
    /// Seconds on one core, evaluation included.
    pub seconds: f64,
    /// Bytes on the disk at the most.
    pub bytes: u64,
}

impl Cell {
    /// Estimates the cell's work.
    pub fn estimate(&self) -> Estimate {
        let (train, facts) = (&self.config.train, &self.data);
        let (m, n) = (facts.visible as f64, self.config.model.hidden as f64);
        let batch = train.batch_size.min(facts.rows).max(1);
        let steps = facts.rows.div_ceil(batch) as f64 * f64::from(train.epochs);
        let k = (f64::from(train.k) + f64::from(train.k_final.unwrap_or(train.k))) / 2.0;
        let smaller = facts.visible.min(self.config.model.hidden);
        let states = 2_f64.powi(i32::try_from(smaller.min(64)).unwrap_or(64));
        let (a_step, enumerated) = self.work_of_a_step(batch, k);
        let gibbs_steps = if enumerated > 0.0 { 0.0 } else { k };
        let (rate, beyond) = match kernels_of(&self.config) {
            Kernels::Fused => (FUSED_MULTIPLY_ADDS_PER_SECOND, FUSED_SECONDS_A_STEP),
            Kernels::Composed => (MULTIPLY_ADDS_PER_SECOND, SECONDS_A_STEP),
        };
        let step_seconds = a_step / rate + enumerated / ENUMERATED_PER_SECOND + (1.0 + gibbs_steps) * beyond;
        let multiply_adds = (a_step + enumerated) * steps;
        let evaluations = (1..=train.epochs)
            .filter(|&epoch| self.config.evaluate.every.evaluates(epoch, train.epochs))
            .count() as f64
            + 1.0;
        let rows_seen =
            (facts.rows.min(rbm_eval::FREE_ENERGY_ROWS) + facts.validation_rows.min(rbm_eval::FREE_ENERGY_ROWS)) as f64;
        let evaluate = &self.config.evaluate;
        let annealed = 2.0 * evaluate.log_z_chains as f64 * evaluate.log_z_schedule.temperatures() as f64 * 2.0 * m * n;
        let log_z = match evaluate.log_z {
            LogZ::Exact => states / STATES_PER_SECOND,
            LogZ::Auto if smaller <= AUTO_LIMIT => states / STATES_PER_SECOND,
            LogZ::Ais | LogZ::ReverseAis => annealed / MULTIPLY_ADDS_PER_SECOND,
            LogZ::Auto | LogZ::Trajectory | LogZ::None => 0.0,
        };
        let an_evaluation = 2.0 * rows_seen * m * n / MULTIPLY_ADDS_PER_SECOND + log_z;
        let seconds = steps * step_seconds + evaluations * an_evaluation;
        Estimate { multiply_adds, seconds, bytes: self.bytes(evaluations as u64) }
    }

    fn work_of_a_step(&self, rows: usize, k: f64) -> (f64, f64) {
        self.config.train.work_of_a_step(k, rows, self.data.rows, (self.data.visible, self.config.model.hidden))
    }

    /// Updates, and multiply-adds of training in the dense formulation, by the end of each epoch; first (0, 0.0),
    /// before training. Unlike [`estimate`](Self::estimate) it has the k of each epoch and the rows of the last,
    /// smaller batch.
    pub fn work_by_epoch(&self) -> Vec<(u64, f64)> {
        let (train, rows) = (&self.config.train, self.data.rows);
        let batch = train.batch_size.min(rows).max(1);
        let (full, rest) = (rows / batch, rows % batch);
        let mut so_far = (0, 0.0);
        let mut work = vec![so_far];
        for epoch in 1..=train.epochs {
            let k = f64::from(train.k_at(epoch));
            let of_steps = |steps: usize, rows: usize| {
                let (products, enumerated) = self.work_of_a_step(rows, k);
                steps as f64 * (products + enumerated)
            };
            so_far.0 += rows.div_ceil(batch) as u64;
            so_far.1 += of_steps(full, batch) + of_steps(usize::from(rest > 0), rest);
            work.push(so_far);
        }
        work
    }

    fn bytes(&self, evaluations: u64) -> u64 {
        let train = &self.config.train;
        let width = match train.precision {
            Precision::F32 => 4,
            Precision::F64 => 8,
        };
        let (m, n) = (self.data.visible as u64, self.config.model.hidden as u64);
        let weights = (m * n + m + n) * width;
        let momentum = if train.momentum > 0.0 || train.momentum_final.is_some() { weights } else { 0 };
        let chains = match train.algorithm {
            Algorithm::Pt => train.chains_for(self.data.rows) as u64 * (1 + train.betas().len() as u64) * m * width,
            Algorithm::Pcd => train.chains_for(self.data.rows) as u64 * m * width,
            _ => 0,
        };
        let offsets = if train.centred { (m + n) * width } else { 0 };
        let best = if self.config.evaluate.keep_best.is_some() { weights } else { 0 };
        let estimates = matches!(self.config.evaluate.log_z, LogZ::Ais | LogZ::ReverseAis | LogZ::Trajectory);
        let more = self.config.evaluate.metrics.iter().filter(|group| !MetricGroup::DEFAULT.contains(group)).count();
        let metric_rows = METRIC_ROWS[0] + METRIC_ROWS[1] * (more as u64 + u64::from(estimates));
        // Two checkpoints stand side by side while the newer one is written.
        let checkpoints = 2 * (weights + momentum + chains + offsets);
        weights + best + checkpoints + evaluations * METRIC_BYTES * metric_rows + SMALL_FILES
    }
}

impl Plan {
    /// The sum over the cells for which `counts` holds: those that remain, say.
    pub fn estimate(&self, counts: impl Fn(&Cell) -> bool) -> Estimate {
        self.cells.iter().filter(|cell| counts(cell)).map(Cell::estimate).fold(Estimate::default(), |sum, one| {
            Estimate {
                multiply_adds: sum.multiply_adds + one.multiply_adds,
                seconds: sum.seconds + one.seconds,
                bytes: sum.bytes + one.bytes,
            }
        })
    }
}
