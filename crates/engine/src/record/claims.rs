//! One id, several sources. The record holds one row an id, so an import takes over rows that another source wrote, and says
//! so. Where `[truth]` puts sources in order for a column, the row shows the value of the first of them that has one, whoever
//! imports last; what each source says is kept beside it, as the attribute `column@source`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};
use treaty_app::layout::{ATTRIBUTES, Table};

use super::cast;
use super::cells::Text;
use super::error::{RecordError, Result};
use super::flat::Flat;
use super::import::ImportOptions;
use super::keys::{self, Hashes};
use super::{HASH, Record, VERSION};

/// What became of rows that another source wrote.
#[derive(Debug, Default)]
pub struct Settled {
    /// What the user should know.
    pub notes: Vec<String>,
    /// Attributes that were added.
    pub attributes: BTreeSet<String>,
}

/// What the sources say about a column of a row, by source.
type Claims = BTreeMap<String, String>;

/// Counts the rows that this import takes over from other sources, and settles whose word counts.
pub async fn settle(
    record: &Record,
    table: &'static Table,
    flat: &mut Flat,
    hashes: &mut Hashes,
    options: &ImportOptions<'_>,
) -> Result<Settled> {
    let mut out = Settled::default();
    let [key] = table.key else { return Ok(out) };
    if table.column("source").is_some() {
        return Ok(out);
    }
    let own = options.source_name.as_str();
    let log = record.log();
    let wrote = |e: &treaty_app::import::LogEntry| e.source != own && e.details.tables.iter().any(|t| t.table == table.name && t.written + t.changed > 0);
    if !log.iter().any(|e| e.kind == "import" && wrote(e)) {
        return Ok(out);
    }
    let sources: HashMap<i64, &str> =
        log.iter().map(|e| (i64::try_from(e.version).unwrap_or(0), crate::trust::source_of(e))).collect();
    let none = BTreeMap::new();
    let orders = record.truth().get(table.name).unwrap_or(&none);
    let settled: Vec<&str> = orders.keys().map(String::as_str).filter(|c| table.column(c).is_some()).collect();
    let mut columns = vec![*key, HASH, VERSION];
    if !settled.is_empty() {
        columns.push(ATTRIBUTES);
        columns.extend(&settled);
    }
    let stored = record.read(table.name, record.version(), &columns, false).await?;
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).unwrap_or(0);
    let Some(ids) = flat.columns[at(key)].as_ref() else { return Ok(out) };
    let rows: HashMap<String, u32> = {
        let Some(ids) = Text::of(ids) else { return Ok(out) };
        flat.alive().into_iter().filter_map(|row| Some((ids.get(row as usize)?.to_owned(), row))).collect()
    };
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    let mut claims: HashMap<u32, Map<String, Value>> = HashMap::new();
    let mut values: BTreeMap<&str, Vec<Option<String>>> = BTreeMap::new();
    for name in &settled {
        values.insert(name, texts(flat.columns[at(name)].as_ref(), flat.rows)?);
    }
    for batch in &stored {
        let (hash, version) = (batch.column(1).as_primitive::<Int64Type>(), batch.column(2).as_primitive::<Int64Type>());
        let Some(ids) = Text::of(batch.column(0)) else { continue };
        let said = Said::of(batch, settled.len())?;
        for i in 0..batch.num_rows() {
            let Some(row) = ids.get(i).and_then(|id| rows.get(id)).copied() else { continue };
            let writer = sources.get(&version.value(i)).copied().unwrap_or("native");
            if writer != own && hash.value(i) != hashes.content[row as usize] {
                *taken.entry(writer).or_default() += 1;
            }
            for (c, name) in settled.iter().enumerate() {
                let mut all = said.claims(i, name, c, writer);
                if all.is_empty() || all.keys().all(|s| s == own) {
                    continue;
                }
                let Some(slot) = values.get_mut(name).and_then(|v| v.get_mut(row as usize)) else { continue };
                match slot.take() {
                    Some(value) => all.insert(own.to_owned(), value),
                    None => all.remove(own),
                };
                let rank = |s: &str| orders[*name].iter().position(|o| o == s).unwrap_or(usize::MAX);
                let winner = all.iter().min_by_key(|(s, _)| (rank(s), *s != own, s.as_str()));
                *slot = winner.map(|(_, value)| value.clone());
                if all.len() > 1 || !all.contains_key(own) {
                    let kept = claims.entry(row).or_default();
                    kept.extend(all.into_iter().map(|(s, v)| (format!("{name}@{s}"), Value::from(v))));
                }
            }
        }
    }
    for (writer, n) in &taken {
        out.notes.push(format!(
            "{}: {n} ids were last written by {writer}; the record keeps one row an id, so they are now as {own} says{}",
            table.name,
            if settled.is_empty() { String::new() } else { format!(", but for {}, where [truth] decides", settled.join(", ")) }
        ));
    }
    if settled.is_empty() || taken.is_empty() && claims.is_empty() {
        return Ok(out);
    }
    for (name, cells) in values {
        let column = table.columns[at(name)];
        let text: ArrayRef = Arc::new(cells.into_iter().collect::<StringArray>());
        let (typed, _) = cast::column(&text, column.kind, &options.zone)?;
        flat.columns[at(name)] = (typed.null_count() < typed.len()).then_some(typed);
    }
    out.attributes = claims.values().flat_map(Map::keys).cloned().collect();
    flat.attributes = attributes(flat.attributes.as_ref(), &claims, flat.rows)?;
    *hashes = keys::hashes(table, &flat.columns, flat.attributes.as_ref(), flat.rows)?;
    Ok(out)
}

