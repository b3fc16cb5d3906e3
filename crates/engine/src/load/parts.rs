//! Events of stored row groups, and putting those of each subject together: the record keeps the
//! events of a subject in runs, so a subject needs only to know where its own begin and end.

use super::columns::Texts;
use super::vocab::{List, Met, Vocabulary};
use crate::error::EngineError;
use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBufferBuilder, Decimal128Array, PrimitiveArray, UInt32Array,
    new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt8Type, UInt32Type};
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// A run of rows of a part that belong to one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Number of the subject.
    pub subject: u32,
    /// First row.
    pub from: u32,
    /// The row behind the last one.
    pub to: u32,
}

/// A column of a part.
#[derive(Debug, Clone)]
pub enum Column {
    /// Values.
    Plain(ArrayRef),
    /// Names that get a place in a list.
    Named(List, Box<Texts>),
    /// Numbers of rows, one after the other from a first one on.
    Rows(u32),
}

/// Events of one stored row group: columns, and whose they are.
#[derive(Debug, Clone)]
pub struct Part {
    /// Number of rows.
    pub rows: usize,
    /// The columns of the kind of event.
    pub columns: Vec<Column>,
    /// When each was recorded, and its sequence, where any row has one (S3).
    pub recorded: [Option<ArrayRef>; 2],
    /// Where each stood when it was in order, if it was.
    pub origin: Option<ArrayRef>,
    /// Runs of subjects; rows that are in none are left out.
    pub runs: Vec<Run>,
    /// Rows whose subject is unknown.
    pub lost: u64,
}

/// Columns that may stand behind those of a kind of event.
pub const RECORDED: [&str; 2] = ["recorded", "seq"];

/// A column behind all others: the list in which an event was in order, and its place there, as one
/// number; events without one have not been put in order yet.
pub const ORIGIN: &str = "origin";

/// A column of a part, as it is gathered.
#[derive(Debug)]
enum Cells {
    Plain(ArrayRef),
    /// Names, and the place of each text, with [`NONE`] for no text behind them.
    Named(Box<Texts>, Vec<u32>),
    Rows(u32),
}

impl Cells {
    fn plain(&self) -> Option<&ArrayRef> {
        match self {
            Self::Plain(array) => Some(array),
            _ => None,
        }
    }

    /// Numbers of rows from one on.
    fn numbers(&self, from: usize, out: &mut [u32]) {
        match self {
            Self::Plain(array) => {
                if let Some(array) = array.as_primitive_opt::<UInt32Type>() {
                    out.copy_from_slice(&array.values()[from..from + out.len()]);
                }
            }
            Self::Named(texts, places) => texts.put(places, from, out),
            Self::Rows(first) => out.iter_mut().zip(first + from as u32..).for_each(|(out, row)| *out = row),
        }
    }
}

/// Events of one kind by subject.
#[derive(Debug, Default)]
pub struct Placed {
    fields: Vec<FieldRef>,
    /// Columns of each part.
    parts: Vec<Vec<Cells>>,
    /// Where the events of each subject are, in the order of parts.
    pieces: Vec<Piece>,
    /// Where the pieces of each subject end.
    ends: Vec<u32>,
    /// Rows whose subject is unknown.
    pub lost: u64,
}

/// Adds the names of parts.
pub fn see<'a>(met: &mut Met<'a>, parts: &'a [Part]) {
    for column in parts.iter().flat_map(|p| &p.columns) {
        if let Column::Named(list, texts) = column {
            met.see(*list, texts.as_ref());
        }
    }
}

