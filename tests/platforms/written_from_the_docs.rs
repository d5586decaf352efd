//! The connector of docs/connectors.md, taken off the page, against a strict
//! stand-in of its platform.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::stand_in::{Asked, stand_in};
use super::{bench_of, counts};

const TOKEN: &str = "pat-na1-0000";

/// The first YAML block of the page that is a whole connector.
fn connector_of_the_page() -> String {
    let page = std::fs::read_to_string("docs/connectors.md").expect("the page");
    let block = page
        .split("```yaml\n")
        .find(|block| block.starts_with("name: "));
    let block = block.expect("a whole connector").split("```").next();
    block.expect("its end").to_owned()
}

/// What the platform has, and what it was asked.
#[derive(Default)]
struct Books {
    /// The properties of contacts, by their addresses.
    contacts: BTreeMap<String, Value>,
    asked: Vec<String>,
}

impl Books {
    /// The contact as replies show it.
    fn shown(&self, address: &str) -> Value {
        json!({
            "id": id_of(address),
            "properties": self.contacts[address],
            "createdAt": "2026-01-05T10:00:00.000Z",
            "archived": false,
        })
    }

    fn asked_for(&self, request: &str) -> usize {
        let asked = self.asked.iter();
        asked.filter(|asked| asked.starts_with(request)).count()
    }
}

/// The id of a contact, whose address has a number.
fn id_of(address: &str) -> String {
    let digits: String = address.chars().filter(char::is_ascii_digit).collect();
    format!("90{digits}")
}

fn refused(message: &str) -> (u16, Value) {
    (
        400,
        json!({"status": "error", "category": "VALIDATION_ERROR", "message": message}),
    )
}

/// The members of a body that has these and no others.
fn members(body: &[u8], known: &[&str]) -> Option<serde_json::Map<String, Value>> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
        return None;
    };
    let is_whole = body.len() == known.len() && body.keys().all(|name| known.contains(&&**name));
    is_whole.then_some(body)
}

type Contacts = Arc<Mutex<Books>>;

/// Takes the requests of the page as the platform's reference has them, and
/// nothing else.
fn platform() -> (String, Contacts) {
    let contacts = Contacts::default();
    let books = Arc::clone(&contacts);
    (stand_in(move |asked| answer(asked, &books)), contacts)
}

fn answer(asked: &Asked, books: &Contacts) -> (u16, Value) {
    let (method, target, body) = (asked.method.as_str(), &asked.target, &asked.body);
    let is_json = body.is_empty() || asked.header("content-type").starts_with("application/json");
    let answer = match (method, target.strip_prefix("/crm/v3/objects/contacts/")) {
        _ if asked.header("authorization") != format!("Bearer {TOKEN}") => (
            401,
            json!({"status": "error", "message": "Authentication credentials not found"}),
        ),
        (_, Some(_)) if !is_json => (415, json!({"status": "error", "message": "no JSON"})),
        ("POST", Some("batch/upsert")) => upsert(body, books),
        ("POST", Some("batch/read")) => read_many(body, books),
        ("POST", Some("batch/create")) => create(body, books),
        ("GET", Some(named)) => read_one(named, books),
        ("PATCH", Some(id)) => change(id, body, books),
        _ => (404, json!({"status": "error", "message": "not found"})),
    };
    let mut books = books.lock().expect("not poisoned");
    books.asked.push(format!("{method} {target}"));
    answer
}

/// 1 to 100 inputs, each with these members and no others.
fn inputs(body: &Value, known: &[&str]) -> Option<Vec<Value>> {
    let inputs = body.as_array()?;
    let is_whole = |input: &Value| members(input.to_string().as_bytes(), known).is_some();
    let is_right = (1..=100).contains(&inputs.len()) && inputs.iter().all(is_whole);
    is_right.then(|| inputs.clone())
}

