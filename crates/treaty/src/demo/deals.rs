//! The opportunities: where they come from, how they move, stall, are lost, reopened and won.

use std::io;
use std::path::Path;

use super::cast::{ENGINEER, LEAVER, LEFT, MANAGER, PRODUCTS, TERRITORIES, USERS, purchase};
use super::clock::{
    DAY, Day, END, END_DAY, FIRST_DAY, Sec, date, day, instant, local, quarter, quarter_start,
    rfc3339,
};
use super::dice::{Deck, Dice};
use super::marketing::{PARTNER, SOURCES};
use super::words::TITLES;
use super::world::{Act, World, money, table};

/// Stages of an opportunity in order.
const STAGES: [&str; 5] = ["opportunity", "demo", "trial", "negotiation", "won"];

/// Since then the step from demo to trial fails.
const BROKEN_SINCE: Sec = day(2025, 10, 1) * DAY;

/// Why opportunities are lost.
const LOSSES: [&str; 5] = [
    "no budget",
    "competitor",
    "no decision",
    "timing",
    "missing feature",
];

/// An opportunity.
#[derive(Debug)]
pub(super) struct Deal {
    id: String,
    account: usize,
    /// The lead it came from.
    lead: Option<usize>,
    /// People with a role, and whether primary.
    contacts: Vec<(usize, bool)>,
    owner: usize,
    created: Sec,
    kind: &'static str,
    product: &'static str,
    amount: i64,
    currency: &'static str,
    source: Option<usize>,
    campaign: Option<usize>,
    expected: Day,
    loss_reason: &'static str,
    economic_case: &'static str,
}

fn deal(account: usize, owner: usize, created: Sec, kind: &'static str) -> Deal {
    Deal {
        id: String::new(),
        account,
        lead: None,
        contacts: Vec::new(),
        owner,
        created,
        kind,
        product: PRODUCTS[0],
        amount: 0,
        currency: "USD",
        source: None,
        campaign: None,
        expected: 0,
        loss_reason: "",
        economic_case: "",
    }
}

/// A lead becomes an opportunity.
pub(super) fn from_lead(w: &mut World, account: usize, lead: usize, owner: usize, at: Sec) {
    let campaign = w.people[lead].campaign.filter(|_| w.dice.percent(85));
    let source = Some(w.people[lead].source);
    w.deals.push(Deal {
        lead: Some(lead),
        source,
        campaign,
        ..deal(account, owner, at, "new_business")
    });
}

/// What happens to an opportunity next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Advance,
    Lose,
    Stall,
}

struct Teller<'a> {
    w: &'a mut World,
    spread: Vec<Deck>,
    other_spread: Deck,
    steps: [Deck; 4],
    broken: Deck,
    renewal: Deck,
    partner: Deck,
    reopen: Deck,
}

/// Lets every opportunity run its course.
pub(super) fn run(world: &mut World, seed: u64) {
    world.dice = Dice::new(seed, 4);
    own_initiative(world);
    world.deals.sort_by_key(|d| d.created);
    let step = |advance: usize| Deck::new(&[advance, 19 - advance, 1]);
    let mut teller = Teller {
        w: world,
        spread: SOURCES.iter().map(|_| Deck::even(16)).collect(),
        other_spread: Deck::even(16),
        steps: [step(15), step(14), step(14), step(15)],
        broken: Deck::new(&[6, 9, 5]),
        renewal: Deck::new(&[16, 3, 1]),
        partner: Deck::new(&[3, 1]),
        reopen: Deck::new(&[22, 1, 1]),
    };
    for i in 0..teller.w.deals.len() {
        teller.w.deals[i].id = format!("O{:04}", i + 1);
        teller.dress(i);
        teller.tell(i);
    }
}

/// Opportunities that no lead led to: renewals, add-ons, and what reps found themselves.
fn own_initiative(w: &mut World) {
    let customers: Vec<usize> = (0..w.accounts.len())
        .filter(|a| !w.accounts[*a].paid.is_empty())
        .collect();
    for q in quarter(FIRST_DAY)..quarter(END_DAY) {
        for n in 0..31 {
            let on = w
                .dice
                .range(quarter_start(q).max(FIRST_DAY), quarter_start(q + 1) - 1);
            let at = w.dice.at_work(on);
            let mut owner = w.dice.below(10);
            if owner == LEAVER && at >= LEFT - 5 * DAY {
                owner = 9;
            }
            let (kind, account) = match n {
                0..=10 => ("renewal", *w.dice.pick(&customers)),
                11..=20 => ("expansion", *w.dice.pick(&customers)),
                _ => ("new_business", w.dice.below(w.accounts.len())),
            };
            if at < END && w.accounts[account].created < at {
                w.deals.push(deal(account, owner, at, kind));
            }
        }
    }
}

