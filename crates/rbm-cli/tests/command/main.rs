//! The real binary on temporary folders.

mod backends;
mod bad_input;
mod data;
mod evaluate;
#[cfg(unix)]
mod faults;
mod help;
#[cfg(unix)]
mod resume;
mod sweep;
mod world;
