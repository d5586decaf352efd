//! What may be sent is sent: the gate is asked, rows are put together into
//! requests, and where it is needed they are written down before they leave.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::actors::intents::WrittenDown;
use crate::auth::Token;
use crate::limit::Decision;
use crate::store::{IntendedRow, Intent};
use crate::transport::Transport;

use super::attempt::{Pending, Step};
use super::call::{Answered, Call, Sending};
use super::gather::Readiness;
use super::held_permit::HeldPermit;
use super::run::{Hold, Lane, LaneControl};
use super::shared_limit::{LimitLevel, Permits, of_level};

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Sends until the gate, the window, the token or the rows say stop; what
    /// it was.
    pub(super) fn send_what_may_be_sent(&mut self, now: Instant) -> Hold {
        if self.draining {
            return Hold::Draining;
        }
        self.wake_delayed(now);
        self.follow_on(now);
        if self.has_no_rows() && !self.jobs.is_due(now) {
            return Hold::NoRows;
        }
        let token = self.setup.tokens.borrow().clone();
        let Some(token) = token.filter(|token| token.generation > self.refused_generation) else {
            return Hold::Token;
        };
        let shared = Arc::clone(&self.setup.controller);
        let mut granted = std::mem::take(&mut self.granted);
        let mut controller = shared.lock();
        let mut above = shared.lock_above();
        let at = now.into_std();
        let hold = loop {
            // Rows for the rest of a batch may be on their way.
            let queue = match self.readiness(now) {
                Readiness::NoRows => break Hold::NoRows,
                Readiness::Gathering(until) => break Hold::Gathering(until),
                Readiness::Call(queue) => Some(queue),
                Readiness::Job => None,
            };
            match controller.poll(at) {
                Decision::Go => {}
                Decision::WaitUntil(until) => break Hold::Until(Instant::from_std(until)),
                Decision::WaitForReply => break Hold::Window,
            }
            match above.as_mut().map(|above| above.controller.poll(at)) {
                None | Some(Decision::Go) => {}
                Some(Decision::WaitUntil(until)) => break Hold::Until(Instant::from_std(until)),
                Some(Decision::WaitForReply) => break Hold::WindowAbove,
            }
            let call = match queue {
                Some(queue) => self.next_call(queue),
                None => self.jobs.take_due(now),
            };
            let Some(call) = call else {
                break Hold::NoRows;
            };
            let permits = Permits {
                own: controller.on_send(at),
                above: above.as_mut().map(|above| above.controller.on_send(at)),
            };
            granted.push((call, permits));
        };
        let mut decisions = of_level(LimitLevel::Endpoint, controller.take_events());
        if let Some(above) = &mut above {
            let events = above.controller.take_events();
            decisions.extend(of_level(LimitLevel::Client, events));
        }
        drop(above);
        drop(controller);
        let written_down = self.write_down(&mut granted);
        // Only now, since a permit that is dropped asks for the lock.
        for (call, permits) in granted.drain(..) {
            let permit = HeldPermit::new(&shared, &self.setup.gauge, permits);
            self.start(call, permit, &token, written_down.clone());
        }
        self.granted = granted;
        self.report_decisions(decisions, now);
        // There may be room left, which this lane has no use for.
        if matches!(hold, Hold::NoRows | Hold::Gathering(_)) {
            shared.ring();
        }
        if hold != Hold::WindowAbove {
            shared.ring_above();
        }
        hold
    }

    fn wake_delayed(&mut self, now: Instant) {
        while self.delayed.peek().is_some_and(|first| first.due <= now) {
            if let Some(delayed) = self.delayed.pop() {
                self.put_first(delayed.pending);
            }
        }
    }

    /// Has the rows of all calls written down as about to be sent, where the
    /// operation may not be repeated or the record was found before, and what
    /// stands in the tenant, where that is kept: one commit for the turn. Of a
    /// change that may be repeated nobody would know else, after a crash, that
    /// the record is as it should be by our own doing.
    fn write_down(&self, granted: &mut [(Call, Permits)]) -> Option<WrittenDown> {
        let desk = self.setup.intents.as_ref()?;
        let endpoint = &self.setup.endpoint;
        let (mut rows, mut images) = (Vec::new(), Vec::new());
        for (call, _) in granted {
            match &mut call.lead.step {
                Step::LookUp | Step::AskJob(_) => continue,
                Step::Change(found) => {
                    images.extend(found.image.take());
                    if !call.lead.is_change_noted {
                        call.lead.is_change_noted = true;
                        rows.push(intended(&call.lead, Intent::Change));
                    }
                    continue;
                }
                Step::Write => {}
            }
            for pending in call.rows_mut() {
                if endpoint.keeps_pre_images() && !pending.has_image {
                    pending.has_image = true;
                    images.extend(endpoint.image_of_making(pending));
                }
                let matters = !endpoint.operation.repeatable || endpoint.looks_up_first();
                if !matters || pending.is_intended {
                    continue;
                }
                pending.is_intended = true;
                // The journal has one intent of a row.
                pending.is_change_noted = false;
                rows.push(intended(pending, Intent::Write));
            }
        }
        (!rows.is_empty() || !images.is_empty()).then(|| desk.intend(rows, images))
    }

    fn start(
        &mut self,
        mut call: Call,
        permit: HeldPermit,
        token: &Arc<Token>,
        written_down: Option<WrittenDown>,
    ) {
        let request_number = self.next_request;
        self.next_request += 1;
        let request_id = self.request_id(request_number);
        let request = self.setup.endpoint.request(&call, token, request_id);
        let mut waits_for = None;
        match &mut call.lead.step {
            Step::LookUp => self.look_ups_under_way += 1,
            // Nobody waits for a job that nobody would know after a crash.
            Step::AskJob(job) => waits_for = job.written_down.take(),
            Step::Change(_) => {
                call.lead.sent += 1;
                waits_for = written_down;
            }
            Step::Write => {
                call.rows_mut().for_each(|pending| pending.sent += 1);
                waits_for = written_down;
            }
        }
        let transport = Rc::clone(&self.setup.transport);
        let generation = token.generation;
        self.in_flight.push(
            async move {
                let may_be_sent = match waits_for {
                    None => Ok(()),
                    // A disk takes its time, in which the gate may have closed.
                    Some(written_down) => match written_down.await {
                        Ok(_) if permit.holds() => Ok(()),
                        Ok(_) => Err(Sending::HeldBack),
                        Err(_) => Err(Sending::NotWrittenDown),
                    },
                };
                let sent_at = Instant::now();
                let result = match may_be_sent {
                    Ok(()) => Sending::Sent(transport.send(request).await),
                    Err(not_sent) => not_sent,
                };
                Answered {
                    call,
                    permit,
                    generation,
                    request_number,
                    sent_at,
                    result,
                }
            }
            .boxed_local(),
        );
    }

    /// Takes the rows of a request that never left back to be sent, in their
    /// order.
    pub(super) fn take_back(&mut self, call: Call) {
        if call.asks_about_job() {
            return self.jobs.wait_until(Instant::now(), call);
        }
        for mut pending in call.others.into_iter().rev().chain([call.lead]) {
            pending.sent -= 1;
            self.put_first(pending);
        }
    }

    pub(super) fn request_id(&self, number: u64) -> String {
        let prefix = &self.setup.request_id_prefix;
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        let mut id = String::with_capacity(prefix.len() + digits.len());
        id.push_str(prefix);
        id.push_str(digits);
        id
    }
}

fn intended(pending: &Pending, intent: Intent) -> IntendedRow {
    IntendedRow {
        row: pending.item.row,
        position: pending.item.position,
        intent,
    }
}
