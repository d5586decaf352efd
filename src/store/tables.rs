//! The rows of the journal's tables, read and written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::record::{OutcomeKind, Position, RangeChange, RowId, TargetId};

use super::{Commit, IntendedRow, Intent, JobOfRow, ListedRow, Standing, Suspect};

/// What a row that a retry has taken back is called in the table.
const TAKEN_BACK: &str = "taken_back";

fn read<T>(
    connection: &Connection,
    query: &str,
    convert: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(query)?.query_map([], convert)?.collect()
}

pub(super) fn finished(connection: &Connection) -> rusqlite::Result<Vec<(u64, u64)>> {
    let query = "SELECT first, last FROM finished ORDER BY first";
    read(connection, query, |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn write_finished(
    transaction: &Transaction<'_>,
    changes: &[RangeChange],
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO finished (first, last) VALUES (?1, ?2)
         ON CONFLICT (first) DO UPDATE SET last = excluded.last",
    )?;
    let mut remove = transaction.prepare_cached("DELETE FROM finished WHERE first = ?1")?;
    for change in changes {
        match *change {
            RangeChange::Put { first, last } => put.execute(params![first, last])?,
            RangeChange::Remove { first } => remove.execute(params![first])?,
        };
    }
    Ok(())
}

pub(super) fn write_listed(
    transaction: &Transaction<'_>,
    commit: &Commit<'_>,
) -> rusqlite::Result<()> {
    if !commit.unlisted_lines.is_empty() {
        let mut remove = transaction.prepare_cached("DELETE FROM listed WHERE line = ?1")?;
        for line in commit.unlisted_lines {
            remove.execute(params![line])?;
        }
    }
    if !commit.listed.is_empty() {
        let mut put = transaction.prepare_cached(
            "INSERT OR REPLACE INTO listed (line, row, byte, standing) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for listed in commit.listed {
            let standing = match listed.standing {
                Standing::Ended(kind) => kind.name(),
                Standing::TakenBack => TAKEN_BACK,
            };
            let Position { byte, line } = listed.position;
            put.execute(params![line, listed.row.0, byte, standing])?;
        }
    }
    Ok(())
}

pub(super) fn state(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let query = "SELECT state FROM checkpoint WHERE id = 1";
    Ok(read(connection, query, |row| row.get(0))?.pop())
}

/// The rows in doubt, of tables in which changes are told from other intents, or
/// which hold none.
pub(super) fn intents(
    connection: &Connection,
    tells_changes: bool,
) -> rusqlite::Result<BTreeMap<RowId, Suspect>> {
    let query = match tells_changes {
        true => "SELECT row, byte, line, sent_at_ms, is_change FROM intents",
        false => "SELECT row, byte, line, sent_at_ms, 0 FROM intents",
    };
    let stored = read(connection, query, |row| {
        let position = Position {
            byte: row.get(1)?,
            line: row.get(2)?,
        };
        let sent_at_ms = row.get(3)?;
        let intent = match row.get(4)? {
            true => Intent::Change,
            false => Intent::Write,
        };
        Ok((
            RowId(row.get(0)?),
            Suspect {
                position,
                sent_at_ms,
                intent,
                job: None,
            },
        ))
    });
    Ok(stored?.into_iter().collect())
}

/// Adds to rows in doubt the jobs that they were sent with.
pub(super) fn add_jobs(
    connection: &Connection,
    suspects: &mut BTreeMap<RowId, Suspect>,
) -> rusqlite::Result<()> {
    let mut ids: HashMap<String, Arc<str>> = HashMap::new();
    let mut statement = connection.prepare("SELECT row, id, place FROM jobs")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(suspect) = suspects.get_mut(&RowId(row.get(0)?)) else {
            continue;
        };
        let name = row.get_ref(1)?.as_str()?;
        let id = match ids.get(name) {
            Some(id) => Arc::clone(id),
            None => Arc::clone(ids.entry(name.to_owned()).or_insert_with(|| name.into())),
        };
        let place = row.get(2)?;
        suspect.job = Some(JobOfRow { id, place });
    }
    Ok(())
}

pub(super) fn write_job(
    transaction: &Transaction<'_>,
    rows: &[RowId],
    id: &str,
) -> rusqlite::Result<()> {
    let mut put = transaction
        .prepare_cached("INSERT OR REPLACE INTO jobs (row, id, place) VALUES (?1, ?2, ?3)")?;
    for (place, row) in (0_u32..).zip(rows) {
        put.execute(params![row.0, id, place])?;
    }
    Ok(())
}

