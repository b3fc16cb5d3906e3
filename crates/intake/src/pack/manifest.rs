//! Reads `pack.toml`: every fault at once, with its line and the character in it.

use super::{DayFirstRule, LeftOut, Loss, Pack, PackFile};
use crate::messy::DayFirst;
use crate::names::did_you_mean;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use treaty_app::raw::Fault;

type Value<'i> = Spanned<DeValue<'i>>;

/// Parses a manifest. The pack is there unless something it cannot do without is missing; queries are left empty.
pub(super) fn parse(text: &str, display: &str, dir: &Path) -> (Option<Pack>, Vec<Fault>) {
    let mut reader = Reader { text, display, faults: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.fault(error.span().unwrap_or(0..0), None, error.message().to_owned());
    }
    let root = document.get_ref();
    reader.known_keys(root, "", &["pack", "file", "dates", "losses", "left_out"]);
    let pack = reader.pack(root, dir);
    (pack, reader.faults)
}

struct Reader<'a> {
    text: &'a str,
    display: &'a str,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, span: Range<usize>, key: Option<&str>, reason: String) {
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
    fn missing(&mut self, span: Range<usize>, key: &str, example: &str) {
        self.fault(span, Some(key), format!("is missing; add {example}"));
    }

    fn known_keys(&mut self, table: &DeTable<'_>, prefix: &str, known: &[&str]) {
        for (key, _) in table.iter() {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let hint = did_you_mean(name, known.iter().copied());
                self.fault(key.span(), Some(&format!("{prefix}{name}")), format!("is no setting of a pack{hint}"));
            }
        }
    }

    fn wrong(&mut self, value: &Value<'_>, key: &str, expected: &str) {
        let found = value.get_ref().type_str();
        self.fault(value.span(), Some(key), format!("must be {expected}, but is of type {found}"));
    }

    /// A text that is not blank.
    fn text_at(&mut self, table: &DeTable<'_>, name: &str, key: &str) -> Option<String> {
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
    fn required(&mut self, table: &DeTable<'_>, span: &Range<usize>, name: &str, key: &str, example: &str) -> String {
        if get(table, name).is_none() {
            self.missing(span.clone(), key, example);
        }
        self.text_at(table, name, key).unwrap_or_default()
    }

    fn texts(&mut self, table: &DeTable<'_>, name: &str, key: &str) -> Vec<String> {
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

    /// A `[[...]]` list of tables.
    fn tables<'t, 'i>(&mut self, root: &'t DeTable<'i>, name: &str) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
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

    fn table<'t, 'i>(&mut self, root: &'t DeTable<'i>, name: &str) -> Option<(&'t DeTable<'i>, Range<usize>)> {
        let value = get(root, name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(value, name, &format!("a table: write [{name}]"));
        }
        table.map(|t| (t, value.span()))
    }

    fn pack(&mut self, root: &DeTable<'_>, dir: &Path) -> Option<Pack> {
        let files = self.files(root);
        let (day_first, date_columns) = self.dates(root, &files);
        let losses = self.losses(root);
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
            queries: Vec::new(),
            losses,
            left_out,
            dir: dir.to_owned(),
        })
    }

    fn files(&mut self, root: &DeTable<'_>) -> Vec<PackFile> {
        let mut files: Vec<PackFile> = Vec::new();
        for (table, span) in self.tables(root, "file") {
            self.known_keys(table, "file.", &["table", "path", "required", "columns", "optional_columns"]);
            let name = self.required(table, &span, "table", "file.table", "table = \"deals\", its name in the SQL");
            let path = self.required(table, &span, "path", "file.path", "path = \"deals.csv\", a file name or pattern");
            let place = |key: &str| get(table, key).map_or(span.clone(), Spanned::span);
            if !name.is_empty() && !is_name(&name) {
                let reason = "must be lower-case letters, digits and _, as it is a table in SQL".to_owned();
                self.fault(place("table"), Some("file.table"), reason);
            }
            if files.iter().any(|f| f.table == name && !name.is_empty()) {
                let reason = format!("{name} is used twice; one pattern may match several files");
                self.fault(place("table"), Some("file.table"), reason);
            }
            if path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..") || path.contains('\\') {
                let reason = "must lie in the folder that is imported; write / between folders".to_owned();
                self.fault(place("path"), Some("file.path"), reason);
            }
            let required = match get(table, "required").map(|v| (v, v.get_ref().as_bool())) {
                Some((_, Some(required))) => required,
                Some((value, None)) => {
                    self.wrong(value, "file.required", "true or false");
                    true
                }
                None => true,
            };
            let columns = self.texts(table, "columns", "file.columns");
            let optional_columns = self.texts(table, "optional_columns", "file.optional_columns");
            if let Some(both) = optional_columns.iter().find(|c| columns.contains(c)) {
                let reason = format!("{both} is required already");
                self.fault(place("optional_columns"), Some("file.optional_columns"), reason);
            }
            files.push(PackFile { table: name, path, required, columns, optional_columns });
        }
        if get(root, "file").is_none() {
            self.missing(0..0, "file", "a section [[file]] with table and path for each file it reads");
        }
        files
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
        let Some((table, _)) = self.table(root, "losses") else { return Vec::new() };
        let mut losses = Vec::new();
        for (key, _) in table.iter() {
            let name = key.get_ref();
            if let Some(text) = self.text_at(table, name, &format!("losses.{name}")) {
                losses.push((key.span().start, Loss { what: name.to_string(), text }));
            }
        }
        losses.sort_by_key(|(place, _)| *place);
        losses.into_iter().map(|(_, loss)| loss).collect()
    }

    fn left_out(&mut self, root: &DeTable<'_>) -> Vec<LeftOut> {
        let mut all = Vec::new();
        for (table, span) in self.tables(root, "left_out") {
            self.known_keys(table, "left_out.", &["what", "why", "count"]);
            all.push(LeftOut {
                what: self.required(table, &span, "what", "left_out.what", "what the rows are"),
                why: self.required(table, &span, "why", "left_out.why", "why they are left out"),
                count: self.required(table, &span, "count", "left_out.count", "SQL that counts them"),
            });
        }
        all
    }
}

fn get<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t Value<'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

/// Letters, digits and underscores, not a digit first: a name that needs no quotes in SQL.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
