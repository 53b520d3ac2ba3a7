//! The plan of a sweep: its cells with their ids.

use std::path::Path;

use rbm_eval::{
    AUTO_LIMIT, LogZ, MetricGroup,
    bias::{has_gradient_bias, has_negative_phase_error},
};
use rbm_model::{Init, exact, weights_file};
use rbm_store::{CellId, sha256_of_bytes};
use rbm_train::Algorithm;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    config::{CellConfig, CellPoint, Config},
    data_sets::{DataFacts, DataSets},
    identity,
};

/// Version of the format of `plan.jsonl`; a higher one is refused.
const SCHEMA: u32 = 1;

fn first() -> u32 {
    1
}

/// No tensor has more numbers than this (8 GiB in f32): a slip of the keyboard is refused, not tried.
const LARGEST: usize = 1 << 31;

/// One cell of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Version of the format of a plan's line.
    #[serde(default = "first")]
    pub schema: u32,
    /// The numerics version that the id was made for.
    #[serde(default = "first")]
    pub numerics: u32,
    /// Its place in the plan, from 0.
    pub index: usize,
    /// Its readable name: `k=3,hidden=16,seed=0`.
    pub name: String,
    /// SHA-256 of everything that decides its numbers.
    pub id: CellId,
    /// The swept keys with their values here.
    pub settings: Vec<(String, serde_json::Value)>,
    /// Everything, resolved.
    pub config: CellConfig,
    /// What it learns from.
    pub data: DataFacts,
    /// SHA-256 of the weights file it starts from, if it does.
    pub init_digest: Option<String>,
}

impl Cell {
    /// Canonical JSON of what decides the cell's numbers, which its id is the digest of; the weights file carries it.
    pub fn canonical_config_json(&self) -> String {
        identity::canonical_config_json(&self.config, &self.data.digest, self.init_digest.as_deref())
    }
}

/// The cells of a sweep, in a stable order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the config.
    pub name: String,
    /// First 12 digits of the digest of the name and of each cell's name and id.
    pub hash12: String,
    /// The cells.
    pub cells: Vec<Cell>,
}

impl Plan {
    /// Loads (and, where need be, fetches) the data of every cell, checks what only the data can tell, and finds the
    /// ids.
    ///
    /// # Errors
    /// Data that cannot be had, a backend that is not built in, or a machine that does not fit data or limits.
    pub fn new(config: &Config, data: &mut DataSets) -> Result<Self, Error> {
        let mut cells = Vec::with_capacity(config.points.len());
        for (index, point) in config.points.iter().enumerate() {
            check_backend(config, point)?;
            let facts = data.facts(&point.config.data).map_err(|error| match error.key() {
                Some(key) if error.is_user_mistake() => {
                    Error::from(config.refuse(point, "data", key, data_message(&error)))
                }
                _ => Error::Data(error),
            })?;
            check_sizes(config, point, &facts)?;
            let init_digest = init_digest(config, point, &facts)?;
            let json = identity::canonical_config_json(&point.config, &facts.digest, init_digest.as_deref());
            cells.push(Cell {
                schema: SCHEMA,
                numerics: identity::NUMERICS,
                index,
                name: point.name.clone(),
                id: CellId::of(json.as_bytes()),
                settings: point.settings.iter().map(|(key, value)| (key.clone(), json_of(value))).collect(),
                config: point.config.clone(),
                data: facts,
                init_digest,
            });
        }
        check_bias(config, &cells)?;
        Ok(Self::of(config.name.clone(), cells))
    }

    fn of(name: String, cells: Vec<Cell>) -> Self {
        let mut text = name.clone();
        for cell in &cells {
            text.push_str(&format!("\n{} {}", cell.id, cell.name));
        }
        let hash12 = sha256_of_bytes(text.as_bytes())[..12].to_owned();
        Self { name, hash12, cells }
    }

    /// The sweep's folder below the results: `<name>-<hash12>`.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.hash12)
    }

    /// One JSON object a cell and line: the frozen `plan.jsonl`.
    pub fn to_jsonl(&self) -> String {
        self.cells.iter().map(|cell| format!("{}\n", serde_json::json!(cell))).collect()
    }

    /// Reads what [`Self::to_jsonl`] wrote; `path` is named in errors.
    ///
    /// # Errors
    /// When the text is no plan.
    pub fn from_jsonl(text: &str, path: &Path) -> Result<Self, Error> {
        let broken = |reason: String| Error::Broken { path: path.into(), reason };
        let cells = text
            .lines()
            .enumerate()
            .map(|(line, text)| {
                #[derive(Deserialize)]
                struct Version {
                    #[serde(default = "first")]
                    schema: u32,
                }
                let failed = |error: serde_json::Error| broken(format!("line {}: {error}", line + 1));
                let Version { schema } = serde_json::from_str(text).map_err(failed)?;
                if schema > SCHEMA {
                    let versions = format!("schema {schema}; this one knows {SCHEMA}");
                    return Err(broken(format!("a newer rbm wrote it ({versions}): use that one")));
                }
                let cell: Cell = serde_json::from_str(text).map_err(failed)?;
                // Another numerics version makes other ids of the same config, rightly.
                let same_version = cell.numerics == identity::NUMERICS;
                if same_version && CellId::of(cell.canonical_config_json().as_bytes()) != cell.id {
                    return Err(broken(format!(
                        "it was altered: the config of {} is not the one of its id; move the sweep's folder away and run its \
                         config again",
                        cell.name
                    )));
                }
                Ok(cell)
            })
            .collect::<Result<Vec<Cell>, Error>>()?;
        let name = cells.first().map(|cell| cell.config.name.clone()).ok_or_else(|| broken("it has no cell".into()))?;
        Ok(Self::of(name, cells))
    }

    /// Reads `plan.jsonl` of a sweep's folder.
    ///
    /// # Errors
    /// When it is not there or is no plan.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("plan.jsonl");
        let broken = |error: std::io::Error| Error::Broken { path: path.clone(), reason: error.to_string() };
        Self::from_jsonl(&std::fs::read_to_string(&path).map_err(broken)?, &path)
    }
}

