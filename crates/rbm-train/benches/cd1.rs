//! The CD-1 step: 784 visible and 500 hidden units, batch of 100, on the host backends.
//!
//! It checks what it timed: both backends must end at the same mean weight to within f32's roundings.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rbm_data::{DataConfig, DataFolders, NoProgress, Source, load};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm};
use rbm_ops::{BackendName, open};
use rbm_train::{TrainConfig, Trainer};

const BATCH: usize = 100;

fn bench(criterion: &mut Criterion) {
    // The shifter of 8 bits has 19 units; the step's time depends on shapes alone, so rows of 784 units are made of a file.
    let folder = std::env::temp_dir().join("rbm-lab-bench");
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("rows-idx3-ubyte");
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 3, 232, 0, 0, 0, 28, 0, 0, 0, 28]; // IDX of 1,000 x 28 x 28 bytes
    bytes.extend((0..1000_u32 * 784).map(|i| if i.wrapping_mul(2_654_435_761) >> 24 < 33 { 255_u8 } else { 0 }));
    std::fs::write(&path, bytes).expect("written");
    let config = DataConfig::new(Source::File(path));
    let folders = DataFolders { data_dir: None, cache: folder };
    let rows = Arc::new(load(&config, ".".as_ref(), &folders, &NoProgress).expect("rows").train);

    let start =
        Parameters::new((0..784 * 500).map(|i| 0.01 * f64::from(i).sin()).collect(), vec![-1.0; 784], vec![0.0; 500])
            .expect("sizes fit");
    let train = TrainConfig { epochs: u32::MAX, batch_size: BATCH, ..TrainConfig::default() };
    let mut group = criterion.benchmark_group("CD-1 step, 784 x 500, batch 100");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut means = Vec::new();
    for backend in [BackendName::Flex, BackendName::NdArray] {
        let device = open(backend).expect("built in");
        let fresh = || {
            let rbm = Rbm::new(&start, &ModelConfig::default(), Precision::F32, &device);
            Trainer::new(&train, rbm, Arc::clone(&rows), 0).expect("a fitting set-up")
        };
        let mut running = Some(fresh());
        group.bench_function(backend.to_string(), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    let trainer = running.take().expect("put back");
                    running = Some(trainer.step().expect("does not diverge").0);
                },
                BatchSize::SmallInput,
            );
        });
        let mut checked = fresh();
        for _ in 0..20 {
            (checked, _) = checked.step().expect("does not diverge");
        }
        let p = checked.parameters().expect("read back");
        means.push(p.weights().iter().sum::<f64>() / p.weights().len() as f64);
    }
    group.finish();
    // A flipped state moves a mean by at most rate x 2 / (batch x units); a handful of flips are allowed for.
    let bound = 10.0 * train.learning_rate * 2.0 / (BATCH * 500) as f64;
    assert!((means[0] - means[1]).abs() < bound, "the backends did different work: {means:?}");
}

criterion_group!(benches, bench);
criterion_main!(benches);
