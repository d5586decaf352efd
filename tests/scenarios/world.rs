//! A world in virtual time: the processes of one client, and the tenant's model.
//!
//! Events in order of time; a run is a pure function of its seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use loadtest::tenant::{Arrival, Heard, Inside, Model, Scenario};

use super::client::{Ask, Client, Next, Row, Verdict};
use super::product::asked_wait;
use super::tally::Tally;

/// The tenant's clock at the start: a whole minute, so that windows by the clock begin with the run.
pub const CLOCK_AT_ZERO: Duration = Duration::from_secs(1_800_000_000);

/// A request under way.
struct Request<Ticket> {
    process: usize,
    row: Row,
    sent_at: Duration,
    ticket: Ticket,
}

enum Event<Ticket> {
    Wake(usize),
    Resend(usize, Row),
    Arrives(Request<Ticket>),
    Leaves(Request<Ticket>, Inside, Heard),
    Replies(Request<Ticket>, Heard),
}

struct Scheduled<Ticket> {
    at: Duration,
    order: u64,
    event: Event<Ticket>,
}

impl<Ticket> PartialEq for Scheduled<Ticket> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl<Ticket> Eq for Scheduled<Ticket> {}
impl<Ticket> PartialOrd for Scheduled<Ticket> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Ticket> Ord for Scheduled<Ticket> {
    /// The earliest is the greatest, for the heap.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

struct Process<C> {
    client: C,
    tally: Tally,
    retries: BinaryHeap<Reverse<(Duration, Row)>>,
    rows_begun: u64,
    rows: u64,
    wake_at: Duration,
}

impl<C: Client> Process<C> {
    fn end(mut self) -> Tally {
        self.tally.taken_for_limit = self.client.takes_failures_for_limit();
        self.tally
    }
}

/// The world; ends at a time, or when every row is done.
pub struct World<C: Client> {
    now: Duration,
    end: Duration,
    tenant: Model,
    events: BinaryHeap<Scheduled<C::Ticket>>,
    order: u64,
    processes: Vec<Process<C>>,
    pub trace_every: Option<Duration>,
}

/// What a run came to.
pub struct Outcome {
    pub tallies: Vec<Tally>,
    /// Requests of the tenant's other clients: accepted and refused.
    pub others: (u64, u64),
}

impl<C: Client> World<C> {
    pub fn new(scenario: &Scenario, end: Duration, seed: u64) -> Self {
        let mut scenario = scenario.clone();
        scenario.seed = seed;
        Self {
            now: Duration::ZERO,
            end,
            tenant: Model::new(scenario, CLOCK_AT_ZERO),
            events: BinaryHeap::new(),
            order: 0,
            processes: Vec::new(),
            trace_every: None,
        }
    }

    /// `rows`: how many there are; `u64::MAX` never ends.
    pub fn add(&mut self, client: C, starts: Duration, rows: u64) {
        self.processes.push(Process {
            client,
            tally: Tally::default(),
            retries: BinaryHeap::new(),
            rows_begun: 0,
            rows,
            wake_at: starts,
        });
        self.schedule(starts, Event::Wake(self.processes.len() - 1));
    }

    pub fn run(mut self) -> Outcome {
        let mut next_trace = Duration::ZERO;
        while let Some(Scheduled { at, event, .. }) = self.events.pop() {
            if at > self.end {
                break;
            }
            self.now = at;
            if let Some(every) = self.trace_every
                && at >= next_trace
            {
                next_trace = at + every;
                for process in &mut self.processes {
                    println!("{:8.2} {}", at.as_secs_f64(), process.client.state(at));
                }
            }
            self.happens(event);
        }
        Outcome {
            others: self.tenant.others(),
            tallies: self.processes.into_iter().map(Process::end).collect(),
        }
    }

