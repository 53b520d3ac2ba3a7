//! One cell's folder: reading it, and, with its lease, writing it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::atomic::{folder_of, place_atomically, write_atomically_as};
use crate::disk::{self, Target};
use crate::error::{Error, absent_as_none};
use crate::hash::CellId;
use crate::layout::{CHECKPOINTS, CONFIG, ENVIRONMENT, LEASE, METRICS, RESERVED_IN_CELL, RUN};
use crate::lease::{self, Holder, Lease};
use crate::marker::{self, CellState, Marker, Status, Terminal};
use crate::metrics::{self, MetricsLog};
use crate::names::check_file_name;
use crate::run_record::RunRecord;

/// The folder `results/cells/<hash12>/` of one cell, which may not exist yet. Reading creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFolder {
    path: PathBuf,
    id: CellId,
}

impl CellFolder {
    pub(crate) fn new(path: PathBuf, id: CellId) -> Self {
        Self { path, id }
    }

    /// The cell in the folder at `path`, also through a sweep's `runs/` link, by the id in its `run.json` or marker.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no cell was begun there.
    pub fn at(path: &Path) -> Result<Self, Error> {
        match identify(path)? {
            Some(id) => Ok(Self::new(path.to_owned(), id)),
            None => Err(Error::NotFound { what: "a cell".to_owned(), path: path.to_owned() }),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cell's full id.
    pub fn id(&self) -> &CellId {
        &self.id
    }

    /// Where the cell stands, judged by its marker and the lengths of the files it names; quick, for listings.
    ///
    /// An altered file of the same length goes unseen: whoever uses the results of a finished cell asks
    /// [`CellFolder::verify`] instead.
    pub fn state(&self) -> Result<CellState, Error> {
        Ok(self.glance()?.state)
    }

    /// As [`CellFolder::state`], with what speaks against the marker.
    pub fn glance(&self) -> Result<Status, Error> {
        self.status(false)
    }

    /// Where the cell stands, with every hash in its marker computed anew, and what speaks against the marker if it does
    /// not hold. A cell whose files were altered is not done.
    ///
    /// # Errors
    /// [`Error::OtherCell`] if the folder belongs to another cell.
    pub fn verify(&self) -> Result<Status, Error> {
        self.status(true)
    }

    fn status(&self, hashes: bool) -> Result<Status, Error> {
        self.check_owner()?;
        let (mut marker, mut doubts) = marker::examine(&self.path, &self.id, hashes)?;
        let held = marker.is_none() && lease::is_held(&self.path.join(LEASE))?;
        if marker.is_none() && !held {
            // Its holder may have ended between the look at the markers and the look at the lease.
            (marker, doubts) = marker::examine(&self.path, &self.id, hashes)?;
        }
        let state = match &marker {
            Some(marker) => marker.state.state(),
            None if held => CellState::Running,
            None if self.is_begun() || !doubts.is_empty() => CellState::Interrupted,
            None => CellState::Pending,
        };
        Ok(Status { state, marker, doubts })
    }

    fn is_begun(&self) -> bool {
        self.path.join(RUN).exists()
    }

    /// Takes the right to write to this cell, making its folder if need be; `None` if another holds it. What kills left of
    /// temporaries is removed.
    ///
    /// # Errors
    /// [`Error::OtherCell`] for a folder that belongs to another cell, [`Error::LocksUnsupported`] where the file system
    /// has no locks, [`Error::Io`] for a folder that cannot be written.
    pub fn try_lease(&self) -> Result<Option<Lease>, Error> {
        self.check_owner()?;
        disk::create_folder(Target::Cell, &self.path)?;
        Lease::take(self)
    }

    /// Who holds the lease now, or held it last, as far as that can be read: for messages.
    pub fn holder(&self) -> Option<Holder> {
        lease::read_holder(&self.path.join(LEASE))
    }

    /// That this folder is not another cell's.
    pub(crate) fn check_owner(&self) -> Result<(), Error> {
        match identify(&self.path)? {
            Some(found) if found != self.id => {
                Err(Error::OtherCell { path: self.path.clone(), expected: self.id.clone(), found })
            }
            _ => Ok(()),
        }
    }

    /// The content of `config.toml`; none before the cell is begun.
    pub fn read_config(&self) -> Result<Option<String>, Error> {
        let path = self.path.join(CONFIG);
        let Some(bytes) = absent_as_none(disk::read(&path))? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| Error::Broken { path, reason: error.to_string() })?;
        Ok(Some(text))
    }

    /// The content of `run.json`; none before the cell is begun.
    pub fn read_run(&self) -> Result<Option<RunRecord>, Error> {
        let record: Option<RunRecord> = read_json(&self.path.join(RUN))?;
        match record {
            Some(record) if record.id != self.id => {
                Err(Error::OtherCell { path: self.path.clone(), expected: self.id.clone(), found: record.id })
            }
            record => Ok(record),
        }
    }

    /// The content of `env.json`; none before the cell is begun.
    pub fn read_environment<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        read_json(&self.path.join(ENVIRONMENT))
    }

