//! Multinomial logistic regression whose penalty is chosen on rows held out.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rbm_runner::StopFlag;

/// A fit counts as converged up to this multiple of the tolerance: the solver stops at the tolerance by its own sum,
/// and returns the point of least loss, which near the end can be the one before.
const SLACK: f64 = 2.0;

/// Rows of features `[rows, features]` with a class number each.
#[derive(Clone, Copy)]
pub(super) struct Labelled<'a> {
    /// The features.
    pub(super) features: ArrayView2<'a, f64>,
    /// The classes.
    pub(super) labels: &'a [u32],
}

/// How classifiers are fitted: by least `mean over rows of -log p(label) + penalty / 2 |W|^2`, intercepts free.
#[derive(Clone, Debug)]
pub(super) struct Classifier {
    /// Penalties per row, from the largest to the smallest.
    pub(super) penalties: Vec<f64>,
    /// Most steps of L-BFGS for each penalty.
    pub(super) iterations: u64,
    /// Length of that loss's gradient, over all weights and intercepts, at which a fit has converged.
    pub(super) tolerance: f64,
    /// Raised when no further fit is to be begun.
    pub(super) stop: StopFlag,
}

/// What became of the fit with the best penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chosen {
    /// The penalty per row.
    pub(super) penalty: f64,
    /// Share of the test rows that are classified wrongly.
    pub(super) test_error: f64,
    /// Length of the gradient that was left.
    pub(super) gradient: f64,
    /// Penalties whose fits converged: the others were no candidates.
    pub(super) converged: usize,
}

impl Classifier {
    /// Fits every penalty, takes the one with the fewest errors on `validation` and counts its errors on `test`.
    ///
    /// Each fit starts where that of the next larger penalty ended: the loss has one minimum, which is found in fewer
    /// steps so. Fits that have not converged are no candidates, for stopping early is a penalty too, an unnamed one;
    /// of penalties with equally many errors the largest wins.
    ///
    /// # Errors
    /// When no fit converges, or it is stopped.
    pub(super) fn choose(
        &self,
        training: Labelled<'_>,
        validation: Labelled<'_>,
        test: Labelled<'_>,
    ) -> Result<Chosen, String> {
        let records = DatasetBase::new(training.features, Array1::from(training.labels.to_vec()));
        let rows = training.labels.len() as f64;
        let mut start: Option<Array2<f64>> = None;
        // Its error on the validation rows, itself, what is known of it.
        let mut best: Option<(f64, Model, Chosen)> = None;
        let (mut converged, mut least, mut failure) = (0, f64::INFINITY, String::new());
        for &penalty in &self.penalties {
            if self.stop.is_stopped() {
                return Err("stopped".to_owned());
            }
            // The solver's loss and gradient are sums over the rows.
            let mut solver = MultiLogisticRegression::default()
                .alpha(penalty * rows)
                .gradient_tolerance(self.tolerance * rows)
                .max_iterations(self.iterations);
            if let Some(start) = &start {
                solver = solver.initial_params(start.clone());
            }
            // A line search that finds no better point ends a fit as the last iteration does: not converged.
            let model = match solver.fit(&records) {
                Ok(model) => model,
                Err(error) => {
                    failure = format!("; with penalty {penalty}: {error}");
                    continue;
                }
            };
            let gradient = remaining_gradient(&model, training, penalty);
            start = Some(with_intercept(&model)?);
            least = least.min(gradient);
            // No number is no convergence either.
            if gradient.is_nan() || gradient > SLACK * self.tolerance {
                continue;
            }
            converged += 1;
            let error = error_rate(&model, validation);
            if best.as_ref().is_none_or(|(fewest, _, _)| error < *fewest) {
                best = Some((error, model, Chosen { penalty, test_error: 0.0, gradient, converged: 0 }));
            }
        }
        let (_, model, chosen) = best.ok_or_else(|| {
            format!(
                "no penalty's fit on {rows} rows of {} features came to a gradient of {} within {} iterations (least \
                 {least:.1e}{failure}): allow more iterations, a larger tolerance or larger penalties",
                training.features.ncols(),
                self.tolerance,
                self.iterations
            )
        })?;
        Ok(Chosen { test_error: error_rate(&model, test), converged, ..chosen })
    }
}

type Model = MultiFittedLogisticRegression<f64, u32>;

/// Weights above intercepts, `[features + 1, classes]`, as the solver takes them.
fn with_intercept(model: &Model) -> Result<Array2<f64>, String> {
    let intercept = model.intercept().view().insert_axis(Axis(0));
    concatenate(Axis(0), &[model.params().view(), intercept]).map_err(|error| error.to_string())
}

