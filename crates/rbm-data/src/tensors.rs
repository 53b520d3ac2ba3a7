//! Rows in a safetensors file.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::element::{self, Element};
use crate::error::FileProblem;
use crate::npy::{LABELS, choose};
use crate::table::{self, Table};

/// The rows of the tensor of this name, or of the only one; a tensor `labels` beside it holds labels.
pub(crate) fn read(bytes: &[u8], key: Option<&str>) -> Result<Table, FileProblem> {
    let malformed = |reason: safetensors::SafeTensorError| FileProblem::Malformed {
        format: "safetensors",
        reason: reason.to_string(),
    };
    let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
    let names: Vec<String> = file.names().into_iter().map(|name| name.to_string()).collect();
    let name = choose("tensor", names.clone(), key)?;
    let tensor = file.tensor(&name).map_err(malformed)?;
    let shape: Vec<u64> = tensor.shape().iter().map(|&n| n as u64).collect();
    let (rows, units, _) = table::layout(&shape)?;
    let (kind, values) = (element(&tensor)?, tensor.data());
    let grey = if kind == Element::U8 {
        element::from_bytes(values.to_vec())
    } else {
        let number = |index: usize| kind.read(&values[index * kind.size()..], false);
        element::from_numbers(rows * units, units, kind.is_float(), number)?
    };
    let labels = if name != LABELS && names.iter().any(|name| name == LABELS) {
        let tensor = file.tensor(LABELS).map_err(malformed)?;
        let &[count] = tensor.shape() else {
            return Err(FileProblem::Labels(format!("their shape is {:?}, not [rows]", tensor.shape())));
        };
        let kind = element(&tensor)?;
        Some(element::labels(count, |index| kind.read(&tensor.data()[index * kind.size()..], false))?)
    } else {
        None
    };
    Table::new(&shape, grey)?.with_labels(labels)
}

fn element(tensor: &TensorView<'_>) -> Result<Element, FileProblem> {
    Ok(match tensor.dtype() {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => return Err(FileProblem::Type(format!("{other:?}"))),
    })
}
