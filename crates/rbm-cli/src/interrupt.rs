//! Ctrl-C: first a wish, then an order.

use rbm_runner::StopFlag;

use crate::{context::Screen, diagnose::Failure};

/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// From now on, Ctrl-C (and the system's wish to end) raises `stop`; a second one ends the process at once.
///
/// Workers stop with a checkpoint even then: the end of this process closes their inputs.
pub(crate) fn listen(stop: &StopFlag, screen: &Screen) -> Result<(), Failure> {
    listen_and_say(stop, screen, "stopping after a checkpoint; again to stop at once")
}

/// The same where not all work has checkpoints, with what is said at the first Ctrl-C.
pub(crate) fn listen_and_say(stop: &StopFlag, screen: &Screen, said: &'static str) -> Result<(), Failure> {
    let (stop, screen) = (stop.clone(), screen.clone());
    ctrlc::set_handler(move || {
        if stop.is_stopped() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.stop();
        screen.warn(said);
    })
    .map_err(|error| Failure::machine(format!("failed to listen for Ctrl-C: {error}")))
}

/// As [`listen`], without a word and without work to bring to an end: for a screen that is only looked at.
pub(crate) fn listen_quietly(stop: &StopFlag) -> Result<(), Failure> {
    let stop = stop.clone();
    ctrlc::set_handler(move || stop.stop())
        .map_err(|error| Failure::machine(format!("failed to listen for Ctrl-C: {error}")))
}
