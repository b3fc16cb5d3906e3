//! Packs through the real binary.

use crate::home::Home;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn the_example_pack_imports_its_fixtures() {
    let home = Home::new(None);
    let pack = format!("{ROOT}/packs/example");
    let fixtures = format!("{ROOT}/packs/example/fixtures");
    let r = home.run(&["import", &fixtures, "--pack", &pack]);
    assert!(r.code == 0 || r.code == 1, "{}\n{}", r.out, r.err);
    assert!(r.out.contains("Record version 1."), "{}", r.out);
    assert!(r.out.contains("opportunities"), "{}", r.out);
}

#[test]
fn the_maven_crm_export_and_its_variants_import_without_a_hand_written_step() {
    let data = Path::new(ROOT).join("../shared/data/maven_crm");
    if !data.is_dir() {
        eprintln!("skipped: the public CRM export is not beside the repository");
        return;
    }
    let mut wins = Vec::new();
    for pipeline in ["sales_pipeline.csv", "variants/sales_pipeline_excel_mdy.csv", "variants/sales_pipeline_excel_dd-mm-yy.csv"] {
        let home = Home::new(None);
        for file in ["accounts.csv", "products.csv", "sales_teams.csv"] {
            home.file(file, &std::fs::read_to_string(data.join(file)).expect("the export"));
        }
        home.file("sales_pipeline.csv", &std::fs::read_to_string(data.join(pipeline)).expect("the export"));
        let out = home.ok(&["import", home.data().to_str().expect("a path")]);
        assert!(out.contains("read with the pack maven_crm (3 of 3: "), "{out}");
        assert!(out.contains("500 rows were left out"), "{out}");
        wins.push(home.ok(&[
            "query",
            "SELECT count(*) AS n, sum(amount) AS money FROM opportunities WHERE won",
            "--as-of",
            "2017-12-31",
            "--format",
            "csv",
        ]));
    }
    assert_eq!(wins[0].trim(), "n,money\n4238,1000553400", "4,238 won for 10,005,534 USD");
    assert!(wins.iter().all(|w| *w == wins[0]), "{wins:?}");
}

/// A home with a pack of its own for a wide export.
fn wide() -> Home {
    let home = Home::new(None);
    let pack = home.path().join("packs/wide");
    std::fs::create_dir_all(&pack).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(pack.join(name), text).expect("a file");
    write(
        "pack.toml",
        "[pack]\nname = \"wide\"\ntitle = \"Wide\"\ndescription = \"A wide export.\"\nsource = \"wide\"\ntime_zone = \"UTC\"\n\n\
         [[detect]]\ntable = \"leads\"\ncolumns = [\"from\", \"wide_field_7\"]\n\n\
         [[file]]\ntable = \"leads\"\nnames = [\"lead\"]\ncolumns = [\"id\", \"from\", \"status\", \"created\"]\noptional_columns = [\"wide_field_300\"]\n\n\
         [settings.status]\n\"New\" = \"lead\"\n\n[losses]\nx = \"y\"\n",
    );
    write(
        "people.sql",
        "SELECT id AS person_id, messy_text(\"from\") AS lead_source, messy_timestamp(created) AS created_at, wide_field_300 AS note, _file, _line FROM leads",
    );
    write(
        "stage_changes.sql",
        "SELECT 'person' AS subject_type, id AS subject_id, messy_timestamp(created) AS changed_at, \
         coalesce(setting('status', status), status) AS stage, _file, _line FROM leads",
    );
    home
}

/// An export of 382 columns, with a byte-order mark, CRLF, no final newline, and a header that is a word of SQL.
fn wide_file(rows: &[[&str; 4]]) -> String {
    let wide = |cell: &dyn Fn(usize) -> String| (0..378).map(cell).collect::<Vec<_>>().join(",");
    let mut lines = vec![format!("Id,FROM,Status,Created,{}", wide(&|i| format!("Wide Field {i}")))];
    lines.extend(rows.iter().map(|r| format!("{},{}", r.join(","), wide(&|i| if i == 300 { "kept".to_owned() } else { String::new() }))));
    format!("\u{feff}{}", lines.join("\r\n"))
}

