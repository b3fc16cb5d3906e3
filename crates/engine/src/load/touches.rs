//! Touches of whole groups: of all people of an account together, in the order of S3.

use super::chunk::{Table, fields};
use super::parts::{ORIGIN, Order, Piece, Placed, reorder};
use crate::error::EngineError;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, UInt32Type};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Touches of the groups of a chunk, in the order of S3 but for those that only their ids can order.
pub struct Touched {
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
    order: Vec<u32>,
    /// Ranges of `order` that their ids decide.
    ties: Vec<Range<usize>>,
}

/// Which column tells the row of an event.
fn row_column(fields: &[FieldRef]) -> usize {
    fields.iter().position(|f| f.name() == "row").unwrap_or(0)
}

impl Touched {
    /// Of some pieces; `locals` are the people of each within their group, `groups` how many touches each group has.
    /// `by_id`: the order of rows in the record does not decide between touches of one person either.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn new(placed: &Placed, pieces: &[Piece], locals: &[u32], groups: &[u32], by_id: bool) -> Result<Self, EngineError> {
        let mut columns = placed.gather(pieces)?;
        let total: usize = pieces.iter().map(Piece::len).sum();
        let row = row_column(placed.fields());
        let origin = placed.fields().iter().position(|f| f.name() == ORIGIN);
        let people: Vec<u32> = pieces.iter().zip(locals).flat_map(|(piece, local)| std::iter::repeat_n(*local, piece.len())).collect();
        let mut order: Vec<u32> = (0..total as u32).collect();
        let mut ties = Vec::new();
        {
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
                    let mixed = same.iter().any(|i| people[*i as usize] != people[same[0] as usize]);
                    // Those that have been in order in one list are so again.
                    let list = |i: &u32| place(*i).map(|p| p >> 32);
                    let settled = || list(&same[0]).is_some() && same.iter().all(|i| list(i) == list(&same[0]));
                    if same.len() > 1 && (mixed || by_id || placed.is_scattered()) && !settled() {
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
        columns.push(Arc::new(UInt32Array::from(people)));
        Ok(Self { fields: of, columns, order, ties })
    }

    fn row(&self, at: u32) -> u32 {
        self.columns[row_column(&self.fields)].as_primitive::<UInt32Type>().value(at as usize)
    }

    /// Numbers of the touches that only their ids can order.
    pub fn undecided(&self) -> impl Iterator<Item = u32> {
        self.ties.iter().flat_map(|tie| self.order[tie.clone()].iter().map(|i| self.row(*i)))
    }

    /// The touches in their order, with the ids of undecided ones.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn finish(mut self, ids: &HashMap<u32, String>) -> Result<Table, EngineError> {
        let mut order = std::mem::take(&mut self.order);
        for tie in &self.ties {
            order[tie.clone()].sort_by(|a, b| {
                let (a, b) = (self.row(*a), self.row(*b));
                ids.get(&a).cmp(&ids.get(&b)).then(a.cmp(&b))
            });
        }
        Ok(("touches", self.fields, reorder(self.columns, Some(&UInt32Array::from(order)))?))
    }
}
