//! Verdicts on tests and claims.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Experiment, IntervalMethod, Measurement, Profile, Region, Role, Statistic, Test,
    statistic::{seeds_for, statistic},
};

/// What a test or a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Confirmed,
    /// It does not hold.
    Refuted,
    /// Some of it holds and some does not.
    Partly,
    /// The results do not tell.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Partly => "partly",
            Self::Undecided => "undecided",
        })
    }
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq)]
pub struct TestOutcome {
    /// What was tested.
    pub says: String,
    /// What it counts for.
    pub role: Role,
    /// What it came to.
    pub verdict: Verdict,
    /// The statistic, where there is one.
    pub statistic: Option<Statistic>,
    /// Its unit.
    pub unit: String,
    /// Where it had to lie.
    pub rule: String,
    /// What was found, in plain words; of an undecided test, what would decide it.
    pub found: String,
}

/// What a claim came to.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimOutcome {
    /// The experiment's name.
    pub claim: String,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found of the claim, in plain words.
    pub conclusion: String,
    /// What is told beside it.
    pub beside: String,
    /// The tests, in their order.
    pub tests: Vec<TestOutcome>,
}

/// Decides a claim from its measurements.
///
/// A test is confirmed where its whole interval lies in the region that confirms, refuted where it lies in the one that
/// refutes, else undecided; what must hold of every number ([`IntervalMethod::Range`]) is refuted by one. A claim is
/// confirmed where every one of its own tests is, refuted where every one is, `partly` where some are confirmed and
/// some refuted, and else undecided; a control that is not confirmed leaves it undecided whatever they say ([`Role`]).
/// Tests of another profile do not count; `missing` says why there are no measurements, where that is known.
pub fn decide(
    experiment: &Experiment,
    profile: Profile,
    measurements: &[Measurement],
    missing: Option<&str>,
) -> ClaimOutcome {
    let tests: Vec<&Test> = experiment.statement.test.iter().filter(|test| test.is_decided_in(profile)).collect();
    let tests: Vec<TestOutcome> = tests.into_iter().map(|test| outcome(test, measurements, missing)).collect();
    let of = |role: Role| tests.iter().filter(move |test| test.role == role);
    let count = |verdict: Verdict| of(Role::Claim).filter(|test| test.verdict == verdict).count();
    let (all, confirmed, refuted) = (of(Role::Claim).count(), count(Verdict::Confirmed), count(Verdict::Refuted));
    let controlled = of(Role::Control).all(|test| test.verdict == Verdict::Confirmed);
    let verdict = match (confirmed, refuted) {
        _ if !controlled => Verdict::Undecided,
        (0, 0) => Verdict::Undecided,
        (_, 0) if confirmed == all => Verdict::Confirmed,
        (0, _) if refuted == all => Verdict::Refuted,
        (1.., 1..) => Verdict::Partly,
        _ => Verdict::Undecided,
    };
    let told = |tells: &dyn Fn(&TestOutcome) -> bool| {
        tests.iter().filter(|test| tells(test)).map(|test| test.found.as_str()).collect::<Vec<_>>().join(" ")
    };
    let (conclusion, beside) = match (tests.is_empty(), missing) {
        (true, _) => (format!("No test of this claim is decided in the profile {}.", profile.word()), String::new()),
        (_, Some(missing)) if confirmed + refuted == 0 => (missing.to_owned(), String::new()),
        _ => {
            // A control that came out as it must says nothing of the claim.
            let of_claim = |test: &TestOutcome| match test.role {
                Role::Claim => true,
                Role::Control => test.verdict != Verdict::Confirmed,
                Role::Context => false,
            };
            (told(&of_claim), told(&|test| test.role == Role::Context))
        }
    };
    ClaimOutcome { claim: experiment.name.clone(), verdict, conclusion, beside, tests }
}

fn outcome(test: &Test, measurements: &[Measurement], missing: Option<&str>) -> TestOutcome {
    let rule = format!("confirmed {}, refuted {}", test.confirmed.words(), test.refuted.words());
    let of = |verdict, statistic, found| TestOutcome {
        says: test.says.clone(),
        role: test.role,
        verdict,
        statistic,
        unit: test.unit.clone(),
        rule: rule.clone(),
        found,
    };
    match statistic(test, measurements) {
        Err(reason) => {
            let reason = missing.map_or(reason, str::to_owned);
            of(Verdict::Undecided, None, format!("Undecided, {}: {reason}.", test.says))
        }
        Ok(statistic) => {
            if statistic.confirms(&test.confirmed) {
                of(Verdict::Confirmed, Some(statistic), test.holds.clone())
            } else if statistic.refutes(&test.refuted) {
                of(Verdict::Refuted, Some(statistic), test.fails.clone())
            } else {
                let found = format!("Undecided, {}: {}.", test.says, what_would_decide(test, &statistic));
                of(Verdict::Undecided, Some(statistic), found)
            }
        }
    }
}

/// About how many seeds would bring the whole interval to the side of the threshold where its middle lies.
fn what_would_decide(test: &Test, statistic: &Statistic) -> String {
    let Statistic { value, interval: (low, high), n, .. } = statistic;
    let half = (high - low) / 2.0;
    if *n == 1 && half == f64::INFINITY {
        return "one seed has no interval; three or more would decide".into();
    }
    let room = [&test.confirmed, &test.refuted]
        .into_iter()
        .filter(|region| region.contains(*value, *value))
        .find_map(|region: &Region| region.room(*value));
    match room {
        Some(_) if test.interval == IntervalMethod::Range && *n > 1 => {
            "the numbers lie on both sides of a threshold, which more of them would not change".into()
        }
        Some(room) if *n > 1 && room > 0.0 && half.is_finite() && half > 0.0 => {
            let seeds = seeds_for(room, half, *n);
            format!("the interval crosses a threshold; about {seeds} seeds instead of {n} would decide")
        }
        Some(_) => "the interval crosses a threshold; a larger budget would decide".into(),
        None => "it lies between the thresholds, where neither is so".into(),
    }
}
