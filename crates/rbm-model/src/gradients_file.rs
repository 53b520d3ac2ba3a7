//! A file of gradients: safetensors with `<name>.weights [hidden, visible]`, `<name>.visible_bias [visible]` and
//! `<name>.hidden_bias [hidden]` for each, in F64.

use safetensors::tensor::{Dtype, TensorView};

use crate::exact::Gradient;

/// The bytes of a file that holds these gradients, each under its name.
///
/// # Errors
/// When the header cannot be written, as with a name given twice.
pub fn to_bytes<'a>(gradients: impl IntoIterator<Item = (&'a str, &'a Gradient)>) -> Result<Vec<u8>, String> {
    let mut parts = Vec::new();
    for (name, gradient) in gradients {
        let (m, n) = (gradient.visible_bias.len(), gradient.hidden_bias.len());
        for (part, shape, values) in [
            ("weights", vec![n, m], &gradient.weights),
            ("visible_bias", vec![m], &gradient.visible_bias),
            ("hidden_bias", vec![n], &gradient.hidden_bias),
        ] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            parts.push((format!("{name}.{part}"), shape, bytes));
        }
    }
    let mut names: Vec<&str> = parts.iter().map(|(name, ..)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("two tensors are named `{}`", pair[0]));
    }
    let views = parts
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| error.to_string())?;
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}
