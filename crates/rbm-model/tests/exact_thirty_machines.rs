//! Thirty random machines against a sum over all joint states, written from the definition and sharing no function with
//! what it tests.
//!
//! Parameters are multiples of 2^-20 of size at most 30, so that energies, sums of at most 120 of them, are whole
//! multiples of 2^-20 below 2^12: exact in f64. The reference errs by half a unit in the last place of each exponential
//! and quotient, its sums are compensated (Neumaier 1974), and a step of the kernel passes on relative errors of some
//! 2^-52 x 4: after 5 steps its probabilities are within 5e-15 of themselves. What is left of the tolerances belongs to
//! the code.

use rbm_model::{
    Parameters,
    exact::{self, Gradient, KernelWalk, WeightedRows},
};
use rbm_random::{Sequence, Stream};

/// Relative.
const LOG_Z: f64 = 1e-10;
/// Absolute, of each moment and each component of a gradient.
const MOMENT: f64 = 1e-12;

/// Visible and hidden units.
const SHAPES: [(usize, usize); 15] = [
    (1, 1),
    (1, 6),
    (6, 1),
    (2, 3),
    (4, 4),
    (7, 5),
    (5, 9),
    (8, 8),
    (12, 4),
    (3, 13),
    (15, 1),
    (1, 15),
    (10, 8),
    (17, 2),
    (2, 17),
];
/// Each shape in two of these sizes.
const SIZES: [f64; 6] = [30.0, 0.01, 3.0, 30.0, 0.3, 10.0];
const STEPS: [u32; 3] = [1, 2, 5];
const ROWS: usize = 9;

/// A sum with the errors of its additions kept apart.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    error: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.error += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.error
    }

    fn of(values: impl Iterator<Item = f64>) -> f64 {
        let mut sum = Self::default();
        values.for_each(|x| sum.add(x));
        sum.value()
    }
}

fn on(state: usize, unit: usize) -> bool {
    state >> unit & 1 == 1
}

/// Everything by joint states.
struct Brute {
    visible: usize,
    hidden: usize,
    /// `h W v + a v + b h`, `[2^visible][2^hidden]`.
    score: Vec<Vec<f64>>,
}

impl Brute {
    fn new(machine: &Parameters) -> Self {
        let (visible, hidden) = (machine.visible(), machine.hidden());
        let score = (0..1 << visible)
            .map(|v| {
                let units = (0..visible).filter(|&i| on(v, i));
                let bias: f64 = units.clone().map(|i| machine.visible_bias()[i]).sum();
                let inputs: Vec<f64> = (0..hidden)
                    .map(|j| {
                        machine.hidden_bias()[j]
                            + units.clone().map(|i| machine.weights()[j * visible + i]).sum::<f64>()
                    })
                    .collect();
                (0..1_usize << hidden)
                    .map(|h| bias + (0..hidden).filter(|&j| on(h, j)).map(|j| inputs[j]).sum::<f64>())
                    .collect()
            })
            .collect();
        Self { visible, hidden, score }
    }

    fn log_z(&self) -> (f64, f64) {
        let largest = self.score.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        (largest, Sum::of(self.score.iter().flatten().map(|score| (score - largest).exp())))
    }

    /// The law of the visible layer.
    fn law(&self) -> Vec<f64> {
        let (largest, total) = self.log_z();
        self.score.iter().map(|row| Sum::of(row.iter().map(|score| (score - largest).exp())) / total).collect()
    }

    /// `P(h|v)` of one visible state, `[2^hidden]`.
    fn hidden_given(&self, v: usize) -> Vec<f64> {
        softmax(self.score[v].iter().copied())
    }

    /// One Gibbs step of a law over visible states.
    fn step(&self, law: &[f64]) -> Vec<f64> {
        let mut hidden = vec![Sum::default(); 1 << self.hidden];
        for (v, &mass) in law.iter().enumerate().filter(|(_, mass)| **mass != 0.0) {
            hidden.iter_mut().zip(self.hidden_given(v)).for_each(|(sum, p)| sum.add(mass * p));
        }
        let mut visible = vec![Sum::default(); 1 << self.visible];
        for (h, mass) in hidden.into_iter().enumerate().filter(|(_, mass)| mass.value() != 0.0) {
            let given = softmax(self.score.iter().map(|row| row[h]));
            visible.iter_mut().zip(given).for_each(|(sum, p)| sum.add(mass.value() * p));
        }
        visible.into_iter().map(Sum::value).collect()
    }

