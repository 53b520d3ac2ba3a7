//! One step of training, by either kind of kernels.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use burn::tensor::{Device, Tensor, TensorData};
use rbm_data::Split;
use rbm_model::{Error as ModelError, Rbm, exact::WeightedRows};
use rbm_ops::{FusedBatch, FusedChains, FusedMachine, FusedRows, FusedStep, OrderId, PackedStates, Together};

use crate::gradient::host;
use crate::{
    Algorithm, Batch, Error, EstimatorState, Gradient, GradientEstimator, Key, Momentum, Offsets, Swaps, TrainConfig,
    estimator::start_draw,
};

/// Where a step takes its rows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsOfStep<'a> {
    pub(crate) split: &'a Arc<Split>,
    /// The order of all rows in the epoch.
    pub(crate) order: &'a [u32],
    pub(crate) order_id: OrderId,
    /// The batch within the order.
    pub(crate) first: usize,
    pub(crate) count: usize,
}

impl RowsOfStep<'_> {
    fn indices(&self) -> &[u32] {
        &self.order[self.first..self.first + self.count]
    }

    fn epoch(&self) -> u32 {
        self.order_id.1
    }
}

/// How a step moves the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) rate: f64,
    pub(crate) momentum: f64,
    pub(crate) decay: f64,
    /// Whether the gradient's norm is asked for.
    pub(crate) norm: bool,
}

/// A model in training: its parameters, what its estimator and its optimiser keep.
#[derive(Debug)]
pub(crate) enum Learner {
    Composed(Box<Composed>),
    Fused(Box<Fused>),
}

/// Tensor operations: any estimator, device and width.
#[derive(Debug)]
pub(crate) struct Composed {
    model: Rbm,
    estimator: Box<dyn GradientEstimator>,
    state: EstimatorState,
    optimiser: Momentum,
}

/// Fused kernels: CD, PCD and Rdm.
#[derive(Debug)]
pub(crate) struct Fused {
    machine: FusedMachine,
    /// Persistent chains.
    chains: Option<FusedChains>,
    negative: Negative,
    batch: PackedStates,
    /// The model as it was given: its variants and shape.
    model: Rbm,
    /// The model as it stands, once it was asked for after a step.
    current: OnceLock<Rbm>,
}

/// What a config says of the fused kernels' negative phase and of their gradients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negative {
    /// So many chains start anew in every step.
    random_starts: Option<usize>,
    /// How fast the offsets of centred gradients follow the data.
    offset_rate: f32,
}

impl Negative {
    /// For so many training rows.
    pub(crate) fn of(config: &TrainConfig, rows: usize) -> Self {
        let random_starts = (config.algorithm == Algorithm::Rdm).then(|| config.chains_for(rows));
        Self { random_starts, offset_rate: config.offset_rate() as f32 }
    }
}

/// What a step found; what is wrong in the words of [`Error::Diverged`].
pub(crate) enum Stepped {
    Well {
        norm: Option<f64>,
    },
    /// So many steps ago.
    Diverged {
        what: &'static str,
        ago: u64,
    },
}

impl Learner {
    pub(crate) fn composed(model: Rbm, estimator: Box<dyn GradientEstimator>, state: EstimatorState) -> Self {
        Self::Composed(Box::new(Composed { model, estimator, state, optimiser: Momentum::default() }))
    }

    pub(crate) fn fused(model: Rbm, negative: Negative, state: &EstimatorState) -> Result<Self, Error> {
        let mut machine = FusedMachine::new(model.tensors());
        let chains = state.chains.as_ref().map(pack).transpose()?.map(|states| machine.chains(states));
        if let Some(offsets) = &state.offsets {
            machine.centre([&offsets.visible, &offsets.hidden], negative.offset_rate);
        }
        let batch = PackedStates::from_words(model.visible(), Vec::new());
        Ok(Self::Fused(Box::new(Fused { machine, chains, negative, batch, model, current: OnceLock::new() })))
    }

    /// Whether fused kernels can do this: CD, PCD and Rdm of Bernoulli units in f32, on rows of states; on a GPU CD and PCD
    /// with plain gradients.
    pub(crate) fn can_be_fused(config: &TrainConfig, model: &Rbm, rows: &Split) -> bool {
        let device = model.device();
        config.algorithm.has_fused_kernels()
            && (FusedMachine::can_centre(&device) || !(config.centred || config.algorithm == Algorithm::Rdm))
            && model.is_plain()
            && rows.has_states()
            && FusedMachine::is_available(&device, model.precision().dtype())
    }

