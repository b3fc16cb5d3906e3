//! Are both sides keeping their promises? (A1-A6)

use super::rows::Rows;
use super::{Ask, Desk, column, grouped_count, money, named, percent};
use crate::error::EngineError;
use crate::sql;
use treaty_app::report::{Cell, Chart, Reason, Report, Unit};
use treaty_app::review::{PromiseLine, Standing};
use treaty_domain::agreement::{ClockKind, Goal, Per, ValuePromise, VolumePromise, WindowPromise};
use treaty_domain::period::Period;

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("side", "Side", Unit::Text, ""),
        column("promise", "Promise", Unit::Text, ""),
        column("period", "Period", Unit::Text, ""),
        column("goal", "Goal", Unit::Number, ""),
        column("actual", "Actual", Unit::Number, ""),
        column("attainment", "Attainment", Unit::Share, ""),
        column("pace", "Time passed", Unit::Share, ""),
        column("standing", "Standing", Unit::Text, ""),
        column("gap", "By how much", Unit::Text, ""),
    ];
    let lines = promises(desk, ask).await?;
    let mut out = desk.blank("goal", "Are both sides keeping their promises?", &Ask { by: None, ..ask.clone() }, columns);
    for l in &lines {
        out.rows.push(vec![
            Cell::Text(l.side.clone()),
            Cell::Text(l.promise.clone()),
            Cell::Text(l.period.clone()),
            l.goal.clone(),
            l.actual.clone(),
            l.attainment.clone(),
            Cell::Share(l.pace),
            Cell::Text(l.standing.word().to_owned()),
            Cell::Text(l.gap.clone()),
        ]);
        out.provisional.push(l.pace < 1.0);
        out.clauses.push(format!("promise.{}.{}", l.side, l.promise));
    }
    out.answer = headline(&lines);
    out.chart = Some(Chart::Bars { label: "promise".to_owned(), value: "attainment".to_owned(), interval: None });
    out.method = "Volume promises count what began or reached the stage in the period; the lead value adds up expected values that are frozen at the start of the period. Shares are over hand-offs whose window has elapsed, and over leads given up for reasons that are not exempt. Attainment is actual over goal.".to_owned();
    Ok(out)
}

/// One sentence on all promises.
pub fn headline(lines: &[PromiseLine]) -> String {
    let of = |side: &str| {
        let mine: Vec<&PromiseLine> = lines.iter().filter(|l| l.side == side).collect();
        let good = mine.iter().filter(|l| matches!(l.standing, Standing::Kept | Standing::OnTrack)).count();
        (good, mine.len())
    };
    let ((m, of_m), (s, of_s)) = (of("marketing"), of("sales"));
    if lines.is_empty() {
        return "The agreement holds no promises yet.".to_owned();
    }
    let running = lines.iter().any(|l| l.pace < 1.0);
    let verb = if running { "is keeping" } else { "kept" };
    format!("Marketing {verb} {m} of {of_m} promises, sales {s} of {of_s}.")
}

/// Every promise of the agreement and how it stands, marketing first.
///
/// # Errors
/// When a query fails or the filter is wrong.
pub async fn promises(desk: &Desk<'_>, ask: &Ask) -> Result<Vec<PromiseLine>, EngineError> {
    let p = &desk.agreement.promises;
    let mut lines = Vec::new();
    if let Some(v) = &p.leads {
        lines.push(volume(desk, ask, "leads", "Leads delivered", v).await?);
    }
    if let Some(v) = &p.mqls {
        lines.push(volume(desk, ask, "mqls", "Qualified leads delivered", v).await?);
    }
    if let Some(v) = &p.lead_value {
        lines.push(value(desk, ask, v).await?);
    }
    if let Some(w) = &p.speed_to_lead {
        lines.push(window(desk, ask, "speed_to_lead", "Speed to lead", w).await?);
    }
    if let Some(w) = &p.leads_worked {
        lines.push(window(desk, ask, "leads_worked", "Leads worked", w).await?);
    }
    if p.attempts_before_dead.is_some() {
        lines.extend(attempts(desk, ask).await?);
    }
    Ok(lines)
}

