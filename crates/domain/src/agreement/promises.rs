//! The promises of both sides (methods A1-A6).

use super::read::{Node, Table};
use super::stages::MOST_DAYS;
use super::suggest::nearest;
use super::values;
use super::{
    AttemptsPromise, ClockKind, Goal, Per, Promises, Stage, Subject, ValuePromise, VolumePromise,
    WindowPromise,
};
use crate::money::Currency;
use std::ops::Range;

const PERIODS: [(&str, Per); 3] =
    [("month", Per::Month), ("quarter", Per::Quarter), ("year", Per::Year)];

const CLOCKS: [(&str, ClockKind); 2] =
    [("business", ClockKind::Business), ("wall", ClockKind::Wall)];

/// Reasons that leave the denominator of A6 unless the promise names others.
pub(super) const EXEMPT_REASONS: [&str; 4] =
    ["invalid data", "competitor", "duplicate", "unsubscribed"];

/// Default `k` of the credibility weight (A3).
const CREDIBILITY: f64 = 200.0;

/// Default age at which a lead enters the value table (A3).
const MATURITY_DAYS: i64 = 180;

/// The promises, and where the business clock is first asked for.
pub(super) struct Read {
    /// The promises.
    pub(super) promises: Promises,
    /// Place of the first `clock = "business"` with the key of its promise.
    pub(super) business: Option<(Range<usize>, String)>,
}

/// Reads `[promise]`. Promises that are faulty are left out; they are reported.
pub(super) fn read(
    root: &mut Table<'_>,
    stages: Option<&[Stage]>,
    currency: Option<Currency>,
) -> Read {
    let mut read = Read { promises: Promises::default(), business: None };
    let Some(mut sides) = root.table("promise") else {
        return read;
    };
    if let Some(mut marketing) = sides.table("marketing") {
        read.promises.leads = marketing.table("leads").and_then(|t| leads(t, currency));
        read.promises.mqls = marketing.table("mqls").and_then(|t| mqls(t, stages, currency));
        read.promises.lead_value =
            marketing.table("lead_value").and_then(|t| lead_value(t, currency));
        marketing.finish();
    }
    if let Some(mut sales) = sides.table("sales") {
        read.promises.speed_to_lead =
            sales.table("speed_to_lead").and_then(|t| window(t, &mut read.business));
        read.promises.leads_worked =
            sales.table("leads_worked").and_then(|t| window(t, &mut read.business));
        read.promises.attempts_before_dead = sales.table("attempts_before_dead").and_then(attempts);
        sales.finish();
    }
    sides.finish();
    read
}

fn per(table: &mut Table<'_>) -> Option<Per> {
    table.need("per", "per = \"quarter\"", |n| n.word(&PERIODS))
}

fn leads(mut table: Table<'_>, currency: Option<Currency>) -> Option<VolumePromise> {
    let per = per(&mut table);
    let goal = goal(&mut table, "lead_to_opportunity", currency);
    table.finish();
    Some(VolumePromise { per: per?, goal: goal?, stage: 0 })
}

fn mqls(
    mut table: Table<'_>,
    stages: Option<&[Stage]>,
    currency: Option<Currency>,
) -> Option<VolumePromise> {
    let per = per(&mut table);
    let stage = table.need("stage", "stage = \"mql\"", |node| person_stage(node, stages));
    let goal = goal(&mut table, "stage_to_opportunity", currency);
    table.finish();
    Some(VolumePromise { per: per?, goal: goal?, stage: stage? })
}

/// The position of a stage of a person, named by its id.
fn person_stage(node: Node<'_>, stages: Option<&[Stage]>) -> Option<u8> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let id = node.text()?;
    let stages = stages?;
    let persons = || stages.iter().filter(|s| s.subject == Subject::Person).map(|s| s.id.as_str());
    match stages.iter().position(|s| s.id == id) {
        Some(position) if stages[position].subject == Subject::Person => {
            u8::try_from(position).ok()
        }
        Some(_) => {
            report.error(
                &span,
                format!("`{path}` is \"{id}\", which is a stage of an opportunity"),
                format!(
                    "marketing promises people; name {}",
                    values::either(&persons().collect::<Vec<_>>())
                ),
            );
            None
        }
        None => {
            let by_name = stages
                .iter()
                .find(|s| s.name == id || s.aliases.contains(&id))
                .map(|s| s.id.as_str());
            let help = match by_name.or_else(|| nearest(&id, persons())) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("name {}", values::either(&persons().collect::<Vec<_>>())),
            };
            report.error(&span, format!("`{path}` is \"{id}\", but no stage has this id"), help);
            None
        }
    }
}

