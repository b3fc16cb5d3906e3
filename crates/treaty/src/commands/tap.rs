//! `import --tap`: runs a tap, then imports what it gave together with what is kept of its earlier runs.

use super::import::{self, Choice, Snapshot};
use super::log;
use super::{Outcome, now};
use crate::home::{Home, place};
use crate::output;
use crate::progress::Bar;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};
use treaty_app::import::{ImportResult, Progress};
use treaty_app::layout;
use treaty_app::render::format::count;
use treaty_intake::pack::{Detection, NATIVE, Offer, detect};
use treaty_intake::tap::{self, Count, Kept, Merged, command};

/// What is asked.
pub struct Request<'a> {
    /// Command line of the tap.
    pub command: &'a str,
    /// Name under which its state is kept; from the command by default.
    pub name: Option<&'a str>,
    /// Pack that reads its streams; without it, the one that knows them.
    pub pack: Option<&'a str>,
    /// Say what would happen and write nothing.
    pub dry_run: bool,
    /// The rows show the state of things: make history from what changed.
    pub snapshot: bool,
}

/// Runs a tap and imports its rows. Exit code 1 when rows were refused.
pub async fn run(dir: &Path, request: &Request<'_>) -> Outcome {
    let home = Home::open(dir)?;
    let bar = Bar::new();
    let result = import(&home, request, &bar).await;
    bar.finish();
    let result = result?;
    output::put(&log::told(&result, request.dry_run), None)?;
    Ok(import::exit_code(&result))
}

async fn import(home: &Home, request: &Request<'_>, progress: &dyn Progress) -> Result<ImportResult, String> {
    let words = command::split(request.command).map_err(|e| format!("the command of the tap cannot be read: {e}"))?;
    let name = match request.name {
        Some(name) => command::check_name(name).map(|()| name.to_owned())?,
        None => command::name_of(&words),
    };
    let choice = Choice::named(home, request.pack)?;
    let kept = Kept::open(&home.dir.join("taps"), &name)?;
    let mark = mark(&words);
    if request.name.is_none() && kept.command.as_ref().is_some_and(|old| *old != mark) {
        return Err(format!(
            "nothing was imported: the state of {name} belongs to another command. If this is another source, give it a name of its own \
             (--name); if only the command changed, say --name {name}"
        ));
    }
    let failed = |e: String| format!("nothing was imported, and the state of {name} is as it was\n{e}");
    let before = SystemTime::now().checked_sub(Duration::from_secs(2)).unwrap_or(SystemTime::UNIX_EPOCH);
    let gathered = tokio::task::block_in_place(|| gather(home, &kept, &words, &name, choice, progress));
    let Gathered { merged, mut choice, mut notes } = gathered.map_err(|e| {
        let _ = fs::remove_dir_all(kept.dir().join("run"));
        failed(e)
    })?;
    if let Choice::Pack(pack) = &mut choice {
        merged.empty.iter().for_each(|stream| pack.excuse(stream));
    }
    let what = format!("tap {name}");
    let snapshot = request.snapshot.then_some(Snapshot { at: None });
    let imported = import::land(home, std::slice::from_ref(&merged.dir), choice, what, request.dry_run, snapshot, progress).await;
    let mut result = match imported {
        Ok(result) => result,
        Err(e) => {
            kept.abandon();
            return Err(failed(e));
        }
    };
    notes.extend(merged.counts.iter().map(|c| told(&name, c)));
    result.notes.splice(0..0, notes);
    let refused = !result.committed && result.tables.iter().all(|t| t.rejected == t.read) && result.tables.iter().any(|t| t.read > 0);
    if request.dry_run || refused {
        kept.abandon();
        return Ok(result);
    }
    progress.step("keeping the state", None);
    // The state may say that rows are here only when they are on the disk, whatever happens to the machine.
    // An object store says that it has them when it does.
    if let Some(folder) = place(&home.dir, home.settings.record.at.as_deref())?.as_folder() {
        to_disk(folder, before).map_err(|e| failed(format!("the record cannot be written to the disk: {e}")))?;
    }
    kept.commit(merged, &mark)?;
    Ok(result)
}

/// What a run gave, and what reads it.
struct Gathered {
    merged: Merged,
    choice: Choice,
    notes: Vec<String>,
}

/// Runs the tap, and lays its rows over those of earlier runs.
fn gather(home: &Home, kept: &Kept, words: &[String], name: &str, choice: Choice, progress: &dyn Progress) -> Result<Gathered, String> {
    kept.run_dir()?;
    let tap = tap::ask(words, kept, progress)?;
    let (choice, note) = match choice {
        Choice::Detect => known(home, &tap.streams())?,
        named => (named, None),
    };
    let wanted = |stream: &str| match &choice {
        Choice::Pack(pack) => pack.reads_stream(stream),
        Choice::Native => layout::table(stream).is_some(),
        Choice::Detect => true,
    };
    let plan = tap.choose(kept, &wanted)?;
    let harvest = plan.run(name, kept, progress)?;
    progress.step("merging with earlier runs", None);
    let at = jiff::Timestamp::from_microsecond(now().0).map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let merged = kept.merge(&harvest, plan.whole(), &at)?;
    let mut notes: Vec<String> = note.into_iter().chain(harvest.notes).collect();
    let silent = plan.wanted().iter().filter(|s| !harvest.streams.contains_key(*s));
    notes.extend(silent.map(|s| format!("{name}: {s} was asked for, but the tap did not send it; look into {}", kept.dir().join("log.txt").display())));
    Ok(Gathered { merged, choice, notes })
}

/// The pack that knows the streams of a tap.
fn known(home: &Home, streams: &[(String, Vec<String>)]) -> Result<(Choice, Option<String>), String> {
    if streams.is_empty() {
        return Ok((Choice::Detect, None));
    }
    let packs = home.shelf().all().map_err(|all| import::faults(&all))?;
    let offers: Vec<Offer> = streams.iter().map(|(name, columns)| Offer::new(name, columns.clone())).collect();
    match detect(&packs, &offers) {
        Detection::One { best, .. } if best.pack != NATIVE => {
            Ok((Choice::named(home, Some(&best.pack))?, Some(format!("read with the pack {}", best.told()))))
        }
        Detection::Several(scores) => {
            let told: Vec<String> = scores.iter().map(|s| format!("  {}", s.told())).collect();
            Err(format!("its streams may be read in several ways; name one with --pack\n{}", told.join("\n")))
        }
        Detection::One { .. } | Detection::None(_) => Ok((Choice::Native, None)),
    }
}

/// What became of the rows of a stream, in words.
fn told(name: &str, c: &Count) -> String {
    let n = |x: u64| count(i64::try_from(x).unwrap_or(i64::MAX));
    let mut parts = Vec::new();
    for (rows, what) in [
        (c.repeated, "of them sent again and kept once"),
        (c.replaced, "of earlier runs replaced"),
        (c.kept, "of earlier runs kept"),
        (c.deleted, "no longer in the source and marked so"),
    ] {
        if rows > 0 {
            parts.push(format!(", {} {what}", n(rows)));
        }
    }
    format!("{name}: {}: {} rows read{}", c.stream, n(c.read), parts.concat())
}

/// A mark of a command that does not give away what may be secret in it.
fn mark(words: &[String]) -> String {
    let bytes = words.iter().flat_map(|w| w.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// Makes sure that what was written since a time has reached the disk.
fn to_disk(folder: &Path, since: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let about = fs::symlink_metadata(&path)?;
        if about.is_dir() {
            to_disk(&path, since)?;
        } else if about.is_file() && about.modified()? >= since {
            File::open(&path)?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
