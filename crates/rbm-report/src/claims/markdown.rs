//! The verdicts as a table for a README.

use super::section::ClaimSection;
use crate::format::printable;

/// A table in GitHub's Markdown with a row a claim: title, verdict, headline. Whatever a text holds, it stays text
/// in its cell.
///
/// ```
/// use rbm_report::{ClaimSection, VerdictWord, verdict_table_markdown};
///
/// let claim = ClaimSection {
///     title: "PCD beats CD-1".into(),
///     verdict: VerdictWord::Confirmed,
///     headline: "1.2 nats".into(),
///     ..ClaimSection::default()
/// };
/// let table = "| claim | verdict | found |\n|---|---|---|\n| PCD beats CD-1 | confirmed | 1.2 nats |\n";
/// assert_eq!(verdict_table_markdown(&[claim]), table);
/// ```
pub fn verdict_table_markdown<'a>(claims: impl IntoIterator<Item = &'a ClaimSection>) -> String {
    let mut table = "| claim | verdict | found |\n|---|---|---|\n".to_owned();
    for claim in claims {
        let (title, verdict, found) = (cell(claim.heading()), claim.verdict.word(), cell(&claim.headline));
        table.push_str(&format!("| {title} | {verdict} | {found} |\n"));
    }
    table
}

/// Text that Markdown takes for nothing but text, on one line; a dash where there is none.
fn cell(text: &str) -> String {
    let words = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return crate::format::MISSING.into();
    }
    let mut safe = String::new();
    for c in words.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => safe.extend(['\\', c]),
            _ => safe.push(c),
        }
    }
    safe
}
