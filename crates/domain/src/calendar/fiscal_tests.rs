//! Fiscal calendars: the examples of S5 and year ends that companies have published.

use super::*;
use jiff::civil::{Date, date};

fn months(start: u8, label: YearLabel) -> FiscalCalendar {
    FiscalCalendar::months(start, label).expect("a month")
}

fn weeks(pattern: WeekPattern, end: &str, label: YearLabel) -> FiscalCalendar {
    FiscalCalendar::weeks(pattern, YearEnd::parse(end).expect("a year end"), label)
        .expect("a calendar")
}

fn located(calendar: &FiscalCalendar, day: Date) -> (i32, u8, u8) {
    let FiscalDay {
        year,
        quarter,
        month,
    } = calendar.locate(day.into());
    (year, quarter, month)
}

#[test]
fn months_from_february() {
    let ending = months(2, YearLabel::Ending);
    assert_eq!(located(&ending, date(2024, 1, 31)), (2024, 4, 12));
    assert_eq!(located(&ending, date(2024, 2, 1)), (2025, 1, 1));
    let starting = months(2, YearLabel::Starting);
    assert_eq!(located(&starting, date(2024, 2, 1)), (2024, 1, 1));
    assert_eq!(located(&starting, date(2024, 1, 31)), (2023, 4, 12));
}

#[test]
fn calendar_years_have_one_name() {
    for label in [YearLabel::Ending, YearLabel::Starting] {
        let year = months(1, label);
        assert!(year.is_calendar_year());
        assert_eq!(located(&year, date(2024, 12, 31)), (2024, 4, 12));
        assert_eq!(located(&year, date(2025, 1, 1)), (2025, 1, 1));
    }
    assert_eq!(FiscalCalendar::default(), months(1, YearLabel::Ending));
}

#[test]
fn retail_years_of_the_nrf() {
    let nrf = weeks(
        WeekPattern::W454,
        "nearest saturday 01-31",
        YearLabel::Starting,
    );
    let year = |name: i32| {
        let year = nrf.year_named(name);
        (nrf.month_start(year, 0), nrf.month_start(year, 12))
    };
    let long: Vec<i32> = (2011..=2025)
        .filter(|&y| year(y).1.0 - year(y).0.0 == 371)
        .collect();
    assert_eq!(long, [2012, 2017, 2023]);
    // First days of the years as the NRF lists them.
    for (name, first) in [
        (2012, date(2012, 1, 29)),
        (2013, date(2013, 2, 3)),
        (2017, date(2017, 1, 29)),
        (2018, date(2018, 2, 4)),
        (2022, date(2022, 1, 30)),
        (2023, date(2023, 1, 29)),
        (2024, date(2024, 2, 4)),
        (2025, date(2025, 2, 2)),
    ] {
        assert_eq!(Date::from(year(name).0), first, "{name}");
        assert_eq!(located(&nrf, first), (name, 1, 1));
        assert_eq!(
            located(&nrf, first.yesterday().expect("in range")),
            (name - 1, 4, 12)
        );
    }
    // Months of 2023; the 53rd week, which ends on 3 February 2024, joins the last.
    let first_days = (0..=12).map(|m| nrf.month_start(nrf.year_named(2023), m).to_string());
    assert_eq!(
        first_days.collect::<Vec<_>>(),
        [
            "2023-01-29",
            "2023-02-26",
            "2023-04-02",
            "2023-04-30",
            "2023-05-28",
            "2023-07-02",
            "2023-07-30",
            "2023-08-27",
            "2023-10-01",
            "2023-10-29",
            "2023-11-26",
            "2023-12-31",
            "2024-02-04",
        ]
    );
    assert_eq!(located(&nrf, date(2024, 2, 3)), (2023, 4, 12));
}

