//! Running a protocol by its name.

use rbm_claims::{
    Error, Label, Measurement,
    protocol::{Inputs, Output, PROTOCOLS},
};
use rbm_data::DataFolders;
use rbm_runner::{DataSets, StopFlag};

/// Runs a protocol with parameters in TOML.
pub(crate) fn try_run(name: &str, parameters: &str) -> Result<Output, Error> {
    run_until(name, parameters, &StopFlag::new())
}

/// Runs a protocol until it is stopped.
pub(crate) fn run_until(name: &str, parameters: &str, stop: &StopFlag) -> Result<Output, Error> {
    let protocol = PROTOCOLS.iter().find(|known| known.name == name).expect("a protocol's name");
    let parameters = parameters.parse().expect("TOML");
    // Generated data only: nothing is fetched.
    let mut data = DataSets::quiet(DataFolders { data_dir: None, cache: std::env::temp_dir() });
    (protocol.run)(&mut Inputs {
        protocol: protocol.name,
        parameters: &parameters,
        cells: &[],
        data: &mut data,
        progress: &|_| (),
        stop,
    })
}

/// What a protocol measures; every number must be finite, as JSON has no others.
pub(crate) fn run(name: &str, parameters: &str) -> Vec<Measurement> {
    let found = try_run(name, parameters).expect("the protocol runs").measurements;
    for measurement in &found {
        assert!(measurement.value.is_finite(), "{measurement:?}");
    }
    found
}

/// The measurements of one quantity.
pub(crate) fn of<'a>(found: &'a [Measurement], quantity: &str) -> Vec<&'a Measurement> {
    let of_quantity: Vec<_> = found.iter().filter(|measurement| measurement.quantity == quantity).collect();
    assert!(!of_quantity.is_empty(), "nothing was measured as {quantity}");
    of_quantity
}

/// The values of one quantity.
pub(crate) fn values(found: &[Measurement], quantity: &str) -> Vec<f64> {
    of(found, quantity).into_iter().map(|measurement| measurement.value).collect()
}

/// The largest value of one quantity.
pub(crate) fn largest(found: &[Measurement], quantity: &str) -> f64 {
    values(found, quantity).into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// The smallest value of one quantity.
pub(crate) fn smallest(found: &[Measurement], quantity: &str) -> f64 {
    values(found, quantity).into_iter().fold(f64::INFINITY, f64::min)
}

/// The measurements that have a label.
pub(crate) fn labelled<'a>(found: &[&'a Measurement], name: &str, label: impl Into<Label>) -> Vec<&'a Measurement> {
    let label = label.into();
    found.iter().copied().filter(|measurement| measurement.labels.get(name) == Some(&label)).collect()
}
