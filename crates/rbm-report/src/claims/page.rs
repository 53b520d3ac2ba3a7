//! The page of claims: tables of verdicts, then a section a claim.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::section::{ClaimSection, ClaimsReport, TestRow};
use super::verdict::VerdictWord;
use crate::error::Error;
use crate::figure::{Figure, chart, image_grid};
use crate::format::{MISSING, count, printable, seconds, stem};
use crate::html::{head, omitted};
use crate::render::{LARGEST_PAGE, fitting};

/// A page and its figures as files of their own.
#[derive(Clone, Debug)]
pub struct ClaimsPage {
    /// The page, self-contained.
    pub html: String,
    /// File stem and text of each SVG figure; no two stems are the same.
    pub figures: Vec<(String, String)>,
}

/// Draws the page: a table of verdicts a group, then a section a claim with its charts, images and tests.
///
/// A page that would grow too large to send by mail leaves out images, the last first, and names them.
///
/// # Errors
/// [`Error::ImageSize`] where an image does not fit its grid; otherwise what plotters or the PNG encoder refuse.
pub fn render_claims(report: &ClaimsReport) -> Result<ClaimsPage, Error> {
    let figures = figures(report)?;
    let drawn: Vec<&Figure> = figures.iter().flatten().collect();
    let html = fitting(&drawn, LARGEST_PAGE, |kept| page(report, &figures, kept));
    Ok(ClaimsPage { html, figures: drawn.iter().map(|figure| (figure.stem.clone(), figure.standalone())).collect() })
}

/// The figures of each claim, charts before images, with stems that differ.
fn figures(report: &ClaimsReport) -> Result<Vec<Vec<Figure>>, Error> {
    /// Charts are the last to be left out of a page.
    const IMAGES: u32 = 1;
    let mut taken: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for claim in &report.claims {
        let mut figures = claim.charts.iter().map(chart::figure).collect::<Result<Vec<Figure>, Error>>()?;
        for (sentence, name, grid) in claim.images.iter().filter(|(_, _, grid)| !grid.images.is_empty()) {
            let mut figure = image_grid(sentence, name, grid)?;
            figure.rank = IMAGES;
            figures.push(figure);
        }
        for figure in &mut figures {
            figure.stem = free(&figure.stem, &stem(&claim.name), &taken);
            taken.push(figure.stem.clone());
        }
        all.push(figures);
    }
    Ok(all)
}

/// A name that is not taken: the wanted one, else one with the claim's name before it, else with a number after it.
fn free(wanted: &str, claim: &str, taken: &[String]) -> String {
    let long = if claim.is_empty() { wanted.to_owned() } else { format!("{claim}-{wanted}") };
    let names = [wanted.to_owned(), long.clone()].into_iter().chain((2..).map(|number| format!("{long}-{number}")));
    // file names compare without case on some systems
    let is_free = |name: &String| !taken.iter().any(|other| other.eq_ignore_ascii_case(name));
    names.into_iter().find(is_free).unwrap_or(long)
}

/// The addresses of the claims' sections in the page.
fn anchors(report: &ClaimsReport) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for claim in &report.claims {
        let anchor = free(&format!("claim-{}", stem(&claim.name)), "", &anchors);
        anchors.push(anchor);
    }
    anchors
}

