//! What an import makes of the rows of one table: checked, compared with what is stored, and written.
//!
//! Many rows of events go slice after slice, so that memory does not grow with the import. What belongs
//! together must meet all the same: rows whose keys may come more than once wait for the last slice.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::Int64Array;
use datafusion::object_store::ObjectStore;
use tokio::task::JoinSet;
use treaty_app::import::{Filtered, MAX_FAULTS, Progress, TableCount};
use treaty_app::layout::{Kind, Table};
use treaty_app::raw::Fault;

use super::cells::{Cells, Text};
use super::encode::{self, Coded, Columns, Encoded, FILE_ROWS, Job};
use super::error::{RecordError, Result};
use super::filter::Filter;
use super::flat::{Flat, Growing, fill_source};
use super::import::ImportOptions;
use super::keys::{self, Hashes};
use super::piece::Piece;
use super::source::{self, Prepared, Slice};
use super::store::{self, StoredFile};
use super::upsert::Rest;
use super::{Record, claims, order, par, schema, snapshot, twins, upkeep, upsert};

/// What one table contributes to an import.
#[derive(Default)]
pub(super) struct Outcome {
    pub count: TableCount,
    pub faults: Vec<Fault>,
    pub notes: Vec<String>,
    pub filtered: Vec<Filtered>,
    pub attributes: BTreeSet<String>,
    /// Files of the table afterwards, if anything changes.
    pub wanted: Option<Vec<StoredFile>>,
}

/// Rows that one task looks at.
const BLOCK: usize = 1 << 18;

/// Sums of amounts by currency, in the smallest unit that is stored.
type Money = BTreeMap<String, i128>;

/// How a table is imported, and who watches.
type Way<'a> = (&'a ImportOptions<'a>, &'a dyn Progress);

/// Files of a table as they come to be.
struct Files<'a> {
    objects: Arc<dyn ObjectStore>,
    at: i64,
    wanted: Vec<StoredFile>,
    fresh: &'a mut Vec<String>,
    puts: &'a mut JoinSet<Result<()>>,
}

impl Files<'_> {
    /// Hands written files over to the storage, in the background.
    fn keep(&mut self, files: Vec<Encoded>) {
        for file in files {
            self.wanted.push(file.stored(self.at));
            self.fresh.push(file.name.clone());
            let objects = Arc::clone(&self.objects);
            self.puts.spawn(async move { store::put(&objects, &file.name, file.bytes).await });
        }
    }
}

