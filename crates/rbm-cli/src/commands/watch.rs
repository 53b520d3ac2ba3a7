//! `rbm status DIR --watch`: a live table of a sweep, from the files alone.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use console::Term;
use rbm_report::MetricPoint;
use rbm_runner::{CellStatus, Depth, Plan, StopFlag, status};
use rbm_store::{CellState, Results, SweepFolder, parse_rfc3339};

use crate::{
    commands::DONE,
    context::{Context, print},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    outcome::counts,
    tables::{last_values, metrics_of},
    text,
};

/// The metrics of the table, those that were measured.
const COLUMNS: [&str; 3] = ["log-likelihood", "pseudo-likelihood", "reconstruction-error"];
/// After so long without a cell at work the watch ends: its parent may have died, or have been interrupted.
const IDLE: Duration = Duration::from_secs(10);
/// Cells are left.
const IDLE_CODE: u8 = 1;
/// Lines that are not cells: the headings, the sum, and the one the cursor stands in.
const OTHER_LINES: usize = 4;

/// Shows the sweep's cells until all have ended, nobody works on them, or Ctrl-C; where standard output is no terminal, once a change.
pub(crate) fn watch(context: &Context, folder: &SweepFolder, every: Duration) -> Result<u8, Failure> {
    let plan = Plan::open(folder.path())?;
    let term = Term::stdout();
    let stop = StopFlag::new();
    interrupt::listen_quietly(&stop)?;
    let mut ended: BTreeMap<usize, Vec<MetricPoint>> = BTreeMap::new();
    let mut drawn = String::new();
    let mut idle_since = None;
    loop {
        let cells = status(&plan, folder.results().path(), Depth::Lengths)?;
        let rows = if term.is_term() { usize::from(term.size().0).saturating_sub(OTHER_LINES).max(1) } else { 1000 };
        let metrics = |cell: &CellStatus| match ended.get(&cell.index) {
            Some(known) => known.clone(),
            None => last_of(folder.results(), cell),
        };
        let known: Vec<Vec<MetricPoint>> = cells.iter().map(metrics).collect();
        for (cell, last) in cells.iter().zip(&known).filter(|(cell, _)| is_over(cell.state)) {
            ended.entry(cell.index).or_insert_with(|| last.clone());
        }
        let now = SystemTime::now();
        let mut text = page(folder.path(), &plan, &cells, &known, now, rows, context.colored);
        if term.is_term() {
            // A line that wraps would not be cleared whole.
            let width = usize::from(term.size().1).saturating_sub(1).max(20);
            text = text.lines().map(|line| format!("{}\n", console::truncate_str(line, width, "…"))).collect();
        }
        if text != drawn {
            if term.is_term() {
                let lines = drawn.lines().count();
                term.clear_last_lines(lines).and_then(|()| term.write_str(&text)).map_err(screen)?;
            } else {
                print(&text)?;
            }
            drawn = text;
        }
        if cells.iter().all(|cell| is_over(cell.state)) {
            return Ok(DONE);
        }
        if cells.iter().any(|cell| cell.state == CellState::Running) {
            idle_since = None;
        } else if idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE {
            let name = plan.name.as_str();
            context
                .screen
                .warn(&format!("nobody works on it; to go on, run the config of {name} again: rbm sweep CONFIG"));
            return Ok(IDLE_CODE);
        }
        let mut waited = Duration::ZERO;
        while waited < every {
            if stop.is_stopped() {
                return Ok(INTERRUPTED);
            }
            let nap = Duration::from_millis(50).min(every - waited);
            thread::sleep(nap);
            waited += nap;
        }
    }
}

fn screen(error: std::io::Error) -> Failure {
    Failure::machine(format!("failed to write to the terminal: {error}"))
}

fn is_over(state: CellState) -> bool {
    matches!(state, CellState::Done | CellState::Failed | CellState::Diverged)
}

fn last_of(results: &Results, cell: &CellStatus) -> Vec<MetricPoint> {
    // A broken table is no reason not to show the others.
    let points = metrics_of(&results.cell(&cell.id), cell.state).unwrap_or_default();
    last_values(&points).into_iter().cloned().collect()
}