fn page(report: &ClaimsReport, figures: &[Vec<Figure>], kept: &[bool]) -> String {
    let title = printable(&report.title);
    let anchors = anchors(report);
    let mut kept = kept.iter();
    let mut left_out: Vec<&Figure> = Vec::new();
    let mut shown: Vec<Vec<&Figure>> = Vec::new();
    for of_claim in figures {
        let (stay, go): (Vec<_>, Vec<_>) = of_claim.iter().partition(|_| kept.next().is_none_or(|kept| *kept));
        shown.push(stay);
        left_out.extend::<Vec<&Figure>>(go);
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title))
            body.claims {
                h1 { (title) }
                p.lead { (summary(report)) }
                @if !report.facts.is_empty() {
                    table.facts {
                        @for (name, value) in &report.facts {
                            tr { th scope="row" { (printable(name)) } td { (printable(value)) } }
                        }
                    }
                }
                @for group in groups(report) { (verdicts(report, group, &anchors)) }
                @for ((claim, anchor), figures) in report.claims.iter().zip(&anchors).zip(&shown) {
                    (section(claim, anchor, figures))
                }
                (omitted(&left_out))
                @if !report.command.is_empty() {
                    section {
                        h2 { "This page" }
                        p { "Made again, from what was measured, by" }
                        pre { code { (printable(&report.command)) } }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// "12 claims: 5 confirmed, 2 refuted, 1 partly, 4 undecided."
fn summary(report: &ClaimsReport) -> String {
    let number = |word: VerdictWord| report.claims.iter().filter(|claim| claim.verdict == word).count();
    let counted = VerdictWord::ALL.into_iter().filter(|word| number(*word) > 0);
    let words: Vec<String> = counted.map(|word| format!("{} {}", number(word), word.word())).collect();
    match &words[..] {
        [] => "No claim was tested.".into(),
        _ => format!("{}: {}.", count(report.claims.len(), "claim"), words.join(", ")),
    }
}

/// The groups, in the order in which they first occur.
fn groups(report: &ClaimsReport) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for claim in &report.claims {
        if !groups.contains(&claim.group.as_str()) {
            groups.push(&claim.group);
        }
    }
    groups
}

/// The word in its colour, with a sign for readers who do not see it.
fn verdict(word: VerdictWord) -> Markup {
    html! { span class=(format!("verdict {}", word.word())) { (word.sign()) " " (word.word()) } }
}

/// The text, or a dash where there is none.
fn text(text: &str) -> String {
    if text.trim().is_empty() { MISSING.into() } else { printable(text) }
}

/// The table of one group.
fn verdicts(report: &ClaimsReport, group: &str, anchors: &[String]) -> Markup {
    let claims = report.claims.iter().zip(anchors).filter(|(claim, _)| claim.group == group);
    html! {
        section {
            h2 { @if group.trim().is_empty() { "Claims" } @else { (printable(group)) } }
            div.scroll {
                table.verdicts {
                    thead { tr { th { "claim" } th { "verdict" } th { "found" } } }
                    tbody {
                        @for (claim, anchor) in claims {
                            tr {
                                td.words { a href=(format!("#{anchor}")) { (text(claim.heading())) } }
                                td { (verdict(claim.verdict)) }
                                td.words { (text(&claim.headline)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn section(claim: &ClaimSection, anchor: &str, figures: &[&Figure]) -> Markup {
    let layout = if figures.len() > 1 { "grid" } else { "column" };
    html! {
        section id=(anchor) {
            h2 { (text(claim.heading())) " " (verdict(claim.verdict)) }
            @if !claim.claim.is_empty() { p.lead { (printable(&claim.claim)) } }
            @if let Some(quote) = &claim.quote {
                blockquote {
                    p { "“" (printable(quote)) "”" }
                    @if !claim.source.is_empty() { p.note { (printable(&claim.source)) } }
                }
            } @else if !claim.source.is_empty() {
                p.note { "Source: " (printable(&claim.source)) }
            }
            @if !claim.basis.is_empty() { p.note { "Figures compared with: " (basis(&claim.basis)) } }
            @if let Some(note) = &claim.note { p.aside { (printable(note)) } }
            @if !claim.headline.is_empty() { p { b { (printable(&claim.headline)) } } }
            @if !claim.conclusion.is_empty() { p { (printable(&claim.conclusion)) } }
            @if !claim.beside.is_empty() { p { "Beside the claim: " (printable(&claim.beside)) } }
            @if !figures.is_empty() {
                div class=(layout) {
                    @for figure in figures {
                        figure id=(format!("figure-{}", figure.stem)) {
                            div.scroll { (PreEscaped(figure.inline())) }
                            figcaption { (figure.sentence) }
                        }
                    }
                }
            }
            @if !claim.tests.is_empty() { (tests(&claim.tests)) }
            @if !claim.command.is_empty() { pre { code { (printable(&claim.command)) } } }
            @if let Some(time) = claim.seconds { p.note { "Measured in " (seconds(time)) "." } }
        }
    }
}

/// What the word for how figures are known means.
fn basis(word: &str) -> String {
    let meaning = match word {
        "read" => "taken from the source itself",
        "recalled" => "from the literature by memory, so an ordering to check rather than a number",
        "computed" => "by a program that is independent of this one",
        _ => return printable(word),
    };
    format!("{word} ({meaning})")
}

/// The tests with their thresholds.
fn tests(rows: &[TestRow]) -> Markup {
    html! {
        h3 { "Tests" }
        div.scroll {
            table.tests {
                thead { tr {
                    th { "test" } th { "verdict" } th { "statistic" } th { "interval" }
                    th.n { "n" } th { "rule" } th { "found" }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td.words { (text(&row.says)) }
                            td { (verdict(row.verdict)) }
                            td.short { (text(&row.statistic)) }
                            td.keep { (text(&row.interval)) }
                            td.n { (text(&row.n)) }
                            td.words { (text(&row.rule)) }
                            td.words { (text(&row.found)) }
                        }
                    }
                }
            }
        }
    }
}
