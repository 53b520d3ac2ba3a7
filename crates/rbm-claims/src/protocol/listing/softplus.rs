//! The listing's `log(1 + exp(x))`, as written, in both widths: where it overflows and where it loses everything.

use rbm_ops::scalar::softplus;

use crate::Measurement;

/// The listing's formula in f32.
pub(super) fn narrow(x: f32) -> f32 {
    (1.0 + x.exp()).ln()
}

/// The listing's formula in f64.
fn wide(x: f64) -> f64 {
    (1.0 + x.exp()).ln()
}

/// `overflow-at`, `lost-at` and, at each of `errors_at`, `softplus-error-at`, under `width` = `f32` and `f64`.
///
/// - `overflow-at`: the smallest activation whose `log(1 + exp(x))` is infinite;
/// - `lost-at`: the largest whose `log(1 + exp(x))` is 0, since `1 + exp(x)` rounds to 1;
/// - `softplus-error-at`, x the activation: the relative error, against `max(x, 0) + log1p(exp(-|x|))` in f64 of the
///   same x; where the formula overflows, the error is no number and left out.
pub(super) fn measure(errors_at: &[f64]) -> Vec<Measurement> {
    let overflow_narrow = first(1.0_f32.to_bits().into(), 1_000.0_f32.to_bits().into(), |bits| {
        narrow(f32::from_bits(bits as u32)).is_infinite()
    });
    let overflow_wide =
        first(1.0_f64.to_bits(), 1_000.0_f64.to_bits(), |bits| wide(f64::from_bits(bits)).is_infinite());
    // Of negative activations -x, x rises with its bits.
    let lost_narrow =
        first(1.0_f32.to_bits().into(), 100.0_f32.to_bits().into(), |bits| narrow(-f32::from_bits(bits as u32)) == 0.0);
    let lost_wide = first(1.0_f64.to_bits(), 100.0_f64.to_bits(), |bits| wide(-f64::from_bits(bits)) == 0.0);
    let mut found = vec![
        Measurement::new("overflow-at", f32::from_bits(overflow_narrow as u32).into()).with("width", "f32"),
        Measurement::new("overflow-at", f64::from_bits(overflow_wide)).with("width", "f64"),
        Measurement::new("lost-at", (-f32::from_bits(lost_narrow as u32)).into()).with("width", "f32"),
        Measurement::new("lost-at", -f64::from_bits(lost_wide)).with("width", "f64"),
    ];
    for &x in errors_at {
        // The activation that both widths hold, so that the error is the formula's and not that of rounding x.
        let x = f64::from(x as f32);
        let truth = softplus(x);
        for (width, value) in [("f32", f64::from(narrow(x as f32))), ("f64", wide(x))] {
            let error = (value - truth).abs() / truth;
            if error.is_finite() {
                found.push(Measurement::new("softplus-error-at", error).with("width", width).at(x));
            }
        }
    }
    found
}

/// The smallest number above `low` and up to `high` for which `holds`, which it does not at `low`, does at `high`, and
/// then goes on doing: by bisection over the bits of positive floats, which are ordered as the floats are.
fn first(low: u64, high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut without, mut with) = (low, high);
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        if holds(middle) { with = middle } else { without = middle }
    }
    with
}
