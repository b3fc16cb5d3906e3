//! One message of a tap: Singer and Airbyte lines told apart by their own shape.
//!
//! A Singer message names its stream at the top (`stream`, `record`, `value`), an Airbyte message puts everything into
//! a member named like its type (`record.stream`, `record.data`, `state`). Times such as `emitted_at` are not needed
//! and so may be whole numbers, floats or text. Values are kept letter for letter: ids of twenty digits stay whole.

use crate::json_file::{Members, text_of};
use std::borrow::Cow;

/// Which protocol a tap speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Singer: SCHEMA, RECORD, STATE.
    Singer,
    /// Airbyte: RECORD, STATE, LOG, TRACE and others.
    Airbyte,
}

impl Protocol {
    /// Name for people and for the kept state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Singer => "Singer",
            Self::Airbyte => "Airbyte",
        }
    }
}

/// A message, borrowed from its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'t> {
    /// Singer: what a stream looks like.
    Schema {
        /// Stream.
        stream: Cow<'t, str>,
        /// Members that tell its records apart.
        keys: Vec<String>,
        /// Members that its records may have.
        columns: Vec<String>,
    },
    /// A row.
    Record {
        /// Protocol.
        protocol: Protocol,
        /// Stream.
        stream: Cow<'t, str>,
        /// The row: a JSON object.
        record: &'t str,
        /// Singer: version of the table that the row belongs to.
        version: Option<i64>,
    },
    /// Singer: where to go on next time.
    SingerState(&'t str),
    /// Airbyte: where one stream, or all of them, go on next time.
    AirbyteState(AirbyteState<'t>),
    /// Singer: rows of other versions are no longer in the source.
    ActivateVersion {
        /// Stream.
        stream: Cow<'t, str>,
        /// The version that counts.
        version: Option<i64>,
    },
    /// Singer: rows stand in files beside the messages.
    Batch {
        /// Stream.
        stream: Cow<'t, str>,
    },
    /// Airbyte: a line for the log.
    Log(String),
    /// Airbyte: the source says that it failed.
    Failed(String),
    /// Airbyte: the source changed its own settings, such as a renewed token.
    Config(&'t str),
    /// Airbyte: what there is to read.
    Catalog(&'t str),
    /// Airbyte: what the settings look like.
    Spec,
    /// A message that needs nothing done.
    Other(Cow<'t, str>),
}

/// The state of an Airbyte source, in one of its three shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AirbyteState<'t> {
    /// Of one stream: its name with its namespace, and the state message.
    Stream(String, &'t str),
    /// Of all streams together: the state message.
    Global(&'t str),
    /// Old: whatever the source wants to see again.
    Legacy(&'t str),
}

/// Members of a JSON object by name, without those whose key is no text.
pub(crate) fn members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    let mut rest = Members::of(object);
    let mut all = Vec::new();
    while let Some((key, raw)) = rest.next() {
        all.extend(key.map(|key| (key, raw)));
    }
    all
}

/// Number of members of a JSON object, also of those whose key is no text.
pub(crate) fn count(object: &str) -> usize {
    let mut rest = Members::of(object);
    std::iter::from_fn(|| rest.next()).count()
}

/// A member of an object, if there is one and it is not null.
pub(crate) fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    find(&members(object), name)
}

fn find<'t>(all: &[(Cow<'t, str>, &'t str)], name: &str) -> Option<&'t str> {
    all.iter().find(|(key, _)| key == name).map(|(_, raw)| *raw).filter(|raw| *raw != "null")
}

/// The text of a JSON text.
pub(crate) fn text<'t>(raw: Option<&'t str>) -> Option<Cow<'t, str>> {
    raw.filter(|raw| raw.starts_with('"')).and_then(text_of)
}

/// Texts of a list; of lists in it, their first (Airbyte keys are paths, and only members at the top are keys here).
pub(crate) fn texts(raw: Option<&str>) -> Vec<String> {
    let Some(raw) = raw else { return Vec::new() };
    let values: Vec<serde_json::Value> = serde_json::from_str(raw).unwrap_or_default();
    let text = |v: &serde_json::Value| match v {
        serde_json::Value::Array(path) if path.len() == 1 => path.first().and_then(|v| v.as_str()).map(str::to_owned),
        other => other.as_str().map(str::to_owned),
    };
    values.iter().filter_map(text).collect()
}

/// Names of the members that a JSON schema lists.
pub(crate) fn columns_of(schema: Option<&str>) -> Vec<String> {
    let properties = schema.and_then(|s| member(s, "properties")).filter(|p| p.starts_with('{'));
    properties.map(|p| members(p).into_iter().map(|(key, _)| key.into_owned()).collect()).unwrap_or_default()
}

/// Understands one JSON object. The text must be valid JSON.
///
/// # Errors
/// What a message of a known type lacks.
pub fn parse(object: &str) -> Result<Option<Message<'_>>, String> {
    let all = members(object);
    let Some(kind) = text(find(&all, "type")) else { return Ok(None) };
    let stream = || text(find(&all, "stream")).ok_or_else(|| format!("a {kind} message names no stream"));
    let object_of = |name: &str| find(&all, name).filter(|raw| raw.starts_with('{'));
    let lacks = |what: &str| format!("a {kind} message has no {what}");
    Ok(Some(match kind.as_ref() {
        "SCHEMA" => Message::Schema {
            stream: stream()?,
            keys: texts(find(&all, "key_properties")),
            columns: columns_of(object_of("schema")),
        },
        "RECORD" if find(&all, "stream").is_some() => Message::Record {
            protocol: Protocol::Singer,
            stream: stream()?,
            record: object_of("record").ok_or_else(|| lacks("record that is an object"))?,
            version: whole(find(&all, "version")),
        },
        "RECORD" => {
            let record = object_of("record").ok_or_else(|| lacks("stream and no record"))?;
            let inner = members(record);
            Message::Record {
                protocol: Protocol::Airbyte,
                stream: text(find(&inner, "stream")).ok_or_else(|| lacks("stream"))?,
                record: find(&inner, "data").filter(|d| d.starts_with('{')).ok_or_else(|| lacks("data that is an object"))?,
                version: None,
            }
        }
        "STATE" => match (find(&all, "state"), all.iter().find(|(key, _)| key == "value")) {
            (_, Some((_, value))) => Message::SingerState(value),
            (Some(state), None) if state.starts_with('{') => Message::AirbyteState(airbyte_state(state)?),
            _ => return Err(lacks("value and no state")),
        },
        "ACTIVATE_VERSION" => Message::ActivateVersion { stream: stream()?, version: whole(find(&all, "version")) },
        "BATCH" => Message::Batch { stream: stream()? },
        "LOG" => {
            let log = object_of("log").map(members).unwrap_or_default();
            let of = |name: &str| text(find(&log, name)).unwrap_or_default();
            Message::Log(format!("{} {}", of("level"), of("message")).trim().to_owned())
        }
        "TRACE" => match object_of("trace") {
            Some(trace) if text(member(trace, "type")).is_some_and(|t| t == "ERROR") => Message::Failed(failure(member(trace, "error"))),
            _ => Message::Other(kind),
        },
        "CONNECTION_STATUS" => match object_of("connectionStatus") {
            Some(status) if text(member(status, "status")).is_some_and(|s| s == "FAILED") => {
                Message::Failed(text(member(status, "message")).unwrap_or_default().into_owned())
            }
            _ => Message::Other(kind),
        },
        "CONTROL" => match object_of("control").and_then(|c| member(c, "connectorConfig")).and_then(|c| member(c, "config")) {
            Some(config) if config.starts_with('{') => Message::Config(config),
            _ => Message::Other(kind),
        },
        "CATALOG" => Message::Catalog(object_of("catalog").ok_or_else(|| lacks("catalog"))?),
        "SPEC" => Message::Spec,
        _ => Message::Other(kind),
    }))
}

/// A whole number, also when it is written as a float.
fn whole(raw: Option<&str>) -> Option<i64> {
    let raw = raw?;
    let of_float = |f: f64| f.is_finite().then_some(f as i64);
    raw.parse().ok().or_else(|| raw.parse::<f64>().ok().and_then(of_float))
}

fn failure(error: Option<&str>) -> String {
    let error = error.filter(|e| e.starts_with('{')).map(members).unwrap_or_default();
    let (message, inner) = (text(find(&error, "message")), text(find(&error, "internal_message")));
    match (message, inner) {
        (Some(message), Some(inner)) if message != inner => format!("{message} ({inner})"),
        (Some(one), _) | (None, Some(one)) => one.into_owned(),
        (None, None) => "without saying why".to_owned(),
    }
}

fn airbyte_state(state: &str) -> Result<AirbyteState<'_>, String> {
    let all = members(state);
    let part = |name: &str| find(&all, name).filter(|raw| raw.starts_with('{'));
    let kind = text(find(&all, "type"));
    match (kind.as_deref(), part("stream"), part("global")) {
        (Some("GLOBAL"), _, Some(_)) => Ok(AirbyteState::Global(state)),
        (Some("STREAM") | None, Some(stream), _) => {
            let named = member(stream, "stream_descriptor").filter(|d| d.starts_with('{')).map(members).unwrap_or_default();
            let name = text(find(&named, "name")).ok_or("a STATE message names no stream")?;
            let space = text(find(&named, "namespace")).unwrap_or_default();
            Ok(AirbyteState::Stream(format!("{space}\u{1f}{name}"), state))
        }
        (Some("LEGACY") | None, _, _) => match all.iter().find(|(key, _)| key == "data") {
            Some((_, data)) => Ok(AirbyteState::Legacy(data)),
            None => Err("a STATE message has no data".to_owned()),
        },
        (Some(other), ..) => Err(format!("a STATE message is of the type {other}, which is not known")),
    }
}
