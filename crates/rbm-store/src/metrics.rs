//! `metrics.jsonl`: one JSON object a line, appended while a cell runs.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::disk::{self, Target};
use crate::error::{Error, absent_as_none};

/// The open metrics file of a running cell.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    offset: u64,
}

impl MetricsLog {
    /// Opens the file at `path`, made if absent, and cuts off what a kill left of a last line.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = disk::open_to_write(Target::Metrics, &path)?;
        let bytes = disk::read(&path)?;
        let sound = sound_length(&bytes);
        if sound < bytes.len() {
            disk::truncate(Target::Metrics, &path, &file, sound as u64)?;
        }
        Ok(Self { path, file, offset: sound as u64 })
    }

    /// The length of the file in bytes: what a checkpoint stores, to go on from with [`MetricsLog::truncate_to`].
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends one line a row and returns the new offset. A write that fails half-way is taken back.
    pub fn append<T: Serialize>(&mut self, rows: &[T]) -> Result<u64, Error> {
        let mut lines = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut lines, row)
                .map_err(|error| Error::Broken { path: self.path.clone(), reason: error.to_string() })?;
            lines.push(b'\n');
        }
        self.seek_to_end()?;
        if let Err(error) = disk::write(Target::Metrics, &self.path, &mut self.file, &lines) {
            // The first error is the one to report; a torn line that stays is cut off when the file is next opened.
            let _ = disk::truncate(Target::Metrics, &self.path, &self.file, self.offset);
            return Err(error);
        }
        self.offset += lines.len() as u64;
        Ok(self.offset)
    }

    /// Waits until all lines are on the disk: to be called before a checkpoint that carries the offset is written.
    pub fn sync(&self) -> Result<(), Error> {
        disk::sync(Target::Metrics, &self.path, &self.file)
    }

    /// Forgets all lines after `offset`, which a checkpoint named.
    ///
    /// # Errors
    /// [`Error::MetricsOffset`] if the file is shorter or no line ends there: the checkpoint does not fit these metrics, and
    /// an older one, or a fresh start, must be taken. The file is left as it was.
    pub fn truncate_to(&mut self, offset: u64) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::MetricsOffset { path: self.path.clone(), offset, reason });
        if offset > self.offset {
            return refuse(format!("its complete lines end at byte {}", self.offset));
        }
        let bytes = disk::read(&self.path)?;
        let end = usize::try_from(offset).unwrap_or(usize::MAX);
        if end > 0 && bytes.get(end - 1) != Some(&b'\n') {
            return refuse("no line ends there".to_owned());
        }
        disk::truncate(Target::Metrics, &self.path, &self.file, offset)?;
        self.offset = offset;
        Ok(())
    }

    fn seek_to_end(&mut self) -> Result<(), Error> {
        let sought = self.file.seek(SeekFrom::Start(self.offset));
        sought.map_err(|source| Error::Io { action: "seek in", path: self.path.clone(), source })?;
        Ok(())
    }
}

/// The complete lines of the metrics file at `path`; none where it is absent.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = absent_as_none(disk::read(path))?.unwrap_or_default();
    bytes.truncate(sound_length(&bytes));
    Ok(bytes)
}

/// The rows of the metrics file at `path`.
pub(crate) fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let bytes = read_bytes(path)?;
    let mut rows = Vec::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let row = serde_json::from_slice(line).map_err(|error| {
            // serde_json counts lines too, from the start of what it was given: only its column is of use.
            let (what, column) = (error.to_string(), error.column());
            let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
            Error::Broken { path: path.to_owned(), reason: format!("line {}, column {column}: {what}", number + 1) }
        })?;
        rows.push(row);
    }
    Ok(rows)
}

/// The length without a torn end: a last line without its newline, or last lines that are not JSON (a power cut can
/// leave a block of zeros).
fn sound_length(bytes: &[u8]) -> usize {
    let mut end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    while end > 0 {
        let start = bytes[..end - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if serde_json::from_slice::<IgnoredAny>(&bytes[start..end]).is_ok() {
            break;
        }
        end = start;
    }
    end
}
