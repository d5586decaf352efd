//! One number that bounds the memory of a run: bytes of rows under way.
//!
//! The extractor takes credit before it hands a batch on; the batch carries
//! its share, and every item cut from the batch holds on to it. When the
//! recorder has committed the last of them the share is dropped and the bytes
//! return. Returning never blocks, so no cycle of bounded channels can form.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The budget of bytes that rows under way may hold, shared by a run's stages.
#[derive(Clone, Debug)]
pub struct ByteCredit {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    total_bytes: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug)]
struct PoolState {
    free_bytes: usize,
    closed: bool,
}

impl ByteCredit {
    /// A budget of `total_bytes`, all of it free.
    #[must_use]
    pub fn new(total_bytes: usize) -> Self {
        Self {
            pool: Arc::new(Pool {
                total_bytes,
                state: Mutex::new(PoolState {
                    free_bytes: total_bytes,
                    closed: false,
                }),
                returned: Condvar::new(),
            }),
        }
    }

    /// Takes `bytes`, waiting until they are free. A demand above the whole
    /// budget takes the whole budget, so that one large batch can't wait for
    /// ever. `None` once the budget is closed.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<CreditShare> {
        let wanted = bytes.min(self.pool.total_bytes);
        let mut state = self.pool.state.lock();
        while state.free_bytes < wanted && !state.closed {
            self.pool.returned.wait(&mut state);
        }
        if state.closed {
            return None;
        }
        state.free_bytes -= wanted;
        Some(CreditShare {
            _hold: Arc::new(Hold {
                pool: Arc::clone(&self.pool),
                bytes: wanted,
            }),
        })
    }

    /// Ends all waiting: every `take` from now on gives `None`.
    pub fn close(&self) {
        self.pool.state.lock().closed = true;
        self.pool.returned.notify_all();
    }

    /// Bytes that are held at this moment.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pool.total_bytes - self.pool.state.lock().free_bytes
    }
}

/// A share of the budget; the bytes return when its last clone is dropped.
#[derive(Clone, Debug)]
pub struct CreditShare {
    // Held for its Drop alone.
    _hold: Arc<Hold>,
}

#[derive(Debug)]
struct Hold {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.pool.state.lock().free_bytes += self.bytes;
        self.pool.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_returns_with_its_last_clone() {
        let credit = ByteCredit::new(100);
        let share = credit.take(60).expect("free");
        let clone = share.clone();
        drop(share);
        assert_eq!(credit.held_bytes(), 60);
        drop(clone);
        assert_eq!(credit.held_bytes(), 0);
    }

    #[test]
    fn a_demand_above_the_budget_takes_all_of_it() {
        let credit = ByteCredit::new(100);
        let share = credit.take(1_000).expect("capped");
        assert_eq!(credit.held_bytes(), 100);
        drop(share);
        assert_eq!(credit.held_bytes(), 0);
    }

    #[test]
    fn closing_wakes_the_one_who_waits() {
        let credit = ByteCredit::new(10);
        let _all = credit.take(10).expect("free");
        let waiter = {
            let credit = credit.clone();
            std::thread::spawn(move || credit.take(1).is_none())
        };
        credit.close();
        assert!(waiter.join().expect("waiter ends"));
    }
}
