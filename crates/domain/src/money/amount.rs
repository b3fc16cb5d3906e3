//! Amounts as decimal text, exactly.

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("`{0}` is not an amount; write digits with a point, such as 1234.50")]
    Malformed(String),
    /// More than 64 bits of minor units.
    #[error("`{0}` is too large for an amount")]
    Overflow(String),
}

/// A decimal number as its digits, unread so far.
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Power of ten by which the point is moved to the right.
    shift: i32,
}

/// `1e308` is the largest float; nothing in a record is longer.
const MAX_SHIFT: u32 = 400;

impl<'a> Decimal<'a> {
    /// Reads an optional sign, digits with at most one point, and an optional `e` with a power of
    /// ten, as programs write large numbers.
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let bytes = rest.as_bytes();
        let (mut point, mut power) = (None, None);
        for (i, byte) in bytes.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {}
                b'.' if point.is_none() => point = Some(i),
                b'e' | b'E' => {
                    power = Some(i);
                    break;
                }
                _ => return None,
            }
        }
        let end = power.unwrap_or(bytes.len());
        let whole = &bytes[..point.unwrap_or(end)];
        let fraction = &bytes[point.map_or(end, |i| i + 1)..end];
        let shift = match power {
            Some(i) => rest[i + 1..].parse::<i32>().ok()?,
            None => 0,
        };
        let some = !whole.is_empty() || !fraction.is_empty();
        (some && shift.unsigned_abs() <= MAX_SHIFT).then_some(Self {
            negative,
            whole,
            fraction,
            shift,
        })
    }

    /// Digits before the point, after the shift; may be negative.
    fn point(&self) -> i64 {
        self.whole.len() as i64 + i64::from(self.shift)
    }

    /// Digit at a position from the left, zero beyond the end.
    fn digit(&self, i: usize) -> u64 {
        let digit = self
            .whole
            .get(i)
            .or_else(|| self.fraction.get(i - self.whole.len()));
        digit.map_or(0, |d| u64::from(d - b'0'))
    }

    /// The magnitude in units of `10^-places`, rounded half away from zero; `None` when it does
    /// not fit.
    fn scaled(&self, places: u8) -> Option<u64> {
        // Negative: the first digit stands two or more places behind the last one kept.
        let Ok(keep) = usize::try_from(self.point() + i64::from(places)) else {
            return Some(0);
        };
        let mut value = 0_u64;
        for i in 0..keep {
            value = value.checked_mul(10)?.checked_add(self.digit(i))?;
        }
        // The first digit dropped decides.
        value.checked_add(u64::from(self.digit(keep) >= 5))
    }

    /// Magnitude as `mantissa * 10^-scale` without trailing zeros; `None` when the mantissa does
    /// not fit.
    pub(super) fn exact(&self) -> Option<(u64, i32)> {
        let length = self.whole.len() + self.fraction.len();
        let used = (0..length)
            .rev()
            .find(|&i| self.digit(i) != 0)
            .map_or(0, |i| i + 1);
        let mut mantissa = 0_u64;
        for i in 0..used {
            mantissa = mantissa.checked_mul(10)?.checked_add(self.digit(i))?;
        }
        let scale = i32::try_from(used as i64 - self.point()).ok()?;
        Some((mantissa, scale))
    }
}

/// Reads decimal text as minor units of a currency with so many decimals, exactly; digits beyond
/// them are rounded half away from zero (S6, S7). Grouping and currency signs are not read: what a
/// source writes around its numbers is the business of its pack.
///
/// # Errors
/// When the text is no number, or does not fit into 64 bits.
pub fn parse_amount(text: &str, exponent: u8) -> Result<i64, AmountError> {
    let number = Decimal::scan(text).ok_or_else(|| AmountError::Malformed(text.to_owned()))?;
    let magnitude = number.scaled(exponent).map(i128::from);
    let signed = magnitude.map(|m| if number.negative { -m } else { m });
    signed
        .and_then(|m| i64::try_from(m).ok())
        .ok_or_else(|| AmountError::Overflow(text.to_owned()))
}

/// Minor units as a decimal number: `1234.50`, or `1235` for a currency without decimals.
pub fn format_minor(minor: i64, exponent: u8) -> String {
    write_amount(minor, exponent, "")
}

/// As [`format_minor`], with a comma between thousands: `1,234.50`.
pub fn format_grouped(minor: i64, exponent: u8) -> String {
    write_amount(minor, exponent, ",")
}

fn write_amount(minor: i64, exponent: u8, separator: &str) -> String {
    let places = usize::from(exponent);
    let digits = format!("{:0>1$}", minor.unsigned_abs(), places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let mut out = String::with_capacity(digits.len() + 10);
    if minor < 0 {
        out.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push_str(separator);
        }
        out.push(digit);
    }
    if places > 0 {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `a / b` rounded half away from zero (S7); `None` when `b` is zero or the quotient does not fit.
pub fn round_div(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?.unsigned_abs();
    let away = if (a < 0) == (b < 0) { 1 } else { -1 };
    // `rest >= |b| - rest` is `2 rest >= |b|` without its overflow.
    if rest >= b.unsigned_abs() - rest {
        quotient.checked_add(away)
    } else {
        Some(quotient)
    }
}
