//! Checking everything that can be checked under a results folder: every hash, and what stands where it should not.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::cell::CellFolder;
use crate::disk;
use crate::error::Error;
use crate::hash::{SHORT, is_hex};
use crate::layout::{CHECKPOINTS, CONFIG, ENVIRONMENT, LEASE, METRICS, RUN, TEMPORARY};
use crate::marker::{CellState, Status};
use crate::results::PassedOver;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Results or the way to them are damaged.
    Broken,
    /// Harmless: left by a kill, say.
    Note,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// What was checked, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Cells looked at.
    pub cells: usize,
    /// Files whose hash was computed.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// Something damaged.
    pub fn broken(path: impl Into<PathBuf>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Broken, path: path.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// Something harmless.
    pub fn note(path: impl Into<PathBuf>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::broken(path, problem, remedy) }
    }

    /// Something that listings pass over: foreign, or one of our folders that cannot be read.
    pub fn foreign(passed: &PassedOver) -> Self {
        let remedy = "move it out of the results folder; until then it is passed over";
        let name = passed.path.file_name().unwrap_or_default().to_string_lossy();
        let ours = passed.path.is_dir() && is_hex(name.rsplit('-').next().unwrap_or_default(), SHORT);
        if ours {
            Self::broken(&passed.path, &passed.reason, remedy)
        } else {
            Self::note(&passed.path, &passed.reason, remedy)
        }
    }
}

impl Verification {
    /// Adds what another look has found.
    pub fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.files += other.files;
        self.bytes += other.bytes;
        self.findings.extend(other.findings);
    }

    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Broken)
    }
}

/// What is written as files in a cell's folder.
const KNOWN: [&str; 12] = [
    CONFIG,
    RUN,
    ENVIRONMENT,
    METRICS,
    LEASE,
    TIMINGS,
    "metrics.parquet",
    "weights.safetensors",
    "best.safetensors",
    "DONE",
    "FAILED",
    "DIVERGED",
];
const TIMINGS: &str = "timings.parquet";

const AGAIN: &str = "run its sweep again: the cell is computed anew, to the same bytes";
const GOES_ON: &str = "run its sweep again: the cell goes on from an older checkpoint, or anew";

impl CellFolder {
    /// Computes every hash of the cell anew, and looks at what else lies in its folder. Changes nothing.
    pub fn examine(&self) -> Verification {
        let mut found = Verification { cells: 1, ..Verification::default() };
        match self.verify() {
            Ok(status) => self.examine_files(&status, &mut found),
            Err(error) => {
                let path = match &error {
                    Error::Io { path, .. } | Error::Newer { path, .. } => path.clone(),
                    _ => self.path().to_owned(),
                };
                let remedy = match &error {
                    Error::Newer { .. } => "use the newer rbm for it",
                    Error::OtherCell { .. } => "move the folder out of the results folder: it is not this cell's",
                    _ => "see to it that the file can be read",
                };
                found.findings.push(Finding::broken(
                    path,
                    PassedOver::because_of(PathBuf::new(), &error).reason,
                    remedy,
                ));
            }
        }
        found
    }

    fn examine_files(&self, status: &Status, found: &mut Verification) {
        let ended = matches!(status.state, CellState::Done | CellState::Failed | CellState::Diverged);
        for doubt in &status.doubts {
            let name = doubt.split(' ').next().unwrap_or_default();
            let path = self.path().join(name);
            let remedy = if path.is_dir() { format!("move that folder away, then {AGAIN}") } else { AGAIN.to_owned() };
            found.findings.push(Finding::broken(path, doubt, remedy));
        }
        if let Some(marker) = &status.marker {
            found.files += marker.files.len();
            found.bytes += marker.files.values().map(|file| file.bytes).sum::<u64>();
        }
        for name in KNOWN.into_iter().filter(|name| self.path().join(name).is_dir()) {
            if !status.doubts.iter().any(|doubt| doubt.starts_with(name)) {
                let remedy = "move it away, then run its sweep again";
                found.findings.push(Finding::broken(self.path().join(name), "a folder in the place of a file", remedy));
            }
        }
        for name in [CONFIG, ENVIRONMENT, TIMINGS].into_iter().filter(|_| status.state == CellState::Done) {
            let path = self.path().join(name);
            if !path.is_dir() && path.metadata().map_or(0, |metadata| metadata.len()) == 0 {
                let remedy = "no number depends on it: leave it, or remove the cell's folder and run its sweep again";
                found.findings.push(Finding::broken(path, "missing or empty", remedy));
            }
        }
        if status.state == CellState::Interrupted
            && let Ok(Some(record)) = self.read_run()
            && record.state == CellState::Done
        {
            let problem = "its record says done, but there is no marker that holds";
            found.findings.push(Finding::note(self.path().join(RUN), problem, AGAIN));
        }
        if let Err(error) = self.read_run()
            && !self.path().join(RUN).is_dir()
        {
            let remedy = if ended {
                "no number depends on it: leave it, or remove the cell's folder and run its sweep again"
            } else {
                "run its sweep again: it is written anew"
            };
            self.find(RUN, &error, remedy, found);
        }
        if !ended
            && let Err(error) = self.read_metrics::<IgnoredAny>()
            && !self.path().join(METRICS).is_dir()
        {
            self.find(METRICS, &error, GOES_ON, found);
        }
        // One that failed may be gone on with.
        let over = matches!(status.state, CellState::Done | CellState::Diverged);
        self.examine_checkpoints(over, status.state, found);
        if status.state != CellState::Running {
            leftovers(self.path(), found);
        }
    }

    fn examine_checkpoints(&self, ended: bool, state: CellState, found: &mut Verification) {
        let (checkpoints, others) = match self.list_checkpoints() {
            Ok(listed) => listed,
            Err(error) => return self.find(CHECKPOINTS, &error, GOES_ON, found),
        };
        for other in others {
            let remedy = "delete it, if it is not wanted";
            found.findings.push(Finding::note(other.path, other.reason, remedy));
        }
        for checkpoint in checkpoints {
            if ended {
                let problem = "a checkpoint of a cell that has ended, left by a kill";
                found.findings.push(Finding::note(checkpoint.path, problem, "delete it, if the room is wanted"));
                continue;
            }
            match checkpoint.read() {
                Ok(bytes) => {
                    found.files += 1;
                    found.bytes += bytes.len() as u64;
                }
                // Its writer has deleted it since.
                Err(error) if error.is_absence() && state == CellState::Running => {}
                Err(error) => {
                    let reason = PassedOver::because_of(PathBuf::new(), &error).reason;
                    found.findings.push(Finding::broken(checkpoint.path, reason, GOES_ON));
                }
            }
        }
    }

    fn find(&self, name: &str, error: &Error, remedy: &str, found: &mut Verification) {
        let reason = PassedOver::because_of(PathBuf::new(), error).reason;
        found.findings.push(Finding::broken(self.path().join(name), reason, remedy));
    }
}

/// The temporaries that kills left.
fn leftovers(folder: &Path, found: &mut Verification) {
    for name in disk::names_in(folder).unwrap_or_default() {
        let path = folder.join(&name);
        if name.starts_with(TEMPORARY) {
            found.findings.push(Finding::note(path, "half written, left by a kill", "the next run removes it"));
        } else if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            leftovers(&path, found);
        }
    }
}
