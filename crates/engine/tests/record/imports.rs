//! Imports that land.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionContext;
use tempfile::TempDir;
use treaty_app::import::Silent;
use treaty_engine::record::{Incoming, Record, TextAs};

use super::help::{all, at, bytes, counts, csv, csv_file, import, land, lines, options, table};

const TOUCHES: [&str; 6] = [
    "touchpoint_id,person_id,occurred_at,channel,responded",
    "T2,P1,2026-03-01T09:30:00Z,email,yes",
    "T1,P1,2026-03-01T09:30:00Z,email,no",
    "T3,P0,2026-03-01 09:30,~,~",
    "T4,P2,2026-01-01T00:00:00.000001Z,a very long channel name that is not inline,~",
    "T5,P1,2025-12-31T23:59:59Z,web,~",
];

#[tokio::test]
async fn rows_land_typed_and_in_order() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    assert_eq!((record.version(), record.first_import_at()), (0, None));
    let result = land(&record, 1, vec![csv("touchpoints", &TOUCHES)]).await;
    assert_eq!(
        (result.version, result.committed, counts(&result)),
        (1, true, (5, 0, 0, 0))
    );
    let got = lines(
        &record,
        "touchpoints",
        1,
        &[
            "touchpoint_id",
            "occurred_at",
            "channel",
            "responded",
            "source",
            "_version",
        ],
    )
    .await;
    assert_eq!(
        got,
        [
            "T3,2026-03-01T14:30:00Z,~,~,test,1",
            "T5,2025-12-31T23:59:59Z,web,~,test,1",
            "T1,2026-03-01T09:30:00Z,email,false,test,1",
            "T2,2026-03-01T09:30:00Z,email,true,test,1",
            "T4,2026-01-01T00:00:00.000001Z,a very long channel name that is not inline,~,test,1",
        ]
    );
    assert_eq!(record.first_import_at(), Some(at(1)));
    let log = record.log();
    assert_eq!(
        (log.len(), log[0].what.as_str(), log[0].read, log[0].written),
        (1, "import 1", 5, 5)
    );
}

#[tokio::test]
async fn importing_twice_changes_nothing() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![csv("touchpoints", &TOUCHES)]).await;
    let before = (bytes(&record, "touchpoints").await, record.log());
    let mut again = options(2);
    again.source_name = "elsewhere".to_owned();
    let result = record
        .import(vec![csv("touchpoints", &TOUCHES)], again, &Silent)
        .await
        .expect("an import");
    assert_eq!(
        (result.version, result.committed, counts(&result)),
        (1, false, (0, 0, 5, 0))
    );
    assert_eq!((bytes(&record, "touchpoints").await, record.log()), before);
    // The same rows twice in one import, too.
    let result = land(
        &record,
        3,
        vec![csv("touchpoints", &TOUCHES), csv("touchpoints", &TOUCHES)],
    )
    .await;
    assert_eq!((result.committed, counts(&result)), (false, (0, 0, 10, 0)));
}

#[tokio::test]
async fn shuffled_rows_and_files_give_the_same_bytes() {
    let mut rows: Vec<String> = (0..5000)
        .map(|i| {
            format!(
                "T{i},P{},2026-03-0{}T09:30:00Z,{}",
                i * 7919 % 611,
                1 + i % 7,
                ["web", "email", "~"][i % 3]
            )
        })
        .collect();
    let header = "touchpoint_id,person_id,occurred_at,channel";
    let mut seen = Vec::new();
    for round in 0..4 {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        let split = [5000, 1, 2500, 4999][round];
        let mut parts = Vec::new();
        for (n, part) in [&rows[..split], &rows[split..]].into_iter().enumerate() {
            let mut all = vec![header];
            all.extend(part.iter().map(String::as_str));
            parts.push(csv_file("touchpoints", &format!("{n}.csv"), &all));
        }
        if round % 2 == 1 {
            parts.reverse();
        }
        land(&record, 1, parts).await;
        seen.push((bytes(&record, "touchpoints").await, all(&record).await));
        let n = rows.len();
        for i in 0..n {
            rows.swap(i, (i * 31 + round * 17) % n);
        }
    }
    assert!(
        seen.windows(2).all(|w| w[0] == w[1]),
        "the order of the input shows"
    );
}

