//! Mapping packs: a folder with a `pack.toml` and one SQL file a record table.
//!
//! [`Pack::load`] reads one and reports all its faults at once; [`Shelf`] knows those that come with Treaty and those of a
//! home. How a raw table arrives is no matter of a pack: a file, a sheet, a table of a database or a stream of a tap is an
//! [`Offer`] of a name and columns. [`detect`] finds the pack that knows the offers, [`Pack::sort`] says which of them are
//! read and as what, and [`Pack::fit`] gives the raw tables the names that the SQL knows. The SQL runs in the engine, where
//! each is a table of text columns with `_file` and `_line`.

mod detect;
mod fit;
mod manifest;
mod matching;
mod setting;
mod shelf;
mod toml_file;

use crate::messy::DayFirst;
use crate::names::{did_you_mean, suggest_table};
use crate::{file_fault, io_fault};
use std::collections::BTreeMap;
use std::path::Path;
use treaty_app::layout::{TABLES, table};
use treaty_app::raw::Fault;

pub use detect::{Detection, NATIVE, Score, detect};
pub use matching::{Found, Missing, Offer, PackInput, Sorting, left_out_note, offers};
pub use setting::{Setting, Value};
pub use shelf::Shelf;

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
    /// Raw tables.
    pub files: Vec<PackFile>,
    /// What tells this system from others.
    pub signs: Vec<Sign>,
    /// Values that differ from tenant to tenant.
    pub settings: Vec<Setting>,
    /// Queries that others read as tables: `_person.sql` is the table `person`.
    pub views: Vec<PackQuery>,
    /// Queries, one a record table, in the order of the layout.
    pub queries: Vec<PackQuery>,
    /// What the source cannot give: what is lost, and why, in the order of the file.
    pub losses: Vec<Loss>,
    /// What to switch on in the source, by table or `table.column` of the record.
    pub hints: Vec<Loss>,
    /// Fields such as `opportunities.stage` of which the source keeps no history, so that it is made from states.
    pub history: Vec<String>,
    /// Rows that the queries leave out on purpose, with a query that gives them.
    pub left_out: Vec<LeftOut>,
    /// Where it comes from: its folder, or that it came with Treaty.
    pub origin: String,
}

/// Where the order of day and month comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayFirstRule {
    /// The pack says so.
    Fixed(DayFirst),
    /// The dates of the files say so.
    Detect,
}

/// A raw table that a pack reads: one or several files, or a table under one of several names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFile {
    /// Name of the raw table in the SQL.
    pub table: String,
    /// File names, or patterns of them.
    pub paths: Vec<String>,
    /// Names that the table has in a database, a tap or a folder; compared without case and signs.
    pub names: Vec<String>,
    /// Importing without it is a fault; otherwise the table is there without rows.
    pub required: bool,
    /// What is lost when the table is missing.
    pub without: Option<String>,
    /// Columns that a table must have.
    pub columns: Vec<String>,
    /// Columns that the SQL uses and a table may lack; they are missing in every row then.
    pub optional_columns: Vec<String>,
    /// What is lost when an optional column is missing.
    pub without_column: Vec<(String, String)>,
    /// Other spellings of columns, the first that is there is taken.
    pub aliases: Vec<(String, Vec<String>)>,
    /// What a loader may put before the name of any column, such as `property_`.
    pub prefixes: Vec<String>,
    /// Tables made of columns whose names hold values.
    pub unpivot: Vec<Unpivot>,
}

/// A table made of columns whose names hold values, such as one date a stage: one row a cell that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpivot {
    /// Name of the raw table in the SQL; its columns are those kept, `name` and `value`.
    pub table: String,
    /// Patterns of the columns; what stands for the `*` is the name.
    pub columns: Vec<String>,
    /// Columns that go with every row.
    pub keep: Vec<String>,
}

/// A table whose columns tell a system from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Raw table of the pack.
    pub table: String,
    /// Columns that it must have, all of them.
    pub columns: Vec<String>,
    /// How much it counts.
    pub weight: u32,
}

