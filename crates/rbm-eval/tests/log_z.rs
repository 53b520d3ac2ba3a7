//! Estimates of log Z against brute force, with few temperatures where errors of order cannot hide.

use std::ops::ControlFlow;

use rbm_eval::log_z::{
    Annealing, Schedule, Tempering, Trajectory, Trust, anneal_down, anneal_up, annealed_importance_sampling,
    base_log_odds, forward_estimate, judge, log_z_difference, raise, reverse_annealed_importance_sampling,
    tempered_log_z, unwatched,
};
use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place, Precision, exact};
use rbm_ops::devices_for_tests;
use rbm_random::{Sequence, Stream};

fn machine(visible: usize, hidden: usize, size: f64, phase: f64) -> Parameters {
    let value = |at: usize| size * (phase + 1.3 * at as f64 + 0.17 * (at * at) as f64).sin();
    Parameters::new(
        (0..visible * hidden).map(value).collect(),
        (0..visible).map(|i| 0.5 * value(500 + i)).collect(),
        (0..hidden).map(|j| 0.5 * value(900 + j)).collect(),
    )
    .expect("the lengths fit")
}

fn bit(state: usize, i: usize) -> f64 {
    (state >> i & 1) as f64
}

/// Minus the energy at a temperature between independent units and the machine, from the definition.
fn exponent(machine: &Parameters, base: &[f64], beta: f64, v: usize, h: usize) -> f64 {
    let (m, n) = (machine.visible(), machine.hidden());
    let mut sum = 0.0;
    for (i, (base, bias)) in base.iter().zip(machine.visible_bias()).enumerate() {
        sum += bit(v, i) * ((1.0 - beta) * base + beta * bias);
        for j in 0..n {
            sum += beta * bit(h, j) * machine.weights()[j * m + i] * bit(v, i);
        }
    }
    (0..n).for_each(|j| sum += beta * bit(h, j) * machine.hidden_bias()[j]);
    sum
}

/// Joint weights at a temperature, `[visible state][hidden state]`.
fn joint(machine: &Parameters, base: &[f64], beta: f64) -> Vec<Vec<f64>> {
    let row = |v| (0..1 << machine.hidden()).map(|h| exponent(machine, base, beta, v, h).exp()).collect();
    (0..1 << machine.visible()).map(row).collect()
}

/// `ln sum_h exp(b.h) prod_i (1 + exp(a_i + (h W)_i))`, term by term.
fn log_z(machine: &Parameters) -> f64 {
    let (m, n) = (machine.visible(), machine.hidden());
    let of_state = |h: usize| {
        let bias: f64 = (0..n).map(|j| bit(h, j) * machine.hidden_bias()[j]).sum();
        (0..m).fold(bias.exp(), |product, i| {
            let input: f64 = (0..n).map(|j| bit(h, j) * machine.weights()[j * m + i]).sum();
            product * (1.0 + (machine.visible_bias()[i] + input).exp())
        })
    };
    (0..1 << n).map(of_state).sum::<f64>().ln()
}

/// The first device, in f64.
fn place() -> Place {
    let (_, device) = devices_for_tests().into_iter().find(|(backend, _)| backend.has_f64()).expect("a CPU backend");
    Place { device, precision: Precision::F64 }
}

struct Mean {
    value: f64,
    error: f64,
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> Mean {
    let count = values.clone().count() as f64;
    let value = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|x| (x - value) * (x - value)).sum();
    Mean { value, error: (squares / (count * (count - 1.0))).sqrt() }
}

/// Four standard errors: a false alarm in one of 16,000 comparisons, of which there are 24.
const SIGMAS: f64 = 4.0;

