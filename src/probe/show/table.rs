//! The finding as text for a terminal or a log.

use std::fmt::Write;

use crate::probe::run::Finding;
use crate::probe::verdict::{Figure, Limit};
use crate::report::{counted, duration_words, thousands};

use super::words::{difference_words, number, trust, verdict_words};
use super::{Context, plot, stop_words};

/// Everything that was found, `width` characters wide. `drawn`: with lines
/// and blocks instead of plain letters.
#[must_use]
pub fn text_report(finding: &Finding, context: &Context, width: usize, drawn: bool) -> String {
    let verdict = &finding.verdict;
    let mut text = String::new();
    let mut line = |line: &str| {
        for part in wrapped(line, width) {
            let _ = writeln!(text, "{part}");
        }
    };
    line(&format!("{} at {}", context.endpoint, context.tenant));
    if let Some(stop) = &finding.stop {
        line(&format!(
            "Ended early: {}. What was found until then:",
            stop_words(stop)
        ));
    }
    line("");
    line(&verdict_words(verdict));
    line("");
    let mut rows = rows_of(&verdict.limit, "");
    rows.extend(
        verdict
            .also
            .iter()
            .flat_map(|also| rows_of(also, "in front: ")),
    );
    rows.extend(verdict.soaked_per_s.map(|soaked| {
        let soaked = format!("{}/s", number(soaked));
        format!("  {:<24}{soaked:>12}", "the loader's pace got")
    }));
    if !rows.is_empty() {
        rows.push(String::new());
    }
    for row in rows {
        line(&row);
    }
    text.push_str(&plot::plot(&verdict.steps, width, drawn));
    let mut line = |line: &str| {
        for part in wrapped(line, width) {
            let _ = writeln!(text, "{part}");
        }
    };
    line("");
    for sentence in difference_words(verdict.differences) {
        line(sentence);
    }
    if let Some((load, time)) = context.forecast(finding) {
        line(&format!(
            "{} in {} will take about {}.",
            counted(load.rows, "row"),
            counted(load.requests, "request"),
            duration_words(time)
        ));
    }
    line(&format!(
        "Spent: {} in {}, {} of them refused{}.",
        counted(verdict.requests, "request"),
        duration_words(std::time::Duration::from_secs_f64(
            verdict.elapsed_s.max(0.0)
        )),
        thousands(verdict.throttled),
        match &verdict.refused_with {
            Some(what) if verdict.throttled > 0 => format!(" ({what})"),
            _ => String::new(),
        },
    ));
    text
}

fn rows_of(limit: &Limit, prefix: &str) -> Vec<String> {
    let row = |name: &str, figure: Option<Figure>, unit: &str| {
        figure.map(|figure| {
            let range = match figure.high < f64::MAX && figure.high > figure.low {
                true => format!("{} to {}", number(figure.low), number(figure.high)),
                false => "–".to_owned(),
            };
            format!(
                "  {:<24}{:>12}   {range:<20} confidence {}",
                format!("{prefix}{name}"),
                format!("{}{unit}", number(figure.value)),
                trust(figure.confidence)
            )
        })
    };
    let cap = limit
        .concurrency_cap
        .map(|cap| format!("  {:<24}{cap:>12}", format!("{prefix}at once")));
    [
        row("rate", limit.rate_per_s, "/s"),
        row("quota or burst", limit.burst, ""),
        row("window", limit.window_s, " s"),
    ]
    .into_iter()
    .flatten()
    .chain(cap)
    .collect()
}

/// A line cut at spaces so that no part is wider, but for single words.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    if line.starts_with(' ') {
        return vec![line.to_owned()];
    }
    let mut parts = vec![String::new()];
    for word in line.split(' ') {
        let last = parts.last_mut().expect("there is always one");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            parts.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_at_spaces() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("incomprehensible", 8), ["incomprehensible"]);
    }
}
