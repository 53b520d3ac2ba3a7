//! The fused step on the processor beside a product of matrices: its speed in parts of the peak, as JSON.
//!
//! CD-1, plain and with centred gradients, and a Gibbs step of a machine with 784 x 500 units, batches of 100 and 500 rows of which 13 % are ones, as in
//! MNIST. Counted as if every product were dense, one multiply-add as two operations; above 1 the step does with the
//! bits of its states what no product of matrices can. The peak is the best of burn-flex's products of 2048 x 2048
//! matrices (the crate `gemm`), taken before and after.
//!
//! ```sh
//! RBM_ISA=avx2 cargo run --release --workspace --example fused_step -- 2
//! ```

use std::time::Instant;

use burn::tensor::{DType, Tensor, TensorData};
use rbm_ops::{BackendName, Draw, FusedBatch, FusedMachine, FusedStep, Isa, PackedStates, Stream, open};

const VISIBLE: usize = 784;
const HIDDEN: usize = 500;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads: usize = std::env::args().nth(1).map_or(Ok(0), |word| word.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let isa = Isa::from_environment()?;
    let before = peak()?;
    let mut lines = Vec::new();
    for rows in [100, 500] {
        let steps = 40_000 / rows;
        let [cd1, centred] = [false, true].map(|centred| median(|| cd1(rows, steps, centred)));
        let gibbs = median(|| gibbs(rows, steps));
        let dense = |products: f64| products * 2.0 * (rows * VISIBLE * HIDDEN) as f64;
        lines.push((rows, cd1, dense(5.0) / cd1, centred, gibbs, dense(2.0) / gibbs));
    }
    let peak = before.max(peak()?);
    for (rows, cd1, cd1_rate, centred, gibbs, gibbs_rate) in lines {
        println!(
            "{{\"isa\": \"{isa}\", \"threads\": {}, \"rows\": {rows}, \"gemm_gflops\": {:.1}, \"cd1_ms\": {:.4}, \"cd1_of_peak\": \
             {:.3}, \"centred_cd1_ms\": {:.4}, \"gibbs_ms\": {:.4}, \"gibbs_of_peak\": {:.3}}}",
            rayon::current_num_threads(),
            peak / 1e9,
            cd1 * 1e3,
            cd1_rate / peak,
            centred * 1e3,
            gibbs * 1e3,
            gibbs_rate / peak,
        );
    }
    Ok(())
}

/// Operations a second of a product of matrices.
fn peak() -> Result<f64, Box<dyn std::error::Error>> {
    const SIZE: usize = 2048;
    let device = open(BackendName::Flex)?;
    let matrix = |shift: usize| {
        let values: Vec<f32> = (0..SIZE * SIZE).map(|i| ((i * 7 + shift) % 13) as f32 - 6.0).collect();
        Tensor::<2>::from_data(TensorData::new(values, [SIZE, SIZE]), (&device, DType::F32))
    };
    let (a, b) = (matrix(0), matrix(5));
    let best = (0..8).map(|_| {
        let begun = Instant::now();
        let c = a.clone().matmul(b.clone());
        drop(c);
        begun.elapsed().as_secs_f64()
    });
    Ok(2.0 * (SIZE as f64).powi(3) / best.fold(f64::INFINITY, f64::min))
}

fn median(mut seconds: impl FnMut() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..ROUNDS).map(|_| seconds()).collect();
    all.sort_by(f64::total_cmp);
    all[ROUNDS / 2]
}

fn machine() -> FusedMachine {
    let device = open(BackendName::Flex).expect("built in");
    let tensor = |values: Vec<f32>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, shape), (&device, DType::F32))
    };
    let weights = (0..VISIBLE * HIDDEN).map(|i| 0.01 * (i as f32 * 12.9898).sin()).collect();
    FusedMachine::new([
        &tensor(weights, [HIDDEN, VISIBLE]),
        &tensor(vec![-1.9; VISIBLE], [1, VISIBLE]),
        &tensor(vec![0.0; HIDDEN], [1, HIDDEN]),
    ])
}

fn batch(rows: usize, number: usize) -> PackedStates {
    let at = Draw { seed: 1, stream: Stream::Binarization, step: number as u64, row: 0 };
    let values: Vec<f32> = (0..rows)
        .flat_map(|row| {
            (0..VISIBLE as u32).map(move |unit| if at.at_row(row as u32).uniform(unit) < 0.13 { 1.0 } else { 0.0 })
        })
        .collect();
    PackedStates::pack(VISIBLE, &values)
}

/// Seconds of a step of CD-1.
fn cd1(rows: usize, steps: usize, centred: bool) -> f64 {
    let batches: Vec<PackedStates> = (0..8).map(|number| batch(rows, number)).collect();
    let mut machine = machine();
    if centred {
        let offsets =
            |units| Tensor::<2>::full([1, units], 0.13, (&open(BackendName::Flex).expect("built in"), DType::F32));
        machine.centre([&offsets(VISIBLE), &offsets(HIDDEN)], 0.01);
    }
    let begun = Instant::now();
    for number in 0..steps {
        let step =
            FusedStep { seed: 3, gibbs_step: number as u64, k: 1, rate: 0.05, momentum: 0.0, decay: 0.0, norm: false };
        machine.step(FusedBatch::States(&batches[number % 8]), None, &step);
    }
    begun.elapsed().as_secs_f64() / steps as f64
}

/// Seconds of a Gibbs step.
fn gibbs(rows: usize, steps: usize) -> f64 {
    let mut machine = machine();
    let mut states = batch(rows, 0);
    let at = |stream| Draw { seed: 5, stream, step: 0, row: 0 };
    let begun = Instant::now();
    machine
        .gibbs_steps(&mut states, steps as u32, at(Stream::SampleHidden), at(Stream::SampleVisible))
        .expect("the processor answers");
    begun.elapsed().as_secs_f64() / steps as f64
}
