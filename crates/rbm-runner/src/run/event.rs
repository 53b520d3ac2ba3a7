//! What a worker tells of its work.

use rbm_eval::MetricRow;
use serde::{Deserialize, Serialize};

/// Something that happened to a cell; a line of JSON between a worker process and its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A worker has a cell's lease: what goes wrong from now on is that cell's.
    CellTaken {
        /// Its index in the plan.
        index: usize,
    },
    /// A cell was begun or taken up again.
    CellStarted {
        /// Its index in the plan.
        index: usize,
        /// Its readable name.
        name: String,
        /// How often it has been begun, this time included.
        attempt: u32,
        /// Epochs that it will take.
        epochs: u32,
        /// Steps that it will take.
        steps: u64,
        /// The step it goes on from.
        from_step: u64,
    },
    /// A cell has come further; sent a few times a second.
    Progress {
        /// Its index in the plan.
        index: usize,
        /// The running epoch, from 1.
        epoch: u32,
        /// Steps taken.
        step: u64,
    },
    /// A cell was evaluated.
    Evaluated {
        /// Its index in the plan.
        index: usize,
        /// Finished epochs.
        epoch: u32,
        /// What was measured.
        rows: Vec<MetricRow>,
    },
    /// A cell has ended, or was interrupted.
    CellFinished {
        /// Its index in the plan.
        index: usize,
        /// Its readable name.
        name: String,
        /// How.
        outcome: Outcome,
        /// Seconds since it was begun by this worker.
        seconds: f64,
    },
    /// A cell was not computed.
    CellSkipped {
        /// Its index in the plan.
        index: usize,
        /// Its readable name.
        name: String,
        /// Why.
        reason: SkipReason,
    },
    /// A worker has nothing left to do but wait for cells that others hold.
    Waiting {
        /// Their indices in the plan.
        indices: Vec<usize>,
        /// A sentence that says so.
        text: String,
    },
    /// A sentence worth showing.
    Note {
        /// It.
        text: String,
    },
}

/// How a cell's run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// All its files are there.
    Done,
    /// It was asked to stop, and left a checkpoint.
    Interrupted,
    /// Its numbers ceased to be finite.
    Diverged {
        /// Where.
        message: String,
    },
    /// It could not be computed.
    Failed {
        /// Why.
        message: String,
    },
}

/// Why a cell was not computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "skipped", rename_all = "kebab-case")]
pub enum SkipReason {
    /// It is done, by this or another sweep.
    Done,
    /// It failed before, and was not to be tried again.
    Failed {
        /// Why.
        message: String,
    },
    /// It diverged before, as it would again.
    Diverged {
        /// Where.
        message: String,
    },
}

/// Whoever watches the work.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _event: &Event) {}
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}
