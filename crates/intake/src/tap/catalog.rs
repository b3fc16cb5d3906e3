//! Catalogues: what a tap can read, and what of it is chosen.

use super::message::{columns_of, member, text, texts};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a stream before its first row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Members that tell rows apart.
    pub keys: Vec<String>,
    /// Members that rows may have.
    pub columns: Vec<String>,
}

/// A catalogue to hand to a tap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its text.
    pub text: String,
    /// Singer: names of the streams that are wanted.
    pub wanted: BTreeSet<String>,
    /// Airbyte: the streams, since their rows do not come with a schema.
    pub streams: BTreeMap<String, Known>,
    /// Streams that are read from beginning to end each time, and say so.
    pub whole: BTreeSet<String>,
}

const MANY_NAMES: usize = 40;

fn none_wanted(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(MANY_NAMES).map(String::as_str).collect();
    let more = if all.len() > MANY_NAMES { format!(" and {} more", all.len() - MANY_NAMES) } else { String::new() };
    if all.is_empty() {
        return "the tap lists no stream at all; look at its settings".to_owned();
    }
    format!(
        "none of its streams is a table of the record or read by a pack; name a pack that reads them (--pack). It has {}{more}",
        shown.join(", ")
    )
}

/// The streams of a catalogue of either protocol, also of one that a user wrote, and the columns of each.
pub(crate) fn listed(catalogue: &str) -> Vec<(String, Vec<String>)> {
    let value: Value = catalogue.find('{').and_then(|at| serde_json::from_str(&catalogue[at..]).ok()).unwrap_or_default();
    let stream = |entry: &Value| {
        let inner = entry.get("stream").filter(|s| s.is_object()).unwrap_or(entry);
        let name = ["stream_alias", "stream", "name"].iter().find_map(|key| inner.get(key).and_then(Value::as_str))?;
        let schema = inner.get("schema").or_else(|| inner.get("json_schema"));
        let columns = schema.and_then(|s| s.get("properties")).and_then(Value::as_object);
        Some((name.to_owned(), columns.map(|c| c.keys().cloned().collect()).unwrap_or_default()))
    };
    value.get("streams").and_then(Value::as_array).into_iter().flatten().filter_map(stream).collect()
}

