//! The state machine, event by event.

use std::time::{Duration, Instant};

use super::super::{GiveUp, MintError, Step, TokenPhase, TokenPolicy, TokenState};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn away() -> MintError {
    MintError::Unreachable {
        url: "https://id".to_owned(),
        cause: "away".to_owned(),
        permanent: false,
    }
}

fn throttled(retry_after: Duration) -> MintError {
    MintError::Throttled {
        url: "https://id".to_owned(),
        retry_after: Some(retry_after),
    }
}

/// A machine with its first token, minted at `start`.
fn with_token(start: Instant, life: Option<Duration>) -> TokenState {
    let mut state = TokenState::new(TokenPolicy::default());
    assert_eq!(state.step(start), Step::Mint);
    assert_eq!(state.on_minted(start, life), 1);
    state
}

#[test]
fn a_token_is_renewed_ahead_by_a_minute_or_a_tenth_of_its_life() {
    let start = Instant::now();
    for (life, renewed_after) in [(3600, 3540), (100, 90), (1, 0)] {
        let mut state = with_token(start, Some(life * SECOND));
        let due = start + Duration::from_secs(life.into())
            - Duration::from_secs(60).min(life * SECOND / 10);
        assert_eq!(state.step(start + SECOND / 100), Step::WaitUntil(due));
        assert_eq!(due.duration_since(start).as_secs(), renewed_after);
        assert_eq!(state.step(due), Step::Mint);
        assert!(
            matches!(state.phase(due), TokenPhase::Fresh { generation: 1, .. }),
            "the old one is used meanwhile"
        );
        assert_eq!(state.step(due), Step::Wait);
        assert_eq!(state.on_minted(due, None), 2);
    }
}

#[test]
fn an_unknown_life_is_never_guessed() {
    let start = Instant::now();
    let mut state = with_token(start, None);
    assert_eq!(state.step(start + 100_000 * SECOND), Step::Wait);
}

#[test]
fn only_the_newest_generation_can_be_rejected_and_only_once() {
    let start = Instant::now();
    let mut state = with_token(start, None);
    state.on_accepted(1);
    let later = start + 10 * SECOND;
    assert!(state.on_rejected(later, 1));
    assert!(!state.on_rejected(later, 1), "the storm's second");
    assert_eq!(state.phase(later), TokenPhase::Stale { generation: 1 });
    assert_eq!(state.step(later), Step::Mint);
    assert!(!state.on_rejected(later, 1), "the storm's third");
    state.on_minted(later, None);
    assert!(!state.on_rejected(later, 1), "a straggler");
    assert_eq!(state.step(later + SECOND), Step::Wait);
}

#[test]
fn two_fresh_tokens_refused_in_a_row_are_a_credentials_problem() {
    let start = Instant::now();
    let mut state = with_token(start, None);
    state.on_rejected(start, 1);
    assert!(
        matches!(state.step(start), Step::WaitUntil(_)),
        "at least a quarter of a second between mints"
    );
    let again = start + SECOND;
    assert_eq!(state.step(again), Step::Mint);
    state.on_minted(again, None);
    state.on_rejected(again, 2);
    assert_eq!(
        state.step(again),
        Step::GiveUp(GiveUp::TokensRejected { generation: 2 })
    );
    assert_eq!(state.next_wakeup(again), None);
}

#[test]
fn a_token_that_was_accepted_forgives_the_one_before() {
    let mut now = Instant::now();
    let mut state = with_token(now, None);
    for generation in 1..20 {
        if generation % 2 == 0 {
            state.on_accepted(generation);
        }
        state.on_rejected(now, generation);
        now += 60 * SECOND;
        assert_eq!(state.step(now), Step::Mint, "generation {generation}");
        state.on_minted(now, None);
    }
}

#[test]
fn a_tenant_that_keeps_refusing_young_tokens_is_minted_for_ever_more_slowly() {
    let start = Instant::now();
    let mut now = start;
    let mut state = with_token(now, None);
    let mut mints = 0;
    while now < start + 600 * SECOND {
        let generation = mints + 1;
        state.on_accepted(generation);
        state.on_rejected(now, generation);
        now = state.next_wakeup(now).unwrap();
        assert_eq!(state.step(now), Step::Mint);
        state.on_minted(now, None);
        mints += 1;
    }
    assert!(mints < 40, "{mints} mints in ten minutes");
}

#[test]
fn an_endpoint_that_is_away_at_the_start_is_given_seconds() {
    let start = Instant::now();
    let (mut now, mut attempts) = (start, 0);
    let mut state = TokenState::new(TokenPolicy::default());
    loop {
        match state.step(now) {
            Step::Mint => {
                attempts += 1;
                state.on_mint_failed(now, away(), 1.0);
            }
            Step::WaitUntil(due) => now = due,
            Step::Wait => panic!("nothing is under way"),
            Step::GiveUp(reason) => break assert_eq!(reason, GiveUp::Mint(away())),
        }
    }
    assert!(
        now - start <= 5 * SECOND && now - start > SECOND,
        "{:?}",
        now - start
    );
    assert!((3..10).contains(&attempts), "{attempts}");
}

#[test]
fn later_it_is_given_ten_minutes_and_a_good_token_is_used_to_its_end() {
    let start = Instant::now();
    let mut state = with_token(start, Some(36_000 * SECOND));
    let mut now = start + 35_940 * SECOND;
    while state.phase(now) != TokenPhase::GivenUp {
        match state.step(now) {
            Step::Mint => state.on_mint_failed(now, away(), 0.0),
            Step::WaitUntil(due) => now = due,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        now >= start + 36_000 * SECOND,
        "the token in hand was good until then"
    );
    assert!(now <= start + 36_600 * SECOND);
}

#[test]
fn retry_after_is_never_undercut_and_throttling_is_borne_at_the_start() {
    let start = Instant::now();
    let mut state = TokenState::new(TokenPolicy::default());
    assert_eq!(state.step(start), Step::Mint);
    state.on_mint_failed(start, throttled(30 * SECOND), 0.0);
    let Step::WaitUntil(due) = state.step(start) else {
        panic!("a hint is waited for")
    };
    assert!(due >= start + 30 * SECOND && due < start + 31 * SECOND);
    assert_eq!(state.step(due), Step::Mint);
    state.on_mint_failed(due, throttled(3600 * SECOND), 0.0);
    assert!(
        matches!(state.step(due), Step::GiveUp(_)),
        "an hour is beyond patience"
    );
}

#[test]
fn a_permanent_refusal_ends_it_at_once() {
    let start = Instant::now();
    let mut state = TokenState::new(TokenPolicy::default());
    state.step(start);
    let refused = MintError::BadReply {
        url: "https://id".to_owned(),
        what: "is HTML".to_owned(),
    };
    state.on_mint_failed(start, refused.clone(), 0.5);
    assert_eq!(state.step(start), Step::GiveUp(GiveUp::Mint(refused)));
}
