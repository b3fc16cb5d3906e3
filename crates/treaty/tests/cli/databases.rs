//! The packs of applications that are read from their own databases: their fixtures in a real PostgreSQL and MariaDB, with
//! the types of the application, read by a user with the rights that the page of the pack recommends. The record must be
//! the one that the files give.

#[path = "../../../engine/tests/sources/servers.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests of the engine")]
mod servers;

use crate::fixtures::{ROOT, table};
use crate::home::{Home, Run};
use servers::Server;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use treaty_app::layout::TABLES;

/// How an application types its columns: `table.column`, where `*` stands for anything, and the type; the first that fits.
type Types = &'static [(&'static str, &'static str)];

const ODOO: Types = &[
    ("crm_lead.date_deadline", "date"),
    ("res_currency_rate.name", "date"),
    ("crm_lead.date_*", "timestamp"),
    ("*.*_datetime", "timestamp"),
    ("*.*_date", "timestamp"),
    ("*.start", "timestamp"),
    ("*.date", "timestamp"),
    ("*.expected_revenue", "numeric"),
    ("*.rate", "numeric"),
    ("*.probability", "double precision"),
    ("*.*_value_float", "double precision"),
    ("*.active", "boolean"),
    ("*.is_*", "boolean"),
    ("*.internal", "boolean"),
    ("crm_lead.name", "varchar"),
    ("crm_*.name", "jsonb"),
    ("mail_activity_type.name", "jsonb"),
    ("mail_message_subtype.name", "jsonb"),
    ("mailing_mailing.subject", "jsonb"),
    ("res_country.name", "jsonb"),
    ("res_partner_industry.name", "jsonb"),
    ("utm_campaign.title", "jsonb"),
    ("*.*id", "integer"),
    ("*.*_value_integer", "integer"),
    ("*.sequence", "integer"),
    ("*", "varchar"),
];

const TWENTY: Types = &[
    ("task.status", "task_status"),
    ("opportunity.closeDate", "timestamptz"),
    ("*.*At", "timestamptz"),
    ("*.isCanceled", "boolean"),
    ("*.amountAmountMicros", "numeric"),
    ("*.employees", "double precision"),
    ("*.properties", "jsonb"),
    ("*", "text"),
];

const ESPOCRM: Types = &[
    ("*.*_at", "DATETIME"),
    ("opportunity.close_date", "DATE"),
    ("campaign.*_date", "DATE"),
    ("currency_record_rate.date", "DATE"),
    ("*.date_s*", "DATETIME"),
    ("*.action_date", "DATETIME"),
    ("*.*amount", "DOUBLE"),
    ("*.budget", "DOUBLE"),
    ("*.rate", "DECIMAL(20,8)"),
    ("note.number", "BIGINT"),
    ("note.data", "MEDIUMTEXT"),
    ("*.deleted", "TINYINT(1)"),
    ("*.is_*", "TINYINT(1)"),
    ("*.primary", "TINYINT(1)"),
    ("*.opt_out", "TINYINT(1)"),
    ("*.invalid", "TINYINT(1)"),
    ("*id", "VARCHAR(24)"),
    ("*", "VARCHAR(255)"),
];

const SUITECRM: Types = &[
    ("opportunities.date_closed", "DATE"),
    ("campaigns.*_date", "DATE"),
    ("*.date_*", "DATETIME"),
    ("*.activity_date", "DATETIME"),
    ("leads.opportunity_amount", "VARCHAR(50)"),
    ("*.amount*", "DOUBLE"),
    ("*.*_cost", "DOUBLE"),
    ("*.budget", "DOUBLE"),
    ("*.conversion_rate", "DOUBLE"),
    ("*.*_value_text", "TEXT"),
    ("*.deleted", "TINYINT(1)"),
    ("*.is_group", "TINYINT(1)"),
    ("*.portal_only", "TINYINT(1)"),
    ("*.converted", "TINYINT(1)"),
    ("*.primary_address", "TINYINT(1)"),
    ("*.hits", "INT"),
    ("*id", "CHAR(36)"),
    ("*", "VARCHAR(255)"),
];

const MAUTIC: Types = &[
    ("*.date_*", "DATETIME"),
    ("*.publish_*", "DATETIME"),
    ("*.is_*", "TINYINT(1)"),
    ("*.points", "INT"),
    ("*.weight", "INT"),
    ("*.code", "INT"),
    ("*.url", "LONGTEXT"),
    ("*.referer", "LONGTEXT"),
    ("*.query", "LONGTEXT"),
    ("*.details", "LONGTEXT"),
    ("*.id", "BIGINT UNSIGNED"),
    ("*_id", "BIGINT UNSIGNED"),
    ("*", "VARCHAR(191)"),
];

