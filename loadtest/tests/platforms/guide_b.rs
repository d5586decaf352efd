//! Guide B's Genesys, and its CXone as a source.

use loadtest::tenant::RunningTenant;
use serde_json::{Value, json};

use super::call;
use super::support::{Client, tenant_and_client};

/// The definition of Guide B.
fn entity_type() -> Value {
    json!({
        "name": "LegacyCustomerProfile",
        "fields": [
            { "name": "legacyCxoneId", "type": "TEXT", "required": true, "maxLength": 20 },
            { "name": "loyaltyTier", "type": "TEXT", "required": false },
            { "name": "lastInteractionDate", "type": "DATETIME", "required": false },
        ],
        "permissions": [
            { "scope": "contactcenter.read", "action": "READ" },
            { "scope": "contactcenter.write", "action": "UPDATE" },
        ],
    })
}

fn profile(external_id: &str, entity_type: &Value) -> Value {
    json!({
        "externalId": external_id,
        "emailAddresses": [{ "value": "ann@example.com", "primary": true }],
        "entityTypeId": entity_type,
        "customFields": {
            "legacyCxoneId": external_id,
            "loyaltyTier": "Gold",
            "lastInteractionDate": "2023-10-27T14:30:00Z",
        },
    })
}

/// A Guide B tenant with its entity type made.
fn guide_b(yaml: &str) -> (RunningTenant, Client, Value) {
    let (tenant, mut client) = tenant_and_client(&format!("api: genesys_contacts\n{yaml}"));
    let none = call(
        &mut client,
        "GET /api/v2/entitytypes?name=LegacyCustomerProfile",
        &Value::Null,
    );
    assert_eq!(none.json()["entities"], json!([]));
    let made = call(&mut client, "POST /api/v2/entitytypes", &entity_type());
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].clone();
    (tenant, client, id)
}

