//! JSON looked at as text: what stands at a place keeps its spelling (a number
//! of thirty digits stays one), and nothing is built of what nobody asks for.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Takes an object's members, in their order.
struct Gathering<'list, 'text>(&'list mut Vec<(String, &'text RawValue)>);

impl<'text> Visitor<'text> for Gathering<'_, 'text> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<Access: MapAccess<'text>>(self, mut access: Access) -> Result<(), Access::Error> {
        while let Some(member) = access.next_entry()? {
            self.0.push(member);
        }
        Ok(())
    }
}

/// The members of an object, in their order; `None` for anything else.
#[must_use]
pub fn members(json: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    let mut members = Vec::new();
    let mut parser = serde_json::Deserializer::from_str(json.get());
    parser
        .deserialize_map(Gathering(&mut members))
        .and_then(|()| parser.end())
        .ok()?;
    Some(members)
}

/// The members of an object that stand whole before the place where `text` stops
/// being JSON, in their order; none of anything else.
#[must_use]
pub fn first_members(text: &str) -> Vec<(String, &RawValue)> {
    let mut members = Vec::new();
    // What is wrong is told by whoever has read all of it.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Gathering(&mut members));
    // Of a number that the text ends with, there may have been more.
    let goes_on = |(_, last): &(String, &RawValue)| {
        last.get().as_bytes().as_ptr_range().end == text.as_bytes().as_ptr_range().end
    };
    members.pop_if(|member| goes_on(member));
    members
}

/// The elements of a list; `None` for anything else.
#[must_use]
pub fn elements(json: &RawValue) -> Option<Vec<&RawValue>> {
    json.get()
        .starts_with('[')
        .then(|| serde_json::from_str(json.get()).ok())
        .flatten()
}

/// What stands at a JSON pointer (RFC 6901); the whole at the empty one. Of a
/// member that stands twice it is the last.
#[must_use]
pub fn value_at<'text>(json: &'text RawValue, pointer: &str) -> Option<&'text RawValue> {
    let mut found = json;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        found = if found.get().starts_with('[') {
            let is_index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
            let index: usize = token.parse().ok().filter(|_| is_index)?;
            elements(found)?.get(index).copied()?
        } else {
            let mut members = members(found)?;
            let place = members.iter().rposition(|(name, _)| *name == token)?;
            members.swap_remove(place).1
        };
    }
    Some(found)
}

/// The text of a value: of a string what it says, nothing of null, and of
/// everything else the JSON as it is spelled. `None` for a string that no text
/// can hold (half a surrogate pair).
#[must_use]
pub fn cell_text(json: &RawValue) -> Option<String> {
    match json.get() {
        "null" => Some(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_before_a_fault_are_whole() {
        let of = |text: &str| {
            let found = first_members(text);
            let found = found.iter().map(|(name, value)| format!("{name}={value}"));
            found.collect::<Vec<_>>().join("|")
        };
        assert_eq!(of(r#"{"a": 1, "b": [1, 2], "c": tru"#), "a=1|b=[1, 2]");
        assert_eq!(of(r#"{"a": "x", "b": 12"#), r#"a="x""#);
        assert_eq!(of(r#"{"a": "x" "b": 12}"#), r#"a="x""#);
        assert_eq!(of(r#"{"a": "x"} {"b": 1}"#), r#"a="x""#);
        assert_eq!(of("[1, 2]"), "");
        assert_eq!(of(""), "");
        let json: &RawValue = serde_json::from_str(r#"{"a": {}}"#).expect("JSON");
        assert_eq!(members(json).map(|found| found.len()), Some(1));
        let json: &RawValue = serde_json::from_str("[1]").expect("JSON");
        assert!(members(json).is_none());
    }

    #[test]
    fn a_value_keeps_its_spelling() {
        let text = r#"{"a": {"b/c": [1.50, 123456789012345678901234567890, "x\ny", null, {"d":  1}]}, "a": {"b/c": []}}"#;
        let first = text.replace(r#", "a": {"b/c": []}"#, "");
        let json: &RawValue = serde_json::from_str(&first).expect("JSON");
        let cell = |pointer: &str| value_at(json, pointer).and_then(cell_text);
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(cell("/a/b~1c/0"), is("1.50"));
        assert_eq!(cell("/a/b~1c/1"), is("123456789012345678901234567890"));
        assert_eq!(cell("/a/b~1c/2"), is("x\ny"));
        assert_eq!(cell("/a/b~1c/3"), is(""));
        assert_eq!(cell("/a/b~1c/4"), is(r#"{"d":  1}"#));
        assert_eq!(cell("/a/b~1c/+1"), None);
        assert_eq!(cell("/a/b~1c/9"), None);
        assert_eq!(cell("/b"), None);
        // Of a member that stands twice, the last one counts.
        let json: &RawValue = serde_json::from_str(text).expect("JSON");
        assert_eq!(value_at(json, "/a/b~1c/0").map(RawValue::get), None);
        let lone: &RawValue = serde_json::from_str(r#""\ud800""#).expect("raw");
        assert_eq!(cell_text(lone), None);
    }
}
