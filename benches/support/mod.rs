//! What the benches work on: made-up contacts, and the parts of a load put
//! together as the command line does it.

#![allow(
    dead_code,
    reason = "each bench is a crate of its own and uses a part of this"
)]

pub(crate) mod load;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use sluice::actors::{RowMapper, Selection};
use sluice::connector::{Bound, Connector};
use sluice::mapping::Program;
use sluice::record::{Outcome, RawBatch};
use sluice::source::Source;
use sluice::source::csv::{CsvReader, CsvSettings, CsvShape, Input, Start, inspect};
use sluice::store::BookFormat;

const FIRST_NAMES: [&str; 8] = [
    "Ann", "Björn", "Chloé", "Dimitri", "Eve", "Fatima", "Guðrún", "Håkon",
];
const LAST_NAMES: [&str; 7] = [
    "Smith", "Müller", "O'Brien", "García", "de Vries", "Nowak", "Li",
];

/// A table of contacts of about 90 bytes a row, every twentieth with quotes.
pub(crate) fn contacts_csv(rows: u64) -> String {
    let mut text = "contactId,firstName,lastName,email,phone,company\n".to_owned();
    for row in 0..rows {
        let first = FIRST_NAMES[row as usize % FIRST_NAMES.len()];
        let last = LAST_NAMES[row as usize % LAST_NAMES.len()];
        let company = match row % 20 {
            0 => "\"Quote \"\"&\"\" Sons, Ltd\"",
            _ => "Example Telephony GmbH",
        };
        let number = 1_000_000 + row;
        writeln!(
            text,
            "c{row:07},{first},{last},contact{row}@example.com,+4930{number},{company}"
        )
        .expect("a string can always be written");
    }
    text
}

/// An input file with its shape.
pub(crate) struct Table {
    pub(crate) settings: CsvSettings,
    pub(crate) shape: CsvShape,
    pub(crate) bytes: u64,
}

impl Table {
    /// Writes contacts into a file of the folder.
    pub(crate) fn write(folder: &Path, rows: u64) -> Self {
        Self::write_with_key(folder, rows, "contactId")
    }

    /// The same, with another name for the column of their keys.
    pub(crate) fn write_with_key(folder: &Path, rows: u64, key: &str) -> Self {
        let path = folder.join("contacts.csv");
        let text = contacts_csv(rows).replacen("contactId", key, 1);
        std::fs::write(&path, &text).expect("the temporary folder is writable");
        let settings = CsvSettings::new(Input::File(path));
        let shape = inspect(&settings).expect("a table");
        Self {
            settings,
            shape,
            bytes: text.len() as u64,
        }
    }

    /// Opens it at its start.
    pub(crate) fn open(&self) -> CsvReader {
        CsvReader::open(&self.settings, &self.shape, Start::Beginning).expect("opened")
    }

    /// All its batches.
    pub(crate) fn batches(&self) -> Vec<RawBatch> {
        let mut reader = self.open();
        std::iter::from_fn(|| reader.next_batch().expect("read")).collect()
    }

    /// The mapper of a load of this table.
    pub(crate) fn mapper(&self, bound: &Bound) -> RowMapper {
        let program = Program::compile(
            None,
            &self.shape.header,
            &self.shape.payload_columns(),
            &bound.operation.contract,
        );
        RowMapper {
            dialect: self.shape.dialect(),
            columns: self.shape.header.len(),
            program: Arc::new(program.expect("the columns are the connector's fields")),
            operation: Arc::clone(&bound.operation),
            carries_keys: bound.operation.needs_key_again(),
            selection: Selection::default(),
        }
    }
}

/// The built-in connector of contacts, at some address.
pub(crate) fn contacts_at(base_url: &str) -> Bound {
    let connector = Connector::load("cxone-contacts").expect("built in");
    let variables = [("base_url".to_owned(), base_url.to_owned())];
    connector.bind(&variables.into()).expect("bound")
}

/// A copy of a batch: the text is shared.
pub(crate) fn copy_of(batch: &RawBatch) -> RawBatch {
    RawBatch {
        sequence: batch.sequence,
        buffer: batch.buffer.clone(),
        rows: batch.rows.clone(),
        credit: None,
    }
}

/// Reject files without rows.
pub(crate) struct NullFormat;

impl BookFormat for NullFormat {
    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn append(&self, _out: &mut Vec<u8>, _outcome: &Outcome) {}
}
