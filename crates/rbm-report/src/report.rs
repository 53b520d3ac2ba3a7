//! What a report is made from, and what comes out of it.

/// All that the report of one sweep shows. The crate asks for values only: it opens no file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The sweep's name.
    pub title: String,
    /// What ran, in the order to show it: data and digest, backend, machine, code state, wall time, peak memory, ...
    pub facts: Vec<(String, String)>,
    /// The full config as text.
    pub config_toml: String,
    /// The command that makes this report again, for example `rbm report results/mnist-0123456789ab`.
    pub redraw_command: String,
    /// The swept keys, without the seed. A key that the sweep holds constant may stand here with one value.
    pub axes: Vec<Axis>,
    /// Every cell of the plan, whatever became of it.
    pub cells: Vec<CellReport>,
    /// Rows of the training data, to be shown beside the samples.
    pub data_images: Option<ImageGrid>,
    /// The metrics that may occur, the most telling first; see [`standard_metrics`](crate::standard_metrics).
    pub metric_info: Vec<MetricInfo>,
}

/// One swept key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// The dotted key, as in [`CellReport::settings`].
    pub key: String,
    /// What figures call it: "k", "hidden".
    pub label: String,
    /// Its values in the order of the config, as in [`CellReport::settings`].
    pub values: Vec<String>,
}

/// One cell: one point of the plan with one seed.
#[derive(Clone, Debug, Default)]
pub struct CellReport {
    /// The readable name: `k=3,hidden=16,seed=0`.
    pub name: String,
    /// The cell's id.
    pub id: String,
    /// What became of it.
    pub state: CellState,
    /// Why it failed or diverged.
    pub message: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// The swept keys and this cell's value of each. Cells with equal settings differ in the seed alone.
    pub settings: Vec<(String, String)>,
    /// All that was measured.
    pub metrics: Vec<MetricPoint>,
    /// Updates, and the multiply-adds of training that they take by the plan, at the ends of the epochs, from (0, 0.0);
    /// empty where that is not known.
    pub work: Vec<(u64, f64)>,
    /// How long it took, all attempts together.
    pub wall_seconds: Option<f64>,
    /// The largest resident memory of its worker.
    pub peak_memory_bytes: Option<u64>,
    /// What its model looks like.
    pub images: CellImages,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellState {
    /// Not begun.
    #[default]
    Pending,
    /// A worker holds it.
    Running,
    /// Begun, and held by no worker.
    Interrupted,
    /// Ended by an error.
    Failed,
    /// Ended because a value was no longer finite.
    Diverged,
    /// Finished.
    Done,
}

impl CellState {
    /// The word that stands in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Diverged => "diverged",
            Self::Done => "done",
        }
    }
}

/// One measured value: a row of `metrics.parquet`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricPoint {
    /// Updates done so far.
    pub step: u64,
    /// Epochs done so far; 0 is before training.
    pub epoch: u32,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// The metric's name: `log-likelihood`.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Its standard error, where it is an estimate that has one.
    pub stderr: Option<f64>,
}

/// Pictures of one cell's model; what is absent is not shown.
#[derive(Clone, Debug, Default)]
pub struct CellImages {
    /// Samples from the chain.
    pub samples: Option<ImageGrid>,
    /// How the samples were drawn, for the sentence under them: "after 1,000 Gibbs steps from uniform states".
    pub samples_note: Option<String>,
    /// The weights of each hidden unit, with [`ImageRange::Diverging`].
    pub receptive_fields: Option<ImageGrid>,
    /// Rows of data and their reconstructions, in the same order.
    pub reconstructions: Option<ReconstructionPairs>,
}

/// Rows of data and what the model makes of each.
#[derive(Clone, Debug)]
pub struct ReconstructionPairs {
    /// The rows.
    pub data: ImageGrid,
    /// Their reconstructions, in the same order.
    pub reconstruction: ImageGrid,
}

/// Images of one size.
#[derive(Clone, Debug)]
pub struct ImageGrid {
    /// Rows of pixels of each image.
    pub height: usize,
    /// Columns of pixels of each image.
    pub width: usize,
    /// The images, each `height * width` values, row after row from the top.
    pub images: Vec<Vec<f32>>,
    /// How values become shades.
    pub range: ImageRange,
}

/// How values become shades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ImageRange {
    /// From black at `low` to white at `high`.
    Grey {
        /// The value of black.
        low: f32,
        /// The value of white.
        high: f32,
    },
    /// From blue at `-largest` over white at zero to red at `largest`.
    Diverging {
        /// The value of full red.
        largest: f32,
    },
}

impl ImageGrid {
    /// Images of values in [0, 1]: data, samples, reconstructions.
    pub fn unit(height: usize, width: usize, images: Vec<Vec<f32>>) -> Self {
        Self { height, width, images, range: ImageRange::Grey { low: 0.0, high: 1.0 } }
    }

    /// Images of values of either sign: weights. Full colour stands at the absolute value that one in 200 of them
    /// exceeds, so that a few large weights do not fade all others.
    pub fn diverging(height: usize, width: usize, images: Vec<Vec<f32>>) -> Self {
        const SHARE_EXCEEDING: usize = 200;
        let finite = images.iter().flatten().filter(|value| value.is_finite());
        let mut sizes: Vec<f32> = finite.map(|value| value.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let largest = sizes.iter().rev().nth(sizes.len() / SHARE_EXCEEDING).copied().unwrap_or(0.0);
        Self { height, width, images, range: ImageRange::Diverging { largest } }
    }
}

/// What a metric is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name in tables: `log-likelihood`.
    pub name: String,
    /// Its unit: "nats per row"; empty where it has none.
    pub unit: String,
    /// What it is, in one line of words.
    pub definition: String,
    /// Whether a larger value is the better one; `None` where neither is.
    pub larger_is_better: Option<bool>,
}

/// What [`render`](crate::render) returns, for the caller to write.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// `report.html`, self-contained.
    pub html: String,
    /// File stem and text of each SVG figure.
    pub figures: Vec<(String, String)>,
    /// `summary.parquet`: one row a cell.
    pub summary_parquet: Vec<u8>,
    /// `summary.csv`: the same rows.
    pub summary_csv: String,
    /// One row a setting: mean, standard deviation and n over the seeds, as Parquet.
    pub settings_parquet: Vec<u8>,
    /// The same rows as CSV.
    pub settings_csv: String,
}
