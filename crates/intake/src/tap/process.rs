//! Runs a tap: finds out what it is, lets it list its streams, and reads what it prints.

use super::catalog::{Choice, choose_airbyte, choose_singer, listed, read_configured};
use super::collect::{Collector, Harvest};
use super::command::{option, with_verb};
use super::kept::Kept;
use super::message::{Message, Protocol, parse};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use treaty_app::import::Progress;

/// Most that a discovery may print.
const CATALOGUE_BYTES: u64 = 512 * 1024 * 1024;

/// Last lines of the log that are shown when a tap fails.
const LAST_LINES: usize = 12;

/// Options that name the catalogue of a Singer tap.
const CATALOGUE: &[&str] = &["--catalog", "--properties", "-p"];

/// A tap that is ready to run.
#[derive(Debug)]
pub struct Plan {
    /// Command with catalogue and state.
    words: Vec<String>,
    choice: Choice,
}

/// The log of a run: what the tap says on standard error, and its log messages.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn new(path: PathBuf) -> Result<Self, String> {
        let open = || {
            File::create(&path)?;
            File::options().append(true).open(&path)
        };
        let file = open().map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
        Ok(Self { path, file })
    }

    fn last(&self) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        if lines.is_empty() {
            return "; it said nothing about it".to_owned();
        }
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        format!(". The last lines of {}:\n{}", self.path.display(), last.join("\n"))
    }
}

/// A process that does not outlive its reader.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(words: &[String], log: &Log) -> Result<(Self, BufReader<ChildStdout>), String> {
        let (program, arguments) = words.split_first().ok_or("the command is empty")?;
        let errors = log.file.try_clone().map_err(|e| format!("{} cannot be written: {e}", log.path.display()))?;
        let started = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn();
        let mut child = started.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                format!("there is no program {program}; write its whole path, such as venvs/tap-x/bin/tap-x, or install it first")
            }
            _ => format!("{program} cannot be started: {e}"),
        })?;
        let out = child.stdout.take().ok_or("the output of the tap cannot be read")?;
        Ok((Self(child), BufReader::with_capacity(256 * 1024, out)))
    }

    fn wait(mut self) -> Result<ExitStatus, String> {
        self.0.wait().map_err(|e| format!("the end of the tap cannot be seen: {e}"))
    }
}

/// What a tap is.
#[derive(Debug)]
enum Kind {
    Singer { catalogue: Vec<&'static str>, state: bool },
    Airbyte,
    /// It prints messages and takes no catalogue.
    Plain,
}

/// Prints of a command until it ends or a line is a message; and that message's text.
fn listen(words: &[String], log: &Log) -> Result<(String, Option<String>), String> {
    let (_running, mut out) = Running::start(words, log)?;
    let mut text = String::new();
    let mut bytes = Vec::new();
    while text.len() < 1024 * 1024 {
        bytes.clear();
        let read = out.by_ref().take(4 * 1024 * 1024).read_until(b'\n', &mut bytes).map_err(|e| format!("{} cannot be read: {e}", words[0]))?;
        if read == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        let is_json = line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok();
        match parse(line.trim()) {
            Ok(None | Some(Message::Log(_) | Message::Other(_))) if is_json => {}
            _ if is_json => return Ok((text, Some(line.into_owned()))),
            _ => text.push_str(&line),
        }
    }
    Ok((text, None))
}

fn kind(words: &[String], log: &Log) -> Result<Kind, String> {
    let mut asking = words.to_vec();
    asking.push("--help".to_owned());
    let (help, message) = listen(&asking, log)?;
    if message.is_some() {
        return Ok(Kind::Plain);
    }
    if help.contains("--discover") {
        let catalogue = ["--catalog", "--properties"].into_iter().filter(|o| help.contains(o)).collect();
        return Ok(Kind::Singer { catalogue, state: help.contains("--state") });
    }
    let has = |verb: &str| help.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == verb);
    if ["spec", "check", "discover", "read"].into_iter().all(has) {
        return Ok(Kind::Airbyte);
    }
    let (_, message) = listen(&with_verb(words, "spec"), log)?;
    let spec = message.as_deref().map(str::trim).map(parse);
    Ok(if matches!(spec, Some(Ok(Some(Message::Spec)))) { Kind::Airbyte } else { Kind::Plain })
}

