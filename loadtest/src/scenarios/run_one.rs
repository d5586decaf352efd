//! One client against one fresh tenant.

use std::path::Path;
use std::time::Duration;

use crate::baseline::{self, MakeRule};
use crate::tenant::{Client, LedgerSnapshot, Tenant};

use super::arguments::ScenariosArguments;
use super::baseline_client::{self, BaselineCall};
use super::case::Case;
use super::loader::{self, Call, OwnBooks};
use super::measure::Measured;
use super::schedule::Load;
use super::stop::Stop;

/// Clients go on for so long after the time that counts, so that none slows down before its end.
const OVERTIME: Duration = Duration::from_secs(2);
/// Starting a tenant and a client, and ending them.
const AROUND: Duration = Duration::from_secs(1);
/// A baseline that is refused asks again, and each answer costs as much as a write.
const STORM_FACTOR: f64 = 1.5;
/// What the slowest baseline may still cost, since its refusals don't depend on the limit.
const STORM_PER_S: f64 = 40.0;

/// Who loads.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientKind {
    /// The real program.
    Loader,
    /// Another rule, by its place in [`baseline::all`].
    Baseline(usize),
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// The case's place in the list.
    pub(super) case: usize,
    pub(super) client: ClientKind,
}

impl ClientKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            ClientKind::Loader => "sluice",
            ClientKind::Baseline(number) => rule(number).0,
        }
    }
}

/// The baselines that were asked for; all of them where none was.
///
/// # Errors
/// In words, for a name that none of them has.
pub(super) fn baselines(arguments: &ScenariosArguments) -> Result<Vec<ClientKind>, String> {
    let slug = |name: &str| name.to_lowercase().replace(' ', "-");
    let known: Vec<String> = baseline::all().iter().map(|(name, _)| slug(name)).collect();
    if arguments.no_baselines {
        return Ok(Vec::new());
    }
    if arguments.baselines.is_empty() {
        return Ok((0..known.len()).map(ClientKind::Baseline).collect());
    }
    let find = |name: &String| {
        let found = known.iter().position(|known| *known == slug(name));
        let unknown = || format!("no baseline `{name}`; there are {}", known.join(", "));
        found.map(ClientKind::Baseline).ok_or_else(unknown)
    };
    arguments.baselines.iter().map(find).collect()
}

fn rule(number: usize) -> (&'static str, MakeRule) {
    let all = baseline::all();
    all[number % all.len()]
}

/// What a run needs of the machine.
pub(super) fn load_of(case: &Case, client: ClientKind) -> Load {
    let rate = match client {
        ClientKind::Loader => case.rate(),
        ClientKind::Baseline(_) => case.rate() * STORM_FACTOR + STORM_PER_S,
    };
    Load {
        lasts: case.lasts + OVERTIME + AROUND,
        rate,
        // A baseline's figures are for comparison, not judged to the point.
        alone: matches!(client, ClientKind::Loader) && case.needs_quiet(),
    }
}

/// Runs a client against a fresh tenant of the case. None if it was stopped.
///
/// # Errors
/// In words, if the tenant or the client can't be run.
pub(super) fn run(
    case: &Case,
    client: ClientKind,
    program: &Path,
    stop: &Stop,
) -> Result<Option<Measured>, String> {
    let tenant = Tenant::start(case.scenario.clone())
        .map_err(|cause| format!("can't start a tenant: {cause}"))?;
    let credentials = case
        .scenario
        .clients
        .first()
        .cloned()
        .unwrap_or_else(Client::default);
    let starts = case.benchmark.processes.clone();
    let until = case.lasts + OVERTIME;
    let mut own_books = Vec::new();
    let mut given_up = 0;
    match client {
        ClientKind::Loader => {
            let call = Call {
                program: program.to_owned(),
                base_url: tenant.base_url(),
                client_id: credentials.id,
                client_secret: credentials.secret,
                share: case.benchmark.share,
                rows: case.rows(until),
                starts,
                until,
            };
            match loader::run(&call, stop)? {
                Some(books) => own_books = books,
                None => return Ok(None),
            }
        }
        ClientKind::Baseline(number) => {
            let call = BaselineCall {
                make: rule(number).1,
                address: tenant.addr(),
                client: credentials,
                starts,
                until,
            };
            match baseline_client::run(&call, stop)? {
                Some(lost) => given_up = lost,
                None => return Ok(None),
            }
        }
    }
    let clock_at_zero = tenant.clock_at_zero().unwrap_or_default();
    let books = tenant.ledger();
    tenant.shutdown();
    let mut measured = Measured::read(case, clock_at_zero, &books);
    measured.lost = given_up + lost(&own_books, &books);
    Ok(Some(measured))
}

/// Rows that aren't accounted for: told as written though the tenant has no write of them, refused though the tenant
/// refused none, or in no count at all.
fn lost(own: &[OwnBooks], books: &LedgerSnapshot) -> u64 {
    let mut lost = 0;
    for (process, told) in own.iter().enumerate() {
        let prefix = loader::id_prefix(process);
        let written = books
            .applies
            .keys()
            .filter(|id| id.starts_with(&prefix))
            .count() as u64;
        lost += told.updated.saturating_sub(written);
        let accounted =
            told.updated + told.rejected + told.unknown + told.not_reached + told.skipped;
        lost += told.read.abs_diff(accounted);
    }
    let rejected: u64 = own.iter().map(|told| told.rejected).sum();
    let status = |code: u16| {
        books
            .counters
            .statuses
            .get(&code)
            .copied()
            .unwrap_or_default()
    };
    lost + rejected.saturating_sub(status(400) + status(404))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(updated: u64, rejected: u64, read: u64) -> OwnBooks {
        OwnBooks {
            read,
            updated,
            rejected,
            ..OwnBooks::default()
        }
    }

    fn books(ids: &[&str], missing: u64) -> LedgerSnapshot {
        let mut books = LedgerSnapshot {
            applies: ids.iter().map(|id| ((*id).to_owned(), 1)).collect(),
            ..LedgerSnapshot::default()
        };
        books.counters.statuses.insert(404, missing);
        books
    }

    #[test]
    fn books_that_agree_lose_nothing() {
        let tenant = books(&["p0-1", "p0-2", "p1-1"], 1);
        assert_eq!(lost(&[told(2, 1, 3), told(1, 0, 1)], &tenant), 0);
    }

    #[test]
    fn a_row_told_as_written_that_is_not_or_refused_by_nobody_or_forgotten_is_lost() {
        let tenant = books(&["p0-1"], 0);
        assert_eq!(lost(&[told(2, 0, 2)], &tenant), 1);
        assert_eq!(lost(&[told(1, 1, 2)], &tenant), 1);
        assert_eq!(lost(&[told(1, 0, 2)], &tenant), 1);
        assert_eq!(
            lost(&[told(0, 0, 0), told(1, 0, 1)], &tenant),
            1,
            "another's write"
        );
    }
}
