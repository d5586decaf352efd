//! The simulated tenant's counter: one request at a time, over a plain socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use loadtest::tenant::{RunningTenant, Scenario, Tenant};

/// More requests than any of these loads needs; a loop would need more.
const MOST_REQUESTS: usize = 2_000;

/// A whole reply.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A tenant, and a token for it.
pub struct Desk {
    pub tenant: RunningTenant,
    token: String,
    pub requests: usize,
}

impl Desk {
    pub fn new(yaml: &str) -> Self {
        let scenario = Scenario::from_yaml(yaml, "the test's scenario").expect("a scenario");
        let mut desk = Self {
            tenant: Tenant::start(scenario).expect("the tenant starts"),
            token: String::new(),
            requests: 0,
        };
        let form = "grant_type=client_credentials&client_id=demo&client_secret=demo-secret";
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let reply = desk.send("POST /oauth/token", kind, form.as_bytes());
        let body = reply.expect("a reply").body;
        let grant: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        desk.token = grant["access_token"].as_str().expect("a token").to_owned();
        desk
    }

    pub fn call(&mut self, method: &str, path: &[u8], body: &[u8]) -> Option<Answer> {
        let line = format!("{method} {}", String::from_utf8_lossy(path));
        let headers = format!(
            "Content-Type: application/json\r\nAuthorization: Bearer {}\r\n",
            self.token
        );
        self.send(&line, &headers, body)
    }

    /// One request on a connection of its own; `None` where it ends without a
    /// whole reply.
    fn send(&mut self, line: &str, headers: &str, body: &[u8]) -> Option<Answer> {
        self.requests += 1;
        assert!(
            self.requests < MOST_REQUESTS,
            "the load doesn't come to an end"
        );
        let mut stream = TcpStream::connect(self.tenant.addr()).expect("the tenant listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let mut request = format!(
            "{line} HTTP/1.1\r\nHost: tenant\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request).expect("the tenant reads");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).ok()?;
        let end = reply.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = reply[end + 4..].to_vec();
        (body.len() == length).then_some(Answer { status, body })
    }
}
