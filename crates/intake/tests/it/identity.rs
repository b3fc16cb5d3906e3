//! Who is who, on small records with a reason each.

use proptest::prelude::*;
use treaty_app::identity::{Accounts, Link, People, Snapshot};
use treaty_intake::identity::{Outcome, Settings, decide, resolve, review};

/// `id|account|email|name|phone|country|attributes|created`
fn people(rows: &[&str]) -> People {
    let mut out = People::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let cell = |i: usize| cells.get(i).copied().filter(|c| !c.is_empty());
        for (column, i) in [
            (&mut out.id, 0),
            (&mut out.account, 1),
            (&mut out.email, 2),
            (&mut out.name, 3),
            (&mut out.phone, 4),
            (&mut out.country, 5),
            (&mut out.attributes, 6),
        ] {
            column.push(cell(i));
        }
        out.created_at.push(cell(7).and_then(|c| c.parse().ok()).unwrap_or(0));
    }
    out
}

/// `id|name|domain|parent|created`
fn accounts(rows: &[&str]) -> Accounts {
    let mut out = Accounts::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let cell = |i: usize| cells.get(i).copied().filter(|c| !c.is_empty());
        for (column, i) in [(&mut out.id, 0), (&mut out.name, 1), (&mut out.domain, 2), (&mut out.parent, 3)] {
            column.push(cell(i));
        }
        out.created_at.push(cell(4).and_then(|c| c.parse().ok()).unwrap_or(0));
    }
    out
}

fn snapshot(rows: &[&str]) -> Snapshot {
    Snapshot { people: people(rows), ..Snapshot::default() }
}

fn run(snapshot: &Snapshot) -> Outcome {
    resolve(snapshot, &Settings::default())
}

/// Links of a kind as `from>into`.
fn of(outcome: &Outcome, kind: &str) -> Vec<String> {
    outcome.links.iter().filter(|l| l.kind == kind).map(|l| format!("{}>{}", l.from, l.into)).collect()
}

fn merges(rows: &[&str]) -> Vec<String> {
    of(&run(&snapshot(rows)), "person")
}

/// The record after links were imported: a row replaces that of the same key.
fn after(mut s: Snapshot, links: &[Link]) -> Snapshot {
    for link in links {
        s.links.retain(|l| (&l.kind, &l.from) != (&link.kind, &link.from));
        s.links.push(link.clone());
    }
    s
}

fn merge_of(from: &str, into: &str) -> Link {
    Link { kind: "person".into(), from: from.into(), into: into.into(), at: 1, by: String::new(), why: String::new() }
}

#[test]
fn the_same_email_twice_is_one_person_and_the_older_stays() {
    assert_eq!(
        merges(&["crm:1||Ann.Lee@Acme.com|Ann Lee||||20", "mkt:9||ann.lee+web@acme.com |||||10", "mkt:8||ann.li@acme.com|||||5"]),
        ["crm:1>mkt:9"]
    );
    assert_eq!(merges(&["a||a.n.n@gmail.com|||||1", "b||ann@googlemail.com|||||1"]), ["b>a"]);
    assert_eq!(merges(&["a||a.nn@acme.com|||||1", "b||ann@acme.com|||||1"]), Vec::<String>::new());
}

#[test]
fn merges_are_dated_to_when_both_were_there() {
    let out = run(&snapshot(&["a||x@acme.com|||||10", "b||x@acme.com|||||30", "c||x@acme.com|||||20"]));
    let dated: Vec<_> = out.links.iter().filter(|l| l.kind == "person").map(|l| (l.from.as_str(), l.into.as_str(), l.at)).collect();
    assert_eq!(dated, [("b", "a", 30), ("c", "a", 20)]);
    assert!(out.links[0].why.contains("x@acme.com") || out.links[1].why.contains("x@acme.com"));
}

#[test]
fn mailboxes_of_offices_and_machines_never_join() {
    for local in ["info", "no-reply", "noreply+5", "sales", "mailer-daemon", "bounces"] {
        let (a, b) = (format!("a||{local}@acme.com|Ann Lee"), format!("b||{local}@acme.com|Ann Lee"));
        assert_eq!(merges(&[&a, &b]), Vec::<String>::new(), "{local}");
    }
}

