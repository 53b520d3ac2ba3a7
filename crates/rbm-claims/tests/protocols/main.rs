//! Protocols at small sizes: what must hold, and that a wrong formula would be seen.

mod common;
mod conditionals;
mod gradient;
