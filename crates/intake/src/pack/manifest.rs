//! Reads `pack.toml`: what a pack is, which tables it reads, how it is known, and what it cannot give.

use super::setting::{SETTINGS, Setting, Value as SettingValue};
use super::toml_file::{Reader, get};
use super::{DayFirstRule, LeftOut, Loss, Pack, PackFile, Sign, Unpivot};
use crate::messy::DayFirst;
use crate::names::did_you_mean;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;
use treaty_app::import::SNAPSHOT_FIELDS;
use treaty_app::raw::Fault;

/// Parses a manifest. The pack is there unless something it cannot do without is missing; queries are left empty.
pub(super) fn parse(text: &str, display: &str, origin: &str) -> (Option<Pack>, Vec<Fault>) {
    let mut reader = Reader { text, display, faults: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.fault(error.span().unwrap_or(0..0), None, error.message().to_owned());
    }
    let root = document.get_ref();
    reader.known_keys(root, "", &["pack", "file", "detect", "settings", "dates", "losses", "hints", "history", "left_out"]);
    let pack = reader.pack(root, origin);
    (pack, reader.faults)
}

impl Reader<'_> {
    fn pack(&mut self, root: &DeTable<'_>, origin: &str) -> Option<Pack> {
        let files = self.files(root);
        let (day_first, date_columns) = self.dates(root, &files);
        let signs = self.signs(root, &files);
        let settings = self.settings(root);
        let losses = self.losses(root);
        let hints = self.hints(root);
        let history = self.history(root);
        let left_out = self.left_out(root);
        let Some((table, span)) = self.table(root, "pack") else {
            if get(root, "pack").is_none() {
                self.missing(0..0, "pack", "a section [pack] with name, title, description and source");
            }
            return None;
        };
        self.known_keys(table, "pack.", &["name", "title", "description", "source", "time_zone"]);
        let name = self.required(table, &span, "name", "pack.name", "name = \"my_crm\"");
        if !name.is_empty() && !is_name(&name) {
            let at = get(table, "name").map_or(span.clone(), Spanned::span);
            self.fault(at, Some("pack.name"), "must be lower-case letters, digits and _, such as my_crm".to_owned());
        }
        let title = self.required(table, &span, "title", "pack.title", "title = \"My CRM\"");
        let description = self.required(table, &span, "description", "pack.description", "a sentence on what it reads");
        let source = self.required(table, &span, "source", "pack.source", "source = \"my_crm\", the value of the source column");
        let time_zone = self.text_at(table, "time_zone", "pack.time_zone");
        if let Some(zone) = time_zone.as_deref().filter(|z| z.contains(char::is_whitespace)) {
            let at = get(table, "time_zone").map_or(span, Spanned::span);
            self.fault(at, Some("pack.time_zone"), format!("{zone} is no zone; write one such as America/New_York"));
        }
        Some(Pack {
            name,
            title,
            description,
            source,
            time_zone,
            day_first,
            date_columns,
            files,
            signs,
            settings,
            views: Vec::new(),
            queries: Vec::new(),
            losses,
            hints,
            history,
            left_out,
            origin: origin.to_owned(),
        })
    }

    fn files(&mut self, root: &DeTable<'_>) -> Vec<PackFile> {
        let mut files: Vec<PackFile> = Vec::new();
        for (table, span) in self.tables(root, "file") {
            let file = self.file(table, &span, &files);
            files.push(file);
        }
        if get(root, "file").is_none() {
            self.missing(0..0, "file", "a section [[file]] with table and path for each file it reads");
        }
        files
    }

    fn file(&mut self, table: &DeTable<'_>, span: &Range<usize>, before: &[PackFile]) -> PackFile {
        let known = [
            "table", "path", "names", "required", "without", "columns", "optional_columns", "without_column", "alias", "prefixes",
            "unpivot",
        ];
        self.known_keys(table, "file.", &known);
        let name = self.required(table, span, "table", "file.table", "table = \"deals\", its name in the SQL");
        let place = |key: &str| get(table, key).map_or(span.clone(), Spanned::span);
        self.table_name(&name, place("table"), "file.table", before);
        let paths = self.texts_or_one(table, "path", "file.path");
        if paths.iter().any(|p| p.starts_with('/') || p.split('/').any(|part| part == "..") || p.contains('\\')) {
            let reason = "must lie in the folder that is imported; write / between folders".to_owned();
            self.fault(place("path"), Some("file.path"), reason);
        }
        let mut names = self.texts_or_one(table, "names", "file.names");
        if names.is_empty() && !name.is_empty() {
            names.push(name.clone());
        }
        let required = match get(table, "required").map(|v| (v, v.get_ref().as_bool())) {
            Some((_, Some(required))) => required,
            Some((value, None)) => {
                self.wrong(value, "file.required", "true or false");
                true
            }
            None => true,
        };
        let without = self.text_at(table, "without", "file.without");
        if without.is_some() && required && get(table, "required").is_none_or(|v| v.get_ref().as_bool().is_some()) {
            self.fault(place("without"), Some("file.without"), "is for a table that may be missing; add required = false".to_owned());
        }
        let columns = self.texts(table, "columns", "file.columns");
        let mut optional_columns = self.texts(table, "optional_columns", "file.optional_columns");
        if let Some(both) = optional_columns.iter().find(|c| columns.contains(c)) {
            let reason = format!("{both} is required already");
            self.fault(place("optional_columns"), Some("file.optional_columns"), reason);
        }
        let without_column = self.texts_by_key(table, "without_column", "file.without_column");
        for (column, _) in &without_column {
            if columns.contains(column) {
                let reason = format!("{column} is required already");
                self.fault(place("without_column"), Some("file.without_column"), reason);
            } else if !optional_columns.contains(column) {
                optional_columns.push(column.clone());
            }
        }
        let prefixes = self.texts_or_one(table, "prefixes", "file.prefixes");
        let mut file =
            PackFile { table: name, paths, names, required, without, columns, optional_columns, without_column, aliases: Vec::new(), prefixes, unpivot: Vec::new() };
        file.aliases = self.aliases(table, &file);
        for (inner, inner_span) in self.tables(table, "unpivot") {
            let unpivot = self.unpivot(inner, &inner_span, &file, before);
            file.unpivot.push(unpivot);
        }
        file
    }

    /// The name of a raw table in the SQL: a plain name, used once.
    fn table_name(&mut self, name: &str, span: Range<usize>, key: &str, before: &[PackFile]) {
        if name.is_empty() {
            return;
        }
        let mut used = before.iter().flat_map(|f| std::iter::once(&f.table).chain(f.unpivot.iter().map(|u| &u.table)));
        if !is_name(name) {
            self.fault(span, Some(key), "must be lower-case letters, digits and _, as it is a table in SQL".to_owned());
        } else if name == SETTINGS {
            self.fault(span, Some(key), format!("{SETTINGS} is the table of the settings; choose another name"));
        } else if used.any(|n| n == name) {
            self.fault(span, Some(key), format!("{name} is used twice; one pattern may match several files"));
        }
    }

    fn aliases(&mut self, table: &DeTable<'_>, file: &PackFile) -> Vec<(String, Vec<String>)> {
        let Some((inner, _)) = self.table(table, "alias") else { return Vec::new() };
        let mut aliases = Vec::new();
        for (key, value) in inner.iter() {
            let name = key.get_ref().to_string();
            let all: Vec<&str> = file.columns.iter().chain(&file.optional_columns).map(String::as_str).collect();
            if !all.contains(&name.as_str()) {
                let reason = format!("is not among columns or optional_columns{}", did_you_mean(&name, all));
                self.fault(key.span(), Some(&format!("file.alias.{name}")), reason);
            }
            if value.get_ref().as_str().is_some() || value.get_ref().as_array().is_some() {
                let others = self.texts_or_one(inner, &name, &format!("file.alias.{name}"));
                aliases.push((name, others));
            } else {
                self.wrong(value, &format!("file.alias.{name}"), "a list of texts such as [\"StageName\"]");
            }
        }
        aliases
    }

    fn unpivot(&mut self, table: &DeTable<'_>, span: &Range<usize>, file: &PackFile, before: &[PackFile]) -> Unpivot {
        self.known_keys(table, "file.unpivot.", &["table", "columns", "keep"]);
        let name = self.required(table, span, "table", "file.unpivot.table", "table = \"stage_dates\", its name in the SQL");
        let place = |key: &str| get(table, key).map_or(span.clone(), Spanned::span);
        self.table_name(&name, place("table"), "file.unpivot.table", before);
        if name == file.table || file.unpivot.iter().any(|u| u.table == name) {
            self.fault(place("table"), Some("file.unpivot.table"), format!("{name} is used twice"));
        }
        let columns = self.texts(table, "columns", "file.unpivot.columns");
        if columns.is_empty() || columns.iter().any(|c| c.matches('*').count() != 1) {
            let reason = "must be patterns with one * each, such as [\"date_entered_*\"]".to_owned();
            self.fault(place("columns"), Some("file.unpivot.columns"), reason);
        }
        let keep = self.texts(table, "keep", "file.unpivot.keep");
        if let Some(other) = keep.iter().find(|k| !file.columns.contains(k) && !file.optional_columns.contains(k)) {
            let reason = format!("{other} is not among columns or optional_columns");
            self.fault(place("keep"), Some("file.unpivot.keep"), reason);
        }
        Unpivot { table: name, columns, keep }
    }

    fn signs(&mut self, root: &DeTable<'_>, files: &[PackFile]) -> Vec<Sign> {
        let mut signs = Vec::new();
        for (table, span) in self.tables(root, "detect") {
            self.known_keys(table, "detect.", &["table", "columns", "weight"]);
            let name = self.required(table, &span, "table", "detect.table", "table = \"deals\", the table of a [[file]]");
            let place = |key: &str| get(table, key).map_or(span.clone(), Spanned::span);
            if !name.is_empty() && files.iter().all(|f| f.table != name) {
                let hint = did_you_mean(&name, files.iter().map(|f| f.table.as_str()));
                self.fault(place("table"), Some("detect.table"), format!("{name} is the table of no [[file]]{hint}"));
            }
            let columns = self.texts(table, "columns", "detect.columns");
            if columns.is_empty() {
                let reason = "must name the columns that tell this system from others".to_owned();
                self.fault(place("columns"), Some("detect.columns"), reason);
            }
            let weight = match get(table, "weight").map(|v| (v, v.as_ref().as_integer().and_then(|n| n.as_str().parse().ok()))) {
                Some((_, Some(weight @ 1..=100))) => weight,
                Some((value, _)) => {
                    self.wrong(value, "detect.weight", "a whole number from 1 to 100");
                    1
                }
                None => 1,
            };
            signs.push(Sign { table: name, columns, weight });
        }
        signs
    }

    fn settings(&mut self, root: &DeTable<'_>) -> Vec<Setting> {
        let Some((table, _)) = self.table(root, "settings") else { return Vec::new() };
        // The values are read once more as plain values; a text with faults has none.
        let Ok(Some(toml::Value::Table(values))) = self.text.parse::<toml::Table>().map(|mut t| t.remove("settings")) else {
            return Vec::new();
        };
        let mut settings = Vec::new();
        for (key, _) in table.iter() {
            let name = key.get_ref().to_string();
            match values.get(&name).map(SettingValue::from_toml) {
                Some(Ok(value)) => settings.push((key.span().start, Setting { name, value })),
                Some(Err(reason)) => self.fault(key.span(), Some(&format!("settings.{name}")), reason),
                None => {}
            }
        }
        settings.sort_by_key(|(place, _)| *place);
        settings.into_iter().map(|(_, setting)| setting).collect()
    }

    fn dates(&mut self, root: &DeTable<'_>, files: &[PackFile]) -> (DayFirstRule, Vec<(String, String)>) {
        let month_first = DayFirstRule::Fixed(DayFirst::No);
        let Some((table, _)) = self.table(root, "dates") else { return (month_first, Vec::new()) };
        self.known_keys(table, "dates.", &["day_first", "columns"]);
        let rule = match get(table, "day_first") {
            None => month_first,
            Some(value) => match (value.get_ref().as_bool(), value.get_ref().as_str()) {
                (Some(yes), _) => DayFirstRule::Fixed(DayFirst::from(yes)),
                (None, Some("detect")) => DayFirstRule::Detect,
                _ => {
                    self.wrong(value, "dates.day_first", "true, false or \"detect\"");
                    month_first
                }
            },
        };
        let mut columns = Vec::new();
        for text in self.texts(table, "columns", "dates.columns") {
            let found = text.split_once('.').filter(|(t, c)| {
                files.iter().any(|f| f.table == *t && f.columns.iter().chain(&f.optional_columns).any(|x| x == c))
            });
            if let Some((t, c)) = found {
                columns.push((t.to_owned(), c.to_owned()));
            } else {
                let all: Vec<String> = files
                    .iter()
                    .flat_map(|f| f.columns.iter().chain(&f.optional_columns).map(|c| format!("{}.{c}", f.table)))
                    .collect();
                let hint = did_you_mean(&text, all.iter().map(String::as_str));
                let at = get(table, "columns").map_or(0..0, Spanned::span);
                let reason = format!("{text} is no column of a [[file]]; write table.column{hint}");
                self.fault(at, Some("dates.columns"), reason);
            }
        }
        if rule == DayFirstRule::Detect && get(table, "columns").is_none() {
            let at = get(table, "day_first").map_or(0..0, Spanned::span);
            self.missing(at, "dates.columns", "the columns to look at, such as columns = [\"deals.created\"]");
        }
        (rule, columns)
    }

    fn losses(&mut self, root: &DeTable<'_>) -> Vec<Loss> {
        self.texts_by_key(root, "losses", "losses").into_iter().map(|(what, text)| Loss { what, text }).collect()
    }

    /// What to switch on, by table or `table.column` of the record.
    fn hints(&mut self, root: &DeTable<'_>) -> Vec<Loss> {
        let hints: Vec<Loss> = self.texts_by_key(root, "hints", "hints").into_iter().map(|(what, text)| Loss { what, text }).collect();
        for hint in &hints {
            let (table, column) = hint.what.split_once('.').map_or((hint.what.as_str(), None), |(t, c)| (t, Some(c)));
            let known = treaty_app::layout::table(table).is_some_and(|t| column.is_none_or(|c| t.column(c).is_some()));
            if !known {
                let at = get(root, "hints").map_or(0..0, Spanned::span);
                self.fault(at, Some("hints"), format!("{} is no table or table.column of the record", hint.what));
            }
        }
        hints
    }

    /// Fields whose history is made from states.
    fn history(&mut self, root: &DeTable<'_>) -> Vec<String> {
        let Some((table, _)) = self.table(root, "history") else { return Vec::new() };
        self.known_keys(table, "history.", &["from_snapshots"]);
        let fields = self.texts(table, "from_snapshots", "history.from_snapshots");
        for field in fields.iter().filter(|f| !SNAPSHOT_FIELDS.contains(&f.as_str())) {
            let at = get(table, "from_snapshots").map_or(0..0, Spanned::span);
            let hint = did_you_mean(field, SNAPSHOT_FIELDS.iter().copied());
            let reason = format!("history cannot be made of {field}{hint}; it can of {}", SNAPSHOT_FIELDS.join(", "));
            self.fault(at, Some("history.from_snapshots"), reason);
        }
        fields
    }

    fn left_out(&mut self, root: &DeTable<'_>) -> Vec<LeftOut> {
        let mut all = Vec::new();
        for (table, span) in self.tables(root, "left_out") {
            self.known_keys(table, "left_out.", &["what", "why", "rows", "count"]);
            let counted = get(table, "count").is_some();
            if counted && let Some(rows) = get(table, "rows") {
                self.fault(rows.span(), Some("left_out.rows"), "stands beside count; one of the two says what is left out".to_owned());
            }
            let key = if counted { ("count", "left_out.count") } else { ("rows", "left_out.rows") };
            all.push(LeftOut {
                what: self.required(table, &span, "what", "left_out.what", "what the rows are"),
                why: self.required(table, &span, "why", "left_out.why", "why they are left out"),
                sql: self.required(table, &span, key.0, key.1, "a query of their _file and _line"),
                counted,
            });
        }
        all
    }
}

/// Letters, digits and underscores, not a digit first: a name that needs no quotes in SQL.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
