//! Dated rates and conversion (methods S6).

use super::amount::Decimal;
use super::currency::Currency;
use crate::zone::LocalDay;
use std::fmt;
use std::str::FromStr;

/// A rate is used for this many days after its own; then it is missing (S6).
pub const MAX_RATE_AGE_DAYS: i32 = 7;

/// An exchange rate: an exact positive decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Without trailing zeros, above zero.
    mantissa: u64,
    /// Digits behind the point.
    scale: u8,
}

/// Digits that a rate may have behind the point.
const MAX_SCALE: u8 = 30;

impl Rate {
    /// The rate of a currency to itself.
    pub const ONE: Self = Self {
        mantissa: 1,
        scale: 0,
    };

    /// Reads decimal text such as `1.08` or `6.5e-5`, exactly.
    ///
    /// # Errors
    /// When the text is no number, not above zero, or longer than can be kept exactly.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let number = Decimal::scan(text).ok_or_else(|| RateError::Malformed(text.to_owned()))?;
        let too_long = || RateError::TooLong(text.to_owned());
        let (mantissa, scale) = number.exact().ok_or_else(too_long)?;
        if mantissa == 0 || number.negative {
            return Err(RateError::NotPositive(text.to_owned()));
        }
        // A negative scale is a number that ends in zeros before the point.
        let (mantissa, scale) = match u8::try_from(scale) {
            Ok(scale) if scale <= MAX_SCALE => (mantissa, scale),
            Ok(_) => return Err(too_long()),
            Err(_) => {
                let zeros = 10_u64.checked_pow(scale.unsigned_abs());
                (
                    zeros
                        .and_then(|z| mantissa.checked_mul(z))
                        .ok_or_else(too_long)?,
                    0,
                )
            }
        };
        Ok(Self { mantissa, scale })
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        Self::parse(text)
    }
}

/// `1.08`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.scale);
        let digits = format!("{:0>1$}", self.mantissa, places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places > 0 { "." } else { "" };
        write!(f, "{whole}{point}{fraction}")
    }
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal number.
    #[error("`{0}` is not a rate; write digits with a point, such as 1.08")]
    Malformed(String),
    /// Zero or negative.
    #[error("`{0}` is not a rate: rates are above zero")]
    NotPositive(String),
    /// More digits than are kept exactly.
    #[error("`{0}` has more digits than a rate can keep: 19 in all, 30 behind the point")]
    TooLong(String),
}

/// Why an amount could not be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhyMissing {
    /// No rate of that day or an earlier one.
    NoRate,
    /// The last rate is older than [`MAX_RATE_AGE_DAYS`].
    TooOld {
        /// Its day.
        last: LocalDay,
    },
    /// The converted amount does not fit into 64 bits.
    TooLarge,
}

/// An amount that has no value in the other currency; the result of a measure over it is
/// `Undefined(MissingRate)`, never the amount at a rate of 1 (S6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct MissingRate {
    /// Currency whose rate is missing.
    pub currency: Currency,
    /// Base in which the rate would be.
    pub base: Currency,
    /// Day of the conversion.
    pub on: LocalDay,
    /// What is the matter.
    pub why: WhyMissing,
}

impl MissingRate {
    fn sentence(&self) -> String {
        let Self {
            currency,
            base,
            on,
            why,
        } = self;
        match why {
            WhyMissing::NoRate => {
                format!("there is no rate of {currency} to {base} on or before {on}")
            }
            WhyMissing::TooOld { last } => format!(
                "the last rate of {currency} to {base} before {on} is of {last}, \
                 more than {MAX_RATE_AGE_DAYS} days older"
            ),
            WhyMissing::TooLarge => {
                format!("an amount of {currency} is too large to convert on {on}")
            }
        }
    }
}

/// Rates by currency and day: one unit of a currency is so many units of the base, which is the
/// currency of the agreement (table `fx_rates` of the record).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FxTable {
    base: Currency,
    /// By position of the currency, in order of days.
    rates: Vec<Vec<(LocalDay, Rate)>>,
}

