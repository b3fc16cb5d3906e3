//! Column chunks that are written straight from the sorted rows.
//!
//! The Arrow writer looks every text up in a hash table of its own. The columns of the record come
//! with their distinct values known, so most of them are written here: dictionary pages and runs of
//! keys, whole numbers as they are, and missing columns as next to nothing. They are not compressed,
//! because keys hardly shrink and hashes and instants not at all.

use std::ops::Range;

use datafusion::arrow::array::{Array, StringArray, StringViewArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::object_store::PutPayload;
use datafusion::parquet::basic::{Compression, Encoding, PageType, Type as PhysicalType};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::data_type::ByteArray;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::file::writer::{
    SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite,
};
use datafusion::parquet::schema::types::ColumnDescPtr;

use super::cells::Text;
use super::error::{RecordError, Result};
use super::par;

/// Rows of a page.
const PAGE_ROWS: usize = 1 << 17;
/// Bytes of distinct values up to which a column is a dictionary.
const DICTIONARY_BYTES: usize = 8 << 20;
/// Letters that a view holds itself.
const INLINE: usize = 12;
/// Bounds longer than this are not worth their place in the footer.
const BOUND_BYTES: usize = 64;

/// Bytes, as the Parquet writer takes them.
type Bytes = <PutPayload as IntoIterator>::Item;

/// The chunk of one column in one row group.
pub struct Chunk {
    bytes: Bytes,
    close: ColumnCloseResult,
}

impl Chunk {
    /// Bytes of the chunk.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the chunk as the next column of a row group.
    pub fn append(self, out: &mut SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<()> {
        Ok(out.append_column(&self.bytes, self.close)?)
    }
}

/// Collects the pages of a chunk.
struct Pages {
    column: ColumnDescPtr,
    sink: TrackedWrite<Vec<u8>>,
    rows: usize,
    data_at: Option<usize>,
    has_dictionary: bool,
    pages: i32,
    encoding: Encoding,
}

impl Pages {
    /// Pages of about so many bytes.
    fn new(column: ColumnDescPtr, encoding: Encoding, room: usize) -> Self {
        Self {
            column,
            sink: TrackedWrite::new(Vec::with_capacity(room)),
            rows: 0,
            data_at: None,
            has_dictionary: false,
            pages: 0,
            encoding,
        }
    }

    fn write(&mut self, page: Page, size: usize) -> Result<()> {
        let page = CompressedPage::new(page, size);
        SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        Ok(())
    }

    fn dictionary(&mut self, values: Vec<u8>, count: usize) -> Result<()> {
        self.has_dictionary = true;
        let size = values.len();
        let page = Page::DictionaryPage {
            buf: values.into(),
            num_values: count as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.write(page, size)
    }

    fn data(&mut self, bytes: Vec<u8>, rows: usize) -> Result<()> {
        self.data_at.get_or_insert(self.sink.bytes_written());
        self.pages += 1;
        self.rows += rows;
        let size = bytes.len();
        let page = Page::DataPage {
            buf: bytes.into(),
            num_values: rows as u32,
            encoding: self.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.write(page, size)
    }

    fn close(self, statistics: Option<Statistics>) -> Result<Chunk> {
        let size = self.sink.bytes_written();
        let written = size as i64;
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        if self.encoding == Encoding::DELTA_BYTE_ARRAY {
            encodings.push(self.encoding);
        }
        let mut stats = Vec::new();
        if self.has_dictionary {
            encodings.push(Encoding::RLE_DICTIONARY);
            stats.push(PageEncodingStats {
                page_type: PageType::DICTIONARY_PAGE,
                encoding: Encoding::PLAIN,
                count: 1,
            });
        }
        stats.push(PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: self.encoding,
            count: self.pages,
        });
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(written)
            .set_total_uncompressed_size(written)
            .set_data_page_offset(self.data_at.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.has_dictionary.then_some(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(Chunk {
            bytes: self.sink.into_inner()?.into(),
            close: ColumnCloseResult {
                bytes_written: size as u64,
                rows_written: self.rows as u64,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            },
        })
    }
}

/// A column that is missing in all rows.
pub fn missing(column: ColumnDescPtr, rows: usize) -> Result<Chunk> {
    let nothing = nothing(column.physical_type(), rows as u64);
    let mut pages = Pages::new(column, Encoding::PLAIN, 0);
    pages.data(levels(rows, &[], Some(0)), rows)?;
    pages.close(Some(nothing))
}

/// Statistics that say that no row has a value, so that nobody needs to read the column.
fn nothing(kind: PhysicalType, rows: u64) -> Statistics {
    let missing = Some(rows);
    match kind {
        PhysicalType::BOOLEAN => Statistics::boolean(None, None, None, missing, false),
        PhysicalType::INT32 => Statistics::int32(None, None, None, missing, false),
        PhysicalType::INT64 => Statistics::int64(None, None, None, missing, false),
        PhysicalType::INT96 => Statistics::int96(None, None, None, missing, false),
        PhysicalType::FLOAT => Statistics::float(None, None, None, missing, false),
        PhysicalType::DOUBLE => Statistics::double(None, None, None, missing, false),
        PhysicalType::BYTE_ARRAY => Statistics::byte_array(None, None, None, missing, false),
        PhysicalType::FIXED_LEN_BYTE_ARRAY => Statistics::fixed_len_byte_array(None, None, None, missing, false),
    }
}

/// A column of whole numbers or instants that has one value in all rows.
pub fn constant(column: ColumnDescPtr, rows: usize, value: i64) -> Result<Chunk> {
    let mut pages = Pages::new(column, Encoding::RLE_DICTIONARY, 0);
    pages.dictionary(value.to_le_bytes().to_vec(), 1)?;
    let mut bytes = levels(rows, &[], Some(1));
    // Keys of no bits: one run.
    bytes.push(0);
    varint(&mut bytes, (rows as u64) << 1);
    pages.data(bytes, rows)?;
    pages.close(None)
}

/// A column of whole numbers or instants, with its bounds.
pub fn long(
    column: ColumnDescPtr,
    values: &[i64],
    nulls: Option<&NullBuffer>,
    rows: &[u32],
    bounds: bool,
) -> Result<Chunk> {
    let mut pages = Pages::new(column, Encoding::PLAIN, room(rows.len() * 8));
    let (mut least, mut most, mut missing) = (i64::MAX, i64::MIN, 0);
    for rows in rows.chunks(PAGE_ROWS) {
        let (mut bytes, absent) = present(0..rows.len(), valid(nulls, rows).as_ref(), rows.len() * 8);
        missing += absent;
        let taken: Vec<i64> = match nulls {
            None => rows.iter().map(|row| values[*row as usize]).collect(),
            Some(nulls) => {
                let here = rows
                    .iter()
                    .map(|row| *row as usize)
                    .filter(|row| nulls.is_valid(*row));
                here.map(|row| values[row]).collect()
            }
        };
        if bounds {
            least = taken.iter().copied().fold(least, i64::min);
            most = taken.iter().copied().fold(most, i64::max);
        }
        for value in taken {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        pages.data(bytes, rows.len())?;
    }
    let any = least <= most;
    let statistics = bounds.then(|| {
        Statistics::int64(
            any.then_some(least),
            any.then_some(most),
            None,
            Some(missing),
            false,
        )
    });
    pages.close(statistics)
}

/// Halves of hashes of keys, none of them missing.
pub fn halves(column: ColumnDescPtr, hashes: &[i32], rows: &[u32]) -> Result<Chunk> {
    let mut pages = Pages::new(column, Encoding::PLAIN, room(rows.len() * 4));
    for rows in rows.chunks(PAGE_ROWS) {
        let mut bytes = whole(rows.len(), rows.len() * 4);
        let taken: Vec<i32> = rows.iter().map(|row| hashes[*row as usize]).collect();
        for value in taken {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        pages.data(bytes, rows.len())?;
    }
    pages.close(None)
}

/// Short names of things, of which hardly two are the same: lengths, and letters one after another. The
/// letters that all of a page share stand there once. `None` where a name is missing or long.
pub fn names(column: ColumnDescPtr, cells: &StringViewArray, rows: &[u32], bounds: bool) -> Result<Option<Chunk>> {
    let views = cells.views();
    if cells.null_count() > 0 || rows.is_empty() {
        return Ok(None);
    }
    let mut pages = Pages::new(column, Encoding::DELTA_BYTE_ARRAY, rows.len() * (INLINE - 2));
    let (mut least, mut most) = (u128::MAX, 0);
    for rows in rows.chunks(PAGE_ROWS) {
        let own: Vec<u128> = rows.iter().map(|row| views[*row as usize]).collect();
        let (mut differ, mut shortest) = (0, INLINE);
        for view in &own {
            let len = *view as u32 as usize;
            if len > INLINE {
                return Ok(None);
            }
            differ |= (view ^ own[0]) >> 32;
            shortest = shortest.min(len);
            // Letters, then length: orders like the text.
            let number = (view >> 32).swap_bytes() | (view & 0xffff_ffff);
            least = least.min(number);
            most = most.max(number);
        }
        let shared = shortest.min(differ.trailing_zeros() as usize / 8).min(INLINE - 1);
        let mut bytes = whole(rows.len(), rows.len() * (INLINE - 2));
        let shares = std::iter::once(0).chain(std::iter::repeat_n(shared as i64, own.len() - 1));
        deltas(&mut bytes, &shares.clone().collect::<Vec<_>>());
        let rests = own.iter().zip(shares.clone()).map(|(view, shared)| i64::from(*view as u32) - shared);
        deltas(&mut bytes, &rests.collect::<Vec<_>>());
        for (view, shared) in own.iter().zip(shares) {
            // All letters that there may be, and back to those that there are.
            let letters = (view >> (32 + 8 * shared)).to_le_bytes();
            bytes.extend_from_slice(&letters[..INLINE]);
            bytes.truncate(bytes.len() + (*view as u32 as usize - shared as usize) - INLINE);
        }
        pages.data(bytes, rows.len())?;
    }
    let bound = |number: u128| {
        let letters = number.to_be_bytes();
        Some(ByteArray::from(letters[..number as u32 as usize].to_vec()))
    };
    let statistics = bounds.then(|| Statistics::byte_array(bound(least), bound(most), None, Some(0), false));
    pages.close(statistics).map(Some)
}

/// So many bytes of values with what stands around them.
fn room(values: usize) -> usize {
    values + values / 64 + 1024
}

/// Text by its dictionary; `None` where its values repeat too little for that.
pub fn keyed(
    column: ColumnDescPtr,
    keys: &[i32],
    nulls: Option<&NullBuffer>,
    values: &StringArray,
    rows: &[u32],
    bounds: bool,
) -> Result<Option<Chunk>> {
    // Keys of this chunk, in order of appearance.
    let mut own = vec![u32::MAX; values.len()];
    let mut used: Vec<u32> = Vec::new();
    let mut of_row: Vec<u32> = Vec::with_capacity(rows.len());
    // The keys first: a loop that only fetches waits for many cells at once.
    let taken: Vec<i32> = match nulls {
        None => rows.iter().map(|row| keys[*row as usize]).collect(),
        Some(nulls) => {
            let here = rows
                .iter()
                .map(|row| *row as usize)
                .filter(|row| nulls.is_valid(*row));
            here.map(|row| keys[row]).collect()
        }
    };
    for key in taken {
        let key = key as usize;
        if own[key] == u32::MAX {
            own[key] = used.len() as u32;
            used.push(key as u32);
        }
        of_row.push(own[key]);
    }
    let texts = used.iter().map(|k| values.value(*k as usize));
    text(column, rows.len(), valid(nulls, rows).as_ref(), &of_row, texts, used.len(), bounds)
}

/// Text by codes, which are positions among the values plus one, or zero for a missing cell. It is a dictionary
/// even where values hardly repeat.
pub fn coded<C: Copy + Into<u32>>(
    column: ColumnDescPtr,
    codes: &[C],
    values: &StringArray,
    rows: &[u32],
    bounds: bool,
) -> Result<Chunk> {
    let taken: Vec<C> = rows.iter().map(|row| codes[*row as usize]).collect();
    // Codes of this chunk, in order of text; then a number for each row that is there, without a branch.
    let mut seen = vec![false; values.len() + 1];
    taken.iter().for_each(|code| seen[(*code).into() as usize] = true);
    let mut used: Vec<u32> = (0..values.len() as u32).filter(|k| seen[*k as usize + 1]).collect();
    used.sort_unstable_by_key(|k| values.value(*k as usize));
    let mut own = vec![0; values.len() + 1];
    (0..).zip(&used).for_each(|(number, k)| own[*k as usize + 1] = number);
    let mut of_row: Vec<u32> = taken.iter().map(|code| own[(*code).into() as usize]).collect();
    if seen[0] {
        let mut count = 0;
        for (i, code) in taken.iter().enumerate() {
            of_row[count] = of_row[i];
            count += usize::from((*code).into() != 0);
        }
        of_row.truncate(count);
    }
    let any_missing = of_row.len() < rows.len();
    let here = |row: usize| taken[row].into() != 0;
    let texts = used.iter().map(|k| values.value(*k as usize));
    by_key(column, rows.len(), any_missing.then_some(&here), &of_row, texts, used.len(), bounds)
}

/// The leading text column of sorted rows: `starts` marks where its value changes. `None` where
/// the values repeat too little.
pub fn leading(
    column: ColumnDescPtr,
    cells: Text<'_>,
    rows: &[u32],
    starts: &[bool],
    bounds: bool,
) -> Result<Option<Chunk>> {
    let mut firsts: Vec<u32> = Vec::new();
    let mut of_row: Vec<u32> = Vec::with_capacity(rows.len());
    let mut here = false;
    for (i, row) in rows.iter().enumerate() {
        if i == 0 || starts[i] {
            here = cells.get(*row as usize).is_some();
            if here {
                firsts.push(*row);
            }
        }
        if here {
            of_row.push((firsts.len() - 1) as u32);
        }
    }
    let nulls = match cells {
        Text::View(a) => a.nulls(),
        Text::Plain(a) => a.nulls(),
        Text::Dict(_, nulls, _) => nulls,
    };
    let texts = firsts.iter().filter_map(|row| cells.get(*row as usize));
    text(column, rows.len(), valid(nulls, rows).as_ref(), &of_row, texts, firsts.len(), bounds)
}

fn text<'a>(
    column: ColumnDescPtr,
    rows: usize,
    here: Option<&impl Fn(usize) -> bool>,
    keys: &[u32],
    texts: impl Iterator<Item = &'a str> + Clone,
    distinct: usize,
    bounds: bool,
) -> Result<Option<Chunk>> {
    let size: usize = texts.clone().map(|t| t.len() + 4).sum();
    if size > DICTIONARY_BYTES || distinct * 4 > keys.len() * 3 + 64 {
        return Ok(None);
    }
    by_key(column, rows, here, keys, texts, distinct, bounds).map(Some)
}

/// Text as a dictionary: of the rows that are there, each its key.
fn by_key<'a>(
    column: ColumnDescPtr,
    rows: usize,
    here: Option<&impl Fn(usize) -> bool>,
    keys: &[u32],
    texts: impl Iterator<Item = &'a str>,
    distinct: usize,
    bounds: bool,
) -> Result<Chunk> {
    if keys.is_empty() {
        return missing(column, rows);
    }
    let mut pages = Pages::new(column, Encoding::RLE_DICTIONARY, 0);
    let mut bytes = Vec::with_capacity(distinct * 16);
    let (mut least, mut most): (Option<&str>, Option<&str>) = (None, None);
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        if bounds {
            least = Some(least.map_or(text, |l| l.min(text)));
            most = Some(most.map_or(text, |m| m.max(text)));
        }
    }
    pages.dictionary(bytes, distinct)?;
    let width = 32 - (distinct as u32 - 1).leading_zeros();
    let mut rest = keys;
    let mut missing = 0;
    for rows in par::ranges(rows, PAGE_ROWS) {
        let (mut bytes, absent) = present(rows.clone(), here, rows.len() * 2);
        missing += absent;
        let Some((own, others)) = rest.split_at_checked(rows.len() - absent as usize) else {
            return Err(RecordError::read(
                "encoding text",
                "keys and rows do not match",
            ));
        };
        rest = others;
        bytes.push(width as u8);
        runs(&mut bytes, own, width);
        pages.data(bytes, rows.len())?;
    }
    let bound = |text: Option<&str>| {
        text.filter(|t| t.len() <= BOUND_BYTES)
            .map(|t| ByteArray::from(t.as_bytes().to_vec()))
    };
    let statistics = bounds
        .then(|| Statistics::byte_array(bound(least), bound(most), None, Some(missing), false));
    pages.close(statistics)
}

/// Says of each of some rows whether its cell is there; `None` if all are.
fn valid<'a>(nulls: Option<&'a NullBuffer>, rows: &'a [u32]) -> Option<impl Fn(usize) -> bool + 'a> {
    let nulls = nulls.filter(|n| n.null_count() > 0)?;
    Some(|i: usize| nulls.is_valid(rows[i] as usize))
}

/// Definition levels of rows of which all are there, and room for what follows.
fn whole(rows: usize, room: usize) -> Vec<u8> {
    let mut bytes = levels(rows, &[], Some(1));
    bytes.reserve(room);
    bytes
}

/// Definition levels of rows, room for what follows, and how many are missing.
fn present(rows: Range<usize>, here: Option<&impl Fn(usize) -> bool>, room: usize) -> (Vec<u8>, u64) {
    let Some(here) = here else { return (whole(rows.len(), room), 0) };
    let count = rows.len();
    let mut bits = vec![0_u8; count.div_ceil(8)];
    let mut valid = 0_u64;
    for (i, row) in rows.enumerate() {
        let here = here(row);
        bits[i / 8] |= u8::from(here) << (i % 8);
        valid += u64::from(here);
    }
    let mut bytes = levels(count, &bits, None);
    bytes.reserve(room);
    (bytes, count as u64 - valid)
}

/// Definition levels with their length: one run of `all`, or these bits.
fn levels(rows: usize, bits: &[u8], all: Option<u8>) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    match all {
        Some(level) => {
            varint(&mut bytes, (rows as u64) << 1);
            bytes.push(level);
        }
        None => {
            varint(&mut bytes, ((bits.len() as u64) << 1) | 1);
            bytes.extend_from_slice(bits);
        }
    }
    let length = (bytes.len() - 4) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Parquet's hybrid of runs and packed bits.
fn runs(out: &mut Vec<u8>, keys: &[u32], width: u32) {
    let changes = keys.windows(2).filter(|w| w[0] != w[1]).count();
    if changes * 3 < keys.len() || width == 0 {
        // Clustered: every stretch of equal keys is a run.
        let size = width.div_ceil(8) as usize;
        for run in keys.chunk_by(|a, b| a == b) {
            varint(out, (run.len() as u64) << 1);
            out.extend_from_slice(&run[0].to_le_bytes()[..size]);
        }
        return;
    }
    varint(out, ((keys.len().div_ceil(8) as u64) << 1) | 1);
    let padding = keys.len().next_multiple_of(8) - keys.len();
    pack(out, keys.iter().copied().chain(std::iter::repeat_n(0, padding)), width);
}

/// Numbers of so many bits each, one after another.
fn pack(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>, width: u32) {
    let (mut held, mut bits) = (0_u64, 0);
    for number in numbers {
        held |= u64::from(number) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    }
    while bits > 0 {
        out.push(held as u8);
        held >>= 8;
        bits = bits.saturating_sub(8);
    }
}

/// Parquet's packed differences of small numbers.
fn deltas(out: &mut Vec<u8>, numbers: &[i64]) {
    const MINI: usize = 32;
    let zigzag = |number: i64| ((number << 1) ^ (number >> 63)) as u64;
    varint(out, 4 * MINI as u64);
    varint(out, 4);
    varint(out, numbers.len() as u64);
    varint(out, zigzag(numbers.first().copied().unwrap_or(0)));
    let steps: Vec<i64> = numbers.windows(2).map(|w| w[1] - w[0]).collect();
    for block in steps.chunks(4 * MINI) {
        let least = block.iter().copied().min().unwrap_or(0);
        varint(out, zigzag(least));
        let width = |mini: &[i64]| {
            let most = mini.iter().map(|step| (step - least) as u32).max().unwrap_or(0);
            32 - most.leading_zeros()
        };
        let widths: Vec<u32> = block.chunks(MINI).map(width).collect();
        out.extend((0..4).map(|i| widths.get(i).copied().unwrap_or(0) as u8));
        for (mini, width) in block.chunks(MINI).zip(widths) {
            let padding = std::iter::repeat_n(0, MINI - mini.len());
            pack(out, mini.iter().map(|step| (step - least) as u32).chain(padding), width);
        }
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