    pub(crate) fn device(&self) -> Device {
        self.shape().device()
    }

    /// Visible and hidden units.
    pub(crate) fn units(&self) -> (usize, usize) {
        (self.shape().visible(), self.shape().hidden())
    }

    /// A model of the same shape on the same device, be its parameters old.
    fn shape(&self) -> &Rbm {
        match self {
            Self::Composed(composed) => &composed.model,
            Self::Fused(fused) => &fused.model,
        }
    }

    pub(crate) fn model(&self) -> &Rbm {
        match self {
            Self::Composed(composed) => &composed.model,
            Self::Fused(fused) => fused.current.get_or_init(|| {
                let [weights, visible_bias, hidden_bias] = fused.machine.tensors();
                fused.model.clone().map(|_, _, _| (weights, visible_bias, hidden_bias))
            }),
        }
    }

    /// The last update, for momentum.
    pub(crate) fn last_update(&self) -> Option<Gradient> {
        match self {
            Self::Composed(composed) => composed.optimiser.last.clone(),
            Self::Fused(fused) => fused.machine.last_update().map(|[weights, visible_bias, hidden_bias]| Gradient {
                weights,
                visible_bias,
                hidden_bias,
            }),
        }
    }

    /// What the estimator keeps.
    pub(crate) fn state(&self) -> Result<EstimatorState, Error> {
        match self {
            Self::Composed(composed) => Ok(composed.state.clone()),
            Self::Fused(fused) => {
                let chains = fused.chain_states()?.map(|states| fused.unpack(&states));
                let offsets = fused.machine.offsets().map(|[visible, hidden]| Offsets { visible, hidden });
                Ok(EstimatorState { chains, offsets, tempered: None })
            }
        }
    }

    /// Whether its estimator keeps chains.
    pub(crate) fn has_chains(&self) -> bool {
        match self {
            Self::Composed(composed) => composed.state.chains.is_some(),
            Self::Fused(fused) => fused.chains.is_some(),
        }
    }

    /// Whether a state is one of its estimator's.
    pub(crate) fn keeps(&self, state: &EstimatorState) -> bool {
        let has_offsets = match self {
            Self::Composed(composed) => composed.state.offsets.is_some(),
            Self::Fused(fused) => fused.machine.offsets().is_some(),
        };
        let temperatures = |state: &EstimatorState| {
            state.tempered.as_ref().map(|tempered| (tempered.visible.dims()[0], tempered.swaps.proposed.len()))
        };
        let tempered = match self {
            Self::Composed(composed) => temperatures(&composed.state),
            Self::Fused(_) => None,
        };
        (self.has_chains(), has_offsets, tempered)
            == (state.chains.is_some(), state.offsets.is_some(), temperatures(state))
    }

    /// Exchanges of parallel tempering since they were last asked for.
    pub(crate) fn take_swaps(&mut self) -> Option<Swaps> {
        let Self::Composed(composed) = self else { return None };
        let tempered = composed.state.tempered.as_mut()?;
        let none = Swaps::none(tempered.swaps.proposed.len() + 1);
        Some(std::mem::replace(&mut tempered.swaps, none))
    }

