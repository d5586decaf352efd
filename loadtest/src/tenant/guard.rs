//! One limit and its buckets: who shares which, what changes in the course of time, and what other clients take.

use std::collections::HashMap;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::gatekeeper::{Asker, Moment};
use super::limiter::{Limit, LimitScope, Limiter};
use super::pauses::Pauses;
use super::stable_hash::stable_hash;
use super::units::bounded_seconds;

/// Buckets of one limit before idle ones are swept out; smaller sweeps more often, larger keeps more memory.
pub(super) const FIRST_SWEEP: usize = 65_536;

/// Up to this share of their spacing, other clients' requests come late. Without it they would fall in step with a window
/// that they open themselves, and never meet its end.
const OTHERS_LATE: f64 = 0.1;

pub(super) struct Bucket {
    pub(super) model: Box<dyn Limiter>,
    next_phase: usize,
    /// When the bucket was first asked for: others' requests count from then.
    others_since: Duration,
    others_so_far: u64,
    pub(super) pauses: [Pauses; Endpoint::COUNT],
    /// The same by the token that was told to wait.
    pub(super) told: HashMap<(u64, Endpoint), Pauses>,
}

pub(super) struct Guard {
    pub(super) limit: Limit,
    pub(super) buckets: HashMap<u64, Bucket>,
    sweep_at: usize,
    /// Other clients' requests in each second: accepted and refused.
    pub(super) others: Vec<(u64, u64)>,
    pub(super) undercuts: u64,
    pub(super) undercuts_by_told: u64,
}

impl Bucket {
    /// When the next request of another client comes; none if there are no others.
    fn next_other(&self, rate: f64) -> Option<Duration> {
        if rate <= 0.0 {
            return None;
        }
        let hash = stable_hash("other", &self.others_so_far.to_le_bytes());
        let late = OTHERS_LATE * hash as f64 / u64::MAX as f64;
        let spacings = self.others_so_far as f64 + late;
        Some(self.others_since + bounded_seconds(spacings / rate))
    }
}

impl Guard {
    pub(super) fn new(limit: Limit) -> Self {
        Guard {
            limit,
            buckets: HashMap::new(),
            sweep_at: FIRST_SWEEP,
            others: Vec::new(),
            undercuts: 0,
            undercuts_by_told: 0,
        }
    }

    pub(super) fn bucket_of(&self, asker: &Asker<'_>) -> u64 {
        match self.limit.scope {
            LimitScope::Tenant => 0,
            LimitScope::Client => stable_hash("client", asker.client.as_bytes()),
            LimitScope::Token => asker.token_serial,
            LimitScope::Endpoint => asker.endpoint as u64,
            LimitScope::Record => stable_hash("record", asker.record.as_bytes()),
        }
    }

    /// The bucket as of now: phases applied, other traffic played.
    pub(super) fn bucket_at(&mut self, id: u64, moment: Moment) -> &mut Bucket {
        let Moment { now, clock_at_zero } = moment;
        self.sweep(now);
        let limit = &self.limit;
        let bucket = self.buckets.entry(id).or_insert_with(|| Bucket {
            model: limit.build(clock_at_zero),
            next_phase: 0,
            others_since: now,
            others_so_far: 0,
            pauses: <[Pauses; Endpoint::COUNT]>::default(),
            told: HashMap::new(),
        });
        loop {
            let phase = limit
                .phases
                .get(bucket.next_phase)
                .filter(|phase| phase.at <= now);
            let other = bucket
                .next_other(limit.other_traffic)
                .filter(|at| *at <= now);
            match (phase, other) {
                (Some(phase), other) if other.is_none_or(|at| phase.at <= at) => {
                    bucket.model.scale(phase.at, phase.factor);
                    bucket.next_phase += 1;
                }
                (_, Some(at)) => {
                    let second = at.as_secs() as usize;
                    if self.others.len() <= second {
                        self.others.resize(second + 1, (0, 0));
                    }
                    match bucket.model.admit(at) {
                        Ok(()) => self.others[second].0 += 1,
                        Err(_) => self.others[second].1 += 1,
                    }
                    bucket.others_so_far += 1;
                }
                _ => return bucket,
            }
        }
    }

    fn sweep(&mut self, now: Duration) {
        if self.buckets.len() < self.sweep_at {
            return;
        }
        self.buckets.retain(|_, bucket| {
            !bucket.model.is_idle(now) || bucket.pauses.iter().any(|pauses| !pauses.are_over(now))
        });
        self.sweep_at = (self.buckets.len() * 2).max(FIRST_SWEEP);
    }
}
