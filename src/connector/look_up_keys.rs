//! The request that looks several records up: where its keys stand, and how many
//! go in one.

use serde_json::{Map, Value};

use super::change::put;
use super::look_up::{LookUpRequest, TextPart};
use super::look_up_batch::LookUpBatch;
use super::operation::{Operation, write_segment};

/// The longest path with its query. Servers should take a request line of 8,000
/// bytes (RFC 9112, section 3), which holds the method and the version too; a
/// longer one is refused by some, and may be cut off by others.
const MAX_TARGET_BYTES: usize = 7_900;

/// Where the keys stand in the request.
#[derive(Clone, Debug)]
pub(super) enum KeysForm {
    /// In the query, `name=`, encoded; once with the text between the keys, or
    /// once for each key.
    Query {
        name: Vec<u8>,
        separator: Option<String>,
    },
    /// In a list of the body.
    Body {
        /// What else it has.
        around: Value,
        at: String,
        each: KeyTree,
    },
}

/// What stands in a list for a key.
#[derive(Clone, Debug)]
pub(super) enum KeyTree {
    Text(Vec<TextPart>),
    List(Vec<KeyTree>),
    Object(Vec<(String, KeyTree)>),
    Fixed(Value),
}

impl KeyTree {
    fn of(&self, key: &str) -> Value {
        match self {
            Self::Text(parts) => Value::from(TextPart::filled(parts, key)),
            Self::List(items) => items.iter().map(|item| item.of(key)).collect(),
            Self::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, member)| (name.clone(), member.of(key)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
            Self::Fixed(value) => value.clone(),
        }
    }
}

/// Room for keys in one request.
#[derive(Debug)]
pub struct KeyRoom<'operation> {
    batch: Option<&'operation LookUpBatch>,
    left: usize,
}

impl KeyRoom<'_> {
    /// Takes room for one more key; false where there is none, and the key has
    /// to go with another request.
    pub fn take(&mut self, key: &str) -> bool {
        let cost = match self.batch.map(|batch| &batch.keys) {
            None => return false,
            Some(KeysForm::Body { .. }) => 0,
            Some(KeysForm::Query { separator, .. })
                if separator.as_ref().is_some_and(|text| key.contains(text)) =>
            {
                return false;
            }
            Some(KeysForm::Query { name, separator }) => {
                let mut encoded = Vec::new();
                write_segment(key, &mut encoded);
                encoded.len() + 1 + separator.as_ref().map_or(name.len(), String::len)
            }
        };
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }
}

impl Operation {
    /// The most keys that are looked up with one request; 1 where each is looked
    /// up by itself.
    #[must_use]
    pub fn look_up_cap(&self) -> usize {
        self.look_up_batch().map_or(1, |batch| batch.max)
    }

    /// Room for the keys of one look-up; none where each goes by itself.
    #[must_use]
    pub fn key_room(&self) -> KeyRoom<'_> {
        let batch = self.look_up_batch();
        let taken = batch.map_or(0, |batch| {
            let name = match &batch.keys {
                KeysForm::Query { name, .. } => name.len() + 1,
                KeysForm::Body { .. } => 0,
            };
            batch.path.len() + name
        });
        KeyRoom {
            batch,
            left: MAX_TARGET_BYTES.saturating_sub(taken),
        }
    }

    pub(super) fn look_up_batch(&self) -> Option<&LookUpBatch> {
        self.look_up.as_ref()?.batch.as_ref()
    }

    /// The request that looks the records of several keys up; `None` where the
    /// connector names no way to.
    #[must_use]
    pub fn look_up_many(&self, keys: &[&str]) -> Option<LookUpRequest> {
        let look_up = self.look_up.as_ref()?;
        let batch = look_up.batch.as_ref()?;
        let (mut path, mut body) = (batch.path.clone(), Vec::new());
        match &batch.keys {
            KeysForm::Query { name, separator } => {
                for (index, key) in keys.iter().enumerate() {
                    match (index, separator) {
                        (1.., Some(separator)) => path.extend_from_slice(separator.as_bytes()),
                        _ => {
                            let is_first = !path.contains(&b'?');
                            path.push(if is_first { b'?' } else { b'&' });
                            path.extend_from_slice(name);
                        }
                    }
                    write_segment(key, &mut path);
                }
            }
            KeysForm::Body { around, at, each } => {
                let list: Value = keys.iter().map(|key| each.of(key)).collect();
                let mut members = around.clone();
                put(&mut members, at, list);
                body = members.to_string().into_bytes();
            }
        }
        Some(LookUpRequest {
            method: batch.method,
            path,
            body,
            timeout: look_up.timeout,
            believed_after: look_up.believed_after,
        })
    }
}
