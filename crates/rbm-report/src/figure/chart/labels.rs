//! Labels in a narrow room: broken into lines, moved apart.

use crate::format::clip;

/// At most `most` lines of at most `longest` characters, broken between words; what is too long for that loses its end,
/// a word that is too long its middle.
pub(super) fn wrap(text: &str, longest: usize, most: usize) -> Vec<String> {
    let longest = longest.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = clip(word, longest);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= longest => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while last.chars().count() >= longest {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

/// The middles of boxes of some heights, as near to wanted middles as they can be without touching, between `top` and
/// `bottom`; where they need more room than that, they begin at `top`.
pub(super) fn apart(wanted: &[(f64, f64)], (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].0.total_cmp(&wanted[b].0));
    let mut uppers = vec![0.0; wanted.len()];
    let mut free = top;
    for &index in &order {
        let (middle, height) = wanted[index];
        uppers[index] = f64::max(middle - height / 2.0, free);
        free = uppers[index] + height;
    }
    let mut limit = bottom;
    for &index in order.iter().rev() {
        uppers[index] = f64::min(uppers[index], limit - wanted[index].1);
        limit = uppers[index];
    }
    // without enough room the way back went beyond the top
    let excess = order.first().map_or(0.0, |&first| f64::max(0.0, top - uppers[first]));
    uppers.iter().zip(wanted).map(|(upper, (_, height))| upper + excess + height / 2.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_break_between_words() {
        assert_eq!(wrap("published by Hinton (2006)", 12, 3), ["published by", "Hinton", "(2006)"]);
        assert_eq!(wrap("published by Hinton (2006)", 12, 2), ["published by", "Hinton…"]);
        assert_eq!(wrap("abcdefghijk", 5, 2), ["ab…jk"]);
        assert_eq!(wrap("  ", 5, 2), [""; 0]);
        assert_eq!(wrap("ab cd", 0, 2), ["…", "…"]);
    }

    #[test]
    fn near_labels_move_apart_and_stay_inside() {
        assert_eq!(apart(&[(10.0, 4.0), (50.0, 4.0)], (0.0, 100.0)), [10.0, 50.0]);
        // given in any order; equal ones lie below each other
        assert_eq!(apart(&[(50.0, 10.0), (48.0, 10.0)], (0.0, 100.0)), [58.0, 48.0]);
        assert_eq!(apart(&[(99.0, 10.0), (97.0, 10.0)], (0.0, 100.0)), [95.0, 85.0]);
        assert_eq!(apart(&[(0.0, 10.0), (0.0, 10.0)], (0.0, 15.0)), [5.0, 15.0]);
    }
}
