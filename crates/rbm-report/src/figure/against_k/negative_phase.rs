//! The error of persistent chains' negative phase beside that of as many independent exact samples.

use plotters::style::Color;

use super::super::axes::ticks;
use super::super::canvas::{Anchor, draw};
use super::super::legend::Legend;
use super::super::panel::{AXIS, Line, Panel, Point, TITLE};
use super::super::ruler::Ruler;
use super::super::theme::{INK, dotted, line};
use super::{
    Drawing, Group, WIDTH, axis, axis_title, bars, epoch_name, epochs, logarithmic, mean, of_group, opacity, point,
    series, some_of,
};
use crate::error::Error;
use crate::figure::Section;
use crate::format::{clip, count, spread, stem};
use crate::settings::{Overview, Series};

/// More groups, or more settings without k, than this are not drawn.
const MOST: usize = 4;
const PLOT: f64 = 220.0;
const ERROR: &str = "negative-phase-error";
const EXACT: &str = "negative-phase-error-exact-samples";

/// Against k where that is swept, else over the epochs; nothing where no cell has persistent chains that were looked
/// at.
pub(super) fn drawings(overview: &Overview<'_>, groups: &[Group]) -> Result<Vec<Drawing>, Error> {
    let Some(error) = series(overview, ERROR) else { return Ok(Vec::new()) };
    let has_value = |setting: usize| overview.settings[setting].done().any(|cell| !error.curve(cell).is_empty());
    let with_k = |group: &&Group| group.settings.iter().filter(|&&(_, setting)| has_value(setting)).count() > 1;
    let groups: Vec<&Group> = groups.iter().filter(with_k).collect();
    let mut drawings = Vec::new();
    for group in groups.iter().take(MOST) {
        drawings.push(against_k(overview, error, group)?);
    }
    if let (Some(last), true) = (drawings.last_mut(), groups.len() > MOST) {
        let rest = count(groups.len() - MOST, "other setting");
        last.sentence.push_str(&format!(" Not drawn: {rest}; the tables have them."));
    }
    let in_group =
        |setting: usize| groups.iter().any(|group| group.settings.iter().any(|&(_, index)| index == setting));
    let alone: Vec<usize> = (0..overview.settings.len()).filter(|&s| has_value(s) && !in_group(s)).collect();
    if !alone.is_empty() {
        drawings.push(over_epochs(overview, error, &alone)?);
    }
    Ok(drawings)
}

fn against_k(overview: &Overview<'_>, error: &Series, group: &Group) -> Result<Drawing, Error> {
    let shown = some_of(&epochs(overview, error, group));
    let last = shown.last().copied().unwrap_or(0);
    let points = |series: &Series, epoch| {
        group.settings.iter().filter_map(|&setting| point(overview, series, setting, epoch)).collect::<Vec<Point>>()
    };
    let of_epoch = |(index, &epoch): (usize, &u32)| Line {
        label: format!("persistent chains, {}", epoch_name(epoch)),
        color: line(0).mix(opacity(index, shown.len())),
        marker: Some(index),
        points: points(error, epoch),
    };
    let mut lines: Vec<Line> = shown.iter().enumerate().map(of_epoch).collect();
    let exact = series(overview, EXACT);
    if let Some(exact) = exact {
        let label = format!("as many exact samples, {}", epoch_name(last));
        lines.push(Line { label, color: dotted(1).mix(1.0), marker: None, points: points(exact, last) });
    }
    let (x, ticks) = axis([group]);
    let title = format!("Error of the negative phase against k{}", of_group(group));
    let several = lines_are_means(overview, error, group.settings.iter().map(|&(_, setting)| setting));
    let mut sentences = Vec::new();
    for &(k, setting) in [group.settings.first(), group.settings.last()].into_iter().flatten() {
        let at_end = |series: &Series| mean(overview, series, setting, last).map(|value| spread(&value));
        if let Some(chains) = at_end(error) {
            let beside =
                exact.and_then(at_end).map_or(String::new(), |text| format!(", of as many exact samples {text}"));
            sentences.push(format!("At k = {k}, {}: {chains}{beside}.", epoch_name(last)));
        }
    }
    sentences.push(meaning());
    if shown.len() > 1 {
        sentences.push("Lines from faint to full: along training.".into());
    }
    sentences.push(bars(&lines, several, "one standard error to each side"));
    let name = stem(&format!("negative-phase-against-k-{}", group.label));
    drawing(name, title, (x, ticks, axis_title(&x)), &lines, sentences.join(" "), Section::AgainstK)
}

