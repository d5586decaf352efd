//! Genesys Cloud.

use loadtest::tenant::RunningTenant;
use serde_json::{Value, json};

use super::call;
use super::support::{BASIC, Client, FORM, Reply, tenant, tenant_and_client};

/// A Genesys Cloud tenant with an external source.
fn genesys_cloud(yaml: &str) -> (RunningTenant, Client, Value) {
    let (tenant, mut client) = tenant_and_client(&format!("api: genesys_cloud\n{yaml}"));
    let made = call(
        &mut client,
        "POST /api/v2/externalcontacts/externalsources",
        &json!({ "name": "CXone" }),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].clone();
    (tenant, client, id)
}

fn external(value: &str, source: &Value, first_name: &str) -> Value {
    json!({ "firstName": first_name, "externalIds": [{ "externalSource": { "id": source }, "value": value }] })
}

fn upsert(tracker: &str, value: &str, source: &Value, first_name: &str) -> Value {
    json!({
        "id": tracker,
        "action": "Upsert",
        "matchingIdentifiers": [{ "type": "ExternalId", "value": value, "externalSource": { "id": source } }],
        "contact": { "firstName": first_name },
    })
}

#[test]
fn genesys_cloud_upserts_by_enrich_and_finds_by_identifier() {
    let (tenant, mut client, source) = genesys_cloud("");
    let path = "POST /api/v2/externalcontacts/bulk/contacts/enrich";
    let both =
        json!({ "entities": [upsert("1", "a", &source, "Ann"), upsert("2", "b", &source, "Bea")] });
    let statuses = |reply: &Reply| {
        let body = reply.json();
        let results = body["results"].as_array().expect("results").clone();
        results
            .iter()
            .map(|result| (result["id"].clone(), result["status"].clone()))
            .collect::<Vec<_>>()
    };
    let first = call(&mut client, path, &both);
    assert_eq!(
        statuses(&first),
        [(json!("1"), json!(201)), (json!("2"), json!(201))]
    );
    let second = call(&mut client, path, &both);
    assert_eq!(
        statuses(&second),
        [(json!("1"), json!(200)), (json!("2"), json!(200))]
    );
    let wanted = json!({ "type": "ExternalId", "value": "b", "externalSource": { "id": source } });
    let found = call(
        &mut client,
        "POST /api/v2/externalcontacts/identifierlookup/contacts",
        &wanted,
    );
    assert_eq!(
        (found.status, &found.json()["firstName"]),
        (200, &json!("Bea"))
    );
    let mut update = upsert("3", "z", &source, "Zoe");
    update["action"] = json!("Update");
    let none = call(
        &mut client,
        "POST /api/v2/externalcontacts/contacts/enrich",
        &update,
    );
    assert_eq!(
        (none.status, &none.json()["code"]),
        (404, &json!("matching.contact.not.found"))
    );
    let eleven: Vec<Value> = (0..11)
        .map(|number| upsert("t", &number.to_string(), &source, "x"))
        .collect();
    let refused = call(&mut client, path, &json!({ "entities": eleven }));
    assert!(refused.status == 400 && refused.json()["message"].to_string().contains("too big"));
    assert_eq!(
        (
            tenant.records().len(),
            tenant.ledger().counters.requests.bulk
        ),
        (2, 3)
    );
}

