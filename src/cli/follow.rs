//! `sluice run --follow`: after the load, what changes at the source is loaded
//! in rounds, until somebody ends it.
//!
//! Each round is a run with a directory and books of its own, and asks from
//! where the round before had come, less the connector's overlap. A round that
//! the platforms' absence ends is gone on with later, from its own books, so
//! that what it had sent is accounted for and nothing is sent on a guess.

mod words;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::{InputSource, PartOrder, Since, TimeSpan};
use crate::connector::BoundStream;
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::source::{ChangeClock, KnownRows, SourceError};
use crate::store::RunDirectory;

use super::arguments::{OutputForm, PacingFlags, ResumeArguments, RunArguments, ShowingFlags};
use super::assemble::{Assembled, Load};
use super::bind::bind_stream;
use super::conclusion::Conclusion;
use super::go_on::go_on_command;
use super::interruption::Interruption;
use super::run::{Circumstances, begin};
use super::source_stream::{check_tells_changes, known_from, read_state};
use super::staging::STAGED;
use super::{print, resume};

use words::Words;

/// Loads, and then again and again what has changed, so long after the last
/// time.
///
/// # Errors
/// A mistake of the user's, and what no waiting mends.
pub(super) fn follow(
    assembled: Assembled,
    every: TimeSpan,
    arguments: &RunArguments,
) -> Result<ExitStatus, FatalError> {
    let stream = followed_stream(&assembled.load)?;
    let settings = assembled.load.common();
    let known = match &settings.input {
        InputSource::Stream(named) => known_from(settings, named, &stream)?,
        _ => KnownRows::default(),
    };
    let allowed = assembled.load.common().max_duration.map(TimeSpan::duration);
    let mut showing = arguments.showing.clone();
    if showing.output == OutputForm::Json {
        // Several documents on one output are told apart by their lines.
        showing.output = OutputForm::Ndjson;
    }
    Series {
        pacing: &arguments.pacing,
        assembled,
        stream,
        words: Words::new(&showing, every.duration()),
        showing,
        every: every.duration(),
        ends_at: allowed.and_then(|allowed| Instant::now().checked_add(allowed)),
        interruption: Interruption::listen()?,
        round: None,
        since: None,
        clock: ChangeClock::default(),
        known: Arc::new(known),
        unfinished: None,
        has_failed: false,
        worst: ExitStatus::Done,
    }
    .run()
}

/// The source's stream, where it can be followed.
fn followed_stream(load: &Load) -> Result<BoundStream, FatalError> {
    if matches!(load, Load::Parts(parts) if parts.order == PartOrder::InTurn) {
        return Err(FatalError::usage(
            "`--follow` follows one source, and each part of the job has its own",
        )
        .with_hint("Write a job for the part that is to be followed."));
    }
    let settings = load.common();
    let InputSource::Stream(stream) = &settings.input else {
        return Err(FatalError::usage(format!(
            "`--follow` asks again and again for what has changed, and {} can't tell",
            settings.input
        ))
        .with_hint("Only a connector's stream as the source knows when its records changed."));
    };
    if settings.limit.is_some() || settings.skip > 0 {
        return Err(FatalError::usage(
            "`--follow` goes on from a load of everything, and `--limit` and `--skip` leave rows out",
        )
        .with_hint("Try the first rows without --follow."));
    }
    let (_, bound) = bind_stream(settings, stream)?;
    check_tells_changes(&bound, "--follow")?;
    Ok(bound)
}

/// What becomes of the series after a round.
enum Then {
    /// The next round comes in its time.
    Next,
    /// It ends.
    End(ExitStatus),
}

/// A load and the rounds after it.
struct Series<'command> {
    assembled: Assembled,
    pacing: &'command PacingFlags,
    showing: ShowingFlags,
    words: Words,
    stream: BoundStream,
    every: Duration,
    ends_at: Option<Instant>,
    interruption: Interruption,
    /// The round that is next; none before the load.
    round: Option<u64>,
    /// From when on it asks; the user's choice before the load.
    since: Option<Timestamp>,
    clock: ChangeClock,
    known: Arc<KnownRows>,
    /// The round that has to be gone on with first.
    unfinished: Option<RunDirectory>,
    /// Whether the last round has to be done again.
    has_failed: bool,
    /// Of the rounds that are finished.
    worst: ExitStatus,
}

