//! Exact log Z of machines of MNIST's width, whose answer is checked before the clock starts.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rbm_model::{Parameters, exact};

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
    for hidden in [16, 20] {
        let machine = machine(hidden);
        group.bench_function(format!("{VISIBLE}x{hidden}"), |bencher| {
            bencher.iter(|| exact::log_partition(black_box(&machine)).expect("at most 20 units"));
        });
    }
    group.finish();
}

criterion_group!(benches, log_partition);
criterion_main!(benches);
