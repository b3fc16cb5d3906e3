//! Reads CSV as people have it: any usual delimiter, encoding, line end and quoting, with the line of every row.
//!
//! Cells go straight from the parser's buffer to the columns of a chunk; nothing is allocated for a cell.
//! An empty cell is missing. Rows that do not fit the header become faults; they are never dropped in silence.

use crate::bytes::Bytes;
use crate::dialect::{Unescape, delimiter, escapes_by_backslash, has_misplaced_quote, preamble, sep_line};
use crate::text::{BLOCK_BYTES, Text, count_lines};
use crate::{CHUNK_BYTES, CHUNK_ROWS, MAX_COLUMNS, MAX_FAULTY_ROWS, Reading, file_fault, header, io_fault, table_of};
use csv::ByteRecord;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::path::Path;
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};

/// Longest row: a longer one means a quote that is never closed.
const MAX_ROW_BYTES: usize = 64 * 1024 * 1024;

/// What is known once a file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvSummary {
    /// Columns in file order.
    pub columns: Vec<String>,
    /// Rows handed over.
    pub rows: u64,
    /// Rows that could not be read.
    pub faults: Vec<Fault>,
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
}

/// Reads a whole file.
pub fn read_csv(path: &Path, display: &str, progress: &dyn Progress) -> Result<RawTable, Fault> {
    read_csv_with_notes(path, display, progress).map(|reading| reading.table)
}

/// Reads a whole file, and says what the user should know about it.
pub fn read_csv_with_notes(path: &Path, display: &str, progress: &dyn Progress) -> Result<Reading, Fault> {
    read(&Bytes::of(path), display, progress)
}

/// Reads a whole file, or a member of an archive.
pub(crate) fn read(bytes: &Bytes, display: &str, progress: &dyn Progress) -> Result<Reading, Fault> {
    progress.step(display, None);
    let mut chunks = Vec::new();
    let summary = Opened::new(bytes, display)?.rows(&mut |chunk| {
        progress.advance(chunk.lines.len() as u64);
        chunks.push(chunk);
        ControlFlow::Continue(())
    })?;
    let table = RawTable { name: table_of(&bytes.path), file: display.to_owned(), chunks, faults: summary.faults };
    Ok(Reading { table, notes: summary.notes })
}

/// Reads a file chunk by chunk, in memory for two of them. A file without rows gives one chunk without rows, so that
/// its columns are known. After `Break` the summary covers what was read so far. On an error, what was handed over
/// before must be thrown away: the file as a whole is not to be trusted.
pub fn for_each_chunk(
    path: &Path,
    display: &str,
    each: &mut dyn FnMut(RawChunk) -> ControlFlow<()>,
) -> Result<CsvSummary, Fault> {
    Opened::new(&Bytes::of(path), display)?.rows(each)
}

/// Column names of a file, as [`read_csv`] gives them.
pub fn read_headers(path: &Path, display: &str) -> Result<Vec<String>, Fault> {
    headers(&Bytes::of(path), display)
}

/// Column names of a file, or a member of an archive.
pub(crate) fn headers(bytes: &Bytes, display: &str) -> Result<Vec<String>, Fault> {
    Ok(Opened::new(bytes, display)?.columns)
}

/// Keeps the bytes of the row in hand, so that its first line can be told and a lost quote be found.
struct Tap<R> {
    inner: R,
    held: Vec<u8>,
    /// Position of `held[0]`.
    start: u64,
    /// Bytes before this position may go.
    keep_from: u64,
}

impl<R> Tap<R> {
    fn from(&self, position: u64) -> &[u8] {
        usize::try_from(position.saturating_sub(self.start)).ok().and_then(|at| self.held.get(at..)).unwrap_or_default()
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let gone = usize::try_from(self.keep_from.saturating_sub(self.start)).unwrap_or(0).min(self.held.len());
        self.held.drain(..gone);
        self.start += gone as u64;
        if self.held.len() > MAX_ROW_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let n = self.inner.read(out)?;
        self.held.extend_from_slice(&out[..n]);
        Ok(n)
    }
}

type Source = Tap<Box<dyn Read>>;