/// The purchases of an account make it installed base at that moment.
fn installed(w: &World, account: usize, at: Sec) -> bool {
    w.accounts[account]
        .paid
        .iter()
        .any(|p| *p < at && *p >= at - 3 * 365 * DAY)
}

impl Teller<'_> {
    /// Amount, currency, product, contacts.
    fn dress(&mut self, i: usize) {
        let (account, created, lead) = (
            self.w.deals[i].account,
            self.w.deals[i].created,
            self.w.deals[i].lead,
        );
        let source = self.w.deals[i].source;
        let euro = matches!(self.w.accounts[account].country, "DE" | "FR" | "NL")
            && self.w.dice.percent(80);
        let dollars = match (source, self.w.deals[i].kind) {
            (Some(PARTNER), _) => self.w.dice.range(2_100, 3_900) * 100,
            (Some(s), _) => self.w.dice.spread(SOURCES[s].value, &mut self.spread[s]),
            (None, "renewal") => self.w.dice.spread(14_000, &mut self.other_spread),
            (None, "expansion") => self.w.dice.spread(17_000, &mut self.other_spread),
            (None, _) => self.w.dice.spread(24_000, &mut self.other_spread),
        };
        let amount = if euro { dollars * 100 / 109 } else { dollars } / 100 * 100;
        let add_on = lead.is_some()
            && source != Some(PARTNER)
            && installed(self.w, account, created)
            && self.w.dice.percent(60);
        let known: Vec<usize> = self.w.accounts[account]
            .people
            .iter()
            .copied()
            .filter(|p| self.w.people[*p].created < created)
            .collect();
        let mut contacts: Vec<(usize, bool)> = Vec::new();
        match lead {
            Some(p) if self.w.dice.percent(96) => {
                contacts.push((p, true));
                if self.w.dice.percent(35) {
                    contacts.extend(
                        known
                            .iter()
                            .filter(|k| **k != p)
                            .take(2)
                            .map(|k| (*k, false)),
                    );
                }
            }
            None if known.len() > 1 && self.w.dice.percent(50) => {
                contacts.extend(known.iter().take(2).map(|k| (*k, false)))
            }
            _ => {}
        }
        let product = PRODUCTS[self.w.dice.weighted(&[6, 3, 1])];
        let expected = local(created).0 + self.w.dice.range(55, 115);
        let d = &mut self.w.deals[i];
        (d.amount, d.currency, d.product) =
            (amount.max(500), if euro { "EUR" } else { "USD" }, product);
        (d.contacts, d.expected) = (contacts, expected);
        if add_on {
            d.kind = "expansion";
        }
    }

    fn stage(&mut self, i: usize, at: Sec, stage: &str, by: usize, reason: &str) {
        let id = self.w.deals[i].id.clone();
        self.w.stage(&id, at, stage, Some(by), reason);
    }

    fn turn(&mut self, i: usize, step: usize, at: Sec, wins: Option<bool>) -> Turn {
        let card = match wins {
            Some(true) => 0,
            Some(false) => usize::from(step == 2),
            None if self.w.deals[i].kind == "renewal" => self.renewal.draw(&mut self.w.dice),
            None if step == 1 && at >= BROKEN_SINCE => self.broken.draw(&mut self.w.dice),
            None => self.steps[step].draw(&mut self.w.dice),
        };
        [Turn::Advance, Turn::Lose, Turn::Stall][card]
    }

    fn later(&mut self, at: Sec, days: i64, mean: i64) -> Sec {
        let on = local(at).0 + days + self.w.dice.wait(mean * DAY) / DAY;
        self.w.dice.at_work(on)
    }

    /// One opportunity from its creation to its end, or to the end of the data.
    fn tell(&mut self, i: usize) {
        let (mut owner, created, renewal) = (
            self.w.deals[i].owner,
            self.w.deals[i].created,
            self.w.deals[i].kind == "renewal",
        );
        let first_owner = owner;
        let partner = self.w.deals[i].source == Some(PARTNER);
        let wins = partner.then(|| self.partner.draw(&mut self.w.dice) == 0);
        // Most deals of the rep who leaves go to a colleague a few days later; the others freeze.
        let handover = if owner == LEAVER && self.w.dice.percent(70) {
            Some(self.later(LEFT, 3, 3))
        } else {
            None
        };
        let end = if owner == LEAVER && handover.is_none() {
            LEFT
        } else {
            END
        };
        self.stage(i, created, STAGES[0], owner, "");
        let (mut at, mut step, mut reopened, mut reached) = (created, 0, false, 0);
        let mut closed = None;
        while step < 4 {
            let turn = self.turn(i, step, at, wins);
            let mut next = match turn {
                Turn::Advance => {
                    let (days, mean) = [(3, 7), (5, 11), (11, 12), (6, 12)][step];
                    self.later(at, days, mean)
                }
                Turn::Lose => self.later(at, 9, 28),
                Turn::Stall if at < END - 300 * DAY => self.later(at, 110, 35),
                Turn::Stall => END,
            };
            if let Some(h) = handover.filter(|h| at < *h && next >= LEFT) {
                next = next.max(h + DAY);
                if owner == LEAVER {
                    self.change_owner(i, h);
                }
            }
            self.activities(i, owner, at, next.min(end), turn == Turn::Stall);
            if next >= LEFT && handover.is_some() {
                owner = self.w.deals[i].owner;
            }
            if next >= end {
                break;
            }
            if turn != Turn::Advance {
                let reason = self.why(turn, step, at);
                let parked = turn == Turn::Lose && !partner && self.w.dice.below(12) == 0;
                self.stage(
                    i,
                    next,
                    if parked { "recycled" } else { "lost" },
                    owner,
                    reason,
                );
                self.w.deals[i].loss_reason = if parked { "" } else { reason };
                closed = Some(next);
                let again = if reopened || parked || partner {
                    0
                } else {
                    self.reopen.draw(&mut self.w.dice)
                };
                let back = match again {
                    0 => break,
                    1 => self.later(next, 6, 8),
                    _ => self.later(next, 45, 20),
                };
                if back >= end || (owner == LEAVER && back >= LEFT) {
                    break;
                }
                self.stage(i, back, STAGES[step], owner, "reopened");
                self.w.deals[i].loss_reason = "";
                (closed, reopened, at) = (None, true, back);
                continue;
            }
            step = if renewal && step == 0 { 3 } else { step + 1 };
            reached = reached.max(step);
            if step == 4 {
                self.stage(i, next, "won", owner, "");
                closed = Some(next);
                self.won(i, next);
                break;
            }
            let skipped = !partner && step < 3 && self.w.dice.below(20) == 0;
            if !skipped {
                self.stage(i, next, STAGES[step], owner, "");
                if !renewal && self.w.dice.below(30) == 0 {
                    let back = self.later(next, 1, 1);
                    let again = self.later(back, 2, 3);
                    if again < end && (owner != LEAVER || again < LEFT) {
                        self.stage(i, back, STAGES[step - 1], owner, "set back");
                        self.stage(i, again, STAGES[step], owner, "");
                        next = again;
                    }
                }
            }
            if step == 1 && self.w.dice.percent(30) {
                self.revise(i, next, owner);
            }
            at = next;
        }
        self.finish(i, reached, closed, first_owner);
    }

    fn change_owner(&mut self, i: usize, at: Sec) {
        let heir = if self.w.dice.percent(50) { 9 } else { 7 };
        let id = self.w.deals[i].id.clone();
        self.w.field(
            &id,
            at,
            "owner_id",
            (USERS[LEAVER].id.to_owned(), USERS[heir].id.to_owned()),
            MANAGER,
        );
        self.w.deals[i].owner = heir;
    }

    fn why(&mut self, turn: Turn, step: usize, at: Sec) -> &'static str {
        if turn == Turn::Stall {
            return "no decision";
        }
        if step == 1 && at >= BROKEN_SINCE && self.w.dice.percent(65) {
            return "no success test agreed";
        }
        LOSSES[self.w.dice.below(LOSSES.len())]
    }

    fn revise(&mut self, i: usize, at: Sec, by: usize) {
        let (id, old) = (self.w.deals[i].id.clone(), self.w.deals[i].amount);
        let new = (old * self.w.dice.range(82, 122) / 100 / 100 * 100).max(500);
        let at = at + 600;
        if new != old && at < END {
            self.w
                .field(&id, at, "amount", (money(old), money(new)), by);
            self.w.deals[i].amount = new;
        }
    }

    fn won(&mut self, i: usize, at: Sec) {
        let d = &self.w.deals[i];
        let (account, product, amount, currency) = (d.account, d.product, d.amount, d.currency);
        let kind = if d.kind == "renewal" {
            "renewal"
        } else {
            "order"
        };
        let ordered = at + self.w.dice.range(1_800, 2 * DAY);
        if ordered < END {
            purchase(self.w, account, ordered, (product, amount, currency, kind));
        }
    }

    /// Calls, mails and meetings between two stages.
    fn activities(&mut self, i: usize, owner: usize, from: Sec, to: Sec, stalls: bool) {
        let days = (local(to).0 - local(from).0).clamp(1, if stalls { 45 } else { 400 });
        let id = self.w.deals[i].id.clone();
        let person = self.w.deals[i]
            .contacts
            .first()
            .map(|(p, _)| self.w.people[*p].id.clone())
            .unwrap_or_default();
        for _ in 0..(2 + days / 12).min(6) {
            let on = local(from).0 + self.w.dice.range(1, days);
            let at = self.w.dice.at_work(on);
            if at >= to || at <= from || (owner == LEAVER && at >= LEFT) {
                continue;
            }
            let (kind, outcome) = *self.w.dice.pick(&[
                ("meeting", "held"),
                ("call", "connected"),
                ("call", "left message"),
                ("email", "sent"),
                ("email", "replied"),
                ("reply", "answered"),
                ("note", ""),
            ]);
            let engineer = kind == "meeting" && self.w.dice.percent(35);
            let user = if engineer { ENGINEER } else { owner };
            let inbound = kind == "reply";
            self.w.act(
                at,
                Act {
                    person: &person,
                    opportunity: &id,
                    user,
                    kind,
                    inbound,
                    automated: false,
                    outcome,
                },
            );
        }
    }

    /// What is only known at the end: pushed close dates, the economic case, the marks in the lead's life.
    fn finish(&mut self, i: usize, reached: usize, closed: Option<Sec>, first_owner: usize) {
        let (id, owner, created) = (
            self.w.deals[i].id.clone(),
            self.w.deals[i].owner,
            self.w.deals[i].created,
        );
        let stop = closed.unwrap_or(END);
        while instant(self.w.deals[i].expected, 0) < stop {
            let old = self.w.deals[i].expected;
            let at = self.w.dice.at_work(old - 1);
            if at >= stop || at <= created || (owner == LEAVER && at >= LEFT) {
                break;
            }
            let new = old + self.w.dice.range(28, 63);
            let by = if at < LEFT { first_owner } else { owner };
            self.w
                .field(&id, at, "expected_close_on", (date(old), date(new)), by);
            self.w.deals[i].expected = new;
        }
        let cards = match reached {
            4 => [92, 3, 5],
            1..=3 => [76, 9, 15],
            _ => [40, 20, 40],
        };
        self.w.deals[i].economic_case = ["yes", "no", ""][self.w.dice.weighted(&cards)];
        if let Some(p) = self.w.deals[i].lead {
            self.w.people[p].closed = closed;
        }
    }
}

