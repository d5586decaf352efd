//! The parts of a job: loads that belong together and have books of their own.
//! The targets of a dual write are parts, and so are entities.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::layer::LayerReader;
use super::settings::{SOURCE_PREFIX, plain_name};
use super::{ConfigError, EntitySection, InputSource, JobFile, Overrides, Place, Settings};

/// Names that mean something else: a file beside the parts' folders (the others
/// have a dot in their names), and the source in `--set source.KEY=VALUE`.
const TAKEN: [&str; 2] = ["lock", "source"];

/// How the parts of a job follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOrder {
    /// The same rows go to several targets, at the same time.
    AtOnce,
    /// One after the other, as they stand.
    InTurn,
}

/// What a job file says about one part.
#[derive(Clone, Debug)]
pub struct PartLayer {
    /// The part's name: up to 64 letters, digits, `_` and `-`. No other part of
    /// the job has it, in whichever case.
    pub name: String,
    /// What the job file says, with what it says about the job as a whole.
    pub overrides: Overrides,
    /// The names of the parts that have to be finished before.
    pub after: Vec<String>,
}

/// What a job file says about its parts.
#[derive(Clone, Debug)]
pub struct PartLayers {
    /// How they follow each other.
    pub order: PartOrder,
    /// The parts, in the file's order. Never empty.
    pub parts: Vec<PartLayer>,
}

impl PartLayers {
    /// The parts of a job; `None` of one that is loaded as a whole. `path` is
    /// the job file's.
    #[must_use]
    pub fn of_job(job: &JobFile, path: &Path) -> Option<Self> {
        if let Some(entities) = &job.entities {
            let parts = entities.value.iter();
            return Some(Self {
                order: PartOrder::InTurn,
                parts: parts.map(|entity| of_entity(job, entity, path)).collect(),
            });
        }
        let targets = job.targets.as_ref()?;
        let parts = targets.value.iter().enumerate();
        let parts = parts.map(|(index, entry)| {
            let entry = &entry.value;
            let map = entry.map.as_ref().or(job.map.as_ref());
            let limits = entry.limits.or(&job.limits);
            let credentials = entry.credentials.as_ref().or(job.credentials.as_ref());
            let mut layer = LayerReader::new(path);
            let overrides = layer.job_overrides(job, job.source.as_ref(), map);
            PartLayer {
                name: entry.part_name(index + 1),
                overrides: layer.finish(overrides, &entry.target, &limits, credentials),
                after: Vec::new(),
            }
        });
        Some(Self {
            order: PartOrder::AtOnce,
            parts: parts.collect(),
        })
    }

    /// The part of that name.
    #[must_use]
    pub fn take(self, name: &str) -> Option<PartLayer> {
        self.parts.into_iter().find(|part| part.name == name)
    }
}

fn of_entity(job: &JobFile, entity: &EntitySection, path: &Path) -> PartLayer {
    let mut layer = LayerReader::new(path);
    let mut overrides = layer.job_overrides(job, Some(&entity.source), entity.map.as_ref());
    // No entity's input has the name of them all.
    overrides.job.get_or_insert_with(|| {
        let stem = path.file_stem().unwrap_or_default();
        plain_name(&stem.to_string_lossy())
    });
    let target = entity.target.or(job.target.as_ref());
    let limits = entity.limits.or(&job.limits);
    PartLayer {
        name: entity.name.value.clone(),
        overrides: layer.finish(overrides, &target, &limits, job.credentials.as_ref()),
        after: entity.references(),
    }
}

/// One part of a job, settled.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part's name, and its folder's.
    pub name: String,
    /// What is loaded, where to, how.
    pub settings: Settings,
    /// The names of the parts that have to be finished before.
    pub after: Vec<String>,
}

/// The parts of a job, settled.
#[derive(Clone, Debug)]
pub struct Parts {
    /// How they follow each other.
    pub order: PartOrder,
    /// The parts, in the order in which they are loaded. Never empty.
    pub parts: Vec<Part>,
}

