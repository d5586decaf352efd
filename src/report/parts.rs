//! The summary of a run that has parts, made from the parts' own.

use std::fmt::Write;

use super::words::thousands;
use super::{
    EntitySummary, LimitSummary, PartSummary, RateSummary, SourceSummary, StageSummary, Summary,
};

/// One part's summary under its name.
#[derive(Clone, Debug)]
pub struct NamedSummary {
    /// The part's name.
    pub name: String,
    /// The part in figures.
    pub summary: Summary,
}

impl Summary {
    /// Adds what the parts of a run say to a summary that says nothing but what
    /// run it is and how it ended. `at_once`: they were loaded at the same time
    /// from one source, else one after the other, each from its own.
    ///
    /// The middle and the 99th hundredth of durations are the slowest part's.
    /// No limit of a tenant is the run's: `limits` has each with its part.
    #[must_use]
    pub fn with_parts(mut self, parts: &[NamedSummary], at_once: bool) -> Self {
        let mut rows = 0.0;
        let mut rate = RateSummary::default();
        for NamedSummary { name, summary } in parts {
            self.parts.push(PartSummary {
                name: name.clone(),
                state: summary.state.clone(),
                exit_code: summary.exit_code,
                reason: summary.reason.clone(),
            });
            self.entities
                .push(EntitySummary::new(name.clone(), &summary.counts));
            self.counts += &summary.counts;
            self.requests += &summary.requests;
            self.source = joined_source(self.source, summary.source.clone(), at_once);
            self.tokens_minted += summary.tokens_minted;
            self.legs = self.legs.max(summary.legs);
            self.limiter.add_part(name, &summary.limiter);
            self.limits
                .extend(summary.limits.iter().map(|limit| LimitSummary {
                    part: Some(name.clone()),
                    ..limit.clone()
                }));
            self.stages
                .extend(summary.stages.iter().map(|stage| StageSummary {
                    name: format!("{name}/{}", stage.name),
                    ..stage.clone()
                }));
            rows += summary.rate.mean_per_s * summary.elapsed_s;
            rate.p50_ms = rate.p50_ms.max(summary.rate.p50_ms);
            rate.p99_ms = rate.p99_ms.max(summary.rate.p99_ms);
            let in_flight = summary.rate.max_in_flight;
            match at_once {
                true => {
                    self.elapsed_s = self.elapsed_s.max(summary.elapsed_s);
                    rate.max_in_flight += in_flight;
                }
                false => {
                    self.elapsed_s += summary.elapsed_s;
                    rate.max_in_flight = rate.max_in_flight.max(in_flight);
                }
            }
        }
        if self.elapsed_s > 0.0 {
            rate.mean_per_s = rows / self.elapsed_s;
        }
        self.rate = rate;
        self
    }

    /// A line for each part; nothing where there are none.
    pub(super) fn parts_text(&self) -> String {
        let mut text = String::new();
        for (part, entity) in self.parts.iter().zip(&self.entities) {
            let counts = [
                ("read", entity.read),
                ("created", entity.created),
                ("updated", entity.updated),
                ("unchanged", entity.unchanged),
                ("rejected", entity.rejected),
                ("skipped", entity.skipped),
                ("unknown", entity.unknown),
                ("not reached", entity.not_reached),
            ];
            let told: Vec<String> = counts
                .iter()
                .filter(|(label, count)| *count > 0 || *label == "read")
                .map(|(label, count)| format!("{} {label}", thousands(*count)))
                .collect();
            writeln!(
                text,
                "  {} ({}): {}",
                part.name,
                part.state.replace('_', " "),
                told.join(", ")
            )
            .expect("writing to memory doesn't fail");
        }
        if !text.is_empty() {
            text.push_str("  together:\n");
        }
        text
    }
}

/// What was asked of the sources: of one that all parts share, once.
fn joined_source(
    known: Option<SourceSummary>,
    more: Option<SourceSummary>,
    is_shared: bool,
) -> Option<SourceSummary> {
    match (known, more) {
        (Some(known), Some(more)) if !is_shared => Some(SourceSummary {
            requests: known.requests + more.requests,
            throttled: known.throttled + more.throttled,
            pages: known.pages + more.pages,
            rows: known.rows + more.rows,
            readings: known.readings + more.readings,
            doubt: known.doubt.or(more.doubt),
        }),
        (known, more) => known.or(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Counts, RequestCounts};
    use crate::report::LimiterHistory;

    fn part(name: &str, read: u64, rejected: u64) -> NamedSummary {
        let counts = Counts {
            read,
            updated: read - rejected,
            rejected,
            ..Counts::default()
        };
        NamedSummary {
            name: name.to_owned(),
            summary: Summary {
                state: "finished".to_owned(),
                exit_code: u8::from(rejected > 0),
                elapsed_s: 2.0,
                counts,
                requests: RequestCounts {
                    sent: read,
                    ..RequestCounts::default()
                },
                rate: RateSummary {
                    mean_per_s: read as f64 / 2.0,
                    max_in_flight: 4,
                    ..RateSummary::default()
                },
                source: Some(SourceSummary {
                    requests: 3,
                    throttled: 0,
                    pages: 3,
                    rows: read,
                    readings: 1,
                    doubt: None,
                }),
                limits: vec![LimitSummary::default()],
                limiter: LimiterHistory::default(),
                ..Summary::default()
            },
        }
    }

    #[test]
    fn parts_are_summed_and_each_is_told() {
        let parts = [part("crm", 10, 2), part("cloud", 10, 0)];
        let at_once = Summary::default().with_parts(&parts, true);
        assert_eq!(at_once.counts.read, 20);
        assert_eq!(at_once.counts.rejected, 2);
        assert!(at_once.counts.balances());
        assert_eq!(at_once.requests.sent, 20);
        assert_eq!(
            at_once.source.as_ref().map(|source| source.requests),
            Some(3)
        );
        assert_eq!((at_once.elapsed_s, at_once.rate.mean_per_s), (2.0, 10.0));
        assert_eq!(at_once.rate.max_in_flight, 8);
        assert_eq!(at_once.entities[0].name, "crm");
        assert_eq!(at_once.parts[1].exit_code, 0);
        assert_eq!(at_once.limits[1].part.as_deref(), Some("cloud"));
        let text = at_once.to_text();
        assert!(
            text.starts_with("  crm (finished): 10 read, 8 updated, 2 rejected\n"),
            "{text}"
        );
        let in_turn = Summary::default().with_parts(&parts, false);
        assert_eq!((in_turn.elapsed_s, in_turn.rate.mean_per_s), (4.0, 5.0));
        assert_eq!(in_turn.rate.max_in_flight, 4);
        assert_eq!(
            in_turn.source.as_ref().map(|source| source.requests),
            Some(6)
        );
    }
}
