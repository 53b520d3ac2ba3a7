//! How `rbm evaluate` finds log Z.

use std::{ops::ControlFlow, path::Path, time::Instant};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use rbm_data::Split;
use rbm_eval::{
    AUTO_LIMIT, LogZMethod,
    log_z::{
        Annealing, LogZEstimate, SCHEDULES, Schedule, Tempering, annealed_importance_sampling, base_log_odds,
        log_z_difference, raise, raise_work, reverse_annealed_importance_sampling, tempered_log_z,
    },
    start_rows,
};
use rbm_model::{ModelConfig, Parameters, Place, Precision, Rbm, VisibleSampling, exact, weights_file::StoredWeights};
use rbm_ops::BackendName;
use rbm_runner::MULTIPLY_ADDS_PER_SECOND;

use crate::{context::Context, diagnose::Failure, progress::bar, text};

/// Training rows that judging chains may start at.
const START_ROWS: usize = 1_000;

/// Numbers of chains that are held at a time, at most: 4 GB.
const MOST_NUMBERS: usize = 1 << 29;

/// Above so many enumerated units it is said how long that takes.
const LONG: usize = 26;

/// Moves a bar; Ctrl-C ends the whole program.
fn shown(bar: &ProgressBar, work: u64) -> ControlFlow<()> {
    bar.inc(work);
    ControlFlow::Continue(())
}

