//! Data health (A27): completeness, validity, uniqueness, freshness, consistency and authenticity of what people fill in, an
//! index over them, its weakest part, who answers for it, and where it is going.

use super::{Trust, reconcile, rows_of, text};
use crate::case::Case;
use crate::error::EngineError;
use crate::reports::{Row, column, percent};
use std::collections::BTreeMap;
use treaty_app::report::{Cell, Reason, Report, Unit};
use treaty_app::trust::DIMENSIONS;
use treaty_domain::zone::LocalDay;

/// A field: table, column, the condition under which a value is valid, and the text by which two values are one.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("people", "email", r"regexp_like(trim(email), '^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$')", "lower(trim(email))"),
    ("people", "phone", "length(regexp_replace(phone, '[^0-9]', '', 'g')) BETWEEN 7 AND 15", ""),
    ("people", "name", "length(trim(name)) > 1 AND lower(trim(name)) NOT IN ('test', 'unknown', 'n/a', 'none', 'null', 'xxx', 'asdf')", ""),
    ("people", "title", "length(trim(title)) > 1", ""),
    ("people", "country", "length(trim(country)) > 1", ""),
    ("people", "account_id", "_account_known", ""),
    ("people", "owner_id", "_owner_known", ""),
    ("people", "lead_source", "lower(trim(lead_source)) NOT IN ('unknown', 'other', 'n/a', 'none', 'null', 'select')", ""),
    ("people", "created_at", "created_at < _now", ""),
    ("accounts", "name", "length(trim(name)) > 1", "lower(trim(name))"),
    ("accounts", "domain", r"regexp_like(lower(trim(domain)), '^(https?://)?([a-z0-9_-]+\.)+[a-z]{2,}(/.*)?$')", "regexp_replace(lower(trim(domain)), '^(https?://)?(www\\.)?', '')"),
    ("accounts", "industry", "length(trim(industry)) > 1", ""),
    ("accounts", "employees", "employees > 0", ""),
    ("accounts", "country", "length(trim(country)) > 1", ""),
    ("opportunities", "account_id", "_account_known", ""),
    ("opportunities", "owner_id", "_owner_known", ""),
    ("opportunities", "amount", "amount > 0", ""),
    ("opportunities", "currency", "regexp_like(currency, '^[A-Z]{3}$')", ""),
    ("opportunities", "expected_close_on", "expected_close_on >= CAST(created_at AS DATE)", ""),
    ("opportunities", "lead_source", "lower(trim(lead_source)) NOT IN ('unknown', 'other', 'n/a', 'none', 'null', 'select')", ""),
    ("handoffs", "assigned_to", "_owner_known", ""),
    ("handoffs", "decision", "decision IN ('pending', 'accepted', 'rejected')", ""),
    ("campaigns", "channel", "length(trim(channel)) > 1", ""),
    ("campaigns", "name", "length(trim(name)) > 1", "lower(trim(name))"),
    ("users", "email", r"regexp_like(trim(email), '^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$')", "lower(trim(email))"),
    ("users", "team", "length(trim(team)) > 1", ""),
];

/// Column of the row of a whole table.
pub(super) const WHOLE: &str = "(table)";

/// What was counted of a field, or of a whole table.
#[derive(Debug, Clone, Default)]
pub(super) struct Measure {
    /// Rows.
    pub rows: i64,
    /// For each dimension how many are well, of how many.
    pub parts: [Option<(i64, i64)>; 6],
}

/// Measures by table, column and source.
pub(super) type Measures = BTreeMap<(usize, String, String), Measure>;

impl Measure {
    fn shares(&self) -> [Option<f64>; 6] {
        self.parts.map(|p| p.filter(|(_, of)| *of > 0).map(|(well, of)| well as f64 / of as f64))
    }

    /// The index under the weights of the home.
    pub(super) fn index(&self, trust: &Trust<'_>) -> Option<treaty_stats::Index> {
        let shares = self.shares();
        let weighed: Vec<(Option<f64>, f64)> = DIMENSIONS.iter().enumerate().map(|(i, (d, _))| (shares[i], trust.health.weight(d))).collect();
        treaty_stats::health_index(&weighed)
    }
}

