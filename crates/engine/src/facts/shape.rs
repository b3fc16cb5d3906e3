//! Dimensions: what facts are sliced by, prepared once as codes over the entities.

use crate::error::EngineError;
use crate::mapped;
use crate::identity;
use crate::load::{View, World};
use crate::load::columns::Names;
use crate::load::{entities, truth};
use crate::record::{Numbering, Record, par};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, UInt32Type};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
    codes: ScalarBuffer<i32>,
}

/// Where a kept dimension has its words.
const WORDS: &str = "words";

/// The file of a dimension; one whose name could be no name of a file is not kept.
fn kept_dim(folder: &Path, of: Of, name: &str) -> Option<PathBuf> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (plain && name.len() < 100).then(|| folder.join(format!("dim-{}-{name}.arrow", of.table())))
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

    /// A dimension that is kept.
    fn read(file: &Path) -> Result<Self, EngineError> {
        let batch = mapped::read(file, 0)?;
        let broken = || EngineError::Ask(format!("{} is broken; remove it", file.display()));
        let schema = batch.schema();
        let words: Vec<String> =
            schema.metadata().get(WORDS).and_then(|words| serde_json::from_str(words).ok()).ok_or_else(broken)?;
        let codes = batch.column(0).as_primitive_opt::<Int32Type>().ok_or_else(broken)?;
        if codes.values().iter().any(|code| *code >= words.len() as i32) {
            return Err(broken());
        }
        Ok(Self { words: Arc::new(StringArray::from(words)), codes: codes.values().clone() })
    }

    /// Keeps it in a file, which is there as a whole or not at all.
    fn write(&self, file: &Path) -> Result<(), EngineError> {
        let words: Vec<&str> = self.words.as_string::<i32>().iter().flatten().collect();
        let words = serde_json::to_string(&words).map_err(|e| EngineError::Ask(e.to_string()))?;
        let schema = Schema::new(vec![Field::new("code", DataType::Int32, true)]).with_metadata([(WORDS.to_owned(), words)].into());
        let codes = Int32Array::new(self.codes.clone(), None);
        let unfinished = file.with_extension(format!("unfinished-{}", std::process::id()));
        mapped::write(&unfinished, &RecordBatch::try_new(Arc::new(schema), vec![Arc::new(codes)])?)?;
        Ok(std::fs::rename(unfinished, file)?)
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
        let recode = |dim: &Dim, map: &[i32]| -> ScalarBuffer<i32> {
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

/// Entities or names by their number: a batch that is read when somebody first asks for it.
#[derive(Debug)]
pub struct List {
    batch: OnceLock<RecordBatch>,
    file: PathBuf,
}

impl From<RecordBatch> for List {
    fn from(batch: RecordBatch) -> Self {
        Self { batch: batch.into(), file: PathBuf::new() }
    }
}

impl List {
    /// A list that is kept in a file.
    pub fn kept(file: PathBuf) -> Self {
        Self { batch: OnceLock::new(), file }
    }

    /// All columns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn batch(&self) -> Result<&RecordBatch, EngineError> {
        if let Some(batch) = self.batch.get() {
            return Ok(batch);
        }
        let batch = mapped::read(&self.file, 0)?;
        Ok(self.batch.get_or_init(|| batch))
    }

    /// A column.
    ///
    /// # Errors
    /// When the file cannot be read, or there is no such column, which is a defect.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, EngineError> {
        self.batch()?.column_by_name(name).ok_or_else(|| EngineError::Ask(format!("the facts have no list of `{name}`; this is a defect of Treaty")))
    }

    /// A column of numbers.
    ///
    /// # Errors
    /// See [`List::column`].
    pub fn numbers(&self, name: &str) -> Result<&[u32], EngineError> {
        Ok(self.column(name)?.as_primitive_opt::<UInt32Type>().map_or(&[], |numbers| numbers.values()))
    }
}

