//! Charts: well-formed and readable for odd values.

#[path = "helpers/page.rs"]
mod page;

use quick_xml::Reader;
use quick_xml::events::Event;
use rbm_report::{Chart, ChartKind, ChartPoint, ChartSeries, ClaimSection, ClaimsReport, Reference, render_claims};

/// The SVG file of a chart, held to what every figure must be.
fn svg(chart: &Chart) -> String {
    let claim = ClaimSection { charts: vec![chart.clone()], ..ClaimSection::default() };
    let rendered = render_claims(&ClaimsReport { claims: vec![claim], ..ClaimsReport::default() }).expect("a page");
    page::check(&rendered.html, &rendered.figures);
    assert!(!page::text(&rendered.html).is_empty());
    rendered.figures.into_iter().next().expect("a figure").1
}

fn point(x: f64, y: f64) -> ChartPoint {
    ChartPoint { x, y, low: None, high: None }
}

fn about(x: f64, y: f64, low: f64, high: f64) -> ChartPoint {
    ChartPoint { x, y, low: Some(low), high: Some(high) }
}

fn series(label: &str, points: &[ChartPoint]) -> ChartSeries {
    ChartSeries { label: label.into(), points: points.to_vec() }
}

fn reference(at: f64, label: &str) -> Reference {
    Reference { at, label: label.into() }
}

/// A chart of one line or row with each kind and each pair of axes.
fn every_way(points: &[ChartPoint]) -> Vec<Chart> {
    let mut charts = Vec::new();
    for kind in [ChartKind::Lines, ChartKind::Dots] {
        for (x_log, y_log) in [(false, false), (false, true), (true, false), (true, true)] {
            let series = match kind {
                ChartKind::Lines => vec![series("a", points), series("b", points)],
                ChartKind::Dots => points.iter().map(|point| series("a", &[*point])).collect(),
            };
            let references = points.iter().map(|point| reference(point.y, "reference")).collect();
            charts.push(Chart { stem: "odd".into(), kind, x_log, y_log, series, references, ..Chart::default() });
        }
    }
    charts
}

/// The texts of a figure with their boxes: left, top, right, bottom.
fn boxes(svg: &str) -> Vec<(String, [f64; 4])> {
    // a mean advance of digits and lower-case letters; plotters aligns texts by their middle
    const EM: f64 = 0.5;
    let mut reader = Reader::from_str(svg);
    let mut found = Vec::new();
    let mut open = None;
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) if start.name().as_ref() == "text" => {
                let value = |name: &str| {
                    let attribute = start.try_get_attribute(name).expect("an attribute").expect(name);
                    String::from_utf8_lossy(attribute.value.as_ref().as_bytes()).into_owned()
                };
                let number = |name: &str| value(name).parse::<f64>().expect("a number");
                open = Some((number("x"), number("y"), number("font-size"), value("text-anchor")));
            }
            Event::Text(text) => {
                if let Some((x, y, size, anchor)) = &open {
                    let text = String::from_utf8_lossy(text.as_ref().as_bytes()).trim().to_owned();
                    let width = EM * size * text.chars().count() as f64;
                    let left = match String::as_str(anchor) {
                        "start" => *x,
                        "middle" => x - width / 2.0,
                        _ => x - width,
                    };
                    // capitals are 0.7 em high
                    found.push((text, [left, y - 0.35 * size, left + width, y + 0.35 * size]));
                }
            }
            Event::End(end) if end.name().as_ref() == "text" => open = None,
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn assert_apart(svg: &str) {
    let boxes = boxes(svg);
    assert!(boxes.len() > 4, "a figure has texts");
    for (index, (text, [left, top, right, bottom])) in boxes.iter().enumerate() {
        for (other, [l, t, r, b]) in &boxes[..index] {
            assert!(left >= r || l >= right || top >= b || t >= bottom, "{text:?} lies on {other:?}");
        }
    }
}

#[test]
fn nothing_and_values_that_are_none_give_nothing_measured() {
    let none = point(f64::NAN, f64::NAN);
    for points in [&[][..], &[none], &[none, point(1.0, f64::INFINITY)], &[about(1.0, f64::NAN, 0.0, 1.0)]] {
        for chart in every_way(points) {
            assert!(svg(&chart).contains("nothing measured"), "{chart:?}");
        }
    }
    assert!(svg(&Chart::default()).contains("nothing measured"));
}

