//! Speed and correctness of the training kernels on this machine's GPU, as JSON.
//!
//! CD-1 on a machine with 784 visible and 500 hidden units, batches of 500 and of 100 rows, one machine and 64 side by
//! side. Before that, the checks: one step against plain loops in f64 on the host, and machines side by side against
//! the same ones alone, byte for byte. `benches/peers/torch_gpu.py` does the same work in PyTorch.
//!
//! ```sh
//! cargo run --release --workspace --features wgpu --example gpu_step -- --seconds 0.3 --windows 7
//! ```

#[cfg(feature = "wgpu")]
#[path = "../tests/plain/mod.rs"]
mod plain;

#[cfg(feature = "wgpu")]
fn main() {
    if let Err(error) = bench::run() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

#[cfg(not(feature = "wgpu"))]
fn main() {
    eprintln!("built without the feature wgpu");
}

#[cfg(feature = "wgpu")]
mod bench {
    use std::time::Instant;

    use burn::tensor::{DType, Device, Int, Tensor, TensorData};
    use rbm_ops::{Adapter, BackendName, device_name, open};
    use rbm_ops::{CellStep, DeviceMachines, TileSize};

    use super::plain::{Plain, packed, scattered, states};

    const VISIBLE: usize = 784;
    const HIDDEN: usize = 500;
    const WORDS: usize = VISIBLE.div_ceil(32);
    const DATA_ROWS: usize = 10_000;
    const TILES: [TileSize; 3] = [TileSize::Small, TileSize::Medium, TileSize::Large];

    /// Arguments: `--seconds` of a window, `--windows` after the warm-up (0: the checks alone), `--cells` side by side,
    /// `--adapter` 0, 1, .. or cpu.
    struct Arguments {
        seconds: f64,
        windows: usize,
        cells: usize,
        adapter: Adapter,
    }

    impl Arguments {
        fn read() -> Result<Self, String> {
            let mut all = Self { seconds: 0.3, windows: 7, cells: 64, adapter: Adapter::Best };
            let mut words = std::env::args().skip(1);
            while let Some(word) = words.next() {
                let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
                let bad = |what: &str| format!("{word}: {value} is no {what}");
                match word.as_str() {
                    "--seconds" => all.seconds = value.parse().map_err(|_| bad("number"))?,
                    "--windows" => all.windows = value.parse().map_err(|_| bad("count"))?,
                    "--cells" => all.cells = value.parse().map_err(|_| bad("count"))?,
                    "--adapter" if value == "cpu" => all.adapter = Adapter::Cpu,
                    "--adapter" => all.adapter = Adapter::Gpu(value.parse().map_err(|_| bad("adapter"))?),
                    _ => return Err(format!("no such option: {word}")),
                }
            }
            Ok(all)
        }
    }

    pub(super) fn run() -> Result<(), String> {
        let arguments = Arguments::read()?;
        let backend = BackendName::Wgpu(arguments.adapter);
        let device = open(backend).map_err(|error| error.to_string())?;
        let name = device_name(backend).map_err(|error| error.to_string())?.unwrap_or_default();
        let mut lines = vec![];
        let mut report = |line: String| {
            eprintln!("{line}");
            lines.push(line);
        };
        report(format!("\"device\": {name:?}"));
        report(check_gradient(&device)?);
        report(check_company(&device)?);
        for cells in [1, arguments.cells].into_iter().filter(|_| arguments.windows > 0) {
            for rows in [500, 100] {
                for momentum in [0.0, 0.5] {
                    for tiles in [TileSize::Auto, TileSize::Small, TileSize::Medium, TileSize::Large] {
                        if momentum == 0.0 || tiles == TileSize::Auto {
                            report(speed(&device, cells, rows, momentum, tiles, &arguments)?);
                        }
                    }
                }
            }
        }
        println!("{{\n  {}\n}}", lines.join(",\n  "));
        Ok(())
    }

    fn ints<const D: usize>(values: Vec<i32>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
        Tensor::from_data(TensorData::new(values, shape), (device, DType::I32))
    }

    fn narrow(values: &[f64]) -> Vec<f32> {
        values.iter().map(|&x| x as f32).collect()
    }

    fn on_device(cells: &[Plain], device: &Device) -> DeviceMachines {
        let floats =
            |part: fn(&Plain) -> &Vec<f64>| cells.iter().flat_map(|cell| narrow(part(cell))).collect::<Vec<f32>>();
        let tensor = |values: Vec<f32>, width| {
            Tensor::<2>::from_data(TensorData::new(values, [cells.len(), width]), (device, DType::F32))
        };
        let weights = tensor(floats(|cell| &cell.weights), HIDDEN * VISIBLE).reshape([cells.len(), HIDDEN, VISIBLE]);
        let biases = [tensor(floats(|c| &c.visible_bias), VISIBLE), tensor(floats(|c| &c.hidden_bias), HIDDEN)];
        let [visible_bias, hidden_bias] = biases;
        DeviceMachines::new(weights, visible_bias, hidden_bias)
    }

    fn parameters(machines: &DeviceMachines) -> Result<[Vec<f32>; 3], String> {
        let failed = |error: String| format!("the device did not answer: {error}");
        let (weights, visible_bias, hidden_bias) = machines.tensors();
        let data = [weights.try_into_data(), visible_bias.try_into_data(), hidden_bias.try_into_data()];
        let mut all = [const { Vec::new() }; 3];
        for (values, data) in all.iter_mut().zip(data) {
            let data = data.map_err(|error| failed(format!("{error:?}")))?;
            *values = data.try_into_vec::<f32>().map_err(|error| failed(format!("{error:?}")))?;
        }
        Ok(all)
    }

    fn cell(seed: u64, gibbs_step: u64) -> CellStep {
        CellStep { seed, gibbs_step, k: 1, rate: 0.05, momentum: 0.0, decay: 0.0, active: true }
    }

    /// One step of CD-1 at rate 1 against f64.
    fn check_gradient(device: &Device) -> Result<String, String> {
        const ROWS: usize = 100;
        let data = states(ROWS, VISIBLE, 1);
        let on = ints(packed(&data, VISIBLE), [ROWS, WORDS], device);
        let order = ints((0..ROWS as i32).collect(), [1, ROWS], device);
        // A seed at which no state hangs on the rounding of f32.
        for seed in 0..100 {
            let step = CellStep { rate: 1.0, ..cell(seed, 0) };
            let before = Plain::new(VISIBLE, HIDDEN, 0.04, 1);
            let mut machine = before.clone();
            machine.step(&data, None, &step);
            if machine.margin <= 0.0 {
                continue;
            }
            let mut errors = Vec::new();
            for tiles in TILES {
                let mut trained = on_device(std::slice::from_ref(&before), device).with_tiles(tiles);
                trained.step(&on, &order, 0, ROWS, None, false, &[step]);
                let parts = [
                    (&before.weights, &machine.weights),
                    (&before.visible_bias, &machine.visible_bias),
                    (&before.hidden_bias, &machine.hidden_bias),
                ];
                for (found, (before, after)) in parameters(&trained)?.into_iter().zip(parts) {
                    let (mut largest, mut error) = (0.0_f64, 0.0_f64);
                    for ((found, before), after) in found.into_iter().zip(before).zip(after) {
                        largest = largest.max((after - before).abs());
                        error = error.max((f64::from(found) - after).abs());
                    }
                    errors.push(error / largest);
                }
            }
            let worst = errors.iter().copied().fold(0.0, f64::max);
            if worst.is_nan() || worst > 1e-5 {
                return Err(format!("a gradient differs from f64 by {errors:?} of its largest component"));
            }
            return Ok(format!("\"gradient_error\": {worst:e}"));
        }
        Err("no seed without a borderline state".into())
    }

    /// Five machines side by side, and each alone with another size of tiles.
    fn check_company(device: &Device) -> Result<String, String> {
        const ROWS: usize = 100;
        const COUNT: usize = 5;
        let machines: Vec<Plain> = (0..COUNT).map(|i| Plain::new(VISIBLE, HIDDEN, 0.04, i)).collect();
        let data = ints(packed(&states(4 * ROWS, VISIBLE, 1), VISIBLE), [4 * ROWS, WORDS], device);
        let train = |range: std::ops::Range<usize>, tiles| {
            let mut trained = on_device(&machines[range.clone()], device).with_tiles(tiles);
            let order = (0..range.len()).flat_map(|_| 0..4 * ROWS as i32).collect();
            let order = ints(order, [range.len(), 4 * ROWS], device);
            for step in 0..4 {
                let all: Vec<CellStep> = (range.clone())
                    .map(|i| {
                        let k = [1, 2, 1, 3, 1][i];
                        let momentum = [0.0, 0.5, 0.9, 0.0, 0.5][i];
                        CellStep { k, momentum, rate: 0.01 * (i + 1) as f32, ..cell(i as u64, step * u64::from(k)) }
                    })
                    .collect();
                trained.step(&data, &order, step as usize * ROWS, ROWS, None, false, &all);
            }
            parameters(&trained)
        };
        let together = train(0..COUNT, TileSize::Auto)?;
        for i in 0..COUNT {
            for (alone, together) in train(i..i + 1, TILES[i % 3])?.iter().zip(&together) {
                let of_cell = &together[i * alone.len()..(i + 1) * alone.len()];
                if alone.iter().zip(of_cell).any(|(a, b)| a.to_bits() != b.to_bits()) {
                    return Err(format!("machine {i} is another one alone"));
                }
            }
        }
        Ok("\"same_bytes_alone\": true".into())
    }

    fn speed(
        device: &Device,
        cells: usize,
        rows: usize,
        momentum: f32,
        tiles: TileSize,
        arguments: &Arguments,
    ) -> Result<String, String> {
        // A fifth of the pixels are on, as in MNIST or a little more; the kernels take as long for any.
        let bits: Vec<bool> = scattered(DATA_ROWS * VISIBLE, 3).map(|x| x > 0.3).collect();
        let data = ints(packed(&bits, VISIBLE), [DATA_ROWS, WORDS], device);
        let order = (0..cells).flat_map(|c| (0..DATA_ROWS).map(move |i| ((i * 7 + c) % DATA_ROWS) as i32)).collect();
        let order = ints(order, [cells, DATA_ROWS], device);
        let one = Plain::new(VISIBLE, HIDDEN, 0.02, 5);
        let mut trained = on_device(&vec![one; cells], device).with_tiles(tiles);
        let mut step = 0_u64;
        let mut run = |count: u64| -> Result<(f64, f64), String> {
            let begun = Instant::now();
            for _ in 0..count {
                let all: Vec<CellStep> =
                    (0..cells).map(|c| CellStep { momentum, rate: 0.01, ..cell(c as u64, step) }).collect();
                let first = step as usize * rows % (DATA_ROWS / rows * rows);
                trained.step(&data, &order, first, rows, None, false, &all);
                step += 1;
            }
            let submitted = begun.elapsed().as_secs_f64();
            match trained.diverged()?.iter().find(|&&step| step > 0) {
                None => Ok((begun.elapsed().as_secs_f64(), submitted)),
                Some(step) => Err(format!("diverged at step {step}")),
            }
        };
        run(3)?;
        let mut count = 3;
        while run(count)?.0 < arguments.seconds && count < 1 << 20 {
            count *= 2;
        }
        let mut windows = Vec::new();
        for _ in 0..arguments.windows {
            windows.push(run(count)?);
        }
        windows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (seconds, submitted) = windows[windows.len() / 2];
        let per_step = |seconds: f64| seconds / count as f64 * 1e6;
        let name = format!("cells{cells}_batch{rows}_momentum{momentum}_{tiles:?}").to_lowercase();
        Ok(format!(
            "{name:?}: {{\"step_us\": {:.2}, \"least\": {:.2}, \"most\": {:.2}, \"submit_us\": {:.2}, \
             \"cell_steps_per_second\": {:.0}, \"rows_per_second\": {:.0}}}",
            per_step(seconds),
            per_step(windows[0].0),
            per_step(windows[windows.len() - 1].0),
            per_step(submitted),
            (cells as u64 * count) as f64 / seconds,
            (cells * rows) as f64 * count as f64 / seconds,
        ))
    }
}
