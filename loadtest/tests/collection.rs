//! Making, looking up and batching contacts, rule by rule, over real sockets.

mod support;

use serde_json::{Value, json};
use support::{Client, JSON, Reply, tenant_and_client};

fn call(client: &mut Client, line: &str, body: &Value) -> Reply {
    let bearer = format!("Authorization: Bearer {}", client.token);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    client.call(line, &[&bearer, JSON], &body)
}

fn contact(external_id: &str) -> Value {
    json!({ "externalId": external_id, "firstName": "Ann" })
}

#[test]
fn a_contact_is_made_found_replaced_and_counted() {
    let (tenant, mut client) = tenant_and_client("");
    let none = call(
        &mut client,
        "GET /api/v2/contacts?externalId=a%2F1",
        &Value::Null,
    );
    assert_eq!((none.status, none.json()["total"].clone()), (200, json!(0)));
    let made = call(&mut client, "POST /api/v2/contacts", &contact("a/1"));
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let found = call(
        &mut client,
        "GET /api/v2/contacts?externalId=a%2F1",
        &Value::Null,
    )
    .json();
    assert_eq!(found["entities"][0]["id"], json!(id));
    let replaced = call(
        &mut client,
        &format!("PUT /api/v2/contacts/{id}"),
        &json!({"lastName": "Lee"}),
    );
    assert_eq!(replaced.status, 204);
    let shown = client.get(&id).json();
    assert_eq!(
        shown,
        json!({"id": id, "externalId": "a/1", "lastName": "Lee"})
    );
    let ledger = tenant.ledger();
    assert_eq!(ledger.made["a/1"], 1);
    let requests = &ledger.counters.requests;
    assert_eq!((requests.create, requests.list, requests.put), (1, 2, 1));
}

#[test]
fn a_second_create_makes_a_duplicate_unless_the_tenant_forbids_it() {
    for (yaml, status, made) in [
        ("", 201, 2),
        ("contacts: {unique_external_id: true}", 409, 1),
    ] {
        let (tenant, mut client) = tenant_and_client(yaml);
        call(&mut client, "POST /api/v2/contacts", &contact("x"));
        let second = call(&mut client, "POST /api/v2/contacts", &contact("x"));
        assert_eq!((second.status, tenant.ledger().made["x"]), (status, made));
    }
}

#[test]
fn an_idempotency_key_makes_a_contact_once_where_it_is_heeded() {
    for (yaml, made) in [("", 2), ("contacts: {idempotency_keys: true}", 1)] {
        let (tenant, mut client) = tenant_and_client(yaml);
        let bearer = format!("Authorization: Bearer {}", client.token);
        let headers = [bearer.as_str(), JSON, "Idempotency-Key: k1"];
        let body = contact("x").to_string();
        let ids: Vec<Value> = (0..2)
            .map(|_| {
                let reply = client.call("POST /api/v2/contacts", &headers, &body);
                assert_eq!(reply.status, 201);
                reply.json()["id"].clone()
            })
            .collect();
        assert_eq!(ids[0] == ids[1], made == 1);
        let ledger = tenant.ledger();
        assert_eq!((ledger.made["x"], ledger.replays), (made, 2 - made));
    }
}

#[test]
fn an_upsert_by_external_id_makes_once_and_then_changes() {
    let (tenant, mut client) = tenant_and_client("");
    let line = "PUT /api/v2/contacts/by-external-id/a%20b";
    let first = call(&mut client, line, &json!({"firstName": "Ann"}));
    let second = call(&mut client, line, &json!({"firstName": "Eve"}));
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.json()["id"], second.json()["id"]);
    let other = call(&mut client, line, &json!({"externalId": "c"}));
    assert_eq!(other.status, 400);
    let ledger = tenant.ledger();
    assert_eq!((ledger.made["a b"], ledger.applies["a b"]), (1, 2));
}

#[test]
fn a_batch_tells_of_each_contact_in_the_form_of_the_scenario() {
    let batch = json!({"contacts": [contact("a"), {"externalId": "b", "age": "5"}, contact("c")]});
    let line = "POST /api/v2/contacts/bulk";
    let (tenant, mut client) = tenant_and_client("");
    let reply = call(&mut client, line, &batch);
    let told = reply.json();
    assert_eq!((reply.status, &told["errorCount"]), (207, &json!(1)));
    let statuses: Vec<&Value> = (0..3)
        .map(|place| &told["results"][place]["status"])
        .collect();
    assert_eq!(statuses, [201, 400, 201]);
    assert_eq!(told["results"][1]["error"]["field"], "age");
    assert_eq!(tenant.ledger().made.len(), 2);

    let (_tenant, mut client) =
        tenant_and_client("batches: {reply: failures, partial_status: 200}");
    let reply = call(&mut client, line, &batch);
    assert_eq!(
        (
            reply.status,
            reply.json()["results"].as_array().map(Vec::len)
        ),
        (200, Some(1))
    );

    let (_tenant, mut client) = tenant_and_client("batches: {reply: error_indexes}");
    assert_eq!(
        call(&mut client, line, &batch).json()["errorIndexes"],
        json!([1])
    );

    let (tenant, mut client) = tenant_and_client("batches: {reply: all_or_nothing}");
    assert_eq!(call(&mut client, line, &batch).status, 400);
    assert_eq!(tenant.ledger().made.len(), 0, "nothing was taken");
}

