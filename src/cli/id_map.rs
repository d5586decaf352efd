//! `idmap.csv`: the source's keys and the tenant's own ids of the records.
//!
//! The journal has them, each since the commit of its row, so the file is
//! written anew at the end of every leg and never added to: what a kill or a
//! retry left undone is in the next one.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use crate::error::FatalError;
use crate::source::csv::write_text;
use crate::store::{Journal, RunDirectory};

/// The file's name in the run's directory.
pub(super) const ID_MAP: &str = "idmap.csv";

/// Always commas, whatever the input has: other programs read it.
const DELIMITER: u8 = b',';

/// Writes the file, where the tenant told any id.
///
/// # Errors
/// Fails where the journal can't be read or the disk is full.
pub(super) fn write_id_map(
    directory: &RunDirectory,
    journal: &mut dyn Journal,
) -> Result<(), FatalError> {
    if !journal.has_target_ids()? {
        return Ok(());
    }
    let mut unread = None;
    directory.write_file_with(ID_MAP, |file| {
        let mut file = BufWriter::new(file);
        let mut written = file.write_all(b"source_key,target_id\n");
        let mut line = Vec::new();
        let visited = journal.visit_target_ids(&mut |key, id| {
            line.clear();
            write_text(&mut line, key.as_bytes(), DELIMITER);
            line.push(DELIMITER);
            write_text(&mut line, id.as_bytes(), DELIMITER);
            line.push(b'\n');
            written = file.write_all(&line);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        unread = visited.err();
        written.and_then(|()| file.flush())
    })?;
    unread.map_or(Ok(()), |error| Err(error.into()))
}
