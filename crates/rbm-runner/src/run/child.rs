//! A worker as a child process: its job is the first line of its standard input, whose end is the wish to stop; what
//! happens goes out as lines of JSON.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    thread,
    time::Duration,
};

use rbm_data::DataFolders;
use serde::{Deserialize, Serialize};

use super::{Event, Observer, StopFlag, Summary, TableWriters, WorkerOptions, run_worker};
use crate::{
    Error,
    plan::{Cell, Plan},
};

/// After its parent is gone, a worker that has not stopped by itself is ended: long enough for the slowest step,
/// evaluation and checkpoint.
const GRACE: Duration = Duration::from_secs(60);

/// What the parent asks of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) plan_name: String,
    pub(super) plan_hash: String,
    pub(super) cells: Vec<Cell>,
    pub(super) results: PathBuf,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) cache: PathBuf,
    pub(super) allow_mixed: bool,
    /// Indices of cells that are computed alone.
    pub(super) alone: Vec<usize>,
}

/// The body of a worker process that [`super::run_local`] started: what the binary calls in a hidden command.
///
/// The end of standard input, which also comes when the parent is killed, makes it stop at the next step with a
/// checkpoint.
///
/// # Errors
/// When the job cannot be read, or the results folder cannot be used.
pub fn run_child(tables: TableWriters<'_>) -> Result<Summary, Error> {
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    input.read_line(&mut line).map_err(|source| Error::Worker { action: "instruct", source })?;
    let job: Job = serde_json::from_str(&line).map_err(|error| Error::Broken {
        path: "standard input".into(),
        reason: format!("no job for a worker: {error}"),
    })?;
    let stop = StopFlag::new();
    let at_end = stop.clone();
    thread::spawn(move || {
        let _ = input.read_to_end(&mut Vec::new());
        at_end.stop();
        thread::sleep(GRACE);
        std::process::exit(130);
    });
    let plan = Plan { name: job.plan_name, hash12: job.plan_hash, cells: job.cells };
    let options = WorkerOptions {
        results: job.results,
        folders: DataFolders { data_dir: job.data_dir, cache: job.cache },
        retry_failed: false, // the parent has cleared the markers of those to be tried again
        allow_mixed: job.allow_mixed,
        alone: job.alone,
    };
    // On a thread of the pool: work that is shared from outside it is handed over, and waited for asleep, each time.
    rayon::scope(|_| run_worker(&plan, None, &options, &stop, &mut Lines { stop: stop.clone() }, tables))
}

/// Writes each event as one line; a parent that no longer listens is a wish to stop.
struct Lines {
    stop: StopFlag,
}

impl Observer for Lines {
    fn event(&mut self, event: &Event) {
        let mut line = serde_json::json!(event).to_string();
        line.push('\n');
        let mut out = std::io::stdout().lock();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.stop.stop();
        }
    }
}
