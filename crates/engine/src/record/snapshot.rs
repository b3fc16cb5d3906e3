//! A snapshot: rows that show the state of people and opportunities at an instant. Before they are imported, the changes
//! of stage, owner, amount and expected close that they imply are made and go into the same import, so that they land, and
//! are taken back, with it. What a change is, and when, is decided by [`treaty_domain::snapshot`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use treaty_app::import::{Filtered, SNAPSHOT_BY, SNAPSHOT_FIELDS, SnapshotMark};
use treaty_app::layout::Table;
use treaty_app::raw::{RawChunk, TextColumn};
use treaty_domain::snapshot::{Known, Seen, Step, steps};
use treaty_domain::zone::{LocalDay, Micros};

use super::cast;
use super::cells::Text;
use super::error::{RecordError, Result};
use super::header::{self, Mapping};
use super::import::ImportOptions;
use super::piece::{Lines, Piece};
use super::source::Incoming;
use super::{Record, schema};

/// Column of a snapshot with the stage of its subject; it is not stored.
const STAGE: &str = "stage";
/// Column of a snapshot with the instant since when the stage holds; it is not stored.
const SINCE: &str = "stage_since";

/// What a snapshot adds to an import.
#[derive(Debug, Default)]
pub struct Made {
    /// Rows of history.
    pub rows: u64,
    /// Rows that are older than what the record has, by table.
    pub filtered: Vec<Filtered>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// No snapshot of this source is on record within a day, so this one is worth a line of the log.
    pub confirms: bool,
}

/// A value that a row of the snapshot shows.
struct Observation {
    subject: &'static str,
    id: String,
    field: &'static str,
    value: Option<String>,
    since: Option<i64>,
    place: (String, u64),
}

/// The value of a field in one spelling: amounts without idle zeros, text without outer blanks.
fn canonical(field: &str, text: &str) -> Option<String> {
    let text = text.trim();
    if field == "amount"
        && let Ok(units) = treaty_domain::money::parse_amount(text, 4)
    {
        return Some(decimal(i128::from(units), 4));
    }
    let text = if field == "expected_close_on" { text.get(..10).unwrap_or(text) } else { text };
    (!text.is_empty()).then(|| text.to_owned())
}

/// A stored decimal as text.
pub fn decimal(units: i128, scale: u32) -> String {
    let unit = 10i128.pow(scale);
    let whole = format!("{}{}", if units < 0 { "-" } else { "" }, (units / unit).abs());
    let rest = format!("{:0width$}", (units % unit).abs(), width = scale as usize);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole } else { format!("{whole}.{rest}") }
}

/// A cell of a typed column as text.
fn cell(array: &ArrayRef, field: &str, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if let Some(text) = Text::of(array) {
        return text.get(row).and_then(|t| canonical(field, t));
    }
    if let Some(amounts) = array.as_primitive_opt::<Decimal128Type>() {
        return Some(decimal(amounts.value(row), u32::try_from(amounts.scale()).unwrap_or(0)));
    }
    array.as_primitive_opt::<Date32Type>().map(|d| LocalDay(d.value(row)).to_string())
}

/// `opportunity` for `opportunities`.
fn subject_of(table: &str) -> &'static str {
    if table == "people" { "person" } else { "opportunity" }
}

/// Fields that are followed of a table.
fn followed(mark: &SnapshotMark, table: &str) -> Vec<&'static str> {
    let asked = SNAPSHOT_FIELDS.iter().filter(|f| mark.fields.iter().any(|m| m == *f));
    asked.filter_map(|f| f.split_once('.')).filter(|(t, _)| *t == table).map(|(_, field)| field).collect()
}

