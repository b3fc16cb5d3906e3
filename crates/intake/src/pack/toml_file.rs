//! Reading a TOML file of ours: every fault at once, with its line and the character in it.

use crate::names::did_you_mean;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use treaty_app::raw::Fault;

/// A value and its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// The text being read, and what was found wrong with it.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) display: &'a str,
    pub(super) faults: Vec<Fault>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, span: Range<usize>, key: Option<&str>, reason: String) {
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line = crate::text::count_lines(before.as_bytes()) + 1;
        let character = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(Fault {
            file: self.display.to_owned(),
            line,
            column: key.map(str::to_owned),
            reason: format!("{reason} (character {character})"),
        });
    }

    /// A fault where something is missing that has no place of its own.
    pub(super) fn missing(&mut self, span: Range<usize>, key: &str, example: &str) {
        self.fault(span, Some(key), format!("is missing; add {example}"));
    }

    pub(super) fn known_keys(&mut self, table: &DeTable<'_>, prefix: &str, known: &[&str]) {
        for (key, _) in table.iter() {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let hint = did_you_mean(name, known.iter().copied());
                self.fault(key.span(), Some(&format!("{prefix}{name}")), format!("is no setting of a pack{hint}"));
            }
        }
    }

    pub(super) fn wrong(&mut self, value: &Value<'_>, key: &str, expected: &str) {
        let found = value.get_ref().type_str();
        self.fault(value.span(), Some(key), format!("must be {expected}, but is of type {found}"));
    }

    /// A text that is not blank.
    pub(super) fn text_at(&mut self, table: &DeTable<'_>, name: &str, key: &str) -> Option<String> {
        let value = get(table, name)?;
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(_) => {
                self.fault(value.span(), Some(key), "must not be blank".to_owned());
                None
            }
            None => {
                self.wrong(value, key, "a text in quotes");
                None
            }
        }
    }

    /// A text that must be there; blank text stands in for it so that the rest is checked, too.
    pub(super) fn required(&mut self, table: &DeTable<'_>, span: &Range<usize>, name: &str, key: &str, example: &str) -> String {
        if get(table, name).is_none() {
            self.missing(span.clone(), key, example);
        }
        self.text_at(table, name, key).unwrap_or_default()
    }

    pub(super) fn texts(&mut self, table: &DeTable<'_>, name: &str, key: &str) -> Vec<String> {
        let Some(value) = get(table, name) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value, key, "a list of texts such as [\"id\", \"name\"]");
            return Vec::new();
        };
        let mut texts: Vec<String> = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) if texts.iter().any(|t| t == text) => {
                    self.fault(item.span(), Some(key), format!("names {text} twice"));
                }
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(item, key, "a list of texts"),
            }
        }
        texts
    }

    /// A list of texts, or one text in place of a list of one.
    pub(super) fn texts_or_one(&mut self, table: &DeTable<'_>, name: &str, key: &str) -> Vec<String> {
        match get(table, name).map(|v| v.get_ref().as_str()) {
            Some(Some(_)) => self.text_at(table, name, key).into_iter().collect(),
            _ => self.texts(table, name, key),
        }
    }

    /// A table of texts, in the order of the file.
    pub(super) fn texts_by_key(&mut self, root: &DeTable<'_>, name: &str, key: &str) -> Vec<(String, String)> {
        let Some((table, _)) = self.table(root, name) else { return Vec::new() };
        let mut pairs = Vec::new();
        for (inner, _) in table.iter() {
            let name = inner.get_ref();
            if let Some(text) = self.text_at(table, name, &format!("{key}.{name}")) {
                pairs.push((inner.span().start, (name.to_string(), text)));
            }
        }
        pairs.sort_by_key(|(place, _)| *place);
        pairs.into_iter().map(|(_, pair)| pair).collect()
    }

    /// A `[[...]]` list of tables.
    pub(super) fn tables<'t, 'i>(&mut self, root: &'t DeTable<'i>, name: &str) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
        let Some(value) = get(root, name) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value, name, &format!("a list: write [[{name}]] in two brackets"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((table, item.span())),
                None => self.wrong(item, name, "a table"),
            }
        }
        tables
    }

    pub(super) fn table<'t, 'i>(&mut self, root: &'t DeTable<'i>, name: &str) -> Option<(&'t DeTable<'i>, Range<usize>)> {
        let value = get(root, name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(value, name, &format!("a table: write [{name}]"));
        }
        table.map(|t| (t, value.span()))
    }
}

/// The value of a key.
pub(super) fn get<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t Value<'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}
