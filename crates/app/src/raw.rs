//! Rows as a reader hands them over: text, with the place they came from.

/// One column of text cells, stored back to back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextColumn {
    /// Name as the file spells it.
    pub name: String,
    /// All cells, one after another.
    pub bytes: String,
    /// `offsets[i]..offsets[i + 1]` is cell `i`; starts with 0.
    pub offsets: Vec<i32>,
    /// `false` where the cell is missing. An empty text cell of a CSV file is missing, too.
    pub present: Vec<bool>,
}

impl TextColumn {
    /// An empty column.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), bytes: String::new(), offsets: vec![0], present: Vec::new() }
    }

    /// Appends a cell. Fails quietly never: a chunk is kept far below the offset limit by its reader.
    pub fn push(&mut self, cell: Option<&str>) {
        if let Some(text) = cell {
            self.bytes.push_str(text);
        }
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
        self.present.push(cell.is_some());
    }

    /// Cell `i`.
    pub fn get(&self, i: usize) -> Option<&str> {
        if !*self.present.get(i)? {
            return None;
        }
        let from = usize::try_from(*self.offsets.get(i)?).ok()?;
        let to = usize::try_from(*self.offsets.get(i + 1)?).ok()?;
        self.bytes.get(from..to)
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// No cells.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }
}

/// A run of rows of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChunk {
    /// Columns in file order, all of one length.
    pub columns: Vec<TextColumn>,
    /// Line of each row, from 1.
    pub lines: Vec<u64>,
}

/// Why a row, or a whole file, could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// File as the user named it.
    pub file: String,
    /// Line from 1, or 0 for the file as a whole.
    pub line: u64,
    /// Column name, if one is to blame.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if let Some(column) = &self.column {
            write!(f, ": {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A table of text as read from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTable {
    /// Table name: the file name without its ending.
    pub name: String,
    /// File as the user named it.
    pub file: String,
    /// Rows in chunks.
    pub chunks: Vec<RawChunk>,
    /// Rows that could not be read, such as ragged ones.
    pub faults: Vec<Fault>,
}

impl RawTable {
    /// Rows that could be read.
    pub fn rows(&self) -> u64 {
        self.chunks.iter().map(|c| c.lines.len() as u64).sum()
    }
}

/// A table that a source such as a database holds, before its rows are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name of the table.
    pub name: String,
    /// Source and table as shown to people, without a password.
    pub display: String,
    /// Its columns.
    pub columns: Vec<String>,
}
