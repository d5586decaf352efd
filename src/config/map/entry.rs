//! One entry of `map`: the source column's name alone, or a mapping with all
//! that is to be done.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::mapping::{Conversion, FieldRule, LetterCase, RuleSource};

use super::section::LongEntry;
use super::shapes::{LookupSection, refuse_number};

/// What stands under a target field's name.
#[derive(Clone, Debug)]
pub struct MapEntry {
    section: LongEntry,
}

impl MapEntry {
    /// Whether the keys go together, and each makes sense by itself.
    pub(in crate::config) fn check(&self, target: &str) -> Result<(), String> {
        self.rule(target, 0, Path::new(""))?.check()
    }

    /// The entity that the field refers to.
    pub(in crate::config) fn reference(&self) -> Option<&str> {
        self.section.reference.as_deref()
    }

    /// The rule. `folder` is the job file's, which a lookup table's path is
    /// taken from.
    ///
    /// # Errors
    /// Keys that don't go together.
    pub(in crate::config) fn rule(
        &self,
        target: &str,
        line: u64,
        folder: &Path,
    ) -> Result<FieldRule, String> {
        let section = &self.section;
        if matches!(section.max_length, Some(0)) || matches!(section.truncate, Some(0)) {
            return Err(format!(
                "`{target}` has a length of 0, which leaves nothing of a value"
            ));
        }
        if section.split.as_deref() == Some("") {
            return Err(format!(
                "`split` of `{target}` is empty; write what separates the entries, such as \";\""
            ));
        }
        let rule = FieldRule {
            when: section.when.clone(),
            trim: section.trim,
            letter_case: self.letter_case(target)?,
            lookup: section
                .lookup
                .as_ref()
                .map(|lookup| lookup.lookup(folder))
                .transpose()
                .map_err(|cause| format!("`lookup` of `{target}`: {cause}"))?,
            convert: self.conversion(target)?,
            split: section.split.clone(),
            truncate: section.truncate,
            default: section.default.as_ref().map(|text| text.value.clone()),
            reference: section.reference.clone(),
            required: section.required,
            format: section.format.map(Into::into),
            max_length: section.max_length,
            omit_empty: section.omit_empty,
            line,
            text_lines: self.text_lines(),
            ..FieldRule::new(target, self.source(target)?)
        };
        self.check_constant(&rule)?;
        Ok(rule)
    }

    /// Where the entry's own texts stand.
    fn text_lines(&self) -> BTreeMap<String, u64> {
        let section = &self.section;
        let table = section.lookup.iter().flat_map(LookupSection::texts);
        let mut lines = BTreeMap::new();
        for text in table.chain(&section.constant).chain(&section.default) {
            lines.entry(text.value.clone()).or_insert(text.line);
        }
        lines
    }

    fn source(&self, target: &str) -> Result<RuleSource, String> {
        let section = &self.section;
        let given: Vec<&str> = [
            section.from.as_ref().map(|_| "from"),
            section.constant.as_ref().map(|_| "constant"),
            section.template.as_ref().map(|_| "template"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let [one, other, ..] = given.as_slice() {
            return Err(format!(
                "`{target}` has both `{one}` and `{other}`; keep one of them"
            ));
        }
        if section.join.is_some() && section.from.is_none() {
            return Err(format!(
                "`{target}` has `join`, but no `from`; write the columns, as in `from: [first, last]`"
            ));
        }
        match (&section.from, &section.constant, &section.template) {
            (Some(columns), ..) => Ok(match &section.join {
                Some(separator) => RuleSource::Joined {
                    columns: columns.names.clone(),
                    separator: separator.clone(),
                },
                None => RuleSource::Columns(columns.names.clone()),
            }),
            (_, Some(text), _) => Ok(RuleSource::Constant(text.value.clone())),
            (.., Some(template)) => Ok(RuleSource::Template(template.clone())),
            _ => Err(format!(
                "`{target}` has none of `from`, `constant` and `template`; write the source column's name"
            )),
        }
    }

    fn letter_case(&self, target: &str) -> Result<Option<LetterCase>, String> {
        match (self.section.lowercase, self.section.uppercase) {
            (true, true) => Err(format!(
                "`{target}` has both `lowercase` and `uppercase`; keep one of them"
            )),
            (true, false) => Ok(Some(LetterCase::Lower)),
            (false, true) => Ok(Some(LetterCase::Upper)),
            (false, false) => Ok(None),
        }
    }

    fn conversion(&self, target: &str) -> Result<Option<Conversion>, String> {
        let section = &self.section;
        let mut given = [
            (section.number.as_ref()).map(|number| ("number", Conversion::Number(number.rule()))),
            (section.e164.as_ref()).map(|e164| ("e164", Conversion::E164(e164.region.clone()))),
            (section.date.as_ref()).map(|date| ("date", Conversion::Date(date.rule()))),
            (section.boolean.as_ref())
                .map(|boolean| ("boolean", Conversion::Boolean(boolean.rule()))),
        ]
        .into_iter()
        .flatten();
        match (given.next(), given.next()) {
            (Some((one, _)), Some((other, _))) => Err(format!(
                "`{target}` has both `{one}` and `{other}`; a value is only one of them"
            )),
            (conversion, _) => Ok(conversion.map(|(_, conversion)| conversion)),
        }
    }

    /// A constant is sent as it stands, or is the key of the same record for all
    /// rows; nothing else is to be done to it.
    fn check_constant(&self, rule: &FieldRule) -> Result<(), String> {
        if !matches!(rule.from, RuleSource::Constant(_)) {
            return Ok(());
        }
        let idle = (rule.parts().into_iter())
            .find(|part| !matches!(*part, "constant" | "when" | "reference"));
        match idle {
            Some(part) => Err(format!(
                "`{}` is a constant, so `{part}` has no effect; leave it out",
                rule.target
            )),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for MapEntry {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = MapEntry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a source column's name, or {from: column, …}, or {constant: text}")
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<MapEntry, Failure> {
        Ok(MapEntry {
            section: LongEntry::column(text),
        })
    }

    fn visit_u64<Failure: de::Error>(self, number: u64) -> Result<MapEntry, Failure> {
        Err(refuse_number(number))
    }

    fn visit_i64<Failure: de::Error>(self, number: i64) -> Result<MapEntry, Failure> {
        Err(refuse_number(number))
    }

    fn visit_f64<Failure: de::Error>(self, number: f64) -> Result<MapEntry, Failure> {
        Err(refuse_number(number))
    }

    fn visit_map<Access: MapAccess<'de>>(self, access: Access) -> Result<MapEntry, Access::Error> {
        let section = LongEntry::deserialize(MapAccessDeserializer::new(access))?;
        Ok(MapEntry { section })
    }
}

impl JsonSchema for MapEntry {
    fn schema_name() -> Cow<'static, str> {
        "MapEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "the source column's name, or a mapping that says more: where the value comes from, what is done to it, and what it must look like",
            "anyOf": [{"type": "string"}, generator.subschema_for::<LongEntry>()],
        })
    }
}
