//! How a cell is shown to people. One place, so that terminal and page cannot differ.
//!
//! Rounding is half away from zero (methods S7) and works on decimal digits, not on binary
//! fractions: what prints as `2.675` rounds to `2.68`. Ratios are rounded from their counts.

use crate::report::{Cell, Column, Provenance, Reason, Report, Unit};
use crate::review::{PromiseLine, Standing};

/// What stands where there is no number.
pub const DASH: &str = "–";

/// Digits added at most so that a small number is not shown as zero, nor 99.97 % as 100.0 %.
const EXTRA_DECIMALS: usize = 3;

/// Why a cell shows no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// It is not defined.
    Undefined(Reason),
    /// It rests on too few cases.
    Suppressed {
        /// Cases.
        n: i64,
        /// Smallest number that is shown.
        min_n: i64,
    },
}

impl Missing {
    /// Why a cell has no number; `None` if it has one, or is text or blank.
    pub fn of(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Undefined(reason) => Some(Missing::Undefined(*reason)),
            Cell::Suppressed { n, min_n } => Some(Missing::Suppressed { n: *n, min_n: *min_n }),
            Cell::Ratio { denominator: 0, .. } => Some(Missing::Undefined(Reason::ZeroDenominator)),
            Cell::Number(x) | Cell::Share(x) if !x.is_finite() => Some(Missing::Undefined(Reason::NotIdentified)),
            _ => None,
        }
    }

    /// Stable word for exports.
    pub fn code(self) -> &'static str {
        match self {
            Missing::Undefined(reason) => reason.code(),
            Missing::Suppressed { .. } => "suppressed",
        }
    }

    /// What the cell shows instead of a number: `–`, or `n<10`.
    pub fn mark(self) -> String {
        match self {
            Missing::Undefined(_) => DASH.to_owned(),
            Missing::Suppressed { min_n, .. } => format!("n<{min_n}"),
        }
    }

    /// The reason in words.
    pub fn words(self) -> String {
        match self {
            Missing::Undefined(reason) => reason.words().to_owned(),
            Missing::Suppressed { min_n, .. } => format!("fewer than {min_n} cases, so no rate is shown"),
        }
    }
}

/// A decimal numeral, as `{}` prints a float, rounded half away from zero to so many decimals
/// after its point has been moved `shift` places to the right.
pub fn round_numeral(numeral: &str, shift: usize, decimals: usize) -> String {
    let (negative, digits) = match numeral.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, numeral),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut d: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
    let mut point = whole.len() + shift;
    let keep = point + decimals;
    let up = d.get(keep).is_some_and(|&next| next >= 5);
    d.resize(keep, 0);
    if up {
        let mut carry = true;
        for digit in d.iter_mut().rev() {
            if *digit == 9 {
                *digit = 0;
            } else {
                *digit += 1;
                carry = false;
                break;
            }
        }
        if carry {
            d.insert(0, 1);
            point += 1;
        }
    }
    let leading = d.iter().take(point.saturating_sub(1)).take_while(|&&x| x == 0).count();
    let zero = d.iter().all(|&x| x == 0);
    let mut out = String::with_capacity(d.len() + 2);
    if negative && !zero {
        out.push('-');
    }
    for (i, digit) in d.iter().enumerate().skip(leading) {
        if i == point {
            out.push('.');
        }
        out.push(char::from(b'0' + digit));
    }
    out
}

