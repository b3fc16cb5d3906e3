//! Reports and the review for a terminal. No line is ever wider than the style allows.

mod grid;
mod page;

use crate::render::format::{self, Missing, alone, symbol, tally};
use crate::render::table::Table;
use crate::report::{Provenance, Report};
use crate::review::{PromiseLine, Review, Standing};
use page::{Ink, Page, bar, clean, pad, width};

/// Rows of a report that the review shows; the report alone shows all.
pub const REVIEW_ROWS: usize = 12;

/// Narrowest page that is drawn.
const WIDTH_MIN: usize = 24;
/// Text is not set wider than this, so that it can be read.
const MEASURE: usize = 100;
/// Columns of the attainment bar that mean 100 %.
const GOAL_CELLS: usize = 10;
/// Columns of the attainment bar.
const ATTAINMENT_CELLS: usize = 12;

/// How a terminal wants its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns; fewer than 24 are treated as 24.
    pub width: usize,
    /// ANSI colours.
    pub color: bool,
    /// Block characters and typographic signs; ASCII otherwise.
    pub unicode: bool,
}

impl TextStyle {
    /// Plain text of a width: no colours, no signs beyond ASCII of our own.
    pub fn plain(width: usize) -> Self {
        Self { width, color: false, unicode: false }
    }

    fn sound(self) -> Self {
        Self { width: self.width.max(WIDTH_MIN), ..self }
    }
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { width: 100, color: false, unicode: true }
    }
}

/// A report: question, answer, table with all its rows, notes, and what it rests on.
pub fn report_to_text(report: &Report, style: &TextStyle) -> String {
    let style = style.sound();
    let mut page = Page::new(&style);
    body(&mut page, report, usize::MAX);
    paragraph(&mut page, Ink::Quiet, "", &report.method);
    for (term, value) in format::provenance(&report.provenance) {
        paragraph(&mut page, Ink::Quiet, &pad(term, 11, false), &value);
    }
    clauses(&mut page, report);
    page.finish()
}

/// The review: headline, promises of both sides, then each report with its first rows.
pub fn review_to_text(review: &Review, style: &TextStyle) -> String {
    let style = style.sound();
    let mut page = Page::new(&style);
    page.wrapped(Ink::Quiet, "", &format!("{} · {}", review.title, basis(&review.provenance)));
    page.wrapped(Ink::Strong, "", &review.headline);
    promises(&mut page, review);
    for report in &review.reports {
        page.blank();
        page.rule();
        body(&mut page, report, REVIEW_ROWS);
        if report.provenance != review.provenance {
            paragraph(&mut page, Ink::Quiet, "Rests on ", &basis(&report.provenance));
        }
        clauses(&mut page, report);
        paragraph(&mut page, Ink::Quiet, "Again      ", &format::command(report));
    }
    page.blank();
    page.rule();
    for (term, value) in format::provenance(&review.provenance) {
        paragraph(&mut page, Ink::Quiet, &pad(term, 11, false), &value);
    }
    page.finish()
}

/// What a number rests on, in one line.
fn basis(p: &Provenance) -> String {
    let signed = if p.signed { "signed" } else { "draft" };
    let filter = p.filter.as_ref().map(|f| format!(" · where {f}")).unwrap_or_default();
    format!("{} · as of {} · agreement {} ({signed}) · record {}{filter}", p.period, p.as_of, p.agreement, p.record_version)
}

/// Text wrapped at a width that can be read.
fn paragraph(page: &mut Page<'_>, ink: Ink, first: &str, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    let narrow = TextStyle { width: page.style.width.min(MEASURE), ..*page.style };
    let first = clean(first, &narrow);
    let room = narrow.width.saturating_sub(width(&first));
    for (i, line) in page::wrap(&clean(text, &narrow), room).iter().enumerate() {
        let lead = if i == 0 { first.clone() } else { " ".repeat(width(&first)) };
        page.line(&[(Ink::Quiet, &lead), (ink, line)]);
    }
}

fn body(page: &mut Page<'_>, report: &Report, most: usize) {
    paragraph(page, Ink::Strong, "", &report.question);
    paragraph(page, Ink::Plain, "", &report.answer);
    page.blank();
    grid::table(page, report, &Table::first(report, most));
    page.blank();
    for note in &report.notes {
        paragraph(page, Ink::Plain, "- ", note);
    }
}

