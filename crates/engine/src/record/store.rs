//! The Delta tables of a record: which files a version holds, and commits.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutOptions, PutPayload};
use datafusion::parquet::file::reader::ChunkReader;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, CommitInfo, Metadata, Protocol, Remove, StructType};
use deltalake::table::state::DeltaTableState;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Url;

use super::error::{RecordError, Result, is_conflict};
use super::gone::Gone;
use super::hash;
use super::place::Place;

/// Commits of a table after which a checkpoint shortens its log.
const CHECKPOINT_EVERY: u64 = 32;
/// How often a table is committed again when others come in between.
const AGAIN: usize = 8;

/// A Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Name below the table.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Rows that count.
    pub rows: u64,
    /// Rows in it that no longer do.
    pub gone: Gone,
    /// Statistics as the log keeps them; they speak of the file as it was written.
    pub stats: Option<String>,
    /// Instant of the import that wrote it, milliseconds.
    pub modified: i64,
}

/// Files of a table at a Delta version.
type FileLists = HashMap<(String, u64), Arc<Vec<StoredFile>>>;

/// Where the tables are.
pub struct Store {
    /// The place of the record.
    pub place: Place,
    backend: Option<Arc<dyn ObjectStore>>,
    lists: Mutex<FileLists>,
    /// Tables as they were last seen; what came since is all that is read next time.
    newest: Mutex<HashMap<String, DeltaTable>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place)
    }
}

