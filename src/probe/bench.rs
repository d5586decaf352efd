//! Runs single trials against a target, keeps the books and the bounds, and
//! never sends before a told wait is over.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::limit::Hint;

use super::bounds::{Bounds, Stop};
use super::distress::DistressWatch;
use super::doubt::Doubt;
use super::record::{Answer, Asked, Record, WaitForm};
use super::target::{Other, Target};
use super::trial::{Bout, BoutInTurn, Shape, Trial};
use super::under_way::{UnderWay, arrived, asked_to_stop, send};

/// Where a probe stands, for the progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Requests sent.
    pub requests: u64,
    /// Of them refused.
    pub throttled: u64,
    /// Time since the start.
    pub elapsed: Duration,
    /// The wait that is being sat out.
    pub waits_for: Option<Duration>,
}

/// Told of each step.
pub type OnProgress = Box<dyn Fn(&str, Standing)>;

/// The books of a probe, and its way to the tenant.
pub(crate) struct Bench<T> {
    target: Rc<T>,
    bounds: Bounds,
    started: Instant,
    interrupted: watch::Receiver<bool>,
    on_progress: OnProgress,
    step: &'static str,
    /// In the order of sending.
    pub(crate) records: Vec<Record>,
    /// Nothing is sent before.
    gate: Instant,
    pub(crate) forms: BTreeMap<WaitForm, u64>,
    pub(crate) hint: Option<Hint>,
    /// What a 503 or a closed connection is taken for.
    doubt: Doubt,
    /// In which words requests were refused, and how often in each.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// The same of what is in doubt.
    pub(super) doubtful: BTreeMap<String, u64>,
    distress: DistressWatch,
    /// What is asked in turn with the usual request, and whether it is first.
    in_turn: Option<(Other, bool)>,
}

impl<T: Target> Bench<T> {
    pub(crate) fn new(
        target: T,
        bounds: Bounds,
        interrupted: watch::Receiver<bool>,
        on_progress: OnProgress,
    ) -> Self {
        let now = Instant::now();
        Self {
            target: Rc::new(target),
            bounds,
            started: now,
            interrupted,
            on_progress,
            step: "",
            records: Vec::new(),
            gate: now,
            forms: BTreeMap::new(),
            hint: None,
            doubt: Doubt::default(),
            refusals: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            distress: DistressWatch::default(),
            in_turn: None,
        }
    }

    /// Names what is tried from now on.
    pub(crate) fn begin(&mut self, step: &'static str) {
        self.step = step;
        self.tell(None);
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Requests that may still be sent.
    pub(crate) fn requests_left(&self) -> u64 {
        self.bounds
            .max_requests
            .saturating_sub(self.records.len() as u64)
    }

    pub(crate) fn time_left_s(&self) -> f64 {
        self.bounds
            .max_duration
            .saturating_sub(self.started.elapsed())
            .as_secs_f64()
    }

    /// Seconds since the start.
    pub(crate) fn now_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// When the told waits are over, in seconds since the start.
    pub(crate) fn gate_s(&self) -> f64 {
        self.gate
            .saturating_duration_since(self.started)
            .as_secs_f64()
    }

    /// Waits for the told waits' end, and for a time of the probe's own.
    ///
    /// # Errors
    /// [`Stop`] where that is beyond the bounds, or the user asks.
    pub(crate) async fn wait_until_s(&mut self, at_s: f64) -> Result<(), Stop> {
        let own = self.started + Duration::try_from_secs_f64(at_s).unwrap_or_default();
        let until = own.max(self.gate);
        if until > self.started + self.bounds.max_duration {
            let wait = until.saturating_duration_since(Instant::now());
            return Err(Stop::LongWait(wait));
        }
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            self.tell(Some(left));
            // A second at a time, so that the progress line counts down.
            let wake = until.min(Instant::now() + Duration::from_secs(1));
            tokio::select! {
                () = sleep_until(wake) => {}
                () = asked_to_stop(&mut self.interrupted) => return Err(Stop::Interrupted),
            }
        }
        Ok(())
    }

