//! Taps through the real binary: real packages against a stand-in of ours, failures, kills.

#[path = "taps/python.rs"]
mod python;

use crate::home::{Home, Run, run, treaty};
use python::{StandIn, script, venv};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A pack in the folder of a home.
fn pack(home: &Home, name: &str, files: &[&str], queries: &[(&str, &str)]) -> String {
    let dir = home.dir.path().join(name);
    std::fs::create_dir_all(&dir).expect("a folder");
    let mut manifest = format!("[pack]\nname = \"{name}\"\ntitle = \"{name}\"\ndescription = \"For a test.\"\nsource = \"{name}\"\n");
    for file in files {
        manifest.push_str(file);
    }
    std::fs::write(dir.join("pack.toml"), manifest).expect("the pack");
    for (table, sql) in queries {
        std::fs::write(dir.join(format!("{table}.sql")), sql).expect("a query");
    }
    dir.display().to_string()
}

fn entry(table: &str, stream: &str, columns: &str) -> String {
    format!("\n[[file]]\ntable = \"{table}\"\nnames = [\"{stream}\"]\ncolumns = [{columns}]\n")
}

fn salesforce_pack(home: &Home) -> String {
    pack(
        home,
        "force",
        &[
            &entry("lead", "Lead", "\"Id\", \"Email\", \"CreatedDate\", \"IsDeleted\""),
            &entry("history", "LeadHistory", "\"LeadId\", \"Field\", \"OldValue\", \"NewValue\", \"CreatedDate\""),
            &entry("opportunity", "Opportunity", "\"Id\", \"AccountId\", \"Amount\", \"CloseDate\", \"CreatedDate\""),
            &entry("account", "Account", "\"Id\", \"Name\""),
            &format!("{}optional_columns = [\"_sdc_deleted_at\"]\n", entry("kind", "RecordType", "\"Id\", \"Name\"")),
            &format!("{}required = false\n", entry("task", "Task", "\"Id\", \"Subject\"")),
        ],
        &[
            ("people", "SELECT \"Id\" AS person_id, \"Email\" AS email, messy_timestamp(\"CreatedDate\") AS created_at, _file, _line FROM lead WHERE \"IsDeleted\" = 'false'"),
            (
                "field_changes",
                "SELECT 'person' AS subject_type, \"LeadId\" AS subject_id, messy_timestamp(\"CreatedDate\") AS changed_at, \"Field\" AS field, \
                 \"OldValue\" AS old_value, \"NewValue\" AS new_value, _file, _line FROM history",
            ),
            (
                "opportunities",
                "SELECT o.\"Id\" AS opportunity_id, a.\"Name\" AS name, messy_timestamp(o.\"CreatedDate\") AS created_at, o.\"Amount\" AS amount, \
                 o.\"CloseDate\" AS expected_close_on, o._file, o._line FROM opportunity o JOIN account a ON a.\"Id\" = o.\"AccountId\"",
            ),
            ("campaigns", "SELECT \"Id\" AS campaign_id, \"Name\" AS name, _sdc_deleted_at AS gone, _file, _line FROM kind"),
        ],
    )
}

const THEN: &str = "2026-01-05T10:00:00.000+0000";

/// This second, as Salesforce writes it. The tap goes on from the moment when its last run began.
fn this_second() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

fn lead(id: &str, changed: &str, deleted: bool) -> Value {
    json!({"Id": id, "Email": format!("{id}@x.example"), "CreatedDate": THEN, "SystemModstamp": changed, "IsDeleted": deleted})
}

