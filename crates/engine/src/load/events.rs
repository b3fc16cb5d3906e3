//! Events of the record as the fold takes them: numbered, in order, cut at the as-of instant.

use super::columns::{Names, Texts, bools, cell, decimals, flag, instants, ints, minor_units, numbered, text};
use super::entities::{Entities, currencies, money_column};
use super::ids::Ids;
use super::spans::{BySubject, Decoded, Event};
use crate::record::par;
use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use treaty_domain::agreement::StageMeaning;
use treaty_domain::money::Currency;
use treaty_domain::timeline::{Activity, Change, Decision, Handoff, NONE, StageChange};
use treaty_domain::zone::Micros;

/// Which events count (S1): those that occurred before `as_of` and, unless later knowledge is
/// wanted, were recorded before it.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// The as-of instant.
    pub as_of: Micros,
    /// What is known now about then.
    pub as_corrected: bool,
}

impl Cut {
    /// Whether an event counts that occurred and was recorded then.
    pub fn keeps(self, occurred: i64, recorded: Option<i64>) -> bool {
        occurred < self.as_of.0 && (self.as_corrected || recorded.is_none_or(|r| r < self.as_of.0))
    }
}

/// Counts of what could not be placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Touchpoints of unknown people.
    pub touchpoints: u64,
    /// Activities of unknown people.
    pub activities: u64,
    /// Stage changes of unknown subjects, or with a stage that the agreement does not know.
    pub stage_changes: u64,
    /// Hand-offs of unknown people.
    pub handoffs: u64,
    /// Contact roles of unknown people or opportunities.
    pub contacts: u64,
}

/// When events of a batch occurred and were recorded.
struct Clocked {
    at: Option<TimestampMicrosecondArray>,
    recorded: Option<TimestampMicrosecondArray>,
    seq: Option<Int64Array>,
}

impl Clocked {
    fn new(batch: &RecordBatch, at: &str) -> Self {
        Self {
            at: instants(batch, at),
            recorded: instants(batch, "recorded_at").filter(|r| r.null_count() < r.len()),
            seq: ints(batch, "seq").filter(|s| s.null_count() < s.len()),
        }
    }

    /// Room for the events of the batch.
    fn room<T>(&self, batch: &RecordBatch) -> Decoded<T> {
        Decoded::with_capacity(batch.num_rows(), self.recorded.is_some() || self.seq.is_some())
    }

    /// Instant of a row, if it counts.
    fn at(&self, row: usize, cut: Cut) -> Option<i64> {
        let at = cell(&self.at, row)?;
        cut.keeps(at, cell(&self.recorded, row)).then_some(at)
    }

    fn put<T>(&self, out: &mut Decoded<T>, row: usize, subject: u32, event: T) {
        out.subject.push(subject);
        out.events.push(event);
        if let Some(recorded) = &mut out.recorded {
            recorded.push((cell(&self.recorded, row).unwrap_or(i64::MIN), cell(&self.seq, row).unwrap_or(0)));
        }
    }
}

/// Numbers of the ids of a column; missing and unknown ones are [`NONE`].
fn located(batch: &RecordBatch, column: &str, ids: &Ids) -> Vec<u32> {
    let texts = Texts::of(batch, column);
    texts.spread(&ids.walk(&texts.texts))
}

/// Gives every text of a column a place, in the order of the batches.
pub fn place(batches: &[RecordBatch], column: &str, names: &mut Names) {
    for batch in batches {
        Texts::of(batch, column).texts.iter().flatten().for_each(|t| _ = names.place(t));
    }
}

fn decode<T: Send>(batches: &[RecordBatch], one: impl Fn(&RecordBatch) -> T + Sync) -> Vec<T> {
    par::map(batches.iter().collect(), one)
}

fn join<T: Event>(n: usize, decoded: Vec<(Decoded<T>, u64)>, strays: &mut u64, tie: impl Fn(&T) -> u32) -> BySubject<T> {
    *strays += decoded.iter().map(|d| d.1).sum::<u64>();
    BySubject::new(n, decoded.into_iter().map(|d| d.0).collect(), tie)
}

