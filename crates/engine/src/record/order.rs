//! The order in which a table is stored: by its order columns, whatever order the rows came in.
//!
//! Every row gets a number of 64 bits that orders like its first order columns (a small rank and
//! the first letters that tell texts apart). Rows are dealt into buckets by that number, each small
//! enough for a core's cache, and sorted there; whole cells are compared only where numbers tie.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray};
use treaty_app::layout::Table;

use super::cells::{Cells, Text};
use super::error::Result;
use super::par::{self, Dealt};
use super::schema::order_positions;

/// Rows one task numbers.
const BLOCK: usize = 1 << 19;
/// Rows of a bucket, about.
const BUCKET: usize = 1 << 14;
/// A first order column of at most so many distinct values is ranked, and the second one leads.
const FEW: usize = 255;

/// Rows in stored order.
#[derive(Debug, Default)]
pub struct Sorted {
    /// The rows.
    pub rows: Vec<u32>,
    /// The column of the layout that leads: its equal cells stand together.
    pub leading: Option<usize>,
    /// Whether a row's leading cell differs from the one before.
    pub starts: Vec<bool>,
}

/// A number that orders like the first cells of a row, in two halves, and the row.
type Entry = [u32; 3];

/// Sorts the rows `alive`.
pub fn sort(table: &Table, columns: &[Option<ArrayRef>], alive: &[u32]) -> Result<Sorted> {
    let order = order_positions(table);
    let cells: Vec<Cells<'_>> = order
        .iter()
        .map(|at| Cells::of(columns[*at].as_ref()))
        .collect::<Result<_>>()?;
    // Missing or nearly constant columns at the front are ranked; the next text leads.
    let ranks = match (cells.first(), cells.get(1)) {
        (Some(Cells::Missing), Some(Cells::Text(_))) => Some(Ranks::default()),
        (Some(Cells::Text(first)), Some(Cells::Text(_))) => few(*first, alive),
        _ => None,
    };
    let lead = usize::from(ranks.is_some());
    let Some(Cells::Text(text)) = cells.get(lead) else {
        // Nothing to lead by: compare everything.
        let mut rows = alive.to_vec();
        rows.sort_unstable_by(|a, b| compare(&cells, *a, *b).then_with(|| a.cmp(b)));
        return Ok(Sorted {
            rows,
            leading: None,
            starts: Vec::new(),
        });
    };
    let head = Head::new(*text, ranks, alive);
    let (front, rest) = cells.split_at(lead + 1);
    let sorter = Sorter { head, front, rest };
    let (rows, starts) = sorter.sort(alive);
    Ok(Sorted {
        rows,
        leading: Some(order[lead]),
        starts,
    })
}

fn compare(cells: &[Cells<'_>], a: u32, b: u32) -> Ordering {
    cells
        .iter()
        .map(|c| c.cmp(a as usize, b as usize))
        .find(|o| *o != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// Ranks of the few distinct values of a column.
#[derive(Debug, Default)]
struct Ranks<'a> {
    text: Option<Text<'a>>,
    of_value: HashMap<&'a str, u8>,
    of_key: Vec<u8>,
}

/// The ranks of a column, if its distinct values are few.
fn few<'a>(text: Text<'a>, alive: &[u32]) -> Option<Ranks<'a>> {
    let mut distinct: BTreeSet<&str> = BTreeSet::new();
    match text {
        Text::Dict(_, _, values) if values.len() <= FEW => {
            distinct.extend((0..values.len()).map(|k| values.value(k)));
        }
        Text::Dict(..) => return None,
        _ => {
            let mut last = None;
            for row in alive {
                let value = text.get(*row as usize);
                if value != last
                    && let Some(value) = value
                {
                    distinct.insert(value);
                    if distinct.len() > FEW {
                        return None;
                    }
                }
                last = value;
            }
        }
    }
    // 0 is for missing cells.
    let of_value: HashMap<&str, u8> = distinct.iter().zip(1..).map(|(v, r)| (*v, r)).collect();
    let of_key = match text {
        Text::Dict(_, _, values) => (0..values.len())
            .map(|k| of_value[values.value(k)])
            .collect(),
        _ => Vec::new(),
    };
    Some(Ranks {
        text: Some(text),
        of_value,
        of_key,
    })
}

