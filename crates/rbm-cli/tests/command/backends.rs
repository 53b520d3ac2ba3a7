//! `rbm backends`.

use super::world::{World, config, read, text};

#[test]
fn backends_are_listed_with_the_reason_for_each_that_is_absent() {
    let world = World::new();
    let found = world.json(&["backends", "--list", "--json"]);
    let found = found.as_array().expect("a list");
    for name in ["flex", "ndarray"] {
        let backend = found.iter().find(|backend| backend["backend"] == name).expect("in every program");
        assert!(backend["reason"].is_null() && backend["device"].is_string(), "{backend}");
    }
    let wgpu = found.iter().filter(|backend| text(backend, "/backend").starts_with("wgpu"));
    assert!(wgpu.clone().count() > 0, "wgpu is not mentioned");
    for backend in wgpu.filter(|backend| backend["device"].is_null()) {
        let reason = text(backend, "/reason");
        assert!(reason.contains("--features wgpu") || reason.contains("adapter"), "{reason}");
    }
    assert!(world.done(&["backends", "--list"]).starts_with("backend "));
}

#[test]
fn backends_are_compared_in_a_table_a_figure_and_a_page() {
    let world = World::new();
    world.write("bas.toml", config("bas", "epochs = 100000\nbatch_size = 4", "[sweep]\nseeds = 2"));
    let found = world.json(&["backends", "bas.toml", "--seconds", "0.3", "--threads", "1,2", "--json"]);
    let rows: Vec<String> = rows(&found).filter(|row| !row.starts_with("wgpu")).collect();
    let settings = ["fused 1", "fused 2", "composed 1", "composed 2"];
    assert_eq!(rows, ["flex", "ndarray"].map(|name| settings.map(|setting| format!("{name} {setting}"))).concat());
    assert_eq!(found["reference"], serde_json::json!({ "backend": "flex", "kernels": "composed", "threads": 2 }));
    let nats = found["likelihood"]["nats"].as_f64().expect("a machine that can be enumerated");
    assert_eq!(
        found["likelihood"]["rule"],
        "90 % of the way from the first record of flex (composed, 2 threads) to its last"
    );
    for backend in found["backends"].as_array().expect("backends") {
        let name = text(backend, "/backend");
        let Some(measured) = backend["measured"].as_object() else {
            let required = std::env::var("RBM_REQUIRE_DEVICES").unwrap_or_default();
            assert!(name.starts_with("wgpu") && backend["reason"].is_string(), "{backend}");
            assert!(!required.split(',').any(|word| word == "wgpu"), "required: {backend}");
            assert!(backend["time_to_likelihood"].is_null(), "{backend}");
            continue;
        };
        let rates = measured["samples_per_second"].as_array().expect("rates");
        assert!(rates.len() == 10 && rates.iter().all(|rate| rate.as_f64().is_some_and(|rate| rate > 0.0)), "{name}");
        let agreement = &measured["agreement"];
        assert_eq!(agreement["unexplained"], 0, "{name}: {agreement}");
        assert!(agreement["units"].as_u64().is_some_and(|units| units == 16 * (9 + 6)), "{name}: {agreement}");
        // f32 sums of 16 rows: a few hundred roundings of 2^-24.
        assert!(agreement["gradient_error"].as_f64().is_some_and(|error| error < 1e-5), "{name}: {agreement}");
        let likelihoods = measured["log_likelihoods"].as_array().expect("a machine that can be enumerated");
        assert!(likelihoods.iter().all(|pair| pair[1].as_f64().is_some_and(f64::is_finite)), "{name}");
        assert!(likelihoods.windows(2).all(|pair| pair[0][2].as_f64() < pair[1][2].as_f64()), "{name}");
        let reached = likelihoods.iter().find(|record| record[1].as_f64().is_some_and(|value| value >= nats));
        let time = reached.map_or(&serde_json::Value::Null, |record| &record[2]);
        assert_eq!(&backend["time_to_likelihood"], time, "{backend}");
        let epoch = reached.map_or(&serde_json::Value::Null, |record| &record[0]);
        assert_eq!(&backend["epoch_of_likelihood"], epoch, "{backend}");
        assert!(measured["start_seconds"].is_f64() && measured["first_step_seconds"].is_f64());
    }
    let folder = world.path(text(&found, "/folder"));
    let page = String::from_utf8(read(&folder.join("backends.html"))).expect("text");
    assert!(
        page.contains("flex")
            && page.contains("ndarray")
            && page.contains("rows/s")
            && page.contains("× sooner")
            && !page.contains("<script")
    );
    let svg = String::from_utf8(read(&folder.join("samples-per-second.svg"))).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains("flex") && svg.contains("composed, 2 threads"));
    assert!(folder.join("time-to-likelihood.svg").is_file());
    assert!(folder.join("backends.json").is_file());
    // Measurements are no sweep, and nothing foreign either.
    assert_eq!(world.done(&["status"]).lines().count(), 1);
    world.done(&["verify"]);
    let words = ["--seconds", "0.1", "--kernels", "fused", "--threads", "2", "--likelihood=-1e-3"];
    let table = world.done(&[&["backends", "bas.toml"], &words[..]].concat());
    let line = table.lines().find(|line| line.starts_with("flex ")).expect("a row");
    let cells: Vec<&str> = line.split_whitespace().take(3).collect();
    assert!(cells == ["flex", "fused", "2"] && line.contains("not reached"), "{table}");
    assert!(table.contains("likelihood: -0.001000 nats, as asked for") && !table.contains("composed"), "{table}");
    assert!(table.starts_with("backend ") && table.contains("page: results/backends/bas/backends.html"), "{table}");
}