    /// Runs a trial to its end, once the told waits are over.
    ///
    /// # Errors
    /// [`Stop`]; what was answered until then stands in the records.
    pub(crate) async fn run(&mut self, trial: &Trial) -> Result<Bout, Stop> {
        self.wait_until_s(0.0).await?;
        let first = self.records.len();
        let stopped = self.drive(trial).await;
        self.tell(None);
        let was_refused = self.count(first, Record::is_refused) > 0;
        let bout = Bout {
            first,
            admitted: self.count(first, Record::is_admitted),
            was_refused,
            was_doubted: self.doubt.is_open() && self.count(first, Record::is_doubtful) > 0,
            was_cut: !was_refused && self.is_closed(),
        };
        match stopped {
            Some(stop) => Err(stop),
            None => Ok(bout),
        }
    }

    /// Runs a trial whose requests are the usual ones and others in turn.
    ///
    /// # Errors
    /// [`Stop`]; what was answered until then stands in the records.
    pub(crate) async fn run_in_turn(
        &mut self,
        trial: &Trial,
        other: Other,
        is_first: bool,
    ) -> Result<BoutInTurn, Stop> {
        self.in_turn = Some((other, is_first));
        let bout = self.run(trial).await;
        self.in_turn = None;
        let first = bout?.first;
        let refused = |of_other: bool| {
            let sent = self.records[first..].iter().enumerate();
            let refused = sent.filter(|(number, record)| {
                record.is_refused() && ((number % 2 == 0) == is_first) == of_other
            });
            u32::try_from(refused.count()).unwrap_or(u32::MAX)
        };
        Ok(BoutInTurn {
            usual_refused: refused(false),
            others_refused: refused(true),
            paced_per_s: self.pace_since(first),
        })
    }

    /// Requests a second that were sent from that record on.
    fn pace_since(&self, first: usize) -> f64 {
        let sent = &self.records[first..];
        match sent {
            [from, .., to] => (sent.len() - 1) as f64 / (to.sent_s - from.sent_s).max(1e-6),
            _ => 0.0,
        }
    }

    fn count(&self, first: usize, wanted: impl Fn(&Record) -> bool) -> u32 {
        let found = self.records[first..].iter().filter(|record| wanted(record));
        u32::try_from(found.count()).unwrap_or(u32::MAX)
    }

    async fn drive(&mut self, trial: &Trial) -> Option<Stop> {
        let began = Instant::now();
        let ends = began + Duration::from_secs_f64(trial.longest_s.clamp(0.0, 1e6));
        let at_once = match trial.shape {
            Shape::AtOnce(at_once) => at_once,
            Shape::Evenly(_) | Shape::Salvos(_) => self.bounds.max_in_flight,
        };
        let mut under_way = UnderWay::new();
        let mut interrupted = self.interrupted.clone();
        let (mut sent, mut may_send, mut stop) = (0_u64, true, None);
        loop {
            let mut due = None;
            // Whatever has arrived is read before anything else is sent.
            while let Some((number, asked)) = arrived(&mut under_way) {
                may_send &= self.take(number, asked, &mut stop);
            }
            while may_send && sent < trial.most && under_way.len() < at_once as usize {
                let now = Instant::now();
                let next = began + Duration::from_secs_f64(trial.shape.due_s(sent));
                if now >= ends || next >= ends {
                    may_send = false;
                } else if next > now {
                    due = Some(next);
                    break;
                } else if let Some(reason) = self.over_budget() {
                    (stop, may_send) = (Some(reason), false);
                } else {
                    let (target, number) = (Rc::clone(&self.target), self.push_record());
                    let other = self.in_turn.and_then(|(other, is_first)| {
                        ((sent % 2 == 0) == is_first).then_some(other)
                    });
                    send(
                        &mut under_way,
                        async move { (number, target.ask(other).await) },
                    );
                    sent += 1;
                    while let Some((number, asked)) = arrived(&mut under_way) {
                        may_send &= self.take(number, asked, &mut stop);
                    }
                }
            }
            may_send = may_send && sent < trial.most;
            if under_way.is_empty() && !may_send {
                break;
            }
            tokio::select! {
                // Replies first: one of them may say that enough was sent.
                biased;
                Some((number, asked)) = under_way.next() => {
                    may_send &= self.take(number, asked, &mut stop);
                }
                () = sleep_until(due.unwrap_or(ends)), if may_send => {
                    may_send = Instant::now() < ends;
                }
                () = asked_to_stop(&mut interrupted) => {
                    stop = Some(Stop::Interrupted);
                    break;
                }
            }
        }
        self.drop_unanswered();
        stop
    }

