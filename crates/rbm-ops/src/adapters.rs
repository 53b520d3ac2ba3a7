//! wgpu's adapters.

use std::collections::BTreeMap;
use std::sync::Mutex;

use burn::tensor::{Device, DeviceKind};
use burn_cubecl::cubecl::{self, wgpu::WgpuDeviceKind};

use crate::{Adapter, BackendName, Error};

/// The adapters that this machine has: GPUs in wgpu's order, then a software driver.
pub(crate) fn list() -> Vec<Adapter> {
    let kinds = kinds();
    let gpus = kinds.iter().filter(|kind| **kind != DeviceKind::Cpu).count();
    let mut adapters: Vec<Adapter> = (0..=u8::MAX).take(gpus).map(Adapter::Gpu).collect();
    if gpus < kinds.len() {
        adapters.push(Adapter::Cpu);
    }
    adapters
}

fn kinds() -> Vec<DeviceKind> {
    let kind = |device| match device {
        cubecl::Device::Wgpu(device) => match device.kind {
            WgpuDeviceKind::DiscreteGpu(index) => Some(DeviceKind::DiscreteGpu(index)),
            WgpuDeviceKind::IntegratedGpu(index) => Some(DeviceKind::IntegratedGpu(index)),
            WgpuDeviceKind::VirtualGpu(index) => Some(DeviceKind::VirtualGpu(index)),
            WgpuDeviceKind::Cpu => Some(DeviceKind::Cpu),
            _ => None, // what cannot be asked for by kind
        },
        _ => None,
    };
    cubecl::Device::enumerate_all().into_iter().filter_map(kind).collect()
}

/// The device of an adapter, opened once: a second `init` is refused, and the lazy constructor panics at the first
/// tensor where there is no adapter.
pub(crate) fn open(adapter: Adapter) -> Result<Device, Error> {
    static DEVICES: Mutex<BTreeMap<Adapter, Result<Device, String>>> = Mutex::new(BTreeMap::new());
    let mut devices = DEVICES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let opened = devices.entry(adapter).or_insert_with(|| {
        let kind = match adapter {
            Adapter::Best => DeviceKind::DefaultDevice,
            Adapter::Cpu => DeviceKind::Cpu,
            Adapter::Gpu(number) => {
                let mut gpus = kinds().into_iter().filter(|kind| *kind != DeviceKind::Cpu);
                gpus.nth(usize::from(number)).ok_or("there is no GPU of that number; see rbm backends --list")?
            }
        };
        Device::wgpu_options().device_kind(kind).init().map_err(|error| error.to_string())
    });
    let backend = BackendName::Wgpu(adapter);
    opened.clone().map_err(|reason| Error::NoDevice { backend, reason })
}
