//! Which numbers a test reads.

use rbm_claims::{Measurement, Select};

use crate::common::of_seeds;

fn select(lines: &str) -> Select {
    toml::from_str(&format!("quantity = \"q\"\n{lines}")).expect("a selection")
}

/// The curve 5, 1, 7, 2 over the places 1, 2, 4, 8, in an order that is not theirs.
fn curve() -> Vec<Measurement> {
    [(4.0, 7.0), (1.0, 5.0), (8.0, 2.0), (2.0, 1.0)].map(|(x, value)| Measurement::new("q", value).at(x)).to_vec()
}

#[track_caller]
fn only(lines: &str, measurements: &[Measurement]) -> f64 {
    let sample = select(lines).sample(measurements).expect("a number");
    assert_eq!(sample.values.len(), 1, "{lines}");
    sample.values[0].1.value
}

#[track_caller]
fn refused(lines: &str, measurements: &[Measurement], fragment: &str) {
    let reason = select(lines).sample(measurements).expect_err(lines);
    assert!(reason.contains(fragment), "{lines}: {reason}");
}

#[test]
fn of_a_curve_that_is_taken_which_is_asked_for() {
    for (lines, expected) in [
        ("", 2.0),
        ("at = \"last\"", 2.0),
        ("at = \"first\"", 5.0),
        ("at = \"max\"", 7.0),
        ("at = \"min\"", 1.0),
        ("at = \"mean\"", 3.75),
        ("at = \"place-of-max\"", 4.0),
        ("at = \"place-of-min\"", 2.0),
        ("at = { place = 2 }", 1.0),
        ("at = { reaching = 6 }", 4.0),
        ("at = { reaching = 5 }", 1.0),
        ("at = { reaching = 7.5 }", f64::INFINITY),
        ("scale = -2", -4.0),
        ("at = \"mean\"\nscale = 4", 15.0),
        ("at = \"place-of-max\"\nscale = 0.5", 2.0),
    ] {
        assert_eq!(only(lines, &curve()), expected, "{lines}");
    }
    refused("at = { place = 3 }", &curve(), "no q was measured at that place");
}

#[test]
fn an_interval_of_its_own_goes_with_the_number_that_is_taken() {
    let measured = [Measurement::new("q", 1.0).at(1.0), Measurement::new("q", 3.0).at(2.0).between(2.5, 4.0)];
    let ends = |lines: &str| select(lines).sample(&measured).expect("a number").values[0].1.ends;
    assert_eq!(ends(""), Some((2.5, 4.0)));
    assert_eq!(ends("scale = -1"), Some((-4.0, -2.5)), "a negative factor turns the ends round");
    assert_eq!(ends("at = \"first\""), None);
    assert_eq!(ends("at = \"mean\""), None);
}

/// Two seeds under k = 1, 2 and 3; with k = 3 the seed 1 diverged.
fn over_k() -> Vec<Measurement> {
    let rows = [(1, 0, 1.0), (1, 1, 6.0), (2, 0, 2.0), (2, 1, 4.0), (3, 0, 100.0)];
    rows.map(|(k, seed, value)| Measurement::new("q", value).with("k", f64::from(k)).of_seed(seed)).to_vec()
}

#[track_caller]
fn values(lines: &str, measurements: &[Measurement]) -> Vec<(Option<u64>, f64)> {
    let sample = select(lines).sample(measurements).expect("numbers");
    sample.values.into_iter().map(|(seed, number)| (seed, number.value)).collect()
}

#[test]
fn several_conditions_of_a_seed_become_one_number_only_as_is_said() {
    refused("", &over_k(), "q stands under 3 conditions (k = 1; k = 2; k = 3, ...)");
    assert_eq!(values("where = { k = 2 }", &over_k()), [(Some(0), 2.0), (Some(1), 4.0)]);
    let two = "where = { k = [1, 2] }\nover = ";
    refused("where = { k = [1, 2] }", &over_k(), "2 conditions");
    for (over, expected) in [("max", [2.0, 6.0]), ("min", [1.0, 4.0]), ("mean", [1.5, 5.0])] {
        let found = values(&format!("{two}\"{over}\""), &over_k());
        assert_eq!(found, [(Some(0), expected[0]), (Some(1), expected[1])], "{over}");
    }
}

