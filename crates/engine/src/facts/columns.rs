//! Columns of facts as people read them, each made from core columns and dimensions when it is
//! asked for.

use super::core::{Core, minutes};
use super::shape::{Made, Need, Of, Shape, ids, keyed};
use crate::error::EngineError;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, Int64Array, PrimitiveArray, StringArray, StringBuilder,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use std::sync::Arc;
use treaty_domain::facts::{Base, GateVerdict, Status};
use treaty_domain::timeline::{Decision, NONE};
use treaty_domain::zone::{Micros, Zone};

/// Promises that run on hand-offs, by code.
pub const PROMISES: [&str; 2] = ["speed_to_lead", "leads_worked"];
const STATUS: [Status; 7] =
    [Status::Open, Status::Returned, Status::Converted, Status::Won, Status::Lost, Status::Disqualified, Status::Recycled];
const BASES: [Base; 3] = [Base::NetNew, Base::Lapsed, Base::Installed];
const GATES: [GateVerdict; 4] = [GateVerdict::None, GateVerdict::Go, GateVerdict::NoGo, GateVerdict::Incomplete];
const DECISIONS: [&str; 3] = ["pending", "accepted", "rejected"];
const BUCKETS: [&str; 7] = ["no_activity", "d0_7", "d8_15", "d16_30", "d31_60", "d61_120", "d121_plus"];

/// Bucket of A8 for whole days since the last activity.
fn bucket(days: Option<i32>) -> i32 {
    match days {
        None => 0,
        Some(..=7) => 1,
        Some(8..=15) => 2,
        Some(16..=30) => 3,
        Some(31..=60) => 4,
        Some(61..=120) => 5,
        Some(121..) => 6,
    }
}

type Column = Result<Made, EngineError>;

/// A column of a fact table by name.
///
/// # Errors
/// When there is no such column, or columns do not fit together, which is a defect.
pub fn make(table: &str, core: &Core<'_>, s: &Shape, name: &str) -> Column {
    match table {
        "leads" => lead(core, s, name),
        "stage_visits" => visit(core, s, name),
        "opportunities" => opportunity(core, s, name),
        "handoffs" => handoff(core, s, name),
        "sla_clocks" => clock(core, s, name),
        "influences" => influence(core, s, name),
        _ => credit(core, s, name),
    }
}

fn values(array: impl Array + 'static) -> Made {
    Made::Values(Arc::new(array))
}

fn texts(column: Made) -> Column {
    Ok(Made::Values(cast(&column.readable()?, &DataType::Utf8)?))
}

fn words(list: &[&str], codes: &[u8]) -> Made {
    let words: ArrayRef = Arc::new(StringArray::from(list.to_vec()));
    keyed(&words, codes.iter().map(|c| i32::from(*c)).collect())
}

/// One of two words.
fn either(list: [&str; 2], second: &BooleanArray) -> Made {
    let words: ArrayRef = Arc::new(StringArray::from(list.to_vec()));
    keyed(&words, second.values().iter().map(i32::from).collect())
}

fn instants(at: &PrimitiveArray<Int64Type>) -> Made {
    values(at.reinterpret_cast::<TimestampMicrosecondType>().with_timezone("UTC"))
}

fn days(zone: &Zone, at: &PrimitiveArray<Int64Type>) -> Made {
    let days: Date32Array = at.unary(|t| zone.local_day(Micros(t)).0);
    values(days)
}

fn there(column: &dyn Array) -> Made {
    values(match column.nulls() {
        Some(nulls) => BooleanArray::new(nulls.inner().clone(), None),
        None => BooleanArray::new(BooleanBuffer::new_set(column.len()), None),
    })
}

fn each(rows: usize, is: impl Fn(usize) -> bool) -> Made {
    values(BooleanArray::new(BooleanBuffer::collect_bool(rows, is), None))
}

fn small(list: impl Iterator<Item = i32>) -> Made {
    values(Int32Array::from_iter_values(list))
}

fn long(list: &[u32]) -> Made {
    values(Int64Array::from_iter_values(list.iter().map(|v| i64::from(*v))))
}