/// Reads, checks and writes the rows of a table; commits nothing. Names of written files go to `fresh` at once: after a
/// failure they are to be removed.
pub(super) async fn land(
    record: &Record,
    table: &'static Table,
    sources: Vec<Prepared>,
    way @ (options, progress): Way<'_>,
    fresh: &mut Vec<String>,
    puts: &mut JoinSet<Result<()>>,
) -> Result<Outcome> {
    let mut out = Outcome::default();
    out.count.table = table.name.to_owned();
    out.count.read = sources.iter().map(|s| s.rows).sum();
    for source in &sources {
        out.count.rejected += source.faults.len() as u64;
        out.faults.extend(source.faults.iter().cloned());
    }
    let stored = record.stored(table.name).await?;
    let objects = record.store.objects(table.name)?;
    // Other tables need all rows at hand, to settle what several sources say.
    let at_once = if table.column("source").is_some() { options.at_once } else { usize::MAX };
    let mut slices = source::slices(sources, at_once);
    let mut again = None;
    if slices.len() > 1 {
        progress.step(&format!("looking for keys of {} that come again", table.name), None);
        again = Some(par::blocking(|| source::again(table, &slices, &options.zone))?);
    }
    let version = record.version() + 1;
    let mut files = Files { objects: Arc::clone(&objects), at: options.at, wanted: Vec::new(), fresh, puts };
    let mut replaced: Vec<Vec<u32>> = vec![Vec::new(); stored.len()];
    let (mut aside, mut undated, mut sums) = (Vec::new(), 0, Money::new());
    let last = slices.pop();
    let all = slices.into_iter().map(|slice| (slice, again.as_ref())).chain(last.map(|slice| (slice, None)));
    for (slice, again) in all {
        progress.step(&format!("reading {}", table.name), Some(slice.rows as u64));
        let (mut flat, mut hashes, dropped) = par::blocking(|| {
            let waiting = if again.is_some() { Vec::new() } else { std::mem::take(&mut aside) };
            let (mut flat, hashes) = read(table, slice, waiting, way, &mut undated, &mut out)?;
            let mut dropped = HashSet::new();
            match again {
                Some(again) => aside.push(flat.set_aside(&repeated(&flat, &hashes, again))?),
                None => dropped = one_of_each(table, &flat, &hashes, &mut out)?,
            }
            money(table, &flat, &dropped, &mut sums)?;
            Ok::<_, RecordError>((flat, hashes, dropped))
        })?;
        let settled = claims::settle(record, table, &mut flat, &mut hashes, options).await?;
        out.notes.extend(settled.notes);
        out.attributes.extend(settled.attributes);
        let matched = upsert::matches(table, Arc::clone(&objects), &stored, &flat, &hashes, &dropped).await?;
        let alive = par::blocking(|| {
            let mut alive = flat.alive();
            if !matched.unchanged.is_empty() || !dropped.is_empty() {
                let mut gone = vec![false; flat.rows];
                matched.unchanged.iter().chain(&dropped).for_each(|row| gone[*row as usize] = true);
                alive.retain(|row| !gone[*row as usize]);
            }
            alive
        });
        out.count.unchanged += matched.unchanged.len() as u64;
        out.count.changed += matched.changed;
        out.count.written += alive.len() as u64 - matched.changed;
        replaced.iter_mut().zip(matched.replaced).for_each(|(all, rows)| all.extend(rows));
        if !alive.is_empty() && !options.dry_run {
            let written = par::blocking(|| write(table, flat, hashes, alive, (version, files.wanted.len()), way))?;
            files.keep(written);
        }
    }
    if undated > 0 {
        out.notes.push(format!("{}: {undated} decided without decided_at; they count as decided at no known time", table.name));
    }
    let text = |sum: i128| snapshot::decimal(sum, schema::MONEY.1.unsigned_abs().into());
    out.count.money = sums.into_iter().map(|(of, sum)| (of, text(sum))).collect();
    if !files.wanted.is_empty() {
        rest(table, &stored, replaced, version, &mut files).await?;
        files.wanted.sort_by(|a, b| a.name.cmp(&b.name));
        out.wanted = Some(files.wanted);
    }
    Ok(out)
}

/// Reads and checks rows, and those that waited; returns them with their hashes.
fn read(
    table: &'static Table,
    slice: Slice,
    waiting: Vec<Piece>,
    (options, progress): Way<'_>,
    undated: &mut u64,
    out: &mut Outcome,
) -> Result<(Flat, Hashes)> {
    let mut growing = Growing::new(table, slice.rows + waiting.iter().map(|p| p.rows).sum::<usize>());
    growing.add(waiting)?;
    source::read(table, slice, options, progress, |pieces| growing.add(pieces))?;
    let flat = growing.finish(table)?;
    for (_, piece) in &flat.origins {
        out.count.rejected += piece.refused.count();
        out.faults.extend(piece.refused.faults.iter().map(|(_, f)| f.clone()));
        out.attributes.extend(piece.attribute_keys.iter().cloned());
        *undated += piece.undated_decisions;
    }
    progress.step(&format!("checking {}", table.name), Some(flat.rows as u64));
    let hashes = keys::hashes(table, &flat.columns, flat.attributes.as_ref(), flat.rows)?;
    Ok((flat, hashes))
}

/// Rows whose keys may come more than once.
fn repeated(flat: &Flat, hashes: &Hashes, again: &Filter) -> Vec<u32> {
    let alive = flat.alive();
    let may = |row: &u32| again.has(keys::half(hashes.key[*row as usize]) as u32);
    par::map(alive.chunks(BLOCK).collect(), |rows: &[u32]| rows.iter().copied().filter(may).collect::<Vec<_>>()).concat()
}

