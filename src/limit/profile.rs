//! A limit profile: what is known about one limit before a run starts, from a
//! probe or from the run before.

use serde::{Deserialize, Serialize};

use super::key::LimitKey;
use super::learned::{LearnedLimit, LimitKind};

/// A run's rate refreshes a profile where the two differ by less than this
/// share; two measures of a controller agree within the same. Larger, and the
/// shape of a limit that was changed outlives it; smaller, and a run's own
/// error throws away what a probe found out.
const SAME_LIMIT: f64 = 0.15;

/// One limit, and how it came to be known. Unknown fields are ignored and
/// missing ones take their defaults, so old and new files mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitProfile {
    /// What the limit belongs to.
    pub key: LimitKey,
    /// When it was found, in seconds of the Unix epoch.
    pub found_at_epoch_s: u64,
    /// By what.
    pub found_by: FoundBy,
    /// How far it can be trusted.
    #[serde(default)]
    pub confidence: Confidence,
    /// The limit.
    pub limit: LearnedLimit,
}

/// What found a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// `sluice probe`: its shape was tried out.
    Probe,
    /// A load: its rate was learnt on the way.
    Run,
}

/// How far a finding can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The measures contradict each other, or there is only one.
    #[default]
    Low,
    /// They agree within a quarter.
    Medium,
    /// They agree within a twentieth.
    High,
}

/// How well a profile fits what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileFit {
    /// It is of the same tenant, but of another client, or the client isn't
    /// known.
    SameTenant,
    /// It is of the same client, but of another endpoint.
    SameClient,
    /// It is of this very limit.
    Exact,
}

impl LimitProfile {
    /// The profile to keep after a run: what the run learnt, and of the old
    /// profile the shape that still fits. A run learns the rate on the way;
    /// what starts a window or how large a burst is takes a probe to find out.
    #[must_use]
    pub fn after_run(old: Option<&Self>, learned: Self) -> Self {
        let Some(old) = old else {
            return learned;
        };
        if !is_same_limit(&old.limit, &learned.limit) {
            // What was admitted is a limit from below, so only a higher rate
            // proves an old one wrong before the new one is sure.
            let is_proof = learned.limit.sure || learned.limit.rate_per_s > old.limit.rate_per_s;
            let replaces = is_proof || !old.limit.sure;
            return if replaces { learned } else { old.clone() };
        }
        Self {
            confidence: old.confidence.max(learned.confidence),
            limit: LearnedLimit {
                rate_per_s: learned.limit.rate_per_s,
                longest_wait_s: learned.limit.longest_wait_s.max(old.limit.longest_wait_s),
                sure: learned.limit.sure || old.limit.sure,
                ..old.limit
            },
            ..learned
        }
    }

    /// The profile that says the most about a limit, of those that are known:
    /// its own, else that of another endpoint of the same client. Where the
    /// client isn't known, one of the same tenant will do.
    #[must_use]
    pub fn nearest<'known>(
        known: &'known [Self],
        tenant: &str,
        client: Option<&str>,
        endpoint: &str,
    ) -> Option<(&'known Self, ProfileFit)> {
        let of_client = endpoint == LimitKey::WHOLE_CLIENT;
        known
            .iter()
            .filter_map(|profile| {
                let fit = profile.fit(tenant, client, endpoint)?;
                // A client's own limit and an endpoint's say nothing about
                // each other.
                let is_same_level = profile.key.is_whole_client() == of_client;
                let is_usable = match fit {
                    ProfileFit::Exact => true,
                    ProfileFit::SameClient => is_same_level,
                    ProfileFit::SameTenant => is_same_level && client.is_none(),
                };
                is_usable.then_some((profile, fit))
            })
            .max_by_key(|(profile, fit)| {
                let is_same_endpoint = profile.key.endpoint == endpoint;
                (*fit, is_same_endpoint, profile.found_at_epoch_s)
            })
    }

    /// How long ago it was found, in seconds; 0 where the clock was set back.
    #[must_use]
    pub fn age_s(&self, now_epoch_s: u64) -> u64 {
        now_epoch_s.saturating_sub(self.found_at_epoch_s)
    }

    /// How well it fits a limit; `None` where it is of another tenant. Of a
    /// client that isn't known, every client of the tenant is taken.
    #[must_use]
    pub fn fit(&self, tenant: &str, client: Option<&str>, endpoint: &str) -> Option<ProfileFit> {
        if self.key.tenant != tenant {
            return None;
        }
        let of_client = client.is_some_and(|client| client == self.key.client);
        Some(match (of_client, self.key.endpoint == endpoint) {
            (true, true) => ProfileFit::Exact,
            (true, false) => ProfileFit::SameClient,
            (false, _) => ProfileFit::SameTenant,
        })
    }
}

