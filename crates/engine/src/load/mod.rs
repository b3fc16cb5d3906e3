//! From the record to timelines: reads the tables of one record version, numbers every name, puts
//! events in order, and cuts at the as-of instant.

pub mod columns;
mod criteria;
pub mod entities;
mod events;
mod ids;
mod merges;
mod spans;
mod terms;
mod touches;
pub(crate) mod truth;

use crate::error::EngineError;
use crate::record::Record;
use crate::record::{TextAs, par};
use columns::{Names, text};
use datafusion::arrow::array::{Array, RecordBatch};
use entities::{Arranged, Entities, instant_column, money_column, read_all, read_as};
pub use events::Strays;
use events::{Cut, FieldChanges, Role};
use spans::BySubject;
use touches::Touches;
pub(crate) use merges::Merges;
use treaty_domain::agreement::{AgreementSet, People, StageMeaning};
use treaty_domain::fold::{Context, Terms};
use treaty_domain::money::{Currency, FxTable, Rate};
use treaty_domain::timeline::{Activity, Criteria, Handoff, NONE, Opportunity, Person, Purchase, StageChange};
use treaty_domain::zone::{LocalDay, Micros};

/// Which state of the record is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Record version that is read.
    pub version: u64,
    /// Last local day that counts.
    pub as_of: LocalDay,
    /// What is known now about then, rather than what was known then (S1).
    pub as_corrected: bool,
    /// Leave out merges that this version of the record does not have.
    pub without_merges_since: Option<u64>,
}

impl View {
    /// Last civil day that counts.
    pub fn day(&self) -> jiff::civil::Date {
        jiff::civil::Date::from(self.as_of)
    }
}

/// The record as the fold takes it.
pub struct World {
    /// What the fold needs beside timelines.
    pub context: Context,
    /// Accounts, people, opportunities, groups.
    pub arranged: Arranged,
    /// Campaign names by number.
    pub campaigns: Names,
    /// Campaign rows in the order of `campaigns`; rows are missing where only others name one.
    pub campaign_rows: Entities,
    /// User names by number.
    pub users: Names,
    /// User rows.
    pub user_rows: Entities,
    /// What could not be placed.
    pub strays: Strays,
    /// People in quarantine.
    pub suspects: u64,
    people: Vec<Person>,
    opportunities: Vec<Opportunity>,
    roles: Vec<Role>,
    person_stages: BySubject<StageChange>,
    opportunity_stages: BySubject<StageChange>,
    activities: BySubject<Activity>,
    handoffs: BySubject<Handoff>,
    touches: Touches,
    changes: FieldChanges,
    owner_changes: Vec<treaty_domain::timeline::Change<u32>>,
    purchases: BySubject<Micros>,
}

const PEOPLE: &[&str] = &["person_id", "account_id", "created_at", "campaign_id", "owner_id"];
const ACCOUNTS: &[&str] = &["account_id"];
const OPPORTUNITIES: &[&str] =
    &["opportunity_id", "account_id", "created_at", "amount", "currency", "campaign_id", "owner_id", "kind"];
const HANDOFFS: &[&str] = &["person_id", "passed_at", "assigned_to", "decision", "decided_at", "value", "currency", "recorded_at", "seq"];

/// Columns of the pass and those that conditions name. Ids of the table's own rows come as text,
/// everything else with its distinct values.
fn with<'a>(own: &[&'a str], more: &'a [String]) -> Vec<(&'a str, TextAs)> {
    let more = more.iter().map(String::as_str).filter(|c| !own.contains(c));
    let first = own.first().copied();
    let how = |c: &str| if Some(c) == first && c != "person_id" || c == "person_id" && own == PEOPLE { TextAs::Plain } else { TextAs::Dictionary };
    own.iter().map(|c| (*c, how(c))).chain(more.map(|c| (c, TextAs::Plain))).collect()
}

