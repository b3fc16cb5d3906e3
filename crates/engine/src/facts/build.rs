//! Fact rows as Arrow tables.

use super::dims::{Dims, keyed, pick};
use super::subjects::{self, Subjects};
use crate::error::EngineError;
use crate::load::{World, touchpoint_id};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use std::sync::Arc;
use treaty_domain::agreement::MODELS;
use treaty_domain::facts::{Collected, Origin, Status};
use treaty_domain::timeline::{Decision, NONE};
use treaty_domain::zone::{Micros, Zone};

/// Tables of one chunk, in a fixed order.
pub type Batches = Vec<(&'static str, RecordBatch)>;

pub(super) type Columns = Vec<(&'static str, ArrayRef)>;

pub(super) fn instants(at: impl Iterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(at.map(|t| t.map(|t| t.0)).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

pub(super) fn days(zone: &Zone, at: impl Iterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(at.map(|t| t.map(|t| zone.local_day(t).0)).collect::<Date32Array>())
}

pub(super) fn ints(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

pub(super) fn small(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Int32Array>())
}

pub(super) fn flags(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(values.map(Some)))
}

/// A dictionary column of a few fixed words.
pub(super) fn words<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef, EngineError> {
    let mut list: Vec<&'a str> = Vec::new();
    let numbers: Vec<u32> = values
        .map(|w| match w {
            None => NONE,
            Some(w) => list.iter().position(|l| *l == w).unwrap_or_else(|| {
                list.push(w);
                list.len() - 1
            }) as u32,
        })
        .collect();
    keyed(&StringArray::from(list), numbers.into_iter())
}

pub(super) fn batch(columns: Columns) -> Result<RecordBatch, EngineError> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?)
}

/// Turns the facts of one chunk into tables.
pub fn batches(c: &Collected, world: &World, dims: &Dims) -> Result<Batches, EngineError> {
    Ok(vec![
        ("leads", leads(c, world, dims)?),
        ("stage_visits", visits(c, world, dims)?),
        ("opportunities", opportunities(c, world, dims)?),
        ("handoffs", handoffs(c, world, dims)?),
        ("sla_clocks", clocks(c, world, dims)?),
        ("influences", influences(c, world, dims)?),
        ("credits", credits(c, world, dims)?),
    ])
}

/// Bucket of A8 for whole days since the last activity.
pub fn age_bucket(days: Option<i32>) -> &'static str {
    match days {
        None => "no_activity",
        Some(..=7) => "d0_7",
        Some(8..=15) => "d8_15",
        Some(16..=30) => "d16_30",
        Some(31..=60) => "d31_60",
        Some(61..=120) => "d61_120",
        Some(121..) => "d121_plus",
    }
}

fn leads(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.leads;
    let zone = &world.context.zone;
    let last = Micros(world.context.as_of.0 - 1);
    let people: Vec<u32> = f.iter().map(|l| l.person).collect();
    let opportunity: Vec<u32> = f.iter().map(|l| l.opportunity).collect();
    let since: Vec<Option<i32>> = f.iter().map(|l| l.last_activity_at.map(|at| zone.days_between(at, last))).collect();
    let mut out: Columns = vec![
        ("lead_id", subjects::lead_ids(&dims.person_id, f.iter().map(|l| (l.person, l.attempt)))),
        ("person_id", pick(&dims.person_id, &people)?),
        ("attempt", small(f.iter().map(|l| Some(i32::from(l.attempt))))),
        ("origin", words(f.iter().map(|l| Some(if l.origin == Origin::New { "new" } else { "recycled" })))?),
        ("owner_id", dims.users(f.iter().map(|l| l.owner))?),
    ];
    Subjects::people(dims, &people)?.append(&mut out);
    out.extend([
        ("created_at", instants(f.iter().map(|l| Some(l.started_at)))),
        ("created_on", days(zone, f.iter().map(|l| Some(l.started_at)))),
        ("status", words(f.iter().map(|l| Some(l.status.word())))?),
        ("stage", dims.stage(f.iter().map(|l| l.stage))?),
        ("top", small(f.iter().map(|l| Some(i32::from(l.top))))),
        ("is_open", flags(f.iter().map(|l| l.status == Status::Open))),
        ("passed_at", instants(f.iter().map(|l| l.passed_at))),
        ("passed", flags(f.iter().map(|l| l.passed_at.is_some()))),
        ("decided", flags(f.iter().map(|l| l.decided))),
        ("accepted", flags(f.iter().map(|l| l.accepted_at.is_some()))),
        ("accepted_at", instants(f.iter().map(|l| l.accepted_at))),
        ("accepted_value", ints(f.iter().map(|l| l.accepted_value))),
        ("converted", flags(f.iter().map(|l| l.converted_at.is_some()))),
        ("converted_at", instants(f.iter().map(|l| l.converted_at))),
        ("opportunity_id", pick(&dims.opportunity_id, &opportunity)?),
        ("opportunities", ints(f.iter().map(|l| Some(i64::from(l.opportunities))))),
        ("reached_pipeline", flags(f.iter().map(|l| l.pipeline_at.is_some()))),
        ("pipeline_at", instants(f.iter().map(|l| l.pipeline_at))),
        ("won", flags(f.iter().map(|l| l.won_at.is_some()))),
        ("won_at", instants(f.iter().map(|l| l.won_at))),
        ("won_amount", ints(f.iter().map(|l| Some(l.won_amount)))),
        ("days_to_close", small(f.iter().map(|l| l.won_at.map(|at| zone.days_between(l.started_at, at))))),
        ("ended_at", instants(f.iter().map(|l| l.ended_at))),
        ("ended_on", days(zone, f.iter().map(|l| l.ended_at))),
        ("exempt", flags(f.iter().map(|l| l.exempt))),
        ("activities", ints(f.iter().map(|l| Some(i64::from(l.activities))))),
        ("attempts", ints(f.iter().map(|l| Some(i64::from(l.attempts))))),
        ("last_activity_at", instants(f.iter().map(|l| l.last_activity_at))),
        ("days_since_activity", small(since.iter().copied())),
        ("age_bucket", words(since.iter().map(|d| Some(age_bucket(*d))))?),
        ("base", words(f.iter().map(|l| Some(l.base.word())))?),
        ("is_name", flags(f.iter().map(|l| l.counts_as_name))),
    ]);
    batch(out)
}

