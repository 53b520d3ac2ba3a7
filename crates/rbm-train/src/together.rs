//! Several trainings of one shape, side by side.

use std::sync::Arc;

use rayon::prelude::*;
use rbm_ops::step_together;

use crate::{Error, StepInfo, Trainer, learner::rows_on, trainer::Planned};

/// What became of one of several trainings.
pub type Advanced = Result<(Trainer, StepInfo), Error>;

/// Takes steps of trainings in step with each other: up to `most` each, none beyond the end of an epoch of any of them.
///
/// Machines of one shape on a GPU that stand at the same batch of their epochs are trained as one problem, with the
/// same bytes as alone. Of each comes what its last step did, or its error.
///
/// # Panics
/// If a training is over.
pub fn advance_together(mut trainers: Vec<Trainer>, most: usize) -> Vec<Advanced> {
    let steps = trainers.iter().map(Trainer::batches_left).min().unwrap_or(0).min(most.max(1));
    let go_together = |one: &Trainer| trainers.iter().all(|other| one.goes_with(other));
    if trainers.len() < 2 || !trainers.first().is_some_and(go_together) {
        return trainers.into_iter().map(|trainer| trainer.steps_of_one(steps)).collect();
    }
    // The order of an epoch's rows takes as long to make as a step.
    trainers.par_iter_mut().for_each(|trainer| _ = trainer.plan());
    let mut all: Vec<Option<Advanced>> = trainers.iter().map(|_| None).collect();
    let mut going: Vec<(usize, Trainer)> = trainers.into_iter().enumerate().collect();
    for step in 1..=steps {
        let Some((_, one)) = going.first_mut() else { break };
        let planned = one.plan();
        let rows = rows_on(&one.learner.device(), &one.rows, planned.epoch());
        let plans: Vec<Planned> = going.iter_mut().map(|(_, trainer)| trainer.plan()).collect();
        let mut members = Vec::with_capacity(going.len());
        for ((_, trainer), plan) in going.iter_mut().zip(&plans) {
            let Trainer { learner, rows, order, .. } = trainer;
            members.extend(learner.together(plan.rows(rows, order), plan.key, plan.by));
        }
        step_together(&rows, planned.first, planned.count, &mut members);
        drop(members);
        let mut gone_on = Vec::with_capacity(going.len());
        for ((number, trainer), plan) in going.into_iter().zip(&plans) {
            let stepped = trainer.learner.stepped(plan.by);
            match stepped.and_then(|stepped| trainer.finish(plan, stepped)) {
                Ok((trainer, info)) if step == steps => all[number] = Some(Ok((trainer, info))),
                Ok((trainer, _)) => gone_on.push((number, trainer)),
                Err(error) => all[number] = Some(Err(error)),
            }
        }
        going = gone_on;
    }
    all.into_iter().map(|one| one.expect("each came to its last step or to an error")).collect()
}

impl Trainer {
    /// Steps until the running epoch is over.
    fn batches_left(&self) -> usize {
        self.batches() - self.batches_over()
    }

    /// Whether the next steps of two trainings can be taken as one problem.
    fn goes_with(&self, other: &Self) -> bool {
        let shape = |trainer: &Self| {
            let config = &trainer.config;
            let chains = trainer.learner.has_chains().then(|| config.chains_for(trainer.rows.len()));
            (trainer.batches_over(), config.batch_size, chains, trainer.units())
        };
        self.learner.is_fused_on_gpu()
            && other.learner.is_fused_on_gpu()
            && Arc::ptr_eq(&self.rows, &other.rows)
            && (self.rows.is_binary() || self.epoch() == other.epoch())
            && shape(self) == shape(other)
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