#[test]
fn a_pack_of_ones_own_is_found_and_reads_wide_and_odd_files() {
    let home = wide();
    let rows = [
        ["1", "unknown", "new ", "2026-01-05 10:00:00 UTC"],
        ["2", "", "New", "2026-01-05"],
        ["3", "NULL", "Won over", "2026-01-06"],
        ["4", "Web", "won over", "9999-12-31"],
    ];
    home.file("lead.csv", &wide_file(&rows));
    let data = home.data();
    let run = home.run(&["import", data.to_str().expect("a path")]);
    assert!(run.out.contains("read with the pack wide (1 of 1: "), "{}\n{}", run.out, run.err);
    // A status that nobody mapped says where to map it; the rest of the import lands.
    let told = "name others as aliases of a stage in agreement.toml, or say what they mean under [packs.wide.status] in treaty.toml";
    assert!(run.code == 1 && run.out.contains(told), "{}", run.out);
    assert!(run.out.contains("stages that the agreement does not know, whose rows were refused: \"Won over\""), "{}", run.out);
    // A blank is missing and so is NULL, and the word "unknown" is a word; 9999 is no date, so the fourth was refused.
    let people = home.ok(&["query", "SELECT person_id, lead_source, attr(attributes, 'note') AS note FROM record_people ORDER BY 1", "--format", "csv"]);
    assert_eq!(people, "person_id,lead_source,note\n1,unknown,kept\n2,,kept\n3,,kept\n");

    // Said in the settings, the rows are there.
    let settings = home.path().join("treaty.toml");
    std::fs::write(&settings, "[packs.wide.status]\n\"Won Over\" = \"mql\"\n").expect("settings");
    let run = home.run(&["import", data.to_str().expect("a path")]);
    assert!(!run.out.contains("stages that the agreement does not know"), "{}", run.out);
    let stages = home.ok(&["query", "SELECT subject_id, stage FROM record_stage_changes ORDER BY 1", "--format", "csv"]);
    assert_eq!(stages, "subject_id,stage\n1,lead\n2,lead\n3,mql\n");
    let shown = home.ok(&["pack", "show", "wide"]);
    assert!(shown.contains("status = { \"New\" = \"lead\", \"Won Over\" = \"mql\" }"), "{shown}");
    std::fs::write(&settings, "[packs.wide]\nstatuss = \"x\"\n").expect("settings");
    let wrong = home.run(&["import", data.to_str().expect("a path")]);
    assert!(wrong.code == 2 && wrong.err.contains("packs.wide.statuss: is no setting of the pack wide; did you mean status?"), "{}", wrong.err);
}

/// The smallest pack that is of use, as the page about packs says: two tables, three queries.
fn small(home: &Home, more: &str) {
    let pack = home.path().join("packs/hardware");
    std::fs::create_dir_all(&pack).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(pack.join(name), text).expect("a file");
    let manifest = "[pack]\nname = \"hardware\"\ntitle = \"Hardware\"\ndescription = \"Deals and accounts.\"\nsource = \"hardware\"\n\n\
        [[file]]\ntable = \"deals\"\npath = \"deals*.csv\"\ncolumns = [\"id\", \"account\", \"stage\", \"engaged\", \"closed\", \"value\"]\nrequired = true\n\n\
        [[file]]\ntable = \"accounts\"\npath = \"accounts.csv\"\ncolumns = [\"account\", \"sector\"]\nrequired = true\n";
    write("pack.toml", &format!("{manifest}{more}"));
    write("accounts.sql", "SELECT account AS account_id, account AS name, sector AS industry, _file, _line FROM accounts");
    write(
        "opportunities.sql",
        "SELECT id AS opportunity_id, account AS account_id, messy_timestamp(engaged) AS created_at, messy_money(value) AS amount, _file, _line\n\
         FROM deals WHERE engaged IS NOT NULL",
    );
    write(
        "stage_changes.sql",
        "SELECT 'opportunity' AS subject_type, id AS subject_id, messy_timestamp(engaged) AS changed_at, 'opportunity' AS stage, _file, _line\n\
         FROM deals WHERE engaged IS NOT NULL\nUNION ALL\n\
         SELECT 'opportunity', id, messy_timestamp(closed), lower(stage), _file, _line FROM deals WHERE stage IN ('Won', 'Lost')",
    );
}

