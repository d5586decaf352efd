//! The token refresher: an actor that mints tokens ahead of their end and
//! after refusals. It never sees data, and no request asks it for a token:
//! the newest one is published, and lanes look.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, Message,
    Recipient, SpawnHandle, WrapFuture,
};
use rand::RngExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::auth::{Step, Token, TokenState, mint};
use crate::record::RunEvent;
use crate::telemetry::EventSender;
use crate::transport::{ControlClient, TransportSettings};

use super::messages::{Abort, CurrentToken, Drain, StopReason, TokenAccepted, TokenRejected};
use super::run::TokenPlan;

/// To the supervisor: there is a new token.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct TokenMinted {
    /// The token's number, from 1.
    pub(super) generation: u64,
    /// Its lifetime, where the tenant told it.
    pub(super) lifetime: Option<Duration>,
}

/// How long mints fail before people are told. Where no token could ever be had
/// the run ends sooner, and tells why.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// Tokens that were minted and that the journal doesn't have yet. It takes them
/// with its next commit, so that a run knows of all its legs' tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct UnbookedTokens(Arc<AtomicU64>);

impl UnbookedTokens {
    fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are; from now on they count as booked.
    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// A run's token refresher, on an Arbiter of its own, and what it publishes.
pub(super) struct TokenDesk {
    refresher: Addr<TokenRefresher>,
    current: watch::Receiver<CurrentToken>,
    unbooked: UnbookedTokens,
    arbiter: Arbiter,
}

impl TokenDesk {
    /// Starts the refresher; the first token is asked for at once.
    pub(super) fn open(
        plan: Arc<TokenPlan>,
        abort: Recipient<Abort>,
        minted: Recipient<TokenMinted>,
        events: EventSender,
    ) -> Self {
        let (publish, current) = watch::channel(None);
        let unbooked = UnbookedTokens::default();
        let counter = unbooked.clone();
        let arbiter = Arbiter::new();
        let refresher =
            TokenRefresher::start_in_arbiter(&arbiter.handle(), move |_| TokenRefresher {
                client: Arc::new(ControlClient::new(TransportSettings::default())),
                state: TokenState::new(plan.policy.clone()),
                plan,
                publish,
                abort,
                minted,
                unbooked: counter,
                events,
                failing_since: None,
                is_told: false,
                wakeup: None,
                has_given_up: false,
            });
        Self {
            refresher,
            current,
            unbooked,
            arbiter,
        }
    }

    /// A view of the newest token.
    pub(super) fn subscribe(&self) -> watch::Receiver<CurrentToken> {
        self.current.clone()
    }

    /// Tokens for the journal to book.
    pub(super) fn unbooked(&self) -> UnbookedTokens {
        self.unbooked.clone()
    }

    /// Where refusals are told.
    pub(super) fn refresher(&self) -> Addr<TokenRefresher> {
        self.refresher.clone()
    }

    /// Ends the refresher and its thread. Nothing that it could still do is
    /// wanted, but what it does is dropped by itself: a request that outlives its
    /// runtime finds no reactor and panics.
    pub(super) fn close(self) {
        match self.refresher.connected() {
            true => self.refresher.do_send(Drain),
            // It panicked.
            false => {
                self.arbiter.stop();
            }
        }
        let _ = self.arbiter.join();
    }
}

/// The actor. What it does when is decided by the pure [`TokenState`].
pub(super) struct TokenRefresher {
    plan: Arc<TokenPlan>,
    client: Arc<ControlClient>,
    state: TokenState,
    publish: watch::Sender<CurrentToken>,
    abort: Recipient<Abort>,
    minted: Recipient<TokenMinted>,
    unbooked: UnbookedTokens,
    events: EventSender,
    /// Since when mints have failed in a row.
    failing_since: Option<std::time::Instant>,
    /// Whether people were told that they do.
    is_told: bool,
    wakeup: Option<SpawnHandle>,
    has_given_up: bool,
}

impl TokenRefresher {
    fn step(&mut self, context: &mut Context<Self>) {
        if let Some(wakeup) = self.wakeup.take() {
            context.cancel_future(wakeup);
        }
        let now = Instant::now().into_std();
        match self.state.step(now) {
            Step::Mint => self.mint(context),
            Step::WaitUntil(due) => {
                let wait = due.saturating_duration_since(now);
                self.wakeup = Some(context.run_later(wait, |refresher, context| {
                    refresher.wakeup = None;
                    refresher.step(context);
                }));
            }
            Step::Wait => {}
            Step::GiveUp(reason) => {
                if !std::mem::replace(&mut self.has_given_up, true) {
                    self.abort
                        .do_send(Abort(StopReason::Fatal(reason.explain())));
                }
            }
        }
    }

    fn mint(&mut self, context: &mut Context<Self>) {
        let (client, plan) = (Arc::clone(&self.client), Arc::clone(&self.plan));
        let minting = async move { mint(&client, &plan.endpoint, &plan.credentials).await };
        context.spawn(minting.into_actor(self).map(|minted, refresher, context| {
            let now = Instant::now().into_std();
            match minted {
                Ok(minted) => {
                    refresher.failing_since = None;
                    if std::mem::take(&mut refresher.is_told) {
                        refresher.tell("tokens are given out again".to_owned());
                    }
                    let lifetime = minted.life;
                    let generation = refresher.state.on_minted(now, lifetime);
                    let token = Token::new(generation, minted, now);
                    refresher.publish.send_replace(Some(Arc::new(token)));
                    refresher.unbooked.add_one();
                    refresher.minted.do_send(TokenMinted {
                        generation,
                        lifetime,
                    });
                }
                Err(error) => {
                    let since = *refresher.failing_since.get_or_insert(now);
                    if !refresher.is_told && now.duration_since(since) >= TOLD_AFTER {
                        refresher.is_told = true;
                        refresher.tell(format!("no token can be had, and without one nothing is sent: {error}; it is asked for again and again"));
                    }
                    let jitter = rand::rng().random::<f64>();
                    refresher.state.on_mint_failed(now, error, jitter);
                }
            }
            refresher.step(context);
        }));
    }
}

impl TokenRefresher {
    /// Nobody should wonder why nothing moves.
    fn tell(&self, words: String) {
        self.events.send(RunEvent::Notice(words));
    }
}

impl Actor for TokenRefresher {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.step(context);
    }

    fn stopped(&mut self, _context: &mut Self::Context) {
        Arbiter::current().stop();
    }
}

impl Handler<Drain> for TokenRefresher {
    type Result = ();

    fn handle(&mut self, _drain: Drain, context: &mut Self::Context) {
        context.stop();
    }
}

impl Handler<TokenRejected> for TokenRefresher {
    type Result = ();

    fn handle(&mut self, rejected: TokenRejected, context: &mut Self::Context) {
        let now = Instant::now().into_std();
        self.state.on_rejected(now, rejected.generation);
        self.step(context);
    }
}

impl Handler<TokenAccepted> for TokenRefresher {
    type Result = ();

    fn handle(&mut self, accepted: TokenAccepted, _context: &mut Self::Context) {
        self.state.on_accepted(accepted.generation);
    }
}
