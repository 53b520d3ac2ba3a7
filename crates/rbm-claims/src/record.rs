//! Outcomes as other programs read them: `--json`, `verdicts.json`.

use serde::{Deserialize, Serialize};

use crate::{
    ClaimOutcome, Experiment, Group, Profile, Role, Statistic, TestOutcome, Verdict,
    statistic::{RANGE, STUDENT},
};

/// What a claim came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// The experiment's name.
    pub claim: String,
    /// Its heading.
    pub title: String,
    /// Whose claim it is.
    pub group: Group,
    /// The profile.
    pub profile: Profile,
    /// What it came to.
    pub verdict: Verdict,
    /// The statistic of its first test that is decided, or else of its first one.
    pub statistic: Option<f64>,
    /// Its interval; an end is null where it is open.
    pub interval: [Option<f64>; 2],
    /// Numbers behind it.
    pub n: usize,
    /// The statistic's unit.
    pub unit: String,
    /// What was found of the claim, in words.
    pub conclusion: String,
    /// What is told beside it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub beside: String,
    /// Files and folders that show it.
    pub evidence: Vec<String>,
    /// All tests.
    pub tests: Vec<TestRecord>,
    /// Seconds that its cells and protocols took, when they were computed.
    pub seconds: f64,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// What was tested.
    pub says: String,
    /// What it counts for.
    pub role: Role,
    /// What it came to.
    pub verdict: Verdict,
    /// The statistic.
    pub statistic: Option<f64>,
    /// Its interval.
    pub interval: [Option<f64>; 2],
    /// Numbers behind it.
    pub n: usize,
    /// How the interval was made.
    pub method: String,
    /// The statistic's unit.
    pub unit: String,
    /// Where it had to lie.
    pub rule: String,
    /// What was found, in words.
    pub found: String,
}

impl ClaimRecord {
    /// Of an outcome.
    pub fn new(
        experiment: &Experiment,
        profile: Profile,
        outcome: &ClaimOutcome,
        seconds: f64,
        evidence: Vec<String>,
    ) -> Self {
        let tests: Vec<TestRecord> = outcome.tests.iter().map(TestRecord::new).collect();
        let decided = |test: &&TestRecord| {
            test.role == Role::Claim && matches!(test.verdict, Verdict::Confirmed | Verdict::Refuted)
        };
        let head = tests.iter().find(decided).or_else(|| tests.first()).cloned();
        Self {
            claim: outcome.claim.clone(),
            title: experiment.statement.title.clone(),
            group: experiment.statement.group,
            profile,
            verdict: outcome.verdict,
            statistic: head.as_ref().and_then(|test| test.statistic),
            interval: head.as_ref().map_or([None, None], |test| test.interval),
            n: head.as_ref().map_or(0, |test| test.n),
            unit: head.map_or(String::new(), |test| test.unit),
            conclusion: outcome.conclusion.clone(),
            beside: outcome.beside.clone(),
            evidence,
            tests,
            seconds,
        }
    }

    /// The one number in words: "−12.3 nats (−14 to −10, n = 10)".
    pub fn headline(&self) -> String {
        let decided = |test: &&TestRecord| {
            test.role == Role::Claim && matches!(test.verdict, Verdict::Confirmed | Verdict::Refuted)
        };
        match self.tests.iter().find(decided).or_else(|| self.tests.first()) {
            Some(test) => format!("{}: {}", test.says, test.number_in_words()),
            None => String::new(),
        }
    }
}

impl TestRecord {
    fn new(outcome: &TestOutcome) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        let statistic: Option<&Statistic> = outcome.statistic.as_ref();
        Self {
            says: outcome.says.clone(),
            role: outcome.role,
            verdict: outcome.verdict,
            statistic: statistic.and_then(|one| finite(one.value)),
            interval: statistic.map_or([None, None], |one| [finite(one.interval.0), finite(one.interval.1)]),
            n: statistic.map_or(0, |one| one.n),
            method: statistic.map_or(String::new(), |one| match &one.chosen {
                Some(chosen) => format!("{}; best: {chosen}", one.method),
                None => one.method.clone(),
            }),
            unit: outcome.unit.clone(),
            rule: outcome.rule.clone(),
            found: outcome.found.clone(),
        }
    }

    /// "−12.3 nats (−14 to −10, n = 10)".
    pub fn number_in_words(&self) -> String {
        let Some(value) = self.statistic else { return "no number".into() };
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let value = format!("{}{unit}", figure(value));
        match self.interval {
            [Some(low), Some(high)] if low < high => {
                format!("{value} ({} to {}, n = {})", figure(low), figure(high), self.n)
            }
            _ => value,
        }
    }

    /// Whether the method makes intervals; one of equal numbers has no width all the same.
    fn has_interval(&self) -> bool {
        self.method.starts_with(RANGE) || self.method.contains(STUDENT)
    }

    /// The interval in words: "0.5 to 1.5"; "exact" only of what the method calls so, and "–" where there is none.
    pub fn interval_in_words(&self) -> String {
        let end = |end: Option<f64>| end.map_or("open".into(), figure);
        match self.interval {
            [None, None] => "–".into(),
            // Both ends are the number itself: it is known to be exact, or nothing was there to make an interval of.
            [Some(low), Some(high)] if low == high && !self.has_interval() => {
                if self.method.starts_with("exact") {
                    "exact".into()
                } else {
                    "–".into()
                }
            }
            [low, high] => format!("{} to {}", end(low), end(high)),
        }
    }
}

/// A number with three or four digits that say something.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    let text = if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 1000.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    };
    text.replace('-', "\u{2212}").replace("e\u{2212}", "e-")
}
