//! Periods: labels, reading, neighbours, and that they tile time.

use super::*;
use crate::calendar::{WeekPattern, YearEnd, YearLabel};
use jiff::civil::date;
use proptest::prelude::*;

fn february() -> FiscalCalendar {
    FiscalCalendar::months(2, YearLabel::Ending).expect("a month")
}

fn nrf() -> FiscalCalendar {
    let end = YearEnd::parse("nearest saturday 01-31").expect("a year end");
    FiscalCalendar::weeks(WeekPattern::W454, end, YearLabel::Starting).expect("a calendar")
}

fn read(calendar: FiscalCalendar, text: &str) -> Period {
    calendar.parse_period(text).expect(text)
}

/// Label, first and last day.
fn shown(p: &Period) -> String {
    format!("{} {}..{}", p.label, p.from, LocalDay::from(p.to).plus(-1))
}

#[test]
fn periods_of_a_day() {
    let day = date(2026, 5, 15);
    let year = FiscalCalendar::default();
    assert_eq!(shown(&year.year_of(day)), "2026 2026-01-01..2026-12-31");
    assert_eq!(
        shown(&year.quarter_of(day)),
        "2026-Q2 2026-04-01..2026-06-30"
    );
    assert_eq!(shown(&year.month_of(day)), "2026-05 2026-05-01..2026-05-31");
    assert_eq!(
        shown(&february().year_of(day)),
        "2027 2026-02-01..2027-01-31"
    );
    assert_eq!(
        shown(&february().quarter_of(day)),
        "2027-Q2 2026-05-01..2026-07-31"
    );
    assert_eq!(
        shown(&february().month_of(day)),
        "2027-P04 2026-05-01..2026-05-31"
    );
    assert_eq!(
        shown(&nrf().month_of(date(2024, 2, 3))),
        "2023-P12 2023-12-31..2024-02-03"
    );
    assert_eq!(nrf().year_of(date(2024, 2, 3)).days(), 371);
}

#[test]
fn reading() {
    let year = FiscalCalendar::default();
    for (text, expected) in [
        ("2026", "2026 2026-01-01..2026-12-31"),
        (" fy2026 ", "2026 2026-01-01..2026-12-31"),
        ("2026-q2", "2026-Q2 2026-04-01..2026-06-30"),
        ("2026-05", "2026-05 2026-05-01..2026-05-31"),
        ("2026-P05", "2026-05 2026-05-01..2026-05-31"),
        (
            "2026-01-01..2026-03-31",
            "2026-01-01..2026-03-31 2026-01-01..2026-03-31",
        ),
        (
            "2026-01-05 .. 2026-01-05",
            "2026-01-05 2026-01-05..2026-01-05",
        ),
        ("2026-01-31", "2026-01-31 2026-01-31..2026-01-31"),
    ] {
        assert_eq!(shown(&read(year, text)), expected, "{text}");
    }
    assert_eq!(
        shown(&read(february(), "2026-Q1")),
        "2026-Q1 2025-02-01..2025-04-30"
    );
    assert_eq!(
        shown(&read(february(), "2026-P01")),
        "2026-P01 2025-02-01..2025-02-28"
    );
    assert_eq!(shown(&read(nrf(), "2023")), "2023 2023-01-29..2024-02-03");
    assert_eq!(
        shown(&read(nrf(), "2023-Q4")),
        "2023-Q4 2023-10-29..2024-02-03"
    );
}

#[test]
fn what_cannot_be_read_is_explained() {
    let year = FiscalCalendar::default();
    let general = "is not a period; write 2026, 2026-Q2, 2026-05 or 2026-01-01..2026-03-31";
    for (text, about) in [
        ("", general),
        ("26", general),
        ("Q2", general),
        ("2026Q2", general),
        ("2026-5", general),
        ("2026-13", general),
        ("2026-02-30", general),
        ("2026-W05", general),
        ("+026", general),
        ("2026-Q5", "a year has quarters Q1 to Q4"),
        ("2026-P00", "a fiscal year has months P01 to P12"),
        ("2026-01-01..", "`` in `2026-01-01..` is not a date"),
        ("2026-01-01..2026-02-30", "`2026-02-30` in"),
        ("2026-03-31..2026-01-01", "write 2026-01-01..2026-03-31"),
    ] {
        let message = year.parse_period(text).expect_err(text);
        assert!(message.contains(about), "{text}: {message}");
    }
    // A calendar month where months are fiscal ones.
    assert_eq!(
        february().parse_period("2026-05"),
        Err(
            "`2026-05` is a calendar month, and the agreement counts in fiscal ones; \
             write 2027-P04 or 2026-05-01..2026-05-31"
                .to_owned()
        )
    );
}

#[test]
fn neighbours() {
    let year = FiscalCalendar::default();
    for (text, before, after) in [
        ("2026", "2025", "2027"),
        ("2026-Q1", "2025-Q4", "2026-Q2"),
        ("2026-12", "2026-11", "2027-01"),
        // The dates of a quarter are a quarter; other ranges move by their length.
        ("2026-01-01..2026-03-31", "2025-Q4", "2026-Q2"),
        (
            "2026-01-05..2026-01-11",
            "2025-12-29..2026-01-04",
            "2026-01-12..2026-01-18",
        ),
        ("2026-03-01", "2026-02-28", "2026-03-02"),
    ] {
        let period = read(year, text);
        assert_eq!(year.previous(&period).label, before);
        assert_eq!(year.next(&period).label, after);
    }
    assert_eq!(
        shown(&nrf().next(&read(nrf(), "2023-P12"))),
        "2024-P01 2024-02-04..2024-03-02"
    );
}

