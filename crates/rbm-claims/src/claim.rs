//! A claim under a profile: its cells, its protocols, its measurements.

use std::{collections::BTreeMap, time::Instant};

use rbm_data::Error as DataError;
use rbm_report::{
    ImageGrid, MetricPoint,
    tables::{metrics_from_parquet, timings_from_parquet},
};
use rbm_runner::{Cell, Config, DataSets, Depth, NUMERICS, Plan, StopFlag, peak_memory_bytes, status};
use rbm_store::{CellState, Results};

use crate::{
    ClaimsFolder, Cost, Error, Experiment, Label, Labels, Measurement, Profile, ProtocolSpec, SweepSpec,
    experiment::FILE,
    protocol::{self, Inputs, Output, Protocol, TrainedCell, go_on},
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
    /// Seconds that its cells took, when they were computed, by their ids: several claims may have a cell in common.
    pub seconds_of_cells: BTreeMap<String, f64>,
    /// Seconds that its protocols took.
    pub seconds_of_protocols: f64,
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
    /// A mistake in one of its configs, or in the parameters of a protocol under either profile.
    pub fn plan(
        experiment: Experiment,
        profile: Profile,
        data: &mut DataSets,
        unavailable: &mut Unavailable,
    ) -> Result<Self, Error> {
        let mut claim = Self { experiment, profile, sweeps: Vec::new(), missing: None };
        claim.check_protocols()?;
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

    /// Refuses parameters that a protocol would refuse, which can be hours later.
    fn check_protocols(&self) -> Result<(), Error> {
        for spec in &self.experiment.statement.protocol {
            let Some(protocol) = protocol::find(&spec.name) else { continue };
            for profile in [Profile::Smoke, Profile::Full] {
                if let Some(parameters) = spec.parameters(profile) {
                    (protocol.check)(parameters).map_err(|reason| Error::Experiment {
                        file: self.experiment.folder.join(FILE),
                        message: format!("protocol {:?}, profile {}: {reason}", spec.key(), profile.word()),
                    })?;
                }
            }
        }
        Ok(())
    }

    fn config(&self, spec: &SweepSpec, sets: &[String]) -> Result<Config, Error> {
        let text = self.experiment.configs.get(&spec.config).map(String::as_str).unwrap_or_default();
        let path = self.experiment.folder.join(&spec.config);
        Ok(Config::parse(text, &path, sets).map_err(|error| rbm_runner::Error::Config(Box::new(error)))?)
    }

    /// Reads what its cells left, and carries out its protocols or reads what they left, too.
    ///
    /// `progress` is told the protocol and the share of it that is done. A cell that is not there is a note and, with
    /// its labels and its seed, the measurement `missing`.
    ///
    /// # Errors
    /// [`Error::Stopped`] when `stop` is raised: what was finished before is kept. Files of ours that are broken, a
    /// disk that refuses; what a protocol lacks is a note instead.
    pub fn find(
        &self,
        results: &Results,
        folder: &ClaimsFolder,
        data: &mut DataSets,
        progress: &dyn Fn(&str, f64),
        stop: &StopFlag,
    ) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut trained: Vec<TrainedCell> = Vec::new();
        for sweep in &self.sweeps {
            go_on(stop)?;
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
                    CellState::Diverged => found.without_numbers("diverged", cell, labels),
                    state => {
                        let why = status.message.clone().unwrap_or_else(|| format!("it is {state:?}").to_lowercase());
                        found.notes.push(format!("the cell {} of {} is missing: {why}", cell.name, sweep.name));
                        found.without_numbers("missing", cell, labels);
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
            match self.carry_out(spec, parameters, &cells, &mut Laboratory { folder, data, progress, stop }) {
                Ok((output, cost)) => {
                    found.seconds_of_protocols += cost.seconds;
                    found.peak_memory_bytes = found.peak_memory_bytes.max(cost.peak_memory_bytes);
                    found.measurements.extend(output.measurements);
                    found.images.extend(output.images);
                }
                Err(error @ (Error::File { .. } | Error::Store(_) | Error::Stopped)) => return Err(error),
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

    /// What a protocol finds of some cells, and what it took: of all at once, or of one after the other.
    fn carry_out(
        &self,
        spec: &ProtocolSpec,
        parameters: &toml::Table,
        cells: &[TrainedCell],
        laboratory: &mut Laboratory<'_>,
    ) -> Result<(Output, Cost), Error> {
        let Some(protocol) = protocol::find(&spec.name) else {
            return Err(Error::Protocol { protocol: "?", reason: format!("there is no protocol {:?}", spec.name) });
        };
        let claim = &self.experiment.name;
        if !protocol.each_cell {
            return laboratory.carry_out(claim, spec.key(), protocol, parameters, cells, (0, 1));
        }
        let (mut all, mut cost) = (Output::default(), Cost::default());
        for (index, cell) in cells.iter().enumerate() {
            // Two sweeps of a claim may have a cell in common, under other labels.
            let is_second = cells[..index].iter().any(|other| other.folder == cell.folder);
            let suffix = if is_second { format!("-{}", cell.sweep) } else { String::new() };
            let saved = format!("{}/{}{suffix}", spec.key(), cell.id12());
            let part = (index, cells.len());
            let one = laboratory.carry_out(claim, &saved, protocol, parameters, std::slice::from_ref(cell), part)?;
            all.measurements.extend(one.0.measurements);
            all.images.extend(one.0.images);
            cost = cost.and(one.1);
        }
        Ok((all, cost))
    }
}

/// Where and with what protocols are carried out.
struct Laboratory<'a> {
    folder: &'a ClaimsFolder,
    data: &'a mut DataSets,
    progress: &'a dyn Fn(&str, f64),
    stop: &'a StopFlag,
}

impl Laboratory<'_> {
    /// Reads what a protocol left under a name, or carries it out: as `part.0` of `part.1` parts, counted from 0.
    fn carry_out(
        &mut self,
        claim: &str,
        saved: &str,
        protocol: &Protocol,
        parameters: &toml::Table,
        cells: &[TrainedCell],
        part: (usize, usize),
    ) -> Result<(Output, Cost), Error> {
        let key = store::key(protocol, parameters, cells.iter().map(TrainedCell::key), NUMERICS);
        if let Some(stored) = self.folder.read(claim, saved, &key)? {
            return Ok((stored.output, stored.cost));
        }
        let begun = Instant::now();
        let tell = |share: f64| (self.progress)(protocol.name, (part.0 as f64 + share) / part.1 as f64);
        let (data, stop) = (&mut *self.data, self.stop);
        let mut inputs = Inputs { protocol: protocol.name, parameters, cells, data, progress: &tell, stop };
        inputs.tell(0.0)?;
        let output = (protocol.run)(&mut inputs)?;
        let seconds = begun.elapsed().as_secs_f64();
        let cost = Cost { seconds, peak_memory_bytes: peak_memory_bytes().unwrap_or(0) };
        self.folder.write(claim, saved, &key, cost, &output)?;
        Ok((output, cost))
    }
}

impl Found {
    /// Seconds that cells and protocols took, when they were computed.
    pub fn seconds(&self) -> f64 {
        self.seconds_of_cells.values().sum::<f64>() + self.seconds_of_protocols
    }

    /// That a cell gives no numbers: for tests that would take the other seeds for all.
    fn without_numbers(&mut self, quantity: &str, cell: &Cell, labels: Labels) {
        let one = Measurement::new(quantity, 1.0).of_seed(cell.config.run.seed);
        self.measurements.push(Measurement { labels, ..one });
    }

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
            self.seconds_of_cells.insert(cell.id.to_string(), all);
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
