//! Dates, amounts and flags of real exports.

use treaty_intake::messy::{
    DayFirst::{No, Yes},
    LocalOrUtc::{Local, Utc},
    date_cell, day_first_evidence, detect_day_first, micros_cell, money_cell, normalise_blank, parse_bool, parse_date, parse_money,
    parse_timestamp_micros, timestamp_cell,
};

const DAY: i64 = 86_400_000_000;
/// 2016-10-20.
const THE_DAY: i64 = 17_094 * DAY;

#[test]
fn one_day_in_many_spellings() {
    for text in [
        "2016-10-20", "2016/10/20", "2016.10.20", "20161020", " 2016-10-20 ", "2016-10-20 UTC", "2016-10-20T09:30:00Z",
        "2016-10-20 09:30:00.123456 UTC", "2016-10-20 09:30:00+02:00", "2016-10-20T09:30:00-0500", "10/20/16",
        "10/20/2016", "10-20-16", "10/20/2016 3:05 PM", "10/20/16, 3:05:09 pm", "20.10.2016", "20.10.16",
        "20.10.2016 09:30", "20 Oct 2016", "20-Oct-16", "20-OCT-2016", "20 October 2016", "Oct 20, 2016", "Oct. 20 2016",
        "October 20, 2016 at 3:05 PM", "Thu, 20 Oct 2016 09:30:00 GMT", "Thursday, October 20, 2016",
    ] {
        assert_eq!(parse_date(text, No), Some((2016, 10, 20)), "{text}");
    }
    for text in ["20-10-16", "20/10/2016", "20/10/16 15:05", "20.10.2016", "2016-10-20", "20 Oct 2016"] {
        assert_eq!(parse_date(text, Yes), Some((2016, 10, 20)), "{text}");
    }
    assert_eq!(parse_date("3/1/2017", No), Some((2017, 3, 1)));
    assert_eq!(parse_date("3/1/2017", Yes), Some((2017, 1, 3)));
    assert_eq!(parse_date("01-03-17", Yes), Some((2017, 3, 1)));
    assert_eq!(parse_date("1.3.2017", No), Some((2017, 3, 1)));
    assert_eq!([parse_date("1/1/68", No), parse_date("1/1/69", No)], [Some((2068, 1, 1)), Some((1969, 1, 1))]);
    assert_eq!(parse_date("29 Feb 2016", No), Some((2016, 2, 29)));
}

#[test]
fn unset_wrong_and_undecided_dates_are_none() {
    for text in [
        "", "  ", "\u{a0}", "Select", "NULL", "null", "-1", "9999-12-31", "9999-12-31 00:00:00", "9999-12-31T23:59:59Z",
        "0000-00-00", "0000-00-00 00:00:00", "12/31/9999", "0001-01-01", "00/00/0000", // unset
        "13/1/2017", "2017-13-01", "2017-02-29", "31/11/2025", "2016-10-20 banana", "2016-10-20T", "2016-10-20 25:00",
        "2016-10-20 09", "2016-10", "10/20", "10/20/216", "10/20-2016", "20 Okt 2016", "unknown", "42663", "1476921600000",
        "2016-10-20 09:30 EST", "٢٠١٦-١٠-٢٠", "-", "2016-10-20-05:00", // no date
    ] {
        assert_eq!(parse_date(text, No), None, "{text}");
    }
    assert_eq!(parse_date("10/20/2016", Yes), None);
}

