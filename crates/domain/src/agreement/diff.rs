//! What changed between two versions of the agreement, in words.
//!
//! Every structure is taken apart without `..`, so that a new field does not compile until it has
//! a sentence here.

use super::calendars::DAYS;
use super::{
    Agreement, Benchmark, Criterion, Forecast, NamedCalendar, Outcomes, Signature, Stage,
    diff_promises, diff_rules,
};
use crate::calendar::Block;
use std::fmt::Display;

/// The sentences of a comparison.
#[derive(Default)]
pub(super) struct Sentences(Vec<String>);

impl Sentences {
    /// Adds a sentence.
    pub(super) fn say(&mut self, sentence: String) {
        self.0.push(sentence);
    }

    /// `<key>: <what> <old> becomes <new>`, when they differ.
    pub(super) fn change<T: PartialEq>(
        &mut self,
        key: &str,
        what: &str,
        old: &T,
        new: &T,
        show: impl Fn(&T) -> String,
    ) {
        if old != new {
            let blank = if what.is_empty() { "" } else { " " };
            self.say(format!("{key}: {what}{blank}{} becomes {}", show(old), show(new)));
        }
    }

    /// `<key>: <what> changes from <old> to <new>`, when they differ.
    pub(super) fn turned<T: PartialEq>(
        &mut self,
        key: &str,
        what: &str,
        old: &T,
        new: &T,
        show: impl Fn(&T) -> String,
    ) {
        if old != new {
            self.say(format!("{key}: {what} changes from {} to {}", show(old), show(new)));
        }
    }

    /// As [`Self::change`] for what shows itself.
    pub(super) fn plain<T: PartialEq + Display>(
        &mut self,
        key: &str,
        what: &str,
        old: &T,
        new: &T,
    ) {
        self.change(key, what, old, new, T::to_string);
    }

    /// What a list of names gained and lost.
    pub(super) fn names(&mut self, key: &str, what: &str, old: &[String], new: &[String]) {
        if old == new {
            return;
        }
        let missing_in = |from: &[String], other: &[String]| -> Vec<String> {
            from.iter().filter(|n| !other.contains(n)).map(|n| format!("\"{n}\"")).collect()
        };
        let (gained, lost) = (missing_in(new, old), missing_in(old, new));
        let mut parts = Vec::new();
        if !gained.is_empty() {
            parts.push(format!("gains {}", gained.join(", ")));
        }
        if !lost.is_empty() {
            parts.push(format!("loses {}", lost.join(", ")));
        }
        if parts.is_empty() {
            parts.push(format!("is in another order: {}", new.join(", ")));
        }
        let blank = if what.is_empty() { "" } else { " " };
        self.say(format!("{key}: {what}{blank}{}", parts.join(" and ")));
    }
}

/// What changed, in sentences that a sales leader understands; empty when nothing did.
pub fn diff(old: &Agreement, new: &Agreement) -> Vec<String> {
    if old == new {
        return Vec::new();
    }
    let mut out = Sentences::default();
    let Agreement {
        name,
        effective_from,
        currency,
        zone,
        sponsor,
        signatures,
        fiscal,
        stages,
        outcomes,
        promises,
        calendars,
        rules,
        clauses: _,
        version_id: _,
        text: _,
    } = new;
    out.change("name", "", &old.name, name, quoted);
    if old.effective_from != *effective_from {
        out.say(format!(
            "effective_from: it takes effect on {effective_from} instead of {}",
            old.effective_from
        ));
    }
    out.plain("currency", "", &old.currency, currency);
    out.change("time_zone", "", &old.zone, zone, |z| z.name().to_owned());
    out.change("sponsor", "", &old.sponsor, sponsor, |s| {
        s.as_ref().map_or("nobody".to_owned(), quoted)
    });
    diff_signatures(&mut out, &old.signatures, signatures);
    out.plain("fiscal", "", &old.fiscal, fiscal);
    diff_stages(&mut out, &old.stages, stages);
    diff_outcomes(&mut out, &old.outcomes, outcomes);
    diff_promises::diff(&mut out, (&old.promises, old), (promises, new));
    diff_calendars(&mut out, &old.calendars, calendars);
    diff_rules::diff(&mut out, &old.rules, rules);
    if out.0.is_empty() {
        out.say(
            "only comments or the layout of the text changed; every clause means the same"
                .to_owned(),
        );
    }
    out.0
}

/// A text in quotation marks.
pub(super) fn quoted(text: &String) -> String {
    format!("\"{text}\"")
}

