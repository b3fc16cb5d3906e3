//! Zones against jiff, over many zones, in gaps, in folds and with the offsets of long ago.

use super::*;
use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;

/// Zones with summer time in both hemispheres, at midnight, of half an hour, of two hours, with
/// negative summer time, skipped days, odd offsets, many changes, and none at all.
const ZONES: [&str; 32] = [
    "UTC",
    "Etc/GMT+5",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Caracas",
    "America/Toronto",
    "America/Phoenix",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Europe/Amsterdam",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Tokyo",
    "Asia/Beirut",
    "Asia/Manila",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
];

fn zone(name: &str) -> Zone {
    Zone::new(name).expect("a zone")
}

fn peer(name: &str) -> TimeZone {
    database().get(name).expect("a zone of jiff")
}

fn at(text: &str) -> Micros {
    text.parse().expect("an instant")
}

fn timestamp(t: Micros) -> Timestamp {
    Timestamp::from_microsecond(t.0).expect("in range")
}

fn micros(t: Timestamp) -> Micros {
    Micros(t.as_microsecond())
}

fn as_local(dt: DateTime) -> i64 {
    TimeZone::UTC
        .to_timestamp(dt)
        .expect("in range")
        .as_microsecond()
}

fn civil(local: i64) -> DateTime {
    TimeZone::UTC.to_datetime(timestamp(Micros(local)))
}

/// Everything a zone says about one instant and about the same number read as local time.
fn agrees(zone: &Zone, peer: &TimeZone, t: Micros) {
    let z = timestamp(t).to_zoned(peer.clone());
    let said = format!("{zone:?} at {t}");
    assert_eq!(
        zone.offset_seconds(t),
        z.offset().seconds(),
        "offset, {said}"
    );
    assert_eq!(
        zone.local_micros(t),
        as_local(z.datetime()),
        "local time, {said}"
    );
    assert_eq!(Date::from(zone.local_day(t)), z.date(), "local day, {said}");
    let back = peer.to_timestamp(civil(t.0)).expect("in range");
    assert_eq!(zone.to_utc(t.0), micros(back), "to_utc, {said}");
}

#[test]
fn every_zone_of_the_database_agrees_around_every_transition() {
    let around = [
        -2 * Micros::HOUR,
        -30 * Micros::MINUTE,
        -1,
        0,
        1,
        30 * Micros::MINUTE,
        2 * Micros::HOUR,
    ];
    for name in database().available() {
        let peer = peer(name.as_str());
        let Ok(zone) = Zone::new(name.as_str()) else {
            assert!(peer.is_unknown(), "{name}");
            continue;
        };
        assert!(zone.table.wall.at.is_sorted(), "{name}");
        for transition in peer.following(DAWN).take_while(|t| t.timestamp() < HORIZON) {
            let t = transition.timestamp().as_microsecond();
            let offset = i64::from(transition.offset().seconds()) * Micros::SECOND;
            for step in around {
                agrees(&zone, &peer, Micros(t + step));
                agrees(&zone, &peer, Micros(t + offset + step));
            }
        }
    }
}

#[test]
fn spring_forward_and_fall_back() {
    let ny = zone("America/New_York");
    let noon = |day: Date| ny.to_utc(as_local(day.at(12, 0, 0, 0)));
    // S3: the day of 23 hours is one day.
    let (a, b) = (noon(date(2024, 3, 9)), noon(date(2024, 3, 10)));
    assert_eq!(b.0 - a.0, 23 * Micros::HOUR);
    assert_eq!(ny.days_between(a, b), 1);
    assert_eq!(ny.days_between(b, a), -1);
    // 02:30 does not exist: later. 01:30 happens twice: the first.
    assert_eq!(
        ny.to_utc(as_local(date(2024, 3, 10).at(2, 30, 0, 0))),
        at("2024-03-10T03:30:00-04:00")
    );
    assert_eq!(
        ny.to_utc(as_local(date(2024, 11, 3).at(1, 30, 0, 0))),
        at("2024-11-03T01:30:00-04:00")
    );
    // The wall clock passes 02:30 when it jumps to 03:00.
    let reach = ny.first_reach(as_local(date(2024, 3, 10).at(2, 30, 0, 0)));
    assert_eq!(reach, at("2024-03-10T03:00:00-04:00"));
}

