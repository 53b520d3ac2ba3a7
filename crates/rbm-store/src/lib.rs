//! What lies under a results folder: cells, hashes, markers, leases, atomic writes.
//!
//! This crate knows folders, bytes and serde values. It knows nothing of tensors, tables, configs or of what a metric means.
//! The truth is what lies on disk: a cell is done when its marker stands *and* the hashes in it hold, nothing less.
//!
//! Reading goes through [`Results`], [`CellFolder`] and [`SweepFolder`], which never create anything. Writing to a cell goes
//! through the [`Lease`] that [`CellFolder::try_lease`] hands out, so that only the holder can write.
//!
//! ```
//! # fn main() -> Result<(), rbm_store::Error> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! use rbm_store::{CellId, CellState, Results, Terminal};
//!
//! let results = Results::open(folder.path())?;
//! let cell = results.cell(&CellId::of(b"what decides the numbers"));
//! let lease = cell.try_lease()?.expect("nobody else holds it");
//! lease.write_file("weights.safetensors", b"...")?;
//! lease.finish(Terminal::Done, None, &["weights.safetensors"])?;
//! assert_eq!(cell.state()?, CellState::Done);
//! # Ok(())
//! # }
//! ```

mod atomic;
mod cell;
mod checkpoint;
mod disk;
mod error;
mod faults;
mod hash;
mod layout;
mod lease;
mod marker;
mod metrics;
mod names;
mod results;
mod run_record;
mod sweep;
mod timestamp;
mod verify;

pub use atomic::write_atomically;
pub use cell::CellFolder;
pub use checkpoint::CheckpointFile;
pub use error::Error;
pub use hash::{CellId, sha256_of_bytes};
pub use lease::{Holder, Lease};
pub use marker::{CellState, FileHash, Marker, Status, Terminal};
pub use metrics::MetricsLog;
pub use names::{check_cell_name, check_name};
pub use results::{Listing, PassedOver, Results};
pub use run_record::RunRecord;
pub use sweep::{Created, SweepFiles, SweepFolder};
pub use timestamp::{now, parse_rfc3339, rfc3339};
pub use verify::{Finding, Severity, Verification};
