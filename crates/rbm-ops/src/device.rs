//! From a backend's word to a device.

use std::io::Write;
use std::sync::Once;

use burn::tensor::{DType, Device, Tensor};
use serde::Serialize;

use crate::{BackendName, Error};

/// The device of a backend; opening the same one twice gives the same device.
///
/// # Errors
/// When the backend is not built in, or the machine has no device for it.
pub fn open(backend: BackendName) -> Result<Device, Error> {
    match backend {
        #[cfg(feature = "flex")]
        BackendName::Flex => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        BackendName::NdArray => Ok(Device::ndarray()),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu(adapter) => crate::adapters::open(adapter),
        #[cfg(not(all(feature = "flex", feature = "ndarray", feature = "wgpu")))]
        backend => Err(Error::NotBuilt { backend }),
    }
}

/// Whether a device is the processor itself, so that host code works on the same numbers without a transfer.
pub fn is_host(device: &Device) -> bool {
    [BackendName::Flex, BackendName::NdArray].into_iter().any(|host| open(host).is_ok_and(|host| host == *device))
}

/// What a backend's GPU, or its software driver, calls itself; none for the processor.
///
/// # Errors
/// As [`open`].
pub fn device_name(backend: BackendName) -> Result<Option<String>, Error> {
    #[cfg(feature = "wgpu")]
    if matches!(backend, BackendName::Wgpu(_)) {
        return Ok(open(backend)?.identity().map(|identity| identity.name));
    }
    open(backend).map(|_| None)
}

/// Whether a software driver stands in for a GPU that was asked for.
pub fn is_stand_in(backend: BackendName) -> bool {
    #[cfg(feature = "wgpu")]
    if backend == BackendName::WGPU {
        return crate::adapters::list() == [crate::Adapter::Cpu];
    }
    let _ = backend;
    false
}

/// Waits until a device has answered once: what a backend starts lazily is started then.
///
/// # Errors
/// What the device said.
pub fn wait_for(device: &Device) -> Result<(), String> {
    let answer = Tensor::<1>::ones([1], (device, DType::F32)).try_into_data();
    answer.map(drop).map_err(|error| format!("{error:?}"))
}

/// A backend, or one of its adapters, and whether it can be used here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Available {
    /// The word in configs.
    pub backend: BackendName,
    /// What computes, as it names itself.
    pub device: Option<String>,
    /// Why it cannot be used, if it cannot.
    pub reason: Option<String>,
}

/// Every backend, and each adapter that wgpu finds; opens each to learn its name.
pub fn list() -> Vec<Available> {
    let on_host = |backend| match open(backend) {
        Ok(_) => Available { backend, device: Some("this processor".into()), reason: None },
        Err(error) => absent(backend, &error),
    };
    let mut all = vec![on_host(BackendName::Flex), on_host(BackendName::NdArray)];
    #[cfg(feature = "wgpu")]
    {
        let adapters = crate::adapters::list();
        if adapters.is_empty() {
            let reason =
                "wgpu finds no adapter: no GPU driver, nor Vulkan's software one (Debian: mesa-vulkan-drivers)";
            let error = Error::NoDevice { backend: BackendName::WGPU, reason: reason.into() };
            all.push(absent(BackendName::WGPU, &error));
        }
        all.extend(adapters.into_iter().map(|adapter| {
            let backend = BackendName::Wgpu(adapter);
            match open(backend) {
                Ok(device) => {
                    Available { backend, device: device.identity().map(|identity| identity.name), reason: None }
                }
                Err(error) => absent(backend, &error),
            }
        }));
    }
    #[cfg(not(feature = "wgpu"))]
    all.push(absent(BackendName::WGPU, &Error::NotBuilt { backend: BackendName::WGPU }));
    all
}

fn absent(backend: BackendName, error: &Error) -> Available {
    Available { backend, device: None, reason: Some(error.to_string()) }
}

/// The devices that tests of tensors run over: every backend built in whose device this machine has.
///
/// One that is missing is skipped aloud, or fails where `RBM_REQUIRE_DEVICES` (words, separated by commas) lists it.
///
/// # Panics
/// When a required device is missing.
pub fn devices_for_tests() -> Vec<(BackendName, Device)> {
    let required = std::env::var("RBM_REQUIRE_DEVICES").unwrap_or_default();
    BackendName::ALL
        .into_iter()
        .filter_map(|backend| match open(backend) {
            Ok(device) => Some((backend, device)),
            Err(error) => {
                assert!(!required.split(',').any(|word| word.trim() == backend.feature()), "required device: {error}");
                static ONCE: Once = Once::new();
                // Not a print macro: what those say in a test that passes is not shown.
                ONCE.call_once(|| drop(writeln!(std::io::stderr(), "SKIPPED {backend}: {error}")));
                None
            }
        })
        .collect()
}
