//! ISO 4217 currencies.

use std::fmt;
use std::str::FromStr;

/// A currency of ISO 4217.
///
/// Orders by code. A copy is two bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u16);

/// Currencies in use, and those replaced since 2008 because records still name them. Metals, units
/// of account and test codes are left out: no deal is priced in them.
const CODES: [&str; 179] = [
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BYR",
    "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU", "CRC", "CUC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EEK", "EGP", "ERN", "ETB", "EUR", "FJD",
    "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR",
    "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LTL", "LVL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN",
    "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR",
    "SDG", "SEK", "SGD", "SHP", "SKK", "SLE", "SLL", "SOS", "SRD", "SSP", "STD", "STN", "SVC",
    "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX",
    "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VEF", "VES", "VND", "VUV", "WST", "XAF",
    "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMK", "ZMW", "ZWG", "ZWL",
];

/// Currencies whose minor unit is not the hundredth part, by number of decimals.
const OTHER_EXPONENTS: [(u8, &[&str]); 3] = [
    (
        0,
        &[
            "BIF", "BYR", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX",
            "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

/// Decimals by position in [`CODES`], so that the hot path reads one byte.
const EXPONENTS: [u8; CODES.len()] = exponents();

const fn exponents() -> [u8; CODES.len()] {
    let mut out = [2; CODES.len()];
    let mut group = 0;
    while group < OTHER_EXPONENTS.len() {
        let (exponent, codes) = OTHER_EXPONENTS[group];
        let mut i = 0;
        while i < codes.len() {
            out[position(codes[i])] = exponent;
            i += 1;
        }
        group += 1;
    }
    out
}

/// Position of a code that is known to be there; anything else does not compile.
const fn position(code: &str) -> usize {
    let wanted = code.as_bytes();
    let mut i = 0;
    loop {
        let c = CODES[i].as_bytes();
        if c[0] == wanted[0] && c[1] == wanted[1] && c[2] == wanted[2] {
            return i;
        }
        i += 1;
    }
}

impl Currency {
    /// How many currencies there are; positions are below it.
    pub(super) const COUNT: usize = CODES.len();

    /// Reads a code, without regard to case and surrounding blanks.
    ///
    /// # Errors
    /// When ISO 4217 has no such currency.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let wrong = || CurrencyError {
            text: text.to_owned(),
        };
        let letters: &[u8] = text.trim().as_bytes();
        let [a, b, c] = *letters else {
            return Err(wrong());
        };
        let code = [a, b, c].map(|x| x.to_ascii_uppercase());
        let found = CODES.binary_search_by(|known| known.as_bytes().cmp(&code));
        found
            .ok()
            .and_then(|i| u16::try_from(i).ok())
            .map(Self)
            .ok_or_else(wrong)
    }

    /// Three capital letters.
    pub fn code(self) -> &'static str {
        CODES[self.position()]
    }

    /// Decimals of the minor unit: 2 for most, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u8 {
        EXPONENTS[self.position()]
    }

    /// Position in the order of codes.
    pub(super) fn position(self) -> usize {
        usize::from(self.0)
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        Self::parse(text)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a currency; write a code of ISO 4217 such as USD, EUR or JPY")]
pub struct CurrencyError {
    /// The text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_read_back() {
        assert!(CODES.is_sorted_by(|a, b| a < b));
        for code in CODES {
            assert_eq!(Currency::parse(code).map(Currency::code), Ok(code));
        }
        assert_eq!(Currency::parse(" usd ").map(Currency::code), Ok("USD"));
        for wrong in ["", "US", "USDX", "XXX", "€", "US€", "dollar"] {
            assert!(Currency::parse(wrong).is_err(), "{wrong}");
        }
        let message = Currency::parse("US$").expect_err("no code").to_string();
        assert!(message.starts_with("`US$` is not a currency"), "{message}");
    }

    #[test]
    fn decimals_of_the_minor_unit() {
        for (code, exponent) in [
            ("USD", 2),
            ("EUR", 2),
            ("JPY", 0),
            ("KRW", 0),
            ("KWD", 3),
            ("TND", 3),
            ("CLF", 4),
        ] {
            assert_eq!(
                Currency::parse(code).map(Currency::exponent),
                Ok(exponent),
                "{code}"
            );
        }
    }

    #[test]
    fn order_is_that_of_codes() {
        let [a, b] = ["EUR", "USD"].map(|c| Currency::parse(c).expect("a currency"));
        assert!(a < b);
        assert_eq!(format!("{a} {b:?} {a:>5}"), "EUR USD   EUR");
    }
}
