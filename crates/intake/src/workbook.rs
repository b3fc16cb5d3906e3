//! Reads sheets of XLSX, XLSB, XLS and ODS workbooks into columns of text; the number of a row is its line.
//!
//! A formula gives the value that was stored with it. Dates become `2026-03-01` or `2026-03-01T09:30:00`, numbers what
//! a person sees of them: at most fifteen digits. `#N/A` is a missing cell; a row with another error is refused.

use crate::bytes::Bytes;
use crate::{CHUNK_BYTES, CHUNK_ROWS, MAX_COLUMNS, Reading, file_fault, header};
use calamine::{CellErrorType, Data, ExcelDateTime, Range, Reader, SheetType, SheetVisible, Sheets, open_workbook_auto_from_rs};
use std::io::Cursor;
use std::sync::Arc;
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};

/// Rows that are looked at to find the names of the columns.
const SAMPLE_ROWS: usize = 200;

type Book = Sheets<Cursor<Arc<[u8]>>>;

/// The library that takes workbooks apart may panic on broken ones, which is no reason for us to end.
fn guarded<T>(display: &str, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    done.unwrap_or_else(|_| Err(file_fault(display, "is a workbook that cannot be read, as it is broken inside; open it, save it as XLSX and import that")))
}

/// Names of the sheets that a person sees, without those that hold nothing.
pub(crate) fn sheets(bytes: &Bytes, display: &str) -> Result<Vec<String>, Fault> {
    guarded(display, || filled_sheets(bytes, display))
}

fn filled_sheets(bytes: &Bytes, display: &str) -> Result<Vec<String>, Fault> {
    let mut book = open(bytes, display)?;
    let shown: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|s| s.visible == SheetVisible::Visible && s.typ == SheetType::WorkSheet)
        .map(|s| s.name.clone())
        .collect();
    if shown.len() < 2 {
        return Ok(shown);
    }
    let mut filled = Vec::new();
    for name in shown {
        if !range(&mut book, &name, display)?.is_empty() {
            filled.push(name);
        }
    }
    Ok(filled)
}

/// Reads one sheet.
pub(crate) fn read(bytes: &Bytes, sheet: &str, display: &str, progress: &dyn Progress) -> Result<Reading, Fault> {
    progress.step(display, None);
    guarded(display, || {
        let mut book = open(bytes, display)?;
        let range = range(&mut book, sheet, display)?;
        let mut notes = Vec::new();
        let table = table(&range, display, &mut notes, progress)?;
        if let Some(unsaved) = without_value(&mut book, sheet, &range) {
            notes.push(format!("{display}: {unsaved}"));
        }
        Ok(Reading { table, notes })
    })
}

/// Names of the columns of a sheet.
pub(crate) fn read_headers(bytes: &Bytes, sheet: &str, display: &str) -> Result<Vec<String>, Fault> {
    guarded(display, || {
        let mut book = open(bytes, display)?;
        let range = range(&mut book, sheet, display)?;
        Ok(Head::of(&range, display, &mut Vec::new())?.names)
    })
}

fn open(bytes: &Bytes, display: &str) -> Result<Book, Fault> {
    let all: Arc<[u8]> = bytes.read_all(display)?.into();
    open_workbook_auto_from_rs(Cursor::new(all))
        .map_err(|_| file_fault(display, "is a workbook that cannot be read; it may have a password or be cut short; save it as XLSX"))
}

fn range(book: &mut Book, sheet: &str, display: &str) -> Result<Range<Data>, Fault> {
    book.worksheet_range(sheet).map_err(|e| file_fault(display, format!("its sheet {sheet} cannot be read: {e}")))
}

/// Says so when formulas were written by a program that did not reckon them.
fn without_value(book: &mut Book, sheet: &str, range: &Range<Data>) -> Option<String> {
    let formulas = book.worksheet_formula(sheet).ok()?;
    let (top, left) = formulas.start()?;
    let missing = formulas.used_cells().filter(|(row, column, text)| {
        let place = (top + u32::try_from(*row).unwrap_or(u32::MAX), left + u32::try_from(*column).unwrap_or(u32::MAX));
        !text.is_empty() && matches!(range.get_value(place), None | Some(Data::Empty))
    });
    let n = missing.count();
    (n > 0).then(|| format!("{n} formulas have no stored value and were read as blank; open the workbook, save it and import it again"))
}

/// The row of names.
struct Head {
    names: Vec<String>,
    /// Position of the row in the range.
    at: usize,
}

impl Head {
    fn of(range: &Range<Data>, display: &str, notes: &mut Vec<String>) -> Result<Self, Fault> {
        let sample: Vec<(usize, Vec<String>)> = range
            .rows()
            .enumerate()
            .map(|(at, row)| (at, texts(row)))
            .filter(|(_, row)| !row.is_empty())
            .take(SAMPLE_ROWS)
            .collect();
        let Some((first, _)) = sample.first() else {
            return Err(file_fault(display, "is empty; it should begin with a row of column names"));
        };
        let rows: Vec<Vec<String>> = sample.iter().map(|(_, row)| row.clone()).collect();
        // Cells at the end of a row are often blank, so the widest row tells how wide the table is.
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let (at, cells) = sample[header::header_row(&rows, width)].clone();
        let line = line(range, at);
        if cells.len() > MAX_COLUMNS {
            return Err(Fault { line, ..file_fault(display, format!("has {} columns; at most {MAX_COLUMNS} are read", cells.len())) });
        }
        if at > *first {
            notes.push(header::skipped(display, line, &rows[0]));
        }
        Ok(Self { names: header::names(cells, display, line, notes)?, at })
    }
}