/// Tables in the order in which they are shown.
pub(super) fn tables() -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Vec::new();
    FIELDS.iter().for_each(|(t, ..)| if !all.contains(t) { all.push(t) });
    all
}

/// The rows of a table as they are judged: merged ones are gone, and each says whether what it names is known, whether it is
/// fresh, and whether it is suspected to be a fake.
fn judged(trust: &Trust<'_>, table: &str) -> Result<String, EngineError> {
    let view = trust.case.facts.view;
    let zone = &trust.case.set.on(view.day()).zone;
    let now = zone.start_of_day(view.as_of.plus(1)).0;
    let now_sql = format!("to_timestamp_micros({now})");
    let today = text(&trust.case.provenance.as_of);
    let fresh_from = format!("to_timestamp_micros({})", now - i64::from(trust.health.fresh_days) * treaty_domain::zone::Micros::DAY);
    let (subject, key) = match table {
        "people" => ("person", "person_id"),
        "accounts" => ("account", "account_id"),
        "opportunities" => ("opportunity", "opportunity_id"),
        _ => ("", ""),
    };
    let mut joins = String::new();
    let mut columns = vec![format!("{now_sql} AS _now")];
    let mut wheres = Vec::new();
    if !subject.is_empty() {
        joins.push_str(&format!(
            " LEFT JOIN (SELECT DISTINCT from_id FROM record_merges WHERE subject_type = '{subject}' AND from_id <> into_id) g ON g.from_id = t.{key}"
        ));
        wheres.push("g.from_id IS NULL");
    }
    if matches!(table, "people" | "opportunities") {
        joins.push_str(" LEFT JOIN (SELECT DISTINCT account_id AS a_id FROM record_accounts) a ON a.a_id = t.account_id");
        columns.push("a.a_id IS NOT NULL AS _account_known".to_owned());
    }
    let owner = match table {
        "people" | "opportunities" => "owner_id",
        "handoffs" => "assigned_to",
        _ => "",
    };
    if !owner.is_empty() {
        joins.push_str(&format!(" LEFT JOIN (SELECT DISTINCT user_id AS u_id FROM record_users) u ON u.u_id = t.{owner}"));
        // Without any user on record, nobody can say who is one.
        columns.push("(u.u_id IS NOT NULL OR (SELECT count(*) FROM record_users) = 0) AS _owner_known".to_owned());
    }
    match table {
        "people" => {
            joins.push_str(&format!(
                " LEFT JOIN (SELECT person_id AS s_id, max(moment) AS s_at FROM (\
                 SELECT person_id, occurred_at AS moment FROM record_touchpoints WHERE occurred_at < {now_sql} UNION ALL \
                 SELECT person_id, occurred_at FROM record_activities WHERE occurred_at < {now_sql} UNION ALL \
                 SELECT subject_id, changed_at FROM record_stage_changes WHERE subject_type = 'person' AND changed_at < {now_sql}) GROUP BY person_id) s \
                 ON s.s_id = t.person_id"
            ));
            columns.push(format!("greatest(t.created_at, coalesce(s.s_at, t.created_at)) >= {fresh_from} AS _fresh"));
            joins.push_str(
                " LEFT JOIN (SELECT person_id AS q_id FROM _suspects) q ON q.q_id = t.person_id",
            );
            columns.push("q.q_id IS NOT NULL AS _suspected".to_owned());
        }
        "opportunities" => {
            joins.push_str(" LEFT JOIN (SELECT opportunity_id AS o_id FROM opportunities WHERE is_open) o ON o.o_id = t.opportunity_id");
            // An open opportunity whose date of closing has passed has not been looked after.
            columns.push(format!("CASE WHEN o.o_id IS NOT NULL THEN coalesce(t.expected_close_on >= DATE {today}, false) END AS _fresh"));
        }
        _ => {}
    }
    let condition = if wheres.is_empty() { String::new() } else { format!(" WHERE {}", wheres.join(" AND ")) };
    Ok(format!("SELECT t.*, {} FROM {} t{joins}{condition}", columns.join(", "), rows_of(table)))
}