    /// Persistent chains' visible states, `[chains, visible]` row by row, each 0 or 1.
    pub(crate) fn chain_states(&self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Composed(composed) => {
                let Some(chains) = &composed.state.chains else { return Ok(None) };
                Ok(Some(host(chains)?.into_iter().map(|state| state as u8).collect()))
            }
            Self::Fused(fused) => {
                Ok(fused.chain_states()?.map(|states| states.unpack().into_iter().map(|state| state as u8).collect()))
            }
        }
    }

    /// Whether every parameter is finite.
    pub(crate) fn is_finite(&self) -> Result<bool, Error> {
        match self {
            Self::Composed(composed) => finite(&composed.model),
            Self::Fused(fused) => Ok(fused.machine.is_finite().map_err(ModelError::Device)?),
        }
    }

    /// How many steps ago the first one was whose gradient was not finite. Waits for a GPU.
    pub(crate) fn diverged(&self) -> Result<Option<u64>, Error> {
        match self {
            Self::Composed(_) => Ok(None), // its steps say so themselves
            Self::Fused(fused) => Ok(fused.machine.diverged().map_err(ModelError::Device)?),
        }
    }

    /// Whether its steps are asked of a GPU by fused kernels, so that others can go with them.
    pub(crate) fn is_fused_on_gpu(&self) -> bool {
        matches!(self, Self::Fused(fused) if fused.machine.is_on_gpu())
    }

    /// The machine's part in a step that several take together.
    pub(crate) fn together<'a>(&'a mut self, rows: RowsOfStep<'a>, key: Key, by: Move) -> Option<Together<'a>> {
        let Self::Fused(fused) = self else { return None };
        fused.current.take();
        let Fused { machine, chains, .. } = &mut **fused;
        let step = fused_step(key, by);
        Some(Together { machine, chains: chains.as_mut(), order: rows.order, order_id: rows.order_id, step })
    }

    /// What a step found that was taken together.
    pub(crate) fn stepped(&self, by: Move) -> Result<Stepped, Error> {
        match self {
            Self::Fused(fused) => fused.stepped(by),
            Self::Composed(_) => unreachable!("composed steps are taken one by one"),
        }
    }

    /// Goes on from what a checkpoint held.
    pub(crate) fn resume(self, model: Rbm, last: Option<Gradient>, state: EstimatorState) -> Result<Self, Error> {
        match self {
            Self::Composed(composed) => {
                Ok(Self::Composed(Box::new(Composed { model, state, optimiser: Momentum { last }, ..*composed })))
            }
            Self::Fused(fused) => {
                let mut learner = Self::fused(model, fused.negative, &state)?;
                if let (Self::Fused(fused), Some(last)) = (&mut learner, last) {
                    fused.machine.set_last_update([&last.weights, &last.visible_bias, &last.hidden_bias]);
                }
                Ok(learner)
            }
        }
    }

    /// One update; the parameters are spoilt where it diverged.
    pub(crate) fn step(self, rows: RowsOfStep<'_>, key: Key, by: Move) -> Result<(Self, Stepped), Error> {
        match self {
            Self::Composed(composed) => composed.step(rows, key, by),
            Self::Fused(fused) => fused.step(rows, key, by),
        }
    }
}

impl Composed {
    fn step(self, rows: RowsOfStep<'_>, key: Key, by: Move) -> Result<(Learner, Stepped), Error> {
        let batch = self.batch(rows)?;
        let (gradient, state) = self.estimator.estimate(key, &self.model, batch, self.state)?;
        let mut stepped = Stepped::Well { norm: None };
        if let Some(what) = gradient.non_finite()? {
            stepped = Stepped::Diverged { what, ago: 0 };
        } else if by.norm {
            let norm = gradient.norm()?;
            stepped = if norm.is_finite() {
                Stepped::Well { norm: Some(norm) }
            } else {
                Stepped::Diverged { what: "the gradient's norm", ago: 0 }
            };
        }
        let (optimiser, model) = self.optimiser.update(self.model, gradient, by.rate, by.momentum, by.decay);
        Ok((Learner::Composed(Box::new(Self { model, state, optimiser, ..self })), stepped))
    }

    fn batch(&self, rows: RowsOfStep<'_>) -> Result<Batch, Error> {
        let (split, indices) = (rows.split, rows.indices());
        let visible = split.visible();
        let mut values = vec![0.0_f32; indices.len() * visible];
        split.batch(indices, rows.epoch(), &mut values);
        let rows = if self.estimator.needs_rows_on_host() {
            let wide: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
            Some(WeightedRows::new(visible, &wide)?)
        } else {
            None
        };
        let options = (&self.model.device(), self.model.precision().dtype());
        let visible = Tensor::from_data(TensorData::new(values, [indices.len(), visible]), options);
        Ok(Batch { visible, rows })
    }
}

