//! From statistics to verdicts.

use rbm_claims::{ClaimRecord, Measurement, Profile, Region, Verdict, claim_block, decide, verdict_table, with_block};

use crate::common::{experiment, of_seeds, outcome, test};

const RULE: &str = "confirmed = { above = 1 }\nrefuted = { below = 0 }";

/// An experiment with a test of `a`, one of `b` and so on, each confirmed above 1 and refuted below 0.
fn tests_of(letters: &str) -> String {
    letters
        .chars()
        .map(|name| test(&name.to_string(), &format!("value = {{ quantity = \"{name}\" }}\n{RULE}")))
        .collect()
}

fn exact(values: &[(&str, f64)]) -> Vec<Measurement> {
    values.iter().map(|(quantity, value)| Measurement::new(quantity, *value)).collect()
}

#[test]
fn a_claim_is_what_all_its_tests_are() {
    use Verdict::{Confirmed, Partly, Refuted, Undecided};
    let (yes, no, between) = (2.0, -1.0, 0.5);
    for (values, expected) in [
        ([yes, yes, yes], Confirmed),
        ([no, no, no], Refuted),
        ([yes, yes, no], Partly),
        ([yes, no, between], Partly),
        ([yes, yes, between], Undecided),
        ([no, between, no], Undecided),
        ([between, between, between], Undecided),
    ] {
        let measured = exact(&[("a", values[0]), ("b", values[1]), ("c", values[2])]);
        let found = decide(&experiment(&tests_of("abc")), Profile::Smoke, &measured, None);
        assert_eq!(found.verdict, expected, "{values:?}");
    }
}

#[test]
fn conclusions_say_what_each_test_came_to() {
    let measured = exact(&[("a", 2.0), ("b", -1.0), ("c", 0.5)]);
    let found = decide(&experiment(&tests_of("abc")), Profile::Smoke, &measured, None);
    assert_eq!(
        found.conclusion,
        "a holds. b fails. Undecided, c: it lies between the thresholds, where neither is so."
    );
    assert_eq!(found.tests[0].rule, "confirmed above 1, refuted below 0");
}

#[test]
fn only_what_is_of_the_claim_counts_for_it() {
    let with_role =
        |name: &str, role: &str| test(name, &format!("role = \"{role}\"\nvalue = {{ quantity = \"{name}\" }}\n{RULE}"));
    let statement = tests_of("a") + &with_role("b", "control") + &with_role("c", "context");
    let found = |a, b, c| {
        let outcome = decide(&experiment(&statement), Profile::Smoke, &exact(&[("a", a), ("b", b), ("c", c)]), None);
        (outcome.verdict, outcome.conclusion, outcome.beside)
    };
    let (yes, no) = (2.0, -1.0);
    let owned = |conclusion: &str, beside: &str| (conclusion.to_owned(), beside.to_owned());
    for (values, verdict, (conclusion, beside)) in [
        ((yes, yes, no), Verdict::Confirmed, owned("a holds.", "c fails.")),
        ((no, yes, yes), Verdict::Refuted, owned("a fails.", "c holds.")),
        // A control that came out wrong takes the claim's verdict away and says so.
        ((yes, no, yes), Verdict::Undecided, owned("a holds. b fails.", "c holds.")),
        ((no, no, no), Verdict::Undecided, owned("a fails. b fails.", "c fails.")),
    ] {
        assert_eq!(found(values.0, values.1, values.2), (verdict, conclusion, beside));
    }
}

#[test]
fn the_whole_interval_must_lie_within_and_a_threshold_is_outside() {
    let region = |above, below, outside| Region { above, below, outside };
    for (region, low, high, expected) in [
        (region(Some(1.0), None, None), 1.0, 2.0, false),
        (region(Some(1.0), None, None), 1.5, 2.0, true),
        (region(None, Some(1.0), None), 0.0, 1.0, false),
        (region(None, Some(1.0), None), 0.0, 0.5, true),
        (region(Some(1.0), Some(3.0), None), 1.5, 2.5, true),
        (region(Some(1.0), Some(3.0), None), 1.5, 3.5, false),
        (region(None, None, Some([1.0, 3.0])), 3.5, 9.0, true),
        (region(None, None, Some([1.0, 3.0])), -9.0, 0.5, true),
        (region(None, None, Some([1.0, 3.0])), 0.5, 3.5, false),
        (region(Some(1.0), None, None), f64::NEG_INFINITY, f64::INFINITY, false),
    ] {
        assert_eq!(region.contains(low, high), expected, "{} has {low} to {high}", region.words());
    }
}

