//! A platform's records as the source of a load.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::fs;

use serde_json::Value;
use support::{Bench, CLIENT_ID, CLIENT_SECRET, Sluice, assert_accounted};

const CONTACTS: u64 = 2_050;

/// A platform that has contacts `c-1` to `c-2050`, with further lines of its
/// scenario.
fn source(more: &str) -> Bench {
    Bench::new(&format!(
        "contacts: {{existing: {{numbered: {{prefix: c-, count: {CONTACTS}}}}}}}\n{more}"
    ))
}

/// A job from one to the other, in the target's folder.
fn write_job(from: &Bench, to: &Bench) {
    to.write(
        "job.yaml",
        format!(
            "job: move\n\
             source: {{connector: cxone-contacts, stream: contacts, base_url: {}}}\n\
             target: {{connector: cxone-contacts, base_url: {}}}\n\
             map:\n  contactId: contactId\n  firstName: firstName\n  email: {{from: email, lowercase: true}}\n  \
             company: loyaltyTier\n",
            from.base_url(),
            to.base_url()
        ),
    );
}

fn sluice(bench: &Bench, arguments: &[&str]) -> Sluice {
    bench
        .sluice(arguments)
        .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
        .environment("SLUICE_SOURCE_CLIENT_SECRET", CLIENT_SECRET)
}

/// How often each contact was written in the target.
#[track_caller]
fn assert_all_written(to: &Bench, most_times: u64) {
    let applies: BTreeMap<String, u64> = to
        .ledger()
        .applies
        .iter()
        .map(|(id, times)| (id.clone(), *times))
        .collect();
    assert_eq!(applies.len() as u64, CONTACTS);
    let again: Vec<_> = applies
        .iter()
        .filter(|(_, times)| **times > most_times)
        .collect();
    assert!(again.is_empty(), "{again:?}");
}

fn pages_of(bench: &Bench) -> serde_json::Value {
    bench.books().summary["source"].clone()
}

#[test]
fn every_contact_arrives_once_through_limits_faults_and_short_tokens() {
    let from = source(
        "limits: [{kind: token_bucket, rate: 8, burst: 4}]\n\
         token: {lifetime: 2s}\n\
         faults:\n  - {kind: server_error, ratio: 0.1, status: 503}\n  \
         - {kind: close_before, ratio: 0.05}\n  - {kind: truncated_body, ratio: 0.05}\n  \
         - {kind: not_json, ratio: 0.05, status: 502}\n",
    );
    let to = Bench::new("keep_bodies: true");
    write_job(&from, &to);
    sluice(&to, &["run", "job.yaml"]).run().expect_code(0);
    let books = to.books();
    assert_eq!(
        (books.count("read"), books.count("updated")),
        (CONTACTS, CONTACTS)
    );
    assert_accounted(&books.summary["counts"]);
    assert_all_written(&to, 1);
    let told = pages_of(&to);
    assert_eq!(
        (&told["pages"], &told["rows"]),
        (&21.into(), &CONTACTS.into())
    );
    assert!(told["requests"].as_u64() >= Some(21), "{told}");
    assert!(
        from.counters().undercuts == 0,
        "no stated wait was undercut"
    );
    assert!(
        from.counters().tokens_minted > 1,
        "the token had to be renewed"
    );
    // What is written is what stands there, under the map's names.
    let contact = to.contact("c-7").expect("written");
    assert!(
        contact["email"]
            .as_str()
            .is_some_and(|email| email.contains("@example.com"))
    );
    // Each call stands in the audit, and no body does.
    let audit = fs::read_to_string(to.run_directory().join("audit.ndjson")).expect("an audit");
    let calls = audit
        .lines()
        .filter(|line| line.contains("GET /api/v2/contacts"))
        .count();
    assert_eq!(Some(calls as u64), told["requests"].as_u64());
    assert!(!audit.contains("@example.com"));
}

