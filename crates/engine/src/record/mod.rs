//! The record: what happened, in Delta tables below `HOME/record/` or in a [`Place`] that several homes
//! share.
//!
//! Each table of the layout is one Delta table. The ledger, `record/_ledger/`, has one row for
//! every version of the record; it names the Delta version of every table. **The commit of that row
//! is the atomic point of an import**: readers open tables only at the versions that the ledger
//! names, so what a crashed import committed to single tables is never seen, and the next writer
//! takes it back before it goes on.
//!
//! - `source` reads what comes, with `header`, `cast`, `parse`, `piece` and `checks`;
//! - `flat`, `keys` and `twins` put the rows of a table together, one for each key;
//! - `claims` settles whose word counts where several sources write one id;
//! - `upsert` compares with what is stored, `order` sorts, `encode` and `pages` make
//!   Parquet files;
//! - `snapshot` makes history of rows that show a state;
//! - `place` is where a record is, `lease` lets one write at a time;
//! - `numbering` gives rows numbers that last, and tells versions apart;
//! - `store` and `ledger` commit, `gone` notes replaced rows, `reader` reads, `upkeep` joins small files and deletes unneeded ones;
//! - `hash` defines the stored hashes.

mod cast;
mod cells;
mod checks;
mod claims;
mod encode;
mod error;
mod filter;
mod flat;
mod gone;
mod hash;
mod header;
mod import;
mod keys;
mod landing;
mod lease;
mod ledger;
mod numbering;
mod order;
mod pages;
pub(crate) mod par;
mod parse;
mod piece;
mod place;
mod reader;
mod schema;
mod snapshot;
mod source;
mod store;
mod twins;
mod upkeep;
mod upsert;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{TableProvider, ViewTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::object_store::ObjectStore;
use treaty_app::import::{LogEntry, Silent};
use treaty_app::layout::TABLES;
use treaty_app::raw::Fault;
use treaty_app::trust::Truth;

pub(crate) use claims::kept;
pub(crate) use cast::text as cast_text;
pub use error::{RecordError, Result};
pub(crate) use hash::digest;
pub use import::{AT_ONCE, ImportOptions};
pub use numbering::{Difference, Numbering};
pub use place::Place;
pub use reader::TextAs;
pub(crate) use schema::MONEY;
pub use schema::{HASH, KEY, VERSION};
pub use source::Incoming;
pub use upkeep::Upkeep;

use lease::Writer;
use ledger::{Ledger, Row};
use store::{Store, StoredFile};

/// A stored Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFile {
    /// Where it is, below the home for a local record.
    pub path: PathBuf,
    /// Rows in it that count; replaced ones may still stand between them.
    pub rows: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// The record of one home.
#[derive(Debug)]
pub struct Record {
    home: PathBuf,
    store: Arc<Store>,
    truth: Truth,
    /// All versions, and the Delta version of the ledger that holds them.
    ledger: RwLock<(u64, Arc<Ledger>)>,
}

impl Clone for Record {
    /// The same record, as this one knows it now.
    fn clone(&self) -> Self {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { home: self.home.clone(), store: Arc::clone(&self.store), truth: self.truth.clone(), ledger: RwLock::new(ledger) }
    }
}

impl Record {
    /// Creates an empty record in a home, or completes one whose creation was cut short.
    pub async fn init(home: &Path) -> Result<Self> {
        Self::init_at(home, Place::own(home)).await
    }

    /// Opens the record of a home.
    pub async fn open(home: &Path) -> Result<Self> {
        Self::open_at(home, Place::own(home)).await
    }

    /// [`Record::init`] in a place, where another home may have created it before.
    pub async fn init_at(home: &Path, place: Place) -> Result<Self> {
        if let Some(folder) = place.as_folder() {
            std::fs::create_dir_all(folder)
                .map_err(|e| RecordError::read(format!("creating {}", folder.display()), e))?;
        }
        if let Some(objects) = place.objects() {
            // What is wrong with a store is told before a record is in it.
            place.has_record().await?;
            objects.keeps_conditions().await?;
        }
        let store = Store::new(place, None);
        ledger::create(&store).await?;
        Self::open_in(home, store).await
    }

