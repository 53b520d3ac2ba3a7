//! `rbm backends CONFIG`, `rbm backends --list`

use std::{collections::BTreeSet, path::PathBuf, thread, time::Duration};

use clap::{Args, ValueEnum};
use rbm_ops::{Available, Kernels};
use rbm_report::{BackendRow, BackendsReport, StatedLikelihood, render_backends};
use rbm_runner::{
    BackendResult, Cell, Config, DataSets, Environment, Plan, ProbeOptions, REFERENCE_SHARE, Setting, SettingChoice,
    StopFlag, Yardstick, compare_backends, is_enumerable, kernels_for, run_probe, settings, thread_counts, yardstick,
};
use rbm_store::{now, write_atomically};
use serde_json::json;

use crate::{
    arguments::{Json, Sets},
    commands::{DONE, show::machine_line},
    context::{Context, print, print_json},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    progress::{FetchBar, spinner},
    text,
};

/// A backend was tried and failed.
const FAILED: u8 = 1;

/// More threads than this are a slip of the keyboard, as in `[run] threads`.
const MOST_THREADS: usize = 1024;

/// The hidden command that measures one setting of a backend.
pub(crate) const PROBE: &str = "backend-process";

/// Compare backends, kernels and threads on a config
///
/// Each backend and adapter that is built in and found trains the first cell of the config with each word for [run]
/// kernels that there is for it and, on the processor, with one thread, all of them, and powers of two between. Each of
/// these rows is a process of its own that trains for --seconds in steady state. Measured are rows a second with their
/// spread, start-up and first step apart from them, memory, agreement with f64 on the host, and, where one layer has at
/// most 20 units, the exact likelihood and the time to a stated one. A table goes to standard output, a page with its
/// figures to RESULTS/backends/NAME/. A backend that cannot be used is listed with the reason.
///
/// Ratios are to the row of composed kernels on flex with all threads, or to what comes nearest of what is measured;
/// above 1 is faster.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm backends --list
  rbm backends configs/quick.toml
  rbm backends configs/quick.toml --set model.hidden=16 --set train.epochs=20 --likelihood=-170
  rbm backends configs/mnist.toml --seconds 30 --kernels fused --threads 1,2 --set model.hidden=500
  rbm backends configs/quick.toml --json | jq '.backends[] | {backend, kernels, threads, measured}'")]
pub(crate) struct BackendsArguments {
    /// The config, a TOML file
    #[arg(required_unless_present = "list")]
    config: Option<PathBuf>,
    #[command(flatten)]
    sets: Sets,
    /// List backends and adapters, and measure nothing
    #[arg(long, conflicts_with_all = ["config", "sets", "seconds", "kernels", "threads", "likelihood"])]
    list: bool,
    /// Seconds of training for each row, that is each backend with each kernels and number of threads
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = parse_seconds)]
    seconds: f64,
    /// Which kernels
    #[arg(long, value_name = "WORD", default_value = "all")]
    kernels: KernelsWord,
    /// Numbers of threads on the processor: a list such as 1,4, or all: 1, every core, and powers of two between, at
    /// most four
    #[arg(long, value_name = "N,N|all", default_value = "all", value_parser = parse_threads)]
    threads: Threads,
    /// The mean log-likelihood of training rows to take the time to, in nats [default: 90 % of the way from the
    /// reference's first record to its last]
    #[arg(long, value_name = "NATS", allow_negative_numbers = true, value_parser = parse_likelihood)]
    likelihood: Option<f64>,
    #[command(flatten)]
    json: Json,
}

/// Kernels to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KernelsWord {
    Fused,
    Composed,
    All,
}

impl KernelsWord {
    fn kernels(self) -> Vec<Kernels> {
        match self {
            Self::Fused => vec![Kernels::Fused],
            Self::Composed => vec![Kernels::Composed],
            Self::All => Kernels::ALL.to_vec(),
        }
    }
}

