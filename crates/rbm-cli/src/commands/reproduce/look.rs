//! What `rbm reproduce` would do, and what there is to do.

use std::collections::HashSet;

use rbm_claims::{Claim, Experiment, Group, Profile};
use rbm_runner::{Depth, status};
use rbm_store::CellState;

use crate::{
    commands::DONE,
    context::{Context, print, print_json},
    diagnose::Failure,
    text,
};

/// Says how many cells are left. A cell that several claims share is counted for the first of them.
pub(super) fn dry_run(context: &Context, claims: &[Claim], profile: Profile, as_json: bool) -> Result<u8, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    let mut counted = HashSet::new();
    for claim in claims {
        let (mut cells, mut left, mut seconds) = (0, 0, 0.0);
        for sweep in &claim.sweeps {
            let states = status(&sweep.plan, &context.results, Depth::Hashes)?;
            for (cell, status) in sweep.plan.cells.iter().zip(&states) {
                if !counted.insert(cell.id.clone()) {
                    continue;
                }
                cells += 1;
                if !matches!(status.state, CellState::Done | CellState::Diverged) {
                    left += 1;
                    seconds += cell.estimate().seconds;
                }
            }
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
        let table = text::table(&["claim", "cells", "left", "training, about", "budget of all"], &rows);
        print(&format!("{table}\ncells that several claims share are counted for the first of them\n"))?;
    }
    Ok(DONE)
}

/// Lists claims with their budgets.
pub(super) fn list(known: &[Experiment], as_json: bool) -> Result<u8, Failure> {
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
                Group::Own => "own",
            };
            let budget = one.statement.budget;
            vec![one.name.clone(), group.into(), time(budget.smoke), time(budget.full), one.statement.title.clone()]
        })
        .collect();
    print(&text::table(&["claim", "of", "smoke", "full", "what"], &rows))?;
    Ok(DONE)
}
