//! JSON looked at as text: what stands at a place keeps its spelling (a number
//! of thirty digits stays one), and nothing is built of what nobody asks for.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An object's members in their order.
struct Members<'text>(Vec<(String, &'text RawValue)>);

struct MembersVisitor;

impl<'text> Visitor<'text> for MembersVisitor {
    type Value = Members<'text>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<Access: MapAccess<'text>>(
        self,
        mut access: Access,
    ) -> Result<Self::Value, Access::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

impl<'text> Deserialize<'text> for Members<'text> {
    fn deserialize<Source: Deserializer<'text>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_map(MembersVisitor)
    }
}

/// The members of an object, in their order; `None` for anything else.
#[must_use]
pub fn members(json: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    let members: Members<'_> = serde_json::from_str(json.get()).ok()?;
    Some(members.0)
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