/// Numbers of threads; none given: those of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Threads(Vec<usize>);

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BackendsArguments) -> Result<u8, Failure> {
    let Some(path) = &arguments.config else { return list(arguments.json.json) };
    let mut config = Config::load(path, &arguments.sets.sets)?;
    config.points.truncate(1);
    // The backends are what is compared: the config's own need not be built in.
    config.points.iter_mut().for_each(|point| point.config.run.backend = rbm_ops::BackendName::Flex);
    let mut data = DataSets::new(context.folders.clone(), Box::new(FetchBar::new(&context.screen)));
    let plan = Plan::new(&config, &mut data)?;
    let Some(cell) = plan.cells.first() else { return Err(Failure::refused("the config has no cell")) };
    let settings = settings_for(cell, arguments)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::machine(format!("failed to find this program's file: {error}")))?;
    let options = ProbeOptions {
        program,
        args: vec![PROBE.into()],
        folders: context.folders.clone(),
        seconds: arguments.seconds,
    };
    let stop = StopFlag::new();
    interrupt::listen_quietly(&stop)?;
    let bar = spinner(&context.screen, "looking for backends");
    let number = settings.iter().filter(|setting| setting.kernels.is_some()).count();
    let mut begun = 0;
    let results = compare_backends(cell, settings, &options, &stop, |setting| {
        begun += 1;
        bar.set_message(format!("{begun} of {number}: {} trains for {} s", setting.words(), arguments.seconds));
        bar.enable_steady_tick(Duration::from_millis(100));
    });
    bar.finish_and_clear();
    let mut results = results?;
    if stop.is_stopped() {
        return Ok(INTERRUPTED);
    }
    let folder = context.results.join("backends").join(&plan.name);
    let yardstick = yardstick(&mut results, arguments.likelihood);
    let report = report(cell, arguments, &results, yardstick);
    let page = render_backends(&report)?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::refused(format!("failed to create {}: {error}", folder.display())))?;
    let value = json!({
        "name": plan.name, "seconds": arguments.seconds, "measured_at": now(), "machine": Environment::here(),
        "cell": { "visible": cell.data.visible, "hidden": cell.config.model.hidden, "config": cell.config },
        "folder": folder, "backends": results,
        "reference": yardstick.reference.map(|index| {
            let setting = &results[index].setting;
            json!({ "backend": setting.available.backend, "kernels": setting.kernels, "threads": setting.threads })
        }),
        "likelihood": report.likelihood.as_ref().map(|stated| json!({ "nats": stated.nats, "rule": stated.rule })),
    });
    write_atomically(&folder.join("backends.json"), format!("{value:#}\n").as_bytes())?;
    for (file, svg) in &page.figures {
        write_atomically(&folder.join(file), svg.as_bytes())?;
    }
    write_atomically(&folder.join("backends.html"), page.html.as_bytes())?;
    if arguments.json.json {
        print_json(&value)?;
    } else {
        print(&format!("{}\npage: {}\n", table(&report), folder.join("backends.html").display()))?;
    }
    Ok(if results.iter().any(|result| result.failed) { FAILED } else { DONE })
}

/// The rows to measure.
fn settings_for(cell: &Cell, arguments: &BackendsArguments) -> Result<Vec<Setting>, Failure> {
    let kernels = arguments.kernels.kernels();
    if kernels_for(&cell.config, &kernels).is_empty() {
        let why =
            "there are none for other algorithms than cd, pcd and rdm, f64, grey values, or variants of the model";
        return Err(Failure::refused("this config has no fused kernels").with_help(why));
    }
    if arguments.likelihood.is_some() && !is_enumerable(cell) {
        let (visible, hidden) = (cell.data.visible, cell.config.model.hidden);
        let message =
            format!("{visible} visible and {hidden} hidden units have no exact likelihood to take the time to");
        let help = "one layer may have at most 20 units for it: --set model.hidden=16";
        return Err(Failure::refused(message).with_help(help));
    }
    let threads = match &arguments.threads.0[..] {
        [] => thread_counts(thread::available_parallelism().map_or(1, usize::from)),
        counts => counts.to_vec(),
    };
    Ok(settings(cell, rbm_ops::list(), &SettingChoice { kernels, threads }))
}

