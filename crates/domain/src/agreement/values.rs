//! Small forms inside values: dates, decimals, durations, SQL, and how values are called in words.

use jiff::civil::Date;
use toml::de::DeValue;

/// Keys that are often written in the wrong place, with the table they belong to.
const HOMES: [(&str, &str); 25] = [
    ("version", ""),
    ("name", ""),
    ("effective_from", ""),
    ("currency", ""),
    ("time_zone", ""),
    ("sponsor", ""),
    ("fiscal_year_starts", "fiscal"),
    ("year_starts", "fiscal"),
    ("year_ends", "fiscal"),
    ("pattern", "fiscal"),
    ("label", "fiscal"),
    ("reopen_grace_days", "outcomes"),
    ("qualifying", "activity"),
    ("acceptance_needs_value", "handoff"),
    ("creation_enters_first_stage", "opportunity"),
    ("source_rule", "source"),
    ("kinds", "source"),
    ("through", "influence"),
    ("people", "attribution"),
    ("lookback_days", "attribution"),
    ("half_life_days", "attribution"),
    ("collapse_minutes", "attribution"),
    ("direct_channels", "attribution"),
    ("min_n", "display"),
    ("min_n_verdict", "display"),
];

/// Says where a key belongs that stands in the wrong table.
pub(super) fn misplaced(key: &str, path: &str) -> Option<String> {
    let (_, home) = HOMES.iter().find(|(name, home)| *name == key && *home != path)?;
    Some(match (key, *home) {
        ("fiscal_year_starts", _) => "write it as `year_starts` under [fiscal]".to_owned(),
        ("source_rule", _) => "write it as `rule` under [source]".to_owned(),
        (_, "") => format!("move `{key}` to the top of the file, before the first [header]"),
        (_, home) => format!("move `{key}` under [{home}]"),
    })
}

/// A value in words, for messages.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 40 => "a longer text".to_owned(),
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) if number.radix() == 10 => {
            format!("the number {}", number.as_str())
        }
        DeValue::Integer(_) => "a number that is not decimal".to_owned(),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(at) if at.time.is_none() => format!("the date {at}"),
        DeValue::Datetime(at) => format!("the time {at}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
pub(super) fn either(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A number with at most six decimals and no trailing zeros.
pub(super) fn trimmed(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A date, if the calendar has it and it lies in the years 1 to 9999.
pub(super) fn date(year: i16, month: i8, day: i8) -> Option<Date> {
    if year < 1 {
        return None;
    }
    Date::new(year, month, day).ok()
}

/// A date written as `2026-01-31`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if !shape {
        return None;
    }
    date(text.get(..4)?.parse().ok()?, text.get(5..7)?.parse().ok()?, text.get(8..)?.parse().ok()?)
}

/// A month and day written as `01-31`, of a year that has a leap day.
pub(super) fn parse_month_day(text: &str) -> Option<(i8, i8)> {
    let date = parse_date(&format!("2000-{}", text.trim()))?;
    Some((date.month(), date.day()))
}

/// Digits with at most one point and an optional minus, of a decimal that may have an exponent.
/// `None` for anything else, and for numbers of more than 30 digits.
pub(super) fn plain_decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let well_formed = !whole.is_empty()
        && !mantissa.ends_with('.')
        && digits.len() <= 30
        && exponent.abs() <= 30
        && digits.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => (format!("{digits:0<point$}"), String::new()),
        Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
        Err(_) => (String::new(), format!("{}{digits}", "0".repeat(usize::try_from(-point).ok()?))),
    };
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// Digits after the point of a plain decimal.
pub(super) fn places(plain: &str) -> u32 {
    plain
        .split_once('.')
        .map_or(0, |(_, fraction)| u32::try_from(fraction.len()).unwrap_or(u32::MAX))
}

/// `no decimals`, `one decimal`, `2 decimals`.
pub(super) fn decimals(n: u32) -> String {
    match n {
        0 => "no decimals".to_owned(),
        1 => "one decimal".to_owned(),
        n => format!("{n} decimals"),
    }
}

/// A duration as written in a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Duration {
    /// Its length in minutes, a day being 24 hours.
    pub(super) minutes: i64,
    /// It is given in days.
    pub(super) in_days: bool,
}

