//! A cap on requests at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::probe::record::{Answer, Record};

/// A cap, and how well it explains what happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CapFit {
    /// Requests at once.
    pub(crate) places: u32,
    /// Share of the refusals that it doesn't explain, and of requests let in
    /// although it was full.
    pub(crate) share: f64,
}

/// Requests under way when another one was decided on: of one that was let in
/// those when it was sent, of one that was refused the most that were under way
/// at any one time until its reply. Requests sent together arrive in any order,
/// so more can't be known.
struct Load {
    under_way: u32,
    admitted: bool,
}

/// The cap that explains the records best; `None` where nothing was refused.
///
/// A place is free a little before its reply is here, so some are let in
/// although the cap looks full; that much is borne.
pub(crate) fn fit_cap(records: &[Record]) -> Option<CapFit> {
    let loads = loads(records);
    let refused = loads.iter().filter(|load| !load.admitted).count();
    if refused == 0 {
        return None;
    }
    let most = loads.iter().map(|load| load.under_way).max().unwrap_or(0);
    (1..=most)
        .map(|places| {
            let slack = (f64::from(places) * 0.1).max(1.0);
            let full = f64::from(places);
            let unexplained = loads
                .iter()
                .filter(|load| !load.admitted && f64::from(load.under_way) < full - 0.5)
                .count();
            let beyond = loads
                .iter()
                .filter(|load| load.admitted && f64::from(load.under_way) >= full + slack)
                .count();
            let tight = loads
                .iter()
                .filter(|load| load.admitted && f64::from(load.under_way) >= full)
                .count();
            let of = refused as f64;
            CapFit {
                places,
                share: (unexplained as f64 + beyond as f64) / of + 0.02 * tight as f64 / of,
            }
        })
        // Of equals the smallest: it was filled for sure.
        .min_by(|one, other| one.share.total_cmp(&other.share))
}

fn loads(records: &[Record]) -> Vec<Load> {
    // Times as whole microseconds, so that they can be ordered.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probe lasts minutes"
    )]
    let micros = |seconds: f64| (seconds.max(0.0) * 1e6) as u64;
    let admitted = || records.iter().filter(|record| record.is_admitted());
    let sent: Vec<f64> = admitted().map(|record| record.sent_s).collect();
    let mut replied: Vec<f64> = admitted().map(|record| record.replied_s).collect();
    replied.sort_by(f64::total_cmp);
    let mut ends: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    let mut loads = Vec::with_capacity(records.len());
    for record in records {
        let now = micros(record.sent_s);
        while ends.peek().is_some_and(|Reverse(end)| *end <= now) {
            ends.pop();
        }
        if matches!(record.answer, Answer::Failed | Answer::Doubtful { .. }) {
            continue;
        }
        let under_way = match record.is_admitted() {
            true => ends.len(),
            false => most_at_once(&sent, &replied, record),
        };
        loads.push(Load {
            under_way: u32::try_from(under_way).unwrap_or(u32::MAX),
            admitted: record.is_admitted(),
        });
        if record.is_admitted() {
            ends.push(Reverse(micros(record.replied_s)));
        }
    }
    loads
}

/// The most requests let in that were under way at once, at any time of another
/// one's.
fn most_at_once(sent: &[f64], replied: &[f64], refused: &Record) -> usize {
    let mut begun = sent.partition_point(|sent_s| *sent_s <= refused.sent_s);
    let mut ended = replied.partition_point(|replied_s| *replied_s <= refused.sent_s);
    let mut most = begun.saturating_sub(ended);
    for sent_s in &sent[begun..] {
        if *sent_s > refused.replied_s {
            break;
        }
        begun += 1;
        ended += replied[ended..].partition_point(|replied_s| replied_s <= sent_s);
        most = most.max(begun.saturating_sub(ended));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sent_s: f64, replied_s: f64, is_admitted: bool) -> Record {
        let answer = match is_admitted {
            true => Answer::Admitted,
            false => Answer::Refused { wait_s: None },
        };
        Record {
            sent_s,
            replied_s,
            answer,
        }
    }

    #[test]
    fn requests_sent_together_may_be_let_in_in_any_order() {
        // Four at once under a cap of two: the first two happen to be refused.
        let mut records = vec![
            record(0.0, 0.01, false),
            record(0.0, 0.01, false),
            record(0.0, 0.1, true),
            record(0.0, 0.1, true),
        ];
        let fit = fit_cap(&records).expect("something was refused");
        assert_eq!(fit.places, 2);
        assert!(fit.share < 0.05, "{fit:?}");
        // One that is refused alone is no cap's.
        records.push(record(1.0, 1.01, false));
        let fit = fit_cap(&records).expect("something was refused");
        assert!(fit.share > 0.2, "{fit:?}");
    }

    #[test]
    fn requests_that_followed_each_other_were_not_under_way_at_once() {
        // Four at once are let in later, so it isn't a cap that refused the one
        // that had never more than one beside it.
        let mut records: Vec<Record> = [0.0, 0.1, 0.2, 0.3]
            .map(|sent_s| record(sent_s, sent_s + 0.1, true))
            .to_vec();
        records.insert(1, record(0.05, 0.38, false));
        records.extend([record(1.0, 1.1, true); 4]);
        let fit = fit_cap(&records).expect("something was refused");
        assert!(fit.share > 0.2, "{fit:?}");
    }
}
