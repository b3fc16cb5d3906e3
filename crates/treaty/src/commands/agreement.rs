//! `init`, `check` and `changes`: the agreement as a file.

use super::{Outcome, now};
use crate::home::{SETTINGS, inspect};
use crate::output;
use std::path::Path;
use treaty_domain::agreement::{self, Diagnostic};
use treaty_domain::zone::Zone;
use treaty_engine::record::Record;

/// Creates a home.
pub async fn init(dir: &Path, name: Option<String>, time_zone: &str) -> Outcome {
    let zone = Zone::new(time_zone).map_err(|e| e.to_string())?;
    let today = jiff::civil::Date::from(zone.local_day(now()));
    let name = name.unwrap_or_else(|| {
        let folder = dir.file_name().map_or_else(|| "Our company".to_owned(), |n| n.to_string_lossy().into_owned());
        format!("{folder}: sales and marketing")
    });
    create(dir, &agreement::template(&name, today, time_zone)).await?;
    output::put(
        &format!(
            "Created a home in {0}.\n  {0}/agreement.toml   the agreement: read it with both sides, change it, sign it\n  {0}/treaty.toml      settings\nNext: `treaty -C {0} check`, then `treaty -C {0} import FILES`.\n",
            dir.display()
        ),
        None,
    )?;
    Ok(0)
}

/// Writes the files of a home; refuses to touch one that is there.
pub async fn create(dir: &Path, agreement: &str) -> Result<(), String> {
    let file = dir.join("agreement.toml");
    if file.exists() {
        return Err(format!("{} is there already; nothing was changed", file.display()));
    }
    std::fs::create_dir_all(dir).map_err(|e| format!("{} cannot be created: {e}", dir.display()))?;
    let write = |path: std::path::PathBuf, text: &str| {
        std::fs::write(&path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    Record::init(dir).await.map_err(|e| e.to_string())?;
    write(dir.join("treaty.toml"), SETTINGS)?;
    write(file, agreement)
}

/// Checks every file of a home.
pub fn check(dir: &Path) -> Outcome {
    let (home, findings) = inspect(dir)?;
    let mut text = String::new();
    for line in findings.errors.iter().chain(&findings.warnings) {
        text.push_str(line);
        text.push('\n');
    }
    let count = |n: usize, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    match &home {
        Some(home) => {
            let a = home.newest();
            text.push_str(&format!(
                "{}: {} stages, {}, {}; {}.\n",
                a.name,
                a.stages.len(),
                count(home.set.versions().len(), "version", "versions"),
                if a.is_signed() { "signed by both sides" } else { "a draft: not signed by both sides" },
                count(findings.warnings.len(), "warning", "warnings")
            ));
        }
        None => text.push_str(&format!("{}.\n", count(findings.errors.len(), "fault", "faults"))),
    }
    output::put(&text, None)?;
    Ok(u8::from(home.is_none()))
}

/// Says in words what changed between two versions.
pub fn changes(old: &Path, new: &Path) -> Outcome {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        agreement::parse(&text, &path.display().to_string()).map(|(a, _)| a).map_err(|all| {
            let lines: Vec<String> = all.iter().map(Diagnostic::to_string).collect();
            lines.join("\n")
        })
    };
    let sentences = agreement::diff(&read(old)?, &read(new)?);
    let text = if sentences.is_empty() { "nothing changed\n".to_owned() } else { sentences.join("\n") + "\n" };
    output::put(&text, None)?;
    Ok(0)
}