fn clauses(page: &mut Page<'_>, report: &Report) {
    paragraph(page, Ink::Quiet, "Clauses    ", &report.clauses.join(", "));
}

fn standing_ink(standing: Standing) -> Ink {
    match standing {
        Standing::Kept => Ink::Kept,
        Standing::OnTrack | Standing::Open => Ink::Plain,
        Standing::AtRisk => Ink::Risk,
        Standing::Broken => Ink::Broken,
    }
}

/// One promise as its figures are shown.
struct Figures {
    numbers: String,
    attainment: String,
    share: f64,
    /// Why there is no number, if there is none.
    why: String,
}

impl Figures {
    fn of(p: &PromiseLine, provenance: &Provenance, style: &TextStyle) -> Self {
        let show = |cell| alone(cell, &provenance.currency, provenance.exponent);
        let numbers = clean(&format!("{} of {}", show(&p.actual), show(&p.goal)), style);
        let share = p.attainment.value(provenance.exponent).unwrap_or(0.0);
        let why = Missing::of(&p.actual).or(Missing::of(&p.attainment)).map(Missing::words).unwrap_or_default();
        Self { numbers, attainment: clean(&show(&p.attainment), style), share, why }
    }
}

fn promises(page: &mut Page<'_>, review: &Review) {
    let style = page.style;
    let figures: Vec<Figures> = review.promises.iter().map(|p| Figures::of(p, &review.provenance, style)).collect();
    let widest = |of: &dyn Fn(usize) -> usize| (0..figures.len()).map(of).max().unwrap_or(0);
    let title = widest(&|i| width(&clean(&review.promises[i].title, style)));
    let numbers = widest(&|i| width(&figures[i].numbers));
    let attainment = widest(&|i| width(&figures[i].attainment));
    // Sign, standing and title before, the bar behind.
    let lead = 14;
    let one_line = lead + title + 2 + numbers + 2 + attainment + 2 + ATTAINMENT_CELLS <= style.width;
    let indent = if style.width < 48 { 4 } else { lead };
    let aligned = one_line || indent + numbers + 2 + attainment + 2 + ATTAINMENT_CELLS <= style.width;

    let mut sides: Vec<&str> = Vec::new();
    for p in &review.promises {
        if !sides.contains(&p.side.as_str()) {
            sides.push(&p.side);
        }
    }
    for side in sides {
        page.blank();
        let of_side = review.promises.iter().filter(|p| p.side == side);
        let heading = format!("What {side} promised: ");
        page.line(&[(Ink::side(side), &heading), (Ink::Plain, &tally(of_side))]);
        for (p, f) in review.promises.iter().zip(&figures).filter(|(p, _)| p.side == side) {
            let sign = format!("  {} {}  ", symbol(p.standing), pad(p.standing.word(), 8, false));
            let drawn = attainment_bar(f.share, style);
            let mut first = vec![(standing_ink(p.standing), sign.as_str())];
            let name = pad(&clean(&p.title, style), if one_line { title + 2 } else { 0 }, false);
            let column = if aligned { numbers } else { 0 };
            let shown = format!("{}  {}  ", pad(&f.numbers, column, one_line), pad(&f.attainment, attainment, true));
            let mut second = vec![(Ink::Plain, shown.as_str()), (Ink::side(side), drawn.0.as_str()), (Ink::Quiet, drawn.1.as_str())];
            first.push((Ink::Strong, name.as_str()));
            let blanks = " ".repeat(indent);
            if one_line {
                first.append(&mut second);
                page.line(&first);
            } else {
                page.line(&first);
                second.insert(0, (Ink::Plain, blanks.as_str()));
                page.line(&second);
            }
            paragraph(page, Ink::Plain, &blanks, &p.text);
            paragraph(page, Ink::Plain, &blanks, if p.gap.is_empty() { &f.why } else { &p.gap });
            paragraph(page, Ink::Quiet, &blanks, &p.clause);
        }
    }
}

