//! Numbers as files hold them, made into values in `[0, 1]`.
//!
//! bool: 0 and 1. u8: 0 and 1 if there is nothing above 1, else `byte / 255`. Other whole numbers: 0 and 1, or, if the
//! largest is exactly 255, `value / 255`. f16 is not read; f32 and f64 must lie in `[0, 1]`.

use crate::error::FileProblem;
use crate::rows::Grey;

/// Type of a stored number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Element {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The number at the start of the bytes.
    pub(crate) fn read(self, bytes: &[u8], big_endian: bool) -> f64 {
        macro_rules! number {
            ($kind:ty) => {{
                let mut raw = [0; size_of::<$kind>()];
                raw.copy_from_slice(&bytes[..size_of::<$kind>()]);
                (if big_endian { <$kind>::from_be_bytes(raw) } else { <$kind>::from_le_bytes(raw) }) as f64
            }};
        }
        match self {
            Self::Bool => f64::from(u8::from(bytes[0] != 0)),
            Self::U8 => f64::from(bytes[0]),
            Self::I8 => f64::from(bytes[0] as i8),
            Self::U16 => number!(u16),
            Self::I16 => number!(i16),
            Self::U32 => number!(u32),
            Self::I32 => number!(i32),
            Self::U64 => number!(u64),
            Self::I64 => number!(i64),
            Self::F32 => number!(f32),
            Self::F64 => number!(f64),
        }
    }
}

pub(crate) fn is_state(value: f64) -> bool {
    value == 0.0 || value == 1.0
}

/// Unsigned bytes as values.
pub(crate) fn from_bytes(mut bytes: Vec<u8>) -> Grey {
    if bytes.iter().all(|&byte| byte <= 1) {
        bytes.iter_mut().for_each(|byte| *byte *= 255);
    }
    Grey::Bytes(bytes)
}

/// Numbers as values; `value(index)` is called several times for each of `units * rows` places.
pub(crate) fn from_numbers(
    count: usize,
    units: usize,
    float: bool,
    value: impl Fn(usize) -> f64,
) -> Result<Grey, FileProblem> {
    let inside = |value: f64| (0.0..=1.0).contains(&value); // false for NaN
    if let Some(bad) = (0..count).find(|&index| !inside(value(index))) {
        if (0..count).all(|index| value(index).abs() == 1.0) {
            return Err(FileProblem::Spins);
        }
        let max = (0..count).map(&value).fold(f64::NEG_INFINITY, f64::max);
        let whole_and_positive = !float && (0..count).all(|index| value(index) >= 0.0);
        if whole_and_positive && max == 255.0 {
            return Ok(Grey::Bytes((0..count).map(|index| value(index) as u8).collect()));
        }
        return Err(if whole_and_positive {
            FileProblem::Integers { max }
        } else {
            FileProblem::Range { row: bad / units, unit: bad % units, value: value(bad) }
        });
    }
    if (0..count).all(|index| is_state(value(index))) {
        return Ok(Grey::Bytes((0..count).map(|index| if value(index) == 1.0 { 255 } else { 0 }).collect()));
    }
    Ok(Grey::Floats((0..count).map(|index| value(index) as f32).collect()))
}

/// Class numbers: whole, not negative, below 2^32.
pub(crate) fn labels(count: usize, value: impl Fn(usize) -> f64) -> Result<Vec<u32>, FileProblem> {
    (0..count)
        .map(|index| {
            let label = value(index);
            if label >= 0.0 && label <= f64::from(u32::MAX) && label.fract() == 0.0 {
                Ok(label as u32)
            } else {
                Err(FileProblem::Labels(format!("label {index} (from 0) is {label}, not a whole number from 0")))
            }
        })
        .collect()
}