impl Ranks<'_> {
    #[inline]
    fn of(&self, row: usize) -> u8 {
        match self.text {
            None => 0,
            Some(Text::Dict(keys, nulls, _)) => {
                if nulls.is_some_and(|n| n.is_null(row)) {
                    0
                } else {
                    self.of_key[keys[row] as usize]
                }
            }
            Some(text) => text
                .get(row)
                .and_then(|v| self.of_value.get(v))
                .copied()
                .unwrap_or(0),
        }
    }
}

/// Numbers rows by rank and by the letters of the leading column.
struct Head<'a> {
    text: Text<'a>,
    ranks: Option<Ranks<'a>>,
    /// Letters at the front that all texts share.
    skip: usize,
    /// Numbers of the distinct values of a dictionary.
    of_key: Vec<u64>,
    /// Equal numbers mean equal cells.
    decisive: bool,
    /// Letters behind the shared ones that are in the number, and whether as many as eight more tell all cells apart.
    letters: usize,
    told: bool,
}

impl<'a> Head<'a> {
    fn new(text: Text<'a>, ranks: Option<Ranks<'a>>, alive: &[u32]) -> Self {
        let mut head = Self {
            text,
            ranks,
            skip: 0,
            of_key: Vec::new(),
            decisive: true,
            letters: 8,
            told: true,
        };
        // Dictionary values stand for all rows that have them.
        let shapes = match text {
            Text::Dict(_, _, values) => vec![shape((0..values.len()).map(|k| values.value(k)))],
            Text::View(views) => par::map(alive.chunks(BLOCK).collect(), |rows| {
                shape_of_views(views, rows)
            }),
            Text::Plain(_) => par::map(alive.chunks(BLOCK).collect(), |rows| {
                shape(rows.iter().filter_map(|row| text.get(*row as usize)))
            }),
        };
        let mut whole: Option<Shape<'_>> = None;
        for shape in shapes.into_iter().flatten() {
            whole = Some(whole.map_or(shape, |w| w.and(shape)));
        }
        let Some(shape) = whole else { return head };
        head.skip = shape.shared.len();
        head.letters = if head.ranks.is_some() { 7 } else { 8 };
        // A text that is no more than the shared letters has the number of a missing one.
        let clear = !shape.zero && (shape.shortest > head.skip || head.without_nulls());
        head.decisive = clear && shape.longest <= head.skip + head.letters;
        head.told = clear && shape.longest <= head.skip + head.letters + 8;
        if let Text::Dict(_, _, values) = text {
            head.of_key = (0..values.len())
                .map(|k| head.letters(values.value(k).as_bytes(), head.skip))
                .collect();
        }
        head
    }

    /// The letters behind those of the number, which order what has the same number.
    #[inline]
    fn more(&self, row: usize) -> u64 {
        if self.decisive {
            return 0;
        }
        self.text.get(row).map_or(0, |text| self.letters(text.as_bytes(), self.skip + self.letters))
    }

    fn without_nulls(&self) -> bool {
        match self.text {
            Text::View(a) => a.null_count() == 0,
            Text::Plain(a) => a.null_count() == 0,
            Text::Dict(_, nulls, _) => nulls.is_none_or(|n| n.null_count() == 0),
        }
    }

    /// Eight letters from one on.
    #[inline]
    fn letters(&self, text: &[u8], from: usize) -> u64 {
        let rest = text.get(from..).unwrap_or_default();
        let mut first = [0_u8; 8];
        let n = rest.len().min(8);
        first[..n].copy_from_slice(&rest[..n]);
        u64::from_be_bytes(first)
    }

    #[inline]
    fn view(&self, views: &StringViewArray, row: usize) -> u64 {
        if views.is_null(row) {
            return 0;
        }
        let view = views.views()[row];
        if view as u32 <= 12 {
            let shift = 32 + 8 * self.skip;
            return if shift < 128 {
                ((view >> shift) as u64).swap_bytes()
            } else {
                0
            };
        }
        self.letters(views.value(row).as_bytes(), self.skip)
    }