/// `text` fits `pattern`, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    text.strip_prefix(start).is_some_and(|text| (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..])))
}

/// What tells the two kinds of servers apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    fn quoted(self, name: &str) -> String {
        match self {
            Self::Postgres => format!("\"{name}\""),
            Self::MariaDb => format!("`{name}`"),
        }
    }

    fn text(self, cell: &str) -> String {
        let cell = if self == Self::MariaDb { cell.replace('\\', "\\\\") } else { cell.to_owned() };
        if cell.is_empty() { "NULL".to_owned() } else { format!("'{}'", cell.replace('\'', "''")) }
    }

    fn run(self, server: &Server, database: &str, sql: &str) {
        match self {
            Self::Postgres => drop(server.psql(database, sql)),
            Self::MariaDb => drop(server.mariadb(&format!("USE `{database}`;\n{sql}"))),
        }
    }
}

/// A fixture file as a table: its statements, and the columns that it has.
fn filled(kind: Kind, types: Types, name: &str, path: &Path, more: &[String]) -> String {
    let mut reader = csv::Reader::from_path(path).expect("a fixture");
    let mut columns: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    let own = columns.len();
    columns.extend(more.iter().filter(|c| !columns.contains(c)).cloned().collect::<Vec<_>>());
    let sort = |column: &str| types.iter().find(|(pattern, _)| fits(pattern, &format!("{name}.{column}"))).expect("a type").1;
    let typed = |column: &String| format!("{} {}{}", kind.quoted(column), sort(column), if column == "id" { " PRIMARY KEY" } else { "" });
    let mut sql = format!("CREATE TABLE {} ({});\n", kind.quoted(name), columns.iter().map(typed).collect::<Vec<_>>().join(", "));
    let names: Vec<String> = columns[..own].iter().map(|c| kind.quoted(c)).collect();
    for row in rows {
        // Names that older versions kept as text are translated ones now.
        let translated = |(column, cell): (&String, &str)| match (sort(column), cell.starts_with('{')) {
            ("jsonb", false) if !cell.is_empty() => kind.text(&serde_json::json!({ "en_US": cell }).to_string()),
            _ => kind.text(cell),
        };
        let cells: Vec<String> = columns.iter().zip(&row).map(translated).collect();
        sql.push_str(&format!("INSERT INTO {} ({}) VALUES ({});\n", kind.quoted(name), names.join(", "), cells.join(", ")));
    }
    sql
}

/// The statements that the page of a pack recommends, one each, with "and the same for" spelt out. Those for tables that the
/// fixtures lack are left out.
struct Rights {
    statements: Vec<String>,
    /// Tables of which single columns are granted, with the columns.
    columns: Vec<(String, Vec<String>)>,
}

fn plain(name: &str) -> String {
    name.trim().rsplit('.').next().unwrap_or_default().trim_matches(['"', '`']).to_owned()
}

impl Rights {
    fn of(pack: &str, known: &BTreeSet<String>) -> Self {
        let page = fs::read_to_string(format!("{ROOT}/docs/packs/{pack}.md")).expect("a page");
        let block = page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the rights of a reader");
        let (mut code, mut said) = (String::new(), String::new());
        for line in block.lines() {
            let (statement, remark) = line.split_once("--").unwrap_or((line, ""));
            code.push_str(&format!("{statement}\n"));
            if statement.trim().is_empty() {
                said.push_str(remark);
            }
        }
        let mut rights = Self { statements: Vec::new(), columns: Vec::new() };
        for statement in code.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            let statement = statement.replace('…', "s3cret");
            let granted = statement.strip_prefix("GRANT SELECT ").and_then(|rest| rest.split_once("ON ")).zip(statement.rfind(" TO "));
            let Some(((columns, rest), end)) = granted else {
                rights.statements.push(statement);
                continue;
            };
            let (tables, who) = (&rest[..rest.len() - (statement.len() - end)], &statement[end..]);
            let tables: Vec<&str> = tables.split(',').map(str::trim).filter(|t| known.contains(&plain(t))).collect();
            if !tables.is_empty() {
                rights.statements.push(format!("GRANT SELECT {columns}ON {}{who}", tables.join(", ")));
            }
            if let Some(list) = columns.trim().strip_prefix('(') {
                let list = list.trim_end_matches(')').split(',').map(|c| c.trim().to_owned()).collect();
                rights.columns.extend(tables.first().map(|t| (plain(t), list)));
            } else if let Some((_, others)) = said.split_once("and the same for") {
                let schema = rest.split('.').next().unwrap_or_default();
                let names = others.split(',').map(|n| plain(n.split('(').next().unwrap_or_default())).filter(|n| known.contains(n));
                rights.statements.extend(names.map(|name| format!("GRANT SELECT ON {schema}.`{name}`{who}")));
                said.clear();
            }
        }
        rights
    }
}

