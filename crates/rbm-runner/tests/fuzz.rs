//! Files that a sweep is begun with or goes on from: no broken one makes reading panic or allocate beyond its size.

#[path = "../../rbm-data/tests/fuzz/mutate.rs"]
mod mutate;

use std::path::Path;
use std::sync::Arc;

use mutate::{alone, fuzz};
use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
use rbm_model::{ModelConfig, Precision, Rbm, initialise, weights_file};
use rbm_runner::{Config, DataSets, Plan, VerifyTarget, resolved_toml, verify};
use rbm_store::{CellId, Results, Terminal};
use rbm_train::{Algorithm, TrainConfig, Trainer};

const CONFIG: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\nvalidation = 2\n[model]\nhidden = 4\n\
     [train]\nalgorithm = \"pcd\"\nk = 2\nmomentum = 0.5\nepochs = 4\nlearning_rate = 0.2\n[evaluate]\nevery = \"log\"\n\
     [sweep]\nseeds = 2\n\"train.batch_size\" = [4, 8]\n[[sweep.case]]\n\"train.k\" = 3\n[run]\nworkers = 1\n";

/// Text is held in a tree of values, each with its place; errors carry the whole text, once for each of a sweep's cells.
const TEXT: usize = 2000;
/// Numbers are widened to f64, held beside their bytes and put on a device.
const NUMBERS: usize = 64;
const FLOOR: usize = 4 << 20;

#[test]
fn configs() {
    let _alone = alone();
    fuzz("config", &[CONFIG.as_bytes().to_vec()], TEXT, 64 * FLOOR, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        // A repeated bracket may ask for as many cells as are allowed.
        if let Err(error) = Config::parse(&text, Path::new("x.toml"), &[]) {
            assert!(error.to_string().starts_with("x.toml"), "{error}");
        }
    });
}

fn plan() -> Plan {
    let config = Config::parse(CONFIG, Path::new("x.toml"), &[]).expect("a good config");
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    Plan::new(&config, &mut DataSets::quiet(folders)).expect("a plan")
}

#[test]
fn plans() {
    let _alone = alone();
    let text = plan().to_jsonl();
    fuzz("plan", &[text.into_bytes()], TEXT, FLOOR, |bytes| {
        if let Ok(plan) = Plan::from_jsonl(&String::from_utf8_lossy(bytes), Path::new("plan.jsonl")) {
            plan.cells.iter().for_each(|cell| {
                cell.estimate();
                resolved_toml(&cell.config);
                cell.canonical_config_json();
            });
        }
    });
}

#[test]
fn weights_files() {
    let _alone = alone();
    let machine = initialise(&ModelConfig { hidden: 3, ..ModelConfig::default() }, &[0.5; 4], 10, None, 1);
    let machine = machine.expect("sizes fit");
    let file = |precision| weights_file::to_bytes(&machine, precision, Some("{}")).expect("memory takes everything");
    fuzz("weights", &[file(Precision::F32), file(Precision::F64)], NUMBERS, FLOOR, |bytes| {
        if let Ok(stored) = weights_file::from_bytes(bytes) {
            assert!(stored.parameters.visible() * stored.parameters.hidden() > 0);
            assert!(stored.parameters.weights().iter().all(|weight| weight.is_finite()));
        }
    });
}

#[test]
fn checkpoints() {
    let _alone = alone();
    let data = DataConfig::new(Source::BarsAndStripes);
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    let rows = Arc::new(load(&data, Path::new(""), &folders, &NoProgress).expect("generated").train);
    let model = ModelConfig { hidden: 4, ..ModelConfig::default() };
    let config =
        TrainConfig { algorithm: Algorithm::Pcd, momentum: 0.5, batch_size: 5, epochs: 3, ..TrainConfig::default() };
    let start = initialise(&model, &rows.mean(), rows.len(), None, 1).expect("sizes fit");
    let device = rbm_ops::open(rbm_ops::BackendName::Flex).expect("built in");
    let trainer = || {
        let rbm = Rbm::new(&start, &model, Precision::F32, &device);
        Trainer::new(&config, rbm, Arc::clone(&rows), 1).expect("a fitting set-up")
    };
    let (trained, _) = trainer().step().and_then(|(trainer, _)| trainer.step()).expect("two steps");
    let seed = trained.checkpoint([("metrics_offset".to_owned(), "17".to_owned())].into()).expect("a checkpoint");
    fuzz("checkpoint", &[seed], NUMBERS, FLOOR, |bytes| {
        // What can be gone on from can be gone on with.
        if let Ok((trainer, _)) = trainer().resume(bytes)
            && !trainer.is_finished()
        {
            let _ = trainer.step();
        }
    });
}

#[test]
fn files_of_a_cell() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = Results::open(folder.path()).expect("a folder");
    let cell = results.cell(&CellId::of(b"a cell"));
    let lease = cell.try_lease().expect("locks").expect("free");
    lease.write_file("weights.safetensors", b"weights").expect("written");
    lease.open_metrics().and_then(|mut log| log.append(&[1, 2])).expect("written");
    lease.write_checkpoint(1, 2, b"state").expect("written");
    lease.finish(Terminal::Done, Some("a message"), &["weights.safetensors"]).expect("written");
    drop(lease);
    for name in ["DONE", "metrics.jsonl"] {
        let path = cell.path().join(name);
        let seed = std::fs::read(&path).expect("written");
        fuzz(name, &[seed], TEXT, FLOOR, |bytes| {
            std::fs::write(&path, bytes).expect("written");
            let found = verify(&VerifyTarget::Results(&results), |_, _| {}).expect("a folder that can be listed");
            assert!(found.findings.iter().all(|finding| !finding.remedy.is_empty()));
            let _ = (cell.state(), cell.read_metrics::<u8>());
        });
    }
}
