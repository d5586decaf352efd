//! One case: a load that is killed again and again, resumed each time, and
//! judged when it has come to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread::park_timeout;
use std::time::Duration;

use crate::journal::JournalCopy;
use crate::judge::judge;
use crate::operations::{Operation, TenantWish, WayOut};
use crate::power;
use crate::shim::{KillPoint, killed_at, with_clock_set_back, with_full_disk_at};
use crate::support::{Bench, Ended, Running, Sluice, wait_until};

/// How a leg ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// At a named call to the system.
    At(KillPoint),
    /// From this write to a file of the run on, the disk is full.
    FullDisk { write: u64 },
    /// So long after so many further requests have reached the tenant.
    Anytime { requests: u64, pause: Duration },
    /// So long after a SIGTERM, which came after so many further requests.
    InDrain { requests: u64, pause: Duration },
}

/// What is done when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// A load.
    Load,
    /// A retry of the rows that a load has left rejected.
    Retry,
}

/// A load and its kills.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) operation: &'static Operation,
    pub(crate) work: Work,
    pub(crate) seed: u64,
    pub(crate) rows: u64,
    pub(crate) tenant: TenantWish,
    /// Whether the wall clock is set back in each leg.
    pub(crate) sets_clock_back: bool,
    /// Whether each kill is a power cut.
    pub(crate) loses_power: bool,
    pub(crate) endings: Vec<Ending>,
}

/// What a leg that was killed has left.
pub(crate) struct Kill {
    /// Keys of rows that had ended, as the journal has it.
    pub(crate) finished: BTreeSet<String>,
    /// Keys of rows in doubt, as the journal has it.
    pub(crate) suspects: BTreeSet<String>,
    /// How often the tenant had applied each key.
    pub(crate) applies: BTreeMap<String, u64>,
    /// Answers that the tenant had lost.
    lost_answers: u64,
}

/// What came of a case that held.
pub(crate) struct Played {
    /// How its legs were ended, in the words of the table.
    pub(crate) ended_by: Vec<String>,
    /// Writes that were applied more than once.
    pub(crate) repeated: u64,
    /// Rows that are listed as unknown.
    pub(crate) unknown: u64,
    /// The most rows that a kill found applied and not booked, those of earlier
    /// kills among them.
    pub(crate) most_open: u64,
}

impl Ending {
    /// What tables call it.
    fn label(self) -> &'static str {
        match self {
            Self::At(at) => at.point,
            Self::FullDisk { .. } => "disk full",
            Self::Anytime { .. } => "any moment",
            Self::InDrain { .. } => "in a drain",
        }
    }

    fn prepare(self, sluice: Sluice) -> Sluice {
        match self {
            Self::At(at) => killed_at(sluice, at),
            Self::FullDisk { write } => with_full_disk_at(sluice, write),
            Self::Anytime { .. } | Self::InDrain { .. } => sluice,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            work,
            rows,
            tenant,
            sets_clock_back,
            loses_power,
            endings,
            ..
        } = self;
        let clock = if *sets_clock_back {
            ", clock set back"
        } else {
            ""
        };
        let power = if *loses_power { ", power cuts" } else { "" };
        let name = operation.name;
        write!(
            formatter,
            "{work:?} of {name}, {rows} rows, {tenant:?}{clock}{power}, {endings:?}"
        )
    }
}

impl Case {
    /// Plays it to its end.
    ///
    /// # Panics
    /// Where anything is lost, done twice, or told wrongly.
    pub(crate) fn play(&self) -> Played {
        let bench = self.prepare();
        let mut kills = Vec::new();
        let mut ended_by = Vec::new();
        for ending in &self.endings {
            let leg = ending.prepare(self.next_leg(&bench)).start();
            let ended = end_leg(leg, *ending, &bench);
            match ended.as_ref().and_then(|ended| ended.code) {
                // Drained in time.
                Some(5) => continue,
                // Not reached at all.
                Some(0 | 1 | 7) => break,
                _ => {}
            }
            ended_by.push(match (self.work, self.loses_power) {
                (Work::Load, true) => "power cut".to_owned(),
                (Work::Load, false) => ending.label().to_owned(),
                (Work::Retry, _) => format!("retry: {}", ending.label()),
            });
            let kill = self.look_around(&bench, kills.last());
            if let Ending::FullDisk { .. } = ending {
                let ended = ended.expect("a full disk kills nobody");
                assert_full_disk_is_told(&ended, kill.as_ref());
            }
            kills.extend(kill);
        }
        let ended = self.next_leg(&bench).run();
        let judged = judge(self, &bench, &ended, &kills);
        let most_open = kills.iter().map(|kill| kill.open().count() as u64).max();
        Played {
            ended_by,
            repeated: judged.repeated,
            unknown: judged.unknown,
            most_open: most_open.unwrap_or(0),
        }
    }

