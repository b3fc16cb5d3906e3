//! Mapping packs: a folder with a `pack.toml` and one SQL file a record table.
//!
//! [`Pack::load`] reads one and reports all its faults at once, [`Pack::match_files`] finds the files that it reads
//! among the paths a user names, and [`Pack::read`] reads those that are text. The SQL runs in the engine, where each
//! file is a table of text columns with `_file` and `_line`.

mod manifest;
mod matching;

use crate::messy::DayFirst;
use crate::names::{did_you_mean, did_you_mean_or_stop, suggest_table};
use crate::{file_fault, io_fault};
use std::path::{Path, PathBuf};
use treaty_app::layout::{TABLES, table};
use treaty_app::raw::{Fault, RawTable, TextColumn};

pub use matching::PackInput;

/// Name of the file that makes a folder a pack.
pub const MANIFEST: &str = "pack.toml";

/// A mapping pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Name, as given to `--pack`.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// What it reads, in a sentence or two.
    pub description: String,
    /// Value of the `source` column of the rows it gives.
    pub source: String,
    /// Zone of times that name none; the zone of the settings if `None`.
    pub time_zone: Option<String>,
    /// Order of day and month in dates such as 01/02/2017.
    pub day_first: DayFirstRule,
    /// Raw columns whose dates are looked at when the order is to be detected: table and column.
    pub date_columns: Vec<(String, String)>,
    /// Raw files.
    pub files: Vec<PackFile>,
    /// Queries, one a record table, in the order of the layout.
    pub queries: Vec<PackQuery>,
    /// What the source cannot give: what is lost, and why, in the order of the file.
    pub losses: Vec<Loss>,
    /// Rows that the queries leave out on purpose, with a query that counts them.
    pub left_out: Vec<LeftOut>,
    /// The folder.
    pub dir: PathBuf,
}

/// Where the order of day and month comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayFirstRule {
    /// The pack says so.
    Fixed(DayFirst),
    /// The dates of the files say so.
    Detect,
}

/// A raw file that a pack reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFile {
    /// Name of the raw table in the SQL.
    pub table: String,
    /// File name, or a pattern of it.
    pub path: String,
    /// Importing without it is a fault; otherwise the table is there without rows.
    pub required: bool,
    /// Columns that a file must have.
    pub columns: Vec<String>,
    /// Columns that the SQL uses and a file may lack; they are missing in every row then.
    pub optional_columns: Vec<String>,
}

impl PackFile {
    /// The table without rows, with all the columns that the SQL may use.
    pub fn empty(&self) -> RawTable {
        let columns = self.columns.iter().chain(&self.optional_columns).map(|c| TextColumn::new(c)).collect();
        let chunk = treaty_app::raw::RawChunk { columns, lines: Vec::new() };
        RawTable { name: self.table.clone(), file: self.path.clone(), chunks: vec![chunk], faults: Vec::new() }
    }

    /// Adds the optional columns that a file lacks.
    pub fn complete(&self, raw: &mut RawTable) {
        raw.name.clone_from(&self.table);
        for chunk in &mut raw.chunks {
            for name in &self.optional_columns {
                if chunk.columns.iter().all(|c| c.name != *name) {
                    let mut column = TextColumn::new(name);
                    chunk.lines.iter().for_each(|_| column.push(None));
                    chunk.columns.push(column);
                }
            }
        }
    }
}

/// The query that fills a record table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackQuery {
    /// Record table.
    pub table: String,
    /// SQL text.
    pub sql: String,
    /// The file, for faults.
    pub file: String,
}

/// Something that the source cannot give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What is lost.
    pub what: String,
    /// Why, and what follows.
    pub text: String,
}

/// Rows that the queries leave out on purpose. The engine counts them and says so in the notes of the import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What the rows are.
    pub what: String,
    /// Why they are left out.
    pub why: String,
    /// SQL that gives their number.
    pub count: String,
}

impl Pack {
    /// Loads a pack from its folder. All faults at once, each with file and line.
    pub fn load(dir: &Path) -> Result<Self, Vec<Fault>> {
        let path = dir.join(MANIFEST);
        let display = path.display().to_string();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && dir.is_dir() => {
                return Err(vec![file_fault(&dir.display().to_string(), format!("is no pack: it has no {MANIFEST}"))]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(vec![missing_pack(dir)]),
            Err(e) => return Err(vec![io_fault(&display, &e)]),
        };
        let (pack, mut faults) = manifest::parse(&text, &display, dir);
        let queries = load_queries(dir, &mut faults);
        match pack {
            Some(pack) if faults.is_empty() => Ok(Self { queries, ..pack }),
            _ => {
                faults.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
                Err(faults)
            }
        }
    }

    /// Finds a pack by the path of its folder or by its name in one of several folders of packs.
    pub fn find(name: &str, folders: &[PathBuf]) -> Result<Self, Vec<Fault>> {
        let direct = Path::new(name);
        if direct.join(MANIFEST).is_file() {
            return Self::load(direct);
        }
        if let Some(folder) = folders.iter().find(|f| f.join(name).join(MANIFEST).is_file()) {
            return Self::load(&folder.join(name));
        }
        let names = folders.iter().flat_map(|f| pack_names(f)).collect::<Vec<_>>();
        let hint = did_you_mean_or_stop(name, names.iter().map(String::as_str));
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(vec![file_fault(name, format!("there is no such pack{hint} Packs here: {known}"))])
    }
}

/// Names of the packs in a folder, sorted.
pub fn pack_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.path().join(MANIFEST).is_file())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn missing_pack(dir: &Path) -> Fault {
    let name = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let names = dir.parent().map(pack_names).unwrap_or_default();
    let hint = did_you_mean(&name, names.iter().map(String::as_str));
    file_fault(&dir.display().to_string(), format!("there is no such pack{hint}"))
}

/// Reads the SQL files of a pack, in the order of the layout.
fn load_queries(dir: &Path, faults: &mut Vec<Fault>) -> Vec<PackQuery> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql")));
    paths.sort();
    let mut queries = Vec::new();
    for path in paths {
        let file = path.display().to_string();
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if table(&name).is_none() {
            let hint = suggest_table(&name).map(|t| format!("; did you mean {t}.sql?")).unwrap_or_default();
            faults.push(file_fault(&file, format!("is not named like a table of the record{hint}")));
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(sql) if is_query(&sql) => queries.push(PackQuery { table: name, sql, file }),
            Ok(_) => faults.push(file_fault(&file, "must hold one query that begins with SELECT or WITH")),
            Err(error) => faults.push(io_fault(&file, &error)),
        }
    }
    if queries.is_empty() && faults.is_empty() {
        faults.push(file_fault(&dir.display().to_string(), "has no query; add a file such as opportunities.sql"));
    }
    let place = |name: &str| TABLES.iter().position(|t| t.name == name);
    queries.sort_by_key(|q| place(&q.table));
    queries
}

/// The text is a query once its comments are taken away.
fn is_query(sql: &str) -> bool {
    let mut rest = sql.trim_start_matches('\u{feff}').trim_start();
    while let Some(comment) = rest.strip_prefix("--") {
        rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with"].iter().any(|w| w.eq_ignore_ascii_case(&word))
}
