//! Expectations of the statistics that a gradient is made of.

use rbm_ops::scalar::sigmoid;

use super::{
    WeightedRows,
    enumeration::{Enumeration, Purpose, Walk},
    log_partition::{STATES_A_CALL, total_weight},
};
use crate::{Error, Parameters};

/// Expectation of the statistics `s(v) = (sigma(b + W v) v', v, sigma(b + W v))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `E[h v']`, `[hidden, visible]`, row by row.
    pub weights: Vec<f64>,
    /// `E[v]`, `[visible]`.
    pub visible: Vec<f64>,
    /// `E[h]`, `[hidden]`.
    pub hidden: Vec<f64>,
}

/// The model's own moments, by enumeration of the smaller layer: once for log Z, and once for the moments.
///
/// # Errors
/// When both layers have more than [`LIMIT`](super::LIMIT) units.
pub fn moments(parameters: &Parameters) -> Result<Moments, Error> {
    Ok(moments_and_log_partition(parameters, &|_| ())?.0)
}

/// [`moments`] and log Z, telling `progress` now and then how many more states, of `2 x 2^min(visible, hidden)`, are
/// done.
///
/// # Errors
/// As [`moments`].
pub fn moments_and_log_partition(
    parameters: &Parameters,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Moments, f64), Error> {
    let enumeration = Enumeration::of_smaller(parameters, Purpose::Sum)?;
    let log_z = total_weight(&enumeration, progress);
    let last_of_call = (STATES_A_CALL as usize).min(enumeration.segment_len());
    let probability = |walk: &mut Walk<'_>| {
        if (walk.position() + 1).is_multiple_of(last_of_call) {
            progress(last_of_call as u64);
        }
        walk.log_weight().minus(log_z).exp()
    };
    let (mut moments, total) = enumerated_moments(&enumeration, probability, |mean| mean);
    // What rounding leaves of it.
    for part in [&mut moments.weights, &mut moments.visible, &mut moments.hidden] {
        part.iter_mut().for_each(|value| *value /= total);
    }
    let moments = if parameters.hidden() <= parameters.visible() { moments } else { moments.transposed() };
    Ok((moments, log_z.value()))
}

/// The moments where the visible layer has `law` `[2^visible]` and the hidden layer follows it.
///
/// # Errors
/// When there are more than [`LAYER_LIMIT`](super::LAYER_LIMIT) visible units, or the law has another number of states.
pub fn moments_under(parameters: &Parameters, law: &[f64]) -> Result<Moments, Error> {
    under(parameters, law, |mean| mean)
}

/// Expectation of the *squared* statistics, `(E[sigma_j^2 v_i], E[v_i], E[sigma_j^2])`, where the visible layer has
/// `law` `[2^visible]`: with [`moments_under`], their variances.
///
/// # Errors
/// As [`moments_under`].
pub fn second_moments_under(parameters: &Parameters, law: &[f64]) -> Result<Moments, Error> {
    under(parameters, law, |mean| mean * mean)
}

fn under(parameters: &Parameters, law: &[f64], of_mean: impl Fn(f64) -> f64 + Sync) -> Result<Moments, Error> {
    let enumeration = Enumeration::of_visible(parameters, Purpose::Law)?;
    check_law(parameters, law)?;
    Ok(enumerated_moments(&enumeration, |walk| law[walk.state()], of_mean).0.transposed())
}

/// Refuses a law over another number of states than the visible layer has.
pub(super) fn check_law(parameters: &Parameters, law: &[f64]) -> Result<(), Error> {
    if law.len() == 1 << parameters.visible() {
        return Ok(());
    }
    Err(Error::Shape(format!("a law of {} states is not one of 2^{} states", law.len(), parameters.visible())))
}

/// The moments where the visible layer is at the rows and the hidden layer follows it.
///
/// # Errors
/// When the rows do not fit the machine.
pub fn data_moments(parameters: &Parameters, rows: &WeightedRows) -> Result<Moments, Error> {
    check_rows(parameters, rows)?;
    let mut moments = Moments::zero(parameters.visible(), parameters.hidden());
    for (row, share) in rows.iter() {
        add_scaled(&mut moments.visible, row, share);
        for (j, activation) in parameters.hidden_activation(row).into_iter().enumerate() {
            let mean = share * sigmoid(activation);
            moments.hidden[j] += mean;
            add_scaled(&mut moments.weights[j * row.len()..][..row.len()], row, mean);
        }
    }
    Ok(moments)
}

