//! All limits of a tenant together: every one must admit a request, in the bucket that its scope assigns.

use std::collections::HashMap;
use std::time::Duration;

use super::limiter::{Limit, LimitScope, Limiter, Standing};
use super::pauses::Pauses;
use super::retry_after::{RetryAfter, Spoken};
use super::stable_hash::stable_hash;
use super::units::bounded_seconds;

/// Buckets of one limit before idle ones are swept out; smaller sweeps more often, larger keeps more memory.
const FIRST_SWEEP: usize = 65_536;

/// A method and path template with a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    PatchContact = 0,
    GetContact = 1,
    Token = 2,
}

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) client: &'a str,
    pub(crate) token_serial: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) record: &'a str,
}

/// A point in the tenant's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Time since the scenario's start.
    pub(crate) now: Duration,
    /// Unix time of the scenario's start.
    pub(crate) clock_at_zero: Duration,
}

/// A place taken under a concurrency cap, to be given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    limit: usize,
    bucket: u64,
}

/// A request that was let in.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) places: Vec<Place>,
    pub(crate) standing: Option<Standing>,
}

/// A request that was turned away.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) spoken: Option<Spoken>,
    pub(crate) standing: Option<Standing>,
    pub(crate) key: Option<String>,
    /// The requests and the window that the refusal's text names.
    pub(crate) quota: (u64, Duration),
}

struct Bucket {
    model: Box<dyn Limiter>,
    next_phase: usize,
    next_other: Duration,
    pauses: [Pauses; 3],
}

struct Guard {
    limit: Limit,
    buckets: HashMap<u64, Bucket>,
    sweep_at: usize,
    others_accepted: u64,
    others_refused: u64,
    undercuts: u64,
}

/// The limits and their buckets.
pub(crate) struct Gatekeeper {
    guards: Vec<Guard>,
    words: RetryAfter,
    grace: Duration,
    wants_standing: bool,
}

impl Guard {
    fn new(limit: Limit) -> Self {
        Guard {
            limit,
            buckets: HashMap::new(),
            sweep_at: FIRST_SWEEP,
            others_accepted: 0,
            others_refused: 0,
            undercuts: 0,
        }
    }

    fn bucket_of(&self, asker: &Asker<'_>) -> u64 {
        match self.limit.scope {
            LimitScope::Tenant => 0,
            LimitScope::Client => stable_hash("client", asker.client.as_bytes()),
            LimitScope::Token => asker.token_serial,
            LimitScope::Endpoint => asker.endpoint as u64,
            LimitScope::Record => stable_hash("record", asker.record.as_bytes()),
        }
    }

