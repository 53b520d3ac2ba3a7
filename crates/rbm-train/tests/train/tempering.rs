//! Parallel tempering: its replicas keep their laws, and its gradient is the exact one.

use burn::tensor::{DType, Tensor, TensorData};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm, exact, exact::WeightedRows};
use rbm_ops::{BackendName, open};
use rbm_random::{Sequence, Stream};
use rbm_train::{
    Algorithm, Batch, EstimatorState, GradientEstimator, Key, Swaps, Temperatures, Tempered, TrainConfig, estimator,
};

use super::common::{bars_and_stripes, oracle, trainer};
use super::estimators::{assert_mean_is, components, rows};

const VISIBLE: usize = 9;
const BETAS: [f64; 3] = [0.0, 0.4, 1.0];

fn tempering(ladders: usize) -> Box<dyn GradientEstimator> {
    let config = TrainConfig {
        algorithm: Algorithm::Pt,
        chains: Some(ladders),
        temperatures: Some(Temperatures::Betas(BETAS.to_vec())),
        ..TrainConfig::default()
    };
    config.check().expect("valid");
    estimator(&config, &bars_and_stripes())
}

/// The law of the visible states under `exp(-beta E)`: that of a machine with all parameters times beta.
fn law(p: &Parameters, beta: f64) -> Vec<f64> {
    let scaled = |values: &[f64]| values.iter().map(|value| beta * value).collect::<Vec<f64>>();
    let p = Parameters::new(scaled(p.weights()), scaled(p.visible_bias()), scaled(p.hidden_bias())).expect("sizes fit");
    exact::visible_law(&p).expect("small enough")
}

/// Replicas `[ladders, temperatures, visible]` that start exactly at their laws.
fn at_the_laws(p: &Parameters, ladders: usize, seed: u64) -> EstimatorState {
    let laws = BETAS.map(|beta| law(p, beta));
    let mut draws = Sequence::new(seed, Stream::ExactSample, 0);
    let mut values: Vec<f32> = Vec::new();
    for _ in 0..ladders {
        for law in &laws {
            let mut rest = draws.uniform();
            let state = law.iter().position(|&p| {
                rest -= p;
                rest < 0.0
            });
            let state = state.unwrap_or(law.len() - 1);
            values.extend((0..VISIBLE).map(|unit| (state >> unit & 1) as f32));
        }
    }
    let device = open(BackendName::Flex).expect("built in");
    let count = ladders * BETAS.len();
    let visible = Tensor::<2>::from_data(TensorData::new(values, [count, VISIBLE]), (&device, DType::F32));
    let temperature = (0..count).map(|replica| replica % BETAS.len()).collect();
    let tempered = Some(Tempered { visible, temperature, swaps: Swaps::none(BETAS.len()) });
    EstimatorState { tempered, ..EstimatorState::default() }
}

fn batch() -> Batch {
    let device = open(BackendName::Flex).expect("built in");
    let values: Vec<f32> = rows().into_iter().map(|value| value as f32).collect();
    let visible = Tensor::<2>::from_data(TensorData::new(values, [16, VISIBLE]), (&device, DType::F32));
    Batch { visible, rows: None }
}

fn machine() -> (Parameters, Rbm) {
    let p = oracle(6, 1.0, true);
    let device = open(BackendName::Flex).expect("built in");
    let model = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
    (p, model)
}

