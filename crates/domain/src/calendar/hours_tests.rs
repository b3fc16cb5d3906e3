//! The business-hours clock: golden cases of S4 and H.25, the laws, and a naive oracle.

use super::*;
use crate::calendar::{parse_day_range, parse_hours};
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

const MINUTE: i64 = Micros::MINUTE;
const HOUR: i64 = Micros::HOUR;

fn zone(name: &str) -> Zone {
    Zone::new(name).expect("a zone")
}

fn week(days: &str, hours: &str) -> [Vec<Block>; 7] {
    let mut week: [Vec<Block>; 7] = Default::default();
    for day in parse_day_range(days).expect("days") {
        week[day] = parse_hours(hours).expect("hours");
    }
    week
}

fn calendar(zone_name: &str, days: &str, hours: &str) -> Calendar {
    Calendar::new(zone(zone_name), week(days, hours), vec![], BTreeMap::new())
}

/// New York, Mon-Fri 09-17, US holidays of 2024 that matter here.
fn new_york() -> Calendar {
    let closed = vec![date(2024, 5, 27), date(2024, 7, 4), date(2024, 12, 25)];
    Calendar::new(
        zone("America/New_York"),
        week("mon-fri", "09:00-17:00"),
        closed,
        BTreeMap::new(),
    )
}

fn at(calendar: &Calendar, text: &str) -> Micros {
    let local: jiff::civil::DateTime = text.parse().expect("a local time");
    let zone = TimeZone::get(calendar.zone().name()).expect("a zone");
    Micros(zone.to_timestamp(local).expect("in range").as_microsecond())
}

/// `E` between two local times of the calendar.
fn open_between(calendar: &Calendar, a: &str, b: &str) -> i64 {
    calendar.elapsed(at(calendar, a), at(calendar, b))
}

#[test]
fn golden_cases_of_s4() {
    let ny = new_york();
    for (a, b, minutes) in [
        // Over Memorial Day.
        ("2024-05-24T16:30", "2024-05-28T09:20", 50),
        ("2024-05-17T16:30", "2024-05-20T09:20", 50),
        ("2024-05-18T10:00", "2024-05-18T11:00", 0),
        // Over the change to summer time: wall-clock 65 hours.
        ("2024-03-08T16:00", "2024-03-11T10:00", 120),
        // Over the change back: 67 hours.
        ("2024-11-01T16:00", "2024-11-04T10:00", 120),
        // Friday 16:30 to Monday 09:30.
        ("2024-05-17T16:30", "2024-05-20T09:30", 60),
        // Created on a holiday: the clock starts at the next opening.
        ("2024-07-04T11:00", "2024-07-05T09:20", 20),
        // Response before the hand-off.
        ("2024-05-17T16:30", "2024-05-17T16:00", 0),
    ] {
        assert_eq!(open_between(&ny, a, b), minutes * MINUTE, "{a} to {b}");
    }
    let wall = at(&ny, "2024-03-11T10:00").0 - at(&ny, "2024-03-08T16:00").0;
    assert_eq!(wall, 65 * HOUR);
    // Exactly 60 minutes meets a 60-minute target.
    let start = at(&ny, "2024-05-17T16:30");
    let deadline = ny.deadline(start, 60 * MINUTE);
    assert_eq!(deadline, Some(at(&ny, "2024-05-20T09:30")));
    assert_eq!(deadline.map(|t| ny.elapsed(start, t)), Some(60 * MINUTE));
}

#[test]
fn help_pages_of_h25_put_right() {
    let nine = calendar("America/New_York", "mon-fri", "09:00-17:00");
    let deadline = nine.deadline(at(&nine, "2024-05-17T17:00"), 8 * HOUR);
    assert_eq!(
        deadline,
        Some(at(&nine, "2024-05-20T17:00")),
        "Friday 17:00 + 8 h is Monday 17:00"
    );
    let eight = calendar("America/New_York", "mon-fri", "08:00-17:00");
    let deadline = eight.deadline(at(&eight, "2024-05-17T16:00"), 4 * HOUR);
    assert_eq!(
        deadline,
        Some(at(&eight, "2024-05-20T11:00")),
        "Friday 16:00 + 4 h is Monday 11:00"
    );
}

