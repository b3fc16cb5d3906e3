//! Which delimiter a file uses and how it writes a quote inside quotes.

use std::io::{self, Read};

/// Delimiters that are tried, the usual one first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows of the sample that are compared with the header.
const SAMPLE_ROWS: usize = 200;

/// Excel's line that names the delimiter, `sep=;`: the delimiter and the length of the line.
pub(crate) fn sep_line(sample: &[u8]) -> Option<(u8, usize)> {
    let rest = sample.strip_prefix(b"sep=")?;
    let delimiter = *rest.first().filter(|b| DELIMITERS.contains(b))?;
    match (rest.get(1), rest.get(2)) {
        (Some(b'\n'), _) => Some((delimiter, 6)),
        (Some(b'\r'), Some(b'\n')) => Some((delimiter, 7)),
        _ => None,
    }
}

/// The delimiter of a file by its first rows; `whole` if the sample is all of it.
///
/// A delimiter must split the header. Of those that do, the one counts under which most rows have as many cells as
/// the header, among these one under which nothing stands above the header, and then the one with most columns. If none does, the file has one column,
/// and the delimiter is one that splits none of its cells.
pub(crate) fn delimiter(sample: &[u8], whole: bool) -> u8 {
    let mut best = None;
    for delimiter in DELIMITERS {
        for backslash in [false, true] {
            let Some((agreeing, width, above)) = agreement(sample, whole, delimiter, backslash) else { continue };
            let score = (width > 1, agreeing, above == 0, width, !backslash, !sample.contains(&delimiter));
            if best.is_none_or(|(b, _)| score > b) {
                best = Some((score, delimiter));
            }
        }
    }
    best.map_or(b',', |(_, delimiter)| delimiter)
}

/// How many rows in a thousand have the header's number of cells, that number, and how many rows stand above the header.
fn agreement(sample: &[u8], whole: bool, delimiter: u8, backslash: bool) -> Option<(usize, usize, usize)> {
    let rows = rows(sample, whole, delimiter, backslash);
    let at = header_at(&rows);
    let header = rows.get(at)?.len();
    let below = &rows[at + 1..];
    let agreeing = below.iter().filter(|row| row.len() == header).count();
    // A header below a title is known by its rows; the first line is one without any.
    let share = match below.len() {
        0 if at > 0 => 0,
        0 => 1000,
        all => agreeing * 1000 / all,
    };
    Some((share, header, at))
}

/// How many rows stand above the header, and what the first of them says.
pub(crate) fn preamble(sample: &[u8], whole: bool, delimiter: u8, backslash: bool) -> (usize, Vec<String>) {
    let mut rows = rows(sample, whole, delimiter, backslash);
    let at = header_at(&rows);
    (at, if rows.is_empty() { Vec::new() } else { rows.swap_remove(0) })
}

fn header_at(rows: &[Vec<String>]) -> usize {
    // A trailing delimiter is no column, but it does not make a title of a header either.
    let filled: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let end = row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
            row[..end].to_vec()
        })
        .collect();
    crate::header::header_row(&filled, crate::header::usual_width(rows.iter().map(Vec::len)))
}

/// The rows of a sample, without one that it may have cut off.
fn rows(sample: &[u8], whole: bool, delimiter: u8, backslash: bool) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .escape(backslash.then_some(b'\\'))
        .from_reader(sample);
    let mut record = csv::ByteRecord::new();
    let mut rows = Vec::new();
    while rows.len() <= SAMPLE_ROWS {
        if !reader.read_byte_record(&mut record).unwrap_or(false) {
            if !whole && rows.len() > 1 {
                rows.pop();
            }
            break;
        }
        rows.push(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect());
    }
    rows
}

/// Where a scanner of quoted text stands. The same automaton as the `csv` crate's, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a backslash inside quotes.
    Backslash,
    /// After a quote inside quotes: its end, or the first of two.
    Quote,
}