/// Whether the states at a temperature still have its law: chi-squared over cells of at least 5 expected states, by Wilson
/// and Hilferty's cube root, at 4.5 standard deviations, a level of 3.4e-6 for each of the nine tests.
fn stays(tempered: &Tempered, at: usize, law: &[f64]) -> bool {
    let values = tempered.visible.clone().into_data().try_into_vec::<f32>().expect("f32");
    let mut counts = vec![0.0; law.len()];
    let mut total = 0.0;
    for (row, _) in tempered.temperature.iter().enumerate().filter(|(_, own)| **own == at) {
        let row = &values[row * VISIBLE..][..VISIBLE];
        counts[row.iter().enumerate().map(|(unit, &on)| (on as usize) << unit).sum::<usize>()] += 1.0;
        total += 1.0;
    }
    let (mut squares, mut cells, mut rare) = (0.0, 0.0, (0.0, 0.0));
    let mut add = |count: f64, expected: f64| {
        squares += (count - expected) * (count - expected) / expected;
        cells += 1.0;
    };
    for (&count, &p) in counts.iter().zip(law) {
        let expected = p * total;
        if expected >= 5.0 {
            add(count, expected);
        } else {
            rare = (rare.0 + count, rare.1 + expected);
        }
    }
    if rare.1 >= 5.0 {
        add(rare.0, rare.1);
    }
    let freedom = cells - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    ((squares / freedom).cbrt() - (1.0 - spread)) / spread.sqrt() < 4.5
}

#[test]
fn replicas_that_start_at_their_laws_stay_there_in_training() {
    let (p, model) = machine();
    let ladders = 8_000;
    let tempering = tempering(ladders);
    let mut state = at_the_laws(&p, ladders, 5);
    for sweep in 1..=16_u64 {
        let key = Key { seed: 8, gibbs_step: sweep - 1, k: 1 };
        state = tempering.estimate(key, &model, batch(), state).expect("estimated").1;
        if [1, 4, 16].contains(&sweep) {
            let tempered = state.tempered.as_ref().expect("kept");
            for (at, beta) in BETAS.into_iter().enumerate() {
                assert!(stays(tempered, at, &law(&p, beta)), "temperature {at} after {sweep} sweeps");
            }
            // The test would see another machine's law.
            assert!(!stays(tempered, 2, &law(&p, 0.9)), "after {sweep} sweeps");
        }
    }
    let swaps = state.tempered.expect("kept").swaps;
    assert_eq!(swaps.proposed, [8 * ladders as u64; 2], "each pair in every second sweep");
    let (mean, least) = swaps.acceptance().expect("proposed");
    assert!(0.0 < least && least <= mean && mean < 1.0, "{swaps:?}");
}

#[test]
fn the_mean_of_many_tempered_gradients_from_their_laws_is_the_exact_gradient() {
    let (p, model) = machine();
    let expected: Vec<f64> = exact::gradient(&p, &WeightedRows::new(VISIBLE, &rows()).expect("rows"))
        .expect("small enough")
        .components()
        .collect();
    let tempering = tempering(32);
    let estimates: Vec<Vec<f64>> = (0..1000)
        .map(|draw| {
            let key = Key { seed: 4, gibbs_step: draw * 2, k: 2 };
            let state = at_the_laws(&p, 32, 100 + draw);
            components(&tempering.estimate(key, &model, batch(), state).expect("estimated").0)
        })
        .collect();
    assert_mean_is("PT-2", &estimates, &expected);
}

#[test]
fn swaps_are_counted_since_they_were_asked_for() {
    let config = TrainConfig {
        algorithm: Algorithm::Pt,
        chains: Some(5),
        batch_size: 4,
        k: 2,
        epochs: 2,
        ..TrainConfig::default()
    };
    assert_eq!(config.betas().len(), 10);
    let mut trainer = trainer(&config, &oracle(6, 1.0, true), Precision::F32, bars_and_stripes());
    assert_eq!(trainer.chain_states().expect("host").expect("kept").len(), 5 * VISIBLE);
    for _ in 0..3 {
        (trainer, _) = trainer.step().expect("does not diverge");
    }
    let swaps = trainer.take_swaps().expect("tempered");
    assert_eq!(swaps.proposed, [15; 9], "three of six sweeps, five ladders");
    assert_eq!(trainer.take_swaps(), Some(Swaps::none(10)));
    assert_eq!(Swaps::none(10).acceptance(), None);
    let shares = Swaps { proposed: vec![4, 8], accepted: vec![3, 2] }.acceptance();
    assert_eq!(shares, Some((0.5, 0.25)));
}
