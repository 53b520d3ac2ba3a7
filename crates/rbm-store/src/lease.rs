//! Leases: who may write to a cell.
//!
//! A lease is an exclusive file lock of the operating system on the file `lease` in the cell's folder. The kernel frees it
//! when its holder ends, however it ends, so a killed worker blocks nobody. The file also says who holds it, for messages
//! only. The file itself is never removed.
//!
//! Some network disks have no such locks. There, a lease is refused with [`Error::LocksUnsupported`]; a heartbeat
//! in the place of the lock is not built.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::atomic::remove_temporaries;
use crate::cell::CellFolder;
use crate::disk::{self, Target};
use crate::error::{Error, absent_as_none};
use crate::layout::LEASE;
use crate::timestamp;

/// `ENOLCK` on Linux: an NFS server without its lock service.
const NO_LOCKS: i32 = 37;
/// Readers hold the lock, shared, for microseconds while they ask who holds it: so often is the exclusive one tried again.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(1);

/// Who holds a lease, for messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// Since when (RFC 3339, UTC).
    pub started: String,
}

impl Holder {
    fn this_process() -> Self {
        Self { pid: std::process::id(), host: host_name(), started: timestamp::now() }
    }
}

/// The right to write to a cell, given up when dropped. It reads as its [`CellFolder`].
#[derive(Debug)]
pub struct Lease {
    cell: CellFolder,
    file: File,
}

impl Deref for Lease {
    type Target = CellFolder;

    fn deref(&self) -> &CellFolder {
        &self.cell
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Closing would do, were it not for a child just being started, which holds a copy of the file until it runs.
        let _ = self.file.unlock();
    }
}

impl Lease {
    /// Takes the lease of `cell`, whose folder must exist; none if another holds it.
    pub(crate) fn take(cell: &CellFolder) -> Result<Option<Self>, Error> {
        let path = cell.path().join(LEASE);
        for _ in 0..TRIES {
            let file = disk::open_to_write(Target::Lease, &path)?;
            match try_exclusive(&file, &path)? {
                Attempt::Taken if !is_still(&file, &path) => {} // somebody removed the file meanwhile
                Attempt::Taken => {
                    let lease = Self { cell: cell.clone(), file };
                    lease.check_owner()?;
                    remove_temporaries(cell.path(), true, None)?;
                    lease.sign(&path)?;
                    return Ok(Some(lease));
                }
                Attempt::Held => return Ok(None),
                Attempt::Read => thread::sleep(PAUSE),
            }
        }
        Ok(None)
    }

    /// That the cell's folder is still the one whose lease is held: it may have been moved, and what is written by its old
    /// path would begin a second, empty one there.
    pub(crate) fn check_place(&self) -> Result<(), Error> {
        let path = self.path().join(LEASE);
        if is_still(&self.file, &path) { Ok(()) } else { Err(Error::Moved { path: self.path().to_owned() }) }
    }

    fn sign(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string(&Holder::this_process()).unwrap_or_default() + "\n";
        let mut file = &self.file;
        disk::truncate(Target::Lease, path, file, 0)?;
        let start = file.seek(SeekFrom::Start(0));
        start.map_err(|source| Error::Io { action: "seek in", path: path.to_owned(), source })?;
        let mut file =
            file.try_clone().map_err(|source| Error::Io { action: "open", path: path.to_owned(), source })?;
        disk::write(Target::Lease, path, &mut file, text.as_bytes())
    }
}

enum Attempt {
    Taken,
    /// Another works on the cell.
    Held,
    /// Others only looked.
    Read,
}

fn try_exclusive(file: &File, path: &Path) -> Result<Attempt, Error> {
    match file.try_lock() {
        Ok(()) => return Ok(Attempt::Taken),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(lock_error(path, source)),
    }
    match file.try_lock_shared() {
        Ok(()) => {
            let unlocked = file.unlock();
            unlocked.map_err(|source| lock_error(path, source))?;
            Ok(Attempt::Read)
        }
        Err(TryLockError::WouldBlock) => Ok(Attempt::Held),
        Err(TryLockError::Error(source)) => Err(lock_error(path, source)),
    }
}

/// Whether somebody holds the lease file at `path`; nobody where it is absent. Creates nothing.
pub(crate) fn is_held(path: &Path) -> Result<bool, Error> {
    let opened = File::open(path).map_err(|source| Error::Io { action: "open", path: path.to_owned(), source });
    let Some(file) = absent_as_none(opened)? else { return Ok(false) };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            Ok(false)
        }
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(lock_error(path, source)),
    }
}

/// Who signed the lease file at `path` last, if that can be read.
pub(crate) fn read_holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn lock_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::Unsupported
        || (cfg!(target_os = "linux") && source.raw_os_error() == Some(NO_LOCKS))
    {
        Error::LocksUnsupported { path, source }
    } else {
        Error::Io { action: "lock", path, source }
    }
}

/// Whether the locked file is the one that `path` names now: a lock on a removed file keeps nobody out.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_file: &File, path: &Path) -> bool {
    path.exists() // an open file cannot be removed there
}

fn host_name() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
