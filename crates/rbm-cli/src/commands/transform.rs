//! `rbm transform WEIGHTS --data CONFIG --out FILE.npy`

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use rbm_data::Split;
use rbm_model::{Parameters, Precision};
use rbm_ops::scalar::sigmoid;

use crate::{
    arguments::Sets,
    commands::{
        DONE,
        evaluate::{SplitWord, load_split},
    },
    context::{Context, check_output, print},
    diagnose::Failure,
    files::{has_suffix, labels_path, write_npy},
    progress::bar,
    text,
};

/// Rows that are computed between two looks at the bar.
const CHUNK: usize = 1000;

/// Turn rows into hidden probabilities
///
/// Writes p(h = 1 | v) for each row of the split as an array [rows, hidden] (.npy), in the width of the weights file; and,
/// where the rows have labels, those as u32 beside it: FILE-labels.npy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm transform weights.safetensors --data configs/mnist.toml --out train.npy
  rbm transform weights.safetensors --data configs/mnist.toml --split test --out test.npy
  python3 -c 'import numpy; print(numpy.load(\"test.npy\").shape, numpy.load(\"test-labels.npy\")[:5])'")]
pub(crate) struct TransformArguments {
    /// The weights file
    weights: PathBuf,
    /// The config whose [data] section says where rows come from; its other sections are not read
    #[arg(long, value_name = "CONFIG")]
    data: PathBuf,
    /// Where to write them: a file that ends in .npy
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Which rows
    #[arg(long, default_value = "train")]
    split: SplitWord,
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &TransformArguments) -> Result<u8, Failure> {
    let out = &arguments.out;
    if !has_suffix(out, "npy") {
        return Err(Failure::refused(format!("--out {}: expected a file that ends in .npy", out.display())));
    }
    check_output(out)?;
    let stored = rbm_model::weights_file::read(&arguments.weights)?;
    let (_, split) = load_split(context, &arguments.data, &arguments.sets.sets, arguments.split)?;
    let parameters = &stored.parameters;
    if split.visible() != parameters.visible() {
        let error = rbm_eval::Error::Width { rows: split.visible(), machine: parameters.visible() };
        return Err(error.into());
    }
    let values = hidden_probabilities(context, parameters, &split);
    let shape = [split.len() as u64, parameters.hidden() as u64];
    match stored.precision {
        Precision::F32 => write_npy(out, &shape, values.iter().map(|&value| value as f32))?,
        Precision::F64 => write_npy(out, &shape, values)?,
    }
    let (rows, hidden) = (text::count(split.len()), parameters.hidden());
    let mut said = format!("{}: hidden probabilities of {rows} rows, {hidden} units each\n", out.display());
    match split.labels() {
        Some(labels) => {
            let path = labels_path(out);
            write_npy(&path, &[labels.len() as u64], labels.iter().copied())?;
            said.push_str(&format!("{}: the labels of these rows\n", path.display()));
        }
        None => said.push_str("these rows have no labels\n"),
    }
    print(&said)?;
    Ok(DONE)
}

/// `sigmoid(b + W v)` of every row, in f64. Each row's sum runs over its units in their order, whatever the threads.
fn hidden_probabilities(context: &Context, parameters: &Parameters, split: &Split) -> Vec<f64> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let by_visible = parameters.transposed();
    let mut values = vec![0.0; split.len() * hidden];
    let bar = bar(&context.screen, "rows", split.len() as u64);
    for (chunk, values) in values.chunks_mut(CHUNK * hidden).enumerate() {
        values.par_chunks_exact_mut(hidden).enumerate().for_each(|(index, out)| {
            let mut row = vec![0.0; visible];
            split.row(chunk * CHUNK + index, &mut row);
            out.copy_from_slice(parameters.hidden_bias());
            for (unit, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                for (sum, weight) in out.iter_mut().zip(by_visible.weights_of(unit)) {
                    *sum += value * weight;
                }
            }
            out.iter_mut().for_each(|value| *value = sigmoid(*value));
        });
        bar.inc((values.len() / hidden) as u64);
    }
    bar.finish_and_clear();
    values
}