/// Cells as trimmed text, without the blank ones at the end.
fn texts(row: &[Data]) -> Vec<String> {
    let mut cells: Vec<String> = row.iter().map(|c| text(c).map_or_else(String::new, |t| t.trim().to_owned())).collect();
    while cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    cells
}

fn line(range: &Range<Data>, at: usize) -> u64 {
    range.start().map_or(0, |(top, _)| u64::from(top)) + at as u64 + 1
}

fn table(range: &Range<Data>, display: &str, notes: &mut Vec<String>, progress: &dyn Progress) -> Result<RawTable, Fault> {
    let head = Head::of(range, display, notes)?;
    let fresh = || RawChunk { columns: head.names.iter().map(|n| TextColumn::new(n)).collect(), lines: Vec::new() };
    let mut table = RawTable { name: String::new(), file: display.to_owned(), chunks: Vec::new(), faults: Vec::new() };
    let (mut chunk, mut bytes, mut blank, mut unavailable) = (fresh(), 0, (0_u64, 0_u64), 0_u64);
    for (at, row) in range.rows().enumerate().skip(head.at + 1) {
        let line = line(range, at);
        if row.iter().all(|cell| matches!(cell, Data::Empty) || matches!(cell, Data::String(s) if s.trim().is_empty())) {
            blank = (blank.0 + 1, if blank.0 == 0 { line } else { blank.1 });
            continue;
        }
        if let Some(fault) = fault(row, &head.names, display, line) {
            table.faults.push(fault);
            continue;
        }
        if chunk.lines.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
            progress.advance(chunk.lines.len() as u64);
            table.chunks.push(std::mem::replace(&mut chunk, fresh()));
            bytes = 0;
        }
        for (i, column) in chunk.columns.iter_mut().enumerate() {
            let cell = row.get(i).unwrap_or(&Data::Empty);
            unavailable += u64::from(matches!(cell, Data::Error(CellErrorType::NA)));
            let cell = text(cell).filter(|t| !t.is_empty());
            bytes += cell.as_ref().map_or(0, String::len);
            column.push(cell.as_deref());
        }
        chunk.lines.push(line);
    }
    progress.advance(chunk.lines.len() as u64);
    if !chunk.lines.is_empty() || table.chunks.is_empty() {
        table.chunks.push(chunk);
    }
    if blank.0 > 0 && table.rows() + table.faults.len() as u64 > 0 {
        notes.push(format!("{display}: {} rows without any value were skipped (first in line {})", blank.0, blank.1));
    }
    if unavailable > 0 {
        notes.push(format!("{display}: {unavailable} cells hold #N/A and were read as blank"));
    }
    Ok(table)
}

/// What refuses a row: an error in a cell, or a value beyond the last name.
fn fault(row: &[Data], names: &[String], display: &str, line: u64) -> Option<Fault> {
    let beyond = row.iter().skip(names.len()).any(|cell| text(cell).is_some_and(|t| !t.trim().is_empty()));
    if beyond {
        let reason = format!("has a value to the right of the last column name ({})", names.last().map_or("", String::as_str));
        return Some(Fault { line, ..file_fault(display, reason) });
    }
    row.iter().zip(names).find_map(|(cell, name)| match cell {
        Data::Error(CellErrorType::NA) => None,
        Data::Error(error) => {
            let reason = format!("the formula gives {error}; mend it in the workbook");
            Some(Fault { file: display.to_owned(), line, column: Some(name.clone()), reason })
        }
        _ => None,
    })
}

/// The text of a cell; nothing for a blank one.
fn text(cell: &Data) -> Option<String> {
    match cell {
        Data::Empty | Data::Error(CellErrorType::NA) => None,
        Data::Error(error) => Some(error.to_string()),
        Data::String(text) => Some(text.clone()),
        Data::Int(number) => Some(number.to_string()),
        Data::Float(number) => Some(number_text(*number)),
        Data::Bool(yes) => Some(yes.to_string()),
        Data::DateTime(time) => Some(time_text(time)),
        Data::DateTimeIso(text) => Some(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned()),
        Data::DurationIso(text) => Some(text.clone()),
    }
}

/// At most fifteen digits, as spreadsheets show them: `0.3`, not the `0.30000000000000004` that is stored.
fn number_text(number: f64) -> String {
    format!("{number:.14e}").parse::<f64>().unwrap_or(number).to_string()
}

fn time_text(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    if time.is_duration() {
        let seconds = (time.as_f64() * 86_400.0).round();
        return format!("{}:{:02}:{:02}", (seconds / 3600.0).floor(), (seconds / 60.0).floor() % 60.0, seconds % 60.0);
    }
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    match time.as_f64() {
        day_part if day_part < 1.0 => clock,
        whole if whole.fract() == 0.0 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{clock}"),
    }
}