/// `flex fused 2` for each row.
fn rows(found: &serde_json::Value) -> impl Iterator<Item = String> {
    let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = found["backends"].as_array().into_iter().flatten();
    rows.map(move |row| [&row["backend"], &row["kernels"], &row["threads"]].map(word).join(" "))
}

#[test]
fn a_config_without_fused_kernels_is_measured_with_composed_ones_alone() {
    let world = World::new();
    world.write("bas.toml", config("bas", "epochs = 1000\nprecision = \"f64\"", ""));
    let found = world.json(&["backends", "bas.toml", "--seconds", "0.1", "--threads", "1", "--json"]);
    let rows: Vec<String> = rows(&found).filter(|row| !row.starts_with("wgpu")).collect();
    assert_eq!(rows, ["flex composed 1", "ndarray composed 1"]);
    let said = world.rbm(&["backends", "bas.toml", "--kernels", "fused"]);
    assert!(said.code == Some(2) && said.err.contains("this config has no fused kernels"), "{}", said.err);
}

#[test]
fn a_likelihood_that_cannot_be_enumerated_or_be_a_logarithm_is_refused() {
    let world = World::new();
    world.write("bas.toml", config("bas", "epochs = 1", ""));
    let set = ["--set", "data.size=5", "--set", "model.hidden=30"];
    let said = world.rbm(&[&["backends", "bas.toml", "--likelihood", "-3"], &set[..]].concat());
    assert!(said.code == Some(2) && said.err.contains("25 visible and 30 hidden units"), "{}", said.err);
    for (option, words) in [("--likelihood", ["0", "nan", "-inf", "high"]), ("--threads", ["0", "1,1", "1,", "2000"])] {
        for word in words {
            let said = world.rbm(&["backends", "bas.toml", &format!("{option}={word}")]);
            assert!(said.code == Some(2) && said.err.contains("expected "), "{option}={word}: {}", said.err);
        }
    }
    assert!(!world.path("results").exists());
}

#[test]
fn a_comparison_without_a_config_or_time_is_refused() {
    let world = World::new();
    assert_eq!(world.rbm(&["backends"]).code, Some(2));
    world.write("bas.toml", config("bas", "epochs = 1", ""));
    for seconds in ["0", "nan", "1e9", "soon"] {
        let said = world.rbm(&["backends", "bas.toml", "--seconds", seconds]);
        assert!(said.code == Some(2) && said.err.contains("from 0.1 to 86400"), "{seconds}: {}", said.err);
    }
    assert!(!world.path("results").exists());
}
