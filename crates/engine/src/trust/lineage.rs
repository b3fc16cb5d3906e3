//! Which columns of the record each column of the facts rests on.
//!
//! The list is checked: `tests/lineage.rs` empties one column of the record after another and looks which facts change; a
//! change that the list does not know is a fault. A metric rests on what its fact's columns rest on, a report on what its
//! metrics rest on, so that nobody has to say by hand what a missing column does.

use crate::metrics::Catalogue;
use std::collections::{BTreeMap, BTreeSet};

/// A column of the record that something rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Need {
    /// Table of the record.
    pub table: &'static str,
    /// Its column.
    pub column: &'static str,
    /// Without it there is another answer, only a coarser one: a default stands in.
    pub helps: bool,
}

/// Fact, columns of it (`*`: its rows as such), columns of the record they rest on. A mark `?` says that a default stands in
/// where the column is missing.
const LINEAGE: &[(&str, &str, &str)] = &[
    ("leads", "*", "people.person_id people.created_at"),
    ("leads", "lead_id person_id created_at created_on", "people.person_id people.created_at"),
    ("leads", "attempt origin", "stage_changes.stage? stage_changes.changed_at?"),
    ("leads", "owner_id", "people.owner_id field_changes.new_value? field_changes.old_value?"),
    ("leads", "account_id", "people.account_id"),
    ("leads", "campaign_id", "people.campaign_id"),
    ("leads", "channel", "people.campaign_id campaigns.channel"),
    ("leads", "campaign_origin", "people.campaign_id campaigns.origin"),
    ("leads", "lead_source", "people.lead_source"),
    ("leads", "title", "people.title"),
    ("leads", "persona", "people.persona"),
    ("leads", "country", "people.country"),
    ("leads", "attributes", ""),
    ("leads", "territory", "people.account_id accounts.territory"),
    ("leads", "segment", "people.account_id accounts.segment"),
    ("leads", "industry", "people.account_id accounts.industry"),
    (
        "leads",
        "status is_open",
        "stage_changes.stage opportunities.created_at opportunity_contacts.person_id opportunity_contacts.is_primary? handoffs.decision?",
    ),
    ("leads", "stage top", "stage_changes.stage stage_changes.changed_at opportunity_contacts.is_primary?"),
    ("leads", "passed passed_at", "handoffs.person_id handoffs.passed_at"),
    ("leads", "decided accepted accepted_at", "handoffs.decision handoffs.decided_at? handoffs.value?"),
    ("leads", "accepted_value", "handoffs.decision handoffs.value handoffs.currency? fx_rates.rate?"),
    ("leads", "converted converted_at opportunity_id opportunities", "opportunities.created_at opportunity_contacts.person_id opportunity_contacts.is_primary?"),
    (
        "leads",
        "reached_pipeline pipeline_at",
        "opportunities.created_at opportunity_contacts.person_id opportunities.amount stage_changes.stage opportunity_contacts.is_primary?",
    ),
    (
        "leads",
        "won won_at days_to_close",
        "opportunities.created_at opportunity_contacts.person_id stage_changes.stage stage_changes.changed_at opportunity_contacts.is_primary?",
    ),
    (
        "leads",
        "won_amount",
        "opportunities.amount opportunity_contacts.person_id stage_changes.stage opportunities.created_at opportunities.currency? opportunity_contacts.is_primary? \
         field_changes.new_value? fx_rates.rate?",
    ),
    ("leads", "ended_at ended_on", "stage_changes.stage stage_changes.changed_at"),
    ("leads", "exempt", "stage_changes.reason"),
    (
        "leads",
        "activities attempts last_activity_at days_since_activity age_bucket",
        "activities.person_id activities.occurred_at activities.kind activities.direction? activities.automated? activities.opportunity_id?",
    ),
    ("leads", "base", "people.account_id purchases.purchased_at purchases.amount? stage_changes.stage?"),
    ("leads", "is_name", "people.campaign_id? campaigns.intent?"),
    ("stage_visits", "*", "stage_changes.stage stage_changes.changed_at people.created_at opportunities.created_at? opportunity_contacts.is_primary?"),
    ("stage_visits", "subject_type subject_id started_at started_on stage rank reached_at reached_on implied", "stage_changes.stage stage_changes.changed_at"),
    ("stage_visits", "account_id", "people.account_id opportunities.account_id"),
    ("stage_visits", "territory", "people.account_id accounts.territory opportunities.account_id? opportunities.territory?"),
    ("stage_visits", "segment", "people.account_id accounts.segment opportunities.account_id?"),
    ("stage_visits", "industry", "people.account_id accounts.industry opportunities.account_id?"),
    ("stage_visits", "lead_source", "people.lead_source opportunities.lead_source?"),
    ("stage_visits", "campaign_id", "people.campaign_id"),
    ("stage_visits", "channel", "people.campaign_id campaigns.channel"),
    ("stage_visits", "campaign_origin", "people.campaign_id campaigns.origin"),
    ("stage_visits", "title", "people.title"),
    ("stage_visits", "persona", "people.persona"),
    ("stage_visits", "attributes", ""),
    ("stage_visits", "kind", "opportunities.kind"),
    ("stage_visits", "product_line", "opportunities.product_line"),
    ("stage_visits", "days_from_previous dwell_days is_current is_won regressions", "stage_changes.stage stage_changes.changed_at"),
    ("stage_visits", "gate leaked", "stage_changes.stage people.title? accounts.employees? opportunities.amount? stage_changes.reason?"),
    ("stage_visits", "overridden", "stage_changes.reason"),
    ("opportunities", "*", "opportunities.opportunity_id opportunities.created_at"),
    ("opportunities", "opportunity_id created_at created_on age_days", "opportunities.opportunity_id opportunities.created_at"),
    ("opportunities", "person_id lead_id contacts", "opportunity_contacts.person_id opportunity_contacts.is_primary? people.account_id? opportunities.account_id?"),
    ("opportunities", "owner_id", "opportunities.owner_id field_changes.new_value? field_changes.old_value?"),
    (
        "opportunities",
        "campaign_id",
        "opportunity_contacts.person_id touchpoints.campaign_id touchpoints.occurred_at people.account_id opportunities.account_id touchpoints.responded? \
         people.campaign_id? opportunities.campaign_id?",
    ),
    (
        "opportunities",
        "source_channel",
        "opportunity_contacts.person_id touchpoints.campaign_id campaigns.channel people.account_id opportunities.account_id touchpoints.responded? opportunities.campaign_id?",
    ),
    (
        "opportunities",
        "source_origin",
        "opportunity_contacts.person_id touchpoints.campaign_id campaigns.origin people.account_id opportunities.account_id touchpoints.responded? opportunities.campaign_id?",
    ),
    ("opportunities", "account_id", "opportunities.account_id"),
    ("opportunities", "name", "opportunities.name"),
    ("opportunities", "kind", "opportunities.kind"),
    ("opportunities", "product_line", "opportunities.product_line"),
    ("opportunities", "loss_reason", "opportunities.loss_reason"),
    ("opportunities", "attributes", ""),
    ("opportunities", "territory", "opportunities.account_id accounts.territory opportunities.territory?"),
    ("opportunities", "segment", "opportunities.account_id accounts.segment"),
    ("opportunities", "industry", "opportunities.account_id accounts.industry"),
    (
        "opportunities",
        "lead_source",
        "people.lead_source opportunity_contacts.person_id opportunity_contacts.is_primary? people.account_id? opportunities.account_id? opportunities.lead_source?",
    ),
    ("opportunities", "status stage top is_open won won_at won_on lost_at closed_on recycled_at lost_days reopened", "stage_changes.stage stage_changes.changed_at"),
    ("opportunities", "amount", "opportunities.amount opportunities.currency? field_changes.new_value? field_changes.old_value? fx_rates.rate?"),
    ("opportunities", "rate_missing", "opportunities.currency? fx_rates.rate?"),
    ("opportunities", "counts", "opportunities.kind?"),
    ("opportunities", "path_touches", "touchpoints.person_id touchpoints.occurred_at people.account_id opportunities.account_id opportunity_contacts.person_id? opportunities.amount?"),
    ("opportunities", "base", "opportunities.account_id purchases.purchased_at purchases.amount? stage_changes.stage?"),
    ("opportunities", "pipeline_at", "stage_changes.stage opportunities.amount"),
    ("handoffs", "*", "handoffs.handoff_id handoffs.person_id handoffs.passed_at people.person_id"),
    ("handoffs", "handoff_id person_id lead_id passed_at passed_on", "handoffs.handoff_id handoffs.person_id handoffs.passed_at"),
    ("handoffs", "assigned_to", "handoffs.assigned_to"),
    ("handoffs", "team", "handoffs.assigned_to users.team"),
    ("handoffs", "decision decided_at", "handoffs.decision handoffs.decided_at?"),
    ("handoffs", "reason", "handoffs.reason"),
    ("handoffs", "value value_missing accepted", "handoffs.decision handoffs.value handoffs.currency? handoffs.decided_at? fx_rates.rate?"),
    ("handoffs", "definition_met invalid_rejection", "handoffs.decision people.title? accounts.employees? stage_changes.stage?"),
    (
        "handoffs",
        "worked_at worked worked_unlogged inbound_first worked_before",
        "activities.person_id activities.occurred_at activities.kind activities.direction? activities.automated? activities.opportunity_id?",
    ),
    ("sla_clocks", "*", "handoffs.handoff_id handoffs.person_id handoffs.passed_at people.person_id"),
    ("sla_clocks", "handoff_id person_id promise started_at started_on", "handoffs.handoff_id handoffs.person_id handoffs.passed_at"),
    ("sla_clocks", "assigned_to", "handoffs.assigned_to"),
    ("sla_clocks", "team", "handoffs.assigned_to users.team"),
    ("sla_clocks", "owner_at_deadline", "people.owner_id handoffs.assigned_to? field_changes.new_value? field_changes.old_value?"),
    ("sla_clocks", "due_at due_on is_due", "handoffs.assigned_to? users.team? users.territory?"),
    (
        "sla_clocks",
        "stopped_at stopped met breached wall_minutes business_minutes",
        "activities.person_id activities.occurred_at activities.kind activities.direction? activities.automated? activities.opportunity_id? \
         handoffs.assigned_to? users.team? users.territory?",
    ),
    ("influences", "*", "touchpoints.person_id touchpoints.occurred_at touchpoints.campaign_id opportunities.created_at people.account_id opportunities.account_id opportunities.kind?"),
    ("influences", "opportunity_id touches created_at created_on", "touchpoints.campaign_id touchpoints.responded? opportunity_contacts.person_id?"),
    ("influences", "campaign_id", "touchpoints.campaign_id"),
    ("influences", "channel", "touchpoints.campaign_id campaigns.channel"),
    ("influences", "owner_id", "opportunities.owner_id field_changes.new_value? field_changes.old_value?"),
    ("influences", "account_id", "opportunities.account_id"),
    ("influences", "amount", "opportunities.amount opportunities.currency? field_changes.new_value? field_changes.old_value? fx_rates.rate?"),
    ("credits", "*", "opportunities.opportunity_id opportunities.amount stage_changes.stage stage_changes.changed_at opportunities.kind?"),
    ("credits", "opportunity_id won_at won_on", "stage_changes.stage stage_changes.changed_at"),
    ("credits", "attributed touchpoint_id touch_person_id", "touchpoints.person_id touchpoints.occurred_at people.account_id opportunities.account_id opportunity_contacts.person_id?"),
    ("credits", "campaign_id", "touchpoints.person_id touchpoints.occurred_at touchpoints.campaign_id people.account_id opportunities.account_id"),
    ("credits", "channel", "touchpoints.campaign_id campaigns.channel touchpoints.person_id"),
    ("credits", "owner_id", "opportunities.owner_id field_changes.new_value? field_changes.old_value?"),
    ("credits", "account_id", "opportunities.account_id"),
    (
        "credits",
        "first_touch last_touch last_non_direct linear time_decay position_40_20_40",
        "opportunities.amount touchpoints.person_id touchpoints.occurred_at people.account_id opportunities.account_id touchpoints.channel? \
         opportunities.currency? opportunity_contacts.person_id? field_changes.new_value? fx_rates.rate?",
    ),
    ("spend", "*", "spend.spent_on spend.amount"),
    ("spend", "campaign_id", "spend.campaign_id"),
    ("spend", "channel", "spend.channel campaigns.channel?"),
    ("spend", "spent_on", "spend.spent_on"),
    ("spend", "amount", "spend.amount spend.currency? fx_rates.rate?"),
    ("spend", "impressions", "spend.impressions"),
    ("spend", "clicks", "spend.clicks"),
    ("purchases", "*", "purchases.account_id purchases.purchased_at"),
    ("purchases", "account_id purchased_at purchased_on", "purchases.account_id purchases.purchased_at"),
    ("purchases", "product_line", "purchases.product_line"),
    ("purchases", "kind", "purchases.kind"),
    ("purchases", "amount", "purchases.amount purchases.currency? fx_rates.rate?"),
];

