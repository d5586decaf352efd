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

/// A job with this text and the input's folder, of which a mistake is told
/// before anything is asked.
#[track_caller]
fn assert_job_refused(text: &str, phrases: &[&str]) {
    let bench = bench();
    let base_url = bench.base_url();
    bench.write("job.yaml", text.replace("BASE_URL", &base_url));
    for command in ["run", "plan"] {
        let ended = bench.sluice(&[command, "job.yaml"]).run();
        assert_mistake(&bench, ended, phrases);
    }
}

#[test]
fn what_a_connector_does_not_have_names_the_jobs_line_and_the_nearest() {
    let target = |lines: &str| format!("source: {{csv: contacts.csv}}\ntarget:\n{lines}");
    for (lines, phrases) in [
        (
            "  connector: cxone-contcts\n",
            ["job.yaml:3:14: ", "cxone-contcts", "`cxone-contacts`"],
        ),
        (
            "  connector: cxone-contacts\n  operation: udpate\n  region: eu\n",
            ["job.yaml:4:14: ", "udpate", "`update`"],
        ),
        (
            "  connector: cxone-contacts\n  operation: zebra\n  region: eu\n",
            ["job.yaml:4:14: ", "zebra", "it has update"],
        ),
        (
            "  connector: cxone-contacts\n\n  regoin: eu\n",
            ["job.yaml:5:3: ", "regoin", "`region`"],
        ),
        (
            "  connector: cxone-contacts\n  region: evil.example/\n",
            ["job.yaml:4:3: ", "`region`", "has to match"],
        ),
        (
            "  connector: cxone-contacts\n",
            ["job.yaml:3:14: ", "needs `region`", "--set region="],
        ),
        (
            "  connector: cxone-contacts\n  base_url: http://example.com\n",
            ["job.yaml:4:3: ", "base_url", "can't be used"],
        ),
        (
            "  connector: genesys-cloud\n  region: eu-centrall-1\n",
            ["job.yaml:4:3: ", "`region`", "did you mean `eu-central-1`?"],
        ),
        (
            "  connector: ./job.yml\n",
            ["job.yaml:3:14: ", "job.yml", "`job.yaml`"],
        ),
    ] {
        assert_job_refused(&target(lines), &phrases);
    }
}

#[test]
fn what_a_source_does_not_have_names_the_jobs_line_and_the_nearest() {
    let source = |lines: &str| {
        format!("source:\n{lines}target: {{connector: cxone-contacts, base_url: BASE_URL}}\n")
    };
    for (lines, phrases) in [
        (
            "  connector: cxone-contact\n",
            ["job.yaml:2:14: ", "cxone-contact`", "`cxone-contacts`"],
        ),
        (
            "  connector: cxone-contacts\n  region: eu\n  stream: contcats\n",
            ["job.yaml:4:11: ", "contcats", "`contacts`"],
        ),
        (
            "  connector: cxone-contacts\n  regoin: eu\n",
            ["job.yaml:3:3: ", "regoin", "`region`"],
        ),
        (
            "  connector: cxone-contacts\n",
            ["job.yaml:2:14: ", "needs `region`", "--set source.region="],
        ),
        (
            "  connector: cxone-contacts\n  region: eu\n  stream: zebra\n",
            ["job.yaml:4:11: ", "zebra", "it has contacts"],
        ),
    ] {
        assert_job_refused(&source(lines), &phrases);
    }
}

#[test]
fn what_a_part_does_not_have_names_its_line_and_the_nearest() {
    let targets = "source: {csv: contacts.csv}\ntargets:\n  - {connector: cxone-contacts, base_url: BASE_URL}\n";
    for (line, phrases) in [
        (
            "{name: b, connector: cxone-contcts}",
            ["job.yaml:4:", "cxone-contcts", "`cxone-contacts`"],
        ),
        (
            "{name: b, connector: cxone-contacts, regoin: eu}",
            ["job.yaml:4:", "regoin", "`region`"],
        ),
        (
            "{name: b, connector: cxone-contacts, region: eu, operation: udpate}",
            ["job.yaml:4:", "udpate", "`update`"],
        ),
    ] {
        assert_job_refused(&format!("{targets}  - {line}\n"), &phrases);
    }
    let entities = "target: {connector: cxone-contacts, base_url: BASE_URL}\nentities:\n  - {name: a, source: {csv: contacts.csv}}\n";
    for (line, phrases) in [
        (
            "{name: b, source: {csv: contacts.csv}, target: {operation: udpate}}",
            ["job.yaml:4:", "udpate", "`update`"],
        ),
        (
            "{name: b, source: {csv: contacts.csv}, target: {regoin: eu}}",
            ["job.yaml:4:", "regoin", "`region`"],
        ),
        (
            "{name: b, source: {connector: cxone-contacts, region: eu, stream: contcats}}",
            ["job.yaml:4:", "contcats", "`contacts`"],
        ),
    ] {
        assert_job_refused(&format!("{entities}  - {line}\n"), &phrases);
    }
}
