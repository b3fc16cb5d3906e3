//! `import` and `undo`: what goes into the record.

use super::{Outcome, log, now};
use crate::gather::{self, Native, Opened};
use crate::home::Home;
use crate::output;
use crate::progress::Bar;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use treaty_app::import::{ImportResult, Origin, Progress, Remark, SNAPSHOT_FIELDS, SnapshotMark};
use treaty_app::raw::Fault;
use treaty_domain::zone::{LocalDay, Micros, Zone};
use treaty_engine::pack::{self, LeftOut, PackQuery, TextFunction};
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming, Record};
use treaty_intake::messy::{self, DayFirst};
use treaty_intake::pack::{Detection, Found, Missing, NATIVE, Offer, Pack, Value, detect, left_out_note};

/// Why nothing was imported.
pub fn faults(all: &[Fault]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    format!("nothing was imported\n{}", lines.join("\n"))
}

/// Everything that an import reads, and what to note.
struct Input {
    incoming: Vec<Incoming>,
    notes: Vec<String>,
    /// What became of rows before they came to a table.
    origin: Origin,
    source: String,
    zone: Zone,
    /// Where to say what a stage of the source means, beside the agreement.
    stage_settings: Vec<String>,
    /// Fields whose history the pack wants to be made from states.
    history: Vec<String>,
}

/// That the rows show the state of things, and of when.
pub struct Snapshot {
    /// Day or instant; now if it is not said.
    pub at: Option<String>,
}

impl Snapshot {
    /// History is made of these fields, at that instant. A day means the end of it, or now while it runs.
    fn mark(self, zone: &Zone, fields: Vec<String>) -> Result<SnapshotMark, String> {
        let at = match self.at.as_deref() {
            None => now(),
            Some(text) => match (Micros::parse(text), text.parse::<jiff::civil::Date>()) {
                (Ok(instant), _) => instant,
                (_, Ok(day)) => zone.start_of_day(LocalDay::from(day).plus(1)).min(now()),
                _ => return Err(format!("--snapshot-at: `{text}` is neither a day such as 2026-06-30 nor an instant such as 2026-06-30T18:00:00Z")),
            },
        };
        if at > now() {
            return Err("--snapshot-at lies ahead: a snapshot shows what was".to_owned());
        }
        Ok(SnapshotMark { at: at.0, fields, rows: 0 })
    }
}

/// Imports files and reports on them. Exit code 1 when rows were refused.
pub async fn run(dir: &Path, paths: &[PathBuf], pack: Option<&str>, dry_run: bool, snapshot: Option<Snapshot>) -> Outcome {
    let home = Home::open(dir)?;
    let bar = Bar::new();
    let result = import(&home, paths, pack, dry_run, snapshot, &bar).await;
    bar.finish();
    let result = result?;
    output::put(&log::told(&result, dry_run), None)?;
    Ok(exit_code(&result))
}

/// 1 when rows were refused.
pub fn exit_code(result: &ImportResult) -> u8 {
    u8::from(result.tables.iter().any(|t| t.rejected > 0) || !result.faults.is_empty())
}

/// What reads the rows.
pub enum Choice {
    /// The pack that knows them.
    Detect,
    /// None: they are named like the tables of the record.
    Native,
    /// This one.
    Pack(Box<Pack>),
}

impl Choice {
    /// As the user said.
    ///
    /// # Errors
    /// Every fault of the pack.
    pub fn named(home: &Home, pack: Option<&str>) -> Result<Self, String> {
        match pack {
            None => Ok(Self::Detect),
            Some(NATIVE) => Ok(Self::Native),
            Some(pack) => home.pack(pack).map(|pack| Self::Pack(Box::new(pack))).map_err(|all| faults(&all)),
        }
    }
}

/// Imports files.
pub async fn import(
    home: &Home,
    paths: &[PathBuf],
    pack: Option<&str>,
    dry_run: bool,
    snapshot: Option<Snapshot>,
    progress: &dyn Progress,
) -> Result<ImportResult, String> {
    land(home, paths, Choice::named(home, pack)?, gather::shown(paths), dry_run, snapshot, progress).await
}

