//! Mistakes in an `experiment.toml` that can be read.

use crate::{
    Condition, Experiment, FigureSpec, Label, Statement, SweepSpec, Test,
    experiment::{SCHEMA, closest},
    protocol,
};

impl Experiment {
    /// Refuses what can be read and is impossible all the same.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        let Statement { schema, sweep, protocol, test, figure, budget, .. } = &self.statement;
        if *schema != SCHEMA {
            return Err(Mistake::at(format!("schema must be {SCHEMA}, not {schema}"), &["schema ="]));
        }
        if test.is_empty() {
            let message = "expected at least one [[test]]: without one there is no verdict";
            return Err(Mistake::at(message.into(), &["test ="]));
        }
        if budget.smoke.is_none() && budget.full.is_none() {
            let message = "budget must give seconds for `smoke`, `full` or both";
            return Err(Mistake::at(message.into(), &["budget ="]));
        }
        let sweeps: Vec<&str> = sweep.iter().map(|sweep| sweep.name.as_str()).collect();
        for (index, SweepSpec { name, config, .. }) in sweep.iter().enumerate() {
            if sweeps[..index].contains(&name.as_str()) {
                return Err(Mistake::at(format!("two sweeps are called {name:?}"), &["[[sweep]]", &quoted(name)]));
            }
            if !self.configs.contains_key(config) {
                let known: Vec<&str> = self.configs.keys().map(String::as_str).collect();
                let closest = closest(config, &known);
                let message = format!("sweep {name:?}: there is no config {config:?} beside it{closest}");
                return Err(Mistake::at(message, &["[[sweep]]", &quoted(name), &quoted(config)]));
            }
        }
        for (index, spec) in protocol.iter().enumerate() {
            let near = ["[[protocol]]", &quoted(spec.key())];
            if protocol[..index].iter().any(|other| other.key() == spec.key()) {
                let message = format!("protocol {:?} stands twice: give one of them `save_as`", spec.key());
                return Err(Mistake::at(message, &near));
            }
            if protocol::find(&spec.name).is_none() {
                let known: Vec<&str> = protocol::names().collect();
                let message = format!("there is no protocol {:?}{}", spec.name, closest(&spec.name, &known));
                return Err(Mistake::at(message, &["[[protocol]]", &quoted(&spec.name)]));
            }
            if let Some(name) = spec.sweeps.iter().flatten().find(|name| !sweeps.contains(&name.as_str())) {
                let message = format!("protocol {:?}: there is no sweep {name:?}{}", spec.name, closest(name, &sweeps));
                return Err(Mistake::at(message, &[near[0], near[1], &quoted(name)]));
            }
        }
        test.iter().try_for_each(|test| test.check(&sweeps))?;
        for (index, one) in figure.iter().enumerate() {
            let FigureSpec { name, .. } = one;
            let near = ["[[figure]]", &quoted(name)];
            if figure[..index].iter().any(|other| other.name == *name) {
                return Err(Mistake::at(format!("two figures are called {name:?}"), &near));
            }
            one.check(&sweeps).map_err(|reason| Mistake::at(format!("figure {name:?}: {reason}"), &near))?;
        }
        Ok(())
    }
}

impl Test {
    fn check(&self, sweeps: &[&str]) -> Result<(), Mistake> {
        let says = &self.says;
        let near = ["[[test]]", &quoted(says)];
        let wrong = |reason: &str| Mistake::at(format!("test {says:?}: {reason}"), &near);
        if self.confirmed.is_empty() || self.refuted.is_empty() {
            return Err(wrong("`confirmed` and `refuted` need `above`, `below` or both, or `outside`, in order"));
        }
        if self.confirmed.meets(&self.refuted) {
            return Err(wrong("some numbers would both confirm and refute it"));
        }
        if self.minus.is_some() && self.per.is_some() {
            return Err(wrong("either `minus` or `per`"));
        }
        let selects = [Some(&self.value), self.minus.as_ref(), self.per.as_ref()].into_iter().flatten();
        for label in selects.filter_map(|select| select.conditions.get("sweep")).flat_map(Condition::labels) {
            if let Label::Word(name) = label
                && !sweeps.contains(&name.as_str())
            {
                let message = format!("test {says:?}: there is no sweep {name:?}{}", closest(name, sweeps));
                return Err(Mistake::at(message, &[near[0], near[1], &quoted(name)]));
            }
        }
        Ok(())
    }
}

/// What is wrong with a statement that can be read, and near which words of the file.
pub(crate) struct Mistake {
    message: String,
    near: Vec<String>,
}

impl Mistake {
    fn at(message: String, near: &[&str]) -> Self {
        Self { message, near: near.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// The message after the line of the last of the words, each looked for behind the one before it.
    pub(crate) fn with_line(self, text: &str) -> String {
        let mut place = None;
        for word in &self.near {
            let from = place.unwrap_or(0);
            place = text[from..].find(word).map(|found| from + found).or(place);
        }
        match place {
            Some(place) => format!("line {}: {}", text[..place].matches('\n').count() + 1, self.message),
            None => self.message,
        }
    }
}

/// A word as it stands in the file.
fn quoted(word: &str) -> String {
    format!("{word:?}")
}
