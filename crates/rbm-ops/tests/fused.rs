//! Fused kernels against sums in f64, against themselves on other instruction sets and with other numbers of threads.

use std::process::Command;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_ops::{Draw, FusedBatch, FusedMachine, FusedStep, ISA_VARIABLE, Isa, PackedStates, Stream, open};

/// Relative rounding of f32.
const ROUNDING: f64 = 1.0 / 16_777_216.0;
/// Error of a probability in f32: an exponential errs by at most 4 roundings, sum and quotient by one each.
const OF_A_PROBABILITY: f64 = 6.0 * ROUNDING;

/// Visible units, hidden units, rows, chains: tiles that are whole, short by one, and one over; lists and tables.
const SIZES: [(usize, usize, usize, usize); 10] = [
    (1, 1, 1, 1),
    (5, 3, 7, 4),
    (16, 16, 16, 16),
    (17, 15, 33, 31),
    (33, 130, 5, 100),
    (64, 64, 64, 1),
    (784, 16, 100, 100),
    (410, 70, 12, 9),
    (130, 33, 300, 400),
    (400, 300, 60, 50), // large enough that threads share every phase
];

fn sequence(seed: u64) -> impl FnMut() -> f64 {
    let mut numbers = rbm_random::Sequence::new(seed, Stream::Initialization, 0);
    move || numbers.uniform()
}

/// A machine whose numbers lie in f32.
#[derive(Clone)]
struct Parameters {
    visible: usize,
    hidden: usize,
    weights: Vec<f32>,
    visible_bias: Vec<f32>,
    hidden_bias: Vec<f32>,
}

impl Parameters {
    fn random(visible: usize, hidden: usize, seed: u64) -> Self {
        let mut draw = sequence(seed);
        let mut numbers = |count: usize, size: f64| -> Vec<f32> {
            (0..count).map(|_| (size * (2.0 * draw() - 1.0)) as f32).collect()
        };
        let size = 3.0 / (visible.max(hidden) as f64).sqrt();
        Self {
            visible,
            hidden,
            weights: numbers(visible * hidden, size),
            visible_bias: numbers(visible, 1.0),
            hidden_bias: numbers(hidden, 1.0),
        }
    }

    fn machine(&self) -> FusedMachine {
        let device = device();
        let tensor = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), (&device, DType::F32))
        };
        FusedMachine::new([
            &tensor(&self.weights, [self.hidden, self.visible]),
            &tensor(&self.visible_bias, [1, self.visible]),
            &tensor(&self.hidden_bias, [1, self.hidden]),
        ])
    }

    fn of(machine: &FusedMachine) -> Self {
        let [weights, visible_bias, hidden_bias] = machine.tensors();
        let [hidden, visible] = weights.dims();
        let values = |tensor: Tensor<2>| tensor.into_data().try_into_vec::<f32>().expect("f32");
        Self {
            visible,
            hidden,
            weights: values(weights),
            visible_bias: values(visible_bias),
            hidden_bias: values(hidden_bias),
        }
    }

    /// Activation of each hidden unit, and a bound on its error in f32: the roundings of a sum of so many terms (Higham
    /// 2002, equation 4.4).
    fn hidden_activations(&self, visible: &[bool]) -> Vec<(f64, f64)> {
        let unit = |hidden: usize| {
            let terms =
                (0..self.visible).filter(|&i| visible[i]).map(|i| f64::from(self.weights[hidden * self.visible + i]));
            sum(terms.chain([f64::from(self.hidden_bias[hidden])]))
        };
        (0..self.hidden).map(unit).collect()
    }

    fn visible_activations(&self, hidden: &[bool]) -> Vec<(f64, f64)> {
        let unit = |visible: usize| {
            let terms =
                (0..self.hidden).filter(|&j| hidden[j]).map(|j| f64::from(self.weights[j * self.visible + visible]));
            sum(terms.chain([f64::from(self.visible_bias[visible])]))
        };
        (0..self.visible).map(unit).collect()
    }
}

