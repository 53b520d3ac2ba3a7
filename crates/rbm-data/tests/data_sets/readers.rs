//! Readers against files written by hand, and every bad file with its message.

use std::io::Write;

use crate::common::{Folder, f32s, idx, npy, rows};
use flate2::Compression;
use flate2::write::GzEncoder;
use rbm_data::{Binarization, DataConfig, ImageShape};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default())
            .expect("memory takes everything");
        zip.write_all(bytes).expect("memory takes everything");
    }
    zip.finish().expect("memory takes everything").into_inner()
}

fn safetensors(header: &str, body: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), body].concat()
}

fn states(config: DataConfig, folder: &Folder) -> Vec<Vec<f64>> {
    rows(&folder.load(&config).expect("a good file").train)
}

#[track_caller]
fn assert_refused(folder: &Folder, config: &DataConfig, key: &str, message: &str) {
    let error = folder.load(config).expect_err("a bad file");
    let path = folder.path().join(config.source.word());
    assert_eq!(error.to_string(), format!("read {}: {message}", path.display()));
    assert!(error.is_user_mistake());
    assert_eq!(error.key(), Some(key));
}

const TWO_BY_TWO: [[f64; 2]; 2] = [[0.0, 1.0], [1.0, 1.0]];

#[test]
fn idx_is_read_plain_and_packed_with_labels_beside_it() {
    let folder = Folder::new();
    let file = idx(&[2, 2, 3], &[0, 51, 255, 0, 0, 255, 255, 0, 0, 1, 2, 3]);
    let plain = DataConfig { binarization: Binarization::None, ..folder.write("t-images-idx3-ubyte", &file) };
    let data = folder.load(&plain).expect("a good file");
    assert_eq!((data.train.len(), data.train.visible(), data.train.labels()), (2, 6, None));
    assert_eq!(data.image, Some(ImageShape { height: 2, width: 3 }));
    assert!((rows(&data.train)[0][1] - 0.2).abs() < 1e-7);
    let packed =
        DataConfig { binarization: Binarization::None, ..folder.write("u-images-idx3-ubyte.gz", &gzip(&file)) };
    folder.write("u-labels-idx1-ubyte", &idx(&[2], &[3, 9]));
    let packed = folder.load(&packed).expect("a good file");
    assert_eq!(packed.train.labels(), Some(&[3, 9][..]));
    assert_eq!(rows(&packed.train), rows(&data.train));
}

#[test]
fn every_type_of_number_is_read() {
    let folder = Folder::new();
    let le =
        |size: usize| -> Vec<u8> { [0, 1, 1, 1].iter().flat_map(|&n| [vec![n], vec![0; size - 1]].concat()).collect() };
    let mut be = le(4);
    be.chunks_mut(4).for_each(<[u8]>::reverse);
    let floats: Vec<u8> = [0.0_f64, 1.0, 1.0, 1.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    for (kind, body) in [
        ("|b1", le(1)),
        ("|u1", le(1)),
        ("|i1", le(1)),
        ("<u2", le(2)),
        ("<i2", le(2)),
        ("<u4", le(4)),
        ("<i4", le(4)),
        (">i4", be),
        ("<u8", le(8)),
        ("<i8", le(8)),
        ("<f4", f32s(&[0.0, 1.0, 1.0, 1.0])),
        ("<f8", floats),
        ("|u1", vec![0, 255, 255, 255]),
        ("<i2", vec![0, 0, 255, 0, 255, 0, 255, 0]),
    ] {
        assert_eq!(states(folder.write("x.npy", &npy(kind, false, "(2, 2)", &body)), &folder), TWO_BY_TWO, "{kind}");
    }
}

#[test]
fn npy_knows_both_orders_and_pictures() {
    let folder = Folder::new();
    let c: Vec<u8> = (0..12).map(|n| u8::from(n % 3 == 0 || n == 7)).collect();
    let mut fortran = vec![0; 12];
    for (n, row, column) in (0..12).map(|i| (i / 6, i / 3 % 2, i % 3)) {
        fortran[n + 2 * (row + 2 * column)] = c[6 * n + 3 * row + column];
    }
    let first = folder.load(&folder.write("c.npy", &npy("|u1", false, "(2, 2, 3)", &c))).expect("a good file");
    let second = folder.load(&folder.write("f.npy", &npy("|u1", true, "(2, 2, 3)", &fortran))).expect("a good file");
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.image, Some(ImageShape { height: 2, width: 3 }));
    let square = folder.load(&folder.write("s.npy", &npy("|u1", false, "(3, 4)", &c))).expect("a good file");
    assert_eq!(square.image, Some(ImageShape { height: 2, width: 2 }));
    let no_picture = folder.load(&folder.write("n.npy", &npy("|u1", false, "(2, 6)", &c))).expect("a good file");
    assert_eq!((no_picture.image, no_picture.digest), (None, first.digest));
}

