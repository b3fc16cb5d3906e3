//! Rows and files that are refused: where, and why.

use tempfile::TempDir;
use treaty_app::import::MAX_FAULTS;
use treaty_app::raw::{Fault, RawTable};
use treaty_engine::record::{Incoming, Record};

use super::help::{counts, csv, csv_file, import, land, lines, table};

async fn refused(name: &str, rows: &[&str]) -> (Vec<String>, usize) {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let result = import(&record, 1, vec![csv(name, rows)])
        .await
        .expect("an import");
    counts(&result);
    let stored = lines(&record, name, record.version(), &["_version"])
        .await
        .len();
    (result.faults.iter().map(Fault::to_string).collect(), stored)
}

#[tokio::test]
async fn every_bad_cell_is_named_and_the_other_rows_land() {
    let cases: [(&str, &[&str], &str); 14] = [
        (
            "touchpoints",
            &[
                "touchpoint_id,person_id,occurred_at",
                "T1,P1,2026-01-01",
                "~,P1,2026-01-01",
            ],
            "touchpoints.csv:3: touchpoint_id: the cell is empty; every row needs text",
        ),
        (
            "touchpoints",
            &[
                "touchpoint_id,person_id,occurred_at",
                "T1,P1,01/02/2026",
                "T2,P1,2026-01-01",
            ],
            "touchpoints.csv:2: occurred_at: \"01/02/2026\" is not an instant such as",
        ),
        (
            "touchpoints",
            &[
                "touchpoint_id,person_id,occurred_at",
                "T1,P1,2026-02-30",
                "T2,P1,2026-01-01",
            ],
            "touchpoints.csv:2: occurred_at: \"2026-02-30\" is not an instant",
        ),
        (
            "touchpoints",
            &[
                "touchpoint_id,person_id,occurred_at",
                "T1,P1,9999-12-31",
                "T2,P1,2026-01-01",
            ],
            "touchpoints.csv:2: occurred_at: 9999-12-31T05:00:00Z lies outside the years 1900 to 2200",
        ),
        (
            "touchpoints",
            &[
                "touchpoint_id,person_id,occurred_at,responded",
                "T1,P1,2026-01-01,maybe",
                "T2,P1,2026-01-01,T",
            ],
            "touchpoints.csv:2: responded: \"maybe\" is not yes or no",
        ),
        (
            "campaigns",
            &["campaign_id,started_on", "C1,1899-12-31", "C2,1900-01-01"],
            "campaigns.csv:2: started_on: 1899-12-31 lies outside",
        ),
        (
            "accounts",
            &["account_id,employees", "A1,12.5", "A2,12.0"],
            "accounts.csv:2: employees: \"12.5\" is not a whole number",
        ),
        (
            "spend",
            &["spent_on,amount", "2026-01-01,$12", "2026-01-02,12"],
            "spend.csv:2: amount: \"$12\" is not an amount such as 1234.50",
        ),
        (
            "fx_rates",
            &["currency,on,rate", "EUR,2026-01-01,x", "EUR,2026-01-02,1.1"],
            "fx_rates.csv:2: rate: \"x\" is not a decimal number",
        ),
        (
            "stage_changes",
            &[
                "subject_type,subject_id,changed_at,stage",
                "company,A1,2026-01-01,lead",
                "person,P1,2026-01-01,lead",
            ],
            "stage_changes.csv:2: subject_type: \"company\" is none of person, opportunity",
        ),
        (
            "stage_changes",
            &[
                "subject_type,subject_id,changed_at,stage",
                "person,P1,2026-01-01,MQL",
                "person,P1,2026-01-01,mql",
            ],
            "stage_changes.csv:2: stage: the agreement has no stage \"MQL\"; it knows lead, mql, sal, won, lost",
        ),
        (
            "handoffs",
            &[
                "handoff_id,person_id,passed_at,decision",
                "H1,P1,2026-01-01,maybe",
                "H2,P1,2026-01-01,pending",
            ],
            "handoffs.csv:2: decision: \"maybe\" is none of pending, accepted, rejected",
        ),
        (
            "people",
            &[
                "person_id,created_at,attributes",
                "P1,2026-01-01,[1]",
                "P2,2026-01-01,{}",
            ],
            "people.csv:2: attributes: \"[1]\" is not a JSON object",
        ),
        (
            "merges",
            &[
                "subject_type,from_id,into_id,merged_at",
                "person,P1,~,2026-01-01",
                "person,P2,P3,2026-01-01",
            ],
            "merges.csv:2: into_id: the cell is empty",
        ),
    ];
    for (name, rows, want) in cases {
        let (faults, stored) = refused(name, rows).await;
        assert_eq!((faults.len(), stored), (1, 1), "{name} {rows:?} {faults:?}");
        assert!(faults[0].starts_with(want), "{}\n{want}", faults[0]);
    }
}

