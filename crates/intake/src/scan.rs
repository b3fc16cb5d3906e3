//! From the paths that a user names to the files behind them.
//!
//! A path is a file, a folder or a simple pattern. What a file is, its first bytes decide; which table it holds, its
//! name (`people.csv`, `people-2.csv`, `people.part-0001.parquet`) or that of its folder (`people/part-0.parquet`).
//! Workbooks hold a table a sheet, archives one a file. Folders are searched to their ground, but a table is read from
//! the uppermost place that has it: what lies deeper is an older copy or a variant, and is left out with a word.

use crate::names::{layout_table, natural_order, nearest, suggest_table};
use crate::bytes::{Bytes, Member, members};
use crate::sniff::{Content, sniff};
use crate::{file_fault, io_fault, pattern, table_of, workbook};
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
    /// A sheet of a workbook: XLSX, XLSB, XLS or ODS.
    Workbook,
    /// A Delta Lake table, which is a folder.
    Delta,
    /// A table of a database, which has no path.
    Table,
}

impl Format {
    /// Read by the engine, not here.
    pub fn is_for_engine(self) -> bool {
        matches!(self, Self::Parquet | Self::Delta | Self::Table)
    }
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Table it holds: one of the layout, or the lower-cased file stem.
    pub table: String,
    /// Where it is.
    pub path: PathBuf,
    /// How the user named it; for files of a folder, the folder as named and the rest. Members of archives follow
    /// after `/`, sheets after `#`.
    pub display: String,
    /// What it is.
    pub format: Format,
    /// The file in an archive.
    pub member: Option<Member>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
}

impl SourceFile {
    /// A table of a database, as it is shown.
    pub fn of_database(table: &str, display: &str) -> Self {
        let (table, display) = (table.to_owned(), display.to_owned());
        Self { table, path: PathBuf::new(), display, format: Format::Table, member: None, sheet: None }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        Bytes { path: self.path.clone(), member: self.member.clone() }
    }

    /// Names of its columns. Of what the engine reads, none.
    pub fn headers(&self) -> Result<Vec<String>, Fault> {
        match self.format {
            Format::Csv => crate::csv_file::headers(&self.bytes(), &self.display),
            Format::Json | Format::JsonLines => crate::json_file::keys(&self.bytes(), &self.display),
            Format::Workbook => workbook::read_headers(&self.bytes(), self.sheet.as_deref().unwrap_or_default(), &self.display),
            Format::Parquet | Format::Delta | Format::Table => Ok(Vec::new()),
        }
    }
}

/// What lies behind the paths of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Files to read.
    pub files: Vec<SourceFile>,
    /// What was passed over, and why.
    pub left_out: Vec<String>,
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

/// [`find`], without the list of what was left out.
pub fn scan(paths: &[PathBuf]) -> Result<Vec<SourceFile>, ScanError> {
    find(paths).map(|found| found.files)
}

/// Finds the files behind paths: files, folders and patterns. Sorted by table, then in natural order of the names, each
/// file once.
pub fn find(paths: &[PathBuf]) -> Result<Found, ScanError> {
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
    Ok(Found { files: finder.files, left_out: finder.left_out })
}

/// The file is an SQLite database, by its content.
pub fn is_sqlite(path: &Path) -> bool {
    path.is_file() && sniff(&Bytes::of(path)).is_ok_and(|content| content == Content::Sqlite)
}

/// The folder is a Delta Lake table.
pub(crate) fn is_delta(path: &Path) -> bool {
    path.join("_delta_log").is_dir()
}

/// Judges one file: the tables in it, or why it cannot be read. `table` is what its name says.
pub(crate) fn open(path: &Path, display: &str, table: &str) -> Result<Vec<SourceFile>, Fault> {
    if is_delta(path) {
        return Ok(vec![one(Bytes::of(path), display, table.to_owned(), Format::Delta)]);
    }
    let bytes = Bytes::of(path);
    let content = sniff(&bytes).map_err(|e| io_fault(display, &e))?;
    if !matches!(content, Content::Archive | Content::Workbook) {
        return judge(bytes, path, display, table);
    }
    // A workbook is an archive of certain files; one that is broken, or of the old kind, is told by its beginning.
    let members = match members(path, display) {
        Ok(members) => members,
        Err(_) if content == Content::Workbook => return sheets(bytes, display, table),
        Err(fault) => return Err(fault),
    };
    if members.iter().any(|m| matches!(m.name.as_str(), "xl/workbook.xml" | "xl/workbook.bin" | "content.xml")) {
        return sheets(bytes, display, table);
    }
    let mut found = Vec::new();
    for member in members {
        let inner = PathBuf::from(&member.name);
        let named = is_text(&inner) && layout_table(&table_of(&inner)).is_some();
        if !is_data(&inner) && !named {
            continue;
        }
        let shown = format!("{display}/{}", member.name);
        let bytes = Bytes { path: path.to_owned(), member: Some(member) };
        found.append(&mut judge(bytes, &inner, &shown, &table_of(&inner))?);
    }
    if found.is_empty() {
        return Err(file_fault(display, "is a ZIP archive without a data file in it"));
    }
    // A single file packed for the way is called as the archive is.
    if let ([only], Some(own)) = (found.as_mut_slice(), layout_table(table))
        && layout_table(&only.table).is_none()
    {
        own.clone_into(&mut only.table);
    }
    Ok(found)
}

