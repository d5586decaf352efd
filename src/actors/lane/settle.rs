//! What happens to an answer: it is classed, the limiter is told, and the row
//! ends or waits for its next attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connector::{BucketScope, Classified, InDoubt, Operation, ReplyClass, Split};
use crate::error::{FatalError, FatalKind};
use crate::limit::{Observation, Reaction};
use crate::record::{CallRecord, OutcomeKind, Refusal};
use crate::transport::{Reply, SendError, Transport};

use super::attempt::{Doubt, Pending, Step};
use super::call::{Answered, Call, Sending};
use super::endpoint::LimitWords;
use super::items::class_of_items;
use super::observe::{asked_wait, cause_of, ended_as, forbidden, never_left, observe};
use super::run::{Lane, LaneControl};
use super::shared_limit::LimitAnswer;
use super::verdict::Verdict;

/// A row is given up after so many failures that count against it.
pub(super) const FAILURES_ALLOWED: u32 = 8;
/// A row is given up after so many refused tokens, since others got through
/// with them.
pub(super) const TOKEN_REFUSALS_ALLOWED: u32 = 3;
/// A run that has got rows through stops after so many replies in a row that
/// forbid to go on; a single forbidden record shall not end a night's load.
const FATAL_REPLIES_ALLOWED: u32 = 10;

/// The first pause of a row that is throttled for itself; it doubles.
const THROTTLED_ALONE_PAUSE: Duration = Duration::from_millis(500);

