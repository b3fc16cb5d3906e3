//! The order in which a table is stored: by its order columns, whatever order the rows came in.
//!
//! The first order column is text with many repeats (the person of a touchpoint), so its distinct
//! values are ranked once, rows are counted into place by rank, and only the few rows of each rank
//! are compared.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray, StringViewArray,
};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use treaty_app::layout::Table;

use super::cells::{Cells, Text, text_prefix};
use super::error::Result;
use super::par;
use super::schema::order_positions;

/// Rows one task numbers.
const BLOCK: usize = 1 << 20;

/// Below so many distinct values of the first order column, the second one is ranked as well.
const FEW: usize = 256;

/// The rows `alive` in stored order. The leading order columns become dictionaries whose keys are
/// ranks.
pub fn sort(table: &Table, columns: &mut [Option<ArrayRef>], alive: &[u32]) -> Result<Vec<u32>> {
    let order = order_positions(table);
    let mut leading = 0;
    for at in &order {
        let Some(array) = &columns[*at] else {
            leading += 1;
            continue;
        };
        if Text::of(array).is_none() {
            break;
        }
        let (ranked, distinct) = rank(array)?;
        columns[*at] = Some(ranked);
        leading += 1;
        if distinct >= FEW {
            break;
        }
    }
    // Ranks of all leading columns as one number. Where that would not fit, fewer columns lead.
    let limit = (alive.len() * 4).max(1 << 16);
    let mut heads: Vec<(&[i32], Option<&datafusion::arrow::buffer::NullBuffer>, usize)> = Vec::new();
    let mut ranks = 1_usize;
    let mut taken = 0;
    for at in order.iter().take(leading) {
        if let Some(array) = &columns[*at] {
            let Some(Text::Dict(keys, nulls, values)) = Text::of(array) else { break };
            if ranks.saturating_mul(values.len() + 1) > limit && !heads.is_empty() {
                break;
            }
            ranks *= values.len() + 1;
            heads.push((keys, nulls, values.len() + 1));
        }
        taken += 1;
    }
    let code = |row: u32| -> usize {
        let row = row as usize;
        heads.iter().fold(0, |code, (keys, nulls, size)| {
            let own = if nulls.is_some_and(|n| n.is_null(row)) { 0 } else { keys[row] as usize + 1 };
            code * size + own
        })
    };
    let rest: Vec<Cells<'_>> =
        order[taken..].iter().map(|at| Cells::of(columns[*at].as_ref())).collect::<Result<_>>()?;
    Ok(counted(alive, ranks, code, &rest))
}

