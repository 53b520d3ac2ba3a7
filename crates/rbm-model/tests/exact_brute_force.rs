//! Enumeration of one layer against a plain sum over all joint states, written from the definition and sharing no
//! function with what it tests.

use rbm_model::{
    Parameters,
    exact::{self, Gradient, WeightedRows},
};

/// A machine with deterministic parameters of about the given size.
fn machine(visible: usize, hidden: usize, size: f64) -> Parameters {
    let value = |at: usize| size * (1.7 + 2.3 * at as f64 + 0.31 * (at * at) as f64).sin();
    Parameters::new(
        (0..visible * hidden).map(value).collect(),
        (0..visible).map(|i| value(1000 + i)).collect(),
        (0..hidden).map(|j| value(2000 + j)).collect(),
    )
    .expect("the lengths fit")
}

const SHAPES: [(usize, usize); 6] = [(1, 1), (5, 3), (3, 5), (7, 4), (4, 7), (6, 6)];

fn bit(state: usize, unit: usize) -> f64 {
    (state >> unit & 1) as f64
}

/// `h W v + a v + b h` of a joint state.
fn negative_energy(machine: &Parameters, v: usize, h: usize) -> f64 {
    let mut sum = 0.0;
    for i in 0..machine.visible() {
        sum += machine.visible_bias()[i] * bit(v, i);
        for j in 0..machine.hidden() {
            sum += machine.weights()[j * machine.visible() + i] * bit(h, j) * bit(v, i);
        }
    }
    for j in 0..machine.hidden() {
        sum += machine.hidden_bias()[j] * bit(h, j);
    }
    sum
}

/// Joint probabilities `[2^visible][2^hidden]` and log Z.
fn joint(machine: &Parameters) -> (Vec<Vec<f64>>, f64) {
    let (visible, hidden) = (1 << machine.visible(), 1 << machine.hidden());
    let mut table: Vec<Vec<f64>> =
        (0..visible).map(|v| (0..hidden).map(|h| negative_energy(machine, v, h)).collect()).collect();
    let largest = table.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for entry in table.iter_mut().flatten() {
        *entry = (*entry - largest).exp();
        total += *entry;
    }
    for entry in table.iter_mut().flatten() {
        *entry /= total;
    }
    (table, largest + total.ln())
}

/// `E[h v']`, `E[v]`, `E[h]` where `v` has `law` and `h` follows it; the conditionals come from the joint table.
fn moments(machine: &Parameters, joint: &[Vec<f64>], law: &[f64]) -> Gradient {
    let (m, n) = (machine.visible(), machine.hidden());
    let mut sums = Gradient { weights: vec![0.0; m * n], visible_bias: vec![0.0; m], hidden_bias: vec![0.0; n] };
    for (v, row) in joint.iter().enumerate() {
        let marginal: f64 = row.iter().sum();
        for j in 0..n {
            let mean: f64 = row.iter().enumerate().map(|(h, p)| p / marginal * bit(h, j)).sum();
            sums.hidden_bias[j] += law[v] * mean;
            for i in 0..m {
                sums.weights[j * m + i] += law[v] * mean * bit(v, i);
            }
        }
        for i in 0..m {
            sums.visible_bias[i] += law[v] * bit(v, i);
        }
    }
    sums
}

/// One Gibbs step by the full transition matrix.
fn step(joint: &[Vec<f64>], law: &[f64]) -> Vec<f64> {
    let mut next = vec![0.0; law.len()];
    for (v, row) in joint.iter().enumerate() {
        let marginal: f64 = row.iter().sum();
        for h in 0..row.len() {
            let hidden_marginal: f64 = joint.iter().map(|row| row[h]).sum();
            for (next, target) in next.iter_mut().zip(joint) {
                *next += law[v] * row[h] / marginal * target[h] / hidden_marginal;
            }
        }
    }
    next
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "entry {at} is {found}, not {expected}");
    }
}

