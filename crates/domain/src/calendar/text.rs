//! Hours and days of the week as the agreement writes them.

use super::hours::{Block, MIDNIGHT};

/// Reads the hours of a day, such as `09:00-17:00` or `09:00-12:00, 13:00-17:30`; `closed` has
/// none. A block like `22:00-06:00` runs over midnight and is split by the calendar.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_hours(text: &str) -> Result<Vec<Block>, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("closed") {
        return Ok(Vec::new());
    }
    if text.is_empty() {
        return Err("no hours are given; write 09:00-17:00, or closed".to_owned());
    }
    text.split(',').map(parse_block).collect()
}

fn parse_block(text: &str) -> Result<Block, String> {
    let text = text.trim();
    let Some((from, to)) = text.split_once(['-', '–']) else {
        return Err(format!(
            "`{text}` is not a block of hours; write it as 09:00-17:00"
        ));
    };
    let (from, to) = (parse_time(from)?, parse_time(to)?);
    if from == to || from == MIDNIGHT {
        return Err(format!(
            "`{text}` contains no time; the whole day is 00:00-24:00"
        ));
    }
    Ok(Block { from, to })
}

fn parse_time(text: &str) -> Result<u16, String> {
    let text = text.trim();
    let number = |part: &str| {
        let digits = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = match text.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (number(hour), number(minute)),
        Some(_) => (None, None),
        None => (number(text), Some(0)),
    };
    match (hour, minute) {
        (Some(hour), Some(minute)) if minute < 60 && hour * 60 + minute <= MIDNIGHT => {
            Ok(hour * 60 + minute)
        }
        _ => Err(format!(
            "`{text}` is not a time of day; write 00:00 to 24:00, such as 09:30"
        )),
    }
}

/// Names of the days from Monday, which has position 0.
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Position of a day of the week from Monday = 0, by its name or the first letters of it.
pub(super) fn parse_day(text: &str) -> Result<usize, String> {
    let name = text.trim().to_ascii_lowercase();
    let found = DAYS
        .iter()
        .position(|day| name.len() >= 3 && day.starts_with(&name));
    found.ok_or_else(|| {
        format!(
            "`{}` is not a day of the week; write mon, tue, wed, thu, fri, sat or sun",
            text.trim()
        )
    })
}

/// Reads days of the week, such as `mon-fri`, `sat` or `mon, wed-fri`, as positions from
/// Monday = 0. A range may run over the end of the week: `fri-mon`.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_day_range(text: &str) -> Result<Vec<usize>, String> {
    let mut days = Vec::new();
    for part in text.split(',') {
        let (from, to) = match part.split_once(['-', '–']) {
            Some((from, to)) => (parse_day(from)?, parse_day(to)?),
            None => (parse_day(part)?, parse_day(part)?),
        };
        let length = (to + 7 - from) % 7;
        for day in (from..=from + length).map(|day| day % 7) {
            if days.contains(&day) {
                return Err(format!("`{}` names {} twice", text.trim(), DAYS[day]));
            }
            days.push(day);
        }
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours() {
        let block = |from, to| Block { from, to };
        assert_eq!(parse_hours("09:00-17:00"), Ok(vec![block(540, 1020)]));
        assert_eq!(
            parse_hours("09:00-12:00, 13:00-17:30"),
            Ok(vec![block(540, 720), block(780, 1050)])
        );
        assert_eq!(parse_hours(" 9 – 17:05 "), Ok(vec![block(540, 1025)]));
        assert_eq!(parse_hours("00:00-24:00"), Ok(vec![block(0, 1440)]));
        assert_eq!(parse_hours("22:00-06:00"), Ok(vec![block(1320, 360)]));
        assert_eq!(parse_hours("18:00-00:00"), Ok(vec![block(1080, 0)]));
        assert_eq!(parse_hours("Closed"), Ok(vec![]));
    }

    #[test]
    fn wrong_hours_are_explained() {
        for (text, about) in [
            ("", "no hours are given"),
            ("09:00", "not a block"),
            ("9h-17h", "`9h` is not a time"),
            ("09:00-25:00", "`25:00` is not a time"),
            ("09:60-10:00", "`09:60` is not a time"),
            ("09:5-10:00", "`09:5` is not a time"),
            ("24:01-10:00", "`24:01` is not a time"),
            ("09:00-09:00", "contains no time"),
            ("24:00-06:00", "contains no time"),
            ("09:00-12:00,", "not a block"),
            ("+9-17", "`+9` is not a time"),
        ] {
            let message = parse_hours(text).expect_err(text);
            assert!(message.contains(about), "{text}: {message}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(parse_day_range("mon-fri"), Ok(vec![0, 1, 2, 3, 4]));
        assert_eq!(parse_day_range("sat"), Ok(vec![5]));
        assert_eq!(
            parse_day_range("Monday-Sunday"),
            Ok(vec![0, 1, 2, 3, 4, 5, 6])
        );
        assert_eq!(parse_day_range("fri-mon"), Ok(vec![4, 5, 6, 0]));
        assert_eq!(parse_day_range("mon, wed-fri"), Ok(vec![0, 2, 3, 4]));
        assert_eq!(parse_day_range("tue-tue"), Ok(vec![1]));
        for (text, about) in [
            ("mo-fri", "`mo` is not a day"),
            ("", "`` is not a day"),
            ("mon-wed, tue", "tuesday twice"),
        ] {
            let message = parse_day_range(text).expect_err(text);
            assert!(message.contains(about), "{text}: {message}");
        }
    }
}
