//! A report and a promise as the templates want them: text and classes, nothing left to decide.

use treaty_app::render::format::{self, alone, symbol, tally};
use treaty_app::render::table::{Head, Row, Shown, Table};
use treaty_app::report::{Provenance, Report};
use treaty_app::review::{PromiseLine, Review, Standing};

use crate::chart::{Frame, Spec, Theme, attainment, chart};

/// Rows of a table that a page holds; the command beside it prints all.
pub(crate) const ROWS_MOST: usize = 250;
/// A table with more rows scrolls inside its own region.
const ROWS_TALL: usize = 24;

/// A heading of a table.
pub(crate) struct HeadView {
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) class: &'static str,
    pub(crate) tip: String,
}

/// A cell of a table.
pub(crate) struct CellView {
    pub(crate) text: String,
    pub(crate) tip: String,
    pub(crate) class: &'static str,
    pub(crate) sort: String,
    pub(crate) mark: String,
    pub(crate) names_row: bool,
    pub(crate) provisional: bool,
}

/// A row of a table.
pub(crate) struct RowView {
    pub(crate) class: &'static str,
    pub(crate) cells: Vec<CellView>,
}

/// What a mark in the table means.
pub(crate) struct FootnoteView {
    pub(crate) mark: String,
    pub(crate) letter: String,
    pub(crate) words: String,
}

/// A chart in its two sizes.
pub(crate) struct FigureView {
    pub(crate) wide: String,
    pub(crate) narrow: String,
    pub(crate) caption: String,
}

/// A clause, and where on the page it is.
pub(crate) struct ClauseView {
    pub(crate) text: String,
    pub(crate) href: String,
}

/// One report.
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) question: String,
    pub(crate) answer: String,
    pub(crate) figure: Option<FigureView>,
    pub(crate) heads: Vec<HeadView>,
    pub(crate) rows: Vec<RowView>,
    pub(crate) tall: bool,
    pub(crate) hidden: String,
    pub(crate) footnotes: Vec<FootnoteView>,
    pub(crate) any_provisional: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) method: String,
    pub(crate) clauses: Vec<ClauseView>,
    pub(crate) metrics: Vec<(String, String)>,
    pub(crate) provenance: Vec<(&'static str, String)>,
    /// What it rests on stands at the foot of the page already.
    pub(crate) same_basis: bool,
    pub(crate) command: String,
}

/// One promise.
pub(crate) struct PromiseView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) standing: &'static str,
    pub(crate) class: &'static str,
    pub(crate) symbol: &'static str,
    pub(crate) actual: String,
    pub(crate) goal: String,
    pub(crate) attainment: String,
    pub(crate) why: String,
    pub(crate) bar: String,
    pub(crate) gap: String,
    pub(crate) clause: String,
    pub(crate) period: String,
}

/// The promises of one side.
pub(crate) struct SideView {
    pub(crate) side: String,
    pub(crate) class: &'static str,
    pub(crate) tally: String,
    pub(crate) promises: Vec<PromiseView>,
}

/// An id from words of others: letters, digits, `-` and `_` only.
pub(crate) fn slug(text: &str) -> String {
    let words = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' });
    words.collect()
}

impl Section {
    /// A report as a section; clauses link to the promises of the page, if they are on it.
    pub(crate) fn of(report: &Report, at: usize, promises: &[PromiseLine], page: &Provenance) -> Self {
        let table = Table::first(report, ROWS_MOST);
        let id = format!("{}-{at}", slug(&report.name));
        let figure = Spec::of(report).and_then(|spec| {
            let (wide_id, narrow_id) = (format!("{id}-wide"), format!("{id}-narrow"));
            let wide = chart(report, &Frame::wide(&wide_id))?;
            let narrow = chart(report, &Frame::narrow(&narrow_id))?;
            Some(FigureView { wide, narrow, caption: spec.caption() })
        });
        let lettered = table.footnotes.len() > 1;
        let letter = |i: usize| if lettered { char::from_u32('a' as u32 + (i % 26) as u32).map(String::from) } else { None };
        let footnotes = table.footnotes.iter().enumerate();
        let footnotes = footnotes.map(|(i, f)| FootnoteView {
            mark: f.mark.clone(),
            letter: letter(i).unwrap_or_default(),
            words: f.words(),
        });
        let mark = |cell: &Shown| {
            let at = cell.why.as_ref().and_then(|why| table.footnotes.iter().position(|f| f.why == *why));
            at.and_then(letter).unwrap_or_default()
        };
        let rows = table.rows.iter().map(|row| row_view(&table, row, &mark)).collect();
        let hidden = match table.hidden {
            0 => String::new(),
            hidden => format::count(i64::try_from(hidden).unwrap_or(i64::MAX)),
        };
        let metrics = report.columns.iter().filter_map(|c| Some((c.title.clone(), c.metric.clone()?)));
        let clauses = report.clauses.iter().map(|clause| ClauseView { text: clause.clone(), href: href(clause, promises) });
        Self {
            id,
            question: report.question.clone(),
            answer: prose(&report.answer),
            figure,
            heads: table.heads.iter().map(head_view).collect(),
            rows,
            tall: table.rows.len() > ROWS_TALL,
            hidden,
            footnotes: footnotes.collect(),
            any_provisional: table.rows.iter().any(|r| r.provisional),
            notes: report.notes.iter().map(|n| prose(n)).collect(),
            method: prose(&report.method),
            clauses: clauses.collect(),
            metrics: metrics.collect(),
            provenance: format::provenance(&report.provenance),
            same_basis: report.provenance == *page,
            command: format::command(report),
        }
    }
}

