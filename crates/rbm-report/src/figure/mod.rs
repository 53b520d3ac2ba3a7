//! The figures of a report.

mod against_k;
mod axes;
mod band;
pub(crate) mod bars;
mod canvas;
pub(crate) mod chart;
mod clip;
mod curves;
mod heat;
mod images;
mod legend;
mod panel;
mod picture;
mod points;
mod ruler;
mod sentence;
mod spacing;
mod theme;

pub use picture::image_grid_png;
pub(crate) use sentence::runner_up;
pub(crate) use theme::{LINES, LINES_ON_DARK};

use canvas::Size;
use theme::Place;

use crate::error::Error;
use crate::format::{count, printable, stem};
use crate::report::{CellReport, ImageGrid, Report};
use crate::settings::{Overview, Series};

/// The section of the page that a figure stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Last values over the swept keys.
    Map,
    /// Bias and likelihood over the number of Gibbs steps.
    AgainstK,
    /// A metric over the epochs.
    Curve,
    /// Samples beside data.
    Samples,
    /// Weights of the hidden units.
    Fields,
    /// Rows and their reconstructions.
    Reconstructions,
}

/// One figure with the sentence that says what it shows.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Its file's name without suffix.
    pub(crate) stem: String,
    /// What it shows, for readers who do not see it.
    pub(crate) title: String,
    /// Where it stands in the page.
    pub(crate) section: Section,
    /// What it shows, in words and numbers.
    pub(crate) sentence: String,
    /// The larger, the sooner it is left out of a page that grows too large.
    pub(crate) rank: u32,
    /// Whether the page shows it at all; the file is always written.
    pub(crate) in_page: bool,
    /// SVG elements with stand-ins for colours.
    body: String,
    size: Size,
}

/// A figure that belongs to no sweep.
pub(crate) fn standalone(stem: &str, (body, size): (String, Size), sentence: String) -> Figure {
    let (stem, title) = (stem.to_owned(), sentence.clone());
    Figure { stem, title, section: Section::Map, sentence, rank: 0, in_page: true, body, size }
}

/// Images that belong to no sweep; the title is made from the stem.
pub(crate) fn image_grid(sentence: &str, name: &str, grid: &ImageGrid) -> Result<Figure, Error> {
    let stem = match stem(name) {
        empty if empty.is_empty() => "images".to_owned(),
        stem => stem,
    };
    let heading = stem.replace(['-', '_'], " ");
    let drawn = images::grid(&heading, grid, &stem)?;
    Ok(Figure { section: Section::Fields, title: heading, ..standalone(&stem, drawn, printable(sentence)) })
}

impl Figure {
    /// The SVG element for the page; its text takes the colour of the text around it.
    pub(crate) fn inline(&self) -> String {
        let Size { width, height, units } = self.size;
        let title = escape(&self.title);
        let (unit_width, unit_height) = (width * units, height * units);
        let body = theme::color(&self.body, Place::Page);
        format!(
            "<svg width=\"{width}\" viewBox=\"0 0 {unit_width} {unit_height}\" role=\"img\" aria-label=\"{title}\" \
             stroke-linejoin=\"round\">\n{body}\n</svg>"
        )
    }

    /// The text of an SVG file on white.
    pub(crate) fn standalone(&self) -> String {
        let Size { width, height, units } = self.size;
        let title = escape(&self.title);
        let (unit_width, unit_height) = (width * units, height * units);
        let body = theme::color(&self.body, Place::File);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {unit_width} {unit_height}\" stroke-linejoin=\"round\">\n<title>{title}</title>\n\
             <rect width=\"{unit_width}\" height=\"{unit_height}\" fill=\"#ffffff\"/>\n{body}\n</svg>\n"
        )
    }

    /// About how many bytes it takes in the page.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.sentence.len() + 300
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// How many settings' images the page shows; the others have files.
const SETTINGS_IN_PAGE: usize = 6;

/// Every figure, in the order of the page.
pub(crate) fn all(report: &Report, overview: &Overview<'_>) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    for (rank, series) in (0..).zip(&overview.series) {
        figures.extend(over_settings(overview, series, rank)?);
    }
    figures.extend(against_k::figures(overview)?);
    for (rank, series) in (0..).zip(&overview.series) {
        figures.extend(over_epochs(overview, series, 100 + rank)?);
    }
    for (place, (label, cell)) in (0..).zip(pictured(overview)) {
        figures.extend(of_model(report, label, cell, place)?);
    }
    let section = |figure: &Figure| match figure.section {
        Section::Map => 0,
        Section::AgainstK => 1,
        Section::Curve => 2,
        Section::Samples => 3,
        Section::Fields => 4,
        Section::Reconstructions => 5,
    };
    figures.sort_by_key(section);
    for index in 0..figures.len() {
        let same = figures[..index].iter().filter(|other| other.stem == figures[index].stem).count();
        if same > 0 {
            figures[index].stem = format!("{}-{index}", figures[index].stem);
        }
    }
    Ok(figures)
}

