//! `pack`: which systems Treaty can read, and what a pack makes of one.

use super::Outcome;
use crate::args::PackCommand;
use crate::home::Home;
use crate::output;
use std::path::Path;
use treaty_app::raw::Fault;
use treaty_intake::pack::{Pack, PackFile, Shelf, Value};

/// Lists the packs, or shows one. Both work outside of a home, too.
pub fn run(dir: &Path, what: PackCommand) -> Outcome {
    let home = dir.join("agreement.toml").is_file().then(|| Home::open(dir)).transpose()?;
    let shelf = home.as_ref().map_or_else(|| Shelf::new(None), Home::shelf);
    let lines = |all: Vec<Fault>| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let text = match what {
        PackCommand::List => {
            let packs = shelf.all().map_err(lines)?;
            packs.iter().map(|p| format!("{:<16}{}\n", p.name, p.title)).collect()
        }
        PackCommand::Show { name } => {
            let pack = home.map_or_else(|| shelf.find(&name), |home| home.pack(&name)).map_err(lines)?;
            shown(&pack)
        }
    };
    output::put(&text, None)?;
    Ok(0)
}

fn shown(pack: &Pack) -> String {
    let mut text = format!("{}\n{}\n{} ({})\n", pack.name, pack.title, pack.description, pack.origin);
    text.push_str("\nTables it reads\n");
    for file in &pack.files {
        text.push_str(&table(file));
    }
    text.push_str("\nTables of the record it fills\n");
    let filled: Vec<&str> = pack.queries.iter().map(|q| q.table.as_str()).collect();
    text.push_str(&format!("  {}\n", filled.join(", ")));
    if !pack.signs.is_empty() {
        text.push_str("\nKnown by\n");
        for sign in &pack.signs {
            text.push_str(&format!("  {} with {} (weight {})\n", sign.table, sign.columns.join(", "), sign.weight));
        }
    }
    if !pack.settings.is_empty() {
        text.push_str(&format!("\nSettings, which [packs.{}] in treaty.toml may change\n", pack.name));
        for setting in &pack.settings {
            let value = match &setting.value {
                Value::One(one) => format!("{one:?}"),
                Value::List(items) => format!("{items:?}"),
                Value::Map(pairs) => {
                    let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k:?} = {v:?}")).collect();
                    format!("{{ {} }}", pairs.join(", "))
                }
            };
            text.push_str(&format!("  {} = {value}\n", setting.name));
        }
    }
    if !pack.left_out.is_empty() {
        text.push_str("\nLeft out on purpose\n");
        text.extend(pack.left_out.iter().map(|l| format!("  {}: {}\n", l.what, l.why)));
    }
    if !pack.losses.is_empty() {
        text.push_str("\nNot in this source\n");
        text.extend(pack.losses.iter().map(|l| format!("  {}: {}\n", l.what, l.text)));
    }
    text
}

fn table(file: &PackFile) -> String {
    let from: Vec<&str> = file.paths.iter().chain(&file.names).map(String::as_str).collect();
    let need = if file.required { "must be there" } else { "may be missing" };
    let mut text = format!("  {} ({need}): {}\n", file.table, from.join(", "));
    if let Some(without) = &file.without {
        text.push_str(&format!("      without it: {without}\n"));
    }
    text.extend(file.without_column.iter().map(|(column, lost)| format!("      without {column}: {lost}\n")));
    text
}
