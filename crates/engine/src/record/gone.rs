//! Rows of a stored file that no longer count, because later ones replaced them.
//!
//! They stay in the file; the log names them beside it, as a deletion vector of the Delta protocol
//! that is written into the log itself. So an import that changes a few rows of a large file writes
//! those rows and not the file. Positions count the rows as they were written.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, BooleanBufferBuilder};
use deltalake::kernel::{DeletionVectorDescriptor, StorageType};
use roaring::{RoaringBitmap, RoaringTreemap};

use super::error::{RecordError, Result};

/// What a vector begins with: the portable form of the protocol.
const MAGIC: u32 = 1_681_511_377;
/// A file of which more than this part is gone is written anew: every reader passes over its rows.
const SHARE: u64 = 8;
/// Nor does the log take a longer vector: it is read whenever the table is opened. It holds any
/// eighth of a million rows, and 65,000 rows that lie anywhere.
const BYTES: usize = 130 << 10;

/// Positions of rows that are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone(Arc<RoaringBitmap>);

impl Gone {
    /// These and further ones.
    pub fn and(&self, rows: &[u32]) -> Self {
        let mut all = self.0.as_ref().clone();
        all.extend(rows);
        Self(Arc::new(all))
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether all rows count.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this row is gone.
    pub fn contains(&self, row: u32) -> bool {
        self.0.contains(row)
    }

    /// Whether the log may hold them, for a file of so many rows, or the file must be written anew.
    pub fn fits(&self, written: u64) -> bool {
        self.len() * SHARE <= written && self.0.serialized_size() <= BYTES
    }

    /// How many rows before this one are gone.
    pub fn before(&self, row: usize) -> usize {
        usize::try_from(self.0.range_cardinality(..number(row))).unwrap_or(usize::MAX)
    }

    /// Which rows of a part of the file count; `None`: all of them.
    pub fn kept(&self, rows: Range<usize>) -> Option<BooleanArray> {
        let mut kept: Option<BooleanBufferBuilder> = None;
        for row in self.0.range(number(rows.start)..number(rows.end)) {
            let kept = kept.get_or_insert_with(|| {
                let mut all = BooleanBufferBuilder::new(rows.len());
                all.append_n(rows.len(), true);
                all
            });
            kept.set_bit(row as usize - rows.start, false);
        }
        kept.map(|mut kept| BooleanArray::new(kept.finish(), None))
    }

    /// Rows that these have and others have not, in order.
    pub fn without(&self, others: &Self) -> impl Iterator<Item = u32> {
        (self.0.as_ref() - others.0.as_ref()).into_iter()
    }

    /// Runs of all other rows of a file of so many, in order.
    pub fn others(&self, written: u64) -> Vec<Range<u32>> {
        let end = u32::try_from(written).unwrap_or(u32::MAX);
        let (mut out, mut from) = (Vec::new(), 0);
        for gone in self.0.iter().chain([end]) {
            if gone > from {
                out.push(from..gone);
            }
            from = gone + 1;
        }
        out
    }

    /// As the log keeps them.
    pub fn vector(&self) -> Result<Option<DeletionVectorDescriptor>> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        let map = RoaringTreemap::from_bitmaps([(0, self.0.as_ref().clone())]);
        map.serialize_into(&mut bytes).map_err(|e| RecordError::read("noting replaced rows", e))?;
        let size = bytes.len();
        // The protocol fills up to whole words and tells the length beside.
        bytes.resize(size.next_multiple_of(4), 0);
        Ok(Some(DeletionVectorDescriptor {
            storage_type: StorageType::Inline,
            path_or_inline_dv: z85::encode(&bytes),
            offset: None,
            size_in_bytes: i32::try_from(size).map_err(|e| RecordError::read("noting replaced rows", e))?,
            cardinality: i64::try_from(self.len()).unwrap_or(i64::MAX),
        }))
    }