#[test]
fn an_undecided_test_says_what_would_decide_it() {
    let above = "confirmed = { above = 1 }\nrefuted = { below = 1 }";
    let lines = format!("value = {{ quantity = \"q\" }}\n{above}");
    // Mean 2, standard deviation 1: half the interval is 4.30265 / sqrt(3) = 2.484 wide, and 1 is to be left of it; with
    // the same spread t / sqrt(n) is 2.571 / sqrt(6) = 1.05 for 6 seeds and 2.447 / sqrt(7) = 0.92 for 7.
    let found = outcome(&lines, &of_seeds("q", &[1.0, 2.0, 3.0])).found;
    assert!(found.contains("crosses a threshold; about 7 seeds instead of 3 would decide"), "{found}");
    let own = outcome(&lines, &[Measurement::new("q", 2.0).between(0.0, 4.0)]).found;
    assert!(own.contains("crosses a threshold; a larger budget would decide"), "no seeds, but an estimate: {own}");
    let gap = "value = { quantity = \"q\" }\nconfirmed = { above = 1 }\nrefuted = { below = -1 }";
    let range = outcome(&format!("{gap}\ninterval = \"range\""), &of_seeds("q", &[0.0, 2.0, 3.0])).found;
    assert!(range.contains("between the thresholds, where neither is so"), "{range}");
}

#[test]
fn a_range_is_refuted_by_a_single_counter_example() {
    let lines = format!("value = {{ quantity = \"q\" }}\n{RULE}\ninterval = \"range\"");
    let verdict = |values: &[f64]| outcome(&lines, &of_seeds("q", values)).verdict;
    assert_eq!(verdict(&[2.0, 3.0, 4.0]), Verdict::Confirmed);
    assert_eq!(verdict(&[2.0, 3.0, -1.0]), Verdict::Refuted);
    assert_eq!(verdict(&[2.0, 3.0, 0.5]), Verdict::Undecided, "neither so nor a counter-example");
    let mean = outcome(&format!("value = {{ quantity = \"q\" }}\n{RULE}"), &of_seeds("q", &[2.0, 3.0, -1.0]));
    assert_eq!(mean.verdict, Verdict::Undecided, "a mean has no counter-examples");
}

#[test]
fn what_is_missing_is_told_and_the_rest_is_decided() {
    let experiment = experiment(&tests_of("ab"));
    let missing = "it needs the data set mnist, which could not be had";
    let none = decide(&experiment, Profile::Smoke, &[], Some(missing));
    assert_eq!((none.verdict, none.conclusion.as_str()), (Verdict::Undecided, missing));
    let some = decide(&experiment, Profile::Smoke, &exact(&[("a", 2.0)]), Some(missing));
    assert_eq!(some.verdict, Verdict::Undecided);
    assert_eq!(some.tests[0].verdict, Verdict::Confirmed);
    assert_eq!(some.conclusion, format!("a holds. Undecided, b: {missing}."));
    let unexplained = decide(&experiment, Profile::Smoke, &exact(&[("a", 2.0)]), None);
    assert_eq!(unexplained.conclusion, "a holds. Undecided, b: no b was measured.");
}

#[test]
fn tests_of_another_profile_do_not_count() {
    let of_full = test("b", &format!("value = {{ quantity = \"b\" }}\n{RULE}\nprofiles = [\"full\"]"));
    let both = experiment(&(tests_of("a") + &of_full));
    let measured = exact(&[("a", 2.0), ("b", -1.0)]);
    let smoke = decide(&both, Profile::Smoke, &measured, None);
    assert_eq!((smoke.verdict, smoke.tests.len()), (Verdict::Confirmed, 1));
    assert_eq!(decide(&both, Profile::Full, &measured, None).verdict, Verdict::Partly);
    let none = decide(&experiment(&of_full), Profile::Smoke, &measured, None);
    assert_eq!(none.verdict, Verdict::Undecided);
    assert_eq!(none.conclusion, "No test of this claim is decided in the profile smoke.");
}

