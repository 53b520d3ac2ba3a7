//! The edges of bands, whose ends may be undefined here and there.

use crate::interval::Interval;

/// One end of an interval.
pub(crate) type End = fn(&Interval) -> Option<f64>;

/// An edge of a band through intervals at places; between two of which one lacks the end, the edge lies on the values.
pub(crate) fn edge(intervals: &[(f64, Interval)], end: End) -> Vec<(f64, f64)> {
    let mut edge = Vec::new();
    for pair in intervals.windows(2) {
        let ends = end(&pair[0].1).zip(end(&pair[1].1));
        let (from, to) = ends.unwrap_or((pair[0].1.value, pair[1].1.value));
        edge.extend([(pair[0].0, from), (pair[1].0, to)]);
    }
    edge.dedup();
    edge
}

/// The lines along an end, where it is defined.
pub(crate) fn lines(intervals: &[(f64, Interval)], end: End) -> Vec<Vec<(f64, f64)>> {
    let mut lines: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (place, interval) in intervals {
        match (end(interval), lines.last_mut()) {
            (Some(value), Some(line)) => line.push((*place, value)),
            _ => lines.push(Vec::new()),
        }
    }
    lines.retain(|line| line.len() > 1);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::Origin;

    fn intervals(highs: [Option<f64>; 4]) -> Vec<(f64, Interval)> {
        let about = |high| Interval { origin: Origin::LogZ, value: 1.0, low: Some(0.0), high, untrusted: 0, n: 1 };
        [0.0, 1.0, 2.0, 3.0].into_iter().zip(highs.map(about)).collect()
    }

    #[test]
    fn edge_steps_to_the_values_where_the_end_is_undefined() {
        let open = intervals([Some(2.0), Some(3.0), None, None]);
        let steps = [(0.0, 2.0), (1.0, 3.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)];
        assert_eq!(edge(&open, |about| about.high), steps);
        assert_eq!(edge(&open, |about| about.low), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
    }

    #[test]
    fn lines_along_an_end_have_a_gap_where_it_is_undefined() {
        let open = intervals([Some(2.0), None, Some(3.0), Some(4.0)]);
        assert_eq!(lines(&open, |about| about.high), [[(2.0, 3.0), (3.0, 4.0)]]);
        assert!(lines(&intervals([None; 4]), |about| about.high).is_empty());
    }
}
