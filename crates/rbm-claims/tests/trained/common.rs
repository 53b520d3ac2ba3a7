//! What the tests share: a temporary folder with data and cells, and protocols by their names.

use std::path::{Path, PathBuf};

use rbm_claims::{
    Error, Label, Labels, Measurement,
    protocol::{Inputs, Output, PROTOCOLS, TrainedCell},
};
use rbm_data::DataFolders;
use rbm_model::{Parameters, Precision, weights_file};
use rbm_runner::{Config, DataSets, StopFlag};

/// A temporary folder that data and cells are written to.
pub(crate) struct Laboratory(tempfile::TempDir);

impl Laboratory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// An IDX file of pictures, and one of their labels beside it; the path of the first.
    pub(crate) fn pictures(&self, name: &str, side: u32, rows: &[(Vec<u8>, u8)]) -> PathBuf {
        let idx = |shape: &[u32], body: Vec<u8>| {
            let mut file = vec![0, 0, 8, shape.len() as u8];
            shape.iter().for_each(|n| file.extend(n.to_be_bytes()));
            file.extend(body);
            file
        };
        let count = rows.len() as u32;
        let pixels = rows.iter().flat_map(|(pixels, _)| pixels.iter().map(|&state| 255 * state)).collect();
        let path = self.path().join(format!("{name}-images-idx3-ubyte"));
        std::fs::write(&path, idx(&[count, side, side], pixels)).expect("the folder is writable");
        let labels = rows.iter().map(|(_, label)| *label).collect();
        std::fs::write(self.path().join(format!("{name}-labels-idx1-ubyte")), idx(&[count], labels)).expect("writable");
        path
    }

    /// A finished cell with these parameters, of a config with these sections.
    pub(crate) fn cell(&self, name: &str, sections: &str, parameters: &Parameters) -> TrainedCell {
        let text = format!("schema = 1\nname = 'test'\n{sections}");
        let config = Config::parse(&text, &self.path().join("test.toml"), &[]).expect("a config");
        let folder = self.path().join(name);
        std::fs::create_dir(&folder).expect("the folder is writable");
        weights_file::write(&folder.join("weights.safetensors"), parameters, Precision::F64, None).expect("writable");
        let labels = Labels::from([("cell".to_owned(), Label::from(name))]);
        TrainedCell { sweep: "main".to_owned(), labels, config: config.points[0].config.clone(), folder }
    }

    /// Carries out a protocol.
    pub(crate) fn carry_out(&self, name: &str, cells: &[TrainedCell], parameters: &str) -> Result<Output, Error> {
        let output = self.carry_out_until(name, cells, parameters, &StopFlag::new())?;
        assert!(output.measurements.iter().all(|measured| measured.value.is_finite()));
        Ok(output)
    }

    /// Carries out a protocol until it is stopped.
    pub(crate) fn carry_out_until(
        &self,
        name: &str,
        cells: &[TrainedCell],
        parameters: &str,
        stop: &StopFlag,
    ) -> Result<Output, Error> {
        let protocol = PROTOCOLS.iter().find(|known| known.name == name).expect("a protocol");
        let parameters: toml::Table = parameters.parse().expect("a table");
        let mut data = DataSets::quiet(DataFolders { data_dir: None, cache: self.path().join("cache") });
        let progress = |share: f64| assert!((0.0..=1.0).contains(&share));
        (protocol.run)(&mut Inputs {
            protocol: protocol.name,
            parameters: &parameters,
            cells,
            data: &mut data,
            progress: &progress,
            stop,
        })
    }
}

/// The measurements of a quantity under some labels.
pub(crate) fn of<'a>(output: &'a Output, quantity: &str, labels: &[(&str, Label)]) -> Vec<&'a Measurement> {
    let has = |measured: &Measurement| labels.iter().all(|(name, label)| measured.labels.get(*name) == Some(label));
    output.measurements.iter().filter(|measured| measured.quantity == quantity && has(measured)).collect()
}

/// The only one of them.
pub(crate) fn only(output: &Output, quantity: &str, labels: &[(&str, Label)]) -> f64 {
    match of(output, quantity, labels)[..] {
        [measured] => measured.value,
        ref found => panic!("{} times {quantity} under {labels:?}", found.len()),
    }
}
