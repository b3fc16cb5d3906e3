//! Where a tap goes on next time, letter for letter as it said it.

use super::message::{member, members, text};
use super::row::push_text;
use std::collections::BTreeMap;

/// The state of a tap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TapState {
    /// It has not said anything yet.
    #[default]
    None,
    /// Singer: the value of the newest STATE.
    Singer(String),
    /// Airbyte, of old: the data of the newest STATE.
    Legacy(String),
    /// Airbyte: the newest state of every stream, or of all of them together.
    Airbyte {
        /// Of all streams together.
        global: Option<String>,
        /// By stream.
        streams: BTreeMap<String, String>,
    },
}

impl TapState {
    pub(crate) fn set_stream(&mut self, name: String, state: &str) {
        if !matches!(self, Self::Airbyte { .. }) {
            *self = Self::Airbyte { global: None, streams: BTreeMap::new() };
        }
        if let Self::Airbyte { streams, .. } = self {
            streams.insert(name, state.to_owned());
        }
    }

    pub(crate) fn set_global(&mut self, state: &str) {
        *self = Self::Airbyte { global: Some(state.to_owned()), streams: BTreeMap::new() };
    }

    /// The text of a state file for the tap, if it has said anything. `keep` names the streams whose state is handed on:
    /// one that is read as a whole each time begins at the beginning.
    pub fn file(&self, keep: &dyn Fn(&str) -> bool) -> Option<String> {
        match self {
            Self::None => None,
            Self::Singer(value) | Self::Legacy(value) => (value != "null").then(|| value.clone()),
            Self::Airbyte { global, streams } => {
                let plain = |name: &str| name.split('\u{1f}').nth(1).unwrap_or(name).to_owned();
                let named = streams.iter().filter(|(name, _)| keep(&plain(name))).map(|(_, state)| state);
                let all: Vec<String> = global.iter().chain(named).cloned().collect();
                (!all.is_empty()).then(|| format!("[{}]", all.join(",")))
            }
        }
    }

    /// As a JSON value, to be kept.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::None => "null".to_owned(),
            Self::Singer(value) => format!("{{\"singer\":{value}}}"),
            Self::Legacy(value) => format!("{{\"legacy\":{value}}}"),
            Self::Airbyte { global, streams } => {
                let mut json = format!("{{\"global\":{},\"streams\":{{", global.as_deref().unwrap_or("null"));
                for (i, (name, state)) in streams.iter().enumerate() {
                    if i > 0 {
                        json.push(',');
                    }
                    push_text(&mut json, name);
                    json.push(':');
                    json.push_str(state);
                }
                json.push_str("}}");
                json
            }
        }
    }

    /// From a kept JSON value.
    pub(crate) fn from_json(json: &str) -> Option<Self> {
        if json == "null" {
            return Some(Self::None);
        }
        let all = members(json);
        match all.first() {
            Some((key, value)) if key == "singer" => Some(Self::Singer((*value).to_owned())),
            Some((key, value)) if key == "legacy" => Some(Self::Legacy((*value).to_owned())),
            Some((key, _)) if key == "global" => {
                let streams = members(member(json, "streams")?).into_iter().map(|(name, state)| (name.into_owned(), state.to_owned()));
                Some(Self::Airbyte { global: member(json, "global").map(str::to_owned), streams: streams.collect() })
            }
            _ => None,
        }
    }
}

/// The text of a member.
pub(crate) fn text_member(json: &str, name: &str) -> Option<String> {
    text(member(json, name)).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_kept_letter_for_letter() {
        let big = r#"{"bookmarks": {"Lead": {"at": 123456789012345678901234567890, "f": 1.10}}}"#;
        let mut airbyte = TapState::None;
        airbyte.set_stream("\u{1f}users".to_owned(), r#"{"type":"STREAM","n":1.0}"#);
        airbyte.set_stream("\u{1f}users".to_owned(), r#"{"type":"STREAM","n":2.0}"#);
        airbyte.set_stream("s\u{1f}or\"ders".to_owned(), "{}");
        let mut global = airbyte.clone();
        global.set_global(r#"{"type":"GLOBAL"}"#);
        for state in [TapState::None, TapState::Singer(big.to_owned()), TapState::Legacy("{}".to_owned()), airbyte.clone(), global.clone()] {
            assert_eq!(TapState::from_json(&state.to_json()), Some(state));
        }
        assert_eq!(TapState::Singer(big.to_owned()).file(&|_| true).as_deref(), Some(big));
        assert_eq!(airbyte.file(&|_| true).as_deref(), Some(r#"[{"type":"STREAM","n":2.0},{}]"#));
        assert_eq!(airbyte.file(&|name| name == "users").as_deref(), Some(r#"[{"type":"STREAM","n":2.0}]"#));
        assert_eq!(airbyte.file(&|_| false), None);
        assert_eq!(global.file(&|_| true).as_deref(), Some(r#"[{"type":"GLOBAL"}]"#));
        assert_eq!(TapState::Singer("null".to_owned()).file(&|_| true), None);
    }
}
