//! People with the same keys become one; accounts with the same domain, too; people without an account find theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use treaty_app::identity::{ACCOUNT, Accounts, Link, MEMBER, NONE, PERSON, People, QUARANTINE, SOURCE, Snapshot, TOGETHER};

use super::clusters::{Clusters, Refusal, decided};
use super::email::{DomainKind, Mailbox, kind, registrable};
use super::keys::{self, Named};
use super::phone::{self, Phone};
use super::{Settings, fake, person_name};

/// People of one domain without a known account, beyond which the domain is taken for a provider of mailboxes.
const CROWD: usize = 1_000;

/// Ids that share a key and were not joined, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aside {
    /// `person` or `account`.
    pub kind: &'static str,
    /// The ids.
    pub ids: Vec<String>,
    /// The key that they share.
    pub key: String,
    /// Why they were not joined.
    pub why: String,
}

/// What identity found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Rows to add to the record.
    pub links: Vec<Link>,
    /// Ids that share a key and were not joined.
    pub aside: Vec<Aside>,
    /// For every person the number of the person that stands for its cluster, or its own.
    pub stands: Vec<u32>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Ids that share a key.
struct Group {
    /// Order of strength: what a person decided, ids, e-mail, phone.
    strength: u8,
    key: String,
    members: Vec<u32>,
}

/// What is known of one person, read once.
struct Known {
    mailbox: Option<Mailbox>,
    is_role: bool,
    domain: Option<String>,
    ids: Vec<(String, String)>,
    company: Option<String>,
}

/// Finds the links that the record lacks.
pub fn resolve(snapshot: &Snapshot, settings: &Settings) -> Outcome {
    let (people, links) = (&snapshot.people, &snapshot.links);
    let mut out = Outcome::default();
    let known: Vec<Known> = (0..people.len()).map(|i| know(people, i, settings)).collect();
    let rank = ranks(&people.id, &people.created_at);
    let ids = || (0..people.len()).map(|i| people.id.get(i).unwrap_or_default());
    let mut clusters = Clusters::new(PERSON, ids(), rank.clone(), links);
    // Without ids of other systems nobody asks for the index.
    let carried = known.iter().any(|k| !k.ids.is_empty());
    let named = Named::new(ids().take(if carried { usize::MAX } else { 0 }));
    overruled(&clusters, &mut out);
    mark(&mut clusters, &named, &known);
    for group in groups(people, &known, &rank, links, &mut clusters, &named, settings) {
        join(&mut clusters, people, &known, group, settings, &mut out);
    }
    let accounts = join_accounts(&snapshot.accounts, links, settings, &mut out);
    out.stands = (0..people.len() as u32).map(|i| Some(clusters.head(i)).filter(|h| (*h as usize) < people.len()).unwrap_or(i)).collect();
    let mut standing: HashMap<(&str, &str), &Link> = HashMap::new();
    for link in links {
        standing.insert((&link.kind, &link.from), link);
    }
    members(people, &known, &rank, &accounts, &standing, settings, &mut out);
    if settings.fakes {
        let companies = Companies { accounts: &snapshot.accounts, by_id: Named::new((0..snapshot.accounts.id.len()).map(|i| snapshot.accounts.id.get(i).unwrap_or_default())) };
        suspects(people, &known, &companies, &standing, settings, &mut out);
    }
    out.links.sort();
    out.aside.sort();
    out.aside.dedup();
    out
}

fn know(people: &People, i: usize, settings: &Settings) -> Known {
    let carried = keys::read(people.attributes.get(i), &settings.id_attributes);
    let mailbox = people.email.get(i).and_then(Mailbox::parse);
    let is_role = mailbox.as_ref().is_some_and(|m| m.is_role(&settings.lists));
    let domain = mailbox.as_ref().and_then(|m| registrable(&m.domain));
    Known { mailbox, is_role, domain, ids: carried.ids, company: carried.company }
}

/// Place of every row by age, then id: the smaller one survives a merge.
pub(super) fn ranks(id: &treaty_app::raw::TextColumn, created_at: &[i64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..id.len() as u32).collect();
    order.sort_by_key(|i| (created_at.get(*i as usize).copied().unwrap_or(0), id.get(*i as usize)));
    let mut rank = vec![0; order.len()];
    order.iter().zip(0..).for_each(|(i, place)| rank[*i as usize] = place);
    rank
}

/// Takes back what a source merges the other way round: the row then says that the id stands alone.
fn overruled(clusters: &Clusters<'_>, out: &mut Outcome) {
    for link in clusters.overruled() {
        out.links.push(Link { into: link.from.clone(), why: "a source merges them the other way round".to_owned(), ..(*link).clone() });
    }
}

