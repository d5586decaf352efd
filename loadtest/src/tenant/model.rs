//! The tenant without its sockets: limits, faults, time inside and words, under a clock that is passed in.
//!
//! It is made of the same parts as the server, so a client meets the same tenant in simulation as over a socket.

use std::time::Duration;

use super::dice::Dice;
use super::endpoint::Endpoint;
use super::faults::{Fault, FaultDraw, FaultKind, FaultTarget};
use super::gatekeeper::{Asker, Gatekeeper, Moment, Place};
use super::limit_headers::LimitHeaders;
use super::limiter::LimitScope;
use super::retry_after::http_date;
use super::scenario::Scenario;
use super::units::whole_seconds;

/// A tenant as a function of its scenario, its seed and the requests that arrive. Times count from the scenario's start
/// and never go back.
pub struct Model {
    scenario: Scenario,
    clock_at_zero: Duration,
    gate: Gatekeeper,
    dice: Dice,
    faults: FaultDraw,
    inside: u64,
    /// Whether any limit is one of each record.
    by_record: bool,
}

/// What a client hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The status; none if the connection closes without a reply.
    pub status: Option<u16>,
    /// Headers about limits and waits, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The text of a refusal; otherwise empty.
    pub body: String,
}

/// A request that was let in, to be given back when it leaves.
#[derive(Debug)]
#[must_use = "a request that never leaves keeps its place"]
pub struct Inside {
    places: Vec<Place>,
}

/// What became of a request that arrived.
#[derive(Debug)]
pub enum Arrival {
    /// Over a limit: the answer leaves at once.
    Refused(Heard),
    /// Let in: the answer leaves after a time inside.
    Admitted {
        /// The time.
        takes: Duration,
        /// To be handed to [`Model::leaves`] then.
        inside: Inside,
        /// The answer.
        heard: Heard,
    },
}

impl Model {
    /// A fresh tenant. `clock_at_zero` is the Unix time of its start.
    pub fn new(scenario: Scenario, clock_at_zero: Duration) -> Self {
        let wants_standing = scenario.limit_headers != LimitHeaders::None;
        let mut limits = scenario.limits.iter();
        let by_record = limits.any(|limit| limit.scope == LimitScope::Record);
        Model {
            gate: Gatekeeper::new(
                &scenario.limits,
                scenario.words_of_refusals(),
                scenario.undercut_grace,
                wants_standing,
            ),
            dice: Dice::new(scenario.seed),
            faults: FaultDraw::new(&scenario.faults),
            inside: 0,
            clock_at_zero,
            by_record,
            scenario,
        }
    }

    /// A draw of the time on the wire, one way.
    pub fn one_way(&mut self) -> Duration {
        self.scenario.latency.one_way(&mut self.dice)
    }

    /// A write arrives from one of the client's processes, each of which has a token of its own.
    pub fn arrives(&mut self, now: Duration, process: usize, record: u64) -> Arrival {
        let record = if self.by_record {
            format!("contact-{record}")
        } else {
            String::new()
        };
        let moment = Moment {
            now,
            clock_at_zero: self.clock_at_zero,
        };
        let asker = Asker {
            client: "demo",
            token_serial: process as u64,
            endpoint: Endpoint::PatchContact,
            record: &record,
        };
        let style = self.scenario.limit_headers;
        let clock = self.scenario.retry_after.clock(self.clock_at_zero + now);
        let admission = match self.gate.admit(moment, &asker) {
            Ok(admission) => admission,
            Err(refusal) => {
                let form = self.scenario.refusals;
                let status = form.status(style);
                if status.is_none() {
                    return Arrival::Refused(Heard::default());
                }
                let body = refusal.body(form, style).to_string();
                let headers = with_date(refusal.headers(style, clock), clock);
                return Arrival::Refused(Heard {
                    status,
                    headers,
                    body,
                });
            }
        };
        self.inside += 1;
        let faults = &self.scenario.faults;
        let struck = self
            .faults
            .draw(faults, FaultTarget::Contacts, now, &mut self.dice);
        let fault = struck.and_then(|index| faults.get(index));
        let mut takes = self.scenario.latency.inside(&mut self.dice, self.inside);
        let mut heard = fault.map_or_else(success, in_words);
        if let Some(FaultKind::NeverAnswer { hold }) = fault.map(|fault| &fault.kind) {
            takes += *hold;
        }
        if let Some(standing) = admission.standing
            && heard.status.is_some()
        {
            heard.headers.extend(style.write(standing, clock));
        }
        heard.headers = with_date(heard.headers, clock);
        let places = admission.places;
        let inside = Inside { places };
        Arrival::Admitted {
            takes,
            inside,
            heard,
        }
    }

    /// An admitted request's answer leaves.
    pub fn leaves(&mut self, inside: &Inside) {
        self.inside = self.inside.saturating_sub(1);
        self.gate.release(&inside.places);
    }

    /// Requests of other clients so far: accepted and refused.
    pub fn others(&self) -> (u64, u64) {
        self.gate.others()
    }
}