/// Money in minor units as a plain decimal numeral, `1234.50`.
pub fn money_numeral(minor: i64, exponent: u32) -> String {
    let places = usize::try_from(exponent.min(18)).unwrap_or(0);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if minor < 0 { "-" } else { "" };
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A ratio in percent, rounded half away from zero from its counts.
fn percent_numeral(numerator: i64, denominator: i64, decimals: usize) -> String {
    if denominator == 0 {
        return String::new();
    }
    let scale = 100 * 10i128.pow(u32::try_from(decimals).unwrap_or(0));
    let (n, d) = (i128::from(numerator) * scale, i128::from(denominator));
    let (magnitude, by) = (n.unsigned_abs(), d.unsigned_abs());
    let rounded = (magnitude * 2 + by) / (by * 2);
    let digits = format!("{rounded:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if (n < 0) != (d < 0) && rounded != 0 { "-" } else { "" };
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Thousands separators and a true minus: `-1234567.5` becomes `−1,234,567.5`.
pub fn group(numeral: &str) -> String {
    let (negative, digits) = match numeral.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, numeral),
    };
    let whole = digits.split('.').next().unwrap_or(digits).len();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if negative {
        out.push('−');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A count with thousands separators.
pub fn count(n: i64) -> String {
    group(&n.to_string())
}

fn is_zero(numeral: &str) -> bool {
    !numeral.bytes().any(|b| b.is_ascii_digit() && b != b'0')
}

fn is_hundred(numeral: &str) -> bool {
    numeral.strip_prefix("100").is_some_and(is_zero)
}

/// Rounds with a few digits more than asked for where the result would mislead.
fn careful(decimals: usize, misleads: impl Fn(&str) -> bool, round: impl Fn(usize) -> String) -> String {
    let asked = round(decimals);
    if !misleads(&asked) {
        return asked;
    }
    let mut finer = (decimals + 1..=decimals + EXTRA_DECIMALS).map(&round);
    finer.find(|text| !misleads(text)).unwrap_or(asked)
}

/// A share, 0 to 1, in percent without the sign: `79.6`.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return DASH.to_owned();
    }
    let numeral = share.to_string();
    let misleads = |text: &str| (share != 0.0 && is_zero(text)) || (share != 1.0 && is_hundred(text));
    group(&careful(1, misleads, |d| round_numeral(&numeral, 2, d)))
}

/// A ratio of counts in percent without the sign, rounded from the counts.
pub fn ratio_percent(numerator: i64, denominator: i64) -> String {
    if denominator == 0 {
        return DASH.to_owned();
    }
    let misleads = |text: &str| (numerator != 0 && is_zero(text)) || (numerator != denominator && is_hundred(text));
    group(&careful(1, misleads, |d| percent_numeral(numerator, denominator, d)))
}

/// A number with so many decimals, more if it would else be shown as zero.
pub fn number(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return DASH.to_owned();
    }
    let numeral = x.to_string();
    group(&careful(decimals, |text| x != 0.0 && is_zero(text), |d| round_numeral(&numeral, 0, d)))
}

/// Money without its currency; all its decimals if it would else be shown as zero.
pub fn money(minor: i64, exponent: u32, decimals: usize) -> String {
    let numeral = money_numeral(minor, exponent);
    let rounded = round_numeral(&numeral, 0, decimals);
    group(if minor != 0 && is_zero(&rounded) { &numeral } else { &rounded })
}

/// A large number in three significant digits with `k`, `M` or `bn`; smaller ones as they are.
pub fn compact(x: f64) -> String {
    let (by, letter) = match x.abs() {
        size if size >= 999_500_000.0 => (1e9, " bn"),
        size if size >= 999_500.0 => (1e6, " M"),
        size if size >= 10_000.0 => (1e3, " k"),
        _ => (1.0, ""),
    };
    let scaled = x / by;
    let decimals = match scaled.abs() {
        _ if by == 1.0 => decimals_for(x),
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{}{letter}", number(scaled, decimals))
}

/// Decimals that leave three significant digits, none for whole numbers.
fn decimals_for(x: f64) -> usize {
    let size = x.abs();
    if !size.is_finite() || size.fract() == 0.0 || size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    }
}

/// How the cells of one column are shown: all with the same number of decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFormat {
    unit: Unit,
    decimals: usize,
    currency: String,
    exponent: u32,
}

impl ColumnFormat {
    /// The format of a column, found from all its cells.
    pub fn of(report: &Report, column: usize) -> Self {
        let unit = report.columns.get(column).map_or(Unit::Text, |c| c.unit);
        let exponent = report.provenance.exponent;
        let cells = || report.rows.iter().filter_map(|row| row.get(column));
        let decimals = if unit == Unit::Money {
            let largest = cells().filter_map(|c| c.value(exponent)).fold(0.0, |a: f64, x| a.max(x.abs()));
            money_decimals(largest, exponent)
        } else {
            let mut sizes: Vec<f64> = cells()
                .filter_map(|c| match c {
                    Cell::Number(x) if x.is_finite() && *x != 0.0 => Some(x.abs()),
                    _ => None,
                })
                .collect();
            sizes.sort_by(f64::total_cmp);
            let typical = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
            let whole = sizes.iter().all(|x| x.fract() == 0.0);
            let most = if matches!(unit, Unit::Days | Unit::Minutes) { 1 } else { 2 };
            if whole { 0 } else { decimals_for(typical.trunc() + 0.5).min(most) }
        };
        Self { unit, decimals, currency: report.provenance.currency.clone(), exponent }
    }

    /// A cell in a table whose header names the unit.
    pub fn show(&self, cell: &Cell) -> String {
        if let Some(missing) = Missing::of(cell) {
            return missing.mark();
        }
        match (cell, self.unit) {
            (Cell::Ratio { numerator, denominator }, Unit::Share) => ratio_percent(*numerator, *denominator),
            (Cell::Share(x) | Cell::Number(x), Unit::Share) => percent(*x),
            (Cell::Money(minor), Unit::Money) => money(*minor, self.exponent, self.decimals),
            (Cell::Number(x), _) => number(*x, self.decimals),
            _ => alone(cell, &self.currency, self.exponent),
        }
    }

