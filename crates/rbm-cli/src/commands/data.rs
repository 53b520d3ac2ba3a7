//! `rbm data fetch NAME`, `rbm data info CONFIG`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rbm_runner::DataSection;

use crate::{
    arguments::{Json, Sets},
    commands::{DONE, evaluate::load_data},
    context::{Context, print, print_json},
    diagnose::Failure,
    progress::{FetchBar, spinner},
    text,
};

/// Fetch and inspect data sets
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    Fetch(FetchArguments),
    Info(InfoArguments),
}

/// Fetch a data set into the cache
///
/// Looks into --data-dir, RBM_DATA_DIR and the user's cache first; what is missing is fetched from public mirrors and
/// checked against the published SHA-256 sums. Sweeps do the same when they need the data.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm data fetch mnist
  rbm data fetch fashion-mnist")]
pub(crate) struct FetchArguments {
    /// mnist or fashion-mnist
    name: String,
}

/// Describe the data of a config
///
/// Loads the [data] section as a run would: rows, units, the share of ones, duplicates, classes, and the digest that the
/// identity of each cell rests on. The file's other sections are not read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm data info configs/mnist.toml
  rbm data info configs/mnist.toml --set data.binarization=sample --json")]
pub(crate) struct InfoArguments {
    /// The config, a TOML file
    config: PathBuf,
    #[command(flatten)]
    sets: Sets,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: &DataCommand) -> Result<u8, Failure> {
    match command {
        DataCommand::Fetch(arguments) => fetch(context, arguments)?,
        DataCommand::Info(arguments) => info(context, arguments)?,
    }
    Ok(DONE)
}

fn fetch(context: &Context, arguments: &FetchArguments) -> Result<(), Failure> {
    let fetched = rbm_data::fetch(&arguments.name, &context.folders, &FetchBar::new(&context.screen))?;
    let files = fetched.files.iter().map(|path| format!("{}\n", path.display()));
    print(&files.collect::<String>())
}

fn info(context: &Context, arguments: &InfoArguments) -> Result<(), Failure> {
    let section = DataSection::load(&arguments.config, &arguments.sets.sets)?;
    let data = load_data(context, &section)?;
    let bar = spinner(&context.screen, "counting");
    let description = data.describe();
    bar.finish_and_clear();
    if arguments.json.json {
        return print_json(&description);
    }
    let image = description.image.map_or("no picture".into(), |[height, width]| format!("{height} x {width} pixels"));
    let rows: Vec<Vec<String>> = description
        .splits
        .iter()
        .map(|split| {
            let classes = split.classes.as_ref().map_or_else(
                || "-".into(),
                |classes| classes.iter().map(|(class, rows)| format!("{class}:{rows}")).collect::<Vec<_>>().join(" "),
            );
            vec![
                split.name.to_owned(),
                text::count(split.rows),
                if split.binary { "0 or 1" } else { "0 to 1" }.into(),
                format!("{:.6}", split.mean),
                text::count(split.duplicates),
                split.constant_units.to_string(),
                classes,
            ]
        })
        .collect();
    let headings = ["split", "rows", "values", "mean", "duplicates", "constant units", "rows of each class"];
    print(&format!(
        "{}: {} units ({image})\ndigest: {}\n{}",
        description.name,
        text::count(description.units),
        description.digest,
        text::table(&headings, &rows)
    ))
}
