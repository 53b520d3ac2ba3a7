//! What is measured: which kernels and how many threads of each backend.

use rbm_ops::{Available, BackendName, Kernels};
use serde::Serialize;

use crate::{config::CellConfig, identity::kernels_of, plan::Cell};

/// Different numbers of threads, at most.
const MOST_COUNTS: usize = 4;

/// Which kernels and how many threads are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChoice {
    /// Kernels, in the order of the rows.
    pub kernels: Vec<Kernels>,
    /// Numbers of threads on the processor, in the order of the rows.
    pub threads: Vec<usize>,
}

/// A backend with kernels and threads: one row of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The backend and its device.
    #[serde(flatten)]
    pub available: Available,
    /// Its kernels; none where the backend cannot be used.
    pub kernels: Option<Kernels>,
    /// Threads; none where a GPU, or its software driver, has its own.
    pub threads: Option<usize>,
}

impl Setting {
    /// `flex (fused, 2 threads)`.
    pub fn words(&self) -> String {
        let backend = self.available.backend;
        match (self.kernels, self.threads) {
            (None, _) => backend.to_string(),
            (Some(kernels), None) => format!("{backend} ({kernels})"),
            (Some(kernels), Some(1)) => format!("{backend} ({kernels}, 1 thread)"),
            (Some(kernels), Some(threads)) => format!("{backend} ({kernels}, {threads} threads)"),
        }
    }
}

/// Those of `wanted` that there are for a config, whatever its own `kernels` says.
pub fn kernels_for(config: &CellConfig, wanted: &[Kernels]) -> Vec<Kernels> {
    let mut config = config.clone();
    let mut exist = |kernels: &Kernels| {
        config.run.kernels = *kernels;
        kernels_of(&config) == *kernels
    };
    wanted.iter().copied().filter(|kernels| exist(kernels)).collect()
}

/// Powers of two from 1, and all `cores`: at most four, the first and the last among them.
pub fn thread_counts(cores: usize) -> Vec<usize> {
    let cores = cores.max(1);
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count < cores).collect();
    counts.push(cores);
    if counts.len() <= MOST_COUNTS {
        return counts;
    }
    let (last, steps) = (counts.len() - 1, MOST_COUNTS - 1);
    (0..MOST_COUNTS).map(|step| counts[(step * last + steps / 2) / steps]).collect()
}

/// The rows of a comparison; a backend that cannot be used has one, with its reason.
pub fn settings(cell: &Cell, backends: Vec<Available>, choice: &SettingChoice) -> Vec<Setting> {
    let mut settings = Vec::new();
    for mut available in backends {
        let no_f64 = cell.config.train.precision == rbm_train::Precision::F64 && !available.backend.has_f64();
        if no_f64 && available.reason.is_none() {
            available.reason = Some("it has no f64, which [train] precision asks for".into());
        }
        if available.reason.is_some() {
            settings.push(Setting { available, kernels: None, threads: None });
            continue;
        }
        let threads: Vec<Option<usize>> = match available.backend {
            BackendName::Flex | BackendName::NdArray => choice.threads.iter().copied().map(Some).collect(),
            BackendName::Wgpu(_) => vec![None],
        };
        let mut config = cell.config.clone();
        config.run.backend = available.backend;
        for kernels in &kernels_for(&config, &choice.kernels) {
            settings.extend(threads.iter().map(|&threads| Setting {
                available: available.clone(),
                kernels: Some(*kernels),
                threads,
            }));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_powers_of_two_and_all_cores_at_most_four_counts() {
        let cases: [(usize, &[usize]); 8] = [
            (0, &[1]),
            (1, &[1]),
            (2, &[1, 2]),
            (6, &[1, 2, 4, 6]),
            (8, &[1, 2, 4, 8]),
            (16, &[1, 2, 8, 16]),
            (24, &[1, 4, 8, 24]),
            (128, &[1, 4, 32, 128]),
        ];
        for (cores, counts) in cases {
            assert_eq!(thread_counts(cores), counts, "{cores}");
        }
    }
}