/// Length of the gradient of the mean loss with its penalty.
///
/// Computed anew, with each row's own largest score taken out of its softmax: the solver takes out the largest of all
/// rows, which loses rows whose scores lie 35 below it, and would not see that it did.
fn remaining_gradient(model: &Model, training: Labelled<'_>, penalty: f64) -> f64 {
    let mut residuals = model.predict_probabilities(&training.features);
    for (mut row, label) in residuals.rows_mut().into_iter().zip(training.labels) {
        // Every label is a class, for the classes are taken from the labels.
        if let Ok(class) = model.classes().binary_search(label) {
            row[class] -= 1.0;
        }
    }
    residuals /= training.labels.len() as f64;
    let weights = training.features.t().dot(&residuals) + model.params() * penalty;
    let intercept = residuals.sum_axis(Axis(0));
    weights.iter().chain(&intercept).map(|component| component * component).sum::<f64>().sqrt()
}

/// Share of rows whose most probable class is not theirs.
fn error_rate(model: &Model, rows: Labelled<'_>) -> f64 {
    let predicted: Array1<u32> = model.predict(&rows.features);
    let wrong = predicted.iter().zip(rows.labels).filter(|(predicted, label)| predicted != label).count();
    wrong as f64 / rows.labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled<'a>(features: &'a Array2<f64>, labels: &'a [u32]) -> Labelled<'a> {
        Labelled { features: features.view(), labels }
    }

    /// One feature, -1 or 1, and two classes: with a share s of each side in its class, the weights are `(-w, w)` with
    /// `s - sigma(2 w) = penalty w` and no intercept: the derivative of the mean loss by w, halved.
    #[test]
    fn fit_has_the_weights_that_the_penalised_loss_asks_for() {
        let features = Array2::from_shape_vec((8, 1), vec![-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]).expect("8");
        let labels = [0, 0, 0, 1, 1, 1, 1, 0];
        for penalty in [0.03, 0.3] {
            // w - (3/4 - sigma(2 w)) / penalty rises in w: bisection.
            let (mut low, mut high) = (0.0_f64, 10.0_f64);
            for _ in 0..60 {
                let w = 0.5 * (low + high);
                if 0.75 - 1.0 / (1.0 + (-2.0 * w).exp()) > penalty * w { low = w } else { high = w }
            }
            let records = DatasetBase::new(features.view(), Array1::from(labels.to_vec()));
            let solver = MultiLogisticRegression::default().alpha(penalty * 8.0).gradient_tolerance(1e-9);
            let model = solver.fit(&records).expect("a fit");
            // The loss curves by at least the penalty, and the gradient's sum over 8 rows is at most 1e-9.
            assert!((model.params()[[0, 1]] - low).abs() < 1e-9 / penalty, "{penalty}: {} {low}", model.params());
            assert!(remaining_gradient(&model, labelled(&features, &labels), penalty) <= 1e-9);
            let other = remaining_gradient(&model, labelled(&features, &labels), 2.0 * penalty);
            // Twice the penalty adds penalty W, of length sqrt(2) penalty w.
            assert!((other - 2.0_f64.sqrt() * penalty * low).abs() < 1e-8);
        }
    }

    #[test]
    fn penalty_is_chosen_on_the_rows_held_out_and_not_on_the_test_rows() {
        // Training shows one odd row of a rare, loud feature: a small penalty believes it, a large one does not.
        let training = Array2::from_shape_vec((6, 2), vec![1., 0., 1., 0., 1., 3., -1., 0., -1., 0., -1., 0.]);
        let training = training.expect("6 x 2");
        let labels = [1, 1, 0, 0, 0, 0];
        let held_out = Array2::from_shape_vec((2, 2), vec![1.0, 3.0, -1.0, 0.0]).expect("2 x 2");
        let classifier =
            Classifier { penalties: vec![10.0, 1e-3], iterations: 500, tolerance: 1e-6, stop: StopFlag::new() };
        let choose = |validation: [u32; 2], test: [u32; 2]| {
            let (validation, test) = (labelled(&held_out, &validation), labelled(&held_out, &test));
            classifier.choose(labelled(&training, &labels), validation, test).expect("a choice")
        };
        // With penalty 10 the intercepts rule and all rows are of class 0, as with 1e-3 here: the tie takes the larger.
        let tie = choose([0, 0], [0, 1]);
        assert_eq!((tie.penalty, tie.test_error, tie.converged), (10.0, 0.5, 2));
        let clear = Array2::from_shape_vec((1, 2), vec![1.0, 0.0]).expect("1 x 2");
        let chosen = classifier
            .choose(labelled(&training, &labels), labelled(&clear, &[1]), labelled(&held_out, &[0, 0]))
            .expect("a choice");
        assert_eq!((chosen.penalty, chosen.test_error), (1e-3, 0.0));
    }

    #[test]
    fn fits_that_were_stopped_early_are_no_candidates() {
        let features = Array2::from_shape_vec((4, 1), vec![-2.0, -1.0, 1.0, 3.0]).expect("4");
        let labels = [0, 0, 1, 1];
        let rows = labelled(&features, &labels);
        let classifier = Classifier { penalties: vec![1e-6], iterations: 1, tolerance: 1e-9, stop: StopFlag::new() };
        let refused = classifier.choose(rows, rows, rows).expect_err("one step does not converge");
        assert!(refused.contains("within 1 iterations"), "{refused}");
    }
}