    #[inline]
    fn number(&self, row: usize) -> u64 {
        let letters = match self.text {
            Text::View(views) => self.view(views, row),
            Text::Dict(keys, nulls, _) => {
                if nulls.is_some_and(|n| n.is_null(row)) {
                    0
                } else {
                    self.of_key[keys[row] as usize]
                }
            }
            Text::Plain(_) => self.text.get(row).map_or(0, |t| self.letters(t.as_bytes(), self.skip)),
        };
        match &self.ranks {
            None => letters,
            Some(ranks) => (letters >> 8) | (u64::from(ranks.of(row)) << 56),
        }
    }
}

/// What texts have in common.
#[derive(Clone, Copy)]
struct Shape<'a> {
    shared: &'a [u8],
    shortest: usize,
    longest: usize,
    /// One of them ends in a zero, which cannot be told from padding.
    zero: bool,
}

impl<'a> Shape<'a> {
    fn and(self, other: Self) -> Self {
        let same = self
            .shared
            .iter()
            .zip(other.shared)
            .take_while(|(a, b)| a == b)
            .count();
        Self {
            shared: &self.shared[..same],
            shortest: self.shortest.min(other.shortest),
            longest: self.longest.max(other.longest),
            zero: self.zero | other.zero,
        }
    }
}

fn shape<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Shape<'a>> {
    texts
        .map(|t| {
            let t = t.as_bytes();
            Shape {
                shared: t,
                shortest: t.len(),
                longest: t.len(),
                zero: t.last() == Some(&0),
            }
        })
        .reduce(Shape::and)
}

/// The same for views, of which most hold their text inline: bytes are compared by the word.
fn shape_of_views<'a>(views: &'a StringViewArray, rows: &[u32]) -> Option<Shape<'a>> {
    let words = views.views();
    let nulls = views.nulls();
    let valid = |row: usize| nulls.is_none_or(|n| n.is_valid(row));
    let first = rows
        .iter()
        .map(|r| *r as usize)
        .find(|r| valid(*r) && words[*r] as u32 <= 12);
    let mut out = None;
    if let Some(first) = first {
        let (mut differ, mut shortest, mut longest, mut zero) = (0_u128, u32::MAX, 0, false);
        for row in rows {
            let row = *row as usize;
            let word = words[row];
            let len = word as u32;
            if len > 12 || !valid(row) {
                continue;
            }
            differ |= (word ^ words[first]) >> 32;
            shortest = shortest.min(len);
            longest = longest.max(len);
            zero |= len == 0 || (word >> (24 + 8 * len)) as u8 == 0;
        }
        let same = (differ.trailing_zeros() / 8).min(shortest) as usize;
        let shared = &views.value(first).as_bytes()[..same];
        out = Some(Shape {
            shared,
            shortest: shortest as usize,
            longest: longest as usize,
            zero,
        });
    }
    let long = rows
        .iter()
        .map(|r| *r as usize)
        .filter(|r| words[*r] as u32 > 12 && valid(*r));
    match (out, shape(long.map(|row| views.value(row)))) {
        (Some(a), Some(b)) => Some(a.and(b)),
        (a, b) => a.or(b),
    }
}

struct Sorter<'a> {
    head: Head<'a>,
    /// The columns in the head.
    front: &'a [Cells<'a>],
    /// The columns behind it.
    rest: &'a [Cells<'a>],
}