/// What stored rows say: values of settled columns, and the claims beside them.
struct Said {
    attributes: Vec<Option<String>>,
    values: Vec<Vec<Option<String>>>,
}

impl Said {
    fn of(batch: &RecordBatch, settled: usize) -> Result<Self> {
        if settled == 0 {
            return Ok(Self { attributes: Vec::new(), values: Vec::new() });
        }
        let column = |i: usize| texts(Some(batch.column(i)), batch.num_rows());
        Ok(Self { attributes: column(3)?, values: (4..4 + settled).map(column).collect::<Result<_>>()? })
    }

    /// The claims of a row about a column; where none are kept, the row is all that its writer says.
    fn claims(&self, row: usize, name: &str, column: usize, writer: &str) -> Claims {
        let mut all = kept(self.attributes.get(row).and_then(Option::as_deref), name);
        if all.is_empty()
            && let Some(value) = self.values.get(column).and_then(|v| v.get(row)).cloned().flatten()
        {
            all.insert(writer.to_owned(), value);
        }
        all
    }
}

/// The claims about a column that the attributes of a row keep.
pub fn kept(attributes: Option<&str>, name: &str) -> Claims {
    let Some(text) = attributes.filter(|t| t.contains('@')) else { return Claims::new() };
    let Ok(Value::Object(all)) = serde_json::from_str::<Value>(text) else { return Claims::new() };
    let of = |(k, v): (String, Value)| {
        let source = k.strip_prefix(name)?.strip_prefix('@')?.to_owned();
        Some((source, v.as_str()?.to_owned()))
    };
    all.into_iter().filter_map(of).collect()
}

/// Cells of a column as text.
fn texts(array: Option<&ArrayRef>, rows: usize) -> Result<Vec<Option<String>>> {
    let Some(array) = array else { return Ok(vec![None; rows]) };
    if let Some(text) = Text::of(array) {
        return Ok((0..rows).map(|i| text.get(i).map(str::to_owned)).collect());
    }
    let format = FormatOptions::default();
    let shown = ArrayFormatter::try_new(array.as_ref(), &format)?;
    Ok((0..rows).map(|i| array.is_valid(i).then(|| shown.value(i).to_string())).collect())
}

/// Attributes with the claims of rows in them, in order of name.
fn attributes(given: Option<&ArrayRef>, claims: &HashMap<u32, Map<String, Value>>, rows: usize) -> Result<Option<ArrayRef>> {
    let own = texts(given, rows)?;
    let cells: StringArray = own
        .into_iter()
        .enumerate()
        .map(|(i, cell)| {
            let Some(more) = u32::try_from(i).ok().and_then(|i| claims.get(&i)) else { return Ok(cell) };
            let mut all: BTreeMap<String, Value> = match cell.as_deref().map(serde_json::from_str).transpose() {
                Ok(all) => all.unwrap_or_default(),
                Err(e) => return Err(RecordError::read("reading attributes", e)),
            };
            all.extend(more.iter().map(|(k, v)| (k.clone(), v.clone())));
            Ok(Some(Value::from(all.into_iter().collect::<Map<_, _>>()).to_string()))
        })
        .collect::<Result<_>>()?;
    Ok((cells.null_count() < cells.len()).then(|| Arc::new(cells) as ArrayRef))
}