impl Store {
    /// Tables in a place; `backend` replaces its storage, with the same paths.
    pub fn new(place: Place, backend: Option<Arc<dyn ObjectStore>>) -> Self {
        let backend = backend.or_else(|| Some(Arc::clone(&place.objects()?.store)));
        Self {
            place,
            backend,
            lists: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// Where a table is.
    pub fn folder(&self, table: &str) -> PathBuf {
        self.place.path(table)
    }

    fn url(&self, table: &str) -> Result<Url> {
        self.place.url(table)
    }

    fn overtaken(&self) -> RecordError {
        RecordError::Overtaken {
            place: self.place.to_string(),
        }
    }

    fn handle(&self, table: &str) -> Result<DeltaTable> {
        let url = self.url(table)?;
        let mut builder = DeltaTableBuilder::from_url(url.clone())?;
        if let Some(backend) = &self.backend {
            builder = builder.with_storage_backend(Arc::clone(backend), url);
        }
        Ok(builder.build()?)
    }

    /// Whether the table was ever created.
    pub async fn exists(&self, table: &str) -> Result<bool> {
        Ok(self
            .handle(table)?
            .log_store()
            .is_delta_table_location()
            .await?)
    }

    /// The table at a version.
    pub async fn load(&self, table: &str, version: u64) -> Result<DeltaTable> {
        let mut handle = self.handle(table)?;
        handle.load_version(version).await?;
        Ok(handle)
    }

    /// The table at its newest version.
    pub async fn newest(&self, table: &str) -> Result<DeltaTable> {
        let known = locked(&self.newest).get(table).cloned();
        let mut handle = match known {
            Some(known) => known,
            None => self.handle(table)?,
        };
        if handle.update_state().await.is_err() {
            // What was known may be of no use any more; look afresh.
            handle = self.handle(table)?;
            handle.load().await?;
        }
        locked(&self.newest).insert(table.to_owned(), handle.clone());
        Ok(handle)
    }

    /// Number of the newest version, given an older one; much cheaper than the table itself.
    pub async fn newest_version(&self, table: &str, since: u64) -> Result<u64> {
        Ok(self
            .handle(table)?
            .log_store()
            .get_latest_version(since)
            .await?)
    }

    /// The table at its newest version, which is created with this schema if need be.
    pub async fn newest_or_create(
        &self,
        table: &str,
        schema: &SchemaRef,
        at: i64,
    ) -> Result<DeltaTable> {
        if !locked(&self.newest).contains_key(table) && !self.exists(table).await? {
            match self.create(table, schema, at).await {
                // Somebody else has created it in between.
                Err(RecordError::Overtaken { .. }) => {}
                done => done?,
            }
        }
        self.newest(table).await
    }

    async fn create(&self, table: &str, schema: &Schema, at: i64) -> Result<()> {
        let handle = self.handle(table)?;
        let schema: StructType = schema
            .try_into_kernel()
            .map_err(|e| RecordError::read("creating a table", e))?;
        let broken = |e: serde_json::Error| RecordError::read("creating a table", e);
        // Old versions are what time travel and undo are made of: nothing expires by itself.
        let metadata: Metadata = serde_json::from_value(json!({
            "id": uuid::Uuid::from_u128(u128::from_str_radix(&hash::digest(format!("{table}@{at}").as_bytes()), 16).unwrap_or(0)).to_string(),
            "name": table,
            "description": null,
            "format": { "provider": "parquet", "options": {} },
            "schemaString": serde_json::to_string(&schema).map_err(broken)?,
            "partitionColumns": [],
            "configuration": {
                "delta.enableExpiredLogCleanup": "false",
                "delta.logRetentionDuration": "interval 36500 days",
                "delta.deletedFileRetentionDuration": "interval 36500 days",
            },
            "createdTime": at.div_euclid(1000),
        }))
        .map_err(broken)?;
        let protocol: Protocol =
            serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))
                .map_err(broken)?;
        let operation = DeltaOperation::Create {
            mode: SaveMode::ErrorIfExists,
            location: self.url(table)?,
            protocol: protocol.clone(),
            metadata: metadata.clone(),
        };
        let actions = vec![
            info(&operation, at),
            Action::Protocol(protocol),
            Action::Metadata(metadata),
        ];
        CommitBuilder::default()
            .with_actions(actions)
            .with_max_retries(0)
            .build(None, handle.log_store(), operation)
            .into_prepared_commit_future()
            .await?
            .await
            .map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Why a commit failed.
    fn failed(&self, error: DeltaTableError) -> RecordError {
        if is_conflict(&error) { self.overtaken() } else { error.into() }
    }

    /// Files of a table at a Delta version, in order of name.
    pub async fn files(&self, table: &str, version: u64) -> Result<Arc<Vec<StoredFile>>> {
        let key = (table.to_owned(), version);
        if let Some(known) = locked(&self.lists).get(&key) {
            return Ok(Arc::clone(known));
        }
        let files = Arc::new(files(&self.load(table, version).await?)?);
        locked(&self.lists).insert(key, Arc::clone(&files));
        Ok(files)
    }

    /// Makes `wanted` the files of the newest version, whatever they were; returns that version.
    /// A table that holds them already is left alone. What another writer commits in between is
    /// replaced, too: the files are meant as a whole, and readers open the version that is returned.
    pub async fn commit(
        &self,
        table: &str,
        schema: &SchemaRef,
        wanted: &[StoredFile],
        at: i64,
    ) -> Result<u64> {
        for _ in 1..AGAIN {
            match self.commit_onto(table, schema, wanted, at, None).await {
                Err(RecordError::Overtaken { .. }) => {}
                done => return done,
            }
        }
        self.commit_onto(table, schema, wanted, at, None).await
    }

    /// [`Store::commit`] of the version that follows a given one; it fails when that has been
    /// followed already.
    pub async fn commit_onto(
        &self,
        table: &str,
        schema: &SchemaRef,
        wanted: &[StoredFile],
        at: i64,
        onto: Option<u64>,
    ) -> Result<u64> {
        let handle = self.newest_or_create(table, schema, at).await?;
        if onto.is_some() && onto != handle.version() {
            return Err(self.overtaken());
        }
        let current = files(&handle)?;
        let keep: HashMap<&str, &Gone> = wanted.iter().map(|f| (f.name.as_str(), &f.gone)).collect();
        let have: HashMap<&str, &Gone> = current.iter().map(|f| (f.name.as_str(), &f.gone)).collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: None,
            predicate: None,
        };
        let mut actions = vec![info(&operation, at)];
        // A file of which other rows count than before is a file that goes and comes.
        for file in current.iter().filter(|f| keep.get(f.name.as_str()) != Some(&&f.gone)) {
            actions.push(Action::Remove(file.remove(at)?));
        }
        for file in wanted.iter().filter(|f| have.get(f.name.as_str()) != Some(&&f.gone)) {
            actions.push(Action::Add(file.add()?));
        }
        let newest = handle.version().unwrap_or(0);
        if actions.len() == 1 {
            return Ok(newest);
        }
        let state = handle.snapshot()?;
        actions.splice(1..1, needed(state, schema, wanted.iter().any(|f| !f.gone.is_empty()))?);
        let done = CommitBuilder::default()
            .with_actions(actions)
            .with_max_retries(0)
            .build(Some(state), handle.log_store(), operation)
            .into_prepared_commit_future()
            .await?
            .await
            .map_err(|e| self.failed(e))?;
        let mut wanted = wanted.to_vec();
        wanted.sort_by(|a, b| a.name.cmp(&b.name));
        locked(&self.lists).insert((table.to_owned(), done.version), Arc::new(wanted));
        Ok(done.version)
    }

