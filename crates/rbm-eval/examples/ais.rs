//! Annealed importance sampling alone, timed: `ais WEIGHTS SCHEDULE CHAINS SEED` prints one line of JSON.
//!
//! `benches/peers/ais_numpy.py` runs it in turn with the same work in numpy. Starts at uniform states.

use std::{error::Error, path::Path, time::Instant};

use rbm_eval::log_z::{Schedule, Verdict, anneal_up, forward_estimate, unwatched};
use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Place, Precision, weights_file};
use rbm_ops::{BackendName, open};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [weights, schedule, chains, seed] = &words[..] else {
        return Err("usage: ais WEIGHTS SCHEDULE CHAINS SEED".into());
    };
    let parameters = weights_file::read(Path::new(weights))?.parameters;
    let betas = Schedule::parse(schedule)?.betas();
    let place = Place { device: open(BackendName::Flex)?, precision: Precision::F32 };
    let begun = Instant::now();
    let path = AnnealingPath::from_independent(&vec![0.0; parameters.visible()], &parameters, &place)?;
    let chains = AnnealedChains::at_start(&path, chains.parse()?, seed.parse()?, ChainStreams::ANNEAL);
    // On a thread of the pool, as `rbm evaluate` does it.
    let log_weights = rayon::scope(|_| anneal_up(&path, &betas, chains, &mut unwatched))?;
    let start = path.log_partition_at_start().ok_or("independent units have a log Z")?;
    let found = forward_estimate(&log_weights, start, betas.len(), Verdict::low("not judged"));
    let seconds = begun.elapsed().as_secs_f64();
    let stderr = found.log_z_stderr.ok_or("one chain has no standard error")?;
    println!("{{\"log_z\": {}, \"stderr\": {stderr}, \"seconds\": {seconds}}}", found.log_z);
    Ok(())
}
