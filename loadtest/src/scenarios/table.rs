//! The tables on standard output.

use std::fmt::Write;

use super::case::Case;
use super::measure::Measured;
use super::result::{CaseResult, Outcome};

/// A table of text: the first column to the left, the others to the right.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(head: &[&str]) -> Self {
        Table {
            rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()],
        }
    }

    fn write(&self, text: &mut String) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                let pad = " ".repeat(width - cell.chars().count());
                let cell = if column == 0 {
                    format!("{cell}{pad}")
                } else {
                    format!("  {pad}{cell}")
                };
                line.push_str(&cell);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

const OUR_COLUMNS: [&str; 17] = [
    "scenario",
    "",
    "s",
    "best",
    "done",
    "goodput %",
    "at length",
    "expected",
    "refused %",
    "at length",
    "expected",
    "95 % after",
    "undercut",
    "others %",
    "Jain",
    "lost",
    "",
];

const LEGEND: &str = "\
goodput: of the best that any client could have got done. At length: at the scenario's full length, if the second half
of what was measured went on; this is what is held against the expected. Others: the tenant's other clients' requests
that were refused, at length.
";

/// The loader's figures beside what is expected, then the baselines', then what is broken.
pub(super) fn report(results: &[CaseResult]) -> String {
    let mut text = String::new();
    ours(results).write(&mut text);
    text.push_str(LEGEND);
    if results.iter().any(|result| !result.baselines.is_empty()) {
        text.push_str(
            "\nthe same tenants at length, goodput % / refused % (lost rows as measured):\n",
        );
        baselines(results).write(&mut text);
    }
    text.push('\n');
    let mut count = 0;
    for result in results {
        for words in result.broken() {
            count += 1;
            push(
                &mut text,
                format_args!("broken: {}: {words}\n", result.case.name),
            );
        }
    }
    match count {
        0 => push(
            &mut text,
            format_args!("all {} scenarios hold\n", results.len()),
        ),
        1 => text.push_str("1 expectation is broken\n"),
        _ => push(&mut text, format_args!("{count} expectations are broken\n")),
    }
    text
}

fn ours(results: &[CaseResult]) -> Table {
    let mut table = Table::new(&OUR_COLUMNS);
    for result in results {
        let expect = &result.case.benchmark.expect;
        let mut row = vec![
            result.case.name.clone(),
            result.case.benchmark.label.clone(),
            result.case.lasts.as_secs().to_string(),
        ];
        match &result.ours {
            Some(Ok(measured)) => {
                row.extend([
                    number(measured.best),
                    measured.done.to_string(),
                    optional(measured.shares.goodput, 1),
                    optional(measured.at_length.goodput, 1),
                    format!("{:.1}", expect.goodput),
                    format!("{:.2}", measured.shares.throttled),
                    format!("{:.2}", measured.at_length.throttled),
                    format!("{:.2}", expect.throttled),
                    reached(measured),
                    measured.undercuts.to_string(),
                    optional(measured.at_length.others_refused, 1),
                    optional(measured.fairness, 2),
                    measured.lost.to_string(),
                    if result.broken().is_empty() {
                        "holds"
                    } else {
                        "BROKEN"
                    }
                    .to_owned(),
                ]);
            }
            Some(Err(_)) => row.extend(["failed".to_owned()]),
            None => row.extend(["not run".to_owned()]),
        }
        table.rows.push(row);
    }
    table
}

fn baselines(results: &[CaseResult]) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in results.iter().flat_map(|result| &result.baselines) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut head = vec!["scenario", "sluice"];
    head.extend(&names);
    let mut table = Table::new(&head);
    for result in results {
        let mut row = vec![
            result.case.name.clone(),
            result.ours.as_ref().map_or("-".to_owned(), pair),
        ];
        for name in &names {
            let found = result.baselines.iter().find(|(other, _)| other == name);
            row.push(found.map_or("-".to_owned(), |(_, outcome)| pair(outcome)));
        }
        table.rows.push(row);
    }
    table
}

fn pair(outcome: &Outcome) -> String {
    let Ok(measured) = outcome else {
        return "failed".to_owned();
    };
    // Where there is no best, the rate says how fast it was.
    let shares = &measured.at_length;
    let first = shares.goodput.map_or_else(
        || {
            format!(
                "{:.0}/s",
                measured.done as f64 / measured.seconds.len().max(1) as f64
            )
        },
        |goodput| format!("{goodput:.1}"),
    );
    let lost = match measured.lost {
        0 => String::new(),
        lost => format!(" ({lost})"),
    };
    format!("{first} / {:.2}{lost}", shares.throttled)
}

/// What is expected of each case.
pub(super) fn list(cases: &[Case]) -> String {
    let mut table = Table::new(&["scenario", "", "s", "processes", "goodput %", "refused %"]);
    for case in cases {
        let expect = &case.benchmark.expect;
        table.rows.push(vec![
            case.name.clone(),
            case.benchmark.label.clone(),
            case.lasts.as_secs().to_string(),
            case.benchmark.processes.len().to_string(),
            format!("{:.1}", expect.goodput),
            format!("{:.2}", expect.throttled),
        ]);
    }
    let mut text = String::new();
    table.write(&mut text);
    text
}

fn reached(measured: &Measured) -> String {
    measured
        .reached_95_s
        .map_or("never".to_owned(), |second| format!("{second} s"))
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

fn number(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.0}")
    } else {
        "-".to_owned()
    }
}

fn push(text: &mut String, parts: std::fmt::Arguments<'_>) {
    text.write_fmt(parts)
        .expect("writing to memory doesn't fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&["a", "bb"]);
        table.rows.push(vec!["long".to_owned(), "1".to_owned()]);
        let mut text = String::new();
        table.write(&mut text);
        assert_eq!(text, "a     bb\nlong   1\n");
    }
}