    /// [`Record::open`] of a record in a place.
    pub async fn open_at(home: &Path, place: Place) -> Result<Self> {
        if !place.has_record().await? {
            return Err(match place.is_shared() {
                true => RecordError::NoRecord { place: place.to_string() },
                false => RecordError::NotAHome { home: home.to_owned() },
            });
        }
        Self::open_in(home, Store::new(place, None)).await
    }

    /// Opens or creates a record whose files go through an object store of the caller, under the
    /// same absolute paths. Locks stay local. For tests that break the storage.
    #[doc(hidden)]
    pub async fn open_with_store(home: &Path, objects: Arc<dyn ObjectStore>) -> Result<Self> {
        let store = Store::new(Place::own(home), Some(objects));
        ledger::create(&store).await?;
        Self::open_in(home, store).await
    }

    /// The same record as whoever opens it now finds it.
    pub(crate) async fn reopened(&self) -> Result<Self> {
        let again = Self::open_at(&self.home, self.place().clone()).await?;
        Ok(again.with_truth(self.truth.clone()))
    }

    async fn open_in(home: &Path, store: Store) -> Result<Self> {
        let (at, ledger) = ledger::read(&store).await?;
        Ok(Self {
            home: home.to_owned(),
            store: Arc::new(store),
            truth: Truth::new(),
            ledger: RwLock::new((at, Arc::new(ledger))),
        })
    }

    /// Says whose word counts where sources say different things.
    #[must_use]
    pub fn with_truth(self, truth: Truth) -> Self {
        Self { truth, ..self }
    }

    /// Whose word counts.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Looks for versions that other processes have written since.
    pub async fn refresh(&self) -> Result<()> {
        let known = self.ledger.read().unwrap_or_else(PoisonError::into_inner).0;
        if self.store.newest_version(ledger::LEDGER, known).await? != known {
            let (at, ledger) = ledger::read(&self.store).await?;
            self.keep(at, ledger);
        }
        Ok(())
    }

    fn keep(&self, at: u64, ledger: Ledger) {
        *self.ledger.write().unwrap_or_else(PoisonError::into_inner) = (at, Arc::new(ledger));
    }

    fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// The home that it belongs to.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.store.place
    }

    /// The newest version; 0 is the empty record.
    pub fn version(&self) -> u64 {
        self.ledger().last().map_or(0, |row| row.entry.version)
    }

    /// Instant of the first import, from which on the record knows when it learnt what.
    pub fn first_import_at(&self) -> Option<i64> {
        self.ledger()
            .iter()
            .find(|row| row.entry.kind == "import")
            .map(|row| row.entry.at)
    }

    /// The newest version that was there before an instant.
    pub fn version_at(&self, t: i64) -> u64 {
        self.ledger()
            .iter()
            .filter(|row| row.entry.at < t)
            .map(|row| row.entry.version)
            .max()
            .unwrap_or(0)
    }

