//! `source` of a job file: a file, or a connector's stream.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::credentials::CredentialsSection;
use super::input::{Delimiter, Duplicates, Encoding};
use super::input_source::{InputSource, StreamSource};
use super::layer::LayerReader;
use super::{ConfigError, Located, NameMap, NameMapEntry, Since, did_you_mean};

/// Where the rows come from: exactly one of `csv`, `xlsx`, `ndjson` and
/// `connector`, with what belongs to it.
#[derive(Clone, Debug, Default)]
pub struct SourceSection {
    /// A CSV file; `-` is standard input.
    pub csv: Option<Located<PathBuf>>,
    /// A workbook.
    pub xlsx: Option<Located<PathBuf>>,
    /// The workbook's sheet. Default: the first.
    pub sheet: Option<Located<String>>,
    /// A file with one JSON object a line.
    pub ndjson: Option<Located<PathBuf>>,
    /// A connector that has streams.
    pub connector: Option<Located<String>>,
    /// The connector's stream. Default: its only one.
    pub stream: Option<Located<String>>,
    /// Where the source's credentials can be had.
    pub credentials: Option<Located<CredentialsSection>>,
    /// Only what has changed since is loaded. Default: everything.
    pub changed_since: Option<Located<Since>>,
    /// Values for the connector's variables.
    pub variables: NameMap<Located<String>>,
    /// The character between two fields of a CSV file. Default: detected.
    pub delimiter: Option<Located<Delimiter>>,
    /// A CSV file's character encoding. Default: detected.
    pub encoding: Option<Located<Encoding>>,
    /// What happens to rows with a key that stood before. Default: apply.
    pub duplicates: Option<Located<Duplicates>>,
}

/// The keys that mean something of their own; every other one is a variable of
/// the connector.
const KEYS: [&str; 11] = [
    "csv",
    "xlsx",
    "sheet",
    "ndjson",
    "connector",
    "stream",
    "credentials",
    "changed_since",
    "delimiter",
    "encoding",
    "duplicates",
];

struct SectionVisitor;

impl<'de> Visitor<'de> for SectionVisitor {
    type Value = SourceSection;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping such as {csv: contacts.csv}")
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<SourceSection, Access::Error> {
        let mut section = SourceSection::default();
        while let Some(name) = access.next_key::<Located<String>>()? {
            match name.value.as_str() {
                "csv" => section.csv = Some(access.next_value()?),
                "xlsx" => section.xlsx = Some(access.next_value()?),
                "sheet" => section.sheet = Some(access.next_value()?),
                "ndjson" => section.ndjson = Some(access.next_value()?),
                "connector" => section.connector = Some(access.next_value()?),
                "stream" => section.stream = Some(access.next_value()?),
                "credentials" => section.credentials = Some(access.next_value()?),
                "changed_since" => section.changed_since = Some(access.next_value()?),
                "delimiter" => section.delimiter = Some(access.next_value()?),
                "encoding" => section.encoding = Some(access.next_value()?),
                "duplicates" => section.duplicates = Some(access.next_value()?),
                _ => {
                    let value = access.next_value()?;
                    section.variables.entries.push(NameMapEntry { name, value });
                }
            }
        }
        Ok(section)
    }
}

impl<'de> Deserialize<'de> for SourceSection {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_map(SectionVisitor)
    }
}

