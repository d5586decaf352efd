//! The journal's tables, and how older ones become today's.
//!
//! Version 1 had finished rows and the checkpoint. Version 2 adds the rows that
//! are about to be sent, and the rows that stand in books. Version 3 adds the
//! tenant's ids of records. Version 4 adds the jobs that rows were sent with.
//! Version 5 tells changes of found records among the rows that are about to be
//! sent.

use rusqlite::{Connection, TransactionBehavior};

/// Raised with every change of the tables; older journals are migrated when
/// they are opened to be written.
pub(super) const VERSION: i64 = 5;

/// The oldest version that can be read.
pub(super) const OLDEST: i64 = 1;

const CREATE_FIRST: &str = "
    CREATE TABLE finished (first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
    CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
";

/// A listed row is found by its line, which is what its user knows of it. No two
/// rows start on one line.
const ADD_SECOND: &str = "
    CREATE TABLE intents (
        row INTEGER PRIMARY KEY, byte INTEGER NOT NULL, line INTEGER NOT NULL, sent_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE listed (
        line INTEGER PRIMARY KEY, row INTEGER NOT NULL, byte INTEGER NOT NULL, standing TEXT NOT NULL
    ) STRICT;
";

/// In the order of the rows, so that what is added stands at the end of the
/// table, however the keys are sorted.
const ADD_THIRD: &str = "
    CREATE TABLE target_ids (row INTEGER PRIMARY KEY, key TEXT NOT NULL, id TEXT NOT NULL) STRICT;
";

/// Of rows in `intents`, and taken out with them.
const ADD_FOURTH: &str = "
    CREATE TABLE jobs (row INTEGER PRIMARY KEY, id TEXT NOT NULL, place INTEGER NOT NULL) STRICT;
";

/// Whether the row's record was found, and was about to be changed.
const ADD_FIFTH: &str = "
    ALTER TABLE intents ADD COLUMN is_change INTEGER NOT NULL DEFAULT 0;
";

/// Makes the tables of a new journal.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(CREATE_FIRST)?;
    transaction.execute_batch(ADD_SECOND)?;
    transaction.execute_batch(ADD_THIRD)?;
    transaction.execute_batch(ADD_FOURTH)?;
    transaction.execute_batch(ADD_FIFTH)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// The version of the tables.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings an older journal to today's version, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again inside, since another process may have been faster.
    let found = version(&transaction)?;
    if found < 2 {
        transaction.execute_batch(ADD_SECOND)?;
    }
    if found < 3 {
        transaction.execute_batch(ADD_THIRD)?;
    }
    if found < 4 {
        transaction.execute_batch(ADD_FOURTH)?;
    }
    if found < 5 {
        transaction.execute_batch(ADD_FIFTH)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// The journal of version 1, as it was made then.
#[cfg(test)]
pub(super) fn create_version_1(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(CREATE_FIRST)?;
    transaction.pragma_update(None, "user_version", 1)?;
    transaction.commit()
}