impl FxTable {
    /// An empty table of rates to a base.
    pub fn new(base: Currency) -> Self {
        Self {
            base,
            rates: vec![Vec::new(); Currency::COUNT],
        }
    }

    /// The currency to which the rates lead, and through which others are converted.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// Sets the rate of a day: `rate` units of the base for one unit of `currency`. A later call
    /// for the same day wins; a rate of the base itself is of no use and not kept.
    pub fn insert(&mut self, currency: Currency, on: LocalDay, rate: Rate) {
        if currency == self.base {
            return;
        }
        let days = &mut self.rates[currency.position()];
        // Days mostly come in order.
        let i = days.partition_point(|(day, _)| *day < on);
        match days.get_mut(i) {
            Some((day, known)) if *day == on => *known = rate,
            _ => days.insert(i, (on, rate)),
        }
    }

    /// The rate of a currency to the base on a day: the last one that is at most
    /// [`MAX_RATE_AGE_DAYS`] days old.
    ///
    /// # Errors
    /// When there is none.
    pub fn rate(&self, currency: Currency, on: LocalDay) -> Result<Rate, MissingRate> {
        if currency == self.base {
            return Ok(Rate::ONE);
        }
        let days = &self.rates[currency.position()];
        let after = days.partition_point(|(day, _)| *day <= on);
        let missing = |why| MissingRate {
            currency,
            base: self.base,
            on,
            why,
        };
        match after.checked_sub(1).map(|i| days[i]) {
            None => Err(missing(WhyMissing::NoRate)),
            Some((last, _)) if on.0.saturating_sub(last.0) > MAX_RATE_AGE_DAYS => {
                Err(missing(WhyMissing::TooOld { last }))
            }
            Some((_, rate)) => Ok(rate),
        }
    }

    /// Converts minor units of one currency into those of another at the rates of a day, rounding
    /// once, half away from zero. Two currencies other than the base meet through it only.
    ///
    /// # Errors
    /// When a rate is missing or too old, or the result does not fit into 64 bits.
    pub fn convert(
        &self,
        minor: i64,
        from: Currency,
        to: Currency,
        on: LocalDay,
    ) -> Result<i64, MissingRate> {
        if from == to {
            return Ok(minor);
        }
        let (up, down) = (self.rate(from, on)?, self.rate(to, on)?);
        let shift = i32::from(down.scale) + i32::from(to.exponent())
            - i32::from(up.scale)
            - i32::from(from.exponent());
        let magnitude = scale(minor.unsigned_abs(), up.mantissa, down.mantissa, shift);
        magnitude
            .and_then(|m| i128::try_from(m).ok())
            .and_then(|m| i64::try_from(if minor < 0 { -m } else { m }).ok())
            .ok_or(MissingRate {
                currency: from,
                base: self.base,
                on,
                why: WhyMissing::TooLarge,
            })
    }
}

/// `a * up / down * 10^shift`, rounded half up, exact for all amounts of 63 bits; `None` on overflow.
fn scale(a: u64, up: u64, down: u64, shift: i32) -> Option<u128> {
    // 64 bits by 64 bits always fit.
    let product = u128::from(a) * u128::from(up);
    let down = u128::from(down);
    let power = shift.unsigned_abs();
    let (mut quotient, mut rest, divisor);
    if shift >= 0 {
        divisor = down;
        quotient = product.checked_div(divisor)?;
        rest = product % divisor;
        // Long division: the further digits one by one, since the product times a power may not fit.
        for _ in 0..power {
            rest *= 10;
            quotient = quotient.checked_mul(10)?.checked_add(rest / divisor)?;
            rest %= divisor;
        }
    } else {
        match 10_u128.checked_pow(power).and_then(|p| p.checked_mul(down)) {
            Some(d) => divisor = d,
            // The divisor is above 2^128, the product below 2^127: less than half a unit.
            None => return Some(0),
        }
        quotient = product.checked_div(divisor)?;
        rest = product % divisor;
    }
    quotient.checked_add(u128::from(rest >= divisor - rest))
}