fn check_backend(config: &Config, point: &CellPoint) -> Result<(), Error> {
    let backend = point.config.run.backend;
    if backend.is_built() && backend.is_processor() {
        return Ok(()); // a processor is always there
    }
    // The message names the command that builds it.
    let refuse = |error: rbm_ops::Error| Error::from(config.refuse(point, "run", "backend", error.to_string()));
    rbm_ops::open(point.config.run.backend).map(drop).map_err(refuse)
}

/// Refuses `"gradient-bias"` where no cell can have it; cells that cannot, beside others, go without.
fn check_bias(config: &Config, cells: &[Cell]) -> Result<(), Error> {
    let wants = |cell: &Cell| cell.config.evaluate.metrics.contains(&MetricGroup::GradientBias);
    let has = |cell: &Cell| {
        let (visible, hidden) = (cell.data.visible, cell.config.model.hidden);
        match cell.config.train.algorithm {
            Algorithm::Cd | Algorithm::ExpectedCd => has_gradient_bias(visible, hidden),
            Algorithm::Pcd | Algorithm::Pt => has_negative_phase_error(visible, hidden),
            Algorithm::Rdm => false,
            Algorithm::Exact => true,
        }
    };
    let mut wanting = cells.iter().filter(|cell| wants(cell)).peekable();
    let Some(first) = wanting.peek().map(|cell| cell.index) else { return Ok(()) };
    if wanting.any(has) {
        return Ok(());
    }
    let smaller = cells[first].data.visible.min(cells[first].config.model.hidden);
    let message = if cells[first].config.train.algorithm == Algorithm::Rdm {
        "expected no \"gradient-bias\" under algorithm = \"rdm\": it is not measured of chains that start at random"
            .into()
    } else {
        format!(
            "expected no \"gradient-bias\" with {smaller} units in the smaller layer: during training it is measured up \
             to {AUTO_LIMIT}; `rbm bias` measures the weights of a larger machine"
        )
    };
    Err(config.refuse(&config.points[first], "evaluate", "metrics", message).into())
}

/// What can be refused once the number of visible units is known.
fn check_sizes(config: &Config, point: &CellPoint, facts: &DataFacts) -> Result<(), Error> {
    let CellConfig { model, train, evaluate, .. } = &point.config;
    let refuse = |section, key, message| Err(Error::from(config.refuse(point, section, key, message)));
    if let Err((key, allowed)) = train.check_size(facts.visible, model.hidden) {
        return refuse("train", key, format!("expected {allowed}"));
    }
    let (m, n) = (facts.visible, model.hidden);
    let batch = train.batch_size.min(facts.rows);
    for (section, key, what, value, other) in [
        ("model", "hidden", "weights", n, m),
        ("train", "batch_size", "hidden states of a batch", batch, n),
        ("train", "chains", "visible states of the chains", train.chains.unwrap_or(0), m.max(n)),
    ] {
        if value.saturating_mul(other) > LARGEST {
            let most = LARGEST / other;
            return refuse(section, key, format!("expected at most {most}: {value} x {other} {what} are too many"));
        }
    }
    let smaller = facts.visible.min(model.hidden);
    if evaluate.log_z == LogZ::Exact && smaller > exact::LIMIT {
        let message = format!(
            "expected \"ais\", \"trajectory\" or \"none\": the smaller layer has {smaller} units, {} can be enumerated",
            exact::LIMIT
        );
        return refuse("evaluate", "log_z", message);
    }
    if evaluate.log_z == LogZ::Auto
        && smaller > AUTO_LIMIT
        && evaluate.keep_best == Some(rbm_eval::Metric::LogLikelihood)
    {
        let message = format!(
            "expected a metric that is measured: with {smaller} units in the smaller layer log_z = \"auto\", which \
             enumerates up to {AUTO_LIMIT}, finds no \"log-likelihood\""
        );
        return refuse("evaluate", "keep_best", message);
    }
    Ok(())
}

/// The digest of the weights file that `model.init` names, which must fit the machine.
fn init_digest(config: &Config, point: &CellPoint, facts: &DataFacts) -> Result<Option<String>, Error> {
    let Init::File(path) = &point.config.model.init else { return Ok(None) };
    let refuse = |message: String| Error::from(config.refuse(point, "model", "init", message));
    let bytes = std::fs::read(path).map_err(|error| refuse(format!("failed to read {}: {error}", path.display())))?;
    let stored = weights_file::from_bytes(&bytes)
        .map_err(|reason| refuse(format!("failed to read {} as a weights file: {reason}", path.display())))?;
    let (visible, hidden) = (stored.parameters.visible(), stored.parameters.hidden());
    if (visible, hidden) != (facts.visible, point.config.model.hidden) {
        return Err(refuse(format!(
            "expected weights of {} hidden and {} visible units, not the {hidden} and {visible} of {}",
            point.config.model.hidden,
            facts.visible,
            path.display()
        )));
    }
    Ok(Some(sha256_of_bytes(&bytes)))
}

fn data_message(error: &rbm_data::Error) -> String {
    match error {
        rbm_data::Error::Config { expected, .. } => format!("expected {expected}"),
        other => format!("failed to {other}"),
    }
}

fn json_of(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}