fn sum(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut total, mut sizes, mut count) = (0.0, 0.0, 0.0);
    for term in terms {
        total += term;
        sizes += term.abs();
        count += 1.0;
    }
    (total, count * ROUNDING * sizes)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn device() -> Device {
    open(rbm_ops::BackendName::Flex).expect("built in")
}

/// States of which the share `density` is one, and some units never.
fn random_states(rows: usize, units: usize, density: f64, seed: u64) -> PackedStates {
    let mut draw = sequence(seed);
    let values: Vec<f32> =
        (0..rows * units).map(|at| if draw() < density && at % units % 7 != 3 { 1.0 } else { 0.0 }).collect();
    PackedStates::pack(units, &values)
}

fn bools(states: &PackedStates) -> Vec<Vec<bool>> {
    states.unpack().chunks(states.units()).map(|row| row.iter().map(|&x| x == 1.0).collect()).collect()
}

/// The states that the draws give, and whether rounding could have made one of them another.
fn draw(activations: &[(f64, f64)], at: Draw) -> (Vec<bool>, Vec<bool>) {
    let unit = |(unit, &(activation, error)): (usize, &(f64, f64))| {
        let (p, u) = (sigmoid(activation), f64::from(at.uniform(unit as u32)));
        (u < p, (u - p).abs() <= error / 4.0 + OF_A_PROBABILITY)
    };
    activations.iter().enumerate().map(unit).unzip()
}

fn draws(step: u64) -> (Draw, Draw) {
    let at = |stream| Draw { seed: 77, stream, step, row: 0 };
    (at(Stream::TrainHidden), at(Stream::TrainVisible))
}

/// Checks a Gibbs step, from given visible states to the states at its end.
fn check_gibbs_step(p: &Parameters, from: &PackedStates, to: &PackedStates, step: u64) {
    let (hidden_draw, visible_draw) = draws(step);
    let (mut left_out, mut differing) = (0, 0);
    for (row, (from, to)) in bools(from).iter().zip(bools(to)).enumerate() {
        let (hidden, uncertain) = draw(&p.hidden_activations(from), hidden_draw.at_row(row as u32));
        if uncertain.contains(&true) {
            left_out += 1;
            continue;
        }
        let (visible, uncertain) = draw(&p.visible_activations(&hidden), visible_draw.at_row(row as u32));
        for unit in 0..p.visible {
            assert!(visible[unit] == to[unit] || uncertain[unit], "row {row}, unit {unit}");
            differing += usize::from(visible[unit] != to[unit]);
        }
    }
    // A draw is uncertain with a probability of twice the bound above: at 300 sums of 400 terms that is a row in ten.
    assert!(left_out <= 2 + from.rows() / 4 && differing <= 1, "{left_out} rows left out, {differing} states differ");
}

#[test]
fn gibbs_steps_are_those_of_sums_in_f64() {
    for (visible, hidden, rows, _) in SIZES {
        for density in [0.0, 0.1, 0.5, 1.0] {
            let p = Parameters::random(visible, hidden, 5);
            let mut machine = p.machine();
            let mut states = random_states(rows, visible, density, 6);
            for step in 0..3 {
                let before = states.clone();
                let (hidden_draw, visible_draw) = draws(step);
                machine.gibbs_steps(&mut states, 1, hidden_draw, visible_draw).expect("host");
                check_gibbs_step(&p, &before, &states, step);
            }
            let mut at_once = random_states(rows, visible, density, 6);
            let (hidden_draw, visible_draw) = draws(0);
            machine.gibbs_steps(&mut at_once, 3, hidden_draw, visible_draw).expect("host");
            assert!(at_once == states, "three steps at once are three steps");
        }
    }
}

