//! Gibbs chains side by side whose states come to the host.

use burn::tensor::{Tensor, TensorData};
use rbm_ops::{Draw, Stream};

use crate::{Error, Rbm, gibbs::GibbsChains};

/// Steps that each set of chains has to itself.
const STEPS_OF_A_SET: u32 = 40;

/// What determines all draws of a set of chains: chains of other sets, seeds or streams are independent of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainDraws {
    /// Seed of the run.
    pub seed: u64,
    /// Stream of the starting states; the step is the set.
    pub start: Stream,
    /// Stream of the hidden states; the step is the Gibbs step plus 2^40 times the set.
    pub hidden: Stream,
    /// Stream of the visible states, likewise.
    pub visible: Stream,
    /// Which of several sets of chains with the same seed and streams.
    pub set: u16,
}

/// Gibbs chains of one machine, side by side on its device.
///
/// The states are the same for any number of threads.
#[derive(Clone, Debug)]
pub struct Chains {
    chains: GibbsChains,
}

impl Chains {
    /// Chains that start uniform over all visible states.
    pub fn uniform(rbm: &Rbm, chains: usize, draws: ChainDraws) -> Self {
        let at = Draw { seed: draws.seed, stream: draws.start, step: u64::from(draws.set), row: 0 };
        let half = Tensor::<2>::full([chains, rbm.visible()], 0.5, (&rbm.device(), rbm.precision().dtype()));
        Self::at(rbm, rbm_ops::bernoulli(half, at), draws)
    }

    /// Chains that start at `rows` `[chains, visible]`, row by row: states, or grey values in `[0, 1]`.
    ///
    /// # Errors
    /// When the values do not make whole rows, or there are none.
    pub fn at_rows(rbm: &Rbm, rows: &[f32], draws: ChainDraws) -> Result<Self, Error> {
        let visible = rbm.visible();
        if rows.is_empty() || !rows.len().is_multiple_of(visible) {
            let message = format!("{} values do not make rows of {visible} visible units", rows.len());
            return Err(Error::Shape(message));
        }
        let data = TensorData::new(rows.to_vec(), [rows.len() / visible, visible]);
        let visible = Tensor::from_data(data, (&rbm.device(), rbm.precision().dtype()));
        Ok(Self::at(rbm, visible, draws))
    }

    fn at(rbm: &Rbm, visible: Tensor<2>, draws: ChainDraws) -> Self {
        let step = u64::from(draws.set) << STEPS_OF_A_SET;
        let at = |stream| Draw { seed: draws.seed, stream, step, row: 0 };
        Self { chains: GibbsChains::new(rbm, visible, at(draws.hidden), at(draws.visible)) }
    }

    /// One Gibbs sweep of every chain.
    #[must_use]
    pub fn step(self) -> Self {
        Self { chains: self.chains.steps(1) }
    }

    /// The visible states, `[chains, visible]` row by row: 0 or 1, before the first sweep what the chains started at.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn visible(&self) -> Result<Vec<f32>, Error> {
        let data = self.chains.visible().try_into_data().map_err(|error| Error::Device(format!("{error:?}")))?;
        data.convert::<f32>().try_into_vec::<f32>().map_err(|error| Error::Device(format!("{error:?}")))
    }
}
