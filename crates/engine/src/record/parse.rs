//! Single cells of text as instants, dates, exact decimals, whole numbers, yes or no.

use treaty_domain::zone::{LocalDay, Zone};

/// Years outside these bounds are unset values in disguise (9999-12-31, 1753-01-01, ...).
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

const DAY: i64 = 86_400_000_000;

/// First instant that is taken for real.
pub fn earliest() -> i64 {
    i64::from(LocalDay::from_civil(*YEARS.start(), 1, 1).0) * DAY
}

/// First instant that is no longer taken for real.
pub fn latest() -> i64 {
    i64::from(LocalDay::from_civil(*YEARS.end() + 1, 1, 1).0) * DAY
}

/// What to say about a year out of bounds.
pub fn impossible(what: &str) -> String {
    format!(
        "{what} lies outside the years {} to {} and looks like a stand-in for \"unset\"; leave the cell empty instead",
        YEARS.start(),
        YEARS.end()
    )
}

fn digits(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    bytes.iter().try_fold(0_i64, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0'))
    })
}

/// Days since the epoch of `YYYY-MM-DD`.
fn day(bytes: &[u8]) -> Option<i32> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(digits(&bytes[..4])?).ok()?;
    let month = u8::try_from(digits(&bytes[5..7])?).ok()?;
    let dom = u8::try_from(digits(&bytes[8..])?).ok()?;
    let day = LocalDay::from_civil(year, month, dom);
    // A day that does not exist is moved to the end of its month; that is not what was written.
    (day.civil() == (year, month, dom)).then_some(day.0)
}

/// An instant in microseconds: RFC 3339, or local time in `zone`; a bare date is its midnight.
pub fn instant(text: &str, zone: &Zone) -> Option<i64> {
    let b = text.trim().as_bytes();
    let days = i64::from(day(b.get(..10)?)?);
    let local = |micros: i64| zone.to_utc(days * DAY + micros).0;
    let Some((between, clock)) = b[10..].split_first() else {
        return Some(local(0));
    };
    if !matches!(between, b' ' | b'T' | b't') {
        return None;
    }
    if clock.len() < 5 || clock[2] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&clock[..2])?, digits(&clock[3..5])?);
    let mut rest = &clock[5..];
    let mut second = 0;
    let mut micros = 0;
    if rest.first() == Some(&b':') {
        second = digits(rest.get(1..3)?)?;
        rest = &rest[3..];
        if let Some((b'.' | b',', tail)) = rest.split_first() {
            let n = tail.iter().take_while(|c| c.is_ascii_digit()).count();
            if n == 0 {
                return None;
            }
            let kept = n.min(6);
            micros = digits(&tail[..kept])? * 10_i64.pow(u32::try_from(6 - kept).ok()?);
            rest = &tail[n..];
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let time = (hour * 3600 + minute * 60 + second.min(59)) * 1_000_000 + micros;
    let offset = match rest {
        [] => return Some(local(time)),
        [b'Z' | b'z'] | b" UTC" | b" Z" | b"UTC" => 0,
        [b' ', tail @ ..] => offset(tail)?,
        tail => offset(tail)?,
    };
    Some(days * DAY + time - offset * 60_000_000)
}

/// Minutes of `+hh:mm`, `+hhmm` or `+hh`.
fn offset(b: &[u8]) -> Option<i64> {
    let (sign, b) = match b.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match b.len() {
        2 => (digits(b)?, 0),
        4 => (digits(&b[..2])?, digits(&b[2..])?),
        5 if b[2] == b':' => (digits(&b[..2])?, digits(&b[3..])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// A civil date in days since the epoch; of an instant, its local date in `zone`. Midnight in UTC is what systems send
/// that have no type for dates: it means that day, wherever the home is.
pub fn date(text: &str, zone: &Zone) -> Option<i32> {
    let text = text.trim();
    if text.len() <= 10 {
        return day(text.as_bytes());
    }
    if text.get(10..).is_some_and(is_utc_midnight) {
        return day(text.as_bytes().get(..10)?);
    }
    let at = instant(text, zone)?;
    Some(zone.local_day(treaty_domain::zone::Micros(at)).0)
}

/// `T00:00:00Z` in its spellings.
fn is_utc_midnight(time: &str) -> bool {
    let Some(rest) = ["T00:00", "t00:00", " 00:00"].iter().find_map(|t| time.strip_prefix(t)) else { return false };
    let rest = rest.strip_prefix(":00").map_or(rest, |r| r.strip_prefix('.').map_or(r, |r| r.trim_start_matches('0')));
    matches!(rest, "Z" | "z" | "+00:00" | "+0000" | "+00" | " UTC" | " +00:00" | " +0000" | "UTC" | " Z")
}

/// An exact decimal with `scale` digits after the point; more are rounded half away from zero.
pub fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let b = text.trim().as_bytes();
    let (negative, b) = match b.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, b),
    };
    let point = b.iter().position(|c| *c == b'.').unwrap_or(b.len());
    let whole = &b[..point];
    let fraction = b.get(point + 1..).unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if whole.len() + fraction.len() > 400 || fraction.iter().any(|c| !c.is_ascii_digit()) {
        return None;
    }
    let limit = 10_i128.pow(u32::from(precision));
    let mut value = 0_i128;
    let kept = fraction
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(usize::from(scale));
    for c in whole.iter().copied().chain(kept) {
        if !c.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(c - b'0'))?;
        if value >= limit {
            return None;
        }
    }
    if fraction.get(usize::from(scale)).is_some_and(|c| *c >= b'5') {
        value += 1;
    }
    (value < limit).then_some(if negative { -value } else { value })
}

