//! Numbers with their intervals.

use rbm_claims::{Measurement, Region, Statistic, Verdict};

use crate::common::{assert_near, of_seeds, outcome};

/// Above 0 it is so, below it is not.
const SIGN: &str = "confirmed = { above = 0 }\nrefuted = { below = 0 }";

#[track_caller]
fn statistic(lines: &str, measurements: &[Measurement]) -> Statistic {
    let found = outcome(&format!("{lines}\n{SIGN}"), measurements);
    found.statistic.unwrap_or_else(|| panic!("no statistic: {}", found.found))
}

const Q: &str = "value = { quantity = \"q\" }";
const DIFFERENCE: &str = "value = { quantity = \"q\" }\nminus = { quantity = \"r\" }";
const QUOTIENT: &str = "value = { quantity = \"q\" }\nper = { quantity = \"r\" }";

#[test]
fn interval_of_a_mean_is_students() {
    // The quantiles of Student's law at 97.5 %, as every table has them; standard deviations of 1, 2, ..., n by hand.
    for (n, quantile, deviation) in
        [(2, 12.7062_f64, 0.5_f64.sqrt()), (3, 4.30265, 1.0), (5, 2.77645, 2.5_f64.sqrt()), (10, 2.26216, 3.0277)]
    {
        let values: Vec<f64> = (1..=n).map(f64::from).collect();
        let found = statistic(Q, &of_seeds("q", &values));
        let (mean, half) = (f64::from(n + 1) / 2.0, quantile * deviation / f64::from(n).sqrt());
        assert_eq!((found.value, found.n), (mean, n as usize));
        // Five digits after the point of the tables, six digits in all of the last deviation.
        assert_near(found.interval.0, mean - half, 1e-4);
        assert_near(found.interval.1, mean + half, 1e-4);
        assert_eq!(found.method, format!("mean over {n} seeds, Student's t, 95 %"));
    }
}

/// Five seeds that differ by 10, and the same ones lower by about 1.
fn pairs() -> (Vec<f64>, Vec<f64>) {
    (vec![10.0, 20.0, 30.0, 40.0, 50.0], vec![9.0, 18.9, 29.1, 39.0, 48.9])
}

#[test]
fn pairing_by_seed_sees_what_unpaired_numbers_hide() {
    let (first, second) = pairs();
    let lines = format!("{DIFFERENCE}\n{SIGN}");
    let paired = [of_seeds("q", &first), of_seeds("r", &second)].concat();
    let found = outcome(&lines, &paired);
    assert_eq!(found.verdict, Verdict::Confirmed, "{}", found.found);
    let one = found.statistic.expect("a statistic");
    // The differences 1, 1.1, 0.9, 1, 1.1: mean 1.02, sum of squares about it 0.028.
    let half = 2.77645 * (0.028_f64 / 4.0 / 5.0).sqrt();
    assert_near(one.value, 1.02, 1e-12);
    assert_near(one.interval.0, 1.02 - half, 1e-5);
    assert_near(one.interval.1, 1.02 + half, 1e-5);
    assert!(one.method.ends_with("paired by seed"), "{}", one.method);
    // The same numbers given to other seeds: the spread between seeds is back in the differences.
    let turned: Vec<f64> = second.iter().rev().copied().collect();
    let other = outcome(&lines, &[of_seeds("q", &first), of_seeds("r", &turned)].concat());
    assert_eq!(other.verdict, Verdict::Undecided, "{}", other.found);
}

#[test]
fn only_seeds_with_both_parts_count() {
    let (first, second) = pairs();
    let measured = [of_seeds("q", &first), of_seeds("r", &second[..3])].concat();
    let found = statistic(DIFFERENCE, &measured);
    assert_eq!(found.n, 3);
    assert!(found.method.ends_with("paired by seed (3 of 5 seeds have both)"), "{}", found.method);
    // A seed of the other side alone is one that lacks a part, too.
    let other = [of_seeds("q", &first[1..3]), of_seeds("r", &second)].concat();
    let point = statistic(&format!("{DIFFERENCE}\ninterval = \"point\""), &other);
    assert_eq!(point.method, "mean over 2 seeds, paired by seed (2 of 5 seeds have both)");
    let none: Vec<Measurement> = of_seeds("r", &second).into_iter().map(|one| one.of_seed(7)).collect();
    let found = outcome(&format!("{DIFFERENCE}\n{SIGN}"), &[of_seeds("q", &first), none].concat());
    assert_eq!((found.verdict, found.statistic), (Verdict::Undecided, None));
    assert!(found.found.contains("no seed has both parts"), "{}", found.found);
}

