//! Reads columns of stored files on all cores.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, UInt32Array, new_null_array};
use datafusion::arrow::compute::FilterBuilder;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{GetOptions, GetResultPayload, ObjectStore, PutPayload};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use datafusion::parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::error::{RecordError, Result};
use super::par;
use super::source::{all_dictionary, dictionary};
use super::store::StoredFile;

/// How text columns come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextAs {
    /// `Utf8`.
    Plain,
    /// `Utf8View`.
    View,
    /// `Dictionary(Int32, Utf8)`. Text that is stored without a dictionary, because it hardly
    /// repeats, gets one in which equal values may occur more than once.
    Dictionary,
    /// As stored: a dictionary where all of a file's column is one, else views. Fastest, but the
    /// type may differ from file to file.
    Stored,
}

/// Rows of a row group of a file.
#[derive(Debug)]
pub struct Part {
    /// Position of the file among those asked for.
    pub file: usize,
    /// Number of the first row among those of its file that are read.
    pub first: usize,
    /// Position in its file of the first row of the row group, and which rows of the group are read.
    written: (usize, Option<BooleanArray>),
    /// The rows.
    pub batch: RecordBatch,
}

impl Part {
    /// The rows by their positions as they were written, counted from a number.
    pub fn written(&self, start: u32) -> UInt32Array {
        let first = start + self.written.0 as u32;
        match &self.written.1 {
            None => UInt32Array::from_iter_values(first..first + self.batch.num_rows() as u32),
            Some(kept) => UInt32Array::from_iter_values(kept.values().set_indices().map(|i| first + i as u32)),
        }
    }
}

/// Reads columns of files, in order of file and row.
pub async fn read(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    schema: &SchemaRef,
    columns: &[(usize, TextAs)],
) -> Result<Vec<Part>> {
    each(objects, files, schema, columns, |part| part).await
}

/// Reads columns of files and works on each row group as soon as it is there, on all cores; results
/// come in order of file and row. Rows that are gone are left out.
pub async fn each<T: Send + 'static>(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    schema: &SchemaRef,
    columns: &[(usize, TextAs)],
    work: impl Fn(Part) -> T + Send + Sync + 'static,
) -> Result<Vec<T>> {
    scan(objects, files, None, schema, columns, work).await
}

/// Reads some rows of each file, given by their positions as they were written, in order.
pub async fn pick(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    rows: &[Vec<u32>],
    schema: &SchemaRef,
    columns: &[(usize, TextAs)],
) -> Result<Vec<Part>> {
    scan(objects, files, Some(rows), schema, columns, |part| part).await
}

/// A row group that is to be read.
struct Group {
    file: usize,
    input: Input,
    metadata: ArrowReaderMetadata,
    group: usize,
    /// Number of its first row.
    first: usize,
    /// Position of its first row in the file.
    start: usize,
    /// How many rows come.
    rows: usize,
    /// Which rows are read; `None`: all.
    picked: Option<RowSelection>,
    /// Which of the rows that are read count; `None`: all.
    kept: Option<BooleanArray>,
}

/// The row groups of a file in which rows are wanted.
fn groups(at: usize, file: &StoredFile, picks: Option<&[u32]>, input: &Input, metadata: &ArrowReaderMetadata) -> Vec<Group> {
    let mut out = Vec::new();
    let mut next = 0;
    for (group, info) in metadata.metadata().row_groups().iter().enumerate() {
        let all = next..next + usize::try_from(info.num_rows()).unwrap_or(0);
        next = all.end;
        let (first, rows, picked, kept) = match picks {
            Some(picks) => {
                let first = picks.partition_point(|row| (*row as usize) < all.start);
                let here = &picks[first..picks.partition_point(|row| (*row as usize) < all.end)];
                let runs = here.chunk_by(|a, b| a + 1 == *b);
                let ranges = runs.map(|run| run[0] as usize - all.start..run[run.len() - 1] as usize + 1 - all.start);
                (first, here.len(), Some(RowSelection::from_consecutive_ranges(ranges, all.len())), None)
            }
            None => {
                let kept = file.gone.kept(all.clone());
                (all.start - file.gone.before(all.start), kept.as_ref().map_or(all.len(), BooleanArray::true_count), None, kept)
            }
        };
        if rows > 0 {
            out.push(Group { file: at, input: input.clone(), metadata: metadata.clone(), group, first, start: all.start, rows, picked, kept });
        }
    }
    out
}

