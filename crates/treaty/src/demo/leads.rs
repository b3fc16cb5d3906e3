//! The people: how they arrive, qualify, are handed over, worked, and what becomes of them.

use super::cast::{DEMAND, LEAVER, LEFT, MANAGER, OPS, PILE, PILE_FROM, REPS, USERS, add_account};
use super::clock::{DAY, END, HOUR, MINUTE, Sec, after_working, instant, local, rfc3339};
use super::deals;
use super::dice::Dice;
use super::marketing::{LIST, PARTNER, SOURCES, arrivals};
use super::quotas::{Decks, Fate};
use super::words::{Namer, TITLES};
use super::world::{Act, Person, Row, World, money, recorded};

/// Reasons after which nobody need call again; the agreement exempts them.
const EXEMPT: [&str; 4] = ["invalid data", "competitor", "duplicate", "unsubscribed"];

struct Teller<'a> {
    w: &'a mut World,
    d: Decks,
}

/// Lets everybody arrive and live.
pub(super) fn run(world: &mut World, seed: u64) {
    world.dice = Dice::new(seed, 2);
    let arrivals = arrivals(&mut world.dice);
    world.dice = Dice::new(seed, 3);
    let mut teller = Teller {
        w: world,
        d: Decks::new(),
    };
    for (at, source) in arrivals {
        teller.lead(at, source);
    }
    teller.duplicates();
}