/// Gradient of the mean statistics, in f64: weights, visible bias, hidden bias.
fn gradient(p: &Parameters, data: &PackedStates, chains: &PackedStates) -> [Vec<f64>; 3] {
    let mut parts = [vec![0.0; p.weights.len()], vec![0.0; p.visible], vec![0.0; p.hidden]];
    for (states, sign) in [(data, 1.0), (chains, -1.0)] {
        let weight = sign / states.rows() as f64;
        for visible in bools(states) {
            for (j, (activation, _)) in p.hidden_activations(&visible).into_iter().enumerate() {
                let mean = weight * sigmoid(activation);
                parts[2][j] += mean;
                (0..p.visible).filter(|&i| visible[i]).for_each(|i| parts[0][j * p.visible + i] += mean);
            }
            (0..p.visible).filter(|&i| visible[i]).for_each(|i| parts[1][i] += weight);
        }
    }
    parts
}

const STEP: FusedStep = FusedStep { seed: 77, gibbs_step: 0, k: 1, rate: 1.0, momentum: 0.0, decay: 0.0, norm: true };

/// Largest distance of what a step added from `update`, in parts of the largest update, and of a parameter's rounding.
fn check_update(before: &Parameters, after: &Parameters, update: &[Vec<f64>; 3], what: &str) {
    let pairs = [
        (&before.weights, &after.weights),
        (&before.visible_bias, &after.visible_bias),
        (&before.hidden_bias, &after.hidden_bias),
    ];
    for ((before, after), update) in pairs.into_iter().zip(update) {
        let (mut difference, mut size, mut roundings) = (0.0, 0.0, 0.0);
        for ((&before, &after), &update) in before.iter().zip(after).zip(update) {
            let moved = f64::from(after) - f64::from(before);
            difference += (moved - update) * (moved - update);
            size += update * update;
            // The parameter itself is rounded once, its update a few times.
            roundings += (2.0 * ROUNDING * f64::from(after.abs().max(before.abs()))).powi(2);
        }
        assert!(
            difference.sqrt() <= 1e-5 * size.sqrt() + roundings.sqrt(),
            "{what}: {:e} of {:e}",
            difference.sqrt(),
            size.sqrt()
        );
    }
}

#[test]
fn a_step_moves_by_the_gradient_in_f64() {
    for (visible, hidden, rows, chain_rows) in SIZES {
        for (density, persistent) in [(0.1, false), (0.5, false), (0.1, true), (0.5, true)] {
            let p = Parameters::random(visible, hidden, 8);
            let mut machine = p.machine();
            let data = random_states(rows, visible, density, 9);
            let mut chains = random_states(if persistent { chain_rows } else { rows }, visible, density, 10);
            if persistent {
                let before = chains.clone();
                let mut own = machine.chains(chains);
                machine.step(FusedBatch::States(&data), Some(&mut own), &STEP);
                chains = machine.chain_states(&own).expect("host");
                check_gibbs_step(&p, &before, &chains, 0);
            } else {
                chains = data.clone();
                let (hidden_draw, visible_draw) = draws(0);
                p.machine().gibbs_steps(&mut chains, 1, hidden_draw, visible_draw).expect("host");
                check_gibbs_step(&p, &data, &chains, 0);
                machine.step(FusedBatch::States(&data), None, &STEP);
            }
            let expected = gradient(&p, &data, &chains);
            let what = format!("{visible} x {hidden}, {rows} rows, {} chains", chains.rows());
            check_update(&p, &Parameters::of(&machine), &expected, &what);
            let norm = expected.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
            let found = machine.gradient_norm().expect("host");
            assert!((found - norm).abs() <= 1e-5 * norm, "{what}: {found} {norm}");
            assert_eq!(machine.diverged(), Ok(None));
        }
    }
}

