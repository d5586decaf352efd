//! A job with several targets: the same rows go to each, and each has books of
//! its own in one run.

#[path = "parts/pair.rs"]
mod pair;
mod support;

use std::fs;

use loadtest::tenant::Tenant;
use pair::{Pair, assert_sums, assert_written};
use serde_json::Value;
use support::{
    Bench, Books, CLIENT_ID, CLIENT_SECRET, Numbered, fixture, numbered_csv, read_rows, scenario,
};

#[test]
fn each_target_has_the_rows_and_books_of_its_own() {
    const ROWS: u64 = 1_000;
    let pair = Pair::new("contacts: {missing: 0.02, invalid: 0.01}", "{}");
    pair.crm.write("contacts.csv", numbered_csv(ROWS));
    pair.write_job("{csv: contacts.csv}", "");
    let planned = pair.sluice(&["plan", "job.yaml", "--output", "json"]);
    let planned = planned.run().expect_code(0).json();
    assert_eq!(planned["parts"][1]["name"], "cloud");
    assert_eq!(planned["parts"][1]["to_send"], ROWS);
    assert!(pair.crm.runs().is_empty());

    let ended = pair.run(&[]).run().expect_code(1);
    let summary = ended.json();
    assert_sums(&summary, &["crm", "cloud"]);
    let expected = Numbered::new(ROWS, &pair.crm.scenario);
    let rejected = expected.rejected().len() as u64;
    assert!(rejected > 0);
    assert_eq!(summary["counts"]["read"], 2 * ROWS);
    assert_eq!(summary["entities"][0]["rejected"], rejected);
    assert_eq!(summary["entities"][1]["updated"], ROWS);
    assert_eq!(summary["exit_code"], 1);
    assert_eq!(summary["parts"][0]["exit_code"], 1);
    assert_eq!(summary["parts"][1]["exit_code"], 0);
    assert_eq!(summary["requests"]["sent"], 2 * ROWS);
    let written = fs::read_to_string(pair.crm.run_directory().join("summary.json"));
    let written: Value = serde_json::from_str(&written.expect("a summary")).expect("JSON");
    assert_eq!(written["counts"], summary["counts"]);
    assert_eq!(
        Books::read(&pair.part("crm")).rejected_ids(),
        expected.rejected()
    );
    assert!(read_rows(&pair.part("cloud").join("rejected.csv")).is_empty());
    assert_written(&pair.crm, ROWS - rejected, 1);
    assert_written(&pair.cloud, ROWS, 1);

    // One run, also to the other commands.
    let runs = pair.sluice(&["runs", "--output", "json"]).run().json();
    assert_eq!(runs.as_array().expect("a list").len(), 1);
    let status = pair.sluice(&["status", "--output", "json"]).run().json();
    assert_eq!(status["state"], "finished");
    assert_eq!(status["counts"], summary["counts"]);
    assert_eq!(status["parts"][0]["part"], "crm");
    // A finished run is told again, and sends nothing.
    let again = pair.resume().expect_code(1).json();
    assert_eq!(again["counts"], summary["counts"]);
    assert_written(&pair.cloud, ROWS, 1);
}

#[test]
fn the_job_of_the_fixtures_makes_contacts_on_one_platform_and_patches_them_on_the_other() {
    let here = Bench::new("keep_bodies: true");
    let there = Bench::new("api: genesys_contacts");
    let job = fs::read_to_string(fixture("jobs").join("two-platforms.yaml")).expect("the job");
    here.write("job.yaml", job.replace("../csv/", ""));
    let rows = fs::read(fixture("csv").join("contacts-clean.csv")).expect("the contacts");
    here.write("contacts-clean.csv", rows);
    let (to, also_to) = (
        format!("here.base_url={}", here.base_url()),
        format!("there.base_url={}", there.base_url()),
    );
    let mut run = here.bare(&["run", "job.yaml", "--output", "json"]);
    run = run.arguments(["--set", &to, "--set", &also_to]);
    for platform in ["CXONE", "GENESYS"] {
        run = run
            .environment(&format!("{platform}_CLIENT_ID"), CLIENT_ID)
            .environment(&format!("{platform}_CLIENT_SECRET"), CLIENT_SECRET);
    }
    let summary = run.run().expect_code(0).json();
    assert_sums(&summary, &["here", "there"]);
    assert_eq!(summary["entities"][0]["updated"], 20);
    assert_eq!(summary["entities"][1]["created"], 20);
    assert_eq!(there.records().len(), 20);
}

