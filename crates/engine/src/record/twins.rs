//! Rows of one import that share a key: exactly one stays, whatever their order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use treaty_app::layout::Table;
use treaty_app::raw::Fault;

use super::cells::Cells;
use super::error::Result;
use super::flat::Flat;

/// What became of the rows that are not kept.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Rows not to be stored.
    pub dropped: HashSet<u32>,
    /// How many of them say the same as the row that is kept.
    pub repeated: u64,
    /// How many say something else.
    pub refused: u64,
    /// The latter, one by one.
    pub faults: Vec<Fault>,
}

/// Chooses among the rows of each key: the largest `recorded_at`, then `seq`, then content.
pub fn resolve(
    table: &Table,
    flat: &Flat,
    twins: &[(u32, u32)],
    limit: usize,
) -> Result<Resolved> {
    let mut out = Resolved::default();
    if twins.is_empty() {
        return Ok(out);
    }
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (first, later) in twins {
        groups
            .entry(*first)
            .or_insert_with(|| vec![*first])
            .push(*later);
    }
    let mut columns: Vec<Cells<'_>> = Vec::new();
    for name in ["recorded_at", "seq"] {
        if let Some(at) = table.columns.iter().position(|c| c.name == name) {
            columns.push(Cells::of(flat.columns[at].as_ref())?);
        }
    }
    for column in &flat.columns {
        columns.push(Cells::of(column.as_ref())?);
    }
    columns.push(Cells::of(flat.attributes.as_ref())?);
    let compare = |a: u32, b: u32| -> Ordering {
        columns
            .iter()
            .map(|c| c.cmp(a as usize, b as usize))
            .find(|o| *o != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    for (first, rows) in groups {
        let mut kept = first;
        for row in &rows {
            if compare(*row, kept) == Ordering::Greater {
                kept = *row;
            }
        }
        for row in rows.into_iter().filter(|r| *r != kept) {
            out.dropped.insert(row);
            if compare(row, kept) == Ordering::Equal {
                out.repeated += 1;
                continue;
            }
            out.refused += 1;
            if out.faults.len() < limit {
                out.faults.push(fault(table, flat, row, kept));
            }
        }
    }
    Ok(out)
}

fn fault(table: &Table, flat: &Flat, row: u32, kept: u32) -> Fault {
    let place = |row: u32| {
        let (run, at) = flat.origin(row as usize);
        flat.origins
            .get(run)
            .map_or_else(|| (String::new(), 0), |(_, piece)| piece.place(at))
    };
    let (file, line) = place(row);
    let (kept_file, kept_line) = place(kept);
    Fault {
        file,
        line,
        column: Some(table.key.join(", ")),
        reason: format!(
            "another row of this import has the same key and other content; kept is {kept_file}:{kept_line} (the latest recorded_at, then the largest seq, then the greater content). Remove one of the two"
        ),
    }
}
