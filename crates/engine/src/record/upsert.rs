//! What incoming rows mean for those already stored: new, changed or unchanged.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use datafusion::arrow::array::{Array, ArrayRef, BooleanBufferBuilder};
use datafusion::object_store::ObjectStore;
use treaty_app::layout::{Kind, Table};

use super::cells::Cells;
use super::encode::{Columns, Job};
use super::error::{RecordError, Result};
use super::flat::{self, Flat};
use super::keys::{self, Hashes, Index, NONE};
use super::order::Sorted;
use super::par;
use super::reader::{self, Part, TextAs};
use super::schema::{self, HASH, key_positions, position};
use super::store::StoredFile;

/// Stored rows that one task compares.
const BLOCK: usize = 1 << 17;

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

/// Compares by key; reads only the keys and hashes of the stored rows.
pub async fn matches(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    flat: &Flat,
    hashes: &Hashes,
    index: &Index,
) -> Result<Matched> {
    let mut out = Matched {
        replaced: vec![Vec::new(); files.len()],
        ..Matched::default()
    };
    if files.is_empty() || flat.rows == 0 {
        return Ok(out);
    }
    let mut columns: Vec<(usize, TextAs)> = key_positions(table)
        .into_iter()
        .map(|c| (c, TextAs::Stored))
        .collect();
    columns.push((position(table, HASH)?, TextAs::Stored));
    // A few files at a time: the keys of a large table are many bytes.
    let mut done = 0;
    while done < files.len() {
        let mut until = done;
        let mut rows = 0;
        while until < files.len() && (rows == 0 || rows + files[until].rows <= 8_000_000) {
            rows += files[until].rows;
            until += 1;
        }
        let parts = reader::read(
            Arc::clone(&objects),
            &files[done..until],
            &schema::stored(table),
            &columns,
        )
        .await?;
        for (file, row, stored, same) in
            par::blocking(|| probe(table, &parts, flat, hashes, index))?
        {
            if same {
                out.unchanged.push(row);
            } else {
                out.changed += 1;
                out.replaced[done + file].push(stored);
            }
        }
        done = until;
    }
    out.unchanged.sort_unstable();
    out.replaced
        .iter_mut()
        .for_each(|rows| rows.sort_unstable());
    Ok(out)
}

/// Stored file, incoming row, stored row, and whether they say the same.
type Hit = (usize, u32, u32, bool);

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
        let known: Vec<u64> = at.iter().map(|row| hashes.content[*row as usize]).collect();
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
            hits.push((
                parts[l].file,
                incoming_row,
                (parts[l].first + row) as u32,
                content[row] as u64 == known,
            ));
        }
        hits
    });
    Ok(hits.into_iter().flatten().collect())
}

/// The rows of a stored file without some of them, as a new file; `None` when none are left.
pub async fn without(
    table: &'static Table,
    objects: Arc<dyn ObjectStore>,
    file: &StoredFile,
    replaced: &[u32],
    version: u64,
    prefix: String,
) -> Result<Option<Job>> {
    let stored = schema::stored(table);
    let all: Vec<(usize, TextAs)> = (0..stored.fields().len())
        .map(|c| (c, TextAs::Stored))
        .collect();
    let parts = reader::read(objects, std::slice::from_ref(file), &stored, &all).await?;
    let rows = reader::rows(&parts);
    let mut kept = BooleanBufferBuilder::new(rows);
    kept.append_n(rows, true);
    for row in replaced {
        kept.set_bit(*row as usize, false);
    }
    let kept: Vec<u32> = (0..rows)
        .filter(|i| kept.get_bit(*i))
        .map(|i| i as u32)
        .collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let columns = par::blocking(|| columns(table, &parts))?;
    let part = 0..kept.len();
    let sorted = Sorted {
        rows: kept,
        ..Sorted::default()
    };
    Ok(Some(Job {
        columns: Arc::new(columns),
        sorted: Arc::new(sorted),
        part,
        version,
        prefix,
    }))
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
    Ok(Columns {
        layout: joined,
        attributes,
        hash,
        version: Some(version),
    })
}
