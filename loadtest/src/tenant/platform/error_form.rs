//! How each platform words what it refuses.

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::api::Api;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::stable_hash::stable_hash;

/// Why a request, or one record of it, is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The field at fault, where it is one.
    pub(crate) field: Option<String>,
}

impl Flaw {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Flaw {
            status,
            code,
            message: message.into(),
            field: None,
        }
    }

    /// A field that isn't as it should be.
    pub(crate) fn of_field(
        code: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Flaw {
            field: Some(field.into()),
            ..Flaw::new(400, code, message)
        }
    }

    /// As a whole reply.
    pub(crate) fn reply(&self, api: Api) -> Response<ReplyBody> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        reply::json(status, &self.body(api))
    }

    /// As an error body.
    pub(crate) fn body(&self, api: Api) -> Value {
        match api {
            Api::Contacts => {
                json!({ "error": self.code, "message": self.message, "status": self.status })
            }
            Api::GenesysContacts | Api::GenesysCloud => self.genesys(),
            Api::Cxone => json!({ "error": self.code, "error_description": self.message }),
        }
    }

    fn genesys(&self) -> Value {
        let details: Vec<Value> = self
            .field
            .iter()
            .map(|field| {
                json!({ "errorCode": self.code, "fieldName": field, "entityId": null, "entityName": null })
            })
            .collect();
        json!({
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageWithParams": self.message,
            "messageParams": {},
            "contextId": uuid("context", self.message.as_bytes()),
            "details": details,
            "errors": [],
        })
    }

    /// As the digital part of CXone has it: a list of fields.
    pub(crate) fn digital(&self) -> Response<ReplyBody> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({
            "errors": [{
                "field": self.field,
                "message": self.message,
                "parameters": {},
                "errorCode": self.code,
            }],
            "uid": uuid("uid", self.message.as_bytes()),
        });
        reply::json(status, &body)
    }
}

/// The body of a refusal at the door, with the guides' code for it.
pub(crate) fn refusal(api: Api, status: u16, code: &str, message: &str) -> Value {
    let of_platform = match (api, status) {
        (Api::Contacts | Api::Cxone, _) => {
            let flaw = Flaw::new(status, "", message);
            let mut body = flaw.body(api);
            body["error"] = Value::from(code);
            return body;
        }
        (_, 401) => "bad.credentials",
        _ => "missing.permissions",
    };
    Flaw::new(status, of_platform, message).genesys()
}

/// The body of a refusal over a limit, in the platform's form. `body` is what all styles share.
pub(crate) fn over_limit(api: Api, body: Value) -> Value {
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    match api {
        Api::Contacts => body,
        Api::GenesysContacts | Api::GenesysCloud => {
            let status = body["status"].as_u64().unwrap_or(429) as u16;
            let code = match status {
                503 => "service.unavailable",
                _ if body["code"] == "too.many.requests.retry.after" => {
                    "too.many.requests.retry.after"
                }
                _ => "too.many.requests",
            };
            let mut whole = Flaw::new(status, code, message).genesys();
            let limit: Option<&Map<String, Value>> = body["limit"].as_object();
            if let Some(limit) = limit {
                whole["limit"] = Value::Object(limit.clone());
            }
            whole
        }
        // The key stays, so that a test can tell which limit was met; the platform itself names none.
        Api::Cxone => {
            let mut whole = json!({ "error": body["error"], "error_description": message });
            if body["limit"].is_object() {
                whole["limit"] = body["limit"].clone();
            }
            whole
        }
    }
}

/// An id of the form of a UUID that hangs on its seed alone.
pub(crate) fn uuid(salt: &str, seed: &[u8]) -> String {
    let (high, low) = (
        stable_hash(salt, seed),
        stable_hash("the other half", &stable_hash(salt, seed).to_le_bytes()),
    );
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
