//! Tokens as platforms want them, and pages that are linked in a header, each
//! against a strict stand-in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::stand_in::{Answer, Asked, stand_in};
use super::{Bench, bench_of, counts};

const TOKEN: &str = "shpat-0123456789";
/// Records that a source has, and records on a page.
const RECORDS: usize = 7;
const ON_A_PAGE: usize = 3;

/// A connector whose `auth` is this, with an operation and a stream.
fn connector(base_url: &str, auth: &str) -> String {
    format!(
        "name: shop\ntitle: Customers of a shop\nbase_url: {base_url}\nauth: {auth}\n\
         operations:\n  write:\n    method: PUT\n    path: \"/customers/{{id}}\"\n    key: id\n    \
         effect: updated\n    fields: {{email: {{}}}}\nstreams:\n  customers:\n    path: /customers\n    \
         records: /customers\n    pages: {{by: link_header, size: {{parameter: limit, value: {ON_A_PAGE}}}}}\n    \
         key: id\n    fields: {{id: /id, email: /email}}\n"
    )
}

/// What was written, and whatever was asked without the right header.
#[derive(Default)]
struct Books {
    written: BTreeMap<String, Value>,
    strangers: Vec<String>,
}

/// Takes requests that carry this header, and lists its customers page by page.
fn shop(name: &'static str, value: &'static str) -> (String, Arc<Mutex<Books>>) {
    let books = Arc::<Mutex<Books>>::default();
    let taken = Arc::clone(&books);
    let url = stand_in(move |asked: &Asked| {
        let mut books = taken.lock().expect("not poisoned");
        let bearer = asked.header("authorization");
        if asked.header(name) != value || (name != "authorization" && !bearer.is_empty()) {
            books.strangers.push(asked.target.clone());
            return (401, json!({"message": "who is this?"})).into();
        }
        match (asked.method.as_str(), asked.target.split_once('?')) {
            ("PUT", None) => {
                let body = serde_json::from_slice(&asked.body).expect("JSON");
                books.written.insert(asked.target.clone(), body);
                (200, json!({})).into()
            }
            ("GET", Some(("/customers", query))) => page(query),
            _ => Answer::from((404, json!({}))),
        }
    });
    (url, books)
}

/// A page, and in its header the next one: the first by its number of records,
/// the others by a cursor alone.
fn page(query: &str) -> Answer {
    let begin: usize = match query.strip_prefix("cursor=") {
        Some(cursor) => cursor.parse().expect("a cursor that was given out"),
        None if query == "limit=3" => 0,
        None => return (400, json!({"message": query})).into(),
    };
    let end = (begin + ON_A_PAGE).min(RECORDS);
    let customers: Vec<Value> = (begin..end)
        .map(|number| json!({"id": number, "email": format!("c.{number}@example.com")}))
        .collect();
    let first = "</customers?limit=3>; title=\"the first, of all\"; rel=\"first\"";
    let headers = match end < RECORDS {
        true => format!("link: {first}\r\nLink: <customers?cursor={end}>; rel=\"last next\"\r\n"),
        false => format!("link: {first}\r\n"),
    };
    Answer {
        status: 200,
        headers,
        body: json!({"customers": customers}),
    }
}

/// No file below the folder, and neither output, holds the secret.
fn assert_written_nowhere(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_written_nowhere(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let mut windows = bytes.windows(secret.len());
        let holds = windows.any(|window| window == secret.as_bytes());
        assert!(!holds, "{} holds it", path.display());
    }
}

fn copy_job(bench: &Bench) {
    bench.write(
        "job.yaml",
        "job: copy\nsource: {connector: ./shop.yaml, stream: customers}\ntarget: {connector: ./shop.yaml}\n\
         map: {id: id, email: email}\n",
    );
}

