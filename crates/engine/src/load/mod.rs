//! From the record to timelines: reads the tables of one record version, numbers every name, puts
//! events in order, and cuts at the as-of instant.

pub mod columns;
mod criteria;
pub mod entities;
mod events;
mod merges;
mod terms;

use crate::error::EngineError;
use crate::record::Record;
use columns::{Names, text};
use datafusion::arrow::array::{Array, RecordBatch};
use entities::{Arranged, Entities, instant_column, money_column, read_all};
use events::{BySubject, Cut, FieldChanges, Role, Touches};
pub use events::Strays;
use merges::Merges;
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
    /// Hand-off rows by number.
    pub handoff_rows: RecordBatch,
    /// Touchpoint ids by number, in chunks.
    pub touchpoint_ids: Vec<datafusion::arrow::array::StringArray>,
    /// What could not be placed.
    pub strays: Strays,
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

const PEOPLE: &[&str] = &[
    "person_id", "account_id", "email", "title", "country", "persona", "created_at", "lead_source", "campaign_id", "owner_id", "attributes",
];
const ACCOUNTS: &[&str] = &["account_id", "name", "industry", "employees", "country", "segment", "territory", "attributes"];
const OPPORTUNITIES: &[&str] = &[
    "opportunity_id", "account_id", "name", "kind", "product_line", "territory", "owner_id", "created_at", "amount", "currency",
    "campaign_id", "lead_source", "loss_reason", "attributes",
];
const HANDOFFS: &[&str] = &[
    "handoff_id", "person_id", "passed_at", "assigned_to", "decision", "decided_at", "reason", "value", "currency", "recorded_at", "seq",
];

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
    let merges_of = view.without_merges_since.unwrap_or(v);
    let merges = Merges::new(&read_all(record, "merges", merges_of, &["subject_type", "from_id", "into_id", "merged_at"]).await?, as_of);
    let people_rows = read_all(record, "people", v, PEOPLE).await?;
    let account_rows = read_all(record, "accounts", v, ACCOUNTS).await?;
    let opportunity_rows = read_all(record, "opportunities", v, OPPORTUNITIES).await?;
    let purchase_rows =
        read_all(record, "purchases", v, &["account_id", "purchased_at", "amount", "currency"]).await?;
    let arranged = entities::arrange(&account_rows, &people_rows, &opportunity_rows, &purchase_rows, &merges)?;
    drop((people_rows, account_rows, opportunity_rows));

    let campaign_rows = entities::plain(
        &read_all(record, "campaigns", v, &["campaign_id", "name", "channel", "kind", "origin", "intent"]).await?,
        "campaign_id", None, "campaign",
    )?;
    let user_rows = entities::plain(
        &read_all(record, "users", v, &["user_id", "name", "team", "role", "territory", "active"]).await?,
        "user_id", None, "user",
    )?;
    let mut campaigns = in_order(&campaign_rows, "campaign_id");
    let mut users = in_order(&user_rows, "user_id");
    let mut strays = Strays::default();

    let exempt: &[String] = newest.promises.attempts_before_dead.as_ref().map_or(&[], |p| &p.exempt_reasons);
    let is_exempt = |r: &str| exempt.iter().any(|e| e.eq_ignore_ascii_case(r.trim()));
    let meaning = |s: &str| -> Option<StageMeaning> { newest.meaning(s) };
    let direct_channels = &newest.rules.direct_channels;
    let direct = |c: &str| direct_channels.iter().any(|d| d.eq_ignore_ascii_case(c.trim()));

    let stage_batches =
        record.read("stage_changes", v, &["subject_type", "subject_id", "changed_at", "stage", "reason", "recorded_at", "seq"], true).await?;
    let role_batches = record.read("opportunity_contacts", v, &["opportunity_id", "person_id", "is_primary"], true).await?;
    let handoff_rows = read_all(record, "handoffs", v, HANDOFFS).await?;
    let activity_batches = record
        .read("activities", v, &["person_id", "opportunity_id", "occurred_at", "kind", "direction", "automated", "recorded_at", "seq"], true)
        .await?;
    let touch_batches = record
        .read("touchpoints", v, &["person_id", "occurred_at", "channel", "campaign_id", "responded", "recorded_at", "seq"], true)
        .await?;

    // Touches are half of all work, so they are numbered beside the other events.
    let (mut values, mut kinds) = (Names::default(), Names::default());
    let mut of_touches = Strays::default();
    let (mut touches, rest) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let (of_people, of_opportunities) = events::stage_changes(
                &stage_batches, &arranged.people, &arranged.opportunities, &mut values, &meaning, &is_exempt, cut, &mut strays,
            );
            let roles = events::roles(&role_batches, &arranged.people, &arranged.opportunities, &mut strays);
            let handoffs = events::handoffs(&handoff_rows, &arranged.people, &mut users, reporting, cut, &mut strays);
            let primary_of = |id: &str| arranged.opportunities.find(id).map_or(NONE, |o| primary(&roles, o));
            let activities = events::activities(&activity_batches, &arranged.people, primary_of, &mut kinds, cut, &mut strays);
            (of_people, of_opportunities, roles, handoffs, activities)
        });
        let touches = events::touches(
            &touch_batches,
            &arranged.people,
            &arranged.group_of_person,
            |g| arranged.groups[g as usize].people.start,
            arranged.groups.len(),
            &mut campaigns,
            &direct,
            cut,
            &mut of_touches,
        );
        (touches, beside.join())
    });
    let Ok((person_stages, opportunity_stages, roles, handoffs, activities)) = rest else {
        return Err(EngineError::Agreement("the events of the record could not be put in order; this is a defect of Treaty".to_owned()));
    };
    strays.touchpoints = of_touches.touchpoints;
    drop((stage_batches, role_batches, activity_batches, touch_batches));
    let touchpoint_ids: Vec<_> = record
        .read("touchpoints", v, &["touchpoint_id"], false)
        .await?
        .iter()
        .filter_map(|b| text(b, "touchpoint_id"))
        .collect();
    order_shared_instants(&mut touches, &touchpoint_ids);

    let change_batches = record
        .read("field_changes", v, &["subject_type", "subject_id", "changed_at", "field", "old_value", "new_value", "recorded_at", "seq"], true)
        .await?;
    let amounts = money_column(&arranged.opportunities.rows, "amount", reporting);
    let changes = events::field_changes(
        &change_batches, &arranged.people, &arranged.opportunities, &mut users, &|o| amounts[o as usize].1,
    );
    let purchases = events::purchases(&purchase_rows, &arranged.accounts, reporting, cut);

    let bits = terms::criteria(set).map_err(EngineError::Agreement)?;
    let (person_criteria, opportunity_criteria) = criteria::evaluate(&bits, &arranged).await?;

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
        handoff_rows,
        touchpoint_ids,
        strays,
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

