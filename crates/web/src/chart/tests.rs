//! Charts are well-formed, say their finding, and keep their promises about rows and marks.

use super::*;
use crate::company;
use crate::markup::{assert_balanced, values};
use treaty_app::report::{Cell, Report};

fn frames() -> [Frame<'static>; 3] {
    [Frame::wide("w"), Frame::narrow("n"), Frame::alone("a")]
}

fn svg(report: &Report, frame: &Frame<'_>) -> String {
    chart(report, frame).expect("a chart")
}

#[test]
fn every_chart_is_well_formed_and_described() {
    for report in [company::funnel(), company::sources(), company::aging(), company::influence()] {
        for frame in frames() {
            let svg = svg(&report, &frame);
            assert_balanced(&svg);
            assert!(svg.starts_with("<svg ") && svg.contains("role=\"img\""), "{}", report.name);
            assert!(svg.contains(&format!("<title id=\"{0}-title\">", frame.id)));
            assert!(svg.contains(&format!("<desc id=\"{0}-desc\">", frame.id)));
            let mut ids = values(&svg, "id");
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), all, "ids are unique");
            assert!(!svg.contains("NaN") && !svg.contains("\"inf"), "{}", report.name);
        }
    }
}

#[test]
fn nothing_is_drawn_outside_the_picture() {
    for report in [company::funnel(), company::sources(), company::aging(), company::influence()] {
        for frame in frames() {
            let svg = svg(&report, &frame);
            for (x, width) in values(&svg, "x").into_iter().zip(values(&svg, "width").into_iter().skip(1)) {
                let x: f64 = x.parse().expect("a number");
                assert!((0.0..=frame.width).contains(&x), "{} at {x} of {}", report.name, frame.width);
                assert!(width.parse::<f64>().expect("a number") >= 0.0);
            }
        }
    }
}

#[test]
fn web_charts_use_tokens_and_printed_ones_do_not() {
    let report = company::funnel();
    assert!(svg(&report, &Frame::wide("w")).contains("var(--sales,#98367f)"));
    let alone = svg(&report, &Frame::alone("a"));
    assert!(!alone.contains("var(") && alone.contains("#98367f"));
    assert!(alone.contains("Between Demo and Trial"), "the finding is the title");
    assert!(alone.contains("Conversion by stage, %."), "the measure is the subtitle");
}

#[test]
fn names_are_escaped() {
    let svg = svg(&company::sources(), &Frame::wide("w"));
    assert!(svg.contains("Referral &lt;partner&gt; &amp; &quot;friends&quot;"));
    assert!(!svg.contains("<partner>"));
}

#[test]
fn provisional_rows_are_hatched_and_missing_values_say_why() {
    let svg = svg(&company::funnel(), &Frame::wide("w"));
    assert!(svg.contains("fill=\"url(#w-hatch-0)\""));
    assert!(svg.contains("(provisional)"));
    assert!(svg.contains("– nothing to divide by"));
    assert!(svg.contains(">n&lt;10<"));
}

#[test]
fn beyond_twelve_rows_ratios_are_summed_from_their_counts() {
    let spec = Spec::of(&company::sources()).expect("a chart");
    assert_eq!(spec.marks.len(), ROWS_MOST + 1);
    let other = spec.marks.last().expect("rows");
    assert_eq!(other.label, "other (3)");
    // Podcast 4 of 22 and Trade fair 0 of 12; the suppressed row cannot be added.
    assert_eq!(other.values[0].x, Some(4.0 / 34.0));
    assert!(spec.marks.iter().all(|m| m.label != "Total"), "a total is no mark among its parts");
}

#[test]
fn beyond_seven_series_the_rest_is_one() {
    let mut report = company::aging();
    let Some(treaty_app::report::Chart::Stacked { parts, .. }) = &mut report.chart else { panic!("stacked") };
    parts.push("total".to_owned());
    let spec = Spec::of(&report).expect("a chart");
    assert_eq!(spec.series.len(), SERIES_MOST);
    assert_eq!(spec.series.last().map(String::as_str), Some("other"));
    assert_eq!(spec.marks[0].values.len(), SERIES_MOST);
    assert_eq!(spec.marks[0].values[6].x, Some(208.0 + 1_199.0));
}

#[test]
fn hues_follow_the_side() {
    let funnel = Spec::of(&company::funnel()).expect("a chart");
    assert_eq!((funnel.marks[0].tone, funnel.marks[3].tone), (Tone::Marketing, Tone::Sales));
    let aging = Spec::of(&company::aging()).expect("a chart");
    assert!(aging.marks.iter().all(|m| m.tone == Tone::Sales), "by its clause");
}

#[test]
fn no_values_no_chart() {
    let mut report = company::funnel();
    let at = report.position("conversion").expect("a column");
    for row in &mut report.rows {
        row[at] = Cell::Blank;
    }
    assert_eq!(chart(&report, &Frame::wide("w")), None);
    assert_eq!(chart(&company::recycle(), &Frame::wide("w")), None);
}

#[test]
fn negative_values_point_to_the_left() {
    let mut report = company::influence();
    for row in &mut report.rows {
        row[2] = Cell::Money(-5_000_000);
    }
    for frame in frames() {
        let svg = svg(&report, &frame);
        assert_balanced(&svg);
        assert!(svg.contains("−50.0 k"), "{svg}");
    }
}

#[test]
fn the_attainment_bar_ends_at_its_limit() {
    for share in [None, Some(0.0), Some(0.838), Some(9.0), Some(f64::NAN), Some(-1.0)] {
        let bar = attainment(share, Some(0.8), "sales", Theme::Web);
        assert_balanced(&bar);
        for width in values(&bar, "width") {
            assert!(width.parse::<f64>().expect("a number") <= 250.0);
        }
    }
}
