//! The log-likelihood against k, once after equally many updates and once after equal work.

use plotters::style::Color;

use super::super::canvas::{Anchor, draw};
use super::super::legend::Legend;
use super::super::panel::{AXIS, Line, Panel, Point, TITLE};
use super::super::ruler::Ruler;
use super::super::sentence::runner_up;
use super::super::theme::{INK, line};
use super::{Drawing, Group, WIDTH, axis, axis_title, bars};
use crate::error::Error;
use crate::figure::Section;
use crate::format::{clip, count, number, spread, stem, whole};
use crate::interval::Interval;
use crate::report::CellReport;
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

/// More lines than this are not drawn.
const MOST: usize = 6;
const PLOT: f64 = 240.0;

/// What a cell had reached when: updates, work in multiply-adds, value, and where the truth behind it may lie.
#[derive(Clone, Copy)]
struct Reached {
    step: u64,
    work: f64,
    value: f64,
    interval: Option<Interval>,
}

/// The figure; none where no two k have a log-likelihood, or the work of a cell is not known.
pub(super) fn drawing(overview: &Overview<'_>, groups: &[Group]) -> Result<Option<Drawing>, Error> {
    let Some(series) = split(overview) else { return Ok(None) };
    let measured = |group: &&Group| {
        let has_value =
            |&&(_, setting): &&(f64, usize)| overview.settings[setting].done().any(|cell| series.last(cell).is_some());
        group.settings.iter().filter(has_value).count() > 1
    };
    let groups: Vec<&Group> = groups.iter().filter(measured).collect();
    let settings = groups.iter().flat_map(|group| &group.settings).map(|&(_, setting)| setting);
    let mut cells: Vec<(usize, Vec<Reached>)> = Vec::new();
    for setting in settings {
        for cell in overview.settings[setting].done().filter(|cell| series.last(cell).is_some()) {
            let Some(reached) = reached(series, cell) else { return Ok(None) };
            cells.push((setting, reached));
        }
    }
    let (Some(step), Some(work)) = (shared_step(&cells), shared_work(&cells)) else { return Ok(None) };
    let at_step = taken(&cells, |reached| reached.step <= step);
    let at_work = taken(&cells, |reached| reached.work <= work);

    let drawn: Vec<&Group> = groups.iter().copied().take(MOST).collect();
    let (updates, equal_work) = (lines(&drawn, &at_step), lines(&drawn, &at_work));
    let (x, ticks) = axis(drawn.iter().copied());
    let rulers = rulers(&updates, &equal_work);
    let title = format!("{} against k", series.title());
    let name = stem(&format!("likelihood-against-k-{}", series.split));
    let titles = [format!("after {} updates each", whole(step)), format!("after {} multiply-adds each", number(work))];
    let legend = Legend::new(legend(&updates), WIDTH - 24.0);
    const TOP: f64 = 58.0;
    let bottom = TOP + TITLE + PLOT + AXIS;
    let (body, size) = draw(&name, (WIDTH, bottom + legend.height() + 6.0), |canvas| {
        canvas.bold(&clip(&title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&clip(&series.axis(), 80), (8.0, 40.0), 12.0, Anchor::Left, INK.mix(0.8))?;
        let middle = WIDTH / 2.0;
        let places = [(8.0, middle - 10.0), (middle + 6.0, WIDTH - 18.0)];
        for (((title, lines), y), place) in titles.iter().zip([&updates, &equal_work]).zip(rulers).zip(places) {
            let panel = Panel { title, x, x_ticks: &ticks, x_title: axis_title(&x), y, lines, mark: None };
            panel.draw(canvas, place, (TOP, bottom))?;
        }
        legend.draw(canvas, (12.0, bottom))
    })?;
    let mut sentences = vec![
        format!(
            "Left, after {} updates, the last that all measured: {}",
            whole(step),
            best(overview, series, &groups, &at_step)
        ),
        format!(
            "Right, after {} multiply-adds of training, the most that all reach: {}",
            number(work),
            best(overview, series, &groups, &at_work)
        ),
        of_work(&cells, &at_work, work, &groups),
    ];
    let several = at_step.iter().any(|(_, reached)| reached.len() > 1);
    let of_one = "what the three-sigma interval of the estimated log Z leaves";
    sentences.push(bars(&updates, several, of_one));
    if rulers[0] != rulers[1] {
        sentences.push("The vertical axes differ.".into());
    }
    if groups.len() > MOST {
        let rest = count(groups.len() - MOST, "other setting");
        sentences.push(format!("Not drawn: {rest} beside k; they count for what all have measured and for the best."));
    }
    let title = format!("{} against k at equal updates and at equal work", series.title());
    Ok(Some(Drawing { stem: name, title, section: Section::AgainstK, sentence: sentences.join(" "), body, size }))
}

/// The log-likelihood of validation rows if there are any, else of training rows.
fn split<'a>(overview: &'a Overview<'_>) -> Option<&'a Series> {
    let on = |split: &str| {
        overview.series.iter().find(|series| series.info.name == "log-likelihood" && series.split == split)
    };
    on("validation").or_else(|| on("train"))
}

/// The cell's values in the order of updates; none where the work up to one of them is not known.
fn reached(series: &Series, cell: &CellReport) -> Option<Vec<Reached>> {
    let intervals = series.intervals(cell);
    let mut all: Vec<Reached> = Vec::new();
    for (step, epoch, value) in series.by_step(cell) {
        let work = cell.work.iter().find(|(at, _)| *at == step)?.1;
        let interval = intervals.iter().find(|(at, _)| *at == epoch).map(|(_, interval)| *interval);
        all.push(Reached { step, work, value, interval });
    }
    Some(all)
}

/// The last step at which every cell has a value.
fn shared_step(cells: &[(usize, Vec<Reached>)]) -> Option<u64> {
    let (_, first) = cells.first()?;
    let in_all = |step: &u64| cells.iter().all(|(_, all)| all.iter().any(|reached| reached.step == *step));
    first.iter().map(|reached| reached.step).rev().find(in_all)
}

/// The most work at which every cell still has a value to show.
fn shared_work(cells: &[(usize, Vec<Reached>)]) -> Option<f64> {
    let last = |all: &Vec<Reached>| all.last().map(|reached| reached.work);
    let ends: Option<Vec<f64>> = cells.iter().map(|(_, all)| last(all)).collect();
    let least = ends?.into_iter().fold(f64::INFINITY, f64::min);
    (least.is_finite() && least > 0.0).then_some(least)
}

/// By setting, the last value of each cell that fulfils a condition.
fn taken(cells: &[(usize, Vec<Reached>)], counts: impl Fn(&Reached) -> bool) -> Vec<(usize, Vec<Reached>)> {
    let mut taken: Vec<(usize, Vec<Reached>)> = Vec::new();
    for (setting, all) in cells {
        let Some(last) = all.iter().rev().find(|reached| counts(reached)) else { continue };
        match taken.iter_mut().find(|(index, _)| index == setting) {
            Some((_, values)) => values.push(*last),
            None => taken.push((*setting, vec![*last])),
        }
    }
    taken
}

fn spread_of(reached: &[Reached]) -> Option<Spread> {
    Spread::of(&reached.iter().map(|one| one.value).collect::<Vec<_>>())
}

fn lines(groups: &[&Group], taken: &[(usize, Vec<Reached>)]) -> Vec<Line> {
    let point = |&(k, setting): &(f64, usize)| {
        let (_, reached) = taken.iter().find(|(index, _)| *index == setting)?;
        let spread = spread_of(reached)?;
        let own = || reached.first().and_then(|one| one.interval).map(|interval| interval.ends());
        let bar = spread.deviation.map(|deviation| (spread.mean - deviation, spread.mean + deviation)).or_else(own);
        Some(Point { x: k, y: spread.mean, bar })
    };
    let of_group = |(pen, group): (usize, &&Group)| Line {
        label: group.label.clone(),
        color: line(pen).mix(1.0),
        marker: Some(pen),
        points: group.settings.iter().filter_map(point).collect(),
    };
    groups.iter().enumerate().map(of_group).collect()
}

/// The legend's entries: none where one line needs no name.
fn legend(lines: &[Line]) -> Vec<super::super::legend::Entry> {
    let named = lines.len() > 1 || lines.iter().any(|line| !line.label.is_empty());
    if named { lines.iter().map(Line::entry).collect() } else { Vec::new() }
}

/// One scale for both panels, so that they can be compared; two where one would press the other's points together.
fn rulers(left: &[Line], right: &[Line]) -> [Ruler; 2] {
    const MOST_TIMES: f64 = 4.0;
    let values = |lines: &[Line]| lines.iter().flat_map(Line::values).collect::<Vec<_>>();
    let (left, right) = (values(left), values(right));
    let both = Ruler::even(left.iter().chain(&right).copied());
    let own = [Ruler::even(left), Ruler::even(right)];
    if own.iter().any(|ruler| both.width() > MOST_TIMES * ruler.width()) { own } else { [both; 2] }
}

fn best(overview: &Overview<'_>, series: &Series, groups: &[&Group], taken: &[(usize, Vec<Reached>)]) -> String {
    let values: Vec<(usize, Spread)> =
        taken.iter().filter_map(|(setting, reached)| Some((*setting, spread_of(reached)?))).collect();
    let spreads: Vec<Option<Spread>> = values.iter().map(|(_, spread)| Some(*spread)).collect();
    let Some(place) = series.best_of(&spreads) else { return "all have the same mean.".into() };
    let (setting, value) = values[place];
    let about = |setting: usize| {
        let (_, reached) = taken.iter().find(|(index, _)| *index == setting)?;
        Interval::mean(&reached.iter().map(|one| one.interval).collect::<Option<Vec<_>>>()?)
    };
    let near = runner_up(overview, series, setting, &values, &about);
    let setting = &overview.settings[setting];
    // one group needs no more than k
    let label = match groups {
        [_] => setting.value(super::KEY).map_or(setting.label.clone(), |k| format!("k = {k}")),
        _ => setting.label.clone(),
    };
    format!("best is {label} with {} (n = {}).{near}", spread(&value), setting.share(value.n))
}

/// How values at equal work were taken.
fn of_work(cells: &[(usize, Vec<Reached>)], taken: &[(usize, Vec<Reached>)], work: f64, groups: &[&Group]) -> String {
    let shares = taken.iter().flat_map(|(_, reached)| reached).map(|reached| reached.work / work);
    let least = shares.fold(1.0, f64::min);
    let mut sentence =
        "Work is counted from the plan, in products of rows with the weights, not in seconds; a value at that work \
                        is the last one measured at or before it, and nothing is interpolated"
            .to_owned();
    if least < 1.0 {
        // rounded down: a share of all is exactly all
        sentence.push_str(&format!(" (at {} % of it or more)", (100.0 * least).floor()));
    }
    sentence.push('.');
    let is_untrained = |setting: usize| {
        taken.iter().any(|(index, reached)| *index == setting && reached.iter().all(|one| one.step == 0))
            && cells.iter().any(|(index, all)| *index == setting && all.iter().any(|one| one.step > 0))
    };
    let settings = groups.iter().flat_map(|group| &group.settings);
    let mut untrained: Vec<String> =
        settings.filter(|&&(_, setting)| is_untrained(setting)).map(|(k, _)| k.to_string()).collect();
    untrained.dedup();
    if !untrained.is_empty() {
        let list = untrained.join(", ");
        sentence.push_str(&format!(" By then k = {list} had not reached its first evaluation: shown untrained."));
    }
    sentence
}
