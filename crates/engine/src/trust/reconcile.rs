//! Where sources disagree: who knows what alone, who knows it too, and what they say about it.
//!
//! Two systems know one thing in one of two ways. Each has its own id for it: then there are two rows, tied by a merge, or
//! by the e-mail address of a person or the domain of an account. Or both write the same id: then the record holds the row
//! of the last import, and what the other one said is found in the version of its last import.

use super::{Trust, rows_of, text};
use crate::error::EngineError;
use crate::export;
use crate::load::Merges;
use crate::reports::{column, grouped_count, percent};
use crate::sql;
use datafusion::arrow::array::RecordBatch;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use treaty_app::import::TableCount;
use treaty_app::layout::{self, Kind, Table};
use treaty_app::report::{Cell, Report, Unit};
use treaty_domain::zone::Micros;

/// Entities that several systems may know: table, kind of merge, and the text by which two rows are one.
const ENTITIES: [(&str, &str, &str); 3] = [
    ("people", "person", "lower(trim(email))"),
    ("accounts", "account", "regexp_replace(lower(trim(domain)), '^(https?://)?(www\\.)?', '')"),
    ("opportunities", "opportunity", "NULL"),
];

/// Examples shown of a conflict.
const EXAMPLES: usize = 3;

/// What one source says about one thing.
#[derive(Debug, Clone)]
struct Statement {
    source: String,
    id: String,
    version: String,
    values: Vec<Option<String>>,
}

/// What the sources say about one table: statements by thing.
struct Said {
    table: &'static Table,
    columns: Vec<&'static str>,
    things: Vec<Vec<Statement>>,
    /// Things by the sources that know them.
    known: BTreeMap<BTreeSet<String>, i64>,
}

/// Columns that are compared: those that say something about the thing itself.
fn compared(table: &'static Table) -> Vec<&'static str> {
    let own = |c: &&layout::Column| !table.key.contains(&c.name) && c.kind != Kind::Instant;
    table.columns.iter().filter(own).map(|c| c.name).collect()
}

/// Rows of a query as text.
async fn texts(trust: &Trust<'_>, query: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
    let batches: Vec<RecordBatch> = trust.cx.sql(query).await?.collect().await?;
    Ok(export::rows(&batches)?.1)
}

/// Everything sources say about an entity.
async fn statements(trust: &Trust<'_>, (name, kind, same): (&'static str, &str, &str)) -> Result<Option<Said>, EngineError> {
    let Some(table) = layout::table(name) else { return Ok(None) };
    let key = table.key[0];
    let ids = texts(trust, &format!("SELECT {key}, _source, {same} AS same FROM {}", rows_of(name))).await?;
    let mut sources: BTreeSet<&str> = ids.iter().filter_map(|r| r[1].as_deref()).collect();
    let wrote = |e: &&treaty_app::import::LogEntry| e.details.tables.iter().any(|t| t.table == name && t.read > t.rejected + t.filtered);
    let writers: Vec<_> = trust.newest().into_iter().filter(|(_, e)| wrote(e)).collect();
    sources.extend(writers.iter().map(|(s, _)| *s));
    let columns = compared(table);
    let mut out = Said { table, columns, things: Vec::new(), known: BTreeMap::new() };
    if sources.len() < 2 {
        for row in &ids {
            *out.known.entry([row[1].clone().unwrap_or_default()].into()).or_default() += 1;
        }
        return Ok(Some(out));
    }
    // Things: ids tied by merges, then by what makes two rows one.
    let merges = merges(trust).await?;
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut group: Vec<usize> = Vec::new();
    let mut by_same: HashMap<&str, usize> = HashMap::new();
    // A mailbox that several rows of one source share ties nobody.
    let mut shared: HashMap<(&str, &str), usize> = HashMap::new();
    for row in &ids {
        if let (Some(source), Some(same)) = (row[1].as_deref(), row[2].as_deref()) {
            *shared.entry((source, same)).or_default() += 1;
        }
    }
    let ambiguous: BTreeSet<&str> = shared.iter().filter(|(_, n)| **n > 1).map(|((_, same), _)| *same).collect();
    for row in &ids {
        let survivor = merges.canonical(kind, row[0].as_deref().unwrap_or_default()).to_owned();
        let at = *places.entry(survivor).or_insert_with(|| {
            group.push(group.len());
            group.len() - 1
        });
        if let Some(same) = row[2].as_deref().filter(|s| !s.is_empty() && !ambiguous.contains(s)) {
            let other = *by_same.entry(same).or_insert(at);
            let (a, b) = (root(&group, at), root(&group, other));
            group[a.max(b)] = a.min(b);
        }
    }
    let mut known: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for row in &ids {
        let at = root(&group, places[merges.canonical(kind, row[0].as_deref().unwrap_or_default())]);
        known.entry(at).or_default().insert(row[1].clone().unwrap_or_default());
    }
    let thing = |id: &str| places.get(merges.canonical(kind, id)).map(|at| root(&group, *at));
    let mut said: BTreeMap<usize, Vec<Statement>> = BTreeMap::new();
    let taken = taken_over(trust, table, &writers, &out.columns).await?;
    for s in taken {
        if let Some(at) = thing(&s.id) {
            known.entry(at).or_default().insert(s.source.clone());
            said.entry(at).or_default().push(s);
        }
    }
    let several: BTreeSet<usize> = known.iter().filter(|(_, s)| s.len() > 1).map(|(at, _)| *at).collect();
    if !several.is_empty() {
        let list: Vec<String> = out.columns.iter().map(|c| format!("CAST({} AS VARCHAR)", sql::quoted(c))).collect();
        let query = format!("SELECT {key}, _source, CAST(_version AS VARCHAR), attributes, {} FROM {}", list.join(", "), rows_of(name));
        for row in texts(trust, &query).await? {
            let said_here = read(row, &out.columns);
            if let Some(at) = thing(&said_here[0].id).filter(|at| several.contains(at)) {
                said.entry(at).or_default().extend(said_here);
            }
        }
    }
    for (at, sources) in known {
        *out.known.entry(sources).or_default() += 1;
        if let Some(mut all) = said.remove(&at) {
            all.sort_by(|a, b| (&a.source, &a.id, &a.version).cmp(&(&b.source, &b.id, &b.version)));
            out.things.push(all);
        }
    }
    Ok(Some(out))
}

