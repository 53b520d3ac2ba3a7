//! Counter-based random numbers: Philox4x32-10, uniforms, normals, and the table of streams.
//!
//! A draw is a pure function of `(seed, stream, step, row, unit)`: there is no generator to carry along, so numbers
//! are the same on every device, for any number of threads and any order of work, and resuming is exact.
//!
//! ```
//! use rbm_random::{Draw, Stream};
//!
//! let draw = Draw { seed: 7, stream: Stream::TrainHidden, step: 3, row: 12 };
//! assert_eq!(draw.uniform(5), draw.uniform(5)); // unit 5 of row 12, however often and wherever it is asked for
//! assert_ne!(draw.uniform(5), draw.uniform(6));
//! ```

mod draw;
mod philox;
mod sequence;
mod stream;

pub use draw::{Draw, uniform_f32};
pub use philox::{M0, M1, ROUNDS, W0, W1, philox, philox_lanes};
pub use sequence::Sequence;
pub use stream::Stream;