fn over_settings(overview: &Overview<'_>, series: &Series, rank: u32) -> Result<Option<Figure>, Error> {
    let title = format!("{} at the end of training, over the swept keys", series.title());
    if let Some(map) = heat::heat_map(overview, series) {
        let stem = stem(&format!("heat-{}-{}", series.info.name, series.split));
        let (body, size) = heat::figure(overview, series, &map, &stem)?;
        let sentence = sentence::heat(overview, series, &map);
        let section = Section::Map;
        return Ok(Some(Figure { stem, title, section, sentence, rank, in_page: true, body, size }));
    }
    let Some(spreads) = points::values(overview, series) else { return Ok(None) };
    let stem = stem(&format!("final-{}-{}", series.info.name, series.split));
    let (body, size) = points::figure(overview, series, &spreads, &stem)?;
    let sentence = sentence::points(overview, series, &spreads);
    Ok(Some(Figure { stem, title, section: Section::Map, sentence, rank, in_page: true, body, size }))
}

fn over_epochs(overview: &Overview<'_>, series: &Series, rank: u32) -> Result<Option<Figure>, Error> {
    if !series.has_own_figure() {
        return Ok(None);
    }
    let stem = stem(&format!("curve-{}-{}", series.info.name, series.split));
    let curves = curves::curves(overview, series);
    let Some((body, size)) = curves::figure(overview, series, &curves, &stem)? else { return Ok(None) };
    let title = format!("{} over the epochs", series.title());
    let sentence = sentence::curves(overview, series, &curves, &curves::unfinished(overview, series));
    Ok(Some(Figure { stem, title, section: Section::Curve, sentence, rank, in_page: true, body, size }))
}

/// The cell of each setting whose images are shown, the best setting first: its finished cell with the lowest seed that
/// has any, so that nobody picks the prettiest.
fn pictured<'a>(overview: &'a Overview<'_>) -> Vec<(&'a str, &'a CellReport)> {
    let has_images = |cell: &&CellReport| {
        let images = &cell.images;
        images.samples.is_some() || images.receptive_fields.is_some() || images.reconstructions.is_some()
    };
    let order = overview.ranking().into_iter();
    let settings = order.map(|index| &overview.settings[index]);
    settings.filter_map(|setting| Some((setting.label.as_str(), setting.done().find(has_images)?))).collect()
}

/// Samples, receptive fields and reconstructions of one cell.
fn of_model(report: &Report, label: &str, cell: &CellReport, place: u32) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    let name = format!("{label}, seed {}", cell.seed);
    let file = if label == "the one setting" { format!("seed {}", cell.seed) } else { name.clone() };
    let in_page = (place as usize) < SETTINGS_IN_PAGE;
    let mut add = |section, stem: String, title: String, sentence, rank, (body, size)| {
        figures.push(Figure { stem, title, section, sentence, rank: rank + 10 * place, in_page, body, size });
    };
    if let Some(grid) = cell.images.samples.as_ref().filter(|grid| !grid.images.is_empty()) {
        let stem = stem(&format!("samples-{file}"));
        let data = report.data_images.as_ref().filter(|grid| !grid.images.is_empty());
        let drawn = images::samples(&format!("Samples: {name}"), data, grid, &stem)?;
        let note = cell.images.samples_note.as_ref().map_or(String::new(), |note| format!(" {note}"));
        let shown = count(grid.images.len().min(images::MOST_SAMPLES), "state");
        let left = if data.is_some() { "Left: rows of the training data. Right: " } else { "" };
        let sentence = format!("{left}{shown} that the model of {name} draws{note}.");
        add(Section::Samples, stem, format!("Samples of {name}"), sentence, 1000, drawn);
    }
    if let Some(grid) = cell.images.receptive_fields.as_ref().filter(|grid| !grid.images.is_empty()) {
        let stem = stem(&format!("receptive-fields-{file}"));
        let drawn = images::receptive_fields(&format!("Receptive fields: {name}"), grid, &stem)?;
        let sentence = sentence::receptive_fields(&name, grid);
        add(Section::Fields, stem, format!("Receptive fields of {name}"), sentence, 1001, drawn);
    }
    let pairs = cell.images.reconstructions.as_ref();
    if let Some(pairs) = pairs.filter(|pairs| !pairs.data.images.is_empty() && !pairs.reconstruction.images.is_empty())
    {
        let stem = stem(&format!("reconstructions-{file}"));
        let drawn = images::reconstructions(&format!("Reconstructions: {name}"), pairs, &stem)?;
        let sentence = sentence::reconstructions(&name, pairs);
        add(Section::Reconstructions, stem, format!("Reconstructions of {name}"), sentence, 1002, drawn);
    }
    Ok(figures)
}
