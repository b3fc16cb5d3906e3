//! Segment-shaped bodies, as the SDKs of Segment, RudderStack and others post them.
//!
//! | call | becomes |
//! |---|---|
//! | `track` | a touchpoint; an activity of sales if its properties name an `activity` |
//! | `page`, `screen` | a touchpoint, answered to only if a campaign led there |
//! | `identify` | a person, and the merge of the anonymous id into the user id |
//! | `group` | an account, and the account of the person |
//! | `alias` | a merge of the previous id into the user id |
//! | `batch` | any of these |
//!
//! A visitor who never said who they are is no person of the record, and so no lead; their touches wait under the
//! anonymous id, and belong to the person as soon as an `identify` names both.

use super::{Message, Row, attributes, first, hash, instant, instant_text, snake, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Calls beside `batch`.
const CALLS: &[&str] = &["alias", "group", "identify", "page", "screen", "track"];

/// Difference of the clocks of sender and receiver that is taken for the time on the way.
const ON_THE_WAY: i64 = 5_000_000;

/// Most messages of one body.
const MOST: usize = 10_000;

/// Sites on which people search.
const SEARCH: &[&str] = &["baidu", "bing", "duckduckgo", "ecosia", "google", "naver", "qwant", "startpage", "yahoo", "yandex"];

/// Properties of a track call that say what sales did.
const ACTIVITY: &[&str] = &["activity", "user_id", "userId", "direction", "automated", "outcome", "opportunity_id", "opportunityId"];

/// Reads a body.
///
/// # Errors
/// A sentence for each fault.
pub fn parse(call: &str, body: &Value, received_at: i64) -> Result<Vec<Message>, Vec<String>> {
    let call = call.trim_matches('/').rsplit('/').next().unwrap_or_default();
    let whole = body.as_object().ok_or_else(|| vec!["the body is no JSON object".to_owned()])?;
    let batch = whole.get("batch").and_then(Value::as_array);
    if !call.is_empty() && call != "batch" && call != "import" && !CALLS.contains(&call) {
        return Err(vec![format!("`{call}` is none of {}, batch", CALLS.join(", "))]);
    }
    let Some(batch) = batch else {
        if call == "batch" || call == "import" {
            return Err(vec!["`batch` is missing: a list of messages".to_owned()]);
        }
        return one(call, whole, None, received_at).map(|m| vec![m]).map_err(|e| vec![e]);
    };
    if batch.len() > MOST {
        return Err(vec![format!("{} messages in one body; at most {MOST}", batch.len())]);
    }
    let (mut out, mut faults) = (Vec::with_capacity(batch.len()), Vec::new());
    for (i, item) in batch.iter().enumerate() {
        match item.as_object().ok_or_else(|| "is no JSON object".to_owned()).and_then(|m| one("", m, Some(whole), received_at)) {
            Ok(message) => out.push(message),
            Err(e) => faults.push(format!("batch[{i}]: {e}")),
        }
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// Reads one message. A batch gives its messages `sentAt` and `context`.
pub(super) fn one(call: &str, m: &Map<String, Value>, batch: Option<&Map<String, Value>>, received_at: i64) -> Result<Message, String> {
    let said = text(m.get("type"));
    let call = match (call, said.as_deref()) {
        ("", Some(said)) => said,
        ("", None) => return Err(format!("`type` is missing; one of {}", CALLS.join(", "))),
        (call, _) => call,
    };
    if !CALLS.contains(&call) {
        return Err(format!("type `{call}` is none of {}", CALLS.join(", ")));
    }
    let from = |key: &str| m.get(key).or_else(|| batch.and_then(|b| b.get(key)));
    let at = happened(m.get("timestamp").or_else(|| m.get("originalTimestamp")), from("sentAt"), received_at)?;
    let id = text(m.get("messageId")).unwrap_or_else(|| {
        let mut plain = m.clone();
        plain.remove("sentAt");
        format!("{:016x}", hash(&format!("{call} {}", Value::Object(plain))))
    });
    let (user, anonymous) = (text(m.get("userId")), text(m.get("anonymousId")));
    let empty = Map::new();
    let object = |key: &str| m.get(key).and_then(Value::as_object).unwrap_or(&empty);
    let context = from("context").and_then(Value::as_object).unwrap_or(&empty);
    let person = user.clone().or_else(|| anonymous.clone());
    let need = |what: Option<String>, name: &str| what.ok_or_else(|| format!("{call} without {name}"));
    let mut message = Message { id: format!("event:{id}"), rows: Vec::new(), passed_over: None };
    match call {
        "track" => {
            let event = need(text(m.get("event")), "`event`")?;
            let person = need(person, "`userId` or `anonymousId`")?;
            let row = match first(object("properties"), &["activity"]) {
                Some(kind) => activity(&message.id, at, &person, &kind, &event, object("properties")),
                None => touch(&message.id, at, &person, &event, true, context, object("properties")),
            };
            message.rows.push(row);
        }
        "page" | "screen" => {
            let person = need(person, "`userId` or `anonymousId`")?;
            let led = context.get("campaign").and_then(Value::as_object).is_some_and(|c| !c.is_empty());
            let mut row = touch(&message.id, at, &person, call, led, context, object("properties"));
            if let Some(name) = text(m.get("name")) {
                row.cells.entry("page_name".to_owned()).or_insert(name);
            }
            message.rows.push(row);
        }
        "identify" => {
            let person = need(person, "`userId` or `anonymousId`")?;
            let traits = object("traits");
            if user.is_none() && first(traits, &["email"]).is_none() {
                message.passed_over = Some("identify says neither who it is nor their e-mail");
            } else {
                message.rows.push(self::person(&person, at, traits, context));
            }
            message.rows.extend(merge(anonymous, user, at, "identify"));
        }
        "group" => {
            let group = need(text(m.get("groupId")), "`groupId`")?;
            message.rows.push(account(&group, at, object("traits")));
            if let Some(user) = user {
                let mut row = Row { table: "people", at, cells: BTreeMap::new() };
                row.cells.insert("person_id".to_owned(), user);
                row.cells.insert("account_id".to_owned(), group);
                message.rows.push(row);
            }
        }
        _ => {
            let previous = need(text(m.get("previousId")).or(anonymous), "`previousId`")?;
            let user = need(user, "`userId`")?;
            message.rows.extend(merge(Some(previous), Some(user), at, "alias"));
            if message.rows.is_empty() {
                message.passed_over = Some("alias of an id to itself");
            }
        }
    }
    Ok(message)
}

/// When it happened by the clock of the receiver: what the sender's clock shows, less what it is off by when it sends. A
/// small difference is the time on the way. Nothing happens later than it is received.
pub fn happened(timestamp: Option<&Value>, sent_at: Option<&Value>, received_at: i64) -> Result<i64, String> {
    let read = |value: Option<&Value>, name: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => instant(value).map(Some).ok_or_else(|| format!("`{name}` is no instant such as 2026-03-01T09:30:00Z: {value}")),
    };
    let Some(own) = read(timestamp, "timestamp")? else { return Ok(received_at) };
    let off = read(sent_at, "sentAt")?.map_or(0, |sent| sent.saturating_sub(received_at));
    let own = if off.abs() <= ON_THE_WAY { own } else { own.saturating_sub(off) };
    Ok(own.min(received_at))
}

fn touch(id: &str, at: i64, person: &str, kind: &str, responded: bool, context: &Map<String, Value>, properties: &Map<String, Value>) -> Row {
    let mut row = Row { table: "touchpoints", at, cells: BTreeMap::new() };
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            row.cells.insert(name.to_owned(), value);
        }
    };
    let empty = Map::new();
    let inner = |key: &str| context.get(key).and_then(Value::as_object).unwrap_or(&empty);
    let (campaign, page) = (inner("campaign"), inner("page"));
    let of_page = |key: &str| first(properties, &[key]).or_else(|| first(page, &[key]));
    let (url, referrer) = (of_page("url"), of_page("referrer"));
    put("touchpoint_id", Some(id.to_owned()));
    put("person_id", Some(person.to_owned()));
    put("occurred_at", Some(instant_text(at)));
    put("kind", Some(kind.to_owned()));
    put("responded", Some(responded.to_string()));
    put("channel", first(campaign, &["medium"]).map(|m| m.to_lowercase()).or_else(|| channel(url.as_deref(), referrer.as_deref())));
    put("campaign_id", first(campaign, &["id", "name"]));
    put("content_id", first(properties, &["content_id", "contentId"]).or_else(|| of_page("path")));
    put("url", url);
    put("referrer", referrer);
    for (key, name) in [("source", "utm_source"), ("term", "utm_term"), ("content", "utm_content")] {
        put(name, first(campaign, &[key]));
    }
    attributes(&mut row, properties, &["url", "referrer", "path", "content_id", "contentId", "title", "search"], "property");
    row
}

