//! Conditions of gates and definitions, evaluated by SQL over the subject's columns (A15).

use super::KINDS;
use super::entities::read_all;
use super::terms::CriterionBit;
use super::timelines::{Source, Timelines};
use super::truth;
use crate::error::EngineError;
use crate::record::Record;
use crate::sql;
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::compute::{cast, take_record_batch};
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, UInt32Type};
use datafusion::prelude::SessionContext;
use std::sync::Arc;
use treaty_domain::agreement::Subject;
use treaty_domain::timeline::{Criteria, NONE};

/// Columns that conditions name, by table.
#[derive(Debug, Default)]
pub struct Needs {
    /// Of people.
    pub people: Vec<String>,
    /// Of accounts.
    pub accounts: Vec<String>,
    /// Of opportunities.
    pub opportunities: Vec<String>,
}

/// Which columns of the record conditions rest on. One that cannot be understood asks for all of
/// its table, so that [`evaluate`] can say what is wrong with it.
pub fn needs(bits: &[CriterionBit], record: &Record) -> Result<Needs, EngineError> {
    let mut needs = Needs::default();
    if bits.is_empty() {
        return Ok(needs);
    }
    let account = record.schema("accounts")?;
    let names = |s: &Schema| s.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    let cx = sql::session();
    for b in bits {
        let table = if b.subject == Subject::Person { "people" } else { "opportunities" };
        let own = record.schema(table)?;
        let fields: Vec<(String, Field)> = beside(&own, &account).into_iter().map(|(name, f)| (name, f.as_ref().clone())).collect();
        let schema = Schema::new(fields.iter().map(|(name, f)| f.clone().with_name(name)).collect::<Vec<_>>());
        let named: Vec<String> = match sql::condition(&cx, &b.when, &schema) {
            Ok(expr) => expr.column_refs().into_iter().map(|c| c.name.clone()).collect(),
            Err(_) => names(&schema),
        };
        let of_own = if b.subject == Subject::Person { &mut needs.people } else { &mut needs.opportunities };
        for name in named {
            if own.index_of(&name).is_ok() {
                of_own.push(name);
            } else {
                let plain = name.strip_prefix("account_").filter(|n| account.index_of(&name).is_err() && account.index_of(n).is_ok());
                needs.accounts.push(plain.map_or(name.clone(), str::to_owned));
            }
        }
    }
    for list in [&mut needs.people, &mut needs.accounts, &mut needs.opportunities] {
        list.sort();
        list.dedup();
    }
    Ok(needs)
}

/// Columns of a subject, then those of its account under names that do not collide.
fn beside(own: &Schema, account: &Schema) -> Vec<(String, FieldRef)> {
    let mut all: Vec<(String, FieldRef)> = own.fields().iter().map(|f| (f.name().clone(), Arc::clone(f))).collect();
    for f in account.fields().iter().filter(|f| f.name() != "account_id") {
        let taken = own.index_of(f.name()).is_ok() || f.name() == "name";
        all.push((if taken { format!("account_{}", f.name()) } else { f.name().clone() }, Arc::clone(f)));
    }
    all
}

/// Answers by person and by opportunity.
///
/// A condition sees the subject's own columns, the columns of its account (`name`, `country` and
/// `attributes` as `account_name`, `account_country`, `account_attributes`) and `attr(attributes, 'key')`.
///
/// # Errors
/// When a condition does not parse or names an unknown column: clause, condition and the reason.
pub async fn evaluate(
    bits: &[CriterionBit],
    record: &Record,
    source: &Source,
    timelines: &Timelines,
    orders: &[Option<UInt32Array>; 3],
) -> Result<[Vec<Criteria>; 2], EngineError> {
    let needs = needs(bits, record)?;
    let of = async |subject: Subject, kind: &'static str, named: &[String]| -> Result<Vec<Criteria>, EngineError> {
        if bits.iter().all(|b| b.subject != subject) {
            return Ok(Vec::new());
        }
        let own = rows(record, source, timelines, kind, named, orders).await?;
        let accounts = rows(record, source, timelines, "accounts", &needs.accounts, orders).await?;
        let accounts = take_record_batch(&accounts, &places(&timelines.entities(kind, "account")?))?;
        let full = (record.schema(kind)?, record.schema("accounts")?);
        answers(bits, subject, with_account(&own, &accounts, &full.0, &full.1)?).await
    };
    Ok([of(Subject::Person, "people", &needs.people).await?, of(Subject::Opportunity, "opportunities", &needs.opportunities).await?])
}

