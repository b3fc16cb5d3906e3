//! Facts that are kept between runs, below `HOME/facts/`: core columns as Arrow files, one a column,
//! so that a later question reads the few that it needs. They can be deleted at any time.

use super::core::TABLES;
use super::shape::{Numbers, Shape};
use super::table::FactTable;
use super::Facts;
use crate::error::EngineError;
use crate::load::View;
use crate::record::{Record, digest, par};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::{Field, Schema, UInt32Type};
use datafusion::arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use treaty_domain::agreement::AgreementSet;

/// Views that are kept; older ones give way.
const KEEP: usize = 4;
/// Written last: a folder without it was cut short.
const CONTENTS: &str = "contents.json";
/// Lists of entities and names.
const LISTS: [&str; 5] = ["people", "accounts", "opportunities", "users", "campaigns"];

/// Small tables that the pass does not yield.
const PLAIN: [&str; 4] = ["spend", "purchases", "campaigns", "users"];

/// What belongs to facts beside the tables of the pass.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    /// What to keep in mind about the data.
    pub notes: Vec<String>,
    /// Names of custom attributes.
    pub attributes: Vec<String>,
    /// People in quarantine.
    pub suspects: u64,
    /// Small tables.
    pub plain: Vec<(&'static str, RecordBatch)>,
}

/// Notes, attributes and number of suspects, as they are sent.
type Told = (Vec<String>, Vec<String>, u64);

impl Rest {
    /// As named bytes, with the lists of entities and names.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn pack(&self, shape: &Shape) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
        let told = serde_json::to_vec(&(&self.notes, &self.attributes, self.suspects)).map_err(|e| EngineError::Ask(e.to_string()))?;
        let mut packed = vec![(CONTENTS.to_owned(), told)];
        let lists = shape.lists()?.into_iter().map(|(name, batch)| (name.to_owned(), batch));
        let plain = self.plain.iter().map(|(name, batch)| (format!("{name}_table"), batch.clone()));
        for (name, batch) in lists.chain(plain) {
            let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
            writer.write(&batch)?;
            packed.push((name, writer.into_inner()?));
        }
        Ok(packed)
    }

    /// What was packed elsewhere, and what the columns of facts are made from.
    ///
    /// # Errors
    /// When something is missing.
    pub fn unpack(
        packed: &BTreeMap<String, Vec<u8>>,
        agreement: &treaty_domain::agreement::Agreement,
        view: View,
        record: &Record,
    ) -> Result<(Self, Arc<Shape>), EngineError> {
        let part = |name: &str| packed.get(name).ok_or_else(|| EngineError::Ask(format!("the facts came without `{name}`")));
        let batch = |name: &str| -> Result<RecordBatch, EngineError> {
            let mut reader = StreamReader::try_new(part(name)?.as_slice(), None)?;
            reader.next().ok_or_else(|| EngineError::Ask(format!("the facts came with an empty `{name}`")))?.map_err(EngineError::from)
        };
        let (notes, attributes, suspects): Told =
            serde_json::from_slice(part(CONTENTS)?).map_err(|e| EngineError::Ask(format!("the facts came with a broken `{CONTENTS}`: {e}")))?;
        let lists: BTreeMap<&str, RecordBatch> = LISTS.iter().map(|name| Ok((*name, batch(name)?))).collect::<Result<_, EngineError>>()?;
        let shape = Arc::new(Shape::kept(&lists, agreement, view, record)?);
        let plain = PLAIN.iter().map(|name| Ok((*name, batch(&format!("{name}_table"))?))).collect::<Result<_, EngineError>>()?;
        Ok((Self { notes, attributes, suspects, plain }, shape))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    notes: Vec<String>,
    attributes: Vec<String>,
    /// Rows of each chunk, by table of the pass.
    rows: BTreeMap<String, Vec<usize>>,
    plain: Vec<String>,
    suspects: u64,
}