    /// What the log keeps.
    pub fn read(vector: &DeletionVectorDescriptor) -> Result<Self> {
        let broken = |why: &dyn std::fmt::Display| RecordError::read("reading which rows are replaced", why);
        if vector.storage_type != StorageType::Inline {
            return Err(broken(&"they stand in a file of their own, which Treaty does not write; another program changed the table"));
        }
        let bytes = z85::decode(&vector.path_or_inline_dv).map_err(|e| broken(&e))?;
        let Some((_, map)) = bytes.split_first_chunk().filter(|(magic, _)| u32::from_le_bytes(**magic) == MAGIC) else {
            return Err(broken(&"they are in an unknown form"));
        };
        let map = RoaringTreemap::deserialize_from(map).map_err(|e| broken(&e))?;
        if i64::try_from(map.len()).ok() != Some(vector.cardinality) {
            return Err(broken(&"their number is another one than the log says"));
        }
        let mut all = RoaringBitmap::new();
        for (high, rows) in map.bitmaps() {
            if high > 0 {
                return Err(broken(&"a file has no rows beyond the first four thousand million"));
            }
            all |= rows;
        }
        Ok(Self(Arc::new(all)))
    }
}

fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;

    use super::*;

    fn some(rows: &[u32]) -> Gone {
        Gone::default().and(rows)
    }

    #[test]
    fn the_log_holds_what_the_protocol_says() {
        assert_eq!(Gone::default().vector().expect("none"), None);
        // Put together by hand: magic, one bitmap, its number 0, cookie 12346, one container, its key 0 and 6 - 1 rows,
        // offset 16, and the rows in two bytes each, all of them little-endian; every four bytes as five letters of Z85.
        let gone = some(&[3, 4, 7, 11, 18, 29]);
        let vector = gone.vector().expect("a vector").expect("some rows");
        assert_eq!(vector.path_or_inline_dv, "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L");
        assert_eq!((vector.size_in_bytes, vector.cardinality, vector.offset), (44, 6, None));
        assert_eq!(Gone::read(&vector).expect("rows"), gone);
        for rows in [vec![0], (0..70_000).map(|i| i * 3).collect::<Vec<u32>>(), (5..5_000).collect()] {
            let gone = some(&rows);
            let vector = gone.vector().expect("a vector").expect("some rows");
            assert_eq!((Gone::read(&vector).expect("rows"), vector.path_or_inline_dv.len() % 5), (gone, 0));
        }
        let broken = DeletionVectorDescriptor { cardinality: 5, ..vector.clone() };
        assert!(Gone::read(&broken).is_err());
        let broken = DeletionVectorDescriptor { path_or_inline_dv: "00000".to_owned(), ..vector.clone() };
        assert!(Gone::read(&broken).is_err());
        let elsewhere = DeletionVectorDescriptor { storage_type: StorageType::UuidRelativePath, ..vector };
        assert!(Gone::read(&elsewhere).is_err());
    }

    #[test]
    fn rows_are_numbered_among_those_that_count() {
        let gone = some(&[0, 3, 4, 9]);
        let left: Vec<u32> = (0..12).filter(|row| !gone.contains(*row)).collect();
        assert_eq!(gone.others(12).into_iter().flatten().collect::<Vec<_>>(), left);
        assert_eq!(gone.others(12), [1..3, 5..9, 10..12]);
        assert_eq!(gone.without(&some(&[3, 9, 11])).collect::<Vec<_>>(), [0, 4]);
        assert_eq!([0, 1, 4, 12].map(|row| gone.before(row)), [0, 1, 2, 4]);
        let kept = gone.kept(2..6).expect("a mask");
        assert_eq!(kept.iter().flatten().collect::<Vec<_>>(), [true, false, false, true]);
        assert!(gone.kept(5..9).is_none() && kept.null_count() == 0);
    }

    #[test]
    fn a_file_is_written_anew_when_much_of_it_is_gone() {
        let every = |step: usize| some(&(0..2_000_000).step_by(step).collect::<Vec<u32>>());
        assert!(some(&[1]).fits(8) && !some(&[1, 2]).fits(15));
        assert!(every(32).fits(2_000_000), "62,500 rows");
        assert!(!every(16).fits(2_000_000), "few rows, and a long vector");
        let half = some(&(0..1_000_000).step_by(8).collect::<Vec<u32>>());
        assert!(half.fits(1_000_000) && !half.fits(999_999));
    }
}
