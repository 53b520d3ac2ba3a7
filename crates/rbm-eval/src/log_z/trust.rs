//! Whether the interval of an importance-sampling estimate can be trusted.
//!
//! A run that missed the heavy weights looks better than one that did not: its weights are alike, its interval short
//! and its effective sample size high. So nothing of the run itself decides, but an independent run in the other
//! direction, which starts where the weights are heavy. Crooks (2000): for a weight `w` of the forward direction and
//! any power r,
//!
//! `E_forward[w^(r+1)] / Z^(r+1) = E_reverse[w^r] / Z^r`,
//!
//! so that the reverse run sees the variance (r = 1) and the skewness (r = 2) of the forward weights, missed modes
//! included; and the same with `1/w` and the directions exchanged.

use super::{estimate::Verdict, weights::LogMean};

/// The mean of M values is nearly normal where `M >= 25 G1^2`, G1 their skewness (Cochran, Sampling Techniques, 1977,
/// section 2.15): his rule for two-sided intervals.
const COCHRAN: f64 = 25.0;

/// A judge whose own effective sample size is below this share of its chains does not know what it speaks of.
const SMALLEST_SHARE: f64 = 0.1;

/// Runs whose weights are all equal agree to rounding: of sums of ten thousand terms, 1e-16 each of some hundreds of
/// nats.
const ROUNDING: f64 = 1e-9;

/// Weights whose relative standard deviation is below this are as good as equal.
const EQUAL: f64 = 0.05;

/// Judges the mean of `chains` weights by two other runs: `pilot`, the logs of the same weights seen from the other
/// direction (the mean is to be taken of their inverses), and `same`, those of a short run in the same direction. The
/// two must agree: where the other direction stays in a part of the law that the same direction never enters, its
/// weights are alike too.
pub fn judge(pilot: &[f64], same: &[f64], chains: usize) -> Verdict {
    let inverses: Vec<f64> = pilot.iter().map(|log| -log).collect();
    let own = LogMean::of(&inverses);
    let share = own.ess / pilot.len() as f64;
    if share.is_nan() || share < SMALLEST_SHARE {
        return Verdict::low(format!(
            "the {} chains of the other direction that judge it have an effective sample size of {:.1} themselves",
            pilot.len(),
            own.ess
        ));
    }
    let here = LogMean::of(same);
    let gap = (here.value + own.value).abs();
    let error = here.relative_error.unwrap_or(f64::INFINITY).hypot(own.relative_error.unwrap_or(f64::INFINITY));
    if gap.is_nan() || gap > 3.0 * error + ROUNDING {
        return Verdict::low(format!(
            "two other runs, one in each direction, differ by {gap:.2} nats with an error of {error:.2}: they are in different \
             parts of the law; use more temperatures"
        ));
    }
    // Of the weights over Z: mean square and mean cube.
    let count = pilot.len() as f64;
    let ratio = |power: f64| pilot.iter().map(|log| (power * (log + own.value)).exp()).sum::<f64>() / count;
    let (square, cube) = (ratio(1.0), ratio(2.0));
    let variance = square - 1.0;
    if variance <= EQUAL * EQUAL {
        return Verdict::ok("seen from the other direction, all weights are within a few hundredths of each other");
    }
    let skewness = (cube - 3.0 * square + 2.0) / variance.powf(1.5);
    let needed = COCHRAN * skewness * skewness;
    let seen = format!(
        "seen from the other direction the weights have relative variance {variance:.3} and skewness {skewness:.2}"
    );
    if needed.is_finite() && needed <= chains as f64 {
        Verdict::ok(format!("{seen}: the mean of {chains} is nearly normal"))
    } else {
        Verdict::low(format!(
            "{seen}: the mean of {chains} is not nearly normal (that of {needed:.0} would be); use more temperatures"
        ))
    }
}

#[cfg(test)]
mod tests {
    use rbm_random::{Sequence, Stream};

    use super::*;
    use crate::log_z::estimate::Trust;

    /// Logs of log-normal weights of mean 1: shifted down as the forward direction sees them, up as the reverse one
    /// does.
    fn logs(shift: f64, deviation: f64, count: usize, row: u32) -> Vec<f64> {
        let mut draws = Sequence::new(3, Stream::PilotStart, 0).at_row(row);
        (0..count).map(|_| shift * deviation * deviation + deviation * draws.normal()).collect()
    }

    fn judged(deviation: f64) -> Trust {
        judge(&logs(0.5, deviation, 100, 0), &logs(-0.5, deviation, 25, 1), 100).trust
    }

    #[test]
    fn nearly_equal_weights_are_trusted_and_wild_ones_are_not() {
        // Skewness of a log-normal law: (e^s + 2) sqrt(e^s - 1), s the variance of the logs: 0.95 at deviation 0.3, 414
        // at 2.
        assert_eq!(judged(0.01), Trust::Ok);
        assert_eq!(judged(0.3), Trust::Ok);
        assert_eq!(judged(2.0), Trust::Low);
    }

    #[test]
    fn a_mode_that_the_forward_direction_misses_is_seen_from_the_reverse_one() {
        // A mode with a share of 0.05 that a forward chain enters with probability 0.0005: its weight is 100 Z.
        let mut logs = vec![0.0; 95];
        logs.resize(100, 100.0_f64.ln());
        assert_eq!(judge(&logs, &[0.0; 25], 100).trust, Trust::Low);
    }

    #[test]
    fn directions_that_stay_in_different_parts_of_the_law_are_not_trusted() {
        assert_eq!(judge(&[3.0; 100], &[3.0; 25], 100).trust, Trust::Ok);
        assert_eq!(judge(&[3.0; 100], &[1.0; 25], 100).trust, Trust::Low);
    }
}
