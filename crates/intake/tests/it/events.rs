//! Bodies as SDKs and other systems post them.

use std::collections::{BTreeMap, BTreeSet};
use treaty_app::raw::RawTable;
use treaty_intake::events::rows::{Cells, Gathered, Stored};
use treaty_intake::events::{Message, Received, parse};

const AT: i64 = 1_772_357_400_000_000; // 2026-03-01T09:30:00Z

fn received(call: &str, headers: &[(&str, &str)], body: &str) -> Received {
    let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Received { at: AT, call: call.to_owned(), headers, body: body.as_bytes().to_vec() }
}

fn messages(call: &str, body: &str) -> Vec<Message> {
    parse(&received(call, &[], body)).expect("messages")
}

fn faults(call: &str, body: &str) -> Vec<String> {
    parse(&received(call, &[], body)).expect_err("faults")
}

fn only(call: &str, body: &str) -> (String, Cells) {
    let all = messages(call, body);
    assert_eq!((all.len(), all[0].rows.len()), (1, 1), "{all:?}");
    (all[0].rows[0].table.to_owned(), all[0].rows[0].cells.clone())
}

fn cell<'a>(cells: &'a Cells, name: &str) -> &'a str {
    cells.get(name).map_or("", String::as_str)
}

#[test]
fn a_track_call_is_a_touchpoint_with_its_campaign() {
    let (table, cells) = only(
        "track",
        r#"{"type":"track","messageId":"m1","userId":"u1","event":"Form Submitted","timestamp":"2026-03-01T09:00:00.000Z","sentAt":"2026-03-01T09:30:00.500Z",
           "properties":{"offer":"trial","kind":"demo","nested":{"x":1},"price":12.5},
           "context":{"campaign":{"name":"spring","source":"google","medium":"CPC","term":"crm"},"page":{"url":"https://acme.com/try","path":"/try","referrer":"https://www.google.de/"}}}"#,
    );
    assert_eq!(table, "touchpoints");
    for (name, want) in [
        ("touchpoint_id", "event:m1"), ("person_id", "u1"), ("occurred_at", "2026-03-01T09:00:00Z"), ("kind", "Form Submitted"), ("channel", "cpc"),
        ("campaign_id", "spring"), ("content_id", "/try"), ("responded", "true"), ("offer", "trial"), ("property_kind", "demo"), ("price", "12.5"),
        ("utm_source", "google"), ("utm_term", "crm"), ("referrer", "https://www.google.de/"), ("nested", ""),
    ] {
        assert_eq!(cell(&cells, name), want, "{name}");
    }
}

