//! Merges of people, accounts and opportunities: chained, dated, reversible (S9).

use super::columns::{cell, instants, text};
use datafusion::arrow::array::{Array, RecordBatch};
use std::collections::{BTreeMap, BTreeSet};
use treaty_app::identity::{APART, DECISION, ids_of};
use treaty_domain::zone::Micros;

/// Who was merged into whom, before the as-of instant.
#[derive(Debug, Default, Clone)]
pub struct Merges {
    into: BTreeMap<(String, String), String>,
}

impl Merges {
    /// Reads the merges known before `as_of` and follows chains; a circle is cut where it closes.
    pub fn new(rows: &RecordBatch, as_of: Micros) -> Self {
        let mut direct: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut apart: BTreeSet<Vec<String>> = BTreeSet::new();
        let at = instants(rows, "merged_at");
        if let (Some(subject), Some(from), Some(into)) = (text(rows, "subject_type"), text(rows, "from_id"), text(rows, "into_id")) {
            for i in 0..rows.num_rows() {
                // What a person decided to be apart never was one, so it has no date.
                if subject.is_valid(i) && subject.value(i) == DECISION {
                    if from.is_valid(i) && into.is_valid(i) && into.value(i) == APART {
                        apart.insert(ids_of(from.value(i)));
                    }
                    continue;
                }
                let known = cell(&at, i).is_none_or(|t| t < as_of.0);
                if known && subject.is_valid(i) && from.is_valid(i) && into.is_valid(i) && from.value(i) != into.value(i) {
                    direct.insert((subject.value(i).to_owned(), from.value(i).to_owned()), into.value(i).to_owned());
                }
            }
        }
        if !apart.is_empty() {
            direct.retain(|(subject, from), into| {
                let mut pair = vec![from.clone(), into.clone()];
                pair.sort_unstable();
                subject != "person" || !apart.contains(&pair)
            });
        }
        let mut into = BTreeMap::new();
        for ((subject, from), first) in &direct {
            let mut last = first;
            let mut steps = 0;
            while let Some(next) = direct.get(&(subject.clone(), last.clone())) {
                steps += 1;
                if next == from || steps > direct.len() {
                    break;
                }
                last = next;
            }
            let closes = direct.get(&(subject.clone(), last.clone())).is_some_and(|next| next == from);
            if !closes || from > last {
                into.insert((subject.clone(), from.clone()), last.clone());
            }
        }
        Self { into }
    }

    /// The survivor of an id, or the id itself.
    pub fn canonical<'a>(&'a self, subject: &str, id: &'a str) -> &'a str {
        if self.into.is_empty() {
            return id;
        }
        self.into.get(&(subject.to_owned(), id.to_owned())).map_or(id, String::as_str)
    }

    /// The id was merged into another.
    pub fn is_gone(&self, subject: &str, id: &str) -> bool {
        !self.into.is_empty() && self.into.contains_key(&(subject.to_owned(), id.to_owned()))
    }

    /// All merges of a kind of subject, from and into.
    pub fn of<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.into.iter().filter(move |((s, _), _)| s == subject).map(|((_, from), into)| (from.as_str(), into.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    fn merges(rows: &[(&str, &str, i64)]) -> Merges {
        let kind = |from: &str| if from.starts_with('[') { "decision" } else { "person" };
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("subject_type", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| kind(r.0))))),
            ("from_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)))),
            ("into_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1)))),
            ("merged_at", Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.2)))),
        ];
        Merges::new(&RecordBatch::try_from_iter(columns).expect("batch"), Micros(100))
    }

    #[test]
    fn chains_lead_to_the_last_survivor_and_later_merges_are_unknown() {
        let m = merges(&[("a", "b", 1), ("b", "c", 2), ("x", "y", 100)]);
        assert_eq!(m.canonical("person", "a"), "c");
        assert_eq!(m.canonical("person", "x"), "x");
        assert_eq!(m.canonical("account", "a"), "a");
        assert!(m.is_gone("person", "b"));
    }

    #[test]
    fn what_was_decided_apart_does_not_merge_whoever_says_so() {
        let m = merges(&[("a", "b", 1), ("b", "c", 2), ("[\"a\",\"b\"]", "apart", 500), ("[\"b\",\"c\"]", "together", 3)]);
        assert_eq!(m.canonical("person", "a"), "a");
        assert_eq!(m.canonical("person", "b"), "c");
    }

    #[test]
    fn a_circle_ends() {
        let m = merges(&[("a", "b", 1), ("b", "a", 2)]);
        assert_eq!(m.canonical("person", "a"), "a");
        assert_eq!(m.canonical("person", "b"), "a");
    }
}
