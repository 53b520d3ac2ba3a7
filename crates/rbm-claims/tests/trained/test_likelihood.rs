//! The protocol `test-likelihood`.

use rbm_claims::{Error, protocol::Output};
use rbm_model::Parameters;
use rbm_runner::StopFlag;

use crate::common::{Laboratory, of};

const SECTIONS: &str = "[data]\nsource = 'bars-and-stripes'\nsize = 2\n[model]\nhidden = 3\n[run]\nseed = 7\n";
const ANNEALED: &str = "log_z = 'ais'\nchains = 50\nschedule = 'linear:200'\nseeds = [1, 2]";

fn machine() -> Parameters {
    let weights = (0..12).map(|at| (0.5 + 0.9 * f64::from(at)).sin()).collect();
    Parameters::new(weights, vec![0.1, -0.3, 0.2, 0.0], vec![0.5, -0.4, 0.1]).expect("a machine")
}

#[test]
fn the_strict_likelihood_takes_the_higher_of_the_upper_ends() {
    let laboratory = Laboratory::new();
    let cell = laboratory.cell("one", SECTIONS, &machine());
    let cells = std::slice::from_ref(&cell);
    let value = |output: &Output, quantity: &str| match of(output, quantity, &[("split", "train".into())])[..] {
        [measured] => (measured.value, measured.low.zip(measured.high)),
        ref found => panic!("{} times {quantity}", found.len()),
    };
    let of_seeds = |seeds: &str| {
        let parameters = ANNEALED.replace("[1, 2]", seeds);
        let output = laboratory.carry_out("test-likelihood", cells, &parameters).expect("measurements");
        (value(&output, "log-likelihood"), value(&output, "log-likelihood-strict").0)
    };
    let (both, one, two) = (of_seeds("[1, 2]"), of_seeds("[1]"), of_seeds("[2]"));
    assert_eq!(both.0, one.0, "the estimate is the first seed's");
    assert_eq!(both.1, one.1.min(two.1));
    assert_ne!(one.1, two.1);
    // A likelihood falls where log Z rises: its low end is at the upper end of log Z.
    assert_eq!(one.1, one.0.1.expect("an interval").0);
}

#[test]
fn annealing_stops_between_temperatures() {
    let laboratory = Laboratory::new();
    let cells = [laboratory.cell("one", SECTIONS, &machine())];
    // The flag is looked at once a cell and once a temperature: 200 up, as many down and up again to judge.
    for looks in [1, 50, 300] {
        let stop = StopFlag::after(looks);
        let found = laboratory.carry_out_until("test-likelihood", &cells, ANNEALED, &stop);
        assert!(matches!(found, Err(Error::Stopped)), "after {looks} looks");
    }
}