/// The group that a group is part of.
fn root(group: &[usize], mut at: usize) -> usize {
    while group[at] != at {
        at = group[at];
    }
    at
}

/// What a row says: its own source about everything, and other sources about columns whose claims it keeps.
fn read(mut row: Vec<Option<String>>, columns: &[&str]) -> Vec<Statement> {
    let mut values = row.split_off(4);
    let attributes = row.pop().flatten();
    let mut cell = |i: usize| row[i].take().unwrap_or_default();
    let (id, source, version) = (cell(0), cell(1), cell(2));
    let mut others: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (i, name) in columns.iter().enumerate() {
        let mut claims = crate::record::kept(attributes.as_deref(), name);
        if claims.is_empty() {
            continue;
        }
        values[i] = claims.remove(&source);
        for (other, value) in claims {
            others.entry(other).or_insert_with(|| vec![None; columns.len()])[i] = Some(value);
        }
    }
    let more = others.into_iter().map(|(source, values)| Statement { source, id: id.clone(), version: version.clone(), values });
    let mut all: Vec<Statement> = more.collect();
    all.push(Statement { source, id, version, values });
    all
}

/// What sources said about ids that another source has written since, from the version of their last import.
async fn taken_over(
    trust: &Trust<'_>,
    table: &'static Table,
    writers: &[(&str, &treaty_app::import::LogEntry)],
    columns: &[&str],
) -> Result<Vec<Statement>, EngineError> {
    let mut out = Vec::new();
    if writers.len() < 2 {
        return Ok(out);
    }
    let key = table.key[0];
    for (source, entry) in writers {
        let name = format!("_then_{}", entry.version);
        let then = trust.record.provider(table.name, entry.version).await?;
        trust.cx.register_table(name.as_str(), then)?;
        let list: Vec<String> = columns.iter().map(|c| format!("CAST(b.{} AS VARCHAR)", sql::quoted(c))).collect();
        let query = format!(
            "SELECT b.{key}, i.source, CAST(b._version AS VARCHAR), b.attributes, {} FROM {name} b JOIN _imports i ON i.version = b._version \
             JOIN {} n ON n.{key} = b.{key} WHERE i.source = {} AND n._source <> i.source",
            list.join(", "),
            rows_of(table.name),
            text(source)
        );
        // Others speak for themselves in their own last import.
        let own = |s: &Statement| s.source == *source;
        out.extend(texts(trust, &query).await?.into_iter().flat_map(|row| read(row, columns)).filter(own));
        trust.cx.deregister_table(name.as_str())?;
    }
    Ok(out)
}