    fn happens(&mut self, event: Event<C::Ticket>) {
        match event {
            Event::Wake(index) => {
                let process = &mut self.processes[index];
                if process.wake_at <= self.now {
                    process.wake_at = Duration::MAX;
                    self.pump(index);
                }
            }
            Event::Resend(index, row) => self.send(index, row),
            Event::Arrives(request) => self.arrives(request),
            Event::Leaves(request, inside, heard) => {
                self.tenant.leaves(&inside);
                self.travels_back(request, heard);
            }
            Event::Replies(request, heard) => self.replies(request, &heard),
        }
    }

    fn schedule(&mut self, at: Duration, event: Event<C::Ticket>) {
        self.order += 1;
        let order = self.order;
        self.events.push(Scheduled { at, order, event });
    }

    fn arrives(&mut self, request: Request<C::Ticket>) {
        let arrival = self
            .tenant
            .arrives(self.now, request.process, request.row.number);
        match arrival {
            Arrival::Refused(heard) => self.travels_back(request, heard),
            Arrival::Admitted {
                takes,
                inside,
                heard,
            } => self.schedule(self.now + takes, Event::Leaves(request, inside, heard)),
        }
    }

    fn travels_back(&mut self, request: Request<C::Ticket>, heard: Heard) {
        let at = self.now + self.tenant.one_way();
        self.schedule(at, Event::Replies(request, heard));
    }

    fn replies(&mut self, request: Request<C::Ticket>, heard: &Heard) {
        let (now, index) = (self.now, request.process);
        let process = &mut self.processes[index];
        process.tally.in_flight -= 1;
        match Verdict::of(heard) {
            Verdict::Done => process.tally.note_done(now),
            verdict => {
                let wait = asked_wait(heard).unwrap_or_default();
                process.tally.note_wait(now, wait);
                if verdict == Verdict::Refused {
                    process.tally.note_refused(request.sent_at, now, wait);
                } else {
                    process.tally.failed += 1;
                }
            }
        }
        let mut row = request.row;
        let next = process.client.reply(now, request.ticket, &mut row, heard);
        let most_failures = &mut process.tally.most_failures;
        *most_failures = row.failures.max(*most_failures);
        match next {
            Next::Done => {}
            Next::Lost => process.tally.lost += 1,
            Next::RetryAt(at) => process.retries.push(Reverse((at, row))),
            Next::HoldUntil(at) => self.schedule(at, Event::Resend(index, row)),
        }
        self.pump(index);
    }

    /// Sends as long as the client agrees: a row that is due again first, else a new one.
    fn pump(&mut self, index: usize) {
        loop {
            let process = &mut self.processes[index];
            let retry = process.retries.peek().map(|retry| retry.0.0);
            let due = retry.is_some_and(|at| at <= self.now);
            if !due && process.rows_begun == process.rows {
                return self.wake(index, retry);
            }
            match process.client.poll(self.now) {
                Ask::Send => {}
                Ask::WaitForReply => return,
                Ask::WaitUntil(until) => {
                    assert!(until > self.now, "a wait that is over");
                    return self.wake(index, Some(until));
                }
            }
            let row = match process.retries.peek() {
                Some(_) if due => process.retries.pop().map(|retry| retry.0.1),
                _ => None,
            };
            let row = row.unwrap_or_else(|| {
                process.rows_begun += 1;
                let number = process.rows_begun;
                Row {
                    number,
                    ..Row::default()
                }
            });
            self.send(index, row);
        }
    }

    fn send(&mut self, index: usize, mut row: Row) {
        row.sent += 1;
        let process = &mut self.processes[index];
        process.tally.note_sent(self.now);
        let request = Request {
            process: index,
            row,
            sent_at: self.now,
            ticket: process.client.send(self.now, row),
        };
        let at = self.now + self.tenant.one_way();
        self.schedule(at, Event::Arrives(request));
    }

    fn wake(&mut self, index: usize, at: Option<Duration>) {
        let Some(at) = at else { return };
        if at < self.processes[index].wake_at {
            self.processes[index].wake_at = at;
            self.schedule(at, Event::Wake(index));
        }
    }
}
