//! Principal components of the training rows.

use linfa_linalg::eigh::{EigSort, Eigh};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;
use rbm_data::Split;

/// Rows that one product takes: few enough to stay in cache, and a fixed number whatever the threads.
const BLOCK: usize = 1_000;
/// Partial sums of the covariance, fixed so that bytes do not depend on the threads.
const PARTS: usize = 8;

/// Strips of the covariance, of which the half below the diagonal is not computed.
const STRIPS: usize = 4;

/// Means and eigenvectors of the covariance of some rows.
#[derive(Debug)]
pub(super) struct PrincipalComponents {
    /// The units that vary: 676 of MNIST's 784 pixels, at a threshold of 0.5. The time that the eigenvectors take is
    /// cubic in their number.
    units: Vec<usize>,
    /// Their means.
    mean: Array1<f64>,
    /// `[units, units]`, a component a column, the one of the largest variance first.
    vectors: Array2<f64>,
}

impl PrincipalComponents {
    /// Those of all rows of a split.
    ///
    /// # Errors
    /// When the eigenvectors are not found.
    pub(super) fn of(split: &Split) -> Result<Self, String> {
        let means = split.mean();
        let units = varying(split);
        let mean: Array1<f64> = units.iter().map(|&unit| means[unit]).collect();
        let covariance = covariance(split, &units, &mean);
        let (_, vectors) = covariance.eigh().map_err(|error| format!("find eigenvectors: {error}"))?.sort_eig_desc();
        Ok(Self { units, mean, vectors })
    }

    /// The scores of `rows` `[rows, visible]` on the first `count` components, or on all where fewer units vary:
    /// coordinates as they are, not scaled to unit variance.
    pub(super) fn scores(&self, rows: ArrayView2<'_, f64>, count: usize) -> Array2<f64> {
        let count = count.min(self.vectors.ncols());
        let vectors = self.vectors.slice_axis(Axis(1), Slice::from(..count));
        product(rows.select(Axis(1), &self.units).view(), vectors) - self.mean.dot(&vectors)
    }
}

/// Units that are not the same in all rows.
fn varying(split: &Split) -> Vec<usize> {
    let mut first = vec![0.0; split.visible()];
    split.row(0, &mut first);
    let (mut row, mut varies) = (first.clone(), vec![false; first.len()]);
    for index in 1..split.len() {
        split.row(index, &mut row);
        varies.iter_mut().zip(row.iter().zip(&first)).for_each(|(varies, (value, first))| *varies |= value != first);
    }
    (0..first.len()).filter(|&unit| varies[unit]).collect()
}

/// `1 / rows` times the sum of `(v - mean)(v - mean)'` over these units, `[units, units]`.
fn covariance(split: &Split, units: &[usize], mean: &Array1<f64>) -> Array2<f64> {
    let (rows, count) = (split.len(), units.len());
    let bounds: Vec<usize> = (0..=STRIPS).map(|strip| strip * count / STRIPS).collect();
    let sums: Vec<Array2<f64>> = (0..PARTS)
        .into_par_iter()
        .map(|part| {
            let (first, end) = (part * rows / PARTS, (part + 1) * rows / PARTS);
            let mut sum = Array2::zeros((count, count));
            for first in (first..end).step_by(BLOCK) {
                let block: Vec<u32> = (first as u32..end.min(first + BLOCK) as u32).collect();
                let centred = rows_of(split, &block).select(Axis(1), units) - mean;
                for strip in bounds.windows(2) {
                    let columns = Slice::from(strip[0]..strip[1]);
                    let above = centred.slice_axis(Axis(1), Slice::from(..strip[1]));
                    let right = centred.slice_axis(Axis(1), columns);
                    let mut sum = sum.slice_axis_mut(Axis(1), columns);
                    let mut sum = sum.slice_axis_mut(Axis(0), Slice::from(..strip[1]));
                    general_mat_mul(1.0 / rows as f64, &above.t(), &right, 1.0, &mut sum);
                }
            }
            sum
        })
        .collect();
    let mut sum = sums.into_iter().fold(Array2::zeros((count, count)), |total, sum| total + sum);
    for i in 0..count {
        for j in 0..i {
            sum[[i, j]] = sum[[j, i]];
        }
    }
    sum
}

/// Rows of a split by their numbers, `[rows, units]`: states, or grey values.
pub(super) fn rows_of(split: &Split, rows: &[u32]) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), split.visible()));
    out.rows_mut().into_iter().zip(rows).for_each(|(mut out, &row)| {
        if let Some(out) = out.as_slice_mut() {
            split.row(row as usize, out);
        }
    });
    out
}