/// What an answer said that is about all its rows alike.
struct Said {
    class: ReplyClass,
    classified: Classified,
    request_number: u64,
    generation: u64,
    reaction: Reaction,
    words: LimitWords,
    /// Failures that were counted against each row for it.
    failed: u32,
    is_throttled_alone: bool,
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    pub(super) fn settle(&mut self, mut answered: Answered) {
        let now = Instant::now();
        let result = match std::mem::replace(&mut answered.result, Sending::HeldBack) {
            Sending::Sent(result) => result,
            Sending::HeldBack => return self.take_back(answered.call),
            // The recorder has said why; nothing else can be sent either.
            Sending::NotWrittenDown => return self.begin_drain(),
        };
        if answered.call.is_look_up() {
            return self.settle_look_up(answered, &result, now);
        }
        if answered.call.asks_about_job() {
            return self.settle_job(answered, &result, now);
        }
        let Answered {
            mut call,
            permit,
            generation,
            request_number,
            sent_at,
            ..
        } = answered;
        let split = self.split(&call, &result);
        let class = match &split {
            Split::Whole(classified) => {
                let operation = self.setup.endpoint.operation_of(&call.lead.step);
                self.settle_class(operation, classified.class, &result)
            }
            Split::Items(verdicts) | Split::NamesNone(verdicts) => class_of_items(verdicts),
            Split::Halve(_) | Split::ShrinkCap { .. } => ReplyClass::Rejected,
        };
        let failures_before = call.lead.failures;
        let failure = self.note_answer(class, &mut call.lead, &result, now);
        let words = match &result {
            Ok(reply) => self.setup.endpoint.limit_words(reply),
            Err(_) => LimitWords::default(),
        };
        if let (ReplyClass::Retry, Some(wait)) = (class, words.retry_after) {
            self.outage.note_wait_named(now, wait);
        }
        let bucket = match (&result, class) {
            (Ok(reply), ReplyClass::Throttled) => self.setup.endpoint.bucket(reply),
            _ => None,
        };
        // A batch has no limit of its own that could be told from the others'.
        let is_throttled_alone = class == ReplyClass::Throttled
            && call.others.is_empty()
            && (bucket == Some(BucketScope::Record) || self.note_throttled(&mut call.lead));
        let answer = LimitAnswer {
            observation: match is_throttled_alone {
                true => Observation::Neutral { hint: words.hint },
                false => observe(class, &result, words, failure),
            },
            bucket,
            has_left: !result.as_ref().is_err_and(never_left),
        };
        let (reaction, decisions) = permit.give_back(now, &answer);
        self.report_decisions(decisions, now);
        let told_id = match &split {
            Split::Whole(why) | Split::Halve(why) | Split::ShrinkCap { why, .. } => {
                why.request_id.clone()
            }
            // Nobody asks support about what is done.
            Split::Items(verdicts) | Split::NamesNone(verdicts) => verdicts
                .iter()
                .any(|verdict| !verdict.error.is_empty())
                .then(|| self.told_request_id(result.as_ref().ok()?))
                .flatten(),
        };
        let request_id = told_id.unwrap_or_else(|| self.request_id(request_number));
        self.batch.calls.push(CallRecord {
            sent_at_ms: self.clock.at_ms(sent_at),
            request_id: request_id.clone(),
            endpoint: Arc::clone(&self.setup.endpoint.operation_of(&call.lead.step).name),
            status: result.as_ref().ok().map(|reply| reply.status),
            duration: now.duration_since(sent_at),
            first_row: call.lead.item.row.0,
            rows: u32::try_from(call.row_count()).unwrap_or(u32::MAX),
            attempt: call.lead.sent,
            class: class.name(),
        });
        match class {
            ReplyClass::Done | ReplyClass::Unchanged => {
                self.note_accepted(generation);
                self.refused_alike.forget();
            }
            ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict => {
                self.note_token_taken(generation);
            }
            ReplyClass::Fatal => self.fatal_replies += 1,
            _ => {}
        }
        if let (ReplyClass::Done, Ok(reply)) = (class, &result)
            && self.setup.endpoint.operation.has_job()
        {
            return self.await_job(call, reply, now);
        }
        let classified = match split {
            Split::Whole(classified) => classified,
            Split::Items(verdicts) => {
                return self.settle_items(call, verdicts, &request_id, now);
            }
            Split::NamesNone(verdicts) => {
                return self.settle_nameless(call, verdicts, &request_id, now);
            }
            Split::Halve(why) if self.refused_alike.is_proven(&call, &why) => {
                return self.end_alike(call, &why, &result, now);
            }
            Split::Halve(_) => {
                let most = call.row_count().div_ceil(2);
                return self.part(call, most, now);
            }
            Split::ShrinkCap { most, .. } => {
                self.batch_cap = self.batch_cap.min(most.max(1));
                return self.part(call, most, now);
            }
        };
        if matches!(
            class,
            ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict
        ) {
            self.refused_alike.note(&call, &classified);
        }
        // The lead's failures were counted above; the others' fate is the same.
        let failed = call.lead.failures - failures_before;
        call.others
            .iter_mut()
            .for_each(|other| other.failures += failed);
        let said = Said {
            class,
            classified,
            request_number,
            generation,
            reaction,
            words,
            failed,
            is_throttled_alone,
        };
        let Call { lead, others } = call;
        for mut pending in others.into_iter().rev() {
            let verdict = self.verdict(&mut pending, &said, &result);
            self.carry_out(pending, verdict, now);
        }
        let mut pending = lead;
        let verdict = self.verdict(&mut pending, &said, &result);
        self.carry_out(pending, verdict, now);
    }