/// The tables of the record that an import filled, and what it said of rows that it refused.
fn result(home: &Home, run: &Run) -> Vec<(String, String)> {
    let filled = |name: &str| run.out.lines().any(|l| l.split_whitespace().next() == Some(name));
    let mut all: Vec<(String, String)> =
        TABLES.iter().filter(|t| filled(t.name)).filter_map(|t| Some((t.name.to_owned(), table(home, t.name)?))).collect();
    let counts = run.out.lines().skip_while(|l| !l.starts_with("table ")).take_while(|l| !l.starts_with("note: ") && !l.starts_with("rejected "));
    all.push(("what was said".to_owned(), counts.collect::<Vec<_>>().join("\n")));
    all
}

fn home() -> Home {
    let home = Home::new(None);
    fs::write(home.path().join("treaty.toml"), "[identity]\nafter_import = \"never\"\n").expect("settings");
    home
}

/// Fills a database with the fixtures of a pack, and compares what comes of it with what comes of the files.
fn compare(server: &Server, kind: Kind, pack: &str, database: &str, prepare: &str, types: Types) {
    let fixtures = Path::new(ROOT).join("packs").join(pack).join("fixtures");
    let mut files: Vec<_> = fs::read_dir(&fixtures).expect("fixtures").map(|e| e.expect("an entry").path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "csv"));
    files.sort();
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let rights = Rights::of(pack, &files.iter().map(|p| name(p)).collect());
    let mut sql = prepare.to_owned();
    for path in &files {
        let more = rights.columns.iter().find(|(t, _)| *t == name(path)).map(|(_, c)| c.as_slice()).unwrap_or_default();
        sql.push_str(&filled(kind, types, &name(path), path, more));
    }
    match kind {
        Kind::Postgres => drop(server.psql("postgres", &format!("CREATE DATABASE \"{database}\""))),
        Kind::MariaDb => drop(server.mariadb(&format!("CREATE DATABASE `{database}` CHARACTER SET utf8mb4"))),
    }
    kind.run(server, database, &sql);
    kind.run(server, database, &rights.statements.join(";\n"));

    let scheme = if kind == Kind::Postgres { "postgres" } else { "mysql" };
    let url = format!("{scheme}://treaty_reader:s3cret@127.0.0.1:{}/{database}", server.port);
    let (from_files, from_database) = (home(), home());
    let by_files = from_files.run(&["import", fixtures.to_str().expect("a path")]);
    let by_url = from_database.run(&["import", &url]);
    assert!(by_url.code == by_files.code && by_url.code < 2, "{pack}\n{}\n{}", by_url.out, by_url.err);
    assert!(by_url.out.contains(&format!("note: read with the pack {pack} (")), "{pack}: {}", by_url.out);
    assert!(!by_url.out.contains("s3cret"), "{}", by_url.out);
    for ((table, files), (other, rows)) in result(&from_files, &by_files).into_iter().zip(result(&from_database, &by_url)) {
        assert_eq!(table, other, "{pack}: {}", by_url.out);
        assert_eq!(rows, files, "{pack}: {table}\n{}", by_url.out);
    }
    let again = from_database.run(&["import", &url]);
    assert!(again.out.contains("Nothing changed"), "{pack}: {}\n{}", again.out, again.err);
    if kind == Kind::Postgres {
        server.psql(database, "DROP OWNED BY treaty_reader");
        server.psql("postgres", "DROP ROLE treaty_reader");
    } else {
        server.mariadb("DROP USER treaty_reader");
    }
}

#[test]
fn odoo_and_twenty_come_from_postgresql_as_from_their_files() {
    let Some(server) = servers::postgres() else { return };
    compare(&server, Kind::Postgres, "odoo", "odoo", "", ODOO);
    let schema = "workspace_1wgvd1injqtife6y4rvfbu3h5";
    let prepare = format!("CREATE SCHEMA {schema};\nSET search_path = {schema};\nCREATE TYPE task_status AS ENUM ('TODO', 'IN_PROGRESS', 'DONE');\n");
    compare(&server, Kind::Postgres, "twenty", "default", &prepare, TWENTY);
}

#[test]
fn espocrm_suitecrm_and_mautic_come_from_mariadb_as_from_their_files() {
    let Some(server) = servers::mariadb() else { return };
    for (pack, types) in [("espocrm", ESPOCRM), ("suitecrm", SUITECRM), ("mautic", MAUTIC)] {
        compare(&server, Kind::MariaDb, pack, pack, "", types);
    }
}