impl Teller<'_> {
    fn lead(&mut self, at: Sec, source: usize) {
        let fate = Fate::of(self.d.fates[source].draw(&mut self.w.dice));
        let account = match self.w.dice.below(100) {
            0..=6 if fate != Fate::Converts => None,
            _ if source == PARTNER && fate == Fate::Converts => {
                Some(add_account(self.w, at - 60, true))
            }
            7..=70 => {
                let n = self.w.accounts.len();
                Some(self.w.dice.below(n).min(self.w.dice.below(n)))
            }
            _ => Some(add_account(self.w, at - 60, false)),
        };
        let p = self.person(at, source, account);
        let mut next = Some((at, fate));
        for round in 0..3 {
            let Some((start, fate)) = next.filter(|(start, _)| *start < END) else {
                break;
            };
            next = self
                .attempt(p, start, fate, round)
                .map(|at| (at, self.second_fate(source)));
        }
        let fits = if self.w.people[p].rejected {
            self.d.rejected_fits.draw(&mut self.w.dice) == 0
        } else {
            self.w
                .dice
                .percent(if self.w.people[p].passed { 88 } else { 40 })
        };
        self.w.people[p].title = self.w.dice.below(TITLES.len());
        while TITLES[self.w.people[p].title].2 != fits {
            self.w.people[p].title = self.w.dice.below(TITLES.len());
        }
    }

    /// The fate of a lead that comes back; the two sources of the story keep to their quotas.
    fn second_fate(&mut self, source: usize) -> Fate {
        let fate = Fate::of(self.d.returned.draw(&mut self.w.dice));
        if fate == Fate::Converts && matches!(source, PARTNER | LIST) {
            Fate::Qualifies
        } else {
            fate
        }
    }

    fn person(&mut self, created: Sec, source: usize, account: Option<usize>) -> usize {
        let (first, last) = Namer::person(&mut self.w.dice);
        let p = self.w.people.len();
        let domain = account.map_or("post.example", |a| &self.w.accounts[a].domain);
        let email = self.w.namer.email(&first, &last, domain);
        let country = account.map_or("US", |a| self.w.accounts[a].country);
        let (offer, landing_page) = *self.w.dice.pick(SOURCES[source].offers);
        let campaign = self
            .w
            .campaign_of(source, local(created).0)
            .filter(|_| self.w.dice.below(12) > 0);
        self.w.people.push(Person {
            id: format!("P{:05}", p + 1),
            account,
            first,
            last,
            email,
            country,
            created,
            source,
            campaign,
            owner: None,
            title: 0,
            offer,
            landing_page,
            rejected: false,
            passed: false,
            starts: Vec::new(),
            parked: Vec::new(),
            bought_in: None,
            closed: None,
        });
        if let Some(a) = account {
            self.w.accounts[a].people.push(p);
        }
        p
    }

    fn stage(&mut self, p: usize, at: Sec, stage: &str, by: usize, reason: &str) {
        let id = self.w.people[p].id.clone();
        self.w.stage(&id, at, stage, Some(by), reason);
    }

    /// One attempt of one person. Gives the start of the next one, if there is one.
    fn attempt(&mut self, p: usize, start: Sec, fate: Fate, round: usize) -> Option<Sec> {
        self.w.people[p].starts.push(start);
        self.stage(
            p,
            start,
            "lead",
            OPS,
            if round > 0 {
                "came back from nurture"
            } else {
                ""
            },
        );
        if fate == Fate::Cold {
            return self.cold(p, start);
        }
        let lag = if self.w.dice.below(4) == 0 {
            self.w.dice.range(2, 40) * MINUTE
        } else {
            self.w.dice.wait(3 * DAY)
        };
        let qualified = start + lag + 30;
        if qualified >= END {
            return None;
        }
        if self.w.dice.below(33) > 0 {
            self.stage(p, qualified, "mql", OPS, "");
        }
        if fate == Fate::Qualifies && self.w.dice.below(40) == 0 {
            return None; // marketing forgot to pass it on
        }
        let lag = if self.w.dice.below(2) == 0 {
            self.w.dice.range(5, 600)
        } else {
            self.w.dice.wait(5 * HOUR)
        };
        self.passed(p, qualified + lag, fate == Fate::Converts, 0)
    }

    fn cold(&mut self, p: usize, start: Sec) -> Option<Sec> {
        match self.d.cold.draw(&mut self.w.dice) {
            0 => {
                let on = local(start).0 + self.w.dice.range(10, 30);
                let at = instant(on, 2 * HOUR + self.w.dice.range(0, 1_800));
                self.park(p, at, OPS, "no interest yet");
                self.returns(at, false)
            }
            1 => {
                let on = local(start).0 + self.w.dice.range(1, 7);
                let (at, reason) = (self.w.dice.at_work(on), *self.w.dice.pick(&EXEMPT));
                self.stage(p, at, "disqualified", DEMAND, reason);
                None
            }
            _ => None,
        }
    }

    fn park(&mut self, p: usize, at: Sec, by: usize, reason: &str) {
        self.stage(p, at, "recycled", by, reason);
        self.w.people[p].parked.push(at);
    }

    fn returns(&mut self, parked: Sec, from_sales: bool) -> Option<Sec> {
        let deck = if from_sales {
            &mut self.d.back_from_sales
        } else {
            &mut self.d.back_from_nurture
        };
        (deck.draw(&mut self.w.dice) == 1).then(|| {
            let on = local(parked).0 + 40 + self.w.dice.wait(50 * DAY) / DAY;
            self.w.dice.any_time(on)
        })
    }

    fn rep(&mut self, converts: bool, at: Sec) -> usize {
        let deck = if converts {
            &mut self.d.rep_of_convert
        } else {
            &mut self.d.rep_of_other
        };
        loop {
            let rep = deck.draw(&mut self.w.dice);
            if rep != LEAVER || at < LEFT - 2 * DAY {
                return rep;
            }
        }
    }

    fn own(&mut self, p: usize, rep: usize, at: Sec, by: usize) {
        let old = self.w.people[p].owner;
        if old == Some(rep) || at >= END {
            return;
        }
        let id = self.w.people[p].id.clone();
        let change = (
            old.map(|o| USERS[o].id.to_owned()).unwrap_or_default(),
            USERS[rep].id.to_owned(),
        );
        self.w.field(&id, at, "owner_id", change, by);
        self.w.people[p].owner = Some(rep);
    }

    /// Writes a hand-off down.
    fn handoff(
        &mut self,
        p: usize,
        at: Sec,
        rep: usize,
        decision: Option<(Sec, &str, Option<i64>)>,
    ) {
        let recorded = recorded(at, 2);
        let (word, decided, by, reason, value) = match decision {
            None => ("pending", String::new(), "", "", None),
            Some((when, "", value)) => ("accepted", rfc3339(when), USERS[rep].id, "", value),
            Some((when, reason, _)) => ("rejected", rfc3339(when), USERS[rep].id, reason, None),
        };
        let currency = if value.is_some() { "USD" } else { "" };
        let value = value.map(money).unwrap_or_default();
        let person = &self.w.people[p].id;
        let (passed_by, assigned) = (USERS[OPS].id, USERS[rep].id);
        let cells = [
            person,
            &rfc3339(at),
            passed_by,
            assigned,
            word,
            &decided,
            by,
            reason,
            &value,
            currency,
            &recorded,
        ];
        let cells = cells.map(str::to_owned).to_vec();
        self.w.handoffs.push(Row { at, cells });
    }

    fn attempt_act(&mut self, p: usize, rep: usize, at: Sec) {
        let (kind, outcomes): (_, &[&str]) = match self.w.dice.below(20) {
            0..=10 => (
                "call",
                &["no answer", "no answer", "left message", "connected"],
            ),
            11..=18 => ("email", &["sent", "sent", "replied"]),
            _ => ("meeting", &["held", "no show"]),
        };
        let outcome = *self.w.dice.pick(outcomes);
        let person = self.w.people[p].id.clone();
        self.w.act(
            at,
            Act {
                person: &person,
                opportunity: "",
                user: rep,
                kind,
                inbound: false,
                automated: false,
                outcome,
            },
        );
    }

    /// Works a lead so many times from a first moment on, and tells when the last time was or would have been.
    fn work(&mut self, p: usize, rep: usize, first: Sec, times: i64, gap: i64) -> Sec {
        let mut at = first;
        for n in 0..times {
            if n > 0 {
                let on = local(at).0 + 1 + self.w.dice.wait(gap * DAY) / DAY;
                at = self.w.dice.at_work(on);
            }
            if at < until(rep) {
                self.attempt_act(p, rep, at);
            }
        }
        at
    }

    /// Marketing passes a lead on at that moment; what sales makes of it.
    fn passed(&mut self, p: usize, at: Sec, converts: bool, round: usize) -> Option<Sec> {
        if at >= END {
            return None;
        }
        let rep = self.rep(converts, at);
        self.w.people[p].passed = true;
        self.own(p, rep, at, OPS);
        if self.w.dice.percent(40) {
            let person = self.w.people[p].id.clone();
            let mail = Act {
                person: &person,
                opportunity: "",
                user: rep,
                kind: "email",
                inbound: false,
                automated: true,
                outcome: "sent",
            };
            self.w.act(at + 5 * MINUTE, mail);
        }
        if rep == PILE && at >= PILE_FROM && !converts && self.d.pile.draw(&mut self.w.dice) == 0 {
            self.handoff(p, at, rep, None);
            return None;
        }
        let first = match self.d.speed[rep].draw(&mut self.w.dice) {
            0 => after_working(at, (60 + self.w.dice.wait(16 * MINUTE)).min(58 * MINUTE)),
            1 => after_working(at, 61 * MINUTE + self.w.dice.range(0, 1_100 * MINUTE)),
            _ => {
                let on = local(at).0 + self.w.dice.range(9, 20);
                self.w.dice.at_work(on)
            }
        };
        let decided = after_working(first, 20 * MINUTE + self.w.dice.wait(7 * HOUR));
        let in_time = decided < until(rep);
        if converts {
            self.accept(p, at, rep, decided, in_time);
            self.converts(p, rep, first, decided);
            return None;
        }
        match self.d.after.draw(&mut self.w.dice) {
            0 => self.rejected(p, at, rep, first, decided, round),
            1 => {
                self.accept(p, at, rep, decided, in_time);
                self.dead(p, rep, first)
            }
            2 => {
                self.accept(p, at, rep, decided, in_time);
                let times = self.w.dice.range(3, 6);
                let last = self.work(p, rep, first, times, 5);
                let on = local(last).0 + self.w.dice.range(2, 10);
                let at = self.w.dice.at_work(on);
                let reason =
                    *self
                        .w
                        .dice
                        .pick(&["not now", "budget next year", "project postponed"]);
                if at >= until(rep) {
                    return None;
                }
                self.park(p, at, rep, reason);
                self.returns(at, true)
            }
            3 => {
                self.accept(p, at, rep, decided, in_time);
                let times = self.w.dice.range(2, 8);
                let last = self.work(p, rep, first, times, 9);
                if self.w.dice.below(8) == 0 && last < until(rep) - 20 * DAY {
                    let other = (rep + 1) % PILE;
                    let on = local(last).0 + self.w.dice.range(3, 12);
                    let at = self.w.dice.at_work(on);
                    self.own(p, other, at, MANAGER);
                    self.work(p, other, at + 3 * HOUR, 1, 1);
                }
                None
            }
            _ => {
                self.handoff(p, at, rep, None);
                let times = self.w.dice.range(1, 4);
                self.work(p, rep, first, times, 7);
                None
            }
        }
    }

    fn accept(&mut self, p: usize, at: Sec, rep: usize, decided: Sec, in_time: bool) {
        let value = self
            .w
            .dice
            .spread(SOURCES[self.w.people[p].source].value, &mut self.d.value)
            / 500
            * 500;
        let value = (self.d.no_value.draw(&mut self.w.dice) == 1).then_some(value.max(500));
        self.handoff(p, at, rep, in_time.then_some((decided, "", value)));
        if in_time && self.w.dice.below(33) > 0 {
            self.stage(p, decided, "sal", rep, "");
        }
    }

    fn converts(&mut self, p: usize, rep: usize, first: Sec, decided: Sec) {
        let times = self.w.dice.range(1, 3);
        let last = self.work(p, rep, first, times, 4).max(decided);
        let on = local(last).0 + 1 + self.w.dice.wait(6 * DAY) / DAY;
        let at = self.w.dice.at_work(on);
        if at >= until(rep) {
            return;
        }
        let account = match self.w.people[p].account {
            Some(a) => a,
            None => {
                let a = add_account(self.w, self.w.people[p].created - 60, false);
                self.w.people[p].account = Some(a);
                self.w.accounts[a].people.push(p);
                a
            }
        };
        self.w.people[p].bought_in = Some(at);
        deals::from_lead(self.w, account, p, rep, at);
    }

    fn dead(&mut self, p: usize, rep: usize, first: Sec) -> Option<Sec> {
        let enough = self.d.enough.draw(&mut self.w.dice) == 0;
        let times = if enough {
            self.w.dice.range(6, 9)
        } else {
            self.w.dice.range(1, 5)
        };
        let last = self.work(p, rep, first, times, 3);
        let on = local(last).0 + self.w.dice.range(1, 5);
        let at = self.w.dice.at_work(on);
        let reason = match self.d.dead_reason.draw(&mut self.w.dice) {
            0 => "no response",
            1 => "no budget",
            2 => "no need",
            _ => *self.w.dice.pick(&EXEMPT),
        };
        if at >= until(rep) {
            return None;
        }
        self.stage(p, at, "disqualified", rep, reason);
        match self.d.back_from_dead.draw(&mut self.w.dice) {
            1 => {
                let on = local(at).0 + self.w.dice.range(45, 160);
                Some(self.w.dice.any_time(on))
            }
            2 => {
                let on = local(at).0 + self.w.dice.range(5, 20);
                let again = self.w.dice.at_work(on);
                self.stage(p, again, "mql", rep, "disqualified by mistake");
                let on = local(again).0 + self.w.dice.range(10, 30);
                let parked = self.w.dice.at_work(on);
                self.park(p, parked, rep, "not now");
                None
            }
            _ => None,
        }
    }

    fn rejected(
        &mut self,
        p: usize,
        at: Sec,
        rep: usize,
        first: Sec,
        decided: Sec,
        round: usize,
    ) -> Option<Sec> {
        const WHY: [&str; 6] = [
            "no budget",
            "no timeframe",
            "wrong contact",
            "invalid data",
            "competitor",
            "duplicate",
        ];
        let reason = WHY[self.d.reject_reason.draw(&mut self.w.dice)];
        self.work(p, rep, first, 1, 1);
        if decided >= until(rep) {
            self.handoff(p, at, rep, None);
            return None;
        }
        self.w.people[p].rejected = true;
        self.handoff(p, at, rep, Some((decided, reason, None)));
        if EXEMPT.contains(&reason) {
            self.stage(p, decided + 45, "disqualified", rep, reason);
            return None;
        }
        match self.d.after_reject.draw(&mut self.w.dice) {
            1 if round == 0 => {
                let on = local(decided).0 + self.w.dice.range(20, 60);
                let again = self.w.dice.any_time(on);
                self.passed(p, again, false, 1)
            }
            2 => None,
            _ => {
                let back = decided + self.w.dice.wait(2 * DAY) + HOUR;
                self.park(p, back, OPS, reason);
                self.returns(back, true)
            }
        }
    }

    /// A few people and companies that are in the systems twice, and were merged.
    fn duplicates(&mut self) {
        for i in 0..8 {
            let p = 200 + i * 540 + self.w.dice.below(60);
            let (created, source, account) = (
                self.w.people[p].created,
                self.w.people[p].source,
                self.w.people[p].account,
            );
            let later = created + self.w.dice.range(2 * DAY, 25 * DAY);
            let twin = self.person(later, source, account);
            let (first, last, title) = (
                self.w.people[p].first.clone(),
                self.w.people[p].last.clone(),
                self.w.people[p].title,
            );
            let email = self.w.namer.email(&first, &last, "post.example");
            let person = &mut self.w.people[twin];
            (person.first, person.last, person.title, person.email) = (first, last, title, email);
            person.starts.push(later);
            self.stage(twin, later, "lead", OPS, "");
            let merged = self.w.dice.at_work(local(later).0 + 9);
            let ids = (self.w.people[twin].id.clone(), self.w.people[p].id.clone());
            self.merge("person", ids, merged);
        }
        let lone: Vec<usize> = (0..self.w.people.len())
            .filter(|p| self.w.people[*p].account.is_none())
            .take(60)
            .collect();
        for p in [20, 50].into_iter().filter_map(|i| lone.get(i).copied()) {
            let created = self.w.people[p].created;
            let (twin, of) = (
                add_account(self.w, created, false),
                self.w.dice.range(270, 420) as usize,
            );
            self.w.accounts[twin].name = format!("{} Inc.", self.w.accounts[of].name);
            self.w.accounts[twin].people.push(p);
            self.w.people[p].account = Some(twin);
            let merged = self.w.dice.at_work(local(created).0 + 40);
            let ids = (
                self.w.accounts[twin].id.clone(),
                self.w.accounts[of].id.clone(),
            );
            self.merge("account", ids, merged);
        }
    }

    fn merge(&mut self, kind: &str, (from, into): (String, String), at: Sec) {
        self.w.merges.push(Row {
            at,
            cells: vec![kind.to_owned(), from, into, rfc3339(at)],
        });
    }
}

/// When a rep's story ends: with the data, or with the job.
fn until(rep: usize) -> Sec {
    debug_assert!(rep < REPS);
    if rep == LEAVER { LEFT } else { END }
}
