//! `rbm bias WEIGHTS --data CONFIG`

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use clap::Args;
use indicatif::ProgressBar;
use rbm_eval::bias::{Bias, BiasMethod, BiasSettings, Measured, Stage, bounds::VACUOUS, measure_bias, method_for};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm, exact, gradients_file};
use rbm_ops::BackendName;

use crate::{
    arguments::{Json, Sets},
    commands::{
        DONE,
        evaluate::{SplitWord, load_split, visible_sampling},
    },
    context::{Context, Screen, check_output, print, print_json},
    diagnose::Failure,
    progress::{bar, spinner},
    text::{self, number},
};

/// From here on the time that enumeration takes is said before it starts.
const SLOW_UNITS: usize = 26;
/// Exact moments take this many times as long as log Z alone, roughly: two passes, the second with products for each
/// state.
const PASSES: f64 = 3.0;

/// Chains whose R-hat is above this do not agree (Gelman et al. 2013, section 11.5, ask for 1.1 at most; stricter
/// here).
const GOOD_R_HAT: f64 = 1.05;

/// Measure the bias of CD-k
///
/// Compares the expected gradient of contrastive divergence after k Gibbs steps with the gradient of the mean
/// log-likelihood, on all rows of the split, and shows what published bounds say of the largest component.
///
/// Where both layers have at most 26 units together, all is exact. Where the smaller layer has at most 32, the
/// likelihood's gradient is exact and the expectation of CD-k comes from independent chains, with its standard error:
/// squared norms are inner products of two halves of the chains, and signs count beyond 3 standard errors. Beyond that
/// the model's moments come from long tempered chains, whose R-hat is reported: a reference, and no truth.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm bias weights.safetensors --data configs/bars-and-stripes.toml --k 1,2,5,10
  rbm bias weights.safetensors --data configs/mnist.toml --k 1,10 --stderr 0.005 --json
  rbm bias weights.safetensors --data configs/quick.toml --k 1 --out gradients.safetensors")]
pub(crate) struct BiasArguments {
    /// The weights file
    weights: PathBuf,
    /// The config whose [data] section says where rows come from; its other sections are not read
    #[arg(long, value_name = "CONFIG")]
    data: PathBuf,
    /// Which rows
    #[arg(long, default_value = "train")]
    split: SplitWord,
    /// Numbers of Gibbs steps, as 1,2,5
    #[arg(long, value_name = "LIST", value_parser = parse_ks)]
    k: Ks,
    /// Write the gradients too: a file that ends in .safetensors, with exact.weights, cd_1.weights and so on, in f64
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// By chains: go on until the norm's standard error is this share of the exact gradient's norm
    #[arg(long, value_name = "R", default_value_t = BiasSettings::default().stderr)]
    stderr: f64,
    /// By chains: the most of them
    #[arg(long, value_name = "N", default_value_t = BiasSettings::default().chains)]
    chains: u64,
    /// Of a machine that is not enumerated: sweeps of the tempered chains that give the model's moments
    #[arg(long, value_name = "N", default_value_t = BiasSettings::default().reference_sweeps)]
    sweeps: u64,
    /// Seed of the chains
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What runs the chains: flex, ndarray or wgpu
    #[arg(long, value_name = "NAME", default_value = "flex")]
    backend: BackendName,
    #[command(flatten)]
    sets: Sets,
    #[command(flatten)]
    json: Json,
}

