//! From the sheet's cells to the staged file.

use std::fs::File;
use std::io::BufReader;
use std::panic::catch_unwind;
use std::path::Path;

use calamine::{Dimensions, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::config::did_you_mean;
use crate::source::SourceError;
use crate::source::csv::{
    ROW_LIMIT_BYTES, is_added_column, open_regular, write_flawed_row, write_staged_header,
    write_staged_row,
};
use crate::source::staging::{StagedRecords, StagingFile};

use super::cell::{column_name, text_of};
use super::padding::Padding;

/// Stages a sheet of the workbook at `path` (the first one that is visible
/// where no `sheet` is named) into the new file `staged`.
///
/// # Errors
/// The file is no workbook, has no such sheet or can't be read, its header
/// breaks a rule, or the staged file can't be written.
pub fn stage_workbook(
    path: &Path,
    sheet: Option<&str>,
    staged: &Path,
) -> Result<StagedRecords, SourceError> {
    // The reader is not ours, and the file may be anybody's.
    catch_unwind(|| stage(path, sheet, staged)).unwrap_or_else(|_| {
        Err(SourceError::BadWorkbook {
            input: format!("`{}`", path.display()),
            message: "what reads workbooks failed on it".to_owned(),
        })
    })
}

fn stage(path: &Path, sheet: Option<&str>, staged: &Path) -> Result<StagedRecords, SourceError> {
    let file = open_regular(path)?;
    let input = format!("`{}`", path.display());
    let bad = |cause: XlsxError| SourceError::BadWorkbook {
        input: input.clone(),
        message: in_words(&cause),
    };
    let mut workbook = Xlsx::new(BufReader::new(file)).map_err(bad)?;
    let sheet = choose_sheet(&workbook, sheet, &input)?;
    let merged = workbook.merge_cells_by_sheet_name(&sheet).map_err(bad)?;
    let padding = Padding::of_sheet(&mut workbook, &sheet).map_err(bad)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(bad)?;
    let mut out = StagingFile::create(staged)?;
    let mut staging = Staging {
        input: format!("{input}, sheet {sheet}"),
        merged,
        first_column: 0,
        columns: Vec::new(),
        rows: 0,
    };
    let mut row = SheetRow::default();
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(bad)? {
        let (index, column) = cell.pos;
        if index != row.index {
            if index < row.index {
                return Err(SourceError::BadWorkbook {
                    input: staging.input,
                    message: format!("row {} stands behind row {}", index + 1, row.index + 1),
                });
            }
            staging.take(&mut row, &mut out)?;
            row.index = index;
        }
        let text = text_of(&cell.value, cell.formula.is_some());
        row.add(
            column,
            text.map(|text| padding.fill_up(cell.pos, &cell.value, text)),
        );
    }
    staging.take(&mut row, &mut out)?;
    if staging.columns.is_empty() {
        return Err(SourceError::Empty {
            input: staging.input,
        });
    }
    out.finish()?;
    Ok(StagedRecords {
        rows: staging.rows,
        notices: vec![format!("sheet {sheet}")],
    })
}

fn choose_sheet(
    workbook: &Xlsx<BufReader<File>>,
    wanted: Option<&str>,
    input: &str,
) -> Result<String, SourceError> {
    let sheets: Vec<_> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .collect();
    let names = || sheets.iter().map(|sheet| sheet.name.as_str());
    let found = match wanted {
        Some(wanted) => sheets.iter().find(|sheet| sheet.name == wanted),
        None => sheets
            .iter()
            .find(|sheet| sheet.visible == SheetVisible::Visible)
            .or(sheets.first()),
    };
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| {
        let near = did_you_mean(wanted.unwrap_or_default(), names());
        let known = match near.is_empty() {
            true => format!("; it has {}", names().collect::<Vec<_>>().join(", ")),
            false => near,
        };
        SourceError::BadWorkbook {
            input: input.to_owned(),
            message: format!("no sheet `{}`{known}", wanted.unwrap_or_default()),
        }
    })
}

/// The reader's words, where they help.
fn in_words(cause: &XlsxError) -> String {
    match cause {
        XlsxError::Password => "it is protected by a password; save it without".to_owned(),
        other => other.to_string(),
    }
}

/// The cells of one row that hold anything.
#[derive(Default)]
struct SheetRow {
    /// From 0.
    index: u32,
    cells: Vec<(u32, String)>,
    bytes: usize,
    flaw: Option<String>,
}

