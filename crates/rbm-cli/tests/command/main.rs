//! The real binary on temporary folders.

mod backends;
mod bad_input;
#[cfg(unix)]
mod damage;
mod data;
mod evaluate;
#[cfg(unix)]
mod faults;
mod help;
#[cfg(unix)]
mod resume;
mod sweep;
mod world;
