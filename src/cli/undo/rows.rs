//! The rows of an undo: from the pre-images of a run to one row for each record,
//! and the rows that aren't put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::actors::RowMapper;
use crate::connector::{PreImage, UndoError};
use crate::error::FatalError;
use crate::record::{Fields, OutcomeKind, RowId};
use crate::source::csv::{CsvReader, CsvSettings, Input, Start, inspect, split};
use crate::source::{DuplicateFinder, Source, SourceError};
use crate::store::{Journal, PRE_IMAGES, RunDirectory, Standing};

/// The rows, in the undo's folder.
pub(super) const ROWS: &str = "records.csv";

/// A run whose pre-images become rows.
pub(super) struct RowsOfRun<'run> {
    pub(super) directory: &'run RunDirectory,
    pub(super) journal: &'run mut dyn Journal,
}

impl RowsOfRun<'_> {
    /// Writes the rows; how many there are. What several rows did to one record
    /// becomes one; only those are held in memory.
    pub(super) fn write(mut self, books: &RunDirectory) -> Result<u64, FatalError> {
        let refused = self.rows_refused()?;
        let mut finder = DuplicateFinder::new(books.path());
        let mut added = Ok(());
        self.visit(&refused, |number, image| {
            if added.is_ok() {
                added = finder.add(RowId(number), RowMapper::hash_key(&image.key));
            }
            Ok(())
        })?;
        added.map_err(SourceError::into_fatal)?;
        let repeated = finder.finish().map_err(SourceError::into_fatal)?;
        let is_repeated = |number: u64| {
            let stands_in = |rows: &[u64]| rows.binary_search(&number).is_ok();
            stands_in(&repeated.later) || stands_in(&repeated.earlier)
        };
        let (mut rows, mut gathered) = (0, BTreeMap::<String, PreImage>::new());
        let mut trouble = None;
        books.write_file_with(ROWS, |file| {
            let mut out = BufWriter::new(file);
            writeln!(out, "{},{}", PreImage::KEY, PreImage::IMAGE)?;
            let visited = self.visit(&refused, |number, image| {
                if !is_repeated(number) {
                    rows += 1;
                    return write_row(&mut out, &image);
                }
                let key = image.key.clone();
                let together = match gathered.remove(&key) {
                    Some(earlier) => earlier.and_then(image),
                    None => image,
                };
                gathered.insert(key, together);
                Ok(())
            });
            if let Err(error) = visited {
                trouble = Some(error);
                return Ok(());
            }
            for image in gathered.values() {
                rows += 1;
                write_row(&mut out, image)?;
            }
            out.flush()
        })?;
        match trouble {
            Some(error) => Err(error),
            None => Ok(rows),
        }
    }

    /// Rows that the tenant has refused: what it made of them is nothing.
    fn rows_refused(&mut self) -> Result<BTreeSet<u64>, FatalError> {
        let is_refused = |standing: &Standing| {
            matches!(
                standing,
                Standing::Ended(OutcomeKind::Rejected | OutcomeKind::Missing)
            )
        };
        let listed = self.journal.listed()?;
        let refused = listed.iter().filter(|row| is_refused(&row.standing));
        Ok(refused.map(|row| row.row.0).collect())
    }

    /// Every pre-image, numbered from 1, with the id of each record that the
    /// run is known to have made.
    fn visit(
        &mut self,
        refused: &BTreeSet<u64>,
        mut visit: impl FnMut(u64, PreImage) -> io::Result<()>,
    ) -> Result<(), FatalError> {
        let path = self.directory.path().join(PRE_IMAGES);
        let shown = path.display().to_string();
        let reading = |cause: io::Error| FatalError::usage(format!("can't read {shown}: {cause}"));
        let mut file = BufReader::new(File::open(&path).map_err(reading)?);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            file.read_until(b'\n', &mut line).map_err(reading)?;
            // A line that was torn off is one whose change never left.
            if line.pop() != Some(b'\n') {
                return Ok(());
            }
            number += 1;
            let mut image: PreImage = serde_json::from_slice(&line).map_err(|cause| {
                FatalError::usage(format!("{shown}, line {number} is damaged: {cause}"))
                    .with_hint("Put the file back as the run wrote it.")
            })?;
            if image.made {
                if refused.contains(&image.row) {
                    continue;
                }
                image.id = self.journal.target_id(RowId(image.row))?;
            }
            visit(number, image).map_err(|cause| FatalError::writing(ROWS, &cause))?;
        }
    }
}

fn write_row(out: &mut impl Write, image: &PreImage) -> io::Result<()> {
    let json = serde_json::to_string(image)?;
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    writeln!(out, "{},{}", quoted(&image.key), quoted(&json))
}

/// Copies the rows of a book that aren't, or wouldn't be, put back.
pub(super) fn write_conflicts(
    book: &Path,
    books: &RunDirectory,
    name: &str,
) -> Result<(), FatalError> {
    let csv = CsvSettings::new(Input::File(book.to_owned()));
    let shape = inspect(&csv).map_err(SourceError::into_fatal)?;
    let mut reader =
        CsvReader::open(&csv, &shape, Start::Beginning).map_err(SourceError::into_fatal)?;
    let error = shape.header.iter().position(|column| column == "_error");
    let planned = [UndoError::ToPutBack.name(), UndoError::ToDelete.name()];
    let mut trouble = None;
    books.write_file_with(name, |file| {
        let mut out = BufWriter::new(file);
        writeln!(out, "{}", shape.header.join(","))?;
        let mut fields = Fields::default();
        loop {
            let batch = match reader.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            };
            for row in &batch.rows {
                let raw = &batch.buffer[row.start..row.end];
                let (dialect, columns) = (shape.dialect(), shape.header.len());
                let is_read = split(raw, row.position, dialect, columns, &mut fields).is_ok();
                let told = error.filter(|_| is_read).and_then(|at| fields.get(at));
                if told.is_none_or(|told| !planned.contains(&told)) {
                    out.write_all(raw)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        out.flush()
    })?;
    match trouble {
        Some(error) => Err(SourceError::into_fatal(error)),
        None => Ok(()),
    }
}
