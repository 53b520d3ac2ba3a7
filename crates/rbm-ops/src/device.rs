//! From a backend's word to a device.

use burn::tensor::Device;

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
        BackendName::Wgpu => {
            // The lazy constructor panics at the first tensor where there is no adapter, and a second `init` is refused.
            static DEVICE: std::sync::OnceLock<Result<Device, String>> = std::sync::OnceLock::new();
            DEVICE
                .get_or_init(|| Device::wgpu_options().init().map_err(|error| error.to_string()))
                .clone()
                .map_err(|reason| Error::NoDevice { backend, reason })
        }
        #[cfg(not(all(feature = "flex", feature = "ndarray", feature = "wgpu")))]
        backend => Err(Error::NotBuilt { backend }),
    }
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
                assert!(!required.split(',').any(|word| word.trim() == backend.word()), "required device: {error}");
                eprintln!("SKIPPED {backend}: {error}");
                None
            }
        })
        .collect()
}