/// Numbers as positions; [`NONE`] is nowhere.
fn places(numbers: &ArrayRef) -> UInt32Array {
    let numbers = numbers.as_primitive::<UInt32Type>();
    numbers.values().iter().map(|a| (*a != NONE).then_some(*a)).collect()
}

/// Rows of a table in the order of its entities, with the columns that are named.
async fn rows(
    record: &Record,
    source: &Source,
    timelines: &Timelines,
    kind: &'static str,
    named: &[String],
    orders: &[Option<UInt32Array>; 3],
) -> Result<RecordBatch, EngineError> {
    let key = treaty_app::layout::table(kind).map_or("", |t| t.key[0]);
    let mut columns = vec![key];
    let account = (kind == "people").then_some("account_id");
    columns.extend(account.into_iter().chain(named.iter().map(String::as_str)).filter(|c| *c != key));
    columns.dedup();
    let mut rows = read_all(record, kind, source.version, &columns).await?;
    if kind == "people" {
        rows = crate::identity::settle(rows, &source.merge_rows)?;
    }
    let rows = truth::settle(record, source.version, kind, rows, &source.merges).await?;
    let order = KINDS.iter().position(|k| *k == kind).and_then(|at| orders[at].as_ref());
    let taken = match order {
        Some(order) => take_record_batch(&rows, order)?,
        None => rows,
    };
    // An account that only others name has no row, but its id.
    let mut all = taken.columns().to_vec();
    all[0] = timelines.entities(kind, "id")?;
    Ok(RecordBatch::try_new(taken.schema(), all)?)
}

/// Rows of a subject beside the rows of its account; columns that were not read are missing.
fn with_account(rows: &RecordBatch, accounts: &RecordBatch, full: &Schema, account: &Schema) -> Result<RecordBatch, EngineError> {
    let own = full.fields().len();
    let columns = beside(full, account).into_iter().enumerate();
    let columns = columns.map(|(at, (name, field))| {
        let from = if at < own { rows } else { accounts };
        let column = match from.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type())?,
            None => new_null_array(field.data_type(), rows.num_rows()),
        };
        Ok((name, column, true))
    });
    Ok(RecordBatch::try_from_iter_with_nullable(columns.collect::<Result<Vec<_>, EngineError>>()?)?)
}

async fn answers(bits: &[CriterionBit], subject: Subject, rows: RecordBatch) -> Result<Vec<Criteria>, EngineError> {
    let n = rows.num_rows();
    let schema = rows.schema();
    let cx: SessionContext = sql::session();
    cx.register_batch("subject", rows)?;
    let mut out = vec![Criteria::default(); n];
    for (bit, b) in bits.iter().enumerate().filter(|(_, b)| b.subject == subject) {
        let table = cx.table("subject").await?;
        let fault = |e: &dyn std::fmt::Display| EngineError::Condition { clause: b.clause.clone(), when: b.when.clone(), reason: e.to_string() };
        let expr = sql::condition(&cx, &b.when, &schema).map_err(|e| fault(&e))?;
        let got = table.select(vec![expr.alias("met")]).map_err(|e| fault(&e))?.collect().await.map_err(|e| fault(&e))?;
        let mut row = 0;
        for batch in got {
            let met = datafusion::arrow::compute::cast(batch.column(0), &datafusion::arrow::datatypes::DataType::Boolean).map_err(|e| fault(&e))?;
            let met = met.as_boolean();
            note(&mut out[row..row + met.len()], met, bit);
            row += met.len();
        }
    }
    Ok(out)
}

/// Takes down what is known of a condition, row by row.
fn note(out: &mut [Criteria], met: &BooleanArray, bit: usize) {
    for (criteria, met) in out.iter_mut().zip(met) {
        criteria.known |= u64::from(met.is_some()) << bit;
        criteria.met |= u64::from(met == Some(true)) << bit;
    }
}
