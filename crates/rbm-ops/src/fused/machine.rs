//! Machines that the fused kernels train, on any device that has them.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_random::Draw;

use super::{FusedStep, HostMachine};
use crate::is_host;

/// A machine of Bernoulli units in f32, laid out for the fused kernels of its device.
///
/// The same draws as the composed kernels; sums are taken in another order, so that activations differ by rounding.
/// The results are the same bits for any number of threads and on any instruction set.
#[derive(Clone, Debug)]
pub struct FusedMachine {
    machine: HostMachine,
    device: Device,
    steps: u64,
    diverged: Option<u64>,
    squares: f64,
}

/// States of 0 and 1, packed: the form in which chains go from step to step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedStates {
    units: usize,
    /// `[rows, ceil(units / 32)]`, the first unit in the lowest bit; bits beyond the last unit are 0.
    words: Vec<u32>,
}

impl PackedStates {
    /// Takes rows packed as `[rows, ceil(units / 32)]`, the first unit in the lowest bit, bits beyond the last unit 0.
    ///
    /// # Panics
    /// If the words do not make whole rows.
    pub fn from_words(units: usize, words: Vec<u32>) -> Self {
        assert!(words.len().is_multiple_of(units.div_ceil(32)), "the words make whole rows");
        Self { units, words }
    }

    /// Packs `values` `[rows, units]`, row by row: 1 where a value is above one half.
    pub fn pack(units: usize, values: &[f32]) -> Self {
        let width = units.div_ceil(32);
        let mut words = vec![0; values.len() / units * width];
        for (row, values) in values.chunks_exact(units).enumerate() {
            for (unit, &value) in values.iter().enumerate() {
                words[row * width + unit / 32] |= u32::from(value > 0.5) << (unit % 32);
            }
        }
        Self { units, words }
    }

    /// The states as numbers, `[rows, units]`, row by row.
    pub fn unpack(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.rows() * self.units);
        for words in self.words.chunks_exact(self.units.div_ceil(32)) {
            values.extend((0..self.units).map(|unit| (words[unit / 32] >> (unit % 32) & 1) as f32));
        }
        values
    }

    /// The packed rows.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The packed rows, and their memory.
    pub fn into_words(self) -> Vec<u32> {
        self.words
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.words.len() / self.units.div_ceil(32).max(1)
    }

    /// Number of units of a row.
    pub fn units(&self) -> usize {
        self.units
    }
}

impl FusedMachine {
    /// Whether a device has fused kernels for parameters of this width.
    pub fn is_available(device: &Device, dtype: DType) -> bool {
        dtype == DType::F32 && is_host(device)
    }

    /// Takes weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]`.
    ///
    /// # Panics
    /// On a device that has no fused kernels, or if it fails to answer.
    pub fn new([weights, visible_bias, hidden_bias]: [&Tensor<2>; 3]) -> Self {
        let device = weights.device();
        assert!(Self::is_available(&device, weights.dtype()), "this device has no fused kernels");
        let machine = HostMachine::new(&values(weights), &values(visible_bias), &values(hidden_bias));
        Self { machine, device, steps: 0, diverged: None, squares: 0.0 }
    }

    /// Weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]`.
    pub fn tensors(&self) -> [Tensor<2>; 3] {
        self.to_tensors(self.machine.parameters())
    }

    /// The last update, shaped as [`Self::tensors`], where momentum keeps one.
    pub fn last_update(&self) -> Option<[Tensor<2>; 3]> {
        self.machine.last_update().map(|last| self.to_tensors(last))
    }

    /// Goes on from this last update.
    pub fn set_last_update(&mut self, last: [&Tensor<2>; 3]) {
        let [weights, visible_bias, hidden_bias] = last.map(values);
        self.machine.set_last_update([&weights, &visible_bias, &hidden_bias]);
    }

    /// One step of CD-k, whose chains start at the rows of `batch`, or of PCD-k, whose `chains` go on.
    ///
    /// The update is that of [`FusedStep`] on the mean statistics of the batch minus those of the chains, with hidden
    /// probabilities in both (Hinton 2010, section 3).
    ///
    /// # Panics
    /// If the states are of another number of units, or there are none.
    pub fn step(&mut self, batch: &PackedStates, chains: Option<&mut PackedStates>, step: &FusedStep) {
        let visible = self.machine.visible();
        assert!(batch.units == visible && batch.rows() > 0 && step.k > 0, "a batch of rows of the machine");
        if let Some(chains) = &chains {
            assert!(chains.units == visible && chains.rows() > 0, "chains of the machine");
        }
        let outcome = self.machine.step(&batch.words, batch.rows(), chains.map(|chains| &mut chains.words), step);
        self.steps += 1;
        if !outcome.finite && self.diverged.is_none() {
            self.diverged = Some(self.steps);
        }
        self.squares = outcome.squares;
    }

    /// The first step, counted from 1, whose gradient was not finite.
    pub fn diverged(&self) -> Option<u64> {
        self.diverged
    }

    /// Euclidean norm of the last step's gradient, if that step was asked for it.
    pub fn gradient_norm(&self) -> f64 {
        self.squares.sqrt()
    }

    /// Gibbs steps of visible states, hidden states first, drawn at `hidden_draw`, `visible_draw` and the steps after.
    ///
    /// # Panics
    /// If the states are of another number of units.
    pub fn gibbs_steps(&mut self, visible: &mut PackedStates, steps: u32, hidden_draw: Draw, visible_draw: Draw) {
        assert_eq!(visible.units, self.machine.visible(), "visible states of the machine");
        let rows = visible.rows();
        if rows > 0 {
            self.machine.gibbs_steps(&mut visible.words, rows, steps, hidden_draw, visible_draw);
        }
    }

    fn to_tensors(&self, [weights, visible_bias, hidden_bias]: [Vec<f32>; 3]) -> [Tensor<2>; 3] {
        let (m, n) = (self.machine.visible(), self.machine.hidden());
        let tensor = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(values, shape), (&self.device, DType::F32))
        };
        [tensor(weights, [n, m]), tensor(visible_bias, [1, m]), tensor(hidden_bias, [1, n])]
    }
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data().convert::<f32>().try_into_vec().expect("converted")
}
