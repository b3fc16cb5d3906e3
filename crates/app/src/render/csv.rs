//! A report as CSV (RFC 4180): stable column names, plain machine numbers, reasons at the end.

use crate::render::format::{Missing, money_numeral};
use crate::report::{Cell, Report};

/// The last column, there only when a number is missing somewhere.
pub const REASONS: &str = "reasons";

/// A report as CSV.
///
/// Ratios and shares are plain fractions, money is decimal in major units, flags are `true` and
/// `false`. A number that is missing leaves its cell empty; the column `reasons` then says why, such
/// as `conversion: zero_denominator`. An empty text is written `""`, so that it differs from no text.
pub fn to_csv(report: &Report) -> String {
    let reasons = report.rows.iter().any(|row| row.iter().any(|cell| Missing::of(cell).is_some()));
    let mut out = String::new();
    let names = report.columns.iter().map(|c| c.name.as_str());
    line(&mut out, names.chain(reasons.then_some(REASONS)).map(quoted));
    for row in &report.rows {
        let cells = (0..report.columns.len()).map(|at| row.get(at).map_or_else(String::new, |c| field(c, report)));
        let why = reasons.then(|| quoted(&reasons_of(report, row)));
        line(&mut out, cells.chain(why));
    }
    out
}

fn line(out: &mut String, fields: impl Iterator<Item = String>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&field);
    }
    out.push('\n');
}

fn field(cell: &Cell, report: &Report) -> String {
    if Missing::of(cell).is_some() {
        return String::new();
    }
    match cell {
        Cell::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Cell::Text(text) => quoted(text),
        Cell::Count(n) => n.to_string(),
        Cell::Number(x) | Cell::Share(x) => x.to_string(),
        Cell::Ratio { numerator, denominator } => (*numerator as f64 / *denominator as f64).to_string(),
        Cell::Money(minor) => money_numeral(*minor, report.provenance.exponent),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Undefined(_) | Cell::Suppressed { .. } | Cell::Blank => String::new(),
    }
}

fn reasons_of(report: &Report, row: &[Cell]) -> String {
    let mut out = String::new();
    for (column, cell) in report.columns.iter().zip(row) {
        if let Some(missing) = Missing::of(cell) {
            if !out.is_empty() {
                out.push_str("; ");
            }
            out.push_str(&format!("{}: {}", column.name, missing.code()));
        }
    }
    out
}

fn quoted(text: &str) -> String {
    let plain = !text.contains([',', '"', '\n', '\r']) && text.trim() == text;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn numbers_are_plain_and_reasons_come_last() {
        let csv = to_csv(&fixture::funnel());
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "stage,reached,conversion,conversion_low,conversion_high,median_days,provisional,reasons");
        assert_eq!(lines[1], "Lead,7500,1,1,1,,false,");
        assert_eq!(lines[2], "MQL,2500,0.3333333333333333,0.315,0.3521,12.25,false,");
        assert_eq!(
            lines[4],
            "Trial,6,,,,,true,conversion: suppressed; conversion_low: suppressed; conversion_high: suppressed; \
             median_days: not_reached"
        );
        assert!(lines[5].ends_with("false,conversion: zero_denominator; conversion_low: zero_denominator; \
             conversion_high: zero_denominator; median_days: empty_population"));
    }

    #[test]
    fn no_reasons_column_without_a_reason() {
        let csv = to_csv(&fixture::awkward());
        assert_eq!(csv.lines().next(), Some("name,amount,flag"));
    }

    #[test]
    fn quoting_follows_rfc_4180() {
        let csv = to_csv(&fixture::awkward());
        assert!(csv.contains("\"Smith, \"\"Bob\"\"\",-0.05,true\n"), "{csv}");
        assert!(csv.contains("\"two\nlines\",1234.50,false\n"), "{csv}");
        assert!(csv.contains("\n\"\",,\n"), "an empty text stays apart from a blank: {csv}");
        assert!(csv.contains("\" padded \",0.00,true\n"), "{csv}");
    }
}
