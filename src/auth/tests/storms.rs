//! The state machine under any interleaving of what can happen to it.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Step, TokenPhase, TokenPolicy, TokenState};
use super::state::away;

#[derive(Clone, Debug)]
enum Event {
    Pass {
        millis: u64,
    },
    Step,
    MintEnds {
        life_s: Option<u64>,
        fails: bool,
        jitter: f64,
    },
    Rejected {
        generations_ago: u64,
    },
    Accepted {
        generations_ago: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0_u64..200_000).prop_map(|millis| Event::Pass { millis }),
        2 => (0_u64..300).prop_map(|millis| Event::Pass { millis }),
        4 => Just(Event::Step),
        3 => (prop::option::of(0_u64..5000), prop::bool::weighted(0.2), 0.0..=1.0)
            .prop_map(|(life_s, fails, jitter)| Event::MintEnds { life_s, fails, jitter }),
        4 => (0_u64..3).prop_map(|generations_ago| Event::Rejected { generations_ago }),
        3 => (0_u64..3).prop_map(|generations_ago| Event::Accepted { generations_ago }),
    ]
}

proptest! {
    #[test]
    fn never_two_mints_at_once_nor_too_close_nor_without_a_reason(events in prop::collection::vec(event(), 0..400)) {
        let policy = TokenPolicy::default();
        let min_gap = policy.min_gap;
        let mut state = TokenState::new(policy);
        let mut now = Instant::now();
        let (mut generation, mut minting, mut last_began) = (0_u64, false, None::<Instant>);
        let (mut newest_refused, mut newest_ends_soon_at, mut failed) = (false, None::<Instant>, false);
        for event in events {
            match event {
                Event::Pass { millis } => now += Duration::from_millis(millis),
                Event::Step => match state.step(now) {
                    Step::Mint => {
                        prop_assert!(!minting, "two mints under way");
                        prop_assert!(last_began.is_none_or(|began| now - began >= min_gap), "two mints too close");
                        let reason = generation == 0 || newest_refused || failed
                            || newest_ends_soon_at.is_some_and(|soon| now >= soon);
                        prop_assert!(reason, "a mint that nobody needs");
                        (minting, last_began) = (true, Some(now));
                    }
                    Step::WaitUntil(due) => {
                        prop_assert!(due > now && !minting);
                        prop_assert_eq!(state.next_wakeup(now), Some(due));
                    }
                    Step::Wait => prop_assert!(minting || (generation > 0 && !newest_refused)),
                    Step::GiveUp(_) => prop_assert_eq!(state.phase(now), TokenPhase::GivenUp),
                },
                Event::MintEnds { fails: true, jitter, .. } if minting => {
                    state.on_mint_failed(now, away(), jitter);
                    (minting, failed) = (false, true);
                }
                Event::MintEnds { life_s, .. } if minting => {
                    let life = life_s.map(Duration::from_secs);
                    generation += 1;
                    prop_assert_eq!(state.on_minted(now, life), generation);
                    (minting, failed, newest_refused) = (false, false, false);
                    newest_ends_soon_at = life.map(|life| now + life - Duration::from_secs(60).min(life / 10));
                }
                Event::MintEnds { .. } => {}
                Event::Rejected { generations_ago } => {
                    let rejected = generation.saturating_sub(generations_ago);
                    let news = state.on_rejected(now, rejected);
                    prop_assert_eq!(news, rejected == generation && generation > 0 && !newest_refused);
                    newest_refused |= news;
                }
                Event::Accepted { generations_ago } => state.on_accepted(generation.saturating_sub(generations_ago)),
            }
        }
    }

    #[test]
    fn a_storm_mints_once_wherever_the_new_token_falls(
        before in 1_usize..200, during in 0_usize..200, after in 0_usize..200,
    ) {
        let start = Instant::now();
        let mut state = TokenState::new(TokenPolicy::default());
        prop_assert_eq!(state.step(start), Step::Mint);
        state.on_minted(start, Some(Duration::from_secs(3600)));
        state.on_accepted(1);
        let now = start + Duration::from_secs(100);
        let mut mints = 0;
        let mut storm = |state: &mut TokenState, rejections: usize| {
            for _ in 0..rejections {
                state.on_rejected(now, 1);
                mints += usize::from(state.step(now) == Step::Mint);
            }
        };
        storm(&mut state, before);
        storm(&mut state, during);
        state.on_minted(now, Some(Duration::from_secs(3600)));
        storm(&mut state, after);
        prop_assert_eq!(mints, 1);
    }
}