fn period_of(desk: &Desk<'_>, ask: &Ask, per: Per) -> Period {
    let mut day = desk.facts.view.day();
    if let Some(p) = &ask.period {
        let fits = match per {
            Per::Month => 28..=36,
            Per::Quarter => 84..=98,
            Per::Year => 364..=372,
        };
        if fits.contains(&p.days()) {
            return p.clone();
        }
        // Another length than the promise's: its last period that lies in the one asked for.
        day = day.min(p.to.yesterday().unwrap_or(p.from));
    }
    match per {
        Per::Month => desk.agreement.fiscal.month_of(day),
        Per::Quarter => desk.agreement.fiscal.quarter_of(day),
        Per::Year => desk.agreement.fiscal.year_of(day),
    }
}

/// Share of a period that has passed at the end of the as-of day.
fn pace(desk: &Desk<'_>, period: &Period) -> f64 {
    let end = desk.facts.view.day().tomorrow().unwrap_or(desk.facts.view.day());
    let passed = period.from.until(end).map_or(0, |s| s.get_days());
    (f64::from(passed) / f64::from(period.days().max(1))).clamp(0.0, 1.0)
}

struct Line<'a> {
    side: &'a str,
    promise: &'a str,
    title: &'a str,
    text: String,
    period: Period,
}

fn line(desk: &Desk<'_>, l: Line<'_>, goal: Cell, actual: Cell, attainment: Cell, gap: String, standing: Standing) -> PromiseLine {
    let key = format!("promise.{}.{}", l.side, l.promise);
    PromiseLine {
        side: l.side.to_owned(),
        promise: l.promise.to_owned(),
        title: l.title.to_owned(),
        text: l.text,
        clause: format!("{key} (line {})", desk.agreement.line(&key)),
        period: l.period.label.clone(),
        goal,
        actual,
        attainment,
        pace: pace(desk, &l.period),
        gap,
        standing,
    }
}

fn standing_of_volume(attainment: f64, pace: f64) -> Standing {
    match (attainment >= 1.0, pace >= 1.0) {
        (true, _) => Standing::Kept,
        (false, true) => Standing::Broken,
        (false, false) if attainment >= pace => Standing::OnTrack,
        (false, false) => Standing::AtRisk,
    }
}

fn standing_of_share(kept: bool, pace: f64) -> Standing {
    match (kept, pace >= 1.0) {
        (true, true) => Standing::Kept,
        (true, false) => Standing::OnTrack,
        (false, true) => Standing::Broken,
        (false, false) => Standing::AtRisk,
    }
}

async fn volume(desk: &Desk<'_>, ask: &Ask, promise: &str, title: &str, v: &VolumePromise) -> Result<PromiseLine, EngineError> {
    let period = period_of(desk, ask, v.per);
    let stage = desk.agreement.stages.get(usize::from(v.stage));
    let within = |column: &str| format!("{column} >= DATE '{}' AND {column} < DATE '{}'", period.from, period.to);
    let own = Ask { by: None, ..ask.clone() };
    let list = ["count(*) AS n".to_owned()];
    let rows = if v.stage == 0 {
        desk.select(&own, "leads", &[], &list, &[&within("created_on")]).await?
    } else {
        let rank = format!("rank = {}", v.stage);
        let filter = Ask { filter: None, ..own.clone() };
        let only = [within("reached_on"), rank, "subject_type = 'lead'".to_owned()];
        let only: Vec<&str> = only.iter().map(String::as_str).collect();
        let asked = if own.filter.is_some() { &own } else { &filter };
        desk.select(asked, "stage_visits", &[], &list, &only).await?
    };
    let actual = rows.one().int("n");
    let goal = match v.goal {
        Goal::Number(n) => Some(n),
        Goal::Chain { bookings, average_sale, to_opportunity, to_won } => {
            treaty_stats::lead_goal(bookings, average_sale, to_opportunity, to_won).and_then(|g| i64::try_from(g).ok())
        }
    };
    let name = stage.map_or("leads", |s| s.name.as_str());
    let pace = pace(desk, &period);
    let (goal_cell, attainment, gap, standing) = match goal {
        Some(g) if g > 0 => {
            let share = actual as f64 / g as f64;
            let gap = if actual >= g {
                format!("{} more than promised", grouped_count(actual - g))
            } else {
                format!("{} short of {}", grouped_count(g - actual), grouped_count(g))
            };
            (Cell::Count(g), Cell::ratio(actual, g), gap, standing_of_volume(share, pace))
        }
        _ => (Cell::Undefined(Reason::ZeroDenominator), Cell::Undefined(Reason::ZeroDenominator), "no goal".to_owned(), Standing::Open),
    };
    let text = match goal {
        Some(g) => format!("{} {}s in {}", grouped_count(g), name.to_lowercase(), period.label),
        None => format!("{name}s in {}", period.label),
    };
    let l = Line { side: "marketing", promise, title, text, period };
    Ok(line(desk, l, goal_cell, Cell::Count(actual), attainment, gap, standing))
}

