//! Arrow files that are derived and kept. They are mapped into memory, not copied: what the system has
//! in its cache needs no second place, and what is not looked at is not read. They are written under
//! another name and never changed, so a map shows what was written, even after the file is removed.

use crate::error::EngineError;
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::ipc::convert::fb_to_schema;
use datafusion::arrow::ipc::reader::{FileDecoder, read_footer_length};
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::arrow::ipc::{Block, root_as_footer};
use mmap_io::MemoryMappedFile;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file in memory.
struct Mapped(MemoryMappedFile);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice_bytes(0, self.0.len()).unwrap_or_default()
    }
}

/// Where the length of the contents and the mark of the form stand: at the end.
const TRAILER: usize = 10;

/// A batch of an Arrow file by number; its columns are in the file.
///
/// # Errors
/// When the file cannot be read or is cut short.
pub fn read(path: &Path, number: usize) -> Result<RecordBatch, EngineError> {
    Batches::open(path)?.read(number)
}

/// An Arrow file, mapped once, with what it says of its batches.
#[derive(Debug)]
pub struct Batches {
    path: PathBuf,
    file: Buffer,
    decoder: FileDecoder,
    blocks: Vec<Block>,
}

fn broken(path: &Path) -> EngineError {
    EngineError::Ask(format!("{} is cut short; remove its folder", path.display()))
}

impl Batches {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or is cut short.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        // What cannot be mapped is read.
        let file = match MemoryMappedFile::open_ro(path) {
            Ok(map) => Buffer::from(Bytes::from_owner(Mapped(map))),
            Err(_) => Buffer::from_vec(std::fs::read(path)?),
        };
        let broken = || broken(path);
        let (rest, trailer) = file.as_slice().split_last_chunk::<TRAILER>().ok_or_else(broken)?;
        let length = read_footer_length(*trailer)?;
        let contents = rest.len().checked_sub(length).map(|from| &rest[from..]).ok_or_else(broken)?;
        let contents = root_as_footer(contents).map_err(|_| broken())?;
        let schema = Arc::new(fb_to_schema(contents.schema().ok_or_else(broken)?));
        let mut decoder = FileDecoder::new(schema, contents.version());
        for block in contents.dictionaries().iter().flatten() {
            decoder.read_dictionary(block, &data(&file, path, block)?)?;
        }
        let blocks = contents.recordBatches().ok_or_else(broken)?.iter().copied().collect();
        Ok(Self { path: path.to_owned(), file, decoder, blocks })
    }

    /// A batch by number.
    ///
    /// # Errors
    /// When there is none, or the file is cut short.
    pub fn read(&self, number: usize) -> Result<RecordBatch, EngineError> {
        let block = self.blocks.get(number).ok_or_else(|| broken(&self.path))?;
        self.decoder.read_record_batch(block, &data(&self.file, &self.path, block)?)?.ok_or_else(|| broken(&self.path))
    }
}

/// Where a batch or dictionary is.
fn data(file: &Buffer, path: &Path, block: &Block) -> Result<Buffer, EngineError> {
    let from = usize::try_from(block.offset()).map_err(|_| broken(path))?;
    let length = usize::try_from(i64::from(block.metaDataLength()) + block.bodyLength()).map_err(|_| broken(path))?;
    let whole = from.checked_add(length).is_some_and(|end| end <= file.len());
    if whole { Ok(file.slice_with_length(from, length)) } else { Err(broken(path)) }
}

/// Writes a batch as an Arrow file.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, batch: &RecordBatch) -> Result<(), EngineError> {
    let mut writer = FileWriter::try_new(BufWriter::with_capacity(1 << 20, File::create(path)?), &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, StringArray, UInt32Array};

    #[test]
    fn batches_come_back_and_what_is_cut_short_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.arrow");
        let batch = |n: u32| {
            let columns: [(&str, ArrayRef); 2] =
                [("n", Arc::new(UInt32Array::from_iter_values(0..n))), ("t", Arc::new(StringArray::from_iter((0..n).map(|i| (i > 2).then(|| i.to_string())))))];
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("a batch")
        };
        let mut writer = FileWriter::try_new(File::create(&path).expect("a file"), &batch(0).schema()).expect("a writer");
        for n in [5, 0, 1_000] {
            writer.write(&batch(n)).expect("written");
        }
        writer.finish().expect("finished");
        for (number, n) in [5, 0, 1_000].into_iter().enumerate() {
            assert_eq!(read(&path, number).expect("a batch"), batch(n));
        }
        assert!(read(&path, 3).is_err());
        let all = Batches::open(&path).expect("a file");
        assert_eq!((all.read(2).expect("a batch"), all.read(1).expect("a batch")), (batch(1_000), batch(0)));
        let kept = read(&path, 2).expect("a batch");
        let whole = std::fs::read(&path).expect("bytes");
        for length in [0, 5, 12, whole.len() / 2, whole.len() - 1] {
            let cut = folder.path().join(format!("{length}.arrow"));
            std::fs::write(&cut, &whole[..length]).expect("a file");
            assert!(read(&cut, 0).is_err(), "{length} of {} bytes", whole.len());
        }
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(kept, batch(1_000), "a file that is removed stays for whoever reads it");
    }
}