#[test]
fn results_come_in_another_order_and_are_named() {
    let (_tenant, mut client) = tenant_and_client("batches: {shuffled: true}");
    let contacts: Vec<Value> = (0..20)
        .map(|number| json!({"externalId": format!("e{number}"), "tracker": number}))
        .collect();
    let reply = call(
        &mut client,
        "PUT /api/v2/contacts/bulk",
        &json!({ "contacts": contacts }),
    );
    let told = reply.json();
    let results = told["results"].as_array().expect("results");
    let order: Vec<u64> = results
        .iter()
        .filter_map(|one| one["index"].as_u64())
        .collect();
    assert_ne!(order, (0..20).collect::<Vec<_>>());
    for one in results {
        assert_eq!(one["externalId"], json!(format!("e{}", one["index"])));
        assert_eq!(one["tracker"], one["index"]);
    }
}

#[test]
fn a_batch_over_the_cap_is_refused_and_some_contacts_fail_inside_a_good_one() {
    let (tenant, mut client) = tenant_and_client(
        "batches: {cap: 100, over_cap: 400, item_faults: [{status: 429, ratio: 0.5}]}",
    );
    let batch = |count: usize| {
        let contacts: Vec<Value> = (0..count).map(|n| contact(&format!("e{n}"))).collect();
        json!({ "contacts": contacts })
    };
    let line = "POST /api/v2/contacts/bulk";
    let over = call(&mut client, line, &batch(101));
    assert_eq!(over.status, 400);
    let told = call(&mut client, line, &batch(100)).json();
    let failed = told["errorCount"].as_u64().expect("a count");
    assert!((20..80).contains(&failed), "{failed}");
    assert_eq!(tenant.ledger().made.len() as u64, 100 - failed);
}

#[test]
fn a_new_contact_is_found_only_after_the_delay_and_pages_tell_of_all() {
    let (_tenant, mut client) = tenant_and_client("contacts: {look_up_delay: 1h}");
    call(&mut client, "POST /api/v2/contacts", &contact("x"));
    let found = call(
        &mut client,
        "GET /api/v2/contacts?externalId=x",
        &Value::Null,
    );
    assert_eq!(found.json()["total"], 0);

    let (_tenant, mut client) = tenant_and_client("");
    for number in 0..5 {
        call(
            &mut client,
            "POST /api/v2/contacts",
            &contact(&format!("e{number}")),
        );
    }
    let page = call(
        &mut client,
        "GET /api/v2/contacts?pageSize=2&pageNumber=3",
        &Value::Null,
    )
    .json();
    assert_eq!(
        (
            page["total"].clone(),
            page["entities"][0]["externalId"].clone()
        ),
        (json!(5), json!("e4"))
    );
    let large = call(
        &mut client,
        "GET /api/v2/contacts?pageSize=101",
        &Value::Null,
    );
    assert_eq!(large.status, 400);
}

#[test]
fn limits_faults_and_tokens_stand_before_the_collection_too() {
    let (tenant, mut client) = tenant_and_client(
        "limits: [{kind: fixed_window, requests: 1, window: 60s, scope: endpoint}]",
    );
    let create = "POST /api/v2/contacts";
    assert_eq!(call(&mut client, create, &contact("a")).status, 201);
    let refused = call(&mut client, create, &contact("b"));
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    // A bucket of its own.
    assert_eq!(
        call(&mut client, "GET /api/v2/contacts", &Value::Null).status,
        200
    );
    client.token = "none".to_owned();
    assert_eq!(call(&mut client, create, &contact("c")).status, 401);
    assert_eq!(tenant.counters().throttled, 1);

    let (tenant, mut client) = tenant_and_client("faults: [{kind: close_after, ratio: 1}]");
    let bearer = format!("Authorization: Bearer {}", client.token);
    client.send(create, &[&bearer, JSON], &contact("x").to_string());
    assert_eq!(client.read_to_end(), b"", "made, and no reply");
    assert_eq!(tenant.ledger().made["x"], 1);
}
