//! The lists of names that events name by position: campaigns, users, stage values and the like.

use super::columns::{Names, Texts};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use std::collections::HashSet;
use std::sync::Arc;

/// A list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Campaigns.
    Campaigns,
    /// Users.
    Users,
    /// Values of stage changes.
    Stages,
    /// Reasons of stage changes.
    Reasons,
    /// Kinds of activities.
    Kinds,
    /// Channels of touches.
    Channels,
    /// Currencies.
    Currencies,
    /// Kinds of opportunities.
    DealKinds,
}

/// All lists, in the order of [`List`].
const LISTS: [&str; 8] = ["campaigns", "users", "stages", "reasons", "kinds", "channels", "currencies", "deal_kinds"];

/// Names by list. Known campaigns and users come first, in the order of their ids, then what only
/// events name, and then what later imports brought. A name keeps its place.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    lists: [Names; 8],
}

/// Collects names before they get their places.
#[derive(Debug, Default)]
pub struct Met<'a> {
    lists: [HashSet<&'a str>; 8],
}

impl<'a> Met<'a> {
    /// Names that occur in a column.
    pub fn see(&mut self, list: List, texts: &'a Texts) {
        let to = &mut self.lists[list as usize];
        // Neighbours are often the same, and most columns have few names.
        let mut last = None;
        for text in texts.texts.iter().flatten() {
            if last != Some(text) {
                to.insert(text);
                last = Some(text);
            }
        }
    }

    /// Gives every name its place behind those that are known.
    pub fn settle(self, mut known: Vocabulary) -> Vocabulary {
        for (names, met) in known.lists.iter_mut().zip(self.lists) {
            let mut met: Vec<&str> = met.into_iter().collect();
            met.sort_unstable();
            met.into_iter().for_each(|name| _ = names.place(name));
        }
        known
    }
}

impl Vocabulary {
    /// Of known campaigns and users.
    pub fn known(campaigns: Names, users: Names) -> Self {
        let mut vocabulary = Self::default();
        vocabulary.lists[List::Campaigns as usize] = campaigns;
        vocabulary.lists[List::Users as usize] = users;
        vocabulary
    }

    /// Adds names behind those that are here.
    pub fn add(&mut self, others: &Self) {
        for (names, more) in self.lists.iter_mut().zip(&others.lists) {
            more.list().iter().for_each(|name| _ = names.place(name));
        }
    }

    /// A list.
    pub fn of(&self, list: List) -> &Names {
        &self.lists[list as usize]
    }

    /// As columns, one a list.
    pub fn columns(&self) -> Vec<(&'static str, ArrayRef)> {
        let column = |names: &Names| -> ArrayRef { Arc::new(StringArray::from_iter_values(names.list())) };
        LISTS.into_iter().zip(&self.lists).map(|(name, names)| (name, column(names))).collect()
    }

    /// Lists that were kept as columns.
    pub fn read(mut column: impl FnMut(&'static str) -> Option<ArrayRef>) -> Option<Self> {
        let mut vocabulary = Self::default();
        for (name, names) in LISTS.into_iter().zip(&mut vocabulary.lists) {
            let kept = column(name)?;
            kept.as_string_opt::<i32>()?.iter().flatten().for_each(|n| _ = names.place(n));
            if names.len() != kept.len() {
                return None;
            }
        }
        Some(vocabulary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::RecordBatch;

    fn texts(list: &[&str]) -> Texts {
        let column: ArrayRef = Arc::new(StringArray::from(list.to_vec()));
        Texts::of(&RecordBatch::try_from_iter([("t", column)]).expect("a batch"), "t")
    }

    #[test]
    fn places_do_not_depend_on_where_names_were_met() {
        let mut known = Names::default();
        known.place("C9");
        let (a, b) = (texts(&["C2", "C9"]), texts(&["C1", "C2"]));
        let of = |order: [&Texts; 2]| {
            let mut met = Met::default();
            order.into_iter().for_each(|t| met.see(List::Campaigns, t));
            met.settle(Vocabulary::known(known.clone(), Names::default())).of(List::Campaigns).list().to_vec()
        };
        assert_eq!(of([&a, &b]), ["C9", "C1", "C2"]);
        assert_eq!(of([&b, &a]), of([&a, &b]));
    }
}
