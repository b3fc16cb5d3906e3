//! Reads columns of stored files on all cores.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use datafusion::parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};

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

/// A row group of a file.
#[derive(Debug)]
pub struct Part {
    /// Position of the file among those asked for.
    pub file: usize,
    /// Position of the first row in its file.
    pub first: usize,
    /// The rows.
    pub batch: RecordBatch,
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
/// come in order of file and row.
pub async fn each<T: Send + 'static>(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    schema: &SchemaRef,
    columns: &[(usize, TextAs)],
    work: impl Fn(Part) -> T + Send + Sync + 'static,
) -> Result<Vec<T>> {
    let on_part = Arc::new(work);
    let mut open = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        let objects = Arc::clone(&objects);
        let columns = columns.to_vec();
        let schema = Arc::clone(schema);
        let (name, size) = (file.name.clone(), file.size);
        open.push(async move {
            let mut input = Input {
                objects,
                path: ObjectPath::from(name.as_str()),
                size,
            };
            let plain = ArrowReaderMetadata::load_async(&mut input, ArrowReaderOptions::new())
                .await
                .map_err(|e| RecordError::read(format!("reading {name}"), e))?;
            let metadata = hinted(&plain, &schema, &columns)?;
            Ok::<_, RecordError>((at, name, input, metadata))
        });
    }
    let opened: Vec<_> = futures::stream::iter(open)
        .buffered(16)
        .try_collect()
        .await?;
    let mut tasks = Vec::new();
    for (file, name, input, metadata) in opened {
        let mut first = 0;
        for (group, info) in metadata.metadata().row_groups().iter().enumerate() {
            let rows = usize::try_from(info.num_rows()).unwrap_or(0);
            tasks.push((
                file,
                name.clone(),
                input.clone(),
                metadata.clone(),
                group,
                first,
                rows,
            ));
            first += rows;
        }
    }
    let names: Vec<String> = columns
        .iter()
        .map(|(c, _)| schema.field(*c).name().clone())
        .collect();
    let work = tasks
        .into_iter()
        .map(|(file, name, input, metadata, group, first, rows)| {
            let names = names.clone();
            let on_part = Arc::clone(&on_part);
            let hows: Vec<TextAs> = columns.iter().map(|(_, how)| *how).collect();
            async move {
                let failed =
                    |e: &dyn std::fmt::Display| RecordError::read(format!("reading {name}"), e);
                let empty = empty(&metadata, group, &names, &hows);
                let roots: Vec<usize> = names
                    .iter()
                    .zip(&empty)
                    .filter(|(_, empty)| empty.is_none())
                    .filter_map(|(n, _)| metadata.schema().index_of(n).ok())
                    .collect();
                let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
                let mut stream =
                    ParquetRecordBatchStreamBuilder::new_with_metadata(input, metadata.clone())
                        .with_row_groups(vec![group])
                        .with_projection(mask)
                        .with_batch_size(rows.max(1))
                        .build()
                        .map_err(|e| failed(&e))?;
                let Some(reader) = stream.next_row_group().await.map_err(|e| failed(&e))? else {
                    return Ok(None);
                };
                let decode = move || -> Result<T> {
                    let batches: Vec<RecordBatch> =
                        reader.collect::<std::result::Result<_, _>>()?;
                    let whole = match batches.as_slice() {
                        [one] => one.clone(),
                        [] => return Err(RecordError::read("reading a row group", "it is empty")),
                        many => {
                            datafusion::arrow::compute::concat_batches(&many[0].schema(), many)?
                        }
                    };
                    let mut fields = Vec::with_capacity(names.len());
                    let mut columns = Vec::with_capacity(names.len());
                    for (name, empty) in names.iter().zip(empty) {
                        let column = match empty {
                            Some(kind) => new_null_array(&kind, rows),
                            None => Arc::clone(whole.column(whole.schema().index_of(name)?)),
                        };
                        fields.push(Field::new(name, column.data_type().clone(), true));
                        columns.push(column);
                    }
                    drop(whole);
                    let batch = numbered(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?, &hows)?;
                    Ok(on_part(Part { file, first, batch }))
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

/// The types of those columns of a row group that hold nothing: they need not be read.
fn empty(metadata: &ArrowReaderMetadata, group: usize, names: &[String], hows: &[TextAs]) -> Vec<Option<DataType>> {
    let info = metadata.metadata().row_group(group);
    let missing = |at: usize| {
        let nulls = info.column(at).statistics().and_then(datafusion::parquet::file::statistics::Statistics::null_count_opt);
        nulls == u64::try_from(info.num_rows()).ok()
    };
    let kind = |(name, how): (&String, &TextAs)| {
        let at = metadata.schema().index_of(name).ok().filter(|at| missing(*at))?;
        Some(match (metadata.schema().field(at).data_type(), how) {
            (DataType::Utf8, TextAs::Dictionary) => dictionary(),
            (other, _) => other.clone(),
        })
    };
    names.iter().zip(hows).map(kind).collect()
}

/// Cells of a text column by the number of their row over all files.
pub async fn cells(
    objects: Arc<dyn ObjectStore>,
    files: &[StoredFile],
    schema: &SchemaRef,
    column: usize,
    rows: &[u32],
) -> Result<Vec<Option<String>>> {
    let mut wanted: Vec<(usize, usize)> = rows.iter().enumerate().map(|(place, row)| (*row as usize, place)).collect();
    wanted.sort_unstable();
    let mut out = vec![None; rows.len()];
    let (mut left, mut before) = (wanted.as_slice(), 0);
    for file in files {
        let end = before + usize::try_from(file.rows).unwrap_or(0);
        let here = left.partition_point(|(row, _)| *row < end);
        let (own, others) = left.split_at(here);
        left = others;
        if let (Some(first), Some(last)) = (own.first(), own.last()) {
            let name = &file.name;
            let failed = |e: &dyn std::fmt::Display| RecordError::read(format!("reading {name}"), e);
            let mut distinct: Vec<usize> = own.iter().map(|(row, _)| row - before).collect();
            distinct.dedup();
            let ranges = distinct.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
            let total = last.0.max(first.0) + 1 - before;
            let selection = RowSelection::from_consecutive_ranges(ranges, total);
            let input = Input { objects: Arc::clone(&objects), path: ObjectPath::from(name.as_str()), size: file.size };
            let builder = ParquetRecordBatchStreamBuilder::new(input).await.map_err(|e| failed(&e))?;
            let root = builder.schema().index_of(schema.field(column).name())?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), [root]);
            let stream = builder.with_projection(mask).with_row_selection(selection).build().map_err(|e| failed(&e))?;
            let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(|e| failed(&e))?;
            let mut texts = Vec::with_capacity(distinct.len());
            for batch in &batches {
                let text = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8)?;
                texts.extend(text.as_string::<i32>().iter().map(|t| t.map(str::to_owned)));
            }
            for (row, place) in own {
                let at = distinct.binary_search(&(row - before)).unwrap_or(usize::MAX);
                out[*place] = texts.get(at).cloned().flatten();
            }
        }
        before = end;
    }
    Ok(out)
}

/// Bytes, as the storage hands them out.
type Bytes = <PutPayload as IntoIterator>::Item;

/// A file in an object store.
#[derive(Debug, Clone)]
struct Input {
    objects: Arc<dyn ObjectStore>,
    path: ObjectPath,
    size: u64,
}

impl AsyncFileReader for Input {
    fn get_bytes(&mut self, range: std::ops::Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.objects
            .get_range(&self.path, range)
            .map_err(|e| ParquetError::External(Box::new(e)))
            .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<std::ops::Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let got = self.objects.get_ranges(&self.path, &ranges).await;
            got.map_err(|e| ParquetError::External(Box::new(e)))
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
