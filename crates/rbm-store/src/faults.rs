//! Faults that strike at named steps of writing: in test builds alone, which have the feature `failpoints`.
//!
//! `FAILPOINTS="marker.rename=2*off->1*return(abort)"` in the environment kills the process on its third way to rename a
//! marker; `return(no-space)` fails the step as a full disk does, `return(torn)` leaves half of what was to be written and
//! kills the process. Where the variable `RBM_STEPS` names a file, each step that a process comes to is a line in it, after the process's
//! number; one at which a fault strikes has a second line.

use std::io;

/// What happens in the place of a step.
#[cfg_attr(not(feature = "failpoints"), expect(dead_code, reason = "test builds alone make any"))]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed before the step.
    Abort,
    /// The disk is full.
    NoSpace,
    /// The process is killed in the midst of a write.
    Torn,
}

impl Fault {
    /// Ends the process, or gives the error of a full disk.
    pub(crate) fn strike(self) -> io::Error {
        match self {
            Self::Abort | Self::Torn => std::process::abort(),
            Self::NoSpace => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// The fault arranged for a step, if one is.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn at(_: crate::disk::Point) -> Option<Fault> {
    None
}

#[cfg(feature = "failpoints")]
pub(crate) use armed::at;

#[cfg(feature = "failpoints")]
mod armed {
    use std::fs::File;
    use std::io::Write;

    use super::Fault;
    use crate::disk::Point;

    /// The variable with the file that the names of the steps go to.
    const STEPS: &str = "RBM_STEPS";

    pub(crate) fn at(point: Point) -> Option<Fault> {
        let name = point.to_string();
        note(&name);
        let fault = arranged(&name);
        if fault.is_some() {
            note(&format!("struck {name}"));
        }
        fault
    }

    fn note(what: &str) {
        if let Some(path) = std::env::var_os(STEPS) {
            let file = File::options().append(true).create(true).open(path);
            let line = format!("{} {what}\n", std::process::id());
            file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of steps");
        }
    }

    fn arranged(name: &str) -> Option<Fault> {
        fail::fail_point!(name, |fault| match fault.as_deref() {
            Some("abort") => Some(Fault::Abort),
            Some("no-space") => Some(Fault::NoSpace),
            Some("torn") => Some(Fault::Torn),
            other => panic!("there is no fault {other:?}"),
        });
        None
    }
}