async fn merges(trust: &Trust<'_>) -> Result<Merges, EngineError> {
    let columns = ["subject_type", "from_id", "into_id", "merged_at"];
    let rows = crate::load::entities::read_all(trust.record, "merges", trust.case.facts.view.version, &columns).await?;
    Ok(Merges::new(&rows, Micros(i64::MAX)))
}

/// Two values that say the same.
fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// What a source says about a column of a thing: its first row that has a value.
fn said(thing: &[Statement], column: usize) -> BTreeMap<&str, (&Statement, &str)> {
    let mut out = BTreeMap::new();
    for s in thing {
        if let Some(value) = s.values[column].as_deref() {
            out.entry(s.source.as_str()).or_insert((s, value));
        }
    }
    out
}

/// For each column how many things sources agree about, of those that at least two know.
pub(super) async fn agreement(trust: &Trust<'_>) -> Result<BTreeMap<(&'static str, &'static str), (i64, i64)>, EngineError> {
    let mut out = BTreeMap::new();
    for entity in ENTITIES {
        let Some(all) = statements(trust, entity).await? else { continue };
        for (i, name) in all.columns.iter().enumerate() {
            let (mut agree, mut of) = (0, 0);
            for thing in &all.things {
                let said = said(thing, i);
                if said.len() > 1 {
                    of += 1;
                    let mut values = said.values().map(|(_, v)| *v);
                    let first = values.next().unwrap_or_default();
                    agree += i64::from(values.all(|v| same(first, v)));
                }
            }
            if of > 0 {
                out.insert((all.table.name, *name), (agree, of));
            }
        }
    }
    Ok(out)
}

pub(super) async fn overlap(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("table", "Table", Unit::Text, ""),
        column("source_a", "Source A", Unit::Text, ""),
        column("source_b", "Source B", Unit::Text, ""),
        column("only_a", "Only in A", Unit::Count, ""),
        column("both", "In both", Unit::Count, ""),
        column("only_b", "Only in B", Unit::Count, ""),
    ];
    let mut out = trust.blank("overlap", "Which source knows what alone?", columns).await?;
    let mut both_of_all = 0;
    for entity in ENTITIES {
        let Some(all) = statements(trust, entity).await? else { continue };
        let sources: BTreeSet<&String> = all.known.keys().flatten().collect();
        let sources: Vec<&String> = sources.into_iter().collect();
        for (i, a) in sources.iter().enumerate() {
            for b in &sources[i + 1..] {
                let count = |of: &dyn Fn(&BTreeSet<String>) -> bool| -> i64 { all.known.iter().filter(|(k, _)| of(k)).map(|(_, n)| n).sum() };
                let both = count(&|k| k.contains(*a) && k.contains(*b));
                both_of_all += both;
                out.rows.push(vec![
                    Cell::Text(entity.0.to_owned()),
                    Cell::Text((*a).clone()),
                    Cell::Text((*b).clone()),
                    Cell::Count(count(&|k| k.contains(*a) && !k.contains(*b))),
                    Cell::Count(both),
                    Cell::Count(count(&|k| k.contains(*b) && !k.contains(*a))),
                ]);
                out.provisional.push(false);
            }
        }
    }
    out.answer = if out.rows.is_empty() {
        "Each table comes from one source, so there is nothing to compare.".to_owned()
    } else {
        format!("{} people, accounts and opportunities are known from more than one source.", grouped_count(both_of_all))
    };
    out.method = "One thing is what shares an id, is tied by a merge, or has one e-mail address (people) or domain (accounts). It is counted once, whatever the number of its rows.".to_owned();
    Ok(out)
}

