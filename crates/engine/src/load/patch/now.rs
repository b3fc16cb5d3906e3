//! People, accounts and opportunities after a change, with the numbers that the base gave them.

use super::changes::{ACCOUNT, Changes, DEAL, PERSON, SUBJECTS, naming, texts};
use crate::error::EngineError;
use crate::load::KINDS;
use crate::load::columns::Texts;
use crate::load::merges::Merges;
use crate::load::place::NUMBERED;
use crate::load::timelines::Timelines;
use crate::record::par;
use datafusion::arrow::array::{Array, StringArray, UInt32Array};
use datafusion::common::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::ops::Range;
use treaty_domain::timeline::NONE;

/// Entities of a kind.
#[derive(Default)]
pub struct Kind {
    /// How many the base has.
    pub base: u32,
    /// Their ids.
    pub ids: Option<StringArray>,
    /// Ids that came, in order; they are numbered behind.
    pub new: Vec<String>,
    /// Numbers of all ids that changes name, those that were merged away included.
    pub known: HashMap<String, u32>,
    /// Row of the record of those whose own row came.
    pub rows: HashMap<u32, u32>,
    /// Account of people and opportunities whose row came.
    pub account: HashMap<u32, u32>,
    /// Account of each in the base.
    pub base_account: Option<UInt32Array>,
    /// The first one of the base that has none.
    pub alone: u32,
}

impl Kind {
    pub fn id(&self, number: u32) -> &str {
        match (&self.ids, number.checked_sub(self.base)) {
            (Some(ids), None) => ids.value(number as usize),
            (_, Some(new)) => self.new.get(new as usize).map_or("", String::as_str),
            (None, None) => "",
        }
    }

    pub fn number(&self, id: &str) -> u32 {
        self.known.get(id).copied().unwrap_or(NONE)
    }

    /// The account that an entity belongs to now.
    pub fn account(&self, number: u32) -> u32 {
        self.account.get(&number).copied().unwrap_or_else(|| self.account_before(number))
    }

    pub fn account_before(&self, number: u32) -> u32 {
        let known = self.base_account.as_ref().filter(|_| number < self.base);
        known.map_or(NONE, |a| a.value(number as usize))
    }

    /// Entities of the base with an account; [`NONE`] is none.
    pub fn range(&self, account: u32) -> Range<u32> {
        let all = self.base_account.as_ref().map_or(&[] as &[u32], |a| a.values());
        let from = all.partition_point(|a| *a < account);
        let to = from + all[from..].partition_point(|a| *a == account);
        from as u32..to as u32
    }

    /// Finds ids among those of the base.
    pub fn find(&self, wanted: &HashSet<String>) -> HashMap<String, u32> {
        let Some(ids) = self.ids.as_ref().filter(|_| !wanted.is_empty()) else { return HashMap::new() };
        let blocks = par::map(par::ranges(ids.len(), 1 << 16), |rows| {
            let known = |i: usize| wanted.get(ids.value(i)).map(|id| (id.clone(), i as u32));
            rows.filter_map(known).collect::<Vec<_>>()
        });
        blocks.into_iter().flatten().collect()
    }
}

/// People, accounts and opportunities, as they are now.
pub struct Now {
    pub kinds: [Kind; 3],
}

impl Now {
    pub fn new(base: &Timelines) -> Result<Self, EngineError> {
        let mut kinds: [Kind; 3] = Default::default();
        for (kind, name) in kinds.iter_mut().zip(KINDS) {
            let ids = base.ids(name)?;
            kind.base = ids.len() as u32;
            kind.ids = Some(ids);
            if name != "accounts" {
                kind.base_account = Some(base.numbers(name, "account")?);
                kind.alone = kind.range(NONE).start;
            }
        }
        Ok(Self { kinds })
    }

