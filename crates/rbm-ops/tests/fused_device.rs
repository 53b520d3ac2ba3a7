//! The training kernels of a GPU device against plain loops in f64, and alone against side by side.
#![cfg(feature = "wgpu")]

mod plain;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use plain::{Plain, packed, scattered, states};
use rbm_ops::{BackendName, Draw, Stream, devices_for_tests};
use rbm_ops::{CellStep, DeviceMachines, TileSize};

const TILES: [TileSize; 3] = [TileSize::Small, TileSize::Medium, TileSize::Large];
/// Edges of every tile: one unit, less than a word, whole words and one unit more.
const SIZES: [[usize; 2]; 5] = [[1, 1], [33, 5], [784, 16], [65, 130], [64, 32]];

fn devices() -> Vec<Device> {
    let is_gpu = |(backend, device): (BackendName, Device)| matches!(backend, BackendName::Wgpu(_)).then_some(device);
    devices_for_tests().into_iter().filter_map(is_gpu).collect()
}

fn ints<const D: usize>(values: Vec<i32>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), (device, DType::I32))
}

fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
}

fn on_device(cells: &[Plain], device: &Device) -> DeviceMachines {
    let (m, n, count) = (cells[0].visible, cells[0].hidden, cells.len());
    let all = |part: fn(&Plain) -> &Vec<f64>| cells.iter().flat_map(part).map(|&x| x as f32).collect::<Vec<f32>>();
    DeviceMachines::new(
        floats(all(|cell| &cell.weights), [count, n, m], device),
        floats(all(|cell| &cell.visible_bias), [count, m], device),
        floats(all(|cell| &cell.hidden_bias), [count, n], device),
    )
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("an f32 tensor")
}

fn words<const D: usize>(tensor: Tensor<D, Int>) -> Vec<i32> {
    tensor.into_data().convert::<i32>().try_into_vec::<i32>().expect("words")
}

/// Parameters of all machines: weights, visible biases, hidden biases.
fn parameters((weights, visible_bias, hidden_bias): (Tensor<3>, Tensor<2>, Tensor<2>)) -> [Vec<f32>; 3] {
    [values(weights), values(visible_bias), values(hidden_bias)]
}

fn bits(parts: &[Vec<f32>; 3]) -> Vec<u32> {
    parts.iter().flatten().map(|x| x.to_bits()).collect()
}

/// The part of one machine of `cells`.
fn of_cell(parts: &[Vec<f32>; 3], cell: usize, cells: usize) -> [Vec<f32>; 3] {
    parts.each_ref().map(|part| part[cell * part.len() / cells..(cell + 1) * part.len() / cells].to_vec())
}

const STEP: CellStep =
    CellStep { seed: 0x51f0_77a1_0b3c_92d4, gibbs_step: 0, k: 1, rate: 1.0, momentum: 0.0, decay: 0.0, active: true };

