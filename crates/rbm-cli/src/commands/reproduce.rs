//! `rbm reproduce`: claims, tested one by one.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Args, ValueEnum};
use rbm_claims::{
    Claim, ClaimRecord, ClaimsFolder, Error as ClaimsError, Experiment, Found, Group, Profile, Shown, Unavailable,
    Verdict, all_cells, choose, decide, embedded, page, read_folder,
};
use rbm_runner::{
    CodeState, Count, DataSets, Depth, Environment, Plan, StopFlag, create_sweep, peak_memory_bytes, status,
};
use rbm_store::{CellState, Results};

use crate::{
    arguments::Json,
    commands::{
        DONE,
        sweep::{Job, run_workers},
    },
    context::{Context, print, print_json},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    progress::{FetchBar, spinner},
    text,
};

/// Test the claims of the article, and those of the papers behind it
///
/// Each claim is an experiment: sweeps and computations, and thresholds that were fixed before the first result. Verdicts
/// are computed from what lies under the results folder, where finished cells are not computed again. Without names, all
/// claims of the article are tested under the profile smoke, and those of the papers too under the profile full.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm reproduce                                the article's claims, in minutes
  rbm reproduce bias-of-k listing              two of them
  rbm reproduce --list                         every claim with its budget
  rbm reproduce --profile full                 all claims, the papers' too, in an hour or two
  rbm reproduce --json | jq '.[] | .claim, .verdict'
  rbm reproduce --experiments my-experiments   claims of your own: a folder each, with an experiment.toml")]
pub(crate) struct ReproduceArguments {
    /// The claims, by the names of their folders; else all
    claims: Vec<String>,
    /// How much to compute
    #[arg(long, value_name = "PROFILE", default_value = "smoke")]
    profile: ProfileWord,
    /// A folder of experiments to take instead of those in the program
    #[arg(long, value_name = "DIR")]
    experiments: Option<PathBuf>,
    /// List the claims and compute nothing
    #[arg(long)]
    list: bool,
    /// Say how many cells are left, with an estimate of time, and write nothing
    #[arg(long, conflicts_with = "list")]
    dry_run: bool,
    /// Worker processes, or "auto"
    #[arg(long, value_name = "N", default_value = "auto", value_parser = super::sweep::parse_count)]
    workers: Count,
    /// Try cells again that failed before
    #[arg(long)]
    retry_failed: bool,
    /// Copy figures and verdicts to this folder, and the verdicts into README.md and experiments/*/README.md here
    #[arg(long, value_name = "DIR", hide = true)]
    publish: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileWord {
    /// Every claim of the article, in minutes
    Smoke,
    /// Everything, in an hour or two
    Full,
}

impl From<ProfileWord> for Profile {
    fn from(word: ProfileWord) -> Self {
        match word {
            ProfileWord::Smoke => Self::Smoke,
            ProfileWord::Full => Self::Full,
        }
    }
}

/// The page's file.
const PAGE: &str = "report.html";
/// The verdicts' file.
const VERDICTS: &str = "verdicts.json";

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ReproduceArguments) -> Result<u8, Failure> {
    let profile = Profile::from(arguments.profile);
    let known = match &arguments.experiments {
        Some(folder) => read_folder(folder)?,
        None => embedded()?,
    };
    if arguments.list {
        return list(&known, arguments.json.json);
    }
    let named = !arguments.claims.is_empty();
    let mut chosen = choose(known, &arguments.claims).map_err(Failure::refused)?;
    if named {
        if let Some(one) = chosen.iter().find(|one| one.statement.budget.of(profile).is_none()) {
            let other = if profile == Profile::Smoke { Profile::Full } else { Profile::Smoke };
            return Err(Failure::refused(format!("{} has no profile {}", one.name, profile.word()))
                .with_help(format!("rbm reproduce {} --profile {}", one.name, other.word())));
        }
    } else {
        chosen.retain(|one| one.statement.budget.of(profile).is_some());
        if chosen.is_empty() {
            return Err(Failure::refused(format!("no claim has the profile {}", profile.word()))
                .with_help("rbm reproduce --list shows which have it".to_owned()));
        }
    }
    test(context, arguments, chosen, profile)
}

