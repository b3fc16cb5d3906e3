//! Rows of the record as events of numbered subjects. Nothing is cut here and no agreement is asked:
//! what comes out serves every day and every agreement.

use super::columns::{Texts, bools, decimals, instants, ints, text};
use super::ids::Ids;
use super::parts::{Column, Part, Run};
use super::vocab::List;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, UInt8Array, UInt32Array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Columns of a kind of event.
pub type Fields = &'static [(&'static str, DataType)];

/// Money as the record stores it.
const MONEY: DataType = DataType::Decimal128(crate::record::MONEY.0, crate::record::MONEY.1);

/// The number of an event's row in its table of the record.
const ROW: (&str, DataType) = ("row", DataType::UInt32);

/// Changes of stage, of people and of opportunities.
pub const STAGES: Fields = &[("at", DataType::Int64), ("value", DataType::UInt32), ("reason", DataType::UInt32), ROW];
/// Sales activities.
pub const ACTIVITIES: Fields = &[("at", DataType::Int64), ("kind", DataType::UInt32), ("flags", DataType::UInt8), ROW];
/// Touches.
pub const TOUCHES: Fields =
    &[("at", DataType::Int64), ("campaign", DataType::UInt32), ("channel", DataType::UInt32), ("responded", DataType::UInt8), ROW];
/// Hand-offs.
pub const HANDOFFS: Fields = &[
    ("at", DataType::Int64),
    ("assigned", DataType::UInt32),
    ("decision", DataType::UInt8),
    ("decided", DataType::Int64),
    ("value", MONEY),
    ("currency", DataType::UInt32),
    ROW,
];
/// Changes of owner, of people and of opportunities.
pub const OWNERS: Fields = &[("at", DataType::Int64), ("old", DataType::UInt32), ("new", DataType::UInt32), ROW];
/// Changes of amount, as they are written.
pub const AMOUNTS: Fields = &[("at", DataType::Int64), ("old", DataType::Utf8), ("new", DataType::Utf8), ROW];
/// Purchases of accounts.
pub const PURCHASES: Fields = &[("at", DataType::Int64), ("amount", MONEY), ("currency", DataType::UInt32), ROW];

/// Inbound activity.
pub const INBOUND: u8 = 1;
/// Activity that a machine did.
pub const AUTOMATED: u8 = 2;

/// When events of a batch occurred and were recorded.
struct Clocked {
    at: ArrayRef,
    rows: Column,
    /// Rows without an instant, which cannot be placed in time.
    timeless: Option<BooleanArray>,
    recorded: [Option<ArrayRef>; 2],
}

impl Clocked {
    fn new(numbers: &UInt32Array, batch: &RecordBatch, at: &str) -> Self {
        let rows = batch.num_rows();
        let known = instants(batch, at).map_or_else(|| Int64Array::new_null(rows), |a| a.reinterpret_cast::<Int64Type>());
        let timeless = (known.null_count() > 0).then(|| datafusion::arrow::compute::is_null(&known).ok()).flatten();
        let at: ArrayRef = Arc::new(Int64Array::new(known.values().clone(), None));
        let some = |a: Int64Array| (a.null_count() < a.len()).then(|| Arc::new(a) as ArrayRef);
        let recorded = instants(batch, "recorded_at").and_then(|r| some(r.reinterpret_cast::<Int64Type>()));
        // Most rows stand where they were written, one behind the other.
        let numbers_of = numbers.values();
        let rows = match (numbers_of.first(), numbers_of.last()) {
            (Some(first), Some(last)) if (last - first) as usize + 1 == numbers_of.len() => Column::Rows(*first),
            _ => Column::Plain(Arc::new(numbers.clone())),
        };
        Self { at, rows, timeless, recorded: [recorded, ints(batch, "seq").and_then(some)] }
    }

    fn part(self, mut columns: Vec<Column>, runs: Vec<Run>, lost: u64) -> Part {
        let rows = self.at.len();
        columns.insert(0, Column::Plain(self.at));
        columns.push(self.rows);
        let runs = match &self.timeless {
            None => runs,
            Some(timeless) => {
                let single = runs.iter().flat_map(|r| (r.from..r.to).map(|i| Run { from: i, to: i + 1, ..*r }));
                single.filter(|r| !timeless.value(r.from as usize)).collect()
            }
        };
        Part { rows, columns, recorded: self.recorded, origin: None, runs, lost }
    }
}

