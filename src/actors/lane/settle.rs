//! What happens to an answer: it is classed, the limiter is told, and the row
//! ends or waits for its next attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connector::{BucketScope, Classified, ReplyClass};
use crate::error::{FatalError, FatalKind};
use crate::limit::{Observation, Reaction, retry_after_in_body};
use crate::record::{CallRecord, Outcome, OutcomeKind, Refusal};
use crate::transport::{Cause, Reply, SendError, Stage, Transport};

use super::attempt::{Answered, Delayed, Pending};
use super::endpoint::LimitWords;
use super::run::{Lane, LaneControl};
use super::shared_limit::LimitAnswer;

/// A row is given up after so many failures that count against it.
const FAILURES_ALLOWED: u32 = 8;
/// A row is given up after so many refused tokens, since others got through
/// with them.
const TOKEN_REFUSALS_ALLOWED: u32 = 3;
/// A run that has got rows through stops after so many replies in a row that
/// forbid to go on; a single forbidden record shall not end a night's load.
const FATAL_REPLIES_ALLOWED: u32 = 10;

/// A row must have been throttled more often than this to be throttled for
/// itself; larger, and one such row holds the others back for longer.
const THROTTLES_SHARED: u32 = 4;
/// ... and as unlikely as this must it be that a row meets so many refusals by
/// chance, at the share of others that were refused in the same time. Larger,
/// and rows are rejected where other clients take most of a limit.
const CHANCE_OF_BAD_LUCK: f64 = 1e-7;
/// The first pause of such a row; it doubles.
const THROTTLED_ALONE_PAUSE: Duration = Duration::from_millis(500);

/// What an answer means for its row.
enum Verdict {
    Ended(OutcomeKind, Option<Refusal>),
    /// Sent again at once or when the gate opens; nobody's failure.
    Again,
    /// Sent again after the backoff.
    Later(Duration),
    /// Waits for another token.
    AwaitToken,
    /// The run ends; the row goes to the next leg.
    Abandoned,
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    pub(super) fn settle(&mut self, answered: Answered) {
        let now = Instant::now();
        let Answered {
            mut pending,
            permit,
            generation,
            request_number,
            sent_at_ms,
            result,
        } = answered;
        let classified = match &result {
            Ok(reply) => self.classify(reply),
            Err(_) => no_reply(),
        };
        let class = self.settle_class(&classified, &result);
        let duration = now.into_std().duration_since(permit.sent_at());
        let failures_before = pending.failures;
        let failure = self.note_answer(class, &mut pending, &result, now);
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
        let is_throttled_alone = class == ReplyClass::Throttled
            && (bucket == Some(BucketScope::Record) || self.note_throttled(&mut pending));
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
        let request_id = match classified.request_id {
            Some(id) => id,
            None => self.request_id(request_number),
        };
        self.batch.calls.push(CallRecord {
            sent_at_ms,
            request_id: request_id.clone(),
            endpoint: Arc::clone(&self.setup.endpoint.operation.name),
            status: result.as_ref().ok().map(|reply| reply.status),
            duration,
            first_row: pending.item.row.0,
            rows: 1,
            attempt: pending.sent,
            class: class.name(),
        });
        let refusal = |error: String, field: String, message: String| Refusal {
            error,
            field,
            message,
            status: result.as_ref().ok().map(|reply| reply.status),
            attempts: pending.sent,
            request_id: request_id.clone(),
        };
        let verdict = match class {
            ReplyClass::Done | ReplyClass::Unchanged => {
                self.note_accepted(generation);
                Verdict::Ended(self.ended_as(class, &result), None)
            }
            ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict => {
                self.note_token_taken(generation);
                let why = refusal(classified.error, classified.field, classified.message);
                Verdict::Ended(self.ended_as(class, &result), Some(why))
            }
            ReplyClass::Throttled if is_throttled_alone => {
                pending.failures += 1;
                if pending.failures < FAILURES_ALLOWED {
                    let pause = THROTTLED_ALONE_PAUSE * 2_u32.pow(pending.failures.min(5));
                    Verdict::Later(asked_wait(&result, words).unwrap_or_default().max(pause))
                } else {
                    let message = "the tenant says \"too many requests\" to this row alone";
                    let why = refusal(classified.error, String::new(), message.to_owned());
                    Verdict::Ended(OutcomeKind::Rejected, Some(why))
                }
            }
            ReplyClass::Throttled => match reaction {
                Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                Reaction::RetryWhenGateOpens | Reaction::Done => Verdict::Again,
            },
            ReplyClass::Retry | ReplyClass::Unknown => {
                let (delay, counts) = match reaction {
                    Reaction::RetryAfter {
                        delay,
                        counts_as_attempt,
                    } => (delay, counts_as_attempt),
                    Reaction::RetryWhenGateOpens => (Duration::ZERO, false),
                    Reaction::Done => (Duration::ZERO, true),
                };
                // A limit that is worded as trouble is nobody's failure.
                if !counts {
                    pending.failures = failures_before;
                }
                self.after_failure(&pending, class, &result, delay, refusal)
            }
            ReplyClass::RefreshToken => {
                pending.token_refusals += 1;
                if pending.token_refusals >= TOKEN_REFUSALS_ALLOWED && self.accepted > 0 {
                    let why = refusal(classified.error, classified.field, classified.message);
                    Verdict::Ended(OutcomeKind::Rejected, Some(why))
                } else {
                    self.refused_generation = self.refused_generation.max(generation);
                    self.setup.control.token_rejected(generation);
                    Verdict::AwaitToken
                }
            }
            ReplyClass::Fatal => {
                self.fatal_replies += 1;
                let why = refusal(classified.error, classified.field, classified.message);
                if self.accepted > 0 && self.fatal_replies < FATAL_REPLIES_ALLOWED {
                    Verdict::Ended(OutcomeKind::Rejected, Some(why))
                } else {
                    self.setup.control.fatal(forbidden(&why));
                    Verdict::Abandoned
                }
            }
        };
        self.carry_out(pending, verdict, now);
    }

