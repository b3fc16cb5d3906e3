//! All rows of one table in one import: each column in one array.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::builder::NullBufferBuilder;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, StringArray, StringBuilder, StringViewArray,
    StringViewBuilder, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use treaty_app::layout::{Kind, Table};

use super::cells::{Cells, Text};
use super::error::{RecordError, Result};
use super::par;
use super::piece::{Lines, Piece, Refused};
use super::schema;
use super::source::dictionary;

/// A column in one run, missing or not, and the rows of the run.
pub type Part = (Option<ArrayRef>, usize);

/// The rows.
#[derive(Debug)]
pub struct Flat {
    /// Columns of the layout; a missing one is missing in every row.
    pub columns: Vec<Option<ArrayRef>>,
    /// Attributes as JSON text.
    pub attributes: Option<ArrayRef>,
    /// Number of rows, refused ones included.
    pub rows: usize,
    /// The runs, without their columns, and their first rows.
    pub origins: Vec<(usize, Piece)>,
}

/// Rows that come run by run.
#[derive(Debug)]
pub struct Growing {
    /// Columns of the layout, and the attributes.
    columns: Vec<Column>,
    rows: usize,
    origins: Vec<(usize, Piece)>,
}

impl Growing {
    /// No rows yet, and room for about so many.
    pub fn new(table: &Table, room: usize) -> Self {
        let kinds = table.columns.iter().map(|c| c.kind).chain([Kind::Text]);
        Self { columns: kinds.map(|kind| Column::new(kind, room)).collect(), rows: 0, origins: Vec::new() }
    }

    /// Some more runs.
    pub fn add(&mut self, mut pieces: Vec<Piece>) -> Result<()> {
        let last = self.columns.len() - 1;
        let columns = std::mem::take(&mut self.columns).into_iter().enumerate().map(|(i, column)| {
            let part = |p: &mut Piece| (if i == last { p.attributes.take() } else { p.columns[i].take() }, p.rows);
            (column, pieces.iter_mut().map(part).collect::<Vec<Part>>())
        });
        self.columns = par::try_map(columns.collect(), |(mut column, parts): (Column, Vec<Part>)| {
            parts.into_iter().try_for_each(|part| column.add(part))?;
            Ok::<_, RecordError>(column)
        })?;
        for piece in pieces {
            let first = self.rows;
            self.rows += piece.rows;
            self.origins.push((first, piece));
        }
        Ok(())
    }

    /// All of them.
    pub fn finish(self, table: &Table) -> Result<Flat> {
        if u32::try_from(self.rows).is_err() {
            return Err(RecordError::TooLarge { table: table.name.to_owned(), rows: self.rows as u64 });
        }
        let mut columns = par::try_map(self.columns, Column::finish)?;
        let attributes = columns.pop().flatten();
        Ok(Flat { columns, attributes, rows: self.rows, origins: self.origins })
    }
}

impl Flat {
    /// Run of a row, and the row's place in it.
    pub fn origin(&self, row: usize) -> (usize, usize) {
        let at = self
            .origins
            .partition_point(|(first, _)| *first <= row)
            .saturating_sub(1);
        (at, row - self.origins.get(at).map_or(0, |o| o.0))
    }

    /// Takes some rows out, as a run of its own.
    pub fn set_aside(&mut self, rows: &[u32]) -> Result<Piece> {
        let at = UInt32Array::from(rows.to_vec());
        let take = |array: &Option<ArrayRef>| {
            let taken = array.as_ref().map(|a| compute::take(a, &at, None)).transpose()?;
            // Views would keep the text of all rows.
            Ok::<_, RecordError>(taken.map(|a| a.as_string_view_opt().map_or(a.clone(), |views| Arc::new(views.gc()) as ArrayRef)))
        };
        let (mut files, mut lines) = (StringBuilder::new(), Vec::with_capacity(rows.len()));
        for row in rows {
            let (run, at) = self.origin(*row as usize);
            let piece = &mut self.origins[run].1;
            let (file, line) = piece.place(at);
            files.append_value(file);
            lines.push(line);
            piece.refused.leave(at, piece.rows);
        }
        Ok(Piece {
            columns: self.columns.iter().map(take).collect::<Result<_>>()?,
            attributes: take(&self.attributes)?,
            rows: rows.len(),
            file: "".into(),
            files: Some(Arc::new(files.finish())),
            lines: Lines::Each(lines),
            refused: Refused::default(),
            attribute_keys: BTreeSet::new(),
            undated_decisions: 0,
        })
    }

    /// Rows that are not refused.
    pub fn alive(&self) -> Vec<u32> {
        let mut alive = Vec::with_capacity(self.rows);
        for (first, piece) in &self.origins {
            for i in 0..piece.rows {
                if !piece.refused.contains(i) {
                    alive.push((first + i) as u32);
                }
            }
        }
        alive
    }
}

