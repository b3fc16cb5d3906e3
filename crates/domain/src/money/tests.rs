//! Amounts, rates and conversion: goldens of S6 and S7, and an exact oracle.

use super::*;
use crate::zone::LocalDay;
use jiff::civil::date;
use proptest::prelude::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

fn day(y: i16, m: i8, d: i8) -> LocalDay {
    date(y, m, d).into()
}

#[test]
fn amounts_are_read_exactly() {
    for (text, exponent, minor) in [
        ("1234.50", 2, 123_450),
        ("1000000", 2, 100_000_000),
        (" -0.05 ", 2, -5),
        ("+7", 2, 700),
        (".5", 2, 50),
        ("5.", 2, 500),
        ("0", 2, 0),
        ("-0", 2, 0),
        ("1500", 0, 1500),
        ("1.2345", 3, 1_235),
        // What a float would spoil.
        ("0.29", 2, 29),
        ("90071992547409.93", 2, 9_007_199_254_740_993),
        // Half away from zero, by the first digit dropped.
        ("2.5", 0, 3),
        ("348.5", 0, 349),
        ("-2.5", 0, -3),
        ("2.4999999999999999999999", 0, 2),
        ("0.005", 2, 1),
        ("0.0049", 2, 0),
        ("0.0005", 2, 0),
        ("-0.0005", 2, 0),
        // As programs write large and small numbers.
        ("1.5e3", 2, 150_000),
        ("1E+2", 0, 100),
        ("25e-1", 0, 3),
        ("9e-400", 2, 0),
        ("0e400", 2, 0),
        ("92233720368547758.07", 2, i64::MAX),
        ("-92233720368547758.08", 2, i64::MIN),
        ("000000000000000000000000001", 2, 100),
    ] {
        assert_eq!(parse_amount(text, exponent), Ok(minor), "{text}");
    }
}

#[test]
fn other_text_is_no_amount() {
    for text in [
        "",
        " ",
        "-",
        ".",
        "-.",
        "1,000",
        "$5",
        "1.2.3",
        "--1",
        "1 000",
        "NaN",
        "inf",
        "0x10",
        "1e",
        "e5",
        "1e401",
        "1e-2147483648",
        "1e99999999999",
        "١",
        "5€",
    ] {
        assert_eq!(
            parse_amount(text, 2),
            Err(AmountError::Malformed(text.to_owned())),
            "{text}"
        );
    }
    for text in [
        "92233720368547758.08",
        "-92233720368547758.09",
        "1e400",
        "99999999999999999999",
    ] {
        assert_eq!(
            parse_amount(text, 2),
            Err(AmountError::Overflow(text.to_owned())),
            "{text}"
        );
    }
    let message = AmountError::Malformed("$5".to_owned()).to_string();
    assert_eq!(
        message,
        "`$5` is not an amount; write digits with a point, such as 1234.50"
    );
}

#[test]
fn amounts_are_written() {
    for (minor, exponent, plain, grouped) in [
        (123_450, 2, "1234.50", "1,234.50"),
        (-5, 2, "-0.05", "-0.05"),
        (0, 2, "0.00", "0.00"),
        (1_235, 0, "1235", "1,235"),
        (100, 0, "100", "100"),
        (-100_000_000, 2, "-1000000.00", "-1,000,000.00"),
        (1_000, 3, "1.000", "1.000"),
        (
            i64::MIN,
            2,
            "-92233720368547758.08",
            "-92,233,720,368,547,758.08",
        ),
    ] {
        assert_eq!(format_minor(minor, exponent), plain);
        assert_eq!(format_grouped(minor, exponent), grouped);
    }
}

