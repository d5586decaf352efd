//! `entities` of a job file: several loads in one job, each with a source and a
//! map of its own, whose records may refer to each other.

use schemars::JsonSchema;
use serde::Deserialize;

use super::job::{check_map, check_source};
use super::map::MapEntry;
use super::parts::PartNames;
use super::source_section::SourceSection;
use super::{ConfigError, JobFile, LimitsSection, Located, NameMap, TargetSection, did_you_mean};

/// The most entities of a job. Each has a directory and books of its own; a
/// migration has ten or twenty.
const MAX_ENTITIES: usize = 100;

/// One entity: records of one kind, and what they are made from.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntitySection {
    /// What the entity is called: `reference` means it by this name, and its
    /// books stand in a folder of that name. Letters, digits, `_` and `-`, at
    /// most 64.
    pub name: Located<String>,
    /// Where its rows come from.
    pub source: Located<SourceSection>,
    /// Where they go. What isn't said is as in the job's own `target`, of which
    /// nothing is taken where another connector is named.
    #[serde(default)]
    pub target: TargetSection,
    /// Target field to source column. Default: every column's header is the
    /// name of a target field.
    pub map: Option<NameMap<Located<MapEntry>>>,
    /// How fast, and how much may go wrong. What isn't said is as in the job's
    /// own `limits`.
    #[serde(default)]
    pub limits: LimitsSection,
}

impl EntitySection {
    /// The names of the entities that its records refer to, each once.
    pub(super) fn references(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, entity) in referring(self.map.as_ref()) {
            if !names.contains(&entity.value) {
                names.push(entity.value);
            }
        }
        names
    }
}

/// The fields of a map that refer to something, and to what, at the place of the
/// rule.
fn referring(
    map: Option<&NameMap<Located<MapEntry>>>,
) -> impl Iterator<Item = (&str, Located<String>)> {
    let entries = map.into_iter().flat_map(|map| &map.entries);
    entries.filter_map(|entry| {
        let located = Located {
            value: entry.value.value.reference()?.to_owned(),
            line: entry.value.line,
            column: entry.value.column,
        };
        Some((entry.name.value.as_str(), located))
    })
}

/// Refuses a map that refers to something in a job without entities.
pub(super) fn check_alone(
    map: Option<&NameMap<Located<MapEntry>>>,
    file: &str,
) -> Result<(), ConfigError> {
    match referring(map).next() {
        None => Ok(()),
        Some((field, entity)) => {
            let message = format!(
                "`{field}` refers to `{}`, and the job has no `entities`",
                entity.value
            );
            Err(entity.error(file, message).with_hint(
                "Write both loads under `entities`, each with a `name`, a `source` and a `map`.",
            ))
        }
    }
}

/// Whether the entities make sense, each by itself and beside the others.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn check_entities(
    job: &JobFile,
    entities: &Located<Vec<EntitySection>>,
    file: &str,
) -> Result<(), ConfigError> {
    let first_of_map = |map: &NameMap<Located<MapEntry>>| {
        let name = map.entries.first().map(|entry| &entry.name);
        name.map_or((0, 0), |name| (name.line, name.column))
    };
    let own = [
        (
            "source",
            job.source
                .as_ref()
                .map(|source| (source.line, source.column)),
        ),
        ("map", job.map.as_ref().map(first_of_map)),
        (
            "targets",
            job.targets
                .as_ref()
                .map(|targets| (targets.line, targets.column)),
        ),
    ];
    for (key, place) in own {
        let Some((line, column)) = place else {
            continue;
        };
        let here = Located {
            value: (),
            line,
            column,
        };
        let message = format!("a job with `entities` has no `{key}` of its own");
        return Err(here
            .error(file, message)
            .with_hint("Say it of each entity that it is about."));
    }
    let all = &entities.value;
    if all.is_empty() {
        return Err(entities
            .error(file, "`entities` names no entity")
            .with_hint("Write one entry for each, with a `name`, a `source` and a `map`."));
    }
    if all.len() > MAX_ENTITIES {
        let count = all.len();
        let message = format!("a job has {MAX_ENTITIES} entities at most, and this one {count}");
        return Err(entities.error(file, message));
    }
    let mut names = PartNames::new("entity");
    for entity in all {
        names.take(&entity.name.value, entity.name.place(file))?;
        check_source(&entity.source, file)?;
        check_map(entity.map.as_ref(), file)?;
        check_references(entity, all, file)?;
        let csv = entity.source.value.csv.as_ref();
        if let Some(csv) = csv.filter(|csv| csv.value.as_os_str() == "-") {
            let message = "standard input can't be the source of an entity, whose turn may come \
                           in another process";
            return Err(csv
                .error(file, message)
                .with_hint("Write it to a file first, and name that."));
        }
    }
    Ok(())
}

fn check_references(
    entity: &EntitySection,
    all: &[EntitySection],
    file: &str,
) -> Result<(), ConfigError> {
    for (field, wanted) in referring(entity.map.as_ref()) {
        let name = &wanted.value;
        if *name == entity.name.value {
            let message = format!("`{field}` refers to `{name}`, the entity that it is a field of");
            return Err(wanted.error(file, message).with_hint(
                "A record's id isn't known before it is made. Make the records with one entity, \
                 and set the field with a second one from the same source.",
            ));
        }
        let names = all.iter().map(|other| other.name.value.as_str());
        if names.clone().all(|known| known != name) {
            let near = did_you_mean(name, names.clone());
            let known = match near.is_empty() {
                true => format!("; known here: {}", names.collect::<Vec<_>>().join(", ")),
                false => near,
            };
            let message = format!("`{field}` refers to `{name}`, which is no entity{known}");
            return Err(wanted.error(file, message));
        }
    }
    Ok(())
}
