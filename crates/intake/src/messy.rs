//! Dates, amounts and flags as real exports spell them.
//!
//! Only what can be read in one way is read. Where two readings are possible (a `1.234 €`, a `13/01/2017` among
//! month-first dates) the answer is `None`. The `parse` functions give values; the `cell` functions stand behind the SQL
//! of packs and keep what could not be read, so that the row is refused with its cell and a person decides.

mod cell;
mod date;
mod money;

pub use cell::{date_cell, micros_cell, money_cell, timestamp_cell};
pub use date::{DayFirst, DayFirstEvidence, LocalOrUtc, day_first_evidence, detect_day_first, parse_date, parse_timestamp_micros};
pub use money::parse_money;

/// Cells that mean "unset" in one system or another. Not `unknown` and not `none`: those are answers.
const UNSET: &[&str] =
    &["null", "\\n", "select", "-- select --", "--none--", "n/a", "#n/a", "nan", "nat", "-1", "-", "--"];

/// The text without blanks around it; `None` for blank and for what systems write when nothing is set: `NULL`,
/// `Select`, `-1`, `9999-12-31`, `0000-00-00`. Not for amounts and counts, where -1 is a number.
pub fn normalise_blank(text: &str) -> Option<&str> {
    let text = text.trim_matches(is_blank);
    let unset = UNSET.iter().any(|u| u.eq_ignore_ascii_case(text));
    let no_day = ["9999-12-31", "0000-00-00", "0001-01-01"].iter().any(|d| {
        text.strip_prefix(d).is_some_and(|rest| rest.is_empty() || rest.starts_with(['T', ' ']))
    });
    (!text.is_empty() && !unset && !no_day).then_some(text)
}

/// Yes or no, in the words and digits of exports.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim_matches(is_blank);
    let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(text));
    if is(&["true", "t", "yes", "y", "1", "on", "1.0"]) {
        Some(true)
    } else if is(&["false", "f", "no", "n", "0", "off", "0.0"]) {
        Some(false)
    } else {
        None
    }
}

/// Blanks, also those that do not break and those without width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}' | '\u{200b}' | '\u{feff}')
}
