//! `identity`: who is who, and what people decide about it.

use super::query::{as_csv, grid};
use super::{Outcome, now};
use crate::args::{Format, IdentityCommand};
use crate::home::{AfterImport, Home};
use crate::output;
use std::path::Path;
use treaty_app::render::json::pretty;
use treaty_app::identity::{self as links, Link, Snapshot};
use treaty_app::import::{ImportResult, Origin, Silent};
use treaty_app::layout;
use treaty_app::render::format::count;
use treaty_engine::identity::read;
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming, Record};
use treaty_intake::identity::{Aside, Outcome as Found, decide, resolve, review};

/// Resolves, or does what is asked for.
pub async fn run(dir: &Path, what: Option<IdentityCommand>, dry_run: bool) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let snapshot = snapshot(&home, &record).await?;
    match what {
        None => {
            let found = resolve(&snapshot, &home.settings.identity.resolved());
            let mut text = summary(&found.links, dry_run) + "\n";
            found.notes.iter().for_each(|n| text.push_str(&format!("note: {n}\n")));
            if dry_run {
                found.links.iter().for_each(|l| text.push_str(&line(l)));
                text.push_str("Dry run: nothing was written.\n");
            } else {
                text.push_str(&version(write(&home, &record, &found.links, "identity").await?));
            }
            left(&found.aside).into_iter().for_each(|l| text.push_str(&format!("{l}\n")));
            output::put(&text, None)?;
            Ok(0)
        }
        Some(IdentityCommand::Review { limit, format }) => {
            let settings = home.settings.identity.resolved();
            let found = resolve(&snapshot, &settings);
            list(&review::review(&snapshot, &found, &settings), &found, limit, format)
        }
        Some(IdentityCommand::Quarantine { format }) => quarantine(&snapshot, format),
        Some(IdentityCommand::Merge { a, b }) => decided(&home, &record, decide::merge(&snapshot, &a, &b, now().0)?, dry_run, &format!("identity merge {a} {b}")).await,
        Some(IdentityCommand::Unmerge { a, b }) => decided(&home, &record, decide::unmerge(&snapshot, &a, &b, now().0)?, dry_run, &format!("identity unmerge {a} {b}")).await,
        Some(IdentityCommand::Clear { id }) => decided(&home, &record, decide::judge(&snapshot, &id, true, now().0)?, dry_run, &format!("identity clear {id}")).await,
        Some(IdentityCommand::Confirm { id }) => decided(&home, &record, decide::judge(&snapshot, &id, false, now().0)?, dry_run, &format!("identity confirm {id}")).await,
    }
}

/// Resolves after an import that changed people or accounts, if the settings say so, and adds to its result what was found.
pub async fn after_import(home: &Home, result: &mut ImportResult, from_elsewhere: bool) -> Result<(), String> {
    let wanted = match home.settings.identity.after_import {
        AfterImport::Packs => from_elsewhere,
        AfterImport::Always => true,
        AfterImport::Never => false,
    };
    let touched = result.tables.iter().any(|t| ["people", "accounts", "merges"].contains(&t.table.as_str()) && t.written + t.changed > 0);
    if !wanted || !result.committed || !touched {
        return Ok(());
    }
    let record = home.record().await?;
    let found = resolve(&snapshot(home, &record).await?, &home.settings.identity.resolved());
    if !found.links.is_empty() {
        // The import has landed, whatever comes now: another writer may have been quicker.
        match write(home, &record, &found.links, &format!("{AFTER} version {}", result.version)).await {
            Ok(written) => result.notes.push(format!("{}; record version {}", summary(&found.links, false), written.unwrap_or(result.version))),
            Err(e) => result.notes.push(format!("identity could not write what it found; `treaty identity` tries again: {e}")),
        }
    }
    result.notes.extend(found.notes.into_iter().chain(left(&found.aside)));
    Ok(())
}

/// How the log names what follows an import.
pub const AFTER: &str = "identity after";

async fn snapshot(home: &Home, record: &Record) -> Result<Snapshot, String> {
    let settings = home.settings.identity.resolved();
    read(record, record.version(), &|name| settings.reads(name)).await.map_err(|e| e.to_string())
}

async fn decided(home: &Home, record: &Record, links: Vec<Link>, dry_run: bool, what: &str) -> Outcome {
    let mut text: String = links.iter().map(line).collect();
    if dry_run {
        text.push_str("Dry run: nothing was written.\n");
    } else {
        text.push_str(&version(write(home, record, &links, what).await?));
    }
    output::put(&text, None)?;
    Ok(0)
}

/// Imports links. Returns the version that has them, if there are any.
async fn write(home: &Home, record: &Record, found: &[Link], what: &str) -> Result<Option<u64>, String> {
    let Some(table) = layout::table("merges").filter(|_| !found.is_empty()) else { return Ok(None) };
    let options = ImportOptions {
        at: now().0,
        what: what.to_owned(),
        source_name: links::SOURCE.to_owned(),
        zone: home.import_zone(),
        dry_run: false,
        known_stage: &|_| false,
        known_stages_help: String::new(),
        origin: Origin::default(),
        at_once: AT_ONCE,
    };
    let result = record.import(vec![Incoming::Text { table, raw: links::rows(found) }], options, &Silent).await.map_err(|e| e.to_string())?;
    if let Some(fault) = result.faults.first() {
        return Err(format!("identity found {} rows that the record refuses; the first: {fault}", result.faults.len()));
    }
    Ok(Some(result.version))
}

