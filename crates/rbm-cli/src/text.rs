//! Numbers, durations and tables as people read them.

use std::fmt::Write;

use rbm_store::CellState;

/// A count with thousands separated: `60,000`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 cell`, `18 cells`.
pub(crate) fn cells(number: usize) -> String {
    format!("{} cell{}", count(number), if number == 1 { "" } else { "s" })
}

/// About five digits of a measured value.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let decimals = (4 - size.log10().floor() as i32).clamp(0, 6);
            format!("{value:.*}", decimals as usize)
        }
        _ => format!("{value:.4e}"),
    }
}

/// `0.4 s`, `4 min 10 s`, `2 h 5 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `12 kB`, `3.4 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes < 1e3 => format!("{bytes} B"),
        _ if bytes < 1e6 => format!("{:.0} kB", bytes / 1e3),
        _ if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// Rows under headings, in columns; the last column is not padded.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&heading]).filter_map(|row| row.get(column));
        cells.map(|cell| visible_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in [&heading].into_iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let padding = " ".repeat(width - visible_width(cell));
            let _ = write!(line, "{cell}{padding}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Characters that take room: all but colours.
fn visible_width(text: &str) -> usize {
    let mut width = 0;
    let mut inside = false;
    for character in text.chars() {
        match character {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            _ => width += 1,
        }
    }
    width
}

/// The word for a state, in its colour.
pub(crate) fn state(state: CellState, colored: bool) -> String {
    let color = match state {
        CellState::Done => 32,
        CellState::Failed => 31,
        CellState::Diverged => 35,
        CellState::Running => 36,
        CellState::Interrupted => 33,
        CellState::Pending => 0,
    };
    if colored && color > 0 { format!("\u{1b}[{color}m{}\u{1b}[0m", state.word()) } else { state.word().into() }
}

/// The command line of this process, to be typed again.
pub(crate) fn this_command() -> String {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// A part of a sentence as one: with a capital and a full stop.
pub(crate) fn sentence(part: &str) -> String {
    let mut rest = part.chars();
    let first: String = rest.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    format!("{first}{}.", rest.as_str().trim_end_matches('.'))
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
