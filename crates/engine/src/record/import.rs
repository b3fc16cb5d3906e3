//! An import: everything is read, checked and written first, then it happens at once or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use treaty_app::import::{Details, ImportResult, LogEntry, MAX_FAULTS, Origin, Progress, Silent, TableCount};
use treaty_app::layout::TABLES;
use treaty_domain::zone::Zone;

use super::error::{RecordError, Result};
use super::landing::{self, Outcome};
use super::snapshot::{self, Made};
use super::source::{self, Incoming, Prepared};
use super::store::{self, StoredFile};
use super::{Record, Writer, ledger, par, schema};

/// How to import.
pub struct ImportOptions<'a> {
    /// Instant of the import, microseconds since the epoch.
    pub at: i64,
    /// What is imported, for the log.
    pub what: String,
    /// Value of an empty `source` of event tables; empty leaves it empty.
    pub source_name: String,
    /// Zone of local times without an offset.
    pub zone: Zone,
    /// Check and count only.
    pub dry_run: bool,
    /// Whether the agreement knows a stage.
    pub known_stage: &'a (dyn Fn(&str) -> bool + Sync),
    /// What to say about a stage it does not know, such as the list of those it knows.
    pub known_stages_help: String,
    /// What is known of the rows before the record sees them, for the log.
    pub origin: Origin,
    /// So many rows of a table of events are read, checked and written together, about; of more, slices
    /// one after the other, in less memory. What is imported is the same.
    pub at_once: usize,
}

/// What [`ImportOptions::at_once`] mostly is: two gigabytes or so.
pub const AT_ONCE: usize = 12_000_000;

/// What became of some tables of an import.
#[derive(Default)]
struct Lane {
    outcomes: Vec<(usize, Outcome)>,
    /// Names of files that were written, with their tables.
    fresh: Vec<(String, String)>,
    failed: Option<RecordError>,
}

/// From so many rows on an import is large.
const BESIDE: u64 = 1_000_000;

