//! Texts with `{names}` in them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::escape::Escape;

/// A text with `{names}` that stand for values. `{name|doubled}` and
/// `{name|backslashed}` say how a quote in the value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stands for itself.
    Text(String),
    /// The name of a value, and how its quotes are written.
    Name(String, Escape),
}

impl Template {
    /// Takes a text apart; the error says what is wrong with its braces.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if rest.as_bytes()[open] == b'}' {
                return Err(format!("{text:?} has a `}}` without a `{{` before it"));
            }
            let (before, behind) = rest.split_at(open);
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let behind = &behind[1..];
            let close = behind
                .find('}')
                .ok_or_else(|| format!("{text:?} has a `{{` that is never closed"))?;
            let (name, escape) = match behind[..close].split_once('|') {
                None => (&behind[..close], Escape::None),
                Some((name, escape)) => (
                    name,
                    Escape::named(escape).ok_or_else(|| {
                        format!("{text:?} has `|{escape}` in it: write `|doubled` where a quote is written twice, `|backslashed` where it gets a backslash, or `|plain`")
                    })?,
                ),
            };
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if !is_name {
                return Err(format!("{text:?} has a name that isn't one: `{{{name}}}`"));
            }
            parts.push(Part::Name(name.to_owned(), escape));
            rest = &behind[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The pieces in their order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether a query begins in it.
    pub(crate) fn asks(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part, Part::Text(text) if text.contains('?')))
    }

    /// The names, in their order, as often as they stand.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name, _) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Whether a name stands right beside a `'` (or `%27`), and nothing says how
    /// one in its value is written.
    pub(crate) fn is_open_to_quotes(&self, name: &str) -> bool {
        const QUOTES: [&str; 2] = ["'", "%27"];
        let text_at = |index: usize| match self.parts.get(index) {
            Some(Part::Text(text)) => text.as_str(),
            _ => "",
        };
        self.parts.iter().enumerate().any(|(index, part)| {
            let (before, after) = (text_at(index.wrapping_sub(1)), text_at(index + 1));
            matches!(part, Part::Name(known, Escape::None) if known == name)
                && QUOTES
                    .iter()
                    .any(|quote| before.ends_with(quote) || after.starts_with(quote))
        })
    }

    /// The text with the values filled in; the error is the name without one.
    pub(crate) fn fill(&self, values: &BTreeMap<String, String>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Name(name, escape) => {
                    let value = values.get(name).ok_or_else(|| name.clone())?;
                    text.push_str(&escape.of(value));
                }
            }
        }
        Ok(text)
    }

    /// The part of a URL template that follows the host: from the first `/`
    /// after `://`.
    pub(crate) fn path_of_url(&self) -> Self {
        let mut parts = self.parts.iter();
        let mut path = Vec::new();
        let mut past_scheme = false;
        for part in parts.by_ref() {
            let Part::Text(text) = part else {
                continue;
            };
            let mut rest = text.as_str();
            if !past_scheme {
                let Some(at) = rest.find("://") else {
                    continue;
                };
                past_scheme = true;
                rest = &rest[at + 3..];
            }
            if let Some(slash) = rest.find('/') {
                path.push(Part::Text(rest[slash..].to_owned()));
                break;
            }
        }
        path.extend(parts.cloned());
        Self { parts: path }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        Self::parse(&String::deserialize(source)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "a text with {names} of variables in it"})
    }
}
