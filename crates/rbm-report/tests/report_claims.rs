//! The page of claims: reads as it did, escapes what it is given, and stays small.

#[path = "helpers/page.rs"]
mod page;

use rbm_report::{
    Chart, ChartKind, ChartPoint, ChartSeries, ClaimSection, ClaimsPage, ClaimsReport, Error, ImageGrid, Reference,
    TestRow, VerdictWord, render_claims,
};

fn checked(report: &ClaimsReport) -> ClaimsPage {
    let rendered = render_claims(report).expect("a page");
    page::check(&rendered.html, &rendered.figures);
    rendered
}

fn chart(text: &str, kind: ChartKind) -> Chart {
    let point = |x: f64| ChartPoint { x, y: x * x, low: Some(x * x - 1.0), high: Some(x * x + 1.0) };
    Chart {
        stem: text.into(),
        title: text.into(),
        sentence: text.into(),
        kind,
        x_label: text.into(),
        y_label: text.into(),
        series: vec![ChartSeries { label: text.into(), points: [1.0, 2.0, 3.0].map(point).to_vec() }],
        references: vec![Reference { at: 4.0, label: text.into() }],
        ..Chart::default()
    }
}

fn claim(name: &str, group: &str, verdict: VerdictWord) -> ClaimSection {
    ClaimSection {
        name: name.into(),
        title: format!("Title of {name}"),
        group: group.into(),
        claim: "It holds.".into(),
        quote: Some("We find that it holds.".into()),
        source: "A. Author (2000), page 3".into(),
        basis: "read".into(),
        verdict,
        headline: format!("number of {name}"),
        conclusion: "It holds where it was measured.".into(),
        beside: "More is known.".into(),
        tests: vec![TestRow {
            says: "the mean is above zero".into(),
            verdict,
            statistic: "1.5 nats".into(),
            interval: "[1.0, 2.0]".into(),
            n: "10".into(),
            rule: "confirmed above 0, refuted below 0".into(),
            found: "the mean is above zero".into(),
        }],
        charts: vec![chart("curve", ChartKind::Lines), chart("rows", ChartKind::Dots)],
        images: vec![("Weights of two units.".into(), "fields".into(), grid(2, 3))],
        command: format!("rbm claims run {name}"),
        note: Some("MNIST could not be had: strokes stand in its place.".into()),
        seconds: Some(184.0),
    }
}

fn grid(count: usize, pixels: usize) -> ImageGrid {
    let image = |seed: usize| -> Vec<f32> {
        let mixed = |place: usize| {
            let mixed = (place + 7919 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
        };
        (0..pixels * pixels).map(|place| (mixed(place) % 256) as f32 / 255.0 - 0.5).collect()
    };
    ImageGrid::diverging(pixels, pixels, (0..count).map(image).collect())
}

fn small() -> ClaimsReport {
    let article = "Claims of the article";
    ClaimsReport {
        title: "Claims".into(),
        facts: vec![("machine".into(), "a small one".into())],
        claims: vec![
            claim("first", article, VerdictWord::Confirmed),
            claim("second", "Claims of papers", VerdictWord::Refuted),
            claim("third", article, VerdictWord::Partly),
            ClaimSection { name: "fourth".into(), group: "Claims of papers".into(), ..ClaimSection::default() },
        ],
        command: "rbm claims page".into(),
    }
}

#[test]
fn page_of_claims_reads_as_it_did() {
    insta::assert_snapshot!(page::text(&checked(&small()).html));
}

#[test]
fn same_claims_give_the_same_bytes() {
    let (first, second) = (checked(&small()), checked(&small()));
    assert_eq!((first.html, first.figures), (second.html, second.figures));
}

#[test]
fn every_row_of_the_verdicts_leads_to_its_section() {
    let mut report = small();
    report.claims[1].name = "first".into();
    report.claims[2].name = "../ ".into();
    let html = checked(&report).html;
    let mut links: Vec<&str> = html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links.len(), 4);
    for link in &links {
        assert_eq!(html.matches(&format!("id=\"{link}\"")).count(), 1, "{link}");
    }
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), 4);
}