#[test]
fn several_blocks_a_day_and_blocks_that_overlap() {
    let lunch = calendar("Europe/Berlin", "mon-fri", "09:00-12:00, 13:00-17:30");
    assert_eq!(
        open_between(&lunch, "2024-05-17T11:30", "2024-05-17T13:30"),
        HOUR
    );
    assert_eq!(
        open_between(&lunch, "2024-05-17T00:00", "2024-05-18T00:00"),
        450 * MINUTE
    );
    assert!(!lunch.is_open(at(&lunch, "2024-05-17T12:00")));
    assert!(lunch.is_open(at(&lunch, "2024-05-17T13:00")));
    let noon = lunch.deadline(at(&lunch, "2024-05-17T09:00"), 3 * HOUR);
    assert_eq!(
        noon,
        Some(at(&lunch, "2024-05-17T12:00")),
        "the first such instant"
    );
    let plain = calendar("Europe/Berlin", "mon-fri", "09:00-17:00");
    assert_eq!(
        plain,
        calendar(
            "Europe/Berlin",
            "mon-fri",
            "12:00-17:00, 09:00-13:00, 10:00-11:00"
        )
    );
    assert_ne!(plain, lunch);
    assert_ne!(plain, calendar("Europe/Paris", "mon-fri", "09:00-17:00"));
}

#[test]
fn night_shifts_over_changes_of_the_clock() {
    let night = calendar("America/New_York", "mon-sun", "22:00-06:00");
    assert_eq!(
        open_between(&night, "2024-05-17T12:00", "2024-05-18T12:00"),
        8 * HOUR
    );
    assert_eq!(
        open_between(&night, "2024-03-09T12:00", "2024-03-10T12:00"),
        7 * HOUR
    );
    assert_eq!(
        open_between(&night, "2024-11-02T12:00", "2024-11-03T12:00"),
        9 * HOUR
    );
    // Friday night only: the part after midnight is Saturday's.
    let friday = calendar("America/New_York", "fri", "22:00-06:00");
    assert_eq!(
        open_between(&friday, "2024-05-17T23:00", "2024-05-18T23:00"),
        7 * HOUR
    );
    assert_eq!(
        open_between(&friday, "2024-05-16T23:00", "2024-05-17T22:00"),
        0
    );
    // Boundaries within the skipped and the repeated hour.
    let early = calendar("America/New_York", "sun", "01:00-02:30, 02:45-04:00");
    assert_eq!(
        open_between(&early, "2024-03-10T00:00", "2024-03-10T12:00"),
        2 * HOUR
    );
    assert_eq!(
        open_between(&early, "2024-11-03T00:00", "2024-11-03T12:00"),
        225 * MINUTE
    );
}

#[test]
fn old_offsets_are_those_of_the_time() {
    // Before 2007 American summer time began in April.
    let ny = new_york();
    assert_eq!(
        ny.zone()
            .local_micros(at(&ny, "2006-03-20T09:00"))
            .rem_euclid(Micros::DAY),
        9 * HOUR
    );
    assert!(ny.is_open(Micros::parse("2006-03-20T14:00:00Z").expect("an instant")));
    assert!(!ny.is_open(Micros::parse("2006-03-20T13:59:59Z").expect("an instant")));
    assert!(ny.is_open(Micros::parse("2008-03-20T13:00:00Z").expect("an instant")));
    // Moscow: +4 until October 2014, +3 since.
    let moscow = calendar("Europe/Moscow", "mon-fri", "09:00-18:00");
    assert!(moscow.is_open(Micros::parse("2014-10-24T05:00:00Z").expect("an instant")));
    assert!(!moscow.is_open(Micros::parse("2014-10-27T05:00:00Z").expect("an instant")));
    assert_eq!(
        open_between(&moscow, "2014-10-24T17:00", "2014-10-27T10:00"),
        2 * HOUR
    );
}

