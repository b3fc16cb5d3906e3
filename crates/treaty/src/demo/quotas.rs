//! The decks of the people's story: which share of them fares how.

use super::dice::Deck;
use super::marketing::SOURCES;

/// What becomes of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It never qualifies.
    Cold,
    /// It becomes an opportunity.
    Converts,
    /// It qualifies, and no more.
    Qualifies,
}

impl Fate {
    /// The fate on a card.
    pub(super) fn of(card: usize) -> Self {
        [Fate::Cold, Fate::Converts, Fate::Qualifies][card]
    }
}

/// Quotas, so that the story shows at every seed.
#[derive(Debug)]
pub(super) struct Decks {
    /// What becomes of a lead, by source.
    pub(super) fates: Vec<Deck>,
    /// What becomes of one that came back.
    pub(super) returned: Deck,
    /// Nurture, disqualified by marketing, or left lying.
    pub(super) cold: Deck,
    /// Stays away, or comes back from nurture.
    pub(super) back_from_nurture: Deck,
    /// The same after sales gave it back.
    pub(super) back_from_sales: Deck,
    /// Stays dead, comes back much later, was given up by mistake.
    pub(super) back_from_dead: Deck,
    /// Who gets a lead that will convert.
    pub(super) rep_of_convert: Deck,
    /// Who gets another one.
    pub(super) rep_of_other: Deck,
    /// Lies on the pile, or is worked after all.
    pub(super) pile: Deck,
    /// In time, late, very late; by rep.
    pub(super) speed: Vec<Deck>,
    /// Rejected, given up, given back, still worked, undecided.
    pub(super) after: Deck,
    /// Enough attempts before giving up, or too few.
    pub(super) enough: Deck,
    /// Why a lead is given up.
    pub(super) dead_reason: Deck,
    /// Why a lead is rejected.
    pub(super) reject_reason: Deck,
    /// Back to nurture, passed on again, left lying.
    pub(super) after_reject: Deck,
    /// A rejected lead met the definition, or not.
    pub(super) rejected_fits: Deck,
    /// First value of an accepted lead.
    pub(super) value: Deck,
    /// Accepted without a value, or with one.
    pub(super) no_value: Deck,
}

impl Decks {
    /// Fresh decks.
    pub(super) fn new() -> Self {
        let speed = |in_time: usize| Deck::new(&[in_time, 49 - in_time, 1]);
        Self {
            fates: SOURCES.iter().map(|s| Deck::new(&s.fates)).collect(),
            returned: Deck::new(&[8, 4, 8]),
            cold: Deck::new(&[31, 8, 1]),
            back_from_nurture: Deck::new(&[18, 2]),
            back_from_sales: Deck::new(&[15, 5]),
            back_from_dead: Deck::new(&[47, 2, 1]),
            rep_of_convert: Deck::new(&[7, 6, 6, 6, 5, 5, 1, 5, 4, 5]),
            rep_of_other: Deck::new(&[5, 5, 5, 5, 5, 5, 6, 5, 4, 5]),
            pile: Deck::new(&[2, 1]),
            speed: [46, 44, 42, 41, 39, 37, 22, 36, 30, 34].map(speed).into(),
            after: Deck::new(&[6, 6, 4, 3, 1]),
            enough: Deck::new(&[22, 3]),
            dead_reason: Deck::new(&[4, 2, 2, 2]),
            reject_reason: Deck::new(&[4, 5, 4, 3, 2, 2]),
            after_reject: Deck::new(&[15, 4, 1]),
            rejected_fits: Deck::new(&[9, 11]),
            value: Deck::even(16),
            no_value: Deck::new(&[1, 39]),
        }
    }
}
