//! Statistics of chains that start at given states, brought back to the host.

use burn::tensor::{Tensor, TensorData};
use rbm_ops::{Draw, Stream};

use crate::{Error, Rbm, annealing::to_host, exact::Moments, gibbs::GibbsChains};

/// Steps of one set of chains are numbered below this; several sets have as many sets of numbers.
pub const STEPS_A_SET: u64 = 1 << 20;

/// Which draws a set of chains takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainSet {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the set: chains of two sets never share a draw. Their steps are `set * STEPS_A_SET + Gibbs step`.
    pub set: u64,
    /// Number of the first chain within the set.
    pub first: u32,
}

/// Means over chains of the statistics `(sigma(b + W v) v', v, sigma(b + W v))` after each of the numbers of Gibbs
/// steps in `ks`, which ascend; the chains start at `starts` `[chains, visible]` and run once, up to the largest.
///
/// Draws come from the streams of the measurement of bias. Products of a set are summed on the device in its own width,
/// which errs by far less than chains scatter.
///
/// # Errors
/// When the starts do not make whole rows, `ks` do not ascend from at least 1, or the device fails to answer.
pub fn chain_moments(rbm: &Rbm, starts: &[f32], ks: &[u32], chains: ChainSet) -> Result<Vec<Moments>, Error> {
    let (m, n) = (rbm.visible(), rbm.hidden());
    let count = starts.len() / m;
    if count == 0 || starts.len() != count * m {
        return Err(Error::Shape(format!("{} values do not make rows of {m} visible units", starts.len())));
    }
    if ks.first() == Some(&0) || !ks.is_sorted_by(|a, b| a < b) {
        return Err(Error::Shape("numbers of Gibbs steps must ascend from at least 1".into()));
    }
    let at = |stream, step: u32| Draw {
        seed: chains.seed,
        stream,
        step: chains.set * STEPS_A_SET + u64::from(step),
        row: chains.first,
    };
    let starts = TensorData::new(starts.to_vec(), [count, m]);
    let start = Tensor::<2>::from_data(starts, (&rbm.device(), rbm.precision().dtype()));
    let mut gibbs = GibbsChains::new(rbm, start, at(Stream::BiasHidden, 1), at(Stream::BiasVisible, 1));
    let mut found = Vec::with_capacity(ks.len());
    let mut taken = 0;
    for &k in ks {
        gibbs = gibbs.steps(k - taken);
        taken = k;
        let visible = gibbs.visible();
        let means = rbm.hidden_statistics(rbm.hidden_activation(visible.clone()));
        let weights = means.clone().transpose().matmul(visible.clone()).reshape([1, n * m]);
        let sums = vec![weights, visible.clone().sum_dim(0), means.sum_dim(0)];
        // One transfer: each waits for all that the device has in hand.
        let mut values = to_host(&Tensor::cat(sums, 1))?;
        values.iter_mut().for_each(|sum| *sum /= count as f64);
        let hidden = values.split_off(n * m + m);
        let visible = values.split_off(n * m);
        found.push(Moments { weights: values, visible, hidden });
    }
    Ok(found)
}
