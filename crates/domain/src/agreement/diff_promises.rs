//! Changed promises in words.

use super::diff::{Sentences, counted, percent};
use super::{
    Agreement, AttemptsPromise, ClockKind, Goal, Per, Promises, ValuePromise, VolumePromise,
    WindowPromise,
};
use crate::money::{Currency, format_grouped};

/// Promises with the agreement that they stand in, which gives amounts and stages their names.
type Side<'a> = (&'a Promises, &'a Agreement);

/// Compares all promises.
pub(super) fn diff(out: &mut Sentences, old: Side<'_>, new: Side<'_>) {
    let Promises { leads, mqls, lead_value, speed_to_lead, leads_worked, attempts_before_dead } =
        new.0;
    let volume = |p: &VolumePromise, side: &Agreement| in_words_volume(p, side);
    one(out, "promise.marketing.leads", (&old.0.leads, old.1), (leads, new.1), volume, diff_volume);
    one(out, "promise.marketing.mqls", (&old.0.mqls, old.1), (mqls, new.1), volume, diff_volume);
    one(
        out,
        "promise.marketing.lead_value",
        (&old.0.lead_value, old.1),
        (lead_value, new.1),
        |p, side| format!("leads worth {} a {}", money(p.goal, side.currency), per(p.per)),
        diff_value,
    );
    let window = |p: &WindowPromise, _: &Agreement| {
        let (share, within) = (percent(p.share), duration(p.within_minutes, p.clock));
        format!("{share} within {within} ({}), counted by {}", clock(p.clock), per(p.per))
    };
    one(
        out,
        "promise.sales.speed_to_lead",
        (&old.0.speed_to_lead, old.1),
        (speed_to_lead, new.1),
        window,
        diff_window,
    );
    one(
        out,
        "promise.sales.leads_worked",
        (&old.0.leads_worked, old.1),
        (leads_worked, new.1),
        window,
        diff_window,
    );
    one(
        out,
        "promise.sales.attempts_before_dead",
        (&old.0.attempts_before_dead, old.1),
        (attempts_before_dead, new.1),
        |p, _| {
            format!("{} before {} of dead leads", counted(p.at_least, "attempt"), percent(p.share))
        },
        diff_attempts,
    );
}

/// One promise that may come, go or change.
fn one<T: PartialEq>(
    out: &mut Sentences,
    key: &str,
    (old, before): (&Option<T>, &Agreement),
    (new, after): (&Option<T>, &Agreement),
    words: impl Fn(&T, &Agreement) -> String,
    compare: impl Fn(&mut Sentences, &str, (&T, &Agreement), (&T, &Agreement)),
) {
    match (old, new) {
        (Some(old), Some(new)) => compare(out, key, (old, before), (new, after)),
        (Some(old), None) => out.say(format!("{key} was removed: {}", words(old, before))),
        (None, Some(new)) => out.say(format!("{key} was added: {}", words(new, after))),
        (None, None) => {}
    }
}

fn per(per: Per) -> &'static str {
    match per {
        Per::Month => "month",
        Per::Quarter => "quarter",
        Per::Year => "year",
    }
}

fn diff_per(out: &mut Sentences, key: &str, old: &Per, new: &Per) {
    out.change(key, "counted by", old, new, |p| per(*p).to_owned());
}

fn money(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", format_grouped(minor, currency.exponent()))
}

fn clock(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Wall => "wall clock",
        ClockKind::Business => "business clock",
    }
}

/// Minutes in the unit that suits them; only on the wall clock a day is 24 hours.
fn duration(minutes: i64, kind: ClockKind) -> String {
    match minutes {
        m if m % 1_440 == 0 && kind == ClockKind::Wall => counted(m / 1_440, "day"),
        m if m % 60 == 0 && m > 60 => counted(m / 60, "hour"),
        m => counted(m, "minute"),
    }
}

fn stage_id(promise: &VolumePromise, side: &Agreement) -> String {
    side.stages
        .get(usize::from(promise.stage))
        .map_or_else(|| format!("number {}", promise.stage + 1), |s| s.id.clone())
}

