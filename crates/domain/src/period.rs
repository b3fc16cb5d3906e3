//! Reporting periods: fiscal years, quarters and months, and ranges of dates (methods S5).
//!
//! Periods are half-open in local days; their instants come from the reporting zone (S3). They are
//! keyed by their label, not by a calendar month, since fiscal periods do not align with months.

use crate::calendar::FiscalCalendar;
use crate::zone::{LocalDay, Micros, Zone};
use jiff::civil::Date;
use std::fmt;

/// A span of local days with the name that reports print.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Period {
    /// `2026`, `2026-Q2`, `2026-P05` (in calendar years `2026-05`), or `2026-01-01..2026-03-31`.
    pub label: String,
    /// First day.
    pub from: Date,
    /// Day after the last.
    pub to: Date,
}

impl Period {
    /// The days from `from` up to but without `to`, labelled by the first and the last of them.
    /// Nothing but `from` itself when `to` is not after it.
    pub fn between(from: Date, to: Date) -> Self {
        let last = LocalDay::from(to).plus(-1).max(from.into());
        Self::labelled(range_label(from, last.into()), from.into(), last.plus(1))
    }

    fn labelled(label: String, from: LocalDay, to: LocalDay) -> Self {
        Self {
            label,
            from: from.into(),
            to: to.into(),
        }
    }

    /// Whether a day belongs to it.
    pub fn contains(&self, day: Date) -> bool {
        self.from <= day && day < self.to
    }

    /// Number of days; 364 or 371 for week-based years, whose comparison needs care (S5).
    pub fn days(&self) -> i32 {
        LocalDay::from(self.to).0 - LocalDay::from(self.from).0
    }

    /// First instant in a zone.
    pub fn start(&self, zone: &Zone) -> Micros {
        zone.start_of_day(self.from.into())
    }

    /// First instant after it in a zone.
    pub fn end(&self, zone: &Zone) -> Micros {
        zone.start_of_day(self.to.into())
    }
}

/// The label.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

fn range_label(from: Date, last: Date) -> String {
    if from == last {
        from.to_string()
    } else {
        format!("{from}..{last}")
    }
}

/// Part of a fiscal year, counted from 0.
#[derive(Clone, Copy)]
enum Part {
    Year,
    Quarter(u8),
    Month(u8),
}

impl FiscalCalendar {
    /// Fiscal year of a day.
    pub fn year_of(&self, day: Date) -> Period {
        let (year, _) = self.place(day.into());
        self.part(year, Part::Year)
    }

    /// Fiscal quarter of a day.
    pub fn quarter_of(&self, day: Date) -> Period {
        let (year, month) = self.place(day.into());
        self.part(year, Part::Quarter(month / 3))
    }

    /// Fiscal month of a day.
    pub fn month_of(&self, day: Date) -> Period {
        let (year, month) = self.place(day.into());
        self.part(year, Part::Month(month))
    }

    /// `year` is the calendar year in which the fiscal year ends.
    fn part(&self, year: i32, part: Part) -> Period {
        let name = self.name(year);
        let (label, from, to) = match part {
            Part::Year => (format!("{name:04}"), 0, 12),
            Part::Quarter(q) => (format!("{name:04}-Q{}", q + 1), 3 * q, 3 * q + 3),
            Part::Month(m) if self.is_calendar_year() => {
                (format!("{name:04}-{:02}", m + 1), m, m + 1)
            }
            Part::Month(m) => (format!("{name:04}-P{:02}", m + 1), m, m + 1),
        };
        Period::labelled(
            label,
            self.month_start(year, from),
            self.month_start(year, to),
        )
    }

    /// The year, quarter or month before one, or for other ranges as many days before it.
    pub fn previous(&self, period: &Period) -> Period {
        match self.same_length(period) {
            Some(of) => of(self, LocalDay::from(period.from).plus(-1).into()),
            None => {
                let from = LocalDay::from(period.from);
                Period::between(from.plus(-period.days().max(1)).into(), period.from)
            }
        }
    }

    /// The year, quarter or month after one, or for other ranges as many days after it.
    pub fn next(&self, period: &Period) -> Period {
        match self.same_length(period) {
            Some(of) => of(self, period.to),
            None => {
                let to = LocalDay::from(period.to);
                Period::between(period.to, to.plus(period.days().max(1)).into())
            }
        }
    }