#[test]
fn a_number_without_a_seed_stands_against_those_of_every_seed() {
    let bound = [Measurement::new("r", 2.0)];
    let found = statistic(DIFFERENCE, &[&of_seeds("q", &[3.0, 4.0, 5.0])[..], &bound].concat());
    assert_eq!((found.value, found.n), (2.0, 3));
    let found = statistic(QUOTIENT, &[&of_seeds("q", &[3.0, 4.0, 5.0])[..], &bound].concat());
    assert_eq!((found.value, found.n), (2.0, 3));
    let bound = [Measurement::new("q", 2.0)];
    let found = statistic(DIFFERENCE, &[&of_seeds("r", &[3.0, 4.0, 5.0])[..], &bound].concat());
    assert_eq!((found.value, found.n), (-2.0, 3));
    let found = statistic(DIFFERENCE, &[&of_seeds("r", &[3.0])[..], &bound].concat());
    assert_eq!((found.value, found.n), (-1.0, 1), "a single seed is one of those");
    assert_eq!(found.interval, (f64::NEG_INFINITY, f64::INFINITY));
}

#[test]
fn a_range_takes_the_number_that_lies_worst() {
    let lines = format!("{Q}\ninterval = \"range\"");
    let found = statistic(&lines, &of_seeds("q", &[2.0, 1.0, 5.0]));
    assert_eq!((found.value, found.interval), (1.0, (1.0, 5.0)));
    assert_eq!(found.method, "least to largest of 3");
    let below = format!("{lines}\nconfirmed = {{ below = 4 }}\nrefuted = {{ above = 6 }}");
    let found = outcome(&below, &of_seeds("q", &[2.0, 1.0, 5.0]));
    assert_eq!(found.statistic.expect("a statistic").value, 5.0);
    assert_eq!(found.verdict, Verdict::Undecided, "one of three is not below");
}

fn region(above: Option<f64>, below: Option<f64>, outside: Option<[f64; 2]>) -> Region {
    Region { above, below, outside }
}

#[test]
fn one_number_of_a_range_refutes_and_all_of_them_confirm() {
    let lines = format!("{Q}\ninterval = \"range\"");
    let range = statistic(&lines, &of_seeds("q", &[2.0, -1.0, 5.0]));
    for (region, confirms, refutes) in [
        (region(None, Some(0.0), None), false, true),
        (region(Some(4.0), None, None), false, true),
        (region(Some(0.0), None, None), false, true),
        (region(Some(-2.0), Some(6.0), None), true, true),
        (region(None, None, Some([-0.5, 1.0])), true, true),
        // The one between the others, not only an end.
        (region(Some(1.0), Some(3.0), None), false, true),
        (region(Some(-0.5), Some(1.0), None), false, false),
        // A threshold is outside.
        (region(Some(5.0), None, None), false, false),
        (region(None, Some(-1.0), None), false, false),
    ] {
        let words = region.words();
        assert_eq!((range.confirms(&region), range.refutes(&region)), (confirms, refutes), "{words}");
    }
    // A mean is refuted by its whole interval only: -2.7 to 6.9.
    let mean = statistic(Q, &of_seeds("q", &[2.0, -1.0, 5.0]));
    for region in [region(None, Some(0.0), None), region(Some(0.0), None, None), region(Some(1.0), Some(3.0), None)] {
        assert!(!mean.confirms(&region) && !mean.refutes(&region), "{}", region.words());
    }
    let wide = region(Some(-10.0), None, None);
    assert!(mean.confirms(&wide) && mean.refutes(&wide));
}

#[test]
fn a_counter_example_is_the_number_of_a_range() {
    let of = |confirmed: &str, refuted: &str, values: &[f64]| {
        let lines = format!("{Q}\ninterval = \"range\"\nconfirmed = {confirmed}\nrefuted = {refuted}");
        outcome(&lines, &of_seeds("q", values)).statistic.expect("a statistic").value
    };
    let (outside, inside) = ("{ outside = [-1, 1] }", "{ above = -0.5, below = 0.5 }");
    assert_eq!(of(outside, inside, &[-3.0, 0.25, 4.0]), 0.25, "between the others");
    assert_eq!(of(outside, inside, &[-3.0, 0.75, 4.0]), 0.75, "neither, but outside the region that confirms");
    assert_eq!(of(outside, inside, &[-1.5, 2.0, 4.0]), -1.5, "nearest to an end");
    // The one farthest outside lies in no region; the counter-example comes before it.
    assert_eq!(of("{ above = 0 }", "{ above = -2, below = -1 }", &[-9.0, -1.5, 3.0]), -1.5);
    assert_eq!(of("{ below = 1 }", "{ above = 2 }", &[0.0, 3.0, 5.0]), 5.0, "the worst of two");
}

