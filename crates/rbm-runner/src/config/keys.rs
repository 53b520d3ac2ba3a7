//! Every key of a config: what it means and what is allowed. A test holds this list to the sections' structs.

/// One key of a config.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its section; empty for the keys at the top.
    pub section: &'static str,
    /// Its name within the section.
    pub name: &'static str,
    /// What is allowed, to follow the word "expected".
    pub allowed: &'static str,
    /// The words it takes, where it takes words.
    pub words: &'static [&'static str],
    /// What it decides.
    pub meaning: &'static str,
}

impl Key {
    /// `section.name`, or the bare name at the top.
    pub fn dotted(&self) -> String {
        if self.section.is_empty() { self.name.into() } else { format!("{}.{}", self.section, self.name) }
    }

    /// Whether its values are text that `--set` takes as it stands, without quotes.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.dotted().as_str(), "name" | "data.source" | "data.test" | "data.key" | "model.init")
    }
}

/// The sections, in the order in which they are printed.
pub(super) const SECTIONS: [&str; 6] = ["data", "model", "train", "evaluate", "sweep", "run"];

const COUNT: &str = "a whole number of at least 1";
const AUTO: &str = "a whole number of at least 1, or \"auto\"";
const WHOLE: &str = "a whole number of at least 0";
const RATE: &str = "a finite number of at least 0";
const SHARE: &str = "a number from 0 up to, but not including, 1";
const BOOL: &str = "true or false";
const METRICS: &[&str] = &[
    "reconstruction-error",
    "reconstruction-cross-entropy",
    "free-energy-gap",
    "pseudo-likelihood",
    "log-z",
    "log-likelihood",
    "weight-norm",
    "saturated-hidden",
    "gradient-norm",
    "swap-acceptance",
    "swap-acceptance-least",
    "log-z-low",
    "log-z-high",
    "log-z-ess",
    "log-z-trusted",
    "gradient-bias-norm",
    "gradient-bias-max",
    "gradient-bias-relative",
    "gradient-bias-cosine",
    "gradient-bias-bound-fischer-igel",
    "gradient-bias-bound-bengio-delalleau",
    "gradient-bias-bound-spectral",
    "negative-phase-error",
    "negative-phase-error-exact-samples",
    "second-eigenvalue",
    "autocorrelation-time",
    "r-hat",
    "first-moment-error",
    "first-moment-noise",
    "second-moment-error",
    "second-moment-noise",
    "aa-truth",
    "aa-syn",
    "nearest-row-distance",
];

const fn key(section: &'static str, name: &'static str, allowed: &'static str, meaning: &'static str) -> Key {
    Key { section, name, allowed, words: &[], meaning }
}

const fn word(section: &'static str, name: &'static str, words: &'static [&'static str], meaning: &'static str) -> Key {
    Key { section, name, allowed: "one of the words", words, meaning }
}