impl Series<'_> {
    fn run(mut self) -> Result<ExitStatus, FatalError> {
        loop {
            let then = match self.leg() {
                Ok(Some(conclusion)) => self.settle(conclusion)?,
                Ok(None) => Then::End(ExitStatus::Done),
                Err(error) if self.bears(error.kind) => {
                    print::failure(&error);
                    self.note_failure();
                    Then::Next
                }
                Err(error) => return Err(error),
            };
            if let Then::End(status) = then {
                return Ok(self.worst.worst_of(status));
            }
            let left = self.time_left();
            let wait = left.map_or(self.every, |left| left.min(self.every));
            if self.interruption.comes_within(wait) || left.is_some_and(|left| left <= self.every) {
                return Ok(self.end());
            }
        }
    }

    /// The next leg, to its end; `None` where a signal came before its start.
    fn leg(&mut self) -> Result<Option<Conclusion>, FatalError> {
        // A time that is over has to stay a bound.
        let left = self.time_left();
        let left = left.map(|left| left.max(Duration::from_millis(1)));
        let max_duration = left.and_then(TimeSpan::of);
        let mut showing = self.showing.clone();
        // Of the load the progress is told, of a night of rounds what came of
        // each.
        showing.quiet |= self.round.is_some() && !showing.verbose;
        let circumstances = Circumstances {
            round: self.round,
            known: Arc::clone(&self.known),
            ..Circumstances::default()
        };
        if let Some(directory) = &self.unfinished {
            let arguments = ResumeArguments {
                run: Some(directory.absolute().display().to_string()),
                pacing: PacingFlags {
                    max_duration,
                    ..self.pacing.clone()
                },
                showing,
            };
            return resume::go_on(&arguments, circumstances).map(Some);
        }
        let mut assembled = self.assembled.clone();
        assembled.load.adapt(|settings| {
            settings.max_duration = max_duration;
            if let Some(since) = self.since {
                settings.since = Some(Since::At(since));
            }
        });
        let begun = begin(assembled, circumstances)?;
        if self.interruption.has_come() {
            remove(begun.directory());
            return Ok(None);
        }
        begun.run(&showing).map(Some)
    }

    /// Takes down and tells what came of a leg.
    fn settle(&mut self, conclusion: Conclusion) -> Result<Then, FatalError> {
        let status = conclusion.status;
        if !matches!(
            status,
            ExitStatus::Done | ExitStatus::SomeRejected | ExitStatus::SomeUnknown
        ) {
            let failures = &conclusion.failures;
            let bears_all = failures.iter().all(|failure| self.bears(failure.kind));
            if failures.is_empty() || !bears_all {
                conclusion.tell(&self.showing)?;
                return Ok(Then::End(status));
            }
            self.put_off(conclusion)?;
            return Ok(Then::Next);
        }
        self.worst = self.worst.worst_of(status);
        let directory = &conclusion.directory;
        self.go_on_from(directory)?;
        let is_quiet = self.round.is_some() && conclusion.changed_nothing();
        if !is_quiet || !self.is_for_people() {
            conclusion.tell(&self.showing)?;
        }
        if is_quiet {
            remove(directory);
        }
        self.words.ended(self.round, is_quiet);
        (self.unfinished, self.has_failed) = (None, false);
        self.round = Some(self.round.map_or(1, |round| round + 1));
        Ok(Then::Next)
    }

    /// Leaves a round that failed for later: to be gone on with where it has
    /// sent anything, else to be begun anew.
    fn put_off(&mut self, mut conclusion: Conclusion) -> Result<(), FatalError> {
        // Nobody has to resume it but us.
        conclusion.remarks.clear();
        let has_sent = conclusion.summary.requests.sent > 0;
        match !has_sent && self.is_for_people() {
            true => conclusion.failures.iter().for_each(print::failure),
            false => _ = conclusion.tell(&self.showing)?,
        }
        self.unfinished = if has_sent {
            Some(conclusion.directory)
        } else {
            remove(&conclusion.directory);
            None
        };
        self.note_failure();
        Ok(())
    }

    fn note_failure(&mut self) {
        self.has_failed = true;
        self.words.failed();
    }

    /// Lets the next round ask from where this run has come.
    fn go_on_from(&mut self, directory: &RunDirectory) -> Result<(), FatalError> {
        let no_time = || {
            FatalError::new(
                FatalKind::Internal,
                format!(
                    "run {} tells no time that changes can be asked from",
                    directory.run_id()
                ),
            )
        };
        let read_until = read_state(directory)
            .and_then(|state| self.clock.read_until(&state))
            .ok_or_else(no_time)?;
        let stream = &self.stream.stream;
        let since = read_until
            .checked_sub(stream.overlap())
            .map_err(|_| no_time())?;
        let known = self
            .known
            .after(
                &directory.path().join(STAGED),
                stream.changed_at(),
                since,
                read_until,
                &BTreeSet::new(),
            )
            .map_err(SourceError::into_fatal)?;
        self.known = Arc::new(known);
        self.since = Some(since);
        Ok(())
    }

    /// Whether a failure is waited out. The load itself has to succeed first:
    /// a wrong address should be told and not waited for.
    fn bears(&self, kind: FatalKind) -> bool {
        self.round.is_some() && kind == FatalKind::Tenant
    }

    fn is_for_people(&self) -> bool {
        self.showing.output == OutputForm::Text
    }

    fn time_left(&self) -> Option<Duration> {
        let now = Instant::now();
        self.ends_at
            .map(|ends_at| ends_at.saturating_duration_since(now))
    }

    /// A wait was the last thing: nothing is under way but what failed before.
    fn end(&self) -> ExitStatus {
        if let Some(directory) = &self.unfinished {
            let command = go_on_command(directory);
            print::remark(&format!("sluice: to go on: {command}"));
        }
        match self.has_failed {
            true => self.worst.worst_of(ExitStatus::Fatal),
            false => self.worst,
        }
    }
}

/// Removes a run that changed nothing. One that can't be removed is in nobody's
/// way.
fn remove(directory: &RunDirectory) {
    let _ = fs::remove_dir_all(directory.path());
}
