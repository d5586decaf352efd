//! What the token's state machine is set up with, and what it answers.

use std::time::{Duration, Instant};

use thiserror::Error;

use super::MintError;
use crate::error::{FatalError, FatalKind};

/// The numbers of the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPolicy {
    /// How long before its end a token is renewed, as the connector says; at
    /// most a tenth of its life is used. Default 60 s.
    pub refresh_early: Duration,
    /// How long an endpoint that can't be reached is asked before the first
    /// token. Default 5 s: a wrong URL shows in seconds.
    pub first_patience: Duration,
    /// The same once a token was minted, and wherever the endpoint answers that
    /// it is throttling. Default 10 min: a restart of the platform passes.
    pub later_patience: Duration,
    /// Least time between the starts of two mints. Default 250 ms.
    pub min_gap: Duration,
    /// Longest time between two attempts, hints aside. Default 30 s.
    pub max_gap: Duration,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            refresh_early: Duration::from_secs(60),
            first_patience: Duration::from_secs(5),
            later_patience: Duration::from_secs(600),
            min_gap: Duration::from_millis(250),
            max_gap: Duration::from_secs(30),
        }
    }
}

/// What the refresher has to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Mint now; the machine counts the mint as begun, and waits for
    /// [`super::TokenState::on_minted`] or [`super::TokenState::on_mint_failed`].
    Mint,
    /// Nothing before this time, unless something happens.
    WaitUntil(Instant),
    /// Nothing, until something happens.
    Wait,
    /// No token will come; the run has to pause.
    GiveUp(GiveUp),
}

/// Why no further token will come.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GiveUp {
    /// The endpoint refused, or was away for longer than the patience.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The endpoint gives tokens, and the tenant refuses them.
    #[error(
        "tenant refused two fresh tokens in a row, the last being number {generation}; check that client and base URL belong to the same tenant and region, and that the client has the scope"
    )]
    TokensRejected {
        /// The generation that was refused last.
        generation: u64,
    },
}

impl GiveUp {
    /// Why no token will come, as the failure that ends the run. The message
    /// says what to check.
    #[must_use]
    pub fn explain(&self) -> FatalError {
        let kind = match self {
            Self::Mint(MintError::Unreachable { .. } | MintError::Throttled { .. }) => {
                FatalKind::Tenant
            }
            Self::Mint(_) | Self::TokensRejected { .. } => FatalKind::Credentials,
        };
        FatalError::new(kind, self.to_string())
    }
}

/// Where the token stands, for people and for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPhase {
    /// There is none.
    Absent,
    /// There is none yet, and a mint is under way.
    Minting,
    /// The newest is good as far as is known.
    Fresh {
        /// Its generation.
        generation: u64,
        /// Its end; none where not known.
        expires_at: Option<Instant>,
    },
    /// The newest was refused or has ended, and the next isn't there yet.
    Stale {
        /// Its generation.
        generation: u64,
    },
    /// No further token will come.
    GivenUp,
}