async fn window(desk: &Desk<'_>, ask: &Ask, promise: &str, title: &str, w: &WindowPromise) -> Result<PromiseLine, EngineError> {
    let period = period_of(desk, ask, w.per);
    let list = ["count(*) FILTER (WHERE is_due) AS due".to_owned(), "count(*) FILTER (WHERE is_due AND met) AS met".to_owned()];
    // Promises over the same period are one query, which is asked once.
    let within = format!("started_on >= DATE '{}' AND started_on < DATE '{}'", period.from, period.to);
    let rows = desk.select(&Ask { by: None, ..ask.clone() }, "sla_clocks", &["promise"], &list, &[&within]).await?;
    let r = rows.of(promise);
    let clock = if w.clock == ClockKind::Wall { "wall clock" } else { "business clock" };
    let text = format!("{} of hand-offs attempted within {} ({clock})", percent(w.share), span(w.within_minutes));
    let l = Line { side: "sales", promise, title, text, period };
    Ok(share(desk, l, w.share, r.int("met"), r.int("due")))
}

fn span(minutes: i64) -> String {
    match minutes {
        m if m % 1440 == 0 => format!("{} days", m / 1440),
        m if m % 60 == 0 && m > 60 => format!("{} hours", m / 60),
        m => format!("{m} minutes"),
    }
}

fn share(desk: &Desk<'_>, l: Line<'_>, promised: f64, met: i64, due: i64) -> PromiseLine {
    let pace = pace(desk, &l.period);
    if due == 0 {
        let none = Cell::Undefined(Reason::EmptyPopulation);
        return line(desk, l, Cell::Share(promised), none.clone(), none, "nothing was due".to_owned(), Standing::Open);
    }
    let actual = met as f64 / due as f64;
    let points = treaty_stats::round_half_away((actual - promised).abs() * 100.0, 1);
    let kept = actual >= promised;
    let gap = format!("{} by {points:.1} points (n = {})", if kept { "kept" } else { "missed" }, grouped_count(due));
    let attainment = if promised > 0.0 { Cell::Share(actual / promised) } else { Cell::Undefined(Reason::ZeroDenominator) };
    line(desk, l, Cell::Share(promised), Cell::ratio(met, due), attainment, gap, standing_of_share(kept, pace))
}

async fn attempts(desk: &Desk<'_>, ask: &Ask) -> Result<Option<PromiseLine>, EngineError> {
    let Some(a) = &desk.agreement.promises.attempts_before_dead else { return Ok(None) };
    let period = period_of(desk, ask, a.per);
    let list = [
        "count(*) AS dead".to_owned(),
        format!("count(*) FILTER (WHERE attempts >= {}) AS enough", a.at_least),
        "count(*) FILTER (WHERE attempts = 0) AS untouched".to_owned(),
    ];
    let only = [
        "status = 'disqualified' AND passed AND NOT exempt".to_owned(),
        format!("ended_on >= DATE '{}' AND ended_on < DATE '{}'", period.from, period.to),
    ];
    let only: Vec<&str> = only.iter().map(String::as_str).collect();
    let r = desk.select(&Ask { by: None, ..ask.clone() }, "leads", &[], &list, &only).await?.one();
    let text = format!("{} of leads given up only after {} attempts or more", percent(a.share), a.at_least);
    let l = Line { side: "sales", promise: "attempts_before_dead", title: "Attempts before giving up", text, period };
    let mut out = share(desk, l, a.share, r.int("enough"), r.int("dead"));
    if r.int("untouched") > 0 {
        out.gap = format!("{}; {} given up untouched", out.gap, grouped_count(r.int("untouched")));
    }
    Ok(Some(out))
}