#[test]
fn a_killed_run_asks_for_the_pages_that_are_left() {
    let from = source("latency: {median: 40ms}");
    let to = Bench::new("latency: {median: 5ms}");
    write_job(&from, &to);
    let mut run = sluice(&to, &["run", "job.yaml", "--concurrency", "4"]).start();
    run.wait_while_running("some pages are staged and some rows loaded", || {
        from.counters().accepted > 6 && to.counters().contacts_written > 100
    });
    run.kill();
    let before = from.counters().accepted;
    assert!(before < 20, "it was killed too late: {before}");
    sluice(&to, &["resume"]).run().expect_code(0);
    // One page may have been under way.
    let asked = from.counters().accepted;
    assert!((21..=22).contains(&asked), "{asked} requests for 21 pages");
    let books = to.books();
    assert_eq!(
        (books.count("read"), books.count("updated")),
        (CONTACTS, CONTACTS)
    );
    // What was under way at the kill may be written again, with the same body.
    assert_all_written(&to, 2);
    let again = to.counters().contacts_written_again;
    assert!(again <= 4 + 20, "{again} contacts were written twice");
    assert_eq!(pages_of(&to)["pages"], 21);
    let audit = fs::read_to_string(to.run_directory().join("audit.ndjson")).expect("readable");
    let mut ids = HashSet::new();
    for line in audit.lines() {
        let call: Value = serde_json::from_str(line).expect("JSON");
        let id = call["request_id"].as_str().expect("an id").to_owned();
        assert!(ids.insert(id), "one id for two calls: {line}");
    }
}

/// The contacts of a list that changes or lies while it is read.
fn listing(more: &str) -> Bench {
    Bench::new(&format!(
        "contacts: {{existing: {{numbered: {{prefix: c-, count: 350}}}}, {more}}}\n"
    ))
}

fn written(to: &Bench) -> usize {
    to.ledger().applies.len()
}

#[test]
fn nothing_is_lost_where_the_list_shifts_under_its_pages() {
    for (change, all) in [
        ("while_listed: [{after_pages: 1, remove: c-5}]", 350),
        ("while_listed: [{after_pages: 2, move_to_end: c-7}]", 350),
        (
            "while_listed: [{after_pages: 1, remove: c-5}, {after_pages: 3, remove: c-6}, \
             {after_pages: 5, move_to_end: c-9}]",
            350,
        ),
        ("told_total: 250", 350),
        ("told_total: 0", 350),
    ] {
        let from = listing(change);
        let to = Bench::new("");
        write_job(&from, &to);
        let ended = sluice(&to, &["run", "job.yaml"]).run().expect_code(0);
        assert_eq!(written(&to), all, "{change}");
        let told = pages_of(&to);
        assert_eq!(told["doubt"], Value::Null, "{change}: {told}");
        assert!(!ended.stderr.contains("may be missing"), "{}", ended.stderr);
        let is_read_again = change.starts_with("while_listed");
        assert_eq!(told["readings"].as_u64() > Some(1), is_read_again, "{told}");
        assert_eq!(ended.stderr.contains("is read again"), is_read_again);
        let has_shrunk = change.contains("remove");
        assert_eq!(
            ended
                .stderr
                .contains("350 records by the source's count, later"),
            has_shrunk
        );
    }
}

#[test]
fn a_list_that_lacks_what_it_counts_is_told() {
    let from = listing("told_total: 360");
    let to = Bench::new("");
    write_job(&from, &to);
    let told = "360 records by the source's count, 350 came";
    sluice(&to, &["run", "job.yaml"])
        .run()
        .expect_code(0)
        .expect_stderr(&["records of the source may be missing", told]);
    assert_eq!(written(&to), 350);
    let doubt = pages_of(&to)["doubt"].to_string();
    assert!(doubt.contains(told), "{doubt}");
}

