//! Tried as a new user would: for every mistake one clear message and the right
//! exit code, before anything is asked of the tenant.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use support::{Bench, Ended, numbered_csv};

/// A bench whose folder holds an input of five contacts.
fn bench() -> Bench {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(5));
    bench
}

/// One message on stderr with these phrases, nothing on stdout, no request.
#[track_caller]
fn assert_mistake(bench: &Bench, ended: Ended, phrases: &[&str]) {
    let ended = ended.expect_code(2).expect_stderr(phrases);
    assert_eq!(ended.stdout, "", "a mistake has no result");
    let messages = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("sluice: ") || line.starts_with("error: "));
    assert_eq!(messages.count(), 1, "one message:\n{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert_eq!(bench.counters().connections_opened, 0, "nothing was asked");
    assert!(bench.runs().is_empty(), "no run was made");
}

/// A run of an input with this text is refused.
#[track_caller]
fn assert_input_refused(text: &str, phrases: &[&str]) {
    let bench = bench();
    bench.write("input.csv", text);
    let ended = bench.run("input.csv", &[]).run();
    assert_mistake(&bench, ended, phrases);
    let ended = bench.plan("input.csv", &[]).run();
    assert_mistake(&bench, ended, phrases);
}

#[test]
fn a_wrong_flag_names_the_right_one() {
    let bench = bench();
    let ended = bench.run("contacts.csv", &["--max-rte", "5/s"]).run();
    assert_mistake(&bench, ended, &["--max-rte", "--max-rate"]);
}

#[test]
fn a_wrong_value_says_how_to_write_it() {
    for (flag, value, phrase) in [
        ("--max-rate", "fast", "250/s"),
        ("--concurrency", "0", "auto"),
        ("--share", "200", "%"),
        ("--max-errors", "some", "%"),
        ("--max-duration", "long", "2h"),
        ("--duplicates", "middle", "first"),
        ("--delimiter", "ab", "tab"),
    ] {
        let bench = bench();
        let ended = bench.run("contacts.csv", &[flag, value]).run();
        assert_mistake(&bench, ended, &[flag, value, phrase]);
    }
}

#[test]
fn an_unknown_command_is_told() {
    let bench = bench();
    assert_mistake(&bench, bench.bare(&["rnu"]).run(), &["rnu", "run"]);
}

#[test]
fn a_missing_file_names_the_nearest() {
    let bench = bench();
    let ended = bench.run("contact.csv", &[]).run();
    assert_mistake(&bench, ended, &["contact.csv", "contacts.csv"]);
}

#[test]
fn an_unknown_column_names_the_nearest() {
    assert_input_refused(
        "contactId,frstName\nc-1,Ann\n",
        &["frstName", "did you mean `firstName`"],
    );
}

#[test]
fn a_missing_key_column_names_the_nearest() {
    assert_input_refused(
        "contct_id,firstName\nc-1,Ann\n",
        &["contct_id", "`contactId`"],
    );
}

#[test]
fn a_duplicate_header_names_both_columns() {
    assert_input_refused(
        "contactId,firstName,email,firstName\nc-1,a,b@example.com,c\n",
        &["firstName", "columns 2 and 4"],
    );
}

#[test]
fn an_empty_file_is_told() {
    assert_input_refused("", &["input.csv", "empty"]);
    assert_input_refused("\u{feff}", &["input.csv", "empty"]);
}

#[test]
fn no_connector_says_how_to_name_one() {
    let bench = bench();
    let ended = bench.sluice(&["run", "contacts.csv"]).run();
    assert_mistake(&bench, ended, &["--to", "connectors list"]);
}

#[test]
fn an_unknown_connector_names_the_nearest() {
    let bench = bench();
    let flags = ["run", "contacts.csv", "--to", "cxone-contcts"];
    let ended = bench.sluice(&flags).run();
    assert_mistake(&bench, ended, &["cxone-contcts", "`cxone-contacts`"]);
}

#[test]
fn a_missing_or_unknown_variable_is_named() {
    let bench = bench();
    let to = ["run", "contacts.csv", "--to", "cxone-contacts"];
    let set = |value| bench.sluice(&to).arguments(["--set", value]).run();
    assert_mistake(&bench, bench.sluice(&to).run(), &["region", "--set"]);
    assert_mistake(&bench, set("regoin=x"), &["regoin", "`region`"]);
    assert_mistake(&bench, set("region"), &["--set KEY=VALUE"]);
    assert_mistake(&bench, set("region=evil.example/"), &["region"]);
}

#[test]
fn plain_http_is_for_loopback_alone() {
    let bench = bench();
    for host in [
        "http://example.com",
        "http://10.0.0.1:8080",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
    ] {
        let base_url = format!("base_url={host}");
        let ended = bench
            .sluice(&["run", "contacts.csv", "--to", "cxone-contacts"])
            .arguments(["--set", &base_url])
            .run();
        assert_mistake(&bench, ended, &["https://", "loopback"]);
    }
}

#[test]
fn a_job_file_with_an_unknown_key_names_line_and_nearest() {
    let bench = bench();
    bench.write(
        "job.yaml",
        "source: {csv: contacts.csv}\ntarget: {connector: cxone-contacts, region: x}\nmpa: {}\n",
    );
    let ended = bench.sluice(&["run", "job.yaml"]).run();
    assert_mistake(&bench, ended, &["job.yaml:3", "mpa", "`map`"]);
}

#[test]
fn a_closed_port_is_4_with_the_cause_and_the_run_can_go_on() {
    let bench = bench();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let base_url = format!("base_url=http://{address}");
    let ended = bench
        .sluice(&["run", "contacts.csv", "--to", "cxone-contacts"])
        .arguments(["--set", &base_url])
        .run()
        .expect_code(4)
        .expect_stderr(&["refused", &address.to_string(), "sluice resume"]);
    assert!(ended.took < Duration::from_secs(30), "{:?}", ended.took);
    assert_eq!(ended.stderr.matches("refused").count(), 1, "told once");
    assert_eq!(bench.books().count("not_reached"), 5);
}
