//! Who may be a fake: a score from rules, and quarantine where it is high.
//!
//! A score is a suspicion, not a proof. Real people carry odd names, so that names alone never lead further than into
//! quarantine, and quarantine deletes nothing: a person looks, and decides.

use super::email::{DomainKind, Lists, Mailbox, kind, registrable};
use super::person_name::{company_words, words};
use super::phone::{self, Phone};

/// Score from which on somebody is put into quarantine.
pub const QUARANTINE_AT: u32 = 50;

/// What all rules about the name can add up to: just quarantine.
const NAME_MOST: u32 = 50;

/// Full names that are hardly ever real.
const FIGURES: &[&str] = &[
    "bart simpson", "betty boop", "bugs bunny", "captain america", "daffy duck", "daisy duck", "darth vader",
    "donald duck", "easter bunny", "elmer fudd", "fred flintstone", "goofy goof", "homer simpson", "inspector gadget", "mickey mouse",
    "mighty mouse", "mini mouse", "minnie mouse", "minny mouse", "mick mouse", "micky mouse", "porky pig", "road runner", "santa claus",
    "scooby doo", "scrooge mcduck", "speedy gonzales", "sponge bob", "spongebob squarepants", "super man", "tinker bell", 
    "tooth fairy", "wile coyote", "winnie pooh", "wonder woman", "yogi bear", "foo bar", "lorem ipsum", "no name", "first last",
    "firstname lastname", "vorname nachname", "max mustermann", "erika mustermann", "joe blow", "jane roe",
];

/// Full names of figures and famous people that others carry, too.
const FAMOUS: &[&str] = &[
    "albert einstein", "barack obama", "bill gates", "bruce wayne", "charlie brown", "clark kent", "donald trump", "elon musk",
    "elvis presley", "george washington", "harry potter", "hannah montana", "indiana jones", "jack sparrow", "james bond", "jane doe",
    "jeff bezos", "joe biden", "john doe", "john wayne", "luke skywalker", "marilyn monroe", "mark zuckerberg", "michael jackson",
    "peter pan", "peter parker", "sherlock holmes", "steve jobs", "taylor swift", "tony stark",
];

/// Words that are typed in place of a name.
const PLACEHOLDERS: &[&str] = &["abc", "abcd", "blah", "dummy", "fake", "none", "nobody", "noname", "spam", "test", "tester", "testing", "tst", "unknown", "void"];

/// Rows of a keyboard, of both layouts that are common.
const ROWS: &[&str] = &["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn"];

/// What is known of one person.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lead<'a> {
    /// Full name.
    pub name: Option<&'a str>,
    /// E-mail as it was typed.
    pub email: Option<&'a str>,
    /// The same, read.
    pub mailbox: Option<&'a Mailbox>,
    /// Company.
    pub company: Option<&'a str>,
    /// Telephone number.
    pub phone: Option<&'a str>,
    /// Country.
    pub country: Option<&'a str>,
}

/// What the rules say about one person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Sum of the rules that apply.
    pub score: u32,
    /// The rules, each with its points.
    pub rules: Vec<(&'static str, u32)>,
    /// Whether the person should be looked at before it counts.
    pub quarantine: bool,
}

impl Verdict {
    /// The rules in words.
    pub fn why(&self) -> String {
        let rules: Vec<String> = self.rules.iter().map(|(rule, points)| format!("{rule} {points}")).collect();
        format!("score {}: {}", self.score, rules.join(", "))
    }
}

/// Judges one person.
pub fn judge(lead: &Lead<'_>, lists: &Lists) -> Verdict {
    let mut name = Vec::new();
    let mut other = Vec::new();
    if let Some(text) = lead.name {
        names(text, lead.company, &mut name);
    }
    if let Some(text) = lead.company {
        let all = company_words(text);
        if all.first().is_some_and(|w| ["asdf", "fake", "test", "testing"].contains(&w.as_str())) && all.len() < 3 {
            other.push(("company is a placeholder", 35));
        }
    }
    emails(lead, lists, &mut other);
    let so_far = sum(&name).min(NAME_MOST) + sum(&other);
    // Numbers are slow to read, and two rules about them are worth 30 points together.
    if so_far + 30 >= QUARANTINE_AT
        && let Some(text) = lead.phone
    {
        phones(text, lead.country, &mut other);
    }
    let score = sum(&name).min(NAME_MOST) + sum(&other);
    name.extend(other);
    Verdict { score, rules: name, quarantine: score >= QUARANTINE_AT }
}