fn salesforce(leads: Vec<Value>) -> Value {
    let at = "2026-01-08T10:00:00.000+0000";
    json!({"salesforce": {
        "Lead": {"fields": {"Id": "id", "Email": "email", "CreatedDate": "datetime", "SystemModstamp": "datetime", "IsDeleted": "boolean"}, "records": leads},
        "LeadHistory": {
            "fields": {"Id": "id", "LeadId": "reference", "Field": "picklist", "OldValue": "anyType", "NewValue": "anyType", "CreatedDate": "datetime"},
            "records": [{"Id": "H1", "LeadId": "L1", "Field": "Rating", "OldValue": "Cold", "NewValue": 2.5, "CreatedDate": at}]},
        "Opportunity": {
            "fields": {"Id": "id", "AccountId": "reference", "Amount": "currency", "CloseDate": "date", "CreatedDate": "datetime", "SystemModstamp": "datetime"},
            "records": [{"Id": "O1", "AccountId": "A1", "Amount": 1200.5, "CloseDate": "2026-12-01", "CreatedDate": at, "SystemModstamp": at}]},
        "Account": {"fields": {"Id": "id", "Name": "string", "SystemModstamp": "datetime"},
            "records": [{"Id": "A1", "Name": "Acme", "SystemModstamp": "2026-01-02T10:00:00.000+0000"}]},
        "RecordType": {"fields": {"Id": "id", "Name": "string"}, "records": [{"Id": "R1", "Name": "one"}, {"Id": "R2", "Name": "two"}]},
        "Task": {"fields": {"Id": "id", "Subject": "string", "SystemModstamp": "datetime"}, "records": []},
        "Unread": {"fields": {"Id": "id"}, "records": []}
    }, "hubspot": {}})
}

/// A home, and a tap that is run into it.
struct Tap {
    home: Home,
    pack: String,
    command: String,
    stand_in: Option<StandIn>,
}

impl Tap {
    fn salesforce(data: &Value) -> Option<Self> {
        let bin = venv("tap-salesforce", &["tap-salesforce==2.8.1"])?;
        let home = Home::new(None);
        std::fs::write(home.path().join("treaty.toml"), "[import]\ntime_zone = \"America/New_York\"\n[identity]\nafter_import = \"never\"\n").expect("the settings");
        let config = json!({"refresh_token": "r", "client_id": "c", "client_secret": "s", "start_date": "2025-01-01T00:00:00Z", "api_type": "REST"});
        std::fs::write(home.dir.path().join("sf.json"), config.to_string()).expect("the settings of the tap");
        let command = format!("{} {} --config {}", bin.join("python").display(), script("salesforce.py"), home.dir.path().join("sf.json").display());
        let pack = salesforce_pack(&home);
        Some(Self { home, pack, command, stand_in: Some(StandIn::start(data)) })
    }

    fn url(&self) -> &str {
        self.stand_in.as_ref().map_or("", |s| s.url.as_str())
    }

    fn set(&self, data: &Value) {
        self.stand_in.as_ref().expect("a stand-in").set(data);
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let mut command = treaty();
        command.arg("-C").arg(self.home.path()).args(["import", "--tap", &self.command, "--pack", &self.pack]).args(more);
        command.env("STAND_IN", self.url());
        command
    }

    fn import(&self, more: &[&str]) -> Run {
        run(&mut self.command(more))
    }

    fn ok(&self) -> String {
        let r = self.import(&[]);
        assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
        r.out
    }

    fn query(&self, sql: &str) -> String {
        let r = self.home.run(&["query", sql, "--format", "csv"]);
        if r.err.contains("is empty") { String::new() } else { assert_eq!(r.code, 0, "{sql}\n{}", r.err); r.out }
    }

    fn file(&self, name: &str) -> PathBuf {
        let taps = self.home.path().join("taps");
        let dir = std::fs::read_dir(&taps).expect("the folder of taps").next().expect("a tap").expect("a tap").path();
        dir.join(name)
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.file("state.json")).unwrap_or_default()
    }
}

