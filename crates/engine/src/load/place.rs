//! Timelines from the record: every table is read once, events are put under the accounts they
//! belong to, and whole accounts are cut into chunks.

use super::assemble::Placer;
use super::chunk::Chunk;
use super::columns::Names;
use super::decode::{self, Role};
use super::entities::{self, Arranged, Entities, read_all, read_as};
use super::parts::Part;
use super::timelines::{Source, Timelines};
use super::truth;
use crate::error::EngineError;
use crate::record::{Record, TextAs, par};
use datafusion::arrow::array::RecordBatch;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Touches that wait at once for the ids that put them in order.
const WINDOW: usize = 32 << 20;

const PEOPLE: &[&str] = &["person_id", "account_id", "created_at", "campaign_id", "owner_id"];
const ACCOUNTS: &[&str] = &["account_id"];
const OPPORTUNITIES: &[&str] =
    &["opportunity_id", "account_id", "created_at", "amount", "currency", "campaign_id", "owner_id", "kind"];

/// Ids of the table's own rows come as text, everything else with its distinct values.
fn how<'a>(columns: &[&'a str]) -> Vec<(&'a str, TextAs)> {
    let own = |i: usize| if i == 0 { TextAs::Plain } else { TextAs::Dictionary };
    columns.iter().enumerate().map(|(i, c)| (*c, own(i))).collect()
}

/// Campaigns and users of the record, in the order of their ids.
pub struct Cast {
    /// Campaigns.
    pub campaigns: Entities,
    /// Users.
    pub users: Entities,
}

impl Cast {
    /// Reads them.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn read(record: &Record, version: u64) -> Result<Self, EngineError> {
        let campaigns = ["campaign_id", "name", "channel", "kind", "origin", "intent"];
        let users = ["user_id", "name", "team", "role", "territory", "active"];
        Ok(Self {
            campaigns: entities::plain(&read_all(record, "campaigns", version, &campaigns).await?, "campaign_id")?,
            users: entities::plain(&read_all(record, "users", version, &users).await?, "user_id")?,
        })
    }

    /// Their ids as names.
    pub fn names(entities: &Entities, id: &str) -> Names {
        let mut names = Names::default();
        if let Some(ids) = super::columns::text(&entities.rows, id) {
            ids.iter().flatten().for_each(|id| _ = names.place(id));
        }
        names
    }
}

/// Reads the record and places everything. Chunks are handed to `take` in their order.
///
/// # Errors
/// When the record cannot be read, or `take` fails.
pub async fn build(
    record: &Record,
    source: &Source,
    cast_of: &Cast,
    mut take: impl FnMut(Vec<Chunk>) -> Result<(), EngineError>,
) -> Result<Timelines, EngineError> {
    let v = source.version;
    let people_rows = crate::identity::settle(read_as(record, "people", v, &how(PEOPLE)).await?, &source.merge_rows)?;
    let account_rows = read_as(record, "accounts", v, &how(ACCOUNTS)).await?;
    let opportunity_rows = read_as(record, "opportunities", v, &how(OPPORTUNITIES)).await?;
    let people_rows = truth::settle(record, v, "people", people_rows, &source.merges).await?;
    let account_rows = truth::settle(record, v, "accounts", account_rows, &source.merges).await?;
    let opportunity_rows = truth::settle(record, v, "opportunities", opportunity_rows, &source.merges).await?;
    let purchase_rows = read_all(record, "purchases", v, decode::PURCHASE).await?;
    let merges = &source.merges;
    let a = par::blocking(|| entities::arrange(&account_rows, &people_rows, &opportunity_rows, &purchase_rows, merges))?;
    drop((people_rows, account_rows, opportunity_rows));
    let events = Events::read(record, v, &a, &purchase_rows).await?;
    let placer = par::blocking(|| Placer::new(a, events, cast_of))?;
    let cuts = placer.cuts();
    let mut counted = placer.counted();
    let mut done = 0;
    while done + 1 < cuts.len() {
        let mut until = done;
        let mut touches = 0;
        while until + 1 < cuts.len() && (touches == 0 || touches <= WINDOW) {
            touches += placer.touches_in(cuts[until]..cuts[until + 1]);
            until += 1;
        }
        let window: Vec<Range<usize>> = (done..until).map(|i| cuts[i]..cuts[i + 1]).collect();
        let assembled = par::blocking(|| par::try_map(window, |groups| placer.assemble(groups)))?;
        let undecided: Vec<u32> = assembled.iter().flat_map(|c| c.touches.undecided()).collect();
        let mut ids: HashMap<u32, String> = HashMap::new();
        if !undecided.is_empty() {
            let found = record.cells("touchpoints", v, "touchpoint_id", &undecided).await?;
            ids.extend(undecided.into_iter().zip(found).filter_map(|(row, id)| Some((row, id?))));
        }
        for chunk in &assembled {
            counted.add(&chunk.values);
        }
        let chunks = par::blocking(|| par::try_map(assembled, |chunk| chunk.finish(&ids)))?;
        take(chunks)?;
        done = until;
    }
    placer.timelines(counted, crate::identity::suspects(&source.merge_rows).len() as u64)
}

