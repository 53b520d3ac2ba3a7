//! What every page and figure must be.

mod page;

pub(crate) use page::{parse, text};
use rbm_report::{Rendered, Report, render};

/// Renders, and holds page and figures to what every one of them must be.
pub(crate) fn checked(report: &Report) -> Rendered {
    let rendered = render(report).expect("a report");
    page::check(&rendered.html, &rendered.figures);
    rendered
}
