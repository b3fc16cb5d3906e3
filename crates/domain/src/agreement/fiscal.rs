//! `[fiscal]`: the years in which promises are counted (methods S5).

use super::read::{Node, Table};
use super::values::parse_month_day;
use crate::calendar::{FiscalCalendar, WeekPattern, YearEnd, YearLabel};

const LABELS: [(&str, YearLabel); 2] =
    [("ending", YearLabel::Ending), ("starting", YearLabel::Starting)];

const PATTERNS: [(&str, WeekPattern); 3] =
    [("4-4-5", WeekPattern::W445), ("4-5-4", WeekPattern::W454), ("5-4-4", WeekPattern::W544)];

/// Reads the fiscal calendar; without one, years are calendar years.
pub(super) fn read(root: &mut Table<'_>) -> Option<FiscalCalendar> {
    let default = (!root.has("fiscal")).then(FiscalCalendar::default);
    let Some(mut table) = root.table("fiscal") else {
        return default;
    };
    let label = table.or("label", YearLabel::Ending, |n| n.word(&LABELS));
    let start = table.or("year_starts", 1, read_start);
    let pattern = table.may("pattern", |n| n.word(&PATTERNS));
    let end = table.may("year_ends", read_end);
    let report = table.report;
    let fiscal = match (table.has("pattern"), table.has("year_ends")) {
        (false, false) if start == 1 => Some(FiscalCalendar::default()),
        (false, false) => FiscalCalendar::months(start, label).ok(),
        (true, false) => {
            table.lacks(
                "`fiscal.pattern` needs `fiscal.year_ends`".to_owned(),
                "year_ends = \"nearest saturday 01-31\"",
            );
            None
        }
        (false, true) => {
            table.lacks(
                "`fiscal.year_ends` needs `fiscal.pattern`".to_owned(),
                "pattern = \"4-4-5\"",
            );
            None
        }
        (true, true) => pattern
            .zip(end)
            .and_then(|(pattern, end)| FiscalCalendar::weeks(pattern, end, label).ok()),
    };
    if table.has("pattern") && table.has("year_starts") {
        report.error(
            &table.place("year_starts"),
            "`fiscal.year_starts` does not go with `fiscal.pattern`",
            "a week-based year starts on the day after the last one ended; take year_starts out",
        );
    }
    table.finish();
    fiscal
}

/// The month whose first day is written as `02-01`.
fn read_start(node: Node<'_>) -> Option<u8> {
    let help = "write the month and day of its first day, such as \"02-01\"";
    let Some(text) = node.value.as_str() else {
        return node.expected("a month and day", help);
    };
    match parse_month_day(text) {
        Some((month, 1)) => u8::try_from(month).ok(),
        Some(_) => node.wrong(
            format!(
                "`{}` is \"{text}\", but a fiscal year starts on the first of a month",
                node.path
            ),
            "for years of whole weeks give pattern and year_ends instead",
        ),
        None => {
            node.wrong(format!("`{}` is \"{text}\", which is not a month and day", node.path), help)
        }
    }
}

fn read_end(node: Node<'_>) -> Option<YearEnd> {
    let help = "write \"last saturday 01\" (month) or \"nearest saturday 01-31\" (month and day)";
    let Some(text) = node.value.as_str() else {
        return node.expected("a rule in words", help);
    };
    match YearEnd::parse(text) {
        Ok(end) => Some(end),
        Err(fault) => node.wrong(format!("`{}`: {fault}", node.path), help),
    }
}
