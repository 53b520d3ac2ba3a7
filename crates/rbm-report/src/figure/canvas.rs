//! Drawing with plotters, in CSS pixels.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, DrawingAreaErrorKind, FontTransform, IntoDrawingArea, IntoFont, PathElement, Polygon,
    RGBAColor, Rectangle, SVGBackend, ShapeStyle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, TextStyle};

use crate::error::Error;

/// Canvas units in a CSS pixel: plotters' SVG coordinates are whole numbers, and curves need finer ones.
const SCALE: f64 = 2.0;
/// Plotters divides font sizes by this when it writes SVG.
const FONT_SCALE: f64 = 1.24;

pub(crate) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A figure's drawing area.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// How text lies about its point.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Left,
    Center,
    Right,
}

/// The size of a figure in CSS pixels, and in the units of its view box.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) units: f64,
}

/// The shapes that tell lines apart beside colour and dash.
const MARKERS: usize = 4;

/// Draws a figure of a size in CSS pixels; returns the SVG elements without the root.
pub(crate) fn draw(
    stem: &str,
    (width, height): (f64, f64),
    body: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Result<(String, Size), Error> {
    let mut svg = String::new();
    let units = ((width * SCALE) as u32, (height * SCALE) as u32);
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, units).into_drawing_area() };
        let drawn = body(&canvas).and_then(|()| canvas.area.present());
        drawn.map_err(|error| Error::Draw { figure: stem.to_owned(), reason: error.to_string() })?;
    }
    let start = svg.find('>').map_or(0, |end| end + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    Ok((svg[start..end].trim().to_owned(), Size { width, height, units: SCALE }))
}

fn scaled((x, y): (f64, f64)) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn stroke(color: impl Color, width: f64) -> ShapeStyle {
    ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: (width * SCALE).round() as u32 }
}

impl Canvas<'_> {
    /// Text of a size in CSS pixels, centred on its point's height.
    pub(crate) fn text(&self, text: &str, at: (f64, f64), size: f64, anchor: Anchor, color: impl Color) -> Drawn {
        self.styled(text, at, size, anchor, color, FontStyle::Normal)
    }

    /// Bold text.
    pub(crate) fn bold(&self, text: &str, at: (f64, f64), size: f64, anchor: Anchor, color: impl Color) -> Drawn {
        self.styled(text, at, size, anchor, color, FontStyle::Bold)
    }

    fn styled(
        &self,
        text: &str,
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        color: impl Color,
        weight: FontStyle,
    ) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let side = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Center => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = ("sans-serif", size * SCALE * FONT_SCALE).into_font().style(weight).transform(FontTransform::None);
        let color = color.to_rgba();
        let style = TextStyle::from(font).color(&color).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), scaled(at), style))
    }

    /// A line through points.
    pub(crate) fn path(&self, points: &[(f64, f64)], color: impl Color, width: f64) -> Drawn {
        let points: Vec<_> = points.iter().copied().map(scaled).collect();
        self.area.draw(&PathElement::new(points, stroke(color, width)))
    }

    /// A filled shape.
    pub(crate) fn polygon(&self, corners: &[(f64, f64)], color: impl Color) -> Drawn {
        let corners: Vec<_> = corners.iter().copied().map(scaled).collect();
        self.area.draw(&Polygon::new(corners, color.to_rgba().filled()))
    }

    /// A filled rectangle.
    pub(crate) fn rectangle(&self, corner: (f64, f64), opposite: (f64, f64), color: impl Color) -> Drawn {
        self.area.draw(&Rectangle::new([scaled(corner), scaled(opposite)], color.to_rgba().filled()))
    }

    /// The outline of a rectangle.
    pub(crate) fn frame(&self, (l, t): (f64, f64), (r, b): (f64, f64), color: impl Color, width: f64) -> Drawn {
        self.path(&[(l, t), (r, t), (r, b), (l, b), (l, t), (r, t)], color, width)
    }

    /// A circle's outline.
    pub(crate) fn ring(&self, at: (f64, f64), radius: f64, color: impl Color, width: f64) -> Drawn {
        self.area.draw(&Circle::new(scaled(at), radius * SCALE, stroke(color, width)))
    }

    /// A cross.
    pub(crate) fn cross(&self, (x, y): (f64, f64), radius: f64, color: impl Color) -> Drawn {
        let color: RGBAColor = color.to_rgba();
        self.path(&[(x - radius, y - radius), (x + radius, y + radius)], color, 1.5)?;
        self.path(&[(x - radius, y + radius), (x + radius, y - radius)], color, 1.5)
    }

    /// A disc, square, triangle or diamond, by index.
    pub(crate) fn marker(&self, index: usize, (x, y): (f64, f64), radius: f64, color: impl Color) -> Drawn {
        let r = radius;
        match index % MARKERS {
            0 => self.area.draw(&Circle::new(scaled((x, y)), radius * SCALE, color.to_rgba().filled())),
            1 => self.rectangle((x - 0.9 * r, y - 0.9 * r), (x + 0.9 * r, y + 0.9 * r), color),
            2 => self.polygon(&[(x, y - 1.2 * r), (x + 1.1 * r, y + 0.8 * r), (x - 1.1 * r, y + 0.8 * r)], color),
            _ => self.polygon(&[(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)], color),
        }
    }
}

/// About how wide text of a size is, in CSS pixels.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let em: f64 = text.chars().map(|c| if c.is_ascii() || c == '\u{2212}' { 0.57 } else { 0.9 }).sum();
    em * size
}
