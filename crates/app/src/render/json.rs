//! A report and a review as JSON. Numbers are numbers; a missing one is `null` with its reason.
//!
//! [`report_text`] and [`review_text`] are the indented text, an element of a list on a line.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Number, Value, json};
use std::io::{self, Write};

use crate::render::format::Missing;
use crate::render::table::is_provisional;
use crate::report::{Cell, Chart, Provenance, Report, Unit};
use crate::review::{PromiseLine, Review};

/// A report: question, answer, columns, one object a row, and what it rests on.
///
/// Each row has the columns as keys, and `provisional`. A ratio is
/// `{"value": 0.2, "numerator": 1, "denominator": 5}`, a missing number `{"value": null, "reason": "not_mature"}`.
/// Money is in major units of `provenance.currency`.
pub fn report_to_json(report: &Report) -> impl Serialize {
    let columns = report.columns.iter().map(|c| json!({"name": c.name, "title": c.title, "unit": unit(c.unit), "metric": c.metric}));
    ReportJson {
        report: &report.name,
        question: &report.question,
        answer: &report.answer,
        columns: columns.collect(),
        rows: Rows(report),
        chart: report.chart.as_ref().map(chart),
        clauses: &report.clauses,
        method: &report.method,
        notes: &report.notes,
        provenance: provenance(&report.provenance),
    }
}

/// Indented text for people and programs, with an end of line. An element of a list takes one line, so that
/// rows can be counted, searched and compared by line.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = written(value, Lines::default());
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}

fn written(value: &impl Serialize, lines: Lines) -> Vec<u8> {
    let mut text = Vec::new();
    // Memory takes everything, and what is told here can be written.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, lines));
    text
}

/// Indents objects, but writes each element of a list on one line.
#[derive(Default)]
struct Lines {
    outside: PrettyFormatter<'static>,
    /// An element of a list begins.
    element: bool,
    /// Lists and objects around, from that element on.
    within: usize,
}

impl Lines {
    /// Whether what opens belongs to an element.
    fn opens(&mut self) -> bool {
        let within = std::mem::take(&mut self.element) || self.within > 0;
        self.within += usize::from(within);
        within
    }

    fn closes(&mut self) -> bool {
        let within = self.within > 0;
        self.within -= usize::from(within);
        within
    }
}

fn comma(to: &mut (impl Write + ?Sized), first: bool) -> io::Result<()> {
    if first { Ok(()) } else { to.write_all(b", ") }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.opens() { to.write_all(b"[") } else { self.outside.begin_array(to) }
    }

    fn end_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.closes() { to.write_all(b"]") } else { self.outside.end_array(to) }
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.element = self.within == 0;
        if self.within > 0 { comma(to, first) } else { self.outside.begin_array_value(to, first) }
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.element = false;
        if self.within > 0 { Ok(()) } else { self.outside.end_array_value(to) }
    }

    fn begin_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.opens() { to.write_all(b"{") } else { self.outside.begin_object(to) }
    }

    fn end_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.closes() { to.write_all(b"}") } else { self.outside.end_object(to) }
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if self.within > 0 { comma(to, first) } else { self.outside.begin_object_key(to, first) }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.within > 0 { Ok(()) } else { self.outside.end_object_value(to) }
    }
}

/// [`pretty`] of a report.
pub fn report_text(report: &Report) -> String {
    pretty(&report_to_json(report))
}

/// The review: headline, promises of both sides, then every report. Indented text with an end of line.
pub fn review_text(review: &Review) -> String {
    let pieces: Vec<Vec<u8>> = review.reports.iter().map(piece).collect();
    let mut text = Vec::new();
    let written = write_review(review, &pieces, &mut text);
    written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
}

/// A report as it stands among those of a review. It may be long, and can be made while others are
/// not there yet.
pub fn piece(report: &Report) -> Vec<u8> {
    let (mut lines, mut nowhere) = (Lines::default(), io::sink());
    // It stands in a list in an object, and is itself no element on one line. Nowhere takes everything.
    let _ = lines.outside.begin_object(&mut nowhere).and_then(|()| lines.outside.begin_array(&mut nowhere));
    written(&report_to_json(report), lines)
}

