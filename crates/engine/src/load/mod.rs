//! From the record to timelines. What follows from the record alone is made once and kept
//! (`timelines`): `decode` numbers what every table says, `parts` puts the events of a subject
//! together, `assemble` puts whole accounts into chunks. A day and an agreement then look at chunks
//! through a lens (`lens`), which says what counts, and what names mean.

mod assemble;
pub mod chunk;
pub mod columns;
mod criteria;
mod decode;
pub mod entities;
mod ids;
pub mod lens;
mod merges;
mod ordered;
mod parts;
mod patch;
mod place;
mod terms;
pub mod timelines;
pub(crate) mod truth;
mod vocab;

use crate::error::EngineError;
use crate::facts::{self, Shared};
use crate::record::{Record, par};
use columns::{Names, text};
use datafusion::arrow::array::{Array, RecordBatch, StringArray, UInt32Array};
use entities::read_all;
use lens::{Lens, Meaning};
pub(crate) use merges::Merges;
use timelines::{Counted, Source, Timelines};
use treaty_domain::agreement::{AgreementSet, People, StageMeaning};
use treaty_domain::fold::{Context, Terms};
use treaty_domain::money::{Currency, FxTable, Rate};
use treaty_domain::timeline::NONE;
use treaty_domain::zone::{LocalDay, Micros};
use vocab::List;

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
    /// Timelines by chunk.
    pub timelines: Timelines,
    /// How the view looks at them.
    pub lens: Lens,
    /// Small tables of the record.
    pub small: Small,
    /// Where the row of each person, account and opportunity stands in its table; none: all as they are numbered.
    pub orders: [Option<UInt32Array>; 3],
    /// What could not be placed.
    pub strays: Counted,
}

/// Small tables of the record that need no place in a timeline.
pub struct Small {
    /// Campaigns and users, in the order of their ids.
    pub cast: place::Cast,
    /// Spend.
    pub spend: RecordBatch,
    /// Purchases.
    pub purchases: RecordBatch,
    fx_rates: RecordBatch,
}

impl Small {
    /// Reads them, and looks up the tables of entities, which are asked for soon.
    async fn read(record: &Record, version: u64) -> Result<Self, EngineError> {
        const TABLES: [(&str, &[&str]); 5] = [
            place::CAMPAIGNS,
            place::USERS,
            ("spend", &["campaign_id", "channel", "spent_on", "amount", "currency", "impressions", "clicks"]),
            ("purchases", &["account_id", "purchased_at", "product_line", "amount", "currency", "kind"]),
            ("fx_rates", &["currency", "on", "rate"]),
        ];
        let all: Vec<(&str, &[&str])> = TABLES.into_iter().chain(KINDS.map(|kind| (kind, &[] as &[&str]))).collect();
        let read = par::all(&all, async |(table, columns)| match columns {
            [] => record.look_up(table, version).await.map(|()| None).map_err(EngineError::from),
            _ => read_all(record, table, version, columns).await.map(Some),
        });
        let read: Vec<RecordBatch> = read.await?.into_iter().flatten().collect();
        let Ok([campaigns, users, spend, purchases, fx_rates]) = <[RecordBatch; TABLES.len()]>::try_from(read) else {
            return Err(EngineError::Ask("a small table was not read; this is a defect of Treaty".to_owned()));
        };
        Ok(Self { cast: place::Cast::of(&campaigns, &users)?, spend, purchases, fx_rates })
    }
}

/// Reads everything that the pass needs. `whole`: numbers are those that every process gives
/// ([`Timelines::open`]).
///
/// # Errors
/// When a table cannot be read, or a condition of the agreement cannot be evaluated.
pub async fn load(record: &Record, set: &AgreementSet, view: View, whole: bool) -> Result<World, EngineError> {
    let newest = set.on(view.day());
    let zone = newest.zone.clone();
    let as_of = terms::as_of_instant(&zone, view.as_of);
    let reporting = newest.currency;
    let bits = terms::criteria(set).map_err(EngineError::Agreement)?;
    let placed = Box::pin(async {
        let source = Source::read(record, view, as_of).await?;
        let timelines = Timelines::open(record, &source, whole).await?;
        Ok::<_, EngineError>((source, timelines))
    });
    let (placed, small) = par::join(placed, Box::pin(Small::read(record, view.version))).await;
    let ((source, timelines), small) = (placed?, small?);
    let orders = orders(record, &source, &timelines).await?;
    let criteria = criteria::evaluate(&bits, record, &source, &timelines, &orders).await?;

    let names = |list: List| timelines.vocabulary.of(list);
    let each = |list: List, of: &dyn Fn(&str) -> bool| names(list).list().iter().map(|n| of(n.as_str())).collect::<Vec<bool>>();
    let any = |list: &[String], name: &str| list.iter().any(|n| n.eq_ignore_ascii_case(name.trim()));
    let exempt: &[String] = newest.promises.attempts_before_dead.as_ref().map_or(&[], |p| &p.exempt_reasons);
    let counts = &newest.rules.kinds;
    let rank: Vec<u32> = names(List::Stages).list().iter().map(|v| rank(newest.meaning(v))).collect();
    let strays = strays(&timelines.contents.counted, &rank);
    let lens = Lens {
        as_of,
        as_corrected: view.as_corrected,
        roles: false,
        rank: Meaning { of: rank, missing: NONE },
        overridden: Meaning { of: each(List::Reasons, &|r| r.trim().to_ascii_lowercase().starts_with("override")), missing: false },
        exempt: Meaning { of: each(List::Reasons, &|r| any(exempt, r)), missing: false },
        direct: Meaning { of: each(List::Channels, &|c| any(&newest.rules.direct_channels, c)), missing: false },
        currency: Meaning {
            of: names(List::Currencies).list().iter().map(|c| Currency::parse(c.trim()).unwrap_or(reporting)).collect(),
            missing: reporting,
        },
        // A kind that is not said counts, too.
        counts: Meaning { of: each(List::DealKinds, &|k| any(counts, k)), missing: true },
        lead_generation: lead_generation(names(List::Campaigns), &small.cast.campaigns, newest.rules.ratio_names_all),
        criteria,
    };
    let traits = user_traits(&small.cast.users);
    let fx = fx_table(&small.fx_rates, reporting);
    let resolve = |a| terms::resolve(a, newest, &bits, names(List::Stages), names(List::Kinds), names(List::Users), &traits);
    let resolved: Vec<Terms> = set.versions().iter().map(resolve).collect();
    let context = Context { as_of, zone, currency: reporting, fx, terms: resolved };
    let lens = Lens { roles: uses_roles(&context), ..lens };
    Ok(World { context, timelines, lens, small, orders, strays })
}