/// Gives every cluster its strong keys: the ids of other systems that it carries, and its own where others carry it.
fn mark(clusters: &mut Clusters<'_>, named: &Named<'_>, known: &[Known]) {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut number = |text: String| {
        let next = numbers.len() as u32;
        *numbers.entry(text).or_insert(next)
    };
    for (i, person) in known.iter().enumerate() {
        for (name, value) in &person.ids {
            let system = number(format!("name {name}"));
            match named.find(value) {
                Some(target) => {
                    let head = clusters.head(target);
                    let value = number(format!("id {}", clusters.id(head)));
                    clusters.mark(i as u32, system, value);
                    clusters.mark(target, system, value);
                }
                None => {
                    let value = number(format!("value {value}"));
                    clusters.mark(i as u32, system, value);
                }
            }
        }
    }
}

fn groups(
    people: &People,
    known: &[Known],
    rank: &[u32],
    links: &[Link],
    clusters: &mut Clusters<'_>,
    named: &Named<'_>,
    settings: &Settings,
) -> Vec<Group> {
    let mut found: BTreeMap<(u8, String), Vec<u32>> = BTreeMap::new();
    for (a, b) in decided(links, TOGETHER) {
        if let (Some(a), Some(b)) = (clusters.node(&a), clusters.node(&b)) {
            found.insert((0, format!("{} {}", clusters.id(a), clusters.id(b))), vec![a, b]);
        }
    }
    for (i, person) in known.iter().enumerate() {
        let i = i as u32;
        for (name, value) in &person.ids {
            match named.find(value) {
                Some(target) => found.entry((1, format!("id {}", clusters.id(target)))).or_insert_with(|| vec![target]).push(i),
                None => found.entry((1, format!("{name} {value}"))).or_default().push(i),
            }
        }
        if let Some(mailbox) = person.mailbox.as_ref().filter(|_| !person.is_role) {
            found.entry((2, format!("e-mail {}", mailbox.address()))).or_default().push(i);
        }
    }
    phones(people, clusters, settings, &mut found);
    let mut out: Vec<Group> = found
        .into_iter()
        .map(|((strength, key), mut members)| {
            members.sort_by_key(|m| rank.get(*m as usize).copied().unwrap_or(u32::MAX));
            members.dedup();
            Group { strength, key, members }
        })
        .filter(|g| g.members.len() > 1)
        .collect();
    out.sort_by(|a, b| (a.strength, &a.key).cmp(&(b.strength, &b.key)));
    out
}

/// People with the same full name and the same number. Numbers are read only where two people may share one, because
/// reading them is slow.
fn phones(people: &People, clusters: &mut Clusters<'_>, settings: &Settings, found: &mut BTreeMap<(u8, String), Vec<u32>>) {
    let mut near: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
    for i in 0..people.len() {
        let Some(tail) = people.phone.get(i).and_then(phone::tail) else { continue };
        let Some(name) = people.name.get(i).and_then(person_name::full_key) else { continue };
        near.entry((tail, name)).or_default().push(i as u32);
    }
    for ((_, name), list) in near {
        let roots: BTreeSet<u32> = list.iter().map(|i| clusters.root(*i)).collect();
        if roots.len() < 2 {
            continue;
        }
        for i in list {
            if let Some(number) = number_of(people, i as usize, settings) {
                found.entry((3, format!("phone {number} and name {name}"))).or_default().push(i);
            }
        }
    }
}

/// The international form of a person's number, if it can exist.
pub(super) fn number_of(people: &People, i: usize, settings: &Settings) -> Option<String> {
    let home = people.country.get(i).or(settings.country.as_deref()).and_then(phone::country);
    match phone::read(people.phone.get(i)?, home) {
        Phone::Valid(number, _) => Some(number),
        Phone::Invalid | Phone::Unknown => None,
    }
}

