//! What incoming rows mean for those already stored: new, changed or unchanged.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::object_store::ObjectStore;
use serde_json::Value;
use treaty_app::layout::{Kind, Table};

use super::cells::{Cells, Text};
use super::encode::{Columns, Job};
use super::error::{RecordError, Result};
use super::filter::Filter;
use super::flat::{self, Flat};
use super::keys::{self, Hashes, Index, NONE};
use super::order::Sorted;
use super::par;
use super::reader::{self, Part, TextAs};
use super::schema::{self, HASH, KEY, key_positions, position};
use super::store::StoredFile;

/// Stored rows that one task compares.
const BLOCK: usize = 1 << 17;
/// Where more than one row of so many may come in, a file is as quickly read in one go.
const MANY: u64 = 8;
/// So many keys are held against the bounds of files.
const FEW: usize = 1 << 18;

/// How the incoming rows compare with the stored ones.
#[derive(Debug, Default)]
pub struct Matched {
    /// Rows that are stored already, letter for letter.
    pub unchanged: Vec<u32>,
    /// Number of rows whose key is stored with other content.
    pub changed: u64,
    /// For each stored file the rows that incoming ones replace, in order.
    pub replaced: Vec<Vec<u32>>,
}

/// How an import looks at the rows of a stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    /// At these, whose keys have a hash that may come in; at none where no key of the import can be there.
    At(Vec<u32>),
    /// At all of them.
    All,
}

/// Where an import looks.
struct Looks {
    /// At which rows of each file.
    files: Vec<Look>,
    /// Stored parts of the hashes of rows that are looked at one by one.
    keys: Vec<u32>,
}

/// Compares by key. Hashes of keys are looked at first, and keys only where one that comes in may be.
/// Where many of the stored rows come in, keys and hashes of all of them are read. Incoming rows that
/// are `dropped` do not count. Rows are numbered as they were written.
pub async fn matches(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    flat: &Flat,
    hashes: &Hashes,
    dropped: &HashSet<u32>,
) -> Result<Matched> {
    let mut out = Matched {
        replaced: vec![Vec::new(); files.len()],
        ..Matched::default()
    };
    if files.is_empty() || flat.rows == 0 {
        return Ok(out);
    }
    let schema = schema::stored(table);
    let mut columns: Vec<(usize, TextAs)> = key_positions(table)
        .into_iter()
        .map(|c| (c, TextAs::Stored))
        .collect();
    columns.push((position(table, HASH)?, TextAs::Stored));
    // Of rows that are gone, too, one may have a key that comes in.
    let mut note = |hit: Hit, row: u32| {
        if !files[hit.file].gone.contains(row) {
            if hit.same {
                out.unchanged.push(hit.incoming);
            } else {
                out.changed += 1;
                out.replaced[hit.file].push(row);
            }
        }
    };
    let whole: Vec<StoredFile> = files.iter().map(StoredFile::whole).collect();
    let looks = looks(table, Arc::clone(&objects), &whole, flat, hashes).await?;
    let index = par::blocking(|| looks.index(flat, hashes, dropped));
    // A few files at a time: the keys of a large table are many bytes, also where few of them count.
    let of = |all: bool| (0..files.len()).filter(|at| all == (looks.files[*at] == Look::All)).collect::<Vec<_>>();
    for now in few(&whole, &of(false)) {
        let asked: Vec<StoredFile> = now.iter().map(|at| whole[*at].clone()).collect();
        let rows: Vec<Vec<u32>> = now.iter().map(|at| looks.rows(*at).to_vec()).collect();
        let parts = reader::pick(Arc::clone(&objects), &asked, &rows, &schema, &columns).await?;
        for hit in par::blocking(|| probe(table, &parts, flat, hashes, &index))? {
            let row = rows[hit.file][hit.stored as usize];
            note(Hit { file: now[hit.file], ..hit }, row);
        }
    }
    for now in few(&whole, &of(true)) {
        let asked: Vec<StoredFile> = now.iter().map(|at| whole[*at].clone()).collect();
        let parts = reader::read(Arc::clone(&objects), &asked, &schema, &columns).await?;
        for hit in par::blocking(|| probe(table, &parts, flat, hashes, &index))? {
            let row = hit.stored;
            note(Hit { file: now[hit.file], ..hit }, row);
        }
    }
    out.unchanged.sort_unstable();
    out.replaced
        .iter_mut()
        .for_each(|rows| rows.sort_unstable());
    Ok(out)
}

/// Files in lots of at most eight million rows.
fn few(files: &[StoredFile], all: &[usize]) -> Vec<Vec<usize>> {
    let mut lots: Vec<Vec<usize>> = Vec::new();
    let mut rows = 0;
    for at in all {
        rows += files[*at].rows;
        match lots.last_mut() {
            Some(lot) if rows <= 8_000_000 => lot.push(*at),
            _ => {
                rows = files[*at].rows;
                lots.push(vec![*at]);
            }
        }
    }
    lots
}

