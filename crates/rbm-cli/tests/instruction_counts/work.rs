//! What is counted: loops over one step each, on small machines, in one thread.

use std::{error::Error, hint::black_box, path::Path, sync::Arc};

use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
use rbm_model::{ChainDraws, Chains, ModelConfig, Precision, Rbm, exact, initialise};
use rbm_ops::{BackendName, Stream, open};
use rbm_train::{TrainConfig, Trainer};

/// A piece of work and the two numbers of repetitions whose difference is its cost.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) repeats: [u32; 2],
    run: fn(u32) -> Result<(), Box<dyn Error>>,
}

/// Every piece. The repetitions of the training step lie within one epoch, so that no shuffling counts.
pub(crate) const WORKS: [Work; 3] = [
    Work { name: "cd1-step", repeats: [4, 20], run: cd1_step },
    Work { name: "gibbs-step", repeats: [4, 24], run: gibbs_step },
    Work { name: "log-z", repeats: [1, 4], run: log_z },
];

impl Work {
    /// Does it so often in a pool of one thread: what waits for other threads would count too.
    pub(crate) fn repeat(&self, times: u32) -> Result<(), Box<dyn Error>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        pool.install(|| (self.run)(times).map_err(|error| error.to_string()))?;
        Ok(())
    }
}

/// Rows of 12 x 12 units: 8,192 bars and stripes. On much smaller machines what burn does around a product shows, which
/// other cargo features change by two percent.
const SIDE: usize = 12;
const HIDDEN: usize = 128;
const BATCH: usize = 128;

fn machine(hidden: usize) -> Result<(Rbm, Arc<rbm_data::Split>), Box<dyn Error>> {
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() }; // nothing is fetched for this one
    let config = DataConfig { size: Some(SIDE), ..DataConfig::new(Source::BarsAndStripes) };
    let rows = Arc::new(load(&config, Path::new("."), &folders, &NoProgress)?.train);
    let model = ModelConfig { hidden, ..ModelConfig::default() };
    let start = initialise(&model, &rows.mean(), rows.len(), None, 0)?;
    Ok((Rbm::new(&start, &model, Precision::F32, &open(BackendName::Flex)?), rows))
}

/// CD-1, batches of 128 rows, 144 x 128 units, f32, momentum.
fn cd1_step(times: u32) -> Result<(), Box<dyn Error>> {
    let (rbm, rows) = machine(HIDDEN)?;
    let config = TrainConfig { epochs: u32::MAX, batch_size: BATCH, momentum: 0.5, ..TrainConfig::default() };
    let mut trainer = Trainer::new(&config, rbm, rows, 0)?;
    for _ in 0..times {
        (trainer, _) = trainer.step()?;
    }
    black_box(trainer.steps());
    Ok(())
}

/// 128 chains, 144 x 128 units, f32.
fn gibbs_step(times: u32) -> Result<(), Box<dyn Error>> {
    let (rbm, _) = machine(HIDDEN)?;
    let (start, hidden, visible) = (Stream::SampleStart, Stream::SampleHidden, Stream::SampleVisible);
    let mut chains = Chains::uniform(&rbm, BATCH, ChainDraws { seed: 0, start, hidden, visible, set: 0 });
    for _ in 0..times {
        chains = chains.step();
    }
    black_box(chains.visible()?);
    Ok(())
}

/// Log Z by enumeration of 12 hidden units beside 144 visible ones, f64.
fn log_z(times: u32) -> Result<(), Box<dyn Error>> {
    let (rbm, _) = machine(12)?;
    let parameters = rbm.parameters()?;
    for _ in 0..times {
        black_box(exact::log_partition(black_box(&parameters))?);
    }
    Ok(())
}
