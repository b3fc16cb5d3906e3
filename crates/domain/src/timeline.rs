//! What happened around one account, in order: the input of the fold.
//!
//! Rows name each other by position, never by text: whoever feeds the fold numbers people,
//! opportunities, users, campaigns and stage values once. A [`Timeline`] borrows sub-slices of those
//! columns, so that an account of ordinary shape is folded without a copy.

use crate::money::Currency;
use crate::zone::Micros;
use std::ops::Range;

/// Position of nothing.
pub const NONE: u32 = u32::MAX;

/// A positional range, as small as it can be.
pub type Span = Range<u32>;

/// Answers to the criteria of gates and definitions for one subject: bit `i` of `known` says
/// whether criterion `i` could be evaluated, bit `i` of `met` whether it holds (A15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Criteria {
    /// Evaluated criteria.
    pub known: u64,
    /// Criteria that hold; a subset of `known`.
    pub met: u64,
}

/// A person of the account, or a guest from another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Number of the person.
    pub id: u32,
    /// Belongs to another account; contributes touches but yields no facts here.
    pub guest: bool,
    /// When the record first knew the person.
    pub created_at: Micros,
    /// Campaign that created the lead, or [`NONE`].
    pub campaign: u32,
    /// Current owner, or [`NONE`].
    pub owner: u32,
    /// Counts as a name of a lead-generation campaign (A14, ratio 1).
    pub lead_generation: bool,
    /// Criteria of the person stages.
    pub criteria: Criteria,
    /// Stage changes, a range of [`Timeline::person_stages`].
    pub stages: Span,
    /// Sales activities, a range of [`Timeline::activities`].
    pub activities: Span,
    /// Hand-offs, a range of [`Timeline::handoffs`].
    pub handoffs: Span,
    /// Owner changes, a range of [`Timeline::owner_changes`].
    pub owner_changes: Span,
}

/// An opportunity of the account, or a guest whose primary contact is a person of the account.
#[derive(Debug, Clone, PartialEq)]
pub struct Opportunity {
    /// Number of the opportunity.
    pub id: u32,
    /// Place in the order of ids, guests last: it decides at one instant (S3). Numbers need not follow it.
    pub order: u32,
    /// Belongs to another account; ends leads here but yields no facts of its own.
    pub guest: bool,
    /// Creation.
    pub created_at: Micros,
    /// Amount in minor units of `currency`, or none.
    pub amount: Option<i64>,
    /// Currency of the amount.
    pub currency: Currency,
    /// It is of a kind that counts in the source and influence tables.
    pub counts: bool,
    /// Campaign that the CRM names, or [`NONE`].
    pub campaign: u32,
    /// Current owner, or [`NONE`].
    pub owner: u32,
    /// Criteria of the opportunity stages.
    pub criteria: Criteria,
    /// Stage changes, a range of [`Timeline::opportunity_stages`].
    pub stages: Span,
    /// Contacts, a range of [`Timeline::contacts`].
    pub contacts: Span,
    /// Amount changes, a range of [`Timeline::amount_changes`].
    pub amount_changes: Span,
    /// Owner changes, a range of [`Timeline::owner_changes`].
    pub owner_changes: Span,
}

/// A person's role in an opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Position in [`Timeline::people`], or [`NONE`] when the person is not in this timeline.
    pub person: u32,
    /// Primary contact.
    pub is_primary: bool,
}

/// A change of stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageChange {
    /// When.
    pub at: Micros,
    /// Number of the stage value; [`crate::fold::Terms::meaning`] says what it means.
    pub value: u32,
    /// Somebody with the right to do so passed the gate without its criteria (A15).
    pub overridden: bool,
    /// The reason given is exempt from the promise of effort (A6).
    pub exempt: bool,
}