#[test]
fn a_median_of_conditions_is_the_middle_one_or_the_mean_of_the_middle_two() {
    // Neither the mean (25.6 and 3) nor an end.
    let rows = [(1.0, [1.0, 5.0]), (2.0, [100.0, 3.0]), (3.0, [-0.5, 0.0]), (4.0, [2.0, 4.0])];
    let of = |(k, values): (f64, [f64; 2])| of_seeds("q", &values).into_iter().map(move |one| one.with("k", k));
    let measured: Vec<Measurement> = rows.into_iter().flat_map(of).collect();
    assert_eq!(values("over = \"median\"", &measured), [(Some(0), 1.5), (Some(1), 3.5)]);
    let three = values("where = { k = [1, 2, 3] }\nover = \"median\"", &measured);
    assert_eq!(three, [(Some(0), 1.0), (Some(1), 3.0)]);
}

#[test]
fn seeds_of_other_conditions_than_the_rest_are_not_made_one_number() {
    for over in ["max", "min", "mean", "median"] {
        let fragment = "q stands under other conditions of other seeds: 1 of 2 have it under k = 3";
        refused(&format!("over = \"{over}\""), &over_k(), fragment);
    }
    // What has no seed is not of the others' seeds either.
    let mixed = [of_seeds("q", &[1.0]), vec![Measurement::new("q", 2.0).with("k", 3.0)]].concat();
    refused("over = \"max\"", &mixed, "1 of 2 have it under no label");
}

/// As a sweep gives them: two splits of two seeds under k = 1 and 2; under k = 2 seed 1 went wrong.
fn with_fault(fault: &str) -> Vec<Measurement> {
    let cell = |quantity: &str, value, k: f64, seed| {
        Measurement::new(quantity, value).with("sweep", "bars").with("k", k).of_seed(seed)
    };
    let mut measured = vec![cell(fault, 1.0, 2.0, 1)];
    for (k, seed, value) in [(1.0, 0, 1.0), (1.0, 1, 2.0), (2.0, 0, 9.0)] {
        measured.extend(["train", "test"].map(|split| cell("q", value, k, seed).with("split", split)));
    }
    measured
}

#[test]
fn cells_that_diverged_or_are_missing_leave_no_number_of_the_others() {
    for (fault, words) in [("diverged", "1 cell diverged"), ("missing", "1 cell is missing")] {
        let measured = with_fault(fault);
        refused("where = { k = 2, split = \"train\" }", &measured, &format!("{words} where k = 2, split = train"));
        for over in ["max", "min", "mean", "median"] {
            refused(&format!("where = {{ split = \"train\" }}\nover = \"{over}\""), &measured, words);
        }
        // Other conditions, other sweeps.
        assert_eq!(values("where = { k = 1, split = \"train\" }", &measured), [(Some(0), 1.0), (Some(1), 2.0)]);
        refused("where = { sweep = \"other\" }", &measured, "no q was measured");
        // Chosen is what went well for every seed, though the other has the larger number.
        let best = "where = { split = \"train\" }\nover = \"largest-mean\"";
        assert_eq!(values(best, &measured), [(Some(0), 1.0), (Some(1), 2.0)]);
        // Nothing is left to choose from.
        refused("where = { k = 2, split = \"train\" }\nover = \"least-mean\"", &measured, words);
        // The fault itself is a quantity like others.
        let itself: Select = toml::from_str(&format!("quantity = \"{fault}\"")).expect("a selection");
        assert_eq!(itself.sample(&measured).expect("a number").values[0].1.value, 1.0);
    }
    let two = [with_fault("diverged"), with_fault("missing"), with_fault("missing")].concat();
    refused("where = { k = 2, split = \"test\" }", &two, "1 cell diverged and 2 cells are missing where k = 2");
}

