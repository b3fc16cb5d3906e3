//! Hashes of rows and their keys, and an index that finds a row by its key.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use datafusion::arrow::array::ArrayRef;
use treaty_app::layout::{ATTRIBUTES, Table};

use super::cells::Cells;
use super::error::Result;
use super::hash;
use super::par::{self, Dealt};
use super::schema::key_positions;

/// Rows that one task hashes.
const BLOCK: usize = 1 << 18;

/// No row.
pub const NONE: u32 = u32::MAX;

/// Hash of the content and of the key of every row.
#[derive(Debug, Default)]
pub struct Hashes {
    /// Of the key columns.
    pub key: Vec<u64>,
    /// Of all columns of the layout and the attributes, as they are stored.
    pub content: Vec<i64>,
}

/// Hashes rows on all cores.
pub fn hashes(
    table: &Table,
    columns: &[Option<ArrayRef>],
    attributes: Option<&ArrayRef>,
    rows: usize,
) -> Result<Hashes> {
    let keys = key_positions(table);
    let mut all: Vec<(u64, bool, Cells<'_>)> = Vec::new();
    for (i, column) in table.columns.iter().enumerate() {
        all.push((
            hash::seed(column.name),
            keys.contains(&i),
            Cells::of(columns[i].as_ref())?,
        ));
    }
    all.push((hash::seed(ATTRIBUTES), false, Cells::of(attributes)?));
    let mut out = Hashes {
        key: vec![0; rows],
        content: vec![0; rows],
    };
    let blocks: Vec<_> = out
        .key
        .chunks_mut(BLOCK)
        .zip(out.content.chunks_mut(BLOCK))
        .enumerate()
        .collect();
    par::map(blocks, |(at, (key, content))| {
        let rows = at * BLOCK..at * BLOCK + key.len();
        for (seed, is_key, cells) in &all {
            if *is_key {
                cells.hash_into(*seed, rows.clone(), |i, h| {
                    key[i] = key[i].wrapping_add(h);
                    content[i] = content[i].wrapping_add(h as i64);
                });
            } else {
                cells.hash_into(*seed, rows.clone(), |i, h| {
                    content[i] = content[i].wrapping_add(h as i64)
                });
            }
        }
        key.iter_mut().for_each(|h| *h = hash::finish(*h));
        content.iter_mut().for_each(|h| *h = hash::finish(*h as u64) as i64);
    });
    Ok(out)
}

/// Hashes of the keys alone; `columns` are those of [`Table::key`], in that order.
pub fn key_hashes(table: &Table, columns: &[Cells<'_>], rows: usize) -> Vec<u64> {
    let mut out = vec![0_u64; rows];
    for (name, cells) in table.key.iter().zip(columns) {
        cells.hash_into(hash::seed(name), 0..rows, |i, h| {
            out[i] = out[i].wrapping_add(h)
        });
    }
    out.iter_mut().for_each(|h| *h = hash::finish(*h));
    out
}

/// The part of a key's hash that is stored. Among a thousand million rows a key shares it with none
/// or one other, and whole keys are compared anyway.
#[inline]
pub fn half(hash: u64) -> i32 {
    hash as i32
}

/// Whether the keys of two rows are the same, byte for byte.
pub fn same_key(a: &[Cells<'_>], i: usize, b: &[Cells<'_>], j: usize) -> bool {
    a.iter()
        .zip(b)
        .all(|(x, y)| x.cmp_across(i, *y, j) == Ordering::Equal)
}

/// Finds rows by key. Cut into parts that fit a core's cache while they are built.
#[derive(Debug, Default)]
pub struct Index {
    shift: u32,
    parts: Vec<Part>,
}

#[derive(Debug, Default)]
struct Part {
    /// Low halves of hashes, whose high bits name the part, and rows.
    rows: Vec<(u32, u32)>,
    /// Positions in `rows` plus one; zero is free.
    slots: Vec<u32>,
}

/// Pairs of a row and a later one with the same key.
pub type Twins = Vec<(u32, u32)>;

/// Rows that share a key with an earlier one, each with the first of them. `same` says whether two rows of one
/// hash have the same key.
pub fn twins(hashes: &[u64], alive: &[u32], same: impl Fn(u32, u32) -> bool + Sync) -> Twins {
    let found = linked(hashes, alive, |part| {
        let mut twins = Twins::new();
        part.link(&same, &mut twins);
        twins
    });
    found.1.into_iter().flatten().collect()
}

/// Deals rows into parts by their hashes, and works on each part; gives the shift that names the part of a hash,
/// and what came of the parts.
fn linked<T: Send>(hashes: &[u64], rows: &[u32], work: impl Fn(&mut Part) -> T + Sync) -> (u32, Vec<T>) {
    let bits = (rows.len() / 32_768).next_power_of_two().trailing_zeros().min(12);
    let count = 1_usize << bits;
    let shift = 64 - bits;
    let dealt: Vec<Dealt<(u32, u32)>> = par::map(rows.chunks(BLOCK).collect(), |rows| {
        Dealt::new(count, rows.iter().map(|row| {
            let hash = hashes[*row as usize];
            (part_of(hash, shift), (hash as u32, *row))
        }))
    });
    let tasks = par::ranges(count, count.div_ceil(par::workers() * 4));
    let made = par::map(tasks, |range| {
        let mut part = Part::default();
        let one = |at: usize| {
            part.rows.clear();
            dealt.iter().for_each(|block| part.rows.extend_from_slice(block.of(at)));
            work(&mut part)
        };
        range.map(one).collect::<Vec<T>>()
    });
    (shift, made.into_iter().flatten().collect())
}

impl Index {
    /// Indexes rows, of which no two have the same key.
    pub fn of(hashes: &[u64], rows: &[u32]) -> Self {
        let (shift, parts) = linked(hashes, rows, |part| {
            part.link(&|_, _| false, &mut Twins::new());
            part.rows.shrink_to_fit();
            std::mem::take(part)
        });
        Self { shift, parts }
    }

    /// The row of this hash that `same` accepts.
    pub fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let part = &self.parts[part_of(hash, self.shift)];
        part.probe(hash as u32, same).ok().map(|at| part.rows[at].1)
    }

    /// For every hash of some lists an indexed row of most likely the same hash, or [`NONE`]. Whether the keys
    /// are the same is for the caller to see.
    pub fn candidates(&self, lists: &[Vec<u64>]) -> Vec<Vec<AtomicU32>> {
        let out: Vec<Vec<AtomicU32>> = lists
            .iter()
            .map(|list| list.iter().map(|_| AtomicU32::new(NONE)).collect())
            .collect();
        if self.parts.len() < 16 {
            // A small index is in the cache anyway.
            let mut blocks = Vec::new();
            for (list, out) in lists.iter().zip(&out) {
                blocks.extend(list.chunks(BLOCK).zip(out.chunks(BLOCK)));
            }
            par::map(blocks, |(list, out)| {
                for (hash, out) in list.iter().zip(out) {
                    out.store(self.find(*hash, |_| true).unwrap_or(NONE), Relaxed);
                }
            });
            return out;
        }
        // Part after part, so that each is fetched once.
        let count = self.parts.len();
        par::map(
            par::ranges(count, count.div_ceil(par::workers() * 4)),
            |range| {
                let mut asked: Vec<Vec<(u32, u32)>> = range.clone().map(|_| Vec::new()).collect();
                for (l, list) in lists.iter().enumerate() {
                    for (i, hash) in list.iter().enumerate() {
                        let at = part_of(*hash, self.shift);
                        if range.contains(&at) {
                            asked[at - range.start].push((l as u32, i as u32));
                        }
                    }
                }
                for (part, asked) in self.parts[range].iter().zip(asked) {
                    for (l, i) in asked {
                        let (l, i) = (l as usize, i as usize);
                        if let Ok(at) = part.probe(lists[l][i] as u32, |_| true) {
                            out[l][i].store(part.rows[at].1, Relaxed);
                        }
                    }
                }
            },
        );
        out
    }
}

fn part_of(hash: u64, shift: u32) -> usize {
    hash.checked_shr(shift).unwrap_or(0) as usize
}

impl Part {
    /// Position in `rows` of the row that `same` accepts, or the free slot for it.
    fn probe(&self, hash: u32, same: impl Fn(u32) -> bool) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        if self.slots.is_empty() {
            return Err(0);
        }
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                at => {
                    let at = at as usize - 1;
                    let (own, row) = self.rows[at];
                    if own == hash && same(row) {
                        return Ok(at);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn link(&mut self, same: &(impl Fn(u32, u32) -> bool + Sync), twins: &mut Twins) {
        self.slots.clear();
        // One is always free, where a search ends.
        self.slots.resize((self.rows.len() + self.rows.len() / 3 + 1).next_power_of_two(), 0);
        for i in 0..self.rows.len() {
            let (hash, row) = self.rows[i];
            match self.probe(hash, |other| same(other, row)) {
                Ok(first) => twins.push((self.rows[first].1, row)),
                Err(free) => self.slots[free] = (i + 1) as u32,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_are_told_apart_by_their_keys() {
        let keys: Vec<u64> = (0..100_000).map(|i| i / 2).collect();
        let hashes: Vec<u64> = keys.iter().map(|k| hash::finish(k / 3)).collect();
        let alive: Vec<u32> = (0..100_000).collect();
        let same = |a: u32, b: u32| keys[a as usize] == keys[b as usize];
        let twins = twins(&hashes, &alive, same);
        assert_eq!(twins.len(), 50_000);
        assert!(twins.iter().all(|(a, b)| a + 1 == *b));
        let odd: Vec<u32> = alive.into_iter().filter(|row| row % 2 == 1).collect();
        let index = Index::of(&hashes, &odd);
        assert_eq!(
            index.find(hashes[101], |r| keys[r as usize] == 50),
            Some(101)
        );
        assert_eq!(index.find(hash::finish(1 << 40), |_| true), None);
    }

    #[test]
    fn a_search_for_what_is_not_there_ends() {
        for n in 0..70 {
            let hashes: Vec<u64> = (0..n).map(hash::finish).collect();
            let alive: Vec<u32> = (0..n as u32).collect();
            let index = Index::of(&hashes, &alive);
            assert!((n..2 * n + 9).all(|other| index.find(hash::finish(other), |_| true).is_none()));
        }
    }

    #[test]
    fn many_rows_are_found_at_once() {
        let hashes: Vec<u64> = (0..700_000).map(hash::finish).collect();
        for indexed in [1_000, 700_000] {
            let alive: Vec<u32> = (0..indexed).collect();
            let index = Index::of(&hashes, &alive);
            assert!((index.parts.len() >= 16) == (indexed > 1_000));
            let lists = vec![hashes[..500].to_vec(), hashes[500..2_000].to_vec()];
            let found = index.candidates(&lists);
            let found: Vec<u32> = found
                .iter()
                .flatten()
                .map(|row| row.load(Relaxed))
                .collect();
            let want: Vec<u32> = (0..2_000)
                .map(|row| if row < indexed { row } else { NONE })
                .collect();
            assert_eq!(found, want);
        }
    }
}