fn visits(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.visits;
    let zone = &world.context.zone;
    let terms = world.context.now();
    let mut out: Columns = vec![
        ("subject_type", words(f.iter().map(|v| Some(if v.is_lead { "lead" } else { "opportunity" })))?),
        ("subject_id", subjects::visit_ids(dims, f)),
    ];
    Subjects::visits(dims, f)?.append(&mut out);
    out.extend([
        ("started_at", instants(f.iter().map(|v| Some(v.started_at)))),
        ("started_on", days(zone, f.iter().map(|v| Some(v.started_at)))),
        ("stage", dims.stage(f.iter().map(|v| v.stage))?),
        ("rank", small(f.iter().map(|v| Some(i32::from(v.stage))))),
        ("reached_at", instants(f.iter().map(|v| Some(v.reached_at)))),
        ("reached_on", days(zone, f.iter().map(|v| Some(v.reached_at)))),
        ("implied", flags(f.iter().map(|v| v.implied))),
        ("days_from_previous", small(f.iter().map(|v| v.days_from_previous))),
        ("dwell_days", small(f.iter().map(|v| v.dwell_days))),
        ("is_current", flags(f.iter().map(|v| v.is_current))),
        ("is_won", flags(f.iter().map(|v| v.stage == terms.stages))),
        ("regressions", small(f.iter().map(|v| Some(i32::from(v.regressions))))),
        ("gate", words(f.iter().map(|v| Some(v.gate.word())))?),
        ("overridden", flags(f.iter().map(|v| v.overridden))),
        ("leaked", flags(f.iter().map(subjects::leaked))),
    ]);
    batch(out)
}

