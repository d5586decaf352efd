//! The scenarios over sockets, in short: the real program against two tenants, beside one other client. What is tested
//! is that the runner measures, tells and judges, not how good the figures are; that is asked of the whole run.

mod support;

use std::fs;
use std::path::Path;

use clap::Parser;
use loadtest::scenarios::{self, Ending, ScenariosArguments};
use serde_json::Value;

/// The grace is long: on a busy machine a refusal may lie unread for a while, and that is not what is tested here.
const BUCKET: &str = "\
about: A bucket of 60 a second.
limits: [{ kind: token_bucket, rate: 60, burst: 30 }]
latency: { median: 10ms, network: 2ms, sigma: 0.3 }
undercut_grace: 800ms
benchmark: { live_duration: 10s, processes: [0s, 1s], duration: 10s, judged_over: 2s, expect: { goodput: 60, throttled: 60 } }
";

/// Nobody does more than the best that is possible.
const IMPOSSIBLE: &str = "\
about: A window of 100 in three seconds.
limits: [{ kind: fixed_window, requests: 100, window: 3s }]
undercut_grace: 800ms
benchmark: { duration: 5s, live_duration: 5s, expect: { goodput: 120, throttled: 60 } }
";

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    arguments: ScenariosArguments,
}

/// Runs the scenarios in `folder` with further flags; how it ended, and what it printed.
fn run(folder: &Path, names: &[&str], flags: &[&str]) -> (Ending, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut words = vec!["scenarios".to_owned(), "--only".to_owned()];
    words.extend(names.iter().map(|name| path(name)));
    words.extend([
        "--sluice".to_owned(),
        env!("CARGO_BIN_EXE_sluice").to_owned(),
    ]);
    words.extend(["--plots".to_owned(), path("plots")]);
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let line = CommandLine::try_parse_from(words).expect("a good command line");
    let mut output = Vec::new();
    let ending = scenarios::run(&line.arguments, &mut output)
        .unwrap_or_else(|error| panic!("the runner failed: {error}"));
    (ending, String::from_utf8(output).expect("UTF-8"))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("bucket.yaml"), BUCKET).expect("a scenario");
    fs::write(folder.path().join("impossible.yaml"), IMPOSSIBLE).expect("a scenario");
    folder
}

#[test]
fn a_broken_expectation_is_named_beside_one_that_holds() {
    let folder = folder();
    let names = ["bucket.yaml", "impossible.yaml"];
    let (ending, report) = run(folder.path(), &names, &["--baselines", "fixed-workers"]);
    assert_eq!(ending, Ending::Broken, "{report}");
    assert_eq!(ending.code(), 1);
    let broken: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with("broken: "))
        .collect();
    assert_eq!(broken.len(), 1, "{report}");
    assert!(
        broken[0].starts_with("broken: impossible: goodput "),
        "{report}"
    );
    assert!(broken[0].ends_with("expected 120.0"), "{report}");
    let row = |name: &str| {
        report
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a row")
    };
    assert!(row("bucket ").ends_with("holds"), "{report}");
    assert!(row("impossible ").ends_with("BROKEN"), "{report}");
    // The second table has a column for the baseline, with a figure for each tenant.
    let second = report
        .split("the same tenants")
        .nth(1)
        .expect("a second table");
    assert!(second.contains("fixed workers"), "{report}");
    assert!(!second.contains("failed"), "{report}");

    let plots = folder.path().join("plots");
    for name in ["bucket", "impossible"] {
        let svg = fs::read_to_string(plots.join(format!("{name}.svg"))).expect("a picture");
        for line in [
            "line ours",
            "line b0",
            "line limit",
            "writes done per second",
        ] {
            assert!(svg.contains(line), "{name} has no {line}");
        }
    }
    let page = fs::read_to_string(plots.join("index.html")).expect("the page");
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(
        !page.contains("http://127"),
        "nothing is loaded from anywhere"
    );
}

#[test]
fn what_holds_ends_with_0_and_json_has_all_figures() {
    let folder = folder();
    let flags = ["--no-baselines", "--output", "json"];
    let (ending, text) = run(folder.path(), &["bucket.yaml"], &flags);
    assert_eq!((ending, ending.code()), (Ending::Holds, 0), "{text}");
    let document: Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(document["holds"], true);
    let scenario = &document["scenarios"][0];
    assert_eq!(scenario["name"], "bucket");
    assert_eq!(scenario["processes"], 2);
    let ours = &scenario["sluice"];
    assert_eq!(ours["best"], 630.0, "the burst and 10 s of the rate");
    let (done, goodput) = (ours["done"].as_f64(), ours["shares"]["goodput"].as_f64());
    let share = done.expect("a count") / 6.3;
    assert!((share - goodput.expect("a share")).abs() < 1e-9, "{ours}");
    assert!(
        ours["fairness"].as_f64().is_some_and(|jain| jain > 0.5),
        "both processes wrote: {ours}"
    );
    assert_eq!(ours["lost"], 0);
}