/// Reads everything that the pass needs.
///
/// # Errors
/// When a table cannot be read, or a condition of the agreement cannot be evaluated.
pub async fn load(record: &Record, set: &AgreementSet, view: View) -> Result<World, EngineError> {
    let v = view.version;
    let newest = set.on(view.day());
    let zone = newest.zone.clone();
    let as_of = terms::as_of_instant(&zone, view.as_of);
    let cut = Cut { as_of, as_corrected: view.as_corrected };
    let reporting = newest.currency;
    let bits = terms::criteria(set).map_err(EngineError::Agreement)?;
    let needs = criteria::needs(&bits, record)?;
    let merges_of = view.without_merges_since.unwrap_or(v);
    let merge_rows = read_all(record, "merges", merges_of, &["subject_type", "from_id", "into_id", "merged_at"]).await?;
    let merges = Merges::new(&merge_rows, as_of);
    let people_rows = crate::identity::settle(read_as(record, "people", v, &with(PEOPLE, &needs.people)).await?, &merge_rows)?;
    let suspects = crate::identity::suspects(&merge_rows).len() as u64;
    let account_rows = read_as(record, "accounts", v, &with(ACCOUNTS, &needs.accounts)).await?;
    let opportunity_rows = read_as(record, "opportunities", v, &with(OPPORTUNITIES, &needs.opportunities)).await?;
    let people_rows = truth::settle(record, v, "people", people_rows, &merges).await?;
    let account_rows = truth::settle(record, v, "accounts", account_rows, &merges).await?;
    let opportunity_rows = truth::settle(record, v, "opportunities", opportunity_rows, &merges).await?;
    let purchase_rows =
        read_all(record, "purchases", v, &["account_id", "purchased_at", "amount", "currency"]).await?;
    let arranged = par::blocking(|| entities::arrange(&account_rows, &people_rows, &opportunity_rows, &purchase_rows, &merges))?;
    drop((people_rows, account_rows, opportunity_rows));

    let campaign_rows = entities::plain(
        &read_all(record, "campaigns", v, &["campaign_id", "name", "channel", "kind", "origin", "intent"]).await?,
        "campaign_id",
    )?;
    let user_rows =
        entities::plain(&read_all(record, "users", v, &["user_id", "name", "team", "role", "territory", "active"]).await?, "user_id")?;
    let mut campaigns = in_order(&campaign_rows, "campaign_id");
    let mut users = in_order(&user_rows, "user_id");

    let exempt: &[String] = newest.promises.attempts_before_dead.as_ref().map_or(&[], |p| &p.exempt_reasons);
    let is_exempt = |r: &str| exempt.iter().any(|e| e.eq_ignore_ascii_case(r.trim()));
    let meaning = |s: &str| -> Option<StageMeaning> { newest.meaning(s) };
    let direct_channels = &newest.rules.direct_channels;
    let direct = |c: &str| direct_channels.iter().any(|d| d.eq_ignore_ascii_case(c.trim()));
    let (mut values, mut kinds) = (Names::default(), Names::default());

    // Touches are half of all work and need nothing from the other events, so both go on side by side.
    let amounts = money_column(&arranged.opportunities.rows, "amount", reporting);
    let touching = async {
        let known = std::sync::Arc::clone(&arranged.people.ids);
        let read = record.each("touchpoints", v, touches::COLUMNS, move |first, batch| touches::read(first, &batch, &known, cut)).await?;
        Ok::<_, EngineError>(par::blocking(|| Touches::new(read, arranged.people.len(), &mut campaigns, direct, cut)))
    };
    let others = async {
        let mut strays = Strays::default();
        let batches = record
            .read("stage_changes", v, &["subject_type", "subject_id", "changed_at", "stage", "reason", "recorded_at", "seq"], true)
            .await?;
        let (person_stages, opportunity_stages) = par::blocking(|| {
            events::stage_changes(
                &batches, &arranged.people, &arranged.opportunities, &mut values, &meaning, &is_exempt, cut, &mut strays,
            )
        });
        let batches = record.read("opportunity_contacts", v, &["opportunity_id", "person_id", "is_primary"], true).await?;
        let roles = par::blocking(|| events::roles(&batches, &arranged.people, &arranged.opportunities, &mut strays));
        let rows = read_as(record, "handoffs", v, &with(HANDOFFS, &[])).await?;
        let handoffs = par::blocking(|| events::handoffs(&rows, &arranged.people, &mut users, reporting, cut, &mut strays));
        drop(rows);
        let columns = ["person_id", "opportunity_id", "occurred_at", "kind", "direction", "automated", "recorded_at", "seq"];
        let batches = record.read("activities", v, &columns, true).await?;
        let primary_of = |id: &str| match arranged.opportunities.ids.find(id) {
            NONE => NONE,
            o => primary(&roles, o),
        };
        let activities =
            par::blocking(|| events::activities(&batches, &arranged.people, primary_of, &mut kinds, cut, &mut strays));
        drop(batches);
        let columns = ["subject_type", "subject_id", "changed_at", "field", "old_value", "new_value", "recorded_at", "seq"];
        let batches = record.read("field_changes", v, &columns, true).await?;
        let changes =
            events::field_changes(&batches, &arranged.people, &arranged.opportunities, &mut users, &|o| amounts[o as usize].1);
        Ok::<_, EngineError>((person_stages, opportunity_stages, roles, handoffs, activities, changes, strays))
    };
    let (touched, others) = par::join(touching, others).await;
    let (touches, lost) = touched?;
    let (person_stages, opportunity_stages, roles, handoffs, activities, changes, mut strays) = others?;
    strays.touchpoints = lost;
    let purchases = events::purchases(&purchase_rows, &arranged.accounts, reporting, cut);

    let (person_criteria, opportunity_criteria) = criteria::evaluate(&bits, &arranged, record).await?;

    let traits = user_traits(&user_rows.rows);
    let fx = fx_table(&read_all(record, "fx_rates", v, &["currency", "on", "rate"]).await?, reporting);

    let mut people = people_of(&arranged, &mut campaigns, &mut users, &campaign_rows, newest.rules.ratio_names_all);
    let mut opportunities = opportunities_of(&arranged, &amounts, &mut campaigns, &mut users, &newest.rules.kinds);
    let resolved: Vec<Terms> =
        set.versions().iter().map(|a| terms::resolve(a, newest, &bits, &values, &kinds, &users, &traits)).collect();

    let mut owner_changes = changes.person_owner.events.clone();
    let shift = owner_changes.len() as u32;
    owner_changes.extend(changes.opportunity_owner.events.iter().copied());
    for (i, p) in people.iter_mut().enumerate() {
        let i = i as u32;
        p.stages = person_stages.span(i);
        p.activities = activities.span(i);
        p.handoffs = handoffs.span(i);
        p.owner_changes = changes.person_owner.span(i);
        p.criteria = person_criteria.get(i as usize).copied().unwrap_or_default();
    }
    let mut from = 0usize;
    for (i, o) in opportunities.iter_mut().enumerate() {
        let i = i as u32;
        o.stages = opportunity_stages.span(i);
        o.amount_changes = changes.amount.span(i);
        let owner = changes.opportunity_owner.span(i);
        o.owner_changes = owner.start + shift..owner.end + shift;
        o.criteria = opportunity_criteria.get(i as usize).copied().unwrap_or_default();
        let start = from;
        while roles.get(from).is_some_and(|r| r.opportunity == i) {
            from += 1;
        }
        o.contacts = start as u32..from as u32;
    }
    let context = Context { as_of, zone, currency: reporting, fx, terms: resolved };
    Ok(World {
        context,
        arranged,
        campaigns,
        campaign_rows,
        users,
        user_rows,
        strays,
        suspects,
        people,
        opportunities,
        roles,
        person_stages,
        opportunity_stages,
        activities,
        handoffs,
        touches,
        changes,
        owner_changes,
        purchases,
    })
}

