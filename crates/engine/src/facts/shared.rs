//! Facts that homes share. Where several homes have one record, facts lie beside it as well, below
//! `_facts`: files in parts that are named by their content, and a list for each view, written last.
//! Whoever has kept facts puts them there; a home that keeps no timelines of a version takes them from
//! there instead of reading the record (ADR 13). They can be deleted at any time.

use super::kept::KEEP;
use crate::derived::{CONTENTS, is_kept, settle, unfinished};
use crate::error::EngineError;
use crate::load::timelines::link;
use crate::record::{Place, Record, digest, par};
use datafusion::object_store::path::Path as Key;
use datafusion::object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a part before it is packed.
const PART: usize = 32 << 20;
/// Parts that are on their way at a time.
const AT_ONCE: usize = 4;
/// The folder of facts in the place of a record, and that of the parts in it.
pub(super) const FACTS: &str = "_facts";
const PARTS: &str = "parts";
/// The list of what is shared, in a folder of kept facts.
const LIST: &str = "shared.json";
/// Views that stay when what is old gives way.
const STAY: usize = 16;
/// So long after it came nobody takes a part for one that was left behind.
const COMING: Duration = Duration::from_secs(86_400);
/// How closely parts are packed: as quickly as a good network takes them.
const LEVEL: i32 = 1;

/// A file of kept facts: where it is in their folder, and its parts by their content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Piece {
    path: String,
    bytes: u64,
    parts: Vec<String>,
}

/// Facts of one view in the place of a record that several homes share.
#[derive(Clone)]
pub struct Shared {
    store: Arc<dyn ObjectStore>,
    place: Place,
    /// What they are called there.
    name: String,
    /// Where this home keeps them.
    folder: PathBuf,
    /// What is there is damaged, and to be put anew.
    damaged: bool,
}

impl Shared {
    /// Facts that a home keeps in `folder`, below the store of its record's facts.
    pub(super) fn new(store: Arc<dyn ObjectStore>, place: &Place, name: String, folder: PathBuf) -> Self {
        Self { store, place: place.clone(), name, folder, damaged: false }
    }

    /// Whether this home keeps facts that it has not shared yet.
    pub fn is_due(&self) -> bool {
        is_kept(&self.folder) && !self.folder.join(LIST).is_file()
    }

    /// Takes the facts that are there, to be kept in this home; tells whether there were any. Whatever is amiss with
    /// them, they can be derived, and put anew.
    pub async fn take(&mut self) -> bool {
        let unfinished = unfinished(&self.folder);
        let done = self.take_into(&unfinished).await;
        self.damaged = done.as_ref().is_err_and(|e| !is_missing(e));
        let taken = done.is_ok() && settle(&unfinished, &self.folder, KEEP).is_ok();
        let _ = std::fs::remove_dir_all(&unfinished);
        taken
    }

    async fn take_into(&self, to: &Path) -> Result<(), EngineError> {
        let list = get(&self.store, &list_key(&self.name)).await?;
        let pieces = read_list(&list)?;
        let known = par::blocking(|| known(self.folder.parent()));
        let mut parts = Vec::new();
        for piece in &pieces {
            let file = to.join(&piece.path);
            std::fs::create_dir_all(file.parent().unwrap_or(to))?;
            if known.get(&piece.parts).is_none_or(|own| link(own, &file).is_err()) {
                File::create(&file)?.set_len(piece.bytes)?;
                parts.extend(piece.parts.iter().enumerate().map(|(i, part)| (file.clone(), i, part.clone())));
            }
        }
        let one = |(file, i, part): (PathBuf, usize, String)| async move {
            let packed = get(&self.store, &part_key(&part)).await?;
            par::blocking(|| {
                let bytes = zstd::bulk::decompress(&packed, PART)?;
                if digest(&bytes) != part {
                    return Err(broken("a part is not what its name says"));
                }
                let mut file = File::options().write(true).open(file)?;
                file.seek(SeekFrom::Start((i * PART) as u64))?;
                Ok(file.write_all(&bytes)?)
            })
        };
        stream::iter(parts).map(one).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(std::fs::write(to.join(LIST), list)?)
    }

    /// Puts the facts that this home keeps there: parts that are not there yet, then their list.
    ///
    /// # Errors
    /// When files cannot be read, or the place does not take them: what it says, and what to do.
    pub async fn put(&self) -> Result<(), String> {
        let told = |e: EngineError| format!("these facts are not shared with other homes: {}", told(&self.place, e));
        self.put_all().await.map_err(told)
    }

    async fn put_all(&self) -> Result<(), EngineError> {
        let mut pieces = Vec::new();
        for (path, bytes) in files(&self.folder, Path::new(""))? {
            let one = |i: usize| self.put_part(&path, i);
            let count = (bytes as usize).div_ceil(PART);
            let parts = stream::iter(0..count).map(one).buffered(AT_ONCE).try_collect().await?;
            let names: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
            pieces.push(Piece { path: names.join("/"), bytes, parts });
        }
        let list = serde_json::to_vec(&pieces).map_err(|e| broken(&e.to_string()))?;
        self.store.put(&list_key(&self.name), PutPayload::from(list.clone())).await.map_err(asked)?;
        Ok(std::fs::write(self.folder.join(LIST), list)?)
    }

    /// Puts a part of a file, unless it is there and sound; gives its name.
    async fn put_part(&self, path: &Path, number: usize) -> Result<String, EngineError> {
        let bytes = par::blocking(|| {
            let mut file = File::open(self.folder.join(path))?;
            file.seek(SeekFrom::Start((number * PART) as u64))?;
            let mut bytes = Vec::new();
            file.take(PART as u64).read_to_end(&mut bytes).map(|_| bytes)
        })?;
        let name = par::blocking(|| digest(&bytes));
        match self.store.head(&part_key(&name)).await {
            Ok(_) if !self.damaged => return Ok(name),
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(e) => return Err(asked(e)),
        }
        let packed = par::blocking(|| zstd::bulk::compress(&bytes, LEVEL))?;
        self.store.put(&part_key(&name), PutPayload::from(packed)).await.map_err(asked)?;
        Ok(name)
    }
}

