//! `rbm reproduce`: claims, tested one by one.

mod look;
mod written;

use std::{path::PathBuf, time::Instant};

use clap::{Args, ValueEnum};
use rbm_claims::{
    Claim, ClaimRecord, ClaimsFolder, Error as ClaimsError, Experiment, Found, Profile, Unavailable, Verdict,
    all_cells, choose, decide, embedded, read_folder,
};
use rbm_runner::{CodeState, Count, DataSets, Plan, StopFlag, create_sweep};
use rbm_store::Results;
use written::Tested;

use crate::{
    arguments::Json,
    commands::sweep::{Job, run_workers},
    context::{Context, print, print_json},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    progress::{FetchBar, spinner},
    text,
};

/// Test the claims of the article, and those of the papers behind it
///
/// Each claim is an experiment: sweeps and computations, and thresholds that say what confirms and what refutes it.
/// Verdicts are computed from what lies under the results folder, where finished cells are not computed again. Without names, all
/// claims of the article are tested under the profile smoke, and those of the papers too under the profile full.
///
/// The page is report.html in results/reproduce/PROFILE/; where only some claims are tested, it is CLAIM.html for one and
/// several.html for several, and verdicts.json keeps those of the others. With --experiments DIR the folder is
/// results/reproduce/NAME-OF-DIR/PROFILE/. After Ctrl-C the same command goes on with what was finished: cells from their
/// checkpoints, other computations from their start.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm reproduce                                the article's claims, in minutes
  rbm reproduce bias-of-k listing              two of them
  rbm reproduce --list                         every claim with its budget
  rbm reproduce --profile full                 all claims, the papers' too, in little more than an hour
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
    /// List the claims, all or those that are named, and compute nothing
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
    /// Everything, in little more than an hour
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

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ReproduceArguments) -> Result<u8, Failure> {
    let profile = Profile::from(arguments.profile);
    let known = match &arguments.experiments {
        Some(folder) => read_folder(folder)?,
        None => embedded()?,
    };
    let named = !arguments.claims.is_empty();
    if arguments.list {
        let listed = if named { choose(known, &arguments.claims).map_err(Failure::refused)? } else { known };
        return look::list(&listed, arguments.json.json);
    }
    let mut chosen = choose(known.clone(), &arguments.claims).map_err(Failure::refused)?;
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
    test(context, arguments, &known, chosen, profile)
}

fn test(
    context: &Context,
    arguments: &ReproduceArguments,
    known: &[Experiment],
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
    if context.results.exists() {
        Results::open(&context.results)?; // refused before anything is looked at
    }
    if arguments.dry_run {
        return look::dry_run(context, &claims, profile, arguments.json.json);
    }
    let results = Results::open(&context.results)?;
    let folder = claims_folder(context, arguments, profile)?;
    folder.create()?;
    let stop = StopFlag::new();
    interrupt::listen_and_say(&stop, &context.screen, "stopping; what is finished is kept; again to stop at once")?;
    if train(context, arguments, &claims, &stop)? {
        return Ok(INTERRUPTED);
    }
    let mut found = Vec::with_capacity(claims.len());
    for claim in &claims {
        let bar = spinner(&context.screen, &claim.experiment.name);
        let tell = |protocol: &str, share: f64| {
            bar.set_message(format!("{}: {protocol}, {:.0} %", claim.experiment.name, 100.0 * share));
        };
        let one = claim.find(&results, &folder, &mut data, &tell, &stop);
        bar.finish_and_clear();
        match one {
            Err(ClaimsError::Stopped) => return Ok(INTERRUPTED),
            one => found.push(one?),
        }
    }
    if stop.is_stopped() {
        return Ok(INTERRUPTED);
    }
    let records: Vec<ClaimRecord> =
        claims.iter().zip(&found).map(|(claim, found)| record(context, claim, found, &folder, profile)).collect();
    let written = Tested { known, claims: &claims, found: &found, records: &records, folder: &folder, profile };
    let page = written.write(context, arguments)?;
    if let Some(target) = &arguments.publish {
        super::publish::publish(target, &folder, known, &records)?;
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
    for ((claim, found), record) in claims.iter().zip(&found).zip(&records) {
        let name = &claim.experiment.name;
        found.notes.iter().for_each(|note| context.screen.warn(&format!("{name}: {note}")));
        // That data are missing was said before anything was computed.
        if claim.missing.is_none() {
            let without_numbers = record.tests.iter().filter(|test| test.n == 0);
            without_numbers.for_each(|test| context.screen.warn(&format!("{name}: {}", test.found)));
        }
    }
    let failed = found.iter().any(|found| !found.notes.is_empty());
    Ok(u8::from(failed))
}

/// Where results of this call lie: those of claims of one's own under the name of their folder.
fn claims_folder(context: &Context, arguments: &ReproduceArguments, profile: Profile) -> Result<ClaimsFolder, Failure> {
    let Some(experiments) = &arguments.experiments else { return Ok(ClaimsFolder::of(&context.results, profile)) };
    // `.` and `..` have a name, too.
    let whole = experiments
        .canonicalize()
        .map_err(|error| Failure::refused(format!("failed to read {}: {error}", experiments.display())))?;
    let name = whole.file_name().map_or_else(|| "experiments".into(), |name| name.to_string_lossy());
    Ok(ClaimsFolder::of_own(&context.results, &name, profile))
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
        .filter_map(|spec| folder.evidence(&experiment.name, spec.key()));
    let evidence = sweeps.chain(protocols).map(|path| path.display().to_string()).collect();
    let mut record = ClaimRecord::new(experiment, profile, &outcome, found.seconds(), evidence);
    if claim.missing.as_ref() == Some(&record.conclusion) {
        record.conclusion = text::sentence(&record.conclusion);
    }
    record
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
            ClaimsError::File { action: "read" | "create", .. } => Self::refused(error.to_string()),
            other => Self::machine(rbm_runner::with_sources(&other)),
        }
    }
}