#[test]
fn a_small_pack_is_enough_and_days_before_months_are_told() {
    let home = Home::new(None);
    small(&home, "");
    home.file("accounts.csv", "account,sector\nBirch,food\n");
    home.file("deals.csv", "id,account,stage,engaged,closed,value\nD1,Birch,Won,24-01-17,28-02-17,1054\nD2,Birch,Open,25-01-17,,\nD3,,Prospecting,,,\n");
    let data = home.data().display().to_string();
    let run = home.run(&["import", &data, "--pack", "hardware", "--dry-run"]);
    let hint = "note: dates such as 24-01-17 have the day before the month, but are read month first: say [dates] day_first = \"detect\" in pack.toml";
    assert!(run.code == 1 && run.out.contains(hint), "{}\n{}", run.out, run.err);
    assert!(run.out.contains("1 rows of deals gave no row of the record, and the pack does not say why"), "{}", run.out);

    let more = "\n[dates]\nday_first = \"detect\"\ncolumns = [\"deals.engaged\"]\n\n[[left_out]]\nwhat = \"deals in Prospecting\"\n\
        why = \"they have no day of creation\"\nrows = \"SELECT _file, _line FROM deals WHERE engaged IS NULL\"\n";
    small(&home, more);
    let out = home.ok(&["import", &data, "--pack", "hardware"]);
    assert!(out.contains("1 rows were left out of deals: deals in Prospecting: they have no day of creation") && !out.contains("does not say why"), "{out}");
    let won = home.ok(&["query", "SELECT opportunity_id, won_on, amount FROM opportunities WHERE won", "--as-of", "2017-12-31", "--format", "csv"]);
    assert_eq!(won, "opportunity_id,won_on,amount\nD1,2017-02-28,105400\n");
}

#[test]
fn the_rows_that_are_left_out_must_be_named() {
    let home = Home::new(None);
    home.file("accounts.csv", "account,sector\nBirch,food\n");
    home.file("deals.csv", "id,account,stage,engaged,closed,value\nD1,Birch,Won,2017-01-24,2017-02-28,1054\n");
    for (rows, words) in [
        ("rows = \"SELECT count(*) FROM deals\"", "left_out.rows, x: y: must select _file and _line"),
        ("rows = \"SELECT nothing FROM deals\"", "nothing"),
        ("rows = \"SELECT 1\"\ncount = \"SELECT 1\"", "stands beside count"),
        ("", "left_out.rows: is missing"),
    ] {
        small(&home, &format!("\n[[left_out]]\nwhat = \"x\"\nwhy = \"y\"\n{rows}\n"));
        let run = home.run(&["import", home.data().to_str().expect("a path"), "--pack", "hardware"]);
        assert!(run.code == 2 && run.err.contains("pack.toml") && run.err.contains(words), "{rows}: {}", run.err);
    }
}

#[test]
fn what_is_ambiguous_or_unknown_is_told_with_what_would_decide() {
    let home = wide();
    home.file("lead.csv", &wide_file(&[["1", "Web", "New", "2026-01-05"]]));
    home.file("users.csv", "user_id,name\nU1,Una\n");
    let data = home.data();
    let run = home.run(&["import", data.to_str().expect("a path")]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("may be read in several ways") && run.err.contains("wide (1 of 1: ") && run.err.contains("native (1 of 16: "), "{}", run.err);
    let by_name = home.run(&["import", data.to_str().expect("a path"), "--pack", "native"]);
    assert!(by_name.code == 0 && by_name.out.contains("left out: "), "{}\n{}", by_name.out, by_name.err);

    std::fs::remove_file(data.join("users.csv")).expect("removed");
    home.file("lead.csv", "id,from,status,created\n1,Web,New,2026-01-05\n");
    let run = home.run(&["import", data.to_str().expect("a path")]);
    assert!(run.code == 2 && run.err.contains("is named like its table leads, but lacks wide_field_7"), "{}", run.err);
    let named = home.run(&["import", data.to_str().expect("a path"), "--pack", "wdie"]);
    assert!(named.code == 2 && named.err.contains("there is no such pack; did you mean wide?"), "{}", named.err);
    let other = home.run(&["import", data.to_str().expect("a path"), "--pack", "maven_crm"]);
    assert!(other.code == 2 && other.err.contains("the pack maven_crm needs this table"), "{}", other.err);
}
