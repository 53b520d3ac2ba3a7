//! Readers of users' files: no broken file makes them panic or allocate beyond its size.
//!
//! Not among them: Parquet. polars' decoder trusts lengths within a page and ends the process on some damaged files.

mod mutate;

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use mutate::{alone, fuzz};
use rbm_data::{Binarization, DataConfig, DataFolders, NoProgress, Source, load};

/// A value of one byte takes a row of its own (8 bytes of bits) in files of one column, 8 more as a number while a table is
/// read, twice that where polars holds it beside, and everything once more while a buffer grows.
const FACTOR: usize = 64;
/// Buffers of fixed size: of the unpackers, of polars' columns, of the file's reader.
const FLOOR: usize = 4 << 20;

/// Loads the bytes as a file of this name; what comes of it is no matter.
fn read(name: &str) -> impl Fn(&[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    move |bytes| {
        let _keep = &folder;
        std::fs::write(&path, bytes).expect("a temporary file");
        for binarization in [Binarization::Threshold, Binarization::None] {
            let config = DataConfig { binarization, ..DataConfig::new(Source::File(path.clone())) };
            let folders = DataFolders { data_dir: None, cache: path.with_extension("cache") };
            match load(&config, Path::new(""), &folders, &NoProgress) {
                Ok(data) => assert!(data.train.len() * data.train.visible() > 0),
                Err(error) => assert!(error.is_user_mistake() && !error.to_string().is_empty(), "{error}"),
            }
        }
    }
}

fn idx(shape: &[u32], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    [&bytes[..], body].concat()
}

fn npy(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let padded = format!("{header:<117}\n");
    bytes.extend((padded.len() as u16).to_le_bytes());
    bytes.extend(padded.as_bytes());
    [&bytes[..], body].concat()
}

fn floats() -> Vec<u8> {
    (0..12).flat_map(|i| (i as f32 / 12.0).to_le_bytes()).collect()
}

fn npys() -> Vec<Vec<u8>> {
    vec![
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }", &[0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1]),
        npy("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2, 2), }", &floats()),
        npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2, 2), }", &[0, 0, 0, 1, 0, 1, 0, 0]),
    ]
}

fn grey() -> Vec<u8> {
    (0..48).map(|i| if i % 3 == 0 { 255 } else { i }).collect()
}

#[test]
fn idx_files() {
    let _alone = alone();
    fuzz("idx", &[idx(&[3, 4, 4], &grey()), idx(&[24, 2], &grey())], FACTOR, FLOOR, read("x.idx"));
}

#[test]
fn packed_idx_files() {
    let _alone = alone();
    let packed = |bytes: Vec<u8>| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bytes).and_then(|()| encoder.finish()).expect("memory takes everything")
    };
    let seeds = [packed(idx(&[3, 4, 4], &grey())), packed(idx(&[2000, 20], &[1; 40_000]))];
    // Such a file may unpack to 64 MiB, whatever its size; no more is trusted before it is there.
    fuzz("idx.gz", &seeds, FACTOR, (64 << 20) + FLOOR, read("x.idx.gz"));
}

#[test]
fn npy_files() {
    let _alone = alone();
    fuzz("npy", &npys(), FACTOR, FLOOR, read("x.npy"));
}

#[test]
fn npz_files() {
    let _alone = alone();
    let npz = |method| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (name, array) in [("x.npy", &npys()[0]), ("labels.npy", &npys()[2])] {
            zip.start_file(name, options).and_then(|()| Ok(zip.write_all(array)?)).expect("memory takes everything");
        }
        zip.finish().expect("memory takes everything").into_inner()
    };
    let seeds = [npz(zip::CompressionMethod::Deflated), npz(zip::CompressionMethod::Stored)];
    fuzz("npz", &seeds, FACTOR, (64 << 20) + FLOOR, read("x.npz"));
}

#[test]
fn safetensors_files() {
    let _alone = alone();
    let view = |body: &'static [u8]| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::U8, vec![2, 4], body).expect("eight bytes")
    };
    let seed = safetensors::serialize([("x", view(&[0, 1, 1, 0, 1, 1, 0, 0]))], None).expect("memory takes everything");
    fuzz("safetensors", &[seed], FACTOR, FLOOR, read("x.safetensors"));
}

#[test]
fn csv_files() {
    let _alone = alone();
    let seeds = [
        b"a,b,label\n0,1,3\n1,1,4\n0,0,5\n".to_vec(),
        b"0,1\n1,1\n".to_vec(),
        b"\"a\",\"b\"\n0.25,1e-3\n0.5,1\n".to_vec(),
    ];
    fuzz("csv", &seeds, FACTOR, 16 * FLOOR, read("x.csv"));
}
