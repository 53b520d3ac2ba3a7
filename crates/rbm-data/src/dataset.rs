//! From a `[data]` section to splits.

use std::path::Path;
use std::sync::Arc;

use rbm_random::{Draw, Sequence, Stream};

use crate::config::{Binarization, DataConfig, Source};
use crate::error::{Error, FileProblem};
use crate::known::{self, Check, Reading};
use crate::rows::{BitRows, Grey};
use crate::split::{EachEpoch, Rows, Split, states};
use crate::table::{ImageShape, Table, Values};
use crate::{DataFolders, FetchProgress, digest, file, generated};

/// A data set, ready for training: values in `[0, 1]`, split and binarised.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The built-in name, or the file's name.
    pub name: String,
    /// Rows to train on; with a validation set they stand in shuffled order, otherwise in the file's.
    pub train: Split,
    /// Rows held out of the training set, if asked for.
    pub validation: Option<Split>,
    /// Rows of a file of their own, if there is one.
    pub test: Option<Split>,
    /// Height and width if rows can be shown as pictures: known, or guessed where the units make a square.
    pub image: Option<ImageShape>,
    /// SHA-256 of the splits in hexadecimal, the same however the file stored them.
    pub digest: String,
    /// How grey values became states.
    pub binarization: Binarization,
}

/// Test rows draw apart from training rows: their numbers have the highest bit set.
const TEST_ROWS: u32 = 1 << 31;

/// Loads a data set: from a generator, a file, or the folders where known sets are kept and fetched to.
///
/// In this order: `invert` on all rows; `rows` keeps the first rows of the training set; `validation` shuffles them by
/// `data.seed` and holds out the last; binarisation, where the draws are keyed by a row's number in its file.
///
/// # Errors
/// A value that cannot be obeyed, a bad file, or a known data set that cannot be had.
pub fn load(
    config: &DataConfig,
    base: &Path,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
) -> Result<Dataset, Error> {
    load_as(config, base, folders, progress, Check::Checksum)
}

/// As [`load`], for a caller who knows the digest of the rows.
///
/// Published files are then not held against their checksums, which takes longer than all the rest: the digest vouches
/// for every bit that is used. Where it is another one, the set is loaded again with its checksums, which tell a
/// damaged file from a changed one: the caller compares digests as after [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_expecting(
    digest: &str,
    config: &DataConfig,
    base: &Path,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
) -> Result<Dataset, Error> {
    match load_as(config, base, folders, progress, Check::Later) {
        Ok(data) if data.digest == digest => Ok(data),
        _ => load(config, base, folders, progress),
    }
}

fn load_as(
    config: &DataConfig,
    base: &Path,
    folders: &DataFolders,
    progress: &dyn FetchProgress,
    check: Check,
) -> Result<Dataset, Error> {
    config.check().map_err(|(key, expected)| Error::Config { key, expected })?;
    let read = |path: &Path, key| {
        let path = base.join(path);
        file::read(&path, config.key.as_deref()).map_err(|problem| Error::File { key, path, problem })
    };
    let test_file = config.test.as_deref();
    let pack = config.binarization == Binarization::Threshold && !config.invert;
    let reading = Reading { check, least: least_above(config.threshold).filter(|_| pack) };
    let (train, own_test) = match &config.source {
        Source::BarsAndStripes => (generated::bars_and_stripes(config.size()), None),
        Source::LabeledShifter => (generated::labeled_shifter(config.size()), None),
        Source::File(path) => (read(path, "source")?, None),
        Source::Mnist => known::load(&known::mnist(), folders, progress, test_file.is_none(), reading)?,
        Source::FashionMnist => known::load(&known::fashion_mnist(), folders, progress, test_file.is_none(), reading)?,
    };
    let test = match test_file {
        Some(path) => Some(read(path, "test")?),
        None => own_test,
    };
    if let (Some(path), Some(test)) = (test_file, &test)
        && test.units != train.units
    {
        let problem = FileProblem::Units { expected: train.units, found: test.units };
        return Err(Error::File { key: "test", path: base.join(path), problem });
    }
    prepare(config, train, test)
}

