//! What `rbm data info` tells about a data set.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::dataset::Dataset;
use crate::split::Split;

/// A data set in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetDescription {
    /// The built-in name, or the file's name.
    pub name: String,
    /// Visible units.
    pub units: usize,
    /// Height and width if rows can be shown as pictures.
    pub image: Option<[usize; 2]>,
    /// The data set's digest.
    pub digest: String,
    /// The splits that there are.
    pub splits: Vec<SplitDescription>,
}

/// A split in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitDescription {
    /// `train`, `validation` or `test`.
    pub name: &'static str,
    /// Rows.
    pub rows: usize,
    /// Whether rows are bits; otherwise grey values.
    pub binary: bool,
    /// The mean of all values: the share of ones if rows are bits.
    pub mean: f64,
    /// Rows that are the same as an earlier one.
    pub duplicates: usize,
    /// Units with the same value in every row.
    pub constant_units: usize,
    /// Rows of each class, if there are labels.
    pub classes: Option<BTreeMap<u32, usize>>,
}

impl Dataset {
    /// The data set in figures.
    pub fn describe(&self) -> DatasetDescription {
        let splits =
            [("train", Some(&self.train)), ("validation", self.validation.as_ref()), ("test", self.test.as_ref())];
        DatasetDescription {
            name: self.name.clone(),
            units: self.train.visible(),
            image: self.image.map(|image| [image.height, image.width]),
            digest: self.digest.clone(),
            splits: splits.into_iter().filter_map(|(name, split)| Some(describe(name, split?))).collect(),
        }
    }
}

fn describe(name: &'static str, split: &Split) -> SplitDescription {
    let visible = split.visible();
    let mean = split.mean();
    // Duplicates are counted by a 128-bit hash, so that grey rows need not be kept.
    let mut seen = HashSet::with_capacity(split.len());
    let (mut row, mut first) = (vec![0.0; visible], vec![0.0; visible]);
    let mut constant = vec![true; visible];
    for index in 0..split.len() {
        split.row(index, &mut row);
        if index == 0 {
            first.copy_from_slice(&row);
        }
        constant.iter_mut().zip(row.iter().zip(&first)).for_each(|(constant, (a, b))| *constant &= a == b);
        seen.insert(fingerprint(&row));
    }
    SplitDescription {
        name,
        rows: split.len(),
        binary: split.is_binary(),
        mean: mean.iter().sum::<f64>() / visible as f64,
        duplicates: split.len() - seen.len(),
        constant_units: constant.into_iter().filter(|&constant| constant).count(),
        classes: split.labels().map(|labels| {
            labels.iter().fold(BTreeMap::new(), |mut classes, &label| {
                *classes.entry(label).or_default() += 1;
                classes
            })
        }),
    }
}

fn fingerprint(row: &[f64]) -> [u8; 16] {
    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = row.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    let mut out = [0; 16];
    out.copy_from_slice(&Sha256::digest(&bytes)[..16]);
    out
}
