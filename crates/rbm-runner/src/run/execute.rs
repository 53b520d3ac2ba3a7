//! One cell, from its start or its last checkpoint to its marker.

use std::time::{Duration, Instant};

use rbm_eval::{At, LogZ, MetricRow, NegativePhase, Trained, evaluate_training, log_z::Trajectory};
use rbm_model::{Init, Place, Rbm, initialise, weights_file};
use rbm_ops::BackendName;
use rbm_store::{CellState, CheckpointFile, Lease, MetricsLog, RunRecord, Terminal, now, sha256_of_bytes};
use rbm_train::{Algorithm, Precision, StepInfo, Trainer};

use super::{
    Environment, Event, Observer, Outcome, Seat, StopFlag, TableWriters, TimingRow, Turn, instruction_set,
    peak_memory_bytes, progress::Progress,
};
use crate::{
    Error,
    config::{CellConfig, CheckpointEvery, resolved_toml},
    data_sets::Loaded,
    identity::{NUMERICS, kernels_of},
    plan::Cell,
};

/// Under `checkpoint_every = "auto"`, a checkpoint at an epoch's end is due after this.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(10);

/// Progress is told no more often than this.
const PROGRESS_AFTER: Duration = Duration::from_millis(100);

const METRICS: &str = "metrics.parquet";
const WEIGHTS: &str = "weights.safetensors";
const BEST: &str = "best.safetensors";
const TIMINGS: &str = "timings.parquet";

/// What a cell's run needs beside the cell.
pub struct Context<'a> {
    /// Asks it to stop.
    pub stop: &'a StopFlag,
    /// Whether a run begun on another kind of processor may be gone on with; the cell is then marked as mixed.
    pub allow_mixed: bool,
    /// Make its tables.
    pub tables: TableWriters<'a>,
    /// Its place among cells whose steps are taken together, if it is one of those.
    pub seat: Option<Seat<'a>>,
}

/// Computes a cell whose lease is held, or goes on with it from its last good checkpoint.
///
/// Equal cells end with the same bytes in `metrics.parquet` and `weights.safetensors`, however often they were
/// interrupted. A cell whose numbers cease to be finite ends with the marker `DIVERGED`, one that cannot be computed
/// with `FAILED`; where the disk refuses, no marker is written, and the cell can be gone on with.
///
/// # Errors
/// Only what kept even the failure from being recorded.
pub fn run_cell(
    cell: &Cell,
    lease: &Lease,
    data: &Loaded,
    context: &Context<'_>,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let mut record = begin(cell, lease, context)?;
    let begun = Instant::now();
    let before = record.wall_seconds;
    let mut run = Run { cell, lease, data, context, observer, record: &mut record, begun, before, anew: false };
    let outcome = match run.run_on() {
        Ok(outcome) => outcome,
        Err(Error::Train(error)) if error.is_divergence() => Outcome::Diverged { message: error.to_string() },
        // The disk, not the cell, is at fault: no marker, so that the cell goes on when there is room again.
        Err(error @ Error::Store(_)) => {
            return Ok(Outcome::Failed { message: with_sources(&error) });
        }
        Err(error) => Outcome::Failed { message: with_sources(&error) },
    };
    end(lease, &outcome, context, &mut record, before + begun.elapsed().as_secs_f64())?;
    Ok(outcome)
}

/// What numbers are rounded on: the processor's instruction set, or the name of a GPU or its software driver.
fn kind_of_device(backend: BackendName) -> Result<String, Error> {
    Ok(rbm_ops::device_name(backend)?.unwrap_or_else(|| instruction_set().into()))
}

/// A cell's trainer before its first step, on a backend that need not be the config's.
pub(crate) fn new_trainer(config: &CellConfig, backend: BackendName, data: &Loaded) -> Result<Trainer, Error> {
    let stored = match &config.model.init {
        Init::File(path) => Some(weights_file::read(path)?.parameters),
        Init::Normal | Init::Uniform => None,
    };
    let train = &data.train;
    let start = initialise(&config.model, data.train_means(), train.len(), stored.as_ref(), config.run.seed)?;
    let rbm = Rbm::new(&start, &config.model, config.train.precision, &rbm_ops::open(backend)?);
    Ok(Trainer::with_kernels(&config.train, rbm, train.clone(), config.run.seed, kernels_of(config))?)
}