fn test(
    context: &Context,
    arguments: &ReproduceArguments,
    chosen: Vec<Experiment>,
    profile: Profile,
) -> Result<u8, Failure> {
    let begun = Instant::now();
    let mut data = DataSets::new(context.folders.clone(), Box::new(FetchBar::new(&context.screen)));
    let mut unavailable = Unavailable::new();
    let mut claims = Vec::with_capacity(chosen.len());
    for experiment in chosen {
        claims.push(Claim::plan(experiment, profile, &mut data, &mut unavailable)?);
    }
    for (source, reason) in &unavailable {
        context.screen.warn(&format!("the data set {source} could not be had; claims that need it stay undecided"));
        context.screen.warn(reason);
    }
    if arguments.dry_run {
        return dry_run(context, &claims, profile, arguments.json.json);
    }
    let stop = StopFlag::new();
    interrupt::listen(&stop, &context.screen)?;
    if train(context, arguments, &claims, &stop)? {
        return Ok(INTERRUPTED);
    }
    let results = Results::open(&context.results)?;
    let folder = ClaimsFolder::of(&context.results, profile);
    let mut found = Vec::with_capacity(claims.len());
    for claim in &claims {
        if stop.is_stopped() {
            return Ok(INTERRUPTED);
        }
        let bar = spinner(&context.screen, &claim.experiment.name);
        let tell = |protocol: &str, share: f64| {
            bar.set_message(format!("{}: {protocol}, {:.0} %", claim.experiment.name, 100.0 * share));
        };
        let one = claim.find(&results, &folder, &mut data, &tell);
        bar.finish_and_clear();
        found.push(one?);
    }
    let records: Vec<ClaimRecord> =
        claims.iter().zip(&found).map(|(claim, found)| record(context, claim, found, &folder, profile)).collect();
    let page = write(context, arguments, &claims, &found, &records, &folder, profile)?;
    if let Some(target) = &arguments.publish {
        super::publish::publish(target, &folder, &records)?;
    }
    if arguments.json.json {
        print_json(&records)?;
    } else {
        let seconds = begun.elapsed().as_secs_f64();
        let plural = if records.len() == 1 { "claim" } else { "claims" };
        print(&format!(
            "{}\n{} {plural} in {}; page: {}\n",
            table(context, &records),
            records.len(),
            text::seconds(seconds),
            page.display()
        ))?;
    }
    for note in claims.iter().zip(&found).flat_map(|(claim, found)| {
        found.notes.iter().map(|note| format!("{}: {note}", claim.experiment.name)).collect::<Vec<_>>()
    }) {
        context.screen.warn(&note);
    }
    let failed = found.iter().any(|found| !found.notes.is_empty());
    Ok(u8::from(failed))
}

/// Trains what is left of all cells, after making each sweep's folder; whether it was stopped.
fn train(
    context: &Context,
    arguments: &ReproduceArguments,
    claims: &[Claim],
    stop: &StopFlag,
) -> Result<bool, Failure> {
    let plan: Plan = all_cells(claims);
    if plan.cells.is_empty() {
        return Ok(false);
    }
    for sweep in claims.iter().flat_map(|claim| &claim.sweeps) {
        create_sweep(&context.results, &sweep.config, &sweep.plan, CodeState::ask(&context.results))?;
    }
    let job = Job {
        workers: arguments.workers,
        threads: Count::Auto,
        retry_failed: arguments.retry_failed,
        allow_mixed: false,
        report: false,
        json: false,
    };
    run_workers(context, &plan, &job, stop)?;
    Ok(stop.is_stopped())
}

/// What a claim comes to, with the files that show it.
fn record(context: &Context, claim: &Claim, found: &Found, folder: &ClaimsFolder, profile: Profile) -> ClaimRecord {
    let experiment = &claim.experiment;
    let outcome = decide(experiment, profile, &found.measurements, claim.missing.as_deref());
    let sweeps = claim.sweeps.iter().map(|sweep| context.results.join(sweep.plan.folder_name()));
    let protocols = experiment
        .statement
        .protocol
        .iter()
        .filter(|spec| spec.parameters(profile).is_some())
        .map(|spec| folder.measurements(&experiment.name, spec.key()))
        .filter(|path| path.is_file());
    let evidence = sweeps.chain(protocols).map(|path| path.display().to_string()).collect();
    ClaimRecord::new(experiment, profile, &outcome, found.seconds, evidence)
}

/// Draws and writes the page, its figures and the verdicts; the page's path.
fn write(
    context: &Context,
    arguments: &ReproduceArguments,
    claims: &[Claim],
    found: &[Found],
    records: &[ClaimRecord],
    folder: &ClaimsFolder,
    profile: Profile,
) -> Result<PathBuf, Failure> {
    let bar = spinner(&context.screen, "drawing the report");
    let shown: Vec<Shown<'_>> =
        claims.iter().zip(found).zip(records).map(|((claim, found), record)| Shown { claim, found, record }).collect();
    let title = "What holds of the claims on restricted Boltzmann machines";
    let drawn = page(title, &command(arguments, profile), facts(records, found, profile), profile, &shown);
    bar.finish_and_clear();
    let drawn = drawn?;
    for (stem, svg) in &drawn.figures {
        folder.write_file(&format!("figures/{stem}.svg"), svg.as_bytes())?;
    }
    let json = serde_json::to_string_pretty(records)
        .map_err(|error| Failure::machine(format!("failed to print JSON: {error}")))?;
    folder.write_file(VERDICTS, format!("{json}\n").as_bytes())?;
    folder.write_file(PAGE, drawn.html.as_bytes())?;
    Ok(folder.path().join(PAGE))
}