/// Counting sort by `code`, then a comparing one within each code.
fn counted(
    alive: &[u32],
    ranks: usize,
    code: impl Fn(u32) -> usize + Sync,
    rest: &[Cells<'_>],
) -> Vec<u32> {
    let mut starts = vec![0_u32; ranks + 1];
    for row in alive {
        starts[code(*row) + 1] += 1;
    }
    for i in 0..ranks {
        starts[i + 1] += starts[i];
    }
    // Each task fills the rows of a range of codes with about as many rows as the others'.
    let tasks = par::workers().min(alive.len() / 4096 + 1);
    let mut out = vec![0_u32; alive.len()];
    let mut bounds = vec![0_usize];
    for t in 1..tasks {
        let rows = (alive.len() * t / tasks) as u32;
        bounds.push(starts.partition_point(|s| *s < rows).min(ranks));
    }
    bounds.push(ranks);
    let mut jobs = Vec::new();
    let mut free = out.as_mut_slice();
    for pair in bounds.windows(2) {
        let (from, to) = (pair[0], pair[1].max(pair[0]));
        let (own, others) = free.split_at_mut((starts[to] - starts[from]) as usize);
        free = others;
        jobs.push((from..to, own));
    }
    par::map(jobs, |(codes, own)| {
        let base = starts[codes.start];
        let mut next: Vec<u32> = starts[codes.clone()].iter().map(|s| s - base).collect();
        let Some(first) = rest.first() else {
            for row in alive {
                let c = code(*row);
                if codes.contains(&c) {
                    let at = &mut next[c - codes.start];
                    own[*at as usize] = *row;
                    *at += 1;
                }
            }
            return;
        };
        let mut filled = vec![(0_i64, 0_u32); own.len()];
        for row in alive {
            let c = code(*row);
            if codes.contains(&c) {
                let at = &mut next[c - codes.start];
                filled[*at as usize] = (first.prefix(*row as usize), *row);
                *at += 1;
            }
        }
        let compare = |a: &(i64, u32), b: &(i64, u32)| {
            a.0.cmp(&b.0).then_with(|| {
                rest.iter()
                    .map(|c| c.cmp(a.1 as usize, b.1 as usize))
                    .find(|o| *o != Ordering::Equal)
                    .unwrap_or_else(|| a.1.cmp(&b.1))
            })
        };
        for c in codes {
            let group = &mut filled[(starts[c] - base) as usize..(starts[c + 1] - base) as usize];
            if group.len() > 1 {
                group.sort_unstable_by(compare);
            }
        }
        for (to, (_, row)) in own.iter_mut().zip(&filled) {
            *to = *row;
        }
    });
    out
}

/// The column as a dictionary whose values are sorted and distinct, and their number.
fn rank(array: &ArrayRef) -> Result<(ArrayRef, usize)> {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let dict = array.as_dictionary::<Int32Type>();
            let values = dict.values().as_string::<i32>();
            let (sorted, ranks) = sorted((0..values.len()).map(|k| values.value(k)).collect());
            let keys = dict.keys().values();
            let mut out = vec![0_i32; keys.len()];
            let blocks: Vec<_> = out.chunks_mut(BLOCK).zip(keys.chunks(BLOCK)).collect();
            par::map(blocks, |(out, keys)| {
                for (to, key) in out.iter_mut().zip(keys) {
                    *to = usize::try_from(*key).ok().and_then(|k| ranks.get(k)).copied().unwrap_or(0);
                }
            });
            dictionary(out, dict.nulls().cloned(), sorted)
        }
        _ => {
            let views = array.as_string_view();
            let blocks = par::ranges(views.len(), BLOCK);
            let local = par::map(blocks, |rows| {
                let mut own = Interner::default();
                let codes: Vec<u32> = own.all(views, rows);
                (codes, own.firsts)
            });
            let mut global = Interner::default();
            let maps: Vec<Vec<u32>> = local
                .iter()
                .map(|(_, firsts)| firsts.iter().map(|row| global.one(views, *row)).collect())
                .collect();
            let values: Vec<&str> = global.firsts.iter().map(|row| views.value(*row as usize)).collect();
            let (sorted, ranks) = sorted(values);
            let mut out = vec![0_i32; views.len()];
            let blocks: Vec<_> = out.chunks_mut(BLOCK).zip(local.iter().zip(&maps)).collect();
            par::map(blocks, |(out, ((codes, _), map))| {
                for (to, code) in out.iter_mut().zip(codes) {
                    *to = if *code == u32::MAX { 0 } else { ranks[map[*code as usize] as usize] };
                }
            });
            dictionary(out, views.nulls().cloned(), sorted)
        }
    }
}

fn dictionary(
    keys: Vec<i32>,
    nulls: Option<datafusion::arrow::buffer::NullBuffer>,
    mut values: Vec<&str>,
) -> Result<(ArrayRef, usize)> {
    let distinct = values.len();
    if values.is_empty() {
        values.push("");
    }
    let keys = Int32Array::new(keys.into(), nulls);
    let dict = DictionaryArray::try_new(keys, Arc::new(StringArray::from(values)))?;
    Ok((Arc::new(dict), distinct))
}

/// Distinct values in order, and the place of every value among them.
fn sorted(values: Vec<&str>) -> (Vec<&str>, Vec<i32>) {
    let mut order: Vec<(i64, u32)> =
        values.iter().enumerate().map(|(i, v)| (text_prefix(v), i as u32)).collect();
    order.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| values[a.1 as usize].cmp(values[b.1 as usize]))
    });
    let mut ranks = vec![0_i32; values.len()];
    let mut distinct: Vec<&str> = Vec::with_capacity(values.len());
    for (_, at) in order {
        let value = values[at as usize];
        if distinct.last() != Some(&value) {
            distinct.push(value);
        }
        ranks[at as usize] = (distinct.len() - 1) as i32;
    }
    (distinct, ranks)
}