fn join(clusters: &mut Clusters<'_>, people: &People, known: &[Known], group: Group, settings: &Settings, out: &mut Outcome) {
    let roots: BTreeSet<u32> = group.members.iter().map(|m| clusters.root(*m)).collect();
    if roots.len() < 2 {
        return;
    }
    let mut set_aside = |why: String| {
        let ids = group.members.iter().map(|m| people.id.get(*m as usize).unwrap_or_default().to_owned()).take(50).collect();
        out.aside.push(Aside { kind: PERSON, ids, key: group.key.clone(), why });
    };
    if roots.len() > settings.max_cluster && group.strength > 0 {
        return set_aside(format!("more than {} people share it", settings.max_cluster));
    }
    if group.strength == 2
        && let Some((a, b)) = strangers(clusters, people, &group.members)
    {
        return set_aside(format!("a shared mailbox, or a new owner: {a} and {b}"));
    }
    // One contradiction makes the key useless: who of the others would belong to whom?
    for (at, a) in group.members.iter().enumerate() {
        for b in &group.members[at + 1..] {
            if group.strength > 0 && clusters.may_join(*a, *b, usize::MAX) == Err(Refusal::Contradiction) {
                let id = |i: u32| people.id.get(i as usize).unwrap_or_default();
                return set_aside(format!("{} and {} carry different ids of one system: {}", id(*a), id(*b), contradiction(known, *a, *b)));
            }
        }
    }
    for (at, b) in group.members.iter().enumerate().skip(1) {
        for a in &group.members[..at] {
            let allowed = match clusters.may_join(*a, *b, settings.max_cluster) {
                Err(Refusal::Contradiction | Refusal::Size) if group.strength == 0 => Ok(()),
                other => other,
            };
            match allowed {
                Ok(()) => {
                    if let Some((goes, stays)) = clusters.join(*a, *b) {
                        let created = |i: u32| people.created_at.get(i as usize).copied().unwrap_or(i64::MIN);
                        out.links.push(Link {
                            kind: PERSON.to_owned(),
                            from: clusters.id(goes).to_owned(),
                            into: clusters.id(stays).to_owned(),
                            at: created(*a).max(created(*b)),
                            by: SOURCE.to_owned(),
                            why: group.key.clone(),
                        });
                    }
                    break;
                }
                Err(Refusal::Size) => set_aside(format!("one person would have more than {} ids", settings.max_cluster)),
                Err(Refusal::Contradiction | Refusal::Decided | Refusal::Circle) => {}
            }
        }
    }
}

/// Two names of a group that cannot be one person's.
fn strangers(clusters: &mut Clusters<'_>, people: &People, members: &[u32]) -> Option<(String, String)> {
    for (at, a) in members.iter().enumerate() {
        for b in &members[at + 1..] {
            let (Some(x), Some(y)) = (people.name.get(*a as usize), people.name.get(*b as usize)) else { continue };
            if clusters.root(*a) != clusters.root(*b) && !person_name::may_be_one(x, y) {
                return Some((x.to_owned(), y.to_owned()));
            }
        }
    }
    None
}

fn contradiction(known: &[Known], a: u32, b: u32) -> String {
    let ids = |i: u32| known.get(i as usize).map(|k| k.ids.as_slice()).unwrap_or_default();
    let differing = ids(a).iter().find_map(|(n, v)| ids(b).iter().find(|(m, w)| n == m && v != w).map(|(_, w)| format!("{n} {v} and {w}")));
    differing.unwrap_or_else(|| "they, or others merged with them".to_owned())
}

/// Accounts by registrable domain.
type ByDomain = BTreeMap<String, Vec<String>>;

fn join_accounts(accounts: &Accounts, links: &[Link], settings: &Settings, out: &mut Outcome) -> ByDomain {
    let rank = ranks(&accounts.id, &accounts.created_at);
    let id = |i: usize| accounts.id.get(i).unwrap_or_default();
    let mut clusters = Clusters::new(ACCOUNT, (0..accounts.id.len()).map(id), rank.clone(), links);
    overruled(&clusters, out);
    let mut by_domain: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for i in 0..accounts.id.len() {
        let domain = accounts.domain.get(i).and_then(registrable);
        if let Some(domain) = domain.filter(|d| kind(d, &settings.lists) == DomainKind::Business) {
            by_domain.entry(domain).or_default().push(i as u32);
        }
    }
    let mut heads = ByDomain::new();
    for (domain, mut members) in by_domain {
        members.sort_by_key(|m| rank[*m as usize]);
        for at in 1..members.len() {
            let b = members[at] as usize;
            for a in members[..at].iter().map(|a| *a as usize) {
                if clusters.root(a as u32) == clusters.root(b as u32) {
                    continue;
                }
                let named = |i: usize| accounts.name.get(i);
                let alike = named(a).zip(named(b)).is_none_or(|(x, y)| person_name::same_company(x, y));
                let related = accounts.parent.get(a) == Some(id(b)) || accounts.parent.get(b) == Some(id(a));
                match clusters.may_join(a as u32, b as u32, settings.max_cluster) {
                    Ok(()) if alike && !related => {
                        if let Some((goes, stays)) = clusters.join(a as u32, b as u32) {
                            out.links.push(Link {
                                kind: ACCOUNT.to_owned(),
                                from: clusters.id(goes).to_owned(),
                                into: clusters.id(stays).to_owned(),
                                at: accounts.created_at[a].max(accounts.created_at[b]),
                                by: SOURCE.to_owned(),
                                why: format!("domain {domain}"),
                            });
                        }
                        break;
                    }
                    Ok(()) if !related => out.aside.push(Aside {
                        kind: ACCOUNT,
                        ids: vec![id(a).to_owned(), id(b).to_owned()],
                        key: format!("domain {domain}"),
                        why: format!("their names differ: {} and {}", named(a).unwrap_or_default(), named(b).unwrap_or_default()),
                    }),
                    _ => {}
                }
            }
        }
        let mut found: Vec<u32> = members.iter().map(|m| clusters.head(*m)).collect();
        found.dedup();
        let mut names: Vec<String> = found.into_iter().map(|h| clusters.id(h).to_owned()).collect();
        names.sort();
        names.dedup();
        heads.insert(domain, names);
    }
    heads
}

