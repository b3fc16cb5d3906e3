//! Where the bytes of a source lie: in a file or in a member of a ZIP archive, packed by gzip or zstd or not.
//!
//! Packed bytes are unpacked as they are read, never as a whole, so a reader does not see a difference.

use crate::{file_fault, io_fault};
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use treaty_app::raw::Fault;
use zip::CompressionMethod;

/// Largest workbook or archive member that is held as a whole.
const MAX_HELD_BYTES: u64 = 1024 * 1024 * 1024;

/// A file inside a ZIP archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its path in the archive.
    pub name: String,
    start: u64,
    packed: u64,
    deflated: bool,
}

/// Bytes that can be read from their beginning as often as needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) path: PathBuf,
    pub(crate) member: Option<Member>,
}

impl Bytes {
    /// A file as a whole.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), member: None }
    }

    /// As they lie in the file or archive.
    fn packed(&self) -> io::Result<Box<dyn Read>> {
        let mut file = File::open(&self.path)?;
        let Some(member) = &self.member else { return Ok(Box::new(file)) };
        file.seek(SeekFrom::Start(member.start))?;
        let part = BufReader::with_capacity(crate::text::BLOCK_BYTES, file.take(member.packed));
        Ok(if member.deflated { Box::new(DeflateDecoder::new(part)) } else { Box::new(part) })
    }

    /// From the beginning, unpacked.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read>> {
        let mut packed = self.packed()?;
        let mut start = Vec::with_capacity(4);
        packed.by_ref().take(4).read_to_end(&mut start)?;
        let kind = Packing::of(&start);
        let whole = Cursor::new(start).chain(packed);
        Ok(match kind {
            Packing::None => Box::new(whole),
            Packing::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(crate::text::BLOCK_BYTES, whole))),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
        })
    }

    /// All of them, for formats that are not read from front to back.
    pub(crate) fn read_all(&self, display: &str) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        let read = self.open().and_then(|bytes| bytes.take(MAX_HELD_BYTES + 1).read_to_end(&mut all));
        read.map_err(|e| io_fault(display, &e))?;
        if all.len() as u64 > MAX_HELD_BYTES {
            return Err(file_fault(display, format!("is larger than {} MB; export it as CSV", MAX_HELD_BYTES >> 20)));
        }
        Ok(all)
    }

    /// Whether they are packed, which formats that are read in place cannot be.
    pub(crate) fn is_packed(&self) -> io::Result<bool> {
        let mut start = Vec::with_capacity(4);
        self.packed()?.take(4).read_to_end(&mut start)?;
        Ok(self.member.is_some() || Packing::of(&start) != Packing::None)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// The files in a ZIP archive, without hidden ones, in the order of the archive.
pub(crate) fn members(path: &Path, display: &str) -> Result<Vec<Member>, Fault> {
    let bad = |e: &dyn std::fmt::Display| file_fault(display, format!("is a ZIP archive that cannot be read: {e}"));
    let file = File::open(path).map_err(|e| io_fault(display, &e))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| bad(&e))?;
    let mut members = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(|e| bad(&e))?;
        let name = entry.name().map_err(|e| bad(&e))?.into_owned();
        let hidden = name.split('/').any(|part| part.starts_with(['.', '_']));
        if entry.is_dir() || hidden {
            continue;
        }
        let deflated = match entry.compression() {
            _ if entry.encrypted() => return Err(file_fault(display, format!("holds {name} with a password; unpack it first"))),
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(file_fault(display, format!("holds {name} packed by {other}, which is not read; unpack it first"))),
        };
        let start = entry.data_start().ok_or_else(|| bad(&"a member has no place"))?;
        members.push(Member { name, start, packed: entry.compressed_size(), deflated });
    }
    Ok(members)
}