#[test]
fn best_conditions_are_not_taken_from_seeds_that_went_well_even_where_all_have_as_many() {
    let cell = |quantity: &str, value, k: f64, seed| {
        Measurement::new(quantity, value).with("sweep", "bars").with("k", k).of_seed(seed)
    };
    let measured = [cell("q", 1.0, 1.0, 0), cell("q", 9.0, 2.0, 0), cell("diverged", 1.0, 2.0, 1)];
    let sample = select("over = \"largest-mean\"").sample(&measured).expect("a number");
    assert_eq!(sample.values[0].1.value, 1.0);
    assert_eq!(sample.chosen.expect("a choice")["k"], 1.0.into());
}

#[test]
fn faults_of_cells_do_not_count_against_what_protocols_measure_without_cells() {
    let mut measured = of_seeds("q", &[1.0, 2.0]);
    measured.extend(with_fault("diverged").into_iter().take(1));
    assert_eq!(values("", &measured), [(Some(0), 1.0), (Some(1), 2.0)]);
    // Where nothing was measured at all, the fault is why.
    refused("", &measured[2..], "1 cell diverged");
}

#[test]
fn the_best_conditions_are_the_same_for_every_seed_and_never_those_that_diverged() {
    for (over, k, expected) in [("largest-mean", "k = 1", [1.0, 6.0]), ("least-mean", "k = 2", [2.0, 4.0])] {
        let sample = select(&format!("over = \"{over}\"")).sample(&over_k()).expect("numbers");
        let chosen: Vec<String> =
            sample.chosen.expect("a choice").iter().map(|(name, label)| format!("{name} = {label}")).collect();
        assert_eq!(chosen, [k], "{over}");
        let found: Vec<f64> = sample.values.iter().map(|(_, number)| number.value).collect();
        assert_eq!(found, expected, "{over}: not the largest or least of each seed");
    }
}

#[test]
fn conditions_compare_words_numbers_truth_and_absence() {
    let measured = [
        Measurement::new("q", 1.0).with("kind", "cd").with("k", 1.0).with("centred", true),
        Measurement::new("q", 2.0).with("kind", "pcd").with("k", 10.0).with("centred", false),
        Measurement::new("q", 3.0),
        Measurement::new("other", 4.0),
    ];
    for (lines, expected) in [
        ("where = { kind = \"pcd\" }", 2.0),
        ("where = { k = 1 }", 1.0),
        ("where = { k = 1.0, kind = [\"cd\", \"pcd\"] }", 1.0),
        ("where = { centred = false }", 2.0),
        ("where = { kind = \"\" }", 3.0),
    ] {
        assert_eq!(only(lines, &measured), expected, "{lines}");
    }
    refused("where = { k = \"1\" }", &measured, "no q was measured where k = 1");
    refused("where = { kind = [\"exact\", \"fpcd\"] }", &measured, "where kind = exact or fpcd");
    refused("where = { absent = 0 }", &measured, "no q was measured");
}

#[test]
fn a_mistyped_quantity_is_answered_with_the_closest() {
    let lines = "quantity = \"log-likelyhood\"";
    let select: Select = toml::from_str(lines).expect("a selection");
    let measured = [Measurement::new("log-likelihood", 1.0), Measurement::new("log-z", 2.0)];
    let refusal = select.sample(&measured).expect_err("nothing of that name");
    assert_eq!(refusal, "no log-likelyhood was measured; did you mean \"log-likelihood\"?");
    let select: Select = toml::from_str("quantity = \"zzz\"").expect("a selection");
    assert_eq!(select.sample(&measured).expect_err("nothing of that name"), "no zzz was measured");
}

#[test]
fn an_absent_label_is_a_condition_of_its_own() {
    let mut measured = of_seeds("q", &[1.0]);
    measured.push(Measurement::new("q", 2.0).with("k", 3.0).of_seed(0));
    refused("", &measured, "2 conditions");
    assert_eq!(only("where = { k = [\"\", 3] }\nover = \"max\"", &measured), 2.0);
}
