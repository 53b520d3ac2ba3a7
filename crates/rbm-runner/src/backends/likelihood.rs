//! Time to a likelihood that is stated by a rule which looks at no times.

use std::cmp::Reverse;

use rbm_ops::{BackendName, Kernels};

use super::BackendResult;

/// Share of the reference's way, from its first to its last recorded value, that the stated likelihood stands at.
pub const REFERENCE_SHARE: f64 = 0.9;

/// What rows are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Yardstick {
    /// The row that others are compared with; none where nothing was measured.
    pub reference: Option<usize>,
    /// The likelihood in nats to which time is taken.
    pub likelihood: Option<f64>,
}

/// Takes each row's time to a likelihood: to `stated`, or else to what the reference's records give.
pub fn yardstick(results: &mut [BackendResult], stated: Option<f64>) -> Yardstick {
    let reference = reference(results);
    let records = reference.and_then(|index| results[index].measured.as_ref()).map(|probe| &probe.log_likelihoods);
    let likelihood = stated.or_else(|| stated_likelihood(records?));
    for result in results {
        let records = result.measured.as_ref().map(|probe| &probe.log_likelihoods);
        let found = likelihood.and_then(|nats| first_at(records?, nats));
        (result.epoch_of_likelihood, result.time_to_likelihood) = found.unzip();
    }
    Yardstick { reference, likelihood }
}

/// Composed kernels of flex with the most threads, or what comes nearest to them among the rows measured, the backend
/// deciding before the kernels and these before the threads.
fn reference(results: &[BackendResult]) -> Option<usize> {
    let measured = results.iter().enumerate().filter(|(_, result)| result.measured.is_some());
    let distance = |(_, result): &(usize, &BackendResult)| {
        let setting = &result.setting;
        let is_flex = setting.available.backend == BackendName::Flex;
        (!is_flex, setting.kernels != Some(Kernels::Composed), Reverse(setting.threads))
    };
    measured.min_by_key(distance).map(|(index, _)| index)
}

/// The likelihood 90 % of the way from the first to the last of the reference's records (epoch, nats, seconds); none
/// where it did not rise.
fn stated_likelihood(reference: &[(u32, f64, f64)]) -> Option<f64> {
    let (&(_, first, _), &(_, last, _)) = (reference.first()?, reference.last()?);
    (last > first).then_some(first + REFERENCE_SHARE * (last - first))
}

/// Epoch and seconds of training of the first record (epoch, nats, seconds) at or above `nats`; none where there is no
/// such. Nothing is interpolated.
fn first_at(records: &[(u32, f64, f64)], nats: f64) -> Option<(u32, f64)> {
    records.iter().find(|(_, value, _)| *value >= nats).map(|&(epoch, _, seconds)| (epoch, seconds))
}

#[cfg(test)]
mod tests {
    use rbm_ops::Available;
    use rbm_train::Agreement;

    use super::*;
    use crate::backends::{Probe, Setting};

    const RECORDS: [(u32, f64, f64); 4] = [(1, -200.0, 0.5), (2, -120.0, 1.0), (3, -125.0, 1.5), (4, -100.0, 2.0)];

    #[test]
    fn stated_likelihood_stands_at_nine_tenths_of_the_way_whatever_the_times_are() {
        assert_eq!(stated_likelihood(&RECORDS), Some(-110.0));
        let slower = RECORDS.map(|(epoch, nats, seconds)| (epoch, nats, 1e3 * seconds));
        assert_eq!(stated_likelihood(&slower), Some(-110.0));
        assert_eq!(stated_likelihood(&RECORDS[..1]), None);
        assert_eq!(stated_likelihood(&[(1, -1.0, 0.1), (2, -2.0, 0.2)]), None);
        assert_eq!(stated_likelihood(&[]), None);
    }

    #[test]
    fn time_is_that_of_the_first_record_at_or_above_and_nothing_is_interpolated() {
        assert_eq!(first_at(&RECORDS, -120.0), Some((2, 1.0)));
        assert_eq!(first_at(&RECORDS, -119.9), Some((4, 2.0)));
        assert_eq!(first_at(&RECORDS, -300.0), Some((1, 0.5)));
        assert_eq!(first_at(&RECORDS, -99.0), None);
        assert_eq!(first_at(&[(1, f64::NAN, 0.5)], -99.0), None);
    }

    fn row(backend: BackendName, kernels: Kernels, threads: Option<usize>, is_measured: bool) -> BackendResult {
        let probe = Probe {
            start_seconds: 0.0,
            first_step_seconds: 0.0,
            samples_per_second: Vec::new(),
            steps: 1,
            peak_memory_bytes: None,
            agreement: Agreement::default(),
            log_likelihoods: Vec::new(),
        };
        let available = Available { backend, device: None, reason: None };
        let setting = Setting { available, kernels: Some(kernels), threads };
        BackendResult::new(setting, is_measured.then_some(probe), !is_measured)
    }

    #[test]
    fn reference_is_flex_composed_with_all_threads_or_what_comes_nearest() {
        use BackendName::{Flex, NdArray};
        use Kernels::{Composed, Fused};
        let mut rows = vec![
            row(NdArray, Composed, Some(8), true),
            row(Flex, Fused, Some(8), true),
            row(Flex, Composed, Some(1), true),
            row(Flex, Composed, Some(8), true),
        ];
        assert_eq!(reference(&rows), Some(3));
        rows[3].measured = None;
        assert_eq!(reference(&rows), Some(2));
        rows[2].measured = None;
        assert_eq!(reference(&rows), Some(1));
        rows[1].measured = None;
        assert_eq!(reference(&rows), Some(0));
        assert_eq!(reference(&[row(BackendName::WGPU, Fused, None, false)]), None);
    }
}
