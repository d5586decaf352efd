//! Two endpoints of one client, each with a limit of its own, and the client's
//! above both.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use tokio::time::Instant;

use crate::limit::{Controller, LimitEvent, LimitSettings};
use crate::record::OutcomeKind;
use crate::transport::Reply;

use super::super::{ClientLimit, LimitLevel, SharedLimit};
use super::harness::*;
use super::tenant::*;

/// A quota for each stretch of time, from the lane's start on.
#[derive(Clone, Copy, Debug)]
struct Window {
    requests: u64,
    length_s: u64,
    /// The name that a refusal reports.
    name: &'static str,
}

/// A tenant with windows, by whose they are; every one must admit.
#[derive(Clone, Default)]
struct Windows {
    taken: Rc<RefCell<HashMap<(usize, u64), u64>>>,
}

impl Windows {
    /// Asks `windows`, by their number, and takes of each or of none.
    fn answer(&self, call: &Call, windows: &[(usize, Window)], headers: bool) -> Answer {
        let mut taken = self.taken.borrow_mut();
        let seconds = call.at.as_secs();
        let mut left = f64::INFINITY;
        for (number, window) in windows {
            let count = taken
                .entry((*number, seconds / window.length_s))
                .or_default();
            if *count >= window.requests {
                let wait = window.length_s - seconds % window.length_s;
                let body = match window.name {
                    "" => String::new(),
                    name => format!(r#"{{"limit": {{"key": "{name}"}}}}"#),
                };
                let wait = HeaderValue::from_str(&wait.to_string()).expect("a value");
                let reply = Reply::new(429, body).with_header(http::header::RETRY_AFTER, wait);
                return (Duration::from_millis(15), Ok(reply));
            }
            left = left.min((window.requests - *count) as f64);
        }
        for (number, window) in windows {
            *taken
                .entry((*number, seconds / window.length_s))
                .or_default() += 1;
        }
        let mut reply = Reply::new(204, "");
        if let (true, Some((_, window))) = (headers, windows.first()) {
            let told = [
                ("ratelimit-limit", window.requests),
                ("ratelimit-remaining", left as u64 - 1),
                (
                    "ratelimit-reset",
                    window.length_s - seconds % window.length_s,
                ),
            ];
            for (name, value) in told {
                let value = HeaderValue::from_str(&value.to_string()).expect("a value");
                reply = reply.with_header(HeaderName::from_static(name), value);
            }
        }
        (Duration::from_millis(60), Ok(reply))
    }
}

/// How one endpoint of the tenant answers.
type Script = Box<dyn Fn(&Call) -> Answer>;

/// Two lanes below one client.
struct Pair {
    client: Arc<ClientLimit>,
    limits: [Arc<SharedLimit>; 2],
}

impl Pair {
    fn new(settings: &LimitSettings) -> Self {
        let now = Instant::now().into_std();
        let client = ClientLimit::new(settings.clone(), now, 7);
        let below = || SharedLimit::below(&client, Controller::new(settings.clone(), now, 7));
        Self {
            limits: [below(), below()],
            client,
        }
    }

    fn start(&self, number: usize, script: impl Fn(&Call) -> Answer + 'static) -> RunningLane {
        RunningLane::start_under(&self.limits[number], &LaneWish::default(), script)
    }

    fn learned_by_client(&self) -> Option<f64> {
        let limit = self.client.learned(Instant::now().into_std())?;
        Some(limit.rate_per_s)
    }

