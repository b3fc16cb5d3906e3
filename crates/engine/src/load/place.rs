//! Timelines from the record: every table is read once, events are put under the accounts they
//! belong to, and whole accounts are cut into chunks.

use super::assemble::Placer;
use super::chunk::Chunk;
use super::columns::Names;
use super::decode::{self, Role};
use super::entities::{self, read_all, read_as};
use super::ids::Ids;
use super::ordered::EventIds;
use super::parts::Part;
use super::timelines::{Contents, Source, Timelines};
use super::truth;
use super::vocab::Vocabulary;
use crate::error::EngineError;
use crate::record::{Numbering, Record, TextAs, par};
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    pub campaigns: RecordBatch,
    /// Users.
    pub users: RecordBatch,
}

/// Columns of campaigns that are read.
pub const CAMPAIGNS: (&str, &[&str]) = ("campaigns", &["campaign_id", "name", "channel", "kind", "origin", "intent"]);
/// Columns of users that are read.
pub const USERS: (&str, &[&str]) = ("users", &["user_id", "name", "team", "role", "territory", "active"]);

impl Cast {
    /// Of rows with these columns.
    ///
    /// # Errors
    /// When they have other columns, which is a defect.
    pub fn of(campaigns: &RecordBatch, users: &RecordBatch) -> Result<Self, EngineError> {
        Ok(Self { campaigns: entities::plain(campaigns, CAMPAIGNS.1[0])?, users: entities::plain(users, USERS.1[0])? })
    }

    /// Reads them.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn read(record: &Record, version: u64) -> Result<Self, EngineError> {
        let campaigns = read_all(record, CAMPAIGNS.0, version, CAMPAIGNS.1).await?;
        Self::of(&campaigns, &read_all(record, USERS.0, version, USERS.1).await?)
    }

    /// Their ids as names.
    pub fn names(&self) -> Vocabulary {
        let names = |rows: &RecordBatch, id: &str| {
            let mut names = Names::default();
            if let Some(ids) = super::columns::text(rows, id) {
                ids.iter().flatten().for_each(|id| _ = names.place(id));
            }
            names
        };
        Vocabulary::known(names(&self.campaigns, "campaign_id"), names(&self.users, "user_id"))
    }
}

/// Tables of entities and events, whose rows are numbered.
pub const NUMBERED: [&str; 10] = [
    "people",
    "accounts",
    "opportunities",
    "opportunity_contacts",
    "stage_changes",
    "handoffs",
    "activities",
    "field_changes",
    "purchases",
    "touchpoints",
];

/// How the rows of each table are numbered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numberings(BTreeMap<String, Numbering>);

impl Numberings {
    /// Numbers rows of a version that have no number yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn and(&self, record: &Record, version: u64) -> Result<Self, EngineError> {
        let all = par::all(&NUMBERED, async |table| record.numbering(table, version, self.of(table)).await).await?;
        Ok(Self(NUMBERED.map(str::to_owned).into_iter().zip(all).collect()))
    }

    /// Of a table.
    pub fn of(&self, table: &str) -> &Numbering {
        static NONE_YET: Numbering = Numbering::none();
        self.0.get(table).unwrap_or(&NONE_YET)
    }
}

/// Reads the record and places everything. Chunks are handed to `take` in their order.
///
/// # Errors
/// When the record cannot be read, or `take` fails.
pub async fn build(
    record: &Record,
    source: &Source,
    mut take: impl FnMut(Vec<Chunk>) -> Result<(), EngineError>,
) -> Result<Timelines, EngineError> {
    let v = source.version;
    let numberings = Numberings::default().and(record, v).await?;
    let people_rows = crate::identity::settle(read_as(record, "people", v, &how(PEOPLE)).await?, &source.merge_rows)?;
    let account_rows = read_as(record, "accounts", v, &how(ACCOUNTS)).await?;
    let opportunity_rows = read_as(record, "opportunities", v, &how(OPPORTUNITIES)).await?;
    let people_rows = truth::settle(record, v, "people", people_rows, &source.merges).await?;
    let account_rows = truth::settle(record, v, "accounts", account_rows, &source.merges).await?;
    let opportunity_rows = truth::settle(record, v, "opportunities", opportunity_rows, &source.merges).await?;
    let purchase_rows = read_as(record, "purchases", v, &[("account_id", TextAs::Dictionary)]).await?;
    let mut rows = [const { None }; 3];
    for (rows, kind) in rows.iter_mut().zip(super::KINDS) {
        *rows = record.numbers(kind, v, numberings.of(kind)).await?;
    }
    let merges = &source.merges;
    let a = par::blocking(|| entities::arrange(&account_rows, &people_rows, &opportunity_rows, &purchase_rows, merges))?;
    drop((people_rows, account_rows, opportunity_rows));
    let known = Known { people: Arc::clone(&a.people.ids), accounts: Arc::clone(&a.accounts.ids), opportunities: Arc::clone(&a.opportunities.ids) };
    let events = Events::read(record, v, &numberings, &known).await?;
    drop(known);
    let known = Cast::read(record, source.version).await?.names();
    let placer = par::blocking(|| Placer::new(a, events, |met| met.settle(known), None))?;
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
        let ids = EventIds::read(record, v, &numberings, assembled.iter().flat_map(|c| &c.lists)).await?;
        for chunk in &assembled {
            counted.add(&chunk.values);
        }
        let chunks = par::blocking(|| par::try_map(assembled, |chunk| chunk.finish(&ids, Vec::new())))?;
        take(chunks)?;
        done = until;
    }
    let suspects = crate::identity::suspects(&source.merge_rows).len() as u64;
    let cuts = cuts.iter().map(|c| *c as u32).collect();
    placer.timelines(Contents { counted, suspects, cuts, numberings, version: v, ..Contents::default() }, rows)
}

