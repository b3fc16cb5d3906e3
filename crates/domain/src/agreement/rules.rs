//! The rules under which facts are derived, and the fiscal calendar.

use super::promises::column;
use super::read::{Node, Table};
use super::stages::MOST_DAYS;
use super::{MODELS, People, Rules, SourceRule};

const SOURCE_RULES: [(&str, SourceRule); 3] = [
    ("last_responded_touch", SourceRule::LastRespondedTouch),
    ("crm_primary_campaign", SourceRule::CrmPrimaryCampaign),
    ("lead_creating_touch", SourceRule::LeadCreatingTouch),
];

const PEOPLE: [(&str, People); 3] = [
    ("roles", People::Roles),
    ("account", People::Account),
    ("roles_else_account", People::RolesElseAccount),
];

const KINDS: [(&str, &str); 3] =
    [("new_business", "new_business"), ("expansion", "expansion"), ("renewal", "renewal")];

/// The rules of the template: what holds for everything that an agreement leaves out.
impl Default for Rules {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Self {
            qualifying: list(&["call", "email", "meeting", "reply"]),
            acceptance_needs_value: true,
            creation_enters_first_stage: true,
            source_rule: SourceRule::LastRespondedTouch,
            source_window_days: 90,
            kinds: list(&["new_business", "expansion"]),
            influence_window_days: 90,
            influence_through_close: false,
            people: People::RolesElseAccount,
            lookback_days: 90,
            half_life_days: 7.0,
            collapse_minutes: 30,
            direct_channels: list(&["direct"]),
            model: "position_40_20_40".to_owned(),
            ratio_names_all: false,
            installed_base_years: 3,
            recycle_at_least_lost: 30,
            recycle_by: None,
            min_n: 10,
            min_n_verdict: 30,
        }
    }
}

/// Reads all rule tables. Faulty rules keep their default; they are reported.
pub(super) fn read(root: &mut Table<'_>) -> Rules {
    let mut rules = Rules::default();
    let days = |n: Node<'_>| n.whole(0..=MOST_DAYS);
    if let Some(mut table) = root.table("activity") {
        rules.qualifying = table.or("qualifying", rules.qualifying, Node::some_names);
        table.finish();
    }
    if let Some(mut table) = root.table("handoff") {
        rules.acceptance_needs_value =
            table.or("acceptance_needs_value", rules.acceptance_needs_value, Node::flag);
        table.finish();
    }
    if let Some(mut table) = root.table("opportunity") {
        rules.creation_enters_first_stage =
            table.or("creation_enters_first_stage", rules.creation_enters_first_stage, Node::flag);
        table.finish();
    }
    if let Some(mut table) = root.table("source") {
        rules.source_rule = table.or("rule", rules.source_rule, |n| n.word(&SOURCE_RULES));
        rules.source_window_days = table.or("window_days", rules.source_window_days, days);
        rules.kinds = table.or("kinds", rules.kinds, read_kinds);
        table.finish();
    }
    if let Some(mut table) = root.table("influence") {
        rules.influence_window_days = table.or("window_days", rules.influence_window_days, days);
        let through = [("creation", false), ("close", true)];
        rules.influence_through_close =
            table.or("through", rules.influence_through_close, |n| n.word(&through));
        table.finish();
    }
    if let Some(table) = root.table("attribution") {
        attribution(table, &mut rules);
    }
    if let Some(mut table) = root.table("ratios") {
        let names = [("lead_generation", false), ("all", true)];
        rules.ratio_names_all = table.or("names", rules.ratio_names_all, |n| n.word(&names));
        rules.installed_base_years =
            table.or("installed_base_years", rules.installed_base_years, |n| n.whole(0..=100));
        table.finish();
    }
    if let Some(mut table) = root.table("recycle") {
        table.may("rule", |n| n.word(&[("mean_lost_cycle", ())]));
        rules.recycle_at_least_lost =
            table.or("at_least_lost", rules.recycle_at_least_lost, |n| n.whole(1..=i64::MAX));
        rules.recycle_by = table.may("by", column);
        table.finish();
    }
    if let Some(table) = root.table("display") {
        display(table, &mut rules);
    }
    rules
}

fn attribution(mut table: Table<'_>, rules: &mut Rules) {
    rules.people = table.or("people", rules.people, |n| n.word(&PEOPLE));
    rules.lookback_days =
        table.or("lookback_days", rules.lookback_days, |n| n.whole(0..=MOST_DAYS));
    rules.half_life_days = table.or("half_life_days", rules.half_life_days, Node::positive);
    rules.collapse_minutes =
        table.or("collapse_minutes", rules.collapse_minutes, |n| n.whole(0..=525_600));
    rules.direct_channels =
        table.may("direct_channels", Node::names).unwrap_or_else(|| rules.direct_channels.clone());
    let models = MODELS.map(|model| (model, model));
    if let Some(model) = table.may("model", |n| n.word(&models)) {
        model.clone_into(&mut rules.model);
    }
    table.finish();
}

fn display(mut table: Table<'_>, rules: &mut Rules) {
    let any = |n: Node<'_>| n.whole(0..=i64::MAX);
    rules.min_n = table.or("min_n", rules.min_n, any);
    rules.min_n_verdict = table.or("min_n_verdict", rules.min_n_verdict, any);
    if rules.min_n > rules.min_n_verdict {
        let at = if table.has("min_n") { "min_n" } else { "min_n_verdict" };
        table.report.error(
            &table.value_place(at),
            format!(
                "`display.min_n` ({}) is above `display.min_n_verdict` ({}), so verdicts would be given on rates that are not shown",
                rules.min_n, rules.min_n_verdict
            ),
            "let min_n be at most min_n_verdict",
        );
    }
    table.finish();
}

fn read_kinds(node: Node<'_>) -> Option<Vec<String>> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let mut kinds: Vec<String> = Vec::new();
    let items = node.list()?;
    if items.is_empty() {
        report.error(
            &span,
            format!("`{path}` is empty"),
            "name at least one of new_business, expansion and renewal",
        );
    }
    for item in items {
        let span = item.span.clone();
        match item.word(&KINDS) {
            Some(kind) if kinds.iter().any(|k| k == kind) => {
                report.warning(&span, format!("`{path}` names \"{kind}\" twice"), "once is enough");
            }
            Some(kind) => kinds.push(kind.to_owned()),
            None => {}
        }
    }
    Some(kinds)
}