/// Reads activities by person. One that names only an opportunity counts for its primary contact.
pub fn activities(
    batches: &[RecordBatch],
    people: &Entities,
    primary_of: impl Fn(&str) -> u32 + Sync,
    kinds: &mut Names,
    cut: Cut,
    strays: &mut Strays,
) -> BySubject<Activity> {
    place(batches, "kind", kinds);
    let kinds = &*kinds;
    let decoded = decode(batches, |batch| {
        let clocked = Clocked::new(batch, "occurred_at");
        let person = located(batch, "person_id", &people.ids);
        let other = batch.column_by_name("opportunity_id").is_some_and(|c| c.null_count() < c.len());
        let by_opportunity = if other { numbered(batch, "opportunity_id", &primary_of) } else { Vec::new() };
        let kind = numbered(batch, "kind", |k| kinds.find(k).unwrap_or(NONE));
        let inbound = numbered(batch, "direction", |d| u32::from(d.trim().eq_ignore_ascii_case("inbound")));
        let automated = bools(batch, "automated").filter(|a| a.null_count() < a.len());
        let (mut out, mut lost) = (clocked.room(batch), 0);
        for i in 0..batch.num_rows() {
            let subject = if person[i] == NONE { by_opportunity.get(i).copied().unwrap_or(NONE) } else { person[i] };
            if subject == NONE {
                lost += 1;
                continue;
            }
            let Some(at) = clocked.at(i, cut) else { continue };
            let automated = flag(&automated, i).unwrap_or(false);
            clocked.put(&mut out, i, subject, Activity { at: Micros(at), kind: kind[i], inbound: inbound[i] == 1, automated });
        }
        (out, lost)
    });
    join(people.len(), decoded, &mut strays.activities, |_| 0)
}

/// Stage changes of people, and those of opportunities.
pub type StageChanges = (BySubject<StageChange>, BySubject<StageChange>);

/// Reads stage changes of people and of opportunities. Ties are put in the order of the stages.
#[expect(clippy::too_many_arguments, reason = "what a stage means, to whom, and until when")]
pub fn stage_changes(
    batches: &[RecordBatch],
    people: &Entities,
    opportunities: &Entities,
    values: &mut Names,
    meaning: &dyn Fn(&str) -> Option<StageMeaning>,
    is_exempt: &(dyn Fn(&str) -> bool + Sync),
    cut: Cut,
    strays: &mut Strays,
) -> StageChanges {
    place(batches, "stage", values);
    let values = &*values;
    let rank = |v: &str| {
        meaning(v).map_or(NONE, |m| match m {
            StageMeaning::Stage(r) => u32::from(r),
            StageMeaning::Disqualified => 100,
            StageMeaning::Recycled => 101,
            StageMeaning::Lost => 102,
            StageMeaning::Won => 103,
        })
    };
    let ranks: Vec<u32> = values.list().iter().map(|v| rank(v)).collect();
    let rank_of = |value: u32| ranks.get(value as usize).copied().unwrap_or(NONE);
    let decoded = decode(batches, |batch| {
        let clocked = Clocked::new(batch, "changed_at");
        let kind = numbered(batch, "subject_type", |s| match s.trim() {
            s if s.eq_ignore_ascii_case("person") => 0,
            s if s.eq_ignore_ascii_case("opportunity") => 1,
            _ => NONE,
        });
        let of = |k: u32, ids: &Ids| if kind.contains(&k) { located(batch, "subject_id", ids) } else { Vec::new() };
        let (person, opportunity) = (of(0, &people.ids), of(1, &opportunities.ids));
        let value = numbered(batch, "stage", |s| values.find(s).unwrap_or(NONE));
        let overridden = numbered(batch, "reason", |r| u32::from(r.trim().to_ascii_lowercase().starts_with("override")));
        let exempt = numbered(batch, "reason", |r| u32::from(is_exempt(r)));
        let (mut of_people, mut of_opportunities, mut lost) = (clocked.room(batch), clocked.room(batch), 0);
        for i in 0..batch.num_rows() {
            let (subject, to) = match kind[i] {
                0 => (person[i], &mut of_people),
                1 => (opportunity[i], &mut of_opportunities),
                _ => (NONE, &mut of_people),
            };
            if subject == NONE || rank_of(value[i]) == NONE {
                lost += 1;
                continue;
            }
            let Some(at) = clocked.at(i, cut) else { continue };
            let event = StageChange { at: Micros(at), value: value[i], overridden: overridden[i] == 1, exempt: exempt[i] == 1 };
            clocked.put(to, i, subject, event);
        }
        (of_people, of_opportunities, lost)
    });
    let (mut of_people, mut of_opportunities) = (Vec::new(), Vec::new());
    for (p, o, lost) in decoded {
        of_people.push((p, lost));
        of_opportunities.push((o, 0));
    }
    let tie = |c: &StageChange| rank_of(c.value);
    (
        join(people.len(), of_people, &mut strays.stage_changes, tie),
        join(opportunities.len(), of_opportunities, &mut strays.stage_changes, tie),
    )
}

