//! Merged cells: a spreadsheet shows one value in all of them, and the file has
//! it in the first alone.

use calamine::Dimensions;

use super::cell::column_name;

/// The merged cells of a sheet, asked for row after row.
pub(super) struct MergedCells {
    /// Those that begin below the rows asked for; the topmost stands last.
    ahead: Vec<Dimensions>,
    /// Those that the last row asked for may lie in.
    here: Vec<Dimensions>,
}

impl MergedCells {
    pub(super) fn new(mut areas: Vec<Dimensions>) -> Self {
        areas.sort_unstable_by_key(|area| std::cmp::Reverse(area.start));
        Self {
            ahead: areas,
            here: Vec::new(),
        }
    }

    /// Those that the row lies in; rows are asked for from the top down.
    pub(super) fn at_row(&mut self, row: u32) -> &[Dimensions] {
        while let Some(area) = self.ahead.pop_if(|area| area.start.0 <= row) {
            self.here.push(area);
        }
        self.here.retain(|area| area.end.0 >= row);
        &self.here
    }

    /// The first cell of the row, in one of these columns, that shows what
    /// stands in another cell; with the words for it.
    pub(super) fn covered(&mut self, row: u32, columns: std::ops::Range<u32>) -> Option<String> {
        let covered = |area: &Dimensions| {
            let first = match row == area.start.0 {
                // The value stands in the area's first cell.
                true => area.start.1 + 1,
                false => area.start.1,
            };
            let column = first.max(columns.start);
            (column <= area.end.1 && column < columns.end).then(|| (column, span(area)))
        };
        let (column, area) = self.at_row(row).iter().filter_map(covered).min()?;
        Some(format!(
            "cell {} belongs to the merged cells {area}, of which the first alone has a value; unmerge them and fill each in",
            name((row, column))
        ))
    }
}

/// From which cell to which they go, as `B2 to B3`.
pub(super) fn span(area: &Dimensions) -> String {
    format!("{} to {}", name(area.start), name(area.end))
}

fn name((row, column): (u32, u32)) -> String {
    format!("{}{}", column_name(column), row + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_knows_the_cells_that_show_another_ones_value() {
        let area = |start, end| Dimensions { start, end };
        let mut merged = MergedCells::new(vec![
            area((5, 0), (5, 2)),
            area((1, 1), (2, 1)),
            area((2, 3), (4, 9)),
        ]);
        let mut covered = |row| {
            let told = merged.covered(row, 0..4)?;
            told.split(',').next().map(str::to_owned)
        };
        assert_eq!(covered(0), None);
        assert_eq!(covered(1), None, "it has the value itself");
        let told = covered(2).expect("it lies in the first");
        assert_eq!(told, "cell B3 belongs to the merged cells B2 to B3");
        let told = covered(4).expect("it lies in the second");
        assert_eq!(told, "cell D5 belongs to the merged cells D3 to J5");
        let told = covered(5).expect("it lies beside the value");
        assert_eq!(told, "cell B6 belongs to the merged cells A6 to C6");
        assert_eq!(covered(6), None);
    }
}