impl World {
    /// Tells the ids of touchpoints by their number.
    pub fn know_touchpoints(&mut self, ids: std::collections::HashMap<u32, String>) {
        self.touches.know(ids);
    }

    /// Campaign that created each person, or [`NONE`].
    pub fn campaign_of_person(&self) -> Vec<u32> {
        self.people.iter().map(|p| p.campaign).collect()
    }

    /// Every campaign that anything names, with the columns of those that have a row.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn campaign_table(&self) -> Result<RecordBatch, EngineError> {
        let places: datafusion::arrow::array::UInt32Array = (0..self.campaigns.len() as u32)
            .map(|i| ((i as usize) < self.campaign_rows.len()).then_some(i))
            .collect();
        let mut taken = datafusion::arrow::compute::take_record_batch(&self.campaign_rows.rows, &places)?;
        let ids = datafusion::arrow::array::StringArray::from_iter_values(self.campaigns.list());
        let at = taken.schema().index_of("campaign_id")?;
        let mut columns = taken.columns().to_vec();
        columns[at] = std::sync::Arc::new(ids);
        taken = RecordBatch::try_new(taken.schema(), columns)?;
        Ok(taken)
    }
}

/// Number of the primary (or only) contact of an opportunity.
pub(crate) fn primary(roles: &[Role], opportunity: u32) -> u32 {
    let from = roles.partition_point(|r| r.opportunity < opportunity);
    let mine = &roles[from..from + roles[from..].partition_point(|r| r.opportunity == opportunity)];
    match mine.iter().find(|r| r.is_primary) {
        Some(r) => r.person,
        None if mine.len() == 1 => mine[0].person,
        None => NONE,
    }
}

fn in_order(entities: &Entities, id: &str) -> Names {
    let mut names = Names::default();
    if let Some(ids) = text(&entities.rows, id) {
        ids.iter().flatten().for_each(|id| _ = names.place(id));
    }
    names
}

