//! Each platform's API, rule by rule, over real sockets: what it takes, and that it refuses everything else.

#[path = "platforms/cxone.rs"]
mod cxone;
#[path = "platforms/genesys_cloud.rs"]
mod genesys_cloud;
#[path = "platforms/guide_b.rs"]
mod guide_b;
mod support;

use serde_json::Value;
use support::{Client, JSON, Reply};

fn call(client: &mut Client, line: &str, body: &Value) -> Reply {
    let bearer = format!("Authorization: Bearer {}", client.token);
    let text = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    client.call(line, &[&bearer, JSON, "Accept: application/json"], &text)
}
