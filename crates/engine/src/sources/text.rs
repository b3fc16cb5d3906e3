//! Arrow batches as raw tables of text.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::json::LineDelimitedWriter;
use std::sync::Arc;
use treaty_app::raw::{RawChunk, RawTable, TextColumn};

use crate::record::cast_text;

/// Rows of one chunk.
const CHUNK_ROWS: usize = 65_536;

/// Bytes of a column at which a chunk ends before it has all its rows.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// A raw table in the making; lines count from 1.
pub(super) struct Rows {
    table: RawTable,
    columns: Vec<String>,
    chunk: RawChunk,
    line: u64,
}

impl Rows {
    /// Of these columns.
    pub fn new(name: &str, display: &str, columns: Vec<String>) -> Self {
        let table = RawTable {
            name: name.to_owned(),
            file: display.to_owned(),
            chunks: Vec::new(),
            faults: Vec::new(),
        };
        let chunk = fresh(&columns);
        Self {
            table,
            columns,
            chunk,
            line: 0,
        }
    }

    /// Adds rows whose columns stand in the order of this table.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), String> {
        for (column, array) in self.chunk.columns.iter_mut().zip(batch.columns()) {
            let text = text(array)?;
            for i in 0..text.len() {
                let cell = text.is_valid(i).then(|| text.value(i));
                column.push(cell.filter(|c| !c.is_empty()));
            }
        }
        self.count(batch.num_rows());
        Ok(())
    }

    /// Adds a row of cells.
    pub fn push_row(&mut self, cells: &[Option<String>]) {
        for (column, cell) in self.chunk.columns.iter_mut().zip(cells) {
            column.push(cell.as_deref().filter(|c| !c.is_empty()));
        }
        self.count(1);
    }

    fn count(&mut self, rows: usize) {
        for _ in 0..rows {
            self.line += 1;
            self.chunk.lines.push(self.line);
        }
        let long = |c: &TextColumn| c.bytes.len() >= CHUNK_BYTES;
        if self.chunk.lines.len() >= CHUNK_ROWS || self.chunk.columns.iter().any(long) {
            let full = std::mem::replace(&mut self.chunk, fresh(&self.columns));
            self.table.chunks.push(full);
        }
    }

    /// The table.
    pub fn finish(mut self) -> RawTable {
        if !self.chunk.lines.is_empty() || self.table.chunks.is_empty() {
            self.table.chunks.push(self.chunk);
        }
        self.table
    }
}

fn fresh(columns: &[String]) -> RawChunk {
    RawChunk {
        columns: columns.iter().map(|c| TextColumn::new(c)).collect(),
        lines: Vec::new(),
    }
}

/// A column of any type as text.
pub(super) fn text(array: &ArrayRef) -> Result<StringArray, String> {
    let plain = match array.data_type() {
        DataType::Dictionary(_, value) => cast(array, value).map_err(|e| e.to_string())?,
        _ => Arc::clone(array),
    };
    let written = match plain.data_type() {
        t if t.is_nested() => return json(&plain),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => return bytes(&plain),
        t if t.is_floating() => cast_text(&plain).map_err(|e| e.to_string())?,
        _ => plain,
    };
    let utf8 = cast(&written, &DataType::Utf8).map_err(|e| e.to_string())?;
    Ok(utf8.as_string::<i32>().clone())
}

/// Bytes as the text they are, or else as hexadecimal digits.
fn bytes(array: &ArrayRef) -> Result<StringArray, String> {
    let binary = cast(array, &DataType::Binary).map_err(|e| e.to_string())?;
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Ok(binary
        .as_binary::<i32>()
        .iter()
        .map(|cell| cell.map(|b| std::str::from_utf8(b).map_or_else(|_| hex(b), str::to_owned)))
        .collect())
}

/// Lists and structures as JSON.
fn json(array: &ArrayRef) -> Result<StringArray, String> {
    const BEFORE: &str = "{\"v\":";
    let field = Field::new("v", array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch =
        RecordBatch::try_new(schema, vec![Arc::clone(array)]).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut out);
    writer.write(&batch).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    drop(writer);
    let lines = String::from_utf8(out).map_err(|e| e.to_string())?;
    let cell = |line: &str| Some(line.strip_prefix(BEFORE)?.strip_suffix('}')?.to_owned());
    Ok(lines.lines().map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        ListArray, TimestampMicrosecondArray,
    };
    use datafusion::arrow::datatypes::Int64Type;

    fn cells(array: impl Array + 'static) -> Vec<Option<String>> {
        let array: ArrayRef = Arc::new(array);
        let text = text(&array).expect("text");
        text.iter().map(|c| c.map(str::to_owned)).collect()
    }

    #[test]
    fn every_type_is_written_as_a_person_would() {
        let some = |t: &str| Some(t.to_owned());
        assert_eq!(cells(Int64Array::from(vec![Some(12), None])), [some("12"), None]);
        assert_eq!(cells(Float64Array::from(vec![0.1, 1e16, 3.0])), [some("0.1"), some("10000000000000000"), some("3")]);
        assert_eq!(cells(BooleanArray::from(vec![true])), [some("true")]);
        assert_eq!(cells(Date32Array::from(vec![20_000])), [some("2024-10-04")]);
        let money = Decimal128Array::from(vec![12_345]).with_precision_and_scale(18, 2).expect("decimal");
        assert_eq!(cells(money), [some("123.45")]);
        let naive = TimestampMicrosecondArray::from(vec![1_767_600_000_000_000]);
        assert_eq!(cells(naive.clone()), [some("2026-01-05T08:00:00")]);
        assert_eq!(cells(naive.with_timezone("UTC")), [some("2026-01-05T08:00:00Z")]);
        assert_eq!(cells(BinaryArray::from(vec![&b"ab"[..], &[0xff, 1]])), [some("ab"), some("ff01")]);
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
        assert_eq!(cells(list), [some("[1,null]"), None]);
    }
}
