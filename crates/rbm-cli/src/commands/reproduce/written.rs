//! What `rbm reproduce` writes: the page, its figures, the verdicts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rbm_claims::{Claim, ClaimRecord, ClaimsFolder, Experiment, Found, Group, Profile, Shown, claim_of_figure, page};
use rbm_runner::{Environment, peak_memory_bytes};

use super::ReproduceArguments;
use crate::{context::Context, diagnose::Failure, progress::spinner, text};

/// The page of all claims of a profile.
const PAGE: &str = "report.html";
/// The page of some of them.
const SEVERAL: &str = "several.html";
/// The verdicts' file.
const VERDICTS: &str = "verdicts.json";
/// The figures' folder.
const FIGURES: &str = "figures";

/// Claims that were tested.
pub(super) struct Tested<'a> {
    /// All that could have been, in their order.
    pub(super) known: &'a [Experiment],
    pub(super) claims: &'a [Claim],
    pub(super) found: &'a [Found],
    pub(super) records: &'a [ClaimRecord],
    pub(super) folder: &'a ClaimsFolder,
    pub(super) profile: Profile,
}

impl<'a> Tested<'a> {
    /// Draws and writes the page, its figures and the verdicts; the page's path.
    pub(super) fn write(&self, context: &Context, arguments: &ReproduceArguments) -> Result<PathBuf, Failure> {
        let bar = spinner(&context.screen, "drawing the report");
        let of_claim = |((claim, found), record): ((&'a Claim, &'a Found), &'a ClaimRecord)| {
            let names = std::slice::from_ref(&claim.experiment.name);
            Shown { claim, found, record, command: self.command(context, arguments, names) }
        };
        let shown: Vec<Shown<'_>> = self.claims.iter().zip(self.found).zip(self.records).map(of_claim).collect();
        let title = "What holds of the claims on restricted Boltzmann machines";
        let drawn =
            page(title, &self.command(context, arguments, &arguments.claims), facts(self.found, self.profile), &shown);
        bar.finish_and_clear();
        let drawn = drawn?;
        let names: BTreeSet<String> = drawn.figures.iter().map(|(stem, _)| format!("{stem}.svg")).collect();
        for (stem, svg) in &drawn.figures {
            self.folder.write_file(&format!("{FIGURES}/{stem}.svg"), svg.as_bytes())?;
        }
        self.remove_figures(&names)?;
        self.write_verdicts(context)?;
        let name = self.page_name();
        self.folder.write_file(&name, drawn.html.as_bytes())?;
        Ok(self.folder.path().join(name))
    }

    /// The page of all claims is written only by a call that tested all of them.
    fn page_name(&self) -> String {
        let of_profile =
            |one: &&Experiment| one.statement.group != Group::Target && one.statement.budget.of(self.profile).is_some();
        let is_tested = |one: &Experiment| self.records.iter().any(|record| record.claim == one.name);
        if self.known.iter().filter(of_profile).all(is_tested) {
            return PAGE.to_owned();
        }
        match self.records {
            [one] => format!("{}.html", one.claim),
            _ => SEVERAL.to_owned(),
        }
    }

    /// Removes figures of these claims that an earlier call drew and this one did not.
    fn remove_figures(&self, drawn: &BTreeSet<String>) -> Result<(), Failure> {
        let folder = self.folder.path().join(FIGURES);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let claim = claim_of_figure(&name, self.known.iter().map(|one| one.name.as_str()));
            let is_tested = self.records.iter().any(|record| claim == Some(record.claim.as_str()));
            if is_tested && name.ends_with(".svg") && !drawn.contains(&name) {
                let failed = |error| Failure::machine(format!("failed to remove {}: {error}", entry.path().display()));
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Writes the verdicts beside those of other claims that are still known.
    fn write_verdicts(&self, context: &Context) -> Result<(), Failure> {
        let path = self.folder.path().join(VERDICTS);
        let before: Vec<ClaimRecord> = match fs::read(&path) {
            // It holds nothing that the same command would not make again.
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                context.screen.warn(&format!("{} is written anew, since it is damaged: {error}", path.display()));
                Vec::new()
            }),
            Err(_) => Vec::new(),
        };
        let of = |records: &[ClaimRecord], name: &str| records.iter().find(|one| one.claim == name).cloned();
        let all: Vec<ClaimRecord> = (self.known.iter())
            .filter_map(|one| of(self.records, &one.name).or_else(|| of(&before, &one.name)))
            .collect();
        let json = serde_json::to_string_pretty(&all)
            .map_err(|error| Failure::machine(format!("failed to print JSON: {error}")))?;
        Ok(self.folder.write_file(VERDICTS, format!("{json}\n").as_bytes())?)
    }

    /// The call that tests claims of these names.
    fn command(&self, context: &Context, arguments: &ReproduceArguments, names: &[String]) -> String {
        let names: String = names.iter().map(|name| format!(" {name}")).collect();
        let folder = |option: &str, path: Option<&Path>| {
            path.map_or(String::new(), |path| format!(" --{option} {}", text::quoted(&path.display().to_string())))
        };
        let experiments = folder("experiments", arguments.experiments.as_deref());
        let results = folder("results", Some(context.results.as_path()).filter(|path| *path != Path::new("results")));
        format!("rbm reproduce{names} --profile {}{experiments}{results}", self.profile.word())
    }
}

fn facts(found: &[Found], profile: Profile) -> Vec<(String, String)> {
    // A cell that several claims share took its time once.
    let cells: BTreeMap<&String, f64> =
        found.iter().flat_map(|found| &found.seconds_of_cells).map(|(id, seconds)| (id, *seconds)).collect();
    let protocols: f64 = found.iter().map(|found| found.seconds_of_protocols).sum();
    let seconds = cells.values().sum::<f64>() + protocols;
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
            "of means: 95 %, Student's t over seeds, each test by itself; paired by seed where conditions share seeds; means on \
             logarithmic axes are geometric"
                .to_owned(),
        ),
    ];
    let largest = found.iter().map(|found| found.peak_memory_bytes).chain(peak_memory_bytes()).max();
    if let Some(bytes) = largest {
        facts.push(("largest memory of a process".to_owned(), text::bytes(bytes)));
    }
    facts
}