fn as_is(column: &(impl Array + Clone + 'static)) -> Made {
    values(column.clone())
}

/// Local days from one instant to another, when both are there.
fn between(zone: &Zone, from: &PrimitiveArray<Int64Type>, to: &PrimitiveArray<Int64Type>) -> Made {
    let both = NullBuffer::union(from.nulls(), to.nulls());
    let days = |i: usize| match &both {
        Some(both) if both.is_null(i) => 0,
        _ => zone.days_between(Micros(from.value(i)), Micros(to.value(i))),
    };
    let days: Vec<i32> = (0..from.len()).map(days).collect();
    values(Int32Array::new(days.into(), both))
}

fn earlier_of(a: &PrimitiveArray<Int64Type>, b: &PrimitiveArray<Int64Type>) -> PrimitiveArray<Int64Type> {
    a.iter().zip(b).map(|(a, b)| a.or(b)).collect()
}

fn map(rows: &[u32], of: &[u32]) -> Vec<u32> {
    rows.iter().map(|r| of.get(*r as usize).copied().unwrap_or(NONE)).collect()
}

/// `person#attempt`; missing where there is no person or no attempt.
fn lead_ids(s: &Shape, people: &[u32], attempts: &[u16]) -> Column {
    let ids = s.numbers.people.column("id")?.as_string::<i32>();
    let mut out = StringBuilder::with_capacity(people.len(), people.len() * 12);
    for (person, attempt) in people.iter().zip(attempts) {
        if *person == NONE || *attempt == 0 {
            out.append_null();
        } else {
            out.append_value(format!("{}#{attempt}", ids.value(*person as usize)));
        }
    }
    Ok(values(out.finish()))
}

/// Columns of the record that a column of facts is made from.
pub fn needs(table: &str, name: &str) -> Vec<Need> {
    let one = |of: Of| vec![(of, name.to_owned())];
    let visits = table == "stage_visits";
    let of_people = matches!(table, "leads" | "handoffs" | "sla_clocks") || visits;
    let listed = super::schemas::schema(table).index_of(name).is_ok();
    match name {
        "lead_source" => vec![(Of::People, name.to_owned()), (Of::Opportunities, name.to_owned())],
        "territory" => vec![(Of::Accounts, name.to_owned()), (Of::Opportunities, name.to_owned())],
        "segment" | "industry" => one(Of::Accounts),
        "title" | "persona" | "country" => one(Of::People),
        "name" | "product_line" | "loss_reason" | "kind" => one(Of::Opportunities),
        "handoff_id" | "reason" => one(Of::Handoffs),
        "attributes" => one(if of_people { Of::People } else { Of::Opportunities }),
        _ if listed => Vec::new(),
        _ => one(if of_people { Of::People } else { Of::Opportunities }),
    }
}

/// Dimensions of facts about people.
fn of_person(s: &Shape, people: &[u32], name: &str) -> Column {
    Ok(match name {
        "account_id" => ids(s.numbers.accounts.column("id")?, &map(people, s.numbers.people.numbers("account")?)),
        "campaign_id" => ids(s.numbers.campaigns.column("id")?, &map(people, s.numbers.people.numbers("campaign")?)),
        "channel" => s.of_campaign["channel"].rows(&map(people, s.numbers.people.numbers("campaign")?)),
        "campaign_origin" => s.of_campaign["origin"].rows(&map(people, s.numbers.people.numbers("campaign")?)),
        "lead_source" => s.shared("lead_source")?.people.rows(people),
        "territory" => s.shared("territory")?.people.rows(people),
        "segment" | "industry" => s.dim(Of::Accounts, name)?.rows(&map(people, s.numbers.people.numbers("account")?)),
        "attributes" => texts(s.dim(Of::People, name)?.rows(people))?,
        _ => s.dim(Of::People, name)?.rows(people),
    })
}

/// Dimensions of facts about opportunities; the source is that of the primary contact's lead, else
/// what the opportunity names.
fn of_opportunity(s: &Shape, opportunities: &[u32], people: &[u32], name: &str) -> Column {
    Ok(match name {
        "opportunity_id" => ids(s.numbers.opportunities.column("id")?, opportunities),
        "account_id" => ids(s.numbers.accounts.column("id")?, &map(opportunities, s.numbers.opportunities.numbers("account")?)),
        "territory" => s.shared("territory")?.opportunities.rows(opportunities),
        "segment" | "industry" => s.dim(Of::Accounts, name)?.rows(&map(opportunities, s.numbers.opportunities.numbers("account")?)),
        "lead_source" => {
            let source = s.shared("lead_source")?;
            let subject: Vec<u32> = opportunities.iter().zip(people).map(|(o, p)| if source.people.has(*p) { *p } else { *o }).collect();
            source.rows(|i| source.people.has(people[i]), &subject)
        }
        "attributes" => texts(s.dim(Of::Opportunities, name)?.rows(opportunities))?,
        _ => s.dim(Of::Opportunities, name)?.rows(opportunities),
    })
}

fn lead(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "lead_id" => lead_ids(s, c.u32("person")?, c.u16("attempt")?)?,
        "person_id" => ids(s.numbers.people.column("id")?, c.u32("person")?),
        "attempt" => small(c.u16("attempt")?.iter().map(|a| i32::from(*a))),
        "origin" => either(["new", "recycled"], c.flag("recycled")?),
        "owner_id" => ids(s.numbers.users.column("id")?, c.u32("owner")?),
        "created_at" => instants(c.i64("started_at")?),
        "created_on" => days(&s.zone, c.i64("started_at")?),
        "status" => words(&STATUS.map(Status::word), c.u8("status")?),
        "stage" => keyed(&s.stages, c.u8("stage")?.iter().map(|r| i32::from(*r)).collect()),
        "top" => small(c.u8("top")?.iter().map(|r| i32::from(*r))),
        "is_open" => {
            let status = c.u8("status")?;
            each(c.rows(), |i| status[i] == Status::Open as u8)
        }
        "passed_at" | "accepted_at" | "converted_at" | "pipeline_at" | "won_at" | "ended_at" | "last_activity_at" => instants(c.i64(name)?),
        "passed" => there(c.i64("passed_at")?),
        "accepted" => there(c.i64("accepted_at")?),
        "converted" => there(c.i64("converted_at")?),
        "reached_pipeline" => there(c.i64("pipeline_at")?),
        "won" => there(c.i64("won_at")?),
        "decided" | "exempt" | "is_name" => as_is(c.flag(name)?),
        "accepted_value" | "won_amount" => as_is(c.i64(name)?),
        "opportunity_id" => ids(s.numbers.opportunities.column("id")?, c.u32("opportunity")?),
        "opportunities" | "activities" | "attempts" => long(c.u32(name)?),
        "days_to_close" => between(&s.zone, c.i64("started_at")?, c.i64("won_at")?),
        "ended_on" => days(&s.zone, c.i64("ended_at")?),
        "days_since_activity" => values(since(s, c.i64("last_activity_at")?)),
        "age_bucket" => {
            let buckets: ArrayRef = Arc::new(StringArray::from(BUCKETS.to_vec()));
            keyed(&buckets, since(s, c.i64("last_activity_at")?).iter().map(bucket).collect())
        }
        "base" => words(&BASES.map(Base::word), c.u8("base")?),
        _ => of_person(s, c.u32("person")?, name)?,
    })
}