#[test]
fn an_interrupted_run_says_how_to_go_on_and_does() {
    let from = source("latency: {median: 60ms}");
    let to = Bench::new("");
    write_job(&from, &to);
    let mut run = sluice(&to, &["run", "job.yaml"]).start();
    run.wait_while_running("a few pages came", || from.counters().accepted > 4);
    run.signal("TERM");
    let ended = run.wait().expect_code(5);
    let run_path = to.run_directory();
    let id = run_path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let ended = ended.expect_stderr(&["to go on: sluice resume", &id]);
    assert!(!ended.stderr.contains("--skip"), "{}", ended.stderr);
    let books = to.books();
    assert!(books.count("read") < CONTACTS);
    assert_accounted(&books.summary["counts"]);
    sluice(&to, &["resume"]).run().expect_code(0);
    assert_all_written(&to, 1);
    assert_eq!(pages_of(&to)["pages"], 21);
    // Of a finished run a resume says the same again and asks nobody.
    let asked = from.counters().accepted;
    sluice(&to, &["resume"]).run().expect_code(0);
    assert_eq!(from.counters().accepted, asked);
}

#[test]
fn a_source_that_refuses_ends_the_run_before_a_row() {
    let from = source("");
    let to = Bench::new("");
    write_job(&from, &to);
    to.sluice(&["run", "job.yaml"])
        .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
        .environment("SLUICE_SOURCE_CLIENT_SECRET", "wrong")
        .run()
        .expect_code(4)
        .expect_stderr(&["refused the credentials"]);
    assert_eq!(to.counters().contacts_written, 0);
    // Mistakes of the job are told before anybody is asked.
    for (flags, told) in [
        (&["--set", "source.reigon=x"][..], "did you mean"),
        (&["--since", "yesterday"][..], "write last"),
    ] {
        let ended = sluice(&to, &["run", "job.yaml"]).arguments(flags).run();
        ended.expect_code(2).expect_stderr(&[told]);
    }
    to.write("contacts.csv", "contactId,firstName\nc-1,a\n");
    to.run("contacts.csv", &["--since", "last"])
        .run()
        .expect_code(2)
        .expect_stderr(&["--since", "contacts.csv can't tell"]);
    assert_eq!(from.counters().accepted, 0);
}

#[test]
fn a_plan_reads_rows_only_where_it_may_ask() {
    let from = source("");
    let to = Bench::new("");
    write_job(&from, &to);
    let plan = |flags: &[&str]| {
        let ended = sluice(&to, &["plan", "job.yaml", "--output", "json"])
            .arguments(flags)
            .run();
        ended.expect_code(0).json()
    };
    let offline = plan(&[]);
    assert_eq!(offline["rows"], 0);
    assert!(
        offline["notices"].to_string().contains("--online"),
        "{offline}"
    );
    assert_eq!(from.counters().accepted, 0);
    let online = plan(&["--online"]);
    assert_eq!(online["rows"], CONTACTS);
    assert_eq!(from.counters().accepted, 21);
    assert_eq!(to.counters().contacts_written, 0);
    assert!(to.runs().is_empty());
    // No more is asked for than is wanted.
    sluice(&to, &["run", "job.yaml", "--limit", "150"])
        .run()
        .expect_code(0);
    assert_eq!(from.counters().accepted, 23);
    assert_eq!(to.counters().contacts_written, 150);
}

