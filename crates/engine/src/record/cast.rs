//! Columns of any type as columns of the layout, cell by cell only where it must be.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array,
    DictionaryArray, Int64Array, StringArray, StringViewArray, TimestampMicrosecondArray,
    UInt32Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{self, CastOptions};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, TimeUnit, TimestampMicrosecondType,
};
use treaty_app::layout::Kind;
use treaty_domain::zone::{LocalDay, Micros, Zone};

use super::cells::Text;
use super::error::Result;
use super::parse;
use super::schema::{self, DECIMAL, MONEY};

/// Letters that a view holds itself.
const INLINE: u32 = 12;

/// A cell that is not what its column needs, and why.
pub type Bad = (usize, String);

/// The column in the type of `kind`. Text comes as views or as a dictionary, without empty cells;
/// cells that cannot be read are missing in the result and listed.
pub fn column(array: &ArrayRef, kind: Kind, zone: &Zone) -> Result<(ArrayRef, Vec<Bad>)> {
    if kind == Kind::Text {
        return Ok((text(array)?, Vec::new()));
    }
    let source = array.data_type().clone();
    if is_text(&source) {
        let array = text(array)?;
        return parse_text(&array, kind, zone);
    }
    if let DataType::Dictionary(_, value) = &source {
        let plain = compute::cast(array, value)?;
        return column(&plain, kind, zone);
    }
    match (kind, &source) {
        (_, DataType::Null) => Ok((
            datafusion::arrow::array::new_null_array(&schema::data_type(kind), array.len()),
            Vec::new(),
        )),
        (Kind::Instant, DataType::Timestamp(_, Some(_)))
        | (Kind::Date, DataType::Date32 | DataType::Date64)
        | (Kind::Bool, DataType::Boolean) => safe(array, kind),
        (Kind::Instant, DataType::Timestamp(_, None)) => {
            let naive = compute::cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let naive = naive.as_primitive::<TimestampMicrosecondType>();
            let utc: TimestampMicrosecondArray = naive.unary(|t| zone.to_utc(t).0);
            Ok((Arc::new(utc.with_timezone("UTC")), lost(array, naive, kind)))
        }
        (Kind::Instant, DataType::Date32 | DataType::Date64) => {
            let days = compute::cast(array, &DataType::Date32)?;
            let days = days.as_primitive::<Date32Type>();
            let utc: TimestampMicrosecondArray = days.unary(|d| zone.start_of_day(LocalDay(d)).0);
            Ok((Arc::new(utc.with_timezone("UTC")), Vec::new()))
        }
        (Kind::Date, DataType::Timestamp(_, tz)) => {
            let naive = tz.is_none();
            let micros = compute::cast(
                array,
                &DataType::Timestamp(TimeUnit::Microsecond, tz.clone()),
            )?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>();
            let days: Date32Array = micros.unary(|t| {
                if naive {
                    i32::try_from(t.div_euclid(Micros::DAY)).unwrap_or(i32::MAX)
                } else {
                    zone.local_day(Micros(t)).0
                }
            });
            Ok((Arc::new(days), lost(array, micros, kind)))
        }
        (
            Kind::Money | Kind::Decimal,
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..),
        ) => safe(array, kind),
        (Kind::Money | Kind::Decimal | Kind::Int, t) if t.is_integer() => safe(array, kind),
        (Kind::Money | Kind::Decimal | Kind::Int, t) if t.is_floating() => {
            // The shortest decimal that is this number is what was meant.
            let written = float_text(array)?;
            parse_text(&written, kind, zone)
        }
        (
            Kind::Int,
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..),
        ) => {
            let written = compute::cast(array, &DataType::Utf8View)?;
            parse_text(&written, kind, zone)
        }
        (Kind::Bool, t) if t.is_integer() => {
            let written = compute::cast(array, &DataType::Utf8View)?;
            parse_text(&written, kind, zone)
        }
        _ => {
            let none =
                datafusion::arrow::array::new_null_array(&schema::data_type(kind), array.len());
            let bad = (0..array.len())
                .filter(|i| array.is_valid(*i))
                .map(|i| {
                    (
                        i,
                        format!(
                            "a column of type {source} cannot be read as {}",
                            kind.expected()
                        ),
                    )
                })
                .collect();
            Ok((none, bad))
        }
    }
}