#[test]
fn guide_b_makes_finds_and_replaces_a_contact() {
    let (tenant, mut client, kind) = guide_b("");
    let again = call(&mut client, "POST /api/v2/entitytypes", &entity_type());
    assert_eq!(again.status, 409);
    let made = call(
        &mut client,
        "POST /api/v2/contacts",
        &profile("CONE-1", &kind),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let found = call(
        &mut client,
        "GET /api/v2/contacts?externalId=CONE-1",
        &Value::Null,
    )
    .json();
    assert_eq!(
        (&found["entities"][0]["id"], &found["total"]),
        (&json!(id), &json!(1))
    );
    let mut changed = profile("CONE-1", &kind);
    changed["customFields"]["loyaltyTier"] = json!("Silver");
    changed["version"] = json!(1);
    let line = format!("PUT /api/v2/contacts/{id}");
    let replaced = call(&mut client, &line, &changed);
    assert_eq!(
        (replaced.status, replaced.json()["version"].clone()),
        (200, json!(2))
    );
    let stale = call(&mut client, &line, &changed);
    assert_eq!(
        (stale.status, stale.json()["code"].clone()),
        (409, json!("request.conflict"))
    );
    let page = call(
        &mut client,
        "GET /api/v2/contacts?pageSize=100&pageNumber=1",
        &Value::Null,
    )
    .json();
    assert_eq!(
        (
            &page["total"],
            &page["entities"][0]["customFields"]["loyaltyTier"]
        ),
        (&json!(1), &json!("Silver"))
    );
    let ledger = tenant.ledger();
    assert_eq!(
        (
            ledger.made["CONE-1"],
            ledger.applies["CONE-1"],
            ledger.counters.requests.look_up
        ),
        (1, 2, 1)
    );
}

#[test]
fn guide_b_refuses_what_the_entity_type_does_not_have() {
    let (_tenant, mut client, kind) = guide_b("");
    let with = |place: &str, value: Value| {
        let mut contact = profile("CONE-1", &kind);
        *contact.pointer_mut(place).expect("the place") = value;
        contact
    };
    let mut bare = profile("CONE-1", &kind);
    bare.as_object_mut()
        .expect("an object")
        .remove("entityTypeId");
    let mut stray = profile("CONE-1", &kind);
    stray["nickname"] = json!("x");
    let mut unknown = profile("CONE-1", &kind);
    unknown["customFields"]["shoeSize"] = json!("44");
    let mut own = profile("CONE-1", &kind);
    own["id"] = json!("x");
    for (contact, status, field) in [
        (bare, 422, "entityTypeId"),
        (stray, 400, "nickname"),
        (own, 400, "id"),
        (unknown, 422, "customFields.shoeSize"),
        (
            with("/customFields/lastInteractionDate", json!("27.10.2023")),
            422,
            "customFields.lastInteractionDate",
        ),
        (
            with(
                "/customFields/legacyCxoneId",
                json!("CONE-123456789012345678"),
            ),
            422,
            "customFields.legacyCxoneId",
        ),
        (
            with("/customFields/legacyCxoneId", Value::Null),
            422,
            "customFields.legacyCxoneId",
        ),
        (
            with("/emailAddresses/0/value", json!("nobody")),
            400,
            "emailAddresses",
        ),
        (
            with("/emailAddresses", json!("ann@example.com")),
            400,
            "emailAddresses",
        ),
        (with("/externalId", json!("")), 400, "externalId"),
        (with("/entityTypeId", json!("x")), 400, "entityTypeId"),
    ] {
        let reply = call(&mut client, "POST /api/v2/contacts", &contact);
        assert_eq!(
            (reply.status, &reply.json()["details"][0]["fieldName"]),
            (status, &json!(field)),
            "{reply:?}"
        );
    }
    assert_eq!(
        call(&mut client, "PATCH /api/v2/contacts/x", &json!({})).status,
        404
    );
    assert_eq!(
        call(
            &mut client,
            "GET /api/v2/contacts?external_id=x",
            &Value::Null
        )
        .status,
        400
    );
}

#[test]
fn guide_b_tells_of_each_contact_of_a_batch() {
    let (tenant, mut client, kind) = guide_b("batches: { cap: 3, over_cap: 413, shuffled: true }");
    let mut bad = profile("CONE-2", &kind);
    bad["emailAddresses"][0]["value"] = json!("nobody");
    let batch = json!([profile("CONE-1", &kind), bad, profile("CONE-3", &kind)]);
    let reply = call(&mut client, "POST /api/v2/contacts", &batch);
    assert_eq!(
        (reply.status, reply.json()["errorCount"].clone()),
        (207, json!(1))
    );
    for result in reply.json()["results"].as_array().expect("results") {
        let status = if result["externalId"] == "CONE-2" {
            400
        } else {
            201
        };
        assert_eq!(result["status"], status, "{result}");
    }
    let many: Vec<Value> = (0..4)
        .map(|number| profile(&format!("x-{number}"), &kind))
        .collect();
    assert_eq!(
        call(&mut client, "POST /api/v2/contacts", &json!(many)).status,
        413
    );
    assert_eq!(tenant.records().len(), 2);
}

#[test]
fn a_source_lists_its_contacts_by_pages_and_those_changed_since() {
    let (_tenant, mut client) = tenant_and_client(
        "seed: 3\ncontacts: { existing: { numbered: { prefix: '', count: 250 } } }",
    );
    let mut ids = Vec::new();
    for offset in [0, 100, 200, 300] {
        let page = call(
            &mut client,
            &format!("GET /api/v2/contacts?limit=100&offset={offset}"),
            &Value::Null,
        )
        .json();
        assert_eq!(page["totalRecords"], 250);
        for contact in page["contacts"].as_array().expect("contacts") {
            assert!(
                contact["customFields"]["loyaltyTier"].is_string() && contact["email"].is_string()
            );
            ids.push(contact["contactId"].as_str().expect("an id").to_owned());
        }
    }
    let expected: Vec<String> = (1..=250).map(|number| number.to_string()).collect();
    assert_eq!(ids, expected);
    let since = "GET /api/v2/contacts?limit=100&offset=0&modifiedSince=2026-06-01T00%3A00%3A00Z";
    assert_eq!(
        call(&mut client, since, &Value::Null).json()["totalRecords"],
        0
    );
    assert_eq!(client.patch("17", r#"{"firstName":"Zoe"}"#).status, 204);
    let changed = call(&mut client, since, &Value::Null).json();
    assert_eq!(
        (
            &changed["totalRecords"],
            &changed["contacts"][0]["firstName"]
        ),
        (&json!(1), &json!("Zoe"))
    );
    assert_eq!(
        call(
            &mut client,
            "GET /api/v2/contacts?limit=100&modifiedSince=soon",
            &Value::Null
        )
        .status,
        400
    );
}