fn sum(rules: &[(&'static str, u32)]) -> u32 {
    rules.iter().map(|(_, points)| points).sum()
}

fn names(text: &str, company: Option<&str>, out: &mut Vec<(&'static str, u32)>) {
    let words = words(text);
    let full = words.join(" ");
    if words.is_empty() {
        return;
    }
    if text.chars().filter(|c| !c.is_whitespace()).all(|c| c.is_ascii_digit() || c.is_ascii_punctuation()) {
        out.push(("name of digits only", 50));
        return;
    }
    if FIGURES.contains(&full.as_str()) || ["mickeymouse", "donaldduck", "spongebob"].contains(&full.as_str()) {
        out.push(("name of a figure", 50));
    } else if FAMOUS.contains(&full.as_str()) {
        out.push(("name of somebody famous", 25));
    }
    if words.iter().all(|w| PLACEHOLDERS.contains(&w.trim_end_matches(|c: char| c.is_ascii_digit()))) {
        out.push(("name is a placeholder", 50));
    }
    if words.iter().any(|w| is_walk(w)) {
        out.push(("keyboard walk in the name", 50));
    }
    if words.iter().any(|w| is_repeated(w)) {
        out.push(("repeated characters in the name", 40));
    }
    if company.is_some_and(|c| super::person_name::fold(c.trim()) == super::person_name::fold(text.trim())) {
        out.push(("name is the company", 15));
    }
}

fn emails(lead: &Lead<'_>, lists: &Lists, out: &mut Vec<(&'static str, u32)>) {
    match (lead.email, lead.mailbox) {
        (Some(text), None) if !text.trim().is_empty() => out.push(("e-mail cannot exist", 30)),
        (_, Some(mailbox)) => {
            let domain = registrable(&mailbox.domain).unwrap_or_else(|| mailbox.domain.clone());
            match kind(&domain, lists) {
                DomainKind::Disposable => out.push(("throw-away mailbox", 60)),
                DomainKind::Nowhere => out.push(("domain cannot have mail", 50)),
                DomainKind::Business | DomainKind::FreeMail => {}
            }
            if mailbox.is_deaf() {
                out.push(("sender that nobody reads", 50));
            } else if mailbox.is_role(lists) {
                out.push(("mailbox of an office", 15));
            }
            let words = || mailbox.local.split(|c: char| !c.is_alphanumeric());
            if words().any(is_walk) {
                out.push(("keyboard walk in the e-mail", 30));
            } else if words().any(is_repeated) {
                out.push(("repeated characters in the e-mail", 20));
            }
        }
        _ => {}
    }
}

fn phones(text: &str, country: Option<&str>, out: &mut Vec<(&'static str, u32)>) {
    let home = country.and_then(phone::country);
    match phone::read(text, home) {
        Phone::Invalid => out.push(("phone number cannot exist", 20)),
        Phone::Valid(_, Some(of)) if home.is_some_and(|home| home != of) => out.push(("phone number of another country", 10)),
        Phone::Valid(..) | Phone::Unknown => {}
    }
}

/// Five neighbouring keys in a row, either way; or four where they are no likely name: a row's first four, or none of
/// them a vowel. `Wert` and `Trew` are names, `asdf` and `hjkl` are not.
fn is_walk(word: &str) -> bool {
    if word.len() < 4 || !word.is_ascii() {
        return false;
    }
    let backwards: String = word.chars().rev().collect();
    ROWS.iter().any(|row| {
        [word, backwards.as_str()].iter().any(|w| {
            row.find(w).is_some_and(|at| w.len() > 4 || at == 0 || !w.contains(['a', 'e', 'i', 'o', 'u', 'y']))
                || w.len() > 5 && row.get(..5).is_some_and(|start| w.starts_with(start))
        })
    })
}

/// One character three times and nothing else, or a piece of two or three characters three times.
fn is_repeated(word: &str) -> bool {
    let all: Vec<char> = word.chars().collect();
    (1..=3).any(|n| all.len() >= 3 * n && all.len().is_multiple_of(n) && all.chunks(n).all(|c| c == &all[..n])) && !all.iter().all(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, email: &str, company: &str, phone: &str, country: &str) -> Verdict {
        let some = |t: &'static str| (!t.is_empty()).then_some(t);
        let leak = |t: &str| some(Box::leak(t.to_owned().into_boxed_str()));
        let mailbox = Mailbox::parse(email);
        let lead = Lead { name: leak(name), email: leak(email), mailbox: mailbox.as_ref(), company: leak(company), phone: leak(phone), country: leak(country) };
        judge(&lead, &Lists::default())
    }

    #[test]
    fn likely_fakes_are_put_into_quarantine() {
        for (name, email, company, phone) in [
            ("Mickey Mouse", "mickey@acme.example", "Acme", ""),
            ("Mouse, Minnie", "", "", ""),
            ("Ann Lee", "ann@mailinator.com", "Acme", ""),
            ("asdf asdf", "ann@acme.example", "", ""),
            ("Qwertz", "", "", ""),
            ("aaaa bbbb", "x@acme.example", "test", ""),
            ("Test Test", "test@acme.example", "", ""),
            ("12345", "a@acme.example", "", ""),
            ("John Doe", "john@acme.example", "test", ""),
            ("John Doe", "sales@acme.example", "", "123"),
            ("System", "no-reply@acme.example", "", ""),
            ("xxx", "asdfgh@acme.example", "", ""),
            ("Ann Lee", "ann@test.com", "", ""),
        ] {
            let verdict = judged(name, email, company, phone, "US");
            assert!(verdict.quarantine, "{name} {email}: {}", verdict.why());
        }
    }

    #[test]
    fn a_name_alone_never_exceeds_quarantine() {
        for name in ["Mickey Mouse", "asdf qwerty aaaa", "test test", "Donald Duck", "aaaa"] {
            let verdict = judged(name, "", "", "", "");
            assert!(verdict.score <= QUARANTINE_AT, "{name}: {}", verdict.why());
        }
    }

    #[test]
    fn ordinary_odd_names_are_left_alone() {
        for name in [
            "Christopher Null", "Jennifer Test-Meyer", "James Bond", "Harry Potter", "Mickey Rourke", "Mickey Mantle", "Minnie Driver",
            "Donald Ducksworth", "Daisy Fuentes", "Anna Wert", "John Trew", "Li Li", "Yu Yu", "Bo Bo", "Jo Jo Levesque", "Nana Mouskouri",
            "Aaron Aardvark", "Ng Ng", "Ii Sato", "Lala Anthony", "O", "X Æ A-12 Musk", "Joe Q. Public-Smith", "Kim Poe", "Fred Uiterwyk",
            "Zzyzx Road", "Wolfgang Amadeus Mozart IV", "Mary-Jane Unknown-Jones", "Dr. No", "Asa Dfouni", "Zoe Xcaret", "Rey Uiop-Lund",
            "Hjalmar Jklund", "Peter Faker", "Bill Gates", "Taylor Swift", "Ann Duck", "Bugs Moran", "Santa Maria", "Goofy Gupta",
        ] {
            let verdict = judged(name, "ann.lee@acme.example", "Acme Inc", "(415) 555-2671", "US");
            assert!(!verdict.quarantine, "{name}: {}", verdict.why());
        }
    }

    #[test]
    fn weak_signs_alone_do_not_suffice_and_add_up() {
        assert!(!judged("Ann Lee", "info@acme.example", "Acme", "123", "US").quarantine);
        assert!(!judged("Acme", "info@acme.example", "Acme", "", "US").quarantine);
        let all = judged("James Bond", "info@acme.example", "", "+49 30 901820", "US");
        assert_eq!(all.score, 25 + 15 + 10);
        assert!(all.quarantine, "{}", all.why());
        assert_eq!(all.why(), "score 50: name of somebody famous 25, mailbox of an office 15, phone number of another country 10");
    }

    #[test]
    fn walks_and_repeats_are_told_from_words() {
        for word in ["asdf", "fdsa", "qwerty", "qwertz", "zxcv", "hjkl", "poiuy", "asdfghjkl", "qwer"] {
            assert!(is_walk(word), "{word}");
        }
        for word in ["wert", "trew", "were", "pope", "tree", "kljm", "lee", "qasd"] {
            assert!(!is_walk(word), "{word}");
        }
        assert!(is_repeated("aaa") && is_repeated("ababab") && !is_repeated("lala") && !is_repeated("111") && !is_repeated("anna"));
    }
}
