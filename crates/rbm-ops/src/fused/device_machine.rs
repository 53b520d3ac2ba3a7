//! One machine's place among those that a GPU trains side by side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use rbm_random::Draw;

use super::device::{CellStep, DeviceMachines};
use super::machine::{ChainStates, OrderId, Together, words_on};
use super::{FusedBatch, FusedChains, FusedRows, FusedStep, PackedStates};

/// A machine on a GPU: one of a batch, alone at first.
#[derive(Debug)]
pub(super) struct DeviceMachine {
    batch: Arc<Mutex<Batch>>,
    cell: usize,
    /// Steps taken, in this batch or before, and those before.
    steps: u64,
    steps_before: u64,
    /// The step whose gradient was not finite, if that was in an earlier batch.
    diverged_before: Option<u64>,
    device: Device,
}

/// What the steps of a batch found, machine by machine.
#[derive(Debug)]
struct Found {
    /// The first step of the batch whose gradient was not finite, or 0.
    flags: Vec<u64>,
    norms: Vec<f64>,
    /// Whether the parameters are finite.
    finite: Vec<bool>,
}

/// Machines side by side.
#[derive(Debug)]
struct Batch {
    machines: DeviceMachines,
    cells: usize,
    visible: usize,
    /// `[cells, chains, words]`.
    chains: Option<Tensor<3, Int>>,
    /// Which orders lie on the device, and they, `[cells, rows]`.
    order: Option<(Vec<OrderId>, Tensor<2, Int>)>,
    /// What the last steps found, once it was asked.
    found: Option<Found>,
}

impl DeviceMachine {
    pub(super) fn new([weights, visible_bias, hidden_bias]: [&Tensor<2>; 3]) -> Self {
        let device = weights.device();
        let [hidden, visible] = weights.dims();
        let machines = DeviceMachines::new(
            weights.clone().reshape([1, hidden, visible]),
            visible_bias.clone(),
            hidden_bias.clone(),
        );
        Self::alone(Batch { machines, cells: 1, visible, chains: None, order: None, found: None }, device)
    }

