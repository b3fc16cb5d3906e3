//! From the paths that a user names to the files behind them.
//!
//! A path is a file, a folder or a simple pattern. What a file is, its first bytes decide; which table it holds, its
//! name (`people.csv`, `people-2.csv`, `people.part-0001.parquet`) or that of its folder (`people/part-0.parquet`).

use crate::names::{layout_table, natural_order, nearest, suggest_table};
use crate::sniff::{Content, sniff};
use crate::{file_fault, io_fault, pattern, table_of};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use treaty_app::layout::TABLES;
use treaty_app::raw::Fault;

/// Format of a file, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Rows of cells with a delimiter.
    Csv,
    /// One JSON object a line, or one after another.
    JsonLines,
    /// One JSON list of objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Table it holds: one of the layout, or the lower-cased file stem.
    pub table: String,
    /// Where it is.
    pub path: PathBuf,
    /// How the user named it; for files of a folder, the folder as named and the rest.
    pub display: String,
    /// What it is.
    pub format: Format,
}

/// Why the paths cannot be taken; all reasons at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ScanError {
    /// One fault a path or file.
    pub faults: Vec<Fault>,
}

/// A file whose name is no table of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFile {
    /// The file.
    pub file: SourceFile,
    /// The table it may have been meant for.
    pub suggestion: Option<&'static str>,
}

impl UnknownFile {
    /// The file as a fault with what to do.
    pub fn fault(&self) -> Fault {
        let tables: Vec<&str> = TABLES.iter().map(|t| t.name).collect();
        let hint = match self.suggestion {
            Some(table) => format!("did you mean {table}?"),
            None => format!("the record has {}.", tables.join(", ")),
        };
        file_fault(
            &self.file.display,
            format!("{} is no table of the record; {hint} Rename the file, or import it with a pack (--pack)", self.file.table),
        )
    }
}

/// Files sorted into those that the native layout knows and the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ByLayout {
    /// Files of tables of the layout.
    pub known: Vec<SourceFile>,
    /// The others.
    pub unknown: Vec<UnknownFile>,
}

/// Sorts files by whether the native layout knows their table.
pub fn by_layout(files: Vec<SourceFile>) -> ByLayout {
    let mut sorted = ByLayout::default();
    for file in files {
        if TABLES.iter().any(|t| t.name == file.table) {
            sorted.known.push(file);
        } else {
            let suggestion = suggest_table(&file.table);
            sorted.unknown.push(UnknownFile { file, suggestion });
        }
    }
    sorted
}

/// Finds the files behind paths: files, folders and simple patterns. Sorted by table, then in natural order of the
/// names, each file once. Files of folders that are neither data nor named like a table are left alone.
pub fn scan(paths: &[PathBuf]) -> Result<Vec<SourceFile>, ScanError> {
    let mut finder = Finder::default();
    if paths.is_empty() {
        finder.faults.push(file_fault("(nothing)", "name at least one file or folder to import"));
    }
    for path in paths {
        finder.path(path);
    }
    if !finder.faults.is_empty() {
        return Err(ScanError { faults: finder.faults });
    }
    finder.files.sort_by(|a, b| a.table.cmp(&b.table).then_with(|| natural_order(&a.display, &b.display)));
    Ok(finder.files)
}

/// Judges one file: its format, or why it cannot be read.
pub(crate) fn open(path: &Path, display: &str, table: String) -> Result<SourceFile, Fault> {
    let content = sniff(path).map_err(|e| io_fault(display, &e))?;
    let ending = ending(path);
    let format = match (content, ending.as_str()) {
        (Content::Foreign(reason), _) => return Err(file_fault(display, reason)),
        (Content::Parquet, _) => Format::Parquet,
        (_, "parquet" | "pq") => return Err(file_fault(display, "is not a Parquet file, whatever its name says; it may have been cut short")),
        (Content::JsonObject, _) => Format::JsonLines,
        (Content::JsonArray, "csv" | "tsv" | "tab" | "txt") if !array_of_objects(path) => Format::Csv,
        (Content::JsonArray, _) => Format::Json,
        (Content::Empty, "json") => Format::Json,
        (Content::Empty, "jsonl" | "ndjson") => Format::JsonLines,
        (Content::Text, "json" | "jsonl" | "ndjson") => {
            return Err(file_fault(display, "is not JSON: it should begin with { or [; if it is CSV, rename it to .csv"));
        }
        (Content::Empty | Content::Text, _) => Format::Csv,
    };
    Ok(SourceFile { table, path: path.to_owned(), display: display.to_owned(), format })
}

/// A text that begins with `[` goes on with `{`, so it is JSON and not a header in brackets.
fn array_of_objects(path: &Path) -> bool {
    use std::io::Read;
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|f| f.take(256).read_to_end(&mut start));
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
    read.is_ok() && text.get(1..).is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')))
}

fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Said of folders in the folder of a table, such as partitions.
const NESTED: &str = "folders in the folder of a table are not read; put its files into one folder";

#[derive(Default)]
struct Finder {
    files: Vec<SourceFile>,
    faults: Vec<Fault>,
    seen: BTreeSet<PathBuf>,
}