/// The folder of the facts of a view under an agreement, as this program derives them.
pub fn place(record: &Record, set: &AgreementSet, view: View) -> PathBuf {
    let versions: Vec<&str> = set.versions().iter().map(|a| a.version_id.as_str()).collect();
    // Another build may derive other facts.
    let build = std::env::current_exe().and_then(std::fs::metadata).ok().map(|m| (m.len(), m.modified().ok()));
    // A record that was begun anew counts its versions anew.
    let import = record.log().into_iter().find(|e| e.version == view.version);
    let truth = record.truth();
    let place = record.place().mark();
    let key = format!("{view:?} {versions:?} {import:?} {truth:?} {build:?} {place} {}", env!("CARGO_PKG_VERSION"));
    record.home().join("facts").join(format!("v{:08}-{}", view.version, digest(key.as_bytes())))
}

/// Facts that were kept, if they are there.
pub fn open(folder: &Path, record: &Record, set: &AgreementSet, view: View) -> Option<Facts> {
    let contents: Contents = serde_json::from_slice(&std::fs::read(folder.join(CONTENTS)).ok()?).ok()?;
    let lists: BTreeMap<&str, RecordBatch> =
        LISTS.iter().map(|name| Some((*name, read(&folder.join(format!("{name}.arrow")), 0).ok()?))).collect::<Option<_>>()?;
    let shape = Arc::new(Shape::kept(&lists, set.on(view.day()), view, record).ok()?);
    let mut tables = BTreeMap::new();
    for name in TABLES {
        let rows = contents.rows.get(name)?;
        tables.insert(name, FactTable::kept(name, &folder.join(name), rows, &shape, &contents.attributes));
    }
    for name in PLAIN {
        tables.insert(name, FactTable::plain(read(&folder.join(format!("{name}_table.arrow")), 0).ok()?));
    }
    Some(Facts { tables, view, attributes: contents.attributes, notes: contents.notes, suspects: contents.suspects })
}

/// Keeps facts. A failure leaves nothing behind and is no failure of the question that made them.
pub fn save(facts: &Facts, folder: &Path) -> Result<(), EngineError> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    let unfinished = parent.join(format!(".unfinished-{}", std::process::id()));
    let written = write_all(facts, &unfinished).and_then(|()| Ok(std::fs::rename(&unfinished, folder)?));
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    tidy(parent, folder);
    written
}

fn write_all(facts: &Facts, folder: &Path) -> Result<(), EngineError> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    let mut contents =
        Contents { notes: facts.notes.clone(), attributes: facts.attributes.clone(), rows: BTreeMap::new(), plain: Vec::new(), suspects: facts.suspects };
    let mut files: Vec<(PathBuf, Vec<ArrayRef>)> = Vec::new();
    for (name, table) in &facts.tables {
        match table.cores() {
            Some((fields, chunks)) => {
                let inner = folder.join(name);
                std::fs::create_dir_all(&inner)?;
                contents.rows.insert((*name).to_owned(), table.chunk_rows());
                for (at, field) in fields.iter().enumerate() {
                    files.push((inner.join(format!("{field}.arrow")), chunks.iter().map(|c| Arc::clone(&c[at])).collect()));
                }
            }
            None => {
                for batch in table.columns(&(0..table.schema.fields().len()).collect::<Vec<_>>())? {
                    write(&folder.join(format!("{name}_table.arrow")), std::iter::once(batch))?;
                }
                contents.plain.push((*name).to_owned());
            }
        }
    }
    if let Some(shape) = facts.tables.values().find_map(FactTable::shape) {
        for (name, batch) in shape.lists()? {
            write(&folder.join(format!("{name}.arrow")), std::iter::once(batch))?;
        }
    }
    par::try_map(files, |(path, chunks)| {
        let batches = chunks.into_iter().map(|c| {
            let schema = Arc::new(Schema::new(vec![Field::new("c", c.data_type().clone(), true)]));
            RecordBatch::try_new(schema, vec![c])
        });
        write(&path, batches.collect::<Result<Vec<_>, _>>()?.into_iter())
    })?;
    let text = serde_json::to_vec(&contents).map_err(|e| EngineError::Ask(e.to_string()))?;
    std::fs::write(folder.join(CONTENTS), text)?;
    Ok(())
}

