//! Fiscal years, quarters and months (methods S5).
//!
//! A fiscal year has four quarters of three months. Month-based years start on the first of a
//! month; week-based years (52 or 53 weeks) end on one weekday, and week 53 joins the last month.

use super::text::parse_day;
use crate::zone::{LocalDay, days_in_month};
use jiff::civil::Weekday;
use std::fmt;

/// After which calendar year a fiscal year is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum YearLabel {
    /// The year in which it ends.
    #[default]
    Ending,
    /// The year in which it starts; the retail calendar of the NRF does so.
    Starting,
}

impl YearLabel {
    /// Reads `ending` or `starting`.
    ///
    /// # Errors
    /// A sentence that names both.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "ending" => Ok(Self::Ending),
            "starting" => Ok(Self::Starting),
            other => Err(format!(
                "`{other}` is not a way to name fiscal years; write ending or starting"
            )),
        }
    }

    /// The word used in files: `ending` or `starting`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ending => "ending",
            Self::Starting => "starting",
        }
    }
}

/// Weeks of the three months of each quarter of a week-based year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeekPattern {
    /// 4-4-5
    W445,
    /// 4-5-4
    W454,
    /// 5-4-4
    W544,
}

impl WeekPattern {
    /// Reads `4-4-5`, `4-5-4` or `5-4-4`.
    ///
    /// # Errors
    /// A sentence that names all three.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let all = [Self::W445, Self::W454, Self::W544];
        all.into_iter().find(|p| p.word() == text).ok_or_else(|| {
            format!("`{text}` is not a pattern of weeks; write 4-4-5, 4-5-4 or 5-4-4")
        })
    }

    /// The word used in files, such as `4-4-5`.
    pub fn word(self) -> &'static str {
        match self {
            Self::W445 => "4-4-5",
            Self::W454 => "4-5-4",
            Self::W544 => "5-4-4",
        }
    }

    /// Weeks of a quarter before each of its months.
    fn weeks_before(self) -> [i32; 3] {
        match self {
            Self::W445 => [0, 4, 8],
            Self::W454 => [0, 4, 9],
            Self::W544 => [0, 5, 9],
        }
    }
}

/// The last day of a week-based year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearEnd {
    /// The last such weekday of a month (1 to 12).
    Last {
        /// Weekday.
        weekday: Weekday,
        /// Month.
        month: u8,
    },
    /// Such a weekday nearest to a date, at most three days from it.
    Nearest {
        /// Weekday.
        weekday: Weekday,
        /// Month of the date.
        month: u8,
        /// Day of the date; 29 February is the 28th where there is none.
        day: u8,
    },
}

impl YearEnd {
    /// Reads `last saturday 01` (month) or `nearest saturday 01-31` (month and day).
    ///
    /// # Errors
    /// A sentence that shows both forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not an end of year; write `last saturday 01` or `nearest saturday 01-31`",
                text.trim()
            )
        };
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let [rule, weekday, date] = words[..] else {
            return Err(wrong());
        };
        let zero_based = i8::try_from(parse_day(weekday)?).map_err(|_| wrong())?;
        let weekday = Weekday::from_monday_zero_offset(zero_based).map_err(|_| wrong())?;
        let number = |s: &str| {
            if s.len() <= 2 {
                s.parse::<u8>().ok()
            } else {
                None
            }
        };
        let end = match (rule, date.split_once('-')) {
            ("last", None) => number(date).map(|month| Self::Last { weekday, month }),
            ("nearest", Some((month, day))) => {
                number(month)
                    .zip(number(day))
                    .map(|(month, day)| Self::Nearest {
                        weekday,
                        month,
                        day,
                    })
            }
            _ => None,
        };
        let end = end.ok_or_else(wrong)?;
        end.check()?;
        Ok(end)
    }

    fn check(self) -> Result<(), String> {
        match self {
            Self::Last { month, .. } => check_month(month),
            Self::Nearest { month, day, .. } => {
                check_month(month)?;
                // 2024 has a 29 February.
                if (1..=days_in_month(2024, month)).contains(&day) {
                    Ok(())
                } else {
                    Err(format!("{month:02}-{day:02} is not a date"))
                }
            }
        }
    }

    /// The date around which the years of this rule end: they are named after its year, so that
    /// a year that ends in the first days of January keeps the name of December.
    fn anchor(self, year: i32) -> LocalDay {
        match self {
            Self::Last { month, .. } => LocalDay::from_civil(year, month, 31),
            Self::Nearest { month, day, .. } => LocalDay::from_civil(year, month, day),
        }
    }

    /// Last day of the year anchored in a calendar year.
    fn last_day(self, year: i32) -> LocalDay {
        let anchor = self.anchor(year);
        let (weekday, latest) = match self {
            Self::Last { weekday, .. } => (weekday, anchor),
            Self::Nearest { weekday, .. } => (weekday, anchor.plus(3)),
        };
        let wanted = i32::from(weekday.to_monday_zero_offset());
        // Both are 0 to 6.
        let found = i32::try_from(latest.weekday()).unwrap_or(0);
        latest.plus(-(found - wanted).rem_euclid(7))
    }
}

impl fmt::Display for YearEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |w: Weekday| format!("{w:?}").to_ascii_lowercase();
        match *self {
            Self::Last { weekday, month } => write!(f, "last {} {month:02}", name(weekday)),
            Self::Nearest {
                weekday,
                month,
                day,
            } => {
                write!(f, "nearest {} {month:02}-{day:02}", name(weekday))
            }
        }
    }
}

