//! Machines that the fused kernels train, on any device that has them.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use rbm_random::Draw;

#[cfg(feature = "wgpu")]
use super::device_machine::DeviceMachine;
use super::{FusedStep, HostMachine, PackedStates};
use crate::is_host;

/// A machine of Bernoulli units in f32, laid out for the fused kernels of its device.
///
/// The same draws as the composed kernels; sums are taken in another order, so that activations differ by rounding. On
/// the processor the results are the same bits for any number of threads and on any instruction set; on a GPU they are
/// the same bits for a machine alone and side by side with others.
#[derive(Debug)]
pub struct FusedMachine {
    inner: Inner,
    device: Device,
}

#[derive(Debug)]
enum Inner {
    Host(Box<OnHost>),
    #[cfg(feature = "wgpu")]
    Device(DeviceMachine),
}

#[derive(Debug)]
struct OnHost {
    machine: HostMachine,
    steps: u64,
    diverged: Option<u64>,
    squares: f64,
}

/// Rows of states, where a machine's device reads them: the whole of a data set, from which batches are gathered.
#[derive(Clone, Debug)]
pub struct FusedRows {
    /// `[rows, ceil(visible / 32)]`.
    #[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "only GPU devices read it"))]
    pub(super) words: Tensor<2, Int>,
}

impl FusedRows {
    /// Brings rows to a device.
    pub fn new(states: &PackedStates, device: &Device) -> Self {
        Self { words: words_on(device, states) }
    }
}

/// A seed and an epoch: what an order of rows is made of.
pub type OrderId = (u64, u32);

/// The rows of a step.
#[derive(Clone, Copy, Debug)]
pub enum FusedBatch<'a> {
    /// Themselves.
    States(&'a PackedStates),
    /// `order[first..first + count]` of rows that the machine's device, a GPU, has. The order is brought
    /// to the device once.
    Rows {
        /// The rows.
        rows: &'a FusedRows,
        /// The order of all rows in the epoch.
        order: &'a [u32],
        /// What tells the order from others.
        order_id: OrderId,
        /// The first row of the batch, in the order.
        first: usize,
        /// Rows of the batch.
        count: usize,
    },
}

/// Persistent chains, where the machine's device has them.
#[derive(Debug)]
pub struct FusedChains {
    pub(super) inner: ChainStates,
}

#[derive(Debug)]
pub(super) enum ChainStates {
    Host(PackedStates),
    /// They lie beside the machine, whose steps move them: here are those it has yet to take.
    #[cfg(feature = "wgpu")]
    Device(Option<PackedStates>),
}

impl FusedMachine {
    /// Whether a device has fused kernels for parameters of this width.
    pub fn is_available(device: &Device, dtype: DType) -> bool {
        dtype == DType::F32 && (is_host(device) || cfg!(feature = "wgpu"))
    }

    /// Takes weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]`.
    ///
    /// # Panics
    /// On a device that has no fused kernels, or if it fails to answer.
    pub fn new([weights, visible_bias, hidden_bias]: [&Tensor<2>; 3]) -> Self {
        let device = weights.device();
        assert!(Self::is_available(&device, weights.dtype()), "this device has no fused kernels");
        #[cfg(feature = "wgpu")]
        if !is_host(&device) {
            let inner = Inner::Device(DeviceMachine::new([weights, visible_bias, hidden_bias]));
            return Self { inner, device };
        }
        let machine = HostMachine::new(&values(weights), &values(visible_bias), &values(hidden_bias));
        Self { inner: Inner::Host(Box::new(OnHost { machine, steps: 0, diverged: None, squares: 0.0 })), device }
    }

    /// Whether it is on a GPU: then steps are asked for and done later, and what they found is worth a wait only now
    /// and then.
    pub fn is_on_gpu(&self) -> bool {
        !matches!(self.inner, Inner::Host(_))
    }

    /// Weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]`.
    pub fn tensors(&self) -> [Tensor<2>; 3] {
        match &self.inner {
            Inner::Host(host) => self.to_tensors(&host.machine, host.machine.parameters()),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.tensors(),
        }
    }

    /// The last update, shaped as [`Self::tensors`], where momentum keeps one.
    pub fn last_update(&self) -> Option<[Tensor<2>; 3]> {
        match &self.inner {
            Inner::Host(host) => host.machine.last_update().map(|last| self.to_tensors(&host.machine, last)),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.last_update(),
        }
    }

    /// Goes on from this last update.
    pub fn set_last_update(&mut self, last: [&Tensor<2>; 3]) {
        match &mut self.inner {
            Inner::Host(host) => {
                let [weights, visible_bias, hidden_bias] = last.map(values);
                host.machine.set_last_update([&weights, &visible_bias, &hidden_bias]);
            }
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.set_last_update(last),
        }
    }

