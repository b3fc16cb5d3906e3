//! Facts that are kept between runs, below `HOME/facts/`: core columns as Arrow files, one a table with a
//! batch for each chunk. They are mapped, so that a later question reads the columns that it needs. They
//! can be deleted at any time.

use super::core::{TABLES, schemas};
use super::pass::groups;
use super::shape::{List, Numbers, Shape};
use super::shared::{FACTS, Shared};
use super::splice::{Splice, splice};
use super::table::FactTable;
use super::Facts;
use crate::derived::{CONTENTS, settle, unfinished};
use crate::error::EngineError;
use crate::load::View;
use crate::load::lens::Replaced;
use crate::load::timelines::{Timelines, link, link_all};
use crate::mapped::{Batches, read, write};
use crate::record::{Numbering, Record, digest, par};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::ScalarBuffer;
use datafusion::arrow::datatypes::{SchemaRef, UInt32Type};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use treaty_domain::agreement::AgreementSet;
use treaty_domain::timeline::NONE;
use treaty_domain::zone::LocalDay;

/// Views that are kept; older ones give way.
pub(super) const KEEP: usize = 4;
/// Lists of entities and names.
const LISTS: [&str; 8] = ["people", "accounts", "opportunities", "users", "campaigns", "rows-people", "rows-accounts", "rows-opportunities"];

/// Sizes of the groups of each chunk.
pub const GROUPS: &str = "groups";

/// The folder of what the pass yields: the tables, and the sizes of groups.
const PASS: &str = "pass";

/// The facts of an older version, in the folder of those that are patches of them.
const WHOLE: &str = "whole";

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
    /// The base of the timelines.
    pub base: String,
    /// Small tables.
    pub plain: Vec<(&'static str, RecordBatch)>,
}

/// Notes, attributes, number of suspects, the base, and how rows are numbered, as they are sent.
type Told = (Vec<String>, Vec<String>, u64, String, [Numbering; 2]);

impl Rest {
    /// As named bytes, with the lists of entities and names.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn pack(&self, shape: &Shape) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
        let told = serde_json::to_vec(&(&self.notes, &self.attributes, self.suspects, &self.base, &shape.numbers.rows)).map_err(|e| EngineError::Ask(e.to_string()))?;
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
        let (notes, attributes, suspects, base, rows): Told =
            serde_json::from_slice(part(CONTENTS)?).map_err(|e| EngineError::Ask(format!("the facts came with a broken `{CONTENTS}`: {e}")))?;
        let numbers = Numbers::of(|name| Ok::<_, EngineError>(batch(name)?.into()), rows)?;
        let shape = Arc::new(Shape::of_numbers(numbers, agreement, view, record)?);
        let plain = PLAIN.iter().map(|name| Ok((*name, batch(&format!("{name}_table"))?))).collect::<Result<_, EngineError>>()?;
        Ok((Self { notes, attributes, suspects, base, plain }, shape))
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
    /// How the rows of touchpoints and of hand-offs are numbered.
    numberings: [Numbering; 2],
    lineage: Lineage,
    /// Groups that take the place of others in the facts of an older version, by chunk; none where the facts stand for
    /// themselves.
    patches: Option<BTreeMap<usize, Replaced>>,
}

/// What facts follow from beside the timelines of accounts. Where all of it is the same, accounts that
/// were not touched have the same facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    as_of: i32,
    as_corrected: bool,
    like: String,
    base: String,
}

impl Lineage {
    /// Of a view over timelines of a base.
    pub fn of(record: &Record, set: &AgreementSet, view: View, base: &str) -> Self {
        let states = ["users", "campaigns", "fx_rates"].map(|table| record.state(table, view.version));
        let like = digest(format!("{} {states:?}", common(record, set)).as_bytes());
        Self { as_of: view.as_of.0, as_corrected: view.as_corrected, like, base: base.to_owned() }
    }
}

/// The view whose facts were derived last, of the newest version, if these can follow from those.
pub fn asked_last(record: &Record, set: &AgreementSet) -> Option<View> {
    let folders = std::fs::read_dir(record.home().join("facts")).ok()?.flatten();
    let derived = |e: std::fs::DirEntry| Some((e.metadata().ok()?.modified().ok()?, e.path()));
    let (_, newest) = folders.filter(|e| e.file_name().to_string_lossy().starts_with('v')).filter_map(derived).max()?;
    let last = contents(&newest)?.lineage;
    let day = LocalDay(last.as_of);
    let (view, _) = crate::case::view(record, set.on(day.into()), day, last.as_corrected);
    (view.version == record.version() && Lineage::of(record, set, view, &last.base) == last).then_some(view)
}