pub(super) async fn conflicts(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("table", "Table", Unit::Text, ""),
        column("field", "Field", Unit::Text, ""),
        column("source_a", "Source A", Unit::Text, ""),
        column("source_b", "Source B", Unit::Text, ""),
        column("both_know", "Both know", Unit::Count, ""),
        column("conflicts", "Conflicts", Unit::Count, ""),
        column("share", "Share", Unit::Share, ""),
        column("example", "Example", Unit::Text, ""),
        column("truth", "Whose word counts", Unit::Text, ""),
    ];
    let mut out = trust.blank("conflicts", "Where do sources contradict each other?", columns).await?;
    let (mut worst, mut total) = (None, 0);
    for entity in ENTITIES {
        let Some(all) = statements(trust, entity).await? else { continue };
        for (i, field) in all.columns.iter().enumerate() {
            let mut pairs: BTreeMap<(&str, &str), (i64, i64, Vec<String>)> = BTreeMap::new();
            for thing in &all.things {
                let said: Vec<_> = said(thing, i).into_iter().collect();
                for (at, (a, (one, x))) in said.iter().enumerate() {
                    for (b, (two, y)) in &said[at + 1..] {
                        let pair = pairs.entry((a, b)).or_default();
                        pair.0 += 1;
                        if !same(x, y) {
                            pair.1 += 1;
                            if pair.2.len() < EXAMPLES {
                                pair.2.push(format!("{} '{x}' (version {}) | {} '{y}' (version {})", one.id, one.version, two.id, two.version));
                            }
                        }
                    }
                }
            }
            for ((a, b), (know, conflicts, examples)) in pairs {
                total += conflicts;
                if conflicts > 0 && worst.as_ref().is_none_or(|(n, _)| conflicts > *n) {
                    worst = Some((conflicts, format!("{}.{field} of {a} and {b} ({})", entity.0, percent(conflicts as f64 / know as f64))));
                }
                let order = trust.truth.get(entity.0).and_then(|t| t.get(*field));
                out.rows.push(vec![
                    Cell::Text(entity.0.to_owned()),
                    Cell::Text((*field).to_owned()),
                    Cell::Text(a.to_owned()),
                    Cell::Text(b.to_owned()),
                    Cell::Count(know),
                    Cell::Count(conflicts),
                    Cell::ratio(conflicts, know),
                    Cell::Text(examples.join("; ")),
                    Cell::Text(order.map_or_else(|| "(nobody named)".to_owned(), |o| o.join(", then "))),
                ]);
                out.provisional.push(false);
            }
        }
    }
    out.answer = match worst {
        None if out.rows.is_empty() => "No two sources say something about the same thing.".to_owned(),
        None => "Sources agree wherever two of them know the same thing.".to_owned(),
        Some((_, worst)) => format!("{} values contradict each other, most of them in {worst}.", grouped_count(total)),
    };
    out.method = "Values of two sources about one thing are compared without case and outer blanks; a value that only one has is no conflict. [truth] in treaty.toml names whose word counts: facts then show the value of the first source that has one, of whatever row of the merged thing. Without it the row of the survivor counts, and where both write one id, the last import.".to_owned();
    Ok(out)
}

/// Rows and money that the record holds of a source in a table: rows, and the sum of the amount by currency.
async fn held(trust: &Trust<'_>, table: &Table, source: &str) -> Result<(i64, BTreeMap<String, String>), EngineError> {
    let (view, source) = (rows_of(table.name), text(source));
    let n = trust.one(&format!("SELECT count(*) AS n FROM {view} WHERE _source = {source}")).await?.int("n");
    let mut money = BTreeMap::new();
    if let Some(amount) = table.columns.iter().find(|c| c.kind == Kind::Money) {
        let amount = amount.name;
        let query = format!(
            "SELECT coalesce(currency, ''), CAST(sum({amount}) AS VARCHAR) FROM {view} WHERE _source = {source} AND {amount} IS NOT NULL GROUP BY 1"
        );
        for row in texts(trust, &query).await? {
            money.insert(row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default());
        }
    }
    Ok((n, money))
}

