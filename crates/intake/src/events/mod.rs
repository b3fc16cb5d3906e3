//! Events that are posted instead of read from files: Segment-shaped bodies and CloudEvents, as rows of the record.
//!
//! Pure: a body and the instant at which it came, to messages. A server, or `treaty events`, checks a body with
//! [`parse`], keeps it in the [`crate::journal`], and answers when it is safe; an import parses the journal again and
//! makes rows of it with [`rows`].
//!
//! - [`segment`] reads track, identify, page, screen, group, alias and batch;
//! - [`cloudevents`] reads CloudEvents 1.0: structured, in batches, and in binary mode;
//! - [`rows`] makes tables of messages, and completes people and accounts that are known already.

pub mod cloudevents;
pub mod rows;
pub mod segment;

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Name under which rows of events stand in the record.
pub const SOURCE: &str = "events";

/// A row of the record, or a part of one, that an event brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Table.
    pub table: &'static str,
    /// When it happened, microseconds since the epoch.
    pub at: i64,
    /// Columns and attributes by name.
    pub cells: BTreeMap<String, String>,
}

/// What one event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Id by which a repeated event is known.
    pub id: String,
    /// What it brings.
    pub rows: Vec<Row>,
    /// Why it brings nothing.
    pub passed_over: Option<&'static str>,
}

/// A body as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When, microseconds since the epoch.
    pub at: i64,
    /// The last part of the address: `track`, `batch`, ...; empty when only the body says what it is.
    pub call: String,
    /// Headers, lower case; only those that say what the body is.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// A body that says itself what it is.
    pub fn plain(at: i64, body: &[u8]) -> Self {
        Self { at, call: String::new(), headers: BTreeMap::new(), body: body.to_vec() }
    }

    /// As it is kept in the journal: a line of JSON, then the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = serde_json::json!({ "at": self.at, "call": self.call, "headers": self.headers }).to_string().into_bytes();
        out.push(b'\n');
        out.extend_from_slice(&self.body);
        out
    }

    /// Reads what [`Received::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let head: Value = serde_json::from_slice(&bytes[..end]).ok()?;
        let headers = head.get("headers")?.as_object()?.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect();
        Some(Self { at: head.get("at")?.as_i64()?, call: head.get("call")?.as_str()?.to_owned(), headers, body: bytes[end + 1..].to_vec() })
    }
}

/// Reads a body: all of its messages, or everything that is wrong with it.
///
/// # Errors
/// A sentence for each fault.
pub fn parse(received: &Received) -> Result<Vec<Message>, Vec<String>> {
    let content = received.headers.get("content-type").map(String::as_str).unwrap_or_default();
    if received.headers.contains_key("ce-id") || received.headers.contains_key("ce-type") || content.starts_with("application/cloudevents") {
        return cloudevents::parse(received);
    }
    let value: Value = serde_json::from_slice(&received.body).map_err(|e| vec![format!("the body is no JSON: {e}")])?;
    let first = value.as_array().and_then(|a| a.first()).unwrap_or(&value);
    if received.call.is_empty() && first.get("specversion").is_some() {
        return cloudevents::parse(received);
    }
    segment::parse(&received.call, &value, received.at)
}

/// Text of a scalar that is not empty.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) => Some(s.trim()).filter(|s| !s.is_empty()).map(str::to_owned),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// The first of several keys that has a text.
fn first(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|k| text(object.get(*k)))
}

/// An instant: RFC 3339, or seconds or milliseconds since the epoch.
fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::String(s) => s.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond),
        Value::Number(n) => {
            let n = n.as_f64()?;
            let micros = if n.abs() >= 1e11 { n * 1e3 } else { n * 1e6 };
            (micros.abs() < 1e17).then_some(micros as i64)
        }
        _ => None,
    }
}

/// Text of an instant.
fn instant_text(at: i64) -> String {
    treaty_domain::zone::Micros(at).to_string()
}

/// `firstName` as `first_name`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(if c == ' ' || c == '-' || c == '.' { '_' } else { c }.to_lowercase());
    }
    out
}

/// Adds the scalars of an object as attributes; those named like a column of the table get a prefix. At most fifty.
fn attributes(row: &mut Row, object: &Map<String, Value>, taken: &[&str], prefix: &str) {
    let columns = treaty_app::layout::table(row.table);
    for (name, value) in object.iter().filter(|(n, _)| !taken.contains(&n.as_str())).take(50) {
        let Some(value) = text(Some(value)).filter(|v| v.len() <= 1_000 && name.len() <= 100) else { continue };
        let mut key = snake(name);
        if key == "attributes" || key.starts_with('_') || columns.is_some_and(|t| t.column(&key).is_some()) {
            key = format!("{prefix}_{}", key.trim_start_matches('_'));
        }
        row.cells.entry(key).or_insert(value);
    }
}

/// A stable 64-bit hash (FNV-1a) of a text, for events without an id of their own.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_received_is_kept_as_it_came() {
        let mut r = Received::plain(5, b"{\"a\":\n1}");
        r.call = "track".to_owned();
        r.headers.insert("ce-id".to_owned(), "x\"y".to_owned());
        assert_eq!(Received::decode(&r.encode()), Some(r));
        assert_eq!(Received::decode(b"no line"), None);
    }

    #[test]
    fn instants_are_read_as_text_and_as_numbers() {
        for (json, want) in [("\"2026-01-01T00:00:00Z\"", 1_767_225_600_000_000), ("1767225600", 1_767_225_600_000_000), ("1767225600123", 1_767_225_600_123_000)] {
            assert_eq!(instant(&serde_json::from_str(json).expect("json")), Some(want), "{json}");
        }
        assert_eq!(instant(&Value::from("yesterday")), None);
        assert_eq!((snake("firstName"), snake("Lead Source"), snake("URL")), ("first_name".into(), "lead_source".into(), "u_r_l".into()));
    }
}
