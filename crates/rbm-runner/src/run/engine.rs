//! The local engine: a pool of worker processes, which die with their parent.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use rbm_store::{CellState, Results, Terminal};

use super::{
    Event, Observer, Outcome, StopFlag, Summary, WorkerOptions, batch::batches, child::Job, machine::cores,
    worker::skip_reason,
};
use crate::{
    Error,
    config::Count,
    plan::{Cell, Plan},
};

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A cell whose worker crashes so often is given up: `FAILED`, and the others go on.
const CRASHES_OF_A_CELL: u32 = 2;

/// So many crashes of one worker with no cell in hand end it: something is wrong that is no cell's fault.
const IDLE_CRASHES: u32 = 2;

/// How to start workers.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The program, mostly `std::env::current_exe()`.
    pub program: PathBuf,
    /// Arguments that make it call [`super::run_child`].
    pub args: Vec<OsString>,
    /// Worker processes; automatic: as many as cores, at most as many as cells left.
    pub workers: Count,
    /// Threads of each; automatic: the cores divided by the workers.
    pub threads: Count,
    /// What each worker needs to know.
    pub worker: WorkerOptions,
}

/// Computes what is left of a plan in worker processes.
///
/// Each is a process group of its own, so that Ctrl-C reaches the parent alone. When `stop` is raised, the workers'
/// inputs are closed: each stops at its next step with a checkpoint. The same happens when the parent dies, even if it
/// is killed. A worker that crashes is started again and loses the cell in hand since its last checkpoint; a cell in
/// which workers crash twice is marked as failed.
///
/// # Errors
/// When no worker can be started, or the results folder cannot be used.
pub fn run_local(
    plan: &Plan,
    options: &EngineOptions,
    stop: &StopFlag,
    observer: &mut dyn Observer,
) -> Result<Summary, Error> {
    let results = Results::open(&options.worker.results)?;
    let mut summary = Summary::default();
    let mut left: Vec<Cell> = Vec::new();
    for cell in &plan.cells {
        match skip_reason(cell, &results, options.worker.retry_failed)? {
            Some(reason) => {
                let (index, name) = (cell.index, cell.name.clone());
                observer.event(&Event::CellSkipped { index, name, reason: reason.clone() });
                summary.add_skipped(index, reason);
            }
            None => left.push(cell.clone()),
        }
    }
    if left.is_empty() || stop.is_stopped() {
        summary.left.extend(left.iter().map(|cell| cell.index));
        return Ok(summary);
    }
    prepare(&left, &results)?;
    // Cells side by side on one GPU are one worker's.
    let batches = batches(&left.iter().collect::<Vec<_>>(), &[]).len();
    let workers = options.workers.or(cores().min(batches)).min(left.len());
    let threads = options.threads.or(cores() / workers);
    let job = Job {
        plan_name: plan.name.clone(),
        plan_hash: plan.hash12.clone(),
        cells: left,
        results: options.worker.results.clone(),
        data_dir: options.worker.folders.data_dir.clone(),
        cache: options.worker.folders.cache.clone(),
        allow_mixed: options.worker.allow_mixed,
        alone: Vec::new(),
    };
    let pool = Pool {
        options,
        threads,
        job: &job,
        cells: &job.cells,
        results: &results,
        workers: Vec::new(),
        crashes: BTreeMap::new(),
        ends: BTreeMap::new(),
    };
    let ends = pool.run(workers, stop, observer)?;
    for cell in &job.cells {
        match ends.get(&cell.index) {
            Some(outcome) => summary.add(cell.index, outcome.clone()),
            // Computed by another sweep's worker meanwhile, or not at all.
            None => match skip_reason(cell, &results, false)? {
                Some(reason) => summary.add_skipped(cell.index, reason),
                None => summary.left.push(cell.index),
            },
        }
    }
    Ok(summary)
}

/// Takes the markers off cells that failed and are to be tried again, here, once: were it left to the workers, each
/// would try them. Tells in one error, before any worker starts, that the disk has no locks.
fn prepare(left: &[Cell], results: &Results) -> Result<(), Error> {
    for cell in left {
        let folder = results.cell(&cell.id);
        if matches!(folder.state(), Ok(CellState::Failed))
            && let Ok(Some(lease)) = folder.try_lease()
        {
            // One that cannot be cleared is told of when a worker comes to it.
            let _ = lease.clear_markers();
        }
    }
    match left.first().map(|cell| results.cell(&cell.id).try_lease()) {
        Some(Err(error @ rbm_store::Error::LocksUnsupported { .. })) => Err(error.into()),
        _ => Ok(()),
    }
}

/// What the threads that listen to workers send.
enum Message {
    Event(usize, Event),
    Ended(usize),
}

struct Worker {
    process: Child,
    /// Closing it asks the worker to stop.
    input: Option<ChildStdin>,
    /// Crashes with no cell in hand.
    idle_crashes: u32,
    runs: bool,
    /// The cells in hand: their indices in the plan.
    cells: BTreeSet<usize>,
}

struct Pool<'a> {
    options: &'a EngineOptions,
    threads: usize,
    job: &'a Job,
    cells: &'a [Cell],
    results: &'a Results,
    workers: Vec<Worker>,
    /// How often workers crashed in a cell, by its index.
    crashes: BTreeMap<usize, u32>,
    /// What became of the cells, by their indices.
    ends: BTreeMap<usize, Outcome>,
}

