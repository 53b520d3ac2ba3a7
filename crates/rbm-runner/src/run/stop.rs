//! The wish to stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A wish to stop, shared by whoever may have it and whoever must obey it. It is looked at before each step.
#[derive(Clone, Debug, Default)]
pub struct StopFlag {
    stopped: Arc<AtomicBool>,
    /// Looks left before it raises itself.
    looks: Option<Arc<AtomicU64>>,
}

impl StopFlag {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that raises itself when it is looked at for the `looks`-th time: for tests of interrupted runs.
    pub fn after(looks: u64) -> Self {
        Self { stopped: Arc::default(), looks: Some(Arc::new(AtomicU64::new(looks))) }
    }

    /// Raises it, for good.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it is up.
    pub fn is_stopped(&self) -> bool {
        if let Some(looks) = &self.looks {
            let count_down = |left: u64| Some(left.saturating_sub(1));
            let before = looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down);
            if before.is_ok_and(|before| before <= 1) {
                self.stop();
            }
        }
        self.stopped.load(Ordering::Relaxed)
    }
}