/// Of the rows of one key keeps one; returns the others.
fn one_of_each(table: &'static Table, flat: &Flat, hashes: &Hashes, out: &mut Outcome) -> Result<HashSet<u32>> {
    let twins = {
        let columns = schema::key_positions(table)
            .into_iter()
            .map(|c| Cells::of(flat.columns[c].as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let same = |a: u32, b: u32| keys::same_key(&columns, a as usize, &columns, b as usize);
        keys::twins(&hashes.key, &flat.alive(), same)
    };
    let resolved = twins::resolve(table, flat, &twins, 4 * MAX_FAULTS)?;
    out.count.unchanged += resolved.repeated;
    out.count.repeated += resolved.repeated;
    out.count.rejected += resolved.refused;
    out.faults.extend(resolved.faults);
    Ok(resolved.dropped)
}

/// Adds the amounts of the rows that are kept.
fn money(table: &Table, flat: &Flat, dropped: &HashSet<u32>, sums: &mut Money) -> Result<()> {
    let at = |name: &str| table.columns.iter().position(|c| c.name == name);
    let Some(amount) = table.columns.iter().position(|c| c.kind == Kind::Money) else {
        return Ok(());
    };
    let Cells::Wide(amounts, nulls) = Cells::of(flat.columns[amount].as_ref())? else {
        return Ok(());
    };
    let currency = at("currency").and_then(|i| flat.columns[i].as_ref());
    let currency = currency.and_then(Text::of);
    for row in flat.alive() {
        let i = row as usize;
        if nulls.is_some_and(|n| n.is_null(i)) || dropped.contains(&row) {
            continue;
        }
        let of = currency.and_then(|c| c.get(i)).unwrap_or("");
        match sums.get_mut(of) {
            Some(sum) => *sum += amounts[i],
            None => drop(sums.insert(of.to_owned(), amounts[i])),
        }
    }
    Ok(())
}

/// Sorts rows and encodes them as files of a version, of which there are some already.
fn write(
    table: &'static Table,
    mut flat: Flat,
    hashes: Hashes,
    alive: Vec<u32>,
    (version, before): (u64, usize),
    (options, progress): Way<'_>,
) -> Result<Vec<Encoded>> {
    let written = alive.len() as u64;
    progress.step(&format!("sorting {}", table.name), Some(written));
    let Hashes { key, content } = hashes;
    let halves = key.iter().map(|hash| keys::half(*hash)).collect();
    drop(key);
    let without = fill_source(table, &mut flat, &options.source_name)?;
    let sorted = Arc::new(order::sort(table, &flat.columns, &alive)?);
    drop(alive);
    progress.step(&format!("writing {}", table.name), Some(written));
    let mut coded = Coded::take(&mut flat.columns);
    if let Some(at) = without {
        coded[at] = Some(Coded::same(&options.source_name, flat.rows));
    }
    let columns = Arc::new(Columns {
        coded,
        layout: std::mem::take(&mut flat.columns),
        attributes: flat.attributes.take(),
        hash: Arc::new(Int64Array::from(content)),
        version: None,
        key: halves,
    });
    let rows = sorted.rows.len();
    let jobs = par::ranges(rows, rows.div_ceil(rows.div_ceil(FILE_ROWS)))
        .into_iter()
        .enumerate()
        .map(|(at, part)| Job {
            columns: Arc::clone(&columns),
            sorted: Arc::clone(&sorted),
            part,
            version,
            prefix: format!("v{version:08}-{:05}", before + at),
        })
        .collect();
    let files = encode::encode(table, jobs)?;
    progress.advance(written);
    Ok(files)
}

/// What stays of stored files, of which rows are replaced.
async fn rest(table: &'static Table, stored: &[StoredFile], replaced: Vec<Vec<u32>>, version: u64, files: &mut Files<'_>) -> Result<()> {
    let mut whole: Vec<StoredFile> = Vec::new();
    for (at, (file, mut replaced)) in stored.iter().zip(replaced).enumerate() {
        replaced.sort_unstable();
        match upsert::without(table, Arc::clone(&files.objects), file, &replaced, version, at).await? {
            Rest::File(file) => whole.push(file),
            Rest::Job(job) => files.keep(par::blocking(|| encode::encode(table, vec![job]))?),
            Rest::Nothing => {}
        }
    }
    // Many small imports leave many small files: those that stay become one.
    let old = upkeep::small(&whole, upkeep::MANY);
    if !old.is_empty() {
        files.keep(upkeep::join(table, Arc::clone(&files.objects), &old, version).await?);
        whole.retain(|f| !old.contains(f));
    }
    files.wanted.extend(whole);
    Ok(())
}
