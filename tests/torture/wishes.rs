//! What `scripts/torture` asks for; the suite asks for little.

use crate::case::{Case, Ending, Work};
use crate::operations::Operation;
use crate::rounds::small;
use crate::shim::KillPoint;

/// The seed of the suite.
const SEED: u64 = 4;
/// What the kinds of work are called.
const LOAD: &str = "load";
const RETRY: &str = "retry";
/// What an instant with a full disk is called.
const FULL_DISK: &str = "full-disk";
/// Instants that the suite tries.
const FEW_INSTANTS: usize = 24;

/// How much is tried, and of what.
pub(crate) struct Wishes {
    /// Random cases; nothing in the suite.
    pub(crate) rounds: Option<usize>,
    seed: u64,
    /// Only this operation.
    pub(crate) only: Option<&'static Operation>,
    /// A kill at each call to the system, and not only at some.
    pub(crate) every_call: bool,
    /// Only this one.
    pub(crate) instant: Option<Case>,
}

impl Wishes {
    pub(crate) fn read() -> Self {
        let variable = |name: &str| std::env::var(format!("SLUICE_TORTURE_{name}")).ok();
        let number = |name: &str| {
            let text = variable(name)?;
            let number: u64 = text
                .parse()
                .unwrap_or_else(|_| panic!("{name} is no number"));
            Some(number)
        };
        Self {
            rounds: number("ROUNDS").and_then(|rounds| usize::try_from(rounds).ok()),
            seed: number("SEED").unwrap_or(SEED),
            only: variable("ONLY").map(|name| Operation::find(&name)),
            every_call: variable("EVERY_CALL").is_some(),
            instant: variable("AT").map(|text| read_instant(&text)),
        }
    }

    /// The seed of the case of this number.
    pub(crate) fn seed_of(&self, number: usize) -> u64 {
        self.seed.wrapping_add(number as u64)
    }

    pub(crate) fn wants(&self, operation: &Operation) -> bool {
        self.only.is_none_or(|only| only.name == operation.name)
    }

    /// How many instants are tried where not all are.
    pub(crate) fn few_instants(&self) -> usize {
        self.rounds.unwrap_or(FEW_INSTANTS)
    }

    /// Rows and kills of the one long load.
    pub(crate) fn long_load(&self) -> (u64, u64) {
        match self.rounds {
            Some(20..) => (4_000, 25),
            _ => (600, 4),
        }
    }
}

/// The command that plays a small case again.
pub(crate) fn again(case: &Case) -> String {
    let instant = match case.endings.first() {
        Some(Ending::At(at)) => format!("{}:{}:{}", at.point, at.moment.name(), at.passage),
        Some(Ending::FullDisk { write }) => format!("{FULL_DISK}:from:{write}"),
        _ => String::new(),
    };
    let work = match case.work {
        Work::Load => LOAD,
        Work::Retry => RETRY,
    };
    format!(
        "scripts/torture --at {}:{work}:{instant}",
        case.operation.name
    )
}

fn read_instant(text: &str) -> Case {
    let parts: Vec<&str> = text.split(':').collect();
    let [operation, work, point, moment, number] = parts[..] else {
        panic!("an instant is OPERATION:WORK:POINT:MOMENT:NUMBER, not {text}");
    };
    let work = match work {
        LOAD => Work::Load,
        RETRY => Work::Retry,
        _ => panic!("the work is {LOAD} or {RETRY}, not {work}"),
    };
    let number = number.parse().expect("a number");
    let ending = match point {
        FULL_DISK => Some(Ending::FullDisk { write: number }),
        _ => KillPoint::named(point, moment, number).map(Ending::At),
    };
    let ending = ending.unwrap_or_else(|| panic!("there is no instant {text}"));
    small(Operation::find(operation), work, ending)
}
