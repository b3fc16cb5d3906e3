//! Pairs that may be one person, for a person to decide: weighed as Fellegi and Sunter do (A27).

use std::collections::{BTreeMap, BTreeSet};

use treaty_app::identity::{PERSON, People, Snapshot};

use super::clusters::{Clusters, apart, pair};
use super::email::{DomainKind, Mailbox, kind, registrable};
use super::resolve::{Outcome, number_of};
use super::{Settings, keys, person_name};

/// Probability from which on a pair is worth a look.
pub const REVIEW_FROM: f64 = 0.80;

/// People of one block beyond which its pairs are not compared.
const BLOCK: usize = 200;

/// Similarity from which on two names agree.
const NAMES_AGREE: f64 = 0.92;

/// How often a field agrees for one person (m), and for two (u).
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Share of pairs of one person in which the field agrees.
    pub m: f64,
    /// Share of pairs of two people in which it agrees.
    pub u: f64,
}

/// E-mail addresses are the same.
pub const EMAIL: Field = Field { m: 0.95, u: 0.001 };
/// E-mail addresses differ by a slip at most: same domain, nearly the same name. It counts for less than the same one.
pub const EMAIL_NEARLY: Field = Field { m: 0.04, u: 0.001 };
/// Names are alike.
pub const NAME: Field = Field { m: 0.9, u: 0.01 };
/// Accounts, companies or domains are the same.
pub const COMPANY: Field = Field { m: 0.8, u: 0.1 };
/// Telephone numbers are the same.
pub const PHONE: Field = Field { m: 0.9, u: 0.001 };

/// Of a thousand pairs of a block one is the same person.
pub const PRIOR: f64 = 0.001;

impl Field {
    /// Weight of agreement or disagreement, in bits.
    pub fn weight(self, agrees: bool) -> f64 {
        if agrees { (self.m / self.u).log2() } else { ((1.0 - self.m) / (1.0 - self.u)).log2() }
    }
}

/// Probability that a pair is one person.
pub fn probability(weight: f64) -> f64 {
    let odds = PRIOR / (1.0 - PRIOR) * weight.exp2();
    odds / (1.0 + odds)
}

/// Two people that may be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Id of the older one.
    pub a: String,
    /// Id of the other.
    pub b: String,
    /// Sum of the weights, in bits.
    pub weight: f64,
    /// Probability that they are one.
    pub probability: f64,
    /// What agrees and what differs.
    pub why: String,
}

/// Pairs to decide, most likely first, and blocks that were too large to compare.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// Pairs.
    pub pairs: Vec<Pair>,
    /// What was passed over.
    pub notes: Vec<String>,
}

struct Seen<'a> {
    name: Option<&'a str>,
    mailbox: Option<Mailbox>,
    domain: Option<String>,
    free: bool,
    account: Option<&'a str>,
    company: Option<String>,
    phone: Option<&'a str>,
}

/// Lists the pairs that are not one by their keys and were not decided.
pub fn review(snapshot: &Snapshot, outcome: &Outcome, settings: &Settings) -> Review {
    let people = &snapshot.people;
    let all: Vec<Seen<'_>> = (0..people.len()).map(|i| see(people, i, settings)).collect();
    let mut out = Review::default();
    let mut blocks: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (i, person) in all.iter().enumerate() {
        let tail = person.phone.and_then(super::phone::tail).map(|t| format!("phone …{t}"));
        let own = person.domain.as_ref().filter(|_| !person.free).map(|d| format!("domain {d}"));
        let key = person.name.and_then(person_name::block_key).map(|k| format!("names like {k}"));
        for block in [tail, own, key].into_iter().flatten() {
            blocks.entry(block).or_default().push(i as u32);
        }
    }
    let decided = apart(&snapshot.links);
    let ids = (0..people.len()).map(|i| people.id.get(i).unwrap_or_default());
    let mut clusters = Clusters::new(PERSON, ids, vec![0; people.len()], &snapshot.links);
    for link in outcome.links.iter().filter(|l| l.kind == PERSON) {
        if let (Some(a), Some(b)) = (clusters.node(&link.from), clusters.node(&link.into)) {
            clusters.join(a, b);
        }
    }
    let id = |i: u32| people.id.get(i as usize).unwrap_or_default();
    let mut compared: BTreeSet<(u32, u32)> = BTreeSet::new();
    for (block, list) in blocks {
        if list.len() > BLOCK {
            // Large blocks of one domain are cut by the other keys.
            if !block.starts_with("domain") {
                out.notes.push(format!("{block}: {} people, too many to compare each with each", list.len()));
            }
            continue;
        }
        for (at, a) in list.iter().enumerate() {
            for b in &list[at + 1..] {
                if clusters.root(*a) == clusters.root(*b) || decided.contains(&pair(id(*a), id(*b))) || !compared.insert((*a, *b)) {
                    continue;
                }
                let (weight, why) = weigh(people, settings, (*a, &all[*a as usize]), (*b, &all[*b as usize]));
                let probability = probability(weight);
                if probability >= REVIEW_FROM {
                    let older = (people.created_at[*a as usize], id(*a)) <= (people.created_at[*b as usize], id(*b));
                    let (a, b) = if older { (id(*a), id(*b)) } else { (id(*b), id(*a)) };
                    out.pairs.push(Pair { a: a.to_owned(), b: b.to_owned(), weight, probability, why });
                }
            }
        }
    }
    out.pairs.sort_by(|x, y| y.probability.total_cmp(&x.probability).then_with(|| (&x.a, &x.b).cmp(&(&y.a, &y.b))));
    out
}