#[test]
fn mean_weights_are_z_and_mean_logs_bracket_it_at_three_and_ten_temperatures() {
    let runs = 100_000;
    let place = place();
    for (visible, hidden, size) in [(4, 3, 1.0), (6, 4, 0.8), (3, 5, 1.5)] {
        let machine = machine(visible, hidden, size, 0.4);
        let base: Vec<f64> = (0..visible).map(|i| 0.3 - 0.2 * i as f64).collect();
        let truth = log_z(&machine);
        let path = AnnealingPath::from_independent(&base, &machine, &place).expect("they fit");
        let start = path.log_partition_at_start().expect("independent units");
        for temperatures in [3, 10] {
            let betas = Schedule::Linear(temperatures - 1).betas();
            let chains = AnnealedChains::at_start(&path, runs, 7, ChainStreams::ANNEAL);
            let up = anneal_up(&path, &betas, chains, &mut unwatched).expect("a device that answers");
            let samples = exact::sample(&machine, runs, 3).expect("small enough");
            let chains = AnnealedChains::at_states(&path, &samples, 7, ChainStreams::ANNEAL).expect("they fit");
            let down = anneal_down(&path, &betas, chains, &mut unwatched).expect("a device that answers");
            let case = format!("{visible} x {hidden}, {temperatures} temperatures");

            let weight = mean(up.iter().map(|log| (start + log - truth).exp()));
            assert!((weight.value - 1.0).abs() < SIGMAS * weight.error, "{case}: {} {}", weight.value, weight.error);
            let inverse = mean(down.iter().map(|log| (truth - start - log).exp()));
            assert!(
                (inverse.value - 1.0).abs() < SIGMAS * inverse.error,
                "{case}: {} {}",
                inverse.value,
                inverse.error
            );
            let (low, high) = (mean(up.iter().copied()), mean(down.iter().copied()));
            assert!(start + low.value + SIGMAS * low.error < truth, "{case}");
            assert!(start + high.value - SIGMAS * high.error > truth, "{case}");
            // Crooks' relation, which the judgement of trust rests on: E_reverse[w] = E_forward[w^2] / Z.
            let square = mean(up.iter().map(|log| (2.0 * (start + log - truth)).exp()));
            let seen = mean(down.iter().map(|log| (start + log - truth).exp()));
            assert!((square.value - seen.value).abs() < SIGMAS * square.error.hypot(seen.error), "{case}");
        }
    }
}

/// The law of chains that start at independent units and pass a Gibbs step at each inverse temperature but the first.
fn annealed_law(machine: &Parameters, base: &[f64], betas: &[f64]) -> Vec<f64> {
    let marginal = |joint: &[Vec<f64>]| -> Vec<f64> { joint.iter().map(|row| row.iter().sum()).collect() };
    let start = marginal(&joint(machine, base, 0.0));
    let total: f64 = start.iter().sum();
    let mut law: Vec<f64> = start.iter().map(|weight| weight / total).collect();
    for &beta in &betas[1..] {
        let joint = joint(machine, base, beta);
        let of_visible = marginal(&joint);
        let mut hidden_law = vec![0.0; 1 << machine.hidden()];
        for (v, row) in joint.iter().enumerate() {
            for (h, weight) in row.iter().enumerate() {
                hidden_law[h] += law[v] * weight / of_visible[v];
            }
        }
        let of_hidden: Vec<f64> = (0..hidden_law.len()).map(|h| joint.iter().map(|row| row[h]).sum()).collect();
        law = joint
            .iter()
            .map(|row| row.iter().enumerate().map(|(h, w)| hidden_law[h] * w / of_hidden[h]).sum())
            .collect();
    }
    law
}

