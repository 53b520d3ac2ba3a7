//! `rbm evaluate WEIGHTS --data CONFIG`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rbm_data::{Dataset, Split};
use rbm_eval::{LogZ, LogZMethod, evaluate_split};
use rbm_model::{VisibleSampling, weights_file::StoredWeights};
use rbm_runner::DataSection;
use serde_json::{Value, json};

use crate::{
    arguments::{Json, Sets},
    commands::DONE,
    context::{Context, print, print_json},
    diagnose::Failure,
    progress::{FetchBar, spinner},
    text,
};

/// Measure a machine on a data set
///
/// Reads a weights file (safetensors with weights, visible_bias and hidden_bias; F32 or F64) and the [data] section of a
/// config, and prints means per row, in nats, computed in f64 on all rows of the split. Log Z is found by enumeration where
/// one layer has at most 20 units; the pseudo-likelihood is exact.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm evaluate results/quick-0123456789ab/runs/cell/weights.safetensors --data configs/quick.toml
  rbm evaluate weights.safetensors --data configs/mnist.toml --split test --json
  rbm evaluate weights.safetensors --data configs/mnist.toml --set data.binarization=sample")]
pub(crate) struct EvaluateArguments {
    /// The weights file
    weights: PathBuf,
    /// The config whose [data] section says where rows come from; its other sections are not read
    #[arg(long, value_name = "CONFIG")]
    data: PathBuf,
    /// Which rows
    #[arg(long, default_value = "train")]
    split: SplitWord,
    /// How to find log Z [default: exact where a layer has at most 20 units, else none]
    #[arg(long, value_name = "METHOD")]
    log_z: Option<LogZWord>,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogZWord {
    /// By enumeration of the smaller layer
    Exact,
    /// Not at all
    None,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &EvaluateArguments) -> Result<u8, Failure> {
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let (data, split) = load_split(context, &arguments.data, &arguments.sets.sets, arguments.split)?;
    let log_z = match arguments.log_z {
        None => LogZ::Auto,
        Some(LogZWord::Exact) => LogZ::Exact,
        Some(LogZWord::None) => LogZ::None,
    };
    let bar = spinner(&context.screen, &format!("evaluating {} rows", text::count(split.len())));
    let evaluation = evaluate_split(&stored.parameters, visible_sampling(&stored), &split, log_z);
    bar.finish_and_clear();
    let evaluation = evaluation?;
    let word = arguments.split.word();
    if arguments.json.json {
        let mut object = json!(evaluation);
        if let Value::Object(map) = &mut object {
            map.insert("weights".into(), json!(arguments.weights));
            map.insert("data".into(), json!(data.name));
            map.insert("data_digest".into(), json!(data.digest));
            map.insert("split".into(), json!(word));
        }
        print_json(&object)?;
        return Ok(DONE);
    }
    let method = match evaluation.log_z_method {
        LogZMethod::Exact => "exact, nats",
        LogZMethod::None => "not found",
    };
    let row = |name: &str, value: Option<f64>, unit: &str| {
        vec![name.to_owned(), value.map_or("-".into(), |value| format!("{value:.6}")), unit.to_owned()]
    };
    let rows = [
        row("log_z", evaluation.log_z, method),
        row("mean_log_likelihood", evaluation.mean_log_likelihood, "nats per row"),
        row("mean_free_energy", Some(evaluation.mean_free_energy), "nats per row"),
        row("pseudo_likelihood", Some(evaluation.pseudo_likelihood), "nats per row, exact"),
        row("reconstruction_error", Some(evaluation.reconstruction_error), "squared, per unit"),
        row("reconstruction_cross_entropy", evaluation.reconstruction_cross_entropy, "nats per row"),
        row("saturated_hidden", Some(evaluation.saturated_hidden), "share of hidden units"),
        row("weight_norm", Some(evaluation.weight_norm), ""),
    ];
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
