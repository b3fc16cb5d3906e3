//! Money: integer minor units, currencies and dated rates (methods S6, S7).
//!
//! No amount ever is a float. Every rounding is half away from zero and happens once, at the end.

mod amount;
mod currency;
mod fx;

pub use amount::{AmountError, format_grouped, format_minor, parse_amount, round_div};
pub use currency::{Currency, CurrencyError};
pub use fx::{FxTable, MAX_RATE_AGE_DAYS, MissingRate, Rate, RateError, WhyMissing};

#[cfg(test)]
mod tests;
