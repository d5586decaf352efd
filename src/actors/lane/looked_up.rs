//! The answer to a look-up: whether there is a record, and what follows for its
//! row.

use std::sync::Arc;

use tokio::time::Instant;

use crate::connector::{FoundProblem, FoundRecord, LookUpAnswer, LookUpSplit, ReplyClass};
use crate::limit::Reaction;
use crate::record::{OutcomeKind, Refusal};
use crate::transport::{BodyFlaw, Reply, SendError, Transport};

use super::attempt::{Doubt, Pending, Step};
use super::call::{Answered, Call};
use super::doubt::pause_after;
use super::endpoint::{LimitWords, key_of};
use super::observe::{asked_wait, cause_of, forbidden};
use super::question::{Heard, Question};
use super::run::{Lane, LaneControl};
use super::settle::{FAILURES_ALLOWED, TOKEN_REFUSALS_ALLOWED};
use super::upsert::not_there;
use super::verdict::Verdict;

/// What a look-up's answer has beside what it says of each record.
pub(super) struct Told<'answer> {
    result: &'answer Result<Reply, SendError>,
    generation: u64,
    reaction: Reaction,
    words: LimitWords,
    request_id: String,
    /// When the question was asked.
    asked_at: Instant,
    now: Instant,
}

impl Told<'_> {
    /// When the answer is settled.
    pub(super) fn now(&self) -> Instant {
        self.now
    }
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What a look-up's answer means for its rows.
    pub(super) fn settle_look_up(
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
        self.look_ups_under_way -= 1;
        let split = self.read_look_up(&call, result);
        let class = class_of(&split);
        let question = Question {
            call: &call,
            about: "look_up",
            attempt: call.lead.look_ups_failed + 1,
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
        let told = Told {
            result,
            generation,
            reaction,
            words,
            request_id,
            asked_at: sent_at,
            now,
        };
        match split {
            LookUpSplit::Whole(answer) if call.others.is_empty() => {
                let verdict = self.verdict_of_answer(&mut call.lead, answer, &told);
                self.carry_out(call.lead, verdict, now);
            }
            LookUpSplit::Whole(answer) => self.settle_question(call, &answer, &told),
            LookUpSplit::Keys(answers) => self.settle_keys(call, answers, &told),
            LookUpSplit::TooMany => self.ask_fewer(call, now),
        }
    }

    fn read_look_up(&self, call: &Call, result: &Result<Reply, SendError>) -> LookUpSplit {
        let Ok(reply) = result else {
            return LookUpSplit::Whole(LookUpAnswer::Retry);
        };
        let operation = &self.setup.endpoint.operation;
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        let (status, body, lead) = (reply.status, &reply.body, &call.lead);
        if !call.others.is_empty() {
            if reply.body_flaw == Some(BodyFlaw::TooLarge) {
                return LookUpSplit::TooMany;
            }
            return operation.split_look_up(status, &header, body, &call.keys());
        }
        let (key, sent) = (key_of(lead), &lead.item.body);
        LookUpSplit::Whole(operation.classify_look_up(status, &header, body, key, sent))
    }

    /// What an answer means for one of the rows that it is about.
    pub(super) fn verdict_of_answer(
        &mut self,
        pending: &mut Pending,
        answer: LookUpAnswer,
        told: &Told<'_>,
    ) -> Verdict {
        match answer {
            LookUpAnswer::Found { id } => match told.result {
                Ok(reply) if self.setup.endpoint.looks_up_first() => {
                    let record = self.setup.endpoint.operation.found_record(&reply.body);
                    self.verdict_of_record(pending, record, told)
                }
                _ => {
                    self.note_accepted(told.generation);
                    let effect = self.setup.endpoint.operation.effect;
                    Verdict::Done(effect.outcome(200), id)
                }
            },
            LookUpAnswer::Absent => self.verdict_of_absence(pending, told),
            LookUpAnswer::NotSure { message } => {
                self.note_token_taken(told.generation);
                not_known(pending, message, told)
            }
            LookUpAnswer::Throttled => match told.reaction {
                Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                Reaction::RetryWhenGateOpens | Reaction::Done => {
                    Verdict::Later(asked_wait(told.result, told.words).unwrap_or_default())
                }
            },
            LookUpAnswer::Retry => {
                if !self.outage.is_outage() {
                    pending.look_ups_failed += 1;
                }
                match told.reaction {
                    _ if pending.look_ups_failed >= FAILURES_ALLOWED => {
                        let state = match pending.may_be_known() {
                            true => "the tenant may or may not have applied the row, and ",
                            false => "nothing was sent, since ",
                        };
                        let message = format!(
                            "{state}looking it up failed {} times: {}",
                            pending.look_ups_failed,
                            cause_of(told.result)
                        );
                        not_known(pending, message, told)
                    }
                    Reaction::RetryAfter { delay, .. } => Verdict::Later(delay),
                    Reaction::RetryWhenGateOpens | Reaction::Done => Verdict::Again,
                }
            }
            LookUpAnswer::RefreshToken => {
                if let Some(ended) = self.end_refused(told.result) {
                    return ended;
                }
                pending.token_refusals += 1;
                if pending.token_refusals >= TOKEN_REFUSALS_ALLOWED && self.accepted > 0 {
                    let message = "the tenant let nobody look the row up".to_owned();
                    not_known(pending, message, told)
                } else {
                    self.refuse_token(told.generation);
                    Verdict::AwaitToken
                }
            }
            LookUpAnswer::Fatal => {
                let reply = told.result.as_ref().ok();
                let operation = Arc::clone(&self.setup.endpoint.operation);
                let said = reply.map(|reply| self.classify(&operation, reply).message);
                let why = Refusal {
                    status: reply.map(|reply| reply.status),
                    message: match said.filter(|said| !said.is_empty()) {
                        Some(said) => format!("records can't be looked up: {said}"),
                        None => "records can't be looked up".to_owned(),
                    },
                    ..Refusal::default()
                };
                self.setup.control.fatal(forbidden(&why));
                Verdict::Abandoned
            }
        }
    }

    /// There is a record.
    pub(super) fn verdict_of_record(
        &mut self,
        pending: &mut Pending,
        record: Result<FoundRecord, FoundProblem>,
        told: &Told<'_>,
    ) -> Verdict {
        // That records can be read doesn't say that they can be written.
        self.note_token_taken(told.generation);
        match record {
            Ok(record) => self.found(pending, record),
            Err(problem) => {
                let error = match problem {
                    FoundProblem::Several { .. } => "several_records",
                    FoundProblem::NotThere { .. } => "look_up_failed",
                };
                let why = Refusal {
                    error: error.to_owned(),
                    message: problem.to_string(),
                    status: told.result.as_ref().ok().map(|reply| reply.status),
                    attempts: pending.sent,
                    ..Refusal::default()
                };
                Verdict::Ended(OutcomeKind::Rejected, Box::new(why))
            }
        }
    }

    /// There is no record, unless it is so new that the tenant doesn't know it
    /// yet.
    pub(super) fn verdict_of_absence(&mut self, pending: &mut Pending, told: &Told<'_>) -> Verdict {
        self.note_token_taken(told.generation);
        match self.not_known_yet(pending, told.asked_at) {
            Some(wait) => Verdict::Later((told.asked_at + wait).duration_since(told.now)),
            None if self.setup.endpoint.way_back().is_some() => self.gone(pending),
            None if !self.setup.endpoint.makes_records() => not_there(),
            None => absent(pending),
        }
    }
}

