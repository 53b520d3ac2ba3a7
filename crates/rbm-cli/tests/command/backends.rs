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
    let found = world.json(&["backends", "bas.toml", "--seconds", "0.3", "--json"]);
    for backend in found["backends"].as_array().expect("backends") {
        let name = text(backend, "/backend");
        let Some(measured) = backend["measured"].as_object() else {
            let required = std::env::var("RBM_REQUIRE_DEVICES").unwrap_or_default();
            assert!(name.starts_with("wgpu") && backend["reason"].is_string(), "{backend}");
            assert!(!required.split(',').any(|word| word == "wgpu"), "required: {backend}");
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
        assert!(measured["start_seconds"].is_f64() && measured["first_step_seconds"].is_f64());
    }
    let folder = world.path(text(&found, "/folder"));
    let page = String::from_utf8(read(&folder.join("backends.html"))).expect("text");
    assert!(page.contains("flex") && page.contains("ndarray") && page.contains("rows/s") && !page.contains("<script"));
    let svg = String::from_utf8(read(&folder.join("samples-per-second.svg"))).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains("flex"));
    assert!(folder.join("backends.json").is_file());
    // Measurements are no sweep, and nothing foreign either.
    assert_eq!(world.done(&["status"]).lines().count(), 1);
    world.done(&["verify"]);
    let table = world.done(&["backends", "bas.toml", "--seconds", "0.1"]);
    assert!(table.starts_with("backend ") && table.contains("page: results/backends/bas/backends.html"), "{table}");
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
