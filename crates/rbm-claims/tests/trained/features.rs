//! The protocol `features`.

use rbm_claims::{Label, protocol::TrainedCell};
use rbm_model::Parameters;
use rbm_random::{Sequence, Stream};

use crate::common::{Laboratory, of, only};

const SIDE: usize = 6;
const UNITS: usize = SIDE * SIDE;

/// Three classes that a linear function of the pixels tells apart with a margin: the pair of lines 2c, 2c + 1 is lit in
/// class c, and of the other pixels each one with probability 1/4.
fn stripes(rows: usize, seed: u64) -> Vec<(Vec<u8>, u8)> {
    let mut sequence = Sequence::new(seed, Stream::Initialization, 0);
    (0..rows)
        .map(|row| {
            let class = row % 3;
            let lit = |pixel: usize| pixel / (2 * SIDE) == class;
            let pixels = (0..UNITS).map(|pixel| u8::from(sequence.uniform() < 0.25 || lit(pixel))).collect();
            (pixels, class as u8)
        })
        .collect()
}

fn sections(laboratory: &Laboratory, hidden: usize) -> String {
    let train = laboratory.pictures("train", SIDE as u32, &stripes(360, 1));
    let test = laboratory.pictures("test", SIDE as u32, &stripes(150, 2));
    format!(
        "[data]\nsource = '{}'\ntest = '{}'\nvalidation = 60\n[model]\nhidden = {hidden}\n[run]\nseed = 5\n",
        train.display(),
        test.display()
    )
}

/// Unit c looks at the two lines of class c: on if more than 10 of their 12 pixels are lit.
fn detectors() -> Parameters {
    let weights = (0..3 * UNITS).map(|at| if at % UNITS / (2 * SIDE) == at / UNITS { 4.0 } else { 0.0 }).collect();
    Parameters::new(weights, vec![0.0; UNITS], vec![-40.0; 3]).expect("a machine")
}

fn blind() -> Parameters {
    Parameters::new(vec![0.0; 3 * UNITS], vec![0.0; UNITS], vec![0.0; 3]).expect("a machine")
}

fn two_cells(laboratory: &Laboratory) -> [TrainedCell; 2] {
    let sections = sections(laboratory, 3);
    [laboratory.cell("detectors", &sections, &detectors()), laboratory.cell("blind", &sections, &blind())]
}

#[test]
fn classes_that_can_be_told_apart_are_and_constant_features_tell_nothing() {
    let laboratory = Laboratory::new();
    let output = laboratory
        .carry_out("features", &two_cells(&laboratory), "labels = [30, 150]\ndraws = 2\nwindow = 2\npictures = 2\n")
        .expect("a comparison");
    let errors = |cell: &str, features: &str, labels: usize| {
        let labels = [("cell", cell.into()), ("features", features.into()), ("labels", Label::from(labels))];
        let found = of(&output, "test-error", &labels);
        let seeds: Vec<Option<u64>> = found.iter().map(|measured| measured.seed).collect();
        assert_eq!(seeds, [Some(10), Some(11)], "the cell's seed 5 times 2 draws, plus the draw");
        found.iter().map(|measured| measured.value).collect::<Vec<_>>()
    };
    for labels in [30, 150] {
        assert_eq!(errors("detectors", "hidden", labels), [0.0, 0.0]);
        // All hidden probabilities are 1/2, so one class is given to all rows: of three equally common ones.
        assert_eq!(errors("blind", "hidden", labels), [2.0 / 3.0, 2.0 / 3.0]);
        for features in ["pixels", "pca"] {
            assert_eq!(errors("blind", features, labels), errors("detectors", features, labels), "{features}");
        }
    }
    // The twelve lit pixels of a class against a mean of three: 150 labels show it.
    assert_eq!(errors("detectors", "pixels", 150), [0.0, 0.0]);
    // The class means span two dimensions, of variance 12 (3/4)^2 / 3 = 2.25 each beside 3/16 within a class: they are
    // the first components.
    assert_eq!(errors("detectors", "pca", 150), [0.0, 0.0]);

    for penalty in of(&output, "penalty-chosen", &[]) {
        assert!([1e-4, 1e-3, 1e-2, 1e-1].contains(&penalty.value));
    }
    assert!(of(&output, "gradient-left", &[]).iter().all(|left| left.value <= 2e-3), "within twice the tolerance");
}

#[test]
fn receptive_fields_are_shown_and_their_locality_stands_beside_that_of_noise() {
    let laboratory = Laboratory::new();
    let output = laboratory
        .carry_out("features", &two_cells(&laboratory), "labels = [30]\ndraws = 1\nwindow = 2\npictures = 2\n")
        .expect("a comparison");
    let [(name, grid)] = &output.images[..] else { panic!("one picture") };
    assert_eq!((name.as_str(), grid.height, grid.width, grid.images.len()), ("receptive-fields", SIDE, SIDE, 2));
    assert_eq!(grid.images[1].iter().sum::<f32>(), 48.0, "twelve weights of 4, of the first cell");

    let locality = |cell: &str, machine: &str| {
        only(&output, "field-locality", &[("cell", cell.into()), ("machine", machine.into())])
    };
    // Each detector has 12 equal weights on 2 x 6 pixels, of which a window of 2 x 2 holds 4.
    assert!((locality("detectors", "trained") - 1.0 / 3.0).abs() < 1e-15);
    assert!(locality("detectors", "shuffled") < locality("detectors", "trained"));
    assert_eq!(locality("blind", "trained"), 4.0 / 36.0, "of weights of 0, the window's share");
}

#[test]
fn all_labels_are_one_draw_and_more_than_all_are_refused() {
    let laboratory = Laboratory::new();
    let [cell, _] = two_cells(&laboratory);
    let output = laboratory
        .carry_out("features", std::slice::from_ref(&cell), "labels = [30, 300]\ndraws = 3\n")
        .expect("a comparison");
    let draws = |labels: usize| of(&output, "test-error", &[("labels", labels.into())]).len();
    assert_eq!((draws(30), draws(300)), (9, 3));

    let refusal = |parameters: &str| {
        laboratory.carry_out("features", std::slice::from_ref(&cell), parameters).expect_err("refused").to_string()
    };
    assert!(refusal("labels = [301]").contains("300 training rows"), "{}", refusal("labels = [301]"));
    assert!(refusal("regularisation = [0.0]").contains("above 0"));
    assert!(refusal("label = [30]").contains("unknown field `label`"));
    let stopped = refusal("labels = [150]\niterations = 1\ntolerance = 1e-9\n");
    assert!(stopped.contains("allow more iterations"), "{stopped}");
}
