//! Timelines that are kept below `HOME/timelines/`: everything around each account, in order, by
//! numbers. They follow from the record alone, serve every day and every agreement, and can be
//! deleted at any time.

use super::chunk::{Chunk, fields};
use super::columns::cell;
use super::merges::Merges;
use super::place::{self, Cast};
use super::vocab::Vocabulary;
use super::{View, columns::instants, entities::read_all};
use crate::derived::{UNFINISHED, tidy};
use crate::error::EngineError;
use crate::record::{Record, digest, par};
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use treaty_domain::zone::Micros;

/// Folders that are kept; older ones give way.
const KEEP: usize = 2;
/// Written last: a folder without it was cut short.
const CONTENTS: &str = "contents.json";
/// Names and entities.
const NAMES: &str = "names.arrow";
/// Form of what is kept.
const FORM: u32 = 1;

/// Entities that are kept, with their columns.
const ENTITIES: [(&str, &[&str]); 3] =
    [("people", &["id", "account", "campaign", "order"]), ("accounts", &["id", "order"]), ("opportunities", &["id", "account", "order"])];

/// What could not be placed, by its number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Touchpoints of unknown people.
    pub touchpoints: u64,
    /// Activities of unknown people.
    pub activities: u64,
    /// Stage changes of unknown subjects.
    pub stage_changes: u64,
    /// Hand-offs of unknown people.
    pub handoffs: u64,
    /// Contact roles of unknown people or opportunities.
    pub contacts: u64,
    /// How many stage changes have no value, and how many each value.
    pub stages: Vec<u64>,
}

impl Counted {
    /// Adds how often stage values occur.
    pub fn add(&mut self, stages: &[u64]) {
        if self.stages.len() < stages.len() {
            self.stages.resize(stages.len(), 0);
        }
        self.stages.iter_mut().zip(stages).for_each(|(all, more)| *all += more);
    }
}

/// Which state of the record timelines are made from.
pub struct Source {
    /// Record version.
    pub version: u64,
    /// Version whose merges count.
    merges_of: u64,
    /// Merges that were known at the as-of instant: they are the first ones in time.
    known: usize,
    /// Rows of these merges.
    pub merge_rows: RecordBatch,
    /// Who was merged into whom.
    pub merges: Merges,
}

impl Source {
    /// For a view whose as-of instant is given.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn read(record: &Record, view: View, as_of: Micros) -> Result<Self, EngineError> {
        let merges_of = view.without_merges_since.unwrap_or(view.version);
        let merge_rows = read_all(record, "merges", merges_of, &["subject_type", "from_id", "into_id", "merged_at"]).await?;
        let at = instants(&merge_rows, "merged_at");
        let known = (0..merge_rows.num_rows()).filter(|i| cell(&at, *i).is_none_or(|t| t < as_of.0)).count();
        let merges = Merges::new(&merge_rows, as_of);
        Ok(Self { version: view.version, merges_of, known, merge_rows, merges })
    }

    /// The folder of what is made from it.
    fn folder(&self, record: &Record) -> PathBuf {
        // A record that was begun anew counts its versions anew.
        let import = record.log().into_iter().find(|e| e.version == self.version);
        let place = record.place().mark();
        let key = format!("{FORM} {} {} {import:?} {:?} {place} {}", self.merges_of, self.known, record.truth(), env!("CARGO_PKG_VERSION"));
        record.home().join("timelines").join(format!("v{:08}-{}", self.version, digest(key.as_bytes())))
    }
}

/// A chunk, where it is.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Memory(Chunk),
}

/// Columns of the entities of a kind.
type Columns = Vec<(&'static str, ArrayRef)>;

/// All timelines of a state of the record.
#[derive(Debug)]
pub struct Timelines {
    /// Names that chunks hold by position.
    pub vocabulary: Vocabulary,
    /// What could not be placed.
    pub counted: Counted,
    /// People in quarantine.
    pub suspects: u64,
    entities: BTreeMap<&'static str, Columns>,
    chunks: Vec<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    counted: Counted,
    suspects: u64,
    chunks: usize,
}

fn chunk_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("c{number:06}.arrow"))
}

impl Timelines {
    /// Of entities and names, without chunks yet.
    pub(super) fn new(vocabulary: Vocabulary, entities: BTreeMap<&'static str, Columns>, counted: Counted, suspects: u64) -> Self {
        Self { vocabulary, counted, suspects, entities, chunks: Vec::new() }
    }