/// Every key, in the order in which `rbm show` prints them.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("", "schema", "1, the version of this format", "version of this format"),
    key("", "name", "text of letters, digits, `-`, `_` and `.`, without a leading dot", "names the results folder"),
    Key {
        section: "data",
        name: "source",
        allowed: "a built-in name or a path (with a `/` or a suffix)",
        words: &["mnist", "fashion-mnist", "bars-and-stripes", "labeled-shifter"],
        meaning: "a built-in name, or a path relative to the config's folder",
    },
    key("data", "size", COUNT, "size of a generated set: 3 for bars and stripes, 8 for the shifter"),
    word("data", "binarization", &["threshold", "sample", "each-epoch", "none"], "how grey values become states"),
    key("data", "threshold", "a number from 0 to 1", "a grey value above it is a one"),
    key("data", "invert", BOOL, "whether every value x is replaced by 1 - x"),
    key("data", "rows", COUNT, "rows of the training set to use, from the first; all if absent"),
    key("data", "validation", WHOLE, "rows held out, the last of the shuffled training set; of mnist and fashion-mnist a sixth, 10000 of 60000"),
    key("data", "test", "the path of a file", "a file with test rows; MNIST brings its own"),
    key("data", "seed", WHOLE, "seed of the split and of sampled binarisation"),
    key("data", "key", "the name of an array or column", "array or column in a file that holds several"),
    key("model", "hidden", COUNT, "hidden units"),
    Key {
        section: "model",
        name: "init",
        allowed: "a word or the path of a weights file",
        words: &["normal", "uniform"],
        meaning: "starting weights: \"normal\", \"uniform\" or a weights file",
    },
    key("model", "init_std", RATE, "standard deviation of normal starting weights"),
    key("model", "init_range", RATE, "uniform starting weights lie within plus or minus this"),
    key("model", "init_biases", BOOL, "whether the biases are drawn like the weights"),
    word("model", "visible_bias", &["zero", "data"], "where visible biases start: at zero or at the data's log-odds"),
    word("model", "visible_sampling", &["bernoulli", "clamped-linear"], "the mathematics, or the article's listing"),
    word("model", "free_energy", &["softplus", "listing"], "the mathematics, or the article's listing"),
    word("train", "algorithm", &["cd", "pcd", "rdm", "pt", "exact", "expected-cd"], "the gradient's estimator"),
    key("train", "k", COUNT, "Gibbs steps of the negative phase"),
    key("train", "k_final", COUNT, "k in the last epoch"),
    word("train", "k_schedule", &["constant", "linear"], "how k goes to k_final"),
    key("train", "chains", COUNT, "chains apart from the batch (pcd, rdm; ladders of pt); if absent, as many as a full batch has rows"),
    key("train", "temperatures", "a whole number of at least 2, or a list of numbers that rise from 0 to 1", "inverse temperatures of pt, or how many from 0 to 1; 10 if absent"),
    key("train", "epochs", COUNT, "passes over the training rows"),
    key("train", "batch_size", COUNT, "rows a step"),
    key("train", "learning_rate", RATE, "step size, in nats a row"),
    key("train", "learning_rate_final", RATE, "learning rate in the last epoch"),
    word("train", "schedule", &["constant", "linear", "exponential"], "how the rate goes to learning_rate_final"),
    key("train", "momentum", SHARE, "share of the last update that is repeated"),
    key("train", "momentum_final", SHARE, "momentum from epoch momentum_switch on"),
    key("train", "momentum_switch", COUNT, "first epoch (from 1) with momentum_final"),
    key("train", "weight_decay", RATE, "L2 penalty on the weights, not on the biases"),
    key("train", "centred", BOOL, "whether gradients are centred by offsets near the data's means"),
    key("train", "offset_rate", "a number from 0 to 1", "share of a batch's means in the next offsets; 0.01 if absent"),
    word("train", "precision", &["f32", "f64"], "width of parameters and chains"),
    key("evaluate", "every", "a whole number of at least 1, or \"log\"", "epochs between evaluations, or \"log\""),
    Key {
        section: "evaluate",
        name: "metrics",
        allowed: "a list of words",
        words: &[
            "reconstruction-error",
            "free-energy-gap",
            "pseudo-likelihood",
            "norms",
            "gradient-bias",
            "mixing",
            "sample-quality",
        ],
        meaning: "what is measured",
    },
    word("evaluate", "log_z", &["auto", "exact", "ais", "reverse-ais", "trajectory", "none"], "how log Z is found; auto: by enumeration, where a layer has at most 20 units"),
    key("evaluate", "log_z_chains", "a whole number of at least 2", "chains of an estimate of log Z"),
    key("evaluate", "log_z_schedule", rbm_eval::log_z::SCHEDULES, "inverse temperatures of an estimate of log Z"),
    word("evaluate", "keep_best", METRICS, "the metric whose best epoch is kept as best.safetensors"),
    key("sweep", "seeds", "a whole number of at least 1, or a list of seeds", "how many seeds, or which"),
    word("run", "backend", &["flex", "ndarray", "wgpu", "wgpu:0", "wgpu:cpu"], "what computes; rbm backends --list"),
    word("run", "kernels", &["fused", "composed"], "fused: a half-step or an update in one pass; composed: burn's operations"),
    key("run", "batch_cells", AUTO, "cells of one shape that a worker computes side by side; auto: up to 64 on a GPU"),
    key("run", "workers", AUTO, "worker processes"),
    key("run", "threads", AUTO, "threads of each worker"),
    key("run", "seed", WHOLE, "seed of a single cell, and the first of sweep.seeds = N"),
    key("run", "checkpoint_every", AUTO, "epochs between checkpoints; auto: at an epoch's end when 10 s have passed"),
];

/// Looks a key up.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The names of a section's keys.
pub(super) fn names(section: &str) -> Vec<&'static str> {
    KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect()
}

/// The closest of `words`, if it is close enough to be meant.
pub(super) fn closest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Jaro-Winkler favours a common beginning; 0.8 keeps `k` from being taken for `chains`. In short words it misses
    // two swapped letters, which are one slip of the fingers.
    let score = |candidate: &str| {
        let one_slip = word.len() >= 3 && strsim::osa_distance(word, candidate) == 1;
        strsim::jaro_winkler(word, candidate).max(if one_slip { 0.9 } else { 0.0 })
    };
    let scored = words.into_iter().map(|candidate| (score(candidate), candidate)).filter(|(score, _)| *score >= 0.8);
    scored.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, candidate)| candidate)
}

/// The help for an unknown key: the closest name, where else the name is known, and what is allowed.
pub(super) fn help_for_unknown(section: &str, name: &str) -> String {
    let mut help = String::new();
    let elsewhere: Vec<&Key> = KEYS.iter().filter(|key| key.name == name).collect();
    if let Some(near) = closest(name, names(section)) {
        help.push_str(&format!("did you mean `{near}`? "));
    } else if let [only] = elsewhere[..] {
        help.push_str(&if only.section.is_empty() {
            format!("`{name}` belongs at the top of the file; ")
        } else {
            format!("`{name}` belongs in [{}]; ", only.section)
        });
    }
    let known = names(section).join(", ");
    help.push_str(&if section.is_empty() {
        format!("keys at the top: {known}; sections: {}", SECTIONS.join(", "))
    } else {
        format!("keys of [{section}]: {known}")
    });
    help
}