async fn scan<T: Send + 'static>(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    picks: Option<&[Vec<u32>]>,
    schema: &SchemaRef,
    columns: &[(usize, TextAs)],
    work: impl Fn(Part) -> T + Send + Sync + 'static,
) -> Result<Vec<T>> {
    let on_part = Arc::new(work);
    let mut open = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        let picks = picks.map(|picks| picks.get(at).map_or(&[][..], Vec::as_slice));
        if picks.is_some_and(<[u32]>::is_empty) {
            continue;
        }
        let objects = Arc::clone(&objects);
        let columns = columns.to_vec();
        let schema = Arc::clone(schema);
        open.push(async move {
            let mut input = Input { objects, path: ObjectPath::from(file.name.as_str()), size: file.size, local: None };
            let plain = ArrowReaderMetadata::load_async(&mut input, ArrowReaderOptions::new())
                .await
                .map_err(|e| RecordError::read(format!("reading {}", file.name), e))?;
            let metadata = hinted(&plain, &schema, &columns)?;
            Ok::<_, RecordError>(groups(at, file, picks, &input, &metadata))
        });
    }
    let opened: Vec<Vec<Group>> = futures::stream::iter(open).buffered(16).try_collect().await?;
    let fields: Vec<(Field, TextAs)> = columns.iter().map(|(c, how)| (schema.field(*c).clone(), *how)).collect();
    let nothing = Arc::new(Nothing { most: opened.iter().flatten().map(|group| group.rows).max().unwrap_or(0), known: Mutex::default() });
    let work = opened.into_iter().flatten().map(|group| {
        let fields = fields.clone();
        let (on_part, nothing) = (Arc::clone(&on_part), Arc::clone(&nothing));
        async move {
            let name = group.input.path.to_string();
            let failed = |e: &dyn std::fmt::Display| RecordError::read(format!("reading {name}"), e);
            let metadata = &group.metadata;
            let empty = empty(metadata, group.group, &fields);
            let roots: Vec<usize> = fields
                .iter()
                .zip(&empty)
                .filter(|(_, empty)| empty.is_none())
                .filter_map(|((f, _), _)| metadata.schema().index_of(f.name()).ok())
                .collect();
            let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
            let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(group.input, metadata.clone())
                .with_row_groups(vec![group.group])
                .with_projection(mask)
                .with_batch_size(group.kept.as_ref().map_or(group.rows, BooleanArray::len));
            if let Some(picked) = group.picked {
                builder = builder.with_row_selection(picked);
            }
            let mut stream = builder.build().map_err(|e| failed(&e))?;
            let Some(reader) = stream.next_row_group().await.map_err(|e| failed(&e))? else {
                return Ok(None);
            };
            let decode = move || -> Result<T> {
                let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>()?;
                let read = match batches.as_slice() {
                    [one] => one.clone(),
                    [] => return Err(RecordError::read("reading a row group", "it is empty")),
                    many => datafusion::arrow::compute::concat_batches(&many[0].schema(), many)?,
                };
                let kept = group.kept.as_ref().map(|kept| FilterBuilder::new(kept).optimize().build());
                let mut types = Vec::with_capacity(fields.len());
                let mut columns = Vec::with_capacity(fields.len());
                for ((field, _), empty) in fields.iter().zip(empty) {
                    let column = match (empty, &kept) {
                        (Some(kind), _) => nothing.column(&kind, group.rows),
                        (None, None) => Arc::clone(read.column(read.schema().index_of(field.name())?)),
                        (None, Some(kept)) => used(kept.filter(read.column(read.schema().index_of(field.name())?))?)?,
                    };
                    types.push(Field::new(field.name(), column.data_type().clone(), true));
                    columns.push(column);
                }
                drop(read);
                let hows: Vec<TextAs> = fields.iter().map(|(_, how)| *how).collect();
                let batch = numbered(&RecordBatch::try_new(Arc::new(Schema::new(types)), columns)?, &hows)?;
                Ok(on_part(Part { file: group.file, first: group.first, written: (group.start, group.kept), batch }))
            };
            let done = tokio::task::spawn_blocking(decode).await.map_err(|e| failed(&e))??;
            Ok::<_, RecordError>(Some(done))
        }
    });
    // What is not asked for yet takes no memory: a row group is given up before the next is read.
    let parts: Vec<Option<T>> = futures::stream::iter(work)
        .buffered(par::workers())
        .try_collect()
        .await?;
    Ok(parts.into_iter().flatten().collect())
}

/// Columns that hold nothing: all of a type share the memory of the longest one.
struct Nothing {
    most: usize,
    known: Mutex<HashMap<DataType, ArrayRef>>,
}

impl Nothing {
    fn column(&self, kind: &DataType, rows: usize) -> ArrayRef {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = known.entry(kind.clone()).or_insert_with(|| new_null_array(kind, self.most));
        longest.slice(0, rows)
    }
}

/// The types of those columns of a row group that hold nothing, or that the file does not have: they
/// need not be read.
fn empty(metadata: &ArrowReaderMetadata, group: usize, fields: &[(Field, TextAs)]) -> Vec<Option<DataType>> {
    let info = metadata.metadata().row_group(group);
    let missing = |at: usize| {
        let nulls = info.column(at).statistics().and_then(datafusion::parquet::file::statistics::Statistics::null_count_opt);
        nulls == u64::try_from(info.num_rows()).ok()
    };
    let kind = |(field, how): &(Field, TextAs)| {
        let read = match metadata.schema().index_of(field.name()) {
            Ok(at) if !missing(at) => return None,
            Ok(at) => metadata.schema().field(at).data_type().clone(),
            Err(_) => field.data_type().clone(),
        };
        Some(match (read, how) {
            (DataType::Utf8, TextAs::Dictionary) => dictionary(),
            (read, _) => read,
        })
    };
    fields.iter().map(kind).collect()
}