/// Makes history of the rows of a snapshot; returns what is to be imported in their place.
pub async fn derive(
    record: &Record,
    sources: Vec<Incoming>,
    options: &ImportOptions<'_>,
    mark: &SnapshotMark,
) -> Result<(Vec<Incoming>, Made)> {
    let mut made = Made::default();
    let marks = marks(record, &options.source_name);
    made.confirms = marks.iter().all(|m| (m - mark.at).abs() >= Micros::DAY);
    let next = marks.iter().copied().filter(|m| *m > mark.at).min();
    let mut seen = Vec::new();
    let mut history: History = HashMap::new();
    let mut out = Vec::new();
    for source in sources {
        let table = source.table();
        match table.name {
            "people" | "opportunities" if !followed(mark, table.name).is_empty() => {
                let source = plain(source)?;
                observe(&source, mark, options, &mut seen)?;
                out.push(source);
            }
            "stage_changes" | "field_changes" => {
                for (batch, place) in batches(&source)? {
                    read_history(table, &batch, place, options, &mut history)?;
                }
                out.push(source);
            }
            _ => out.push(source),
        }
    }
    let ids: HashSet<(&str, &str)> = seen.iter().map(|o| (o.subject, o.id.as_str())).collect();
    stored_history(record, &ids, &mut history).await?;
    let stored = stored(record, &ids).await?;
    history.values_mut().for_each(|h| {
        h.sort_by_key(|c| (c.at, c.seq));
        h.dedup();
    });
    let rows = changes(&seen, &history, &stored, mark, next);
    made.rows = (rows.stages.len() + rows.fields.len()) as u64;
    if rows.first > 0 {
        made.notes.push(format!(
            "{} were seen for the first time: when they entered their stage is not known, so they count as entering it at the snapshot",
            rows.first
        ));
    }
    if made.rows > 0 {
        made.notes.push(format!(
            "{} changes were made from the snapshot (changed_by = '{SNAPSHOT_BY}'); they are dated at the snapshot that shows them first",
            made.rows
        ));
    }
    for (table, subject) in [("people", "person"), ("opportunities", "opportunity")] {
        let tracked = followed(mark, table);
        let mut late = 0;
        for source in out.iter_mut().filter(|s| s.table().name == table && !tracked.is_empty()) {
            let known = |id: &str| next.is_some() && stored.contains_key(&(subject.to_owned(), id.to_owned()));
            late += strip(source, tracked.contains(&STAGE), &known)?;
        }
        if late > 0 {
            let why = "the record has a newer state of them; this older one gave its changes only".to_owned();
            made.filtered.push(Filtered { table: table.to_owned(), why, rows: late });
        }
    }
    out.extend(rows.incoming()?);
    Ok((out, made))
}

/// Instants of the snapshots of a source that are on record.
fn marks(record: &Record, source: &str) -> BTreeSet<i64> {
    let ledger = record.ledger();
    let undone: Vec<u64> = ledger.iter().filter_map(|row| row.undoes).collect();
    let standing = ledger.iter().filter(|r| !undone.contains(&r.entry.version) && r.entry.source == source);
    standing.filter_map(|r| r.entry.details.origin.snapshot.as_ref().map(|s| s.at)).collect()
}

/// Parquet files as batches; what was read already stays as it is.
fn plain(source: Incoming) -> Result<Incoming> {
    let Incoming::Parquet { table, path, display } = source else { return Ok(source) };
    let failed = |e: &dyn std::fmt::Display| RecordError::Source { file: display.clone(), reason: e.to_string() };
    let file = File::open(&path).map_err(|e| failed(&e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).map_err(|e| failed(&e))?;
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().map_err(|e| failed(&e))?;
    Ok(Incoming::Arrow { table, file: display, batches })
}

/// Where the rows of a batch come from.
type Place = (Arc<str>, Lines);

/// The rows of a source as batches.
fn batches(source: &Incoming) -> Result<Vec<(RecordBatch, Place)>> {
    Ok(match source {
        Incoming::Text { raw, .. } => {
            let file: Arc<str> = raw.file.as_str().into();
            let rows = |chunk: &RawChunk| {
                let array = |c: &TextColumn| Arc::new((0..c.len()).map(|i| c.get(i)).collect::<StringArray>()) as ArrayRef;
                // A header with the same name twice is a fault that the import tells.
                let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::new();
                chunk.columns.iter().for_each(|c| _ = columns.entry(c.name.as_str()).or_insert_with(|| array(c)));
                let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?;
                Ok::<_, RecordError>((batch, (Arc::clone(&file), Lines::Each(chunk.lines.clone()))))
            };
            raw.chunks.iter().filter(|c| !c.columns.is_empty()).map(rows).collect::<Result<_>>()?
        }
        Incoming::Arrow { file, batches, .. } => {
            let mut first = 1;
            let place = |b: &RecordBatch| {
                let from = first;
                first += b.num_rows() as u64;
                (b.clone(), (Arc::from(file.as_str()), Lines::From(from)))
            };
            batches.iter().map(place).collect()
        }
        Incoming::Parquet { .. } => Vec::new(),
    })
}

/// Reads the layout columns of a batch as the import will; `None` when its header is refused.
fn piece(table: &'static Table, batch: &RecordBatch, place: Place, options: &ImportOptions<'_>) -> Result<Option<Piece>> {
    let schema = batch.schema();
    let known = |n: &str| table.column(&n.trim().to_lowercase()).is_some() || n == header::FILE || n == header::LINE;
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|i| known(schema.field(*i).name())).collect();
    let batch = batch.project(&kept)?;
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    match Mapping::find(table, &names, &place.0) {
        Ok(mapping) => Ok(Some(Piece::read(table, &mapping, batch.columns(), place, options)?)),
        Err(_) => Ok(None),
    }
}