    fn classify(&self, reply: &Reply) -> Classified {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        self.setup
            .endpoint
            .operation
            .classify(reply.status, &header, &reply.body)
    }

    /// The class of the whole exchange: of a broken one, whether the tenant
    /// may have done it.
    fn settle_class(
        &self,
        classified: &Classified,
        result: &Result<Reply, SendError>,
    ) -> ReplyClass {
        let may_be_done = match result {
            // A failing or impatient server may have done it all the same.
            Ok(reply) => {
                classified.class == ReplyClass::Unknown
                    || (classified.class == ReplyClass::Retry
                        && matches!(reply.status, 408 | 500 | 502 | 504))
            }
            Err(error) => !never_left(error),
        };
        match (may_be_done, self.setup.endpoint.operation.repeatable) {
            (true, false) => ReplyClass::Unknown,
            (true, true) => ReplyClass::Retry,
            (false, _) => classified.class,
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
                    .note_failure(pending.item.row.0, now, || cause_of(result));
                let is_about_connection = result.as_ref().is_err_and(never_left);
                if !is_about_connection && !self.outage.is_outage() {
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

    /// Ends the run where nothing has got through for too long.
    pub(super) fn give_up_on_outage(&mut self, now: Instant) {
        let Some((lasted, cause)) = self.outage.lasted_too_long(now) else {
            return;
        };
        let message = format!(
            "nothing got through to the tenant for {} s: {cause}",
            lasted.as_secs()
        );
        self.setup.control.fatal(
            FatalError::new(FatalKind::Tenant, message)
                .with_hint("Check the base URL and the network, then resume the run."),
        );
        self.begin_drain();
    }

    /// Whether the refusal is about this row and not about the endpoint: others
    /// get through, and this one is refused again and again (some tenants have
    /// a limit for each record). It must not hold the others back. Refusals
    /// between which nobody got through are one: where a wait is named too
    /// short, the row at the head of the queue meets the same closed door time
    /// and again.
    fn note_throttled(&mut self, pending: &mut Pending) -> bool {
        if pending.throttles == 0 {
            pending.accepted_before = self.accepted;
            pending.throttled_before = self.throttled;
        }
        if pending.throttles == 0 || self.accepted > pending.accepted_at_last {
            pending.throttles_amid_others += 1;
        }
        pending.accepted_at_last = self.accepted;
        pending.throttles += 1;
        self.throttled += 1;
        let own = pending.throttles;
        let accepted = (self.accepted - pending.accepted_before) as f64;
        let throttled = self.throttled - pending.throttled_before;
        let throttled = throttled.saturating_sub(u64::from(own)) as f64;
        let share_throttled = (throttled + 1.0) / (throttled + accepted + 2.0);
        own > THROTTLES_SHARED
            && accepted >= f64::from(THROTTLES_SHARED)
            && share_throttled.powi(pending.throttles_amid_others) < CHANCE_OF_BAD_LUCK
    }

    fn note_accepted(&mut self, generation: u64) {
        self.accepted += 1;
        self.note_token_taken(generation);
    }

    fn note_token_taken(&mut self, generation: u64) {
        if generation > self.accepted_generation {
            self.accepted_generation = generation;
            self.setup.control.token_accepted(generation);
        }
    }

    /// How a row ends whose reply has this class, for the classes that end one.
    fn ended_as(&self, class: ReplyClass, result: &Result<Reply, SendError>) -> OutcomeKind {
        let status = result.as_ref().map_or(0, |reply| reply.status);
        let outcome = self.setup.endpoint.operation.outcome(class, status);
        outcome.expect("it is asked only for classes that end a row")
    }

    fn after_failure(
        &mut self,
        pending: &Pending,
        class: ReplyClass,
        result: &Result<Reply, SendError>,
        delay: Duration,
        refusal: impl FnOnce(String, String, String) -> Refusal,
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
            return Verdict::Ended(
                OutcomeKind::Unknown,
                Some(refusal("no_answer".to_owned(), String::new(), message)),
            );
        }
        if pending.failures < FAILURES_ALLOWED {
            return Verdict::Later(delay);
        }
        let message = format!("gave up after {} attempts: {cause}", pending.sent);
        // Where the last attempt may have been applied, nobody can say that
        // the row was refused.
        let (kind, error) = match result {
            Err(error) if !never_left(error) => (OutcomeKind::Unknown, "no_answer"),
            _ => (OutcomeKind::Rejected, "retries_exhausted"),
        };
        Verdict::Ended(
            kind,
            Some(refusal(error.to_owned(), String::new(), message)),
        )
    }

    fn carry_out(&mut self, pending: Pending, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::Ended(kind, refusal) => {
                let item = pending.item;
                if let Some(next) = self.keys.release(item.key_hash) {
                    self.ready.push_front(Pending::new(next));
                }
                self.batch.outcomes.push(Outcome {
                    row: item.row,
                    position: item.position,
                    kind,
                    refusal: refusal.map(Box::new),
                    raw: item.raw,
                    credit: item.credit,
                });
            }
            Verdict::Abandoned => self.begin_drain(),
            // A drain forgets what was not done; the next leg sends it.
            _ if self.draining => {}
            // A row that was refused before lets another one try the door, or
            // nobody would ever know whether it is closed for that row alone.
            Verdict::Again if pending.throttles > 1 && !self.ready.is_empty() => {
                self.ready.insert(1, pending);
            }
            Verdict::Again | Verdict::AwaitToken => self.ready.push_front(pending),
            Verdict::Later(delay) => {
                self.next_order += 1;
                self.delayed.push(Delayed {
                    due: now + delay,
                    order: self.next_order,
                    pending,
                });
            }
        }
    }
}

/// The answer as the limiter sees it.
fn observe(
    class: ReplyClass,
    result: &Result<Reply, SendError>,
    words: LimitWords,
    failures: u32,
) -> Observation {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) if never_left(error) || error.cause == Cause::Reset => {
            return Observation::Unreached { failures };
        }
        Err(_) => return Observation::Transient { failures },
    };
    let LimitWords { retry_after, hint } = words;
    match class {
        ReplyClass::Done | ReplyClass::Unchanged => Observation::Accepted { hint },
        ReplyClass::Throttled => Observation::Throttled {
            retry_after: asked_wait(result, words),
            hint,
        },
        ReplyClass::Retry | ReplyClass::Unknown => match reply.status {
            503 => Observation::Unavailable {
                retry_after,
                failures,
            },
            _ => Observation::Transient { failures },
        },
        ReplyClass::Rejected
        | ReplyClass::Missing
        | ReplyClass::Conflict
        | ReplyClass::RefreshToken
        | ReplyClass::Fatal => Observation::Neutral { hint },
    }
}