#[test]
fn closures_and_hours_of_single_dates() {
    let open = BTreeMap::from([
        // Half a day, an opening on a Saturday, a date that is also closed, one without hours, and
        // one over midnight into a closed date.
        (
            date(2026, 12, 24),
            parse_hours("09:00-12:00").expect("hours"),
        ),
        (
            date(2026, 12, 19),
            parse_hours("10:00-11:00, 10:30-14:00").expect("hours"),
        ),
        (
            date(2026, 12, 28),
            parse_hours("09:00-10:00").expect("hours"),
        ),
        (date(2026, 12, 29), vec![]),
        (
            date(2026, 12, 31),
            parse_hours("22:00-02:00").expect("hours"),
        ),
        (
            date(2026, 12, 22),
            parse_hours("22:00-10:00").expect("hours"),
        ),
    ]);
    let closed = vec![
        date(2026, 12, 25),
        date(2026, 12, 28),
        date(2027, 1, 1),
        date(2026, 12, 25),
    ];
    let cal = Calendar::new(zone("UTC"), week("mon-fri", "09:00-17:00"), closed, open);
    let hours = |day: &str| {
        let from = at(&cal, &format!("{day}T00:00"));
        cal.elapsed(from, Micros(from.0 + Micros::DAY)) / MINUTE
    };
    for (day, minutes) in [
        ("2026-12-18", 480),
        ("2026-12-19", 240),
        ("2026-12-20", 0),
        ("2026-12-22", 120),
        ("2026-12-23", 17 * 60),
        ("2026-12-24", 180),
        ("2026-12-25", 0),
        ("2026-12-28", 60),
        ("2026-12-29", 0),
        ("2026-12-31", 120),
        ("2027-01-01", 0),
    ] {
        assert_eq!(hours(day), minutes, "{day}");
    }
    assert_eq!(
        cal.closed_dates().collect::<Vec<_>>(),
        [date(2026, 12, 25), date(2027, 1, 1)]
    );
    assert_eq!(cal.open_dates().count(), 7);
    assert_eq!(
        cal.week().map(|w| w[0].clone()),
        Some(vec![Block::new(540, 1020)])
    );
}

#[test]
fn around_the_clock() {
    let always = Calendar::always(zone("America/New_York"));
    let (a, b) = (
        at(&always, "2024-03-08T16:00"),
        at(&always, "2024-03-11T10:00"),
    );
    assert_eq!(always.elapsed(a, b), 65 * HOUR);
    assert_eq!(always.elapsed(b, a), 0);
    assert_eq!(always.deadline(a, 65 * HOUR), Some(b));
    assert_eq!(always.deadline(Micros(i64::MAX), 1), None);
    assert!(always.is_open(a) && always.is_always());
    // The same by hours, day by day of the wall clock.
    let hours = calendar("America/New_York", "mon-sun", "00:00-24:00");
    assert_eq!(hours.elapsed(a, b), 65 * HOUR);
    assert_ne!(hours, always);
    assert_eq!(always, Calendar::always(zone("America/New_York")));
}

#[test]
fn a_calendar_that_does_not_open_again() {
    let never = calendar("Europe/Berlin", "mon", "closed");
    assert_eq!(never.deadline(Micros(0), 1), None);
    assert_eq!(never.deadline(Micros(7), 0), Some(Micros(7)));
    assert_eq!(never.elapsed(Micros(i64::MIN), Micros(i64::MAX)), 0);
    let open = BTreeMap::from([(date(2026, 5, 1), parse_hours("09:00-10:00").expect("hours"))]);
    let once = Calendar::new(zone("Europe/Berlin"), Default::default(), vec![], open);
    let long_before = Micros::parse("1960-01-01T00:00:00Z").expect("an instant");
    assert_eq!(
        once.deadline(long_before, HOUR),
        Some(at(&once, "2026-05-01T10:00"))
    );
    assert_eq!(once.deadline(long_before, HOUR + 1), None);
    assert_eq!(once.deadline(at(&once, "2026-05-01T10:00"), 1), None);
}

