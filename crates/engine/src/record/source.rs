//! What an import brings: text, Arrow batches or Parquet files, each for one table.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use treaty_app::import::Progress;
use treaty_app::layout::Table;
use treaty_app::raw::{Fault, RawChunk, RawTable};
use treaty_domain::zone::Zone;

use super::cells::Cells;
use super::error::{RecordError, Result};
use super::filter::{Filter, Seen};
use super::header::Mapping;
use super::import::ImportOptions;
use super::piece::{Lines, Piece};
use super::schema::key_positions;
use super::{cast, keys, par};

/// Rows of a Parquet file that are read at once: so many as a core's cache holds.
const BATCH: usize = 1 << 16;
/// Rows that are read before they join those that were there, about.
const LOT: usize = 1 << 22;

/// Rows of one table that are to be imported.
#[derive(Debug)]
pub enum Incoming {
    /// Text of a file.
    Text {
        /// Table of the record.
        table: &'static Table,
        /// The text.
        raw: RawTable,
    },
    /// Arrow batches. Hidden columns `_file` and `_line` tell where each row came from.
    Arrow {
        /// Table of the record.
        table: &'static Table,
        /// File as the user named it.
        file: String,
        /// The rows.
        batches: Vec<RecordBatch>,
    },
    /// A Parquet file.
    Parquet {
        /// Table of the record.
        table: &'static Table,
        /// Where it is.
        path: PathBuf,
        /// File as the user named it.
        display: String,
    },
}

impl Incoming {
    /// The table the rows are for.
    pub fn table(&self) -> &'static Table {
        match self {
            Self::Text { table, .. } | Self::Arrow { table, .. } | Self::Parquet { table, .. } => {
                table
            }
        }
    }
}

/// A source whose header has been understood, cut into runs that can be read on their own.
pub(super) struct Prepared {
    pub rows: u64,
    /// Rows that could not even be read, such as ragged ones.
    pub faults: Vec<Fault>,
    runs: Vec<Run>,
    file: Arc<str>,
}

enum Run {
    Chunk(Mapping, RawChunk),
    Batch(Mapping, RecordBatch, u64),
    RowGroup {
        mapping: Mapping,
        path: PathBuf,
        metadata: ArrowReaderMetadata,
        group: usize,
        first: u64,
    },
}

/// Understands the header of a source, without reading its rows; the outer error is one of I/O,
/// the inner one lists the faults of the header.
pub(super) fn prepare(source: Incoming) -> Result<Result<Prepared, (u64, Vec<Fault>)>> {
    match source {
        Incoming::Text { table, raw } => Ok(prepare_text(table, raw)),
        Incoming::Arrow {
            table,
            file,
            batches,
        } => Ok(prepare_batches(table, &file, batches)),
        Incoming::Parquet {
            table,
            path,
            display,
        } => prepare_parquet(table, &path, &display).map_err(|e| e.of_source(&display)),
    }
}

fn prepare_text(table: &'static Table, raw: RawTable) -> Result<Prepared, (u64, Vec<Fault>)> {
    let unreadable = raw.faults.iter().filter(|f| f.line > 0).count() as u64;
    let rows = raw.rows() + unreadable;
    // A fault of the file as a whole means that it was not read to its end.
    let broken: Vec<Fault> = raw.faults.iter().filter(|f| f.line == 0).cloned().collect();
    if !broken.is_empty() {
        return Err((rows, broken));
    }
    let mut runs = Vec::with_capacity(raw.chunks.len());
    for chunk in raw.chunks {
        let names: Vec<&str> = chunk.columns.iter().map(|c| c.name.as_str()).collect();
        match Mapping::find(table, &names, &raw.file) {
            Ok(mapping) => runs.push(Run::Chunk(mapping, chunk)),
            Err(faults) => return Err((rows, faults)),
        }
    }
    Ok(Prepared {
        rows,
        faults: raw.faults,
        runs,
        file: raw.file.into(),
    })
}

fn prepare_batches(
    table: &'static Table,
    file: &str,
    batches: Vec<RecordBatch>,
) -> Result<Prepared, (u64, Vec<Fault>)> {
    let rows = batches.iter().map(|b| b.num_rows() as u64).sum();
    let mut runs = Vec::with_capacity(batches.len());
    let mut first = 1;
    for batch in batches {
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        match Mapping::find(table, &names, file) {
            Ok(mapping) => {
                let n = batch.num_rows() as u64;
                runs.push(Run::Batch(mapping, batch, first));
                first += n;
            }
            Err(faults) => return Err((rows, faults)),
        }
    }
    Ok(Prepared {
        rows,
        faults: Vec::new(),
        runs,
        file: file.into(),
    })
}

