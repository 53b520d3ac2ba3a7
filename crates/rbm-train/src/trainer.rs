//! The epoch loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use rbm_data::{Split, epoch_order};
use rbm_model::{Parameters, Rbm};
use rbm_ops::{Kernels, OrderId};

use crate::learner::{Learner, Move, Negative, RowsOfStep, Stepped};
use crate::{Checkpoint, Error, Key, Swaps, TrainConfig, estimator};

/// A training run between two steps.
///
/// The update of a batch is `rate x (rows / min(batch_size, training rows)) x gradient`: every row weighs the same in
/// an epoch, also in a short last batch.
///
/// ```
/// use std::sync::Arc;
/// use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
/// use rbm_model::{ModelConfig, Precision, Rbm, initialise};
/// use rbm_ops::{BackendName, open};
/// use rbm_train::{TrainConfig, Trainer};
///
/// let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
/// let data = load(&DataConfig::new(Source::BarsAndStripes), ".".as_ref(), &folders, &NoProgress)?;
/// let model = ModelConfig { hidden: 4, ..ModelConfig::default() };
/// let start = initialise(&model, &data.train.mean(), data.train.len(), None, 1)?;
/// let rbm = Rbm::new(&start, &model, Precision::F32, &open(BackendName::Flex)?);
/// let config = TrainConfig { epochs: 2, batch_size: 8, ..TrainConfig::default() };
/// let mut trainer = Trainer::new(&config, rbm, Arc::new(data.train), 1)?;
/// while !trainer.is_finished() {
///     (trainer, _) = trainer.step()?;
/// }
/// assert_eq!((trainer.epoch(), trainer.steps()), (2, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    pub(crate) config: TrainConfig,
    pub(crate) learner: Learner,
    pub(crate) rows: Arc<Split>,
    counters: Checkpoint,
    /// The running epoch's order of rows; empty between epochs.
    pub(crate) order: Vec<u32>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInfo {
    /// The step's epoch, from 1.
    pub epoch: u32,
    /// Steps taken, this one included.
    pub step: u64,
    /// Rows of its batch.
    pub rows: usize,
    /// Whether it was the epoch's last.
    pub ended_epoch: bool,
}

/// A step before it is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    order_id: OrderId,
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) ended_epoch: bool,
    pub(crate) key: Key,
    pub(crate) by: Move,
}

impl Planned {
    pub(crate) fn rows<'a>(&self, split: &'a Arc<Split>, order: &'a [u32]) -> RowsOfStep<'a> {
        RowsOfStep { split, order, order_id: self.order_id, first: self.first, count: self.count }
    }

    /// The step's epoch, from 1.
    pub(crate) fn epoch(&self) -> u32 {
        self.order_id.1
    }
}

impl Trainer {
    /// A run before its first step, with fused kernels where there are any for it.
    ///
    /// # Errors
    /// When the settings are impossible, or do not fit the model and the rows.
    pub fn new(config: &TrainConfig, model: Rbm, rows: Arc<Split>, seed: u64) -> Result<Self, Error> {
        Self::with_kernels(config, model, rows, seed, Kernels::Fused)
    }