fn since(s: &Shape, at: &PrimitiveArray<Int64Type>) -> PrimitiveArray<Int32Type> {
    let last = s.zone.local_day(Micros(s.as_of.0 - 1)).0;
    at.unary(|t| last.saturating_sub(s.zone.local_day(Micros(t)).0))
}

fn visit(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    let is_lead = c.flag("is_lead")?;
    let subject = c.u32("subject")?;
    let only = |people: bool| -> Vec<u32> {
        subject.iter().enumerate().map(|(i, x)| if is_lead.value(i) == people { *x } else { NONE }).collect()
    };
    Ok(match name {
        "subject_type" => either(["opportunity", "lead"], is_lead),
        "subject_id" => {
            let people = s.numbers.people.column("id")?.as_string::<i32>();
            let opportunities = s.numbers.opportunities.column("id")?.as_string::<i32>();
            let attempts = c.u16("attempt")?;
            let mut out = StringBuilder::with_capacity(c.rows(), c.rows() * 12);
            for (i, x) in subject.iter().enumerate() {
                if is_lead.value(i) {
                    out.append_value(format!("{}#{}", people.value(*x as usize), attempts[i]));
                } else {
                    out.append_value(opportunities.value(*x as usize));
                }
            }
            values(out.finish())
        }
        "account_id" | "segment" | "industry" => {
            let (of_people, of_opportunities) = (s.numbers.people.numbers("account")?, s.numbers.opportunities.numbers("account")?);
            let account = |(i, x): (usize, &u32)| {
                let of = if is_lead.value(i) { of_people } else { of_opportunities };
                of.get(*x as usize).copied().unwrap_or(NONE)
            };
            let accounts: Vec<u32> = subject.iter().enumerate().map(account).collect();
            match name {
                "account_id" => ids(s.numbers.accounts.column("id")?, &accounts),
                _ => s.dim(Of::Accounts, name)?.rows(&accounts),
            }
        }
        "territory" => s.shared("territory")?.rows(|i| is_lead.value(i), subject),
        "lead_source" => s.shared("lead_source")?.rows(|i| is_lead.value(i), subject),
        "kind" | "product_line" => s.dim(Of::Opportunities, name)?.rows(&only(false)),
        "started_at" | "reached_at" => instants(c.i64(name)?),
        "started_on" => days(&s.zone, c.i64("started_at")?),
        "reached_on" => days(&s.zone, c.i64("reached_at")?),
        "stage" => keyed(&s.stages, c.u8("stage")?.iter().map(|r| i32::from(*r)).collect()),
        "rank" => small(c.u8("stage")?.iter().map(|r| i32::from(*r))),
        "implied" | "is_current" | "overridden" => as_is(c.flag(name)?),
        "days_from_previous" | "dwell_days" => as_is(c.i32(name)?),
        "is_won" => {
            let stage = c.u8("stage")?;
            each(c.rows(), |i| stage[i] == s.won_rank)
        }
        "regressions" => small(c.u16("regressions")?.iter().map(|r| i32::from(*r))),
        "gate" => words(&GATES.map(GateVerdict::word), c.u8("gate")?),
        "leaked" => {
            let (gate, overridden) = (c.u8("gate")?, c.flag("overridden")?);
            let bad = [GateVerdict::NoGo as u8, GateVerdict::Incomplete as u8];
            each(c.rows(), |i| bad.contains(&gate[i]) && !overridden.value(i))
        }
        _ => of_person(s, &only(true), name)?,
    })
}