#[test]
fn instants_with_and_without_a_zone() {
    let at = |hours: i64, minutes: i64| THE_DAY + (hours * 60 + minutes) * 60_000_000;
    for (text, expected) in [
        ("2016-10-20", Local(THE_DAY)),
        ("10/20/2016", Local(THE_DAY)),
        ("2016-10-20 UTC", Utc(THE_DAY)),
        ("2016-10-20T09:30Z", Utc(at(9, 30))),
        ("2016-10-20T09:30:00", Local(at(9, 30))),
        ("2016-10-20 09:30:00 UTC", Utc(at(9, 30))),
        ("2016-10-20 09:30:00+02:00", Utc(at(7, 30))),
        ("2016-10-20 09:30:00.5-0530", Utc(at(15, 0) + 500_000)),
        ("2016-10-20 09:30:00,1234567 GMT", Utc(at(9, 30) + 123_456)),
        ("2016-10-20 09:30:00+00", Utc(at(9, 30))),
        ("10/20/16 12:05 AM", Local(at(0, 5))),
        ("10/20/16 12:05 p.m.", Local(at(12, 5))),
        ("10/20/2016 3:05\u{202f}PM", Local(at(15, 5))),
        ("Oct 20, 2016, 3:05:00 PM UTC+2", Utc(0)),
        ("1476955800", Utc(at(9, 30))),
        ("1476955800000", Utc(at(9, 30))),
        ("1476955800123.647", Utc(at(9, 30) + 123_647)),
        ("1476955800123456", Utc(at(9, 30) + 123_456)),
        ("1969-12-31 23:59:59Z", Utc(-1_000_000)),
    ] {
        let read = parse_timestamp_micros(text, No);
        if text.ends_with("UTC+2") {
            assert_eq!(read, None, "an offset of one digit is not guessed");
        } else {
            assert_eq!(read, Some(expected), "{text}");
        }
    }
    for text in ["", "9999-12-31T00:00:00Z", "147695580", "14769558001", "2016-10-20 13:05 PM", "2016-10-20 09:60", "12345678901234567"] {
        assert_eq!(parse_timestamp_micros(text, No), None, "{text}");
    }
}

#[test]
fn days_are_counted_as_the_calendar_does() {
    for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2000-03-01", 11_017), ("1900-03-01", -25_508), ("2100-12-31", 47_846)] {
        assert_eq!(parse_timestamp_micros(text, No), Some(Local(days * DAY)), "{text}");
        assert_eq!(timestamp_cell(text, No).as_deref(), Some(format!("{text}T00:00:00").as_str()));
    }
}

#[test]
fn the_dates_of_a_file_tell_their_order() {
    assert_eq!(detect_day_first(["10/20/2016", "3/1/2017", ""]), No);
    assert_eq!(detect_day_first(["01-03-17", "20-10-16", "NULL"]), Yes);
    assert_eq!(detect_day_first(["01-03-17", "02-03-17"]), No);
    assert_eq!(detect_day_first(["2016-10-20", "20.10.2016", "20 Oct 2016", "x"]), No);
    assert_eq!(detect_day_first([]), No);
    let evidence = day_first_evidence(["20/10/2016 10:00", "10/20/2016", "1/2/2017", "2/2/2017", "13/13/2017", "20/10-2016"]);
    assert_eq!((evidence.day_first, evidence.month_first, evidence.either), (1, 1, 1));
}

