//! A claim under a profile: its cells, its protocols, its measurements.

use std::{collections::BTreeMap, time::Instant};

use rbm_data::Error as DataError;
use rbm_report::{
    ImageGrid, MetricPoint,
    tables::{metrics_from_parquet, timings_from_parquet},
};
use rbm_runner::{Cell, Config, DataSets, Depth, NUMERICS, Plan, status};
use rbm_store::{CellState, Results};

use crate::{
    ClaimsFolder, Error, Experiment, Label, Labels, Measurement, Profile, ProtocolSpec, SweepSpec,
    protocol::{self, Inputs, Output, TrainedCell},
    store,
};

/// A claim whose sweeps are planned.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What it tests.
    pub experiment: Experiment,
    /// How much is computed.
    pub profile: Profile,
    /// The sweeps whose data could be had.
    pub sweeps: Vec<PlannedSweep>,
    /// What of it could not be had, in a sentence's part.
    pub missing: Option<String>,
}

/// A sweep of a claim.
#[derive(Clone, Debug)]
pub struct PlannedSweep {
    /// Its name in `experiment.toml`.
    pub name: String,
    /// Its config.
    pub config: Config,
    /// Its cells.
    pub plan: Plan,
}

/// What lies there of a claim.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// All numbers.
    pub measurements: Vec<Measurement>,
    /// Pictures of protocols.
    pub images: Vec<(String, ImageGrid)>,
    /// Seconds that protocols and cells took, when they were computed.
    pub seconds: f64,
    /// The most memory that a process held in which one of its cells was computed.
    pub peak_memory_bytes: u64,
    /// What went wrong on the way: cells that failed, protocols that could not be carried out.
    pub notes: Vec<String>,
}

/// Data sets that could not be had, with the reason: tried once.
pub type Unavailable = BTreeMap<String, String>;

impl Claim {
    /// Plans the sweeps of an experiment. Data that cannot be had leave sweeps out and are told in [`Claim::missing`].
    ///
    /// # Errors
    /// A mistake in one of its configs.
    pub fn plan(
        experiment: Experiment,
        profile: Profile,
        data: &mut DataSets,
        unavailable: &mut Unavailable,
    ) -> Result<Self, Error> {
        let mut claim = Self { experiment, profile, sweeps: Vec::new(), missing: None };
        for spec in claim.experiment.statement.sweep.clone() {
            let Some(settings) = spec.settings(profile) else { continue };
            let config = claim.config(&spec, &settings.set)?;
            let Some(first) = config.points.first() else { continue };
            let source = first.config.data.source.word();
            // A plan would call it a mistake in the config, and all other claims would be refused with this one.
            if !unavailable.contains_key(&source)
                && let Err(error @ (DataError::Unavailable(_) | DataError::Cache { .. })) =
                    data.load(&first.config.data)
            {
                unavailable.insert(source.clone(), format!("failed to {}", rbm_runner::with_sources(&error)));
            }
            if unavailable.contains_key(&source) {
                claim.missing = Some(format!("it needs the data set {source}, which could not be had"));
            } else {
                let plan = Plan::new(&config, data)?;
                claim.sweeps.push(PlannedSweep { name: spec.name, config, plan });
            }
        }
        Ok(claim)
    }

    fn config(&self, spec: &SweepSpec, sets: &[String]) -> Result<Config, Error> {
        let text = self.experiment.configs.get(&spec.config).map(String::as_str).unwrap_or_default();
        let path = self.experiment.folder.join(&spec.config);
        Ok(Config::parse(text, &path, sets).map_err(|error| rbm_runner::Error::Config(Box::new(error)))?)
    }