/// Reads hand-offs by person; `row` is the number in the record.
pub fn handoffs(
    batch: &RecordBatch,
    people: &Entities,
    users: &mut Names,
    reporting: Currency,
    cut: Cut,
    strays: &mut Strays,
) -> BySubject<Handoff> {
    place(std::slice::from_ref(batch), "assigned_to", users);
    let clocked = Clocked::new(batch, "passed_at");
    let person = located(batch, "person_id", &people.ids);
    let assigned = numbered(batch, "assigned_to", |id| users.find(id).unwrap_or(NONE));
    let decision = numbered(batch, "decision", |d| match d.trim() {
        d if d.eq_ignore_ascii_case("accepted") => 1,
        d if d.eq_ignore_ascii_case("rejected") => 2,
        _ => 0,
    });
    let decided = instants(batch, "decided_at");
    let value = decimals(batch, "value");
    let currency = currencies(batch, reporting);
    let (mut out, mut lost) = (clocked.room(batch), 0);
    for i in 0..batch.num_rows() {
        if person[i] == NONE {
            lost += 1;
            continue;
        }
        let Some(at) = clocked.at(i, cut) else { continue };
        let event = Handoff {
            row: i as u32,
            passed_at: Micros(at),
            assigned_to: assigned[i],
            decision: match decision[i] {
                1 => Decision::Accepted,
                2 => Decision::Rejected,
                _ => Decision::Pending,
            },
            decided_at: cell(&decided, i).map(Micros),
            value: value
                .as_ref()
                .filter(|(v, _)| v.is_valid(i))
                .and_then(|(v, scale)| minor_units(v.value(i), *scale, u32::from(currency[i].exponent()))),
            currency: currency[i],
        };
        clocked.put(&mut out, i, person[i], event);
    }
    join(people.len(), vec![(out, lost)], &mut strays.handoffs, |h| h.row)
}

/// A contact role by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Number of the opportunity.
    pub opportunity: u32,
    /// Number of the person.
    pub person: u32,
    /// Primary contact.
    pub is_primary: bool,
}

/// Reads contact roles in the order of opportunities and people; merged people count once.
pub fn roles(batches: &[RecordBatch], people: &Entities, opportunities: &Entities, strays: &mut Strays) -> Vec<Role> {
    let mut all = Vec::new();
    for batch in batches {
        let person = located(batch, "person_id", &people.ids);
        let opportunity = located(batch, "opportunity_id", &opportunities.ids);
        let primary = bools(batch, "is_primary");
        for i in 0..batch.num_rows() {
            if person[i] == NONE || opportunity[i] == NONE {
                strays.contacts += 1;
                continue;
            }
            all.push(Role { opportunity: opportunity[i], person: person[i], is_primary: flag(&primary, i).unwrap_or(false) });
        }
    }
    all.sort_unstable_by_key(|r| (r.opportunity, r.person, !r.is_primary));
    all.dedup_by_key(|r| (r.opportunity, r.person));
    all
}

