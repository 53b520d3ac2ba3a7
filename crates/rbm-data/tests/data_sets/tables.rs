//! CSV and Parquet.

use crate::common::{Folder, rows};
use polars::prelude::{Column, DataFrame};
use rbm_data::{Binarization, DataConfig};

#[track_caller]
fn refused(csv: &str) -> String {
    let folder = Folder::new();
    let error = folder.load(&folder.write("x.csv", csv.as_bytes())).expect_err("a bad file");
    assert!(error.is_user_mistake());
    let text = error.to_string();
    text[text.find("x.csv: ").map_or(0, |at| at + 7)..].to_owned()
}

#[test]
fn columns_are_units_and_one_is_the_label() {
    let folder = Folder::new();
    let config = folder.write("x.csv", b"label,a,b,kind\n3,0,1,0\n4,1,1,1\n");
    let data = folder.load(&config).expect("a good file");
    assert_eq!(rows(&data.train), [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]);
    assert_eq!(data.train.labels(), Some(&[3, 4][..]));
    let kind = DataConfig { key: Some("kind".into()), ..folder.write("y.csv", b"a,b,kind\n0,1,7\n1,1,9\n") };
    assert_eq!(folder.load(&kind).expect("a good file").train.labels(), Some(&[7, 9][..]));
    let other = DataConfig { key: Some("king".into()), ..kind };
    let error = folder.load(&other).expect_err("no such column");
    assert_eq!(error.key(), Some("key"));
    assert!(error.to_string().ends_with("it has no column `king`; it has `a`, `b`, `kind`"), "{error}");
}

#[test]
fn a_csv_file_without_a_first_line_of_names_is_read_from_its_first_line() {
    let folder = Folder::new();
    let data = folder.load(&folder.write("x.csv", b"0,1\n1,1\n")).expect("a good file");
    assert_eq!(rows(&data.train), [[0.0, 1.0], [1.0, 1.0]]);
}

#[test]
fn a_first_line_that_numbers_the_columns_is_no_row() {
    let folder = Folder::new();
    let data = folder.load(&folder.write("x.csv", b"0,1,2\n0,1,1\n1,1,0\n")).expect("a good file");
    assert_eq!(rows(&data.train), [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]);
}

#[test]
fn grey_columns_and_bytes_are_understood() {
    let folder = Folder::new();
    let grey = |config| DataConfig { binarization: Binarization::None, ..config };
    let data = folder.load(&grey(folder.write("x.csv", b"a,b\n0,0.25\n1,0.5\n"))).expect("a good file");
    assert_eq!(rows(&data.train), [[0.0, 0.25], [1.0, 0.5]]);
    let data = folder.load(&grey(folder.write("y.csv", b"label,a,b\n7,0,51\n8,255,0\n"))).expect("a good file");
    assert!((rows(&data.train)[0][1] - 0.2).abs() < 1e-7);
}

#[test]
fn parquet_gives_what_csv_gives() {
    let folder = Folder::new();
    let mut frame = DataFrame::new(
        2,
        vec![
            Column::new("a".into(), [false, true]),
            Column::new("label".into(), [3_i64, 4]),
            Column::new("b".into(), [1.0_f64, 1.0]),
        ],
    )
    .expect("columns of the same length");
    let mut bytes = Vec::new();
    polars_io::prelude::ParquetWriter::new(&mut bytes).finish(&mut frame).expect("memory takes everything");
    let parquet = folder.load(&folder.write("x.parquet", &bytes)).expect("a good file");
    let csv = folder.load(&folder.write("x.csv", b"label,a,b\n3,0,1\n4,1,1\n")).expect("a good file");
    assert_eq!(parquet.digest, csv.digest);
    let error = folder.load(&folder.write("y.parquet", &bytes[..bytes.len() / 2])).expect_err("a truncated file");
    assert!(error.to_string().contains("y.parquet: it is not a valid Parquet file"), "{error}");
}

#[test]
fn parquet_columns_of_small_numbers_are_read() {
    let folder = Folder::new();
    let columns = vec![
        Column::new("a".into(), [0_u8, 1]),
        Column::new("b".into(), [1_i8, 1]),
        Column::new("c".into(), [1_u16, 0]),
        Column::new("d".into(), [0_i16, 0]),
    ];
    let mut frame = DataFrame::new(2, columns).expect("columns of the same length");
    let mut bytes = Vec::new();
    polars_io::prelude::ParquetWriter::new(&mut bytes).finish(&mut frame).expect("memory takes everything");
    let data = folder.load(&folder.write("x.parquet", &bytes)).expect("a good file");
    assert_eq!(rows(&data.train), [[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]]);
}

#[test]
fn bad_tables_are_refused() {
    assert_eq!(refused(""), "the file is empty");
    assert!(refused("a,b\n").contains("its shape is [0, 2]"), "{}", refused("a,b\n"));
    let text = "holds values of type str; every column but the label must hold numbers, with none missing";
    assert_eq!(refused("a,b\n0,x\n"), format!("column `b` {text}"));
    let text = "holds 1 missing values; every column but the label must hold numbers, with none missing";
    assert_eq!(refused("a,b\n0,1\n0,\n"), format!("column `b` {text}"));
    assert!(refused("a,b\n0,1\n0\n1,0,1\n").contains("it is not a valid CSV file"));
    assert_eq!(refused("a,b\n0,1.5\n"), "row 0, unit 1 (from 0) is 1.5, values must lie in [0, 1]");
    assert_eq!(
        refused("a,label\n0,1.5\n"),
        "its labels do not fit: label 0 (from 0) is 1.5, not a whole number from 0"
    );
    assert!(refused("a,b\n-1,1\n").starts_with("its values are -1 and +1"));
}
