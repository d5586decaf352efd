//! The promise of `sluice verify`: every row that the run has applied is looked
//! up and compared, whatever has happened to the tenant since, and nothing is
//! written.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use loadtest::tenant::{RunningTenant, Tenant};
use serde_json::Value;
use support::{
    Bench, CLIENT_ID, CLIENT_SECRET, Ended, RejectedRow, Sluice, fixture, numbered_csv, read_rows,
    scenario,
};

/// A bench whose tenant has taken so many numbered contacts from a run.
fn loaded(scenario: &str, rows: u64) -> Bench {
    let bench = Bench::new(scenario);
    bench.write("contacts.csv", numbered_csv(rows));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    bench
}

fn verify(bench: &Bench, flags: &[&str]) -> Ended {
    let run = bench.run_directory();
    let run = run.display().to_string();
    bench
        .sluice(&["verify", &run, "--output", "json"])
        .arguments(flags)
        .run()
}

#[track_caller]
fn row_count(result: &Value, name: &str) -> u64 {
    let count = result["rows"][name].as_u64();
    count.unwrap_or_else(|| panic!("`{name}` is no count in {result}"))
}

/// Every row of the input stands in one of the counts.
#[track_caller]
fn assert_accounted(result: &Value, read: u64) {
    let names = ["compared", "failed", "not_reached"];
    let compared: u64 = names.iter().map(|name| row_count(result, name)).sum();
    let left_out = result["not_compared"].as_object().expect("an object");
    let left_out: u64 = left_out.values().filter_map(Value::as_u64).sum();
    assert_eq!(compared + left_out, read, "{result}");
    assert_eq!(result["read"].as_u64(), Some(read));
}

fn mismatches(bench: &Bench) -> Vec<RejectedRow> {
    read_rows(&bench.run_directory().join("mismatch.csv"))
}

/// Writes done to the tenant, whatever their kind.
fn writes(bench: &Bench) -> u64 {
    let requests = bench.counters().requests;
    requests.patch + requests.put + requests.create + requests.upsert + requests.bulk
}

/// A change that somebody else makes: another run, whose books lie elsewhere.
fn change_behind_our_back(bench: &Bench, csv: &str, connector: &str) {
    bench.write("others.csv", csv);
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = ["run", "others.csv", "--to", connector, "--set", &base_url];
    bench
        .sluice(&arguments)
        .arguments(["--run-dir", "others"])
        .run()
        .expect_code(0);
}

#[test]
fn a_run_that_nobody_has_touched_is_clean_and_nothing_is_written() {
    let bench = Bench::new("contacts: { missing: 0.03, invalid: 0.03 }");
    bench.write("contacts.csv", numbered_csv(400));
    bench.run("contacts.csv", &[]).run().expect_code(1);
    let books = bench.books();
    let journal = |bench: &Bench| {
        let status = bench.sluice(&["status", "--output", "json"]).run();
        status.expect_code(0).json()
    };
    let (before, writes_before) = (journal(&bench), writes(&bench));
    // The source has rows that the target hasn't, which is no agreement.
    let result = verify(&bench, &[]).expect_code(1).json();
    assert_accounted(&result, 400);
    let applied = books.count("updated");
    assert_eq!(row_count(&result, "compared"), applied);
    assert_eq!(row_count(&result, "same"), applied);
    assert_eq!(result["not_compared"]["rejected"], books.count("rejected"));
    assert_eq!(result["unique_keys"]["source"], 400);
    assert_eq!(result["unique_keys"]["target"], applied);
    assert_eq!(bench.counters().requests.get, applied);
    assert_eq!(writes(&bench), writes_before);
    assert_eq!(journal(&bench), before, "the run's own books have changed");
    assert!(mismatches(&bench).is_empty());
    let text = bench.sluice(&["verify"]).run().expect_code(1);
    let words = ["rows agree with the tenant, and", "rejected by the run"];
    text.expect_stdout(&words);
}