/// A whole number; `12.0` is one, too.
pub fn int(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok()
}

/// Yes or no.
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if is(&["true", "yes", "1", "t", "y"]) {
        Some(true)
    } else if is(&["false", "no", "0", "f", "n"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<i64> {
        instant(text, &Zone::utc())
    }

    #[test]
    fn instants_with_and_without_a_zone() {
        let want = 1_772_357_400_000_000; // 2026-03-01T09:30:00Z
        for text in [
            "2026-03-01T09:30:00Z",
            "2026-03-01t09:30:00z",
            "2026-03-01T09:30Z",
            "2026-03-01 09:30:00 UTC",
            " 2026-03-01 09:30 ",
            "2026-03-01 09:30:00.000000",
            "2026-03-01T10:30:00+01:00",
            "2026-03-01T04:30:00-0500",
            "2026-03-01 04:30:00 -05",
        ] {
            assert_eq!(utc(text), Some(want), "{text}");
        }
        assert_eq!(utc("2026-03-01T09:30:00.1234567Z"), Some(want + 123_456));
        assert_eq!(utc("2026-03-01T09:30:00.5"), Some(want + 500_000));
        assert_eq!(utc("2026-03-01"), Some(want - 34_200_000_000));
        for text in [
            "",
            "2026-02-30",
            "2026-3-1",
            "2026-03-01T25:00",
            "2026-03-01T09:60",
            "2026-03-01T09:30:00+25:00",
            "2026-03-01T09:30:00.Z",
            "2026-03-01x09:30",
            "2026-03-01T0930",
            "01/03/2026",
            "2026-03-01T09:30:00Q",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn local_times_follow_the_zone() {
        let zone = Zone::new("America/New_York").expect("a zone");
        assert_eq!(instant("2026-01-05 09:00", &zone), utc("2026-01-05T14:00Z"));
        assert_eq!(instant("2026-07-06 09:00", &zone), utc("2026-07-06T13:00Z"));
        assert_eq!(instant("2026-03-08", &zone), utc("2026-03-08T05:00Z"));
        assert_eq!(
            date("2026-03-01T03:00:00Z", &zone),
            date("2026-02-28", &zone)
        );
        // A date that a source sends as a time stays that date in every zone.
        for midnight in ["2026-12-01T00:00:00.000000Z", "2026-12-01T00:00Z", "2026-12-01 00:00:00+00:00", "2026-12-01 00:00:00 UTC"] {
            assert_eq!(date(midnight, &zone), date("2026-12-01", &zone), "{midnight}");
        }
        assert_eq!(date("2026-12-01T00:00:00.000001Z", &zone), date("2026-11-30", &zone));
    }

    #[test]
    fn decimals_are_exact_and_rounded_half_away() {
        assert_eq!(decimal("1234.5", 20, 4), Some(12_345_000));
        assert_eq!(decimal("-0.00005", 20, 4), Some(-1));
        assert_eq!(decimal("0.00004999", 20, 4), Some(0));
        assert_eq!(decimal(".5", 20, 4), Some(5_000));
        assert_eq!(decimal("7.", 20, 4), Some(70_000));
        assert_eq!(
            decimal("9999999999999999.9999", 20, 4),
            Some(99_999_999_999_999_999_999)
        );
        for text in [
            "9999999999999999.99999",
            "10000000000000000",
            "",
            "-",
            ".",
            "1,000",
            "1e3",
            "$5",
            "NaN",
        ] {
            assert_eq!(decimal(text, 20, 4), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_truth() {
        assert_eq!(int("-12"), Some(-12));
        assert_eq!(int("12.00"), Some(12));
        assert_eq!(int("12.5"), None);
        assert_eq!(int("12."), None);
        assert_eq!(
            (boolean("Yes"), boolean("f"), boolean("2")),
            (Some(true), Some(false), None)
        );
        assert!(earliest() < 0 && latest() > 0);
    }
}
