//! The history of one deal (S10), and what a log of stages says of visits.

use crate::common::Deal;
use crate::{World, value_then};
use treaty_domain::agreement::StageMeaning;
use treaty_domain::facts::{GateVerdict, Status, VisitFact};
use treaty_domain::timeline::{Criteria, NONE};
use treaty_domain::zone::Micros;

/// One line of a log: a stage entered, or an exit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub at: Micros,
    /// Rank of the stage, or nothing for an exit.
    pub stage: Option<u8>,
    pub overridden: bool,
}

/// What became of a deal until the as-of instant.
#[derive(Debug, Clone)]
pub struct History {
    /// Created before the as-of instant.
    pub known: bool,
    /// Stages and exits, exits that were taken back among them.
    pub log: Vec<Line>,
    /// Exits that stand, in order: at most a parking and a loss, or a win.
    pub exits: Vec<(Micros, Status)>,
    /// The win was passed on somebody's word.
    pub win_overridden: bool,
    pub reopened: u16,
    /// Amount in its own currency.
    pub raw: Option<i64>,
    pub amount: Option<i64>,
    /// Position of the primary contact, or `NONE`.
    pub primary: u32,
}

impl History {
    pub fn of(w: &World<'_>, deal: &Deal) -> Self {
        let now = w.now();
        let d = &deal.deal;
        let known = d.created_at < w.as_of();
        let mut changes = deal.stages.clone();
        changes.sort_by_key(|c| c.at);
        changes.retain(|c| known && c.at < w.as_of());
        let meaning = |value: u32| now.meaning.get(value as usize).copied().flatten();
        let says = |m| matches!(m, Some(StageMeaning::Stage(_) | StageMeaning::Won));
        let mut h = History {
            known,
            log: Vec::new(),
            exits: Vec::new(),
            win_overridden: false,
            reopened: 0,
            raw: value_then(&deal.amount_changes, d.amount, w.last()),
            amount: None,
            primary: NONE,
        };
        let enters = w.terms(d.created_at).creation_enters_first_stage;
        if known && enters && !changes.iter().any(|c| c.at <= d.created_at && says(meaning(c.value))) {
            h.log.push(Line { at: d.created_at, stage: Some(now.first_opportunity_stage), overridden: false });
        }
        for c in changes {
            match (meaning(c.value), h.status()) {
                (Some(StageMeaning::Stage(rank)), status) => {
                    let grace = w.terms(c.at).reopen_grace_days;
                    let late = h.won_at().is_some_and(|won| i64::from(w.days(won, c.at)) > grace);
                    if late || grace == 0 && matches!(status, Status::Won | Status::Lost) {
                        continue; // the win stands; without a grace, so does a loss
                    }
                    if status != Status::Open {
                        h.reopened += 1;
                        h.exits.clear();
                        h.win_overridden = false;
                    }
                    if h.current() != Some(rank) {
                        h.log.push(Line { at: c.at, stage: Some(rank), overridden: c.overridden });
                    }
                }
                (_, Status::Won) | (None, _) => {}
                (Some(StageMeaning::Won), _) => {
                    h.exits = vec![(c.at, Status::Won)];
                    h.win_overridden = c.overridden;
                    h.leave(c.at);
                }
                (Some(StageMeaning::Lost | StageMeaning::Disqualified), status) => {
                    if status != Status::Lost {
                        h.exits.push((c.at, Status::Lost));
                        h.leave(c.at);
                    }
                }
                (Some(StageMeaning::Recycled), status) => {
                    if status == Status::Open {
                        h.exits.push((c.at, Status::Recycled));
                        h.leave(c.at);
                    }
                }
            }
        }
        let rated_at = h.won_at().or(h.lost_at()).unwrap_or(w.last());
        h.amount = h.raw.and_then(|raw| w.money(raw, d.currency, rated_at));
        if known {
            let named: Vec<u32> = deal.contacts.iter().filter(|c| c.is_primary).map(|c| c.person).collect();
            let all: Vec<u32> = deal.contacts.iter().map(|c| c.person).collect();
            h.primary = match (named.first(), all.as_slice()) {
                (Some(first), _) => *first,
                (None, [only]) => *only,
                _ => NONE,
            };
        }
        h
    }

    fn leave(&mut self, at: Micros) {
        self.log.push(Line { at, stage: None, overridden: false });
    }

    pub fn status(&self) -> Status {
        self.exits.last().map_or(Status::Open, |e| e.1)
    }

    fn exit(&self, status: Status) -> Option<Micros> {
        self.exits.iter().find(|e| e.1 == status).map(|e| e.0)
    }

    pub fn won_at(&self) -> Option<Micros> {
        self.exit(Status::Won)
    }

    pub fn lost_at(&self) -> Option<Micros> {
        self.exit(Status::Lost)
    }

    pub fn recycled_at(&self) -> Option<Micros> {
        self.exit(Status::Recycled)
    }