fn check_month(month: u8) -> Result<(), String> {
    if (1..=12).contains(&month) {
        Ok(())
    } else {
        Err(format!("{month} is not a month; months are 1 to 12"))
    }
}

/// The fiscal calendar of the agreement (S5). The default is the calendar year.
///
/// Its periods ([`crate::period::Period`]) are made by the methods in [`crate::period`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiscalCalendar {
    kind: Kind,
    label: YearLabel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Months { start: u8 },
    Weeks { pattern: WeekPattern, end: YearEnd },
}

impl Default for FiscalCalendar {
    fn default() -> Self {
        Self {
            kind: Kind::Months { start: 1 },
            label: YearLabel::Ending,
        }
    }
}

/// Where a day lies in its fiscal year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiscalDay {
    /// Name of the fiscal year.
    pub year: i32,
    /// Quarter, 1 to 4.
    pub quarter: u8,
    /// Fiscal month, 1 to 12.
    pub month: u8,
}

impl FiscalCalendar {
    /// Years that start on the first day of a month (1 to 12).
    ///
    /// # Errors
    /// When there is no such month.
    pub fn months(start_month: u8, label: YearLabel) -> Result<Self, String> {
        check_month(start_month)?;
        Ok(Self {
            kind: Kind::Months { start: start_month },
            label,
        })
    }

    /// Years of whole weeks.
    ///
    /// # Errors
    /// When the year end names a month or a date that does not exist.
    pub fn weeks(
        pattern: WeekPattern,
        year_end: YearEnd,
        label: YearLabel,
    ) -> Result<Self, String> {
        year_end.check()?;
        Ok(Self {
            kind: Kind::Weeks {
                pattern,
                end: year_end,
            },
            label,
        })
    }

    /// Fiscal years are calendar years, and fiscal months calendar months.
    pub fn is_calendar_year(&self) -> bool {
        matches!(self.kind, Kind::Months { start: 1 })
    }

    /// Year, quarter and month of a day.
    pub fn locate(&self, day: LocalDay) -> FiscalDay {
        let (year, month) = self.place(day);
        FiscalDay {
            year: self.name(year),
            quarter: month / 3 + 1,
            month: month + 1,
        }
    }

    /// The calendar year in which the year of this name ends; the inverse of `name`.
    pub(crate) fn year_named(&self, name: i32) -> i32 {
        name.saturating_add(self.name_lag())
    }

    /// Name of the fiscal year that ends in a calendar year.
    pub(crate) fn name(&self, year: i32) -> i32 {
        year.saturating_sub(self.name_lag())
    }

    /// 1 for years that are named after an earlier year than the one in which they end.
    fn name_lag(&self) -> i32 {
        if self.label == YearLabel::Ending {
            return 0;
        }
        let first_day = match self.kind {
            Kind::Months { start } => return i32::from(start != 1),
            Kind::Weeks { end, .. } => end.anchor(1999).plus(1),
        };
        i32::from(first_day.civil().0 == 1999)
    }

    /// The fiscal year of a day, by the calendar year in which it ends, and its month from 0.
    pub(crate) fn place(&self, day: LocalDay) -> (i32, u8) {
        let (civil_year, civil_month, _) = day.civil();
        match self.kind {
            Kind::Months { start } => {
                let ends_later = start != 1 && civil_month >= start;
                (
                    civil_year + i32::from(ends_later),
                    (civil_month + 12 - start) % 12,
                )
            }
            Kind::Weeks { pattern, end } => {
                // A year ends at most three days off its anchor, so its days lie in the calendar
                // year before the anchor's, in the anchor's, or in the first days after.
                let mut year = civil_year - 1;
                while end.last_day(year) < day {
                    year += 1;
                }
                let week = ((day.0 - end.last_day(year - 1).0 - 1) / 7).min(51);
                let begun = pattern
                    .weeks_before()
                    .iter()
                    .filter(|&&w| w <= week % 13)
                    .count();
                // Four quarters of one to three months begun: at most 11.
                let month =
                    u8::try_from(week / 13 * 3).unwrap_or(0) + u8::try_from(begun).unwrap_or(1) - 1;
                (year, month)
            }
        }
    }

    /// First day of month `month` (0 to 12) of the fiscal year that ends in a calendar year;
    /// month 12 is the first of the next year.
    pub(crate) fn month_start(&self, year: i32, month: u8) -> LocalDay {
        match self.kind {
            Kind::Months { start } => {
                let first_year = year - i32::from(start != 1);
                let months = start - 1 + month;
                LocalDay::from_civil(first_year + i32::from(months / 12), months % 12 + 1, 1)
            }
            Kind::Weeks { end, .. } if month >= 12 => end.last_day(year).plus(1),
            Kind::Weeks { pattern, end } => {
                let weeks =
                    i32::from(month / 3) * 13 + pattern.weeks_before()[usize::from(month % 3)];
                end.last_day(year - 1).plus(1 + 7 * weeks)
            }
        }
    }
}

/// In the words of the agreement: `years start 02-01 and are named after the year they end in`.
impl fmt::Display for FiscalCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = match self.label {
            YearLabel::Ending => "are named after the year they end in",
            YearLabel::Starting => "are named after the year they start in",
        };
        match self.kind {
            Kind::Months { start: 1 } => f.write_str("calendar years"),
            Kind::Months { start } => write!(f, "years start {start:02}-01 and {named}"),
            Kind::Weeks { pattern, end } => {
                write!(f, "years of {} weeks end {end} and {named}", pattern.word())
            }
        }
    }
}

#[cfg(test)]
#[path = "fiscal_tests.rs"]
mod tests;
