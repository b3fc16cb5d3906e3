//! Real data, where it is at hand: every folder imports by detection alone into a fresh home, no row is lost on the way, and
//! what is not read is named. The expected numbers are counted from the files by the csv crate, not by Treaty.

use crate::home::{Home, Run, rows};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder of shared data, or `None` with a word on the test's output.
fn shared(name: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !dir.is_dir() {
        eprintln!("skipped: {} is not there", dir.display());
        return None;
    }
    Some(dir)
}

type Row = BTreeMap<String, String>;

/// The rows of a file, without its byte-order mark.
fn file(dir: &Path, name: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(dir.join(name)).expect("a file");
    rows(text.trim_start_matches('\u{feff}'))
}

/// Imports a folder by detection and checks what must hold of any import.
fn import(dir: &Path, pack: &str) -> (Home, Run) {
    let home = Home::new(None);
    // What the files say, and nothing that is found afterwards.
    std::fs::write(home.path().join("treaty.toml"), "[identity]\nafter_import = \"never\"\n").expect("settings");
    let run = home.run(&["import", dir.to_str().expect("a path")]);
    assert!(run.code == 0 || run.code == 1, "{pack}: {}\n{}", run.out, run.err);
    assert!(run.out.contains(&format!("note: read with the pack {pack} (")), "{}", run.out);
    assert!(run.out.contains("Record version 1."), "{}", run.out);
    assert!(!run.out.contains("the pack does not say why"), "{}", run.out);
    let mut tables = 0;
    for line in run.out.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let numbers: Vec<u64> = cells.iter().skip(1).filter_map(|c| c.replace(',', "").parse().ok()).collect();
        match (&numbers[..], cells.len()) {
            ([read, used, filtered, rejected, silent], 6) => assert_eq!(*read, used + filtered + rejected + silent, "{line}"),
            ([read, written, changed, unchanged, rejected, filtered], 7) => {
                assert_eq!(*read, written + changed + unchanged + rejected + filtered, "{line}");
                tables += 1;
            }
            _ => {}
        }
    }
    assert!(tables > 0, "{}", run.out);
    let again = home.run(&["import", dir.to_str().expect("a path")]);
    assert!(again.out.contains("Nothing changed; the record stays at version 1."), "{pack} twice: {}\n{}", again.out, again.err);
    (home, run)
}

/// A number of the table that an import prints; the one of the raw tables stands before it.
fn count(run: &Run, table: &str, column: usize) -> usize {
    let mut lines = run.out.lines().skip_while(|l| !l.starts_with("table "));
    let line = lines.find(|l| l.split_whitespace().next() == Some(table)).unwrap_or_else(|| panic!("{table}: {}", run.out));
    line.split_whitespace().nth(column).expect("a number").replace(',', "").parse().expect("a number")
}

/// The number of rows that the import says were left out for a reason.
fn left_out(run: &Run, what: &str) -> usize {
    let said = |line: &str| {
        let (rows, rest) = line.strip_prefix("filtered: ")?.split_once(" rows were left out")?;
        let (_, why) = rest.split_once(": ")?;
        why.starts_with(what).then(|| rows.replace(',', "").parse::<usize>().expect("a number"))
    };
    run.out.lines().filter_map(said).sum()
}

/// One number of the record.
fn asked(home: &Home, sql: &str) -> String {
    home.ok(&["query", sql, "--as-of", "2030-01-01", "--format", "csv"]).lines().nth(1).unwrap_or_default().to_owned()
}

fn yes(row: &Row, column: &str) -> bool {
    row.get(column).is_some_and(|c| c.eq_ignore_ascii_case("true"))
}

#[test]
fn the_folder_of_several_systems_says_which_is_where() {
    let Some(dir) = shared("fivetran_landed") else { return };
    let run = Home::new(None).run(&["import", dir.to_str().expect("a path")]);
    assert_eq!(run.code, 2, "{}", run.out);
    for (folder, pack) in [("dbt_ad_reporting", "ad_spend"), ("dbt_hubspot", "hubspot"), ("dbt_marketo", "marketo"), ("dbt_pardot", "pardot"), ("dbt_salesforce", "salesforce")] {
        assert!(run.err.contains(&format!("{folder}: {pack}\n")) || run.err.trim_end().ends_with(&format!("{folder}: {pack}")), "{}", run.err);
    }
    assert!(run.err.lines().count() < 10, "{}", run.err);
}

