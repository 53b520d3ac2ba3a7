//! The law of chains along their steps.

use super::{
    WeightedRows,
    kernel::Halves,
    moments::{Moments, check_rows, moments_under},
};
use crate::{Error, Parameters};

/// The law of Gibbs chains that start at data, carried from step to step: `q T^k` over all states of the visible layer.
///
/// Rows may be grey: the first hidden states are drawn from the probabilities that the grey values give.
///
/// ```
/// use rbm_model::{Parameters, exact::{self, KernelWalk, WeightedRows}};
///
/// let machine = Parameters::new(vec![1.0, -0.5], vec![0.2, 0.1], vec![-0.3])?;
/// let rows = WeightedRows::new(2, &[0.0, 1.0])?;
/// let mut walk = KernelWalk::new(&machine, &rows)?;
/// walk.go_to(40);
/// assert!(exact::total_variation(walk.law(), &exact::visible_law(&machine)?) < 1e-12);
/// # Ok::<(), rbm_model::Error>(())
/// ```
pub struct KernelWalk<'a> {
    parameters: &'a Parameters,
    halves: Halves<'a>,
    law: Vec<f64>,
    k: u32,
}

impl<'a> KernelWalk<'a> {
    /// Chains after their first step.
    ///
    /// # Errors
    /// When the rows do not fit the machine, or it has more than [`LAYER_LIMIT`](super::LAYER_LIMIT) units in a layer or
    /// [`JOINT_LIMIT`](super::JOINT_LIMIT) in both together.
    pub fn new(parameters: &'a Parameters, rows: &WeightedRows) -> Result<Self, Error> {
        check_rows(parameters, rows)?;
        let halves = Halves::new(parameters)?;
        let law = halves.visible(&halves.hidden_of_rows(rows));
        Ok(Self { parameters, halves, law, k: 1 })
    }

    /// Goes on until `k` steps are done; does nothing where they are.
    pub fn go_to(&mut self, k: u32) {
        while self.k < k {
            self.law = self.halves.visible(&self.halves.hidden(&self.law));
            self.k += 1;
        }
    }

    /// Steps done.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The visible layer's law after them, `[2^visible]`.
    pub fn law(&self) -> &[f64] {
        &self.law
    }

    /// Expectation of the statistics under that law, with hidden probabilities.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn moments(&self) -> Result<Moments, Error> {
        moments_under(self.parameters, &self.law)
    }
}
