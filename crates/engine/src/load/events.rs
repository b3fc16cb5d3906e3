//! Events of the record as the fold takes them: numbered, in order, cut at the as-of instant.

use super::columns::{Names, bools, cell, decimals, flag, instants, ints, minor_units, numbered, text};
use super::entities::{Entities, money_column};
use datafusion::arrow::array::{Array, RecordBatch};
use std::ops::Range;
use treaty_domain::agreement::StageMeaning;
use treaty_domain::money::Currency;
use treaty_domain::timeline::{Activity, Change, Decision, Handoff, NONE, StageChange, Touch};
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
    fn keeps(self, occurred: i64, recorded: Option<i64>) -> bool {
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

/// Key of the total order of S3 without the id, which the row order of the record gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: i64,
    recorded: i64,
    seq: i64,
}

/// Events by subject: `spans[i]` cuts the events of subject `i` out of `events`.
#[derive(Debug, Clone)]
pub struct BySubject<T> {
    /// All events, subject by subject, each in the order of S3.
    pub events: Vec<T>,
    starts: Vec<u32>,
}

impl<T> BySubject<T> {
    /// Range of a subject.
    pub fn span(&self, subject: u32) -> Range<u32> {
        self.starts[subject as usize]..self.starts[subject as usize + 1]
    }
}

struct Keyed<T> {
    place: Place,
    subject: u32,
    event: T,
}

