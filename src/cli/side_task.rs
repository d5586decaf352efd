//! Work beside a run, in side books of its own: what `verify` and `undo` share.
//! A task that was cut off is known by its file, and gone on with.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actors::{RunEnd, StopReason};
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::store::{Ledger, RunDirectory};

/// What is being done; gone when it is done.
const TASK: &str = "task.json";

/// The side books of that name of a task that was cut off, and what it was about.
pub(super) fn cut_off<Task: DeserializeOwned>(
    directory: &RunDirectory,
    folder: &str,
) -> Option<(RunDirectory, Task)> {
    let path = directory.path().join(folder);
    let books = RunDirectory::find_side_books(&path)?;
    let text = std::fs::read(path.join(TASK)).ok()?;
    Some((books, serde_json::from_slice(&text).ok()?))
}

/// Notes that the task has begun, so that it can be gone on with.
pub(super) fn begin(books: &RunDirectory, task: &impl Serialize) -> Result<(), FatalError> {
    let text = serde_json::to_vec(task).expect("a task is plain data");
    books.write_file(TASK, &text)
}

/// The task has come to its end: the next one begins anew. That it can't be
/// forgotten costs the next one a look at what is done.
pub(super) fn forget(books: &RunDirectory) {
    let _ = std::fs::remove_file(books.path().join(TASK));
}

/// The ledger of a leg that has ended, committed. `command` goes on with it.
pub(super) fn settled_ledger(end: &mut RunEnd, command: &str) -> Result<Ledger, FatalError> {
    let Some(mut ledger) = end.ledger.take() else {
        return Err(FatalError::new(
            FatalKind::Internal,
            "the recorder failed; what was done until then is kept",
        )
        .with_hint(format!(
            "Start `sluice {command}` again; it goes on from there."
        )));
    };
    ledger.commit_with_reserve(end.elapsed)?;
    Ok(*ledger)
}

/// The exit status, once it is known why the leg stopped and what it didn't get
/// to; `what` names that in the plural.
pub(super) fn stopped_status(
    status: ExitStatus,
    stop: Option<&StopReason>,
    not_reached: u64,
    what: &str,
) -> Result<ExitStatus, FatalError> {
    match stop {
        Some(stop) => {
            let always = matches!(stop, StopReason::Fatal(_) | StopReason::ErrorBudget { .. });
            Ok(match always || not_reached > 0 {
                true => status.worst_of(stop.exit_status()),
                false => status,
            })
        }
        None if not_reached > 0 => Err(FatalError::new(
            FatalKind::Internal,
            format!("{not_reached} {what} were not looked at"),
        )
        .with_hint("Please report it.")),
        None => Ok(status),
    }
}
