//! Protocols at small sizes: what must hold, and that a wrong formula would be seen.

mod bias_of_k;
mod common;
mod conditionals;
mod gibbs;
mod gradient;
mod memory_of_k;
mod partition_cost;
mod stop;