fn rows(visible: usize) -> WeightedRows {
    let values: Vec<f64> = (0..7 * visible).map(|at| f64::from(u8::from((at * at + at / 3) % 5 < 2))).collect();
    WeightedRows::new(visible, &values).expect("seven rows")
}

#[test]
fn log_partition_is_the_sum_over_joint_states() {
    for (visible, hidden) in SHAPES {
        for size in [0.0, 0.1, 1.0, 30.0] {
            let machine = machine(visible, hidden, size);
            let (_, expected) = joint(&machine);
            let found = exact::log_partition(&machine).expect("small");
            assert!((found - expected).abs() <= 1e-13 * expected.abs().max(10.0), "{found} is not {expected}");
        }
    }
}

#[test]
fn log_partition_of_enormous_parameters_neither_overflows_nor_vanishes() {
    for (visible, hidden) in SHAPES {
        for size in [100.0, 590.0, 700.0, -700.0, 1e5] {
            let machine = machine(visible, hidden, size);
            let (_, expected) = joint(&machine);
            let found = exact::log_partition(&machine).expect("small");
            assert!((found - expected).abs() <= 1e-12 * expected.abs().max(10.0), "{found} is not {expected}");
        }
    }
}

#[test]
fn wide_machines_of_any_size_agree_with_a_plain_sum_over_the_small_layer() {
    for size in [0.05, 1.0, 30.0, 59.0, 61.0] {
        let machine = machine(784, 9, size);
        let terms: Vec<f64> = (0..1_usize << 9)
            .map(|h| {
                let mut term: f64 = (0..9).map(|j| machine.hidden_bias()[j] * bit(h, j)).sum();
                for i in 0..784 {
                    let x: f64 = (0..9).map(|j| machine.weights()[j * 784 + i] * bit(h, j)).sum();
                    let x = x + machine.visible_bias()[i];
                    term += x.max(0.0) + (-x.abs()).exp().ln_1p();
                }
                term
            })
            .collect();
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let expected = largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln();
        let found = exact::log_partition(&machine).expect("small");
        assert!((found - expected).abs() <= 1e-13 * expected, "{found} is not {expected}");
        let swapped = exact::log_partition(&machine.transposed()).expect("small");
        assert_eq!(found.to_bits(), swapped.to_bits());
    }
}

#[test]
fn moments_and_laws_are_those_of_the_joint_table() {
    for (visible, hidden) in SHAPES {
        for size in [0.1, 1.0, 30.0] {
            let machine = machine(visible, hidden, size);
            let (joint, _) = joint(&machine);
            let law: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
            assert_close(&exact::visible_law(&machine).expect("small"), &law, 1e-12);
            let expected = moments(&machine, &joint, &law);
            let found = exact::moments(&machine).expect("small");
            assert_close(&found.weights, &expected.weights, 1e-12);
            assert_close(&found.visible, &expected.visible_bias, 1e-12);
            assert_close(&found.hidden, &expected.hidden_bias, 1e-12);
        }
    }
}

#[test]
fn moments_over_several_segments_are_those_of_a_plain_sum() {
    let machine = machine(12, 11, 0.5);
    let (joint, _) = joint(&machine);
    let law: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
    let expected = moments(&machine, &joint, &law);
    for found in [
        exact::moments(&machine).expect("small"),
        exact::moments_under(&machine, &exact::visible_law(&machine).expect("small")).expect("small"),
    ] {
        assert_close(&found.weights, &expected.weights, 1e-12);
        assert_close(&found.visible, &expected.visible_bias, 1e-12);
        assert_close(&found.hidden, &expected.hidden_bias, 1e-12);
    }
    let stepped = exact::kernel_step(&machine, &law).expect("small");
    assert_close(&stepped, &law, 1e-14);
}