/// Splits and binarises.
fn prepare(config: &DataConfig, train: Table, test: Option<Table>) -> Result<Dataset, Error> {
    let total = train.rows;
    let rows = config.rows.unwrap_or(total);
    if rows > total {
        return Err(Error::Config { key: "rows", expected: format!("at most the {total} rows there are, not {rows}") });
    }
    let held_out = config.validation();
    if held_out >= rows {
        let expected = format!("fewer than the {rows} rows of the training set, not {held_out}");
        return Err(Error::Config { key: "validation", expected });
    }
    let order = if held_out > 0 {
        Sequence::new(config.seed, Stream::Split, 0).permutation(rows)
    } else {
        (0..rows as u32).collect()
    };
    let image = train.image;
    let train = Prepared::new(config, train, 0);
    let (kept, last) = order.split_at(rows - held_out);
    let validation = (held_out > 0).then(|| train.split(config, last));
    let test = test.map(|table| {
        let all: Vec<u32> = (0..table.rows as u32).collect();
        Prepared::new(config, table, TEST_ROWS).split(config, &all)
    });
    let train = train.split(config, kept);
    let digest = digest::of(&train, validation.as_ref(), test.as_ref());
    let name = match &config.source {
        Source::File(path) => path.file_name().map_or_else(|| config.source.word(), |name| name.display().to_string()),
        source => source.word(),
    };
    Ok(Dataset { name, train, validation, test, image, digest, binarization: config.binarization })
}

/// A table that splits are taken from; `first` is added to its rows' numbers where states are drawn.
struct Prepared {
    units: usize,
    values: Shared,
    labels: Option<Vec<u32>>,
    first: u32,
}

enum Shared {
    Bits(BitRows),
    Grey(Arc<Grey>),
}

impl Prepared {
    fn new(config: &DataConfig, mut table: Table, first: u32) -> Self {
        if config.invert {
            table.invert();
        }
        let values = match table.values {
            Values::Bits(bits) => Shared::Bits(bits),
            Values::Grey(grey) => Shared::Grey(Arc::new(grey)),
        };
        Self { units: table.units, values, labels: table.labels, first }
    }

    fn split(&self, config: &DataConfig, index: &[u32]) -> Split {
        let rows = match &self.values {
            Shared::Bits(bits) => Rows::Bits(bits.select(index)),
            Shared::Grey(grey) => match config.binarization {
                Binarization::Threshold => Rows::Bits(self.threshold(grey, index, config.threshold)),
                Binarization::Sample => Rows::Bits(self.sample(grey, index, config.seed)),
                kind => Rows::Grey {
                    store: grey.clone(),
                    units: self.units,
                    index: index.to_vec(),
                    draw: (kind == Binarization::EachEpoch)
                        .then_some(EachEpoch { seed: config.seed, first: self.first }),
                },
            },
        };
        let labels = self.labels.as_ref().map(|labels| index.iter().map(|&row| labels[row as usize]).collect());
        Split { rows, labels }
    }

    fn threshold(&self, grey: &Grey, index: &[u32], threshold: f64) -> BitRows {
        let mut bits = BitRows::with_capacity(index.len(), self.units);
        let least = least_above(threshold);
        for &row in index {
            let first = row as usize * self.units;
            match (grey, least) {
                (Grey::Bytes(bytes), Some(least)) => bits.push_bytes(&bytes[first..first + self.units], least),
                _ => bits.push(|unit| grey.precise(first + unit) > threshold),
            }
        }
        bits
    }

    fn sample(&self, grey: &Grey, index: &[u32], seed: u64) -> BitRows {
        let mut bits = BitRows::with_capacity(index.len(), self.units);
        let mut drawn = vec![false; self.units];
        for &row in index {
            let first = row as usize * self.units;
            let at = Draw { seed, stream: Stream::Binarization, step: 0, row: self.first + row };
            states(at, self.units, |unit| grey.at(first + unit), |unit, state| drawn[unit] = state);
            bits.push(|unit| drawn[unit]);
        }
        bits
    }
}

/// The smallest byte whose value is above the threshold, if there is one.
fn least_above(threshold: f64) -> Option<u8> {
    (0..=u8::MAX).find(|&byte| Grey::value_of(byte) > threshold)
}

/// The order in which an epoch visits the rows: each order equally likely, a pure function of seed and epoch.
pub fn epoch_order(rows: usize, seed: u64, epoch: u32) -> Vec<u32> {
    Sequence::new(seed, Stream::Shuffle, u64::from(epoch)).permutation(rows)
}