    /// Whether a device's machines can centre their gradients ([`Self::centre`]).
    pub fn can_centre(device: &Device) -> bool {
        is_host(device)
    }

    /// Centres the gradients of the steps to come, with offsets `[1, visible]` and `[1, hidden]`.
    ///
    /// A step first moves the offsets by the share `rate` towards the batch's means, of states and of hidden
    /// probabilities. With these, `mu` and `la`, the weights' gradient is the mean of `(h - la) (v - mu)'` over the batch
    /// less that over the chains, and the biases' are less by its products with `la` and `mu` (Montavon and Müller 2012;
    /// Melchior, Fischer and Wiskott 2016). The parameters keep their meaning.
    ///
    /// # Panics
    /// On a device that cannot ([`Self::can_centre`]), or if there is another number of offsets than of units.
    pub fn centre(&mut self, [visible, hidden]: [&Tensor<2>; 2], rate: f32) {
        match &mut self.inner {
            Inner::Host(host) => {
                let (visible, hidden) = (values(visible), values(hidden));
                let units = (host.machine.visible(), host.machine.hidden());
                assert_eq!((visible.len(), hidden.len()), units, "an offset for each unit");
                host.machine.centre(&visible, &hidden, rate);
            }
            #[cfg(feature = "wgpu")]
            Inner::Device(_) => panic!("a machine on the processor"),
        }
    }

    /// The offsets, `[1, visible]` and `[1, hidden]`, where gradients are centred.
    pub fn offsets(&self) -> Option<[Tensor<2>; 2]> {
        match &self.inner {
            Inner::Host(host) => host.machine.offsets().map(|offsets| {
                offsets.map(|values| {
                    let shape = [1, values.len()];
                    Tensor::from_data(TensorData::new(values, shape), (&self.device, DType::F32))
                })
            }),
            #[cfg(feature = "wgpu")]
            Inner::Device(_) => None,
        }
    }

    /// Persistent chains that start at these states.
    pub fn chains(&self, states: PackedStates) -> FusedChains {
        let inner = match &self.inner {
            Inner::Host(_) => ChainStates::Host(states),
            #[cfg(feature = "wgpu")]
            Inner::Device(_) => ChainStates::Device(Some(states)),
        };
        FusedChains { inner }
    }

    /// Where the chains stand, of those that this machine's steps move. Waits for a GPU.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn chain_states(&self, chains: &FusedChains) -> Result<PackedStates, String> {
        match (&self.inner, &chains.inner) {
            (_, ChainStates::Host(states)) => Ok(states.clone()),
            #[cfg(feature = "wgpu")]
            (_, ChainStates::Device(Some(states))) => Ok(states.clone()),
            #[cfg(feature = "wgpu")]
            (Inner::Device(machine), ChainStates::Device(None)) => machine.chain_states(),
            #[cfg(feature = "wgpu")]
            (Inner::Host(_), ChainStates::Device(None)) => Err("these chains are another machine's".into()),
        }
    }

    /// One step of CD-k, whose chains start at the rows of the batch, or of PCD-k, whose `chains` go on.
    ///
    /// The update is that of [`FusedStep`] on the mean statistics of the batch minus those of the chains, with hidden
    /// probabilities in both (Hinton 2010, section 3). On a GPU the call does not wait for the step.
    ///
    /// # Panics
    /// If the states are of another number of units, or there are none.
    pub fn step(&mut self, batch: FusedBatch<'_>, chains: Option<&mut FusedChains>, step: &FusedStep) {
        assert!(step.k > 0, "at least one Gibbs step");
        match (&mut self.inner, batch) {
            (Inner::Host(host), FusedBatch::States(batch)) => {
                let states = chains.map(|chains| match &mut chains.inner {
                    ChainStates::Host(states) => states,
                    #[cfg(feature = "wgpu")]
                    ChainStates::Device(_) => panic!("chains of this machine"),
                });
                host.step(batch, states, step);
            }
            #[cfg(feature = "wgpu")]
            (Inner::Device(machine), batch) => machine.step(batch, chains, step),
            (Inner::Host(_), FusedBatch::Rows { .. }) => panic!("a machine on the processor takes states themselves"),
        }
    }

    /// How many steps ago the first one was whose gradient was not finite, 0 for the last one. Waits for a GPU.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn diverged(&self) -> Result<Option<u64>, String> {
        match &self.inner {
            Inner::Host(host) => Ok(host.diverged.map(|step| host.steps - step)),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.diverged(),
        }
    }

    /// Euclidean norm of the last step's gradient, if that step was asked for it. Waits for a GPU.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn gradient_norm(&self) -> Result<f64, String> {
        match &self.inner {
            Inner::Host(host) => Ok(host.squares.sqrt()),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.gradient_norm(),
        }
    }

    /// Whether every parameter is a finite number. Waits for a GPU.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn is_finite(&self) -> Result<bool, String> {
        match &self.inner {
            Inner::Host(host) => Ok(host.machine.is_finite()),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.is_finite(),
        }
    }

    /// Gibbs steps of visible states, hidden states first, drawn at `hidden_draw`, `visible_draw` and the steps after.
    ///
    /// # Errors
    /// When the device fails to answer.
    ///
    /// # Panics
    /// If the states are of another number of units.
    pub fn gibbs_steps(
        &mut self,
        visible: &mut PackedStates,
        steps: u32,
        hidden_draw: Draw,
        visible_draw: Draw,
    ) -> Result<(), String> {
        if visible.rows() == 0 {
            return Ok(());
        }
        match &mut self.inner {
            Inner::Host(host) => {
                assert_eq!(visible.units(), host.machine.visible(), "visible states of the machine");
                let rows = visible.rows();
                host.machine.gibbs_steps(visible.words_mut(), rows, steps, hidden_draw, visible_draw);
                Ok(())
            }
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => machine.gibbs_steps(visible, steps, hidden_draw, visible_draw),
        }
    }

    fn to_tensors(&self, machine: &HostMachine, parameters: [Vec<f32>; 3]) -> [Tensor<2>; 3] {
        let (m, n) = (machine.visible(), machine.hidden());
        let [weights, visible_bias, hidden_bias] = parameters;
        let tensor = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(values, shape), (&self.device, DType::F32))
        };
        [tensor(weights, [n, m]), tensor(visible_bias, [1, m]), tensor(hidden_bias, [1, n])]
    }
}

