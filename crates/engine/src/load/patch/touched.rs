//! Which groups a change touches.

use super::changes::{ACCOUNT, Changes, DEAL, PERSON, naming, texts};
use super::now::{Home, Now};
use crate::error::EngineError;
use crate::load::place::NUMBERED;
use crate::load::timelines::Timelines;
use datafusion::arrow::array::UInt32Array;
use std::collections::BTreeSet;
use treaty_domain::timeline::NONE;

/// Groups that are put together again, and what is needed for them.
pub struct Touched {
    /// Groups of the base that give way.
    pub dropped: BTreeSet<u32>,
    /// Groups that come, by their order.
    pub homes: Vec<Home>,
    /// People and opportunities, those that take part from elsewhere included.
    pub people: BTreeSet<u32>,
    pub deals: BTreeSet<u32>,
}

/// Pairs of a group of the base and somebody who takes part in it from elsewhere.
pub struct Guests {
    pub groups: [UInt32Array; 2],
    pub members: [UInt32Array; 2],
}

impl Guests {
    pub fn of(base: &Timelines) -> Result<Self, EngineError> {
        let column = |kind, name| base.numbers(kind, name);
        Ok(Self {
            groups: [column("guests", "group")?, column("guest_opportunities", "group")?],
            members: [column("guests", "person")?, column("guest_opportunities", "opportunity")?],
        })
    }

    /// Of people (0) or opportunities (1).
    pub fn pairs(&self, of: usize) -> impl Iterator<Item = (u32, u32)> {
        self.groups[of].values().iter().copied().zip(self.members[of].values().iter().copied())
    }
}

/// Which numbers below an end are in a set.
pub fn flags(set: &BTreeSet<u32>, end: u32) -> Vec<bool> {
    let mut flags = vec![false; end as usize];
    set.range(..end).for_each(|n| flags[*n as usize] = true);
    flags
}

impl Touched {
    pub fn new(changes: &Changes, now: &Now, guests: &Guests) -> Self {
        let mut touched: [BTreeSet<u32>; 3] = Default::default();
        for table in NUMBERED {
            for batch in changes.old[table].iter().chain(&changes.new[table]) {
                for (column, kind) in naming(table) {
                    let ids = texts(std::slice::from_ref(batch), column);
                    touched[*kind].extend(ids.iter().map(|id| now.kinds[*kind].number(id)).filter(|n| *n != NONE));
                }
            }
        }
        let [people, accounts, deals] = touched;
        let mut dropped: BTreeSet<u32> = accounts.iter().copied().filter(|a| *a < now.kinds[ACCOUNT].base).collect();
        let mut homes: BTreeSet<Home> = accounts.into_iter().map(Home::Account).collect();
        for (kind, all, guest) in [(PERSON, &people, 0), (DEAL, &deals, 1)] {
            for number in all {
                homes.insert(now.home_now(kind, *number));
                if *number < now.kinds[kind].base {
                    dropped.insert(now.group_before(kind, *number));
                }
            }
            let among = flags(all, now.kinds[kind].base);
            dropped.extend(guests.pairs(guest).filter(|(_, member)| among[*member as usize]).map(|(group, _)| group));
        }
        let [lone_person, lone_deal] = now.lone();
        for group in &dropped {
            homes.insert(match *group {
                g if g < lone_person => Home::Account(g),
                g if g < lone_deal => Home::Person(now.kinds[PERSON].alone + g - lone_person),
                g => Home::Deal(now.kinds[DEAL].alone + g - lone_deal),
            });
        }
        // Who was alone and now has an account is a group no more; an account stays one.
        homes.retain(|home| match home {
            Home::Account(_) => true,
            Home::Person(p) => now.kinds[PERSON].account(*p) == NONE,
            Home::Deal(o) => now.kinds[DEAL].account(*o) == NONE,
        });
        for home in &homes {
            if let Home::Account(a) = home
                && *a < now.kinds[ACCOUNT].base
            {
                dropped.insert(*a);
            }
        }
        let gives_way = flags(&dropped, now.groups());
        let members = |kind: usize, also: &BTreeSet<u32>, guest: usize| -> BTreeSet<u32> {
            let all = &now.kinds[kind];
            let mut out = also.clone();
            for home in &homes {
                match home {
                    Home::Account(a) if *a < now.kinds[ACCOUNT].base => out.extend(all.range(*a).filter(|n| all.account(*n) == *a)),
                    Home::Person(p) if kind == PERSON => _ = out.insert(*p),
                    Home::Deal(o) if kind == DEAL => _ = out.insert(*o),
                    _ => {}
                }
            }
            out.extend(guests.pairs(guest).filter(|(group, _)| gives_way[*group as usize]).map(|(_, member)| member));
            out
        };
        let (people, deals) = (members(PERSON, &people, 0), members(DEAL, &deals, 1));
        let mut homes: Vec<Home> = homes.into_iter().collect();
        homes.sort_by(|a, b| now.order(*a).cmp(&now.order(*b)));
        Self { dropped, homes, people, deals }
    }
}

