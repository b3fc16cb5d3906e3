//! `init`, `check` and `changes`: the agreement as a file.

use super::{Outcome, now};
use crate::home::{Findings, SETTINGS, inspect, place};
use crate::output;
use std::io::IsTerminal;
use std::path::Path;
use treaty_domain::agreement::{self, Diagnostic, Severity};
use treaty_domain::zone::Zone;
use treaty_engine::record::Record;

/// Creates a home.
pub async fn init(dir: &Path, name: Option<String>, time_zone: &str, record: Option<&str>) -> Outcome {
    let zone = Zone::new(time_zone).map_err(|e| e.to_string())?;
    let today = jiff::civil::Date::from(zone.local_day(now()));
    let name = name.unwrap_or_else(|| {
        let folder = dir.file_name().map_or_else(|| "Our company".to_owned(), |n| n.to_string_lossy().into_owned());
        format!("{folder}: sales and marketing")
    });
    let record = create(dir, &agreement::template(&name, today, time_zone), record).await?;
    let shared = match record.version() {
        _ if !record.place().is_shared() => String::new(),
        0 => format!("Its record is in {}, and empty.\n", record.place()),
        version => format!(
            "Its record is in {}, which is there already, at version {version}. Copy agreement.toml from the home that it comes from.\n",
            record.place()
        ),
    };
    output::put(
        &format!(
            "Created a home in {0}.\n  {0}/agreement.toml   the agreement: read it with both sides, change it, sign it\n  {0}/treaty.toml      settings\n{shared}Next: `treaty -C {0} check`, then `treaty -C {0} import FILES`.\n",
            dir.display()
        ),
        None,
    )?;
    Ok(0)
}

/// Writes the files of a home; refuses to touch one that is there. `record` is where its record is, if not in itself.
pub async fn create(dir: &Path, agreement: &str, record: Option<&str>) -> Result<Record, String> {
    let file = dir.join("agreement.toml");
    if file.exists() {
        return Err(format!("{} is there already; nothing was changed", file.display()));
    }
    std::fs::create_dir_all(dir).map_err(|e| format!("{} cannot be created: {e}", dir.display()))?;
    let write = |path: std::path::PathBuf, text: &str| {
        std::fs::write(&path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    // A folder that was named from here is the same one from there.
    let absolute = |at: &str| match at.contains("://") {
        true => Ok(at.to_owned()),
        false => std::path::absolute(at).map(|p| p.display().to_string()).map_err(|e| format!("--record {at}: {e}")),
    };
    let at = record.map(absolute).transpose()?;
    let place = place(dir, at.as_deref()).map_err(|e| format!("--record: {e}"))?;
    let made = Record::init_at(dir, place).await.map_err(|e| e.to_string())?;
    let set = at.map(|at| format!("# Where the record is.\n[record]\nat = {}\n\n", toml::Value::String(at)));
    write(dir.join("treaty.toml"), &(set.unwrap_or_default() + SETTINGS))?;
    write(file, agreement)?;
    Ok(made)
}

/// Checks every file of a home.
pub fn check(dir: &Path) -> Outcome {
    let (home, findings) = inspect(dir)?;
    let mut text = String::new();
    let shown: Vec<String> = if std::io::stdout().is_terminal() { in_place(&findings) } else { Vec::new() };
    let told = |line: &&String| shown.is_empty() || !findings.in_place.iter().any(|(d, _)| d.to_string() == **line);
    for line in shown.iter().chain(findings.errors.iter().chain(&findings.warnings).filter(told)) {
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

/// Findings with the lines of the agreement that they are about.
fn in_place(findings: &Findings) -> Vec<String> {
    let handler = miette::GraphicalReportHandler::new();
    findings
        .in_place
        .iter()
        .map(|(d, source)| {
            let before: usize = source.split_inclusive('\n').take(d.line.saturating_sub(1)).map(str::len).sum();
            let line = source.get(before..).unwrap_or_default();
            let within: usize = line.chars().take(d.column.saturating_sub(1)).map(char::len_utf8).sum();
            let length: usize = line.chars().skip(d.column.saturating_sub(1)).take(d.length.max(1)).map(char::len_utf8).sum();
            let severity = if d.severity == Severity::Error { miette::Severity::Error } else { miette::Severity::Warning };
            let shown = miette::MietteDiagnostic::new(d.message.clone())
                .with_severity(severity)
                .with_help(d.help.clone())
                .with_label(miette::LabeledSpan::underline(before + within..before + within + length));
            let report = miette::Report::new(shown).with_source_code(miette::NamedSource::new(d.file.clone(), source.clone()));
            let mut out = String::new();
            match handler.render_report(&mut out, report.as_ref()) {
                Ok(()) => out,
                Err(_) => d.to_string(),
            }
        })
        .collect()
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
