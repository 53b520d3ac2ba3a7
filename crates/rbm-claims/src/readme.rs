//! The blocks of READMEs that show verdicts.

use crate::{ClaimRecord, Role, TestRecord, record::figure};

/// Puts `block` between `<!-- NAME -->` and `<!-- end of NAME -->`; `None` where a text has no such place.
pub fn with_block(text: &str, name: &str, block: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let start = text.find(&open)? + open.len();
    let end = start + text[start..].find(&close)?;
    Some(format!("{}{}\n{}", &text[..start], block.trim_end(), &text[end..]))
}

/// What an experiment's README shows of its claim: verdict, what was found, the tests, the figures in `figures`, a folder
/// relative to it.
pub fn claim_block(record: &ClaimRecord, figures: &[String]) -> String {
    let mut text = format!("**{}** (profile {}). {}\n\n", record.verdict, record.profile.word(), record.conclusion);
    if !record.beside.is_empty() {
        text.push_str(&format!("Beside the claim: {}\n\n", record.beside));
    }
    text.push_str("| tested | verdict | statistic | interval | rule |\n|---|---|---|---|---|\n");
    for test in &record.tests {
        text.push_str(&row(test));
    }
    for path in figures {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".svg");
        text.push_str(&format!("\n![{stem}]({path})\n"));
    }
    text
}

fn row(test: &TestRecord) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let number = test.statistic.map_or("–".into(), |value| format!("{} {}", figure(value), test.unit));
    format!(
        "| {} | {} | {} | {}{} | {} |\n",
        match test.role {
            Role::Claim => cell(&test.says),
            Role::Control => format!("{} (a control)", cell(&test.says)),
            Role::Context => format!("{} (beside the claim)", cell(&test.says)),
        },
        test.verdict,
        cell(number.trim()),
        test.interval_in_words(),
        if test.n > 1 { format!(" (n = {})", test.n) } else { String::new() },
        cell(&test.rule)
    )
}
