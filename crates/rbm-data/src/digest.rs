//! The digest that stands for a data set in a cell's identity.
//!
//! SHA-256 over `rbm-data 1\n`, then for each of the splits train, validation and test: a byte 0 if absent, else its
//! kind (1 bits, 2 grey, 3 grey drawn each epoch), rows and units (u64), for kind 3 the seed and for each row the
//! number that keys its draws (u64, u32), the rows (bits as u64 words, grey as f32), a byte 1 and the labels (u32) or a
//! byte 0. All little-endian. The picture's shape, the file's format and its width of numbers do not enter.

use sha2::{Digest, Sha256};

use crate::split::{Rows, Split};

/// The digest in hexadecimal.
pub(crate) fn of(train: &Split, validation: Option<&Split>, test: Option<&Split>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"rbm-data 1\n");
    for split in [Some(train), validation, test] {
        match split {
            Some(split) => add(&mut hash, split),
            None => hash.update([0]),
        }
    }
    hex::encode(hash.finalize())
}

fn add(hash: &mut Sha256, split: &Split) {
    let mut head = |kind: u8| {
        hash.update([kind]);
        hash.update((split.len() as u64).to_le_bytes());
        hash.update((split.visible() as u64).to_le_bytes());
    };
    let mut buffer = Vec::with_capacity(8 * split.visible());
    match &split.rows {
        Rows::Bits(bits) => {
            head(1);
            for row in 0..bits.len() {
                buffer.clear();
                bits.row(row).iter().for_each(|word| buffer.extend_from_slice(&word.to_le_bytes()));
                hash.update(&buffer);
            }
        }
        Rows::Grey { store, units, index, draw } => {
            head(if draw.is_some() { 3 } else { 2 });
            if let Some(draw) = draw {
                hash.update(draw.seed.to_le_bytes());
                index.iter().for_each(|row| hash.update((draw.first + row).to_le_bytes()));
            }
            for &row in index {
                buffer.clear();
                let first = row as usize * units;
                (first..first + units).for_each(|at| buffer.extend_from_slice(&store.at(at).to_le_bytes()));
                hash.update(&buffer);
            }
        }
    }
    match &split.labels {
        Some(labels) => {
            hash.update([1]);
            labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
        }
        None => hash.update([0]),
    }
}