#[test]
fn salesforce_as_fivetran_lands_it() {
    let Some(dir) = shared("fivetran_landed/dbt_salesforce") else { return };
    let (home, run) = import(&dir, "salesforce");
    // All ten deals are in the recycle bin: the right answer is none.
    assert_eq!(count(&run, "opportunities", 1), 0);
    assert_eq!(left_out(&run, "opportunities in the recycle bin"), file(&dir, "sf_opportunity_data.csv").len());
    let accounts = file(&dir, "sf_account_data.csv");
    let deleted = accounts.iter().filter(|r| yes(r, "is_deleted")).count();
    assert_eq!((count(&run, "accounts", 2), left_out(&run, "accounts in the recycle bin")), (accounts.len() - deleted, deleted));
    assert_eq!(count(&run, "people", 2), file(&dir, "sf_lead_data.csv").len() + file(&dir, "sf_contact_data.csv").len());
    let users = file(&dir, "sf_user_data.csv");
    let gone = users.iter().filter(|r| yes(r, "_fivetran_deleted")).count();
    let versions = users.iter().filter(|r| !yes(r, "_fivetran_deleted") && r["_fivetran_active"] == "false").count();
    assert_eq!((count(&run, "users", 2), left_out(&run, "users that are deleted")), (users.len() - gone - versions, gone));
    let work = file(&dir, "sf_task_data.csv").len() + file(&dir, "sf_event_data.csv").len();
    assert_eq!(count(&run, "activities", 2) + left_out(&run, "tasks, events and mails on neither"), work);
    assert!(["sf_account_history_data.csv", "sf_contact_history_data.csv"].iter().all(|f| run.out.contains(f)), "{}", run.out);
    // 9999-12-31 is no date.
    assert_eq!(asked(&home, "SELECT count(*) FROM record_stage_changes WHERE changed_at > TIMESTAMP '2040-01-01'"), "0");
}

#[test]
fn hubspot_as_fivetran_lands_it() {
    let Some(dir) = shared("fivetran_landed/dbt_hubspot") else { return };
    let (home, run) = import(&dir, "hubspot");
    let contacts = file(&dir, "contact_data.csv");
    assert_eq!(count(&run, "people", 2) + left_out(&run, "contacts that are archived"), contacts.len());
    let deals = file(&dir, "deal_data.csv");
    assert_eq!(count(&run, "opportunities", 2) + left_out(&run, "deals that are archived"), deals.len());
    assert_eq!(count(&run, "accounts", 2) + left_out(&run, "companies that are archived"), file(&dir, "company_data.csv").len());
    // Ids joined by semicolons, and those of the audit, each once.
    let audit = file(&dir, "contact_merge_audit_data.csv");
    let mut merged: Vec<String> = contacts.iter().flat_map(|r| r["property_hs_merged_object_ids"].split(';').map(str::to_owned).collect::<Vec<_>>()).collect();
    merged.extend(audit.iter().map(|r| r["vid_to_merge"].clone()));
    merged.retain(|id| !id.is_empty());
    merged.sort();
    merged.dedup();
    assert_eq!(asked(&home, "SELECT count(*) FROM record_merges WHERE subject_type = 'person'"), merged.len().to_string());
    for id in ["76340251", "46897301", "76226001"] {
        assert_eq!(asked(&home, &format!("SELECT into_id FROM record_merges WHERE from_id = '{id}'")), "78971951");
    }
    assert!(run.out.contains("ticket_data.csv"), "{}", run.out);
}

#[test]
fn marketo_as_fivetran_lands_it() {
    let Some(dir) = shared("fivetran_landed/dbt_marketo") else { return };
    let (home, run) = import(&dir, "marketo");
    assert_eq!(count(&run, "people", 2) + left_out(&run, "leads that are deleted"), file(&dir, "marketo_lead_data.csv").len());
    let touches = ["marketo_activity_click_email_data.csv", "marketo_activity_open_email_data.csv"].map(|f| file(&dir, f).len());
    assert_eq!(count(&run, "touchpoints", 2) + left_out(&run, "activities of leads that are not here"), touches.iter().sum::<usize>());
    assert_eq!(left_out(&run, "changes of other fields"), file(&dir, "marketo_activity_change_data_value_data.csv").len());
    let merges = asked(&home, "SELECT count(*) FROM record_merges WHERE from_id LIKE 'marketo/%' AND from_id <> into_id");
    assert_eq!(merges, count(&run, "merges", 2).to_string());
    assert_eq!(asked(&home, "SELECT into_id FROM record_merges WHERE from_id = 'marketo/1286861'"), "marketo/1345540");
    assert!(run.out.contains("marketo_activity_send_email_data.csv"), "{}", run.out);
}

