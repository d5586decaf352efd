//! CXone: access keys, address books, customers' custom fields.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::{bench_of, counts, ids, kept, load, rejected};

#[test]
fn entries_of_an_address_book_are_made_and_changed_and_each_has_its_own_result() {
    let bench = bench_of(
        "cxone",
        "api: cxone\ncontacts: { invalid: 0.5 }\nbatches: { cap: 60, over_cap: 400, shuffled: true }\ntoken: { lifetime: 2s }\n\
         retry_after: { form: none }\nlimits: [{ kind: token_bucket, rate: 20, burst: 4 }]\n",
    );
    let mut text = String::from("externalId,firstName,email,phone\n");
    for number in 1..=300 {
        writeln!(
            text,
            "e-{number},Ann,p.{number}@example.com,+4930123{number:04}"
        )
        .expect("memory");
    }
    bench.write("entries.csv", text);
    let flags = ["--set", "area=na1", "--set", "address_book=7"];
    let (good, bad) = (ids(&bench, "e-", 300, false), ids(&bench, "e-", 300, true));
    for ends_as in ["created", "updated"] {
        let counts = counts(&load(&bench, "entries.csv", &flags).expect_code(1));
        assert_eq!(
            (&counts[ends_as], &counts["rejected"]),
            (&json!(good.len()), &json!(bad.len()))
        );
    }
    assert_eq!(kept(&bench, "/externalId"), good);
    bench
        .run("entries.csv", &flags)
        .run()
        .expect_code(2)
        .expect_stderr(&["SLUICE_USERNAME"]);
}

#[test]
fn custom_fields_are_set_and_a_customer_over_its_own_limit_waits_alone() {
    let bench = bench_of(
        "cxone",
        "api: cxone\ncontacts: { existing: { numbered: { prefix: c-, count: 40 } } }\nlimits:\n\
         \x20 - { kind: token_bucket, rate: 2, burst: 3, scope: record, routes: [custom_fields], key: customer }\n\
         \x20 - { kind: fixed_window, requests: 400, window: 2s, routes: [custom_fields, get_contact], key: customers.read }\n",
    );
    let mut text = String::from("customerId,tier,shoe size\n");
    for number in 1..=41 {
        writeln!(text, "c-{number},Gold,").expect("memory");
    }
    for round in 0..6 {
        writeln!(text, "c-1,Tier {round},44").expect("memory");
    }
    bench.write("fields.csv", text);
    let flags = ["--set", "area=na1", "--operation", "custom_fields"];
    let ended = load(&bench, "fields.csv", &flags).expect_code(1);
    let counts = counts(&ended);
    assert_eq!(
        (&counts["updated"], &counts["rejected"]),
        (&json!(46), &json!(1))
    );
    assert_eq!(
        rejected(&bench, "customerId"),
        BTreeSet::from(["c-41".to_owned()])
    );
    let records = bench.records();
    let of = |id: &str| {
        records
            .iter()
            .find(|record| record["id"] == id)
            .cloned()
            .expect("written")
    };
    assert_eq!(
        of("c-1"),
        json!({"id": "c-1", "tier": "Tier 5", "shoe size": "44"})
    );
    assert_eq!(of("c-2"), json!({"id": "c-2", "tier": "Gold"}));
}

#[test]
fn the_address_is_asked_for_by_the_tenants_id() {
    let bench = bench_of("cxone", "api: cxone");
    let url = bench.base_url();
    let connector = sluice_text("cxone").replace("https://cxone.niceincontact.com", &url);
    bench.write("own.yaml", connector);
    bench.write("entries.csv", "externalId,firstName\ne-1,Ann\n");
    let arguments = [
        "run",
        "entries.csv",
        "--to",
        "./own.yaml",
        "--set",
        "tenant_id=t-1",
        "--set",
        "address_book=7",
    ];
    bench
        .sluice(&arguments)
        .environment("SLUICE_USERNAME", "demo-key")
        .environment("SLUICE_PASSWORD", "demo-key-secret")
        .run()
        .expect_code(0);
    assert_eq!(bench.records().len(), 1);
}

/// A built-in connector's text.
fn sluice_text(name: &str) -> String {
    let path = format!("src/connector/builtin/{name}.yaml");
    std::fs::read_to_string(path).expect("a built-in connector")
}
