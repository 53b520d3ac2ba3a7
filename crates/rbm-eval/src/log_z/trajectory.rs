//! Log Z followed along a training run.

use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place};
use rbm_random::{Sequence, Stream};
use serde::{Deserialize, Serialize};

use super::{
    annealing::anneal_up,
    bennett::{bennett, bennett_error},
    estimate::{LogZEstimate, Verdict},
    progress::unwatched,
    schedule::Schedule,
    weights::LogMean,
};
use crate::Error;

/// Share of the training's multiply-adds that following it may take. What an evaluation asks for comes on top, up to
/// [`MOST_SHARE`].
const SHARE: f64 = 0.03;

/// The most that following and evaluating may take together.
const MOST_SHARE: f64 = 0.045;

/// Inverse temperatures from independent units to the machine before its first step.
const START: Schedule = Schedule::Linear(20);

/// Inverse temperatures, and chains, of the short annealed run that judges: a hundredth of a usual run.
const JUDGE: (Schedule, usize) = (Schedule::Linear(100), 25);

/// An effective sample size below this share of its chains leaves the judge without a word to say.
const LEAST_SHARE: f64 = 0.3;

/// Chains that follow a machine while it trains, and the log Z that they add up; under PCD the training's own chains
/// do.
///
/// From one observed set of parameters to the next, `ln Z' - ln Z` is estimated by Bennett's acceptance ratio between
/// samples of both: where the chains are before and after a Gibbs step of the new machine. The chains lag behind a
/// machine that changes faster than they mix, as those of PCD do, and errors add up; an independent short annealed run
/// judges that. All together takes less than 5 % of the training's multiply-adds, once those are some thousands of rows
/// times the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// Log Z of the last observed parameters.
    log_z: f64,
    variance: f64,
    /// Visible states, `[chains, visible]`, one character each.
    states: String,
    chains: usize,
    seed: u64,
    /// Multiply-adds spent.
    spent: f64,
    /// Multiply-adds that the training took so far.
    trained: f64,
    observations: u64,
    /// The last observed parameters; kept apart, because they are large.
    #[serde(skip)]
    previous: Option<Parameters>,
}

impl Trajectory {
    /// Chains at the machine before its first step, by annealing from independent units with its visible biases.
    ///
    /// # Errors
    /// When there are fewer than two chains, or the device fails.
    pub fn begin(parameters: &Parameters, chains: usize, seed: u64, place: &Place) -> Result<Self, Error> {
        if chains < 2 {
            return Err(Error::TooFewChains { chains });
        }
        let path = AnnealingPath::from_independent(parameters.visible_bias(), parameters, place)?;
        let start = path.log_partition_at_start().ok_or(Error::NotFinite)?;
        let (mut moving, mut weights) =
            (AnnealedChains::at_start(&path, chains, seed, ChainStreams::TRAJECTORY), vec![0.0; chains]);
        for pair in START.betas().windows(2) {
            let (next, ratios) = moving.log_ratio(&path, pair[0], pair[1])?;
            weights.iter_mut().zip(ratios).for_each(|(weight, ratio)| *weight += ratio);
            moving = next.step(&path, pair[1]);
        }
        let mean = LogMean::of(&weights);
        let temperatures = START.temperatures() as f64 - 1.0;
        Ok(Self {
            log_z: start + mean.value,
            variance: mean.relative_error.unwrap_or(0.0).powi(2),
            states: to_text(&moving.states()?),
            chains,
            seed,
            spent: 2.0 * temperatures * size(parameters, chains),
            trained: 0.0,
            observations: 0,
            previous: Some(parameters.clone()),
        })
    }

    /// The last observed parameters, to be kept beside what is serialised.
    pub fn previous(&self) -> Option<&Parameters> {
        self.previous.as_ref()
    }

    /// Puts the last observed parameters back beside what was serialised.
    #[must_use]
    pub fn with_previous(self, previous: Parameters) -> Self {
        Self { previous: Some(previous), ..self }
    }

    /// Counts the multiply-adds of a training step.
    pub fn count(&mut self, multiply_adds: f64) {
        self.trained += multiply_adds;
    }

    /// Multiply-adds spent, as a share of the training's so far.
    pub fn share(&self) -> f64 {
        self.spent / self.trained
    }

    /// Whether the budget allows the next observation.
    pub fn is_due(&self) -> bool {
        self.spent + self.cost() <= SHARE * self.trained
    }

