//! A sheet of a workbook (XLSX), staged as CSV.
//!
//! The sheet is read cell by cell and never held as a whole; the workbook's
//! table of texts is, so memory grows with the different texts of the file. The
//! first row with anything in it names the columns. Dates become ISO texts,
//! numbers are written without what binary fractions add to them and with the
//! zeros that their format puts in front, and a cell
//! that can't be trusted (an error, a number that lost digits) rejects its row.

mod cell;
mod merged;
mod padding;
mod stage;

pub use stage::stage_workbook;
