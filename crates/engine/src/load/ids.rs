//! Finding the number of an id. Ids are kept in order by their first letters, so that a column that
//! is itself in order, as the record stores them, is numbered by walking beside it.

use crate::record::par;
use datafusion::arrow::array::{Array, StringArray};
use treaty_domain::timeline::NONE;

/// Ids of one kind of entity in order, with their numbers.
#[derive(Debug, Default)]
pub struct Ids {
    /// Letters that all ids begin with.
    shared: Vec<u8>,
    /// The eight letters behind them, in order.
    keys: Vec<u64>,
    /// Number of the entity, and where the text of the id is.
    places: Vec<(u32, u32)>,
    /// Texts: the ids of the entities, then those that were merged away.
    own: Option<StringArray>,
    merged: Vec<String>,
    /// Keys alone tell ids apart.
    decisive: bool,
}

fn letters(rest: &[u8]) -> u64 {
    let mut first = [0_u8; 8];
    let n = rest.len().min(8);
    first[..n].copy_from_slice(&rest[..n]);
    u64::from_be_bytes(first)
}

impl Ids {
    /// Ids by number, and further ids that lead to a number.
    pub fn new(own: StringArray, merged: Vec<(String, u32)>) -> Self {
        let all = || (0..own.len()).map(|i| own.value(i)).chain(merged.iter().map(|(id, _)| id.as_str()));
        let mut shared: Option<&[u8]> = None;
        for id in all() {
            shared = Some(match shared {
                None => id.as_bytes(),
                Some(s) => &s[..s.iter().zip(id.as_bytes()).take_while(|(a, b)| a == b).count()],
            });
        }
        let shared = shared.unwrap_or_default().to_vec();
        let decisive = all().all(|id| id.len() <= shared.len() + 8 && !id.as_bytes().contains(&0));
        let mut entries: Vec<(u64, u32, u32)> = Vec::with_capacity(own.len() + merged.len());
        for (i, id) in all().enumerate() {
            let number = if i < own.len() { i as u32 } else { merged[i - own.len()].1 };
            entries.push((letters(&id.as_bytes()[shared.len()..]), i as u32, number));
        }
        let text = |place: u32| -> &str {
            match (place as usize).checked_sub(own.len()) {
                None => own.value(place as usize),
                Some(at) => merged[at].0.as_str(),
            }
        };
        if decisive {
            par::sort_by(&mut entries, Ord::cmp);
        } else {
            par::sort_by(&mut entries, |a, b| a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))).then(a.1.cmp(&b.1)));
        }
        let keys = entries.iter().map(|e| e.0).collect();
        let places = entries.iter().map(|e| (e.2, e.1)).collect();
        let merged = merged.into_iter().map(|(id, _)| id).collect();
        Self { shared, keys, places, own: Some(own), merged, decisive }
    }

    fn text(&self, place: u32) -> &str {
        let Some(own) = &self.own else { return "" };
        match (place as usize).checked_sub(own.len()) {
            None => own.value(place as usize),
            Some(at) => &self.merged[at],
        }
    }

    /// Number of the id at or behind a position of the order whose key is `key`.
    fn at(&self, mut from: usize, key: u64, id: &str) -> u32 {
        // Zeros behind the letters are padding, and no known id ends in one.
        let told = self.decisive && id.len() - self.shared.len() == 8 - key.trailing_zeros() as usize / 8;
        while self.keys.get(from) == Some(&key) {
            let (number, place) = self.places[from];
            if told || self.text(place) == id {
                return number;
            }
            from += 1;
        }
        NONE
    }

    /// Number of an id, or [`NONE`].
    pub fn find(&self, id: &str) -> u32 {
        let Some(key) = self.key(id) else { return NONE };
        self.at(self.keys.partition_point(|k| *k < key), key, id)
    }

    /// The letters of an id that are held against keys.
    fn key(&self, id: &str) -> Option<u64> {
        id.as_bytes().strip_prefix(self.shared.as_slice()).map(letters)
    }

    /// The first position of the order, at or behind one, whose key is not below `key`.
    fn ahead(&self, mut from: usize, key: u64) -> usize {
        let mut step = 1;
        while self.keys.get(from + step).is_some_and(|k| *k < key) {
            from += step;
            step *= 2;
        }
        let to = (from + step).min(self.keys.len());
        from + self.keys[from..to].partition_point(|k| *k < key)
    }

    /// Numbers of a list of ids; missing and unknown ones are [`NONE`]. Where the list is in order, the order of
    /// the ids is walked along; where it hardly is, the list is brought into order before.
    pub fn walk(&self, list: &StringArray) -> Vec<u32> {
        let mut out = Vec::with_capacity(list.len());
        let (mut from, mut back) = (0, 0);
        for (i, id) in list.iter().enumerate() {
            let Some((id, key)) = id.and_then(|id| Some((id, self.key(id)?))) else {
                out.push(NONE);
                continue;
            };
            if from > 0 && self.keys[from - 1] >= key {
                back += 1;
                if back > 64 + i / 8 {
                    self.walk_any(list, &mut out);
                    return out;
                }
                from = self.keys[..from].partition_point(|k| *k < key);
            }
            from = self.ahead(from, key);
            out.push(self.at(from, key, id));
        }
        out
    }

    /// The rest of a list in no order: searching for each would look all over the memory.
    fn walk_any(&self, list: &StringArray, out: &mut Vec<u32>) {
        let rest = out.len()..list.len();
        let key = |i: usize| list.is_valid(i).then(|| self.key(list.value(i))).flatten().map(|key| (key, i as u32));
        let mut sorted: Vec<(u64, u32)> = rest.filter_map(key).collect();
        sorted.sort_unstable();
        out.resize(list.len(), NONE);
        let mut from = 0;
        for (key, i) in sorted {
            from = self.ahead(from, key);
            out[i as usize] = self.at(from, key, list.value(i as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[&str], merged: &[(&str, u32)], asked: &[&str]) {
        let own = StringArray::from(ids.to_vec());
        let index = Ids::new(own, merged.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect());
        let want: Vec<u32> = asked
            .iter()
            .map(|a| {
                let place = ids.iter().position(|i| i == a).map(|i| i as u32);
                place.or(merged.iter().find(|(id, _)| id == a).map(|(_, n)| *n)).unwrap_or(NONE)
            })
            .collect();
        assert_eq!(index.walk(&StringArray::from(asked.to_vec())), want);
        assert_eq!(asked.iter().map(|a| index.find(a)).collect::<Vec<_>>(), want);
    }

    #[test]
    fn ids_are_found_in_any_order() {
        check(&["P10", "P2", "P1"], &[("P7", 1)], &["P1", "P10", "P2", "P7", "P3", "Q", "", "P1\0"]);
        check(&["P2", "P10"], &[], &["P2", "P10", "P2", "P999", "P10"]);
        let long = ["person-with-a-long-name-1", "person-with-a-long-name-2", "person-with-a-long-name-11", "person-x"];
        check(&long, &[], &["person-x", "person-with-a-long-name-11", "person-with-a-long-name-2", "person-with-a-long-name-111", "p"]);
        check(&[], &[], &["a"]);
        check(&["only"], &[], &["only", "onl", "only1"]);
    }

    #[test]
    fn long_lists_are_walked() {
        let ids: Vec<String> = (0..5_000u32).map(|i| format!("P{}", i.wrapping_mul(2_654_435_761) % 100_000)).collect();
        let mut distinct = ids.clone();
        distinct.sort();
        distinct.dedup();
        let index = Ids::new(StringArray::from(distinct.clone()), Vec::new());
        let got = index.walk(&StringArray::from(ids.clone()));
        for (id, n) in ids.iter().zip(got) {
            assert_eq!(distinct[n as usize], *id);
        }
        assert_eq!(index.walk(&StringArray::from(distinct.clone())), (0..distinct.len() as u32).collect::<Vec<_>>());
    }
}