fn prepare_parquet(
    table: &'static Table,
    path: &Path,
    display: &str,
) -> Result<Result<Prepared, (u64, Vec<Fault>)>> {
    let file = File::open(path).map_err(|e| RecordError::read(display, e))?;
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let metadata = with_hints(&plain)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let schema = Arc::clone(metadata.schema());
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mapping = match Mapping::find(table, &names, display) {
        Ok(mapping) => mapping,
        Err(faults) => return Ok(Err((rows, faults))),
    };
    let mut first = 1;
    let mut runs = Vec::new();
    for (group, info) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = usize::try_from(info.num_rows()).unwrap_or(0);
        runs.push(Run::RowGroup {
            mapping: mapping.clone(),
            path: path.to_owned(),
            metadata: metadata.clone(),
            group,
            first,
        });
        first += rows as u64;
    }
    Ok(Ok(Prepared {
        rows,
        faults: Vec::new(),
        runs,
        file: display.into(),
    }))
}

/// Asks for text as a dictionary where the file holds nothing else, and as views elsewhere.
fn with_hints(plain: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata> {
    let fields: Vec<Field> = plain
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => {
                let hint = if all_dictionary(plain.metadata(), i) {
                    dictionary()
                } else {
                    DataType::Utf8View
                };
                field.as_ref().clone().with_data_type(hint)
            }
            _ => field.as_ref().clone(),
        })
        .collect();
    let hinted = Arc::new(Schema::new(fields));
    let options = ArrowReaderOptions::new().with_schema(hinted);
    match ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options) {
        Ok(metadata) => Ok(metadata),
        // A hint that does not fit some odd column is only a hint.
        Err(_) => Ok(plain.clone()),
    }
}

/// Text as distinct values and keys.
pub(super) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Whether a top-level column is dictionary-encoded in all row groups.
pub(super) fn all_dictionary(metadata: &ParquetMetaData, root: usize) -> bool {
    let schema = metadata.file_metadata().schema_descr();
    let Some(leaf) = (0..schema.num_columns()).find(|i| schema.get_column_root_idx(*i) == root)
    else {
        return false;
    };
    let dictionary = |c: &ColumnChunkMetaData| {
        c.dictionary_page_offset().is_some()
            && c.page_encoding_stats_mask().is_some_and(|m| {
                m.is_only(Encoding::PLAIN_DICTIONARY) || m.is_only(Encoding::RLE_DICTIONARY)
            })
    };
    metadata.num_row_groups() > 0
        && metadata
            .row_groups()
            .iter()
            .all(|g| dictionary(g.column(leaf)))
}

/// Some of the rows of a table: runs with their files.
pub(super) struct Slice {
    runs: Vec<(Arc<str>, Run)>,
    pub rows: usize,
}

/// Cuts the sources of one table into slices of about so many rows.
pub(super) fn slices(sources: Vec<Prepared>, rows: usize) -> Vec<Slice> {
    let all: u64 = sources.iter().map(|s| s.rows).sum();
    let all = usize::try_from(all).unwrap_or(usize::MAX);
    let each = all.div_ceil(all.div_ceil(rows.max(1)).max(1));
    let mut slices: Vec<Slice> = Vec::new();
    for source in sources {
        for run in source.runs {
            let rows = run.rows();
            let run = (Arc::clone(&source.file), run);
            match slices.last_mut() {
                Some(slice) if slice.rows < each || rows == 0 => {
                    slice.rows += rows;
                    slice.runs.push(run);
                }
                _ => slices.push(Slice { runs: vec![run], rows }),
            }
        }
    }
    slices
}

/// Keys that may come more than once, also in different slices.
pub(super) fn again(table: &'static Table, slices: &[Slice], zone: &Zone) -> Result<Filter> {
    let runs: Vec<&(Arc<str>, Run)> = slices.iter().flat_map(|s| &s.runs).collect();
    let seen = Seen::room(slices.iter().map(|s| s.rows).sum());
    let again = par::try_map(runs, |(file, run)| {
        let mut again = Vec::new();
        let mut note = |keys: &[u64]| {
            let keys: Vec<u32> = keys.iter().map(|hash| keys::half(*hash) as u32).collect();
            seen.note(&keys, &mut again);
        };
        run.keys(table, zone, &mut note).map_err(|e| e.of_source(file))?;
        Ok::<_, RecordError>(again)
    })?;
    Ok(Filter::of_halves(&again.concat()))
}

/// Reads, types and checks rows of one table, on all cores; hands them over some runs at a time, so that memory of
/// what was read serves for what comes next.
pub(super) fn read(
    table: &'static Table,
    slice: Slice,
    options: &ImportOptions<'_>,
    progress: &dyn Progress,
    mut take: impl FnMut(Vec<Piece>) -> Result<()>,
) -> Result<()> {
    let mut runs = slice.runs.into_iter().peekable();
    while runs.peek().is_some() {
        let mut some = Vec::new();
        let mut rows = 0;
        while let Some(run) = runs.next_if(|_| some.len() < par::workers() * 2 || rows < LOT) {
            rows += run.1.rows();
            some.push(run);
        }
        let pieces = par::try_map(some, |(file, run)| {
            let pieces = run.read(table, &file, options).map_err(|e| e.of_source(&file))?;
            progress.advance(pieces.iter().map(|p| p.rows as u64).sum());
            Ok::<_, RecordError>(pieces)
        })?;
        take(pieces.into_iter().flatten().collect())?;
    }
    Ok(())
}