fn named(list: List, batch: &RecordBatch, column: &str) -> Column {
    Column::Named(list, Box::new(Texts::of(batch, column).narrow()))
}

/// A number for each row of a column, from one for each text; missing text is `missing`.
fn codes(batch: &RecordBatch, column: &str, missing: u8, code: impl Fn(&str) -> u8) -> Vec<u8> {
    let texts = Texts::of(batch, column);
    let of_text: Vec<u8> = texts.texts.iter().map(|t| t.map_or(missing, &code)).collect();
    (0..batch.num_rows()).map(|i| texts.key(i).map_or(missing, |k| of_text[k])).collect()
}

fn money(batch: &RecordBatch, column: &str) -> Column {
    let array = decimals(batch, column).map_or_else(|| Decimal128Array::new_null(batch.num_rows()), |(a, _)| a);
    let array = array.clone().with_precision_and_scale(crate::record::MONEY.0, crate::record::MONEY.1).unwrap_or(array);
    Column::Plain(Arc::new(array))
}

/// Runs of rows that name the same subject in a column, and the number of rows that name none.
fn runs(batch: &RecordBatch, column: &str, ids: &Ids) -> (Vec<Run>, u64) {
    let texts = Texts::of(batch, column);
    let of_text = ids.walk(&texts.texts);
    let number = |i: usize| texts.key(i).map_or(NONE, |k| of_text[k]);
    let (mut runs, mut lost) = (Vec::new(), 0);
    let (mut from, rows) = (0, batch.num_rows());
    while from < rows {
        let own = number(from);
        let mut end = from + texts.same(from);
        while end < rows && number(end) == own {
            end += texts.same(end);
        }
        if own == NONE {
            lost += (end - from) as u64;
        } else {
            runs.push(Run { subject: own, from: from as u32, to: end as u32 });
        }
        from = end;
    }
    (runs, lost)
}

/// Runs of rows of the same subject.
fn runs_of(subjects: impl Iterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, subject) in (0u32..).zip(subjects) {
        match runs.last_mut().filter(|r| r.subject == subject && r.to == i) {
            Some(run) => run.to += 1,
            None if subject != NONE => runs.push(Run { subject, from: i, to: i + 1 }),
            None => {}
        }
    }
    runs
}

/// Columns of touchpoints that are read.
pub const TOUCHPOINTS: &[&str] = &["person_id", "occurred_at", "channel", "campaign_id", "responded", "recorded_at", "seq"];

/// Touches by person. One that does not say is taken as a response.
pub fn touches(rows: &UInt32Array, batch: &RecordBatch, people: &Ids) -> Part {
    let responded = bools(batch, "responded").filter(|r| r.null_count() < r.len());
    let n = batch.num_rows();
    let responded: Vec<u8> = match responded {
        None => vec![1; n],
        Some(r) => (0..n).map(|i| u8::from(r.is_null(i) || r.value(i))).collect(),
    };
    let (runs, lost) = runs(batch, "person_id", people);
    let columns = vec![
        named(List::Campaigns, batch, "campaign_id"),
        named(List::Channels, batch, "channel"),
        Column::Plain(Arc::new(UInt8Array::from(responded))),
    ];
    Clocked::new(rows, batch, "occurred_at").part(columns, runs, lost)
}

/// Columns of activities that are read.
pub const ACTIVITY: &[&str] = &["person_id", "opportunity_id", "occurred_at", "kind", "direction", "automated", "recorded_at", "seq"];