    /// Every permit has come back, to every limit.
    fn assert_nothing_held(&self) {
        for limit in &self.limits {
            assert_eq!(permits_out(limit), 0);
        }
        assert_eq!(self.client.permits_out(), 0);
    }
}

/// Loads so many rows over each endpoint; the exchanges of both, by time.
async fn load_both(pair: &Pair, rows: [u64; 2], scripts: [Script; 2]) -> Vec<(usize, Exchange)> {
    let [first, second] = scripts;
    let mut lanes = [pair.start(0, first), pair.start(1, second)];
    for (lane, rows) in lanes.iter_mut().zip(rows) {
        lane.feed(rows_up_to(rows));
    }
    let mut exchanges = Vec::new();
    for (number, (lane, rows)) in lanes.into_iter().zip(rows).enumerate() {
        let notes = lane.end_among_others().await;
        notes.assert_all_updated(rows);
        let of_lane = notes.exchanges.borrow();
        exchanges.extend(of_lane.iter().cloned().map(|exchange| (number, exchange)));
    }
    pair.assert_nothing_held();
    exchanges.sort_by_key(|(_, exchange)| exchange.call.at);
    exchanges
}

fn refusals(exchanges: &[(usize, Exchange)]) -> usize {
    let refused = |(_, exchange): &&(usize, Exchange)| exchange.status == Some(429);
    exchanges.iter().filter(refused).count()
}

/// The windows' ends stand still, so a wait that was named is over at the end
/// of the window in which it was.
fn assert_none_sent_while_closed(exchanges: &[(usize, Exchange)], length_s: u64) {
    let refused = exchanges
        .iter()
        .filter(|(_, exchange)| exchange.status == Some(429));
    for (_, refusal) in refused {
        let window = refusal.call.at.as_secs() / length_s;
        let until = Duration::from_secs((window + 1) * length_s);
        let early = exchanges
            .iter()
            .find(|(_, other)| other.call.at > refusal.ends && other.call.at < until);
        assert!(early.is_none(), "closed until {until:?}, but {early:?}");
    }
}

#[test]
fn a_limit_of_the_client_that_is_named_holds_all_its_endpoints_back() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let windows = Windows::default();
        let whole = Window {
            requests: 100,
            length_s: 10,
            name: "client.rate.per.minute",
        };
        let script = || -> Script {
            let windows = windows.clone();
            Box::new(move |call| windows.answer(call, &[(0, whole)], false))
        };
        let exchanges = load_both(&pair, [600, 600], [script(), script()]).await;
        assert_none_sent_while_closed(&exchanges, 10);
        let learned = pair.learned_by_client().expect("it was met");
        assert!((8.5..=10.5).contains(&learned), "{learned}");
        for limit in &pair.limits {
            let own = limit.learned(Instant::now().into_std());
            assert_eq!(own, None, "the endpoints have no limit of their own");
        }
        // The first quota goes at once, so all that was under way is refused;
        // later windows lose a request or two each.
        let refused = refusals(&exchanges);
        assert!(refused <= 64 + 2 * 12, "{refused}");
    });
}

#[test]
fn a_limit_of_an_endpoint_that_is_named_leaves_the_others_alone() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let windows = Windows::default();
        let tight = Window {
            requests: 50,
            length_s: 10,
            name: "contacts.patch",
        };
        let (tight_windows, free) = (windows.clone(), windows.clone());
        let exchanges = load_both(
            &pair,
            [300, 3_000],
            [
                Box::new(move |call| tight_windows.answer(call, &[(1, tight)], false)),
                Box::new(move |call| free.answer(call, &[], false)),
            ],
        )
        .await;
        let last_of_free = exchanges.iter().rfind(|(number, _)| *number == 1);
        let ended = last_of_free.expect("it was sent").1.ends;
        assert!(ended < Duration::from_secs(10), "held back: {ended:?}");
        assert_eq!(pair.learned_by_client(), None, "the client has no limit");
        assert!(!pair.client.is_met());
    });
}

#[test]
fn endpoints_that_are_refused_together_without_a_name_share_a_limit() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let windows = Windows::default();
        let nameless = Window {
            requests: 100,
            length_s: 10,
            name: "",
        };
        let script = || -> Script {
            let windows = windows.clone();
            Box::new(move |call| windows.answer(call, &[(0, nameless)], false))
        };
        let exchanges = load_both(&pair, [500, 500], [script(), script()]).await;
        let learned = pair.learned_by_client().expect("it was met");
        assert!((8.0..=10.5).contains(&learned), "{learned}");
        assert!(refusals(&exchanges) <= 64 + 3 * 10);
    });
}

