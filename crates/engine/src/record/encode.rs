//! Rows as the bytes of Parquet files. The same rows give the same bytes.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::parquet::arrow::ArrowSchemaConverter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::{ColumnDescPtr, ColumnPath};
use serde_json::{Map, Value, json};
use treaty_app::layout::{Column, Kind, Table};

use super::cells::{Cells, Text};
use super::error::{RecordError, Result};
use super::gone::Gone;
use super::order::Sorted;
use super::schema::{self, data_type};
use super::store::StoredFile;
use super::{hash, pages, par};

/// Rows of a file.
pub const FILE_ROWS: usize = 2_000_000;
/// Rows of a row group.
const GROUP_ROWS: usize = 1_000_000;
/// Bytes of distinct values up to which a column stays a dictionary.
const DICTIONARY_BYTES: usize = 8 << 20;
/// Bytes of a footer, about.
const FOOTER: usize = 64 << 10;
/// Rows that are looked at to decide whether a column repeats itself.
const SAMPLE: usize = 4_096;

/// Rows of one table as columns, from which files take theirs.
#[derive(Debug)]
pub struct Columns {
    /// Columns of the layout.
    pub layout: Vec<Option<ArrayRef>>,
    /// Attributes as JSON text.
    pub attributes: Option<ArrayRef>,
    /// Content hashes.
    pub hash: ArrayRef,
    /// Record versions; `None`: the version of the job.
    pub version: Option<ArrayRef>,
    /// Halves of the hashes of the keys.
    pub key: Vec<i32>,
    /// Dictionaries of the layout that stand here instead, in less room: rows are taken from everywhere, and more
    /// of them stay near the core.
    pub coded: Vec<Option<Coded>>,
}

/// Text as small numbers: positions among distinct values plus one; zero is a missing cell.
#[derive(Debug)]
pub struct Coded {
    codes: Codes,
    values: StringArray,
}

#[derive(Debug)]
enum Codes {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
}

impl Coded {
    /// One text in all rows.
    pub fn same(text: &str, rows: usize) -> Self {
        Self { codes: Codes::Bytes(vec![1; rows]), values: StringArray::from(vec![text]) }
    }

    /// Takes the dictionaries of few values out of some columns.
    pub fn take(columns: &mut [Option<ArrayRef>]) -> Vec<Option<Self>> {
        let coded = par::map(columns.iter().collect(), |array: &Option<ArrayRef>| {
            let Text::Dict(keys, nulls, values) = Text::of(array.as_ref()?)? else { return None };
            let code = |(row, key): (usize, &i32)| {
                if nulls.is_some_and(|n| n.is_null(row)) { 0 } else { *key as u32 + 1 }
            };
            let codes = keys.iter().enumerate().map(code);
            let codes = match values.len() {
                0..0xff => Codes::Bytes(codes.map(|code| code as u8).collect()),
                0xff..0xffff => Codes::Shorts(codes.map(|code| code as u16).collect()),
                _ => return None,
            };
            Some(Self { codes, values: values.clone() })
        });
        for (column, coded) in columns.iter_mut().zip(&coded) {
            column.take_if(|_| coded.is_some());
        }
        coded
    }
}

/// A file to be written.
#[derive(Debug)]
pub struct Job {
    /// Where the rows are.
    pub columns: Arc<Columns>,
    /// Rows in stored order, of which the file takes a part.
    pub sorted: Arc<Sorted>,
    /// That part.
    pub part: std::ops::Range<usize>,
    /// Record version that writes them.
    pub version: u64,
    /// Beginning of the file's name; its content hash follows.
    pub prefix: String,
}

impl Job {
    fn rows(&self) -> &[u32] {
        &self.sorted.rows[self.part.clone()]
    }
}

/// A written file.
#[derive(Debug)]
pub struct Encoded {
    /// Name below the table.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// Number of rows.
    pub rows: usize,
    /// Statistics for the log, as JSON.
    pub stats: String,
}

