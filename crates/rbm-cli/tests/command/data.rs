//! `data fetch`, `data info`.

use super::world::{World, config};

#[test]
fn info_counts_rows_duplicates_and_ones() {
    let world = World::new();
    world.write("bas.toml", config("bas", "k = 1", ""));
    let found = world.json(&["data", "info", "bas.toml", "--json"]);
    assert_eq!((found["units"].as_u64(), found["image"].to_string()), (Some(9), "[3,3]".into()));
    let train = &found["splits"][0];
    assert_eq!(
        (train["rows"].as_u64(), train["duplicates"].as_u64(), train["mean"].as_f64()),
        (Some(16), Some(2), Some(0.5))
    );
    let text = world.done(&["data", "info", "bas.toml", "--set", "data.validation=4"]);
    for fragment in ["9 units (3 x 3 pixels)", "digest: ", "train", "12", "validation"] {
        assert!(text.contains(fragment), "no {fragment:?} in {text}");
    }
}

#[test]
fn info_shows_the_classes_of_a_file() {
    let world = World::new();
    world.write("rows.csv", "a,b,label\n0,1,7\n1,1,3\n0,0,7\n");
    world.write("rows.toml", "[data]\nsource = \"rows.csv\"\n");
    assert!(world.done(&["data", "info", "rows.toml"]).contains("3:1 7:2"));
}

#[test]
fn data_sets_that_are_not_fetched_are_refused() {
    let said = World::new().rbm(&["data", "fetch", "mnits"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("`mnits`") && said.err.contains("`mnist` and `fashion-mnist`"), "{}", said.err);
}
