//! The scenarios that come with the crate, by name.

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".yaml"))),)*]
    };
}

/// Names and texts, the everyday ones first.
pub(super) const NAMED: &[(&str, &str)] = files![
    "open",
    "demo",
    "bucket-50-burst-20",
    "window-100-per-5s",
    "cap-16",
    "flaky",
    "short-token",
    "cxone-source",
    "genesys-contacts",
    "genesys-cloud",
    "cxone",
    "fixed-window-300-per-minute",
    "clock-window-300-per-minute",
    "fixed-window-with-headers",
    "fixed-window-without-retry-after",
    "fixed-window-retry-after-too-short",
    "bucket-50-burst-100",
    "bucket-without-retry-after",
    "bucket-retry-after-too-long",
    "bucket-1000-burst-2000",
    "bucket-200-burst-20",
    "bucket-refilled-each-minute",
    "sliding-log-300-per-minute",
    "sliding-log-counts-refusals",
    "cap-32",
    "cap-32-retry-after-1-second",
    "latency-knee-40",
    "bucket-halves-then-doubles",
    "window-halves-then-doubles",
    "storms-of-503",
    "outages-of-half-a-minute",
    "http-date-clock-ahead",
    "http-date-clock-behind",
    "four-processes-bucket",
    "four-processes-window",
    "late-joiner",
    "four-processes-window-with-headers",
    "four-processes-tight-bucket",
    "two-windows",
    "window-20-per-second",
    "live-traffic-window",
    "live-traffic-window-with-headers",
    "live-traffic-bucket",
    "live-traffic-window-share-90",
    "live-traffic-window-with-headers-share-90",
    "hidden-route-bucket",
    "bucket-halves-for-20-seconds",
    "storms-of-503-with-retry-after",
    "fixed-window-retry-after-halved",
    "fixed-window-retry-after-padded",
    "retry-after-in-the-body",
    "retry-after-in-milliseconds",
    "slow-tenant-without-limits",
    "headers-ietf",
    "headers-ietf-draft06",
    "headers-x-ratelimit",
    "headers-x-ratelimit-epoch",
    "headers-x-ratelimit-epoch-ms",
    "headers-zendesk",
    "headers-hubspot",
    "headers-salesforce",
    "known-bucket",
    "known-bucket-halved-since",
    "known-bucket-doubled-since",
    "known-window",
    "known-cap-retry-after-1-second",
    "bucket-refuses-with-503",
    "bucket-refuses-with-503-and-a-wait",
    "cap-16-refuses-with-503",
    "cap-16-refuses-with-503-and-a-wait",
    "cap-16-closes-connections",
    "storm-of-503-light",
    "storm-of-503-heavy",
    "outage-of-half-a-minute",
    "storm-of-503-light-with-retry-after",
    "outage-of-half-a-minute-with-retry-after",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    use super::NAMED;
    use crate::benchmark::best_possible;
    use crate::tenant::Scenario;

    /// Shows every field; not a tenant that anybody needs.
    const REFERENCE: &str = "reference";

    #[test]
    fn every_file_is_a_scenario_that_can_be_named() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files: BTreeSet<String> = folder
            .read_dir()
            .expect("the scenarios' folder")
            .map(|entry| entry.expect("a file").path())
            .map(|path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name != REFERENCE)
            .collect();
        let named: BTreeSet<String> = NAMED.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, named);
        for name in Scenario::names() {
            let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                !scenario.about.is_empty(),
                "{name} says nothing about itself"
            );
            let Some(benchmark) = &scenario.benchmark else {
                continue;
            };
            let best = best_possible(
                &scenario,
                Duration::ZERO,
                Duration::ZERO,
                benchmark.duration,
            );
            assert!(best.is_finite() && best >= 1.0, "{name}: {best}");
        }
    }
}
