//! MySQL and MariaDB: the server writes every column as text itself, in one read-only transaction.

use std::collections::HashMap;

use datafusion_table_providers_common::sql::db_connection_pool::dbconnection::AsyncDbConnection;
use datafusion_table_providers_mysql::conn::MySQLConnection;
use datafusion_table_providers_mysql::pool::MySQLConnectionPool;
use futures::StreamExt;
use treaty_app::import::Progress;
use treaty_app::raw::RawTable;

use super::address::Server;
use super::database::{Column, Table, tables};
use super::postgres::listing;
use super::sentence;
use super::text::Rows;
use crate::sql::literal;

/// A connection in its transaction.
pub(super) struct Connection {
    inner: MySQLConnection,
    password: String,
}

/// Connects and lists the tables; a note if the connection is not encrypted though nobody asked
/// for that.
pub(super) async fn open(server: &Server) -> Result<(Connection, Vec<Table>, Option<String>), String> {
    // Without one in the address, the password may come from where mysql looks for it, too.
    let password = match server.password.as_str() {
        "" => std::env::var("MYSQL_PWD").unwrap_or_default(),
        own => own.to_owned(),
    };
    let (pool, note) = match server.option("sslmode") {
        Some(mode) => {
            let mode = match mode {
                "disable" => "disabled",
                "prefer" => "preferred",
                "require" | "verify-ca" | "verify-full" => "required",
                other => other,
            };
            (pool(server, &password, mode).await?, None)
        }
        None => match pool(server, &password, "preferred").await {
            Ok(pool) => (pool, None),
            Err(reason) if says_no_encryption(&reason) => {
                let note = "the server has no encryption, so the connection is not encrypted".to_owned();
                (pool(server, &password, "disabled").await?, Some(note))
            }
            Err(reason) => return Err(reason),
        },
    };
    let inner = pool
        .connect_direct()
        .await
        .map_err(|e| format!("cannot be opened: {}", sentence(&e, &password)))?;
    let connection = Connection { inner, password };
    connection.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    connection.run("SET SESSION TRANSACTION READ ONLY").await?;
    // MySQL does not take this from a prepared statement; there the first read fixes the moment that all others see.
    if connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT").await.is_err() {
        connection.run("SET autocommit = 0").await?;
    }
    let found = connection.list(&server.database).await?;
    Ok((connection, found, note))
}

fn says_no_encryption(reason: &str) -> bool {
    let lower = reason.to_lowercase();
    ["ssl", "tls", "secure"].iter().any(|w| lower.contains(w))
}

async fn pool(server: &Server, password: &str, mode: &str) -> Result<MySQLConnectionPool, String> {
    let mut params: HashMap<String, String> = HashMap::new();
    let mut set = |name: &str, value: &str| params.insert(name.to_owned(), value.to_owned());
    set("host", &server.host);
    set("db", &server.database);
    set("tcp_port", &server.port.unwrap_or(3306).to_string());
    set("user", &server.user);
    set("sslmode", mode);
    set("pool_min", "1");
    set("pool_max", "1");
    if !password.is_empty() {
        set("pass", password);
    }
    if let Some(path) = server.option("sslrootcert") {
        set("sslrootcert", path);
    }
    let secret = params.into_iter().map(|(k, v)| (k, v.into())).collect();
    MySQLConnectionPool::new(secret)
        .await
        .map_err(|e| format!("cannot be opened: {}", sentence(&e, password)))
}

impl Connection {
    async fn run(&self, sql: &str) -> Result<(), String> {
        let done = self.inner.execute(sql, &[]).await;
        done.map(|_| ()).map_err(|e| sentence(e.as_ref(), &self.password))
    }

    /// Tables, views and their columns that this user may read.
    async fn list(&self, database: &str) -> Result<Vec<Table>, String> {
        let sql = format!(
            "SELECT CAST('' AS CHAR) AS a, CAST(c.TABLE_NAME AS CHAR) AS b, CAST(c.COLUMN_NAME AS CHAR) AS c,
                CAST(c.DATA_TYPE AS CHAR) AS d,
                CAST(CASE WHEN t.TABLE_TYPE = 'BASE TABLE' AND t.ENGINE <> 'InnoDB' THEN t.ENGINE ELSE '' END AS CHAR) AS e
             FROM information_schema.COLUMNS c
             JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
             WHERE c.TABLE_SCHEMA = {}
             ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
            literal(database)
        );
        let mut rows = Rows::new("", "", ["s", "t", "c", "k", "m"].map(str::to_owned).to_vec());
        self.stream(&sql, &mut rows, &treaty_app::import::Silent).await?;
        Ok(tables(listing(&rows.finish()).into_iter()))
    }

    async fn stream(&self, sql: &str, rows: &mut Rows, progress: &dyn Progress) -> Result<(), String> {
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
        // The provider takes all double quotes out of a statement.
        let odd = |name: &str| name.contains('"');
        if odd(&table.name) || table.columns.iter().any(|c| odd(&c.name)) {
            return Err("has a double quote in the name of the table or of a column, which is not read; make a view without it".to_owned());
        }
        let columns: Vec<String> = table.columns.iter().map(written).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&table.name));
        let names = table.columns.iter().map(|c| c.name.clone()).collect();
        let mut rows = Rows::new(&table.name, display, names);
        self.stream(&sql, &mut rows, progress).await?;
        Ok(rows.finish())
    }

    pub(super) async fn close(self) {
        // Nothing was written, so nothing is lost if the end of the transaction is not heard.
        let _ = self.inner.execute("ROLLBACK", &[]).await;
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A column as SQL that writes it as text. The zero date is one that is unset.
fn written(column: &Column) -> String {
    let name = quoted(&column.name);
    let text = match column.kind.to_lowercase().as_str() {
        "timestamp" => format!("IF({name} = 0, NULL, DATE_FORMAT({name}, '%Y-%m-%dT%H:%i:%s.%fZ'))"),
        "datetime" => format!("IF({name} = 0, NULL, DATE_FORMAT({name}, '%Y-%m-%dT%H:%i:%s.%f'))"),
        "date" => format!("IF({name} = 0, NULL, DATE_FORMAT({name}, '%Y-%m-%d'))"),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "json" => name.clone(),
        "bit" => format!("CAST({name} + 0 AS CHAR)"),
        "binary" | "varbinary" | "tinyblob" => format!("LOWER(HEX({name}))"),
        "blob" | "mediumblob" | "longblob" => format!("CONCAT(LENGTH({name}), ' bytes')"),
        "geometry" | "point" | "linestring" | "polygon" => format!("ST_AsText({name})"),
        _ => format!("CAST({name} AS CHAR)"),
    };
    format!("{text} AS {name}")
}
