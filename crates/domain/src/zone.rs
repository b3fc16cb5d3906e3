//! Instants, local days and time zones (methods S3).
//!
//! Instants are UTC microseconds, intervals are half-open, "hours" are elapsed physical time and
//! "days" are differences of local dates. A [`Zone`] copies the transitions of its IANA zone into
//! sorted arrays once, so that the questions of the fold (which local day is this instant, what is
//! the same local time 90 days earlier) cost two array reads and no allocation.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// An instant: microseconds since 1970-01-01T00:00:00Z (S3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// Microseconds of a second.
    pub const SECOND: i64 = 1_000_000;
    /// Microseconds of a minute.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// Microseconds of an hour.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// Microseconds of a day of 24 hours; a local day may be shorter or longer.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// Reads an RFC 3339 instant such as `2026-01-31T09:30:00Z` or `2026-01-31T09:30:00-05:00`.
    /// Digits beyond the microsecond are cut off.
    ///
    /// # Errors
    /// When the text is no instant, or lacks an offset.
    pub fn parse(text: &str) -> Result<Self, InstantError> {
        Self::read(text.trim()).ok_or_else(|| InstantError {
            text: text.to_owned(),
        })
    }

    /// By parts, since jiff's timestamps end before 9999-12-31T00:00:00Z, which sources write for
    /// "no end".
    fn read(text: &str) -> Option<Self> {
        let parts = Pieces::parse(text).ok()?;
        let time = parts.time()?;
        let clock = [
            (i64::from(time.hour()), Self::HOUR),
            (i64::from(time.minute()), Self::MINUTE),
            (i64::from(time.second()), Self::SECOND),
            (i64::from(time.subsec_nanosecond()) / 1_000, 1),
            (
                -i64::from(parts.to_numeric_offset()?.seconds()),
                Self::SECOND,
            ),
        ];
        let midnight = i64::from(LocalDay::from(parts.date()).0) * Self::DAY;
        Some(Self(
            clock.iter().fold(midnight, |sum, (n, unit)| sum + n * unit),
        ))
    }
}

impl FromStr for Micros {
    type Err = InstantError;

    fn from_str(text: &str) -> Result<Self, InstantError> {
        Self::parse(text)
    }
}

/// RFC 3339 in UTC: `2026-01-31T09:30:00Z`, with a fraction only where there is one.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = LocalDay(clamp_i32(self.0.div_euclid(Self::DAY)));
        if !(-9_999..=9_999).contains(&day.civil().0) {
            return write!(f, "{} microseconds", self.0);
        }
        let time = self.0.rem_euclid(Self::DAY);
        let (hour, minute) = (time / Self::HOUR, time / Self::MINUTE % 60);
        write!(
            f,
            "{day}T{hour:02}:{minute:02}:{:02}",
            time / Self::SECOND % 60
        )?;
        match format!("{:06}", time % Self::SECOND).trim_end_matches('0') {
            "" => f.write_str("Z"),
            fraction => write!(f, ".{fraction}Z"),
        }
    }
}

/// A text that is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an instant; write it as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00-05:00"
)]
pub struct InstantError {
    /// The text.
    pub text: String,
}

/// A local calendar date as days since 1970-01-01: the unit in which S3 counts days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalDay(pub i32);

impl LocalDay {
    /// The day with this year, month (1 to 12) and day of the month (from 1); a day beyond the
    /// end of the month is moved to the last one.
    pub fn from_civil(year: i32, month: u8, day: u8) -> Self {
        let month = month.clamp(1, 12);
        let day = day.clamp(1, days_in_month(year, month));
        // Days from 0000-03-01, so that a leap day ends its year.
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let m = i64::from((month + 9) % 12);
        let day_of_year = (153 * m + 2) / 5 + i64::from(day) - 1;
        let year_of_era = y.rem_euclid(400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(clamp_i32(era * 146_097 + day_of_era - 719_468))
    }

    /// Year, month (1 to 12) and day of the month (from 1).
    pub fn civil(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) + 719_468;
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let m = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * m + 2) / 5 + 1;
        let month = if m < 10 { m + 3 } else { m - 9 };
        let year = z.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
        // Month and day are small by construction; the conversions cannot fail.
        (
            clamp_i32(year),
            u8::try_from(month).unwrap_or(1),
            u8::try_from(day).unwrap_or(1),
        )
    }

    /// Day of the week from Monday = 0 to Sunday = 6.
    pub fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        usize::try_from((i64::from(self.0) + 3).rem_euclid(7)).unwrap_or(0)
    }

    /// The day so many days later, or earlier when negative.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl From<Date> for LocalDay {
    fn from(date: Date) -> Self {
        let part = |x: i8| u8::try_from(x).unwrap_or(1);
        Self::from_civil(i32::from(date.year()), part(date.month()), part(date.day()))
    }
}

