//! The crate as its users see it, on temporary folders.

mod cells;
mod fixture;
mod leases;
mod progress;
mod sweeps;