    /// Books a reply; whether more may be sent.
    fn take(&mut self, number: usize, asked: Asked, stop: &mut Option<Stop>) -> bool {
        let reason = self.note(number, asked);
        let record = &self.records[number];
        let is_over = reason.is_some()
            || record.is_refused()
            || (record.is_doubtful() && self.doubt.is_open())
            || self.is_closed();
        if stop.is_none() {
            *stop = reason;
        }
        !is_over
    }

    fn push_record(&mut self) -> usize {
        let sent_s = self.now_s();
        self.records.push(Record {
            sent_s,
            replied_s: f64::INFINITY,
            answer: Answer::Failed,
        });
        self.records.len() - 1
    }

    /// What was given up has no answer, so it says nothing.
    pub(super) fn drop_unanswered(&mut self) {
        self.records.retain(|record| record.replied_s.is_finite());
    }

    /// A record for a request that is sent now; `None` beyond the bounds.
    pub(super) fn open_record(&mut self) -> Option<usize> {
        self.over_budget().is_none().then(|| self.push_record())
    }

    pub(super) fn target(&self) -> Rc<T> {
        Rc::clone(&self.target)
    }

    pub(super) fn gate(&self) -> Instant {
        self.gate
    }

    pub(super) fn is_closed(&self) -> bool {
        self.gate > Instant::now()
    }

    pub(super) fn interrupted(&self) -> watch::Receiver<bool> {
        self.interrupted.clone()
    }

    fn over_budget(&self) -> Option<Stop> {
        if self.requests_left() == 0 {
            Some(Stop::Requests)
        } else if self.time_left_s() <= 0.0 {
            Some(Stop::Duration)
        } else {
            None
        }
    }

    pub(super) fn note(&mut self, number: usize, asked: Asked) -> Option<Stop> {
        let replied_s = self.now_s();
        let record = &mut self.records[number];
        record.replied_s = replied_s;
        match asked {
            Asked::Impossible(error) => Some(Stop::Impossible(error)),
            Asked::Answered {
                answer,
                wait_s,
                form,
                hint,
                what,
            } => {
                record.answer = self.doubt.take(answer, form);
                let record = *record;
                self.hint = hint.or(self.hint);
                if record.is_refused() {
                    *self.forms.entry(form).or_default() += 1;
                }
                if record.is_refused() {
                    *self.refusals.entry(what.clone()).or_default() += 1;
                } else if record.is_doubtful() && self.doubt.is_open() {
                    *self.doubtful.entry(what.clone()).or_default() += 1;
                }
                self.close_gate(wait_s);
                if record.is_doubtful() && self.doubt.is_open() {
                    return None;
                }
                self.distress.note(&record, &what).map(Stop::Distress)
            }
        }
    }

    /// What was in doubt was a limit, and is one from now on.
    pub(super) fn take_doubt_as_limit(&mut self) {
        for record in &mut self.records {
            if let Answer::Doubtful { wait_s } = record.answer {
                record.answer = Answer::Refused { wait_s };
            }
        }
        for (form, count) in self.doubt.end(Doubt::Limit) {
            *self.forms.entry(form).or_default() += count;
        }
        for (what, count) in std::mem::take(&mut self.doubtful) {
            *self.refusals.entry(what).or_default() += count;
        }
    }

    /// What was in doubt was trouble, and is from now on.
    pub(super) fn take_doubt_as_trouble(&mut self) {
        self.doubt.end(Doubt::Trouble);
    }

    /// Nothing is sent until a wait that begins now is over.
    fn close_gate(&mut self, wait_s: Option<f64>) {
        let wait = wait_s.and_then(|wait_s| Duration::try_from_secs_f64(wait_s).ok());
        if let Some(wait) = wait {
            // A clock's grain beyond it: early by a hair is early.
            let until = Instant::now() + wait + Duration::from_millis(2);
            self.gate = self.gate.max(until);
        }
    }

    fn tell(&self, waits_for: Option<Duration>) {
        let standing = Standing {
            requests: self.records.len() as u64,
            throttled: u64::from(self.count(0, Record::is_refused)),
            elapsed: self.started.elapsed(),
            waits_for,
        };
        (self.on_progress)(self.step, standing);
    }
}