#[test]
fn gradients_are_those_of_the_joint_table() {
    for (visible, hidden) in SHAPES {
        let machine = machine(visible, hidden, 1.0);
        let (joint, _) = joint(&machine);
        let rows = rows(visible);
        let start = rows.law().expect("0 and 1");
        let data = moments(&machine, &joint, &start);
        let law: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
        let expected = data.minus(&moments(&machine, &joint, &law));
        let found = exact::gradient(&machine, &rows).expect("small");
        assert!(found.minus(&expected).norm() < 1e-13);

        let mut after = start;
        for k in 1..=3 {
            let stepped = exact::kernel_step(&machine, &after).expect("small");
            after = step(&joint, &after);
            assert_close(&stepped, &after, 1e-14);
            let expected = data.minus(&moments(&machine, &joint, &after));
            let found = exact::expected_cd_gradient(&machine, &rows, k).expect("small");
            assert!(found.minus(&expected).norm() < 1e-13);
        }
    }
}

#[test]
fn gradient_is_the_slope_of_the_mean_log_likelihood() {
    let machine = machine(5, 4, 0.7);
    let rows = rows(5);
    let gradient: Vec<f64> = exact::gradient(&machine, &rows).expect("small").components().collect();
    let shifted = |component: usize, by: f64| {
        let mut all = [machine.weights(), machine.visible_bias(), machine.hidden_bias()].concat();
        all[component] += by;
        let machine = Parameters::new(all[..20].to_vec(), all[20..25].to_vec(), all[25..].to_vec()).expect("5 x 4");
        exact::mean_log_likelihood(&machine, &rows).expect("small")
    };
    for (component, &expected) in gradient.iter().enumerate() {
        let slope = (shifted(component, 1e-5) - shifted(component, -1e-5)) / 2e-5;
        assert!((slope - expected).abs() < 1e-9, "component {component}: {slope} is not {expected}");
    }
}

#[test]
fn second_eigenvalue_is_what_the_worst_law_keeps_in_one_step() {
    // At 12 a few states have all but 1e-20 of the law, and the slowest mode lies among the others.
    for (visible, hidden, size) in [(5, 3, 1.0), (3, 5, 1.0), (4, 4, 1.0), (4, 3, 12.0), (3, 4, 12.0)] {
        let machine = machine(visible, hidden, size);
        let (joint, _) = joint(&machine);
        let law: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
        // Power iteration on signed measures of total mass 0, by the full matrix.
        let mut signed: Vec<f64> = law.iter().enumerate().map(|(v, p)| p.sqrt() * (v as f64).sin()).collect();
        let mut ratio = 0.0;
        for _ in 0..2000 {
            let mass: f64 = signed.iter().sum();
            signed.iter_mut().zip(&law).for_each(|(x, p)| *x -= mass * p);
            let norm = |x: &[f64]| x.iter().zip(&law).map(|(x, p)| x * x / p).sum::<f64>().sqrt();
            let before = norm(&signed);
            signed.iter_mut().for_each(|x| *x /= before);
            signed = step(&joint, &signed);
            ratio = norm(&signed);
        }
        let found = exact::second_eigenvalue(&machine).expect("small");
        assert!((found - ratio).abs() < 1e-10, "{found} is not {ratio}");
    }
}

/// Weights like a chessboard, 30 in size: two patterns hold half of the law each, and a chain leaves one with
/// probability e^-30.
#[test]
fn second_eigenvalue_of_a_law_of_two_patterns_is_near_one() {
    let weights = (0..16).map(|at| if (at / 4 + at % 4) % 2 == 0 { 30.0 } else { -30.0 }).collect();
    let machine = Parameters::new(weights, vec![0.0; 4], vec![0.0; 4]).expect("4 x 4");
    let found = exact::second_eigenvalue(&machine).expect("small");
    assert!(found > 1.0 - 1e-9 && found <= 1.0, "{found}");
    let wide = Parameters::new(vec![400.0; 12], vec![0.0; 4], vec![0.0; 3]).expect("4 x 3");
    assert!(matches!(exact::second_eigenvalue(&wide), Err(rbm_model::Error::Underflow)));
}

