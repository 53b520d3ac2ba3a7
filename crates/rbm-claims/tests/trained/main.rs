//! Protocols that read trained cells, on machines small enough to say what must come out.

mod claim;
mod common;
mod features;
mod listing;
mod test_likelihood;
