//! The only door to the disk: every write, fsync, rename and removal of the crate passes through here, each with a name
//! such as `checkpoint.write` or `marker.rename`.
//!
//! Test builds make a named step fail, tear a write or kill the process ([`crate::faults`]), to see what a full disk or a
//! power cut leaves behind.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::{TempDir, TempPath};

use crate::error::{Error, absent_as_none};
use crate::faults::{self, Fault};
use crate::layout::TEMPORARY;

/// What a file is for, the first half of a step's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Checkpoint,
    Cell,
    File,
    Lease,
    Marker,
    Metrics,
    Run,
    Sweep,
    Temporary,
}

/// What is done to it, the second half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
    Truncate,
    Remove,
    Link,
}

/// The name of one step: `marker.rename`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point(Target, Step);

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.0 {
            Target::Checkpoint => "checkpoint",
            Target::Cell => "cell",
            Target::File => "file",
            Target::Lease => "lease",
            Target::Marker => "marker",
            Target::Metrics => "metrics",
            Target::Run => "run",
            Target::Sweep => "sweep",
            Target::Temporary => "temporary",
        };
        write!(formatter, "{target}.{}", self.1.word())
    }
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::SyncFolder => "sync-folder",
            Self::Truncate => "truncate",
            Self::Remove => "remove",
            Self::Link => "link",
        }
    }

    /// The verb of the error message.
    fn action(self) -> &'static str {
        match self {
            Self::Sync => "bring to the disk",
            Self::SyncFolder => "bring to the disk the folder",
            Self::Truncate => "cut",
            Self::Link => "link",
            other => other.word(),
        }
    }
}

/// Runs one named step and puts the path into its error.
fn step<T>(target: Target, step: Step, path: &Path, body: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    let done = match faults::at(Point(target, step)) {
        None => body(),
        Some(fault) => Err(fault.strike()),
    };
    done.map_err(|source| Error::Io { action: step.action(), path: path.to_owned(), source })
}

/// A new temporary file in `folder`, with the permissions any other new file gets. Dropping the path removes the file.
pub(crate) fn create_temporary(target: Target, path: &Path, folder: &Path) -> Result<(File, TempPath), Error> {
    let prefix = temporary_prefix(path);
    step(target, Step::Create, path, || {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        #[cfg(unix)]
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666); // the umask takes away what it must
        #[cfg(unix)]
        builder.permissions(everyone);
        Ok(builder.tempfile_in(folder)?.into_parts())
    })
}

/// A new temporary folder in `folder`. Dropping it removes it.
pub(crate) fn create_temporary_folder(target: Target, path: &Path, folder: &Path) -> Result<TempDir, Error> {
    let prefix = temporary_prefix(path);
    step(target, Step::Create, path, || tempfile::Builder::new().prefix(&prefix).tempdir_in(folder))
}

fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(TEMPORARY);
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Writes all of `bytes`; `path` is the name to report.
pub(crate) fn write(target: Target, path: &Path, file: &mut File, bytes: &[u8]) -> Result<(), Error> {
    let done = match faults::at(Point(target, Step::Write)) {
        None => file.write_all(bytes),
        Some(fault) => {
            // A disk that fills up, or a machine that goes down, takes part of it.
            if fault != Fault::Abort {
                let _ = file.write_all(&bytes[..bytes.len() / 2]).and_then(|()| file.sync_all());
            }
            Err(fault.strike())
        }
    };
    done.map_err(|source| Error::Io { action: Step::Write.action(), path: path.to_owned(), source })
}

/// Waits until the file's content is on the disk.
pub(crate) fn sync(target: Target, path: &Path, file: &File) -> Result<(), Error> {
    step(target, Step::Sync, path, || file.sync_all())
}

/// Waits until the folder's entries are on the disk. Where folders cannot be synced (Windows, some network disks) the
/// file system keeps its own order.
pub(crate) fn sync_folder(target: Target, folder: &Path) -> Result<(), Error> {
    step(target, Step::SyncFolder, folder, || {
        if !cfg!(unix) {
            return Ok(());
        }
        match File::open(folder)?.sync_all() {
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            other => other,
        }
    })
}

/// Puts a file or folder in the place of `to`.
pub(crate) fn rename(target: Target, from: &Path, to: &Path) -> Result<(), Error> {
    step(target, Step::Rename, to, || fs::rename(from, to))
}

/// Cuts an open file.
pub(crate) fn truncate(target: Target, path: &Path, file: &File, length: u64) -> Result<(), Error> {
    step(target, Step::Truncate, path, || file.set_len(length))
}

/// Removes a file or a whole folder, if it is there; whether it was.
pub(crate) fn remove(target: Target, path: &Path) -> Result<bool, Error> {
    let removed = step(target, Step::Remove, path, || {
        if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    });
    Ok(absent_as_none(removed)?.is_some())
}

/// Removes a file, if it is there; whether it was. A folder in its place is left alone, and an error.
pub(crate) fn remove_file(target: Target, path: &Path) -> Result<bool, Error> {
    let removed = step(target, Step::Remove, path, || fs::remove_file(path));
    Ok(absent_as_none(removed)?.is_some())
}

/// As [`remove_file`], for files that are in nobody's way: a folder in the place of one is no error.
pub(crate) fn tidy_file(target: Target, path: &Path) -> Result<(), Error> {
    match remove_file(target, path) {
        Err(_) if path.is_dir() => Ok(()),
        other => other.map(drop),
    }
}

/// Removes a folder if it is there and empty.
pub(crate) fn tidy_folder(target: Target, path: &Path) -> Result<(), Error> {
    let removed = step(target, Step::Remove, path, || match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(()),
        other => other,
    });
    absent_as_none(removed).map(drop)
}

/// Opens a file to read from and write to, made if it is not there, kept if it is.
pub(crate) fn open_to_write(target: Target, path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    step(target, Step::Create, path, || options.open(path))
}

/// Makes a folder and those above it, each brought to the disk; nothing happens where it already is.
pub(crate) fn create_folder(target: Target, folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            create_folder(target, parent)?;
            parent
        }
        _ => Path::new("."),
    };
    step(target, Step::Create, folder, || match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        other => other,
    })?;
    sync_folder(target, parent)
}

/// A symbolic link to a folder; fails where `link` already is.
pub(crate) fn link(target: Target, to: &Path, link: &Path) -> Result<(), Error> {
    step(target, Step::Link, link, || {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(to, link);
        #[cfg(windows)]
        return std::os::windows::fs::symlink_dir(to, link);
        #[cfg(not(any(unix, windows)))]
        return Err(io::ErrorKind::Unsupported.into());
    })
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })
}

/// The names in a folder, sorted; none where it is absent. Names that are not UTF-8 come in their closest reading.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Io { action: "list", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