#[test]
fn machines_too_large_to_enumerate_are_refused() {
    let machine = machine(33, 33, 0.1);
    let message = exact::log_partition(&machine).expect_err("33 units").to_string();
    assert!(message.contains("33") && message.contains("32"), "{message}");
    let table = self::machine(23, 23, 0.1);
    let message = exact::sample(&table, 1, 0).expect_err("a table of 2^23 states").to_string();
    assert!(message.contains("23") && message.contains("22"), "{message}");
    let wide = self::machine(26, 1, 0.1);
    let message = exact::visible_law(&wide).expect_err("a law of 2^26 states").to_string();
    assert!(message.contains("26") && message.contains("25"), "{message}");
    let joint = self::machine(14, 13, 0.1);
    let message = exact::expected_cd_gradient(&joint, &rows(14), 1).expect_err("27 units").to_string();
    assert!(message.contains("27") && message.contains("26") && message.contains("chains"), "{message}");
    assert!(exact::gradient(&joint, &rows(13)).is_err(), "13 columns do not fit 14 units");
}

#[test]
fn progress_tells_of_every_state_once() {
    use std::sync::atomic::{AtomicU64, Ordering};
    for hidden in [3, 9, 18] {
        let machine = machine(hidden + 1, hidden, 0.3);
        let told = AtomicU64::new(0);
        let tell = |more| {
            told.fetch_add(more, Ordering::Relaxed);
        };
        let found = exact::log_partition_with(&machine, &tell).expect("small");
        assert_eq!(told.load(Ordering::Relaxed), 1 << hidden);
        assert_eq!(found.to_bits(), exact::log_partition(&machine).expect("small").to_bits());
        told.store(0, Ordering::Relaxed);
        let (moments, log_z) = exact::moments_and_log_partition(&machine, &tell).expect("small");
        assert_eq!(told.load(Ordering::Relaxed), 2 << hidden);
        assert_eq!((moments, log_z), (exact::moments(&machine).expect("small"), found));
    }
}

/// Clocks of a busy machine: a factor of 20 either way. What it guards against is a scale that is off by the states.
#[test]
fn estimated_time_of_an_enumeration_is_about_the_time_it_takes() {
    let machine = machine(60, 21, 0.1);
    let estimated = exact::estimated_seconds(&machine).expect("21 units");
    let start = std::time::Instant::now();
    exact::log_partition(&machine).expect("21 units");
    let taken = start.elapsed().as_secs_f64();
    assert!(estimated < 20.0 * taken && taken < 20.0 * estimated, "estimated {estimated} s, taken {taken} s");
    assert!(exact::estimated_seconds(&self::machine(33, 33, 0.1)).is_err(), "33 units");
}

#[test]
fn laws_of_lopsided_machines_are_those_of_the_plain_step() {
    // Laws filled in pieces, summed from parts, and of a single state.
    for (visible, hidden) in [(15, 1), (1, 15), (14, 3), (3, 14)] {
        let machine = machine(visible, hidden, 1.0);
        let (joint, _) = joint(&machine);
        let start: Vec<f64> = (0..1 << visible).map(|v| f64::from(u8::from(v % 97 == 0))).collect();
        let total: f64 = start.iter().sum();
        let start: Vec<f64> = start.into_iter().map(|mass| mass / total).collect();
        let stepped = exact::kernel_step(&machine, &start).expect("small");
        assert_close(&stepped, &two_halves(&joint, &start), 1e-14);
    }
}

/// One Gibbs step, hidden law first: `2^(m+n+1)` operations.
fn two_halves(joint: &[Vec<f64>], law: &[f64]) -> Vec<f64> {
    let mut hidden = vec![0.0; joint[0].len()];
    let mut marginals = hidden.clone();
    for (row, mass) in joint.iter().zip(law) {
        let marginal: f64 = row.iter().sum();
        for (h, p) in row.iter().enumerate() {
            hidden[h] += mass * p / marginal;
            marginals[h] += p;
        }
    }
    joint
        .iter()
        .map(|row| row.iter().zip(&hidden).zip(&marginals).map(|((p, mass), total)| mass * p / total).sum())
        .collect()
}
