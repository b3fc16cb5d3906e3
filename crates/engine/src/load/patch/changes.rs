//! What two versions of the record differ in, and rows that get a place late.

use crate::error::EngineError;
use crate::load::columns::Texts;
use crate::load::place::{NUMBERED, Numberings, columns};
use crate::load::timelines::{Source, Timelines};
use crate::record::{Difference, Record, par};
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::common::HashSet;
use std::collections::BTreeMap;

/// So many rows are few in any table.
pub const FEW: u64 = 1_000;

/// Rows of one kind of difference, by table.
pub type Read = BTreeMap<&'static str, Vec<(UInt32Array, RecordBatch)>>;

/// The three kinds of entities, as positions in lists of them.
pub const PERSON: usize = 0;
pub const ACCOUNT: usize = 1;
pub const DEAL: usize = 2;

/// What merges call them.
pub const SUBJECTS: [&str; 3] = ["person", "account", "opportunity"];

/// Columns that name entities of a kind.
pub fn naming(table: &str) -> &'static [(&'static str, usize)] {
    match table {
        "people" => &[("person_id", PERSON), ("account_id", ACCOUNT)],
        "accounts" | "purchases" => &[("account_id", ACCOUNT)],
        "opportunities" => &[("opportunity_id", DEAL), ("account_id", ACCOUNT)],
        "opportunity_contacts" | "activities" => &[("opportunity_id", DEAL), ("person_id", PERSON)],
        "stage_changes" | "field_changes" => &[("subject_id", PERSON), ("subject_id", DEAL)],
        _ => &[("person_id", PERSON)],
    }
}

/// Columns of rows that are gone: what they were about, no more.
pub fn subject(table: &str) -> &'static [&'static str] {
    match table {
        "people" | "handoffs" | "touchpoints" => &["person_id"],
        "accounts" | "purchases" => &["account_id"],
        "opportunities" => &["opportunity_id"],
        "stage_changes" => &["subject_type", "subject_id", "changed_at", "stage"],
        "field_changes" => &["subject_type", "subject_id", "changed_at", "field"],
        "activities" => &["person_id", "opportunity_id"],
        _ => columns(table),
    }
}

/// What two versions differ in.
pub struct Changes {
    /// Numbers of the rows that are gone, by table.
    pub gone: BTreeMap<&'static str, Vec<u32>>,
    /// These rows.
    pub old: Read,
    /// Rows that came.
    pub new: Read,
}

impl Changes {
    /// Reads them; none when they are more than one in `share` rows of a table.
    pub async fn read(
        record: &Record,
        source: &Source,
        base: &Timelines,
        numberings: &Numberings,
        share: u64,
    ) -> Result<Option<Self>, EngineError> {
        let mut out = Self { gone: BTreeMap::new(), old: Read::new(), new: Read::new() };
        let (before, after) = (base.contents.version, source.version);
        let differences = par::all(&NUMBERED, async |table| {
            let numbering = numberings.of(table);
            record.difference(table, [before, after], numbering, (numbering.rows() / share).max(FEW)).await
        });
        let Some(differences) = differences.await?.into_iter().collect::<Option<Vec<Difference>>>() else { return Ok(None) };
        // Touchpoints, the last ones, take longest.
        let found: Vec<(&'static str, Difference)> = NUMBERED.into_iter().zip(differences).rev().collect();
        let asked: Vec<&(&'static str, Difference)> = found.iter().collect();
        let read = par::all(&asked, async |(table, found)| {
            let old = record.pick(table, before, numberings.of(table), &found.gone, subject(table)).await?;
            let new = record.pick(table, after, numberings.of(table), &found.come, columns(table)).await?;
            Ok::<_, EngineError>((old, new))
        });
        for ((table, found), (old, mut new)) in found.iter().zip(read.await?) {
            if *table == "people" {
                // Who belongs to an account by identity alone.
                for (_, rows) in &mut new {
                    *rows = crate::identity::settle(rows.clone(), &source.merge_rows)?;
                }
            }
            out.old.insert(table, old);
            out.new.insert(table, new);
            out.gone.insert(table, found.gone.clone());
        }
        Ok(Some(out))
    }
}

/// Texts of a column of batches, of which some may come more than once.
pub fn texts(batches: &[(UInt32Array, RecordBatch)], column: &str) -> Vec<String> {
    batches.iter().flat_map(|(_, batch)| Texts::of(batch, column).texts.iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Rows whose subject had no row before and has one now: new people and opportunities, by the ids
/// that lead to them.
pub async fn strays(record: &Record, version: u64, numberings: &Numberings, table: &'static str, wanted: &[HashSet<String>; 2]) -> Result<Vec<u32>, EngineError> {
    let subject: &[&str] = match table {
        "stage_changes" | "field_changes" => &["subject_type", "subject_id"],
        "activities" | "opportunity_contacts" => &["person_id", "opportunity_id"],
        _ => &["person_id"],
    };
    let wanted = wanted.clone();
    let work = move |numbers: UInt32Array, batch: RecordBatch| -> Vec<u32> {
        let hits = |column: &str, ids: &HashSet<String>| -> Vec<bool> {
            let texts = Texts::of(&batch, column);
            let of_text: Vec<bool> = texts.texts.iter().map(|t| t.is_some_and(|t| ids.contains(t))).collect();
            (0..batch.num_rows()).map(|i| texts.key(i).is_some_and(|k| of_text[k])).collect()
        };
        let [people, deals] = &wanted;
        let found: Vec<bool> = if subject[0] == "subject_type" {
            let kind = Texts::of(&batch, "subject_type");
            let is = |i: usize, kind_of: &str| kind.key(i).is_some_and(|k| kind.texts.value(k).trim().eq_ignore_ascii_case(kind_of));
            let (of_people, of_deals) = (hits("subject_id", people), hits("subject_id", deals));
            // A change of a field is of an opportunity unless it says otherwise.
            let deal = |i: usize| if table == "field_changes" { !is(i, "person") } else { is(i, "opportunity") };
            (0..batch.num_rows()).map(|i| (of_people[i] && is(i, "person")) || (of_deals[i] && deal(i))).collect()
        } else if subject.len() == 2 {
            hits("person_id", people).into_iter().zip(hits("opportunity_id", deals)).map(|(p, d)| p || d).collect()
        } else {
            hits("person_id", people)
        };
        found.iter().zip(numbers.values()).filter(|(found, _)| **found).map(|(_, number)| *number).collect()
    };
    let found = record.each(table, version, numberings.of(table), subject, work).await?;
    let mut found = found.concat();
    found.sort_unstable();
    Ok(found)
}