#[test]
fn a_token_goes_in_the_header_that_the_file_names_and_is_written_nowhere() {
    for (auth, name, value) in [
        (
            r#"{grant: token, headers: {Authorization: "Token token={token}"}}"#,
            "authorization",
            "Token token=shpat-0123456789",
        ),
        (
            r#"{grant: token, headers: {X-Shopify-Access-Token: "{token}"}}"#,
            "x-shopify-access-token",
            TOKEN,
        ),
        (
            r#"{grant: token, headers: {Api-Key: "{token}", X-App: "{client_id}"}}"#,
            "x-app",
            "my-app",
        ),
    ] {
        let (url, books) = shop(name, value);
        let bench = bench_of("./shop.yaml", "");
        bench.write("shop.yaml", connector(&url, auth));
        bench
            .bare(&["connectors", "check", "shop.yaml"])
            .run()
            .expect_code(0);
        copy_job(&bench);
        let ended = bench
            .bare(&["run", "job.yaml", "--output", "json"])
            .environment("SLUICE_CLIENT_ID", "my-app")
            .environment("SLUICE_CLIENT_SECRET", TOKEN)
            .run()
            .expect_code(0);
        assert_eq!(counts(&ended)["updated"], json!(RECORDS), "{auth}");
        assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN));
        assert_written_nowhere(bench.folder(), TOKEN);
        let books = books.lock().expect("not poisoned");
        assert_eq!(books.strangers, Vec::<String>::new(), "{auth}");
        assert_eq!(books.written.len(), RECORDS);
        assert_eq!(
            books.written["/customers/6"],
            json!({"email": "c.6@example.com"})
        );
    }
}

#[test]
fn a_minted_token_goes_in_the_header_that_the_file_names() {
    let (url, books) = shop("authorization", "Zoho-oauthtoken minted");
    let mint = stand_in(|asked: &Asked| {
        assert!(asked.header("authorization").starts_with("Basic "));
        (
            200,
            json!({"access_token": "minted", "token_type": "zoho", "expires_in": 3600}),
        )
    });
    let auth = format!(
        "{{grant: client_credentials, token_url: \"{mint}/token\", headers: {{Authorization: \"Zoho-oauthtoken {{token}}\"}}}}"
    );
    let bench = bench_of("./shop.yaml", "");
    bench.write("shop.yaml", connector(&url, &auth));
    copy_job(&bench);
    let ended = bench
        .sluice(&["run", "job.yaml", "--output", "json"])
        .run()
        .expect_code(0);
    assert_eq!(counts(&ended)["updated"], json!(RECORDS));
    assert_eq!(
        books.lock().expect("not poisoned").strangers,
        Vec::<String>::new()
    );
}

#[test]
fn a_link_header_that_leads_to_another_host_takes_no_token_there() {
    let visits = Arc::<Mutex<u32>>::default();
    let noted = Arc::clone(&visits);
    let elsewhere = stand_in(move |_: &Asked| {
        *noted.lock().expect("not poisoned") += 1;
        (200, json!({"customers": []}))
    });
    let url = stand_in(move |_: &Asked| Answer {
        status: 200,
        headers: format!("link: <{elsewhere}/customers?page=2>; rel=\"next\"\r\n"),
        body: json!({"customers": [{"id": 1, "email": "c.1@example.com"}]}),
    });
    let bench = bench_of("./shop.yaml", "");
    let auth = r#"{grant: token, headers: {X-Api-Token: "{token}"}}"#;
    bench.write("shop.yaml", connector(&url, auth));
    copy_job(&bench);
    let ended = bench
        .bare(&["run", "job.yaml"])
        .environment("SLUICE_CLIENT_SECRET", TOKEN)
        .run()
        .expect_code(4);
    assert!(ended.stderr.contains("leads elsewhere"), "{}", ended.stderr);
    assert_eq!(*visits.lock().expect("not poisoned"), 0);
}

