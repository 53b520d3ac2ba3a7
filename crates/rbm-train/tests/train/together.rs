//! Trainings side by side against the same trainings alone: the same bits.

use std::sync::Arc;

use rbm_data::Split;
use rbm_model::{ModelConfig, Precision, Rbm};
use rbm_ops::devices_for_tests;
use rbm_train::{Algorithm, Kernels, TrainConfig, Trainer, advance_together};

use super::common::{bars_and_stripes, finish, oracle};

/// Everything that a training ends with, as bits.
fn end_of(trainer: &Trainer) -> (Vec<u64>, Option<Vec<u8>>, Option<u64>, u64) {
    let p = trainer.parameters().expect("read back");
    let bits = p.weights().iter().chain(p.visible_bias()).chain(p.hidden_bias()).map(|x| x.to_bits()).collect();
    let norm = trainer.gradient_norm().map(f64::to_bits);
    (bits, trainer.chain_states().expect("read back"), norm, trainer.steps())
}

/// Trainings that differ in seed, k, rate, momentum, decay and length, and one that diverges.
fn configs(algorithm: Algorithm) -> Vec<(TrainConfig, u64)> {
    let base = TrainConfig { algorithm, epochs: 4, batch_size: 5, ..TrainConfig::default() };
    vec![
        (TrainConfig { learning_rate: 0.2, ..base.clone() }, 1),
        (TrainConfig { k: 3, learning_rate: 0.1, ..base.clone() }, 2),
        (TrainConfig { learning_rate: 3e38, epochs: 30, ..base.clone() }, 6),
        (TrainConfig { k: 2, momentum: 0.5, epochs: 6, ..base.clone() }, 3),
        (TrainConfig { weight_decay: 0.01, epochs: 3, ..base.clone() }, 4),
        (TrainConfig { momentum: 0.9, momentum_final: Some(0.2), momentum_switch: Some(2), ..base }, 5),
    ]
}

#[test]
fn trainings_side_by_side_end_with_the_bits_of_trainings_alone() {
    let rows: Arc<Split> = bars_and_stripes();
    for (backend, device) in devices_for_tests() {
        for algorithm in [Algorithm::Cd, Algorithm::Pcd] {
            let start = |(config, seed): &(TrainConfig, u64)| {
                let rbm = Rbm::new(&oracle(6, 0.5, true), &ModelConfig::default(), Precision::F32, &device);
                Trainer::new(config, rbm, rows.clone(), *seed).expect("a fitting set-up")
            };
            let all = configs(algorithm);
            assert_eq!(start(&all[0]).kernels(), Kernels::Fused, "{backend}");
            let mut going: Vec<(usize, Trainer)> = all.iter().map(start).enumerate().collect();
            let mut ends = vec![None; all.len()];
            let mut most = 1;
            while !going.is_empty() {
                let (numbers, trainers): (Vec<usize>, Vec<Trainer>) = going.into_iter().unzip();
                going = Vec::new();
                for (number, advanced) in numbers.into_iter().zip(advance_together(trainers, most)) {
                    match advanced {
                        Ok((trainer, _)) if trainer.is_finished() => ends[number] = Some(Ok(end_of(&trainer))),
                        Ok((trainer, _)) => going.push((number, trainer)),
                        Err(error) => ends[number] = Some(Err(error.to_string())),
                    }
                }
                most = most % 3 + 1; // any number of steps at a time
            }
            for (number, one) in all.iter().enumerate() {
                let together = ends[number].take().expect("each came to its end");
                if one.0.learning_rate > 1.0 {
                    let mut alone = Ok(start(one));
                    while alone.as_ref().is_ok_and(|trainer| !trainer.is_finished()) {
                        alone = alone.and_then(|trainer| trainer.step().map(|(trainer, _)| trainer));
                    }
                    let error = alone.expect_err("overflows").to_string();
                    assert_eq!(together.expect_err("overflows"), error, "{backend} {algorithm:?}");
                } else {
                    let together = together.expect("does not diverge");
                    assert!(together == end_of(&finish(start(one))), "{backend} {algorithm:?}, training {number}");
                }
            }
        }
    }
}

#[test]
fn a_training_goes_on_from_a_checkpoint_taken_side_by_side() {
    let rows = bars_and_stripes();
    for (backend, device) in devices_for_tests() {
        for algorithm in [Algorithm::Cd, Algorithm::Pcd] {
            let start = |(config, seed): &(TrainConfig, u64)| {
                let rbm = Rbm::new(&oracle(6, 0.5, true), &ModelConfig::default(), Precision::F32, &device);
                Trainer::new(config, rbm, rows.clone(), *seed).expect("a fitting set-up")
            };
            let all = configs(algorithm);
            let pair = [&all[1], &all[3]];
            let mut trainers: Vec<Trainer> = pair.into_iter().map(start).collect();
            for _ in 0..5 {
                trainers = advance_together(trainers, 1).into_iter().map(|one| one.expect("goes on").0).collect();
            }
            for (one, trainer) in pair.into_iter().zip(&trainers) {
                let bytes = trainer.checkpoint([].into()).expect("written");
                let (resumed, _) = start(one).resume(&bytes).expect("its own checkpoint");
                assert!(end_of(&finish(resumed)) == end_of(&finish(start(one))), "{backend} {algorithm:?}");
            }
        }
    }
}