#[test]
fn figures_of_one_name_get_the_names_of_their_claims() {
    let page = checked(&small());
    let stems: Vec<&str> = page.figures.iter().map(|(stem, _)| stem.as_str()).collect();
    let second = ["second-curve", "second-rows", "second-fields"];
    assert_eq!(stems[..6], ["curve", "rows", "fields", second[0], second[1], second[2]]);
}

#[test]
fn texts_cannot_break_out_of_the_page_or_the_figures() {
    let evil = "</style><script>alert('&\"1\u{0}\u{1b}')</script>";
    let text = || evil.to_owned();
    let test = TestRow {
        says: text(),
        verdict: VerdictWord::Partly,
        statistic: text(),
        interval: text(),
        n: text(),
        rule: text(),
        found: text(),
    };
    let claim = ClaimSection {
        name: text(),
        title: text(),
        group: text(),
        claim: text(),
        quote: Some(text()),
        source: text(),
        basis: text(),
        verdict: VerdictWord::Partly,
        headline: text(),
        conclusion: text(),
        beside: text(),
        tests: vec![test],
        charts: vec![chart(evil, ChartKind::Lines), chart(evil, ChartKind::Dots)],
        images: vec![(text(), text(), grid(1, 2))],
        command: text(),
        note: Some(text()),
        seconds: Some(f64::NAN),
    };
    let unquoted = ClaimSection { quote: None, title: String::new(), ..claim.clone() };
    let claims = vec![claim, unquoted];
    let page = checked(&ClaimsReport { title: text(), facts: vec![(text(), text())], claims, command: text() });
    assert!(page.html.contains("&lt;/style&gt;&lt;script&gt;"));
}

#[test]
fn report_without_claims_says_so() {
    assert!(checked(&ClaimsReport::default()).html.contains("No claim was tested."));
    let one = ClaimsReport { claims: vec![ClaimSection::default()], ..ClaimsReport::default() };
    assert!(checked(&one).html.contains("1 claim: 1 undecided."));
}

#[test]
fn page_that_grows_too_large_leaves_out_images_before_charts() {
    let mut report = small();
    // noise hardly compresses: 100 images of 80 x 80 are 640 kB, in base64 a third more
    for claim in &mut report.claims {
        claim.images = (0..3).map(|index| ("Noise.".into(), format!("noise-{index}"), grid(100, 80))).collect();
    }
    let page = checked(&report);
    assert!(page.figures.iter().map(|(_, svg)| svg.len()).sum::<usize>() > 5_000_000);
    assert!(page.html.contains("Left out of this page to keep it small"));
    assert!(page.html.contains("id=\"figure-noise-0\"") && !page.html.contains("id=\"figure-fourth-noise-2\""));
    assert!(["curve", "rows", "third-rows"].iter().all(|stem| page.html.contains(&format!("id=\"figure-{stem}\""))));
}

#[test]
fn image_of_the_wrong_size_is_refused_by_name() {
    let mut report = small();
    report.claims[0].images = vec![(String::new(), "fields".into(), ImageGrid::unit(2, 2, vec![vec![0.0; 3]]))];
    let refused = render_claims(&report).expect_err("three pixels are not four");
    assert!(matches!(refused, Error::ImageSize { index: 0, found: 3, .. }));
}

#[test]
fn grey_images_have_a_picture_and_no_scale_of_weights() {
    let mut report = small();
    report.claims.truncate(1);
    report.claims[0].images = vec![("Samples.".into(), "samples".into(), ImageGrid::unit(2, 2, vec![vec![0.5; 4]]))];
    let page = checked(&report);
    let (_, svg) = page.figures.iter().find(|(stem, _)| stem == "samples").expect("the samples");
    assert_eq!((svg.matches("<image").count(), svg.matches(">weight<").count()), (1, 0));
}