/// Refuses rows of another width than the visible layer.
pub(super) fn check_rows(parameters: &Parameters, rows: &WeightedRows) -> Result<(), Error> {
    if rows.visible() == parameters.visible() {
        return Ok(());
    }
    Err(Error::Shape(format!(
        "rows of {} units do not fit a machine with {} visible units",
        rows.visible(),
        parameters.visible()
    )))
}

impl Moments {
    /// All zero, of this machine's shape.
    pub fn zero(visible: usize, hidden: usize) -> Self {
        Self { weights: vec![0.0; visible * hidden], visible: vec![0.0; visible], hidden: vec![0.0; hidden] }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        add_scaled(&mut self.weights, &other.weights, 1.0);
        add_scaled(&mut self.visible, &other.visible, 1.0);
        add_scaled(&mut self.hidden, &other.hidden, 1.0);
    }

    /// Multiplies all by a number.
    pub fn scale(&mut self, factor: f64) {
        let all = self.weights.iter_mut().chain(&mut self.visible).chain(&mut self.hidden);
        all.for_each(|value| *value *= factor);
    }

    fn transposed(self) -> Self {
        let width = self.visible.len();
        let weights =
            (0..self.weights.len()).map(|at| self.weights[at % self.hidden.len() * width + at / self.hidden.len()]);
        Self { weights: weights.collect(), visible: self.hidden, hidden: self.visible }
    }
}

/// Moments with the enumerated layer as the hidden one, whose states have the given probabilities, of what is to be
/// taken of the other layer's means; and the sum of all probabilities.
fn enumerated_moments(
    enumeration: &Enumeration<'_>,
    probability: impl Fn(&mut Walk<'_>) -> f64 + Sync,
    of_mean: impl Fn(f64) -> f64 + Sync,
) -> (Moments, f64) {
    let (other, enumerated) = (enumeration.other(), enumeration.enumerated());
    // The last column holds the probability itself, whose sums are the means of the enumerated units.
    let width = other + 1;
    let segment_level = enumeration.segment_len().ilog2() as usize;
    let segments = enumeration.map_segments(|mut walk| {
        let mut sums = BitSums::new(0, segment_level, width);
        let mut leaf = vec![0.0; width];
        loop {
            let probability = probability(&mut walk);
            walk.means(&mut leaf[..other]);
            for value in &mut leaf[..other] {
                *value = probability * of_mean(*value);
            }
            leaf[other] = probability;
            sums.push(walk.position(), &mut leaf);
            if !walk.advance() {
                return sums;
            }
        }
    });
    let mut all = BitSums::new(segment_level, enumerated, width);
    let mut low = vec![0.0; segment_level * width];
    for (index, mut segment) in segments.into_iter().enumerate() {
        add_scaled(&mut low, &segment.on, 1.0);
        all.push(index, &mut segment.total);
    }
    let rows = low.chunks_exact(width).chain(all.on.chunks_exact(width));
    let mut moments = Moments::zero(other, 0);
    for row in rows {
        moments.weights.extend_from_slice(&row[..other]);
        moments.hidden.push(row[other]);
    }
    moments.visible.copy_from_slice(&all.total[..other]);
    (moments, all.total[other])
}

/// For each bit of the state, the sum of the vectors of all states that have it, as a binary tree over the Gray code:
/// along an aligned run of `2^j` positions bit `j` of the state does not change, so that the run's sum is added once.
struct BitSums {
    first: usize,
    end: usize,
    width: usize,
    /// Sums over states with the bit, `[end - first, width]`.
    on: Vec<f64>,
    /// Sums of finished left halves, `[end - first, width]`.
    left: Vec<f64>,
    /// The sum over all states, once all are in.
    total: Vec<f64>,
}

impl BitSums {
    /// For bits `first..end`; leaves are runs of `2^first` positions.
    fn new(first: usize, end: usize, width: usize) -> Self {
        let zeros = vec![0.0; (end - first) * width];
        Self { first, end, width, on: zeros.clone(), left: zeros, total: vec![0.0; width] }
    }

    /// Takes the vector of the next leaf, whose number is `leaf`, and leaves it with other values.
    fn push(&mut self, leaf: usize, sum: &mut [f64]) {
        for level in 0..self.end - self.first {
            let run = leaf >> level;
            let range = level * self.width..(level + 1) * self.width;
            if (run ^ (run >> 1)) & 1 == 1 {
                add_scaled(&mut self.on[range.clone()], sum, 1.0);
            }
            let left = &mut self.left[range];
            if run & 1 == 0 {
                left.copy_from_slice(sum);
                return;
            }
            add_scaled(sum, left, 1.0);
        }
        self.total.copy_from_slice(sum);
    }
}

fn add_scaled(sum: &mut [f64], values: &[f64], scale: f64) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += scale * value;
    }
}
