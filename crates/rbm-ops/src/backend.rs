//! The words for backends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// A backend as configs name it, whether or not this program was built with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BackendName {
    /// burn-flex: f32 and f64 on the CPU.
    #[default]
    Flex,
    /// burn-ndarray: f32 and f64 on the CPU, deprecated by burn.
    NdArray,
    /// burn-wgpu: f32 on GPUs through Vulkan, Metal, DX12 or OpenGL.
    Wgpu(Adapter),
}

/// Which of wgpu's adapters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Adapter {
    /// `wgpu`: the fastest GPU, by wgpu's own judgement; a software driver where there is no GPU.
    #[default]
    Best,
    /// `wgpu:0`: a GPU by its number in `rbm backends --list`.
    Gpu(u8),
    /// `wgpu:cpu`: a software driver.
    Cpu,
}

impl BackendName {
    /// wgpu with the adapter that it thinks best.
    pub const WGPU: Self = Self::Wgpu(Adapter::Best);

    /// Every backend, built in or not; wgpu with the adapter that it thinks best.
    pub const ALL: [Self; 3] = [Self::Flex, Self::NdArray, Self::WGPU];

    /// The words of [`Self::ALL`].
    pub const WORDS: [&str; 3] = ["flex", "ndarray", "wgpu"];

    /// The word for the backend without its adapter: the name of the cargo feature that builds it.
    pub fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu(_) => "wgpu",
        }
    }

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu(_) => cfg!(feature = "wgpu"),
        }
    }

    /// Whether it computes on the processor itself.
    pub fn is_processor(self) -> bool {
        !matches!(self, Self::Wgpu(_))
    }

    /// Whether it computes in f64 too.
    pub fn has_f64(self) -> bool {
        !matches!(self, Self::Wgpu(_))
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wgpu(Adapter::Gpu(number)) => f.pad(&format!("wgpu:{number}")),
            Self::Wgpu(Adapter::Cpu) => f.pad("wgpu:cpu"),
            other => f.pad(other.feature()),
        }
    }
}

impl FromStr for BackendName {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        if let Some(backend) = Self::ALL.into_iter().find(|backend| backend.feature() == word) {
            return Ok(backend);
        }
        let adapter = word.strip_prefix("wgpu:").and_then(|adapter| match adapter {
            "cpu" => Some(Adapter::Cpu),
            number => number.parse().ok().map(Adapter::Gpu),
        });
        adapter.map(Self::Wgpu).ok_or_else(|| Error::UnknownBackend { word: word.into() })
    }
}

impl TryFrom<String> for BackendName {
    type Error = Error;

    fn try_from(word: String) -> Result<Self, Error> {
        word.parse()
    }
}

impl From<BackendName> for String {
    fn from(backend: BackendName) -> Self {
        backend.to_string()
    }
}
