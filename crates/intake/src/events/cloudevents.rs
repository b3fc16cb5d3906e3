//! CloudEvents 1.0 with JSON data: structured, in batches, and in binary mode with the attributes in headers.
//!
//! Data in the shape of Segment are taken as such. Otherwise the last word of `type` names a table: `person`, `account`,
//! `activity`; anything else is a touchpoint of that kind. Data name the columns of the record, in any case; `subject`
//! stands for the person, `time` for the instant. The id is that of the event with its source, as the standard has it.

use super::{Message, Received, Row, attributes, instant_text, segment, snake, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads a body.
///
/// # Errors
/// A sentence for each fault.
pub fn parse(received: &Received) -> Result<Vec<Message>, Vec<String>> {
    let content = received.headers.get("content-type").map(String::as_str).unwrap_or_default();
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|e| vec![format!("the body is no JSON: {e}")]);
    if received.headers.contains_key("ce-id") || received.headers.contains_key("ce-type") {
        let mut event = Map::new();
        for (name, value) in &received.headers {
            if let Some(name) = name.strip_prefix("ce-") {
                event.insert(name.to_owned(), unescape(value).into());
            }
        }
        if !received.body.is_empty() {
            if !(content.is_empty() || content.contains("json")) {
                return Err(vec![format!("data of type `{content}` cannot be read; send JSON")]);
            }
            event.insert("data".to_owned(), json(&received.body)?);
        }
        return one(&event, received.at).map(|m| vec![m]).map_err(|e| vec![e]);
    }
    let body = json(&received.body)?;
    let events: Vec<&Value> = match &body {
        Value::Array(all) => all.iter().collect(),
        other => vec![other],
    };
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    for (i, event) in events.iter().enumerate() {
        match event.as_object().ok_or_else(|| "is no JSON object".to_owned()).and_then(|e| one(e, received.at)) {
            Ok(message) => out.push(message),
            Err(e) if body.is_array() => faults.push(format!("event {i}: {e}")),
            Err(e) => faults.push(e),
        }
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// Header values hold what is not plain ASCII as `%XX`.
fn unescape(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let coded = bytes.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match coded.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn one(event: &Map<String, Value>, received_at: i64) -> Result<Message, String> {
    let need = |name: &str| text(event.get(name)).ok_or_else(|| format!("`{name}` is missing"));
    let version = need("specversion")?;
    if version != "1.0" {
        return Err(format!("specversion `{version}` is not 1.0"));
    }
    let (id, source, kind) = (need("id")?, need("source")?, need("type")?);
    let at = segment::happened(event.get("time"), None, received_at).map_err(|e| e.replace("`timestamp`", "`time`"))?;
    let empty = Map::new();
    let data = match (event.get("data"), event.get("data_base64")) {
        (None | Some(Value::Null), None) => &empty,
        (Some(Value::Object(data)), _) => data,
        (_, Some(_)) => return Err("`data_base64` holds no JSON; send `data`".to_owned()),
        _ => return Err("`data` is no JSON object".to_owned()),
    };
    let key = format!("event:{source}#{id}");
    let shaped = text(data.get("type")).is_some() && (data.contains_key("userId") || data.contains_key("anonymousId"));
    if shaped {
        let mut data = data.clone();
        data.entry("timestamp").or_insert_with(|| instant_text(at).into());
        return segment::one("", &data, None, received_at).map(|m| Message { id: key.clone(), rows: m.rows.into_iter().map(|r| rekeyed(r, &key)).collect(), ..m });
    }
    let word = snake(kind.rsplit(['.', '/', ':']).find(|w| !is_version(w)).unwrap_or_default());
    let (table, id_column, time_column) = match word.as_str() {
        "person" | "people" | "contact" | "lead" => ("people", "person_id", "created_at"),
        "account" | "accounts" | "company" | "organization" => ("accounts", "account_id", "created_at"),
        "activity" | "activities" | "call" | "meeting" | "task" => ("activities", "activity_id", "occurred_at"),
        _ => ("touchpoints", "touchpoint_id", "occurred_at"),
    };
    let columns = treaty_app::layout::table(table).ok_or("no such table")?;
    let mut row = Row { table, at, cells: BTreeMap::new() };
    let mut taken = Vec::new();
    for (name, value) in data {
        let column = snake(name);
        if let (Some(_), Some(value)) = (columns.column(&column), text(Some(value))) {
            row.cells.insert(column, value);
            taken.push(name.as_str());
        }
    }
    attributes(&mut row, data, &taken, "data");
    row.cells.entry(time_column.to_owned()).or_insert_with(|| instant_text(at));
    let subject = text(event.get("subject"));
    match table {
        "people" | "accounts" => {
            let found = row.cells.remove(id_column).or(subject).ok_or_else(|| format!("no `{id_column}` in `data`, and no `subject`"))?;
            row.cells.insert(id_column.to_owned(), found);
        }
        _ => {
            row.cells.insert(id_column.to_owned(), key.clone());
            if let Some(subject) = subject {
                row.cells.entry("person_id".to_owned()).or_insert(subject);
            }
            if !row.cells.contains_key("person_id") && (table == "touchpoints" || !row.cells.contains_key("opportunity_id")) {
                return Err("nobody is named: no `person_id` in `data`, and no `subject`".to_owned());
            }
            let told = if table == "activities" && word != "activity" && word != "activities" { word } else { kind };
            row.cells.entry("kind".to_owned()).or_insert(told);
        }
    }
    Ok(Message { id: key, rows: vec![row], passed_over: None })
}

/// `v1`, `2`.
fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn rekeyed(mut row: Row, key: &str) -> Row {
    for column in ["touchpoint_id", "activity_id"] {
        if let Some(cell) = row.cells.get_mut(column) {
            *cell = key.to_owned();
        }
    }
    row
}