/// Whether this type holds text.
pub fn is_text(t: &DataType) -> bool {
    match t {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, v) => is_text(v),
        _ => false,
    }
}

/// Text as views or as a dictionary with 32-bit keys; an empty cell is a missing one.
pub fn text(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Utf8View => Ok(without_empty_views(array)),
        DataType::Dictionary(k, v) if is_text(v) => {
            if **k == DataType::Int32 && **v == DataType::Utf8 {
                return without_empty_values(array);
            }
            let to = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            match compute::cast(array, &to) {
                Ok(dict) => without_empty_values(&dict),
                Err(_) => text(&compute::cast(array, &DataType::Utf8View)?),
            }
        }
        DataType::Dictionary(_, v) => text(&compute::cast(array, v)?),
        t if t.is_floating() => text(&float_text(array)?),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Ok(without_empty_views(&compute::cast(
            array,
            &DataType::Utf8View,
        )?)),
        _ => {
            let plain = compute::cast(array, &DataType::Utf8)?;
            Ok(without_empty_views(&compute::cast(
                &plain,
                &DataType::Utf8View,
            )?))
        }
    }
}

/// Empty cells are missing afterwards. Text that views hold themselves needs no buffers any more: they are what a
/// file was read into.
fn without_empty_views(array: &ArrayRef) -> ArrayRef {
    let views = array.as_string_view();
    let empty = |i: usize| views.views()[i] as u32 == 0;
    let (mut any, mut longest) = (false, 0);
    for (i, view) in views.views().iter().enumerate() {
        any |= empty(i) && views.is_valid(i);
        longest = longest.max(*view as u32);
    }
    let array = if longest <= INLINE && !views.data_buffers().is_empty() { Arc::new(views.gc()) } else { Arc::clone(array) };
    if !any {
        return array;
    }
    let views = array.as_string_view();
    let mut valid = BooleanBufferBuilder::new(views.len());
    for i in 0..views.len() {
        valid.append(views.is_valid(i) && !empty(i));
    }
    let nulls = NullBuffer::new(valid.finish());
    match StringViewArray::try_new(views.views().clone(), views.data_buffers().to_vec(), Some(nulls)) {
        Ok(cleaned) => Arc::new(cleaned),
        Err(_) => array,
    }
}

fn without_empty_values(array: &ArrayRef) -> Result<ArrayRef> {
    let dict = array.as_dictionary::<Int32Type>();
    let values = dict.values().as_string::<i32>();
    if values.null_count() == 0 && (0..values.len()).all(|k| values.value_length(k) > 0) {
        return Ok(Arc::clone(array));
    }
    let unset: Vec<bool> = (0..values.len())
        .map(|k| values.is_null(k) || values.value_length(k) == 0)
        .collect();
    let mut valid = BooleanBufferBuilder::new(dict.len());
    for i in 0..dict.len() {
        let k = usize::try_from(dict.keys().value(i)).unwrap_or_default();
        valid.append(dict.is_valid(i) && !unset[k]);
    }
    let keys = dict.keys().values().clone();
    let keys =
        datafusion::arrow::array::Int32Array::new(keys, Some(NullBuffer::new(valid.finish())));
    // Missing values of the dictionary become empty text that no key names any more.
    let values = StringArray::from_iter_values((0..values.len()).map(|k| {
        if values.is_null(k) {
            ""
        } else {
            values.value(k)
        }
    }));
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
}

