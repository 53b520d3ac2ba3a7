//! `rbm sample WEIGHTS --rows N --steps N --out FILE`

use std::path::PathBuf;

use clap::Args;
use rbm_model::{ModelConfig, Precision, Rbm, VisibleSampling, exact, sample_chains, weights_file::StoredWeights};
use rbm_ops::BackendName;
use rbm_report::{ImageGrid, image_grid_png};

use crate::{
    commands::{DONE, evaluate::visible_sampling},
    context::{Context, check_output, print},
    diagnose::Failure,
    files::{has_suffix, write_npy},
    progress::bar,
    text,
};

/// Pixels of the picture for each visible unit, at most: small images are drawn larger.
const PICTURE_WIDTH: usize = 600;

/// The states of all chains together are no more than this.
const LARGEST: usize = 1 << 31;

/// Draw samples from a machine
///
/// Runs Gibbs chains that start uniform over all states and writes where they are after --steps steps; or, with
/// --exact, independent samples of the model's own law, where one layer has at most 22 units. The file is an array of
/// u8, 0 or 1, [rows, visible] (.npy), or a picture (.png). The same seed gives the same samples.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm sample weights.safetensors --rows 64 --steps 1000 --out samples.png
  rbm sample weights.safetensors --rows 10000 --steps 1000 --out samples.npy --seed 1
  rbm sample weights.safetensors --rows 10000 --exact --out samples.npy")]
pub(crate) struct SampleArguments {
    /// The weights file
    weights: PathBuf,
    /// How many samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Gibbs steps of each chain
    #[arg(long, value_name = "N", required_unless_present = "exact", conflicts_with = "exact")]
    steps: Option<u64>,
    /// Where to write them: a file that ends in .npy or .png
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Sample the model's law itself, by enumeration
    #[arg(long)]
    exact: bool,
    /// What computes: flex, ndarray or wgpu
    #[arg(long, value_name = "NAME", default_value = "flex")]
    backend: BackendName,
    /// Lines and columns of the picture of a sample [default: a square]
    #[arg(long, value_name = "HEIGHTxWIDTH", value_parser = parse_shape)]
    shape: Option<(usize, usize)>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &SampleArguments) -> Result<u8, Failure> {
    let (npy, png) = (has_suffix(&arguments.out, "npy"), has_suffix(&arguments.out, "png"));
    if !npy && !png {
        let message = format!("--out {}: expected a file that ends in .npy or .png", arguments.out.display());
        return Err(Failure::refused(message));
    }
    check_output(&arguments.out)?;
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let visible = stored.parameters.visible();
    let units = visible.max(stored.parameters.hidden());
    if arguments.rows as usize > LARGEST / units {
        let most = text::count(LARGEST / units);
        return Err(Failure::refused(format!("--rows {}: expected at most {most} for {units} units", arguments.rows)));
    }
    let shape = if png { Some(picture_shape(arguments.shape, visible)?) } else { None };
    let states = if arguments.exact { exactly(&stored, arguments)? } else { by_chains(context, &stored, arguments)? };
    match shape {
        Some((height, width)) => {
            let images = states.chunks_exact(visible).map(|row| row.iter().map(|&unit| f32::from(unit)).collect());
            let grid = ImageGrid::unit(height, width, images.collect());
            let across = (arguments.rows as f64).sqrt().ceil() as usize * (width + 1);
            let bytes = image_grid_png(&grid, (PICTURE_WIDTH / across.max(1)).clamp(1, 16))?;
            rbm_store::write_atomically(&arguments.out, &bytes)?;
        }
        None => write_npy(&arguments.out, &[u64::from(arguments.rows), visible as u64], states)?,
    }
    let rows = text::count(arguments.rows as usize);
    print(&format!("{}: {rows} samples of {visible} units\n", arguments.out.display()))?;
    Ok(DONE)
}

fn exactly(stored: &StoredWeights, arguments: &SampleArguments) -> Result<Vec<u8>, Failure> {
    if visible_sampling(stored) != VisibleSampling::Bernoulli {
        let message = format!("{}: --exact: its visible units are clamped-linear", arguments.weights.display());
        return Err(Failure::refused(message).with_help("use --steps: the law of such chains is not enumerated"));
    }
    Ok(exact::sample(&stored.parameters, arguments.rows as usize, arguments.seed)?)
}

fn by_chains(context: &Context, stored: &StoredWeights, arguments: &SampleArguments) -> Result<Vec<u8>, Failure> {
    let steps = arguments.steps.unwrap_or(0);
    let device = rbm_ops::open(arguments.backend)?;
    let precision = if arguments.backend.has_f64() { stored.precision } else { Precision::F32 };
    let variants = ModelConfig { visible_sampling: visible_sampling(stored), ..ModelConfig::default() };
    let rbm = Rbm::new(&stored.parameters, &variants, precision, &device);
    let bar = bar(&context.screen, "Gibbs steps", steps);
    let states = sample_chains(&rbm, arguments.rows as usize, steps, arguments.seed, |step| bar.set_position(step));
    let data = states.try_into_data().map_err(|error| format!("{error:?}"));
    let values =
        data.and_then(|data| data.convert::<f32>().try_into_vec::<f32>().map_err(|error| format!("{error:?}")));
    bar.finish_and_clear();
    let values =
        values.map_err(|error| Failure::machine(format!("failed to read samples from the device: {error}")))?;
    Ok(values.into_iter().map(|value| u8::from(value > 0.5)).collect())
}

fn picture_shape(given: Option<(usize, usize)>, visible: usize) -> Result<(usize, usize), Failure> {
    let side = visible.isqrt();
    match given {
        Some((height, width)) if height * width == visible => Ok((height, width)),
        Some((height, width)) => Err(Failure::refused(format!(
            "--shape {height}x{width}: expected {visible} pixels, as many as visible units, not {}",
            height * width
        ))),
        None if side * side == visible => Ok((side, side)),
        None => Err(Failure::refused(format!("{visible} visible units make no square picture"))
            .with_help("say how to show them with --shape HEIGHTxWIDTH, or write .npy")),
    }
}

fn parse_shape(word: &str) -> Result<(usize, usize), String> {
    let parts = word.split_once('x').and_then(|(height, width)| Some((height.parse().ok()?, width.parse().ok()?)));
    match parts {
        Some((height, width)) if (1..=65_535).contains(&height) && (1..=65_535).contains(&width) => Ok((height, width)),
        _ => Err("expected lines and columns, as 28x28".into()),
    }
}
