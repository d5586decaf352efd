//! Jobs: batches that the tenant has taken in and works through. Their rows wait
//! until the job is done and says what became of each.
//!
//! A job is asked about in the same way as anything else is sent: at the gate,
//! under the limit, with the newest token. Its id is durable before it is
//! waited for, so that a leg that comes after a crash asks about it, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::actors::intents::WrittenDown;
use crate::connector::{JobAnswer, JobQuestion, ReplyClass};
use crate::limit::Reaction;
use crate::record::{OutcomeKind, Refusal, RowId};
use crate::store::JobOfRow;
use crate::transport::{Reply, SendError, Transport};

use super::attempt::{Doubt, Pending, Step};
use super::call::{Answered, Call};
use super::doubt::pause_after;
use super::observe::{asked_wait, forbidden};
use super::question::{Heard, Question};
use super::run::{Lane, LaneControl};
use super::settle::TOKEN_REFUSALS_ALLOWED;
use super::verdict::Verdict;

/// How long questions about a job may be refused, one after the other, before it
/// counts as gone. One that was just made may not be known yet to whoever is
/// asked, and some refusals pass. Shorter makes unknown rows where that takes a
/// while, longer only delays those of a job that is gone.
const REFUSED_AT_MOST: Duration = Duration::from_secs(5 * 60);

/// A job that is waited for. It stands with the first of its rows.
#[derive(Debug)]
pub(super) struct AwaitedJob {
    /// The tenant's id of it.
    pub(super) id: Arc<str>,
    /// What it is asked next.
    pub(super) question: JobQuestion,
    /// Since when it is waited for, in this leg.
    since: Instant,
    /// Questions that failed, in a row.
    failures: u32,
    /// Since when questions are refused, without another answer between them.
    refused_since: Option<Instant>,
    /// Resolves once its id is durable; `None` where it is.
    pub(super) written_down: Option<WrittenDown>,
}

impl AwaitedJob {
    /// The job is known to whoever was asked.
    fn note_told(&mut self) {
        self.failures = 0;
        self.refused_since = None;
    }

    /// Whether a question that was refused is asked again.
    fn may_be_known_later(&mut self, now: Instant, at_most: Duration) -> bool {
        let since = *self.refused_since.get_or_insert(now);
        let is_soon = now.duration_since(since) < REFUSED_AT_MOST;
        // Its last word counts for more than that the time is over.
        is_soon && now.duration_since(self.since) < at_most
    }
}

/// The jobs of a lane that aren't being asked at the moment.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    waiting: Vec<(Instant, Call)>,
    /// Rows of jobs of an earlier leg, with their places; not all have come in.
    gathering: BTreeMap<Arc<str>, Vec<(u32, Pending)>>,
    /// How many rows these jobs have, as far as their ends aren't known; counted
    /// when the first row comes in.
    expected: Option<BTreeMap<Arc<str>, usize>>,
}