#[test]
fn salesforce_comes_in_by_its_tap_and_goes_on_where_it_was() {
    let Some(tap) = Tap::salesforce(&salesforce(vec![lead("L1", THEN, false), lead("L2", THEN, false), lead("L3", "2026-01-06T10:00:00.000+0000", true)])) else { return };
    let dry = tap.import(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{}\n{}", dry.out, dry.err);
    assert!(dry.out.contains("Dry run: nothing was written."), "{}", dry.out);
    assert_eq!(tap.state(), "", "a dry run keeps no state");
    let out = tap.ok();
    assert!(out.contains("note: salesforce: Lead: 3 rows read\n"), "{out}");
    assert!(!out.contains("Unread"), "streams that the pack does not read are not asked for: {out}");
    assert_eq!(tap.query("SELECT person_id, email FROM record_people ORDER BY 1"), "person_id,email\nL1,L1@x.example\nL2,L2@x.example\n");
    assert_eq!(tap.query("SELECT old_value, new_value FROM record_field_changes"), "old_value,new_value\nCold,2.5\n", "values without a type");
    let deals = "SELECT opportunity_id, name, CAST(amount AS TEXT) AS amount, expected_close_on FROM record_opportunities";
    let day = "opportunity_id,name,amount,expected_close_on\nO1,Acme,1200.5000,2026-12-01\n";
    assert_eq!(tap.query(deals), day, "midnight in UTC is that day in New York, too");
    assert!(tap.state().contains("\"bookmarks\""), "{}", tap.state());
    assert!(tap.home.ok(&["log"]).contains("tap salesforce"));

    // A lead changes, a deal changes whose account does not, a type goes.
    let mut data = salesforce(vec![lead("L1", THEN, false), lead("L2", &this_second(), false), lead("L4", &this_second(), false)]);
    data["salesforce"]["Opportunity"]["records"][0]["Amount"] = json!(99);
    data["salesforce"]["Opportunity"]["records"][0]["SystemModstamp"] = json!(this_second());
    data["salesforce"]["RecordType"]["records"] = json!([{"Id": "R1", "Name": "one"}]);
    tap.set(&data);
    let out = tap.ok();
    assert!(out.contains("Lead: 2 rows read, 1 of earlier runs replaced, 2 of earlier runs kept"), "{out}");
    assert!(out.contains("RecordType: 1 rows read, 1 of earlier runs replaced, 1 of earlier runs kept, 1 no longer in the source"), "{out}");
    assert_eq!(tap.query("SELECT count(*) AS n FROM record_people"), "n\n3\n");
    assert_eq!(tap.query(deals), day.replace("1200.5000", "99.0000"), "the account came with the first run");
    let gone = tap.query("SELECT campaign_id, attributes LIKE '%gone%' AS gone FROM record_campaigns ORDER BY 1");
    assert_eq!(gone, "campaign_id,gone\nR1,\nR2,true\n");
    // What was taken back comes again by itself.
    tap.home.ok(&["undo"]);
    assert!(tap.ok().contains("Record version 4."));
    assert_eq!(tap.query("SELECT count(*) AS n FROM record_people"), "n\n3\n");
    assert!(tap.ok().contains("Nothing changed"), "the same again changes nothing");

    // Another command does not go on with this state by accident.
    let other = run(treaty().arg("-C").arg(tap.home.path()).args(["import", "--tap", &format!("{} --dev", tap.command), "--pack", &tap.pack]));
    assert_eq!(other.code, 2);
    assert!(other.err.contains("belongs to another command"), "{}", other.err);
}

#[test]
fn a_tap_that_fails_leaves_record_and_state_as_they_were() {
    let mut data = salesforce(vec![lead("L1", THEN, false)]);
    let Some(tap) = Tap::salesforce(&data) else { return };
    tap.ok();
    let (state, people) = (tap.state(), tap.query("SELECT * FROM record_people"));
    data = salesforce(vec![lead("L1", THEN, false), lead("L2", &this_second(), false)]);
    data["salesforce"]["Account"]["records"] = Value::Null;
    tap.set(&data);
    let r = tap.import(&[]);
    assert_eq!(r.code, 2, "{}", r.out);
    assert!(r.err.contains("nothing was imported, and the state of salesforce is as it was"), "{}", r.err);
    assert!(r.err.contains("The last lines of") && r.err.contains("log.txt"), "{}", r.err);
    assert_eq!((tap.state(), tap.query("SELECT * FROM record_people")), (state, people));
    // Without a pack there is no stream that the record knows.
    let r = run(treaty().arg("-C").arg(tap.home.path()).args(["import", "--tap", &tap.command, "--pack", "native"]).env("STAND_IN", tap.url()));
    assert_eq!(r.code, 2, "{}", r.out);
    assert!(r.err.contains("name a pack that reads them (--pack)"), "{}", r.err);
}

fn contact(id: u32, stage: &str, day: u32) -> Value {
    json!({"id": id.to_string(), "properties": {"email": format!("c{id}@x.example"), "lifecyclestage": stage, "createdate": "2026-01-05T10:00:00.000Z"},
        "createdAt": "2026-01-05T10:00:00.000Z", "updatedAt": format!("2026-01-{day:02}T10:00:00.000Z"), "archived": false})
}

fn hubspot(contacts: &[Value]) -> Value {
    let at = 1_767_607_200_000_u64;
    let own = |value: &str| json!({"value": value, "timestamp": at, "source": "API"});
    json!({"salesforce": {}, "hubspot": {
        "properties": {
            "contacts": {"email": "string", "lifecyclestage": "enumeration", "createdate": "datetime"},
            "deals": {"dealname": "string", "createdate": "datetime", "dealstage": "enumeration", "amount": "number", "hs_v2_date_entered_closedwon": "datetime"},
            "companies": {"name": "string"}, "tickets": {}},
        "contacts": contacts,
        "owners": [{"id": "7", "email": "o@x.example", "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z", "archived": false}],
        "deals": [{"dealId": 11, "portalId": 1, "isDeleted": false,
            "properties": {"dealname": own("Big"), "createdate": own(&at.to_string()), "amount": own("1200.5"), "dealstage": own("closedwon")},
            "v3": {"hs_v2_date_entered_closedwon": "2026-01-05T10:00:00Z"}}],
        "companies": [], "pipelines": []}})
}

#[test]
fn hubspot_comes_in_by_its_tap_page_by_page() {
    let Some(bin) = venv("tap-hubspot", &["tap-hubspot==4.5.0"]) else { return };
    let home = Home::new(None);
    let config = home.dir.path().join("hubspot.json");
    std::fs::write(&config, json!({"api_key": "k", "start_date": "2025-01-01T00:00:00Z"}).to_string()).expect("the settings of the tap");
    let pack = pack(
        &home,
        "hub",
        &[
            &entry("contact", "contacts", "\"id\", \"property_email\", \"properties\", \"properties__lifecyclestage\", \"createdAt\""),
            &entry("deal", "deals", "\"dealId\", \"property_dealname__value\", \"property_amount__value\", \"property_createdate__value\", \"property_hs_v2_date_entered_closedwon__value\""),
        ],
        &[
            (
                "people",
                "SELECT id AS person_id, property_email AS email, \"createdAt\" AS created_at, properties__lifecyclestage AS stage_flat, \
                 attr(properties, 'lifecyclestage') AS stage_json, _file, _line FROM contact",
            ),
            (
                "opportunities",
                "SELECT \"dealId\" AS opportunity_id, property_dealname__value AS name, messy_timestamp(property_createdate__value) AS created_at, \
                 property_amount__value AS amount, property_hs_v2_date_entered_closedwon__value AS won_at, _file, _line FROM deal",
            ),
        ],
    );
    let contacts = vec![contact(1, "lead", 5), contact(2, "customer", 6), contact(3, "lead", 7)];
    let command = format!("{} {} --config {}", bin.join("python").display(), script("hubspot.py"), config.display());
    let tap = Tap { home, pack, command, stand_in: Some(StandIn::start(&hubspot(&contacts))) };
    let out = tap.ok();
    assert!(out.contains("hubspot: contacts: 3 rows read\n"), "{out}");
    let stages = "SELECT person_id, attr(attributes, 'stage_flat') AS a, attr(attributes, 'stage_json') AS b FROM record_people ORDER BY 1";
    assert_eq!(tap.query(stages), "person_id,a,b\n1,lead,lead\n2,customer,customer\n3,lead,lead\n");
    let deals = tap.query("SELECT opportunity_id, name, CAST(amount AS TEXT) AS amount, attr(attributes, 'won_at') AS won FROM record_opportunities");
    assert!(deals.starts_with("opportunity_id,name,amount,won\n11,Big,1200.5000,2026-01-05T10:00:00"), "{deals}");
    let mut contacts = contacts;
    contacts[0] = contact(1, "opportunity", 9);
    tap.set(&hubspot(&contacts));
    let out = tap.ok();
    assert!(out.contains("contacts: 2 rows read, 2 of earlier runs replaced, 1 of earlier runs kept"), "from the bookmark on: {out}");
    assert!(tap.query(stages).contains("1,opportunity,opportunity\n"));
}

#[test]
fn the_packs_that_come_along_know_the_streams_of_taps() {
    let import = |home: &Home, command: &str, url: &str| {
        let r = run(treaty().arg("-C").arg(home.path()).args(["import", "--tap", command]).env("STAND_IN", url));
        assert!(r.out.contains("Record version 1."), "{}\n{}", r.out, r.err);
        r.out
    };
    let one = |home: &Home, sql: &str| home.ok(&["query", sql, "--format", "csv"]);
    if let Some(bin) = venv("tap-salesforce", &["tap-salesforce==2.8.1"]) {
        let home = Home::new(None);
        let (lead, contact, won) = (
            json!({"Id": "L1", "Email": "l1@x.example", "IsConverted": true, "ConvertedContactId": "C1", "ConvertedAccountId": "A1", "ConvertedDate": "2026-01-06", "LeadSource": "Web", "Status": "Open",
                "CreatedDate": THEN, "SystemModstamp": THEN, "IsDeleted": false}),
            json!({"Id": "C1", "AccountId": "A1", "ReportsToId": null, "LastName": "Bell", "OwnerId": "U1", "CreatedDate": THEN, "SystemModstamp": THEN, "IsDeleted": false}),
            json!({"Id": "O1", "StageName": "Closed Won", "IsWon": true, "IsClosed": true, "ForecastCategory": "Closed", "Amount": 10, "CloseDate": "2026-12-01",
                "CreatedDate": THEN, "SystemModstamp": THEN, "IsDeleted": false}),
        );
        let object = |row: &Value| {
            let kind = |name: &str| match name {
                "Id" => "id",
                "Amount" => "currency",
                "CloseDate" | "ConvertedDate" => "date",
                "CreatedDate" | "SystemModstamp" => "datetime",
                _ if name.starts_with("Is") => "boolean",
                _ => "string",
            };
            let fields: serde_json::Map<String, Value> = row.as_object().expect("a row").keys().map(|k| (k.clone(), json!(kind(k)))).collect();
            json!({"fields": fields, "records": [row]})
        };
        let data = json!({"salesforce": {"Lead": object(&lead), "Contact": object(&contact), "Opportunity": object(&won)}, "hubspot": {}});
        let stand_in = StandIn::start(&data);
        let config = home.dir.path().join("sf.json");
        let settings = json!({"refresh_token": "r", "client_id": "c", "client_secret": "s", "start_date": "2025-01-01T00:00:00Z", "api_type": "REST"});
        std::fs::write(&config, settings.to_string()).expect("the settings of the tap");
        let out = import(&home, &format!("{} {} -c {}", bin.join("python").display(), script("salesforce.py"), config.display()), &stand_in.url);
        assert!(out.contains("note: read with the pack salesforce"), "{out}");
        assert_eq!(one(&home, "SELECT person_id, account_id, lead_source FROM record_people"), "person_id,account_id,lead_source\nL1,A1,Web\n", "lead and contact are one");
        assert_eq!(one(&home, "SELECT expected_close_on FROM record_opportunities"), "expected_close_on\n2026-12-01\n");
    }
    if let Some(bin) = venv("tap-hubspot", &["tap-hubspot==4.5.0"]) {
        let home = Home::new(None);
        let stand_in = StandIn::start(&hubspot(&[contact(1, "lead", 5), contact(2, "customer", 6)]));
        let config = home.dir.path().join("hs.json");
        std::fs::write(&config, json!({"api_key": "k", "start_date": "2025-01-01T00:00:00Z"}).to_string()).expect("the settings of the tap");
        // The pack reads more streams than the stand-in knows; a catalogue of one's own names those that it does.
        let python = bin.join("python");
        let found = std::process::Command::new(&python).arg(script("hubspot.py")).arg("-c").arg(&config).arg("--discover").env("STAND_IN", &stand_in.url).output();
        let mut catalogue: Value = serde_json::from_slice(&found.expect("the tap runs").stdout).expect("a catalogue");
        for stream in catalogue["streams"].as_array_mut().expect("streams") {
            let wanted = ["contacts", "deals", "owners", "deal_pipelines"].contains(&stream["stream"].as_str().expect("a name"));
            for entry in stream["metadata"].as_array_mut().expect("metadata") {
                entry["metadata"]["selected"] = json!(wanted);
            }
        }
        let own = home.dir.path().join("own.json");
        std::fs::write(&own, catalogue.to_string()).expect("a catalogue");
        let command = format!("{} {} -c {} --properties {}", python.display(), script("hubspot.py"), config.display(), own.display());
        let out = import(&home, &command, &stand_in.url);
        assert!(out.contains("note: read with the pack hubspot"), "{out}");
        assert_eq!(one(&home, "SELECT person_id, email FROM record_people ORDER BY 1"), "person_id,email\n1,c1@x.example\n2,c2@x.example\n");
        assert_eq!(one(&home, "SELECT opportunity_id, name, CAST(amount AS TEXT) AS a FROM record_opportunities"), "opportunity_id,name,a\n11,Big,1200.5000\n");
        assert!(!out.contains("rejected {"), "no object is taken for a value: {out}");
        assert!(!out.contains("__value"), "{out}");
    }
}

#[test]
fn an_airbyte_source_is_told_by_its_spec_and_goes_on_where_it_was() {
    let Some(bin) = venv("airbyte-source-faker", &["airbyte-source-faker==7.2.1"]) else { return };
    let home = Home::new(None);
    let config = home.dir.path().join("faker.json");
    std::fs::write(&config, json!({"count": 30, "seed": 1, "parallelism": 1, "records_per_slice": 10, "always_updated": false}).to_string()).expect("the settings");
    let pack = pack(
        &home,
        "shop",
        &[&entry("buyer", "users", "\"id\", \"email\", \"created_at\", \"address__city\""), &entry("bought", "purchases", "\"id\", \"user_id\"")],
        &[(
            "people",
            "SELECT id AS person_id, email, messy_timestamp(created_at) AS created_at, address__city AS city, _file, _line FROM buyer",
        )],
    );
    let command = format!("{} --config {}", bin.join("source-faker").display(), config.display());
    let tap = Tap { home, pack, command, stand_in: None };
    let out = tap.ok();
    assert!(out.contains("source-faker: users: 30 rows read"), "{out}");
    assert!(!out.contains("products"), "{out}");
    assert_eq!(tap.query("SELECT count(*) AS n, count(attr(attributes, 'city')) AS cities FROM record_people"), "n,cities\n30,30\n");
    assert!(tap.state().contains("\"protocol\":\"Airbyte\"") && tap.state().contains("stream_descriptor"), "{}", tap.state());
    let out = tap.ok();
    assert!(out.contains("source-faker: users: 0 rows read, 30 of earlier runs kept"), "{out}");
    assert!(out.contains("Nothing changed"), "{out}");
    // A source that fails says so on its own; an older state stays.
    let before = tap.state();
    std::fs::write(&config, json!({"count": "many"}).to_string()).expect("the settings");
    let r = tap.import(&[]);
    assert_eq!(r.code, 2, "{}\n{}", r.out, r.err);
    assert!(r.err.contains("source-faker failed"), "{}", r.err);
    assert_eq!(tap.state(), before);
}

#[test]
fn killed_taps_lose_nothing() {
    let mut leads: Vec<Value> = (0..20).map(|i| lead(&format!("L{i}"), THEN, false)).collect();
    let Some(tap) = Tap::salesforce(&salesforce(leads.clone())) else { return };
    tap.ok();
    let start = Instant::now();
    tap.ok();
    let whole = start.elapsed();
    // The same sequence of moments in every run of the test, from the first to beyond the last.
    let mut whole = u64::try_from(whole.as_micros()).expect("short");
    let (mut seed, mut cut, mut done) = (7_u64, 0, 0);
    for i in 20..38 {
        leads.push(lead(&format!("L{i}"), &this_second(), false));
        tap.set(&salesforce(leads.clone()));
        let mut child = tap.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = u32::try_from((seed >> 33) % 1000).expect("small");
        // Half of the moments near the end, where rows and state change.
        let share = if i % 2 == 0 { share } else { 700 + share / 2 };
        let wait = Duration::from_micros(whole * u64::from(share) / 1000);
        std::thread::sleep(wait);
        let ended = child.try_wait().expect("a status").is_some();
        child.kill().expect("the process is killed");
        child.wait().expect("the process ends");
        // How long a run takes depends on what else the machine does.
        if ended { (done, whole) = (done + 1, whole * 4 / 5) } else { (cut, whole) = (cut + 1, whole * 11 / 10) }
        // What the state says is behind us is in the record.
        let state: Value = serde_json::from_str(&tap.state()).expect("a whole state");
        let mark = state["state"]["singer"]["bookmarks"]["Lead"]["SystemModstamp"].as_str().expect("a bookmark");
        let reached = leads.iter().filter(|l| l["SystemModstamp"].as_str().expect("a time")[..19] < mark[..19]).count();
        let stored: usize = tap.query("SELECT count(*) AS n FROM record_people").lines().nth(1).expect("a row").parse().expect("a number");
        assert!(stored >= reached, "the state is at {mark}, which is {reached} leads, but the record has {stored}");
    }
    assert!(cut > 5, "only {cut} runs were killed in the middle, {done} had ended");
    tap.ok();
    assert_eq!(tap.query("SELECT count(*) AS n FROM record_people"), "n\n38\n");
    let left: Vec<String> = std::fs::read_dir(tap.file("")).expect("the folder").map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(left.iter().filter(|n| n.starts_with("rows-") || *n == "run").count(), 1, "what was left behind is swept away: {left:?}");
}

#[test]
fn a_command_that_prints_messages_is_enough() {
    let home = Home::new(None);
    let row = |id: &str| format!("{{\"type\":\"RECORD\",\"stream\":\"accounts\",\"record\":{{\"account_id\":\"{id}\",\"name\":\"N {id}\"}}}}\n");
    let schema = "{\"type\":\"SCHEMA\",\"stream\":\"accounts\",\"schema\":{\"properties\":{\"domain\":{}}},\"key_properties\":[\"account_id\"]}\n";
    let file = home.file("messages.jsonl", &[schema, "hello\n", &row("A1"), &row("A2"), &row("A1")].concat());
    let command = format!("cat '{}'", file.display());
    let import = |command: &str| home.run(&["import", "--tap", command, "--name", "shop"]);
    let r = import(&command);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
    assert!(r.out.contains("shop: accounts: 3 rows read, 1 of them sent again and kept once"), "{}", r.out);
    assert!(r.out.contains("1 lines on standard output are no messages"), "{}", r.out);
    // It ends badly, in each of the ways it can.
    let fail = home.file("fail.sh", &format!("cat '{}'\necho 'token expired' >&2\nexit 3\n", file.display()));
    let cut = home.file("cut.jsonl", &format!("{}{{\"type\":\"RECORD\",\"stream\":\"acc", row("A3")));
    for (command, reason) in [
        (format!("sh '{}'", fail.display()), "token expired"),
        (format!("cat '{}'", cut.display()), "output of shop:2: the message is cut off"),
        ("echo hello".to_owned(), "printed no message of Singer or Airbyte"),
        ("no-such-tap --config x".to_owned(), "there is no program no-such-tap"),
        ("cat a | tee b".to_owned(), "| means something to a shell, and there is none here"),
    ] {
        let r = import(&command);
        assert_eq!(r.code, 2, "{command}\n{}", r.out);
        assert!(r.err.contains(reason), "{command}\n{}", r.err);
    }
    assert_eq!(home.ok(&["query", "SELECT count(*) AS n FROM record_accounts", "--format", "csv"]).trim(), "n\n2");
    assert_eq!(home.ok(&["log"]).lines().count(), 2);
    // A file and a tap at once, or neither, is a slip.
    assert_eq!(home.run(&["import", "x.csv", "--tap", "y"]).code, 2);
    assert_eq!(home.run(&["import"]).code, 2);
}

#[test]
fn what_dlt_loads_comes_in_as_parquet_and_as_a_delta_table() {
    let Some(bin) = venv("dlt", &["dlt[filesystem,parquet,deltalake]==1.31.0"]) else { return };
    let contact = |id: u32, stage: &str| {
        json!({"id": id.to_string(), "properties": {"email": format!("c{id}@x.example"), "lifecyclestage": stage},
            "createdAt": "2026-01-05T10:00:00.000Z", "updatedAt": "2026-01-05T10:00:00.000Z", "archived": false})
    };
    let data = |contacts: Vec<Value>| json!({"salesforce": {}, "hubspot": {"contacts": contacts}});
    let stand_in = StandIn::start(&data(vec![contact(1, "lead"), contact(2, "customer"), contact(3, "lead")]));
    for form in ["parquet", "delta"] {
        stand_in.set(&data(vec![contact(1, "lead"), contact(2, "customer"), contact(3, "lead")]));
        let home = Home::new(None);
        let lake = home.dir.path().join("lake");
        std::fs::create_dir_all(&lake).expect("a folder");
        let load = || {
            let out = std::process::Command::new(bin.join("python"))
                .arg(script("load.py"))
                .arg(&lake)
                .arg(form)
                .env("STAND_IN", &stand_in.url)
                .env("RUNTIME__DLTHUB_TELEMETRY", "false")
                .output()
                .expect("the pipeline runs");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        };
        let pack = pack(
            &home,
            "loaded",
            &["\n[[file]]\ntable = \"contact\"\nnames = [\"contacts\"]\ncolumns = [\"id\", \"properties__email\", \"created_at\", \"properties__lifecyclestage\"]\n"],
            &[(
                "people",
                "SELECT id AS person_id, properties__email AS email, messy_timestamp(created_at) AS created_at, \
                 properties__lifecyclestage AS stage, _file, _line FROM contact",
            )],
        );
        let crm = lake.join("crm").display().to_string();
        let stages = || home.ok(&["query", "SELECT person_id, attr(attributes, 'stage') AS stage FROM record_people ORDER BY 1", "--format", "csv"]);
        load();
        home.ok(&["import", &crm, "--pack", &pack]);
        assert_eq!(stages(), "person_id,stage\n1,lead\n2,customer\n3,lead\n", "{form}");
        // Without a word about packs it is HubSpot.
        let other = Home::new(None);
        let out = other.ok(&["import", &crm]);
        assert!(out.contains("read with the pack hubspot ("), "{form}: {out}");
        assert_eq!(other.ok(&["query", "SELECT person_id, email FROM record_people ORDER BY 1", "--format", "csv"]).lines().nth(3), Some("3,c3@x.example"));
        stand_in.set(&data(vec![contact(1, "opportunity"), contact(2, "customer"), contact(3, "lead")]));
        load();
        let out = home.ok(&["import", &crm, "--pack", &pack]);
        assert!(out.lines().any(|l| l.starts_with("people") && l.split_whitespace().collect::<Vec<_>>()[3] == "1"), "one changed, as {form}: {out}");
        assert_eq!(stages(), "person_id,stage\n1,opportunity\n2,customer\n3,lead\n", "{form}");
    }
}