    fn alone(batch: Batch, device: Device) -> Self {
        Self { batch: Arc::new(Mutex::new(batch)), cell: 0, steps: 0, steps_before: 0, diverged_before: None, device }
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of this machine, alone.
    pub(super) fn apart(&self) -> Self {
        let batch = self.lock();
        let mut copy = Self::new(part(batch.machines.tensors(), self.cell).each_ref());
        if let Some(last) = batch.machines.last_update() {
            copy.set_last_update(part(last, self.cell).each_ref());
        }
        let chains = batch.chains.clone().map(|chains| chains.narrow(0, self.cell, 1));
        copy.lock().chains = chains;
        copy
    }

    pub(super) fn tensors(&self) -> [Tensor<2>; 3] {
        part(self.lock().machines.tensors(), self.cell)
    }

    pub(super) fn last_update(&self) -> Option<[Tensor<2>; 3]> {
        self.lock().machines.last_update().map(|last| part(last, self.cell))
    }

    /// Of a machine that is alone.
    pub(super) fn set_last_update(&mut self, [weights, visible_bias, hidden_bias]: [&Tensor<2>; 3]) {
        let [hidden, visible] = weights.dims();
        let last = (weights.clone().reshape([1, hidden, visible]), visible_bias.clone(), hidden_bias.clone());
        self.lock().machines.set_last_update(Some(last));
    }

    pub(super) fn chain_states(&self) -> Result<PackedStates, String> {
        let batch = self.lock();
        let chains = batch.chains.as_ref().ok_or("this machine has no chains")?;
        read_states(chains.clone().narrow(0, self.cell, 1), batch.visible)
    }

    /// How many steps ago the first one was whose gradient was not finite.
    pub(super) fn diverged(&self) -> Result<Option<u64>, String> {
        if let Some(step) = self.diverged_before {
            return Ok(Some(self.steps - step));
        }
        let flag = self.lock().found()?.flags[self.cell];
        Ok((flag > 0).then(|| self.steps - (self.steps_before + flag)))
    }

    pub(super) fn gradient_norm(&self) -> Result<f64, String> {
        Ok(self.lock().found()?.norms[self.cell])
    }

    pub(super) fn is_finite(&self) -> Result<bool, String> {
        Ok(self.lock().found()?.finite[self.cell])
    }

    /// This machine alone, with its counters.
    fn take_apart(&mut self) {
        // What cannot be read now will be missed when the machine is read.
        let ago = self.diverged().ok().flatten();
        let steps = self.steps;
        let diverged_before = ago.map(|ago| steps - ago);
        *self = Self { steps, steps_before: steps, diverged_before, ..self.apart() };
    }

    pub(super) fn gibbs_steps(
        &mut self,
        visible: &mut PackedStates,
        steps: u32,
        hidden_draw: Draw,
        visible_draw: Draw,
    ) -> Result<(), String> {
        if self.lock().cells > 1 {
            self.take_apart();
        }
        let (rows, width) = (visible.rows(), visible.units().div_ceil(32));
        let states = words_on(&self.device, visible).reshape([1, rows, width]);
        let states = self.lock().machines.gibbs_steps(states, steps, &[(hidden_draw, visible_draw)]);
        *visible = read_states(states, visible.units())?;
        Ok(())
    }

    pub(super) fn step(&mut self, batch: FusedBatch<'_>, chains: Option<&mut FusedChains>, step: &FusedStep) {
        if self.lock().cells > 1 {
            self.take_apart();
        }
        self.take_chains(chains);
        self.steps += 1;
        let mut own = self.lock();
        let own = &mut *own;
        let cell = [cell_step(step, true)];
        match batch {
            FusedBatch::Rows { rows, order, order_id, first, count } => {
                own.bring_order(&[(order, order_id)], &self.device);
                own.step(rows, first, count, step.norm, &cell);
            }
            FusedBatch::States(states) => {
                let rows = FusedRows::new(states, &self.device);
                let order: Vec<u32> = (0..states.rows() as u32).collect();
                own.order = None;
                own.bring_order(&[(&order, (0, 0))], &self.device);
                own.order.as_mut().expect("brought").0 = Vec::new(); // of this step alone
                own.step(&rows, 0, states.rows(), step.norm, &cell);
            }
        }
    }

    /// Puts chains that have not been here yet beside the machine, which is alone.
    fn take_chains(&mut self, chains: Option<&mut FusedChains>) {
        if let Some(FusedChains { inner: ChainStates::Device(states) }) = chains
            && let Some(states) = states.take()
        {
            let words = words_on(&self.device, &states);
            let [rows, width] = words.dims();
            self.lock().chains = Some(words.reshape([1, rows, width]));
        }
    }
}

impl Batch {
    /// One wait for the device for all machines and everything that a step may have found.
    fn found(&mut self) -> Result<&Found, String> {
        if self.found.is_none() {
            let (weights, visible_bias, hidden_bias) = self.machines.tensors();
            let cells = self.cells;
            let sums =
                weights.sum_dim(2).sum_dim(1).reshape([cells, 1]) + visible_bias.sum_dim(1) + hidden_bias.sum_dim(1);
            let sums = sums.try_into_data().map_err(|error| format!("{error:?}"))?;
            let sums: Vec<f32> = sums.try_into_vec().map_err(|error| format!("{error:?}"))?;
            let finite = sums.into_iter().map(f32::is_finite).collect();
            let (flags, norms) = (self.machines.diverged()?, self.machines.gradient_norms()?);
            self.found = Some(Found { flags, norms, finite });
        }
        self.found.as_ref().ok_or_else(|| "nothing was found".into())
    }

    fn bring_order(&mut self, orders: &[(&[u32], OrderId)], device: &Device) {
        let epochs: Vec<OrderId> = orders.iter().map(|(_, epoch)| *epoch).collect();
        if self.order.as_ref().is_some_and(|(there, _)| *there == epochs) {
            return;
        }
        let rows = orders[0].0.len();
        let all: Vec<i32> = orders.iter().flat_map(|(order, _)| order.iter().map(|row| row.cast_signed())).collect();
        let order = Tensor::from_data(TensorData::new(all, [orders.len(), rows]), (device, DType::I32));
        self.order = Some((epochs, order));
    }