fn upsert(body: &[u8], books: &Contacts) -> (u16, Value) {
    let Some(body) = members(body, &["inputs"]) else {
        return refused("inputs and nothing else");
    };
    let known = ["id", "idProperty", "properties", "objectWriteTraceId"];
    let Some(inputs) = inputs(&body["inputs"], &known) else {
        return refused("1 to 100 inputs, each whole");
    };
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    let mut books = books.lock().expect("not poisoned");
    // The last first: nobody may count on the order.
    for input in inputs.iter().rev() {
        let (Some(id), Some(trace)) = (input["id"].as_str(), input["objectWriteTraceId"].as_str())
        else {
            return refused("id and objectWriteTraceId are texts");
        };
        if input["idProperty"] != "email" || !input["properties"].is_object() {
            return refused("a wrong input");
        }
        if input["properties"]["company"] == "Refused" {
            errors.push(json!({"status": "error", "category": "VALIDATION_ERROR", "message": "the company is not wanted", "context": {"objectWriteTraceId": [trace]}}));
            continue;
        }
        let is_new = books
            .contacts
            .insert(id.to_owned(), input["properties"].clone())
            .is_none();
        results.push(json!({"id": id_of(id), "properties": input["properties"], "new": is_new, "objectWriteTraceId": trace}));
    }
    told(&errors, 200, &results)
}

/// A batch's reply.
fn told(errors: &[Value], status: u16, results: &[Value]) -> (u16, Value) {
    let mut reply = json!({"status": "COMPLETE", "results": results});
    if errors.is_empty() {
        return (status, reply);
    }
    reply["numErrors"] = errors.len().into();
    reply["errors"] = errors.into();
    (207, reply)
}

fn read_many(body: &[u8], books: &Contacts) -> (u16, Value) {
    let Some(body) = members(body, &["inputs", "idProperty", "properties"]) else {
        return refused("inputs, idProperty and properties");
    };
    let Some(inputs) = inputs(&body["inputs"], &["id"]) else {
        return refused("1 to 100 inputs, each an id");
    };
    if body["idProperty"] != "email" || !body["properties"].is_array() {
        return refused("idProperty and properties");
    }
    let books = books.lock().expect("not poisoned");
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for input in inputs.iter().rev() {
        match input["id"].as_str() {
            Some(id) if books.contacts.contains_key(id) => results.push(books.shown(id)),
            Some(id) => missing.push(id),
            None => return refused("an id is a text"),
        }
    }
    let errors = match missing.is_empty() {
        true => Vec::new(),
        false => vec![
            json!({"status": "error", "category": "OBJECT_NOT_FOUND", "message": "some contacts weren't found", "context": {"ids": missing}}),
        ],
    };
    told(&errors, 200, &results)
}

/// One contact by its address, as the path and the query name it.
fn read_one(named: &str, books: &Contacts) -> (u16, Value) {
    let Some((address, query)) = named.split_once('?') else {
        return refused("idProperty");
    };
    if !query.starts_with("idProperty=email&properties=email,") {
        return refused("idProperty and properties");
    }
    let address = address.replace("%40", "@");
    let books = books.lock().expect("not poisoned");
    match books.contacts.contains_key(&address) {
        true => (200, books.shown(&address)),
        false => (
            404,
            json!({"status": "error", "category": "OBJECT_NOT_FOUND", "message": "no such contact"}),
        ),
    }
}

fn create(body: &[u8], books: &Contacts) -> (u16, Value) {
    let Some(body) = members(body, &["inputs"]) else {
        return refused("inputs and nothing else");
    };
    let Some(inputs) = inputs(&body["inputs"], &["properties", "objectWriteTraceId"]) else {
        return refused("1 to 100 inputs, each whole");
    };
    let mut books = books.lock().expect("not poisoned");
    let address_of = |input: &Value| input["properties"]["email"].as_str().map(str::to_owned);
    let Some(addresses) = inputs.iter().map(address_of).collect::<Option<Vec<_>>>() else {
        return refused("an address is needed");
    };
    if addresses
        .iter()
        .any(|address| books.contacts.contains_key(address))
    {
        return (
            409,
            json!({"status": "error", "category": "CONFLICT", "message": "Contact already exists"}),
        );
    }
    let mut results = Vec::new();
    for (input, address) in inputs.iter().zip(&addresses).rev() {
        books
            .contacts
            .insert(address.clone(), input["properties"].clone());
        let mut result = books.shown(address);
        result["objectWriteTraceId"] = input["objectWriteTraceId"].clone();
        results.push(result);
    }
    told(&[], 201, &results)
}

