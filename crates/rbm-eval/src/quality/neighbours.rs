//! Nearest neighbours in Hamming distance.

use std::cmp::Ordering;

use rayon::prelude::*;
use rbm_random::{Sequence, Stream};
use serde::{Deserialize, Serialize};

use crate::{
    mean::Mean,
    packed::{PackedRows, distance},
};

/// Rows that one task looks for the neighbours of: a fixed number, whatever the threads.
const CHUNK: usize = 32;

/// Nearest-neighbour adversarial accuracies (Yale et al. 2020; Decelle, Furtlehner and Seoane 2021) between `compared`
/// rows T and as many samples S.
///
/// `AA_truth` is the share of rows that are nearer to another row than to any sample, `AA_syn` the share of samples
/// that are nearer to another sample than to any row. A tie between both nearest counts one half; the point itself, but
/// no copy of it, is left out. Between draws from one law both are 1/2 (without ties `(n - 1) / (2 n - 1)`, since a
/// point has n - 1 others of its own kind); 1 where the sets lie apart; towards 0 where samples are copies of rows. A
/// single row has no other of its own kind: then both are 0 and mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adversarial {
    /// `AA_truth`.
    pub truth: f64,
    /// `AA_syn`.
    pub synthetic: f64,
    /// Standard deviation of each of them where both sets are drawn from one law, given all points together: that over
    /// all ways to call half of them rows. The binomial `sqrt(1 / (4 n))` would hold if comparisons were independent;
    /// but in many dimensions few points are the nearest of many (hubs), and whether these are rows or samples decides
    /// much.
    ///
    /// `sqrt(sum_j (c_j - 1)^2 + sum_{i < j} (w_ij + w_ji)^2) / (4 n)`, `w_ij` = 1 / ties where j is (one of) the
    /// nearest of i, else 0, `c_j = sum_i w_ij`: from `sum_ij w_ij (1 + e_i) (1 + e_j) / 4` with signs `e` that sum to
    /// 0 and are otherwise taken for independent, as for the nearest-neighbour test of Henze (1988). With three or more
    /// ties it is a little large: there the rule of one half scatters less than the share of the ties that are of the
    /// own kind.
    pub deviation: f64,
    /// Rows, and samples, that were compared: the smaller of both numbers.
    pub compared: usize,
}

/// Hamming distances from samples to the nearest row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearestRows {
    /// Mean over the samples of the distance to the nearest row, in units.
    pub distance: f64,
    /// Its standard error over the samples.
    pub distance_stderr: f64,
    /// Share of the samples that are exactly a row.
    pub repeats: f64,
    /// Its standard error over the samples.
    pub repeats_stderr: f64,
}

/// The accuracies of the first samples and as many rows, or of all samples and as many rows chosen by seed and step.
pub(super) fn adversarial(samples: &PackedRows, rows: &PackedRows, seed: u64, step: u64) -> Adversarial {
    let compared = samples.len().min(rows.len());
    let samples = samples.select(0..compared);
    let order = Sequence::new(seed, Stream::QualityRows, step).permutation(rows.len());
    let rows = rows.select(order[..compared].iter().map(|&row| row as usize));
    let found = [both_nearest(&rows, &samples), both_nearest(&samples, &rows)];
    let share = |points: &[[Nearest; 2]]| {
        let terms = points.iter().map(|[own, other]| match own.distance.cmp(&other.distance) {
            Ordering::Less => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Greater => 0.0,
        });
        terms.sum::<f64>() / compared as f64
    };
    Adversarial {
        truth: share(&found[0]),
        synthetic: share(&found[1]),
        deviation: deviation(&rows, &samples, &found.concat()),
        compared,
    }
}