#[test]
fn one_endpoint_that_is_refused_alone_says_nothing_about_the_client() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let windows = Windows::default();
        let window = |requests, length_s| Window {
            requests,
            length_s,
            name: "",
        };
        // They never end together.
        let (slow, quick) = (windows.clone(), windows.clone());
        let scripts: [Script; 2] = [
            Box::new(move |call| slow.answer(call, &[(0, window(60, 40))], false)),
            Box::new(move |call| match call.at.as_secs() {
                // Another endpoint is refused long after the first was.
                ..20 => quick.answer(call, &[(1, window(8, 1))], false),
                _ => quick.answer(call, &[], false),
            }),
        ];
        let [slow, quick] = scripts;
        let mut first = pair.start(0, slow);
        first.feed(rows_up_to(100));
        first.reach(Duration::from_secs(5)).await;
        let mut second = pair.start(1, quick);
        second.feed(rows_up_to(100));
        first.end_among_others().await.assert_all_updated(100);
        second.end_among_others().await.assert_all_updated(100);
        assert!(!pair.client.is_met());
        pair.assert_nothing_held();
    });
}

#[test]
fn headers_that_tell_the_same_quota_everywhere_tell_of_the_client() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let windows = Windows::default();
        let whole = Window {
            requests: 100,
            length_s: 10,
            name: "",
        };
        let script = || -> Script {
            let windows = windows.clone();
            Box::new(move |call| windows.answer(call, &[(0, whole)], true))
        };
        let exchanges = load_both(&pair, [400, 400], [script(), script()]).await;
        assert!(pair.client.is_met());
        let learned = pair.client.learned(Instant::now().into_std());
        let learned = learned.expect("it was told");
        assert!((9.0..=10.5).contains(&learned.rate_per_s), "{learned:?}");
        // Each endpoint alone would take what is left for itself.
        assert!(refusals(&exchanges) <= 16, "{}", refusals(&exchanges));
    });
}

#[test]
fn a_record_with_a_limit_of_its_own_waits_alone() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let mut lane = pair.start(0, |call| match (call.row, call.attempt) {
            (7, ..=2) => {
                let body = r#"{"limit": {"key": "contact.record"}}"#;
                let wait = HeaderValue::from_static("30");
                let reply = Reply::new(429, body).with_header(http::header::RETRY_AFTER, wait);
                (Duration::from_millis(10), Ok(reply))
            }
            _ => status(204, 50),
        });
        lane.feed(rows_up_to(1_000));
        let notes = lane.end_among_others().await;
        notes.assert_all_updated(1_000);
        let of_row = notes.of_row(7);
        assert_eq!(of_row.len(), 3);
        for pair in of_row.windows(2) {
            assert!(pair[1].call.at - pair[0].ends >= Duration::from_secs(30));
        }
        let others = notes.exchanges.borrow();
        let others = others.iter().filter(|exchange| exchange.call.row != 7);
        let last = others.map(|exchange| exchange.ends).max();
        assert!(last.expect("some") < Duration::from_secs(10), "{last:?}");
        let decisions = notes.decisions.borrow();
        let closed = |event: &LimitEvent| matches!(event, LimitEvent::GateClosed { .. });
        assert!(!decisions.iter().any(|(_, event)| closed(event)));
        pair.assert_nothing_held();
    });
}

#[test]
fn a_lane_that_dies_gives_the_clients_permits_back_too() {
    under_paused_time(async {
        let settings = LimitSettings {
            concurrency: crate::limit::Concurrency::Fixed(4.try_into().expect("not 0")),
            ..LimitSettings::default()
        };
        let pair = Pair::new(&settings);
        // A reply shows the client's limit while three are under way.
        let mut dying = pair.start(0, |call| match call.number {
            ..3 => status(204, 10),
            3 => {
                let body = r#"{"limit": {"key": "client.rate"}}"#;
                let wait = HeaderValue::from_static("2");
                let reply = Reply::new(429, body).with_header(http::header::RETRY_AFTER, wait);
                (Duration::from_millis(20), Ok(reply))
            }
            _ => status(204, 50_000),
        });
        dying.feed(rows_up_to(50));
        dying.reach(Duration::from_secs(1)).await;
        assert!(pair.client.is_met());
        assert_eq!(pair.client.permits_out(), 3);
        dying.reach(Duration::from_secs(5)).await;
        assert_eq!(pair.client.permits_out(), 4, "one more, after the wait");
        let mut other = pair.start(1, |_| status(204, 10));
        other.feed(rows_up_to(10));
        other.reach(Duration::from_secs(2)).await;
        assert_eq!(other.notes.exchanges.borrow().len(), 0, "there was no room");
        let waited_until = other.started.elapsed() + Duration::from_secs(20);
        assert!(dying.tear_down().await);
        let started = other.started;
        other.end_among_others().await.assert_all_updated(10);
        assert!(started.elapsed() < waited_until);
        pair.assert_nothing_held();
    });
}

