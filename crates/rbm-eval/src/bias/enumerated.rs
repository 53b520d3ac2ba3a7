//! The method "enumerated": the model's moments by enumeration of the smaller layer, the expectation of CD-k by
//! independent chains, until its error is as small as was asked for.

use rbm_data::Split;
use rbm_model::{
    ChainSet, Parameters, Rbm, chain_moments,
    exact::{self, Gradient, Moments},
};
use rbm_random::{Sequence, Stream};

use super::{
    Bias, BiasMethod, BiasSettings, Measured, Stage, bounds,
    chains::{BATCHES, Batches, Findings},
    data,
    measure::Progress,
    row::finite,
};
use crate::Error;

/// Fewer make no error: ten in each batch.
pub(super) const FEWEST_CHAINS: u64 = 10 * 2 * BATCHES as u64;
/// Chains of a batch that run at a time.
const MOST_AT_A_TIME: u64 = 1024;
/// Cycles through the rows of one half have numbers below this.
const CYCLES: u32 = 1 << 24;

/// The data's and the model's moments, and where the latter come from.
pub(super) struct ModelSide {
    pub(super) method: BiasMethod,
    pub(super) data: Moments,
    pub(super) model: Moments,
    /// The model's moments by each ladder of a tempered run, whose mean `model` is; none where it is exact.
    pub(super) ladders: Vec<Moments>,
    /// Between the data's law and the model's, or 1 as a bound on it.
    pub(super) total_variation: f64,
    /// Of a reference that is itself a run of chains.
    pub(super) r_hat: Option<f64>,
}

/// Both moments, with the model's by enumeration.
pub(super) fn model_side(parameters: &Parameters, split: &Split, progress: Progress<'_>) -> Result<ModelSide, Error> {
    let states = 2_u64 << parameters.visible().min(parameters.hidden()).min(62);
    let done = std::sync::atomic::AtomicU64::new(0);
    let (model, log_z) = exact::moments_and_log_partition(parameters, &|more| {
        let before = done.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        progress(Stage::States, before + more, states);
    })?;
    Ok(ModelSide {
        method: BiasMethod::Enumerated,
        data: data::moments(parameters, split)?,
        model,
        ladders: Vec::new(),
        total_variation: data::total_variation(parameters, split, log_z),
        r_hat: None,
    })
}

/// Runs chains from the rows, in rounds, until every k has the wanted error or the most chains have run; `set` is the
/// number of the set of draws.
pub(super) fn measure(
    rbm: &Rbm,
    parameters: &Parameters,
    split: &Split,
    settings: &BiasSettings,
    set: u64,
    side: &ModelSide,
    progress: Progress<'_>,
) -> Result<Measured, Error> {
    let gradient = Gradient::between(&side.data, &side.model);
    let wanted = settings.stderr * gradient.norm();
    let in_all = 2 * BATCHES as u64;
    let rounds = settings.chains.div_ceil(in_all * MOST_AT_A_TIME);
    let at_a_time = (settings.chains / (in_all * rounds)) as usize;
    let components = gradient.components().count();
    let mut batches: Vec<Batches> = settings.ks.iter().map(|_| Batches::new(components)).collect();
    let mut starts = [0, 1].map(|half| Starts::new(split, settings.seed, set, half));
    let mut run = 0;
    for round in 1..=rounds {
        for (half, starts) in starts.iter_mut().enumerate() {
            for batch in 0..BATCHES {
                let chains = ChainSet { seed: settings.seed, set, first: run as u32 };
                let found = chain_moments(rbm, &starts.next(at_a_time), &settings.ks, chains)?;
                for (batches, moments) in batches.iter_mut().zip(&found) {
                    batches.add(half, batch, moments);
                }
                run += at_a_time as u64;
                progress(Stage::Chains, run, settings.chains);
            }
        }
        batches.iter_mut().for_each(Batches::end_round);
        // Looking costs a pass over all batches: not after every round.
        if round.is_power_of_two() || round == rounds {
            let found: Vec<Findings> = batches.iter().map(|batches| batches.findings(side, &gradient)).collect();
            let reached = found.iter().all(|found| found.stderr <= wanted);
            if reached || round == rounds {
                let rows = settings.ks.iter().zip(&found).map(|(&k, found)| Bias {
                    chains: Some(run),
                    stderr_reached: Some(found.stderr <= wanted).filter(|_| settings.stderr > 0.0),
                    ..row(parameters, side, &gradient, k, found)
                });
                let rows = rows.collect();
                return Ok(Measured { rows, cd: found.into_iter().map(|found| found.cd).collect(), exact: gradient });
            }
        }
    }
    Err(Error::BiasSettings("there must be chains".into()))
}

fn row(parameters: &Parameters, side: &ModelSide, gradient: &Gradient, k: u32, found: &Findings) -> Bias {
    let norm = gradient.norm();
    Bias {
        k,
        method: side.method,
        bias_norm: found.bias_norm,
        bias_max: found.bias_max,
        relative_bias: found.bias_norm.and_then(|bias| finite(bias / norm)),
        cosine: found.cosine,
        wrong_sign_fraction: found.wrong_sign_fraction,
        total_variation: None,
        kl: None,
        chi_squared: None,
        lambda2: None,
        bound_fischer_igel: bounds::fischer_igel(parameters, side.total_variation, k),
        bound_bengio_delalleau: bounds::bengio_delalleau(parameters, k),
        bound_spectral: None,
        stderr: Some(found.stderr),
        cosine_stderr: found.cosine_stderr,
        below_noise: found.bias_norm.is_none(),
        exact_gradient_norm: norm,
        signs_known: found.signs_known,
        chains: None,
        stderr_reached: None,
        reference_r_hat: side.r_hat,
    }
}

/// The rows at which one half's chains start: all rows in a random order, then all in another one, and so on. So each
/// row has equally many chains as far as the number allows, every chain's row is uniform, and the halves are
/// independent.
struct Starts<'a> {
    split: &'a Split,
    draws: Sequence,
    half: u32,
    cycle: u32,
    left: Vec<u32>,
}

impl<'a> Starts<'a> {
    fn new(split: &'a Split, seed: u64, set: u64, half: u32) -> Self {
        let draws = Sequence::new(seed, Stream::BiasStart, set);
        Self { split, draws, half, cycle: 0, left: Vec::new() }
    }

    /// The next `count` rows, `[count, visible]`.
    fn next(&mut self, count: usize) -> Vec<f32> {
        let mut rows = Vec::with_capacity(count);
        while rows.len() < count {
            if self.left.is_empty() {
                let draws = self.draws.clone().at_row(self.half * CYCLES + self.cycle);
                self.left = { draws }.permutation(self.split.len());
                self.cycle += 1;
            }
            let taken = self.left.len().min(count - rows.len());
            rows.extend(self.left.drain(self.left.len() - taken..));
        }
        let mut values = vec![0.0; count * self.split.visible()];
        self.split.batch(&rows, 0, &mut values);
        values
    }
}
