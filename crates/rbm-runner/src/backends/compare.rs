//! One process for each backend, one after another.

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rbm_data::DataFolders;
use rbm_ops::Available;
use serde::Serialize;

use super::{Probe, probe::Job};
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
    /// Seconds of training for each backend.
    pub seconds: f64,
}

/// What came of a backend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendResult {
    /// The backend and its device.
    #[serde(flatten)]
    pub available: Available,
    /// What was measured; none where `reason` says why not.
    pub measured: Option<Probe>,
    /// Whether it was tried and failed.
    pub failed: bool,
}

/// Trains `cell` on each backend that can be used, in a process of its own: a driver that crashes takes nothing along.
///
/// # Errors
/// When a process cannot be started.
pub fn compare_backends(
    cell: &Cell,
    backends: Vec<Available>,
    options: &ProbeOptions,
    stop: &StopFlag,
    mut begin: impl FnMut(&Available),
) -> Result<Vec<BackendResult>, Error> {
    let mut results = Vec::new();
    for mut available in backends {
        let no_f64 = cell.config.train.precision == rbm_train::Precision::F64 && !available.backend.has_f64();
        if no_f64 && available.reason.is_none() {
            available.reason = Some("it has no f64, which [train] precision asks for".into());
        }
        if available.reason.is_some() || stop.is_stopped() {
            results.push(BackendResult { available, measured: None, failed: false });
            continue;
        }
        begin(&available);
        let job = Job {
            cell: cell.clone(),
            backend: available.backend,
            seconds: options.seconds,
            data_dir: options.folders.data_dir.clone(),
            cache: options.folders.cache.clone(),
        };
        let measured = match measure(&job, options, stop)? {
            Ok(probe) => Some(probe),
            Err(reason) => {
                available.reason = Some(reason);
                None
            }
        };
        let failed = measured.is_none();
        results.push(BackendResult { available, measured, failed });
    }
    Ok(results)
}

/// Runs one process to its end: what it measured, or why it did not.
fn measure(job: &Job, options: &ProbeOptions, stop: &StopFlag) -> Result<Result<Probe, String>, Error> {
    let mut process = Command::new(&options.program)
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
