//! Keys as bits: which of many may be among some others, and which may come more than once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{keys, par};

/// Stored parts of some hashes of keys, as bits: a word is looked at for a key, and seldom a second
/// one. The first words are a byte for each hash, so that those of millions stay in a cache. One other
/// key in some thousands passes; that its text is another one is seen later.
#[derive(Debug)]
pub struct Filter {
    coarse: Vec<u64>,
    fine: Vec<u64>,
}

/// Keys that are looked at together.
const LOT: usize = 1_024;
/// A filter of few keys has so many words, so that hardly another key passes.
const LEAST: usize = 1 << 14;

impl Filter {
    /// Of hashes of keys.
    pub fn of(hashes: &[u64]) -> Self {
        let halves: Vec<u32> = hashes.iter().map(|hash| keys::half(*hash) as u32).collect();
        Self::of_halves(&halves)
    }

    /// Of their stored parts.
    pub fn of_halves(halves: &[u32]) -> Self {
        // Each part takes the keys that belong to it, so that no two write the same word.
        let parts = 2 * par::workers();
        let words = |keys: usize| vec![0_u64; (halves.len() / keys).max(LEAST).next_multiple_of(parts)];
        let (mut coarse, mut fine) = (words(8), words(2));
        let (of_coarse, of_fine) = (coarse.len(), fine.len());
        let own = coarse.chunks_mut(of_coarse / parts).zip(fine.chunks_mut(of_fine / parts)).enumerate().collect();
        par::map(own, |(part, (coarse, fine)): (usize, (&mut [u64], &mut [u64]))| {
            for key in halves.iter().filter(|key| place(**key, parts) == part) {
                let [first, second] = masks(*key);
                coarse[place(*key, of_coarse) - part * coarse.len()] |= first;
                fine[place(*key, of_fine) - part * fine.len()] |= second;
            }
        });
        Self { coarse, fine }
    }

    /// Whether a key may be one of these.
    pub fn has(&self, key: u32) -> bool {
        let [first, second] = masks(key);
        holds(&self.coarse, key, first) && holds(&self.fine, key, second)
    }

    /// Rows of some keys that may be among these, with their keys; the first key is that of row `first`.
    pub fn rows(&self, keys: &[i32], first: usize) -> (Vec<u32>, Vec<u32>) {
        let (mut rows, mut own) = (Vec::new(), Vec::new());
        for (lot, keys) in keys.chunks(LOT).enumerate() {
            let first = first + lot * LOT;
            self.among(keys, |place| {
                rows.push((first + place) as u32);
                own.push(keys[place] as u32);
            });
        }
        (rows, own)
    }

    /// Finds keys that may be among these. Words are fetched first, by little else than loads, so that the
    /// processor waits for many of them at a time; then they are looked at without a branch.
    #[inline]
    fn among(&self, keys: &[i32], mut found: impl FnMut(usize)) {
        let (mut words, mut places, mut n) = ([0_u64; LOT], [0_u16; LOT], 0);
        for (word, key) in words.iter_mut().zip(keys) {
            *word = self.coarse[place(*key as u32, self.coarse.len())];
        }
        for (at, (key, word)) in keys.iter().zip(&words).enumerate() {
            let mask = masks(*key as u32)[0];
            places[n] = at as u16;
            n += usize::from(word & mask == mask);
        }
        for at in places[..n].iter().map(|at| usize::from(*at)) {
            let key = keys[at] as u32;
            if holds(&self.fine, key, masks(key)[1]) {
                found(at);
            }
        }
    }
}

/// Keys that came so far, as bits.
#[derive(Debug)]
pub struct Seen(Vec<AtomicU64>);

/// Bits a key: one new key in as many is taken for one that came.
const ROOM: usize = 16;

impl Seen {
    /// None yet, of so many that will come.
    pub fn room(keys: usize) -> Self {
        let words = (keys / (64 / ROOM)).max(LEAST);
        Self(std::iter::repeat_with(AtomicU64::default).take(words).collect())
    }