/// A column of a batch by its name, without case and outer blanks.
fn named<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a ArrayRef> {
    let at = batch.schema().fields().iter().position(|f| f.name().trim().eq_ignore_ascii_case(name))?;
    Some(batch.column(at))
}

/// Takes down what the rows of a snapshot show.
fn observe(source: &Incoming, mark: &SnapshotMark, options: &ImportOptions<'_>, seen: &mut Vec<Observation>) -> Result<()> {
    let table = source.table();
    let tracked = followed(mark, table.name);
    for (batch, place) in batches(source)? {
        let Some(piece) = piece(table, &batch, place, options)? else { continue };
        let column = |name: &str| table.columns.iter().position(|c| c.name == name).and_then(|i| piece.columns[i].as_ref());
        let Some(ids) = column(table.key[0]).and_then(Text::of) else { continue };
        let stages = named(&batch, STAGE).map(cast::text).transpose()?;
        let since = match named(&batch, SINCE) {
            Some(a) => Some(cast::column(a, treaty_app::layout::Kind::Instant, &options.zone)?.0),
            None => None,
        };
        for row in (0..piece.rows).filter(|r| !piece.refused.contains(*r)) {
            let Some(id) = ids.get(row) else { continue };
            let mut add = |field: &'static str, value: Option<String>, since: Option<i64>| {
                let place = piece.place(row);
                seen.push(Observation { subject: subject_of(table.name), id: id.to_owned(), field, value, since, place });
            };
            for field in &tracked {
                if *field == STAGE {
                    let Some(stages) = &stages else { continue };
                    let since = since.as_ref().filter(|s| s.is_valid(row)).map(|s| s.as_primitive::<TimestampMicrosecondType>().value(row));
                    add(field, cell(stages, field, row), since);
                } else if named(&batch, field).is_some() {
                    // A column without any value is read as a missing one; its cells are empty all the same.
                    add(field, column(field).and_then(|c| cell(c, field, row)), None);
                }
            }
        }
    }
    Ok(())
}

/// Changes by subject type, id and field.
type History = HashMap<(String, String, String), Vec<Step>>;

fn read_history(table: &'static Table, batch: &RecordBatch, place: Place, options: &ImportOptions<'_>, into: &mut History) -> Result<()> {
    let Some(piece) = piece(table, batch, place, options)? else { return Ok(()) };
    let columns: Vec<Option<ArrayRef>> = piece.columns.clone();
    take_steps(table, &columns, piece.rows, &|row| !piece.refused.contains(row), into);
    Ok(())
}

/// Reads steps of a table of changes from its columns in the order of the layout.
fn take_steps(table: &Table, columns: &[Option<ArrayRef>], rows: usize, wanted: &dyn Fn(usize) -> bool, into: &mut History) {
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).and_then(|i| columns[i].as_ref());
    let text = |name: &str, row: usize| at(name).and_then(Text::of).and_then(|t| t.get(row)).map(str::to_owned);
    let long = |name: &str| at(name).and_then(|a| compute::cast(a, &DataType::Int64).ok()).map(|a| a.as_primitive::<Int64Type>().clone());
    let value_of = |a: &Option<Int64Array>, row: usize| a.as_ref().filter(|a| a.is_valid(row)).map(|a| a.value(row));
    let (instants, seqs) = (long("changed_at"), long("seq"));
    let (values, field) = if table.name == "stage_changes" { ("stage", Some(STAGE)) } else { ("new_value", None) };
    for row in (0..rows).filter(|r| wanted(*r)) {
        let (Some(subject), Some(id), Some(changed)) = (text("subject_type", row), text("subject_id", row), value_of(&instants, row)) else {
            continue;
        };
        let Some(field) = field.map(str::to_owned).or_else(|| text("field", row)) else { continue };
        let value = |name: &str| text(name, row).and_then(|t| canonical(&field, &t));
        let step = Step {
            at: Micros(changed),
            seq: value_of(&seqs, row).unwrap_or(0),
            old: if table.name == "field_changes" { value("old_value") } else { None },
            new: value(values),
            made: text("changed_by", row).as_deref() == Some(SNAPSHOT_BY),
        };
        into.entry((subject, id, field.clone())).or_default().push(step);
    }
}

