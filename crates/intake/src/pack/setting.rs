//! Settings of a pack: values that differ from tenant to tenant, with defaults that a home may override.
//!
//! The SQL sees them as the table `settings(name, key, value)` and through `setting('name')` and `setting('name', key)`.

use super::Pack;
use crate::file_fault;
use crate::names::did_you_mean;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};

/// A setting of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Name.
    pub name: String,
    /// Value in force.
    pub value: Value,
}

/// Value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One text.
    One(String),
    /// A list of texts.
    List(Vec<String>),
    /// Texts by key, such as the stage that a status means.
    Map(Vec<(String, String)>),
}

impl Value {
    /// Reads a value of a TOML file: what is no text is written as one.
    pub(super) fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Array(items) => Ok(Self::List(items.iter().map(scalar).collect::<Result<_, _>>()?)),
            toml::Value::Table(table) => {
                let pairs = table.iter().map(|(key, value)| Ok((key.trim().to_owned(), scalar(value)?)));
                Ok(Self::Map(pairs.collect::<Result<_, String>>()?))
            }
            one => Ok(Self::One(scalar(one)?)),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::One(_) => "one value",
            Self::List(_) => "a list such as [\"a\", \"b\"]",
            Self::Map(_) => "a table such as { \"Closed Won\" = \"won\" }",
        }
    }
}

fn scalar(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.trim().to_owned()),
        toml::Value::Integer(n) => Ok(n.to_string()),
        toml::Value::Float(n) => Ok(n.to_string()),
        toml::Value::Boolean(yes) => Ok(yes.to_string()),
        toml::Value::Datetime(date) => Ok(date.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => Err("must not hold a list or a table in another".to_owned()),
    }
}

impl Pack {
    /// Puts the settings of a home over the defaults. A list replaces a list; the keys of a table are added to those of
    /// the pack or replace them. All faults at once.
    ///
    /// # Errors
    /// A setting that the pack does not have, or one of another kind.
    pub fn configure(&mut self, own: &toml::Table, display: &str) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        for (name, value) in own {
            let mut fault = |reason: String| {
                faults.push(Fault { column: Some(format!("packs.{}.{name}", self.name)), ..file_fault(display, reason) });
            };
            let Some(setting) = self.settings.iter_mut().find(|s| s.name == *name) else {
                let names: Vec<&str> = self.settings.iter().map(|s| s.name.as_str()).collect();
                let known = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
                fault(format!("is no setting of the pack {}{}; {known}", self.name, did_you_mean(name, names)));
                continue;
            };
            match (&mut setting.value, Value::from_toml(value)) {
                (_, Err(reason)) => fault(reason),
                (Value::Map(pairs), Ok(Value::Map(own))) => {
                    for (key, value) in own {
                        match pairs.iter_mut().find(|(k, _)| same(k, &key)) {
                            Some(pair) => *pair = (key, value),
                            None => pairs.push((key, value)),
                        }
                    }
                }
                (old, Ok(new)) if std::mem::discriminant(old) == std::mem::discriminant(&new) => *old = new,
                (old, Ok(_)) => fault(format!("must be {}", old.kind())),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The value of `setting('name')`, or of `setting('name', key)`: the value of that key, or whether a list has it.
    ///
    /// # Errors
    /// When there is no such setting, or it is of another kind.
    pub fn setting(&self, name: &str, key: Option<&str>) -> Result<Option<String>, String> {
        let setting = self.settings.iter().find(|s| s.name == name);
        let hint = || did_you_mean(name, self.settings.iter().map(|s| s.name.as_str()));
        match (setting.map(|s| &s.value), key) {
            (None, _) => Err(format!("setting('{name}'): the pack {} has no such setting{}", self.name, hint())),
            (Some(Value::One(value)), None) => Ok(Some(value.clone()).filter(|v| !v.is_empty())),
            (Some(Value::Map(pairs)), Some(key)) => Ok(pairs.iter().find(|(k, _)| same(k, key)).map(|(_, v)| v.clone())),
            (Some(Value::List(items)), Some(key)) => Ok(Some(items.iter().any(|i| same(i, key)).to_string())),
            (Some(Value::One(_)), Some(_)) => Err(format!("setting('{name}', …): the setting is one value and takes no key")),
            (Some(_), None) => Err(format!("setting('{name}'): the setting has several values; write setting('{name}', key)")),
        }
    }

    /// All settings as a raw table: name, key and value.
    pub(super) fn settings_table(&self) -> RawTable {
        let mut columns = ["name", "key", "value"].map(TextColumn::new);
        let mut row = |cells: [Option<&str>; 3]| columns.iter_mut().zip(cells).for_each(|(c, cell)| c.push(cell));
        for Setting { name, value } in &self.settings {
            match value {
                Value::One(one) => row([Some(name), None, Some(one)]),
                Value::List(items) => items.iter().for_each(|i| row([Some(name), None, Some(i)])),
                Value::Map(pairs) => pairs.iter().for_each(|(k, v)| row([Some(name), Some(k), Some(v)])),
            }
        }
        let lines = vec![0; columns[0].len()];
        let chunk = RawChunk { columns: columns.into(), lines };
        RawTable { name: SETTINGS.to_owned(), file: self.origin.clone(), chunks: vec![chunk], faults: Vec::new() }
    }
}

/// Name of the raw table of settings.
pub(super) const SETTINGS: &str = "settings";

/// Values of systems are compared without case and outer blanks.
fn same(a: &str, b: &str) -> bool {
    a.trim() == b.trim() || a.trim().to_lowercase() == b.trim().to_lowercase()
}
