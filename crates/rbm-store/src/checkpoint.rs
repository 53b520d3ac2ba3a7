//! `checkpoints/epoch-<NNNNNNNN>-<step>-<hash12>.safetensors`: files whose names carry the hash of their content.

use std::path::{Path, PathBuf};

use crate::atomic::write_atomically_as;
use crate::cell::CellFolder;
use crate::disk::{self, Target};
use crate::error::Error;
use crate::hash::{SHORT, is_hex, sha256_of_bytes};
use crate::layout::CHECKPOINTS;
use crate::lease::Lease;
use crate::results::PassedOver;

/// The last, and one to fall back to should the last not have reached the disk whole.
const KEPT: usize = 2;
const SUFFIX: &str = ".safetensors";

/// A checkpoint by its name; its content is verified when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFile {
    /// The file.
    pub path: PathBuf,
    /// Epochs completed.
    pub epoch: u32,
    /// Steps completed.
    pub step: u64,
    hash: String,
}

impl CheckpointFile {
    fn new(folder: &Path, epoch: u32, step: u64, bytes: &[u8]) -> Self {
        let hash = sha256_of_bytes(bytes)[..SHORT].to_owned();
        let path = folder.join(format!("epoch-{epoch:08}-{step:012}-{hash}{SUFFIX}"));
        Self { path, epoch, step, hash }
    }

    fn of_name(folder: &Path, name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("epoch-")?.strip_suffix(SUFFIX)?.split('-');
        let (epoch, step, hash) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let sound = is_hex(hash, SHORT) && parts.next().is_none();
        sound.then(|| Self { path: folder.join(name), epoch, step, hash: hash.to_owned() })
    }

    /// Reads its content.
    ///
    /// # Errors
    /// [`Error::Broken`] if the content is not the one its name was made for.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        let bytes = disk::read(&self.path)?;
        if sha256_of_bytes(&bytes).starts_with(&self.hash) {
            Ok(bytes)
        } else {
            let reason = format!("its {} bytes do not have the hash in its name", bytes.len());
            Err(Error::Broken { path: self.path.clone(), reason })
        }
    }
}

impl CellFolder {
    /// The checkpoints by their names, newest first, for a caller who wants an older one than the last.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointFile>, Error> {
        Ok(self.list_checkpoints()?.0)
    }

    /// The checkpoints, newest first, and the files that are none.
    pub(crate) fn list_checkpoints(&self) -> Result<(Vec<CheckpointFile>, Vec<PassedOver>), Error> {
        let folder = self.path().join(CHECKPOINTS);
        let (mut checkpoints, mut others) = (Vec::new(), Vec::new());
        for name in disk::names_in(&folder)? {
            match CheckpointFile::of_name(&folder, &name) {
                Some(checkpoint) => checkpoints.push(checkpoint),
                None if name.starts_with('.') => {} // a temporary of a writer at work
                None => others.push(PassedOver::new(folder.join(name), "its name is not a checkpoint's")),
            }
        }
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse((checkpoint.epoch, checkpoint.step)));
        Ok((checkpoints, others))
    }
}

impl Lease {
    /// Writes a checkpoint after `epoch` epochs and `step` steps, and once it is on the disk deletes all others but the one
    /// before it. Metrics that it counts on must be synced before ([`crate::MetricsLog::sync`]).
    pub fn write_checkpoint(&self, epoch: u32, step: u64, bytes: &[u8]) -> Result<CheckpointFile, Error> {
        self.check_place()?;
        let folder = self.path().join(CHECKPOINTS);
        disk::create_folder(Target::Checkpoint, &folder)?;
        let written = CheckpointFile::new(&folder, epoch, step, bytes);
        write_atomically_as(Target::Checkpoint, &written.path, bytes)?;
        let mut older = 0;
        for other in self.checkpoints()? {
            if other.path == written.path {
                continue;
            }
            // Those that claim to be as far or further are left of a path not taken: broken ones, fallen back from.
            let is_before = (other.epoch, other.step) < (epoch, step);
            older += usize::from(is_before);
            if !is_before || older >= KEPT {
                disk::tidy_file(Target::Checkpoint, &other.path)?;
            }
        }
        Ok(written)
    }
}
