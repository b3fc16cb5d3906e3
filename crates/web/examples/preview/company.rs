//! A made-up company whose numbers hold all that a page must be able to show.

use treaty_app::report::{Cell, Chart, Column, Provenance, Reason, Report, Unit};
use treaty_app::review::{PromiseLine, Review, Standing};

fn provenance() -> Provenance {
    Provenance {
        agreement: "2026-01-01".to_owned(),
        agreement_name: "Acme: sales and marketing".to_owned(),
        signed: true,
        record_version: 12,
        as_of: "2026-06-12".to_owned(),
        basis: "as_of".to_owned(),
        history_imported: false,
        time_zone: "America/New_York".to_owned(),
        currency: "USD".to_owned(),
        exponent: 2,
        period: "2026-Q2".to_owned(),
        filter: None,
    }
}

fn column(name: &str, title: &str, unit: Unit) -> Column {
    Column { name: name.to_owned(), title: title.to_owned(), unit, metric: None }
}

fn metric(name: &str, title: &str, unit: Unit, id: &str) -> Column {
    Column { metric: Some(id.to_owned()), ..column(name, title, unit) }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Wilson's interval, 95 %.
fn wilson(k: i64, n: i64) -> [Cell; 2] {
    if n == 0 {
        return [Cell::Undefined(Reason::ZeroDenominator), Cell::Undefined(Reason::ZeroDenominator)];
    }
    let (k, n, z) = (k as f64, n as f64, 1.959_963_984_540_054_f64);
    let (p, z2) = (k / n, z * z);
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    [Cell::Share(middle - half), Cell::Share(middle + half)]
}

struct Words {
    name: &'static str,
    question: &'static str,
    answer: &'static str,
    method: &'static str,
    clauses: &'static [&'static str],
    notes: &'static [&'static str],
}

fn report(words: Words, columns: Vec<Column>, rows: Vec<Vec<Cell>>, chart: Option<Chart>) -> Report {
    let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
    Report {
        name: words.name.to_owned(),
        question: words.question.to_owned(),
        answer: words.answer.to_owned(),
        columns,
        provisional: vec![false; rows.len()],
        rows,
        chart,
        clauses: owned(words.clauses),
        method: words.method.to_owned(),
        notes: owned(words.notes),
        provenance: provenance(),
    }
}

/// Stage, owner, reached, reached before, median days.
type Stage = (&'static str, &'static str, i64, i64, Option<f64>);
/// Source, leads, converted, won in cents, median days, verdict.
type Source = (&'static str, i64, i64, i64, Option<f64>, &'static str);

/// Eight stages; the young ones provisional, one too small, one empty.
pub fn funnel() -> Report {
    let stages: [Stage; 8] = [
        ("Lead", "marketing", 7_312, 7_312, None),
        ("Marketing qualified lead", "marketing", 2_431, 7_312, Some(6.4)),
        ("Sales accepted lead", "sales", 1_904, 2_431, Some(1.2)),
        ("Opportunity", "sales", 1_033, 1_904, Some(12.7)),
        ("Demo", "sales", 711, 1_033, Some(9.3)),
        ("Trial", "sales", 214, 711, Some(31.0)),
        ("Negotiation", "sales", 8, 9, None),
        ("Won", "sales", 0, 0, None),
    ];
    let row = |(stage, owner, k, n, days): Stage| {
        let small = n > 0 && n < 10;
        let suppressed = || Cell::Suppressed { n, min_n: 10 };
        let [low, high] = if small { [suppressed(), suppressed()] } else { wilson(k, n) };
        vec![
            text(stage),
            text(owner),
            Cell::Count(k),
            if small { suppressed() } else { Cell::ratio(k, n) },
            low,
            high,
            match days {
                Some(days) => Cell::Number(days),
                None if stage == "Lead" => Cell::Blank,
                None => Cell::Undefined(Reason::NotReached),
            },
            Cell::Flag(matches!(stage, "Demo" | "Trial")),
        ]
    };
    let columns = vec![
        column("stage", "Stage", Unit::Text),
        column("owner", "Owner", Unit::Text),
        metric("reached", "Reached", Unit::Count, "stage_reached"),
        metric("conversion", "Conversion", Unit::Share, "stage_conversion"),
        column("conversion_low", "Low", Unit::Share),
        column("conversion_high", "High", Unit::Share),
        metric("median_days", "Median days", Unit::Days, "stage_median_days"),
        column("provisional", "Provisional", Unit::Flag),
    ];
    let chart = Chart::Bars {
        label: "stage".to_owned(),
        value: "conversion".to_owned(),
        interval: Some(("conversion_low".to_owned(), "conversion_high".to_owned())),
    };
    let words = Words {
        name: "funnel",
        question: "Where does the funnel leak?",
        answer: "Between Demo and Trial: only 30.1 % of 711 demos led to a trial, against 60 % in the plan.",
        method: "Each attempt of each person counts once at every stage that it reached before the as-of date. Conversion is the share \
                 of those who reached the stage before; open attempts stay in the denominator. Medians interpolate over those who got there.",
        clauses: &["stage.mql", "stage.sal", "display.min_n"],
        notes: &[
            "Attempts younger than 90 days can still move on, so Demo and Trial are provisional.",
            "41 attempts skipped a stage; they count as having reached it.",
        ],
    };
    let mut report = report(words, columns, stages.map(row).to_vec(), Some(chart));
    report.provisional = stages.iter().map(|s| matches!(s.0, "Demo" | "Trial")).collect();
    report
}

