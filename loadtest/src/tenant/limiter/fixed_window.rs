//! So many requests per window; the window starts with the first request, or with the clock.

use std::time::Duration;

use super::traits::scaled;
use super::{Anchor, Limiter, Rejection, Standing};

/// A counter that starts anew with every window.
#[derive(Clone, Debug)]
pub struct FixedWindow {
    configured: u64,
    requests: u64,
    window: Duration,
    anchor: Anchor,
    clock_at_zero: Duration,
    /// When the window under way is over; none before a first request opens one.
    end: Option<Duration>,
    count: u64,
}

impl FixedWindow {
    /// `requests` (at least 1) in each `window` (above zero). `clock_at_zero` is the Unix time at `now == 0`; only
    /// [`Anchor::Clock`] reads it, so that minute windows end on whole minutes of the wall clock.
    pub fn new(requests: u64, window: Duration, anchor: Anchor, clock_at_zero: Duration) -> Self {
        let requests = requests.max(1);
        FixedWindow {
            configured: requests,
            requests,
            window: window.max(Duration::from_nanos(1)),
            anchor,
            clock_at_zero,
            end: None,
            count: 0,
        }
    }

    fn roll(&mut self, now: Duration) {
        if self.end.is_some_and(|end| now < end) {
            return;
        }
        self.count = 0;
        self.end = match self.anchor {
            Anchor::FirstRequest => None,
            Anchor::Clock => {
                let clock = (self.clock_at_zero + now).as_nanos();
                let elapsed = (clock % self.window.as_nanos()) as u64;
                Some(now + self.window - Duration::from_nanos(elapsed))
            }
        };
    }
}

impl Limiter for FixedWindow {
    fn check(&mut self, now: Duration) -> Result<(), Rejection> {
        self.roll(now);
        if self.count < self.requests {
            return Ok(());
        }
        let end = self.end.unwrap_or(now);
        Err(Rejection { wait: end - now })
    }

    fn take(&mut self, now: Duration) {
        self.end.get_or_insert(now + self.window);
        self.count += 1;
    }

    fn scale(&mut self, _now: Duration, factor: f64) {
        self.requests = scaled(self.configured, factor);
    }

    fn standing(&mut self, now: Duration) -> Option<Standing> {
        self.roll(now);
        Some(Standing {
            limit: self.requests,
            remaining: self.requests.saturating_sub(self.count),
            reset: self.end.map_or(self.window, |end| end - now),
            window: self.window,
        })
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        self.roll(now);
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn window(anchor: Anchor, clock_at_zero: u64) -> FixedWindow {
        FixedWindow::new(3, MINUTE, anchor, Duration::from_secs(clock_at_zero))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_window_starts_with_its_first_request() {
        let mut limit = window(Anchor::FirstRequest, 30);
        for second in [100, 120, 159] {
            assert_eq!(limit.admit(at(second)), Ok(()));
        }
        assert_eq!(limit.admit(at(159)), Err(Rejection { wait: at(1) }));
        assert_eq!(limit.admit(at(160)), Ok(()));
        let standing = limit.standing(at(170)).expect("a window tells");
        assert_eq!(
            (standing.limit, standing.remaining, standing.reset),
            (3, 2, at(50))
        );
    }

    #[test]
    fn a_clock_window_ends_on_the_whole_minute() {
        let mut limit = window(Anchor::Clock, 30);
        for _ in 0..3 {
            assert_eq!(limit.admit(at(10)), Ok(()));
        }
        assert_eq!(limit.admit(at(10)), Err(Rejection { wait: at(20) }));
        assert_eq!(limit.admit(at(30)), Ok(()));
        assert_eq!(
            limit.standing(at(30)).map(|standing| standing.reset),
            Some(MINUTE)
        );
    }

    #[test]
    fn a_flood_gets_exactly_the_limit() {
        let mut limit = window(Anchor::FirstRequest, 0);
        let admitted = (0..60_000)
            .filter(|step| limit.admit(Duration::from_millis(step * 10)).is_ok())
            .count();
        assert_eq!(admitted, 30);
    }

    #[test]
    fn a_phase_changes_the_limit_of_the_window_under_way() {
        let mut limit = window(Anchor::FirstRequest, 0);
        limit.admit(at(0)).expect("free");
        limit.scale(at(1), 1.0 / 3.0);
        assert!(limit.admit(at(2)).is_err());
        limit.scale(at(3), 2.0);
        assert!((0..5).all(|_| limit.admit(at(4)).is_ok()));
        assert!(limit.admit(at(4)).is_err());
    }

    #[test]
    fn an_unused_window_may_be_forgotten() {
        let mut limit = window(Anchor::FirstRequest, 0);
        limit.admit(at(0)).expect("free");
        assert!(!limit.is_idle(at(59)));
        assert!(limit.is_idle(at(60)));
    }
}