/// Dated changes of owners and amounts.
pub struct FieldChanges {
    /// Owner of people.
    pub person_owner: BySubject<Change<u32>>,
    /// Owner of opportunities.
    pub opportunity_owner: BySubject<Change<u32>>,
    /// Amount of opportunities, in minor units of their own currency.
    pub amount: BySubject<Change<i64>>,
}

/// Reads field changes, those after the as-of instant included: they tell what was before them.
pub fn field_changes(
    batches: &[RecordBatch],
    people: &Entities,
    opportunities: &Entities,
    users: &mut Names,
    currency_of: &dyn Fn(u32) -> Currency,
) -> FieldChanges {
    let everything = Cut { as_of: Micros(i64::MAX), as_corrected: true };
    let (mut person_owner, mut opportunity_owner, mut amount) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        let clocked = Clocked::new(batch, "changed_at");
        let is_person = numbered(batch, "subject_type", |s| u32::from(s.trim().eq_ignore_ascii_case("person")));
        let field = numbered(batch, "field", |f| match f.trim() {
            "owner_id" => 1,
            "amount" => 2,
            _ => 0,
        });
        let person = located(batch, "subject_id", &people.ids);
        let opportunity = located(batch, "subject_id", &opportunities.ids);
        let (old, new) = (text(batch, "old_value"), text(batch, "new_value"));
        let value = |column: &Option<StringArray>, i: usize| {
            column.as_ref().filter(|c| c.is_valid(i)).map(|c| c.value(i).to_owned())
        };
        let (mut people_here, mut opportunities_here, mut amounts_here) = (clocked.room(batch), clocked.room(batch), clocked.room(batch));
        for i in 0..batch.num_rows() {
            let Some(at) = clocked.at(i, everything) else { continue };
            let at = Micros(at);
            let (old, new) = (value(&old, i), value(&new, i));
            match (field[i], is_person[i] == 1) {
                (1, for_person) => {
                    let subject = if for_person { person[i] } else { opportunity[i] };
                    if subject != NONE {
                        let mut user = |v: Option<String>| v.map(|v| users.place(&v));
                        let event = Change { at, old: user(old), new: user(new) };
                        clocked.put(if for_person { &mut people_here } else { &mut opportunities_here }, i, subject, event);
                    }
                }
                (2, false) if opportunity[i] != NONE => {
                    let exponent = currency_of(opportunity[i]).exponent();
                    let money = |v: Option<String>| v.and_then(|v| treaty_domain::money::parse_amount(&v, exponent).ok());
                    clocked.put(&mut amounts_here, i, opportunity[i], Change { at, old: money(old), new: money(new) });
                }
                _ => {}
            }
        }
        person_owner.push(people_here);
        opportunity_owner.push(opportunities_here);
        amount.push(amounts_here);
    }
    FieldChanges {
        person_owner: BySubject::new(people.len(), person_owner, |_| 0),
        opportunity_owner: BySubject::new(opportunities.len(), opportunity_owner, |_| 0),
        amount: BySubject::new(opportunities.len(), amount, |_| 0),
    }
}

/// Paid purchases by account: instants in order; zero and negative orders do not count (A14.1).
pub fn purchases(rows: &RecordBatch, accounts: &Entities, reporting: Currency, cut: Cut) -> BySubject<Micros> {
    let clocked = Clocked::new(rows, "purchased_at");
    let account = located(rows, "account_id", &accounts.ids);
    let money = money_column(rows, "amount", reporting);
    let mut all = clocked.room(rows);
    for i in 0..rows.num_rows() {
        if account[i] == NONE || money[i].0.is_some_and(|m| m <= 0) {
            continue;
        }
        if let Some(at) = clocked.at(i, cut) {
            clocked.put(&mut all, i, account[i], Micros(at));
        }
    }
    BySubject::new(accounts.len(), vec![all], |_| 0)
}
