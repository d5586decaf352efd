//! Entities that refer to each other: the order in which they are loaded, and
//! where the ids come from that they refer to.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Part, PartLayer, PartLayers, PartOrder};
use crate::connector::Operation;
use crate::error::FatalError;
use crate::mapping::TargetIds;
use crate::plan::{ReferenceCycle, dependency_order};
use crate::store::{Manifest, ParentIds, RunDirectory, SourceRecord};

use super::bind::bind;
use super::load::Prepared;

/// Runs whose books are asked for ids beside a run's own. Each costs a look-up
/// for a key that the newer ones don't have, and two open files a thread.
const EARLIER_RUNS: usize = 30;

/// The parts of a job in the order in which they are loaded: entities after
/// those that they refer to, all others as they stand in the file.
///
/// # Errors
/// Entities that refer to each other in a circle, with each rule's place.
pub(super) fn in_order(mut layers: PartLayers) -> Result<PartLayers, FatalError> {
    if layers.order == PartOrder::AtOnce {
        return Ok(layers);
    }
    let place_of = |name: &String| layers.parts.iter().position(|part| part.name == *name);
    let references: Vec<Vec<usize>> = layers
        .parts
        .iter()
        .map(|part| part.after.iter().filter_map(place_of).collect())
        .collect();
    let order =
        dependency_order(&references).map_err(|cycle| in_a_circle(&cycle, &layers.parts))?;
    let mut parts: Vec<Option<PartLayer>> = layers.parts.into_iter().map(Some).collect();
    layers.parts = order
        .into_iter()
        .filter_map(|place| parts[place].take())
        .collect();
    Ok(layers)
}

fn in_a_circle(cycle: &ReferenceCycle, parts: &[PartLayer]) -> FatalError {
    let next = cycle.entities.iter().cycle().skip(1);
    let steps: Vec<String> = cycle
        .entities
        .iter()
        .zip(next)
        .map(|(from, to)| step_of(&parts[*from], &parts[*to].name))
        .collect();
    FatalError::usage(format!(
        "the entities refer to each other in a circle: {}",
        steps.join(", ")
    ))
    .with_hint(
        "One of the fields has to be set later: take it out of that map, and set it with an \
         entity of its own, from the same source.",
    )
}

/// The first rule of an entity that refers to another, with its place.
fn step_of(from: &PartLayer, to: &str) -> String {
    let rules = from.overrides.mapping.iter().flatten();
    let mut referring = rules.filter(|rule| rule.reference.as_deref() == Some(to));
    let file = from.overrides.places.get("map");
    let place = match (referring.next(), file) {
        (Some(rule), Some(place)) => format!(" ({}:{})", place.file, rule.line),
        _ => String::new(),
    };
    format!("`{}` to `{to}`{place}", from.name)
}

/// Whether the replies of those parts tell ids that others refer to.
///
/// # Errors
/// One whose don't, and who refers to it.
pub(super) fn check_parents(parts: &[Part]) -> Result<(), FatalError> {
    for part in parts {
        for name in &part.after {
            let Some(parent) = parts.iter().find(|other| other.name == *name) else {
                continue;
            };
            let (_, bound) = bind(&parent.settings)?;
            let operation: &Operation = &bound.operation;
            if !operation.tells_ids() {
                return Err(FatalError::usage(format!(
                    "`{}` refers to `{name}`, and the replies of {}, which it is loaded with, tell \
                     no ids",
                    part.name, operation.name
                ))
                .with_hint(format!(
                    "Where they have them, name the place as `id` in the connector file of {}. \
                     Where the key is the platform's own id, take the column without `reference`.",
                    bound.connector
                )));
            }
        }
    }
    Ok(())
}

/// Has a load find the ids that its records refer to in the books of the other
/// entities of its run. Those have to be finished.
///
/// # Errors
/// Books that can't be read.
pub(super) fn find_ids(prepared: &mut Prepared, part: &RunDirectory) -> Result<(), FatalError> {
    let entities = prepared.program.references();
    let Some(run) = part.whole_run().filter(|_| !entities.is_empty()) else {
        return Ok(());
    };
    let mut journals = Vec::new();
    for entity in entities {
        journals.push((entity.to_owned(), journals_of(entity, &run)?));
    }
    let ids: Arc<dyn TargetIds> = Arc::new(ParentIds::open(journals)?);
    prepared.refer_to(&ids);
    Ok(())
}

/// The books that have the ids of an entity's records: the run's own, and where
/// it has only asked for what changed, those of the runs that it goes on from,
/// back to the last load of everything.
fn journals_of(entity: &str, run: &RunDirectory) -> Result<Vec<PathBuf>, FatalError> {
    let own = run.part(entity);
    let mut journals = vec![own.journal_path()];
    let manifest = own.manifest()?;
    if !asks_for_changes(&manifest) {
        return Ok(journals);
    }
    let runs = run.absolute();
    let runs = runs.parent().unwrap_or(&runs);
    for earlier in RunDirectory::all(runs)?.into_iter().rev() {
        // What isn't a run of these entities can't be read as one.
        let Ok(other) = earlier.part(entity).manifest() else {
            continue;
        };
        let is_same = other.job == manifest.job
            && other.connector == manifest.connector
            && other.variables == manifest.variables
            && other.started_at < manifest.started_at;
        if !is_same {
            continue;
        }
        journals.push(earlier.part(entity).journal_path());
        if !asks_for_changes(&other) || journals.len() > EARLIER_RUNS {
            break;
        }
    }
    Ok(journals)
}

fn asks_for_changes(manifest: &Manifest) -> bool {
    matches!(&manifest.source, SourceRecord::Stream(record) if record.since.is_some())
}
