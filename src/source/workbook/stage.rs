//! From the sheet's cells to the staged file.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::panic::catch_unwind;
use std::path::Path;

use calamine::{Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::config::did_you_mean;
use crate::source::SourceError;
use crate::source::csv::{
    ROW_LIMIT_BYTES, cut, is_added_column, open_regular, write_flawed_row, write_staged_header,
    write_staged_row,
};
use crate::source::staging::{StagedRecords, StagingFile};

use super::cell::{Doubt, column_name, text_of};
use super::merged::{MergedCells, span};
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

/// The first bytes of containers of the old kind.
const OLD_CONTAINER: &[u8] = b"\xd0\xcf\x11\xe0";

/// What is kept of each cell behind the bound on a row: enough to tell what is
/// in it, for a sheet of sixteen thousand columns.
const SHOWN_BYTES: usize = 256;

fn stage(path: &Path, sheet: Option<&str>, staged: &Path) -> Result<StagedRecords, SourceError> {
    let mut file = open_regular(path)?;
    let input = format!("`{}`", path.display());
    refuse_other_formats(&mut file, &input)?;
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
        merged: MergedCells::new(merged),
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

/// What a spreadsheet program saves as XLSX with a password isn't a zip archive
/// any more but a container of the old kind.
fn refuse_other_formats(file: &mut File, input: &str) -> Result<(), SourceError> {
    let failed = |cause| SourceError::reading(input.to_owned(), 0, cause);
    let mut start = Vec::new();
    file.take(OLD_CONTAINER.len() as u64)
        .read_to_end(&mut start)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    if start != OLD_CONTAINER {
        return Ok(());
    }
    Err(SourceError::NotText {
        input: input.to_owned(),
        wanted: "a workbook that can be read (XLSX)",
        format: "one that is protected by a password, or an old one (XLS)",
        hint: "Open it in a spreadsheet program and save it as XLSX, without a password.",
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
        SourceError::NoSheet {
            input: input.to_owned(),
            sheet: wanted.unwrap_or_default().to_owned(),
            known,
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
    fn add(&mut self, column: u32, text: Result<String, Doubt>) {
        let mut text = match text {
            Ok(text) => text,
            Err(doubt) => {
                let place = format!("{}{}", column_name(column), self.index + 1);
                self.flaw
                    .get_or_insert(format!("cell {place} {}", doubt.why));
                doubt.shown
            }
        };
        if text.is_empty() {
            return;
        }
        self.bytes += text.len();
        if self.bytes > ROW_LIMIT_BYTES {
            let message = format!(
                "row {} is longer than {ROW_LIMIT_BYTES} bytes; shorten it",
                self.index + 1
            );
            self.flaw.get_or_insert(message);
            text.truncate(cut(text.as_bytes(), SHOWN_BYTES).len());
        }
        self.cells.push((column, text));
    }

    fn clear(&mut self) {
        self.cells.clear();
        self.bytes = 0;
        self.flaw = None;
    }
}

struct Staging {
    input: String,
    merged: MergedCells,
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
        let mut nameless: Vec<&[u8]> = Vec::new();
        let first = u32::try_from(self.first_column).unwrap_or_default();
        let end = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        let merged = self.merged.covered(row.index, first..end);
        let mut flaw = row.flaw.clone().or(merged);
        for (column, text) in &row.cells {
            let place = usize::try_from(*column).ok();
            let named = place.filter(|place| *place >= self.first_column);
            match named.and_then(|place| texts.get_mut(place)) {
                Some(cell) => *cell = text,
                None => {
                    nameless.push(text.as_bytes());
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
            Some(flaw) => write_flawed_row(out, number, &flaw, &cells, &nameless),
        }
    }

    /// Every column from the first named one to the last must have a name.
    fn read_header(&mut self, row: &SheetRow) -> Result<(), SourceError> {
        let number = row.index + 1;
        let input = &self.input;
        let bad = |message: String| SourceError::BadSheetHeader {
            input: input.clone(),
            row: number,
            message,
        };
        if let Some(flaw) = &row.flaw {
            return Err(bad(flaw.clone()));
        }
        if let Some(area) = self.merged.at_row(row.index).first() {
            let message = format!("the cells {} are merged", span(area));
            return Err(bad(message));
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
