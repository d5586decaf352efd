//! All limits of a tenant together: every one must admit a request, in the bucket that its scope assigns.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::guard::Guard;
use super::limiter::{Limit, Standing};
use super::retry_after::{RetryAfter, Spoken};

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

/// The limits and their buckets.
pub(crate) struct Gatekeeper {
    guards: Vec<Guard>,
    words: RetryAfter,
    grace: Duration,
    wants_standing: bool,
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
            if !guard.limit.is_about(asker.endpoint) {
                continue;
            }
            let id = guard.bucket_of(asker);
            let bucket = guard.bucket_at(id, moment);
            let undercut = bucket.pauses[asker.endpoint as usize].undercut(now, self.grace);
            if let Err(rejection) = bucket.model.check(now) {
                let wait = bucket.model.refused(now, rejection).wait;
                if longest.is_none_or(|(longest, ..)| wait > longest) {
                    longest = Some((wait, index, id));
                }
            }
            let own = bucket.told.get_mut(&(asker.token_serial, asker.endpoint));
            let by_told = own.is_some_and(|pauses| pauses.undercut(now, self.grace));
            guard.undercuts += u64::from(undercut);
            guard.undercuts_by_told += u64::from(by_told);
        }
        match longest {
            Some((wait, index, id)) => Err(Box::new(self.refuse(moment, wait, (index, id), asker))),
            None => Ok(self.let_in(now, asker)),
        }
    }

    fn let_in(&mut self, now: Duration, asker: &Asker<'_>) -> Admission {
        let mut admission = Admission {
            places: Vec::new(),
            standing: None,
        };
        for (index, guard) in self.guards.iter_mut().enumerate() {
            if !guard.limit.is_about(asker.endpoint) {
                continue;
            }
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
            if !self.wants_standing || guard.limit.hidden {
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
        asker: &Asker<'_>,
    ) -> Refusal {
        let spoken = self.words.speak(wait, clock_at_zero + now);
        let guard = &mut self.guards[index];
        let mut standing = None;
        if let Some(bucket) = guard.buckets.get_mut(&id) {
            if let Some(spoken) = &spoken {
                let until = now + spoken.lasts;
                bucket.pauses[asker.endpoint as usize].begin(now, until);
                // Tokens that are long past shouldn't pile up.
                bucket.told.retain(|_, pauses| !pauses.are_over(now));
                let key = (asker.token_serial, asker.endpoint);
                bucket.told.entry(key).or_default().begin(now, until);
            }
            let tells = self.wants_standing && !guard.limit.hidden;
            standing = bucket.model.standing(now).filter(|_| tells);
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
        let seconds = self.guards.iter().flat_map(|guard| &guard.others);
        seconds.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    /// The same in each second.
    pub(crate) fn others_by_second(&self) -> Vec<(u64, u64)> {
        let mut sums = Vec::new();
        for guard in &self.guards {
            if sums.len() < guard.others.len() {
                sums.resize(guard.others.len(), (0, 0));
            }
            for (sum, more) in sums.iter_mut().zip(&guard.others) {
                sum.0 += more.0;
                sum.1 += more.1;
            }
        }
        sums
    }

    /// Requests that came before a wait was over that their own token had been told of. Where several processes share a
    /// limit, one that wasn't told can't know.
    pub(crate) fn undercuts_by_told(&self) -> u64 {
        self.guards
            .iter()
            .map(|guard| guard.undercuts_by_told)
            .sum()
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
