//! Each platform's stream as the source of a load.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::support::Sluice;
use super::{Bench, bench_of, counts, kept, load};

/// Contacts that are moved.
const CONTACTS: u64 = 450;

fn keys() -> BTreeSet<String> {
    (1..=CONTACTS).map(|number| format!("c-{number}")).collect()
}

/// A platform that has been filled by its own connector.
fn filled(connector: &str, scenario: &str, flags: &[&str]) -> Bench {
    let bench = bench_of(connector, scenario);
    let mut text = String::from("externalId,firstName\n");
    for number in 1..=CONTACTS {
        writeln!(text, "c-{number},Ann {number}").expect("writing to memory doesn't fail");
    }
    bench.write("contacts.csv", text);
    load(&bench, "contacts.csv", flags).expect_code(0);
    bench
}

/// `sluice` with credentials of both sides.
fn moving(bench: &Bench, arguments: &[&str]) -> Sluice {
    let mut command = bench.sluice(arguments);
    for side in ["SLUICE", "SLUICE_SOURCE"] {
        for (name, value) in [
            ("CLIENT_ID", "demo"),
            ("CLIENT_SECRET", "demo-secret"),
            ("USERNAME", "demo-key"),
            ("PASSWORD", "demo-key-secret"),
        ] {
            command = command.environment(&format!("{side}_{name}"), value);
        }
    }
    command.arguments(["--output", "json"])
}

const TROUBLE: &str = "limits: [{ kind: token_bucket, rate: 40, burst: 4 }]\ntoken: { lifetime: 1s }\n\
     faults: [{ kind: server_error, ratio: 0.1, status: 503 }, { kind: close_before, ratio: 0.1 }, \
     { kind: truncated_body, ratio: 0.1 }]\n";

#[test]
fn a_scan_of_external_contacts_fills_an_address_book() {
    let from = filled(
        "genesys-cloud",
        &format!("api: genesys_cloud\n{TROUBLE}"),
        &[],
    );
    let to = bench_of("cxone", "api: cxone\nbatches: { shuffled: true }");
    to.write(
        "job.yaml",
        format!(
            "job: move\nsource: {{connector: genesys-cloud, stream: contacts, base_url: {}}}\n\
             target: {{connector: cxone, base_url: {}, address_book: \"7\"}}\n\
             map: {{externalId: externalId, firstName: firstName}}\n",
            from.base_url(),
            to.base_url()
        ),
    );
    let asked_before = from.counters().requests.list;
    let ended = moving(&to, &["run", "job.yaml"]).run().expect_code(0);
    assert_eq!(counts(&ended)["created"], json!(CONTACTS));
    assert_eq!(kept(&to, "/externalId"), keys());
    let told = &to.books().summary["source"];
    assert_eq!(
        (&told["pages"], &told["rows"]),
        (&json!(3), &json!(CONTACTS))
    );
    assert!(from.counters().requests.list > asked_before);
    assert_eq!(from.counters().undercuts, 0);
}

#[test]
fn an_address_book_whose_host_the_platform_tells_fills_external_contacts() {
    let from = filled(
        "cxone",
        &format!("api: cxone\n{TROUBLE}"),
        &["--set", "address_book=7"],
    );
    let to = bench_of("genesys-cloud", "api: genesys_cloud");
    let url = from.base_url();
    let path = "src/connector/builtin/cxone.yaml";
    let text = std::fs::read_to_string(path).expect("a built-in connector");
    to.write(
        "from.yaml",
        text.replace("https://cxone.niceincontact.com", &url),
    );
    to.write(
        "job.yaml",
        format!(
            "job: move\n\
             source: {{connector: ./from.yaml, stream: dynamic_entries, tenant_id: t-1, address_book: \"7\"}}\n\
             target: {{connector: genesys-cloud, base_url: {}}}\n\
             map: {{externalId: externalId, firstName: firstName}}\n",
            to.base_url()
        ),
    );
    // A plan that may not ask doesn't.
    let accepted = from.counters().accepted;
    let plan = moving(&to, &["plan", "job.yaml"]).run().expect_code(0);
    assert_eq!(plan.json()["rows"], 0);
    assert_eq!(from.counters().accepted, accepted);
    // The next leg asks for the address again: no leg trusts what an earlier one was told.
    let mut run = moving(&to, &["run", "job.yaml", "--max-rate", "20/s"]).start();
    run.wait_while_running("a page came, and rows are sent", || {
        from.counters().accepted > accepted && to.counters().applied > 20
    });
    run.kill();
    let ended = moving(&to, &["resume"]).run().expect_code(0);
    assert_eq!(counts(&ended)["read"], json!(CONTACTS));
    assert_eq!(kept(&to, "/externalIds/0/value"), keys());
    assert_eq!(to.books().summary["source"]["pages"], 5);
}

/// Contacts of a platform that wants user and password with each request.
const BASIC: &str = r#"name: by-password
title: Contacts behind a user's password
base_url: https://api.example.com
auth: {grant: basic}
operations:
  update:
    method: PATCH
    path: /api/v2/contacts/{contactId}
    key: contactId
    effect: updated
    fields: {firstName: {}}
    replies: [{status: 401, class: refresh_token}]
streams:
  contacts:
    path: /api/v2/contacts
    records: /contacts
    pages: {by: offset, parameter: offset, size: {parameter: limit, value: 100}, total: /totalRecords}
    key: contactId
    fields: {contactId: /contactId, firstName: /firstName}
"#;

#[test]
fn user_and_password_go_along_with_each_request_where_no_token_is_given_out() {
    let scenario = "token: { basic: true }\n\
        contacts: { existing: { numbered: { prefix: c-, count: 450 } } }\n";
    let (from, to) = (Bench::new(scenario), Bench::new(scenario));
    to.write("by-password.yaml", BASIC);
    to.write(
        "job.yaml",
        format!(
            "job: move\nsource: {{connector: ./by-password.yaml, base_url: {}}}\n\
             target: {{connector: ./by-password.yaml, base_url: {}}}\n",
            from.base_url(),
            to.base_url()
        ),
    );
    for side in ["SLUICE", "SLUICE_SOURCE"] {
        let ended = moving(&to, &["run", "job.yaml"])
            .environment(&format!("{side}_CLIENT_SECRET"), "wrong")
            .run();
        ended.expect_code(4);
    }
    assert_eq!(to.counters().applied, 0);
    let ended = moving(&to, &["run", "job.yaml"]).run().expect_code(0);
    assert_eq!(counts(&ended)["updated"], json!(CONTACTS));
    assert!(to.ledger().applies.values().all(|times| *times == 1));
    let asked_for_tokens = from.counters().requests.token + to.counters().requests.token;
    assert_eq!(asked_for_tokens, 0);
}
