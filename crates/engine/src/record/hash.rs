//! The stable hashes of the record. They are stored, so they must never change.
//!
//! - A value's hash is made of the name of its column and its bytes: text as UTF-8, instants,
//!   dates and numbers as little-endian integers, yes and no as 1 and 0. Text longer than 16 bytes
//!   is taken in blocks of 16, the last one padded with zeros.
//! - A row's hash is the scrambled sum of the hashes of its present values. Missing values add
//!   nothing, so a column that joins the layout later leaves old hashes as they are.
//! - The digest of a file is made of two such chains over its bytes.
//!
//! Nothing here depends on the platform, a random seed or the version of a library.

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xbf58_476d_1ce4_e5b9;
const K2: u64 = 0x94d0_49bb_1331_11eb;

/// Multiplies to 128 bits and folds the halves.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Seed of a column: FNV-1a of its name, scrambled.
pub fn seed(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    finish(fnv)
}

/// Scrambles a sum of value hashes into a row hash.
#[inline]
pub fn finish(sum: u64) -> u64 {
    let x = (sum ^ (sum >> 30)).wrapping_mul(K1);
    let x = (x ^ (x >> 27)).wrapping_mul(K2);
    x ^ (x >> 31)
}

/// Hash of an integer value.
#[inline]
pub fn int(seed: u64, value: i64) -> u64 {
    fold(value as u64 ^ seed, K1 ^ seed.rotate_left(32))
}

/// Hash of a wide integer value.
#[inline]
pub fn wide(seed: u64, value: i128) -> u64 {
    fold(
        value as u64 ^ seed,
        ((value >> 64) as u64) ^ K1 ^ seed.rotate_left(32),
    )
}

/// Hash of at most 16 bytes, given as two zero-padded little-endian words.
#[inline]
pub fn short(seed: u64, len: usize, a: u64, b: u64) -> u64 {
    fold(
        a ^ seed ^ (len as u64).wrapping_mul(K0),
        b ^ K1 ^ seed.rotate_left(32),
    )
}

/// Hash of a text value.
#[inline]
pub fn text(seed: u64, bytes: &[u8]) -> u64 {
    if bytes.len() <= 16 {
        let (a, b) = words(bytes);
        return short(seed, bytes.len(), a, b);
    }
    let mut h = seed ^ (bytes.len() as u64).wrapping_mul(K0);
    for block in bytes.chunks(16) {
        let (a, b) = words(block);
        h = fold(a ^ h, b ^ K1 ^ h.rotate_left(32));
    }
    h
}

/// At most 16 bytes as two zero-padded words.
#[inline]
fn words(bytes: &[u8]) -> (u64, u64) {
    let mut both = [0_u8; 16];
    both[..bytes.len()].copy_from_slice(bytes);
    let wide = u128::from_le_bytes(both);
    (wide as u64, (wide >> 64) as u64)
}

/// 32 hexadecimal digits that name a file by its content.
pub fn digest(bytes: &[u8]) -> String {
    let mut lanes = [K0, K1, K2, K0 ^ K1];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            let mut w = [0_u8; 8];
            w.copy_from_slice(word);
            *lane = fold(*lane ^ u64::from_le_bytes(w), K2).wrapping_add(lane.rotate_left(29));
        }
    }
    let rest = text(K2, blocks.remainder());
    let n = bytes.len() as u64;
    let one = fold(lanes[0] ^ n, lanes[1] ^ rest ^ K1).wrapping_add(finish(lanes[2]));
    let two = fold(lanes[2] ^ n, lanes[3] ^ rest ^ K0).wrapping_add(finish(lanes[0] ^ lanes[1]));
    format!("{:016x}{:016x}", finish(one), finish(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_hashes_never_change() {
        assert_eq!(
            text(seed("name"), b"Company 1"),
            short(
                seed("name"),
                9,
                u64::from_le_bytes(*b"Company "),
                u64::from(b'1')
            )
        );
        let all = [
            seed("person_id"),
            int(seed("seq"), -1),
            wide(seed("amount"), 12_345_000),
            text(seed("name"), b"a name that is longer than sixteen bytes"),
            finish(42),
        ];
        assert_eq!(all, GOLDEN);
        assert_eq!(
            digest(b"Treaty, a file of some more than thirty-two bytes"),
            DIGEST
        );
    }

    #[test]
    fn values_move_the_hash() {
        assert_ne!(text(1, b""), text(1, b"\0"));
        assert_ne!(text(1, b"ab"), text(2, b"ab"));
        assert_ne!(digest(&[0; 64]), digest(&[0; 65]));
        let mut seen = std::collections::HashSet::new();
        for i in 0..200_000_i64 {
            assert!(
                seen.insert(finish(int(7, i))) && seen.insert(text(7, format!("T{i}").as_bytes()))
            );
        }
    }

    const GOLDEN: [u64; 5] = [
        14_128_801_455_136_891_276,
        2_588_149_144_170_916_819,
        2_875_634_056_331_924_784,
        3_918_500_183_150_634_894,
        12_058_926_934_050_108_962,
    ];
    const DIGEST: &str = "06832ce24a4b2cfc0db32a7ff5c9f39a";
}