#[test]
fn a_page_is_answered_to_only_if_a_campaign_led_there() {
    let page = |context: &str| only("", &format!(r#"{{"type":"page","messageId":"m","anonymousId":"a","name":"Home","context":{context}}}"#)).1;
    let plain = page(r#"{"page":{"url":"https://acme.com/","path":"/","referrer":"https://blog.beta.com/x"}}"#);
    assert_eq!((cell(&plain, "responded"), cell(&plain, "channel"), cell(&plain, "page_name")), ("false", "referral", "Home"));
    assert_eq!(cell(&page(r#"{"page":{"url":"https://acme.com/"}}"#), "channel"), "direct");
    assert_eq!(cell(&page(r#"{"page":{"url":"https://acme.com/a","referrer":"https://www.acme.com/"}}"#), "channel"), "", "a click within the site");
    assert_eq!(cell(&page(r#"{"page":{"url":"https://acme.com/a","referrer":"https://www.bing.com/"}}"#), "channel"), "organic search");
    assert_eq!(cell(&page(r#"{"campaign":{"name":"c","medium":"email"}}"#), "responded"), "true");
    assert_eq!(cell(&only("screen", r#"{"messageId":"m","userId":"u"}"#).1, "kind"), "screen");
}

#[test]
fn what_sales_did_is_an_activity() {
    let (table, cells) = only("track", r#"{"messageId":"m","userId":"u1","event":"Call Logged","properties":{"activity":"Call","user_id":"tom","direction":"outbound","outcome":"connected","minutes":5}}"#);
    assert_eq!(table, "activities");
    for (name, want) in [("activity_id", "event:m"), ("kind", "call"), ("user_id", "tom"), ("outcome", "connected"), ("minutes", "5"), ("event", "Call Logged")] {
        assert_eq!(cell(&cells, name), want, "{name}");
    }
}

#[test]
fn identify_group_and_alias_say_who_it_is() {
    let all = messages(
        "identify",
        r#"{"messageId":"m","userId":"u1","anonymousId":"a1","timestamp":"2026-03-01T09:29:00Z","traits":{"email":"ann@acme.com","firstName":"Ann","lastName":"Lee","jobTitle":"CTO",
           "company":{"name":"Acme"},"address":{"country":"US"},"plan":"pro","salesforce_id":"0031","createdAt":"2026-01-01T00:00:00Z"},"context":{"campaign":{"source":"newsletter"}}}"#,
    );
    let (person, merge) = (&all[0].rows[0], &all[0].rows[1]);
    for (name, want) in [
        ("person_id", "u1"), ("email", "ann@acme.com"), ("name", "Ann Lee"), ("title", "CTO"), ("country", "US"), ("company", "Acme"), ("plan", "pro"),
        ("salesforce_id", "0031"), ("created_at", "2026-01-01T00:00:00Z"), ("lead_source", "newsletter"),
    ] {
        assert_eq!(cell(&person.cells, name), want, "{name}");
    }
    assert_eq!((merge.table, cell(&merge.cells, "from_id"), cell(&merge.cells, "into_id")), ("merges", "a1", "u1"));
    let group = messages("group", r#"{"messageId":"m","userId":"u1","groupId":"g1","traits":{"name":"Acme","website":"https://acme.com","employees":250}}"#);
    let tables: Vec<_> = group[0].rows.iter().map(|r| (r.table, cell(&r.cells, "account_id"))).collect();
    assert_eq!(tables, [("accounts", "g1"), ("people", "g1")]);
    assert_eq!(cell(&group[0].rows[0].cells, "domain"), "https://acme.com");
    let (table, cells) = only("alias", r#"{"messageId":"m","previousId":"old","userId":"u1"}"#);
    assert_eq!((table.as_str(), cell(&cells, "from_id"), cell(&cells, "reason")), ("merges", "old", "alias"));
    let nobody = messages("identify", r#"{"messageId":"m","anonymousId":"a1","traits":{"plan":"free"}}"#);
    assert!(nobody[0].rows.is_empty() && nobody[0].passed_over.is_some());
    let known_by_mail = messages("identify", r#"{"messageId":"m","anonymousId":"a1","traits":{"email":"ann@acme.com"}}"#);
    assert_eq!(cell(&known_by_mail[0].rows[0].cells, "person_id"), "a1");
}

#[test]
fn a_batch_shares_its_context_and_all_of_its_faults_are_told() {
    let all = messages(
        "v1/batch",
        r#"{"sentAt":"2026-03-01T10:30:00Z","context":{"campaign":{"name":"c"}},"batch":[
            {"type":"track","messageId":"m1","userId":"u1","event":"A","timestamp":"2026-03-01T10:00:00Z"},
            {"type":"page","messageId":"m2","userId":"u1","context":{}}]}"#,
    );
    assert_eq!(cell(&all[0].rows[0].cells, "campaign_id"), "c");
    assert_eq!(cell(&all[0].rows[0].cells, "occurred_at"), "2026-03-01T09:00:00Z", "the sender's clock is an hour ahead");
    assert_eq!(cell(&all[1].rows[0].cells, "campaign_id"), "");
    assert_eq!(cell(&all[1].rows[0].cells, "occurred_at"), "2026-03-01T09:30:00Z");
    let bad = faults("batch", r#"{"batch":[{"type":"track","userId":"u"},{"type":"purchase"},{"type":"page"},5,{"type":"alias","userId":"u"},{"type":"track","userId":"u","event":"A","timestamp":"soon"}]}"#);
    assert_eq!(bad.len(), 6, "{bad:?}");
    assert!(bad[0].contains("batch[0]: track without `event`") && bad[1].contains("purchase") && bad[5].contains("soon"), "{bad:?}");
    assert!(faults("batch", "{}")[0].contains("`batch` is missing"));
    assert!(faults("purchase", "{}")[0].contains("none of"));
    assert!(faults("track", "[1]")[0].contains("no JSON object"));
    assert!(faults("", "not json")[0].contains("no JSON"));
}

#[test]
fn a_clock_that_is_off_is_corrected_and_the_time_on_the_way_is_not() {
    let at = |timestamp: &str, sent: &str| cell(&only("track", &format!(r#"{{"messageId":"m","userId":"u","event":"A","timestamp":"{timestamp}"{sent}}}"#)).1, "occurred_at").to_owned();
    assert_eq!(at("2026-03-01T09:29:58Z", ""), "2026-03-01T09:29:58Z");
    assert_eq!(at("2026-03-01T09:29:50Z", r#","sentAt":"2026-03-01T09:29:57Z""#), "2026-03-01T09:29:50Z");
    assert_eq!(at("2026-03-01T08:00:00Z", r#","sentAt":"2026-03-01T08:10:00Z""#), "2026-03-01T09:20:00Z", "an hour and twenty minutes behind");
    assert_eq!(at("2026-03-02T08:00:00Z", r#","sentAt":"2026-03-02T09:30:00Z""#), "2026-03-01T08:00:00Z", "a day ahead");
    assert_eq!(at("2026-03-05T08:00:00Z", ""), "2026-03-01T09:30:00Z", "nothing happens later than it is received");
}

#[test]
fn cloud_events_come_structured_in_batches_and_in_headers() {
    let structured = r#"{"specversion":"1.0","id":"7","source":"/shop","type":"com.acme.activity.v1","subject":"u1","time":"2026-03-01T09:00:00Z","data":{"kind":"call","userId":"tom","Minutes":4}}"#;
    let (table, cells) = only("", structured);
    assert_eq!(table, "activities");
    for (name, want) in [("activity_id", "event:/shop#7"), ("person_id", "u1"), ("kind", "call"), ("user_id", "tom"), ("minutes", "4"), ("occurred_at", "2026-03-01T09:00:00Z")] {
        assert_eq!(cell(&cells, name), want, "{name}");
    }
    let batch = format!("[{structured},{}]", structured.replace("activity.v1", "webinar.attended").replace("\"7\"", "\"8\""));
    let all = parse(&received("", &[("content-type", "application/cloudevents-batch+json; charset=utf-8")], &batch)).expect("messages");
    assert_eq!((all.len(), all[1].rows[0].table, cell(&all[1].rows[0].cells, "kind")), (2, "touchpoints", "call"));
    let binary = received(
        "",
        &[("content-type", "application/json"), ("ce-specversion", "1.0"), ("ce-id", "9"), ("ce-source", "/crm%20x"), ("ce-type", "acme.person"), ("ce-subject", "u9"), ("ce-time", "2026-02-01T00:00:00Z")],
        r#"{"email":"eve@beta.com","Name":"Eve"}"#,
    );
    let all = parse(&binary).expect("messages");
    assert_eq!(all[0].id, "event:/crm x#9");
    let cells = &all[0].rows[0].cells;
    assert_eq!((cell(cells, "person_id"), cell(cells, "name"), cell(cells, "created_at")), ("u9", "Eve", "2026-02-01T00:00:00Z"));
    let account = only("", r#"{"specversion":"1.0","id":"1","source":"s","type":"x.account","data":{"account_id":"A","name":"Acme"}}"#);
    assert_eq!((account.0.as_str(), cell(&account.1, "account_id")), ("accounts", "A"));
    let shaped = only("", r#"{"specversion":"1.0","id":"1","source":"s","type":"segment","time":"2026-03-01T09:00:00Z","data":{"type":"track","userId":"u","event":"A"}}"#);
    assert_eq!((cell(&shaped.1, "touchpoint_id"), cell(&shaped.1, "occurred_at")), ("event:s#1", "2026-03-01T09:00:00Z"));
    for (body, want) in [
        (r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#, "not 1.0"),
        (r#"{"specversion":"1.0","source":"s","type":"t"}"#, "`id` is missing"),
        (r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":{}}"#, "nobody is named"),
        (r#"{"specversion":"1.0","id":"1","source":"s","type":"person","data":{}}"#, "no `person_id`"),
        (r#"{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"u","data_base64":"AAAA"}"#, "data_base64"),
        (r#"{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"u","time":"x"}"#, "`time` is no instant"),
    ] {
        assert!(faults("", body)[0].contains(want), "{body}: {:?}", faults("", body));
    }
}

/// Rows of a table as cells by name.
fn rows(tables: &[RawTable], name: &str) -> Vec<BTreeMap<String, String>> {
    let chunks = tables.iter().filter(|t| t.name == name).flat_map(|t| &t.chunks);
    chunks
        .flat_map(|c| (0..c.lines.len()).map(|i| c.columns.iter().filter_map(|col| Some((col.name.clone(), col.get(i)?.to_owned()))).collect()))
        .collect()
}

fn gather(bodies: &[&str]) -> Gathered {
    let (mut out, mut seen) = (Gathered::default(), BTreeSet::new());
    bodies.iter().flat_map(|b| messages("", b)).for_each(|m| out.add(m, &mut seen));
    out
}

#[test]
fn a_repeated_message_counts_once() {
    let body = r#"{"type":"track","messageId":"m1","userId":"u1","event":"A"}"#;
    let without_id = r#"{"type":"track","userId":"u1","event":"A","sentAt":"2026-03-01T09:29:59Z"}"#;
    let all = gather(&[body, body, without_id, &without_id.replace("59Z", "58Z"), r#"{"type":"identify","anonymousId":"a","messageId":"m2"}"#]);
    assert_eq!((all.messages.len(), all.repeated), (3, 2));
    assert_eq!(all.passed_over.values().sum::<u64>(), 1);
    assert_eq!(rows(&all.tables(&Stored::new()), "touchpoints").len(), 2);
}

#[test]
fn what_several_messages_say_about_a_person_is_one_row() {
    let all = gather(&[
        r#"{"type":"identify","messageId":"2","userId":"u1","timestamp":"2026-02-02T00:00:00Z","traits":{"title":"CTO","email":"new@acme.com"}}"#,
        r#"{"type":"identify","messageId":"1","userId":"u1","timestamp":"2026-02-01T00:00:00Z","traits":{"name":"Ann Lee","email":"old@acme.com"}}"#,
        r#"{"type":"group","messageId":"3","userId":"u1","groupId":"g1","timestamp":"2026-02-03T00:00:00Z"}"#,
    ]);
    let people = rows(&all.tables(&Stored::new()), "people");
    assert_eq!(people.len(), 1);
    let want = [("account_id", "g1"), ("created_at", "2026-02-01T00:00:00Z"), ("email", "new@acme.com"), ("name", "Ann Lee"), ("person_id", "u1"), ("title", "CTO"), ("via", "events")];
    assert_eq!(people[0], want.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    // Once more, on top of what is stored: nothing changes.
    let key = ("people", "u1".to_owned());
    let stored: Stored = [(key.clone(), people[0].clone())].into();
    assert_eq!(rows(&all.tables(&stored), "people"), people);
    // A person of the CRM keeps what the CRM says.
    let crm: Cells = [("person_id", "u1"), ("email", "ann@crm.com"), ("created_at", "2025-01-01T00:00:00Z")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let filled = rows(&all.tables(&[(key, crm)].into()), "people");
    assert_eq!((cell(&filled[0], "email"), cell(&filled[0], "created_at"), cell(&filled[0], "title"), cell(&filled[0], "via")), ("ann@crm.com", "2025-01-01T00:00:00Z", "CTO", ""));
}