fn write(path: &Path, batches: impl Iterator<Item = RecordBatch>) -> Result<(), EngineError> {
    let mut writer = None;
    for batch in batches {
        if writer.is_none() {
            writer = Some(FileWriter::try_new(BufWriter::with_capacity(1 << 20, File::create(path)?), &batch.schema())?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(mut writer) = writer {
        writer.finish()?;
    }
    Ok(())
}

/// A batch of an Arrow file by number.
pub fn read(path: &Path, number: usize) -> Result<RecordBatch, EngineError> {
    let mut reader = FileReader::try_new(File::open(path)?, None)?;
    reader.set_index(number)?;
    reader.next().ok_or_else(|| EngineError::Ask(format!("{} is cut short; remove it", path.display())))?.map_err(EngineError::from)
}

/// Removes what is older than the newest views, and what other runs left unfinished.
fn tidy(parent: &Path, own: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    let mut views: Vec<(std::time::SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with('v') && e.path() != own)
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    views.sort();
    let surplus = (views.len() + 1).saturating_sub(KEEP);
    for (_, path) in views.into_iter().take(surplus) {
        let _ = std::fs::remove_dir_all(path);
    }
}

impl Shape {
    /// Entities and names, as they are kept.
    fn lists(&self) -> Result<Vec<(&'static str, RecordBatch)>, EngineError> {
        let n = &self.numbers;
        let order = |at: usize, rows: usize| -> ArrayRef {
            match &n.orders[at] {
                Some(order) => Arc::new(order.clone()),
                None => Arc::new(UInt32Array::from_iter_values(0..rows as u32)),
            }
        };
        let list = |v: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from(v.to_vec())) };
        let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(a, b)| (a, b, true)));
        let rows = |ids: &ArrayRef| ids.len();
        Ok(vec![
            (
                "people",
                batch(vec![
                    ("id", Arc::clone(&n.person_id)),
                    ("account", list(&n.account_of_person)),
                    ("campaign", list(&n.campaign_of_person)),
                    ("order", order(0, rows(&n.person_id))),
                ])?,
            ),
            ("accounts", batch(vec![("id", Arc::clone(&n.account_id)), ("order", order(1, rows(&n.account_id)))])?),
            (
                "opportunities",
                batch(vec![
                    ("id", Arc::clone(&n.opportunity_id)),
                    ("account", list(&n.account_of_opportunity)),
                    ("order", order(2, rows(&n.opportunity_id))),
                ])?,
            ),
            ("users", batch(vec![("id", Arc::clone(&n.user)), ("team", n.team.clone())])?),
            (
                "campaigns",
                batch(vec![("id", Arc::clone(&n.campaign)), ("channel", n.channel.clone()), ("origin", n.origin.clone())])?,
            ),
        ])
    }

    fn kept(
        lists: &BTreeMap<&str, RecordBatch>,
        agreement: &treaty_domain::agreement::Agreement,
        view: View,
        record: &Record,
    ) -> Result<Self, EngineError> {
        let column = |list: &str, name: &str| -> Result<ArrayRef, EngineError> {
            let column = lists.get(list).and_then(|b| b.column_by_name(name)).map(Arc::clone);
            column.ok_or_else(|| EngineError::Ask(format!("the kept facts have no {list}.{name}")))
        };
        let numbers = |list: &str, name: &str| -> Result<Vec<u32>, EngineError> {
            let column = column(list, name)?;
            Ok(column.as_primitive_opt::<UInt32Type>().map(|c| c.values().to_vec()).unwrap_or_default())
        };
        let order = |list: &str| -> Result<Option<UInt32Array>, EngineError> {
            Ok(column(list, "order")?.as_primitive_opt::<UInt32Type>().cloned())
        };
        let numbers = Numbers {
            person_id: column("people", "id")?,
            account_id: column("accounts", "id")?,
            opportunity_id: column("opportunities", "id")?,
            user: column("users", "id")?,
            team: column("users", "team")?,
            campaign: column("campaigns", "id")?,
            channel: column("campaigns", "channel")?,
            origin: column("campaigns", "origin")?,
            account_of_person: numbers("people", "account")?,
            account_of_opportunity: numbers("opportunities", "account")?,
            campaign_of_person: numbers("people", "campaign")?,
            orders: [order("people")?, order("accounts")?, order("opportunities")?, None],
        };
        Self::of_numbers(numbers, agreement, view, record)
    }
}
