//! Who was merged into whom: clusters of ids that grow by union, and refuse to grow where they must not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use treaty_app::identity::{APART, DECISION, Link, SOURCE, ids_of};

/// No node.
const NONE: u32 = u32::MAX;

/// Why two clusters were not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A person decided that two of their ids are apart.
    Decided,
    /// They carry different values of one strong key.
    Contradiction,
    /// Together they would be larger than a cluster may be.
    Size,
    /// Their merges go round in a circle.
    Circle,
}

/// Clusters of the ids of one kind.
pub struct Clusters<'a> {
    ids: Vec<&'a str>,
    by_id: HashMap<&'a str, u32>,
    parent: Vec<u32>,
    size: Vec<u32>,
    /// Of a root: the node that the merges of its cluster lead to.
    head: Vec<u32>,
    /// Of a root: nodes that may not come in.
    apart: HashMap<u32, Vec<u32>>,
    /// Of a root: its strong keys.
    strong: HashMap<u32, BTreeMap<u32, u32>>,
    /// Order of age: the smaller one is the older one and survives.
    rank: Vec<u32>,
    direct: HashMap<u32, u32>,
    /// Links of identity that go the other way round than what a source says.
    overruled: Vec<&'a Link>,
}

impl<'a> Clusters<'a> {
    /// The clusters that merges of a kind make of these ids, older ones first in `rank`. Merges between ids that were
    /// decided apart do not count.
    pub fn new(kind: &str, ids: impl Iterator<Item = &'a str>, rank: Vec<u32>, links: &'a [Link]) -> Self {
        let mut all = Self {
            ids: Vec::new(),
            by_id: HashMap::new(),
            parent: Vec::new(),
            size: Vec::new(),
            head: Vec::new(),
            apart: HashMap::new(),
            strong: HashMap::new(),
            rank,
            direct: HashMap::new(),
            overruled: Vec::new(),
        };
        for id in ids {
            let node = all.ids.len() as u32;
            all.ids.push(id);
            all.by_id.insert(id, node);
        }
        let decided = apart(links);
        // Sources first: where one merges the other way round, it knows better.
        let of_kind = || links.iter().filter(|l| l.kind == kind && l.from != l.into);
        for link in of_kind().filter(|l| l.by != SOURCE).chain(of_kind().filter(|l| l.by == SOURCE)) {
            if decided.contains(&pair(&link.from, &link.into)) {
                continue;
            }
            let (from, into) = (all.place(&link.from), all.place(&link.into));
            if link.by == SOURCE && all.end_of(into) == from {
                all.overruled.push(link);
            } else {
                all.direct.insert(from, into);
            }
        }
        let known = all.ids.len() as u32;
        all.rank.resize(known as usize, NONE);
        all.parent = (0..known).collect();
        all.size = vec![1; known as usize];
        all.head = (0..known).collect();
        let mut edges: Vec<(u32, u32)> = all.direct.iter().map(|(a, b)| (*a, *b)).collect();
        edges.sort_unstable();
        for (a, b) in edges {
            all.unite(a, b);
        }
        for node in 0..known {
            let root = all.root(node);
            let head = all.end_of(root);
            all.head[root as usize] = head;
        }
        for (a, b) in &decided {
            if let (Some(a), Some(b)) = (all.node(a), all.node(b)) {
                for (x, y) in [(a, b), (b, a)] {
                    let root = all.root(x);
                    all.apart.entry(root).or_default().push(y);
                }
            }
        }
        all
    }

    fn place(&mut self, id: &'a str) -> u32 {
        if let Some(node) = self.by_id.get(id) {
            return *node;
        }
        let node = self.ids.len() as u32;
        self.ids.push(id);
        self.by_id.insert(id, node);
        node
    }

    /// Where the merges lead from a node; [`NONE`] if round in a circle.
    fn end_of(&self, node: u32) -> u32 {
        let mut at = node;
        for _ in 0..=self.direct.len() {
            match self.direct.get(&at) {
                Some(next) => at = *next,
                None => return at,
            }
        }
        NONE
    }