#[tokio::test]
async fn a_row_with_several_faults_is_one_refused_row() {
    let (faults, stored) = refused(
        "touchpoints",
        &["touchpoint_id,person_id,occurred_at", "~,~,x"],
    )
    .await;
    assert_eq!((faults.len(), stored), (1, 0));
    assert!(faults[0].contains(":2: "), "{}", faults[0]);
}

#[tokio::test]
async fn a_missing_column_refuses_the_whole_import() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let good = csv("accounts", &["account_id", "A1"]);
    let bad = csv("people", &["Person Id,name", "P1,Ann"]);
    let result = import(&record, 1, vec![good, bad])
        .await
        .expect("an import");
    assert!(!result.committed && record.version() == 0);
    assert_eq!(counts(&result), (0, 0, 0, 2));
    let columns: Vec<(u64, Option<&str>)> = result
        .faults
        .iter()
        .map(|f| (f.line, f.column.as_deref()))
        .collect();
    assert_eq!(columns, [(0, Some("created_at")), (0, Some("person_id"))]);
    assert!(
        result.faults[1].reason.contains("found Person Id, name"),
        "{}",
        result.faults[1]
    );
    assert!(
        result.faults[1]
            .reason
            .contains("did you mean `Person Id`?"),
        "{}",
        result.faults[1]
    );
    assert!(result.notes[0].starts_with("Nothing was imported"));
}

#[tokio::test]
async fn empty_files_are_fine() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let nothing = RawTable {
        name: "people".to_owned(),
        file: "people.csv".to_owned(),
        chunks: Vec::new(),
        faults: Vec::new(),
    };
    let source = vec![
        Incoming::Text {
            table: table("people"),
            raw: nothing,
        },
        csv("accounts", &["account_id,name"]),
        Incoming::Arrow {
            table: table("users"),
            file: "users".to_owned(),
            batches: Vec::new(),
        },
    ];
    let result = land(&record, 1, source).await;
    assert_eq!((result.committed, counts(&result)), (false, (0, 0, 0, 0)));
    assert!(
        !import(&record, 2, Vec::new())
            .await
            .expect("an import")
            .committed
    );
}

#[tokio::test]
async fn of_rows_with_one_key_the_latest_stays_whatever_the_order() {
    let head = "touchpoint_id,person_id,occurred_at,recorded_at,seq,channel";
    let rows = [
        "T1,P1,2026-01-01,2026-01-02,1,a",
        "T1,P1,2026-01-01,2026-01-03,1,b",
        "T1,P1,2026-01-01,2026-01-03,2,c",
        "T1,P1,2026-01-01,2026-01-03,2,c",
        "T1,P1,2026-01-01,~,9,d",
        "T2,P1,2026-01-01,~,~,x",
        "T2,P1,2026-01-01,~,~,y",
    ];
    for turn in 0..rows.len() {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        let mut turned = rows.to_vec();
        turned.rotate_left(turn);
        let (a, b) = turned.split_at(3);
        let a: Vec<&str> = [head].iter().chain(a).copied().collect();
        let b: Vec<&str> = [head].iter().chain(b).copied().collect();
        let result = import(
            &record,
            1,
            vec![
                csv_file("touchpoints", "a", &a),
                csv_file("touchpoints", "b", &b),
            ],
        )
        .await
        .expect("an import");
        assert_eq!(counts(&result), (2, 0, 1, 4));
        assert_eq!(
            lines(&record, "touchpoints", 1, &["touchpoint_id", "channel"]).await,
            ["T2,y", "T1,c"]
        );
        for fault in &result.faults {
            assert!(fault.line > 1 && fault.column.as_deref() == Some("touchpoint_id"));
            assert!(fault.reason.contains("same key"), "{fault}");
        }
    }
}

#[tokio::test]
async fn faults_are_listed_up_to_a_limit_and_counted_beyond() {
    let rows: Vec<String> = (0..MAX_FAULTS + 500)
        .map(|i| format!("P{i},not a date"))
        .collect();
    let mut all = vec!["person_id,created_at"];
    all.extend(rows.iter().map(String::as_str));
    all.push("P,2026-01-01");
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let result = import(&record, 1, vec![csv("people", &all)])
        .await
        .expect("an import");
    assert_eq!((result.faults.len(), result.more_faults), (MAX_FAULTS, 500));
    assert_eq!(
        (result.faults[0].line, counts(&result)),
        (2, (1, 0, 0, 1500))
    );
}

#[tokio::test]
async fn decisions_without_a_time_are_noted_only() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let rows = [
        "handoff_id,person_id,passed_at,decision,decided_at",
        "H1,P1,2026-01-01,accepted,~",
        "H2,P1,2026-01-01,rejected,2026-01-02",
    ];
    let result = land(&record, 1, vec![csv("handoffs", &rows)]).await;
    assert_eq!(counts(&result), (2, 0, 0, 0));
    assert!(
        result.notes[0].contains("1 decided without decided_at"),
        "{:?}",
        result.notes
    );
}