/// How people, accounts, opportunities, users and campaigns are numbered.
#[derive(Debug)]
pub struct Numbers {
    /// People: `id`, `account`, `campaign`.
    pub people: List,
    /// Accounts: `id`.
    pub accounts: List,
    /// Opportunities: `id`, `account`.
    pub opportunities: List,
    /// Stored rows of people, accounts and opportunities: `row`; empty where they are in the order in which they are
    /// stored. Rows move with every import that replaces some, ids hardly ever.
    pub orders: [List; 3],
    /// Users: `id`, `team`.
    pub users: List,
    /// Campaigns: `id`, `channel`, `origin`.
    pub campaigns: List,
    /// How the rows of touchpoints and of hand-offs are numbered.
    pub rows: [Numbering; 2],
}

impl Numbers {
    /// Stored row of each entity, unless they are in the order in which they are stored.
    fn order(&self, of: Of) -> Result<Option<&UInt32Array>, EngineError> {
        let [people, accounts, opportunities] = &self.orders;
        let list = match of {
            Of::People => people,
            Of::Accounts => accounts,
            Of::Opportunities => opportunities,
            Of::Handoffs => return Ok(None),
        };
        Ok(list.column("row")?.as_primitive_opt::<UInt32Type>().filter(|rows| !rows.is_empty()))
    }
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
    /// Folder of the facts, where they are kept: dimensions that were asked for are kept there, too.
    kept: Option<PathBuf>,
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
fn by_name(rows: &RecordBatch, id: &str, name: &str, names: &Names) -> Result<ArrayRef, EngineError> {
    let mut places: Vec<Option<u32>> = vec![None; names.len()];
    for (row, id) in column(rows, id, &DataType::Utf8)?.as_string::<i32>().iter().enumerate() {
        if let Some(place) = id.and_then(|id| names.find(id)) {
            places[place as usize] = Some(row as u32);
        }
    }
    Ok(take(&column(rows, name, &DataType::Utf8)?, &UInt32Array::from(places), None)?)
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
        let of_campaigns = |name| by_name(&world.small.cast.campaigns, "campaign_id", name, world.campaigns());
        let names = |columns: Vec<(&str, ArrayRef)>| -> Result<List, EngineError> {
            Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?.into())
        };
        let list = |kind: &'static str, columns: &[&'static str]| -> Result<List, EngineError> {
            names(columns.iter().map(|name| Ok((*name, t.entities(kind, name)?))).collect::<Result<_, EngineError>>()?)
        };
        let order = |rows: Option<&UInt32Array>| names(vec![("row", Arc::new(rows.cloned().unwrap_or_else(|| UInt32Array::new_null(0))))]);
        let team = by_name(&world.small.cast.users, "user_id", "team", world.users())?;
        let [people, accounts, opportunities] = world.orders.each_ref().map(Option::as_ref);
        let numbers = Numbers {
            people: list("people", &["id", "account", "campaign"])?,
            accounts: list("accounts", &["id"])?,
            opportunities: list("opportunities", &["id", "account"])?,
            orders: [order(people)?, order(accounts)?, order(opportunities)?],
            users: names(vec![("id", words(world.users())), ("team", team)])?,
            campaigns: names(vec![
                ("id", words(world.campaigns())),
                ("channel", of_campaigns("channel")?),
                ("origin", of_campaigns("origin")?),
            ])?,
            rows: ["touchpoints", "handoffs"].map(|table| t.numbering(table).clone()),
        };
        Self::of_numbers(numbers, agreement, view, record)
    }

    /// With names that are numbered already.
    ///
    /// # Errors
    /// When columns have another type than the layout says, which is a defect.
    pub fn of_numbers(numbers: Numbers, agreement: &Agreement, view: View, record: &Record) -> Result<Self, EngineError> {
        let of_campaign = |name| Dim::of(numbers.campaigns.column(name)?);
        let mut stages: Vec<&str> = agreement.stages.iter().map(|s| s.id.as_str()).collect();
        stages.push("won");
        Ok(Self {
            zone: agreement.zone.clone(),
            as_of: agreement.zone.start_of_day(view.as_of.plus(1)),
            won_rank: agreement.stages.len() as u8,
            stages: Arc::new(StringArray::from(stages)),
            of_campaign: [("channel", of_campaign("channel")?), ("origin", of_campaign("origin")?)].into(),
            team: Dim::of(numbers.users.column("team")?)?,
            numbers,
            record: record.clone(),
            version: view.version,
            kept: None,
            read: Mutex::default(),
            shared: Mutex::default(),
            touchpoint_ids: Mutex::default(),
        })
    }

    /// Keeps dimensions that are asked for in the folder of the facts.
    #[must_use]
    pub fn kept_in(self, folder: &Path) -> Self {
        Self { kept: Some(folder.to_owned()), ..self }
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
            let file = self.kept.as_ref().and_then(|folder| kept_dim(folder, *of, name));
            let dim = match file.as_ref().and_then(|file| Dim::read(file).ok()) {
                Some(dim) => dim,
                None => {
                    let dim = self.dim_of_record(*of, name).await?;
                    // What cannot be kept is read again.
                    let _ = file.map(|file| dim.write(&file));
                    dim
                }
            };
            locked(&self.read).insert((*of, name.clone()), dim);
        }
        Ok(())
    }

    /// A dimension from the record.
    async fn dim_of_record(&self, of: Of, name: &str) -> Result<Dim, EngineError> {
        if name == identity::QUARANTINED {
            let suspects = if of == Of::People { identity::marked(&self.record, self.version).await? } else { BTreeSet::new() };
            let ids = entities::column(&self.record, of.table(), self.version, of.id()).await?;
            return Dim::of(&entities::in_order(&identity::marks(&ids, &suspects)?, self.numbers.order(of)?)?);
        }
        let known = self.record.schema(of.table())?.index_of(name).is_ok();
        let stored = if known { name } else { "attributes" };
        let mut raw = entities::column(&self.record, of.table(), self.version, stored).await?;
        if known {
            raw = truth::column(&self.record, self.version, of.table(), name, raw, self.as_of).await?;
        }
        let handoffs = match of {
            Of::Handoffs => {
                let numbering = &self.numbers.rows[1];
                let all = UInt32Array::from_iter_values((0..numbering.rows()).map(|row| row as u32));
                Some(self.record.places("handoffs", self.version, numbering, &all).await?).filter(|rows| *rows != all)
            }
            _ => None,
        };
        let order = match &handoffs {
            Some(rows) => Some(rows),
            None => self.numbers.order(of)?,
        };
        par::blocking(|| {
            let column = if known { raw } else { attribute(&raw, name)? };
            Dim::of(&entities::in_order(&column, order)?)
        })
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
            let people: Vec<i32> = of(self.numbers.people.numbers("account")?);
            let fallback = of(self.numbers.opportunities.numbers("account")?);
            let opportunities = both.opportunities.codes.iter().zip(fallback).map(|(own, other)| if *own >= 0 { *own } else { other }).collect();
            let words = &both.people.words;
            Shared { people: Dim { words: Arc::clone(words), codes: people.into() }, opportunities: Dim { words: Arc::clone(words), codes: opportunities } }
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
        let ids = self.record.cells("touchpoints", self.version, &self.numbers.rows[0], "touchpoint_id", &missing).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_that_was_kept_is_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let column: ArrayRef = Arc::new(StringArray::from(vec![Some("web"), None, Some("a \"fair\""), Some("web")]));
        let dim = Dim::of(&column).expect("a dimension");
        let file = kept_dim(folder.path(), Of::People, "lead_source").expect("a name");
        dim.write(&file).expect("written");
        let again = Dim::read(&file).expect("read");
        assert_eq!((again.words.as_ref(), &again.codes[..]), (dim.words.as_ref(), &dim.codes[..]));
        let shown = again.rows(&[2, 1, 3, NONE]).readable().expect("a column");
        let shown = cast(&shown, &DataType::Utf8).expect("texts");
        assert_eq!(shown.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a \"fair\""), None, Some("web"), None]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("files").count(), 1);
        assert!(kept_dim(folder.path(), Of::People, "../x").is_none());
    }
}