#[test]
fn only_what_has_changed_is_loaded_where_that_is_asked() {
    let from = source("");
    let to = Bench::new("");
    write_job(&from, &to);
    let run = |flags: &[&str]| {
        sluice(&to, &["run", "job.yaml", "--output", "json"])
            .arguments(flags)
            .run()
            .expect_code(0)
    };
    let none = run(&["--since", "2020-01-01", "--limit", "10"]);
    assert_eq!(none.json()["counts"]["updated"], 10);
    // A run that left rows out is none to go on from.
    let full = run(&["--since", "last"]).expect_stderr(&["all of it is loaded"]);
    assert_eq!(full.json()["counts"]["read"], CONTACTS);
    // Three contacts are changed at the source.
    from.write(
        "change.csv",
        "contactId,firstName\nc-30,Changed\nc-300,Changed\nc-2000,Changed\n",
    );
    from.run("change.csv", &[]).run().expect_code(0);
    let delta = run(&["--since", "last"]);
    let read = delta.json()["counts"]["read"].as_u64().expect("a number");
    assert!((3..100).contains(&read), "{read} rows");
    for id in ["c-30", "c-300", "c-2000"] {
        assert_eq!(to.ledger().applies[id], 2, "{id}");
    }
    // What comes on one page, but isn't all loaded, counts for nothing either.
    from.write("more.csv", "contactId,firstName\nc-40,More\nc-400,More\n");
    from.run("more.csv", &[]).run().expect_code(0);
    run(&["--since", "last", "--limit", "1"]);
    run(&["--since", "last"]);
    for id in ["c-40", "c-400"] {
        assert!(to.ledger().applies[id] >= 2, "{id} was left out for good");
    }
}

#[test]
fn a_source_whose_pages_never_come_whole_ends_the_run_with_the_cause() {
    let from = source("faults: [{kind: oversized_body, ratio: 1, bytes: 200000000}]");
    let to = Bench::new("");
    write_job(&from, &to);
    let ended = sluice(&to, &["run", "job.yaml"]).run().expect_code(4);
    ended.expect_stderr(&["no page that can be read", "larger than"]);
    assert_eq!(to.counters().contacts_written, 0);
    let books = to.books();
    assert_eq!(books.summary["state"], "failed");
    assert!(books.summary["source"]["requests"].as_u64() >= Some(2));
    let memory = books.summary["peak_memory_bytes"].as_u64().expect("told");
    assert!(memory < 150_000_000, "{memory} bytes");
}

#[test]
fn source_and_target_have_credentials_of_their_own() {
    let from = source("clients: [{id: reader, secret: r3ad, scopes: [\"contact:write\"]}]");
    let to = Bench::new("");
    write_job(&from, &to);
    let job = std::fs::read_to_string(to.folder().join("job.yaml")).expect("a job");
    let own =
        "contacts, credentials: {client_id: reader, client_secret: {file: secret.txt}}, base_url";
    to.write("job.yaml", job.replacen("contacts, base_url", own, 1));
    to.write("secret.txt", "r3ad\n");
    let mut run = to
        .sluice(&[
            "run",
            "job.yaml",
            "--max-duration",
            "1s",
            "--max-rate",
            "50/s",
        ])
        .start();
    run.wait_while_running("the source is read", || from.counters().accepted > 2);
    run.wait().expect_code(6);
    // The next leg finds them again.
    to.sluice(&["resume", "--max-rate", "5000/s"])
        .run()
        .expect_code(0);
    assert_all_written(&to, 1);
    let manifest = std::fs::read_to_string(to.run_directory().join("manifest.json")).expect("kept");
    assert!(!manifest.contains("r3ad"), "no secret stands in it");
}

#[test]
fn what_the_target_refused_is_sent_again_without_asking_the_source() {
    let from = source("");
    let to = Bench::new("contacts: {missing: 0.01}");
    write_job(&from, &to);
    sluice(&to, &["run", "job.yaml"]).run().expect_code(1);
    let books = to.books();
    let missing = books.rejected_ids();
    assert!(!missing.is_empty());
    for row in &books.rejected {
        // A record's place in the stream stands for its line.
        assert_eq!(format!("c-{}", row.line()), row.get("contactId"));
        assert!(row.get("updatedAt").starts_with("20"), "verbatim");
    }
    let asked = from.counters().accepted;
    let written = to.counters().contacts_written;
    sluice(&to, &["retry"]).run().expect_code(1);
    assert_eq!(from.counters().accepted, asked);
    assert_eq!(to.counters().contacts_written, written);
    assert_eq!(to.books().rejected_ids(), missing);
}
