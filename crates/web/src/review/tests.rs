//! The pages: balanced, self-contained, escaped, and complete.

use super::*;
use crate::company;
use crate::markup::{assert_balanced, values};
use treaty_app::report::Cell;

fn review_page() -> String {
    review_html(&company::review()).expect("a page")
}

#[test]
fn pages_are_balanced_and_their_ids_unique() {
    let review = company::review();
    let mut pages: Vec<String> = review.reports.iter().map(|r| report_html(r).expect("a page")).collect();
    pages.push(review_page());
    for page in pages {
        assert_balanced(&page);
        let mut ids = values(&page, "id");
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "ids are unique");
        for href in values(&page, "href").into_iter().filter_map(|h| h.strip_prefix('#')) {
            assert!(ids.contains(&href), "#{href} leads somewhere");
        }
        for labelled in values(&page, "aria-labelledby").into_iter().flat_map(str::split_whitespace) {
            assert!(ids.contains(&labelled), "{labelled} exists");
        }
    }
}

#[test]
fn a_page_asks_for_nothing() {
    let page = review_page();
    for outside in [" src=", "url(http", "@import", "<link rel=\"stylesheet\"", "href=\"http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_promises_come_first() {
    let page = review_page();
    let at = |needle: &str| page.find(needle).unwrap_or_else(|| panic!("{needle}"));
    assert!(at("<h1>") < at("What marketing promised"));
    assert!(at("What marketing promised") < at("What sales promised"));
    assert!(at("What sales promised") < at("id=\"contents\""));
    assert!(at("id=\"contents\"") < at("<figure>"));
    assert!(page.contains("missed by 15.4 points (n = 108)"));
    assert!(page.contains("promise.sales.speed_to_lead (agreement.toml:92)"));
    assert!(page.contains("<span aria-hidden=\"true\">✗</span> broken"));
    assert!(page.contains("too young to judge"), "an open promise says why");
}

#[test]
fn what_others_wrote_is_escaped() {
    let mut review = company::review();
    let evil = "</title></style><script>alert(1)</script>\"'&";
    review.title = evil.to_owned();
    review.headline = evil.to_owned();
    for p in &mut review.promises {
        for text in [&mut p.title, &mut p.text, &mut p.clause, &mut p.gap, &mut p.period, &mut p.promise, &mut p.side] {
            *text = evil.to_owned();
        }
    }
    for r in &mut review.reports {
        for text in [&mut r.name, &mut r.question, &mut r.answer, &mut r.method] {
            *text = evil.to_owned();
        }
        r.notes = vec![evil.to_owned()];
        r.clauses = vec![evil.to_owned()];
        r.provenance.filter = Some(evil.to_owned());
        for c in &mut r.columns {
            c.title = evil.to_owned();
            c.metric = Some(evil.to_owned());
        }
        for cell in r.rows.iter_mut().flatten() {
            if let Cell::Text(text) = cell {
                *text = evil.to_owned();
            }
        }
    }
    let page = review_html(&review).expect("a page");
    assert!(!page.contains("<script>alert"), "no markup from the data");
    assert_eq!(page.matches("<script>").count(), 1);
    // Promises that all share a name cannot have unique ids, but the page stays balanced.
    assert_balanced(&page);
}

#[test]
fn missing_numbers_have_a_reason_in_the_tip_and_below() {
    let page = report_html(&company::funnel()).expect("a page");
    assert!(page.contains("class=\"num none\" title=\"nothing to divide by\">–<sup>"), "{page}");
    assert!(page.contains("title=\"fewer than 10 cases, so no rate is shown\">n&#60;10<sup>"), "{page}");
    assert!(page.contains("nothing to divide by: Conversion, 95 % interval (1 row)"));
}

#[test]
fn provisional_rows_say_so_and_exact_values_are_kept() {
    let page = report_html(&company::funnel()).expect("a page");
    assert!(page.contains("<tr class=\"provisional\">"));
    assert!(page.contains("<th scope=\"row\" class=\"txt\">Demo <span class=\"mark\">provisional</span></th>"));
    assert!(page.contains("title=\"214 of 711\""));
    assert!(page.contains("<th scope=\"col\" class=\"num\" title=\"Metric stage_conversion"));
    assert!(page.contains("<span class=\"unit\">%</span>"));
}

#[test]
fn clauses_lead_to_their_promise() {
    assert!(review_page().contains("<a href=\"#promise-sales-leads_worked\">promise.sales.leads_worked</a>"));
    let alone = report_html(&company::aging()).expect("a page");
    assert!(!alone.contains("href=\"#promise-"), "no promise on the page, no link");
}

#[test]
fn long_tables_are_cut_and_say_how_to_get_the_rest() {
    let mut report = company::recycle();
    let row = report.rows[0].clone();
    report.rows.extend(std::iter::repeat_n(row, 1_000));
    let page = report_html(&report).expect("a page");
    assert_eq!(page.matches("<th scope=\"row\"").count(), crate::section::ROWS_MOST);
    assert!(page.contains("810 more rows: <code>treaty report recycle --period 2026-Q2 --as-of 2026-06-12 --format csv</code>"));
}

#[test]
fn an_empty_report_teaches() {
    let page = report_html(&company::speed()).expect("a page");
    assert!(page.contains("No rows in this period.") && !page.contains("<table>"));
}

#[test]
fn the_same_review_is_the_same_bytes() {
    assert_eq!(review_page(), review_page());
}

/// Contrast of two colours, as WCAG 2 counts it.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| {
        let part = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_has_contrast_in_light_and_dark() {
    let dark_at = STYLE.find("prefers-color-scheme: dark").expect("a dark mode");
    for mode in [&STYLE[..dark_at], &STYLE[dark_at..]] {
        let token = |name: &str| {
            let at = mode.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("--{name}"));
            &mode[at + name.len() + 4..at + name.len() + 11]
        };
        for (ink, on) in [
            ("ink", "page"),
            ("quiet", "page"),
            ("ink", "wash"),
            ("quiet", "wash"),
            ("kept-ink", "kept"),
            ("risk-ink", "risk"),
            ("broken-ink", "broken"),
            ("page", "marketing"),
            ("page", "sales"),
            ("page", "plain"),
            ("ink", "grey-1"),
            ("ink", "grey-6"),
        ] {
            let ratio = contrast(token(ink), token(on));
            assert!(ratio >= 4.5, "{ink} on {on}: {ratio:.2}");
        }
        for (a, b) in [("kept", "risk"), ("risk", "broken")] {
            assert!(contrast(token(a), token(b)) >= 1.4, "{a} and {b} differ in lightness");
        }
    }
}
