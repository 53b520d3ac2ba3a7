//! Cells that take their steps together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rbm_train::{Advanced, Trainer, advance_together};

use super::StopFlag;

/// Steps that cells on a GPU take together before each is looked at again: few enough that a wish to stop is soon
/// obeyed.
const STEPS_ON_A_GPU: usize = 32;

/// Cells of one shape, each run by a thread of its own, whose steps are taken together once all have asked for one.
///
/// A cell that is evaluated or writes a checkpoint keeps the others waiting; one that has ended leaves. All stop at the
/// same step, so that they find together again when they are gone on with.
#[derive(Debug)]
pub struct Cohort<'a> {
    stop: &'a StopFlag,
    meeting: Mutex<Meeting>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct Meeting {
    members: usize,
    /// Those that have left.
    left: BTreeSet<usize>,
    /// Whether the wish to stop was seen, for good.
    stopped: bool,
    /// Those that have asked, and what of.
    asking: BTreeMap<usize, Trainer>,
    answers: BTreeMap<usize, Turn>,
}

/// What comes of asking for steps.
#[derive(Debug)]
pub enum Turn {
    /// Some steps, and this cell's share of the time that all took for them.
    Advanced(Box<Advanced>, Duration),
    /// None: there is the wish to stop.
    Stopped(Box<Trainer>),
}

/// A cell's place in a cohort; it is left when this is dropped.
#[derive(Debug)]
pub struct Seat<'a> {
    cohort: &'a Cohort<'a>,
    number: usize,
}

impl<'a> Cohort<'a> {
    /// A cohort of so many members; each must take its seat.
    pub fn new(members: usize, stop: &'a StopFlag) -> Self {
        let meeting = Meeting { members, ..Meeting::default() };
        Self { stop, meeting: Mutex::new(meeting), turn: Condvar::new() }
    }

    /// The seat of one member.
    pub fn seat(&'a self, number: usize) -> Seat<'a> {
        Seat { cohort: self, number }
    }

    /// A panic in one member's step takes no other along.
    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meeting {
    /// Takes the steps of all, who have asked; or hands all back, where there is the wish to stop.
    fn take_steps(&mut self, stop: &StopFlag) {
        let asking = std::mem::take(&mut self.asking);
        self.stopped |= stop.is_stopped();
        if self.stopped {
            self.answers.extend(asking.into_iter().map(|(number, one)| (number, Turn::Stopped(Box::new(one)))));
            return;
        }
        let (numbers, trainers): (Vec<usize>, Vec<Trainer>) = asking.into_iter().unzip();
        let most = if trainers.iter().all(Trainer::is_fused_on_gpu) { STEPS_ON_A_GPU } else { 1 };
        let (count, begun) = (trainers.len() as u32, Instant::now());
        let advanced = advance_together(trainers, most);
        let share = begun.elapsed() / count;
        let turns = advanced.into_iter().map(|one| Turn::Advanced(Box::new(one), share));
        self.answers.extend(numbers.into_iter().zip(turns));
    }
}

impl Meeting {
    /// The steps of one that has left and came again: it begins anew, since what lay there was damaged.
    fn take_steps_of_one(&mut self, number: usize, stop: &StopFlag) -> Turn {
        let others = std::mem::take(&mut self.asking);
        let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) = others.into_iter().partition(|(at, _)| *at == number);
        self.asking = own;
        self.take_steps(stop);
        self.asking = others;
        self.answers.remove(&number).expect("it asked")
    }
}

impl Seat<'_> {
    /// Some steps of this member's training, as soon as all the others have come for theirs.
    ///
    /// # Panics
    /// If a step of the member that took them for all panicked.
    pub fn advance(&self, trainer: Trainer) -> Turn {
        let mut meeting = self.cohort.lock();
        meeting.asking.insert(self.number, trainer);
        if meeting.left.contains(&self.number) {
            return meeting.take_steps_of_one(self.number, self.cohort.stop);
        }
        loop {
            if meeting.asking.len() == meeting.members {
                // The lock is held: nobody else has anything to do.
                meeting.take_steps(self.cohort.stop);
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

impl Seat<'_> {
    /// Lets the others go on without this one.
    pub fn leave(&self) {
        let mut meeting = self.cohort.lock();
        if meeting.left.insert(self.number) {
            meeting.members -= 1;
            // The others may have waited for this one alone.
            self.cohort.turn.notify_all();
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