#[test]
fn momentum_and_decay_follow_their_definition() {
    let p = Parameters::random(40, 21, 3);
    let mut machine = p.machine();
    let step = FusedStep { rate: 0.3, momentum: 0.6, decay: 0.05, norm: false, ..STEP };
    let data = random_states(30, 40, 0.3, 4);
    let mut last: Option<[Vec<f64>; 3]> = None;
    let mut before = p;
    for number in 0..4 {
        let step = FusedStep { gibbs_step: number, ..step };
        let mut chains = data.clone();
        let (hidden_draw, visible_draw) = draws(number);
        before.machine().gibbs_steps(&mut chains, 1, hidden_draw, visible_draw).expect("host");
        let mut update = gradient(&before, &data, &chains);
        update[0].iter_mut().zip(&before.weights).for_each(|(g, &w)| *g -= f64::from(step.decay) * f64::from(w));
        for (part, gradients) in update.iter_mut().enumerate() {
            for (at, g) in gradients.iter_mut().enumerate() {
                let last = last.as_ref().map_or(0.0, |last| last[part][at]);
                *g = f64::from(step.momentum) * last + f64::from(step.rate) * *g;
            }
        }
        machine.step(FusedBatch::States(&data), None, &step);
        let after = Parameters::of(&machine);
        check_update(&before, &after, &update, &format!("step {number}"));
        let kept = machine.last_update().expect("momentum keeps it");
        last = Some(kept.map(|part| part.into_data().convert::<f64>().try_into_vec().expect("converted")));
        before = after;
    }
    machine.step(FusedBatch::States(&data), None, &FusedStep { momentum: 0.0, ..step });
    assert!(machine.last_update().is_none(), "without momentum nothing is kept");
}

#[test]
fn packed_uniform_states_are_bernoulli_states_at_one_half() {
    for (rows, units) in [(1, 1), (3, 31), (5, 32), (7, 33), (20, 784)] {
        let (at, _) = draws(9);
        let at = at.at_row(4);
        let half = Tensor::<2>::full([rows, units], 0.5, (&device(), DType::F32));
        let states = rbm_ops::bernoulli(half, at).into_data().try_into_vec::<f32>().expect("f32");
        assert!(PackedStates::uniform(rows, units, at) == PackedStates::pack(units, &states), "{rows} x {units}");
    }
}

#[test]
fn a_centred_step_moves_by_the_centred_gradient_in_f64() {
    for (visible, hidden, rows, chain_rows) in SIZES {
        for (momentum, norm) in [(0.0, true), (0.0, false), (0.5, true)] {
            let p = Parameters::random(visible, hidden, 8);
            let mut machine = p.machine();
            let data = random_states(rows, visible, 0.3, 9);
            let mut draw = sequence(31);
            let mut offsets = |count: usize| -> Vec<f32> { (0..count).map(|_| draw() as f32).collect() };
            let (mu, la) = (offsets(visible), offsets(hidden));
            let row = |values: &[f32]| {
                Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, values.len()]), (&device(), DType::F32))
            };
            let rate = 0.25;
            machine.centre([&row(&mu), &row(&la)], rate);
            let mut own = machine.chains(random_states(chain_rows, visible, 0.5, 10));
            machine.step(FusedBatch::States(&data), Some(&mut own), &FusedStep { momentum, norm, ..STEP });
            let chains = machine.chain_states(&own).expect("host");

            // The offsets moved before they were used.
            let (mut of_data, share) = ([vec![0.0; visible], vec![0.0; hidden]], 1.0 / data.rows() as f64);
            for states in bools(&data) {
                of_data[0].iter_mut().zip(&states).for_each(|(mean, &on)| *mean += if on { share } else { 0.0 });
                let activations = p.hidden_activations(&states);
                of_data[1].iter_mut().zip(activations).for_each(|(mean, (x, _))| *mean += share * sigmoid(x));
            }
            let moved = |old: &[f32], means: &[f64]| -> Vec<f64> {
                old.iter().zip(means).map(|(&old, mean)| 0.75 * f64::from(old) + 0.25 * mean).collect()
            };
            let (mu, la) = (moved(&mu, &of_data[0]), moved(&la, &of_data[1]));
            let found = machine.offsets().expect("centred");
            for (found, expected) in found.into_iter().zip([&mu, &la]) {
                let found = found.into_data().try_into_vec::<f32>().expect("f32");
                for (found, expected) in found.into_iter().zip(expected) {
                    // A mean of probabilities, each with its own error, and the sum of so many of them.
                    let bound = OF_A_PROBABILITY + 1e-5 + rows as f64 * ROUNDING;
                    assert!((f64::from(found) - expected).abs() <= bound, "{found} {expected}");
                }
            }
            let mut expected = gradient(&p, &data, &chains);
            for j in 0..hidden {
                for i in 0..visible {
                    expected[0][j * visible + i] -= expected[2][j] * mu[i] + la[j] * expected[1][i];
                }
            }
            for j in 0..hidden {
                for i in 0..visible {
                    let product = expected[0][j * visible + i];
                    expected[1][i] -= product * la[j];
                    expected[2][j] -= product * mu[i];
                }
            }
            let what = format!("{visible} x {hidden}, {rows} rows, {} chains", chains.rows());
            check_update(&p, &Parameters::of(&machine), &expected, &what);
            if norm {
                let norm = expected.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
                let found = machine.gradient_norm().expect("host");
                assert!((found - norm).abs() <= 1e-5 * norm, "{what}: {found} {norm}");
            }
        }
    }
}

