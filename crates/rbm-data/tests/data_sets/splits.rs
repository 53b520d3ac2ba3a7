//! Splits, binarisation and the order of rows.

use crate::common::{Folder, f32s, idx, npy, rows};
use rbm_data::{Binarization, DataConfig, Dataset, Source, epoch_order};

/// 4096 rows of 8 units, unit i with the grey value i / 7.
fn grey(folder: &Folder) -> DataConfig {
    let row: Vec<f32> = (0..8).map(|unit| unit as f32 / 7.0).collect();
    folder.write("grey.npy", &npy("<f4", false, "(4096, 8)", &f32s(&row.repeat(4096))))
}

/// 100 rows of 3 units, row i in its second unit's grey value, with labels i.
fn numbered(folder: &Folder) -> DataConfig {
    let pixels: Vec<u8> = (0..100).flat_map(|row| [0, 2 * row, 255]).collect();
    folder.write("x-labels-idx1-ubyte", &idx(&[100], &(0..100).collect::<Vec<u8>>()));
    folder.write("x-images-idx3-ubyte", &idx(&[100, 1, 3], &pixels))
}

fn with(config: DataConfig, binarization: Binarization) -> DataConfig {
    DataConfig { binarization, ..config }
}

/// Five standard deviations of a share of `count` draws: passes with probability above 0.999 999 for each unit.
fn tolerance(p: f64, count: usize) -> f64 {
    5.0 * (p * (1.0 - p) / count as f64).sqrt()
}

fn batch(data: &Dataset, epoch: u32) -> Vec<f32> {
    let all: Vec<u32> = (0..data.train.len() as u32).collect();
    let mut out = vec![9.0; data.train.len() * data.train.visible()];
    data.train.batch(&all, epoch, &mut out);
    out
}

fn assert_frequencies(states: &[f32]) {
    for unit in 0..8 {
        let p = f64::from(unit as u32) / 7.0;
        let column = states.iter().skip(unit).step_by(8);
        let share = column.clone().map(|&state| f64::from(state)).sum::<f64>() / 4096.0;
        assert!((share - p).abs() <= tolerance(p, 4096), "unit {unit}: {share} for {p}");
        assert!(column.into_iter().all(|&state| state == 0.0 || state == 1.0));
    }
}

