//! Timelines of a version that differs little from one whose timelines are kept. Only the groups that
//! a change touches are put together again, from what is kept of them and the rows that came and
//! went. All others stay as they are: people, opportunities and names keep their numbers, and new
//! ones come behind them.

mod changes;
mod kept;
mod local;
mod now;
mod touched;

use super::KINDS;
use super::assemble::{Assembled, Placer};
use super::chunk::{Chunk, Table, fields};
use super::columns::Texts;
use super::decode::{self, Role};
use super::merges::Merges;
use super::ordered::EventIds;
use super::parts::{Column, Part};
use super::place::{Cast, Decoded, Events, Known, NUMBERED, Numberings, columns};
use super::timelines::{Columns, Contents, Counted, Source, Timelines};
use super::vocab::{List, Vocabulary};
use crate::error::EngineError;
use crate::record::{Record, par};
use changes::{ACCOUNT, Changes, DEAL, PERSON, Read, strays, texts};
use datafusion::arrow::array::{Array, ArrayRef, StringArray, UInt32Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{HashMap, HashSet};
use kept::Kept;
use local::{Local, arranged};
use now::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use touched::{Guests, Touched};
use treaty_domain::timeline::NONE;

/// Timelines with patches of the chunks that a change touches.
pub struct Patch {
    /// Names, entities and contents; without chunks.
    pub timelines: Timelines,
    /// Patches by the numbers of their chunks.
    pub chunks: Vec<(usize, Chunk)>,
}

/// What events say of themselves: how many could not be placed.
fn lost(events: &Events) -> Counted {
    let sum = |parts: &[Part]| parts.iter().map(|p| p.lost).sum::<u64>();
    Counted {
        touchpoints: sum(&events.touches),
        activities: sum(&events.activities),
        stage_changes: sum(&events.stages[0]),
        handoffs: sum(&events.handoffs),
        contacts: events.lost_roles,
        field_changes: sum(&events.owners[0]) + sum(&events.owners[1]) + sum(&events.amounts),
        by_deal: events.by_deal,
        stages: Vec::new(),
    }
}

/// How often placed stage changes have each value.
fn stage_values(events: &Events) -> HashMap<Option<String>, u64> {
    let mut counts: HashMap<Option<String>, u64> = HashMap::new();
    for part in events.stages.iter().flatten() {
        let Some(Column::Named(_, texts)) = part.columns.get(1) else { continue };
        for i in part.runs.iter().flat_map(|r| r.from..r.to) {
            let value = texts.key(i as usize).map(|k| texts.texts.value(k).to_owned());
            *counts.entry(value).or_default() += 1;
        }
    }
    counts
}

/// Decodes rows of all tables of events, contact roles first.
fn decoded(rows: &Read, known: &Known, roles: &[Role]) -> Events {
    let mut events = Events { roles: roles.to_vec(), ..Events::default() };
    for table in NUMBERED.into_iter().filter(|t| !KINDS.contains(t)) {
        let roles = events.roles.clone();
        let all = rows.get(table).map_or(&[] as &[_], Vec::as_slice);
        events.take(all.iter().map(|(numbers, batch)| Decoded::of(table, numbers, batch, known, &roles)).collect());
    }
    events
}

/// Reads rows that had no place before among those that came; gives how many.
async fn found(record: &Record, version: u64, numberings: &Numberings, table: &'static str, rows: Vec<u32>, new: &mut Read) -> Result<u64, EngineError> {
    let come: HashSet<u32> = new[table].iter().flat_map(|(numbers, _)| numbers.values().to_vec()).collect();
    let rows: Vec<u32> = rows.into_iter().filter(|row| !come.contains(row)).collect();
    let read = record.pick(table, version, numberings.of(table), &rows, columns(table)).await?;
    new.entry(table).or_default().extend(read);
    Ok(rows.len() as u64)
}

/// Makes the timelines of a version from those of an older one; none when they differ in more than one
/// in `share` rows of a table, or in what cannot be told from changed rows.
///
/// # Errors
/// When the record cannot be read.
pub async fn patch(record: &Record, source: &Source, base: &Timelines, share: u64) -> Result<Option<Patch>, EngineError> {
    if !record.truth().is_empty() {
        return Ok(None);
    }
    let (v, merges) = (source.version, &source.merges);
    let numberings = base.contents.numberings.and(record, v).await?;
    let Some(mut changes) = Changes::read(record, source, base, &numberings, share).await? else { return Ok(None) };
    let mut now = Now::new(base)?;
    if !now.take(&changes, merges) {
        return Ok(None);
    }
    let before = &base.contents.counted;
    let mut were_lost = Counted::default();
    let mut new_ids = [now.new_ids(PERSON), now.new_ids(DEAL)];
    let has_new = new_ids.iter().any(|ids| !ids.is_empty());
    if before.contacts > 0 && has_new {
        let rows = strays(record, v, &numberings, "opportunity_contacts", &new_ids).await?;
        were_lost.contacts = found(record, v, &numberings, "opportunity_contacts", rows, &mut changes.new).await?;
        now = Now::new(base)?;
        now.take(&changes, merges);
    }
    // Of people who are one, each may have had the role that goes.
    let merged: HashSet<u32> = merges.of("person").filter_map(|(_, into)| now.kinds[PERSON].known.get(into).copied()).collect();
    let guests = Guests::of(base)?;
    let touched = Touched::new(&changes, &now, &guests);
    let (mut kept, without_touches) = par::blocking(|| Kept::of(base, &now, &touched, &guests, &changes.gone))?;
    let local = Local::new(&now, &touched, &kept.events.roles);
    local.placed(&mut kept.events);
    let (known, known_before) = (local.known(&now, false), local.known(&now, true));

    let old_roles = std::mem::take(&mut kept.events.roles);
    let gone = decoded(&changes.old, &known_before, &[]);
    if gone.roles.iter().any(|r| merged.contains(&local.people[r.person as usize])) {
        return Ok(None);
    }
    let gone_pairs: HashSet<(u32, u32)> = gone.roles.iter().map(|r| (r.opportunity, r.person)).collect();
    let stay: Vec<Role> = old_roles.iter().filter(|r| !gone_pairs.contains(&(r.opportunity, r.person))).copied().collect();
    // Roles are needed before activities can be decoded.
    let roles_of: Read = changes.new.remove_entry("opportunity_contacts").into_iter().collect();
    let with_roles = decoded(&roles_of, &known, &stay);
    let (roles, lost_roles) = (with_roles.roles, with_roles.lost_roles);
    changes.new.extend(roles_of.into_keys().map(|table| (table, Vec::new())));
    let mut gain: HashSet<u32> = HashSet::new();
    let changed: BTreeSet<u32> = roles.iter().chain(&old_roles).map(|r| r.opportunity).collect();
    for deal in changed {
        let (was, is) = (decode::primary(&old_roles, deal), decode::primary(&roles, deal));
        if was == NONE && is != NONE {
            gain.insert(local.deals[deal as usize]);
        } else if was != is && before.by_deal > 0 {
            return Ok(None);
        }
    }

    // What had no place before may have one now.
    let gained = now.kinds[DEAL].known.iter().filter(|(_, n)| gain.contains(*n)).map(|(id, _)| id.clone());
    let deals_alone = [new_ids[0].clone(), new_ids[1].iter().cloned().chain(gained).collect()];
    for (table, n, was) in [
        ("stage_changes", &mut were_lost.stage_changes, before.stage_changes),
        ("field_changes", &mut were_lost.field_changes, before.field_changes),
        ("handoffs", &mut were_lost.handoffs, before.handoffs),
        ("activities", &mut were_lost.activities, before.activities + before.by_deal),
        ("touchpoints", &mut were_lost.touchpoints, before.touchpoints),
    ] {
        let wanted = if table == "activities" { &deals_alone } else { &new_ids };
        if was > 0 && wanted.iter().any(|ids| !ids.is_empty()) {
            let rows = strays(record, v, &numberings, table, wanted).await?;
            let rows = match table {
                "activities" => of_nobody(record, v, &numberings, rows, &now, merges).await?,
                _ => Some(rows),
            };
            let Some(rows) = rows else { return Ok(None) };
            *n = found(record, v, &numberings, table, rows, &mut changes.new).await?;
        }
    }
    // Touches are kept of people with opportunities alone: those of others are read.
    let members = local.groups.iter().filter(|g| !g.opportunities.is_empty()).flat_map(|g| g.people.clone());
    let with_role = roles.iter().map(|r| r.person);
    let needing: HashSet<u32> = members.chain(with_role).map(|place| local.people[place as usize]).filter(|n| without_touches.contains(n)).collect();
    if !needing.is_empty() {
        // Their ids may not have been named by any change.
        let people = &mut now.kinds[PERSON];
        let own: HashMap<String, u32> = needing.iter().map(|n| (people.id(*n).to_owned(), *n)).collect();
        people.known.extend(merges.of("person").filter_map(|(from, into)| Some((from.to_owned(), *own.get(into)?))));
        people.known.extend(own);
        new_ids[0] = people.known.iter().filter(|(_, n)| needing.contains(*n)).map(|(id, _)| id.clone()).collect();
        let rows = strays(record, v, &numberings, "touchpoints", &new_ids).await?;
        found(record, v, &numberings, "touchpoints", rows, &mut changes.new).await?;
    }
    let known = local.known(&now, false);
    let come = decoded(&changes.new, &known, &roles);

    let mut counted = before.clone();
    let (went, came) = (lost(&decoded(&changes.old, &known_before, &old_roles)), Counted { contacts: lost_roles, ..lost(&come) });
    for (all, went, came, found) in [
        (&mut counted.touchpoints, went.touchpoints, came.touchpoints, were_lost.touchpoints),
        (&mut counted.activities, went.activities, came.activities, were_lost.activities),
        (&mut counted.stage_changes, went.stage_changes, came.stage_changes, were_lost.stage_changes),
        (&mut counted.handoffs, went.handoffs, came.handoffs, were_lost.handoffs),
        (&mut counted.contacts, went.contacts, came.contacts, were_lost.contacts),
        (&mut counted.field_changes, went.field_changes, came.field_changes, were_lost.field_changes),
    ] {
        *all = (*all + came).saturating_sub(went + found);
    }
    counted.by_deal += came.by_deal;
    let (went, came) = (stage_values(&gone), stage_values(&come));

    let mut events = kept.events;
    kept.events = Events::default();
    events.add(come);
    events.roles = roles;
    let numbers = [local.people.clone(), local.deals.clone()];
    let mut vocabulary = base.vocabulary.clone();
    vocabulary.add(&Cast::read(record, source.version).await?.names());
    let arranged = arranged(&now, local, &touched, &kept, &changes, &vocabulary)?;
    let placer = par::blocking(|| Placer::new(arranged, events, |met| met.settle(vocabulary), Some(numbers)))?;
    let stages = placer.vocabulary().of(List::Stages);
    for (values, sign) in [(&went, -1_i64), (&came, 1)] {
        for (value, n) in values {
            let at = value.as_ref().map_or(0, |v| stages.find(v).map_or(0, |p| p as usize + 1));
            if counted.stages.len() <= at {
                counted.stages.resize(at + 1, 0);
            }
            counted.stages[at] = counted.stages[at].saturating_add_signed(sign * i64::try_from(*n).unwrap_or(i64::MAX));
        }
    }

    let chunks = chunks(record, v, &numberings, base, &now, &touched, &placer).await?;
    let entities = entities(base, &now, &changes, placer.vocabulary())?;
    let suspects = crate::identity::suspects(&source.merge_rows).len() as u64;
    let contents = Contents { counted, suspects, cuts: base.contents.cuts.clone(), numberings, version: v, ..Contents::default() };
    let timelines = Timelines::new(placer.vocabulary().clone(), entities, contents);
    Ok(Some(Patch { timelines, chunks }))
}

/// Activities that had no place: they name no person that was known. None if one of them names an
/// opportunity, too, whose primary contact had it until now.
async fn of_nobody(record: &Record, v: u64, numberings: &Numberings, rows: Vec<u32>, now: &Now, merges: &Merges) -> Result<Option<Vec<u32>>, EngineError> {
    let named = record.pick("activities", v, numberings.of("activities"), &rows, &["person_id", "opportunity_id"]).await?;
    let people: HashSet<String> = texts(&named, "person_id").iter().map(|id| merges.canonical("person", id).to_owned()).collect();
    let known = now.kinds[PERSON].find(&people);
    let mut out = Vec::new();
    for (numbers, batch) in named {
        let (people, deals) = (Texts::of(&batch, "person_id"), Texts::of(&batch, "opportunity_id"));
        for i in 0..batch.num_rows() {
            let person = people.key(i).map(|k| people.texts.value(k));
            if person.is_some_and(|id| known.contains_key(merges.canonical("person", id))) {
                continue;
            }
            if person.is_some_and(|id| now.kinds[PERSON].number(id) != NONE) && deals.key(i).is_some() {
                return Ok(None);
            }
            out.push(numbers.value(i));
        }
    }
    out.sort_unstable();
    Ok(Some(out))
}

/// The patches of the chunks in which groups give way or come.
async fn chunks(
    record: &Record,
    version: u64,
    numberings: &Numberings,
    base: &Timelines,
    now: &Now,
    touched: &Touched,
    placer: &Placer,
) -> Result<Vec<(usize, Chunk)>, EngineError> {
    let cuts = &base.contents.cuts;
    let last = cuts.len().saturating_sub(2);
    let chunk_of = |group: u32| (cuts.partition_point(|c| *c <= group).saturating_sub(1)).min(last);
    let places: Vec<u32> = touched.homes.iter().map(|home| now.place(*home)).collect();
    let numbers: BTreeSet<usize> = places.iter().chain(&touched.dropped).map(|g| chunk_of(*g)).collect();
    let work: Vec<(usize, Range<usize>)> = numbers
        .into_iter()
        .map(|n| (n, places.partition_point(|g| chunk_of(*g) < n)..places.partition_point(|g| chunk_of(*g) <= n)))
        .collect();
    let assembled = par::blocking(|| par::try_map(work, |(n, groups)| Ok::<_, EngineError>((n, groups.clone(), placer.assemble(groups)?))))?;
    let ids = EventIds::read(record, version, numberings, assembled.iter().flat_map(|(_, _, c)| &c.lists)).await?;
    let list = |name: &'static str, numbers: Vec<u32>| -> Table {
        (name, fields(&[("group", DataType::UInt32)]), vec![Arc::new(UInt32Array::from(numbers))])
    };
    let finish = |(n, groups, chunk): (usize, Range<usize>, Assembled)| {
        let first = cuts[n];
        let before: Vec<u32> = places[groups].iter().map(|g| g - first).collect();
        let dropped: Vec<u32> = touched.dropped.range(first..cuts[n + 1]).map(|g| g - first).collect();
        Ok::<_, EngineError>((n, chunk.finish(&ids, vec![list("before", before), list("dropped", dropped)])?))
    };
    par::blocking(|| par::try_map(assembled, finish))
}

