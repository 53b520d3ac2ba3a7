//! Data sets, loaded once for the cells that share them.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use rbm_data::{DataConfig, DataFolders, Dataset, FetchProgress, NoProgress, Split, load, load_expecting};
use serde::{Deserialize, Serialize};

/// What a plan needs to know of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// SHA-256 of the splits.
    pub digest: String,
    /// Units of a row.
    pub visible: usize,
    /// Training rows.
    pub rows: usize,
    /// Validation rows.
    pub validation_rows: usize,
}

impl DataFacts {
    /// The facts of a loaded data set.
    pub fn of(data: &Dataset) -> Self {
        Self {
            digest: data.digest.clone(),
            visible: data.train.visible(),
            rows: data.train.len(),
            validation_rows: data.validation.as_ref().map_or(0, Split::len),
        }
    }
}

/// A data set with its training rows ready to be shared with a trainer.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The data set.
    pub data: Arc<Dataset>,
    /// Its training rows.
    pub train: Arc<Split>,
    /// The mean of each unit over them, once it was asked for: cells of a sweep start with the same one.
    means: Arc<OnceLock<Vec<f64>>>,
}

impl Loaded {
    fn new(data: Dataset) -> Self {
        Self { train: Arc::new(data.train.clone()), data: Arc::new(data), means: Arc::default() }
    }

    /// The mean of each unit over the training rows, `[visible]`.
    pub fn train_means(&self) -> &[f64] {
        self.means.get_or_init(|| self.train.mean())
    }
}

/// Loads data sets and keeps the last one: cells that follow each other in a plan mostly share theirs.
pub struct DataSets {
    folders: DataFolders,
    progress: Box<dyn FetchProgress>,
    last: Option<(DataConfig, Loaded)>,
    facts: Vec<(DataConfig, DataFacts)>,
}

impl DataSets {
    /// Looks into `folders`, and tells `progress` of what must be fetched.
    pub fn new(folders: DataFolders, progress: Box<dyn FetchProgress>) -> Self {
        Self { folders, progress, last: None, facts: Vec::new() }
    }

    /// As [`Self::new`], in silence.
    pub fn quiet(folders: DataFolders) -> Self {
        Self::new(folders, Box::new(NoProgress))
    }

    /// The data set of a resolved `[data]` section, whose paths are absolute.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn load(&mut self, config: &DataConfig) -> Result<Loaded, rbm_data::Error> {
        self.load_as(config, None)
    }

    /// The same for a plan that has the rows' digest, which spares hashing the files; where the digest is another one,
    /// the caller is to say so.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn load_planned(&mut self, config: &DataConfig, digest: &str) -> Result<Loaded, rbm_data::Error> {
        self.load_as(config, Some(digest))
    }

    fn load_as(&mut self, config: &DataConfig, digest: Option<&str>) -> Result<Loaded, rbm_data::Error> {
        if let Some((_, loaded)) = self.last.as_ref().filter(|(last, _)| last == config) {
            return Ok(loaded.clone());
        }
        self.last = None; // frees its memory before the next one takes more
        let (base, progress) = (Path::new(""), self.progress.as_ref());
        let data = match digest {
            Some(digest) => load_expecting(digest, config, base, &self.folders, progress)?,
            None => load(config, base, &self.folders, progress)?,
        };
        let loaded = Loaded::new(data);
        self.last = Some((config.clone(), loaded.clone()));
        Ok(loaded)
    }

    /// What a plan needs to know; remembered for every section seen.
    ///
    /// # Errors
    /// When the data cannot be had.
    pub fn facts(&mut self, config: &DataConfig) -> Result<DataFacts, rbm_data::Error> {
        if let Some((_, facts)) = self.facts.iter().find(|(known, _)| known == config) {
            return Ok(facts.clone());
        }
        let facts = DataFacts::of(&self.load(config)?.data);
        self.facts.push((config.clone(), facts.clone()));
        Ok(facts)
    }
}
