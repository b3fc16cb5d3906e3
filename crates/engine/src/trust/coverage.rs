//! How much can be measured (R15), and how mature measurement is (R128). What is not on record cannot be measured, and what
//! cannot be measured is said to be so.

use super::{Trust, rows_of};
use crate::error::EngineError;
use crate::reports::{Row, column, percent};
use treaty_app::report::{Cell, Report, Unit};

/// From this share on a thing can be measured, and from the second on partly.
const ENOUGH: (f64, f64) = (0.8, 0.5);

/// Leads younger than this many days need not have an outcome yet.
const OUTCOME_DAYS: i32 = 90;

/// What must be on record, of what, in words; the part of the population that has it, and the population, as SQL over the
/// view of the entity; and what cannot be said without it.
struct Ask {
    entity: &'static str,
    what: &'static str,
    has: &'static str,
    of: &'static str,
    without: &'static str,
}

const ASKS: &[Ask] = &[
    Ask { entity: "lead", what: "leads with a source", has: "lead_source IS NOT NULL", of: "true", without: "which source is worth what" },
    Ask { entity: "lead", what: "leads passed to sales with an owner", has: "owner_id IS NOT NULL", of: "passed", without: "with whom leads rot" },
    Ask { entity: "lead", what: "leads with a touch", has: "touched", of: "true", without: "what campaigns influence" },
    Ask { entity: "lead", what: "leads passed to sales or moved on", has: "passed OR top > 0 OR status <> 'open'", of: "true", without: "where the funnel leaks" },
    Ask { entity: "lead", what: "older leads with an outcome", has: "status NOT IN ('open', 'returned')", of: "aged", without: "whether leads become what they should" },
    Ask { entity: "handoff", what: "hand-offs attempted at all", has: "worked", of: "true", without: "how fast and how often sales works leads" },
    Ask { entity: "handoff", what: "hand-offs with a decision", has: "decision <> 'pending'", of: "true", without: "what sales takes of what marketing passes" },
    Ask { entity: "opportunity", what: "opportunities with a contact role", has: "contacts > 0", of: "true", without: "which leads became opportunities" },
    Ask { entity: "opportunity", what: "opportunities with an amount", has: "amount IS NOT NULL", of: "true", without: "pipeline and value of leads" },
    Ask { entity: "opportunity", what: "opportunities with a stage", has: "staged", of: "true", without: "the weakest stage, wins and losses" },
    Ask { entity: "opportunity", what: "opportunities with a source or a touch", has: "lead_source IS NOT NULL OR campaign_id IS NOT NULL", of: "true", without: "what marketing sourced" },
    Ask { entity: "opportunity", what: "won opportunities with an amount", has: "amount IS NOT NULL", of: "won", without: "revenue" },
    Ask { entity: "opportunity", what: "won opportunities with a touch on their path", has: "path_touches > 0", of: "won", without: "which touches earned the won money" },
];

/// The population of an entity with the source of each row.
fn population(trust: &Trust<'_>, entity: &str) -> String {
    let as_of = super::text(&trust.case.provenance.as_of);
    match entity {
        "lead" => format!(
            "SELECT l.*, coalesce(p._source, 'native') AS _source, t.person_id IS NOT NULL AS touched, \
             l.created_on <= DATE {as_of} - INTERVAL '{OUTCOME_DAYS} days' AS aged \
             FROM leads l LEFT JOIN {people} p ON p.person_id = l.person_id \
             LEFT JOIN (SELECT person_id FROM record_touchpoints UNION SELECT m.into_id FROM record_merges m \
             JOIN record_touchpoints x ON x.person_id = m.from_id WHERE m.subject_type = 'person') t ON t.person_id = l.person_id",
            people = rows_of("people")
        ),
        "handoff" => format!("SELECT h.*, r._source FROM handoffs h LEFT JOIN {} r ON r.handoff_id = h.handoff_id", rows_of("handoffs")),
        _ => format!(
            "SELECT o.*, r._source, s.subject_id IS NOT NULL AS staged FROM opportunities o \
             LEFT JOIN {} r ON r.opportunity_id = o.opportunity_id \
             LEFT JOIN (SELECT DISTINCT subject_id FROM record_stage_changes WHERE subject_type = 'opportunity') s ON s.subject_id = o.opportunity_id",
            rows_of("opportunities")
        ),
    }
}

/// Counts of every ask: by source, and over all.
async fn counts(trust: &Trust<'_>) -> Result<Vec<(usize, String, i64, i64)>, EngineError> {
    let mut out = Vec::new();
    for entity in ["lead", "handoff", "opportunity"] {
        let asks: Vec<(usize, &Ask)> = ASKS.iter().enumerate().filter(|(_, a)| a.entity == entity).collect();
        let list: Vec<String> = asks
            .iter()
            .map(|(i, a)| format!("count(*) FILTER (WHERE ({}) AND ({})) AS h{i}, count(*) FILTER (WHERE {}) AS n{i}", a.of, a.has, a.of))
            .collect();
        let list = list.join(", ");
        let from = population(trust, entity);
        let all = trust.one(&format!("SELECT {list} FROM ({from})")).await?;
        let by = trust.rows(&format!("SELECT _source, {list} FROM ({from}) GROUP BY _source"), 1).await?;
        let mut take = |source: &str, row: &Row| {
            for (i, _) in &asks {
                out.push((*i, source.to_owned(), row.int(&format!("h{i}")), row.int(&format!("n{i}"))));
            }
        };
        take("(all)", &all);
        if by.len() > 1 {
            by.iter().for_each(|r| take(r.dim(0).unwrap_or("native"), r));
        }
    }
    out.sort_by_key(|(i, ..)| *i);
    Ok(out)
}