    fn step(&mut self, rows: &FusedRows, first: usize, count: usize, norm: bool, cells: &[CellStep]) {
        self.found = None;
        let (_, order) = self.order.as_ref().expect("brought before");
        self.chains = self.machines.step(&rows.words, order, first, count, self.chains.take(), norm, cells);
    }
}

/// See [`super::step_together`].
pub(super) fn step_together(rows: &FusedRows, first: usize, count: usize, members: &mut [Together<'_>]) {
    let Some(one) = members.first_mut() else { return };
    let shared = one.machine.device_machine().batch.clone();
    let device = one.machine.device_machine().device.clone();
    let cells = shared.lock().unwrap_or_else(PoisonError::into_inner).cells;
    let in_place = members.iter_mut().enumerate().all(|(at, member)| {
        let machine = member.machine.device_machine();
        Arc::ptr_eq(&machine.batch, &shared) && machine.cell == at
    });
    let shared = if in_place && cells == members.len() { shared } else { join(members) };

    let mut batch = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let orders: Vec<(&[u32], OrderId)> = members.iter().map(|member| (member.order, member.order_id)).collect();
    batch.bring_order(&orders, &device);
    let steps: Vec<CellStep> = members.iter().map(|member| cell_step(&member.step, true)).collect();
    let norm = members.iter().any(|member| member.step.norm);
    batch.step(rows, first, count, norm, &steps);
    drop(batch);
    members.iter_mut().for_each(|member| member.machine.device_machine().steps += 1);
}

/// Puts machines from wherever they are side by side.
fn join(members: &mut [Together<'_>]) -> Arc<Mutex<Batch>> {
    let mut parts = Vec::new();
    for member in members.iter_mut() {
        let machine = member.machine.device_machine();
        machine.take_apart();
        machine.take_chains(member.chains.as_deref_mut());
        let batch = machine.lock();
        parts.push((batch.machines.tensors(), batch.machines.last_update(), batch.chains.clone(), batch.visible));
    }
    let visible = parts[0].3;
    let joined = |of: Vec<(Tensor<3>, Tensor<2>, Tensor<2>)>| {
        let (mut weights, mut visible_bias, mut hidden_bias) = (Vec::new(), Vec::new(), Vec::new());
        for (w, a, b) in of {
            weights.push(w);
            visible_bias.push(a);
            hidden_bias.push(b);
        }
        (Tensor::cat(weights, 0), Tensor::cat(visible_bias, 0), Tensor::cat(hidden_bias, 0))
    };
    let (weights, visible_bias, hidden_bias) = joined(parts.iter().map(|part| part.0.clone()).collect());
    let mut machines = DeviceMachines::new(weights, visible_bias, hidden_bias);
    if parts.iter().any(|part| part.1.is_some()) {
        // A machine without a last update has moved by nothing.
        let last = parts.iter().map(|(parameters, last, ..)| {
            last.clone().unwrap_or_else(|| {
                let (w, a, b) = parameters;
                (w.zeros_like(), a.zeros_like(), b.zeros_like())
            })
        });
        machines.set_last_update(Some(joined(last.collect())));
    }
    let chains: Option<Vec<Tensor<3, Int>>> = parts.iter().map(|part| part.2.clone()).collect();
    let chains = chains.map(|chains| Tensor::cat(chains, 0));
    let batch =
        Arc::new(Mutex::new(Batch { machines, cells: members.len(), visible, chains, order: None, found: None }));
    for (cell, member) in members.iter_mut().enumerate() {
        let machine = member.machine.device_machine();
        (machine.batch, machine.cell) = (batch.clone(), cell);
    }
    batch
}

fn cell_step(step: &FusedStep, active: bool) -> CellStep {
    let FusedStep { seed, gibbs_step, k, rate, momentum, decay, .. } = *step;
    CellStep { seed, gibbs_step, k, rate, momentum, decay, active }
}

/// One machine's tensors of those of a batch.
fn part((weights, visible_bias, hidden_bias): (Tensor<3>, Tensor<2>, Tensor<2>), cell: usize) -> [Tensor<2>; 3] {
    let [_, hidden, visible] = weights.dims();
    [
        weights.narrow(0, cell, 1).reshape([hidden, visible]),
        visible_bias.narrow(0, cell, 1),
        hidden_bias.narrow(0, cell, 1),
    ]
}

/// Packed states `[1, rows, words]` of a device.
fn read_states(states: Tensor<3, Int>, units: usize) -> Result<PackedStates, String> {
    let data = states.try_into_data().map_err(|error| format!("{error:?}"))?;
    let words: Vec<i64> = data.convert::<i64>().try_into_vec().map_err(|error| format!("{error:?}"))?;
    Ok(PackedStates::from_words(units, words.into_iter().map(|word| word as u32).collect()))
}
