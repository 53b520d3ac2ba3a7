//! Terminal markers: the files `DONE`, `FAILED` and `DIVERGED`, written last, naming the hashes of what they vouch for.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::{Error, absent_as_none};
use crate::hash::{CellId, sha256_of_bytes};
use crate::layout::{SCHEMA, first_schema};
use crate::names::check_file_name;

/// Where a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellState {
    /// Not begun.
    Pending,
    /// A worker holds its lease.
    Running,
    /// Begun, without a marker that holds, and nobody works on it.
    Interrupted,
    /// Ended by an error.
    Failed,
    /// Ended by values that were not finite.
    Diverged,
    /// Ended well, with all its files.
    Done,
}

impl CellState {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Diverged => "diverged",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for CellState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// The three ways a cell ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terminal {
    /// Ended well.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by values that were not finite.
    Diverged,
}

impl Terminal {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Diverged];

    /// The name of the marker's file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Diverged => "DIVERGED",
        }
    }

    /// The state of a cell with this marker.
    pub fn state(self) -> CellState {
        match self {
            Self::Done => CellState::Done,
            Self::Failed => CellState::Failed,
            Self::Diverged => CellState::Diverged,
        }
    }
}

/// What a marker says of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The content of a marker. It holds no time and no host: the same cell ends with the same marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Version of the format.
    #[serde(default = "first_schema")]
    pub schema: u32,
    /// The full id of the cell.
    pub id: CellId,
    /// How it ended.
    pub state: Terminal,
    /// Why, for one that failed or diverged.
    #[serde(default)]
    pub message: Option<String>,
    /// The files it vouches for, by their path within the cell.
    pub files: BTreeMap<String, FileHash>,
}

/// Where a cell stands, and what speaks against its marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state; never a terminal one while there are doubts.
    pub state: CellState,
    /// The marker, if one stands that holds.
    pub marker: Option<Marker>,
    /// Why a marker that stands does not hold, one sentence each: a file missing, altered, of another length.
    pub doubts: Vec<String>,
}

impl Marker {
    /// Hashes `files` as they lie in `folder`.
    pub(crate) fn of_files(
        folder: &Path,
        id: &CellId,
        state: Terminal,
        message: Option<&str>,
        files: &[&str],
    ) -> Result<Self, Error> {
        let mut hashes = BTreeMap::new();
        for &name in files {
            let bytes = disk::read(&folder.join(name))?;
            let hash = FileHash { sha256: sha256_of_bytes(&bytes), bytes: bytes.len() as u64 };
            hashes.insert(name.to_owned(), hash);
        }
        let message = message.map(str::to_owned);
        Ok(Self { schema: SCHEMA, id: id.clone(), state, message, files: hashes })
    }

    /// What speaks against the files it vouches for: lengths, and with `hashes` their content.
    fn doubts(&self, folder: &Path, hashes: bool) -> Vec<String> {
        let mut doubts = Vec::new();
        for (name, expected) in &self.files {
            let path = folder.join(name);
            if check_file_name(name, &[]).is_err() {
                doubts.push(format!("{name} is no file of a cell"));
                continue;
            }
            match path.metadata() {
                Ok(metadata) if metadata.is_dir() => doubts.push(format!("{name} is a folder")),
                Ok(metadata) if !metadata.is_file() => doubts.push(format!("{name} is no file")),
                Ok(metadata) if metadata.len() != expected.bytes => {
                    doubts.push(format!("{name} has {} bytes, not {}", metadata.len(), expected.bytes));
                }
                Ok(_) if !hashes => {}
                Ok(_) => match fs::read(&path) {
                    Ok(bytes) if sha256_of_bytes(&bytes) == expected.sha256 => {}
                    Ok(_) => {
                        let marker = self.state.file_name();
                        doubts.push(format!("{name} was altered: its SHA-256 is not the one in {marker}"));
                    }
                    Err(error) => doubts.push(format!("{name} cannot be read: {error}")),
                },
                Err(error) if error.kind() == ErrorKind::NotFound => doubts.push(format!("{name} is missing")),
                Err(error) => doubts.push(format!("{name} cannot be read: {error}")),
            }
        }
        doubts
    }
}

/// The markers that can be read in a folder, and a sentence for each that cannot.
pub(crate) fn read_markers(folder: &Path) -> Result<(Vec<Marker>, Vec<String>), Error> {
    let (mut markers, mut doubts) = (Vec::new(), Vec::new());
    for terminal in Terminal::ALL {
        let name = terminal.file_name();
        let path = folder.join(name);
        let bytes = match absent_as_none(disk::read(&path)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) if error.is_folder() => {
                doubts.push(format!("{name} is a folder"));
                continue;
            }
            Err(error) => return Err(error),
        };
        refuse_newer(&path, &bytes)?;
        match serde_json::from_slice::<Marker>(&bytes) {
            Ok(marker) if marker.state == terminal => markers.push(marker),
            Ok(marker) => doubts.push(format!("{name} says {}", marker.state.file_name())),
            Err(error) => doubts.push(format!("{name} cannot be read: {error}")),
        }
    }
    Ok((markers, doubts))
}

/// Refuses a JSON file whose `schema` is higher than ours: it may say what we cannot know.
pub(crate) fn refuse_newer(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { schema }) if schema > SCHEMA => Err(Error::Newer { path: path.to_owned(), schema }),
        _ => Ok(()),
    }
}

/// The one marker of the cell `id` that holds, or what speaks against it.
pub(crate) fn examine(folder: &Path, id: &CellId, hashes: bool) -> Result<(Option<Marker>, Vec<String>), Error> {
    let (mut markers, mut doubts) = read_markers(folder)?;
    for marker in &markers {
        if marker.id != *id {
            return Err(Error::OtherCell { path: folder.to_owned(), expected: id.clone(), found: marker.id.clone() });
        }
        doubts.extend(marker.doubts(folder, hashes));
    }
    if markers.len() > 1 {
        let names: Vec<_> = markers.iter().map(|marker| marker.state.file_name()).collect();
        doubts.push(format!("{} stand side by side", names.join(" and ")));
    }
    Ok((if doubts.is_empty() { markers.pop() } else { None }, doubts))
}
