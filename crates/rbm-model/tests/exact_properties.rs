//! What must hold for every machine: invariances, data processing, exact samples, the same bits for any threads.
//!
//! Tolerances: an energy here has at most 48 terms of size 4, an error of at most 48 x 192 x 2^-53 = 1e-12; log Z adds at
//! most as much for its sum over 64 states: 1e-11 holds it with room. A probability errs by twice that
//! of itself at most, so that two laws are within 1e-12 of each other in total variation.

use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use rbm_model::{
    Parameters,
    exact::{self, WeightedRows},
};

fn machines() -> impl Strategy<Value = Parameters> {
    (1..7_usize, 1..7_usize, 0.01..4.0_f64).prop_flat_map(|(visible, hidden, size)| {
        let values = |count| prop::collection::vec(-size..size, count);
        (values(visible * hidden), values(visible), values(hidden))
            .prop_map(|(weights, visible, hidden)| Parameters::new(weights, visible, hidden).expect("the lengths fit"))
    })
}

fn log_z(machine: &Parameters) -> f64 {
    exact::log_partition(machine).expect("small")
}

proptest! {
    #[test]
    fn permuting_hidden_units_changes_no_probability(machine in machines(), by in 1..6_usize) {
        let order: Vec<usize> = (0..machine.hidden()).map(|j| (j + by) % machine.hidden()).collect();
        let weights = order.iter().flat_map(|&j| machine.weights_of(j).to_vec()).collect();
        let hidden_bias = order.iter().map(|&j| machine.hidden_bias()[j]).collect();
        let permuted = Parameters::new(weights, machine.visible_bias().to_vec(), hidden_bias).expect("same lengths");
        prop_assert!((log_z(&permuted) - log_z(&machine)).abs() < 1e-11);
        let (a, b) = (exact::visible_law(&machine).expect("small"), exact::visible_law(&permuted).expect("small"));
        prop_assert!(exact::total_variation(&a, &b) < 1e-12);
    }

    #[test]
    fn flipping_a_visible_unit_with_its_weights_flips_its_states(machine in machines(), unit in 0..6_usize) {
        let unit = unit % machine.visible();
        let (mut weights, mut visible_bias) = (machine.weights().to_vec(), machine.visible_bias().to_vec());
        let mut hidden_bias = machine.hidden_bias().to_vec();
        for (j, bias) in hidden_bias.iter_mut().enumerate() {
            *bias += machine.weights_of(j)[unit];
            weights[j * machine.visible() + unit] *= -1.0;
        }
        let constant = visible_bias[unit];
        visible_bias[unit] *= -1.0;
        let flipped = Parameters::new(weights, visible_bias, hidden_bias).expect("same lengths");
        prop_assert!((log_z(&flipped) + constant - log_z(&machine)).abs() < 1e-11);
        let (a, b) = (exact::visible_law(&machine).expect("small"), exact::visible_law(&flipped).expect("small"));
        for (state, p) in a.iter().enumerate() {
            prop_assert!((p - b[state ^ (1 << unit)]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_lone_unit_shifts_log_z_by_its_own_softplus(machine in machines(), bias in -5.0..5.0_f64) {
        let mut weights = machine.weights().to_vec();
        weights.extend(vec![0.0; machine.visible()]);
        let hidden_bias = [machine.hidden_bias(), &[bias]].concat();
        let larger = Parameters::new(weights, machine.visible_bias().to_vec(), hidden_bias).expect("one more unit");
        prop_assert!((log_z(&larger) - log_z(&machine) - bias.exp().ln_1p()).abs() < 1e-11);
        let (a, b) = (exact::visible_law(&machine).expect("small"), exact::visible_law(&larger).expect("small"));
        prop_assert!(exact::total_variation(&a, &b) < 1e-12);
    }

    #[test]
    fn model_law_is_stationary(machine in machines()) {
        let law = exact::visible_law(&machine).expect("small");
        prop_assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let after = exact::kernel_step(&machine, &law).expect("small");
        prop_assert!(exact::total_variation(&after, &law) < 1e-12);
    }

    #[test]
    fn divergences_from_the_model_never_rise_with_k(machine in machines(), start in 0..64_usize) {
        let model = exact::visible_law(&machine).expect("small");
        let mut law = vec![0.0; model.len()];
        law[start % model.len()] = 1.0;
        let distances = [exact::total_variation, exact::kl_divergence, exact::chi_squared];
        let mut before = distances.map(|distance| distance(&law, &model));
        for _ in 0..12 {
            law = exact::kernel_step(&machine, &law).expect("small");
            let after = distances.map(|distance| distance(&law, &model));
            for (before, after) in before.iter().zip(after) {
                prop_assert!(after <= before * (1.0 + 1e-12) + 1e-12, "rose from {before} to {after}");
            }
            before = after;
        }
    }

    #[test]
    fn model_law_has_no_gradient(machine in machines()) {
        let law = exact::visible_law(&machine).expect("small");
        let states: Vec<f64> = (0..law.len())
            .flat_map(|state| (0..machine.visible()).map(move |unit| (state >> unit & 1) as f64))
            .collect();
        let rows = WeightedRows::weighted(machine.visible(), &states, &law).expect("a law");
        prop_assert!(exact::gradient(&machine, &rows).expect("small").norm() < 1e-11);
        prop_assert!(exact::expected_cd_gradient(&machine, &rows, 2).expect("small").norm() < 1e-11);
    }
}

fn wide(visible: usize, hidden: usize) -> Parameters {
    let value = |at: usize| 0.8 * (0.3 + 1.9 * at as f64).sin();
    Parameters::new(
        (0..visible * hidden).map(value).collect(),
        (0..visible).map(|i| value(7 * i + 3)).collect(),
        (0..hidden).map(|j| value(5 * j + 1)).collect(),
    )
    .expect("the lengths fit")
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let machine = wide(40, 14);
    let joint = wide(13, 12);
    let rows = WeightedRows::new(13, &[1.0; 13]).expect("one row");
    let all = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of a few threads");
        pool.install(|| {
            (
                log_z(&machine).to_bits(),
                exact::moments(&machine).expect("small"),
                exact::expected_cd_gradient(&joint, &rows, 2).expect("small"),
                exact::second_eigenvalue(&joint).expect("small").to_bits(),
                exact::sample(&machine, 100, 3).expect("small"),
            )
        })
    };
    let one = all(1);
    assert_eq!(one, all(2));
    assert_eq!(one, all(5));
}

/// Chi-squared at level 1e-6 (fixed seeds, so that it either always passes or never): 31 degrees of freedom, 90.6.
#[test]
fn exact_samples_have_the_models_law() {
    const ROWS: usize = 100_000;
    const CRITICAL: f64 = 90.6;
    for machine in [wide(5, 3), wide(5, 8)] {
        let law = exact::visible_law(&machine).expect("small");
        let samples = exact::sample(&machine, ROWS, 11).expect("small");
        let mut counts = vec![0.0; law.len()];
        for row in samples.chunks_exact(5) {
            counts[row.iter().rev().fold(0, |state, &unit| 2 * state + usize::from(unit))] += 1.0;
        }
        let statistic: f64 = law
            .iter()
            .zip(&counts)
            .map(|(p, count)| {
                let expected = p * ROWS as f64;
                assert!(expected > 5.0, "the approximation needs larger cells");
                (count - expected) * (count - expected) / expected
            })
            .sum();
        assert!(statistic < CRITICAL, "{statistic}");
    }
}

#[test]
fn a_sample_depends_on_its_row_and_not_on_their_number() {
    let machine = wide(30, 6);
    let few = exact::sample(&machine, 10, 5).expect("small");
    let many = exact::sample(&machine, 1000, 5).expect("small");
    assert_eq!(few, many[..few.len()]);
    assert_ne!(few, exact::sample(&machine, 10, 6).expect("small"));
}

#[test]
fn samples_of_a_machine_with_one_possible_state_are_that_state() {
    let machine = Parameters::new(vec![0.0; 12], vec![700.0, -700.0, 700.0, -700.0], vec![700.0; 3]).expect("4 x 3");
    for row in exact::sample(&machine, 1000, 0).expect("small").chunks_exact(4) {
        assert_eq!(row, [1, 0, 1, 0]);
    }
}
