//! What is kept of a tap between its runs: its state and the newest row of everything it ever gave.
//!
//! ```text
//! taps/NAME/state.json      where the tap goes on, and which folder of rows belongs to it
//! taps/NAME/rows-7/         one file a stream
//! taps/NAME/run/            the rows of a run that is under way
//! ```
//!
//! A tap gives only what changed since last time, but a pack joins tables: a changed opportunity still needs its account
//! of last year. So every import reads all the rows that were kept. Rows and state change in one moment, when
//! `state.json` is renamed into place, and that happens only after the record has the rows. Whatever is killed before
//! leaves the old ones, and the next run fetches again what is already there, which changes nothing.

use super::collect::{Harvest, Stream, file_name};
use super::message::{Protocol, member, members};
use super::row;
use super::state::{TapState, text_member};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is known of a tap.
#[derive(Debug)]
pub struct Kept {
    dir: PathBuf,
    /// Held as long as the import runs, so that no other one of this tap does.
    _lock: File,
    /// Command of the newest run, as a mark that does not give it away.
    pub command: Option<String>,
    /// Its protocol.
    pub protocol: Option<Protocol>,
    /// Where it goes on.
    pub state: TapState,
    generation: u64,
    streams: BTreeMap<String, Option<i64>>,
}

/// What became of the rows of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Stream.
    pub stream: String,
    /// Rows of this run.
    pub read: u64,
    /// Rows of this run that a later one of it replaced.
    pub repeated: u64,
    /// Rows of earlier runs that stay.
    pub kept: u64,
    /// Rows of earlier runs that one of this run replaced.
    pub replaced: u64,
    /// Rows that are newly marked as deleted.
    pub deleted: u64,
}

/// Rows of all runs, not yet in force.
#[derive(Debug)]
pub struct Merged {
    /// Folder with one file a stream.
    pub dir: PathBuf,
    /// What became of the rows of each stream.
    pub counts: Vec<Count>,
    /// Streams that are there and have no rows.
    pub empty: BTreeSet<String>,
    streams: BTreeMap<String, Option<i64>>,
    state: TapState,
    protocol: Option<Protocol>,
}

fn said(what: &str, path: &Path, error: &io::Error) -> String {
    format!("{} cannot be {what}: {error}", path.display())
}

impl Kept {
    /// Opens what is kept of a tap, and makes its folder if there is none.
    ///
    /// # Errors
    /// When another import of this tap is running, or the folder or its state cannot be read.
    pub fn open(taps: &Path, name: &str) -> Result<Self, String> {
        let dir = taps.join(name);
        fs::create_dir_all(&dir).map_err(|e| said("made", &dir, &e))?;
        let path = dir.join(".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| said("written", &path, &e))?;
        lock.try_lock().map_err(|_| format!("another import of {name} is running; wait for it to end"))?;
        let mut kept = Self {
            dir,
            _lock: lock,
            command: None,
            protocol: None,
            state: TapState::None,
            generation: 0,
            streams: BTreeMap::new(),
        };
        let path = kept.dir.join("state.json");
        match fs::read_to_string(&path) {
            Ok(text) => kept.load(text.trim()).ok_or_else(|| {
                format!("{} is damaged; remove the folder {} to read everything again", path.display(), kept.dir.display())
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(said("read", &path, &e)),
        }
        kept.sweep();
        Ok(kept)
    }

    fn load(&mut self, text: &str) -> Option<()> {
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        (member(text, "format")? == "1").then_some(())?;
        self.command = text_member(text, "command");
        self.protocol = match text_member(text, "protocol").as_deref() {
            Some("Singer") => Some(Protocol::Singer),
            Some("Airbyte") => Some(Protocol::Airbyte),
            _ => None,
        };
        self.generation = member(text, "generation")?.parse().ok()?;
        for (name, version) in members(member(text, "streams")?) {
            self.streams.insert(name.into_owned(), version.parse().ok());
        }
        let (_, state) = members(text).into_iter().find(|(key, _)| key == "state")?;
        self.state = TapState::from_json(state)?;
        Some(())
    }

    /// The folder of the tap.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn rows(&self, generation: u64) -> PathBuf {
        self.dir.join(format!("rows-{generation}"))
    }

    /// Removes what a run that was killed left behind. What cannot be removed does no harm.
    fn sweep(&self) {
        let current = self.rows(self.generation);
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() && path != current && (name == "run" || name.starts_with("rows-")) {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    /// The empty folder for the rows of a run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn run_dir(&self) -> Result<PathBuf, String> {
        let dir = self.dir.join("run");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).map_err(|e| said("made", &dir, &e))?;
        Ok(dir)
    }

    /// Puts the rows of a run over those of earlier runs: the newest of each key stays. `whole` names the streams that
    /// were read from beginning to end: what they no longer have is marked as deleted, at the time `at`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn merge(&self, harvest: &Harvest, whole: &BTreeSet<String>, at: &str) -> Result<Merged, String> {
        let dir = self.rows(self.generation + 1);
        let old = self.rows(self.generation);
        let mut merged = Merged {
            dir: dir.clone(),
            counts: Vec::new(),
            empty: BTreeSet::new(),
            streams: self.streams.clone(),
            state: harvest.state.clone(),
            protocol: harvest.protocol.or(self.protocol),
        };
        let work = || -> io::Result<Merged> {
            fs::create_dir_all(&dir)?;
            for name in self.streams.keys().filter(|name| !harvest.streams.contains_key(*name)) {
                let file = file_name(name);
                if fs::hard_link(old.join(&file), dir.join(&file)).is_err() {
                    fs::copy(old.join(&file), dir.join(&file))?;
                }
            }
            for (name, stream) in &harvest.streams {
                let file = file_name(name);
                let had = self.streams.get(name).copied();
                if stream.rows == 0 && had.is_none() {
                    merged.empty.insert(name.clone());
                    continue;
                }
                let before = had.map(|version| (old.join(&file), version));
                let run = harvest.dir.join(&file);
                let mut count = lay_over(stream, before, &run, &dir.join(&file), whole.contains(name), at)?;
                count.stream.clone_from(name);
                merged.counts.push(count);
                merged.streams.insert(name.clone(), stream.activated.or(had.flatten()));
            }
            File::open(&dir)?.sync_all()?;
            Ok(merged)
        };
        work().map_err(|e| said("written", &dir, &e))
    }

    /// Puts merged rows and the state in force: the one moment when both change.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn commit(mut self, merged: Merged, command: &str) -> Result<(), String> {
        let mut text = format!("{{\n\"format\":1,\n\"command\":\"{command}\",\n\"protocol\":");
        row::push_text(&mut text, merged.protocol.map_or("", Protocol::name));
        text.push_str(&format!(",\n\"generation\":{},\n\"streams\":{{", self.generation + 1));
        for (i, (name, version)) in merged.streams.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            row::push_text(&mut text, name);
            text.push_str(&version.map_or(":null".to_owned(), |v| format!(":{v}")));
        }
        text.push_str(&format!("}},\n\"state\":{}\n}}\n", merged.state.to_json()));
        let path = self.dir.join("state.json");
        replace(&path, text.as_bytes()).map_err(|e| said("written", &path, &e))?;
        self.generation += 1;
        self.sweep();
        Ok(())
    }

    /// Forgets a run: rows and state stay as they were.
    pub fn abandon(self) {
        self.sweep();
    }
}

