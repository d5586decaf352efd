//! The limits that are known from earlier runs and probes, as the commands use
//! them: what a run starts from, what it keeps at its end, and what a forecast
//! is told under.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::actors::FoundLimit;
use crate::config::{Concurrency, LimitProfileUse, Settings};
use crate::connector::Bound;
use crate::error::FatalError;
use crate::limit::{
    Confidence, FoundBy, LearnedLimit, LimitKey, LimitKind, LimitProfile, Pause, ProfileFit, Share,
};
use crate::plan::{Forecast, requests_for, sustained_rate, time_for};
use crate::report::{LimitSummary, age_words};
use crate::store::LimitProfiles;

/// A run starts from nothing older: a tenant's limits are changed by a phone
/// call.
const STALE_AFTER_S: u64 = 24 * 3_600;
/// Under `--max-rate` a pace is only taken for the tenant's where it stayed
/// below this share of it. Larger, and the user's own rate is remembered as
/// the tenant's.
const CLEARLY_BELOW: f64 = 0.85;

/// What is known before a command does anything.
#[derive(Debug, Default)]
pub(super) struct KnownLimits {
    /// The profiles of the folder of the runs.
    pub(super) profiles: Vec<LimitProfile>,
    /// Pauses that tenants have asked for, also those that are over.
    pub(super) pauses: Vec<Pause>,
    /// Why they can't be used, where they can't.
    pub(super) trouble: Option<String>,
}

impl KnownLimits {
    /// Those of the settings' folder of runs. A file that can't be used is
    /// worth a word, and stops nothing.
    pub(super) fn read(settings: &Settings) -> Self {
        let uses_profiles = match settings.limit_profile {
            LimitProfileUse::Untouched => return Self::default(),
            LimitProfileUse::KeepOnly => false,
            LimitProfileUse::StartAndKeep => true,
        };
        let kept = LimitProfiles::of(&settings.run_dir);
        let read = kept
            .all()
            .and_then(|profiles| Ok((profiles, kept.pauses()?)));
        match read {
            Ok((profiles, pauses)) => Self {
                profiles: if uses_profiles { profiles } else { Vec::new() },
                // What the tenant has asked for holds, whatever is known.
                pauses,
                trouble: None,
            },
            Err(error) => Self {
                trouble: Some(format!(
                    "the limits known from before are left out: {}. {}",
                    error.message, error.hint
                )),
                ..Self::default()
            },
        }
    }

    /// Without those that a run doesn't start from any more.
    pub(super) fn fresh(&self) -> Vec<LimitProfile> {
        let now = now_epoch_s();
        let is_fresh = |profile: &&LimitProfile| profile.age_s(now) < STALE_AFTER_S;
        self.profiles.iter().filter(is_fresh).cloned().collect()
    }
}

/// What a run says about where it starts, once.
pub(super) fn starting_words(fresh: &[LimitProfile], key: &LimitKey) -> Option<String> {
    let of = |endpoint: &str| {
        let found = LimitProfile::nearest(fresh, &key.tenant, Some(&key.client), endpoint);
        found.filter(|(profile, _)| profile.limit.kind != LimitKind::None)
    };
    let limits = [of(&key.endpoint), of(LimitKey::WHOLE_CLIENT)];
    let words: Vec<String> = limits
        .into_iter()
        .flatten()
        .map(|(profile, fit)| profile_words(profile, fit))
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "starts from {}; --no-limit-profile starts from nothing",
            words.join(", and ")
        )
    })
}

/// A profile in words: `the limit found 2 hours ago by a probe: …`.
fn profile_words(profile: &LimitProfile, fit: ProfileFit) -> String {
    let whose = match (fit, profile.key.is_whole_client()) {
        (_, true) => "the limit of the whole client".to_owned(),
        (ProfileFit::SameClient, _) => format!("the limit of {}", profile.key.endpoint),
        (ProfileFit::SameTenant | ProfileFit::Exact, _) => "the limit".to_owned(),
    };
    let found_by = match profile.found_by {
        FoundBy::Probe => "a probe",
        FoundBy::Run => "a run",
    };
    format!(
        "{whose} found {} by {found_by}: {}",
        age_words(profile.age_s(now_epoch_s())),
        limit_summary(&profile.key.endpoint, &profile.limit).words()
    )
}

/// A limit as the summary has it.
pub(super) fn limit_summary(endpoint: &str, limit: &LearnedLimit) -> LimitSummary {
    let kind = serde_json::to_value(limit.kind).ok();
    LimitSummary {
        part: None,
        endpoint: endpoint.to_owned(),
        kind: kind
            .and_then(|kind| Some(kind.as_str()?.to_owned()))
            .unwrap_or_default(),
        rate_per_s: limit.rate_per_s,
        burst: limit.burst,
        window_s: limit.window_s,
        concurrency_cap: limit.concurrency_cap,
        sure: limit.sure,
        longest_wait_s: limit.longest_wait_s,
    }
}