    /// The exact value for a tooltip, if it says more than the cell shows.
    pub fn exact(&self, cell: &Cell) -> Option<String> {
        if Missing::of(cell).is_some() {
            return None;
        }
        let exact = match cell {
            Cell::Ratio { numerator, denominator } => format!("{} of {}", count(*numerator), count(*denominator)),
            Cell::Share(x) => format!("{} %", group(&trimmed(&round_numeral(&x.to_string(), 2, 6)))),
            Cell::Number(x) if self.unit == Unit::Share => {
                format!("{} %", group(&trimmed(&round_numeral(&x.to_string(), 2, 6))))
            }
            Cell::Number(x) => group(&trimmed(&round_numeral(&x.to_string(), 0, 6))),
            Cell::Money(minor) => format!("{} {}", self.currency, group(&money_numeral(*minor, self.exponent))),
            _ => return None,
        };
        (exact != self.show(cell)).then_some(exact)
    }
}

/// Cuts zeros at the end of a fraction.
fn trimmed(numeral: &str) -> String {
    if numeral.contains('.') {
        numeral.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        numeral.to_owned()
    }
}

fn money_decimals(largest: f64, exponent: u32) -> usize {
    if largest >= 1_000.0 { 0 } else { usize::try_from(exponent).unwrap_or(0) }
}

/// A cell that stands alone, with its unit: `79.6 %`, `USD 1,200,000`.
pub fn alone(cell: &Cell, currency: &str, exponent: u32) -> String {
    if let Some(missing) = Missing::of(cell) {
        return missing.mark();
    }
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Count(n) => count(*n),
        Cell::Number(x) => number(*x, decimals_for(*x)),
        Cell::Ratio { numerator, denominator } => format!("{} %", ratio_percent(*numerator, *denominator)),
        Cell::Share(x) => format!("{} %", percent(*x)),
        Cell::Money(minor) => {
            let size = cell.value(exponent).unwrap_or(0.0).abs();
            format!("{currency} {}", money(*minor, exponent, money_decimals(size, exponent)))
        }
        Cell::Flag(true) => "yes".to_owned(),
        Cell::Flag(false) => "no".to_owned(),
        Cell::Undefined(_) | Cell::Suppressed { .. } | Cell::Blank => String::new(),
    }
}

/// The unit a header adds to its title: `%`, a currency code, `days`, `min`; none where the title says it.
pub fn header_unit(column: &Column, currency: &str) -> Option<String> {
    let unit = match column.unit {
        Unit::Share => "%",
        Unit::Money => currency,
        Unit::Days => "days",
        Unit::Minutes => "min",
        Unit::Text | Unit::Count | Unit::Number | Unit::Flag => return None,
    };
    let title = column.title.to_lowercase();
    let said = match column.unit {
        Unit::Days => title.contains("day"),
        Unit::Minutes => title.contains("minute") || title.split(' ').any(|word| word == "min"),
        _ => title.contains(&unit.to_lowercase()),
    };
    (!said && !unit.is_empty()).then(|| unit.to_owned())
}

/// Whether a column is aligned to the right.
pub fn is_numeric(unit: Unit) -> bool {
    !matches!(unit, Unit::Text | Unit::Flag)
}

/// What a number rests on, as terms and values in reading order (S14).
pub fn provenance(p: &Provenance) -> Vec<(&'static str, String)> {
    let signed = if p.signed { "signed by both sides" } else { "draft, not signed by both sides" };
    let basis = match p.basis.as_str() {
        "as_of" => "as it was known then",
        "as_corrected" => "as it is known now",
        other => other,
    };
    let mut lines = vec![
        ("Period", p.period.clone()),
        ("As of", format!("{} ({}), {basis}", p.as_of, p.time_zone)),
        ("Agreement", format!("{}, version {}, {signed}", p.agreement_name, p.agreement)),
        ("Record", format!("version {}", p.record_version)),
        ("Currency", p.currency.clone()),
    ];
    if let Some(filter) = &p.filter {
        lines.push(("Filter", filter.clone()));
    }
    if p.history_imported {
        lines.push(("History", "the as-of date lies before the first import, so history is shown as imported".to_owned()));
    }
    lines
}

/// The sign beside the word of a standing, so that it never rests on colour alone.
pub fn symbol(standing: Standing) -> &'static str {
    match standing {
        Standing::Kept => "✓",
        Standing::OnTrack => "›",
        Standing::AtRisk => "!",
        Standing::Broken => "✗",
        Standing::Open => "?",
    }
}