/// Counts every field of every table, by source and over all.
pub(super) async fn measures(trust: &Trust<'_>) -> Result<Measures, EngineError> {
    let agreement = reconcile::agreement(trust).await?;
    let suspects = trust.one("SELECT count(*) AS n FROM record_merges WHERE subject_type IN ('quarantine', 'decision')").await?.int("n");
    let mut out = Measures::new();
    for (at, table) in tables().into_iter().enumerate() {
        let fields: Vec<_> = FIELDS.iter().filter(|(t, ..)| *t == table).collect();
        let mut list = vec!["count(*) AS n".to_owned()];
        for (i, (_, f, valid, unique)) in fields.iter().enumerate() {
            list.push(format!("count({f}) AS f{i}, count(*) FILTER (WHERE {f} IS NOT NULL AND coalesce({valid}, false)) AS v{i}"));
            if !unique.is_empty() {
                list.push(format!("count(DISTINCT {unique}) AS d{i}"));
            }
        }
        let has_fresh = matches!(table, "people" | "opportunities");
        if has_fresh {
            list.push("count(_fresh) AS fresh_of, count(*) FILTER (WHERE _fresh) AS fresh".to_owned());
        }
        if table == "people" {
            list.push("count(*) FILTER (WHERE _suspected) AS suspected".to_owned());
        }
        let (list, from) = (list.join(", "), judged(trust, table)?);
        let all = trust.one(&format!("SELECT {list} FROM ({from})")).await?;
        let by = trust.rows(&format!("SELECT _source, {list} FROM ({from}) GROUP BY _source"), 1).await?;
        let mut take = |source: &str, r: &Row| {
            let rows = r.int("n");
            if rows == 0 {
                return;
            }
            let mut whole = Measure { rows, ..Measure::default() };
            let add = |to: &mut Option<(i64, i64)>, (well, of): (i64, i64)| {
                let (a, b) = to.unwrap_or_default();
                *to = Some((a + well, b + of));
            };
            for (i, (_, f, _, unique)) in fields.iter().enumerate() {
                let (filled, valid) = (r.int(&format!("f{i}")), r.int(&format!("v{i}")));
                let mut m = Measure { rows, ..Measure::default() };
                m.parts[0] = Some((filled, rows));
                m.parts[1] = Some((valid, filled));
                if !unique.is_empty() {
                    m.parts[2] = Some((r.int(&format!("d{i}")), filled));
                }
                if source == "(all)" {
                    m.parts[4] = agreement.get(&(table, *f)).copied();
                }
                if (table, *f) == ("opportunities", "expected_close_on") {
                    m.parts[3] = Some((r.int("fresh"), r.int("fresh_of")));
                }
                for p in [0, 1, 2, 4] {
                    m.parts[p].into_iter().for_each(|part| add(&mut whole.parts[p], part));
                }
                out.insert((at, (*f).to_owned(), source.to_owned()), m);
            }
            if has_fresh {
                whole.parts[3] = Some((r.int("fresh"), r.int("fresh_of")));
            }
            if table == "people" && suspects > 0 {
                whole.parts[5] = Some((rows - r.int("suspected"), rows));
            }
            out.insert((at, WHOLE.to_owned(), source.to_owned()), whole);
        };
        take("(all)", &all);
        if by.len() > 1 {
            by.iter().for_each(|r| take(r.dim(0).unwrap_or("native"), r));
        }
    }
    Ok(out)
}

/// The measures some days before, if the record was there.
pub(super) async fn before(trust: &Trust<'_>) -> Result<(LocalDay, Option<Measures>), EngineError> {
    let day = trust.case.facts.view.as_of.plus(-i32::from(trust.health.compare_days));
    let agreement = trust.case.set.on(jiff::civil::Date::from(day));
    let (view, imported_later) = crate::case::view(trust.record, agreement, day, false);
    if imported_later {
        return Ok((day, None));
    }
    let case = Case::open_view(trust.record, &trust.case.set, trust.case.catalogue.clone(), view, false).await?;
    let then = Trust::open(trust.record, &case, trust.health, trust.truth).await?;
    Ok((day, Some(measures(&then).await?)))
}