    /// How to find periods of the same kind, when the days are those of a year, quarter or month.
    fn same_length(&self, period: &Period) -> Option<fn(&Self, Date) -> Period> {
        let kinds: [fn(&Self, Date) -> Period; 3] =
            [Self::year_of, Self::quarter_of, Self::month_of];
        kinds.into_iter().find(|of| {
            let found = of(self, period.from);
            (found.from, found.to) == (period.from, period.to)
        })
    }

    /// The quarters that share a day with a period, in order: of a year its four.
    pub fn quarters_of(&self, period: &Period) -> Vec<Period> {
        self.cover(period, Self::quarter_of)
    }

    /// The months that share a day with a period, in order: of a quarter its three.
    pub fn months_of(&self, period: &Period) -> Vec<Period> {
        self.cover(period, Self::month_of)
    }

    fn cover(&self, period: &Period, of: fn(&Self, Date) -> Period) -> Vec<Period> {
        let mut found = vec![of(self, period.from)];
        while let Some(last) = found.last() {
            // The second condition stops at the last date there is.
            if last.to >= period.to || last.to <= last.from {
                break;
            }
            found.push(of(self, last.to));
        }
        found
    }

    /// Reads `2026` (or `FY2026`), `2026-Q2`, `2026-P05`, a range `2026-01-01..2026-03-31` with
    /// both days included, one day `2026-01-31`, and in calendar years `2026-05`.
    ///
    /// # Errors
    /// A sentence that shows what can be written.
    pub fn parse_period(&self, text: &str) -> Result<Period, String> {
        let text = text.trim();
        let wrong = || {
            let month = if self.is_calendar_year() {
                "2026-05"
            } else {
                "2026-P05"
            };
            format!(
                "`{text}` is not a period; write 2026, 2026-Q2, {month} or 2026-01-01..2026-03-31"
            )
        };
        if let Some((from, last)) = text.split_once("..") {
            let date = |s: &str| {
                parse_date(s.trim()).ok_or_else(|| {
                    format!(
                        "`{}` in `{text}` is not a date; write it as 2026-01-31",
                        s.trim()
                    )
                })
            };
            let (from, last) = (date(from)?, date(last)?);
            if last < from {
                return Err(format!(
                    "`{text}` ends before it starts; write {last}..{from}"
                ));
            }
            return Ok(Period::between(from, LocalDay::from(last).plus(1).into()));
        }
        if let Some(day) = parse_date(text) {
            return Ok(Period::between(day, LocalDay::from(day).plus(1).into()));
        }
        let upper = text.to_ascii_uppercase();
        let plain = upper.strip_prefix("FY").unwrap_or(&upper);
        let (name, part) = match plain.split_once('-') {
            Some((name, part)) => (name, Some(part)),
            None => (plain, None),
        };
        if name.len() != 4 {
            return Err(wrong());
        }
        let name = digits(name).ok_or_else(wrong)?;
        let part =
            match part {
                None => Part::Year,
                Some(part) => {
                    if let Some(q) = part.strip_prefix('Q') {
                        Part::Quarter(
                            nth(q, 4)
                                .ok_or_else(|| format!("`{text}`: a year has quarters Q1 to Q4"))?,
                        )
                    } else if let Some(p) = part.strip_prefix('P') {
                        Part::Month(nth(p, 12).ok_or_else(|| {
                            format!("`{text}`: a fiscal year has months P01 to P12")
                        })?)
                    } else {
                        let month = nth(part, 12)
                            .filter(|_| part.len() == 2)
                            .ok_or_else(wrong)?;
                        if !self.is_calendar_year() {
                            return Err(self.not_a_fiscal_month(text, name, month));
                        }
                        Part::Month(month)
                    }
                }
            };
        Ok(self.part(self.year_named(name), part))
    }

    fn not_a_fiscal_month(&self, text: &str, year: i32, month: u8) -> String {
        let first = LocalDay::from_civil(year, month + 1, 1);
        let last = LocalDay::from_civil(year, month + 1, 31);
        let fiscal = self.month_of(first.into()).label;
        format!(
            "`{text}` is a calendar month, and the agreement counts in fiscal ones; \
             write {fiscal} or {first}..{last}"
        )
    }
}

/// A number of digits only.
fn digits(text: &str) -> Option<i32> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// An ordinal of one or two digits, from 1 to `max`, counted from 0.
fn nth(text: &str, max: u8) -> Option<u8> {
    let n = digits(text).filter(|_| text.len() <= 2)?;
    u8::try_from(n)
        .ok()
        .filter(|n| (1..=max).contains(n))
        .map(|n| n - 1)
}

/// A date written in full, `2026-01-31`.
fn parse_date(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    shape.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
