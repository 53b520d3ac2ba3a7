//! Exact log Z of machines of MNIST's width on one core and on two, and the kernel on whole laws; answers are checked
//! before the clock starts.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::ThreadPoolBuilder;
use rbm_model::{
    Parameters,
    exact::{self, KernelWalk, WeightedRows},
};

const VISIBLE: usize = 784;

/// Deterministic parameters of the size that training reaches, about 0.3 a weight.
fn machine(hidden: usize) -> Parameters {
    let weights = (0..hidden * VISIBLE).map(|at| 0.4 * (1.0 + 0.7 * at as f64).sin()).collect();
    let visible_bias = (0..VISIBLE).map(|i| -1.0 + 0.5 * (i as f64).cos()).collect();
    let hidden_bias = (0..hidden).map(|j| -0.2 + 0.1 * (2.0 * j as f64).sin()).collect();
    Parameters::new(weights, visible_bias, hidden_bias).expect("the lengths fit")
}

fn log_partition(criterion: &mut Criterion) {
    let small = machine(8);
    let plain: Vec<f64> = (0..1_u32 << 8)
        .map(|state| {
            let hidden: Vec<f64> = (0..8).map(|j| f64::from(state >> j & 1)).collect();
            small.transposed().free_energy(&hidden)
        })
        .collect();
    let lowest = plain.iter().copied().fold(f64::INFINITY, f64::min);
    let expected = plain.iter().map(|free_energy| (lowest - free_energy).exp()).sum::<f64>().ln() - lowest;
    let found = exact::log_partition(&small).expect("8 units can be enumerated");
    assert!((found - expected).abs() < 1e-10 * expected.abs(), "log Z is {found}, not {expected}");

    let mut group = criterion.benchmark_group("log_partition");
    group.sample_size(20);
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of a few threads");
        for hidden in [16, 20] {
            let machine = machine(hidden);
            // Elements are states: criterion prints how many a second.
            group.throughput(Throughput::Elements(1 << hidden));
            group.bench_function(format!("{VISIBLE}x{hidden}, {threads} threads"), |bencher| {
                bencher.iter(|| pool.install(|| exact::log_partition(black_box(&machine)).expect("at most 20 units")));
            });
        }
    }
    group.finish();
}

/// A hundred Gibbs steps of a law over 16 units, by way of 10: what `rbm bias` does up to k = 100.
fn kernel(criterion: &mut Criterion) {
    let (visible, hidden) = (16, 10);
    let weights = (0..visible * hidden).map(|at| 0.8 * (1.0 + 1.7 * at as f64).sin()).collect();
    let bias = |units: usize| (0..units).map(|i| 0.1 * (i as f64).cos()).collect::<Vec<f64>>();
    let machine = Parameters::new(weights, bias(visible), bias(hidden)).expect("the lengths fit");
    let rows = WeightedRows::new(visible, &[1.0; 16]).expect("one row");
    let model = exact::visible_law(&machine).expect("16 units");
    let still = exact::kernel_step(&machine, &model).expect("26 units");
    assert!(exact::total_variation(&still, &model) < 1e-12, "the model's law does not stay");
    let lambda2 = exact::second_eigenvalue(&machine).expect("26 units");
    let mut walk = KernelWalk::new(&machine, &rows).expect("26 units");
    let mut before = exact::chi_squared(walk.law(), &model);
    for k in 2..=10 {
        walk.go_to(k);
        let after = exact::chi_squared(walk.law(), &model);
        assert!(after <= lambda2 * lambda2 * before * (1.0 + 1e-9), "chi-squared shrinks by lambda2 squared or more");
        before = after;
    }

    let mut group = criterion.benchmark_group("kernel");
    group.sample_size(10);
    group.bench_function(format!("{visible}+{hidden}, k = 100"), |bencher| {
        bencher.iter(|| {
            let mut walk = KernelWalk::new(black_box(&machine), &rows).expect("26 units");
            walk.go_to(100);
            walk.moments().expect("26 units")
        });
    });
    group.finish();
}

criterion_group!(benches, log_partition, kernel);
criterion_main!(benches);
