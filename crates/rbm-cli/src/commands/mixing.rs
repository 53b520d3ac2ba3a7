//! `rbm mixing WEIGHTS`

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use rbm_data::Split;
use rbm_eval::mixing::{
    DISTANCE_OF_MEANS, Distance, Mixing, MixingConfig, MixingStage, PerObservable, RESOLVED, TOTAL_VARIATION,
    measure_mixing,
};
use rbm_model::{ModelConfig, Rbm};
use rbm_ops::BackendName;
use serde_json::{Value, json};

use crate::{
    arguments::{Json, Sets},
    commands::{
        DONE,
        evaluate::{SplitWord, load_split, visible_sampling},
    },
    context::{Context, Screen, print, print_json},
    diagnose::Failure,
    progress::{bar, spinner},
    text,
};

/// Measure how fast a machine's Gibbs chains mix
///
/// Follows the free energy, the means of both layers and the projection on the leading mode of the weights along many
/// chains, and prints autocorrelation times, effective samples a second and R-hat; the second eigenvalue of the Gibbs
/// kernel where both layers together have at most 26 units; and the sweeps until chains that start uniform, and with
/// --data also those that start at rows, are near the model, where its law or samples of it can be had by enumeration.
/// All times are in sweeps, a hidden and a visible half-step each. The same seed gives the same figures, but for those
/// per second.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm mixing weights.safetensors
  rbm mixing weights.safetensors --data configs/mnist.toml --json
  rbm mixing weights.safetensors --chains 200 --sweeps 20000 --seed 1")]
pub(crate) struct MixingArguments {
    /// The weights file
    weights: PathBuf,
    /// A config whose [data] section says at which rows chains start [default: all chains start uniform]
    #[arg(long, value_name = "CONFIG")]
    data: Option<PathBuf>,
    /// Which rows
    #[arg(long, default_value = "train", requires = "data")]
    split: SplitWord,
    /// How many chains, at least 2
    #[arg(long, value_name = "N", default_value_t = MixingConfig::default().chains)]
    chains: usize,
    /// Sweeps of each chain that count, after half as many that do not; also how far the model is looked for
    #[arg(long, value_name = "N", default_value_t = MixingConfig::default().sweeps)]
    sweeps: usize,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    sets: Sets,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &MixingArguments) -> Result<u8, Failure> {
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let data = match &arguments.data {
        Some(config) => Some(load_split(context, config, &arguments.sets.sets, arguments.split)?),
        None if arguments.sets.sets.is_empty() => None,
        None => return Err(Failure::refused("--set overrides a key of the config of --data, which is not given")),
    };
    let variants = ModelConfig { visible_sampling: visible_sampling(&stored), ..ModelConfig::default() };
    let device = rbm_ops::open(BackendName::Flex)?;
    let rbm = Rbm::new(&stored.parameters, &variants, stored.precision, &device);
    let config = MixingConfig {
        chains: arguments.chains,
        sweeps: arguments.sweeps,
        warm_up: arguments.sweeps / 2,
        search: arguments.sweeps,
        seed: arguments.seed,
    };
    let split = data.as_ref().map(|(_, split)| split);
    let mixing = measure(&context.screen, &rbm, split, &config)?;
    if arguments.json.json {
        let mut object = json!(mixing);
        if let Value::Object(map) = &mut object {
            map.insert("weights".into(), json!(arguments.weights));
            map.insert("data".into(), json!(data.as_ref().map(|(data, _)| &data.name)));
            map.insert("data_digest".into(), json!(data.as_ref().map(|(data, _)| &data.digest)));
            map.insert("split".into(), json!(data.as_ref().map(|_| arguments.split.word())));
        }
        print_json(&object)?;
        return Ok(DONE);
    }
    print(&as_text(&rbm, &mixing))?;
    Ok(DONE)
}

fn measure(screen: &Screen, rbm: &Rbm, data: Option<&Split>, config: &MixingConfig) -> Result<Mixing, Failure> {
    let mut shown: Option<(MixingStage, ProgressBar)> = None;
    let mixing = measure_mixing(rbm, data, config, &mut |stage, done, total| match &shown {
        Some((now, bar)) if *now == stage => bar.set_position(done),
        _ => {
            if let Some((_, bar)) = shown.take() {
                bar.finish_and_clear();
            }
            let next = match stage {
                MixingStage::Eigenvalue => spinner(screen, "second eigenvalue"),
                MixingStage::Chains => bar(screen, "sweeps", total),
                MixingStage::FromData => bar(screen, "sweeps from the data", total),
                MixingStage::FromRandom => bar(screen, "sweeps from uniform states", total),
            };
            shown = Some((stage, next));
        }
    });
    if let Some((_, bar)) = shown {
        bar.finish_and_clear();
    }
    Ok(mixing?)
}

fn as_text(rbm: &Rbm, mixing: &Mixing) -> String {
    let number = |value: Option<f64>| value.map_or("-".into(), text::number);
    let (tau, r_hat) = (mixing.tau.into_array(), mixing.r_hat.into_array());
    let ess = mixing.ess_per_second.into_array();
    let rows: Vec<Vec<String>> = PerObservable::<()>::NAMES
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let value = match &tau[at] {
                Some(tau) => format!("{} ± {}", text::number(tau.value), text::number(tau.stderr)),
                None => "not resolved".into(),
            };
            vec![(*name).to_owned(), value, number(ess[at]), number(r_hat[at])]
        })
        .collect();
    let headings = ["observable", "autocorrelation time, sweeps", "effective samples per second", "R-hat"];
    let mut out = format!(
        "{} visible and {} hidden units, {} chains of {} sweeps after {}\n{}",
        rbm.visible(),
        rbm.hidden(),
        text::count(mixing.chains),
        text::count(mixing.sweeps),
        text::count(mixing.warm_up),
        text::table(&headings, &rows),
    );
    if tau.iter().any(Option::is_none) {
        let longest = mixing.sweeps as f64 / RESOLVED;
        out.push_str(&format!(
            "not resolved: either it never changes, or its time is above about {longest} sweeps: try more --sweeps\n"
        ));
    }
    out.push_str(&match mixing.lambda2 {
        Some(lambda2) => format!("lambda2 {lambda2:.12}, exact\n"),
        None => "lambda2 not found: it is exact or nothing\n".into(),
    });
    let found = &mixing.sweeps_to_model;
    let sweeps = |value: Option<usize>| value.map_or("-".into(), text::count);
    let rule = match found.distance {
        Some(Distance::TotalVariation) => format!("total variation at most {TOTAL_VARIATION}"),
        Some(Distance::MeansOfObservables) => {
            format!("means of the observables within {DISTANCE_OF_MEANS} standard deviations")
        }
        None => "not measured".into(),
    };
    out.push_str(&format!(
        "sweeps to the model: {} from the data, {} from uniform states ({rule})\n",
        sweeps(found.data),
        sweeps(found.random),
    ));
    if let Some(reason) = &found.reason {
        out.push_str(&format!("  {reason}\n"));
    }
    out
}
