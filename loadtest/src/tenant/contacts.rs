//! Which contacts exist, and what a contact may hold.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::stable_hash::stable_share;
use super::units;

/// The fields of a contact; all are texts.
pub const CONTACT_FIELDS: [&str; 7] = [
    "firstName",
    "middleName",
    "lastName",
    "email",
    "phone",
    "mobile",
    "company",
];

/// The contacts of a tenant. An id's fate never changes: it hangs on a stable hash of the id, not on the seed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    /// Which ids exist at all. Default: every id.
    pub existing: Existing,
    /// Share of those ids that is missing all the same and answers 404, 0 to 1. Default: 0.
    #[serde(deserialize_with = "units::ratio")]
    pub missing: f64,
    /// Share of ids whose writes answer 400 whatever they hold, 0 to 1. Default: 0.
    #[serde(deserialize_with = "units::ratio")]
    pub invalid: f64,
    /// Whether a second contact with the same external id answers 409. Default: no, it is made.
    pub unique_external_id: bool,
    /// Whether `Idempotency-Key` is heeded when a contact is made. Default: no.
    pub idempotency_keys: bool,
    /// How long a new contact isn't found by look-up and list. Default: found at once.
    #[serde(deserialize_with = "units::duration")]
    pub look_up_delay: Duration,
    /// What happens to numbered contacts while a client lists them, in its order. Default: nothing.
    pub while_listed: Vec<ListChange>,
    /// What every page of numbered contacts tells as the total, whatever it is. Default: the truth.
    pub told_total: Option<u64>,
}

/// Something that happens between two pages of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListChange {
    /// After so many pages have been given, of whatever list.
    pub after_pages: u64,
    /// The contact of that id is removed. Default: none.
    pub remove: Option<String>,
    /// The contact of that id moves to the list's end. Default: none.
    pub move_to_end: Option<String>,
}

/// Which ids exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Every id. The default.
    #[default]
    All,
    /// `{prefix}1` to `{prefix}{count}`.
    Numbered {
        /// What stands before the number.
        prefix: String,
        /// The last number.
        count: u64,
    },
}

/// Something wrong with one field, or with the body as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldFault {
    pub(crate) field: Option<String>,
    pub(crate) message: String,
}

impl Contacts {
    /// Whether a contact of that id exists; if not, requests answer 404.
    pub fn exists(&self, id: &str) -> bool {
        let known = match &self.existing {
            Existing::All => true,
            Existing::Numbered { prefix, count } => id
                .strip_prefix(prefix.as_str())
                .filter(|number| !number.starts_with(['0', '+']))
                .and_then(|number| number.parse::<u64>().ok())
                .is_some_and(|number| number <= *count),
        };
        known && !(self.missing > 0.0 && stable_share("missing", id) < self.missing)
    }

    /// The first ids that exist, at most so many: a list's page. Where every id exists, `c-1` and on.
    pub(crate) fn first(&self, most: usize) -> Vec<String> {
        let (prefix, count) = match &self.existing {
            Existing::All => ("c-", u64::MAX),
            Existing::Numbered { prefix, count } => (prefix.as_str(), *count),
        };
        // A page is short, and so is the search for it where some are missing.
        (1..=count.min(10_000))
            .map(|number| format!("{prefix}{number}"))
            .filter(|id| self.exists(id))
            .take(most)
            .collect()
    }

    /// Whether every write to that id answers 400.
    pub fn is_invalid(&self, id: &str) -> bool {
        self.invalid > 0.0 && stable_share("invalid", id) < self.invalid
    }
}

/// Reads a body and checks every field.
pub(crate) fn read_fields(body: &[u8]) -> Result<Map<String, Value>, Vec<FieldFault>> {
    let whole = |message: String| {
        vec![FieldFault {
            field: None,
            message,
        }]
    };
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| whole(format!("the body is not JSON: {error}")))?;
    let Value::Object(fields) = value else {
        return Err(whole("the body must be a JSON object".to_owned()));
    };
    check_fields(fields)
}

/// Checks every field.
pub(crate) fn check_fields(
    fields: Map<String, Value>,
) -> Result<Map<String, Value>, Vec<FieldFault>> {
    let faults: Vec<FieldFault> = fields
        .iter()
        .filter_map(|(name, value)| {
            let message = field_fault(name, value)?;
            Some(FieldFault {
                field: Some(name.clone()),
                message,
            })
        })
        .collect();
    if faults.is_empty() {
        Ok(fields)
    } else {
        Err(faults)
    }
}

fn field_fault(name: &str, value: &Value) -> Option<String> {
    if !CONTACT_FIELDS.contains(&name) {
        return Some("unknown field".to_owned());
    }
    let Value::String(text) = value else {
        return Some("must be a string".to_owned());
    };
    match name {
        "email" if !looks_like_email(text) => Some("not a valid email address".to_owned()),
        "phone" | "mobile" if !looks_like_phone(text) => {
            Some("not a valid phone number".to_owned())
        }
        _ => None,
    }
}

pub(crate) fn looks_like_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.contains('@') && !part.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let dotted = |part: &str| part.split('.').all(|label| !label.is_empty());
    plain(local) && plain(domain) && dotted(local) && dotted(domain) && domain.contains('.')
}

pub(crate) fn looks_like_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= 3
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || " +-().".contains(c) || c == '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_and_phones_are_told_from_other_texts() {
        for email in [
            "ann@example.org",
            "a.b+c@mail.example.co.uk",
            "jürgen@exämple.de",
        ] {
            assert!(looks_like_email(email), "{email}");
        }
        for text in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "a b@example.org",
            "a@b@c.org",
            "a@b..c",
        ] {
            assert!(!looks_like_email(text), "{text}");
        }
        for phone in ["+1 (555) 010-2030", "110", "030/123.45"] {
            assert!(looks_like_phone(phone), "{phone}");
        }
        for text in ["", "12", "+1-555-CALL", "555;ext=1"] {
            assert!(!looks_like_phone(text), "{text}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let faults = read_fields(br#"{"email":"x","age":"7","phone":5,"company":"Acme"}"#)
            .expect_err("three are wrong");
        let mut fields: Vec<_> = faults
            .iter()
            .filter_map(|fault| fault.field.as_deref())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, ["age", "email", "phone"]);
        assert!(read_fields(b"[]").is_err());
        assert!(read_fields(b"{").is_err());
        assert!(read_fields(br#"{"firstName":"Ann"}"#).is_ok());
    }

    #[test]
    fn numbered_contacts_end_at_the_count() {
        let contacts = Contacts {
            existing: Existing::Numbered {
                prefix: "c-".to_owned(),
                count: 10,
            },
            ..Contacts::default()
        };
        assert!(contacts.exists("c-1") && contacts.exists("c-10"));
        for id in ["c-0", "c-11", "c-01", "c-", "d-1", "c-+1"] {
            assert!(!contacts.exists(id), "{id}");
        }
    }
}