    /// A tenant and an input; for a retry, a load that has ended.
    pub(crate) fn prepare(&self) -> Bench {
        let bench = self.operation.bench(self.seed, self.rows, self.tenant);
        if self.work == Work::Retry {
            let ended = self.operation.run(&bench).run();
            assert!(matches!(ended.code, Some(1 | 7)), "{}", ended.stderr);
        }
        bench
    }

    /// The command that is due.
    pub(crate) fn command(&self, bench: &Bench) -> Sluice {
        let is_finished = || {
            let journal = JournalCopy::read(&bench.run_directory());
            journal.state().checkpoint.finished_with.is_some()
        };
        match self.work {
            Work::Load if bench.runs().is_empty() => self.operation.run(bench),
            Work::Retry if is_finished() => self.operation.retry(bench),
            Work::Load | Work::Retry => self.operation.resume(bench),
        }
    }

    /// A power cut takes commits that weren't synced, and of what can be repeated
    /// none is.
    pub(crate) fn forgets_commits(&self) -> bool {
        self.loses_power && self.operation.way_out == WayOut::Repeat
    }

    fn next_leg(&self, bench: &Bench) -> Sluice {
        let leg = self.command(bench);
        let leg = match self.sets_clock_back {
            true => with_clock_set_back(leg),
            false => leg,
        };
        match self.loses_power {
            true => power::prepare(leg, bench),
            false => leg,
        }
    }

    /// What a kill has left; nothing where the run wasn't made yet. Judges what
    /// must hold at any instant. `before` is the last kill before this one.
    fn look_around(&self, bench: &Bench, before: Option<&Kill>) -> Option<Kill> {
        if bench.runs().is_empty() {
            assert!(
                bench.ledger().applies.is_empty(),
                "rows were sent by a run that can't be resumed"
            );
            return None;
        }
        let directory = bench.run_directory();
        if self.loses_power {
            power::cut(&directory, bench);
        }
        let journal = JournalCopy::read(&directory);
        let ledger = bench.ledger();
        let kill = Kill {
            finished: journal.finished(self.rows),
            suspects: journal.suspects(),
            lost_answers: ledger.counters.faults.values().sum(),
            applies: ledger.applies,
        };
        if self.operation.way_out != WayOut::Repeat {
            let forgotten: Vec<&String> = kill
                .open()
                .filter(|key| !kill.suspects.contains(*key))
                .collect();
            assert!(
                forgotten.is_empty(),
                "applied, and the journal has neither an end nor a doubt of them: {forgotten:?}"
            );
        }
        if self.forgets_commits() {
            return Some(kill);
        }
        // What an earlier leg left, and what waits for its look-up since an
        // answer was lost, isn't under way.
        let lost = kill.lost_answers - before.map_or(0, |before| before.lost_answers);
        let most = self.operation.most_under_way() + lost * self.operation.batch;
        let is_new = |key: &&String| {
            before.is_none_or(|before| {
                !before.suspects.contains(*key) && !before.applies.contains_key(*key)
            })
        };
        let open = kill.open().filter(is_new).count() as u64;
        let suspects = kill.suspects.iter().filter(is_new).count() as u64;
        assert!(open <= most, "{open} rows are applied and not booked");
        assert!(suspects <= most, "{suspects} rows are in doubt");
        Some(kill)
    }
}

impl Kill {
    /// Rows that the tenant had applied and the journal hadn't.
    pub(crate) fn open(&self) -> impl Iterator<Item = &String> {
        let applied = self.applies.keys();
        applied.filter(|key| !self.finished.contains(*key))
    }
}

/// Ends a leg as is wished; nothing where it was killed from here.
fn end_leg(mut leg: Running, ending: Ending, bench: &Bench) -> Option<Ended> {
    let (requests, pause, is_told) = match ending {
        Ending::At(_) | Ending::FullDisk { .. } => return Some(leg.wait()),
        Ending::Anytime { requests, pause } => (requests, pause, false),
        Ending::InDrain { requests, pause } => (requests, pause, true),
    };
    let before = bench.counters().accepted;
    wait_until("the moment to kill has come", || {
        leg.has_ended() || bench.counters().accepted >= before + requests
    });
    if is_told && !leg.has_ended() {
        leg.signal("TERM");
    }
    park_timeout(pause);
    if leg.has_ended() {
        return Some(leg.wait());
    }
    leg.kill();
    None
}

/// It ends with 4 and says so once; and what was done is booked, as long as
/// what was kept aside had room for it.
fn assert_full_disk_is_told(ended: &Ended, kill: Option<&Kill>) {
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let told = ended.stderr.matches("the disk is full").count();
    assert_eq!(told, 1, "one clear message:\n{}", ended.stderr);
    let is_told_as_lost = ended.stderr.contains("could not be saved");
    if let Some(kill) = kill.filter(|_| !is_told_as_lost) {
        let open: Vec<&String> = kill.open().collect();
        assert!(open.is_empty(), "done, not booked, and not told: {open:?}");
    }
}