/// A share as a percentage, such as `95 %`; exact, so that no change hides behind rounding.
pub(super) fn percent(share: f64) -> String {
    let percent = (share * 1e6).round() / 1e4;
    if percent / 100.0 == share { format!("{percent} %") } else { format!("{share} (of 1)") }
}

/// `yes` or `no`.
pub(super) fn yes_no(flag: &bool) -> String {
    if *flag { "yes" } else { "no" }.to_owned()
}

/// A number of things: `1 day`, `2 days`.
pub(super) fn counted(n: i64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

fn diff_signatures(out: &mut Sentences, old: &[Signature], new: &[Signature]) {
    let show =
        |Signature { side, name, on }: &Signature| format!("{name} for {} on {on}", side.word());
    for gone in old.iter().filter(|s| !new.contains(s)) {
        out.say(format!("signature: {} is no longer there", show(gone)));
    }
    for came in new.iter().filter(|s| !old.contains(s)) {
        out.say(format!("signature: signed by {}", show(came)));
    }
}

fn diff_stages(out: &mut Sentences, old: &[Stage], new: &[Stage]) {
    for gone in old.iter().filter(|s| !new.iter().any(|n| n.id == s.id)) {
        out.say(format!("stage \"{}\" was removed", gone.id));
    }
    for (position, came) in
        new.iter().enumerate().filter(|(_, s)| !old.iter().any(|o| o.id == s.id))
    {
        let place = match position.checked_sub(1).and_then(|before| new.get(before)) {
            Some(before) => format!("after \"{}\"", before.id),
            None => "as the first".to_owned(),
        };
        let Stage { id, name, subject: _, owner, definition, .. } = came;
        out.say(format!(
            "stage \"{id}\" ({name}) was added {place}, owned by {}: {definition}",
            owner.word()
        ));
    }
    let order = |from: &[Stage], other: &[Stage]| -> Vec<String> {
        from.iter().filter(|s| other.iter().any(|o| o.id == s.id)).map(|s| s.id.clone()).collect()
    };
    let (before, after) = (order(old, new), order(new, old));
    if before != after {
        out.say(format!("stages: the order {} becomes {}", before.join(", "), after.join(", ")));
    }
    for stage in new {
        if let Some(before) = old.iter().find(|s| s.id == stage.id) {
            diff_stage(out, before, stage);
        }
    }
}

fn diff_stage(out: &mut Sentences, old: &Stage, new: &Stage) {
    let Stage {
        id,
        name,
        subject,
        owner,
        definition,
        aliases,
        enter_when,
        forecast,
        benchmark,
        gate,
    } = new;
    let key = format!("stage \"{id}\"");
    let mut from_to = |what: &str, old: &String, new: &String| {
        if old != new {
            out.say(format!("{key}: {what} changed from \"{old}\" to \"{new}\""));
        }
    };
    from_to("name", &old.name, name);
    from_to("definition", &old.definition, definition);
    out.turned(&key, "the one whose history moves it", &old.subject, subject, |s| match s {
        super::Subject::Person => "the person".to_owned(),
        super::Subject::Opportunity => "the opportunity".to_owned(),
    });
    out.turned(&key, "the owner", &old.owner, owner, |s| s.word().to_owned());
    out.names(&key, "the list of aliases", &old.aliases, aliases);
    out.turned(&key, "the entry rule", &old.enter_when, enter_when, |w| {
        w.as_ref().map_or("none".to_owned(), quoted)
    });
    out.turned(&key, "the forecast category", &old.forecast, forecast, |f| match f {
        Forecast::None => "none".to_owned(),
        Forecast::Pipeline => "pipeline".to_owned(),
        Forecast::BestCase => "best case".to_owned(),
        Forecast::Commit => "commit".to_owned(),
    });
    out.turned(&key, "the benchmark", &old.benchmark, benchmark, |b| match b {
        None => "none".to_owned(),
        Some(Benchmark { rate, source, on }) => {
            let on = on.map_or(String::new(), |on| format!(", {on}"));
            format!("{} ({source}{on})", percent(*rate))
        }
    });
    diff_gate(out, &key, &old.gate, gate);
}

fn diff_gate(out: &mut Sentences, key: &str, old: &[Criterion], new: &[Criterion]) {
    let told = old == new;
    for gone in old.iter().filter(|c| !new.iter().any(|n| n.id == c.id)) {
        out.say(format!("{key}: the exit criterion \"{}\" was removed", gone.id));
    }
    for criterion in new {
        let Criterion { id, side, required, when } = criterion;
        let Some(before) = old.iter().find(|c| c.id == *id) else {
            let must = if *required { "required" } else { "informative" };
            out.say(format!(
                "{key}: the exit criterion \"{id}\" was added ({side}, {must}): {when}"
            ));
            continue;
        };
        let key = format!("{key}, exit criterion \"{id}\"");
        out.turned(&key, "who meets it", &before.side, side, ToString::to_string);
        out.turned(&key, "whether it is required", &before.required, required, yes_no);
        out.turned(&key, "the condition", &before.when, when, quoted);
    }
    let ids = |gate: &[Criterion]| gate.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    let (before, after) = (ids(old), ids(new));
    let same_set = before.len() == after.len() && before.iter().all(|id| after.contains(id));
    if !told && same_set && before != after {
        out.say(format!("{key}: the exit criteria stand in another order: {}", after.join(", ")));
    }
}

fn diff_outcomes(out: &mut Sentences, old: &Outcomes, new: &Outcomes) {
    let Outcomes { won: _, lost: _, disqualified: _, recycled: _, reopen_grace_days } = new;
    for ((key, before), (_, after)) in old.lists().into_iter().zip(new.lists()) {
        out.names(&format!("outcomes.{key}"), "", before, after);
    }
    out.change(
        "outcomes",
        "a return cancels an exit within",
        &old.reopen_grace_days,
        reopen_grace_days,
        |n| counted(*n, "day"),
    );
}

fn diff_calendars(out: &mut Sentences, old: &[NamedCalendar], new: &[NamedCalendar]) {
    for gone in old.iter().filter(|c| !new.iter().any(|n| n.name == c.name)) {
        out.say(format!("calendar.{} was removed", gone.name));
    }
    for calendar in new {
        let NamedCalendar { name, calendar: hours, owners, teams, territories } = calendar;
        let key = format!("calendar.{name}");
        let Some(before) = old.iter().find(|c| c.name == *name) else {
            out.say(format!(
                "{key} was added ({}; {})",
                hours.zone().name(),
                week_in_words(hours.week())
            ));
            continue;
        };
        diff_hours(out, &key, &before.calendar, hours);
        out.names(&key, "the list of owners", &before.owners, owners);
        out.names(&key, "the list of teams", &before.teams, teams);
        out.names(&key, "the list of territories", &before.territories, territories);
    }
}

fn diff_hours(
    out: &mut Sentences,
    key: &str,
    old: &crate::calendar::Calendar,
    new: &crate::calendar::Calendar,
) {
    out.change(key, "time zone", old.zone(), new.zone(), |z| z.name().to_owned());
    match (old.week(), new.week()) {
        (Some(before), Some(after)) => {
            for ((day, before), after) in DAYS.iter().zip(before).zip(after) {
                out.change(key, day, before, after, |blocks| hours_in_words(blocks));
            }
        }
        (before, after) if before.is_some() != after.is_some() => {
            out.say(format!("{key}: {} becomes {}", week_in_words(before), week_in_words(after)));
        }
        _ => {}
    }
    let closed =
        |c: &crate::calendar::Calendar| c.closed_dates().map(|d| d.to_string()).collect::<Vec<_>>();
    let open = |c: &crate::calendar::Calendar| {
        c.open_dates()
            .map(|(date, blocks)| format!("{date} {}", hours_in_words(blocks)))
            .collect::<Vec<_>>()
    };
    out.names(key, "the list of closed dates", &closed(old), &closed(new));
    out.names(key, "the list of dates with hours of their own", &open(old), &open(new));
}

fn hours_in_words(blocks: &[Block]) -> String {
    if blocks.is_empty() {
        return "closed".to_owned();
    }
    blocks.iter().map(Block::to_string).collect::<Vec<_>>().join(", ")
}

/// Hours of a week, equal days in a row taken together.
fn week_in_words(week: Option<&[Vec<Block>; 7]>) -> String {
    let Some(week) = week else {
        return "open around the clock".to_owned();
    };
    let mut parts = Vec::new();
    let mut from = 0;
    while from < week.len() {
        let to =
            (from..week.len()).take_while(|day| week[*day] == week[from]).last().unwrap_or(from);
        if !week[from].is_empty() {
            let days = if to == from {
                DAYS[from].to_owned()
            } else {
                format!("{} to {}", DAYS[from], DAYS[to])
            };
            parts.push(format!("{days} {}", hours_in_words(&week[from])));
        }
        from = to + 1;
    }
    if parts.is_empty() { "never open".to_owned() } else { parts.join("; ") }
}
