//! From figures to pictures.

use std::fs;
use std::path::Path;

use super::measure::Measured;
use super::plot::{Line, PageEntry, Panel, Picture, Shade, draw, index_page};
use super::result::CaseResult;

/// Points of a line; more would be finer than the eye, and the files large.
const MOST_POINTS: usize = 150;

/// Writes one picture for each case and the page of all.
///
/// # Errors
/// In words, if the folder can't be written.
pub(super) fn write(folder: &Path, results: &[CaseResult], table: &str) -> Result<(), String> {
    let cannot = |cause: std::io::Error| format!("can't write to {}: {cause}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    let mut entries = Vec::new();
    for result in results {
        let svg = draw(&picture(result));
        fs::write(folder.join(format!("{}.svg", result.case.name)), &svg).map_err(cannot)?;
        let broken = result.broken();
        entries.push(PageEntry {
            name: result.case.name.clone(),
            about: result.case.scenario.about.clone(),
            holds: broken.is_empty(),
            verdict: if broken.is_empty() {
                "All that was expected holds.".to_owned()
            } else {
                format!("Broken: {}.", broken.join("; "))
            },
            svg,
        });
    }
    fs::write(folder.join("index.html"), index_page(&entries, table)).map_err(cannot)
}

fn picture(result: &CaseResult) -> Picture {
    let ours = result
        .ours
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok());
    let ours = ours.map(|measured| ("sluice", Shade::Ours, measured));
    let others = result.baselines.iter().enumerate();
    let others = others.filter_map(|(number, (name, outcome))| {
        Some((*name, Shade::Baseline(number), outcome.as_ref().ok()?))
    });
    let clients: Vec<(&str, Shade, &Measured)> = ours.chain(others).collect();
    let seconds = result.case.lasts.as_secs().max(1) as usize;
    let bin = seconds.div_ceil(MOST_POINTS);

    let mut done = Vec::new();
    let mut refused = Vec::new();
    let mut share = Vec::new();
    for (name, shade, measured) in &clients {
        let line = |points| Line {
            name: (*name).to_owned(),
            shade: *shade,
            points,
        };
        let of = |part: fn(&crate::tenant::SecondCounts) -> u64| -> Vec<f64> {
            measured
                .seconds
                .iter()
                .map(|second| part(second) as f64)
                .collect()
        };
        let per_second = of(|second| second.done);
        done.push(line(binned(&per_second, bin)));
        refused.push(line(binned(&of(|second| second.throttled), bin)));
        if measured.shares.goodput.is_some() {
            share.push(line(share_of_best(&per_second, &measured.best_by_second)));
        }
    }
    let rate = result.case.rate();
    let limit = result.case.rate_by_second();
    if limit.iter().all(|rate| rate.is_finite()) {
        done.push(Line {
            name: "what the tenant allows in the long run".to_owned(),
            shade: Shade::Limit,
            points: binned(&limit, bin),
        });
    }
    let mut panels = vec![
        Panel {
            title: "writes done per second".to_owned(),
            lines: done,
            // A window's first second would dwarf all others.
            at_most: Some(rate * 3.0),
        },
        Panel {
            title: "requests refused per second".to_owned(),
            lines: refused,
            at_most: None,
        },
    ];
    if !share.is_empty() {
        panels.push(Panel {
            title: "done so far, in percent of the best possible".to_owned(),
            lines: share,
            at_most: Some(140.0),
        });
    }
    Picture {
        title: result.case.name.clone(),
        subtitle: result.case.scenario.about.clone(),
        seconds: seconds as f64,
        panels,
    }
}

/// The mean of each `bin` values, drawn at its middle.
fn binned(values: &[f64], bin: usize) -> Vec<(f64, f64)> {
    let chunks = values.chunks(bin.max(1)).enumerate();
    let point = |(number, chunk): (usize, &[f64])| {
        let middle = (number * bin.max(1)) as f64 + chunk.len() as f64 / 2.0;
        (middle, chunk.iter().sum::<f64>() / chunk.len() as f64)
    };
    chunks.map(point).collect()
}

fn share_of_best(per_second: &[f64], best_by_second: &[f64]) -> Vec<(f64, f64)> {
    let mut sum = 0.0;
    let mut points = Vec::new();
    for (second, (done, best)) in per_second.iter().zip(best_by_second).enumerate() {
        sum += done;
        if *best > 0.0 {
            points.push((second as f64 + 1.0, 100.0 * sum / best));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_means_at_their_middle() {
        let points = binned(&[1.0, 3.0, 5.0], 2);
        assert_eq!(points, [(1.0, 2.0), (2.5, 5.0)]);
    }

    #[test]
    fn shares_come_from_sums() {
        let shares = share_of_best(&[5.0, 5.0], &[10.0, 10.0]);
        assert_eq!(shares, [(1.0, 50.0), (2.0, 100.0)]);
    }
}