#[test]
fn whose_decision_it_was_is_told() {
    under_paused_time(async {
        let pair = Pair::new(&LimitSettings::default());
        let mut lane = pair.start(0, |call| match call.number {
            20 => {
                let body = r#"{"limit": {"key": "client.rate"}}"#;
                let wait = HeaderValue::from_static("3");
                let reply = Reply::new(429, body).with_header(http::header::RETRY_AFTER, wait);
                (Duration::from_millis(10), Ok(reply))
            }
            _ => status(204, 50),
        });
        lane.feed(rows_up_to(100));
        let notes = lane.end_among_others().await;
        notes.assert_all_updated(100);
        let decisions = notes.decisions.borrow();
        assert!(decisions.len() >= 2, "closed and opened again");
        let of_client = |(level, _): &(LimitLevel, _)| *level == LimitLevel::Client;
        assert!(decisions.iter().all(of_client), "{decisions:?}");
        pair.assert_nothing_held();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn no_permit_is_lost_whatever_the_tenant_answers(
        script in prop::collection::vec((0_u8..8, 0_u64..900), 1..50),
        rows in 1_u64..120,
        concurrency in prop::option::of(1_u32..12),
        dies_after_s in prop::option::of(0_u64..12),
    ) {
        under_paused_time(async move {
            let settings = LimitSettings {
                concurrency: concurrency
                    .and_then(std::num::NonZeroU32::new)
                    .map_or(crate::limit::Concurrency::Auto, crate::limit::Concurrency::Fixed),
                ..LimitSettings::default()
            };
            let pair = Pair::new(&settings);
            let script = Rc::new(script);
            let play = |offset: u64| {
                let script = Rc::clone(&script);
                move |call: &Call| -> Answer {
                    let length = script.len() as u64;
                    if call.number >= 3 * length {
                        return status(204, 5);
                    }
                    let (kind, delay_ms) = script[((call.number + offset) % length) as usize];
                    let named = |name: &str| {
                        let body = format!(r#"{{"limit": {{"key": "{name}"}}}}"#);
                        let wait = HeaderValue::from_str(&(delay_ms % 4).to_string());
                        let wait = wait.expect("a value");
                        let reply = Reply::new(429, body)
                            .with_header(http::header::RETRY_AFTER, wait);
                        (Duration::from_millis(delay_ms), Ok(reply))
                    };
                    match kind {
                        0 => named("client.rate"),
                        1 => named("contacts.patch"),
                        2 => named("contact.record"),
                        3 => throttled(429, "1", delay_ms),
                        4 => status(500, delay_ms),
                        5 => refused(),
                        _ => status(204, delay_ms),
                    }
                }
            };
            let mut dying = pair.start(0, play(0));
            let mut living = pair.start(1, play(7));
            dying.feed(rows_up_to(rows));
            living.feed(rows_up_to(rows));
            match dies_after_s {
                Some(seconds) => {
                    dying.reach(Duration::from_secs(seconds)).await;
                    dying.tear_down().await;
                }
                None => {
                    dying.end_among_others().await;
                }
            }
            let notes = living.end_among_others().await;
            let ended = notes.ends();
            assert_eq!(ended.len() as u64, rows);
            assert!(ended.values().all(|kind| matches!(
                kind,
                OutcomeKind::Updated | OutcomeKind::Rejected | OutcomeKind::Unknown
            )));
            pair.assert_nothing_held();
        });
    }
}