/// Reads files and puts their rows into the record; `what` is for its log.
pub async fn land(
    home: &Home,
    paths: &[PathBuf],
    choice: Choice,
    what: String,
    dry_run: bool,
    snapshot: Option<Snapshot>,
    progress: &dyn Progress,
) -> Result<ImportResult, String> {
    let record = home.record().await?;
    let opened = Opened::new(paths, progress).await?;
    let mut input = match choice {
        Choice::Native => by_name(home, opened, progress).await?,
        Choice::Pack(pack) => {
            let found = opened.found().await?;
            with_pack(home, *pack, opened, found, progress).await?
        }
        Choice::Detect => detected(home, opened, progress).await?,
    };
    // A pack knows best which history its system lacks; it asks for it itself.
    let fields = match (input.history.is_empty(), &snapshot) {
        (true, None) => Vec::new(),
        (true, Some(_)) => SNAPSHOT_FIELDS.map(str::to_owned).to_vec(),
        (false, _) => std::mem::take(&mut input.history),
    };
    if !fields.is_empty() {
        let snapshot = snapshot.unwrap_or(Snapshot { at: None });
        input.origin.snapshot = Some(snapshot.mark(&input.zone, fields)?);
    }
    let unknown: Mutex<BTreeSet<String>> = Mutex::default();
    let known = |stage: &str| {
        let known = home.set.meaning(stage).is_some();
        if !known && let Ok(mut unknown) = unknown.lock() {
            unknown.insert(format!("{stage:?}"));
        }
        known
    };
    let a = home.newest();
    let o = &a.outcomes;
    let stages: Vec<&str> = a
        .stages
        .iter()
        .map(|s| s.id.as_str())
        .chain([&o.won, &o.lost, &o.disqualified, &o.recycled].into_iter().flatten().map(String::as_str))
        .collect();
    let options = ImportOptions {
        at: now().0,
        what,
        source_name: input.source.clone(),
        zone: input.zone,
        dry_run,
        known_stage: &known,
        known_stages_help: format!("the agreement knows {}; {}", stages.join(", "), stage_help(&input.stage_settings)),
        origin: Origin { notes: input.notes, ..input.origin },
        at_once: AT_ONCE,
    };
    let by_pack = !options.origin.pack.is_empty();
    let mut result = record.import(input.incoming, options, progress).await.map_err(|e| e.to_string())?;
    let unknown = unknown.into_inner().unwrap_or_default();
    if !unknown.is_empty() {
        let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
        let help = stage_help(&input.stage_settings);
        result.notes.push(format!("stages that the agreement does not know, whose rows were refused: {names}; {help}, and import again"));
    }
    if by_pack && let Some(day) = result.faults.iter().find_map(|f| day_before_month(&f.reason)) {
        let help = "say [dates] day_first = \"detect\" in pack.toml, with the columns to look at, or day_first = true";
        result.notes.push(format!("dates such as {day} have the day before the month, but are read month first: {help}"));
    }
    super::identity::after_import(home, &mut result, input.source != "native").await?;
    if result.committed && record.refresh().await.is_ok() {
        progress.step("placing events", None);
        // The import has happened. What cannot be kept now is made by the next question.
        let prepared = treaty_engine::load::prepare(&record, &home.set, is_large(&record, &result).await).await;
        home.share(prepared.ok().flatten());
    }
    Ok(result)
}

/// Whether an import brought most of what the record holds. Then all timelines are made at once: several imports one after
/// the other that each bring much leave that to the next question.
async fn is_large(record: &Record, result: &ImportResult) -> bool {
    let mut rows = 0;
    for table in treaty_engine::record::table_names() {
        let files = record.files(table, record.version()).await.unwrap_or_default();
        rows += files.iter().map(|f| f.rows).sum::<u64>();
    }
    let brought: u64 = result.tables.iter().map(|t| t.written + t.changed).sum();
    brought * 2 >= rows
}

/// The date in quotes that was refused, if it is one with the day before the month only.
fn day_before_month(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once('"')?;
    let (text, _) = rest.split_once('"')?;
    let is = |order| messy::parse_date(text, order).is_some();
    (is(DayFirst::Yes) && !is(DayFirst::No)).then_some(text)
}

/// What to do about a stage that the agreement does not know.
fn stage_help(settings: &[String]) -> String {
    let aliases = "name others as aliases of a stage in agreement.toml";
    match settings.split_last() {
        None => aliases.to_owned(),
        Some((last, [])) => format!("{aliases}, or say what they mean under {last} in treaty.toml"),
        Some((last, others)) => format!("{aliases}, or say what they mean under {} or {last} in treaty.toml", others.join(", ")),
    }
}

