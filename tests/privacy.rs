//! The promise of privacy: no secret in any file or output of a run, personal
//! data only in the run's directory, and that for its owner alone.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use loadtest::tenant::Tenant;
use support::{Bench, CLIENT_SECRET, Ended, numbered_csv};

/// `demo:demo-secret`, as the Authorization header carries it.
const BASIC: &str = "ZGVtbzpkZW1vLXNlY3JldA==";

/// A raw exchange of one request with a tenant.
fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the tenant answers");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply in UTF-8");
    reply
}

/// The first token that a tenant of this scenario gives out. Tokens come from
/// the scenario's seed, so a twin of the tenant gives out the same.
fn first_token(bench: &Bench) -> String {
    let twin = Tenant::start(bench.scenario.clone()).expect("the twin starts");
    let form = "grant_type=client_credentials";
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: twin\r\nConnection: close\r\n\
         Authorization: Basic {BASIC}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let reply = exchange(&twin.addr().to_string(), &request);
    let body = reply.split("\r\n\r\n").nth(1).expect("a body");
    let value: serde_json::Value = serde_json::from_str(body).expect("JSON");
    value["access_token"].as_str().expect("a token").to_owned()
}

/// The token is the one that the run used: the run's own tenant knows it.
#[track_caller]
fn assert_token_was_used(bench: &Bench, token: &str) {
    let request = format!(
        "GET /api/v2/contacts/c-1 HTTP/1.1\r\nHost: tenant\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    let address = bench.base_url().replace("http://", "");
    let reply = exchange(&address, &request);
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    haystack.windows(needle.len()).any(|part| part == needle)
}

/// No file of the folder and neither output holds a secret.
#[track_caller]
fn assert_no_secret(directory: &Path, ended: &Ended, secrets: &[&str]) {
    let mut files = 0;
    for entry in fs::read_dir(directory).expect("the run's directory") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("a file of the run");
        for secret in secrets {
            assert!(
                !holds(&bytes, secret),
                "{} holds `{secret}`",
                path.display()
            );
        }
        files += 1;
    }
    assert!(files >= 6, "the run's files are there");
    for secret in secrets {
        assert!(!ended.stdout.contains(secret), "stdout holds `{secret}`");
        assert!(!ended.stderr.contains(secret), "stderr holds `{secret}`");
    }
}

#[test]
fn no_file_and_no_output_holds_the_secret_or_the_token() {
    for log_format in ["text", "json"] {
        let bench = Bench::new("contacts: { missing: 0.05, invalid: 0.05 }");
        bench.write("contacts.csv", numbered_csv(300));
        let flags = ["--verbose", "--log-format", log_format];
        let ended = bench.run("contacts.csv", &flags).run().expect_code(1);
        let token = first_token(&bench);
        assert_token_was_used(&bench, &token);
        let secrets = [CLIENT_SECRET, BASIC, token.as_str(), "Bearer "];
        assert_no_secret(&bench.run_directory(), &ended, &secrets);
    }
}

#[test]
fn a_failed_run_holds_no_secret_either() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(10));
    let ended = bench
        .run("contacts.csv", &["--verbose"])
        .environment("SLUICE_CLIENT_SECRET", "hush-hush-hush")
        .run()
        .expect_code(4);
    assert_no_secret(&bench.run_directory(), &ended, &["hush-hush-hush"]);
}

#[test]
fn a_secret_of_a_job_file_is_refused_and_not_repeated() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(10));
    bench.write(
        "job.yaml",
        "source: {csv: contacts.csv}\ntarget: {connector: cxone-contacts, region: x}\n\
         credentials: {client_id: demo, client_secret: hush-hush-hush}\n",
    );
    let ended = bench.sluice(&["run", "job.yaml"]).run();
    let ended = ended.expect_code(2).expect_stderr(&["job.yaml:3"]);
    assert!(!ended.stderr.contains("hush-hush-hush"), "{}", ended.stderr);
}

#[test]
fn the_runs_directory_is_its_owners_alone() {
    let bench = Bench::new("contacts: { missing: 0.05 }");
    let input = bench.write("contacts.csv", numbered_csv(100));
    bench.run("-", &[]).fed_from(&input).run().expect_code(1);
    let directory = bench.run_directory();
    let mode = |path: &Path| {
        let metadata = fs::metadata(path).expect("the file is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&directory), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).expect("the run's directory") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "the mode of {}", path.display());
        names.push(
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
        );
    }
    for name in [
        "manifest.json",
        "journal.db",
        "rejected.csv",
        "missing.csv",
        "unknown.csv",
        "audit.ndjson",
        "summary.json",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "there is no {name}"
        );
    }
}

#[test]
fn personal_data_stands_in_no_log_and_no_report() {
    let bench = Bench::new("contacts: { missing: 0.05, invalid: 0.05 }");
    bench.write("contacts.csv", numbered_csv(200));
    let flags = ["--verbose", "--output", "json"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(1);
    let directory = bench.run_directory();
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect("readable");
    let texts = [
        ("stdout", ended.stdout),
        ("stderr", ended.stderr),
        ("summary.json", read("summary.json")),
        ("manifest.json", read("manifest.json")),
        ("audit.ndjson", read("audit.ndjson")),
    ];
    for (name, text) in texts {
        for personal in ["@example.com", "+49 151", "Name 1"] {
            assert!(!text.contains(personal), "{name} holds `{personal}`");
        }
    }
}

#[test]
fn the_audit_has_a_line_for_every_call() {
    let bench = Bench::new("faults: [ { kind: server_error, ratio: 0.1 } ]");
    bench.write("contacts.csv", numbered_csv(200));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let text = fs::read_to_string(bench.run_directory().join("audit.ndjson")).expect("readable");
    assert_eq!(text.lines().count() as u64, bench.counters().requests.patch);
    for line in text.lines() {
        let call: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for name in [
            "request_id",
            "endpoint",
            "status",
            "duration_us",
            "rows",
            "attempt",
        ] {
            assert!(!call[name].is_null(), "there is no `{name}` in {line}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_leaves_no_core_file() {
    let bench = Bench::new("limits: [{ kind: token_bucket, rate: 20, burst: 5 }]");
    bench.write("contacts.csv", numbered_csv(10_000));
    let mut run = bench.run("contacts.csv", &[]).start();
    run.wait_while_running("rows are loaded", || bench.counters().applied > 5);
    let limits = fs::read_to_string(format!("/proc/{}/limits", run.id())).expect("readable");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .expect("told");
    let bounds: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(bounds, ["0", "0"], "{core}");
    run.signal("INT");
    run.wait().expect_code(5);
}
