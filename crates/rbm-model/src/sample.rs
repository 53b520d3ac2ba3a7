//! Samples from long Gibbs chains.

use burn::tensor::Tensor;
use rbm_ops::{Draw, Stream};

use crate::{Rbm, gibbs::GibbsChains};

/// Visible states `[rows, visible]` after `steps` Gibbs steps of chains that start uniform over all states.
///
/// `progress` is called after each step.
pub fn sample_chains(rbm: &Rbm, rows: usize, steps: u64, seed: u64, mut progress: impl FnMut(u64)) -> Tensor<2> {
    let at = Draw { seed, stream: Stream::SampleStart, step: 0, row: 0 };
    let half = Tensor::<2>::full([rows, rbm.visible()], 0.5, (&rbm.device(), rbm.precision().dtype()));
    let draw = |stream| Draw { seed, stream, step: 0, row: 0 };
    let start = rbm_ops::bernoulli(half, at);
    let mut chains = GibbsChains::new(rbm, start, draw(Stream::SampleHidden), draw(Stream::SampleVisible));
    for step in 1..=steps {
        chains = chains.steps(1);
        progress(step);
    }
    chains.visible()
}
