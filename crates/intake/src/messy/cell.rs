//! Cells for the SQL of packs: what can be read is written plainly, what is unset is nothing, and what can not be read
//! stays as it is, so that the import refuses the row and shows the cell.

use super::date::{DayFirst, LocalOrUtc, civil_of_micros, is_unset_date};
use super::{normalise_blank, parse_date, parse_money, parse_timestamp_micros};
use std::borrow::Cow;

/// `messy_date` (and `day_first_date` with [`DayFirst::Yes`]): a date as `2016-10-20`.
pub fn date_cell(text: &str, day_first: DayFirst) -> Option<Cow<'_, str>> {
    match parse_date(text, day_first) {
        Some((year, month, day)) => Some(Cow::Owned(format!("{year:04}-{month:02}-{day:02}"))),
        None => unread(text, is_unset_date(text)),
    }
}

/// `messy_timestamp`: an instant as `2016-10-20T09:30:00`, with `Z` if the file gave a zone, else on the clock of the
/// pack's zone.
pub fn timestamp_cell(text: &str, day_first: DayFirst) -> Option<Cow<'_, str>> {
    let (micros, zone) = match parse_timestamp_micros(text, day_first) {
        Some(LocalOrUtc::Utc(micros)) => (micros, "Z"),
        Some(LocalOrUtc::Local(micros)) => (micros, ""),
        None => return unread(text, is_unset_date(text)),
    };
    let (date, micros_of_day) = civil_of_micros(micros);
    let seconds = micros_of_day / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match micros_of_day % 1_000_000 {
        0 => String::new(),
        n => format!(".{n:06}"),
    };
    let (year, month, day) = date;
    Some(Cow::Owned(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")))
}

/// `messy_money`: an amount as plain decimal text.
pub fn money_cell(text: &str) -> Option<Cow<'_, str>> {
    parse_money(text).map(Cow::Owned).or_else(|| unread(text, false))
}

/// `micros_money`: an amount in millionths, as ad platforms give it, as plain decimal text with all its digits.
pub fn micros_cell(text: &str) -> Option<Cow<'_, str>> {
    let amount = parse_money(text).and_then(|plain| parse_money(&format!("{plain}E-6")));
    amount.map(Cow::Owned).or_else(|| unread(text, false))
}

fn unread(text: &str, unset: bool) -> Option<Cow<'_, str>> {
    normalise_blank(text).filter(|_| !unset).map(Cow::Borrowed)
}
