//! The limiters of a run, by what each limit belongs to. A limit outlives the
//! lanes that it holds back, so a phase that is built anew goes on with what
//! was learned; lanes of the same key share one, and all endpoints of a client
//! stand below that client's own.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dashmap::DashMap;
use tokio::time::Instant;

use crate::limit::{
    CloseReason, Controller, FoundBy, GateState, LearnedLimit, LimitKey, LimitKind, LimitProfile,
    LimitSettings, Pause, ProfileFit,
};

use super::lane::{ClientLimit, SharedLimit};

/// The seed of the limiters' jitter; any will do, a fixed one makes runs alike.
const JITTER_SEED: u64 = 0x51ce;

/// A limit, and what a run found out about it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundLimit {
    /// What it belongs to.
    pub key: LimitKey,
    /// What is known of it.
    pub limit: LearnedLimit,
}

/// Where one limit stands, for the time to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LimitStanding {
    /// What is known of it.
    pub(super) learned: Option<LearnedLimit>,
    /// How long its gate stays closed; zero where it is open.
    pub(super) closed_for: Duration,
    /// Whether a quota closed it, not trouble of the tenant's.
    pub(super) is_quota: bool,
}

/// All limiters of a run. Cheap to clone; clones share them.
#[derive(Clone)]
pub(super) struct Limiters {
    settings: LimitSettings,
    /// What is known of limits before the run starts.
    known: Arc<[LimitProfile]>,
    /// Pauses that the tenant has asked for before the run starts.
    pauses: Arc<[Pause]>,
    endpoints: Arc<DashMap<LimitKey, Arc<SharedLimit>>>,
    clients: Arc<DashMap<LimitKey, Arc<ClientLimit>>>,
}

impl Limiters {
    /// None yet; each will start with these settings, and with what is known
    /// of its limit.
    pub(super) fn new(
        settings: LimitSettings,
        known: Vec<LimitProfile>,
        pauses: Vec<Pause>,
    ) -> Self {
        Self {
            settings,
            known: known.into(),
            pauses: pauses.into(),
            endpoints: Arc::default(),
            clients: Arc::default(),
        }
    }

    /// The limiter of a key, started now where there was none.
    pub(super) fn of(&self, key: &LimitKey) -> Arc<SharedLimit> {
        let limit = self.endpoints.entry(key.clone()).or_insert_with(|| {
            let now = Instant::now().into_std();
            let settings = self.settings_for(key);
            let controller = Controller::new(settings, now, JITTER_SEED);
            SharedLimit::below(&self.of_client(key), controller)
        });
        Arc::clone(&limit)
    }

    fn of_client(&self, key: &LimitKey) -> Arc<ClientLimit> {
        let key = key.of_whole_client();
        let client = self.clients.entry(key.clone()).or_insert_with(|| {
            let now = Instant::now().into_std();
            ClientLimit::new(self.settings_for(&key), now, JITTER_SEED)
        });
        Arc::clone(&client)
    }

    fn settings_for(&self, key: &LimitKey) -> LimitSettings {
        LimitSettings {
            starting_point: starting_point(&self.known, key),
            closed_for: closed_for(&self.pauses, key),
            ..self.settings.clone()
        }
    }