/// Events of all tables, decoded.
#[derive(Default)]
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
    /// Activities that count for the primary contact of an opportunity, or would.
    pub by_deal: u64,
    /// Changes of owner, of people and of opportunities.
    pub owners: [Vec<Part>; 2],
    /// Changes of amount.
    pub amounts: Vec<Part>,
    /// Purchases.
    pub purchases: Vec<Part>,
    /// Touches.
    pub touches: Vec<Part>,
}

/// Whose events are read: everything that numbers ids.
#[derive(Clone)]
pub struct Known {
    /// People.
    pub people: Arc<Ids>,
    /// Accounts.
    pub accounts: Arc<Ids>,
    /// Opportunities.
    pub opportunities: Arc<Ids>,
}

impl Events {
    /// Reads all rows.
    async fn read(record: &Record, v: u64, numberings: &Numberings, known: &Known) -> Result<Self, EngineError> {
        // Touches are half of all work and need nothing from the other events, so both go on side by side.
        let k = known.clone();
        let touching =
            record.each("touchpoints", v, numberings.of("touchpoints"), decode::TOUCHPOINTS, move |rows, b| decode::touches(&rows, &b, &k.people));
        let others = async {
            let mut events = Self::default();
            for table in ["opportunity_contacts", "stage_changes", "handoffs", "activities", "field_changes", "purchases"] {
                let (k, roles) = (known.clone(), events.roles.clone());
                let decoded = record.each(table, v, numberings.of(table), columns(table), move |rows, b| Decoded::of(table, &rows, &b, &k, &roles));
                events.take(decoded.await?);
            }
            Ok::<_, EngineError>(events)
        };
        let (touches, others) = par::join(touching, others).await;
        Ok(Self { touches: touches?, ..others? })
    }

    /// Adds the parts and roles of others.
    pub fn add(&mut self, other: Self) {
        let [people, deals] = other.stages;
        self.stages[0].extend(people);
        self.stages[1].extend(deals);
        let [people, deals] = other.owners;
        self.owners[0].extend(people);
        self.owners[1].extend(deals);
        self.handoffs.extend(other.handoffs);
        self.activities.extend(other.activities);
        self.amounts.extend(other.amounts);
        self.purchases.extend(other.purchases);
        self.touches.extend(other.touches);
        self.roles.extend(other.roles);
        self.lost_roles += other.lost_roles;
        self.by_deal += other.by_deal;
    }

    /// Adds what was decoded.
    pub fn take(&mut self, decoded: Vec<Decoded>) {
        let mut roles = Vec::new();
        for one in decoded {
            match one {
                Decoded::Roles(some, lost) => {
                    roles.extend(some);
                    self.lost_roles += lost;
                }
                Decoded::Stages([people, deals]) => {
                    self.stages[0].push(people);
                    self.stages[1].push(deals);
                }
                Decoded::Handoffs(part) => self.handoffs.push(part),
                Decoded::Activities(part, by_deal) => {
                    self.activities.push(part);
                    self.by_deal += by_deal;
                }
                Decoded::Changes([people, deals, amounts]) => {
                    self.owners[0].push(people);
                    self.owners[1].push(deals);
                    self.amounts.push(amounts);
                }
                Decoded::Purchases(part) => self.purchases.push(part),
                Decoded::Touches(part) => self.touches.push(part),
            }
        }
        if !roles.is_empty() {
            self.roles.extend(roles);
            decode::settle(&mut self.roles);
        }
    }
}

/// Columns of a table that are read.
pub fn columns(table: &str) -> &'static [&'static str] {
    match table {
        "people" => PEOPLE,
        "accounts" => ACCOUNTS,
        "opportunities" => OPPORTUNITIES,
        "opportunity_contacts" => decode::ROLES,
        "stage_changes" => decode::STAGE_CHANGES,
        "handoffs" => decode::HANDOFF,
        "activities" => decode::ACTIVITY,
        "field_changes" => decode::FIELD_CHANGES,
        "purchases" => decode::PURCHASE,
        _ => decode::TOUCHPOINTS,
    }
}

/// Decoded rows of a table of events.
pub enum Decoded {
    /// Contact roles, and how many name something unknown.
    Roles(Vec<Role>, u64),
    /// Stage changes.
    Stages([Part; 2]),
    /// Hand-offs.
    Handoffs(Part),
    /// Activities, and how many are found by their opportunity.
    Activities(Part, u64),
    /// Changes of owners and amounts.
    Changes([Part; 3]),
    /// Purchases.
    Purchases(Part),
    /// Touches.
    Touches(Part),
}

impl Decoded {
    /// Rows of a table. Activities that name an opportunity alone are found by contact roles.
    pub fn of(table: &str, rows: &UInt32Array, batch: &RecordBatch, known: &Known, roles: &[Role]) -> Self {
        let (people, deals) = (&known.people, &known.opportunities);
        let primary = |id: &str| match deals.find(id) {
            NONE => NONE,
            deal => decode::primary(roles, deal),
        };
        match table {
            "opportunity_contacts" => {
                let (roles, lost) = decode::roles(batch, people, deals);
                Self::Roles(roles, lost)
            }
            "stage_changes" => Self::Stages(decode::stage_changes(rows, batch, people, deals)),
            "handoffs" => Self::Handoffs(decode::handoffs(rows, batch, people)),
            "activities" => {
                let (part, by_deal) = decode::activities(rows, batch, people, &primary);
                Self::Activities(part, by_deal)
            }
            "field_changes" => Self::Changes(decode::field_changes(rows, batch, people, deals)),
            "purchases" => Self::Purchases(decode::purchases(rows, batch, &known.accounts)),
            _ => Self::Touches(decode::touches(rows, batch, people)),
        }
    }
}
