//! The alignment review, or one report, as one HTML file: no request, no font, no script needed.

use askama::Template;
use treaty_app::render::format::provenance;
use treaty_app::report::{Provenance, Report};
use treaty_app::review::Review;

use crate::section::{Section, SideView, key, prose, sides};

/// Why a page could not be written.
pub type Error = askama::Error;

const STYLE: &str = include_str!("../templates/style.css");
const SCRIPT: &str = include_str!("../templates/enhance.js");

/// What every page has around its subject.
struct Shell {
    title: String,
    style: &'static str,
    script: &'static str,
    basis: Vec<String>,
    provenance: Vec<(&'static str, String)>,
}

impl Shell {
    fn new(title: &str, p: &Provenance) -> Self {
        let mut basis = vec![p.period.clone(), format!("as of {}", p.as_of)];
        if !p.signed {
            basis.push("draft, not signed by both sides".to_owned());
        }
        basis.extend(p.filter.as_ref().map(|f| format!("where {f}")));
        Self {
            title: title.to_owned(),
            style: STYLE,
            script: SCRIPT,
            basis,
            provenance: provenance(p),
        }
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    shell: Shell,
    name: String,
    headline: String,
    key: String,
    sides: Vec<SideView>,
    sections: Vec<Section>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    shell: Shell,
    name: String,
    s: Section,
}

/// The review as one HTML file: the promises of both sides first, then every report.
pub fn review_html(review: &Review) -> Result<String, Error> {
    let section = |(at, report)| Section::of(report, at + 1, &review.promises, &review.provenance);
    let page = ReviewPage {
        shell: Shell::new(&format!("{} · {}", review.title, review.provenance.period), &review.provenance),
        name: review.title.clone(),
        headline: prose(&review.headline),
        key: key(review),
        sides: sides(review),
        sections: review.reports.iter().enumerate().map(section).collect(),
    };
    page.render()
}

/// One report as one HTML file, in the same frame.
pub fn report_html(report: &Report) -> Result<String, Error> {
    let page = ReportPage {
        shell: Shell::new(&report.question, &report.provenance),
        name: report.provenance.agreement_name.clone(),
        s: Section::of(report, 1, &[], &report.provenance),
    };
    page.render()
}

#[cfg(test)]
mod tests;