/// Facts about opportunities that carry their dimensions.
const OF_OPPORTUNITIES: [&str; 3] = ["opportunities", "influences", "credits"];
/// Facts about people that carry their dimensions.
const OF_PEOPLE: [&str; 3] = ["leads", "handoffs", "sla_clocks"];

fn needs_of(text: &'static str) -> impl Iterator<Item = Need> {
    text.split_whitespace().filter_map(|word| {
        let (table, column) = word.trim_end_matches('?').split_once('.')?;
        Some(Need { table, column, helps: word.ends_with('?') })
    })
}

fn listed(fact: &str, column: &str) -> Option<BTreeSet<Need>> {
    let found: Vec<_> = LINEAGE.iter().filter(|(f, c, _)| *f == fact && c.split_whitespace().any(|x| x == column)).collect();
    (!found.is_empty()).then(|| found.into_iter().flat_map(|(_, _, needs)| needs_of(needs)).collect())
}

/// What a column of a fact rests on; `*` asks for the rows of the fact. `None` when the list does not know it.
pub fn needs(fact: &str, column: &str) -> Option<BTreeSet<Need>> {
    // Dimensions are the same wherever they stand.
    let shared = |facts: &[&str], of: &str| facts.contains(&fact).then(|| listed(of, column)).flatten();
    listed(fact, column).or_else(|| shared(&OF_PEOPLE, "leads")).or_else(|| shared(&OF_OPPORTUNITIES, "opportunities"))
}