    /// Takes down which entities changes name, and what their own rows say. `false`: some are no
    /// longer there.
    pub fn take(&mut self, changes: &Changes, merges: &Merges) -> bool {
        let mut named: [HashSet<String>; 3] = Default::default();
        let mut to_come: [BTreeSet<String>; 3] = Default::default();
        for table in NUMBERED {
            for (column, kind) in naming(table) {
                let subject = SUBJECTS[*kind];
                for (rows, came) in [(&changes.old[table], false), (&changes.new[table], true)] {
                    for id in texts(rows, column) {
                        let into = merges.canonical(subject, &id);
                        let own = table == KINDS[*kind] && *column == naming(table)[0].0;
                        // An account is there when something names it; others need a row.
                        if came && ((own && !merges.is_gone(subject, &id)) || *kind == ACCOUNT) {
                            to_come[*kind].insert(into.to_owned());
                        }
                        if into != id {
                            named[*kind].insert(into.to_owned());
                        }
                        named[*kind].insert(id);
                    }
                }
            }
        }
        for (at, kind) in self.kinds.iter_mut().enumerate() {
            let found = kind.find(&named[at]);
            kind.new = to_come[at].iter().filter(|id| !found.contains_key(id.as_str())).cloned().collect();
            let new = kind.new.iter().zip(kind.base..);
            let all: HashMap<&str, u32> = found.iter().map(|(id, n)| (id.as_str(), *n)).chain(new.map(|(id, n)| (id.as_str(), n))).collect();
            let number = |id: &String| Some((id.clone(), *all.get(merges.canonical(SUBJECTS[at], id))?));
            kind.known = named[at].iter().filter_map(number).collect();
            // Ids that were merged into new ones are known with them.
            let aliases = merges.of(SUBJECTS[at]).filter_map(|(from, into)| Some((from.to_owned(), *all.get(into)?)));
            kind.known.extend(aliases);
        }
        for (at, table) in KINDS.into_iter().enumerate() {
            let (id, own) = (naming(table)[0].0, |id: &str| !merges.is_gone(SUBJECTS[at], id));
            let mut stay: HashSet<String> = HashSet::new();
            for (numbers, batch) in &changes.new[table] {
                let (ids, accounts) = (Texts::of(batch, id), Texts::of(batch, "account_id"));
                for row in 0..batch.num_rows() {
                    let Some(id) = ids.key(row).map(|k| ids.texts.value(k)).filter(|id| own(id)) else { continue };
                    let number = self.kinds[at].number(id);
                    let account = accounts.key(row).map_or(NONE, |k| self.kinds[ACCOUNT].number(accounts.texts.value(k)));
                    self.kinds[at].rows.insert(number, numbers.value(row));
                    if at != ACCOUNT {
                        self.kinds[at].account.insert(number, account);
                    }
                    stay.insert(id.to_owned());
                }
            }
            if texts(&changes.old[table], id).iter().any(|id| own(id) && !stay.contains(id)) {
                return false;
            }
        }
        true
    }

    /// New people or opportunities, with the ids that lead to them.
    pub fn new_ids(&self, kind: usize) -> HashSet<String> {
        let kind = &self.kinds[kind];
        kind.known.iter().filter(|(_, n)| **n >= kind.base).map(|(id, _)| id.clone()).collect()
    }

    /// The group that an entity belongs to.
    pub fn home(&self, kind: usize, number: u32, account: u32) -> Home {
        match (kind, account) {
            (_, a) if a != NONE => Home::Account(a),
            (PERSON, _) => Home::Person(number),
            _ => Home::Deal(number),
        }
    }

    pub fn home_now(&self, kind: usize, number: u32) -> Home {
        self.home(kind, number, self.kinds[kind].account(number))
    }

    /// How groups are ordered.
    pub fn order(&self, home: Home) -> (u8, &str) {
        match home {
            Home::Account(a) => (0, self.kinds[ACCOUNT].id(a)),
            Home::Person(p) => (1, self.kinds[PERSON].id(p)),
            Home::Deal(o) => (2, self.kinds[DEAL].id(o)),
        }
    }

    /// First groups of the base without an account: of a person, and of an opportunity.
    pub fn lone(&self) -> [u32; 2] {
        let accounts = self.kinds[ACCOUNT].base;
        [accounts, accounts + self.kinds[PERSON].base - self.kinds[PERSON].alone]
    }

    /// How many groups the base has.
    pub fn groups(&self) -> u32 {
        self.lone()[1] + self.kinds[DEAL].base - self.kinds[DEAL].alone
    }

    /// The group of the base in which an entity is.
    pub fn group_before(&self, kind: usize, number: u32) -> u32 {
        let account = self.kinds[kind].account_before(number);
        if account != NONE {
            return account;
        }
        self.lone()[usize::from(kind == DEAL)] + number - self.kinds[kind].alone
    }

    /// The group of the base that a group is, or the one before which it comes.
    pub fn place(&self, home: Home) -> u32 {
        let (kind, number, first, range) = match home {
            Home::Account(a) => (ACCOUNT, a, 0, 0..self.kinds[ACCOUNT].base),
            Home::Person(p) => (PERSON, p, self.lone()[0], self.kinds[PERSON].alone..self.kinds[PERSON].base),
            Home::Deal(o) => (DEAL, o, self.lone()[1], self.kinds[DEAL].alone..self.kinds[DEAL].base),
        };
        let all = &self.kinds[kind];
        let id = all.id(number);
        let (mut from, mut to) = (range.start, range.end);
        while from < to {
            let middle = from + (to - from) / 2;
            if all.id(middle) < id { from = middle + 1 } else { to = middle }
        }
        first + from - range.start
    }
}

/// A group by what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    Account(u32),
    Person(u32),
    Deal(u32),
}

