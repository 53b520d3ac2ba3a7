//! Tables: metrics and timings to Parquet and back, and the summaries of a sweep.
//!
//! The same rows always give the same bytes.

mod file;
mod metrics;
mod summary;
mod timings;

pub use file::{read_parquet, write_csv, write_parquet};
pub use metrics::{metrics_frame, metrics_from_parquet, metrics_to_parquet};
pub(crate) use summary::{cells_frame, settings_frame};
pub use timings::{TimingPoint, timings_from_parquet, timings_to_parquet};
