//! Reads what a tap prints, line by line, and puts the rows of each stream into a file.
//!
//! Memory holds one line and 32 bytes a row; the rows go to disk. Because the next line is read only after the last one
//! is written, a tap is never faster than the disk.

use super::message::{AirbyteState, Message, Protocol, parse};
use super::row::{self, FlatNames};
use super::state::TapState;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use treaty_app::import::Progress;
use treaty_app::raw::Fault;

/// Longest line that is read.
pub const LINE_BYTES: usize = 64 * 1024 * 1024;

/// Most streams of one run.
const STREAMS: usize = 10_000;

/// Files held open at once.
const OPEN: usize = 24;

/// Rows after which progress is told, at the latest.
const TOLD: u64 = 64;

/// Characters shown of a line that is no message.
const SHOWN: usize = 120;

/// The rows of one stream in one run.
#[derive(Debug, Default)]
pub struct Stream {
    /// Rows written to its file.
    pub rows: u64,
    /// Key members, from the newest SCHEMA or the catalogue.
    pub keys: Vec<String>,
    /// Columns that the schema lists.
    pub columns: Vec<String>,
    /// Row of every identity, from 0, where the newest counts.
    pub(crate) newest: HashMap<u128, u64>,
    /// Rows that a later one of this run replaces.
    pub(crate) replaced: HashSet<u64>,
    /// From which row on rows belong to which version.
    pub(crate) versions: Vec<(u64, Option<i64>)>,
    /// Version that counts, if the tap said so.
    pub(crate) activated: Option<i64>,
    names: FlatNames,
    out: Option<BufWriter<File>>,
}

/// What a run of a tap gave.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Protocol, if the tap said anything.
    pub protocol: Option<Protocol>,
    /// Streams by name.
    pub streams: BTreeMap<String, Stream>,
    /// State after the run.
    pub state: TapState,
    /// The new settings of an Airbyte source, if it changed them.
    pub config: Option<String>,
    /// What a source said about its failure.
    pub failures: Vec<String>,
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
    /// Folder with one file a stream.
    pub dir: PathBuf,
}

/// Reads the messages of one run.
pub struct Collector<'a> {
    tap: &'a str,
    progress: &'a dyn Progress,
    log: Option<&'a mut dyn Write>,
    line_bytes: usize,
    harvest: Harvest,
    line: u64,
    noise: (u64, Option<String>),
    unknown: BTreeMap<String, u64>,
    /// Files of the streams, in small letters.
    files: HashSet<String>,
    /// Stream that the bar shows, and rows not yet told.
    shown: Option<String>,
    untold: u64,
    scratch: String,
}

impl<'a> Collector<'a> {
    /// A collector that writes into a folder, which must be there and empty.
    pub fn new(tap: &'a str, dir: &Path, before: TapState, progress: &'a dyn Progress) -> Self {
        Self {
            tap,
            progress,
            log: None,
            line_bytes: LINE_BYTES,
            harvest: Harvest { state: before, dir: dir.to_owned(), ..Harvest::default() },
            line: 0,
            noise: (0, None),
            unknown: BTreeMap::new(),
            files: HashSet::new(),
            shown: None,
            untold: 0,
            scratch: String::new(),
        }
    }

    /// Where log messages go.
    pub fn with_log(mut self, log: &'a mut dyn Write) -> Self {
        self.log = Some(log);
        self
    }