impl Finder {
    fn path(&mut self, path: &Path) {
        let display = path.display().to_string();
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.folder(path, &display),
            Ok(_) => self.file(path, &display, None),
            Err(_) if pattern::is_pattern(&display) => {
                let found = pattern::expand(path);
                if found.is_empty() {
                    self.faults.push(file_fault(&display, "no file fits this pattern"));
                }
                for found in found {
                    if found.is_dir() {
                        self.folder(&found, &found.display().to_string());
                    } else {
                        self.file(&found, &found.display().to_string(), None);
                    }
                }
            }
            Err(error) => {
                let mut fault = io_fault(&display, &error);
                if error.kind() == std::io::ErrorKind::NotFound {
                    fault.reason.push_str(&neighbour(path));
                }
                self.faults.push(fault);
            }
        }
    }

    fn file(&mut self, path: &Path, display: &str, folder_table: Option<&str>) {
        if !self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())) {
            return;
        }
        let mut table = table_of(path);
        let own = TABLES.iter().any(|t| t.name == table);
        let parent = path.parent().and_then(Path::file_stem).and_then(|s| layout_table(&s.to_string_lossy()));
        if let (false, Some(folder)) = (own, folder_table.or(parent)) {
            folder.clone_into(&mut table);
        }
        match open(path, display, table) {
            Ok(file) => self.files.push(file),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// A folder that the user named, or one of a table inside it.
    fn folder(&mut self, folder: &Path, display: &str) {
        let before = self.seen.len() + self.faults.len();
        let found = self.files.len();
        let Some(entries) = self.entries(folder, display) else { return };
        for (name, path) in entries {
            let shown = Path::new(display).join(&name).display().to_string();
            let table = path.file_stem().and_then(|s| layout_table(&s.to_string_lossy()));
            if path.is_dir() {
                if let Some(table) = table {
                    self.table_folder(&path, &shown, table);
                } else if name.contains('=') {
                    self.faults.push(file_fault(&shown, NESTED));
                }
            } else if is_data(&path) || (table.is_some() && is_text(&path)) {
                self.file(&path, &shown, None);
            } else if let Some(inner) = foreign_table(&path) {
                self.foreign(&path, &shown, inner);
            }
        }
        if self.files.len() == found && self.seen.len() + self.faults.len() == before {
            self.faults.push(file_fault(display, "the folder holds no CSV, JSON or Parquet file"));
        }
    }

    /// A folder of a table: all its data files are parts of it.
    fn table_folder(&mut self, folder: &Path, display: &str, table: &str) {
        let Some(entries) = self.entries(folder, display) else { return };
        for (name, path) in entries {
            let shown = Path::new(display).join(&name).display().to_string();
            if path.is_dir() {
                self.faults.push(file_fault(&shown, NESTED));
            } else if is_data(&path) || is_text(&path) {
                self.file(&path, &shown, Some(table));
            } else {
                self.foreign(&path, &shown, table);
            }
        }
    }

    /// Names and paths in a folder, without hidden ones, in natural order.
    fn entries(&mut self, folder: &Path, display: &str) -> Option<Vec<(String, PathBuf)>> {
        if folder.join("_delta_log").is_dir() {
            let reason = "is a Delta Lake table, whose files must not be read one by one; export it to a folder of Parquet or CSV";
            self.faults.push(file_fault(display, reason));
            return None;
        }
        let listed = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        match listed {
            Ok(entries) => {
                let mut entries: Vec<(String, PathBuf)> =
                    entries.into_iter().map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).collect();
                entries.retain(|(name, _)| !name.starts_with(['.', '_']));
                entries.sort_by(|a, b| natural_order(&a.0, &b.0));
                Some(entries)
            }
            Err(error) => {
                self.faults.push(io_fault(display, &error));
                None
            }
        }
    }

    /// A file named like a table whose ending is not read: said aloud, so that nobody thinks it was imported.
    fn foreign(&mut self, path: &Path, display: &str, table: &str) {
        let reason = match sniff(path) {
            Ok(Content::Foreign(reason)) => reason.to_owned(),
            Ok(_) => format!("is named like the table {table}, but .{} files are not read; save it as CSV", ending(path)),
            Err(error) => io_fault(display, &error).reason,
        };
        self.faults.push(file_fault(display, reason));
    }
}

fn is_data(path: &Path) -> bool {
    matches!(ending(path).as_str(), "csv" | "tsv" | "tab" | "json" | "jsonl" | "ndjson" | "parquet" | "pq")
}

fn is_text(path: &Path) -> bool {
    matches!(ending(path).as_str(), "txt" | "")
}

/// The table that a file of a foreign format is named like: `people.xlsx`, `people.csv.gz`.
fn foreign_table(path: &Path) -> Option<&'static str> {
    const FOREIGN: &[&str] = &[
        "xlsx", "xlsm", "xls", "ods", "gz", "zip", "bz2", "xz", "zst", "7z", "avro", "orc", "arrow", "feather", "db", "sqlite", "xml",
    ];
    if !FOREIGN.contains(&ending(path).as_str()) {
        return None;
    }
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let inner = Path::new(&stem).file_stem()?.to_string_lossy().into_owned();
    layout_table(&stem).or_else(|| layout_table(&inner))
}

/// `; did you mean X?` from what lies beside a path that does not exist.
fn neighbour(path: &Path) -> String {
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else { return String::new() };
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let mut beside: Vec<String> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    beside.sort();
    match nearest(&name.to_string_lossy(), beside.iter().map(String::as_str)) {
        Some(other) => format!("; did you mean {}?", parent.join(other).display()),
        None => String::new(),
    }
}