/// The balance of sources with the record: what files hold, what became of it, and what the record holds of the source.
/// Files that have landed are those of the last import, which may be a part of what the source gave.
///
/// # Errors
/// When the record cannot be read.
pub(super) async fn balance(trust: &Trust<'_>, files: &[(String, Vec<TableCount>)], landed: bool) -> Result<Report, EngineError> {
    let mut columns = vec![column("source", "Source", Unit::Text, ""), column("table", "Table", Unit::Text, "")];
    let counts = [
        ("in_files", "In files"),
        ("rejected", "Rejected"),
        ("filtered", "Filtered"),
        ("repeated", "Repeated"),
        ("kept", "Kept"),
        ("only_in_files", "Only in files"),
        ("different", "Different"),
        ("same", "Same"),
        ("only_in_record", "Only in record"),
        ("in_record", "In record"),
    ];
    columns.extend(counts.map(|(n, t)| column(n, t, Unit::Count, "")));
    columns.extend([
        column("currency", "Currency", Unit::Text, ""),
        column("amount_in_files", "Amount in files", Unit::Number, ""),
        column("amount_in_record", "Amount in record", Unit::Number, ""),
        column("difference", "Difference", Unit::Number, ""),
        column("verdict", "Verdict", Unit::Text, ""),
    ]);
    let mut out = trust.blank("balance", "Does the record hold what the sources hold?", columns).await?;
    let mut off = 0;
    for (source, tables) in files {
        for count in tables {
            let Some(table) = layout::table(&count.table) else { continue };
            let (in_record, money) = held(trust, table, source).await?;
            let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let same = whole(count.unchanged.saturating_sub(count.repeated));
            let kept = whole(count.written + count.changed) + same;
            let only_in_record = (in_record - whole(count.changed) - same).max(0);
            let currencies: BTreeSet<&String> = count.money.keys().chain(money.keys()).collect();
            let lines: Vec<Option<&String>> = if currencies.is_empty() { vec![None] } else { currencies.into_iter().map(Some).collect() };
            for (i, currency) in lines.into_iter().enumerate() {
                let of = |m: &BTreeMap<String, String>| currency.map(|c| m.get(c).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0));
                let (a, b) = (of(&count.money), of(&money));
                // The texts are exact; as numbers they may not be.
                let equal = currency.is_none_or(|c| amount(count.money.get(c)) == amount(money.get(c)));
                // Files that have landed may be a part of what the source gave over time.
                let part = landed && only_in_record > 0;
                let missing = kept > in_record || count.written + count.changed > 0 || count.rejected > 0;
                let balanced = !missing && (part || (equal && only_in_record == 0));
                off += usize::from(!balanced);
                let mut row = vec![Cell::Text(source.clone()), Cell::Text(count.table.clone())];
                let numbers = [
                    whole(count.read), whole(count.rejected), whole(count.filtered), whole(count.repeated), kept, whole(count.written),
                    whole(count.changed), same, only_in_record, in_record,
                ];
                row.extend(numbers.map(|n| if i == 0 { Cell::Count(n) } else { Cell::Blank }));
                let cell = |x: Option<f64>| x.map_or(Cell::Blank, Cell::Number);
                row.extend([
                    Cell::Text(currency.map_or_else(String::new, |c| if c.is_empty() { "(none)".to_owned() } else { c.clone() })),
                    cell(a),
                    cell(b),
                    cell(a.zip(b).map(|(a, b)| if equal { 0.0 } else { a - b })),
                    Cell::Text(if balanced { "balanced" } else { "off" }.to_owned()),
                ]);
                out.rows.push(row);
                out.provisional.push(false);
            }
        }
    }
    out.answer = match (out.rows.len(), off) {
        (0, _) => "There is nothing to compare.".to_owned(),
        (n, 0) => format!("All {n} lines balance: the record holds what the sources hold, row for row and amount for amount."),
        (n, off) => format!("{off} of {n} lines are off."),
    };
    out.method = "In files = rejected + filtered + repeated + kept; kept = only in files + different + same. Only in record are rows of the source that the files do not have. Amounts are sums over kept rows and over rows of the source in the record. A row whose id another source has written since belongs to that source.".to_owned();
    Ok(out)
}

/// An amount as an exact number of its fourth decimal.
fn amount(text: Option<&String>) -> i64 {
    text.and_then(|t| treaty_domain::money::parse_amount(t, 4).ok()).unwrap_or(0)
}