/// A goal: the number itself, or all four links of the chain.
fn goal(table: &mut Table<'_>, rate: &'static str, currency: Option<Currency>) -> Option<Goal> {
    let chain = ["bookings_goal", "average_sale", rate, "opportunity_to_won"];
    let given: Vec<&str> = chain.into_iter().filter(|key| table.has(key)).collect();
    let number = table.get("goal");
    let [bookings, average_sale] =
        ["bookings_goal", "average_sale"].map(|key| table.may(key, |n| n.amount(currency)));
    let [to_opportunity, to_won] =
        [rate, "opportunity_to_won"].map(|key| table.may(key, Node::share));
    match (number, given.len()) {
        (Some(node), 0) => Some(Goal::Number(node.whole(1..=i64::MAX)?)),
        (Some(_), _) => {
            table.report.error(
                &table.place("goal"),
                format!("`{}` gives both a goal and the chain that leads to one", table.path),
                format!("keep `goal`, or keep {}", chain.map(|key| format!("`{key}`")).join(", ")),
            );
            None
        }
        (None, 0) => {
            let lines = format!("goal = 2500` or the four lines `{} = …", chain.join(" = …`, `"));
            table.lacks(format!("`{}` has no goal", table.path), &lines);
            None
        }
        (None, 4) => Some(Goal::Chain {
            bookings: bookings?,
            average_sale: average_sale?,
            to_opportunity: to_opportunity?,
            to_won: to_won?,
        }),
        (None, _) => {
            for key in chain.into_iter().filter(|key| !given.contains(key)) {
                let example = match key {
                    "bookings_goal" => "bookings_goal = \"1000000\"".to_owned(),
                    "average_sale" => "average_sale = \"8000\"".to_owned(),
                    key => format!("{key} = 0.25"),
                };
                table.lacks(format!("`{}.{key}` is missing from the chain", table.path), &example);
            }
            None
        }
    }
}

fn lead_value(mut table: Table<'_>, currency: Option<Currency>) -> Option<ValuePromise> {
    let per = per(&mut table);
    let goal = table.need("goal", "goal = \"1000000\"", |n| n.amount(currency));
    let by = table.or("by", "lead_source".to_owned(), column);
    let credibility = table.or("credibility", CREDIBILITY, Node::positive);
    let maturity_days = table.or("maturity_days", MATURITY_DAYS, |n| n.whole(0..=MOST_DAYS));
    table.finish();
    Some(ValuePromise { per: per?, goal: goal?, by, credibility, maturity_days })
}

/// The name of a column.
pub(super) fn column(node: Node<'_>) -> Option<String> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let name = node.text()?;
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ' ' || c == '-')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain {
        return Some(name);
    }
    report.error(
        &span,
        format!("`{path}` is \"{name}\", which is not the name of a column"),
        "name one column, such as lead_source, not an expression",
    );
    None
}

fn window(
    mut table: Table<'_>,
    business: &mut Option<(Range<usize>, String)>,
) -> Option<WindowPromise> {
    let report = table.report;
    let per = per(&mut table);
    let within = table.need("within", "within = \"60m\"", duration);
    let clock = table.need("clock", "clock = \"business\"", |n| n.word(&CLOCKS));
    let share = table.need("share", "share = 0.95", Node::share);
    if clock == Some(ClockKind::Business) {
        business.get_or_insert_with(|| (table.value_place("clock"), table.path.clone()));
        if within.is_some_and(|w| w.in_days) {
            report.error(
                &table.value_place("within"),
                format!("`{}.within` is given in days, but on the business clock", table.path),
                "a business day is not 24 hours: count open hours, such as \"16h\" for two days of eight; or set clock = \"wall\"",
            );
        }
    }
    table.finish();
    Some(WindowPromise { per: per?, within_minutes: within?.minutes, clock: clock?, share: share? })
}

fn duration(node: Node<'_>) -> Option<values::Duration> {
    let help =
        "write a whole number with m, h or d, such as \"60m\", \"4h\" or \"7d\"; 10 years at most";
    match node.value.as_str() {
        Some(text) => match values::parse_duration(text) {
            Some(duration) => Some(duration),
            None => node.wrong(
                format!("`{}` is \"{text}\", which is not a duration above zero", node.path),
                help,
            ),
        },
        None => node.expected("a duration", help),
    }
}

fn attempts(mut table: Table<'_>) -> Option<AttemptsPromise> {
    let per = per(&mut table);
    let at_least = table.need("at_least", "at_least = 6", |n| n.whole(1..=1_000));
    let share = table.need("share", "share = 0.90", Node::share);
    let default = EXEMPT_REASONS.map(str::to_owned).to_vec();
    let exempt_reasons = table.or("exempt_reasons", default, Node::names);
    table.finish();
    Some(AttemptsPromise { per: per?, at_least: at_least?, share: share?, exempt_reasons })
}