/// Seconds of work, those since the record was written included; a clock that was set back adds none.
fn seconds_so_far(cell: &CellStatus, now: SystemTime) -> f64 {
    let since = match (cell.state, cell.updated.as_deref().and_then(parse_rfc3339)) {
        (CellState::Running, Some(updated)) => now.duration_since(updated).map_or(0.0, |since| since.as_secs_f64()),
        _ => 0.0,
    };
    cell.wall_seconds + since
}

/// Epochs a second of a cell under way.
fn rate(cell: &CellStatus, now: SystemTime) -> Option<f64> {
    let seconds = seconds_so_far(cell, now);
    let epoch = cell.epoch.filter(|epoch| *epoch > 0)?;
    (seconds > 0.0).then(|| f64::from(epoch) / seconds)
}

/// Seconds until all is done: what is left by the plan's estimates, at the speed of what was done, over the cells at work.
fn time_left(plan: &Plan, cells: &[CellStatus], now: SystemTime) -> Option<f64> {
    let (mut estimated, mut taken, mut left) = (0.0, 0.0, 0.0);
    for (cell, planned) in cells.iter().zip(&plan.cells) {
        let whole = planned.estimate().seconds;
        let share = match cell.state {
            CellState::Done => 1.0,
            CellState::Failed | CellState::Diverged => continue,
            _ => f64::from(cell.epoch.unwrap_or(0)) / f64::from(cell.epochs),
        };
        if share > 0.0 {
            estimated += whole * share;
            taken += seconds_so_far(cell, now);
        }
        left += whole * (1.0 - share);
    }
    let running = cells.iter().filter(|cell| cell.state == CellState::Running).count();
    (running > 0 && estimated > 0.0 && taken > 0.0).then(|| left * (taken / estimated) / running as f64)
}

fn page(
    folder: &Path,
    plan: &Plan,
    cells: &[CellStatus],
    metrics: &[Vec<MetricPoint>],
    now: SystemTime,
    rows: usize,
    colored: bool,
) -> String {
    let value = |index: usize, metric: &str| {
        metrics[index].iter().find(|point| point.metric == metric && point.split == "train").map(|point| point.value)
    };
    let columns: Vec<&str> =
        COLUMNS.into_iter().filter(|name| (0..cells.len()).any(|index| value(index, name).is_some())).collect();
    let mut order: Vec<usize> = (0..cells.len()).collect();
    let urgency = |state| match state {
        CellState::Running => 0,
        CellState::Failed | CellState::Diverged => 1,
        CellState::Interrupted => 2,
        CellState::Pending => 3,
        CellState::Done => 4,
    };
    order.sort_by_key(|&index| urgency(cells[index].state));
    let shown: Vec<Vec<String>> = (order.iter().take(rows))
        .map(|&index| {
            let cell = &cells[index];
            let epoch = if cell.state == CellState::Done { Some(cell.epochs) } else { cell.epoch };
            let speed = rate(cell, now).filter(|_| cell.state == CellState::Running);
            let left = speed.map(|speed| f64::from(cell.epochs - cell.epoch.unwrap_or(0)) / speed);
            let mut row = vec![
                cell.name.clone(),
                text::state(cell.state, colored),
                epoch.map_or_else(|| "-".into(), |epoch| format!("{epoch}/{}", cell.epochs)),
                text::seconds(seconds_so_far(cell, now)),
                speed.map_or_else(|| "-".into(), |speed| text::number(speed * 60.0)),
                left.map_or_else(|| "-".into(), text::seconds),
            ];
            row.extend(columns.iter().map(|name| value(index, name).map_or("-".into(), text::number)));
            row
        })
        .collect();
    let headings = ["cell", "state", "epochs", "time", "epochs/min", "left"];
    let headings: Vec<&str> = headings.into_iter().chain(columns).collect();
    let mut page = text::table(&headings, &shown);
    if cells.len() > rows {
        page.push_str(&format!("... and {} more\n", text::cells(cells.len() - rows)));
    }
    page.push_str(&format!("{}: {}", folder.display(), counts(cells.iter().map(|cell| cell.state))));
    if let Some(left) = time_left(plan, cells, now) {
        page.push_str(&format!("; about {} left", text::seconds(left)));
    }
    page.push('\n');
    page
}