/// Numbers distinct texts in order of appearance.
#[derive(Default)]
struct Interner {
    /// Number of a text plus one; zero is free.
    slots: Vec<u32>,
    hashes: Vec<u64>,
    /// A row with the text.
    firsts: Vec<u32>,
}

impl Interner {
    fn all(&mut self, views: &StringViewArray, rows: std::ops::Range<usize>) -> Vec<u32> {
        rows.map(|row| if views.is_null(row) { u32::MAX } else { self.one(views, row as u32) }).collect()
    }

    fn one(&mut self, views: &StringViewArray, row: u32) -> u32 {
        if self.firsts.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let view = views.views()[row as usize];
        let inline = view as u32 <= 12;
        let hash = if inline {
            super::hash::short(0, view as u32 as usize, (view >> 32) as u64, (view >> 96) as u64)
        } else {
            super::hash::text(0, views.value(row as usize).as_bytes())
        };
        let hash = super::hash::finish(hash);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let number = self.slots[slot];
            if number == 0 {
                self.firsts.push(row);
                self.hashes.push(hash);
                self.slots[slot] = self.firsts.len() as u32;
                return self.firsts.len() as u32 - 1;
            }
            let number = number - 1;
            if self.hashes[number as usize] == hash {
                let first = self.firsts[number as usize] as usize;
                let same = if inline {
                    views.views()[first] == view
                } else {
                    views.value(first) == views.value(row as usize)
                };
                if same {
                    return number;
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1024);
        self.slots = vec![0; size];
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut slot = *hash as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::TimestampMicrosecondArray;

    #[test]
    fn rows_are_ordered_by_all_order_columns() {
        let table = treaty_app::layout::table("stage_changes").expect("a table");
        let n = 10_000_u64;
        let pick = |i: u64, salt: u64, m: u64| super::super::hash::finish(i ^ salt) % m;
        let kinds: Vec<Option<String>> =
            (0..n).map(|i| Some(if pick(i, 1, 3) == 0 { "opportunity" } else { "person" }.to_owned())).collect();
        let ids: Vec<Option<String>> = (0..n)
            .map(|i| (pick(i, 2, 50) > 0).then(|| format!("{}{}", if i % 7 == 0 { "a very long name of " } else { "P" }, pick(i, 3, 500))))
            .collect();
        let at: Vec<i64> = (0..n).map(|i| pick(i, 4, 5) as i64).collect();
        let stage: Vec<String> = (0..n).map(|i| format!("s{i}")).collect();
        let mut columns = vec![None; table.columns.len()];
        columns[0] = Some(Arc::new(StringViewArray::from_iter(kinds.clone())) as ArrayRef);
        columns[1] = Some(Arc::new(StringViewArray::from_iter(ids.clone())) as ArrayRef);
        columns[2] = Some(Arc::new(TimestampMicrosecondArray::from(at.clone()).with_timezone("UTC")) as ArrayRef);
        columns[3] = Some(Arc::new(StringViewArray::from_iter_values(stage.clone())) as ArrayRef);
        let alive: Vec<u32> = (0..n as u32).filter(|i| i % 10 != 3).collect();
        let mut want = alive.clone();
        want.sort_by_key(|i| {
            let i = *i as usize;
            (kinds[i].clone(), ids[i].clone(), at[i], stage[i].clone())
        });
        let got = sort(table, &mut columns, &alive).expect("an order");
        assert_eq!(got, want);
        for at in [0, 1] {
            let text = columns[at].clone().expect("a column");
            let text = Text::of(&text).expect("text");
            let from = if at == 0 { &kinds } else { &ids };
            assert!((0..n as usize).all(|i| text.get(i) == from[i].as_deref()));
        }
    }
}
