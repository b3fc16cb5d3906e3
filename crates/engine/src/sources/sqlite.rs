//! SQLite: the file is opened to be read only, and read in one transaction.

use std::path::Path;
use std::time::Duration;

use datafusion_table_providers_common::sql::db_connection_pool::{JoinPushDown, Mode};
use datafusion_table_providers_sqlite::conn::SqliteConnection;
use datafusion_table_providers_sqlite::pool::SqliteConnectionPool;
use treaty_app::import::Progress;
use treaty_app::raw::RawTable;

use super::database::{Table, tables};
use super::sentence;
use super::text::Rows;
use crate::sql::quoted;

/// How long another program may hold the file.
const BUSY: Duration = Duration::from_secs(10);

/// Rows that are fetched at once.
const PAGE: usize = 10_000;

/// A connection in its transaction.
pub(super) struct Connection {
    inner: SqliteConnection,
    // The pool keeps the file open.
    _pool: SqliteConnectionPool,
}

type Cells = Vec<Option<String>>;

/// Runs a closure on the connection's own thread; a macro because the type of the connection has
/// no name here.
macro_rules! on_thread {
    ($connection:expr, $work:expr) => {{
        let done = $connection.inner.conn.call($work).await;
        done.map_err(|e| std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
    }};
}

/// Opens the file and lists the tables.
pub(super) async fn open(path: &Path) -> Result<(Connection, Vec<Table>), String> {
    if !path.is_file() {
        return Err("there is no such file".to_owned());
    }
    let full = std::fs::canonicalize(path).map_err(|e| format!("cannot be read: {e}"))?;
    let escaped: String = full
        .to_str()
        .ok_or("has a path that is no text")?
        .chars()
        .map(|c| match c {
            '%' | '?' | '#' => format!("%{:02X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    // The pool is not set up, as that would turn the file into one with a write-ahead log.
    let address = format!("file:{escaped}?mode=ro");
    let pool = SqliteConnectionPool::new(&address, Mode::File, JoinPushDown::Disallow, Vec::new(), BUSY)
        .await
        .map_err(|e| format!("cannot be opened: {}", sentence(e.as_ref(), "")))?;
    let inner = pool
        .connect_sync()
        .as_any()
        .downcast_ref::<SqliteConnection>()
        .map(|c| SqliteConnection {
            conn: c.conn.clone(),
            schemas: c.schemas.clone(),
        })
        .ok_or("cannot be opened")?;
    let connection = Connection { inner, _pool: pool };
    on_thread!(connection, |c| {
        c.busy_timeout(BUSY)?;
        c.execute_batch("BEGIN")
    })?;
    let sql = "SELECT '', m.name, p.name, p.type, '' FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
        WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND p.hidden <> 1
        ORDER BY m.name, p.cid";
    let rows = connection.page(sql.to_owned(), 5).await?;
    let row = |cells: Cells| <[String; 5]>::try_from(cells.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>());
    let found = tables(rows.into_iter().filter_map(|r| row(r).ok()));
    Ok((connection, found))
}

impl Connection {
    async fn page(&self, sql: String, width: usize) -> Result<Vec<Cells>, String> {
        on_thread!(self, move |c| {
            let mut statement = c.prepare(&sql).map_err(std::io::Error::other)?;
            let mut rows = statement.query([]).map_err(std::io::Error::other)?;
            let mut cells = Vec::new();
            while let Some(row) = rows.next().map_err(std::io::Error::other)? {
                cells.push((0..width).map(|i| row.get(i)).collect::<Result<Cells, _>>().map_err(std::io::Error::other)?);
            }
            Ok::<_, std::io::Error>(cells)
        })
    }

    /// Reads a table.
    pub(super) async fn read(&self, table: &Table, display: &str, progress: &dyn Progress) -> Result<RawTable, String> {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|c| quoted(&c.name))
            .map(|name| format!("CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE CAST({name} AS TEXT) END"))
            .collect();
        let names = table.columns.iter().map(|c| c.name.clone()).collect();
        let mut rows = Rows::new(&table.name, display, names);
        let mut from = 0;
        loop {
            let sql = format!("SELECT {} FROM {} LIMIT {PAGE} OFFSET {from}", columns.join(", "), quoted(&table.name));
            let page = self.page(sql, table.columns.len()).await?;
            page.iter().for_each(|row| rows.push_row(row));
            progress.advance(page.len() as u64);
            from += page.len();
            if page.len() < PAGE {
                return Ok(rows.finish());
            }
        }
    }

    pub(super) async fn close(self) {
        let _: Result<(), String> = on_thread!(self, |c| c.execute_batch("ROLLBACK"));
    }
}