    /// Notes keys, and adds to `again` those that may have come before, here or on another core.
    pub fn note(&self, keys: &[u32], again: &mut Vec<u32>) {
        let mut words = [0_u64; LOT];
        for lot in keys.chunks(LOT) {
            // As in `among`: first nothing but loads.
            for (word, key) in words.iter_mut().zip(lot) {
                *word = self.0[place(*key, self.0.len())].load(Relaxed);
            }
            for (key, word) in lot.iter().zip(&words) {
                let bit = 1 << (key.wrapping_mul(0x9E37_79B9) >> 14 & 63);
                if word & bit != 0 || self.0[place(*key, self.0.len())].fetch_or(bit, Relaxed) & bit != 0 {
                    again.push(*key);
                }
            }
        }
    }
}

/// Whether the word of a key has its bits.
#[inline]
fn holds(bits: &[u64], key: u32, mask: u64) -> bool {
    bits[place(key, bits.len())] & mask == mask
}

/// Where a key belongs among so many places in order of keys.
#[inline]
fn place(key: u32, places: usize) -> usize {
    (u64::from(key).wrapping_mul(places as u64) >> 32) as usize
}

/// Two bits that stand for a key in each of its words.
#[inline]
fn masks(key: u32) -> [u64; 2] {
    let hash = key.wrapping_mul(0x9E37_79B9);
    let bits = |a: u32, b: u32| 1 << (hash >> a & 63) | 1 << (hash >> b & 63);
    [bits(14, 8), bits(26, 20)]
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn whatever_comes_again_is_seen_and_little_else() {
        for (n, twice) in [(0_u32, 0), (1, 1), (10, 3), (300_000, 20_000)] {
            let key = |i: u32| keys::half(hash::finish(i.into())) as u32;
            let all: Vec<u32> = (0..n).chain(0..twice).map(key).collect();
            let seen = Seen::room(all.len());
            let again: Vec<u32> = par::map(all.chunks(50_000).collect(), |some| {
                let mut again = Vec::new();
                seen.note(some, &mut again);
                again
            })
            .concat();
            let twice: Vec<u32> = (0..twice).map(key).collect();
            assert!(twice.iter().all(|key| again.contains(key)), "{n}");
            assert!(again.len() <= twice.len() + n as usize / 16, "{} of {n} beside {}", again.len(), twice.len());
        }
    }

    #[test]
    fn a_filter_knows_its_own_hashes_and_hardly_others() {
        for (n, most) in [(0_u64, 0), (1, 0), (3, 0), (1_000, 0), (20_000, 5), (1_000_000, 60)] {
            let own: Vec<u64> = (0..n).map(hash::finish).collect();
            let filter = Filter::of(&own);
            let found = |hashes: std::ops::Range<u64>| {
                let keys: Vec<i32> = hashes.map(|i| keys::half(hash::finish(i))).collect();
                let mut places = Vec::new();
                keys.chunks(LOT).enumerate().for_each(|(lot, keys)| filter.among(keys, |place| places.push(lot * LOT + place)));
                places
            };
            assert_eq!(found(0..n), (0..n as usize).collect::<Vec<_>>());
            assert!(own.iter().all(|hash| filter.has(keys::half(*hash) as u32)));
            let others = found(n..n + 100_000);
            let passed = (n..n + 100_000).filter(|i| filter.has(keys::half(hash::finish(*i)) as u32)).count();
            assert!(others.len() <= most && others.len() == passed, "{} of 100,000 beside {n}", others.len());
            for (bits, most) in [(&filter.coarse, 0.3), (&filter.fine, 0.1)] {
                let set: u32 = bits.iter().map(|word| word.count_ones()).sum();
                assert!(f64::from(set) < 64.0 * bits.len() as f64 * most, "the bits alone tell most apart");
            }
        }
    }
}
