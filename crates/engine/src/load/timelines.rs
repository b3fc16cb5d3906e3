//! Timelines that are kept below `HOME/timelines/`: everything around each account, in order, by
//! numbers. They follow from the record alone, serve every day and every agreement, and can be
//! deleted at any time. After a small import they are those of an older version, the base, with
//! patches for the accounts that the import touched (`patch`).

use super::chunk::{Chunk, fields};
use super::lens::Replaced;
use super::columns::cell;
use super::merges::Merges;
use super::patch::{self, Patch};
use super::place::{self, Numberings};
use super::vocab::Vocabulary;
use super::{View, columns::instants, entities::read_all};
use crate::derived::{CONTENTS, is_kept, settle, unfinished};
use crate::error::EngineError;
use crate::record::{Numbering, Record, digest, par};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use treaty_domain::zone::Micros;

/// Where no more than one row in so many of a table has changed, a patch is quicker than all timelines.
const CHANGED: u64 = 8;
/// And where no more than one in so many has, an import waits for it.
const BARELY: u64 = 200;
/// Folders that are kept; older ones give way.
const KEEP: usize = 2;
/// Names and entities.
const NAMES: &str = "names.arrow";
/// Form of what is kept.
const FORM: u32 = 3;
/// Ends the name of a folder of timelines that are patches of a base.
const PATCHED: &str = "p";
/// The folder of the base, in the folder of timelines that are patches of one.
const BASE: &str = "base";

/// Entities that are kept, with their columns; and who takes part in groups of elsewhere.
const ENTITIES: [(&str, &[&str]); 5] = [
    ("people", &["id", "account", "campaign", "row"]),
    ("accounts", &["id", "row"]),
    ("opportunities", &["id", "account", "row"]),
    ("guests", &["group", "person"]),
    ("guest_opportunities", &["group", "opportunity"]),
];

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
    /// Changes of owner or amount of unknown subjects.
    pub field_changes: u64,
    /// Activities that name an opportunity and no known person, placed or not.
    pub by_deal: u64,
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
        let (import, place) = (import(record, self.version), record.place().mark());
        let key = format!("{FORM} {} {} {import} {:?} {place} {}", self.merges_of, self.known, record.truth(), env!("CARGO_PKG_VERSION"));
        record.home().join("timelines").join(format!("v{:08}-{}", self.version, digest(key.as_bytes())))
    }

    /// What timelines follow from beside the tables of entities and events.
    fn like(&self, record: &Record) -> Result<String, EngineError> {
        let mut merges = StreamWriter::try_new(Vec::new(), &self.merge_rows.schema())?;
        merges.write(&self.merge_rows)?;
        let merges = digest(&merges.into_inner()?);
        let key = format!("{FORM} {} {merges} {:?} {} {}", self.known, record.truth(), record.place().mark(), env!("CARGO_PKG_VERSION"));
        Ok(digest(key.as_bytes()))
    }
}

/// Which import made a version: a record that was begun anew counts its versions anew.
fn import(record: &Record, version: u64) -> String {
    format!("{:?}", record.log().into_iter().find(|e| e.version == version))
}

/// A chunk, where it is.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Memory(Chunk),
}

impl Place {
    fn chunk(&self) -> Result<Chunk, EngineError> {
        match self {
            Self::File(path) => Chunk::read(path),
            Self::Memory(chunk) => Ok(chunk.clone()),
        }
    }
}

/// Columns of the entities of a kind.
pub type Columns = Vec<(&'static str, ArrayRef)>;

/// All timelines of a state of the record.
#[derive(Debug)]
pub struct Timelines {
    /// Names that chunks hold by position.
    pub vocabulary: Vocabulary,
    /// What they are made from, and of how much.
    pub contents: Contents,
    entities: BTreeMap<&'static str, Columns>,
    chunks: Vec<Place>,
    patches: BTreeMap<usize, Place>,
}

/// What is told about timelines.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Contents {
    /// What could not be placed.
    pub counted: Counted,
    /// People in quarantine.
    pub suspects: u64,
    /// Groups at which chunks begin, and the end.
    pub cuts: Vec<u32>,
    /// How rows of the record are numbered.
    pub numberings: Numberings,
    /// Record version.
    pub version: u64,
    /// Which import made it, and what else they follow from.
    pub import: String,
    /// See `import`.
    pub like: String,
    /// What the chunks are: the same where the base is the same.
    pub base: String,
    /// Chunks that have a patch; none where the base is the whole.
    pub patched: Option<Vec<usize>>,
}

fn chunk_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("c{number:06}.arrow"))
}

fn patch_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("p{number:06}.arrow"))
}

