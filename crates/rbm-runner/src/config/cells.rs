//! The points of a sweep.

use std::path::Path;

use toml::Value;

use super::{
    CellConfig, ConfigError, SweepConfig, SweptCase, SweptList, check,
    document::{Document, Entry, START},
    name,
};

/// Most cells that one sweep may have: beyond it, a slip of the pen is likelier than a plan.
pub const MAX_CELLS: usize = 10_000;

/// One point of the plan with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPoint {
    /// Readable, safe as a file name, and unique within the sweep: `k=3,hidden=16,seed=0`.
    pub name: String,
    /// The swept keys with their values here.
    pub settings: Vec<(String, Value)>,
    /// Everything, resolved.
    pub config: CellConfig,
}

/// Lists times cases times seeds, in the file's order, the seeds innermost; every point is checked.
pub(super) fn points(document: &Document, sweep: &SweepConfig, base: &Path) -> Result<Vec<CellPoint>, ConfigError> {
    refuse_too_many(document, sweep)?;
    let no_case = [Vec::new()];
    let (lists, cases): (&[Vec<Entry>], &[Vec<Entry>]) = match &document.sweep {
        None => (&[], &no_case),
        Some(text) if text.cases.is_empty() => (&text.lists, &no_case),
        Some(text) => (&text.lists, &text.cases),
    };
    let swept = document.sweep.as_ref().map(|text| text.keys()).unwrap_or_default();
    let mut choices: Vec<Vec<&Entry>> = vec![Vec::new()];
    for axis in lists.iter().map(|list| list.iter().map(std::slice::from_ref).collect::<Vec<_>>()) {
        choices = product(&choices, &axis);
    }
    choices = product(&choices, &cases.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut points = Vec::new();
    for choice in &choices {
        let settings: Vec<(String, Value)> = choice.iter().map(|entry| (entry.dotted(), entry.value.clone())).collect();
        for &seed in &sweep.seeds {
            let name = name::of_cell(&settings, seed, &swept, sweep.seeds.len());
            let entries = document.entries.iter().chain(choice.iter().copied());
            let config = CellConfig::resolve(entries, Some(seed), base)
                .map_err(|message| document.error(Some(&START), "", message, None))?;
            check_point(document, &config, choice, &name)?;
            points.push(CellPoint { name, settings: settings.clone(), config });
        }
    }
    name::make_unique(points.iter_mut().map(|point| &mut point.name));
    Ok(points)
}

fn product<'a>(left: &[Vec<&'a Entry>], right: &[&'a [Entry]]) -> Vec<Vec<&'a Entry>> {
    left.iter().flat_map(|l| right.iter().map(|r| l.iter().copied().chain(r.iter()).collect())).collect()
}

fn refuse_too_many(document: &Document, sweep: &SweepConfig) -> Result<(), ConfigError> {
    let lists = sweep.lists.iter().map(|list| list.values.len());
    let factors = lists.chain([sweep.cases.len().max(1), sweep.seeds.len()]);
    let cells = factors.fold(1_usize, |product, factor| product.saturating_mul(factor));
    if cells > MAX_CELLS {
        let place = document.sweep.as_ref().map(|text| &text.header);
        let message = format!("expected at most {MAX_CELLS} cells, not {cells}");
        return Err(document.error(place, "sweep", message, None));
    }
    Ok(())
}

/// Points at the swept value if it is one that is impossible, else at the section's key, else at what was swept.
fn check_point(document: &Document, config: &CellConfig, choice: &[&Entry], name: &str) -> Result<(), ConfigError> {
    let Err((section, key, allowed)) = check::check(config) else { return Ok(()) };
    let swept = choice.iter().copied().find(|entry| entry.section == section && entry.name == key);
    let culprit = swept.or_else(|| document.find(section, key)).or(choice.first().copied());
    let place = culprit.map_or(&START, |entry| &entry.value_place);
    let help = if choice.is_empty() { None } else { Some(format!("in the cell {name} of [sweep]")) };
    Err(document.error(Some(place), &format!("{section}.{key}"), format!("expected {allowed}"), help))
}

/// The sweep as values; without `[sweep]`, one seed: `run.seed`.
pub(super) fn sweep_config(document: &Document, first_seed: u64) -> Result<SweepConfig, ConfigError> {
    let Some(text) = &document.sweep else {
        return Ok(SweepConfig { seeds: vec![first_seed], lists: Vec::new(), cases: Vec::new() });
    };
    let seeds = match text.seeds.as_ref().map(|entry| (&entry.value, entry)) {
        None => vec![first_seed],
        Some((Value::Array(seeds), _)) => {
            if let Some(seed) = document.find("run", "seed") {
                let message = "has no effect beside the list sweep.seeds".into();
                let help = Some("keep one of the two".to_owned());
                return Err(document.error(Some(&seed.key_place), "run.seed", message, help));
            }
            seeds.iter().filter_map(Value::as_integer).filter_map(|seed| u64::try_from(seed).ok()).collect()
        }
        Some((value, entry)) => {
            let count = value.as_integer().and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
            if count > MAX_CELLS {
                let message = format!("expected at most {MAX_CELLS} seeds, not {count}");
                return Err(document.error(Some(&entry.value_place), "sweep.seeds", message, None));
            }
            (0..count as u64).map(|offset| first_seed.wrapping_add(offset)).collect()
        }
    };
    let setting = |entry: &Entry| (entry.dotted(), entry.value.clone());
    let lists = text.lists.iter().filter_map(|list| {
        let first = list.first()?;
        Some(SweptList { key: first.dotted(), values: list.iter().map(|entry| entry.value.clone()).collect() })
    });
    let cases = text.cases.iter().map(|case| SweptCase { settings: case.iter().map(setting).collect() });
    Ok(SweepConfig { seeds, lists: lists.collect(), cases: cases.collect() })
}