#[tokio::test]
async fn changed_rows_replace_the_old_ones() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let head = "opportunity_id,created_at,amount,name";
    land(
        &record,
        1,
        vec![csv(
            "opportunities",
            &[
                head,
                "O1,2026-01-01,10,a",
                "O2,2026-01-01,20.00005,b",
                "O3,2026-01-01,~,c",
            ],
        )],
    )
    .await;
    let result = land(
        &record,
        2,
        vec![csv(
            "opportunities",
            &[
                head,
                "O1,2026-01-01,10.0000,a",
                "O2,2026-01-01,21,b",
                "O4,2026-01-01,-1,d",
            ],
        )],
    )
    .await;
    assert_eq!(counts(&result), (1, 1, 1, 0));
    let mut got = lines(
        &record,
        "opportunities",
        2,
        &["opportunity_id", "amount", "_version"],
    )
    .await;
    got.sort();
    assert_eq!(
        got,
        ["O1,10.0000,1", "O2,21.0000,2", "O3,~,1", "O4,-1.0000,2"]
    );
    let mut old = lines(&record, "opportunities", 1, &["opportunity_id", "amount"]).await;
    old.sort();
    assert_eq!(old, ["O1,10.0000", "O2,20.0001", "O3,~"]);
    // All rows of a file replaced.
    let result = land(
        &record,
        3,
        vec![csv(
            "opportunities",
            &[
                head,
                "O1,2026-01-01,1,a",
                "O3,2026-01-01,3,c",
                "O2,2026-01-01,2,b",
                "O4,2026-01-01,4,d",
            ],
        )],
    )
    .await;
    assert_eq!(counts(&result), (0, 4, 0, 0));
    assert_eq!(
        record.files("opportunities", 3).await.expect("files").len(),
        1
    );
}

#[tokio::test]
async fn unknown_columns_become_attributes() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let head = "Offer, PERSON_ID ,created_at,b\"c,empty";
    land(
        &record,
        1,
        vec![csv(
            "people",
            &[
                head,
                "trial,P1,2026-01-01,7,~",
                "~,P2,2026-01-01,~,~",
                "a\\b,P3,2026-01-01,~,~",
            ],
        )],
    )
    .await;
    let got = lines(&record, "people", 1, &["person_id", "attributes"]).await;
    assert_eq!(
        got,
        [
            r#"P1,{"Offer":"trial","b\"c":"7"}"#,
            "P2,~",
            r#"P3,{"Offer":"a\\b"}"#
        ]
    );
    assert_eq!(
        record.attribute_keys("people", 1).expect("names"),
        ["Offer", "b\"c"]
    );
    assert!(
        record
            .attribute_keys("accounts", 1)
            .expect("names")
            .is_empty()
    );
    // A changed attribute is a changed row; the order of the columns is not.
    let result = land(
        &record,
        2,
        vec![csv(
            "people",
            &[
                "person_id,created_at,Offer",
                "P1,2026-01-01,trial",
                "P3,2026-01-01,a\\b",
            ],
        )],
    )
    .await;
    assert_eq!(counts(&result), (0, 1, 1, 0));
    assert_eq!(
        record.attribute_keys("people", 2).expect("names"),
        ["Offer", "b\"c"]
    );
}

#[tokio::test]
async fn an_export_of_the_record_imports_as_the_same_rows() {
    let (one, two) = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    let record = Record::init(one.path()).await.expect("a record");
    let rows = [
        "person_id,created_at,offer",
        "P1,2026-01-01,trial",
        "P2,2026-01-02,~",
    ];
    land(&record, 1, vec![csv("people", &rows)]).await;
    let names: Vec<String> = record
        .schema("people")
        .expect("a schema")
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batches = record.read("people", 1, &names, true).await.expect("rows");
    let other = Record::init(two.path()).await.expect("a record");
    land(
        &other,
        1,
        vec![Incoming::Arrow {
            table: table("people"),
            file: "export".to_owned(),
            batches,
        }],
    )
    .await;
    assert_eq!(all(&record).await, all(&other).await);
    let result = land(&other, 2, vec![csv("people", &rows)]).await;
    assert_eq!(counts(&result), (0, 0, 2, 0));
}

#[tokio::test]
async fn parquet_of_other_types_is_cast() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(&dir.path().join("home"))
        .await
        .expect("a record");
    let batch = RecordBatch::try_from_iter([
        (
            "Opportunity_ID",
            Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef,
        ),
        (
            "created_at",
            Arc::new(TimestampNanosecondArray::from(
                vec![1_767_600_000_000_000_999; 3],
            )) as ArrayRef,
        ),
        (
            "amount",
            Arc::new(Float64Array::from(vec![Some(0.1), Some(1e300), None])) as ArrayRef,
        ),
        (
            "expected_close_on",
            Arc::new(
                TimestampMillisecondArray::from(vec![0, 86_399_999, 86_400_000])
                    .with_timezone("UTC"),
            ) as ArrayRef,
        ),
        (
            "currency",
            Arc::new(LargeStringArray::from(vec!["USD", "", "EUR"])) as ArrayRef,
        ),
        (
            "size",
            Arc::new(Int32Array::from(vec![Some(7), None, Some(8)])) as ArrayRef,
        ),
    ])
    .expect("a batch");
    let path = dir.path().join("opportunities.parquet");
    let mut writer = ArrowWriter::try_new(
        std::fs::File::create(&path).expect("a file"),
        batch.schema(),
        None,
    )
    .expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("an end");
    let source = || {
        vec![Incoming::Parquet {
            table: table("opportunities"),
            path: path.clone(),
            display: "o.parquet".to_owned(),
        }]
    };
    let result = import(&record, 1, source()).await.expect("an import");
    assert_eq!(counts(&result), (2, 0, 0, 1));
    let fault = result.faults[0].to_string();
    assert!(fault.starts_with("o.parquet:2: amount: \"1"), "{fault}");
    let got = lines(
        &record,
        "opportunities",
        1,
        &[
            "opportunity_id",
            "created_at",
            "amount",
            "expected_close_on",
            "currency",
            "attributes",
        ],
    )
    .await;
    assert_eq!(
        got,
        [
            r#"1,2026-01-05T13:00:00Z,0.1000,1969-12-31,USD,{"size":"7"}"#,
            r#"3,2026-01-05T13:00:00Z,~,1970-01-01,EUR,{"size":"8"}"#,
        ]
    );
    assert!(
        !import(&record, 2, source())
            .await
            .expect("an import")
            .committed
    );
}

