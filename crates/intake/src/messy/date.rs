//! Dates and instants in the spellings of real exports.

use super::normalise_blank;

/// Whether the day comes before the month in dates such as 01/02/2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayFirst {
    /// Month first, as in the United States.
    #[default]
    No,
    /// Day first, as in most of the world.
    Yes,
}

impl From<bool> for DayFirst {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A point in time as a file gives it, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalOrUtc {
    /// Since 1970-01-01T00:00:00Z.
    Utc(i64),
    /// Since 1970-01-01T00:00:00 on the clock of a zone that the file does not name.
    Local(i64),
}

/// What the dates of a file say about their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayFirstEvidence {
    /// Dates whose first number can only be a day.
    pub day_first: u64,
    /// Dates whose second number can only be a day.
    pub month_first: u64,
    /// Dates that can be read both ways, and differently.
    pub either: u64,
}

/// Counts what dates such as 20-10-16 say about their order; other spellings say nothing.
pub fn day_first_evidence<'a>(samples: impl IntoIterator<Item = &'a str>) -> DayFirstEvidence {
    let mut evidence = DayFirstEvidence::default();
    for sample in samples {
        let Some((first, second)) = normalise_blank(sample).and_then(two_numbers) else { continue };
        match (first, second) {
            (13..=31, 1..=12) => evidence.day_first += 1,
            (1..=12, 13..=31) => evidence.month_first += 1,
            (1..=12, 1..=12) if first != second => evidence.either += 1,
            _ => {}
        }
    }
    evidence
}

/// Order of day and month in a column of dates: day first if a first number is above 12 (and that happens more often
/// than a second number above 12).
pub fn detect_day_first<'a>(samples: impl IntoIterator<Item = &'a str>) -> DayFirst {
    let evidence = day_first_evidence(samples);
    DayFirst::from(evidence.day_first > evidence.month_first)
}

/// The first two numbers of a date such as 20-10-16 or 10/20/2016.
fn two_numbers(text: &str) -> Option<(u32, u32)> {
    let (first, rest) = number(text, 2)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '/' | '-'))?;
    let (second, rest) = number(&rest[1..], 2)?;
    let rest = rest.strip_prefix(separator)?;
    number(rest, 4)?;
    Some((first, second))
}

/// Reads a date as year, month and day; a time after it is ignored. ISO, `M/D/YY`, `M/D/YYYY`, `DD-MM-YY` (by
/// `day_first`), `D.M.YYYY`, `20 Oct 2016`, `Oct 20, 2016`, `20161020`, each with or without a time and ` UTC`.
/// `None` for unset (`Select`, `NULL`, `-1`, `9999-12-31`, `0000-00-00`, blank) and for what is no such date.
pub fn parse_date(text: &str, day_first: DayFirst) -> Option<(i32, u8, u8)> {
    let (date, _) = date_and_time(text, day_first)?;
    Some((date.year, date.month, date.day))
}

/// Reads an instant: a date as [`parse_date`] takes it, with a time if there is one, or seconds, milliseconds or
/// microseconds since 1970 as a number of 10, 13 or 16 digits. A date alone is its midnight.
pub fn parse_timestamp_micros(text: &str, day_first: DayFirst) -> Option<LocalOrUtc> {
    if let Some(micros) = since_epoch(text.trim()) {
        return Some(LocalOrUtc::Utc(micros));
    }
    let (date, time) = date_and_time(text, day_first)?;
    let local = date.days_since_epoch() * MICROS_A_DAY + time.micros;
    Some(match time.offset {
        Some(offset) => LocalOrUtc::Utc(local - offset),
        None => LocalOrUtc::Local(local),
    })
}

const MICROS_A_DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone, Copy)]
struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// A day that exists; no sentinel years.
    fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1000..9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(1..=days).contains(&day) {
            return None;
        }
        Some(Self { year: i32::try_from(year).ok()?, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
    }

    /// Days since 1970-01-01, counted in eras of 400 years from a first of March.
    fn days_since_epoch(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }
}