#[test]
fn genesys_cloud_answers_200_with_failures_inside_and_in_any_order() {
    let (tenant, mut client, source) = genesys_cloud("batches: { shuffled: true }");
    let mut bad = external("c-2", &source, "Bad");
    bad["workEmail"] = json!("nobody");
    let mut entities: Vec<Value> = (3..=20)
        .map(|number| external(&format!("c-{number}"), &source, "Ann"))
        .collect();
    entities.push(bad.clone());
    let reply = call(
        &mut client,
        "POST /api/v2/externalcontacts/bulk/contacts/add",
        &json!({ "entities": entities }),
    );
    let body = reply.json();
    assert_eq!((reply.status, &body["errorCount"]), (200, &json!(1)));
    let results = body["results"].as_array().expect("results");
    let failed = body["errorIndexes"][0].as_u64().expect("an index") as usize;
    assert_eq!(results[failed]["error"]["entity"], bad);
    assert_eq!(
        results[failed]["error"]["details"][0]["fieldName"],
        "workEmail"
    );
    let names: Vec<&str> = results
        .iter()
        .filter_map(|result| result["entity"]["externalIds"][0]["value"].as_str())
        .collect();
    let sent: Vec<String> = (3..=20).map(|number| format!("c-{number}")).collect();
    let in_order = names == sent;
    assert!(!in_order, "eighteen results can't be in order by chance");
    assert_eq!(tenant.records().len(), 18);
    let first = &tenant.records()[0];
    let mut changed = external("c-3", &source, "Eve");
    changed["id"] = first["id"].clone();
    let update = json!({ "entities": [changed, { "id": "x", "firstName": "y" }] });
    let reply = call(
        &mut client,
        "POST /api/v2/externalcontacts/bulk/contacts/update",
        &update,
    )
    .json();
    assert_eq!(reply["errorCount"], 1);
    assert_eq!(tenant.records()[0]["firstName"], "Eve");
    let page = call(
        &mut client,
        "GET /api/v2/externalcontacts/scan/contacts?limit=10",
        &Value::Null,
    )
    .json();
    let cursor = page["cursors"]["after"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let rest = call(
        &mut client,
        &format!("GET /api/v2/externalcontacts/scan/contacts?limit=10&cursor={cursor}"),
        &Value::Null,
    )
    .json();
    assert_eq!(
        (
            page["entities"].as_array().map(Vec::len),
            rest["entities"].as_array().map(Vec::len)
        ),
        (Some(10), Some(8))
    );
    assert_eq!(rest["cursors"], json!({}));
    for size in [1, 9, 201] {
        let scan = format!("GET /api/v2/externalcontacts/scan/contacts?limit={size}");
        let refused = call(&mut client, &scan, &Value::Null);
        let code = refused.json()["code"].clone();
        assert_eq!(
            (refused.status, code),
            (400, json!("invalid.query.param.value")),
            "{size}"
        );
    }
}

#[test]
fn genesys_cloud_refuses_whatever_is_not_of_the_published_shape() {
    let (tenant, mut client, source) = genesys_cloud("");
    let add = "POST /api/v2/externalcontacts/bulk/contacts/add";
    for (line, body, status) in [
        (add, json!([external("x", &source, "Ann")]), 400),
        (add, json!({ "records": [] }), 400),
        (add, json!({ "entities": [{ "firstname": "Ann" }] }), 400),
        (add, json!({ "entities": [{ "workPhone": "+1" }] }), 400),
        (
            "POST /api/v2/externalcontacts/bulk/contacts/add?dryRun=true",
            json!({ "entities": [external("x", &source, "Ann")] }),
            400,
        ),
        (
            "PUT /api/v2/externalcontacts/bulk/contacts/add",
            json!({}),
            404,
        ),
        ("POST /api/v2/contacts", json!({}), 404),
        (
            "PATCH /api/v2/externalcontacts/contacts/x",
            json!({ "firstName": "Ann" }),
            400,
        ),
        (
            "POST /api/v2/externalcontacts/identifierlookup/contacts",
            json!({ "type": "Nickname", "value": "x" }),
            400,
        ),
    ] {
        let reply = call(&mut client, line, &body);
        let shown = reply.json();
        assert_eq!(reply.status, status, "{line}: {shown}");
        assert!(
            shown["code"].is_string()
                && shown["contextId"].is_string()
                && shown["errors"].is_array(),
            "{shown}"
        );
    }
    let bearer = format!("Authorization: Bearer {}", client.token);
    let text = client.call(add, &[&bearer, "Content-Type: text/plain"], "{}");
    assert_eq!(text.status, 415);
    assert!(tenant.records().is_empty());
}

#[test]
fn genesys_cloud_names_the_limit_that_was_met_and_counts_by_token_and_route() {
    let yaml = "limit_headers: genesys\nlimits:\n\
        - { kind: fixed_window, requests: 4, window: 60s, scope: token, key: token.rate.per.minute }\n\
        - { kind: fixed_window, requests: 2, window: 60s, routes: [list_contacts], key: scan.rate.per.minute }";
    let (_tenant, mut client, _source) = genesys_cloud(yaml);
    let scan = "GET /api/v2/externalcontacts/scan/contacts";
    let first = call(&mut client, scan, &Value::Null);
    assert_eq!(first.status, 200);
    assert!(
        first.header("inin-ratelimit-allowed").is_some()
            && first.header("inin-ratelimit-reset").is_some()
    );
    call(&mut client, scan, &Value::Null);
    let refused = call(&mut client, scan, &Value::Null);
    let body = refused.json();
    assert_eq!(
        (refused.status, &body["limit"]["key"], &body["code"]),
        (
            429,
            &json!("scan.rate.per.minute"),
            &json!("too.many.requests")
        )
    );
    assert!(refused.header("retry-after").is_some());
    let sources = "GET /api/v2/externalcontacts/externalsources";
    assert_eq!(call(&mut client, sources, &Value::Null).status, 200);
    let refused = call(&mut client, sources, &Value::Null);
    assert_eq!(
        (refused.status, &refused.json()["limit"]["key"]),
        (429, &json!("token.rate.per.minute"))
    );
    client.log_in();
    assert_eq!(call(&mut client, sources, &Value::Null).status, 200);
}

#[test]
fn genesys_cloud_answers_400_to_tokens_minted_too_fast() {
    let tenant = tenant(
        "api: genesys_cloud\ntoken: { limit: { kind: fixed_window, requests: 1, window: 60s }, over_limit: invalid_request }",
    );
    let mut client = Client::connect(&tenant);
    client.log_in();
    let refused = client.ask_token(&[BASIC, FORM], "grant_type=client_credentials");
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (400, json!("invalid_request"))
    );
    assert!(
        refused.json()["error_description"]
            .to_string()
            .contains("rate limit exceeded")
    );
}