#[test]
fn days_that_start_late_or_never() {
    // Summer time began at midnight.
    let start = zone("America/Sao_Paulo").start_of_day(date(2018, 11, 4).into());
    assert_eq!(start, at("2018-11-04T01:00:00-02:00"));
    // The clock jumped from 23:30 to 00:30, so the day began at half past.
    let start = zone("America/Toronto").start_of_day(date(1919, 3, 31).into());
    assert_eq!(start, at("1919-03-31T00:30:00-04:00"));
    // 30 December 2011 was skipped: it starts and ends at the same instant.
    let apia = zone("Pacific/Apia");
    let start = apia.start_of_day(date(2011, 12, 30).into());
    assert_eq!(start, apia.start_of_day(date(2011, 12, 31).into()));
    assert_eq!(start, at("2011-12-31T00:00:00+14:00"));
}

#[test]
fn windows_keep_the_local_time() {
    let ny = zone("America/New_York");
    // 90 days before a summer afternoon is the same wall-clock time in winter.
    let from = ny.minus_local_days(at("2024-05-01T15:00:00-04:00"), 90);
    assert_eq!(from, at("2024-02-01T15:00:00-05:00"));
    assert_eq!(
        ny.minus_local_days(from, -90),
        at("2024-05-01T15:00:00-04:00")
    );
    // The second 01:30 stays itself when nothing is subtracted.
    let second = at("2024-11-03T01:30:00-05:00");
    assert_eq!(ny.minus_local_days(second, 0), second);
    assert_eq!(ny.minus_local_years(second, 0), second);
}

#[test]
fn years_clamp_the_leap_day() {
    // S3: 2024-02-29 minus 3 years = 2021-02-28.
    let utc = Zone::utc();
    assert_eq!(
        utc.minus_local_years(at("2024-02-29T10:00:00Z"), 3),
        at("2021-02-28T10:00:00Z")
    );
    assert_eq!(
        utc.minus_local_years(at("2024-02-29T10:00:00Z"), 4),
        at("2020-02-29T10:00:00Z")
    );
}

#[test]
fn names() {
    assert_eq!(zone("america/new_york").name(), "America/New_York");
    assert_eq!(zone("Europe/Berlin"), zone("Europe/Berlin").clone());
    assert_ne!(zone("Europe/Berlin"), zone("Europe/Paris"));
    assert_eq!(zone("UTC"), Zone::utc());
    let suggestion = |name: &str| Zone::new(name).expect_err("no such zone").suggestion;
    assert_eq!(
        suggestion("America/NewYork").as_deref(),
        Some("America/New_York")
    );
    assert_eq!(suggestion("New York").as_deref(), Some("America/New_York"));
    assert_eq!(suggestion("Europe/Berln").as_deref(), Some("Europe/Berlin"));
    assert_eq!(suggestion("Berlin").as_deref(), Some("Europe/Berlin"));
    assert_eq!(suggestion("Middle-earth/Mordor"), None);
    assert!(Zone::new("Etc/Unknown").is_err());
    let message = Zone::new("Europe/Berln")
        .expect_err("no such zone")
        .to_string();
    assert_eq!(
        message,
        "there is no time zone `Europe/Berln`; did you mean `Europe/Berlin`?"
    );
    let message = Zone::new("").expect_err("no such zone").to_string();
    assert!(
        message.ends_with("such as America/New_York, Europe/Berlin or UTC"),
        "{message}"
    );
}

#[test]
fn instants_as_text() {
    assert_eq!(at("1970-01-01T00:00:01Z"), Micros(Micros::SECOND));
    assert_eq!(
        at("2026-01-31T09:30:00-05:00").to_string(),
        "2026-01-31T14:30:00Z"
    );
    assert_eq!(at("1969-12-31T23:59:59.9999999Z"), Micros(-1));
    assert_eq!(
        at("2026-01-31T14:30:00.000001Z").to_string(),
        "2026-01-31T14:30:00.000001Z"
    );
    // Beyond jiff's last timestamp.
    assert_eq!(
        at("9999-12-31T23:59:59.5Z").to_string(),
        "9999-12-31T23:59:59.5Z"
    );
    assert!(Micros::parse("2026-01-31").is_err());
    assert!(Micros::parse("2026-01-31Z").is_err());
    assert!(Micros::parse("2026-01-31T09:30[America/New_York]").is_err());
    assert!(
        Micros::parse("2026-01-31T09:30:00").is_err(),
        "an instant needs an offset"
    );
    assert_eq!(
        Micros(i64::MAX).to_string(),
        "9223372036854775807 microseconds"
    );
}

