//! A worker: takes leases and computes one cell after another.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rbm_data::DataFolders;
use rbm_store::{CellState, Lease, Results, Terminal};

use super::{
    Context, Event, Observer, Outcome, SkipReason, StopFlag, TableWriters,
    execute::{run_cell, with_sources},
};
use crate::{
    Error,
    data_sets::DataSets,
    plan::{Cell, Plan},
};

/// How often a worker that has nothing else to do looks at cells that others hold.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a worker needs to know.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The results folder.
    pub results: PathBuf,
    /// Where data are looked for.
    pub folders: DataFolders,
    /// Whether cells that failed before are tried again.
    pub retry_failed: bool,
    /// Whether cells begun on another kind of processor are gone on with.
    pub allow_mixed: bool,
}

/// What became of the cells of a plan; each index stands in one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Computed to the end now.
    pub computed: Vec<usize>,
    /// Found done.
    pub reused: Vec<usize>,
    /// Failed, now or before, and why.
    pub failed: Vec<(usize, String)>,
    /// Diverged, now or before, and where.
    pub diverged: Vec<(usize, String)>,
    /// Interrupted, or never begun.
    pub left: Vec<usize>,
}

impl Summary {
    /// 0 if every cell is done; 130 if the run was `stopped` with cells left; else 1.
    pub fn exit_code(&self, stopped: bool) -> u8 {
        if stopped && !self.left.is_empty() {
            130
        } else if self.failed.is_empty() && self.diverged.is_empty() && self.left.is_empty() {
            0
        } else {
            1
        }
    }

    pub(super) fn add(&mut self, index: usize, outcome: Outcome) {
        match outcome {
            Outcome::Done => self.computed.push(index),
            Outcome::Interrupted => self.left.push(index),
            Outcome::Failed { message } => self.failed.push((index, message)),
            Outcome::Diverged { message } => self.diverged.push((index, message)),
        }
    }

    pub(super) fn add_skipped(&mut self, index: usize, reason: SkipReason) {
        match reason {
            SkipReason::Done => self.reused.push(index),
            SkipReason::Failed { message } => self.failed.push((index, message)),
            SkipReason::Diverged { message } => self.diverged.push((index, message)),
        }
    }
}

/// Why a cell need not be computed, by what lies on the disk; `None` where it has to be.
///
/// A cell counts as done only if every hash in its marker holds.
pub(super) fn skip_reason(cell: &Cell, results: &Results, retry_failed: bool) -> Result<Option<SkipReason>, Error> {
    let status = match results.cell(&cell.id).verify() {
        Ok(status) => status,
        Err(error @ rbm_store::Error::LocksUnsupported { .. }) => return Err(error.into()),
        // A folder that cannot be understood is one cell's trouble, not that of the others.
        Err(error) => {
            let message = with_sources(&Error::Store(error));
            return Ok(Some(SkipReason::Failed { message }));
        }
    };
    let message = status.marker.and_then(|marker| marker.message).unwrap_or_default();
    Ok(match status.state {
        CellState::Done => Some(SkipReason::Done),
        CellState::Failed if !retry_failed => Some(SkipReason::Failed { message }),
        CellState::Diverged => Some(SkipReason::Diverged { message }),
        _ => None,
    })
}

/// Computes the cells at `indices`, or all, in this process, one after another.
///
/// A cell that another worker holds is left for the end and waited for: it is taken over if its holder dies. An error of
/// one cell does not stop the others.
///
/// # Errors
/// An index beyond the plan, or a results folder that cannot be used at all.
pub fn run_worker(
    plan: &Plan,
    indices: Option<&[usize]>,
    options: &WorkerOptions,
    stop: &StopFlag,
    observer: &mut dyn Observer,
    tables: TableWriters<'_>,
) -> Result<Summary, Error> {
    let mut cells: Vec<&Cell> = match indices {
        None => plan.cells.iter().collect(),
        Some(indices) => indices.iter().map(|&index| find(plan, index)).collect::<Result<_, _>>()?,
    };
    let mut worker = Worker {
        results: Results::open(&options.results)?,
        options,
        data: DataSets::quiet(options.folders.clone()),
        context: Context { stop, allow_mixed: options.allow_mixed, tables },
        observer,
        summary: Summary::default(),
    };
    let mut first_round = true;
    while !cells.is_empty() && !stop.is_stopped() {
        if !first_round {
            thread::sleep(LOOK_AGAIN);
        }
        let mut held = Vec::new();
        for cell in cells {
            if stop.is_stopped() || !worker.take(cell)? {
                held.push(cell);
            }
        }
        cells = held;
        if first_round && !stop.is_stopped() {
            worker.tell_of_held(&cells);
        }
        first_round = false;
    }
    let Worker { mut summary, .. } = worker;
    summary.left.extend(cells.iter().map(|cell| cell.index));
    Ok(summary)
}

