//! Colours: figures are drawn with stand-ins, which become colours of a page that is light or dark, or of a white file.

use plotters::style::RGBColor;

/// The stand-in for the colour of the text around the figure.
pub(crate) const INK: RGBColor = RGBColor(0x01, 0x00, 0x00);
/// First byte of the stand-ins for lines; the second is the colour's index, the third the dash's.
const LINE: u8 = 0x02;

/// Okabe and Ito's colours, told apart with any colour vision, without yellow (unreadable on white) and black.
pub(crate) const LINES: [&str; 6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];
/// The same, lighter where a dark page would swallow them.
pub(crate) const LINES_ON_DARK: [&str; 6] = ["#4BA3DB", "#F07F2E", "#22B68A", "#DB95BB", "#8CCDF2", "#F0B53C"];
/// Dashes in units of the canvas; none for a full line.
const DASHES: [&str; 4] = ["", "14 7", "4 6", "18 6 4 6"];

/// The dash of lines in the colour of the text.
const DASHED_INK: u8 = 1;

const STANDALONE_INK: &str = "#222222";

/// The colour and dash of the line with this index: 24 differ.
pub(crate) fn line(index: usize) -> RGBColor {
    let dash = index / LINES.len() % DASHES.len();
    RGBColor(LINE, (index % LINES.len()) as u8, dash as u8)
}

/// The same colour, dotted.
pub(crate) fn dotted(index: usize) -> RGBColor {
    line(index % LINES.len() + 2 * LINES.len())
}

/// How many lines of [`distinct`] are full; the next have dashes.
const FULL: usize = 4;

/// The colour and dash of the line with this index, where markers come in fours: the first 16 differ in marker or dash,
/// for readers who do not tell the colours apart.
pub(crate) fn distinct(index: usize) -> RGBColor {
    let dash = index / FULL % DASHES.len();
    RGBColor(LINE, (index % LINES.len()) as u8, dash as u8)
}

/// The colour of the text, dashed.
pub(crate) fn dashed_ink() -> RGBColor {
    RGBColor(INK.0, 0, DASHED_INK)
}

/// The stand-in's text in an attribute of a hand-written figure.
pub(crate) fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Where a figure will be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inside the page, whose style sheet sets `--s0` to `--s5`.
    Page,
    /// In a file of its own.
    File,
}

/// Puts colours in the place of the stand-ins.
pub(crate) fn color(body: &str, place: Place) -> String {
    let mut parts = body.split("=\"#");
    let mut colored = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let stand_in = part.get(..6).and_then(|hex| u32::from_str_radix(hex, 16).ok()).map(u32::to_be_bytes);
        let is_stroke = colored.ends_with("stroke");
        colored.push_str("=\"");
        let rest = part.get(6..).unwrap_or_default();
        match stand_in {
            Some([_, kind @ (0x01 | LINE), index, dash]) if kind == LINE || (index == 0 && dash <= DASHED_INK) => {
                match (kind, place) {
                    (LINE, Place::Page) => colored.push_str(&format!("var(--s{index})")),
                    (LINE, Place::File) => colored.push_str(LINES[usize::from(index) % LINES.len()]),
                    (_, Place::Page) => colored.push_str("currentColor"),
                    (_, Place::File) => colored.push_str(STANDALONE_INK),
                }
                if is_stroke && dash > 0 {
                    let dashes = DASHES[usize::from(dash) % DASHES.len()];
                    colored.push_str(&format!("\" stroke-dasharray=\"{dashes}"));
                }
            }
            _ => {
                colored.push('#');
                colored.push_str(part);
                continue;
            }
        }
        colored.push_str(rest);
    }
    colored
}

/// A shade of viridis, from 0 (dark blue) to 1 (yellow), which grey printing keeps in order.
pub(crate) fn viridis(shade: f64) -> RGBColor {
    const ANCHORS: [[f64; 3]; 9] = [
        [68.0, 1.0, 84.0],
        [71.0, 44.0, 122.0],
        [59.0, 81.0, 139.0],
        [44.0, 113.0, 142.0],
        [33.0, 144.0, 141.0],
        [39.0, 173.0, 129.0],
        [92.0, 200.0, 99.0],
        [170.0, 220.0, 50.0],
        [253.0, 231.0, 37.0],
    ];
    let place = shade.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let below = (place as usize).min(ANCHORS.len() - 2);
    let [r, g, b] = blend(ANCHORS[below], ANCHORS[below + 1], place - below as f64);
    RGBColor(r, g, b)
}

/// A shade from blue at -1 over white at 0 to red at 1.
pub(crate) fn diverging(shade: f64) -> [u8; 3] {
    const BLUE: [[f64; 3]; 2] = [[103.0, 169.0, 207.0], [5.0, 48.0, 97.0]];
    const RED: [[f64; 3]; 2] = [[239.0, 138.0, 98.0], [103.0, 0.0, 31.0]];
    const WHITE: [f64; 3] = [247.0, 247.0, 247.0];
    let [half, full] = if shade < 0.0 { BLUE } else { RED };
    let size = shade.abs().min(1.0) * 2.0;
    if size <= 1.0 { blend(WHITE, half, size) } else { blend(half, full, size - 1.0) }
}

fn blend(from: [f64; 3], to: [f64; 3], share: f64) -> [u8; 3] {
    std::array::from_fn(|channel| (from[channel] + (to[channel] - from[channel]) * share).round() as u8)
}

/// Whether black text is easier to read on a colour than white.
pub(crate) fn is_light(RGBColor(r, g, b): RGBColor) -> bool {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b) > 140.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_colours_and_other_colours_stay() {
        let body = r##"<a stroke="#020001"/><b fill="#020001"/><c fill="#010000">x="#</c><d fill="#FDE725"/>"##;
        assert_eq!(
            color(body, Place::Page),
            r##"<a stroke="var(--s0)" stroke-dasharray="14 7"/><b fill="var(--s0)"/><c fill="currentColor">x="#</c><d fill="#FDE725"/>"##
        );
        assert!(color(body, Place::File).contains(r##"<b fill="#0072B2"/>"##));
    }

    #[test]
    fn dashed_lines_can_have_the_colour_of_the_text() {
        let body = format!("<a stroke=\"{}\"/>", hex(dashed_ink()));
        assert_eq!(color(&body, Place::Page), r#"<a stroke="currentColor" stroke-dasharray="14 7"/>"#);
        assert!(color(&body, Place::File).contains(STANDALONE_INK));
    }

    #[test]
    fn first_16_lines_differ_without_their_colours() {
        let mut lines: Vec<_> = (0..16).map(|index| (distinct(index).2, index % FULL)).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 16);
    }

    #[test]
    fn first_24_lines_differ() {
        let mut lines: Vec<_> = (0..24).map(|index| hex(line(index))).collect();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), 24);
    }
}
