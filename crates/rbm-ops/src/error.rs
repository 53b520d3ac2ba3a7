//! What can go wrong in opening a device.

use crate::BackendName;

/// Why there is no device for a backend's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The word names no backend.
    #[error("unknown variant `{word}`, expected one of `{}`, `wgpu:0`, `wgpu:cpu`", BackendName::WORDS.join("`, `"))]
    UnknownBackend {
        /// The word as written.
        word: String,
    },
    /// The backend exists, but this program was built without it.
    #[error(
        "this program was built without the backend `{backend}`; build one that has it: cargo build --release \
         --bin rbm --features {}",
        backend.feature()
    )]
    NotBuilt {
        /// The backend asked for.
        backend: BackendName,
    },
    /// The backend is built in, but this machine has nothing to run it on.
    #[error("no device for the backend `{backend}` on this machine: {reason}")]
    NoDevice {
        /// The backend asked for.
        backend: BackendName,
        /// What the driver said.
        reason: String,
    },
}
