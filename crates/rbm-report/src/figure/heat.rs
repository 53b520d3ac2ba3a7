//! Heat maps: the last value of a metric over two swept keys.

use plotters::style::{Color, RGBColor};

use super::axes::{MUTED, SMALL};
use super::canvas::{Anchor, Canvas, Drawn, Size, draw, text_width};
use super::theme::{INK, is_light, viridis};
use crate::error::Error;
use crate::format::{clip, clip_apart, number, spread};
use crate::report::Axis;
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

const WIDTH: f64 = 640.0;
const TOP: f64 = 58.0;
const BAR: f64 = 96.0;

/// A setting and its value, where any.
pub(crate) type Field = Option<(usize, Option<Spread>)>;

/// The map's cells.
pub(crate) struct HeatMap<'a> {
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    /// By row of `y`, then column of `x`.
    pub(crate) cells: Vec<Vec<Field>>,
    /// Place of the best: row, column.
    pub(crate) best: Option<(usize, usize)>,
    /// The keys not shown, whose best value stands in each cell.
    pub(crate) other_keys: Vec<String>,
}

/// The map over the first two varying axes; none where fewer vary or no direction is better.
pub(crate) fn heat_map<'a>(overview: &'a Overview<'_>, series: &Series) -> Option<HeatMap<'a>> {
    let [x, y, others @ ..] = overview.axes.as_slice() else { return None };
    let larger = series.info.larger_is_better?;
    let better = |a: &Spread, b: &Spread| if larger { a.mean > b.mean } else { a.mean < b.mean };
    let at = |vertical: &String, horizontal: &String| {
        let mut found: Field = None;
        for (index, setting) in overview.settings.iter().enumerate() {
            if setting.value(&x.key) != Some(horizontal) || setting.value(&y.key) != Some(vertical) {
                continue;
            }
            let spread = series.spread(setting);
            let wins = match (&found, &spread) {
                (None | Some((_, None)), _) => true,
                (Some((_, Some(old))), Some(new)) => better(new, old),
                (Some(_), None) => false,
            };
            if wins {
                found = Some((index, spread));
            }
        }
        found
    };
    let cells: Vec<Vec<_>> = y.values.iter().map(|v| x.values.iter().map(|h| at(v, h)).collect()).collect();
    let flat: Vec<Option<Spread>> = cells.iter().flatten().map(|cell| cell.and_then(|(_, spread)| spread)).collect();
    if flat.iter().all(Option::is_none) {
        return None;
    }
    let best = series.best_of(&flat).map(|index| (index / x.values.len(), index % x.values.len()));
    Some(HeatMap { x, y, cells, best, other_keys: others.iter().map(|axis| axis.label.clone()).collect() })
}

/// Draws a map, the best cell framed.
pub(crate) fn figure(
    overview: &Overview<'_>,
    series: &Series,
    map: &HeatMap<'_>,
    stem: &str,
) -> Result<(String, Size), Error> {
    let labels: Vec<String> = clip_apart(map.y.values.iter().map(String::as_str), 22);
    let left =
        labels.iter().map(|label| text_width(label, SMALL)).fold(0.0, f64::max).max(text_width(&map.y.label, SMALL));
    let left = left.min(170.0) + 20.0;
    let columns = map.x.values.len() as f64;
    let cell_width = ((WIDTH - left - BAR) / columns).min(150.0);
    let cell_height = if map.y.values.len() > 8 { 36.0 } else { 54.0 };
    let bottom = TOP + cell_height * map.y.values.len() as f64;
    let means: Vec<f64> = map.cells.iter().flatten().filter_map(|cell| Some((*cell)?.1?.mean)).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shade = |mean: f64| if high > low { (mean / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };

    draw(stem, (WIDTH, (bottom + 46.0).max(TOP + 150.0)), |canvas| {
        let title = format!("{} at the end of training", series.title());
        canvas.bold(&clip(&title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&clip(&map.y.label, 24), (left - 10.0, TOP - 14.0), SMALL, Anchor::Right, INK.mix(MUTED))?;
        for (row, label) in labels.iter().enumerate() {
            let y = TOP + (row as f64 + 0.5) * cell_height;
            canvas.text(label, (left - 10.0, y), SMALL, Anchor::Right, INK.mix(MUTED))?;
        }
        // columns too narrow for their label take every second, third, ... one
        let longest = ((cell_width * 3.0 / 7.0) as usize).clamp(4, 16);
        let labels: Vec<String> = clip_apart(map.x.values.iter().map(String::as_str), longest);
        let widest = labels.iter().map(|label| text_width(label, SMALL)).fold(0.0, f64::max);
        let every = ((widest + 6.0) / cell_width).ceil().max(1.0) as usize;
        for (column, label) in labels.iter().enumerate().step_by(every) {
            let x = left + (column as f64 + 0.5) * cell_width;
            canvas.text(label, (x, bottom + 13.0), SMALL, Anchor::Center, INK.mix(MUTED))?;
        }
        let middle = left + columns * cell_width / 2.0;
        canvas.text(&clip(&map.x.label, 60), (middle, bottom + 32.0), SMALL, Anchor::Center, INK.mix(MUTED))?;

        for (row, cells) in map.cells.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let corner = (left + column as f64 * cell_width, TOP + row as f64 * cell_height);
                let value = cell.and_then(|(index, spread)| Some((overview.settings[index].cells.len(), spread?)));
                draw_cell(canvas, corner, (cell_width, cell_height), value, shade)?;
                if map.best == Some((row, column)) {
                    let (l, t) = (corner.0 + 1.5, corner.1 + 1.5);
                    let frame = frame_color(cell.and_then(|(_, spread)| Some(shade(spread?.mean))));
                    canvas.frame((l, t), (l + cell_width - 4.0, t + cell_height - 4.0), frame, 3.0)?;
                }
            }
        }
        let bar_left = left + columns * cell_width + 18.0;
        draw_bar(canvas, (bar_left, TOP), (low, high), &series.info.unit)
    })
}