#[test]
fn a_shared_mailbox_is_set_aside() {
    let out = run(&snapshot(&["a||family@web.de|Ann Lee", "b||family@web.de|Tom Wood", "c||family@web.de|A. Lee"]));
    assert_eq!(of(&out, "person"), Vec::<String>::new());
    assert_eq!(out.aside.len(), 1);
    assert!(out.aside[0].why.contains("shared mailbox"), "{}", out.aside[0].why);
}

#[test]
fn a_shared_phone_never_joins_people_with_different_names() {
    assert_eq!(merges(&["a|||Ann Lee|(415) 555-2671|US", "b|||Tom Wood|+1 415 555 2671|"]), Vec::<String>::new());
    assert_eq!(merges(&["a|||Ann Lee|(415) 555-2671|US", "b|||LEE, Ann|+1 415 555 2671|"]), ["b>a"]);
    assert_eq!(merges(&["a|||Ann|(415) 555-2671|US", "b|||Ann|+1 415 555 2671|"]), Vec::<String>::new(), "a first name is no name");
    assert_eq!(merges(&["a|||Ann Lee|030 901820|DE", "b|||Ann Lee|030 901820|AT"]), Vec::<String>::new(), "another country, another number");
    assert_eq!(merges(&["a|||Ann Lee|030 901820|", "b|||Ann Lee|030 901820|"]), Vec::<String>::new(), "without a country it is no number");
}