    /// All versions, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.ledger().iter().map(|row| row.entry.clone()).collect()
    }

    /// The refused rows of a version, as the import told them.
    pub async fn refused(&self, version: u64) -> Result<Vec<Fault>> {
        let name = self.state_of(version)?.entry.details.refused;
        if name.is_empty() {
            return Ok(Vec::new());
        }
        ledger::refused(&self.store, &name).await
    }

    /// Names of the custom attributes of a table.
    pub fn attribute_keys(&self, table: &str, version: u64) -> Result<Vec<String>> {
        let table = schema::table(table)?;
        Ok(self
            .state_of(version)?
            .attributes
            .get(table.name)
            .cloned()
            .unwrap_or_default())
    }

    /// Schema of a table as stored.
    pub fn schema(&self, table: &str) -> Result<SchemaRef> {
        Ok(schema::stored(schema::table(table)?))
    }

    /// Parquet files of a table.
    pub async fn files(&self, table: &str, version: u64) -> Result<Vec<RecordFile>> {
        let files = self.stored_at(table, version).await?;
        let folder = self.store.folder(table);
        Ok(files
            .iter()
            .map(|f| RecordFile {
                path: folder.join(&f.name),
                rows: f.rows,
                size: f.size,
            })
            .collect())
    }

    /// Columns of a table, one batch for each row group, oldest files first, each in the stored
    /// order. With `dictionary`, text comes as `Dictionary(Int32, Utf8)`, whose values need not be
    /// distinct (see [`TextAs::Dictionary`]), else as `Utf8`. An empty
    /// table has no batches.
    pub async fn read(
        &self,
        table: &str,
        version: u64,
        columns: &[&str],
        dictionary: bool,
    ) -> Result<Vec<RecordBatch>> {
        let how = if dictionary {
            TextAs::Dictionary
        } else {
            TextAs::Plain
        };
        let columns: Vec<(&str, TextAs)> = columns.iter().map(|c| (*c, how)).collect();
        self.read_as(table, version, &columns).await
    }

    /// [`Record::read`] with a choice for every text column.
    pub async fn read_as(
        &self,
        table: &str,
        version: u64,
        columns: &[(&str, TextAs)],
    ) -> Result<Vec<RecordBatch>> {
        let files = self.stored_at(table, version).await?;
        let table = schema::table(table)?;
        let columns: Vec<(usize, TextAs)> = columns
            .iter()
            .map(|(name, how)| Ok((schema::position(table, name)?, *how)))
            .collect::<Result<_>>()?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let objects = self.store.objects(table.name)?;
        let parts = reader::read(objects, &files, &schema::stored(table), &columns).await?;
        Ok(parts.into_iter().map(|part| part.batch).collect())
    }

    /// A table for SQL: the layout's columns, `attributes` and `_version`.
    pub async fn provider(&self, table: &str, version: u64) -> Result<Arc<dyn TableProvider>> {
        let table = schema::table(table)?;
        let full = schema::stored(table);
        let shown: Vec<usize> = (0..full.fields().len())
            .filter(|i| ![HASH, KEY].contains(&full.field(*i).name().as_str()))
            .collect();
        let Some(pinned) = self.state_of(version)?.tables.get(table.name).copied() else {
            return Ok(Arc::new(EmptyTable::new(Arc::new(full.project(&shown)?))));
        };
        let whole = self
            .store
            .load(table.name, pinned)
            .await?
            .table_provider()
            .await?;
        let plan = LogicalPlanBuilder::scan(table.name, provider_as_source(whole), Some(shown))?
            .build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    /// Takes back the newest import that is not undone yet: every table returns to what it was
    /// before. History is kept. Returns the version that is undone and the new one.
    pub async fn undo(&self, at: i64) -> Result<(u64, u64)> {
        let writer = self.lock(at, &Silent).await?;
        let done = self.undo_with(&writer, at).await;
        writer.release().await;
        done
    }

    async fn undo_with(&self, writer: &Writer, at: i64) -> Result<(u64, u64)> {
        self.refresh().await?;
        let before = self.version();
        let ledger = self.ledger();
        let undone: Vec<u64> = ledger.iter().filter_map(|row| row.undoes).collect();
        let last = ledger
            .iter()
            .rev()
            .find(|row| row.entry.kind == "import" && !undone.contains(&row.entry.version))
            .ok_or(RecordError::NothingToUndo)?;
        self.heal(writer, at)
            .await
            .map_err(|e| e.into_write(before))?;
        let number = last.entry.version;
        let target = self.state_of(number - 1)?;
        let current = self.state_of(before)?;
        let mut wanted = BTreeMap::new();
        for (table, now) in &current.tables {
            let then = target.tables.get(table);
            if then != Some(now) {
                let files = match then {
                    Some(then) => self.store.files(table, *then).await?.as_ref().clone(),
                    None => Vec::new(),
                };
                wanted.insert(table.clone(), files);
            }
        }
        let entry = LogEntry {
            version: before + 1,
            at,
            kind: "undo".to_owned(),
            what: format!("version {number}: {}", last.entry.what),
            ..LogEntry::default()
        };
        let attributes = target.attributes.clone();
        let row = self
            .commit(&current, wanted, entry, Some(number), |row| {
                row.attributes = attributes
            })
            .await
            .map_err(|e| e.into_write(before))?;
        Ok((number, row.entry.version))
    }

    /// Commits the files of tables, and then the ledger.
    async fn commit(
        &self,
        state: &Row,
        wanted: BTreeMap<String, Vec<StoredFile>>,
        mut entry: LogEntry,
        undoes: Option<u64>,
        amend: impl FnOnce(&mut Row),
    ) -> Result<Row> {
        let (onto, ledger) = self.ledger.read().unwrap_or_else(PoisonError::into_inner).clone();
        if ledger.last().map_or(0, |row| row.entry.version) != state.entry.version {
            return Err(RecordError::Overtaken { place: self.place().to_string() });
        }
        // Versions are ordered in time, even if a clock was set back.
        entry.at = entry
            .at
            .max(ledger.last().map_or(i64::MIN, |row| row.entry.at));
        let mut row = state.next(entry, undoes);
        amend(&mut row);
        for (name, files) in &wanted {
            let table = schema::table(name)?;
            let version = self
                .store
                .commit(name, &schema::stored(table), files, row.entry.at)
                .await?;
            row.tables.insert(name.clone(), version);
        }
        match ledger::append(&self.store, onto, &ledger, &row).await {
            Ok(at) => {
                let mut all = ledger.as_ref().clone();
                all.push(row.clone());
                self.keep(at, all);
            }
            Err(error) => {
                // The storage may have taken the row and then failed to say so.
                if self.refresh().await.is_err() {
                    return Err(RecordError::Unsure { reason: error.to_string() });
                }
                if !self.ledger().contains(&row) {
                    return Err(error);
                }
            }
        }
        for name in wanted.keys() {
            if let Some(version) = row.tables.get(name) {
                self.store.tidy(name, *version).await;
            }
        }
        Ok(row)
    }

    /// The row of a version; version 0 is empty.
    fn state_of(&self, version: u64) -> Result<Row> {
        let ledger = self.ledger();
        if version == 0 {
            return Ok(Row {
                entry: LogEntry::default(),
                tables: BTreeMap::new(),
                attributes: BTreeMap::new(),
                undoes: None,
            });
        }
        let oldest = self.oldest();
        if version < oldest {
            return Err(RecordError::Forgotten { version, oldest });
        }
        ledger
            .iter()
            .find(|row| row.entry.version == version)
            .cloned()
            .ok_or_else(|| RecordError::UnknownVersion {
                version,
                newest: self.version(),
            })
    }

    async fn stored(&self, table: &str) -> Result<Arc<Vec<StoredFile>>> {
        self.stored_at(table, self.version()).await
    }

    async fn stored_at(&self, table: &str, version: u64) -> Result<Arc<Vec<StoredFile>>> {
        let table = schema::table(table)?;
        match self.state_of(version)?.tables.get(table.name) {
            Some(pinned) => self.store.files(table.name, *pinned).await,
            None => Ok(Arc::default()),
        }
    }
}

/// Names of all tables of the record, in the order of the layout.
pub fn table_names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|t| t.name)
}

/// The type of text that comes with its distinct values.
pub fn dictionary_type() -> DataType {
    source::dictionary()
}