#[test]
fn the_same_rows_have_the_same_digest_in_every_format() {
    let folder = Folder::new();
    let states = [0, 1, 1, 1];
    let floats = f32s(&[0.0, 1.0, 1.0, 1.0]);
    let header = r#"{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let digests: Vec<String> = [
        folder.write("x.npy", &npy("|u1", false, "(2, 2)", &states)),
        folder.write("y.npy", &npy("<f4", false, "(2, 2)", &floats)),
        folder.write("x.npz", &npz(&[("x", npy("|b1", false, "(2, 2)", &states))])),
        folder.write("x.safetensors", &safetensors(header, &floats)),
        folder.write("x.idx", &idx(&[2, 2], &[0, 255, 255, 255])),
        folder.write("x.idx.gz", &gzip(&idx(&[2, 2], &states))),
    ]
    .iter()
    .map(|config| folder.load(config).expect("a good file").digest)
    .collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(digests[0], "e6bb0edd65451241a3a34f6170587fb820f3f02ff0e502f49a5594e007dcbd90");
}

#[test]
fn archives_are_chosen_from_by_key_and_bring_labels() {
    let folder = Folder::new();
    let x = npy("|u1", false, "(2, 2)", &[0, 1, 1, 1]);
    let y = npy("|u1", false, "(2, 2)", &[1, 1, 0, 0]);
    let labels = npy("<i8", false, "(2,)", &[5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    let alone =
        folder.load(&folder.write("a.npz", &npz(&[("x", x.clone()), ("labels", labels)]))).expect("a good file");
    assert_eq!(alone.train.labels(), Some(&[5, 2][..]));
    let two = folder.write("b.npz", &npz(&[("x", x), ("y", y)]));
    let chosen = DataConfig { key: Some("y".into()), ..two.clone() };
    assert_eq!(states(chosen, &folder), [[1.0, 1.0], [0.0, 0.0]]);
    let message = "it holds several arrays: choose one by `data.key`, one of `x`, `y`";
    assert_refused(&folder, &two, "key", message);
    let other = DataConfig { key: Some("z".into()), ..two };
    assert_refused(&folder, &other, "key", "it has no array `z`; it has `x`, `y`");

    let header = r#"{"v":{"dtype":"BOOL","shape":[2,2],"data_offsets":[0,4]},"labels":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#;
    let config = folder.write("a.safetensors", &safetensors(header, &[0, 1, 1, 1, 8, 3]));
    assert_eq!(folder.load(&config).expect("a good file").train.labels(), Some(&[8, 3][..]));
    let other = DataConfig { key: Some("w".into()), ..config };
    assert_refused(&folder, &other, "key", "it has no tensor `w`; it has `labels`, `v`");
}

#[test]
fn values_outside_zero_and_one_are_refused() {
    let folder = Folder::new();
    let refused = |kind: &str, body: &[u8], message: &str| {
        assert_refused(&folder, &folder.write("x.npy", &npy(kind, false, "(2, 2)", body)), "source", message);
    };
    refused(
        "<f4",
        &f32s(&[-1.0, 1.0, 1.0, -1.0]),
        "its values are -1 and +1, they must lie in [0, 1]: map them by (x + 1) / 2",
    );
    refused("|i1", &[255, 1, 255, 1], "its values are -1 and +1, they must lie in [0, 1]: map them by (x + 1) / 2");
    refused("<f4", &f32s(&[0.0, 1.0, 0.5, 1.5]), "row 1, unit 1 (from 0) is 1.5, values must lie in [0, 1]");
    refused("<f4", &f32s(&[0.0, f32::NAN, 0.5, 1.0]), "row 0, unit 1 (from 0) is NaN, values must lie in [0, 1]");
    refused("<f4", &f32s(&[0.0, 1.0, f32::INFINITY, 1.0]), "row 1, unit 0 (from 0) is inf, values must lie in [0, 1]");
    refused("|i1", &[0, 254, 255, 1], "row 0, unit 1 (from 0) is -2, values must lie in [0, 1]");
    refused(
        "<i2",
        &[0, 0, 16, 0, 3, 0, 1, 0],
        "its whole numbers go up to 16, values must lie in [0, 1]: divide them by the largest possible one \
         (only 0 and 1, or a largest value of exactly 255, are understood)",
    );
}

#[test]
fn empty_truncated_and_overlong_files_are_refused() {
    let folder = Folder::new();
    for name in ["x.npy", "x.npz", "x.idx", "x.idx.gz", "x.safetensors"] {
        assert_refused(&folder, &folder.write(name, &[]), "source", "the file is empty");
    }
    let truncated = "the file is truncated: its header promises 4 bytes of values, 3 are there";
    assert_refused(&folder, &folder.write("x.npy", &npy("|u1", false, "(2, 2)", &[0; 3])), "source", truncated);
    assert_refused(&folder, &folder.write("x.idx", &idx(&[2, 2], &[0; 3])), "source", truncated);
    assert_refused(&folder, &folder.write("x.idx.gz", &gzip(&idx(&[2, 2], &[0; 3]))), "source", truncated);
    let long = "the file is longer than its header promises (4 bytes of values)";
    assert_refused(&folder, &folder.write("x.npy", &npy("|u1", false, "(2, 2)", &[0; 5])), "source", long);
    assert_refused(&folder, &folder.write("x.idx", &idx(&[2, 2], &[0; 5])), "source", long);
    let packed = gzip(&idx(&[20, 20], &[1; 400]));
    let early = "it is not a valid gzip file: it ends early";
    assert_refused(&folder, &folder.write("y.idx.gz", &packed[..packed.len() - 9]), "source", early);
    let header = "it is not a valid IDX file: it ends within its header";
    assert_refused(&folder, &folder.write("y.idx", &[0, 0, 8, 3, 0]), "source", header);
    let start = "it is not a valid IDX file: it does not begin with two zero bytes";
    assert_refused(&folder, &folder.write("y.idx", b"hello"), "source", start);
    assert_refused(
        &folder,
        &folder.write("y.npy", b"hello"),
        "source",
        "it is not a valid NumPy file: it does not begin as one",
    );
}

#[test]
fn sizes_in_headers_are_not_believed() {
    let folder = Folder::new();
    // Each of these would take gigabytes or more if its header were believed.
    let huge = idx(&[u32::MAX, 28, 28], &[0; 3]);
    for (name, bytes) in [
        ("x.idx", huge.clone()),
        ("x.idx.gz", gzip(&huge)),
        ("y.idx", idx(&[u32::MAX; 9], &[0; 3])),
        ("x.npy", npy("<f8", false, "(4000000000, 4000000000)", &[0; 3])),
        ("y.npy", npy("<f8", false, "(99999999999, 9)", &[0; 3])),
        ("z.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec()),
        ("x.safetensors", safetensors(r#"{"x":{"dtype":"F64","shape":[9999999999,9],"data_offsets":[0,8]}}"#, &[0; 8])),
        ("y.safetensors", u64::MAX.to_le_bytes().to_vec()),
    ] {
        let error = folder.load(&folder.write(name, &bytes)).expect_err("a bad file");
        assert!(error.is_user_mistake() && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn bombs_meet_a_limit() {
    let folder = Folder::new();
    let rows = 70 << 20;
    let bomb = gzip(&idx(&[rows, 1], &vec![0; rows as usize]));
    let limit = format!("it unpacks to more than {} bytes, the most that is taken from a file of its size", 64 << 20);
    assert_refused(&folder, &folder.write("x.idx.gz", &bomb), "source", &limit);
    let array = npy("|u1", false, "(73400320, 1)", &vec![0; rows as usize]);
    assert_refused(&folder, &folder.write("x.npz", &npz(&[("x", array)])), "source", &limit);
}

#[test]
fn wrong_shapes_types_and_names_are_refused() {
    let folder = Folder::new();
    let shape = |shape: &str| {
        format!("its shape is {shape}; rows need a shape [rows, units] or [rows, height, width], neither of them 0")
    };
    let one = folder.write("x.npy", &npy("|u1", false, "(4,)", &[0; 4]));
    assert_refused(&folder, &one, "source", &shape("[4]"));
    assert_refused(&folder, &folder.write("x.npy", &npy("|u1", false, "(0, 4)", &[])), "source", &shape("[0, 4]"));
    assert_refused(&folder, &folder.write("x.npy", &npy("|u1", false, "(4, 0)", &[])), "source", &shape("[4, 0]"));
    assert_refused(&folder, &folder.write("x.idx", &idx(&[4], &[0; 4])), "source", &shape("[4]"));
    let complex = "values of type `<c8` are not supported; expected bool, integers, f32 or f64";
    assert_refused(&folder, &folder.write("x.npy", &npy("<c8", false, "(1, 1)", &[0; 8])), "source", complex);
    let suffix = "the suffix is none of .npy, .npz, .safetensors, .csv, .parquet, or of an IDX file (.idx, -ubyte, each also with .gz)";
    assert_refused(&folder, &folder.write("x.txt", b"0 1"), "source", suffix);
    let mut missing = folder.write("x.npy", &[]);
    missing.source = "./nowhere.npy".parse().expect("a path");
    assert_refused(&folder, &missing, "source", "No such file or directory (os error 2)");
    folder.write("l-labels-idx1-ubyte", &idx(&[3], &[0; 3]));
    let labels = folder.write("l-images-idx3-ubyte", &idx(&[2, 1, 2], &[0; 4]));
    assert_refused(&folder, &labels, "source", "its labels do not fit: there are 3 labels for 2 rows");
}

#[test]
fn a_test_file_must_fit_the_training_rows() {
    let folder = Folder::new();
    folder.write("test.npy", &npy("|u1", false, "(1, 3)", &[0; 3]));
    let config =
        DataConfig { test: Some("test.npy".into()), ..folder.write("x.npy", &npy("|u1", false, "(2, 2)", &[0; 4])) };
    let error = folder.load(&config).expect_err("other units");
    assert_eq!(error.key(), Some("test"));
    assert!(error.to_string().ends_with("test.npy: its rows have 3 units, the training rows 2"), "{error}");
    let config = DataConfig { test: Some("x.npy".into()), ..config };
    assert_eq!(folder.load(&config).expect("good files").test.map(|test| test.len()), Some(2));
}

#[cfg(not(feature = "tables"))]
#[test]
fn tables_need_their_feature() {
    let folder = Folder::new();
    let message = "this program was built without the `tables` feature, which reads CSV and Parquet";
    assert_refused(&folder, &folder.write("x.csv", b"a,b\n0,1\n"), "source", message);
}
