//! What the tests share: a temporary folder with files, and loading without folders of known sets.

use std::fs;
use std::path::Path;

use rbm_data::{DataConfig, DataFolders, Dataset, Error, NoProgress, Source, load};

/// A temporary folder that files are written to and loaded from.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> DataConfig {
        fs::write(self.path().join(name), bytes).expect("the folder is writable");
        DataConfig::new(Source::File(name.into()))
    }

    pub(crate) fn load(&self, config: &DataConfig) -> Result<Dataset, Error> {
        let folders = DataFolders { data_dir: None, cache: self.path().join("cache") };
        load(config, self.path(), &folders, &NoProgress)
    }
}

/// A `.npy` file, version 1.0, written by hand.
pub(crate) fn npy(kind: &str, fortran: bool, shape: &str, body: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.as_bytes());
    file.extend(body);
    file
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(shape: &[u32], body: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|n| file.extend(n.to_be_bytes()));
    file.extend(body);
    file
}

pub(crate) fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// All rows of the training set as evaluation sees them.
pub(crate) fn rows(split: &rbm_data::Split) -> Vec<Vec<f64>> {
    (0..split.len())
        .map(|row| {
            let mut out = vec![9.0; split.visible()];
            split.row(row, &mut out);
            out
        })
        .collect()
}