/// A row of the frozen value table (A3).
struct Worth {
    label: Option<String>,
    history: i64,
    bookings: i64,
    weight: f64,
    expected: f64,
    leads: i64,
}

/// Expected values at period start and the leads of the period. All money in minor units.
async fn worth(desk: &Desk<'_>, ask: &Ask, v: &ValuePromise, period: &Period) -> Result<Vec<Worth>, EngineError> {
    let own = Ask { by: None, ..ask.clone() };
    let dim = sql::quoted(&v.by);
    let known = desk.cx.table("leads").await?.schema().fields().iter().any(|f| *f.name() == v.by);
    if !known {
        return Err(EngineError::Ask(format!("promise.marketing.lead_value.by: `{}` is no column of leads", v.by)));
    }
    let filter = desk.filter(&own, "leads").await?.map_or_else(String::new, |f| format!(" AND {f}"));
    let mature = period
        .from
        .checked_sub(jiff::Span::new().days(v.maturity_days))
        .map_err(|e| EngineError::Ask(format!("promise.marketing.lead_value.maturity_days: {e}")))?;
    let text = format!(
        "SELECT CAST({dim} AS VARCHAR) AS label, \
           count(*) FILTER (WHERE created_on < DATE '{mature}') AS history, \
           sum(won_amount) FILTER (WHERE created_on < DATE '{mature}' AND CAST(won_at AS DATE) < DATE '{from}') AS bookings, \
           count(*) FILTER (WHERE created_on >= DATE '{from}' AND created_on < DATE '{to}') AS leads \
         FROM leads WHERE true{filter} GROUP BY 1",
        from = period.from,
        to = period.to
    );
    let rows = Rows::collect(&desk.cx, &text, 1).await?;
    let history: i64 = rows.0.iter().map(|r| r.int("history")).sum();
    let bookings: i64 = rows.0.iter().map(|r| r.int("bookings")).sum();
    let overall = if history > 0 { bookings as f64 / history as f64 } else { 0.0 };
    Ok(rows
        .0
        .iter()
        .map(|r| {
            let n = r.int("history");
            let own = if n > 0 { r.int("bookings") as f64 / n as f64 } else { overall };
            let weight = n as f64 / (n as f64 + v.credibility);
            Worth {
                label: r.label().map(str::to_owned),
                history: n,
                bookings: r.int("bookings"),
                weight: if n > 0 { weight } else { 0.0 },
                expected: weight * own + (1.0 - weight) * overall,
                leads: r.int("leads"),
            }
        })
        .collect())
}

async fn value(desk: &Desk<'_>, ask: &Ask, v: &ValuePromise) -> Result<PromiseLine, EngineError> {
    let period = period_of(desk, ask, v.per);
    let table = worth(desk, ask, v, &period).await?;
    let text = format!("leads worth {} in {}, at values frozen on {}", money(v.goal, &desk.provenance), period.label, period.from);
    let pace = pace(desk, &period);
    let l = Line { side: "marketing", promise: "lead_value", title: "Value of leads delivered", text, period };
    if table.iter().all(|w| w.history == 0) {
        let none = Cell::Undefined(Reason::NoHistory);
        return Ok(line(desk, l, Cell::Money(v.goal), none.clone(), none, "no leads old enough to learn values from".to_owned(), Standing::Open));
    }
    let actual = table.iter().map(|w| w.expected * w.leads as f64).sum::<f64>().round() as i64;
    let share = actual as f64 / v.goal.max(1) as f64;
    let gap = if actual >= v.goal {
        format!("{} more than promised", money(actual - v.goal, &desk.provenance))
    } else {
        format!("{} short of {}", money(v.goal - actual, &desk.provenance), money(v.goal, &desk.provenance))
    };
    Ok(line(desk, l, Cell::Money(v.goal), Cell::Money(actual), Cell::Share(share), gap, standing_of_volume(share, pace)))
}

