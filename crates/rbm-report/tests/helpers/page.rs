//! What every page with figures must be.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Holds a page and its figures to what every one of them must be.
pub(crate) fn check(html: &str, figures: &[(String, String)]) {
    assert!(html.len() <= 5_000_000, "{} bytes", html.len());
    assert!(!html.contains("<script"), "a script");
    let words = without_pictures(html);
    assert!(!words.contains("NaN") && !words.contains(">inf"), "a number that is none");
    assert!(!words.contains("http"), "an address outside the page");
    let closed = html.replace("<br>", "").replace("<meta charset=\"utf-8\">", "");
    let closed = closed.replace("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", "");
    parse(&closed, "the page");
    for (stem, svg) in figures {
        parse(svg, stem);
        let svg = without_pictures(svg).replace("http://www.w3.org/2000/svg", "");
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{stem}: a coordinate that is none");
        assert!(!svg.contains("\"#01") && !svg.contains("\"#02"), "{stem}: a stand-in for a colour is left");
        assert!(!svg.contains("http"), "{stem}: an address outside the file");
        assert!(stem.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)), "{stem}: not a file name");
    }
    let mut stems: Vec<_> = figures.iter().map(|(stem, _)| stem).collect();
    stems.sort();
    stems.dedup();
    assert_eq!(stems.len(), figures.len(), "two figures of one name");
}

/// The text without embedded PNGs, whose letters can spell anything.
fn without_pictures(text: &str) -> String {
    let mut parts = text.split("base64,");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once('"').map_or("", |(_, after)| after));
    }
    rest
}

/// Reads all of an XML text; quick-xml checks that tags match.
pub(crate) fn parse(text: &str, name: &str) {
    let mut reader = Reader::from_str(text);
    let mut depth = 0_i32;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")) {
            Event::Start(start) => {
                for attribute in start.attributes() {
                    attribute.unwrap_or_else(|error| panic!("{name}: {error}"));
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{name}: not all tags are closed");
}

/// What a reader of the page reads: a line for each piece of text, figures by their names.
pub(crate) fn text(html: &str) -> String {
    let mut reader = Reader::from_str(html);
    reader.config_mut().check_end_names = false;
    let (mut lines, mut hidden): (Vec<String>, usize) = (Vec::new(), 0);
    loop {
        match reader.read_event().expect("well-formed HTML") {
            Event::Start(start) if start.name().as_ref() == "style" || start.name().as_ref() == "svg" => {
                if let Ok(Some(label)) = start.try_get_attribute("aria-label") {
                    lines.push(format!("[figure: {}]", String::from_utf8_lossy(label.value.as_ref().as_bytes())));
                }
                hidden += 1;
            }
            Event::End(end) if end.name().as_ref() == "style" || end.name().as_ref() == "svg" => hidden -= 1,
            Event::Text(piece) if hidden == 0 => {
                let piece = String::from_utf8_lossy(piece.as_ref().as_bytes()).trim().to_owned();
                if !piece.is_empty() {
                    lines.push(piece);
                }
            }
            Event::Eof => return lines.join("\n"),
            _ => {}
        }
    }
}