impl Record {
    /// Imports rows by their keys. What cannot be stored is refused row by row and reported; a
    /// file whose header is wrong refuses everything. Importing the same rows twice changes
    /// nothing.
    pub async fn import(
        &self,
        source: Vec<Incoming>,
        options: ImportOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<ImportResult> {
        if options.dry_run {
            return self.import_with(None, source, options, progress).await;
        }
        let writer = self.lock(options.at, progress).await?;
        let done = self.import_with(Some(&writer), source, options, progress).await;
        writer.release().await;
        done
    }

    async fn import_with(
        &self,
        writer: Option<&Writer>,
        source: Vec<Incoming>,
        mut options: ImportOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<ImportResult> {
        self.refresh().await?;
        let before = self.version();
        if let Some(writer) = writer {
            self.heal(writer, options.at)
                .await
                .map_err(|e| e.into_write(before))?;
        }
        let (source, made) = match options.origin.snapshot.clone() {
            Some(mark) => snapshot::derive(self, source, &options, &mark).await?,
            None => (source, Made::default()),
        };
        if let Some(mark) = &mut options.origin.snapshot {
            mark.rows = made.rows;
        }
        options.origin.notes.extend(made.notes);
        let prepared = match par::blocking(|| prepare(source, before))? {
            Ok(prepared) => prepared,
            Err(refused) => return Ok(refused),
        };
        let mut fresh = Vec::new();
        let done = self
            .write_tables(prepared, &options, progress, &mut fresh)
            .await;
        let outcomes = match done {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.discard(&fresh).await;
                return Err(error.into_write(before));
            }
        };
        let (mut result, wanted, attributes) = gather(outcomes, before, &options.origin);
        result.source = options.source_name.clone();
        for late in made.filtered {
            if let Some(t) = result.tables.iter_mut().find(|t| t.table == late.table) {
                t.read += late.rows;
                t.filtered += late.rows;
            }
            result.filtered.push(late);
        }
        if (wanted.is_empty() && !made.confirms) || writer.is_none() {
            return Ok(result);
        }
        progress.step("committing", None);
        let state = self.state_of(before)?;
        let mut entry = self.entry(&options, &result);
        if !result.faults.is_empty() {
            let kept = ledger::keep_refused(&self.store, entry.version, &result.faults).await;
            entry.details.refused = kept.map_err(|e| e.into_write(before))?;
        }
        let row = self
            .commit(&state, wanted, entry, None, |row| {
                for (table, names) in attributes {
                    let known = row.attributes.entry(table).or_default();
                    let all: BTreeSet<String> = known.drain(..).chain(names).collect();
                    known.extend(all);
                }
            })
            .await
            .map_err(|e| e.into_write(before))?;
        result.version = row.entry.version;
        result.committed = true;
        Ok(result)
    }

    fn entry(&self, options: &ImportOptions<'_>, result: &ImportResult) -> LogEntry {
        let sum = |of: fn(&TableCount) -> u64| result.tables.iter().map(of).sum::<u64>();
        let (passed_over, unread) = options.origin.stopped();
        LogEntry {
            version: self.version() + 1,
            at: options.at,
            kind: "import".to_owned(),
            what: options.what.clone(),
            read: sum(|t| t.read) + passed_over + unread,
            written: sum(|t| t.written),
            changed: sum(|t| t.changed),
            unchanged: sum(|t| t.unchanged),
            rejected: sum(|t| t.rejected) + unread,
            filtered: sum(|t| t.filtered) + passed_over,
            source: options.source_name.clone(),
            details: Details {
                tables: result.tables.clone(),
                origin: options.origin.clone(),
                filtered: result.filtered.clone(),
                notes: result.notes.clone(),
                refused: String::new(),
                more_refused: result.more_faults,
                oldest: 0,
            },
        }
    }

    /// Reads, checks and writes the files of every table, and commits nothing. Small tables of a large import go
    /// beside the large ones, because single steps of them keep one core busy only.
    async fn write_tables(
        &self,
        prepared: BTreeMap<usize, Vec<Prepared>>,
        options: &ImportOptions<'_>,
        progress: &dyn Progress,
        fresh: &mut Vec<(String, String)>,
    ) -> Result<Vec<Outcome>> {
        let rows = |sources: &[Prepared]| sources.iter().map(|s| s.rows).sum::<u64>();
        let total: u64 = prepared.values().map(|sources| rows(sources)).sum();
        let (small, large): (BTreeMap<_, _>, BTreeMap<_, _>) =
            prepared.into_iter().partition(|(_, sources)| total > BESIDE && rows(sources) * 8 < total);
        let lanes = par::join(self.lane(small, options, &Silent), self.lane(large, options, progress)).await;
        let (mut outcomes, mut failed) = (Vec::new(), None);
        for lane in [lanes.0, lanes.1] {
            fresh.extend(lane.fresh);
            outcomes.extend(lane.outcomes);
            failed = failed.or(lane.failed);
        }
        outcomes.sort_unstable_by_key(|(at, _)| *at);
        failed.map_or(Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect()), Err)
    }

    /// Some tables one after the other, up to the first failure.
    async fn lane(
        &self,
        tables: BTreeMap<usize, Vec<Prepared>>,
        options: &ImportOptions<'_>,
        progress: &dyn Progress,
    ) -> Lane {
        let mut lane = Lane::default();
        let mut puts = tokio::task::JoinSet::new();
        for (at, sources) in tables {
            let table = &TABLES[at];
            let mut fresh = Vec::new();
            let done = landing::land(self, table, sources, (options, progress), &mut fresh, &mut puts).await;
            lane.fresh.extend(fresh.into_iter().map(|name| (table.name.to_owned(), name)));
            match done {
                Ok(out) => lane.outcomes.push((at, out)),
                Err(error) => {
                    lane.failed = Some(error);
                    break;
                }
            }
        }
        // Also after a failure: what is still being written must be there to be removed.
        while let Some(done) = puts.join_next().await {
            if let Err(error) = done.map_err(|e| RecordError::read("writing files", e)).flatten() {
                lane.failed.get_or_insert(error);
            }
        }
        lane
    }

