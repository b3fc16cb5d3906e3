//! Events of a chunk in the order of S3: those of each person and opportunity, and touches of whole groups.

use super::chunk::{Table, fields};
use super::parts::{ORIGIN, Order, Piece, Placed, reorder};
use super::place::Numberings;
use crate::error::EngineError;
use crate::record::Record;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, UInt32Type};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Tables of events with the column that orders what occurred, was recorded and has a sequence alike: the id, or
/// the part of the key that differs then.
const IDS: [(&str, &str); 6] = [
    ("touchpoints", "touchpoint_id"),
    ("activities", "activity_id"),
    ("handoffs", "handoff_id"),
    ("purchases", "product_line"),
    ("stage_changes", "stage"),
    ("field_changes", "subject_id"),
];

/// Ids of events that only these can order, by table and row.
#[derive(Debug, Default)]
pub struct EventIds(BTreeMap<&'static str, HashMap<u32, String>>);

impl EventIds {
    /// Reads those that are asked for.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn read<'a>(record: &Record, version: u64, numberings: &Numberings, lists: impl Iterator<Item = &'a Ordered>) -> Result<Self, EngineError> {
        let mut asked: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
        for list in lists.filter(|list| !list.ties.is_empty()) {
            asked.entry(list.table).or_default().extend(list.undecided());
        }
        let mut all = Self::default();
        for (table, rows) in asked {
            let Some((_, id)) = IDS.iter().find(|(name, _)| *name == table) else { continue };
            let found = record.cells(table, version, numberings.of(table), id, &rows).await?;
            all.0.insert(table, rows.into_iter().zip(found).filter_map(|(row, id)| Some((row, id?))).collect());
        }
        Ok(all)
    }
}

/// Events of a chunk, in the order of S3 but for those that only their ids can order.
pub struct Ordered {
    name: &'static str,
    /// Table of the record.
    table: &'static str,
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
    /// None: as they are.
    order: Option<Vec<u32>>,
    /// Ranges of `order` that their ids decide.
    ties: Vec<Range<usize>>,
}

/// Which column tells the row of an event.
fn row_column(fields: &[FieldRef]) -> usize {
    fields.iter().position(|f| f.name() == "row").unwrap_or(0)
}