impl Run {
    fn rows(&self) -> usize {
        match self {
            Self::Chunk(_, chunk) => chunk.lines.len(),
            Self::Batch(_, batch, _) => batch.num_rows(),
            Self::RowGroup { metadata, group, .. } => {
                usize::try_from(metadata.metadata().row_group(*group).num_rows()).unwrap_or(0)
            }
        }
    }

    /// Hands over hashes of the keys of all rows, some at a time.
    fn keys(&self, table: &Table, zone: &Zone, mut note: impl FnMut(&[u64])) -> Result<()> {
        let mut found = |columns: &[Option<&ArrayRef>], rows: usize| {
            let typed = key_positions(table).into_iter().zip(columns).map(|(c, array)| {
                let typed = array.map(|array| cast::column(array, table.columns[c].kind, zone)).transpose()?;
                Ok(typed.map(|(array, _)| array))
            });
            let typed = typed.collect::<Result<Vec<_>>>()?;
            let cells = typed.iter().map(|array| Cells::of(array.as_ref())).collect::<Result<Vec<_>>>()?;
            note(&keys::key_hashes(table, &cells, rows));
            Ok::<_, RecordError>(())
        };
        let places = |mapping: &Mapping| key_positions(table).into_iter().map(|c| mapping.layout[c]).collect::<Vec<_>>();
        match self {
            Self::Chunk(mapping, chunk) => {
                let rows = chunk.lines.len();
                let text = |at: Option<usize>| at.map(|at| text_array(chunk.columns[at].clone(), rows)).transpose();
                let columns = places(mapping).into_iter().map(text).collect::<Result<Vec<_>>>()?;
                found(&columns.iter().map(Option::as_ref).collect::<Vec<_>>(), rows)
            }
            Self::Batch(mapping, batch, _) => {
                let columns: Vec<_> = places(mapping).into_iter().map(|at| at.map(|at| batch.column(at))).collect();
                found(&columns, batch.num_rows())
            }
            Self::RowGroup { mapping, path, metadata, group, .. } => {
                let places = places(mapping);
                let read: BTreeSet<usize> = places.iter().flatten().copied().collect();
                for batch in row_group(path, metadata.clone(), *group, Some(&read))? {
                    let batch = batch?;
                    let column = |at: &Option<usize>| at.map(|at| batch.column(read.range(..at).count()));
                    found(&places.iter().map(column).collect::<Vec<_>>(), batch.num_rows())?;
                }
                Ok(())
            }
        }
    }

    fn read(self, table: &Table, file: &Arc<str>, options: &ImportOptions<'_>) -> Result<Vec<Piece>> {
        let piece = |mapping: &Mapping, columns: &[ArrayRef], lines: Lines| {
            Piece::read(table, mapping, columns, (Arc::clone(file), lines), options)
        };
        match self {
            Self::Chunk(mapping, chunk) => {
                let rows = chunk.lines.len();
                let columns: Vec<ArrayRef> = chunk
                    .columns
                    .into_iter()
                    .map(|c| text_array(c, rows))
                    .collect::<Result<_>>()?;
                Ok(vec![piece(&mapping, &columns, Lines::Each(chunk.lines))?])
            }
            Self::Batch(mapping, batch, first) => Ok(vec![piece(&mapping, batch.columns(), Lines::From(first))?]),
            Self::RowGroup { mapping, path, metadata, group, first } => {
                let mut pieces = Vec::new();
                let mut line = first;
                for batch in row_group(&path, metadata, group, None)? {
                    let batch = batch?;
                    pieces.push(piece(&mapping, batch.columns(), Lines::From(line))?);
                    line += batch.num_rows() as u64;
                }
                Ok(pieces)
            }
        }
    }
}

/// Reads a row group of a Parquet file, or some columns of it.
fn row_group(path: &Path, metadata: ArrowReaderMetadata, group: usize, columns: Option<&BTreeSet<usize>>) -> Result<ParquetRecordBatchReader> {
    let input = File::open(path).map_err(|e| RecordError::read(path.display().to_string(), e))?;
    let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata).with_row_groups(vec![group]).with_batch_size(BATCH);
    if let Some(columns) = columns {
        let mask = ProjectionMask::roots(reader.parquet_schema(), columns.iter().copied());
        reader = reader.with_projection(mask);
    }
    Ok(reader.build()?)
}

fn text_array(column: treaty_app::raw::TextColumn, rows: usize) -> Result<ArrayRef> {
    if column.present.len() != rows || column.offsets.len() != rows + 1 {
        return Err(RecordError::read(
            "reading text",
            format!(
                "column `{}` has {} cells for {rows} rows",
                column.name,
                column.present.len()
            ),
        ));
    }
    if column.offsets.last().copied() == Some(i32::MAX) || !column.offsets.is_sorted() {
        return Err(RecordError::read(
            "reading text",
            format!("column `{}` is too long for one chunk", column.name),
        ));
    }
    let nulls = NullBuffer::from(column.present);
    let array = StringArray::try_new(
        OffsetBuffer::new(ScalarBuffer::from(column.offsets)),
        Buffer::from_vec(column.bytes.into_bytes()),
        Some(nulls),
    )?;
    Ok(Arc::new(array) as Arc<dyn Array>)
}