/// An error and what lies behind it, in one line, without saying anything twice.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

/// Writes what is known before the first step. A run begun on another kind of processor starts anew.
fn begin(cell: &Cell, lease: &Lease, context: &Context<'_>) -> Result<RunRecord, Error> {
    lease.clear_markers()?;
    let previous = match lease.read_run() {
        Err(error @ rbm_store::Error::Newer { .. }) => return Err(error.into()),
        other => other.unwrap_or_default(), // one that a crash left unreadable is written anew
    };
    let here = kind_of_device(cell.config.run.backend)?;
    let mut extra = previous.as_ref().map(|record| record.extra.clone()).unwrap_or_default();
    let other_machine = previous.as_ref().is_some_and(|record| record.instruction_set != here);
    if other_machine && context.allow_mixed {
        extra.insert("mixed".into(), true.into());
    } else if other_machine {
        lease.discard_progress()?;
        extra.remove("mixed");
    }
    let record = RunRecord {
        schema: RunRecord::SCHEMA,
        id: cell.id.clone(),
        name: cell.name.clone(),
        state: CellState::Running,
        attempts: previous.as_ref().map_or(0, |record| record.attempts) + 1,
        started: now(),
        updated: now(),
        finished: None,
        error: None,
        binary: env!("CARGO_PKG_VERSION").into(),
        numerics: NUMERICS,
        instruction_set: here,
        wall_seconds: previous.map_or(0.0, |record| record.wall_seconds),
        peak_memory_bytes: peak_memory_bytes(),
        extra,
    };
    lease.write_beginning(&record, &resolved_toml(&cell.config), &Environment::here())?;
    Ok(record)
}

/// Writes the record and, last, the marker.
fn end(
    lease: &Lease,
    outcome: &Outcome,
    context: &Context<'_>,
    record: &mut RunRecord,
    wall_seconds: f64,
) -> Result<(), Error> {
    let terminal = match outcome {
        Outcome::Interrupted => None,
        Outcome::Done => Some((Terminal::Done, None)),
        Outcome::Diverged { message } => Some((Terminal::Diverged, Some(message.as_str()))),
        Outcome::Failed { message } => Some((Terminal::Failed, Some(message.as_str()))),
    };
    record.updated = now();
    record.wall_seconds = wall_seconds;
    record.peak_memory_bytes = peak_memory_bytes();
    record.state = terminal.map_or(CellState::Interrupted, |(terminal, _)| terminal.state());
    let Some((terminal, message)) = terminal else {
        return Ok(lease.write_run(record)?);
    };
    record.finished = Some(now());
    record.error = message.map(str::to_owned);
    let mut files = vec![METRICS];
    if terminal == Terminal::Done {
        files.push(WEIGHTS);
        if lease.read_file(BEST)?.is_some() {
            files.push(BEST);
        }
    } else {
        // The curve up to the end is of interest too.
        let rows: Vec<MetricRow> = lease.read_metrics()?;
        match context.tables.metrics(&rows) {
            Ok(bytes) => lease.write_file(METRICS, &bytes)?,
            Err(_) => files.clear(),
        }
    }
    lease.write_run(record)?;
    lease.finish(terminal, message, &files)?;
    lease.discard_progress()?;
    Ok(())
}

/// A stretch of training.
struct Lap {
    begun: Instant,
    /// Time within it that was other cells'.
    waited: Duration,
}

impl Lap {
    fn begin() -> Self {
        Self { begun: Instant::now(), waited: Duration::ZERO }
    }

    fn seconds(&self) -> f64 {
        self.begun.elapsed().saturating_sub(self.waited).as_secs_f64()
    }
}

