//! A baseline's rule, driven over sockets: rows without end, each sent when the rule says so.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::baseline::{Answer, Ask, Attempt, MakeRule, Next, Rule};
use crate::tenant::Client;

use super::http::{HttpClient, Reply};
use super::loader::id_prefix;
use super::stop::Stop;

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct BaselineCall {
    pub(super) make: MakeRule,
    pub(super) address: SocketAddr,
    pub(super) client: Client,
    /// When each process starts. Here they are tasks: what matters is that they know nothing of each other.
    pub(super) starts: Vec<Duration>,
    /// When all of them end.
    pub(super) until: Duration,
}

/// Runs the clients to their end; how many rows they gave up. None if it was stopped.
///
/// # Errors
/// In words, if the tenant gives no token or the system no runtime.
pub(super) fn run(call: &BaselineCall, stop: &Stop) -> Result<Option<u64>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| format!("can't start a runtime: {cause}"))?;
    runtime.block_on(async {
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for (process, start) in call.starts.iter().copied().enumerate() {
            let (call, mut stop) = (call.clone(), stop.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = stop.wait() => Ok(None),
                    lost = one_process(&call, process, begin + start, begin + call.until) => lost.map(Some),
                }
            });
        }
        let mut lost = Some(0);
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.map_err(|cause| format!("a baseline failed: {cause}"))??;
            lost = lost.zip(ended).map(|(sum, more)| sum + more);
        }
        Ok(lost)
    })
}

async fn one_process(
    call: &BaselineCall,
    process: usize,
    start: Instant,
    end: Instant,
) -> Result<u64, String> {
    tokio::time::sleep_until(start).await;
    let http = HttpClient::new(call.address);
    http.log_in(&call.client.id, &call.client.secret).await?;
    let (sender, replies) = mpsc::unbounded_channel();
    let driver = Driver {
        rule: (call.make)(process as u64 + 1),
        http: Arc::new(http),
        client: call.client.clone(),
        prefix: id_prefix(process),
        begin: Instant::now(),
        rows: 0,
        held: BinaryHeap::new(),
        queued: BinaryHeap::new(),
        sender,
        lost: 0,
    };
    driver.drive(replies, end).await
}

/// A row that waits: until when, which, and how often it was sent.
type Waiting = Reverse<(Duration, u64, u32)>;

struct Ended {
    row: u64,
    attempt: Attempt,
    reply: Reply,
}

struct Driver {
    rule: Box<dyn Rule>,
    http: Arc<HttpClient>,
    client: Client,
    prefix: String,
    begin: Instant,
    /// Rows begun.
    rows: u64,
    held: BinaryHeap<Waiting>,
    queued: BinaryHeap<Waiting>,
    sender: mpsc::UnboundedSender<Ended>,
    lost: u64,
}

impl Driver {
    async fn drive(
        mut self,
        mut replies: mpsc::UnboundedReceiver<Ended>,
        end: Instant,
    ) -> Result<u64, String> {
        loop {
            let wake = self.send_all().map_or(end, |at| (self.begin + at).min(end));
            tokio::select! {
                // Replies first: a rule that may send without end would never hear of them.
                biased;
                Some(ended) = replies.recv() => self.take(ended).await?,
                () = tokio::time::sleep_until(wake) => {
                    if Instant::now() >= end {
                        return Ok(self.lost);
                    }
                }
            }
            while let Ok(ended) = replies.try_recv() {
                self.take(ended).await?;
            }
        }
    }

    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Sends whatever may leave now; when to ask again, unless a reply comes before.
    fn send_all(&mut self) -> Option<Duration> {
        let now = self.now();
        while let Some((row, number)) = take_due(&mut self.held, now) {
            self.send(row, number + 1, now);
        }
        let asked_at = loop {
            match self.rule.poll(now) {
                Ask::Send => {
                    let (row, number) = take_due(&mut self.queued, now).unwrap_or_else(|| {
                        self.rows += 1;
                        (self.rows, 0)
                    });
                    self.send(row, number + 1, now);
                }
                Ask::WaitUntil(at) => break Some(at),
                Ask::WaitForReply => break None,
            }
        };
        let held_until = self.held.peek().map(|Reverse((at, ..))| *at);
        asked_at.into_iter().chain(held_until).min()
    }

    fn send(&mut self, row: u64, number: u32, now: Duration) {
        let attempt = Attempt {
            sent_at: now,
            number,
        };
        self.rule.on_send(attempt);
        let (http, sender) = (Arc::clone(&self.http), self.sender.clone());
        let id = format!("{}{row}", self.prefix);
        tokio::spawn(async move {
            let reply = http.write(&id).await;
            // Nobody listens once the time is over.
            let _ = sender.send(Ended {
                row,
                attempt,
                reply,
            });
        });
    }

    async fn take(&mut self, ended: Ended) -> Result<(), String> {
        let Ended {
            row,
            attempt,
            reply,
        } = ended;
        let answer = match &reply {
            Reply::Answered {
                status: StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN,
                retry_after,
            } => Answer::Refused {
                retry_after: retry_after.as_deref(),
            },
            Reply::Answered {
                status: StatusCode::UNAUTHORIZED,
                ..
            } => {
                self.http
                    .log_in(&self.client.id, &self.client.secret)
                    .await?;
                Answer::Failed
            }
            Reply::Answered { status, .. } if status.is_server_error() => Answer::Failed,
            Reply::Answered { .. } => Answer::Done,
            Reply::Broken => Answer::Failed,
        };
        match self.rule.on_reply(self.now(), attempt, answer) {
            Next::Done => {}
            Next::Lost => self.lost += 1,
            Next::RetryAt(at) => self.queued.push(Reverse((at, row, attempt.number))),
            Next::HoldUntil(at) => self.held.push(Reverse((at, row, attempt.number))),
        }
        Ok(())
    }
}

/// The row that has waited for longest, if its time has come.
fn take_due(waiting: &mut BinaryHeap<Waiting>, now: Duration) -> Option<(u64, u32)> {
    let Reverse((at, ..)) = waiting.peek()?;
    if *at > now {
        return None;
    }
    waiting.pop().map(|Reverse((_, row, number))| (row, number))
}
