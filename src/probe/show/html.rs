//! The finding as one page of HTML that loads nothing from elsewhere.

use std::fmt::Write;

use crate::probe::ramp::Step;
use crate::probe::run::Finding;

use super::words::{number, verdict_words};
use super::{Context, stop_words, text_report};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --soft: #6b7686; --line: #d5dbe3; --rate: #1f77b4; --slow: #d2691e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #14181f; --soft: #9aa5b4; --line: #333c48; --rate: #5aa9e6; --slow: #f0a060; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } .verdict { font-size: 1.15rem; } .soft { color: var(--soft); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .8rem; font-size: .85rem; }
svg { width: 100%; height: auto; } text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.axis { stroke: var(--line); } .rate { stroke: var(--rate); fill: none; stroke-width: 2; } .slow { stroke: var(--slow); fill: none; stroke-width: 2; stroke-dasharray: 6 3; }
.rate-ink { fill: var(--rate); } .slow-ink { fill: var(--slow); }
";

/// Room in the drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const MARGIN: f64 = 56.0;

/// The whole page.
#[must_use]
pub fn html_report(finding: &Finding, context: &Context) -> String {
    let verdict = &finding.verdict;
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Rate limit of {tenant}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Rate limit of {tenant}</h1>\n<p class=\"soft\">{endpoint}, {started}</p>\n",
        tenant = escaped(&context.tenant),
        endpoint = escaped(&context.endpoint),
        started = escaped(&context.started_at),
    );
    if let Some(stop) = &finding.stop {
        let _ = writeln!(page, "<p>Ended early: {}.</p>", escaped(&stop_words(stop)));
    }
    let _ = writeln!(
        page,
        "<p class=\"verdict\">{}</p>",
        escaped(&verdict_words(verdict))
    );
    page.push_str(&drawing(&verdict.steps));
    let _ = write!(
        page,
        "<pre>{}</pre>\n</body>\n</html>\n",
        escaped(&text_report(finding, context, 100, true))
    );
    page
}

/// Requests let in a second and the latency against requests at once.
fn drawing(steps: &[Step]) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return String::new();
    };
    let most_per_s = steps
        .iter()
        .map(|step| step.admitted_per_s)
        .fold(1.0, f64::max);
    let slowest_ms = steps.iter().map(|step| step.p99_ms).fold(1.0, f64::max);
    // Steps double, so the axis does.
    let position = |step: &Step| f64::from(step.in_flight).log2();
    let span = (position(last) - position(first)).max(1.0);
    let x =
        |step: &Step| MARGIN + (position(step) - position(first)) / span * (WIDTH - 2.0 * MARGIN);
    let y = |share: f64| HEIGHT - MARGIN + (2.0 * MARGIN - HEIGHT) * share;
    let line = |class: &str, share: &dyn Fn(&Step) -> f64| {
        let points: Vec<String> = steps
            .iter()
            .map(|step| format!("{:.1},{:.1}", x(step), y(share(step))))
            .collect();
        format!(
            "<polyline class=\"{class}\" points=\"{}\"/>\n",
            points.join(" ")
        )
    };
    let mut drawing = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Requests let in a second and latency against requests at once\">\n\
         <line class=\"axis\" x1=\"{MARGIN}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\"/>\n\
         <line class=\"axis\" x1=\"{MARGIN}\" y1=\"{MARGIN}\" x2=\"{MARGIN}\" y2=\"{bottom}\"/>\n\
         <text class=\"rate-ink\" x=\"8\" y=\"24\">let in a second, up to {rate}</text>\n\
         <text class=\"slow-ink\" x=\"{right}\" y=\"24\" text-anchor=\"end\">latency p50 and p99, up to {slow} ms</text>\n\
         <text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">requests at once</text>\n",
        bottom = HEIGHT - MARGIN,
        right = WIDTH - MARGIN,
        middle = WIDTH / 2.0,
        below = HEIGHT - 12.0,
        rate = number(most_per_s.round()),
        slow = number(slowest_ms.round()),
    );
    for step in steps {
        let _ = writeln!(
            drawing,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(step),
            HEIGHT - MARGIN + 18.0,
            step.in_flight
        );
    }
    drawing.push_str(&line("rate", &|step| step.admitted_per_s / most_per_s));
    drawing.push_str(&line("slow", &|step| step.p50_ms / slowest_ms));
    drawing.push_str(&line("slow", &|step| step.p99_ms / slowest_ms));
    drawing.push_str("</svg>\n");
    drawing
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