/// The distances of the samples to the rows.
pub(super) fn nearest(samples: &PackedRows, rows: &PackedRows) -> NearestRows {
    let found = by_chunks(samples.len(), |sample| nearest_in(samples.row(sample), rows.words()).distance);
    let mean = |value: fn(u32) -> f64| {
        let mean = Mean::of(found.iter().map(|&distance| value(distance)));
        mean.map_or((0.0, 0.0), |mean| (mean.value, mean.stderr.unwrap_or(0.0)))
    };
    let (distance, distance_stderr) = mean(f64::from);
    let (repeats, repeats_stderr) = mean(|distance| if distance == 0 { 1.0 } else { 0.0 });
    NearestRows { distance, distance_stderr, repeats, repeats_stderr }
}

/// The nearest of some rows: how far, and how many are as near.
#[derive(Clone, Copy, Debug)]
struct Nearest {
    distance: u32,
    ties: u32,
}

impl Nearest {
    const NONE: Self = Self { distance: u32::MAX, ties: 0 };

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        match self.distance.cmp(&other.distance) {
            Ordering::Less => self,
            Ordering::Equal => Self { ties: self.ties + other.ties, ..self },
            Ordering::Greater => other,
        }
    }
}

/// For each point the nearest of the rest of its own kind, and the nearest of the other kind.
fn both_nearest(points: &PackedRows, others: &PackedRows) -> Vec<[Nearest; 2]> {
    let width = points.width();
    by_chunks(points.len(), |point| {
        let row = points.row(point);
        let (before, after) = (&points.words()[..point * width], &points.words()[(point + 1) * width..]);
        [nearest_in(row, before).or(nearest_in(row, after)), nearest_in(row, others.words())]
    })
}

/// The deviation of [`Adversarial`]; `found` has the rows first.
fn deviation(rows: &PackedRows, samples: &PackedRows, found: &[[Nearest; 2]]) -> f64 {
    let all = [rows.words(), samples.words()].concat();
    let width = rows.width();
    let weighted: Vec<(u32, f64)> = found
        .iter()
        .map(|[own, other]| {
            let nearest = own.or(*other);
            (nearest.distance, 1.0 / f64::from(nearest.ties))
        })
        .collect();
    let sums = by_chunks(weighted.len(), |point| {
        let row = &all[point * width..][..width];
        let (before, pairs) = influence(row, weighted[point], &all[..point * width], &weighted[..point]);
        let (after, _) = influence(row, weighted[point], &all[(point + 1) * width..], &weighted[point + 1..]);
        (before + after - 1.0).powi(2) + pairs
    });
    sums.iter().sum::<f64>().sqrt() / (4 * rows.len()) as f64
}

fn by_chunks<T: Clone + Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let chunks: Vec<Vec<T>> = (0..count.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| (chunk * CHUNK..count.min((chunk + 1) * CHUNK)).map(&work).collect())
        .collect();
    chunks.concat()
}

/// The nearest of these rows to the point.
#[multiversion::multiversion(targets("x86_64+avx2+popcnt"))]
fn nearest_in(point: &[u64], others: &[u64]) -> Nearest {
    let mut nearest = Nearest::NONE;
    for other in others.chunks_exact(point.len()) {
        nearest = nearest.or(Nearest { distance: distance(point, other), ties: 1 });
    }
    nearest
}

/// The sum over these rows i of `w_ij`, and of `(w_ij + w_ji)^2`, for the point j; `weighted` are the distance to a
/// point's nearest and the share that each of its nearest has.
#[multiversion::multiversion(targets("x86_64+avx2+popcnt"))]
fn influence(point: &[u64], own: (u32, f64), others: &[u64], weighted: &[(u32, f64)]) -> (f64, f64) {
    let (mut received, mut pairs) = (0.0, 0.0);
    for (other, &(nearest, share)) in others.chunks_exact(point.len()).zip(weighted) {
        let distance = distance(point, other);
        if distance <= nearest || distance <= own.0 {
            let to_point = if distance <= nearest { share } else { 0.0 };
            let from_point = if distance <= own.0 { own.1 } else { 0.0 };
            received += to_point;
            pairs += (to_point + from_point).powi(2);
        }
    }
    (received, pairs)
}