/// Contacts of a source that is a platform.
const CONTACTS: u64 = 2_050;
/// Pages that they come in.
const PAGES: u64 = CONTACTS.div_ceil(100);

fn source(more: &str) -> Bench {
    Bench::new(&format!(
        "contacts: {{existing: {{numbered: {{prefix: c-, count: {CONTACTS}}}}}}}\n{more}"
    ))
}

fn stream_of(source: &Bench) -> String {
    format!(
        "{{connector: cxone-contacts, stream: contacts, base_url: {}}}",
        source.base_url()
    )
}

#[test]
fn a_stream_is_asked_once_for_all_targets() {
    let from = source("");
    let pair = Pair::new("{}", "latency: {median: 3ms}");
    pair.write_job(&stream_of(&from), "");
    let summary = pair.run(&[]).run().expect_code(0).json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["counts"]["updated"], 2 * CONTACTS);
    assert_eq!(from.counters().requests.list, PAGES);
    assert_eq!(summary["source"]["requests"], PAGES);
    assert_written(&pair.crm, CONTACTS, 1);
    assert_written(&pair.cloud, CONTACTS, 1);
    // Each call stands in one audit.
    let calls = |name: &str| {
        let audit = fs::read_to_string(pair.part(name).join("audit.ndjson")).expect("an audit");
        audit.matches("-source-").count() as u64
    };
    assert_eq!(calls("crm") + calls("cloud"), PAGES);
    // So does a plan, which looks some of the rows up in each target.
    let planned = pair.sluice(&["plan", "job.yaml", "--online", "--output", "json"]);
    let planned = planned.run().expect_code(0).json();
    assert_eq!(planned["parts"][1]["online"]["unchanged"], 200);
    assert_eq!(from.counters().requests.list, 2 * PAGES);
    // The next run asks from where this one has come.
    let later = pair.run(&["--since", "last"]).run().expect_code(0).json();
    assert!(later["counts"]["read"].as_u64().expect("a number") < CONTACTS);
}

#[test]
fn a_killed_run_goes_on_in_every_part_and_asks_for_no_page_twice() {
    let from = source("");
    let limits = "limits: [{kind: token_bucket, rate: 700, burst: 20}]";
    let pair = Pair::new(
        limits,
        "limits: [{kind: token_bucket, rate: 300, burst: 20}]",
    );
    pair.write_job(&stream_of(&from), "");
    let mut run = pair.run(&[]).start();
    run.wait_while_running("both targets have rows", || {
        pair.crm.counters().applied > 200 && pair.cloud.counters().applied > 100
    });
    run.kill();
    let status = pair.sluice(&["status", "--output", "json"]).run().json();
    assert_eq!(status["state"], "unfinished");
    let told = pair.sluice(&["status"]).run().stdout;
    assert!(told.contains("to go on: sluice resume runs/"), "{told}");
    let summary = pair.resume().expect_code(0).json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["counts"]["updated"], 2 * CONTACTS);
    assert_eq!(summary["legs"], 2);
    assert_written(&pair.crm, CONTACTS, 2);
    assert_written(&pair.cloud, CONTACTS, 2);
    // The page that was under way may be asked for again.
    let asked = from.counters().requests.list;
    assert!((PAGES..=PAGES + 1).contains(&asked), "{asked} pages");
}