/// Finds the accounts of people whose source names none: that of an id they were merged with, else that of their domain.
fn members(
    people: &People,
    known: &[Known],
    rank: &[u32],
    accounts: &ByDomain,
    standing: &HashMap<(&str, &str), &Link>,
    settings: &Settings,
    out: &mut Outcome,
) {
    let mut order: Vec<u32> = (0..people.len() as u32).collect();
    order.sort_by_key(|i| rank[*i as usize]);
    let (mut account, mut domain): (HashMap<u32, &str>, HashMap<u32, &str>) = (HashMap::new(), HashMap::new());
    for i in &order {
        let stands = out.stands[*i as usize];
        if let Some(own) = people.account.get(*i as usize) {
            account.entry(stands).or_insert(own);
        }
        let person = &known[*i as usize];
        if let Some(own) = person.domain.as_deref().filter(|d| kind(d, &settings.lists) == DomainKind::Business) {
            domain.entry(stands).or_insert(own);
        }
    }
    let mut crowds: BTreeMap<&str, usize> = BTreeMap::new();
    let alone = |i: u32| out.stands[i as usize] == i && people.account.get(i as usize).is_none();
    for (_, domain) in domain.iter().filter(|(i, _)| alone(**i) && !account.contains_key(i)) {
        *crowds.entry(domain).or_default() += usize::from(!accounts.contains_key(*domain));
    }
    crowds.retain(|_, n| *n > CROWD);
    for (domain, n) in &crowds {
        out.notes.push(format!(
            "{domain}: {n} people and no account of that domain; it is taken for a provider of mailboxes. Add it to identity.free_mail, or import the account."
        ));
    }
    let mut links = Vec::new();
    for i in order.into_iter().filter(|i| alone(*i)) {
        let id = people.id.get(i as usize).unwrap_or_default();
        let by_domain = || {
            let domain = domain.get(&i).filter(|d| settings.accounts_by_domain && !crowds.contains_key(**d))?;
            match accounts.get(*domain).map(Vec::as_slice) {
                None => Some(((*domain).to_owned(), format!("domain {domain}"))),
                Some([one]) => Some((one.clone(), format!("domain {domain}"))),
                Some(_) => None,
            }
        };
        let wanted = account.get(&i).map(|a| ((*a).to_owned(), "account of an id that was merged into this one".to_owned())).or_else(by_domain);
        let now = standing.get(&(MEMBER, id)).map(|l| l.into.as_str());
        let (into, why) = match (wanted, now) {
            (Some((into, _)), Some(now)) if into == now => continue,
            (Some(found), _) => found,
            (None, Some(now)) if now != id => (id.to_owned(), "the domain no longer names an account".to_owned()),
            (None, _) => continue,
        };
        let at = people.created_at[i as usize];
        links.push(Link { kind: MEMBER.to_owned(), from: id.to_owned(), into, at, by: SOURCE.to_owned(), why });
    }
    out.links.extend(links);
}

/// Names of companies by account id.
struct Companies<'a> {
    accounts: &'a Accounts,
    by_id: Named<'a>,
}

fn suspects(
    people: &People,
    known: &[Known],
    companies: &Companies<'_>,
    standing: &HashMap<(&str, &str), &Link>,
    settings: &Settings,
    out: &mut Outcome,
) {
    for (i, person) in known.iter().enumerate() {
        let of_account = || companies.accounts.name.get(companies.by_id.find(people.account.get(i)?)? as usize);
        let lead = fake::Lead {
            name: people.name.get(i),
            email: people.email.get(i),
            mailbox: person.mailbox.as_ref(),
            company: person.company.as_deref().or_else(of_account),
            phone: people.phone.get(i),
            country: people.country.get(i).or(settings.country.as_deref()),
        };
        let verdict = fake::judge(&lead, &settings.lists);
        let id = people.id.get(i).unwrap_or_default();
        let now = standing.get(&(QUARANTINE, id));
        let (into, why) = match (verdict.quarantine, now) {
            (true, Some(now)) if now.into == QUARANTINE && now.why == verdict.why() => continue,
            (true, _) => (QUARANTINE, verdict.why()),
            (false, Some(now)) if now.into == QUARANTINE => (NONE, "what was suspicious is gone".to_owned()),
            (false, _) => continue,
        };
        let at = people.created_at[i];
        out.links.push(Link { kind: QUARANTINE.to_owned(), from: id.to_owned(), into: into.to_owned(), at, by: SOURCE.to_owned(), why });
    }
}