fn float_text(array: &ArrayRef) -> Result<ArrayRef> {
    let written: StringArray = match array.data_type() {
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .iter()
            .map(|x| x.map(|x| x.to_string()))
            .collect(),
        _ => {
            let wide = compute::cast(array, &DataType::Float64)?;
            wide.as_primitive::<Float64Type>()
                .iter()
                .map(|x| x.map(|x| x.to_string()))
                .collect()
        }
    };
    Ok(compute::cast(&written, &DataType::Utf8View)?)
}

/// A cast that leaves out what does not fit.
fn safe(array: &ArrayRef, kind: Kind) -> Result<(ArrayRef, Vec<Bad>)> {
    let to = schema::data_type(kind);
    if *array.data_type() == to {
        return Ok((Arc::clone(array), Vec::new()));
    }
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let cast = compute::cast_with_options(array, &to, &options)?;
    let bad = lost(array, &cast, kind);
    Ok((cast, bad))
}

/// Cells that a cast has lost.
fn lost(before: &dyn Array, after: &dyn Array, kind: Kind) -> Vec<Bad> {
    if before.null_count() == after.null_count() {
        return Vec::new();
    }
    (0..before.len())
        .filter(|i| before.is_valid(*i) && after.is_null(*i))
        .map(|i| (i, format!("the value is too large for {}", kind.expected())))
        .collect()
}

fn parse_text(array: &ArrayRef, kind: Kind, zone: &Zone) -> Result<(ArrayRef, Vec<Bad>)> {
    if let Some(Text::Dict(..)) = Text::of(array) {
        // Each distinct value once.
        let dict = array.as_dictionary::<Int32Type>();
        let values: ArrayRef = compute::cast(dict.values(), &DataType::Utf8View)?;
        let (parsed, bad_values) = parse_text(&values, kind, zone)?;
        let keys: UInt32Array = dict
            .keys()
            .iter()
            .map(|k| k.and_then(|k| u32::try_from(k).ok()))
            .collect();
        let taken = compute::take(&parsed, &keys, None)?;
        let mut bad = Vec::new();
        if !bad_values.is_empty() {
            for i in 0..dict.len() {
                if dict.is_null(i) {
                    continue;
                }
                let k = usize::try_from(dict.keys().value(i)).unwrap_or_default();
                if let Ok(at) = bad_values.binary_search_by_key(&k, |(b, _)| *b) {
                    bad.push((i, bad_values[at].1.clone()));
                }
            }
        }
        return Ok((taken, bad));
    }
    let views = array.as_string_view();
    let mut bad = Vec::new();
    let out: ArrayRef = match kind {
        Kind::Instant => {
            let parsed: TimestampMicrosecondArray =
                each(views, kind, &mut bad, |t| parse::instant(t, zone)).collect();
            Arc::new(parsed.with_timezone("UTC"))
        }
        Kind::Date => {
            Arc::new(each(views, kind, &mut bad, |t| parse::date(t, zone)).collect::<Date32Array>())
        }
        Kind::Money => {
            let parsed: Decimal128Array =
                each(views, kind, &mut bad, |t| parse::decimal(t, MONEY.0, 4)).collect();
            Arc::new(parsed.with_precision_and_scale(MONEY.0, MONEY.1)?)
        }
        Kind::Decimal => {
            let parsed: Decimal128Array =
                each(views, kind, &mut bad, |t| parse::decimal(t, DECIMAL.0, 10)).collect();
            Arc::new(parsed.with_precision_and_scale(DECIMAL.0, DECIMAL.1)?)
        }
        Kind::Int => Arc::new(each(views, kind, &mut bad, parse::int).collect::<Int64Array>()),
        Kind::Bool => {
            Arc::new(each(views, kind, &mut bad, parse::boolean).collect::<BooleanArray>())
        }
        Kind::Text => Arc::clone(array),
    };
    Ok((out, bad))
}

