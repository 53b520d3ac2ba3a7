//! What the tests share.

use rbm_store::{CellFolder, CellId, CellState, Lease, Results, RunRecord, Terminal};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) results: Results,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let results = Results::open(folder.path().join("results")).expect("opens");
        Self { folder, results }
    }

    pub(crate) fn cell(&self) -> CellFolder {
        self.results.cell(&CellId::of(b"a cell"))
    }
}

pub(crate) fn lease(cell: &CellFolder) -> Lease {
    cell.try_lease().expect("no error").expect("nobody else holds it")
}

pub(crate) fn record(cell: &CellFolder) -> RunRecord {
    RunRecord {
        schema: RunRecord::SCHEMA,
        id: cell.id().clone(),
        name: "k=1,seed=0".to_owned(),
        state: CellState::Running,
        attempts: 1,
        started: "2026-01-01T00:00:00Z".to_owned(),
        updated: "2026-01-01T00:00:01Z".to_owned(),
        finished: None,
        error: None,
        binary: "rbm 0.1.0".to_owned(),
        numerics: 1,
        instruction_set: "avx512".to_owned(),
        wall_seconds: 0.1,
        peak_memory_bytes: Some(1 << 20),
        extra: serde_json::Map::new(),
    }
}

/// A finished cell with weights and metrics.
pub(crate) fn finished(cell: &CellFolder) {
    let lease = lease(cell);
    lease.write_run(&record(cell)).expect("writes");
    lease.write_file("weights.safetensors", b"weights").expect("writes");
    lease.write_file("metrics.parquet", b"metrics").expect("writes");
    lease.finish(Terminal::Done, None, &["weights.safetensors", "metrics.parquet"]).expect("finishes");
}