/// Adds the stored changes of subjects that the snapshot shows.
async fn stored_history(record: &Record, ids: &HashSet<(&str, &str)>, into: &mut History) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    for name in ["stage_changes", "field_changes"] {
        let table = schema::table(name)?;
        let names: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
        for batch in record.read(name, record.version(), &names, false).await? {
            let columns: Vec<Option<ArrayRef>> = batch.columns().iter().map(|c| Some(Arc::clone(c))).collect();
            let (Some(subject), Some(id)) = (Text::of(batch.column(0)), Text::of(batch.column(1))) else { continue };
            let wanted = |row: usize| ids.contains(&(subject.get(row).unwrap_or(""), id.get(row).unwrap_or("")));
            take_steps(table, &columns, batch.num_rows(), &wanted, into);
        }
    }
    Ok(())
}

/// Values in the record by subject type and id, and by field.
type Stored = HashMap<(String, String), HashMap<&'static str, Option<String>>>;

async fn stored(record: &Record, ids: &HashSet<(&str, &str)>) -> Result<Stored> {
    let mut out = Stored::new();
    for table in ["people", "opportunities"] {
        let subject = subject_of(table);
        if !ids.iter().any(|(s, _)| *s == subject) {
            continue;
        }
        let key = schema::table(table)?.key[0];
        let fields: Vec<&'static str> = SNAPSHOT_FIELDS
            .iter()
            .filter_map(|f| f.split_once('.'))
            .filter(|(t, f)| *t == table && *f != STAGE)
            .map(|(_, f)| f)
            .collect();
        let names: Vec<&str> = std::iter::once(key).chain(fields.iter().copied()).collect();
        for batch in record.read(table, record.version(), &names, false).await? {
            let Some(keys) = Text::of(batch.column(0)) else { continue };
            for row in 0..batch.num_rows() {
                let id = keys.get(row).unwrap_or("");
                if ids.contains(&(subject, id)) {
                    let values = fields.iter().enumerate().map(|(i, f)| (*f, cell(batch.column(i + 1), f, row))).collect();
                    out.insert((subject.to_owned(), id.to_owned()), values);
                }
            }
        }
    }
    Ok(out)
}

/// A row of history to be imported.
struct Row {
    subject: &'static str,
    id: String,
    field: &'static str,
    step: Step,
    place: (String, u64),
}

/// What the snapshot makes.
struct Rows {
    stages: Vec<Row>,
    fields: Vec<Row>,
    /// Subjects whose stage was never seen before.
    first: u64,
}

fn changes(
    seen: &[Observation],
    history: &History,
    stored: &Stored,
    mark: &SnapshotMark,
    next: Option<i64>,
) -> Rows {
    let mut rows = Rows { stages: Vec::new(), fields: Vec::new(), first: 0 };
    // A subject that stands twice in the snapshot with two values shows none.
    let mut values: BTreeMap<(&str, &str, &str), Option<&Observation>> = BTreeMap::new();
    for o in seen {
        let slot = values.entry((o.subject, o.id.as_str(), o.field)).or_insert(Some(o));
        if slot.is_none_or(|before| before.value != o.value) {
            *slot = None;
        }
    }
    for ((subject, id, field), o) in values {
        let Some(o) = o else { continue };
        let steps_of = history.get(&(subject.to_owned(), id.to_owned(), field.to_owned()));
        let past: &[Step] = steps_of.map_or(&[], Vec::as_slice);
        let keeps_old = field != STAGE;
        let now = stored.get(&(subject.to_owned(), id.to_owned())).and_then(|f| f.get(field)).cloned();
        let known = Known { now: if keeps_old { now } else { None }, keeps_old, next: next.map(Micros) };
        let value = Seen { at: Micros(mark.at), value: o.value.clone(), since: o.since.map(Micros) };
        // A stage that is no longer there is no stage that one could enter.
        if field == STAGE && o.value.is_none() {
            continue;
        }
        rows.first += u64::from(field == STAGE && past.is_empty() && o.since.is_none());
        for step in steps(past, &value, &known) {
            let row = Row { subject: o.subject, id: o.id.clone(), field: o.field, step, place: o.place.clone() };
            if field == STAGE { rows.stages.push(row) } else { rows.fields.push(row) }
        }
    }
    rows
}

