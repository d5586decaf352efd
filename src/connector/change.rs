//! The change of a record that was found: its address and its body.

use serde_json::Value;

use super::found::FoundRecord;
use super::operation::{Operation, PathPart, write_segment};

/// How the body of a change is made from the row and from what was found.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeForm {
    /// Whether the found record goes along, with the row laid over it.
    pub(super) merge: bool,
    /// Whether the platform leaves alone what the body doesn't name.
    pub(super) partial: bool,
    /// Places that don't go along.
    pub(super) drop: Vec<String>,
    /// Where the version that was found stands in the body.
    pub(super) version: Option<String>,
}

/// A change of one record, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path of the request, percent-encoded, below the base URL's host.
    pub path: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

impl Operation {
    /// Whether a change takes what else the record has along, and so has to know
    /// it.
    #[must_use]
    pub fn sends_whole_records(&self) -> bool {
        self.change.merge
    }

    /// The request that makes the record of that key, which was found, what
    /// the row asks for.
    #[must_use]
    pub fn change(&self, key: &str, found: &FoundRecord, wanted: &Value) -> Change {
        let record = match self.change.merge {
            true => {
                let mut merged = found.record.clone();
                lay_over(&mut merged, wanted);
                merged
            }
            false => wanted.clone(),
        };
        self.change_into(key, found, record)
    }

    /// The request that makes a found record this one.
    pub(super) fn change_into(&self, key: &str, found: &FoundRecord, mut record: Value) -> Change {
        for place in &self.change.drop {
            remove(&mut record, place);
        }
        if let (Some(place), Some(version)) = (&self.change.version, &found.version) {
            put(&mut record, place, version.clone());
        }
        let mut body = self.body_open.clone();
        body.extend(record.to_string().into_bytes());
        body.extend_from_slice(&self.body_close);
        Change {
            path: self.path_of(key, &found.id),
            body,
        }
    }

    /// Path and query of a record that was found.
    pub(super) fn path_of(&self, key: &str, id: &str) -> Vec<u8> {
        let mut path = Vec::new();
        for part in &self.path {
            match part {
                PathPart::Fixed(bytes) => path.extend_from_slice(bytes),
                PathPart::Key(escape) => write_segment(&escape.of(key), &mut path),
                PathPart::Id => write_segment(id, &mut path),
            }
        }
        path
    }
}

/// Lays a row over a record: objects member by member, all else as a whole.
pub(super) fn lay_over(record: &mut Value, row: &Value) {
    match (record, row) {
        (Value::Object(members), Value::Object(row)) => {
            for (name, value) in row {
                match members.get_mut(name) {
                    Some(member) => lay_over(member, value),
                    None => {
                        members.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (record, row) => *record = row.clone(),
    }
}

/// Takes a member out; where there is none, nothing is done.
pub(super) fn remove(record: &mut Value, place: &str) {
    let Some((around, name)) = place.rsplit_once('/') else {
        return;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    if let Some(Value::Object(members)) = record.pointer_mut(around) {
        members.remove(&name);
    }
}

/// Puts a value at a place, making the objects that lead there.
pub(super) fn put(record: &mut Value, place: &str, value: Value) {
    let mut at = record;
    for name in super::compile::pointer_names(place) {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let Value::Object(members) = at else {
            return;
        };
        at = members.entry(name).or_insert(Value::Null);
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_laid_over_the_record_that_was_found() {
        let mut record = json!({"id": 1, "a": {"x": 1, "y": 2}, "list": [1, 2], "keep": true});
        lay_over(
            &mut record,
            &json!({"a": {"y": 3, "z": 4}, "list": [9], "new": "n"}),
        );
        let laid =
            json!({"id": 1, "a": {"x": 1, "y": 3, "z": 4}, "list": [9], "keep": true, "new": "n"});
        assert_eq!(record, laid);
        remove(&mut record, "/id");
        remove(&mut record, "/a/x");
        remove(&mut record, "/nothing/here");
        put(&mut record, "/meta/version", json!(7));
        let sent = json!({"a": {"y": 3, "z": 4}, "list": [9], "keep": true, "new": "n", "meta": {"version": 7}});
        assert_eq!(record, sent);
    }
}
