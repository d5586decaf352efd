//! The key that tells a platform that a request is a repeat.

/// Bytes of the hash that are sent: enough that no two of a billion rows share
/// one, short enough for every platform's header.
const KEY_BYTES: usize = 16;

/// A row's idempotency key: 32 hexadecimal digits made from where the row comes
/// from, what kind of record it is, and which record it names.
///
/// Never from the run, the batch or chance: the same row has the same key after
/// a crash, in another run and in whatever batch it travels, so that a platform
/// that keeps keys applies it once.
#[must_use]
pub fn idempotency_key(source: &str, entity: &str, row_key: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [source, entity, row_key] {
        // With its length in front, so that no two triples read the same.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    hash.as_bytes()[..KEY_BYTES]
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_row_has_one_key_and_shares_it_with_no_other() {
        let key = idempotency_key("contacts.csv", "contacts", "c-1");
        assert_eq!(key, idempotency_key("contacts.csv", "contacts", "c-1"));
        assert_eq!(key.len(), 32);
        assert!(
            key.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        let triples = [
            ("contacts.csv", "contacts", "c-1"),
            ("contacts.csv", "contacts", "c-2"),
            ("contacts.csv", "contactsc", "-1"),
            ("contacts.csvc", "ontacts", "c-1"),
            ("", "contacts.csvcontacts", "c-1"),
            ("", "", "contacts.csvcontactsc-1"),
            ("contacts.csvcontactsc-1", "", ""),
        ];
        let keys: BTreeSet<String> = triples
            .iter()
            .map(|(source, entity, row)| idempotency_key(source, entity, row))
            .collect();
        assert_eq!(keys.len(), triples.len());
    }

    #[test]
    fn the_key_stays_what_it_was_in_earlier_versions() {
        // A platform may keep keys for days: a version that made other ones
        // would apply a night's rows again.
        assert_eq!(
            idempotency_key("contacts.csv", "contacts", "c-1"),
            "ba7f68deb66865af8f7a8799e7cc408c"
        );
    }
}