/// How the promises of one side stand, in words: `1 of 3 kept, 1 at risk, 1 broken`.
pub fn tally<'a>(promises: impl Iterator<Item = &'a PromiseLine> + Clone) -> String {
    let number = |standing: Standing| promises.clone().filter(|p| p.standing == standing).count();
    let mut words = format!("{} of {} kept", number(Standing::Kept), promises.clone().count());
    for standing in [Standing::OnTrack, Standing::AtRisk, Standing::Broken, Standing::Open] {
        if number(standing) > 0 {
            words.push_str(&format!(", {} {}", number(standing), standing.word()));
        }
    }
    words
}

/// The command that prints a report again, with the same period, date and filter.
pub fn command(report: &Report) -> String {
    let p = &report.provenance;
    let mut words = format!("treaty report {}", report.name);
    if !p.period.is_empty() && p.period != "all" {
        words.push_str(&format!(" --period {}", p.period));
    }
    words.push_str(&format!(" --as-of {}", p.as_of));
    if let Some(filter) = &p.filter {
        words.push_str(&format!(" --where \"{}\"", filter.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_round_half_away_from_zero() {
        for (numeral, shift, decimals, expect) in [
            ("2.5", 0, 0, "3"),
            ("348.5", 0, 0, "349"),
            ("-2.5", 0, 0, "-3"),
            ("2.675", 0, 2, "2.68"),
            ("0.285", 2, 0, "29"),
            ("0.7962963", 2, 1, "79.6"),
            ("999.96", 0, 1, "1000.0"),
            ("0.04", 0, 1, "0.0"),
            ("-0.04", 0, 1, "0.0"),
            ("1", 2, 1, "100.0"),
            ("0", 2, 1, "0.0"),
            ("12", 0, 0, "12"),
        ] {
            assert_eq!(round_numeral(numeral, shift, decimals), expect, "{numeral}");
        }
    }

    #[test]
    fn shares_are_percent_with_one_decimal_and_never_mislead() {
        assert_eq!(ratio_percent(86, 108), "79.6");
        assert_eq!(ratio_percent(1, 8), "12.5");
        assert_eq!(ratio_percent(1, 16), "6.3");
        assert_eq!(ratio_percent(0, 5), "0.0");
        assert_eq!(ratio_percent(5, 5), "100.0");
        assert_eq!(ratio_percent(2_999, 3_000), "99.97");
        assert_eq!(ratio_percent(1, 3_000), "0.03");
        assert_eq!(ratio_percent(0, 0), "–");
        assert_eq!(percent(0.3), "30.0");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(percent(12.345), "1,234.5");
    }

    #[test]
    fn money_is_grouped_and_keeps_its_exponent() {
        assert_eq!(money_numeral(-5, 2), "-0.05");
        assert_eq!(money_numeral(123_456, 2), "1234.56");
        assert_eq!(money_numeral(123_456, 0), "123456");
        assert_eq!(money_numeral(1_234, 3), "1.234");
        assert_eq!(money_numeral(i64::MIN, 2), "-92233720368547758.08");
        assert_eq!(alone(&Cell::Money(120_000_000), "USD", 2), "USD 1,200,000");
        assert_eq!(alone(&Cell::Money(5_992), "USD", 2), "USD 59.92");
        assert_eq!(money(40, 2, 0), "0.40");
    }

    #[test]
    fn missing_numbers_say_why() {
        let suppressed = Missing::of(&Cell::Suppressed { n: 7, min_n: 10 });
        assert_eq!(suppressed.map(Missing::mark).as_deref(), Some("n<10"));
        assert_eq!(Missing::of(&Cell::Number(f64::INFINITY)), Some(Missing::Undefined(Reason::NotIdentified)));
        let zero = Cell::Ratio { numerator: 0, denominator: 0 };
        assert_eq!(Missing::of(&zero), Some(Missing::Undefined(Reason::ZeroDenominator)));
        assert_eq!(alone(&zero, "USD", 2), "–");
        assert_eq!(Missing::of(&Cell::Blank), None);
    }

    #[test]
    fn large_numbers_are_compact() {
        for (x, expect) in [
            (0.0, "0"),
            (9_408.0, "9,408"),
            (52_568.0, "52.6 k"),
            (435_852.0, "436 k"),
            (999_600.0, "1.00 M"),
            (-1_200_000.0, "−1.20 M"),
            (12_000_000_000.0, "12.0 bn"),
            (1.19, "1.19"),
        ] {
            assert_eq!(compact(x), expect);
        }
    }

    #[test]
    fn three_significant_digits_where_more_is_noise() {
        assert_eq!(alone(&Cell::Number(318.08), "", 2), "318");
        assert_eq!(alone(&Cell::Number(45.14), "", 2), "45.1");
        assert_eq!(alone(&Cell::Number(3.257), "", 2), "3.26");
        assert_eq!(alone(&Cell::Number(60.0), "", 2), "60");
        assert_eq!(alone(&Cell::Number(12_345.6), "", 2), "12,346");
        assert_eq!(alone(&Cell::Count(-1_234), "", 2), "−1,234");
    }
}