/// Fifteen sources with intervals, three of them behind `other`.
pub fn sources() -> Report {
    let sources: [Source; 16] = [
        ("Search #240", 2_812, 83, 336_000, Some(61.2), "below the rest"),
        ("Search #174", 2_201, 389, 5_256_800, Some(48.0), "above the rest"),
        ("Search #4", 700, 46, 237_600, Some(52.5), "below the rest"),
        ("Search #32", 508, 335, 43_585_200, Some(33.4), "above the rest"),
        ("Search #101", 458, 99, 2_523_900, Some(40.8), "above the rest"),
        ("Search #45", 185, 1, 0, None, "below the rest"),
        ("Twitter #5", 157, 33, 940_800, Some(71.0), "no difference shown"),
        ("Conference #158, North American Customer Success Summit", 154, 25, 0, None, "no difference shown"),
        ("Twitter #225", 137, 22, 2_185_600, Some(66.1), "no difference shown"),
        ("Referral <partner> & \"friends\"", 96, 31, 1_920_000, Some(25.5), "above the rest"),
        ("Newsletter", 64, 9, 210_000, Some(80.0), "no difference shown"),
        ("Webinar #12", 41, 6, 88_000, Some(44.0), "no difference shown"),
        ("Podcast", 22, 4, 41_000, None, "no difference shown"),
        ("Trade fair", 12, 0, 0, None, "no verdict under 30"),
        ("unknown", 7, 1, 1_250, None, "no verdict under 30"),
        ("Total", 7_554, 1_084, 57_326_150, Some(44.7), ""),
    ];
    let row = |(source, n, k, won, days, verdict): Source| {
        let small = n < 10;
        let suppressed = || Cell::Suppressed { n, min_n: 10 };
        let [low, high] = if small { [suppressed(), suppressed()] } else { wilson(k, n) };
        vec![
            text(source),
            Cell::Count(n),
            Cell::Count(k),
            if small { suppressed() } else { Cell::ratio(k, n) },
            low,
            high,
            Cell::Money(won),
            Cell::Money((won as f64 / n as f64).round() as i64),
            Cell::number_or(days, Reason::NotReached),
            text(verdict),
        ]
    };
    let columns = vec![
        column("lead_source", "Lead source", Unit::Text),
        metric("leads", "Leads", Unit::Count, "leads"),
        metric("converted", "Converted", Unit::Count, "leads_converted"),
        metric("conversion_rate", "Conversion", Unit::Share, "lead_conversion"),
        column("rate_low", "Low", Unit::Share),
        column("rate_high", "High", Unit::Share),
        metric("won_amount", "Won", Unit::Money, "won_amount"),
        metric("amount_per_lead", "Won per lead", Unit::Money, "won_per_lead"),
        metric("median_lead_to_close_days", "Median days to close", Unit::Days, "lead_to_close"),
        column("verdict", "Verdict", Unit::Text),
    ];
    let chart = Chart::Bars {
        label: "lead_source".to_owned(),
        value: "conversion_rate".to_owned(),
        interval: Some(("rate_low".to_owned(), "rate_high".to_owned())),
    };
    let words = Words {
        name: "sources",
        question: "What is each lead source worth?",
        answer: "Search #32 brought 7 % of the leads and 76 % of the won amount; two of three of its leads converted.",
        method: "Leads by the source they were created with. A lead converts when an opportunity is created with that person as its \
                 primary contact. Verdicts compare a source with all others at a false discovery rate of 5 % (Benjamini and Hochberg).",
        clauses: &["source.rule"],
        notes: &["7 leads have no source; they stand as unknown."],
    };
    report(words, columns, sources.map(row).to_vec(), Some(chart))
}

