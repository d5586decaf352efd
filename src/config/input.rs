//! How the input file is to be read, where the user says so.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{UnitError, did_you_mean};

/// What happens to rows whose key stood in an earlier row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Every row is applied, in the file's order. The default.
    #[default]
    Apply,
    /// Every row but the first is rejected.
    Reject,
    /// The first row is applied, the others are skipped.
    First,
    /// The last row is applied, the others are skipped.
    Last,
}

impl Duplicates {
    const ALL: [Self; 4] = [Self::Apply, Self::Reject, Self::First, Self::Last];

    /// The word in the job file and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Reject => "reject",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

impl FromStr for Duplicates {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        by_name(text, Self::ALL, Self::name).ok_or_else(|| UnitError {
            found: text.chars().take(40).collect(),
            unit: "way to treat duplicates",
            advice: "write apply, reject, first or last",
        })
    }
}

impl fmt::Display for Duplicates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The character between two fields: one ASCII character that is no letter, no
/// digit, no quote and no line break; `tab` names the tabulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiter(u8);

impl Delimiter {
    /// The delimiter's byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl FromStr for Delimiter {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let byte = match (text, text.as_bytes()) {
            ("tab" | "\\t", _) => b'\t',
            (_, &[byte]) => byte,
            _ => 0,
        };
        // A letter or a quote as delimiter is a slip that would cut every field.
        if byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"') {
            return Ok(Self(byte));
        }
        Err(UnitError {
            found: text.chars().take(40).collect(),
            unit: "delimiter",
            advice: "write one character such as \",\", \";\" or \"|\", or tab",
        })
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => formatter.write_str("tab"),
            byte => write!(formatter, "{}", char::from(byte)),
        }
    }
}

/// The input's character encoding, where it isn't to be detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `utf-8`, with or without a byte order mark.
    Utf8,
    /// `utf-16le`
    Utf16LittleEndian,
    /// `utf-16be`
    Utf16BigEndian,
    /// `windows-1252`; `latin-1` and `iso-8859-1` mean the same, as in the
    /// WHATWG Encoding Standard.
    Windows1252,
}

impl Encoding {
    const ALL: [Self; 4] = [
        Self::Utf8,
        Self::Utf16LittleEndian,
        Self::Utf16BigEndian,
        Self::Windows1252,
    ];

    /// The encoding's name, a label of the WHATWG Encoding Standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16LittleEndian => "utf-16le",
            Self::Utf16BigEndian => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }
}

impl FromStr for Encoding {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let folded = text.to_ascii_lowercase();
        match folded.as_str() {
            "utf8" => Ok(Self::Utf8),
            "latin-1" | "latin1" | "iso-8859-1" | "cp1252" => Ok(Self::Windows1252),
            other => by_name(other, Self::ALL, Self::name).ok_or_else(|| UnitError {
                found: text.chars().take(40).collect(),
                unit: "encoding that is known",
                advice: "write utf-8, utf-16le, utf-16be or windows-1252, or leave it out to have it detected",
            }),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

fn by_name<Value: Copy, const COUNT: usize>(
    text: &str,
    all: [Value; COUNT],
    name: fn(Value) -> &'static str,
) -> Option<Value> {
    all.into_iter().find(|value| name(*value) == text)
}

/// A text of the YAML file, parsed by the type's own parser.
macro_rules! text_in_yaml {
    ($($kind:ident, $description:literal;)+) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
                String::deserialize(source)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": $description})
            }
        }
    )+};
}

text_in_yaml! {
    Delimiter, "one character such as \",\", \";\" or \"|\", or tab; detected where it is left out";
    Encoding, "utf-8, utf-16le, utf-16be or windows-1252; detected where it is left out";
}

/// The end of a message about an input that isn't there: names the file of the
/// same folder that is nearest to the one that was asked for.
#[must_use]
pub fn nearest_file(path: &std::path::Path) -> String {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => std::path::Path::new("."),
    };
    let Some(wanted) = path.file_name().and_then(|name| name.to_str()) else {
        return String::new();
    };
    // A folder of millions of files must not hold an error message up.
    let names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(1_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    did_you_mean(wanted, names.iter().map(String::as_str))
}