    /// The node of an id.
    pub fn node(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Links of identity that go the other way round than what a source says.
    pub fn overruled(&self) -> &[&'a Link] {
        &self.overruled
    }

    /// The id of a node.
    pub fn id(&self, node: u32) -> &'a str {
        self.ids[node as usize]
    }

    /// The id that another one was merged into directly.
    pub fn direct(&self, node: u32) -> Option<u32> {
        self.direct.get(&node).copied()
    }

    /// The cluster of a node, named by one of its nodes.
    pub fn root(&mut self, node: u32) -> u32 {
        let mut at = node;
        while self.parent[at as usize] != at {
            let up = self.parent[at as usize];
            self.parent[at as usize] = self.parent[up as usize];
            at = up;
        }
        at
    }

    /// The node that stands for the cluster of a node; itself where merges go round in a circle.
    pub fn head(&mut self, node: u32) -> u32 {
        let root = self.root(node);
        match self.head[root as usize] {
            NONE => root,
            head => head,
        }
    }

    /// Gives the cluster of a node a strong key. The first value of a key is kept.
    pub fn mark(&mut self, node: u32, key: u32, value: u32) {
        let root = self.root(node);
        self.strong.entry(root).or_default().entry(key).or_insert(value);
    }

    /// Whether two clusters may be one.
    pub fn may_join(&mut self, a: u32, b: u32, most: usize) -> Result<(), Refusal> {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return Ok(());
        }
        let out = self.apart.get(&a).cloned().unwrap_or_default();
        if out.into_iter().any(|node| self.root(node) == b) {
            return Err(Refusal::Decided);
        }
        if self.head[a as usize] == NONE || self.head[b as usize] == NONE {
            return Err(Refusal::Circle);
        }
        if let (Some(x), Some(y)) = (self.strong.get(&a), self.strong.get(&b))
            && x.iter().any(|(key, value)| y.get(key).is_some_and(|other| other != value))
        {
            return Err(Refusal::Contradiction);
        }
        if (self.size[a as usize] + self.size[b as usize]) as usize > most {
            return Err(Refusal::Size);
        }
        Ok(())
    }

    /// Joins two clusters that may be one. Returns the head that goes and the head that stays, or nothing if they were
    /// one already.
    pub fn join(&mut self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (x, y) = (self.root(a), self.root(b));
        if x == y {
            return None;
        }
        let (p, q) = (self.head(x), self.head(y));
        let older = |n: u32| (self.rank[n as usize], self.ids[n as usize]);
        let (stays, goes) = if older(p) <= older(q) { (p, q) } else { (q, p) };
        let (keep, give) = self.unite(x, y);
        self.head[keep as usize] = stays;
        if let Some(list) = self.apart.remove(&give) {
            self.apart.entry(keep).or_default().extend(list);
        }
        if let Some(keys) = self.strong.remove(&give) {
            let mine = self.strong.entry(keep).or_default();
            keys.into_iter().for_each(|(k, v)| _ = mine.entry(k).or_insert(v));
        }
        self.direct.insert(goes, stays);
        Some((goes, stays))
    }

    fn unite(&mut self, a: u32, b: u32) -> (u32, u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (keep, give) = if self.size[a as usize] >= self.size[b as usize] { (a, b) } else { (b, a) };
        if keep != give {
            self.parent[give as usize] = keep;
            self.size[keep as usize] += self.size[give as usize];
        }
        (keep, give)
    }
}

/// Two ids in order.
pub fn pair(a: &str, b: &str) -> (String, String) {
    if a <= b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
}

/// Pairs of ids that a person decided to be apart.
pub fn apart(links: &[Link]) -> BTreeSet<(String, String)> {
    decided(links, APART)
}

/// Pairs of ids with a decision.
pub fn decided(links: &[Link], what: &str) -> BTreeSet<(String, String)> {
    links
        .iter()
        .filter(|l| l.kind == DECISION && l.into == what)
        .filter_map(|l| match ids_of(&l.from).as_slice() {
            [a, b] => Some(pair(a, b)),
            _ => None,
        })
        .collect()
}