/// What facts follow from beside the view.
fn common(record: &Record, set: &AgreementSet) -> String {
    let versions: Vec<&str> = set.versions().iter().map(|a| a.version_id.as_str()).collect();
    // Other sources may derive other facts; builds of the same ones do not, whatever machine they are for.
    format!("{versions:?} {:?} {}", record.truth(), env!("TREATY_SOURCES"))
}

/// Facts of an older version that differ from what is wanted in patched groups alone.
pub struct Older {
    folder: PathBuf,
    /// Where its lists of entities and names are.
    lists: PathBuf,
    patches: BTreeMap<usize, Replaced>,
}

impl Older {
    /// Looks for some beside a folder.
    pub fn find(folder: &Path, lineage: &Lineage, timelines: &Timelines) -> Option<Self> {
        let chunks = || (0..timelines.chunks()).collect::<Vec<usize>>();
        let replaced = par::try_map(chunks(), |chunk| timelines.replaced(chunk)).ok()?;
        let patches: BTreeMap<usize, Replaced> = replaced.into_iter().enumerate().filter_map(|(chunk, r)| Some((chunk, r?))).collect();
        let others = std::fs::read_dir(folder.parent()?).ok()?.flatten().filter(|e| e.file_name().to_string_lossy().starts_with('v'));
        let mut others: Vec<PathBuf> = others.map(|e| e.path()).collect();
        others.sort();
        for other in others.into_iter().rev() {
            let Some(contents) = contents(&other).filter(|c| c.lineage == *lineage) else { continue };
            let lists = other.clone();
            let other = if contents.patches.is_some() { other.join(WHOLE) } else { other };
            let (Some(contents), Ok(groups)) = (self::contents(&other), Batches::open(&pass_file(&other, GROUPS))) else { continue };
            let cuts = &timelines.contents.cuts;
            let complete = |chunk: usize| {
                let groups = sizes(&groups, *contents.places.get(chunk)?).ok()?.swap_remove(0);
                let all = (cuts[chunk + 1] - cuts[chunk]) as usize;
                let whole = groups.len() == all && !groups.contains(&NONE);
                // Groups of an older patch would have to give way as well.
                let Some(replaced) = patches.get(&chunk).filter(|_| !whole) else { return whole.then_some(()) };
                let stays = |b: &&u32| **b != NONE && replaced.dropped.binary_search(b).is_err();
                (groups.iter().filter(stays).count() == all - replaced.dropped.len()).then_some(())
            };
            if par::map(chunks(), complete).iter().all(Option::is_some) {
                return Some(Self { folder: other, lists, patches });
            }
        }
        None
    }

    /// Chunks with patched groups.
    pub fn patched(&self) -> Vec<usize> {
        self.patches.keys().copied().collect()
    }
}

fn contents(folder: &Path) -> Option<Contents> {
    serde_json::from_slice(&std::fs::read(folder.join(CONTENTS)).ok()?).ok()
}

/// The file of a table of the pass.
fn pass_file(folder: &Path, table: &str) -> PathBuf {
    folder.join(PASS).join(format!("{table}.arrow"))
}

/// Which group of the base each group of a batch is, and its facts in each table of the pass.
fn sizes(groups: &Batches, number: usize) -> Result<Vec<ScalarBuffer<u32>>, EngineError> {
    let all = groups.read(number)?;
    Ok(all.columns().iter().map(|c| c.as_primitive_opt::<UInt32Type>().map_or_else(|| Vec::new().into(), |c| c.values().clone())).collect())
}

/// What the facts of a view under an agreement are called, as this program derives them; `mark` tells their records
/// apart.
fn name(record: &Record, set: &AgreementSet, view: View, mark: &str) -> String {
    // A record that was begun anew counts its versions anew.
    let import = record.log().into_iter().find(|e| e.version == view.version);
    let key = format!("{view:?} {import:?} {} {mark}", common(record, set));
    format!("v{:08}-{}", view.version, digest(key.as_bytes()))
}

/// The folder of the facts of a view.
pub fn place(record: &Record, set: &AgreementSet, view: View) -> PathBuf {
    record.home().join("facts").join(name(record, set, view, &record.place().mark()))
}

/// The same facts in the place of the record, if several homes share it.
pub fn shared(record: &Record, set: &AgreementSet, view: View) -> Option<Shared> {
    let store = record.place().beside(FACTS)?;
    // Every home may name that place in a way of its own.
    Some(Shared::new(store, record.place(), name(record, set, view, ""), place(record, set, view)))
}