#[test]
fn odd_values_have_figures() {
    for points in [
        &[point(0.0, 0.0)][..],
        &[point(3.0, 7.0)],
        &[point(1.0, 1e-300), point(2.0, 1e300)],
        &[point(1e-300, -1e300), point(1e300, 1e300)],
        &[point(1.0, 5e-324), point(2.0, 5e-324), point(3.0, 1e-323)],
        &[point(1.0, f64::MAX), point(2.0, f64::MIN), point(3.0, 1.0)],
        &[about(1.0, 2.0, f64::NEG_INFINITY, f64::INFINITY), about(2.0, 3.0, f64::NAN, f64::MAX)],
        &[about(1.0, 2.0, -5.0, 0.0), about(2.0, 2.0, 3.0, 1.0)],
        &[point(1.0, 2.0), point(1.0, 2.0), point(1.0, 3.0)],
        &[point(1e15, 1e15), point(1e15 + 2.0, 1e15 + 2.0)],
    ] {
        for chart in every_way(points) {
            svg(&chart);
        }
    }
}

#[test]
fn what_has_no_logarithm_is_left_out() {
    let chart = |points: &[ChartPoint]| Chart {
        x_log: true,
        y_log: true,
        series: vec![series("a", points)],
        references: vec![reference(2.0, "published")],
        ..Chart::default()
    };
    let whole = [point(1.0, 1.0), point(10.0, 5.0)];
    let with_others = [point(0.0, 3.0), whole[0], point(3.0, 0.0), point(4.0, -2.0), whole[1]];
    assert_eq!(svg(&chart(&whole)), svg(&chart(&with_others)));
    let mut with_reference = chart(&whole);
    with_reference.references.push(reference(0.0, "zero"));
    assert_eq!(svg(&chart(&whole)), svg(&with_reference));
}

#[test]
fn points_lie_in_the_order_of_x() {
    let chart = |points: &[ChartPoint]| Chart { series: vec![series("a", points)], ..Chart::default() };
    let (a, b, c) = (point(1.0, 1.0), point(2.0, 5.0), point(3.0, 2.0));
    assert_eq!(svg(&chart(&[a, b, c])), svg(&chart(&[c, a, b])));
}

#[test]
fn few_points_have_whiskers_and_many_a_band() {
    let chart = |n: u32| {
        let points: Vec<ChartPoint> = (0..n).map(f64::from).map(|x| about(x, x, x - 1.0, x + 1.0)).collect();
        svg(&Chart { series: vec![series("", &points)], ..Chart::default() })
    };
    let band = |svg: &str| svg.matches("<polygon").count();
    assert_eq!((band(&chart(5)), band(&chart(50))), (0, 1));
}

#[test]
fn texts_of_lines_do_not_touch() {
    let line = |index: usize| {
        let points: Vec<ChartPoint> =
            (0..40).map(|x| point(f64::from(x), (index as f64 + f64::from(x)).sin())).collect();
        series(&format!("condition {index} with a rather long name, hidden = 500"), &points)
    };
    let references = (0..9)
        .map(|index| reference(0.3 + 0.001 * f64::from(index), "published in a paper with a long title, table 2"));
    let chart = Chart {
        stem: "lines".into(),
        title: "A title".into(),
        x_label: "x".into(),
        y_label: "y".into(),
        series: (0..12).map(line).collect(),
        references: references.chain([reference(1e6, "bound")]).collect(),
        ..Chart::default()
    };
    let drawn = svg(&chart);
    assert_apart(&drawn);
    assert!((0..12).all(|index| drawn.contains(&format!("condition {index} with"))));
    assert!(drawn.contains("↑ bound (1.00e6)"), "a reference that is too far has its value");
    assert_apart(&svg(&Chart { y_log: true, x_log: true, ..chart }));
}

#[test]
fn texts_of_dots_do_not_touch() {
    let row = |index: usize| {
        let y = -100.0 + index as f64;
        series(
            &format!("condition {index} with a name that takes more than one line of the figure"),
            &[about(0.0, y, y - 1.0, y + 2.0)],
        )
    };
    let reference = |index: u32| reference(-99.0 + 3.0 * f64::from(index), "published in a paper with a long title");
    let chart = Chart {
        stem: "dots".into(),
        title: "A title".into(),
        kind: ChartKind::Dots,
        x_label: "condition".into(),
        y_label: "nats".into(),
        series: (0..12).map(row).collect(),
        references: (0..6).map(reference).chain([reference(3000)]).collect(),
        ..Chart::default()
    };
    let drawn = svg(&chart);
    assert_apart(&drawn);
    assert!(drawn.contains("→ published"), "a reference that is too far has an arrow");
    assert!(drawn.contains("\u{2212}95.0 [\u{2212}96.0, \u{2212}93.0]"), "the values stand beside their rows");
}