/// Writes opportunities and their contact roles.
pub(super) fn write(w: &World, dir: &Path) -> io::Result<()> {
    let rows = w.deals.iter().map(|d| {
        let a = &w.accounts[d.account];
        vec![
            d.id.clone(),
            a.id.clone(),
            format!("{}: {}", a.name, d.product),
            d.kind.to_owned(),
            d.product.to_owned(),
            TERRITORIES[a.territory].to_owned(),
            USERS[d.owner].id.to_owned(),
            rfc3339(d.created),
            money(d.amount),
            d.currency.to_owned(),
            date(d.expected),
            d.campaign
                .map(|c| w.campaigns[c].id.clone())
                .unwrap_or_default(),
            d.source
                .map(|s| SOURCES[s].name.to_owned())
                .unwrap_or_default(),
            d.loss_reason.to_owned(),
            d.economic_case.to_owned(),
        ]
    });
    let header = "opportunity_id,account_id,name,kind,product_line,territory,owner_id,\
        created_at,amount,currency,expected_close_on,campaign_id,lead_source,loss_reason,economic_case";
    table(dir, "opportunities", header, rows)?;
    let roles = w.deals.iter().flat_map(|d| {
        d.contacts.iter().map(|(p, primary)| {
            let role = match TITLES[w.people[*p].title].1 {
                "executive" => "decision maker",
                "champion" => "champion",
                "technical evaluator" => "evaluator",
                _ => "user",
            };
            [&d.id, &w.people[*p].id, role, &primary.to_string()]
                .map(|s: &str| s.to_owned())
                .to_vec()
        })
    });
    table(
        dir,
        "opportunity_contacts",
        "opportunity_id,person_id,role,is_primary",
        roles,
    )
}
