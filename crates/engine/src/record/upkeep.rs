//! Upkeep: small files of a table become one, and files that no version needs any more are deleted.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use futures::TryStreamExt;
use treaty_app::import::{Details, LogEntry, Silent};
use treaty_app::layout::{TABLES, Table};

use super::encode::{self, Encoded, FILE_ROWS, Job};
use super::error::{RecordError, Result};
use super::store::StoredFile;
use super::{Record, Writer, order, par, reader, schema, upsert};

/// A file below it is small: an eighth of a full one.
const SMALL: u64 = FILE_ROWS as u64 / 8;
/// So many small files of a table become one by themselves, at the next import.
pub const MANY: usize = 24;

/// What upkeep did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Version of the record afterwards.
    pub version: u64,
    /// Oldest version that can still be read.
    pub oldest: u64,
    /// Tables whose small files became one, with their number.
    pub joined: Vec<(String, usize)>,
    /// Files that were deleted.
    pub deleted: u64,
    /// Their size in bytes.
    pub freed: u64,
}

/// Small files of a table, when there are at least `many`: oldest first, as many as fit into one.
pub fn small(files: &[StoredFile], many: usize) -> Vec<StoredFile> {
    let mut rows = 0;
    let small: Vec<StoredFile> = files
        .iter()
        .filter(|f| f.rows < SMALL)
        .take_while(|f| {
            rows += f.rows;
            rows <= FILE_ROWS as u64
        })
        .cloned()
        .collect();
    if small.len() < many { Vec::new() } else { small }
}

/// The rows of some files as one file, in the order of the table.
pub async fn join(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    version: u64,
) -> Result<Vec<Encoded>> {
    let parts = reader::read(objects, files, &schema::stored(table), &upsert::copied(table)).await?;
    par::blocking(|| {
        let columns = upsert::columns(table, &parts)?;
        let rows: Vec<u32> = (0..reader::rows(&parts) as u32).collect();
        let sorted = order::sort(table, &columns.layout, &rows)?;
        let job = Job {
            columns: Arc::new(columns),
            part: 0..sorted.rows.len(),
            sorted: Arc::new(sorted),
            version,
            prefix: format!("v{version:08}-c"),
        };
        encode::encode(table, vec![job])
    })
}

impl Record {
    /// Joins small files, forgets what the record was before `since` (an instant), and deletes the
    /// files that no kept version names, those of imports that died among them. The state of the
    /// record does not change. With `dry_run` it only tells.
    ///
    /// # Errors
    /// When another process writes, or the storage fails: what was done so far stays done, and the
    /// next upkeep goes on.
    pub async fn maintain(&self, at: i64, since: i64, dry_run: bool) -> Result<Upkeep> {
        let writer = self.lock(at, &Silent).await?;
        let done = self.maintain_with(&writer, at, since, dry_run).await;
        writer.release().await;
        done
    }

    async fn maintain_with(&self, writer: &Writer, at: i64, since: i64, dry_run: bool) -> Result<Upkeep> {
        self.refresh().await?;
        let before = self.version();
        if !dry_run {
            self.heal(writer, at).await.map_err(|e| e.into_write(before))?;
        }
        let mut done = Upkeep { version: before, oldest: self.version_at(since).max(self.oldest()), ..Upkeep::default() };
        let state = self.state_of(before)?;
        let mut wanted = BTreeMap::new();
        for table in TABLES {
            let stored = self.stored(table.name).await?;
            let old = small(&stored, 2);
            if old.is_empty() {
                continue;
            }
            done.joined.push((table.name.to_owned(), old.len()));
            if dry_run {
                continue;
            }
            let objects = self.store.objects(table.name)?;
            let mut files: Vec<StoredFile> = stored.iter().filter(|f| !old.contains(f)).cloned().collect();
            for file in join(table, Arc::clone(&objects), &old, before + 1).await? {
                files.push(file.stored(at));
                super::store::put(&objects, &file.name, file.bytes).await.map_err(|e| e.into_write(before))?;
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            wanted.insert(table.name.to_owned(), files);
        }
        if !dry_run && (!wanted.is_empty() || done.oldest > self.oldest()) {
            let entry = LogEntry {
                version: before + 1,
                at,
                kind: "upkeep".to_owned(),
                what: format!("small files joined; versions from {} on are kept", done.oldest),
                details: Details { oldest: done.oldest, ..Details::default() },
                ..LogEntry::default()
            };
            let row = self.commit(&state, wanted, entry, None, |_| {}).await.map_err(|e| e.into_write(before))?;
            done.version = row.entry.version;
        }
        self.sweep(&mut done, dry_run).await?;
        Ok(done)
    }

    /// Oldest version that can still be read.
    pub fn oldest(&self) -> u64 {
        self.ledger().iter().map(|row| row.entry.details.oldest).max().unwrap_or(0)
    }

    /// Deletes what no kept version names. In a place that others share, files of versions that are
    /// still to come stay: they are of an import that died, or of one that goes on there.
    async fn sweep(&self, done: &mut Upkeep, dry_run: bool) -> Result<()> {
        let ledger = self.ledger();
        for table in TABLES {
            if !self.store.exists(table.name).await? {
                continue;
            }
            let mut named: HashSet<String> = HashSet::new();
            let versions = ledger.iter().filter(|row| row.entry.version >= done.oldest);
            let mut pinned: Vec<u64> = versions.filter_map(|row| row.tables.get(table.name).copied()).collect();
            pinned.dedup();
            for version in pinned {
                named.extend(self.store.files(table.name, version).await?.iter().map(|f| f.name.clone()));
            }
            let objects = self.store.objects(table.name)?;
            let failed = |e: datafusion::object_store::Error| RecordError::read(format!("looking through {}", table.name), e);
            let there: Vec<_> = objects.list(None).try_collect().await.map_err(failed)?;
            for object in there {
                let name = object.location.to_string();
                let theirs = self.place().is_shared() && written_by(&name).is_none_or(|version| version > done.version);
                if name.starts_with("_delta_log") || named.contains(&name) || theirs {
                    continue;
                }
                done.deleted += 1;
                done.freed += object.size;
                if !dry_run {
                    objects.delete(&object.location).await.map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

/// The version of the record that a file was written for, by its name.
fn written_by(name: &str) -> Option<u64> {
    name.strip_prefix('v')?.get(..8)?.parse().ok()
}
