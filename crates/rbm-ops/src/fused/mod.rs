//! A step of training as a few kernels.

#[cfg(feature = "wgpu")]
pub mod device;
