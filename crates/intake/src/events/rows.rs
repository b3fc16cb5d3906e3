//! Messages as tables to import. A repeated message counts once; what several messages say about one person or account,
//! and what the record knows already, is one row.

use super::{Message, Row, SOURCE};
use std::collections::{BTreeMap, BTreeSet};
use treaty_app::raw::{RawChunk, RawTable, TextColumn};

/// Attribute of people and accounts that events brought into the record.
pub const VIA: &str = "via";

/// Columns and attributes of a row by name.
pub type Cells = BTreeMap<String, String>;

/// What is in the record, by table (`people`, `accounts`) and id.
pub type Stored = BTreeMap<(&'static str, String), Cells>;

/// Messages, each once.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Messages that bring rows, in the order in which they were received.
    pub messages: Vec<Message>,
    /// Messages that came again.
    pub repeated: u64,
    /// Messages that bring nothing, by reason.
    pub passed_over: BTreeMap<&'static str, u64>,
}

impl Gathered {
    /// Takes a message, unless it is there already.
    pub fn add(&mut self, message: Message, seen: &mut BTreeSet<String>) {
        if !seen.insert(message.id.clone()) {
            self.repeated += 1;
            return;
        }
        if let Some(reason) = message.passed_over {
            *self.passed_over.entry(reason).or_default() += 1;
        }
        self.messages.push(message);
    }

    /// People and accounts that the messages speak of.
    pub fn ids(&self, table: &'static str) -> BTreeSet<String> {
        self.rows().filter(|r| r.table == table).filter_map(|r| r.cells.get(id_of(table)).cloned()).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.messages.iter().flat_map(|m| &m.rows)
    }

    /// The tables to import.
    pub fn tables(&self, stored: &Stored) -> Vec<RawTable> {
        let mut by_table: BTreeMap<&'static str, Vec<Cells>> = BTreeMap::new();
        let mut parts: BTreeMap<(&'static str, String), Vec<&Row>> = BTreeMap::new();
        for row in self.rows() {
            match row.table {
                "people" | "accounts" | "merges" => {
                    let id = row.cells.get(id_of(row.table)).cloned().unwrap_or_default();
                    parts.entry((row.table, id)).or_default().push(row);
                }
                other => by_table.entry(other).or_default().push(row.cells.clone()),
            }
        }
        for ((table, id), mut rows) in parts {
            // In the order in which things happened, whatever the order in which they came.
            rows.sort_by(|a, b| (a.at, &a.cells).cmp(&(b.at, &b.cells)));
            let cells = match table {
                "merges" => rows.last().map(|r| r.cells.clone()).unwrap_or_default(),
                _ => complete(stored.get(&(table, id)), &rows),
            };
            by_table.entry(table).or_default().push(cells);
        }
        by_table.into_iter().map(|(table, rows)| raw(table, &rows)).collect()
    }
}

fn id_of(table: &str) -> &'static str {
    match table {
        "people" => "person_id",
        "accounts" => "account_id",
        _ => "from_id",
    }
}

/// One row of what is known and what is new. A row that events brought takes what is said last; one that another system
/// owns keeps what it has, and only its gaps are filled. It was created when it was first heard of.
fn complete(stored: Option<&Cells>, rows: &[&Row]) -> Cells {
    let own = stored.is_none_or(|s| s.get(VIA).is_some_and(|v| v == SOURCE));
    let mut out = stored.cloned().unwrap_or_default();
    let mut created: Option<String> = out.get("created_at").cloned();
    for row in rows {
        for (name, value) in row.cells.iter().filter(|(n, _)| *n != "created_at") {
            if own {
                out.insert(name.clone(), value.clone());
            } else {
                out.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let said = row.cells.get("created_at").cloned().unwrap_or_else(|| super::instant_text(row.at));
        if own && created.as_ref().is_none_or(|c| parsed(&said) < parsed(c)) {
            created = Some(said);
        }
    }
    if let Some(created) = created {
        out.insert("created_at".to_owned(), created);
    }
    if own {
        out.insert(VIA.to_owned(), SOURCE.to_owned());
    }
    out
}

fn parsed(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(i64::MAX, jiff::Timestamp::as_microsecond)
}

fn raw(table: &str, rows: &[Cells]) -> RawTable {
    let names: BTreeSet<&String> = rows.iter().flat_map(Cells::keys).collect();
    let mut columns: Vec<TextColumn> = names.iter().map(|n| TextColumn::new(n)).collect();
    for row in rows {
        for (column, name) in columns.iter_mut().zip(&names) {
            column.push(row.get(*name).map(String::as_str));
        }
    }
    let lines = (1..=rows.len() as u64).collect();
    RawTable { name: table.to_owned(), file: "journal".to_owned(), chunks: vec![RawChunk { columns, lines }], faults: Vec::new() }
}
