//! A machine trained by plain loops in f64 on the host: what the kernels are compared with. It shares with them the
//! draws of rbm-random alone.

use rbm_ops::CellStep;
use rbm_ops::{Draw, Stream};

/// A machine and its last update.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) visible: usize,
    pub(crate) hidden: usize,
    /// `[hidden, visible]`.
    pub(crate) weights: Vec<f64>,
    pub(crate) visible_bias: Vec<f64>,
    pub(crate) hidden_bias: Vec<f64>,
    pub(crate) last: Option<[Vec<f64>; 3]>,
    /// The smallest distance seen between a uniform number and the probability that it was held against, less the
    /// distance that f32 explains: what the logits differ by between f64 and f32 loops over a quarter, and the rounding
    /// of the uniform number and of the probability. Below 0 the device may rightly have drawn another state.
    pub(crate) margin: f64,
}

/// Numbers in [-0.5, 0.5) in an order without pattern.
pub(crate) fn scattered(len: usize, salt: usize) -> impl Iterator<Item = f32> {
    (0..len).map(move |i| {
        let x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt as u64 * 0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x >> 40) as f32) / 16_777_216.0 - 0.5
    })
}

/// States `[rows, units]`, about a third of them 1.
pub(crate) fn states(rows: usize, units: usize, salt: usize) -> Vec<bool> {
    scattered(rows * units, salt).map(|x| x > 0.17).collect()
}

/// States `[rows, units]` as words `[rows, ceil(units / 32)]`.
pub(crate) fn packed(states: &[bool], units: usize) -> Vec<i32> {
    let word = |bits: &[bool]| bits.iter().enumerate().fold(0_u32, |word, (i, &bit)| word | u32::from(bit) << i) as i32;
    states.chunks(units).flat_map(|row| row.chunks(32).map(word)).collect()
}

impl Plain {
    /// A machine with weights within `scale / 2` and biases within 1/2, all of them f32.
    pub(crate) fn new(visible: usize, hidden: usize, scale: f32, salt: usize) -> Self {
        let wide = |len, salt, scale: f32| scattered(len, salt).map(|x| f64::from(x * scale)).collect();
        Self {
            visible,
            hidden,
            weights: wide(visible * hidden, salt, scale),
            visible_bias: wide(visible, salt + 1000, 1.0),
            hidden_bias: wide(hidden, salt + 2000, 1.0),
            last: None,
            margin: f64::INFINITY,
        }
    }

    /// Probabilities of the units on the other side of `from [rows, units]`.
    pub(crate) fn probabilities(&mut self, up: bool, from: &[bool]) -> Vec<f64> {
        self.logits(up, from).into_iter().map(|(x, _)| 1.0 / (1.0 + (-x).exp())).collect()
    }

    /// The same units' logits in f64 and in f32.
    fn logits(&self, up: bool, from: &[bool]) -> Vec<(f64, f32)> {
        let (inputs, bias) = if up { (self.visible, &self.hidden_bias) } else { (self.hidden, &self.visible_bias) };
        let weight = |unit: usize, input: usize| {
            if up { self.weights[unit * self.visible + input] } else { self.weights[input * self.visible + unit] }
        };
        let mut all = Vec::new();
        for row in from.chunks(inputs) {
            for (unit, &bias) in bias.iter().enumerate() {
                let (mut wide, mut narrow) = (0.0, 0.0_f32);
                for input in (0..inputs).filter(|&input| row[input]) {
                    wide += weight(unit, input);
                    narrow += weight(unit, input) as f32;
                }
                all.push((wide + bias, narrow + bias as f32));
            }
        }
        all
    }

    /// States of the units on the other side, drawn at `at` for row 0.
    pub(crate) fn sample(&mut self, up: bool, from: &[bool], at: Draw) -> Vec<bool> {
        let units = if up { self.hidden } else { self.visible };
        let logits = self.logits(up, from);
        let difference = logits.iter().map(|&(wide, narrow)| (wide - f64::from(narrow)).abs()).fold(0.0, f64::max);
        let explained = difference / 4.0 + 9.0 / f64::from(1 << 24);
        let mut drawn = Vec::new();
        for (i, (x, _)) in logits.into_iter().enumerate() {
            let p = 1.0 / (1.0 + (-x).exp());
            let u = f64::from(at.at_row(at.row + (i / units) as u32).uniform((i % units) as u32));
            self.margin = self.margin.min((u - p).abs() - explained);
            drawn.push(u < p);
        }
        drawn
    }

    /// One step of CD from the batch, or of PCD from `chains`, which it moves on. Returns the gradient's norm.
    pub(crate) fn step(&mut self, batch: &[bool], chains: Option<&mut Vec<bool>>, cell: &CellStep) -> f64 {
        let mut own = batch.to_vec();
        let chains = chains.unwrap_or(&mut own);
        for step in cell.gibbs_step..cell.gibbs_step + u64::from(cell.k) {
            let at = |stream| Draw { seed: cell.seed, stream, step, row: 0 };
            let hidden = self.sample(true, chains, at(Stream::TrainHidden));
            *chains = self.sample(false, &hidden, at(Stream::TrainVisible));
        }
        let (m, n) = (self.visible, self.hidden);
        let mut gradient = [vec![0.0; n * m], vec![0.0; m], vec![0.0; n]];
        for (states, sign) in [(batch, 1.0), (chains.as_slice(), -1.0)] {
            let hidden = self.probabilities(true, states);
            let share = sign / (states.len() / m) as f64;
            for (v, h) in states.chunks(m).zip(hidden.chunks(n)) {
                for i in 0..m {
                    let v = f64::from(u8::from(v[i])) * share;
                    gradient[1][i] += v;
                    for j in 0..n {
                        gradient[0][j * m + i] += h[j] * v;
                    }
                }
                for j in 0..n {
                    gradient[2][j] += h[j] * share;
                }
            }
        }
        let norm = gradient.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
        let (rate, momentum, decay) = (f64::from(cell.rate), f64::from(cell.momentum), f64::from(cell.decay));
        let last = self.last.take().filter(|_| momentum != 0.0);
        let last = last.unwrap_or_else(|| gradient.each_ref().map(|part| vec![0.0; part.len()]));
        let mut update = last;
        for (part, parameters) in
            [&mut self.weights, &mut self.visible_bias, &mut self.hidden_bias].into_iter().enumerate()
        {
            for (i, parameter) in parameters.iter_mut().enumerate() {
                let decayed = if part == 0 { decay * *parameter } else { 0.0 };
                update[part][i] = momentum * update[part][i] + rate * (gradient[part][i] - decayed);
                *parameter += update[part][i];
            }
        }
        self.last = (momentum != 0.0).then_some(update);
        norm
    }
}