impl Encoded {
    /// As a file of the record that was written at an instant.
    pub fn stored(&self, at: i64) -> StoredFile {
        StoredFile {
            name: self.name.clone(),
            size: self.bytes.len() as u64,
            rows: self.rows as u64,
            gone: Gone::default(),
            stats: Some(self.stats.clone()),
            modified: at.div_euclid(1000),
        }
    }
}

/// Encodes files on all cores, column by column. Who writes the last column of a file puts it together.
pub fn encode(table: &Table, jobs: Vec<Job>) -> Result<Vec<Encoded>> {
    let schema = schema::stored(table);
    let shells = par::try_map(jobs.iter().collect(), |job| Shell::new(table, &schema, job))?;
    let mut tasks = Vec::new();
    let mut files = Vec::new();
    for (number, (job, shell)) in jobs.iter().zip(shells).enumerate() {
        let before = tasks.len();
        for (group, rows) in par::ranges(job.part.len(), GROUP_ROWS).into_iter().enumerate() {
            let writers = shell.factory.create_column_writers(group)?;
            for (column, writer) in writers.into_iter().enumerate() {
                let desc = shell.writer.schema_descr().column(column);
                tasks.push(Task { number, group, column, desc, rows: rows.clone(), writer });
            }
        }
        files.push(Mutex::new((tasks.len() - before, Vec::new(), Some(shell))));
    }
    let done = par::try_map(tasks, |task| {
        let job = &jobs[task.number];
        let (number, place) = (task.number, (task.group, task.column));
        let chunk = task.run(table, &schema, job)?;
        let (mut chunks, shell) = {
            let mut file = files[number].lock().unwrap_or_else(PoisonError::into_inner);
            file.1.push((place, chunk));
            file.0 -= 1;
            if file.0 > 0 {
                return Ok(None);
            }
            (std::mem::take(&mut file.1), file.2.take())
        };
        chunks.sort_unstable_by_key(|(place, _)| *place);
        let file = shell.map(|shell| shell.finish(table, job, chunks)).transpose()?;
        Ok::<_, RecordError>(file.map(|file| (number, file)))
    })?;
    let mut done: Vec<(usize, Encoded)> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, file)| file).collect())
}

/// An encoded column of a row group.
enum Encoding {
    Own(pages::Chunk),
    Arrow(ArrowColumnChunk),
}

impl Encoding {
    fn size(&self) -> usize {
        match self {
            Self::Own(chunk) => chunk.size(),
            Self::Arrow(chunk) => chunk.close().bytes_written as usize,
        }
    }
}

struct Task {
    number: usize,
    group: usize,
    column: usize,
    desc: ColumnDescPtr,
    rows: std::ops::Range<usize>,
    writer: ArrowColumnWriter,
}

impl Task {
    fn run(mut self, table: &Table, schema: &Schema, job: &Job) -> Result<Encoding> {
        if let Some(chunk) = self.own(table, job)? {
            return Ok(Encoding::Own(chunk));
        }
        let field = schema.field(self.column);
        let array = job
            .columns
            .take(self.column, field, &job.rows()[self.rows.clone()])?;
        for leaf in compute_leaves(field, &array)? {
            self.writer.write(&leaf)?;
        }
        Ok(Encoding::Arrow(self.writer.close()?))
    }

