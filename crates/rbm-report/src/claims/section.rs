//! What a page of claims is made from.

use super::verdict::VerdictWord;
use crate::chart::Chart;
use crate::report::ImageGrid;

/// All that a page of claims shows.
#[derive(Clone, Debug, Default)]
pub struct ClaimsReport {
    /// What stands above the page.
    pub title: String,
    /// Name and value of what holds for all claims: machine, code state, time.
    pub facts: Vec<(String, String)>,
    /// The claims, in the order of the page; those of one group need not stand together.
    pub claims: Vec<ClaimSection>,
    /// The command that makes this page again.
    pub command: String,
}

/// One claim with its tests.
#[derive(Clone, Debug, Default)]
pub struct ClaimSection {
    /// The name of its folder; links to its section are made from it.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// The heading of the table that it stands in: "Claims of the article".
    pub group: String,
    /// What is claimed, in one sentence.
    pub claim: String,
    /// The words of the source.
    pub quote: Option<String>,
    /// Where the claim comes from.
    pub source: String,
    /// How the figures that it is compared with are known: `read`, `recalled` or `computed`.
    pub basis: String,
    /// What came of it.
    pub verdict: VerdictWord,
    /// The one number that tells most: "−12.3 nats (95 % interval −14 to −10, n = 10)".
    pub headline: String,
    /// What holds, and under which condition, in plain words.
    pub conclusion: String,
    /// What is told beside the claim.
    pub beside: String,
    /// The tests, each with its thresholds.
    pub tests: Vec<TestRow>,
    /// Its charts.
    pub charts: Vec<Chart>,
    /// Its images: what they show, the name of the file without suffix, and the images.
    pub images: Vec<(String, String, ImageGrid)>,
    /// The command that measures it again.
    pub command: String,
    /// What a reader must know of how it was measured: "MNIST could not be had: ...".
    pub note: Option<String>,
    /// How long the measurement took.
    pub seconds: Option<f64>,
}

impl ClaimSection {
    /// What it is called: its heading, or where it has none its folder's name.
    pub(super) fn heading(&self) -> &str {
        if self.title.trim().is_empty() { &self.name } else { &self.title }
    }
}

/// One test of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRow {
    /// What it says when it is confirmed.
    pub says: String,
    /// What came of it.
    pub verdict: VerdictWord,
    /// The value that the rule looks at, and what it is.
    pub statistic: String,
    /// Its interval over the seeds.
    pub interval: String,
    /// How many seeds, or pairs of them.
    pub n: String,
    /// The thresholds: "confirmed above 0, refuted below 0".
    pub rule: String,
    /// What was found, in a plain sentence.
    pub found: String,
}