#[test]
fn amounts_as_people_write_them() {
    for (text, expected) in [
        ("1117.10", "1117.10"), ("$1,117.10K", "1117100"), ("$1,117.10", "1117.10"), ("1.234,56 €", "1234.56"),
        ("€1.234.567,8", "1234567.8"), ("(500.00)", "-500.00"), ("($1,500)", "-1500"), ("$(1,500.25)", "-1500.25"),
        ("-$500", "-500"), ("$-500", "-500"), ("−12", "-12"), ("500-", "-500"), ("+5", "5"), ("-1", "-1"), ("0", "0"),
        ("-0.00", "0.00"), ("1,234", "1234"), ("12,34", "12.34"), ("1.5", "1.5"), ("1.234", "1.234"), ("0,123", "0.123"),
        ("1,234,567", "1234567"), ("1.234.567", "1234567"), ("12,34,567.80", "1234567.80"), ("1 234 567,89", "1234567.89"),
        ("1\u{202f}234,5\u{a0}€", "1234.5"), ("1'234.50", "1234.50"), ("CHF 1’234.50", "1234.50"), ("USD 12", "12"),
        ("12 EUR", "12"), ("12EUR", "12"), ("US$ 7", "7"), ("2.5M", "2500000"), ("$1.234M", "1234000"), ("3 bn", "3000000000"),
        ("4.2k", "4200"), ("1.5MM", "1500000"), ("1.2E+06", "1200000"), ("5e-3", "0.005"), (".5", "0.5"), ("7.", "7"),
        ("007", "7"), (" 26768 ", "26768"), ("12345678901234567890.12", "12345678901234567890.12"), ("1000000000", "1000000000"),
    ] {
        assert_eq!(parse_money(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "", " ", "NULL", "Select", "n/a", "abc", "$", "-", "1.234 €", "$1.234", "1,23,4", "1.2.3", "12.34.56", "1,234.567.89", "1 23", "1 2345",
        "--5", "-(5)", "(5", "5)", "+-5", "10%", "5 apples", "1e99", "E5", "K", "1,", "1_000",
    ] {
        if text == "1," {
            assert_eq!(parse_money(text).as_deref(), Some("1"));
        } else {
            assert_eq!(parse_money(text), None, "{text}");
        }
    }
}

#[test]
fn amounts_in_millionths_keep_all_their_digits() {
    for (text, expected) in [
        ("1234567", "1.234567"), ("14000500000", "14000.5"), ("0", "0"), ("-2500000", "-2.5"), ("1", "0.000001"), ("1,000,000", "1"),
        ("12345678901234567", "12345678901.234567"), ("soon", "soon"),
    ] {
        let read = micros_cell(text).map(|amount| amount.trim_end_matches('0').trim_end_matches('.').to_owned());
        assert_eq!(read.map(|r| if r.is_empty() { "0".to_owned() } else { r }).as_deref(), Some(expected), "{text}");
    }
    assert_eq!(micros_cell("").as_deref(), None);
    assert_eq!(micros_cell("n/a").as_deref(), None);
}

#[test]
fn flags_and_blanks() {
    for text in ["true", "T", "Yes", "y", "1", " on ", "1.0"] {
        assert_eq!(parse_bool(text), Some(true), "{text}");
    }
    for text in ["FALSE", "f", "no", "N", "0", "off"] {
        assert_eq!(parse_bool(text), Some(false), "{text}");
    }
    for text in ["", "2", "maybe", "null", "ja"] {
        assert_eq!(parse_bool(text), None, "{text}");
    }
    for text in ["", " \t", "\u{a0}", "Select", "SELECT", "NULL", "null", "\\N", "-1", "9999-12-31", "9999-12-31 00:00:00", "0000-00-00", "N/A", "--None--"] {
        assert_eq!(normalise_blank(text), None, "{text:?}");
    }
    for (text, kept) in [(" Ann ", "Ann"), ("unknown", "unknown"), ("none", "none"), ("Selected", "Selected"), ("-10", "-10"), ("0", "0"), ("9999-12-310", "9999-12-310")] {
        assert_eq!(normalise_blank(text), Some(kept));
    }
}

#[test]
fn cells_are_read_or_unset_or_left_to_be_refused() {
    for (text, expected) in [
        ("10/20/16", Some("2016-10-20")), ("Select", None), ("", None), ("12/31/9999", None), ("00.00.0000", None),
        ("31/11/2025", Some("31/11/2025")), (" soon ", Some("soon")),
    ] {
        assert_eq!(date_cell(text, No).as_deref(), expected, "{text}");
    }
    for (text, expected) in [
        ("10/20/16 3:05 PM", Some("2016-10-20T15:05:00")), ("2016-10-20 23:30:00.25-02:00", Some("2016-10-21T01:30:00.250000Z")),
        ("1476955800000", Some("2016-10-20T09:30:00Z")), ("9999-12-31", None), ("25:00", Some("25:00")),
    ] {
        assert_eq!(timestamp_cell(text, No).as_deref(), expected, "{text}");
    }
    for (text, expected) in [("$1,117.10K", Some("1117100")), ("NULL", None), ("-1", Some("-1")), ("1.234 €", Some("1.234 €"))] {
        assert_eq!(money_cell(text).as_deref(), expected, "{text}");
    }
}
