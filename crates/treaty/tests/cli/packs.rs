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
