//! Several trainings of one shape, side by side.

use crate::{Error, StepInfo, Trainer};

/// What became of one of several trainings.
pub type Advanced = Result<(Trainer, StepInfo), Error>;

/// Takes steps of trainings in step with each other: up to `most` each, none beyond the end of an epoch of any of them.
///
/// Machines of one shape on a GPU are trained as one problem, with the same bytes as alone. Of each comes what its last
/// step did, or its error.
///
/// # Panics
/// If a training is over.
pub fn advance_together(trainers: Vec<Trainer>, most: usize) -> Vec<Advanced> {
    let steps = trainers.iter().map(Trainer::batches_left).min().unwrap_or(0).min(most.max(1));
    trainers.into_iter().map(|trainer| trainer.steps_of_one(steps)).collect()
}

impl Trainer {
    /// Steps until the running epoch is over.
    fn batches_left(&self) -> usize {
        self.batches() - self.batches_over()
    }

    fn steps_of_one(mut self, steps: usize) -> Advanced {
        let mut last = None;
        for _ in 0..steps {
            let (next, info) = self.step()?;
            (self, last) = (next, Some(info));
        }
        Ok((self, last.expect("at least one step is left in an epoch")))
    }
}