#[test]
fn keys_of_rejected_rows_are_keys_of_the_source_each_once() {
    let bench = Bench::new("{}");
    let text = numbered_csv(5) + "c-1,Again,again@example.com,+49 151 1\n,No key,n@example.com,1\n";
    bench.write("contacts.csv", text);
    let flags = ["--duplicates", "reject"];
    bench.run("contacts.csv", &flags).run().expect_code(1);
    let result = verify(&bench, &[]).expect_code(1).json();
    assert_eq!(row_count(&result, "same"), 5);
    assert_eq!(result["not_compared"]["rejected"], 2);
    // The repeated key counts once, and the row without one is no other's.
    assert_eq!(result["unique_keys"]["source"], 6);
    assert_eq!(result["unique_keys"]["target"], 5);
}

#[test]
fn a_record_changed_behind_our_back_is_named_with_both_values() {
    let bench = loaded("{}", 50);
    let changed = "contactId,email\nc-7,somebody.else@example.com\n";
    change_behind_our_back(&bench, changed, "cxone-contacts");
    let result = verify(&bench, &[]).expect_code(1).json();
    assert_accounted(&result, 50);
    assert_eq!(row_count(&result, "same"), 49);
    assert_eq!(row_count(&result, "different"), 1);
    assert_eq!(result["places"]["/email"], 1);
    assert_eq!(result["unique_keys"]["target"], 50);
    let rows = mismatches(&bench);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.get("contactId"), row.line()), ("c-7", 8));
    assert_eq!(row.get("email"), "person.7@example.com");
    assert_eq!(
        (row.get("_error"), row.get("_field")),
        ("differs", "/email")
    );
    for value in ["person.7@example.com", "somebody.else@example.com"] {
        assert!(row.get("_message").contains(value), "{row:?}");
    }
}

/// New contacts, made by POST.
fn made(rows: u64) -> Bench {
    let bench = Bench::new("{}");
    for connector in ["create-contacts.yaml", "create-contacts-blind.yaml"] {
        let text = fs::read_to_string(fixture("connectors").join(connector)).expect("readable");
        bench.write(connector, text);
    }
    let mut text = String::from("externalId,firstName,email\n");
    for number in 1..=rows {
        writeln!(text, "n-{number},Name {number},n.{number}@example.com").expect("in memory");
    }
    bench.write("new.csv", text);
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = [
        "run",
        "new.csv",
        "--to",
        "create-contacts.yaml",
        "--set",
        &base_url,
    ];
    bench.sluice(&arguments).run().expect_code(0);
    bench
}

fn id_of(bench: &Bench, external_id: &str) -> String {
    let records = bench.records();
    let mut found = records
        .iter()
        .filter(|record| record["externalId"] == external_id);
    let id = found.next().and_then(|record| record["id"].as_str());
    id.expect("a record of that external id").to_owned()
}

#[test]
fn a_record_that_is_gone_and_one_made_twice_are_listed() {
    let bench = made(30);
    let twice = "externalId,firstName,email\nn-3,Name 3,n.3@example.com\n";
    change_behind_our_back(&bench, twice, "create-contacts-blind.yaml");
    bench.remove(&id_of(&bench, "n-9"));
    let result = verify(&bench, &[]).expect_code(1).json();
    assert_accounted(&result, 30);
    assert_eq!(row_count(&result, "same"), 28);
    assert_eq!(row_count(&result, "missing"), 1);
    assert_eq!(row_count(&result, "several"), 1);
    assert_eq!(result["unique_keys"]["target"], 28);
    let rows = mismatches(&bench);
    let errors: Vec<_> = rows
        .iter()
        .map(|row| (row.get("externalId"), row.get("_error")))
        .collect();
    assert_eq!(errors.len(), 2);
    assert!(errors.contains(&("n-3", "several_records")), "{errors:?}");
    assert!(errors.contains(&("n-9", "not_found")), "{errors:?}");
    let mut of_key = rows.iter().filter(|row| row.get("externalId") == "n-3");
    let told = of_key.next().expect("listed").get("_message");
    let records = bench.records();
    let twice = records
        .iter()
        .filter(|record| record["externalId"] == "n-3");
    for id in twice.map(|record| record["id"].as_str().expect("an id")) {
        assert!(told.contains(id), "{told} doesn't name {id}");
    }
}