    /// The same with kernels of one's choice; composed ones where there are no fused ones: for other algorithms than CD,
    /// PCD and Rdm, other units than Bernoulli's, f64, grey values; on a GPU for Rdm and centred gradients too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_kernels(
        config: &TrainConfig,
        model: Rbm,
        rows: Arc<Split>,
        seed: u64,
        kernels: Kernels,
    ) -> Result<Self, Error> {
        let refused = |(key, allowed): (&str, String)| Error::Setup(format!("train.{key} must be {allowed}"));
        config.check().map_err(refused)?;
        config.check_size(model.visible(), model.hidden()).map_err(refused)?;
        if rows.is_empty() || rows.visible() != model.visible() {
            return Err(Error::Setup(format!(
                "{} rows of {} units do not fit a machine with {} visible units",
                rows.len(),
                rows.visible(),
                model.visible()
            )));
        }
        let estimator = estimator(config, &rows);
        let state = estimator.init(seed, &model);
        let learner = if kernels == Kernels::Fused && Learner::can_be_fused(config, &model, &rows) {
            Learner::fused(model, Negative::of(config, rows.len()), &state)?
        } else {
            Learner::composed(model, estimator, state)
        };
        let counters = Checkpoint { seed, ..Checkpoint::default() };
        Ok(Self { config: config.clone(), learner, rows, counters, order: Vec::new() })
    }

    /// Puts a new run of the same settings where a checkpoint was taken; it goes on as if it had never stopped.
    ///
    /// Returns the caller's own values of [`Self::checkpoint`] too.
    ///
    /// # Errors
    /// When the bytes are no checkpoint of such a run.
    pub fn resume(self, bytes: &[u8]) -> Result<(Self, BTreeMap<String, String>), Error> {
        let (mut counters, model, last, state) = Checkpoint::from_bytes(bytes, self.learner.model().clone())?;
        if counters.seed != self.counters.seed {
            return Err(Error::Checkpoint(format!("it is of seed {}, not {}", counters.seed, self.counters.seed)));
        }
        if counters.epoch > self.config.epochs || !self.learner.keeps(&state) {
            return Err(Error::Checkpoint("it is of a run with other settings".into()));
        }
        let extra = std::mem::take(&mut counters.extra);
        let learner = self.learner.resume(model, last, state)?;
        let resumed = Self { learner, counters, ..self };
        if resumed.counters.batch >= resumed.batches() {
            return Err(Error::Checkpoint("it is of a run with other settings".into()));
        }
        Ok((resumed, extra))
    }

    /// Everything the run needs to go on, with `extra` values of the caller's own.
    ///
    /// # Errors
    /// When the device fails to answer; [`Error::Diverged`] where a GPU's steps were found to have diverged only now.
    pub fn checkpoint(&self, extra: BTreeMap<String, String>) -> Result<Vec<u8>, Error> {
        if let Some(ago) = self.learner.diverged()? {
            let (epoch, step) = (self.counters.epoch + 1, self.counters.step - ago);
            return Err(Error::Diverged { epoch, step, what: "the hidden bias's gradient" });
        }
        let counters = Checkpoint { extra, ..self.counters.clone() };
        counters.to_bytes(self.model(), self.learner.last_update().as_ref(), &self.learner.state()?)
    }

    /// One update on the next batch.
    ///
    /// On a GPU with fused kernels the call does not wait for the update, but at the end of an epoch.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the gradient is not finite: the run is over.
    pub fn step(mut self) -> Result<(Self, StepInfo), Error> {
        let planned = self.plan();
        let rows = planned.rows(&self.rows, &self.order);
        let (learner, stepped) = self.learner.step(rows, planned.key, planned.by)?;
        Self { learner, ..self }.finish(&planned, stepped)
    }

    /// What the next step is.
    pub(crate) fn plan(&mut self) -> Planned {
        let epoch = self.counters.epoch + 1;
        if self.order.is_empty() {
            self.order = epoch_order(self.rows.len(), self.counters.seed, epoch);
        }
        let first = self.counters.batch * self.config.batch_size;
        let count = self.config.batch_size.min(self.rows.len() - first);
        let ended_epoch = self.counters.batch + 1 == self.batches();
        let full = self.config.batch_size.min(self.rows.len());
        Planned {
            order_id: (self.counters.seed, epoch),
            first,
            count,
            ended_epoch,
            key: Key { seed: self.counters.seed, gibbs_step: self.counters.gibbs_step, k: self.config.k_at(epoch) },
            by: Move {
                rate: self.config.learning_rate_at(epoch) * (count as f64 / full as f64),
                momentum: self.config.momentum_at(epoch),
                decay: self.config.weight_decay,
                norm: ended_epoch,
            },
        }
    }

    /// Counts a step that was taken as planned.
    pub(crate) fn finish(mut self, planned: &Planned, stepped: Stepped) -> Result<(Self, StepInfo), Error> {
        let (epoch, step) = (planned.order_id.1, self.counters.step + 1);
        match stepped {
            Stepped::Diverged { what, ago } => return Err(Error::Diverged { epoch, step: step - ago, what }),
            Stepped::Well { norm: Some(norm) } => self.counters.gradient_norm_bits = Some(norm.to_bits()),
            Stepped::Well { norm: None } => {}
        }
        self.counters.step = step;
        self.counters.gibbs_step += u64::from(planned.key.k);
        self.counters.batch += 1;
        if planned.ended_epoch {
            self.counters.epoch = epoch;
            self.counters.batch = 0;
            self.order.clear();
            if !self.learner.is_finite()? {
                return Err(Error::Diverged { epoch, step, what: "a parameter" });
            }
        }
        let info = StepInfo { epoch, step, rows: planned.count, ended_epoch: planned.ended_epoch };
        Ok((self, info))
    }

    /// The model as it stands.
    pub fn model(&self) -> &Rbm {
        self.learner.model()
    }

    /// The model's parameters on the host.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        Ok(self.model().parameters()?)
    }

    /// Persistent chains' visible states, `[chains, visible]` row by row, each 0 or 1, where the algorithm keeps any.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn chain_states(&self) -> Result<Option<Vec<u8>>, Error> {
        self.learner.chain_states()
    }

    /// Exchanges between the temperatures of parallel tempering since this was last asked.
    pub fn take_swaps(&mut self) -> Option<Swaps> {
        self.learner.take_swaps()
    }

    /// Whether its steps are asked of a GPU by fused kernels, which wait for nothing.
    pub fn is_fused_on_gpu(&self) -> bool {
        self.learner.is_fused_on_gpu()
    }

    /// The kernels in use.
    pub fn kernels(&self) -> Kernels {
        match self.learner {
            Learner::Composed(_) => Kernels::Composed,
            Learner::Fused(_) => Kernels::Fused,
        }
    }

    /// Visible and hidden units.
    pub fn units(&self) -> (usize, usize) {
        self.learner.units()
    }

    /// Epochs that are over.
    pub fn epoch(&self) -> u32 {
        self.counters.epoch
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.counters.step
    }

    /// Steps of an epoch.
    pub fn batches(&self) -> usize {
        self.rows.len().div_ceil(self.config.batch_size)
    }

    /// Steps of the running epoch that are over.
    pub(crate) fn batches_over(&self) -> usize {
        self.counters.batch
    }

    /// Whether the next step begins an epoch.
    pub fn is_between_epochs(&self) -> bool {
        self.counters.batch == 0
    }

    /// Whether every epoch is over.
    pub fn is_finished(&self) -> bool {
        self.counters.epoch >= self.config.epochs
    }

    /// Norm of the gradient in the last epoch's last step.
    pub fn gradient_norm(&self) -> Option<f64> {
        self.counters.gradient_norm_bits.map(f64::from_bits)
    }
}