    /// Another bound of a line, for tests.
    pub fn with_line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes = bytes;
        self
    }

    /// Sets the keys and columns of streams that a catalogue knows, as Airbyte sources do not repeat them.
    pub fn with_stream(mut self, name: &str, keys: Vec<String>, columns: Vec<String>) -> Self {
        self.files.insert(file_name(name).to_lowercase());
        self.harvest.streams.insert(name.to_owned(), Stream { keys, columns, ..Stream::default() });
        self
    }

    /// Reads to the end of what a tap prints.
    ///
    /// # Errors
    /// A line that is too long or broken, a message that lacks what it needs, rows as BATCH files, a full disk.
    pub fn read(mut self, mut input: impl BufRead) -> Result<Harvest, Fault> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = self.line_bytes as u64 + 1;
            let read = input.by_ref().take(most).read_until(b'\n', &mut line).map_err(|e| self.fault(format!("cannot be read: {e}")))?;
            if read == 0 {
                break;
            }
            self.line += 1;
            if line.len() > self.line_bytes {
                return Err(self.fault(format!("the line is longer than {} bytes; leave out the field that holds so much", self.line_bytes)));
            }
            self.take(&line)?;
            if self.untold >= TOLD {
                self.tell();
            }
        }
        self.finish()
    }

    fn fault(&self, reason: String) -> Fault {
        Fault { file: format!("output of {}", self.tap), line: self.line, column: None, reason }
    }

    fn disk(&self, error: &std::io::Error) -> Fault {
        self.fault(format!("the rows cannot be written to {}: {error}", self.harvest.dir.display()))
    }

    /// One line: usually a message; sometimes several, or something that a library printed.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return Ok(());
        }
        let Ok(mut text) = std::str::from_utf8(bytes) else {
            if looks_like_message(bytes) {
                return Err(self.fault("holds bytes that are not UTF-8; mend the text at the source".to_owned()));
            }
            self.noise(&String::from_utf8_lossy(bytes));
            return Ok(());
        };
        while !text.is_empty() {
            if !text.starts_with('{') {
                // A print without an end of line may stand before a message.
                let Some(at) = text.find("{\"type\"").filter(|_| looks_like_message(text.as_bytes())) else {
                    self.noise(text);
                    return Ok(());
                };
                self.noise(&text[..at]);
                text = &text[at..];
            }
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
            match values.next() {
                Some(Ok(_)) => {
                    let end = values.byte_offset();
                    self.object(&text[..end])?;
                    text = text[end..].trim_start();
                }
                Some(Err(error)) if looks_like_message(text.as_bytes()) => {
                    let reason = if error.is_eof() { "the message is cut off".to_owned() } else { format!("the message is no valid JSON: {error}") };
                    return Err(self.fault(format!("{reason}; the row in it would be lost, so nothing is taken")));
                }
                _ => {
                    self.noise(text);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn noise(&mut self, text: &str) {
        self.noise.0 += 1;
        if self.noise.1.is_none() {
            self.noise.1 = Some(text.chars().take(SHOWN).collect());
        }
    }

    fn object(&mut self, object: &str) -> Result<(), Fault> {
        let message = parse(object).map_err(|reason| self.fault(reason))?;
        let protocol = match &message {
            Some(Message::Record { protocol, .. }) => Some(*protocol),
            Some(Message::Schema { .. } | Message::SingerState(_) | Message::ActivateVersion { .. } | Message::Batch { .. }) => Some(Protocol::Singer),
            Some(Message::Other(_)) | None => None,
            Some(_) => Some(Protocol::Airbyte),
        };
        if let Some(protocol) = protocol {
            match self.harvest.protocol {
                Some(known) if known != protocol => {
                    let reason = format!("speaks {}, but the lines before it speak {}; run one tap at a time", protocol.name(), known.name());
                    return Err(self.fault(reason));
                }
                _ => self.harvest.protocol = Some(protocol),
            }
        }
        match message {
            None => self.noise(object),
            Some(Message::Record { stream, record, version, .. }) => self.record(&stream, record, version)?,
            Some(Message::Schema { stream, keys, columns }) => {
                let known = self.stream(&stream)?;
                // Rows that came before are told apart by the same keys, or not at all.
                if known.rows > 0 && known.keys != keys {
                    let reason = format!("the stream {stream} changes its key_properties after its first row");
                    return Err(self.fault(reason));
                }
                known.keys = keys;
                let fresh: Vec<String> = columns.into_iter().filter(|c| !known.columns.contains(c)).collect();
                known.columns.extend(fresh);
            }
            Some(Message::SingerState(value)) => self.harvest.state = TapState::Singer(value.to_owned()),
            Some(Message::AirbyteState(state)) => match state {
                AirbyteState::Stream(name, state) => self.harvest.state.set_stream(name, state),
                AirbyteState::Global(state) => self.harvest.state.set_global(state),
                AirbyteState::Legacy(data) => self.harvest.state = TapState::Legacy(data.to_owned()),
            },
            Some(Message::ActivateVersion { stream, version }) => {
                self.stream(&stream)?.activated = version;
            }
            Some(Message::Batch { stream }) => {
                return Err(self.fault(format!(
                    "the stream {stream} hands its rows over as BATCH files, which are not read; take batch_config out of the settings of the tap"
                )));
            }
            Some(Message::Log(text)) => self.log(&text),
            Some(Message::Failed(reason)) => {
                self.log(&format!("ERROR {reason}"));
                self.harvest.failures.push(reason);
            }
            Some(Message::Config(config)) => self.harvest.config = Some(config.to_owned()),
            Some(Message::Catalog(_) | Message::Spec) => {}
            Some(Message::Other(kind)) => *self.unknown.entry(kind.into_owned()).or_default() += 1,
        }
        Ok(())
    }

    fn log(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            // A log that cannot be written must not stop an import.
            let _ = writeln!(log, "{text}");
        }
    }

    fn stream(&mut self, name: &str) -> Result<&mut Stream, Fault> {
        if !self.harvest.streams.contains_key(name) {
            if self.harvest.streams.len() >= STREAMS {
                return Err(self.fault(format!("names more than {STREAMS} streams; ids seem to be used as names")));
            }
            if !self.files.insert(file_name(name).to_lowercase()) {
                return Err(self.fault(format!("two streams are named {name}, but for capitals; leave one of them out")));
            }
        }
        Ok(self.harvest.streams.entry(name.to_owned()).or_default())
    }

    fn record(&mut self, name: &str, record: &str, version: Option<i64>) -> Result<(), Fault> {
        if self.shown.as_deref() != Some(name) {
            self.tell();
            self.shown = Some(name.to_owned());
            self.progress.step(&format!("{}: {name}", self.tap), None);
        }
        let mut line = std::mem::take(&mut self.scratch);
        let known = self.stream(name)?;
        row::write(record, &mut known.names, &mut line);
        let place = known.rows;
        known.replaced.extend(known.newest.insert(row::identity(&line, &known.keys), place));
        if known.versions.last().is_none_or(|(_, last)| *last != version) {
            known.versions.push((place, version));
        }
        known.rows += 1;
        line.push('\n');
        let written = self.write(name, &line);
        self.scratch = line;
        written.map_err(|e| self.disk(&e))?;
        self.untold += 1;
        Ok(())
    }

    fn write(&mut self, name: &str, line: &str) -> std::io::Result<()> {
        let streams = &mut self.harvest.streams;
        if streams.get(name).is_none_or(|s| s.out.is_none()) {
            if streams.values().filter(|s| s.out.is_some()).count() >= OPEN {
                streams.values_mut().filter_map(|s| s.out.take()).try_for_each(|mut out| out.flush())?;
            }
            let file = OpenOptions::new().create(true).append(true).open(self.harvest.dir.join(file_name(name)))?;
            if let Some(stream) = streams.get_mut(name) {
                stream.out = Some(BufWriter::new(file));
            }
        }
        match streams.get_mut(name).and_then(|s| s.out.as_mut()) {
            Some(out) => out.write_all(line.as_bytes()),
            None => Ok(()),
        }
    }

    fn tell(&mut self) {
        if self.untold > 0 {
            self.progress.advance(std::mem::take(&mut self.untold));
        }
    }

    fn finish(mut self) -> Result<Harvest, Fault> {
        self.tell();
        let flushed = self.harvest.streams.values_mut().filter_map(|s| s.out.take()).try_for_each(|mut out| out.flush());
        flushed.map_err(|e| self.disk(&e))?;
        let tap = self.tap;
        let notes = &mut self.harvest.notes;
        if let (n @ 1.., Some(first)) = &self.noise {
            notes.push(format!("{tap}: {n} lines on standard output are no messages and were passed over; the first: {first}"));
        }
        for (kind, n) in &self.unknown {
            if !matches!(kind.as_str(), "TRACE" | "CONNECTION_STATUS" | "CONTROL") {
                notes.push(format!("{tap}: {n} messages of the type {kind}, which Treaty does not know, were passed over"));
            }
        }
        for (name, stream) in &self.harvest.streams {
            if stream.names.full {
                notes.push(format!("{tap}: {name} has too many nested names for columns; the rest is in its objects, ask them with attr()"));
            }
        }
        Ok(self.harvest)
    }
}

/// The line holds, or held before it was cut, a message.
fn looks_like_message(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
    bytes.starts_with(b"{\"") && (bytes.len() < 8 || has(b"\"type\"")) || has(b"{\"type\"")
}

/// The file of a stream: its name, with what a file name cannot hold as `%` and two digits.
pub fn file_name(stream: &str) -> String {
    let mut name = String::new();
    for (i, c) in stream.chars().enumerate() {
        let fine = c.is_alphanumeric() || matches!(c, '-' | ' ' | '(' | ')') || (matches!(c, '_' | '.') && i > 0);
        if fine {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|b| name.push_str(&format!("%{b:02X}")));
        }
    }
    while name.len() > 200 {
        name.pop();
    }
    format!("{name}.jsonl")
}
