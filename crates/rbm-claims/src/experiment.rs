//! An experiment as its `experiment.toml` states it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, FigureSpec, Select};

/// Version of the format; a higher one is refused.
pub(crate) const SCHEMA: u32 = 1;

/// A claim and how it is tested.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// The folder's name, by which the command line knows it.
    pub name: String,
    /// What `experiment.toml` says.
    pub statement: Statement,
    /// Where its files lie, as far as messages and relative paths in configs know.
    pub folder: PathBuf,
    /// The configs of its sweeps, by their file names.
    pub configs: BTreeMap<String, String>,
}

/// `experiment.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Version of the format: 1.
    pub schema: u32,
    /// A heading.
    pub title: String,
    /// Whose claim it is.
    pub group: Group,
    /// The claim in one sentence.
    pub claim: String,
    /// Where it is made.
    pub source: String,
    /// A few words of the source.
    pub quote: Option<String>,
    /// How the figures are known that it is compared with, where there are any.
    pub basis: Option<Basis>,
    /// Data sets that must be fetched: `mnist`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Seconds that it may take on two cores.
    pub budget: Budget,
    /// Sweeps whose cells it reads.
    #[serde(default)]
    pub sweep: Vec<SweepSpec>,
    /// Computations beside them.
    #[serde(default)]
    pub protocol: Vec<ProtocolSpec>,
    /// What decides; the first one gives the claim's number.
    pub test: Vec<Test>,
    /// What is drawn.
    #[serde(default)]
    pub figure: Vec<FigureSpec>,
}

/// Whose claim it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The article's.
    Article,
    /// A paper's.
    Paper,
    /// Ours: a mark to reach. Run only when named.
    Target,
    /// Of whoever wrote the experiment.
    Own,
}

/// How the figures are known that a claim is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Read in the source.
    Read,
    /// From the literature by memory.
    Recalled,
    /// Computed by an independent program.
    Computed,
}

/// Seconds on two cores, by profile; a profile without any is not one that the claim can be run in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Of the small profile.
    pub smoke: Option<f64>,
    /// Of the full one.
    pub full: Option<f64>,
}

/// How much is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Every claim in minutes.
    #[default]
    Smoke,
    /// What results/reference shows.
    Full,
}

/// A sweep: a config beside `experiment.toml`, with what each profile sets in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepSpec {
    /// By which tests and figures know it: the label `sweep` of its measurements.
    pub name: String,
    /// The config's file name.
    pub config: String,
    /// Not run under this profile if absent.
    pub smoke: Option<Settings>,
    /// See `smoke`.
    pub full: Option<Settings>,
}

/// What a profile sets in a config.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// As `--set key=value`.
    #[serde(default)]
    pub set: Vec<String>,
}

/// A protocol with its parameters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolSpec {
    /// Its name.
    pub name: String,
    /// Under which its results are kept, where an experiment has the protocol twice.
    pub save_as: Option<String>,
    /// The sweeps whose cells it is given; all if absent.
    pub sweeps: Option<Vec<String>>,
    /// Parameters; not carried out under this profile if absent.
    pub smoke: Option<toml::Table>,
    /// See `smoke`.
    pub full: Option<toml::Table>,
}

/// A test: a statistic, and where it must lie.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What is tested, in a few words.
    pub says: String,
    /// What the test counts for.
    #[serde(default)]
    pub role: Role,
    /// The statistic, or its first part.
    pub value: Select,
    /// Is taken from it, seed by seed.
    pub minus: Option<Select>,
    /// It is divided by this, seed by seed.
    pub per: Option<Select>,
    /// The statistic's unit.
    #[serde(default)]
    pub unit: String,
    /// How its interval is made.
    #[serde(default)]
    pub interval: IntervalMethod,
    /// Where the interval must lie, as a whole, for the test to be confirmed.
    pub confirmed: Region,
    /// Where it must lie for the test to be refuted.
    pub refuted: Region,
    /// What then holds, in plain words, with its condition.
    pub holds: String,
    /// What does not hold, in plain words, with its condition.
    pub fails: String,
    /// The profiles in which it is decided; all if absent.
    pub profiles: Option<Vec<Profile>>,
}

/// What a test counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is a part of the claim.
    #[default]
    Claim,
    /// It must be confirmed for the experiment to tell anything; it says nothing of the claim itself.
    Control,
    /// It is told beside the claim, and counts for nothing.
    Context,
}

/// How the interval of a statistic is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalMethod {
    /// Of the mean over seeds: Student's t, 95 %. One value without a seed is exact; one with an interval of its own has
    /// that.
    #[default]
    Mean,
    /// From the least to the largest over seeds: every one must lie within.
    Range,
    /// None: the mean itself must lie within a region that was made for the mean of so many seeds.
    Point,
}

/// Part of the line of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Numbers above it.
    pub above: Option<f64>,
    /// Numbers below it.
    pub below: Option<f64>,
    /// Numbers below the first of these or above the second.
    pub outside: Option<[f64; 2]>,
}

impl Region {
    /// Whether all of `low..=high` lies within.
    pub fn contains(&self, low: f64, high: f64) -> bool {
        self.above.is_none_or(|above| low > above)
            && self.below.is_none_or(|below| high < below)
            && self.outside.is_none_or(|[from, to]| high < from || low > to)
    }