/// The channel that the page before tells: another site, a search, or none.
fn channel(url: Option<&str>, referrer: Option<&str>) -> Option<String> {
    let url = url?;
    let Some(referrer) = referrer else { return Some("direct".to_owned()) };
    let site = |text: &str| crate::identity::email::registrable(text);
    let from = site(referrer)?;
    if site(url).as_ref() == Some(&from) {
        return None;
    }
    let brand = from.split('.').next().unwrap_or_default();
    Some(if SEARCH.contains(&brand) { "organic search" } else { "referral" }.to_owned())
}

fn activity(id: &str, at: i64, person: &str, kind: &str, event: &str, properties: &Map<String, Value>) -> Row {
    let mut row = Row { table: "activities", at, cells: BTreeMap::new() };
    for (name, value) in [
        ("activity_id", Some(id.to_owned())),
        ("person_id", Some(person.to_owned())),
        ("occurred_at", Some(instant_text(at))),
        ("kind", Some(kind.to_lowercase())),
        ("user_id", first(properties, &["user_id", "userId"])),
        ("direction", first(properties, &["direction"])),
        ("automated", first(properties, &["automated"])),
        ("outcome", first(properties, &["outcome"])),
        ("opportunity_id", first(properties, &["opportunity_id", "opportunityId"])),
        ("event", Some(event.to_owned())),
    ] {
        if let Some(value) = value {
            row.cells.insert(name.to_owned(), value);
        }
    }
    attributes(&mut row, properties, ACTIVITY, "property");
    row
}

