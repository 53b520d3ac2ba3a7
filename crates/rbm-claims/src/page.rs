//! From outcomes to the page.

use rbm_report::{ClaimSection, ClaimsPage, ClaimsReport, TestRow, VerdictWord, render_claims};

use crate::{Basis, Claim, ClaimRecord, Error, FigureKind, Found, Group, Role, TestRecord, Verdict, record::figure};

/// A claim with everything that is shown of it.
pub struct Shown<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// What lay there.
    pub found: &'a Found,
    /// What it came to.
    pub record: &'a ClaimRecord,
    /// The call that tests it alone.
    pub command: String,
}

/// The page and its figures; `command` makes it anew, `facts` hold for all claims.
///
/// # Errors
/// When a figure cannot be drawn.
pub fn page(
    title: &str,
    command: &str,
    facts: Vec<(String, String)>,
    shown: &[Shown<'_>],
) -> Result<ClaimsPage, Error> {
    let claims = shown.iter().map(section).collect();
    let report = ClaimsReport { title: title.to_owned(), facts, claims, command: command.to_owned() };
    Ok(render_claims(&report)?)
}

fn section(shown: &Shown<'_>) -> ClaimSection {
    let Shown { claim, found, record, command } = shown;
    let statement = &claim.experiment.statement;
    let charts = statement.figure.iter().filter(|figure| figure.kind != FigureKind::Images);
    let charts = charts.map(|figure| figure.chart(&record.claim, &found.measurements));
    // What a profile does not measure has no empty frame.
    let charts = charts.filter(|chart| !chart.series.is_empty());
    let pictures = statement.figure.iter().filter(|figure| figure.kind == FigureKind::Images).filter_map(|figure| {
        let name = figure.picture.as_ref()?;
        let (_, grid) = found.images.iter().find(|(known, _)| known == name)?;
        Some((figure.sentence.clone(), format!("{}-{}", record.claim, figure.name), grid.clone()))
    });
    let notes: Vec<String> = claim.missing.iter().chain(&found.notes).cloned().collect();
    ClaimSection {
        name: record.claim.clone(),
        title: statement.title.clone(),
        group: heading(statement.group).to_owned(),
        claim: statement.claim.clone(),
        quote: statement.quote.clone(),
        source: statement.source.clone(),
        basis: match statement.basis {
            None => "",
            Some(Basis::Read) => "read in the source",
            Some(Basis::Recalled) => "recalled from the literature, not read again",
            Some(Basis::Computed) => "computed, by a program that shares nothing with this one",
        }
        .to_owned(),
        verdict: word(record.verdict),
        headline: record.headline(),
        conclusion: record.conclusion.clone(),
        beside: record.beside.clone(),
        tests: record.tests.iter().map(row).collect(),
        charts: charts.collect(),
        images: pictures.collect(),
        command: command.clone(),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        seconds: (record.seconds > 0.0).then_some(record.seconds),
    }
}

fn row(test: &TestRecord) -> TestRow {
    TestRow {
        says: match test.role {
            Role::Claim => test.says.clone(),
            Role::Control => format!("{} (a control)", test.says),
            Role::Context => format!("{} (told beside the claim)", test.says),
        },
        verdict: word(test.verdict),
        statistic: test
            .statistic
            .map_or("–".into(), |value| format!("{} {}", figure(value), test.unit).trim().into()),
        interval: test.interval_in_words(),
        n: if test.n == 0 { "–".to_owned() } else { format!("{} ({})", test.n, test.method) },
        rule: test.rule.clone(),
        found: test.found.clone(),
    }
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Article => "Claims of the article",
        Group::Paper => "Claims of the papers behind it",
        Group::Target => "Marks to reach",
        Group::Own => "Claims of one's own",
    }
}

fn word(verdict: Verdict) -> VerdictWord {
    match verdict {
        Verdict::Confirmed => VerdictWord::Confirmed,
        Verdict::Refuted => VerdictWord::Refuted,
        Verdict::Partly => VerdictWord::Partly,
        Verdict::Undecided => VerdictWord::Undecided,
    }
}

/// The claim that a figure's file belongs to: of all claims with whose name and a hyphen it begins, the one with the
/// longest name.
pub fn claim_of_figure<'a>(file: &str, claims: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let begins = |claim: &&str| file.strip_prefix(*claim).is_some_and(|rest| rest.starts_with('-'));
    claims.into_iter().filter(begins).max_by_key(|claim| claim.len())
}

/// The table of verdicts for a README: claim, verdict, what was found.
pub fn verdict_table(records: &[ClaimRecord]) -> String {
    let mut text = String::new();
    for group in [Group::Article, Group::Paper, Group::Target, Group::Own] {
        let mine: Vec<&ClaimRecord> = records.iter().filter(|record| record.group == group).collect();
        if mine.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("| {} | verdict | found |\n|---|---|---|\n", heading(group).to_lowercase()));
        for record in mine {
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            text.push_str(&format!(
                "| [{}](experiments/{}/README.md) | **{}** | {} |\n",
                cell(&record.title),
                record.claim,
                record.verdict,
                cell(&record.conclusion)
            ));
        }
    }
    text
}