impl SheetRow {
    fn add(&mut self, column: u32, text: Result<String, String>) {
        let place = || format!("{}{}", column_name(column), self.index + 1);
        match text {
            Ok(text) if text.is_empty() => {}
            Ok(_) if self.bytes > ROW_LIMIT_BYTES => {}
            Ok(text) => {
                self.bytes += text.len();
                if self.bytes > ROW_LIMIT_BYTES {
                    let message = format!(
                        "row {} is longer than {ROW_LIMIT_BYTES} bytes; shorten it",
                        self.index + 1
                    );
                    self.flaw.get_or_insert(message);
                }
                self.cells.push((column, text));
            }
            Err(why) => {
                let message = format!("cell {} {why}", place());
                self.flaw.get_or_insert(message);
            }
        }
    }

    fn text(&self) -> String {
        let texts: Vec<&str> = self.cells.iter().map(|(_, text)| text.as_str()).collect();
        texts.join(",")
    }

    fn clear(&mut self) {
        self.cells.clear();
        self.bytes = 0;
        self.flaw = None;
    }
}

struct Staging {
    input: String,
    merged: Vec<Dimensions>,
    /// The header's first column.
    first_column: usize,
    /// Of each column of the sheet, from its first one to the header's last:
    /// the name, or nothing for a column that is left out.
    columns: Vec<Option<String>>,
    rows: u64,
}

impl Staging {
    /// Takes a finished row: the header first, then the data.
    fn take(&mut self, row: &mut SheetRow, out: &mut StagingFile) -> Result<(), SourceError> {
        if row.cells.is_empty() && row.flaw.is_none() {
            return Ok(());
        }
        if self.columns.is_empty() {
            self.read_header(row)?;
            let names: Vec<String> = self.columns.iter().flatten().cloned().collect();
            write_staged_header(out.text(), &names);
        } else {
            self.stage(row, out.text());
            out.write_when_full()?;
        }
        row.clear();
        Ok(())
    }

    fn stage(&mut self, row: &SheetRow, out: &mut Vec<u8>) {
        self.rows += 1;
        let number = u64::from(row.index) + 1;
        let mut texts = vec![""; self.columns.len()];
        let mut flaw = row.flaw.clone();
        for (column, text) in &row.cells {
            let place = usize::try_from(*column).ok();
            let named = place.filter(|place| *place >= self.first_column);
            match named.and_then(|place| texts.get_mut(place)) {
                Some(cell) => *cell = text,
                None => {
                    let place = format!("{}{number}", column_name(*column));
                    flaw.get_or_insert(format!(
                        "cell {place} stands in a column without a name; name it, or empty the cell"
                    ));
                }
            }
        }
        let cells: Vec<&str> = self
            .columns
            .iter()
            .zip(texts)
            .filter_map(|(name, text)| name.as_ref().map(|_| text))
            .collect();
        match flaw {
            None => write_staged_row(out, number, &cells),
            Some(flaw) => {
                write_flawed_row(out, number, cells.len(), &flaw, row.text().as_bytes());
            }
        }
    }

    /// Every column from the first named one to the last must have a name.
    fn read_header(&mut self, row: &SheetRow) -> Result<(), SourceError> {
        let number = row.index + 1;
        let bad = |message: String| SourceError::BadSheetHeader {
            input: self.input.clone(),
            row: number,
            message,
        };
        if let Some(flaw) = &row.flaw {
            return Err(bad(flaw.clone()));
        }
        let crossing = self
            .merged
            .iter()
            .find(|area| area.start.0 <= row.index && area.end.0 >= row.index);
        if let Some(area) = crossing {
            let name = |(row, column): (u32, u32)| format!("{}{}", column_name(column), row + 1);
            return Err(bad(format!(
                "the cells {} to {} are merged",
                name(area.start),
                name(area.end)
            )));
        }
        let first = row.cells.first().map_or(0, |(column, _)| *column);
        let last = row.cells.last().map_or(0, |(column, _)| *column);
        let mut columns: Vec<Option<String>> = vec![None; last as usize + 1];
        for (column, text) in &row.cells {
            columns[*column as usize] = Some(text.trim().to_owned());
        }
        for column in first..=last {
            let place = format!("{}{number}", column_name(column));
            let name = columns[column as usize].as_deref().unwrap_or_default();
            if name.is_empty() {
                return Err(bad(format!("the cell {place} is empty")));
            }
            let is_twin = |other: &Option<String>| other.as_deref() == Some(name);
            let before = &columns[..column as usize];
            if let Some(twin) = before.iter().position(is_twin) {
                let twin = u32::try_from(twin).unwrap_or_default();
                return Err(bad(format!(
                    "the cells {}{number} and {place} both say `{name}`",
                    column_name(twin)
                )));
            }
        }
        for column in &mut columns {
            // Added anew where a row is rejected again.
            *column = column.take().filter(|name| !is_added_column(name));
        }
        self.first_column = first as usize;
        self.columns = columns;
        Ok(())
    }
}