#[test]
fn of_a_key_the_row_counts_that_was_applied_last() {
    let bench = Bench::new("{}");
    let text = "contactId,email\n\
                c-1,old@example.com\n\
                c-2,two@example.com\n\
                c-1,new@example.com\n";
    bench.write("contacts.csv", text);
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let result = verify(&bench, &[]).expect_code(0).json();
    assert_accounted(&result, 3);
    assert_eq!(row_count(&result, "same"), 2);
    assert_eq!(result["not_compared"]["superseded"], 1);
}

#[test]
fn a_row_that_a_retry_sent_is_compared_as_it_was_sent() {
    let bench = Bench::new("{}");
    let text = "contactId,email\n\
                c-1,one@example.com\n\
                c-3,three@example.com\n\
                ,two@example.com\n\
                c-4,not an address\n";
    bench.write("contacts.csv", text);
    bench.run("contacts.csv", &[]).run().expect_code(1);
    let rejected = bench.run_directory().join("rejected.csv");
    let repaired = fs::read_to_string(&rejected)
        .expect("readable")
        .replace(",two@example.com", "c-3,later@example.com")
        .replace("not an address", "four@example.com");
    fs::write(&rejected, repaired).expect("written");
    bench.sluice(&["retry"]).run().expect_code(0);
    let result = verify(&bench, &[]).expect_code(0).json();
    assert_accounted(&result, 4);
    // The repaired row has taken the key of the third one.
    assert_eq!(row_count(&result, "same"), 3);
    assert_eq!(result["not_compared"]["superseded"], 1);
}

#[test]
fn a_sample_looks_up_as_many_rows_as_it_says() {
    let bench = loaded("{}", 300);
    let result = verify(&bench, &["--sample", "25"]).expect_code(0).json();
    assert_accounted(&result, 300);
    assert_eq!(row_count(&result, "compared"), 25);
    assert_eq!(bench.counters().requests.get, 25);
    let result = verify(&bench, &["--sample", "10%"]).expect_code(0).json();
    assert_accounted(&result, 300);
    assert!(
        (10..=60).contains(&row_count(&result, "compared")),
        "{result}"
    );
}

#[test]
fn it_keeps_to_the_tenants_pace() {
    let bench = loaded(
        "limits: [{ kind: token_bucket, rate: 100, burst: 20 }]",
        200,
    );
    let before = bench.counters();
    let result = verify(&bench, &[]).expect_code(0).json();
    assert_accounted(&result, 200);
    let after = bench.counters();
    let refused = after.throttled - before.throttled;
    assert!(refused <= 15, "{refused} × 429 in 200 look-ups");
    assert!(result["elapsed_s"].as_f64().expect("a number") > 1.0);
}

#[test]
fn an_interrupted_verification_goes_on_where_it_stopped() {
    let bench = loaded("latency: { median: 20ms, sigma: 0.2 }", 600);
    let run = bench.run_directory().display().to_string();
    let flags = ["verify", &run, "--concurrency", "4", "--output", "json"];
    let mut running = bench.sluice(&flags).start();
    running.wait_while_running("some rows are compared", || {
        bench.counters().requests.get > 100
    });
    running.signal("INT");
    let ended = running.wait().expect_code(5);
    let ended = ended.expect_stderr(&["to go on: sluice verify"]);
    let first = ended.json();
    assert_accounted(&first, 600);
    let compared = row_count(&first, "compared");
    assert!((100..600).contains(&compared), "{compared}");
    let looked_up = bench.counters().requests.get;
    let result = verify(&bench, &["--concurrency", "32"])
        .expect_code(0)
        .json();
    assert_accounted(&result, 600);
    assert_eq!(row_count(&result, "same"), 600);
    assert_eq!(result["unique_keys"]["target"], 600);
    assert_eq!(bench.counters().requests.get - looked_up, 600 - compared);
}