fn each<'a, T>(
    views: &'a StringViewArray,
    kind: Kind,
    bad: &'a mut Vec<Bad>,
    read: impl Fn(&str) -> Option<T> + 'a,
) -> impl Iterator<Item = Option<T>> + 'a {
    views.iter().enumerate().map(move |(i, cell)| {
        let cell = cell.filter(|c| !c.trim().is_empty())?;
        let value = read(cell);
        if value.is_none() {
            bad.push((i, format!("{} is not {}", quoted(cell), kind.expected())));
        }
        value
    })
}

/// The cell as an error shows it: in quotes, and not the whole of a novel.
pub fn quoted(cell: &str) -> String {
    let mut short: String = cell.chars().take(60).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Float64Array, TimestampNanosecondArray};

    fn read(array: impl Array + 'static, kind: Kind) -> (ArrayRef, Vec<Bad>) {
        let zone = Zone::new("Europe/Berlin").expect("a zone");
        column(&(Arc::new(array) as ArrayRef), kind, &zone).expect("a column")
    }

    #[test]
    fn numbers_become_exact_money() {
        let (a, bad) = read(
            Float64Array::from(vec![Some(0.1), Some(12.34567), None, Some(f64::NAN)]),
            Kind::Money,
        );
        let a = a.as_primitive::<datafusion::arrow::datatypes::Decimal128Type>();
        assert_eq!((a.value(0), a.value(1)), (1_000, 123_457));
        assert!(a.is_null(2) && a.is_null(3));
        assert_eq!(bad.len(), 1);
        let two = Decimal128Array::from(vec![12_345])
            .with_precision_and_scale(18, 2)
            .expect("decimals");
        let (a, bad) = read(two, Kind::Money);
        assert!(bad.is_empty());
        assert_eq!(
            a.as_primitive::<datafusion::arrow::datatypes::Decimal128Type>()
                .value(0),
            1_234_500
        );
        let six = Decimal128Array::from(vec![1_250_050, -1_250_050])
            .with_precision_and_scale(18, 6)
            .expect("decimals");
        let (a, _) = read(six, Kind::Money);
        let a = a.as_primitive::<datafusion::arrow::datatypes::Decimal128Type>();
        assert_eq!(
            (a.value(0), a.value(1)),
            (12_501, -12_501),
            "half away from zero"
        );
    }

    #[test]
    fn naive_timestamps_are_local() {
        let naive = TimestampNanosecondArray::from(vec![1_767_600_000_000_000_123]); // 2026-01-05T08:00
        let (a, _) = read(naive.clone(), Kind::Instant);
        assert_eq!(
            a.as_primitive::<TimestampMicrosecondType>().value(0),
            1_767_596_400_000_000
        );
        let (a, _) = read(naive.with_timezone("UTC"), Kind::Instant);
        assert_eq!(
            a.as_primitive::<TimestampMicrosecondType>().value(0),
            1_767_600_000_000_000
        );
    }

    #[test]
    fn empty_text_is_missing_and_dictionaries_are_read_once() {
        let (a, _) = read(
            StringArray::from(vec![Some("a"), Some(""), None]),
            Kind::Text,
        );
        assert_eq!(a.null_count(), 2);
        let dict: DictionaryArray<Int32Type> = vec![Some("7"), Some(""), Some("x"), Some("7")]
            .into_iter()
            .collect();
        let (a, bad) = read(dict.clone(), Kind::Int);
        assert_eq!(a.null_count(), 2);
        assert_eq!(bad, [(2, "\"x\" is not a whole number".to_owned())]);
        let (a, _) = read(dict, Kind::Text);
        assert_eq!(a.null_count(), 1);
        let (a, bad) = read(Int64Array::from(vec![1, 0, 2]), Kind::Bool);
        assert_eq!((a.as_boolean().value(0), bad.len()), (true, 1));
        let (_, bad) = read(Int64Array::from(vec![1]), Kind::Instant);
        assert!(bad[0].1.contains("Int64"));
    }
}
