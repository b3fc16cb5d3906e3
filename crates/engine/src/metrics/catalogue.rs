//! The catalogue: every metric file, those of Treaty and those of the user.

use super::check::{check, unknown_fact};
use super::{Metric, file};
use crate::facts;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use treaty_app::raw::Fault;

include!(concat!(env!("OUT_DIR"), "/metric_files.rs"));

/// Largest metric file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Every known metric, by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    metrics: BTreeMap<String, Metric>,
}

impl Catalogue {
    /// The metrics that come with Treaty.
    ///
    /// # Errors
    /// Every fault of their files, which is a defect of Treaty.
    pub fn builtin() -> Result<Self, Vec<Fault>> {
        let mut all = Self::default();
        let mut faults = Vec::new();
        for (name, text) in FILES {
            let (metric, found) = file::read(name, text);
            faults.extend(found);
            faults.extend(all.add(metric));
        }
        if faults.is_empty() { Ok(all) } else { Err(faults) }
    }

    /// Adds the `*.toml` files of a folder, such as `metrics` beside the agreement. A folder that is
    /// not there adds nothing.
    ///
    /// # Errors
    /// Every fault of every file; a metric of the user must not have the id of a built-in one.
    pub fn with_dir(self, folder: &Path) -> Result<Self, Vec<Fault>> {
        self.with_dir_and(folder, &[])
    }

    /// As [`Catalogue::with_dir`]; the custom attributes are columns of leads and opportunities, too.
    ///
    /// # Errors
    /// See there.
    pub fn with_dir_and(mut self, folder: &Path, attributes: &[String]) -> Result<Self, Vec<Fault>> {
        let schemas = schemas_with(attributes);
        let mut faults = Vec::new();
        for path in files(folder)? {
            let name = path.display().to_string();
            let text = match text_of(&path) {
                Ok(text) => text,
                Err(reason) => {
                    faults.push(Fault { file: name, line: 0, column: None, reason });
                    continue;
                }
            };
            let (metric, found) = file::read(&name, &text);
            faults.extend(found);
            faults.extend(unknown_fact(&metric, schemas.keys().copied()));
            if let Some(schema) = schemas.get(metric.fact.as_str()) {
                faults.extend(check(&metric, schema));
            }
            faults.extend(self.add(metric));
        }
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    fn add(&mut self, metric: Metric) -> Option<Fault> {
        if let Some(other) = self.metrics.get(&metric.id) {
            let reason = format!("`{}` is the metric of {}; choose another id", metric.id, other.file);
            return Some(metric.fault("id", reason));
        }
        self.metrics.insert(metric.id.clone(), metric);
        None
    }

    /// The metric of an id.
    pub fn get(&self, id: &str) -> Option<&Metric> {
        self.metrics.get(id)
    }

    /// Every metric, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.values()
    }

    /// The id that was probably meant.
    pub fn suggest(&self, id: &str) -> Option<&str> {
        let wrong = id.trim().to_lowercase().replace([' ', '-'], "_");
        let near = file::nearest(&wrong, self.metrics.keys().map(String::as_str));
        let within = || self.metrics.keys().map(String::as_str).find(|k| wrong.len() > 2 && k.contains(wrong.as_str()));
        near.or_else(within)
    }
}

fn schemas_with(attributes: &[String]) -> BTreeMap<&'static str, Schema> {
    let plain = facts::schemas().into_iter();
    plain
        .map(|(name, schema)| {
            let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
            if schema.field_with_name("attributes").is_ok() {
                let new = attributes.iter().filter(|a| schema.field_with_name(a).is_err());
                fields.extend(new.map(|a| Field::new(a, DataType::Utf8, true)));
            }
            (name, Schema::new(fields))
        })
        .collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Vec<Fault>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let list = || -> std::io::Result<Vec<PathBuf>> { std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect() };
    let mut files = list().map_err(|e| vec![Fault { file: folder.display().to_string(), line: 0, column: None, reason: e.to_string() }])?;
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    Ok(files)
}

fn text_of(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes; a metric file is a page of text"));
    }
    std::fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"))
}
