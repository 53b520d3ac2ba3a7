//! The words for backends.

use serde::{Deserialize, Serialize};

use crate::Error;

/// A backend as configs name it, whether or not this program was built with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendName {
    /// burn-flex: f32 and f64 on the CPU.
    #[default]
    Flex,
    /// burn-ndarray: f32 and f64 on the CPU, deprecated by burn.
    NdArray,
    /// burn-wgpu: f32 on GPUs through Vulkan, Metal, DX12 or WebGPU.
    Wgpu,
}

impl BackendName {
    /// Every backend, built in or not.
    pub const ALL: [Self; 3] = [Self::Flex, Self::NdArray, Self::Wgpu];

    /// The words of [`Self::ALL`].
    pub const WORDS: [&str; 3] = ["flex", "ndarray", "wgpu"];

    /// The word in configs.
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// Whether it computes in f64 too.
    pub fn has_f64(self) -> bool {
        self != Self::Wgpu
    }
}

impl std::fmt::Display for BackendName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for BackendName {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|backend| backend.word() == word)
            .ok_or_else(|| Error::UnknownBackend { word: word.into() })
    }
}
