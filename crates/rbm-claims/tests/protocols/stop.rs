//! What holds of every protocol: it stops when it is told to, and its parameters are checked without computing.

use rbm_claims::{Error, protocol::PROTOCOLS};
use rbm_runner::StopFlag;

use super::common::run_until;

/// Protocols that need no cells.
const ALONE: [&str; 6] = ["bias-of-k", "conditionals", "gibbs", "gradient", "memory-of-k", "partition-cost"];

#[test]
fn every_protocol_stops_in_mid_run() {
    for name in ALONE {
        // Far fewer looks than a whole run takes, which would be some minutes of all of them.
        for looks in [1, 20] {
            let stopped = run_until(name, "", &StopFlag::after(looks));
            assert!(matches!(stopped, Err(Error::Stopped)), "{name} after {looks} looks");
        }
    }
}

#[test]
fn defaults_are_allowed_and_unknown_parameters_are_named() {
    for protocol in PROTOCOLS {
        assert_eq!((protocol.check)(&toml::Table::new()), Ok(()), "{}", protocol.name);
        let unknown = (protocol.check)(&"machine = 3".parse().expect("TOML")).expect_err(protocol.name);
        assert!(unknown.contains("unknown field `machine`"), "{}: {unknown}", protocol.name);
    }
}

#[test]
fn impossible_parameters_are_refused_without_computing() {
    for (name, parameters) in [
        ("bias-of-k", "machines = 0"),
        ("bias-of-k", "scales = []"),
        ("conditionals", "machines = 0"),
        ("conditionals", "scales = []"),
        ("conditionals", "visible = 20"),
        ("features", "labels = []"),
        ("gibbs", "machines = 0"),
        ("gibbs", "scales = []"),
        ("gradient", "machines = 0"),
        ("gradient", "rows = 0"),
        ("gradient", "scales = [-1.0]"),
        ("listing", "samples = 1"),
        ("memory-of-k", "ks = []"),
        ("partition-cost", "ais_seeds = 0"),
        ("test-likelihood", "seeds = []"),
        ("test-likelihood", "chains = 1"),
        ("test-likelihood", "schedule = 'linear:0'"),
    ] {
        let protocol = PROTOCOLS.iter().find(|known| known.name == name).expect("a protocol");
        assert!((protocol.check)(&parameters.parse().expect("TOML")).is_err(), "{name}: {parameters}");
    }
}
