//! Typed views of the columns the record works on: compare, hash and look at single cells.

use std::cmp::Ordering;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, StringArray, StringViewArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::error::{RecordError, Result};
use super::hash;

/// Text, however it is held.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Text with inline prefixes.
    View(&'a StringViewArray),
    /// Plain text.
    Plain(&'a StringArray),
    /// Keys into distinct values.
    Dict(&'a [i32], Option<&'a NullBuffer>, &'a StringArray),
}

impl<'a> Text<'a> {
    /// The text in an array.
    pub fn of(array: &'a ArrayRef) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8View => Some(Self::View(array.as_string_view())),
            DataType::Utf8 => Some(Self::Plain(array.as_string::<i32>())),
            DataType::Dictionary(k, v) if **k == DataType::Int32 && **v == DataType::Utf8 => {
                let dict = array.as_dictionary::<Int32Type>();
                Some(Self::Dict(
                    dict.keys().values(),
                    dict.nulls(),
                    dict.values().as_string::<i32>(),
                ))
            }
            _ => None,
        }
    }

    /// Cell `i`.
    #[inline]
    pub fn get(self, i: usize) -> Option<&'a str> {
        match self {
            Self::View(a) => a.is_valid(i).then(|| a.value(i)),
            Self::Plain(a) => a.is_valid(i).then(|| a.value(i)),
            Self::Dict(keys, nulls, values) => {
                if nulls.is_some_and(|n| n.is_null(i)) {
                    return None;
                }
                usize::try_from(keys[i]).ok().map(|k| values.value(k))
            }
        }
    }

    /// Number of cells.
    pub fn len(self) -> usize {
        match self {
            Self::View(a) => a.len(),
            Self::Plain(a) => a.len(),
            Self::Dict(keys, ..) => keys.len(),
        }
    }
}

