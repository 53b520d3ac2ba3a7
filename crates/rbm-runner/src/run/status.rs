//! Where the cells of a plan stand, from what lies on the disk alone.

use std::path::Path;

use rbm_eval::MetricRow;
use rbm_store::{CellId, CellState, Holder, Results, Status};
use serde::Serialize;

use super::with_sources;
use crate::{Error, plan::Plan};

/// How closely finished cells are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every file that a marker vouches for is hashed.
    Hashes,
    /// The files' lengths alone: quick, for a screen that is drawn again and again.
    Lengths,
}

/// Where one cell stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellStatus {
    /// Its index in the plan.
    pub index: usize,
    /// Its readable name.
    pub name: String,
    /// Its id.
    pub id: CellId,
    /// Its state.
    pub state: CellState,
    /// Why it failed or diverged, or why its marker does not hold.
    pub message: Option<String>,
    /// The last epoch that was evaluated and is on the disk, of a cell that is not at its end.
    pub epoch: Option<u32>,
    /// Epochs that it takes.
    pub epochs: u32,
    /// How often it was begun.
    pub attempts: u32,
    /// Seconds of work, up to `updated`.
    pub wall_seconds: f64,
    /// When its record was last written (RFC 3339, UTC).
    pub updated: Option<String>,
    /// Who computes it.
    pub holder: Option<Holder>,
}

/// Where each cell of a plan stands; changes nothing.
///
/// # Errors
/// When a folder cannot be read.
pub fn status(plan: &Plan, results: &Path, depth: Depth) -> Result<Vec<CellStatus>, Error> {
    let results = Results::open(results)?;
    plan.cells
        .iter()
        .map(|cell| {
            let folder = results.cell(&cell.id);
            // What cannot be understood is no reason not to show the others.
            let found = match depth {
                Depth::Hashes => folder.verify(),
                Depth::Lengths => folder.glance(),
            };
            let found = found.unwrap_or_else(|error| Status {
                state: CellState::Interrupted,
                marker: None,
                doubts: vec![format!("failed to {}", with_sources(&error))],
            });
            // A record that a crash left unreadable is no reason not to show the others.
            let record = folder.read_run().unwrap_or_default();
            let under_way = matches!(found.state, CellState::Running | CellState::Interrupted);
            let rows: Vec<MetricRow> = if under_way { folder.read_metrics().unwrap_or_default() } else { Vec::new() };
            let doubts = (!found.doubts.is_empty()).then(|| found.doubts.join("; "));
            Ok(CellStatus {
                index: cell.index,
                name: cell.name.clone(),
                id: cell.id.clone(),
                state: found.state,
                message: found.marker.and_then(|marker| marker.message).or(doubts),
                epoch: rows.last().map(|row| row.epoch),
                epochs: cell.config.train.epochs,
                attempts: record.as_ref().map_or(0, |record| record.attempts),
                wall_seconds: record.as_ref().map_or(0.0, |record| record.wall_seconds),
                updated: record.as_ref().map(|record| record.updated.clone()),
                holder: if found.state == CellState::Running { folder.holder() } else { None },
            })
        })
        .collect()
}
