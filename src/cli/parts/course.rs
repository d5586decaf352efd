//! The course of a leg of a run that has parts: all at once, or one after the
//! other.

use std::panic::resume_unwind;
use std::thread;
use std::time::Instant;

use crate::cli::arguments::ShowingFlags;
use crate::cli::conclusion::Conclusion;
use crate::cli::interruption::Interruption;
use crate::cli::load::Prepared;
use crate::cli::print;
use crate::cli::resume::Opened;
use crate::cli::run::{Circumstances, Leg};
use crate::config::{PartOrder, Settings, TimeSpan};
use crate::error::{ExitStatus, FatalError};
use crate::store::{PartRecord, PartsManifest, RunDirectory, RunLock};

use super::begin::of_part;
use super::gather::gather;
use super::shared::Staged;

/// A run that has parts, ready for its next leg.
pub(in crate::cli) struct PartsRun {
    pub(super) directory: RunDirectory,
    /// Held to the leg's end.
    pub(super) lock: RunLock,
    pub(super) manifest: PartsManifest,
    /// Of each part, in the manifest's order; `None` of one that is finished.
    pub(super) settings: Vec<Option<Settings>>,
    pub(super) circumstances: Circumstances,
    pub(super) staged: Staged,
}

/// What came of one part.
pub(super) enum PartEnd {
    /// Its leg has ended, or it was finished before.
    Ended(Box<Conclusion>),
    /// Its leg couldn't be started, or its books not be closed.
    Failed(FatalError),
    /// It wasn't started, for that reason; its status says what kind.
    NotStarted(String, ExitStatus),
}

impl PartEnd {
    fn is_finished(&self) -> bool {
        matches!(self, Self::Ended(conclusion) if conclusion.is_finished)
    }
}

/// A part on its way to its leg.
enum Ready {
    Leg(Box<(Leg, Prepared)>),
    /// There is nothing to run.
    End(PartEnd),
}

impl PartsRun {
    /// The run's directory.
    pub(in crate::cli) fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Does the leg, from its start to its summary, which is still to be told.
    pub(in crate::cli) fn run(mut self, showing: &ShowingFlags) -> Result<Conclusion, FatalError> {
        if !showing.quiet {
            for notice in &self.staged.notices {
                print::remark(&format!("sluice: {notice}"));
            }
        }
        let settings = std::mem::take(&mut self.settings);
        let ends = match self.manifest.order {
            PartOrder::AtOnce => self.all_at_once(settings, showing),
            PartOrder::InTurn => self.in_turn(settings, showing)?,
        };
        if let Some(shared) = &self.staged.shared {
            shared.stop();
        }
        let conclusion = gather(&self.directory, &self.manifest, ends);
        drop(self.lock);
        conclusion
    }

