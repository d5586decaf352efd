//! `targets` of a job file: the same rows go to several targets, each with
//! books of its own.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::credentials::CredentialsSection;
use super::entities::check_alone;
use super::job::{LimitsSection, TargetSection, check_map};
use super::map::MapEntry;
use super::parts::PartNames;
use super::{ConfigError, JobFile, Located, NameMap, NameMapEntry};

/// One of several targets: what `target` of a job file says, and what differs
/// from the other targets.
#[derive(Clone, Debug, Default)]
pub struct TargetEntry {
    /// What the target is called; its books stand in a folder of that name.
    /// Default: the connector's name.
    pub name: Option<Located<String>>,
    /// The connector, and values for its variables.
    pub target: TargetSection,
    /// Where the credentials can be had. Default: the job's.
    pub credentials: Option<Located<CredentialsSection>>,
    /// Target field to source column. Default: the job's.
    pub map: Option<NameMap<Located<MapEntry>>>,
    /// How fast, and how much may go wrong. Default: the job's, one by one.
    pub limits: LimitsSection,
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = TargetEntry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping such as {connector: NAME, region: REGION}")
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<TargetEntry, Access::Error> {
        let mut entry = TargetEntry::default();
        while let Some(name) = access.next_key::<Located<String>>()? {
            match name.value.as_str() {
                "name" => entry.name = Some(access.next_value()?),
                "connector" => entry.target.connector = Some(access.next_value()?),
                "operation" => entry.target.operation = Some(access.next_value()?),
                "credentials" => entry.credentials = Some(access.next_value()?),
                "map" => entry.map = Some(access.next_value()?),
                "limits" => entry.limits = access.next_value()?,
                _ => {
                    let value = access.next_value()?;
                    let variables = &mut entry.target.variables.entries;
                    variables.push(NameMapEntry { name, value });
                }
            }
        }
        Ok(entry)
    }
}

impl<'de> Deserialize<'de> for TargetEntry {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_map(EntryVisitor)
    }
}

impl TargetEntry {
    /// The name of the target that stands at `position` in the list, from 1 on.
    pub(super) fn part_name(&self, position: usize) -> String {
        let connector = self.target.connector.as_ref();
        match (&self.name, connector) {
            (Some(name), _) => name.value.clone(),
            (None, Some(connector)) => name_of_connector(&connector.value),
            (None, None) => format!("target-{position}"),
        }
    }
}

/// A connector's name, or its file's, cut down to what a part may be called.
fn name_of_connector(connector: &str) -> String {
    let stem = Path::new(connector).file_stem().unwrap_or_default();
    let is_plain = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
    let name: String = stem
        .to_string_lossy()
        .chars()
        .map(|character| match is_plain(&character) {
            true => character,
            false => '-',
        })
        .take(64)
        .collect();
    match name.as_str() {
        "" => "target".to_owned(),
        _ => name,
    }
}

/// Whether a job's targets can be told apart, and don't contradict the rest.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn check_targets(job: &JobFile, file: &str) -> Result<(), ConfigError> {
    let Some(targets) = &job.targets else {
        return Ok(());
    };
    if job.target.is_some() {
        return Err(targets
            .error(file, "the job has both `target` and `targets`")
            .with_hint("Keep one of them; the one target may be an entry of `targets`."));
    }
    if targets.value.is_empty() {
        return Err(targets
            .error(file, "`targets` names no target")
            .with_hint("Write one entry for each, such as `- {connector: NAME}`."));
    }
    let mut names = PartNames::new("target");
    for (index, entry) in targets.value.iter().enumerate() {
        let target = &entry.value;
        let place = match (&target.name, &target.target.connector) {
            (Some(name), _) => name.place(file),
            (None, Some(connector)) => connector.place(file),
            (None, None) => entry.place(file),
        };
        names.take(&target.part_name(index + 1), place)?;
        check_map(target.map.as_ref(), file)?;
        check_alone(target.map.as_ref(), file)?;
    }
    Ok(())
}

