//! The listing's training with neither sigmoid nor clamp: does its gradient explode?

use ndarray::{Array1, Array2, Axis};
use rbm_data::Split;
use rbm_model::Parameters;
use rbm_ops::scalar::sigmoid;
use rbm_random::Stream;

use super::unclamped::{decades, draw_hidden};

/// A gradient of this norm has exploded: training ends.
const EXPLODED: f64 = 1e100;

/// How a machine is trained.
pub(super) struct Training<'a> {
    /// The parameters that it starts from.
    pub(super) start: &'a Parameters,
    /// Rows, taken in their order and from the first again after the last.
    pub(super) rows: &'a Split,
    /// Rows of a batch.
    pub(super) batch: usize,
    /// Updates.
    pub(super) updates: u64,
    /// Seed of the hidden states.
    pub(super) seed: u64,
}

/// A machine, or a gradient of one.
struct Arrays {
    /// `[hidden, visible]`
    weights: Array2<f64>,
    /// `[visible]`
    visible_bias: Array1<f64>,
    /// `[hidden]`
    hidden_bias: Array1<f64>,
}

impl Training<'_> {
    /// log10 of the largest norm of a CD-1 gradient in training at `rate`, over `sqrt(m n + m + n)`, which it cannot
    /// exceed while visible values lie in [0, 1]; 100 where training explodes.
    ///
    /// A step is the listing's without its clamp: `h` drawn with `sigmoid(b + W v)`, then `v' = a + h W` as real
    /// numbers, and `p(h | v') = sigmoid(b + W v')`.
    pub(super) fn largest_gradient(&self, rate: f64) -> f64 {
        let (visible, hidden) = (self.start.visible(), self.start.hidden());
        let mut machine = Arrays {
            weights: Array2::from_shape_fn((hidden, visible), |(j, i)| self.start.weights_of(j)[i]),
            visible_bias: self.start.visible_bias().to_vec().into(),
            hidden_bias: self.start.hidden_bias().to_vec().into(),
        };
        let mut rows = Array2::zeros((self.batch, visible));
        let mut largest = 0.0_f64;
        for update in 0..self.updates {
            self.fill(&mut rows, update);
            let gradient = machine.gradient(&rows, (self.seed, update));
            let norm = gradient.norm();
            // The norm is not a number where infinite values meet.
            if !norm.is_finite() || norm > EXPLODED {
                return decades(EXPLODED);
            }
            largest = largest.max(norm);
            machine.weights.scaled_add(rate, &gradient.weights);
            machine.visible_bias.scaled_add(rate, &gradient.visible_bias);
            machine.hidden_bias.scaled_add(rate, &gradient.hidden_bias);
        }
        let bound = ((visible * hidden + visible + hidden) as f64).sqrt();
        decades(largest / bound)
    }

    fn fill(&self, batch: &mut Array2<f64>, update: u64) {
        let first = update as usize * self.batch;
        let mut row = vec![0.0; self.start.visible()];
        for (at, mut out) in batch.rows_mut().into_iter().enumerate() {
            self.rows.row((first + at) % self.rows.len(), &mut row);
            out.iter_mut().zip(&row).for_each(|(out, &value)| *out = value);
        }
    }
}

impl Arrays {
    /// `mean(v p(h | v)) - mean(v' p(h | v'))` over a batch `[rows, visible]`, and so for the biases.
    fn gradient(&self, data: &Array2<f64>, (seed, step): (u64, u64)) -> Self {
        let positive = self.hidden_activation(data);
        let mut states = positive.clone();
        draw_hidden(&mut states, seed, Stream::TrainHidden, step);
        let values = states.dot(&self.weights) + &self.visible_bias;
        let (positive, negative) = (positive.mapv(sigmoid), self.hidden_activation(&values).mapv(sigmoid));
        let rows = data.nrows() as f64;
        Self {
            weights: (positive.t().dot(data) - negative.t().dot(&values)) / rows,
            visible_bias: (data - &values).sum_axis(Axis(0)) / rows,
            hidden_bias: (positive - negative).sum_axis(Axis(0)) / rows,
        }
    }

    /// `b + W v` of every row, `[rows, hidden]`.
    fn hidden_activation(&self, values: &Array2<f64>) -> Array2<f64> {
        values.dot(&self.weights.t()) + &self.hidden_bias
    }

    /// Euclidean norm over all components.
    fn norm(&self) -> f64 {
        self.weights.iter().chain(&self.visible_bias).chain(&self.hidden_bias).map(|x| x * x).sum::<f64>().sqrt()
    }
}