/// Numbers of Gibbs steps, ascending.
#[derive(Clone, Debug)]
struct Ks(Vec<u32>);

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BiasArguments) -> Result<u8, Failure> {
    if let Some(out) = &arguments.out {
        if !crate::files::has_suffix(out, "safetensors") {
            let message = format!("--out {}: expected a file that ends in .safetensors", out.display());
            return Err(Failure::refused(message));
        }
        check_output(out)?;
    }
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let parameters = &stored.parameters;
    let sampling = visible_sampling(&stored);
    let method = method_for(parameters, sampling);
    let (data, split) = load_split(context, &arguments.data, &arguments.sets.sets, arguments.split)?;
    let settings = BiasSettings {
        ks: arguments.k.0.clone(),
        method: Some(method),
        stderr: arguments.stderr,
        chains: arguments.chains,
        reference_sweeps: arguments.sweeps,
        seed: arguments.seed,
    };
    let device = rbm_ops::open(arguments.backend)?;
    let precision = if arguments.backend.has_f64() { stored.precision } else { Precision::F32 };
    let variants = ModelConfig { visible_sampling: sampling, ..ModelConfig::default() };
    let rbm = Rbm::new(parameters, &variants, precision, &device);
    if method == BiasMethod::Enumerated {
        announce(&context.screen, parameters)?;
    }
    let bars = Bars::new(&context.screen, parameters, &settings, method);
    let measured = measure_bias(&rbm, parameters, sampling, &split, &settings, &|stage, done, _| {
        bars.advance(stage, done);
    });
    bars.clear();
    let measured = measured?;
    if let Some(out) = &arguments.out {
        write_gradients(out, &measured)?;
    }
    for row in measured.rows.iter().filter(|row| row.stderr_reached == Some(false)) {
        let chains = text::count(row.chains.unwrap_or(0) as usize);
        context.screen.warn(&format!(
            "k = {}: {chains} chains were too few for a standard error of {} of the gradient's norm; allow more with --chains",
            row.k,
            number(arguments.stderr)
        ));
    }
    let r_hat = measured.rows.first().and_then(|row| row.reference_r_hat).filter(|r_hat| *r_hat > GOOD_R_HAT);
    if let Some(r_hat) = r_hat {
        context.screen.warn(&format!(
            "the tempered chains that stand for the model have R-hat {}, above {GOOD_R_HAT}: they do not agree yet; more --sweeps",
            number(r_hat)
        ));
    }
    if arguments.json.json {
        print_json(&measured.rows)?;
        return Ok(DONE);
    }
    print(&format!(
        "{} visible and {} hidden units on {} {} rows of {}; {}\n{}{}",
        parameters.visible(),
        parameters.hidden(),
        text::count(split.len()),
        arguments.split.word(),
        data.name,
        described(method, &measured),
        table(&measured.rows),
        EXPLANATION,
    ))?;
    Ok(DONE)
}

/// What columns mean, for those who see them for the first time.
const EXPLANATION: &str = "\
bias: norm of the expected CD-k gradient minus the likelihood's; relative: that over the norm of the likelihood's gradient
bounds hold for the largest component, and are vacuous from 1 on, because statistics lie in [0, 1]\n";

/// Says how long a long enumeration will take.
fn announce(screen: &Screen, parameters: &Parameters) -> Result<(), Failure> {
    let units = parameters.visible().min(parameters.hidden());
    if units > SLOW_UNITS {
        let seconds = PASSES * exact::estimated_seconds(parameters)?;
        screen.note(&format!("enumerating 2^{units} states takes about {}", text::seconds(seconds)));
    }
    Ok(())
}

fn described(method: BiasMethod, measured: &Measured) -> String {
    match method {
        BiasMethod::Exact => "exact".into(),
        BiasMethod::Enumerated => format!("model enumerated, {} chains", chains(measured)),
        BiasMethod::Reference => {
            let r_hat = measured.rows.first().and_then(|row| row.reference_r_hat);
            let r_hat = r_hat.map_or("unknown".into(), number);
            format!("model by tempered chains (R-hat {r_hat}), {} chains", chains(measured))
        }
    }
}

fn chains(measured: &Measured) -> String {
    text::count(measured.rows.first().and_then(|row| row.chains).unwrap_or(0) as usize)
}

fn write_gradients(out: &std::path::Path, measured: &Measured) -> Result<(), Failure> {
    let names: Vec<String> = measured.rows.iter().map(|row| format!("cd_{}", row.k)).collect();
    let cd = names.iter().map(String::as_str).zip(&measured.cd);
    let bytes = gradients_file::to_bytes(std::iter::once(("exact", &measured.exact)).chain(cd))
        .map_err(|reason| Failure::machine(format!("failed to write {}: {reason}", out.display())))?;
    Ok(rbm_store::write_atomically(out, &bytes)?)
}

