//! Parallel tempering, and Bennett's acceptance ratio over its temperatures.

use rayon::prelude::*;
use rbm_model::{AnnealingPath, Parameters, Place, Replicas};
use rbm_ops::scalar::sigmoid;
use rbm_random::{Sequence, Stream};

use super::{
    bennett::bennett,
    estimate::{LogZEstimate, Verdict},
    progress::{Progress, go_on},
    schedule::Schedule,
};
use crate::Error;

/// Share of the sweeps that are not measured.
const BURN_IN: f64 = 0.2;

/// Exchanges between neighbouring temperatures that are accepted less often than this do not carry replicas up and
/// down.
const LEAST_ACCEPTANCE: f64 = 0.1;

/// How to temper.
#[derive(Clone, Debug, PartialEq)]
pub struct Tempering {
    /// Inverse temperatures.
    pub schedule: Schedule,
    /// Independent ladders of replicas.
    pub ladders: usize,
    /// Sweeps, of which the first fifth is not measured.
    pub sweeps: u64,
    /// Seed of all draws.
    pub seed: u64,
}

impl Tempering {
    /// Sweeps of a run and its judge, for a progress bar.
    pub fn work(&self) -> u64 {
        self.sweeps + self.judging_sweeps()
    }

    fn judging_sweeps(&self) -> u64 {
        self.sweeps.div_ceil(2)
    }

    fn check(&self) -> Result<(), Error> {
        if self.ladders < 2 {
            return Err(Error::TooFewChains { chains: self.ladders });
        }
        if self.sweeps < 10 {
            return Err(Error::TooFewSweeps { sweeps: self.sweeps, least: 10 });
        }
        Ok(())
    }
}

/// Log Z by parallel tempering from independent units with log-odds `base` `[visible]` and Bennett's acceptance ratio
/// between neighbouring temperatures, summed (Krause, Fischer and Igel 2020, section 4).
///
/// The standard error is over ladders, which are independent (infinitesimal jackknife), so that neither the steps of a
/// chain nor neighbouring temperatures need to be. An independent run, half of it started at `rows` of data or uniform
/// states and half at the base rates, decides whether the interval can be trusted: the two halves must agree and
/// exchanges be accepted. `progress` is told of sweeps, [`Tempering::work`] in all.
///
/// # Errors
/// When there are fewer than two ladders or ten sweeps, the sizes do not fit, the device fails, or `progress` breaks.
pub fn tempered_log_z(
    parameters: &Parameters,
    base: &[f64],
    rows: &[u8],
    tempering: &Tempering,
    place: &Place,
    progress: Progress<'_>,
) -> Result<LogZEstimate, Error> {
    tempering.check()?;
    let path = AnnealingPath::from_independent(base, parameters, place)?;
    let start = path.log_partition_at_start().ok_or(Error::NotFinite)?;
    let betas = tempering.schedule.betas();
    let replicas = Replicas::at_start(&path, &betas, tempering.ladders, tempering.seed);
    let measured = Measured::run(&path, replicas, betas.len(), tempering.sweeps, progress)?;
    let (ratio, error) = measured.log_ratio(0..tempering.ladders).ok_or(Error::NotFinite)?;
    let verdict = judge(&path, rows, tempering, progress)?;
    Ok(LogZEstimate::symmetric(start + ratio, Some(error), tempering.ladders, betas.len(), verdict))
}

fn judge(path: &AnnealingPath, rows: &[u8], tempering: &Tempering, progress: Progress<'_>) -> Result<Verdict, Error> {
    let betas = tempering.schedule.betas();
    let seed = Sequence::new(tempering.seed, Stream::PilotStart, 4).next_u64();
    let visible = path.visible();
    let half = tempering.ladders.div_ceil(2).max(2);
    let mut choice = Sequence::new(seed, Stream::TemperingStart, 1);
    let available = (rows.len() / visible) as u64;
    let mut states = path.host_states_at_start(half * betas.len(), seed)?;
    for _ in 0..half * betas.len() {
        if available > 0 {
            let row = choice.below(available) as usize;
            states.extend_from_slice(&rows[row * visible..][..visible]);
        } else {
            states.extend((0..visible).map(|_| (choice.next_u32() >> 31) as u8));
        }
    }
    let replicas = Replicas::at_states(path, &betas, &states, seed)?;
    let measured = Measured::run(path, replicas, betas.len(), tempering.judging_sweeps(), progress)?;
    let (worst, acceptance) = measured.least_acceptance();
    let halves = [measured.log_ratio(0..half), measured.log_ratio(half..2 * half)];
    let [Some((cold, cold_error)), Some((warm, warm_error))] = halves else {
        return Ok(Verdict::low("the judging run's weights are not finite"));
    };
    let (gap, error) = ((cold - warm).abs(), cold_error.hypot(warm_error));
    let other = if available > 0 { "rows of data" } else { "uniform states" };
    let seen = format!(
        "in an independent run ladders started at the base rates and at {other} differ by {gap:.3} nats with an error of \
         {error:.3}, and at least {:.0} % of the exchanges at one temperature are accepted (least at beta = {:.4})",
        100.0 * acceptance,
        betas[worst]
    );
    let agrees = gap <= 3.0 * error + 1e-9;
    Ok(if agrees && acceptance >= LEAST_ACCEPTANCE {
        Verdict::ok(seen)
    } else {
        Verdict::low(format!("{seen}; use more temperatures or sweeps"))
    })
}