/// A tap that has said what it is and what it has got.
#[derive(Debug)]
pub struct Tap {
    words: Vec<String>,
    kind: Kind,
    /// Its catalogue: as it lists its streams, or as the user wrote it.
    catalogue: Option<String>,
    /// The user wrote it.
    own: bool,
}

/// Asks a command what it is and, unless the catalogue is named in it, for its streams.
///
/// # Errors
/// When it cannot be started or cannot list its streams.
pub fn ask(words: &[String], kept: &Kept, progress: &dyn Progress) -> Result<Tap, String> {
    let log = Log::new(kept.dir().join("log.txt"))?;
    let own = option(words, CATALOGUE);
    progress.step("asking the tap what it is", None);
    let kind = match own {
        Some(_) if words.iter().any(|w| w == "read") => Kind::Airbyte,
        Some(_) => Kind::Singer { catalogue: Vec::new(), state: true },
        None if kept.protocol == Some(Protocol::Airbyte) => Kind::Airbyte,
        None => kind(words, &log)?,
    };
    let kept_list = kept.dir().join("catalog.json");
    let catalogue = match (&kind, own) {
        (_, Some(path)) => Some(fs::read_to_string(path).map_err(|e| format!("{path} cannot be read: {e}"))?),
        (Kind::Singer { catalogue, .. }, None) if !catalogue.is_empty() => Some(discover(&kept_list, progress, || {
            let mut asking = words.to_vec();
            asking.push("--discover".to_owned());
            all_of(&asking, &log)
        })?),
        (Kind::Airbyte, None) => Some(discover(&kept_list, progress, || catalogue_of(&with_verb(words, "discover"), &log))?),
        _ => None,
    };
    Ok(Tap { words: words.to_vec(), kind, catalogue, own: own.is_some() })
}

impl Tap {
    /// Its streams and the columns of each, as far as it lists them.
    pub fn streams(&self) -> Vec<(String, Vec<String>)> {
        self.catalogue.as_deref().map(listed).unwrap_or_default()
    }

    /// Chooses the streams, and hands the state of last time on.
    ///
    /// # Errors
    /// When no stream is wanted.
    pub fn choose(self, kept: &Kept, wanted: &dyn Fn(&str) -> bool) -> Result<Plan, String> {
        let run = kept.dir().join("run");
        let mut plan = Plan { words: self.words, choice: Choice::default() };
        let own_state = option(&plan.words, &["--state", "-s"]).is_some();
        let takes_state = match self.kind {
            Kind::Singer { catalogue, state } => {
                if let (Some(text), false) = (&self.catalogue, self.own) {
                    plan.choice = choose_singer(text, wanted)?;
                    let file = write(&run.join("catalog.json"), &plan.choice.text)?;
                    for option in catalogue {
                        plan.words.extend([option.to_owned(), file.clone()]);
                    }
                }
                state
            }
            Kind::Airbyte => {
                plan.words = with_verb(&plan.words, "read");
                let text = self.catalogue.as_deref().unwrap_or_default();
                if self.own {
                    plan.choice = read_configured(text)?;
                } else {
                    plan.choice = choose_airbyte(text, wanted)?;
                    let file = write(&run.join("catalog.json"), &plan.choice.text)?;
                    plan.words.extend(["--catalog".to_owned(), file]);
                }
                true
            }
            Kind::Plain => false,
        };
        let whole = &plan.choice.whole;
        if let (true, false, Some(state)) = (takes_state, own_state, kept.state.file(&|name| !whole.contains(name))) {
            let file = write(&run.join("state.json"), &state)?;
            plan.words.extend(["--state".to_owned(), file]);
        }
        Ok(plan)
    }
}

/// The list of streams as kept, or from the tap, to be kept.
fn discover(path: &Path, progress: &dyn Progress, ask: impl FnOnce() -> Result<String, String>) -> Result<String, String> {
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(text);
    }
    progress.step("asking the tap for its streams", None);
    let text = ask()?;
    super::kept::replace(path, text.as_bytes()).map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
    Ok(text)
}

fn write(path: &Path, text: &str) -> Result<String, String> {
    let said = |e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    fs::write(path, text).map_err(said)?;
    Ok(std::path::absolute(path).map_err(said)?.display().to_string())
}

