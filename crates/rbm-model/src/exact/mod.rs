//! Exact quantities of machines that are small enough to enumerate, in f64 on the host.
//!
//! The smaller layer is enumerated, up to [`LIMIT`] units; the other layer is summed in closed form. Laws of whole
//! layers, up to [`LAYER_LIMIT`] units, are vectors indexed by state: bit `i` of the index is unit `i`. All sums run
//! over a fixed number of segments, so that results are the same bits for any number of threads.

mod distances;
mod eigenvalue;
mod enumeration;
mod gradient;
mod kernel;
mod kernel_walk;
mod log_partition;
mod moments;
mod products;
mod rows;
mod sample;

pub use distances::{chi_squared, kl_divergence, total_variation};
pub use eigenvalue::second_eigenvalue;
pub use gradient::{Gradient, expected_cd_gradient, gradient, mean_log_likelihood};
pub use kernel::{JOINT_LIMIT, kernel_step};
pub use kernel_walk::KernelWalk;
pub use log_partition::{estimated_seconds, log_partition, log_partition_with, visible_law};
pub use moments::{Moments, data_moments, moments, moments_and_log_partition, moments_under, second_moments_under};
pub use rows::WeightedRows;
pub use sample::{sample, sample_from};

/// The largest number of units in a layer that is enumerated without a table over its states: log Z, moments and
/// gradients. At 784 units in the other layer 2^26 states take about 7 seconds on one core, 2^32 about 8 minutes.
pub const LIMIT: usize = 32;

/// The largest number of units in the enumerated layer of exact samples, whose table over all states then takes 32 MB.
pub const TABLE_LIMIT: usize = 22;

/// The largest number of units in a layer over whose states a law is kept: 256 MB.
pub const LAYER_LIMIT: usize = 25;
