//! CXone.

use loadtest::tenant::RunningTenant;
use serde_json::{Value, json};

use super::call;
use super::support::{BASIC, Client, FORM, JSON, tenant};

/// A CXone tenant and a client that has a token.
fn cxone(yaml: &str) -> (RunningTenant, Client) {
    let tenant = tenant(&format!("api: cxone\n{yaml}"));
    let mut client = Client::connect(&tenant);
    let form = "grant_type=password&username=demo-key&password=demo-key-secret";
    let reply = client.call("POST /auth/token", &[BASIC, FORM], form);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.json()["refresh_token"].is_string() && reply.json()["id_token"].is_string());
    client.token = reply.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    (tenant, client)
}

#[test]
fn cxone_gives_tokens_for_access_keys_alone() {
    let (tenant, mut client) = cxone("");
    for (form, status) in [
        ("grant_type=client_credentials", 400),
        ("grant_type=password&username=demo-key&password=wrong", 401),
        ("grant_type=password", 401),
    ] {
        assert_eq!(
            client.call("POST /auth/token", &[BASIC, FORM], form).status,
            status,
            "{form}"
        );
    }
    assert_eq!(
        client
            .call(
                "POST /oauth/token",
                &[BASIC, FORM],
                "grant_type=client_credentials"
            )
            .status,
        404
    );
    let found = client.call(
        "GET /.well-known/cxone-configuration?tenantId=demo-tenant",
        &[],
        "",
    );
    assert_eq!(found.status, 200);
    assert!(
        found.json()["api_endpoint"]
            .as_str()
            .is_some_and(|url| url.starts_with("http://"))
    );
    assert_eq!(tenant.counters().tokens_minted, 1);
}

#[test]
fn cxone_upserts_entries_of_an_address_book_with_a_result_for_each() {
    let (tenant, mut client) = cxone("batches: { shuffled: true }");
    let path = "PUT /incontactapi/services/v33.0/address-books/7/dynamic-entries?fullLoad=false";
    let entry =
        |id: &str, email: &str| json!({ "externalId": id, "firstName": "Ann", "email": email });
    let body = json!({ "addressBookEntries": [entry("a", "a@example.com"), entry("b", "nobody"), entry("c", "c@example.com")] });
    let bearer = format!("Authorization: Bearer {}", client.token);
    let refused = client.call(path, &[&bearer, JSON], &body.to_string());
    assert_eq!(refused.status, 406);
    assert!(
        refused.json()["error_description"]
            .to_string()
            .contains("No known way to render data")
    );
    for created in [true, false] {
        let reply = call(&mut client, path, &body);
        assert_eq!(reply.status, 200);
        for result in reply.json()["entryResults"].as_array().expect("results") {
            let is_bad = result["externalId"] == "b";
            assert_eq!(
                (&result["success"], &result["created"]),
                (&json!(!is_bad), &json!(created && !is_bad))
            );
        }
    }
    let page = call(
        &mut client,
        "GET /incontactapi/services/v33.0/address-books/7/dynamic-entries?top=1&skip=1",
        &Value::Null,
    )
    .json();
    assert_eq!(
        (
            &page["totalRecords"],
            &page["addressBookEntries"][0]["externalId"]
        ),
        (&json!(2), &json!("c"))
    );
    for (line, body) in [
        (path, json!([])),
        (path, json!({ "entries": [] })),
        (
            "PUT /incontactapi/services/v33.0/address-books/7/dynamic-entries?fullload=false",
            body.clone(),
        ),
    ] {
        assert_eq!(call(&mut client, line, &body).status, 400, "{line} {body}");
    }
    assert_eq!(tenant.ledger().made["a"], 1);
}

#[test]
fn cxone_limits_the_custom_fields_of_each_customer_and_couples_them_with_reads() {
    let yaml = "contacts: { existing: { numbered: { prefix: c-, count: 3 } } }\nlimits:\n\
        - { kind: token_bucket, rate: 17/60s, burst: 2, refill: { every: 60s }, scope: record, routes: [custom_fields], key: customer }\n\
        - { kind: fixed_window, requests: 4, window: 60s, routes: [custom_fields, get_contact], key: customers.read }";
    let (_tenant, mut client) = cxone(yaml);
    let set = json!([{ "ident": "tier", "value": "Gold" }]);
    let put = |id: &str| format!("PUT /dfo/3.0/customers/{id}/custom-fields");
    assert_eq!(call(&mut client, &put("c-1"), &set).status, 204);
    assert_eq!(call(&mut client, &put("c-1"), &set).status, 204);
    let refused = call(&mut client, &put("c-1"), &set);
    assert_eq!(
        (refused.status, &refused.json()["limit"]["key"]),
        (429, &json!("customer"))
    );
    let shown = call(&mut client, "GET /dfo/3.0/customers/c-1", &Value::Null);
    assert_eq!(shown.json()["customFields"], set);
    assert_eq!(call(&mut client, &put("c-2"), &set).status, 204);
    let refused = call(&mut client, "GET /dfo/3.0/customers/c-2", &Value::Null);
    assert_eq!(
        (refused.status, &refused.json()["limit"]["key"]),
        (429, &json!("customers.read"))
    );
}

#[test]
fn cxone_names_what_is_wrong_with_custom_fields_and_takes_call_lists_as_jobs() {
    let (tenant, mut client) =
        cxone("contacts: { existing: { numbered: { prefix: c-, count: 150 } } }");
    let path = "PUT /dfo/3.0/customers/c-1/custom-fields";
    for body in [
        json!({}),
        json!([]),
        json!([{ "ident": "tier" }]),
        json!([{ "ident": "a", "value": "b", "c": "d" }]),
    ] {
        let reply = call(&mut client, path, &body);
        assert_eq!(reply.status, 400);
        assert!(reply.json()["errors"][0]["errorCode"].is_string());
    }
    let set = json!([{ "ident": "tier", "value": "Gold" }]);
    assert_eq!(
        call(
            &mut client,
            "PUT /dfo/3.0/customers/c-151/custom-fields",
            &set
        )
        .status,
        404
    );
    let pages: Vec<u16> = [0, 100, 200]
        .map(|from| {
            call(
                &mut client,
                &format!("GET /dfo/3.0/customers?scrollToken={from}"),
                &Value::Null,
            )
            .status
        })
        .to_vec();
    assert_eq!(pages, [200, 200, 204]);
    let upload =
        json!({ "listFile": "SWQsUGhvbmUKMSw1NTUwMTAwCg==", "fileName": "list.csv", "skillId": 4 });
    let line = "POST /incontactapi/services/v33.0/lists/call-lists/9/upload";
    let job = call(&mut client, line, &upload);
    assert_eq!(job.status, 202, "{job:?}");
    let id = job.json()["jobId"].as_u64().expect("a job");
    let status = call(
        &mut client,
        &format!("GET /incontactapi/services/v33.0/lists/call-lists/jobs/{id}"),
        &Value::Null,
    )
    .json();
    assert_eq!(status["uploadJobs"][0]["jobId"], id);
    let list = call(
        &mut client,
        "GET /incontactapi/services/v33.0/lists/call-lists/9",
        &Value::Null,
    )
    .json();
    let is_complete = status["uploadJobs"][0]["isComplete"] == true;
    assert!(
        !is_complete || list["resultSet"]["totalRecords"] == 1,
        "{list}"
    );
    assert_eq!(
        call(
            &mut client,
            line,
            &json!({ "listFile": "x", "fileName": "l", "skillId": 4 })
        )
        .status,
        400
    );
    assert_eq!(tenant.ledger().counters.requests.upload, 4);
}