    /// The bucket as of now: phases applied, other traffic played.
    fn bucket_at(&mut self, id: u64, moment: Moment) -> &mut Bucket {
        let Moment { now, clock_at_zero } = moment;
        self.sweep(now);
        let limit = &self.limit;
        let bucket = self.buckets.entry(id).or_insert_with(|| Bucket {
            model: limit.build(clock_at_zero),
            next_phase: 0,
            next_other: now,
            pauses: <[Pauses; 3]>::default(),
        });
        loop {
            let phase = limit
                .phases
                .get(bucket.next_phase)
                .filter(|phase| phase.at <= now);
            let other =
                Some(bucket.next_other).filter(|at| limit.other_traffic > 0.0 && *at <= now);
            match (phase, other) {
                (Some(phase), other) if other.is_none_or(|at| phase.at <= at) => {
                    bucket.model.scale(phase.at, phase.factor);
                    bucket.next_phase += 1;
                }
                (_, Some(at)) => {
                    match bucket.model.admit(at) {
                        Ok(()) => self.others_accepted += 1,
                        Err(_) => self.others_refused += 1,
                    }
                    bucket.next_other = at + bounded_seconds(1.0 / limit.other_traffic);
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

impl Gatekeeper {
    pub(crate) fn new(
        limits: &[Limit],
        words: RetryAfter,
        grace: Duration,
        wants_standing: bool,
    ) -> Self {
        Gatekeeper {
            guards: limits.iter().cloned().map(Guard::new).collect(),
            words,
            grace,
            wants_standing,
        }
    }

    /// Lets a request in if every limit agrees.
    pub(crate) fn admit(
        &mut self,
        moment: Moment,
        asker: &Asker<'_>,
    ) -> Result<Admission, Box<Refusal>> {
        let now = moment.now;
        let mut longest: Option<(Duration, usize, u64)> = None;
        for (index, guard) in self.guards.iter_mut().enumerate() {
            let id = guard.bucket_of(asker);
            let bucket = guard.bucket_at(id, moment);
            let undercut = bucket.pauses[asker.endpoint as usize].undercut(now, self.grace);
            if let Err(rejection) = bucket.model.check(now) {
                let wait = bucket.model.refused(now, rejection).wait;
                if longest.is_none_or(|(longest, ..)| wait > longest) {
                    longest = Some((wait, index, id));
                }
            }
            guard.undercuts += u64::from(undercut);
        }
        match longest {
            Some((wait, index, id)) => Err(Box::new(self.refuse(
                moment,
                wait,
                (index, id),
                asker.endpoint,
            ))),
            None => Ok(self.let_in(now, asker)),
        }
    }

    fn let_in(&mut self, now: Duration, asker: &Asker<'_>) -> Admission {
        let mut admission = Admission {
            places: Vec::new(),
            standing: None,
        };
        for (index, guard) in self.guards.iter_mut().enumerate() {
            let id = guard.bucket_of(asker);
            let Some(bucket) = guard.buckets.get_mut(&id) else {
                continue;
            };
            bucket.model.take(now);
            if guard.limit.holds_places() {
                admission.places.push(Place {
                    limit: index,
                    bucket: id,
                });
            }
            if !self.wants_standing {
                continue;
            }
            // Of several limits the headers tell of the one with the smallest share left.
            let share =
                |standing: &Standing| standing.remaining as f64 / standing.limit.max(1) as f64;
            if let Some(standing) = bucket.model.standing(now)
                && admission
                    .standing
                    .is_none_or(|tightest| share(&standing) < share(&tightest))
            {
                admission.standing = Some(standing);
            }
        }
        admission
    }

    fn refuse(
        &mut self,
        Moment { now, clock_at_zero }: Moment,
        wait: Duration,
        (index, id): (usize, u64),
        endpoint: Endpoint,
    ) -> Refusal {
        let spoken = self.words.speak(wait, clock_at_zero + now);
        let guard = &mut self.guards[index];
        let mut standing = None;
        if let Some(bucket) = guard.buckets.get_mut(&id) {
            if let Some(spoken) = &spoken {
                bucket.pauses[endpoint as usize].begin(now, now + spoken.lasts);
            }
            standing = bucket.model.standing(now).filter(|_| self.wants_standing);
        }
        Refusal {
            spoken,
            standing,
            key: guard.limit.key.clone(),
            quota: guard.limit.quota(),
        }
    }

    /// Gives back what an admission took.
    pub(crate) fn release(&mut self, places: &[Place]) {
        for place in places {
            let bucket = self
                .guards
                .get_mut(place.limit)
                .and_then(|guard| guard.buckets.get_mut(&place.bucket));
            if let Some(bucket) = bucket {
                bucket.model.release();
            }
        }
    }

    /// Requests of other clients so far: accepted and refused.
    pub(crate) fn others(&self) -> (u64, u64) {
        let accepted = self.guards.iter().map(|guard| guard.others_accepted).sum();
        let refused = self.guards.iter().map(|guard| guard.others_refused).sum();
        (accepted, refused)
    }

    /// Requests that came before a stated wait was over, by limit (its key, else its place in the list).
    pub(crate) fn undercuts(&self) -> Vec<(String, u64)> {
        let named = |(index, guard): (usize, &Guard)| {
            let name = guard
                .limit
                .key
                .clone()
                .unwrap_or_else(|| format!("limit-{index}"));
            (name, guard.undercuts)
        };
        self.guards.iter().enumerate().map(named).collect()
    }
}

#[cfg(test)]
#[path = "gatekeeper_tests.rs"]
mod tests;