/// Follows quotes through a text.
#[derive(Debug, Clone)]
struct Quotes {
    delimiter: u8,
    backslash: bool,
    state: State,
    /// Quotes that close a cell in the middle of it: a sign of the wrong dialect, or of a quote that lacks its pair.
    misplaced: u64,
    /// Quotes in cells that do not begin with one.
    stray: u64,
    /// Rows with another number of cells than the first.
    ragged: u64,
    /// Cells of this row that have ended.
    cells: u64,
    first_width: u64,
}

impl Quotes {
    fn new(delimiter: u8, backslash: bool) -> Self {
        Self { delimiter, backslash, state: State::CellStart, misplaced: 0, stray: 0, ragged: 0, cells: 0, first_width: 0 }
    }

    fn step(&mut self, byte: u8) {
        let ends = byte == self.delimiter || byte == b'\n' || byte == b'\r';
        self.state = match self.state {
            State::CellStart if byte == b'"' => State::Quoted,
            State::Quoted if byte == b'"' => State::Quote,
            State::Quoted if byte == b'\\' && self.backslash => State::Backslash,
            State::Quoted | State::Backslash => State::Quoted,
            State::Quote if byte == b'"' => State::Quoted,
            _ if ends => {
                self.end_cell(byte);
                State::CellStart
            }
            State::Quote => {
                self.misplaced += 1;
                State::Plain
            }
            State::CellStart | State::Plain => {
                self.stray += u64::from(byte == b'"');
                State::Plain
            }
        };
    }

    fn end_cell(&mut self, byte: u8) {
        if byte == self.delimiter {
            self.cells += 1;
            return;
        }
        let blank_line = self.cells == 0 && self.state == State::CellStart;
        if !blank_line {
            let width = self.cells + 1;
            if self.first_width == 0 {
                self.first_width = width;
            }
            self.ragged += u64::from(width != self.first_width);
            self.cells = 0;
        }
    }

    /// Signs of the wrong dialect in the whole text.
    fn finish(self) -> u64 {
        self.misplaced + self.stray + self.ragged + u64::from(matches!(self.state, State::Quoted | State::Backslash))
    }
}