/// Facts that were kept, if they are there.
pub fn open(folder: &Path, record: &Record, set: &AgreementSet, view: View) -> Option<Facts> {
    let contents = contents(folder)?;
    let list = |name: &str| Ok::<_, EngineError>(List::kept(folder.join(format!("{name}.arrow"))));
    let numbers = Numbers::of(list, contents.numberings.clone()).ok()?;
    let shape = Arc::new(Shape::of_numbers(numbers, set.on(view.day()), view, record).ok()?.kept_in(folder));
    let mut tables = BTreeMap::new();
    let spliced = match &contents.patches {
        Some(patches) => spliced(folder, &contents, patches)?,
        None => Vec::new(),
    };
    let whole = folder.join(WHOLE);
    let places = match spliced.is_empty() {
        true => contents.places.clone(),
        false => self::contents(&whole)?.places,
    };
    for (at, name) in TABLES.into_iter().enumerate() {
        let own = Arc::new(Batches::open(&pass_file(folder, name)).ok()?);
        let older = if spliced.is_empty() { Arc::clone(&own) } else { Arc::new(Batches::open(&pass_file(&whole, name)).ok()?) };
        let chunk = |number: usize| -> Option<KeptChunk> {
            let place = *places.get(number)?;
            Some(match spliced.get(number) {
                None => KeptChunk::new(*contents.rows.get(name)?.get(number)?, Piece::new(&own, place), None),
                Some(Spliced::Same(rows)) => KeptChunk::new(rows[at], Piece::new(&older, place), None),
                Some(Spliced::Patched(number, splices)) => {
                    let patch = (Piece::new(&own, *number), splices[at].clone());
                    KeptChunk::new(splices[at].rows(), Piece::new(&older, place), Some(patch))
                }
            })
        };
        let chunks = (0..places.len()).map(chunk).collect::<Option<Vec<_>>>()?;
        tables.insert(name, FactTable::kept(name, chunks, &shape, &contents.attributes));
    }
    for name in PLAIN {
        tables.insert(name, FactTable::plain(read(&folder.join(format!("{name}_table.arrow")), 0).ok()?));
    }
    Some(Facts { tables, view, attributes: contents.attributes, notes: contents.notes, suspects: contents.suspects })
}

/// A batch of a file, read when it is first looked at.
#[derive(Debug)]
struct Piece {
    file: Arc<Batches>,
    number: usize,
    read: OnceLock<RecordBatch>,
}

impl Piece {
    fn new(file: &Arc<Batches>, number: usize) -> Self {
        Self { file: Arc::clone(file), number, read: OnceLock::new() }
    }

    fn column(&self, name: &str) -> Result<&ArrayRef, EngineError> {
        let batch = match self.read.get() {
            Some(batch) => batch,
            None => {
                let batch = self.file.read(self.number)?;
                self.read.get_or_init(|| batch)
            }
        };
        batch.column_by_name(name).ok_or_else(|| EngineError::Ask(format!("kept facts have no column `{name}`; this is a defect of Treaty")))
    }
}

/// Core columns of a table of a chunk, where they are kept.
#[derive(Debug)]
pub struct KeptChunk {
    /// Number of facts.
    pub rows: usize,
    own: Piece,
    /// The same of a patch, and how both are put together.
    patch: Option<(Piece, Splice)>,
}

impl KeptChunk {
    fn new(rows: usize, own: Piece, patch: Option<(Piece, Splice)>) -> Self {
        Self { rows, own, patch }
    }

    /// A core column.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn column(&self, name: &str) -> Result<ArrayRef, EngineError> {
        let own = self.own.column(name)?;
        match &self.patch {
            None => Ok(Arc::clone(own)),
            Some((patch, splice)) => splice.column(own, patch.column(name)?),
        }
    }
}

/// A chunk of older facts.
enum Spliced {
    /// As it is, with its rows by table.
    Same([usize; TABLES.len()]),
    /// With the batch of its patch, and how both are put together.
    Patched(usize, [Splice; TABLES.len()]),
}

