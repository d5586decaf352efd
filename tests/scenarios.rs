//! The product's limiter against every scenario that says what is expected of a client, in virtual time.
//!
//! The tenant is the model that the simulated server is made of, replies go through the product's own header parsers, and
//! what is expected stands in `loadtest/scenarios/*.yaml`.
//!
//! `cargo test --release --test scenarios -- --nocapture` prints the tables. `SLUICE_LIMITS_SEEDS=5` runs more seeds,
//! each scenario to its end, and all of them with the other rules; `SLUICE_LIMITS_FIRST_SEED=3` takes other seeds;
//! `SLUICE_LIMITS_ONLY=2t` one scenario, by its label or name; `SLUICE_LIMITS_TRACE=1` prints the product's state every
//! second.

#[expect(unreachable_pub, reason = "parts of one test")]
mod scenarios {
    pub mod client;
    pub mod expected;
    pub mod few_rows;
    pub mod foreign;
    pub mod measure;
    pub mod others;
    pub mod product;
    pub mod spans;
    pub mod tally;
    pub mod world;
}

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use loadtest::baseline;
use scenarios::expected::{self, Judged};
use scenarios::few_rows::{self, RoundTrip};
use scenarios::foreign;
use scenarios::measure::{Case, Figures};
use scenarios::spans::{self, Allowance};

/// A change of one limiter or another shows on these; the others only with more seeds.
const COMPARED: [&str; 10] = ["1", "1n", "2", "2t", "3", "4", "6", "7", "9", "10"];

fn setting<Value: std::str::FromStr>(name: &str) -> Option<Value> {
    std::env::var(name).ok()?.parse().ok()
}

/// Whether every run is a whole one.
fn thorough() -> bool {
    !cfg!(debug_assertions) || setting::<u64>("SLUICE_LIMITS_SEEDS").is_some()
}

fn seeds() -> std::ops::Range<u64> {
    let first = setting("SLUICE_LIMITS_FIRST_SEED").unwrap_or(1);
    first..first + setting("SLUICE_LIMITS_SEEDS").unwrap_or(1)
}

fn chosen(mut cases: Vec<Case>) -> Vec<Case> {
    let only: Option<String> = setting("SLUICE_LIMITS_ONLY");
    cases.retain(|case| {
        only.as_deref()
            .is_none_or(|only| case.benchmark.label == only || case.name == only)
    });
    cases
}