#[test]
fn pardot_as_fivetran_lands_it() {
    let Some(dir) = shared("fivetran_landed/dbt_pardot") else { return };
    let (home, run) = import(&dir, "pardot");
    let people = file(&dir, "pardot_prospect_data.csv");
    let deleted = people.iter().filter(|r| yes(r, "_fivetran_deleted")).count();
    assert_eq!((count(&run, "people", 2), left_out(&run, "people in the recycle bin")), (people.len() - deleted, deleted));
    let deals = file(&dir, "pardot_opportunity_data.csv");
    assert_eq!((count(&run, "opportunities", 2), count(&run, "stage_changes", 2)), (deals.len(), deals.len()));
    // Deals that were closed before they were created are kept as they are, and so is a campaign that nobody knows.
    let backwards = deals.iter().filter(|r| !r["closed_at"].is_empty() && r["closed_at"] < r["created_at"]).count();
    let found = asked(
        &home,
        "SELECT count(*) FROM record_opportunities AS o JOIN record_stage_changes AS s ON s.subject_id = o.opportunity_id WHERE s.changed_at < o.created_at",
    );
    assert_eq!((found, backwards), (backwards.to_string(), 7));
    let campaigns = file(&dir, "pardot_campaign_data.csv");
    let known = |id: &str| campaigns.iter().any(|c| c["id"] == id && !yes(c, "_fivetran_deleted"));
    let unknown = deals.iter().filter(|r| !r["campaign_id"].is_empty() && !known(&r["campaign_id"])).count();
    let lost = "SELECT count(*) FROM record_opportunities AS o LEFT JOIN record_campaigns AS c ON c.campaign_id = o.campaign_id WHERE o.campaign_id IS NOT NULL AND c.campaign_id IS NULL";
    assert_eq!(asked(&home, lost), unknown.to_string());
    let activities = file(&dir, "pardot_visitor_activity_data.csv").len();
    let out = left_out(&run, "activities of types that are no touches") + left_out(&run, "touches of people who are not here");
    assert_eq!(count(&run, "touchpoints", 2) + out, activities);
}

#[test]
fn ad_platforms_as_fivetran_lands_them() {
    let Some(dir) = shared("fivetran_landed/dbt_ad_reporting") else { return };
    let (home, run) = import(&dir, "ad_spend");
    // The same money, counted from the files: millionths where the platform gives them.
    for (platform, name, column, micros) in [
        ("google_ads", "google_ads_campaign_stats_data.csv", "cost_micros", true),
        ("facebook_ads", "facebook_ads_basic_ad_data.csv", "spend", false),
        ("linkedin_ads", "linkedin_ad_analytics_by_campaign_data.csv", "cost_in_local_currency", false),
        ("microsoft_ads", "microsoft_ads_campaign_performance_daily_report_data.csv", "spend", false),
        ("pinterest_ads", "pinterest_campaign_report_data.csv", "spend_in_micro_dollar", true),
        ("twitter_ads", "twitter_campaign_report_data.csv", "billed_charge_local_micro", true),
        ("apple_search_ads", "apple_search_campaign_report_data.csv", "local_spend_amount", false),
        ("amazon_ads", "amazon_ads_campaign_level_report_data.csv", "cost", false),
        ("reddit_ads", "reddit_ads_campaign_report_data.csv", "spend", true),
        ("snapchat_ads", "snapchat_campaign_hourly_report_data.csv", "spend", true),
        ("tiktok_ads", "tiktok_campaign_report_hourly_data.csv", "SPEND", false),
    ] {
        let rows = file(&dir, name);
        let sum: f64 = rows.iter().map(|r| r[column].parse::<f64>().unwrap_or(0.0)).sum::<f64>() / if micros { 1e6 } else { 1.0 };
        let found: f64 = asked(&home, &format!("SELECT sum(amount) FROM record_spend WHERE channel = '{platform}'")).parse().expect("an amount");
        // Each row of the record is rounded to a hundredth of a cent.
        assert!((found - sum).abs() <= 0.00005 * rows.len() as f64 + 1e-9, "{platform}: {found} for {sum}");
    }
    assert_eq!(asked(&home, "SELECT DISTINCT currency FROM record_spend WHERE channel = 'google_ads'"), "USD");
    // Every file is read or named.
    let read = home.ok(&["pack", "show", "ad_spend"]);
    for entry in std::fs::read_dir(&dir).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(run.out.contains(&name) || read.contains(name.trim_end_matches(".csv")), "{name} is neither read nor named");
    }
}

#[test]
fn the_crm_export_in_any_order_of_dates() {
    let Some(dir) = shared("maven_crm") else { return };
    let (_home, run) = import(&dir, "maven_crm");
    let deals = file(&dir, "sales_pipeline.csv");
    assert_eq!(count(&run, "opportunities", 2) + left_out(&run, "opportunities in Prospecting"), deals.len());
    assert!(["data_dictionary.csv", "SOURCE.md", "variants"].iter().all(|f| run.out.contains(f)), "{}", run.out);
}