fn opportunity(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "person_id" => ids(s.numbers.people.column("id")?, c.u32("person")?),
        "lead_id" => lead_ids(s, c.u32("person")?, c.u16("attempt")?)?,
        "owner_id" => ids(s.numbers.users.column("id")?, c.u32("owner")?),
        "campaign_id" => ids(s.numbers.campaigns.column("id")?, c.u32("source_campaign")?),
        "source_channel" => s.of_campaign["channel"].rows(c.u32("source_campaign")?),
        "source_origin" => s.of_campaign["origin"].rows(c.u32("source_campaign")?),
        "status" => words(&STATUS.map(Status::word), c.u8("status")?),
        "stage" => keyed(&s.stages, c.u8("stage")?.iter().map(|r| i32::from(*r)).collect()),
        "top" => small(c.u8("top")?.iter().map(|r| i32::from(*r))),
        "is_open" => {
            let status = c.u8("status")?;
            each(c.rows(), |i| status[i] == Status::Open as u8)
        }
        "created_at" | "won_at" | "lost_at" | "recycled_at" | "pipeline_at" => instants(c.i64(name)?),
        "created_on" => days(&s.zone, c.i64("created_at")?),
        "won_on" => days(&s.zone, c.i64("won_at")?),
        "closed_on" => days(&s.zone, &earlier_of(c.i64("won_at")?, c.i64("lost_at")?)),
        "amount" => as_is(c.i64("amount")?),
        "rate_missing" | "counts" => as_is(c.flag(name)?),
        "won" => there(c.i64("won_at")?),
        "age_days" => as_is(c.i32("age_days")?),
        "lost_days" => between(&s.zone, c.i64("created_at")?, c.i64("lost_at")?),
        "reopened" => small(c.u16("reopened")?.iter().map(|r| i32::from(*r))),
        "contacts" | "path_touches" => long(c.u32(name)?),
        "base" => words(&BASES.map(Base::word), c.u8("base")?),
        _ => of_opportunity(s, c.u32("opportunity")?, c.u32("person")?, name)?,
    })
}