#[test]
fn long_before_and_long_after() {
    let cal = calendar("Europe/Berlin", "mon-fri", "09:00-12:00, 13:00-17:30");
    // From Monday to Monday a thousand weeks apart, across both ends of the array.
    for from in [
        "1901-01-07T00:00",
        "1960-01-04T00:00",
        "2095-01-03T00:00",
        "2150-01-05T00:00",
    ] {
        let a = at(&cal, from);
        let b = cal.zone().minus_local_days(a, -7_000);
        assert_eq!(cal.elapsed(a, b), 1_000 * 5 * 450 * MINUTE, "{from}");
        // The last of that time is Friday's, which closes at 17:30.
        let friday = cal
            .zone()
            .minus_local_days(Micros(b.0 + 17 * HOUR + 30 * MINUTE), 3);
        assert_eq!(
            cal.deadline(a, 1_000 * 5 * 450 * MINUTE),
            Some(friday),
            "{from}"
        );
    }
    // "Unset" dates and sentinels.
    let unset = Micros::parse("9999-12-31T00:00:00Z").expect("an instant");
    assert!(cal.elapsed(Micros(0), unset) > 0);
    assert!(cal.elapsed(Micros(i64::MIN), Micros(i64::MAX)) > 0);
    for t in [i64::MIN, i64::MAX] {
        let _ = (
            cal.is_open(Micros(t)),
            cal.deadline(Micros(t), HOUR),
            cal.deadline(Micros(t), i64::MAX),
        );
    }
}

#[test]
fn blocks_split_at_midnight() {
    assert_eq!(
        Block::new(1320, 360).split(),
        (Block::new(1320, 1440), Some(Block::new(0, 360)))
    );
    assert_eq!(Block::new(1080, 0).split(), (Block::new(1080, 1440), None));
    assert_eq!(Block::new(540, 1020).split(), (Block::new(540, 1020), None));
    assert_eq!(Block::new(540, 1020).to_string(), "09:00-17:00");
    // Minutes beyond the day are cut.
    let odd = [
        vec![Block::new(540, 5_000)],
        vec![],
        vec![],
        vec![],
        vec![],
        vec![],
        vec![],
    ];
    let cal = Calendar::new(Zone::utc(), odd, vec![], BTreeMap::new());
    assert_eq!(
        cal.week().map(|w| w[0].clone()),
        Some(vec![Block::new(540, 1440)])
    );
}

/// What a calendar was made of.
#[derive(Debug, Clone)]
struct Made {
    zone: &'static str,
    week: [Vec<Block>; 7],
    closed: Vec<Date>,
    open: BTreeMap<Date, Vec<Block>>,
}

impl Made {
    fn calendar(&self) -> Calendar {
        Calendar::new(
            zone(self.zone),
            self.week.clone(),
            self.closed.clone(),
            self.open.clone(),
        )
    }

    /// Open at a minute of a local date: by its own hours or the week's, and by what runs over
    /// from the date before.
    fn is_open(&self, date: Date, minute: u16) -> bool {
        let yesterday = date.yesterday().expect("in range");
        let hours = |day: Date| {
            &self.week[usize::try_from(day.weekday().to_monday_zero_offset()).expect("small")]
        };
        let today = |b: &Block| b.from <= minute && (minute < b.to || b.from > b.to);
        let rest = |b: &Block| b.from > b.to && minute < b.to;
        let closed = self.closed.contains(&date) && !self.open.contains_key(&date);
        let own_rest = self
            .open
            .get(&yesterday)
            .is_some_and(|blocks| blocks.iter().any(rest));
        match self.open.get(&date) {
            _ if closed => false,
            Some(own) => own.iter().any(today) || own_rest,
            None => hours(date).iter().any(today) || hours(yesterday).iter().any(rest) || own_rest,
        }
    }

    /// `E(a, b)` minute by minute with jiff. While the wall clock repeats an hour, the time that
    /// it showed before the repetition counts.
    fn naive(&self, a: Micros, b: Micros) -> i64 {
        let zone = TimeZone::get(self.zone).expect("a zone");
        let mut shown = None;
        let mut open = 0;
        let mut t = a.0 - 2 * Micros::DAY;
        while t < b.0 {
            let local = zone.to_datetime(Timestamp::from_microsecond(t).expect("in range"));
            shown = shown.max(Some(local));
            let now = shown.expect("set above");
            let minute =
                u16::try_from(i16::from(now.hour()) * 60 + i16::from(now.minute())).expect("small");
            if t >= a.0 && self.is_open(now.date(), minute) {
                open += MINUTE;
            }
            t += MINUTE;
        }
        open
    }
}

