//! The article's listing, done right: a machine trained by CD-1 on MNIST, then sampled.
//!
//! `cargo run --release --workspace --example article`

use std::path::Path;
use std::sync::Arc;

use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
use rbm_model::{ModelConfig, Precision, Rbm, initialise, sample_chains};
use rbm_ops::{BackendName, open};
use rbm_train::{TrainConfig, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = load(&DataConfig::new(Source::Mnist), Path::new("."), &DataFolders::from_env(None), &NoProgress)?;
    let rows = Arc::new(data.train.head(10_000));

    let model = ModelConfig { hidden: 128, ..ModelConfig::default() };
    let start = initialise(&model, &rows.mean(), rows.len(), None, 0)?;
    let rbm = Rbm::new(&start, &model, Precision::F32, &open(BackendName::Flex)?);

    let config = TrainConfig { k: 1, epochs: 5, learning_rate: 0.05, ..TrainConfig::default() };
    let mut trainer = Trainer::new(&config, rbm, Arc::clone(&rows), 0)?;
    while !trainer.is_finished() {
        let info;
        (trainer, info) = trainer.step()?;
        if info.ended_epoch {
            let norm = trainer.gradient_norm().unwrap_or_default();
            println!("epoch {}: gradient norm of the last batch {norm:.3}", info.epoch);
        }
    }

    let digit = sample_chains(trainer.model(), 1, 1000, 0, |_| ()).into_data().try_into_vec::<f32>()?;
    for row in digit.chunks(28) {
        println!("{}", row.iter().map(|&on| if on == 1.0 { "##" } else { "  " }).collect::<String>());
    }
    Ok(())
}
