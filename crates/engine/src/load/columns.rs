//! Reading record columns into numbers: text becomes a position in a list of names.

use datafusion::arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::HashMap;
use treaty_domain::timeline::NONE;

/// A list of distinct names with their positions.
#[derive(Debug, Default, Clone)]
pub struct Names {
    list: Vec<String>,
    places: HashMap<String, u32>,
}

impl Names {
    /// Position of a name; a new name goes to the end.
    pub fn place(&mut self, name: &str) -> u32 {
        if let Some(i) = self.places.get(name) {
            return *i;
        }
        let i = u32::try_from(self.list.len()).unwrap_or(NONE);
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), i);
        i
    }

    /// Position of a known name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    /// Name at a position.
    pub fn get(&self, place: u32) -> Option<&str> {
        self.list.get(place as usize).map(String::as_str)
    }

    /// All names in order.
    pub fn list(&self) -> &[String] {
        &self.list
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// No names.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A text column as stored: a key for each row, and the texts behind the keys. Texts may occur more
/// than once.
#[derive(Debug, Clone)]
pub struct Texts {
    keys: Int32Array,
    /// Texts by key.
    pub texts: StringArray,
}

impl Texts {
    /// A column of a batch; a column that is not there has no text in any row.
    pub fn of(batch: &RecordBatch, column: &str) -> Self {
        let dictionary = crate::record::dictionary_type();
        let read = batch.column_by_name(column).and_then(|c| datafusion::arrow::compute::cast(c, &dictionary).ok());
        let read = read.as_ref().and_then(|c| c.as_dictionary_opt::<Int32Type>());
        match read.and_then(|d| Some((d.keys().clone(), d.values().as_string_opt::<i32>()?.clone()))) {
            Some((keys, texts)) => Self { keys, texts },
            None => Self { keys: Int32Array::new_null(batch.num_rows()), texts: StringArray::new_null(0) },
        }
    }

    /// Key of a row, if it has a text.
    pub fn key(&self, row: usize) -> Option<usize> {
        self.keys.is_valid(row).then(|| self.keys.value(row) as usize)
    }

    /// How many rows from this one on have the same key.
    pub fn same(&self, from: usize) -> usize {
        if self.keys.null_count() > 0 {
            return 1;
        }
        let keys = &self.keys.values()[from..];
        keys.iter().take_while(|k| **k == keys[0]).count()
    }

    /// A number for each row, from one for each text; rows without a text get [`NONE`].
    pub fn spread(&self, of_text: &[u32]) -> Vec<u32> {
        if of_text.is_empty() {
            return vec![NONE; self.keys.len()];
        }
        if self.keys.null_count() == 0 {
            return self.keys.values().iter().map(|k| of_text[*k as usize]).collect();
        }
        self.keys.iter().map(|k| k.map_or(NONE, |k| of_text[k as usize])).collect()
    }
}

/// Runs `number` once for each distinct text of a column and spreads the result over the rows;
/// missing text is [`NONE`].
pub fn numbered(batch: &RecordBatch, column: &str, mut number: impl FnMut(&str) -> u32) -> Vec<u32> {
    let texts = Texts::of(batch, column);
    let of_text: Vec<u32> = texts.texts.iter().map(|t| t.map_or(NONE, &mut number)).collect();
    texts.spread(&of_text)
}

/// A text column as an array of strings.
pub fn text(batch: &RecordBatch, column: &str) -> Option<StringArray> {
    let array = batch.column_by_name(column)?;
    let cast = datafusion::arrow::compute::cast(array, &datafusion::arrow::datatypes::DataType::Utf8).ok()?;
    Some(cast.as_string::<i32>().clone())
}

/// An instant column.
pub fn instants(batch: &RecordBatch, column: &str) -> Option<TimestampMicrosecondArray> {
    batch.column_by_name(column)?.as_primitive_opt::<TimestampMicrosecondType>().cloned()
}

/// A date column.
pub fn dates(batch: &RecordBatch, column: &str) -> Option<Date32Array> {
    batch.column_by_name(column)?.as_primitive_opt::<Date32Type>().cloned()
}

/// A whole-number column.
pub fn ints(batch: &RecordBatch, column: &str) -> Option<Int64Array> {
    batch.column_by_name(column)?.as_primitive_opt::<Int64Type>().cloned()
}

/// A yes-or-no column.
pub fn bools(batch: &RecordBatch, column: &str) -> Option<BooleanArray> {
    batch.column_by_name(column)?.as_boolean_opt().cloned()
}

/// A money or decimal column with its scale.
pub fn decimals(batch: &RecordBatch, column: &str) -> Option<(Decimal128Array, i8)> {
    let array = batch.column_by_name(column)?.as_primitive_opt::<Decimal128Type>()?.clone();
    let scale = array.scale();
    Some((array, scale))
}

/// Value of a cell, if the column is there and the cell is not missing.
pub fn cell<T: datafusion::arrow::datatypes::ArrowPrimitiveType>(
    column: &Option<datafusion::arrow::array::PrimitiveArray<T>>,
    row: usize,
) -> Option<T::Native> {
    column.as_ref().filter(|c| c.is_valid(row)).map(|c| c.value(row))
}

/// Yes, no or missing.
pub fn flag(column: &Option<BooleanArray>, row: usize) -> Option<bool> {
    column.as_ref().filter(|c| c.is_valid(row)).map(|c| c.value(row))
}

/// A stored decimal as minor units of a currency with `exponent` decimals, half away from zero (S6).
pub fn minor_units(value: i128, scale: i8, exponent: u32) -> Option<i64> {
    let scale = u32::try_from(scale).ok()?;
    let exact = if scale <= exponent {
        value.checked_mul(10i128.checked_pow(exponent - scale)?)?
    } else {
        let unit = 10i128.checked_pow(scale - exponent)?;
        let half = if value < 0 { -unit / 2 } else { unit / 2 };
        value.checked_add(half)? / unit
    };
    i64::try_from(exact).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_decimals_become_minor_units_half_away_from_zero() {
        assert_eq!(minor_units(12_345_678, 4, 2), Some(123_457)); // 1234.5678
        assert_eq!(minor_units(-12_345_650, 4, 2), Some(-123_457)); // -1234.5650
        assert_eq!(minor_units(12_345_000, 4, 0), Some(1_235)); // 1234.5 JPY
        assert_eq!(minor_units(12, 2, 3), Some(120));
        assert_eq!(minor_units(i128::MAX, 4, 2), None);
    }

    #[test]
    fn names_keep_their_place() {
        let mut names = Names::default();
        assert_eq!((names.place("b"), names.place("a"), names.place("b")), (0, 1, 0));
        assert_eq!(names.get(1), Some("a"));
        assert_eq!(names.find("c"), None);
    }
}