    /// `E[h v']`, `E[v]`, `E[h]` where the visible layer has `law`: weights row by row, visible, hidden.
    fn moments(&self, law: &[f64]) -> Vec<f64> {
        let (m, n) = (self.visible, self.hidden);
        let mut sums = vec![Sum::default(); m * n + m + n];
        for (v, &mass) in law.iter().enumerate().filter(|(_, mass)| **mass != 0.0) {
            let given = self.hidden_given(v);
            for i in (0..m).filter(|&i| on(v, i)) {
                sums[m * n + i].add(mass);
            }
            for j in 0..n {
                let mean = mass * Sum::of(given.iter().enumerate().filter(|(h, _)| on(*h, j)).map(|(_, p)| *p));
                sums[m * n + m + j].add(mean);
                for i in (0..m).filter(|&i| on(v, i)) {
                    sums[j * m + i].add(mean);
                }
            }
        }
        sums.into_iter().map(Sum::value).collect()
    }
}

fn softmax(scores: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.map(|score| (score - largest).exp()).collect();
    let total = Sum::of(weights.iter().copied());
    weights.into_iter().map(|weight| weight / total).collect()
}

fn machine(visible: usize, hidden: usize, size: f64, draws: &mut Sequence) -> Parameters {
    let steps = (size * f64::from(1 << 20)) as u64;
    let mut values = |count: usize| -> Vec<f64> {
        (0..count).map(|_| (draws.below(2 * steps + 1) as f64 - steps as f64) / f64::from(1 << 20)).collect()
    };
    let (weights, visible_bias, hidden_bias) = (values(visible * hidden), values(visible), values(hidden));
    Parameters::new(weights, visible_bias, hidden_bias).expect("the lengths fit")
}

#[track_caller]
fn assert_close(what: &str, found: impl Iterator<Item = f64>, expected: &[f64]) {
    let found: Vec<f64> = found.collect();
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= MOMENT, "{what}: component {at} is {found}, not {expected}: off by {error:e}");
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[test]
fn thirty_random_machines_agree_with_sums_over_joint_states() {
    let mut draws = Sequence::new(7, Stream::Initialization, 0);
    let mut checked = 0;
    for (at, &(visible, hidden)) in SHAPES.iter().chain(&SHAPES).enumerate() {
        // The second round of the shapes takes the sizes that the first left out.
        let size = SIZES[(at + at / SHAPES.len()) % SIZES.len()];
        let machine = machine(visible, hidden, size, &mut draws);
        let name = format!("{visible} x {hidden} of size {size}");
        let brute = Brute::new(&machine);
        let states: Vec<u64> = (0..ROWS).map(|_| draws.below(1 << visible)).collect();
        let rows: Vec<f64> =
            states.iter().flat_map(|state| (0..visible).map(move |i| (state >> i & 1) as f64)).collect();
        let rows = WeightedRows::new(visible, &rows).expect("rows");

        let (largest, total) = brute.log_z();
        let expected = largest + total.ln();
        let found = exact::log_partition(&machine).expect("small");
        assert!((found - expected).abs() <= LOG_Z * expected.abs(), "{name}: log Z is {found}, not {expected}");

        let law = brute.law();
        let model = brute.moments(&law);
        let found = exact::moments(&machine).expect("small");
        let found_law = exact::visible_law(&machine).expect("small");
        let found_under = exact::moments_under(&machine, &found_law).expect("small");
        for (what, found) in [("moments", found), ("moments under the law", found_under)] {
            let components = found.weights.into_iter().chain(found.visible).chain(found.hidden);
            assert_close(&format!("{name}: {what}"), components, &model);
        }
        assert_close(&format!("{name}: law"), found_law.into_iter(), &law);

        let mut chains = vec![0.0; 1 << visible];
        states.iter().for_each(|&state| chains[state as usize] += 1.0);
        chains.iter_mut().for_each(|mass| *mass /= ROWS as f64);
        let data = brute.moments(&chains);
        let found = exact::gradient(&machine, &rows).expect("small");
        assert_close(&format!("{name}: gradient"), found.components(), &difference(&data, &model));

        let data_moments = exact::data_moments(&machine, &rows).expect("they fit");
        let mut walk = KernelWalk::new(&machine, &rows).expect("small");
        for k in 1..=STEPS[STEPS.len() - 1] {
            chains = brute.step(&chains);
            if STEPS.contains(&k) {
                walk.go_to(k);
                let expected = difference(&data, &brute.moments(&chains));
                let found = Gradient::between(&data_moments, &walk.moments().expect("small"));
                assert_close(&format!("{name}: CD-{k}"), found.components(), &expected);
                let found = exact::expected_cd_gradient(&machine, &rows, k).expect("small");
                assert_close(&format!("{name}: CD-{k} at once"), found.components(), &expected);
            }
        }
        checked += 1;
    }
    assert_eq!(checked, 30);
}