    /// The columns that are written without the Arrow writer.
    fn own(&self, table: &Table, job: &Job) -> Result<Option<pages::Chunk>> {
        let rows = &job.rows()[self.rows.clone()];
        let desc = Arc::clone(&self.desc);
        if self.column == table.columns.len() + 3 {
            return pages::halves(desc, &job.columns.key, rows).map(Some);
        }
        let bounds = table.columns.get(self.column).is_some_and(|c| bounded(table, c));
        if let Some(Some(Coded { codes, values })) = job.columns.coded.get(self.column) {
            return Ok(Some(match codes {
                Codes::Bytes(codes) => pages::coded(desc, codes, values, rows, bounds)?,
                Codes::Shorts(codes) => pages::coded(desc, codes, values, rows, bounds)?,
            }));
        }
        let Some(array) = job.columns.column(self.column) else {
            let version = i64::try_from(job.version).unwrap_or(i64::MAX);
            return Ok(Some(if self.column == table.columns.len() + 2 {
                pages::constant(desc, rows.len(), version)?
            } else {
                pages::missing(desc, rows.len())?
            }));
        };
        let keyed = table.columns.get(self.column).is_some_and(|c| table.key.contains(&c.name));
        match Cells::of(Some(array))? {
            Cells::Long(values, nulls) => pages::long(desc, values, nulls, rows, bounds).map(Some),
            Cells::Text(text) => match (job.sorted.leading, text) {
                (Some(leading), text) if leading == self.column => {
                    let starts = &job.sorted.starts[job.part.clone()][self.rows.clone()];
                    match (pages::leading(Arc::clone(&desc), text, rows, starts, bounds)?, text) {
                        (None, Text::View(views)) if keyed => pages::names(desc, views, rows, bounds),
                        (chunk, _) => Ok(chunk),
                    }
                }
                (_, Text::View(views)) if keyed => pages::names(desc, views, rows, bounds),
                (_, Text::Dict(keys, nulls, values)) => pages::keyed(desc, keys, nulls, values, rows, bounds),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

/// Whether bounds of the column help to skip files or row groups.
fn bounded(table: &Table, column: &Column) -> bool {
    table.key.contains(&column.name)
        || table.order[0] == column.name
        || matches!(column.kind, Kind::Instant | Kind::Date)
}

impl Columns {
    fn column(&self, at: usize) -> Option<&ArrayRef> {
        let n = self.layout.len();
        match at.checked_sub(n) {
            None => self.layout[at].as_ref(),
            Some(0) => self.attributes.as_ref(),
            Some(1) => Some(&self.hash),
            Some(_) => self.version.as_ref(),
        }
    }

    fn take(&self, at: usize, field: &Field, rows: &[u32]) -> Result<ArrayRef> {
        let Some(array) = self.column(at) else {
            return Ok(new_null_array(field.data_type(), rows.len()));
        };
        let rows = UInt32Array::from(rows.to_vec());
        Ok(compute::take(array, &rows, None)?)
    }

    /// Whether the cells of a text column among these rows mostly repeat each other.
    fn repeats(&self, at: usize, rows: &[u32]) -> bool {
        let Some(array) = self.column(at) else {
            return true;
        };
        let Some(text) = Text::of(array) else {
            return true;
        };
        if let Text::Dict(_, _, values) = text
            && values.len() * 2 <= SAMPLE.min(rows.len())
        {
            return true;
        }
        // A stretch of neighbours for clustered columns, then rows from everywhere.
        let step = (rows.len() / SAMPLE).max(1);
        let seen: Vec<&str> = rows
            .iter()
            .step_by(step)
            .filter_map(|r| text.get(*r as usize))
            .collect();
        let near: Vec<&str> = rows
            .iter()
            .take(SAMPLE)
            .filter_map(|r| text.get(*r as usize))
            .collect();
        let distinct =
            |cells: &[&str]| cells.iter().collect::<std::collections::HashSet<_>>().len();
        distinct(&seen) * 2 <= seen.len() || distinct(&near) * 2 <= near.len()
    }
}

/// A file without its column chunks.
struct Shell {
    writer: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
}

impl Shell {
    fn new(table: &Table, schema: &SchemaRef, job: &Job) -> Result<Self> {
        let properties = Arc::new(properties(table, job)?);
        let parquet = ArrowSchemaConverter::new().convert(schema)?;
        let writer = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), properties)?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(schema));
        Ok(Self { writer, factory })
    }

    fn finish(
        mut self,
        table: &Table,
        job: &Job,
        chunks: Vec<((usize, usize), Encoding)>,
    ) -> Result<Encoded> {
        // By row group and column.
        let size: usize = chunks.iter().map(|(_, chunk)| chunk.size()).sum();
        self.writer.inner_mut().reserve(size + FOOTER);
        let mut chunks = chunks.into_iter().peekable();
        while let Some(((group, _), _)) = chunks.peek() {
            let group = *group;
            let mut out = self.writer.next_row_group()?;
            while let Some((_, chunk)) = chunks.next_if(|((g, _), _)| *g == group) {
                match chunk {
                    Encoding::Own(chunk) => chunk.append(&mut out)?,
                    Encoding::Arrow(chunk) => chunk.append_to_row_group(&mut out)?,
                }
            }
            out.close()?;
        }
        let metadata = self.writer.finish()?;
        let stats = stats(table, &metadata, job.part.len());
        let bytes = std::mem::take(self.writer.inner_mut());
        let name = format!("{}-{}.parquet", job.prefix, hash::digest(&bytes));
        Ok(Encoded {
            name,
            bytes,
            rows: job.part.len(),
            stats,
        })
    }
}

fn properties(table: &Table, job: &Job) -> Result<WriterProperties> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1)?);
    let mut out = WriterProperties::builder()
        .set_created_by("treaty".to_owned())
        .set_compression(zstd)
        .set_dictionary_enabled(false)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_data_page_size_limit(1 << 20)
        .set_data_page_row_count_limit(1 << 17)
        .set_write_batch_size(1 << 13)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true);
    let path = |name: &str| ColumnPath::from(name);
    for (at, column) in table.columns.iter().enumerate() {
        if bounded(table, column) {
            out = out.set_column_statistics_enabled(path(column.name), EnabledStatistics::Chunk);
        }
        let dictionary = match column.kind {
            Kind::Text => job.columns.repeats(at, job.rows()),
            Kind::Bool | Kind::Instant | Kind::Money => false,
            Kind::Date | Kind::Int | Kind::Decimal => true,
        };
        if table.key.contains(&column.name) {
            // Names of things: much of them, and little in common.
            out = out.set_column_compression(path(column.name), Compression::LZ4_RAW);
        }
        out = out.set_column_dictionary_enabled(path(column.name), dictionary);
    }
    let attributes = job.columns.repeats(table.columns.len(), job.rows());
    Ok(out
        .set_column_dictionary_enabled(path(treaty_app::layout::ATTRIBUTES), attributes)
        .build())
}

