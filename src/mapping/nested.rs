//! Cells that hold a list or an object of JSON: rows of NDJSON and of a
//! platform have them, and a text may look just like one.
//!
//! A record of NDJSON has a column for each entry and member too (`tags.0`), so
//! a cell is a list where the row has a value in one of these. A platform's rows
//! have none of them: there a field that takes a list reads one where the whole
//! cell is one, and a text stays a text.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::record::Fields;

use super::convert::Refused;
use super::problem::quoted;

/// What the rows come from, as far as cells may hold lists and objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// Records of NDJSON: entries and members have columns of their own.
    InColumns,
    /// A platform's records: they have not.
    InCells,
}

/// The cells of a rule that may hold lists and objects.
#[derive(Debug)]
pub(super) struct NestedCells {
    nesting: Nesting,
    /// The columns of a column's entries and members.
    parts: BTreeMap<usize, Vec<usize>>,
}

impl NestedCells {
    /// Of the columns at these indexes of the header.
    pub(super) fn new(nesting: Nesting, header: &[String], cells: &[usize]) -> Self {
        let parts_of = |&cell: &usize| {
            let name = header.get(cell)?;
            let is_part = |other: &String| {
                let rest = other.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.starts_with('.'))
            };
            let parts = (0..header.len()).filter(|&index| is_part(&header[index]));
            Some((cell, parts.collect()))
        };
        Self {
            nesting,
            parts: cells.iter().filter_map(parts_of).collect(),
        }
    }

    /// The entries of the list in a cell; `None` where it holds no list.
    ///
    /// # Errors
    /// It holds an object.
    pub(super) fn entries<'row>(
        &self,
        cell: usize,
        fields: &'row Fields,
    ) -> Result<Option<Vec<&'row RawValue>>, Refused> {
        let text = fields.get(cell).unwrap_or_default();
        if self.nesting == Nesting::InColumns && !self.is_nested(cell, fields) {
            return Ok(None);
        }
        match text.starts_with('{') && self.nesting == Nesting::InColumns {
            true => Err(not_one_value(text)),
            false => Ok(text
                .starts_with('[')
                .then(|| serde_json::from_str(text).ok())
                .flatten()),
        }
    }

    /// Refuses a cell that holds a list or an object, for a field that takes one
    /// value.
    pub(super) fn check_one_value(&self, cell: usize, fields: &Fields) -> Result<(), Refused> {
        match self.nesting == Nesting::InColumns && self.is_nested(cell, fields) {
            true => Err(not_one_value(fields.get(cell).unwrap_or_default())),
            false => Ok(()),
        }
    }

    fn is_nested(&self, cell: usize, fields: &Fields) -> bool {
        let text = fields.get(cell).unwrap_or_default();
        if !text.starts_with(['[', '{']) {
            return false;
        }
        let parts = self.parts.get(&cell).map(Vec::as_slice).unwrap_or_default();
        let has_parts = parts
            .iter()
            .any(|&part| fields.get(part).is_some_and(|text| !text.is_empty()));
        has_parts || is_hollow(text)
    }
}

/// Whether it is a list or an object without any value in it, which has no cell
/// for an entry or a member.
fn is_hollow(text: &str) -> bool {
    fn has_nothing(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(entries) => entries.iter().all(has_nothing),
            Value::Object(members) => members.values().all(has_nothing),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }
    serde_json::from_str(text).is_ok_and(|value: Value| has_nothing(&value))
}

/// The text of a list's entry; empty where it has none.
///
/// # Errors
/// The entry is a list or an object itself, or a text that can't be written.
pub(super) fn entry_text(entry: &RawValue) -> Result<String, Refused> {
    match entry.get() {
        "null" => Ok(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text).map_err(|_| {
            (
                "bad_text",
                format!("the entry {} has half a character in it", quoted(text)),
            )
        }),
        text if text.starts_with(['[', '{']) => Err(not_one_value(text)),
        text => Ok(text.to_owned()),
    }
}

fn not_one_value(text: &str) -> Refused {
    let what = match text.starts_with('[') {
        true => "a list",
        false => "an object",
    };
    (
        "not_one_value",
        format!(
            "{} is {what} of JSON, where one value is wanted; name what is meant in it by its place, \
             such as `tags.0` or `address.city`",
            quoted(text)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_a_value_is_told_from_a_text() {
        for text in ["[]", "{}", "[null, \"\"]", "[[],{}]", "{\"a\": null}"] {
            assert!(is_hollow(text), "{text}");
        }
        for text in ["[", "[1]", "{\"a\":false}", "[\"null\"]", "[,]"] {
            assert!(!is_hollow(text), "{text}");
        }
    }
}
