//! Exact quantities of machines that are small enough to enumerate, in f64 on the host.
//!
//! The smaller layer is enumerated, up to [`LIMIT`] units; the other layer is summed in closed form. Laws of whole
//! layers are vectors indexed by state: bit `i` of the index is unit `i`. All sums run over a fixed number of segments,
//! so that results are the same bits for any number of threads.

mod distances;
mod eigenvalue;
mod enumeration;
mod gradient;
mod kernel;
mod log_partition;
mod moments;
mod rows;
mod sample;

pub use distances::{chi_squared, kl_divergence, total_variation};
pub use eigenvalue::second_eigenvalue;
pub use gradient::{Gradient, expected_cd_gradient, gradient, mean_log_likelihood};
pub use kernel::{JOINT_LIMIT, kernel_step};
pub use log_partition::{log_partition, visible_law};
pub use moments::{Moments, data_moments, moments, moments_under};
pub use rows::WeightedRows;
pub use sample::sample;

/// The largest number of units in an enumerated layer: 2^20 states of 784 units take about a fifth of a second, and a
/// table over them 8 MB.
pub const LIMIT: usize = 20;