    /// The rows of `metrics.jsonl`, also of a running cell: a last line not yet complete is left out.
    ///
    /// # Errors
    /// [`Error::Broken`] with the line, if a line is not a `T`.
    pub fn read_metrics<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        metrics::read_rows(&self.path.join(METRICS))
    }

    /// The complete lines of `metrics.jsonl` as they stand.
    pub fn read_metrics_bytes(&self) -> Result<Vec<u8>, Error> {
        metrics::read_bytes(&self.path.join(METRICS))
    }

    /// The content of a file that [`Lease::write_file`] wrote; none if it is absent.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        check_file_name(name, &RESERVED_IN_CELL)?;
        absent_as_none(disk::read(&self.path.join(name)))
    }
}

/// Writing, which only the holder of the lease can do. Every write is atomic and on the disk when it returns; where the
/// folder was moved meanwhile, nothing is written to the place where it was.
impl Lease {
    /// Writes what is known before the first step: `run.json`, which makes the cell count as begun, `config.toml` and
    /// `env.json`. The folder is brought to the disk once, after all of them.
    ///
    /// # Errors
    /// [`Error::OtherCell`] if the record is another cell's.
    pub fn write_beginning<T: Serialize>(
        &self,
        record: &RunRecord,
        config: &str,
        environment: &T,
    ) -> Result<(), Error> {
        self.check_record(record)?;
        self.check_place()?;
        let run = self.path().join(RUN);
        place_atomically(Target::Run, &run, &to_json(&run, record)?)?;
        place_atomically(Target::File, &self.path().join(CONFIG), config.as_bytes())?;
        let path = self.path().join(ENVIRONMENT);
        place_atomically(Target::File, &path, &to_json(&path, environment)?)?;
        disk::sync_folder(Target::Run, self.path())
    }

    /// Writes `run.json`. From the first time on the cell counts as begun.
    ///
    /// # Errors
    /// [`Error::OtherCell`] if the record is another cell's.
    pub fn write_run(&self, record: &RunRecord) -> Result<(), Error> {
        self.check_record(record)?;
        self.check_place()?;
        write_json(Target::Run, &self.path().join(RUN), record)
    }

    /// That a record is this cell's.
    fn check_record(&self, record: &RunRecord) -> Result<(), Error> {
        if record.id == *self.id() {
            return Ok(());
        }
        let (expected, found) = (self.id().clone(), record.id.clone());
        Err(Error::OtherCell { path: self.path().to_owned(), expected, found })
    }

