//! Requests that ask the tenant and change nothing: look-ups, and questions
//! about jobs. What their answers are to the limit, the watch for outages and
//! the audit.

use std::sync::Arc;

use tokio::time::Instant;

use crate::connector::ReplyClass;
use crate::limit::Reaction;
use crate::record::CallRecord;
use crate::transport::{Reply, SendError, Transport};

use super::call::Call;
use super::endpoint::LimitWords;
use super::held_permit::HeldPermit;
use super::observe::{cause_of, never_left, observe};
use super::run::{Lane, LaneControl};
use super::shared_limit::LimitAnswer;

/// A question that has come back, with its answer or without.
pub(super) struct Question<'answer> {
    /// Whose rows it is about.
    pub(super) call: &'answer Call,
    /// What it asks for, as the audit has it.
    pub(super) about: &'static str,
    /// How often that was asked, this time included.
    pub(super) attempt: u32,
    pub(super) request_number: u64,
    pub(super) sent_at: Instant,
    pub(super) result: &'answer Result<Reply, SendError>,
    /// What the answer says, as the limiter and the audit have it.
    pub(super) class: ReplyClass,
}

/// What was made of it.
pub(super) struct Heard {
    pub(super) reaction: Reaction,
    pub(super) words: LimitWords,
    pub(super) request_id: String,
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Takes down that a question has come back.
    pub(super) fn hear(
        &mut self,
        question: &Question<'_>,
        permit: HeldPermit,
        now: Instant,
    ) -> Heard {
        let &Question {
            call,
            result,
            class,
            attempt,
            ..
        } = question;
        let first_row = call.lead.item.row.0;
        if result.is_ok() {
            self.outage.note_reply();
        }
        match class {
            ReplyClass::Retry => self
                .outage
                .note_failure(first_row, now, || cause_of(result)),
            ReplyClass::Throttled | ReplyClass::RefreshToken => {}
            _ => self.outage.note_answered_question(now),
        }
        let words = match result {
            Ok(reply) => self.setup.endpoint.limit_words(reply),
            Err(_) => LimitWords::default(),
        };
        let (reaction, decisions) = permit.give_back(
            now,
            &LimitAnswer {
                observation: observe(class, result, words, attempt),
                bucket: match (result, class) {
                    (Ok(reply), ReplyClass::Throttled) => self.setup.endpoint.bucket(reply),
                    _ => None,
                },
                has_left: !result.as_ref().is_err_and(never_left),
            },
        );
        self.report_decisions(decisions, now);
        let told_id = (result.as_ref().ok()).and_then(|reply| self.told_request_id(reply));
        let request_id = told_id.unwrap_or_else(|| self.request_id(question.request_number));
        let name = format!("{}/{}", self.setup.endpoint.operation.name, question.about);
        self.batch.calls.push(CallRecord {
            sent_at_ms: self.clock.at_ms(question.sent_at),
            request_id: request_id.clone(),
            endpoint: Arc::from(name),
            status: result.as_ref().ok().map(|reply| reply.status),
            duration: now.duration_since(question.sent_at),
            first_row,
            rows: u32::try_from(call.row_count()).unwrap_or(u32::MAX),
            attempt,
            class: class.name(),
        });
        Heard {
            reaction,
            words,
            request_id,
        }
    }
}