impl Sorter<'_> {
    fn sort(&self, alive: &[u32]) -> (Vec<u32>, Vec<bool>) {
        let wanted = (alive.len() / BUCKET).clamp(1, 2_048);
        let step = (alive.len() / (wanted * 32)).max(1);
        let sample = alive.iter().step_by(step).map(|row| self.head.number(*row as usize)).collect();
        let bounds = bounds(sample, wanted);
        let buckets = bounds.len() + 1;
        let dealt: Vec<Dealt<Entry>> = par::map(alive.chunks(BLOCK).collect(), |rows| {
            Dealt::new(buckets, rows.iter().map(|row| {
                let number = self.head.number(*row as usize);
                (bounds.partition_point(|b| *b <= number), [(number >> 32) as u32, number as u32, *row])
            }))
        });
        let sizes: Vec<usize> = (0..buckets).map(|bucket| dealt.iter().map(|d| d.of(bucket).len()).sum()).collect();
        // Each task takes a run of buckets with about as many rows as the others'.
        let mut rows = vec![0_u32; alive.len()];
        let mut starts = vec![false; alive.len()];
        let tasks = (par::workers() * 4).min(alive.len() / BUCKET + 1);
        let share = alive.len().div_ceil(tasks).max(1);
        let mut jobs = Vec::new();
        let (mut free_rows, mut free_starts) = (rows.as_mut_slice(), starts.as_mut_slice());
        let mut from = 0;
        while from < buckets {
            let mut to = from;
            let mut size = 0;
            while to < buckets && (size == 0 || size + sizes[to] <= share) {
                size += sizes[to];
                to += 1;
            }
            let (own_rows, others) = free_rows.split_at_mut(size);
            free_rows = others;
            let (own_starts, others) = free_starts.split_at_mut(size);
            free_starts = others;
            jobs.push((from..to, own_rows, own_starts));
            from = to;
        }
        par::map(jobs, |(range, rows, starts)| {
            let mut at = 0;
            let mut entries: Vec<Entry> = Vec::new();
            let mut last: Option<Entry> = None;
            for bucket in range {
                entries.clear();
                dealt.iter().for_each(|block| entries.extend_from_slice(block.of(bucket)));
                entries.sort_unstable_by_key(whole);
                // More letters, and numbers for the next column where these tell the first ones apart: fetched at once,
                // because each comes from elsewhere.
                let next = self.rest.first().filter(|_| self.head.told);
                let next: Vec<Next> = entries
                    .iter()
                    .map(|e| (self.head.more(e[2] as usize), next.map_or(0, |c| c.prefix(e[2] as usize))))
                    .collect();
                let mut from = 0;
                for same in entries.chunk_by_mut(|a, b| number(a) == number(b)) {
                    let next = &next[from..from + same.len()];
                    from += same.len();
                    // Rows of one number come in the order of the import: often the right one already.
                    if !next.is_sorted_by(|a, b| a < b) {
                        self.settle(same, next);
                    }
                    for entry in same {
                        starts[at] = last.is_none_or(|last| !self.same_head(&last, entry));
                        rows[at] = entry[2];
                        at += 1;
                        last = Some(*entry);
                    }
                }
            }
        });
        (rows, starts)
    }

    /// Sorts rows of one number, whose next cells order like `next`.
    fn settle(&self, same: &mut [Entry], next: &[Next]) {
        let front = if self.head.told { &[] } else { self.front };
        let order = |a: u32, b: u32| compare(front, a, b).then_with(|| compare(self.rest, a, b)).then_with(|| a.cmp(&b));
        let mut rows: Vec<(Next, u32)> = next.iter().zip(&*same).map(|(next, entry)| (*next, entry[2])).collect();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| order(a.1, b.1)));
        same.iter_mut().zip(rows).for_each(|(entry, (_, row))| entry[2] = row);
    }

    #[inline]
    fn same_head(&self, a: &Entry, b: &Entry) -> bool {
        let more = |e: &Entry| self.head.more(e[2] as usize);
        let equal = || self.head.told || compare(self.front, a[2], b[2]) == Ordering::Equal;
        number(a) == number(b) && (self.head.decisive || more(a) == more(b) && equal())
    }
}

/// What orders rows of one number: further letters of the leading cell, and the next cell.
type Next = (u64, i64);

/// The number of an entry.
#[inline]
fn number(entry: &Entry) -> (u32, u32) {
    (entry[0], entry[1])
}

/// An entry as one number.
#[inline]
fn whole(entry: &Entry) -> u128 {
    (u128::from(entry[0]) << 64) | u128::from((u64::from(entry[1]) << 32) | u64::from(entry[2]))
}