fn opportunities(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.opportunities;
    let zone = &world.context.zone;
    let numbers: Vec<u32> = f.iter().map(|o| o.opportunity).collect();
    let people: Vec<u32> = f.iter().map(|o| o.person).collect();
    let closed = |o: &treaty_domain::facts::OpportunityFact| o.won_at.or(o.lost_at);
    let mut out: Columns = vec![
        ("opportunity_id", pick(&dims.opportunity_id, &numbers)?),
        ("person_id", pick(&dims.person_id, &people)?),
        ("lead_id", subjects::lead_ids(&dims.person_id, f.iter().map(|o| (o.person, o.attempt)))),
        ("owner_id", dims.users(f.iter().map(|o| o.owner))?),
        ("campaign_id", dims.campaigns(f.iter().map(|o| o.source_campaign))?),
    ];
    Subjects::opportunities(dims, &numbers, &people)?.append(&mut out);
    out.extend([
        ("source_channel", pick(&dims.channel, &f.iter().map(|o| o.source_campaign).collect::<Vec<_>>())?),
        ("source_origin", pick(&dims.origin, &f.iter().map(|o| o.source_campaign).collect::<Vec<_>>())?),
        ("status", words(f.iter().map(|o| Some(o.status.word())))?),
        ("stage", dims.stage(f.iter().map(|o| o.stage))?),
        ("top", small(f.iter().map(|o| Some(i32::from(o.top))))),
        ("is_open", flags(f.iter().map(|o| o.status == Status::Open))),
        ("created_at", instants(f.iter().map(|o| Some(o.created_at)))),
        ("created_on", days(zone, f.iter().map(|o| Some(o.created_at)))),
        ("amount", ints(f.iter().map(|o| o.amount))),
        ("rate_missing", flags(f.iter().map(|o| o.rate_missing))),
        ("won", flags(f.iter().map(|o| o.won_at.is_some()))),
        ("won_at", instants(f.iter().map(|o| o.won_at))),
        ("won_on", days(zone, f.iter().map(|o| o.won_at))),
        ("lost_at", instants(f.iter().map(|o| o.lost_at))),
        ("closed_on", days(zone, f.iter().map(closed))),
        ("recycled_at", instants(f.iter().map(|o| o.recycled_at))),
        ("age_days", small(f.iter().map(|o| Some(o.age_days)))),
        ("lost_days", small(f.iter().map(|o| o.lost_at.map(|at| zone.days_between(o.created_at, at))))),
        ("reopened", small(f.iter().map(|o| Some(i32::from(o.reopened))))),
        ("counts", flags(f.iter().map(|o| o.counts))),
        ("contacts", ints(f.iter().map(|o| Some(i64::from(o.contacts))))),
        ("path_touches", ints(f.iter().map(|o| Some(i64::from(o.path_touches))))),
        ("base", words(f.iter().map(|o| Some(o.base.word())))?),
        ("pipeline_at", instants(f.iter().map(|o| o.pipeline_at))),
    ]);
    batch(out)
}

fn handoffs(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.handoffs;
    let zone = &world.context.zone;
    let rows: Vec<u32> = f.iter().map(|h| h.row).collect();
    let people: Vec<u32> = f.iter().map(|h| h.person).collect();
    let mut out: Columns = vec![
        ("handoff_id", pick(&dims.handoff_id, &rows)?),
        ("person_id", pick(&dims.person_id, &people)?),
        ("lead_id", subjects::lead_ids(&dims.person_id, f.iter().map(|h| (h.person, h.attempt)))),
        ("assigned_to", dims.users(f.iter().map(|h| h.assigned_to))?),
        ("team", pick(&dims.team, &f.iter().map(|h| h.assigned_to).collect::<Vec<_>>())?),
    ];
    Subjects::people(dims, &people)?.append(&mut out);
    let word = |d: Decision| match d {
        Decision::Pending => "pending",
        Decision::Accepted => "accepted",
        Decision::Rejected => "rejected",
    };
    out.extend([
        ("passed_at", instants(f.iter().map(|h| Some(h.passed_at)))),
        ("passed_on", days(zone, f.iter().map(|h| Some(h.passed_at)))),
        ("decision", words(f.iter().map(|h| Some(word(h.decision))))?),
        ("decided_at", instants(f.iter().map(|h| h.decided_at))),
        ("reason", pick(&dims.handoff_reason, &rows)?),
        ("value", ints(f.iter().map(|h| h.value))),
        ("accepted", flags(f.iter().map(|h| h.decision == Decision::Accepted && !h.value_missing))),
        ("value_missing", flags(f.iter().map(|h| h.value_missing))),
        ("definition_met", Arc::new(f.iter().map(|h| h.definition_met).collect::<BooleanArray>())),
        ("invalid_rejection", flags(f.iter().map(|h| h.decision == Decision::Rejected && h.definition_met == Some(true)))),
        ("worked_at", instants(f.iter().map(|h| h.worked_at))),
        ("worked", flags(f.iter().map(|h| h.worked_at.is_some()))),
        ("worked_unlogged", flags(f.iter().map(|h| h.worked_unlogged))),
        ("inbound_first", flags(f.iter().map(|h| h.inbound_first))),
        ("worked_before", flags(f.iter().map(|h| h.worked_before))),
    ]);
    batch(out)
}