/// Writes [`review_text`] of a review whose reports are there as pieces, in its order.
///
/// # Errors
/// What writing says.
pub fn write_review(review: &Review, pieces: &[Vec<u8>], to: &mut dyn Write) -> io::Result<()> {
    let exponent = review.provenance.exponent;
    let outline = pretty(&ReviewJson {
        title: &review.title,
        headline: &review.headline,
        promises: review.promises.iter().map(|p| promise(p, exponent)).collect(),
        reports: [],
        provenance: provenance(&review.provenance),
    });
    // No text within has an end of line.
    let (before, after) = outline.split_once(NO_REPORTS).unwrap_or((&outline, ""));
    write!(to, "{before}\n  \"reports\": [")?;
    for (i, piece) in pieces.iter().enumerate() {
        to.write_all(if i == 0 { "\n    " } else { ",\n    " }.as_bytes())?;
        to.write_all(piece)?;
    }
    to.write_all(if pieces.is_empty() { "]" } else { "\n  ]" }.as_bytes())?;
    to.write_all(after.as_bytes())
}

/// How a review without reports says so.
const NO_REPORTS: &str = "\n  \"reports\": []";

#[derive(Serialize)]
struct ReportJson<'a> {
    report: &'a str,
    question: &'a str,
    answer: &'a str,
    columns: Vec<Value>,
    rows: Rows<'a>,
    chart: Option<Value>,
    clauses: &'a [String],
    method: &'a str,
    notes: &'a [String],
    provenance: Value,
}

#[derive(Serialize)]
struct ReviewJson<'a> {
    title: &'a str,
    headline: &'a str,
    promises: Vec<Value>,
    reports: [(); 0],
    provenance: Value,
}

/// The rows of a report; there may be very many, so they are written as they are read.
struct Rows<'a>(&'a Report);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.0.rows.len()))?;
        for i in 0..self.0.rows.len() {
            list.serialize_element(&Row(self.0, i))?;
        }
        list.end()
    }
}

struct Row<'a>(&'a Report, usize);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(report, i) = *self;
        let mut object = to.serialize_map(None)?;
        let mut says = false;
        for (at, column) in report.columns.iter().enumerate() {
            let own = report.rows[i].get(at);
            if column.name == PROVISIONAL {
                says = true;
                match own.filter(|c| !matches!(c, Cell::Blank)) {
                    Some(own) => object.serialize_entry(PROVISIONAL, &CellJson(own, report.provenance.exponent))?,
                    None => object.serialize_entry(PROVISIONAL, &is_provisional(report, i))?,
                }
            } else {
                object.serialize_entry(&column.name, &own.map(|c| CellJson(c, report.provenance.exponent)))?;
            }
        }
        if !says {
            object.serialize_entry(PROVISIONAL, &is_provisional(report, i))?;
        }
        object.end()
    }
}

/// Whether a row may still change.
const PROVISIONAL: &str = "provisional";

struct CellJson<'a>(&'a Cell, u32);

impl Serialize for CellJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Text(text) => to.serialize_str(text),
            Cell::Count(n) => to.serialize_i64(*n),
            other => cell(other, self.1).serialize(to),
        }
    }
}

fn promise(p: &PromiseLine, exponent: u32) -> Value {
    json!({
        "side": p.side,
        "promise": p.promise,
        "title": p.title,
        "text": p.text,
        "clause": p.clause,
        "period": p.period,
        "goal": cell(&p.goal, exponent),
        "actual": cell(&p.actual, exponent),
        "attainment": cell(&p.attainment, exponent),
        "pace": p.pace,
        "gap": p.gap,
        "standing": p.standing.word(),
    })
}

fn cell(cell: &Cell, exponent: u32) -> Value {
    if let Some(missing) = Missing::of(cell) {
        return match missing {
            Missing::Undefined(_) => json!({"value": null, "reason": missing.code()}),
            Missing::Suppressed { n, min_n } => json!({"value": null, "reason": missing.code(), "n": n, "min_n": min_n}),
        };
    }
    match cell {
        Cell::Text(text) => Value::String(text.clone()),
        Cell::Count(n) => Value::from(*n),
        Cell::Number(x) | Cell::Share(x) => Value::from(*x),
        Cell::Ratio { numerator, denominator } => {
            let value = *numerator as f64 / *denominator as f64;
            json!({"value": value, "numerator": numerator, "denominator": denominator})
        }
        Cell::Money(minor) => money(*minor, exponent),
        Cell::Flag(flag) => Value::Bool(*flag),
        Cell::Undefined(_) | Cell::Suppressed { .. } | Cell::Blank => Value::Null,
    }
}

/// Whole amounts stay whole numbers, however large.
fn money(minor: i64, exponent: u32) -> Value {
    match 10i64.checked_pow(exponent) {
        Some(unit) if minor % unit == 0 => Value::from(minor / unit),
        Some(unit) => Number::from_f64(minor as f64 / unit as f64).map_or(Value::Null, Value::Number),
        None => Value::Null,
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Text => "text",
        Unit::Count => "count",
        Unit::Share => "share",
        Unit::Money => "money",
        Unit::Days => "days",
        Unit::Minutes => "minutes",
        Unit::Number => "number",
        Unit::Flag => "flag",
    }
}

