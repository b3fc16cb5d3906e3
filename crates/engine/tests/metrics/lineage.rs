//! What the facts rest on, found out by taking columns of the record away: the list must know every change.

use super::company::{company_of, csv};
use std::collections::{BTreeMap, BTreeSet};
use treaty_app::layout;
use treaty_engine::case::Case;
use treaty_engine::facts;
use treaty_engine::trust::lineage::needs;

/// A company in which every column that facts read has something to say.
const COMPANY: &[(&str, &[&str])] = &[
    (
        "accounts",
        &[
            "account_id,name,territory,segment,industry,employees,country",
            "acme,Acme,West,enterprise,steel,500,US",
            "bolt,Bolt,East,small,paper,20,DE",
        ],
    ),
    (
        "people",
        &[
            "person_id,account_id,created_at,lead_source,campaign_id,owner_id,title,persona,country,email",
            "ada,acme,2025-01-06T09:00:00Z,Webinar,c1,rep,VP,buyer,US,ada@acme.example",
            "bo,acme,2025-01-07T09:00:00Z,Search,c2,rep,Analyst,user,US,bo@acme.example",
            "cy,bolt,2025-01-08T09:00:00Z,Search,c2,ben,Director,buyer,DE,cy@bolt.example",
            "di,bolt,2025-01-09T09:00:00Z,List,c3,ben,VP,buyer,DE,di@bolt.example",
        ],
    ),
    (
        "opportunities",
        &[
            "opportunity_id,account_id,name,kind,product_line,territory,owner_id,created_at,amount,currency,campaign_id,lead_source,loss_reason",
            "o1,acme,One,new_business,basic,North,rep,2025-02-03T09:00:00Z,1200.50,EUR,c1,Event,",
            "o2,bolt,Two,renewal,extra,,ben,2025-02-04T09:00:00Z,700,USD,c2,List,price",
            "o3,bolt,Three,new_business,extra,,ben,2025-02-05T09:00:00Z,300,USD,c3,List,",
            "o4,acme,Four,new_business,basic,,rep,2025-02-06T09:00:00Z,90,USD,,,",
        ],
    ),
    ("opportunity_contacts", &["opportunity_id,person_id,role,is_primary", "o1,ada,buyer,true", "o1,bo,user,false", "o2,cy,buyer,true", "o3,di,buyer,true"]),
    (
        "stage_changes",
        &[
            "subject_type,subject_id,changed_at,stage,reason",
            "person,ada,2025-01-08T09:00:00Z,mql,",
            "person,bo,2025-01-20T09:00:00Z,mql,",
            "person,cy,2025-01-09T09:00:00Z,mql,",
            "person,bo,2025-03-20T09:00:00Z,disqualified,duplicate",
            "opportunity,o1,2025-02-10T09:00:00Z,demo,override by Rita",
            "opportunity,o1,2025-03-03T09:00:00Z,won,",
            "opportunity,o2,2025-02-11T09:00:00Z,demo,",
            "opportunity,o2,2025-03-04T09:00:00Z,lost,",
            "opportunity,o3,2025-02-12T09:00:00Z,demo,",
            "opportunity,o3,2025-03-05T09:00:00Z,won,",
        ],
    ),
    (
        "field_changes",
        &[
            "subject_type,subject_id,changed_at,field,old_value,new_value",
            "person,ada,2025-01-09T14:00:00Z,owner_id,ben,rep",
            "opportunity,o3,2025-02-20T09:00:00Z,amount,250,300",
            "opportunity,o3,2025-02-21T09:00:00Z,owner_id,rep,ben",
        ],
    ),
    (
        "touchpoints",
        &[
            "touchpoint_id,person_id,occurred_at,channel,campaign_id,responded",
            "t1,ada,2025-01-06T09:00:00Z,event,c1,true",
            "t2,bo,2025-01-07T09:00:00Z,direct,c2,true",
            "t3,cy,2025-01-08T09:00:00Z,search,c2,false",
            "t4,di,2025-01-09T09:00:00Z,mail,c3,true",
        ],
    ),
    (
        "activities",
        &[
            "activity_id,person_id,opportunity_id,occurred_at,user_id,kind,direction,automated",
            "a1,ada,,2025-01-09T15:30:00Z,rep,call,outbound,false",
            "a2,bo,,2025-01-10T15:30:00Z,rep,email,outbound,true",
            "a3,cy,,2025-01-09T16:30:00Z,ben,call,inbound,false",
            "a4,,o3,2025-02-20T16:30:00Z,ben,call,outbound,false",
        ],
    ),
    (
        "handoffs",
        &[
            "handoff_id,person_id,passed_at,assigned_to,decision,decided_at,reason,value,currency",
            "h1,ada,2025-01-09T15:00:00Z,rep,accepted,2025-01-09T16:00:00Z,,900,EUR",
            "h2,bo,2025-01-09T15:00:00Z,rep,pending,,,,",
            "h3,cy,2025-01-10T22:00:00Z,ben,rejected,2025-01-11T16:00:00Z,not a fit,,",
        ],
    ),
    ("campaigns", &["campaign_id,name,channel,origin,intent", "c1,Webinar,event,partner,acquire", "c2,Search,search,traditional,acquire", "c3,News,mail,house,nurture"]),
    ("users", &["user_id,name,team,territory", "rep,Rita,west,West", "ben,Ben,east,East"]),
    ("spend", &["campaign_id,channel,spent_on,amount,currency,impressions,clicks", "c1,event,2025-01-02,300.25,EUR,100,10"]),
    ("purchases", &["account_id,purchased_at,product_line,amount,currency,kind", "acme,2019-01-02T00:00:00Z,basic,50,EUR,order", "bolt,2024-12-02T00:00:00Z,basic,0,USD,order"]),
    ("fx_rates", &["currency,on,rate", "EUR,2019-01-02,1.2", "EUR,2025-01-02,1.1", "EUR,2025-01-09,1.1", "EUR,2025-02-28,1.2", "EUR,2025-06-29,1.3"]),
];