fn by_subject<T: Clone>(subjects: usize, rows: Vec<Keyed<T>>, tie: impl Fn(&T) -> u32) -> BySubject<T> {
    let mut starts = vec![0u32; subjects + 1];
    for r in &rows {
        starts[r.subject as usize + 1] += 1;
    }
    for i in 0..subjects {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut order = vec![0u32; rows.len()];
    for (i, r) in rows.iter().enumerate() {
        let slot = &mut next[r.subject as usize];
        order[*slot as usize] = i as u32;
        *slot += 1;
    }
    for s in 0..subjects {
        let span = &mut order[starts[s] as usize..starts[s + 1] as usize];
        if span.len() > 1 {
            span.sort_by_key(|i| (rows[*i as usize].place, tie(&rows[*i as usize].event)));
        }
    }
    BySubject { events: order.iter().map(|i| rows[*i as usize].event.clone()).collect(), starts }
}

struct Clocked {
    at: Option<datafusion::arrow::array::TimestampMicrosecondArray>,
    recorded: Option<datafusion::arrow::array::TimestampMicrosecondArray>,
    seq: Option<datafusion::arrow::array::Int64Array>,
}

impl Clocked {
    fn new(batch: &RecordBatch, at: &str) -> Self {
        let some = |a: datafusion::arrow::array::TimestampMicrosecondArray| (a.null_count() < a.len()).then_some(a);
        Self {
            at: instants(batch, at),
            recorded: instants(batch, "recorded_at").and_then(some),
            seq: ints(batch, "seq").filter(|s| s.null_count() < s.len()),
        }
    }

    fn place(&self, row: usize, cut: Cut) -> Option<Place> {
        let at = cell(&self.at, row)?;
        let recorded = cell(&self.recorded, row);
        cut.keeps(at, recorded)
            .then(|| Place { at, recorded: recorded.unwrap_or(i64::MIN), seq: cell(&self.seq, row).unwrap_or(0) })
    }
}

/// Touches in the order of groups and, within a group, of S3; with the range of each group.
pub struct Touches {
    /// Touches. `person` is the number of the person minus the first one of its group.
    pub all: Vec<Touch>,
    /// Start of each group, and the end of the last.
    pub starts: Vec<u32>,
    /// Ranges that share their instant, order of recording and sequence but not their person: only
    /// here does the id decide, so only here is it looked at.
    pub shared: Vec<Range<usize>>,
}

/// Reads touches. `row` numbers touchpoints in the order of the batches, so that other columns can
/// be looked up later.
pub fn touches(
    batches: &[RecordBatch],
    people: &Entities,
    group_of_person: &[u32],
    first_person_of_group: impl Fn(u32) -> u32,
    groups: usize,
    campaigns: &mut Names,
    direct: &dyn Fn(&str) -> bool,
    cut: Cut,
    strays: &mut Strays,
) -> Touches {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut unsorted: Vec<Touch> = Vec::with_capacity(total);
    let mut extra: Vec<(i64, i64)> = Vec::new(); // recorded, seq: kept only when any row has one
    let mut starts = vec![0u32; groups + 1];
    let mut row = 0u32;
    for batch in batches {
        let clocked = Clocked::new(batch, "occurred_at");
        let person = numbered(batch, "person_id", |id| people.find(id).unwrap_or(NONE - 1));
        let campaign = numbered(batch, "campaign_id", |id| campaigns.place(id));
        let is_direct = numbered(batch, "channel", |c| u32::from(direct(c)));
        let responded = bools(batch, "responded").filter(|r| r.null_count() < r.len());
        let ordered = clocked.recorded.is_some() || clocked.seq.is_some();
        if ordered && extra.is_empty() {
            extra.resize(unsorted.len(), (i64::MIN, 0));
        }
        for i in 0..batch.num_rows() {
            let number = row;
            row += 1;
            if person[i] >= NONE - 1 {
                strays.touchpoints += 1;
                continue;
            }
            let Some(place) = clocked.place(i, cut) else { continue };
            if ordered || !extra.is_empty() {
                extra.push((place.recorded, place.seq));
            }
            starts[group_of_person[person[i] as usize] as usize + 1] += 1;
            unsorted.push(Touch {
                at: Micros(place.at),
                row: number,
                person: person[i],
                campaign: campaign[i],
                direct: is_direct[i] == 1,
                responded: flag(&responded, i).unwrap_or(true),
            });
        }
    }
    for g in 0..groups {
        starts[g + 1] += starts[g];
    }
    let mut next = starts.clone();
    let mut order = vec![0u32; unsorted.len()];
    for (i, t) in unsorted.iter().enumerate() {
        let slot = &mut next[group_of_person[t.person as usize] as usize];
        order[*slot as usize] = i as u32;
        *slot += 1;
    }
    let key = |i: &u32| {
        let t = &unsorted[*i as usize];
        (t.at, extra.get(*i as usize).copied().unwrap_or_default(), t.person, t.row)
    };
    let mut all: Vec<Touch> = Vec::with_capacity(unsorted.len());
    let mut shared = Vec::new();
    for g in 0..groups {
        let span = &mut order[starts[g] as usize..starts[g + 1] as usize];
        if span.len() > 1 {
            span.sort_unstable_by_key(key);
            let at = |i: &u32| (key(i).0, key(i).1);
            let mut from = all.len();
            for same in span.chunk_by(|a, b| at(a) == at(b)) {
                if same.iter().any(|i| unsorted[*i as usize].person != unsorted[same[0] as usize].person) {
                    shared.push(from..from + same.len());
                }
                from += same.len();
            }
        }
        let first = first_person_of_group(g as u32);
        all.extend(span.iter().map(|i| {
            let t = &unsorted[*i as usize];
            Touch { person: t.person - first, ..*t }
        }));
    }
    Touches { all, starts, shared }
}

/// Reads activities by person. One that names only an opportunity counts for its primary contact.
pub fn activities(
    batches: &[RecordBatch],
    people: &Entities,
    primary_of: impl Fn(&str) -> u32,
    kinds: &mut Names,
    cut: Cut,
    strays: &mut Strays,
) -> BySubject<Activity> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let clocked = Clocked::new(batch, "occurred_at");
        let person = numbered(batch, "person_id", |id| people.find(id).unwrap_or(NONE - 1));
        let by_opportunity = numbered(batch, "opportunity_id", &primary_of);
        let kind = numbered(batch, "kind", |k| kinds.place(k));
        let inbound = numbered(batch, "direction", |d| u32::from(d.trim().eq_ignore_ascii_case("inbound")));
        let automated = bools(batch, "automated").filter(|a| a.null_count() < a.len());
        for i in 0..batch.num_rows() {
            let subject = if person[i] >= NONE - 1 { by_opportunity[i] } else { person[i] };
            if subject >= NONE - 1 {
                strays.activities += 1;
                continue;
            }
            let Some(place) = clocked.place(i, cut) else { continue };
            let event = Activity {
                at: Micros(place.at),
                kind: kind[i],
                inbound: inbound[i] == 1,
                automated: flag(&automated, i).unwrap_or(false),
            };
            rows.push(Keyed { place, subject, event });
        }
    }
    by_subject(people.len(), rows, |_| 0)
}