/// A run in progress.
struct Run<'a, 'c> {
    cell: &'a Cell,
    lease: &'a Lease,
    data: &'a Loaded,
    context: &'a Context<'c>,
    observer: &'a mut dyn Observer,
    record: &'a mut RunRecord,
    begun: Instant,
    /// Seconds of earlier attempts.
    before: f64,
    /// Whether it was begun anew since what lay there was damaged.
    anew: bool,
}

impl Run<'_, '_> {
    fn run_on(&mut self) -> Result<Outcome, Error> {
        let mut log = self.lease.open_metrics()?;
        let (mut trainer, mut progress) = self.start(&mut log)?;
        let place = Place::of(trainer.model());
        if self.cell.config.evaluate.log_z == LogZ::Trajectory && progress.trajectory.is_none() {
            let (chains, seed) = (self.cell.config.evaluate.log_z_chains, self.cell.config.run.seed);
            progress.trajectory = Some(Trajectory::begin(&trainer.parameters()?, chains, seed, &place)?);
        }
        let train = &self.cell.config.train;
        self.observer.event(&Event::CellStarted {
            index: self.cell.index,
            name: self.cell.name.clone(),
            attempt: self.record.attempts,
            epochs: train.epochs,
            steps: u64::from(train.epochs) * trainer.batches() as u64,
            from_step: trainer.steps(),
        });
        if trainer.steps() == 0 && log.offset() == 0 {
            self.evaluate(&mut trainer, &mut log, &mut progress)?;
        }
        let (mut last_checkpoint, mut last_told, mut lap) = (Instant::now(), Instant::now(), Lap::begin());
        let mut checkpoint_epoch = trainer.epoch();
        while !trainer.is_finished() {
            let info;
            (trainer, info) = match self.steps(trainer, &mut lap) {
                Turn::Advanced(advanced, _) => (*advanced)?,
                Turn::Stopped(trainer) => {
                    progress.train_seconds += lap.seconds();
                    self.checkpoint(&trainer, &log, &mut progress)?;
                    return Ok(Outcome::Interrupted);
                }
            };
            self.follow(&trainer, &info, &place, &mut progress)?;
            if last_told.elapsed() >= PROGRESS_AFTER {
                last_told = Instant::now();
                self.observer.event(&Event::Progress { index: self.cell.index, epoch: info.epoch, step: info.step });
            }
            if !info.ended_epoch {
                continue;
            }
            if self.cell.config.evaluate.every.evaluates(info.epoch, train.epochs) {
                progress.train_seconds += lap.seconds();
                self.evaluate(&mut trainer, &mut log, &mut progress)?;
                lap = Lap::begin();
            }
            let due = match self.cell.config.run.checkpoint_every {
                CheckpointEvery::Auto => last_checkpoint.elapsed() >= CHECKPOINT_AFTER,
                CheckpointEvery::Epochs(epochs) => info.epoch - checkpoint_epoch >= epochs,
            };
            if due && !trainer.is_finished() {
                progress.train_seconds += lap.seconds();
                self.checkpoint(&trainer, &log, &mut progress)?;
                (last_checkpoint, checkpoint_epoch) = (Instant::now(), info.epoch);
                lap = Lap::begin(); // no checkpoint counts as training
            }
        }
        if let Some(seat) = &self.context.seat {
            seat.leave();
        }
        if !self.best_is_whole(&progress)? {
            let text = format!("{}: {BEST} is not what was written there: the cell begins anew", self.cell.name);
            self.observer.event(&Event::Note { text });
            if std::mem::replace(&mut self.anew, true) {
                return Err(Error::Broken {
                    path: self.lease.path().join(BEST),
                    reason: "it was altered twice".into(),
                });
            }
            drop(log);
            self.lease.remove_file(BEST)?;
            self.lease.discard_progress()?;
            return self.run_on();
        }
        self.write_results(&trainer, &progress)?;
        Ok(Outcome::Done)
    }

