//! Dimensions: what facts are sliced by, prepared once as codes over the entities.

use crate::error::EngineError;
use crate::identity;
use crate::load::{View, World};
use crate::load::columns::Names;
use crate::load::{entities, truth};
use crate::record::{Record, par};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use treaty_domain::agreement::Agreement;
use treaty_domain::timeline::NONE;
use treaty_domain::zone::{Micros, Zone};

/// Type of a dimension column.
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// No value, as a code.
const NULL: i32 = -1;

/// A dimension of a kind of entity: a code for each entity, and the words behind the codes.
#[derive(Debug, Clone)]
pub struct Dim {
    words: ArrayRef,
    codes: Arc<[i32]>,
}

impl Dim {
    fn of(column: &ArrayRef) -> Result<Self, EngineError> {
        let column = cast(column, &dictionary())?;
        let dict = column.as_dictionary::<Int32Type>();
        // Values need not be distinct, and may be missing: words are both distinct and there.
        let mut names = Names::default();
        let of_value: Vec<i32> =
            dict.values().as_string::<i32>().iter().map(|w| w.map_or(NULL, |w| names.place(w) as i32)).collect();
        let codes = dict.keys().iter().map(|k| k.map_or(NULL, |k| of_value[k as usize])).collect();
        Ok(Self { words: words(&names), codes })
    }

    /// As the dimension of rows that name their entity.
    pub fn rows(&self, rows: &[u32]) -> Made {
        keyed(&self.words, rows.iter().map(|r| self.code(*r)).collect())
    }

    /// Whether an entity has a value.
    pub fn has(&self, entity: u32) -> bool {
        self.code(entity) >= 0
    }

    fn code(&self, entity: u32) -> i32 {
        self.codes.get(entity as usize).copied().unwrap_or(NULL)
    }
}

/// One dimension that two kinds of entities have, over one list of words.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Of people.
    pub people: Dim,
    /// Of opportunities.
    pub opportunities: Dim,
}

impl Shared {
    fn new(people: Dim, opportunities: Dim) -> Self {
        let (a, b) = (people.words.as_string::<i32>(), opportunities.words.as_string::<i32>());
        let mut words = Names::default();
        let mut map = |list: &StringArray| -> Vec<i32> {
            list.iter().map(|w| w.map_or(NULL, |w| words.place(w) as i32)).collect()
        };
        let (of_a, of_b) = (map(a), map(b));
        let recode = |dim: &Dim, map: &[i32]| -> Arc<[i32]> {
            dim.codes.iter().map(|c| usize::try_from(*c).ok().and_then(|c| map.get(c).copied()).unwrap_or(NULL)).collect()
        };
        let (codes_a, codes_b) = (recode(&people, &of_a), recode(&opportunities, &of_b));
        let words: ArrayRef = Arc::new(StringArray::from_iter_values(words.list()));
        Self {
            people: Dim { words: Arc::clone(&words), codes: codes_a },
            opportunities: Dim { words, codes: codes_b },
        }
    }

    /// Rows that name a person or else an opportunity.
    pub fn rows(&self, people: impl Fn(usize) -> bool, subjects: &[u32]) -> Made {
        let code = |(i, s): (usize, &u32)| if people(i) { self.people.code(*s) } else { self.opportunities.code(*s) };
        keyed(&self.people.words, subjects.iter().enumerate().map(code).collect())
    }
}

/// Tables of the record that dimensions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// People.
    People,
    /// Accounts.
    Accounts,
    /// Opportunities.
    Opportunities,
    /// Hand-offs.
    Handoffs,
}

impl Of {
    fn table(self) -> &'static str {
        match self {
            Of::People => "people",
            Of::Accounts => "accounts",
            Of::Opportunities => "opportunities",
            Of::Handoffs => "handoffs",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Of::People => "person_id",
            Of::Accounts => "account_id",
            Of::Opportunities => "opportunity_id",
            Of::Handoffs => "handoff_id",
        }
    }
}

/// A column of the record that a column of facts is made from.
pub type Need = (Of, String);

/// How people, accounts, opportunities, users and campaigns are numbered.
#[derive(Debug)]
pub struct Numbers {
    /// Ids of people.
    pub person_id: ArrayRef,
    /// Ids of accounts.
    pub account_id: ArrayRef,
    /// Ids of opportunities.
    pub opportunity_id: ArrayRef,
    /// Users.
    pub user: ArrayRef,
    /// Team of each user.
    pub team: ArrayRef,
    /// Campaigns.
    pub campaign: ArrayRef,
    /// Channel of each campaign.
    pub channel: ArrayRef,
    /// Origin of each campaign.
    pub origin: ArrayRef,
    /// Account of each person.
    pub account_of_person: Vec<u32>,
    /// Account of each opportunity.
    pub account_of_opportunity: Vec<u32>,
    /// Campaign of each person.
    pub campaign_of_person: Vec<u32>,
    /// Stored row of each person, account, opportunity and hand-off; none: as stored.
    pub orders: [Option<UInt32Array>; 4],
}