/// A file with its header read.
struct Opened {
    display: String,
    reader: csv::Reader<Source>,
    delimiter: u8,
    columns: Vec<String>,
    /// Lines before the first that the parser sees.
    skipped_lines: u64,
    notes: Vec<String>,
}

impl Opened {
    fn new(bytes: &Bytes, display: &str) -> Result<Self, Fault> {
        let io = |e: io::Error| io_fault(display, &e);
        let text = Text::survey(bytes, display)?;
        let mut notes = text.notes.clone();
        let mut rest = text.open()?;
        let mut sample = Vec::new();
        rest.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut sample).map_err(io)?;
        let mut skipped_lines = 0;
        let delimiter = match sep_line(&sample) {
            Some((delimiter, length)) => {
                sample.drain(..length);
                skipped_lines = 1;
                delimiter
            }
            None => delimiter(&sample, sample.len() < BLOCK_BYTES),
        };
        let backslash = text.backslash_quote && escapes_by_backslash(text.open()?, delimiter).map_err(io)?;
        let above = preamble(&sample, sample.len() < BLOCK_BYTES, delimiter, backslash);
        let mut inner: Box<dyn Read> = Box::new(Cursor::new(sample).chain(rest));
        if backslash {
            notes.push(format!("{display}: quotes inside quotes are escaped by a backslash"));
            inner = Box::new(Unescape::new(inner, delimiter));
        }
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(BLOCK_BYTES)
            .from_reader(Tap { inner, held: Vec::new(), start: 0, keep_from: 0 });
        let mut opened = Self { display: display.to_owned(), reader, delimiter, columns: Vec::new(), skipped_lines, notes };
        opened.header(above)?;
        Ok(opened)
    }

    /// Reads the names, below the rows that stand above them.
    fn header(&mut self, (above, title): (usize, Vec<String>)) -> Result<(), Fault> {
        let mut record = ByteRecord::new();
        for _ in 0..above {
            self.next(&mut record)?;
        }
        let Some(line) = self.next(&mut record)? else {
            return Err(file_fault(&self.display, "is empty; it should begin with a line of column names"));
        };
        if above > 0 {
            self.notes.push(header::skipped(&self.display, line, &title));
        }
        if record.len() > MAX_COLUMNS {
            let reason = format!("has {} columns; at most {MAX_COLUMNS} are read", record.len());
            return Err(Fault { line, ..file_fault(&self.display, reason) });
        }
        let cells = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        self.columns = header::names(cells, &self.display, line, &mut self.notes)?;
        Ok(())
    }

    /// Reads the next record and tells its first line; `None` at the end.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Option<u64>, Fault> {
        let read = self.reader.read_byte_record(record);
        let before = record.position().map_or((0, 1), |p| (p.byte(), p.line()));
        match read {
            Ok(true) => {
                // The parser leaves a line feed after a carriage return, and blank lines, to the next record.
                let bytes = self.reader.get_ref().from(before.0);
                let blank = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
                Ok(Some(self.skipped_lines + before.1 + count_lines(&bytes[..blank])))
            }
            Ok(false) => Ok(None),
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => {
                    let reason = format!(
                        "the row that begins here is longer than {} MB; a quote in it is probably never closed",
                        MAX_ROW_BYTES >> 20
                    );
                    let bytes = self.reader.get_ref().from(before.0);
                    let blank = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
                    let line = self.skipped_lines + before.1 + count_lines(&bytes[..blank]);
                    Err(Fault { line, ..file_fault(&self.display, reason) })
                }
                csv::ErrorKind::Io(e) => Err(io_fault(&self.display, &e)),
                other => Err(file_fault(&self.display, format!("cannot be read: {other:?}"))),
            },
        }
    }

    fn rows(mut self, each: &mut dyn FnMut(RawChunk) -> ControlFlow<()>) -> Result<CsvSummary, Fault> {
        let width = self.columns.len();
        let mut summary = CsvSummary { columns: self.columns.clone(), ..CsvSummary::default() };
        let mut building = Building::new(width);
        let mut blank = Blank::default();
        let mut record = ByteRecord::new();
        let mut last = LastRow::default();
        let mut handed_over = false;
        loop {
            // Hold on to the row read last: at the end of the file its quotes are looked at.
            self.reader.get_mut().keep_from = last.position;
            let position = self.reader.position().byte();
            let Some(line) = self.next(&mut record)? else { break };
            last = LastRow { position, line, ..LastRow::default() };
            let fits = record.len() == width || surplus_is_blank(&record, width);
            if !fits && record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                blank.note(line);
                continue;
            }
            let fault = if fits { self.swallows(&record, position, line) } else { Some(self.ragged(&record, line)) };
            if let Some(fault) = fault {
                if summary.faults.len() >= MAX_FAULTY_ROWS {
                    let reason = format!("more than {MAX_FAULTY_ROWS} rows do not fit the header; check delimiter and quotes");
                    return Err(file_fault(&self.display, reason));
                }
                summary.faults.push(fault);
                last.faulty = true;
                continue;
            }
            if record.iter().all(<[u8]>::is_empty) {
                blank.note(line);
                continue;
            }
            if building.full() {
                summary.rows += building.rows();
                handed_over = true;
                if each(building.take(&self.columns, &self.display)?).is_break() {
                    return Ok(self.end(summary, &blank));
                }
            }
            building.push(&record, width, line);
            last.taken = true;
        }
        self.last_quote(&last, &mut building, &mut summary)?;
        summary.rows += building.rows();
        if building.rows() > 0 || !handed_over {
            // The caller's wish to stop makes no difference after the last chunk.
            let _ = each(building.take(&self.columns, &self.display)?);
        }
        Ok(self.end(summary, &blank))
    }

    fn end(self, mut summary: CsvSummary, blank: &Blank) -> CsvSummary {
        summary.notes = self.notes;
        if blank.rows > 0 {
            let rows = if blank.rows == 1 { "1 row without any value was" } else { &format!("{} rows without any value were", blank.rows) };
            summary.notes.push(format!("{}: {rows} skipped (first in line {})", self.display, blank.first));
        }
        summary
    }

    fn ragged(&self, record: &ByteRecord, line: u64) -> Fault {
        let (has, should) = (record.len(), self.columns.len());
        let cells = if has == 1 { "1 cell" } else { &format!("{has} cells") };
        let hint = if has > should {
            format!("; a cell that holds {} must be quoted", delimiter_name(self.delimiter))
        } else {
            String::new()
        };
        let inner = count_lines(record.as_slice());
        let span = if inner > 0 {
            format!("; the row reaches to line {}, so a quote may not be closed", line + inner)
        } else {
            String::new()
        };
        Fault { line, ..file_fault(&self.display, format!("has {cells}, but the header has {should}{hint}{span}")) }
    }

    /// A row over several lines in which a quote closes in the middle of a cell: an unclosed quote met the next one,
    /// and what lies between are rows.
    fn swallows(&self, record: &ByteRecord, position: u64, line: u64) -> Option<Fault> {
        if !record.as_slice().contains(&b'\n') {
            return None;
        }
        let length = usize::try_from(self.reader.position().byte() - position).unwrap_or(usize::MAX);
        let bytes = self.reader.get_ref().from(position);
        let row = bytes.get(..length).unwrap_or(bytes);
        let blank = row.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
        if !has_misplaced_quote(&row[blank..], self.delimiter) {
            return None;
        }
        let end = line + count_lines(record.as_slice());
        let reason = format!("a quote that is opened in this row is closed within a cell of line {end}, so the lines between were taken for one cell; close the quote");
        Some(Fault { line, ..file_fault(&self.display, reason) })
    }

    /// A quote that is still open at the end of the file swallows all rows after it: then the file is refused. If it
    /// swallowed nothing but its own line, that row is.
    fn last_quote(&self, last: &LastRow, building: &mut Building, summary: &mut CsvSummary) -> Result<(), Fault> {
        let bytes = self.reader.get_ref().from(last.position);
        if !bytes.contains(&b'"') || !ends_in_quotes(bytes, self.delimiter) {
            return Ok(());
        }
        let swallowed = count_lines(bytes.trim_ascii());
        let lines = match swallowed {
            0 => "; the file may have been cut short".to_owned(),
            n => format!(", so {n} more lines were taken for one cell; close the quote"),
        };
        let reason = format!("a quote that is opened in this row is never closed{lines}");
        let in_header = last.line == 0;
        let line = if in_header { self.skipped_lines + 1 } else { last.line };
        let fault = Fault { line, ..file_fault(&self.display, reason) };
        if swallowed > 0 || in_header {
            return Err(fault);
        }
        if last.faulty {
            summary.faults.pop();
        }
        if last.taken {
            building.pop();
        }
        summary.faults.push(fault);
        Ok(())
    }
}

