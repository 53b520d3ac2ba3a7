//! Samples of a model for estimators that start there.

use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place, exact};
use rbm_random::{Sequence, Stream};

use crate::Error;

/// Gibbs steps of a long run, from rows of data: where chains mix within some hundreds of steps they have then
/// forgotten them.
pub const LONG_RUN: u64 = 1_000;

/// Visible states, `[rows, visible]`, each 0 or 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSamples {
    /// The states, row by row.
    pub states: Vec<u8>,
    /// Whether they are independent samples of the model; else they are where long runs ended.
    pub exact: bool,
}

impl ModelSamples {
    /// Independent samples where the smaller layer can be enumerated for it; else the ends of [`LONG_RUN`] Gibbs steps
    /// from `rows` of data `[any number, visible]`, or from uniform states where there are none.
    ///
    /// # Errors
    /// When the device fails, or the rows do not fit the machine.
    pub fn draw(parameters: &Parameters, count: usize, rows: &[u8], seed: u64, place: &Place) -> Result<Self, Error> {
        match exact::sample(parameters, count, seed) {
            Ok(states) => return Ok(Self { states, exact: true }),
            Err(rbm_model::Error::TooLarge { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let visible = parameters.visible();
        let streams =
            ChainStreams { start: Stream::SampleStart, hidden: Stream::SampleHidden, visible: Stream::SampleVisible };
        // Only the path's end is used.
        let path = AnnealingPath::from_independent(&vec![0.0; visible], parameters, place)?;
        let mut chains = if rows.is_empty() {
            AnnealedChains::at_start(&path, count, seed, streams)
        } else {
            let mut choice = Sequence::new(seed, Stream::SampleStart, 1);
            let available = (rows.len() / visible) as u64;
            let starts = (0..count).flat_map(|_| {
                let row = choice.below(available) as usize;
                &rows[row * visible..][..visible]
            });
            AnnealedChains::at_states(&path, &starts.copied().collect::<Vec<_>>(), seed, streams)?
        };
        for _ in 0..LONG_RUN {
            chains = chains.step(&path, 1.0);
        }
        Ok(Self { states: chains.states()?, exact: false })
    }

    /// The word for what they are.
    pub(super) fn kind(&self) -> &'static str {
        if self.exact { "exact samples" } else { "the ends of long Gibbs chains" }
    }
}