impl Ordered {
    /// Events of some subjects: their pieces, and how many events each has.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn events(names: (&'static str, &'static str), placed: &Placed, pieces: &[Piece], counts: &[u32]) -> Result<Self, EngineError> {
        let columns = placed.gather(pieces)?;
        let key = Order::of(placed.fields(), &columns, "at");
        let mut order = key.sorted(counts);
        let mut ties = Vec::new();
        // Those of one piece have been in order before, and keep it.
        let ends: Vec<usize> = pieces.iter().scan(0, |end, p| { *end += p.len(); Some(*end) }).collect();
        let (mut from, mut first) = (0, 0);
        for n in counts {
            let to = from + *n as usize;
            let own = first..first + ends[first..].iter().take_while(|end| **end <= to).count();
            if own.len() > 1 {
                let piece = |i: usize| ends[own.clone()].partition_point(|end| *end <= i);
                let row = |at: usize| order.as_ref().map_or(at, |order| order[at] as usize);
                let mut at = from;
                while at < to {
                    let same = 1 + (at + 1..to).take_while(|i| key.same(row(*i), row(at))).count();
                    if (at + 1..at + same).any(|i| piece(row(i)) != piece(row(at))) {
                        ties.push(at..at + same);
                    }
                    at += same;
                }
            }
            (from, first) = (to, own.end);
        }
        if !ties.is_empty() {
            order.get_or_insert_with(|| (0..from as u32).collect());
        }
        Ok(Self { name: names.0, table: names.1, fields: placed.fields().to_vec(), columns, order, ties })
    }

    /// Touches of some pieces, of all people of a group together; `locals` are the people of each within their group,
    /// `groups` how many touches each group has. `by_id`: the order of rows in the record does not decide between
    /// touches of one person either.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn touches(placed: &Placed, pieces: &[Piece], locals: &[u32], groups: &[u32], by_id: bool) -> Result<Self, EngineError> {
        let mut columns = placed.gather(pieces)?;
        let total: usize = pieces.iter().map(Piece::len).sum();
        let row = row_column(placed.fields());
        let origin = placed.fields().iter().position(|f| f.name() == ORIGIN);
        let of_piece = |of: &dyn Fn(usize) -> u32| -> Vec<u32> {
            pieces.iter().enumerate().flat_map(|(i, piece)| std::iter::repeat_n(of(i), piece.len())).collect()
        };
        let mut order: Vec<u32> = (0..total as u32).collect();
        let mut ties = Vec::new();
        {
            let piece = of_piece(&|i| i as u32);
            let key = Order::of(placed.fields(), &columns, "at");
            let rows = columns[row].as_primitive::<UInt32Type>().values();
            let origin = origin.and_then(|c| columns[c].as_primitive_opt::<Int64Type>());
            let place = |i: u32| origin.filter(|o| o.is_valid(i as usize)).map(|o| o.value(i as usize));
            let rest = |i: u32| (key.key(i as usize), place(i), rows[i as usize]);
            let mut from = 0;
            // Instants beside their rows: what else decides is seldom looked at.
            let mut timed: Vec<(i64, u32)> = Vec::new();
            for n in groups {
                let to = from + *n as usize;
                timed.clear();
                timed.extend((from..to).map(|i| (key.at(i), i as u32)));
                timed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(&rest(b.1))));
                let own = &mut order[from..to];
                own.iter_mut().zip(&timed).for_each(|(own, (_, i))| *own = *i);
                let mut at = from;
                for same in own.chunk_by(|a, b| key.same(*a as usize, *b as usize)) {
                    let parted = same.iter().any(|i| piece[*i as usize] != piece[same[0] as usize]);
                    // Those that have been in order in one list are so again.
                    let list = |i: &u32| place(*i).map(|p| p >> 32);
                    let settled = || list(&same[0]).is_some() && same.iter().all(|i| list(i) == list(&same[0]));
                    if same.len() > 1 && (parted || by_id) && !settled() {
                        ties.push(at..at + same.len());
                    }
                    at += same.len();
                }
                from = to;
            }
        }
        let mut of = placed.fields().to_vec();
        if let Some(origin) = origin {
            of.remove(origin);
            columns.remove(origin);
        }
        of.extend(fields(&[("person", DataType::UInt32)]));
        columns.push(Arc::new(UInt32Array::from(of_piece(&|i| locals[i]))));
        Ok(Self { name: "touches", table: "touchpoints", fields: of, columns, order: Some(order), ties })
    }

    /// A column of numbers; rows of a subject stand together, in any order.
    pub fn numbers(&self, name: &str) -> &[u32] {
        let at = self.fields.iter().position(|f| f.name() == name);
        at.and_then(|i| self.columns[i].as_primitive_opt::<UInt32Type>()).map_or(&[], |numbers| numbers.values())
    }

    fn row(&self, at: u32) -> u32 {
        self.columns[row_column(&self.fields)].as_primitive::<UInt32Type>().value(at as usize)
    }

    /// Rows of the events that only their ids can order.
    fn undecided(&self) -> impl Iterator<Item = u32> {
        let order = self.order.as_deref().unwrap_or_default();
        self.ties.iter().flat_map(|tie| order[tie.clone()].iter().map(|i| self.row(*i)))
    }

    /// The events in their order, with the ids of undecided ones.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn finish(mut self, ids: &EventIds) -> Result<Table, EngineError> {
        let mut order = self.order.take();
        if let (Some(order), Some(ids)) = (&mut order, ids.0.get(self.table)) {
            for tie in &self.ties {
                order[tie.clone()].sort_by(|a, b| {
                    let (a, b) = (self.row(*a), self.row(*b));
                    ids.get(&a).cmp(&ids.get(&b)).then(a.cmp(&b))
                });
            }
        }
        Ok((self.name, self.fields, reorder(self.columns, order.map(UInt32Array::from).as_ref())?))
    }
}
