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
use rbm_runner::{CellConfig, DataSets, StopFlag};
use serde::de::DeserializeOwned;

use crate::{Error, Labels, Measurement};

/// A protocol.
pub struct Protocol {
    /// Its name in `experiment.toml`.
    pub name: &'static str,
    /// Raised with every change of what it computes: results of another version are computed anew.
    pub version: u32,
    /// Whether it takes the cells one by one: it is then carried out, and its results are kept, cell by cell.
    pub each_cell: bool,
    /// What is wrong with its parameters, found without computing anything.
    pub check: fn(&toml::Table) -> Result<(), String>,
    /// From its inputs to what it found.
    pub run: fn(&mut Inputs<'_>) -> Result<Output, Error>,
}

/// All protocols.
pub const PROTOCOLS: &[Protocol] = &[
    of_all("bias-of-k", 1, parses::<bias_of_k::Settings>, bias_of_k::bias_of_k),
    of_all("conditionals", 1, parses::<conditionals::Settings>, conditionals::conditionals),
    of_all("features", 1, parses::<features::Settings>, features::features),
    of_all("gibbs", 1, parses::<gibbs::Settings>, gibbs::gibbs),
    of_all("gradient", 1, parses::<gradient::Settings>, gradient::gradient),
    of_all("listing", 2, parses::<listing::Settings>, listing::listing),
    of_all("memory-of-k", 1, parses::<memory_of_k::Settings>, memory_of_k::memory_of_k),
    of_all("partition-cost", 1, parses::<partition_cost::Settings>, partition_cost::partition_cost),
    Protocol {
        name: "test-likelihood",
        version: 1,
        each_cell: true,
        check: parses::<test_likelihood::Settings>,
        run: test_likelihood::test_likelihood,
    },
];

/// A protocol that is given all cells at once.
const fn of_all(
    name: &'static str,
    version: u32,
    check: fn(&toml::Table) -> Result<(), String>,
    run: fn(&mut Inputs<'_>) -> Result<Output, Error>,
) -> Protocol {
    Protocol { name, version, each_cell: false, check, run }
}

/// A protocol by its name.
pub(crate) fn find(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|known| known.name == name)
}

/// The names of all protocols.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|known| known.name)
}

/// A protocol's parameters.
trait Checked: DeserializeOwned {
    /// Refuses values that can be read and are impossible all the same.
    fn check(&self) -> Result<(), String>;
}

fn parse<S: Checked>(parameters: &toml::Table) -> Result<S, String> {
    let settings: S = parameters.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    settings.check()?;
    Ok(settings)
}

fn parses<S: Checked>(parameters: &toml::Table) -> Result<(), String> {
    parse::<S>(parameters).map(drop)
}

/// # Errors
/// [`Error::Stopped`] when the flag is up.
pub(crate) fn go_on(stop: &StopFlag) -> Result<(), Error> {
    if stop.is_stopped() { Err(Error::Stopped) } else { Ok(()) }
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
    /// Raised when the protocol is to stop.
    pub stop: &'a StopFlag,
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
    fn parse<S: Checked>(&self) -> Result<S, Error> {
        parse(self.parameters).map_err(|reason| self.failed(reason))
    }

    /// Tells the share of the work that is done, and asks whether to go on: every second or so.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the protocol is to stop. Work that is done to its end is not thrown away: at 1 never.
    pub fn tell(&self, share: f64) -> Result<(), Error> {
        (self.progress)(share);
        if share < 1.0 { go_on(self.stop) } else { Ok(()) }
    }

    /// An error of this protocol.
    pub fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Protocol { protocol: self.protocol, reason: reason.into() }
    }
}

impl TrainedCell {
    /// Its id, as far as it stands in its folder's name.
    pub(crate) fn id12(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What of it decides a protocol's results: what it is, and the labels that they bear.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.id12(), serde_json::to_string(&self.labels).unwrap_or_default())
    }

    /// The trained parameters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        Ok(weights_file::read(&self.folder.join("weights.safetensors"))?.parameters)
    }
}