/// Year, month and day, and the microseconds since midnight, of microseconds since 1970.
pub(super) fn civil_of_micros(micros: i64) -> ((i64, i64, i64), i64) {
    // Eras of 400 years from a first of March, as in `days_since_epoch`, backwards.
    let days = micros.div_euclid(MICROS_A_DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    ((year, month, day), micros.rem_euclid(MICROS_A_DAY))
}

/// A date that stands for none, in whatever order: all zeros, or the year 9999.
pub(super) fn is_unset_date(text: &str) -> bool {
    let date = text.trim().split([' ', 'T']).next().unwrap_or_default();
    let mut parts = date.split(['-', '/', '.']);
    let looks_like_one = parts.clone().count() == 3 && parts.clone().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    let zeros = parts.clone().all(|p| p.bytes().all(|b| b == b'0'));
    looks_like_one && (zeros || parts.any(|p| p == "9999"))
}

/// Time of day; the offset is given where the file gives one.
#[derive(Debug, Clone, Copy, Default)]
struct Time {
    micros: i64,
    offset: Option<i64>,
}

fn date_and_time(text: &str, day_first: DayFirst) -> Option<(Date, Time)> {
    let text = normalise_blank(text)?;
    let (date, rest) = if text.starts_with(|c: char| c.is_ascii_digit()) {
        numeric_date(text, day_first).or_else(|| day_name_year(text))?
    } else {
        let text = without_weekday(text);
        name_day_year(text).or_else(|| numeric_date(text, day_first)).or_else(|| day_name_year(text))?
    };
    Some((date, time(rest)?))
}

/// Up to `most` digits at the start of a text, and what follows them.
fn number(text: &str, most: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > most {
        return None;
    }
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// A year of four digits, or of two: 69 is 1969 and 68 is 2068.
fn year(text: &str) -> Option<(u32, &str)> {
    let (year, rest) = number(text, 4)?;
    match text.len() - rest.len() {
        4 => Some((year, rest)),
        2 => Some((year + if year < 69 { 2000 } else { 1900 }, rest)),
        _ => None,
    }
}

fn numeric_date(text: &str, day_first: DayFirst) -> Option<(Date, &str)> {
    let (first, rest) = number(text, 8)?;
    let digits = text.len() - rest.len();
    if digits == 8 {
        return Some((Date::new(first / 10_000, first / 100 % 100, first % 100)?, rest));
    }
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (second, rest) = number(&rest[1..], 2)?;
    let rest = rest.strip_prefix(separator)?;
    if digits == 4 {
        let (day, rest) = number(rest, 2)?;
        return Some((Date::new(first, second, day)?, rest));
    }
    if digits > 2 {
        return None;
    }
    let (year, rest) = year(rest)?;
    let day_first = separator == '.' || day_first == DayFirst::Yes;
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    Some((Date::new(year, month, day)?, rest))
}

/// `20 Oct 2016`, `20-Oct-16`.
fn day_name_year(text: &str) -> Option<(Date, &str)> {
    let (day, rest) = number(text, 2)?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', '-']);
    let (month, rest) = month(rest)?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let (year, rest) = year(rest.trim_start_matches([' ', '-', ',']))?;
    Some((Date::new(year, month, day)?, rest))
}

/// `Oct 20, 2016`.
fn name_day_year(text: &str) -> Option<(Date, &str)> {
    let (month, rest) = month(text)?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let (day, rest) = number(rest.trim_start_matches(' '), 2)?;
    let (year, rest) = year(rest.trim_start_matches([' ', ',']))?;
    Some((Date::new(year, month, day)?, rest))
}

/// An English month in full or by at least three letters.
fn month(text: &str) -> Option<(u32, &str)> {
    const MONTHS: [&str; 12] = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ];
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = text[..letters].to_ascii_lowercase();
    let position = MONTHS.iter().position(|m| letters >= 3 && m.starts_with(&word))?;
    Some((u32::try_from(position).ok()? + 1, &text[letters..]))
}

/// Drops `Thu, ` or `Thursday `.
fn without_weekday(text: &str) -> &str {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = text[..letters].to_ascii_lowercase();
    if letters >= 3 && DAYS.iter().any(|d| d.starts_with(&word)) {
        text[letters..].trim_start_matches(['.', ',', ' '])
    } else {
        text
    }
}

/// What follows a date: nothing, a time, a zone, or both. `None` if it is anything else.
fn time(rest: &str) -> Option<Time> {
    let rest = match rest.strip_prefix(['T', 't']) {
        Some(time) if time.starts_with(|c: char| c.is_ascii_digit()) => time,
        Some(_) => return None,
        None if rest.is_empty() => return Some(Time::default()),
        None => {
            let after = rest.trim_start_matches([',', ' ', '\u{202f}', '\u{a0}']);
            if after.len() == rest.len() && !rest.starts_with(['Z', 'z', '+']) {
                return None;
            }
            after.strip_prefix("at ").unwrap_or(after)
        }
    };
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Time { micros: 0, offset: offset(rest)? });
    }
    let (mut hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (mut second, mut micros, mut rest) = (0, 0, rest);
    if let Some(seconds) = rest.strip_prefix(':') {
        (second, rest) = number(seconds, 2)?;
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            micros = six_digits(&fraction[..digits])?;
            rest = &fraction[digits..];
        }
    }
    let blank = [' ', '\u{202f}', '\u{a0}'];
    let half = rest.trim_start_matches(blank);
    let word: String = half.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '.').filter(|c| *c != '.').collect();
    if let Some(afternoon) = ["am", "pm"].iter().position(|w| w.eq_ignore_ascii_case(&word)) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if afternoon == 1 { 12 } else { 0 };
        rest = half.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
    Some(Time { micros: seconds * 1_000_000 + micros, offset: offset(rest.trim_start_matches(blank))? })
}

/// The first six digits of a fraction, filled up with zeros.
fn six_digits(digits: &str) -> Option<i64> {
    let kept = &digits[..digits.len().min(6)];
    format!("{kept:0<6}").parse().ok()
}

/// Offset from UTC in microseconds: nothing, `Z`, `UTC`, `GMT`, `+02:00`, `-0500`, `+02`. Other names are not guessed.
fn offset(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    if ["z", "utc", "gmt"].iter().any(|w| w.eq_ignore_ascii_case(text)) {
        return Some(Some(0));
    }
    let text = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = digits.get(2..4).map_or(Some(0), |m| m.parse().ok())?;
    (hours <= 18 && minutes <= 59).then_some(Some(sign * (hours * 60 + minutes) * 60_000_000))
}

/// Seconds, milliseconds or microseconds since 1970, told by their number of digits.
fn since_epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !whole.bytes().all(|b| b.is_ascii_digit()) || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = whole.parse().ok()?;
    match whole.len() {
        10 => Some(value * 1_000_000 + six_digits(fraction)?),
        13 => Some(value * 1_000 + six_digits(fraction)? / 1_000),
        16 => Some(value),
        _ => None,
    }
}