/// Every fact: how many rows, and the sorted cells of every column.
async fn shown(case: &Case) -> BTreeMap<&'static str, (usize, BTreeMap<String, Vec<String>>)> {
    let cx = case.facts.session(1).await.expect("a session");
    let mut out = BTreeMap::new();
    for (fact, schema) in facts::schemas() {
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let list: Vec<String> = names.iter().map(|n| format!("CAST(\"{n}\" AS VARCHAR)")).collect();
        let batches = cx.sql(&format!("SELECT {} FROM {fact}", list.join(", "))).await.expect(fact).collect().await.expect(fact);
        let (_, rows) = treaty_engine::export::rows(&batches).expect(fact);
        let column = |i: usize| {
            let mut cells: Vec<String> = rows.iter().map(|r| r[i].clone().unwrap_or_default()).collect();
            cells.sort();
            cells
        };
        out.insert(fact, (rows.len(), names.into_iter().enumerate().map(|(i, n)| (n, column(i))).collect()));
    }
    out
}

/// A company without a column, or without a table.
async fn without(table: &str, column: Option<&str>) -> BTreeMap<&'static str, (usize, BTreeMap<String, Vec<String>>)> {
    let home = tempfile::tempdir().expect("home");
    let source = COMPANY
        .iter()
        .filter(|(t, _)| *t != table || column.is_some())
        .map(|(t, lines)| {
            let at = lines[0].split(',').position(|c| *t == table && Some(c) == column);
            let blank = |line: &&str| -> String {
                let cells = line.split(',').enumerate().map(|(i, c)| if Some(i) == at { "" } else { c });
                cells.collect::<Vec<_>>().join(",")
            };
            let rows: Vec<String> = std::iter::once(lines[0].to_owned()).chain(lines[1..].iter().map(blank)).collect();
            csv(t, &rows.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    shown(&company_of(home.path(), source).await).await
}

#[tokio::test]
async fn the_list_knows_what_every_column_of_the_record_does_to_the_facts() {
    let whole = without("", None).await;
    let (mut unknown, mut seen) = (BTreeSet::new(), 0);
    for (name, lines) in COMPANY {
        let table = layout::table(name).expect(name);
        let optional = lines[0].split(',').filter(|c| !table.column(c).is_some_and(|c| c.required) && !table.key.contains(c));
        for column in optional {
            let less = without(name, Some(column)).await;
            for (fact, (rows, columns)) in &whole {
                let (rows_less, columns_less) = &less[fact];
                let knows = |of: &str| needs(fact, of).is_some_and(|n| n.iter().any(|n| n.table == *name && n.column == column));
                if rows != rows_less {
                    seen += 1;
                    if !knows("*") {
                        unknown.insert(format!("{fact}: rows rest on {name}.{column}"));
                    }
                    continue;
                }
                for (of, cells) in columns {
                    if columns_less[of] != *cells {
                        seen += 1;
                        if !knows(of) {
                            unknown.insert(format!("{fact}.{of} rests on {name}.{column}"));
                        }
                    }
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(seen > 100, "the company says too little: {seen} changes");
}