/// What the columns of facts are made from, beside the facts. Columns of the record are read when
/// something first needs them.
#[derive(Debug)]
pub struct Shape {
    /// Reporting zone.
    pub zone: Zone,
    /// The as-of instant.
    pub as_of: Micros,
    /// Number of stages, which is the rank of a win.
    pub won_rank: u8,
    /// Stage ids by rank, with `won` at the end.
    pub stages: ArrayRef,
    /// Numbered names.
    pub numbers: Numbers,
    /// Of campaigns: `channel`, `origin`.
    pub of_campaign: BTreeMap<&'static str, Dim>,
    /// Of users: `team`.
    pub team: Dim,
    record: Record,
    version: u64,
    read: Mutex<BTreeMap<Need, Dim>>,
    shared: Mutex<BTreeMap<&'static str, Shared>>,
    touchpoint_ids: Mutex<HashMap<u32, String>>,
}

fn column(rows: &RecordBatch, name: &str, target: &DataType) -> Result<ArrayRef, EngineError> {
    match rows.column_by_name(name) {
        Some(c) => Ok(cast(c, target)?),
        None => Ok(new_null_array(target, rows.num_rows())),
    }
}

/// Column of an entity table in the order of a name list; names without a row get nothing.
fn by_name(rows: &RecordBatch, name: &str, n: usize) -> Result<ArrayRef, EngineError> {
    let own = column(rows, name, &DataType::Utf8)?;
    let places: UInt32Array = (0..n as u32).map(|i| ((i as usize) < own.len()).then_some(i)).collect();
    Ok(take(&own, &places, None)?)
}

/// No order where everything is in the order in which it is stored.
fn as_stored(order: UInt32Array) -> Option<UInt32Array> {
    let stored = order.null_count() == 0 && order.values().iter().zip(0..).all(|(row, i)| *row == i);
    (!stored).then_some(order)
}

fn words(names: &Names) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(names.list()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shape {
    /// What the names of a loaded record are made from.
    ///
    /// # Errors
    /// When columns have another type than the layout says, which is a defect.
    pub fn new(world: &World, agreement: &Agreement, view: View, record: &Record) -> Result<Self, EngineError> {
        let t = &world.timelines;
        let n = world.campaigns().len();
        let list = |kind, column| Ok::<_, EngineError>(world.numbers(kind, column)?.values().to_vec());
        let order = |kind| Ok::<_, EngineError>(as_stored(world.numbers(kind, "order")?));
        let numbers = Numbers {
            person_id: t.entities("people", "id")?,
            account_id: t.entities("accounts", "id")?,
            opportunity_id: t.entities("opportunities", "id")?,
            user: words(world.users()),
            team: by_name(&world.user_rows, "team", world.users().len())?,
            campaign: words(world.campaigns()),
            channel: by_name(&world.campaign_rows, "channel", n)?,
            origin: by_name(&world.campaign_rows, "origin", n)?,
            account_of_person: list("people", "account")?,
            account_of_opportunity: list("opportunities", "account")?,
            campaign_of_person: list("people", "campaign")?,
            orders: [order("people")?, order("accounts")?, order("opportunities")?, None],
        };
        Self::of_numbers(numbers, agreement, view, record)
    }

    /// With names that are numbered already.
    ///
    /// # Errors
    /// When columns have another type than the layout says, which is a defect.
    pub fn of_numbers(numbers: Numbers, agreement: &Agreement, view: View, record: &Record) -> Result<Self, EngineError> {
        let mut stages: Vec<&str> = agreement.stages.iter().map(|s| s.id.as_str()).collect();
        stages.push("won");
        Ok(Self {
            zone: agreement.zone.clone(),
            as_of: agreement.zone.start_of_day(view.as_of.plus(1)),
            won_rank: agreement.stages.len() as u8,
            stages: Arc::new(StringArray::from(stages)),
            of_campaign: [("channel", Dim::of(&numbers.channel)?), ("origin", Dim::of(&numbers.origin)?)].into(),
            team: Dim::of(&numbers.team)?,
            numbers,
            record: record.clone(),
            version: view.version,
            read: Mutex::default(),
            shared: Mutex::default(),
            touchpoint_ids: Mutex::default(),
        })
    }

    /// Reads columns of the record that are not there yet. A name that is no column of its table is
    /// a custom attribute.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn prepare(&self, needs: &[Need]) -> Result<(), EngineError> {
        for (of, name) in needs {
            if locked(&self.read).contains_key(&(*of, name.clone())) {
                continue;
            }
            if name == identity::QUARANTINED {
                let suspects = if *of == Of::People { identity::marked(&self.record, self.version).await? } else { BTreeSet::new() };
                let ids = entities::column(&self.record, of.table(), self.version, of.id()).await?;
                let dim = Dim::of(&entities::in_order(&identity::marks(&ids, &suspects)?, self.numbers.orders[*of as usize].as_ref())?)?;
                locked(&self.read).insert((*of, name.clone()), dim);
                continue;
            }
            let known = self.record.schema(of.table())?.index_of(name).is_ok();
            let stored = if known { name.as_str() } else { "attributes" };
            let mut raw = entities::column(&self.record, of.table(), self.version, stored).await?;
            if known {
                raw = truth::column(&self.record, self.version, of.table(), name, raw, self.as_of).await?;
            }
            let order = self.numbers.orders[*of as usize].as_ref();
            let dim = par::blocking(|| -> Result<Dim, EngineError> {
                let column = if known { raw } else { attribute(&raw, name)? };
                Dim::of(&entities::in_order(&column, order)?)
            })?;
            locked(&self.read).insert((*of, name.clone()), dim);
        }
        Ok(())
    }

    /// A dimension that was prepared.
    ///
    /// # Errors
    /// When it was not, which is a defect.
    pub fn dim(&self, of: Of, name: &str) -> Result<Dim, EngineError> {
        let dim = locked(&self.read).get(&(of, name.to_owned())).cloned();
        dim.ok_or_else(|| EngineError::Ask(format!("{}.{name} was not read; this is a defect of Treaty", of.table())))
    }

    /// `lead_source` of people and the one that opportunities name themselves; `territory` of the
    /// account of a person, and of an opportunity, else of its account.
    ///
    /// # Errors
    /// When it was not prepared, which is a defect.
    pub fn shared(&self, name: &'static str) -> Result<Shared, EngineError> {
        let mut known = locked(&self.shared);
        if let Some(shared) = known.get(name) {
            return Ok(shared.clone());
        }
        let own = self.dim(Of::Opportunities, name)?;
        let shared = if name == "territory" {
            let accounts = self.dim(Of::Accounts, name)?;
            let both = Shared::new(accounts, own);
            let of = |list: &[u32]| -> Vec<i32> { list.iter().map(|a| both.people.code(*a)).collect() };
            let people = of(&self.numbers.account_of_person).into();
            let fallback = of(&self.numbers.account_of_opportunity);
            let opportunities = both.opportunities.codes.iter().zip(fallback).map(|(own, other)| if *own >= 0 { *own } else { other }).collect();
            let words = &both.people.words;
            Shared { people: Dim { words: Arc::clone(words), codes: people }, opportunities: Dim { words: Arc::clone(words), codes: opportunities } }
        } else {
            Shared::new(self.dim(Of::People, name)?, own)
        };
        known.insert(name, shared.clone());
        Ok(shared)
    }

    /// Reads the ids of touchpoints by their number.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn prepare_touchpoints(&self, rows: &[u32]) -> Result<(), EngineError> {
        let mut missing: Vec<u32> = {
            let known = locked(&self.touchpoint_ids);
            rows.iter().copied().filter(|r| *r != NONE && !known.contains_key(r)).collect()
        };
        missing.sort_unstable();
        missing.dedup();
        let ids = self.record.cells("touchpoints", self.version, "touchpoint_id", &missing).await?;
        locked(&self.touchpoint_ids).extend(missing.into_iter().zip(ids).filter_map(|(row, id)| Some((row, id?))));
        Ok(())
    }

    /// Ids of touchpoints that were prepared.
    pub fn touchpoints(&self, rows: &[u32]) -> StringArray {
        let known = locked(&self.touchpoint_ids);
        rows.iter().map(|r| known.get(r).map(String::as_str)).collect()
    }
}