/// A failure in words that give away no secret.
fn told(place: &Place, e: EngineError) -> String {
    match e {
        EngineError::Query(e) => place.told(&e),
        other => other.to_string(),
    }
}

/// As it is shown: a store knows secrets.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.place)
    }
}

/// Deletes facts of the place of a record that are of versions before `oldest` or beyond the newest views, and parts
/// that no list names; with `dry_run` it only counts. Gives the number of objects and their bytes.
///
/// # Errors
/// When the place cannot be read: what it says, and what to do.
pub async fn sweep(record: &Record, oldest: u64, dry_run: bool) -> Result<(u64, u64), String> {
    sweep_all(record, oldest, dry_run).await.map_err(|e| format!("shared facts: {}", told(record.place(), e)))
}

async fn sweep_all(record: &Record, oldest: u64, dry_run: bool) -> Result<(u64, u64), EngineError> {
    let Some(store) = record.place().beside(FACTS) else { return Ok((0, 0)) };
    let all: Vec<ObjectMeta> = match store.list(None).try_collect().await {
        Ok(all) => all,
        // A folder that nobody has put facts into.
        Err(Error::NotFound { .. }) => return Ok((0, 0)),
        Err(e) => return Err(asked(e)),
    };
    let (mut lists, parts): (Vec<&ObjectMeta>, Vec<&ObjectMeta>) = all.iter().partition(|o| o.location.as_ref().ends_with(".json"));
    lists.sort_by_key(|o| std::cmp::Reverse((o.last_modified, &o.location)));
    let (mut gone, mut named) = (Vec::new(), HashSet::new());
    for (place, list) in lists.into_iter().enumerate() {
        let pieces = match get(&store, &list.location).await {
            Ok(list) => read_list(&list).unwrap_or_default(),
            Err(e) if is_missing(&e) => continue,
            Err(e) => return Err(e),
        };
        let version = list.location.filename().and_then(|name| name.strip_prefix('v')?.get(..8)?.parse::<u64>().ok());
        if place >= STAY || version.is_none_or(|v| v < oldest) || pieces.is_empty() {
            gone.push(list);
        } else {
            named.extend(pieces.into_iter().flat_map(|piece| piece.parts));
        }
    }
    // Only times of the store are compared, with one another.
    let newest = all.iter().map(|o| o.last_modified).max();
    let is_coming = |part: &ObjectMeta| newest.is_some_and(|newest| (newest - part.last_modified).to_std().is_ok_and(|age| age < COMING));
    let of_others = |part: &&&ObjectMeta| part.location.filename().is_none_or(|name| !named.contains(name)) && !is_coming(part);
    gone.extend(parts.iter().filter(of_others));
    if !dry_run {
        for object in &gone {
            match store.delete(&object.location).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(e) => return Err(asked(e)),
            }
        }
    }
    Ok((gone.len() as u64, gone.iter().map(|o| o.size).sum()))
}

fn list_key(name: &str) -> Key {
    Key::from(format!("{name}.json"))
}

fn part_key(part: &str) -> Key {
    Key::from(format!("{PARTS}/{part}"))
}

async fn get(store: &Arc<dyn ObjectStore>, key: &Key) -> Result<Vec<u8>, EngineError> {
    let got = store.get(key).await.map_err(asked)?;
    Ok(got.bytes().await.map_err(asked)?.to_vec())
}

fn asked(e: Error) -> EngineError {
    EngineError::Query(e.into())
}

fn is_missing(e: &EngineError) -> bool {
    matches!(e, EngineError::Query(datafusion::error::DataFusionError::ObjectStore(e)) if matches!(**e, Error::NotFound { .. }))
}

fn broken(what: &str) -> EngineError {
    EngineError::Ask(format!("shared facts: {what}"))
}

/// A list of files, all of which are to be in one folder.
fn read_list(text: &[u8]) -> Result<Vec<Piece>, EngineError> {
    let pieces: Vec<Piece> = serde_json::from_slice(text).map_err(|e| broken(&e.to_string()))?;
    let inside = |piece: &Piece| Path::new(&piece.path).components().all(|c| matches!(c, Component::Normal(_)));
    let whole = |piece: &Piece| piece.parts.len() as u64 == piece.bytes.div_ceil(PART as u64);
    if pieces.iter().all(|piece| inside(piece) && whole(piece)) && pieces.iter().any(|piece| piece.path == CONTENTS) {
        return Ok(pieces);
    }
    Err(broken("a list is not one of facts"))
}

/// Files of shared facts that this home keeps, by their parts.
fn known(facts: Option<&Path>) -> HashMap<Vec<String>, PathBuf> {
    let folders = facts.and_then(|facts| std::fs::read_dir(facts).ok()).into_iter().flatten().flatten().map(|e| e.path());
    let mut known = HashMap::new();
    for folder in folders.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with('v'))) {
        let list = std::fs::read(folder.join(LIST)).ok().and_then(|list| read_list(&list).ok());
        known.extend(list.into_iter().flatten().map(|piece| (piece.parts, folder.join(piece.path))));
    }
    known
}

/// The files of a folder with their lengths, in order.
fn files(folder: &Path, below: &Path) -> std::io::Result<BTreeMap<PathBuf, u64>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            all.extend(files(folder, &path)?);
        } else if path != Path::new(LIST) {
            all.insert(path, entry.metadata()?.len());
        }
    }
    Ok(all)
}