/// The body of the process that measures one setting of a backend.
pub(crate) fn probe() -> Result<u8, Failure> {
    run_probe()?;
    Ok(DONE)
}

fn list(as_json: bool) -> Result<u8, Failure> {
    let all = rbm_ops::list();
    if as_json {
        print_json(&all)?;
        return Ok(DONE);
    }
    let row = |available: &Available| {
        let usable = available.reason.clone().map_or("yes".to_owned(), |reason| format!("no: {reason}"));
        vec![available.backend.to_string(), available.device.clone().unwrap_or_else(|| "-".into()), usable]
    };
    print(&text::table(&["backend", "device", "can be used"], &all.iter().map(row).collect::<Vec<_>>()))?;
    Ok(DONE)
}

/// The last epoch after which every row's likelihood is known.
fn common_epoch(results: &[BackendResult]) -> Option<u32> {
    let epochs = |result: &BackendResult| -> Option<BTreeSet<u32>> {
        Some(result.measured.as_ref()?.log_likelihoods.iter().map(|(epoch, _, _)| *epoch).collect())
    };
    let common = results.iter().filter_map(epochs).reduce(|a, b| a.intersection(&b).copied().collect())?;
    common.last().copied()
}

fn report(
    cell: &Cell,
    arguments: &BackendsArguments,
    results: &[BackendResult],
    yardstick: Yardstick,
) -> BackendsReport {
    let train = &cell.config.train;
    let machine = format!("{} visible and {} hidden units", cell.data.visible, cell.config.model.hidden);
    let algorithm = serde_json::to_value(train.algorithm).ok().and_then(|word| Some(word.as_str()?.to_owned()));
    let epoch = common_epoch(results);
    let row = |result: &BackendResult| {
        let Setting { available, kernels, threads } = &result.setting;
        let row = BackendRow {
            name: available.backend.to_string(),
            device: available.device.clone().unwrap_or_default(),
            kernels: kernels.map_or_else(String::new, |kernels| kernels.to_string()),
            threads: *threads,
            reason: available.reason.clone(),
            ..BackendRow::default()
        };
        let Some(probe) = &result.measured else { return row };
        let reached = epoch.and_then(|epoch| probe.log_likelihoods.iter().find(|(other, _, _)| *other == epoch));
        BackendRow {
            samples_per_second: probe.samples_per_second.clone(),
            start_seconds: probe.start_seconds,
            first_step_seconds: probe.first_step_seconds,
            peak_memory_bytes: probe.peak_memory_bytes,
            states: (probe.agreement.differing, probe.agreement.units, probe.agreement.unexplained),
            gradient_error: probe.agreement.gradient_error,
            log_likelihood: reached.map(|&(epoch, nats, _)| (epoch, nats)),
            time_to_likelihood: result.time_to_likelihood,
            epoch_of_likelihood: result.epoch_of_likelihood,
            ..row
        }
    };
    let rule = match (arguments.likelihood, yardstick.reference) {
        (None, Some(index)) => {
            let (share, words) = (100.0 * REFERENCE_SHARE, results[index].setting.words());
            format!("{share:.0} % of the way from the first record of {words} to its last")
        }
        _ => "as asked for".into(),
    };
    BackendsReport {
        title: cell.config.name.clone(),
        facts: vec![
            ("trained".into(), format!("{machine}, {}", cell.config.data.source.word())),
            (
                "algorithm".into(),
                format!("{}, k = {}, batches of {}", algorithm.unwrap_or_default(), train.k, train.batch_size),
            ),
            ("program".into(), format!("rbm {}", env!("CARGO_PKG_VERSION"))),
            ("machine".into(), machine_line(&Environment::here())),
            ("time of training".into(), format!("{} s for each row", arguments.seconds)),
            ("measured".into(), now()),
            ("burn".into(), Environment::here().burn_version),
        ],
        backends: results.iter().map(row).collect(),
        reference: yardstick.reference,
        likelihood: yardstick.likelihood.map(|nats| StatedLikelihood { nats, rule }),
        redraw_command: text::this_command(),
    }
}

