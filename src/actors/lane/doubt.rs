//! Rows that may have been applied, unknown to us: they are looked up before
//! anything else is done about them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connector::{InDoubt, LookUpAnswer, ReplyClass};
use crate::limit::Reaction;
use crate::record::{CallRecord, OutcomeKind, Refusal};
use crate::transport::{Reply, SendError, Transport};

use super::attempt::{Doubt, Pending, Step};
use super::call::{Answered, Call};
use super::endpoint::{LimitWords, key_of};
use super::observe::{asked_wait, cause_of, forbidden, never_left, observe};
use super::run::{Lane, LaneControl};
use super::settle::{FAILURES_ALLOWED, TOKEN_REFUSALS_ALLOWED};
use super::shared_limit::LimitAnswer;
use super::upsert::not_there;
use super::verdict::Verdict;

/// The pause before what failed is tried again, where no limiter names one; it
/// doubles.
const PAUSE: Duration = Duration::from_millis(500);

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What is done about a row whose request left and was never answered, or
    /// whose result can't be told.
    pub(super) fn in_doubt(&mut self, pending: &mut Pending, why: Refusal) -> Verdict {
        match self.setup.endpoint.operation.in_doubt() {
            // The body left a while ago; but a server that was slow to answer may
            // have been slow to do it, so the wait counts from here.
            InDoubt::LookUp => self.look_up_after(pending, Duration::ZERO),
            InDoubt::Repeat if pending.failures < FAILURES_ALLOWED => {
                pending.doubt = Doubt::MayBeApplied;
                Verdict::Later(pause_after(pending.failures))
            }
            InDoubt::Repeat | InDoubt::Keep => Verdict::Ended(OutcomeKind::Unknown, Box::new(why)),
        }
    }

    /// The row's record is looked up, once the tenant would know it; `waited`
    /// has passed since it may have been made.
    pub(super) fn look_up_after(&self, pending: &mut Pending, waited: Duration) -> Verdict {
        pending.doubt = Doubt::MayBeApplied;
        pending.step = Step::LookUp;
        pending.look_ups_failed = 0;
        let operation = &self.setup.endpoint.operation;
        let look_up = operation.look_up(key_of(pending));
        let wait = look_up.map_or(Duration::ZERO, |look_up| look_up.believed_after);
        Verdict::Later(wait.saturating_sub(waited))
    }

    /// What a look-up's answer means for its row.
    pub(super) fn settle_look_up(
        &mut self,
        answered: Answered,
        result: &Result<Reply, SendError>,
        now: Instant,
    ) {
        let Answered {
            call: Call {
                lead: mut pending, ..
            },
            permit,
            generation,
            request_number,
            sent_at,
            ..
        } = answered;
        self.look_ups_under_way -= 1;
        let answer = match result {
            Ok(reply) => self.read_look_up(&pending, reply),
            Err(_) => LookUpAnswer::Retry,
        };
        let class = class_of(&answer);
        match (result, class) {
            // That records can be read doesn't say that they can be written.
            (Ok(_), class) if class != ReplyClass::Retry => self.outage.note_reply(),
            _ => self
                .outage
                .note_failure(pending.item.row.0, now, || cause_of(result)),
        }
        let words = match result {
            Ok(reply) => self.setup.endpoint.limit_words(reply),
            Err(_) => LimitWords::default(),
        };
        let failures = pending.look_ups_failed + 1;
        let (reaction, decisions) = permit.give_back(
            now,
            &LimitAnswer {
                observation: observe(class, result, words, failures),
                bucket: match (result, class) {
                    (Ok(reply), ReplyClass::Throttled) => self.setup.endpoint.bucket(reply),
                    _ => None,
                },
                has_left: !result.as_ref().is_err_and(never_left),
            },
        );
        self.report_decisions(decisions, now);
        let request_id = self.request_id(request_number);
        let name = format!("{}/look_up", self.setup.endpoint.operation.name);
        self.batch.calls.push(CallRecord {
            sent_at_ms: self.clock.at_ms(sent_at),
            request_id: request_id.clone(),
            endpoint: Arc::from(name),
            status: result.as_ref().ok().map(|reply| reply.status),
            duration: now.duration_since(sent_at),
            first_row: pending.item.row.0,
            rows: 1,
            attempt: failures,
            class: class.name(),
        });
        let (may_be_known, attempts) = (pending.may_be_known(), pending.sent);
        let unknown = |message: String| {
            let (kind, error) = match may_be_known {
                true => (OutcomeKind::Unknown, "no_answer"),
                // Nothing was written, so nothing is in doubt.
                false => (OutcomeKind::Rejected, "look_up_failed"),
            };
            let why = Refusal {
                error: error.to_owned(),
                field: String::new(),
                message,
                status: result.as_ref().ok().map(|reply| reply.status),
                attempts,
                request_id,
            };
            Verdict::Ended(kind, Box::new(why))
        };
        let verdict = match answer {
            LookUpAnswer::Found { id } => {
                match result {
                    // That records can be read doesn't say that they can be
                    // written.
                    Ok(reply) if self.setup.endpoint.looks_up_first() => {
                        self.note_token_taken(generation);
                        self.found(&mut pending, reply)
                    }
                    _ => {
                        self.note_accepted(generation);
                        let effect = self.setup.endpoint.operation.effect;
                        Verdict::Done(effect.outcome(200), id)
                    }
                }
            }
            LookUpAnswer::Absent => {
                self.note_token_taken(generation);
                match self.not_known_yet(&pending, now) {
                    Some(wait) => Verdict::Later(wait),
                    None if self.setup.endpoint.way_back().is_some() => self.gone(&mut pending),
                    None if !self.setup.endpoint.makes_records() => not_there(),
                    None => absent(&mut pending),
                }
            }
            LookUpAnswer::NotSure { message } => {
                self.note_token_taken(generation);
                unknown(message)
            }
            LookUpAnswer::Throttled => match reaction {
                Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                Reaction::RetryWhenGateOpens | Reaction::Done => {
                    Verdict::Later(asked_wait(result, words).unwrap_or_default())
                }
            },
            LookUpAnswer::Retry => {
                if !self.outage.is_outage() {
                    pending.look_ups_failed += 1;
                }
                match reaction {
                    _ if pending.look_ups_failed >= FAILURES_ALLOWED => {
                        let state = match may_be_known {
                            true => "the tenant may or may not have applied the row, and ",
                            false => "nothing was sent, since ",
                        };
                        unknown(format!(
                            "{state}looking it up failed {} times: {}",
                            pending.look_ups_failed,
                            cause_of(result)
                        ))
                    }
                    Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                    Reaction::RetryWhenGateOpens | Reaction::Done => Verdict::Again,
                }
            }
            LookUpAnswer::RefreshToken => {
                pending.token_refusals += 1;
                if pending.token_refusals >= TOKEN_REFUSALS_ALLOWED && self.accepted > 0 {
                    unknown("the tenant let nobody look the row up".to_owned())
                } else {
                    self.refuse_token(generation);
                    Verdict::AwaitToken
                }
            }
            LookUpAnswer::Fatal => {
                let why = Refusal {
                    status: result.as_ref().ok().map(|reply| reply.status),
                    message: "records can't be looked up".to_owned(),
                    ..Refusal::default()
                };
                self.setup.control.fatal(forbidden(&why));
                Verdict::Abandoned
            }
        };
        self.carry_out(pending, verdict, now);
    }

    fn read_look_up(&self, pending: &Pending, reply: &Reply) -> LookUpAnswer {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        self.setup.endpoint.operation.classify_look_up(
            reply.status,
            &header,
            &reply.body,
            key_of(pending),
            &pending.item.body,
        )
    }
}

