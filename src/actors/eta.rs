//! The time to the end, from what is known of the limits.
//!
//! The average so far misleads where a tenant has a limit: the first quota
//! goes in seconds, and the rest at the pace of the limit. So while a limit is
//! known, the rows left go at its pace; while a quota has only just closed the
//! gate, at the pace that it will turn out to be; and only where nothing is
//! known of a limit, at the pace of late.

use std::time::Duration;

use crate::limit::{LearnedLimit, LimitKind, Rate, Share};

use super::limiters::LimitStanding;
use super::pace_meter::PaceMeter;

/// A limit is no help any more where less than this share of it was done of
/// late: then something else holds the rows back.
const USED_SHARE: f64 = 0.5;

/// What the rows left have to keep to.
pub(super) struct TimeLeft<'run> {
    /// Rows that are left.
    pub(super) rows: u64,
    /// Rows that go in a request; below 1 where a row takes several.
    pub(super) rows_a_request: f64,
    /// The limits that they pass, one above the other.
    pub(super) limits: &'run [LimitStanding],
    /// The share of each that may be used.
    pub(super) share: Share,
    /// The user's own rate.
    pub(super) max_rate: Option<Rate>,
    /// Rows that ended in this leg.
    pub(super) ended: u64,
    /// The time of this leg.
    pub(super) elapsed: Duration,
    /// Rows of late.
    pub(super) meter: &'run PaceMeter,
}

impl TimeLeft<'_> {
    /// The time to the end; `None` where it can't be told honestly.
    pub(super) fn estimate(&self) -> Option<Duration> {
        let wait = self.wait();
        let pace = self.pace()?;
        if wait.is_zero() && self.meter.is_stuck(pace * self.rows_a_request) {
            // The last rows have troubles of their own.
            return None;
        }
        let working_s = (self.rows as f64 / self.rows_a_request).ceil() / pace;
        Some(wait + Duration::try_from_secs_f64(working_s).ok()?)
    }

    /// How long nothing is sent at all.
    fn wait(&self) -> Duration {
        let waits = self.limits.iter().map(|limit| limit.closed_for);
        waits.max().unwrap_or_default()
    }

    /// Requests a second from the next sending on.
    fn pace(&self) -> Option<f64> {
        let recent =
            Some(self.meter.rows_per_second() / self.rows_a_request).filter(|pace| *pace > 0.0);
        let known = self
            .limits
            .iter()
            .filter_map(|limit| limit.learned)
            .filter_map(|limit| self.pace_under(&limit, recent))
            .min_by(f64::total_cmp);
        let wished = self.max_rate.map(Rate::requests_per_second);
        let pace = match known {
            Some(known) => known,
            None => self.pace_of_first_quota().or(recent)?,
        };
        let pace = wished.map_or(pace, |wished| wished.min(pace));
        (pace > 0.0).then_some(pace)
    }

    /// The pace that a limit leaves to the rows; `None` where it is no guide.
    fn pace_under(&self, limit: &LearnedLimit, recent: Option<f64>) -> Option<f64> {
        if matches!(limit.kind, LimitKind::ConcurrencyCap | LimitKind::None) {
            // What a cap lets through hangs on how long requests take.
            return None;
        }
        let allowed = limit.rate_per_s * self.share.get();
        if !limit.sure {
            // It is still being felt out, upwards.
            return Some(recent.map_or(allowed, |recent| recent.max(allowed)));
        }
        let is_unused = self.wait().is_zero()
            && self.meter.covers(Duration::from_secs_f64(
                2.0 * limit.longest_wait_s.clamp(0.0, 86_400.0) + 10.0,
            ))
            && recent.is_some_and(|recent| recent < USED_SHARE * allowed);
        match is_unused {
            true => None,
            false => Some(allowed),
        }
    }

    /// A quota has closed the gate for the first time: what was done, by the
    /// time until it opens, is what the limiter will learn then.
    fn pace_of_first_quota(&self) -> Option<f64> {
        let is_closed = |limit: &LimitStanding| limit.is_quota && !limit.closed_for.is_zero();
        if !self.limits.iter().any(is_closed) {
            return None;
        }
        let cycle = self.elapsed + self.wait();
        let pace = self.ended as f64 / self.rows_a_request / cycle.as_secs_f64();
        (pace > 0.0).then_some(pace)
    }
}

/// Requests that have to be made before they say how many rows go in one.
const REQUESTS_TO_JUDGE_BY: u64 = 3;

/// Rows that go in a request: as many as the connector allows, or as few as it
/// turned out where the tenant takes fewer, or a bad row has others sent again.
/// Rows that are looked up first, `looked_up_at_once` of them with one request,
/// take requests for that, and maybe others.
/// `ended` and `requests` are of this leg, those refused for haste left out.
pub(super) fn rows_a_request(
    batch_cap: usize,
    looked_up_at_once: Option<usize>,
    ended: u64,
    requests: u64,
) -> f64 {
    let cap = batch_cap.max(1) as f64;
    let (least, at_first, most) = match looked_up_at_once {
        Some(at_once) => {
            let at_once = at_once.max(1) as f64;
            (0.5, cap * at_once / (cap + at_once), at_once)
        }
        None => (1.0, cap, cap),
    };
    match requests {
        REQUESTS_TO_JUDGE_BY.. if least < most => {
            (ended as f64 / requests as f64).clamp(least, most)
        }
        _ => at_first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Rate;
    use tokio::time::Instant;

    #[test]
    fn the_time_left_of_batches_is_that_of_their_requests() {
        let start = Instant::now();
        let mut meter = PaceMeter::default();
        for second in 0..20 {
            meter.note(start + Duration::from_secs(second), second * 100);
        }
        let left = |rows_a_request| TimeLeft {
            rows: 10_000,
            rows_a_request,
            limits: &[],
            share: Share::WHOLE,
            max_rate: Rate::per_second(2.0),
            ended: 1_900,
            elapsed: Duration::from_secs(20),
            meter: &meter,
        };
        // Rows go at a hundred a second, whatever is around them.
        let in_batches = left(50.0).estimate().expect("a time");
        assert_eq!(in_batches, Duration::from_secs(100));
        let one_by_one = left(1.0).estimate().expect("a time");
        assert_eq!(one_by_one, Duration::from_secs(5_000));
    }

    #[test]
    fn a_tenant_that_takes_smaller_batches_is_believed() {
        assert_eq!(rows_a_request(50, None, 0, 0), 50.0);
        assert_eq!(rows_a_request(50, None, 0, 2), 50.0);
        assert_eq!(rows_a_request(50, None, 1_000, 100), 10.0);
        assert_eq!(rows_a_request(50, None, 0, 100), 1.0);
        assert_eq!(rows_a_request(50, None, 9_000, 100), 50.0);
        assert_eq!(rows_a_request(1, None, 900, 1_000), 1.0);
    }

    #[test]
    fn a_row_that_is_looked_up_first_takes_one_request_or_two() {
        assert_eq!(rows_a_request(1, Some(1), 0, 0), 0.5);
        assert_eq!(rows_a_request(1, Some(1), 75, 100), 0.75);
        assert_eq!(rows_a_request(1, Some(1), 0, 100), 0.5);
        assert_eq!(rows_a_request(1, Some(1), 300, 100), 1.0);
        assert_eq!(rows_a_request(50, Some(50), 0, 0), 25.0);
        assert_eq!(rows_a_request(50, Some(100), 9_900, 100), 99.0);
    }
}
