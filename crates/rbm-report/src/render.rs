//! All of a report at once.

use crate::error::Error;
use crate::figure::{self, Figure};
use crate::html;
use crate::report::{Rendered, Report};
use crate::settings::Overview;
use crate::tables;

/// The largest `report.html`, in bytes: small enough to send by mail.
pub(crate) const LARGEST_PAGE: usize = 5_000_000;

/// Makes the page, the figures and the summary tables of a report.
///
/// # Errors
/// [`Error::ImageSize`] where an image does not fit its grid; otherwise what polars, plotters or the PNG encoder refuse.
pub fn render(report: &Report) -> Result<Rendered, Error> {
    let overview = Overview::new(report);
    let figures = figure::all(report, &overview)?;
    let html = page(report, &overview, &figures, LARGEST_PAGE);
    let cells = tables::cells_frame(report, &overview)?;
    let settings = tables::settings_frame(&overview)?;
    Ok(Rendered {
        html,
        figures: figures.iter().map(|figure| (figure.stem.clone(), figure.standalone())).collect(),
        summary_parquet: tables::write_parquet(cells.clone(), "summary")?,
        summary_csv: tables::write_csv(cells, "summary")?,
        settings_parquet: tables::write_parquet(settings.clone(), "settings")?,
        settings_csv: tables::write_csv(settings, "settings")?,
    })
}

/// The places in [`Report::cells`] of one finished cell for each setting, those of the best settings first: whose pictures
/// are to be drawn where not all can be.
pub fn ranked_cells(report: &Report) -> Vec<usize> {
    let overview = Overview::new(report);
    let first = |setting: usize| {
        let cell = overview.settings[setting].done().next()?;
        report.cells.iter().position(|other| std::ptr::eq(other, cell))
    };
    overview.ranking().into_iter().filter_map(first).collect()
}

/// The page, without the least important figures if it would be larger than `largest` with them.
pub(crate) fn page(report: &Report, overview: &Overview<'_>, figures: &[Figure], largest: usize) -> String {
    fitting(&figures.iter().collect::<Vec<_>>(), largest, |kept| html::page(report, overview, figures, kept))
}

/// What `draw` makes with the figures that are kept: all that a page shows, or without the least important ones if it
/// would be larger than `largest` with them.
pub(crate) fn fitting(figures: &[&Figure], largest: usize, draw: impl Fn(&[bool]) -> String) -> String {
    let mut kept: Vec<bool> = figures.iter().map(|figure| figure.in_page).collect();
    loop {
        let html = draw(&kept);
        let Some(mut excess) = html.len().checked_sub(largest + 1).map(|excess| excess + 1) else {
            return html;
        };
        let mut dropped = false;
        while excess > 0 {
            let candidates = (0..figures.len()).filter(|&index| kept[index]);
            let Some(index) = candidates.max_by_key(|&index| (figures[index].rank, index)) else { break };
            kept[index] = false;
            dropped = true;
            excess = excess.saturating_sub(figures[index].size());
        }
        if !dropped {
            return html;
        }
    }
}