/// The row read last.
#[derive(Default)]
struct LastRow {
    position: u64,
    line: u64,
    taken: bool,
    faulty: bool,
}

/// Rows without any value.
#[derive(Default)]
struct Blank {
    rows: u64,
    first: u64,
}

impl Blank {
    fn note(&mut self, line: u64) {
        if self.rows == 0 {
            self.first = line;
        }
        self.rows += 1;
    }
}

/// More cells than columns, but nothing in them: a trailing delimiter.
fn surplus_is_blank(record: &ByteRecord, width: usize) -> bool {
    record.len() > width && record.iter().skip(width).all(|cell| cell.trim_ascii().is_empty())
}

fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "a semicolon",
        b'\t' => "a tab",
        b'|' => "a bar",
        _ => "a comma",
    }
}

/// The text stops within quotes: then one more line would still belong to the last cell.
fn ends_in_quotes(bytes: &[u8], delimiter: u8) -> bool {
    let records = |bytes: &[u8]| {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut n = 0;
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            n += 1;
        }
        n
    };
    let longer = [bytes, b"\nx"].concat();
    records(&longer) == records(bytes)
}

/// A chunk in the making: as [`RawChunk`], but of bytes, which are checked once a chunk.
struct Building {
    columns: Vec<BuildingColumn>,
    lines: Vec<u64>,
    bytes: usize,
}