#[test]
fn a_point_is_the_mean_alone() {
    let found = statistic(&format!("{Q}\ninterval = \"point\""), &of_seeds("q", &[-10.0, 1.0, 12.0]));
    assert_eq!((found.value, found.interval, found.n), (1.0, (1.0, 1.0), 3));
}

#[test]
fn an_estimate_keeps_its_own_interval_and_a_difference_widens_it() {
    let q = Measurement::new("q", 5.0).between(4.0, 7.0);
    let found = statistic(Q, std::slice::from_ref(&q));
    assert_eq!((found.value, found.interval), (5.0, (4.0, 7.0)));
    assert_eq!(found.method, "the estimate's own interval");
    let exact = statistic(DIFFERENCE, &[q.clone(), Measurement::new("r", 1.0)]);
    assert_eq!((exact.value, exact.interval), (4.0, (3.0, 6.0)));
    let both = statistic(DIFFERENCE, &[q.clone(), Measurement::new("r", 1.0).between(0.5, 2.0)]);
    assert_eq!((both.value, both.interval), (4.0, (2.0, 6.5)), "the ends that lie furthest apart");
    let quotient = statistic(QUOTIENT, &[q, Measurement::new("r", 2.0).between(1.0, 4.0)]);
    assert_eq!((quotient.value, quotient.interval), (2.5, (1.0, 7.0)));
}

#[test]
fn one_number_without_a_seed_stands_alone_and_one_seed_has_no_interval() {
    let alone = statistic(Q, &[Measurement::new("q", 3.0)]);
    assert_eq!((alone.interval, alone.method.as_str()), ((3.0, 3.0), "a single number"));
    let of_one = statistic(&format!("{Q}\ninterval = \"range\""), &of_seeds("q", &[3.0]));
    assert_eq!((of_one.interval, of_one.method.as_str()), ((3.0, 3.0), "a single number"));
    let point = statistic(&format!("{Q}\ninterval = \"point\""), &of_seeds("q", &[3.0]));
    assert_eq!((point.interval, point.method.as_str()), ((3.0, 3.0), "a single number"));
    let open = outcome(&format!("{Q}\n{SIGN}"), &of_seeds("q", &[3.0]));
    let one = open.statistic.expect("a statistic");
    assert_eq!((one.value, one.interval), (3.0, (f64::NEG_INFINITY, f64::INFINITY)));
    assert_eq!(open.verdict, Verdict::Undecided);
    // How well one machine's number is estimated tells nothing of another's.
    let own = statistic(Q, &[Measurement::new("q", 3.0).between(2.0, 4.0).of_seed(0)]);
    assert_eq!((own.value, own.interval), (3.0, (f64::NEG_INFINITY, f64::INFINITY)));
    assert_eq!(own.method, "one seed has no interval");
    assert!(open.found.contains("one seed has no interval; three or more would decide"), "{}", open.found);
}

#[test]
fn what_is_never_reached_is_late_but_its_difference_is_no_number() {
    let never = |quantity: &str| of_seeds(quantity, &[0.0, 0.0, 0.0]);
    let reaching = |quantity: &str| format!("{{ quantity = \"{quantity}\", at = {{ reaching = 1 }} }}");
    let late = format!("value = {}\n{SIGN}", reaching("q"));
    assert_eq!(outcome(&late, &never("q")).verdict, Verdict::Confirmed, "infinity is above 0");
    for part in ["minus", "per"] {
        let lines = format!("value = {}\n{part} = {}\n{SIGN}", reaching("q"), reaching("r"));
        let found = outcome(&lines, &[never("q"), never("r")].concat());
        assert_eq!((found.verdict, found.statistic), (Verdict::Undecided, None), "{part}");
        assert!(found.found.contains("infinite numbers have no difference"), "{}", found.found);
    }
}

#[test]
fn conditions_that_were_chosen_are_named() {
    let rows = [("q", 1.0, 5.0), ("q", 2.0, 9.0), ("r", 1.0, 4.0), ("r", 2.0, 3.0)];
    let of =
        |(quantity, rate, value): (&str, f64, f64)| Measurement::new(quantity, value).with("rate", rate).of_seed(0);
    let lines =
        "value = { quantity = \"q\", over = \"largest-mean\" }\nminus = { quantity = \"r\", over = \"largest-mean\" }";
    let found = statistic(lines, &rows.map(of));
    assert_eq!((found.value, found.chosen.as_deref()), (5.0, Some("rate = 2 against rate = 1")));
}
