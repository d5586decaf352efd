//! Guide B's Genesys: the entity type, look-ups, batches of 200.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{bench_of, counts, ids, kept, load, rejected};

fn profiles(count: u64, tier: &str, nth: u64) -> String {
    let mut text = String::from(
        "externalId,emailAddresses,customFields.legacyCxoneId,customFields.loyaltyTier,customFields.lastInteractionDate\n",
    );
    for number in 1..=count {
        let tier = if number % nth == 0 { tier } else { "Bronze" };
        writeln!(
            text,
            "CONE-{number},person.{number}@example.com,CONE-{number},{tier},2023-10-27T14:30:00Z"
        )
        .expect("writing to memory doesn't fail");
    }
    text
}

#[test]
fn the_entity_type_is_made_once_and_contacts_are_made_left_alone_or_changed() {
    let bench = bench_of(
        "genesys-contacts",
        "api: genesys_contacts\nbatches: { shuffled: true }\ntoken: { lifetime: 2s }\n\
         faults: [{ kind: server_error, ratio: 0.02, status: 503 }, { kind: close_before, ratio: 0.02 }]\n",
    );
    bench.write("first.csv", profiles(450, "Gold", 1));
    let first = load(&bench, "first.csv", &[]).expect_code(0);
    assert_eq!(counts(&first)["created"], 450);
    let shown = bench.records();
    assert_eq!(shown.len(), 450);
    let of_one = shown
        .iter()
        .find(|record| record["externalId"] == "CONE-7")
        .expect("made");
    assert_eq!(
        of_one["emailAddresses"],
        json!([{"value": "person.7@example.com", "primary": true}])
    );
    assert_eq!(
        of_one["customFields"],
        json!({"legacyCxoneId": "CONE-7", "loyaltyTier": "Gold", "lastInteractionDate": "2023-10-27T14:30:00Z"})
    );
    let before = bench.counters();
    let second = load(&bench, "first.csv", &[]).expect_code(0);
    assert_eq!(counts(&second)["unchanged"], 450, "{}", second.json());
    assert_eq!(
        bench.counters().applied,
        before.applied,
        "a second load writes nothing"
    );
    bench.write(
        "changed.csv",
        profiles(450, "Silver", 10).replace("Bronze", "Gold"),
    );
    let third = counts(&load(&bench, "changed.csv", &[]).expect_code(0));
    assert_eq!(
        (&third["updated"], &third["unchanged"]),
        (&json!(45), &json!(405))
    );
    let ledger = bench.ledger();
    assert!(
        ledger.made.values().all(|made| *made == 1),
        "no contact is made twice"
    );
    assert_eq!(ledger.counters.applied, 450 + 45);
}

#[test]
fn what_the_set_up_asks_is_in_the_audit_and_among_the_requests() {
    let bench = bench_of(
        "genesys-contacts",
        "api: genesys_contacts\nfaults: [{ kind: server_error, ratio: 1, status: 503, until: 1s }]\n",
    );
    bench.write("first.csv", profiles(3, "Gold", 1));
    let ended = load(&bench, "first.csv", &[]).expect_code(0);
    let counters = bench.counters();
    let audit = std::fs::read_to_string(bench.run_directory().join("audit.ndjson"));
    let audit = audit.expect("an audit");
    let calls: Vec<Value> = audit
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of_set_up = |about: &str| -> Vec<u64> {
        let endpoint = format!("entity_type/{about}");
        let calls = calls.iter().filter(|call| call["endpoint"] == *endpoint);
        calls.filter_map(|call| call["status"].as_u64()).collect()
    };
    let (asked, made) = (of_set_up("look_up"), of_set_up("create"));
    assert_eq!((asked[0], made.as_slice()), (503, [201].as_slice()));
    assert_eq!(
        (asked.len() + made.len()) as u64,
        counters.requests.set_up,
        "{audit}"
    );
    let (summary, requests) = (ended.json(), &counters.requests);
    let sent = requests.set_up + requests.look_up + requests.create + requests.bulk;
    assert_eq!(summary["requests"]["sent"], sent, "{requests:?}");
    assert_eq!(calls.len() as u64, sent);
    assert_eq!(summary["tokens_minted"], counters.tokens_minted);
}

#[test]
fn half_of_each_batch_fails_and_every_row_has_its_own_end() {
    let bench = bench_of(
        "genesys-contacts",
        "api: genesys_contacts\ncontacts: { invalid: 0.5 }\nbatches: { shuffled: true, partial_status: 200 }\n",
    );
    bench.write("half.csv", profiles(400, "Gold", 1));
    let ended = load(&bench, "half.csv", &[]).expect_code(1);
    let bad = ids(&bench, "CONE-", 400, true);
    assert_eq!(counts(&ended)["rejected"], json!(bad.len()));
    assert_eq!(
        kept(&bench, "/externalId"),
        ids(&bench, "CONE-", 400, false)
    );
    assert_eq!(rejected(&bench, "externalId"), bad);
    let rows = bench.books().rejected;
    assert!(rows.iter().all(|row| row.get("_field") == "emailAddresses"));
}

#[test]
fn a_plan_makes_no_entity_type() {
    let bench = bench_of("genesys-contacts", "api: genesys_contacts");
    bench.write("first.csv", profiles(3, "Gold", 1));
    let plan = bench
        .plan("first.csv", &["--output", "json"])
        .run()
        .expect_code(0);
    let sample = plan.json()["samples"][0].to_string();
    assert!(sample.contains("(entity_type_id)"), "{sample}");
    let requests = bench.counters().requests;
    assert_eq!((requests.set_up, requests.token), (0, 0));
    let none: Vec<Value> = bench.records();
    assert!(none.is_empty());
}
