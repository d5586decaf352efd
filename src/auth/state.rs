//! When to mint, when to wait, when to give up: the token's state machine.
//!
//! Pure: it is told the time and what happened, and [`TokenState::step`] says
//! what to do now. Its promises, each a test:
//!
//! * never two mints under way, never two within [`TokenPolicy::min_gap`];
//! * any number of 401s for one generation lead to one mint, and those for an
//!   older generation to none;
//! * a fresh token that is refused like the one before it is a credentials
//!   problem and ends in [`GiveUp::TokensRejected`], not in a loop;
//! * an endpoint that is away is asked again, ever more slowly, and its
//!   `Retry-After` is never undercut.

use std::time::{Duration, Instant};

use super::{GiveUp, MintError, Step, TokenPhase, TokenPolicy};

/// Generations refused while young before the gap between mints grows. Two are
/// an accident; more are a tenant (or one of its endpoints) that refuses good
/// tokens, and minting for each refusal would only add a storm on the token
/// endpoint.
const YOUNG_REFUSALS_ALLOWED: u32 = 2;
/// A token refused within this age was refused while young.
const YOUNG: Duration = Duration::from_secs(5);

/// The newest token, as far as this machine cares.
#[derive(Clone, Debug)]
struct Newest {
    generation: u64,
    minted_at: Instant,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
    accepted: bool,
    refused: bool,
    /// The one before was refused and never accepted.
    follows_useless: bool,
}

/// Failures in a row.
#[derive(Clone, Debug)]
struct Trouble {
    since: Instant,
    failures: u32,
    retry_at: Instant,
}

/// The token's state machine. One per token endpoint and client.
#[derive(Clone, Debug)]
pub struct TokenState {
    policy: TokenPolicy,
    newest: Option<Newest>,
    minting: bool,
    last_mint_began: Option<Instant>,
    trouble: Option<Trouble>,
    young_refusals: u32,
    given_up: Option<GiveUp>,
}

impl TokenState {
    /// No token yet; the first step is to mint.
    #[must_use]
    pub fn new(policy: TokenPolicy) -> Self {
        Self {
            policy,
            newest: None,
            minting: false,
            last_mint_began: None,
            trouble: None,
            young_refusals: 0,
            given_up: None,
        }
    }

    /// What to do now. To be asked after every event and when a wait is over.
    pub fn step(&mut self, now: Instant) -> Step {
        if let Some(reason) = &self.given_up {
            return Step::GiveUp(reason.clone());
        }
        match self.next_wakeup(now) {
            None => Step::Wait,
            Some(due) if due > now => Step::WaitUntil(due),
            Some(_) => {
                self.minting = true;
                self.last_mint_began = Some(now);
                Step::Mint
            }
        }
    }

    /// When [`Self::step`] will say [`Step::Mint`] if nothing happens before;
    /// `now` where it would at once, none where only an event leads on.
    #[must_use]
    pub fn next_wakeup(&self, now: Instant) -> Option<Instant> {
        if self.minting || self.given_up.is_some() {
            return None;
        }
        let wanted = match &self.newest {
            Some(newest) if !newest.refused => newest.refresh_at?,
            Some(_) | None => now,
        };
        let after_gap = self.last_mint_began.map_or(now, |began| began + self.gap());
        let after_trouble = self
            .trouble
            .as_ref()
            .map_or(now, |trouble| trouble.retry_at);
        Some(wanted.max(after_gap).max(after_trouble).max(now))
    }

    /// A mint succeeded. Answers with the new token's generation, from 1.
    pub fn on_minted(&mut self, now: Instant, life: Option<Duration>) -> u64 {
        debug_assert!(
            self.minting,
            "a token comes only from a mint that was begun"
        );
        self.minting = false;
        self.trouble = None;
        let before = self.newest.take();
        let early = life.map(|life| self.policy.refresh_early.min(life / 10));
        let expires_at = life.and_then(|life| now.checked_add(life));
        let newest = Newest {
            generation: before.as_ref().map_or(1, |before| before.generation + 1),
            minted_at: now,
            refresh_at: expires_at
                .zip(early)
                .and_then(|(end, early)| end.checked_sub(early)),
            expires_at,
            accepted: false,
            refused: false,
            follows_useless: before.is_some_and(|before| before.refused && !before.accepted),
        };
        let generation = newest.generation;
        self.newest = Some(newest);
        generation
    }