#[test]
fn a_contact_list_takes_a_thousand_and_tells_what_would_be_dialled_again() {
    let (tenant, mut client, _source) = genesys_cloud("");
    let path = "POST /api/v2/outbound/contactlists/l-1/contacts";
    let one =
        |id: &str| json!({ "id": id, "contactListId": "l-1", "data": { "Phone": "+15550100" } });
    let added = call(
        &mut client,
        &format!("{path}?doNotQueue=true"),
        &json!([one("a"), one("b")]),
    );
    assert_eq!(
        (added.status, added.json().as_array().map(Vec::len)),
        (200, Some(2))
    );
    call(
        &mut client,
        &format!("{path}?doNotQueue=true"),
        &json!([one("a")]),
    );
    assert_eq!(tenant.counters().requeued, 0);
    call(&mut client, path, &json!([one("a")]));
    assert_eq!((tenant.counters().requeued, tenant.records().len()), (1, 2));
    let many: Vec<Value> = (0..1001)
        .map(|number| one(&format!("m-{number}")))
        .collect();
    let refused = call(&mut client, path, &json!(many));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (400, &json!("too.many.contacts.added"))
    );
    for (contact, code) in [
        (
            json!({ "id": "a b", "data": { "Phone": "1" } }),
            "invalid.contact.id",
        ),
        (json!({ "id": "a" }), "contact.missing.columns"),
        (
            json!({ "id": "a", "data": { "Phone": 5 } }),
            "invalid.value",
        ),
        (
            json!({ "id": "a", "data": { "Phone": "1" }, "phone": "1" }),
            "invalid.property",
        ),
    ] {
        let reply = call(&mut client, path, &json!([contact]));
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!(code)));
    }
    let shown = call(
        &mut client,
        "GET /api/v2/outbound/contactlists/l-1/contacts/b",
        &Value::Null,
    );
    assert_eq!(
        (shown.status, &shown.json()["data"]["Phone"]),
        (200, &json!("+15550100"))
    );
}