#[test]
fn a_killed_verification_keeps_what_it_has_compared() {
    let bench = loaded("latency: { median: 20ms, sigma: 0.2 }", 500);
    let run = bench.run_directory().display().to_string();
    let flags = ["verify", &run, "--concurrency", "4"];
    let mut running = bench.sluice(&flags).start();
    running.wait_while_running("some rows are compared", || {
        bench.counters().requests.get > 250
    });
    running.kill();
    let result = verify(&bench, &[]).expect_code(0).json();
    assert_accounted(&result, 500);
    assert_eq!(row_count(&result, "same"), 500);
    assert_eq!(result["unique_keys"]["target"], 500);
    // What was under way, and what a kill finds uncommitted, is looked up again.
    let again = bench.counters().requests.get - 500;
    assert!(again < 100, "{again} rows were looked up twice");
}

/// The job file of the fixtures, from one platform's pages to another one.
fn migration(target: &Bench, source: &RunningTenant, command: &[&str]) -> Sluice {
    let credentials = [
        ("CXONE_CLIENT_ID", CLIENT_ID),
        ("CXONE_CLIENT_SECRET", CLIENT_SECRET),
        ("GENESYS_CLIENT_ID", CLIENT_ID),
        ("GENESYS_CLIENT_SECRET", CLIENT_SECRET),
    ];
    let from = format!("source.base_url={}", source.base_url());
    let to = format!("base_url={}", target.base_url());
    let mut sluice = target.bare(command).arguments(["--output", "json"]);
    if command.contains(&"job.yaml") {
        sluice = sluice.arguments(["--set", &from, "--set", &to]);
    }
    for (name, value) in credentials {
        sluice = sluice.environment(name, value);
    }
    sluice
}

#[test]
fn what_was_moved_from_one_platform_to_another_is_verified_without_the_source() {
    let yaml = "contacts: { existing: { numbered: { prefix: '', count: 250 } } }";
    let source = Tenant::start(scenario(yaml)).expect("the source starts");
    let target = Bench::new("api: genesys_contacts");
    let job = fs::read_to_string(fixture("jobs").join("cxone-to-genesys.yaml")).expect("the job");
    target.write("job.yaml", job);
    let plan = |flags: &[&str]| {
        let command = [&["plan", "job.yaml", "--online"], flags].concat();
        migration(&target, &source, &command)
            .run()
            .expect_code(0)
            .json()
    };
    let before = plan(&["--all"]);
    assert_eq!(before["online"]["created"], 250, "{before}");
    let notices = before["notices"].to_string();
    assert!(
        notices.contains("isn't there yet; a load makes it"),
        "{notices}"
    );
    assert_eq!(target.counters().applied, 0);
    migration(&target, &source, &["run", "job.yaml"])
        .run()
        .expect_code(0);
    let after = plan(&[]);
    assert_eq!(after["online"]["unchanged"], 200, "{after}");

    let asked = source.counters().requests.list;
    let result = migration(&target, &source, &["verify"])
        .run()
        .expect_code(0)
        .json();
    assert_accounted(&result, 250);
    assert_eq!(row_count(&result, "same"), 250);
    assert_eq!(
        source.counters().requests.list,
        asked,
        "the source was asked again"
    );
}

#[test]
fn what_can_not_be_compared_is_refused_before_anything_is_sent() {
    let bench = Bench::new("{}");
    let connector = fixture("connectors").join("upsert-contacts.yaml");
    let text = "externalId,email\nn-1,one@example.com\n";
    bench.write("new.csv", text);
    let base_url = format!("base_url={}", bench.base_url());
    let to = connector.display().to_string();
    let arguments = ["run", "new.csv", "--to", &to, "--set", &base_url];
    bench.sluice(&arguments).run().expect_code(0);
    let refused = verify(&bench, &[]).expect_code(2);
    refused.expect_stderr(&["no look-up that shows the record", "Add a `look_up`"]);

    let bench = loaded("{}", 3);
    bench.write("contacts.csv", numbered_csv(4));
    verify(&bench, &[])
        .expect_code(2)
        .expect_stderr(&["the input has changed"]);
    assert_eq!(bench.counters().requests.get, 0);
    let nobody: &Path = bench.folder();
    assert!(!nobody.join("mismatch.csv").exists());
}
