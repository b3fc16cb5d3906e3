//! A record as one line of a kept file: its members as they came, then what lies inside objects under flat names.
//!
//! `{"id": 1, "properties": {"stage": "lead"}}` becomes `{"id":1,"properties":{"stage":"lead"},"properties__stage":"lead"}`.
//! The object stays whole, so that a pack can ask it with `attr()`; the flat names are columns.

use super::message::{count, members};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

/// Between the names of an object and of what lies in it.
pub const JOIN: &str = "__";

/// Column that says since when a row is no longer in the source.
pub const DELETED: &str = "_sdc_deleted_at";

/// Deepest object whose members get flat names.
const DEPTH: usize = 4;

/// Most flat names of a stream: more means that ids or dates are used as keys. The objects keep all of it.
const MOST_NAMES: usize = 5_000;

/// Flat names that a stream has used.
#[derive(Debug, Default)]
pub(crate) struct FlatNames {
    known: HashSet<String>,
    /// A name was not given, because there are too many.
    pub full: bool,
}

impl FlatNames {
    fn take(&mut self, name: &str) -> bool {
        if self.known.contains(name) {
            return true;
        }
        if self.known.len() >= MOST_NAMES {
            self.full = true;
            return false;
        }
        self.known.insert(name.to_owned())
    }
}

/// Writes a record, which must be valid JSON, as one line without its end.
pub(crate) fn write(record: &str, names: &mut FlatNames, line: &mut String) {
    let top = members(record);
    line.clear();
    if top.len() < count(record) {
        // A name that is no text: the reader of the line refuses it, and says so.
        push_one_line(line, record);
        return;
    }
    line.push('{');
    for (name, raw) in &top {
        put(line, name, raw);
    }
    if top.iter().any(|(_, raw)| raw.starts_with('{')) {
        // A name that is there already, or comes twice, stays as it is.
        let mut used: HashSet<String> = top.iter().map(|(name, _)| name.trim().to_owned()).collect();
        let mut flat: Vec<(String, &str)> = Vec::new();
        for (name, raw) in top.iter().filter(|(_, raw)| raw.starts_with('{')) {
            lay_flat(name.trim(), raw, 1, &mut flat);
        }
        for (name, raw) in flat {
            if !used.contains(&name) && names.take(&name) {
                put(line, &name, raw);
                used.insert(name);
            }
        }
    }
    line.push('}');
}

/// Adds columns that a line lacks, as null.
pub(crate) fn complete(line: &mut String, columns: &[String]) {
    let end = line.trim_end().len();
    let missing: Vec<&String> = {
        let all = members(&line[..end]);
        columns.iter().filter(|c| !all.iter().any(|(name, _)| name.trim() == c.trim())).collect()
    };
    if line[..end].ends_with('}') {
        line.truncate(end - 1);
        missing.into_iter().for_each(|name| put(line, name, "null"));
        line.push('}');
    }
}

fn put(line: &mut String, name: &str, raw: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    push_text(line, name);
    line.push(':');
    push_one_line(line, raw);
}

fn lay_flat<'t>(prefix: &str, object: &'t str, depth: usize, flat: &mut Vec<(String, &'t str)>) {
    for (name, raw) in members(object) {
        let name = format!("{prefix}{JOIN}{}", name.trim());
        if raw.starts_with('{') && depth < DEPTH {
            lay_flat(&name, raw, depth + 1, flat);
        } else {
            flat.push((name, raw));
        }
    }
}

/// Writes a JSON text.
pub(crate) fn push_text(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if c < ' ' => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
    }
    line.push('"');
}