/// The part that was attained, and what is missing from the goal. Ten columns are the goal.
fn attainment_bar(share: f64, style: &TextStyle) -> (String, String) {
    let (full, faint) = if style.unicode { ('█', "░") } else { ('#', ".") };
    let scale = ATTAINMENT_CELLS as f64 / GOAL_CELLS as f64;
    let done = bar(share / scale, ATTAINMENT_CELLS, full, style);
    let rest = GOAL_CELLS.saturating_sub(width(&done));
    (done, faint.repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    /// Text without its ANSI codes.
    fn bare(text: &str) -> String {
        let mut out = String::new();
        let mut parts = text.split('\u{1b}');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            out.push_str(part.split_once('m').expect("a code ends with m").1);
        }
        out
    }

    fn styles() -> impl Iterator<Item = TextStyle> {
        let widths = (24..=130).chain([160, 240]);
        widths.flat_map(|width| {
            [(false, false), (true, true), (false, true)].map(|(color, unicode)| TextStyle { width, color, unicode })
        })
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let review = fixture::review();
        for style in styles() {
            let mut texts: Vec<String> = review.reports.iter().map(|r| report_to_text(r, &style)).collect();
            texts.push(review_to_text(&review, &style));
            for line in texts.iter().flat_map(|t| t.lines()) {
                let line = bare(line);
                assert!(width(&line) <= style.width, "{} > {}: {line}", width(&line), style.width);
            }
        }
    }

    #[test]
    fn every_column_is_shown_or_named() {
        let report = fixture::aging(3);
        for style in styles() {
            let text = bare(&report_to_text(&report, &style)).replace('\n', " ");
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.iter().any(|w| w.starts_with("61")), "width {}: {text}", style.width);
        }
    }

    #[test]
    fn ascii_means_ascii_for_what_is_ours() {
        let mut review = fixture::review();
        review.reports.pop();
        let text = review_to_text(&review, &TextStyle::plain(80));
        assert!(text.is_ascii(), "{}", text.chars().filter(|c| !c.is_ascii()).collect::<String>());
        assert!(text.contains("x broken") && text.contains("+ kept") && text.contains("! at risk"));
    }

    #[test]
    fn colour_is_never_alone() {
        let review = fixture::review();
        let style = TextStyle { width: 100, color: true, unicode: true };
        let coloured = review_to_text(&review, &style);
        let plain = review_to_text(&review, &TextStyle { color: false, ..style });
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(bare(&coloured), plain, "the words are the same without colour");
        assert!(plain.contains("✓ kept") && plain.contains("✗ broken") && plain.contains("! at risk"));
    }

    #[test]
    fn data_cannot_send_escapes() {
        let style = TextStyle { width: 80, color: false, unicode: true };
        assert!(!report_to_text(&fixture::awkward(), &style).contains('\u{1b}'));
    }

    #[test]
    fn the_review_cuts_long_tables_and_the_report_does_not() {
        let style = TextStyle { width: 120, color: false, unicode: true };
        let review = review_to_text(&fixture::review(), &style);
        assert!(review.contains("… and 18 more rows: treaty report aging"), "{review}");
        let report = report_to_text(&fixture::aging(30), &style);
        assert!(!report.contains("more rows"));
    }

    #[test]
    fn the_review_opens_with_the_promises() {
        let text = review_to_text(&fixture::review(), &TextStyle::default());
        let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle} in {text}"));
        assert!(at("Marketing kept one of three") < at("What marketing promised: 1 of 3 kept, 1 at risk, 1 open"));
        assert!(at("What marketing promised") < at("What sales promised"));
        assert!(at("What marketing promised") < at("missed by 15.4 points"));
        assert!(at("promise.sales.speed_to_lead (agreement.toml:92)") < at("What does funnel say?"));
    }

    #[test]
    fn missing_and_provisional_numbers_are_explained() {
        let text = report_to_text(&fixture::funnel(), &TextStyle::default());
        assert!(text.contains("Trial ~"), "{text}");
        assert!(text.contains("~ provisional"));
        assert!(text.contains("n<10"));
        assert!(text.contains("– nothing to divide by: Conversion"));
        assert!(text.contains('▒'), "provisional bars are hatched: {text}");
    }

    #[test]
    fn an_empty_report_says_so() {
        let mut report = fixture::funnel();
        report.rows.clear();
        report.provisional.clear();
        assert!(report_to_text(&report, &TextStyle::default()).contains("No rows in this period."));
    }
}
