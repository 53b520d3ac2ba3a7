//! NumPy's formats: `.npy`, one array, and `.npz`, a zip of several.

use std::fs::File;
use std::io::BufReader;

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};
use zip::ZipArchive;

use crate::element::{self, Element};
use crate::error::FileProblem;
use crate::file::{read_limited, unpacked_limit};
use crate::table::{self, Table};

/// The name under which an array of labels may stand beside the rows, in `.npz` and safetensors files.
pub(crate) const LABELS: &str = "labels";

/// An array whose values are still in the file's bytes.
struct Array<'a> {
    element: Element,
    big_endian: bool,
    fortran: bool,
    shape: Vec<u64>,
    body: &'a [u8],
}

fn malformed(reason: impl ToString) -> FileProblem {
    FileProblem::Malformed { format: "NumPy", reason: reason.to_string() }
}

/// The rows of a `.npy` file.
pub(crate) fn read_npy(bytes: &[u8]) -> Result<Table, FileProblem> {
    Array::parse(bytes)?.into_table()
}

/// The rows of a `.npz` file: the array of this name, or the only one; an array `labels` beside it holds labels.
pub(crate) fn read_npz(file: File, key: Option<&str>) -> Result<Table, FileProblem> {
    let limit = unpacked_limit(file.metadata()?.len());
    let zip_problem =
        |error: zip::result::ZipError| FileProblem::Malformed { format: "zip", reason: error.to_string() };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_problem)?;
    let names: Vec<String> =
        archive.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned())).collect();
    let name = choose("array", names.clone(), key)?;
    let mut member = |name: &str| {
        let mut entry = archive.by_name(&format!("{name}.npy")).map_err(zip_problem)?;
        read_limited(&mut entry, limit).map_err(|problem| match problem {
            FileProblem::Io(error) => FileProblem::Malformed { format: "zip", reason: error.to_string() },
            other => other,
        })
    };
    let table = read_npy(&member(&name)?)?;
    let labels = if name != LABELS && names.iter().any(|name| name == LABELS) {
        Some(Array::parse(&member(LABELS)?)?.labels()?)
    } else {
        None
    };
    table.with_labels(labels)
}

/// The name asked for, or the only one but `labels`.
pub(crate) fn choose(kind: &'static str, mut names: Vec<String>, key: Option<&str>) -> Result<String, FileProblem> {
    names.sort();
    match key {
        Some(key) if names.iter().any(|name| name == key) => Ok(key.to_owned()),
        Some(key) => Err(FileProblem::NoSuchArray { kind, key: key.to_owned(), names }),
        None => {
            names.retain(|name| name != LABELS);
            match &names[..] {
                [only] => Ok(only.clone()),
                [] => Err(malformed("it holds no array of rows")),
                _ => Err(FileProblem::ManyArrays { names }),
            }
        }
    }
}

impl<'a> Array<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, FileProblem> {
        let text_length = match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, low, high, ..] => u64::from(u16::from_le_bytes([*low, *high])),
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
                u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
            }
            _ => return Err(malformed("it does not begin as one")),
        };
        // The parser allocates what the header says: it must not say more than there is.
        if text_length > bytes.len() as u64 {
            return Err(malformed("it ends within its header"));
        }
        let mut body = bytes;
        let header = NpyHeader::from_reader(&mut body).map_err(malformed)?;
        let DType::Plain(kind) = header.dtype() else { return Err(FileProblem::Type("record".into())) };
        let element = match (kind.type_char(), kind.size_field()) {
            (TypeChar::Bool, 1) => Element::Bool,
            (TypeChar::Uint, 1) => Element::U8,
            (TypeChar::Int, 1) => Element::I8,
            (TypeChar::Uint, 2) => Element::U16,
            (TypeChar::Int, 2) => Element::I16,
            (TypeChar::Uint, 4) => Element::U32,
            (TypeChar::Int, 4) => Element::I32,
            (TypeChar::Uint, 8) => Element::U64,
            (TypeChar::Int, 8) => Element::I64,
            (TypeChar::Float, 4) => Element::F32,
            (TypeChar::Float, 8) => Element::F64,
            _ => return Err(FileProblem::Type(format!("`{kind}`"))),
        };
        let shape = header.shape().to_vec();
        let promised = shape
            .iter()
            .try_fold(element.size() as u64, |product, &n| product.checked_mul(n))
            .ok_or_else(|| FileProblem::Shape { shape: shape.clone() })?;
        match body.len() as u64 {
            found if found < promised => Err(FileProblem::Truncated { promised, found }),
            found if found > promised => Err(FileProblem::TooLong { promised }),
            _ => Ok(Self {
                element,
                big_endian: kind.endianness() == Endianness::Big,
                fortran: header.order() == Order::Fortran,
                shape,
                body,
            }),
        }
    }

    fn number(&self, index: usize) -> f64 {
        self.element.read(&self.body[index * self.element.size()..], self.big_endian)
    }

    /// Where the value that stands at `index` in row order stands in the file.
    fn place(&self, mut index: usize) -> usize {
        if !self.fortran {
            return index;
        }
        let count: usize = self.shape.iter().map(|&n| n as usize).product();
        let (mut place, mut stride) = (0, count);
        for &n in self.shape.iter().rev() {
            stride /= n as usize;
            place += stride * (index % n as usize);
            index /= n as usize;
        }
        place
    }

    fn into_table(self) -> Result<Table, FileProblem> {
        let (rows, units, _) = table::layout(&self.shape)?;
        let grey = if self.element == Element::U8 {
            element::from_bytes((0..rows * units).map(|index| self.body[self.place(index)]).collect())
        } else {
            let float = self.element.is_float();
            element::from_numbers(rows * units, units, float, |index| self.number(self.place(index)))?
        };
        Table::new(&self.shape, grey)
    }

    fn labels(&self) -> Result<Vec<u32>, FileProblem> {
        let &[count] = &self.shape[..] else {
            return Err(FileProblem::Labels(format!("their shape is {:?}, not [rows]", self.shape)));
        };
        element::labels(count as usize, |index| self.number(index))
    }
}
