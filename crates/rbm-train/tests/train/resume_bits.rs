//! A resumed run is the unbroken one, bit for bit; so is a run with another number of threads.

use std::collections::BTreeMap;

use super::common::{bars_and_stripes, finish, oracle, trainer, trainer_on};
use rbm_model::{Parameters, Precision};
use rbm_ops::BackendName;
use rbm_train::{Algorithm, Error, KSchedule, Temperatures, TrainConfig, Trainer};

fn configs() -> Vec<TrainConfig> {
    let base = TrainConfig { epochs: 4, batch_size: 5, learning_rate: 0.3, ..TrainConfig::default() };
    vec![
        base.clone(),
        TrainConfig { k: 1, k_final: Some(4), k_schedule: KSchedule::Linear, weight_decay: 1e-3, ..base.clone() },
        TrainConfig {
            algorithm: Algorithm::Pcd,
            chains: Some(7),
            momentum: 0.5,
            momentum_final: Some(0.9),
            momentum_switch: Some(3),
            ..base.clone()
        },
        TrainConfig { algorithm: Algorithm::Exact, momentum: 0.9, ..base.clone() },
        TrainConfig { algorithm: Algorithm::ExpectedCd, k: 3, ..base.clone() },
        TrainConfig { algorithm: Algorithm::Rdm, chains: Some(9), k: 2, ..base.clone() },
        TrainConfig {
            algorithm: Algorithm::Pt,
            chains: Some(4),
            temperatures: Some(Temperatures::Count(3)),
            k: 2,
            ..base.clone()
        },
        TrainConfig { centred: true, offset_rate: Some(0.3), momentum: 0.5, ..base.clone() },
        TrainConfig { algorithm: Algorithm::Pcd, centred: true, k: 2, weight_decay: 1e-3, ..base.clone() },
        TrainConfig { algorithm: Algorithm::Exact, centred: true, ..base },
    ]
}

fn end(trainer: Trainer) -> Vec<u8> {
    finish(trainer).checkpoint(BTreeMap::new()).expect("a checkpoint")
}

#[test]
fn a_resumed_run_ends_at_the_unbroken_runs_bits_wherever_it_stopped() {
    for backend in [BackendName::Flex, BackendName::NdArray] {
        for precision in [Precision::F32, Precision::F64] {
            for config in configs() {
                let fresh = || trainer_on(backend, &config, &oracle(6, 0.5, true), precision, bars_and_stripes());
                let unbroken = end(fresh());
                for stop in 0..16 {
                    let mut run = fresh();
                    for _ in 0..stop {
                        (run, _) = run.step().expect("does not diverge");
                    }
                    let kept = BTreeMap::from([("metrics".to_owned(), "1234".to_owned())]);
                    let checkpoint = run.checkpoint(kept.clone()).expect("a checkpoint");
                    drop(run);
                    let (resumed, extra) = fresh().resume(&checkpoint).expect("resumes");
                    assert_eq!((resumed.steps(), &extra), (stop, &kept));
                    assert_eq!(end(resumed), unbroken, "{backend} {precision:?} {:?} at {stop}", config.algorithm);
                }
            }
        }
    }
}

#[test]
fn thread_counts_do_not_change_the_bits() {
    // Large enough that products, draws and reductions are split: 100 rows of 784 units against 300.
    let wave = |i: usize| 0.05 * (0.2 + 0.9 * i as f64).sin();
    let start = Parameters::new((0..784 * 300).map(wave).collect(), vec![-0.5; 784], vec![0.1; 300]).expect("sizes");
    let data: Vec<Vec<f32>> = (0..130_usize)
        .map(|row| (0..784).map(|i| f32::from(u8::from((row * 31 + i * i) % 7 == 0))).collect())
        .collect();
    let rows = super::common::rows(&data);
    for backend in [BackendName::Flex, BackendName::NdArray] {
        let run = |threads| {
            let config = TrainConfig { epochs: 2, k: 2, momentum: 0.5, ..TrainConfig::default() };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| end(trainer_on(backend, &config, &start, Precision::F32, rows.clone())))
        };
        assert!(run(1) == run(2), "{backend}: 1 and 2 threads");
        assert!(run(1) == run(3), "{backend}: 1 and 3 threads");
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let config = configs()[2].clone();
    let fresh =
        |config: &TrainConfig, hidden| trainer(config, &oracle(hidden, 0.5, true), Precision::F32, bars_and_stripes());
    let bytes = fresh(&config, 6).checkpoint(BTreeMap::new()).expect("a checkpoint");
    let refusal = |trainer: Trainer, bytes: &[u8]| match trainer.resume(bytes) {
        Err(Error::Checkpoint(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(refusal(fresh(&config, 5), &bytes), "`weights` is F32 of shape [6, 9], which does not fit the run");
    let plain = TrainConfig { epochs: 4, batch_size: 5, ..TrainConfig::default() };
    assert_eq!(refusal(fresh(&plain, 6), &bytes), "it is of a run with other settings");
    let centred = TrainConfig { centred: true, ..config.clone() };
    assert_eq!(refusal(fresh(&centred, 6), &bytes), "it is of a run with other settings");
    assert!(!refusal(fresh(&config, 6), &bytes[..bytes.len() - 3]).is_empty());
    assert!(!refusal(fresh(&config, 6), b"").is_empty());
    let mut newer = bytes;
    let at = newer.windows(10).position(|w| w == b"schema\\\":1").expect("the schema stands in the header");
    newer[at + 9] = b'9';
    assert_eq!(refusal(fresh(&config, 6), &newer), "it has schema 9, and this program reads 1");
}