/// One column, by type.
#[derive(Debug, Clone, Copy)]
pub enum Cells<'a> {
    /// The column is missing: all cells are.
    Missing,
    /// Text.
    Text(Text<'a>),
    /// Instants and whole numbers.
    Long(&'a [i64], Option<&'a NullBuffer>),
    /// Dates.
    Date(&'a [i32], Option<&'a NullBuffer>),
    /// Decimals.
    Wide(&'a [i128], Option<&'a NullBuffer>),
    /// Yes or no.
    Bool(&'a BooleanArray),
}

impl<'a> Cells<'a> {
    /// The cells of a column in one of the types the record works on.
    pub fn of(array: Option<&'a ArrayRef>) -> Result<Self> {
        let Some(array) = array else {
            return Ok(Self::Missing);
        };
        if let Some(text) = Text::of(array) {
            return Ok(Self::Text(text));
        }
        Ok(match array.data_type() {
            DataType::Timestamp(..) => {
                let a = array
                    .as_primitive_opt::<TimestampMicrosecondType>()
                    .ok_or_else(|| odd(array))?;
                Self::Long(a.values(), a.nulls())
            }
            DataType::Int64 => {
                let a = array.as_primitive::<Int64Type>();
                Self::Long(a.values(), a.nulls())
            }
            DataType::Date32 => {
                let a = array.as_primitive::<Date32Type>();
                Self::Date(a.values(), a.nulls())
            }
            DataType::Decimal128(..) => {
                let a = array.as_primitive::<Decimal128Type>();
                Self::Wide(a.values(), a.nulls())
            }
            DataType::Boolean => Self::Bool(array.as_boolean()),
            _ => return Err(odd(array)),
        })
    }

    /// Whether cell `i` is missing.
    #[inline]
    pub fn is_null(self, i: usize) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(t) => t.get(i).is_none(),
            Self::Long(_, n) | Self::Date(_, n) | Self::Wide(_, n) => {
                n.is_some_and(|n| n.is_null(i))
            }
            Self::Bool(a) => a.is_null(i),
        }
    }

    /// Orders two cells of this column, missing first.
    #[inline]
    pub fn cmp(self, a: usize, b: usize) -> Ordering {
        self.cmp_across(a, self, b)
    }

    /// Orders a cell of this column and one of another of the same kind, missing first.
    #[inline]
    pub fn cmp_across(self, a: usize, other: Cells<'_>, b: usize) -> Ordering {
        match (self.is_null(a), other.is_null(b)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        match (self, other) {
            (Self::Text(x), Cells::Text(y)) => x.get(a).cmp(&y.get(b)),
            (Self::Long(x, _), Cells::Long(y, _)) => x[a].cmp(&y[b]),
            (Self::Date(x, _), Cells::Date(y, _)) => x[a].cmp(&y[b]),
            (Self::Wide(x, _), Cells::Wide(y, _)) => x[a].cmp(&y[b]),
            (Self::Bool(x), Cells::Bool(y)) => x.value(a).cmp(&y.value(b)),
            _ => Ordering::Equal,
        }
    }

    /// Clears `same` where cell `from + i` is not cell `rows[i]` of another column of the same kind.
    /// One column after another keeps many cells on their way from memory at once.
    pub fn compare_all(self, from: usize, other: Cells<'_>, rows: &[u32], same: &mut [bool]) {
        let each = rows.iter().zip(same).enumerate();
        match (self, other) {
            (Self::Text(x), Cells::Text(y)) => {
                each.for_each(|(i, (row, same))| *same &= x.get(from + i) == y.get(*row as usize));
            }
            (Self::Long(x, None), Cells::Long(y, None)) => {
                each.for_each(|(i, (row, same))| *same &= x[from + i] == y[*row as usize]);
            }
            _ => each.for_each(|(i, (row, same))| {
                *same &= self.cmp_across(from + i, other, *row as usize) == Ordering::Equal;
            }),
        }
    }

    /// A number that orders like the cell does, except for ties; missing is the least.
    #[inline]
    pub fn prefix(self, i: usize) -> i64 {
        if self.is_null(i) {
            return i64::MIN;
        }
        match self {
            Self::Missing => i64::MIN,
            Self::Text(t) => text_prefix(t.get(i).unwrap_or_default()),
            Self::Long(v, _) => v[i],
            Self::Date(v, _) => i64::from(v[i]),
            Self::Wide(v, _) => {
                i64::try_from(v[i] >> 32).unwrap_or(if v[i] < 0 { i64::MIN } else { i64::MAX })
            }
            Self::Bool(a) => i64::from(a.value(i)),
        }
    }

    /// Calls `add` with the position (from 0) and value hash of every present cell of a range.
    pub fn hash_into(
        self,
        seed: u64,
        rows: std::ops::Range<usize>,
        mut add: impl FnMut(usize, u64),
    ) {
        let from = rows.start;
        match self {
            Self::Missing => {}
            Self::Text(Text::View(a)) => {
                // Views of at most twelve bytes hold them inline, padded with zeros.
                let views = a.views();
                let nulls = a.nulls();
                for i in rows {
                    if nulls.is_some_and(|n| n.is_null(i)) {
                        continue;
                    }
                    let view = views[i];
                    let len = view as u32 as usize;
                    let h = if len <= 12 {
                        hash::short(seed, len, (view >> 32) as u64, (view >> 96) as u64)
                    } else {
                        hash::text(seed, a.value(i).as_bytes())
                    };
                    add(i - from, h);
                }
            }
            Self::Text(Text::Dict(keys, nulls, values)) => {
                let each: Vec<u64> = if values.len() <= rows.len() * 4 {
                    (0..values.len())
                        .map(|k| hash::text(seed, values.value(k).as_bytes()))
                        .collect()
                } else {
                    Vec::new()
                };
                for i in rows {
                    if nulls.is_some_and(|n| n.is_null(i)) {
                        continue;
                    }
                    let k = keys[i] as usize;
                    let h = match each.get(k) {
                        Some(h) => *h,
                        None => hash::text(seed, values.value(k).as_bytes()),
                    };
                    add(i - from, h);
                }
            }
            Self::Text(text) => {
                for i in rows {
                    if let Some(t) = text.get(i) {
                        add(i - from, hash::text(seed, t.as_bytes()));
                    }
                }
            }
            Self::Long(v, nulls) => present(nulls, rows, |i| add(i - from, hash::int(seed, v[i]))),
            Self::Date(v, nulls) => {
                present(nulls, rows, |i| {
                    add(i - from, hash::int(seed, i64::from(v[i])))
                });
            }
            Self::Wide(v, nulls) => present(nulls, rows, |i| add(i - from, hash::wide(seed, v[i]))),
            Self::Bool(a) => {
                present(a.nulls(), rows, |i| {
                    add(i - from, hash::int(seed, i64::from(a.value(i))))
                });
            }
        }
    }
}

/// The first eight bytes as a number that orders like them.
#[inline]
pub fn text_prefix(text: &str) -> i64 {
    let bytes = text.as_bytes();
    let mut first = [0_u8; 8];
    let n = bytes.len().min(8);
    first[..n].copy_from_slice(&bytes[..n]);
    (u64::from_be_bytes(first) ^ (1 << 63)) as i64
}

#[inline]
fn present(nulls: Option<&NullBuffer>, rows: std::ops::Range<usize>, mut each: impl FnMut(usize)) {
    match nulls {
        None => rows.for_each(each),
        Some(nulls) => {
            for i in rows {
                if nulls.is_valid(i) {
                    each(i);
                }
            }
        }
    }
}

fn odd(array: &ArrayRef) -> RecordError {
    RecordError::read(
        "looking at a column",
        format!("unexpected type {}", array.data_type()),
    )
}