fn head_view(head: &Head) -> HeadView {
    HeadView {
        title: head.title.clone(),
        unit: head.unit.clone().unwrap_or_default(),
        class: if head.numeric { "num" } else { "txt" },
        tip: head.metric.as_ref().map(|m| format!("Metric {m}: treaty metric explain {m} --rows")).unwrap_or_default(),
    }
}

fn row_view(table: &Table, row: &Row, mark: &dyn Fn(&Shown) -> String) -> RowView {
    let cells = row.cells.iter().zip(&table.heads).enumerate().map(|(at, (cell, head))| CellView {
        text: cell.text.clone(),
        tip: cell.why.clone().or_else(|| cell.exact.clone()).unwrap_or_default(),
        class: match (cell.why.is_some(), head.numeric) {
            (true, _) => "num none",
            (false, true) => "num",
            (false, false) => "txt",
        },
        sort: cell.value.map(|x| x.to_string()).unwrap_or_default(),
        mark: mark(cell),
        names_row: at == table.label,
        provisional: at == table.label && row.provisional,
    });
    let class = match (row.total, row.provisional) {
        (true, _) => "total",
        (false, true) => "provisional",
        (false, false) => "",
    };
    RowView { class, cells: cells.collect() }
}

fn promise_id(side: &str, promise: &str) -> String {
    format!("promise-{}-{}", slug(side), slug(promise))
}

fn href(clause: &str, promises: &[PromiseLine]) -> String {
    let here = promises.iter().find(|p| clause == format!("promise.{}.{}", p.side, p.promise));
    here.map(|p| format!("#{}", promise_id(&p.side, &p.promise))).unwrap_or_default()
}

/// The promises of a review, side by side.
pub(crate) fn sides(review: &Review) -> Vec<SideView> {
    let mut names: Vec<&str> = Vec::new();
    for p in &review.promises {
        if !names.contains(&p.side.as_str()) {
            names.push(&p.side);
        }
    }
    let side = |name: &str| {
        let of_side = || review.promises.iter().filter(|p| p.side == name);
        SideView {
            side: name.to_owned(),
            class: match name {
                "marketing" => "marketing",
                "sales" => "sales",
                _ => "",
            },
            tally: tally(of_side()),
            promises: of_side().map(|p| promise_view(p, &review.provenance)).collect(),
        }
    };
    names.into_iter().map(side).collect()
}

/// Whether the period of a promise still runs.
fn runs(p: &PromiseLine) -> bool {
    p.pace > 0.0 && p.pace < 1.0
}

/// How to read the bars of the promises.
pub(crate) fn key(review: &Review) -> String {
    if review.promises.is_empty() {
        return String::new();
    }
    let mut key = "Heavy mark: the goal.".to_owned();
    let mut paces = review.promises.iter().filter(|p| runs(p)).map(|p| p.pace);
    if let Some(first) = paces.next() {
        key.push_str(" Light mark: how much of the period has passed");
        if paces.all(|pace| pace == first) {
            key.push_str(&format!(", {}\u{a0}%", format::percent(first)));
        }
        key.push('.');
    }
    key
}

/// Text in which a number is not parted from its unit at the end of a line.
pub(crate) fn prose(text: &str) -> String {
    let mut out = text.replace(" %", "\u{a0}%");
    let codes: Vec<usize> = out
        .as_bytes()
        .windows(5)
        .enumerate()
        .filter(|(_, w)| w[..3].iter().all(u8::is_ascii_uppercase) && w[3] == b' ' && w[4].is_ascii_digit())
        .map(|(at, _)| at + 3)
        .collect();
    for at in codes.into_iter().rev() {
        out.replace_range(at..=at, "\u{a0}");
    }
    out
}

fn promise_view(p: &PromiseLine, provenance: &Provenance) -> PromiseView {
    let show = |cell| alone(cell, &provenance.currency, provenance.exponent);
    let share = p.attainment.value(provenance.exponent);
    PromiseView {
        id: promise_id(&p.side, &p.promise),
        title: p.title.clone(),
        text: prose(&p.text),
        standing: p.standing.word(),
        class: match p.standing {
            Standing::Kept => "kept",
            Standing::OnTrack => "on-track",
            Standing::AtRisk => "at-risk",
            Standing::Broken => "broken",
            Standing::Open => "open",
        },
        symbol: symbol(p.standing),
        actual: prose(&show(&p.actual)),
        goal: prose(&show(&p.goal)),
        attainment: if share.is_some() { prose(&show(&p.attainment)) } else { String::new() },
        why: format::Missing::of(&p.actual).or(format::Missing::of(&p.attainment)).map(format::Missing::words).unwrap_or_default(),
        bar: attainment(share, runs(p).then_some(p.pace), &p.side, Theme::Web),
        gap: prose(&p.gap),
        clause: p.clause.clone(),
        period: if p.period == provenance.period { String::new() } else { p.period.clone() },
    }
}