#[test]
fn killed_at_any_stage_of_its_beginning_a_run_goes_on_in_all_parts() {
    let from = source("latency: {median: 5ms}");
    let slow = "limits: [{kind: token_bucket, rate: 800, burst: 20}]";
    let pair = Pair::new(slow, slow);
    pair.write_job(&stream_of(&from), "");
    let made = || !pair.crm.runs().is_empty();
    let mut run = pair.run(&[]).start();
    run.wait_while_running("the run is made", made);
    run.kill();
    let state = pair.crm.run_directory().join("staged.json");
    let has_staged = || state.is_file();
    let one_has_begun = || pair.crm.counters().applied + pair.cloud.counters().applied > 0;
    let stages: [(&str, &dyn Fn() -> bool); 2] = [
        ("a page is staged", &has_staged),
        ("a row is loaded", &one_has_begun),
    ];
    for (what, has_come) in stages {
        let mut leg = pair.sluice(&["resume"]).start();
        leg.wait_while_running(what, has_come);
        leg.kill();
    }
    let summary = pair.resume().expect_code(0).json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["counts"]["updated"], 2 * CONTACTS);
    assert_written(&pair.crm, CONTACTS, 2);
    assert_written(&pair.cloud, CONTACTS, 2);
    // Each leg may ask again for the one page that was under way.
    let asked = from.counters().requests.list;
    assert!((PAGES..=PAGES + 3).contains(&asked), "{asked} pages");
}

#[test]
fn a_signal_drains_all_parts_and_one_command_goes_on() {
    const ROWS: u64 = 2_000;
    let (pair, run) = Pair::half_loaded(ROWS);
    run.signal("INT");
    let ended = run.wait().expect_code(5);
    let summary = ended.json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["counts"]["read"], 2 * ROWS);
    assert_eq!(
        ended.stderr.matches("sluice resume").count(),
        1,
        "{}",
        ended.stderr
    );
    let summary = pair.resume().expect_code(0).json();
    assert_eq!(summary["counts"]["updated"], 2 * ROWS);
    assert_written(&pair.crm, ROWS, 1);
    assert_written(&pair.cloud, ROWS, 1);
}

#[test]
fn a_target_that_is_away_does_not_hold_the_other_up_and_is_loaded_later() {
    let from = source("");
    let pair = Pair::new("{}", "{}");
    // A port that nobody listens on until the tenant is back.
    let gone = Tenant::start(scenario("{}")).expect("it starts");
    let (url, port) = (gone.base_url(), gone.addr().port());
    gone.shutdown();
    pair.write_job_to(&stream_of(&from), &url, "");
    let ended = pair.run(&[]).run().expect_code(4);
    let summary = ended.json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["entities"][0]["updated"], CONTACTS);
    assert_eq!(summary["parts"][0]["state"], "finished");
    assert_eq!(summary["parts"][1]["state"], "failed");
    assert!(ended.stderr.contains("sluice: cloud: "), "{}", ended.stderr);
    assert_written(&pair.crm, CONTACTS, 1);

    // The part that is left can be gone on with by itself.
    let back = Tenant::start_on(scenario("{}"), port).expect("it is back");
    let cloud = pair.part("cloud").display().to_string();
    let alone = pair.sluice(&["resume", &cloud, "--output", "json"]).run();
    assert_eq!(alone.expect_code(0).json()["counts"]["updated"], CONTACTS);
    let text = fs::read(pair.crm.run_directory().join("summary.json")).expect("a summary");
    let written: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(written["counts"]["updated"], 2 * CONTACTS);
    assert_eq!(written["state"], "finished");
    let summary = pair.resume().expect_code(0).json();
    assert_eq!(summary["counts"]["updated"], 2 * CONTACTS);
    assert_eq!(back.ledger().applies.len() as u64, CONTACTS);
    assert_written(&pair.crm, CONTACTS, 1);
    assert_eq!(from.counters().requests.list, PAGES);
}