#[tokio::test]
async fn arrow_batches_carry_their_own_places() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let batch = RecordBatch::try_from_iter([
        (
            "currency",
            Arc::new(StringArray::from(vec!["EUR", "EUR"])) as ArrayRef,
        ),
        (
            "on",
            Arc::new(Date32Array::from(vec![20_000, 20_001])) as ArrayRef,
        ),
        (
            "rate",
            Arc::new(
                Decimal128Array::from(vec![Some(10_842), None])
                    .with_precision_and_scale(10, 4)
                    .expect("decimals"),
            ) as ArrayRef,
        ),
        (
            "_file",
            Arc::new(StringArray::from(vec!["a.csv", "b.csv"])) as ArrayRef,
        ),
        ("_line", Arc::new(Int64Array::from(vec![2, 70])) as ArrayRef),
    ])
    .expect("a batch");
    let source = vec![Incoming::Arrow {
        table: table("fx_rates"),
        file: "pack".to_owned(),
        batches: vec![batch],
    }];
    let result = import(&record, 1, source).await.expect("an import");
    let fault = &result.faults[0];
    assert_eq!(
        (fault.file.as_str(), fault.line, fault.column.as_deref()),
        ("b.csv", 70, Some("rate"))
    );
    assert_eq!(
        lines(&record, "fx_rates", 1, &["rate", "attributes"]).await,
        ["1.0842000000,~"]
    );
}

#[tokio::test]
async fn sql_sees_the_version_but_not_the_hash() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![csv("touchpoints", &TOUCHES)]).await;
    let sql = SessionContext::new();
    for name in ["touchpoints", "people"] {
        sql.register_table(name, record.provider(name, 1).await.expect("a table"))
            .expect("registered");
    }
    let count = |text: &'static str| {
        let sql = sql.clone();
        async move {
            let batches = sql
                .sql(text)
                .await
                .expect("a plan")
                .collect()
                .await
                .expect("rows");
            datafusion::arrow::util::pretty::pretty_format_batches(&batches)
                .expect("text")
                .to_string()
        }
    };
    let text = count("select channel, count(*) n, max(_version) v from touchpoints where person_id = 'P1' group by channel order by 1").await;
    assert!(
        text.contains("| email   | 2 | 1 |") && text.contains("| web     | 1 | 1 |"),
        "{text}"
    );
    assert!(
        count("select count(*) n from people")
            .await
            .contains("| 0 |")
    );
    assert!(sql.sql("select _hash from touchpoints").await.is_err());
}

#[tokio::test]
async fn each_text_column_can_be_asked_for_in_its_own_type() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![csv("touchpoints", &TOUCHES)]).await;
    let columns = [
        ("person_id", TextAs::Dictionary),
        ("touchpoint_id", TextAs::View),
        ("channel", TextAs::Plain),
    ];
    let batches = record
        .read_as("touchpoints", 1, &columns)
        .await
        .expect("rows");
    let types: Vec<String> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|f| f.data_type().to_string())
        .collect();
    assert_eq!(types, ["Dictionary(Int32, Utf8)", "Utf8View", "Utf8"]);
    let error = record
        .read("touchpoints", 1, &["person"], false)
        .await
        .expect_err("an error");
    assert!(error.to_string().contains("no column `person`"), "{error}");
    let error = record
        .read("touches", 1, &["person"], false)
        .await
        .expect_err("an error");
    assert!(error.to_string().contains("no table `touches`"), "{error}");
    let error = record
        .read("touchpoints", 2, &["person_id"], false)
        .await
        .expect_err("an error");
    assert!(error.to_string().contains("no version 2"), "{error}");
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let mut dry = options(1);
    dry.dry_run = true;
    let result = record
        .import(vec![csv("touchpoints", &TOUCHES)], dry, &Silent)
        .await
        .expect("an import");
    assert_eq!(
        (result.version, result.committed, counts(&result)),
        (0, false, (5, 0, 0, 0))
    );
    assert_eq!(record.version(), 0);
    assert!(!dir.path().join("record/touchpoints").exists());
}
