//! The life of a token: refreshed ahead, minted once in a storm of 401s, and
//! wrong credentials told in seconds, before the first row.

mod support;

use std::time::Duration;

use support::{Bench, CLIENT_SECRET, assert_accounted, numbered_csv};

#[test]
fn a_token_of_three_seconds_revoked_once_loses_no_row() {
    let bench = Bench::new(
        "{ token: { lifetime: 3s, revoke_after_requests: [700] }, latency: { median: 16ms } }",
    );
    bench.write("contacts.csv", numbered_csv(3_200));
    let flags = ["--concurrency", "8"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(0);
    let counters = bench.counters();
    assert_eq!(counters.contacts_written, 3_200);
    assert_eq!(bench.books().count("updated"), 3_200);
    // One for each 2.7 s, one for the revocation, one more for good measure.
    let lives = ended.took.as_secs() / 2;
    assert!(ended.took > Duration::from_secs(4), "the token must expire");
    assert!(
        counters.requests.token <= lives + 2,
        "{} token requests in {:?}",
        counters.requests.token,
        ended.took
    );
    assert_eq!(counters.token_requests_refused, 0);
    // Only the revocation is met unprepared: at most what was under way.
    assert!(counters.unauthorized <= 8, "{}", counters.unauthorized);
}

#[test]
fn a_storm_of_401s_mints_once() {
    // How many requests meet a revocation before the first 401 is back is a
    // matter of a fraction of a millisecond; often several do, now and then
    // one. Every load must hold, and at least one of them must be a storm.
    let met_a_storm = (0..10).any(|_| refusals_of_one_revocation() >= 2);
    assert!(met_a_storm, "there was no storm");
}

/// Loads into a tenant that revokes the token once; how many requests it
/// refused for it.
#[track_caller]
fn refusals_of_one_revocation() -> u64 {
    let bench =
        Bench::new("{ token: { revoke_after_requests: [200] }, latency: { median: 20ms } }");
    bench.write("contacts.csv", numbered_csv(600));
    let flags = ["--concurrency", "32"];
    bench.run("contacts.csv", &flags).run().expect_code(0);
    let counters = bench.counters();
    assert_eq!(counters.tokens_minted, 2, "one at the start, one after it");
    assert_eq!(counters.contacts_written, 600);
    assert_eq!(counters.contacts_written_again, 0);
    counters.unauthorized
}

#[test]
fn tokens_are_counted_over_all_legs() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(400));
    let flags = ["--concurrency", "2", "--max-duration", "1s"];
    bench.run("contacts.csv", &flags).run().expect_code(6);
    bench.resume().expect_code(0);
    let minted = bench.counters().tokens_minted;
    assert_eq!(minted, 2, "one for each leg");
    assert_eq!(bench.books().summary["tokens_minted"], minted);
}

#[test]
fn a_token_reply_without_a_lifetime_is_believed_until_it_is_refused() {
    let bench =
        Bench::new("{ token: { lifetime: 1s, omit_expires_in: true }, latency: { median: 16ms } }");
    bench.write("contacts.csv", numbered_csv(1_000));
    let flags = ["--concurrency", "8"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(0);
    let counters = bench.counters();
    assert_eq!(counters.contacts_written, 1_000);
    let lives = ended.took.as_secs() + 2;
    assert!(
        counters.tokens_minted <= lives,
        "{}",
        counters.tokens_minted
    );
}

#[test]
fn a_token_endpoint_that_fails_at_first_is_asked_again() {
    let bench = Bench::new(
        "faults: [ { kind: server_error, status: 503, ratio: 1, until: 1s, on: token } ]",
    );
    bench.write("contacts.csv", numbered_csv(20));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 20);
}

#[test]
fn a_wrong_secret_is_4_in_seconds_before_the_first_row() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(50));
    let ended = bench
        .run("contacts.csv", &[])
        .environment("SLUICE_CLIENT_SECRET", "wrong-hush-hush")
        .run()
        .expect_code(4)
        .expect_stderr(&["client", "secret"]);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert!(!ended.stderr.contains("wrong-hush-hush"));
    let requests = bench.counters().requests;
    assert_eq!(requests.patch, 0, "no row was sent");
    assert!(requests.token <= 2, "{} token requests", requests.token);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.summary["state"], "failed");
    assert_eq!(books.count("not_reached"), 50);

    // With the right one the run goes on.
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 50);
}

#[test]
fn a_missing_scope_is_4_and_says_what_to_check() {
    let bench =
        Bench::new("clients: [{ id: demo, secret: demo-secret, scopes: [\"contact:read\"] }]");
    bench.write("contacts.csv", numbered_csv(50));
    let ended = bench.run("contacts.csv", &[]).run();
    let ended = ended.expect_code(4).expect_stderr(&["check the scope"]);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert_eq!(bench.counters().requests.patch, 0);
}

/// Nothing was asked of the tenant yet, so it is the configuration: 2.
#[test]
fn a_missing_variable_is_2_and_named() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(5));
    for variable in ["SLUICE_CLIENT_ID", "SLUICE_CLIENT_SECRET"] {
        bench
            .run("contacts.csv", &[])
            .without(variable)
            .run()
            .expect_code(2)
            .expect_stderr(&[variable]);
    }
    assert!(bench.runs().is_empty(), "no run was made");
    assert_eq!(bench.counters().connections_opened, 0);
}

#[test]
fn credentials_can_come_from_a_private_file_and_not_from_a_shared_one() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(5));
    let text = format!("client_id: demo\nclient_secret: {CLIENT_SECRET}\n");
    let file = bench.write("credentials.yaml", text);
    let with_file = || {
        bench
            .run("contacts.csv", &["--credentials", "credentials.yaml"])
            .without("SLUICE_CLIENT_ID")
            .without("SLUICE_CLIENT_SECRET")
            .run()
    };
    let chmod = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("chmod");
    };
    chmod(0o644);
    with_file()
        .expect_code(2)
        .expect_stderr(&["credentials.yaml", "chmod 600"]);
    chmod(0o600);
    with_file().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 5);
}
