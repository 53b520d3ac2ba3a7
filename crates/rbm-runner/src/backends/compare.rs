//! One process for each setting of a backend, one after another.

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rbm_data::DataFolders;
use serde::Serialize;

use super::{Probe, Setting, probe::Job};
use crate::{Error, StopFlag, plan::Cell};

/// A driver that hangs is given so long beyond the time of training: software drivers compile kernels for a minute.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How to measure.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// The program, mostly `std::env::current_exe()`.
    pub program: PathBuf,
    /// Arguments that make it call [`super::run_probe`].
    pub args: Vec<OsString>,
    /// Where data are looked for.
    pub folders: DataFolders,
    /// Seconds of training for each setting.
    pub seconds: f64,
}

/// What came of a setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendResult {
    /// The backend with its kernels and threads.
    #[serde(flatten)]
    pub setting: Setting,
    /// What was measured; none where `reason` says why not.
    pub measured: Option<Probe>,
    /// Whether it was tried and failed.
    pub failed: bool,
    /// Seconds of training to the stated likelihood, where one is stated and it was reached.
    pub time_to_likelihood: Option<f64>,
    /// The epoch that it was measured after.
    pub epoch_of_likelihood: Option<u32>,
}

impl BackendResult {
    /// Before a likelihood is stated.
    pub(super) fn new(setting: Setting, measured: Option<Probe>, failed: bool) -> Self {
        Self { setting, measured, failed, time_to_likelihood: None, epoch_of_likelihood: None }
    }
}

/// Trains `cell` with each setting that can be used, in a process of its own: a driver that crashes takes nothing
/// along.
///
/// # Errors
/// When a process cannot be started.
pub fn compare_backends(
    cell: &Cell,
    settings: Vec<Setting>,
    options: &ProbeOptions,
    stop: &StopFlag,
    mut begin: impl FnMut(&Setting),
) -> Result<Vec<BackendResult>, Error> {
    let mut results = Vec::new();
    for mut setting in settings {
        let (Some(kernels), None, false) = (setting.kernels, &setting.available.reason, stop.is_stopped()) else {
            results.push(BackendResult::new(setting, None, false));
            continue;
        };
        begin(&setting);
        let mut cell = cell.clone();
        cell.config.run.kernels = kernels;
        let job = Job {
            cell,
            backend: setting.available.backend,
            seconds: options.seconds,
            data_dir: options.folders.data_dir.clone(),
            cache: options.folders.cache.clone(),
        };
        let measured = match measure(&job, setting.threads, options, stop)? {
            Ok(probe) => Some(probe),
            Err(reason) => {
                setting.available.reason = Some(reason);
                None
            }
        };
        let failed = measured.is_none();
        results.push(BackendResult::new(setting, measured, failed));
    }
    Ok(results)
}

/// Runs one process to its end: what it measured, or why it did not.
fn measure(
    job: &Job,
    threads: Option<usize>,
    options: &ProbeOptions,
    stop: &StopFlag,
) -> Result<Result<Probe, String>, Error> {
    let mut command = Command::new(&options.program);
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads.to_string()).env("MATMUL_NUM_THREADS", threads.to_string());
    }
    let mut process = command
        .args(&options.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Worker { action: "start", source })?;
    // Kept open to the end: should this process die, its end tells the other.
    let mut input = process.stdin.take();
    if let Some(input) = &mut input {
        let _ = input.write_all(format!("{}\n", serde_json::json!(job)).as_bytes()).and_then(|()| input.flush());
    }
    let listen = |stream: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stream.map(|mut stream| stream.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = listen(process.stdout.take().map(|stream| Box::new(stream) as _));
    let said = listen(process.stderr.take().map(|stream| Box::new(stream) as _));
    let begun = Instant::now();
    let limit = PATIENCE + Duration::from_secs_f64(job.seconds);
    let mut ended_for = None;
    let status = loop {
        let looked = process.try_wait().map_err(|source| Error::Worker { action: "wait for", source })?;
        if let Some(status) = looked {
            break status;
        }
        if stop.is_stopped() {
            ended_for = Some("stopped".to_owned());
        } else if begun.elapsed() > limit {
            ended_for = Some(format!("it did not answer within {} s", limit.as_secs()));
        }
        if ended_for.is_some() {
            let _ = process.kill();
        }
        thread::sleep(LOOK);
    };
    drop(input);
    let out = out.join().unwrap_or_default();
    let said = said.join().unwrap_or_default();
    if let Some(reason) = ended_for {
        return Ok(Err(reason));
    }
    Ok(serde_json::from_str(&out).map_err(|_| {
        let line = said.lines().find(|line| line.contains("error:") || line.contains("panicked"));
        let line = line.or_else(|| said.lines().rfind(|line| !line.trim().is_empty())).unwrap_or("it said nothing");
        format!("it failed ({status}): {}", line.trim())
    }))
}