impl Jobs {
    /// Whether no row waits for a job.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.gathering.is_empty()
    }

    /// When the next job is to be asked, of those that needn't be asked yet:
    /// what keeps the others back is no matter of time.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let times = self.waiting.iter().map(|(due, _)| *due);
        times.filter(|due| *due > now).min()
    }

    /// Whether a job is to be asked now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.waiting.iter().any(|(due, _)| *due <= now)
    }

    /// The rows of a job that is to be asked now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Call> {
        let due = self.waiting.iter().position(|(due, _)| *due <= now)?;
        Some(self.waiting.swap_remove(due).1)
    }

    /// Puts a job's rows back, to be asked about at that time.
    pub(super) fn wait_until(&mut self, due: Instant, call: Call) {
        self.waiting.push((due, call));
    }

    /// Forgets all of them: the journal has their ids, and the next leg asks.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// The tenant has taken the rows in and named a job, which is written down
    /// and then waited for.
    pub(super) fn await_job(&mut self, mut call: Call, reply: &Reply, now: Instant) {
        let operation = Arc::clone(&self.setup.endpoint.operation);
        let Some(id) = operation.job_id(&reply.body) else {
            let message = "the tenant took the batch in, and its reply names no job to ask about; \
                           the tenant may or may not have applied the row";
            return self.end_as_unknown(call, "no_job", message);
        };
        let id: Arc<str> = id.into();
        call.rows_mut()
            .for_each(|pending| pending.doubt = Doubt::MayBeApplied);
        let rows: Vec<RowId> = call.rows().map(|pending| pending.item.row).collect();
        let desk = self.setup.intents.as_ref();
        let written_down = desk.map(|desk| desk.note_job(rows, Arc::clone(&id)));
        self.wait_for(id, call, written_down, now);
    }

    fn wait_for(
        &mut self,
        id: Arc<str>,
        mut call: Call,
        written_down: Option<WrittenDown>,
        now: Instant,
    ) {
        if self.draining {
            return;
        }
        let every = self.setup.endpoint.operation.job_patience().every;
        // One of an earlier leg may be done for long.
        let first = written_down.as_ref().map_or(Duration::ZERO, |_| every);
        call.lead.step = Step::AskJob(Box::new(AwaitedJob {
            id,
            question: JobQuestion::Status,
            since: now,
            failures: 0,
            refused_since: None,
            written_down,
        }));
        self.jobs.wait_until(now + first, call);
    }

    /// A row that an earlier leg has sent with a job. The job is asked about
    /// once, when all of its rows have come in.
    pub(super) fn join_job(&mut self, mut pending: Pending, job: &JobOfRow, now: Instant) {
        pending.doubt = Doubt::MayBeApplied;
        let suspects = &self.setup.suspects;
        let expected = self.jobs.expected.get_or_insert_with(|| {
            let mut counts = BTreeMap::new();
            for job in suspects.values().filter_map(|suspect| suspect.job.as_ref()) {
                *counts.entry(Arc::clone(&job.id)).or_default() += 1;
            }
            counts
        });
        let rows = self.jobs.gathering.entry(Arc::clone(&job.id)).or_default();
        rows.push((job.place, pending));
        if expected.get(&job.id) == Some(&rows.len()) {
            self.ask_gathered(&job.id, now);
        }
    }

    /// Asks about jobs some of whose rows will not come in any more, since the
    /// input has ended.
    pub(super) fn ask_all_gathered(&mut self, now: Instant) {
        let ids: Vec<Arc<str>> = self.jobs.gathering.keys().cloned().collect();
        for id in ids {
            self.ask_gathered(&id, now);
        }
    }

    fn ask_gathered(&mut self, id: &Arc<str>, now: Instant) {
        let Some(mut rows) = self.jobs.gathering.remove(id) else {
            return;
        };
        rows.sort_by_key(|(place, _)| *place);
        let is_whole = (0_u32..).zip(&rows).all(|(at, (place, _))| at == *place);
        let mut rows = rows.into_iter().map(|(_, pending)| pending);
        let Some(lead) = rows.next() else { return };
        let call = Call {
            lead,
            others: rows.collect(),
        };
        // Results by their places in the job would be taken for those of others.
        if !is_whole && self.setup.endpoint.operation.matches_by_place() {
            let message = "a part of the job's rows is gone, and its results go by their places; \
                           the tenant may or may not have applied the row";
            return self.end_as_unknown(call, "no_answer", message);
        }
        self.wait_for(Arc::clone(id), call, None, now);
    }

    /// What an answer about a job means for its rows.
    pub(super) fn settle_job(
        &mut self,
        answered: Answered,
        result: &Result<Reply, SendError>,
        now: Instant,
    ) {
        let Answered {
            mut call,
            permit,
            generation,
            request_number,
            sent_at,
            ..
        } = answered;
        let Step::AskJob(mut job) = std::mem::replace(&mut call.lead.step, Step::Write) else {
            unreachable!("it is called for answers about jobs");
        };
        let answer = match result {
            Ok(reply) => self.read_job(&call, job.question, reply),
            Err(_) => JobAnswer::Retry,
        };
        let class = class_of(&answer);
        let question = Question {
            call: &call,
            about: "job",
            attempt: job.failures + 1,
            request_number,
            sent_at,
            result,
            class,
        };
        let Heard {
            reaction,
            words,
            request_id,
        } = self.hear(&question, permit, now);
        if !matches!(
            class,
            ReplyClass::Retry | ReplyClass::Throttled | ReplyClass::RefreshToken
        ) {
            self.note_token_taken(generation);
        }
        let patience = self.setup.endpoint.operation.job_patience();
        let asked_wait = asked_wait(result, words).unwrap_or_default();
        let pause = match answer {
            JobAnswer::Told(verdicts) => {
                // What was told of a record settles it.
                call.rows_mut()
                    .for_each(|pending| pending.doubt = Doubt::None);
                return self.settle_items(call, verdicts, &request_id, now);
            }
            JobAnswer::Refused { .. } if job.may_be_known_later(now, patience.at_most) => {
                patience.every.max(asked_wait)
            }
            JobAnswer::NotTold { message } | JobAnswer::Refused { message } => {
                let message = format!("job {}: {message}", job.id);
                return self.end_as_unknown(call, "no_result", &message);
            }
            JobAnswer::Done => {
                job.note_told();
                job.question = JobQuestion::Results;
                Duration::ZERO
            }
            JobAnswer::Running => {
                job.note_told();
                patience.every.max(asked_wait)
            }
            JobAnswer::Throttled => match reaction {
                Reaction::RetryAfter { delay, .. } => delay,
                Reaction::RetryWhenGateOpens | Reaction::Done => asked_wait,
            },
            JobAnswer::Retry => {
                job.failures += 1;
                match reaction {
                    Reaction::RetryAfter { delay, .. } => delay,
                    _ => pause_after(job.failures),
                }
                .max(asked_wait)
            }
            JobAnswer::RefreshToken => {
                call.lead.token_refusals += 1;
                if call.lead.token_refusals >= TOKEN_REFUSALS_ALLOWED && self.accepted > 0 {
                    let message = format!("the tenant lets nobody ask about job {}", job.id);
                    return self.end_as_unknown(call, "no_answer", &message);
                }
                self.refuse_token(generation);
                Duration::ZERO
            }
            JobAnswer::Fatal => {
                let why = Refusal {
                    status: result.as_ref().ok().map(|reply| reply.status),
                    message: "jobs can't be asked about".to_owned(),
                    ..Refusal::default()
                };
                self.setup.control.fatal(forbidden(&why));
                self.begin_drain();
                return;
            }
        };
        if self.draining {
            return;
        }
        if now.duration_since(job.since) >= patience.at_most {
            let message = format!(
                "job {} wasn't done after {} s; the tenant may or may not have applied the row",
                job.id,
                patience.at_most.as_secs()
            );
            return self.end_as_unknown(call, "no_answer", &message);
        }
        call.lead.step = Step::AskJob(job);
        self.jobs.wait_until(now + pause, call);
    }

    fn read_job(&self, call: &Call, question: JobQuestion, reply: &Reply) -> JobAnswer {
        let items = call.item_keys();
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        let operation = &self.setup.endpoint.operation;
        operation.read_job(question, reply.status, &header, &reply.body, &items)
    }

    fn end_as_unknown(&mut self, call: Call, error: &str, message: &str) {
        let now = Instant::now();
        for pending in std::iter::once(call.lead).chain(call.others) {
            let why = Refusal {
                error: error.to_owned(),
                message: message.to_owned(),
                attempts: pending.sent,
                ..Refusal::default()
            };
            let verdict = Verdict::Ended(OutcomeKind::Unknown, Box::new(why));
            self.carry_out(pending, verdict, now);
        }
    }
}

/// The answer as the limiter and the audit have it.
fn class_of(answer: &JobAnswer) -> ReplyClass {
    match answer {
        JobAnswer::Running | JobAnswer::Done | JobAnswer::Told(_) | JobAnswer::NotTold { .. } => {
            ReplyClass::Done
        }
        JobAnswer::Refused { .. } => ReplyClass::Rejected,
        JobAnswer::Throttled => ReplyClass::Throttled,
        JobAnswer::Retry => ReplyClass::Retry,
        JobAnswer::RefreshToken => ReplyClass::RefreshToken,
        JobAnswer::Fatal => ReplyClass::Fatal,
    }
}