    /// Shortens the log of a table now and then. What fails here harms nothing.
    pub async fn tidy(&self, table: &str, version: u64) {
        if version.is_multiple_of(CHECKPOINT_EVERY)
            && version > 0
            && let Ok(handle) = self.load(table, version).await
        {
            let _ = deltalake::checkpoints::create_checkpoint(&handle, None).await;
        }
    }

    /// Access to the files of a table.
    pub fn objects(&self, table: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(self.handle(table)?.log_store().object_store(None))
    }
}

/// Files that are written at a time: more would only slow each other down.
static PUTS: Semaphore = Semaphore::const_new(8);

/// Writes a file.
pub async fn put(objects: &Arc<dyn ObjectStore>, name: &str, bytes: Vec<u8>) -> Result<()> {
    let _one = PUTS.acquire().await;
    objects
        .put_opts(
            &ObjectPath::from(name),
            PutPayload::from(bytes),
            PutOptions::default(),
        )
        .await
        .map_err(|e| RecordError::read(format!("writing {name}"), e))?;
    Ok(())
}

/// Removes a file that was written in vain; what cannot be removed stays.
pub async fn discard(objects: &Arc<dyn ObjectStore>, name: &str) {
    let _ = objects.delete(&ObjectPath::from(name)).await;
}

/// Reads a small file.
pub async fn get(
    objects: &Arc<dyn ObjectStore>,
    name: &str,
) -> Result<impl ChunkReader + 'static + use<>> {
    let failed =
        |e: datafusion::object_store::Error| RecordError::read(format!("reading {name}"), e);
    let got = objects
        .get_opts(&ObjectPath::from(name), GetOptions::default())
        .await
        .map_err(failed)?;
    got.bytes().await.map_err(failed)
}

