//! What decides a cell's numbers.

use rbm_data::{Binarization, DataConfig, Source};
use rbm_eval::{EvaluateConfig, LogZ};
use rbm_model::{FreeEnergy, Init, ModelConfig, VisibleSampling};
use rbm_ops::Kernels;
use rbm_train::{Algorithm, OFFSET_RATE, Precision, TEMPERATURES, Temperatures, TrainConfig};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{canonical::canonical_json, config::CellConfig};

/// Version of the numerics: raised whenever the same config gives other bytes than before (another order of draws,
/// another formula), so that no result of an older version is taken for one of the new.
pub const NUMERICS: u32 = 1;

/// The kernels that a cell is computed with: the config's, or composed ones where there are no fused ones for it.
pub fn kernels_of(config: &CellConfig) -> Kernels {
    let (train, model) = (&config.train, &config.model);
    let only_on_the_processor = train.centred || train.algorithm == Algorithm::Rdm;
    let has_fused = train.algorithm.has_fused_kernels()
        && (config.run.backend.is_processor() || !only_on_the_processor)
        && train.precision == Precision::F32
        && model.visible_sampling == VisibleSampling::Bernoulli
        && model.free_energy == FreeEnergy::Softplus
        && config.data.binarization != Binarization::None;
    if has_fused { config.run.kernels } else { Kernels::Composed }
}

/// Canonical JSON of everything that decides a cell's numbers, and of nothing else.
///
/// Keys at their default are left out, so that a key added later changes no id; so are keys without an effect, such as
/// `k` under `"exact"`: cells that differ in them alone are one. The data's digest stands for `source`, `test`, `key`,
/// `size`, `rows` and `validation`, the digest of the weights file for the path in `init`. The name, workers, threads,
/// cells side by side, checkpoints and folders decide nothing.
pub fn canonical_config_json(config: &CellConfig, data_digest: &str, init_digest: Option<&str>) -> String {
    let mut data = changed(&config.data, &DataConfig::new(Source::Mnist));
    for covered in ["source", "test", "key", "size", "rows", "validation"] {
        data.remove(covered);
    }
    let mut model = changed(&config.model, &ModelConfig::default());
    if let Some(digest) = init_digest {
        model.insert("init".into(), json!(format!("sha256:{digest}")));
    }
    let mut train = changed(&config.train, &TrainConfig::default());
    train.remove("precision"); // stands beside the backend, with its default
    let drop_idle = |idle: bool, section: &mut Map<String, Value>, keys: &[&str]| {
        if idle {
            keys.iter().for_each(|key| drop(section.remove(*key)));
        }
    };
    drop_idle(config.data.binarization != Binarization::Threshold, &mut data, &["threshold"]);
    drop_idle(config.model.init != Init::Normal, &mut model, &["init_std"]);
    drop_idle(config.model.init != Init::Uniform, &mut model, &["init_range"]);
    let usual = Temperatures::Count(TEMPERATURES).betas();
    drop_idle(config.train.betas() == usual, &mut train, &["temperatures"]);
    drop_idle(config.train.offset_rate() == OFFSET_RATE, &mut train, &["offset_rate"]);
    drop_idle(config.train.algorithm == Algorithm::Exact, &mut train, &["k", "k_final", "k_schedule"]);
    let mut evaluate = changed(&config.evaluate, &EvaluateConfig::default());
    let log_z = config.evaluate.log_z;
    let annealed = matches!(log_z, LogZ::Ais | LogZ::ReverseAis);
    drop_idle(!annealed && log_z != LogZ::Trajectory, &mut evaluate, &["log_z_chains"]);
    drop_idle(!annealed, &mut evaluate, &["log_z_schedule"]);
    canonical_json(&json!({
        "numerics": NUMERICS,
        "kernels": kernels_of(config),
        "backend": config.run.backend,
        "precision": config.train.precision,
        "seed": config.run.seed,
        "data_digest": data_digest,
        "data": data,
        "model": model,
        "train": train,
        "evaluate": evaluate,
    }))
}

/// The keys of a section whose value is not the default's.
fn changed<T: Serialize>(section: &T, default: &T) -> Map<String, Value> {
    let object = |section: &T| match serde_json::to_value(section) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let default = object(default);
    object(section).into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect()
}