impl SourceSection {
    /// Whether the keys go together.
    pub(super) fn check(&self, section: &Located<()>, file: &str) -> Result<(), ConfigError> {
        if self.connector.is_none()
            && let Some(entry) = self.variables.entries.first()
        {
            let name = &entry.name.value;
            let near = did_you_mean(name, KEYS);
            let known = match near.is_empty() {
                true => format!("; known here: {}", KEYS.join(", ")),
                false => near,
            };
            return Err(entry
                .name
                .error(file, format!("unknown key `{name}`{known}")));
        }
        let files = [
            ("csv", &self.csv),
            ("xlsx", &self.xlsx),
            ("ndjson", &self.ndjson),
        ];
        let mut kinds: Vec<&str> = Vec::new();
        for (key, path) in files {
            let Some(path) = path else { continue };
            if path.value.as_os_str().is_empty() {
                return Err(path.error(file, format!("`{key}` names no file")));
            }
            if key != "csv" && path.value.as_os_str() == "-" {
                return Err(path
                    .error(file, "standard input is read as CSV alone")
                    .with_hint("Write it to a file first, and name that."));
            }
            kinds.push(key);
        }
        kinds.extend(self.connector.is_some().then_some("connector"));
        let [kind] = kinds.as_slice() else {
            let found = match kinds.as_slice() {
                [] => "the source names no input".to_owned(),
                several => format!("the source names several inputs: {}", several.join(", ")),
            };
            return Err(section
                .error(file, found)
                .with_hint("Write one of `csv`, `xlsx`, `ndjson` and `connector`."));
        };
        macro_rules! only_with {
            ($field:ident, $owner:literal) => {
                if let Some(value) = self.$field.as_ref().filter(|_| *kind != $owner) {
                    let key = stringify!($field);
                    let message = format!("`{key}` belongs to a source with `{}`", $owner);
                    return Err(value.error(file, message));
                }
            };
        }
        only_with!(delimiter, "csv");
        only_with!(encoding, "csv");
        only_with!(sheet, "xlsx");
        only_with!(stream, "connector");
        only_with!(credentials, "connector");
        only_with!(changed_since, "connector");
        Ok(())
    }

    /// The input that a section names which was found right.
    pub(super) fn input(&self, layer: &mut LayerReader) -> Option<InputSource> {
        let folder = layer.folder.clone();
        let below = |path: PathBuf| match path.as_os_str() == "-" {
            true => path,
            false => folder.join(path),
        };
        if let Some(path) = layer.note("source.csv", self.csv.as_ref()) {
            return Some(match path == Path::new("-") {
                true => InputSource::StandardInput,
                false => InputSource::File(below(path)),
            });
        }
        if let Some(path) = layer.note("source.xlsx", self.xlsx.as_ref()) {
            return Some(InputSource::Workbook {
                path: below(path),
                sheet: layer.note("source.sheet", self.sheet.as_ref()),
            });
        }
        if let Some(path) = layer.note("source.ndjson", self.ndjson.as_ref()) {
            return Some(InputSource::Ndjson(below(path)));
        }
        let connector = layer.note("source.connector", self.connector.as_ref())?;
        let mut variables = std::collections::BTreeMap::new();
        for entry in &self.variables.entries {
            let name = &entry.name.value;
            layer.note(&format!("source.{name}"), Some(&entry.name));
            variables.insert(name.clone(), entry.value.value.clone());
        }
        Some(InputSource::Stream(StreamSource {
            connector: layer.connector(connector),
            stream: layer.note("source.stream", self.stream.as_ref()),
            variables,
            credentials: layer
                .note("source.credentials", self.credentials.as_ref())
                .map(|section| section.sources(&folder)),
        }))
    }
}

impl JsonSchema for SourceSection {
    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let credentials = generator.subschema_for::<CredentialsSection>();
        let since = generator.subschema_for::<Since>();
        let delimiter = generator.subschema_for::<Delimiter>();
        let encoding = generator.subschema_for::<Encoding>();
        let duplicates = generator.subschema_for::<Duplicates>();
        json_schema!({
            "description": "where the rows come from: exactly one of csv, xlsx, ndjson and connector",
            "type": "object",
            "properties": {
                "csv": {"type": "string", "description": "a CSV file; - is standard input"},
                "delimiter": delimiter,
                "encoding": encoding,
                "xlsx": {"type": "string", "description": "a workbook (XLSX)"},
                "sheet": {"type": "string", "description": "the workbook's sheet; the first one where it is left out"},
                "ndjson": {"type": "string", "description": "a file with one JSON object a line"},
                "connector": {"type": "string", "description": "a connector that has streams: a built-in one's name, or the path of a connector file"},
                "stream": {"type": "string", "description": "the connector's stream; may be left out where it has one alone"},
                "credentials": credentials,
                "changed_since": since,
                "duplicates": duplicates,
            },
            "additionalProperties": {
                "type": ["string", "number", "boolean"],
                "description": "a value for one of the connector's variables, such as region or base_url",
            },
            "oneOf": [
                {"required": ["csv"]},
                {"required": ["xlsx"]},
                {"required": ["ndjson"]},
                {"required": ["connector"]},
            ],
        })
    }
}