/// Four owners, six age buckets and the leads nobody has touched.
pub fn aging() -> Report {
    let owners: [(&str, [i64; 7]); 5] = [
        ("Henry Cavendish", [561, 2, 6, 62, 292, 68, 208]),
        ("Johann Wolfgang Doebereiner", [313, 20, 20, 41, 328, 179, 112]),
        ("Marie Curie", [234, 64, 117, 119, 302, 133, 11]),
        ("Rene Descartes", [121, 128, 100, 183, 186, 3, 4]),
        ("Total", [1_229, 214, 243, 405, 1_108, 383, 335]),
    ];
    let parts = ["no_activity", "d0_7", "d8_15", "d16_30", "d31_60", "d61_120", "d121_plus"];
    let titles = ["No activity", "0–7 d", "8–15 d", "16–30 d", "31–60 d", "61–120 d", "> 120 d"];
    let mut columns = vec![column("owner_id", "Owner", Unit::Text)];
    columns.extend(parts.iter().zip(titles).map(|(name, title)| column(name, title, Unit::Count)));
    columns.push(column("total", "Total", Unit::Count));
    let row = |(owner, counts): (&str, [i64; 7])| {
        let mut row = vec![text(owner)];
        row.extend(counts.map(Cell::Count));
        row.push(Cell::Count(counts.iter().sum()));
        row
    };
    let words = Words {
        name: "aging",
        question: "Which leads are rotting, and with whom?",
        answer: "1,229 of 3,917 open leads have had no sales activity at all; Henry Cavendish holds 561 of them.",
        method: "Open leads at the as-of date by the days since their last qualifying sales activity. Marketing mail does not count.",
        clauses: &["promise.sales.leads_worked", "activity.qualifying"],
        notes: &[],
    };
    let chart = Chart::Stacked { label: "owner_id".to_owned(), parts: parts.map(str::to_owned).to_vec() };
    report(words, columns, owners.map(row).to_vec(), Some(chart))
}

/// Sourced and influenced pipeline by campaign, with its union.
pub fn influence() -> Report {
    let campaigns: [(&str, i64, i64, i64, i64); 6] = [
        ("Customer success webinar series", 14, 1_240_000, 41, 3_910_000),
        ("Spring trade show", 3, 410_000, 38, 3_420_000),
        ("Search: evaluation guide", 22, 1_980_000, 26, 2_105_000),
        ("Nurture: year after purchase", 1, 35_000, 29, 2_870_000),
        ("Partner referrals", 9, 760_500, 11, 905_000),
        ("(union)", 49, 4_425_500, 88, 7_730_000),
    ];
    let row = |(name, a, amount_a, b, amount_b): (&str, i64, i64, i64, i64)| {
        vec![text(name), Cell::Count(a), Cell::Money(amount_a * 100), Cell::Count(b), Cell::Money(amount_b * 100)]
    };
    let columns = vec![
        column("campaign_id", "Campaign", Unit::Text),
        column("sourced_opportunities", "Sourced opportunities", Unit::Count),
        metric("sourced_pipeline", "Sourced pipeline", Unit::Money, "sourced_pipeline"),
        column("influenced_opportunities", "Influenced opportunities", Unit::Count),
        metric("influenced_pipeline", "Influenced pipeline", Unit::Money, "influenced_pipeline"),
    ];
    let words = Words {
        name: "influence",
        question: "Which pipeline did marketing source, and which did it influence?",
        answer: "Marketing sourced USD 4.43 M of pipeline and touched USD 7.73 M; the amounts of campaigns overlap and do not add up.",
        method: "Sourced: the campaign that the source rule names. Influenced: any touch of any contact within 90 days before creation.",
        clauses: &["influence.window_days", "promise.marketing.lead_value"],
        notes: &["12 opportunities have no contact role; they can be influenced by nothing."],
    };
    let values = ("sourced_pipeline".to_owned(), "influenced_pipeline".to_owned());
    report(words, columns, campaigns.map(row).to_vec(), Some(Chart::Paired { label: "campaign_id".to_owned(), values }))
}