/// What a metric rests on: its columns and the rows of its fact. What is needed somewhere is not only a help.
pub fn needs_of_metric(catalogue: &Catalogue, id: &str) -> BTreeSet<Need> {
    let Some(metric) = catalogue.get(id) else { return BTreeSet::new() };
    let columns = metric.columns();
    settled(columns.iter().map(String::as_str).chain(["*"]).filter_map(|c| needs(&metric.fact, c)).flatten())
}

/// One need a column: needed, if it is needed anywhere.
pub fn settled(all: impl Iterator<Item = Need>) -> BTreeSet<Need> {
    let mut by_column: BTreeMap<(&'static str, &'static str), bool> = BTreeMap::new();
    for n in all {
        *by_column.entry((n.table, n.column)).or_insert(true) &= n.helps;
    }
    by_column.into_iter().map(|((table, column), helps)| Need { table, column, helps }).collect()
}

/// Columns of facts that reports read beside those of their metrics: report, fact, columns.
const READ_BY_REPORTS: &[(&str, &str, &str)] = &[
    ("funnel", "stage_visits", "stage reached_on days_from_previous"),
    ("weakest", "opportunities", "top won amount"),
    ("what-if", "opportunities", "top won"),
    ("sources", "leads", "lead_source converted won_amount days_to_close"),
    ("aging", "leads", "owner_id age_bucket is_open"),
    ("speed", "sla_clocks", "assigned_to met stopped is_due"),
    ("acceptance", "handoffs", "assigned_to decision value invalid_rejection"),
    ("influence", "influences", "campaign_id amount"),
    ("influence", "opportunities", "campaign_id amount"),
    ("attribution", "credits", "campaign_id linear last_touch first_touch last_non_direct time_decay position_40_20_40"),
    ("recycle", "opportunities", "owner_id stage age_days lost_days amount is_open"),
    ("goal", "sla_clocks", "met is_due"),
    ("goal", "leads", "created_on top ended_on attempts"),
    ("value", "leads", "lead_source won_amount"),
];