fn table(report: &BackendsReport) -> String {
    let ratio = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
    let epoch = report.backends.iter().filter_map(|row| row.log_likelihood).map(|(epoch, _)| epoch).next();
    let mut headings: Vec<String> =
        ["backend", "kernels", "threads", "rows/s", "spread", "ratio"].map(Into::into).into();
    if let Some(stated) = &report.likelihood {
        headings.extend([format!("to {}", text::number(stated.nats)), "sooner".into()]);
    }
    headings.extend(["start", "first step", "memory", "other states", "gradient error"].map(Into::into));
    headings.push(epoch.map_or("likelihood".into(), |epoch| format!("likelihood@{epoch}")));
    headings.push("device".into());
    let cells = |row: &BackendRow| {
        let mut cells = vec![row.name.clone(), row.kernels.clone()];
        cells.push(row.threads.map_or("-".into(), |threads| threads.to_string()));
        let (None, Some((median, low, high))) = (&row.reason, row.rate()) else {
            if row.kernels.is_empty() {
                cells[1] = "-".into();
            }
            cells.extend(std::iter::repeat_n("-".to_owned(), headings.len() - cells.len() - 1));
            cells.push(format!("not measured: {}", row.reason.as_deref().unwrap_or_default()));
            return cells;
        };
        cells.extend([amount(median), format!("{}-{}", amount(low), amount(high)), ratio(report.rate_ratio(row))]);
        if report.likelihood.is_some() {
            let after = |epoch| format!(" after epoch {epoch}");
            let after = row.epoch_of_likelihood.map_or_else(String::new, after);
            let time = row.time_to_likelihood.map_or("not reached".into(), |time| short_time(time) + &after);
            cells.extend([time, ratio(report.time_ratio(row))]);
        }
        cells.extend([
            short_time(row.start_seconds),
            short_time(row.first_step_seconds),
            row.peak_memory_bytes.map_or("-".into(), text::bytes),
            format!("{} of {}", row.states.0, row.states.1),
            format!("{:.1e}", row.gradient_error),
            row.log_likelihood.map_or("-".into(), |(_, value)| text::number(value)),
            row.device.clone(),
        ]);
        cells
    };
    let rows: Vec<Vec<String>> = report.backends.iter().map(cells).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = text::table(&headings, &rows);
    if let Some(stated) = &report.likelihood {
        table.push_str(&format!("\nlikelihood: {} nats, {}\n", text::number(stated.nats), stated.rule));
    }
    table
}

/// Rows a second, whole where there are many.
fn amount(rate: f64) -> String {
    if rate >= 1000.0 { text::count(rate.round() as usize) } else { text::number(rate) }
}

/// Seconds, to the millisecond where they are few.
fn short_time(seconds: f64) -> String {
    if seconds < 9.9995 { format!("{seconds:.3} s") } else { text::seconds(seconds) }
}

fn parse_threads(words: &str) -> Result<Threads, String> {
    if words == "all" {
        return Ok(Threads(Vec::new()));
    }
    let count = |word: &str| word.trim().parse().ok().filter(|count| (1..=MOST_THREADS).contains(count));
    let counts: Option<Vec<usize>> = words.split(',').map(count).collect();
    match counts {
        Some(counts) if (1..counts.len()).all(|index| !counts[..index].contains(&counts[index])) => Ok(Threads(counts)),
        _ => Err(format!("expected all, or different whole numbers from 1 to {MOST_THREADS}, separated by commas")),
    }
}

fn parse_likelihood(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(nats) if nats.is_finite() && nats < 0.0 => Ok(nats),
        _ => Err("expected a negative number of nats: the logarithm of a probability".into()),
    }
}

fn parse_seconds(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 86400".into()),
    }
}
