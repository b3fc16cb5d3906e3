//! Names of people and companies: folded to plain letters, cut into words, compared.

/// What stands before or behind a name and is no part of it.
const TITLES: &[&str] = &[
    "dr", "frau", "herr", "ing", "jr", "madame", "miss", "mlle", "mme", "mr", "mrs", "ms", "mx", "phd", "prof", "sr",
    "sra", "ii", "iii", "iv",
];

/// Legal forms of companies.
const LEGAL_FORMS: &[&str] = &[
    "ab", "ag", "as", "bv", "co", "company", "corp", "corporation", "gmbh", "group", "holding", "holdings", "inc",
    "incorporated", "kg", "kk", "limited", "llc", "llp", "ltd", "nv", "oy", "plc", "pty", "sa", "sarl", "sas", "se", "spa",
    "srl", "the",
];

/// Lower case without accents: `Müller` and `MULLER` become `muller`.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            'à'..='å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'æ' => out.push_str("ae"),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => out.push('c'),
            'ď' | 'đ' | 'ð' => out.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ĝ' | 'ğ' | 'ġ' | 'ģ' => out.push('g'),
            'ĥ' | 'ħ' => out.push('h'),
            'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => out.push('i'),
            'ĵ' => out.push('j'),
            'ķ' => out.push('k'),
            'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => out.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => out.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => out.push('o'),
            'œ' => out.push_str("oe"),
            'ŕ' | 'ŗ' | 'ř' => out.push('r'),
            'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => out.push('s'),
            'ß' => out.push_str("ss"),
            'ţ' | 'ť' | 'ŧ' | 'ț' => out.push('t'),
            'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => out.push('u'),
            'ŵ' => out.push('w'),
            'ý' | 'ÿ' | 'ŷ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'þ' => out.push_str("th"),
            '\u{300}'..='\u{36f}' | '\'' | '’' => {}
            other => out.push(other),
        }
    }
    out
}

/// The words of a person's name, folded, without titles. `Lee, Ann` becomes `ann`, `lee`.
pub fn words(name: &str) -> Vec<String> {
    let turned = match name.split_once(',') {
        Some((last, first)) if !first.contains(',') => format!("{first} {last}"),
        _ => name.to_owned(),
    };
    let folded = fold(&turned);
    let all: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let kept: Vec<String> = all.iter().filter(|w| !TITLES.contains(w)).map(|w| (*w).to_owned()).collect();
    if kept.is_empty() { all.into_iter().map(str::to_owned).collect() } else { kept }
}

/// The words of a company's name without its legal form.
pub fn company_words(name: &str) -> Vec<String> {
    let folded = fold(name);
    let all: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let kept: Vec<String> = all.iter().filter(|w| !LEGAL_FORMS.contains(w)).map(|w| (*w).to_owned()).collect();
    if kept.is_empty() { all.into_iter().map(str::to_owned).collect() } else { kept }
}

/// Key under which the same full name falls whatever the order of its words; a single word is no full name.
pub fn full_key(name: &str) -> Option<String> {
    let mut words = words(name);
    if words.len() < 2 || words.iter().all(|w| w.chars().count() == 1) {
        return None;
    }
    words.sort_unstable();
    Some(words.join(" "))
}

/// Key of a block of similar names: first letter of the first word and four letters of the last.
pub fn block_key(name: &str) -> Option<String> {
    let words = words(name);
    let (first, last) = (words.first()?, words.last()?);
    if words.len() < 2 {
        return None;
    }
    Some(first.chars().take(1).chain(last.chars().take(4)).collect())
}

/// Jaro-Winkler similarity of two names as they are written, folded.
pub fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&words(a).join(" "), &words(b).join(" "))
}

/// Two names may be of one person: they share a word of some length, are alike, or one is the initials of the other.
pub fn may_be_one(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    if a.is_empty() || b.is_empty() {
        return true;
    }
    let shared = a.iter().any(|w| w.chars().count() > 1 && b.contains(w));
    let alike = strsim::jaro_winkler(&a.join(" "), &b.join(" ")) >= 0.85;
    let initials = |x: &[String], y: &[String]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x == y || (x.chars().count() == 1 && y.starts_with(x.as_str())))
    };
    shared || alike || initials(&a, &b) || initials(&b, &a)
}

/// Two companies may be one: their names are the same without the legal form, or nearly.
pub fn same_company(a: &str, b: &str) -> bool {
    let (a, b) = (company_words(a).join(" "), company_words(b).join(" "));
    a == b || strsim::jaro_winkler(&a, &b) >= 0.95
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_titles_and_order() {
        assert_eq!(words("Dr. Jürgen  MÜLLER, PhD"), ["jurgen", "muller"]);
        assert_eq!(full_key("Lee, Ann"), full_key("ann LEE"));
        assert_eq!(full_key("Ann"), None);
        assert_eq!(full_key("A B"), None);
        assert_eq!(block_key("Ann-Marie Lee"), Some("alee".to_owned()));
        assert_eq!(words("Mr."), ["mr"]);
    }

    #[test]
    fn similarity_has_the_golden_values() {
        let near = |a: &str, b: &str, want: f64| assert!((strsim::jaro_winkler(a, b) - want).abs() < 5e-5, "{a} {b}");
        near("MARTHA", "MARHTA", 0.9611);
        near("DIXON", "DICKSONX", 0.8133);
        near("Jonathan Smith", "Jonathon Smyth", 0.9429);
        assert!((similarity("JONATHAN SMITH", "Jonathon Smyth") - 0.942_857).abs() < 1e-6);
    }

    #[test]
    fn names_that_cannot_be_one_person_are_told_apart() {
        for (a, b) in [("Ann Lee", "Ann Miller"), ("Bob Smith", "Robert Smith"), ("J. Smith", "John Smith"), ("", "Ann"), ("A. L.", "Ann Lee")] {
            assert!(may_be_one(a, b), "{a} {b}");
        }
        for (a, b) in [("Ann Lee", "Tom Wood"), ("John Smith", "Mary Jones")] {
            assert!(!may_be_one(a, b), "{a} {b}");
        }
        assert!(same_company("Acme Inc.", "ACME GmbH") && !same_company("Acme Bank", "Acme Foods"));
    }
}
