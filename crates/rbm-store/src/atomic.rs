//! Writes that leave either the old content or the new, whenever they are cut off.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::disk::{self, Target};
use crate::error::Error;
use crate::layout::TEMPORARY;

/// Puts `bytes` into the file at `path`, in one step as seen by every reader and every crash.
///
/// A temporary sibling is written and brought to the disk, renamed over `path`, and the folder brought to the disk. On
/// failure the old content stays and the temporary is gone; after a kill a temporary may stay, which the next holder of
/// the cell's lease removes.
///
/// # Errors
/// [`Error::Io`] with the path, for a full disk, a read-only folder and the like.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomically_as(Target::File, path, bytes)
}

/// As [`write_atomically`], with steps named after `target`.
pub(crate) fn write_atomically_as(target: Target, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    place_atomically(target, path, bytes)?;
    disk::sync_folder(target, folder_of(path))
}

/// As [`write_atomically_as`], but leaves it to the caller to bring the folder to the disk: once for several files.
pub(crate) fn place_atomically(target: Target, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = folder_of(path);
    let (mut file, temporary) = disk::create_temporary(target, path, folder)?;
    disk::write(target, path, &mut file, bytes)?;
    disk::sync(target, path, &file)?;
    drop(file);
    disk::rename(target, &temporary, path)?;
    // Nothing is left under the temporary's name: forget it, lest its removal hit another's file of the same name.
    let _ = temporary.keep();
    Ok(())
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes the temporaries that kills left in `folder` and, if `deep`, in the folders within; only those that nobody
/// touched for `age`. Without an age the caller must be the folder's only writer.
pub(crate) fn remove_temporaries(folder: &Path, deep: bool, age: Option<Duration>) -> Result<(), Error> {
    for name in disk::names_in(folder)? {
        let path = folder.join(&name);
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if name.starts_with(TEMPORARY) {
            if age.is_none_or(|age| is_older(&metadata, age)) {
                disk::remove(Target::Temporary, &path)?;
            }
        } else if deep && metadata.is_dir() {
            remove_temporaries(&path, deep, age)?;
        }
    }
    Ok(())
}

fn is_older(metadata: &std::fs::Metadata, age: Duration) -> bool {
    let touched = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    touched.is_some_and(|since| since > age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_content_replaces_the_old() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("weights");
        write_atomically(&path, b"old").expect("writes");
        write_atomically(&path, b"new").expect("writes again");
        assert_eq!(disk::read(&path).expect("reads"), b"new");
        assert_eq!(disk::names_in(folder.path()).expect("lists"), ["weights"]);
    }

    #[cfg(unix)]
    #[test]
    fn written_files_are_readable_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, b"x").expect("writes");
        std::fs::write(&plain, b"x").expect("writes");
        let mode = |path: &Path| path.metadata().expect("exists").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn young_temporaries_of_others_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join(".tmp-report.html-x"), b"x").expect("writes");
        remove_temporaries(folder.path(), false, Some(Duration::from_secs(3600))).expect("cleans");
        assert_eq!(disk::names_in(folder.path()).expect("lists").len(), 1);
    }
}