/// Whether a run's measure may be one of the limit that was found before.
fn is_same_limit(old: &LearnedLimit, new: &LearnedLimit) -> bool {
    let is_cap = |limit: &LearnedLimit| limit.kind == LimitKind::ConcurrencyCap;
    old.kind != LimitKind::None
        && is_cap(old) == is_cap(new)
        && old.rate_per_s > 0.0
        && (new.rate_per_s / old.rate_per_s - 1.0).abs() <= SAME_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(found_by: FoundBy, limit: &str) -> LimitProfile {
        LimitProfile {
            key: LimitKey {
                tenant: "https://tenant".to_owned(),
                client: "client".to_owned(),
                endpoint: "update".to_owned(),
            },
            found_at_epoch_s: 1_000,
            found_by,
            confidence: Confidence::Medium,
            limit: serde_json::from_str(limit).expect("a limit"),
        }
    }

    const PROBED: &str = r#"{"rate_per_s": 5.0, "burst": 300.0, "window_s": 60.0,
        "window_starts": "first_request", "longest_wait_s": 60.0, "kind": "fixed_window", "sure": true}"#;

    #[test]
    fn a_run_refreshes_the_rate_and_keeps_the_shape_that_still_fits() {
        let probed = profile(FoundBy::Probe, PROBED);
        let run = profile(
            FoundBy::Run,
            r#"{"rate_per_s": 4.9, "longest_wait_s": 55.0, "kind": "window", "sure": true}"#,
        );
        let kept = LimitProfile::after_run(Some(&probed), run);
        assert_eq!(kept.found_by, FoundBy::Run);
        let expected = LearnedLimit {
            rate_per_s: 4.9,
            ..probed.limit
        };
        assert_eq!(kept.limit, expected);
    }

    #[test]
    fn a_limit_that_was_changed_replaces_the_old_one() {
        let probed = profile(FoundBy::Probe, PROBED);
        for other in [
            r#"{"rate_per_s": 4.2, "kind": "window", "sure": true}"#,
            r#"{"rate_per_s": 5.8, "kind": "window", "sure": true}"#,
            r#"{"rate_per_s": 5.0, "kind": "concurrency_cap", "concurrency_cap": 8, "sure": true}"#,
        ] {
            let run = profile(FoundBy::Run, other);
            let kept = LimitProfile::after_run(Some(&probed), run.clone());
            assert_eq!(kept, run);
        }
        let run = profile(FoundBy::Run, r#"{"rate_per_s": 5.0}"#);
        assert_eq!(LimitProfile::after_run(None, run.clone()), run);
    }

    #[test]
    fn a_rate_that_is_not_sure_replaces_a_sure_one_only_from_below() {
        let probed = profile(FoundBy::Probe, PROBED);
        for (rate_per_s, replaces) in [(2.0, false), (20.0, true)] {
            let run = profile(FoundBy::Run, &format!(r#"{{"rate_per_s": {rate_per_s}}}"#));
            let kept = LimitProfile::after_run(Some(&probed), run.clone());
            assert_eq!(kept, if replaces { run } else { probed.clone() });
        }
    }

    fn of(client: &str, endpoint: &str, found_at_epoch_s: u64) -> LimitProfile {
        let mut profile = profile(FoundBy::Probe, PROBED);
        profile.key.client = client.to_owned();
        profile.key.endpoint = endpoint.to_owned();
        profile.found_at_epoch_s = found_at_epoch_s;
        profile
    }

    #[test]
    fn the_very_limit_says_more_than_its_neighbours() {
        let known = [
            of("ours", "update", 10),
            of("ours", "insert", 20),
            of("ours", "*", 30),
            of("theirs", "update", 40),
            of("theirs", "read", 50),
        ];
        let nearest = |client, endpoint| {
            let found = LimitProfile::nearest(&known, "https://tenant", client, endpoint);
            found.map(|(profile, fit)| (profile.found_at_epoch_s, fit))
        };
        let ours = Some("ours");
        assert_eq!(nearest(ours, "update"), Some((10, ProfileFit::Exact)));
        assert_eq!(nearest(ours, "*"), Some((30, ProfileFit::Exact)));
        assert_eq!(nearest(ours, "delete"), Some((20, ProfileFit::SameClient)));
        assert_eq!(nearest(Some("third"), "update"), None);
        assert_eq!(nearest(Some("theirs"), "*"), None);
        assert_eq!(nearest(None, "update"), Some((40, ProfileFit::SameTenant)));
        assert_eq!(nearest(None, "*"), Some((30, ProfileFit::SameTenant)));
        let elsewhere = LimitProfile::nearest(&known, "https://other", ours, "update");
        assert_eq!(elsewhere, None);
    }

    #[test]
    fn an_age_is_never_negative() {
        let profile = of("ours", "update", 1_000);
        assert_eq!(profile.age_s(1_060), 60);
        assert_eq!(profile.age_s(900), 0);
    }
}
