//! Reading record columns into numbers: text becomes a position in a list of names.

use datafusion::arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::ScalarBuffer;
use datafusion::arrow::datatypes::{ArrowNativeType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
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
    keys: Keys,
    /// Texts by key.
    pub texts: StringArray,
}

/// Keys of rows. In narrow ones the number of texts stands for no text.
#[derive(Debug, Clone)]
enum Keys {
    Wide(Int32Array),
    Short(ScalarBuffer<u16>),
    Byte(ScalarBuffer<u8>),
}

impl Texts {
    /// A column of a batch; a column that is not there has no text in any row.
    pub fn of(batch: &RecordBatch, column: &str) -> Self {
        let dictionary = crate::record::dictionary_type();
        let read = batch.column_by_name(column).and_then(|c| datafusion::arrow::compute::cast(c, &dictionary).ok());
        let read = read.as_ref().and_then(|c| c.as_dictionary_opt::<Int32Type>());
        match read.and_then(|d| Some((d.keys().clone(), d.values().as_string_opt::<i32>()?.clone()))) {
            Some((keys, texts)) => Self { keys: Keys::Wide(keys), texts },
            None => Self { keys: Keys::Wide(Int32Array::new_null(batch.num_rows())), texts: StringArray::new_null(0) },
        }
    }

    /// The same with keys that take no more memory than the number of texts asks for.
    #[must_use]
    pub fn narrow(self) -> Self {
        let none = self.texts.len();
        let keys = match self.keys {
            Keys::Wide(keys) if none <= usize::from(u8::MAX) => Keys::Byte(narrowed(&keys, none as u8, |key| key as u8)),
            Keys::Wide(keys) if none <= usize::from(u16::MAX) => Keys::Short(narrowed(&keys, none as u16, |key| key as u16)),
            keys => keys,
        };
        Self { keys, texts: self.texts }
    }

    /// Key of a row, if it has a text.
    pub fn key(&self, row: usize) -> Option<usize> {
        let key = match &self.keys {
            Keys::Wide(keys) => return keys.is_valid(row).then(|| keys.value(row) as usize),
            Keys::Short(keys) => usize::from(keys[row]),
            Keys::Byte(keys) => usize::from(keys[row]),
        };
        (key < self.texts.len()).then_some(key)
    }

    /// How many rows from this one on have the same key; where some have none, one.
    pub fn same(&self, from: usize) -> usize {
        match &self.keys {
            Keys::Wide(keys) if keys.null_count() > 0 => 1,
            Keys::Wide(keys) => run(&keys.values()[from..]),
            Keys::Short(keys) => run(&keys[from..]),
            Keys::Byte(keys) => run(&keys[from..]),
        }
    }

    /// A number for each row, from one for each text; rows without a text get [`NONE`].
    pub fn spread(&self, of_text: &[u32]) -> Vec<u32> {
        let rows = match &self.keys {
            Keys::Wide(keys) => keys.len(),
            Keys::Short(keys) => keys.len(),
            Keys::Byte(keys) => keys.len(),
        };
        let mut out = vec![NONE; rows];
        let mut of_key = of_text.to_vec();
        of_key.resize(self.texts.len() + 1, NONE);
        self.put(&of_key, 0, &mut out);
        out
    }

    /// Puts the numbers of rows from one on into a place for each; `of_key` has one for each text, and then
    /// one for no text.
    pub fn put(&self, of_key: &[u32], from: usize, out: &mut [u32]) {
        let to = from + out.len();
        match &self.keys {
            Keys::Wide(keys) if keys.null_count() > 0 => {
                let none = of_key.len() - 1;
                let key = |row: usize| if keys.is_valid(row) { keys.value(row) as usize } else { none };
                out.iter_mut().zip(from..to).for_each(|(out, row)| *out = of_key[key(row)]);
            }
            Keys::Wide(keys) => out.iter_mut().zip(&keys.values()[from..to]).for_each(|(out, key)| *out = of_key[*key as usize]),
            Keys::Short(keys) => out.iter_mut().zip(&keys[from..to]).for_each(|(out, key)| *out = of_key[usize::from(*key)]),
            Keys::Byte(keys) => out.iter_mut().zip(&keys[from..to]).for_each(|(out, key)| *out = of_key[usize::from(*key)]),
        }
    }
}

fn narrowed<T: ArrowNativeType>(keys: &Int32Array, none: T, narrow: impl Fn(i32) -> T) -> ScalarBuffer<T> {
    if keys.null_count() == 0 {
        return keys.values().iter().map(|key| narrow(*key)).collect();
    }
    keys.iter().map(|key| key.map_or(none, &narrow)).collect()
}

/// How many values from the first one on are the same.
fn run<T: PartialEq>(values: &[T]) -> usize {
    values.iter().take_while(|value| **value == values[0]).count()
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
    fn narrow_keys_say_what_wide_ones_do() {
        for (texts, missing) in [(0, 2), (1, 0), (3, 5), (255, 0), (255, 7), (256, 7), (65_535, 3), (65_536, 3)] {
            let text = |i: u32| (missing == 0 || !i.is_multiple_of(missing)).then(|| format!("t{}", i % texts.max(1))).filter(|_| texts > 0);
            let keys = (0..200_000).map(|i| text(i).map(|_| (i % texts) as i32)).collect();
            let texts = StringArray::from_iter_values((0..texts).map(|i| format!("t{i}")));
            let of_text: Vec<u32> = (0..texts.len() as u32).map(|i| i * 3).collect();
            let wide = Texts { keys: Keys::Wide(keys), texts };
            let narrow = wide.clone().narrow();
            assert_eq!(matches!(narrow.keys, Keys::Wide(_)), of_text.len() > 65_535);
            let got = narrow.spread(&of_text);
            assert_eq!(got, wide.spread(&of_text));
            for (i, number) in got.iter().enumerate() {
                assert_eq!((wide.key(i), narrow.key(i)), (narrow.key(i), text(i as u32).map(|_| *number as usize / 3)));
            }
        }
    }

    #[test]
    fn names_keep_their_place() {
        let mut names = Names::default();
        assert_eq!((names.place("b"), names.place("a"), names.place("b")), (0, 1, 0));
        assert_eq!(names.get(1), Some("a"));
        assert_eq!(names.find("c"), None);
    }
}
