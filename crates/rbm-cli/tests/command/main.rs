//! The real binary on temporary folders.

mod backends;
mod bad_input;
mod bias;
#[cfg(unix)]
mod damage;
mod data;
mod evaluate;
#[cfg(unix)]
mod faults;
mod help;
mod log_z;
mod mixing;
mod reproduce;
mod reproduce_pages;
#[cfg(unix)]
mod reproduce_results;
#[cfg(unix)]
mod resume;
mod sweep;
mod world;