    fn all_at_once(&self, settings: Vec<Option<Settings>>, showing: &ShowingFlags) -> Vec<PartEnd> {
        let shared = &self.staged.shared;
        // All views of the source are there before one is used, and none of a
        // part that is finished, which would never say that it wants no more.
        let circumstances: Vec<Circumstances> = settings
            .iter()
            .map(|settings| Circumstances {
                shared: match (shared, settings) {
                    (Some(shared), Some(_)) => Some(shared.for_part()),
                    _ => None,
                },
                ..self.circumstances.clone()
            })
            .collect();
        let parts = self.manifest.parts.iter().zip(settings);
        // All of them before the first leg begins, so that a signal finds all
        // of them listening, or none.
        let ready: Vec<Ready> = parts
            .zip(circumstances)
            .map(|((part, settings), circumstances)| self.ready(part, settings, circumstances))
            .collect();
        thread::scope(|scope| {
            let running: Vec<_> = ready
                .into_iter()
                .zip(&self.manifest.parts)
                .map(|(ready, part)| {
                    let showing = showing.for_part(&part.name);
                    scope.spawn(move || ready.run(&showing))
                })
                .collect();
            running
                .into_iter()
                .map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    fn in_turn(
        &self,
        settings: Vec<Option<Settings>>,
        showing: &ShowingFlags,
    ) -> Result<Vec<PartEnd>, FatalError> {
        let started = Instant::now();
        let mut interruption: Option<Interruption> = None;
        let mut ends: Vec<PartEnd> = Vec::new();
        for (part, settings) in self.manifest.parts.iter().zip(settings) {
            let was_interrupted = interruption.as_mut().is_some_and(Interruption::has_come);
            let held_back = match was_interrupted {
                true => Some(("interrupted".to_owned(), ExitStatus::Interrupted)),
                false => self.held_back(part, &ends),
            };
            let mut settings = settings;
            let end = match (held_back, &mut settings) {
                (Some((reason, status)), Some(_)) => PartEnd::NotStarted(reason, status),
                (_, settings) => match time_left(settings.as_mut(), started) {
                    false => PartEnd::NotStarted(
                        "the time that was allowed is over".to_owned(),
                        ExitStatus::WindowOver,
                    ),
                    true => {
                        let circumstances = self.circumstances.clone();
                        let ready = self.ready(part, settings.take(), circumstances);
                        if interruption.is_none() {
                            // From here on a signal that no leg listens for
                            // ends the run between two parts.
                            interruption = Some(Interruption::listen()?);
                        }
                        ready.run(&showing.for_part(&part.name))
                    }
                },
            };
            ends.push(end);
        }
        Ok(ends)
    }

    /// Why a part isn't started, where another has to be finished first.
    fn held_back(&self, part: &PartRecord, ends: &[PartEnd]) -> Option<(String, ExitStatus)> {
        let earlier = self.manifest.parts.iter().zip(ends);
        let mut unfinished = earlier
            .filter(|(earlier, end)| part.after.contains(&earlier.name) && !end.is_finished());
        let (parent, _) = unfinished.next()?;
        Some((
            format!("it comes after {}, which isn't finished", parent.name),
            ExitStatus::Interrupted,
        ))
    }

    fn ready(
        &self,
        part: &PartRecord,
        settings: Option<Settings>,
        circumstances: Circumstances,
    ) -> Ready {
        let directory = self.directory.part(&part.name);
        let opened = match Opened::open(directory) {
            Ok(opened) => opened,
            Err(error) => return Ready::failed(&part.name, error),
        };
        let (Some(settings), None) = (settings, opened.finished_with()) else {
            let status = opened.finished_with().unwrap_or(ExitStatus::Done);
            return match Conclusion::of_finished(&opened.directory, status) {
                Ok(conclusion) => Ready::End(PartEnd::Ended(Box::new(conclusion))),
                Err(error) => Ready::failed(&part.name, error),
            };
        };
        match opened.leg(settings, circumstances) {
            Ok(leg) => Ready::Leg(Box::new(leg)),
            Err(error) => Ready::failed(&part.name, error),
        }
    }
}

impl Ready {
    fn failed(part: &str, error: FatalError) -> Self {
        Self::End(PartEnd::Failed(of_part(part, error)))
    }

    fn run(self, showing: &ShowingFlags) -> PartEnd {
        match self {
            Self::Leg(leg) => {
                let (leg, prepared) = *leg;
                match leg.run(&prepared, showing) {
                    Ok(conclusion) => PartEnd::Ended(Box::new(conclusion)),
                    Err(error) => PartEnd::Failed(error),
                }
            }
            Self::End(end) => end,
        }
    }
}

/// Leaves a part what is left of the time that the user allows the run; whether
/// anything is.
fn time_left(settings: Option<&mut Settings>, started: Instant) -> bool {
    let Some(allowed) = settings.and_then(|settings| settings.max_duration.as_mut()) else {
        return true;
    };
    match allowed.duration().checked_sub(started.elapsed()) {
        Some(left) => match TimeSpan::of(left) {
            Some(left) => {
                *allowed = left;
                true
            }
            None => false,
        },
        None => false,
    }
}
