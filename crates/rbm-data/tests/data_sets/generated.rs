//! Generated sets: exact contents, and the likelihoods that follow from them (docs/mathematics.md).

use std::collections::HashMap;

use crate::common::{Folder, rows};
use rbm_data::{DataConfig, ImageShape, Source};

fn generated(source: Source, size: usize) -> rbm_data::Dataset {
    let config = DataConfig { size: Some(size), ..DataConfig::new(source) };
    Folder::new().load(&config).expect("generated sets need nothing")
}

/// The largest possible sum of the log-likelihood: each row as likely as it is frequent.
fn best_log_likelihood(rows: &[Vec<f64>]) -> f64 {
    let mut counts: HashMap<Vec<u64>, f64> = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(row.iter().map(|v| v.to_bits()).collect()).or_default() += 1.0);
    counts.values().map(|count| count * (count / rows.len() as f64).ln()).sum()
}

#[test]
fn bars_and_stripes_have_the_derived_rows_and_likelihoods() {
    let known = [(2, 8, -13.863), (3, 16, -41.589), (4, 32, -108.131), (5, 64, -263.396)];
    for (side, count, best) in known {
        let data = generated(Source::BarsAndStripes, side);
        assert_eq!((data.train.len(), data.train.visible()), (count, side * side));
        assert_eq!(data.image, Some(ImageShape { height: side, width: side }));
        let rows = rows(&data.train);
        assert!((best_log_likelihood(&rows) - best).abs() < 5e-4, "{side}: {}", best_log_likelihood(&rows));
        let mut distinct = rows.clone();
        distinct.sort_by(|a, b| a.partial_cmp(b).expect("states are numbers"));
        distinct.dedup();
        assert_eq!(distinct.len(), count - 2, "the uniform patterns stand twice");
        for row in &rows {
            let horizontal = row.chunks(side).all(|line| line.iter().all(|&pixel| pixel == line[0]));
            let vertical = row.chunks(side).all(|line| line == &row[..side]);
            assert!(horizontal || vertical);
        }
    }
}

#[test]
fn the_shifter_has_the_derived_rows_and_likelihoods() {
    for (bits, count, best) in [(3, 24, -76.273), (4, 48, -185.818), (8, 768, -5102.431)] {
        let data = generated(Source::LabeledShifter, bits);
        assert_eq!((data.train.len(), data.train.visible(), data.image), (count, 2 * bits + 3, None));
        let rows = rows(&data.train);
        assert!((best_log_likelihood(&rows) - best).abs() < 5e-4, "{bits}: {}", best_log_likelihood(&rows));
        let labels = data.train.labels().expect("the shift is a label");
        for (row, &label) in rows.iter().zip(labels) {
            let mut expected = row[..bits].to_vec();
            match label {
                0 => expected.rotate_left(1),
                1 => {}
                _ => expected.rotate_right(1),
            }
            assert_eq!(row[bits..2 * bits], expected);
            let one_hot: Vec<f64> = (0..3).map(|class| if class == label { 1.0 } else { 0.0 }).collect();
            assert_eq!(row[2 * bits..], one_hot);
        }
    }
}

#[test]
fn digests_are_stable() {
    let digest = |source, size| generated(source, size).digest;
    assert_eq!(digest(Source::BarsAndStripes, 3), "4ef197077f6e3847931ad43daad0417bfd5dc736054875f2d7de943576b3b120");
    assert_eq!(digest(Source::LabeledShifter, 4), "d97a81fa47039cc0768a87e75d98c5465f0ce4a7a9f7a324a8c3289a0ebc61b6");
}

#[test]
fn description_counts_duplicates_constants_and_classes() {
    let bars = generated(Source::BarsAndStripes, 3).describe();
    assert_eq!((bars.splits[0].duplicates, bars.splits[0].constant_units, bars.splits[0].mean), (2, 0, 0.5));
    let shifter = generated(Source::LabeledShifter, 3).describe();
    let classes = shifter.splits[0].classes.as_ref().expect("the shifter has classes");
    assert_eq!(classes.iter().map(|(&class, &rows)| (class, rows)).collect::<Vec<_>>(), [(0, 8), (1, 8), (2, 8)]);
}
