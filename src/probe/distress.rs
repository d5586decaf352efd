//! The signs that a tenant suffers: a probe stops at the first of them.

use std::collections::VecDeque;

use super::record::{Answer, Record};

/// Failures that may happen anywhere and at any time: so many, and of many
/// requests this share.
const FAILURES_BORNE: u32 = 4;
const SHARE_BORNE: f64 = 0.02;
const FAILURES_IN_A_ROW_BORNE: u32 = 2;
/// Replies from the calm beginning, and latest replies, that are compared.
const CALM: usize = 10;
const LATEST: usize = 12;
/// So many times slower than in calm, and at least by so much, is distress.
/// The client's own queue makes a few times; a tenant in trouble far more.
const SLOWER: f64 = 8.0;
const SLOWER_BY_S: f64 = 0.5;

/// Watches a probe's replies.
#[derive(Clone, Debug, Default)]
pub(crate) struct DistressWatch {
    replies: u32,
    failures: u32,
    in_a_row: u32,
    calm_s: Vec<f64>,
    latest_s: VecDeque<f64>,
}

impl DistressWatch {
    /// A reply, or the lack of one; in words what is wrong, once it is.
    pub(crate) fn note(&mut self, record: &Record, what: &str) -> Option<String> {
        self.replies += 1;
        match record.answer {
            Answer::Refused { .. } => None,
            Answer::Failed | Answer::Doubtful { .. } => {
                self.failures += 1;
                self.in_a_row += 1;
                let borne = (SHARE_BORNE * f64::from(self.replies)).max(f64::from(FAILURES_BORNE));
                let is_trouble =
                    self.in_a_row > FAILURES_IN_A_ROW_BORNE || f64::from(self.failures) > borne;
                is_trouble.then(|| {
                    format!(
                        "{} requests failed, the last one with: {what}",
                        self.failures
                    )
                })
            }
            Answer::Admitted => {
                self.in_a_row = 0;
                self.slowness(record.latency_s())
            }
        }
    }

    fn slowness(&mut self, latency_s: f64) -> Option<String> {
        if self.calm_s.len() < CALM {
            self.calm_s.push(latency_s);
            self.calm_s.sort_by(f64::total_cmp);
            return None;
        }
        self.latest_s.push_back(latency_s);
        if self.latest_s.len() <= LATEST {
            return None;
        }
        self.latest_s.pop_front();
        let mut latest_s: Vec<f64> = self.latest_s.iter().copied().collect();
        latest_s.sort_by(f64::total_cmp);
        let (calm_s, now_s) = (self.calm_s[CALM / 2], latest_s[LATEST / 2]);
        (now_s > SLOWER * calm_s && now_s > calm_s + SLOWER_BY_S).then(|| {
            format!(
                "replies take {:.0} ms, and took {:.0} ms in calm",
                now_s * 1e3,
                calm_s * 1e3
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(answer: Answer, latency_s: f64) -> Record {
        Record {
            sent_s: 0.0,
            replied_s: latency_s,
            answer,
        }
    }

    #[test]
    fn a_few_failures_are_borne_and_more_are_distress() {
        let mut watch = DistressWatch::default();
        for _ in 0..4 {
            assert_eq!(watch.note(&record(Answer::Failed, 0.1), "status 500"), None);
            assert_eq!(watch.note(&record(Answer::Admitted, 0.1), ""), None);
        }
        let told = watch.note(&record(Answer::Failed, 0.1), "status 500");
        assert!(told.expect("the fifth").contains("status 500"));
        let mut watch = DistressWatch::default();
        let mut fail = || watch.note(&record(Answer::Failed, 0.1), "reset");
        assert_eq!((fail(), fail()), (None, None));
        assert!(fail().is_some());
    }

    #[test]
    fn much_slower_than_in_calm_is_distress_and_a_little_is_not() {
        let mut watch = DistressWatch::default();
        let mut told = |latency_s, count| {
            (0..count).find_map(|_| watch.note(&record(Answer::Admitted, latency_s), ""))
        };
        assert_eq!(told(0.08, 20), None);
        assert_eq!(told(0.4, 40), None);
        assert!(told(0.9, 40).expect("told").contains("900 ms"));
    }
}