#[test]
fn quarters_and_months_within() {
    let labels = |periods: Vec<Period>| periods.into_iter().map(|p| p.label).collect::<Vec<_>>();
    let year = FiscalCalendar::default();
    let all = ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"];
    assert_eq!(labels(year.quarters_of(&read(year, "2026"))), all);
    assert_eq!(
        labels(year.quarters_of(&read(year, "2026-05"))),
        ["2026-Q2"]
    );
    assert_eq!(
        labels(year.quarters_of(&read(year, "2026-03-31..2026-04-01"))),
        ["2026-Q1", "2026-Q2"]
    );
    assert_eq!(
        labels(year.months_of(&read(year, "2026-Q2"))),
        ["2026-04", "2026-05", "2026-06"]
    );
    assert_eq!(
        labels(february().months_of(&read(february(), "2026-Q1"))),
        ["2026-P01", "2026-P02", "2026-P03"]
    );
}

#[test]
fn instants_of_a_period() {
    let zone = Zone::new("America/New_York").expect("a zone");
    let period = read(FiscalCalendar::default(), "2024-03");
    assert_eq!(period.start(&zone).to_string(), "2024-03-01T05:00:00Z");
    assert_eq!(period.end(&zone).to_string(), "2024-04-01T04:00:00Z");
    assert!(period.contains(date(2024, 3, 31)) && !period.contains(date(2024, 4, 1)));
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for calendar in [FiscalCalendar::default(), february(), nrf()] {
        for day in [Date::MIN, Date::MAX] {
            for of in [
                FiscalCalendar::year_of,
                FiscalCalendar::quarter_of,
                FiscalCalendar::month_of,
            ] {
                let period = of(&calendar, day);
                let _ = (calendar.previous(&period), calendar.next(&period));
                let _ = (calendar.quarters_of(&period), calendar.months_of(&period));
            }
        }
    }
    let empty = Period::between(date(2026, 1, 5), date(2026, 1, 1));
    assert_eq!((empty.from, empty.days()), (date(2026, 1, 5), 1));
}

fn calendars() -> impl Strategy<Value = FiscalCalendar> {
    let label = prop::sample::select(vec![YearLabel::Ending, YearLabel::Starting]);
    let month = (1..=12_u8, label.clone())
        .prop_map(|(start, label)| FiscalCalendar::months(start, label).expect("a month"));
    let pattern = prop::sample::select(vec![
        WeekPattern::W445,
        WeekPattern::W454,
        WeekPattern::W544,
    ]);
    let end =
        (0..7_i8, 1..=12_u8, 1..=31_u8, any::<bool>()).prop_map(|(weekday, month, day, last)| {
            let weekday =
                jiff::civil::Weekday::from_monday_zero_offset(weekday).expect("a weekday");
            let day = day.min(crate::zone::days_in_month(2024, month));
            if last {
                YearEnd::Last { weekday, month }
            } else {
                YearEnd::Nearest {
                    weekday,
                    month,
                    day,
                }
            }
        });
    let week = (pattern, end, label).prop_map(|(pattern, end, label)| {
        FiscalCalendar::weeks(pattern, end, label).expect("a calendar")
    });
    prop_oneof![month, week]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn periods_tile_time(calendar in calendars(), day in -30_000..100_000_i32) {
        let day = Date::from(LocalDay(day));
        let (year, quarter, month) =
            (calendar.year_of(day), calendar.quarter_of(day), calendar.month_of(day));
        for period in [&year, &quarter, &month] {
            prop_assert!(period.contains(day), "{period:?}");
            prop_assert_eq!(&calendar.parse_period(&period.label), &Ok(period.clone()));
            let next = calendar.next(period);
            prop_assert_eq!(next.from, period.to);
            prop_assert_eq!(&calendar.previous(&next), period);
        }
        let quarters = calendar.quarters_of(&year);
        let months: Vec<Period> = quarters.iter().flat_map(|q| calendar.months_of(q)).collect();
        prop_assert_eq!((quarters.len(), months.len()), (4, 12));
        prop_assert_eq!(&months, &calendar.months_of(&year));
        prop_assert!(quarters.contains(&quarter) && months.contains(&month));
        for parts in [&quarters, &months] {
            prop_assert_eq!(parts[0].from, year.from);
            prop_assert_eq!(parts[parts.len() - 1].to, year.to);
            prop_assert!(parts.windows(2).all(|w| w[0].to == w[1].from));
        }
        prop_assert!([364, 365, 366, 371].contains(&year.days()), "{year:?}");
        let place = calendar.locate(day.into());
        prop_assert_eq!(&quarter.label, &format!("{:04}-Q{}", place.year, place.quarter));
    }

    #[test]
    fn ranges_move_by_their_length(from in -30_000..100_000_i32, days in 1..1_000_i32) {
        let calendar = nrf();
        let range = Period::between(LocalDay(from).into(), LocalDay(from + days).into());
        prop_assert_eq!(range.days(), days);
        prop_assert_eq!(&calendar.parse_period(&range.label), &Ok(range.clone()));
        prop_assert_eq!(calendar.previous(&range).to, range.from);
        prop_assert_eq!(calendar.next(&range).from, range.to);
    }
}