/// The columns of all entities: those of the base, with what changed, and new ones behind them.
fn entities(base: &Timelines, now: &Now, changes: &Changes, vocabulary: &Vocabulary) -> Result<BTreeMap<&'static str, Columns>, EngineError> {
    let mut out: BTreeMap<&'static str, Columns> = BTreeMap::new();
    for (kind, name) in KINDS.into_iter().enumerate() {
        let of = &now.kinds[kind];
        let column = |column: &str, changed: &HashMap<u32, u32>| -> Result<ArrayRef, EngineError> {
            let old = base.numbers(name, column)?;
            if changed.is_empty() && of.new.is_empty() {
                return Ok(Arc::new(old));
            }
            // No row and no number are the same; only rows can be missing.
            let mut all: Vec<u32> = (0..old.len()).map(|i| if old.is_valid(i) { old.value(i) } else { NONE }).collect();
            all.resize(all.len() + of.new.len(), NONE);
            changed.iter().for_each(|(n, value)| all[*n as usize] = *value);
            let there = (column == "row").then(|| NullBuffer::from_iter(all.iter().map(|row| *row != NONE)));
            Ok(Arc::new(UInt32Array::new(all.into(), there.filter(|t| t.null_count() > 0))))
        };
        let ids = base.entities(name, "id")?;
        let ids = if of.new.is_empty() {
            ids
        } else {
            let new: ArrayRef = Arc::new(StringArray::from_iter_values(&of.new));
            datafusion::arrow::compute::concat(&[ids.as_ref(), new.as_ref()])?
        };
        let mut columns: Columns = vec![("id", ids), ("row", column("row", &of.rows)?)];
        if kind != ACCOUNT {
            columns.push(("account", column("account", &of.account)?));
        }
        if kind == PERSON {
            let mut campaigns: HashMap<u32, u32> = HashMap::new();
            for (numbers, batch) in &changes.new[name] {
                let (ids, texts) = (Texts::of(batch, "person_id"), Texts::of(batch, "campaign_id"));
                for row in 0..batch.num_rows() {
                    let number = ids.key(row).map_or(NONE, |k| of.number(ids.texts.value(k)));
                    if of.rows.get(&number) == Some(&numbers.value(row)) {
                        let campaign = texts.key(row).and_then(|k| vocabulary.of(List::Campaigns).find(texts.texts.value(k)));
                        campaigns.insert(number, campaign.unwrap_or(NONE));
                    }
                }
            }
            columns.push(("campaign", column("campaign", &campaigns)?));
        }
        out.insert(name, columns);
    }
    // They speak of the base, whose groups a further patch starts from.
    for (name, member) in [("guests", "person"), ("guest_opportunities", "opportunity")] {
        out.insert(name, vec![("group", base.entities(name, "group")?), (member, base.entities(name, member)?)]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