impl Pool<'_> {
    /// Runs the workers to their ends; what became of each cell that one of them ended.
    fn run(
        mut self,
        count: usize,
        stop: &StopFlag,
        observer: &mut dyn Observer,
    ) -> Result<BTreeMap<usize, Outcome>, Error> {
        let (sender, receiver) = mpsc::channel();
        for at in 0..count {
            let worker = self.start(at, &sender)?;
            self.workers.push(worker);
        }
        let mut stopping = false;
        while self.workers.iter().any(|worker| worker.runs) {
            if !stopping && stop.is_stopped() {
                stopping = true;
                self.workers.iter_mut().for_each(|worker| worker.input = None);
            }
            match receiver.recv_timeout(LOOK) {
                Ok(Message::Event(at, event)) => self.hear(at, event, observer),
                Ok(Message::Ended(at)) => self.ended(at, stopping, &sender, observer)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(self.ends)
    }

    fn hear(&mut self, at: usize, event: Event, observer: &mut dyn Observer) {
        match &event {
            Event::CellTaken { index } => {
                self.workers[at].cells.insert(*index);
                return;
            }
            Event::CellFinished { index, outcome, .. } => {
                self.workers[at].cells.remove(index);
                if self.ends.insert(*index, outcome.clone()).as_ref() == Some(outcome) {
                    return; // two workers found the same
                }
            }
            // One worker's work is what the others find done; it was told already.
            Event::CellSkipped { .. } => return,
            Event::Waiting { indices, .. } => {
                let ours = |index: &usize| self.workers.iter().any(|worker| worker.cells.contains(index));
                if indices.iter().all(|index| ours(index) || self.ends.contains_key(index)) {
                    return; // one worker waits for another of this sweep
                }
            }
            _ => {}
        }
        observer.event(&event);
    }

    /// A worker's output has ended: it is at its end, or crashed, and is then started again.
    fn ended(
        &mut self,
        at: usize,
        stopping: bool,
        sender: &Sender<Message>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let worker = &mut self.workers[at];
        worker.runs = false;
        worker.input = None;
        let status = worker.process.wait().map_err(|source| Error::Worker { action: "wait for", source })?;
        if !crashed(status) || stopping {
            return Ok(());
        }
        let (cells, idle_crashes) = (std::mem::take(&mut worker.cells), worker.idle_crashes);
        let all = self.cells;
        let cells: Vec<&Cell> = all.iter().filter(|cell| cells.contains(&cell.index)).collect();
        let mut given_up = false;
        for cell in &cells {
            given_up |= self.crashed_in(cell, status, observer)?;
        }
        let place = match &cells[..] {
            [] => String::new(),
            [cell] => format!(" in the cell {}", cell.name),
            [cell, ..] => format!(" in {} cells side by side, first {}", cells.len(), cell.name),
        };
        let idle_crashes = idle_crashes + u32::from(cells.is_empty());
        let again = idle_crashes < IDLE_CRASHES;
        let then = match (given_up, again) {
            (true, _) => "the cell is given up, the others go on",
            (false, true) if cells.len() > 1 => "it is started again, with each of them alone",
            (false, true) => "it is started again",
            (false, false) => "it is not started again",
        };
        observer.event(&Event::Note { text: format!("a worker crashed{place} ({status}); {then}") });
        if again {
            let worker = self.start(at, sender)?;
            self.workers[at] = Worker { idle_crashes, ..worker };
        }
        Ok(())
    }

    /// Counts a crash in a cell; at the last one allowed the cell is marked as failed. Whether it was.
    fn crashed_in(&mut self, cell: &Cell, status: ExitStatus, observer: &mut dyn Observer) -> Result<bool, Error> {
        let crashes = self.crashes.entry(cell.index).or_insert(0);
        *crashes += 1;
        if *crashes < CRASHES_OF_A_CELL {
            return Ok(false);
        }
        // Another sweep may have taken it over meanwhile: then it is theirs.
        let Some(lease) = self.results.cell(&cell.id).try_lease()? else { return Ok(false) };
        let message = format!("its worker crashed {crashes} times, at last with {status}; out of memory, perhaps");
        lease.finish(Terminal::Failed, Some(&message), &[])?;
        let outcome = Outcome::Failed { message };
        self.ends.insert(cell.index, outcome.clone());
        let (index, name) = (cell.index, cell.name.clone());
        observer.event(&Event::CellFinished { index, name, outcome, seconds: 0.0 });
        Ok(true)
    }

    fn start(&self, at: usize, sender: &Sender<Message>) -> Result<Worker, Error> {
        let failed = |source| Error::Worker { action: "start", source };
        let mut command = Command::new(&self.options.program);
        command
            .args(&self.options.args)
            .env("RAYON_NUM_THREADS", self.threads.to_string())
            .env("MATMUL_NUM_THREADS", self.threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(failed)?;
        let mut input = process.stdin.take();
        if let Some(input) = &mut input {
            // A worker that died at once is dealt with when its output ends.
            let alone: Vec<usize> = self.crashes.keys().copied().collect();
            let line = format!("{}\n", serde_json::json!(Job { alone, ..self.job.clone() }));
            let _ = input.write_all(line.as_bytes()).and_then(|()| input.flush());
        }
        if let Some(output) = process.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines() {
                    let Ok(line) = line else { break };
                    if let Ok(event) = serde_json::from_str(&line) {
                        let _ = sender.send(Message::Event(at, event));
                    }
                }
                let _ = sender.send(Message::Ended(at));
            });
        }
        Ok(Worker { process, input, idle_crashes: 0, runs: true, cells: BTreeSet::new() })
    }
}

/// Whether a signal or a bug ended the process; a worker that came to its end, or refused to begin, says so by its
/// code.
fn crashed(status: ExitStatus) -> bool {
    !matches!(status.code(), Some(0 | 1 | 2 | 130))
}