/// Joins a column of several runs.
pub fn join(kind: Kind, mut parts: Vec<Part>) -> Result<Option<ArrayRef>> {
    if let [(Some(_), _)] = parts.as_slice() {
        return Ok(parts.pop().and_then(|(a, _)| a));
    }
    let mut column = Column::new(kind, parts.iter().map(|(_, n)| n).sum());
    parts.into_iter().try_for_each(|part| column.add(part))?;
    column.finish()
}

/// A column that grows. Room is made once, so that nothing has to move, and runs can be given back as they come.
#[derive(Debug)]
struct Column {
    kind: Kind,
    room: usize,
    rows: usize,
    cells: Held,
}

/// Cells of a column that grows.
#[derive(Debug)]
enum Held {
    /// None that is not missing.
    Missing,
    /// Text in dictionaries, which become one.
    Keys(Keys),
    /// Other text.
    Views(StringViewBuilder),
    /// Instants and whole numbers.
    Longs(Vec<i64>, NullBufferBuilder),
    /// What is rarely much: joined in the end.
    Others(Vec<ArrayRef>),
}

impl Column {
    fn new(kind: Kind, room: usize) -> Self {
        Self { kind, room, rows: 0, cells: Held::Missing }
    }

    fn add(&mut self, (array, n): Part) -> Result<()> {
        if let (Some(array), Held::Missing) = (&array, &self.cells) {
            self.cells = self.start(array);
        }
        if let (Some(array), Held::Keys(keys)) = (&array, &mut self.cells)
            && !is_dictionary(array)
        {
            let before = compute::cast(&std::mem::replace(keys, Keys::new(0)).finish()?, &DataType::Utf8View)?;
            let mut views = StringViewBuilder::with_capacity(self.room);
            views.append_array(before.as_string_view());
            self.cells = Held::Views(views);
        }
        self.rows += n;
        let to = schema::data_type(self.kind);
        let typed = |array: ArrayRef, to: &DataType| {
            if array.data_type() == to { Ok(array) } else { compute::cast(&array, to) }
        };
        match (&mut self.cells, array) {
            (Held::Missing, _) => {}
            (Held::Keys(keys), None) => keys.missing(n),
            (Held::Keys(keys), Some(array)) => keys.add(&array)?,
            (Held::Views(views), None) => views.append_array(&StringViewArray::new_null(n)),
            (Held::Views(views), Some(array)) => views.append_array(typed(array, &DataType::Utf8View)?.as_string_view()),
            (Held::Longs(longs, valid), None) => {
                longs.resize(longs.len() + n, 0);
                valid.append_n_nulls(n);
            }
            (Held::Longs(longs, valid), Some(array)) => {
                let array = typed(array, &to)?;
                if let Cells::Long(values, nulls) = Cells::of(Some(&array))? {
                    longs.extend_from_slice(values);
                    match nulls {
                        Some(nulls) => valid.append_buffer(nulls),
                        None => valid.append_n_non_nulls(n),
                    }
                }
            }
            (Held::Others(arrays), None) => arrays.push(new_null_array(&to, n)),
            (Held::Others(arrays), Some(array)) => arrays.push(typed(array, &to)?),
        }
        Ok(())
    }

    /// What holds cells like these, with the missing ones that came before.
    fn start(&self, array: &ArrayRef) -> Held {
        let (room, rows) = (self.room.max(self.rows), self.rows);
        match self.kind {
            Kind::Text if is_dictionary(array) => {
                let mut keys = Keys::new(room);
                keys.missing(rows);
                Held::Keys(keys)
            }
            Kind::Text => {
                let mut views = StringViewBuilder::with_capacity(room);
                views.append_array(&StringViewArray::new_null(rows));
                Held::Views(views)
            }
            Kind::Instant | Kind::Int => {
                let mut longs = Vec::with_capacity(room);
                longs.resize(rows, 0);
                let mut valid = NullBufferBuilder::new(room);
                valid.append_n_nulls(rows);
                Held::Longs(longs, valid)
            }
            kind => Held::Others(vec![new_null_array(&schema::data_type(kind), rows)]),
        }
    }

    fn finish(self) -> Result<Option<ArrayRef>> {
        Ok(Some(match self.cells {
            Held::Missing => return Ok(None),
            Held::Keys(keys) => keys.finish()?,
            Held::Views(mut views) => Arc::new(views.finish()),
            Held::Longs(longs, valid) if self.kind == Kind::Instant => {
                Arc::new(TimestampMicrosecondArray::new(longs.into(), valid.build()).with_timezone("UTC"))
            }
            Held::Longs(longs, valid) => Arc::new(Int64Array::new(longs.into(), valid.build())),
            Held::Others(arrays) => compute::concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
        }))
    }
}

fn is_dictionary(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::Dictionary(..))
}

/// Dictionaries that become one.
#[derive(Debug)]
struct Keys {
    numbers: HashMap<Box<str>, i32>,
    keys: Vec<i32>,
    valid: NullBufferBuilder,
    /// The last dictionary, and what its keys are in the one of all: neighbours mostly have the very same.
    last: Option<ArrayRef>,
    map: Vec<i32>,
}

