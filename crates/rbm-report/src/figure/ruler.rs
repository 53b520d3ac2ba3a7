//! Scales that may be logarithmic.

use super::axes::{Scale, padded, ticks};
use crate::format::number;

/// How values lie along an axis: evenly, or each tenfold as wide as the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ruler {
    /// The ends: of a logarithmic axis those of the decimal logarithm.
    range: (f64, f64),
    logarithmic: bool,
}

/// Steps of the ticks within a decade, for axes that span little more than one.
const WITHIN_A_DECADE: [f64; 3] = [1.0, 2.0, 5.0];

impl Ruler {
    /// Even, with a little room about the values.
    pub(crate) fn even(values: impl IntoIterator<Item = f64>) -> Self {
        Self { range: padded(values), logarithmic: false }
    }

    /// Logarithmic, with a little room about the values above zero; from 0.1 to 1 where there is none.
    pub(crate) fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let logarithms = |value: f64| (value > 0.0 && value.is_finite()).then(|| value.log10());
        let logarithms: Vec<f64> = values.into_iter().filter_map(logarithms).collect();
        let single = logarithms.iter().all(|value| Some(value) == logarithms.first());
        let range = match logarithms.first() {
            None => (-1.0, 0.0),
            // a single value in the middle of a decade
            Some(value) if single => (value - 0.5, value + 0.5),
            Some(_) => padded(logarithms),
        };
        Self { range, logarithmic: true }
    }

    /// The ends between which places lie.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.range
    }

    /// Whether each tenfold is as wide as the last.
    pub(crate) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The width in values, or of a logarithmic axis in decades.
    pub(crate) fn width(&self) -> f64 {
        self.range.1 - self.range.0
    }

    /// Where a value lies among the ends; what has no logarithm lies on the lower end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        match (self.logarithmic, value > 0.0) {
            (false, _) => value,
            (true, true) => value.log10(),
            (true, false) => self.range.0,
        }
    }

    /// Whether a value has a place between the ends.
    pub(crate) fn holds(&self, value: f64) -> bool {
        !(self.logarithmic && value <= 0.0) && (self.range.0..=self.range.1).contains(&self.place(value))
    }

    /// The places on the figure.
    pub(crate) fn scale(&self, ends: (f64, f64)) -> Scale {
        Scale::new(self.range, ends)
    }

    /// Places and labels of round values.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        const COUNT: usize = 5;
        if !self.logarithmic {
            return ticks(self.range, COUNT, 0.0);
        }
        let (first, last) = (self.range.0.ceil() as i32, self.range.1.floor() as i32);
        // one decade alone would say nothing of the scale
        if self.width() > 1.5 && first < last {
            let every = (last - first).unsigned_abs().div_ceil(COUNT as u32).max(1);
            let decades = (first..=last).filter(|power| power.rem_euclid(every as i32) == 0);
            return decades.map(|power| (f64::from(power), decade(power))).collect();
        }
        let values = (first - 1..=last).flat_map(|power| WITHIN_A_DECADE.map(|m| m * 10_f64.powi(power)));
        let inside: Vec<f64> = values.filter(|value| self.holds(*value)).collect();
        if inside.len() >= 2 {
            return inside.into_iter().map(|value| (value.log10(), plain(value))).collect();
        }
        // less than a step between round values: even ticks are round enough
        let even = ticks((10_f64.powf(self.range.0), 10_f64.powf(self.range.1)), COUNT, 0.0);
        even.into_iter().filter(|(value, _)| *value > 0.0).map(|(value, label)| (value.log10(), label)).collect()
    }
}

/// "0.01", "100", "10⁻⁵".
fn decade(power: i32) -> String {
    if (-3..=4).contains(&power) {
        return plain(10_f64.powi(power));
    }
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => char::from_u32(other as u32 - '0' as u32 + '⁰' as u32).unwrap_or(other),
    };
    format!("10{}", power.to_string().chars().map(digit).collect::<String>())
}

/// A round value without zeros at its end.
fn plain(value: f64) -> String {
    if (1e-4..1e5).contains(&value) { format!("{}", (value * 1e6).round() / 1e6) } else { number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ruler: Ruler) -> Vec<String> {
        ruler.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn decades_have_ticks_and_narrow_ranges_have_some_too() {
        assert_eq!(labels(Ruler::logarithmic([1e-6, 0.5])), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1"]);
        // five hundredths of 11.7 decades above 0.5 reach past 1
        assert_eq!(labels(Ruler::logarithmic([1e-12, 0.5])), ["10⁻¹²", "10⁻⁹", "10⁻⁶", "0.001", "1"]);
        assert_eq!(labels(Ruler::logarithmic([0.02, 0.4])), ["0.02", "0.05", "0.1", "0.2"]);
        assert!(labels(Ruler::logarithmic([0.31, 0.33])).len() >= 2);
        assert_eq!(labels(Ruler::logarithmic([1e-300, 1e300])).len(), 5);
    }

    #[test]
    fn zero_and_less_lie_on_the_lower_end_of_a_logarithmic_axis() {
        let ruler = Ruler::logarithmic([0.0, 0.01, 1.0]);
        assert_eq!(ruler.place(0.0), ruler.range().0);
        assert!(!ruler.holds(0.0) && ruler.holds(0.1));
        assert_eq!(Ruler::logarithmic([0.0, -1.0]).range(), (-1.0, 0.0));
        assert_eq!(Ruler::logarithmic([10.0, 10.0]).range(), (0.5, 1.5));
    }
}