impl Rows {
    /// The rows as tables to be imported.
    fn incoming(self) -> Result<Vec<Incoming>> {
        let mut out = Vec::new();
        for (name, rows) in [("stage_changes", self.stages), ("field_changes", self.fields)] {
            if rows.is_empty() {
                continue;
            }
            let text = |of: &dyn Fn(&Row) -> Option<String>| Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef;
            let long = |of: &dyn Fn(&Row) -> i64| Arc::new(rows.iter().map(|r| Some(of(r))).collect::<Int64Array>()) as ArrayRef;
            let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.step.at.0)).with_timezone("UTC");
            let mut columns: Vec<(&str, ArrayRef)> = vec![
                ("subject_type", text(&|r| Some(r.subject.to_owned()))),
                ("subject_id", text(&|r| Some(r.id.clone()))),
                ("changed_at", Arc::new(at)),
                ("seq", long(&|r| r.step.seq)),
                ("changed_by", text(&|_| Some(SNAPSHOT_BY.to_owned()))),
                (header::FILE, text(&|r| Some(r.place.0.clone()))),
                (header::LINE, long(&|r| i64::try_from(r.place.1).unwrap_or(0))),
            ];
            if name == "stage_changes" {
                columns.push(("stage", text(&|r| r.step.new.clone())));
            } else {
                columns.push(("field", text(&|r| Some(r.field.to_owned()))));
                columns.push(("old_value", text(&|r| r.step.old.clone())));
                columns.push(("new_value", text(&|r| r.step.new.clone())));
            }
            let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?;
            out.push(Incoming::Arrow { table: schema::table(name)?, file: SNAPSHOT_BY.to_owned(), batches: vec![batch] });
        }
        Ok(out)
    }
}

/// Takes the columns of the stage away, and the rows that the record knows better; returns how many.
fn strip(source: &mut Incoming, stage: bool, known: &dyn Fn(&str) -> bool) -> Result<u64> {
    let key = source.table().key[0];
    let gone = |name: &str| stage && [STAGE, SINCE].iter().any(|s| name.trim().eq_ignore_ascii_case(s));
    let mut late = 0;
    match source {
        Incoming::Text { raw, .. } => {
            for chunk in &mut raw.chunks {
                chunk.columns.retain(|c| !gone(&c.name));
                let Some(ids) = chunk.columns.iter().find(|c| c.name.trim().eq_ignore_ascii_case(key)) else { continue };
                let keep: Vec<bool> = (0..ids.len()).map(|i| !ids.get(i).is_some_and(known)).collect();
                let n = keep.iter().filter(|k| !**k).count() as u64;
                if n > 0 {
                    late += n;
                    *chunk = filtered(chunk, &keep);
                }
            }
        }
        Incoming::Arrow { batches, .. } => {
            for batch in batches {
                let schema = batch.schema();
                let kept: Vec<usize> = (0..batch.num_columns()).filter(|i| !gone(schema.field(*i).name())).collect();
                *batch = batch.project(&kept)?;
                let Some(ids) = named(batch, key).map(cast::text).transpose()? else { continue };
                let Some(ids) = Text::of(&ids) else { continue };
                let keep: BooleanArray = (0..ids.len()).map(|i| Some(!ids.get(i).is_some_and(known))).collect();
                if keep.true_count() < keep.len() {
                    late += (keep.len() - keep.true_count()) as u64;
                    *batch = compute::filter_record_batch(batch, &keep)?;
                }
            }
        }
        Incoming::Parquet { .. } => {}
    }
    Ok(late)
}

fn filtered(chunk: &RawChunk, keep: &[bool]) -> RawChunk {
    let rows = || keep.iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| i);
    let columns = chunk.columns.iter().map(|c| {
        let mut column = TextColumn::new(&c.name);
        rows().for_each(|i| column.push(c.get(i)));
        column
    });
    RawChunk { columns: columns.collect(), lines: rows().filter_map(|i| chunk.lines.get(i).copied()).collect() }
}