/// A custom attribute of each row of a column of JSON objects.
fn attribute(json: &ArrayRef, key: &str) -> Result<ArrayRef, EngineError> {
    let json = cast(json, &dictionary())?;
    let dict = json.as_dictionary::<Int32Type>();
    let values: StringArray = dict.values().as_string::<i32>().iter().map(|j| crate::sql::attribute(j?, key)).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(dict.keys().clone(), Arc::new(values))?))
}

/// A column as it was made.
#[derive(Debug, Clone)]
pub enum Made {
    /// Values.
    Values(ArrayRef),
    /// Codes over a list of words that is the same for all chunks.
    Codes(ArrayRef, Int32Array),
}

impl Made {
    /// As people read it.
    ///
    /// # Errors
    /// When codes and words do not fit, which is a defect.
    pub fn readable(self) -> Result<ArrayRef, EngineError> {
        Ok(match self {
            Made::Values(values) => values,
            Made::Codes(words, codes) if words.is_empty() => new_null_array(&dictionary(), codes.len()),
            Made::Codes(words, codes) => Arc::new(DictionaryArray::<Int32Type>::try_new(codes, words)?),
        })
    }
}

/// A column that names entities by their ids: the positions are the codes.
pub fn ids(words: &ArrayRef, rows: &[u32]) -> Made {
    let n = words.len() as u32;
    keyed(words, rows.iter().map(|r| if *r < n { *r as i32 } else { NULL }).collect())
}

/// Codes over words; a negative code is NULL.
pub fn keyed(words: &ArrayRef, codes: Vec<i32>) -> Made {
    let least = codes.iter().fold(0, |least, code| least.min(*code));
    let nulls = (least < 0).then(|| NullBuffer::new(BooleanBuffer::collect_bool(codes.len(), |i| codes[i] >= 0)));
    Made::Codes(Arc::clone(words), Int32Array::new(ScalarBuffer::from(codes), nulls))
}
