//! Gibbs steps whose visible values are the activations themselves: neither clamped nor squashed nor drawn.

use ndarray::{Array2, ArrayView1, ArrayView2};
use rbm_model::Parameters;
use rbm_ops::scalar::sigmoid;
use rbm_random::{Draw, Stream, uniform_f32};

/// Powers of ten beyond which growth is not told apart, and below which a value counts as 0.
const MOST_DECADES: f64 = 300.0;

/// log10 of the largest visible value that `steps` steps from `rows` `[chains, visible]` come to: `h` drawn with
/// `sigmoid(b + W v)`, then `v = a + h W` as real numbers.
///
/// However far the chains run, `v` stays within [`bound`], since hidden states are 0 or 1: what the clamp cuts off is a
/// size that the weights set, not one that grows with the steps.
pub(super) fn growth(parameters: &Parameters, rows: &[f64], steps: u64, seed: u64) -> Result<f64, String> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let view = |values, shape| ArrayView2::from_shape(shape, values).map_err(|error| error.to_string());
    let weights = view(parameters.weights(), (hidden, visible))?;
    let mut chains = view(rows, (rows.len() / visible, visible))?.to_owned();
    let (visible_bias, hidden_bias) =
        (ArrayView1::from(parameters.visible_bias()), ArrayView1::from(parameters.hidden_bias()));
    let mut largest = 0.0_f64;
    for step in 0..steps {
        let mut states: Array2<f64> = chains.dot(&weights.t()) + hidden_bias;
        draw_hidden(&mut states, seed, Stream::SampleHidden, step);
        chains = states.dot(&weights) + visible_bias;
        largest = chains.iter().fold(largest, |largest, value| largest.max(value.abs()));
    }
    Ok(decades(largest))
}

/// Turns hidden activations `[rows, hidden]` into states drawn with `sigmoid` of them.
pub(super) fn draw_hidden(activations: &mut Array2<f64>, seed: u64, stream: Stream, step: u64) {
    for (row, mut activations) in activations.rows_mut().into_iter().enumerate() {
        let at = Draw { seed, stream, step, row: row as u32 };
        let whole = activations.len() / 4;
        for (block, mut activations) in activations.exact_chunks_mut(4).into_iter().enumerate() {
            draw(at.words(block as u32), activations.iter_mut());
        }
        draw(at.words(whole as u32), activations.iter_mut().skip(4 * whole));
    }
}

/// Turns activations into states by their words.
fn draw<'a>(words: [u32; 4], activations: impl Iterator<Item = &'a mut f64>) {
    for (activation, word) in activations.zip(words) {
        *activation = f64::from(u8::from(f64::from(uniform_f32(word)) < sigmoid(*activation)));
    }
}

/// log10 of the largest `|v|` that any hidden state gives: over units, the larger of `|a_i + sum of positive weights|`
/// and `|a_i + sum of negative weights|`.
pub(super) fn bound(parameters: &Parameters) -> f64 {
    let (mut high, mut low) = (parameters.visible_bias().to_vec(), parameters.visible_bias().to_vec());
    for unit in 0..parameters.hidden() {
        for ((high, low), &weight) in high.iter_mut().zip(&mut low).zip(parameters.weights_of(unit)) {
            *high += weight.max(0.0);
            *low += weight.min(0.0);
        }
    }
    decades(high.iter().chain(&low).fold(0.0, |largest, value| largest.max(value.abs())))
}

/// log10 of a number, cut where powers of ten are not told apart.
pub(super) fn decades(largest: f64) -> f64 {
    largest.log10().clamp(-MOST_DECADES, MOST_DECADES)
}