    /// Takes what is kept for a state of the record, or makes and keeps it.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn open(record: &Record, source: &Source, cast: &Cast) -> Result<Self, EngineError> {
        let folder = source.folder(record);
        if let Some(kept) = par::blocking(|| Self::kept(&folder)) {
            return Ok(kept);
        }
        Self::build(record, source, cast, &folder).await
    }

    fn kept(folder: &Path) -> Option<Self> {
        let contents: Contents = serde_json::from_slice(&std::fs::read(folder.join(CONTENTS)).ok()?).ok()?;
        let names = Chunk::read(&folder.join(NAMES)).ok()?;
        let table = |name: &'static str, column: &str| Some(Arc::clone(names.table(name).ok()?.column(column).ok()?));
        let vocabulary = Vocabulary::read(|list| table(list, "name"))?;
        let mut entities = BTreeMap::new();
        for (name, columns) in ENTITIES {
            let columns: Option<Columns> = columns.iter().map(|c| Some((*c, table(name, c)?))).collect();
            entities.insert(name, columns?);
        }
        let chunks = (0..contents.chunks).map(|i| Place::File(chunk_file(folder, i))).collect();
        Some(Self { vocabulary, counted: contents.counted, suspects: contents.suspects, entities, chunks })
    }

    async fn build(record: &Record, source: &Source, cast: &Cast, folder: &Path) -> Result<Self, EngineError> {
        let parent = folder.parent().unwrap_or(folder).to_owned();
        let unfinished = parent.join(format!("{UNFINISHED}{}-{}", std::process::id(), digest(folder.display().to_string().as_bytes())));
        let _ = std::fs::remove_dir_all(&unfinished);
        // What cannot be kept stays in memory: a home need not be writable for whoever asks.
        let mut keeping = std::fs::create_dir_all(&unfinished).is_ok();
        let mut chunks: Vec<Place> = Vec::new();
        let built = place::build(record, source, cast, |more| {
            let first = chunks.len();
            let numbered: Vec<(usize, Chunk)> = more.into_iter().enumerate().map(|(i, c)| (first + i, c)).collect();
            let write = |(i, chunk): (usize, Chunk)| {
                let path = chunk_file(&unfinished, i);
                match keeping && chunk.write(&path).is_ok() {
                    true => Place::File(path),
                    false => Place::Memory(chunk),
                }
            };
            let placed = par::blocking(|| par::map(numbered, write));
            keeping &= placed.iter().all(|p| matches!(p, Place::File(_)));
            chunks.extend(placed);
            Ok(())
        })
        .await;
        let mut built = match built {
            Ok(built) => built,
            Err(e) => {
                let _ = std::fs::remove_dir_all(&unfinished);
                return Err(e);
            }
        };
        built.chunks = chunks;
        let finished = keeping && built.finish(&unfinished).is_ok();
        if finished && (std::fs::rename(&unfinished, folder).is_ok() || folder.join(CONTENTS).is_file()) {
            let _ = std::fs::remove_dir_all(&unfinished);
            built.chunks = (0..built.chunks.len()).map(|i| Place::File(chunk_file(folder, i))).collect();
            tidy(&parent, folder, KEEP);
        } else {
            for place in &mut built.chunks {
                if let Place::File(path) = place {
                    *place = Place::Memory(Chunk::read(path)?);
                }
            }
            let _ = std::fs::remove_dir_all(&unfinished);
        }
        Ok(built)
    }

    fn finish(&self, folder: &Path) -> Result<(), EngineError> {
        let mut tables = Vec::new();
        for (name, column) in self.vocabulary.columns() {
            tables.push((name, fields(&[("name", DataType::Utf8)]), vec![column]));
        }
        for (name, columns) in &self.entities {
            let of: Vec<FieldRef> = columns.iter().map(|(n, c)| Arc::new(Field::new(*n, c.data_type().clone(), true)) as FieldRef).collect();
            tables.push((*name, of, columns.iter().map(|(_, c)| Arc::clone(c)).collect()));
        }
        Chunk::new(tables)?.write(&folder.join(NAMES))?;
        let contents = Contents { counted: self.counted.clone(), suspects: self.suspects, chunks: self.chunks.len() };
        let text = serde_json::to_vec(&contents).map_err(|e| EngineError::Ask(e.to_string()))?;
        std::fs::write(folder.join(CONTENTS), text)?;
        Ok(())
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// A chunk.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn chunk(&self, number: usize) -> Result<Chunk, EngineError> {
        match &self.chunks[number] {
            Place::File(path) => Chunk::read(path),
            Place::Memory(chunk) => Ok(chunk.clone()),
        }
    }

    /// A column of the entities of a kind: `id`, `order`, `account` of people and opportunities,
    /// `campaign` of people.
    ///
    /// # Errors
    /// When there is no such column, which is a defect.
    pub fn entities(&self, kind: &'static str, column: &str) -> Result<ArrayRef, EngineError> {
        let found = self.entities.get(kind).and_then(|c| c.iter().find(|(n, _)| *n == column));
        found.map(|(_, c)| Arc::clone(c)).ok_or_else(|| EngineError::Ask(format!("timelines have no {kind}.{column}; this is a defect of Treaty")))
    }
}