/// Gives out a token for the refresh token of its last reply, and for no other;
/// tells this address of the API.
fn rotating(first: &str, api: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let given = Arc::new(Mutex::new(vec![first.to_owned()]));
    let taken = Arc::clone(&given);
    let url = stand_in(move |asked: &Asked| {
        let mut given = taken.lock().expect("not poisoned");
        let newest = given.last().expect("the first").clone();
        let shown = format!("grant_type=refresh_token&refresh_token={newest}");
        if asked.body != shown.as_bytes() {
            return (
                400,
                json!({"error": "invalid_grant", "error_description": "expired"}),
            );
        }
        given.push(format!("{newest}x"));
        let body = json!({
            "access_token": "minted", "expires_in": 3600,
            "refresh_token": given.last(), "instance_url": api,
        });
        (200, body)
    });
    (url, given)
}

/// A connector whose tokens, and whose address, come for a refresh token.
fn refreshing(bench: &Bench, mint: &str, hosts: &str) {
    let auth = format!(
        "{{grant: refresh_token, token_url: \"{mint}/token\", \
         discovery: {{base_url: /instance_url, hosts: [{hosts}]}}}}"
    );
    bench.write("shop.yaml", connector("https://login.example.com", &auth));
    bench
        .bare(&["connectors", "check", "shop.yaml"])
        .run()
        .expect_code(0);
    copy_job(bench);
}

#[test]
fn a_refresh_token_is_shown_once_and_its_successor_is_kept_in_its_file() {
    let (url, books) = shop("authorization", "Bearer minted");
    let (mint, given) = rotating("first", url);
    let bench = bench_of("./shop.yaml", "");
    refreshing(&bench, &mint, "127.0.0.1");
    let job = std::fs::read_to_string(bench.folder().join("job.yaml")).expect("the job");
    let kept = bench.write("refresh-token", "first\n");
    bench.write(
        "job.yaml",
        job + "credentials: {client_id: app, client_secret: {env: SLUICE_CLIENT_SECRET}, refresh_token: {file: refresh-token}}\n",
    );
    for _ in 0..2 {
        let ended = bench
            .bare(&["run", "job.yaml", "--output", "json"])
            .environment("SLUICE_CLIENT_SECRET", "app-secret")
            .run()
            .expect_code(0);
        assert_eq!(counts(&ended)["updated"], json!(RECORDS));
        assert!(!ended.stderr.contains("refresh token"), "{}", ended.stderr);
        let newest = given.lock().expect("not poisoned").last().cloned();
        assert_eq!(std::fs::read_to_string(&kept).ok(), newest);
    }
    assert_eq!(
        books.lock().expect("not poisoned").strangers,
        Vec::<String>::new()
    );
}

#[test]
fn a_refresh_token_that_ends_with_the_run_is_told_of() {
    let (url, _) = shop("authorization", "Bearer minted");
    let (mint, given) = rotating("first-one", url);
    let bench = bench_of("./shop.yaml", "");
    refreshing(&bench, &mint, "127.0.0.1");
    let run = || {
        bench
            .sluice(&["run", "job.yaml", "--output", "json"])
            .environment("SLUICE_REFRESH_TOKEN", "first-one")
            .run()
    };
    let ended = run().expect_code(0);
    assert!(
        ended.stderr.contains("has replaced the refresh token"),
        "{}",
        ended.stderr
    );
    let given = given.lock().expect("not poisoned").clone();
    assert!(given.len() > 2, "source and target have a token each");
    assert_written_nowhere(bench.folder(), "first-one");
    // The next run shows the one that was used up.
    let ended = run().expect_code(4);
    assert!(
        ended.stderr.contains("refresh token, which ends"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_host_that_only_the_token_s_reply_names_gets_no_token() {
    let (url, books) = shop("authorization", "Bearer minted");
    let (mint, _) = rotating("first", url);
    let bench = bench_of("./shop.yaml", "");
    refreshing(&bench, &mint, "\"*.my.example.com\"");
    let ended = bench
        .sluice(&["run", "job.yaml"])
        .environment("SLUICE_REFRESH_TOKEN", "first")
        .run()
        .expect_code(4);
    assert!(
        ended.stderr.contains("names 127.0.0.1:") && ended.stderr.contains("*.my.example.com"),
        "{}",
        ended.stderr
    );
    let books = books.lock().expect("not poisoned");
    assert!(books.strangers.is_empty() && books.written.is_empty());
}
