//! Which of the compiled instruction sets the vector loops run on.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use pulp::NullaryFnOnce;

use crate::Error;

/// The environment variable that forces an instruction set.
pub const ISA_VARIABLE: &str = "RBM_ISA";

/// An instruction set that the vector loops are compiled for.
///
/// The loops use no fused multiply-add and add in a fixed order: all of them give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on 64-bit Arm.
    Portable,
    /// AVX2 on x86-64.
    Avx2,
    /// AVX-512 (F, BW, CD, DQ, VL) on x86-64.
    Avx512,
}

impl Isa {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this processor has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The one in use: what `RBM_ISA` names, else the widest that this processor has.
    ///
    /// # Panics
    /// Where `RBM_ISA` is refused: ask [`Self::from_environment`] first.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| match Self::from_environment() {
            Ok(isa) => isa,
            Err(error) => panic!("{error}"),
        })
    }

    /// What `RBM_ISA` names, else the widest that this processor has.
    ///
    /// # Errors
    /// When the variable holds no word for an instruction set, or that of one that this processor lacks.
    pub fn from_environment() -> Result<Self, Error> {
        let widest = Self::ALL.into_iter().rev().find(|isa| isa.is_here()).unwrap_or(Self::Portable);
        let Some(word) = std::env::var_os(ISA_VARIABLE) else { return Ok(widest) };
        let isa: Self = word.to_string_lossy().parse()?;
        if isa.is_here() { Ok(isa) } else { Err(Error::NoIsa { isa, widest }) }
    }

    /// Runs `f` compiled for this instruction set.
    ///
    /// What `f` calls is compiled for it where it is inlined: mark it `#[inline(always)]`.
    #[inline(always)]
    pub(crate) fn run<F: NullaryFnOnce>(self, f: F) -> F::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match pulp::x86::V3::try_new() {
                Some(simd) => simd.vectorize(f),
                None => f.call(),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match pulp::x86::V4::try_new() {
                Some(simd) => simd.vectorize(f),
                None => f.call(),
            },
            _ => f.call(),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Isa {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|isa| isa.word() == word).ok_or_else(|| Error::UnknownIsa { word: word.into() })
    }
}
