//! One step of training, by either kind of kernels.

use std::sync::OnceLock;

use burn::tensor::{Tensor, TensorData};
use rbm_data::Split;
use rbm_model::{Rbm, exact::WeightedRows};
use rbm_ops::{FusedMachine, FusedStep, PackedStates};

use crate::gradient::host;
use crate::{Algorithm, Batch, Error, EstimatorState, Gradient, GradientEstimator, Key, Momentum, TrainConfig};

/// Where a step takes its rows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsOfStep<'a> {
    pub(crate) split: &'a Split,
    pub(crate) indices: &'a [u32],
    pub(crate) epoch: u32,
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

/// Fused kernels: CD and PCD.
#[derive(Debug)]
pub(crate) struct Fused {
    machine: FusedMachine,
    chains: Option<PackedStates>,
    batch: PackedStates,
    /// The machine's model, once it was asked for after a step; it lends its variants before.
    model: Rbm,
    current: OnceLock<Rbm>,
}

/// What a step found wrong, in the words of [`Error::Diverged`].
pub(crate) enum Stepped {
    Well { norm: Option<f64> },
    Diverged { what: &'static str },
}

impl Learner {
    pub(crate) fn composed(model: Rbm, estimator: Box<dyn GradientEstimator>, state: EstimatorState) -> Self {
        Self::Composed(Box::new(Composed { model, estimator, state, optimiser: Momentum::default() }))
    }

    pub(crate) fn fused(model: Rbm, state: &EstimatorState) -> Result<Self, Error> {
        let machine = FusedMachine::new(model.tensors());
        let chains = state.chains.as_ref().map(pack).transpose()?;
        let batch = PackedStates::from_words(model.visible(), Vec::new());
        Ok(Self::Fused(Box::new(Fused { machine, chains, batch, model, current: OnceLock::new() })))
    }

    /// Whether fused kernels can do this: CD and PCD of Bernoulli units in f32, on rows of states.
    pub(crate) fn can_be_fused(config: &TrainConfig, model: &Rbm, rows: &Split) -> bool {
        matches!(config.algorithm, Algorithm::Cd | Algorithm::Pcd)
            && model.is_plain()
            && rows.has_states()
            && FusedMachine::is_available(&model.device(), model.precision().dtype())
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
    pub(crate) fn state(&self) -> EstimatorState {
        match self {
            Self::Composed(composed) => composed.state.clone(),
            Self::Fused(fused) => EstimatorState { chains: fused.chains.as_ref().map(|chains| fused.unpack(chains)) },
        }
    }

    /// Persistent chains' visible states, `[chains, visible]` row by row, each 0 or 1.
    pub(crate) fn chain_states(&self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Composed(composed) => {
                let Some(chains) = &composed.state.chains else { return Ok(None) };
                Ok(Some(host(chains)?.into_iter().map(|state| state as u8).collect()))
            }
            Self::Fused(fused) => {
                Ok(fused.chains.as_ref().map(|chains| chains.unpack().into_iter().map(|state| state as u8).collect()))
            }
        }
    }

    /// Goes on from what a checkpoint held.
    pub(crate) fn resume(self, model: Rbm, last: Option<Gradient>, state: EstimatorState) -> Result<Self, Error> {
        match self {
            Self::Composed(composed) => {
                Ok(Self::Composed(Box::new(Composed { model, state, optimiser: Momentum { last }, ..*composed })))
            }
            Self::Fused(_) => {
                let mut learner = Self::fused(model, &state)?;
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
            Self::Fused(fused) => Ok(fused.step(rows, key, by)),
        }
    }
}

impl Composed {
    fn step(self, rows: RowsOfStep<'_>, key: Key, by: Move) -> Result<(Learner, Stepped), Error> {
        let batch = self.batch(rows)?;
        let (gradient, state) = self.estimator.estimate(key, &self.model, batch, self.state)?;
        let mut stepped = Stepped::Well { norm: None };
        if let Some(what) = gradient.non_finite()? {
            stepped = Stepped::Diverged { what };
        } else if by.norm {
            let norm = gradient.norm()?;
            stepped = if norm.is_finite() {
                Stepped::Well { norm: Some(norm) }
            } else {
                Stepped::Diverged { what: "the gradient's norm" }
            };
        }
        let (optimiser, model) = self.optimiser.update(self.model, gradient, by.rate, by.momentum, by.decay);
        Ok((Learner::Composed(Box::new(Self { model, state, optimiser, ..self })), stepped))
    }

    fn batch(&self, RowsOfStep { split, indices, epoch }: RowsOfStep<'_>) -> Result<Batch, Error> {
        let visible = split.visible();
        let mut values = vec![0.0_f32; indices.len() * visible];
        split.batch(indices, epoch, &mut values);
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
    fn step(mut self: Box<Self>, rows: RowsOfStep<'_>, key: Key, by: Move) -> (Learner, Stepped) {
        self.current.take();
        let mut words = std::mem::take(&mut self.batch).into_words();
        rows.split.packed_batch(rows.indices, rows.epoch, &mut words);
        self.batch = PackedStates::from_words(rows.split.visible(), words);
        let step = FusedStep {
            seed: key.seed,
            gibbs_step: key.gibbs_step,
            k: key.k,
            rate: by.rate as f32,
            momentum: by.momentum as f32,
            decay: by.decay as f32,
            norm: by.norm,
        };
        self.machine.step(&self.batch, self.chains.as_mut(), &step);
        let norm = by.norm.then(|| self.machine.gradient_norm());
        let stepped = if self.machine.diverged().is_some() {
            Stepped::Diverged { what: "the hidden bias's gradient" }
        } else if norm.is_some_and(|norm| !norm.is_finite()) {
            Stepped::Diverged { what: "the gradient's norm" }
        } else {
            Stepped::Well { norm }
        };
        (Learner::Fused(self), stepped)
    }

    fn unpack(&self, states: &PackedStates) -> Tensor<2> {
        let data = TensorData::new(states.unpack(), [states.rows(), states.units()]);
        Tensor::from_data(data, (&self.model.device(), self.model.precision().dtype()))
    }
}

fn pack(states: &Tensor<2>) -> Result<PackedStates, Error> {
    let values: Vec<f32> = host(states)?.into_iter().map(|state| state as f32).collect();
    Ok(PackedStates::pack(states.dims()[1], &values))
}
