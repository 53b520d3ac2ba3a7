//! The data's side: positive phase, law, and total variation from the model.

use std::collections::HashMap;

use rayon::prelude::*;
use rbm_data::Split;
use rbm_model::{
    Parameters,
    exact::{Moments, WeightedRows, data_moments},
};

use crate::Error;

/// Rows of which a part of the positive phase is summed at a time.
const BLOCK: usize = 1024;

/// All rows, each distinct one with its share.
pub(super) fn weighted_rows(split: &Split) -> Result<WeightedRows, Error> {
    let mut values = vec![0.0; split.len() * split.visible()];
    for (row, out) in values.chunks_exact_mut(split.visible()).enumerate() {
        split.row(row, out);
    }
    Ok(WeightedRows::new(split.visible(), &values)?)
}

/// The positive phase, without a copy of all rows: in blocks, which are added in order.
pub(super) fn moments(parameters: &Parameters, split: &Split) -> Result<Moments, Error> {
    check(parameters, split)?;
    let (m, n) = (parameters.visible(), parameters.hidden());
    let firsts: Vec<usize> = (0..split.len()).step_by(BLOCK).collect();
    let mut all = Moments { weights: vec![0.0; m * n], visible: vec![0.0; m], hidden: vec![0.0; n] };
    // A fixed number of blocks at a time, so that few of them are held.
    for firsts in firsts.chunks(16) {
        let parts: Vec<Result<(Moments, f64), Error>> = firsts
            .par_iter()
            .map(|&first| {
                let count = BLOCK.min(split.len() - first);
                let mut values = vec![0.0; count * m];
                for (row, out) in values.chunks_exact_mut(m).enumerate() {
                    split.row(first + row, out);
                }
                let part = data_moments(parameters, &WeightedRows::new(m, &values)?)?;
                Ok((part, count as f64 / split.len() as f64))
            })
            .collect();
        for part in parts {
            let (part, share) = part?;
            for (sum, part) in
                [(&mut all.weights, &part.weights), (&mut all.visible, &part.visible), (&mut all.hidden, &part.hidden)]
            {
                sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += share * value);
            }
        }
    }
    Ok(all)
}

/// Total variation between the data's law and the model's, from the data's rows alone: `sum over rows v of max(q(v) -
/// p(v), 0)`, because p exceeds q as much elsewhere. At most 1, and 1 for grey rows, which no law over states
/// describes.
pub(super) fn total_variation(parameters: &Parameters, split: &Split, log_z: f64) -> f64 {
    let mut counts: HashMap<Vec<u64>, (usize, usize)> = HashMap::new();
    let mut row = vec![0.0; split.visible()];
    for index in 0..split.len() {
        split.row(index, &mut row);
        let mut words = vec![0; row.len().div_ceil(64)];
        for (unit, &value) in row.iter().enumerate() {
            if value != 0.0 && value != 1.0 {
                return 1.0;
            }
            words[unit / 64] |= u64::from(value == 1.0) << (unit % 64);
        }
        counts.entry(words).or_insert((index, 0)).1 += 1;
    }
    // In the order of the rows: a map's own order is another one in every run.
    let mut distinct: Vec<(usize, usize)> = counts.into_values().collect();
    distinct.sort_unstable();
    let excess = distinct.into_iter().map(|(index, count)| {
        split.row(index, &mut row);
        let share = count as f64 / split.len() as f64;
        (share - (-parameters.free_energy(&row) - log_z).exp()).max(0.0)
    });
    excess.sum::<f64>().min(1.0)
}

/// Refuses rows that do not fit the machine, and splits without any.
pub(super) fn check(parameters: &Parameters, split: &Split) -> Result<(), Error> {
    if split.is_empty() {
        return Err(Error::NoRows);
    }
    if split.visible() != parameters.visible() {
        return Err(Error::Width { rows: split.visible(), machine: parameters.visible() });
    }
    Ok(())
}
