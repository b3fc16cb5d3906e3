//! Telephone numbers in their international form.

use phonenumber::country::Id;

/// Names of countries that people write instead of a code.
const COUNTRIES: &[(&str, &str)] = &[
    ("argentina", "AR"), ("australia", "AU"), ("austria", "AT"), ("belgie", "BE"), ("belgium", "BE"), ("brasil", "BR"), ("brazil", "BR"),
    ("canada", "CA"), ("chile", "CL"), ("china", "CN"), ("colombia", "CO"), ("czech republic", "CZ"), ("czechia", "CZ"),
    ("denmark", "DK"), ("deutschland", "DE"), ("egypt", "EG"), ("england", "GB"), ("espana", "ES"), ("finland", "FI"), ("france", "FR"),
    ("germany", "DE"), ("great britain", "GB"), ("greece", "GR"), ("hong kong", "HK"), ("hungary", "HU"), ("india", "IN"),
    ("indonesia", "ID"), ("ireland", "IE"), ("israel", "IL"), ("italia", "IT"), ("italy", "IT"), ("japan", "JP"), ("kenya", "KE"),
    ("malaysia", "MY"), ("mexico", "MX"), ("nederland", "NL"), ("netherlands", "NL"), ("new zealand", "NZ"), ("nigeria", "NG"),
    ("norway", "NO"), ("osterreich", "AT"), ("philippines", "PH"), ("poland", "PL"), ("polska", "PL"), ("portugal", "PT"), ("romania", "RO"),
    ("saudi arabia", "SA"), ("schweiz", "CH"), ("scotland", "GB"), ("singapore", "SG"), ("south africa", "ZA"), ("south korea", "KR"),
    ("spain", "ES"), ("suisse", "CH"), ("sweden", "SE"), ("switzerland", "CH"), ("taiwan", "TW"), ("thailand", "TH"), ("turkey", "TR"),
    ("uae", "AE"), ("uk", "GB"), ("ukraine", "UA"), ("united arab emirates", "AE"), ("united kingdom", "GB"), ("united states", "US"),
    ("united states of america", "US"), ("usa", "US"), ("vietnam", "VN"), ("deu", "DE"), ("fra", "FR"), ("gbr", "GB"), ("can", "CA"),
];

/// The country that a cell names, by code or by name.
pub fn country(text: &str) -> Option<Id> {
    let folded = super::person_name::fold(text.trim()).replace('.', "");
    let code = match COUNTRIES.iter().find(|(name, _)| *name == folded) {
        Some((_, code)) => (*code).to_owned(),
        None if folded.len() == 2 => folded.to_uppercase(),
        None => return None,
    };
    code.parse().ok()
}

/// What a number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phone {
    /// A number that can exist: its international form, and its country where it has one.
    Valid(String, Option<Id>),
    /// A number that cannot exist in its country.
    Invalid,
    /// Without a country it could be anything.
    Unknown,
}

/// Reads a number; one without a country code is of the country given. An extension does not count.
pub fn read(text: &str, home: Option<Id>) -> Phone {
    let text = text.trim();
    let text = match text.strip_prefix("00") {
        Some(rest) if home != Some(Id::US) => format!("+{rest}"),
        _ => text.to_owned(),
    };
    if home.is_none() && !text.starts_with('+') {
        return Phone::Unknown;
    }
    match phonenumber::parse(home, &text) {
        Ok(number) if number.is_valid() => {
            let form = format!("+{}{}", number.code().value(), number.national());
            Phone::Valid(form, number.country().id())
        }
        _ => Phone::Invalid,
    }
}

/// The last eight digits: two spellings of one number share them.
pub fn tail(text: &str) -> Option<String> {
    let head = text.split(|c: char| c.is_ascii_alphabetic()).next().unwrap_or_default();
    let digits: Vec<char> = head.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 7).then(|| digits[digits.len().saturating_sub(8)..].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_become_one() {
        let us = country("USA");
        for text in ["(415) 555-2671", "415-555-2671", "+1 415 555 2671", "1-415-555-2671", "415.555.2671 x12"] {
            assert_eq!(read(text, us), Phone::Valid("+14155552671".to_owned(), Some(Id::US)), "{text}");
        }
        let de = country("Deutschland");
        for text in ["030 901820", "+49 30 901820", "0049 30 901820", "+49 (0)30 901820"] {
            assert_eq!(read(text, de), Phone::Valid("+4930901820".to_owned(), Some(Id::DE)), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_country_says_nothing() {
        assert_eq!(read("030 901820", None), Phone::Unknown);
        assert_eq!(read("+4930901820", None), Phone::Valid("+4930901820".to_owned(), Some(Id::DE)));
        assert_eq!(read("123", country("US")), Phone::Invalid);
        assert_eq!(read("call me", country("US")), Phone::Invalid);
    }

    #[test]
    fn countries_have_codes_and_names() {
        assert_eq!(country(" gb "), Some(Id::GB));
        assert_eq!(country("U.K."), Some(Id::GB));
        assert_eq!(country("Österreich"), Some(Id::AT));
        assert_eq!(country("Atlantis"), None);
        assert_eq!(tail("+1 (415) 555-2671 ext 9").as_deref(), Some("55552671"));
        assert_eq!(tail("12345"), None);
    }
}
