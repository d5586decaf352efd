//! A client over a plain socket, so that a test sees exactly what the tenant sends.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use loadtest::tenant::{RunningTenant, Scenario, Tenant};
use serde_json::Value;

/// `demo:demo-secret`, the default client.
pub(crate) const BASIC: &str = "Authorization: Basic ZGVtbzpkZW1vLXNlY3JldA==";
pub(crate) const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "Content-Type: application/json";

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// One connection, with the token it was given last.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) token: String,
}

/// Starts a tenant from YAML.
pub(crate) fn tenant(yaml: &str) -> RunningTenant {
    let scenario = Scenario::from_yaml(yaml, "test").expect("a scenario");
    Tenant::start(scenario).expect("a tenant")
}

/// Starts a tenant and a client that has a token.
pub(crate) fn tenant_and_client(yaml: &str) -> (RunningTenant, Client) {
    let tenant = tenant(yaml);
    let mut client = Client::connect(&tenant);
    client.log_in();
    (tenant, client)
}

impl Client {
    pub(crate) fn connect(tenant: &RunningTenant) -> Self {
        let stream = TcpStream::connect(tenant.addr()).expect("the tenant listens");
        // A test that hangs should fail and say where.
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Client {
            stream,
            token: String::new(),
        }
    }

    pub(crate) fn send(&mut self, line: &str, headers: &[&str], body: &str) {
        let mut request = format!(
            "{line} HTTP/1.1\r\nHost: tenant\r\nContent-Length: {}\r\n",
            body.len()
        );
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.stream
            .write_all(request.as_bytes())
            .expect("the tenant reads");
    }

    /// Everything up to the end of the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }

    pub(crate) fn receive(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = self.stream.read(&mut byte).expect("a reply in time");
            assert_eq!(
                read,
                1,
                "the connection ended within {:?}",
                String::from_utf8_lossy(&head)
            );
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("an ASCII head");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a status line");
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status: status.parse().expect("a number"),
            headers,
            body: Vec::new(),
        };
        let length = reply
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        reply.body.resize(length, 0);
        self.stream
            .read_exact(&mut reply.body)
            .expect("the whole body");
        reply
    }

    pub(crate) fn call(&mut self, line: &str, headers: &[&str], body: &str) -> Reply {
        self.send(line, headers, body);
        self.receive()
    }

    pub(crate) fn ask_token(&mut self, headers: &[&str], form: &str) -> Reply {
        self.call("POST /oauth/token", headers, form)
    }

    pub(crate) fn log_in(&mut self) {
        let reply = self.ask_token(&[BASIC, FORM], "grant_type=client_credentials");
        assert_eq!(reply.status, 200, "{reply:?}");
        self.token = reply.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
    }

    pub(crate) fn send_patch(&mut self, id: &str, body: &str) {
        let bearer = format!("Authorization: Bearer {}", self.token);
        self.send(
            &format!("PATCH /api/v2/contacts/{id}"),
            &[&bearer, JSON],
            body,
        );
    }

    pub(crate) fn patch(&mut self, id: &str, body: &str) -> Reply {
        self.send_patch(id, body);
        self.receive()
    }

    pub(crate) fn get(&mut self, id: &str) -> Reply {
        let bearer = format!("Authorization: Bearer {}", self.token);
        self.call(&format!("GET /api/v2/contacts/{id}"), &[&bearer], "")
    }
}
