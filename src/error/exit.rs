//! The exit codes, as the product's contract has them.

use serde::{Deserialize, Serialize};

/// How a command ended. Where several apply, the one that stands first in
/// [`ExitStatus::worst_of`]'s order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// All rows done.
    Done,
    /// Finished, and some rows were rejected.
    SomeRejected,
    /// The command line or a configuration file is wrong; nothing was sent.
    Usage,
    /// Stopped by the error budget.
    ErrorBudget,
    /// Credentials, permission, the tenant gone, or the disk full.
    Fatal,
    /// Interrupted; `sluice resume` goes on.
    Interrupted,
    /// The window or the duration is over; `sluice resume` goes on.
    WindowOver,
    /// Finished, and the fate of some rows isn't known.
    SomeUnknown,
    /// The second signal: stopped at once.
    Killed,
}

impl ExitStatus {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeRejected => 1,
            Self::Usage => 2,
            Self::ErrorBudget => 3,
            Self::Fatal => 4,
            Self::Interrupted => 5,
            Self::WindowOver => 6,
            Self::SomeUnknown => 7,
            Self::Killed => 130,
        }
    }

    /// The status of an exit code, as a journal holds it.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        [
            Self::Done,
            Self::SomeRejected,
            Self::Usage,
            Self::ErrorBudget,
            Self::Fatal,
            Self::Interrupted,
            Self::WindowOver,
            Self::SomeUnknown,
            Self::Killed,
        ]
        .into_iter()
        .find(|status| status.code() == code)
    }

    /// The run's `state` in `summary.json`.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Done | Self::SomeRejected | Self::SomeUnknown => "finished",
            Self::Usage => "refused",
            Self::ErrorBudget => "stopped",
            Self::Fatal => "failed",
            Self::Interrupted | Self::Killed => "interrupted",
            Self::WindowOver => "paused",
        }
    }

    /// The one that is told where several apply: 4, 3, 7, 6, 5, 1.
    #[must_use]
    pub fn worst_of(self, other: Self) -> Self {
        const ORDER: [ExitStatus; 9] = [
            ExitStatus::Killed,
            ExitStatus::Usage,
            ExitStatus::Fatal,
            ExitStatus::ErrorBudget,
            ExitStatus::SomeUnknown,
            ExitStatus::WindowOver,
            ExitStatus::Interrupted,
            ExitStatus::SomeRejected,
            ExitStatus::Done,
        ];
        let rank = |status| ORDER.iter().position(|&entry| entry == status);
        if rank(self) <= rank(other) {
            self
        } else {
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_apply_the_contract_names_the_order() {
        use ExitStatus::*;
        assert_eq!(SomeRejected.worst_of(Interrupted), Interrupted);
        assert_eq!(Interrupted.worst_of(WindowOver), WindowOver);
        assert_eq!(WindowOver.worst_of(SomeUnknown), SomeUnknown);
        assert_eq!(SomeUnknown.worst_of(ErrorBudget), ErrorBudget);
        assert_eq!(ErrorBudget.worst_of(Fatal), Fatal);
        assert_eq!(Done.worst_of(Done), Done);
    }
}