/// Days outside the years -9999 to 9999 become the nearest day within.
impl From<LocalDay> for Date {
    fn from(day: LocalDay) -> Self {
        let nearest = if day.0 < 0 { Date::MIN } else { Date::MAX };
        let (year, month, dom) = day.civil();
        let (Ok(year), Ok(month), Ok(dom)) =
            (i16::try_from(year), i8::try_from(month), i8::try_from(dom))
        else {
            return nearest;
        };
        Date::new(year, month, dom).unwrap_or(nearest)
    }
}

/// `2026-01-31`.
impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Date::from(*self).fmt(f)
    }
}

/// Length of a month (1 to 12).
pub(crate) fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn clamp_i32(x: i64) -> i32 {
    i32::try_from(x).unwrap_or(if x < 0 { i32::MIN } else { i32::MAX })
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{name}`; {}", advice(.suggestion.as_deref()))]
pub struct ZoneError {
    /// The name.
    pub name: String,
    /// The nearest name that exists.
    pub suggestion: Option<String>,
}

fn advice(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || "use an IANA name such as America/New_York, Europe/Berlin or UTC".to_owned(),
        |near| format!("did you mean `{near}`?"),
    )
}

/// A time zone of the IANA database, ready for tens of millions of questions.
///
/// All transitions up to 2100-01-01 are known; from then on the last offset holds. Two zones are
/// equal when their names are.
#[derive(Clone)]
pub struct Zone {
    table: Arc<Table>,
}

struct Table {
    name: String,
    /// `offsets[i]` holds between transition `i - 1` and transition `i`; in microseconds.
    offsets: Box<[i64]>,
    /// Instants of the transitions.
    utc: Steps,
    /// Wall-clock time from which a transition decides how a local time is read: the end of its
    /// gap or of its fold.
    wall: Steps,
}

/// 2100-01-01T00:00:00Z: later transitions are not read.
const HORIZON: Timestamp = Timestamp::constant(4_102_444_800, 0);
/// 1800-01-01T00:00:00Z: before it every zone of the database keeps local mean time.
const DAWN: Timestamp = Timestamp::constant(-5_364_662_400, 0);

impl Zone {
    /// The zone of an IANA name, read without regard to case.
    ///
    /// # Errors
    /// When there is none; the error suggests the nearest name.
    pub fn new(name: &str) -> Result<Self, ZoneError> {
        let name = name.trim();
        let database = database();
        match database.get(name) {
            Ok(zone) if !zone.is_unknown() => {
                let known_as = zone.iana_name().unwrap_or(name).to_owned();
                Ok(Self {
                    table: Arc::new(Table::read(known_as, &zone)),
                })
            }
            _ => Err(ZoneError {
                name: name.to_owned(),
                suggestion: nearest_name(name, database.available().map(|n| n.to_string())),
            }),
        }
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            table: Arc::new(Table::read("UTC".to_owned(), &TimeZone::UTC)),
        }
    }

    /// IANA name.
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// Seconds by which local time is ahead of UTC at an instant.
    pub fn offset_seconds(&self, t: Micros) -> i32 {
        clamp_i32(self.offset(t.0) / Micros::SECOND)
    }

    fn offset(&self, t: i64) -> i64 {
        self.table.offsets[self.table.utc.passed(t)]
    }

    /// Local wall-clock time at an instant, as microseconds since 1970-01-01T00:00 on that clock.
    pub fn local_micros(&self, t: Micros) -> i64 {
        t.0.saturating_add(self.offset(t.0))
    }

    /// Local date at an instant.
    pub fn local_day(&self, t: Micros) -> LocalDay {
        // i64 microseconds span 107 million days, which fit.
        LocalDay(clamp_i32(self.local_micros(t).div_euclid(Micros::DAY)))
    }

    /// Instant of a local wall-clock time. A time that the clock skips is read with the offset
    /// before the gap, hence later; a time that it shows twice is the first of both. This is
    /// RFC 5545 and jiff's "compatible".
    pub fn to_utc(&self, local: i64) -> Micros {
        let i = self.table.wall.passed(local);
        Micros(local.saturating_sub(self.table.offsets[i]))
    }

    /// First instant at which the wall clock shows this local time or a later one. Differs from
    /// [`Zone::to_utc`] within gaps only, where it is the transition itself; it never decreases
    /// as the local time grows, so that local intervals in order stay in order.
    pub fn first_reach(&self, local: i64) -> Micros {
        let i = self.table.wall.passed(local);
        let t = local.saturating_sub(self.table.offsets[i]);
        Micros(
            self.table
                .utc
                .at
                .get(i)
                .map_or(t, |&transition| t.min(transition)),
        )
    }

    /// First instant of a local day.
    pub fn start_of_day(&self, day: LocalDay) -> Micros {
        self.first_reach(i64::from(day.0).saturating_mul(Micros::DAY))
    }

    /// Days from `a` to `b` as the difference of their local dates: a day of 23 or 25 hours is
    /// one day (S3).
    pub fn days_between(&self, a: Micros, b: Micros) -> i32 {
        self.local_day(b).0.saturating_sub(self.local_day(a).0)
    }

    /// The same local time `n` days earlier: the start of a look-back or influence window (A16,
    /// B1), which reaches from there to `t`, both included. A negative `n` goes forward.
    pub fn minus_local_days(&self, t: Micros, n: i32) -> Micros {
        if n == 0 {
            return t;
        }
        let shift = i64::from(n).saturating_mul(Micros::DAY);
        self.to_utc(self.local_micros(t).saturating_sub(shift))
    }

    /// The same local time `n` years earlier; 29 February becomes the 28th where there is none
    /// (S3). A negative `n` goes forward.
    pub fn minus_local_years(&self, t: Micros, n: i32) -> Micros {
        if n == 0 {
            return t;
        }
        let local = self.local_micros(t);
        let (year, month, day) = LocalDay(clamp_i32(local.div_euclid(Micros::DAY))).civil();
        let there = LocalDay::from_civil(year.saturating_sub(n), month, day);
        let midnight = i64::from(there.0).saturating_mul(Micros::DAY);
        self.to_utc(midnight.saturating_add(local.rem_euclid(Micros::DAY)))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table) || self.table.name == other.table.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.table.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.name)
    }
}

impl Table {
    fn read(name: String, zone: &TimeZone) -> Self {
        let micros = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * Micros::SECOND;
        let mut current = micros(zone.to_offset(DAWN));
        let mut offsets = vec![current];
        let mut utc = Vec::new();
        let mut wall = Vec::new();
        for transition in zone.following(DAWN) {
            let next = micros(transition.offset());
            if transition.timestamp() >= HORIZON {
                break;
            }
            // Some transitions change only the abbreviation.
            if next != current {
                let at = transition.timestamp().as_microsecond();
                utc.push(at);
                wall.push(at + current.max(next));
                offsets.push(next);
                current = next;
            }
        }
        Self {
            name,
            offsets: offsets.into(),
            utc: Steps::new(utc),
            wall: Steps::new(wall),
        }
    }
}

/// Sorted instants with a coarse index, so that counting those passed needs no search.
struct Steps {
    at: Box<[i64]>,
    /// How many have passed at the start of each bucket of `2^SHIFT` microseconds after the first.
    starts: Box<[u16]>,
}

/// Buckets of 25 days: transitions are rarely nearer, so that a bucket holds at most a few.
const SHIFT: u32 = 41;

impl Steps {
    fn new(at: Vec<i64>) -> Self {
        let mut starts = Vec::new();
        if let (Some(&first), Some(&last)) = (at.first(), at.last()) {
            let mut passed = 0;
            for bucket in 0..=(last - first) >> SHIFT {
                let begin = first + (bucket << SHIFT);
                while at.get(passed).is_some_and(|&x| x <= begin) {
                    passed += 1;
                }
                // No zone has 65 thousand transitions.
                starts.push(u16::try_from(passed).unwrap_or(u16::MAX));
            }
        }
        Self {
            at: at.into(),
            starts: starts.into(),
        }
    }

    /// How many are at or before `x`.
    fn passed(&self, x: i64) -> usize {
        let Some(&first) = self.at.first() else {
            return 0;
        };
        if x < first {
            return 0;
        }
        let bucket = usize::try_from(x.saturating_sub(first) >> SHIFT).unwrap_or(usize::MAX);
        let Some(&start) = self.starts.get(bucket) else {
            return self.at.len();
        };
        let mut passed = usize::from(start);
        while self.at.get(passed).is_some_and(|&at| at <= x) {
            passed += 1;
        }
        passed
    }
}

/// The database compiled into the program, so that one record gives the same numbers on every
/// machine; the system's only in a build without it.
fn database() -> TimeZoneDatabase {
    let bundled = TimeZoneDatabase::bundled();
    if bundled.is_definitively_empty() {
        jiff::tz::db().clone()
    } else {
        bundled
    }
}

/// The name that differs least from a misspelt one, as a whole or in its last part.
fn nearest_name(wanted: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let plain = |s: &str| s.trim().to_ascii_lowercase().replace(' ', "_");
    let city = |s: &str| s.rsplit('/').next().unwrap_or(s).to_owned();
    let wanted = plain(wanted);
    let wanted_city = city(&wanted);
    names
        .filter_map(|name| {
            let candidate = plain(&name);
            let whole = edits(&wanted, &candidate);
            let part = edits(&wanted_city, &city(&candidate));
            let near = part <= wanted_city.len() / 4 || whole <= (wanted.len() / 4).min(3);
            near.then_some((part.min(whole), whole, name))
        })
        .min()
        .map(|(_, _, name)| name)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let kept = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
