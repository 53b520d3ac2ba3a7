//! The results folder: its cells and sweeps.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use crate::cell::{self, CellFolder};
use crate::disk;
use crate::error::Error;
use crate::hash::{CellId, SHORT, is_hex};
use crate::layout::{CELLS, LEASE, NOT_SWEEPS};
use crate::sweep::SweepFolder;

/// The folder `results/`. It may not exist yet: only writing creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    path: PathBuf,
}

/// Something in a results folder that is not what should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it was passed over.
    pub reason: String,
}

impl PassedOver {
    pub(crate) fn new(path: PathBuf, reason: impl Into<String>) -> Self {
        Self { path, reason: reason.into() }
    }

    pub(crate) fn because_of(path: PathBuf, error: &Error) -> Self {
        let mut reason = format!("failed to {error}");
        if let Some(source) = error.source() {
            reason += &format!(": {source}");
        }
        Self { path, reason }
    }
}

/// What was found, in the order of names, and what was passed over on the way.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// What was found.
    pub found: Vec<T>,
    /// Foreign or broken files and folders among them.
    pub passed_over: Vec<PassedOver>,
}

impl<T> Listing<T> {
    pub(crate) fn empty() -> Self {
        Self { found: Vec::new(), passed_over: Vec::new() }
    }
}

impl Results {
    /// The results folder at `path`. Creates nothing, and lists as empty where there is none.
    ///
    /// # Errors
    /// [`Error::Io`] if something stands there that is no folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if path.exists() && !path.is_dir() {
            return Err(Error::Io { action: "open", path, source: std::io::ErrorKind::NotADirectory.into() });
        }
        Ok(Self { path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is there.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// The folder of a cell, whether or not it exists yet.
    pub fn cell(&self, id: &CellId) -> CellFolder {
        CellFolder::new(self.path.join(CELLS).join(id.short()), id.clone())
    }

    /// The folder of a sweep, whether or not it exists yet.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that could leave the folder, [`Error::Id`] unless `hash12` is 12 hexadecimal digits.
    pub fn sweep(&self, name: &str, hash12: &str) -> Result<SweepFolder, Error> {
        SweepFolder::new(self.clone(), name, hash12)
    }

    /// The cells begun, by their ids. Goes on past folders that are none.
    pub fn cells(&self) -> Result<Listing<CellFolder>, Error> {
        let folder = self.path.join(CELLS);
        let mut listing = Listing::empty();
        for name in disk::names_in(&folder)? {
            let path = folder.join(&name);
            if name.starts_with('.') {
                continue;
            }
            if !is_hex(&name, SHORT) || !path.is_dir() {
                listing
                    .passed_over
                    .push(PassedOver::new(path, "it is no cell: those are folders named by 12 hexadecimal digits"));
                continue;
            }
            match cell::identify(&path) {
                Ok(Some(id)) if id.short() == name => listing.found.push(CellFolder::new(path, id)),
                Ok(Some(id)) => {
                    listing
                        .passed_over
                        .push(PassedOver::new(path, format!("it holds cell {id}, which belongs elsewhere")));
                }
                Ok(None) if is_untouched(&path) => {}
                Ok(None) => {
                    listing.passed_over.push(PassedOver::new(path, "neither its run.json nor a marker can be read"));
                }
                Err(error) => listing.passed_over.push(PassedOver::because_of(path, &error)),
            }
        }
        Ok(listing)
    }

    /// The one cell whose id begins with `prefix`, of those begun.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Ambiguous`].
    pub fn find_cell(&self, prefix: &str) -> Result<CellFolder, Error> {
        let mut matches = self.cells()?.found;
        matches.retain(|cell| !prefix.is_empty() && cell.id().as_str().starts_with(prefix));
        match matches.len() {
            1 => Ok(matches.remove(0)),
            0 => Err(Error::NotFound { what: format!("a cell {prefix:?}"), path: self.path.join(CELLS) }),
            _ => {
                let matches = matches.iter().map(|cell| cell.id().short().to_owned()).collect();
                Err(Error::Ambiguous { prefix: prefix.to_owned(), matches })
            }
        }
    }

    /// The sweeps, by their names. Goes on past folders that are none.
    pub fn sweeps(&self) -> Result<Listing<SweepFolder>, Error> {
        let mut listing = Listing::empty();
        for name in disk::names_in(&self.path)? {
            let path = self.path.join(&name);
            if name.starts_with('.') || NOT_SWEEPS.contains(&name.as_str()) {
                continue;
            }
            match SweepFolder::at(&path) {
                Ok(sweep) => listing.found.push(sweep),
                Err(error) => listing.passed_over.push(PassedOver::because_of(path, &error)),
            }
        }
        Ok(listing)
    }
}

/// Whether a worker took the lease and came no further.
fn is_untouched(cell: &Path) -> bool {
    disk::names_in(cell).is_ok_and(|names| names.iter().all(|name| name == LEASE || name.starts_with('.')))
}
