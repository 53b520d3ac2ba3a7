//! Files that commands write: arrays for numpy.

use std::path::{Path, PathBuf};

use npyz::{AutoSerialize, WriterBuilder};

use crate::diagnose::Failure;

/// Writes an array as `.npy`, whole or not at all.
pub(crate) fn write_npy<T: AutoSerialize>(
    path: &Path,
    shape: &[u64],
    values: impl IntoIterator<Item = T>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let write = |bytes: &mut Vec<u8>| -> std::io::Result<()> {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(bytes).begin_nd()?;
        writer.extend(values)?;
        writer.finish()
    };
    write(&mut bytes).map_err(|error| Failure::machine(format!("failed to write {}: {error}", path.display())))?;
    Ok(rbm_store::write_atomically(path, &bytes)?)
}

/// `FILE-labels.npy` beside `FILE.npy`.
pub(crate) fn labels_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{stem}-labels.npy"))
}

/// Whether a file's name ends in `.suffix`, in letters of either case.
pub(crate) fn has_suffix(path: &Path, suffix: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(suffix))
}