    /// Follows the machine to its present parameters: by a Gibbs step of its own chains, or by taking the training's
    /// persistent chains `[any number, visible]`, where it keeps some, which followed every update.
    ///
    /// # Errors
    /// When the device fails, or a weight is not finite.
    pub fn observe(
        &mut self,
        parameters: &Parameters,
        persistent: Option<Vec<u8>>,
        place: &Place,
    ) -> Result<(), Error> {
        let previous = self.previous.take().ok_or(Error::NotFinite)?;
        let path = AnnealingPath::between(&previous, parameters, place)?;
        self.observations += 1;
        let seed = Sequence::new(self.seed, Stream::TrajectoryStart, self.observations).next_u64();
        let states: Vec<u8> = self.states.bytes().map(|byte| byte - b'0').collect();
        let chains = AnnealedChains::at_states(&path, &states, seed, ChainStreams::TRAJECTORY)?;
        let (chains, before) = chains.log_ratio(&path, 0.0, 1.0)?;
        let moved = match persistent {
            Some(states) => AnnealedChains::at_states(&path, &states, seed, ChainStreams::TRAJECTORY)?,
            None => chains.step(&path, 1.0),
        };
        let (chains, after) = moved.log_ratio(&path, 0.0, 1.0)?;
        let ratio = bennett(&before, &after).ok_or(Error::NotFinite)?;
        self.log_z += ratio;
        self.variance += bennett_error(&before, &after, ratio).powi(2);
        self.chains = chains.chains();
        self.states = to_text(&chains.states()?);
        self.previous = Some(parameters.clone());
        self.spent += self.cost();
        Ok(())
    }

    /// Log Z of the present parameters, where the budget allows it; judged where it allows that too. The judgement, if
    /// any, is about the interval; without one, trust is low.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn estimate(
        &mut self,
        parameters: &Parameters,
        persistent: Option<Vec<u8>>,
        base: &[f64],
        place: &Place,
    ) -> Result<Option<LogZEstimate>, Error> {
        let is_current = self.previous.as_ref() == Some(parameters);
        if !is_current {
            if self.spent + self.cost() > MOST_SHARE * self.trained {
                return Ok(None);
            }
            self.observe(parameters, persistent, place)?;
        }
        let verdict = self.judge(parameters, base, place)?;
        let error = Some(self.variance.sqrt());
        Ok(Some(LogZEstimate::symmetric(self.log_z, error, self.chains, 0, verdict)))
    }

    /// A short annealed run, independent of the chains that follow.
    fn judge(&mut self, parameters: &Parameters, base: &[f64], place: &Place) -> Result<Verdict, Error> {
        let (schedule, chains) = JUDGE;
        let betas = schedule.betas();
        let cost = 2.0 * (betas.len() as f64 - 1.0) * size(parameters, chains);
        if self.spent + cost > MOST_SHARE * self.trained {
            return Ok(Verdict::low("an annealed run to judge it would take it over its share of the training's work"));
        }
        self.spent += cost;
        let path = AnnealingPath::from_independent(base, parameters, place)?;
        let start = path.log_partition_at_start().ok_or(Error::NotFinite)?;
        let seed = Sequence::new(self.seed, Stream::PilotStart, self.observations).next_u64();
        let pilot = AnnealedChains::at_start(&path, chains, seed, ChainStreams::PILOT);
        let mean = LogMean::of(&anneal_up(&path, &betas, pilot, &mut unwatched)?);
        let (log_z, error) = (start + mean.value, mean.relative_error.unwrap_or(f64::INFINITY));
        let bound = 3.0 * (error * error + self.variance).sqrt();
        let seen = format!(
            "a short annealed run says {log_z:.2}, with an effective sample size of {:.0} of {chains} and an error of {error:.2}",
            mean.ess
        );
        Ok(if mean.ess < LEAST_SHARE * chains as f64 {
            Verdict::low(format!("{seen}: too little to judge by"))
        } else if (log_z - self.log_z).abs() <= bound {
            Verdict::ok(seen)
        } else {
            Verdict::low(format!("{seen}: they disagree"))
        })
    }

    /// Multiply-adds of an observation: two activations and a reconstruction, each of the hidden units of both
    /// machines.
    fn cost(&self) -> f64 {
        self.previous.as_ref().map_or(0.0, |previous| 6.0 * size(previous, self.chains))
    }
}

/// Multiply-adds of one product of the chains with the weights.
fn size(parameters: &Parameters, chains: usize) -> f64 {
    (chains * parameters.visible() * parameters.hidden()) as f64
}

fn to_text(states: &[u8]) -> String {
    states.iter().map(|&state| char::from(b'0' + state)).collect()
}