/// Keeps what a leg learnt, for the next one to start from.
///
/// # Errors
/// Fails where the profiles can't be read or written.
pub(super) fn keep(settings: &Settings, found: &[FoundLimit]) -> Result<(), FatalError> {
    if settings.limit_profile == LimitProfileUse::Untouched {
        return Ok(());
    }
    let profiles = LimitProfiles::of(&settings.run_dir);
    for found in found {
        if !is_worth_keeping(&found.limit, settings) {
            continue;
        }
        let learned = LimitProfile {
            key: found.key.clone(),
            found_at_epoch_s: now_epoch_s(),
            found_by: FoundBy::Run,
            confidence: if found.limit.sure {
                Confidence::Medium
            } else {
                Confidence::Low
            },
            limit: as_a_run_knows(&found.limit),
        };
        profiles.keep(&found.key, |old| LimitProfile::after_run(old, learned))?;
    }
    Ok(())
}

/// Whether it is the tenant's limit and not the user's own.
fn is_worth_keeping(limit: &LearnedLimit, settings: &Settings) -> bool {
    let is_rate = limit.rate_per_s.is_finite() && limit.rate_per_s > 0.0;
    if !is_rate {
        return false;
    }
    match limit.kind {
        // The headers' own word, whatever the user allowed.
        LimitKind::Told => limit.window_s.is_some(),
        // With a fixed number under way, that number is what was measured.
        LimitKind::ConcurrencyCap => {
            settings.concurrency == Concurrency::Auto && settings.max_rate.is_none()
        }
        _ => settings
            .max_rate
            .is_none_or(|wished| limit.rate_per_s < CLEARLY_BELOW * wished.per_second()),
    }
}

/// What a run can know: what its cycles admitted at once is as much its own
/// pace's doing as the limit's.
fn as_a_run_knows(limit: &LearnedLimit) -> LearnedLimit {
    LearnedLimit {
        burst: limit.burst.filter(|_| limit.window_s.is_some()),
        ..*limit
    }
}

/// Requests that a load of so many rows takes, as far as that can be told
/// without asking the tenant.
pub(super) fn requests_of_load(bound: &Bound, keeps_pre_images: bool, rows: u64) -> u64 {
    let operation = &bound.operation;
    let update = bound.update.as_deref();
    let rows_a_request = update.map_or(operation.batch_cap, |update| {
        update.batch_cap.min(operation.batch_cap)
    });
    let looks_up = update.is_some() || keeps_pre_images;
    requests_for(
        rows,
        rows_a_request as u64,
        looks_up.then(|| operation.look_up_cap() as u64),
    )
}

/// The forecast of a load of so many requests, and in words where it comes
/// from.
pub(super) fn forecast(
    requests: u64,
    known: &[LimitProfile],
    key: (&str, Option<&str>, &str),
    settings: &Settings,
) -> (Forecast, Option<String>) {
    let share = Share::try_new(settings.share.fraction()).unwrap_or_default();
    let max_rate = settings
        .max_rate
        .and_then(|rate| crate::limit::Rate::per_second(rate.per_second()));
    let (tenant, client, endpoint) = key;
    // The endpoint's limit and the client's both bound the load: the one that
    // takes longer tells.
    let limits = [endpoint, LimitKey::WHOLE_CLIENT];
    let slowest = limits
        .into_iter()
        .filter_map(|endpoint| LimitProfile::nearest(known, tenant, client, endpoint))
        .max_by_key(|(profile, _)| time_for(requests, Some(&profile.limit), share, None));
    let limit = slowest.map(|(profile, _)| &profile.limit);
    let requests_per_s = sustained_rate(limit, share, max_rate);
    let is_users_own = match (requests_per_s, sustained_rate(limit, share, None)) {
        (Some(rate), Some(allowed)) => rate < allowed,
        _ => true,
    };
    let (limit_from, limit_age_s, words) = match slowest {
        Some((profile, fit)) if !is_users_own => (
            Some(match profile.found_by {
                FoundBy::Probe => "probe",
                FoundBy::Run => "run",
            }),
            Some(profile.age_s(now_epoch_s())),
            Some(profile_words(profile, fit)),
        ),
        _ if max_rate.is_some() => (Some("max_rate"), None, Some("--max-rate".to_owned())),
        _ => (None, None, None),
    };
    let time = time_for(requests, limit, share, max_rate);
    let forecast = Forecast {
        requests,
        seconds: time.map(|time| time.as_secs_f64()),
        requests_per_s,
        limit_from,
        limit_age_s,
    };
    (forecast, words)
}

fn now_epoch_s() -> u64 {
    now_epoch_ms() / 1_000
}