/// `ln f_next - ln f_own` at samples of each temperature, and `ln f_own - ln f_previous`, ladder by ladder.
struct Measured {
    /// `[ladder][pair of temperatures][sweep]`, at samples of the lower temperature.
    up: Vec<Vec<Vec<f64>>>,
    /// The same at samples of the upper one.
    down: Vec<Vec<Vec<f64>>>,
    proposed: Vec<u64>,
    accepted: Vec<u64>,
}

impl Measured {
    fn run(
        path: &AnnealingPath,
        mut replicas: Replicas,
        temperatures: usize,
        sweeps: u64,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let pairs = temperatures - 1;
        let empty = vec![vec![Vec::new(); pairs]; replicas.ladders()];
        let mut measured = Self { up: empty.clone(), down: empty, proposed: vec![0; pairs], accepted: vec![0; pairs] };
        let burn_in = (BURN_IN * sweeps as f64) as u64;
        for sweep in 0..sweeps {
            let (next, rungs) = replicas.step(path)?;
            replicas = next;
            go_on(progress)?;
            if sweep < burn_in {
                continue;
            }
            for (ladder, (up, down)) in measured.up.iter_mut().zip(&mut measured.down).enumerate() {
                let at = |temperature: usize| ladder * temperatures + temperature;
                for pair in 0..pairs {
                    up[pair].push(rungs.up[at(pair)]);
                    down[pair].push(rungs.down[at(pair + 1)]);
                }
            }
            add(&mut measured.proposed, &rungs.proposed);
            add(&mut measured.accepted, &rungs.accepted);
        }
        Ok(measured)
    }

    /// `ln sum f_1 / sum f_0` from some ladders, and its standard error over them.
    fn log_ratio(&self, ladders: std::ops::Range<usize>) -> Option<(f64, f64)> {
        let pairs: Vec<Option<(f64, Vec<f64>)>> = (0..self.proposed.len())
            .into_par_iter()
            .map(|pair| {
                let gather = |side: &[Vec<Vec<f64>>]| -> Vec<f64> {
                    side[ladders.clone()].iter().flat_map(|ladder| ladder[pair].iter().copied()).collect()
                };
                let c = bennett(&gather(&self.up), &gather(&self.down))?;
                // What each ladder pulls the root by: its part of the excess over the slope (the numbers of samples are
                // equal).
                let mut slope = 0.0;
                let pulls: Vec<f64> = ladders
                    .clone()
                    .map(|ladder| {
                        let mut excess = 0.0;
                        for u in &self.up[ladder][pair] {
                            let s = sigmoid(u - c);
                            excess += s;
                            slope += s * (1.0 - s);
                        }
                        for u in &self.down[ladder][pair] {
                            let s = sigmoid(c - u);
                            excess -= s;
                            slope += s * (1.0 - s);
                        }
                        excess
                    })
                    .collect();
                Some((c, pulls.into_iter().map(|pull| pull / slope).collect()))
            })
            .collect();
        let count = ladders.len();
        let (mut ratio, mut pulls) = (0.0, vec![0.0; count]);
        for pair in pairs {
            let (c, of_pair) = pair?;
            ratio += c;
            for (sum, pull) in pulls.iter_mut().zip(of_pair) {
                *sum += pull;
            }
        }
        let squares: f64 = pulls.iter().map(|pull| pull * pull).sum();
        let error = (squares * count as f64 / (count as f64 - 1.0)).sqrt();
        (ratio.is_finite() && error.is_finite()).then_some((ratio, error))
    }

    /// The pair of temperatures that exchange least, and how often they do.
    fn least_acceptance(&self) -> (usize, f64) {
        let rates = self.accepted.iter().zip(&self.proposed).map(|(a, p)| *a as f64 / (*p).max(1) as f64);
        rates.enumerate().fold((0, 1.0), |least, rate| if rate.1 < least.1 { rate } else { least })
    }
}

fn add(sums: &mut [u64], values: &[u64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
