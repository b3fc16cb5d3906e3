//! Reads JSON lines and JSON lists of objects into columns of text.
//!
//! A number keeps the letters it has in the file (`1.10`, ids of twenty digits), a nested value becomes its JSON text
//! without blanks, `null` and the empty text are missing. Columns stand in the order of their first appearance.

use crate::bytes::Bytes;
use crate::text::Text;
use crate::{CHUNK_BYTES, CHUNK_ROWS, MAX_COLUMNS, MAX_FAULTY_ROWS, Reading, file_fault, table_of};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};

/// Largest list, which must be held as a whole. JSON lines have no such limit.
const MAX_LIST_BYTES: u64 = 1024 * 1024 * 1024;

/// Reads a whole file.
pub fn read_json(path: &Path, display: &str, progress: &dyn Progress) -> Result<RawTable, Fault> {
    read_json_with_notes(path, display, progress).map(|reading| reading.table)
}

/// Reads a whole file, and says what the user should know about it.
pub fn read_json_with_notes(path: &Path, display: &str, progress: &dyn Progress) -> Result<Reading, Fault> {
    read(&Bytes::of(path), display, progress)
}

/// Reads a whole file, or a member of an archive.
pub(crate) fn read(bytes: &Bytes, display: &str, progress: &dyn Progress) -> Result<Reading, Fault> {
    progress.step(display, None);
    let path = bytes.path.as_path();
    let text = Text::survey(bytes, display)?;
    let mut rows = Rows::new(display, progress);
    let mut lines = BufReader::with_capacity(crate::text::BLOCK_BYTES, text.open()?);
    let mut line = String::new();
    let mut number = 0;
    while read_line(&mut lines, &mut line, display)? {
        number += 1;
        let value = line.trim();
        if value.is_empty() {
            continue;
        }
        let first = rows.is_untouched();
        if first && value.starts_with('[') {
            rows.list(&text.read_all(MAX_LIST_BYTES)?)?;
            return rows.finish(path, text.notes);
        }
        match serde_json::from_str::<IgnoredAny>(value) {
            Ok(_) => rows.object(value, number)?,
            Err(error) if first && error.is_eof() => {
                rows.stream(&text.read_all(MAX_LIST_BYTES)?)?;
                return rows.finish(path, text.notes);
            }
            Err(error) => rows.fault(number, syntax(&error))?,
        }
    }
    rows.finish(path, text.notes)
}

/// Keys of the objects, in the order of their first appearance.
pub fn read_keys(path: &Path, display: &str) -> Result<Vec<String>, Fault> {
    keys(&Bytes::of(path), display)
}

/// Keys of the objects in a file, or a member of an archive.
pub(crate) fn keys(bytes: &Bytes, display: &str) -> Result<Vec<String>, Fault> {
    let reading = read(bytes, display, &treaty_app::import::Silent)?;
    Ok(reading.table.chunks.first().map(|c| c.columns.iter().map(|c| c.name.clone()).collect()).unwrap_or_default())
}

fn read_line(lines: &mut impl BufRead, line: &mut String, display: &str) -> Result<bool, Fault> {
    line.clear();
    let read = lines.read_line(line).map_err(|e| crate::io_fault(display, &e))?;
    Ok(read > 0)
}

/// What serde_json says, without its own place, which counts from the start of the value.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(before, _)| before);
    format!("is not valid JSON: {text} (at character {} of the line)", error.column())
}