#[test]
fn a_gradient_that_is_no_number_is_noticed() {
    let mut p = Parameters::random(20, 9, 1);
    p.weights[3 * 20] = f32::MAX;
    p.weights[3 * 20 + 1] = f32::MAX;
    p.weights[3 * 20 + 2] = f32::NEG_INFINITY;
    let mut machine = p.machine();
    let data = PackedStates::pack(20, &[1.0; 20]);
    machine.step(FusedBatch::States(&data), None, &STEP);
    assert_eq!(machine.diverged(), Ok(Some(0)), "the last step");
}

/// What a few steps of several machines end at, as a number.
fn fingerprint() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a
    for (visible, hidden, rows, chain_rows) in SIZES {
        for density in [0.1, 0.5] {
            let mut machine = Parameters::random(visible, hidden, 2).machine();
            let mut chains = machine.chains(random_states(chain_rows, visible, 0.5, 12));
            let mut centred = machine.clone();
            let offsets = |units| Tensor::<2>::full([1, units], 0.3, (&device(), DType::F32));
            centred.centre([&offsets(visible), &offsets(hidden)], 0.1);
            for step in 0..6 {
                let data = random_states(rows, visible, density, 20 + step);
                let momentum = if step > 3 { 0.5 } else { 0.0 };
                let step = FusedStep {
                    gibbs_step: 3 * step,
                    k: 1 + step as u32 % 3,
                    rate: 0.1,
                    momentum,
                    decay: 1e-3,
                    ..STEP
                };
                let persistent = (hidden % 2 == 0).then_some(&mut chains);
                machine.step(FusedBatch::States(&data), persistent, &step);
                centred.step(FusedBatch::States(&data), None, &step);
            }
            let p = Parameters::of(&machine);
            let c = Parameters::of(&centred);
            let states = machine.chain_states(&chains).expect("host");
            let norm = machine.gradient_norm().expect("host");
            let floats = p.weights.iter().chain(&p.visible_bias).chain(&p.hidden_bias);
            let floats = floats.chain(&c.weights).chain(&c.visible_bias).chain(&c.hidden_bias).map(|x| x.to_bits());
            for word in floats.chain(states.words().iter().copied()).chain([norm.to_bits() as u32]) {
                hash = (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(fingerprint)
    };
    let alone = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), alone, "{threads} threads");
    }
}

/// The variable under which the test below runs itself.
const CHILD: &str = "RBM_FUSED_TEST_CHILD";

#[test]
fn every_instruction_set_gives_the_same_bits() {
    if std::env::var_os(CHILD).is_some() {
        println!("{} {:016x}", Isa::current(), fingerprint());
        return;
    }
    let mut seen = Vec::new();
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
        let output = Command::new(std::env::current_exe().expect("a path"))
            .args(["every_instruction_set_gives_the_same_bits", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env(ISA_VARIABLE, isa.word())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let line =
            text.lines().find_map(|line| line.split_once(&format!("{isa} "))).expect("a fingerprint").1.to_owned();
        assert!(output.status.success() && line.len() >= 16, "{text}");
        seen.push((isa, line[..16].to_owned()));
    }
    assert!(seen.iter().all(|(_, fingerprint)| *fingerprint == seen[0].1), "{seen:?}");
    assert_eq!(seen[0].0, Isa::Portable);
}
