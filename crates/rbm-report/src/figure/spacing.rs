//! How epochs lie on the horizontal axis.

use super::axes::ticks;

/// How epochs lie on the horizontal axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// Each as wide as the others.
    Even,
    /// Each doubling as wide as the last; epoch 0 where 1/2 would lie.
    Doubling,
}

impl Spacing {
    /// Doubling where the evaluations are ever further apart.
    pub(crate) fn of(epochs: &[u32]) -> Self {
        let gaps: Vec<u32> = epochs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        match (gaps.first(), gaps.iter().rev().nth(1)) {
            (Some(first), Some(late)) if gaps.len() >= 5 && *late >= 4 * first => Self::Doubling,
            _ => Self::Even,
        }
    }

    /// Where an epoch lies.
    pub(crate) fn place(self, epoch: u32) -> f64 {
        match self {
            Self::Even => f64::from(epoch),
            Self::Doubling => f64::from(epoch).max(0.5).log2(),
        }
    }

    /// What the axis is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Even => "epoch",
            Self::Doubling => "epoch (logarithmic)",
        }
    }

    /// Epochs with a label.
    pub(crate) fn ticks(self, first: u32, last: u32) -> Vec<(u32, String)> {
        match self {
            Self::Even => {
                let round = ticks((f64::from(first), f64::from(last)), 8, 1.0);
                if first == last {
                    return vec![(first, first.to_string())];
                }
                round.into_iter().map(|(value, label)| (value as u32, label)).collect()
            }
            Self::Doubling => {
                let powers = (0..32).map(|power| 1_u32 << power).take_while(|power| *power <= last);
                let zero = (first == 0).then_some(0);
                zero.into_iter().chain(powers.filter(|power| *power >= first)).map(|e| (e, e.to_string())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_ever_further_apart_give_a_logarithmic_axis() {
        assert!(Spacing::of(&[0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 30]) == Spacing::Doubling);
        assert!(Spacing::of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == Spacing::Even);
        assert!(Spacing::of(&[0]) == Spacing::Even);
    }
}
