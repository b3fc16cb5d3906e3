//! Text files as bytes of UTF-8, whatever encoding they came in.

use crate::bytes::Bytes;
use crate::sniff::{Content, sniff};
use crate::{file_fault, io_fault};
use std::io::{self, Cursor, Read};
use treaty_app::raw::Fault;

/// Bytes read at once.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;

/// Encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Windows1252,
    Utf16 { big_endian: bool },
}

/// A text file that has been read through once, to know how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    bytes: Bytes,
    display: String,
    encoding: Encoding,
    /// Lines end with a carriage return alone.
    old_mac: bool,
    /// A backslash stands before a quote somewhere.
    pub(crate) backslash_quote: bool,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
}

impl Text {
    /// Reads a file through: its encoding, its line ends. Refuses what is no text and what is empty.
    pub(crate) fn survey(bytes: &Bytes, display: &str) -> Result<Self, Fault> {
        match sniff(bytes).map_err(|e| io_fault(display, &e))? {
            Content::Foreign(reason) => return Err(file_fault(display, reason)),
            Content::Parquet => return Err(file_fault(display, "is really a Parquet file; rename it to .parquet")),
            Content::Workbook => return Err(file_fault(display, "is really a workbook (XLSX, XLS or ODS), whatever its name says")),
            Content::Archive => return Err(file_fault(display, "is a ZIP archive inside another; unpack it first")),
            Content::Sqlite => return Err(file_fault(display, "is an SQLite database, not text")),
            Content::Empty => return Err(file_fault(display, "is empty; it should begin with a line of column names")),
            Content::JsonObject | Content::JsonArray | Content::Text => {}
        }
        let mut text = Self {
            bytes: bytes.clone(),
            display: display.to_owned(),
            encoding: Encoding::Utf8,
            old_mac: false,
            backslash_quote: false,
            notes: Vec::new(),
        };
        let mut mark = [0; 2];
        let read = bytes.open().and_then(|mut f| f.read_exact(&mut mark));
        if read.is_ok() && (mark == [0xff, 0xfe] || mark == [0xfe, 0xff]) {
            text.encoding = Encoding::Utf16 { big_endian: mark == [0xfe, 0xff] };
            text.notes.push(format!("{display} is in UTF-16 and was decoded"));
        }
        text.read_through()?;
        Ok(text)
    }

    fn read_through(&mut self) -> Result<(), Fault> {
        let mut reader = self.open()?;
        let check = self.encoding == Encoding::Utf8;
        let mut block = vec![0; BLOCK_BYTES];
        let (mut kept, mut line, mut invalid) = (0, 1_u64, None);
        let (mut line_feed, mut carriage_return, mut last, mut any) = (false, false, 0, false);
        loop {
            let read = match reader.read(&mut block[kept..]) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io_fault(&self.display, &e)),
            };
            let fresh = &block[kept..kept + read];
            any |= fresh.iter().any(|b| !b.is_ascii_whitespace());
            line_feed = line_feed || fresh.contains(&b'\n');
            carriage_return = carriage_return || fresh.contains(&b'\r');
            self.backslash_quote = self.backslash_quote || has_backslash_quote(last, fresh);
            last = fresh.last().copied().unwrap_or(last);
            let held = kept + read;
            if check && invalid.is_none() {
                let (valid, cut) = match std::str::from_utf8(&block[..held]) {
                    Ok(_) => (held, false),
                    Err(e) => (e.valid_up_to(), e.error_len().is_none()),
                };
                line += count_lines(&block[..valid]);
                if valid < held && (!cut || read == 0) {
                    invalid = Some(line);
                }
                kept = if invalid.is_some() { 0 } else { held - valid };
                block.copy_within(valid..valid + kept, 0);
            }
            if read == 0 {
                break;
            }
        }
        if !any {
            return Err(file_fault(&self.display, "holds nothing but blanks; it should begin with a line of column names"));
        }
        self.old_mac = carriage_return && !line_feed;
        if let Some(line) = invalid {
            self.encoding = Encoding::Windows1252;
            self.notes.push(format!(
                "{} is not in UTF-8 (first in line {line}) and was read as Windows-1252; if letters look wrong, save it as CSV UTF-8",
                self.display
            ));
        }
        Ok(())
    }

    /// The text from its beginning, as UTF-8, without byte-order mark.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Fault> {
        let mut file = self.bytes.open().map_err(|e| io_fault(&self.display, &e))?;
        let mut start = Vec::new();
        let marked = if matches!(self.encoding, Encoding::Utf16 { .. }) { 2 } else { 3 };
        file.by_ref().take(marked).read_to_end(&mut start).map_err(|e| io_fault(&self.display, &e))?;
        if matches!(start.as_slice(), b"\xef\xbb\xbf" | b"\xff\xfe" | b"\xfe\xff") {
            start.clear();
        }
        let bytes = Cursor::new(start).chain(file);
        Ok(match self.encoding {
            Encoding::Utf8 if !self.old_mac => Box::new(bytes),
            encoding => Box::new(Decoder::new(bytes, encoding, self.old_mac)),
        })
    }

    /// The whole text.
    pub(crate) fn read_all(&self, limit: u64) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        self.open()?.take(limit + 1).read_to_end(&mut bytes).map_err(|e| io_fault(&self.display, &e))?;
        if bytes.len() as u64 > limit {
            let reason = format!("is larger than {} MB, too large for one list; save it as JSON lines, one object a line", limit >> 20);
            return Err(file_fault(&self.display, reason));
        }
        String::from_utf8(bytes).map_err(|_| file_fault(&self.display, "changed while it was read; import it again"))
    }
}