/// A row that is sent anew isn't of the job that it was sent with before; one
/// that is only in doubt again still is.
pub(super) fn write_intents(
    transaction: &Transaction<'_>,
    rows: &[IntendedRow],
    at_ms: u64,
    are_sent_anew: bool,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO intents (row, byte, line, sent_at_ms, is_change)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut forget = transaction.prepare_cached("DELETE FROM jobs WHERE row = ?1")?;
    for IntendedRow {
        row,
        position,
        intent,
    } in rows
    {
        let is_change = *intent == Intent::Change;
        put.execute(params![
            row.0,
            position.byte,
            position.line,
            at_ms,
            is_change
        ])?;
        if are_sent_anew {
            forget.execute(params![row.0])?;
        }
    }
    Ok(())
}

/// Takes rows out that are in doubt no more. Of a row whose fate stays unknown
/// the job is kept, so that it can be asked about another time.
pub(super) fn remove_intents(
    transaction: &Transaction<'_>,
    commit: &Commit<'_>,
) -> rusqlite::Result<()> {
    if commit.settled.is_empty() {
        return Ok(());
    }
    let mut remove = transaction.prepare_cached("DELETE FROM intents WHERE row = ?1")?;
    let mut forget = transaction.prepare_cached("DELETE FROM jobs WHERE row = ?1")?;
    let stay_unknown: HashSet<RowId> = (commit.listed.iter())
        .filter(|listed| listed.standing == Standing::Ended(OutcomeKind::Unknown))
        .map(|listed| listed.row)
        .collect();
    for row in commit.settled {
        remove.execute(params![row.0])?;
        if !stay_unknown.contains(row) {
            forget.execute(params![row.0])?;
        }
    }
    Ok(())
}

pub(super) fn has_jobs(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM jobs)", [], |row| row.get(0))
}

/// The listed rows; in the place of one whose standing isn't known, its name.
pub(super) fn listed(connection: &Connection) -> rusqlite::Result<Vec<Result<ListedRow, String>>> {
    let query = "SELECT line, row, byte, standing FROM listed ORDER BY line";
    read(connection, query, |row| {
        let name: String = row.get(3)?;
        let listed = ListedRow {
            row: RowId(row.get(1)?),
            position: Position {
                byte: row.get(2)?,
                line: row.get(0)?,
            },
            standing: match standing_of(&name) {
                Some(standing) => standing,
                None => return Ok(Err(name)),
            },
        };
        Ok(Ok(listed))
    })
}

fn standing_of(name: &str) -> Option<Standing> {
    [
        OutcomeKind::Rejected,
        OutcomeKind::Missing,
        OutcomeKind::Unknown,
    ]
    .into_iter()
    .find(|kind| kind.name() == name)
    .map(Standing::Ended)
    .or((name == TAKEN_BACK).then_some(Standing::TakenBack))
}

pub(super) fn write_target_ids(
    transaction: &Transaction<'_>,
    ids: &[TargetId],
) -> rusqlite::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut put = transaction
        .prepare_cached("INSERT OR REPLACE INTO target_ids (row, key, id) VALUES (?1, ?2, ?3)")?;
    for target in ids {
        let key = String::from_utf8_lossy(&target.key);
        put.execute(params![target.row.0, key, target.id])?;
    }
    Ok(())
}

/// Every pair once, by its first row. What has to be sorted for that and doesn't
/// fit into the database's memory goes to a file of its own.
pub(super) fn visit_target_ids(
    connection: &Connection,
    visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let query = "SELECT key, id FROM target_ids GROUP BY key, id ORDER BY MIN(row)";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if visit(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?).is_break() {
            break;
        }
    }
    Ok(())
}

pub(super) fn target_id(connection: &Connection, row: RowId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT id FROM target_ids WHERE row = ?1")?
        .query_row([row.0], |found| found.get(0))
        .optional()
}

pub(super) fn has_target_ids(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM target_ids)", [], |row| {
        row.get(0)
    })
}

pub(super) fn index_target_ids(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("CREATE INDEX IF NOT EXISTS target_ids_by_key ON target_ids (key, id)")
}

pub(super) fn ids_of_key(connection: &Connection, key: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT DISTINCT id FROM target_ids WHERE key = ?1 LIMIT 2")?
        .query_map([key], |row| row.get(0))?
        .collect()
}