    pub(crate) fn is_empty(&self) -> bool {
        match (self.above, self.below, self.outside) {
            (None, None, None) => true,
            (_, _, Some([from, to])) => from > to || self.above.is_some() || self.below.is_some(),
            (Some(above), Some(below), None) => above >= below,
            _ => false,
        }
    }

    /// Lower and upper ends of its parts.
    fn parts(&self) -> Vec<(f64, f64)> {
        match self.outside {
            Some([from, to]) => vec![(f64::NEG_INFINITY, from), (to, f64::INFINITY)],
            None => vec![(self.above.unwrap_or(f64::NEG_INFINITY), self.below.unwrap_or(f64::INFINITY))],
        }
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        let others = other.parts();
        self.parts().iter().any(|a| others.iter().any(|b| a.0.max(b.0) < a.1.min(b.1)))
    }

    /// How far a number is from the nearest end.
    pub(crate) fn room(&self, value: f64) -> Option<f64> {
        let ends = self.above.into_iter().chain(self.below).chain(self.outside.into_iter().flatten());
        ends.map(|end| (end - value).abs()).min_by(f64::total_cmp)
    }

    /// "above 3", "below 1e-12", "between 1.8 and 2.2".
    pub fn words(&self) -> String {
        match (self.above, self.below, self.outside) {
            (_, _, Some([from, to])) => format!("outside {} to {}", short(from), short(to)),
            (Some(above), Some(below), None) => format!("between {} and {}", short(above), short(below)),
            (Some(above), None, None) => format!("above {}", short(above)),
            (None, Some(below), None) => format!("below {}", short(below)),
            (None, None, None) => "anywhere".into(),
        }
    }
}

impl Profile {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Full => "full",
        }
    }
}

impl Budget {
    /// Seconds under a profile.
    pub fn of(&self, profile: Profile) -> Option<f64> {
        match profile {
            Profile::Smoke => self.smoke,
            Profile::Full => self.full,
        }
    }
}

impl SweepSpec {
    /// What a profile sets; `None` where it does not run the sweep.
    pub fn settings(&self, profile: Profile) -> Option<&Settings> {
        match profile {
            Profile::Smoke => self.smoke.as_ref(),
            Profile::Full => self.full.as_ref(),
        }
    }
}

impl ProtocolSpec {
    /// The name under which its results are kept.
    pub fn key(&self) -> &str {
        self.save_as.as_deref().unwrap_or(&self.name)
    }

    /// The parameters under a profile; `None` where it is not carried out.
    pub fn parameters(&self, profile: Profile) -> Option<&toml::Table> {
        match profile {
            Profile::Smoke => self.smoke.as_ref(),
            Profile::Full => self.full.as_ref(),
        }
    }
}

impl Test {
    /// Whether a profile decides it.
    pub fn is_decided_in(&self, profile: Profile) -> bool {
        self.profiles.as_ref().is_none_or(|profiles| profiles.contains(&profile))
    }
}

impl Experiment {
    /// Reads the text of `experiment.toml`, which lies at `path` as far as errors know, with the texts of the configs
    /// beside it.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(name: &str, path: &Path, text: &str, configs: BTreeMap<String, String>) -> Result<Self, Error> {
        let wrong = |message: String| Error::Experiment { file: path.into(), message };
        let statement: Statement = toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| {
                let before = &text[..span.start.min(text.len())];
                let (line, column) =
                    (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or("").len() + 1);
                format!("line {line}, column {column}: ")
            });
            wrong(format!("{}{}{}", place.unwrap_or_default(), error.message(), nearest(error.message())))
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let experiment = Self { name: name.to_owned(), statement, folder, configs };
        experiment.check().map_err(|mistake| wrong(mistake.with_line(text)))?;
        Ok(experiment)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// When it cannot be read, or says something impossible.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| Error::File {
                action: "read",
                path: path.into(),
                reason: error.to_string(),
            })
        };
        let file = folder.join(FILE);
        let text = read(&file)?;
        let mut configs = BTreeMap::new();
        let entries = std::fs::read_dir(folder).map_err(|error| Error::File {
            action: "read",
            path: folder.into(),
            reason: error.to_string(),
        })?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "toml")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name != FILE {
                configs.insert(name, read(path)?);
            }
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::parse(&name, &file, &text, configs)
    }
}

/// The file of an experiment.
pub(crate) const FILE: &str = "experiment.toml";

/// A threshold as it was written: 0.034, 1e-12, −8.5.
fn short(value: f64) -> String {
    let text =
        if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) { format!("{value:e}") } else { value.to_string() };
    match text.strip_prefix('-') {
        Some(rest) => format!("\u{2212}{rest}"),
        None => text,
    }
}

/// The closest of the words that a message of TOML's reader allows, where it names one that it does not know.
fn nearest(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    match words.next() {
        Some(word) if message.starts_with("unknown") => near(word, &words.collect::<Vec<_>>()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// "; did you mean ...?", where a word is close enough.
pub(crate) fn near(word: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("; did you mean {candidate:?}?"))
}

/// The same, and else all words that are known.
pub(crate) fn closest(word: &str, known: &[&str]) -> String {
    near(word, known).unwrap_or_else(|| match known {
        [] => String::new(),
        _ => format!("; known: {}", known.join(", ")),
    })
}