    /// A mint failed. `jitter` is a random number from 0 to 1, so that several
    /// processes don't come back together.
    pub fn on_mint_failed(&mut self, now: Instant, error: MintError, jitter: f64) {
        debug_assert!(self.minting, "only a mint that was begun can fail");
        self.minting = false;
        if error.is_permanent() {
            self.given_up = Some(GiveUp::Mint(error));
            return;
        }
        let (since, failures) = self.trouble.as_ref().map_or((now, 1), |trouble| {
            (trouble.since, trouble.failures.saturating_add(1))
        });
        // Half to whole of the doubling wait.
        let backoff = self
            .doubled(failures - 1)
            .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let (hint, answers) = match &error {
            MintError::Throttled { retry_after, .. } => (retry_after.unwrap_or_default(), true),
            _ => (Duration::ZERO, false),
        };
        let retry_at = now + hint + backoff;
        if retry_at > self.patience_ends(since, answers) {
            self.given_up = Some(GiveUp::Mint(error));
            return;
        }
        self.trouble = Some(Trouble {
            since,
            failures,
            retry_at,
        });
    }

    /// A request with this generation was answered with anything but 401.
    pub fn on_accepted(&mut self, generation: u64) {
        if let Some(newest) = &mut self.newest
            && newest.generation == generation
        {
            newest.accepted = true;
        }
    }

    /// A request with this generation was answered with 401. Answers whether
    /// that was news; of an older generation the request should simply go
    /// again with the newest.
    pub fn on_rejected(&mut self, now: Instant, generation: u64) -> bool {
        let Some(newest) = &mut self.newest else {
            return false;
        };
        if newest.generation != generation || newest.refused {
            return false;
        }
        newest.refused = true;
        if !newest.accepted && newest.follows_useless {
            self.given_up = Some(GiveUp::TokensRejected { generation });
            return true;
        }
        let young = now.saturating_duration_since(newest.minted_at) < YOUNG;
        self.young_refusals = if young {
            self.young_refusals.saturating_add(1)
        } else {
            0
        };
        true
    }

    /// Where the token stands.
    #[must_use]
    pub fn phase(&self, now: Instant) -> TokenPhase {
        if self.given_up.is_some() {
            return TokenPhase::GivenUp;
        }
        match &self.newest {
            None if self.minting => TokenPhase::Minting,
            None => TokenPhase::Absent,
            Some(newest) if is_usable(newest, now) => TokenPhase::Fresh {
                generation: newest.generation,
                expires_at: newest.expires_at,
            },
            Some(newest) => TokenPhase::Stale {
                generation: newest.generation,
            },
        }
    }

    /// Until when failures are borne: never less than a token in hand is good for.
    fn patience_ends(&self, since: Instant, endpoint_answers: bool) -> Instant {
        let patience = if self.newest.is_none() && !endpoint_answers {
            self.policy.first_patience
        } else {
            self.policy.later_patience
        };
        let ends = since + patience;
        match &self.newest {
            Some(newest) if !newest.refused => newest
                .expires_at
                .map_or(ends, |expires_at| ends.max(expires_at)),
            Some(_) | None => ends,
        }
    }

    /// Between the starts of two mints.
    fn gap(&self) -> Duration {
        self.doubled(self.young_refusals.saturating_sub(YOUNG_REFUSALS_ALLOWED))
    }

    fn doubled(&self, times: u32) -> Duration {
        let factor = 2_u32.saturating_pow(times);
        self.policy
            .min_gap
            .saturating_mul(factor)
            .min(self.policy.max_gap)
            .max(self.policy.min_gap)
    }
}

fn is_usable(newest: &Newest, now: Instant) -> bool {
    !newest.refused && newest.expires_at.is_none_or(|expires_at| now < expires_at)
}