impl Clone for FusedMachine {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Host(host) => Inner::Host(Box::new(OnHost {
                machine: host.machine.clone(),
                steps: host.steps,
                diverged: host.diverged,
                squares: host.squares,
            })),
            #[cfg(feature = "wgpu")]
            Inner::Device(machine) => Inner::Device(machine.apart()),
        };
        Self { inner, device: self.device.clone() }
    }
}

impl OnHost {
    fn step(&mut self, batch: &PackedStates, chains: Option<&mut PackedStates>, step: &FusedStep) {
        let visible = self.machine.visible();
        assert!(batch.units() == visible && batch.rows() > 0, "a batch of rows of the machine");
        if let Some(chains) = &chains {
            assert!(chains.units() == visible && chains.rows() > 0, "chains of the machine");
        }
        let outcome = self.machine.step(batch.words(), batch.rows(), chains.map(PackedStates::words_mut), step);
        self.steps += 1;
        if !outcome.finite && self.diverged.is_none() {
            self.diverged = Some(self.steps);
        }
        self.squares = outcome.squares;
    }
}

/// A machine's part in a step that several take together.
#[derive(Debug)]
pub struct Together<'a> {
    /// The machine.
    pub machine: &'a mut FusedMachine,
    /// Its chains.
    pub chains: Option<&'a mut FusedChains>,
    /// The order of all rows in its epoch.
    pub order: &'a [u32],
    /// What tells the order from others.
    pub order_id: OrderId,
    /// What it does.
    pub step: FusedStep,
}

/// One step of machines of one shape on one GPU, on rows `order[first..first + count]` of each: as one problem, with
/// the same bits as one after another.
///
/// # Panics
/// If a machine is on the processor, or they differ in shape.
pub fn step_together(rows: &FusedRows, first: usize, count: usize, members: &mut [Together<'_>]) {
    #[cfg(feature = "wgpu")]
    super::device_machine::step_together(rows, first, count, members);
    #[cfg(not(feature = "wgpu"))]
    for member in members {
        let Together { machine, chains, order, order_id, step } = member;
        let batch = FusedBatch::Rows { rows, order, order_id: *order_id, first, count };
        machine.step(batch, chains.as_deref_mut(), step);
    }
}

#[cfg(feature = "wgpu")]
impl FusedMachine {
    pub(super) fn device_machine(&mut self) -> &mut DeviceMachine {
        match &mut self.inner {
            Inner::Device(machine) => machine,
            Inner::Host(_) => panic!("a machine on the processor"),
        }
    }
}

/// Packed rows as words of a device, `[rows, words]`.
pub(super) fn words_on(device: &Device, states: &PackedStates) -> Tensor<2, Int> {
    let words: Vec<i32> = states.words().iter().map(|&word| word.cast_signed()).collect();
    let shape = [states.rows(), states.units().div_ceil(32)];
    Tensor::from_data(TensorData::new(words, shape), (device, DType::I32))
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data().convert::<f32>().try_into_vec().expect("converted")
}