/// Activities by person, and how many name an opportunity and no known person: they count for its
/// primary contact.
pub fn activities(rows: &UInt32Array, batch: &RecordBatch, people: &Ids, primary_of: &(dyn Fn(&str) -> u32 + Sync)) -> (Part, u64) {
    let deals = batch.column_by_name("opportunity_id").is_some_and(|c| c.null_count() < c.len());
    let mut by_deal = 0;
    let (runs, lost) = if deals {
        let deal = Texts::of(batch, "opportunity_id");
        let person = Texts::of(batch, "person_id");
        let person = person.spread(&people.walk(&person.texts));
        let primary = super::columns::numbered(batch, "opportunity_id", primary_of);
        let subjects: Vec<u32> = person.iter().zip(&primary).map(|(p, d)| if *p == NONE { *d } else { *p }).collect();
        let lost = subjects.iter().filter(|s| **s == NONE).count() as u64;
        by_deal = person.iter().enumerate().filter(|(i, p)| **p == NONE && deal.key(*i).is_some()).count() as u64;
        (runs_of(subjects.into_iter()), lost)
    } else {
        runs(batch, "person_id", people)
    };
    let mut flags = codes(batch, "direction", 0, |d| if d.trim().eq_ignore_ascii_case("inbound") { INBOUND } else { 0 });
    if let Some(automated) = bools(batch, "automated").filter(|a| a.null_count() < a.len()) {
        for (i, flag) in flags.iter_mut().enumerate() {
            *flag |= if automated.is_valid(i) && automated.value(i) { AUTOMATED } else { 0 };
        }
    }
    let columns = vec![named(List::Kinds, batch, "kind"), Column::Plain(Arc::new(UInt8Array::from(flags)))];
    (Clocked::new(rows, batch, "occurred_at").part(columns, runs, lost), by_deal)
}

/// Columns of stage changes that are read.
pub const STAGE_CHANGES: &[&str] = &["subject_type", "subject_id", "changed_at", "stage", "reason", "recorded_at", "seq"];

/// Stage changes by person, and by opportunity; the first tells how many name neither.
pub fn stage_changes(rows: &UInt32Array, batch: &RecordBatch, people: &Ids, opportunities: &Ids) -> [Part; 2] {
    let kind = codes(batch, "subject_type", 2, |s| match s.trim() {
        s if s.eq_ignore_ascii_case("person") => 0,
        s if s.eq_ignore_ascii_case("opportunity") => 1,
        _ => 2,
    });
    let texts = Texts::of(batch, "subject_id");
    let numbers = [people, opportunities].map(|ids| {
        let of_text = ids.walk(&texts.texts);
        texts.spread(&of_text)
    });
    let subject = |k: u8| kind.iter().zip(&numbers[k as usize]).map(move |(own, n)| if *own == k { *n } else { NONE });
    let lost = subject(0).zip(subject(1)).filter(|(p, o)| *p == NONE && *o == NONE).count() as u64;
    let columns = vec![named(List::Stages, batch, "stage"), named(List::Reasons, batch, "reason")];
    let part = |runs: Vec<Run>, lost: u64| Clocked::new(rows, batch, "changed_at").part(columns.clone(), runs, lost);
    [part(runs_of(subject(0)), lost), part(runs_of(subject(1)), 0)]
}

/// Columns of hand-offs that are read.
pub const HANDOFF: &[&str] = &["person_id", "passed_at", "assigned_to", "decision", "decided_at", "value", "currency", "recorded_at", "seq"];

/// Hand-offs by person.
pub fn handoffs(rows: &UInt32Array, batch: &RecordBatch, people: &Ids) -> Part {
    let (runs, lost) = runs(batch, "person_id", people);
    let decision = codes(batch, "decision", 0, |d| match d.trim() {
        d if d.eq_ignore_ascii_case("accepted") => 1,
        d if d.eq_ignore_ascii_case("rejected") => 2,
        _ => 0,
    });
    let decided = instants(batch, "decided_at").map_or_else(|| Int64Array::new_null(batch.num_rows()), |d| d.reinterpret_cast::<Int64Type>());
    let columns = vec![
        named(List::Users, batch, "assigned_to"),
        Column::Plain(Arc::new(UInt8Array::from(decision))),
        Column::Plain(Arc::new(decided)),
        money(batch, "value"),
        named(List::Currencies, batch, "currency"),
    ];
    Clocked::new(rows, batch, "passed_at").part(columns, runs, lost)
}

/// Columns of field changes that are read.
pub const FIELD_CHANGES: &[&str] = &["subject_type", "subject_id", "changed_at", "field", "old_value", "new_value", "recorded_at", "seq"];