/// Whether a home keeps timelines of a version of its record, from which its facts are derived sooner than they
/// come over a network.
pub fn are_kept(record: &Record, version: u64) -> bool {
    let folders = std::fs::read_dir(record.home().join("timelines")).into_iter().flatten().flatten();
    let of_version = format!("v{version:08}-");
    folders.into_iter().any(|e| e.file_name().to_string_lossy().starts_with(&of_version))
}

/// A file in a second folder: the same one where that is possible, else a copy.
pub(crate) fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ()))
}

/// All files of a folder in a second one.
pub(crate) fn link_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

impl Timelines {
    /// Of entities and names, without chunks yet.
    pub(super) fn new(vocabulary: Vocabulary, entities: BTreeMap<&'static str, Columns>, contents: Contents) -> Self {
        Self { vocabulary, contents, entities, chunks: Vec::new(), patches: BTreeMap::new() }
    }

    /// Takes what is kept for a state of the record, or makes and keeps it: from those of a version
    /// that differs little, or from all rows. `whole`: in any case as if made from all rows, so that
    /// numbers are those that other processes have, whatever these kept before.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn open(record: &Record, source: &Source, whole: bool) -> Result<Self, EngineError> {
        let folder = source.folder(record);
        if let Some(kept) = par::blocking(|| Self::kept(&folder)) {
            return Ok(kept);
        }
        if !whole && let Some(patched) = Self::open_patched(record, source, &folder, CHANGED).await? {
            return Ok(patched);
        }
        let like = source.like(record)?;
        Self::build(record, source, &folder, like).await
    }

    /// Makes and keeps those of a state of the record that hardly differs from one whose timelines are kept; tells
    /// whether there are any.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn follow(record: &Record, source: &Source) -> Result<bool, EngineError> {
        let folder = source.folder(record);
        Ok(is_kept(&folder) || Self::open_patched(record, source, &folder, BARELY).await?.is_some())
    }

    /// Takes what is kept as a patch, or makes one where no more than one row in `share` of a table has changed.
    async fn open_patched(record: &Record, source: &Source, folder: &Path, share: u64) -> Result<Option<Self>, EngineError> {
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = folder.with_file_name(format!("{name}{PATCHED}"));
        if let Some(kept) = par::blocking(|| Self::kept(&folder)) {
            return Ok(Some(kept));
        }
        Ok(Self::patch(record, source, &folder, &source.like(record)?, share).await)
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
        let mut kept = Self { vocabulary, contents, entities, chunks: Vec::new(), patches: BTreeMap::new() };
        kept.place(folder);
        Some(kept)
    }

    /// Everything is in files of a folder.
    fn place(&mut self, folder: &Path) {
        let patched = self.contents.patched.as_ref();
        let base = patched.map_or_else(|| folder.to_owned(), |_| folder.join(BASE));
        self.patches = patched.into_iter().flatten().map(|i| (*i, Place::File(patch_file(folder, *i)))).collect();
        self.chunks = (0..self.contents.cuts.len().saturating_sub(1)).map(|i| Place::File(chunk_file(&base, i))).collect();
    }

    async fn build(record: &Record, source: &Source, folder: &Path, like: String) -> Result<Self, EngineError> {
        let unfinished = unfinished(folder);
        // What cannot be kept stays in memory: a home need not be writable for whoever asks.
        let mut keeping = std::fs::create_dir_all(&unfinished).is_ok();
        let mut chunks: Vec<Place> = Vec::new();
        let built = place::build(record, source, |more| {
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
        built.contents.import = import(record, source.version);
        built.contents.base = digest(format!("{} {like}", built.contents.import).as_bytes());
        built.contents.like = like;
        if !(keeping && built.finish(&unfinished, folder)) {
            for place in &mut built.chunks {
                if let Place::File(path) = place {
                    *place = Place::Memory(Chunk::read(path)?);
                }
            }
        }
        let _ = std::fs::remove_dir_all(&unfinished);
        Ok(built)
    }

    /// Patches timelines that are kept, if there are any whose version differs little.
    async fn patch(record: &Record, source: &Source, folder: &Path, like: &str, share: u64) -> Option<Self> {
        let contents = |folder: &Path| serde_json::from_slice::<Contents>(&std::fs::read(folder.join(CONTENTS)).ok()?).ok();
        let mut bases: Vec<(u64, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(folder.parent()?).ok()?.flatten().filter(|e| e.file_name().to_string_lossy().starts_with('v')) {
            let own = entry.path();
            let base = if own.join(BASE).is_dir() { own.join(BASE) } else { own };
            let fits = |c: &Contents| c.like == like && c.version <= source.version && c.import == import(record, c.version);
            bases.extend(contents(&base).filter(fits).map(|c| (c.version, base)));
        }
        let (_, at) = bases.into_iter().max()?;
        let base = par::blocking(|| Self::kept(&at))?;
        // What cannot be patched, for whatever reason, is made from all rows.
        let Patch { timelines: mut patched, chunks } = patch::patch(record, source, &base, share).await.ok()??;
        patched.contents.import = import(record, source.version);
        like.clone_into(&mut patched.contents.like);
        patched.contents.base.clone_from(&base.contents.base);
        patched.contents.patched = Some(chunks.iter().map(|(i, _)| *i).collect());
        let unfinished = unfinished(folder);
        let keep = || -> Result<(), EngineError> {
            link_all(&at, &unfinished.join(BASE))?;
            // Names are as long as all patches together.
            let chunks = chunks.iter().map(|(i, chunk)| Some((patch_file(&unfinished, *i), chunk)));
            let work = std::iter::once(None).chain(chunks).collect();
            par::try_map(work, |one| one.map_or_else(|| patched.write(&unfinished), |(path, chunk)| chunk.write(&path)))?;
            Ok(())
        };
        let kept = par::blocking(keep).is_ok() && patched.settle(&unfinished, folder);
        let _ = std::fs::remove_dir_all(&unfinished);
        if !kept {
            patched.chunks = base.chunks;
            patched.patches = chunks.into_iter().map(|(i, chunk)| (i, Place::Memory(chunk))).collect();
        }
        Some(patched)
    }

    /// Writes names and contents into a folder that is complete with them, and settles it.
    fn finish(&mut self, unfinished: &Path, folder: &Path) -> bool {
        self.write(unfinished).is_ok() && self.settle(unfinished, folder)
    }

    /// Gives a folder that is complete its name.
    fn settle(&mut self, unfinished: &Path, folder: &Path) -> bool {
        let kept = settle(unfinished, folder, KEEP).is_ok();
        if kept {
            self.place(folder);
        }
        kept
    }

    fn write(&self, folder: &Path) -> Result<(), EngineError> {
        let mut tables = Vec::new();
        for (name, column) in self.vocabulary.columns() {
            tables.push((name, fields(&[("name", DataType::Utf8)]), vec![column]));
        }
        for (name, columns) in &self.entities {
            let of: Vec<FieldRef> = columns.iter().map(|(n, c)| Arc::new(Field::new(*n, c.data_type().clone(), true)) as FieldRef).collect();
            tables.push((*name, of, columns.iter().map(|(_, c)| Arc::clone(c)).collect()));
        }
        Chunk::new(tables)?.write(&folder.join(NAMES))?;
        let text = serde_json::to_vec(&self.contents).map_err(|e| EngineError::Ask(e.to_string()))?;
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
        self.chunks[number].chunk()
    }

    /// What takes the place of some groups of a chunk.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn chunk_patch(&self, number: usize) -> Result<Option<Chunk>, EngineError> {
        self.patches.get(&number).map(Place::chunk).transpose()
    }

    /// Which groups of a chunk give way to those of its patch.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn replaced(&self, number: usize) -> Result<Option<Replaced>, EngineError> {
        self.chunk_patch(number)?.as_ref().map(Replaced::of).transpose()
    }

    /// How the rows of a table are numbered.
    pub fn numbering(&self, table: &str) -> &Numbering {
        self.contents.numberings.of(table)
    }

    /// A column of the entities of a kind: `id`, `row`, `account` of people and opportunities,
    /// `campaign` of people.
    ///
    /// # Errors
    /// When there is no such column, which is a defect.
    pub fn entities(&self, kind: &'static str, column: &str) -> Result<ArrayRef, EngineError> {
        let found = self.entities.get(kind).and_then(|c| c.iter().find(|(n, _)| *n == column));
        found.map(|(_, c)| Arc::clone(c)).ok_or_else(|| EngineError::Ask(format!("timelines have no {kind}.{column}; this is a defect of Treaty")))
    }

    /// Ids of the entities of a kind.
    ///
    /// # Errors
    /// See [`Timelines::entities`].
    pub fn ids(&self, kind: &'static str) -> Result<StringArray, EngineError> {
        let column = self.entities(kind, "id")?;
        column.as_string_opt().cloned().ok_or_else(|| EngineError::Ask(format!("timelines hold the ids of {kind} in another form")))
    }

    /// Numbers of the entities of a kind.
    ///
    /// # Errors
    /// See [`Timelines::entities`].
    pub fn numbers(&self, kind: &'static str, column: &str) -> Result<UInt32Array, EngineError> {
        let column = self.entities(kind, column)?;
        column.as_primitive_opt::<UInt32Type>().cloned().ok_or_else(|| EngineError::Ask(format!("timelines hold {kind} in another form")))
    }
}