/// `rows` `[rows, inputs]` times `matrix` `[inputs, outputs]`, block by block on all threads.
pub(super) fn product(rows: ArrayView2<'_, f64>, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((rows.nrows(), matrix.ncols()));
    let blocks: Vec<(ArrayView2<'_, f64>, ArrayViewMut2<'_, f64>)> =
        rows.axis_chunks_iter(Axis(0), BLOCK).zip(out.axis_chunks_iter_mut(Axis(0), BLOCK)).collect();
    blocks.into_par_iter().for_each(|(rows, mut out)| {
        general_mat_mul(1.0, &rows, &matrix, 0.0, &mut out);
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};

    /// Bars and stripes on 2 x 2 have eight rows: 0000 twice, 1111 twice, 1100, 0011, 1010, 0101. All means are 1/2;
    /// two pixels of one row or one column agree in 6 of 8 (covariance 1/8), those of a diagonal in 4 of 8 (0), and
    /// each pixel has variance 1/4. So the eigenvalue of (1, 1, 1, 1) / 2 is 1/4 + 2/8 = 1/2, that of (1, -1, -1, 1) / 2
    /// is 0, and the two vectors that are odd under one reflection have 1/4.
    #[test]
    fn components_of_bars_and_stripes_are_those_of_their_covariance() {
        let mut config = DataConfig::new(Source::BarsAndStripes);
        config.size = Some(2);
        let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
        let data = load(&config, std::path::Path::new("."), &folders, &NoProgress).expect("generated");
        let covariance = covariance(&data.train, &[0, 1, 2, 3], &Array1::from(data.train.mean()));
        let known = [[2, 1, 1, 0], [1, 2, 0, 1], [1, 0, 2, 1], [0, 1, 1, 2]].map(|row| row.map(|x| f64::from(x) / 8.0));
        assert_eq!(covariance, ndarray::arr2(&known), "sums of eighths are exact");

        let components = PrincipalComponents::of(&data.train).expect("eigenvectors");
        let all: Vec<u32> = (0..8).collect();
        let scores = components.scores(rows_of(&data.train, &all).view(), 9);
        assert_eq!(scores.dim(), (8, 4), "there are no more components than units");
        let second = scores.t().dot(&scores) / 8.0;
        let variances = [0.5, 0.25, 0.25, 0.0];
        for (at, value) in second.indexed_iter() {
            let expected = if at.0 == at.1 { variances[at.0] } else { 0.0 };
            // A backward stable solver errs by a few units of 2^-52 times the largest eigenvalue.
            assert!((value - expected).abs() < 1e-13, "{at:?}: {value}");
        }
        for (row, score) in scores.column(0).iter().enumerate() {
            let mut states = [0.0; 4];
            data.train.row(row, &mut states);
            let along = (states.iter().sum::<f64>() - 2.0) / 2.0;
            assert!((score.abs() - along.abs()).abs() < 1e-13, "row {row}: {score} {along}");
        }
    }

    #[test]
    fn units_that_never_change_have_no_part_in_the_components() {
        let config = DataConfig::new(Source::LabeledShifter);
        let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
        let data = load(&config, std::path::Path::new("."), &folders, &NoProgress).expect("generated");
        // The first three rows are the empty pattern under the three shifts: of 19 units, the three that name it vary.
        let few = data.train.head(3);
        assert_eq!(varying(&few), [16, 17, 18]);
        let scores = PrincipalComponents::of(&few).expect("eigenvectors").scores(rows_of(&few, &[0, 1, 2]).view(), 19);
        // Three points of a regular triangle of side sqrt(2): squared distances to their mean of 2/3 each.
        assert_eq!(scores.dim(), (3, 3));
        for row in scores.rows() {
            assert!((row.dot(&row) - 2.0 / 3.0).abs() < 1e-14, "{row}"); // some units of 2^-52
        }
    }

    #[test]
    fn blocked_product_is_the_product() {
        let rows = Array2::from_shape_fn((2 * BLOCK + 3, 5), |(i, j)| ((i * 7 + j * 3) % 11) as f64);
        let matrix = Array2::from_shape_fn((5, 4), |(i, j)| (i * 4 + j) as f64);
        assert_eq!(product(rows.view(), matrix.view()), rows.dot(&matrix), "whole numbers are exact");
    }
}