    /// What is known of every limit that was met.
    pub(super) fn found(&self) -> Vec<FoundLimit> {
        let now = Instant::now().into_std();
        let mut found: Vec<FoundLimit> = Vec::new();
        let mut add = |key: &LimitKey, limit: Option<LearnedLimit>| {
            found.extend(limit.map(|limit| FoundLimit {
                key: key.clone(),
                limit,
            }));
        };
        for entry in self.endpoints.iter() {
            add(entry.key(), entry.value().learned(now));
        }
        for entry in self.clients.iter() {
            add(entry.key(), entry.value().learned(now));
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        found
    }

    /// Where the limits stand that requests of this key pass.
    pub(super) fn standing(&self, key: &LimitKey) -> Vec<LimitStanding> {
        let now = Instant::now().into_std();
        let own = self.endpoints.get(key).map(|own| {
            let learned = own.learned(now);
            standing(own.lock().snapshot(now).gate, learned, now)
        });
        let client = self.clients.get(&key.of_whole_client());
        let above = client.and_then(|client| {
            let learned = client.learned(now);
            Some(standing(client.gate(now)?, learned, now))
        });
        own.into_iter().chain(above).collect()
    }
}

fn standing(
    gate: GateState,
    learned: Option<LearnedLimit>,
    now: std::time::Instant,
) -> LimitStanding {
    match gate {
        GateState::Open => LimitStanding {
            learned,
            ..LimitStanding::default()
        },
        GateState::Closed { until, reason } => LimitStanding {
            learned,
            closed_for: until.saturating_duration_since(now),
            is_quota: matches!(
                reason,
                CloseReason::Throttled | CloseReason::NothingGetsThrough
            ),
        },
    }
}

/// What a limit's controller starts from: what is known of this very limit; of
/// an endpoint that is new, what another one of the same client has. That is a
/// first guess where a run learnt it. A probe's finding is taken as it stands,
/// since a probe reads and is made for the loads that follow: a pace that
/// starts sure and is wrong is corrected by the first refusal, or as a limit
/// that was raised.
fn starting_point(known: &[LimitProfile], key: &LimitKey) -> Option<LearnedLimit> {
    let (profile, fit) =
        LimitProfile::nearest(known, &key.tenant, Some(&key.client), &key.endpoint)?;
    // That none was met up to some rate is nothing to start from.
    (profile.limit.kind != LimitKind::None).then(|| LearnedLimit {
        sure: profile.limit.sure
            && (fit == ProfileFit::Exact || profile.found_by == FoundBy::Probe),
        ..profile.limit
    })
}

/// What is left of the pause that the tenant asked for under this limit.
fn closed_for(pauses: &[Pause], key: &LimitKey) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    let of_key = pauses.iter().filter(|pause| pause.key == *key);
    of_key
        .map(|pause| pause.left(now_ms))
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Confidence;

    fn key(client: &str, endpoint: &str) -> LimitKey {
        LimitKey {
            tenant: "https://tenant".to_owned(),
            client: client.to_owned(),
            endpoint: endpoint.to_owned(),
        }
    }

    fn profile(client: &str, endpoint: &str, rate_per_s: f64, kind: &str) -> LimitProfile {
        let limit = format!(r#"{{"rate_per_s": {rate_per_s}, "kind": "{kind}", "sure": true}}"#);
        LimitProfile {
            key: key(client, endpoint),
            found_at_epoch_s: 1,
            found_by: FoundBy::Run,
            confidence: Confidence::High,
            limit: serde_json::from_str(&limit).expect("a limit"),
        }
    }

    #[test]
    fn the_very_limit_is_started_from_and_another_endpoints_only_as_a_guess() {
        let known = [
            profile("ours", "update", 5.0, "window"),
            profile("ours", "insert", 7.0, "window"),
            profile("ours", "*", 9.0, "window"),
            profile("theirs", "read", 11.0, "window"),
        ];
        let start = |endpoint: &str| {
            let limit = starting_point(&known, &key("ours", endpoint));
            limit.map(|limit| (limit.rate_per_s, limit.sure))
        };
        assert_eq!(start("update"), Some((5.0, true)));
        assert_eq!(start("insert"), Some((7.0, true)));
        let guess = start("read").expect("a guess");
        assert!(!guess.1, "another endpoint's limit is no knowledge");
        assert!(
            guess.0 < 9.0,
            "the client's own limit is none of an endpoint"
        );
        assert_eq!(start("*"), Some((9.0, true)));
        assert_eq!(starting_point(&known, &key("nobody's", "update")), None);
    }

    #[test]
    fn what_a_probe_read_is_started_from_as_it_stands() {
        let mut probed = profile("ours", "GET /contacts", 50.0, "token_bucket");
        probed.found_by = FoundBy::Probe;
        let start = starting_point(&[probed], &key("ours", "update"));
        assert_eq!(
            start.map(|start| (start.rate_per_s, start.sure)),
            Some((50.0, true))
        );
    }

    #[test]
    fn that_no_limit_was_met_is_nothing_to_start_from() {
        let known = [profile("ours", "update", 500.0, "none")];
        assert_eq!(starting_point(&known, &key("ours", "update")), None);
    }
}
