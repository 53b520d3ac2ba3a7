//! What protocols found, read again: whole and of the same key, or not at all.

use std::fs;

use rbm_claims::{ClaimsFolder, Cost, Measurement, Profile, protocol::Output};
use rbm_report::{ImageGrid, ImageRange};
use tempfile::TempDir;

const COST: Cost = Cost { seconds: 1.5, peak_memory_bytes: 7_000_000 };

fn output() -> Output {
    let measurements = vec![
        Measurement::new("error", 1e-15).with("scale", 0.5).with("kind", "cd").with("centred", true).of_seed(3),
        Measurement::new("curve", 0.1 + 0.2).at(10.0).between(-1.0, f64::MIN_POSITIVE),
        Measurement::new("plain", -0.0),
    ];
    let range = ImageRange::Diverging { largest: 0.5 };
    let grid = ImageGrid { height: 1, width: 2, images: vec![vec![0.25, -0.5]], range };
    Output { measurements, images: vec![("filters".to_owned(), grid)] }
}

fn written(output: &Output) -> (TempDir, ClaimsFolder) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let claims = ClaimsFolder::of(folder.path(), Profile::Smoke);
    claims.write("claim", "protocol", "key", COST, output).expect("it is written");
    (folder, claims)
}

fn read(claims: &ClaimsFolder) -> Result<Option<Vec<Measurement>>, String> {
    let read = claims.read("claim", "protocol", "key").map_err(|error| error.to_string())?;
    Ok(read.map(|stored| stored.output.measurements))
}

#[test]
fn what_is_written_is_read_again_to_the_last_bit() {
    let (_folder, claims) = written(&output());
    let stored = claims.read("claim", "protocol", "key").expect("it reads").expect("it is there");
    assert_eq!(stored.output.measurements, output().measurements);
    assert!(stored.output.measurements[2].value.is_sign_negative());
    assert_eq!(stored.cost, COST);
    let [(name, grid)] = &stored.output.images[..] else { panic!("one picture") };
    assert_eq!((name.as_str(), grid.height, grid.width), ("filters", 1, 2));
    assert_eq!(grid.images, [[0.25, -0.5]]);
    assert!(matches!(grid.range, ImageRange::Diverging { largest: 0.5 }));
}

#[test]
fn another_key_claim_or_protocol_is_computed_anew() {
    let (_folder, claims) = written(&output());
    for (claim, protocol, key) in
        [("claim", "protocol", "other"), ("other", "protocol", "key"), ("claim", "other", "key")]
    {
        assert!(claims.read(claim, protocol, key).expect("nothing is broken").is_none(), "{claim} {protocol} {key}");
    }
    // A file that was moved to another protocol's name.
    fs::rename(claims.measurements("claim", "protocol"), claims.measurements("claim", "other")).expect("it moves");
    assert!(claims.read("claim", "other", "key").expect("nothing is broken").is_none());
}

#[test]
fn a_file_that_was_cut_anywhere_is_not_believed() {
    let (_folder, claims) = written(&output());
    let path = claims.measurements("claim", "protocol");
    let whole = fs::read(&path).expect("it is there");
    let mut told = 0;
    // Without its last byte, the end of the last line, it still says all.
    for length in 0..whole.len() - 1 {
        fs::write(&path, &whole[..length]).expect("it is written");
        match read(&claims) {
            Ok(found) => assert_eq!(found, None, "cut to {length} bytes, it was believed"),
            Err(message) => {
                assert!(message.contains("protocol.jsonl: line "), "{message}");
                assert!(message.contains("remove the file to have it computed anew"), "{message}");
                told += 1;
            }
        }
    }
    assert!(told > 0, "cut lines are told");
    fs::write(&path, &whole).expect("it is written");
    assert_eq!(read(&claims), Ok(Some(output().measurements)));
}

#[test]
fn foreign_files_are_told_or_computed_anew() {
    let (_folder, claims) = written(&output());
    let path = claims.measurements("claim", "protocol");
    let whole = String::from_utf8(fs::read(&path).expect("it is there")).expect("text");
    for text in ["a text\n", "{}\n", "[1, 2]\n", "{\"schema\": 1}\n"] {
        fs::write(&path, text).expect("it is written");
        assert!(read(&claims).expect_err(text).contains("line 1: "), "{text}");
    }
    let alien = whole.replacen("\"quantity\"", "\"unit\":1,\"quantity\"", 1);
    fs::write(&path, alien).expect("it is written");
    assert!(read(&claims).expect_err("an unknown key").contains("line 2: "));
    fs::write(&path, whole.replacen("\"schema\":1", "\"schema\":2", 1)).expect("it is written");
    assert_eq!(read(&claims), Ok(None), "of another version");
    fs::write(&path, [0xff, 0xfe, 0x00]).expect("it is written");
    assert_eq!(read(&claims), Ok(None), "no text");
    let without_counts = whole.replacen(",\"measurements\":3,\"pictures\":1", "", 1);
    assert_ne!(without_counts, whole);
    fs::write(&path, without_counts).expect("it is written");
    assert_eq!(read(&claims), Ok(None), "nothing says that it is whole");
}

#[test]
fn pictures_that_are_lost_are_made_anew_and_old_ones_are_not_taken_for_new() {
    let (_folder, claims) = written(&output());
    let pictures = claims.path().join("claim/protocol.images.json");
    let bytes = fs::read(&pictures).expect("pictures");
    fs::write(&pictures, &bytes[..bytes.len() / 2]).expect("it is written");
    assert!(read(&claims).expect_err("cut pictures").contains("protocol.images.json"));
    fs::remove_file(&pictures).expect("it was there");
    assert_eq!(read(&claims), Ok(None));
    claims.write("claim", "protocol", "key", COST, &output()).expect("it is written");
    let bare = Output { images: Vec::new(), ..output() };
    claims.write("claim", "protocol", "key", COST, &bare).expect("it is written");
    let stored = claims.read("claim", "protocol", "key").expect("it reads").expect("it is there");
    assert!(stored.output.images.is_empty(), "pictures of the earlier result");
}

#[test]
fn a_number_that_json_does_not_have_is_refused() {
    for value in [f64::NAN, f64::INFINITY] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let claims = ClaimsFolder::of(folder.path(), Profile::Full);
        let one = Output { measurements: vec![Measurement::new("q", value)], images: Vec::new() };
        let message = claims.write("claim", "protocol", "key", COST, &one).expect_err("no number").to_string();
        assert!(message.contains("q is "), "{message}");
        assert!(!claims.measurements("claim", "protocol").exists());
    }
}