/// The query that fills a record table, or that is a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackQuery {
    /// Record table, or name of the view.
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
    /// SQL that gives them by `_file` and `_line`, or a number, of what is lost of rows that are used.
    pub sql: String,
    /// The SQL gives a number.
    pub counted: bool,
}

impl Pack {
    /// Loads a pack from its folder. All faults at once, each with file and line.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn load(dir: &Path) -> Result<Self, Vec<Fault>> {
        Self::build(&Texts::read(dir)?)
    }

    /// Makes a pack of the texts of its files.
    fn build(texts: &Texts) -> Result<Self, Vec<Fault>> {
        let Some((display, text)) = texts.files.get(MANIFEST) else {
            return Err(vec![file_fault(&texts.origin, format!("is no pack: it has no {MANIFEST}"))]);
        };
        let (pack, mut faults) = manifest::parse(text, display, &texts.origin);
        let raw = pack.as_ref().map_or(&[][..], |p| &p.files);
        let (views, queries) = queries(texts, raw, &mut faults);
        match pack {
            Some(pack) if faults.is_empty() => Ok(Self { views, queries, ..pack }),
            _ => {
                faults.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
                Err(faults)
            }
        }
    }

    /// The entry that has a name of tables; of several the first.
    pub fn entry(&self, table: &str) -> Option<&PackFile> {
        self.files.iter().find(|f| f.table == table)
    }
}

/// The texts of a pack: by file name, what people call the file and what it says.
struct Texts {
    origin: String,
    files: BTreeMap<String, (String, String)>,
}

impl Texts {
    /// Reads the manifest and the queries of a folder.
    fn read(dir: &Path) -> Result<Self, Vec<Fault>> {
        let origin = dir.display().to_string();
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(vec![missing_pack(dir)]),
            Err(error) => return Err(vec![io_fault(&origin, &error)]),
        };
        let (mut files, mut faults) = (BTreeMap::new(), Vec::new());
        for path in entries.flatten().map(|e| e.path()) {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name != MANIFEST && path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("sql")) {
                continue;
            }
            let display = path.display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => drop(files.insert(name, (display, text))),
                Err(error) => faults.push(io_fault(&display, &error)),
            }
        }
        if faults.is_empty() { Ok(Self { origin, files }) } else { Err(faults) }
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

/// The views of a pack, and its queries in the order of the layout.
fn queries(texts: &Texts, raw: &[PackFile], faults: &mut Vec<Fault>) -> (Vec<PackQuery>, Vec<PackQuery>) {
    let (mut views, mut queries) = (Vec::new(), Vec::new());
    for (file, (display, sql)) in texts.files.iter().filter(|(name, _)| *name != MANIFEST) {
        let name = Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let view = name.strip_prefix('_').map(str::to_owned);
        let taken = view.as_deref().is_some_and(|v| {
            v == setting::SETTINGS || raw.iter().any(|f| f.table == v || f.unpivot.iter().any(|u| u.table == v))
        });
        if view.is_none() && table(&name).is_none() {
            let hint = suggest_table(&name).map(|t| format!("; did you mean {t}.sql?")).unwrap_or_default();
            faults.push(file_fault(display, format!("is not named like a table of the record{hint}")));
        } else if taken {
            faults.push(file_fault(display, "is a view with the name of a raw table; choose another"));
        } else if !is_query(sql) {
            faults.push(file_fault(display, "must hold one query that begins with SELECT or WITH"));
        } else {
            let list = if view.is_some() { &mut views } else { &mut queries };
            list.push(PackQuery { table: view.unwrap_or(name), sql: sql.clone(), file: display.clone() });
        }
    }
    if queries.is_empty() && faults.is_empty() {
        faults.push(file_fault(&texts.origin, "has no query; add a file such as opportunities.sql"));
    }
    let place = |name: &str| TABLES.iter().position(|t| t.name == name);
    queries.sort_by_key(|q| place(&q.table));
    (views, queries)
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
