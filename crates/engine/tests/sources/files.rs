//! Parquet files and Delta tables.

use crate::rows;
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::ArrowWriter;
use std::path::Path;
use std::sync::Arc;
use treaty_app::import::Silent;
use treaty_engine::sources::{delta_batches, read_delta, read_parquet};

fn batch(from: i64) -> RecordBatch {
    let column = |name: &str, array: ArrayRef| (name.to_owned(), array, true);
    RecordBatch::try_from_iter_with_nullable([
        column("id", Arc::new(Int64Array::from(vec![from, from + 1]))),
        column("name", Arc::new(StringArray::from(vec![Some("Ann"), Some("")]))),
        column("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_767_600_000_000_000), None]).with_timezone("UTC"))),
        column("amount", Arc::new(Float64Array::from(vec![12.5, 3.0]))),
        column("tags", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)]), None]))),
    ])
    .unwrap()
}

fn parquet(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_has_text_and_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    parquet(&path, &batch(1));
    let table = read_parquet(&path, "x.parquet", &Silent).unwrap();
    assert_eq!(rows(&table), ["1: 1 | Ann | 2026-01-05T08:00:00Z | 12.5 | [1,2]", "2: 2 | - | - | 3 | -"]);
    assert_eq!(table.file, "x.parquet");
    std::fs::write(&path, b"PAR1 and no more").unwrap();
    assert!(read_parquet(&path, "x.parquet", &Silent).unwrap_err().to_string().starts_with("x.parquet: cannot be read: "));
}

/// A table as its protocol says: two files, of which the second commit takes the first away.
fn delta(dir: &Path) {
    parquet(&dir.join("a.parquet"), &batch(1));
    parquet(&dir.join("b.parquet"), &batch(10));
    parquet(&dir.join("c.parquet"), &batch(20));
    let field = |name: &str, kind: &str| format!("{{\\\"name\\\":\\\"{name}\\\",\\\"type\\\":{kind},\\\"nullable\\\":true,\\\"metadata\\\":{{}}}}");
    let text = |t: &str| format!("\\\"{t}\\\"");
    let list = "{\\\"type\\\":\\\"array\\\",\\\"elementType\\\":\\\"long\\\",\\\"containsNull\\\":true}";
    let fields = [
        field("id", &text("long")), field("name", &text("string")), field("at", &text("timestamp")), field("amount", &text("double")), field("tags", list),
    ];
    let schema = format!("{{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{}]}}", fields.join(","));
    let size = |name: &str| std::fs::metadata(dir.join(name)).unwrap().len();
    let add = |name: &str| format!("{{\"add\":{{\"path\":\"{name}\",\"partitionValues\":{{}},\"size\":{},\"modificationTime\":1,\"dataChange\":true}}}}\n", size(name));
    let first = format!(
        "{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n\
         {{\"metaData\":{{\"id\":\"1\",\"format\":{{\"provider\":\"parquet\",\"options\":{{}}}},\"schemaString\":\"{schema}\",\"partitionColumns\":[],\"configuration\":{{}}}}}}\n{}{}",
        add("a.parquet"), add("b.parquet")
    );
    let second = format!("{{\"remove\":{{\"path\":\"a.parquet\",\"dataChange\":true,\"deletionTimestamp\":2}}}}\n{}", add("c.parquet"));
    std::fs::create_dir_all(dir.join("_delta_log")).unwrap();
    std::fs::write(dir.join("_delta_log/00000000000000000000.json"), first).unwrap();
    std::fs::write(dir.join("_delta_log/00000000000000000001.json"), second).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_is_read_at_its_newest_version() {
    let dir = tempfile::tempdir().unwrap();
    delta(dir.path());
    let table = read_delta(dir.path(), "lake/people", &Silent).await.unwrap();
    let mut read: Vec<String> = rows(&table).iter().map(|r| r.split_once(": ").unwrap().1.to_owned()).collect();
    read.sort();
    assert_eq!(
        read,
        ["10 | Ann | 2026-01-05T08:00:00Z | 12.5 | [1,2]", "11 | - | - | 3 | -", "20 | Ann | 2026-01-05T08:00:00Z | 12.5 | [1,2]", "21 | - | - | 3 | -"]
    );
    let typed: usize = delta_batches(dir.path(), "x").await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(typed, 4);
    std::fs::remove_file(dir.path().join("c.parquet")).unwrap();
    let fault = read_delta(dir.path(), "lake/people", &Silent).await.unwrap_err().to_string();
    assert!(fault.starts_with("lake/people: is a Delta table that cannot be read: "), "{fault}");
}