/// The settings of a pack that give stages: tables one of whose values is a stage of the agreement.
fn stage_settings(home: &Home, pack: &Pack) -> Vec<String> {
    let stages = |pairs: &[(String, String)]| pairs.iter().any(|(_, stage)| home.set.meaning(stage).is_some());
    let of = pack.settings.iter().filter(|s| matches!(&s.value, Value::Map(pairs) if stages(pairs)));
    of.map(|s| format!("[packs.{}.{}]", pack.name, s.name)).collect()
}

async fn by_name(home: &Home, opened: Opened, progress: &dyn Progress) -> Result<Input, String> {
    let Native { incoming, notes } = gather::native(opened, progress).await?;
    Ok(Input { incoming, notes, origin: Origin::default(), source: "native".to_owned(), zone: home.import_zone(), history: Vec::new(), stage_settings: Vec::new() })
}

/// Imports by the pack that knows the files, or by the names of the files if they are tables of the record.
async fn detected(home: &Home, opened: Opened, progress: &dyn Progress) -> Result<Input, String> {
    let found = opened.found().await?;
    let packs = home.shelf().all().map_err(|all| faults(&all))?;
    let offers: Vec<Offer> = found.iter().map(|f| f.offer.clone()).collect();
    match detect(&packs, &offers) {
        Detection::One { best, .. } if best.pack == NATIVE => by_name(home, opened, progress).await,
        Detection::One { best, next } => {
            let pack = home.pack(&best.pack).map_err(|all| faults(&all))?;
            let mut input = with_pack(home, pack, opened, found, progress).await?;
            let next = next.map_or_else(|| "no other pack has a sign".to_owned(), |n| format!("next: {}", n.told()));
            input.notes.insert(0, format!("read with the pack {}; {next}", best.told()));
            Ok(input)
        }
        Detection::Several(scores) => {
            let told: Vec<String> = scores.iter().map(|s| format!("  {}", s.told())).collect();
            Err(format!(
                "nothing was imported\nthese files may be read in several ways; name one with --pack, or import the files of one \
                 system at a time (`--pack {NATIVE}` takes files that are named like the tables of the record)\n{}",
                told.join("\n")
            ))
        }
        Detection::None(_) if !systems(&packs, &opened.folders()).is_empty() => {
            let told = systems(&packs, &opened.folders()).join("\n");
            Err(format!("nothing was imported\nthere is a system in each of these folders; import them one at a time\n{told}"))
        }
        Detection::None(near) => by_name(home, opened, progress).await.map_err(|e| {
            let names: Vec<&str> = packs.iter().map(|p| p.name.as_str()).collect();
            let near: String = near.iter().map(|n| format!("\n  {n}")).collect();
            format!("{e}\nno pack knows these files either; there are {} (`treaty pack show NAME` says what each is known by){near}", names.join(", "))
        }),
    }
}

/// The folders that a pack knows, each with the pack and why.
fn systems(packs: &[Pack], folders: &[PathBuf]) -> Vec<String> {
    let known = |folder: &PathBuf| {
        let found = treaty_intake::pack::offers(std::slice::from_ref(folder)).ok()?;
        let offers: Vec<Offer> = found.into_iter().map(|f| f.offer).collect();
        match detect(packs, &offers) {
            Detection::One { best, .. } if best.pack != NATIVE => Some(format!("  {}: {}", folder.display(), best.pack)),
            _ => None,
        }
    };
    folders.iter().filter_map(known).collect()
}

