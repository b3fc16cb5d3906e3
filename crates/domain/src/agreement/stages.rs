//! Stages and outcomes: the conversion points in order, and how a history ends.

use super::diagnostic::Report;
use super::read::{Node, Table};
use super::{Benchmark, Criterion, Forecast, Outcomes, Side, Stage, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Fewest and most conversion points (R19).
const FEWEST: usize = 5;
const MOST: usize = 7;

/// Longest window, grace or age in days.
pub(super) const MOST_DAYS: i64 = 36_500;

/// The words for the two sides.
pub(super) const SIDES: [(&str, Side); 2] =
    [("marketing", Side::Marketing), ("sales", Side::Sales)];

const SUBJECTS: [(&str, Subject); 2] =
    [("person", Subject::Person), ("opportunity", Subject::Opportunity)];

const FORECASTS: [(&str, Forecast); 4] = [
    ("none", Forecast::None),
    ("pipeline", Forecast::Pipeline),
    ("best_case", Forecast::BestCase),
    ("commit", Forecast::Commit),
];

const EXAMPLE: &str = "[[stage]] with id, name, subject, owner and definition";

impl Outcomes {
    /// The lists of names with their keys.
    pub(super) fn lists(&self) -> [(&'static str, &Vec<String>); 4] {
        [
            ("won", &self.won),
            ("lost", &self.lost),
            ("disqualified", &self.disqualified),
            ("recycled", &self.recycled),
        ]
    }
}

impl Default for Outcomes {
    fn default() -> Self {
        let one = |word: &str| vec![word.to_owned()];
        Self {
            won: one("won"),
            lost: one("lost"),
            disqualified: one("disqualified"),
            recycled: one("recycled"),
            reopen_grace_days: 30,
        }
    }
}

/// A name as the record's stage values are compared.
fn folded(name: &str) -> String {
    super::folded(name).collect()
}

/// All names by which the record may know a stage or an outcome; each may mean one thing only.
#[derive(Default)]
struct Names {
    /// Folded name, the thing it means, where it stands.
    taken: BTreeMap<String, (String, Range<usize>)>,
    /// Things and names of which it was said, since a stage often has one word as id and name.
    told: BTreeSet<(String, String)>,
}

impl Names {
    /// Takes a name that stands in the file for a thing.
    fn take(&mut self, report: &Report<'_>, name: &str, thing: &str, span: &Range<usize>) {
        let Some((other, first)) = self.taken.get(&folded(name)) else {
            self.taken.insert(folded(name), (thing.to_owned(), span.clone()));
            return;
        };
        if other != thing && self.told.insert((thing.to_owned(), folded(name))) {
            report.error(
                span,
                format!("\"{name}\" already means {other} (line {})", report.line(first.start)),
                "stage ids, names, aliases and outcomes must all differ, also when capitals are ignored; rename one",
            );
        }
    }

    /// Takes a name that holds by default.
    fn take_default(&self, report: &Report<'_>, name: &str, outcome: &str) {
        if let Some((thing, span)) = self.taken.get(&folded(name)) {
            report.error(
                span,
                format!(
                    "\"{name}\" means {thing} here, but by default also the outcome `{outcome}`"
                ),
                format!(
                    "rename it, or name the outcome otherwise: {outcome} = [\"…\"] under [outcomes]"
                ),
            );
        }
    }
}

/// Reads all stages and the outcomes.
pub(super) fn read(root: &mut Table<'_>) -> (Option<Vec<Stage>>, Option<Outcomes>) {
    let mut names = Names::default();
    let stages = match root.get("stage") {
        Some(node) => read_stages(node, &mut names),
        None => {
            root.report.whole(
                &root.header,
                "there are no stages",
                format!("add five to seven tables {EXAMPLE}"),
            );
            None
        }
    };
    let outcomes = read_outcomes(root, &mut names);
    (stages, outcomes)
}

fn read_stages(node: Node<'_>, names: &mut Names) -> Option<Vec<Stage>> {
    let (report, whole) = (node.report, node.span.clone());
    let nodes = node.list()?;
    let count = nodes.len();
    let mut stages: Vec<Option<Stage>> = Vec::new();
    let mut subjects: Vec<(Subject, Range<usize>)> = Vec::new();
    let mut owners: Vec<Option<Side>> = Vec::new();
    let mut last = whole.clone();
    for (position, item) in nodes.into_iter().enumerate() {
        let header = item.span.clone();
        if position == MOST {
            report.whole(
                &header,
                format!("there are {count} stages; this is the {}th", MOST + 1),
                "keep five to seven conversion points that both sides can define and own; merge some, or list finer steps as aliases",
            );
        }
        last = header;
        let Some(mut table) = item.table() else {
            stages.push(None);
            owners.push(None);
            continue;
        };
        let (stage, subject, owner) = read_stage(&mut table, position, names);
        subjects.extend(subject.map(|s| (s, table.value_place("subject"))));
        owners.push(owner);
        stages.push(stage);
        table.finish();
    }
    if count < FEWEST {
        report.whole(
            &last,
            format!("there are only {count} stages"),
            format!("add {} more {EXAMPLE}: five to seven conversion points show where the funnel leaks", FEWEST - count),
        );
    }
    check_order(&subjects, count, &last, report);
    for side in [Side::Marketing, Side::Sales] {
        if owners.iter().all(Option::is_some) && !owners.contains(&Some(side)) && count > 0 {
            report.remark(
                &whole,
                format!("{} owns no stage", side.word()),
                "give each side at least one conversion point to answer for",
            );
        }
    }
    stages.into_iter().collect()
}

fn check_order(
    subjects: &[(Subject, Range<usize>)],
    count: usize,
    last: &Range<usize>,
    report: &Report<'_>,
) {
    let first_opportunity = subjects.iter().position(|(s, _)| *s == Subject::Opportunity);
    for (position, (subject, span)) in subjects.iter().enumerate() {
        if *subject == Subject::Person && first_opportunity.is_some_and(|first| first < position) {
            report.error(
                span,
                "a person's stage comes after an opportunity's stage",
                "list all stages with subject = \"person\" first: a history passes from the person to the opportunity once",
            );
        }
    }
    if subjects.len() < count || count == 0 {
        return;
    }
    for (subject, word) in [(Subject::Person, "person"), (Subject::Opportunity, "opportunity")] {
        if !subjects.iter().any(|(s, _)| *s == subject) {
            report.whole(
                last,
                format!("no stage has subject = \"{word}\""),
                "the funnel needs at least one stage of a person and one of an opportunity",
            );
        }
    }
}

fn read_stage(
    table: &mut Table<'_>,
    position: usize,
    names: &mut Names,
) -> (Option<Stage>, Option<Subject>, Option<Side>) {
    let report = table.report;
    let this = format!("stage {}", position + 1);
    table.path.clone_from(&this);
    let id = table.need("id", "id = \"mql\"", read_id);
    if let Some(id) = &id {
        table.path = format!("stage.{id}");
        names.take(report, id, &this, &table.value_place("id"));
    }
    let name = table.need("name", "name = \"Marketing qualified lead\"", Node::text);
    if let Some(name) = &name {
        names.take(report, name, &this, &table.value_place("name"));
    }
    let subject = table.need("subject", "subject = \"person\"", |n| n.word(&SUBJECTS));
    let owner = table.need("owner", "owner = \"marketing\"", |n| n.word(&SIDES));
    let definition =
        table.need("definition", "definition = \"what both sides mean by it\"", Node::text);
    let aliases = table.may("aliases", Node::texts).unwrap_or_default();
    for (alias, span) in &aliases {
        names.take(report, alias, &this, span);
    }
    let enter_when = table.may("enter_when", Node::sql);
    let forecast = table.or("forecast", Forecast::None, |n| n.word(&FORECASTS));
    if subject == Some(Subject::Person) && forecast != Forecast::None {
        report.error(
            &table.value_place("forecast"),
            format!("`{}.forecast`: a stage of a person cannot be forecast", table.path),
            "a forecast needs an opportunity with an amount; take this line out",
        );
    }
    if position == 0 && table.has("benchmark") {
        report.error(
            &table.place("benchmark"),
            format!("`{}.benchmark`: no step leads into the first stage", table.path),
            "a benchmark is the share of the stage before that reaches this one; put it on a later stage",
        );
    }
    let benchmark = table.table("benchmark").and_then(read_benchmark);
    let gate = table.may("gate", read_gate).unwrap_or_default();
    let stage = || {
        Some(Stage {
            id: id?,
            name: name?,
            subject: subject?,
            owner: owner?,
            definition: definition?,
            aliases: aliases.into_iter().map(|(alias, _)| alias).collect(),
            enter_when,
            forecast,
            benchmark,
            gate,
        })
    };
    (stage(), subject, owner)
}

/// Ids stand in the record, in keys and in addresses, so they are kept plain.
fn read_id(node: Node<'_>) -> Option<String> {
    let (report, span, path) = (node.report, node.span.clone(), node.path.clone());
    let id = node.text()?;
    if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Some(id);
    }
    report.error(
        &span,
        format!("`{path}` is \"{id}\", but an id has only the letters a-z, digits, - and _"),
        "choose a short plain id; `name` and `aliases` may hold any text",
    );
    None
}

fn read_benchmark(mut table: Table<'_>) -> Option<Benchmark> {
    let rate = table.need("rate", "rate = 0.30", Node::share);
    let source = table.need("source", "source = \"own history 2025\"", Node::text);
    let on = table.may("on", Node::date);
    table.finish();
    Some(Benchmark { rate: rate?, source: source?, on })
}

fn read_gate(node: Node<'_>) -> Option<Vec<Criterion>> {
    let gate_path = node.path.clone();
    let mut ids: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let mut gate = Vec::new();
    for item in node.list()? {
        let Some(mut table) = item.table() else {
            gate.push(None);
            continue;
        };
        let id = table.need("id", "id = \"agrees-to-talk\"", read_id);
        if let Some(id) = &id {
            table.path = format!("{gate_path}.{id}");
            let span = table.value_place("id");
            if let Some(first) = ids.get(&folded(id)) {
                table.report.error(
                    &span,
                    format!(
                        "the criterion \"{id}\" is given twice (line {})",
                        table.report.line(first.start)
                    ),
                    "give each criterion of a gate its own id",
                );
            } else {
                ids.insert(folded(id), span);
            }
        }
        let side = table.need("side", "side = \"buyer\"", |n| {
            n.word(&[("buyer", "buyer"), ("vendor", "vendor")])
        });
        let required = table.or("required", true, Node::flag);
        let when = table.need("when", "when = \"amount > 0\"", Node::sql);
        table.finish();
        gate.push((|| Some(Criterion { id: id?, side: side?.to_owned(), required, when: when? }))());
    }
    gate.into_iter().collect()
}

fn read_outcomes(root: &mut Table<'_>, names: &mut Names) -> Option<Outcomes> {
    let default = Outcomes::default();
    let report = root.report;
    let Some(mut table) = root.table("outcomes") else {
        for (outcome, list) in default.lists() {
            list.iter().for_each(|name| names.take_default(report, name, outcome));
        }
        return (!root.has("outcomes")).then_some(default);
    };
    let mut lists = default.lists().map(|(_, list)| list.clone());
    for ((outcome, default), list) in default.lists().into_iter().zip(&mut lists) {
        match table.get(outcome) {
            Some(node) => {
                let span = node.span.clone();
                let texts = node.texts();
                if outcome == "won" && texts.as_ref().is_some_and(Vec::is_empty) {
                    report.error(
                        &span,
                        "`outcomes.won` names nothing, so nothing could ever count as won",
                        "name the stage value that means closed won, such as won = [\"won\"]",
                    );
                }
                let texts = texts.unwrap_or_default();
                let meaning = format!("the outcome `{outcome}`");
                texts.iter().for_each(|(name, span)| names.take(report, name, &meaning, span));
                *list = texts.into_iter().map(|(name, _)| name).collect();
            }
            None => default.iter().for_each(|name| names.take_default(report, name, outcome)),
        }
    }
    let [won, lost, disqualified, recycled] = lists;
    let reopen_grace_days =
        table.or("reopen_grace_days", default.reopen_grace_days, |n| n.whole(0..=MOST_DAYS));
    table.finish();
    Some(Outcomes { won, lost, disqualified, recycled, reopen_grace_days })
}
