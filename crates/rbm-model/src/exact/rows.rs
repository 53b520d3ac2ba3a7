//! Data as distinct rows with weights.

use std::collections::HashMap;

use super::enumeration::Purpose;
use crate::Error;

/// Rows of a data set with the share that each has of it; equal rows are stored once.
///
/// ```
/// use rbm_model::exact::WeightedRows;
///
/// let rows = WeightedRows::new(2, &[0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0])?;
/// assert_eq!(rows.iter().collect::<Vec<_>>(), [(&[0.0, 1.0][..], 0.75), (&[1.0, 1.0][..], 0.25)]);
/// # Ok::<(), rbm_model::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedRows {
    visible: usize,
    rows: Vec<f64>,
    shares: Vec<f64>,
}

impl WeightedRows {
    /// Takes `rows` `[rows, visible]`, row by row, each of the same weight.
    ///
    /// # Errors
    /// When there is no row, or the values do not make whole rows.
    pub fn new(visible: usize, rows: &[f64]) -> Result<Self, Error> {
        let count = rows.len().checked_div(visible).unwrap_or(0);
        Self::weighted(visible, rows, &vec![1.0; count])
    }

    /// Takes `rows` `[rows, visible]`, row by row, and a weight for each, which are scaled to sum to 1.
    ///
    /// # Errors
    /// When there is no row, the values do not make whole rows, the numbers of rows and weights differ, or the weights
    /// are negative or do not have a positive finite sum.
    pub fn weighted(visible: usize, rows: &[f64], weights: &[f64]) -> Result<Self, Error> {
        if visible == 0 || rows.is_empty() || rows.len() != visible * weights.len() {
            return Err(Error::Shape(format!(
                "{} values do not make {} rows of {visible} visible units",
                rows.len(),
                weights.len()
            )));
        }
        let total: f64 = weights.iter().sum();
        if !(total.is_finite() && total > 0.0 && weights.iter().all(|&weight| weight >= 0.0)) {
            return Err(Error::Shape("weights of rows must be at least 0 with a positive finite sum".into()));
        }
        let mut first = HashMap::new();
        let mut distinct = Self { visible, rows: Vec::new(), shares: Vec::new() };
        for (row, &weight) in rows.chunks_exact(visible).zip(weights) {
            let key: Vec<u64> = row.iter().map(|value| value.to_bits()).collect();
            let index = *first.entry(key).or_insert(distinct.shares.len());
            if index == distinct.shares.len() {
                distinct.rows.extend_from_slice(row);
                distinct.shares.push(0.0);
            }
            distinct.shares[index] += weight;
        }
        for share in &mut distinct.shares {
            *share /= total;
        }
        Ok(distinct)
    }

    /// Number of visible units.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// The distinct rows, each with its share; the shares sum to 1.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.rows.chunks_exact(self.visible).zip(self.shares.iter().copied())
    }

    /// The law of the rows over all states of the visible layer, `[2^visible]`.
    ///
    /// # Errors
    /// When there are more than [`LAYER_LIMIT`](super::LAYER_LIMIT) units, or a value is neither 0 nor 1.
    pub fn law(&self) -> Result<Vec<f64>, Error> {
        Purpose::Law.check(self.visible)?;
        let mut law = vec![0.0; 1 << self.visible];
        for (row, share) in self.iter() {
            let mut state = 0;
            for (unit, &value) in row.iter().enumerate() {
                if value != 0.0 && value != 1.0 {
                    return Err(Error::Shape(format!("{value} is no state of a visible unit, which is 0 or 1")));
                }
                state |= usize::from(value == 1.0) << unit;
            }
            law[state] += share;
        }
        Ok(law)
    }
}