/// Largest difference over the largest number.
fn relative(found: impl IntoIterator<Item = f64>, wanted: &[f64]) -> f64 {
    let largest = wanted.iter().map(|x| x.abs()).fold(f64::MIN_POSITIVE, f64::max);
    found.into_iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

#[test]
fn states_are_those_of_the_drawn_uniform_numbers() {
    for device in devices() {
        for [visible, hidden] in SIZES {
            for (rows, tiles) in [1, 7, 100].into_iter().zip(TILES) {
                let mut machine = Plain::new(visible, hidden, 0.6, 3);
                let start = states(rows, visible, 4);
                let at = |stream| Draw { seed: 77, stream, step: 9 + (5 << 32), row: 40 };
                let draws = (at(Stream::TrainHidden), at(Stream::TrainVisible));
                let on_device = on_device(std::slice::from_ref(&machine), &device).with_tiles(tiles);
                let width = visible.div_ceil(32);
                let found =
                    on_device.gibbs_steps(ints(packed(&start, visible), [1, rows, width], &device), 1, &[draws]);
                let found = words(found);
                // A row with a hidden unit that could be either is left out.
                let mut left_out = 0;
                for row in 0..rows {
                    machine.margin = f64::INFINITY;
                    let from = &start[row * visible..(row + 1) * visible];
                    let drawn = machine.sample(true, from, draws.0.at_row(40 + row as u32));
                    if machine.margin <= 0.0 {
                        left_out += 1;
                        continue;
                    }
                    let drawn = machine.sample(false, &drawn, draws.1.at_row(40 + row as u32));
                    if machine.margin > 0.0 {
                        assert_eq!(
                            packed(&drawn, visible),
                            found[row * width..(row + 1) * width],
                            "{visible}x{hidden} {row}"
                        );
                    } else {
                        left_out += 1;
                    }
                }
                assert!(left_out * 20 <= rows, "{left_out} of {rows} rows left out");
            }
        }
    }
}

#[test]
fn gibbs_steps_do_not_depend_on_tiles_or_company() {
    let ([visible, hidden], rows, device_count) = ([65, 130], 70, 3);
    for device in devices() {
        let machines: Vec<Plain> = (0..device_count).map(|i| Plain::new(visible, hidden, 0.6, i)).collect();
        let draws: Vec<(Draw, Draw)> = (0..device_count as u64)
            .map(|i| {
                let at = |stream| Draw { seed: 5 + i, stream, step: (1 << 32) - 2 + i, row: 3 };
                (at(Stream::TrainHidden), at(Stream::TrainVisible))
            })
            .collect();
        let start: Vec<i32> = (0..device_count).flat_map(|i| packed(&states(rows, visible, i), visible)).collect();
        let input = ints(start.clone(), [device_count, rows, 3], &device);
        let together = words(on_device(&machines, &device).gibbs_steps(input.clone(), 4, &draws));
        assert_eq!(words(input), start, "a shared tensor was written");
        for (i, tiles) in TILES.into_iter().enumerate() {
            let alone = on_device(&machines[i..=i], &device).with_tiles(tiles);
            let input = ints(start[i * rows * 3..(i + 1) * rows * 3].to_vec(), [1, rows, 3], &device);
            assert_eq!(words(alone.gibbs_steps(input, 4, &draws[i..=i])), together[i * rows * 3..(i + 1) * rows * 3]);
        }
    }
}

/// A step at whose seed no state hangs on the rounding of f32, the machine after it, and its gradient's norm.
fn decided(before: &Plain, batch: &[bool]) -> (CellStep, Plain, f64) {
    for seed in 0..20 {
        let (step, mut machine) = (CellStep { seed, ..STEP }, before.clone());
        let norm = machine.step(batch, None, &step);
        if machine.margin > 0.0 {
            return (step, machine, norm);
        }
    }
    panic!("no seed without a borderline state");
}

#[test]
fn gradients_are_those_of_plain_loops() {
    for device in devices() {
        for [visible, hidden] in SIZES {
            for (rows, tiles) in [1, 7, 100].into_iter().zip(TILES) {
                let data = states(120, visible, 9);
                let order: Vec<i32> = (0..110).map(|i| (i * 37 + 5) % 120).collect();
                let batch: Vec<bool> = order[6..6 + rows]
                    .iter()
                    .flat_map(|&row| &data[row as usize * visible..][..visible])
                    .copied()
                    .collect();
                let on = |values: &[bool]| ints(packed(values, visible), [120, visible.div_ceil(32)], &device);
                let before = Plain::new(visible, hidden, 0.1, 8);
                let (step, machine, norm) = decided(&before, &batch);
                let mut trained = on_device(std::slice::from_ref(&before), &device).with_tiles(tiles);
                let order = ints(order, [1, 110], &device);
                assert!(trained.step(&on(&data), &order, 6, rows, None, true, &[step]).is_none());
                let found = parameters(trained.tensors());
                let parts = [
                    (&before.weights, &machine.weights),
                    (&before.visible_bias, &machine.visible_bias),
                    (&before.hidden_bias, &machine.hidden_bias),
                ];
                for (found, (before, after)) in found.into_iter().zip(parts) {
                    let wanted: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
                    let changes = found.into_iter().zip(before).map(|(a, b)| f64::from(a) - b);
                    // A parameter is rounded when it is read as its change: half a unit in the last place of 1/2.
                    let rounding = 2.0_f64.powi(-25) / wanted.iter().fold(f64::MIN_POSITIVE, |a, b| a.max(b.abs()));
                    let error = relative(changes, &wanted);
                    if wanted.iter().any(|x| x.abs() > 1e-9) {
                        assert!(error <= 1e-5 + rounding, "{visible}x{hidden}, {rows} rows: {error}");
                    }
                }
                let found = trained.gradient_norms().expect("the device answers")[0];
                assert!(
                    (found - norm).abs() <= 1e-5 * norm + 2.0_f64.powi(-24),
                    "{visible}x{hidden}: norm {found}, not {norm}"
                );
                assert_eq!(trained.diverged().expect("the device answers"), [0]);
            }
        }
    }
}

#[test]
fn momentum_decay_and_chains_go_on_from_step_to_step() {
    let ([visible, hidden], rows, chain_count) = ([33, 20], 21, 13);
    for device in devices() {
        let data = states(60, visible, 1);
        let data_on_device = ints(packed(&data, visible), [60, 2], &device);
        let order = ints((0..60).rev().collect(), [1, 60], &device);
        for is_persistent in [false, true] {
            let mut machine = Plain::new(visible, hidden, 0.5, 8);
            let mut trained = on_device(std::slice::from_ref(&machine), &device);
            let mut chains = is_persistent.then(|| states(chain_count, visible, 2));
            let mut chains_on_device = chains.as_ref().map(|c| ints(packed(c, visible), [1, chain_count, 2], &device));
            // The third step forgets the last update, the fourth starts anew, the fifth goes on.
            let mut gibbs_step = (1 << 32) - 3;
            for (momentum, k) in [(0.5, 2), (0.9, 2), (0.0, 1), (0.5, 3), (0.5, 3)] {
                let cell = CellStep { gibbs_step, k, rate: 0.3, momentum, decay: 0.01, ..STEP };
                let batch: Vec<bool> =
                    (5..5 + rows).flat_map(|i| &data[(59 - i) * visible..][..visible]).copied().collect();
                chains_on_device = trained.step(&data_on_device, &order, 5, rows, chains_on_device, false, &[cell]);
                machine.step(&batch, chains.as_mut(), &cell);
                gibbs_step += u64::from(k);
                assert_eq!(trained.last_update().is_some(), momentum != 0.0);
            }
            assert!(machine.margin > 0.0, "another seed is needed");
            let parts = [&machine.weights, &machine.visible_bias, &machine.hidden_bias];
            for (found, wanted) in parameters(trained.tensors()).into_iter().zip(parts) {
                assert!(relative(found.into_iter().map(f64::from), wanted) <= 1e-5);
            }
            let last = machine.last.as_ref().expect("momentum");
            for (found, wanted) in parameters(trained.last_update().expect("momentum")).into_iter().zip(last) {
                assert!(relative(found.into_iter().map(f64::from), wanted) <= 1e-4);
            }
            assert_eq!(chains_on_device.map(words), chains.map(|chains| packed(&chains, visible)));
        }
    }
}

/// Five machines that differ in seed, k, rate, momentum and decay; the second sits the second step out.
fn company(step: u64, gibbs_steps: &mut [u64; 5]) -> [CellStep; 5] {
    let cells = std::array::from_fn(|i| CellStep {
        seed: 1000 + i as u64,
        gibbs_step: gibbs_steps[i],
        k: [1, 3, 2, 1, 5][i],
        rate: [0.1, 0.02, 0.5, 0.1, 0.3][i],
        momentum: [0.0, 0.5, 0.9, 0.0, 0.5][i],
        decay: [0.0, 0.001, 0.0, 0.01, 0.02][i],
        active: (i, step) != (1, 1),
    });
    for (gibbs_step, cell) in gibbs_steps.iter_mut().zip(&cells) {
        *gibbs_step += if cell.active { u64::from(cell.k) } else { 0 };
    }
    cells
}

#[test]
fn machines_side_by_side_are_byte_for_byte_those_alone() {
    for device in devices() {
        for ([visible, hidden], rows) in [([33_usize, 5], 7), ([65, 130], 70), ([1, 1], 1), ([100, 64], 40)] {
            for is_persistent in [false, true] {
                let width = visible.div_ceil(32);
                let machines: Vec<Plain> = (0..5).map(|i| Plain::new(visible, hidden, 0.3, i)).collect();
                let data = ints(packed(&states(90, visible, 6), visible), [90, width], &device);
                let orders: Vec<i32> = (0..5).flat_map(|c| (0..80).map(move |i| (i * (7 + c) + c) % 90)).collect();
                let starts: Vec<i32> = (0..5).flat_map(|i| packed(&states(9, visible, i), visible)).collect();
                let train = |cells: std::ops::Range<usize>, tiles| {
                    let count = cells.len();
                    let mut trained = on_device(&machines[cells.clone()], &device).with_tiles(tiles);
                    let order = ints(orders[cells.start * 80..cells.end * 80].to_vec(), [count, 80], &device);
                    let mut chains = is_persistent.then(|| {
                        let of_cells = starts[cells.start * 9 * width..cells.end * 9 * width].to_vec();
                        ints(of_cells, [count, 9, width], &device)
                    });
                    let mut gibbs_steps = [0; 5];
                    for step in 0..4 {
                        let all = company(step, &mut gibbs_steps);
                        let want_norm = step == 3;
                        chains = trained.step(&data, &order, 3, rows, chains, want_norm, &all[cells.clone()]);
                    }
                    let norms = trained.gradient_norms().expect("the device answers");
                    assert_eq!(trained.diverged().expect("the device answers"), vec![0; count]);
                    let last = trained.last_update().map(parameters);
                    (parameters(trained.tensors()), last, chains.map(words), norms)
                };
                let (together, last, chains, norms) = train(0..5, TileSize::Auto);
                for cell in 0..5 {
                    let (alone, alone_last, alone_chains, alone_norms) = train(cell..cell + 1, TILES[cell % 3]);
                    assert_eq!(bits(&alone), bits(&of_cell(&together, cell, 5)), "machine {cell}");
                    let of_last = of_cell(last.as_ref().expect("some have momentum"), cell, 5);
                    match alone_last {
                        Some(alone) => assert_eq!(bits(&alone), bits(&of_last)),
                        None => assert!(of_last.iter().flatten().all(|&x| x == 0.0)),
                    }
                    assert_eq!(
                        alone_chains.as_deref(),
                        chains.as_ref().map(|c| &c[cell * 9 * width..(cell + 1) * 9 * width])
                    );
                    assert_eq!(alone_norms[0].to_bits(), norms[cell].to_bits());
                }
            }
        }
    }
}

#[test]
fn a_run_that_is_taken_up_again_goes_on_with_the_same_bytes() {
    let ([visible, hidden], rows) = ([40, 24], 16);
    for device in devices() {
        let data = ints(packed(&states(48, visible, 6), visible), [48, 2], &device);
        let order = ints((0..48).collect(), [1, 48], &device);
        let machine = [Plain::new(visible, hidden, 0.3, 0)];
        let cell = |gibbs_step| CellStep { gibbs_step, rate: 0.1, momentum: 0.5, ..STEP };
        let mut whole = on_device(&machine, &device);
        let mut half = on_device(&machine, &device);
        for step in 0..2 {
            whole.step(&data, &order, 0, rows, None, false, &[cell(step)]);
            half.step(&data, &order, 0, rows, None, false, &[cell(step)]);
        }
        let (tensors, last) = (half.tensors(), half.last_update());
        let kept = parameters(tensors.clone());
        half.step(&data, &order, 0, rows, None, false, &[cell(2)]);
        assert_eq!(bits(&parameters(tensors.clone())), bits(&kept), "a step wrote into tensors that were handed out");
        let mut resumed = DeviceMachines::new(tensors.0, tensors.1, tensors.2);
        resumed.set_last_update(last);
        for step in 2..4 {
            whole.step(&data, &order, 16, rows, None, false, &[cell(step)]);
            resumed.step(&data, &order, 16, rows, None, false, &[cell(step)]);
        }
        assert_eq!(bits(&parameters(whole.tensors())), bits(&parameters(resumed.tensors())));
    }
}

#[test]
fn a_machine_whose_gradient_is_not_finite_stays_as_it_was() {
    let ([visible, hidden], rows) = ([33, 40], 10);
    for device in devices() {
        let mut machines: Vec<Plain> = (0..3).map(|i| Plain::new(visible, hidden, 0.3, i)).collect();
        machines[1].hidden_bias[7] = f64::NAN;
        let data = ints(packed(&states(20, visible, 6), visible), [20, 2], &device);
        let orders = |cells| ints((0..cells * 20).map(|i| i % 20).collect(), [cells as usize, 20], &device);
        let mut trained = on_device(&machines, &device);
        let mut alone = on_device(&machines[..1], &device);
        let before = parameters(trained.tensors());
        for gibbs_step in 0..3 {
            let cell = CellStep { gibbs_step, rate: 0.1, momentum: 0.5, ..STEP };
            // The third machine's weights are none after its second step, which its third step finds.
            let broken = CellStep { rate: if gibbs_step == 1 { f32::INFINITY } else { 0.1 }, ..cell };
            trained.step(&data, &orders(3), 0, rows, None, true, &[cell, cell, broken]);
            alone.step(&data, &orders(1), 0, rows, None, true, &[cell]);
        }
        assert_eq!(trained.diverged().expect("the device answers"), [0, 1, 3]);
        let after = parameters(trained.tensors());
        assert_eq!(bits(&of_cell(&after, 1, 3)), bits(&of_cell(&before, 1, 3)));
        assert_eq!(bits(&of_cell(&after, 0, 3)), bits(&parameters(alone.tensors())));
    }
}

#[test]
fn scattered_numbers_are_scattered() {
    let mean = scattered(10_000, 1).map(f64::from).sum::<f64>() / 1e4;
    assert!(mean.abs() < 0.02, "{mean}");
}
