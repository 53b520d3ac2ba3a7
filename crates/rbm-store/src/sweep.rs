//! One sweep's folder: the frozen plan, the code that ran, links to the cells, and what is drawn from them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::atomic::{remove_temporaries, write_atomically_as};
use crate::cell::CellFolder;
use crate::disk::{self, Target};
use crate::error::{Error, absent_as_none};
use crate::hash::{SHORT, is_hex};
use crate::layout::{CELLS, CODE, PLAN, RESERVED_IN_SWEEP, RUNS, SWEEP};
use crate::names::{check_cell_name, check_file_name, check_name};
use crate::results::{Listing, PassedOver, Results};

/// A temporary that nobody touched for so long was left by a kill; other processes may be at work on younger ones.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder `results/<name>-<hash12>/`, which may not exist yet. Reading creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepFolder {
    results: Results,
    name: String,
    hash: String,
    path: PathBuf,
}

/// What a sweep is started with.
#[derive(Clone, Debug, Default)]
pub struct SweepFiles<'a> {
    /// `sweep.toml`: the config as given.
    pub sweep_toml: &'a [u8],
    /// `plan.jsonl`: one line a cell.
    pub plan: &'a [u8],
    /// What goes under `code/`, by name: `git.json`, `dirty.patch`, `Cargo.lock`.
    pub code: Vec<(&'a str, &'a [u8])>,
}

/// Whether a sweep was started now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The folder is new.
    New,
    /// It was there, with the same plan.
    Before,
}

impl SweepFolder {
    pub(crate) fn new(results: Results, name: &str, hash12: &str) -> Result<Self, Error> {
        check_name(name)?;
        if !is_hex(hash12, SHORT) {
            return Err(Error::Id {
                text: hash12.to_owned(),
                reason: "the hash of a sweep is 12 lower-case hexadecimal digits",
            });
        }
        let path = results.path().join(format!("{name}-{hash12}"));
        Ok(Self { results, name: name.to_owned(), hash: hash12.to_owned(), path })
    }

