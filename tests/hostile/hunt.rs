//! The search itself: tries inputs, keeps those that show something new, and
//! makes a failing one small before it is told.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Once;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::corpus;
use crate::mutate::mutate;

/// The seed of the suite. `SLUICE_FUZZ_SEED` names another.
const SEED: u64 = 0x51_0c_e5;

/// No input of some kilobytes takes longer; far above what a slow machine needs.
const SLOWEST: Duration = Duration::from_secs(20);

/// Attempts to make a failing input smaller.
const SHRINKING_STEPS: usize = 2_000;

thread_local! {
    /// Attempts that are expected to fail say nothing.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Lets threads be quiet about their panics.
fn prepare_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
}

/// What is tried, and what it may look like.
pub(crate) struct Hunt<'hunt> {
    /// The name of the target, and of its folder in `fixtures/hostile`.
    pub(crate) target: &'hunt str,
    /// Inputs to begin with.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Pieces that mean something here.
    pub(crate) words: &'hunt [&'hunt [u8]],
    /// Rounds in the suite; a longer search is told its time.
    pub(crate) rounds: u64,
}

impl Hunt<'_> {
    /// Tries inputs with `check`, which panics where a rule is broken and else
    /// gives what it saw, in short: inputs that differ in it are worth keeping.
    pub(crate) fn run<Seen: Hash>(self, check: impl Fn(&[u8]) -> Seen) {
        prepare_panics();
        let seed = number_from("SLUICE_FUZZ_SEED").unwrap_or(SEED);
        let seconds = number_from("SLUICE_FUZZ_SECONDS");
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut random = SmallRng::seed_from_u64(seed);
        let mut pool = corpus::once_failed(self.target);
        pool.extend(self.seeds.iter().cloned());
        let mut seen = HashSet::new();
        for input in &pool {
            seen.insert(self.attempt(input, seed, &check));
        }
        let mut rounds = 0_u64;
        while end.map_or(rounds < self.rounds, |end| Instant::now() < end) {
            let input = mutate(&pool, self.words, &mut random);
            if seen.insert(self.attempt(&input, seed, &check)) {
                // A full pool forgets at random, so that it never stands still.
                if pool.len() < 4_000 {
                    pool.push(input);
                } else {
                    let place = random.random_range(0..pool.len());
                    pool[place] = input;
                }
            }
            rounds += 1;
        }
        println!(
            "{}: {rounds} rounds with seed {seed}, {} inputs that differ in what they show",
            self.target,
            seen.len()
        );
    }

    fn attempt<Seen: Hash>(&self, input: &[u8], seed: u64, check: &impl Fn(&[u8]) -> Seen) -> u64 {
        let start = Instant::now();
        IS_QUIET.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| check(input)));
        IS_QUIET.set(false);
        let Ok(seen) = result else {
            self.tell(input, seed, check);
        };
        assert!(
            start.elapsed() < SLOWEST,
            "{}: an input takes {:?}, seed {seed}: {}",
            self.target,
            start.elapsed(),
            kept(self.target, input)
        );
        FixedState::default().hash_one(seen)
    }

    fn tell<Seen>(&self, input: &[u8], seed: u64, check: &impl Fn(&[u8]) -> Seen) -> ! {
        let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| check(input))).is_err();
        IS_QUIET.set(true);
        let small = shrunk(input, &fails);
        IS_QUIET.set(false);
        // Once more, so that its own message is the last one told.
        let _ = fails(&small);
        panic!(
            "{}: broken with seed {seed} by {:?}; kept as {}. Copy it into fixtures/hostile/{0} once it is repaired",
            self.target,
            String::from_utf8_lossy(&small),
            kept(self.target, &small)
        );
    }
}

/// The input with as much taken out as leaves it failing.
fn shrunk(input: &[u8], fails: &impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut small = input.to_vec();
    let mut piece = small.len() / 2;
    let mut steps = 0;
    while piece > 0 && steps < SHRINKING_STEPS {
        let mut start = 0;
        while start < small.len() && steps < SHRINKING_STEPS {
            let mut candidate = small.clone();
            candidate.drain(start..(start + piece).min(small.len()));
            steps += 1;
            if fails(&candidate) {
                small = candidate;
            } else {
                start += piece;
            }
        }
        piece /= 2;
    }
    small
}

/// Writes an input down where the build keeps its own things.
fn kept(target: &str, input: &[u8]) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("hostile")
        .join(target);
    let path = folder.join(blake3::hash(input).to_hex().as_str());
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, input));
    match written {
        Ok(()) => path.display().to_string(),
        Err(cause) => format!("nothing ({cause})"),
    }
}

fn number_from(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}
