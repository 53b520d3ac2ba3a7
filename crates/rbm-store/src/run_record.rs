//! `run.json`: what is known about the run of a cell.

use serde::{Deserialize, Serialize};

use crate::hash::CellId;
use crate::layout::{SCHEMA, first_schema};
use crate::marker::CellState;

/// The content of `run.json`. It is for people and reports: whether a cell is done is decided by its marker alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the format.
    #[serde(default = "first_schema")]
    pub schema: u32,
    /// The full id of the cell.
    pub id: CellId,
    /// The readable name it had in the sweep that ran it.
    pub name: String,
    /// The state as its worker last wrote it.
    pub state: CellState,
    /// How often it was begun.
    pub attempts: u32,
    /// When this attempt began (RFC 3339, UTC).
    pub started: String,
    /// When this record was last written.
    pub updated: String,
    /// When it ended, if it did.
    #[serde(default)]
    pub finished: Option<String>,
    /// Why it failed or diverged.
    #[serde(default)]
    pub error: Option<String>,
    /// The program's version.
    pub binary: String,
    /// The numerics version: a raise means that the same config gives other numbers.
    pub numerics: u32,
    /// The instruction set the numbers were computed with, such as `avx512`.
    pub instruction_set: String,
    /// Seconds of work over all attempts.
    pub wall_seconds: f64,
    /// The worker's peak memory, where the system tells it.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Whatever else stands in the file; kept when it is written again.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl RunRecord {
    /// The version of the format that this program writes.
    pub const SCHEMA: u32 = SCHEMA;
}
