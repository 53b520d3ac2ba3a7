//! What a running cell leaves to go on from: metrics and checkpoints.

use std::fs;

use crate::fixture::{Fixture, lease};
use rbm_store::{CellFolder, Error};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    step: u64,
    value: f64,
}

fn row(step: u64) -> Row {
    Row { step, value: 1.0 / (step as f64 + 3.0) }
}

fn metrics(cell: &CellFolder) -> Vec<Row> {
    cell.read_metrics().expect("reads")
}

#[test]
fn metrics_are_read_as_appended_bit_for_bit() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    let mut log = lease.open_metrics().expect("opens");
    assert_eq!(log.offset(), 0);
    let first = log.append(&[row(0), row(1)]).expect("appends");
    log.sync().expect("syncs");
    assert_eq!(log.append(&[row(2)]).expect("appends"), log.offset());
    assert_eq!(metrics(&cell), [row(0), row(1), row(2)]);
    log.truncate_to(first).expect("cuts");
    log.append(&[row(3)]).expect("appends");
    assert_eq!(metrics(&cell), [row(0), row(1), row(3)]);
    let bytes = fs::read(cell.path().join("metrics.jsonl")).expect("reads");
    assert_eq!(cell.read_metrics_bytes().expect("reads"), bytes);
    log.truncate_to(0).expect("cuts");
    assert!(metrics(&cell).is_empty());
}

#[test]
fn a_torn_last_line_is_left_out_by_readers_and_cut_off_by_the_next_writer() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    let offset = lease.open_metrics().expect("opens").append(&[row(0), row(1)]).expect("appends");
    let path = cell.path().join("metrics.jsonl");
    let whole = fs::read(&path).expect("reads");
    for torn in [&b"{\"step\": 2, \"va"[..], b"\0\0\0\0", b"\0\0\0\n", b"{\"step\"\n\0\n", b"{"] {
        fs::write(&path, [&whole, torn].concat()).expect("writes");
        assert_eq!(metrics(&cell), [row(0), row(1)]);
        let log = lease.open_metrics().expect("opens");
        assert_eq!(log.offset(), offset);
        assert_eq!(fs::read(&path).expect("reads"), whole);
    }
    fs::write(&path, &whole[..whole.len() - 1]).expect("writes");
    assert_eq!(metrics(&cell), [row(0)], "a line is complete with its newline");
}

#[test]
fn a_broken_line_in_the_middle_is_an_error_with_its_number() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    let mut log = lease.open_metrics().expect("opens");
    log.append(&[row(0), row(1)]).expect("appends");
    let path = cell.path().join("metrics.jsonl");
    let text = fs::read_to_string(&path).expect("reads");
    fs::write(&path, text.replacen("\"step\":0", "\"stop\":0", 1)).expect("writes");
    let text = cell.read_metrics::<Row>().expect_err("broken").to_string();
    assert!(text.contains("metrics.jsonl: line 1, column"), "{text}");
    assert!(text.contains("missing field `step`"), "{text}");
}

#[test]
fn an_offset_that_the_metrics_do_not_have_is_refused_and_changes_nothing() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    let mut log = lease.open_metrics().expect("opens");
    let end = log.append(&[row(0), row(1)]).expect("appends");
    for offset in [end + 1, u64::MAX, 1, end - 1] {
        assert!(matches!(log.truncate_to(offset), Err(Error::MetricsOffset { .. })), "{offset}");
    }
    log.truncate_to(end).expect("nothing to cut");
    assert_eq!(metrics(&cell), [row(0), row(1)]);
}

#[test]
fn the_last_two_checkpoints_stay_and_the_newest_is_found() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    assert!(cell.checkpoints().expect("lists").is_empty());
    for epoch in 1..=5 {
        lease.write_checkpoint(epoch, u64::from(epoch) * 600, format!("state {epoch}").as_bytes()).expect("writes");
    }
    let epochs: Vec<_> = cell.checkpoints().expect("lists").iter().map(|one| (one.epoch, one.step)).collect();
    assert_eq!(epochs, [(5, 3000), (4, 2400)]);
    let file = cell.checkpoints().expect("lists").remove(0);
    assert_eq!(file.read().expect("reads"), b"state 5");
    let name = file.path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    assert!(name.starts_with("epoch-00000005-000000003000-") && name.ends_with(".safetensors"), "{name}");
}

#[test]
fn a_broken_checkpoint_says_so_and_the_older_one_is_there() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    lease.write_checkpoint(1, 10, b"one").expect("writes");
    let second = lease.write_checkpoint(2, 20, b"two").expect("writes");
    fs::write(cell.path().join("checkpoints/notes.txt"), b"x").expect("writes");
    for content in [&b"twq"[..], b"tw", b""] {
        fs::write(&second.path, content).expect("writes");
        assert!(matches!(second.read(), Err(Error::Broken { .. })));
        let found = cell.checkpoints().expect("lists");
        assert_eq!(found.len(), 2, "the foreign one is none");
        assert_eq!(found[1].read().expect("the older"), b"one");
    }
    // Going on from the older one, the broken one does not push out a sound one.
    lease.write_checkpoint(1, 15, b"one and a half").expect("writes");
    let steps: Vec<_> = cell.checkpoints().expect("lists").iter().map(|one| one.step).collect();
    assert_eq!(steps, [15, 10]);
}

#[test]
fn progress_is_discarded_once_a_cell_has_ended() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    lease.open_metrics().expect("opens").append(&[row(0)]).expect("appends");
    lease.write_checkpoint(1, 10, b"one").expect("writes");
    lease.discard_progress().expect("discards");
    lease.discard_progress().expect("nothing to discard");
    assert!(metrics(&cell).is_empty());
    assert!(cell.checkpoints().expect("lists").is_empty());
}
