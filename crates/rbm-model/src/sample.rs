//! Samples from long Gibbs chains.

use burn::tensor::Tensor;
use rbm_ops::{Draw, Stream};

use crate::{GibbsState, Rbm};

/// Visible states `[rows, visible]` after `steps` Gibbs steps of chains that start uniform over all states.
///
/// `progress` is called after each step.
pub fn sample_chains(rbm: &Rbm, rows: usize, steps: u64, seed: u64, mut progress: impl FnMut(u64)) -> Tensor<2> {
    let at = Draw { seed, stream: Stream::SampleStart, step: 0, row: 0 };
    let half = Tensor::<2>::full([rows, rbm.visible()], 0.5, (&rbm.device(), rbm.precision().dtype()));
    let mut chains = GibbsState {
        visible: rbm_ops::bernoulli(half, at),
        seed,
        hidden_stream: Stream::SampleHidden,
        visible_stream: Stream::SampleVisible,
        step: 0,
    };
    for step in 1..=steps {
        chains = rbm.gibbs_step(chains);
        progress(step);
    }
    chains.visible
}
