//! The shapes that keys of an entry come in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::scalar::SpelledText;
use crate::config::{Located, NameMap};
use crate::mapping::{
    BooleanRule, DateRule, DateTarget, GapChoice, Lookup, LookupFile, NumberRule, Region,
};

/// A number's own spelling (007, 1.10) is lost by the time it is seen as one.
pub(super) fn refuse_number<Failure: de::Error>(number: impl fmt::Display) -> Failure {
    Failure::custom(format!(
        "a column's name that reads as a number must stand in quotes, such as \"{number}\""
    ))
}

/// A column's name, or several.
#[derive(Clone, Debug)]
pub(super) struct ColumnNames {
    pub(super) names: Vec<String>,
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = ColumnNames;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a column's name, or a list of such")
    }

    fn visit_str<Failure: de::Error>(self, name: &str) -> Result<ColumnNames, Failure> {
        Ok(ColumnNames {
            names: vec![name.to_owned()],
        })
    }

    fn visit_u64<Failure: de::Error>(self, number: u64) -> Result<ColumnNames, Failure> {
        Err(refuse_number(number))
    }

    fn visit_i64<Failure: de::Error>(self, number: i64) -> Result<ColumnNames, Failure> {
        Err(refuse_number(number))
    }

    fn visit_f64<Failure: de::Error>(self, number: f64) -> Result<ColumnNames, Failure> {
        Err(refuse_number(number))
    }

    fn visit_seq<Access: SeqAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<ColumnNames, Access::Error> {
        let mut names = Vec::new();
        while let Some(name) = access.next_element::<String>()? {
            names.push(name);
        }
        if names.is_empty() {
            return Err(de::Error::custom("the list of columns is empty"));
        }
        Ok(ColumnNames { names })
    }
}

impl<'de> Deserialize<'de> for ColumnNames {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(NamesVisitor)
    }
}

impl JsonSchema for ColumnNames {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ColumnNames".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ],
        })
    }
}

/// A lookup table, or the file that holds it.
#[derive(Clone, Debug)]
pub(super) struct LookupSection {
    entries: BTreeMap<String, Located<String>>,
}

impl LookupSection {
    /// The table. `folder` is the job file's.
    pub(super) fn lookup(&self, folder: &Path) -> Result<Lookup, String> {
        let part = |name: &str| self.entries.get(name).map(|text| &text.value);
        match (part("file"), part("key"), part("value")) {
            (Some(file), Some(key), Some(value)) if self.entries.len() == 3 => Ok(Lookup {
                entries: BTreeMap::new(),
                file: Some(LookupFile {
                    path: folder.join(file),
                    key: key.clone(),
                    value: value.clone(),
                }),
            }),
            (Some(_), ..) => Err(
                "a table in a file is written {file: tiers.csv, key: code, value: name}".to_owned(),
            ),
            _ if self.entries.is_empty() => Err("the table is empty".to_owned()),
            _ => Ok(Lookup {
                entries: (self.entries.iter())
                    .map(|(value, text)| (value.clone(), text.value.clone()))
                    .collect(),
                file: None,
            }),
        }
    }

    /// What stands in the table, with its place.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Located<String>> {
        self.entries.values()
    }
}

impl<'de> Deserialize<'de> for LookupSection {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        let table = NameMap::<Located<String>>::deserialize(source)?;
        let entries = table.entries.into_iter();
        Ok(Self {
            entries: entries
                .map(|entry| (entry.name.value, entry.value))
                .collect(),
        })
    }
}

impl JsonSchema for LookupSection {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Lookup".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<SpelledText>(),
            "minProperties": 1,
        })
    }
}

/// The region of `e164`: its two letters, or the column that has them.
#[derive(Clone, Debug)]
pub(super) struct RegionSection {
    pub(super) region: Region,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionColumn {
    region: String,
}

struct RegionVisitor;

impl<'de> Visitor<'de> for RegionVisitor {
    type Value = RegionSection;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a region's two letters such as DE, or {region: column}")
    }

    fn visit_str<Failure: de::Error>(self, name: &str) -> Result<RegionSection, Failure> {
        Ok(RegionSection {
            region: Region::Fixed(name.to_owned()),
        })
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        access: Access,
    ) -> Result<RegionSection, Access::Error> {
        let column = RegionColumn::deserialize(MapAccessDeserializer::new(access))?;
        Ok(RegionSection {
            region: Region::Column(column.region),
        })
    }
}

impl<'de> Deserialize<'de> for RegionSection {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(RegionVisitor)
    }
}

impl JsonSchema for RegionSection {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Region".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "string", "pattern": "^[A-Za-z]{2}$"},
                {
                    "type": "object",
                    "properties": {
                        "region": {
                            "type": "string",
                            "description": "the column that has the region's two letters",
                        },
                    },
                    "required": ["region"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// How the source spells dates, and what is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DateSection {
    /// How the source spells it, such as "%d.%m.%Y" or "%Y-%m-%d %H:%M"; a list
    /// where it uses several forms. A date that two of them read differently is
    /// rejected. Default: 2024-01-31 and 2024-01-31T10:00:00Z (ISO 8601).
    from: Option<ColumnNames>,
    /// The time zone of times that don't name one, such as Europe/Berlin.
    zone: Option<String>,
    /// What is sent: `utc` (2024-01-31T09:00:00Z), `local`
    /// (2024-01-31T10:00:00+01:00), `date` (2024-01-31), or a form of your own
    /// such as "%d/%m/%Y". Default: a date stays a date, a time becomes utc.
    to: Option<String>,
    /// What a time means that the zone's clocks skip or show twice when they
    /// change. Default: its row is rejected.
    gap: Option<GapName>,
}

/// Which of two moments is meant.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GapName {
    /// The later one.
    Later,
    /// The earlier one.
    Earlier,
}

impl DateSection {
    pub(super) fn rule(&self) -> DateRule {
        DateRule {
            from: self
                .from
                .as_ref()
                .map(|forms| forms.names.clone())
                .unwrap_or_default(),
            zone: self.zone.clone(),
            to: self.to.as_deref().map(|to| match to {
                "utc" => DateTarget::Utc,
                "local" => DateTarget::Local,
                "date" => DateTarget::Date,
                form => DateTarget::Format(form.to_owned()),
            }),
            gap: self.gap.map(|gap| match gap {
                GapName::Later => GapChoice::Later,
                GapName::Earlier => GapChoice::Earlier,
            }),
        }
    }
}

/// How the source spells numbers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberSection {
    /// The decimal mark. Default: a point.
    decimal: Option<char>,
    /// What separates groups of three digits, such as "." or " ". Default:
    /// nothing.
    thousands: Option<char>,
}

impl NumberSection {
    pub(super) fn rule(&self) -> NumberRule {
        NumberRule {
            decimal: self.decimal.unwrap_or('.'),
            thousands: self.thousands,
        }
    }
}

/// The source's words for true and false; upper and lower case are the same.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BooleanSection {
    /// Words for true, such as [yes, 1].
    #[serde(rename = "true")]
    #[schemars(with = "Vec<SpelledText>")]
    yes: Vec<String>,
    /// Words for false, such as [no, 0].
    #[serde(rename = "false")]
    #[schemars(with = "Vec<SpelledText>")]
    no: Vec<String>,
}

impl BooleanSection {
    pub(super) fn rule(&self) -> BooleanRule {
        BooleanRule {
            yes: self.yes.clone(),
            no: self.no.clone(),
        }
    }
}