/// Whether quotes inside quotes are escaped by a backslash rather than doubled: the reading that leaves fewer quotes
/// in impossible places.
pub(crate) fn escapes_by_backslash(mut text: impl Read, delimiter: u8) -> io::Result<bool> {
    let mut doubled = Quotes::new(delimiter, false);
    let mut escaped = Quotes::new(delimiter, true);
    let mut block = vec![0; crate::text::BLOCK_BYTES];
    loop {
        let read = match text.read(&mut block) {
            Ok(0) => return Ok(escaped.finish() < doubled.finish()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        for byte in &block[..read] {
            doubled.step(*byte);
            escaped.step(*byte);
        }
    }
}

/// A quote closes in the middle of a cell, which means that one was opened by mistake.
pub(crate) fn has_misplaced_quote(row: &[u8], delimiter: u8) -> bool {
    let mut quotes = Quotes::new(delimiter, false);
    row.iter().for_each(|byte| quotes.step(*byte));
    quotes.misplaced > 0
}

/// Rewrites quotes escaped by a backslash into doubled ones. Inside quotes `\"` is a quote and `\\` a backslash;
/// any other backslash stays what it is, as in `C:\new`. Lines stay lines.
pub(crate) struct Unescape<R> {
    inner: R,
    quotes: Quotes,
    raw: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Unescape<R> {
    pub(crate) fn new(inner: R, delimiter: u8) -> Self {
        let quotes = Quotes::new(delimiter, true);
        Self { inner, quotes, raw: vec![0; crate::text::BLOCK_BYTES], ready: Vec::new(), given: 0 }
    }

    fn push(&mut self, byte: u8) {
        let before = self.quotes.state;
        self.quotes.step(byte);
        match (before, self.quotes.state) {
            (_, State::Backslash) => {}
            (State::Backslash, _) if byte == b'"' => self.ready.extend_from_slice(b"\"\""),
            (State::Backslash, _) if byte == b'\\' => self.ready.push(b'\\'),
            (State::Backslash, _) => self.ready.extend_from_slice(&[b'\\', byte]),
            _ => self.ready.push(byte),
        }
    }
}

impl<R: Read> Read for Unescape<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            let mut raw = std::mem::take(&mut self.raw);
            let read = self.inner.read(&mut raw);
            for byte in &raw[..*read.as_ref().unwrap_or(&0)] {
                self.push(*byte);
            }
            self.raw = raw;
            if read? == 0 {
                return Ok(0);
            }
        }
        let rest = &self.ready[self.given..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_fits_header_and_rows() {
        for (sample, expected) in [
            (&b"a,b\n1,2\n"[..], b','),
            (b"a;b\n1,5;2,5\n", b';'),
            (b"a\tb\n1\t2\n", b'\t'),
            (b"a|b|c\n1|2|3\n", b'|'),
            (b"\"a,b\";c\n1;2\n", b';'),
            (b"a,b;c,d\n1,2;3,4\n", b','),
            (b"name\nSmith, John\n", b';'),
            (b"name\n", b','),
            (b"a;b,c\n1;2\n3;4\n", b';'),
            (b"text,n\n\"x \\\"a, b\\\" y\",1\n", b','),
        ] {
            assert_eq!(delimiter(sample, true) as char, expected as char, "{}", String::from_utf8_lossy(sample));
        }
    }

    #[test]
    fn a_delimiter_that_needs_no_title_counts() {
        // Read with commas, the third line would be a header of two columns below two lines of title.
        assert_eq!(delimiter("column 0;column 1\n;b\na;\",a\n,\"".as_bytes(), true), b';');
        // Read with tabs, these would be tables of three columns below a title, the first of them empty.
        assert_eq!(delimiter(b"column 0,column 1\nA,\ta\ta", true), b',');
        assert_eq!(delimiter(b"column 0,column 1\nA,\ta\ta\nB,\tb\tb", true), b',');
        assert_eq!(delimiter(b"Report of deals\nid;name;amount", true), b';');
    }

    #[test]
    fn quotes_that_are_escaped_make_no_title() {
        let sample = b"column 0\tcolumn 1\na\t\"\\\"\"\n\ta\n\"\ta\"\ta";
        assert_eq!(preamble(sample, true, b'\t', true).0, 0);
        assert_ne!(preamble(sample, true, b'\t', false).0, 0, "as if one row held all of them");
    }

    #[test]
    fn excels_first_line_names_the_delimiter() {
        assert_eq!(sep_line(b"sep=;\r\na;b"), Some((b';', 7)));
        assert_eq!(sep_line(b"sep=|\na|b"), Some((b'|', 6)));
        assert_eq!(sep_line(b"sep=x\n"), None);
        assert_eq!(sep_line(b"sep,a\n"), None);
    }

    #[test]
    fn a_backslash_at_the_end_of_a_cell_is_no_escape() -> io::Result<()> {
        assert!(escapes_by_backslash(&b"a,b\n\"say \\\"hi\\\"\",2\n"[..], b',')?);
        assert!(escapes_by_backslash(&b"a,b\n\"\\\"\",2\n"[..], b',')?);
        assert!(!escapes_by_backslash(&b"a,b\n\"C:\\dir\\\",2\n\"D:\\\",3\n"[..], b',')?);
        assert!(!escapes_by_backslash(&b"a,b\n\"say \"\"hi\\\"\"\",2\n"[..], b',')?);
        Ok(())
    }

    #[test]
    fn escapes_become_doubled_quotes_and_other_backslashes_stay() -> io::Result<()> {
        let mut out = String::new();
        Unescape::new(&b"a\\\"b,\"x\\\"y\",\"C:\\new\",\"\\\\srv\"\n"[..], b',').read_to_string(&mut out)?;
        assert_eq!(out, "a\\\"b,\"x\"\"y\",\"C:\\new\",\"\\srv\"\n");
        Ok(())
    }
}