#[derive(Default)]
struct BuildingColumn {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    present: Vec<bool>,
}

impl BuildingColumn {
    fn with_capacity(bytes: usize, rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { bytes: Vec::with_capacity(bytes), offsets, present: Vec::with_capacity(rows) }
    }
}

impl Building {
    fn new(width: usize) -> Self {
        Self { columns: (0..width).map(|_| BuildingColumn::with_capacity(0, 0)).collect(), lines: Vec::new(), bytes: 0 }
    }

    fn rows(&self) -> u64 {
        self.lines.len() as u64
    }

    fn full(&self) -> bool {
        self.lines.len() >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES
    }

    fn push(&mut self, record: &ByteRecord, width: usize, line: u64) {
        for (column, cell) in self.columns.iter_mut().zip(record.iter().take(width)) {
            column.bytes.extend_from_slice(cell);
            // A chunk ends at 32 MB and a row at 64 MB, far below the limit of an offset.
            column.offsets.push(column.bytes.len() as i32);
            column.present.push(!cell.is_empty());
        }
        self.bytes += record.as_slice().len();
        self.lines.push(line);
    }

    /// Takes the last row back.
    fn pop(&mut self) {
        self.lines.pop();
        for column in &mut self.columns {
            column.present.pop();
            column.offsets.pop();
            let end = column.offsets.last().copied().unwrap_or(0);
            column.bytes.truncate(usize::try_from(end).unwrap_or(0));
        }
    }

    /// Hands the rows over and begins anew.
    fn take(&mut self, names: &[String], display: &str) -> Result<RawChunk, Fault> {
        let lines = std::mem::take(&mut self.lines);
        self.bytes = 0;
        let mut columns = Vec::with_capacity(names.len());
        for (column, name) in self.columns.iter_mut().zip(names) {
            let next = BuildingColumn::with_capacity(column.bytes.len() + column.bytes.len() / 8, lines.len());
            let done = std::mem::replace(column, next);
            let bytes = String::from_utf8(done.bytes)
                .map_err(|_| file_fault(display, "changed while it was read; import it again"))?;
            columns.push(TextColumn { name: name.clone(), bytes, offsets: done.offsets, present: done.present });
        }
        self.lines.reserve(lines.len());
        Ok(RawChunk { columns, lines })
    }
}
