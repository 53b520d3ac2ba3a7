//! Protocols: computations that give measurements no sweep gives.

mod annealed_cost;
mod bias_curve;
mod bias_of_k;
mod chain_law;
mod conditionals;
mod definition;
mod features;
mod gibbs;
mod gradient;
mod growth;
mod histogram;
mod listing;
mod machines;
mod memory_of_k;
mod partition_cost;
mod rises;
mod test_likelihood;
mod two_modes;

use rbm_model::{Parameters, weights_file};
use rbm_report::ImageGrid;
use rbm_runner::{CellConfig, DataSets};
use serde::de::DeserializeOwned;

use crate::{Error, Labels, Measurement};

/// A protocol: from its inputs to what it found.
pub type Protocol = fn(&mut Inputs<'_>) -> Result<Output, Error>;

/// All protocols by their names in `experiment.toml`.
pub const PROTOCOLS: &[(&str, Protocol)] = &[
    ("bias-of-k", bias_of_k::bias_of_k),
    ("conditionals", conditionals::conditionals),
    ("features", features::features),
    ("gibbs", gibbs::gibbs),
    ("gradient", gradient::gradient),
    ("listing", listing::listing),
    ("memory-of-k", memory_of_k::memory_of_k),
    ("partition-cost", partition_cost::partition_cost),
    ("test-likelihood", test_likelihood::test_likelihood),
];

/// A protocol by its name.
pub(crate) fn find(name: &str) -> Option<(&'static str, Protocol)> {
    PROTOCOLS.iter().find(|(known, _)| *known == name).copied()
}

/// The names of all protocols.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|(name, _)| *name)
}

/// What a protocol is given.
pub struct Inputs<'a> {
    /// The protocol's name, for errors.
    pub protocol: &'static str,
    /// Its parameters, from `experiment.toml`.
    pub parameters: &'a toml::Table,
    /// The finished cells of the claim's sweeps.
    pub cells: &'a [TrainedCell],
    /// Data sets.
    pub data: &'a mut DataSets,
    /// Is told the share of the work that is done, 0 to 1.
    pub progress: &'a dyn Fn(f64),
}

/// A finished cell of one of the claim's sweeps.
#[derive(Clone, Debug)]
pub struct TrainedCell {
    /// The sweep's name in `experiment.toml`.
    pub sweep: String,
    /// The swept keys with their values here; protocols copy them to what they measure of the cell.
    pub labels: Labels,
    /// Everything, resolved.
    pub config: CellConfig,
    /// Its folder: `weights.safetensors` lies there.
    pub folder: std::path::PathBuf,
}

/// What a protocol found.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The numbers.
    pub measurements: Vec<Measurement>,
    /// Pictures by name, for figures of kind `images`.
    pub images: Vec<(String, ImageGrid)>,
}

impl Inputs<'_> {
    /// The parameters as the protocol's own struct, which names what is allowed.
    ///
    /// # Errors
    /// When they are others.
    pub fn parse<P: DeserializeOwned>(&self) -> Result<P, Error> {
        self.parameters.clone().try_into().map_err(|error: toml::de::Error| self.failed(error.message().to_owned()))
    }

    /// An error of this protocol.
    pub fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Protocol { protocol: self.protocol, reason: reason.into() }
    }
}

impl TrainedCell {
    /// The trained parameters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        Ok(weights_file::read(&self.folder.join("weights.safetensors"))?.parameters)
    }
}
