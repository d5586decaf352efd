//! Batches whose results carry no name and stand in the order of the request,
//! against a strict stand-in of a platform that replies so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::stand_in::{Asked, stand_in};
use super::support::Ended;
use super::{bench_of, counts, rejected};

const TOKEN: &str = "00D-token";
const CONNECTOR: &str = r#"
name: collections
title: Contacts by an external id, 200 a request, results in order
variables:
  my_domain: {description: the part before .my.example.com, default: acme}
base_url: "https://{my_domain}.my.example.com"
auth:
  grant: client_credentials
  token_url: "https://{my_domain}.my.example.com/services/oauth2/token"
  credentials_in: form
  scope: "{my_domain}.api"
operations:
  upsert:
    method: PATCH
    path: /services/data/v60.0/composite/sobjects/Contact/ExternalId__c
    batch: 200
    key: ExternalId__c
    effect: upserted
    body: {includes_key: true, records: /records}
    constants: {/attributes/type: Contact}
    fields: {LastName: {}}
    results:
      at: ""
      in_order: true
      id: /id
      created: {pointer: /created, equals: "true"}
      replies:
        - {body_at: {pointer: /success, equals: "true"}, class: done}
        - {body_at: {pointer: /success, equals: "false"}, class: rejected}
      errors: {fields: [/errors/0/fields/0], messages: [/errors/0/message]}
"#;

#[derive(Default)]
struct Books {
    /// Names of contacts, by their external ids.
    contacts: BTreeMap<String, String>,
    batches: usize,
}

/// Takes what the platform's reference has, and nothing else. A batch that holds
/// a contact of the name `Cut` is replied to without its last result.
fn platform() -> (String, Arc<Mutex<Books>>) {
    let books = Arc::new(Mutex::new(Books::default()));
    let kept = Arc::clone(&books);
    let url = stand_in(move |asked| answer(asked, &mut kept.lock().expect("not poisoned")));
    (url, books)
}

fn refused(status: u16, code: &str) -> (u16, Value) {
    (status, json!([{"errorCode": code, "message": code}]))
}

fn answer(asked: &Asked, books: &mut Books) -> (u16, Value) {
    match (asked.method.as_str(), asked.target.as_str()) {
        ("POST", "/services/oauth2/token") => {
            let form = String::from_utf8_lossy(&asked.body);
            match form.contains("client_id=") && form.contains("scope=acme.api") {
                true => (200, json!({"access_token": TOKEN, "token_type": "Bearer"})),
                false => (400, json!({"error": "invalid_client_id"})),
            }
        }
        _ if asked.header("authorization") != format!("Bearer {TOKEN}") => {
            refused(401, "INVALID_SESSION_ID")
        }
        ("PATCH", "/services/data/v60.0/composite/sobjects/Contact/ExternalId__c") => {
            upsert(&asked.body, books)
        }
        _ => refused(404, "NOT_FOUND"),
    }
}

fn upsert(body: &[u8], books: &mut Books) -> (u16, Value) {
    books.batches += 1;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let records = match body["records"].as_array() {
        Some(records) if (1..=200).contains(&records.len()) => records,
        _ => return refused(400, "INVALID_BATCH_SIZE"),
    };
    let mut results = Vec::new();
    for record in records {
        let (Some(key), "Contact") = (
            record["ExternalId__c"].as_str(),
            record["attributes"]["type"].as_str().unwrap_or_default(),
        ) else {
            return refused(400, "JSON_PARSER_ERROR");
        };
        let name = record["LastName"].as_str().unwrap_or_default();
        results.push(match name {
            "" => json!({"success": false, "errors": [{
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": format!("Required fields are missing of {key}"),
                "fields": ["LastName"],
            }]}),
            name => {
                let is_new = books
                    .contacts
                    .insert(key.to_owned(), name.to_owned())
                    .is_none();
                json!({"id": format!("003{key}"), "success": true, "errors": [], "created": is_new})
            }
        });
    }
    if records.len() > 1 && records.iter().any(|record| record["LastName"] == "Cut") {
        results.pop();
    }
    (200, Value::Array(results))
}

/// Loads so many contacts, of which each third has no name.
fn load(bench: &super::Bench, url: &str, rows: u64, code: i32) -> Ended {
    let mut text = String::from("ExternalId__c,LastName\n");
    for number in 1..=rows {
        let name = match number {
            5 => "Cut",
            number if number % 3 == 0 => "",
            _ => "Lovelace",
        };
        text.push_str(&format!("c-{number},{name}\n"));
    }
    bench.write("contacts.csv", text);
    let base_url = format!("base_url={url}");
    let arguments = [
        "run",
        "contacts.csv",
        "--to",
        "./own.yaml",
        "--set",
        &base_url,
    ];
    let run = bench.bare(&arguments).arguments(["--output", "json"]);
    run.environment("SLUICE_CLIENT_ID", "id")
        .environment("SLUICE_CLIENT_SECRET", "secret")
        .run()
        .expect_code(code)
}

#[test]
fn each_row_ends_as_the_result_in_its_place_says() {
    let bench = bench_of("./own.yaml", "");
    bench.write("own.yaml", CONNECTOR);
    let checked = bench.bare(&["connectors", "check", "own.yaml"]).run();
    checked.expect_code(0);
    let (url, books) = platform();
    let loaded = counts(&load(&bench, &url, 600, 1));
    // What was told of in part was sent once more, and was there by then.
    let count = |name: &str| loaded[name].as_u64().expect("a count");
    assert_eq!(
        (count("created") + count("updated"), count("rejected")),
        (400, 200)
    );
    assert!((1..=134).contains(&count("updated")), "{loaded}");
    let nameless: BTreeSet<String> = (1..=200).map(|third| format!("c-{}", third * 3)).collect();
    assert_eq!(rejected(&bench, "ExternalId__c"), nameless);
    for row in bench.books().rejected {
        let key = row.get("ExternalId__c").to_owned();
        assert_eq!(row.get("_field"), "LastName");
        assert_eq!(
            row.get("_message"),
            format!("Required fields are missing of {key}")
        );
    }
    let books = books.lock().expect("not poisoned");
    assert_eq!(books.contacts.len(), 400);
    assert!(books.contacts.keys().all(|key| !nameless.contains(key)));
    // Three full ones, and the halves of the one that wasn't told of in full.
    assert!(books.batches <= 40, "{} batches", books.batches);
}

#[test]
fn results_that_name_no_record_end_the_run_before_all_is_written_again_and_again() {
    let bench = bench_of("./own.yaml", "");
    bench.write(
        "own.yaml",
        CONNECTOR.replace("in_order: true", "key: /ExternalId__c"),
    );
    let (url, books) = platform();
    let ended = load(&bench, &url, 2_000, 4);
    assert!(
        ended.stderr.contains("no result names any of 200 records")
            && ended.stderr.contains("`results`"),
        "{}",
        ended.stderr
    );
    // Those that were under way when the second reply came.
    let batches = books.lock().expect("not poisoned").batches;
    assert!(batches <= 10, "{batches} batches");
}
