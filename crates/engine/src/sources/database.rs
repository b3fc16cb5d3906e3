//! A database as a set of tables of text, whatever its kind.

use std::collections::BTreeSet;
use std::time::Duration;

use treaty_app::import::Progress;
use treaty_app::raw::{Fault, Listed, RawTable};

use super::address::Address;
use super::{fault, mysql, postgres, sqlite};

/// How long a server may take to answer the first time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    /// Type as the database calls it.
    pub kind: String,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// Read outside the snapshot, because its storage has none.
    pub no_snapshot: bool,
}

/// Rows of a listing of columns as tables: schema, table, column, type, and a mark of those
/// without a snapshot, in the order of the tables.
pub(super) fn tables(rows: impl Iterator<Item = [String; 5]>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for [schema, name, column, kind, mark] in rows {
        let column = Column { name: column, kind };
        match tables.last_mut() {
            Some(last) if last.schema == schema && last.name == name => last.columns.push(column),
            _ => tables.push(Table {
                schema,
                name,
                columns: vec![column],
                no_snapshot: !mark.is_empty(),
            }),
        }
    }
    tables
}

/// An open database, in a transaction that sees one moment of it.
pub struct Database {
    shown: String,
    connection: Connection,
    tables: Vec<Table>,
    notes: Vec<String>,
}

enum Connection {
    Postgres(postgres::Connection),
    MySql(mysql::Connection),
    Sqlite(sqlite::Connection),
}

impl Database {
    /// Connects, begins a transaction and lists the tables that this user may read.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses: why, and what to look at.
    pub async fn open(address: &Address) -> Result<Self, Fault> {
        let shown = address.to_string();
        let opened = tokio::time::timeout(PATIENCE, Self::connect(address, &shown)).await;
        opened.unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(fault(&shown, format!("did not answer within {seconds} seconds; is the address right, and may this machine reach it?")))
        })
    }

    async fn connect(address: &Address, shown: &str) -> Result<Self, Fault> {
        let mut notes = Vec::new();
        let failed = |reason: String| fault(shown, reason);
        let (connection, tables) = match address {
            Address::Postgres(server) => {
                let (connection, tables) = postgres::open(server).await.map_err(failed)?;
                (Connection::Postgres(connection), tables)
            }
            Address::MySql(server) => {
                let (connection, tables, note) = mysql::open(server).await.map_err(failed)?;
                notes.extend(note.map(|n| format!("{shown}: {n}")));
                (Connection::MySql(connection), tables)
            }
            Address::Sqlite(path) => {
                let (connection, tables) = sqlite::open(path).await.map_err(failed)?;
                (Connection::Sqlite(connection), tables)
            }
            Address::Objects { .. } => return Err(failed("is no database".to_owned())),
        };
        let database = Self {
            shown: shown.to_owned(),
            connection,
            tables,
            notes,
        };
        if database.tables.is_empty() {
            let reason = "holds no table that this user may read; is it the right database and schema, and has the user SELECT on the tables?";
            return Err(fault(shown, reason));
        }
        Ok(database)
    }

    /// What can be read.
    pub fn offers(&self) -> Vec<Listed> {
        let offer = |table: &Table| Listed {
            name: table.name.clone(),
            display: self.display(table),
            columns: table.columns.iter().map(|c| c.name.clone()).collect(),
        };
        self.tables.iter().map(offer).collect()
    }

    /// What the user should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn display(&self, table: &Table) -> String {
        let base = self.shown.split('?').next().unwrap_or_default();
        if table.schema.is_empty() {
            format!("{base}#{}", table.name)
        } else {
            format!("{base}#{}.{}", table.schema, table.name)
        }
    }

    /// Reads tables by their position among the offers, all of one moment.
    ///
    /// # Errors
    /// When a table cannot be read, or when two of one name in different schemas are asked for.
    pub async fn read(
        &mut self,
        which: &[usize],
        progress: &dyn Progress,
    ) -> Result<Vec<RawTable>, Fault> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for table in which.iter().filter_map(|i| self.tables.get(*i)) {
            if !seen.insert(&table.name) {
                let schemas: Vec<&str> = self
                    .tables
                    .iter()
                    .filter(|t| t.name == table.name)
                    .map(|t| t.schema.as_str())
                    .collect();
                let reason = format!(
                    "the table {} is in the schemas {}; say which one is meant: ?schema={}",
                    table.name,
                    schemas.join(", "),
                    schemas.first().unwrap_or(&"")
                );
                return Err(fault(&self.shown, reason));
            }
        }
        let mut read = Vec::new();
        for table in which.iter().filter_map(|i| self.tables.get(*i)) {
            let display = self.display(table);
            progress.step(&format!("reading {}", table.name), None);
            let rows = match &self.connection {
                Connection::Postgres(c) => c.read(table, &display, progress).await,
                Connection::MySql(c) => c.read(table, &display, progress).await,
                Connection::Sqlite(c) => c.read(table, &display, progress).await,
            };
            if table.no_snapshot {
                let text = "is stored by an engine without transactions, so it may be of a later moment than the other tables";
                self.notes.push(format!("{display}: {text}"));
            }
            read.push(rows.map_err(|reason| fault(&display, reason))?);
        }
        Ok(read)
    }

    /// Ends the transaction.
    pub async fn close(self) {
        match self.connection {
            Connection::Postgres(c) => c.close().await,
            Connection::MySql(c) => c.close().await,
            Connection::Sqlite(c) => c.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_columns_is_a_list_of_tables() {
        let rows = [["s", "a", "x", "int", ""], ["s", "a", "y", "text", ""], ["t", "a", "x", "int", "MyISAM"]];
        let tables = tables(rows.into_iter().map(|r| r.map(str::to_owned)));
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].columns.len(), 2);
        assert!(!tables[0].no_snapshot && tables[1].no_snapshot);
    }
}
