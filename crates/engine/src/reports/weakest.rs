//! Which stage is the weakest, and what if it improved? (A11, A12)

use super::{Ask, Desk, column, grouped_count, money, percent};
use crate::error::EngineError;
use treaty_app::report::{Cell, Chart, Reason, Report, Unit};
use treaty_domain::agreement::Subject;
use treaty_stats::{Chain, Lift, WEAKEST_DRAWS, marginal_gain, p_weakest, shown, stable_seed};

/// Opportunities by stage reached, the win last, with the amounts that ended before the next stage.
struct Stages {
    names: Vec<String>,
    reached: Vec<u64>,
    lost: Vec<i64>,
}

async fn stages(desk: &Desk<'_>, ask: &Ask) -> Result<Stages, EngineError> {
    let own = Ask { by: None, ..ask.clone() };
    let period = ask.period.as_ref().map(|p| format!("created_on >= DATE '{}' AND created_on < DATE '{}'", p.from, p.to));
    let only: Vec<&str> = period.as_deref().into_iter().collect();
    let first = desk.agreement.stages.iter().position(|s| s.subject == Subject::Opportunity).unwrap_or(0);
    let last = desk.agreement.stages.len();
    let list: Vec<String> = (first..=last)
        .flat_map(|rank| {
            [
                format!("count(*) FILTER (WHERE top >= {rank}) AS reached{rank}"),
                format!("sum(amount) FILTER (WHERE top = {rank} AND status IN ('lost', 'recycled')) AS lost{rank}"),
            ]
        })
        .collect();
    let r = desk.select(&own, "opportunities", &[], &list, &only).await?.one();
    let names = desk.agreement.stages[first..].iter().map(|s| s.id.clone()).chain(["won".to_owned()]).collect();
    Ok(Stages {
        names,
        reached: (first..=last).map(|k| u64::try_from(r.int(&format!("reached{k}"))).unwrap_or(0)).collect(),
        lost: (first..=last).map(|k| r.int(&format!("lost{k}"))).collect(),
    })
}

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("stage", "Step", Unit::Text, ""),
        column("entered", "Entered", Unit::Count, ""),
        column("advanced", "Advanced", Unit::Count, ""),
        column("rate", "Rate", Unit::Share, ""),
        column("rate_low", "Low", Unit::Share, ""),
        column("rate_high", "High", Unit::Share, ""),
        column("benchmark", "Benchmark", Unit::Share, ""),
        column("p_weakest", "Chance to be the weakest", Unit::Share, ""),
        column("gain", "Wins from +6 points", Unit::Number, ""),
        column("value_lost", "Lost here", Unit::Money, ""),
    ];
    let mut out = desk.blank("weakest", "Which stage is the weakest?", &Ask { by: None, ..ask.clone() }, columns);
    let s = stages(desk, ask).await?;
    let chain = Chain::from_counts(&s.reached);
    let steps: Vec<(u64, u64)> = s.reached.windows(2).map(|w| (w[1], w[0])).collect();
    let seed = stable_seed(&["weakest", &out.provenance.agreement, &out.provenance.as_of]);
    let chances = p_weakest(&steps, WEAKEST_DRAWS, seed);
    let weakest = chain.as_ref().and_then(Chain::weakest);
    for (i, (advanced, entered)) in steps.iter().enumerate() {
        let (advanced, entered) = (*advanced as i64, *entered as i64);
        let (low, high) = desk.limits(advanced, entered);
        let stage = desk.agreement.stages.iter().find(|x| x.id == s.names[i + 1]);
        let gain = chain.as_ref().and_then(|c| marginal_gain(c, i, Lift::Points(0.06)));
        out.rows.push(vec![
            Cell::Text(format!("{} to {}", s.names[i], s.names[i + 1])),
            Cell::Count(entered),
            Cell::Count(advanced),
            desk.rate(advanced, entered),
            low,
            high,
            stage.and_then(|x| x.benchmark.as_ref()).map_or(Cell::Blank, |b| Cell::Share(b.rate)),
            chances.as_ref().map_or(Cell::Undefined(Reason::EmptyPopulation), |c| Cell::Share(c[i])),
            Cell::number_or(gain, Reason::ZeroDenominator),
            Cell::Money(s.lost[i]),
        ]);
        out.provisional.push(false);
    }
    out.answer = match weakest {
        Some(i) => format!(
            "{} to {} is the weakest step: {} of {} opportunities pass, and {} ended there.",
            s.names[i],
            s.names[i + 1],
            percent(s.reached[i + 1] as f64 / s.reached[i].max(1) as f64),
            grouped_count(s.reached[i] as i64),
            money(s.lost[i], &out.provenance)
        ),
        None => "There are no opportunities to judge the stages by.".to_owned(),
    };
    for (i, (advanced, entered)) in steps.iter().enumerate() {
        let stage = desk.agreement.stages.iter().find(|x| x.id == s.names[i + 1]);
        if let Some(b) = stage.and_then(|x| x.benchmark.as_ref())
            && *entered as i64 >= desk.agreement.rules.min_n_verdict
            && let Some((low, high)) = super::interval(*advanced as i64, *entered as i64)
        {
            let verdict = if high < b.rate {
                "below"
            } else if low > b.rate {
                "above"
            } else {
                "not told apart from"
            };
            out.notes.push(format!("{} to {}: {verdict} the benchmark of {} ({}).", s.names[i], s.names[i + 1], percent(b.rate), b.source));
        }
    }
    out.chart = Some(Chart::Bars {
        label: "stage".to_owned(),
        value: "rate".to_owned(),
        interval: Some(("rate_low".to_owned(), "rate_high".to_owned())),
    });
    out.clauses = desk.agreement.stages.iter().filter(|x| x.subject == Subject::Opportunity).map(|x| format!("stage.{}", x.id)).collect();
    out.method = format!("Opportunities created in the period by the highest stage they reached. The weakest step has the lowest rate; the chance that it truly is comes from {WEAKEST_DRAWS} draws of Beta posteriors with seed {seed}. The gain is the number of further wins if the rate rose by six points and the later rates stayed. Lost here is the amount of opportunities that ended after this stage and before the next.");
    out.notes.push("Open opportunities still count as not advanced: the rates of young ones are lower bounds.".to_owned());
    Ok(out)
}