impl Placed {
    /// Puts parts together, in their order. `fields` are those of the kind of event.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn new(subjects: usize, fields: &[(&str, DataType)], mut parts: Vec<Part>, vocabulary: &Vocabulary) -> Result<Self, EngineError> {
        let mut out = Self { ends: vec![0; subjects + 1], ..Self::default() };
        out.fields = fields.iter().map(|(name, t)| Arc::new(Field::new(*name, t.clone(), true))).collect();
        let extra: Vec<usize> = (0..RECORDED.len()).filter(|i| parts.iter().any(|p| p.recorded[*i].is_some())).collect();
        out.fields.extend(extra.iter().map(|i| Arc::new(Field::new(RECORDED[*i], DataType::Int64, true))));
        let origin = parts.iter().any(|p| p.origin.is_some());
        out.fields.extend(origin.then(|| Arc::new(Field::new(ORIGIN, DataType::Int64, true))));
        // Each end is where the pieces of the subject begin, until they are there.
        for run in parts.iter().flat_map(|p| &p.runs) {
            if let Some(end) = out.ends.get_mut(run.subject as usize + 1) {
                *end += 1;
            }
        }
        let mut sum = 0;
        for end in &mut out.ends {
            sum += *end;
            *end = sum;
        }
        out.pieces = vec![Piece::default(); sum as usize];
        for (number, part) in parts.iter_mut().enumerate() {
            out.lost += part.lost;
            for Run { subject, from, to } in std::mem::take(&mut part.runs) {
                if (subject as usize) < subjects {
                    let next = &mut out.ends[subject as usize];
                    out.pieces[*next as usize] = Piece { part: number as u32, from, to };
                    *next += 1;
                }
            }
        }
        out.parts = crate::record::par::map(parts, |part| {
            let rows = part.rows;
            let own = part.columns.into_iter().map(|column| match column {
                Column::Plain(array) => Cells::Plain(array),
                Column::Rows(first) => Cells::Rows(first),
                Column::Named(list, texts) => {
                    let names = vocabulary.of(list);
                    let places = texts.texts.iter().map(|t| t.and_then(|t| names.find(t)).unwrap_or(NONE)).chain([NONE]).collect();
                    Cells::Named(texts, places)
                }
            });
            let missing = || new_null_array(&DataType::Int64, rows);
            let more = extra.iter().map(|i| part.recorded[*i].clone().unwrap_or_else(missing));
            let more = more.chain(origin.then(|| part.origin.clone().unwrap_or_else(missing)));
            own.chain(more.map(Cells::Plain)).collect()
        });
        Ok(out)
    }

    /// The columns that come of [`Placed::gather`].
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Where the events of a subject are, each piece within one part.
    pub fn pieces(&self, subject: u32) -> &[Piece] {
        let subject = subject as usize;
        if subject + 1 >= self.ends.len() {
            return &[];
        }
        let from = subject.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.pieces[from as usize..self.ends[subject] as usize]
    }

    /// The columns of some pieces, one after the other.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn gather(&self, pieces: &[Piece]) -> Result<Vec<ArrayRef>, EngineError> {
        let rows = pieces.iter().map(Piece::len).sum();
        let by_part = by_part(pieces);
        (0..self.fields.len())
            .map(|c| {
                let cells = |p: &Piece| &self.parts[p.part as usize][c];
                let of: Of<'_> = &|p| cells(p).plain();
                Ok(match self.fields[c].data_type() {
                    DataType::Int64 => Arc::new(primitive::<Int64Type>(pieces, &by_part, rows, of)) as ArrayRef,
                    DataType::UInt32 => {
                        let mut numbers = vec![0; rows];
                        for (p, at) in &by_part {
                            cells(p).numbers(p.from as usize, &mut numbers[*at as usize..*at as usize + p.len()]);
                        }
                        Arc::new(UInt32Array::new(numbers.into(), nulls(pieces, rows, of)))
                    }
                    DataType::UInt8 => Arc::new(primitive::<UInt8Type>(pieces, &by_part, rows, of)),
                    DataType::Decimal128(precision, scale) => {
                        let values: Decimal128Array = primitive::<Decimal128Type>(pieces, &by_part, rows, of);
                        Arc::new(values.with_precision_and_scale(*precision, *scale)?)
                    }
                    other => {
                        let slice = |p: &Piece| of(p).map(|array| array.slice(p.from as usize, p.len()));
                        let slices: Vec<ArrayRef> = pieces.iter().filter_map(slice).collect();
                        let slices: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
                        if slices.is_empty() { new_null_array(other, 0) } else { concat(&slices)? }
                    }
                })
            })
            .collect()
    }
}

/// Rows of a part that are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    part: u32,
    from: u32,
    to: u32,
}

impl Piece {
    /// How many.
    pub fn len(&self) -> usize {
        (self.to - self.from) as usize
    }
}

/// The array that a piece is cut from, where it is one.
type Of<'a> = &'a dyn Fn(&Piece) -> Option<&'a ArrayRef>;

fn nulls(pieces: &[Piece], rows: usize, of: Of<'_>) -> Option<NullBuffer> {
    let some = |p: &Piece| of(p).and_then(|array| array.nulls()).filter(|nulls| nulls.null_count() > 0);
    if pieces.iter().all(|p| some(p).is_none()) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    for p in pieces {
        match some(p) {
            Some(nulls) => valid.append_buffer(&nulls.inner().slice(p.from as usize, p.len())),
            None => valid.append_n(p.len(), true),
        }
    }
    Some(NullBuffer::new(valid.finish())).filter(|n| n.null_count() > 0)
}

fn primitive<T: ArrowPrimitiveType>(pieces: &[Piece], by_part: &[(Piece, u32)], rows: usize, of: Of<'_>) -> PrimitiveArray<T> {
    let mut values: Vec<T::Native> = vec![T::default_value(); rows];
    for same in by_part.chunk_by(|a, b| a.0.part == b.0.part) {
        let Some(array) = of(&same[0].0).and_then(|array| array.as_primitive_opt::<T>()) else { continue };
        for (p, at) in same {
            let at = *at as usize;
            values[at..at + p.len()].copy_from_slice(&array.values()[p.from as usize..p.to as usize]);
        }
    }
    PrimitiveArray::new(values.into(), nulls(pieces, rows, of))
}

