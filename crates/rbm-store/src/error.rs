//! The one error type of the crate.

use std::io;
use std::path::PathBuf;

use crate::hash::CellId;

/// What can go wrong under a results folder. Each message completes "failed to ...".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "write", "rename", "lock".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that may not be a file or folder under the results.
    #[error("use {name:?} as a name: {reason}")]
    Name {
        /// The name as it was given.
        name: String,
        /// What is wrong with it and what is allowed.
        reason: &'static str,
    },
    /// A text that is not the id of a cell or a sweep.
    #[error("read {text:?} as an id: {reason}")]
    Id {
        /// The text as it was given.
        text: String,
        /// What is allowed.
        reason: &'static str,
    },
    /// No cell, or no sweep, of that name.
    #[error("find {what} in {}", path.display())]
    NotFound {
        /// What was looked for.
        what: String,
        /// Where.
        path: PathBuf,
    },
    /// Several cells begin with the given digits.
    #[error("tell which cell {prefix:?} means: {} begin so: {}", matches.len(), matches.join(", "))]
    Ambiguous {
        /// The digits given.
        prefix: String,
        /// The ids that begin with them.
        matches: Vec<String>,
    },
    /// A folder belongs to another cell whose id begins with the same twelve digits, or is none of ours.
    #[error("use {}: it holds cell {found}, not {expected}", path.display())]
    OtherCell {
        /// The folder.
        path: PathBuf,
        /// The id that was looked for.
        expected: CellId,
        /// The id in the folder's `run.json` or marker.
        found: CellId,
    },
    /// A file whose content is not what it should be.
    #[error("understand {}: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that a later version of this program wrote.
    #[error(
        "use {}: a newer rbm wrote it (schema {schema}; this one knows {}): go on with that one",
        path.display(), crate::layout::SCHEMA
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        schema: u32,
    },
    /// The folder that a lease is held for is no longer where it was.
    #[error("write to {}: the folder was moved, replaced or removed while this process worked in it", path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
    /// The sweep was started with another plan.
    #[error("go on with the sweep in {}: its plan.jsonl, frozen when it started, differs from this plan at line {line}", path.display())]
    PlanDiffers {
        /// The sweep's folder.
        path: PathBuf,
        /// The first line that differs, counted from 1.
        line: usize,
    },
    /// The readable name of a cell already points to another cell.
    #[error("link {} to {wanted}: {found}", path.display())]
    LinkTaken {
        /// The link.
        path: PathBuf,
        /// Where it should point.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// The disk has no file locks (some network disks), so two workers could not be kept apart.
    #[error(
        "lock {}: this file system has no file locks, without which two workers could write the same cell; put the results on a local disk",
        path.display()
    )]
    LocksUnsupported {
        /// The lease file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The metrics on disk end before, or have no line border at, the place a checkpoint names.
    #[error("cut {} at byte {offset}: {reason}", path.display())]
    MetricsOffset {
        /// The file.
        path: PathBuf,
        /// The byte to cut at.
        offset: u64,
        /// Why that cannot be.
        reason: String,
    },
}

impl Error {
    /// Whether the user can put this right (a name, a folder, another plan), as opposed to a failure of the machine.
    pub fn is_user_mistake(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::AlreadyExists
            ),
            Self::Name { .. }
            | Self::Id { .. }
            | Self::NotFound { .. }
            | Self::Ambiguous { .. }
            | Self::OtherCell { .. }
            | Self::Newer { .. }
            | Self::PlanDiffers { .. }
            | Self::LinkTaken { .. }
            | Self::LocksUnsupported { .. } => true,
            Self::Broken { .. } | Self::Moved { .. } | Self::MetricsOffset { .. } => false,
        }
    }

    /// Whether the system said that a folder stands in the place of the file.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::IsADirectory)
    }

    /// Whether the system said that the file or folder is not there.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Turns "it is not there" into `None`.
pub(crate) fn absent_as_none<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}