fn chart(chart: &Chart) -> Value {
    match chart {
        Chart::Bars { label, value, interval } => {
            let limits = interval.as_ref().map(|(low, high)| json!({"low": low, "high": high}));
            json!({"kind": "bars", "label": label, "value": value, "interval": limits})
        }
        Chart::Stacked { label, parts } => json!({"kind": "stacked", "label": label, "parts": parts}),
        Chart::Paired { label, values } => json!({"kind": "paired", "label": label, "values": [values.0, values.1]}),
    }
}

fn provenance(p: &Provenance) -> Value {
    json!({
        "agreement": p.agreement,
        "agreement_name": p.agreement_name,
        "signed": p.signed,
        "record_version": p.record_version,
        "as_of": p.as_of,
        "basis": p.basis,
        "history_imported": p.history_imported,
        "time_zone": p.time_zone,
        "currency": p.currency,
        "exponent": p.exponent,
        "period": p.period,
        "filter": p.filter,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    fn value(json: impl Serialize) -> Value {
        serde_json::to_value(json).expect("JSON")
    }

    #[test]
    fn numbers_are_numbers_and_missing_ones_say_why() {
        let json = value(report_to_json(&fixture::funnel()));
        let rows = json["rows"].as_array().expect("rows");
        assert_eq!(rows[1]["reached"], json!(2500));
        assert_eq!(rows[1]["conversion"]["numerator"], json!(2500));
        assert_eq!(rows[1]["median_days"], json!(12.25));
        assert_eq!(rows[2]["provisional"], json!(true));
        assert_eq!(rows[3]["conversion"], json!({"value": null, "reason": "suppressed", "n": 6, "min_n": 10}));
        assert_eq!(rows[4]["conversion"], json!({"value": null, "reason": "zero_denominator"}));
        assert_eq!(json["provenance"]["record_version"], json!(7));
    }

    #[test]
    fn every_row_says_whether_it_is_provisional() {
        let mut report = fixture::awkward();
        report.provisional = vec![true];
        let json = value(report_to_json(&report));
        assert_eq!(json["rows"][0]["provisional"], json!(true));
        assert_eq!(json["rows"][1]["provisional"], json!(false));
    }

    #[test]
    fn money_is_in_major_units_without_noise() {
        assert_eq!(money(123_456, 2).to_string(), "1234.56");
        assert_eq!(money(i64::MAX - 7, 2).to_string(), "92233720368547758");
        assert_eq!(money(-5, 2).to_string(), "-0.05");
        assert_eq!(money(123_456, 0).to_string(), "123456");
    }

    #[test]
    fn an_element_of_a_list_is_a_line() {
        let value = json!({"a": {"b": [{"c": [1, {"d": []}], "e": null}, [2, []], "f\n"], "g": []}, "h": {}});
        let text = pretty(&value);
        assert_eq!(text.lines().collect::<Vec<_>>(), [
            "{",
            "  \"a\": {",
            "    \"b\": [",
            "      {\"c\": [1, {\"d\": []}], \"e\": null},",
            "      [2, []],",
            "      \"f\\n\"",
            "    ],",
            "    \"g\": []",
            "  },",
            "  \"h\": {}",
            "}",
        ]);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("valid"), value);
        assert_eq!(pretty(&json!([])), "[]\n");
    }

    #[test]
    fn the_review_holds_promises_and_reports() {
        let mut review = fixture::review();
        review.title = "a \n  \"reports\": [] b".to_owned();
        let text = review_text(&review);
        let json: Value = serde_json::from_str(&text).expect("valid");
        assert_eq!(json["title"], json!(review.title));
        assert_eq!(json["promises"][0]["standing"], json!("kept"));
        assert_eq!(json["promises"][2]["attainment"]["reason"], json!("not_mature"));
        let reports: Vec<Value> = review.reports.iter().map(|r| value(report_to_json(r))).collect();
        assert_eq!((reports.len(), &json["reports"]), (4, &json!(reports)));
        assert!(text.contains("\n    {\n      \"report\": \"funnel\",\n"), "reports are indented: {text}");
        let lines: Vec<&str> = text.lines().map(|l| l.trim().trim_end_matches(',')).collect();
        for report in &reports {
            for row in report["rows"].as_array().expect("rows") {
                assert!(lines.iter().any(|l| serde_json::from_str(l).is_ok_and(|v: Value| v == *row)), "a row is a line: {row}");
            }
        }
        review.reports.clear();
        let text = review_text(&review);
        assert_eq!(text, pretty(&serde_json::from_str::<Value>(&text).expect("valid")));
    }
}
