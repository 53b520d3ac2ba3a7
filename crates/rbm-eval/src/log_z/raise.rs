//! RAISE: the likelihood of the law that annealing samples from.

use rayon::prelude::*;
use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place};

use super::{
    annealed::Annealing,
    annealing::{anneal_down, anneal_up},
    estimate::{LogZEstimate, Verdict},
    progress::Progress,
    weights::LogMean,
};
use crate::{Error, mean::Mean};

/// Chains that are annealed together: enough to fill the matrix products.
const TOGETHER: usize = 2_000;

/// Chains of annealed importance sampling that judge.
const MOST_WITNESSES: usize = 100;

/// What RAISE says of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// For each row, the log of an unbiased estimate of its probability under the annealed law, nats.
    pub log_likelihoods: Vec<f64>,
    /// The log Z that gives these rows their mean log-likelihood.
    pub log_z: LogZEstimate,
}

/// RAISE (Burda, Grosse and Salakhutdinov 2015): the probability of each of `rows` `[any number, visible]` under the
/// law of chains that start at independent units and pass a transition at each inverse temperature, the last included.
/// `annealing.chains` chains a row go down from it; the mean of `f_1(v) / Z_0 exp(-w)` is that probability without
/// bias, so that its log is too low in expectation.
///
/// Two independent runs decide whether the interval, which is over rows and about the annealed law, can be trusted as
/// one of log Z: one like this one must not lose more than a third of a standard error to Jensen's inequality, and
/// agree with one of annealed importance sampling that is at least as sure. `progress` is told of inverse temperatures
/// passed, [`raise_work`] in all.
///
/// # Errors
/// When there are fewer than two chains or rows, the sizes do not fit, or the device fails.
pub fn raise(
    parameters: &Parameters,
    base: &[f64],
    rows: &[u8],
    annealing: &Annealing,
    place: &Place,
    progress: Progress<'_>,
) -> Result<Raised, Error> {
    if annealing.chains < 2 {
        return Err(Error::TooFewChains { chains: annealing.chains });
    }
    let path = AnnealingPath::from_independent(base, parameters, place)?;
    let start = path.log_partition_at_start().ok_or(Error::NotFinite)?;
    let visible = parameters.visible();
    let unnormalised: Vec<f64> = rows
        .par_chunks_exact(visible)
        .map(|row| {
            let row: Vec<f64> = row.iter().map(|&state| f64::from(state)).collect();
            -parameters.free_energy(&row)
        })
        .collect();
    // -w for each chain, row by row.
    let found = weights(&path, rows, annealing, ChainStreams::ANNEAL, progress)?;
    let pilot = weights(&path, rows, annealing, ChainStreams::PILOT, progress)?;
    let log_mean = |logs: &[f64]| LogMean::of(logs).value;
    let chains = annealing.chains;
    let log_likelihoods: Vec<f64> =
        found.chunks_exact(chains).zip(&unnormalised).map(|(logs, f)| f - start + log_mean(logs)).collect();
    let implied = |logs: &[f64]| -> Vec<f64> { logs.chunks_exact(chains).map(|logs| start - log_mean(logs)).collect() };
    let mean = Mean::of(implied(&found).iter().copied()).ok_or(Error::NoRows)?;
    let witnesses = AnnealedChains::at_start(&path, MOST_WITNESSES, annealing.seed, ChainStreams::PILOT);
    let annealed = anneal_up(&path, &annealing.schedule.betas(), witnesses, progress)?;
    let verdict = judge(&pilot, chains, &implied(&pilot), start, &annealed);
    let temperatures = annealing.schedule.temperatures();
    let log_z = LogZEstimate::symmetric(mean.value, mean.stderr, chains, temperatures, verdict);
    Ok(Raised { log_likelihoods, log_z })
}

/// Inverse temperatures that [`raise`] passes on so many rows.
pub fn raise_work(rows: usize, annealing: &Annealing) -> u64 {
    let blocks = rows.div_ceil((TOGETHER / annealing.chains).max(1)) as u64;
    (2 * blocks + 1) * (annealing.schedule.temperatures() as u64 - 1)
}

/// `-w` of each chain, `[rows, chains]`.
fn weights(
    path: &AnnealingPath,
    rows: &[u8],
    annealing: &Annealing,
    streams: ChainStreams,
    progress: Progress<'_>,
) -> Result<Vec<f64>, Error> {
    let visible = path.visible();
    let betas = annealing.schedule.betas();
    let rows_together = (TOGETHER / annealing.chains).max(1);
    let mut all = Vec::with_capacity(rows.len() / visible * annealing.chains);
    for (block, rows) in rows.chunks(rows_together * visible).enumerate() {
        let starts: Vec<u8> = rows.chunks_exact(visible).flat_map(|row| row.repeat(annealing.chains)).collect();
        // Each block draws from a seed of its own.
        let seed = rbm_random::Sequence::new(annealing.seed, streams.start, 3 + block as u64).next_u64();
        let chains = AnnealedChains::at_states(path, &starts, seed, streams)?;
        all.extend(anneal_down(path, &betas, chains, progress)?.into_iter().map(|log| -log));
    }
    Ok(all)
}

/// What the log of a mean of `chains` loses to Jensen's inequality is about what half as many lose more; and whether
/// the annealed law is the model's is seen by annealing up. All from independent runs: `pilot` as the run itself,
/// `implied` its log Z row by row, `annealed` log weights from a law whose log Z is `start`.
fn judge(pilot: &[f64], chains: usize, implied: &[f64], start: f64, annealed: &[f64]) -> Verdict {
    let log_mean = |logs: &[f64]| LogMean::of(logs).value;
    let half = chains / 2;
    let losses = pilot
        .chunks_exact(chains)
        .map(|logs| log_mean(logs) - 0.5 * (log_mean(&logs[..half]) + log_mean(&logs[chains - half..])));
    let (Some(value), rows) = (Mean::of(implied.iter().copied()), implied.len() as f64) else {
        return Verdict::low("there are no rows");
    };
    let loss = losses.sum::<f64>() / rows;
    let error = value.stderr.unwrap_or(0.0);
    let ais = LogMean::of(annealed);
    let (gap, ais_error) = ((value.value - start - ais.value).abs(), ais.relative_error.unwrap_or(f64::INFINITY));
    let seen = format!(
        "in an independent run {half} chains a row say {loss:.3} nats less than {chains}, with a standard error of {error:.3} over \
         the rows, and log Z is {gap:.3} nats from that of annealed importance sampling, whose error is {ais_error:.3}"
    );
    if loss <= error / 3.0 && ais_error <= error && gap <= 3.0 * error.hypot(ais_error) {
        Verdict::ok(seen)
    } else {
        Verdict::low(format!("{seen}: the interval is one of the annealed law; use more chains or temperatures"))
    }
}