#[test]
fn all_parts_are_retried_verified_and_undone_together() {
    let bodies = "keep_bodies: true";
    let pair = Pair::new(bodies, bodies);
    let before = "contactId,firstName,email,company\n\
                  c-1,Before,b1@example.com,Old\nc-2,Before,b2@example.com,Old\n";
    for bench in [&pair.crm, &pair.cloud] {
        bench.write("before.csv", before);
        let books = ["--run-dir", "before"];
        bench.run("before.csv", &books).run().expect_code(0);
    }
    let csv = "contactId,firstName,email,tier\n\
               c-1,One,one@example.com,gold\nc-2,Two,two@example.com,golden\n";
    pair.crm.write("contacts.csv", csv);
    let strict = ", map: {contactId: contactId, company: {from: tier, lookup: {gold: Gold}}}";
    pair.write_job("{csv: contacts.csv}", strict);
    let summary = pair.run(&["--pre-images"]).run().expect_code(1).json();
    assert_eq!(summary["entities"][0]["updated"], 2);
    assert_eq!(summary["entities"][1]["rejected"], 1);
    let book = pair.part("cloud").join("rejected.csv");
    let text = fs::read_to_string(&book).expect("a book");
    fs::write(&book, text.replace(",golden,", ",gold,")).expect("mended");
    let json = ["--output", "json"];
    let retried = pair.sluice(&["retry"]).arguments(json).run();
    let retried = retried.expect_code(0).json();
    assert_sums(&retried, &["crm", "cloud"]);
    assert_eq!(retried["counts"]["updated"], 4);

    let verified = pair.sluice(&["verify"]).arguments(json).run();
    let verified = verified.expect_code(0).json();
    assert_eq!(verified["exit_code"], 0);
    for (part, name) in ["crm", "cloud"].iter().enumerate() {
        assert_eq!(verified["parts"][part]["name"], *name);
        assert_eq!(verified["parts"][part]["rows"]["same"], 2);
    }
    let undone = pair.sluice(&["undo", "--yes"]).arguments(json).run();
    let undone = undone.expect_code(0).json();
    assert_eq!(undone["parts"][0]["name"], "cloud");
    for part in 0..2 {
        assert_eq!(undone["parts"][part]["undone"], 2, "{undone}");
    }
    assert_eq!(
        pair.crm.field("c-1", "firstName").as_deref(),
        Some("Before")
    );
    assert_eq!(pair.cloud.field("c-2", "company").as_deref(), Some("Old"));
    // A part is a run to every command, also by itself.
    let run = format!("{}/cloud", pair.crm.run_directory().display());
    let verified = pair.sluice(&["verify", &run]).arguments(json).run();
    assert_eq!(verified.expect_code(1).json()["rows"]["different"], 2);
}

#[test]
fn standard_input_is_read_once_for_all_targets() {
    const ROWS: u64 = 500;
    let pair = Pair::new("{}", "{}");
    let input = pair.crm.write("contacts.csv", numbered_csv(ROWS));
    pair.write_job("{csv: '-'}", "");
    let ended = pair.run(&[]).fed_from(&input).run().expect_code(0);
    assert_eq!(ended.json()["counts"]["updated"], 2 * ROWS);
    assert_written(&pair.crm, ROWS, 1);
    assert_written(&pair.cloud, ROWS, 1);
    let planned = pair.sluice(&["run", "job.yaml", "--dry-run", "--output", "json"]);
    let planned = planned.fed_from(&input).run().expect_code(0).json();
    assert_eq!(planned["parts"][0]["to_send"], ROWS);
    assert_eq!(planned["parts"][1]["to_send"], ROWS);
}