/// A row of whose record nothing can be told.
fn not_known(pending: &Pending, message: String, told: &Told<'_>) -> Verdict {
    let (kind, error) = match pending.may_be_known() {
        true => (OutcomeKind::Unknown, "no_answer"),
        // Nothing was written, so nothing is in doubt.
        false => (OutcomeKind::Rejected, "look_up_failed"),
    };
    let why = Refusal {
        error: error.to_owned(),
        field: String::new(),
        message,
        status: told.result.as_ref().ok().map(|reply| reply.status),
        attempts: pending.sent,
        request_id: told.request_id.clone(),
    };
    Verdict::Ended(kind, Box::new(why))
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

/// The answer as the limiter and the audit have it.
fn class_of(split: &LookUpSplit) -> ReplyClass {
    match split {
        LookUpSplit::Keys(_) => ReplyClass::Done,
        LookUpSplit::TooMany => ReplyClass::Rejected,
        LookUpSplit::Whole(answer) => match answer {
            LookUpAnswer::Found { .. } | LookUpAnswer::Absent | LookUpAnswer::NotSure { .. } => {
                ReplyClass::Done
            }
            LookUpAnswer::Throttled => ReplyClass::Throttled,
            LookUpAnswer::Retry => ReplyClass::Retry,
            LookUpAnswer::RefreshToken => ReplyClass::RefreshToken,
            LookUpAnswer::Fatal => ReplyClass::Fatal,
        },
    }
}
