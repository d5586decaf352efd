//! What names a record of a batch, and finding the records that a result names.

use std::collections::HashMap;
use std::hash::Hash;

use serde_json::Value;

use super::message::scalar_text;

/// What names a record that is under way, to match results with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemKey<'item> {
    /// The record's key.
    pub key: &'item str,
    /// The number that was sent with the record, for connectors with a tracker.
    pub tracker: u64,
}

/// What a result is matched with its record by.
#[derive(Clone, Debug)]
pub(super) struct MatchBy {
    pub(super) form: NameForm,
    /// The places where it stands; the first that finds something wins.
    pub(super) pointers: Vec<String>,
}

/// What names a record in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameForm {
    Key,
    Tracker,
    Index,
    /// Its place in the list of results, which is that in the request.
    Order,
}

/// The records of the request, by what results name them with.
pub(super) struct Directory<'items> {
    pointers: &'items [String],
    names: Names<'items>,
}

/// `None` for a name that two records have: whom a result means can't be told.
enum Names<'items> {
    Keys(HashMap<&'items str, Option<usize>>),
    Trackers(HashMap<u64, Option<usize>>),
    Indexes(usize),
}

impl<'items> Directory<'items> {
    pub(super) fn new(match_by: &'items MatchBy, items: &'items [ItemKey<'items>]) -> Self {
        Self {
            pointers: &match_by.pointers,
            names: match match_by.form {
                NameForm::Key => Names::Keys(by_name(items.iter().map(|item| item.key))),
                NameForm::Tracker => {
                    Names::Trackers(by_name(items.iter().map(|item| item.tracker)))
                }
                NameForm::Index | NameForm::Order => Names::Indexes(items.len()),
            },
        }
    }

    /// The records that an entry names, by their places in the request; `None`
    /// for one that wasn't sent. An entry may name several, in a list.
    pub(super) fn named_by(&self, entry: &Value) -> Vec<Option<usize>> {
        let name = self
            .pointers
            .iter()
            .find_map(|pointer| entry.pointer(pointer).filter(|name| !name.is_null()));
        match name {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().map(|name| self.find(name)).collect(),
            Some(name) => vec![self.find(name)],
        }
    }

    fn find(&self, name: &Value) -> Option<usize> {
        match &self.names {
            Names::Keys(places) => *places.get(scalar_text(name)?.as_str())?,
            Names::Trackers(places) => *places.get(&whole_number(name)?)?,
            Names::Indexes(count) => usize::try_from(whole_number(name)?)
                .ok()
                .filter(|index| index < count),
        }
    }
}

fn by_name<Name: Hash + Eq>(names: impl Iterator<Item = Name>) -> HashMap<Name, Option<usize>> {
    let mut places = HashMap::new();
    for (place, name) in names.enumerate() {
        places
            .entry(name)
            .and_modify(|place| *place = None)
            .or_insert(Some(place));
    }
    places
}

/// A whole number from 0, as a number or as the text of its digits.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}