#[test]
fn rates() {
    for (text, shown) in [
        ("1.08", "1.08"),
        ("1.0800", "1.08"),
        ("108e-2", "1.08"),
        ("6.5e-5", "0.000065"),
        ("120", "120"),
        ("+1", "1"),
        ("0.5", "0.5"),
        ("1e3", "1000"),
    ] {
        assert_eq!(rate(text).to_string(), shown);
    }
    assert_eq!(rate("1.0"), Rate::ONE);
    assert_eq!(
        Rate::parse("0"),
        Err(RateError::NotPositive("0".to_owned()))
    );
    assert_eq!(
        Rate::parse("-1.08"),
        Err(RateError::NotPositive("-1.08".to_owned()))
    );
    for long in ["1.23456789012345678901234", "1e-31", "1e20"] {
        assert_eq!(Rate::parse(long), Err(RateError::TooLong(long.to_owned())));
    }
    assert!(matches!(Rate::parse("1,08"), Err(RateError::Malformed(_))));
}

fn table() -> FxTable {
    let mut table = FxTable::new(currency("USD"));
    // Out of order, with a correction and a rate of the base to itself.
    table.insert(currency("EUR"), day(2026, 3, 10), rate("1.10"));
    table.insert(currency("EUR"), day(2026, 3, 2), rate("1.07"));
    table.insert(currency("EUR"), day(2026, 3, 2), rate("1.08"));
    table.insert(currency("JPY"), day(2026, 3, 2), rate("0.0065"));
    table.insert(currency("KWD"), day(2026, 3, 2), rate("3.25"));
    table.insert(currency("USD"), day(2026, 3, 2), rate("2"));
    table
}

#[test]
fn conversion() {
    let table = table();
    let on = day(2026, 3, 2);
    let convert = |minor, from, to| {
        table
            .convert(minor, currency(from), currency(to), on)
            .expect("rates")
    };
    // S6: EUR 90,000 at 1.08 is USD 97,200.
    assert_eq!(convert(9_000_000, "EUR", "USD"), 9_720_000);
    assert_eq!(convert(-9_000_000, "EUR", "USD"), -9_720_000);
    assert_eq!(convert(0, "EUR", "USD"), 0);
    assert_eq!(convert(5, "USD", "USD"), 5);
    // Other minor units.
    assert_eq!(convert(1_000_000, "JPY", "USD"), 650_000);
    assert_eq!(convert(1_000, "KWD", "USD"), 325);
    assert_eq!(convert(650_000, "USD", "JPY"), 1_000_000);
    // Through the base, rounded once: 1 yen = .0065 / 1.08 euro.
    assert_eq!(convert(1_000_000, "JPY", "EUR"), 601_852);
    // Half away from zero: 25 cents at 1.10 would be 27.5.
    let later = |minor| table.convert(minor, currency("EUR"), currency("USD"), day(2026, 3, 10));
    assert_eq!(later(25), Ok(28));
    assert_eq!(later(-25), Ok(-28));
    assert_eq!(later(24), Ok(26));
}

#[test]
fn a_rate_lasts_seven_days_and_is_never_one() {
    let table = table();
    let (eur, usd) = (currency("EUR"), currency("USD"));
    let on = |d| table.convert(100, eur, usd, d);
    assert_eq!(on(day(2026, 3, 9)), Ok(108), "seven days old");
    assert_eq!(
        on(day(2026, 3, 10)),
        Ok(110),
        "the changed rate from its day on"
    );
    assert_eq!(on(day(2026, 3, 17)), Ok(110));
    let too_old = MissingRate {
        currency: eur,
        base: usd,
        on: day(2026, 3, 18),
        why: WhyMissing::TooOld {
            last: day(2026, 3, 10),
        },
    };
    assert_eq!(on(day(2026, 3, 18)), Err(too_old));
    assert_eq!(
        too_old.to_string(),
        "the last rate of EUR to USD before 2026-03-18 is of 2026-03-10, more than 7 days older"
    );
    let early = on(day(2026, 3, 1)).expect_err("no rate yet");
    assert_eq!(early.why, WhyMissing::NoRate);
    assert_eq!(
        early.to_string(),
        "there is no rate of EUR to USD on or before 2026-03-01"
    );
    let gbp = table
        .convert(100, currency("GBP"), eur, day(2026, 3, 2))
        .expect_err("no rate");
    assert_eq!(gbp.currency, currency("GBP"));
    let target = table
        .convert(100, eur, currency("GBP"), day(2026, 3, 2))
        .expect_err("no rate");
    assert_eq!(target.currency, currency("GBP"));
    // Nothing is needed to stay in a currency.
    assert_eq!(
        table.convert(100, currency("GBP"), currency("GBP"), day(2026, 3, 2)),
        Ok(100)
    );
}