/// Rows in the making.
struct Rows<'a> {
    display: &'a str,
    progress: &'a dyn Progress,
    columns: Vec<TextColumn>,
    by_name: HashMap<String, usize>,
    lines: Vec<u64>,
    bytes: usize,
    chunks: Vec<RawChunk>,
    faults: Vec<Fault>,
    /// For each column the last row that has a cell, counted from 1 in the chunk.
    filled: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn new(display: &'a str, progress: &'a dyn Progress) -> Self {
        Self {
            display,
            progress,
            columns: Vec::new(),
            by_name: HashMap::new(),
            lines: Vec::new(),
            bytes: 0,
            chunks: Vec::new(),
            faults: Vec::new(),
            filled: Vec::new(),
        }
    }

    fn is_untouched(&self) -> bool {
        self.lines.is_empty() && self.chunks.is_empty() && self.faults.is_empty()
    }

    fn fault(&mut self, line: u64, reason: String) -> Result<(), Fault> {
        if self.faults.len() >= MAX_FAULTY_ROWS {
            return Err(file_fault(self.display, format!("more than {MAX_FAULTY_ROWS} rows cannot be read; last: {reason}")));
        }
        self.faults.push(Fault { line, ..file_fault(self.display, reason) });
        Ok(())
    }

    /// A list of objects. The list as a whole must be valid: a broken one has no rows to trust.
    fn list(&mut self, text: &str) -> Result<(), Fault> {
        let mut place = Place { text, at: 0, line: 1 };
        place.blanks();
        place.advance(1);
        place.blanks();
        let mut first = true;
        while place.byte() != Some(b']') {
            if !first {
                if place.byte() != Some(b',') {
                    return Err(self.broken_list(&place, "a comma or the closing ] is missing; the file may have been cut short"));
                }
                place.advance(1);
                place.blanks();
            }
            first = false;
            let (value, line) = self.value(&mut place)?;
            self.object(value, line)?;
            place.blanks();
        }
        place.advance(1);
        place.blanks();
        match place.byte() {
            None => Ok(()),
            Some(_) => Err(self.broken_list(&place, "there is more text after the closing ]")),
        }
    }

    /// Objects one after another, each over any number of lines.
    fn stream(&mut self, text: &str) -> Result<(), Fault> {
        let mut place = Place { text, at: 0, line: 1 };
        place.blanks();
        while place.byte().is_some() {
            let (value, line) = self.value(&mut place)?;
            self.object(value, line)?;
            place.blanks();
        }
        Ok(())
    }

    /// Takes one valid value off the text.
    fn value<'t>(&self, place: &mut Place<'t>) -> Result<(&'t str, u64), Fault> {
        let rest = &place.text[place.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let (value, line) = (&rest[..values.byte_offset()], place.line);
                place.advance(value.len());
                Ok((value, line))
            }
            Some(Err(error)) => {
                let line = place.line + (error.line() as u64).saturating_sub(1);
                Err(Fault { line, ..file_fault(self.display, syntax(&error)) })
            }
            None => Err(self.broken_list(place, "the closing ] is missing; the file may have been cut short")),
        }
    }

    fn broken_list(&self, place: &Place<'_>, reason: &str) -> Fault {
        Fault { line: place.line, ..file_fault(self.display, format!("is not valid JSON: {reason}")) }
    }

    /// Adds an object that is known to be valid JSON.
    fn object(&mut self, value: &str, line: u64) -> Result<(), Fault> {
        if !value.starts_with('{') {
            let kind = match value.as_bytes().first() {
                Some(b'[') => "a list",
                Some(b'"') => "a text",
                Some(b'n') => "null",
                Some(b't' | b'f') => "true or false",
                _ => "a number",
            };
            return self.fault(line, format!("is {kind}, but each row must be an object such as {{\"id\": 1}}"));
        }
        if self.lines.len() >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES {
            self.close_chunk();
        }
        let row = self.lines.len() + 1;
        let mut members = Members { rest: &value[1..] };
        let mut guess = 0;
        while let Some((key, raw)) = members.next() {
            let cell = text_of(raw);
            let (Some(key), Some(cell)) = (key, cell) else {
                self.take_back(row);
                return self.fault(line, "holds a \\u escape that is no character; mend it at the source".to_owned());
            };
            let key = key.trim();
            let column = match self.columns.get(guess) {
                Some(column) if column.name == key => guess,
                _ => self.column(key, line)?,
            };
            guess = column + 1;
            if self.filled[column] == row {
                let reason = format!("names {key} twice");
                self.take_back(row);
                return self.fault(line, reason);
            }
            let cell = (!cell.is_empty()).then_some(cell);
            self.bytes += cell.as_ref().map_or(0, |c| c.len());
            fill(&mut self.columns[column], row - 1);
            self.columns[column].push(cell.as_deref());
            self.filled[column] = row;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Forgets the cells of a row that turned out faulty.
    fn take_back(&mut self, row: usize) {
        for (column, filled) in self.columns.iter_mut().zip(&mut self.filled) {
            if *filled == row {
                column.present.pop();
                column.offsets.pop();
                let end = column.offsets.last().copied().unwrap_or(0);
                column.bytes.truncate(usize::try_from(end).unwrap_or(0));
                *filled = 0;
            }
        }
    }

    fn column(&mut self, key: &str, line: u64) -> Result<usize, Fault> {
        if let Some(column) = self.by_name.get(key) {
            return Ok(*column);
        }
        if self.columns.len() >= MAX_COLUMNS {
            let reason = format!("has more than {MAX_COLUMNS} different keys; ids or dates seem to be used as keys");
            return Err(Fault { line, ..file_fault(self.display, reason) });
        }
        self.by_name.insert(key.to_owned(), self.columns.len());
        self.columns.push(TextColumn::new(key));
        self.filled.push(0);
        Ok(self.columns.len() - 1)
    }

    fn close_chunk(&mut self) {
        let rows = self.lines.len();
        let fresh = self.columns.iter().map(|c| TextColumn::new(&c.name)).collect();
        let mut columns = std::mem::replace(&mut self.columns, fresh);
        columns.iter_mut().for_each(|c| fill(c, rows));
        self.filled.iter_mut().for_each(|f| *f = 0);
        self.chunks.push(RawChunk { columns, lines: std::mem::take(&mut self.lines) });
        self.bytes = 0;
        self.progress.advance(rows as u64);
    }

    fn finish(mut self, path: &Path, notes: Vec<String>) -> Result<Reading, Fault> {
        if !self.lines.is_empty() || self.chunks.is_empty() {
            self.close_chunk();
        }
        // Keys may come late: all chunks get all columns.
        let names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        for chunk in &mut self.chunks {
            for name in &names[chunk.columns.len()..] {
                let mut column = TextColumn::new(name);
                fill(&mut column, chunk.lines.len());
                chunk.columns.push(column);
            }
        }
        let table =
            RawTable { name: table_of(path), file: self.display.to_owned(), chunks: self.chunks, faults: self.faults };
        Ok(Reading { table, notes })
    }
}

/// Adds missing cells up to a number of rows.
fn fill(column: &mut TextColumn, rows: usize) {
    while column.len() < rows {
        column.push(None);
    }
}

/// A place in a text, with its line.
struct Place<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Place<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn advance(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        self.line += crate::text::count_lines(&self.text.as_bytes()[self.at..end]);
        self.at = end;
    }

    fn blanks(&mut self) {
        while self.byte().is_some_and(|b| b.is_ascii_whitespace()) {
            self.advance(1);
        }
    }
}