#[test]
fn raise_finds_the_probabilities_of_the_annealed_law() {
    let place = place();
    let machine = machine(4, 3, 1.2, 0.9);
    let base = [0.4, -0.7, 0.1, 0.9];
    for temperatures in [3, 10] {
        let schedule = Schedule::Linear(temperatures - 1);
        let law = annealed_law(&machine, &base, &schedule.betas());
        assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let states: Vec<u8> = (0..16_usize).flat_map(|v| (0..4).map(move |i| (v >> i & 1) as u8)).collect();
        let annealing = Annealing { schedule, chains: 10_000, seed: 5 };
        let raised = raise(&machine, &base, &states, &annealing, &place, &mut unwatched).expect("they fit");
        // The spread of the weights, from raw ones of the same number; five errors for 32 comparisons: 2e-5 in all.
        let path = AnnealingPath::from_independent(&base, &machine, &place).expect("they fit");
        for (v, found) in raised.log_likelihoods.iter().enumerate() {
            let starts = states[4 * v..][..4].repeat(10_000);
            let chains = AnnealedChains::at_states(&path, &starts, 77, ChainStreams::PILOT).expect("they fit");
            let down = anneal_down(&path, &annealing.schedule.betas(), chains, &mut unwatched).expect("it answers");
            let largest = down.iter().map(|log| -log).fold(f64::NEG_INFINITY, f64::max);
            let weight = mean(down.iter().map(|log| (-log - largest).exp()));
            let bound = 5.0 * weight.error / weight.value;
            assert!((found - law[v].ln()).abs() < bound, "{temperatures}, state {v}: {found} {} {bound}", law[v].ln());
        }
    }
}

#[test]
fn estimators_agree_with_enumeration_on_every_device() {
    let (machine, other) = (machine(8, 6, 0.7, 0.2), machine(8, 5, 0.7, 1.7));
    let (truth, difference) = (log_z(&machine), log_z(&machine) - log_z(&other));
    let base = base_log_odds(&[0.5, 0.3, 0.6, 0.2, 0.9, 0.5, 0.0, 1.0]);
    let annealing = Annealing { schedule: Schedule::Linear(200), chains: 200, seed: 1 };
    for (backend, device) in devices_for_tests() {
        let place = Place { device, precision: Precision::F32 };
        let mut steps = 0;
        let forward = annealed_importance_sampling(&machine, &base, &[], &annealing, &place, &mut |n| {
            steps += n;
            ControlFlow::Continue(())
        });
        let forward = forward.expect("they fit");
        assert_eq!(steps, annealing.work());
        let (reverse, exact) =
            reverse_annealed_importance_sampling(&machine, &base, &[], &annealing, &place, &mut unwatched)
                .expect("they fit");
        let two = log_z_difference(&machine, &other, &[], &annealing, &place, &mut unwatched).expect("they fit");
        assert!(exact);
        let tempering = Tempering { schedule: Schedule::Linear(5), ladders: 20, sweeps: 200, seed: 4 };
        let bar = tempered_log_z(&machine, &base, &[], &tempering, &place, &mut unwatched).expect("they fit");
        for (name, found, truth) in
            [("ais", &forward, truth), ("reverse", &reverse, truth), ("two", &two, difference), ("bar", &bar, truth)]
        {
            let [low, high] = found.log_z_interval_3s.expect("two chains and more");
            let (low, high) = (low.expect("defined"), high.expect("defined"));
            assert!(low < truth && truth < high, "{backend}, {name}: {low} {truth} {high}");
            assert!(high - low < 0.5, "{backend}, {name}: {low} {high}");
            assert_eq!(found.trust, Trust::Ok, "{backend}, {name}: {}", found.trust_reason);
        }
    }
}