    /// What an answer that is about all its rows alike means for one of them.
    fn verdict(
        &mut self,
        pending: &mut Pending,
        said: &Said,
        result: &Result<Reply, SendError>,
    ) -> Verdict {
        let attempts = pending.sent;
        let request_id = match said.class {
            // Nobody asks support about these, and they are the many.
            ReplyClass::Done | ReplyClass::Unchanged => String::new(),
            _ => (said.classified.request_id.clone())
                .unwrap_or_else(|| self.request_id(said.request_number)),
        };
        let refusal = |error: &str, field: &str, message: &str| Refusal {
            error: error.to_owned(),
            field: field.to_owned(),
            message: message.to_owned(),
            status: result.as_ref().ok().map(|reply| reply.status),
            attempts,
            request_id: request_id.clone(),
        };
        let Classified {
            error,
            field,
            message,
            ..
        } = &said.classified;
        let why = || refusal(error, field, message);
        let operation = Arc::clone(self.setup.endpoint.operation_of(&pending.step));
        if self.may_be_done(said.classified.class, result) && !operation.repeatable {
            pending.doubt = Doubt::MayBeApplied;
        }
        match said.class {
            ReplyClass::Done | ReplyClass::Unchanged => {
                let told = result
                    .as_ref()
                    .ok()
                    .and_then(|reply| operation.target_id(&reply.body));
                let id = told.or_else(|| pending.found_id());
                Verdict::Done(ended_as(&operation, said.class, result), id)
            }
            // It was deleted, by us or by somebody else.
            ReplyClass::Missing if pending.deletes() => {
                Verdict::Done(OutcomeKind::Updated, pending.found_id())
            }
            // Somebody else was at the record since it was found.
            ReplyClass::Conflict | ReplyClass::Missing
                if matches!(pending.step, Step::Change(_)) =>
            {
                self.find_again(pending, ended_as(&operation, said.class, result), why())
            }
            // It may be our own record that stands in the way, or one that
            // somebody has just made. Where it isn't found a second time, and no
            // write of ours went unanswered, it is another record.
            ReplyClass::Conflict
                if pending.doubt != Doubt::None
                    || pending.found_absent == 1
                    || (pending.found_absent > 1 && pending.conflicts + 1 < pending.sent) =>
            {
                pending.failures += 1;
                pending.conflicts += 1;
                match pending.failures < FAILURES_ALLOWED {
                    true => self.in_doubt(pending, why()),
                    false => Verdict::Ended(OutcomeKind::Unknown, Box::new(why())),
                }
            }
            ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict => {
                Verdict::Ended(ended_as(&operation, said.class, result), Box::new(why()))
            }
            ReplyClass::Throttled if said.is_throttled_alone => {
                pending.failures += 1;
                if pending.failures < FAILURES_ALLOWED {
                    let pause = THROTTLED_ALONE_PAUSE * 2_u32.pow(pending.failures.min(5));
                    Verdict::Later(
                        asked_wait(result, said.words)
                            .unwrap_or_default()
                            .max(pause),
                    )
                } else {
                    let message = "the tenant says \"too many requests\" to this row alone";
                    let kind = match pending.doubt {
                        Doubt::None => OutcomeKind::Rejected,
                        Doubt::MayBeApplied => OutcomeKind::Unknown,
                    };
                    Verdict::Ended(kind, Box::new(refusal(error, "", message)))
                }
            }
            ReplyClass::Throttled => match said.reaction {
                Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                Reaction::RetryWhenGateOpens | Reaction::Done => Verdict::Again,
            },
            ReplyClass::Retry | ReplyClass::Unknown => {
                let (delay, counts) = match said.reaction {
                    Reaction::RetryAfter {
                        delay,
                        counts_as_attempt,
                    } => (delay, counts_as_attempt),
                    Reaction::RetryWhenGateOpens => (Duration::ZERO, false),
                    Reaction::Done => (Duration::ZERO, true),
                };
                // A limit that is worded as trouble is nobody's failure.
                if !counts {
                    pending.failures -= said.failed;
                }
                if pending.failures >= FAILURES_ALLOWED
                    && said.classified.class == ReplyClass::Unknown
                {
                    // The tenant did something, each time; nobody can say what.
                    return Verdict::Ended(OutcomeKind::Unknown, Box::new(why()));
                }
                self.after_failure(pending, said.class, result, delay, refusal)
            }
            ReplyClass::RefreshToken => {
                if let Some(ended) = self.end_refused(result) {
                    return ended;
                }
                pending.token_refusals += 1;
                if pending.token_refusals >= TOKEN_REFUSALS_ALLOWED && self.accepted > 0 {
                    Verdict::Ended(OutcomeKind::Rejected, Box::new(why()))
                } else {
                    self.refuse_token(said.generation);
                    Verdict::AwaitToken
                }
            }
            ReplyClass::Fatal => {
                if self.accepted > 0 && self.fatal_replies < FATAL_REPLIES_ALLOWED {
                    Verdict::Ended(OutcomeKind::Rejected, Box::new(why()))
                } else {
                    self.setup.control.fatal(forbidden(&why()));
                    Verdict::Abandoned
                }
            }
        }
    }

    pub(super) fn refuse_token(&mut self, generation: u64) {
        self.refused_generation = self.refused_generation.max(generation);
        self.setup.control.token_rejected(generation);
    }