/// What a report rests on: what it reads itself, and its metrics.
pub fn needs_of_report<'a>(catalogue: &Catalogue, name: &str, metrics: impl Iterator<Item = &'a str>) -> BTreeSet<Need> {
    let own = READ_BY_REPORTS.iter().filter(|(r, _, _)| *r == name);
    let own = own.flat_map(|(_, fact, columns)| columns.split_whitespace().chain(["*"]).filter_map(|c| needs(fact, c)).flatten());
    settled(own.chain(metrics.flat_map(|m| needs_of_metric(catalogue, m))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_column_is_listed_and_every_need_is_a_column_of_the_record() {
        for (fact, schema) in crate::facts::schemas() {
            assert!(needs(fact, "*").is_some(), "{fact}");
            for field in schema.fields() {
                assert!(needs(fact, field.name()).is_some(), "{fact}.{}", field.name());
            }
        }
        for (fact, columns, text) in LINEAGE {
            let schema = crate::facts::schemas().remove(fact).expect(fact);
            for column in columns.split_whitespace().filter(|c| *c != "*") {
                assert!(schema.index_of(column).is_ok(), "{fact}.{column}");
            }
            for need in needs_of(text) {
                let table = treaty_app::layout::table(need.table).unwrap_or_else(|| panic!("{fact}: {}", need.table));
                assert!(table.column(need.column).is_some(), "{fact}: {}.{}", need.table, need.column);
            }
        }
        for (report, fact, columns) in READ_BY_REPORTS {
            for column in columns.split_whitespace() {
                assert!(needs(fact, column).is_some(), "{report}: {fact}.{column}");
            }
        }
    }

    #[test]
    fn a_metric_rests_on_what_its_columns_rest_on() {
        let catalogue = Catalogue::builtin().expect("metrics");
        let all = needs_of_metric(&catalogue, "worked_rate");
        let has = |table, column, helps| all.contains(&Need { table, column, helps });
        assert!(has("activities", "kind", false) && has("handoffs", "passed_at", false) && has("users", "team", true), "{all:?}");
        assert!(!all.iter().any(|n| n.table == "touchpoints"), "{all:?}");
    }
}
