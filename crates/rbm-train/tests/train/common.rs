//! What the tests of training share.

use std::io::Write;
use std::sync::Arc;

use rbm_data::{Binarization, DataConfig, DataFolders, NoProgress, Source, Split, load};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm};
use rbm_ops::{BackendName, open};
use rbm_train::{TrainConfig, Trainer};

/// Bars and stripes of 3 x 3, 16 rows.
pub(crate) fn bars_and_stripes() -> Arc<Split> {
    data(&DataConfig::new(Source::BarsAndStripes))
}

/// Rows given as numbers in `[0, 1]`, by way of a file. Grey values stay as they are.
pub(crate) fn rows(rows: &[Vec<f32>]) -> Arc<Split> {
    by_file(rows, Binarization::None)
}

/// Rows given as numbers that are 0 or 1, kept as bits.
pub(crate) fn states(rows: &[Vec<f32>]) -> Arc<Split> {
    by_file(rows, Binarization::Threshold)
}

fn by_file(rows: &[Vec<f32>], binarization: Binarization) -> Arc<Split> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rows.npy");
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows.len(), rows[0].len());
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(b"\x93NUMPY\x01\x00").expect("written");
    file.write_all(&(header.len() as u16).to_le_bytes()).expect("written");
    file.write_all(header.as_bytes()).expect("written");
    for value in rows.iter().flatten() {
        file.write_all(&value.to_le_bytes()).expect("written");
    }
    data(&DataConfig { binarization, ..DataConfig::new(Source::File(path)) })
}

fn data(config: &DataConfig) -> Arc<Split> {
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    Arc::new(load(config, ".".as_ref(), &folders, &NoProgress).expect("data").train)
}

/// The machine of the oracle: 9 visible and `hidden` units, `W[j, i] = s sin(1 + 0.7 i + 1.3 j + 0.11 i j)`.
pub(crate) fn oracle(hidden: usize, s: f64, biases: bool) -> Parameters {
    let mut weights = Vec::new();
    for j in 0..hidden {
        for i in 0..9 {
            let (i, j) = (i as f64, j as f64);
            weights.push(s * (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin());
        }
    }
    let scale = if biases { 1.0 } else { 0.0 };
    let a = (0..9).map(|i| scale * 0.3 * f64::from(i).cos()).collect();
    let b = (0..hidden).map(|j| scale * (-0.2 + 0.1 * (2.0 * j as f64).sin())).collect();
    Parameters::new(weights, a, b).expect("sizes fit")
}

pub(crate) fn trainer(config: &TrainConfig, start: &Parameters, precision: Precision, rows: Arc<Split>) -> Trainer {
    trainer_on(BackendName::Flex, config, start, precision, rows)
}

pub(crate) fn trainer_on(
    backend: BackendName,
    config: &TrainConfig,
    start: &Parameters,
    precision: Precision,
    rows: Arc<Split>,
) -> Trainer {
    let device = open(backend).expect("built in");
    Trainer::new(config, Rbm::new(start, &ModelConfig::default(), precision, &device), rows, 7)
        .expect("a fitting set-up")
}

/// Trains to the end.
pub(crate) fn finish(mut trainer: Trainer) -> Trainer {
    while !trainer.is_finished() {
        (trainer, _) = trainer.step().expect("training does not diverge");
    }
    trainer
}
