//! Each kernel that annealing and tempering are made of leaves its law where it is; a kernel broken on purpose does
//! not.

use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place, Precision, Replicas};
use rbm_ops::devices_for_tests;
use rbm_random::{Sequence, Stream};

const VISIBLE: usize = 5;
const CHAINS: usize = 40_000;

/// Machines far from uniform; `phase` makes different ones.
fn machine(hidden: usize, phase: f64) -> Parameters {
    let wave = |i: usize| 2.0 * (phase + 1.9 * i as f64).sin();
    Parameters::new(
        (0..VISIBLE * hidden).map(wave).collect(),
        (60..60 + VISIBLE).map(wave).collect(),
        (80..80 + hidden).map(wave).collect(),
    )
    .expect("sizes fit")
}

const BASE: [f64; VISIBLE] = [0.5, -1.0, 0.0, 1.5, -0.3];

fn unit(state: usize, i: usize) -> f64 {
    (state >> i & 1) as f64
}

/// `f_beta(v)` of every visible state, summed over the joint states of all hidden units from the definition of the
/// energies.
fn weights(start: Option<&Parameters>, base: &[f64], end: &Parameters, beta: f64) -> Vec<f64> {
    let sum_over_hidden = |machine: &Parameters, state: usize, scale: f64| -> f64 {
        (0..1_usize << machine.hidden())
            .map(|h| {
                let mut exponent = 0.0;
                for j in 0..machine.hidden() {
                    let mut input = machine.hidden_bias()[j];
                    for i in 0..VISIBLE {
                        input += machine.weights()[j * VISIBLE + i] * unit(state, i);
                    }
                    exponent += unit(h, j) * input * scale;
                }
                exponent.exp()
            })
            .sum()
    };
    (0..1 << VISIBLE)
        .map(|state| {
            let mut bias = 0.0;
            for (i, (start, end)) in base.iter().zip(end.visible_bias()).enumerate() {
                bias += unit(state, i) * ((1.0 - beta) * start + beta * end);
            }
            let start = start.map_or(1.0, |start| sum_over_hidden(start, state, 1.0 - beta));
            bias.exp() * start * sum_over_hidden(end, state, beta)
        })
        .collect()
}