fn handoff(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "handoff_id" | "reason" => s.dim(Of::Handoffs, name)?.rows(c.u32("row")?),
        "person_id" => ids(s.numbers.people.column("id")?, c.u32("person")?),
        "lead_id" => lead_ids(s, c.u32("person")?, c.u16("attempt")?)?,
        "assigned_to" => ids(s.numbers.users.column("id")?, c.u32("assigned_to")?),
        "team" => s.team.rows(c.u32("assigned_to")?),
        "passed_at" | "decided_at" | "worked_at" => instants(c.i64(name)?),
        "passed_on" => days(&s.zone, c.i64("passed_at")?),
        "decision" => words(&DECISIONS, c.u8("decision")?),
        "value" => as_is(c.i64("value")?),
        "accepted" => {
            let (decision, missing) = (c.u8("decision")?, c.flag("value_missing")?);
            each(c.rows(), |i| decision[i] == Decision::Accepted as u8 && !missing.value(i))
        }
        "value_missing" | "definition_met" | "worked_unlogged" | "inbound_first" | "worked_before" => as_is(c.flag(name)?),
        "invalid_rejection" => {
            let (decision, met) = (c.u8("decision")?, c.flag("definition_met")?);
            each(c.rows(), |i| decision[i] == Decision::Rejected as u8 && met.is_valid(i) && met.value(i))
        }
        "worked" => there(c.i64("worked_at")?),
        _ => of_person(s, c.u32("person")?, name)?,
    })
}

fn clock(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "handoff_id" => s.dim(Of::Handoffs, name)?.rows(c.u32("row")?),
        "person_id" => ids(s.numbers.people.column("id")?, c.u32("person")?),
        "promise" => words(&PROMISES, c.u8("promise")?),
        "assigned_to" | "owner_at_deadline" => ids(s.numbers.users.column("id")?, c.u32(name)?),
        "team" => s.team.rows(c.u32("assigned_to")?),
        "started_at" | "due_at" | "stopped_at" => instants(c.i64(name)?),
        "started_on" => days(&s.zone, c.i64("started_at")?),
        "due_on" => days(&s.zone, c.i64("due_at")?),
        "is_due" | "met" => as_is(c.flag(name)?),
        "stopped" => there(c.i64("stopped_at")?),
        "breached" => {
            let (due, met) = (c.flag("is_due")?, c.flag("met")?);
            each(c.rows(), |i| due.value(i) && !met.value(i))
        }
        "wall_minutes" => values(minutes(c.i64("wall")?)),
        "business_minutes" => values(minutes(c.i64("business")?)),
        _ => of_person(s, c.u32("person")?, name)?,
    })
}

fn influence(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "campaign_id" => ids(s.numbers.campaigns.column("id")?, c.u32("campaign")?),
        "channel" => s.of_campaign["channel"].rows(c.u32("campaign")?),
        "owner_id" => ids(s.numbers.users.column("id")?, c.u32("owner")?),
        "created_at" => instants(c.i64("created_at")?),
        "created_on" => days(&s.zone, c.i64("created_at")?),
        "amount" => as_is(c.i64("amount")?),
        "touches" => long(c.u32("touches")?),
        _ => of_opportunity(s, c.u32("opportunity")?, c.u32("person")?, name)?,
    })
}

fn credit(c: &Core<'_>, s: &Shape, name: &str) -> Column {
    Ok(match name {
        "attributed" => {
            let touch = c.u32("touch")?;
            each(touch.len(), |i| touch[i] != NONE)
        }
        "touchpoint_id" => values(s.touchpoints(c.u32("touch")?)),
        "touch_person_id" => ids(s.numbers.people.column("id")?, c.u32("touch_person")?),
        "campaign_id" => ids(s.numbers.campaigns.column("id")?, c.u32("campaign")?),
        "channel" => s.of_campaign["channel"].rows(c.u32("campaign")?),
        "owner_id" => ids(s.numbers.users.column("id")?, c.u32("owner")?),
        "won_at" => instants(c.i64("won_at")?),
        "won_on" => days(&s.zone, c.i64("won_at")?),
        "first_touch" | "last_touch" | "last_non_direct" | "linear" | "time_decay" | "position_40_20_40" => as_is(c.i64(name)?),
        _ => of_opportunity(s, c.u32("opportunity")?, c.u32("person")?, name)?,
    })
}
