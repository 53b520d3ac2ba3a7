//! Lines and polygons cut off at the edges of a plot.

/// The parts of a line between two heights.
pub(crate) fn clip_line(points: &[(f64, f64)], (low, high): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut open = false;
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (bottom, top) = if from.1 < to.1 { (from.1, to.1) } else { (to.1, from.1) };
        if top < low || bottom > high {
            open = false;
            continue;
        }
        let inside = |point: (f64, f64)| {
            if point.1 < low {
                at_height(from, to, low)
            } else if point.1 > high {
                at_height(from, to, high)
            } else {
                point
            }
        };
        match parts.last_mut() {
            Some(part) if open => part.push(inside(to)),
            _ => parts.push(vec![inside(from), inside(to)]),
        }
        open = (low..=high).contains(&to.1);
    }
    parts
}

/// The part of a polygon between two heights (Sutherland and Hodgman 1974).
pub(crate) fn clip_polygon(corners: &[(f64, f64)], (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    let cut = |corners: Vec<(f64, f64)>, height: f64, is_inside: &dyn Fn(f64) -> bool| {
        let mut kept = Vec::new();
        for (index, &to) in corners.iter().enumerate() {
            let from = corners[(index + corners.len() - 1) % corners.len()];
            if is_inside(from.1) != is_inside(to.1) {
                kept.push(at_height(from, to, height));
            }
            if is_inside(to.1) {
                kept.push(to);
            }
        }
        kept
    };
    let above = cut(corners.to_vec(), low, &|value| value >= low);
    cut(above, high, &|value| value <= high)
}

/// Where the line between two points has a height.
fn at_height(from: (f64, f64), to: (f64, f64), height: f64) -> (f64, f64) {
    let share = (height / 2.0 - from.1 / 2.0) / (to.1 / 2.0 - from.1 / 2.0);
    (from.0 + share.clamp(0.0, 1.0) * (to.0 - from.0), height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bands_end_at_the_edge_of_the_plot() {
        let line = [(0.0, -4.0), (1.0, 0.0), (2.0, 1.0), (3.0, 5.0), (4.0, 9.0)];
        assert_eq!(clip_line(&line, (-2.0, 3.0)), [vec![(0.5, -2.0), (1.0, 0.0), (2.0, 1.0), (2.5, 3.0)]]);
        assert_eq!(clip_line(&[(0.0, -9.0), (1.0, 9.0)], (-3.0, 3.0)).len(), 1);
        let square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)];
        assert_eq!(clip_polygon(&square, (1.0, 5.0)), [(0.0, 1.0), (2.0, 1.0), (2.0, 2.0), (0.0, 2.0)]);
        assert!(clip_polygon(&square, (3.0, 5.0)).is_empty());
    }
}