fn record(tests: &str, measured: &[Measurement]) -> ClaimRecord {
    let experiment = experiment(tests);
    let outcome = decide(&experiment, Profile::Smoke, measured, None);
    ClaimRecord::new(&experiment, Profile::Smoke, &outcome, 1.5, vec!["results/x".into()])
}

#[test]
fn records_head_is_the_first_test_that_is_decided_and_open_ends_are_null() {
    let found = record(&tests_of("ab"), &exact(&[("a", 0.5), ("b", 3.0)]));
    assert_eq!((found.statistic, found.interval, found.n), (Some(3.0), [Some(3.0), Some(3.0)], 1));
    assert_eq!(found.headline(), "b: 3.00");
    let open = record(&tests_of("a"), &of_seeds("a", &[3.0]));
    let json = serde_json::to_value(&open).expect("JSON");
    assert_eq!(json["interval"], serde_json::json!([null, null]));
    assert_eq!(json["verdict"], "undecided");
    assert_eq!(serde_json::from_value::<ClaimRecord>(json).expect("a record"), open);
}

#[test]
fn an_interval_in_words_is_exact_only_where_the_method_says_so() {
    let words = |interval: &str, values: &[f64]| {
        let lines = format!("value = {{ quantity = \"a\" }}\n{RULE}\n{interval}");
        record(&test("a", &lines), &of_seeds("a", values)).tests.remove(0).interval_in_words()
    };
    assert_eq!(words("interval = \"point\"", &[1.0, 3.0]), "–", "a mean without an interval");
    assert_eq!(words("interval = \"point\"", &[3.0]), "–");
    assert_eq!(words("interval = \"range\"", &[3.0]), "–", "a single number");
    assert_eq!(words("interval = \"range\"", &[3.0, 3.0]), "3.00 to 3.00", "two that are equal");
    assert_eq!(words("", &[3.0, 3.0]), "3.00 to 3.00");
    assert_eq!(words("", &[3.0]), "–", "one seed");
    let mut exact = record(&tests_of("a"), &exact(&[("a", 3.0)])).tests.remove(0);
    assert_eq!(exact.interval_in_words(), "–");
    exact.method = "exact, by enumeration".into();
    assert_eq!(exact.interval_in_words(), "exact");
}

#[test]
fn blocks_of_readmes_are_put_between_their_marks_and_nowhere_else() {
    let text = "above\n<!-- verdicts -->\nold\n<!-- end of verdicts -->\nbelow\n";
    let new = with_block(text, "verdicts", "new\n\n").expect("a place");
    assert_eq!(new, "above\n<!-- verdicts -->\nnew\n<!-- end of verdicts -->\nbelow\n");
    assert_eq!(with_block(&new, "verdicts", "new").expect("a place"), new, "twice is once");
    assert_eq!(with_block(text, "verdict", "new"), None);
    assert_eq!(with_block("<!-- verdicts -->\nno end", "verdicts", "new"), None);
}

#[test]
fn tables_for_readmes_read_as_agreed() {
    let found = record(&tests_of("ab"), &[exact(&[("a", 3.0)]), of_seeds("b", &[-1.0, -1.5, -2.0])].concat());
    insta::assert_snapshot!("verdict_table", verdict_table(std::slice::from_ref(&found)));
    let beside = record(
        &(tests_of("a") + &test("b", &format!("role = \"context\"\nvalue = {{ quantity = \"b\" }}\n{RULE}"))),
        &exact(&[("a", 3.0), ("b", -1.0)]),
    );
    assert!(claim_block(&beside, &[]).contains("a holds.\n\nBeside the claim: b fails.\n\n"));
    assert!(!verdict_table(&[beside]).contains("b fails."), "the table has the claim alone");
    insta::assert_snapshot!("claim_block", claim_block(&found, &["../figures/claim-one.svg".to_owned()]));
}
