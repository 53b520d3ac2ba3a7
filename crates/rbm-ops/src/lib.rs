//! What burn lacks: stable sigmoid and softplus in f32 and f64, and Bernoulli states in one step, as backend
//! extensions; and the fused kernels of training and sampling ([`FusedMachine`], [`FusedPath`]), whose loops run on the
//! instruction set that [`Isa::current`] names.
//!
//! The only crate that names a burn backend: [`open`] turns a config's word into a device. The tensor operations have
//! one host body for the backends whose tensors live in host memory (Flex, NdArray) and one CubeCL kernel for GPU
//! devices.
#![cfg_attr(
    feature = "ndarray",
    expect(deprecated, reason = "burn deprecates its NdArray; it is kept as long as burn has it")
)]

#[cfg(feature = "wgpu")]
mod adapters;
mod backend;
#[cfg(feature = "wgpu")]
mod cube;
mod device;
mod error;
mod exponential;
mod extension;
mod fused;
mod host;
mod isa;
mod rows;
pub mod scalar;
mod softplus_difference;

pub use backend::{Adapter, BackendName};
pub use device::{Available, device_name, devices_for_tests, is_host, is_stand_in, list, open, wait_for};
pub use error::Error;
pub use extension::{ElementwiseOps, bernoulli, sigmoid, sigmoid_bernoulli, softplus};
#[cfg(feature = "wgpu")]
pub use fused::device::{CellStep, DeviceMachines, TileSize};
pub use fused::{
    FusedBatch, FusedChains, FusedMachine, FusedPath, FusedPathChains, FusedRows, FusedStep, Kernels, OrderId,
    PackedStates, Together, step_together,
};
pub use isa::{ISA_VARIABLE, Isa};
pub use rbm_random::{Draw, Stream};
pub use softplus_difference::{Value, softplus_difference};