/// Options of estimates of log Z.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log Z and samples")]
pub(crate) struct LogZArguments {
    /// How to find log Z [default: exact where a layer has at most 20 units, else none]
    #[arg(long, value_name = "METHOD")]
    log_z: Option<LogZWord>,
    /// Independent chains (bar: ladders; raise: chains a row) [default: 100; bar: 16; raise: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    chains: Option<u32>,
    /// Inverse temperatures: linear:N, salakhutdinov-murray, or a file with one a line [default: linear:1000; bar:
    /// linear:50]
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// Sweeps of the tempered chains, of which a fifth is not measured (bar) [default: 1000]
    #[arg(long, value_name = "N")]
    sweeps: Option<u64>,
    /// Rows whose likelihood is estimated (raise) [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    rows: Option<u32>,
    /// The independent units where annealing starts
    #[arg(long, value_name = "BASE", default_value = "data")]
    base: BaseWord,
    /// Seed of the chains
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What computes the chains: flex, ndarray or wgpu
    #[arg(long, value_name = "NAME", default_value = "flex")]
    backend: BackendName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogZWord {
    /// By enumeration of the smaller layer, of at most 32 units: 2^32 states take some minutes
    Exact,
    /// Annealed importance sampling: in expectation too low
    Ais,
    /// Annealing down from samples of the model: in expectation too high, where these are exact
    ReverseAis,
    /// From the likelihood of the law that annealing samples from: in expectation a likelihood too low
    Raise,
    /// Bennett's acceptance ratio over tempered chains
    Bar,
    /// Not at all
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BaseWord {
    /// The training rows' means
    Data,
    /// All states alike
    Uniform,
}

/// A log Z and where it comes from.
pub(crate) struct FoundLogZ {
    /// The value and how it was found.
    pub(crate) value: Option<(f64, LogZMethod)>,
    /// Where it is an estimate, all that is known of it.
    pub(crate) estimate: Option<LogZEstimate>,
    /// Seconds that it took.
    pub(crate) seconds: f64,
}

impl LogZArguments {
    /// Refuses options that the method has no use for, before anything is loaded.
    pub(crate) fn check(&self, against: bool) -> Result<(), Failure> {
        use LogZWord::{Ais, Bar, Exact, None, Raise, ReverseAis};
        let annealed = matches!(self.log_z, Some(Ais | ReverseAis | Raise | Bar))
            || (against && !matches!(self.log_z, Some(Exact | None)));
        let useless = [
            ("--chains", self.chains.is_some(), annealed, "ais, reverse-ais, raise or bar"),
            ("--schedule", self.schedule.is_some(), annealed, "ais, reverse-ais, raise or bar"),
            ("--sweeps", self.sweeps.is_some(), self.log_z == Some(Bar), "bar"),
            ("--rows", self.rows.is_some(), self.log_z == Some(Raise), "raise"),
        ];
        for (flag, given, used, methods) in useless {
            if given && !used {
                return Err(Failure::refused(format!("{flag} has no effect without --log-z {methods}")));
            }
        }
        if against && matches!(self.log_z, Some(ReverseAis | Raise | Bar | None)) {
            return Err(Failure::refused("--against goes with --log-z exact or ais")
                .with_help("the difference of two log Z is estimated by annealing from each machine to the other"));
        }
        if self.chains == Some(1) {
            return Err(Failure::refused("--chains 1: one chain has no standard error")
                .with_help("use at least 2; the usual number is the default, and time grows with it"));
        }
        if let Some(sweeps) = self.sweeps.filter(|sweeps| *sweeps < 10) {
            return Err(Failure::refused(format!("--sweeps {sweeps}: expected at least 10")));
        }
        self.schedule()?;
        Ok(())
    }

    fn schedule(&self) -> Result<Schedule, Failure> {
        let Some(word) = &self.schedule else {
            return Ok(Schedule::Linear(if self.log_z == Some(LogZWord::Bar) { 50 } else { 1000 }));
        };
        let path = Path::new(word);
        if word.contains('/') || path.extension().is_some() {
            return Schedule::read(path).map_err(|reason| Failure::refused(format!("--schedule {word}: {reason}")));
        }
        Schedule::parse(word).map_err(|_| {
            Failure::refused(format!("--schedule {word}: expected {SCHEDULES}"))
                .with_help("the latter in a file, one a line, whose name has a `/` or a suffix")
        })
    }

    fn chains(&self) -> usize {
        let usual = match self.log_z {
            Some(LogZWord::Bar) => 16,
            Some(LogZWord::Raise) => 20,
            _ => 100,
        };
        self.chains.map_or(usual, |chains| chains as usize)
    }

    /// Where chains run: in the width of the weights file, where the backend has it.
    fn place(&self, precision: Precision) -> Result<Place, Failure> {
        let precision = if self.backend.has_f64() { precision } else { Precision::F32 };
        Ok(Place { device: rbm_ops::open(self.backend)?, precision })
    }

    fn base(&self, train: &Split) -> Vec<f64> {
        match self.base {
            BaseWord::Data => base_log_odds(&train.mean()),
            BaseWord::Uniform => vec![0.0; train.visible()],
        }
    }

    /// Refuses more numbers at a time than memory is meant to hold.
    fn check_memory(&self, parameters: &Parameters, annealed: bool) -> Result<(), Failure> {
        let units = parameters.visible() + parameters.hidden();
        let (chains, temperatures) = (self.chains(), self.schedule()?.temperatures());
        let (numbers, remedy) = match self.log_z {
            Some(LogZWord::Bar) => {
                // States and activations of every replica, and two values of each for every sweep.
                let of_replica = units + 2 * usize::try_from(self.sweeps()).unwrap_or(usize::MAX / 4);
                let remedy = "fewer --chains (ladders), temperatures or --sweeps";
                (chains.saturating_mul(temperatures).saturating_mul(of_replica), remedy)
            }
            Some(LogZWord::Ais | LogZWord::ReverseAis | LogZWord::Raise) => {
                (chains.saturating_mul(units), "fewer --chains")
            }
            None if annealed => (chains.saturating_mul(units), "fewer --chains"),
            _ => return Ok(()),
        };
        if numbers > MOST_NUMBERS {
            let message = format!(
                "{numbers:.3e} numbers at a time are too many: at most {MOST_NUMBERS:.3e} are held",
                numbers = numbers as f64,
                MOST_NUMBERS = MOST_NUMBERS as f64
            );
            return Err(Failure::refused(message).with_help(format!("use {remedy}")));
        }
        Ok(())
    }

    fn sweeps(&self) -> u64 {
        self.sweeps.unwrap_or(1000)
    }

    fn annealing(&self) -> Result<Annealing, Failure> {
        Ok(Annealing { schedule: self.schedule()?, chains: self.chains(), seed: self.seed })
    }

    /// The machine on the device where chains run.
    pub(crate) fn machine(&self, stored: &StoredWeights, sampling: VisibleSampling) -> Result<Rbm, Failure> {
        let Place { device, precision } = self.place(stored.precision)?;
        let variants = ModelConfig { visible_sampling: sampling, ..ModelConfig::default() };
        Ok(Rbm::new(&stored.parameters, &variants, precision, &device))
    }

    /// Seed of the chains.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Finds log Z of a machine; `train` are the training rows, `split` those that are evaluated.
    pub(crate) fn find(
        &self,
        context: &Context,
        stored: &StoredWeights,
        train: &Split,
        split: &Split,
    ) -> Result<FoundLogZ, Failure> {
        let parameters = &stored.parameters;
        let smaller = parameters.visible().min(parameters.hidden());
        if train.visible() != parameters.visible() {
            let (rows, machine) = (train.visible(), parameters.visible());
            return Err(rbm_eval::Error::Width { rows, machine }.into());
        }
        let begun = Instant::now();
        self.check_memory(parameters, false)?;
        let word = match self.log_z {
            Some(LogZWord::None) => return Ok(FoundLogZ { value: None, estimate: None, seconds: 0.0 }),
            None if smaller > AUTO_LIMIT => return Ok(FoundLogZ { value: None, estimate: None, seconds: 0.0 }),
            None | Some(LogZWord::Exact) => {
                let log_z = enumerate(context, parameters)?;
                let seconds = begun.elapsed().as_secs_f64();
                return Ok(FoundLogZ { value: Some((log_z, LogZMethod::Exact)), estimate: None, seconds });
            }
            Some(word) => word,
        };
        let (place, base) = (self.place(stored.precision)?, self.base(train));
        let starts = start_rows(train, START_ROWS);
        let annealing = self.annealing()?;
        let progress_bar = |what: &str, length: u64| bar(&context.screen, what, length);
        let (estimate, method) = match word {
            LogZWord::Ais => {
                let bar = progress_bar("annealing", annealing.work());
                let found = annealed_importance_sampling(parameters, &base, &starts, &annealing, &place, &mut |n| {
                    shown(&bar, n)
                });
                bar.finish_and_clear();
                (found?, LogZMethod::Ais)
            }
            LogZWord::ReverseAis => {
                let bar = progress_bar("annealing", annealing.work());
                let found =
                    reverse_annealed_importance_sampling(parameters, &base, &starts, &annealing, &place, &mut |n| {
                        shown(&bar, n)
                    });
                bar.finish_and_clear();
                (found?.0, LogZMethod::ReverseAis)
            }
            LogZWord::Raise => {
                let rows = start_rows(split, self.rows.unwrap_or(100) as usize);
                let bar = progress_bar("annealing", raise_work(rows.len() / parameters.visible(), &annealing));
                let found = raise(parameters, &base, &rows, &annealing, &place, &mut |n| shown(&bar, n));
                bar.finish_and_clear();
                (found?.log_z, LogZMethod::Raise)
            }
            LogZWord::Bar => {
                let Annealing { schedule, chains: ladders, seed } = annealing;
                let tempering = Tempering { schedule, ladders, sweeps: self.sweeps(), seed };
                let bar = progress_bar("tempering", tempering.work());
                let found = tempered_log_z(parameters, &base, &starts, &tempering, &place, &mut |n| shown(&bar, n));
                bar.finish_and_clear();
                (found?, LogZMethod::Bar)
            }
            LogZWord::Exact | LogZWord::None => unreachable!("done above"),
        };
        let value = Some((estimate.log_z, method));
        Ok(FoundLogZ { value, estimate: Some(estimate), seconds: begun.elapsed().as_secs_f64() })
    }

    /// Log Z of `stored` minus that of `other`: by enumeration where it is asked for, or where both are small; else an
    /// estimate.
    pub(crate) fn find_difference(
        &self,
        context: &Context,
        stored: &StoredWeights,
        other: &StoredWeights,
        train: &Split,
    ) -> Result<(f64, Option<LogZEstimate>, f64), Failure> {
        let begun = Instant::now();
        let both = [&stored.parameters, &other.parameters];
        if both[0].visible() != both[1].visible() {
            return Err(Failure::refused(format!(
                "--against: expected a machine of {} visible units, not {}",
                both[0].visible(),
                both[1].visible()
            )));
        }
        let small = both.iter().all(|machine| machine.visible().min(machine.hidden()) <= AUTO_LIMIT);
        if self.log_z == Some(LogZWord::Exact) || (self.log_z.is_none() && small) {
            let difference = enumerate(context, both[0])? - enumerate(context, both[1])?;
            return Ok((difference, None, begun.elapsed().as_secs_f64()));
        }
        let annealing = self.annealing()?;
        both.into_iter().try_for_each(|machine| self.check_memory(machine, true))?;
        let starts = start_rows(train, START_ROWS);
        // Two pairs of runs.
        let bar = bar(&context.screen, "annealing between the two", 4 * (annealing.schedule.temperatures() as u64 - 1));
        let place = self.place(stored.precision)?;
        let found = log_z_difference(both[0], both[1], &starts, &annealing, &place, &mut |n| shown(&bar, n));
        bar.finish_and_clear();
        let found = found?;
        Ok((found.log_z, Some(found), begun.elapsed().as_secs_f64()))
    }
}

/// Log Z by enumeration, with a bar; says how long it will take where that is long.
fn enumerate(context: &Context, parameters: &Parameters) -> Result<f64, Failure> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let smaller = visible.min(hidden);
    if smaller > exact::LIMIT {
        let message =
            format!("--log-z exact: the smaller layer has {smaller} units, {} can be enumerated", exact::LIMIT);
        // Two runs of a hundred chains over 1,000 temperatures, two products of chains and weights at each.
        let multiply_adds = 4.0 * 100.0 * 1000.0 * (visible * hidden) as f64;
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let seconds = multiply_adds / (MULTIPLY_ADDS_PER_SECOND * cores);
        return Err(Failure::refused(message).with_help(format!(
            "--log-z ais estimates it with an interval, here in about {}",
            text::seconds(seconds.max(1.0))
        )));
    }
    let states = 1_u64 << smaller;
    if smaller > LONG {
        let seconds = exact::estimated_seconds(parameters)?;
        context.screen.note(&format!("log Z is a sum over 2^{smaller} states: about {}", text::seconds(seconds)));
    }
    let bar = bar(&context.screen, "enumerating", states);
    let found = exact::log_partition_with(parameters, &|done| bar.inc(done));
    bar.finish_and_clear();
    Ok(found?)
}

/// The interval as text: `[-5.2, -4.8]`, with what is undefined said.
pub(crate) fn interval(ends: Option<[Option<f64>; 2]>) -> String {
    match ends {
        Some([Some(low), Some(high)]) => format!("[{low:.4}, {high:.4}]"),
        Some([None, Some(high)]) => format!("[undefined, {high:.4}]"),
        Some([Some(low), None]) => format!("[{low:.4}, undefined]"),
        _ => "undefined".into(),
    }
}

/// The word for a method.
pub(crate) fn method_word(method: LogZMethod) -> &'static str {
    match method {
        LogZMethod::Exact => "exact",
        LogZMethod::Ais => "annealed importance sampling",
        LogZMethod::ReverseAis => "reverse annealed importance sampling",
        LogZMethod::Raise => "RAISE",
        LogZMethod::Bar => "Bennett's acceptance ratio",
        LogZMethod::None => "not found",
    }
}

/// What is known of an estimate, for a table.
pub(crate) fn estimate_rows(name: &str, estimate: &LogZEstimate, seconds: f64) -> Vec<Vec<String>> {
    let row = |measure: String, value: String, note: &str| vec![measure, value, note.to_owned()];
    let mut rows = vec![
        row(format!("{name}_interval_1s"), interval(estimate.log_z_interval_1s), "one standard error of Z"),
        row(format!("{name}_interval_3s"), interval(estimate.log_z_interval_3s), "three"),
    ];
    if let Some(ess) = estimate.ess {
        rows.push(row("ess".into(), format!("{ess:.1}"), &format!("of {} chains", text::count(estimate.chains))));
    }
    let trust = if estimate.trust == rbm_eval::log_z::Trust::Ok { "ok" } else { "low" };
    rows.push(row("trust".into(), trust.into(), &estimate.trust_reason));
    let temperatures =
        format!("{} temperatures, {} chains", text::count(estimate.temperatures), text::count(estimate.chains));
    rows.push(row("seconds".into(), format!("{seconds:.2}"), &temperatures));
    rows
}