/// Judges a file that is no archive, by its content and its name.
fn judge(bytes: Bytes, name: &Path, display: &str, table: &str) -> Result<Vec<SourceFile>, Fault> {
    let content = sniff(&bytes).map_err(|e| io_fault(display, &e))?;
    let ending = ending(name);
    let format = match (content, ending.as_str()) {
        (Content::Foreign(reason), _) => return Err(file_fault(display, reason)),
        (Content::Sqlite, _) => {
            return Err(file_fault(display, "is an SQLite database; name it by itself, outside of folders and patterns"));
        }
        (Content::Workbook, _) => return sheets(bytes, display, table),
        (Content::Archive, _) => return Err(file_fault(display, "is a ZIP archive inside another; unpack it first")),
        (Content::Parquet, _) if bytes.is_packed().map_err(|e| io_fault(display, &e))? => {
            return Err(file_fault(display, "is a packed Parquet file; unpack it first (Parquet is packed by itself)"));
        }
        (Content::Parquet, _) => Format::Parquet,
        (_, "parquet" | "pq") => return Err(file_fault(display, "is not a Parquet file, whatever its name says; it may have been cut short")),
        (_, "xlsx" | "xlsm" | "xlsb" | "ods") if content != Content::Text => {
            return Err(file_fault(display, "is not a workbook, whatever its name says; it may have been cut short"));
        }
        (Content::JsonObject, _) => Format::JsonLines,
        (Content::JsonArray, "csv" | "tsv" | "tab" | "txt") if !array_of_objects(&bytes) => Format::Csv,
        (Content::JsonArray, _) => Format::Json,
        (Content::Empty, "json") => Format::Json,
        (Content::Empty, "jsonl" | "ndjson") => Format::JsonLines,
        (Content::Text, "json" | "jsonl" | "ndjson") => {
            return Err(file_fault(display, "is not JSON: it should begin with { or [; if it is CSV, rename it to .csv"));
        }
        (Content::Empty | Content::Text, _) => Format::Csv,
    };
    Ok(vec![one(bytes, display, table.to_owned(), format)])
}

fn one(bytes: Bytes, display: &str, table: String, format: Format) -> SourceFile {
    SourceFile { table, path: bytes.path, display: display.to_owned(), format, member: bytes.member, sheet: None }
}

/// A table a sheet. Of a single sheet, the name of the file says the table if that of the sheet does not.
fn sheets(bytes: Bytes, display: &str, table: &str) -> Result<Vec<SourceFile>, Fault> {
    let names = workbook::sheets(&bytes, display)?;
    if names.is_empty() {
        return Err(file_fault(display, "is a workbook without a sheet that holds anything"));
    }
    let single = names.len() == 1;
    let sheet = |name: String| {
        let own = layout_table(&name).map(str::to_owned);
        let table = own.unwrap_or_else(|| if single { table.to_owned() } else { name.trim().to_lowercase() });
        let file = one(bytes.clone(), &format!("{display}#{name}"), table, Format::Workbook);
        SourceFile { sheet: Some(name), ..file }
    };
    Ok(names.into_iter().map(sheet).collect())
}

/// A text that begins with `[` goes on with `{`, so it is JSON and not a header in brackets.
fn array_of_objects(bytes: &Bytes) -> bool {
    use std::io::Read;
    let mut start = Vec::new();
    let read = bytes.open().and_then(|f| f.take(256).read_to_end(&mut start));
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
    read.is_ok() && text.get(1..).is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')))
}

/// The ending that tells what is inside: that before `.gz` or `.zst`.
fn ending(path: &Path) -> String {
    let last = |p: &Path| p.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match last(path).as_str() {
        "gz" | "zst" => path.file_stem().map(|stem| last(Path::new(stem))).unwrap_or_default(),
        own => own.to_owned(),
    }
}

/// Said of folders such as `year=2026` in the folder of a table.
const NESTED: &str = "is a folder of a partition, whose name is a column that its files lack; put the column into the files";

/// Folders in folders that are followed.
const MAX_DEPTH: usize = 16;

