//! A chunk of timelines: some whole accounts with everything around them, as one row of lists. It
//! stands for itself: what takes part in these accounts from elsewhere is in it, too.

use crate::error::EngineError;
use crate::mapped;
use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray, RecordBatch, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use std::path::Path;
use std::sync::Arc;

/// A table of a chunk: its name, and its columns.
pub type Table = (&'static str, Vec<FieldRef>, Vec<ArrayRef>);

/// Tables of several lengths as one row of lists.
#[derive(Debug, Clone)]
pub struct Chunk(RecordBatch);

/// The rows of a table of a chunk.
#[derive(Debug, Clone)]
pub struct Rows {
    name: &'static str,
    columns: StructArray,
}

/// Columns of plain numbers and flags.
pub fn fields(list: &[(&str, DataType)]) -> Vec<FieldRef> {
    list.iter().map(|(name, t)| Arc::new(Field::new(*name, t.clone(), true))).collect()
}

impl Chunk {
    /// Of tables.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn new(tables: Vec<Table>) -> Result<Self, EngineError> {
        let mut lists = Vec::with_capacity(tables.len());
        for (name, fields, columns) in tables {
            let rows = StructArray::try_new(Fields::from(fields), columns, None)?;
            let item = Arc::new(Field::new("item", rows.data_type().clone(), true));
            let list: ArrayRef = Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths([rows.len()]), Arc::new(rows), None)?);
            lists.push((Field::new(name, list.data_type().clone(), true), list));
        }
        let (fields, lists): (Vec<Field>, Vec<ArrayRef>) = lists.into_iter().unzip();
        Ok(Self(RecordBatch::try_new(Arc::new(Schema::new(fields)), lists)?))
    }

    /// A table by name.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn table(&self, name: &'static str) -> Result<Rows, EngineError> {
        let list = self.0.column_by_name(name).and_then(|c| c.as_list_opt::<i32>().cloned());
        let columns = list.and_then(|l| l.value(0).as_struct_opt().cloned());
        columns.map(|columns| Rows { name, columns }).ok_or_else(|| broken(name))
    }

    /// Writes it as an Arrow file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EngineError> {
        mapped::write(path, &self.0)
    }

    /// Reads an Arrow file.
    ///
    /// # Errors
    /// When it cannot be read or is cut short.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        Ok(Self(mapped::read(path, 0)?))
    }
}

fn broken(what: &str) -> EngineError {
    EngineError::Ask(format!("kept timelines have no `{what}`; remove the folder `timelines`"))
}

impl Rows {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// A column.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, EngineError> {
        self.columns.column_by_name(name).ok_or_else(|| broken(&format!("{}.{name}", self.name)))
    }

    /// A column of numbers that may be missing.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn cells<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&PrimitiveArray<T>, EngineError> {
        self.column(name)?.as_primitive_opt::<T>().ok_or_else(|| broken(&format!("{}.{name}", self.name)))
    }

    /// A column of numbers that are all there.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn numbers<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&[T::Native], EngineError> {
        Ok(self.cells::<T>(name)?.values())
    }

    /// A column of numbers that only some chunks have.
    pub fn some<T: ArrowPrimitiveType>(&self, name: &str) -> Option<&PrimitiveArray<T>> {
        self.columns.column_by_name(name)?.as_primitive_opt::<T>()
    }

    /// Columns and their names.
    pub fn parts(&self) -> (Vec<FieldRef>, Vec<ArrayRef>) {
        (self.columns.fields().iter().cloned().collect(), self.columns.columns().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, UInt32Array};
    use datafusion::arrow::datatypes::{Int64Type, UInt32Type};

    #[test]
    fn tables_of_several_lengths_come_back() {
        let chunk = Chunk::new(vec![
            ("a", fields(&[("x", DataType::UInt32)]), vec![Arc::new(UInt32Array::from(vec![1, 2, 3]))]),
            ("b", fields(&[("y", DataType::Int64)]), vec![Arc::new(Int64Array::from(vec![Some(7), None]))]),
        ])
        .expect("a chunk");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.arrow");
        chunk.write(&path).expect("written");
        let read = Chunk::read(&path).expect("read");
        assert_eq!(read.table("a").expect("a").numbers::<UInt32Type>("x").expect("x"), [1, 2, 3]);
        let b = read.table("b").expect("b");
        assert_eq!((b.len(), b.cells::<Int64Type>("y").expect("y").null_count()), (2, 1));
        assert!(b.column("z").is_err() && read.table("c").is_err());
        assert!(b.some::<Int64Type>("z").is_none());
    }
}
