//! The machine a cell is computed on, as far as results may depend on it: a fixed list, never the whole environment.

use serde::{Deserialize, Serialize};

/// The release of burn that this workspace pins.
const BURN_VERSION: &str = "0.22.1";

/// The content of `env.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub architecture: String,
    /// Processor model, where the system tells it.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Threads of the worker's pool.
    pub threads: usize,
    /// The widest instruction set that decides how numbers are rounded.
    pub instruction_set: String,
    /// Version of rbm-lab.
    pub rbm_version: String,
    /// Version of burn.
    pub burn_version: String,
}

impl Environment {
    /// This machine, as this process sees it.
    pub fn here() -> Self {
        Self {
            os: std::env::consts::OS.into(),
            architecture: std::env::consts::ARCH.into(),
            cpu: cpu_model(),
            cores: cores(),
            threads: rayon::current_num_threads(),
            instruction_set: instruction_set().into(),
            rbm_version: env!("CARGO_PKG_VERSION").into(),
            burn_version: BURN_VERSION.into(),
        }
    }
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The widest instruction set of this processor that kernels choose by.
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            "avx512"
        } else if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            "avx2"
        } else {
            "sse2"
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "neon"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "scalar"
    }
}

/// The most memory this process has held so far, where the system tells it.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
