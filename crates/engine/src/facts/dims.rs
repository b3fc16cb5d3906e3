//! Dimensions: what facts are sliced by, prepared once as dictionaries over the entities.

use crate::error::EngineError;
use crate::load::World;
use crate::load::columns::{Names, numbered};
use datafusion::arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use std::sync::Arc;
use treaty_domain::agreement::Agreement;
use treaty_domain::timeline::NONE;

/// Type of a dimension column.
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Entity columns by which facts are sliced; row `i` is entity `i`.
pub struct Dims {
    /// Ids of people.
    pub person_id: ArrayRef,
    /// `lead_source`, `title`, `persona`, `country`, `attributes` of people.
    pub person: Vec<(&'static str, ArrayRef)>,
    /// Account number of each person.
    pub account_of_person: Vec<u32>,
    /// Id of accounts, then `territory`, `segment`, `industry`.
    pub account_id: ArrayRef,
    /// See above.
    pub account: Vec<(&'static str, ArrayRef)>,
    /// Ids of opportunities.
    pub opportunity_id: ArrayRef,
    /// `name`, `kind`, `product_line`, `loss_reason`, `attributes` of opportunities.
    pub opportunity: Vec<(&'static str, ArrayRef)>,
    /// Territory of opportunities: their own, else that of the account.
    pub opportunity_territory: ArrayRef,
    /// Lead source that an opportunity names itself.
    pub opportunity_source: ArrayRef,
    /// Account number of each opportunity.
    pub account_of_opportunity: Vec<u32>,
    /// Users by number.
    pub user: StringArray,
    /// Team of users.
    pub team: ArrayRef,
    /// Campaigns by number.
    pub campaign: StringArray,
    /// `channel` and `origin` of campaigns.
    pub channel: ArrayRef,
    /// See above.
    pub origin: ArrayRef,
    /// Campaign number of each person.
    pub campaign_of_person: Vec<u32>,
    /// Stage ids by rank, with `won` at the end.
    pub stages: StringArray,
    /// Ids of hand-offs and their reasons.
    pub handoff_id: ArrayRef,
    /// See above.
    pub handoff_reason: ArrayRef,
}

fn column(rows: &RecordBatch, name: &str, dims: bool) -> Result<ArrayRef, EngineError> {
    let target = if dims { dictionary() } else { DataType::Utf8 };
    match rows.column_by_name(name) {
        Some(c) => Ok(cast(c, &target)?),
        None => Ok(new_null_array(&target, rows.num_rows())),
    }
}

fn names(names: &Names) -> StringArray {
    StringArray::from_iter_values(names.list())
}

/// Column of an entity table in the order of a name list; names without a row get NULL.
fn by_name(rows: &RecordBatch, name: &str, n: usize) -> Result<ArrayRef, EngineError> {
    let own = column(rows, name, true)?;
    let places: UInt32Array = (0..n as u32).map(|i| ((i as usize) < own.len()).then_some(i)).collect();
    Ok(take(&own, &places, None)?)
}

impl Dims {
    /// Prepares the dimensions.
    pub fn new(world: &World, agreement: &Agreement) -> Result<Self, EngineError> {
        let a = &world.arranged;
        let (people, accounts, opportunities) = (&a.people.rows, &a.accounts.rows, &a.opportunities.rows);
        let pick = |rows: &RecordBatch, list: &[&'static str]| -> Result<Vec<(&'static str, ArrayRef)>, EngineError> {
            list.iter().map(|n| Ok((*n, column(rows, n, *n != "attributes" && *n != "name")?))).collect()
        };
        let own = column(opportunities, "territory", false)?;
        let places: UInt32Array = a.account_of_opportunity.iter().map(|x| (*x != NONE).then_some(*x)).collect();
        let of_account = take(&column(accounts, "territory", false)?, &places, None)?;
        let has_own = datafusion::arrow::compute::is_not_null(&own)?;
        let territory = datafusion::arrow::compute::kernels::zip::zip(&has_own, &own, &of_account)?;
        let mut stages: Vec<&str> = agreement.stages.iter().map(|s| s.id.as_str()).collect();
        stages.push("won");
        let mut campaigns = world.campaigns.clone();
        Ok(Self {
            person_id: column(people, "person_id", false)?,
            person: pick(people, &["lead_source", "title", "persona", "country", "attributes"])?,
            account_of_person: a.account_of_person.clone(),
            account_id: column(accounts, "account_id", false)?,
            account: pick(accounts, &["territory", "segment", "industry"])?,
            opportunity_id: column(opportunities, "opportunity_id", false)?,
            opportunity: pick(opportunities, &["name", "kind", "product_line", "loss_reason", "attributes"])?,
            opportunity_territory: cast(&territory, &dictionary())?,
            opportunity_source: column(opportunities, "lead_source", true)?,
            account_of_opportunity: a.account_of_opportunity.clone(),
            user: names(&world.users),
            team: by_name(&world.user_rows.rows, "team", world.users.len())?,
            campaign: names(&world.campaigns),
            channel: by_name(&world.campaign_rows.rows, "channel", world.campaigns.len())?,
            origin: by_name(&world.campaign_rows.rows, "origin", world.campaigns.len())?,
            campaign_of_person: numbered(people, "campaign_id", |id| campaigns.place(id)),
            stages: StringArray::from(stages),
            handoff_id: column(&world.handoff_rows, "handoff_id", false)?,
            handoff_reason: column(&world.handoff_rows, "reason", true)?,
        })
    }

    /// Users by number as a dictionary column.
    pub fn users(&self, numbers: impl Iterator<Item = u32>) -> Result<ArrayRef, EngineError> {
        keyed(&self.user, numbers)
    }

    /// Campaigns by number as a dictionary column.
    pub fn campaigns(&self, numbers: impl Iterator<Item = u32>) -> Result<ArrayRef, EngineError> {
        keyed(&self.campaign, numbers)
    }

    /// Stages by rank as a dictionary column.
    pub fn stage(&self, ranks: impl Iterator<Item = u8>) -> Result<ArrayRef, EngineError> {
        keyed(&self.stages, ranks.map(u32::from))
    }
}

/// A dictionary column over a list of names; [`NONE`] is NULL.
pub fn keyed(values: &StringArray, numbers: impl Iterator<Item = u32>) -> Result<ArrayRef, EngineError> {
    let n = values.len() as u32;
    let keys: Int32Array = numbers.map(|i| (i < n).then_some(i as i32)).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values.clone()))?))
}

/// Rows of a column by number; [`NONE`] is NULL.
pub fn pick(column: &ArrayRef, numbers: &[u32]) -> Result<ArrayRef, EngineError> {
    let n = column.len() as u32;
    let places: UInt32Array = numbers.iter().map(|i| (*i < n).then_some(*i)).collect();
    Ok(take(column, &places, None)?)
}
