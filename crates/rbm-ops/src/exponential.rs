//! An exponential that compilers vectorise.

/// `exp(x)` in f32 for `x` from -87 to 88, within 2 units in the last place, by plain arithmetic: the standard
/// library's is a call per element. No fused multiply-add, so that the bits are those of every instruction set.
///
/// Reduction by powers of two and Cephes' polynomial (Moshier 1992, `expf`). Below -87 it answers as at -87 (1.6e-38).
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts; the first has so few bits that its product with a whole number below 2^9 is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding it rounds to a whole number and leaves that number in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0; // 1.5 x 2^23
    const LOWEST: f32 = -87.0;

    let x = if x < LOWEST { LOWEST } else { x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut y = 1.987_569_1e-4;
    y = y * r + 1.398_199_9e-3;
    y = y * r + 8.333_452e-3;
    y = y * r + 4.166_579_6e-2;
    y = y * r + 1.666_666_5e-1;
    y = y * r + 0.5;
    y = y * r * r + r + 1.0;
    let power_of_two = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    y * power_of_two
}

/// `exp(-x)` in f64 for `x` from 0 to 700, within 4 units in the last place, by plain arithmetic. Above 700 it answers
/// as at 700 (1e-304).
///
/// Reduction by powers of two to `|r| <= ln(2)/2`; there the Taylor polynomial of degree 13 errs by `r^14 / 14! <
/// 5e-18`.
#[inline(always)]
pub(crate) fn exp_minus_f64(x: f64) -> f64 {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    // ln 2 in two parts; the first has so few bits that its product with a whole number below 2^11 is exact.
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding it rounds to a whole number and leaves that number in the low bits of the mantissa.
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 x 2^52
    const LARGEST: f64 = 700.0;
    /// `1 / n!`.
    const COEFFICIENTS: [f64; 12] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ];

    let x = if x > LARGEST { -LARGEST } else { -x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut y = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        y = y * r + coefficient;
    }
    y = y * r * r + r + 1.0;
    let power_of_two = f64::from_bits((rounded.to_bits() << 52).wrapping_add(0x3ff0_0000_0000_0000));
    y * power_of_two
}

/// `1 / (1 + exp(-x))` in f32, from the exponential above.
#[inline(always)]
pub(crate) fn sigmoid_f32(x: f32) -> f32 {
    let (numerator, denominator) = sigmoid_quotient_f32(x);
    numerator / denominator
}

/// The same as numerator and denominator.
#[inline(always)]
pub(crate) fn sigmoid_quotient_f32(x: f32) -> (f32, f32) {
    let e = exp_f32(-x.abs());
    (if x >= 0.0 { 1.0 } else { e }, 1.0 + e)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Error budget, in units of 2^-24 relative: polynomial 1.5 (Cephes states 1.7e-7 as the peak error of the whole
    /// function), the last two sums half each, the reduction's products one; the bound is their sum, rounded up.
    const BOUND: f64 = 4.0 / 16_777_216.0;

    #[test]
    fn the_exponential_in_f64_is_that_of_the_standard_library() {
        // Polynomial, its last two sums, the reduction's two products and the standard library itself: a unit each at
        // most.
        const BOUND: f64 = 4.0 * f64::EPSILON;
        for step in 0..700_000 {
            let x = f64::from(step) * 1e-3 + 1e-7;
            let relative = (exp_minus_f64(x) / (-x).exp() - 1.0).abs();
            assert!(relative < BOUND, "relative error {relative:e} at {x}");
        }
        assert_eq!(exp_minus_f64(0.0), 1.0);
        assert!(exp_minus_f64(f64::NAN).is_nan());
        assert!(exp_minus_f64(f64::INFINITY) < 1e-300);
    }

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        let mut worst = 0.0_f64;
        for step in 0..1_750_000 {
            let x = -87.0 + step as f32 * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp_f32(x)) / exact - 1.0).abs());
        }
        assert!(worst < BOUND, "relative error {worst:e}");
        assert!(exp_f32(f32::NAN).is_nan());
        assert!(exp_f32(f32::NEG_INFINITY) > 0.0 && exp_f32(f32::NEG_INFINITY) < 2e-38);
    }
}
