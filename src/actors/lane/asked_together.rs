//! Rows that were looked up with one request: each goes its own way from there.
//! What the reply leaves open is asked again, with fewer rows where a bad key or
//! the number of them may be the reason, and by itself in the end.

use tokio::time::Instant;

use crate::connector::{KeyAnswer, LookUpAnswer};
use crate::transport::Transport;

use super::attempt::Pending;
use super::call::Call;
use super::looked_up::Told;
use super::run::{Lane, LaneControl};
use super::verdict::Verdict;

/// A row that was asked for together with others so often in vain is asked for
/// with fewer of them. Fewer, and a tenant that fails now and then is asked more
/// often than needed; more, and one bad key takes longer to be alone.
const FAILURES_TOGETHER: u32 = 3;
/// ... and after so many by itself, where its failures count anew: its own end
/// it, and not those of another. Below the number that ends a row.
const FAILURES_AMONG_OTHERS: u32 = 6;
/// After so many requests in a row that answered nothing, rows are asked for one
/// by one. Fewer, and one bad key among a thousand, which ten halvings find,
/// would cost all others their company.
const OF_NO_USE_ALLOWED: u32 = 16;

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// An answer that is about all the rows of a question alike.
    pub(super) fn settle_question(&mut self, call: Call, answer: &LookUpAnswer, told: &Told<'_>) {
        if let LookUpAnswer::NotSure { .. } = answer {
            return self.ask_halves(call, told.now());
        }
        let count = call.row_count();
        for mut pending in rows_reversed(call) {
            let verdict = self.verdict_of_answer(&mut pending, answer.clone(), told);
            match pending.look_ups_failed {
                // In an outage failures don't count, and it may be one of questions
                // about several rows alone.
                ..FAILURES_TOGETHER if !self.outage.is_outage() => {}
                FAILURES_AMONG_OTHERS.. => {
                    pending.asked_together = 1;
                    pending.look_ups_failed = 0;
                }
                _ => pending.asked_together = count.div_ceil(2).min(pending.asked_together),
            }
            self.carry_out(pending, verdict, told.now());
        }
    }

    /// Each row as the reply tells of its key.
    pub(super) fn settle_keys(&mut self, call: Call, answers: Vec<KeyAnswer>, told: &Told<'_>) {
        let rows = std::iter::once(call.lead).chain(call.others);
        let (open, told_of): (Vec<_>, Vec<_>) =
            rows.zip(answers).partition(|(_, answer)| answer.is_open());
        let count = open.len();
        match told_of.is_empty() {
            true => self.note_of_no_use(),
            false => self.look_ups_of_no_use = 0,
        }
        // Those that are asked for again stay together, behind what follows for
        // the others.
        for (mut pending, answer) in open.into_iter().rev() {
            pending.asked_together = match answer {
                // It may stand on another page, which those that are left show.
                KeyAnswer::LeftOut if !told_of.is_empty() => count,
                _ => count.div_ceil(2),
            };
            self.carry_out(pending, Verdict::Again, told.now());
        }
        for (mut pending, answer) in told_of.into_iter().rev() {
            let verdict = match answer {
                KeyAnswer::Found(record) => self.verdict_of_record(&mut pending, Ok(*record), told),
                KeyAnswer::Problem(problem) => {
                    self.verdict_of_record(&mut pending, Err(problem), told)
                }
                KeyAnswer::Absent => self.verdict_of_absence(&mut pending, told),
                KeyAnswer::LeftOut | KeyAnswer::Unclear => Verdict::Again,
            };
            self.carry_out(pending, verdict, told.now());
        }
    }

    /// There were too many rows: no question has as many from now on.
    pub(super) fn ask_fewer(&mut self, call: Call, now: Instant) {
        let most = (call.row_count() / 2).max(1);
        self.look_up_cap = self.look_up_cap.min(most);
        self.ask_again(call, most, now);
    }

    /// The reply was of no use, maybe for one of the rows alone.
    fn ask_halves(&mut self, call: Call, now: Instant) {
        self.note_of_no_use();
        let most = call.row_count().div_ceil(2);
        self.ask_again(call, most, now);
    }

    fn note_of_no_use(&mut self) {
        self.look_ups_of_no_use += 1;
        if self.look_ups_of_no_use >= OF_NO_USE_ALLOWED {
            self.look_up_cap = 1;
        }
    }

    fn ask_again(&mut self, call: Call, most: usize, now: Instant) {
        for mut pending in rows_reversed(call) {
            pending.asked_together = most;
            self.carry_out(pending, Verdict::Again, now);
        }
    }
}

/// The last one first, since each is put before the others.
fn rows_reversed(call: Call) -> impl Iterator<Item = Pending> {
    let Call { lead, others } = call;
    others.into_iter().rev().chain(std::iter::once(lead))
}
