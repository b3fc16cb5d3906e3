//! What people saw, read and filled in: the touches of every person, heavy-tailed.

use super::cast::{EVANGELIST, USERS};
use super::clock::{DAY, END, HOUR, MINUTE, Sec, local, rfc3339};
use super::dice::Dice;
use super::marketing::SOURCES;
use super::world::{Row, World, recorded};

/// Gives every person touches.
pub(super) fn run(world: &mut World, seed: u64) {
    world.dice = Dice::new(seed, 5);
    for p in 0..world.people.len() {
        let created = world.people[p].created;
        touch(world, p, created, Why::Arrival);
        for at in moments(world, p) {
            if at >= END {
                continue;
            }
            let parked = world.people[p]
                .parked
                .iter()
                .any(|t| (*t..*t + 120 * DAY).contains(&at));
            let why = if parked && world.dice.percent(60) {
                Why::Nurture
            } else {
                Why::Interest
            };
            touch(world, p, at, why);
            if world.dice.below(30) == 0 {
                touch(world, p, at, Why::Interest); // two systems, one click, the same second
            }
        }
    }
}

/// Moments at which something touches a person, besides the arrival.
fn moments(w: &mut World, p: usize) -> Vec<Sec> {
    let person = &w.people[p];
    let (created, bought_in, closed, passed) = (
        person.created,
        person.bought_in,
        person.closed,
        person.passed,
    );
    let returns: Vec<Sec> = person.starts.iter().skip(1).copied().collect();
    let parked: Vec<Sec> = person.parked.clone();
    let dice = &mut w.dice;
    let mut many = 2 + dice.wait(4);
    many = many.min(24) / if passed { 1 } else { 2 } + 1;
    if dice.below(22) == 0 {
        many *= dice.range(4, 9);
    }
    let mut all = Vec::new();
    for _ in 0..many {
        let on = local(created).0;
        let near = if dice.percent(30) {
            on - dice.wait(20 * DAY) / DAY - 1
        } else {
            on + dice.wait(40 * DAY) / DAY
        };
        all.push(dice.any_time(near));
    }
    for start in returns {
        all.push(start - dice.range(30, 3_000));
        all.push(start + dice.range(30, 3_000));
    }
    for at in parked {
        for n in 1..=dice.range(1, 4) {
            all.push(dice.any_time(local(at).0 + 14 * n));
        }
    }
    if let Some(at) = bought_in {
        for _ in 0..dice.range(1, 5) {
            let before = dice.range(1, 40);
            all.push(dice.any_time(local(at).0 - before));
        }
    }
    if let Some(at) = closed.filter(|_| dice.percent(45)) {
        for _ in 0..dice.range(1, 3) {
            let after = dice.range(2, 80);
            all.push(dice.any_time(local(at).0 + after));
        }
    }
    all
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Arrival,
    Interest,
    Nurture,
}

fn touch(w: &mut World, p: usize, at: Sec, why: Why) {
    let on = local(at).0;
    let (own, source, account) = (
        w.people[p].campaign,
        w.people[p].source,
        w.people[p].account,
    );
    let customer = account.is_some_and(|a| w.accounts[a].paid.first().is_some_and(|t| *t < at));
    let by_intent = |w: &mut World, intent: &str| {
        let some: Vec<usize> = (0..w.campaigns.len())
            .filter(|c| w.campaigns[*c].intent == intent && w.campaigns[*c].runs(on))
            .collect();
        some.get(w.dice.below(some.len().max(1)))
            .copied()
            .filter(|c| w.campaigns[*c].channel != "mixed")
    };
    let campaign = match (why, w.dice.below(100)) {
        (Why::Arrival, _) => own,
        (Why::Nurture, _) => by_intent(w, "nurture"),
        (_, 0..=19) => None,
        (_, 20..=33) if customer => by_intent(w, "base"),
        (_, 20..=29) => by_intent(w, "nurture"),
        (_, 30..=54) => own.filter(|c| w.campaigns[*c].runs(on)),
        _ => by_intent(w, "acquire"),
    };
    let channel = match campaign {
        Some(c) => w.campaigns[c].channel,
        None if why == Why::Arrival => SOURCES[source].channel,
        None => ["direct", "direct", "direct", "search", "social"][w.dice.below(5)],
    };
    let (kind, responded) = kind(&mut w.dice, channel, why);
    let published = w.content.iter().take_while(|c| c.published <= on).count();
    let content = if published > 0
        && matches!(kind, "download" | "email click" | "visit" | "video view")
        && w.dice.percent(55)
    {
        w.content[w.dice.below(published)].id.clone()
    } else {
        String::new()
    };
    let author = if matches!(channel, "community" | "social") && w.dice.percent(25) {
        USERS[EVANGELIST].id
    } else {
        ""
    };
    let lag = match kind {
        "attended" | "booth visit" => 3 * HOUR,
        _ => 5 * MINUTE,
    };
    let recorded = recorded(at, lag);
    let campaign = campaign
        .map(|c| w.campaigns[c].id.clone())
        .unwrap_or_default();
    let responded = responded.to_string();
    let cells = [
        &w.people[p].id,
        &rfc3339(at),
        channel,
        &campaign,
        &content,
        kind,
        &responded,
        author,
        &recorded,
    ];
    let cells = cells.map(str::to_owned).to_vec();
    w.touches.push(Row { at, cells });
}

/// Kind of a touch, and whether the person responded.
fn kind(dice: &mut Dice, channel: &str, why: Why) -> (&'static str, bool) {
    match channel {
        "event" => ("booth visit", why == Why::Arrival || dice.percent(70)),
        "webinar" | "partner" => *dice.pick(&[
            ("attended", true),
            ("attended", true),
            ("registered", false),
        ]),
        "email" if why == Why::Arrival => ("imported", false),
        "email" => *dice.pick(&[
            ("email open", false),
            ("email open", false),
            ("email click", true),
        ]),
        "outbound" => ("call answered", why == Why::Arrival || dice.percent(40)),
        "referral" => ("introduced", true),
        "content" => ("download", true),
        _ if why == Why::Arrival => ("form fill", true),
        _ => *dice.pick(&[
            ("visit", false),
            ("visit", false),
            ("visit", false),
            ("form fill", true),
            ("video view", true),
        ]),
    }
}