/// Sixty opportunities without a chart: a long table.
pub fn recycle() -> Report {
    let columns = vec![
        column("opportunity_id", "Opportunity", Unit::Text),
        column("owner_id", "Owner", Unit::Text),
        column("stage", "Stage", Unit::Text),
        column("age_days", "Age", Unit::Days),
        column("rule", "Rule", Unit::Text),
        column("verdict", "Verdict", Unit::Text),
    ];
    let owners = ["Henry Cavendish", "Marie Curie", "Rene Descartes"];
    let stages = ["Opportunity", "Demo", "Trial"];
    let row = |i: usize| {
        vec![
            text(&format!("OPP-{:05}", 10_300 + i * 37)),
            text(owners[i % 3]),
            text(stages[(i / 2) % 3]),
            Cell::Count(i64::try_from(420 - i * 5).unwrap_or_default()),
            text("mean_lost_cycle"),
            text(if i < 44 { "hand over" } else { "keep" }),
        ]
    };
    let words = Words {
        name: "recycle",
        question: "Which opportunities should go back to marketing?",
        answer: "44 of 60 open opportunities are older than the 204 days in which the average opportunity is lost.",
        method: "Open opportunities by age, beside the mean cycle of lost ones.",
        clauses: &["recycle.rule"],
        notes: &[],
    };
    report(words, columns, (0..60).map(row).collect(), None)
}

/// No rows at all.
pub fn speed() -> Report {
    let columns = vec![column("assigned_to", "Assigned to", Unit::Text), column("passed", "Passed", Unit::Count)];
    let words = Words {
        name: "speed",
        question: "How fast are leads worked?",
        answer: "No lead was handed over in this period.",
        method: "Minutes from hand-off to the first qualifying activity, on the business clock.",
        clauses: &["promise.sales.speed_to_lead"],
        notes: &[],
    };
    report(words, columns, Vec::new(), None)
}

#[allow(clippy::too_many_arguments, reason = "a table of promises reads best with one line each")]
fn promise(
    side: &str,
    id: &str,
    title: &str,
    words: &str,
    line: u32,
    (goal, actual, attainment): (Cell, Cell, Cell),
    gap: &str,
    standing: Standing,
) -> PromiseLine {
    PromiseLine {
        side: side.to_owned(),
        promise: id.to_owned(),
        title: title.to_owned(),
        text: words.to_owned(),
        clause: format!("promise.{side}.{id} (agreement.toml:{line})"),
        period: "2026-Q2".to_owned(),
        goal,
        actual,
        attainment,
        pace: 73.0 / 91.0,
        gap: gap.to_owned(),
        standing,
    }
}

/// The review of the company.
pub fn review() -> Review {
    let open = || Cell::Undefined(Reason::NotMature);
    let promises = vec![
        promise(
            "marketing",
            "leads",
            "Leads",
            "2,500 leads a quarter, from a bookings goal of USD 1,000,000",
            61,
            (Cell::Count(2_500), Cell::Count(2_612), Cell::Share(2_612.0 / 2_500.0)),
            "exceeded by 112 leads",
            Standing::Kept,
        ),
        promise(
            "marketing",
            "mqls",
            "Marketing qualified leads",
            "1,250 marketing qualified leads a quarter",
            69,
            (Cell::Count(1_250), Cell::Count(1_021), Cell::Share(1_021.0 / 1_250.0)),
            "229 to go, 18 days left; the pace is enough",
            Standing::OnTrack,
        ),
        promise(
            "marketing",
            "lead_value",
            "Expected value of leads",
            "USD 1,000,000 of expected value a quarter, at the values frozen on the first day of it",
            76,
            (Cell::Money(100_000_000), Cell::Money(61_240_050), Cell::Share(0.612_400_5)),
            "USD 387,600 to go; at this pace USD 763,400 by the end",
            Standing::AtRisk,
        ),
        promise(
            "sales",
            "speed_to_lead",
            "Speed to lead",
            "95 % of hand-offs attempted within 60 minutes (business clock)",
            92,
            (Cell::Share(0.95), Cell::ratio(86, 108), Cell::Share(86.0 / 108.0 / 0.95)),
            "missed by 15.4 points (n = 108)",
            Standing::Broken,
        ),
        promise(
            "sales",
            "leads_worked",
            "Leads worked at all",
            "90 % of hand-offs worked within 7 days",
            98,
            (Cell::Share(0.9), Cell::ratio(99, 108), Cell::Share(99.0 / 108.0 / 0.9)),
            "exceeded by 1.7 points (n = 108)",
            Standing::Kept,
        ),
        promise(
            "sales",
            "attempts_before_dead",
            "Attempts before a lead is given up",
            "90 % of leads given up had at least 6 attempts",
            104,
            (Cell::Share(0.9), open(), open()),
            "",
            Standing::Open,
        ),
    ];
    Review {
        title: "Acme: sales and marketing".to_owned(),
        headline: "Two of six promises are kept and one is broken: sales worked 79.6 % of due leads in time; 95 % was promised.".to_owned(),
        promises,
        reports: vec![funnel(), sources(), aging(), influence(), recycle(), speed()],
        provenance: provenance(),
    }
}
