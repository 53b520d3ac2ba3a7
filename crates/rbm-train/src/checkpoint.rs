//! What a training run needs to go on, as bytes.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{DType, Tensor, TensorData};
use rbm_model::{Precision, Rbm};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::gradient::host;
use crate::{Error, EstimatorState, Gradient, Offsets, Swaps, Tempered};

/// The metadata key that holds the counters.
const KEY: &str = "rbm_lab_checkpoint";
/// Raised when the meaning of a field changes; another number is refused.
const SCHEMA: u32 = 1;

/// Counters of a run, and what the caller keeps beside them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Version of this format.
    pub schema: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Epochs that are over.
    pub epoch: u32,
    /// Batches of the next epoch that are over.
    pub batch: usize,
    /// Steps taken.
    pub step: u64,
    /// Gibbs steps taken.
    pub gibbs_step: u64,
    /// Bits of the last epoch's last gradient norm.
    pub gradient_norm_bits: Option<u64>,
    /// Exchanges of parallel tempering since they were last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swaps: Option<Swaps>,
    /// The caller's own: metric offsets, best values.
    pub extra: BTreeMap<String, String>,
}

/// Names of the tensors: the model's, the last update's, the chains, the offsets.
const MODEL: [&str; 3] = ["weights", "visible_bias", "hidden_bias"];
const UPDATE: [&str; 3] = ["update_weights", "update_visible_bias", "update_hidden_bias"];
const CHAINS: &str = "chains";
const REPLICAS: &str = "replicas";
const TEMPERATURE: &str = "replicas_temperature";
const OFFSETS: [&str; 2] = ["offsets_visible", "offsets_hidden"];

impl Checkpoint {
    /// Writes counters, model, last update and what the estimator keeps: safetensors, in the model's width.
    pub(crate) fn to_bytes(
        &self,
        model: &Rbm,
        update: Option<&Gradient>,
        state: &EstimatorState,
    ) -> Result<Vec<u8>, Error> {
        let precision = model.precision();
        let mut tensors: Vec<(&str, &Tensor<2>)> = MODEL.into_iter().zip(model.tensors()).collect();
        if let Some(update) = update {
            tensors.extend(UPDATE.into_iter().zip([&update.weights, &update.visible_bias, &update.hidden_bias]));
        }
        tensors.extend(state.chains.iter().map(|chains| (CHAINS, chains)));
        if let Some(offsets) = &state.offsets {
            tensors.extend(OFFSETS.into_iter().zip([&offsets.visible, &offsets.hidden]));
        }
        let temperature = state.tempered.as_ref().map(|tempered| {
            let values: Vec<f64> = tempered.temperature.iter().map(|&at| at as f64).collect();
            let shape = [1, values.len()];
            Tensor::<2>::from_data(TensorData::new(values, shape), (&model.device(), precision.dtype()))
        });
        if let (Some(tempered), Some(temperature)) = (&state.tempered, &temperature) {
            tensors.extend([(REPLICAS, &tempered.visible), (TEMPERATURE, temperature)]);
        }
        let bytes = tensors
            .iter()
            .map(|(name, tensor)| Ok((*name, tensor.dims().to_vec(), narrow(&host(tensor)?, precision))))
            .collect::<Result<Vec<_>, Error>>()?;
        let dtype = match precision {
            Precision::F32 => Dtype::F32,
            Precision::F64 => Dtype::F64,
        };
        let failed = |error: &dyn std::fmt::Display| Error::Checkpoint(error.to_string());
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(dtype, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| failed(&error))?;
        let swaps = state.tempered.as_ref().map(|tempered| tempered.swaps.clone());
        let counters =
            serde_json::to_string(&Self { schema: SCHEMA, swaps, ..self.clone() }).map_err(|error| failed(&error))?;
        let metadata = HashMap::from([(KEY.to_owned(), counters)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| failed(&error))
    }

    /// Reads what [`Self::to_bytes`] wrote, onto the device and into the width of `model`.
    pub(crate) fn from_bytes(bytes: &[u8], model: Rbm) -> Result<(Self, Rbm, Option<Gradient>, EstimatorState), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Checkpoint(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| failed(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| failed(&error))?;
        let counters = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let counters = counters.ok_or_else(|| failed(&"it has no counters"))?;
        let schema: Schema = serde_json::from_str(counters).map_err(|error| failed(&error))?;
        if schema.schema != SCHEMA {
            return Err(Error::Checkpoint(format!("it has schema {}, and this program reads {SCHEMA}", schema.schema)));
        }
        let checkpoint: Self = serde_json::from_str(counters).map_err(|error| failed(&error))?;

        let dtype = model.precision().dtype();
        let device = model.device();
        let stored = match dtype {
            DType::F64 => Dtype::F64,
            _ => Dtype::F32,
        };
        let tensor = |name: &str, shape: [Option<usize>; 2]| {
            let view = file.tensor(name).map_err(|error| failed(&error))?;
            let fits = view.shape().len() == 2
                && view.shape().iter().zip(shape).all(|(&have, want)| want.is_none_or(|want| want == have));
            if !fits || view.dtype() != stored {
                return Err(Error::Checkpoint(format!(
                    "`{name}` is {:?} of shape {:?}, which does not fit the run",
                    view.dtype(),
                    view.shape()
                )));
            }
            let shape = [view.shape()[0], view.shape()[1]];
            let data = match stored {
                Dtype::F64 => TensorData::new(widen64(view.data()), shape),
                _ => TensorData::new(widen32(view.data()), shape),
            };
            Ok(Tensor::<2>::from_data(data, (&device, dtype)))
        };
        let (n, m) = (Some(model.hidden()), Some(model.visible()));
        let shapes = [[n, m], [Some(1), m], [Some(1), n]];
        let three = |names: [&str; 3]| -> Result<[Tensor<2>; 3], Error> {
            Ok([tensor(names[0], shapes[0])?, tensor(names[1], shapes[1])?, tensor(names[2], shapes[2])?])
        };
        let [weights, visible_bias, hidden_bias] = three(MODEL)?;
        let model = model.map(|_, _, _| (weights, visible_bias, hidden_bias));
        let has = |name: &str| file.names().contains(&name);
        let update = if has(UPDATE[0]) {
            let [weights, visible_bias, hidden_bias] = three(UPDATE)?;
            Some(Gradient { weights, visible_bias, hidden_bias })
        } else {
            None
        };
        let chains = if has(CHAINS) { Some(tensor(CHAINS, [None, m])?) } else { None };
        let offsets = if has(OFFSETS[0]) {
            Some(Offsets { visible: tensor(OFFSETS[0], shapes[1])?, hidden: tensor(OFFSETS[1], shapes[2])? })
        } else {
            None
        };
        let tempered = match checkpoint.swaps.clone() {
            Some(swaps) => {
                let visible = tensor(REPLICAS, [None, m])?;
                let temperature = host(&tensor(TEMPERATURE, [Some(1), Some(visible.dims()[0])])?)?;
                let temperature = temperature.into_iter().map(|at| at as usize).collect();
                Some(Tempered { visible, temperature, swaps })
            }
            None => None,
        };
        Ok((checkpoint, model, update, EstimatorState { chains, offsets, tempered }))
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

fn narrow(numbers: &[f64], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
        Precision::F64 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn widen32(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

fn widen64(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
}