/// Writes a file so that it is the old or the new one, whatever happens.
///
/// # Errors
/// When the disk fails.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Writes the rows of a stream: those of earlier runs that nothing replaces, then those of this run.
fn lay_over(stream: &Stream, before: Option<(PathBuf, Option<i64>)>, run: &Path, to: &Path, whole: bool, at: &str) -> io::Result<Count> {
    let mut count = Count { read: stream.rows, repeated: stream.replaced.len() as u64, ..Count::default() };
    let mut out = Out { out: BufWriter::new(File::create(to)?), first: true, columns: &stream.columns };
    let mut line = String::new();
    if let Some((path, version)) = before {
        // A stream read whole, or of a newer version, no longer has the rows that it did not give.
        let gone = whole || stream.activated.is_some_and(|v| Some(v) != version);
        let mut lines = BufReader::new(File::open(path)?);
        while next(&mut lines, &mut line)? {
            if stream.newest.contains_key(&row::identity(&line, &stream.keys)) {
                count.replaced += 1;
                continue;
            }
            count.kept += 1;
            if gone {
                let length = line.len();
                row::mark_deleted(&mut line, at);
                count.deleted += u64::from(line.len() != length);
            }
            out.line(&mut line)?;
        }
    }
    if stream.rows > 0 {
        let mut lines = BufReader::new(File::open(run)?);
        let mut place = 0;
        while next(&mut lines, &mut line)? {
            let part = stream.versions.partition_point(|(from, _)| *from <= place);
            let version = part.checked_sub(1).and_then(|i| stream.versions.get(i)).and_then(|(_, v)| *v);
            if !stream.replaced.contains(&place) {
                if stream.activated.is_some() && version.is_some() && version != stream.activated {
                    row::mark_deleted(&mut line, at);
                    count.deleted += 1;
                }
                out.line(&mut line)?;
            }
            place += 1;
        }
    }
    out.out.into_inner()?.sync_all()?;
    Ok(count)
}

fn next(lines: &mut impl BufRead, line: &mut String) -> io::Result<bool> {
    line.clear();
    let read = lines.read_line(line)?;
    line.truncate(line.trim_end_matches('\n').len());
    Ok(read > 0)
}

/// The rows of a stream; the first has all the columns of the schema.
struct Out<'a> {
    out: BufWriter<File>,
    first: bool,
    columns: &'a [String],
}

impl Out<'_> {
    fn line(&mut self, line: &mut String) -> io::Result<()> {
        if std::mem::take(&mut self.first) {
            row::complete(line, self.columns);
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())
    }
}