/// Reads stage changes of people and of opportunities. Ties are put in the order of the stages.
pub fn stage_changes(
    batches: &[RecordBatch],
    people: &Entities,
    opportunities: &Entities,
    values: &mut Names,
    meaning: &dyn Fn(&str) -> Option<StageMeaning>,
    is_exempt: &dyn Fn(&str) -> bool,
    cut: Cut,
    strays: &mut Strays,
) -> (BySubject<StageChange>, BySubject<StageChange>) {
    let mut of_people = Vec::new();
    let mut of_opportunities = Vec::new();
    let mut ranks: Vec<Option<u32>> = Vec::new();
    for batch in batches {
        let clocked = Clocked::new(batch, "changed_at");
        let is_person = numbered(batch, "subject_type", |s| u32::from(s.trim().eq_ignore_ascii_case("person")));
        let is_opportunity = numbered(batch, "subject_type", |s| u32::from(s.trim().eq_ignore_ascii_case("opportunity")));
        let person = numbered(batch, "subject_id", |id| people.find(id).unwrap_or(NONE));
        let opportunity = numbered(batch, "subject_id", |id| opportunities.find(id).unwrap_or(NONE));
        let value = numbered(batch, "stage", |s| values.place(s));
        let overridden = numbered(batch, "reason", |r| u32::from(r.trim().to_ascii_lowercase().starts_with("override")));
        let exempt = numbered(batch, "reason", |r| u32::from(is_exempt(r)));
        for v in &values.list()[ranks.len()..] {
            ranks.push(meaning(v).map(|m| match m {
                StageMeaning::Stage(r) => u32::from(r),
                StageMeaning::Disqualified => 100,
                StageMeaning::Recycled => 101,
                StageMeaning::Lost => 102,
                StageMeaning::Won => 103,
            }));
        }
        for i in 0..batch.num_rows() {
            let known = ranks.get(value[i] as usize).copied().flatten().is_some();
            let subject = if is_person[i] == 1 {
                person[i]
            } else if is_opportunity[i] == 1 {
                opportunity[i]
            } else {
                NONE
            };
            if subject == NONE || !known {
                strays.stage_changes += 1;
                continue;
            }
            let Some(place) = clocked.place(i, cut) else { continue };
            let event = StageChange { at: Micros(place.at), value: value[i], overridden: overridden[i] == 1, exempt: exempt[i] == 1 };
            let to = if is_person[i] == 1 { &mut of_people } else { &mut of_opportunities };
            to.push(Keyed { place, subject, event });
        }
    }
    let rank = |c: &StageChange| ranks.get(c.value as usize).copied().flatten().unwrap_or(u32::MAX);
    (by_subject(people.len(), of_people, rank), by_subject(opportunities.len(), of_opportunities, rank))
}