#[test]
fn an_id_that_another_system_carries_joins() {
    assert_eq!(
        merges(&[
            r#"0035e00000AbCdEEAV||ann@acme.com|||||1"#,
            r#"mkt:9||ann.private@gmail.com||||{"sfdcContactId":"0035e00000AbCdE"}|5"#,
            r#"mkt:8||||||{"salesforce_id":"NULL"}|6"#,
            r#"mkt:7||||||{"salesforce_id":"null"}|7"#,
        ]),
        ["mkt:9>0035e00000AbCdEEAV"]
    );
    assert_eq!(merges(&[r#"a||||||{"crm_id":"77"}|1"#, r#"b||||||{"CRM ID":"77"}|2"#]), ["b>a"], "an id that is not in the record itself");
}

#[test]
fn a_lead_that_was_converted_to_an_existing_contact_is_one_person_with_it() {
    // The CRM says that lead 00Q1 became contact 0031. The marketing tool knows the lead, another record the contact.
    let mut s = snapshot(&[
        "00Q1||ann@acme.com|Ann Lee||||30",
        "0031|A1|ann@old.com|Ann Lee||||10",
        r#"mkt:9||||||{"crm_lead_id":"00Q1"}|20"#,
        r#"web:5||||||{"crm_contact_id":"0031"}|25"#,
    ]);
    s.links = vec![merge_of("00Q1", "0031")];
    let out = run(&s);
    assert_eq!(of(&out, "person"), ["mkt:9>0031", "web:5>0031"]);
    assert_eq!(out.stands, [1, 1, 1, 1]);
    assert!(out.aside.is_empty(), "{:?}", out.aside);
}

#[test]
fn contradicting_ids_are_set_aside_and_not_merged() {
    let out = run(&snapshot(&[
        r#"a||ann@acme.com||||{"salesforce_id":"0031"}|1"#,
        r#"b||ann@acme.com||||{"salesforce_id":"0032"}|2"#,
        r#"c||ann@acme.com||||||3"#,
    ]));
    assert_eq!(of(&out, "person"), Vec::<String>::new(), "nobody can say where c belongs");
    assert_eq!(out.aside.len(), 1);
    assert!(out.aside[0].why.contains("salesforceid 0031 and 0032"), "{}", out.aside[0].why);
    // Also over a third: a-c by e-mail, b-c by phone, and a and b contradict.
    let out = run(&snapshot(&[
        r#"a||x@acme.com|Ann Lee|||{"crm_id":"1"}|1"#,
        r#"b||y@acme.com|Ann Lee|+14155552671||{"crm_id":"2"}|2"#,
        r#"c||x@acme.com|Ann Lee|+14155552671|||3"#,
    ]));
    assert_eq!(of(&out, "person"), ["c>a"]);
    assert_eq!(out.aside.len(), 1);
    // Two contacts of the CRM that others point to are two people, even if they share an address.
    let out = run(&snapshot(&[
        "0031||ann@acme.com|||||1",
        "0032||ann@acme.com|||||2",
        r#"m1||||||{"salesforce_id":"0031"}|3"#,
        r#"m2||||||{"salesforce_id":"0032"}|4"#,
    ]));
    assert_eq!(of(&out, "person"), ["m1>0031", "m2>0032"]);
    assert_eq!(out.aside.len(), 1);
}

#[test]
fn chained_merges_lead_to_one_survivor() {
    // The source merged a into b; b's e-mail is that of the older c, whose phone is that of d.
    let mut s = snapshot(&[
        "a||||||||30",
        "b||x@acme.com|||||40",
        "c||x@acme.com|Ann Lee|+14155552671|||20",
        "d|||Ann Lee|415 555 2671|US||10",
    ]);
    s.links = vec![merge_of("a", "b")];
    let out = run(&s);
    assert_eq!(of(&out, "person"), ["b>c", "c>d"]);
    assert_eq!(out.stands, [3, 3, 3, 3]);
    let s = after(s, &out.links);
    assert_eq!(run(&s).links, Vec::new(), "a second run finds nothing new");
}

#[test]
fn un_merge_takes_back_for_good() {
    let s = snapshot(&["a||x@gmail.com|||||10", "b||x@gmail.com|||||20", "c||x@gmail.com|||||30"]);
    let s = after(s.clone(), &run(&s).links);
    assert_eq!(s.links.iter().map(|l| format!("{}>{}", l.from, l.into)).collect::<Vec<_>>(), ["b>a", "c>a"]);
    // b leaves a; c, which was named, stays where it is.
    let links = decide::unmerge(&s, "c", "b", 99).expect("links");
    assert_eq!(links.iter().map(|l| l.from.as_str()).collect::<Vec<_>>(), ["[\"b\",\"c\"]", "[\"a\",\"c\"]"]);
    let s = after(s, &links);
    let out = run(&s);
    assert_eq!(out.links, Vec::new(), "it is remembered, whatever the keys say");
    assert_eq!(out.stands, [0, 0, 2]);
    assert!(out.aside.is_empty(), "and not asked again: {:?}", out.aside);
    // Not even if a source says so again.
    let s = after(s, &[merge_of("c", "a")]);
    assert_eq!(run(&s).stands, [0, 0, 2]);
    // Merging by hand lifts the decision.
    let links = decide::merge(&s, "a", "c", 100).expect("links");
    let s = after(s, &links);
    assert_eq!(run(&s).stands, [0, 0, 0]);
    assert_eq!(run(&s).links, Vec::new());
    assert!(decide::merge(&s, "a", "c", 101).expect_err("one already").contains("already"));
    assert!(decide::merge(&s, "a", "z", 101).expect_err("unknown").contains("no person `z`"));
    assert!(decide::unmerge(&s, "a", "a", 101).expect_err("the same").contains("two different"));
}

#[test]
fn a_source_that_merges_the_other_way_round_knows_better() {
    let s = snapshot(&["a||x@gmail.com|||||10", "b||x@gmail.com|||||20"]);
    let s = after(s.clone(), &run(&s).links);
    let s = after(s, &[merge_of("a", "b")]);
    let out = run(&s);
    assert_eq!(of(&out, "person"), ["b>b"], "the row of identity is taken back");
    let s = after(s, &out.links);
    assert_eq!((run(&s).links, run(&s).stands), (Vec::new(), vec![1, 1]));
}

#[test]
fn merging_by_hand_may_contradict_ids_and_lasts() {
    let s = snapshot(&[r#"a||x@acme.com||||{"crm_id":"1"}|1"#, r#"b||x@acme.com||||{"crm_id":"2"}|2"#]);
    let s = after(s.clone(), &decide::merge(&s, "b", "a", 5).expect("links"));
    assert_eq!(run(&s).stands, [0, 0]);
    // A source that overwrites the row with its own merge does not undo the decision.
    let s = after(s, &[merge_of("b", "b")]);
    assert_eq!(of(&run(&s), "person"), ["b>a"]);
}

#[test]
fn a_contact_who_changes_company_stays_one_person_and_keeps_the_companies_apart() {
    let mut s = snapshot(&[
        "crm:1|A1|ann@old.com|Ann Lee|+14155552671|||10",
        "crm:2|A2|ann@new.com|Ann Lee|+14155552671|||50",
    ]);
    s.accounts = accounts(&["A1|Old Corp|old.com", "A2|New Corp|new.com"]);
    let out = run(&s);
    assert_eq!(of(&out, "person"), ["crm:2>crm:1"]);
    assert_eq!(of(&out, "account"), Vec::<String>::new());
    assert_eq!(of(&out, "member"), Vec::<String>::new(), "the survivor has an account of its own");
    // The CRM moves the contact; the marketing tool still has the old address. What was merged stays merged.
    let before = snapshot(&["crm:1||ann@old.com|||||10", "mkt:1||ann@old.com|||||20"]);
    let before = after(before.clone(), &run(&before).links);
    let moved = Snapshot { people: people(&["crm:1||ann@new.com|||||10", "mkt:1||ann@old.com|||||20"]), ..before };
    let out = run(&moved);
    assert_eq!(out.stands, [0, 0]);
    assert_eq!(of(&out, "member"), ["crm:1>new.com"], "the account follows the address");
}

#[test]
fn people_without_an_account_get_that_of_their_domain() {
    let mut s = snapshot(&[
        "p1||ann@mail.acme.co.uk|||||1",
        "p2||tom@beta.de|||||1",
        "p3||joe@gmail.com|||||1",
        "p4||joe@yahoo.co.uk|||||1",
        "p5||x@mailinator.com|||||1",
        "p6||y@acme.com|||||1",
        "p7|A9|z@acme.co.uk|||||1",
        "p8||info@gamma.fr|||||1",
    ]);
    s.accounts = accounts(&["A1|Acme UK|https://www.acme.co.uk/about", "A2|Beta|shop.beta.de", "A3|Gmail|gmail.com"]);
    let out = run(&s);
    assert_eq!(of(&out, "member"), ["p1>A1", "p2>A2", "p6>acme.com", "p8>gamma.fr"], "acme.com is not acme.co.uk");
    let none = resolve(&s, &Settings { accounts_by_domain: false, ..Settings::default() });
    assert_eq!(of(&none, "member"), Vec::<String>::new());
    // An address that becomes a private one takes the account with it.
    let s = after(s, &out.links);
    let s = Snapshot { people: people(&["p6||y@gmail.com|||||1"]), ..s };
    assert_eq!(of(&run(&s), "member"), ["p6>p6"]);
}

#[test]
fn a_merged_id_brings_its_account() {
    let out = run(&snapshot(&["mkt:1||ann@gmail.com|||||1", "crm:1|A1|ann@gmail.com|||||2"]));
    assert_eq!((of(&out, "person"), of(&out, "member")), (vec!["crm:1>mkt:1".to_owned()], vec!["mkt:1>A1".to_owned()]));
}

#[test]
fn accounts_of_one_domain_are_one_if_their_names_agree() {
    let mut s = snapshot(&[]);
    s.accounts = accounts(&[
        "crm:1|Acme Inc.|acme.com||20",
        "mkt:1|ACME|www.acme.com||10",
        "crm:2|Acme Foods|acme.com||30",
        "crm:3|Beta GmbH|beta.de||1",
        "crm:4|Beta|beta.de|crm:3|2",
        "crm:5|Free|gmail.com||1",
        "mkt:5|Free|gmail.com||1",
    ]);
    let out = run(&s);
    assert_eq!(of(&out, "account"), ["crm:1>mkt:1"], "a subsidiary is not its parent, and nobody owns gmail.com");
    assert!(out.aside.iter().any(|a| a.kind == "account" && a.why.contains("Acme Foods")), "{:?}", out.aside);
}

#[test]
fn a_crowd_of_one_domain_is_no_account() {
    let rows: Vec<String> = (0..1_001).map(|i| format!("p{i}||u{i}@provider.example|||||{i}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let out = run(&snapshot(&rows));
    assert!(of(&out, "member").is_empty());
    assert!(out.notes[0].contains("provider.example: 1001 people"), "{:?}", out.notes);
}

#[test]
fn a_person_has_so_many_ids_and_no_more() {
    let rows: Vec<String> = (0..25).map(|i| format!("p{i:02}||x@acme.com|||||{i}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let out = run(&snapshot(&rows));
    assert!(of(&out, "person").is_empty());
    assert!(out.aside[0].why.contains("more than 20"), "{}", out.aside[0].why);
}

#[test]
fn a_suspicion_is_raised_once_and_taken_back_when_its_cause_is_gone() {
    let s = snapshot(&["p1||m@acme.com|Mickey Mouse", "p2||x@mailinator.com|Ann Lee", "p3||ann@acme.com|Ann Lee"]);
    let out = run(&s);
    assert_eq!(of(&out, "quarantine"), ["p1>quarantine", "p2>quarantine"]);
    let s = after(s, &out.links);
    assert_eq!(run(&s).links, Vec::new());
    let mended = Snapshot { people: people(&["p1||m@acme.com|Michael Mouser", "p2||x@mailinator.com|Ann Lee"]), ..s };
    assert_eq!(of(&run(&mended), "quarantine"), ["p1>none"]);
    assert_eq!(decide::open_suspects(&mended.links).len(), 2);
    let cleared = after(mended.clone(), &decide::judge(&mended, "p2", true, 9).expect("links"));
    assert_eq!(decide::open_suspects(&cleared.links).iter().map(|s| s.0).collect::<Vec<_>>(), ["p1"]);
}

#[test]
fn the_review_lists_what_keys_cannot_decide() {
    let s = snapshot(&[
        "a|A1|jonathan.smith@acme.com|Jonathan Smith||||1",
        "b|A1|jonathon.smith@acme.com|Jonathon Smyth||||2",
        "c||ann@acme.com|Ann Lee|+14155552671|||3",
        "d||ann.lee@beta.com|Ann Leigh|(415) 555-2671|US||4",
        "e|A1|tom@acme.com|Tom Wood||||5",
        "f||tom@acme.com|Tom Wood||||6",
    ]);
    let settings = Settings::default();
    let out = run(&s);
    let list = review::review(&s, &out, &settings);
    let pairs: Vec<_> = list.pairs.iter().map(|p| (p.a.as_str(), p.b.as_str())).collect();
    assert_eq!(pairs, [("a", "b")], "c and d share a phone alone, e and f are one by their key: {list:?}");
    assert!(list.pairs.iter().all(|p| p.probability >= 0.80));
    // A decision takes the pair off the list.
    let s = after(s.clone(), &decide::unmerge(&s, "a", "b", 9).expect("links"));
    let out = run(&s);
    assert!(!review::review(&s, &out, &settings).pairs.iter().any(|p| p.a == "a"));
}

fn any_person() -> impl Strategy<Value = String> {
    ("[a-z]{1,2}[0-9]{1,2}", "[abc]", prop::bool::ANY, "[1-3]", prop::bool::ANY, 0..4i64, prop::bool::ANY).prop_map(
        |(id, mail, with_mail, crm, with_crm, created, with_phone)| {
            let mail = if with_mail { format!("{mail}@acme.com") } else { String::new() };
            let crm = if with_crm { format!("{{\"crm_id\":\"{crm}\"}}") } else { String::new() };
            let phone = if with_phone { "+14155552671" } else { "" };
            format!("{id}||{mail}|Ann Lee|{phone}||{crm}|{created}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_order_of_rows_does_not_matter_and_a_second_run_finds_nothing(rows in prop::collection::vec(any_person(), 1..14), by in 0..13usize) {
        let mut rows: Vec<String> = rows;
        rows.sort_by_key(|r| r.split('|').next().map(str::to_owned));
        rows.dedup_by_key(|r| r.split('|').next().map(str::to_owned));
        let lines: Vec<&str> = rows.iter().map(String::as_str).collect();
        let first = run(&snapshot(&lines));
        let mut turned = lines.clone();
        turned.rotate_left(by % lines.len());
        turned.reverse();
        let second = run(&snapshot(&turned));
        prop_assert_eq!(&first.links, &second.links);
        prop_assert_eq!(&first.aside, &second.aside);
        let s = snapshot(&lines);
        let again = after(s.clone(), &first.links);
        prop_assert_eq!(run(&again).links, Vec::<Link>::new());
        // Nobody was merged with somebody who carries another id of the same system.
        for (i, a) in lines.iter().enumerate() {
            for (j, b) in lines.iter().enumerate() {
                let crm = |row: &str| row.split("crm_id\":\"").nth(1).map(|r| r[..1].to_owned());
                if first.stands[i] == first.stands[j] && crm(a).is_some() && crm(b).is_some() {
                    prop_assert_eq!(crm(a), crm(b));
                }
            }
        }
    }
}