/// Line feeds in a run of bytes.
pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|b| **b == b'\n').count() as u64
}

fn has_backslash_quote(before: u8, bytes: &[u8]) -> bool {
    if before == b'\\' && bytes.first() == Some(&b'"') {
        return true;
    }
    bytes.contains(&b'\\') && bytes.windows(2).any(|pair| pair == b"\\\"")
}

/// Turns bytes of another encoding into UTF-8, and lone carriage returns into line feeds.
struct Decoder<R> {
    inner: R,
    encoding: Encoding,
    old_mac: bool,
    raw: Vec<u8>,
    /// Bytes at the start of `raw` that wait for their other half.
    waiting: usize,
    ready: String,
    given: usize,
}

impl<R: Read> Decoder<R> {
    fn new(inner: R, encoding: Encoding, old_mac: bool) -> Self {
        Self { inner, encoding, old_mac, raw: vec![0; BLOCK_BYTES], waiting: 0, ready: String::new(), given: 0 }
    }

    /// Decodes what is in `raw[..held]`; `last` if no more will come.
    fn decode(&mut self, held: usize, last: bool) {
        self.ready.clear();
        self.given = 0;
        let bytes = &self.raw[..held];
        let used = match self.encoding {
            Encoding::Windows1252 => {
                self.ready.extend(bytes.iter().map(|b| windows_1252(*b)));
                held
            }
            Encoding::Utf16 { big_endian } => {
                let mut used = held - held % 2;
                let high = used >= 2 && (0xd8..=0xdb).contains(&bytes[if big_endian { used - 2 } else { used - 1 }]);
                if high && !last {
                    used -= 2;
                }
                let units = bytes[..used].chunks_exact(2).map(|pair| {
                    let pair = [pair[0], pair[1]];
                    if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
                });
                self.ready.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                if last && held % 2 == 1 {
                    self.ready.push(char::REPLACEMENT_CHARACTER);
                    used = held;
                }
                used
            }
            Encoding::Utf8 => {
                let cut = match std::str::from_utf8(bytes) {
                    Err(e) if e.error_len().is_none() && !last => e.valid_up_to(),
                    _ => held,
                };
                self.ready.push_str(&String::from_utf8_lossy(&bytes[..cut]));
                cut
            }
        };
        if self.old_mac {
            self.ready = self.ready.replace('\r', "\n");
        }
        self.waiting = held - used;
        self.raw.copy_within(used..held, 0);
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            let read = self.inner.read(&mut self.raw[self.waiting..])?;
            let held = self.waiting + read;
            if read == 0 && held == 0 {
                return Ok(0);
            }
            self.decode(held, read == 0);
        }
        let rest = &self.ready.as_bytes()[self.given..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}

/// Windows-1252; its five unused bytes become the control characters of the same number.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives its bytes in small pieces, so that pairs are cut in two.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn utf_16_is_decoded_across_block_ends() -> io::Result<()> {
        let text = "a,é,€,😀,\n";
        for big_endian in [false, true] {
            let bytes: Vec<u8> =
                text.encode_utf16().flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            for piece in 1..5 {
                let mut out = String::new();
                Decoder::new(Drops(&bytes, piece), Encoding::Utf16 { big_endian }, false).read_to_string(&mut out)?;
                assert_eq!(out, text);
            }
        }
        Ok(())
    }

    #[test]
    fn windows_1252_has_quotes_and_the_euro_sign() -> io::Result<()> {
        let mut out = String::new();
        Decoder::new(Drops(b"caf\xe9 \x80 \x93x\x94", 3), Encoding::Windows1252, false).read_to_string(&mut out)?;
        assert_eq!(out, "café € “x”");
        Ok(())
    }

    #[test]
    fn a_backslash_before_a_quote_is_seen_across_blocks() {
        assert!(has_backslash_quote(b'\\', b"\"x"));
        assert!(has_backslash_quote(b'x', b"a\\\"b"));
        assert!(!has_backslash_quote(b'x', b"\"a\\b\""));
    }
}