/// Members of an object that is known to be valid JSON: the rest of its text after `{`.
pub(crate) struct Members<'t> {
    rest: &'t str,
}

impl<'t> Members<'t> {
    /// Members of a valid JSON object.
    pub(crate) fn of(object: &'t str) -> Self {
        Self { rest: object.trim_start().strip_prefix('{').unwrap_or_default() }
    }

    /// Key (`None` if its escapes are no text) and raw value.
    pub(crate) fn next(&mut self) -> Option<(Option<Cow<'t, str>>, &'t str)> {
        let start = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if !start.starts_with('"') {
            return None;
        }
        let (key, rest) = start.split_at(value_length(start));
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ':');
        let (value, rest) = rest.split_at(value_length(rest));
        self.rest = rest;
        Some((text_of(key), value))
    }
}

/// Length of the value at the start of a text that is known to be valid JSON.
fn value_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut quoted, mut i) = (0_usize, false, 0);
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'\\' if quoted => i += 1,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return i + 1;
                }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            b'}' | b']' | b',' if depth == 0 => return i,
            b if b.is_ascii_whitespace() && depth == 0 => return i,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// The text of a raw value: a text without its quotes, `null` as nothing, a nested value without blanks, anything
/// else letter for letter. `None` if an escape is no character.
pub(crate) fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        Some(b'"') => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(b'{' | b'[') if raw.contains(|c: char| c.is_ascii_whitespace()) => Some(Cow::Owned(without_blanks(raw))),
        Some(b'n') => Some(Cow::Borrowed("")),
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// JSON without the blanks between its parts.
fn without_blanks(raw: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    raw.chars()
        .filter(|c| {
            let keep = quoted || !c.is_ascii_whitespace();
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = quoted,
                '"' => quoted = !quoted,
                _ => {}
            }
            keep
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_letters() {
        let text = r#" "a" : 1.10 , "b":"x\n\"y\"","c":{"d": [1, "}, "]},"e":null,"f":true,"id":12345678901234567890123}"#;
        let mut members = Members { rest: text };
        let mut all = Vec::new();
        while let Some((key, value)) = members.next() {
            all.push((key.unwrap_or_default().into_owned(), text_of(value).unwrap_or_default().into_owned()));
        }
        let expected = [
            ("a", "1.10"),
            ("b", "x\n\"y\""),
            ("c", r#"{"d":[1,"}, "]}"#),
            ("e", ""),
            ("f", "true"),
            ("id", "12345678901234567890123"),
        ];
        assert_eq!(all, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
