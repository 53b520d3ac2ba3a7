//! What can go wrong in choosing a device or an instruction set.

use crate::{BackendName, Isa};

/// Why there is no device for a backend's word, or no such instruction set.
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
    /// The word names no instruction set.
    #[error("RBM_ISA is `{word}`, expected one of `portable`, `avx2`, `avx512`")]
    UnknownIsa {
        /// The word as written.
        word: String,
    },
    /// The instruction set exists, but this processor lacks it.
    #[error("RBM_ISA is `{isa}`, which this processor does not have; its widest is `{widest}`")]
    NoIsa {
        /// What was asked for.
        isa: Isa,
        /// What there is.
        widest: Isa,
    },
}
