//! All rows of one table in one import: each column in one array.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBufferBuilder, DictionaryArray, Int32Array, StringArray,
    new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use treaty_app::layout::{Kind, Table};

use super::error::{RecordError, Result};
use super::par;
use super::piece::Piece;
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

impl Flat {
    /// Joins runs.
    pub fn join(table: &Table, mut pieces: Vec<Piece>) -> Result<Self> {
        let rows: usize = pieces.iter().map(|p| p.rows).sum();
        if u32::try_from(rows).is_err() {
            return Err(RecordError::TooLarge {
                table: table.name.to_owned(),
                rows: rows as u64,
            });
        }
        let mut jobs: Vec<(Kind, Vec<Part>)> = Vec::new();
        for (i, column) in table.columns.iter().enumerate() {
            jobs.push((
                column.kind,
                pieces
                    .iter_mut()
                    .map(|p| (p.columns[i].take(), p.rows))
                    .collect(),
            ));
        }
        let attributes = pieces
            .iter_mut()
            .map(|p| (p.attributes.take(), p.rows))
            .collect();
        jobs.push((Kind::Text, attributes));
        let mut columns = par::try_map(jobs, |(kind, parts)| join(kind, parts))?;
        let attributes = columns.pop().flatten();
        let mut first = 0;
        let origins = pieces
            .into_iter()
            .map(|p| {
                let at = first;
                first += p.rows;
                (at, p)
            })
            .collect();
        Ok(Self {
            columns,
            attributes,
            rows,
            origins,
        })
    }

    /// Run of a row, and the row's place in it.
    pub fn origin(&self, row: usize) -> (usize, usize) {
        let at = self
            .origins
            .partition_point(|(first, _)| *first <= row)
            .saturating_sub(1);
        (at, row - self.origins.get(at).map_or(0, |o| o.0))
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
pub fn join(kind: Kind, parts: Vec<Part>) -> Result<Option<ArrayRef>> {
    if parts.iter().all(|(a, _)| a.is_none()) {
        return Ok(None);
    }
    if let [(Some(_), _)] = parts.as_slice() {
        return Ok(parts.into_iter().next().and_then(|(a, _)| a));
    }
    let is_dictionary = |a: &ArrayRef| matches!(a.data_type(), DataType::Dictionary(..));
    let to = match kind {
        Kind::Text
            if parts
                .iter()
                .all(|(a, _)| a.as_ref().is_none_or(is_dictionary)) =>
        {
            return unify(&parts).map(Some);
        }
        Kind::Text => DataType::Utf8View,
        other => schema::data_type(other),
    };
    let arrays: Vec<ArrayRef> = parts
        .into_iter()
        .map(|(a, rows)| match a {
            Some(a) if *a.data_type() == to => Ok(a),
            Some(a) => compute::cast(&a, &to),
            None => Ok(new_null_array(&to, rows)),
        })
        .collect::<std::result::Result<_, _>>()?;
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    Ok(Some(compute::concat(&arrays)?))
}

/// Dictionaries as one.
fn unify(parts: &[Part]) -> Result<ArrayRef> {
    let rows = parts.iter().map(|(_, n)| n).sum();
    let mut numbers: HashMap<&str, i32> = HashMap::new();
    let mut values: Vec<&str> = Vec::new();
    let mut keys: Vec<i32> = Vec::with_capacity(rows);
    let any_null = parts
        .iter()
        .any(|(a, _)| a.as_ref().is_none_or(|a| a.null_count() > 0));
    let mut valid = any_null.then(|| BooleanBufferBuilder::new(rows));
    for (array, n) in parts {
        let Some(array) = array else {
            keys.resize(keys.len() + n, 0);
            if let Some(valid) = &mut valid {
                valid.append_n(*n, false);
            }
            continue;
        };
        let dict = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| {
            RecordError::read(
                "joining dictionaries",
                format!("unexpected type {}", array.data_type()),
            )
        })?;
        let own = dict.values().as_string::<i32>();
        let map: Vec<i32> = (0..own.len())
            .map(|k| {
                *numbers.entry(own.value(k)).or_insert_with(|| {
                    values.push(own.value(k));
                    (values.len() - 1) as i32
                })
            })
            .collect();
        // The key of a missing cell means nothing and may lie outside the dictionary.
        let keyed = dict.keys().values();
        keys.extend(keyed.iter().map(|k| {
            usize::try_from(*k)
                .ok()
                .and_then(|k| map.get(k))
                .copied()
                .unwrap_or(0)
        }));
        if let Some(valid) = &mut valid {
            match dict.nulls() {
                Some(nulls) => valid.append_buffer(nulls.inner()),
                None => valid.append_n(*n, true),
            }
        }
    }
    if values.is_empty() {
        return Ok(new_null_array(&dictionary(), rows));
    }
    let keys = Int32Array::new(keys.into(), valid.map(|mut v| NullBuffer::new(v.finish())));
    Ok(Arc::new(DictionaryArray::try_new(
        keys,
        Arc::new(StringArray::from(values)),
    )?))
}