fn see<'a>(people: &'a People, i: usize, settings: &Settings) -> Seen<'a> {
    let mailbox = people.email.get(i).and_then(Mailbox::parse).filter(|m| !m.is_role(&settings.lists));
    let domain = mailbox.as_ref().and_then(|m| registrable(&m.domain));
    let free = domain.as_deref().is_none_or(|d| kind(d, &settings.lists) != DomainKind::Business);
    Seen {
        name: people.name.get(i),
        mailbox,
        domain,
        free,
        account: people.account.get(i),
        company: keys::read(people.attributes.get(i), &settings.id_attributes).company,
        phone: people.phone.get(i),
    }
}

/// The weight of a pair. A field that one of them lacks says nothing; neither does a private address beside one of a
/// company, because people have both.
fn weigh(people: &People, settings: &Settings, (i, a): (u32, &Seen<'_>), (j, b): (u32, &Seen<'_>)) -> (f64, String) {
    let mut weight = 0.0;
    let mut why = Vec::new();
    if let (Some(x), Some(y)) = (&a.mailbox, &b.mailbox) {
        if x == y {
            weight += EMAIL.weight(true);
            why.push("same e-mail".to_owned());
        } else if x.domain == y.domain && strsim::jaro_winkler(&x.local, &y.local) >= 0.93 {
            weight += EMAIL_NEARLY.weight(true);
            why.push(format!("e-mails differ by a slip: {} and {}", x.address(), y.address()));
        } else if a.free == b.free {
            weight += EMAIL.weight(false);
            why.push("e-mails differ".to_owned());
        }
    }
    if let (Some(x), Some(y)) = (a.name, b.name) {
        let similarity = person_name::similarity(x, y);
        let agree = similarity >= NAMES_AGREE || person_name::full_key(x).is_some_and(|k| Some(k) == person_name::full_key(y));
        weight += NAME.weight(agree);
        why.push(format!("names {} {similarity:.2}: {x} and {y}", if agree { "alike" } else { "differ" }));
    }
    let same = |x: Option<&str>, y: Option<&str>| x.zip(y).map(|(x, y)| x == y);
    let companies = a.company.as_deref().zip(b.company.as_deref()).map(|(x, y)| person_name::same_company(x, y));
    let domains = if a.free || b.free { None } else { same(a.domain.as_deref(), b.domain.as_deref()) };
    let hints = [same(a.account, b.account), domains, companies];
    if hints.iter().any(Option::is_some) {
        let agree = hints.contains(&Some(true));
        weight += COMPANY.weight(agree);
        why.push(if agree { "same company".to_owned() } else { "companies differ".to_owned() });
    }
    if let (Some(x), Some(y)) = (a.phone.and_then(super::phone::tail), b.phone.and_then(super::phone::tail)) {
        let numbers = || number_of(people, i as usize, settings).zip(number_of(people, j as usize, settings));
        let agree = x == y && numbers().is_none_or(|(x, y)| x == y);
        if agree {
            weight += PHONE.weight(true);
            why.push("same phone".to_owned());
        }
    }
    (weight, why.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_probability_have_the_golden_values() {
        let (email, name, company) = (EMAIL.weight(true), NAME.weight(true), COMPANY.weight(false));
        for (got, want) in [(email, 9.892), (name, 6.492), (company, -2.170), (email + name + company, 14.214)] {
            assert!((got - want).abs() < 5e-4, "{got} {want}");
        }
        let p = probability(email + name + company);
        assert!((p - 0.950_05).abs() < 1e-5, "{p}");
    }
}