    /// The next step, or some steps together with other cells; none where there is the wish to stop.
    fn steps(&self, trainer: Trainer, lap: &mut Lap) -> Turn {
        let Some(seat) = &self.context.seat else {
            if self.context.stop.is_stopped() {
                return Turn::Stopped(Box::new(trainer));
            }
            return Turn::Advanced(Box::new(trainer.step()), Duration::ZERO);
        };
        let asked = Instant::now();
        let turn = seat.advance(trainer);
        if let Turn::Advanced(_, share) = &turn {
            lap.waited += asked.elapsed().saturating_sub(*share);
        }
        turn
    }

    /// Whether the best weights on the disk are those that were written; before the marker vouches for them. Not asked
    /// when a checkpoint is gone on from: the file may rightly be newer than that.
    fn best_is_whole(&self, progress: &Progress) -> Result<bool, Error> {
        let Some(digest) = &progress.best_sha256 else { return Ok(true) };
        Ok(self.lease.read_file(BEST)?.is_some_and(|bytes| sha256_of_bytes(&bytes) == *digest))
    }

    /// A trainer at the last good checkpoint, with the metrics cut to where they were; or at the start, with none.
    fn start(&mut self, log: &mut MetricsLog) -> Result<(Trainer, Progress), Error> {
        for checkpoint in self.lease.checkpoints()? {
            match self.resume(&checkpoint, log)? {
                Ok(resumed) => return Ok(resumed),
                Err(reason) => {
                    let name = checkpoint.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let text = format!("{}: passed over the checkpoint {name}: {reason}", self.cell.name);
                    self.observer.event(&Event::Note { text });
                }
            }
        }
        log.truncate_to(0)?;
        self.lease.remove_file(BEST)?;
        Ok((self.new_trainer()?, Progress::default()))
    }

