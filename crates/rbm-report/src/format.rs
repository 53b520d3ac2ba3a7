//! Numbers and names as people read them.

use crate::statistics::Spread;

/// What stands where there is no value.
pub(crate) const MISSING: &str = "–";

/// A number with four significant digits or so.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return MISSING.into();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return minus(&format!("{value:.2e}"));
    }
    decimals(value, if size == 0.0 { 0 } else { 3 - size.log10().floor() as i32 })
}

/// A number with so many decimals, none if negative.
fn decimals(value: f64, places: i32) -> String {
    let places = usize::try_from(places).unwrap_or(0);
    let text = format!("{value:.places$}");
    // "-0.00" is zero
    if text.chars().all(|c| matches!(c, '-' | '0' | '.')) { text.replace('-', "") } else { minus(&text) }
}

fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// "mean ± deviation", the deviation with two significant digits; the mean alone where there is none.
pub(crate) fn spread(spread: &Spread) -> String {
    let Some(deviation) = spread.deviation else { return number(spread.mean) };
    let is_plain = deviation.is_finite() && deviation > 1e-9 && (1e-3..1e6).contains(&spread.mean.abs().max(deviation));
    if !is_plain {
        return format!("{} ± {}", number(spread.mean), number(deviation));
    }
    let places = (1 - deviation.log10().floor() as i32).clamp(0, 6);
    format!("{} ± {}", decimals(spread.mean, places), decimals(deviation, places))
}

/// "value [low, high]" with two significant digits of the farther end's distance; an end that is missing is undefined.
pub(crate) fn interval(value: f64, low: Option<f64>, high: Option<f64>) -> String {
    let distances = [low, high].into_iter().flatten().map(|end| (end - value).abs()).filter(|distance| *distance > 0.0);
    let farthest = distances.fold(0.0, f64::max);
    let is_plain = farthest.is_finite() && farthest > 1e-9 && (1e-3..1e6).contains(&value.abs().max(farthest));
    let places = if is_plain { (1 - farthest.log10().floor() as i32).clamp(0, 6) } else { 0 };
    let text = |value: f64| if is_plain { decimals(value, places) } else { number(value) };
    let end = |end: Option<f64>| end.map_or_else(|| "undefined".to_owned(), text);
    format!("{} [{}, {}]", text(value), end(low), end(high))
}

/// "12,000".
pub(crate) fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 seed", "3 seeds".
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Seconds as "12.3 s", "4 min 5 s" or "2 h 3 min".
pub(crate) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return MISSING.into();
    }
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes as "123 MB" (10^6).
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// At most `longest` characters, the middle left out; control characters, which XML forbids, replaced.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    let clean: Vec<char> = printable(text).chars().collect();
    if clean.len() <= longest {
        return clean.into_iter().collect();
    }
    let kept = longest.saturating_sub(1);
    let head = kept.div_ceil(2);
    let tail = clean.len() - (kept - head);
    clean[..head].iter().chain(&['…']).chain(&clean[tail..]).collect()
}

/// Names cut so that they stay apart: what all begin or end with is left out where some are too long.
pub(crate) fn clip_apart<'a>(names: impl IntoIterator<Item = &'a str>, longest: usize) -> Vec<String> {
    let names: Vec<Vec<char>> = names.into_iter().map(|name| printable(name).chars().collect()).collect();
    let shortest = names.iter().map(Vec::len).min().unwrap_or(0);
    let same = |place: &dyn Fn(&[char]) -> char| names.windows(2).all(|pair| place(&pair[0]) == place(&pair[1]));
    let is_long = names.len() > 1 && names.iter().any(|name| name.len() > longest);
    let head = if is_long { (0..shortest).take_while(|&at| same(&|name| name[at])).count() } else { 0 };
    let most = shortest - head;
    let tail = if is_long { (0..most).take_while(|&at| same(&|name| name[name.len() - 1 - at])).count() } else { 0 };
    let mark = |cut: usize| if cut > 1 { "…" } else { "" };
    let (head, tail) = (if head > 1 { head } else { 0 }, if tail > 1 { tail } else { 0 });
    let cut = |name: &Vec<char>| -> String {
        let middle: String = name[head..name.len() - tail].iter().collect();
        clip(&format!("{}{middle}{}", mark(head), mark(tail)), longest)
    };
    names.iter().map(cut).collect()
}

/// The text with a mark for each character that XML forbids.
pub(crate) fn printable(text: &str) -> String {
    let forbidden = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if forbidden(c) { '\u{fffd}' } else { c }).collect()
}

/// A name of letters, digits and dashes for a file.
pub(crate) fn stem(text: &str) -> String {
    let mut stem = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    stem.truncate(80);
    stem.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (-143.2189, "\u{2212}143.2"),
            (0.012341, "0.01234"),
            (12.0, "12.00"),
            (1.5e7, "1.50e7"),
            (2.5e-5, "2.50e\u{2212}5"),
            (f64::NAN, MISSING),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn deviation_decides_the_decimals_of_the_mean() {
        let text = |mean, deviation| spread(&Spread { mean, deviation, n: 3 });
        assert_eq!(text(-143.2189, Some(0.351)), "\u{2212}143.22 ± 0.35");
        assert_eq!(text(-143.2189, Some(35.1)), "\u{2212}143 ± 35");
        assert_eq!(text(0.5, Some(0.0)), "0.5000 ± 0");
        assert_eq!(text(0.5, None), "0.5000");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(clip("abcdefghij", 10), "abcdefghij");
        assert_eq!(clip("abcdefghijk", 5), "ab…jk");
        assert_eq!(clip("a\u{0}b", 5), "a\u{fffd}b");
    }

    #[test]
    fn long_names_lose_what_they_share() {
        let names = ["some/where/file-01.npy", "some/where/file-02.npy"];
        assert_eq!(clip_apart(names, 8), ["…1…", "…2…"]);
        assert_eq!(clip_apart(names, 40), names);
        assert_eq!(clip_apart(["cd", "cd"], 1), ["…", "…"]);
        assert_eq!(clip_apart([], 4), [""; 0]);
    }

    #[test]
    fn stems_hold_nothing_that_a_file_name_may_not() {
        assert_eq!(stem("k = 3, hidden = <16>"), "k-3-hidden-16");
        assert_eq!(stem("../x/"), "x");
    }
}
