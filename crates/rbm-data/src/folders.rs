//! Where known data sets are looked for and kept.

use std::env;
use std::path::PathBuf;

/// The folders that are searched for MNIST and Fashion-MNIST, and the one that keeps what was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolders {
    /// A folder of the user's own, searched first; never written to.
    pub data_dir: Option<PathBuf>,
    /// The user's cache; a data set lies in a folder of its name within.
    pub cache: PathBuf,
}

impl DataFolders {
    /// The folder given (`--data-dir`) or else `RBM_DATA_DIR`, and `rbm-lab` in the user's cache (`XDG_CACHE_HOME`, or
    /// `.cache` in the home folder).
    pub fn from_env(data_dir: Option<PathBuf>) -> Self {
        let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = folder("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".cache")))
            .unwrap_or_else(env::temp_dir);
        Self { data_dir: data_dir.or_else(|| folder("RBM_DATA_DIR")), cache: cache.join("rbm-lab") }
    }
}
