//! How the layout's tables look as Arrow and Delta tables.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use treaty_app::layout::{ATTRIBUTES, Kind, TABLES, Table};

use super::error::{RecordError, Result};

/// Hidden column: content hash of the row (see `super::hash`).
pub const HASH: &str = "_hash";
/// Hidden column: record version that wrote the row.
pub const VERSION: &str = "_version";

/// Hidden column: half of a hash of the key of the row, by which an import finds the rows that it may
/// replace. Files of older versions of Treaty lack it.
pub const KEY: &str = "_key";

/// Digits and decimals of money.
pub const MONEY: (u8, i8) = (20, 4);
/// Digits and decimals of other decimal numbers.
pub const DECIMAL: (u8, i8) = (28, 10);

/// The type in which a column of this kind is stored.
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Date => DataType::Date32,
        Kind::Money => DataType::Decimal128(MONEY.0, MONEY.1),
        Kind::Decimal => DataType::Decimal128(DECIMAL.0, DECIMAL.1),
        Kind::Int => DataType::Int64,
        Kind::Bool => DataType::Boolean,
    }
}

/// Schema of a table as stored: the layout's columns, the attributes, the hash, the version, the hash
/// of the key.
pub fn stored(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> = table
        .columns
        .iter()
        .map(|c| Field::new(c.name, data_type(c.kind), true))
        .collect();
    fields.push(Field::new(ATTRIBUTES, DataType::Utf8, true));
    fields.push(Field::new(HASH, DataType::Int64, true));
    fields.push(Field::new(VERSION, DataType::Int64, true));
    fields.push(Field::new(KEY, DataType::Int32, true));
    Arc::new(Schema::new(fields))
}

/// Position of a column in [`stored`].
pub fn position(table: &Table, column: &str) -> Result<usize> {
    let n = table.columns.len();
    match column {
        ATTRIBUTES => Ok(n),
        HASH => Ok(n + 1),
        VERSION => Ok(n + 2),
        KEY => Ok(n + 3),
        name => table
            .columns
            .iter()
            .position(|c| c.name == name)
            .ok_or_else(|| {
                let mut known: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
                known.extend([ATTRIBUTES, VERSION]);
                RecordError::UnknownColumn {
                    table: table.name.to_owned(),
                    column: column.to_owned(),
                    known: known.join(", "),
                }
            }),
    }
}

/// The table of a name, or an error that lists them.
pub fn table(name: &str) -> Result<&'static Table> {
    treaty_app::layout::table(name).ok_or_else(|| RecordError::UnknownTable {
        table: name.to_owned(),
        known: TABLES.iter().map(|t| t.name).collect::<Vec<_>>().join(", "),
    })
}

/// Positions of the key columns among the layout's columns.
pub fn key_positions(table: &Table) -> Vec<usize> {
    positions(table, table.key)
}

/// Positions of the order columns among the layout's columns.
pub fn order_positions(table: &Table) -> Vec<usize> {
    positions(table, table.order)
}

fn positions(table: &Table, names: &[&str]) -> Vec<usize> {
    names
        .iter()
        .filter_map(|k| table.columns.iter().position(|c| c.name == *k))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_every_table_is_total_on_its_key() {
        for t in TABLES {
            for k in t.key {
                assert!(
                    t.order.contains(k),
                    "{}: the order does not decide between two {k}",
                    t.name
                );
            }
            assert_eq!(
                t.column(t.order[0]).map(|c| c.kind),
                Some(Kind::Text),
                "{}",
                t.name
            );
            assert_eq!(stored(t).fields().len(), t.columns.len() + 4);
        }
        assert!(table("lead").is_err());
    }
}
