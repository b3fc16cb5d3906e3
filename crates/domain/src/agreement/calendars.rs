//! Working hours and whom they serve (methods S4).

use super::NamedCalendar;
use super::diagnostic::Report;
use super::read::{Node, Table};
use super::values::parse_date;
use crate::calendar::{Block, Calendar, parse_day_range, parse_hours};
use crate::zone::Zone;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::ops::Range;

/// Most calendars of one agreement; each takes about a megabyte.
const MOST: usize = 500;

/// Days of the week from Monday.
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Reads `[calendar.*]`; `business` is where a promise asks for the business clock, and which one.
pub(super) fn read(
    root: &mut Table<'_>,
    zone: Option<&Zone>,
    business: Option<&(Range<usize>, String)>,
) -> Option<Vec<NamedCalendar>> {
    let mut calendars: Vec<Option<NamedCalendar>> = Vec::new();
    let mut taken = Taken::default();
    let mut has_default = false;
    let report = root.report;
    if let Some(table) = root.table("calendar") {
        for (position, (name, key, node)) in table.all().into_iter().enumerate() {
            has_default |= name == "default";
            if position == MOST {
                report.error(
                    &key,
                    format!("there are more than {MOST} calendars"),
                    "let calendars serve whole teams",
                );
                break;
            }
            if ["hours", "closed", "open", "for", "time_zone"].contains(&name) {
                report.error(
                    &key,
                    format!("`{name}` belongs to a calendar, but this one has no name"),
                    "write the header as [calendar.default]",
                );
                continue;
            }
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                || name.is_empty()
            {
                report.error(
                    &key,
                    format!("the calendar name \"{name}\" has other characters than letters a-z, digits, - and _"),
                    "choose a short plain name, such as [calendar.emea]",
                );
            }
            calendars.push(node.table().and_then(|t| read_one(name, t, zone, &mut taken)));
        }
    }
    if !has_default {
        if let Some((place, promise)) = business {
            report.whole(
                place,
                format!("`{promise}` runs on the business clock, but there is no calendar.default"),
                "add [calendar.default] with hours = { mon-fri = \"09:00-17:00\" }, or set clock = \"wall\"",
            );
            return None;
        }
        calendars.push(zone.map(|zone| NamedCalendar {
            name: "default".to_owned(),
            calendar: Calendar::always(zone.clone()),
            owners: Vec::new(),
            teams: Vec::new(),
            territories: Vec::new(),
        }));
    }
    let mut calendars: Vec<NamedCalendar> = calendars.into_iter().collect::<Option<_>>()?;
    calendars.sort_by(|a, b| (a.name != "default", &a.name).cmp(&(b.name != "default", &b.name)));
    Some(calendars)
}

