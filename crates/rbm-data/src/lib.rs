//! Data sets as bit-packed rows with optional labels: generators, readers, splits, fetching with checksums.
//!
//! [`load`] turns a `[data]` section into a [`Dataset`]: file or generator, then `invert`, `rows`, the split, and
//! binarisation. Every value lies in `[0, 1]`; rows that hold nothing but 0 and 1 are kept as bits.
//!
//! ```
//! use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
//!
//! let config = DataConfig::new(Source::BarsAndStripes);
//! let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() }; // nothing is fetched for this one
//! let data = load(&config, std::path::Path::new("."), &folders, &NoProgress)?;
//! assert_eq!((data.train.len(), data.train.visible()), (16, 9));
//! # Ok::<(), rbm_data::Error>(())
//! ```

mod config;
mod dataset;
mod describe;
mod digest;
mod element;
mod error;
mod fetch;
mod file;
mod folders;
mod generated;
mod idx;
mod known;
mod npy;
mod progress;
mod rows;
mod split;
mod table;
#[cfg(feature = "tables")]
mod tables;
mod tensors;

pub use config::{Binarization, DataConfig, Source};
pub use dataset::{Dataset, epoch_order, load, load_expecting};
pub use describe::{DatasetDescription, SplitDescription};
pub use error::{Error, FileProblem};
pub use fetch::{Fetched, fetch};
pub use folders::DataFolders;
pub use progress::{FetchProgress, NoProgress};
pub use split::Split;
pub use table::ImageShape;
