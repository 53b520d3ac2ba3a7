//! SHA-256 of bytes and files, and the id of a cell.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// How many hexadecimal digits a folder's name carries.
pub(crate) const SHORT: usize = 12;

/// The SHA-256 of `bytes` as 64 hexadecimal digits.
pub fn sha256_of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Whether `text` consists of `digits` lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The id of a cell: 64 lower-case hexadecimal digits, the SHA-256 of everything that decides its numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId(String);

impl CellId {
    /// The id made of the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256_of_bytes(bytes))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, which name the cell's folder.
    pub fn short(&self) -> &str {
        &self.0[..SHORT]
    }
}

impl FromStr for CellId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for CellId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        if is_hex(&text, 64) {
            Ok(Self(text))
        } else {
            Err(Error::Id { text, reason: "the id of a cell is 64 lower-case hexadecimal digits" })
        }
    }
}

impl From<CellId> for String {
    fn from(id: CellId) -> Self {
        id.0
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CellId({})", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_agree_with_the_published_vector() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of_bytes(b"abc"), expected);
    }

    #[test]
    fn ids_are_64_lower_case_digits_and_nothing_else() {
        let id = CellId::of(b"abc");
        assert_eq!(id.short(), "ba7816bf8f01");
        assert_eq!(id.as_str().parse::<CellId>().expect("an id"), id);
        for wrong in ["", "ba78", &id.as_str().to_uppercase(), &"g".repeat(64), &"é".repeat(32)] {
            let error = wrong.parse::<CellId>().expect_err("not an id");
            assert!(error.is_user_mistake(), "{error}");
        }
        let json = serde_json::to_string(&id).expect("serialises");
        assert_eq!(serde_json::from_str::<CellId>(&json).expect("reads back"), id);
        assert!(serde_json::from_str::<CellId>("\"abc\"").is_err());
    }
}