#[test]
fn threshold_takes_values_above_it() {
    let folder = Folder::new();
    let config = DataConfig { threshold: f64::from(3.0_f32 / 7.0), ..grey(&folder) };
    let data = folder.load(&config).expect("a good file");
    assert!(data.train.is_binary());
    assert_eq!(rows(&data.train)[17], [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    let inverted = folder.load(&DataConfig { invert: true, threshold: 0.5, ..config }).expect("a good file");
    assert_eq!(rows(&inverted.train)[17], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn sampled_states_have_the_grey_values_frequencies_once_for_all() {
    let folder = Folder::new();
    let config = with(grey(&folder), Binarization::Sample);
    let data = folder.load(&config).expect("a good file");
    assert!(data.train.is_binary());
    assert_frequencies(&batch(&data, 0));
    assert_eq!(batch(&data, 0), batch(&data, 1));
    assert_eq!(data.digest, folder.load(&config).expect("a good file").digest);
    assert_ne!(data.digest, folder.load(&DataConfig { seed: 1, ..config }).expect("a good file").digest);
}

#[test]
fn states_of_each_epoch_differ_and_are_reproducible() {
    let folder = Folder::new();
    let config = with(grey(&folder), Binarization::EachEpoch);
    let data = folder.load(&config).expect("a good file");
    assert!(!data.train.is_binary());
    assert_frequencies(&batch(&data, 0));
    assert_frequencies(&batch(&data, 5));
    assert_ne!(batch(&data, 0), batch(&data, 5));
    assert_eq!(batch(&data, 5), batch(&folder.load(&config).expect("a good file"), 5));
    // Cut anyhow: row 40 alone is row 40 of the whole; evaluation sees epoch 0.
    let mut one = [9.0; 8];
    data.train.batch(&[40], 5, &mut one);
    assert_eq!(one, batch(&data, 5)[320..328]);
    let first: Vec<f32> = rows(&data.train).concat().into_iter().map(|value| value as f32).collect();
    assert_eq!(first, batch(&data, 0));
    assert!((data.train.mean()[3] - 3.0 / 7.0).abs() < 1e-6, "the mean is that of the grey values");
}

#[test]
fn test_rows_are_not_drawn_like_training_rows() {
    let folder = Folder::new();
    for kind in [Binarization::Sample, Binarization::EachEpoch] {
        let config = DataConfig { test: Some("grey.npy".into()), ..with(grey(&folder), kind) };
        let data = folder.load(&config).expect("a good file");
        assert_ne!(rows(&data.train), rows(data.test.as_ref().expect("a test set was given")));
    }
}

#[test]
fn grey_values_stay_under_none_and_states_stay_under_all() {
    let folder = Folder::new();
    let data = folder.load(&with(grey(&folder), Binarization::None)).expect("a good file");
    assert_eq!(rows(&data.train)[9], (0..8).map(|unit| f64::from(unit as f32 / 7.0)).collect::<Vec<_>>());
    let binary = folder.write("binary.npy", &npy("|b1", false, "(2, 3)", &[1, 0, 1, 0, 0, 1]));
    let mut digests = Vec::new();
    for kind in [Binarization::Threshold, Binarization::Sample, Binarization::EachEpoch, Binarization::None] {
        let data = folder.load(&with(binary.clone(), kind)).expect("a good file");
        assert!(data.train.is_binary());
        assert_eq!(data.train.ones(0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(data.train.bits(1), Some(&[0b100][..]));
        digests.push(data.digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn splits_partition_the_first_rows_and_keep_labels_with_them() {
    let folder = Folder::new();
    for kind in [Binarization::None, Binarization::EachEpoch, Binarization::Threshold] {
        let config = DataConfig { rows: Some(80), validation: Some(30), seed: 4, ..with(numbered(&folder), kind) };
        let data = folder.load(&config).expect("a good file");
        let validation = data.validation.as_ref().expect("rows were held out");
        assert_eq!((data.train.len(), validation.len()), (50, 30));
        let mut all: Vec<u32> =
            [&data.train, validation].iter().flat_map(|s| s.labels().expect("labels")).copied().collect();
        if kind == Binarization::None {
            let values = [rows(&data.train), rows(validation)].concat();
            assert!(all.iter().zip(values).all(|(&label, row)| (row[1] * 255.0 - 2.0 * f64::from(label)).abs() < 1e-4));
        }
        assert_ne!(all[..50], (0..50).collect::<Vec<u32>>()[..], "rows are shuffled first");
        all.sort_unstable();
        assert_eq!(all, (0..80).collect::<Vec<u32>>());
        let head = data.train.head(7);
        assert_eq!((head.len(), head.labels()), (7, data.train.labels().map(|labels| &labels[..7])));
        assert_eq!(rows(&head)[..], rows(&data.train)[..7]);
    }
}

#[test]
fn without_validation_rows_keep_the_files_order() {
    let folder = Folder::new();
    let data = folder.load(&numbered(&folder)).expect("a good file");
    assert_eq!(data.train.labels().map(<[u32]>::to_vec), Some((0..100).collect()));
    assert!(data.validation.is_none() && data.test.is_none());
}

#[test]
fn impossible_numbers_of_rows_name_their_key() {
    let folder = Folder::new();
    let cases = [
        (
            DataConfig { rows: Some(101), ..numbered(&folder) },
            "rows",
            "use `data.rows`: at most the 100 rows there are, not 101",
        ),
        (
            DataConfig { validation: Some(100), ..numbered(&folder) },
            "validation",
            "use `data.validation`: fewer than the 100 rows of the training set, not 100",
        ),
        (
            DataConfig { size: Some(99), ..DataConfig::new(Source::BarsAndStripes) },
            "size",
            "use `data.size`: a side from 2 to 16, not 99",
        ),
    ];
    for (config, key, message) in cases {
        let error = folder.load(&config).expect_err("an impossible value");
        assert_eq!((error.key(), error.to_string().as_str()), (Some(key), message));
        assert!(error.is_user_mistake());
    }
}

#[test]
fn mnist_holds_out_ten_thousand_rows_by_default() {
    let mnist = DataConfig::new(Source::Mnist);
    assert_eq!(mnist.validation(), 10_000);
    assert_eq!(DataConfig { rows: Some(600), ..mnist.clone() }.validation(), 100);
    assert_eq!(DataConfig { validation: Some(0), ..mnist }.validation(), 0);
    assert_eq!(DataConfig::new(Source::BarsAndStripes).validation(), 0);
}

#[test]
fn epoch_orders_are_permutations_that_differ_by_epoch_and_seed() {
    let mut order = epoch_order(1000, 3, 7);
    assert_eq!(order, epoch_order(1000, 3, 7));
    assert_ne!(order, epoch_order(1000, 3, 8));
    assert_ne!(order, epoch_order(1000, 4, 7));
    order.sort_unstable();
    assert_eq!(order, (0..1000).collect::<Vec<u32>>());
}