impl JsonSchema for TargetEntry {
    fn schema_name() -> Cow<'static, str> {
        "TargetEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let credentials = generator.subschema_for::<CredentialsSection>();
        let map = generator.subschema_for::<NameMap<Located<MapEntry>>>();
        let limits = generator.subschema_for::<LimitsSection>();
        json_schema!({
            "description": "one of several targets, with books of its own",
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "pattern": "^[A-Za-z0-9_-]{1,64}$",
                    "description": "what the target is called: its books stand in a folder of that name; the connector's name without it",
                },
                "connector": {
                    "type": "string",
                    "description": "a built-in connector's name, or the path of a connector file",
                },
                "operation": {
                    "type": "string",
                    "description": "the connector's operation, or upsert, that rows are loaded with; the connector's default without it",
                },
                "credentials": credentials,
                "map": map,
                "limits": limits,
            },
            "additionalProperties": {
                "type": ["string", "number", "boolean"],
                "description": "a value for one of the connector's variables, such as region or base_url",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{mistake, read};
    use super::*;
    use crate::config::{ErrorBudget, Overrides, PartLayers, PartOrder, Parts, Settings};

    const TARGETS: &str = r#"job: both
source: {csv: contacts.csv}
credentials: {client_id: {env: ID}, client_secret: {env: SECRET}}
map: {contactId: id}
limits: {share: 80%, max_errors: 1%}
targets:
  - {connector: cxone-contacts, region: eu}
  - name: crm
    connector: ./own.yaml
    operation: create
    credentials: {client_id: {env: CRM_ID}, client_secret: {env: CRM_SECRET}}
    map: {externalId: id}
    limits: {share: 50%}
"#;

    fn parts(text: &str, flags: &Overrides) -> Result<Parts, ConfigError> {
        let job = read(text)?;
        let layers = PartLayers::of_job(&job, Path::new("jobs/job.yaml")).expect("parts");
        Parts::settle(flags, layers, None)
    }

    #[test]
    fn each_target_says_what_differs_and_takes_the_rest_from_the_job() {
        let flags = Overrides {
            variables: [
                ("crm.base_url", "https://crm"),
                ("base_url", "https://any"),
                ("other.thing", "1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..Overrides::default()
        };
        let parts = parts(TARGETS, &flags).expect("settled");
        assert_eq!(parts.order, PartOrder::AtOnce);
        let [first, second] = parts.parts.as_slice() else {
            panic!("{} parts", parts.parts.len());
        };
        assert_eq!(
            (first.name.as_str(), second.name.as_str()),
            ("cxone-contacts", "crm")
        );
        for part in [first, second] {
            assert_eq!(part.settings.job, "both");
            assert_eq!(
                part.settings.input.path(),
                Some(Path::new("jobs/contacts.csv"))
            );
            assert_eq!(part.settings.max_errors, Some(ErrorBudget::Percent(1.0)));
            assert!(part.after.is_empty());
        }
        let (first, second) = (&first.settings, &second.settings);
        assert_eq!(
            (first.share.to_string(), second.share.to_string()),
            ("80%".to_owned(), "50%".to_owned())
        );
        assert_eq!(first.connector, "cxone-contacts");
        assert_eq!(second.connector, "jobs/./own.yaml");
        assert_eq!(second.operation.as_deref(), Some("create"));
        assert_eq!(
            first.credentials.client_id.to_string(),
            "environment variable ID"
        );
        assert_eq!(
            second.credentials.client_id.to_string(),
            "environment variable CRM_ID"
        );
        let target =
            |settings: &Settings| settings.mapping.as_ref().expect("a map")[0].target.clone();
        assert_eq!(
            (target(first), target(second)),
            ("contactId".to_owned(), "externalId".to_owned())
        );
        assert_eq!(first.variables["base_url"], "https://any");
        assert_eq!(first.variables["region"], "eu");
        assert_eq!(second.variables["base_url"], "https://crm");
        assert_eq!(second.variables["other.thing"], "1");
        assert_eq!(
            second.origins["limits.share"].to_string(),
            "jobs/job.yaml:13:21"
        );
    }

    #[test]
    fn targets_that_can_not_be_told_apart_are_refused_with_their_place() {
        let base = "source: {csv: a.csv}\n";
        for (addition, expected) in [
            (
                "target: {connector: x}\ntargets: [{connector: x}]",
                "job.yaml:3:10: the job has both `target` and `targets`",
            ),
            ("targets: []", "job.yaml:2:10: `targets` names no target"),
            (
                "targets: [{connector: x, region: a}, {connector: X, region: b}]",
                "job.yaml:2:50: `X` is the name of another target too, in line 2",
            ),
            (
                "targets: [{name: ../x, connector: x}]",
                "job.yaml:2:18: \"../x\" is no name for a target; use up to 64 letters, digits, `_` and `-`",
            ),
            (
                "targets: [{name: lock, connector: x}]",
                "job.yaml:2:18: `lock` is taken, so no target can be called that",
            ),
            (
                "targets: [{connector: x, limits: {shar: 1%}}]",
                "job.yaml:2:35: unknown key `shar`; did you mean `share`?",
            ),
            (
                "targets: [{connector: x, map: {a: {trim: true}}}]",
                "job.yaml:2:35: `a` has none of `from`, `constant` and `template`; write the source column's name",
            ),
            ("job: a", "job.yaml:1:1: the key `target` is missing"),
        ] {
            assert_eq!(
                mistake(&format!("{base}{addition}\n")),
                expected,
                "{addition}"
            );
        }
        assert_eq!(
            mistake("target: {connector: x}\n"),
            "job.yaml:1:1: the key `source` is missing"
        );
        let one = "source: {csv: a.csv}\ntargets: [{connector: x}]\n";
        assert_eq!(
            parts(one, &Overrides::default())
                .expect("one is fine")
                .parts
                .len(),
            1
        );
        let flags = Overrides {
            connector: Some("y".to_owned()),
            ..Overrides::default()
        };
        let told = parts(TARGETS, &flags).expect_err("which one?").to_string();
        assert_eq!(
            told,
            "`--to` names one target, and the job has several parts"
        );
    }
}
