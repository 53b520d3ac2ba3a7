//! `rbm evaluate WEIGHTS --data CONFIG`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rbm_data::{Dataset, Split};
use rbm_eval::{Evaluation, draw_samples, evaluate_split_with, log_z::LogZEstimate, nearest_rows, sample_quality};
use rbm_model::{VisibleSampling, weights_file::StoredWeights};
use rbm_runner::DataSection;
use serde_json::{Map, Value, json};

use crate::{
    arguments::{Json, Sets},
    commands::{
        DONE,
        log_z::{LogZArguments, estimate_rows, method_word},
    },
    context::{Context, print, print_json},
    diagnose::Failure,
    progress::{FetchBar, spinner},
    text,
};

/// Measure a machine on a data set
///
/// Reads a weights file (safetensors with weights, visible_bias and hidden_bias; F32 or F64) and the [data] section of
/// a config, and prints means per row, in nats, computed in f64 on all rows of the split; the pseudo-likelihood is
/// exact. Log Z is found by enumeration where one layer has at most 20 units, or as --log-z says; of an estimate the
/// intervals are printed, and whether an independent run says that they can be trusted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm evaluate results/quick-0123456789ab/runs/cell/weights.safetensors --data configs/quick.toml
  rbm evaluate weights.safetensors --data configs/mnist.toml --split test --json
  rbm evaluate weights.safetensors --data configs/mnist.toml --set data.binarization=sample
  rbm evaluate weights.safetensors --data configs/mnist.toml --log-z ais --schedule salakhutdinov-murray
  rbm evaluate weights.safetensors --data configs/mnist.toml --against best.safetensors")]
pub(crate) struct EvaluateArguments {
    /// The weights file
    weights: PathBuf,
    /// The config whose [data] section says where rows come from; its other sections are not read
    #[arg(long, value_name = "CONFIG")]
    data: PathBuf,
    /// Which rows
    #[arg(long, default_value = "train")]
    split: SplitWord,
    /// Also find how far log Z and the likelihood are above those of another machine, without two large errors
    #[arg(long, value_name = "WEIGHTS")]
    against: Option<PathBuf>,
    /// Also draw so many samples, and compare them with the split's rows: moments, nearest neighbours, repeats
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    samples: Option<u32>,
    /// Gibbs steps from uniform states to each sample
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "samples")]
    sample_steps: u64,
    #[command(flatten)]
    log_z: LogZArguments,
    #[command(flatten)]
    sets: Sets,
    #[command(flatten)]
    json: Json,
}

/// A split on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitWord {
    /// The training rows
    Train,
    /// The rows held out of them
    Validation,
    /// The test rows
    Test,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &EvaluateArguments) -> Result<u8, Failure> {
    arguments.log_z.check(arguments.against.is_some())?;
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let other = arguments.against.as_ref().map(|path| rbm_model::weights_file::read(path)).transpose()?;
    let (data, split) = load_split(context, &arguments.data, &arguments.sets.sets, arguments.split)?;
    let found = arguments.log_z.find(context, &stored, &data.train, &split)?;
    let bar = spinner(&context.screen, &format!("evaluating {} rows", text::count(split.len())));
    let evaluation = evaluate_split_with(&stored.parameters, visible_sampling(&stored), &split, found.value);
    bar.finish_and_clear();
    let evaluation = evaluation?;
    let difference = match &other {
        Some(other) => Some(Difference::find(context, arguments, &stored, other, &data, &split, &evaluation)?),
        None => None,
    };
    let quality = match arguments.samples {
        Some(count) => {
            let rbm = arguments.log_z.machine(&stored, visible_sampling(&stored))?;
            let bar = spinner(&context.screen, &format!("drawing {} samples", text::count(count as usize)));
            let seed = arguments.log_z.seed();
            let samples = draw_samples(&rbm, count as usize, arguments.sample_steps, seed, 0);
            bar.finish_and_clear();
            let samples = samples?;
            Some((sample_quality(&samples, &split, seed, 0)?, nearest_rows(&samples, &data.train)?))
        }
        None => None,
    };
    let word = arguments.split.word();
    if arguments.json.json {
        let mut object = json!(evaluation);
        if let Value::Object(map) = &mut object {
            map.insert("weights".into(), json!(arguments.weights));
            map.insert("data".into(), json!(data.name));
            map.insert("data_digest".into(), json!(data.digest));
            map.insert("split".into(), json!(word));
            add_estimate(map, "", found.estimate.as_ref(), found.seconds);
            if let Some((quality, nearest_train)) = &quality {
                map.insert("sample_quality".into(), json!(quality));
                map.insert("nearest_train".into(), json!(nearest_train));
            }
            if let Some(difference) = &difference {
                map.insert("against".into(), json!(arguments.against));
                map.insert("log_z_difference".into(), json!(difference.log_z));
                map.insert("mean_log_likelihood_difference".into(), json!(difference.mean_log_likelihood));
                add_estimate(map, "difference_", difference.estimate.as_ref(), difference.seconds);
            }
        }
        print_json(&object)?;
        return Ok(DONE);
    }
    let row = |name: &str, value: Option<f64>, unit: &str| {
        vec![name.to_owned(), value.map_or("-".into(), |value| format!("{value:.6}")), unit.to_owned()]
    };
    let mut rows = vec![row("log_z", evaluation.log_z, &format!("nats, {}", method_word(evaluation.log_z_method)))];
    if let Some(estimate) = &found.estimate {
        rows.extend(estimate_rows("log_z", estimate, found.seconds));
    }
    rows.extend([
        row("mean_log_likelihood", evaluation.mean_log_likelihood, "nats per row"),
        row("mean_free_energy", Some(evaluation.mean_free_energy), "nats per row"),
        row("pseudo_likelihood", Some(evaluation.pseudo_likelihood), "nats per row, exact"),
        row("reconstruction_error", Some(evaluation.reconstruction_error), "squared, per unit"),
        row("reconstruction_cross_entropy", evaluation.reconstruction_cross_entropy, "nats per row"),
        row("saturated_hidden", Some(evaluation.saturated_hidden), "share of hidden units"),
        row("weight_norm", Some(evaluation.weight_norm), ""),
    ]);
    if let Some(difference) = &difference {
        let method = if difference.estimate.is_some() { "nats, annealed between the two" } else { "nats, exact" };
        rows.push(row("log_z_difference", Some(difference.log_z), method));
        if let Some(estimate) = &difference.estimate {
            rows.extend(estimate_rows("log_z_difference", estimate, difference.seconds));
        }
        let unit = "nats per row, above the other machine";
        rows.push(row("mean_log_likelihood_difference", Some(difference.mean_log_likelihood), unit));
    }
    if let Some((quality, nearest_train)) = &quality {
        let aa = format!("+-{:.4} if both are of one law", quality.adversarial.deviation);
        rows.extend([
            row(
                "first_moment_error",
                Some(quality.first_moment_error),
                &format!("noise floor {:.6}", quality.first_moment_noise),
            ),
            row(
                "second_moment_error",
                Some(quality.second_moment_error),
                &format!("noise floor {:.6}", quality.second_moment_noise),
            ),
            row("aa_truth", Some(quality.adversarial.truth), &aa),
            row("aa_syn", Some(quality.adversarial.synthetic), &aa),
            row(
                "nearest_row",
                Some(quality.nearest.distance),
                &format!("units, to {word} rows; {:.4} are repeats", quality.nearest.repeats),
            ),
            row(
                "nearest_train_row",
                Some(nearest_train.distance),
                &format!("units, to train rows; {:.4} are repeats", nearest_train.repeats),
            ),
        ]);
    }
    print(&format!(
        "{} visible and {} hidden units on {} {word} rows of {}\n{}",
        evaluation.visible,
        evaluation.hidden,
        text::count(evaluation.rows),
        data.name,
        text::table(&["measure", "value", ""], &rows),
    ))?;
    Ok(DONE)
}

