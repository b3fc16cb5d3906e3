//! What a row must be beyond its types.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use treaty_app::identity;
use treaty_app::layout::{Kind, Table};
use treaty_domain::zone::{LocalDay, Micros};

use super::cast::quoted;
use super::cells::Text;
use super::import::ImportOptions;
use super::parse;
use super::piece::Piece;

const DAY: i64 = Micros::DAY;

/// Refuses the rows of a run that no table could hold.
pub fn check(table: &Table, piece: &mut Piece, options: &ImportOptions<'_>) {
    for (i, column) in table.columns.iter().enumerate() {
        let array = piece.columns[i].clone();
        if column.required {
            required(piece, column.name, column.kind, array.as_ref());
        }
        match (column.kind, &array) {
            (Kind::Instant, Some(array)) => instants(piece, column.name, array),
            (Kind::Date, Some(array)) => dates(piece, column.name, array),
            _ => {}
        }
    }
    match table.name {
        "stage_changes" | "field_changes" => {
            words(table, piece, "subject_type", &["person", "opportunity"])
        }
        "merges" => words(
            table,
            piece,
            "subject_type",
            &[
                "person",
                "opportunity",
                "account",
                identity::MEMBER,
                identity::QUARANTINE,
                identity::DECISION,
            ],
        ),
        "handoffs" => {
            words(
                table,
                piece,
                "decision",
                &["pending", "accepted", "rejected"],
            );
            piece.undated_decisions = undated(table, piece);
        }
        _ => {}
    }
    if table.name == "stage_changes" {
        let known = options.known_stage;
        values(table, piece, "stage", known, |stage| {
            format!(
                "the agreement has no stage {}; {}",
                quoted(stage),
                options.known_stages_help
            )
        });
    }
}

fn required(piece: &mut Piece, name: &str, kind: Kind, array: Option<&ArrayRef>) {
    match array {
        Some(array) if array.null_count() == 0 => {}
        Some(array) => {
            for row in 0..piece.rows {
                if array.is_null(row) {
                    piece.refuse(row, name, || empty(kind));
                }
            }
        }
        None => {
            for row in 0..piece.rows {
                piece.refuse(row, name, || empty(kind));
            }
        }
    }
}

fn empty(kind: Kind) -> String {
    format!("the cell is empty; every row needs {}", kind.expected())
}

fn instants(piece: &mut Piece, name: &str, array: &ArrayRef) {
    let times = array.as_primitive::<TimestampMicrosecondType>();
    let possible = parse::earliest()..parse::latest();
    let fine = |t: Option<i64>| t.is_none_or(|t| possible.contains(&t));
    if fine(compute::min(times)) && fine(compute::max(times)) {
        return;
    }
    for row in 0..times.len() {
        if times.is_valid(row) && !possible.contains(&times.value(row)) {
            let t = times.value(row);
            piece.refuse(row, name, || parse::impossible(&Micros(t).to_string()));
        }
    }
}

fn dates(piece: &mut Piece, name: &str, array: &ArrayRef) {
    let days = array.as_primitive::<Date32Type>();
    let possible = parse::earliest() / DAY..parse::latest() / DAY;
    let fine = |d: Option<i32>| d.is_none_or(|d| possible.contains(&i64::from(d)));
    if fine(compute::min(days)) && fine(compute::max(days)) {
        return;
    }
    for row in 0..days.len() {
        if days.is_valid(row) && !possible.contains(&i64::from(days.value(row))) {
            let day = LocalDay(days.value(row));
            piece.refuse(row, name, || parse::impossible(&day.to_string()));
        }
    }
}

fn words(table: &Table, piece: &mut Piece, name: &str, allowed: &[&str]) {
    values(
        table,
        piece,
        name,
        &|word| allowed.contains(&word),
        |word| format!("{} is none of {}", quoted(word), allowed.join(", ")),
    );
}

/// Refuses rows whose cell is not known; each distinct value is asked once.
fn values(
    table: &Table,
    piece: &mut Piece,
    name: &str,
    known: &(dyn Fn(&str) -> bool + Sync),
    reason: impl Fn(&str) -> String,
) {
    let Some(at) = table.columns.iter().position(|c| c.name == name) else {
        return;
    };
    let Some(array) = piece.columns[at].clone() else {
        return;
    };
    let Some(text) = Text::of(&array) else { return };
    if let Text::Dict(_, _, values) = text
        && (0..values.len()).all(|k| known(values.value(k)))
    {
        return;
    }
    let mut asked: HashMap<&str, bool> = HashMap::new();
    let mut last = ("", false);
    for row in 0..text.len() {
        let Some(value) = text.get(row) else { continue };
        if value != last.0 {
            let fine = *asked.entry(value).or_insert_with(|| known(value));
            last = (value, fine);
        }
        if !last.1 && !value.is_empty() {
            piece.refuse(row, name, || reason(value));
        }
    }
}

fn undated(table: &Table, piece: &Piece) -> u64 {
    let column = |name: &str| {
        let at = table.columns.iter().position(|c| c.name == name)?;
        piece.columns[at].as_ref()
    };
    let Some(decision) = column("decision").and_then(Text::of) else {
        return 0;
    };
    let at = column("decided_at");
    (0..piece.rows)
        .filter(|i| {
            !piece.refused.contains(*i)
                && matches!(decision.get(*i), Some("accepted" | "rejected"))
                && at.is_none_or(|a| a.is_null(*i))
        })
        .count() as u64
}