/// The time, in milliseconds of the Unix epoch.
pub(super) fn now_epoch_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn settings(change: impl FnOnce(&mut Overrides)) -> Settings {
        let mut overrides = Overrides {
            input: Some(crate::config::InputSource::File("contacts.csv".into())),
            connector: Some("any".to_owned()),
            ..Overrides::default()
        };
        change(&mut overrides);
        Settings::settle(overrides, None, None).expect("settings")
    }

    fn limit(text: &str) -> LearnedLimit {
        serde_json::from_str(text).expect("a limit")
    }

    const SURE: &str = r#"{"rate_per_s": 5.0, "kind": "window", "sure": true}"#;

    #[test]
    fn only_what_is_the_tenants_own_is_kept() {
        let free = settings(|_| ());
        assert!(is_worth_keeping(&limit(SURE), &free));
        let in_doubt = r#"{"rate_per_s": 5.0, "kind": "window"}"#;
        assert!(is_worth_keeping(&limit(in_doubt), &free));
        for not_kept in [
            r#"{"rate_per_s": 0.0, "kind": "window", "sure": true}"#,
            r#"{"rate_per_s": 5.0, "kind": "told", "sure": true}"#,
        ] {
            assert!(!is_worth_keeping(&limit(not_kept), &free), "{not_kept}");
        }
        let told = r#"{"rate_per_s": 5.0, "window_s": 60.0, "kind": "told", "sure": true}"#;
        let under = |rate: &str| {
            let rate = rate.parse().expect("a rate");
            settings(|overrides| overrides.max_rate = Some(rate))
        };
        assert!(!is_worth_keeping(&limit(SURE), &under("5/s")));
        assert!(!is_worth_keeping(&limit(SURE), &under("340/min")));
        assert!(is_worth_keeping(&limit(SURE), &under("10/s")));
        assert!(is_worth_keeping(&limit(told), &under("1/s")));
        let cap = r#"{"rate_per_s": 50.0, "kind": "concurrency_cap", "sure": true}"#;
        let three = Concurrency::Fixed(3.try_into().expect("not 0"));
        let fixed = settings(|overrides| overrides.concurrency = Some(three));
        assert!(is_worth_keeping(&limit(cap), &free));
        assert!(!is_worth_keeping(&limit(cap), &fixed));
    }

    fn profile(endpoint: &str, rate_per_s: f64, age_s: u64) -> LimitProfile {
        LimitProfile {
            key: LimitKey {
                tenant: "https://tenant".to_owned(),
                client: "ours".to_owned(),
                endpoint: endpoint.to_owned(),
            },
            found_at_epoch_s: now_epoch_s() - age_s,
            found_by: FoundBy::Probe,
            confidence: Confidence::High,
            limit: LearnedLimit {
                rate_per_s,
                ..limit(SURE)
            },
        }
    }

    #[test]
    fn batches_and_look_ups_count_as_the_requests_that_they_are() {
        let connector = crate::connector::Connector::load("genesys-cloud").expect("a built-in");
        let region = [("region".to_owned(), "us-east-1".to_owned())];
        let requests = |operation: &str, keeps_pre_images| {
            let bound = connector.bind_to(operation, &region.clone().into());
            requests_of_load(&bound.expect("bound"), keeps_pre_images, 10_000)
        };
        assert_eq!(requests("enrich", false), 1_000);
        assert_eq!(requests("bulk_add", false), 200);
        assert_eq!(requests("bulk_add", true), 10_200);
        // Each is looked up, and at worst changed by itself.
        assert_eq!(requests("organizations", false), 20_000);
    }

    #[test]
    fn a_forecast_takes_the_slower_limit_and_says_where_it_is_from() {
        let known = [profile("update", 8.0, 7_300), profile("*", 5.0, 100_000)];
        let key = ("https://tenant", Some("ours"), "update");
        let of = |requests, settings: &Settings| forecast(requests, &known, key, settings);
        let (told, words) = of(1_000, &settings(|_| ()));
        assert_eq!(told.seconds, Some(200.0));
        assert_eq!(told.requests_per_s, Some(5.0));
        assert_eq!(told.limit_from, Some("probe"));
        let words = words.expect("told");
        assert!(
            words.starts_with("the limit of the whole client found yesterday by a probe: about 5"),
            "{words}"
        );
        let rate = "1/s".parse().expect("a rate");
        let slow = settings(|overrides| overrides.max_rate = Some(rate));
        let (told, words) = of(1_000, &slow);
        assert_eq!(told.seconds, Some(1_000.0));
        assert_eq!(
            (told.limit_from, told.limit_age_s),
            (Some("max_rate"), None)
        );
        assert_eq!(words.as_deref(), Some("--max-rate"));
        let elsewhere = ("https://other", Some("ours"), "update");
        let (unknown, _) = forecast(10, &known, elsewhere, &settings(|_| ()));
        assert_eq!((unknown.seconds, unknown.limit_from), (None, None));
    }

    #[test]
    fn a_run_says_once_what_it_starts_from() {
        let fresh = [profile("update", 5.0, 7_300)];
        let words = starting_words(&fresh, &fresh[0].key).expect("something is known");
        assert!(
            words.starts_with(
                "starts from the limit found 2 hours ago by a probe: about 5 requests/s"
            ),
            "{words}"
        );
        assert!(words.contains("--no-limit-profile"), "{words}");
        assert_eq!(starting_words(&[], &fresh[0].key), None);
    }
}