fn in_words_volume(promise: &VolumePromise, side: &Agreement) -> String {
    format!(
        "{} a {} in stage \"{}\"",
        goal(&promise.goal, side.currency),
        per(promise.per),
        stage_id(promise, side)
    )
}

fn goal(goal: &Goal, currency: Currency) -> String {
    match goal {
        Goal::Number(number) => number.to_string(),
        Goal::Chain { bookings, average_sale, to_opportunity, to_won } => format!(
            "as many as {} of bookings need ({} a sale, {} to opportunity, {} to won)",
            money(*bookings, currency),
            money(*average_sale, currency),
            percent(*to_opportunity),
            percent(*to_won)
        ),
    }
}

fn diff_volume(
    out: &mut Sentences,
    key: &str,
    (old, before): (&VolumePromise, &Agreement),
    (new, after): (&VolumePromise, &Agreement),
) {
    let VolumePromise { per, goal: aim, stage: _ } = new;
    diff_per(out, key, &old.per, per);
    out.plain(key, "counted in stage", &stage_id(old, before), &stage_id(new, after));
    match (&old.goal, aim) {
        (
            Goal::Chain { bookings, average_sale, to_opportunity, to_won },
            Goal::Chain {
                bookings: new_bookings,
                average_sale: new_sale,
                to_opportunity: new_opportunity,
                to_won: new_won,
            },
        ) => {
            let amount = |minor: i64, side: &Agreement| money(minor, side.currency);
            let shares = |share: &f64| percent(*share);
            out.plain(
                key,
                "bookings goal",
                &amount(*bookings, before),
                &amount(*new_bookings, after),
            );
            out.plain(
                key,
                "average sale",
                &amount(*average_sale, before),
                &amount(*new_sale, after),
            );
            out.change(
                key,
                "share that becomes an opportunity",
                to_opportunity,
                new_opportunity,
                shares,
            );
            out.change(key, "share of opportunities won", to_won, new_won, shares);
        }
        (old, new) => {
            out.plain(key, "goal", &goal(old, before.currency), &goal(new, after.currency));
        }
    }
}

fn diff_value(
    out: &mut Sentences,
    key: &str,
    (old, before): (&ValuePromise, &Agreement),
    (new, after): (&ValuePromise, &Agreement),
) {
    let ValuePromise { per, goal, by, credibility, maturity_days } = new;
    diff_per(out, key, &old.per, per);
    out.plain(key, "goal", &money(old.goal, before.currency), &money(*goal, after.currency));
    out.turned(key, "the driver of the frozen values", &old.by, by, ToString::to_string);
    out.turned(key, "the credibility", &old.credibility, credibility, ToString::to_string);
    out.change(
        key,
        "leads count in the value table after",
        &old.maturity_days,
        maturity_days,
        |n| counted(*n, "day"),
    );
}

fn diff_window(
    out: &mut Sentences,
    key: &str,
    (old, _): (&WindowPromise, &Agreement),
    (new, _): (&WindowPromise, &Agreement),
) {
    let WindowPromise { per, within_minutes, clock: kind, share } = new;
    diff_per(out, key, &old.per, per);
    let within = |p: &WindowPromise| duration(p.within_minutes, p.clock);
    if old.clock != *kind {
        let sentence = format!(
            "{key}: within {} ({}) becomes {} ({})",
            within(old),
            clock(old.clock),
            within(new),
            clock(*kind)
        );
        out.say(sentence);
    } else if old.within_minutes != *within_minutes {
        out.say(format!(
            "{key}: within {} becomes {} ({})",
            within(old),
            within(new),
            clock(*kind)
        ));
    }
    out.change(key, "promised share", &old.share, share, |share| percent(*share));
}

fn diff_attempts(
    out: &mut Sentences,
    key: &str,
    (old, _): (&AttemptsPromise, &Agreement),
    (new, _): (&AttemptsPromise, &Agreement),
) {
    let AttemptsPromise { per, at_least, share, exempt_reasons } = new;
    diff_per(out, key, &old.per, per);
    out.change(key, "at least", &old.at_least, at_least, |n| counted(*n, "attempt"));
    out.change(key, "promised share", &old.share, share, |share| percent(*share));
    out.names(key, "the list of exempt reasons", &old.exempt_reasons, exempt_reasons);
}