/// Writes a JSON value. Ends of lines can only stand between its parts, where a blank means the same.
fn push_one_line(line: &mut String, raw: &str) {
    if raw.contains(['\n', '\r']) {
        line.extend(raw.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    } else {
        line.push_str(raw);
    }
}

/// Marks a line as deleted, unless it is.
pub(crate) fn mark_deleted(line: &mut String, at: &str) {
    let end = line.trim_end().len();
    let marked = line.contains(DELETED) && members(line).iter().any(|(name, raw)| name == DELETED && *raw != "null");
    if !marked && line[..end].ends_with('}') {
        line.truncate(end - 1);
        put(line, DELETED, &format!("\"{at}\""));
        line.push('}');
    }
}

/// What tells a line from others of its stream: its key members; if it has none, all that it says.
pub(crate) fn identity(line: &str, keys: &[String]) -> u128 {
    let all = members(line);
    let of = |key: &String| all.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw).filter(|raw| *raw != "null");
    let values: Vec<Option<&str>> = keys.iter().map(of).collect();
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    for hasher in &mut hashers {
        let mut add = |part: &str| {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        };
        if values.iter().any(Option::is_some) {
            values.iter().for_each(|value| add(value.unwrap_or_default()));
        } else {
            for (name, raw) in all.iter().filter(|(name, raw)| name != DELETED && *raw != "null") {
                add(name);
                add(raw);
            }
        }
    }
    let [high, low] = hashers.map(|h| h.finish());
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(record: &str, missing: &[&str]) -> String {
        let missing: Vec<String> = missing.iter().map(|m| (*m).to_owned()).collect();
        let mut line = String::new();
        write(record, &mut FlatNames::default(), &mut line);
        complete(&mut line, &missing);
        line
    }

    #[test]
    fn objects_stay_and_get_flat_names() {
        assert_eq!(flat(r#"{"a":1.10,"b":"x"}"#, &[]), r#"{"a":1.10,"b":"x"}"#);
        assert_eq!(
            flat("{\"p\": {\"s\": \"lead\",\n\"q\": {\"v\": [1, 2]}, \"e\": {}}}", &[]),
            r#"{"p":{"s": "lead", "q": {"v": [1, 2]}, "e": {}},"p__s":"lead","p__q__v":[1, 2]}"#
        );
        assert_eq!(flat(r#"{"p":{"a":1},"p__a":2}"#, &[]), r#"{"p":{"a":1},"p__a":2}"#, "what is there stays");
        let broken = r#"{"a\ud800":1,"p":{"b\ud800":2,"c":3}}"#;
        assert_eq!(flat(broken, &[]), broken, "the line is refused where it is read");
        assert_eq!(flat("{}", &["id", "x\"y"]), r#"{"id":null,"x\"y":null}"#);
        assert_eq!(flat(r#"{"id":1}"#, &["id", "z"]), r#"{"id":1,"z":null}"#);
        let deep = flat(r#"{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}"#, &[]);
        assert!(deep.ends_with(r#","a__b__c__d__e":{"f":1}}"#), "{deep}");
    }

    #[test]
    fn too_many_flat_names_stay_in_their_object() {
        let many: Vec<String> = (0..MOST_NAMES + 10).map(|i| format!("\"k{i}\":{i}")).collect();
        let mut names = FlatNames::default();
        let mut line = String::new();
        write(&format!("{{\"m\":{{{}}}}}", many.join(",")), &mut names, &mut line);
        assert!(names.full);
        assert_eq!(members(&line).len(), MOST_NAMES + 1);
        assert!(line.contains(&format!("\"k{}\":", MOST_NAMES + 9)));
    }

    #[test]
    fn a_mark_does_not_change_what_a_row_is() {
        for keys in [vec![], vec!["id".to_owned()]] {
            let mut line = r#"{"id":7,"x":"y"}"#.to_owned();
            let before = identity(&line, &keys);
            mark_deleted(&mut line, "2026-01-01T00:00:00Z");
            assert!(line.ends_with(r#","_sdc_deleted_at":"2026-01-01T00:00:00Z"}"#));
            assert_eq!(identity(&line, &keys), before);
            let marked = line.clone();
            mark_deleted(&mut line, "2027-01-01T00:00:00Z");
            assert_eq!(line, marked, "the first time counts");
        }
        let key = ["id".to_owned()];
        assert_eq!(identity(r#"{"id":1,"a":2}"#, &key), identity(r#"{"a":3,"id":1}"#, &key));
        assert_ne!(identity(r#"{"id":1}"#, &key), identity(r#"{"id":"1"}"#, &key));
        assert_ne!(identity(r#"{"a":1}"#, &key), identity(r#"{"a":2}"#, &key), "without its key a row is its content");
    }
}