/// Files of a loaded table, in order of name.
pub fn files(table: &DeltaTable) -> Result<Vec<StoredFile>> {
    let mut files: Vec<StoredFile> = table
        .snapshot()?
        .log_data()
        .iter()
        .map(|view| {
            let gone = view.deletion_vector_descriptor().map(|v| Gone::read(&v)).transpose()?.unwrap_or_default();
            Ok(StoredFile {
                name: view.path().into_owned(),
                size: u64::try_from(view.size()).unwrap_or(0),
                rows: (view.num_records().unwrap_or(0) as u64).saturating_sub(gone.len()),
                gone,
                stats: view.stats(),
                modified: view.modification_time(),
            })
        })
        .collect::<Result<_>>()?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// What the log must say before it takes these files: columns that came after the table was made,
/// and, when rows are gone for the first time, that readers must know of such rows.
fn needed(state: &DeltaTableState, schema: &Schema, vectors: bool) -> Result<Vec<Action>> {
    let broken = |e: serde_json::Error| RecordError::read("changing a table", e);
    let mut actions = Vec::new();
    let protocol = serde_json::to_value(state.protocol()).map_err(broken)?;
    let list = |of: &str| protocol[of].as_array().cloned();
    let feature = Value::from("deletionVectors");
    if vectors && !list("readerFeatures").is_some_and(|all| all.contains(&feature)) {
        // What a table of writer version 2 asked of its writers, now by name.
        let mut writers = list("writerFeatures").unwrap_or_else(|| vec!["appendOnly".into(), "invariants".into()]);
        let mut readers = list("readerFeatures").unwrap_or_default();
        readers.push(feature.clone());
        writers.retain(|known| *known != feature);
        writers.push(feature);
        let next = json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": readers, "writerFeatures": writers });
        actions.push(Action::Protocol(serde_json::from_value(next).map_err(broken)?));
    }
    let mut metadata = serde_json::to_value(state.metadata()).map_err(broken)?;
    let before = metadata.clone();
    let schema: StructType = schema.try_into_kernel().map_err(|e| RecordError::read("changing a table", e))?;
    if schema.fields().count() > state.schema().fields().count() {
        metadata["schemaString"] = serde_json::to_string(&schema).map_err(broken)?.into();
    }
    if vectors {
        metadata["configuration"]["delta.enableDeletionVectors"] = "true".into();
    }
    if metadata != before {
        actions.push(Action::Metadata(serde_json::from_value(metadata).map_err(broken)?));
    }
    Ok(actions)
}

impl StoredFile {
    /// The file with all rows that were written into it.
    pub fn whole(&self) -> Self {
        Self { rows: self.rows + self.gone.len(), gone: Gone::default(), ..self.clone() }
    }

    /// Positions of the rows that count, in order, as runs.
    pub fn counted(&self) -> Vec<Range<u32>> {
        self.gone.others(self.rows + self.gone.len())
    }

    /// The file when these of its rows, and no others, are gone.
    pub fn losing(&self, gone: Gone) -> Self {
        let rows = (self.rows + self.gone.len()).saturating_sub(gone.len());
        // The bounds of its columns are still right, but may be wider than the rows that count.
        let stats = self.stats.as_deref().and_then(|s| serde_json::from_str::<Value>(s).ok()).map(|mut stats| {
            stats["tightBounds"] = false.into();
            stats.to_string()
        });
        Self { rows, gone, stats, ..self.clone() }
    }

    fn add(&self) -> Result<Add> {
        Ok(Add {
            path: self.name.clone(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            modification_time: self.modified,
            data_change: true,
            stats: self.stats.clone(),
            deletion_vector: self.gone.vector()?,
            ..Add::default()
        })
    }

    fn remove(&self, at: i64) -> Result<Remove> {
        Ok(Remove {
            path: self.name.clone(),
            data_change: true,
            deletion_timestamp: Some(at.div_euclid(1000)),
            extended_file_metadata: Some(true),
            partition_values: Some(HashMap::new()),
            size: i64::try_from(self.size).ok(),
            deletion_vector: self.gone.vector()?,
            ..Remove::default()
        })
    }
}

/// Who commits what, at the instant of the import and not of the clock.
fn info(operation: &DeltaOperation, at: i64) -> Action {
    Action::CommitInfo(CommitInfo {
        timestamp: Some(at.div_euclid(1000)),
        engine_info: Some(format!("treaty:{}", env!("CARGO_PKG_VERSION"))),
        ..operation.get_commit_info()
    })
}

fn locked<T>(cell: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    cell.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