prop_compose! {
    fn block()(from in 0..96_u16, length in 1..96_u16) -> Block {
        Block::new(from * 15, (from + length) % 97 * 15)
    }
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    prop::collection::vec(block(), 0..3)
}

/// Calendars with an instant near a transition of their zone or anywhere from 1995 to 2035, and
/// exceptions in the days around it.
fn made() -> impl Strategy<Value = (Made, Micros)> {
    let zones = prop::sample::select(vec![
        "UTC",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "Europe/Berlin",
        "Asia/Kolkata",
        "Asia/Gaza",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ]);
    let near = (
        788_918_400..2_051_222_400_i64,
        any::<bool>(),
        -5_000..5_000_i64,
    );
    let week = prop::array::uniform7(blocks());
    let exceptions = (
        prop::collection::vec(-8..9_i64, 0..4),
        prop::collection::vec((-8..9_i64, blocks()), 0..4),
    );
    (zones, near, week, exceptions).prop_map(
        |(zone, (second, close, step), week, (closed, open))| {
            let tz = TimeZone::get(zone).expect("a zone");
            let t = Timestamp::from_second(second).expect("in range");
            let transition = tz.following(t).next().map(|x| x.timestamp().as_second());
            let second = transition
                .filter(|_| close)
                .map_or(second, |at| at + step * 60);
            let minute = second.div_euclid(60) * 60;
            let day = tz
                .to_datetime(Timestamp::from_second(minute).expect("in range"))
                .date();
            let date = |n: i64| day.checked_add(n.days()).expect("in range");
            let closed = closed.into_iter().map(date).collect();
            let open = open
                .into_iter()
                .map(|(n, blocks)| (date(n), blocks))
                .collect();
            (
                Made {
                    zone,
                    week,
                    closed,
                    open,
                },
                Micros(minute * Micros::SECOND),
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_the_naive_oracle((made, a) in made(), minutes in 0..10_000_i64) {
        let calendar = made.calendar();
        let b = Micros(a.0 + minutes * MINUTE);
        prop_assert_eq!(calendar.elapsed(a, b), made.naive(a, b));
        prop_assert_eq!(calendar.is_open(a), made.naive(a, Micros(a.0 + MINUTE)) > 0);
    }

    #[test]
    fn laws_of_s4(
        (made, a) in made(),
        steps in prop::array::uniform2(0..40 * Micros::DAY),
        years in 0..90_i32,
        target in 1..30 * Micros::DAY,
    ) {
        let calendar = made.calendar();
        // Also from long before the array and to long after it.
        for a in [a, Micros(a.0 - 50 * 365 * Micros::DAY), Micros(a.0 + 100 * 365 * Micros::DAY)] {
            let b = Micros(a.0 + steps[0]);
            let c = Micros(b.0 + steps[1] + i64::from(years) * 365 * Micros::DAY);
            let (ab, bc) = (calendar.elapsed(a, b), calendar.elapsed(b, c));
            prop_assert!(ab >= 0 && ab <= b.0 - a.0);
            prop_assert_eq!(calendar.elapsed(a, c), ab + bc);
            prop_assert_eq!(calendar.elapsed(c, a), 0);
            if let Some(t) = calendar.deadline(a, target) {
                prop_assert_eq!(calendar.elapsed(a, t), target);
                // The first such instant: just before it the calendar is open.
                prop_assert!(calendar.is_open(Micros(t.0 - 1)));
                prop_assert_eq!(calendar.elapsed(a, Micros(t.0 - 1)), target - 1);
            } else {
                prop_assert!(calendar.elapsed(a, Micros(a.0 + 400 * 365 * Micros::DAY)) < target);
            }
            // Nothing across closed time: the instant after closing adds nothing.
            if !calendar.is_open(a) {
                prop_assert_eq!(calendar.elapsed(a, Micros(a.0 + 1)), 0);
            }
        }
    }
}