#[derive(Default)]
struct Finder {
    files: Vec<SourceFile>,
    faults: Vec<Fault>,
    /// For each file, how deep it lies in the folder that was named.
    depths: Vec<usize>,
    depth: usize,
    left_out: Vec<String>,
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
        match open(path, display, &table) {
            Ok(mut files) => {
                self.files.append(&mut files);
                self.depths.resize(self.files.len(), self.depth);
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    /// A folder that the user named.
    fn folder(&mut self, folder: &Path, display: &str) {
        if is_delta(folder) {
            return self.file(folder, display, None);
        }
        let before = (self.files.len(), self.seen.len() + self.faults.len());
        self.below(folder, display);
        if (self.files.len(), self.seen.len() + self.faults.len()) == before {
            self.faults.push(file_fault(display, "the folder holds no CSV, JSON, Parquet or workbook file"));
        }
        self.keep_uppermost(before.0);
    }

    /// Of each table of the record, the files that lie deeper than its first are left out.
    fn keep_uppermost(&mut self, from: usize) {
        let fresh: Vec<(SourceFile, usize)> = self.files.drain(from..).zip(self.depths.drain(from..)).collect();
        let known = |table: &str| TABLES.iter().any(|t| t.name == table);
        let uppermost = |table: &str| fresh.iter().filter(|(f, _)| f.table == table).map(|(_, depth)| *depth).min().unwrap_or(0);
        for (file, depth) in &fresh {
            if known(&file.table) && *depth > uppermost(&file.table) {
                self.left_out.push(format!("{}: {} is read from the folder above; name this one to import it", file.display, file.table));
            } else {
                self.files.push(file.clone());
                self.depths.push(*depth);
            }
        }
    }

    /// Everything in a folder and below it.
    fn below(&mut self, folder: &Path, display: &str) {
        let Some(entries) = self.entries(folder, display) else { return };
        let mut passed = Vec::new();
        for (name, path) in entries {
            let shown = Path::new(display).join(&name).display().to_string();
            let table = path.file_stem().and_then(|s| layout_table(&s.to_string_lossy()));
            if is_delta(&path) {
                self.file(&path, &shown, None);
            } else if path.is_dir() {
                match table {
                    Some(table) => self.table_folder(&path, &shown, table, 0),
                    None if name.contains('=') => self.faults.push(file_fault(&shown, NESTED)),
                    None if self.depth < MAX_DEPTH => {
                        self.depth += 1;
                        self.below(&path, &shown);
                        self.depth -= 1;
                    }
                    None => passed.push(name),
                }
            } else if is_data(&path) || (table.is_some() && is_text(&path)) {
                self.file(&path, &shown, None);
            } else if let Some(inner) = foreign_table(&path) {
                self.foreign(&path, &shown, inner);
            } else {
                passed.push(name);
            }
        }
        if !passed.is_empty() {
            self.left_out.push(format!("{display}: not data by their names: {}", passed.join(", ")));
        }
    }

    /// A folder of a table: all its data files are parts of it.
    fn table_folder(&mut self, folder: &Path, display: &str, table: &str, depth: usize) {
        let Some(entries) = self.entries(folder, display) else { return };
        for (name, path) in entries {
            let shown = Path::new(display).join(&name).display().to_string();
            if path.is_dir() && (name.contains('=') || depth >= MAX_DEPTH) {
                self.faults.push(file_fault(&shown, NESTED));
            } else if path.is_dir() && !is_delta(&path) {
                self.table_folder(&path, &shown, table, depth + 1);
            } else if path.is_dir() || is_data(&path) || is_text(&path) {
                self.file(&path, &shown, Some(table));
            } else {
                self.foreign(&path, &shown, table);
            }
        }
    }

    /// Names and paths in a folder, without hidden ones, in natural order.
    fn entries(&mut self, folder: &Path, display: &str) -> Option<Vec<(String, PathBuf)>> {
        match entries(folder) {
            Ok(entries) => Some(entries),
            Err(error) => {
                self.faults.push(io_fault(display, &error));
                None
            }
        }
    }

    /// A file named like a table whose ending is not read: said aloud, so that nobody thinks it was imported.
    fn foreign(&mut self, path: &Path, display: &str, table: &str) {
        let reason = match sniff(&Bytes::of(path)) {
            Ok(Content::Foreign(reason)) => reason.to_owned(),
            Ok(Content::Sqlite) => "is an SQLite database; name it by itself, outside of folders and patterns".to_owned(),
            Ok(_) => format!("is named like the table {table}, but .{} files are not read; save it as CSV", ending(path)),
            Err(error) => io_fault(display, &error).reason,
        };
        self.faults.push(file_fault(display, reason));
    }
}

/// Names and paths in a folder, without hidden ones and the locks of spreadsheet programs, in natural order.
pub(crate) fn entries(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut entries: Vec<(String, PathBuf)> = fs::read_dir(folder)?
        .map(|e| e.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())))
        .collect::<Result<_, _>>()?;
    entries.retain(|(name, _)| !name.starts_with(['.', '_']) && !name.starts_with("~$"));
    entries.sort_by(|a, b| natural_order(&a.0, &b.0));
    Ok(entries)
}

/// A file whose name promises data.
pub(crate) fn is_data(path: &Path) -> bool {
    matches!(
        ending(path).as_str(),
        "csv" | "tsv" | "tab" | "json" | "jsonl" | "ndjson" | "parquet" | "pq" | "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" | "zip"
    )
}

fn is_text(path: &Path) -> bool {
    matches!(ending(path).as_str(), "txt" | "")
}

/// The table that a file of a foreign format is named like: `people.avro`, `people.csv.xz`.
fn foreign_table(path: &Path) -> Option<&'static str> {
    const FOREIGN: &[&str] = &["bz2", "xz", "7z", "avro", "orc", "arrow", "feather", "db", "sqlite", "xml"];
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
