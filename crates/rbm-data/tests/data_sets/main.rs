//! Data sets through the public interface: what a config loads, and what it is told when it cannot.

mod common;
mod generated;
mod readers;
mod splits;
#[cfg(feature = "tables")]
mod tables;
