//! The figures of an independent program for machines with known parameters, and of training without noise.

use rbm_model::{
    Parameters,
    exact::{self, Gradient, WeightedRows},
};

/// All bars and all stripes of a 3x3 image; the empty and the full one come twice.
fn bars_and_stripes() -> WeightedRows {
    let mut rows = Vec::new();
    for pattern in 0..8_u32 {
        for along_rows in [false, true] {
            for pixel in 0..9 {
                let line = if along_rows { pixel / 3 } else { pixel % 3 };
                rows.push(f64::from(pattern >> line & 1));
            }
        }
    }
    WeightedRows::new(9, &rows).expect("16 rows of 9")
}

fn weights(hidden: usize, scale: f64) -> Vec<f64> {
    (0..hidden * 9)
        .map(|at| {
            let (i, j) = ((at % 9) as f64, (at / 9) as f64);
            scale * (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        })
        .collect()
}

fn oracle() -> Parameters {
    let visible_bias = (0..9).map(|i| 0.3 * f64::from(i).cos()).collect();
    let hidden_bias = (0..6).map(|j| -0.2 + 0.1 * (2.0 * f64::from(j)).sin()).collect();
    Parameters::new(weights(6, 1.0), visible_bias, hidden_bias).expect("9 x 6")
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} within {tolerance}");
}

#[test]
fn oracle_figures_hold_to_the_printed_digits() {
    let (machine, rows) = (oracle(), bars_and_stripes());
    assert_close(exact::log_partition(&machine).expect("small"), 12.029_062_952_012, 1e-12);
    assert_close(exact::mean_log_likelihood(&machine, &rows).expect("small"), -7.365_526_194_568, 1e-12);
    assert_close(exact::gradient(&machine, &rows).expect("small").norm(), 1.394_818_494_864, 1e-12);
    assert_close(exact::second_eigenvalue(&machine).expect("small"), 0.402_199_831_052, 1e-12);
}

#[test]
fn bias_of_contrastive_divergence_is_the_oracles() {
    let (machine, rows) = (oracle(), bars_and_stripes());
    let gradient = exact::gradient(&machine, &rows).expect("small");
    for (k, expected) in
        [(1, 4.730_534_135_1e-1), (2, 1.573_494_697_1e-1), (5, 5.690_815_362_9e-3), (10, 2.214_429_036_5e-5)]
    {
        let estimate = exact::expected_cd_gradient(&machine, &rows, k).expect("small");
        let bias = estimate.minus(&gradient).norm();
        assert_close(bias / expected, 1.0, 1e-8);
        if k == 1 {
            assert_close(bias / gradient.norm(), 0.3392, 5e-5);
            assert_close(estimate.dot(&gradient) / (estimate.norm() * gradient.norm()), 0.99567, 5e-6);
            assert!(estimate.components().zip(gradient.components()).all(|(a, b)| a * b >= 0.0), "a sign is wrong");
            let start = rows.law().expect("9 units");
            let after = exact::kernel_step(&machine, &start).expect("small");
            let model = exact::visible_law(&machine).expect("small");
            assert_close(exact::total_variation(&after, &model), 0.17745, 5e-6);
        }
    }
}

/// Plain gradient ascent at rate 0.5 from the known start; KL(data || model) after each of the given steps.
fn train(estimate: impl Fn(&Parameters, &WeightedRows) -> Gradient, steps: &[usize]) -> Vec<f64> {
    let rows = bars_and_stripes();
    let entropy: f64 = rows.iter().map(|(_, share)| -share * share.ln()).sum();
    let mut machine = Parameters::new(weights(4, 0.5), vec![0.0; 9], vec![0.0; 4]).expect("9 x 4");
    let mut found = Vec::new();
    for step in 0..=steps[steps.len() - 1] {
        if steps.contains(&step) {
            found.push(-entropy - exact::mean_log_likelihood(&machine, &rows).expect("small"));
        }
        let gradient = estimate(&machine, &rows);
        let ascend = |values: &[f64], by: &[f64]| values.iter().zip(by).map(|(x, g)| x + 0.5 * g).collect();
        machine = Parameters::new(
            ascend(machine.weights(), &gradient.weights),
            ascend(machine.visible_bias(), &gradient.visible_bias),
            ascend(machine.hidden_bias(), &gradient.hidden_bias),
        )
        .expect("9 x 4");
    }
    found
}

#[test]
fn training_on_the_exact_gradient_reaches_the_oracles_divergence() {
    let found = train(|machine, rows| exact::gradient(machine, rows).expect("small"), &[0, 3000]);
    assert_close(found[0], 3.673_470, 1e-4);
    assert_close(found[1], 0.715_718, 1e-4);
}

#[test]
fn training_on_expected_cd_1_diverges_as_the_oracle_does() {
    let found = train(|machine, rows| exact::expected_cd_gradient(machine, rows, 1).expect("small"), &[2000, 3000]);
    assert_close(found[0], 1.289_546, 1e-4);
    assert_close(found[1], 1.393_237, 1e-4);
}