/// The record isn't there: the row is sent again, unless that was done often
/// enough. Then it is known not to have been applied.
fn absent(pending: &mut Pending) -> Verdict {
    pending.doubt = Doubt::None;
    pending.step = Step::Write;
    pending.found_absent += 1;
    if pending.failures >= FAILURES_ALLOWED {
        let why = Refusal {
            error: "retries_exhausted".to_owned(),
            message: format!(
                "gave up after {} attempts, none of which was applied",
                pending.sent
            ),
            attempts: pending.sent,
            ..Refusal::default()
        };
        return Verdict::Ended(OutcomeKind::Rejected, Box::new(why));
    }
    match pending.failures {
        0 | 1 => Verdict::Again,
        failures => Verdict::Later(pause_after(failures)),
    }
}

pub(super) fn pause_after(failures: u32) -> Duration {
    PAUSE * 2_u32.pow(failures.min(5))
}

/// The answer as the limiter and the audit have it.
fn class_of(answer: &LookUpAnswer) -> ReplyClass {
    match answer {
        LookUpAnswer::Found { .. } | LookUpAnswer::Absent | LookUpAnswer::NotSure { .. } => {
            ReplyClass::Done
        }
        LookUpAnswer::Throttled => ReplyClass::Throttled,
        LookUpAnswer::Retry => ReplyClass::Retry,
        LookUpAnswer::RefreshToken => ReplyClass::RefreshToken,
        LookUpAnswer::Fatal => ReplyClass::Fatal,
    }
}