/// Where an import looks.
async fn looks(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    flat: &Flat,
    hashes: &Hashes,
) -> Result<Looks> {
    let mut looks = Looks { files: vec![Look::At(Vec::new()); files.len()], keys: Vec::new() };
    let near = if flat.rows > FEW { (0..files.len()).collect() } else { par::blocking(|| near(table, files, flat)) };
    let filter = Arc::new(par::blocking(|| Filter::of(&hashes.key)));
    let schema = schema::stored(table);
    let column = [(position(table, KEY)?, TextAs::Stored)];
    // One file tells whether it is worth while to look at the others in this way.
    let (first, others) = near.split_at(near.len().min(1));
    for some in [first, others] {
        let asked: Vec<StoredFile> = some.iter().map(|at| files[*at].clone()).collect();
        let filter = Arc::clone(&filter);
        let found = move |part: Part| {
        let keys = part.batch.column(0).as_primitive::<Int32Type>();
        // A file of an older version of Treaty lacks them.
        (part.file, (keys.null_count() == 0).then(|| filter.rows(keys.values(), part.first)))
    };
        for (file, found) in reader::each(Arc::clone(&objects), &asked, &schema, &column, found).await? {
            match (&mut looks.files[some[file]], found) {
                (Look::At(at), Some((rows, keys))) => {
                    at.extend(rows);
                    looks.keys.extend(keys);
                }
                (look, _) => *look = Look::All,
            }
        }
        for at in some {
            if looks.rows(*at).len() as u64 * MANY > files[*at].rows {
                looks.files[*at] = Look::All;
            }
        }
        if first.iter().any(|at| looks.files[*at] == Look::All) && flat.rows > FEW {
            others.iter().for_each(|at| looks.files[*at] = Look::All);
            break;
        }
    }
    Ok(looks)
}

impl Looks {
    /// Rows of a file that are looked at one by one.
    fn rows(&self, file: usize) -> &[u32] {
        match &self.files[file] {
            Look::At(rows) => rows,
            Look::All => &[],
        }
    }

    /// Incoming rows by their keys: those that can be asked for.
    fn index(&self, flat: &Flat, hashes: &Hashes, dropped: &HashSet<u32>) -> Index {
        let mut rows = flat.alive();
        if !self.files.contains(&Look::All) {
            let asked = Filter::of_halves(&self.keys);
            rows.retain(|row| asked.has(keys::half(hashes.key[*row as usize]) as u32));
        }
        if !dropped.is_empty() {
            rows.retain(|row| !dropped.contains(row));
        }
        Index::of(&hashes.key, &rows)
    }
}

/// Files that may hold a key that comes in, by the bounds of the key columns that the log keeps.
fn near(table: &Table, files: &[StoredFile], flat: &Flat) -> Vec<usize> {
    let alive = flat.alive();
    let sorted = |at: usize| {
        let text = Text::of(flat.columns[at].as_ref()?)?;
        let mut cells: Vec<&str> = alive.iter().map(|row| text.get(*row as usize)).collect::<Option<_>>()?;
        cells.sort_unstable();
        cells.dedup();
        Some((table.columns[at].name, cells))
    };
    let incoming: Vec<(&str, Vec<&str>)> = key_positions(table).into_iter().filter_map(sorted).collect();
    let within = |file: &StoredFile| {
        let stats: Option<Value> = file.stats.as_deref().and_then(|s| serde_json::from_str(s).ok());
        let Some(stats) = stats else { return true };
        incoming.iter().all(|(name, cells)| {
            let (Some(least), Some(most)) = (stats["minValues"][name].as_str(), stats["maxValues"][name].as_str()) else {
                return true;
            };
            cells.get(cells.partition_point(|cell| *cell < least)).is_some_and(|cell| *cell <= most)
        })
    };
    (0..files.len()).filter(|at| within(&files[*at])).collect()
}

/// A stored row with a key that comes in.
#[derive(Debug, Clone, Copy)]
struct Hit {
    /// Position of the file among those asked for.
    file: usize,
    /// The row that comes in.
    incoming: u32,
    /// Number of the stored row among those that were read.
    stored: u32,
    /// Whether they say the same.
    same: bool,
}

