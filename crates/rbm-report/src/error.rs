//! What can go wrong while tables and figures are made.

/// What can go wrong while tables and figures are made; the message completes "failed to ...".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table could not be put together, written or read.
    #[error("{doing} the table {table}")]
    Table {
        /// "build", "write", "read".
        doing: &'static str,
        /// What the table holds.
        table: &'static str,
        /// What polars said.
        source: polars::error::PolarsError,
    },
    /// A table lacks a column, or holds an empty place where a value must be.
    #[error("read the table {table}: no value in column `{column}` of row {row}")]
    MissingValue {
        /// What the table holds.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, from 0.
        row: usize,
    },
    /// Plotters refused to draw.
    #[error("draw the figure {figure}: {reason}")]
    Draw {
        /// The figure's file stem.
        figure: String,
        /// What plotters said.
        reason: String,
    },
    /// A picture could not be encoded.
    #[error("encode the picture of the figure {figure}")]
    Picture {
        /// The figure's file stem.
        figure: String,
        /// What the PNG encoder said.
        source: png::EncodingError,
    },
    /// An image does not have the number of pixels that its grid states.
    #[error("draw the figure {figure}: image {index} has {found} pixels, not {height} x {width}")]
    ImageSize {
        /// The figure's file stem.
        figure: String,
        /// The image's place in its grid.
        index: usize,
        /// Its number of pixels.
        found: usize,
        /// The grid's image height.
        height: usize,
        /// The grid's image width.
        width: usize,
    },
}
