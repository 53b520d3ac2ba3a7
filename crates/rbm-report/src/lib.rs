//! Tables, figures and the HTML report of a sweep.
//!
//! The crate takes values and returns text and bytes: it knows no file layout and opens no file. [`render`] makes all
//! of a report at once; [`tables`] turns metrics into Parquet and back.

mod backends;
mod chart;
mod claims;
mod error;
mod figure;
mod format;
mod html;
mod interval;
mod metric_info;
mod render;
mod report;
mod settings;
mod statistics;
pub mod tables;

pub use backends::{BackendRow, BackendsPage, BackendsReport, StatedLikelihood, render_backends};
pub use chart::{Chart, ChartKind, ChartPoint, ChartSeries, Reference};
pub use claims::{ClaimSection, ClaimsPage, ClaimsReport, TestRow, VerdictWord, render_claims};
pub use error::Error;
pub use figure::image_grid_png;
pub use metric_info::standard_metrics;
pub use render::{ranked_cells, render};
pub use report::{
    Axis, CellImages, CellReport, CellState, ImageGrid, ImageRange, MetricInfo, MetricPoint, ReconstructionPairs,
    Rendered, Report,
};
