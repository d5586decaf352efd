//! Cells whose number format fills up with zeros: `00000` shows 1067 as 01067,
//! and the zeros are a part of what such a cell means, be it a postal code or a
//! record's number. The workbook holds 1067 alone.

use std::collections::HashMap;
use std::io::{Read, Seek};

use calamine::{DataRef, Xlsx, XlsxError};

/// The cells of a sheet that are filled up.
#[derive(Debug, Default)]
pub(super) struct Padding {
    /// By column, its runs of rows with the same format, in order: a column is
    /// formatted as a whole, so these are few.
    columns: HashMap<u32, Vec<Run>>,
}

#[derive(Debug)]
struct Run {
    first_row: u32,
    last_row: u32,
    digits: usize,
}

impl Padding {
    /// Goes over the sheet's formats, if the workbook has one that fills up.
    ///
    /// # Errors
    /// A sheet that can't be read.
    pub(super) fn of_sheet<Bytes: Read + Seek>(
        workbook: &mut Xlsx<Bytes>,
        sheet: &str,
    ) -> Result<Self, XlsxError> {
        let mut padding = Self::default();
        let mut cells = workbook.worksheet_cells_reader(sheet)?;
        let styles = cells.styles().iter();
        let digits: Vec<usize> = styles
            .map(|style| {
                let format = style.number_format.as_ref();
                format.map_or(0, |format| digits_of(&format.format_code))
            })
            .collect();
        if digits.iter().all(|digits| *digits < 2) {
            return Ok(padding);
        }
        while let Some((row, column, style)) = cells.next_style_id()? {
            let digits = digits.get(style).copied().unwrap_or_default();
            if digits > 1 {
                padding.add(row, column, digits);
            }
        }
        Ok(padding)
    }

    fn add(&mut self, row: u32, column: u32, digits: usize) {
        let runs = self.columns.entry(column).or_default();
        match runs.last_mut() {
            Some(run) if run.digits == digits && run.last_row.checked_add(1) == Some(row) => {
                run.last_row = row;
            }
            _ => runs.push(Run {
                first_row: row,
                last_row: row,
                digits,
            }),
        }
    }

    /// The text of a cell as the sheet shows it.
    pub(super) fn fill_up(&self, place: (u32, u32), value: &DataRef<'_>, text: String) -> String {
        if !matches!(value, DataRef::Float(_) | DataRef::Int(_)) {
            return text;
        }
        let (row, column) = place;
        let Some(runs) = self.columns.get(&column) else {
            return text;
        };
        let behind = runs.partition_point(|run| run.first_row <= row);
        let run = behind.checked_sub(1).and_then(|index| runs.get(index));
        match run {
            Some(run) if row <= run.last_row => filled_up(text, run.digits),
            _ => text,
        }
    }
}

/// The digits that a number format fills up to; 0 where it does anything else.
fn digits_of(format: &str) -> usize {
    // What stands first is for numbers above zero.
    let positive = format.split(';').next().unwrap_or_default();
    // A locale in front changes nothing about zeros.
    let digits = match positive.strip_prefix("[$") {
        Some(rest) => rest.split_once(']').map_or("", |(_, digits)| digits),
        None => positive,
    };
    match digits.bytes().all(|byte| byte == b'0') {
        true => digits.len(),
        false => 0,
    }
}

/// A whole number with zeros in front; a fraction stays as it is, since the
/// format would round it.
fn filled_up(text: String, digits: usize) -> String {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", text.as_str()),
    };
    match number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{sign}{number:0>digits$}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_zeros_alone_fill_up() {
        for (format, digits) in [
            ("00000", 5),
            ("00000;-00000", 5),
            ("[$-407]00000", 5),
            ("0", 1),
            ("0.00", 0),
            ("#,##0", 0),
            ("00000\\-0000", 0),
            ("General", 0),
            ("", 0),
        ] {
            assert_eq!(digits_of(format), digits, "{format}");
        }
    }

    #[test]
    fn a_cell_is_filled_up_in_the_rows_of_its_format_alone() {
        let mut padding = Padding::default();
        for row in [1, 2, 3, 7] {
            padding.add(row, 0, 5);
        }
        padding.add(8, 0, 3);
        let shown = |row, number: f64| {
            padding.fill_up((row, 0), &DataRef::Float(number), number.to_string())
        };
        assert_eq!(shown(1, 1067.0), "01067");
        assert_eq!(shown(3, -5.0), "-00005");
        assert_eq!(shown(4, 1067.0), "1067");
        assert_eq!(shown(7, 123_456.0), "123456");
        assert_eq!(shown(8, 7.0), "007");
        assert_eq!(shown(9, 7.0), "7");
        assert_eq!(shown(2, 1.5), "1.5");
        let text = padding.fill_up((1, 0), &DataRef::String("7".to_owned()), "7".to_owned());
        assert_eq!(text, "7");
        assert_eq!(
            padding.fill_up((1, 1), &DataRef::Float(7.0), "7".to_owned()),
            "7"
        );
    }
}