/// One line a k; columns that no row has a value in are left out.
fn table(rows: &[Bias]) -> String {
    let plain = |value: Option<f64>| value.map_or("-".into(), number);
    let bound = |value: Option<f64>| match value {
        Some(value) if value >= VACUOUS => format!("{} vacuous", number(value)),
        value => plain(value),
    };
    let noisy = |row: &Bias, value: Option<f64>| {
        if row.below_noise { "below noise".into() } else { plain(value) }
    };
    type Column<'a> = (&'a str, Box<dyn Fn(&Bias) -> String + 'a>);
    let columns: Vec<Column<'_>> = vec![
        ("k", Box::new(|row| row.k.to_string())),
        ("bias", Box::new(|row| noisy(row, row.bias_norm))),
        ("stderr", Box::new(|row| plain(row.stderr))),
        ("relative", Box::new(|row| plain(row.relative_bias))),
        ("cosine", Box::new(|row| plain(row.cosine))),
        ("wrong signs", Box::new(|row| plain(row.wrong_sign_fraction))),
        ("total variation", Box::new(|row| plain(row.total_variation))),
        ("KL", Box::new(|row| plain(row.kl))),
        ("chi-squared", Box::new(|row| plain(row.chi_squared))),
        ("largest", Box::new(|row| plain(row.bias_max))),
        ("spectral bound", Box::new(|row| bound(row.bound_spectral))),
        ("Fischer & Igel", Box::new(|row| bound(Some(row.bound_fischer_igel)))),
        ("Bengio & Delalleau", Box::new(|row| bound(Some(row.bound_bengio_delalleau)))),
    ];
    let shown: Vec<&Column<'_>> = columns.iter().filter(|(_, cell)| rows.iter().any(|row| cell(row) != "-")).collect();
    let headings: Vec<&str> = shown.iter().map(|(heading, _)| *heading).collect();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| shown.iter().map(|(_, cell)| cell(row)).collect()).collect();
    let mut text = text::table(&headings, &cells);
    if let Some(lambda2) = rows.first().and_then(|row| row.lambda2) {
        text.push_str(&format!("second eigenvalue of the Gibbs kernel: {}\n", number(lambda2)));
    }
    text
}

/// One bar after another.
struct Bars {
    states: ProgressBar,
    steps: ProgressBar,
    sweeps: ProgressBar,
    chains: ProgressBar,
    /// States come from several threads, and not in order.
    most: AtomicU64,
}

impl Bars {
    fn new(screen: &Screen, parameters: &Parameters, settings: &BiasSettings, method: BiasMethod) -> Self {
        let last = u64::from(settings.ks.last().copied().unwrap_or(0));
        let states = 2_u64 << parameters.visible().min(parameters.hidden()).min(62);
        let hidden = ProgressBar::hidden;
        let mut bars =
            Self { states: hidden(), steps: hidden(), sweeps: hidden(), chains: hidden(), most: AtomicU64::new(0) };
        match method {
            BiasMethod::Exact if last > 1 => bars.steps = bar(screen, "Gibbs steps", last),
            BiasMethod::Exact => bars.steps = spinner(screen, "one step"),
            BiasMethod::Enumerated => bars.states = bar(screen, "states", states),
            BiasMethod::Reference => bars.sweeps = bar(screen, "sweeps of the reference", settings.reference_sweeps),
        }
        if method != BiasMethod::Exact {
            bars.chains = bar(screen, "chains, at most", settings.chains);
        }
        bars
    }

    fn advance(&self, stage: Stage, done: u64) {
        match stage {
            Stage::States => self.states.set_position(self.most.fetch_max(done, Ordering::Relaxed).max(done)),
            Stage::Steps => self.steps.set_position(done),
            Stage::Sweeps => self.sweeps.set_position(done),
            Stage::Chains => self.chains.set_position(done),
        }
    }

    fn clear(&self) {
        for bar in [&self.states, &self.steps, &self.sweeps, &self.chains] {
            bar.finish_and_clear();
        }
    }
}

fn parse_ks(words: &str) -> Result<Ks, String> {
    let mut ks = Vec::new();
    for word in words.split(',') {
        match word.trim().parse::<u32>() {
            Ok(k) if (1..1 << 20).contains(&k) => ks.push(k),
            _ => return Err(format!("expected whole numbers from 1 to 1048575, as 1,2,5, not {:?}", word.trim())),
        }
    }
    ks.sort_unstable();
    match ks.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("{} is given twice", pair[0])),
        None => Ok(Ks(ks)),
    }
}
