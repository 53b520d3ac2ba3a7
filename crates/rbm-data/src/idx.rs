//! The IDX format of MNIST: a magic number, the shape, then big-endian values.

use std::io::{self, Read};

use crate::element::{self, Element};
use crate::error::FileProblem;
use crate::rows::Grey;
use crate::table::{self, Table};

/// An IDX array as read.
#[derive(Debug)]
pub(crate) struct Idx {
    pub(crate) element: Element,
    pub(crate) shape: Vec<u64>,
    pub(crate) body: Vec<u8>,
}

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
        let mut body = Vec::with_capacity(promised.min(TRUSTED) as usize + 1);
        reader.take(promised + 1).read_to_end(&mut body)?;
        match body.len() as u64 {
            found if found < promised => Err(FileProblem::Truncated { promised, found }),
            found if found > promised => Err(FileProblem::TooLong { promised }),
            _ => Ok(Self { element, shape, body }),
        }
    }

    /// The array as rows: its first dimension counts them.
    pub(crate) fn into_table(self) -> Result<Table, FileProblem> {
        let (rows, units, _) = table::layout(&self.shape)?;
        let grey = match self.element {
            Element::U8 => element::from_bytes(self.body),
            kind => self.numbers(kind, rows * units, units)?,
        };
        Table::new(&self.shape, grey)
    }

    fn numbers(&self, kind: Element, count: usize, units: usize) -> Result<Grey, FileProblem> {
        let size = kind.size();
        element::from_numbers(count, units, kind.is_float(), |index| kind.read(&self.body[index * size..], true))
    }

    /// The array as labels: one dimension.
    pub(crate) fn into_labels(self) -> Result<Vec<u32>, FileProblem> {
        let &[count] = &self.shape[..] else {
            return Err(FileProblem::Labels(format!("their shape is {:?}, not [rows]", self.shape)));
        };
        let size = self.element.size();
        element::labels(count as usize, |index| self.element.read(&self.body[index * size..], true))
    }
}
