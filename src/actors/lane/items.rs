//! A batch's reply: each record for itself, or the batch in smaller parts.

use tokio::time::Instant;

use crate::connector::{ItemVerdict, ReplyClass, Split};
use crate::record::{OutcomeKind, Refusal};
use crate::transport::{Reply, SendError, Transport};

use super::attempt::Pending;
use super::call::Call;
use super::doubt::pause_after;
use super::observe::no_reply;
use super::run::{Lane, LaneControl};
use super::settle::FAILURES_ALLOWED;
use super::verdict::Verdict;

/// A run stops at so many replies in a row whose results name none of their
/// records. A single one may be another's reply; each further one writes a whole
/// batch whose fate nobody can tell.
const NAMELESS_REPLIES_ALLOWED: u32 = 2;

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What a reply means for the rows of its request.
    pub(super) fn split(&self, call: &Call, result: &Result<Reply, SendError>) -> Split {
        let Ok(reply) = result else {
            return Split::Whole(no_reply());
        };
        let operation = self.setup.endpoint.operation_of(&call.lead.step);
        if !operation.is_batched() {
            return Split::Whole(self.classify(operation, reply));
        }
        let items = call.item_keys();
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        operation.split(reply.status, &header, &reply.body, &items)
    }

    /// The batch goes again in parts.
    pub(super) fn part(&mut self, call: Call, most: usize, now: Instant) {
        let rows = std::iter::once(call.lead).chain(call.others);
        // The last one first, since each is put before the others.
        for mut pending in rows.collect::<Vec<_>>().into_iter().rev() {
            pending.most_together = most.max(1);
            self.carry_out(pending, Verdict::Again, now);
        }
    }

    /// Each row of a batch as the reply tells of it.
    pub(super) fn settle_items(
        &mut self,
        call: Call,
        verdicts: Vec<ItemVerdict>,
        request_id: &str,
        now: Instant,
    ) {
        self.nameless_replies = 0;
        self.finds_names |= verdicts
            .iter()
            .any(|verdict| verdict.class != ReplyClass::Unknown);
        self.settle_each(call, verdicts, request_id, now);
    }

    /// The same where the reply's results name none of the rows, unless that is
    /// the rule in this run. Where others were named, it is these rows' results
    /// that have no name, as those of failures on some platforms.
    pub(super) fn settle_nameless(
        &mut self,
        call: Call,
        verdicts: Vec<ItemVerdict>,
        request_id: &str,
        now: Instant,
    ) {
        self.nameless_replies += 1;
        if self.nameless_replies >= NAMELESS_REPLIES_ALLOWED && !self.finds_names {
            return self.end_nameless(call, now);
        }
        self.settle_each(call, verdicts, request_id, now);
    }

    fn settle_each(
        &mut self,
        call: Call,
        verdicts: Vec<ItemVerdict>,
        request_id: &str,
        now: Instant,
    ) {
        let rows = std::iter::once(call.lead).chain(call.others);
        let each: Vec<_> = rows.zip(verdicts).collect();
        for (mut pending, told) in each.into_iter().rev() {
            let verdict = self.verdict_of_item(&mut pending, told, request_id);
            self.carry_out(pending, verdict, now);
        }
    }

    fn verdict_of_item(
        &mut self,
        pending: &mut Pending,
        told: ItemVerdict,
        request_id: &str,
    ) -> Verdict {
        let why = Refusal {
            error: told.error,
            field: told.field,
            message: told.message,
            status: told.status,
            attempts: pending.sent,
            request_id: request_id.to_owned(),
        };
        match (told.class, told.outcome) {
            (ReplyClass::Done | ReplyClass::Unchanged, Some(kind)) => Verdict::Done(kind, told.id),
            (ReplyClass::Unknown, _) => {
                pending.failures += 1;
                self.in_doubt(pending, why)
            }
            (_, Some(kind)) => Verdict::Ended(kind, Box::new(why)),
            // It was left alone for another's fault.
            (ReplyClass::Retry, None) if told.untouched => Verdict::Again,
            (ReplyClass::Retry | ReplyClass::Throttled, None) => {
                pending.failures += 1;
                match pending.failures < FAILURES_ALLOWED {
                    true => Verdict::Later(pause_after(pending.failures)),
                    false => Verdict::Ended(
                        OutcomeKind::Rejected,
                        Box::new(Refusal {
                            message: format!(
                                "gave up after {} attempts: {}",
                                pending.sent, why.message
                            ),
                            ..why
                        }),
                    ),
                }
            }
            // The request itself was let in, so this is about the record.
            (_, None) => Verdict::Ended(OutcomeKind::Rejected, Box::new(why)),
        }
    }
}

/// What the reply was as a whole, for the limiter and the audit.
pub(super) fn class_of_items(verdicts: &[ItemVerdict]) -> ReplyClass {
    let is_done =
        |verdict: &ItemVerdict| matches!(verdict.class, ReplyClass::Done | ReplyClass::Unchanged);
    let all_are = |class| verdicts.iter().all(|verdict| verdict.class == class);
    if verdicts.iter().any(is_done) {
        ReplyClass::Done
    } else if all_are(ReplyClass::Throttled) {
        ReplyClass::Throttled
    } else {
        ReplyClass::Rejected
    }
}