/// Chooses streams of a Singer catalogue, with all their fields, read by what changed where the tap can do that.
///
/// # Errors
/// When the text is no catalogue, or nothing in it is wanted.
pub fn choose_singer(text: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Choice, String> {
    let start = text.find('{').ok_or("discovery printed no catalogue")?;
    let mut catalogue: Value = serde_json::from_str(&text[start..]).map_err(|e| format!("discovery printed no catalogue: {e}"))?;
    let streams = catalogue.get_mut("streams").and_then(Value::as_array_mut).ok_or("discovery printed no list of streams")?;
    let id = |s: &Value| s.get("tap_stream_id").or_else(|| s.get("stream")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = |s: &Value| {
        let alias = s.get("stream_alias").and_then(Value::as_str).filter(|a| !a.is_empty());
        alias.or_else(|| s.get("stream").and_then(Value::as_str)).map_or_else(|| id(s), str::to_owned)
    };
    let named: BTreeSet<String> = streams.iter().map(name).filter(|n| wanted(n)).collect();
    let mut chosen: BTreeSet<String> = streams.iter().filter(|s| wanted(&name(s))).map(id).collect();
    if chosen.is_empty() {
        return Err(none_wanted(&streams.iter().map(name).collect::<Vec<_>>()));
    }
    // A stream that is read within another one needs that one, too.
    for _ in 0..streams.len() {
        let parent = |s: &Value| root(s).and_then(|r| r.get("parent-tap-stream-id")).and_then(Value::as_str).map(str::to_owned);
        let parents: Vec<String> = streams.iter().filter(|s| chosen.contains(&id(s))).filter_map(parent).collect();
        let before = chosen.len();
        chosen.extend(parents);
        if chosen.len() == before {
            break;
        }
    }
    for stream in streams.iter_mut() {
        let selected = chosen.contains(&id(stream));
        choose_fields(stream, selected);
    }
    Ok(Choice { text: catalogue.to_string(), wanted: named, ..Choice::default() })
}

/// Metadata of the stream itself.
fn root(stream: &Value) -> Option<&Map<String, Value>> {
    let all = stream.get("metadata")?.as_array()?;
    all.iter().find(|m| m.get("breadcrumb").and_then(Value::as_array).is_some_and(Vec::is_empty))?.get("metadata")?.as_object()
}

fn choose_fields(stream: &mut Value, selected: bool) {
    let Some(object) = stream.as_object_mut() else { return };
    let Some(all) = object.get_mut("metadata").and_then(Value::as_array_mut) else {
        object.insert("selected".to_owned(), Value::Bool(selected));
        if let Some(schema) = object.get_mut("schema").and_then(Value::as_object_mut) {
            schema.insert("selected".to_owned(), Value::Bool(selected));
        }
        return;
    };
    let is_root = |m: &Value| m.get("breadcrumb").and_then(Value::as_array).is_some_and(Vec::is_empty);
    if !all.iter().any(is_root) {
        all.insert(0, json!({"breadcrumb": [], "metadata": {}}));
    }
    for entry in all.iter_mut() {
        let at_root = is_root(entry);
        let Some(data) = entry.get_mut("metadata").and_then(Value::as_object_mut) else { continue };
        if data.get("inclusion").and_then(Value::as_str) != Some("unsupported") {
            data.insert("selected".to_owned(), Value::Bool(selected));
        }
        if at_root && selected {
            replicate(data);
        }
    }
}

/// How a stream is replicated: as the tap demands; else by its key, if it has one.
fn replicate(data: &mut Map<String, Value>) {
    if data.get("replication-method").is_some_and(Value::is_string) {
        return;
    }
    let forced = match data.get("forced-replication-method") {
        Some(Value::String(method)) => Some(method.clone()),
        Some(Value::Object(of)) => of.get("replication-method").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let key = match data.get("valid-replication-keys") {
        Some(Value::Array(keys)) => keys.first().and_then(Value::as_str).map(str::to_owned),
        Some(Value::String(key)) => Some(key.clone()),
        _ => None,
    };
    let method = forced.unwrap_or_else(|| if key.is_some() { "INCREMENTAL" } else { "FULL_TABLE" }.to_owned());
    if let (Some(key), "INCREMENTAL") = (key, method.as_str()) {
        data.insert("replication-key".to_owned(), Value::String(key));
    }
    data.insert("replication-method".to_owned(), Value::String(method));
}

/// Makes the configured catalogue of an Airbyte source: streams by what changed where the source can do that.
///
/// # Errors
/// When the text is no catalogue, or nothing in it is wanted.
pub fn choose_airbyte(catalogue: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Choice, String> {
    let value: Value = serde_json::from_str(catalogue).map_err(|e| format!("discovery printed no catalogue: {e}"))?;
    let all = value.get("streams").and_then(Value::as_array).ok_or("discovery printed no list of streams")?;
    let name = |s: &Value| s.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut configured = Vec::new();
    for stream in all.iter().filter(|s| wanted(&name(s))) {
        let modes: Vec<&str> = stream.get("supported_sync_modes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let cursor = stream.get("default_cursor_field").filter(|c| c.as_array().is_some_and(|c| !c.is_empty()));
        let own_cursor = stream.get("source_defined_cursor").and_then(Value::as_bool).unwrap_or(false);
        let incremental = modes.contains(&"incremental") && (own_cursor || cursor.is_some());
        let key = stream.get("source_defined_primary_key").filter(|k| k.as_array().is_some_and(|k| !k.is_empty()));
        let mut entry = json!({
            "stream": stream,
            "sync_mode": if incremental { "incremental" } else { "full_refresh" },
            "destination_sync_mode": match (incremental, key) {
                (true, Some(_)) => "append_dedup",
                (true, None) => "append",
                (false, _) => "overwrite",
            },
        });
        if let (Some(entry), Some(cursor)) = (entry.as_object_mut(), cursor.filter(|_| incremental)) {
            entry.insert("cursor_field".to_owned(), cursor.clone());
        }
        if let (Some(entry), Some(key)) = (entry.as_object_mut(), key) {
            entry.insert("primary_key".to_owned(), key.clone());
        }
        configured.push(entry);
    }
    if configured.is_empty() {
        return Err(none_wanted(&all.iter().map(name).collect::<Vec<_>>()));
    }
    read_configured(&json!({ "streams": configured }).to_string())
}

/// Reads a configured catalogue of an Airbyte source, such as one that a user wrote.
///
/// # Errors
/// When it is none.
pub fn read_configured(catalogue: &str) -> Result<Choice, String> {
    let value: Value = serde_json::from_str(catalogue).map_err(|e| format!("the catalogue is no valid JSON: {e}"))?;
    let all = value.get("streams").and_then(Value::as_array).ok_or("the catalogue has no list of streams")?;
    let mut choice = Choice { text: catalogue.to_owned(), ..Choice::default() };
    for entry in all {
        let raw = entry.to_string();
        let stream = member(&raw, "stream").ok_or("the catalogue is not a configured one: an entry has no stream")?;
        let name = text(member(stream, "name")).ok_or("a stream of the catalogue has no name")?.into_owned();
        let mut keys = texts(member(&raw, "primary_key"));
        if keys.is_empty() {
            keys = texts(member(stream, "source_defined_primary_key"));
        }
        if text(member(&raw, "sync_mode")).is_some_and(|m| m == "full_refresh") {
            choice.whole.insert(name.clone());
        }
        choice.streams.insert(name, Known { keys, columns: columns_of(member(stream, "json_schema")) });
    }
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta<'v>(catalogue: &'v Value, stream: usize, crumb: &[&str]) -> &'v Value {
        let all = catalogue["streams"][stream]["metadata"].as_array().expect("metadata");
        &all.iter().find(|m| m["breadcrumb"] == json!(crumb)).expect("the entry")["metadata"]
    }

    #[test]
    fn a_singer_catalogue_is_chosen_by_stream_with_all_its_fields() {
        let text = json!({"streams": [
            {"stream": "Lead", "tap_stream_id": "Lead", "schema": {}, "metadata": [
                {"breadcrumb": [], "metadata": {"valid-replication-keys": ["SystemModstamp"]}},
                {"breadcrumb": ["properties", "Id"], "metadata": {"inclusion": "automatic"}},
                {"breadcrumb": ["properties", "Bad"], "metadata": {"inclusion": "unsupported"}}]},
            {"stream": "Rule", "tap_stream_id": "Rule", "metadata": [{"breadcrumb": [], "metadata": {"forced-replication-method": "FULL_TABLE"}}]},
            {"stream": "child", "tap_stream_id": "child", "metadata": [{"breadcrumb": [], "metadata": {"parent-tap-stream-id": "parent"}}]},
            {"stream": "parent", "tap_stream_id": "parent", "metadata": []},
            {"stream": "old", "tap_stream_id": "old", "schema": {}}
        ]});
        let wanted = |name: &str| matches!(name, "Lead" | "Rule" | "child" | "old");
        let choice = choose_singer(&format!("noise\n{text}"), &wanted).expect("a choice");
        let out: Value = serde_json::from_str(&choice.text).expect("JSON");
        assert_eq!(*meta(&out, 0, &[]), json!({"valid-replication-keys": ["SystemModstamp"], "selected": true, "replication-key": "SystemModstamp", "replication-method": "INCREMENTAL"}));
        assert_eq!(meta(&out, 0, &["properties", "Id"])["selected"], json!(true));
        assert_eq!(*meta(&out, 0, &["properties", "Bad"]), json!({"inclusion": "unsupported"}));
        assert_eq!(meta(&out, 1, &[])["replication-method"], json!("FULL_TABLE"));
        assert_eq!(meta(&out, 3, &[])["selected"], json!(true), "a child needs its parent");
        assert_eq!(out["streams"][4]["schema"]["selected"], json!(true));
        assert_eq!(listed(&text.to_string())[0], ("Lead".to_owned(), Vec::new()));
        let error = choose_singer(&text.to_string(), &|_| false).expect_err("nothing is wanted");
        assert!(error.contains("It has Lead, Rule, child, parent, old"), "{error}");
        assert!(choose_singer("no", &wanted).is_err());
        assert!(choose_singer("{\"a\":1}", &wanted).is_err());
    }

    #[test]
    fn an_airbyte_catalogue_is_read_by_what_changed_where_it_can_be() {
        let text = json!({"streams": [
            {"name": "users", "json_schema": {"properties": {"id": {}, "email": {}}}, "supported_sync_modes": ["full_refresh", "incremental"],
             "source_defined_cursor": true, "default_cursor_field": ["updated_at"], "source_defined_primary_key": [["id"]]},
            {"name": "rates", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            {"name": "left", "json_schema": {}}
        ]});
        let choice = choose_airbyte(&text.to_string(), &|name| name != "left").expect("a choice");
        let out: Value = serde_json::from_str(&choice.text).expect("JSON");
        let of = |i: usize, key: &str| out["streams"][i][key].clone();
        assert_eq!((of(0, "sync_mode"), of(0, "destination_sync_mode")), (json!("incremental"), json!("append_dedup")));
        assert_eq!((of(0, "cursor_field"), of(0, "primary_key")), (json!(["updated_at"]), json!([["id"]])));
        assert_eq!((of(1, "sync_mode"), of(1, "destination_sync_mode")), (json!("full_refresh"), json!("overwrite")));
        assert_eq!(choice.whole, BTreeSet::from(["rates".to_owned()]));
        let known = Known { keys: vec!["id".to_owned()], columns: vec!["id".to_owned(), "email".to_owned()] };
        assert_eq!(choice.streams["users"], known);
        assert_eq!(choice.streams.len(), 2);
        for catalogue in [text.to_string(), choice.text] {
            assert_eq!(listed(&catalogue)[0], ("users".to_owned(), vec!["id".to_owned(), "email".to_owned()]));
        }
    }
}
