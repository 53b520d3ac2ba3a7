//! CSV and Parquet through polars: every column is a unit, but for the one with the labels.
//!
//! The column named by `data.key`, or else a column `label` if there is one, holds the labels. A CSV file has a first
//! line with the columns' names, unless all that stands there are numbers other than 0, 1, 2 and so on, as pandas
//! numbers columns without names.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};

use polars::prelude::{Column, DataFrame, DataType};
use polars_io::SerReader;
use polars_io::prelude::{CsvReadOptions, ParquetReader};

use crate::element;
use crate::error::FileProblem;
use crate::table::Table;

/// The labels' column if `data.key` names none.
const LABEL: &str = "label";
/// A first line longer than this is not looked at.
const FIRST_LINE: u64 = 4 << 20;

/// The rows of a table.
pub(crate) fn read(mut file: File, csv: bool, key: Option<&str>) -> Result<Table, FileProblem> {
    let malformed =
        |format, error: polars::error::PolarsError| FileProblem::Malformed { format, reason: error.to_string() };
    let frame = if csv {
        let mut line = String::new();
        BufReader::new((&file).take(FIRST_LINE))
            .read_line(&mut line)
            .map_err(|error| FileProblem::Malformed { format: "CSV", reason: error.to_string() })?;
        file.rewind()?;
        let words: Vec<&str> = line.trim().split(',').map(str::trim).collect();
        let numbered = words.len() > 2 && words.iter().enumerate().all(|(i, word)| *word == i.to_string());
        let only_numbers = words.iter().all(|word| word.parse::<f64>().is_ok()) && !numbered;
        CsvReadOptions::default()
            .with_has_header(!only_numbers)
            .with_infer_schema_length(None) // all rows: a column may turn from whole numbers to others late
            .into_reader_with_file_handle(file)
            .finish()
            .map_err(|error| malformed("CSV", error))?
    } else {
        ParquetReader::new(file).finish().map_err(|error| malformed("Parquet", error))?
    };
    rows_of(&frame, key)
}

fn rows_of(frame: &DataFrame, key: Option<&str>) -> Result<Table, FileProblem> {
    let (labels, units): (Vec<&Column>, Vec<&Column>) =
        frame.columns().iter().partition(|column| column.name().as_str() == key.unwrap_or(LABEL));
    if let (Some(key), []) = (key, &labels[..]) {
        let names = frame.get_column_names().iter().map(|name| name.to_string()).collect();
        return Err(FileProblem::NoSuchArray { kind: "column", key: key.to_owned(), names });
    }
    let (rows, width) = (frame.height(), units.len());
    let shape = [rows as u64, width as u64];
    crate::table::layout(&shape)?;
    let mut values = vec![0.0; rows * width];
    for (unit, column) in units.iter().enumerate() {
        for (row, value) in numbers(column)?.into_iter().enumerate() {
            values[row * width + unit] = value;
        }
    }
    let float = units.iter().any(|column| column.dtype().is_float());
    let grey = element::from_numbers(rows * width, width, float, |index| values[index])?;
    let labels = labels
        .first()
        .map(|column| numbers(column).and_then(|values| element::labels(rows, |row| values[row])))
        .transpose()?;
    Table::new(&shape, grey)?.with_labels(labels)
}

fn numbers(column: &Column) -> Result<Vec<f64>, FileProblem> {
    let bad = |what: String| FileProblem::Column { name: column.name().to_string(), what };
    if column.null_count() > 0 {
        return Err(bad(format!("{} missing values", column.null_count())));
    }
    if !(column.dtype().is_primitive_numeric() || column.dtype().is_bool()) {
        return Err(bad(format!("values of type {}", column.dtype())));
    }
    let cast = column.cast(&DataType::Float64).map_err(|error| bad(error.to_string()))?;
    let values = cast.f64().map_err(|error| bad(error.to_string()))?;
    Ok(values.into_no_null_iter().collect())
}
