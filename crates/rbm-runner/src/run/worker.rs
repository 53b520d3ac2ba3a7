//! A worker: takes leases and computes one cell, or one batch of cells, after another.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rbm_data::DataFolders;
use rbm_store::{CellState, Lease, Results, Terminal};

use super::{
    Cohort, Context, Event, Observer, Outcome, Seat, SkipReason, StopFlag, TableWriters,
    batch::batches,
    execute::{run_cell, with_sources},
};
use crate::{
    Error,
    data_sets::{DataSets, Loaded},
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
    /// Indices of cells that are computed alone, not side by side with others: a worker crashed in them.
    pub alone: Vec<usize>,
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

/// Computes the cells at `indices`, or all, in this process, one after another or in batches side by side.
///
/// A cell that another worker holds is left for the end and waited for: it is taken over if its holder dies. An error
/// of one cell does not stop the others.
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
        stop,
        tables,
        observer,
        summary: Summary::default(),
    };
    let mut first_round = true;
    while !cells.is_empty() && !stop.is_stopped() {
        if !first_round {
            thread::sleep(LOOK_AGAIN);
        }
        let mut held = Vec::new();
        for batch in batches(&cells, &options.alone) {
            if stop.is_stopped() {
                held.extend(batch);
            } else {
                held.extend(worker.take(&batch)?);
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
    stop: &'a StopFlag,
    tables: TableWriters<'a>,
    observer: &'a mut dyn Observer,
    summary: Summary,
}

impl Worker<'_> {
    /// Deals with cells, those that can be taken side by side; returns those that other workers hold.
    fn take<'c>(&mut self, cells: &[&'c Cell]) -> Result<Vec<&'c Cell>, Error> {
        let (mut held, mut taken) = (Vec::new(), Vec::new());
        for cell in cells {
            if self.skip(cell)? {
                continue;
            }
            let lease = match self.results.cell(&cell.id).try_lease() {
                Ok(Some(lease)) => lease,
                Ok(None) => {
                    held.push(*cell);
                    continue;
                }
                Err(error @ rbm_store::Error::LocksUnsupported { .. }) => return Err(error.into()),
                // A folder that cannot be written is one cell's trouble, not that of the others.
                Err(error) => {
                    self.finished(cell, Outcome::Failed { message: with_sources(&Error::Store(error)) }, 0.0);
                    continue;
                }
            };
            // Its last holder may have ended it in between.
            if !self.skip(cell)? {
                self.observer.event(&Event::CellTaken { index: cell.index });
                taken.push((*cell, lease));
            }
        }
        self.compute(taken);
        Ok(held)
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

    /// Computes cells whose leases are held: one alone, or several of one shape side by side, each in a thread.
    fn compute(&mut self, mut taken: Vec<(&Cell, Lease)>) {
        let begun = Instant::now();
        let data = match taken.first() {
            Some((cell, _)) => self.load(cell),
            None => return,
        };
        if taken.len() == 1 {
            let (cell, lease) = taken.remove(0);
            let context = self.context(None);
            let outcome = compute_cell(cell, &lease, &data, &context, self.observer);
            drop(lease);
            self.finished(cell, outcome, begun.elapsed().as_secs_f64());
            return;
        }
        let cohort = Cohort::new(taken.len(), self.stop);
        // Every seat is taken before the first thread: one that cannot be started then leaves its own.
        let seats: Vec<Seat<'_>> = (0..taken.len()).map(|number| cohort.seat(number)).collect();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for ((cell, lease), seat) in taken.into_iter().zip(seats) {
                let (context, data, own) = (self.context(Some(seat)), &data, sender.clone());
                let run = move || {
                    let outcome = compute_cell(cell, &lease, data, &context, &mut Forward(own.clone()));
                    drop((context, lease));
                    let _ = own.send(Told::Ended(cell, outcome));
                };
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, run) {
                    let message = format!("failed to start a thread: {error}");
                    let _ = sender.send(Told::Ended(cell, Outcome::Failed { message }));
                }
            }
            drop(sender);
            for told in receiver {
                match told {
                    Told::Event(event) => self.observer.event(&event),
                    Told::Ended(cell, outcome) => self.finished(cell, outcome, begun.elapsed().as_secs_f64()),
                }
            }
        });
    }

    /// The cell's data, or why there are none.
    fn load(&mut self, cell: &Cell) -> Result<Loaded, String> {
        let load = || -> Result<Loaded, Error> {
            let data = self.data.load(&cell.config.data)?;
            if data.data.digest == cell.data.digest { Ok(data) } else { Err(Error::DataChanged) }
        };
        match catch_unwind(AssertUnwindSafe(load)) {
            Ok(loaded) => loaded.map_err(|error| with_sources(&error)),
            Err(panic) => Err(bug(panic.as_ref())),
        }
    }

    fn context<'c>(&self, seat: Option<Seat<'c>>) -> Context<'c>
    where
        Self: 'c,
    {
        Context { stop: self.stop, allow_mixed: self.options.allow_mixed, tables: self.tables, seat }
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

/// What a thread of a batch tells the worker.
enum Told<'a> {
    Event(Event),
    Ended(&'a Cell, Outcome),
}

struct Forward<'a>(mpsc::Sender<Told<'a>>);

impl Observer for Forward<'_> {
    fn event(&mut self, event: &Event) {
        let _ = self.0.send(Told::Event(event.clone()));
    }
}

/// A failure of one cell, even a bug of ours, must not take the others along.
fn compute_cell(
    cell: &Cell,
    lease: &Lease,
    data: &Result<Loaded, String>,
    context: &Context<'_>,
    observer: &mut dyn Observer,
) -> Outcome {
    let run = || match data {
        Ok(data) => run_cell(cell, lease, data, context, observer).map_err(|error| {
            let on_disk = matches!(error, Error::Store(_));
            (with_sources(&error), on_disk)
        }),
        Err(message) => Err((message.clone(), false)),
    };
    let message = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(outcome)) => return outcome,
        // The disk, not the cell, is at fault: no marker, so that the cell goes on when there is room again.
        Ok(Err((message, true))) => return Outcome::Failed { message },
        Ok(Err((message, false))) => message,
        Err(panic) => bug(panic.as_ref()),
    };
    let _ = lease.finish(Terminal::Failed, Some(&message), &[]);
    Outcome::Failed { message }
}

fn bug(panic: &(dyn Any + Send)) -> String {
    format!("stopped by a bug in rbm: {}", panic_text(panic))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".into())
}
