//! The lane's unused connections: last in, first out.
//!
//! Last in, first out keeps the few busy connections warm and lets the others
//! grow old and be closed when the window shrinks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

/// The sending end of one connection; dropping it closes the connection.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

struct Idle {
    connection: Connection,
    since: Instant,
}

/// Connections between two requests. Lives on one thread.
pub(crate) struct Pool {
    /// The oldest in front.
    idle: RefCell<VecDeque<Idle>>,
    reaper_runs: Cell<bool>,
    idle_timeout: Duration,
    max_idle: usize,
}

impl Pool {
    pub(crate) fn new(idle_timeout: Duration, max_idle: usize) -> Rc<Self> {
        Rc::new(Self {
            idle: RefCell::new(VecDeque::new()),
            reaper_runs: Cell::new(false),
            idle_timeout,
            max_idle,
        })
    }

    /// The connection that was used last and is still good at `now`.
    pub(crate) fn take(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(entry) = idle.pop_back() {
            let idle = now.saturating_duration_since(entry.since);
            if entry.connection.is_ready() && idle < self.idle_timeout {
                return Some(entry.connection);
            }
        }
        None
    }

    /// Takes a connection back whose reply has been read to the end.
    pub(crate) fn give_back(self: &Rc<Self>, mut connection: Connection) {
        if connection.is_closed() {
            return;
        }
        if connection.is_ready() {
            self.push(connection);
            return;
        }
        // The reply overtook the end of the request, or the connection's task
        // hasn't run since; it is good as soon as it says so.
        let pool = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if connection.ready().await.is_ok()
                && let Some(pool) = pool.upgrade()
            {
                pool.push(connection);
            }
        });
    }

    /// How many connections wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    fn push(self: &Rc<Self>, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= self.max_idle {
            idle.pop_front();
        }
        if self.max_idle > 0 {
            idle.push_back(Idle {
                connection,
                since: Instant::now(),
            });
        }
        drop(idle);
        if !self.reaper_runs.replace(true) {
            tokio::task::spawn_local(reap(Rc::downgrade(self), self.idle_timeout));
        }
    }

    /// Closes what is dead or too old; says when to look again, if at all.
    fn close_old(&self) -> Option<Instant> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|entry| {
            !entry.connection.is_closed() && entry.since.elapsed() < self.idle_timeout
        });
        idle.front().map(|oldest| oldest.since + self.idle_timeout)
    }
}

/// Closes unused connections when their time is over; ends when none is left.
async fn reap(pool: Weak<Pool>, idle_timeout: Duration) {
    let mut look_at = Instant::now() + idle_timeout;
    loop {
        tokio::time::sleep_until(look_at).await;
        let Some(pool) = pool.upgrade() else { return };
        match pool.close_old() {
            // Busy connections keep the oldest entry moving; a floor keeps
            // this from waking for every one of them.
            Some(next) => look_at = next.max(Instant::now() + Duration::from_secs(1)),
            None => {
                pool.reaper_runs.set(false);
                return;
            }
        }
    }
}