/// Pieces with their places among all rows, part after part. A part is in the order of its subjects, as pieces
/// are, so it is read from its begin to its end; what is written lies near together.
fn by_part(pieces: &[Piece]) -> Vec<(Piece, u32)> {
    let mut at = 0;
    let place = |p: &Piece| {
        at += p.len() as u32;
        (*p, at - p.len() as u32)
    };
    let mut all: Vec<(Piece, u32)> = pieces.iter().map(place).collect();
    all.sort_by_key(|(p, _)| p.part);
    all
}

/// What orders events at one instant: recording and sequence (S3), of columns as they were gathered.
pub struct Order<'a> {
    at: &'a [i64],
    recorded: [Option<&'a PrimitiveArray<Int64Type>>; 2],
}

impl<'a> Order<'a> {
    /// Of columns whose instants are in `at`.
    pub fn of(fields: &[FieldRef], columns: &'a [ArrayRef], at: &str) -> Self {
        let column = |name: &str| fields.iter().position(|f| f.name() == name).and_then(|i| columns[i].as_primitive_opt::<Int64Type>());
        Self { at: column(at).map_or(&[], |a| a.values()), recorded: RECORDED.map(column) }
    }

    /// When a row occurred.
    pub fn at(&self, row: usize) -> i64 {
        self.at[row]
    }

    /// Whether two rows have the same place in the order.
    pub fn same(&self, a: usize, b: usize) -> bool {
        self.at[a] == self.at[b] && self.key(a) == self.key(b)
    }

    /// What a row is ordered by.
    pub fn key(&self, row: usize) -> (i64, i64, i64) {
        let cell = |i: usize, missing: i64| self.recorded[i].filter(|c| c.is_valid(row)).map_or(missing, |c| c.value(row));
        (self.at[row], cell(0, i64::MIN), cell(1, 0))
    }

    /// The order in which each run of rows is sorted; none when they are. Equals keep their place.
    pub fn sorted(&self, runs: &[u32]) -> Option<Vec<u32>> {
        let mut order: Option<Vec<u32>> = None;
        let mut from = 0usize;
        for n in runs {
            let to = from + *n as usize;
            let after = |a: usize, b: usize| self.at[a] > self.at[b] || self.at[a] == self.at[b] && self.key(a) > self.key(b);
            if (from + 1..to).any(|i| after(i - 1, i)) {
                let order = order.get_or_insert_with(|| (0..self.at.len() as u32).collect());
                order[from..to].sort_by_key(|i| self.key(*i as usize));
            }
            from = to;
        }
        order
    }
}

/// Columns in another order.
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub fn reorder(columns: Vec<ArrayRef>, order: Option<&UInt32Array>) -> Result<Vec<ArrayRef>, EngineError> {
    let Some(order) = order else { return Ok(columns) };
    columns.iter().map(|c| Ok(take(c, order, None)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;

    fn part(rows: &[(u32, i64)], recorded: Option<Vec<i64>>) -> Part {
        let mut runs: Vec<Run> = Vec::new();
        for (i, (subject, _)) in rows.iter().enumerate() {
            match runs.last_mut().filter(|r| r.subject == *subject) {
                Some(run) => run.to += 1,
                None => runs.push(Run { subject: *subject, from: i as u32, to: i as u32 + 1 }),
            }
        }
        let at: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1)));
        let recorded = recorded.map(|r| Arc::new(Int64Array::from(r)) as ArrayRef);
        Part { rows: rows.len(), columns: vec![Column::Plain(at)], recorded: [recorded, None], origin: None, runs, lost: 0 }
    }

    fn events(parts: Vec<Part>, subject: u32) -> Vec<i64> {
        let placed = Placed::new(4, &[("at", DataType::Int64)], parts, &Vocabulary::default()).expect("placed");
        let columns = placed.gather(placed.pieces(subject)).expect("columns");
        let runs = [columns[0].len() as u32];
        let order = Order::of(placed.fields(), &columns, "at").sorted(&runs);
        let columns = reorder(columns, order.map(UInt32Array::from).as_ref()).expect("an order");
        columns[0].as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn events_of_several_imports_come_together_in_order() {
        let parts = || vec![part(&[(1, 5), (1, 7), (2, 1)], None), part(&[(2, 2), (0, 3), (1, 6)], None), part(&[(1, 1)], None)];
        assert_eq!(events(parts(), 0), [3]);
        assert_eq!(events(parts(), 1), [1, 5, 6, 7]);
        assert_eq!(events(parts(), 2), [1, 2]);
        assert!(events(parts(), 3).is_empty());
    }

    #[test]
    fn recording_decides_at_one_instant() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![9, 9, 4])),
            Arc::new(Int64Array::from(vec![Some(3), Some(2), None])),
        ];
        let fields: Vec<FieldRef> = ["at", "recorded"].map(|n| Arc::new(Field::new(n, DataType::Int64, true))).to_vec();
        let order = Order::of(&fields, &columns, "at");
        assert_eq!(order.sorted(&[2, 1]).expect("an order"), [1, 0, 2]);
        assert!(order.sorted(&[1, 1, 1]).is_none());
    }
}