#[test]
fn published_year_ends() {
    let johnson = weeks(WeekPattern::W445, "nearest sunday 12-31", YearLabel::Ending);
    let cisco = weeks(WeekPattern::W445, "last saturday 07", YearLabel::Ending);
    let apple = weeks(WeekPattern::W445, "last saturday 09", YearLabel::Ending);
    for (calendar, year, last, days) in [
        // A year that ends in January keeps the name of December.
        (johnson, 2019, date(2019, 12, 29), 364),
        (johnson, 2020, date(2021, 1, 3), 371),
        (johnson, 2022, date(2023, 1, 1), 364),
        (johnson, 2023, date(2023, 12, 31), 364),
        (cisco, 2015, date(2015, 7, 25), 364),
        (cisco, 2016, date(2016, 7, 30), 371),
        (cisco, 2024, date(2024, 7, 27), 364),
        (apple, 2022, date(2022, 9, 24), 364),
        (apple, 2023, date(2023, 9, 30), 371),
    ] {
        let (from, to) = (
            calendar.month_start(year, 0),
            calendar.month_start(year, 12),
        );
        assert_eq!(to.plus(-1), last.into(), "{year}");
        assert_eq!(to.0 - from.0, days, "{year}");
        assert_eq!(located(&calendar, last), (year, 4, 12));
        assert_eq!(
            calendar.locate(to),
            FiscalDay {
                year: year + 1,
                quarter: 1,
                month: 1
            }
        );
    }
    // Of a year about a calendar year both names are the same.
    let starting = weeks(
        WeekPattern::W445,
        "nearest sunday 12-31",
        YearLabel::Starting,
    );
    assert_eq!(located(&starting, date(2023, 1, 1)), (2022, 4, 12));
    assert_eq!(located(&starting, date(2023, 1, 2)), (2023, 1, 1));
}

#[test]
fn patterns_differ_in_the_long_month() {
    for (pattern, lengths) in [
        (WeekPattern::W445, [4, 4, 5]),
        (WeekPattern::W454, [4, 5, 4]),
        (WeekPattern::W544, [5, 4, 4]),
    ] {
        let calendar = weeks(pattern, "last saturday 07", YearLabel::Ending);
        for month in 0..12_u8 {
            let weeks =
                (calendar.month_start(2024, month + 1).0 - calendar.month_start(2024, month).0) / 7;
            assert_eq!(
                weeks,
                lengths[usize::from(month % 3)],
                "{pattern:?} {month}"
            );
        }
    }
}

#[test]
fn text_of_the_agreement() {
    let saturday = Weekday::Saturday;
    assert_eq!(
        YearEnd::parse("nearest saturday 01-31"),
        Ok(YearEnd::Nearest {
            weekday: saturday,
            month: 1,
            day: 31
        })
    );
    assert_eq!(
        YearEnd::parse(" Last Sat 1 "),
        Ok(YearEnd::Last {
            weekday: saturday,
            month: 1
        })
    );
    for (text, about) in [
        ("saturday 01-31", "not an end of year"),
        ("last saturday 01-31", "not an end of year"),
        ("nearest saturday 01", "not an end of year"),
        ("nearest someday 01-31", "not a day of the week"),
        ("nearest saturday 02-30", "02-30 is not a date"),
        ("last saturday 13", "13 is not a month"),
    ] {
        let message = YearEnd::parse(text).expect_err(text);
        assert!(message.contains(about), "{text}: {message}");
    }
    assert_eq!(WeekPattern::parse("4-5-4"), Ok(WeekPattern::W454));
    assert!(WeekPattern::parse("4-4-4").is_err());
    assert_eq!(YearLabel::parse("starting"), Ok(YearLabel::Starting));
    assert!(YearLabel::parse("started").is_err());
    assert!(FiscalCalendar::months(0, YearLabel::Ending).is_err());
    assert!(FiscalCalendar::months(13, YearLabel::Ending).is_err());
    let bad = YearEnd::Nearest {
        weekday: saturday,
        month: 4,
        day: 31,
    };
    assert!(FiscalCalendar::weeks(WeekPattern::W445, bad, YearLabel::Ending).is_err());
    assert_eq!(
        weeks(
            WeekPattern::W454,
            "nearest saturday 01-31",
            YearLabel::Starting
        )
        .to_string(),
        "years of 4-5-4 weeks end nearest saturday 01-31 and are named after the year they start in"
    );
    assert_eq!(
        months(2, YearLabel::Ending).to_string(),
        "years start 02-01 and are named after the year they end in"
    );
    assert_eq!(FiscalCalendar::default().to_string(), "calendar years");
}