/// The wait that a refusal asks for, in a header or in its body.
fn asked_wait(result: &Result<Reply, SendError>, words: LimitWords) -> Option<Duration> {
    let body = |reply: &Reply| retry_after_in_body(&String::from_utf8_lossy(&reply.body));
    words.retry_after.or_else(|| body(result.as_ref().ok()?))
}

fn forbidden(why: &Refusal) -> FatalError {
    let status = why
        .status
        .map_or_else(String::new, |status| format!(" with {status}"));
    let message = if why.message.is_empty() {
        String::new()
    } else {
        format!(": {}", why.message)
    };
    FatalError::new(
        FatalKind::Credentials,
        format!("the tenant forbids the operation{status}{message}"),
    )
    .with_hint("Check the client's scopes, roles and divisions, then resume the run.")
}

fn cause_of(result: &Result<Reply, SendError>) -> String {
    match result {
        Ok(reply) => format!("the tenant answered {}", reply.status),
        Err(error) => error.to_string(),
    }
}

fn never_left(error: &SendError) -> bool {
    error.stage == Stage::NotSent
}

/// An exchange without a reply: there is nothing to read a reason from.
fn no_reply() -> Classified {
    Classified {
        class: ReplyClass::Retry,
        error: String::new(),
        field: String::new(),
        message: String::new(),
        request_id: None,
    }
}