    /// What a checkpoint holds, with the metrics cut to where they were; or why it cannot be gone on from.
    fn resume(
        &self,
        checkpoint: &CheckpointFile,
        log: &mut MetricsLog,
    ) -> Result<Result<(Trainer, Progress), String>, Error> {
        let bytes = match checkpoint.read() {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(format!("failed to {}", with_sources(&error)))),
        };
        let (trainer, extra) = match self.new_trainer()?.resume(&bytes) {
            Ok(resumed) => resumed,
            Err(error) => return Ok(Err(format!("failed to {}", with_sources(&error)))),
        };
        let Some(progress) = Progress::from_extra(&extra) else {
            return Ok(Err("it does not say how far the metrics had come".into()));
        };
        if progress.best.is_some() && self.lease.read_file(BEST)?.is_none() {
            return Ok(Err(format!("{BEST} is gone")));
        }
        if self.metrics_digest(progress.metrics_offset)? != progress.metrics_sha256 {
            return Ok(Err("metrics.jsonl is not what it was when the checkpoint was taken".into()));
        }
        match log.truncate_to(progress.metrics_offset) {
            Ok(()) => Ok(Ok((trainer, progress))),
            Err(error) => Ok(Err(format!("failed to {}", with_sources(&error)))),
        }
    }

    /// SHA-256 of the first so many bytes of the metrics; of all there are, where there are fewer.
    fn metrics_digest(&self, offset: u64) -> Result<String, Error> {
        let bytes = self.lease.read_metrics_bytes()?;
        let end = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(sha256_of_bytes(&bytes[..end]))
    }

    fn new_trainer(&self) -> Result<Trainer, Error> {
        new_trainer(&self.cell.config, self.cell.config.run.backend, self.data)
    }

    /// Lets the chains that follow the training move on, if there are any and it is time.
    fn follow(&self, trainer: &Trainer, step: &StepInfo, place: &Place, progress: &mut Progress) -> Result<(), Error> {
        let Some(trajectory) = &mut progress.trajectory else { return Ok(()) };
        let train = &self.cell.config.train;
        let units = (trainer.model().visible(), trainer.model().hidden());
        let k = f64::from(train.k_at(step.epoch));
        let (products, enumerated) = train.work_of_a_step(k, step.rows, self.data.train.len(), units);
        trajectory.count(products + enumerated);
        if trajectory.is_due() {
            trajectory.observe(&trainer.parameters()?, trainer.chain_states()?, place)?;
        }
        Ok(())
    }

    /// Measures, appends the rows, and keeps the weights if they are the best so far.
    fn evaluate(&mut self, trainer: &mut Trainer, log: &mut MetricsLog, progress: &mut Progress) -> Result<(), Error> {
        let started = Instant::now();
        let config = &self.cell.config;
        let parameters = trainer.parameters()?;
        let negative_phase = match config.train.algorithm {
            Algorithm::Cd | Algorithm::ExpectedCd => {
                NegativePhase::Data { k: config.train.k_at(trainer.epoch().max(1)) }
            }
            Algorithm::Pcd | Algorithm::Pt => {
                NegativePhase::Persistent { states: trainer.chain_states()?.unwrap_or_default() }
            }
            Algorithm::Rdm => NegativePhase::Random,
            Algorithm::Exact => NegativePhase::Exact,
        };
        let swap_acceptance = trainer.take_swaps().and_then(|swaps| swaps.acceptance());
        let trained = Trained {
            parameters: &parameters,
            rbm: trainer.model(),
            gradient_norm: trainer.gradient_norm(),
            swap_acceptance,
            negative_phase,
            trajectory: progress.trajectory.as_mut(),
        };
        let at = At { step: trainer.steps(), epoch: trainer.epoch() };
        let rows = evaluate_training(&config.evaluate, &config.model, trained, &self.data.data, at, config.run.seed)?;
        progress.metrics_offset = log.append(&rows)?;
        if let Some(metric) = config.evaluate.keep_best
            && progress.improves(metric, &rows, &self.data.data)
        {
            progress.best_sha256 = Some(self.write_weights(BEST, trainer)?);
        }
        progress.timings.push(TimingRow {
            epoch: trainer.epoch(),
            train_seconds: std::mem::take(&mut progress.train_seconds),
            evaluate_seconds: started.elapsed().as_secs_f64(),
        });
        self.observer.event(&Event::Evaluated { index: self.cell.index, epoch: trainer.epoch(), rows });
        Ok(())
    }

    /// Brings the metrics to the disk, then the checkpoint that counts on them, then the record.
    fn checkpoint(&mut self, trainer: &Trainer, log: &MetricsLog, progress: &mut Progress) -> Result<(), Error> {
        log.sync()?;
        progress.metrics_offset = log.offset();
        progress.metrics_sha256 = self.metrics_digest(log.offset())?;
        let bytes = trainer.checkpoint(progress.to_extra())?;
        self.lease.write_checkpoint(trainer.epoch(), trainer.steps(), &bytes)?;
        self.record.updated = now();
        self.record.wall_seconds = self.before + self.begun.elapsed().as_secs_f64();
        self.record.peak_memory_bytes = peak_memory_bytes();
        self.lease.write_run(self.record)?;
        Ok(())
    }

    fn write_results(&self, trainer: &Trainer, progress: &Progress) -> Result<(), Error> {
        let rows: Vec<MetricRow> = self.lease.read_metrics()?;
        let metrics = self.context.tables.metrics(&rows)?;
        let timings = self.context.tables.timings(&progress.timings)?;
        let weights = self.weights(WEIGHTS, trainer)?;
        Ok(self.lease.write_files(&[(METRICS, &metrics), (TIMINGS, &timings), (WEIGHTS, &weights)])?)
    }

    /// Writes the weights; their SHA-256.
    fn write_weights(&self, name: &'static str, trainer: &Trainer) -> Result<String, Error> {
        let bytes = self.weights(name, trainer)?;
        self.lease.write_file(name, &bytes)?;
        Ok(sha256_of_bytes(&bytes))
    }

    /// The bytes of a weights file.
    fn weights(&self, name: &'static str, trainer: &Trainer) -> Result<Vec<u8>, Error> {
        let precision: Precision = self.cell.config.train.precision;
        let config = self.cell.canonical_config_json();
        weights_file::to_bytes(&trainer.parameters()?, precision, Some(&config))
            .map_err(|reason| Error::Table { table: name, reason })
    }
}