fn over_epochs(overview: &Overview<'_>, error: &Series, settings: &[usize]) -> Result<Drawing, Error> {
    let exact = series(overview, EXACT);
    let mut lines = Vec::new();
    for (pen, &setting) in settings.iter().take(MOST).enumerate() {
        let group = Group { label: String::new(), settings: vec![(0.0, setting)] };
        let points = |series: &Series| -> Vec<Point> {
            let at =
                |epoch: u32| Some(Point { x: f64::from(epoch), ..point(overview, series, (0.0, setting), epoch)? });
            epochs(overview, series, &group).into_iter().filter_map(at).collect()
        };
        let label = &overview.settings[setting].label;
        let (name, color) = (format!("persistent chains, {label}"), line(pen).mix(1.0));
        lines.push(Line { label: name, color, marker: Some(pen), points: points(error) });
        if let Some(exact) = exact {
            let name = format!("as many exact samples, {label}");
            lines.push(Line { label: name, color: dotted(pen).mix(1.0), marker: None, points: points(exact) });
        }
    }
    let epochs: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|point| point.x).collect();
    let (first, last) = epochs.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &epoch| (l.min(epoch), h.max(epoch)));
    let marks = if first == last { vec![(first, first.to_string())] } else { ticks((first, last), 8, 1.0) };
    let several = lines_are_means(overview, error, settings.iter().copied());
    let mut sentences = vec![meaning(), bars(&lines, several, "one standard error to each side")];
    if settings.len() > MOST {
        sentences.push(format!("Not drawn: {}; the tables have them.", count(settings.len() - MOST, "other setting")));
    }
    let title = "Error of the negative phase over the epochs".to_owned();
    let axis = (Ruler::even(epochs), marks, "epoch");
    drawing("negative-phase".into(), title, axis, &lines, sentences.join(" "), Section::Curve)
}

fn meaning() -> String {
    "One training is one draw, so this is an error and not a bias: independent samples from the model have the error of the \
     dotted line, and what lies above it comes from chains that lag or stick together."
        .into()
}

fn lines_are_means(overview: &Overview<'_>, series: &Series, settings: impl IntoIterator<Item = usize>) -> bool {
    let measured =
        |setting: usize| overview.settings[setting].done().filter(|cell| series.last(cell).is_some()).count();
    settings.into_iter().any(|setting| measured(setting) > 1)
}

fn drawing(
    name: String,
    title: String,
    (x, x_ticks, x_title): (Ruler, Vec<(f64, String)>, &str),
    lines: &[Line],
    sentence: String,
    section: Section,
) -> Result<Drawing, Error> {
    const TOP: f64 = 34.0;
    let legend = Legend::new(lines.iter().map(Line::entry).collect(), WIDTH - 24.0);
    let bottom = TOP + TITLE + PLOT + AXIS;
    let (body, size) = draw(&name, (WIDTH, bottom + legend.height() + 6.0), |canvas| {
        canvas.bold(&clip(&title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        let y = logarithmic(lines);
        let words = "root mean square error over all parameters (logarithmic)";
        let panel = Panel { title: words, x, x_ticks: &x_ticks, x_title, y, lines, mark: None };
        panel.draw(canvas, (8.0, WIDTH - 18.0), (TOP, bottom))?;
        legend.draw(canvas, (12.0, bottom))
    })?;
    Ok(Drawing { stem: name, title, section, sentence, body, size })
}