fn user_traits(rows: &RecordBatch) -> terms::UserTraits {
    let mut traits = terms::UserTraits::default();
    let (id, team, territory) = (text(rows, "user_id"), text(rows, "team"), text(rows, "territory"));
    let Some(id) = id else { return traits };
    for i in 0..rows.num_rows() {
        let put = |column: &Option<datafusion::arrow::array::StringArray>| {
            column.as_ref().filter(|c| c.is_valid(i)).map(|c| (id.value(i).to_owned(), c.value(i).to_owned()))
        };
        traits.team.extend(put(&team));
        traits.territory.extend(put(&territory));
    }
    traits
}

fn fx_table(rows: &RecordBatch, reporting: Currency) -> FxTable {
    let mut fx = FxTable::new(reporting);
    let (currency, on, rate) = (text(rows, "currency"), columns::dates(rows, "on"), columns::decimals(rows, "rate"));
    if let (Some(currency), Some(on), Some((rate, scale))) = (currency, on, rate) {
        for i in 0..rows.num_rows() {
            let exact = rate.value(i);
            let digits = usize::try_from(scale).unwrap_or(0);
            let unit = 10i128.pow(digits as u32);
            let written = format!("{}.{:0digits$}", exact / unit, exact % unit);
            if let (Ok(currency), Ok(rate)) = (Currency::parse(currency.value(i).trim()), Rate::parse(&written)) {
                fx.insert(currency, LocalDay(on.value(i)), rate);
            }
        }
    }
    fx
}

/// Campaign and owner of each row.
fn placed(rows: &RecordBatch, campaigns: &mut Names, users: &mut Names) -> (Vec<u32>, Vec<u32>) {
    let one = std::slice::from_ref(rows);
    events::place(one, "campaign_id", campaigns);
    events::place(one, "owner_id", users);
    (
        columns::numbered(rows, "campaign_id", |id| campaigns.find(id).unwrap_or(NONE)),
        columns::numbered(rows, "owner_id", |id| users.find(id).unwrap_or(NONE)),
    )
}

fn people_of(
    arranged: &Arranged,
    campaigns: &mut Names,
    users: &mut Names,
    campaign_rows: &Entities,
    names_all: bool,
) -> Vec<Person> {
    let rows = &arranged.people.rows;
    let created = instant_column(rows, "created_at");
    let (campaign, owner) = placed(rows, campaigns, users);
    let intent = columns::numbered(&campaign_rows.rows, "intent", |i| u32::from(i.trim().eq_ignore_ascii_case("acquire")));
    // A campaign that does not say what it is for is taken to acquire.
    let acquires = |c: u32| c != NONE && intent.get(c as usize).is_none_or(|i| *i != 0);
    (0..rows.num_rows())
        .map(|i| Person {
            id: i as u32,
            guest: false,
            created_at: created[i],
            campaign: campaign[i],
            owner: owner[i],
            lead_generation: names_all || acquires(campaign[i]),
            criteria: Criteria::default(),
            stages: 0..0,
            activities: 0..0,
            handoffs: 0..0,
            owner_changes: 0..0,
        })
        .collect()
}

fn opportunities_of(
    arranged: &Arranged,
    amounts: &[(Option<i64>, Currency)],
    campaigns: &mut Names,
    users: &mut Names,
    counting: &[String],
) -> Vec<Opportunity> {
    let rows = &arranged.opportunities.rows;
    let created = instant_column(rows, "created_at");
    let (campaign, owner) = placed(rows, campaigns, users);
    let counts = columns::numbered(rows, "kind", |k| u32::from(counting.iter().any(|c| c.eq_ignore_ascii_case(k.trim()))));
    (0..rows.num_rows())
        .map(|i| Opportunity {
            id: i as u32,
            guest: false,
            created_at: created[i],
            amount: amounts[i].0,
            currency: amounts[i].1,
            counts: counts[i] != 0, // a kind that is not said counts, too
            campaign: campaign[i],
            owner: owner[i],
            criteria: Criteria::default(),
            stages: 0..0,
            contacts: 0..0,
            amount_changes: 0..0,
            owner_changes: 0..0,
        })
        .collect()
}

/// Whether any version takes touches from contact roles, so that guests matter.
fn uses_roles(context: &Context) -> bool {
    context.terms.iter().any(|t| t.people != People::Account)
}

mod timelines;
pub use timelines::{Assembly, Feeder, Seats};

/// Purchases as the fold takes them.
fn purchase_slice(purchases: &BySubject<Micros>) -> Vec<Purchase> {
    purchases.events.iter().map(|at| Purchase { at: *at }).collect()
}
