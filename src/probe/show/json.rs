//! The finding as JSON, with plain names.

use serde_json::{Value, json};

use crate::probe::run::Finding;
use crate::probe::verdict::{Figure, Limit};

use super::{Context, stop_words};

/// Everything that was found.
#[must_use]
pub fn json_report(finding: &Finding, context: &Context) -> Value {
    let verdict = &finding.verdict;
    let mut report = limit_json(&verdict.limit);
    let words = verdict.retry_after;
    let further = json!({
        "tenant": context.tenant,
        "endpoint": context.endpoint,
        "started_at": context.started_at,
        "also": verdict.also.as_ref().map(limit_json),
        "none_below_per_s": verdict.none_below_per_s.map(rounded),
        "retry_after": {
            "form": words.form,
            "honest": words.honest,
            "kept": words.kept,
            "too_short": words.too_short,
            "longest_s": rounded(words.longest_s),
        },
        "headers": verdict.told.map(|told| json!({
            "limit": told.limit,
            "window_s": told.window.map(|window| window.as_secs_f64()),
        })),
        "latency": verdict.steps,
        "knee_in_flight": verdict.knee,
        "controller_per_s": verdict.soaked_per_s.map(rounded),
        "differs_by_endpoint": verdict.differences.by_endpoint,
        "differs_by_token": verdict.differences.by_token,
        "requests": verdict.requests,
        "throttled": verdict.throttled,
        "refused_with": verdict.refused_with,
        "elapsed_s": rounded(verdict.elapsed_s),
        "stopped": finding.stop.as_ref().map(stop_words),
        "forecast": context.forecast(finding).map(|(load, time)| json!({
            "rows": load.rows,
            "requests": load.requests,
            "seconds": rounded(time.as_secs_f64()),
        })),
    });
    if let (Value::Object(report), Value::Object(further)) = (&mut report, further) {
        report.extend(further);
    }
    report
}

fn limit_json(limit: &Limit) -> Value {
    let value = |figure: Option<Figure>| figure.map(|figure| rounded(figure.value));
    let figure = |figure: Option<Figure>| {
        figure.map(|figure| {
            json!({
                "low": rounded(figure.low),
                "high": (figure.high < f64::MAX).then(|| rounded(figure.high)),
                "confidence": figure.confidence,
            })
        })
    };
    json!({
        "kind": limit.kind,
        "confidence": limit.confidence(),
        "rate_per_s": value(limit.rate_per_s),
        "burst": value(limit.burst),
        "window_s": value(limit.window_s),
        "window_starts": limit.window_starts,
        "portion": limit.portion,
        "concurrency_cap": limit.concurrency_cap,
        "figures": {
            "rate_per_s": figure(limit.rate_per_s),
            "burst": figure(limit.burst),
            "window_s": figure(limit.window_s),
        },
    })
}

/// No more digits than mean something.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
