//! Refusals that hold for whatever is in a request: a column that a list lacks,
//! say. Halved down to single rows, a request of a thousand would take two
//! thousand, for a reason that the first few have told.

use tokio::time::Instant;

use crate::connector::Classified;
use crate::record::Refusal;
use crate::transport::{Reply, SendError, Transport};

use super::call::Call;
use super::observe::ended_as;
use super::run::{Lane, LaneControl};
use super::verdict::Verdict;

/// So many rows in a row, each by itself, refused in the same words prove that
/// these hold for their neighbours, too. Smaller, and rows of a file are given up
/// that stand behind a few bad ones; larger, and a request that is wrong as a
/// whole takes more requests to be known as such.
const ROWS_REFUSED_ALIKE: u32 = 32;
/// Of those, so many at most have to be of the request that is given up, where
/// others before it were refused; of a small one, a quarter of its rows.
const OF_THE_SAME_REQUEST: u32 = 8;

/// Single rows of halved requests that were refused in the same words, with none
/// taken between them.
#[derive(Debug, Default)]
pub(super) struct RefusedAlike {
    /// Error, field and message.
    words: [String; 3],
    rows: u32,
}

impl RefusedAlike {
    /// A refusal that ends its rows.
    pub(super) fn note(&mut self, call: &Call, why: &Classified) {
        let was_halved = call.lead.most_together != usize::MAX;
        if call.row_count() > 1 || !was_halved {
            return;
        }
        if !self.is_in_words_of(why) {
            self.words = words_of(why).map(str::to_owned);
            self.rows = 0;
        }
        self.rows = self.rows.saturating_add(1);
    }

    /// Something was taken.
    pub(super) fn forget(&mut self) {
        self.rows = 0;
    }

    /// Whether a request that was refused, and could be halved, would only be
    /// refused row by row.
    pub(super) fn is_proven(&mut self, call: &Call, why: &Classified) -> bool {
        let is_new = call.lead.most_together == usize::MAX;
        if is_new {
            let quarter = u32::try_from(call.row_count() / 4).unwrap_or(u32::MAX);
            let own = quarter.clamp(1, OF_THE_SAME_REQUEST);
            self.rows = self.rows.min(ROWS_REFUSED_ALIKE - own);
        }
        self.rows >= ROWS_REFUSED_ALIKE && self.is_in_words_of(why)
    }

    fn is_in_words_of(&self, why: &Classified) -> bool {
        self.words == words_of(why)
    }
}

fn words_of(why: &Classified) -> [&str; 3] {
    [&why.error, &why.field, &why.message]
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Ends the rows of a request that would only be refused one by one.
    pub(super) fn end_alike(
        &mut self,
        call: Call,
        why: &Classified,
        result: &Result<Reply, SendError>,
        now: Instant,
    ) {
        let operation = self.setup.endpoint.operation_of(&call.lead.step);
        let kind = ended_as(operation, why.class, result);
        let message = format!(
            "{} (the tenant refused the request that the row was in; {ROWS_REFUSED_ALIKE} rows before it \
             were refused in these words, each by itself, so this one wasn't sent alone)",
            why.message
        );
        for pending in std::iter::once(call.lead).chain(call.others) {
            let refusal = Refusal {
                error: why.error.clone(),
                field: why.field.clone(),
                message: message.clone(),
                status: result.as_ref().ok().map(|reply| reply.status),
                attempts: pending.sent,
                request_id: why.request_id.clone().unwrap_or_default(),
            };
            self.carry_out(pending, Verdict::Ended(kind, Box::new(refusal)), now);
        }
    }
}