/// `Date` beside what needs it; a bare success has no time to tell.
fn with_date(
    mut headers: Vec<(&'static str, String)>,
    clock: Duration,
) -> Vec<(&'static str, String)> {
    if !headers.is_empty() {
        headers.push(("date", http_date(clock)));
    }
    headers
}

fn success() -> Heard {
    Heard {
        status: Some(204),
        ..Heard::default()
    }
}

/// A fault as far as a limiter can tell it.
fn in_words(fault: &Fault) -> Heard {
    let mut heard = Heard::default();
    match &fault.kind {
        FaultKind::CloseBefore | FaultKind::CloseAfter | FaultKind::NeverAnswer { .. } => {}
        // Its body breaks off, so no client takes it for a reply.
        FaultKind::TruncatedBody => {}
        FaultKind::ServerError {
            status,
            retry_after,
        } => {
            heard.status = Some(*status);
            heard.headers = retry_after
                .map(|wait| ("retry-after", whole_seconds(wait).to_string()))
                .into_iter()
                .collect();
        }
        FaultKind::OversizedBody { status, .. }
        | FaultKind::NotJson { status }
        | FaultKind::Redirect { status, .. } => heard.status = Some(*status),
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(yaml: &str) -> Model {
        let scenario = Scenario::from_yaml(yaml, "a test").expect("a scenario");
        Model::new(scenario, Duration::from_secs(1_800_000_000))
    }

    fn names(heard: &Heard) -> Vec<&str> {
        heard.headers.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn a_refusal_leaves_at_once_and_says_what_the_server_would() {
        let mut model = model(
            "limits: [{ kind: fixed_window, requests: 1, window: 60s, key: a.key }]\nlimit_headers: genesys\nlatency: { median: 80ms }",
        );
        let Arrival::Admitted { takes, heard, .. } = model.arrives(Duration::ZERO, 0, 1) else {
            panic!("the first is let in");
        };
        assert_eq!(
            (takes, heard.status),
            (Duration::from_millis(80), Some(204))
        );
        assert!(names(&heard).contains(&"inin-ratelimit-count"));
        let Arrival::Refused(heard) = model.arrives(Duration::from_millis(10), 0, 2) else {
            panic!("the second is one too many");
        };
        assert_eq!(heard.status, Some(429));
        assert!(heard.headers.contains(&("retry-after", "60".to_owned())));
        assert!(names(&heard).contains(&"date"));
        assert!(heard.body.contains("a.key"), "{}", heard.body);
    }

    #[test]
    fn a_refusal_may_come_as_trouble_or_as_nothing() {
        let refused_as = |form: &str| {
            let limit = "limits: [{ kind: token_bucket, rate: 1, burst: 1 }]";
            let mut model = model(&format!("{limit}\nrefusals: {form}"));
            let _inside = model.arrives(Duration::ZERO, 0, 1);
            match model.arrives(Duration::ZERO, 0, 2) {
                Arrival::Refused(heard) => heard,
                Arrival::Admitted { .. } => panic!("the second is one too many"),
            }
        };
        let trouble = refused_as("service_unavailable");
        assert_eq!(trouble.status, Some(503));
        assert!(names(&trouble).contains(&"retry-after"));
        assert!(!trouble.body.contains("limit"), "{}", trouble.body);
        assert_eq!(refused_as("close"), Heard::default());
    }

    #[test]
    fn a_place_is_free_again_when_its_request_leaves() {
        let mut model = model("limits: [{ kind: concurrency, cap: 1 }]");
        let Arrival::Admitted { inside, .. } = model.arrives(Duration::ZERO, 0, 1) else {
            panic!("the first is let in");
        };
        let second = model.arrives(Duration::ZERO, 0, 2);
        assert!(matches!(second, Arrival::Refused(_)), "{second:?}");
        model.leaves(&inside);
        let third = model.arrives(Duration::ZERO, 0, 3);
        assert!(matches!(third, Arrival::Admitted { .. }), "{third:?}");
    }

    #[test]
    fn a_fault_takes_its_place_and_its_time() {
        let mut model = model(
            "faults: [{ kind: server_error, status: 503, ratio: 1, retry_after: 2s }]\nlatency: { median: 80ms }",
        );
        let Arrival::Admitted { takes, heard, .. } = model.arrives(Duration::ZERO, 0, 1) else {
            panic!("nobody refuses");
        };
        assert_eq!(
            (takes, heard.status),
            (Duration::from_millis(80), Some(503))
        );
        assert!(heard.headers.contains(&("retry-after", "2".to_owned())));
    }

    #[test]
    fn a_record_has_a_bucket_of_its_own() {
        let mut model =
            model("limits: [{ kind: token_bucket, rate: 0.01, burst: 1, scope: record }]");
        let mut let_in = |record| {
            let arrival = model.arrives(Duration::ZERO, 0, record);
            matches!(arrival, Arrival::Admitted { .. })
        };
        assert_eq!([let_in(1), let_in(2), let_in(1)], [true, true, false]);
    }
}