#[test]
fn days_and_dates() {
    assert_eq!(LocalDay::from(date(1970, 1, 1)), LocalDay(0));
    assert_eq!(LocalDay::from(date(2000, 2, 29)).to_string(), "2000-02-29");
    assert_eq!(LocalDay::from(date(1969, 12, 28)).weekday(), 6);
    assert_eq!(LocalDay::from_civil(2023, 2, 31), date(2023, 2, 28).into());
    assert_eq!(Date::from(LocalDay(i32::MAX)), Date::MAX);
    assert_eq!(Date::from(LocalDay(i32::MIN)), Date::MIN);
    for edge in [Date::MIN, Date::MAX] {
        assert_eq!(Date::from(LocalDay::from(edge)), edge);
    }
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for zone in [
        zone("Pacific/Kiritimati"),
        zone("America/New_York"),
        Zone::utc(),
    ] {
        for t in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX].map(Micros) {
            let _ = (zone.local_day(t), zone.to_utc(t.0), zone.first_reach(t.0));
            for n in [i32::MIN, -1, 1, i32::MAX] {
                let _ = (zone.minus_local_days(t, n), zone.minus_local_years(t, n));
            }
        }
        for day in [i32::MIN, 0, i32::MAX] {
            let _ = zone.start_of_day(LocalDay(day));
        }
    }
}

prop_compose! {
    /// An instant from 1850 to 2099, with its zone; every second one is near a transition.
    fn moments()(
        name in prop::sample::select(&ZONES[..]),
        seconds in -3_786_825_600_i64..4_100_000_000,
        micro in 0..Micros::SECOND,
        near in any::<bool>(),
        step in -100_000_i64..100_000,
    ) -> (&'static str, Micros) {
        let t = Timestamp::from_second(seconds).expect("in range");
        let transition = peer(name).following(t).next().map(|x| x.timestamp().as_second());
        let seconds = match transition {
            Some(at) if near && at < 4_100_000_000 => at + step,
            _ => seconds,
        };
        (name, Micros(seconds * Micros::SECOND + micro))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_jiff((name, t) in moments()) {
        agrees(&zone(name), &peer(name), t);
    }

    #[test]
    fn windows_agree_with_jiff((name, t) in moments(), days in 1..800_i32, years in 1..40_i32) {
        let zone = zone(name);
        let z = timestamp(t).to_zoned(peer(name));
        let there = z.checked_sub(days.days()).expect("in range");
        prop_assert_eq!(zone.minus_local_days(t, days), micros(there.timestamp()));
        let there = z.checked_sub(years.years()).expect("in range");
        prop_assert_eq!(zone.minus_local_years(t, years), micros(there.timestamp()));
    }

    #[test]
    fn a_day_starts_at_the_first_instant_of_its_date((name, t) in moments()) {
        let (zone, peer) = (zone(name), peer(name));
        let day = zone.local_day(t);
        let start = zone.start_of_day(day);
        let date = |t: Micros| timestamp(t).to_zoned(peer.clone()).date();
        prop_assert_eq!(date(start), Date::from(day));
        prop_assert!(start <= t);
        prop_assert!(date(Micros(start.0 - 1)) < Date::from(day));
    }

    #[test]
    fn first_reach_grows_with_local_time((name, t) in moments(), step in 0..3 * Micros::HOUR) {
        let zone = zone(name);
        let reached = zone.first_reach(t.0);
        prop_assert!(reached <= zone.first_reach(t.0 + step));
        prop_assert!(zone.local_micros(reached) >= t.0);
        prop_assert!(zone.local_micros(Micros(reached.0 - 1)) < t.0);
    }

    #[test]
    fn dates_round_trip(n in -4_371_587..=2_932_896_i32) {
        let date = Date::from(LocalDay(n));
        prop_assert_eq!(LocalDay::from(date), LocalDay(n));
        prop_assert_eq!(LocalDay(n).weekday(), usize::try_from(date.weekday().to_monday_zero_offset()).expect("small"));
        let since = date.since(jiff::civil::date(1970, 1, 1)).expect("in range").get_days();
        prop_assert_eq!(since, n);
    }

    #[test]
    fn text_round_trips(t in -62_000_000_000_000_000..200_000_000_000_000_000_i64, whole in any::<bool>()) {
        let t = Micros(if whole { t / Micros::SECOND * Micros::SECOND } else { t });
        prop_assert_eq!(t.to_string(), timestamp(t).to_string());
        prop_assert_eq!(Micros::parse(&t.to_string()), Ok(t));
    }
}