/// Black on light fields, white on dark ones.
fn frame_color(shade: Option<f64>) -> RGBColor {
    if shade.is_none_or(|shade| is_light(viridis(shade))) { RGBColor(0, 0, 0) } else { RGBColor(255, 255, 255) }
}

fn draw_cell(
    canvas: &Canvas<'_>,
    (left, top): (f64, f64),
    (width, height): (f64, f64),
    value: Option<(usize, Spread)>,
    shade: impl Fn(f64) -> f64,
) -> Drawn {
    let (right, bottom) = (left + width - 1.0, top + height - 1.0);
    let middle = (left + width / 2.0, top + height / 2.0);
    let Some((cells, value)) = value else {
        canvas.frame((left, top), (right, bottom), INK.mix(0.25), 0.5)?;
        return canvas.text("–", middle, SMALL, Anchor::Center, INK.mix(MUTED));
    };
    let fill = viridis(shade(value.mean));
    canvas.rectangle((left, top), (right, bottom), fill)?;
    let ink = if is_light(fill) { RGBColor(0, 0, 0) } else { RGBColor(255, 255, 255) };
    let (mean, full) = (number(value.mean), spread(&value));
    let share = format!("n = {} of {cells}", value.n);
    let room = width - 8.0;
    if 1.1 * text_width(&full, SMALL) <= room && height > 40.0 {
        canvas.bold(&full, (middle.0, middle.1 - 8.0), SMALL, Anchor::Center, ink)?;
        return canvas.text(&share, (middle.0, middle.1 + 10.0), 10.5, Anchor::Center, ink);
    }
    if text_width(&mean, SMALL) > room {
        return Ok(()); // too narrow for any number: the colour and the table tell
    }
    canvas.bold(&mean, middle, SMALL, Anchor::Center, ink)
}

/// The scale of the colours.
fn draw_bar(canvas: &Canvas<'_>, (left, top): (f64, f64), (low, high): (f64, f64), unit: &str) -> Drawn {
    const HEIGHT: f64 = 120.0;
    const STEPS: usize = 40;
    let width = 12.0;
    if high <= low {
        canvas.rectangle((left, top), (left + width, top + width), viridis(0.5))?;
        return canvas.text(&number(low), (left + 18.0, top + 6.0), SMALL, Anchor::Left, INK.mix(MUTED));
    }
    let step = HEIGHT / STEPS as f64;
    for index in 0..STEPS {
        let y = top + index as f64 * step;
        let shade = 1.0 - (index as f64 + 0.5) / STEPS as f64;
        canvas.rectangle((left, y), (left + width, y + step), viridis(shade))?;
    }
    canvas.text(&clip(unit, 14), (left, top - 14.0), 11.0, Anchor::Left, INK.mix(MUTED))?;
    canvas.text(&number(high), (left + 18.0, top + 6.0), SMALL, Anchor::Left, INK.mix(MUTED))?;
    canvas.text(&number(low), (left + 18.0, top + HEIGHT - 6.0), SMALL, Anchor::Left, INK.mix(MUTED))
}
