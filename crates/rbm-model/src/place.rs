//! Where chains run.

use burn::tensor::Device;

use crate::{Precision, Rbm};

/// A device and the width of the numbers there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The device.
    pub device: Device,
    /// Width of parameters and states.
    pub precision: Precision,
}

impl Place {
    /// Where a machine lies.
    pub fn of(rbm: &Rbm) -> Self {
        Self { device: rbm.device(), precision: rbm.precision() }
    }
}