fn person(id: &str, at: i64, traits: &Map<String, Value>, context: &Map<String, Value>) -> Row {
    let mut row = Row { table: "people", at, cells: BTreeMap::new() };
    let address = traits.get("address").and_then(Value::as_object);
    let company = traits.get("company");
    let campaign = context.get("campaign").and_then(Value::as_object);
    let full = [first(traits, &["firstName", "first_name"]), first(traits, &["lastName", "last_name"])];
    let full = full.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let created = traits.get("createdAt").or_else(|| traits.get("created_at")).and_then(instant).filter(|c| *c <= at);
    for (name, value) in [
        ("person_id", Some(id.to_owned())),
        ("created_at", Some(instant_text(created.unwrap_or(at)))),
        ("email", first(traits, &["email"])),
        ("name", first(traits, &["name"]).or(Some(full).filter(|f| !f.is_empty()))),
        ("title", first(traits, &["title", "jobTitle", "job_title"])),
        ("phone", first(traits, &["phone"])),
        ("country", first(traits, &["country"]).or_else(|| text(address?.get("country")))),
        ("consent", first(traits, &["consent"])),
        ("lead_source", first(traits, &["leadSource", "lead_source"]).or_else(|| first(campaign?, &["source"]))),
        ("campaign_id", campaign.and_then(|c| first(c, &["id", "name"]))),
        ("company", text(company).or_else(|| text(company?.get("name")))),
    ] {
        if let Some(value) = value {
            row.cells.insert(name.to_owned(), value);
        }
    }
    let taken = [
        "address", "company", "createdAt", "created_at", "email", "firstName", "first_name", "jobTitle", "job_title", "lastName",
        "last_name", "leadSource", "lead_source", "name", "phone", "title", "country", "consent",
    ];
    attributes(&mut row, traits, &taken, "trait");
    row
}

fn account(id: &str, at: i64, traits: &Map<String, Value>) -> Row {
    let mut row = Row { table: "accounts", at, cells: BTreeMap::new() };
    let address = traits.get("address").and_then(Value::as_object);
    let employees = first(traits, &["employees"]).filter(|e| e.bytes().all(|b| b.is_ascii_digit()));
    let created = traits.get("createdAt").or_else(|| traits.get("created_at")).and_then(instant).filter(|c| *c <= at);
    for (name, value) in [
        ("account_id", Some(id.to_owned())),
        ("created_at", Some(instant_text(created.unwrap_or(at)))),
        ("name", first(traits, &["name"])),
        ("domain", first(traits, &["domain", "website"])),
        ("industry", first(traits, &["industry"])),
        ("employees", employees),
        ("country", first(traits, &["country"]).or_else(|| text(address?.get("country")))),
    ] {
        if let Some(value) = value {
            row.cells.insert(name.to_owned(), value);
        }
    }
    let taken = ["address", "createdAt", "created_at", "name", "domain", "website", "industry", "employees", "country"];
    attributes(&mut row, traits, &taken, "trait");
    row
}

/// The merge of an id that was used before into the one that stays.
fn merge(from: Option<String>, into: Option<String>, at: i64, reason: &str) -> Option<Row> {
    let (from, into) = (from?, into?);
    if from == into {
        return None;
    }
    let cells = [
        ("subject_type", "person".to_owned()),
        ("from_id", from),
        ("into_id", into),
        ("merged_at", instant_text(at)),
        ("source", super::SOURCE.to_owned()),
        ("reason", reason.to_owned()),
    ];
    Some(Row { table: "merges", at, cells: cells.into_iter().map(|(k, v)| (snake(k), v)).collect() })
}