    /// The sweep in the folder at `path`, such as a user names it; the results folder is the one above.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no sweep was started there.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let absent = || Error::NotFound { what: "a sweep".to_owned(), path: path.to_owned() };
        let whole = fs::canonicalize(path).map_err(|_| absent())?;
        let folder = whole.file_name().and_then(|name| name.to_str()).ok_or_else(absent)?;
        let (name, hash) = folder.rsplit_once('-').ok_or_else(absent)?;
        // The folder above as the user wrote it, for messages; where the path shows none (`.`), as it really is.
        let shown = path.ends_with(folder).then(|| path.parent()).flatten();
        let above = match shown {
            Some(above) if above.as_os_str().is_empty() => Path::new("."),
            Some(above) => above,
            None => whole.parent().ok_or_else(absent)?,
        };
        let sweep = Self::new(Results::open(above)?, name, hash).map_err(|_| absent())?;
        if sweep.exists() { Ok(sweep) } else { Err(absent()) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The results folder it lies in.
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// The sweep's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The 12 digits after the name.
    pub fn hash12(&self) -> &str {
        &self.hash
    }

    /// Whether the sweep was started: its plan is there.
    pub fn exists(&self) -> bool {
        self.path.join(PLAN).is_file()
    }

    /// Starts the sweep, or finds it started. All or nothing: the folder is built aside and renamed; several processes may
    /// do so at once. In a folder that was there, the plan must be equal byte for byte, `sweep.toml` and `code/` stay as they
    /// were when it started, and files that are missing are filled in.
    ///
    /// # Errors
    /// [`Error::PlanDiffers`] with the line, if the sweep was started with another plan.
    pub fn create(&self, files: &SweepFiles<'_>) -> Result<Created, Error> {
        for (name, _) in &files.code {
            check_file_name(name, &[])?;
        }
        if !self.path.is_dir() && self.create_new(files)? {
            return Ok(Created::New);
        }
        self.complete(files)?;
        Ok(Created::Before)
    }

    /// Builds the folder aside and puts it in place; false if another was faster.
    fn create_new(&self, files: &SweepFiles<'_>) -> Result<bool, Error> {
        let root = self.results.path();
        disk::create_folder(Target::Sweep, root)?;
        remove_temporaries(root, false, Some(ABANDONED))?;
        let aside = disk::create_temporary_folder(Target::Sweep, &self.path, root)?;
        write_missing(aside.path(), files)?;
        match disk::rename(Target::Sweep, aside.path(), &self.path) {
            Ok(()) => {
                let _ = aside.keep();
                disk::sync_folder(Target::Sweep, root)?;
                Ok(true)
            }
            Err(_) if self.exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn complete(&self, files: &SweepFiles<'_>) -> Result<(), Error> {
        remove_temporaries(&self.path, true, Some(ABANDONED))?;
        if let Some(plan) = absent_as_none(disk::read(&self.path.join(PLAN)))?
            && plan != files.plan
        {
            return Err(Error::PlanDiffers { path: self.path.clone(), line: first_difference(&plan, files.plan) });
        }
        write_missing(&self.path, files)
    }

    /// The content of `plan.jsonl`.
    pub fn read_plan(&self) -> Result<Vec<u8>, Error> {
        disk::read(&self.path.join(PLAN))
    }

    /// The content of `sweep.toml`.
    pub fn read_sweep_toml(&self) -> Result<Vec<u8>, Error> {
        disk::read(&self.path.join(SWEEP))
    }

    /// The content of a file under `code/`; none if it is absent.
    pub fn read_code(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        check_file_name(name, &[])?;
        absent_as_none(disk::read(&self.path.join(CODE).join(name)))
    }

    /// Makes `runs/<name>` point to the cell, relative, so that the results folder may be moved. Several processes may do so
    /// at once, and the cell need not have begun.
    ///
    /// # Errors
    /// [`Error::LinkTaken`] if the name stands for something else already.
    pub fn link_cell(&self, name: &str, cell: &CellFolder) -> Result<(), Error> {
        check_cell_name(name)?;
        let link = self.path.join(RUNS).join(name);
        let wanted = Path::new("..").join("..").join(CELLS).join(cell.id().short());
        match fs::read_link(&link) {
            Ok(found) if found == wanted => return Ok(()),
            Ok(_) => {}
            Err(_) => {
                disk::create_folder(Target::Sweep, &self.path.join(RUNS))?;
                match disk::link(Target::Sweep, &wanted, &link) {
                    Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                    other => return other,
                }
            }
        }
        let found = match fs::read_link(&link) {
            Ok(found) if found == wanted => return Ok(()),
            Ok(found) => format!("it points to {}", found.display()),
            Err(_) => "something else stands there".to_owned(),
        };
        Err(Error::LinkTaken { path: link, wanted: wanted.display().to_string(), found })
    }

    /// The cells under `runs/` with their readable names, of those begun. Goes on past links that are none.
    pub fn runs(&self) -> Result<Listing<(String, CellFolder)>, Error> {
        let folder = self.path.join(RUNS);
        let mut listing = Listing::empty();
        for name in disk::names_in(&folder)? {
            let path = folder.join(&name);
            let target = fs::read_link(&path).unwrap_or_default();
            let digits = target.file_name().and_then(|digits| digits.to_str()).unwrap_or_default();
            if !is_hex(digits, SHORT) || target != Path::new("..").join("..").join(CELLS).join(digits) {
                listing.passed_over.push(PassedOver::new(path, "it is no link to a cell"));
                continue;
            }
            match CellFolder::at(&self.results.path().join(CELLS).join(digits)) {
                Ok(cell) => listing.found.push((name, cell)),
                Err(Error::NotFound { .. }) => {}
                Err(error) => listing.passed_over.push(PassedOver::because_of(path, &error)),
            }
        }
        Ok(listing)
    }

    /// Writes what is drawn from the cells, atomically: `summary.parquet`, `summary.csv`, `report.html`, `figures/*.svg`.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that leaves the folder or was frozen when the sweep started.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        check_file_name(name, &RESERVED_IN_SWEEP)?;
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            disk::create_folder(Target::Sweep, folder)?;
        }
        write_atomically_as(Target::File, &path, bytes)
    }

    /// The content of a file that [`SweepFolder::write_file`] wrote; none if it is absent.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        check_file_name(name, &RESERVED_IN_SWEEP)?;
        absent_as_none(disk::read(&self.path.join(name)))
    }
}

/// Writes those of the files that are not there, the plan last: where it stands, all stand.
fn write_missing(folder: &Path, files: &SweepFiles<'_>) -> Result<(), Error> {
    let code = folder.join(CODE);
    disk::create_folder(Target::Sweep, &code)?;
    disk::create_folder(Target::Sweep, &folder.join(RUNS))?;
    let named = files.code.iter().map(|&(name, bytes)| (code.join(name), bytes));
    let own = [(folder.join(SWEEP), files.sweep_toml), (folder.join(PLAN), files.plan)];
    for (path, bytes) in named.chain(own) {
        if !path.exists() {
            write_atomically_as(Target::Sweep, &path, bytes)?;
        }
    }
    Ok(())
}

/// The first line, counted from 1, at which two plans part.
fn first_difference(one: &[u8], other: &[u8]) -> usize {
    let lines = |bytes| <[u8]>::split(bytes, |&byte| byte == b'\n');
    1 + lines(one).zip(lines(other)).take_while(|(one, other)| one == other).count()
}
