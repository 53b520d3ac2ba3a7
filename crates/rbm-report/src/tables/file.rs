//! Data frames to the bytes of a file and back.

use std::io::Cursor;

use polars::prelude::{DataFrame, PolarsError};
use polars_io::prelude::{CsvWriter, ParquetCompression, ParquetReader, ParquetWriter, SerReader, SerWriter};

use crate::error::Error;

/// The bytes of a Parquet file: one row group, zstd. `table` names the frame in errors.
///
/// # Errors
/// [`Error::Table`] with what polars refuses.
pub fn write_parquet(mut frame: DataFrame, table: &'static str) -> Result<Vec<u8>, Error> {
    // one chunk, so that the bytes do not depend on how the frame came about
    frame.rechunk_mut();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(frame.height().max(1)))
        .set_parallel(false)
        .finish(&mut frame)
        .map_err(|source| Error::Table { doing: "write", table, source })?;
    Ok(bytes)
}

/// The frame in the bytes of a Parquet file. `table` names it in errors.
///
/// # Errors
/// [`Error::Table`] where the bytes are no Parquet file.
pub fn read_parquet(bytes: &[u8], table: &'static str) -> Result<DataFrame, Error> {
    ParquetReader::new(Cursor::new(bytes)).set_rechunk(true).finish().map_err(|source| Error::Table {
        doing: "read",
        table,
        source,
    })
}

/// The text of a CSV file with a header line; an absent value is an empty field. `table` names the frame in errors.
///
/// # Errors
/// [`Error::Table`] with what polars refuses.
pub fn write_csv(mut frame: DataFrame, table: &'static str) -> Result<String, Error> {
    let failed = |source: PolarsError| Error::Table { doing: "write", table, source };
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).finish(&mut frame).map_err(failed)?;
    String::from_utf8(bytes).map_err(|source| failed(PolarsError::ComputeError(source.to_string().into())))
}
