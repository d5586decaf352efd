//! The connector of docs/connectors.md, taken off the page, against a strict
//! stand-in of its platform.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

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

type Contacts = Arc<Mutex<BTreeMap<String, Value>>>;

/// Takes batch upserts as the platform's reference has them, and nothing else.
fn stand_in() -> (String, Contacts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let contacts = Contacts::default();
    let books = Arc::clone(&contacts);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let books = Arc::clone(&books);
            std::thread::spawn(move || serve(stream, &books));
        }
    });
    (url, contacts)
}

/// Answers one connection until the client closes it.
fn serve(stream: TcpStream, books: &Contacts) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            let line = head.iter().find_map(|line| {
                line.split_once(": ")
                    .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            });
            line.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let (status, reply) = match head.first().map(String::as_str) {
            _ if header("authorization") != format!("Bearer {TOKEN}") => (
                401,
                json!({"status": "error", "message": "Authentication credentials not found"}),
            ),
            Some("POST /crm/v3/objects/contacts/batch/upsert HTTP/1.1")
                if header("content-type").starts_with("application/json") =>
            {
                upsert(&body, books)
            }
            _ => (404, json!({"status": "error", "message": "not found"})),
        };
        let reply = reply.to_string();
        let text = format!(
            "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{reply}",
            reply.len()
        );
        writer.write_all(text.as_bytes()).ok()?;
    }
}

fn upsert(body: &[u8], books: &Contacts) -> (u16, Value) {
    let refused = |message: &str| (400, json!({"status": "error", "message": message}));
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
        return refused("not an object");
    };
    let Some(inputs) = body
        .get("inputs")
        .and_then(Value::as_array)
        .filter(|_| body.len() == 1)
    else {
        return refused("inputs and nothing else");
    };
    if inputs.is_empty() || inputs.len() > 100 {
        return refused("1 to 100 inputs");
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    let mut books = books.lock().expect("not poisoned");
    // The last first: nobody may count on the order.
    for input in inputs.iter().rev() {
        let known = ["id", "idProperty", "properties", "objectWriteTraceId"];
        let is_whole = input.as_object().is_some_and(|input| {
            input.len() == known.len() && input.keys().all(|name| known.contains(&name.as_str()))
        });
        let (Some(id), Some(trace)) = (input["id"].as_str(), input["objectWriteTraceId"].as_str())
        else {
            return refused("id and objectWriteTraceId are texts");
        };
        if !is_whole || input["idProperty"] != "email" || !input["properties"].is_object() {
            return refused("a wrong input");
        }
        if input["properties"]["company"] == "Refused" {
            errors.push(json!({"status": "error", "category": "VALIDATION_ERROR", "message": "the company is not wanted", "context": {"objectWriteTraceId": [trace]}}));
            continue;
        }
        let is_new = books
            .insert(id.to_owned(), input["properties"].clone())
            .is_none();
        results.push(json!({"id": format!("9{}", id.len()), "properties": input["properties"], "new": is_new, "objectWriteTraceId": trace}));
    }
    let status = if errors.is_empty() { 200 } else { 207 };
    (
        status,
        json!({"status": "COMPLETE", "results": results, "errors": errors}),
    )
}

#[test]
fn the_connector_on_the_page_is_right_and_loads_rows() {
    let bench = bench_of("./hubspot.yaml", "");
    bench.write("hubspot.yaml", connector_of_the_page());
    bench
        .bare(&["connectors", "check", "hubspot.yaml"])
        .run()
        .expect_code(0);
    let (url, contacts) = stand_in();
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
    let contacts = contacts.lock().expect("not poisoned");
    assert_eq!(contacts.len(), 200);
    assert_eq!(
        contacts["p.7@example.com"],
        json!({"firstname": "Ann", "company": "Acme", "lifecyclestage": "lead"})
    );
}
