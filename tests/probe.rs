//! `sluice probe` over real sockets: it names the kind of limit and its
//! figures, never undercuts a wait, keeps to its bounds, and leaves a report
//! and a profile behind.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::{Bench, numbered_csv};

fn probe(bench: &Bench, flags: &[&str]) -> support::Sluice {
    let base_url = format!("base_url={}", bench.base_url());
    bench
        .sluice(&["probe", "--to", "cxone-contacts", "--set", &base_url])
        .arguments(flags)
}

/// Probes a tenant, and holds the finding to what is true of every probe.
#[track_caller]
fn found(yaml: &str, max_requests: u64) -> Value {
    let bench = Bench::new(yaml);
    let most = max_requests.to_string();
    let ended = probe(
        &bench,
        &[
            "--output",
            "json",
            "--rows",
            "100000",
            "--max-requests",
            &most,
        ],
    )
    .run()
    .expect_code(0);
    let finding = ended.json();
    let counters = bench.counters();
    assert_eq!(counters.undercuts, 0, "{:?}", counters.undercuts_by_limit);
    assert_eq!(counters.applied, 0, "a probe only reads");
    // The other read, too, once the limit is known.
    let asked = counters.requests.list + counters.requests.get;
    assert_eq!(finding["requests"], asked);
    assert_eq!(finding["throttled"], counters.throttled);
    assert!(asked <= max_requests);
    assert_is_private(
        Path::new(finding["report"].as_str().expect("a path")),
        bench.folder(),
    );
    if finding["confidence"] != "low" {
        let profiles = fs::read(bench.folder().join("runs/limits.json")).expect("a profile");
        let profiles: Value = serde_json::from_slice(&profiles).expect("JSON");
        let profile = &profiles["limits"][0];
        assert_eq!(profile["found_by"], "probe");
        assert_eq!(profile["key"]["endpoint"], "GET /api/v2/contacts");
        assert_eq!(profile["limit"]["kind"], finding["kind"]);
    }
    finding
}

fn assert_is_private(page: &Path, folder: &Path) {
    let page = folder.join(page);
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&page), 0o600);
    assert_eq!(mode(page.parent().expect("a folder")), 0o700);
    let text = fs::read_to_string(&page).expect("a page");
    assert!(text.contains("<svg"), "there is a drawing");
    for from_elsewhere in ["src=", "href=", "@import", "url("] {
        assert!(
            !text.contains(from_elsewhere),
            "the page loads {from_elsewhere}"
        );
    }
    assert!(page.with_extension("json").is_file());
}

#[track_caller]
fn assert_near(finding: &Value, name: &str, truth: f64, off: f64) {
    let value = finding[name].as_f64();
    let is_near = value.is_some_and(|value| (value / truth - 1.0).abs() <= off);
    assert!(is_near, "{name} isn't {truth}: {finding:#}");
}

#[test]
fn a_bucket_of_50_a_second() {
    let finding = found(
        "{ limits: [{ kind: token_bucket, rate: 50, burst: 20 }], latency: { median: 20ms, sigma: 0.2 } }",
        900,
    );
    assert_eq!(finding["kind"], "token_bucket", "{finding:#}");
    assert_near(&finding, "rate_per_s", 50.0, 0.05);
    assert_near(&finding, "burst", 20.0, 0.10);
    assert_eq!(finding["retry_after"]["honest"], "honest");
    assert_eq!(finding["forecast"]["rows"], 100_000);
    assert!(
        finding["latency"]
            .as_array()
            .is_some_and(|steps| !steps.is_empty())
    );
}

#[test]
fn a_window_of_60_in_three_seconds() {
    let finding = found(
        "{ limits: [{ kind: fixed_window, requests: 60, window: 3s }], latency: { median: 20ms, sigma: 0.2 } }",
        520,
    );
    assert_eq!(finding["kind"], "fixed_window", "{finding:#}");
    assert_near(&finding, "rate_per_s", 20.0, 0.05);
    assert_near(&finding, "burst", 60.0, 0.10);
    assert_near(&finding, "window_s", 3.0, 0.10);
}

#[test]
fn a_cap_of_16_at_once() {
    let finding = found(
        "{ limits: [{ kind: concurrency, cap: 16 }], retry_after: { form: none }, latency: { median: 60ms, sigma: 0.2 } }",
        1500,
    );
    assert_eq!(finding["kind"], "concurrency_cap", "{finding:#}");
    assert_eq!(finding["concurrency_cap"], 16);
    assert_eq!(finding["retry_after"]["honest"], "not_told");
}

#[test]
fn a_write_needs_a_yes_and_then_goes_over_different_records() {
    let bench = Bench::new("limits: [{ kind: token_bucket, rate: 200, burst: 40 }]");
    bench.write("contacts.csv", numbered_csv(50));
    let base_url = format!("base_url={}", bench.base_url());
    let command = |flags: &[&str]| {
        bench
            .sluice(&[
                "probe",
                "contacts.csv",
                "--to",
                "cxone-contacts",
                "--set",
                &base_url,
            ])
            .arguments(flags)
            .run()
    };
    command(&["--write"])
        .expect_code(2)
        .expect_stderr(&["--yes"]);
    assert_eq!(bench.counters().requests.patch, 0, "nothing was sent");
    let ended = command(&[
        "--write",
        "--yes",
        "--max-requests",
        "60",
        "--output",
        "json",
    ]);
    let finding = ended.json();
    let counters = bench.counters();
    assert_eq!(finding["requests"], counters.requests.patch);
    assert_eq!(finding["endpoint"], "update");
    assert!(
        counters.contacts_written >= 40,
        "{}",
        counters.contacts_written
    );
}

#[test]
fn what_was_found_is_told_when_it_is_interrupted() {
    let bench = Bench::new("{ limits: [{ kind: fixed_window, requests: 30, window: 60s }] }");
    let mut running = probe(&bench, &[]).start();
    running.wait_while_running("something was refused", || bench.counters().throttled > 0);
    running.signal("INT");
    running
        .wait()
        .expect_code(5)
        .expect_stdout(&["Ended early: it was interrupted", "not sure"]);
}

#[test]
fn a_tenant_without_such_a_read_is_told_and_so_is_a_connector_that_names_none() {
    let bench = Bench::new("{}");
    let text = bench
        .sluice(&["connectors", "show", "cxone-contacts"])
        .run()
        .stdout;
    bench.write(
        "elsewhere.yaml",
        text.replace("path: /api/v2/contacts\n", "path: /api/v2/others\n"),
    );
    let start = text.find("\nprobe:").expect("it names a read");
    let end = start
        + 1
        + text[start + 1..]
            .find("\n\n")
            .expect("a blank line follows");
    bench.write(
        "nothing.yaml",
        format!("{}{}", &text[..start], &text[end..]),
    );
    let base_url = format!("base_url={}", bench.base_url());
    let command = |file: &str| {
        bench
            .sluice(&["probe", "--to", file, "--set", &base_url])
            .run()
    };
    command("./elsewhere.yaml")
        .expect_code(4)
        .expect_stderr(&["status 404", "under `probe`"]);
    command("./nothing.yaml")
        .expect_code(2)
        .expect_stderr(&["names no read", "--write"]);
}