fn version(written: Option<u64>) -> String {
    written.map(|v| format!("Record version {v}.\n")).unwrap_or_default()
}

fn n(x: usize) -> String {
    count(i64::try_from(x).unwrap_or(i64::MAX))
}

/// What was found, in a line.
fn summary(found: &[Link], dry_run: bool) -> String {
    let of = |kind: &str, from: &str| found.iter().filter(|l| l.kind == kind && l.into != l.from && l.why.starts_with(from)).count();
    let merged = [("id ", "by id"), ("e-mail", "by e-mail"), ("phone", "by phone and name")];
    let parts: Vec<String> =
        merged.iter().map(|(start, how)| (of(links::PERSON, start), how)).filter(|(n, _)| *n > 0).map(|(count, how)| format!("{} {how}", n(count))).collect();
    let (people, accounts) = (of(links::PERSON, ""), of(links::ACCOUNT, ""));
    let detail = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let suspects = found.iter().filter(|l| l.kind == links::QUARANTINE && l.into == links::QUARANTINE).count();
    format!(
        "identity: {} people {}merged into others{detail}, {} accounts, {} people placed in an account by their domain, {} in quarantine",
        n(people),
        if dry_run { "would be " } else { "" },
        n(accounts),
        n(of(links::MEMBER, "")),
        n(suspects)
    )
}

fn line(link: &Link) -> String {
    format!("{:<10} {} -> {}   {}\n", link.kind, link.from, link.into, link.why)
}

fn left(aside: &[Aside]) -> Option<String> {
    (!aside.is_empty()).then(|| format!("{} keys were not followed, because what they say is not certain: `treaty identity review` lists them", n(aside.len())))
}

fn list(review: &review::Review, found: &Found, limit: usize, format: Format) -> Outcome {
    let names: Vec<String> = ["kind", "probability", "weight", "a", "b", "why"].map(str::to_owned).to_vec();
    let mut rows: Vec<Vec<String>> = found
        .aside
        .iter()
        .map(|s| {
            let (first, rest) = s.ids.split_first().map_or((String::new(), String::new()), |(f, r)| (f.clone(), r.join(" ")));
            vec![format!("{} key", s.kind), String::new(), String::new(), first, rest, format!("{}: {}", s.key, s.why)]
        })
        .collect();
    rows.extend(review.pairs.iter().take(limit).map(|p| {
        vec!["pair".to_owned(), format!("{:.3}", p.probability), format!("{:.2}", p.weight), p.a.clone(), p.b.clone(), p.why.clone()]
    }));
    let mut text = shown(&names, &rows, format)?;
    if format == Format::Table {
        let more = review.pairs.len().saturating_sub(limit);
        if more > 0 {
            text.push_str(&format!("… and {} more pairs (--limit)\n", n(more)));
        }
        review.notes.iter().for_each(|note| text.push_str(&format!("note: not compared: {note}\n")));
        text.push_str("`treaty identity merge A B` makes them one; `treaty identity unmerge A B` keeps them apart and off this list.\n");
    }
    output::put(&text, None)?;
    Ok(0)
}

fn quarantine(snapshot: &Snapshot, format: Format) -> Outcome {
    let people = &snapshot.people;
    let names: Vec<String> = ["person_id", "name", "email", "why"].map(str::to_owned).to_vec();
    let suspects: std::collections::BTreeMap<&str, &str> = decide::open_suspects(&snapshot.links).into_iter().collect();
    let mut rows: Vec<Vec<String>> = (0..people.len())
        .filter_map(|i| {
            let id = people.id.get(i)?;
            let why = suspects.get(id)?;
            let cell = |c: Option<&str>| c.unwrap_or_default().to_owned();
            Some(vec![id.to_owned(), cell(people.name.get(i)), cell(people.email.get(i)), (*why).to_owned()])
        })
        .collect();
    rows.sort();
    let mut text = shown(&names, &rows, format)?;
    if format == Format::Table {
        text.push_str(&format!(
            "{} in quarantine. They are kept and counted; --where \"quarantined = 'no'\" leaves them out. `treaty identity clear ID` says that one is real, `confirm ID` that it is a fake.\n",
            n(rows.len())
        ));
    }
    output::put(&text, None)?;
    Ok(0)
}

fn shown(names: &[String], rows: &[Vec<String>], format: Format) -> Result<String, String> {
    match format {
        Format::Table => Ok(grid(names, rows)),
        Format::Csv => as_csv(names, &rows.iter().map(|r| r.iter().map(|c| Some(c.clone())).collect()).collect::<Vec<_>>()),
        Format::Json => {
            let list: Vec<serde_json::Value> =
                rows.iter().map(|r| names.iter().cloned().zip(r.iter().cloned().map(serde_json::Value::from)).collect::<serde_json::Map<_, _>>().into()).collect();
            Ok(pretty(&list))
        }
        Format::Parquet | Format::Html => Err("this list is shown as table, csv or json".to_owned()),
    }
}