fn probe(
    table: &Table,
    parts: &[Part],
    flat: &Flat,
    hashes: &Hashes,
    index: &Index,
) -> Result<Vec<Hit>> {
    let incoming: Vec<Cells<'_>> = key_positions(table)
        .into_iter()
        .map(|c| Cells::of(flat.columns[c].as_ref()))
        .collect::<Result<_>>()?;
    let mut keyed: Vec<(Vec<Cells<'_>>, &[i64])> = Vec::with_capacity(parts.len());
    for part in parts {
        let cells = (0..table.key.len())
            .map(|c| Cells::of(Some(part.batch.column(c))))
            .collect::<Result<_>>()?;
        let Cells::Long(content, _) = Cells::of(Some(part.batch.column(table.key.len())))? else {
            return Err(RecordError::read(
                "reading hashes",
                "the column has another type",
            ));
        };
        keyed.push((cells, content));
    }
    let own: Vec<Vec<u64>> = par::map(keyed.iter().collect(), |(cells, content)| {
        keys::key_hashes(table, cells, content.len())
    });
    let candidates = index.candidates(&own);
    let mut blocks = Vec::new();
    for (l, list) in own.iter().enumerate() {
        blocks.extend(
            par::ranges(list.len(), BLOCK)
                .into_iter()
                .map(|rows| (l, rows)),
        );
    }
    let hits = par::map(blocks, |(l, rows)| {
        let (stored, content) = &keyed[l];
        let found: Vec<u32> = candidates[l][rows.clone()]
            .iter()
            .map(|row| row.load(Relaxed))
            .collect();
        // Row 0 stands in where there is no candidate.
        let at: Vec<u32> = found
            .iter()
            .map(|row| if *row == NONE { 0 } else { *row })
            .collect();
        let mut same = vec![true; at.len()];
        for (stored, incoming) in stored.iter().zip(&incoming) {
            stored.compare_all(rows.start, *incoming, &at, &mut same);
        }
        let known: Vec<i64> = at.iter().map(|row| hashes.content[*row as usize]).collect();
        let mut hits: Vec<Hit> = Vec::new();
        for (i, row) in rows.enumerate() {
            if found[i] == NONE {
                continue;
            }
            let (incoming_row, known) = if same[i] {
                (at[i], known[i])
            } else {
                // Two keys of one hash: look for another one.
                let same = |other: u32| keys::same_key(stored, row, &incoming, other as usize);
                let Some(other) = index.find(own[l][row], same) else {
                    continue;
                };
                (other, hashes.content[other as usize])
            };
            hits.push(Hit {
                file: parts[l].file,
                incoming: incoming_row,
                stored: (parts[l].first + row) as u32,
                same: content[row] == known,
            });
        }
        hits
    });
    Ok(hits.into_iter().flatten().collect())
}

/// What becomes of a stored file of which rows are replaced.
#[derive(Debug)]
pub enum Rest {
    /// It stays; the log says which rows count.
    File(StoredFile),
    /// Much of it is gone: the rest is written anew.
    Job(Job),
    /// Nothing is left.
    Nothing,
}

/// A stored file without some of its rows.
pub async fn without(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    file: &StoredFile,
    replaced: &[u32],
    version: u64,
    at: usize,
) -> Result<Rest> {
    if replaced.is_empty() {
        return Ok(Rest::File(file.clone()));
    }
    let file = file.losing(file.gone.and(replaced));
    if file.rows == 0 {
        return Ok(Rest::Nothing);
    }
    if file.gone.fits(file.whole().rows) {
        return Ok(Rest::File(file));
    }
    let stored = schema::stored(table);
    let parts = reader::read(objects, std::slice::from_ref(&file), &stored, &copied(table)).await?;
    let columns = par::blocking(|| columns(table, &parts))?;
    let rows: Vec<u32> = (0..reader::rows(&parts) as u32).collect();
    let part = 0..rows.len();
    let sorted = Sorted {
        rows,
        ..Sorted::default()
    };
    Ok(Rest::Job(Job {
        columns: Arc::new(columns),
        sorted: Arc::new(sorted),
        part,
        version,
        prefix: format!("v{version:08}-r{at:05}"),
    }))
}

/// What is read of rows that are written again: all but the hash of the key, which [`columns`] makes.
pub fn copied(table: &Table) -> Vec<(usize, TextAs)> {
    (0..table.columns.len() + 3).map(|c| (c, TextAs::Stored)).collect()
}

/// Row groups of stored files as whole columns.
pub fn columns(table: &Table, parts: &[Part]) -> Result<Columns> {
    let n = table.columns.len();
    let kinds = table
        .columns
        .iter()
        .map(|c| c.kind)
        .chain([Kind::Text, Kind::Int, Kind::Int]);
    let jobs: Vec<(usize, Kind)> = kinds.enumerate().collect();
    let mut joined = par::try_map(jobs, |(at, kind)| {
        let column = parts
            .iter()
            .map(|p| {
                let array: &ArrayRef = p.batch.column(at);
                (
                    (array.null_count() < array.len()).then(|| Arc::clone(array)),
                    array.len(),
                )
            })
            .collect();
        flat::join(kind, column)
    })?;
    let missing = || RecordError::read("reading a stored file", "its hidden columns are empty");
    let version = joined.pop().flatten().ok_or_else(missing)?;
    let hash = joined.pop().flatten().ok_or_else(missing)?;
    let attributes = joined.pop().flatten();
    joined.truncate(n);
    let key = {
        let cells: Vec<Cells<'_>> =
            key_positions(table).into_iter().map(|c| Cells::of(joined[c].as_ref())).collect::<Result<_>>()?;
        keys::key_hashes(table, &cells, hash.len()).into_iter().map(keys::half).collect()
    };
    Ok(Columns {
        coded: Vec::new(),
        layout: joined,
        attributes,
        hash,
        version: Some(version),
        key,
    })
}
