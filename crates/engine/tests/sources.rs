//! Sources that are no text files, read from the real thing: PostgreSQL and MariaDB servers that the tests start, an
//! SQLite file, a Delta table, Parquet, and an S3 server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "sources/files.rs"]
mod files;
#[path = "sources/mariadb.rs"]
mod mariadb;
#[path = "sources/objects.rs"]
mod objects;
#[path = "sources/postgres.rs"]
mod postgres;
#[path = "sources/servers.rs"]
mod servers;
#[path = "sources/sqlite.rs"]
mod sqlite;

use treaty_app::import::Silent;
use treaty_app::raw::{Fault, RawTable};
use treaty_engine::sources::{Address, Database};

fn address(text: &str) -> Address {
    Address::read(text).unwrap().unwrap()
}

async fn open(text: &str) -> Result<Database, Fault> {
    Database::open(&address(text)).await
}

/// Reads tables by name.
async fn read(database: &mut Database, names: &[&str]) -> Vec<RawTable> {
    let offers = database.offers();
    let at = |name: &&str| offers.iter().position(|o| o.name == *name).unwrap_or_else(|| panic!("no table {name}"));
    let which: Vec<usize> = names.iter().map(at).collect();
    database.read(&which, &Silent).await.unwrap()
}

/// Rows as text, a missing cell as `-`: `line: a | b`.
fn rows(table: &RawTable) -> Vec<String> {
    let mut rows = Vec::new();
    for chunk in &table.chunks {
        for (i, line) in chunk.lines.iter().enumerate() {
            let cells: Vec<&str> = chunk.columns.iter().map(|c| c.get(i).unwrap_or("-")).collect();
            rows.push(format!("{line}: {}", cells.join(" | ")));
        }
    }
    rows
}
