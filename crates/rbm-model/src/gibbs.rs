//! Gibbs chains, by fused kernels where there are any for them.

use burn::tensor::{Tensor, TensorData};
use rbm_ops::{Draw, FusedMachine, PackedStates, is_host};

use crate::{GibbsState, Rbm, annealing::to_host};

/// Gibbs chains of one machine, which know what determines their next draws.
#[derive(Clone, Debug)]
pub(crate) enum GibbsChains {
    /// Tensor operations.
    Composed(Box<Composed>),
    /// Fused kernels.
    Fused(Box<Fused>),
}

#[derive(Clone, Debug)]
pub(crate) struct Composed {
    rbm: Rbm,
    state: GibbsState,
    row: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Fused {
    rbm: Rbm,
    machine: FusedMachine,
    states: PackedStates,
    hidden_draw: Draw,
    visible_draw: Draw,
}

impl GibbsChains {
    /// Chains at `visible` `[chains, visible]`, on the machine's device; fused where these are states of 0 and 1, and
    /// the machine's units Bernoulli's in f32 on the processor: states on a GPU stay there as tensors.
    pub(crate) fn new(rbm: &Rbm, visible: Tensor<2>, hidden_draw: Draw, visible_draw: Draw) -> Self {
        let rbm = rbm.clone();
        if rbm.samples_its_law()
            && is_host(&rbm.device())
            && FusedMachine::is_available(&rbm.device(), rbm.precision().dtype())
            && let Ok(values) = to_host(&visible)
            && values.iter().all(|&value| value == 0.0 || value == 1.0)
        {
            let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
            let states = PackedStates::pack(rbm.visible(), &values);
            let machine = FusedMachine::new(rbm.tensors());
            return Self::Fused(Box::new(Fused { rbm, machine, states, hidden_draw, visible_draw }));
        }
        let Draw { seed, stream: hidden_stream, step, row } = hidden_draw;
        let state = GibbsState { visible, seed, hidden_stream, visible_stream: visible_draw.stream, step };
        Self::Composed(Box::new(Composed { rbm, state, row }))
    }

    /// So many Gibbs steps of every chain.
    pub(crate) fn steps(self, steps: u32) -> Self {
        match self {
            Self::Fused(mut fused) => {
                fused
                    .machine
                    .gibbs_steps(&mut fused.states, steps, fused.hidden_draw, fused.visible_draw)
                    .expect("the processor answers");
                fused.hidden_draw.step += u64::from(steps);
                fused.visible_draw.step += u64::from(steps);
                Self::Fused(fused)
            }
            Self::Composed(composed) => {
                let Composed { rbm, mut state, row } = *composed;
                for _ in 0..steps {
                    let (hidden_draw, visible_draw) =
                        (state.hidden_draw().at_row(row), state.visible_draw().at_row(row));
                    let hidden = rbm.sample_hidden(rbm.hidden_activation(state.visible), hidden_draw);
                    let visible = rbm.sample_visible(hidden, visible_draw);
                    state = GibbsState { visible, step: state.step + 1, ..state };
                }
                Self::Composed(Box::new(Composed { rbm, state, row }))
            }
        }
    }

    /// The visible states, `[chains, visible]`, on the machine's device.
    pub(crate) fn visible(&self) -> Tensor<2> {
        match self {
            Self::Composed(composed) => composed.state.visible.clone(),
            Self::Fused(fused) => {
                let Fused { rbm, states, .. } = &**fused;
                let data = TensorData::new(states.unpack(), [states.rows(), states.units()]);
                Tensor::from_data(data, (&rbm.device(), rbm.precision().dtype()))
            }
        }
    }
}
