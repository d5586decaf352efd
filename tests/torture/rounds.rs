//! Which cases are played: drawn from a seed, or one for every call to the
//! system that a small load makes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::case::{Case, Ending, Work};
use crate::operations::{OPERATIONS, Operation, TenantWish};
use crate::shim::{FILE_WRITES, KillPoint, POINTS, counted, read_tally};

/// Passages of each point in a load that nothing disturbs.
type Survey = Arc<BTreeMap<&'static str, u64>>;

/// Rows of a load that is killed at random.
const ROWS: u64 = 300;
/// Rows of a load that is killed once, at each of its calls.
const FEW_ROWS: u64 = 24;

/// Counts passages, once for each kind of case.
#[derive(Default)]
pub(crate) struct Surveyor {
    known: Mutex<BTreeMap<(&'static str, Work, u64), Survey>>,
}

impl Surveyor {
    /// Of a case like this one, that nothing disturbs.
    fn survey(&self, case: &Case) -> Survey {
        // Held meanwhile: whoever else wants this survey waits for it.
        let mut known = self.known.lock();
        let key = (case.operation.name, case.work, case.rows);
        let survey = known.entry(key).or_insert_with(|| {
            let bench = case.prepare();
            let tally = bench.folder().join("tally");
            let ended = counted(case.command(&bench), &tally).run();
            assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.stderr);
            Arc::new(read_tally(&tally))
        });
        Arc::clone(survey)
    }

    /// The case of a seed: always the same, but for what the operating system
    /// does with the threads.
    pub(crate) fn drawn(&self, seed: u64, only: Option<&'static Operation>) -> Case {
        let mut random = SmallRng::seed_from_u64(seed);
        let place = usize::try_from(seed).unwrap_or(0) % OPERATIONS.len();
        let operation = only.unwrap_or(&OPERATIONS[place]);
        let rows = ROWS * if operation.batch > 1 { 2 } else { 1 };
        let work = match random.random_range(0..5) {
            0 => Work::Retry,
            _ => Work::Load,
        };
        let mut case = Case {
            seed,
            rows,
            ..undisturbed(operation, work)
        };
        let survey = self.survey(&case);
        let kills = random.random_range(2..=5);
        case.endings = (0..kills)
            .map(|_| draw(&mut random, &survey, kills))
            .collect();
        case.tenant.loses_answers = random.random_bool(0.5);
        case.sets_clock_back = random.random_bool(0.25);
        // A retry puts new books in the old ones' places, which the copies of
        // what was synced don't follow.
        case.loses_power = work == Work::Load && random.random_bool(0.25);
        case
    }

    /// A large load that loses answers and is killed very often.
    pub(crate) fn long(
        &self,
        seed: u64,
        operation: &'static Operation,
        rows: u64,
        kills: u64,
    ) -> Case {
        let mut random = SmallRng::seed_from_u64(seed);
        // Equal parts, so that no leg gets to the end before its kill.
        let step = rows / operation.batch / (kills + 1);
        let endings = (0..kills).map(|_| Ending::Anytime {
            requests: random.random_range(1..=step),
            pause: Duration::from_micros(random.random_range(0..30_000)),
        });
        Case {
            seed,
            rows,
            tenant: TenantWish {
                loses_answers: true,
                refuses: 0.0,
            },
            endings: endings.collect(),
            ..undisturbed(operation, Work::Load)
        }
    }

    /// A small load for each instant at which it can be killed.
    pub(crate) fn at_every_call(&self, operation: &'static Operation, work: Work) -> Vec<Case> {
        let survey = self.survey(&undisturbed(operation, work));
        let instants = POINTS.iter().flat_map(|(point, moments)| {
            let passages = 1..=survey[point];
            let at = move |passage| moments.iter().map(move |&moment| (passage, moment));
            passages
                .flat_map(at)
                .map(move |(passage, moment)| KillPoint {
                    point,
                    moment,
                    passage,
                })
        });
        instants
            .map(|at| small(operation, work, Ending::At(at)))
            .collect()
    }

    /// A small load for each write from which on the disk can be full.
    pub(crate) fn at_every_write(&self, operation: &'static Operation, work: Work) -> Vec<Case> {
        let writes = 1..=self.survey(&undisturbed(operation, work))[FILE_WRITES];
        writes
            .map(|write| small(operation, work, Ending::FullDisk { write }))
            .collect()
    }
}

/// A small load that is ended once.
pub(crate) fn small(operation: &'static Operation, work: Work, ending: Ending) -> Case {
    Case {
        endings: vec![ending],
        ..undisturbed(operation, work)
    }
}

/// A small load that nothing ends.
fn undisturbed(operation: &'static Operation, work: Work) -> Case {
    Case {
        operation,
        work,
        seed: 1,
        rows: FEW_ROWS,
        tenant: TenantWish {
            loses_answers: false,
            refuses: match work {
                Work::Load => 0.03,
                Work::Retry => 0.3,
            },
        },
        sets_clock_back: false,
        loses_power: false,
        endings: Vec::new(),
    }
}

fn draw(random: &mut SmallRng, survey: &Survey, kills: u64) -> Ending {
    let requests = survey["request"];
    let mut moment = |share: u64| {
        let requests = random.random_range(0..=requests / share);
        let pause = Duration::from_micros(random.random_range(0..40_000));
        (requests, pause)
    };
    let (anytime, in_drain) = (moment(kills), moment(kills));
    match random.random_range(0..10) {
        0..2 => Ending::Anytime {
            requests: anytime.0,
            pause: anytime.1,
        },
        2 => Ending::InDrain {
            requests: in_drain.0,
            pause: in_drain.1,
        },
        _ => {
            let passed: Vec<_> = POINTS
                .iter()
                .filter(|(point, _)| survey[point] > 0)
                .collect();
            let (point, moments) = *passed[random.random_range(0..passed.len())];
            // A leg does a part of the work, so most passages are drawn from
            // that part, and some from all.
            let all = survey[point];
            let part = (all / kills).max(1);
            let most = if random.random_bool(0.7) { part } else { all };
            Ending::At(KillPoint {
                point,
                moment: moments[random.random_range(0..moments.len())],
                passage: random.random_range(1..=most),
            })
        }
    }
}
