//! The last value of a metric over one swept key, with every seed.

use plotters::style::Color;

use super::axes::{Frame, Scale, label_room, padded, ticks};
use super::canvas::{Anchor, Size, draw};
use super::theme::{INK, line};
use crate::error::Error;
use crate::format::{clip, clip_apart};
use crate::settings::{Overview, Series, Setting};
use crate::statistics::Spread;

const WIDTH: f64 = 640.0;
const TOP: f64 = 58.0;
const PLOT_HEIGHT: f64 = 230.0;

/// The values by setting, in the order of the axis; none where not just one key varies or nothing was measured.
pub(crate) fn values(overview: &Overview<'_>, series: &Series) -> Option<Vec<Option<Spread>>> {
    series.info.larger_is_better?;
    let spreads: Vec<_> = overview.settings.iter().map(|setting| series.spread(setting)).collect();
    (overview.axes.len() == 1 && spreads.iter().any(Option::is_some)).then_some(spreads)
}

/// The ends of each mean's bar: one standard deviation of the seeds to each side, of one seed its interval.
fn bars(overview: &Overview<'_>, series: &Series, spreads: &[Option<Spread>]) -> Vec<Option<(f64, f64)>> {
    let bar = |(setting, spread): (&Setting<'_>, &Option<Spread>)| {
        let spread = (*spread)?;
        match spread.deviation {
            Some(deviation) => Some((spread.mean - deviation, spread.mean + deviation)),
            None => series.interval_of_mean(setting).map(|interval| interval.ends()),
        }
    };
    overview.settings.iter().zip(spreads).map(bar).collect()
}

/// Draws means with bars of one standard deviation, the seeds beside them, the best ringed.
pub(crate) fn figure(
    overview: &Overview<'_>,
    series: &Series,
    spreads: &[Option<Spread>],
    stem: &str,
) -> Result<(String, Size), Error> {
    let seeds: Vec<Vec<f64>> =
        overview.settings.iter().map(|setting| setting.done().filter_map(|cell| series.last(cell)).collect()).collect();
    let bars: Vec<Option<(f64, f64)>> = bars(overview, series, spreads);
    let ends = bars.iter().flatten().flat_map(|(low, high)| [*low, *high]);
    let means = spreads.iter().flatten().map(|spread| spread.mean);
    let range = padded(means.chain(ends).chain(seeds.iter().flatten().copied()));
    let value_ticks = ticks(range, 5, 0.0);
    let frame =
        Frame { left: label_room(&value_ticks) + 8.0, right: WIDTH - 18.0, top: TOP, bottom: TOP + PLOT_HEIGHT };
    let y = Scale::new(range, (frame.bottom, frame.top));
    let step = (frame.right - frame.left) / spreads.len() as f64;
    let x = |index: usize| frame.left + (index as f64 + 0.5) * step;
    let axis = overview.axes.first();
    let best = series.best_of(spreads);

    draw(stem, (WIDTH, frame.bottom + 44.0), |canvas| {
        let title = format!("{} at the end of training", series.title());
        canvas.bold(&clip(&title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&clip(&series.axis(), 80), (8.0, 40.0), 12.0, Anchor::Left, INK.mix(0.8))?;
        frame.draw_vertical_axis(canvas, &y, &value_ticks)?;
        let longest = ((step / 7.0) as usize).clamp(4, 24);
        let value = |setting: &'_ Setting<'_>| axis.and_then(|axis| setting.value(&axis.key)).unwrap_or("–").to_owned();
        let names: Vec<String> = overview.settings.iter().map(value).collect();
        let labels = clip_apart(names.iter().map(String::as_str), longest);
        let places: Vec<_> = labels.into_iter().enumerate().map(|(index, label)| (x(index), label)).collect();
        frame.draw_horizontal_axis(canvas, &places, axis.map_or("", |axis| axis.label.as_str()))?;
        for (index, spread) in spreads.iter().enumerate() {
            let Some(spread) = spread else {
                canvas.text("–", (x(index), (frame.top + frame.bottom) / 2.0), 12.0, Anchor::Center, INK.mix(0.8))?;
                continue;
            };
            if let Some((low, high)) = bars[index] {
                let (top, bottom) = (y.at(high), y.at(low));
                canvas.path(&[(x(index), top), (x(index), bottom)], line(0), 1.5)?;
                for end in [top, bottom] {
                    canvas.path(&[(x(index) - 5.0, end), (x(index) + 5.0, end)], line(0), 1.5)?;
                }
            }
            if spread.n > 1 {
                for seed in &seeds[index] {
                    canvas.ring((x(index) + (step / 4.0).min(14.0), y.at(*seed)), 2.5, INK.mix(0.6), 1.0)?;
                }
            }
            canvas.marker(0, (x(index), y.at(spread.mean)), 4.5, line(0))?;
            if best == Some(index) {
                canvas.ring((x(index), y.at(spread.mean)), 9.0, INK, 1.5)?;
            }
        }
        Ok(())
    })
}