/// Runs a job for each case on two threads; results come in the order of the cases.
fn on_two_threads<T: Send>(cases: &[Case], job: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((index, case)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(index).map(|case| (index, case))
                } {
                    let result = job(case);
                    let mut results = results.lock().expect("no job panicked");
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no job panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn mean(runs: &[Figures], value: impl Fn(&Figures) -> f64) -> f64 {
    runs.iter().map(value).sum::<f64>() / runs.len() as f64
}

fn least(runs: &[Figures], value: impl Fn(&Figures) -> f64) -> f64 {
    runs.iter().map(value).fold(f64::INFINITY, f64::min)
}

fn most(runs: &[Figures], value: impl Fn(&Figures) -> f64) -> f64 {
    runs.iter().map(value).fold(0.0, f64::max)
}

#[test]
fn every_scenario_is_met_as_expected() {
    let trace = setting("SLUICE_LIMITS_TRACE").map(Duration::from_secs_f64);
    let mut cases = chosen(Case::all());
    cases.extend(chosen(foreign::all()));
    let allowances: Vec<Allowance> = cases
        .iter_mut()
        .map(|case| {
            if thorough() {
                Allowance::NONE
            } else {
                spans::shorten(case)
            }
        })
        .collect();
    let all_runs = on_two_threads(&cases, |case| {
        seeds()
            .map(|seed| case.product(seed, trace))
            .collect::<Vec<Figures>>()
    });
    println!(
        "| scenario | goodput % | worst | 429 % | worst | 95 % after s | again after s | others refused % | most | Jain, worst | in flight |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut broken = Vec::new();
    let mut reached = Vec::new();
    for ((case, runs), allowed) in cases.iter().zip(&all_runs).zip(allowances) {
        println!(
            "| {} | {:.2} | {:.2} | {:.3} | {:.3} | {:.0} | {:.0} | {:.2} | {:.2} | {:.3} | {:.0} |",
            case.benchmark.label,
            mean(runs, |run| run.goodput),
            least(runs, |run| run.goodput),
            mean(runs, |run| run.throttled),
            most(runs, |run| run.throttled),
            most(runs, |run| run.reach_95_s),
            most(runs, |run| run.recover_95_s),
            mean(runs, |run| run.others_refused),
            most(runs, |run| run.others_refused),
            least(runs, |run| run.fairness),
            most(runs, |run| f64::from(run.most_in_flight)),
        );
        let (label, expect) = (&case.benchmark.label, &case.benchmark.expect);
        let judge = |run| expected::judge(label, expect, run, allowed);
        let judged: Vec<Vec<Judged>> = runs.iter().map(judge).collect();
        for (seed, one) in seeds().zip(&judged) {
            for figure in one.iter().filter(|figure| !figure.kept) {
                broken.push(format!(
                    "{label} ({}), seed {seed}: {:?} {:.3}, bound {:.3}",
                    case.name, figure.figure, figure.reached, figure.bound
                ));
            }
        }
        for figure in judged[0].iter().map(|figure| figure.figure) {
            let mut of_figure = judged.iter().flatten().filter(|one| one.figure == figure);
            if of_figure.all(|one| one.goal_reached) {
                reached.push(format!("{label} ({}): {figure:?}", case.name));
            }
        }
        for (seed, run) in seeds().zip(runs) {
            if expect
                .taken_for_limit
                .is_some_and(|expected| expected != run.taken_for_limit)
            {
                broken.push(format!(
                    "{label} ({}), seed {seed}: failures taken for a limit: {}",
                    case.name, run.taken_for_limit
                ));
            }
            if run.undercuts > expect.undercuts || run.lost > 0 {
                broken.push(format!(
                    "{label} ({}), seed {seed}: {} undercuts, {} rows lost",
                    case.name, run.undercuts, run.lost
                ));
            }
        }
    }
    if !reached.is_empty() {
        println!(
            "\nKnown to be short, yet at the goal with every seed:\n{}",
            reached.join("\n")
        );
    }
    assert!(broken.is_empty(), "bounds broken:\n{}", broken.join("\n"));
}

#[test]
fn whoever_else_gets_as_much_is_refused_more() {
    let mut cases = chosen(Case::all());
    if !thorough() {
        cases.retain(|case| COMPARED.contains(&case.benchmark.label.as_str()));
        for case in &mut cases {
            case.duration = case.duration.min(Duration::from_secs(200));
        }
    }
    let seed = seeds().start;
    let rules = baseline::all();
    let all_runs = on_two_threads(&cases, |case| {
        let others = rules.map(|(_, make)| case.other(make, seed));
        (case.product(seed, None), others)
    });
    let names: Vec<&str> = rules.iter().map(|(name, _)| *name).collect();
    println!("Goodput % / 429 %, (rows lost)");
    println!("| scenario | product | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(names.len()));
    let mut broken = Vec::new();
    for (case, (product, others)) in cases.iter().zip(&all_runs) {
        let label = &case.benchmark.label;
        let cell = |run: &Figures| match run.lost {
            0 => format!("{:.1} / {:.2}", run.goodput, run.throttled),
            lost => format!("{:.1} / {:.2} ({lost})", run.goodput, run.throttled),
        };
        let cells: Vec<String> = others.iter().map(cell).collect();
        println!("| {label} | {} | {} |", cell(product), cells.join(" | "));
        for (name, other) in names.iter().zip(others) {
            let gets_as_much = other.goodput >= product.goodput - 1.0;
            let nobody_refused = product.throttled == 0.0;
            if gets_as_much && other.throttled <= product.throttled && !nobody_refused {
                broken.push(format!(
                    "{label}: {name} {other:?}, the product {product:?}"
                ));
            }
        }
    }
    assert!(broken.is_empty(), "outdone:\n{}", broken.join("\n"));
}

#[test]
fn a_small_job_ends_soon_and_is_refused_once() {
    println!(
        "| job | rows | round trip | done s | best s | 429 | after the first wait | in flight |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut broken = Vec::new();
    for job in few_rows::jobs() {
        for (milliseconds, network_share) in [(2, 0.2), (5, 0.9), (80, 0.2)] {
            let round_trip = RoundTrip {
                median: Duration::from_millis(milliseconds),
                network_share,
            };
            let outcome = few_rows::run(&job, round_trip, 6 + seeds().start);
            let tally = &outcome.tally;
            println!(
                "| {} | {} | {milliseconds} ms, {} % network | {:.1} | {:.1} | {} | {} | {} |",
                job.name,
                job.rows,
                network_share * 1e2,
                tally.finished.as_secs_f64(),
                outcome.best.as_secs_f64(),
                tally.refused,
                tally.refused_after_first,
                tally.most_in_flight,
            );
            // Without a Retry-After each look at the quota costs a refusal.
            let share = if job.tenant.contains("form: none") {
                0.05
            } else {
                0.02
            };
            let few = tally.refused_after_first as f64 <= share * job.rows as f64;
            let soon = tally.finished <= 2 * outcome.best + Duration::from_secs(2) + job.known_late;
            if tally.done != job.rows || tally.undercuts > 0 || !few || !soon {
                broken.push(format!("{} at {milliseconds} ms: {tally:?}", job.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
