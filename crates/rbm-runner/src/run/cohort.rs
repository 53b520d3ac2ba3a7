//! Cells that take their steps together.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use rbm_train::{Advanced, Trainer, advance_together};

/// Steps that cells take together at most before each is looked at again: few enough that a wish to stop is soon obeyed.
const STEPS: usize = 32;

/// Cells of one shape, each run by a thread of its own, whose steps are taken together once all have asked for one.
///
/// A cell that is evaluated or writes a checkpoint keeps the others waiting; one that has ended leaves.
#[derive(Debug)]
pub struct Cohort {
    meeting: Mutex<Meeting>,
    turn: Condvar,
}

#[derive(Debug)]
struct Meeting {
    members: usize,
    /// Those that have asked, and what of.
    asking: BTreeMap<usize, Trainer>,
    answers: BTreeMap<usize, Advanced>,
}

/// A cell's place in a cohort; it is left when this is dropped.
#[derive(Debug)]
pub struct Seat<'a> {
    cohort: &'a Cohort,
    number: usize,
}

impl Cohort {
    /// A cohort of so many members; each must take its seat.
    pub fn new(members: usize) -> Self {
        let meeting = Meeting { members, asking: BTreeMap::new(), answers: BTreeMap::new() };
        Self { meeting: Mutex::new(meeting), turn: Condvar::new() }
    }

    /// The seat of one member.
    pub fn seat(&self, number: usize) -> Seat<'_> {
        Seat { cohort: self, number }
    }

    /// A panic in one member's step takes no other along.
    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat<'_> {
    /// Some steps of this member's training, as soon as all the others have come for theirs.
    ///
    /// # Errors
    /// Of its own steps.
    ///
    /// # Panics
    /// If a step of the member that took them for all panicked.
    pub fn advance(&self, trainer: Trainer) -> Advanced {
        let mut meeting = self.cohort.lock();
        meeting.asking.insert(self.number, trainer);
        loop {
            if meeting.asking.len() == meeting.members {
                let (numbers, trainers): (Vec<usize>, Vec<Trainer>) =
                    std::mem::take(&mut meeting.asking).into_iter().unzip();
                // The lock is held: nobody else has anything to do.
                let answers = advance_together(trainers, STEPS);
                meeting.answers.extend(numbers.into_iter().zip(answers));
                self.cohort.turn.notify_all();
            }
            if let Some(answer) = meeting.answers.remove(&self.number) {
                return answer;
            }
            assert!(meeting.asking.contains_key(&self.number), "the steps of another cell of the batch panicked");
            meeting = self.cohort.turn.wait(meeting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut meeting = self.cohort.lock();
        meeting.members -= 1;
        // The others may have waited for this one alone.
        self.cohort.turn.notify_all();
    }
}
