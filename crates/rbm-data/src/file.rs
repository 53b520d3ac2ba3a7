//! A user's file: which reader takes it, and what it may cost.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::FileProblem;
use crate::idx::{Available, Idx};
use crate::table::Table;
use crate::{npy, tensors};

/// A packed file unpacks to at most so many times its size, or to [`UNPACKED_FLOOR`]: MNIST takes 5.
const UNPACKED_FACTOR: u64 = 100;
/// What even a small packed file may unpack to.
const UNPACKED_FLOOR: u64 = 64 << 20;

/// The most that a packed file of this size may unpack to.
pub(crate) fn unpacked_limit(packed: u64) -> u64 {
    packed.saturating_mul(UNPACKED_FACTOR).max(UNPACKED_FLOOR)
}

/// Reads a file's rows; `key` chooses an array, or names a table's column of labels.
pub(crate) fn read(path: &Path, key: Option<&str>) -> Result<Table, FileProblem> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain_name = name.strip_suffix(".gz").unwrap_or(&name);
    let is = |suffix: &str| name.ends_with(suffix);
    if plain_name.ends_with(".idx") || plain_name.ends_with("ubyte") {
        let labels = labels_beside(path).map(|labels| open_idx(&labels)?.into_labels()).transpose()?;
        open_idx(path)?.into_table()?.with_labels(labels)
    } else if is(".npy") {
        npy::read_npy(&whole(path)?)
    } else if is(".npz") {
        npy::read_npz(open(path)?, key)
    } else if is(".safetensors") {
        tensors::read(&whole(path)?, key)
    } else if is(".csv") || is(".parquet") {
        table_file(path, is(".csv"), key)
    } else {
        open(path)?; // a file that is not there is the first thing to say
        Err(FileProblem::UnknownSuffix)
    }
}

#[cfg(feature = "tables")]
fn table_file(path: &Path, csv: bool, key: Option<&str>) -> Result<Table, FileProblem> {
    crate::tables::read(open(path)?, csv, key)
}

#[cfg(not(feature = "tables"))]
fn table_file(path: &Path, _csv: bool, _key: Option<&str>) -> Result<Table, FileProblem> {
    open(path)?;
    Err(FileProblem::NoTables)
}

/// A file that is there and not empty.
pub(crate) fn open(path: &Path) -> Result<File, FileProblem> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(FileProblem::Empty);
    }
    Ok(file)
}

/// A file's bytes, none of them unpacked.
fn whole(path: &Path) -> Result<Vec<u8>, FileProblem> {
    open(path)?;
    Ok(fs::read(path)?)
}

fn open_idx(path: &Path) -> Result<Idx, FileProblem> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if is_gzip(path) {
        let limit = unpacked_limit(length);
        Idx::read(&mut MultiGzDecoder::new(BufReader::new(file)), Available::AtMost(limit)).map_err(gzip_problem)
    } else {
        Idx::read(&mut BufReader::new(file), Available::Exactly(length))
    }
}

/// Whether the name says gzip.
pub(crate) fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("gz"))
}

/// A failure in unpacking is the file's, not the system's.
pub(crate) fn gzip_problem(problem: FileProblem) -> FileProblem {
    match problem {
        FileProblem::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            FileProblem::Malformed { format: "gzip", reason: "it ends early".into() }
        }
        FileProblem::Io(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            FileProblem::Malformed { format: "gzip", reason: error.to_string() }
        }
        other => other,
    }
}

/// `x-labels-idx1-ubyte` beside `x-images-idx3-ubyte`, each with or without `.gz`.
fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let plain = name.strip_suffix(".gz").unwrap_or(name).replace("images-idx3", "labels-idx1");
    if !plain.contains("labels-idx1") || name.contains("labels-idx1") {
        return None;
    }
    [plain.clone(), format!("{plain}.gz")].iter().map(|name| path.with_file_name(name)).find(|path| path.is_file())
}

/// Reads at most `limit` bytes; more is refused.
pub(crate) fn read_limited(reader: &mut dyn Read, limit: u64) -> Result<Vec<u8>, FileProblem> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(FileProblem::Bomb { limit }) } else { Ok(bytes) }
}
