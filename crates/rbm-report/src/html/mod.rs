//! The page: one file that needs neither network nor scripts.

mod lead;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::figure::{Figure, LINES, LINES_ON_DARK, Section};
use crate::format::printable;
use crate::report::Report;
use crate::settings::Overview;

/// The page with the figures that are `kept`; it names the others.
pub(crate) fn page(report: &Report, overview: &Overview<'_>, figures: &[Figure], kept: &[bool]) -> String {
    let shown = |section: Section| -> Vec<&Figure> {
        let kept = figures.iter().zip(kept).filter(|&(figure, &kept)| kept && figure.section == section);
        kept.map(|(figure, _)| figure).collect()
    };
    let title = printable(&report.title);
    let command = printable(&report.redraw_command);
    let left_out: Vec<&Figure> =
        figures.iter().zip(kept).filter(|(_, kept)| !**kept).map(|(figure, _)| figure).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{title} – report")))
            body {
                h1 { (title) }
                (lead::summary(overview))
                (lead::failures(report))
                (lead::facts(report))
                (tables::settings(overview))
                (section("Last values over the swept keys", &shown(Section::Map), "grid", &command))
                (section("Against k, the Gibbs steps of an update", &shown(Section::AgainstK), "grid", &command))
                (section("Learning curves", &shown(Section::Curve), "grid", &command))
                (section("Samples beside data", &shown(Section::Samples), "column", &command))
                (section("Receptive fields", &shown(Section::Fields), "grid", &command))
                (section("Reconstructions", &shown(Section::Reconstructions), "grid", &command))
                (omitted(&left_out))
                (tables::definitions(report, overview))
                (tables::cells(report, overview))
                (lead::config(report))
            }
        }
    };
    page.into_string()
}

/// What stands before a page's body.
pub(crate) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) }
            style { (PreEscaped(style())) }
        }
    }
}

/// The style sheet with the colours of the lines.
fn style() -> String {
    let colors = |lines: [&str; 6]| -> String {
        lines.iter().enumerate().map(|(index, color)| format!("--s{index}: {color};")).collect()
    };
    include_str!("style.css").replace("LIGHT", &colors(LINES)).replace("DARK", &colors(LINES_ON_DARK))
}

fn section(title: &str, figures: &[&Figure], layout: &str, command: &str) -> Markup {
    html! {
        @if !figures.is_empty() {
            section {
                h2 { (title) }
                div class=(layout) {
                    @for figure in figures {
                        figure id=(figure.stem) {
                            (PreEscaped(figure.inline()))
                            figcaption {
                                (figure.sentence)
                                @if !command.is_empty() {
                                    br;
                                    code { (command) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Names the figures that have a file but no place in the page.
pub(crate) fn omitted(figures: &[&Figure]) -> Markup {
    html! {
        @if !figures.is_empty() {
            p.note {
                "Left out of this page to keep it small; each lies in " code { "figures/" } " as SVG: "
                @for (index, figure) in figures.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (figure.stem) ".svg" }
                }
                "."
            }
        }
    }
}