async fn with_pack(home: &Home, pack: Pack, mut opened: Opened, found: Vec<Found>, progress: &dyn Progress) -> Result<Input, String> {
    let (files, left_out) = pack.match_found(found).map_err(|all| faults(&all))?;
    let mut notes = left_out_note(&left_out, &pack.name);
    let (tables, more) = opened.read(files, progress).await?;
    notes.extend(more);
    notes.extend(opened.close().await);
    let input = pack.fit(tables).map_err(|all| faults(&all))?;
    let place = |m: &Missing| m.column.as_ref().map_or_else(|| m.table.clone(), |c| format!("{}.{c}", m.table));
    let mut losses: Vec<Remark> = input.missing.iter().filter_map(|m| Some((place(m), m.text.clone()?))).collect();
    losses.extend(pack.losses.iter().map(|l| (l.what.clone(), l.text.clone())));
    let query = |q: &treaty_intake::pack::PackQuery| PackQuery { table: q.table.clone(), sql: q.sql.clone(), file: q.file.clone() };
    let views: Vec<PackQuery> = pack.views.iter().map(query).collect();
    let queries: Vec<PackQuery> = pack.queries.iter().map(query).collect();
    let left_out: Vec<LeftOut> =
        pack.left_out.iter().map(|l| LeftOut { text: format!("{}: {}", l.what, l.why), sql: l.sql.clone(), counted: l.counted }).collect();
    let unread: Vec<Fault> = input.tables.iter().flat_map(|t| t.faults.iter().cloned()).collect();
    let zone = match pack.time_zone.as_deref() {
        Some(zone) => Zone::new(zone).map_err(|e| format!("{}: time_zone: {e}", pack.origin))?,
        None => home.import_zone(),
    };
    progress.step(&format!("mapping by {}", pack.name), None);
    let stage_settings = stage_settings(home, &pack);
    let pack = Arc::new(pack);
    let functions = functions(input.day_first, &pack);
    let out = pack::run(input.tables, &views, &queries, &left_out, functions).await.map_err(|e| format!("nothing was imported\n{e}"))?;
    let origin = Origin {
        pack: pack.name.clone(),
        sources: out.sources,
        filtered: out.filtered,
        unread,
        losses,
        hints: pack.hints.iter().map(|l| (l.what.clone(), l.text.clone())).collect(),
        ..Origin::default()
    };
    notes.extend(input.notes);
    notes.extend(out.notes);
    notes.extend(pack.losses.iter().map(|l| format!("not in this source: {}: {}", l.what, l.text)));
    Ok(Input { incoming: out.incoming, notes, origin, source: pack.source.clone(), zone, history: pack.history.clone(), stage_settings })
}

/// A helper that makes a cell of a cell.
type CellHelper = Box<dyn Fn(&str) -> Option<Cow<'_, str>> + Send + Sync>;

/// The helpers of pack SQL.
fn functions(day_first: DayFirst, pack: &Arc<Pack>) -> Vec<TextFunction> {
    let text = |name, call: CellHelper| TextFunction {
        name,
        arguments: &[1],
        call: Arc::new(move |cells| Ok(cells[0].and_then(|cell| call(cell).map(Cow::into_owned)))),
    };
    let flag = |cell: &str| messy::parse_bool(cell);
    let pack = Arc::clone(pack);
    vec![
        text("messy_date", Box::new(move |t| messy::date_cell(t, day_first))),
        text("messy_timestamp", Box::new(move |t| messy::timestamp_cell(t, day_first))),
        text("messy_money", Box::new(messy::money_cell)),
        text("micros_money", Box::new(messy::micros_cell)),
        text("day_first_date", Box::new(|t| messy::date_cell(t, DayFirst::Yes))),
        text("messy_text", Box::new(|t| messy::normalise_blank(t).map(Cow::Borrowed))),
        text("messy_flag", Box::new(move |t| flag(t).map(|yes| Cow::Owned(yes.to_string())))),
        TextFunction {
            name: "any_yes",
            arguments: &[1, 2, 3, 4],
            call: Arc::new(move |cells| Ok(Some(cells.iter().flatten().any(|c| flag(c) == Some(true)).to_string()))),
        },
        TextFunction {
            name: "setting",
            arguments: &[1, 2],
            call: Arc::new(move |cells| match (cells[0], cells.get(1)) {
                (None, _) | (_, Some(None)) => Ok(None),
                (Some(name), key) => pack.setting(name, key.copied().flatten()),
            }),
        },
    ]
}

/// Takes back the newest import.
pub async fn undo(dir: &Path) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let (mut undone, mut version) = record.undo(now().0).await.map_err(|e| e.to_string())?;
    if record.log().iter().any(|e| e.version == undone && e.what.starts_with(super::identity::AFTER)) {
        // What identity made of an import goes with it.
        (undone, version) = record.undo(now().0).await.map_err(|e| e.to_string())?;
    }
    output::put(&format!("Took back version {undone}; the record is at version {version}. Nothing is lost: `treaty log` shows both.\n"), None)?;
    Ok(0)
}
