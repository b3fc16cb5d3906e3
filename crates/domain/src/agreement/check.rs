//! Reads one agreement and reports everything that is wrong with it at once.

use super::clauses::{clauses, plain, version_id};
use super::diagnostic::{Diagnostic, Report, Severity};
use super::read::{Node, Table};
use super::stages::SIDES;
use super::syntax::faults_and_copy;
use super::{Agreement, Side, Signature, calendars, fiscal, promises, rules, stages};
use crate::money::Currency;
use jiff::civil::Date;
use std::ops::Range;
use toml::de::DeTable;

/// The version of the file's format that this program reads and writes.
const FORMAT: i64 = 1;

/// Reads an agreement; `file` is how its diagnostics call it.
///
/// # Errors
/// All faults in the order of the text, with warnings among them. An agreement that can be used
/// comes with its warnings instead.
pub fn parse(text: &str, file: &str) -> Result<(Agreement, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (faults, copy) = faults_and_copy(text);
    let (document, _) = DeTable::parse_recoverable(&copy.text);
    let document = document.get_ref();
    let report = Report::new(file, text, &copy, document, faults);
    let agreement = read(Table::root(&report, document)).map(|agreement| Agreement {
        clauses: clauses(&report, document),
        version_id: version_id(text),
        text: plain(text),
        ..agreement
    });
    let mut found = report.into_found();
    match agreement {
        _ if found.iter().any(|d| d.severity == Severity::Error) => Err(found),
        Some(agreement) => Ok((agreement, found)),
        None => {
            found.insert(0, Diagnostic::unexplained(file));
            Err(found)
        }
    }
}

fn read(mut root: Table<'_>) -> Option<Agreement> {
    let version = root.need("version", "version = 1", |node| {
        let (report, span) = (node.report, node.span.clone());
        let version = node.whole(0..=i64::MAX)?;
        if version != FORMAT {
            report.error(
                &span,
                format!("this file has the format version {version}, which is not known here"),
                format!("write version = {FORMAT}, or use a newer treaty; it counts the format, not your revisions"),
            );
        }
        Some(version)
    });
    let name = root.need("name", "name = \"Acme: sales and marketing\"", Node::text);
    let effective_from = root.need("effective_from", "effective_from = 2026-01-01", Node::date);
    let currency = root.need("currency", "currency = \"USD\"", read_currency);
    let zone = root.need("time_zone", "time_zone = \"America/New_York\"", calendars::read_zone);
    let sponsor = root.may("sponsor", Node::text);
    let signatures = read_signatures(&mut root, effective_from);
    let fiscal = fiscal::read(&mut root);
    let (stages, outcomes) = stages::read(&mut root);
    let promised = promises::read(&mut root, stages.as_deref(), currency);
    let calendars = calendars::read(&mut root, zone.as_ref(), promised.business.as_ref());
    let rules = rules::read(&mut root);
    root.finish();
    version?;
    Some(Agreement {
        name: name?,
        effective_from: effective_from?,
        currency: currency?,
        zone: zone?,
        sponsor,
        signatures,
        fiscal: fiscal?,
        stages: stages?,
        outcomes: outcomes?,
        promises: promised.promises,
        calendars: calendars?,
        rules,
        clauses: Vec::new(),
        version_id: String::new(),
        text: String::new(),
    })
}

fn read_currency(node: Node<'_>) -> Option<Currency> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let code = node.text()?;
    match code.parse() {
        Ok(currency) => Some(currency),
        Err(error) => {
            report.error(
                &span,
                format!("`{path}`: {error}"),
                "write the three letters of ISO 4217, such as \"USD\" or \"EUR\"",
            );
            None
        }
    }
}

/// Reads the signatures and says what is missing for the agreement to be more than a draft.
fn read_signatures(root: &mut Table<'_>, effective_from: Option<Date>) -> Vec<Signature> {
    let mut signatures = Vec::new();
    let mut signed: Vec<(Side, Option<Date>, Range<usize>)> = Vec::new();
    let report = root.report;
    let mut readable = true;
    for item in root.may("signature", Node::list).unwrap_or_default() {
        let Some(mut table) = item.table() else {
            readable = false;
            continue;
        };
        let side = table.need("side", "side = \"marketing\"", |n| n.word(&SIDES));
        let name = table.need("name", "name = \"who signs\"", Node::text);
        let on = table.need("on", "on = 2026-01-05", Node::date);
        match side {
            Some(side) => signed.push((side, on, table.value_place("on"))),
            None => readable = false,
        }
        table.finish();
        if let (Some(side), Some(name), Some(on)) = (side, name, on) {
            signatures.push(Signature { side, name, on });
        }
    }
    let place = root.value_place("name");
    let unsigned: Vec<&str> = SIDES
        .iter()
        .filter(|(_, side)| !signed.iter().any(|(s, ..)| s == side))
        .map(|(word, _)| *word)
        .collect();
    if readable && !unsigned.is_empty() {
        let have = if unsigned.len() == 1 { "has" } else { "have" };
        report.remark(
            &place,
            format!("this agreement is a draft: {} {have} not signed it", unsigned.join(" and ")),
            "when both sides agree, let each add [[signature]] with side, name and on",
        );
    }
    for (side, on, span) in &signed {
        let (Some(on), Some(from)) = (on, effective_from) else { continue };
        if *on > from {
            report.warning(
                span,
                format!("{} signed on {on}, after the agreement took effect on {from}", side.word()),
                "events between the two days are judged by a text that was not agreed yet; move effective_from if that is not meant",
            );
        } else if from.year() - on.year() > 1 {
            report.warning(
                span,
                format!(
                    "{} signed on {on}, long before the agreement takes effect on {from}",
                    side.word()
                ),
                "look at both dates; a new version needs new signatures",
            );
        }
    }
    signatures
}