    /// When it closed, in whatever way.
    pub fn closed_at(&self) -> Option<Micros> {
        self.exits.last().map(|e| e.0)
    }

    /// The stage it is in.
    pub fn current(&self) -> Option<u8> {
        self.log.last().and_then(|l| l.stage)
    }

    /// The stage it is in, or was in last.
    pub fn last_stage(&self, first: u8) -> u8 {
        self.log.iter().rev().find_map(|l| l.stage).unwrap_or(first)
    }

    /// First entries: every entry into a stage, and the win that stands.
    pub fn entries(&self, won: u8) -> Vec<(u8, Micros)> {
        let mut all: Vec<(u8, Micros)> = self.log.iter().filter_map(|l| Some((l.stage?, l.at))).collect();
        all.extend(self.won_at().map(|at| (won, at)));
        all
    }
}

/// Several logs that belong to one subject, and how they end.
pub struct Ways {
    pub logs: Vec<Vec<Line>>,
    /// By log: an episode that has not ended runs until then.
    pub until: Vec<Micros>,
    pub entries: Vec<(u8, Micros)>,
    pub overridden: Vec<u8>,
    pub current: Option<u8>,
}

impl Ways {
    /// First time at a stage or above.
    pub fn first_reach(&self, rank: u8) -> Option<Micros> {
        self.entries.iter().filter(|(r, _)| *r >= rank).map(|(_, at)| *at).min()
    }

    pub fn top(&self) -> Option<u8> {
        self.entries.iter().map(|(r, _)| *r).max()
    }

    fn dwell(&self, w: &World<'_>, rank: u8) -> i32 {
        let mut days = 0;
        for (log, until) in self.logs.iter().zip(&self.until) {
            for (i, line) in log.iter().enumerate() {
                if line.stage == Some(rank) {
                    let end = log.get(i + 1).map_or(*until, |next| next.at);
                    days += w.days(line.at, end.max(line.at));
                }
            }
        }
        days
    }

    /// Moves back into a stage: from the stage before it in the log, which was a higher one.
    fn regressions(&self, rank: u8) -> u16 {
        let mut n = 0;
        for log in &self.logs {
            let stages: Vec<u8> = log.iter().filter_map(|l| l.stage).collect();
            n += stages.windows(2).filter(|s| s[1] == rank && s[0] > rank).count() as u16;
        }
        n
    }

    pub fn visits(&self, w: &World<'_>, floor: u8, criteria: Criteria, model: &VisitFact) -> Vec<VisitFact> {
        let now = w.now();
        let explicit = |rank: u8| {
            let at = self.first_reach(rank)?;
            self.entries.contains(&(rank, at)).then_some(at)
        };
        let mut visits = Vec::new();
        let Some(top) = self.top() else { return visits };
        for rank in floor..=top {
            let reached_at = self.first_reach(rank).expect("below the top");
            let implied = explicit(rank).is_none();
            let is_stage = rank < now.stages;
            let entered = self.entries.iter().any(|(r, _)| *r == rank);
            let before = (rank > floor).then(|| explicit(rank - 1)).flatten();
            // The gates of all stages since the last one that was entered; a lead answers for the
            // stages of people only.
            let from = (floor..rank).rev().find(|r| explicit(*r).is_some()).unwrap_or(floor);
            let gates: Vec<u64> = (from..rank)
                .filter(|s| !model.is_lead || *s < now.first_opportunity_stage)
                .map(|s| now.gates[s as usize].required)
                .collect();
            let bits: Vec<u64> = (0..64).filter(|bit| gates.iter().any(|g| g >> bit & 1 == 1)).collect();
            let gate = if implied || rank == floor || bits.is_empty() {
                GateVerdict::None
            } else if bits.iter().any(|b| criteria.known >> b & 1 == 1 && criteria.met >> b & 1 == 0) {
                GateVerdict::NoGo
            } else if bits.iter().any(|b| criteria.known >> b & 1 == 0) {
                GateVerdict::Incomplete
            } else {
                GateVerdict::Go
            };
            visits.push(VisitFact {
                stage: rank,
                reached_at,
                implied,
                days_from_previous: before.filter(|_| !implied).map(|at| w.days(at, reached_at)),
                dwell_days: (is_stage && entered).then(|| self.dwell(w, rank)),
                is_current: self.current == Some(rank),
                regressions: if is_stage { self.regressions(rank) } else { 0 },
                gate,
                overridden: self.overridden.contains(&rank),
                ..model.clone()
            });
        }
        visits
    }
}

/// Ranks that were entered on somebody's word.
pub fn overridden(h: &History, won: u8) -> Vec<u8> {
    let mut ranks: Vec<u8> = h.log.iter().filter(|l| l.overridden).filter_map(|l| l.stage).collect();
    if h.win_overridden {
        ranks.push(won);
    }
    ranks
}