/// Changes of the owners of people, of the owners of opportunities, and of amounts.
pub fn field_changes(numbers: &UInt32Array, batch: &RecordBatch, people: &Ids, opportunities: &Ids) -> [Part; 3] {
    let person = codes(batch, "subject_type", 0, |s| u8::from(s.trim().eq_ignore_ascii_case("person")));
    let field = codes(batch, "field", 0, |f| match f.trim() {
        "owner_id" => 1,
        "amount" => 2,
        _ => 0,
    });
    let only = |f: u8, p: u8| {
        let mask: BooleanArray = field.iter().zip(&person).map(|(a, b)| Some(*a == f && *b == p)).collect();
        let rows = filter_record_batch(batch, &mask).unwrap_or_else(|_| batch.slice(0, 0));
        let own = mask.values().set_indices().map(|i| numbers.value(i));
        (UInt32Array::from_iter_values(own), rows)
    };
    let owners = |of_people: u8, ids: &Ids| {
        let (numbers, rows) = only(1, of_people);
        let columns = vec![named(List::Users, &rows, "old_value"), named(List::Users, &rows, "new_value")];
        let (runs, lost) = runs(&rows, "subject_id", ids);
        Clocked::new(&numbers, &rows, "changed_at").part(columns, runs, lost)
    };
    let (numbers, rows) = only(2, 0);
    let value = |name: &str| -> Column {
        let missing = || datafusion::arrow::array::StringArray::new_null(rows.num_rows());
        Column::Plain(Arc::new(text(&rows, name).unwrap_or_else(missing)))
    };
    let columns = vec![value("old_value"), value("new_value")];
    let (of_deals, lost) = runs(&rows, "subject_id", opportunities);
    let amounts = Clocked::new(&numbers, &rows, "changed_at").part(columns, of_deals, lost);
    [owners(1, people), owners(0, opportunities), amounts]
}

/// Columns of contact roles that are read.
pub const ROLES: &[&str] = &["opportunity_id", "person_id", "is_primary"];

/// Columns of purchases that are read.
pub const PURCHASE: &[&str] = &["account_id", "purchased_at", "amount", "currency"];

/// Purchases by account.
pub fn purchases(rows: &UInt32Array, batch: &RecordBatch, accounts: &Ids) -> Part {
    let (runs, lost) = runs(batch, "account_id", accounts);
    let columns = vec![money(batch, "amount"), named(List::Currencies, batch, "currency")];
    Clocked::new(rows, batch, "purchased_at").part(columns, runs, lost)
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

/// Contact roles, and how many name something unknown.
pub fn roles(batch: &RecordBatch, people: &Ids, opportunities: &Ids) -> (Vec<Role>, u64) {
    let number = |column: &str, ids: &Ids| {
        let texts = Texts::of(batch, column);
        texts.spread(&ids.walk(&texts.texts))
    };
    let (person, opportunity) = (number("person_id", people), number("opportunity_id", opportunities));
    let primary = bools(batch, "is_primary");
    let is_primary = |i: usize| primary.as_ref().is_some_and(|p| p.is_valid(i) && p.value(i));
    let all = (0..batch.num_rows()).map(|i| Role { opportunity: opportunity[i], person: person[i], is_primary: is_primary(i) });
    let known: Vec<Role> = all.filter(|r| r.person != NONE && r.opportunity != NONE).collect();
    let lost = (batch.num_rows() - known.len()) as u64;
    (known, lost)
}

/// Puts roles into the order of opportunities and people, merged people once.
pub fn settle(roles: &mut Vec<Role>) {
    roles.sort_unstable_by_key(|r| (r.opportunity, r.person, !r.is_primary));
    roles.dedup_by_key(|r| (r.opportunity, r.person));
}

/// Number of the primary (or only) contact of an opportunity.
pub fn primary(roles: &[Role], opportunity: u32) -> u32 {
    let from = roles.partition_point(|r| r.opportunity < opportunity);
    let mine = &roles[from..from + roles[from..].partition_point(|r| r.opportunity == opportunity)];
    match mine.iter().find(|r| r.is_primary) {
        Some(r) => r.person,
        None if mine.len() == 1 => mine[0].person,
        None => NONE,
    }
}
