//! Requests let in and latency against load, as bars of characters.

use std::fmt::Write;

use crate::probe::ramp::Step;

use super::words::number;

/// Columns for the figures beside the bars.
const FIGURES: usize = 56;

/// One line a step: requests at once, a bar of requests let in a second, the
/// latencies. Empty without steps.
#[must_use]
pub fn plot(steps: &[Step], width: usize, drawn: bool) -> String {
    let most = steps
        .iter()
        .map(|step| step.admitted_per_s)
        .fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let room = width.saturating_sub(FIGURES).clamp(8, 60);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {:>7}  {:<room$}  {:>8}  {:>8}  {:>8}  {:>7}",
        "at once", "let in a second", "", "p50", "p99", "refused"
    );
    for step in steps {
        let _ = writeln!(
            text,
            "  {:>7}  {}  {:>6}/s  {:>8}  {:>8}  {:>7}",
            step.in_flight,
            bar(step.admitted_per_s / most, room, drawn),
            number(step.admitted_per_s.round()),
            millis(step.p50_ms),
            millis(step.p99_ms),
            step.throttled,
        );
    }
    text
}

fn millis(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0} ms"),
        value => format!("{value:.1} ms"),
    }
}

/// A bar of that share of the room.
fn bar(share: f64, room: usize, drawn: bool) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a line"
    )]
    let eighths = (share.clamp(0.0, 1.0) * room as f64 * 8.0).round() as usize;
    let mut bar = String::new();
    if drawn {
        bar.extend(std::iter::repeat_n('█', eighths / 8));
        if !eighths.is_multiple_of(8) {
            bar.push(EIGHTHS[eighths % 8]);
        }
    } else {
        bar.extend(std::iter::repeat_n('#', eighths.div_ceil(8)));
    }
    let filled = bar.chars().count();
    bar.extend(std::iter::repeat_n(' ', room.saturating_sub(filled)));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(in_flight: u32, admitted_per_s: f64) -> Step {
        Step {
            in_flight,
            admitted_per_s,
            p50_ms: 80.0,
            p99_ms: 120.0,
            throttled: 0,
        }
    }

    #[test]
    fn bars_are_as_long_as_what_was_let_in_and_lines_as_wide_as_asked() {
        let text = plot(&[step(1, 10.0), step(2, 20.0)], 80, false);
        let hashes = |line: &str| line.matches('#').count();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(hashes(lines[1]) * 2, hashes(lines[2]));
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(text.is_ascii());
        assert!(plot(&[step(1, 10.0)], 80, true).contains('█'));
        assert_eq!(plot(&[], 80, true), "");
    }
}
