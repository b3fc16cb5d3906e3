//! Which pack knows the tables on offer: by tables that are named like those of the pack and have columns that tell its
//! system from others.

use super::fit::Place;
use super::{Offer, Pack, fit};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use treaty_app::layout::TABLES;

/// Name under which the native layout stands beside the packs.
pub const NATIVE: &str = "native";

/// How well a pack knows the tables on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Name of the pack, or [`NATIVE`].
    pub pack: String,
    /// Weight of the signs that are there.
    pub score: u32,
    /// Weight of all signs.
    pub of: u32,
    /// Why: what the tables are called, and the columns they have.
    pub because: Vec<String>,
    /// Places of the offers that are signs.
    offers: BTreeSet<usize>,
}

impl Score {
    /// Name and reasons in one line.
    pub fn told(&self) -> String {
        format!("{} ({} of {}: {})", self.pack, self.score, self.of, self.because.join("; "))
    }
}

/// What looking for a pack came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    /// One pack knows the tables.
    One {
        /// It.
        best: Score,
        /// The next best, if another has any sign.
        next: Option<Score>,
    },
    /// Several packs might be meant, the best first, and none explains what the others do.
    Several(Vec<Score>),
    /// No pack knows the tables. Tables that are named as a pack expects, and what they lack.
    None(Vec<String>),
}

/// Looks for the pack that knows the tables on offer. The native layout counts as one.
///
/// The best must explain all tables by which another is known, and be better; else it is not for a machine to say.
pub fn detect(packs: &[Pack], offers: &[Offer]) -> Detection {
    let mut near = Vec::new();
    let mut scores: Vec<(Score, BTreeSet<usize>)> = Vec::new();
    for pack in packs {
        let score = pack.score(offers, &mut near);
        let explained = (0..offers.len()).filter(|i| pack.choose(&offers[*i]).is_ok_and(|entry| entry.is_some())).collect();
        scores.push((score, explained));
    }
    let native = native(offers);
    let explained = native.offers.clone();
    scores.push((native, explained));
    scores.retain(|(score, _)| score.score > 0);
    scores.sort_by_key(|(score, _)| Reverse(score.score));
    let Some((best, explained)) = scores.first() else { return Detection::None(near) };
    let rivals: Vec<Score> = scores[1..]
        .iter()
        .filter(|(s, _)| s.score == best.score || !s.offers.is_subset(explained))
        .map(|(s, _)| s.clone())
        .collect();
    if rivals.is_empty() {
        return Detection::One { best: best.clone(), next: scores.get(1).map(|(s, _)| s.clone()) };
    }
    Detection::Several(std::iter::once(best.clone()).chain(rivals).collect())
}

impl Pack {
    fn score(&self, offers: &[Offer], near: &mut Vec<String>) -> Score {
        let of = self.signs.iter().map(|s| s.weight).sum();
        let mut score = Score { pack: self.name.clone(), score: 0, of, because: Vec::new(), offers: BTreeSet::new() };
        for sign in &self.signs {
            let mut lacking: Option<String> = None;
            let mut found = false;
            for (i, offer) in offers.iter().enumerate() {
                for entry in self.files.iter().filter(|f| f.table == sign.table && f.means(offer)) {
                    let lacks: Vec<&str> = sign
                        .columns
                        .iter()
                        .map(String::as_str)
                        .filter(|c| !matches!(entry.place(c, &offer.columns), Place::At(_)))
                        .collect();
                    if lacks.is_empty() {
                        score.offers.insert(i);
                        if !found {
                            score.because.push(format!("{} has {}", offer.display, sign.columns.join(", ")));
                        }
                        found = true;
                    } else {
                        lacking = Some(format!("{}: {} is named like its table {}, but lacks {}", self.name, offer.display, sign.table, lacks.join(", ")));
                    }
                }
            }
            if found {
                score.score += sign.weight;
            } else {
                near.extend(lacking);
            }
        }
        score
    }
}

/// The tables that are named like those of the record and have their required columns.
fn native(offers: &[Offer]) -> Score {
    let of = u32::try_from(TABLES.len()).unwrap_or(u32::MAX);
    let mut score = Score { pack: NATIVE.to_owned(), score: 0, of, because: Vec::new(), offers: BTreeSet::new() };
    for (i, offer) in offers.iter().enumerate() {
        let Some(table) = offer.names.iter().find_map(|n| crate::names::layout_table(n)) else { continue };
        let headers: BTreeSet<String> = offer.columns.iter().map(|h| fit::fold(h)).collect();
        let required: Vec<&str> = TABLES.iter().filter(|t| t.name == table).flat_map(|t| t.required()).collect();
        if required.iter().all(|c| headers.contains(&fit::fold(c))) {
            score.score += 1;
            score.because.push(format!("{} has {}", offer.display, required.join(", ")));
            score.offers.insert(i);
        }
    }
    score
}
