//! Three tiny runs whose end is held fixed. If one of them moves, the numbers of every user move: raise the numerics
//! version (`rbm_runner::NUMERICS`), say so in the changelog, and put the new values here.
//!
//! Values and not digests of files: the last bits of an exponential differ between C libraries and processors, and no
//! change of a stream, a schedule or an update rule is as small as the tolerance, a millionth: the runs take 12 to 15 updates
//! of numbers below 1, each rounded to 2^-25 in a handful of operations, at most 15 x 4 x 2^-25 = 2e-6 in the worst case and
//! the root of that count, 2e-7, as roundings fall. A chain state that falls the other way moves a bias by 0.2 / 5.

use rbm_model::{Init, ModelConfig, Precision, Rbm, initialise};
use rbm_ops::devices_for_tests;
use rbm_train::{Algorithm, KSchedule, TrainConfig, Trainer};

use super::common::{bars_and_stripes, finish};

#[test]
fn three_tiny_runs_end_where_they_always_did() {
    let base = TrainConfig { epochs: 3, batch_size: 5, learning_rate: 0.2, ..TrainConfig::default() };
    let cd = TrainConfig { k: 1, k_final: Some(3), k_schedule: KSchedule::Linear, momentum: 0.5, ..base.clone() };
    let pcd = TrainConfig { algorithm: Algorithm::Pcd, chains: Some(7), weight_decay: 0.01, ..base.clone() };
    let exact = TrainConfig { algorithm: Algorithm::Exact, ..base };
    let runs = [("cd", cd, Init::Normal, CD), ("pcd", pcd, Init::Uniform, PCD), ("exact", exact, Init::Uniform, EXACT)];
    let rows = bars_and_stripes();
    for (backend, device) in devices_for_tests() {
        for (name, config, init, expected) in &runs {
            let model = ModelConfig { hidden: 4, init: init.clone(), init_biases: true, ..ModelConfig::default() };
            let start = initialise(&model, &rows.mean(), rows.len(), None, 11).expect("sizes fit");
            let rbm = Rbm::new(&start, &model, Precision::F32, &device);
            let end = finish(Trainer::new(config, rbm, rows.clone(), 11).expect("a fitting set-up"));
            let p = end.parameters().expect("read back");
            let seen = [p.weights()[0], p.weights()[35], p.visible_bias()[4], p.hidden_bias()[2]];
            for (seen, expected) in seen.iter().zip(expected) {
                assert!((seen - expected).abs() < 1e-6, "{backend} {name}: {seen:?}, not {expected:?}");
            }
        }
    }
}

/// The first and the last weight, the middle visible bias, the third hidden bias.
const CD: [f64; 4] = [-0.001_208_756, 0.071_796_678, -0.101_215_646, -0.040_978_156];
const PCD: [f64; 4] = [0.316_545_129, 0.208_403_587, 0.277_527_064, -0.384_924_322];
const EXACT: [f64; 4] = [0.344_819_039, 0.208_673_745, 0.269_222_349, -0.380_874_544];