/// A dictionary with the texts that rows have, in the order in which they come, as if the rows that
/// are left out had never been written.
pub fn used(column: ArrayRef) -> Result<ArrayRef> {
    let Some(dict) = column.as_dictionary_opt::<Int32Type>() else {
        return Ok(column);
    };
    let mut own = vec![-1_i32; dict.values().len()];
    let mut order: Vec<i32> = Vec::new();
    let keys: Int32Array = dict
        .keys()
        .iter()
        .map(|key| {
            let slot = own.get_mut(usize::try_from(key?).ok()?)?;
            if *slot < 0 {
                *slot = order.len() as i32;
                order.push(key?);
            }
            Some(*slot)
        })
        .collect();
    if order.len() == own.len() && order.is_sorted() {
        return Ok(column);
    }
    let texts = datafusion::arrow::compute::take(dict.values(), &Int32Array::from(order), None)?;
    Ok(Arc::new(DictionaryArray::try_new(keys, texts)?))
}

/// Bytes, as the storage hands them out.
type Bytes = <PutPayload as IntoIterator>::Item;

/// A file in an object store.
#[derive(Debug, Clone)]
struct Input {
    objects: Arc<dyn ObjectStore>,
    path: ObjectPath,
    size: u64,
    /// Where it is, once it has turned out to be a file of this machine.
    local: Option<PathBuf>,
}

impl AsyncFileReader for Input {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            if self.local.is_none() {
                let options = GetOptions { range: Some(range.clone().into()), ..GetOptions::default() };
                let got = self.objects.get_opts(&self.path, options).await.map_err(external)?;
                let GetResultPayload::File(_, path) = &got.payload else {
                    return got.bytes().await.map_err(external);
                };
                self.local = Some(path.clone());
            }
            let mut read = self.get_byte_ranges(vec![range]).await?;
            read.pop().ok_or_else(|| ParquetError::EOF("nothing was read".to_owned()))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let Some(path) = self.local.clone() else {
                return self.objects.get_ranges(&self.path, &ranges).await.map_err(external);
            };
            let read = tokio::task::spawn_blocking(move || from_disk(&path, &ranges));
            read.await.map_err(external)?.map_err(external)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            reader.load_and_finish(self, size).await.map(Arc::new)
        }
        .boxed()
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Parts of a file of this machine. The object store would fill their memory with zeros first, byte by
/// byte where it is compiled without optimisation, which took a third of all reading.
fn from_disk(path: &Path, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>> {
    let mut file = File::open(path)?;
    let read = |range: &Range<u64>| {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.seek(SeekFrom::Start(range.start))?;
        if (&mut file).take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.into())
    };
    ranges.iter().map(read).collect()
}

/// Asks the Parquet reader for the types that are wanted.
fn hinted(
    plain: &ArrowReaderMetadata,
    schema: &Schema,
    columns: &[(usize, TextAs)],
) -> Result<ArrowReaderMetadata> {
    let fields: Vec<Field> = plain
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| {
            let wanted = columns
                .iter()
                .find(|(c, _)| schema.field(*c).name() == field.name());
            let to = match (field.data_type(), wanted) {
                (DataType::Utf8, Some((_, how))) => match how {
                    TextAs::Plain => DataType::Utf8,
                    TextAs::View => DataType::Utf8View,
                    TextAs::Dictionary | TextAs::Stored if all_dictionary(plain.metadata(), i) => {
                        dictionary()
                    }
                    // Not looked up value by value: see `numbered`.
                    TextAs::Dictionary => DataType::Utf8,
                    TextAs::Stored => DataType::Utf8View,
                },
                (other, _) => other.clone(),
            };
            field.as_ref().clone().with_data_type(to)
        })
        .collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    Ok(ArrowReaderMetadata::try_new(
        Arc::clone(plain.metadata()),
        options,
    )?)
}

/// Text that is stored without a dictionary becomes one in which every row has its own value: what
/// does not repeat is not searched for repeats.
fn numbered(batch: &RecordBatch, hows: &[TextAs]) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(hows.len());
    let mut columns = Vec::with_capacity(hows.len());
    for ((field, column), how) in batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .zip(hows)
    {
        if *how == TextAs::Dictionary && *field.data_type() == DataType::Utf8 {
            let rows =
                i32::try_from(column.len()).map_err(|e| RecordError::read("reading text", e))?;
            let keys = Int32Array::new((0..rows).collect(), column.nulls().cloned());
            let dict = DictionaryArray::try_new(keys, Arc::clone(column))?;
            fields.push(field.as_ref().clone().with_data_type(dictionary()));
            columns.push(Arc::new(dict) as ArrayRef);
        } else {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
        }
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// Number of rows of all parts.
pub fn rows(parts: &[Part]) -> usize {
    parts.iter().map(|p| p.batch.column(0).len()).sum()
}
