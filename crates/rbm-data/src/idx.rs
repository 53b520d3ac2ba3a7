//! The IDX format of MNIST: a magic number, the shape, then big-endian values.

use std::io::{self, Read};

use crate::element::{self, Element};
use crate::error::FileProblem;
use crate::rows::BitRows;
use crate::table::{self, Table, Values};

/// An IDX array as read.
#[derive(Debug)]
pub(crate) struct Idx {
    pub(crate) element: Element,
    pub(crate) shape: Vec<u64>,
    body: Body,
}

/// The values of an array.
#[derive(Debug)]
enum Body {
    /// As they stand in the file.
    Bytes(Vec<u8>),
    /// Packed while they were read.
    Bits(BitRows),
}

/// Rows of bytes that are read and packed at once, lest a whole set lie in memory as bytes.
const ROWS_AT_ONCE: usize = 64;

/// How many bytes a reader can give: known for a plain file, bounded for a packed one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Available {
    /// Length of the plain file.
    Exactly(u64),
    /// The most that is unpacked.
    AtMost(u64),
}

/// No more than this is allocated on a header's word; beyond it the buffer grows with what is really there.
const TRUSTED: u64 = 64 << 20;

impl Idx {
    /// Reads an array and asks that nothing follow it.
    pub(crate) fn read(reader: &mut dyn Read, available: Available) -> Result<Self, FileProblem> {
        Self::read_packing(reader, available, None)
    }

    /// The same, with rows of bytes packed to bits where `least` is given: a byte of at least that is a 1. Only for
    /// files whose bytes are known to be grey values: elsewhere bytes that are all 0 and 1 are states.
    pub(crate) fn read_packing(
        reader: &mut dyn Read,
        available: Available,
        least: Option<u8>,
    ) -> Result<Self, FileProblem> {
        let malformed = |reason: &str| FileProblem::Malformed { format: "IDX", reason: reason.into() };
        if matches!(available, Available::Exactly(0)) {
            return Err(FileProblem::Empty);
        }
        let header = |bytes: &mut [u8], reader: &mut dyn Read| {
            reader.read_exact(bytes).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => malformed("it ends within its header"),
                _ => FileProblem::Io(error),
            })
        };
        let mut magic = [0; 4];
        header(&mut magic, reader)?;
        let [0, 0, kind, dimensions] = magic else { return Err(malformed("it does not begin with two zero bytes")) };
        let element = match kind {
            0x08 => Element::U8,
            0x09 => Element::I8,
            0x0b => Element::I16,
            0x0c => Element::I32,
            0x0d => Element::F32,
            0x0e => Element::F64,
            other => return Err(FileProblem::Type(format!("0x{other:02x}"))),
        };
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let mut size = [0; 4];
            header(&mut size, reader)?;
            shape.push(u64::from(u32::from_be_bytes(size)));
        }
        let promised = shape
            .iter()
            .try_fold(element.size() as u64, |product, &n| product.checked_mul(n))
            .ok_or_else(|| FileProblem::Shape { shape: shape.clone() })?;
        match available {
            Available::Exactly(length) => {
                let found = length.saturating_sub(4 + 4 * u64::from(dimensions));
                if promised > found {
                    return Err(FileProblem::Truncated { promised, found });
                }
            }
            Available::AtMost(limit) if promised > limit => return Err(FileProblem::Bomb { limit }),
            Available::AtMost(_) => {}
        }
        if let (Some(least), Element::U8, Ok((rows, units, _))) = (least, element, table::layout(&shape)) {
            let bits = read_bits(reader, rows, units, least)?;
            return Ok(Self { element, shape, body: Body::Bits(bits) });
        }
        let mut body = Vec::with_capacity(promised.min(TRUSTED) as usize + 1);
        reader.take(promised + 1).read_to_end(&mut body)?;
        match body.len() as u64 {
            found if found < promised => Err(FileProblem::Truncated { promised, found }),
            found if found > promised => Err(FileProblem::TooLong { promised }),
            _ => Ok(Self { element, shape, body: Body::Bytes(body) }),
        }
    }

    /// The array as rows: its first dimension counts them.
    pub(crate) fn into_table(self) -> Result<Table, FileProblem> {
        let (rows, units, image) = table::layout(&self.shape)?;
        let grey = match (self.element, self.body) {
            (_, Body::Bits(bits)) => return Ok(Table { units, rows, values: Values::Bits(bits), labels: None, image }),
            (Element::U8, Body::Bytes(body)) => element::from_bytes(body),
            (kind, Body::Bytes(body)) => {
                let value = |index| kind.read(&body[index * kind.size()..], true);
                element::from_numbers(rows * units, units, kind.is_float(), value)?
            }
        };
        Table::new(&self.shape, grey)
    }

    /// The array as labels: one dimension.
    pub(crate) fn into_labels(self) -> Result<Vec<u32>, FileProblem> {
        let (&[count], Body::Bytes(body)) = (&self.shape[..], &self.body) else {
            return Err(FileProblem::Labels(format!("their shape is {:?}, not [rows]", self.shape)));
        };
        let size = self.element.size();
        element::labels(count as usize, |index| self.element.read(&body[index * size..], true))
    }
}

/// Reads `rows` rows of `units` bytes and packs them; asks that nothing follow them.
fn read_bits(reader: &mut dyn Read, rows: usize, units: usize, least: u8) -> Result<BitRows, FileProblem> {
    let promised = (rows * units) as u64;
    let mut bits = BitRows::with_capacity(rows, units);
    let mut buffer = Vec::with_capacity(ROWS_AT_ONCE * units + 1);
    let mut found = 0;
    loop {
        buffer.clear();
        // At the end, one byte more shows whether something follows.
        let wanted = (promised - found).min((ROWS_AT_ONCE * units) as u64).max(1);
        reader.take(wanted).read_to_end(&mut buffer)?;
        if found == promised {
            return if buffer.is_empty() { Ok(bits) } else { Err(FileProblem::TooLong { promised }) };
        }
        found += buffer.len() as u64;
        if (buffer.len() as u64) < wanted {
            return Err(FileProblem::Truncated { promised, found });
        }
        buffer.chunks_exact(units).for_each(|row| bits.push_bytes(row, least));
    }
}
