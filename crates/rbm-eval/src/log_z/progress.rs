//! Who watches an estimate, and may stop it.

use std::ops::ControlFlow;

use crate::Error;

/// Is told of work that is done, and says whether to go on; [`Error::Stopped`] is what comes of a break.
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// A [`Progress`] that nobody looks at.
pub fn unwatched(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Tells of one more unit of work.
pub(super) fn go_on(progress: Progress<'_>) -> Result<(), Error> {
    if progress(1).is_break() { Err(Error::Stopped) } else { Ok(()) }
}