#[test]
fn a_file_that_is_not_csv_is_staged_once_with_what_either_map_names() {
    const ROWS: u64 = 200;
    let pair = Pair::new("keep_bodies: true", "keep_bodies: true");
    let lines = (1..=ROWS).map(|number| {
        format!("{{\"contactId\": \"c-{number}\", \"name\": {{\"first\": \"N{number}\"}}}}\n")
    });
    pair.crm.write("contacts.ndjson", lines.collect::<String>());
    let text = |url: &str, map: &str| {
        format!(
            "{{connector: cxone-contacts, base_url: {url}, map: {{contactId: contactId, {map}}}"
        )
    };
    pair.crm.write(
        "job.yaml",
        format!(
            "job: both\nsource: {{ndjson: contacts.ndjson}}\ntargets:\n  - {}, name: crm}}\n  - {}, name: cloud}}\n",
            text(&pair.crm.base_url(), "firstName: name.first"),
            text(&pair.cloud.base_url(), "company: {from: company, default: none}"),
        ),
    );
    let summary = pair.run(&[]).run().expect_code(0).json();
    assert_sums(&summary, &["crm", "cloud"]);
    assert_eq!(summary["counts"]["updated"], 2 * ROWS);
    assert_eq!(pair.crm.field("c-7", "firstName").as_deref(), Some("N7"));
    assert_eq!(pair.cloud.field("c-7", "company").as_deref(), Some("none"));
    for name in ["crm", "cloud"] {
        let staged = pair.part(name).join("staged.csv");
        assert!(fs::symlink_metadata(&staged).expect("staged").is_symlink());
    }
    let verified = pair.sluice(&["verify", "--output", "json"]).run();
    assert_eq!(verified.expect_code(0).json()["exit_code"], 0);
}

#[test]
fn mistakes_are_told_before_anything_is_made() {
    let pair = Pair::new("{}", "{}");
    pair.crm.write("contacts.csv", numbered_csv(3));
    pair.write_job("{csv: contacts.csv}", ", map: {contactId: contactld}");
    let ended = pair.run(&[]).run().expect_code(2);
    assert!(
        ended.stderr.contains("sluice: cloud: job.yaml:6"),
        "{}",
        ended.stderr
    );
    assert!(pair.crm.runs().is_empty());
    pair.write_job("{csv: contacts.csv}", "");
    pair.run(&["--to", "cxone-contacts"]).run().expect_code(2);
    assert_eq!(pair.crm.counters().requests.token, 0);
}

#[test]
fn what_has_changed_since_is_refused_before_any_part_goes_on() {
    const ROWS: u64 = 2_000;
    let (pair, run) = Pair::half_loaded(ROWS);
    run.kill();
    let applied = || (pair.crm.counters().applied, pair.cloud.counters().applied);
    let before = applied();
    pair.write_job("{csv: contacts.csv}", ", map: {contactId: contactId}");
    let refused = pair.resume();
    assert!(
        refused
            .stderr
            .contains("sluice: cloud: the mapping has changed"),
        "{}",
        refused.stderr
    );
    assert_eq!((refused.code, applied()), (Some(2), before));
    pair.write_job("{csv: contacts.csv}", "");
    let summary = pair.resume().expect_code(0).json();
    assert_eq!(summary["counts"]["updated"], 2 * ROWS);
}

#[test]
fn what_changes_at_the_source_follows_in_every_target() {
    let from = source("");
    let pair = Pair::new("keep_bodies: true", "keep_bodies: true");
    pair.write_job(&stream_of(&from), "");
    let mut run = pair
        .run(&["--since", "2025-01-01", "--follow", "200ms"])
        .start();
    run.wait_while_running("the load is done", || {
        let done = pair.crm.runs();
        done.first()
            .is_some_and(|run| run.join("summary.json").is_file())
    });
    from.write("change.csv", "contactId,firstName\nc-7,Seven\n");
    from.run("change.csv", &[]).run().expect_code(0);
    run.wait_while_running("both targets have the change", || {
        [&pair.crm, &pair.cloud]
            .iter()
            .all(|to| to.field("c-7", "firstName").as_deref() == Some("Seven"))
    });
    let asked = from.counters().requests.list;
    run.wait_while_running("some rounds have gone by", || {
        from.counters().requests.list > asked + 3
    });
    run.signal("TERM");
    let ended = run.wait().expect_code(0);
    for line in ended.stdout.lines() {
        let summary: Value = serde_json::from_str(line).expect("a summary a line");
        assert_sums(&summary, &["crm", "cloud"]);
    }
    // The load, and the one round that changed something.
    assert_eq!(pair.crm.runs().len(), 2);
    assert!(pair.crm.runs()[1].join("cloud/summary.json").is_file());
}