/// Row count, and the bounds of the text key columns and of the first order column.
fn stats(table: &Table, metadata: &ParquetMetaData, rows: usize) -> String {
    let (mut least, mut most, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (at, column) in table.columns.iter().enumerate() {
        let keyed = table.key.contains(&column.name) || table.order[0] == column.name;
        if !keyed || data_type(column.kind) != DataType::Utf8 {
            continue;
        }
        let groups: Option<Vec<&Statistics>> = metadata
            .row_groups()
            .iter()
            .map(|g| g.column(at).statistics())
            .collect();
        let Some(groups) = groups else { continue };
        let missing: Option<u64> = groups.iter().map(|s| s.null_count_opt()).sum();
        if let Some(missing) = missing {
            nulls.insert(column.name.to_owned(), json!(missing));
        }
        let text = |bytes: Option<&[u8]>| {
            bytes
                .and_then(|b| std::str::from_utf8(b).ok())
                .map(str::to_owned)
        };
        let low: Option<Vec<String>> = groups.iter().map(|s| text(s.min_bytes_opt())).collect();
        let high: Option<Vec<String>> = groups.iter().map(|s| text(s.max_bytes_opt())).collect();
        if let Some(low) = low.and_then(|l| l.into_iter().min()) {
            least.insert(column.name.to_owned(), Value::from(low));
        }
        if let Some(high) = high.and_then(|h| h.into_iter().max()) {
            most.insert(column.name.to_owned(), Value::from(high));
        }
    }
    json!({ "numRecords": rows, "minValues": least, "maxValues": most, "nullCount": nulls })
        .to_string()
}

/// Encodes a small table of any schema, such as the ledger.
pub fn encode_small(batch: &datafusion::arrow::record_batch::RecordBatch) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_created_by("treaty".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut bytes = Vec::new();
    let options = datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let mut writer = datafusion::parquet::arrow::ArrowWriter::try_new_with_options(
        &mut bytes,
        batch.schema(),
        options,
    )?;
    writer.write(batch)?;
    writer.close()?;
    if bytes.is_empty() {
        return Err(RecordError::read("encoding a table", "no bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::order;
    use super::*;
    use datafusion::arrow::array::{AsArray, Int64Array, StringViewArray, TimestampMicrosecondArray};
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    type Bytes = <datafusion::object_store::PutPayload as IntoIterator>::Item;

    /// Ids as they are read back, and the bounds that the log keeps.
    fn round(ids: &[String]) -> (Vec<String>, Value) {
        let table = treaty_app::layout::table("touchpoints").expect("a table");
        let mut layout: Vec<Option<ArrayRef>> = vec![None; table.columns.len()];
        layout[0] = Some(Arc::new(StringViewArray::from_iter_values(ids)));
        layout[1] = Some(Arc::new(StringViewArray::from_iter_values(ids.iter().map(|_| "P1"))));
        let at = TimestampMicrosecondArray::from_iter_values((0..ids.len() as i64).rev());
        layout[2] = Some(Arc::new(at.with_timezone("UTC")));
        let rows: Vec<u32> = (0..ids.len() as u32).collect();
        let sorted = order::sort(table, &layout, &rows).expect("an order");
        let columns = Columns {
            layout,
            attributes: None,
            hash: Arc::new(Int64Array::from_iter_values(0..ids.len() as i64)),
            version: None,
            key: vec![7; ids.len()],
            coded: Vec::new(),
        };
        let job = Job { columns: Arc::new(columns), part: 0..ids.len(), sorted: Arc::new(sorted), version: 1, prefix: "v".to_owned() };
        let file = encode(table, vec![job]).expect("a file").remove(0);
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file.bytes)).expect("a reader").build().expect("a reader");
        let mut read = Vec::new();
        for batch in reader {
            let batch = batch.expect("rows");
            read.extend(batch.column(0).as_string::<i32>().iter().map(|id| id.expect("an id").to_owned()));
        }
        (read, serde_json::from_str(&file.stats).expect("bounds"))
    }

    #[test]
    fn names_are_read_as_they_were_written() {
        let numbered = |n: u64| (0..n).map(|i| format!("T{}", hash::finish(i) % 10_u64.pow(1 + (i % 10) as u32))).collect::<Vec<_>>();
        let cases = [
            numbered(1),
            numbered(129),
            numbered(300_000),
            vec!["twelve bytes".to_owned(); 40],
            vec!["ä".to_owned(), "a name that is longer".to_owned()],
            vec!["ab".to_owned(), "ab\0".to_owned(), "abc".to_owned(), "a".to_owned()],
        ];
        for ids in cases {
            let (read, stats) = round(&ids);
            let want: Vec<&String> = ids.iter().rev().collect();
            assert!(read.iter().eq(want), "{} ids", ids.len());
            assert_eq!(stats["minValues"]["touchpoint_id"].as_str(), ids.iter().min().map(String::as_str));
            assert_eq!(stats["maxValues"]["touchpoint_id"].as_str(), ids.iter().max().map(String::as_str));
            assert_eq!(stats["nullCount"]["touchpoint_id"], 0);
        }
    }
}