/// Ten machines with known log Z: random ones from easy to hard, and ones with separate modes of unequal weight.
fn ten_machines() -> Vec<Parameters> {
    let random = |visible: usize, hidden: usize, deviation: f64, seed: u64| {
        let mut draws = Sequence::new(seed, Stream::Initialization, 0);
        let mut normal = |count: usize| (0..count).map(|_| deviation * draws.normal()).collect::<Vec<f64>>();
        let weights = normal(visible * hidden);
        let (visible_bias, hidden_bias) = (normal(visible), normal(hidden));
        Parameters::new(weights, visible_bias, hidden_bias).expect("the lengths fit")
    };
    // A hidden unit that prefers all visible units on, against a bias that prefers them off.
    let two_modes = |visible: usize, weight: f64, tilt: f64| {
        let mut weights = vec![weight; visible];
        weights.extend(vec![0.1; visible]);
        let hidden_bias = vec![-0.5 * weight * visible as f64 + tilt, 0.0];
        Parameters::new(weights, vec![-0.5 * weight; visible], hidden_bias).expect("the lengths fit")
    };
    vec![
        random(12, 8, 0.3, 1),
        random(12, 8, 0.6, 2),
        random(12, 8, 1.0, 3),
        random(12, 8, 1.5, 4),
        random(16, 10, 0.5, 5),
        random(16, 10, 1.0, 6),
        random(8, 12, 0.8, 7),
        two_modes(8, 1.0, 0.0),
        two_modes(10, 2.0, -1.0),
        two_modes(12, 3.0, 2.0),
    ]
}