/// Events of all tables, decoded.
pub struct Events {
    /// Contact roles.
    pub roles: Vec<Role>,
    /// Contact roles that name something unknown.
    pub lost_roles: u64,
    /// Stage changes of people and of opportunities.
    pub stages: [Vec<Part>; 2],
    /// Hand-offs.
    pub handoffs: Vec<Part>,
    /// Activities.
    pub activities: Vec<Part>,
    /// Changes of owner, of people and of opportunities.
    pub owners: [Vec<Part>; 2],
    /// Changes of amount.
    pub amounts: Vec<Part>,
    /// Purchases.
    pub purchases: Vec<Part>,
    /// Touches.
    pub touches: Vec<Part>,
}

impl Events {
    async fn read(record: &Record, v: u64, a: &Arranged, purchase_rows: &RecordBatch) -> Result<Self, EngineError> {
        let (people, deals) = (&a.people.ids, &a.opportunities.ids);
        // Touches are half of all work and need nothing from the other events, so both go on side by side.
        let known = Arc::clone(people);
        let touching = record.each("touchpoints", v, decode::TOUCHPOINTS, move |_, batch| decode::touches(&batch, &known));
        let others = async {
            let (p, o) = (Arc::clone(people), Arc::clone(deals));
            let stages = record.each("stage_changes", v, decode::STAGE_CHANGES, move |_, b| decode::stage_changes(&b, &p, &o)).await?;
            let batches = record.read("opportunity_contacts", v, &["opportunity_id", "person_id", "is_primary"], true).await?;
            let (roles, lost_roles) = par::blocking(|| decode::roles(&batches, people, deals));
            let p = Arc::clone(people);
            let handoffs = record.each("handoffs", v, decode::HANDOFF, move |_, b| decode::handoffs(&b, &p)).await?;
            let (p, o, own) = (Arc::clone(people), Arc::clone(deals), roles.clone());
            let activities = record
                .each("activities", v, decode::ACTIVITY, move |_, b| {
                    let primary = |id: &str| match o.find(id) {
                        NONE => NONE,
                        deal => decode::primary(&own, deal),
                    };
                    decode::activities(&b, &p, &primary)
                })
                .await?;
            let (p, o) = (Arc::clone(people), Arc::clone(deals));
            let changes = record.each("field_changes", v, decode::FIELD_CHANGES, move |_, b| decode::field_changes(&b, &p, &o)).await?;
            let (mut of_people, mut of_deals) = (Vec::new(), Vec::new());
            stages.into_iter().for_each(|[p, o]| {
                of_people.push(p);
                of_deals.push(o);
            });
            let (mut person, mut deal, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
            changes.into_iter().for_each(|[p, o, a]| {
                person.push(p);
                deal.push(o);
                amounts.push(a);
            });
            Ok::<_, EngineError>((roles, lost_roles, [of_people, of_deals], handoffs, activities, [person, deal], amounts))
        };
        let (touches, others) = par::join(touching, others).await;
        let (roles, lost_roles, stages, handoffs, activities, owners, amounts) = others?;
        let purchases = vec![decode::purchases(purchase_rows, &a.accounts.ids)];
        Ok(Self { roles, lost_roles, stages, handoffs, activities, owners, amounts, purchases, touches: touches? })
    }
}

