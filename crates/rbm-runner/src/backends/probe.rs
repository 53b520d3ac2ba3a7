//! The body of a process that measures one setting of a backend.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rbm_data::DataFolders;
use rbm_eval::{
    AUTO_LIMIT, At, EvaluateConfig, Every, LogZ, Metric, NegativePhase, SplitName, Trained, evaluate_training,
};
use rbm_ops::BackendName;
use rbm_train::{Agreement, Trainer};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    data_sets::{DataSets, Loaded},
    peak_memory_bytes,
    plan::Cell,
    run::new_trainer,
};

/// Parts of the time, for the spread.
const WINDOWS: u32 = 10;
/// Rows that agreement is measured on.
const AGREEMENT_ROWS: usize = 200;

/// What is asked of the process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) cell: Cell,
    pub(super) backend: BackendName,
    pub(super) seconds: f64,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) cache: PathBuf,
}

/// What was measured of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Seconds until the device was open and had answered once.
    pub start_seconds: f64,
    /// Seconds of the first step of training, the compilation of kernels included.
    pub first_step_seconds: f64,
    /// Training rows a second in steady state, one value for each tenth of the time.
    pub samples_per_second: Vec<f64>,
    /// Steps taken in all.
    pub steps: u64,
    /// The process's largest memory, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// The backend's composed operations against sums in f64, with the parameters after training.
    pub agreement: Agreement,
    /// Epoch (1, 2, 3, 4, 6, 8, 12, ...), mean log-likelihood of training rows in nats, and seconds of training until
    /// then, the first step's included and evaluations' not; where the likelihood can be enumerated.
    pub log_likelihoods: Vec<(u32, f64, f64)>,
}

/// Measures what the first line of standard input asks for, and prints one line of JSON, a [`Probe`].
///
/// # Errors
/// When the backend is not there or fails.
pub fn run_probe() -> Result<(), Error> {
    let mut line = String::new();
    let mut input = BufReader::new(std::io::stdin());
    input.read_line(&mut line).map_err(|source| Error::Worker { action: "instruct", source })?;
    thread::spawn(move || {
        // The parent is gone: nobody wants to know.
        let _ = input.read_to_end(&mut Vec::new());
        std::process::exit(130);
    });
    let job: Job = serde_json::from_str(&line)
        .map_err(|error| Error::Broken { path: "standard input".into(), reason: format!("no job: {error}") })?;
    let probe = measure(&job)?;
    let line = serde_json::json!(probe).to_string() + "\n";
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|source| Error::Worker { action: "hear", source })
}

fn measure(job: &Job) -> Result<Probe, Error> {
    let cell = &job.cell;
    let mut data_sets = DataSets::quiet(DataFolders { data_dir: job.data_dir.clone(), cache: job.cache.clone() });
    let data = data_sets.load(&cell.config.data)?;

    let begun = Instant::now();
    let device = rbm_ops::open(job.backend)?;
    rbm_ops::wait_for(&device).map_err(rbm_model::Error::Device)?;
    let start_seconds = begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let (mut trainer, _) = new_trainer(&cell.config, job.backend, &data)?.step()?;
    trainer.parameters()?;
    let first_step_seconds = begun.elapsed().as_secs_f64();

    let mut run = Run {
        job,
        data: &data,
        likelihoods: Vec::new(),
        enumerable: is_enumerable(cell),
        steps: 1,
        trained: Duration::from_secs_f64(first_step_seconds),
    };
    let window = Duration::from_secs_f64(job.seconds / f64::from(WINDOWS));
    let mut samples_per_second = Vec::new();
    for _ in 0..WINDOWS {
        let (next, rate) = run.window(trainer, window)?;
        trainer = next;
        samples_per_second.push(rate);
    }
    let parameters = trainer.parameters()?;
    Ok(Probe {
        start_seconds,
        first_step_seconds,
        samples_per_second,
        steps: run.steps,
        peak_memory_bytes: peak_memory_bytes(),
        agreement: Agreement::measure(trainer.model(), &parameters, &binary_rows(&data))?,
        log_likelihoods: run.likelihoods,
    })
}

/// Whether the likelihood of a cell's machine is followed: one layer is small enough to sum over.
pub fn is_enumerable(cell: &Cell) -> bool {
    cell.data.visible.min(cell.config.model.hidden) <= AUTO_LIMIT
}

/// The first rows, as 0 and 1.
fn binary_rows(data: &Loaded) -> Vec<f64> {
    let visible = data.train.visible();
    let mut rows = vec![0.0; data.train.len().min(AGREEMENT_ROWS) * visible];
    for (index, row) in rows.chunks_exact_mut(visible).enumerate() {
        data.train.row(index, row);
        row.iter_mut().for_each(|value| *value = value.round());
    }
    rows
}

/// Training in steady state.
struct Run<'a> {
    job: &'a Job,
    data: &'a Loaded,
    likelihoods: Vec<(u32, f64, f64)>,
    /// Whether the first training's likelihood is followed.
    enumerable: bool,
    steps: u64,
    /// Time of the windows that are over, and of the first step.
    trained: Duration,
}

impl Run<'_> {
    /// Trains for so long, anew where the config's epochs are over; the rows a second. Evaluations do not count.
    fn window(&mut self, mut trainer: Trainer, length: Duration) -> Result<(Trainer, f64), Error> {
        let epochs = self.job.cell.config.train.epochs;
        let (mut time, mut rows) = (Duration::ZERO, 0);
        let mut begun = Instant::now();
        loop {
            if trainer.is_finished() {
                self.enumerable = false; // what comes after the end is the same again
                time += begun.elapsed();
                trainer = new_trainer(&self.job.cell.config, self.job.backend, self.data)?;
                begun = Instant::now();
            }
            let (next, info) = trainer.step()?;
            trainer = next;
            rows += info.rows;
            self.steps += 1;
            if info.ended_epoch && self.enumerable && Every::Log.evaluates(info.epoch, epochs) {
                trainer.parameters()?;
                time += begun.elapsed();
                self.evaluate(&trainer, (self.trained + time).as_secs_f64())?;
                begun = Instant::now();
            }
            if time + begun.elapsed() >= length {
                trainer.parameters()?; // waits for the device
                time += begun.elapsed();
                self.trained += time;
                return Ok((trainer, rows as f64 / time.as_secs_f64()));
            }
        }
    }

    fn evaluate(&mut self, trainer: &Trainer, seconds: f64) -> Result<(), Error> {
        let config = &self.job.cell.config;
        let wanted = EvaluateConfig { metrics: Vec::new(), log_z: LogZ::Exact, ..EvaluateConfig::default() };
        let at = At { step: trainer.steps(), epoch: trainer.epoch() };
        let parameters = trainer.parameters()?;
        let trained = Trained {
            parameters: &parameters,
            rbm: trainer.model(),
            gradient_norm: None,
            swap_acceptance: None,
            negative_phase: NegativePhase::Exact,
            trajectory: None,
        };
        let rows = evaluate_training(&wanted, &config.model, trained, &self.data.data, at, 0)?;
        let wanted = |row: &&rbm_eval::MetricRow| row.metric == Metric::LogLikelihood && row.split == SplitName::Train;
        self.likelihoods.extend(rows.iter().find(wanted).map(|row| (trainer.epoch(), row.value, seconds)));
        Ok(())
    }
}
