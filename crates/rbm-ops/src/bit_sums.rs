//! Products of states with a matrix, as sums of the rows that the states choose.

use multiversion::multiversion;

/// Columns summed in registers at a time: a block of 784 rows is 50 kB, which the nearest caches hold.
const COLUMNS: usize = 16;
/// Sums that advance side by side, to hide the latency of an addition.
const SUMS: usize = 4;

/// A matrix `[rows, columns]`, laid out for sums of some of its rows: by blocks of columns, so that a block stays in
/// the nearest caches while many sums are taken of it.
#[derive(Clone, Debug)]
pub struct RowTable {
    rows: usize,
    columns: usize,
    /// `[blocks, rows, COLUMNS]`, the last block padded with zeros.
    blocks: Vec<[f32; COLUMNS]>,
}

impl RowTable {
    /// Takes `values` `[rows, columns]`, row by row, rounded to f32.
    pub fn new(rows: usize, columns: usize, values: &[f64]) -> Self {
        let mut blocks = vec![[0.0; COLUMNS]; columns.div_ceil(COLUMNS) * rows];
        for (row, values) in values.chunks_exact(columns).enumerate() {
            for (block, values) in values.chunks(COLUMNS).enumerate() {
                for (to, &value) in blocks[block * rows + row].iter_mut().zip(values) {
                    *to = value as f32;
                }
            }
        }
        Self { rows, columns, blocks }
    }

    /// For each list of rows, the sum of these rows, `[lists, columns]`; the order of the additions depends on the list
    /// alone.
    ///
    /// The product of states 0 and 1 with the matrix, without a multiplication and with nothing done for a 0: twice as
    /// fast as a dense product where a quarter of the states are ones.
    ///
    /// # Panics
    /// If a row is not there.
    pub fn sums(&self, lists: &[Vec<u32>], out: &mut [f32]) {
        for block in 0..self.columns.div_ceil(COLUMNS) {
            let rows = &self.blocks[block * self.rows..][..self.rows];
            for (list, out) in lists.iter().zip(out.chunks_exact_mut(self.columns)) {
                let out = &mut out[block * COLUMNS..];
                let width = out.len().min(COLUMNS);
                let mut sum = [0.0; COLUMNS];
                add_rows(rows, list, &mut sum);
                out[..width].copy_from_slice(&sum[..width]);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn add_rows(rows: &[[f32; COLUMNS]], list: &[u32], sum: &mut [f32; COLUMNS]) {
    let mut sums = [[0.0; COLUMNS]; SUMS];
    let (groups, rest) = list.as_chunks::<SUMS>();
    for group in groups {
        for at in 0..SUMS {
            let row = &rows[group[at] as usize];
            for column in 0..COLUMNS {
                sums[at][column] += row[column];
            }
        }
    }
    for &row in rest {
        let row = &rows[row as usize];
        for column in 0..COLUMNS {
            sums[0][column] += row[column];
        }
    }
    for column in 0..COLUMNS {
        sum[column] = (sums[0][column] + sums[1][column]) + (sums[2][column] + sums[3][column]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_definition() {
        for (rows, columns) in [(1, 1), (7, 63), (9, 64), (30, 65), (40, 200)] {
            // Whole numbers, so that sums are exact in any order.
            let values: Vec<f64> = (0..rows * columns).map(|at| ((at * 37) % 101) as f64 - 50.0).collect();
            let table = RowTable::new(rows, columns, &values);
            let lists: Vec<Vec<u32>> =
                (0..5).map(|list| (0..rows as u32).filter(|row| (row + list) % (list + 2) == 0).collect()).collect();
            let mut found = vec![f32::NAN; 5 * columns];
            table.sums(&lists, &mut found);
            for (list, found) in lists.iter().zip(found.chunks(columns)) {
                for (column, &found) in found.iter().enumerate() {
                    let expected: f64 = list.iter().map(|&row| values[row as usize * columns + column]).sum();
                    assert_eq!(f64::from(found), expected, "{rows} x {columns}");
                }
            }
        }
    }
}