fn command(arguments: &ReproduceArguments, profile: Profile) -> String {
    let names: String = arguments.claims.iter().map(|name| format!(" {name}")).collect();
    let experiments = arguments
        .experiments
        .as_deref()
        .map_or(String::new(), |path: &Path| format!(" --experiments {}", text::quoted(&path.display().to_string())));
    format!("rbm reproduce{names} --profile {}{experiments}", profile.word())
}

fn facts(records: &[ClaimRecord], found: &[Found], profile: Profile) -> Vec<(String, String)> {
    let seconds: f64 = records.iter().map(|record| record.seconds).sum();
    let here = Environment::here();
    let mut facts = vec![
        ("profile".to_owned(), profile.word().to_owned()),
        ("time of all cells and computations, added up".to_owned(), text::seconds(seconds)),
        (
            "processor".to_owned(),
            format!("{}, {} cores, {}", here.cpu.unwrap_or(here.architecture), here.cores, here.instruction_set),
        ),
        (
            "intervals".to_owned(),
            "95 %, Student's t over seeds, each test by itself; paired by seed where conditions share seeds; means on logarithmic axes are geometric".to_owned(),
        ),
    ];
    let largest = found.iter().map(|found| found.peak_memory_bytes).chain(peak_memory_bytes()).max();
    if let Some(bytes) = largest {
        facts.push(("largest memory of a process".to_owned(), text::bytes(bytes)));
    }
    facts
}

fn table(context: &Context, records: &[ClaimRecord]) -> String {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| vec![record.claim.clone(), verdict(record.verdict, context.colored), record.headline()])
        .collect();
    text::table(&["claim", "verdict", "one number"], &rows)
}

fn verdict(verdict: Verdict, colored: bool) -> String {
    let color = match verdict {
        Verdict::Confirmed => 32,
        Verdict::Refuted => 31,
        Verdict::Partly => 33,
        Verdict::Undecided => 2,
    };
    if colored { format!("\u{1b}[{color}m{verdict}\u{1b}[0m") } else { verdict.to_string() }
}

fn dry_run(context: &Context, claims: &[Claim], profile: Profile, as_json: bool) -> Result<u8, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for claim in claims {
        let (mut cells, mut left, mut seconds) = (0, 0, 0.0);
        for sweep in &claim.sweeps {
            let states = status(&sweep.plan, &context.results, Depth::Hashes)?;
            let is_left = |index: usize| !matches!(states[index].state, CellState::Done | CellState::Diverged);
            cells += states.len();
            left += sweep.plan.cells.iter().filter(|cell| is_left(cell.index)).count();
            seconds += sweep.plan.estimate(|cell| is_left(cell.index)).seconds;
        }
        let budget = claim.experiment.statement.budget.of(profile).unwrap_or(0.0);
        let name = claim.experiment.name.clone();
        values.push(serde_json::json!({
            "claim": name, "cells": cells, "left": left, "training_seconds": seconds / cores, "budget_seconds": budget,
        }));
        let training = text::seconds(seconds / cores);
        rows.push(vec![name, text::count(cells), text::count(left), training, text::seconds(budget)]);
    }
    if as_json {
        print_json(&values)?;
    } else {
        print(&text::table(&["claim", "cells", "left", "training, about", "budget of all"], &rows))?;
    }
    Ok(DONE)
}

fn list(known: &[Experiment], as_json: bool) -> Result<u8, Failure> {
    if as_json {
        let rows: Vec<_> = known
            .iter()
            .map(|one| {
                let statement = &one.statement;
                serde_json::json!({
                    "claim": one.name, "title": statement.title, "group": statement.group, "needs": statement.needs,
                    "smoke_seconds": statement.budget.smoke, "full_seconds": statement.budget.full,
                })
            })
            .collect();
        print_json(&rows)?;
        return Ok(DONE);
    }
    let time = |seconds: Option<f64>| seconds.map_or("–".into(), text::seconds);
    let rows: Vec<Vec<String>> = known
        .iter()
        .map(|one| {
            let group = match one.statement.group {
                Group::Article => "article",
                Group::Paper => "paper",
                Group::Target => "target",
            };
            let budget = one.statement.budget;
            vec![one.name.clone(), group.into(), time(budget.smoke), time(budget.full), one.statement.title.clone()]
        })
        .collect();
    print(&text::table(&["claim", "of", "smoke", "full", "what"], &rows))?;
    Ok(DONE)
}

impl From<ClaimsError> for Failure {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Runner(error) => error.into(),
            ClaimsError::Data(error) => error.into(),
            ClaimsError::Model(error) => error.into(),
            ClaimsError::Evaluate(error) => error.into(),
            ClaimsError::Backend(error) => error.into(),
            ClaimsError::Store(error) => error.into(),
            ClaimsError::Report(error) => error.into(),
            ClaimsError::Experiment { .. } => Self::refused(error.to_string()),
            ClaimsError::File { action: "read", .. } => Self::refused(error.to_string()),
            other => Self::machine(rbm_runner::with_sources(&other)),
        }
    }
}