/// Touches of one group at one instant are put in the order of their ids (S3).
fn order_shared_instants(touches: &mut Touches, ids: &[datafusion::arrow::array::StringArray]) {
    let id = |row: u32| touchpoint_id(ids, row).unwrap_or_default();
    for range in std::mem::take(&mut touches.shared) {
        touches.all[range].sort_by(|a, b| id(a.row).cmp(id(b.row)));
    }
}

/// Id of a touchpoint by its number.
pub fn touchpoint_id(chunks: &[datafusion::arrow::array::StringArray], row: u32) -> Option<&str> {
    let mut rest = row as usize;
    for chunk in chunks {
        if rest < chunk.len() {
            return Some(chunk.value(rest));
        }
        rest -= chunk.len();
    }
    None
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

fn people_of(
    arranged: &Arranged,
    campaigns: &mut Names,
    users: &mut Names,
    campaign_rows: &Entities,
    names_all: bool,
) -> Vec<Person> {
    let rows = &arranged.people.rows;
    let created = instant_column(rows, "created_at");
    let campaign = columns::numbered(rows, "campaign_id", |id| campaigns.place(id));
    let owner = columns::numbered(rows, "owner_id", |id| users.place(id));
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
    let campaign = columns::numbered(rows, "campaign_id", |id| campaigns.place(id));
    let owner = columns::numbered(rows, "owner_id", |id| users.place(id));
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
pub use timelines::{Assembly, Feeder};

/// Purchases as the fold takes them.
fn purchase_slice(purchases: &BySubject<Micros>) -> Vec<Purchase> {
    purchases.events.iter().map(|at| Purchase { at: *at }).collect()
}