#[test]
fn extremes_do_not_overflow() {
    let mut table = FxTable::new(currency("USD"));
    let on = LocalDay(0);
    table.insert(currency("CLF"), on, rate("0.0000000000000000000000000001"));
    table.insert(currency("EUR"), on, rate("9999999999999999999"));
    let convert = |minor, from, to| table.convert(minor, currency(from), currency(to), on);
    assert_eq!(convert(i64::MAX, "CLF", "USD"), Ok(0));
    assert_eq!(convert(i64::MAX, "CLF", "EUR"), Ok(0));
    assert_eq!(
        convert(i64::MAX, "EUR", "USD").map_err(|e| e.why),
        Err(WhyMissing::TooLarge)
    );
    assert_eq!(
        convert(1, "EUR", "CLF").map_err(|e| e.why),
        Err(WhyMissing::TooLarge)
    );
    assert_eq!(convert(i64::MIN, "USD", "EUR"), Ok(-1));
    assert_eq!(
        table.convert(i64::MIN, currency("USD"), currency("USD"), on),
        Ok(i64::MIN)
    );
}

#[test]
fn division_rounds_half_away() {
    for (a, b, q) in [
        (5, 2, 3),
        (-5, 2, -3),
        (5, -2, -3),
        (-5, -2, 3),
        (4, 3, 1),
        (-4, 3, -1),
        (0, 7, 0),
        (1, 2, 1),
        (1, 3, 0),
        (-1, 2, -1),
    ] {
        assert_eq!(round_div(a, b), Some(q), "{a}/{b}");
    }
    assert_eq!(round_div(1, 0), None);
    assert_eq!(round_div(i128::MIN, -1), None);
    assert_eq!(round_div(i128::MAX, 1), Some(i128::MAX));
    assert_eq!(round_div(i128::MIN, 1), Some(i128::MIN));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_amounts_read_back(minor in any::<i64>(), exponent in 0..5_u8) {
        prop_assert_eq!(parse_amount(&format_minor(minor, exponent), exponent), Ok(minor));
        prop_assert_eq!(format_grouped(minor, exponent).replace(',', ""), format_minor(minor, exponent));
    }

    #[test]
    fn reading_rounds_as_division_does(n in -1_000_000_000_000_i64..1_000_000_000_000, more in 0..6_u8, kept in 0..4_u8) {
        let text = format_minor(n, kept + more);
        let expected = round_div(i128::from(n), 10_i128.pow(u32::from(more))).expect("small");
        prop_assert_eq!(parse_amount(&text, kept).map(i128::from), Ok(expected));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,12}|[-+0-9.eE]{0,24}", exponent in 0..5_u8) {
        let _ = (parse_amount(&text, exponent), Rate::parse(&text), Currency::parse(&text));
    }

    #[test]
    fn conversion_is_the_exact_quotient(
        minor in -1_000_000_000_000_i64..1_000_000_000_000,
        up in (1..1_000_000_000_i64, 0..8_u8),
        down in (1..1_000_000_000_i64, 0..8_u8),
        codes in prop::sample::subsequence(vec!["EUR", "JPY", "KWD", "CLF", "GBP"], 2),
    ) {
        let (from, to) = (currency(codes[0]), currency(codes[1]));
        let mut table = FxTable::new(currency("USD"));
        table.insert(from, LocalDay(0), rate(&format_minor(up.0, up.1)));
        table.insert(to, LocalDay(0), rate(&format_minor(down.0, down.1)));
        let ten = |n: u8| 10_i128.pow(u32::from(n));
        let numerator = i128::from(minor) * i128::from(up.0) * ten(to.exponent()) * ten(down.1);
        let denominator = i128::from(down.0) * ten(from.exponent()) * ten(up.1);
        let expected = round_div(numerator, denominator).and_then(|x| i64::try_from(x).ok());
        prop_assert_eq!(table.convert(minor, from, to, LocalDay(0)).ok(), expected);
    }
}
