//! The controller against models of tenants, in virtual time.
//!
//! `cargo test --release --test limits -- --nocapture` prints the table;
//! `SLUICE_LIMITS_SEEDS=20` runs more seeds, `SLUICE_LIMITS_ONLY=2t` one
//! tenant, `SLUICE_LIMITS_TRACE=1` its state each second.

#[expect(unreachable_pub, reason = "a test helper is shared by nothing else")]
mod limits {
    pub mod failing;
    pub mod few_rows;
    pub mod scenario;
    pub mod tenant;
    pub mod world;
}

use limits::failing;
use limits::few_rows;
use limits::scenario::{self, Scenario};
use limits::tenant::Wording;
use limits::world::{Tally, World};

struct Line {
    goodput: f64,
    refused: f64,
    live_refused: f64,
    jain: f64,
    undercut: u64,
    most_in_flight: u32,
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn run(scenario: &Scenario, seed: u64) -> Line {
    let mut world = World::new(scenario.tenant.clone(), scenario.horizon_s, seed);
    world.trace_every_s = setting("SLUICE_LIMITS_TRACE").and_then(|text| text.parse().ok());
    for (index, starts_s) in scenario.starts_s.iter().enumerate() {
        let client_seed = seed * 1000 + index as u64;
        world.add_client(scenario.settings.clone(), *starts_s, u64::MAX, client_seed);
    }
    if scenario.live_per_s > 0.0 {
        world.add_live_traffic(scenario.live_per_s);
    }
    let (tallies, live_sent, live_refused) = world.run();
    let sum = |value: fn(&Tally) -> u64| tallies.iter().map(value).sum::<u64>() as f64;
    let late: Vec<f64> = tallies.iter().map(|tally| tally.done_late as f64).collect();
    let squares: f64 = late.iter().map(|count| count * count).sum();
    let answers = sum(|tally| tally.done + tally.refused + tally.failed);
    Line {
        goodput: 100.0 * sum(|tally| tally.done) / scenario.best,
        refused: 100.0 * sum(|tally| tally.refused) / answers,
        live_refused: 100.0 * live_refused as f64 / live_sent.max(1) as f64,
        jain: late.iter().sum::<f64>().powi(2) / (late.len() as f64 * squares),
        undercut: tallies.iter().map(|tally| tally.undercut).sum(),
        most_in_flight: tallies
            .iter()
            .map(|tally| tally.most_in_flight)
            .max()
            .unwrap_or(0),
    }
}

#[test]
fn every_tenant_gets_its_goodput_and_few_refusals() {
    let seeds = setting("SLUICE_LIMITS_SEEDS")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let first_seed = setting("SLUICE_LIMITS_FIRST_SEED")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let only = setting("SLUICE_LIMITS_ONLY");
    let mut broken = Vec::new();
    println!("| tenant | goodput % | worst | 429 % | worst | live 429 % | Jain | in flight |");
    println!("|---|---|---|---|---|---|---|---|");
    for scenario in scenario::all() {
        let short_name = scenario.name.split(' ').next();
        if only.as_deref().is_some_and(|only| short_name != Some(only)) {
            continue;
        }
        let lines: Vec<Line> = (first_seed..first_seed + seeds)
            .map(|seed| run(&scenario, seed))
            .collect();
        let mean =
            |value: fn(&Line) -> f64| lines.iter().map(value).sum::<f64>() / lines.len() as f64;
        let worst = |value: fn(&Line) -> f64| lines.iter().map(value).fold(f64::MIN, f64::max);
        let least = -worst(|line| -line.goodput);
        let most = worst(|line| line.refused);
        println!(
            "| {} | {:.2} | {least:.2} | {:.3} | {most:.3} | {:.2} | {:.3} | {} |",
            scenario.name,
            mean(|line| line.goodput),
            mean(|line| line.refused),
            mean(|line| line.live_refused),
            mean(|line| line.jain),
            worst(|line| f64::from(line.most_in_flight)),
        );
        let bounds = scenario.bounds;
        let mut expect = |kept: bool, what: &str| {
            if !kept {
                broken.push(format!("{}: {what}", scenario.name));
            }
        };
        expect(least >= bounds.goodput - 1.0, "goodput");
        expect(most <= 1.5 * bounds.refused, "429 share");
        expect(
            worst(|line| line.live_refused) <= 1.5 * bounds.live_refused,
            "live traffic refused",
        );
        expect(mean(|line| line.jain) >= 0.95, "fairness");
        expect(
            lines.iter().all(|line| line.undercut == 0),
            "a Retry-After was undercut",
        );
    }
    assert!(broken.is_empty(), "bounds broken:\n{}", broken.join("\n"));
}

#[test]
fn a_small_job_ends_soon_and_is_refused_once() {
    println!("| job | round trip | done s | best s | 429 | after the first wait | in flight |");
    println!("|---|---|---|---|---|---|---|");
    let only = setting("SLUICE_LIMITS_JOB");
    let mut broken = Vec::new();
    for job in few_rows::jobs() {
        if only.as_deref().is_some_and(|only| !job.name.contains(only)) {
            continue;
        }
        for (round_trip_s, network_share) in [(0.002, 0.2), (0.005, 0.9), (0.08, 0.2)] {
            let outcome = few_rows::run(&job, round_trip_s, network_share, 7);
            let tally = &outcome.tally;
            println!(
                "| {} | {} ms, {} % network | {:.1} | {:.1} | {} | {} | {} |",
                job.name,
                round_trip_s * 1e3,
                network_share * 1e2,
                tally.finished_s,
                outcome.best_s,
                tally.refused,
                tally.refused_after_first,
                tally.most_in_flight,
            );
            // Without a Retry-After each look at the quota costs a refusal.
            let share = if job.wording == Wording::Nothing {
                0.05
            } else {
                0.02
            };
            let few = tally.refused_after_first as f64 <= share * job.rows as f64;
            let soon = tally.finished_s <= 2.0 * outcome.best_s + 2.0;
            if tally.done != job.rows || tally.undercut > 0 || !few || !soon {
                broken.push(format!("{} at {round_trip_s}: {tally:?}", job.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_limit_worded_as_trouble_is_learnt_and_trouble_is_not() {
    println!("| tenant | goodput % | failed % | a limit | taken back | failures of a row |");
    println!("|---|---|---|---|---|---|");
    let seeds: u64 = setting("SLUICE_LIMITS_SEEDS")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let first_seed: u64 = setting("SLUICE_LIMITS_FIRST_SEED")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let only = setting("SLUICE_LIMITS_FAILING");
    let mut broken = Vec::new();
    for failing in failing::all() {
        if only.as_deref().is_some_and(|only| failing.name != only) {
            continue;
        }
        for seed in first_seed..first_seed + seeds {
            let outcome = failing::run(&failing, seed);
            let tally = &outcome.tally;
            let answers = (tally.done + tally.failed + tally.refused) as f64;
            let goodput = 100.0 * tally.done as f64 / failing.best;
            let failed = 100.0 * tally.failed as f64 / answers;
            println!(
                "| {} | {goodput:.1} | {failed:.2} | {} | {} | {} |",
                failing.name, outcome.taken_as_limit, outcome.taken_back, tally.most_failures
            );
            let is_limit = outcome.taken_as_limit > outcome.taken_back;
            let rightly = is_limit == failing.is_limit;
            let few = failed <= failing.refused && (!failing.is_limit || tally.most_failures < 4);
            if !rightly || !few || goodput < failing.goodput || tally.undercut > 0 {
                broken.push(format!(
                    "{} with seed {seed}: {goodput:.1} % goodput, {failed:.2} % failed, a limit: {is_limit}, {} undercut",
                    failing.name, tally.undercut
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
