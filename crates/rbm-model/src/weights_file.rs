//! The weights file: safetensors with `weights [hidden, visible]`, `visible_bias [visible]`, `hidden_bias [hidden]`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::{Error, Parameters, Precision};

/// The metadata key that holds the canonical JSON of the config that made the weights.
pub const CONFIG_KEY: &str = "rbm_lab_config";

/// What a weights file holds.
#[derive(Clone, Debug)]
pub struct StoredWeights {
    /// The numbers, widened to f64.
    pub parameters: Parameters,
    /// The width they are stored in.
    pub precision: Precision,
    /// Canonical JSON of the config that made them, where the file says.
    pub config: Option<String>,
}

/// Reads a weights file, with or without metadata, in F32 or F64.
///
/// # Errors
/// When the file cannot be read, is not safetensors, lacks a tensor, or holds shapes or numbers that make no machine.
pub fn read(path: &Path) -> Result<StoredWeights, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.into(), source })?;
    from_bytes(&bytes).map_err(|reason| Error::Weights { path: path.into(), reason })
}

/// Reads weights from a file's bytes.
///
/// # Errors
/// What is wrong with them.
pub fn from_bytes(bytes: &[u8]) -> Result<StoredWeights, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| format!("not safetensors ({error})"))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("not safetensors ({error})"))?;
    let tensor = |name: &str, dimensions: usize| {
        let view = file.tensor(name).map_err(|_| {
            format!("it has no tensor `{name}`; it holds {:?}, and weights, visible_bias and hidden_bias are needed", {
                let mut names = file.names();
                names.sort_unstable();
                names
            })
        })?;
        if view.shape().len() != dimensions {
            return Err(format!("`{name}` has shape {:?}, not {dimensions} dimensions", view.shape()));
        }
        Ok(view)
    };
    let (weights, visible_bias, hidden_bias) =
        (tensor("weights", 2)?, tensor("visible_bias", 1)?, tensor("hidden_bias", 1)?);
    if weights.shape() != [hidden_bias.shape()[0], visible_bias.shape()[0]] {
        return Err(format!(
            "`weights` has shape {:?}, but the biases ask for [{}, {}] (hidden, visible)",
            weights.shape(),
            hidden_bias.shape()[0],
            visible_bias.shape()[0]
        ));
    }
    let precision = match (weights.dtype(), visible_bias.dtype(), hidden_bias.dtype()) {
        (Dtype::F32, Dtype::F32, Dtype::F32) => Precision::F32,
        (Dtype::F64, Dtype::F64, Dtype::F64) => Precision::F64,
        (w, a, b) => return Err(format!("the tensors are {w:?}, {a:?} and {b:?}; all must be F32, or all F64")),
    };
    let numbers = |name: &str, view: &TensorView<'_>| {
        let numbers = widen(view.data(), precision);
        match numbers.iter().position(|x| !x.is_finite()) {
            Some(at) => Err(format!("`{name}` holds {} at position {at}", numbers[at])),
            None => Ok(numbers),
        }
    };
    let parameters = Parameters::new(
        numbers("weights", &weights)?,
        numbers("visible_bias", &visible_bias)?,
        numbers("hidden_bias", &hidden_bias)?,
    )
    .map_err(|error| error.to_string())?;
    let config = header.metadata().as_ref().and_then(|metadata| metadata.get(CONFIG_KEY).cloned());
    Ok(StoredWeights { parameters, precision, config })
}

/// The bytes of a weights file: the same for the same numbers and config.
///
/// # Errors
/// When the header cannot be written.
pub fn to_bytes(parameters: &Parameters, precision: Precision, config: Option<&str>) -> Result<Vec<u8>, String> {
    let (m, n) = (parameters.visible(), parameters.hidden());
    let parts = [
        ("weights", vec![n, m], narrow(parameters.weights(), precision)),
        ("visible_bias", vec![m], narrow(parameters.visible_bias(), precision)),
        ("hidden_bias", vec![n], narrow(parameters.hidden_bias(), precision)),
    ];
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F64 => Dtype::F64,
    };
    let views = parts
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| error.to_string())?;
    let metadata = config.map(|config| HashMap::from([(CONFIG_KEY.to_owned(), config.to_owned())]));
    safetensors::serialize(views, metadata).map_err(|error| error.to_string())
}

/// Writes a weights file whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(path: &Path, parameters: &Parameters, precision: Precision, config: Option<&str>) -> Result<(), Error> {
    let bytes =
        to_bytes(parameters, precision, config).map_err(|reason| Error::Weights { path: path.into(), reason })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666); // the umask takes away what it must
        #[cfg(unix)]
        builder.permissions(everyone);
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| Error::Io { action: "write", path: path.into(), source })
}

fn widen(bytes: &[u8], precision: Precision) -> Vec<f64> {
    match precision {
        Precision::F32 => bytes.as_chunks().0.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
        Precision::F64 => bytes.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word)).collect(),
    }
}

fn narrow(numbers: &[f64], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
        Precision::F64 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}