pub(super) async fn report(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let mut columns = vec![
        column("table", "Table", Unit::Text, ""),
        column("field", "Field", Unit::Text, ""),
        column("source", "Source", Unit::Text, ""),
        column("rows", "Rows", Unit::Count, ""),
    ];
    columns.extend(DIMENSIONS.iter().map(|(d, _)| column(d, &crate::reports::title_of(d), Unit::Share, "")));
    columns.extend([
        column("index", "Index", Unit::Share, ""),
        column("minimum", "Minimum", Unit::Share, ""),
        column("weakest", "Weakest", Unit::Text, ""),
        column("threshold", "Threshold", Unit::Share, ""),
        column("owner", "Owner", Unit::Text, ""),
        column("standing", "Standing", Unit::Text, ""),
        column("trend", "Trend in points", Unit::Number, ""),
    ]);
    let mut out = trust.blank("health", "How healthy are the data?", columns).await?;
    let now = measures(trust).await?;
    let (then, before) = before(trust).await?;
    let (mut ill, mut owned, mut all) = (Vec::new(), 0, 0);
    for ((at, field, source), m) in &now {
        let table = tables()[*at];
        let (owner, threshold) = trust.health.of(table, field);
        let index = m.index(trust);
        let nothing = Cell::Undefined(Reason::EmptyPopulation);
        let mut row = vec![Cell::Text(table.to_owned()), Cell::Text(field.clone()), Cell::Text(source.clone()), Cell::Count(m.rows)];
        row.extend(m.parts.iter().map(|p| match p {
            Some((_, 0)) => nothing.clone(),
            Some((well, of)) => Cell::Ratio { numerator: *well, denominator: *of },
            None => Cell::Blank,
        }));
        let is_ill = index.is_some_and(|i| i.mean < threshold);
        if source == "(all)" {
            all += 1;
            owned += usize::from(!owner.is_empty());
            if is_ill {
                ill.push((index.map_or(0.0, |i| i.mean), format!("{table}.{field}")));
            }
        }
        let trend = before.as_ref().and_then(|b| b.get(&(*at, field.clone(), source.clone()))).and_then(|b| b.index(trust));
        row.extend([
            index.map_or(nothing.clone(), |i| Cell::Share(i.mean)),
            index.map_or(nothing, |i| Cell::Share(i.minimum)),
            Cell::Text(index.map_or_else(String::new, |i| DIMENSIONS[i.weakest].0.to_owned())),
            Cell::Share(threshold),
            Cell::Text(if owner.is_empty() { "(nobody)".to_owned() } else { owner }),
            Cell::Text(if is_ill { "ill" } else { "healthy" }.to_owned()),
            match (index, trend) {
                (Some(now), Some(then)) => Cell::Number(treaty_stats::round_half_away((now.mean - then.mean) * 100.0, 1)),
                _ => Cell::Undefined(Reason::NoHistory),
            },
        ]);
        out.rows.push(row);
        out.provisional.push(false);
    }
    ill.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.answer = match ill.first() {
        None if all == 0 => "There are no data to judge.".to_owned(),
        None => format!("All {all} tables and fields are above their threshold."),
        Some((index, name)) => format!("{} of {all} tables and fields are below their threshold; the worst is {name} with {}.", ill.len(), percent(*index)),
    };
    if owned < all {
        out.notes.push(format!("Nobody answers for {} of {all} tables and fields: name an owner in [health] of treaty.toml.", all - owned));
    }
    out.method = format!(
        "Completeness: rows that have a value. Validity: values that are well formed and name what is known. Uniqueness: 1 minus duplicates over values. Freshness: people with a sign of life within {} days; open opportunities whose expected close has not passed. Consistency: values on which sources agree where they know the same thing. Authenticity: people not suspected to be fakes. The index is the mean of those that can be told, weighed by the settings; beside it stands its smallest part, because a mean hides a dead one. Merged rows are left out. The trend compares with {}.",
        trust.health.fresh_days,
        jiff::civil::Date::from(then)
    );
    Ok(out)
}