/// What is known of an estimate, `null` where there is none.
fn add_estimate(map: &mut Map<String, Value>, prefix: &str, estimate: Option<&LogZEstimate>, seconds: f64) {
    let names = [
        "log_z_interval_1s",
        "log_z_interval_3s",
        "log_z_stderr",
        "ess",
        "chains",
        "temperatures",
        "trust",
        "trust_reason",
    ];
    let values = estimate.map_or(Value::Null, |estimate| json!(estimate));
    for name in names {
        map.insert(format!("{prefix}{name}"), values.get(name).cloned().unwrap_or(Value::Null));
    }
    map.insert(format!("{prefix}seconds"), json!(seconds));
}

/// How far a machine is above another.
struct Difference {
    log_z: f64,
    mean_log_likelihood: f64,
    estimate: Option<LogZEstimate>,
    seconds: f64,
}

impl Difference {
    fn find(
        context: &Context,
        arguments: &EvaluateArguments,
        stored: &StoredWeights,
        other: &StoredWeights,
        data: &Dataset,
        split: &Split,
        evaluation: &Evaluation,
    ) -> Result<Self, Failure> {
        let (log_z, estimate, seconds) = arguments.log_z.find_difference(context, stored, other, &data.train)?;
        let theirs = evaluate_split_with(&other.parameters, visible_sampling(other), split, None)?;
        let mean_log_likelihood = theirs.mean_free_energy - evaluation.mean_free_energy - log_z;
        Ok(Self { log_z, mean_log_likelihood, estimate, seconds })
    }
}

/// Loads the `[data]` section of a config and takes one split of it.
pub(crate) fn load_split(
    context: &Context,
    config: &Path,
    sets: &[String],
    split: SplitWord,
) -> Result<(Dataset, Split), Failure> {
    let data = load_data(context, &DataSection::load(config, sets)?)?;
    let rows = match split {
        SplitWord::Train => Some(data.train.clone()),
        SplitWord::Validation => data.validation.clone(),
        SplitWord::Test => data.test.clone(),
    };
    let Some(rows) = rows else {
        let there = [("train", true), ("validation", data.validation.is_some()), ("test", data.test.is_some())];
        let there: Vec<&str> = there.into_iter().filter_map(|(word, there)| there.then_some(word)).collect();
        let key = if split == SplitWord::Test { "data.test" } else { "data.validation" };
        let message = format!("{}: {key}: these data have no {} rows", config.display(), split.word());
        return Err(Failure::refused(message).with_help(format!("--split takes one of: {}", there.join(", "))));
    };
    Ok((data, rows))
}

/// Loads a data set, with a bar if it must be fetched.
pub(crate) fn load_data(context: &Context, section: &DataSection) -> Result<Dataset, Failure> {
    let progress = FetchBar::new(&context.screen);
    let data = rbm_data::load(&section.config, Path::new(""), &context.folders, &progress);
    data.map_err(|error| section.refuse(error).into())
}

/// How the machine's visible units are drawn: as the config in its weights file says, else by the mathematics.
pub(crate) fn visible_sampling(stored: &StoredWeights) -> VisibleSampling {
    let config: Option<Value> = stored.config.as_ref().and_then(|config| serde_json::from_str(config).ok());
    let word = config.and_then(|config| config.get("model")?.get("visible_sampling").cloned());
    word.and_then(|word| serde_json::from_value(word).ok()).unwrap_or_default()
}

impl SplitWord {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}