/// Reads hand-offs by person; `row` is the number in `batch`.
pub fn handoffs(
    batch: &RecordBatch,
    people: &Entities,
    users: &mut Names,
    reporting: Currency,
    cut: Cut,
    strays: &mut Strays,
) -> BySubject<Handoff> {
    let clocked = Clocked::new(batch, "passed_at");
    let person = numbered(batch, "person_id", |id| people.find(id).unwrap_or(NONE));
    let assigned = numbered(batch, "assigned_to", |id| users.place(id));
    let decision = numbered(batch, "decision", |d| match d.trim().to_ascii_lowercase().as_str() {
        "accepted" => 1,
        "rejected" => 2,
        _ => 0,
    });
    let decided = instants(batch, "decided_at");
    let value = decimals(batch, "value");
    let currency = text(batch, "currency");
    let mut rows = Vec::with_capacity(batch.num_rows());
    for i in 0..batch.num_rows() {
        if person[i] == NONE {
            strays.handoffs += 1;
            continue;
        }
        let Some(place) = clocked.place(i, cut) else { continue };
        let own = currency
            .as_ref()
            .filter(|c| c.is_valid(i))
            .and_then(|c| Currency::parse(c.value(i).trim()).ok())
            .unwrap_or(reporting);
        let event = Handoff {
            row: i as u32,
            passed_at: Micros(place.at),
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
                .and_then(|(v, scale)| minor_units(v.value(i), *scale, u32::from(own.exponent()))),
            currency: own,
        };
        rows.push(Keyed { place, subject: person[i], event });
    }
    by_subject(people.len(), rows, |h| h.row)
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
        let person = numbered(batch, "person_id", |id| people.find(id).unwrap_or(NONE));
        let opportunity = numbered(batch, "opportunity_id", |id| opportunities.find(id).unwrap_or(NONE));
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
        let person = numbered(batch, "subject_id", |id| people.find(id).unwrap_or(NONE));
        let opportunity = numbered(batch, "subject_id", |id| opportunities.find(id).unwrap_or(NONE));
        let (old, new) = (text(batch, "old_value"), text(batch, "new_value"));
        let value = |column: &Option<datafusion::arrow::array::StringArray>, i: usize| {
            column.as_ref().filter(|c| c.is_valid(i)).map(|c| c.value(i).to_owned())
        };
        for i in 0..batch.num_rows() {
            let Some(place) = clocked.place(i, everything) else { continue };
            let at = Micros(place.at);
            let (old, new) = (value(&old, i), value(&new, i));
            match (field[i], is_person[i] == 1) {
                (1, for_person) => {
                    let subject = if for_person { person[i] } else { opportunity[i] };
                    if subject != NONE {
                        let mut user = |v: Option<String>| v.map(|v| users.place(&v));
                        let event = Change { at, old: user(old), new: user(new) };
                        let to = if for_person { &mut person_owner } else { &mut opportunity_owner };
                        to.push(Keyed { place, subject, event });
                    }
                }
                (2, false) if opportunity[i] != NONE => {
                    let exponent = currency_of(opportunity[i]).exponent();
                    let money = |v: Option<String>| v.and_then(|v| treaty_domain::money::parse_amount(&v, exponent).ok());
                    amount.push(Keyed { place, subject: opportunity[i], event: Change { at, old: money(old), new: money(new) } });
                }
                _ => {}
            }
        }
    }
    FieldChanges {
        person_owner: by_subject(people.len(), person_owner, |_| 0),
        opportunity_owner: by_subject(opportunities.len(), opportunity_owner, |_| 0),
        amount: by_subject(opportunities.len(), amount, |_| 0),
    }
}

/// Paid purchases by account: instants in order; zero and negative orders do not count (A14.1).
pub fn purchases(rows: &RecordBatch, accounts: &Entities, reporting: Currency, cut: Cut) -> BySubject<Micros> {
    let clocked = Clocked::new(rows, "purchased_at");
    let account = numbered(rows, "account_id", |id| accounts.find(id).unwrap_or(NONE));
    let money = money_column(rows, "amount", reporting);
    let mut all = Vec::new();
    for i in 0..rows.num_rows() {
        if account[i] == NONE || money[i].0.is_some_and(|m| m <= 0) {
            continue;
        }
        if let Some(place) = clocked.place(i, cut) {
            all.push(Keyed { place, subject: account[i], event: Micros(place.at) });
        }
    }
    by_subject(accounts.len(), all, |_| 0)
}