fn change(id: &str, body: &[u8], books: &Contacts) -> (u16, Value) {
    let properties = members(body, &["properties"]).map(|mut body| body["properties"].take());
    let Some(Value::Object(properties)) = properties else {
        return refused("properties and nothing else");
    };
    let mut books = books.lock().expect("not poisoned");
    let Some(address) = books.contacts.keys().find(|key| id_of(key) == id).cloned() else {
        return (
            404,
            json!({"status": "error", "category": "OBJECT_NOT_FOUND", "message": "no such contact"}),
        );
    };
    for (name, value) in properties {
        books.contacts.get_mut(&address).expect("just found")[name] = value;
    }
    (200, books.shown(&address))
}

#[test]
fn the_connector_on_the_page_is_right_and_loads_rows() {
    let bench = bench_of("./hubspot.yaml", "");
    bench.write("hubspot.yaml", connector_of_the_page());
    bench
        .bare(&["connectors", "check", "hubspot.yaml"])
        .run()
        .expect_code(0);
    let (url, contacts) = platform();
    let mut text = String::from("id,firstname,company,lifecyclestage\n");
    for number in 1..=250 {
        let company = if number % 5 == 0 { "Refused" } else { "Acme" };
        text.push_str(&format!("p.{number}@example.com,Ann,{company},lead\n"));
    }
    text.push_str("p.251@example.com,Ann,Acme,stranger\n");
    bench.write("contacts.csv", text);
    let base_url = format!("base_url={url}");
    let run = || {
        bench
            .bare(&[
                "run",
                "contacts.csv",
                "--to",
                "./hubspot.yaml",
                "--set",
                &base_url,
                "--output",
                "json",
            ])
            .environment("SLUICE_CLIENT_SECRET", TOKEN)
            .run()
            .expect_code(1)
    };
    let first = counts(&run());
    assert_eq!(
        (&first["created"], &first["rejected"]),
        (&json!(200), &json!(51))
    );
    let second = counts(&run());
    assert_eq!(
        (&second["updated"], &second["rejected"]),
        (&json!(200), &json!(51))
    );
    let books = contacts.lock().expect("not poisoned");
    assert_eq!(books.contacts.len(), 200);
    assert_eq!(
        books.contacts["p.7@example.com"],
        json!({"firstname": "Ann", "company": "Acme", "lifecyclestage": "lead"})
    );
}

#[test]
fn its_contacts_are_looked_up_a_hundred_at_a_time_made_changed_and_verified() {
    let bench = bench_of("./hubspot.yaml", "");
    bench.write("hubspot.yaml", connector_of_the_page());
    let (url, contacts) = platform();
    let base_url = format!("base_url={url}");
    let load = |count: u64, nth: u64| {
        let mut text = String::from("email,firstname,company\n");
        for number in 1..=count {
            let name = if number % nth == 0 { "Anna" } else { "Ann" };
            text.push_str(&format!("p.{number}@example.com,{name},Acme\n"));
        }
        bench.write("contacts.csv", text);
        let arguments = [
            "run",
            "contacts.csv",
            "--to",
            "./hubspot.yaml",
            "--operation",
            "by_look_up",
            "--set",
            &base_url,
            "--output",
            "json",
        ];
        let run = bench
            .bare(&arguments)
            .environment("SLUICE_CLIENT_SECRET", TOKEN);
        counts(&run.run().expect_code(0))
    };
    let asked = |request: &str| contacts.lock().expect("not poisoned").asked_for(request);
    assert_eq!(load(1_000, 2_000)["created"], 1_000);
    let (read, made) = (
        asked("POST /crm/v3/objects/contacts/batch/read"),
        asked("POST /crm/v3/objects/contacts/batch/create"),
    );
    assert!(
        (10..=13).contains(&read) && made <= 13,
        "{read} read, {made} made"
    );
    assert_eq!(asked("GET "), 0, "none was looked up by itself");
    let again = load(1_100, 100);
    assert_eq!(
        (&again["unchanged"], &again["updated"], &again["created"]),
        (&json!(990), &json!(10), &json!(100))
    );
    assert_eq!(asked("PATCH "), 10);
    let verified = bench
        .bare(&["verify", "--output", "json"])
        .environment("SLUICE_CLIENT_SECRET", TOKEN)
        .run();
    let verified = verified.expect_code(0).json();
    assert_eq!(verified["rows"]["same"], 1_100);
    let books = contacts.lock().expect("not poisoned");
    assert_eq!(books.contacts["p.100@example.com"]["firstname"], "Anna");
    assert_eq!(books.contacts["p.7@example.com"]["company"], "Acme");
}