/// All that a Singer discovery prints.
fn all_of(words: &[String], log: &Log) -> Result<String, String> {
    let (running, out) = Running::start(words, log)?;
    let mut bytes = Vec::new();
    out.take(CATALOGUE_BYTES).read_to_end(&mut bytes).map_err(|e| format!("the list of streams cannot be read: {e}"))?;
    let status = running.wait()?;
    if !status.success() {
        return Err(format!("the tap could not list its streams ({status}){}", log.last()));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    choose_singer(&text, &|_| true).map(|_| text)
}

/// The catalogue that an Airbyte source prints.
fn catalogue_of(words: &[String], log: &Log) -> Result<String, String> {
    let (running, out) = Running::start(words, log)?;
    let (mut found, mut failed) = (None, None);
    for line in out.take(CATALOGUE_BYTES).split(b'\n') {
        let line = line.map_err(|e| format!("the list of streams cannot be read: {e}"))?;
        let text = String::from_utf8_lossy(&line);
        if !text.starts_with('{') || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
            continue;
        }
        match parse(text.trim()) {
            Ok(Some(Message::Catalog(catalogue))) => found = Some(catalogue.to_owned()),
            Ok(Some(Message::Failed(reason))) => failed = Some(reason),
            Ok(Some(Message::Log(text))) => {
                // A log that cannot be written must not stop an import.
                let _ = writeln!(&log.file, "{text}");
            }
            _ => {}
        }
    }
    let status = running.wait()?;
    match (status.success(), found, failed) {
        (true, Some(catalogue), _) => Ok(catalogue),
        (_, _, Some(reason)) => Err(format!("the source could not list its streams: {reason}")),
        _ => Err(format!("the source could not list its streams ({status}){}", log.last())),
    }
}

impl Plan {
    /// Streams that are read from beginning to end.
    pub fn whole(&self) -> &BTreeSet<String> {
        &self.choice.whole
    }

    /// Streams that were asked for, where the tap announces each.
    pub fn wanted(&self) -> &BTreeSet<String> {
        &self.choice.wanted
    }

    /// Runs the tap to its end and puts its rows into a folder.
    ///
    /// # Errors
    /// When it fails in any way: then nothing of it is to be used.
    pub fn run(&self, name: &str, kept: &Kept, progress: &dyn Progress) -> Result<Harvest, String> {
        let path = kept.dir().join("log.txt");
        let file = File::options().create(true).append(true).open(&path).map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
        let log = Log { path, file };
        let rows = kept.dir().join("run").join("rows");
        fs::create_dir_all(&rows).map_err(|e| format!("{} cannot be made: {e}", rows.display()))?;
        progress.step(&format!("waiting for {name}"), None);
        let (running, out) = Running::start(&self.words, &log)?;
        let mut said = &log.file;
        let mut collector = Collector::new(name, &rows, kept.state.clone(), progress).with_log(&mut said);
        for (stream, known) in &self.choice.streams {
            collector = collector.with_stream(stream, known.keys.clone(), known.columns.clone());
        }
        let harvest = collector.read(out).map_err(|fault| format!("{fault}. What the tap says is in {}", log.path.display()))?;
        let status = running.wait()?;
        if let Some(config) = &harvest.config {
            self.renew(config)?;
        }
        match harvest.failures.first() {
            Some(reason) => Err(format!("{name} failed: {reason}")),
            None if !status.success() => Err(format!("{name} failed ({status}){}", log.last())),
            None if harvest.protocol.is_none() => {
                Err(format!("{name} printed no message of Singer or Airbyte, so there is nothing to import{}", log.last()))
            }
            None => Ok(harvest),
        }
    }

    /// Writes settings that an Airbyte source changed itself, such as a token that works only once, back to their file.
    fn renew(&self, config: &str) -> Result<(), String> {
        let Some(path) = option(&self.words, &["--config", "-c"]).map(Path::new) else { return Ok(()) };
        let write = || {
            let rights = fs::metadata(path)?.permissions();
            super::kept::replace(path, config.as_bytes())?;
            fs::set_permissions(path, rights)
        };
        write().map_err(|e| format!("{}: the source renewed its settings, but they cannot be written: {e}", path.display()))
    }
}