/// How chunks of older facts and of patches are put together.
fn spliced(folder: &Path, own: &Contents, patches: &BTreeMap<usize, Replaced>) -> Option<Vec<Spliced>> {
    let whole = folder.join(WHOLE);
    let (older, patch) = (Batches::open(&pass_file(&whole, GROUPS)).ok()?, Batches::open(&pass_file(folder, GROUPS)).ok()?);
    let whole = contents(&whole)?;
    let numbers: BTreeMap<usize, usize> = patches.keys().copied().zip(own.places.iter().copied()).collect();
    let chunk = |number: usize| -> Option<Spliced> {
        let Some((replaced, place)) = patches.get(&number).zip(numbers.get(&number)) else {
            return Some(Spliced::Same(TABLES.map(|name| whole.rows.get(name).and_then(|r| r.get(number)).copied().unwrap_or(0))));
        };
        let older = sizes(&older, *whole.places.get(number)?).ok()?;
        Some(Spliced::Patched(*place, splice(&older, &sizes(&patch, *place).ok()?, replaced)))
    };
    par::map((0..whole.places.len()).collect(), chunk).into_iter().collect()
}

/// A table while it is kept: an Arrow file with a batch for each chunk that has come.
type Growing = FileWriter<BufWriter<File>>;

/// Chunks that wait to be written: while one is, others can be folded.
const WAITING: usize = 2;

/// Keeps facts chunk by chunk as they come, in whichever sequence, so that they need not be in memory
/// all at once. One thread writes, so that all files see the chunks in one sequence.
pub struct Keeper {
    unfinished: PathBuf,
    folder: PathBuf,
    /// Rows of the pass on their way to the files.
    rows: Mutex<Option<SyncSender<RecordBatch>>>,
    writer: Mutex<Option<JoinHandle<Result<Came, EngineError>>>>,
}

/// Chunks in the sequence in which they came, each with its rows by table.
type Came = Vec<(u32, [usize; TABLES.len()])>;

/// Writes the chunks among rows of the pass, until no more come.
fn write_all(mut files: Vec<Growing>, rows: &Receiver<RecordBatch>) -> Result<Came, EngineError> {
    let mut came = Came::new();
    for batch in rows {
        let numbers = batch.column(0).as_primitive::<UInt32Type>();
        for row in (0..batch.num_rows()).filter(|r| numbers.is_valid(*r)) {
            let mut rows = [0; TABLES.len()];
            for (at, file) in files.iter_mut().enumerate() {
                let facts = batch.column(at + 1).as_list::<i32>().value(row);
                if let Some(rows) = rows.get_mut(at) {
                    *rows = facts.len();
                }
                file.write(&RecordBatch::from(facts.as_struct()))?;
            }
            came.push((numbers.value(row), rows));
        }
    }
    files.iter_mut().try_for_each(FileWriter::finish)?;
    Ok(came)
}