/// Makes the timelines of the newest version after an import and keeps them, so that the next question need
/// not: from all rows after a `large` one, else where they hardly differ from those that are kept, and then the
/// facts that were asked last as well. Gives those that other homes could take.
///
/// # Errors
/// When the record cannot be read.
pub async fn prepare(record: &Record, set: &AgreementSet, large: bool) -> Result<Option<Shared>, EngineError> {
    let view = View { version: record.version(), as_of: LocalDay(0), as_corrected: true, without_merges_since: None };
    let source = Source::read(record, view, Micros(i64::MAX)).await?;
    if large {
        return Timelines::open(record, &source, true).await.map(|_| None);
    }
    if Timelines::follow(record, &source).await?
        && let Some(view) = facts::asked_last(record, set)
    {
        // Merges behind the day do not count in it: then it has timelines of its own.
        let as_of = terms::as_of_instant(&set.on(view.day()).zone, view.as_of);
        let source = Source::read(record, view, as_of).await?;
        if Timelines::follow(record, &source).await? {
            facts::follow(record, set, view).await?;
            return Ok(facts::shared(record, set, view).filter(Shared::is_due));
        }
    }
    Ok(None)
}

/// The order of what a stage value means; [`NONE`] for nothing.
fn rank(meaning: Option<StageMeaning>) -> u32 {
    meaning.map_or(NONE, |m| match m {
        StageMeaning::Stage(r) => u32::from(r),
        StageMeaning::Disqualified => 100,
        StageMeaning::Recycled => 101,
        StageMeaning::Lost => 102,
        StageMeaning::Won => 103,
    })
}

/// What could not be placed, stage changes included whose value the agreement does not know.
fn strays(counted: &Counted, rank: &[u32]) -> Counted {
    // Before the first value stand those that have none.
    let unknown = |at: usize| at == 0 || rank.get(at - 1).is_none_or(|r| *r == NONE);
    let values: u64 = counted.stages.iter().enumerate().filter(|(at, _)| unknown(*at)).map(|(_, n)| n).sum();
    Counted { stage_changes: counted.stage_changes + values, ..counted.clone() }
}

/// Campaigns that acquire; one that does not say what it is for is taken to.
fn lead_generation(campaigns: &Names, rows: &RecordBatch, names_all: bool) -> Meaning<bool> {
    let mut of = vec![true; campaigns.len()];
    if let (Some(id), Some(intent)) = (text(rows, "campaign_id"), text(rows, "intent")) {
        for (id, intent) in id.iter().zip(&intent) {
            if let (Some(place), Some(intent)) = (id.and_then(|id| campaigns.find(id)), intent) {
                of[place as usize] = names_all || intent.trim().eq_ignore_ascii_case("acquire");
            }
        }
    }
    Meaning { of, missing: names_all }
}

/// Where the rows of entities stand in their tables.
async fn orders(record: &Record, source: &Source, timelines: &Timelines) -> Result<[Option<UInt32Array>; 3], EngineError> {
    let order = async |kind| {
        let rows = timelines.numbers(kind, "row")?;
        let rows = record.places(kind, source.version, timelines.numbering(kind), &rows).await?;
        Ok::<_, EngineError>((!as_stored(&rows)).then_some(rows))
    };
    let orders = par::all(&KINDS, order).await?;
    orders.try_into().map_err(|_| EngineError::Ask("a kind of entity has no order; this is a defect of Treaty".to_owned()))
}

/// Whether rows stand in their table as they are numbered.
fn as_stored(rows: &UInt32Array) -> bool {
    rows.null_count() == 0 && rows.values().iter().zip(0..).all(|(row, i)| *row == i)
}

impl World {
    /// Names of campaigns.
    pub fn campaigns(&self) -> &Names {
        self.timelines.vocabulary.of(List::Campaigns)
    }

    /// Names of users.
    pub fn users(&self) -> &Names {
        self.timelines.vocabulary.of(List::Users)
    }
}

/// Kinds of entities that are numbered, by the names of their tables.
pub const KINDS: [&str; 3] = ["people", "accounts", "opportunities"];

fn user_traits(rows: &RecordBatch) -> terms::UserTraits {
    let mut traits = terms::UserTraits::default();
    let (id, team, territory) = (text(rows, "user_id"), text(rows, "team"), text(rows, "territory"));
    let Some(id) = id else { return traits };
    for i in 0..rows.num_rows() {
        let put = |column: &Option<StringArray>| {
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

/// Whether any version takes touches from contact roles, so that guests matter.
fn uses_roles(context: &Context) -> bool {
    context.terms.iter().any(|t| t.people != People::Account)
}