impl Parts {
    /// Settles each part as [`Settings::settle`] does a whole job. A variable
    /// of the command line whose name begins with a part's name and a dot is
    /// that part's alone; the others are every part's.
    ///
    /// # Errors
    /// What [`Settings::settle`] refuses, and flags that name one target where
    /// there are several.
    pub fn settle(
        command_line: &Overrides,
        layers: PartLayers,
        profile: Option<&Overrides>,
    ) -> Result<Self, ConfigError> {
        for (flag, value) in [
            ("--to", &command_line.connector),
            ("--operation", &command_line.operation),
        ] {
            if value.is_some() {
                return Err(ConfigError::nowhere(format!(
                    "`{flag}` names one target, and the job has several parts"
                ))
                .with_hint("Say it in the job file, at the part that it is about."));
            }
        }
        let names: Vec<String> = layers.parts.iter().map(|part| part.name.clone()).collect();
        let is_stream =
            |part: &PartLayer| matches!(part.overrides.input, Some(InputSource::Stream(_)));
        let has_streams = layers.parts.iter().any(is_stream);
        let parts = layers.parts.into_iter().map(|layer| {
            let mut flags = flags_of_part(command_line, &layer.name, &names);
            if has_streams && !is_stream(&layer) {
                // They are about the other parts' platforms.
                flags.since = None;
                flags
                    .variables
                    .retain(|name, _| !name.starts_with(SOURCE_PREFIX));
            }
            Ok(Part {
                settings: Settings::settle(flags, Some(layer.overrides), profile.cloned())?,
                name: layer.name,
                after: layer.after,
            })
        });
        Ok(Self {
            order: layers.order,
            parts: parts.collect::<Result<_, ConfigError>>()?,
        })
    }
}

/// The command line as one part has it.
fn flags_of_part(command_line: &Overrides, part: &str, names: &[String]) -> Overrides {
    let mut flags = command_line.clone();
    flags.variables.clear();
    // What is meant for the part alone has the last word.
    let mut own = Vec::new();
    for (variable, value) in &command_line.variables {
        let whose = variable
            .split_once('.')
            .filter(|(whose, _)| names.iter().any(|name| name == whose));
        match whose {
            Some((whose, plain)) if whose == part => own.push((plain.to_owned(), value.clone())),
            Some(_) => {}
            None => {
                flags.variables.insert(variable.clone(), value.clone());
            }
        }
    }
    flags.variables.extend(own);
    flags
}

/// The names of a job's parts, while they are checked.
pub(super) struct PartNames {
    what: &'static str,
    taken: Vec<(String, Place)>,
}

impl PartNames {
    /// No name yet; `what` is what one part is called in messages.
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            taken: Vec::new(),
        }
    }

    /// Takes the next name.
    ///
    /// # Errors
    /// A name that no folder should have, or that another part has.
    pub(super) fn take(&mut self, name: &str, place: Place) -> Result<(), ConfigError> {
        let what = self.what;
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if TAKEN.contains(&name) {
            let message = format!("`{name}` is taken, so no {what} can be called that");
            return Err(ConfigError::at(place, message).with_hint("Give it another `name`."));
        }
        if !fits {
            let article = if what.starts_with(['a', 'e', 'i', 'o']) {
                "an"
            } else {
                "a"
            };
            let message = format!(
                "{name:?} is no name for {article} {what}; use up to 64 letters, digits, `_` and `-`"
            );
            return Err(ConfigError::at(place, message)
                .with_hint("Its books stand in a folder of that name."));
        }
        // Some file systems don't tell the cases of letters apart.
        let same = |taken: &&(String, Place)| taken.0.eq_ignore_ascii_case(name);
        if let Some((_, first)) = self.taken.iter().find(same) {
            let message = format!(
                "`{name}` is the name of another {what} too, in line {}",
                first.line
            );
            return Err(ConfigError::at(place, message).with_hint("Give each a `name` of its own."));
        }
        self.taken.push((name.to_owned(), place));
        Ok(())
    }
}
