//! A hash that is the same in every run and on every machine, for what a scenario decides by id.

/// FNV-1a over 64 bits, with a final mix so that near ids differ in every bit. Equal salt and bytes, equal hash: for ever.
pub fn stable_hash(salt: &str, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in salt.bytes().chain([0]).chain(bytes.iter().copied()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A number from 0 to below 1 that hangs on the salt and the id alone.
pub(crate) fn stable_share(salt: &str, id: &str) -> f64 {
    (stable_hash(salt, id.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_stated_share_of_ids_falls_below_a_ratio() {
        let below = (0..10_000)
            .filter(|number| stable_share("missing", &format!("contact-{number}")) < 0.01)
            .count();
        assert!((70..=130).contains(&below), "{below}");
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(stable_hash("", b""), stable_hash("", b""));
        assert_ne!(stable_hash("a", b"b"), stable_hash("", b"ab"));
    }
}