fn clocks(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.clocks;
    let zone = &world.context.zone;
    let rows: Vec<u32> = f.iter().map(|x| x.handoff).collect();
    // Clocks follow their hand-offs, so the person is found by walking both.
    let mut people = Vec::with_capacity(f.len());
    let mut at = 0;
    for x in f {
        while c.handoffs.get(at).is_some_and(|h| h.row != x.handoff) {
            at += 1;
        }
        people.push(c.handoffs.get(at).map_or(NONE, |h| h.person));
    }
    let minutes = |micros: i64| micros as f64 / 60e6;
    let mut out: Columns = vec![
        ("handoff_id", pick(&dims.handoff_id, &rows)?),
        ("person_id", pick(&dims.person_id, &people)?),
        ("promise", words(f.iter().map(|x| Some(x.promise)))?),
        ("assigned_to", dims.users(f.iter().map(|x| x.assigned_to))?),
        ("team", pick(&dims.team, &f.iter().map(|x| x.assigned_to).collect::<Vec<_>>())?),
        ("owner_at_deadline", dims.users(f.iter().map(|x| x.owner_at_deadline))?),
    ];
    Subjects::people(dims, &people)?.append(&mut out);
    out.extend([
        ("started_at", instants(f.iter().map(|x| Some(x.started_at)))),
        ("started_on", days(zone, f.iter().map(|x| Some(x.started_at)))),
        ("due_at", instants(f.iter().map(|x| x.due_at))),
        ("due_on", days(zone, f.iter().map(|x| x.due_at))),
        ("stopped_at", instants(f.iter().map(|x| x.stopped_at))),
        ("is_due", flags(f.iter().map(|x| x.is_due))),
        ("stopped", flags(f.iter().map(|x| x.stopped_at.is_some()))),
        ("met", flags(f.iter().map(|x| x.met))),
        ("breached", flags(f.iter().map(|x| x.is_due && !x.met))),
        ("wall_minutes", Arc::new(Float64Array::from_iter_values(f.iter().map(|x| minutes(x.wall))))),
        ("business_minutes", Arc::new(Float64Array::from_iter_values(f.iter().map(|x| minutes(x.business))))),
    ]);
    batch(out)
}

fn influences(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.influences;
    let facts = subjects::facts_of(c, f.iter().map(|i| i.opportunity));
    let numbers: Vec<u32> = f.iter().map(|i| i.opportunity).collect();
    let people: Vec<u32> = facts.iter().map(|o| o.map_or(NONE, |o| o.person)).collect();
    let campaigns: Vec<u32> = f.iter().map(|i| i.campaign).collect();
    let zone = &world.context.zone;
    let mut out: Columns = vec![
        ("opportunity_id", pick(&dims.opportunity_id, &numbers)?),
        ("campaign_id", dims.campaigns(campaigns.iter().copied())?),
        ("channel", pick(&dims.channel, &campaigns)?),
        ("owner_id", dims.users(facts.iter().map(|o| o.map_or(NONE, |o| o.owner)))?),
    ];
    Subjects::opportunities(dims, &numbers, &people)?.append(&mut out);
    out.extend([
        ("created_at", instants(facts.iter().map(|o| o.map(|o| o.created_at)))),
        ("created_on", days(zone, facts.iter().map(|o| o.map(|o| o.created_at)))),
        ("amount", ints(facts.iter().map(|o| o.and_then(|o| o.amount)))),
        ("touches", ints(f.iter().map(|i| Some(i64::from(i.touches))))),
    ]);
    batch(out)
}

fn credits(c: &Collected, world: &World, dims: &Dims) -> Result<RecordBatch, EngineError> {
    let f = &c.credits;
    let facts = subjects::facts_of(c, f.iter().map(|i| i.opportunity));
    let numbers: Vec<u32> = f.iter().map(|i| i.opportunity).collect();
    let primary: Vec<u32> = facts.iter().map(|o| o.map_or(NONE, |o| o.person)).collect();
    let people: Vec<u32> = f.iter().map(|i| i.person).collect();
    let campaigns: Vec<u32> = f.iter().map(|i| i.campaign).collect();
    let zone = &world.context.zone;
    let touch: StringArray =
        f.iter().map(|i| (i.touch != NONE).then(|| touchpoint_id(&world.touchpoint_ids, i.touch)).flatten()).collect();
    let mut out: Columns = vec![
        ("opportunity_id", pick(&dims.opportunity_id, &numbers)?),
        ("touchpoint_id", Arc::new(touch)),
        ("touch_person_id", pick(&dims.person_id, &people)?),
        ("campaign_id", dims.campaigns(campaigns.iter().copied())?),
        ("channel", pick(&dims.channel, &campaigns)?),
        ("owner_id", dims.users(facts.iter().map(|o| o.map_or(NONE, |o| o.owner)))?),
    ];
    Subjects::opportunities(dims, &numbers, &primary)?.append(&mut out);
    out.extend([
        ("won_at", instants(facts.iter().map(|o| o.and_then(|o| o.won_at)))),
        ("won_on", days(zone, facts.iter().map(|o| o.and_then(|o| o.won_at)))),
    ]);
    for (i, model) in MODELS.iter().enumerate() {
        out.push((model, ints(f.iter().map(|x| Some(x.credit[i])))));
    }
    batch(out)
}
