//! Conditions of gates and definitions, evaluated by SQL over the subject's columns (A15).

use super::entities::Arranged;
use super::terms::CriterionBit;
use crate::error::EngineError;
use crate::sql;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::prelude::SessionContext;
use std::sync::Arc;
use treaty_domain::agreement::Subject;
use treaty_domain::timeline::{Criteria, NONE};

/// Answers by person and by opportunity.
///
/// A condition sees the subject's own columns, the columns of its account (`name`, `country` and
/// `attributes` as `account_name`, `account_country`, `account_attributes`) and `attr(attributes, 'key')`.
///
/// # Errors
/// When a condition does not parse or names an unknown column: clause, condition and the reason.
pub async fn evaluate(bits: &[CriterionBit], arranged: &Arranged) -> Result<(Vec<Criteria>, Vec<Criteria>), EngineError> {
    let people = if bits.iter().any(|b| b.subject == Subject::Person) {
        answers(bits, Subject::Person, with_account(&arranged.people.rows, &arranged.account_of_person, arranged)?).await?
    } else {
        Vec::new()
    };
    let opportunities = if bits.iter().any(|b| b.subject == Subject::Opportunity) {
        let rows = with_account(&arranged.opportunities.rows, &arranged.account_of_opportunity, arranged)?;
        answers(bits, Subject::Opportunity, rows).await?
    } else {
        Vec::new()
    };
    Ok((people, opportunities))
}

/// Rows of a subject beside the rows of its account.
pub fn with_account(rows: &RecordBatch, account: &[u32], arranged: &Arranged) -> Result<RecordBatch, EngineError> {
    let places: UInt32Array = account.iter().map(|a| (*a != NONE).then_some(*a)).collect();
    let accounts = take_record_batch(&arranged.accounts.rows, &places)?;
    let mut columns: Vec<(String, Arc<dyn Array>)> =
        rows.schema().fields().iter().zip(rows.columns()).map(|(f, c)| (f.name().clone(), Arc::clone(c))).collect();
    for (field, column) in accounts.schema().fields().iter().zip(accounts.columns()) {
        let taken = columns.iter().any(|(n, _)| n == field.name());
        if field.name() != "account_id" {
            let name = if taken || field.name() == "name" { format!("account_{}", field.name()) } else { field.name().clone() };
            columns.push((name, Arc::clone(column)));
        }
    }
    Ok(RecordBatch::try_from_iter(columns)?)
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
            for i in 0..met.len() {
                if met.is_valid(i) {
                    out[row].known |= 1 << bit;
                    out[row].met |= u64::from(met.value(i)) << bit;
                }
                row += 1;
            }
        }
    }
    Ok(out)
}