/// What is a lead of each source expected to be worth? The frozen value table (A3).
pub(super) async fn value_table(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let dim = desk.agreement.promises.lead_value.as_ref().map_or("lead_source", |v| v.by.as_str()).to_owned();
    let columns = vec![
        column(&dim, &super::title_of(&dim), Unit::Text, ""),
        column("history_leads", "Leads learnt from", Unit::Count, ""),
        column("history_won", "Won of them", Unit::Money, ""),
        column("weight", "Own weight", Unit::Share, ""),
        column("expected_value", "Expected per lead", Unit::Money, ""),
        column("leads", "Leads in the period", Unit::Count, ""),
        column("value", "Value delivered", Unit::Money, ""),
    ];
    let own = Ask { by: None, ..ask.clone() };
    let mut out = desk.blank("value", "What is a lead expected to be worth?", &own, columns);
    let Some(v) = &desk.agreement.promises.lead_value else {
        out.answer = "The agreement has no promise of lead value.".to_owned();
        out.notes.push("Add [promise.marketing.lead_value] to the agreement.".to_owned());
        return Ok(out);
    };
    let period = period_of(desk, ask, v.per);
    out.provenance.period = period.label.clone();
    let table = worth(desk, ask, v, &period).await?;
    let mut total = 0.0;
    for w in &table {
        total += w.expected * w.leads as f64;
        out.rows.push(vec![
            named(w.label.as_deref(), "(unknown)"),
            Cell::Count(w.history),
            Cell::Money(w.bookings),
            Cell::Share(w.weight),
            Cell::Money(w.expected.round() as i64),
            Cell::Count(w.leads),
            Cell::Money((w.expected * w.leads as f64).round() as i64),
        ]);
        out.provisional.push(false);
    }
    out.answer = format!("The leads of {} are expected to be worth {}.", period.label, money(total.round() as i64, &out.provenance));
    out.chart = Some(Chart::Bars { label: dim, value: "expected_value".to_owned(), interval: None });
    out.clauses = vec!["promise.marketing.lead_value".to_owned()];
    out.method = "Won amounts of leads old enough at the start of the period, as known on its first day, over all such leads. Small groups lean on the whole with the credibility weight n / (n + k). The table is frozen for the period, so that the goal does not move with the mix.".to_owned();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use treaty_app::report::Provenance;

    fn provenance() -> Provenance {
        Provenance {
            agreement: String::new(),
            agreement_name: String::new(),
            signed: true,
            record_version: 1,
            as_of: String::new(),
            basis: String::new(),
            history_imported: false,
            time_zone: "UTC".to_owned(),
            currency: "USD".to_owned(),
            exponent: 2,
            period: String::new(),
            filter: None,
        }
    }

    #[test]
    fn standings() {
        assert_eq!(standing_of_volume(1.0, 0.2), Standing::Kept);
        assert_eq!(standing_of_volume(0.99, 1.0), Standing::Broken);
        assert_eq!(standing_of_volume(0.5, 0.4), Standing::OnTrack);
        assert_eq!(standing_of_volume(0.3, 0.4), Standing::AtRisk);
        assert_eq!(standing_of_share(true, 1.0), Standing::Kept);
        assert_eq!(standing_of_share(false, 0.5), Standing::AtRisk);
    }

    #[test]
    fn words_of_windows_and_money() {
        assert_eq!(span(60), "60 minutes");
        assert_eq!(span(240), "4 hours");
        assert_eq!(span(7 * 1440), "7 days");
        assert_eq!(money(123_456_749, &provenance()), "1,234,567 USD");
        assert_eq!(money(-150, &provenance()), "-2 USD");
    }
}
