//! Pictures of what models have learnt: receptive fields, samples, reconstructions.

use rbm_data::{ImageShape, Split};
use rbm_model::{ModelConfig, Parameters, Rbm, VisibleSampling, exact, sample_chains, weights_file};
use rbm_ops::{BackendName, scalar::sigmoid};
use rbm_report::{CellImages, ImageGrid, ReconstructionPairs};
use rbm_runner::{Cell, DataSets, Loaded};
use rbm_store::CellFolder;

use crate::{context::Context, progress::FetchBar};

/// Settings that are shown, one cell each.
const SETTINGS: usize = 12;
/// Samples of a model, and rows of data beside them.
const SAMPLES: usize = 64;
/// Gibbs steps of the chains that samples come from.
const STEPS: u64 = 1000;
/// Hidden units whose weights are shown.
const FIELDS: usize = 100;
/// Rows that are reconstructed.
const RECONSTRUCTIONS: usize = 20;

/// Draws the pictures of one cell for each setting: the first that is done.
pub(super) struct Pictures<'a> {
    context: &'a Context,
    data: DataSets,
    shown: Vec<Vec<(String, serde_json::Value)>>,
    left_out: usize,
    data_images: Option<ImageGrid>,
    /// Why some data could not be loaded.
    missing: Option<String>,
    /// `[data]` sections that were tried in vain.
    failed: Vec<rbm_data::DataConfig>,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let data = DataSets::new(context.folders.clone(), Box::new(FetchBar::new(&context.screen)));
        Self { context, data, shown: Vec::new(), left_out: 0, data_images: None, missing: None, failed: Vec::new() }
    }

    /// The pictures of a finished cell; none if its setting has some already, or its rows make no picture.
    pub(super) fn of(&mut self, cell: &Cell, folder: &CellFolder) -> CellImages {
        if self.shown.contains(&cell.settings) {
            return CellImages::default();
        }
        if self.shown.len() == SETTINGS {
            self.left_out += 1;
            return CellImages::default();
        }
        let Ok(Some(bytes)) = folder.read_file("weights.safetensors") else { return CellImages::default() };
        let Ok(stored) = weights_file::from_bytes(&bytes) else { return CellImages::default() };
        let data = self.load(cell);
        let Some(shape) = shape(cell, data.as_ref()) else { return CellImages::default() };
        self.shown.push(cell.settings.clone());
        let parameters = &stored.parameters;
        if let (None, Some(data)) = (&self.data_images, &data) {
            self.data_images = Some(rows(&data.train, SAMPLES, shape));
        }
        let (samples, note) = samples(cell, parameters, shape);
        CellImages {
            samples,
            samples_note: Some(note),
            receptive_fields: Some(fields(parameters, shape)),
            reconstructions: data.as_ref().map(|data| reconstructions(cell, parameters, data, shape)),
        }
    }

    /// Rows of the first data set shown.
    pub(super) fn into_data_images(self) -> Option<ImageGrid> {
        self.data_images
    }

    /// What readers must know of the pictures.
    pub(super) fn note(&self) -> Option<String> {
        let mut notes = Vec::new();
        if let Some(reason) = &self.missing {
            notes.push(format!("without data and reconstructions, as the data could not be loaded: {reason}"));
        }
        if self.left_out > 0 {
            notes.push(format!("of the {SETTINGS} best settings alone"));
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn load(&mut self, cell: &Cell) -> Option<Loaded> {
        if self.failed.contains(&cell.config.data) {
            return None;
        }
        let reason = match self.data.load(&cell.config.data) {
            Ok(loaded) if loaded.data.digest == cell.data.digest => return Some(loaded),
            Ok(_) => "they have changed since the run".to_owned(),
            Err(error) => format!("failed to {}", rbm_runner::with_sources(&error)),
        };
        self.context.screen.note(&format!("the report shows no data of {}: {reason}", cell.config.data.source.word()));
        self.failed.push(cell.config.data.clone());
        self.missing = Some(reason.lines().next().unwrap_or_default().to_owned());
        None
    }
}

/// The shape of a row: as the data say, else a square.
fn shape(cell: &Cell, data: Option<&Loaded>) -> Option<ImageShape> {
    if let Some(loaded) = data {
        return loaded.data.image;
    }
    let side = cell.data.visible.isqrt();
    (side * side == cell.data.visible).then_some(ImageShape { height: side, width: side })
}

fn grid(shape: ImageShape, images: Vec<Vec<f32>>) -> ImageGrid {
    ImageGrid::unit(shape.height, shape.width, images)
}

fn rows(split: &Split, most: usize, shape: ImageShape) -> ImageGrid {
    grid(shape, first_rows(split, most).iter().map(|row| narrow(row)).collect())
}

fn first_rows(split: &Split, most: usize) -> Vec<Vec<f64>> {
    let row = |index| {
        let mut row = vec![0.0; split.visible()];
        split.row(index, &mut row);
        row
    };
    (0..split.len().min(most)).map(row).collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn fields(parameters: &Parameters, shape: ImageShape) -> ImageGrid {
    let units = parameters.hidden().min(FIELDS);
    let images = (0..units).map(|unit| narrow(parameters.weights_of(unit))).collect();
    ImageGrid::diverging(shape.height, shape.width, images)
}

/// States of the model: its own law where that can be enumerated, else where chains are after many steps.
fn samples(cell: &Cell, parameters: &Parameters, shape: ImageShape) -> (Option<ImageGrid>, String) {
    let model = &cell.config.model;
    let states = |values: &[u8]| {
        let images =
            values.chunks_exact(parameters.visible()).map(|row| row.iter().map(|&unit| f32::from(unit)).collect());
        grid(shape, images.collect())
    };
    if model.visible_sampling == VisibleSampling::Bernoulli
        && let Ok(values) = exact::sample(parameters, SAMPLES, 0)
    {
        return (
            Some(states(&values)),
            "from its own law, by enumeration: independent of each other and of any chain".into(),
        );
    }
    let chains = by_chains(cell, parameters, model).map(|values| states(&values));
    (chains, format!("after {STEPS} Gibbs steps of chains that start uniform over all states"))
}

fn by_chains(cell: &Cell, parameters: &Parameters, model: &ModelConfig) -> Option<Vec<u8>> {
    // The report is drawn on the CPU, whatever computed the cells.
    let backend = if BackendName::Flex.is_built() { BackendName::Flex } else { cell.config.run.backend };
    let device = rbm_ops::open(backend).ok()?;
    let rbm = Rbm::new(parameters, model, cell.config.train.precision, &device);
    let states = sample_chains(&rbm, SAMPLES, STEPS, 0, |_| {});
    let values = states.try_into_data().ok()?.convert::<f32>().try_into_vec::<f32>().ok()?;
    Some(values.into_iter().map(|value| u8::from(value > 0.5)).collect())
}

/// Rows that the model has not learnt from, where there are any, and its mean-field reconstructions of them.
fn reconstructions(cell: &Cell, parameters: &Parameters, data: &Loaded, shape: ImageShape) -> ReconstructionPairs {
    let split = data.data.validation.as_ref().or(data.data.test.as_ref()).unwrap_or(&data.train);
    let rows = first_rows(split, RECONSTRUCTIONS);
    let visible = |activation: f64| match cell.config.model.visible_sampling {
        VisibleSampling::Bernoulli => sigmoid(activation),
        VisibleSampling::ClampedLinear => activation.clamp(0.0, 1.0),
    };
    let reconstruct = |row: &Vec<f64>| {
        let hidden: Vec<f64> = parameters.hidden_activation(row).into_iter().map(sigmoid).collect();
        let again: Vec<f64> = parameters.visible_activation(&hidden).into_iter().map(visible).collect();
        narrow(&again)
    };
    ReconstructionPairs {
        reconstruction: grid(shape, rows.iter().map(reconstruct).collect()),
        data: grid(shape, rows.iter().map(|row| narrow(row)).collect()),
    }
}