    /// Writes any other file: `weights.safetensors`, `metrics.parquet`, `samples/final.npy`. Folders in the name are made.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that leaves the cell's folder or has a function of its own here.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write_files(&[(name, bytes)])
    }

    /// Writes several files, as [`Lease::write_file`] does one, in the order given. Their folder is brought to the disk
    /// once, after all of them.
    pub fn write_files(&self, files: &[(&str, &[u8])]) -> Result<(), Error> {
        for (name, _) in files {
            check_file_name(name, &RESERVED_IN_CELL)?;
        }
        self.check_place()?;
        let mut folders = BTreeSet::new();
        for (name, bytes) in files {
            let path = self.path().join(name);
            let folder = folder_of(&path);
            disk::create_folder(Target::Cell, folder)?;
            place_atomically(Target::File, &path, bytes)?;
            folders.insert(folder.to_owned());
        }
        folders.iter().try_for_each(|folder| disk::sync_folder(Target::File, folder))
    }

    /// Removes a file that [`Lease::write_file`] wrote, if it is there.
    pub fn remove_file(&self, name: &str) -> Result<(), Error> {
        check_file_name(name, &RESERVED_IN_CELL)?;
        self.check_place()?;
        disk::remove_file(Target::File, &self.path().join(name))?;
        Ok(())
    }

    /// Opens `metrics.jsonl` to append to, cutting off what a kill left of a last line.
    pub fn open_metrics(&self) -> Result<MetricsLog, Error> {
        self.check_place()?;
        let log = MetricsLog::open(self.path().join(METRICS))?;
        disk::sync_folder(Target::Metrics, self.path())?;
        Ok(log)
    }

    /// Ends the cell: hashes `files` as they lie on the disk and writes the marker that vouches for them, last of all.
    ///
    /// `run.json` changes later and is not to be among the files.
    pub fn finish(&self, state: Terminal, message: Option<&str>, files: &[&str]) -> Result<Marker, Error> {
        for name in files {
            check_file_name(name, &[RUN, LEASE, "DONE", "FAILED", "DIVERGED"])?;
        }
        self.check_place()?;
        let marker = Marker::of_files(self.path(), self.id(), state, message, files)?;
        self.clear_markers()?;
        write_json(Target::Marker, &self.path().join(state.file_name()), &marker)?;
        Ok(marker)
    }

    /// Removes the markers, before a cell that failed, or whose files were altered, is run again.
    pub fn clear_markers(&self) -> Result<(), Error> {
        self.check_place()?;
        let mut removed = false;
        for terminal in Terminal::ALL {
            removed |= disk::remove_file(Target::Marker, &self.path().join(terminal.file_name()))?;
        }
        if removed { disk::sync_folder(Target::Marker, self.path()) } else { Ok(()) }
    }

    /// Removes `metrics.jsonl` and the checkpoints: after the marker of a finished cell stands, or to begin anew. Not
    /// before: a kill in between would leave neither results nor a place to go on from.
    pub fn discard_progress(&self) -> Result<(), Error> {
        self.check_place()?;
        // Checkpoints first: one without its metrics is of no use.
        for checkpoint in self.checkpoints()? {
            disk::tidy_file(Target::Checkpoint, &checkpoint.path)?;
        }
        disk::tidy_folder(Target::Checkpoint, &self.path().join(CHECKPOINTS))?;
        disk::tidy_file(Target::Metrics, &self.path().join(METRICS))?;
        disk::sync_folder(Target::Cell, self.path())
    }
}

/// The id of the cell in `folder`, by its `run.json` or else its marker; none if neither can be read.
pub(crate) fn identify(folder: &Path) -> Result<Option<CellId>, Error> {
    #[derive(Deserialize)]
    struct Identity {
        id: CellId,
    }
    let bytes = match absent_as_none(disk::read(&folder.join(RUN))) {
        Err(error) if error.is_folder() => None,
        other => other?,
    };
    if let Some(identity) = bytes.and_then(|bytes| serde_json::from_slice::<Identity>(&bytes).ok()) {
        return Ok(Some(identity.id));
    }
    let (markers, _) = marker::read_markers(folder)?;
    Ok(markers.into_iter().next().map(|marker| marker.id))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(bytes) = absent_as_none(disk::read(path))? else { return Ok(None) };
    marker::refuse_newer(path, &bytes)?;
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Broken { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Some(value))
}

fn write_json<T: Serialize>(target: Target, path: &Path, value: &T) -> Result<(), Error> {
    write_atomically_as(target, path, &to_json(path, value)?)
}

fn to_json<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Broken { path: path.to_owned(), reason: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