    /// The platform's own id of a call, where the reply tells it.
    pub(super) fn told_request_id(&self, reply: &Reply) -> Option<String> {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        self.setup.endpoint.operation.told_request_id(&header)
    }

    pub(super) fn classify(&self, operation: &Operation, reply: &Reply) -> Classified {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        operation.classify(reply.status, &header, &reply.body)
    }

    /// The class of the whole exchange: of a broken one, whether the tenant
    /// may have done it.
    fn settle_class(
        &self,
        operation: &Operation,
        told: ReplyClass,
        result: &Result<Reply, SendError>,
    ) -> ReplyClass {
        if !self.may_be_done(told, result) {
            return told;
        }
        match operation.in_doubt() {
            InDoubt::Repeat => ReplyClass::Retry,
            InDoubt::LookUp | InDoubt::Keep => ReplyClass::Unknown,
        }
    }

    /// Whether the tenant may have done what it didn't say that it did. A
    /// failing or impatient server may have done it all the same.
    fn may_be_done(&self, told: ReplyClass, result: &Result<Reply, SendError>) -> bool {
        match result {
            Ok(reply) => {
                told == ReplyClass::Unknown
                    || (told == ReplyClass::Retry && matches!(reply.status, 408 | 500 | 502 | 504))
            }
            Err(error) => !never_left(error),
        }
    }

    /// Keeps the outage watch; how many failures the row has now, this one
    /// included. A connection that can't be made says nothing about the row,
    /// and nor does anything that fails for everybody.
    fn note_answer(
        &mut self,
        class: ReplyClass,
        pending: &mut Pending,
        result: &Result<Reply, SendError>,
        now: Instant,
    ) -> u32 {
        if result.is_ok() {
            self.outage.note_reply();
        }
        match class {
            ReplyClass::Retry | ReplyClass::Unknown => {
                self.outage
                    .note_failed_write(pending.item.row.0, now, || cause_of(result));
                let is_about_connection = result.as_ref().is_err_and(never_left);
                let is_about_server = result.as_ref().is_ok_and(|reply| reply.status == 503)
                    && self.is_turned_away_by_turns(pending);
                if !is_about_connection && !is_about_server && !self.outage.is_outage() {
                    pending.failures += 1;
                }
                pending.failures.max(1)
            }
            _ => {
                self.outage.note_answer();
                if class != ReplyClass::Fatal {
                    self.fatal_replies = 0;
                }
                0
            }
        }
    }

    pub(super) fn note_accepted(&mut self, generation: u64) {
        self.accepted += 1;
        self.note_token_taken(generation);
    }

    pub(super) fn note_token_taken(&mut self, generation: u64) {
        if generation > self.accepted_generation {
            self.accepted_generation = generation;
            self.setup.control.token_accepted(generation);
        }
    }

    fn after_failure(
        &mut self,
        pending: &mut Pending,
        class: ReplyClass,
        result: &Result<Reply, SendError>,
        delay: Duration,
        refusal: impl FnOnce(&str, &str, &str) -> Refusal,
    ) -> Verdict {
        let cause = cause_of(result);
        if let Err(error) = result
            && error.is_permanent()
            && self.accepted == 0
        {
            self.setup.control.fatal(
                FatalError::new(
                    FatalKind::Tenant,
                    format!("can't reach the tenant: {error}"),
                )
                .with_hint(error.hint().unwrap_or_default()),
            );
            return Verdict::Abandoned;
        }
        if class == ReplyClass::Unknown {
            let message = format!("{cause}; the tenant may or may not have applied the row");
            return self.in_doubt(pending, refusal("no_answer", "", &message));
        }
        if pending.failures < FAILURES_ALLOWED {
            return Verdict::Later(delay);
        }
        let message = format!("gave up after {} attempts: {cause}", pending.sent);
        // Where the last attempt may have been applied, nobody can say that
        // the row was refused.
        let (kind, error) = match result {
            Err(error) if !never_left(error) => (OutcomeKind::Unknown, "no_answer"),
            _ if pending.doubt != Doubt::None => (OutcomeKind::Unknown, "no_answer"),
            _ => (OutcomeKind::Rejected, "retries_exhausted"),
        };
        Verdict::Ended(kind, Box::new(refusal(error, "", &message)))
    }
}
