//! What a file is by its first bytes, whatever its name says.

use crate::bytes::Bytes;
use std::io::{self, Read};

/// Bytes that are looked at.
const SNIFF_BYTES: usize = 4096;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing in it.
    Empty,
    /// Parquet.
    Parquet,
    /// A workbook of sheets.
    Workbook,
    /// A ZIP archive that is no workbook as far as one sees.
    Archive,
    /// An SQLite database.
    Sqlite,
    /// Text that begins with `{`.
    JsonObject,
    /// Text that begins with `[`.
    JsonArray,
    /// Other text.
    Text,
    /// Something that is not read here, and what to do about it.
    Foreign(&'static str),
}

/// Looks at the beginning of a file.
pub(crate) fn sniff(bytes: &Bytes) -> io::Result<Content> {
    let mut start = Vec::with_capacity(SNIFF_BYTES);
    bytes.open()?.take(SNIFF_BYTES as u64).read_to_end(&mut start)?;
    Ok(content(&start))
}

/// Judges the first bytes.
pub(crate) fn content(start: &[u8]) -> Content {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "is compressed twice; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "is compressed twice; unpack it first"),
        (b"BZh", "is compressed with bzip2; unpack it first (bunzip2 FILE)"),
        (b"\xfd7zXZ\x00", "is compressed with xz; unpack it first (unxz FILE)"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
        (b"ARROW1", "is an Arrow file; save it as Parquet or CSV"),
        (b"ORC", "is an ORC file; save it as Parquet or CSV"),
        (b"Obj\x01", "is an Avro file; save it as Parquet or CSV"),
        (b"%PDF", "is a PDF document; export the data as CSV"),
    ];
    if start.is_empty() {
        return Content::Empty;
    }
    if start.starts_with(b"PAR1") {
        return Content::Parquet;
    }
    if start.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Content::Workbook;
    }
    if start.starts_with(b"SQLite format 3\0") {
        return Content::Sqlite;
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        const SIGNS: [&[u8]; 4] = [b"xl/", b"[Content_Types].xml", b"_rels/", b"application/vnd.oasis.opendocument.spreadsheet"];
        let workbook = SIGNS.iter().any(|w| start.windows(w.len()).any(|s| s == *w));
        return if workbook { Content::Workbook } else { Content::Archive };
    }
    if let Some((_, reason)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic) && !is_text(magic, start)) {
        return Content::Foreign(reason);
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Content::Text;
    }
    if start.contains(&0) {
        return Content::Foreign("is not text (it holds zero bytes); save it as CSV UTF-8");
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let lower = text[..text.len().min(64)].to_ascii_lowercase();
    if lower.starts_with(b"<!doctype") || lower.starts_with(b"<html") {
        return Content::Foreign("is a web page; the download probably asked for a login");
    }
    if lower.starts_with(b"<?xml") {
        return Content::Foreign("is XML; export the data as CSV");
    }
    match text.first() {
        Some(b'{') => Content::JsonObject,
        Some(b'[') => Content::JsonArray,
        _ => Content::Text,
    }
}

/// The magic is plain letters and all that follows is text: a header `ORCHARD` is not an ORC file.
fn is_text(magic: &[u8], start: &[u8]) -> bool {
    magic.iter().all(u8::is_ascii_alphanumeric) && !start.iter().any(|b| *b < 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides() {
        assert_eq!(content(b""), Content::Empty);
        assert_eq!(content(b"PAR1\x15\x04"), Content::Parquet);
        assert_eq!(content(b"PK\x03\x04....xl/workbook.xml"), Content::Workbook);
        assert_eq!(content(b"PK\x03\x04..mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), Content::Workbook);
        assert_eq!(content(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Content::Workbook);
        assert_eq!(content(b"PK\x03\x04....notes.txt"), Content::Archive);
        assert_eq!(content(b"SQLite format 3\0"), Content::Sqlite);
        assert!(matches!(content(b"\x1f\x8b\x08"), Content::Foreign(r) if r.contains("twice")));
        assert!(matches!(content(b"\xef\xbb\xbf<!DOCTYPE html>"), Content::Foreign(r) if r.contains("web page")));
        assert!(matches!(content(b"a,b\x00c"), Content::Foreign(_)));
        assert_eq!(content(b"ORC,BZh\n1,2\n"), Content::Text);
        assert!(matches!(content(b"ORC\x01\x02"), Content::Foreign(_)));
        assert_eq!(content(b"\xff\xfea\0,\0"), Content::Text);
        assert_eq!(content(b"\xef\xbb\xbf {\"a\":1}"), Content::JsonObject);
        assert_eq!(content(b"\n[{\"a\":1}]"), Content::JsonArray);
        assert_eq!(content(b"id,name\n"), Content::Text);
    }
}