fn find(plan: &Plan, index: usize) -> Result<&Cell, Error> {
    let last = plan.cells.len().saturating_sub(1);
    plan.cells.iter().find(|cell| cell.index == index).ok_or(Error::Index { index, last })
}

struct Worker<'a> {
    results: Results,
    options: &'a WorkerOptions,
    data: DataSets,
    context: Context<'a>,
    observer: &'a mut dyn Observer,
    summary: Summary,
}

impl Worker<'_> {
    /// Deals with a cell; false if another worker holds it.
    fn take(&mut self, cell: &Cell) -> Result<bool, Error> {
        if self.skip(cell)? {
            return Ok(true);
        }
        let lease = match self.results.cell(&cell.id).try_lease() {
            Ok(Some(lease)) => lease,
            Ok(None) => return Ok(false),
            Err(error @ rbm_store::Error::LocksUnsupported { .. }) => return Err(error.into()),
            // A folder that cannot be written is one cell's trouble, not that of the others.
            Err(error) => {
                self.finished(cell, Outcome::Failed { message: with_sources(&Error::Store(error)) }, 0.0);
                return Ok(true);
            }
        };
        // Its last holder may have ended it in between.
        if self.skip(cell)? {
            return Ok(true);
        }
        self.observer.event(&Event::CellTaken { index: cell.index });
        let begun = Instant::now();
        let outcome = self.compute(cell, &lease);
        drop(lease);
        self.finished(cell, outcome, begun.elapsed().as_secs_f64());
        Ok(true)
    }

    fn finished(&mut self, cell: &Cell, outcome: Outcome, seconds: f64) {
        let (index, name) = (cell.index, cell.name.clone());
        self.observer.event(&Event::CellFinished { index, name, outcome: outcome.clone(), seconds });
        self.summary.add(index, outcome);
    }

    fn skip(&mut self, cell: &Cell) -> Result<bool, Error> {
        let Some(reason) = skip_reason(cell, &self.results, self.options.retry_failed)? else { return Ok(false) };
        let (index, name) = (cell.index, cell.name.clone());
        self.observer.event(&Event::CellSkipped { index, name, reason: reason.clone() });
        self.summary.add_skipped(index, reason);
        Ok(true)
    }

    /// A failure of one cell, even a bug of ours, must not take the others along.
    fn compute(&mut self, cell: &Cell, lease: &Lease) -> Outcome {
        let run = || -> Result<Outcome, Error> {
            let data = self.data.load_planned(&cell.config.data, &cell.data.digest)?;
            if data.data.digest != cell.data.digest {
                return Err(Error::DataChanged);
            }
            run_cell(cell, lease, &data, &self.context, self.observer)
        };
        let message = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(outcome)) => return outcome,
            // The disk, not the cell, is at fault: no marker, so that the cell goes on when there is room again.
            Ok(Err(error @ Error::Store(_))) => return Outcome::Failed { message: with_sources(&error) },
            Ok(Err(error)) => with_sources(&error),
            Err(panic) => format!("stopped by a bug in rbm: {}", panic_text(panic.as_ref())),
        };
        let _ = lease.finish(Terminal::Failed, Some(&message), &[]);
        Outcome::Failed { message }
    }

    fn tell_of_held(&mut self, cells: &[&Cell]) {
        let Some(first) = cells.first() else { return };
        let holder = self.results.cell(&first.id).holder();
        let who = holder.map(|holder| format!(" (process {} on {})", holder.pid, holder.host)).unwrap_or_default();
        let cells_are = if cells.len() == 1 { "the cell".into() } else { format!("{} cells, first", cells.len()) };
        let text = format!("waiting for {cells_are} {}, computed by others{who}", first.name);
        let indices = cells.iter().map(|cell| cell.index).collect();
        self.observer.event(&Event::Waiting { indices, text });
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".into())
}
