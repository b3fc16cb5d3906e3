//! PostgreSQL: the server writes every column as text itself, in one read-only transaction.

use std::collections::HashMap;

use datafusion_table_providers_postgres::conn::PostgresConnection;
use datafusion_table_providers_postgres::pool::PostgresConnectionPool;
use futures::StreamExt;
use treaty_app::import::Progress;
use treaty_app::raw::RawTable;

use super::address::Server;
use super::database::{Column, Table, tables};
use super::sentence;
use super::text::Rows;
use crate::sql::{literal, quoted};

/// A connection in its transaction.
pub(super) struct Connection {
    inner: PostgresConnection,
    password: String,
}

/// Connects and lists the tables.
pub(super) async fn open(server: &Server) -> Result<(Connection, Vec<Table>), String> {
    // Without one in the address, the password may come from where psql looks for it, too.
    let password = match server.password.as_str() {
        "" => std::env::var("PGPASSWORD").unwrap_or_default(),
        own => own.to_owned(),
    };
    let quoted_value = |v: &str| format!("'{}'", v.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut params: HashMap<String, String> = HashMap::new();
    let mut set = |name: &str, value: String| params.insert(name.to_owned(), value);
    set("host", server.host.clone());
    set("db", quoted_value(&server.database));
    set("port", server.port.unwrap_or(5432).to_string());
    set("sslmode", server.option("sslmode").unwrap_or("prefer").to_owned());
    set("application_name", "treaty".to_owned());
    set("connection_pool_size", "1".to_owned());
    if !server.user.is_empty() {
        set("user", quoted_value(&server.user));
    }
    if !password.is_empty() {
        set("pass", password.clone());
    }
    if let Some(path) = server.option("sslrootcert") {
        set("sslrootcert", path.to_owned());
    }
    let secret = params.into_iter().map(|(k, v)| (k, v.into())).collect();
    let pool = PostgresConnectionPool::new(secret)
        .await
        .map_err(|e| format!("cannot be opened: {}", sentence(&e, &password)))?;
    let inner = pool
        .connect_direct()
        .await
        .map_err(|e| format!("cannot be opened: {}", sentence(&e, &password)))?;
    let connection = Connection { inner, password };
    connection
        .run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    connection
        .run("SET LOCAL DateStyle TO 'ISO, YMD'; SET LOCAL TimeZone TO 'UTC'; SET LOCAL statement_timeout TO 0")
        .await?;
    let found = connection.list(server.option("schema")).await?;
    Ok((connection, found))
}

impl Connection {
    async fn run(&self, sql: &str) -> Result<(), String> {
        self.inner
            .conn
            .batch_execute(sql)
            .await
            .map_err(|e| sentence(&e, &self.password))
    }

    /// Tables, views and their columns that this user may read.
    async fn list(&self, schema: Option<&str>) -> Result<Vec<Table>, String> {
        let wanted = match schema {
            Some(schema) => format!("n.nspname = {}", literal(schema)),
            None => "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'".to_owned(),
        };
        let sql = format!(
            "SELECT n.nspname::text, c.relname::text, a.attname::text,
                CASE WHEN t.typcategory = 'A' THEN 'array' WHEN t.typtype = 'c' THEN 'row'
                     WHEN t.typtype = 'd' THEN b.typname::text ELSE t.typname::text END, ''::text
             FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid
             JOIN pg_type t ON t.oid = a.atttypid
             LEFT JOIN pg_type b ON b.oid = t.typbasetype
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition
                AND a.attnum > 0 AND NOT a.attisdropped AND {wanted}
                AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
             ORDER BY n.nspname, c.relname, a.attnum"
        );
        let mut rows = Rows::new("", "", ["s", "t", "c", "k", "m"].map(str::to_owned).to_vec());
        self.stream(&sql, &mut rows, &treaty_app::import::Silent).await?;
        Ok(tables(listing(&rows.finish()).into_iter()))
    }

    async fn stream(&self, sql: &str, rows: &mut Rows, progress: &dyn Progress) -> Result<(), String> {
        use datafusion_table_providers_common::sql::db_connection_pool::dbconnection::AsyncDbConnection;
        let mut stream = self
            .inner
            .query_arrow(sql, &[], None)
            .await
            .map_err(|e| sentence(e.as_ref(), &self.password))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| sentence(&e, &self.password))?;
            rows.push(&batch)?;
            progress.advance(batch.num_rows() as u64);
        }
        Ok(())
    }

    /// Reads a table.
    pub(super) async fn read(&self, table: &Table, display: &str, progress: &dyn Progress) -> Result<RawTable, String> {
        let columns: Vec<String> = table.columns.iter().map(written).collect();
        let sql = format!(
            "SELECT {} FROM {}.{}",
            columns.join(", "),
            quoted(&table.schema),
            quoted(&table.name)
        );
        let names = table.columns.iter().map(|c| c.name.clone()).collect();
        let mut rows = Rows::new(&table.name, display, names);
        self.stream(&sql, &mut rows, progress).await?;
        Ok(rows.finish())
    }

    pub(super) async fn close(self) {
        // Nothing was written, so nothing is lost if the end of the transaction is not heard.
        let _ = self.inner.conn.batch_execute("ROLLBACK").await;
    }
}

/// Cells of a listing.
pub(super) fn listing(table: &RawTable) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for chunk in &table.chunks {
        for i in 0..chunk.lines.len() {
            let cell = |c: usize| chunk.columns[c].get(i).unwrap_or_default().to_owned();
            rows.push([cell(0), cell(1), cell(2), cell(3), cell(4)]);
        }
    }
    rows
}

/// A column as SQL that writes it as text. Infinite times are those that are unset.
fn written(column: &Column) -> String {
    let name = quoted(&column.name);
    let text = match column.kind.as_str() {
        "timestamptz" => format!("CASE WHEN isfinite({name}) THEN to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') END"),
        "timestamp" => format!("CASE WHEN isfinite({name}) THEN to_char({name}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US') END"),
        "date" => format!("CASE WHEN isfinite({name}) THEN to_char({name}, 'YYYY-MM-DD') END"),
        "money" => format!("{name}::numeric::text"),
        "bytea" => format!("encode({name}, 'hex')"),
        "array" | "row" => format!("to_json({name})::text"),
        _ => format!("{name}::text"),
    };
    format!("{text} AS {name}")
}