    /// Reads what its cells left, and carries out its protocols or reads what they left, too.
    ///
    /// `progress` is told the protocol and the share of it that is done.
    ///
    /// # Errors
    /// Files of ours that are broken, a disk that refuses; what a protocol lacks is a note instead.
    pub fn find(
        &self,
        results: &Results,
        folder: &ClaimsFolder,
        data: &mut DataSets,
        progress: &dyn Fn(&str, f64),
    ) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut trained: Vec<TrainedCell> = Vec::new();
        for sweep in &self.sweeps {
            let states = status(&sweep.plan, results.path(), Depth::Hashes)?;
            for (cell, status) in sweep.plan.cells.iter().zip(&states) {
                let labels = labels_of(cell, &sweep.name);
                let folder = results.cell(&cell.id);
                match status.state {
                    CellState::Done => {
                        found.read_cell(cell, &labels, &folder)?;
                        let folder = folder.path().to_owned();
                        let (sweep, config) = (sweep.name.clone(), cell.config.clone());
                        trained.push(TrainedCell { sweep, labels, config, folder });
                    }
                    CellState::Diverged => {
                        let one = Measurement::new("diverged", 1.0).of_seed(cell.config.run.seed);
                        found.measurements.push(Measurement { labels, ..one });
                    }
                    state => {
                        let why = status.message.clone().unwrap_or_else(|| format!("it is {state:?}").to_lowercase());
                        found.notes.push(format!("the cell {} of {} is missing: {why}", cell.name, sweep.name));
                    }
                }
            }
        }
        for spec in &self.experiment.statement.protocol {
            let Some(parameters) = spec.parameters(self.profile) else { continue };
            let wants = |cell: &&TrainedCell| spec.sweeps.as_ref().is_none_or(|names| names.contains(&cell.sweep));
            let cells: Vec<TrainedCell> = trained.iter().filter(wants).cloned().collect();
            if cells.is_empty() && !spec.sweeps.as_ref().is_some_and(Vec::is_empty) && self.reads_cells(spec) {
                continue;
            }
            match self.carry_out(spec, parameters, &cells, folder, data, progress) {
                Ok((output, seconds)) => {
                    found.seconds += seconds;
                    found.measurements.extend(output.measurements);
                    found.images.extend(output.images);
                }
                Err(error @ (Error::File { .. } | Error::Store(_))) => return Err(error),
                Err(error) => found.notes.push(rbm_runner::with_sources(&error)),
            }
        }
        Ok(found)
    }

    /// Whether a protocol is given cells of sweeps at all.
    fn reads_cells(&self, spec: &ProtocolSpec) -> bool {
        match &spec.sweeps {
            Some(names) => !names.is_empty(),
            None => self.experiment.statement.sweep.iter().any(|sweep| sweep.settings(self.profile).is_some()),
        }
    }

    fn carry_out(
        &self,
        spec: &ProtocolSpec,
        parameters: &toml::Table,
        cells: &[TrainedCell],
        folder: &ClaimsFolder,
        data: &mut DataSets,
        progress: &dyn Fn(&str, f64),
    ) -> Result<(Output, f64), Error> {
        let (claim, name, saved) = (&self.experiment.name, spec.name.as_str(), spec.key());
        let ids: Vec<String> = cells.iter().map(|cell| cell.folder.display().to_string()).collect();
        let ids: Vec<String> =
            ids.iter().map(|path| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()).collect();
        let key = store::key(name, parameters, &ids, NUMERICS);
        if let Some(stored) = folder.read(claim, saved, &key)? {
            return Ok((stored.output, stored.seconds));
        }
        let Some((protocol, run)) = protocol::find(name) else {
            return Err(Error::Protocol { protocol: "?", reason: format!("there is no protocol {name:?}") });
        };
        let begun = Instant::now();
        let tell = |share: f64| progress(protocol, share);
        tell(0.0);
        let output = run(&mut Inputs { protocol, parameters, cells, data, progress: &tell })?;
        let seconds = begun.elapsed().as_secs_f64();
        folder.write(claim, saved, &key, seconds, &output)?;
        Ok((output, seconds))
    }
}

impl Found {
    fn read_cell(&mut self, cell: &Cell, labels: &Labels, folder: &rbm_store::CellFolder) -> Result<(), Error> {
        let seed = cell.config.run.seed;
        let metrics: Vec<MetricPoint> = match folder.read_file("metrics.parquet")? {
            Some(bytes) => metrics_from_parquet(&bytes)?,
            None => Vec::new(),
        };
        for point in metrics {
            let mut labels = labels.clone();
            labels.insert("split".into(), point.split.as_str().into());
            self.measurements.push(Measurement {
                labels,
                seed: Some(seed),
                x: Some(f64::from(point.epoch)),
                ..Measurement::new(&point.metric, point.value)
            });
        }
        if let Ok(Some(record)) = folder.read_run() {
            self.peak_memory_bytes = self.peak_memory_bytes.max(record.peak_memory_bytes.unwrap_or(0));
        }
        if let Some(bytes) = folder.read_file("timings.parquet")? {
            let rows = timings_from_parquet(&bytes)?;
            let seconds: f64 = rows.iter().map(|row| row.train_seconds).sum();
            let all: f64 = rows.iter().map(|row| row.train_seconds + row.evaluate_seconds).sum();
            self.seconds += all;
            let one = Measurement::new("train-seconds", seconds).of_seed(seed);
            self.measurements.push(Measurement { labels: labels.clone(), ..one });
        }
        Ok(())
    }
}

fn labels_of(cell: &Cell, sweep: &str) -> Labels {
    let label = |value: &serde_json::Value| match value {
        serde_json::Value::Number(number) => Label::Number(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::Bool(truth) => Label::Truth(*truth),
        serde_json::Value::String(word) => Label::Word(word.clone()),
        other => Label::Word(other.to_string()),
    };
    let mut labels: Labels = cell.settings.iter().map(|(key, value)| (key.clone(), label(value))).collect();
    labels.insert("sweep".into(), sweep.into());
    labels
}

/// All cells of some claims as one plan, the longest first, so that no worker waits for the others in the end. A cell
/// that several claims want stands in it once.
pub fn all_cells(claims: &[Claim]) -> Plan {
    let mut cells: Vec<Cell> = Vec::new();
    for cell in claims.iter().flat_map(|claim| &claim.sweeps).flat_map(|sweep| &sweep.plan.cells) {
        if !cells.iter().any(|known| known.id == cell.id) {
            cells.push(cell.clone());
        }
    }
    cells.sort_by(|a, b| b.estimate().seconds.total_cmp(&a.estimate().seconds));
    for (index, cell) in cells.iter_mut().enumerate() {
        cell.index = index;
    }
    Plan { name: "reproduce".into(), hash12: String::new(), cells }
}