    /// Removes files that were written in vain; their names hold a version that never came. Where
    /// others write, too, one of them may have written the same file: there, upkeep removes it.
    async fn discard(&self, fresh: &[(String, String)]) {
        if self.place().is_shared() {
            return;
        }
        for (table, name) in fresh {
            if let Ok(objects) = self.store.objects(table) {
                store::discard(&objects, name).await;
            }
        }
    }

    /// Takes tables back to what the newest version holds, after an import that died half-way.
    pub(super) async fn heal(&self, _writer: &Writer, at: i64) -> Result<()> {
        let state = self.state_of(self.version())?;
        let work = TABLES.iter().map(|table| {
            let pinned = state.tables.get(table.name).copied();
            async move {
                if pinned.is_none() && !self.store.exists(table.name).await? {
                    return Ok(());
                }
                if let Some(version) = pinned
                    && self.store.newest_version(table.name, version).await? == version
                {
                    return Ok(());
                }
                let wanted = match pinned {
                    Some(version) => self.store.files(table.name, version).await?,
                    None => Arc::default(),
                };
                self.store
                    .commit(table.name, &schema::stored(table), &wanted, at)
                    .await?;
                Ok::<_, RecordError>(())
            }
        });
        futures::future::try_join_all(work).await.map(|_| ())
    }
}

/// Understands all headers, before any row is read. The inner error is the result of an import
/// that is refused as a whole.
fn prepare(
    sources: Vec<Incoming>,
    version: u64,
) -> Result<Result<BTreeMap<usize, Vec<Prepared>>, ImportResult>> {
    let mut prepared: BTreeMap<usize, Vec<Prepared>> = BTreeMap::new();
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    let mut faults = Vec::new();
    for source in sources {
        let table = source.table();
        let at = TABLES
            .iter()
            .position(|t| t.name == table.name)
            .unwrap_or(0);
        match source::prepare(source)? {
            Ok(source) => {
                *counts.entry(at).or_default() += source.rows;
                prepared.entry(at).or_default().push(source);
            }
            Err((rows, found)) => {
                *counts.entry(at).or_default() += rows;
                faults.extend(found);
            }
        }
    }
    if faults.is_empty() {
        return Ok(Ok(prepared));
    }
    faults.sort();
    let more_faults = faults.len().saturating_sub(MAX_FAULTS) as u64;
    faults.truncate(MAX_FAULTS);
    let tables = counts
        .into_iter()
        .map(|(at, rows)| TableCount {
            table: TABLES[at].name.to_owned(),
            read: rows,
            rejected: rows,
            ..TableCount::default()
        })
        .collect();
    let notes = vec!["Nothing was imported, because a file lacks what its table needs. Mend it and import again.".to_owned()];
    Ok(Err(ImportResult {
        version,
        committed: false,
        tables,
        faults,
        more_faults,
        notes,
        ..ImportResult::default()
    }))
}

/// Files by table, for the commit.
type Wanted = BTreeMap<String, Vec<StoredFile>>;

fn gather(
    outcomes: Vec<Outcome>,
    version: u64,
    origin: &Origin,
) -> (ImportResult, Wanted, BTreeMap<String, BTreeSet<String>>) {
    let mut result = ImportResult {
        version,
        origin: origin.clone(),
        notes: origin.notes.clone(),
        ..ImportResult::default()
    };
    let (mut wanted, mut attributes) = (Wanted::new(), BTreeMap::new());
    let mut faults = origin.unread.clone();
    for outcome in outcomes {
        let table = outcome.count.table.clone();
        if let Some(files) = outcome.wanted {
            wanted.insert(table.clone(), files);
            if !outcome.attributes.is_empty() {
                attributes.insert(table, outcome.attributes);
            }
        }
        result.tables.push(outcome.count);
        result.notes.extend(outcome.notes);
        result.filtered.extend(outcome.filtered);
        faults.extend(outcome.faults);
    }
    let rejected: u64 = result.tables.iter().map(|t| t.rejected).sum::<u64>() + origin.unread.len() as u64;
    faults.sort();
    faults.truncate(MAX_FAULTS);
    result.more_faults = rejected.saturating_sub(faults.len() as u64);
    result.faults = faults;
    (result, wanted, attributes)
}
