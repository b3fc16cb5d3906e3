//! Hand-made reports for the tests of the renderers.

use crate::report::{Cell, Chart, Column, Provenance, Reason, Report, Unit};
use crate::review::{PromiseLine, Review, Standing};

pub(super) fn provenance() -> Provenance {
    Provenance {
        agreement: "2026-01-01".to_owned(),
        agreement_name: "Acme: sales and marketing".to_owned(),
        signed: true,
        record_version: 7,
        as_of: "2026-06-30".to_owned(),
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

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn report(name: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>, chart: Option<Chart>) -> Report {
    let provisional = vec![false; rows.len()];
    Report {
        name: name.to_owned(),
        question: format!("What does {name} say?"),
        answer: "Only 33.3 % of leads became qualified; Wilson intervals are drawn at every stage of the way.".to_owned(),
        columns,
        rows,
        provisional,
        chart,
        clauses: vec!["stage.mql".to_owned()],
        method: "Each lead counts once, at the last stage that it reached before the as-of date.".to_owned(),
        notes: vec!["Eleven leads have no source; they stand in a row of their own, which is called unknown.".to_owned()],
        provenance: provenance(),
    }
}

/// Two sound stages, a provisional one, a suppressed one, an undefined one.
pub(super) fn funnel() -> Report {
    let suppressed = || Cell::Suppressed { n: 6, min_n: 10 };
    let undefined = || Cell::Undefined(Reason::ZeroDenominator);
    let rows = vec![
        vec![
            text("Lead"),
            Cell::Count(7_500),
            Cell::ratio(7_500, 7_500),
            Cell::Share(1.0),
            Cell::Share(1.0),
            Cell::Blank,
            Cell::Flag(false),
        ],
        vec![
            text("MQL"),
            Cell::Count(2_500),
            Cell::ratio(2_500, 7_500),
            Cell::Share(0.315),
            Cell::Share(0.3521),
            Cell::Number(12.25),
            Cell::Flag(false),
        ],
        vec![
            text("Opportunity"),
            Cell::Count(500),
            Cell::ratio(500, 2_500),
            Cell::Share(0.1848),
            Cell::Share(0.2161),
            Cell::Number(31.0),
            Cell::Flag(true),
        ],
        vec![
            text("Trial"),
            Cell::Count(6),
            suppressed(),
            suppressed(),
            suppressed(),
            Cell::Undefined(Reason::NotReached),
            Cell::Flag(true),
        ],
        vec![
            text("Negotiation"),
            Cell::Count(0),
            undefined(),
            undefined(),
            undefined(),
            Cell::Undefined(Reason::EmptyPopulation),
            Cell::Flag(false),
        ],
    ];
    let columns = vec![
        column("stage", "Stage", Unit::Text),
        column("reached", "Reached", Unit::Count),
        column("conversion", "Conversion", Unit::Share),
        column("conversion_low", "Low", Unit::Share),
        column("conversion_high", "High", Unit::Share),
        column("median_days", "Median days", Unit::Days),
        column("provisional", "Provisional", Unit::Flag),
    ];
    let chart = Chart::Bars {
        label: "stage".to_owned(),
        value: "conversion".to_owned(),
        interval: Some(("conversion_low".to_owned(), "conversion_high".to_owned())),
    };
    let mut report = report("funnel", columns, rows, Some(chart));
    report.provisional = vec![false, false, true, true, false];
    report
}

/// Texts that need quoting, escaping or cleaning.
pub(super) fn awkward() -> Report {
    let row = |name: &str, amount: Cell, flag: Cell| vec![text(name), amount, flag];
    let rows = vec![
        row("Smith, \"Bob\"", Cell::Money(-5), Cell::Flag(true)),
        row("two\nlines", Cell::Money(123_450), Cell::Flag(false)),
        row("", Cell::Blank, Cell::Blank),
        row(" padded ", Cell::Money(0), Cell::Flag(true)),
        row("<b>\u{1b}[31mred</b> & Müller 株式会社 👩‍💻", Cell::Money(99), Cell::Flag(true)),
    ];
    let columns = vec![
        column("name", "Name", Unit::Text),
        column("amount", "Amount", Unit::Money),
        column("flag", "Flag", Unit::Flag),
    ];
    report("awkward", columns, rows, None)
}

/// Many rows and many columns.
pub(super) fn aging(owners: i64) -> Report {
    let parts = ["no_activity", "d0_7", "d8_15", "d16_30", "d31_60", "d61_120", "d121_plus"];
    let titles = ["No activity", "0–7 days", "8–15 days", "16–30 days", "31–60 days", "61–120 days", "Over 120 days"];
    let mut columns = vec![column("owner_id", "Owner", Unit::Text)];
    columns.extend(parts.iter().zip(titles).map(|(name, title)| column(name, title, Unit::Count)));
    columns.push(column("total", "Total", Unit::Count));
    let rows = (0..owners).map(|i| {
        let counts: Vec<i64> = (0..7).map(|b| (i * 37 + b * 113) % 400).collect();
        let mut row = vec![text(&format!("Representative number {i} of the north-eastern team"))];
        row.extend(counts.iter().map(|&n| Cell::Count(n)));
        row.push(Cell::Count(counts.iter().sum()));
        row
    });
    let chart = Chart::Stacked { label: "owner_id".to_owned(), parts: parts.map(str::to_owned).to_vec() };
    report("aging", columns, rows.collect(), Some(chart))
}

/// Sourced and influenced pipeline.
pub(super) fn influence() -> Report {
    let row = |name: &str, a: i64, b: i64| vec![text(name), Cell::Money(a), Cell::Money(b)];
    let rows = vec![
        row("Spring webinar", 12_000_000, 48_000_000),
        row("Trade show", 30_000_000, 9_000_000),
        row("(union)", 42_000_000, 50_000_000),
    ];
    let columns = vec![
        column("campaign_id", "Campaign", Unit::Text),
        column("sourced_pipeline", "Sourced pipeline", Unit::Money),
        column("influenced_pipeline", "Influenced pipeline", Unit::Money),
    ];
    let values = ("sourced_pipeline".to_owned(), "influenced_pipeline".to_owned());
    report("influence", columns, rows, Some(Chart::Paired { label: "campaign_id".to_owned(), values }))
}

fn promise(side: &str, id: &str, goal: Cell, actual: Cell, attainment: Cell, standing: Standing) -> PromiseLine {
    PromiseLine {
        side: side.to_owned(),
        promise: id.to_owned(),
        title: id.replace('_', " "),
        text: format!("The promise of {side} about {id}, spelt out in a sentence that is long enough to be wrapped."),
        clause: format!("promise.{side}.{id} (agreement.toml:92)"),
        period: "2026-Q2".to_owned(),
        goal,
        actual,
        attainment,
        pace: 1.0,
        gap: "missed by 15.4 points (n = 108)".to_owned(),
        standing,
    }
}

/// Promises of each standing, and the reports above.
pub(super) fn review() -> Review {
    let open = Cell::Undefined(Reason::NotMature);
    let promises = vec![
        promise("marketing", "leads", Cell::Count(2_500), Cell::Count(2_612), Cell::Share(1.0448), Standing::Kept),
        promise("marketing", "lead_value", Cell::Money(100_000_000), Cell::Money(81_000_000), Cell::Share(0.81), Standing::AtRisk),
        promise("marketing", "mqls", Cell::Count(900), open.clone(), open, Standing::Open),
        promise("sales", "speed_to_lead", Cell::Share(0.95), Cell::ratio(86, 108), Cell::Share(0.838), Standing::Broken),
        promise("sales", "leads_worked", Cell::Share(0.9), Cell::ratio(97, 108), Cell::Share(0.998), Standing::OnTrack),
    ];
    Review {
        title: "Acme: sales and marketing".to_owned(),
        headline: "Marketing kept one of three promises, sales none of two.".to_owned(),
        promises,
        reports: vec![funnel(), aging(30), influence(), awkward()],
        provenance: provenance(),
    }
}
