//! Names: the table a file name means, what a misspelt word may have meant, and the order people expect.

use std::cmp::Ordering;
use treaty_app::layout::TABLES;

/// What other systems call a table of the layout; used for suggestions only, never to guess.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("ad_spend", "spend"),
    ("assets", "content"),
    ("calls", "activities"),
    ("campaign_members", "touchpoints"),
    ("companies", "accounts"),
    ("contact_roles", "opportunity_contacts"),
    ("contacts", "people"),
    ("costs", "spend"),
    ("customers", "accounts"),
    ("deal_history", "stage_changes"),
    ("deals", "opportunities"),
    ("events", "activities"),
    ("exchange_rates", "fx_rates"),
    ("lead_history", "stage_changes"),
    ("leads", "people"),
    ("opportunity_contact_roles", "opportunity_contacts"),
    ("opportunity_history", "stage_changes"),
    ("orders", "purchases"),
    ("organisations", "accounts"),
    ("organizations", "accounts"),
    ("owners", "users"),
    ("person", "people"),
    ("persons", "people"),
    ("prospects", "people"),
    ("sales_agents", "users"),
    ("stage_history", "stage_changes"),
    ("tasks", "activities"),
];

/// The table of the layout that a file or folder name means: `People`, `stage changes`, `people.part-0001`,
/// `people-2` and `people (1)` are taken, anything else is not.
pub fn layout_table(stem: &str) -> Option<&'static str> {
    let exact = |name: &str| {
        let name = name.trim().to_lowercase().replace([' ', '-'], "_");
        TABLES.iter().map(|t| t.name).find(|t| *t == name)
    };
    exact(stem).or_else(|| exact(without_part(stem)))
}

/// Drops what marks a part or a copy: `.part-0001`, `-2`, `_00001-of-00010`, ` (1)`, a date.
pub(crate) fn without_part(stem: &str) -> &str {
    let mut rest = stem.trim_end();
    if let Some(inner) = rest.strip_suffix(')') {
        let digits = inner.trim_end_matches(|c: char| c.is_ascii_digit());
        if let (true, Some(before)) = (digits.len() < inner.len(), digits.strip_suffix('(')) {
            rest = before.trim_end();
        }
    }
    loop {
        let shorter = rest.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ' '));
        let word = ["part", "chunk", "page", "file", "of"].iter().find_map(|w| {
            let before = shorter.strip_suffix(w)?;
            before.ends_with(['.', '-', '_', ' ']).then_some(before)
        });
        match word {
            Some(before) => rest = before,
            None => return shorter,
        }
    }
}

/// A table of the layout that an unknown name may have meant.
pub fn suggest_table(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace([' ', '-'], "_");
    let name = without_part(&name);
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, table)| *table);
    other.or_else(|| nearest(name, TABLES.iter().map(|t| t.name)))
}

/// The candidate most like a word, if one is like it at all. Ties go to the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let limit = (word.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        if other.len().abs_diff(word.len()) > limit {
            continue;
        }
        let distance = distance(&word, &other);
        if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `; did you mean X?`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|c| format!("; did you mean {c}?")).unwrap_or_default()
}

/// `; did you mean X?`, or a full stop, before a further sentence.
pub(crate) fn did_you_mean_or_stop<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let hint = did_you_mean(word, candidates);
    if hint.is_empty() { ".".to_owned() } else { hint }
}

/// Edits between two words: letters put in, left out, changed, or two neighbours swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Order in which a person would list file names: `people-2` before `People-10`.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    loop {
        let (Some(p), Some(q)) = (x.chars().next(), y.chars().next()) else {
            return x.len().cmp(&y.len()).then_with(|| a.cmp(b));
        };
        if p.is_ascii_digit() && q.is_ascii_digit() {
            let (number_x, rest_x) = leading_number(x);
            let (number_y, rest_y) = leading_number(y);
            let order = number_x.len().cmp(&number_y.len()).then_with(|| number_x.cmp(number_y));
            if order != Ordering::Equal {
                return order;
            }
            (x, y) = (rest_x, rest_y);
        } else if p == q || p.to_lowercase().eq(q.to_lowercase()) {
            (x, y) = (&x[p.len_utf8()..], &y[q.len_utf8()..]);
        } else {
            return p.cmp(&q);
        }
    }
}

/// Splits off the digits at the start, without leading zeros.
fn leading_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_parts_and_copies_mean_their_table() {
        for name in [
            "people", "PEOPLE", "people.part-0001", "people-2", "people_03", "people (1)", "people-2026-03-01",
            "people-00001-of-00010", "people.chunk.7",
        ] {
            assert_eq!(layout_table(name), Some("people"), "{name}");
        }
        assert_eq!(layout_table("Stage Changes"), Some("stage_changes"));
        for name in ["peoples", "sales_people", "leads", "", "1", "people-old", "(1)"] {
            assert_eq!(layout_table(name), None, "{name}");
        }
    }

    #[test]
    fn unknown_names_get_a_suggestion_or_none() {
        assert_eq!(suggest_table("leads"), Some("people"));
        assert_eq!(suggest_table("Deals-2"), Some("opportunities"));
        assert_eq!(suggest_table("touchpoint"), Some("touchpoints"));
        assert_eq!(suggest_table("oportunities"), Some("opportunities"));
        assert_eq!(suggest_table("weather"), None);
        assert_eq!(nearest("tabel", ["table", "path"]), Some("table"));
        assert_eq!(nearest("x", ["table", "path"]), None);
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = vec!["P-10", "p-9", "p-010b", "p", "p-2", "q-1"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["p", "p-2", "p-9", "P-10", "p-010b", "q-1"]);
    }
}