/// Who is served already: kind and id, with the calendar and its place.
#[derive(Default)]
struct Taken(BTreeMap<(&'static str, String), (String, Range<usize>)>);

impl Taken {
    fn take(
        &mut self,
        report: &Report<'_>,
        kind: &'static str,
        who: &str,
        calendar: &str,
        span: &Range<usize>,
    ) {
        match self.0.get(&(kind, who.to_owned())) {
            Some((other, first)) => report.error(
                span,
                format!(
                    "the {kind} \"{who}\" has calendar.{other} already (line {})",
                    report.line(first.start)
                ),
                "name each owner, team and territory under one calendar only",
            ),
            None => {
                self.0.insert((kind, who.to_owned()), (calendar.to_owned(), span.clone()));
            }
        }
    }
}

fn read_one(
    name: &str,
    mut table: Table<'_>,
    zone: Option<&Zone>,
    taken: &mut Taken,
) -> Option<NamedCalendar> {
    let report = table.report;
    let own_zone = table.has("time_zone");
    let zone = match table.may("time_zone", read_zone) {
        Some(own) => Some(own),
        None if own_zone => None,
        None => zone.cloned(),
    };
    let week = table.need("hours", "hours = { mon-fri = \"09:00-17:00\" }", read_week);
    let closed = table.may("closed", read_closed).unwrap_or_default();
    let open = table.may("open", |node| read_open(node, &closed)).unwrap_or_default();
    let mut served: [Vec<String>; 3] = Default::default();
    let mut readable = true;
    if name == "default" && table.has("for") {
        table.get("for");
        report.error(
            &table.place("for"),
            "`calendar.default` serves everyone whom no other calendar names",
            "take `for` out, or put it into a calendar of its own, such as [calendar.emea]",
        );
    } else if let Some(mut whom) = table.table("for") {
        for (kind, list) in ["owner", "team", "territory"].into_iter().zip(&mut served) {
            let names = whom.may(kind, Node::texts);
            readable &= names.is_some() || !whom.has(kind);
            let names = names.unwrap_or_default();
            names.iter().for_each(|(who, span)| taken.take(report, kind, who, name, span));
            *list = names.into_iter().map(|(who, _)| who).collect();
        }
        whom.finish();
    } else {
        readable = !table.has("for");
    }
    if name != "default" && readable && served.iter().all(Vec::is_empty) {
        report.warning(
            &table.header,
            format!("`calendar.{name}` serves nobody"),
            "say whom: for = { team = [\"…\"] }; owner, team and territory are possible",
        );
    }
    table.finish();
    let [owners, teams, territories] = served;
    let closed = closed.into_iter().map(|(date, _)| date).collect();
    let calendar = Calendar::new(zone?, week?, closed, open);
    Some(NamedCalendar { name: name.to_owned(), calendar, owners, teams, territories })
}

/// The zone of a value.
pub(super) fn read_zone(node: Node<'_>) -> Option<Zone> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let name = node.text()?;
    match Zone::new(&name) {
        Ok(zone) => Some(zone),
        Err(error) => {
            report.error(
                &span,
                format!("`{path}`: {error}"),
                "write a zone of the IANA list, such as \"America/New_York\", \"Europe/Berlin\" or \"UTC\"",
            );
            None
        }
    }
}

/// The hours of a value.
fn read_hours(node: &Node<'_>) -> Option<Vec<Block>> {
    let Some(text) = node.value.as_str() else {
        return node.clone().expected(
            "hours of a day",
            "write \"09:00-17:00\", \"09:00-12:00, 13:00-17:30\" or \"closed\"",
        );
    };
    match parse_hours(text) {
        Ok(blocks) => Some(blocks),
        Err(fault) => node.wrong(
            format!("`{}`: {fault}", node.path),
            "write \"09:00-17:00\", several blocks as \"09:00-12:00, 13:00-17:30\", or \"closed\"",
        ),
    }
}

/// Hours of the week from Monday; each day is given once, and its blocks do not overlap.
fn read_week(node: Node<'_>) -> Option<[Vec<Block>; 7]> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let table = node.table()?;
    let mut week: [Vec<Block>; 7] = Default::default();
    let mut given: [Option<&str>; 7] = [None; 7];
    let mut places: Vec<(Block, usize, Range<usize>)> = Vec::new();
    let mut fine = true;
    for (key, key_span, node) in table.all() {
        let hours = read_hours(&node);
        let days = parse_day_range(key).map_err(|fault| {
            report.error(
                &key_span,
                format!("`{path}`: {fault}"),
                "write days as mon-fri, sat or sun",
            );
        });
        let (Some(hours), Ok(days)) = (hours, days) else {
            fine = false;
            continue;
        };
        for day in days {
            if let Some(other) = given[day].replace(key) {
                report.error(
                    &key_span,
                    format!("`{path}`: {} has hours under `{other}` and under `{key}`", DAYS[day]),
                    "give each day its hours once",
                );
                fine = false;
                break;
            }
            week[day].clone_from(&hours);
            for (today, tomorrow) in hours.iter().map(|block| block.split()) {
                places.push((today, day, node.span.clone()));
                places.extend(tomorrow.map(|rest| (rest, (day + 1) % 7, node.span.clone())));
            }
        }
    }
    if !fine {
        return None;
    }
    if places.is_empty() {
        report.error(
            &span,
            format!("`{path}` are never open"),
            "give hours: { mon-fri = \"09:00-17:00\" }",
        );
        return None;
    }
    let fine = check_overlaps(report, &path, places);
    fine.then_some(week)
}

/// Points out blocks of one day that overlap, once for each value.
fn check_overlaps(
    report: &Report<'_>,
    path: &str,
    mut places: Vec<(Block, usize, Range<usize>)>,
) -> bool {
    places.sort_by_key(|(block, day, span)| (*day, *block, span.start));
    let mut told: Vec<usize> = Vec::new();
    for pair in places.windows(2) {
        let [(a, day, first), (b, other, second)] = pair else { continue };
        if day == other && b.from < a.to {
            let place = if second.start < first.start { first } else { second };
            if !told.contains(&place.start) {
                told.push(place.start);
                report.error(
                    place,
                    format!("`{path}`: {a} and {b} overlap on {}", DAYS[*day]),
                    "let each block begin where the one before has ended",
                );
            }
        }
    }
    told.is_empty()
}

fn read_closed(node: Node<'_>) -> Option<Vec<(Date, Range<usize>)>> {
    let (report, path) = (node.report, node.path.clone());
    let mut dates: Vec<(Date, Range<usize>)> = Vec::new();
    for item in node.list()? {
        let span = item.span.clone();
        let Some(date) = item.date() else { continue };
        if dates.iter().any(|(d, _)| *d == date) {
            report.warning(&span, format!("`{path}` names {date} twice"), "once is enough");
        } else {
            dates.push((date, span));
        }
    }
    Some(dates)
}

fn read_open(
    node: Node<'_>,
    closed: &[(Date, Range<usize>)],
) -> Option<BTreeMap<Date, Vec<Block>>> {
    let (report, path) = (node.report, node.path.clone());
    let table = node.table()?;
    let mut open = BTreeMap::new();
    for (key, span, node) in table.all() {
        let hours = read_hours(&node);
        let Some(date) = parse_date(key) else {
            report.error(
                &span,
                format!("`{path}`: \"{key}\" is not a date"),
                "write { \"2026-12-24\" = \"09:00-12:00\" }",
            );
            continue;
        };
        if let Some((_, first)) = closed.iter().find(|(d, _)| *d == date) {
            report.error(
                &span,
                format!(
                    "{date} is listed as closed (line {}) and has hours of its own",
                    report.line(first.start)
                ),
                "keep one of the two",
            );
        }
        let Some(hours) = hours else { continue };
        let parts = hours.iter().map(|block| block.split().0);
        let mut sorted: Vec<Block> = parts.collect();
        sorted.sort_unstable();
        if let Some([a, b]) = sorted.windows(2).find_map(|w| match w {
            [a, b] if b.from < a.to => Some([*a, *b]),
            _ => None,
        }) {
            report.error(
                &node.span,
                format!("`{path}`: {a} and {b} overlap on {date}"),
                "let each block begin where the one before has ended",
            );
        }
        if open.insert(date, hours).is_some() {
            report.error(&span, format!("`{path}` gives {date} twice"), "keep one of the two");
        }
    }
    Some(open)
}
