//! Facts that are kept between runs, below `HOME/facts/`: core columns as Arrow files, one a column,
//! so that a later question reads the few that it needs. They can be deleted at any time.

use super::core::{TABLES, schemas};
use super::shape::{List, Numbers, Shape};
use super::table::FactTable;
use super::Facts;
use crate::derived::{UNFINISHED, tidy};
use crate::error::EngineError;
use crate::load::View;
use crate::record::{Record, digest};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema, UInt32Type};
use datafusion::arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
        let lists = shape.numbers.lists()?.into_iter().map(|(name, batch)| (name.to_owned(), batch));
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
        let numbers = Numbers::of(|name| Ok::<_, EngineError>(batch(name)?.into()))?;
        let shape = Arc::new(Shape::of_numbers(numbers, agreement, view, record)?);
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
    /// Which batch of the files each chunk is.
    places: Vec<usize>,
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
    let list = |name: &str| Ok::<_, EngineError>(List::kept(folder.join(format!("{name}.arrow"))));
    let shape = Shape::of_numbers(Numbers::of(list).ok()?, set.on(view.day()), view, record).ok()?;
    let shape = Arc::new(shape.kept_in(folder));
    let mut tables = BTreeMap::new();
    for name in TABLES {
        let rows = contents.rows.get(name)?;
        tables.insert(name, FactTable::kept(name, &folder.join(name), rows, &contents.places, &shape, &contents.attributes));
    }
    for name in PLAIN {
        tables.insert(name, FactTable::plain(read(&folder.join(format!("{name}_table.arrow")), 0).ok()?));
    }
    Some(Facts { tables, view, attributes: contents.attributes, notes: contents.notes, suspects: contents.suspects })
}

/// One column while it is kept: an Arrow file with a batch for each chunk that has come.
type Growing = FileWriter<BufWriter<File>>;

/// Keeps facts chunk by chunk as they come, in whichever sequence, so that they need not be in memory
/// all at once.
pub struct Keeper {
    unfinished: PathBuf,
    folder: PathBuf,
    written: Mutex<Written>,
}

/// What is written so far.
#[derive(Default)]
struct Written {
    /// Files of each table of the pass.
    files: [Vec<Growing>; TABLES.len()],
    /// Chunks in the sequence in which they came, each with its rows by table.
    came: Vec<(u32, [usize; TABLES.len()])>,
}

impl Keeper {
    /// Facts that will be in a folder when they are complete.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn new(folder: &Path) -> Result<Self, EngineError> {
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let unfinished = folder.with_file_name(format!("{UNFINISHED}{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&unfinished);
        let keeper = Self { unfinished, folder: folder.to_owned(), written: Mutex::default() };
        for ((name, schema), files) in TABLES.into_iter().zip(schemas()).zip(&mut locked(&keeper.written).files) {
            let inner = keeper.unfinished.join(name);
            std::fs::create_dir_all(&inner)?;
            for field in schema.fields() {
                let one = Schema::new(vec![Field::new("c", field.data_type().clone(), true)]);
                let file = BufWriter::with_capacity(1 << 14, File::create(inner.join(format!("{}.arrow", field.name())))?);
                files.push(FileWriter::try_new(file, &one)?);
            }
        }
        Ok(keeper)
    }

    /// Keeps the chunks among some rows of the pass.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn add(&self, batch: &RecordBatch) -> Result<(), EngineError> {
        let numbers = batch.column(0).as_primitive::<UInt32Type>();
        for row in (0..batch.num_rows()).filter(|r| numbers.is_valid(*r)) {
            // All files see the chunks in one sequence.
            let mut written = locked(&self.written);
            let mut rows = [0; TABLES.len()];
            for (at, files) in written.files.iter_mut().enumerate() {
                let facts = batch.column(at + 1).as_list::<i32>().value(row);
                rows[at] = facts.len();
                for (file, column) in files.iter_mut().zip(facts.as_struct().columns()) {
                    let one = Schema::new(vec![Field::new("c", column.data_type().clone(), true)]);
                    file.write(&RecordBatch::try_new(Arc::new(one), vec![Arc::clone(column)])?)?;
                }
            }
            written.came.push((numbers.value(row), rows));
        }
        Ok(())
    }

    /// Completes the facts with what belongs to the whole.
    ///
    /// # Errors
    /// When a chunk is missing or came twice, or files cannot be written.
    pub fn finish(&self, rest: &Rest, shape: &Shape) -> Result<(), EngineError> {
        let Written { files, came } = std::mem::take(&mut *locked(&self.written));
        for mut file in files.into_iter().flatten() {
            file.finish()?;
        }
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        for (place, (chunk, _)) in came.iter().enumerate() {
            if places.insert(*chunk, place).is_some() {
                return Err(EngineError::Ask(format!("chunk {chunk} of the pass came twice; this is a defect of Treaty")));
            }
        }
        if places.is_empty() || places.keys().zip(0..).any(|(number, want)| *number != want) {
            return Err(EngineError::Ask("chunks of the pass are missing; this is a defect of Treaty".to_owned()));
        }
        let rows = |at: usize| places.values().map(|place| came[*place].1[at]).collect();
        let contents = Contents {
            notes: rest.notes.clone(),
            attributes: rest.attributes.clone(),
            rows: TABLES.into_iter().enumerate().map(|(at, name)| (name.to_owned(), rows(at))).collect(),
            places: places.into_values().collect(),
            suspects: rest.suspects,
        };
        for (name, batch) in &rest.plain {
            write(&self.unfinished.join(format!("{name}_table.arrow")), batch)?;
        }
        for (name, batch) in shape.numbers.lists()? {
            write(&self.unfinished.join(format!("{name}.arrow")), &batch)?;
        }
        let text = serde_json::to_vec(&contents).map_err(|e| EngineError::Ask(e.to_string()))?;
        std::fs::write(self.unfinished.join(CONTENTS), text)?;
        if let Err(e) = std::fs::rename(&self.unfinished, &self.folder) {
            // Somebody else was quicker; both kept the same.
            if !self.folder.join(CONTENTS).is_file() {
                return Err(e.into());
            }
        }
        if let Some(parent) = self.folder.parent() {
            tidy(parent, &self.folder, KEEP);
        }
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.unfinished);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a batch as an Arrow file.
pub fn write(path: &Path, batch: &RecordBatch) -> Result<(), EngineError> {
    let mut writer = FileWriter::try_new(BufWriter::with_capacity(1 << 20, File::create(path)?), &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(())
}

/// A batch of an Arrow file by number.
pub fn read(path: &Path, number: usize) -> Result<RecordBatch, EngineError> {
    let mut reader = FileReader::try_new(File::open(path)?, None)?;
    reader.set_index(number)?;
    reader.next().ok_or_else(|| EngineError::Ask(format!("{} is cut short; remove it", path.display())))?.map_err(EngineError::from)
}

impl Numbers {
    /// The lists by their names.
    fn of<E>(list: impl Fn(&str) -> Result<List, E>) -> Result<Self, E> {
        Ok(Self {
            people: list(LISTS[0])?,
            accounts: list(LISTS[1])?,
            opportunities: list(LISTS[2])?,
            users: list(LISTS[3])?,
            campaigns: list(LISTS[4])?,
        })
    }

    /// The lists with their names.
    fn lists(&self) -> Result<Vec<(&'static str, RecordBatch)>, EngineError> {
        let lists = [&self.people, &self.accounts, &self.opportunities, &self.users, &self.campaigns];
        LISTS.into_iter().zip(lists).map(|(name, list)| Ok((name, list.batch()?.clone()))).collect()
    }
}