fn verdict(has: i64, of: i64) -> &'static str {
    let share = has as f64 / of.max(1) as f64;
    match of {
        0 => "nothing to measure",
        _ if share >= ENOUGH.0 => "measurable",
        _ if share >= ENOUGH.1 => "partly measurable",
        _ => "not measurable",
    }
}

pub(super) async fn report(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("what", "What must be on record", Unit::Text, ""),
        column("source", "Source", Unit::Text, ""),
        column("covered", "Covered", Unit::Count, ""),
        column("of", "Of", Unit::Count, ""),
        column("share", "Share", Unit::Share, ""),
        column("verdict", "Verdict", Unit::Text, ""),
        column("without", "Without it nobody can say", Unit::Text, ""),
    ];
    let mut out = trust.blank("coverage", "How much of what happens can be measured?", columns).await?;
    let mut not = Vec::new();
    for (i, source, has, of) in counts(trust).await? {
        let verdict = verdict(has, of);
        if source == "(all)" && verdict == "not measurable" {
            not.push(ASKS[i].without);
        }
        out.rows.push(vec![
            Cell::Text(ASKS[i].what.to_owned()),
            Cell::Text(source),
            Cell::Count(has),
            Cell::Count(of),
            Cell::ratio(has, of),
            Cell::Text(verdict.to_owned()),
            Cell::Text(ASKS[i].without.to_owned()),
        ]);
        out.provisional.push(false);
    }
    out.answer = if not.is_empty() {
        "What is on record covers at least half of each thing that is measured.".to_owned()
    } else {
        format!("Nobody can say from these data: {}.", not.join("; "))
    };
    out.method = format!(
        "Measurable from {}, partly from {} of the population on. Leads are attempts and belong to the source of their person; an outcome is asked of leads that began at least {OUTCOME_DAYS} days before the as-of day. What is not measured probably is not done; the share says neither that it is nor that it is not.",
        percent(ENOUGH.0),
        percent(ENOUGH.1)
    );
    Ok(out)
}

/// What must be covered, how far, and what to do next.
type Step = (&'static str, f64, &'static str);

/// Levels of maturity by name, with what each asks for.
const LEVELS: &[(&str, &[Step])] = &[
    ("inquiries", &[]),
    (
        "leads",
        &[
            ("leads with a source", 0.5, "fill the lead source at creation: hidden fields of forms, campaign members, import lists with a source"),
            ("leads passed to sales or moved on", 0.1, "import stage changes or hand-offs of leads; if the source keeps no history, use `--snapshot`"),
        ],
    ),
    (
        "pipeline",
        &[
            ("opportunities with a contact role", 0.5, "make the contact role a required field of opportunities"),
            ("opportunities with an amount", 0.5, "make the amount a required field from the first forecastable stage on"),
            ("opportunities with a stage", 0.5, "import the history of stages; if the source keeps none, use `--snapshot`"),
        ],
    ),
    (
        "revenue",
        &[
            ("won opportunities with an amount", 0.5, "record the amount of won opportunities"),
            ("won opportunities with a touch on their path", 0.5, "import touchpoints with their campaign, and tie people to accounts"),
        ],
    ),
];

pub(super) async fn maturity(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("level", "Level", Unit::Count, ""),
        column("measured", "What is measured", Unit::Text, ""),
        column("test", "Test", Unit::Text, ""),
        column("share", "Share", Unit::Share, ""),
        column("needed", "Needed", Unit::Share, ""),
        column("met", "Met", Unit::Flag, ""),
        column("next_step", "Next step", Unit::Text, ""),
    ];
    let mut out = trust.blank("maturity", "How mature is measurement here?", columns).await?;
    let counts = counts(trust).await?;
    let all = |what: &str| counts.iter().find(|(i, s, ..)| ASKS[*i].what == what && s == "(all)").map_or((0, 0), |(_, _, h, n)| (*h, *n));
    let people = trust.one("SELECT count(*) AS n FROM leads").await?.int("n");
    let (mut reached, mut open, mut next) = (0, true, None);
    for (at, (name, tests)) in LEVELS.iter().enumerate() {
        let mut level = people > 0;
        if tests.is_empty() {
            out.rows.push(vec![
                Cell::Count(at as i64 + 1),
                Cell::Text((*name).to_owned()),
                Cell::Text("people on record".to_owned()),
                Cell::Blank,
                Cell::Blank,
                Cell::Flag(people > 0),
                Cell::Text(if people > 0 { String::new() } else { "import people: leads and contacts".to_owned() }),
            ]);
        }
        for (what, needed, step) in *tests {
            let (has, of) = all(what);
            let met = of > 0 && has as f64 >= needed * of as f64;
            level &= met;
            if !met && open {
                next.get_or_insert(*step);
            }
            out.rows.push(vec![
                Cell::Count(at as i64 + 1),
                Cell::Text((*name).to_owned()),
                Cell::Text((*what).to_owned()),
                Cell::ratio(has, of),
                Cell::Share(*needed),
                Cell::Flag(met),
                Cell::Text(if met { String::new() } else { (*step).to_owned() }),
            ]);
        }
        open &= level;
        if open {
            reached = at + 1;
        }
    }
    out.provisional = vec![false; out.rows.len()];
    out.answer = match (reached, next) {
        (0, _) => "Nothing is measured yet: there are no people on record.".to_owned(),
        (n, None) => format!("Measurement has reached level {n} of {}: {}.", LEVELS.len(), LEVELS[n - 1].0),
        (n, Some(step)) => format!("Measurement has reached level {n} of {}: {}. Next step: {step}.", LEVELS.len(), LEVELS[n - 1].0),
    };
    out.method = "A level is reached when all its tests and all levels below it are met. The tests are shares of the coverage report.".to_owned();
    Ok(out)
}