fn normalised(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Independent states from a law, by inversion, `[count, visible]`.
fn draw(law: &[f64], count: usize, seed: u64) -> Vec<u8> {
    let mut draws = Sequence::new(seed, Stream::ExactSample, 0);
    let mut states = Vec::with_capacity(count * VISIBLE);
    for _ in 0..count {
        let mut left = draws.uniform();
        let state = law.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        let state = state.unwrap_or(law.len() - 1);
        states.extend((0..VISIBLE).map(|i| (state >> i & 1) as u8));
    }
    states
}

/// Pearson's statistic over states expected at least 5 times, the rest in one class, and its degrees of freedom.
fn chi_squared(states: &[u8], law: &[f64]) -> (f64, f64) {
    let mut counts = vec![0.0; law.len()];
    for row in states.chunks(VISIBLE) {
        counts[row.iter().enumerate().map(|(i, &x)| usize::from(x) << i).sum::<usize>()] += 1.0;
    }
    let n: f64 = counts.iter().sum();
    let (mut statistic, mut classes, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (&count, &p) in counts.iter().zip(law) {
        if n * p >= 5.0 {
            statistic += (count - n * p).powi(2) / (n * p);
            classes += 1.0;
        } else {
            rest = (rest.0 + count, rest.1 + n * p);
        }
    }
    if rest.1 > 0.0 {
        statistic += (rest.0 - rest.1).powi(2) / rest.1;
        classes += 1.0;
    }
    (statistic, classes - 1.0)
}

/// The bound that chi squared with `d` degrees of freedom passes with probability 1e-6 (Wilson and Hilferty 1931).
fn critical(d: f64) -> f64 {
    let z = 4.753; // of the normal law, one-sided 1e-6
    d * (1.0 - 2.0 / (9.0 * d) + z * (2.0 / (9.0 * d)).sqrt()).powi(3)
}

fn stays(states: &[u8], law: &[f64]) -> bool {
    let (statistic, freedom) = chi_squared(states, law);
    statistic < critical(freedom)
}

fn places() -> impl Iterator<Item = (String, Place)> {
    devices_for_tests().into_iter().flat_map(|(backend, device)| {
        let wide = backend.has_f64().then(|| (format!("{backend} f64"), Precision::F64));
        let all = [Some((format!("{backend} f32"), Precision::F32)), wide];
        all.into_iter().flatten().map(move |(name, precision)| (name, Place { device: device.clone(), precision }))
    })
}

#[test]
fn an_annealed_step_leaves_the_law_of_its_beta_and_no_other() {
    let (start, end) = (machine(3, 0.3), machine(4, 1.1));
    for (name, place) in places() {
        let from_independent = AnnealingPath::from_independent(&BASE, &end, &place).expect("they fit");
        let between = AnnealingPath::between(&start, &end, &place).expect("they fit");
        let base = start.visible_bias().to_vec();
        for (path, start, base) in [(from_independent, None, BASE.to_vec()), (between, Some(&start), base)] {
            for beta in [0.0, 0.35, 1.0] {
                let law = normalised(&weights(start, &base, &end, beta));
                let states = draw(&law, CHAINS, 5);
                let run = |at: f64, steps: usize| {
                    let mut chains =
                        AnnealedChains::at_states(&path, &states, 9, ChainStreams::ANNEAL).expect("they fit");
                    for _ in 0..steps {
                        chains = chains.step(&path, at);
                    }
                    chains.states().expect("a device that answers")
                };
                for steps in [1, 4, 16] {
                    assert!(stays(&run(beta, steps), &law), "{name}: beta {beta}, {steps} steps");
                }
                // Broken on purpose: the kernel of a neighbouring temperature.
                let other = if beta > 0.5 { beta - 0.25 } else { beta + 0.25 };
                assert!(!stays(&run(other, 4), &law), "{name}: beta {other} for {beta} went unnoticed");
            }
        }
    }
}

#[test]
fn log_ratios_are_those_of_the_definition() {
    let (start, end) = (machine(3, 0.3), machine(4, 1.1));
    let states: Vec<u8> = (0..1_usize << VISIBLE).flat_map(|s| (0..VISIBLE).map(move |i| (s >> i & 1) as u8)).collect();
    for (name, place) in places() {
        let independent = AnnealingPath::from_independent(&BASE, &end, &place).expect("they fit");
        let between = AnnealingPath::between(&start, &end, &place).expect("they fit");
        let base = start.visible_bias().to_vec();
        for (path, start, base) in [(independent, None, BASE.to_vec()), (between, Some(&start), base)] {
            for (from, to) in [(0.0, 1.0), (0.2, 0.3), (0.7, 0.4)] {
                let chains = AnnealedChains::at_states(&path, &states, 0, ChainStreams::ANNEAL).expect("they fit");
                let (_, found) = chains.log_ratio(&path, from, to).expect("a device that answers");
                let [low, high] = [from, to].map(|beta| weights(start, &base, &end, beta));
                for ((found, low), high) in found.iter().zip(low).zip(high) {
                    // Activations up to 15 in f32: half a unit in the last place each, of seven hidden units and the
                    // biases.
                    let bound = if place.precision == Precision::F32 { 1e-5 } else { 1e-13 };
                    let expected = high.ln() - low.ln();
                    assert!((found - expected).abs() < bound, "{name}: {found} {expected}");
                }
            }
            // ln sum f_0, where it is known.
            let total: f64 = weights(start, &base, &end, 0.0).iter().sum();
            if let Some(known) = path.log_partition_at_start() {
                assert!((known - total.ln()).abs() < 1e-12);
            }
            let ends: f64 = weights(start, &base, &end, 1.0).iter().sum();
            let alone = |machine: &Parameters| weights(None, &BASE, machine, 1.0).iter().sum::<f64>().ln();
            assert!((alone(&end) + path.log_idle_states()[1] - ends.ln()).abs() < 1e-12);
            if let Some(start) = start {
                assert!((alone(start) + path.log_idle_states()[0] - total.ln()).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn replicas_that_start_at_their_laws_stay_there() {
    let end = machine(4, 1.1);
    let betas = [0.0, 0.4, 0.7, 1.0];
    let laws = betas.map(|beta| normalised(&weights(None, &BASE, &end, beta)));
    let ladders = 20_000;
    let drawn: Vec<Vec<u8>> = laws.iter().zip(1..).map(|(law, seed)| draw(law, ladders, seed)).collect();
    let states: Vec<u8> = (0..ladders)
        .flat_map(|ladder| drawn.iter().flat_map(move |states| states[ladder * VISIBLE..][..VISIBLE].to_vec()))
        .collect();
    for (name, place) in places() {
        let path = AnnealingPath::from_independent(&BASE, &end, &place).expect("they fit");
        let mut replicas = Replicas::at_states(&path, &betas, &states, 3).expect("they fit");
        let mut accepted = [0; 3];
        for sweep in 1..=16 {
            let (next, rungs) = replicas.step(&path).expect("a device that answers");
            replicas = next;
            for (sum, count) in accepted.iter_mut().zip(&rungs.accepted) {
                *sum += count;
            }
            if [1, 4, 16].contains(&sweep) {
                for (at, law) in laws.iter().enumerate() {
                    let states = replicas.states_at(at).expect("a device that answers");
                    assert_eq!(states.len(), ladders * VISIBLE);
                    assert!(stays(&states, law), "{name}: temperature {at} after {sweep} sweeps");
                }
            }
        }
        assert!(accepted.iter().all(|&count| count > 0), "{name}: {accepted:?}");
        // Broken on purpose: the replicas of a machine with slightly smaller weights.
        let other = AnnealingPath::from_independent(&BASE, &smaller(&end), &place).expect("they fit");
        let mut replicas = Replicas::at_states(&other, &betas, &states, 3).expect("they fit");
        for _ in 0..4 {
            replicas = replicas.step(&other).expect("a device that answers").0;
        }
        assert!(!stays(&replicas.states_at(3).expect("a device that answers"), &laws[3]), "{name}: went unnoticed");
    }
}

fn smaller(machine: &Parameters) -> Parameters {
    let weights = machine.weights().iter().map(|weight| 0.9 * weight).collect();
    Parameters::new(weights, machine.visible_bias().to_vec(), machine.hidden_bias().to_vec()).expect("sizes fit")
}

/// An exchange that compares `beta F` in place of `F_beta`, as for laws `exp(-beta F)`, moves the laws.
#[test]
fn the_exchange_of_other_laws_would_be_caught() {
    let end = machine(4, 1.1);
    let betas = [0.4, 1.0];
    let [low, high] = betas.map(|beta| weights(None, &BASE, &end, beta));
    let laws = [normalised(&low), normalised(&high)];
    let (a, b) = (draw(&laws[0], CHAINS, 1), draw(&laws[1], CHAINS, 2));
    let index = |row: &[u8]| row.iter().enumerate().map(|(i, &x)| usize::from(x) << i).sum::<usize>();
    let after = |log_weight: &dyn Fn(usize, usize) -> f64| {
        let mut draws = Sequence::new(1, Stream::TemperingSwap, 0);
        let mut upper = Vec::new();
        for (v, w) in a.chunks(VISIBLE).zip(b.chunks(VISIBLE)) {
            let (s, t) = (index(v), index(w));
            let change = log_weight(0, t) + log_weight(1, s) - log_weight(0, s) - log_weight(1, t);
            upper.extend_from_slice(if draws.uniform().ln() < change { v } else { w });
        }
        upper
    };
    let right = |law: usize, state: usize| [&low, &high][law][state].ln();
    let wrong = |law: usize, state: usize| betas[law] * high[state].ln();
    assert!(stays(&after(&right), &laws[1]));
    assert!(!stays(&after(&wrong), &laws[1]));
}
