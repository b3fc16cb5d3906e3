//! `events` and `import --journal`: what is posted goes into the journal, and from there into the record.

use super::{Outcome, now};
use crate::home::Home;
use crate::output;
use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use treaty_app::import::{ImportResult, Origin, Silent};
use treaty_app::layout;
use treaty_engine::identity::cells;
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming};
use treaty_intake::events::rows::{Gathered, Stored};
use treaty_intake::events::{Received, SOURCE, parse};
use treaty_intake::journal::{self, Journal};

/// Folder of the journal in a home.
const JOURNAL: &str = "journal";

/// Segments of one import.
const ROUND: usize = 8;

/// Takes bodies from standard input. For each line a line is printed: `ok` and the line's number when it is safe,
/// `refused`, the number and the reasons when it cannot be read. Exit code 1 when one was refused.
pub fn take(dir: &Path, writers: usize) -> Outcome {
    let home = Home::open(dir)?;
    let folder = home.dir.join(JOURNAL);
    let journal = Journal::open(&folder).map_err(|e| format!("{} cannot be used: {e}", folder.display()))?;
    let (sender, receiver) = mpsc::sync_channel::<(u64, String)>(writers * 4);
    let (receiver, refused) = (Mutex::new(receiver), Mutex::new(false));
    let one = || -> Result<(), String> {
        loop {
            let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, line)) = next else { return Ok(()) };
            let body = Received::plain(now().0, line.as_bytes());
            let answer = match parse(&body) {
                Ok(_) => {
                    journal.append(&body.encode()).map_err(|e| e.to_string())?;
                    format!("ok {number}\n")
                }
                Err(faults) => {
                    *refused.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    format!("refused {number}: {}\n", faults.join("; "))
                }
            };
            let mut out = std::io::stdout().lock();
            out.write_all(answer.as_bytes()).and_then(|()| out.flush()).map_err(|e| format!("the answer cannot be written: {e}"))?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers.max(1)).map(|_| scope.spawn(one)).collect();
        let mut failed = None;
        for (line, number) in std::io::stdin().lock().lines().zip(1..) {
            let sent = line.map_err(|e| format!("standard input cannot be read: {e}")).and_then(|line| {
                if line.trim().is_empty() { Ok(()) } else { sender.send((number, line)).map_err(|_| "the writers have stopped".to_owned()) }
            });
            if let Err(e) = sent {
                failed = Some(e);
                break;
            }
        }
        drop(sender);
        for thread in threads {
            let done = thread.join().unwrap_or_else(|_| Err("a writer stopped; this is a defect of Treaty".to_owned()));
            failed = done.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    })?;
    Ok(u8::from(refused.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Imports what the journal holds, and removes a segment once its rows are in the record.
pub async fn import(dir: &Path, dry_run: bool) -> Outcome {
    let home = Home::open(dir)?;
    let folder = home.dir.join(JOURNAL);
    let segments = journal::closed_segments(&folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
    if segments.is_empty() {
        output::put("The journal is empty.\n", None)?;
        return Ok(0);
    }
    let mut code = 0;
    for round in segments.chunks(ROUND) {
        code = code.max(import_round(&home, round, dry_run).await?);
    }
    Ok(code)
}

async fn import_round(home: &Home, segments: &[PathBuf], dry_run: bool) -> Outcome {
    let record = home.record().await?;
    let (mut gathered, mut seen) = (Gathered::default(), BTreeSet::new());
    let (mut bodies, mut torn, mut unread) = (0u64, 0u64, Vec::new());
    for path in segments {
        let segment = journal::read_segment(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        torn += segment.torn;
        for frame in segment.frames {
            bodies += 1;
            let read = Received::decode(&frame).ok_or_else(|| vec!["it is not as Treaty writes it".to_owned()]).and_then(|r| parse(&r));
            match read {
                Ok(messages) => messages.into_iter().for_each(|m| gathered.add(m, &mut seen)),
                Err(faults) => unread.push(format!("{}: {}", path.display(), faults.join("; "))),
            }
        }
    }
    let mut stored = Stored::new();
    for table in ["people", "accounts"] {
        stored.extend(cells(&record, record.version(), table, &gathered.ids(table)).await.map_err(|e| e.to_string())?);
    }
    let tables = gathered.tables(&stored);
    let incoming: Vec<Incoming> =
        tables.into_iter().filter_map(|raw| Some(Incoming::Text { table: layout::table(&raw.name)?, raw })).collect();
    let known = |stage: &str| home.set.meaning(stage).is_some();
    let options = ImportOptions {
        at: now().0,
        what: format!("{bodies} bodies of the journal"),
        source_name: SOURCE.to_owned(),
        zone: home.import_zone(),
        dry_run,
        known_stage: &known,
        known_stages_help: String::new(),
        origin: Origin::default(),
        at_once: AT_ONCE,
    };
    let mut result = record.import(incoming, options, &Silent).await.map_err(|e| e.to_string())?;
    say(&mut result, &gathered, bodies, torn, &unread);
    let whole = result.faults.is_empty() && unread.is_empty();
    if !dry_run && whole {
        journal::remove(segments).map_err(|e| format!("the rows are in the record, but a segment cannot be removed: {e}; import the journal again, nothing comes twice"))?;
    } else if !dry_run {
        for path in segments {
            let kept = journal::set_aside(path).map_err(|e| format!("{} cannot be put aside: {e}", path.display()))?;
            result.notes.push(format!("{} holds events that the record refused; it is kept", kept.display()));
        }
    }
    super::identity::after_import(home, &mut result, true).await?;
    output::put(&super::log::told(&result, dry_run), None)?;
    Ok(u8::from(!whole))
}

fn say(result: &mut ImportResult, gathered: &Gathered, bodies: u64, torn: u64, unread: &[String]) {
    let passed: u64 = gathered.passed_over.values().sum();
    let mut notes = vec![format!("{bodies} bodies with {} events, {} of them repeated and {passed} passed over", gathered.messages.len() as u64 + gathered.repeated, gathered.repeated)];
    notes.extend(gathered.passed_over.iter().map(|(reason, n)| format!("{n} passed over: {reason}")));
    if torn > 0 {
        notes.push(format!("{torn} bytes were being written when a process died; they were never acknowledged"));
    }
    notes.extend(unread.iter().map(|u| format!("a body cannot be read any more: {u}")));
    result.notes.splice(0..0, notes);
}