impl Keeper {
    /// Facts that will be in a folder when they are complete.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn new(folder: &Path) -> Result<Self, EngineError> {
        let unfinished = unfinished(folder);
        let (to, rows) = sync_channel(WAITING);
        // From here on the folder goes when the keeper goes.
        let keeper = Self { unfinished, folder: folder.to_owned(), rows: Mutex::new(Some(to)), writer: Mutex::default() };
        std::fs::create_dir_all(keeper.unfinished.join(PASS))?;
        let tables = TABLES.into_iter().chain([GROUPS]).zip(schemas().into_iter().chain([groups()]));
        let file = |(name, schema): (&str, SchemaRef)| -> Result<Growing, EngineError> {
            let file = BufWriter::with_capacity(1 << 16, File::create(pass_file(&keeper.unfinished, name))?);
            Ok(FileWriter::try_new(file, &schema)?)
        };
        let files = tables.map(file).collect::<Result<Vec<_>, _>>()?;
        *locked(&keeper.writer) = Some(std::thread::Builder::new().spawn(move || write_all(files, &rows))?);
        Ok(keeper)
    }

    /// Keeps the chunks among some rows of the pass.
    ///
    /// # Errors
    /// When earlier ones could not be written.
    pub fn add(&self, batch: RecordBatch) -> Result<(), EngineError> {
        let to = locked(&self.rows).clone();
        let taken = to.is_some_and(|to| to.send(batch).is_ok());
        taken.then_some(()).ok_or_else(|| EngineError::Ask("facts cannot be written".to_owned()))
    }

    /// Waits until all is written.
    fn written(&self) -> Result<Came, EngineError> {
        drop(locked(&self.rows).take());
        let broken = || EngineError::Ask("facts were not written to their end; this is a defect of Treaty".to_owned());
        locked(&self.writer).take().ok_or_else(broken)?.join().map_err(|_| broken())?
    }

    /// Completes the facts with what belongs to the whole.
    ///
    /// # Errors
    /// When a chunk is missing or came twice, or files cannot be written.
    pub fn finish(&self, rest: &Rest, shape: &Shape, lineage: Lineage) -> Result<(), EngineError> {
        let (numbers, contents) = self.contents(rest, shape, lineage)?;
        if numbers.is_empty() || numbers.iter().zip(0..).any(|(number, want)| *number != want) {
            return Err(EngineError::Ask("chunks of the pass are missing; this is a defect of Treaty".to_owned()));
        }
        self.complete(rest, shape, &contents, None)
    }

    /// Completes facts of which all but the patched groups are those of an older version.
    ///
    /// # Errors
    /// When a chunk is missing or came twice, or files cannot be written.
    pub fn finish_patch(&self, rest: &Rest, shape: &Shape, lineage: Lineage, older: &Older) -> Result<(), EngineError> {
        let (numbers, mut contents) = self.contents(rest, shape, lineage)?;
        if !numbers.iter().map(|n| *n as usize).eq(older.patches.keys().copied()) {
            return Err(EngineError::Ask("patched chunks of the pass are missing; this is a defect of Treaty".to_owned()));
        }
        contents.patches = Some(older.patches.clone());
        let whole = self.unfinished.join(WHOLE);
        link_all(&older.folder.join(PASS), &whole.join(PASS))?;
        std::fs::copy(older.folder.join(CONTENTS), whole.join(CONTENTS))?;
        self.complete(rest, shape, &contents, Some(&older.lists))
    }

    /// Numbers of the chunks that came, and what is told about them.
    fn contents(&self, rest: &Rest, shape: &Shape, lineage: Lineage) -> Result<(Vec<u32>, Contents), EngineError> {
        let came = self.written()?;
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        for (place, (chunk, _)) in came.iter().enumerate() {
            if places.insert(*chunk, place).is_some() {
                return Err(EngineError::Ask(format!("chunk {chunk} of the pass came twice; this is a defect of Treaty")));
            }
        }
        let rows = |at: usize| places.values().map(|place| came[*place].1[at]).collect();
        let contents = Contents {
            notes: rest.notes.clone(),
            attributes: rest.attributes.clone(),
            rows: TABLES.into_iter().enumerate().map(|(at, name)| (name.to_owned(), rows(at))).collect(),
            places: places.values().copied().collect(),
            suspects: rest.suspects,
            numberings: shape.numbers.rows.clone(),
            lineage,
            patches: None,
        };
        Ok((places.into_keys().collect(), contents))
    }

    /// Writes what belongs to the whole and gives the folder its name. Long lists hardly ever change: one that is
    /// the same in an older folder is not written again.
    fn complete(&self, rest: &Rest, shape: &Shape, contents: &Contents, older: Option<&Path>) -> Result<(), EngineError> {
        for (name, batch) in &rest.plain {
            write(&self.unfinished.join(format!("{name}_table.arrow")), batch)?;
        }
        par::try_map(shape.numbers.lists()?, |(name, batch)| {
            let (file, known) = (self.unfinished.join(format!("{name}.arrow")), older.map(|o| o.join(format!("{name}.arrow"))));
            match known.filter(|known| read(known, 0).is_ok_and(|known| known == batch)) {
                Some(known) => Ok(link(&known, &file)?),
                None => write(&file, &batch),
            }
        })?;
        let text = serde_json::to_vec(contents).map_err(|e| EngineError::Ask(e.to_string()))?;
        std::fs::write(self.unfinished.join(CONTENTS), text)?;
        Ok(settle(&self.unfinished, &self.folder, KEEP)?)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.written();
        let _ = std::fs::remove_dir_all(&self.unfinished);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Numbers {
    /// The lists by their names.
    fn of<E>(list: impl Fn(&str) -> Result<List, E>, rows: [Numbering; 2]) -> Result<Self, E> {
        Ok(Self {
            people: list(LISTS[0])?,
            accounts: list(LISTS[1])?,
            opportunities: list(LISTS[2])?,
            users: list(LISTS[3])?,
            campaigns: list(LISTS[4])?,
            orders: [list(LISTS[5])?, list(LISTS[6])?, list(LISTS[7])?],
            rows,
        })
    }

    /// The lists with their names.
    fn lists(&self) -> Result<Vec<(&'static str, RecordBatch)>, EngineError> {
        let lists = [&self.people, &self.accounts, &self.opportunities, &self.users, &self.campaigns];
        LISTS.into_iter().zip(lists.into_iter().chain(&self.orders)).map(|(name, list)| Ok((name, list.batch()?.clone()))).collect()
    }
}