/// Numbers between which buckets of about equal size lie, from a sample of all.
fn bounds(mut sample: Vec<u64>, buckets: usize) -> Vec<u64> {
    sample.sort_unstable();
    let every = sample.len().div_ceil(buckets).max(1);
    let mut bounds: Vec<u64> = sample.into_iter().skip(every).step_by(every).collect();
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{DictionaryArray, TimestampMicrosecondArray};
    use datafusion::arrow::datatypes::Int32Type;
    use std::sync::Arc;

    fn check(salt: u64, name: &str, dictionary: bool, missing: bool) {
        let table = treaty_app::layout::table("stage_changes").expect("a table");
        let n = 20_000_u64;
        let pick =
            |i: u64, s: u64, m: u64| super::super::hash::finish(i ^ (s + salt).rotate_left(40)) % m;
        let kinds: Vec<Option<String>> = (0..n)
            .map(|i| {
                (!missing).then(|| {
                    if pick(i, 1, 3) == 0 {
                        "opportunity"
                    } else {
                        "person"
                    }
                    .to_owned()
                })
            })
            .collect();
        let ids: Vec<Option<String>> = (0..n)
            .map(|i| {
                let name = if i % 7 == 0 { name } else { "P" };
                (pick(i, 2, 50) > 0).then(|| format!("{name}{}", pick(i, 3, 900)))
            })
            .collect();
        let at: Vec<i64> = (0..n).map(|i| pick(i, 4, 5) as i64).collect();
        let stage: Vec<String> = (0..n).map(|i| format!("s{i}")).collect();
        let mut columns = vec![None; table.columns.len()];
        if !missing {
            columns[0] = Some(Arc::new(StringViewArray::from_iter(kinds.clone())) as ArrayRef);
        }
        columns[1] = Some(if dictionary {
            let dict: DictionaryArray<Int32Type> = ids.iter().map(|i| i.as_deref()).collect();
            Arc::new(dict) as ArrayRef
        } else {
            Arc::new(StringViewArray::from_iter(ids.clone())) as ArrayRef
        });
        columns[2] = Some(
            Arc::new(TimestampMicrosecondArray::from(at.clone()).with_timezone("UTC")) as ArrayRef,
        );
        columns[3] = Some(Arc::new(StringViewArray::from_iter_values(stage.clone())) as ArrayRef);
        let alive: Vec<u32> = (0..n as u32).filter(|i| i % 10 != 3).collect();
        let mut want = alive.clone();
        want.sort_by_key(|i| {
            let i = *i as usize;
            (kinds[i].clone(), ids[i].clone(), at[i], stage[i].clone())
        });
        let got = sort(table, &columns, &alive).expect("an order");
        assert_eq!(got.rows, want);
        assert_eq!(got.leading, Some(1));
        for (i, pair) in want.windows(2).enumerate() {
            let (a, b) = (pair[0] as usize, pair[1] as usize);
            let differs = kinds[a] != kinds[b] || ids[a] != ids[b];
            assert!(got.starts[i + 1] || !differs, "a new cell is not marked");
        }
        let marks = got.starts.iter().filter(|s| **s).count();
        let distinct: BTreeSet<_> = want
            .iter()
            .map(|i| (&kinds[*i as usize], &ids[*i as usize]))
            .collect();
        assert!(
            marks >= distinct.len() && marks <= distinct.len() + 64,
            "{marks} {}",
            distinct.len()
        );
    }

    #[test]
    fn rows_are_ordered_by_all_order_columns() {
        // Told apart by their first eight letters, by sixteen, or by all.
        for name in ["P", "person-", "a very long name of "] {
            for case in 0..4 {
                check(case, name, case & 1 > 0, case & 2 > 0);
            }
        }
    }

    #[test]
    fn few_rows_are_ordered_too() {
        let table = treaty_app::layout::table("accounts").expect("a table");
        let mut columns = vec![None; table.columns.len()];
        assert!(
            sort(table, &columns, &[])
                .expect("an order")
                .rows
                .is_empty()
        );
        columns[0] = Some(Arc::new(StringViewArray::from_iter([
            Some("P"),
            None,
            Some("P\0"),
            Some("P1"),
            Some("P"),
        ])) as ArrayRef);
        assert_eq!(
            sort(table, &columns, &[4, 3, 2, 1, 0])
                .expect("an order")
                .rows,
            [1, 0, 4, 2, 3]
        );
    }
}