/// A contact of a person with a campaign, a page or an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// When.
    pub at: Micros,
    /// Number of the touchpoint in the record.
    pub row: u32,
    /// Position in [`Timeline::people`].
    pub person: u32,
    /// Campaign, or [`NONE`].
    pub campaign: u32,
    /// The channel is direct (B2).
    pub direct: bool,
    /// The person responded; a touch that does not say is taken as a response.
    pub responded: bool,
}

/// A sales activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Micros,
    /// Number of the kind; [`crate::fold::Terms::qualifying`] says whether it counts.
    pub kind: u32,
    /// The lead contacted us.
    pub inbound: bool,
    /// Sent by a machine; never counts.
    pub automated: bool,
}

/// What sales decided on a hand-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Not decided.
    Pending,
    /// Accepted.
    Accepted,
    /// Rejected: the lead returns to marketing.
    Rejected,
}

/// A lead passed from marketing to sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handoff {
    /// Number of the hand-off in the record.
    pub row: u32,
    /// When it was passed.
    pub passed_at: Micros,
    /// To whom, or [`NONE`].
    pub assigned_to: u32,
    /// Decision, as the record has it.
    pub decision: Decision,
    /// When it was decided.
    pub decided_at: Option<Micros>,
    /// First value that sales put on it, in minor units of `currency`.
    pub value: Option<i64>,
    /// Currency of the value.
    pub currency: Currency,
}

/// A dated change of an attribute: owner number or amount in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<T> {
    /// When.
    pub at: Micros,
    /// Value before, if the source says.
    pub old: Option<T>,
    /// Value after.
    pub new: Option<T>,
}

/// Value of an attribute at an instant, from its changes and its value now (S8).
pub fn value_at<T: Copy>(changes: &[Change<T>], now: Option<T>, at: Micros) -> Option<T> {
    match changes.iter().rposition(|c| c.at <= at) {
        Some(i) if i + 1 == changes.len() => now.or(changes[i].new),
        Some(i) => changes[i].new,
        None => changes.first().map_or(now, |first| first.old.or(now)),
    }
}

/// A paid purchase of the account; zero and negative ones are left out by the feeder (A14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// When.
    pub at: Micros,
}

/// Everything around one account. Every slice is in the total order of S3 within its subject;
/// `touches` is in that order over all people. Nothing at or after the as-of instant is in it,
/// but for `owner_changes` and `amount_changes`, which are needed to look back.
#[derive(Debug, Clone, Default)]
pub struct Timeline<'a> {
    /// People of the account, then guests.
    pub people: &'a [Person],
    /// Opportunities of the account, then guests.
    pub opportunities: &'a [Opportunity],
    /// Contact roles.
    pub contacts: &'a [Contact],
    /// Stage changes of people.
    pub person_stages: &'a [StageChange],
    /// Stage changes of opportunities.
    pub opportunity_stages: &'a [StageChange],
    /// Touches of all people.
    pub touches: &'a [Touch],
    /// Sales activities of people.
    pub activities: &'a [Activity],
    /// Hand-offs of people.
    pub handoffs: &'a [Handoff],
    /// Owner changes.
    pub owner_changes: &'a [Change<u32>],
    /// Amount changes of opportunities.
    pub amount_changes: &'a [Change<i64>],
    /// Purchases of the account.
    pub purchases: &'a [Purchase],
    /// The account exists: people without one stand alone and share no touches.
    pub is_account: bool,
}

pub(crate) fn cut<'a, T>(all: &'a [T], span: &Span) -> &'a [T] {
    all.get(span.start as usize..span.end as usize).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_then_is_not_owner_now() {
        let changes = [
            Change { at: Micros(10), old: Some(1), new: Some(2) },
            Change { at: Micros(20), old: Some(2), new: Some(3) },
        ];
        assert_eq!(value_at(&changes, Some(3), Micros(5)), Some(1));
        assert_eq!(value_at(&changes, Some(3), Micros(10)), Some(2));
        assert_eq!(value_at(&changes, Some(3), Micros(25)), Some(3));
        assert_eq!(value_at::<u32>(&[], Some(7), Micros(0)), Some(7));
    }
}
