//! Annealed importance sampling, its reverse, and the difference of two machines.

use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place};
use rbm_random::{Sequence, Stream};

use super::{
    annealing::{anneal_down, anneal_up},
    bennett::{bennett, bennett_error},
    estimate::{LogZEstimate, Verdict},
    progress::Progress,
    samples::ModelSamples,
    schedule::Schedule,
    trust::judge,
    weights::{LogMean, negated, shifted},
};
use crate::Error;

/// Chains of the run that judges another, at most: it sees a mode with a share of 0.05 of the model with probability
/// 0.99.
const MOST_JUDGES: usize = 100;

/// Chains of the short run in the same direction that the judging one must agree with.
const MOST_WITNESSES: usize = 25;

/// Samples of the two directions of a difference overlap enough where Bennett's mean acceptance is at least this; it is
/// 1/2 for equal laws, and the asymptotic error formula is good to a few percent above it.
const LEAST_ACCEPTANCE: f64 = 0.1;

/// How to anneal.
#[derive(Clone, Debug, PartialEq)]
pub struct Annealing {
    /// Inverse temperatures.
    pub schedule: Schedule,
    /// Independent chains.
    pub chains: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Annealing {
    /// Inverse temperatures that a run and its two judges pass, for a progress bar.
    pub fn work(&self) -> u64 {
        3 * (self.schedule.temperatures() as u64 - 1)
    }

    fn check(&self) -> Result<(), Error> {
        if self.chains < 2 {
            return Err(Error::TooFewChains { chains: self.chains });
        }
        Ok(())
    }

    fn witnesses(&self) -> usize {
        self.chains.min(MOST_WITNESSES)
    }

    fn judges(&self) -> usize {
        self.chains.min(MOST_JUDGES)
    }

    /// Another seed, for the samples at which the judging run starts.
    fn judging_seed(&self) -> u64 {
        Sequence::new(self.seed, Stream::PilotStart, 1).next_u64()
    }
}

/// Log-odds of the visible units by their means over `rows` rows, `[visible]`: of `(count + 0.05 rows) / (1.1 rows)`,
/// which keeps units that are always off or on from certainty (the smoothing of Salakhutdinov and Murray's published
/// code).
pub fn base_log_odds(means: &[f64]) -> Vec<f64> {
    let smooth = |mean: &f64| {
        let share = (mean + 0.05) / 1.1;
        (share / (1.0 - share)).ln()
    };
    means.iter().map(smooth).collect()
}

/// Annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008) from independent units with log-odds `base`
/// `[visible]`.
///
/// In expectation log Z comes out too low. A run down the same path from samples of the model (exact where the smaller
/// layer can be enumerated, else long runs from `rows` of data `[any number, visible]`) and a short one up decide
/// whether the interval can be trusted. `progress` is told of inverse temperatures passed, [`Annealing::work`] in all.
///
/// # Errors
/// When there are fewer than two chains, the sizes do not fit, the device fails, or `progress` breaks.
pub fn annealed_importance_sampling(
    parameters: &Parameters,
    base: &[f64],
    rows: &[u8],
    annealing: &Annealing,
    place: &Place,
    progress: Progress<'_>,
) -> Result<LogZEstimate, Error> {
    annealing.check()?;
    let path = AnnealingPath::from_independent(base, parameters, place)?;
    let betas = annealing.schedule.betas();
    let chains = AnnealedChains::at_start(&path, annealing.chains, annealing.seed, ChainStreams::ANNEAL);
    let weights = anneal_up(&path, &betas, chains, progress)?;
    let samples = ModelSamples::draw(parameters, annealing.judges(), rows, annealing.judging_seed(), place)?;
    let judges = AnnealedChains::at_states(&path, &samples.states, annealing.seed, ChainStreams::PILOT)?;
    let pilot = anneal_down(&path, &betas, judges, progress)?;
    let witnesses =
        AnnealedChains::at_start(&path, annealing.witnesses(), annealing.judging_seed(), ChainStreams::PILOT);
    let same = anneal_up(&path, &betas, witnesses, progress)?;
    let verdict = with_starts(judge(&pilot, &same, weights.len()), &samples);
    Ok(forward_estimate(&weights, log_z_at_start(&path)?, betas.len(), verdict))
}

/// Reverse annealed importance sampling: from samples of the model down to independent units (Burda, Grosse and
/// Salakhutdinov 2015, section 3). In expectation log Z comes out too high, provided that the starts are exact samples.
///
/// A run up the same path and a short one down decide whether the interval can be trusted.
///
/// # Errors
/// As [`annealed_importance_sampling`].
pub fn reverse_annealed_importance_sampling(
    parameters: &Parameters,
    base: &[f64],
    rows: &[u8],
    annealing: &Annealing,
    place: &Place,
    progress: Progress<'_>,
) -> Result<(LogZEstimate, bool), Error> {
    annealing.check()?;
    let path = AnnealingPath::from_independent(base, parameters, place)?;
    let betas = annealing.schedule.betas();
    let samples = ModelSamples::draw(parameters, annealing.chains, rows, annealing.seed, place)?;
    let chains = AnnealedChains::at_states(&path, &samples.states, annealing.seed, ChainStreams::ANNEAL)?;
    let weights = anneal_down(&path, &betas, chains, progress)?;
    let judges = AnnealedChains::at_start(&path, annealing.judges(), annealing.seed, ChainStreams::PILOT);
    let negative = |logs: Vec<f64>| -> Vec<f64> { logs.into_iter().map(|log| -log).collect() };
    let pilot = negative(anneal_up(&path, &betas, judges, progress)?);
    let seed = annealing.judging_seed();
    let witnesses = ModelSamples::draw(parameters, annealing.witnesses(), rows, seed, place)?;
    let witnesses = AnnealedChains::at_states(&path, &witnesses.states, seed, ChainStreams::PILOT)?;
    let same = negative(anneal_down(&path, &betas, witnesses, progress)?);
    let verdict = with_starts(judge(&pilot, &same, weights.len()), &samples);
    Ok((reverse_estimate(&weights, log_z_at_start(&path)?, betas.len(), verdict), samples.exact))
}

/// `log Z` of `end` minus that of `start`, by annealing from each to the other and Bennett's acceptance ratio on the
/// works of the two directions (Crooks 2000): without the errors of two large numbers.
///
/// A second, independent pair of runs decides whether the interval can be trusted.
///
/// # Errors
/// As [`annealed_importance_sampling`]; also when the machines have different numbers of visible units.
pub fn log_z_difference(
    end: &Parameters,
    start: &Parameters,
    rows: &[u8],
    annealing: &Annealing,
    place: &Place,
    progress: Progress<'_>,
) -> Result<LogZEstimate, Error> {
    annealing.check()?;
    let path = AnnealingPath::between(start, end, place)?;
    let betas = annealing.schedule.betas();
    let mut both = |chains: usize, seed: u64, streams: ChainStreams| -> Result<_, Error> {
        // The two sides are independent: neither samples nor steps share a draw.
        let down_seed = Sequence::new(seed, streams.start, 2).next_u64();
        let at_start = ModelSamples::draw(start, chains, rows, seed, place)?;
        let at_end = ModelSamples::draw(end, chains, rows, down_seed, place)?;
        let up = AnnealedChains::at_states(&path, &at_start.states, seed, streams)?;
        let down = AnnealedChains::at_states(&path, &at_end.states, down_seed, streams)?;
        Ok((anneal_up(&path, &betas, up, progress)?, anneal_down(&path, &betas, down, progress)?, [at_start, at_end]))
    };
    let (up, down, samples) = both(annealing.chains, annealing.seed, ChainStreams::ANNEAL)?;
    let (pilot_up, pilot_down, _) = both(annealing.judges(), annealing.judging_seed(), ChainStreams::PILOT)?;
    let verdict = judge_pair(&pilot_up, &pilot_down);
    let [kind_at_start, kind_at_end] = samples.map(|samples| samples.kind());
    let reason =
        format!("{} (started at {kind_at_end} of the first machine and {kind_at_start} of the other)", verdict.reason);
    let verdict = Verdict { reason, ..verdict };
    let [at_start, at_end] = path.log_idle_states();
    let ratio = bennett(&up, &down).ok_or(Error::NotFinite)?;
    let error = bennett_error(&up, &down, ratio);
    let difference = ratio + at_start - at_end;
    Ok(LogZEstimate::symmetric(difference, Some(error), annealing.chains, betas.len(), verdict))
}

/// Log Z from the log weights of chains annealed up from a law whose log Z is `start`.
pub fn forward_estimate(weights: &[f64], start: f64, temperatures: usize, verdict: Verdict) -> LogZEstimate {
    let mean = LogMean::of(weights);
    let interval = |n: f64| mean.interval(n).map(|interval| shifted(interval, start));
    LogZEstimate {
        log_z: start + mean.value,
        log_z_interval_1s: interval(1.0),
        log_z_interval_3s: interval(3.0),
        log_z_stderr: mean.relative_error,
        ess: Some(mean.ess),
        chains: weights.len(),
        temperatures,
        trust: verdict.trust,
        trust_reason: verdict.reason,
    }
}

/// Log Z from the log weights of chains annealed down to a law whose log Z is `start`: `-log mean exp(-w)`.
fn reverse_estimate(weights: &[f64], start: f64, temperatures: usize, verdict: Verdict) -> LogZEstimate {
    let inverses: Vec<f64> = weights.iter().map(|log| -log).collect();
    let mean = LogMean::of(&inverses);
    let interval = |n: f64| mean.interval(n).map(|interval| shifted(negated(interval), start));
    LogZEstimate {
        log_z: start - mean.value,
        log_z_interval_1s: interval(1.0),
        log_z_interval_3s: interval(3.0),
        log_z_stderr: mean.relative_error,
        ess: Some(mean.ess),
        chains: weights.len(),
        temperatures,
        trust: verdict.trust,
        trust_reason: verdict.reason,
    }
}

/// Judges a difference by an independent pair of runs.
fn judge_pair(up: &[f64], down: &[f64]) -> Verdict {
    let Some(ratio) = bennett(up, down) else { return Verdict::low("the judging runs' weights are not finite") };
    let acceptance = up.iter().map(|u| rbm_ops::scalar::sigmoid(u - ratio)).sum::<f64>() / up.len() as f64;
    let inverses: Vec<f64> = down.iter().map(|log| -log).collect();
    let (forward, reverse) = (LogMean::of(up), LogMean::of(&inverses));
    let gap = (forward.value + reverse.value).abs();
    let error = forward.relative_error.unwrap_or(0.0).hypot(reverse.relative_error.unwrap_or(0.0));
    let seen = format!(
        "in an independent pair of runs Bennett's acceptance is {acceptance:.2} (1/2 for equal laws), and the two directions \
         differ by {gap:.3} nats with an error of {error:.3}"
    );
    // Both errors are too small where weights were missed: the acceptance sees that, the gap sees the rest.
    if acceptance >= LEAST_ACCEPTANCE && gap <= 3.0 * error + 1e-9 {
        Verdict::ok(seen)
    } else {
        Verdict::low(format!("{seen}; use more temperatures"))
    }
}

/// Says where the chains that judge started.
fn with_starts(verdict: Verdict, samples: &ModelSamples) -> Verdict {
    let reason = format!("{} (started at {})", verdict.reason, samples.kind());
    Verdict { reason, ..verdict }
}

fn log_z_at_start(path: &AnnealingPath) -> Result<f64, Error> {
    path.log_partition_at_start().ok_or(Error::NotFinite)
}