impl Keys {
    fn new(room: usize) -> Self {
        Self { numbers: HashMap::new(), keys: Vec::with_capacity(room), valid: NullBufferBuilder::new(room), last: None, map: Vec::new() }
    }

    fn missing(&mut self, n: usize) {
        self.keys.resize(self.keys.len() + n, 0);
        self.valid.append_n_nulls(n);
    }

    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        let dict = array
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(|| RecordError::read("joining dictionaries", format!("unexpected type {}", array.data_type())))?;
        if !self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, dict.values())) {
            self.last = Some(Arc::clone(dict.values()));
            let own = dict.values().as_string::<i32>();
            let numbers = &mut self.numbers;
            let number = |k| {
                let next = numbers.len() as i32;
                numbers.get(own.value(k)).copied().unwrap_or_else(|| {
                    numbers.insert(own.value(k).into(), next);
                    next
                })
            };
            self.map = (0..own.len()).map(number).collect();
        }
        // The key of a missing cell means nothing and may lie outside the dictionary.
        let map = &self.map;
        let number = |k: &i32| usize::try_from(*k).ok().and_then(|k| map.get(k)).copied().unwrap_or(0);
        self.keys.extend(dict.keys().values().iter().map(number));
        match dict.nulls() {
            Some(nulls) => self.valid.append_buffer(nulls),
            None => self.valid.append_n_non_nulls(dict.len()),
        }
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef> {
        if self.numbers.is_empty() {
            return Ok(new_null_array(&dictionary(), self.keys.len()));
        }
        let mut values: Vec<(i32, Box<str>)> = self.numbers.into_iter().map(|(text, number)| (number, text)).collect();
        values.sort_unstable_by_key(|(number, _)| *number);
        let values = StringArray::from_iter_values(values.iter().map(|(_, text)| text));
        let keys = Int32Array::new(self.keys.into(), self.valid.build());
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
    }
}

/// An empty `source` of an event becomes the name of the source. The content hash does not see it,
/// so the same rows from elsewhere are still the same rows. Returns the column where all rows lack it.
pub fn fill_source(table: &Table, flat: &mut Flat, name: &str) -> Result<Option<usize>> {
    let Some(at) = table.columns.iter().position(|c| c.name == "source") else {
        return Ok(None);
    };
    if name.is_empty() || table.occurred.is_none() {
        return Ok(None);
    }
    let Some(array) = &flat.columns[at] else { return Ok(Some(at)) };
    if array.null_count() > 0 {
        let views = compute::cast(array, &DataType::Utf8View)?;
        let text = Text::of(&views);
        let cells = (0..flat.rows).map(|i| Some(text.and_then(|t| t.get(i)).unwrap_or(name)));
        flat.columns[at] = Some(Arc::new(StringViewArray::from_iter(cells)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_make_are_one_column() {
        let views = |texts: &[Option<&str>]| Arc::new(StringViewArray::from_iter(texts.iter().copied())) as ArrayRef;
        let dict = |texts: &[Option<&str>]| Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>()) as ArrayRef;
        let long = "a text that no view holds itself";
        let runs = [
            (None, vec![None, None]),
            (Some(true), vec![Some("b"), None, Some("a")]),
            (Some(true), vec![Some("a"), Some(long)]),
            (None, vec![None]),
            (Some(false), vec![Some(long), None, Some("c")]),
            (Some(false), vec![Some("another text that no view holds itself")]),
            (Some(true), vec![Some("b")]),
        ];
        for until in 1..=runs.len() {
            let make = |(dictionary, texts): &(Option<bool>, Vec<Option<&str>>)| {
                (dictionary.map(|d| if d { dict(texts) } else { views(texts) }), texts.len())
            };
            let joined = join(Kind::Text, runs[..until].iter().map(make).collect()).expect("a column");
            let want: Vec<Option<&str>> = runs[..until].iter().flat_map(|(_, texts)| texts.clone()).collect();
            assert_eq!(joined.is_some(), until > 1);
            let Some(joined) = joined else { continue };
            assert_eq!(is_dictionary(&joined), until < 5, "{until} runs");
            let text = Text::of(&joined).expect("text");
            assert_eq!((0..text.len()).map(|i| text.get(i)).collect::<Vec<_>>(), want);
        }
        let numbers = |numbers: &[Option<i64>]| (Some(Arc::new(numbers.iter().copied().collect::<Int64Array>()) as ArrayRef), numbers.len());
        let joined = join(Kind::Int, vec![(None, 2), numbers(&[Some(1), None]), numbers(&[Some(2)]), (None, 1)]).expect("a column");
        let want = Int64Array::from(vec![None, None, Some(1), None, Some(2), None]);
        assert_eq!(joined.expect("numbers").as_ref(), &want as &dyn Array);
        let bools = (Some(Arc::new(datafusion::arrow::array::BooleanArray::from(vec![true])) as ArrayRef), 1);
        let joined = join(Kind::Bool, vec![(None, 1), bools]).expect("a column").expect("cells");
        assert!(joined.is_null(0) && joined.as_boolean().value(1));
    }
}