/// Where an independent run says that the three-sigma interval can be trusted, it holds the truth in at least 98 % of
/// the runs, and at least half of the machines are trusted in most runs. `RBM_COVERAGE_STEPS` sets the temperatures.
#[test]
fn trusted_intervals_hold_the_truth() {
    let (seeds, chains) = (500, 100);
    let steps = std::env::var("RBM_COVERAGE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(40);
    let betas = Schedule::Linear(steps).betas();
    let (_, device) = devices_for_tests().into_iter().next().expect("a CPU backend");
    let place = Place { device, precision: Precision::F32 };
    let (mut trusted, mut covered, mut trusted_machines) = (0, 0, 0);
    for (number, machine) in ten_machines().iter().enumerate() {
        let truth = log_z(machine);
        let base = vec![0.0; machine.visible()];
        let path = AnnealingPath::from_independent(&base, machine, &place).expect("they fit");
        let start = path.log_partition_at_start().expect("independent units");
        // All chains of all seeds at once; each hundred is a run.
        let all = AnnealedChains::at_start(&path, seeds * chains, 1, ChainStreams::ANNEAL);
        let up = anneal_up(&path, &betas, all, &mut unwatched).expect("it answers");
        let samples = exact::sample(machine, seeds * chains, 2).expect("small enough");
        let all = AnnealedChains::at_states(&path, &samples, 1, ChainStreams::PILOT).expect("they fit");
        let down = anneal_down(&path, &betas, all, &mut unwatched).expect("it answers");
        let (mut ok, mut held, mut held_at_all) = (0, 0, 0);
        // The short run in the same direction: some chains of another run.
        let others = up.chunks(chains).cycle().skip(1).map(|other| &other[..25]);
        for ((weights, pilot), same) in up.chunks(chains).zip(down.chunks(chains)).zip(others) {
            let found = forward_estimate(weights, start, betas.len(), judge(pilot, same, chains));
            let [low, high] = found.log_z_interval_3s.expect("a hundred chains");
            let holds = low.is_none_or(|low| low <= truth) && high.is_some_and(|high| truth <= high);
            held_at_all += usize::from(holds);
            if found.trust == Trust::Ok {
                ok += 1;
                held += usize::from(holds);
            }
        }
        println!("machine {number}: {ok} of {seeds} trusted, {held} of them hold; {held_at_all} of all hold");
        trusted += ok;
        covered += held;
        trusted_machines += usize::from(2 * ok >= seeds);
    }
    assert!(trusted_machines >= 5, "{trusted_machines} machines are trusted");
    assert!(covered as f64 >= 0.98 * trusted as f64, "{covered} of {trusted}");
}

/// Bennett's ratio over tempered ladders: its own errors hold in 60 runs as often as they say.
#[test]
fn tempered_estimates_have_the_errors_that_they_state() {
    let machine = machine(8, 6, 0.9, 0.2);
    let truth = log_z(&machine);
    let runs = 60;
    let scaled: Vec<f64> = (0..runs)
        .map(|seed| {
            let tempering = Tempering { schedule: Schedule::Linear(4), ladders: 12, sweeps: 100, seed };
            let found =
                tempered_log_z(&machine, &[0.0; 8], &[], &tempering, &place(), &mut unwatched).expect("they fit");
            (found.log_z - truth) / found.log_z_stderr.expect("twelve ladders")
        })
        .collect();
    // Student's t with 11 degrees of freedom has variance 11/9; the mean square of 60 such values stays below twice
    // that, and their mean within 4 sqrt(11/9/60), but for one case in 10,000 each.
    let square = scaled.iter().map(|t| t * t).sum::<f64>() / runs as f64;
    let mean = scaled.iter().sum::<f64>() / runs as f64;
    assert!(square < 2.0 * 11.0 / 9.0 && square > 0.5, "mean square {square}");
    assert!(mean.abs() < 4.0 * (11.0 / 9.0 / runs as f64).sqrt(), "mean {mean}");
}

/// A machine whose parameters grow slowly, as in training.
#[test]
fn a_trajectory_follows_log_z_within_its_error_and_its_budget() {
    let end = machine(10, 8, 0.8, 0.2);
    let at = |share: f64| {
        let scaled = |values: &[f64]| values.iter().map(|x| share * x).collect::<Vec<f64>>();
        let [weights, visible, hidden] = [end.weights(), end.visible_bias(), end.hidden_bias()].map(scaled);
        Parameters::new(weights, visible, hidden).expect("the lengths fit")
    };
    let (steps, chains, place) = (4_000, 40, place());
    let step_work = 5.0 * 100.0 * 80.0; // CD-1 on a hundred rows
    let mut trajectory = Trajectory::begin(&at(0.0), chains, 3, &place).expect("two chains and more");
    let mut observations = 0;
    for step in 1..=steps {
        trajectory.count(step_work);
        if trajectory.is_due() {
            trajectory.observe(&at(f64::from(step) / f64::from(steps)), None, &place).expect("it answers");
            observations += 1;
        }
    }
    let found = trajectory.estimate(&end, None, &[0.0; 10], &place).expect("it answers").expect("the budget allows it");
    assert!(trajectory.share() < 0.05, "{}", trajectory.share());
    assert!(observations > 50, "{observations}");
    let [low, high] = found.log_z_interval_3s.expect("many chains");
    let truth = log_z(&end);
    assert!(low.expect("defined") < truth && truth < high.expect("defined"), "{low:?} {truth} {high:?}");
    assert!(found.log_z_stderr.expect("many chains") < 0.2);
    assert_eq!(found.trust, Trust::Ok, "{}", found.trust_reason);
}

#[test]
fn one_chain_is_refused() {
    let machine = machine(4, 3, 1.0, 0.1);
    let annealing = Annealing { schedule: Schedule::Linear(5), chains: 1, seed: 0 };
    let found = annealed_importance_sampling(&machine, &[0.0; 4], &[], &annealing, &place(), &mut unwatched);
    assert_eq!(found.expect_err("one chain").to_string(), "estimate an error from 1 chain(s): at least 2 are needed");
}

#[test]
fn whoever_watches_can_stop_an_estimate() {
    let machine = machine(4, 3, 1.0, 0.1);
    let annealing = Annealing { schedule: Schedule::Linear(5), chains: 10, seed: 0 };
    let tempering = Tempering { schedule: Schedule::Linear(5), ladders: 4, sweeps: 20, seed: 0 };
    for last in [1, 3] {
        for tempered in [false, true] {
            let mut told = 0;
            let mut watch = |work| {
                told += work;
                if told == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let found = if tempered {
                tempered_log_z(&machine, &[0.0; 4], &[], &tempering, &place(), &mut watch).map(drop)
            } else {
                annealed_importance_sampling(&machine, &[0.0; 4], &[], &annealing, &place(), &mut watch).map(drop)
            };
            assert!(matches!(found, Err(rbm_eval::Error::Stopped)));
            assert_eq!(told, last, "nothing was done after the break");
        }
    }
}