impl Fused {
    fn step(mut self: Box<Self>, rows: RowsOfStep<'_>, key: Key, by: Move) -> Result<(Learner, Stepped), Error> {
        self.current.take();
        let step = fused_step(key, by);
        if self.machine.is_on_gpu() {
            let on_device = rows_on(&self.model.device(), rows.split, rows.epoch());
            let RowsOfStep { order, order_id, first, count, .. } = rows;
            let batch = FusedBatch::Rows { rows: &on_device, order, order_id, first, count };
            self.machine.step(batch, self.chains.as_mut(), &step);
        } else {
            let mut words = std::mem::take(&mut self.batch).into_words();
            rows.split.packed_batch(rows.indices(), rows.epoch(), &mut words);
            let visible = rows.split.visible();
            self.batch = PackedStates::from_words(visible, words);
            let mut fresh = self.negative.random_starts.map(|chains| {
                self.machine.chains(PackedStates::uniform(chains, visible, start_draw(key.seed, key.gibbs_step)))
            });
            let chains = self.chains.as_mut().or(fresh.as_mut());
            self.machine.step(FusedBatch::States(&self.batch), chains, &step);
        }
        let stepped = self.stepped(by)?;
        Ok((Learner::Fused(self), stepped))
    }

    /// What the last step found; a GPU is asked, and waited for, only where the norm is.
    fn stepped(&self, by: Move) -> Result<Stepped, Error> {
        if self.machine.is_on_gpu() && !by.norm {
            return Ok(Stepped::Well { norm: None });
        }
        if let Some(ago) = self.machine.diverged().map_err(ModelError::Device)? {
            return Ok(Stepped::Diverged { what: "the hidden bias's gradient", ago });
        }
        if !by.norm {
            return Ok(Stepped::Well { norm: None });
        }
        let norm = self.machine.gradient_norm().map_err(ModelError::Device)?;
        Ok(if norm.is_finite() {
            Stepped::Well { norm: Some(norm) }
        } else {
            Stepped::Diverged { what: "the gradient's norm", ago: 0 }
        })
    }

    fn chain_states(&self) -> Result<Option<PackedStates>, Error> {
        let Some(chains) = &self.chains else { return Ok(None) };
        Ok(Some(self.machine.chain_states(chains).map_err(ModelError::Device)?))
    }

    fn unpack(&self, states: &PackedStates) -> Tensor<2> {
        let data = TensorData::new(states.unpack(), [states.rows(), states.units()]);
        Tensor::from_data(data, (&self.model.device(), self.model.precision().dtype()))
    }
}

fn fused_step(key: Key, by: Move) -> FusedStep {
    FusedStep {
        seed: key.seed,
        gibbs_step: key.gibbs_step,
        k: key.k,
        rate: by.rate as f32,
        momentum: by.momentum as f32,
        decay: by.decay as f32,
        norm: by.norm,
    }
}

/// All rows of a split on a GPU, as they are in an epoch: brought there once for all trainings that share the split.
pub(crate) fn rows_on(device: &Device, split: &Arc<Split>, epoch: u32) -> FusedRows {
    type Brought = (Weak<Split>, Option<u32>, Device, FusedRows);
    static BROUGHT: Mutex<Vec<Brought>> = Mutex::new(Vec::new());
    let epoch = (!split.is_binary()).then_some(epoch);
    let mut brought = BROUGHT.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |(known, _, on, _): &Brought| known.ptr_eq(&Arc::downgrade(split)) && on == device;
    if let Some((.., rows)) = brought.iter().find(|known| same(known) && known.1 == epoch) {
        return rows.clone();
    }
    // Rows of an epoch that is over, and of splits that are gone, make room.
    brought.retain(|known| known.0.strong_count() > 0 && !same(known));
    let all: Vec<u32> = (0..split.len() as u32).collect();
    let mut words = Vec::new();
    split.packed_batch(&all, epoch.unwrap_or(0), &mut words);
    let rows = FusedRows::new(&PackedStates::from_words(split.visible(), words), device);
    brought.push((Arc::downgrade(split), epoch, device.clone(), rows.clone()));
    rows
}

/// Whether every parameter is finite: a row's sum is, where all its terms are (trained weights do not come near the
/// largest float).
fn finite(model: &Rbm) -> Result<bool, Error> {
    let [weights, visible_bias, hidden_bias] = model.tensors();
    for part in [&weights.clone().sum_dim(1), visible_bias, hidden_bias] {
        if !host(part)?.iter().all(|x| x.is_finite()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn pack(states: &Tensor<2>) -> Result<PackedStates, Error> {
    let values: Vec<f32> = host(states)?.into_iter().map(|state| state as f32).collect();
    Ok(PackedStates::pack(states.dims()[1], &values))
}