/// Reads `60m`, `4h` or `7d`: a whole number above zero with its unit, at most 10 years.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    const LONGEST_MINUTES: i64 = 10 * 366 * 24 * 60;
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit.trim_start() {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let minutes = number.parse::<i64>().ok()?.checked_mul(factor)?;
    (1..=LONGEST_MINUTES)
        .contains(&minutes)
        .then_some(Duration { minutes, in_days: factor == 24 * 60 })
}

/// What is wrong with the outer form of an SQL expression, and how to mend it.
pub(super) fn sql_fault(sql: &str) -> Option<(&'static str, &'static str)> {
    let mut open = 0_usize;
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' || c == '"' {
            // A doubled mark inside the text closes and opens it again, which is the same here.
            if rest.by_ref().any(|inner| inner == c) {
                continue;
            }
            return Some(match c {
                '\'' => (
                    "a text in the SQL is not closed",
                    "end it with ', and write '' for an apostrophe inside it",
                ),
                _ => (
                    "a name in the SQL is not closed",
                    "end it with a quotation mark; texts stand in '…'",
                ),
            });
        }
        match c {
            '(' => open += 1,
            ')' if open == 0 => {
                return Some(("a ) in the SQL has no ( before it", "take it out, or open it"));
            }
            ')' => open -= 1,
            ';' => return Some(("the SQL holds a ;", "write one condition, without ;")),
            '-' if rest.peek() == Some(&'-') => {
                return Some((
                    "the SQL holds a comment",
                    "put comments behind a # in the file itself",
                ));
            }
            '/' if rest.peek() == Some(&'*') => {
                return Some((
                    "the SQL holds a comment",
                    "put comments behind a # in the file itself",
                ));
            }
            _ => {}
        }
    }
    (open > 0).then_some(("a ( in the SQL is not closed", "end it with )"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_plain() {
        let cases = [
            ("1000000", Some("1000000")),
            ("007.50", Some("7.5")),
            ("1e6", Some("1000000")),
            ("1.25e1", Some("12.5")),
            ("12.5e-3", Some("0.0125")),
            ("0", Some("0")),
            ("-3.0", Some("-3")),
            ("+3", Some("3")),
            ("0.0", Some("0")),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("1,000", None),
            ("1 000", None),
            ("$5", None),
            ("inf", None),
            ("nan", None),
            ("1e999999999999", None),
            ("1e31", None),
            ("1.2.3", None),
            ("²", None),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_decimal(text).as_deref(), expected, "{text}");
        }
        assert_eq!(places("12.505"), 3);
        assert_eq!(places("12"), 0);
    }

    #[test]
    fn durations() {
        let cases = [
            ("60m", Some((60, false))),
            ("4h", Some((240, false))),
            ("7d", Some((10_080, true))),
            ("90 m", Some((90, false))),
            ("0m", None),
            ("-5m", None),
            ("60", None),
            ("h", None),
            ("", None),
            ("1.5h", None),
            ("60min", None),
            ("99999999999999999999d", None),
            ("9223372036854775807d", None),
            ("3661d", None),
            ("3660d", Some((5_270_400, true))),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text).map(|d| (d.minutes, d.in_days)), expected, "{text}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("2024-02-29"), Date::new(2024, 2, 29).ok());
        for wrong in [
            "2023-02-29",
            "2026-1-1",
            "26-01-01",
            "2026/01/01",
            "0000-01-01",
            "",
            "２026-01-01",
            "2026-01-01T00:00",
        ] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
        assert_eq!(parse_month_day("02-29"), Some((2, 29)));
        assert_eq!(parse_month_day("13-01"), None);
    }

    #[test]
    fn sql_forms() {
        for fine in [
            "a = 'it''s; (fine'",
            "title in ('VP', 'CxO') and \"odd ( name\" = 1",
            "attr(attributes, 'agreed') = 'yes'",
            "a - -1 > 0 and b / 2 > 1",
            "'--' = x",
        ] {
            assert_eq!(sql_fault(fine), None, "{fine}");
        }
        for wrong in
            ["a = 'x", "a = \"x", "(a", "a)", ")(", "a; b", "a -- b", "a /* b */", "'it's'"]
        {
            assert!(sql_fault(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn lists_of_words() {
        assert_eq!(either(&["a"]), "\"a\"");
        assert_eq!(either(&["a", "b"]), "\"a\" or \"b\"");
        assert_eq!(either(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
        assert_eq!(trimmed(0.25), "0.25");
        assert_eq!(trimmed(100.0), "100");
    }
}