pub(super) async fn what_if(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("stage", "Stage", Unit::Text, ""),
        column("base", "Base", Unit::Number, ""),
        column("scenario", "Scenario", Unit::Number, ""),
        column("base_shown", "Base, shown", Unit::Count, ""),
        column("scenario_shown", "Scenario, shown", Unit::Count, ""),
    ];
    let mut out = desk.blank("what-if", "What if one stage improved?", &Ask { by: None, ..ask.clone() }, columns);
    let s = stages(desk, ask).await?;
    let points = ask.points.unwrap_or(6.0);
    let Some(chain) = Chain::from_counts(&s.reached) else {
        out.answer = "There are no opportunities to build a scenario on.".to_owned();
        return Ok(out);
    };
    let step = match &ask.stage {
        Some(stage) => match s.names.iter().position(|n| n == stage) {
            Some(i) if i > 0 => Some(i - 1),
            _ => {
                return Err(EngineError::Ask(format!(
                    "--stage {stage}: no step leads into that stage; there are {}",
                    s.names[1..].join(", ")
                )));
            }
        },
        None => chain.weakest(),
    };
    let Some((step, scenario)) = step.and_then(|i| Some((i, chain.what_if(i, Lift::Points(points / 100.0))?))) else {
        out.answer = "There are no opportunities to build a scenario on.".to_owned();
        return Ok(out);
    };
    let base = chain.counts();
    let (base_shown, scenario_shown) = (shown(&base), shown(&scenario.counts));
    let count = |n: &Option<i64>| n.map_or(Cell::Undefined(Reason::ZeroDenominator), Cell::Count);
    for (i, name) in s.names.iter().enumerate() {
        out.rows.push(vec![
            Cell::Text(name.clone()),
            Cell::number_or(base[i], Reason::ZeroDenominator),
            Cell::number_or(scenario.counts[i], Reason::ZeroDenominator),
            count(&base_shown[i]),
            count(&scenario_shown[i]),
        ]);
        out.provisional.push(false);
    }
    let won = |list: &[Option<i64>]| list.last().copied().flatten().unwrap_or(0);
    out.answer = format!(
        "If {} more points of opportunities passed from {} to {}, {} would be won instead of {}.",
        points,
        s.names[step],
        s.names[step + 1],
        grouped_count(won(&scenario_shown)),
        grouped_count(won(&base_shown))
    );
    out.chart = Some(Chart::Paired { label: "stage".to_owned(), values: ("base_shown".to_owned(), "scenario_shown".to_owned()) });
    out.method = "Entrants times the rates of each step, carried without rounding; the scenario raises one rate by percentage points, at most to 100 %. Numbers are rounded for display only, half away from zero.".to_owned();
    out.notes.push("Later rates are assumed to stay; the opportunities gained are usually weaker than the average.".to_owned());
    Ok(out)
}
